//! Stores, clients and messages to test with.
//!
//! A *scenario* is written once, for two clients of a [`Scene`], and run between two handles, two connections and
//! two processes (`two_clients!`). A client does what a [`protocol::Command`] says, in a thread or in a process.

mod blob;
mod client;
mod executor;
mod forked;
mod link;
mod marks;
mod protocol;
#[cfg(feature = "mime")]
#[path = "../../common/random.rs"]
mod random;
mod samples;
mod scene;
mod scripted;
#[cfg(feature = "mime")]
pub(crate) mod shared;
mod show;
#[cfg(feature = "mime")]
#[path = "../../common/size.rs"]
mod size;
mod turn;

use mapistore::{EntryId, Error, MapiCode, SaveFlags, SpecialFolder, Store, pr};

pub(crate) use blob::{Blob, MIB};
pub(crate) use client::{Client, FORCE, KEEP, expect};
pub(crate) use link::Link;
#[cfg(feature = "mime")]
pub(crate) use marks::put_mark;
pub(crate) use marks::{Won, mark_of};
pub(crate) use protocol::{
    Answer, Command, Failure, Handle, Opening, Place, RecipientRowSaid, ResolvedView, SavedView,
    View, Wanted,
};
#[cfg(feature = "mime")]
pub(crate) use random::Random;
pub(crate) use samples::{COMPUTED, of_type, one_of_each_type};
pub(crate) use scene::{BODY, FIGURES, NO_END, Scene, Sharing, opening, two_clients};
pub(crate) use scripted::Gates;
pub(crate) use show::view;
#[cfg(feature = "mime")]
pub(crate) use size::{Size, workshop};
pub(crate) use turn::{LockFile, Part};

/// A store in a folder of its own, for tests of one client.
#[derive(Debug)]
pub(crate) struct TestStore {
    pub(crate) store: Store,
    pub(crate) folder: tempfile::TempDir,
}

impl TestStore {
    pub(crate) fn new() -> TestStore {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mail.store");
        let store = Store::options()
            .client_name("test")
            .create_if_missing()
            .open(path)
            .unwrap();
        TestStore { store, folder }
    }

    /// Closes the store, and leaves its file in the folder.
    pub(crate) fn close(self) -> tempfile::TempDir {
        self.folder
    }

    #[track_caller]
    pub(crate) fn assert_sound(&self) {
        let report = self.store.check(&mut |_| ()).unwrap();
        assert!(report.is_sound(), "{:?}", report.problems);
    }

    /// A message in the drafts that was never saved.
    pub(crate) fn new_draft(&self) -> mapistore::Message {
        let drafts = self.store.special_folder(SpecialFolder::Drafts).unwrap();
        drafts.create_message().unwrap()
    }

    /// A saved draft with a subject.
    pub(crate) fn draft(&self, subject: &str) -> EntryId {
        let mut draft = self.new_draft();
        draft.set(pr::SUBJECT, subject).unwrap();
        draft.save_changes(SaveFlags::empty()).unwrap().entry_id
    }
}

/// The seed of a random test: `MAPISTORE_SEED`, else always the same.
#[cfg(feature = "mime")]
pub(crate) fn seed() -> u64 {
    let given = std::env::var("MAPISTORE_SEED").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(20)
}

/// The code of the error that must have come.
#[track_caller]
pub(crate) fn code_of<T: std::fmt::Debug>(result: Result<T, Error>) -> MapiCode {
    result.unwrap_err().code()
}
