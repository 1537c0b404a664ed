//! Stores and messages to test with.

pub mod shared;

use mapistore::{EntryId, Error, MapiCode, SaveFlags, SpecialFolder, Store, pr};

/// A store in a folder of its own.
pub struct TestStore {
    pub folder: tempfile::TempDir,
    pub store: Store,
}

impl TestStore {
    pub fn new() -> TestStore {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::options()
            .client_name("test")
            .create_if_missing()
            .open(folder.path().join("mail.store"))
            .unwrap();
        TestStore { folder, store }
    }

    /// A saved draft with a subject.
    pub fn draft(&self, subject: &str) -> EntryId {
        let drafts = self.store.special_folder(SpecialFolder::Drafts).unwrap();
        let mut draft = drafts.create_message().unwrap();
        draft.set(pr::SUBJECT, subject).unwrap();
        draft.save_changes(SaveFlags::empty()).unwrap().entry_id
    }
}

/// The code of an error.
pub fn code_of<T: std::fmt::Debug>(result: Result<T, Error>) -> MapiCode {
    result.unwrap_err().code()
}
