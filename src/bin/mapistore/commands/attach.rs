//! `attach`: files become attachments of a message.

use std::fs::File;
use std::io::{self, Seek};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use mapistore::{Access, MediaType, Message, PropertyTag, SaveFlags, pr};

use crate::args::Global;
use crate::commands::saving::{Change, Saving};
use crate::exit::{Exit, wrong};
use crate::names::{self, Prefix};
use crate::output::Output;

/// Attach files and other messages to a message
///
/// All of them are attached in one save, or none.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore attach 3f2a figures.csv notes.txt
  mapistore attach 3f2a /tmp/x7f3 --name figures.csv --mime-type text/csv
  mapistore attach 3f2a --message 77b0
  mapistore attach 3f2a figures.csv --base 4 --on-conflict merge")]
pub(crate) struct Attach {
    /// The message
    entry: String,
    /// The files
    #[arg(value_name = "FILE", required_unless_present = "messages")]
    files: Vec<PathBuf>,
    /// Attach the file under this name instead of its own
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What the files hold, such as text/csv
    #[arg(long, value_name = "TYPE")]
    mime_type: Option<MediaType>,
    /// Attach a copy of another message of the store; may be repeated
    #[arg(long = "message", value_name = "ENTRY")]
    messages: Vec<String>,
    #[command(flatten)]
    saving: Saving,
}

impl Attach {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        if self.name.is_some() && self.files.len() != 1 {
            return Err(wrong("--name is for one file"));
        }
        let mut files = Vec::with_capacity(self.files.len());
        for path in &self.files {
            let mut file = FileToAttach::open(path)?;
            file.mime_type.clone_from(&self.mime_type);
            if let Some(name) = &self.name {
                file.name.clone_from(name);
            }
            files.push(file);
        }
        let store = global.open()?;
        let entry = names::entry(&store, &self.entry, Prefix::Four)?;
        let mut messages = Vec::with_capacity(self.messages.len());
        for name in &self.messages {
            let other = names::entry(&store, name, Prefix::Four)?;
            messages.push(store.open_message(&other, Access::ReadOnly)?);
        }
        let mut attachments = NewAttachments { files, messages };
        self.saving.change(&store, &entry, &mut attachments, output)
    }
}

struct NewAttachments {
    files: Vec<FileToAttach>,
    messages: Vec<Message>,
}

impl Change for NewAttachments {
    fn apply(&mut self, message: &mut Message) -> anyhow::Result<()> {
        for file in &mut self.files {
            file.attach(message)?;
        }
        for other in &self.messages {
            message.attach_message(other)?;
        }
        Ok(())
    }

    /// A new attachment goes beside whatever others attached.
    fn depends_on(&self, _: PropertyTag) -> bool {
        false
    }
}

/// A file that is attached, perhaps more than once: again on a newer version.
#[derive(Debug)]
pub(crate) struct FileToAttach {
    path: PathBuf,
    name: String,
    mime_type: Option<MediaType>,
    data: File,
}

impl FileToAttach {
    /// Opens a file. What can be read only once, such as a pipe, is copied to a temporary file.
    pub(crate) fn open(path: &Path) -> anyhow::Result<FileToAttach> {
        let attaching = || attaching(path);
        let name = path.file_name().with_context(attaching)?;
        let mut data = File::open(path).with_context(attaching)?;
        if !data.metadata().with_context(attaching)?.is_file() {
            let mut copy = tempfile::tempfile().with_context(attaching)?;
            io::copy(&mut data, &mut copy).with_context(attaching)?;
            data = copy;
        }
        Ok(FileToAttach {
            path: path.to_owned(),
            name: name.to_string_lossy().into_owned(),
            mime_type: None,
            data,
        })
    }

    /// Attaches the file, as a pending change.
    pub(crate) fn attach(&mut self, message: &mut Message) -> anyhow::Result<()> {
        let attaching = || attaching(&self.path);
        self.data.rewind().with_context(attaching)?;
        let number = message
            .attach(self.name.as_str(), &self.data)
            .with_context(attaching)?;
        if let Some(mime_type) = &self.mime_type {
            let mut attachment = message.open_attachment(number)?;
            attachment.set(pr::ATTACH_MIME_TAG, mime_type.as_str())?;
            attachment.save_changes(SaveFlags::empty())?;
        }
        Ok(())
    }
}

fn attaching(path: &Path) -> String {
    format!("attaching {}", path.display())
}
