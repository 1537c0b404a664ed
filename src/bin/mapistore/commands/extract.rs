//! `extract`: attachments become files.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error};
use clap::Args;
use mapistore::{
    Access, AttachMethod, AttachmentInfo, AttachmentNumber, Message, ObjectKind, mime,
};

use crate::args::Global;
use crate::commands::detach::attachment_numbers;
use crate::commands::several::tell;
use crate::exit::{self, Exit};
use crate::file_names;
use crate::json::ExtractedObject;
use crate::names::{self, Prefix};
use crate::output::Output;

/// Write attachments of a message to files
///
/// All attachments, unless some are named. A file gets the attachment's name, made harmless: it can neither leave the
/// folder nor replace a file that is there; where the name is taken, a number is added. An attached message becomes a
/// mail file. Prints the files.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore extract 3f2a --to Downloads
  mapistore extract 3f2a 0 2 --to .")]
pub(crate) struct Extract {
    /// The message
    entry: String,
    /// The attachments
    #[arg(value_name = "NUMBER")]
    numbers: Vec<u32>,
    /// The folder that the files go to; it is made if it is missing
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

/// A file that was written.
struct Extracted {
    path: PathBuf,
    size: u64,
}

impl Extract {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let numbers = attachment_numbers(&self.numbers)?;
        let store = global.open_to_read()?;
        let entry = names::entry(&store, &self.entry, Prefix::Four)?;
        let message = store.open_message_or_deleted(&entry, Access::ReadOnly)?;
        let wanted = wanted(&message, &numbers)?;
        std::fs::create_dir_all(&self.to)
            .with_context(|| format!("making the folder {}", self.to.display()))?;
        let extract = |info: &AttachmentInfo| {
            let outcome = extract(&message, info, &self.to);
            (info.number.0.to_string(), outcome)
        };
        let outcomes = wanted.iter().map(extract).collect();
        let line = |extracted: &Extracted| extracted.path.display().to_string();
        tell(outcomes, output, line, |index, (_, result)| {
            object(wanted.get(index), result)
        })
    }
}

/// The attachments that were named, or all.
fn wanted(message: &Message, numbers: &[AttachmentNumber]) -> anyhow::Result<Vec<AttachmentInfo>> {
    let all = message.attachments()?;
    if numbers.is_empty() {
        return Ok(all);
    }
    let find = |number: &AttachmentNumber| {
        let found = all.iter().find(|info| info.number == *number).cloned();
        found.ok_or_else(|| {
            let (kind, what) = (ObjectKind::Attachment, number.0.to_string());
            Error::from(mapistore::Error::NotFound { kind, what })
        })
    };
    numbers.iter().map(find).collect()
}

fn extract(message: &Message, info: &AttachmentInfo, folder: &Path) -> anyhow::Result<Extracted> {
    let extracting = || format!("extracting attachment {}", info.number.0);
    let name = info.name.as_deref().unwrap_or_default();
    let fallback = format!("attachment-{}", info.number.0);
    let written = if info.method == AttachMethod::EmbeddedMessage && info.data.is_none() {
        let embedded = message
            .open_attached_message(info.number)
            .with_context(extracting)?;
        let name = file_names::with_extension(name, &fallback, "eml");
        file_names::write_new(folder, &name, |file| {
            mime::export(&embedded, &mut *file)?;
            Ok(file.metadata()?.len())
        })
    } else {
        let mut data = message
            .open_attachment_data(info.number)
            .with_context(extracting)?;
        let name = file_names::harmless(name, &fallback);
        file_names::write_new(folder, &name, |file| Ok(io::copy(&mut data, file)?))
    };
    let (path, size) = written.with_context(extracting)?;
    Ok(Extracted { path, size })
}

fn object(info: Option<&AttachmentInfo>, result: &Result<Extracted, Error>) -> ExtractedObject {
    let failure = result.as_ref().err().map(exit::object_of);
    let extracted = result.as_ref().ok();
    ExtractedObject {
        number: info.map(|info| info.number.0),
        name: info.and_then(|info| info.name.clone()),
        path: extracted.map(|extracted| extracted.path.display().to_string()),
        size: extracted.map(|extracted| extracted.size),
        error: failure.as_ref().map(|failure| failure.error),
        message: failure.map(|failure| failure.message),
    }
}
