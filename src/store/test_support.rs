//! What the tests of this floor begin with.

use crate::model::{FolderKind, SaveFlags, pr};
use crate::store::{Folder, Message, Store};

/// Saves, and leaves the handle modifiable.
pub(crate) const KEEP: SaveFlags = SaveFlags::KEEP_OPEN_READWRITE;

/// A store in a folder of its own.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) drafts: Folder,
    // Last: it is removed when all have closed the store.
    _folder: tempfile::TempDir,
}

impl Fixture {
    pub(crate) fn make() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::options()
            .create_if_missing()
            .open(folder.path().join("mail.store"))
            .unwrap();
        Fixture {
            drafts: store.special_folder(FolderKind::Drafts).unwrap(),
            store,
            _folder: folder,
        }
    }

    /// A message that was never saved, with a subject.
    pub(crate) fn draft(&self, subject: &str) -> Message {
        let mut draft = self.drafts.create_message().unwrap();
        draft.set(pr::SUBJECT, subject).unwrap();
        draft
    }
}
