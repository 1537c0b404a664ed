//! A store, and two clients that share it in one of three ways.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mapistore::{
    Access, ChangeNumber, EntryId, Recipient, SaveFlags, SpecialFolder, Store, StoreOptions, pr,
};

use super::blob::Blob;
use super::client::Client;
use super::link::Link;
use super::protocol::{Command, Opening, View};
use super::show;

/// What two clients share the store between (P1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Handles of one store, in two threads.
    Handles,
    /// Two stores opened on the file by one process.
    Connections,
    /// Two processes.
    Processes,
}

/// The attachment of a message that a scene makes.
pub(crate) const FIGURES: Blob = Blob::new(1, 10_000);
/// Its body, which is a stream.
pub(crate) const BODY: Blob = Blob::new(2, 6_000);

/// How often somebody saves who is to go on until killed.
pub(crate) const NO_END: u32 = 1_000_000;

/// A store in a folder of its own, with two clients; who owns the scene looks on from outside.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) ana: Client,
    pub(crate) ben: Client,
    pub(crate) sharing: Sharing,
    pub(crate) store: Store,
    path: PathBuf,
    // Last: it is removed when all have closed the store.
    _folder: tempfile::TempDir,
}

/// How a scene's own store is opened, and in `Sharing::Handles` everybody's.
fn options() -> StoreOptions {
    Store::options().client_name("owner")
}

pub(crate) fn opening(path: &Path, client_name: &str) -> Opening {
    Opening {
        path: path.to_str().unwrap().to_owned(),
        client_name: client_name.to_owned(),
        create: false,
        read_only: false,
        normal_durability: false,
        busy_timeout_ms: 60_000,
    }
}

impl Scene {
    pub(crate) fn new(sharing: Sharing) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mail.store");
        let store = options().create_if_missing().open(&path).unwrap();
        Scene {
            ana: client(sharing, &store, opening(&path, "ana")),
            ben: client(sharing, &store, opening(&path, "ben")),
            sharing,
            store,
            path,
            _folder: folder,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// One more client of the same kind.
    pub(crate) fn client(&self, name: &str) -> Client {
        client(self.sharing, &self.store, opening(&self.path, name))
    }

    /// One more client that opens the store in its own way, and so has a connection of its own at least.
    pub(crate) fn client_with(&self, opening: Opening) -> Client {
        let sharing = match self.sharing {
            Sharing::Handles => Sharing::Connections,
            other => other,
        };
        client(sharing, &self.store, opening)
    }

    /// Clients that each save a message of their own again and again, until they are killed; all have begun.
    pub(crate) fn writers(&self, count: usize, large: bool) -> Vec<(Client, String)> {
        let writers: Vec<(Client, String)> = (0..count)
            .map(|number| (self.client(&format!("writer {number}")), self.message("a")))
            .collect();
        for (writer, id) in &writers {
            writer.send(Command::SaveMarked {
                id: id.clone(),
                from: 0,
                to: NO_END,
                large,
            });
        }
        for (writer, _) in &writers {
            let _: u32 = writer.progress();
        }
        writers
    }

    /// Waits until somebody has saved more.
    pub(crate) fn wait_for_change_after(&self, change: ChangeNumber) {
        let deadline = Instant::now() + Duration::from_secs(120);
        while self.store.last_change().unwrap() <= change {
            assert!(Instant::now() < deadline, "nobody saved after {change}");
            std::thread::yield_now();
        }
    }

    /// How another client would open this store.
    pub(crate) fn opening(&self, client_name: &str) -> Opening {
        opening(&self.path, client_name)
    }

    /// A saved draft with a subject, a body that is a stream, a recipient and an attachment.
    pub(crate) fn message(&self, subject: &str) -> String {
        let drafts = self.store.special_folder(SpecialFolder::Drafts).unwrap();
        let mut draft = drafts.create_message().unwrap();
        draft.set(pr::SUBJECT, subject).unwrap();
        draft.set(pr::BODY, BODY.text()).unwrap();
        draft
            .add_recipient(Recipient::to("Original", "original@example.org"))
            .unwrap();
        draft.attach("figures.csv", FIGURES.reader()).unwrap();
        draft
            .save_changes(SaveFlags::empty())
            .unwrap()
            .entry_id
            .to_string()
    }

    /// What is committed now. The save id is left out: each opening has its own.
    #[track_caller]
    pub(crate) fn look(&self, id: &str) -> View {
        let id: EntryId = id.parse().unwrap();
        let message = self
            .store
            .open_message_or_deleted(&id, Access::ReadOnly)
            .unwrap();
        View {
            save_id: String::new(),
            ..show::view(&message).unwrap()
        }
    }

    /// The number of the newest change.
    pub(crate) fn last_change(&self) -> i64 {
        self.store.last_change().unwrap().get()
    }

    /// Everybody's work has left a sound store.
    #[track_caller]
    pub(crate) fn check(&self) {
        let report = self.store.check(&mut |_| {}).unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
        assert!(report.checked > 0);
    }

    /// A connection for SQL by hand.
    pub(crate) fn by_hand(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(&self.path).unwrap()
    }
}

fn client(sharing: Sharing, store: &Store, opening: Opening) -> Client {
    let name = opening.client_name.clone();
    let client = match sharing {
        Sharing::Handles => {
            return Client::new(Link::to_thread(Some(store.clone())), store.client_name());
        }
        Sharing::Connections => Client::new(Link::to_thread(None), name),
        Sharing::Processes => Client::new(Link::to_process(), name),
    };
    client.call::<()>(Command::OpenStore(opening)).unwrap();
    client
}

/// Makes three tests of each scenario: between two handles of a store, two connections, and two processes.
macro_rules! two_clients {
    ($($scenario:ident),+ $(,)?) => {
        mod between_handles {
            $(#[test]
            fn $scenario() {
                super::$scenario(&$crate::support::Scene::new($crate::support::Sharing::Handles));
            })+
        }
        mod between_connections {
            $(#[test]
            fn $scenario() {
                super::$scenario(&$crate::support::Scene::new($crate::support::Sharing::Connections));
            })+
        }
        mod between_processes {
            $(#[test]
            fn $scenario() {
                super::$scenario(&$crate::support::Scene::new($crate::support::Sharing::Processes));
            })+
        }
    };
}
pub(crate) use two_clients;
