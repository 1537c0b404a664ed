//! `export`: messages become mail files.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use mapistore::{Access, EntryId, Message, Store, mime, pr};

use crate::args::Global;
use crate::commands::several::{Outcome, tell};
use crate::exit::{self, Exit, wrong};
use crate::file_names;
use crate::json::ExportedObject;
use crate::names::{self, Prefix};
use crate::output::{Format, Output};

/// Write messages as mail files
///
/// A single message goes to stdout unless --output or --to says otherwise. With --to, each file gets the message's
/// subject as its name, made harmless; no file is replaced. Prints the files. `Bcc` recipients stand in the mail.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore export 3f2a > figures.eml
  mapistore export 3f2a --output figures.eml
  mapistore export 3f2a 77b0 --format eml --to mails")]
pub(crate) struct Export {
    /// The messages
    #[arg(value_name = "ENTRY", required = true)]
    entries: Vec<String>,
    /// The format of the files
    #[arg(long, value_enum, default_value = "eml")]
    format: FileFormat,
    /// The folder that the files go to; it is made if it is missing
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    to: Option<PathBuf>,
    /// The file that a single message goes to; it must not be there yet
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FileFormat {
    /// Internet mail: RFC 5322 and MIME
    Eml,
}

/// A file that was written.
struct Exported {
    entry: EntryId,
    path: PathBuf,
}

impl Export {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        if self.to.is_none() && self.entries.len() > 1 {
            return Err(wrong("several messages need several files: say --to DIR"));
        }
        if self.to.is_none() && self.output.is_none() {
            return self.to_stdout(global, output);
        }
        let store = global.open_to_read()?;
        if let Some(folder) = &self.to {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("making the folder {}", folder.display()))?;
        }
        let export = |name: &String| (name.clone(), self.to_file(&store, name));
        let outcomes = self.entries.iter().map(export).collect();
        let line = |exported: &Exported| exported.path.display().to_string();
        tell(outcomes, output, line, |_, outcome| object(outcome))
    }

    fn to_stdout(&self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        if output.format() == Format::Json {
            return Err(wrong("a mail is no JSON: say --output FILE or --to DIR"));
        }
        // A mail may hold anything, and a terminal would act on it.
        if io::stdout().is_terminal() {
            return Err(wrong(
                "the mail would go to the terminal: say --output FILE or --to DIR, or `show` to read it",
            ));
        }
        let store = global.open_to_read()?;
        for name in &self.entries {
            let (_, message) = open(&store, name)?;
            self.format.write(&message, output.raw())?;
        }
        Ok(Exit::Done)
    }

    fn to_file(&self, store: &Store, name: &str) -> anyhow::Result<Exported> {
        let (entry, message) = open(store, name)?;
        let path = match (&self.to, &self.output) {
            (Some(folder), _) => self.to_new_file_in(folder, &message)?,
            (None, Some(path)) => self.to_new_file(path, &message)?,
            (None, None) => return Err(wrong("no file is named")),
        };
        Ok(Exported { entry, path })
    }

    fn to_new_file_in(&self, folder: &Path, message: &Message) -> anyhow::Result<PathBuf> {
        let subject = message.get(pr::SUBJECT)?.unwrap_or_default();
        let name = file_names::with_extension(&subject, "message", "eml");
        let write = |file: &mut _| self.format.write(message, file);
        Ok(file_names::write_new(folder, &name, write)?.0)
    }

    fn to_new_file(&self, path: &Path, message: &Message) -> anyhow::Result<PathBuf> {
        let making = || format!("making {}", path.display());
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)
            .with_context(making)?;
        file_names::write_whole(path, &mut file, |file| self.format.write(message, file))?;
        Ok(path.to_owned())
    }
}

impl FileFormat {
    fn write(self, message: &Message, writer: &mut impl Write) -> anyhow::Result<()> {
        let mut writer = BufWriter::new(writer);
        match self {
            FileFormat::Eml => mime::export(message, &mut writer)?,
        }
        Ok(writer.flush()?)
    }
}

fn open(store: &Store, name: &str) -> anyhow::Result<(EntryId, Message)> {
    let entry = names::entry(store, name, Prefix::Four)?;
    let message = store.open_message_or_deleted(&entry, Access::ReadOnly)?;
    Ok((entry, message))
}

fn object((name, result): &Outcome<Exported>) -> ExportedObject {
    let failure = result.as_ref().err().map(exit::object_of);
    let exported = result.as_ref().ok();
    ExportedObject {
        entry_id: exported.map_or_else(|| name.clone(), |done| done.entry.object().to_string()),
        path: exported.map(|exported| exported.path.display().to_string()),
        error: failure.as_ref().map(|failure| failure.error),
        message: failure.map(|failure| failure.message),
    }
}
