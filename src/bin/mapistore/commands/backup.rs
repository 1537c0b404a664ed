//! `backup`: a copy of the whole store.

use std::path::PathBuf;

use clap::Args;
use indicatif::HumanBytes;
use mapistore::BackupIdentity;

use crate::args::Global;
use crate::exit::Exit;
use crate::json::BackupObject;
use crate::output::{Format, Output};
use crate::progress::with_bar;

/// Copy the store to a new file, while others use it
///
/// The copy has one committed state, with journal and kept versions, and takes its name when it is whole. An existing
/// file is refused and left as it is. Unless --keep-identity is given the copy is a store of its own: whole entry ids
/// of 72 digits differ, the 32 digits of each entry do not.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore backup copy.store
  mapistore backup --keep-identity monday.store
  mapistore --store copy.store check")]
pub(crate) struct Backup {
    /// The new file
    dest: PathBuf,
    /// For a copy that is to take the store's place: entry ids stay good; never write both
    #[arg(long)]
    keep_identity: bool,
}

impl Backup {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let store = global.open_to_read()?;
        let identity = if self.keep_identity {
            BackupIdentity::Kept
        } else {
            BackupIdentity::New
        };
        let backup = with_bar("copying", |progress| {
            store.backup(&self.dest, identity, progress)
        })?;
        let path = self.dest.display().to_string();
        match output.format() {
            Format::Json => output.json(&BackupObject {
                path,
                store_uid: backup.store_uid,
                newest_change: backup.newest_change,
                size: backup.size,
            })?,
            Format::People => output.line(&format!(
                "{path}: {}, up to change {}",
                HumanBytes(backup.size),
                backup.newest_change
            ))?,
        }
        Ok(Exit::Done)
    }
}
