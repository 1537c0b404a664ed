//! The store, and how it is opened.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::db::database::{Database, Durability, Settings, StoreAccess, WhenMissing};
use crate::db::place::NetworkFileSystems;
use crate::error::Result;
use crate::model::{EntryId, ObjectUid, StoreUid};
use crate::store::named::KnownNames;
use crate::store::resolve::Resolver;

/// How long a writer waits for other processes unless the host says otherwise (P3).
const DEFAULT_BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// SQLite counts milliseconds in 32 bits, and a deadline must be a time that the clock can tell.
const LONGEST_BUSY_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// A message store: one SQLite file that any number of processes on one host may open at once.
///
/// Cheap to clone, and shared between threads. It is closed when the last clone and the last handle that came
/// from it are dropped. In a forked child it answers `MAPI_E_INVALID_OBJECT` and touches nothing (P7).
///
/// ```
/// use mapistore::{Access, Recipient, SaveFlags, SpecialFolder, Store, pr};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("mail.store");
/// let store = Store::options().client_name("reader").create_if_missing().open(&path)?;
/// let drafts = store.special_folder(SpecialFolder::Drafts)?;
///
/// let mut draft = drafts.create_message()?;
/// draft.set(pr::SUBJECT, "Figures")?;
/// draft.add_recipient(Recipient::to("Ana", "ana@example.org"))?;
/// let saved = draft.save_changes(SaveFlags::KEEP_OPEN_READWRITE)?;
///
/// let again = store.open_message(&saved.entry_id, Access::ReadOnly)?;
/// assert_eq!(again.get(pr::SUBJECT)?.as_deref(), Some("Figures"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) database: Arc<Database>,
    /// Shared between clones.
    pub(crate) names: Arc<KnownNames>,
    /// Whom a conflicting save asks.
    pub(crate) resolver: Option<Arc<dyn Resolver>>,
}

/// Chooses how a store is opened; see [`Store::options`].
#[derive(Debug, Clone)]
pub struct StoreOptions {
    settings: Settings,
    resolver: Option<Arc<dyn Resolver>>,
}

impl Store {
    /// Begins to open a store. Without further choices: read and write, an existing file, full durability,
    /// waiting up to 30 seconds for other writers, and the name of the running program as the client's.
    pub fn options() -> StoreOptions {
        StoreOptions {
            settings: Settings {
                client_name: program_name(),
                durability: Durability::Full,
                access: StoreAccess::ReadWrite,
                when_missing: WhenMissing::Refuse,
                network_file_systems: NetworkFileSystems::Refuse,
                busy_timeout: DEFAULT_BUSY_TIMEOUT,
            },
            resolver: None,
        }
    }

    /// The uid that every entry id of this store carries (`PR_STORE_RECORD_KEY`).
    pub fn uid(&self) -> StoreUid {
        self.database.store_uid()
    }

    /// The file, as an absolute path without links.
    pub fn path(&self) -> &Path {
        self.database.path()
    }

    /// The name under which this process saves (`PR_LAST_MODIFIER_NAME`).
    pub fn client_name(&self) -> &str {
        &self.database.settings().client_name
    }

    /// The entry id of an object of this store.
    pub(crate) fn entry_id(&self, object: ObjectUid) -> EntryId {
        EntryId::new(self.database.store_uid(), object)
    }
}

impl StoreOptions {
    /// Names this client: other clients are told the name when they lose to it, and the journal records it.
    pub fn client_name(mut self, name: impl Into<String>) -> Self {
        self.settings.client_name = name.into();
        self
    }

    /// Makes the store if there is no file, or an empty one. Safe when many processes do so at once (P4).
    pub fn create_if_missing(mut self) -> Self {
        self.settings.when_missing = WhenMissing::Create;
        self
    }

    /// Opens for reading only: asking for modify access is then `MAPI_E_NO_ACCESS` (O3).
    pub fn read_only(mut self) -> Self {
        self.settings.access = StoreAccess::ReadOnly;
        self
    }

    /// What a successful save survives (S10).
    pub fn durability(mut self, durability: Durability) -> Self {
        self.settings.durability = durability;
        self
    }

    /// How long a call waits for other processes before it answers `MAPI_E_BUSY` (P3); at most a day. A call that finds
    /// no connection free for reading waits ten seconds at least while one is being made.
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.settings.busy_timeout = timeout.min(LONGEST_BUSY_TIMEOUT);
        self
    }

    /// Whether the file may lie on a network file system (P6).
    pub fn network_file_systems(mut self, policy: NetworkFileSystems) -> Self {
        self.settings.network_file_systems = policy;
        self
    }

    /// Presents every conflict that a save of this store meets to a resolver, instead of answering with its error (K5).
    /// The saves of a batch are not presented: each has its error in its place, and can be saved again by itself.
    pub fn resolver(mut self, resolver: Arc<dyn Resolver>) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// Opens the store, makes it if that was asked for, and migrates one of an older version.
    ///
    /// # Errors
    ///
    /// In none of these cases was the file changed.
    ///
    /// - `MAPI_E_NOT_FOUND`: no such file or folder, and it was not to be made.
    /// - `MAPI_E_CORRUPT_STORE`: the file is something else, or damaged.
    /// - `MAPI_E_VERSION`: a store of a newer version; one that must be migrated while others have it open; a
    ///   SQLite older than 3.51.3 in this process.
    /// - `MAPI_E_NO_SUPPORT`: a network file system (P6).
    /// - `MAPI_E_NO_ACCESS`: the permissions of the file or folder do not allow it, or a medium that cannot be
    ///   written holds a write-ahead log that cannot be read (O3).
    /// - `MAPI_E_INVALID_PARAMETER`: the path names no regular file, or one with several hard links.
    /// - `MAPI_E_BUSY`: other processes were making or migrating it for longer than the busy timeout.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Store> {
        let database = Database::open(path.as_ref(), self.settings)?;
        Ok(Store {
            database: Arc::new(database),
            names: Arc::default(),
            resolver: self.resolver,
        })
    }
}

pub(super) fn program_name() -> String {
    std::env::args_os()
        .next()
        .and_then(|name| {
            Path::new(&name)
                .file_stem()
                .map(|stem| stem.to_string_lossy().into_owned())
        })
        .unwrap_or_else(|| "mapistore".to_owned())
}
