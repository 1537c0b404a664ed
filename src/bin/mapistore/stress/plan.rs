//! What the competing processes agree on.

use std::path::PathBuf;

use mapistore::{Folder, FolderKind, Store};

/// What a worker must know.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Where the histories go.
    pub(crate) folder: PathBuf,
    pub(crate) seed: u64,
    /// Which of the competing processes, and which of its lives.
    pub(crate) worker: u32,
    pub(crate) life: u32,
    /// About how many messages there are to be.
    pub(crate) messages: usize,
}

impl Plan {
    /// The name of the client: nobody else has it, so that what the journal records has one author.
    pub(crate) fn client_name(&self) -> String {
        format!("stress{}.{}", self.worker, self.life)
    }
}

/// The two folders between which messages are moved.
pub(crate) fn folders(store: &Store) -> mapistore::Result<[Folder; 2]> {
    Ok([
        store.special_folder(FolderKind::Inbox)?,
        store.special_folder(FolderKind::Drafts)?,
    ])
}
