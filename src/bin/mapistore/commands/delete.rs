//! `delete`: deletes messages.

use clap::Args;
use mapistore::Deletion;

use crate::args::Global;
use crate::commands::several::do_to_entries;
use crate::exit::Exit;
use crate::names::Prefix;
use crate::output::Output;

/// Delete messages
///
/// Softly, unless --hard: `show` still shows them. Clients that have one open get MAPI_E_OBJECT_DELETED when they
/// save it. To throw something away as people do, move it to 'Deleted Items'.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore delete 3f2a91c0
  mapistore delete 3f2a91c0 77b01d52 --hard
  mapistore move 3f2a91c0 'Deleted Items'")]
pub(crate) struct Delete {
    /// The messages, by 8 digits or more
    #[arg(required = true, value_name = "ENTRY")]
    entries: Vec<String>,
    /// For good
    #[arg(long)]
    hard: bool,
}

impl Delete {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let store = global.open()?;
        let (deletion, done) = match self.hard {
            true => (Deletion::Hard, "deleted for good"),
            false => (Deletion::Soft, "deleted"),
        };
        do_to_entries(
            &store,
            &self.entries,
            Prefix::Eight,
            output,
            done,
            |entries| store.delete_messages(entries, deletion),
        )
    }
}
