//! `move`: moves messages to another folder.

use clap::Args;

use crate::args::Global;
use crate::commands::several::do_to_entries;
use crate::exit::Exit;
use crate::names::Prefix;
use crate::output::Output;

/// Move messages to a folder
///
/// A move makes no new version, and nobody who has the message open notices.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore move 3f2a 77b0 'Sent Items/2026'
  mapistore move 3f2a 'Deleted Items'")]
pub(crate) struct Move {
    /// The messages
    #[arg(required = true, value_name = "ENTRY")]
    entries: Vec<String>,
    /// Path of the folder that they go to
    folder: String,
}

impl Move {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let store = global.open()?;
        let folder = store.folder_by_path(&self.folder)?;
        let done = format!("moved to {}", folder.info()?.path);
        do_to_entries(
            &store,
            &self.entries,
            Prefix::Four,
            output,
            &done,
            |entries| store.move_messages(entries, &folder),
        )
    }
}
