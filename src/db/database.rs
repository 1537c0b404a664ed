//! The connections of one process to one store file, and how they are opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::db::changes;
use crate::db::failure::{sqlite, system, while_doing};
use crate::db::lock_file::{LockAccess, LockFile};
use crate::db::migrate::{self, SchemaState};
use crate::db::opened::{self, Opened};
use crate::db::pins::Pin;
use crate::db::place::{FileIdentity, NetworkFileSystems, Occupant, OpenFiles, Place};
use crate::db::read_only::{self, ReadOnlyPlan};
use crate::db::readers::{LONGEST_CLOSE, PooledReader, Readers};
use crate::db::schema;
use crate::db::writer::Writer;
use crate::error::{Error, ObjectKind, Result};
use crate::model::{ChangeNumber, FileTime, StoreUid};

/// The oldest SQLite that is free of the WAL-reset bug (P6).
const OLDEST_SQLITE: i32 = 3_051_003;

/// How long who wants to make or migrate a store waits at first before it looks whether another one did.
const FIRST_PATIENCE: Duration = Duration::from_millis(50);

/// What a successful save survives (S10). Chosen when a process opens the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// The death of the process and of the host: each commit is synced (`synchronous = FULL`).
    #[default]
    Full,
    /// The death of every process; a power loss may take back the newest saves (`synchronous = NORMAL`).
    Normal,
}

/// Whether a store is opened for writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum StoreAccess {
    #[default]
    ReadWrite,
    ReadOnly,
}

/// Whether a missing file is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum WhenMissing {
    #[default]
    Refuse,
    Create,
}

/// How to open a database.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) client_name: String,
    pub(crate) durability: Durability,
    pub(crate) access: StoreAccess,
    pub(crate) when_missing: WhenMissing,
    pub(crate) network_file_systems: NetworkFileSystems,
    pub(crate) busy_timeout: Duration,
}

/// One process's connections to one file.
pub(crate) struct Database {
    place: Place,
    settings: Settings,
    store_uid: StoreUid,
    /// Always there until dropped.
    connections: Option<Connections>,
    opened_by: u32,
    last_change: AtomicI64,
}

pub(crate) struct Connections {
    readers: Readers,
    /// None in a store opened read-only.
    pub(crate) writer: Option<Arc<Writer>>,
    files: Arc<OpenFiles>,
    /// `F-lock`; none on a read-only medium that has none. It stands behind the connections, and so is closed behind them:
    /// presence is held for as long as a connection is open.
    pub(crate) lock_file: Option<Arc<LockFile>>,
    _opened: Opened,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("path", &self.place.path)
            .finish_non_exhaustive()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Closing SQLite's connections in a forked child would drop the parent's locks and could checkpoint
        // under its feet, so there they are leaked (P7).
        if std::process::id() != self.opened_by {
            std::mem::forget(self.connections.take());
            return;
        }
        // The thread that commits has answered the last save, and may not have let go of the connection yet.
        let writer = self
            .connections
            .as_ref()
            .and_then(|open| open.writer.as_ref());
        let at_work = writer.map(|writer| writer.at_work());
        let _idle = at_work
            .as_ref()
            .and_then(|it| it.try_lock_for(LONGEST_CLOSE));
        drop(self.connections.take());
    }
}

impl Database {
    /// Opens a store file, makes it if asked to, and moves an older one on (P4).
    pub(crate) fn open(path: &Path, settings: Settings) -> Result<Database> {
        refuse_old_sqlite(rusqlite::version_number())?;
        let place = Place::find(path)?;
        place.refuse_network(settings.network_file_systems)?;
        let is_made = settings.when_missing == WhenMissing::Create
            && settings.access == StoreAccess::ReadWrite;
        match place.occupant {
            Occupant::Nothing if !is_made => return Err(missing(&place)),
            Occupant::Nothing => {}
            Occupant::File => opened::refuse_inherited(identity(&place)?)?,
        }
        match settings.access {
            StoreAccess::ReadWrite => Self::open_to_write(place, settings),
            StoreAccess::ReadOnly => Self::open_to_read(place, settings),
        }
    }

    fn open_to_write(place: Place, settings: Settings) -> Result<Database> {
        let deadline = Instant::now() + settings.busy_timeout;
        let lock_path = place.beside("-lock");
        let lock_file = LockFile::open(&lock_path, LockAccess::ReadWrite)
            .map_err(|error| system(format!("opening {}", lock_path.display()), error))?;
        let writer = ready_connection(&place, &settings, &lock_file, deadline)?;
        Self::assemble(
            place,
            settings,
            Some(writer),
            Some(lock_file),
            OpenFlags::SQLITE_OPEN_READ_WRITE,
        )
    }

    fn open_to_read(place: Place, settings: Settings) -> Result<Database> {
        let lock_file = read_only::open_lock_file(&place)?;
        if let Some(lock_file) = &lock_file {
            let deadline = Instant::now() + settings.busy_timeout;
            let waiting = |error| system("waiting for a process that migrates the store", error);
            if !lock_file.share_presence(deadline).map_err(waiting)? {
                return Err(busy(&settings));
            }
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        // Where the WAL cannot be opened, preparing the connection fails already.
        let state =
            connect(&place.path, flags, &settings).and_then(|probe| migrate::recognise(&probe));
        match state {
            Ok(SchemaState::Current) => Self::assemble(place, settings, None, lock_file, flags),
            Ok(SchemaState::Older) => Err(Error::Version {
                detail:
                    "the store is of an older version; open it once for writing, which moves it on"
                        .to_owned(),
            }),
            Ok(SchemaState::Empty) => Err(missing(&place)),
            Err(error @ Error::DiskError { .. }) => {
                let plan = read_only::plan(
                    place.medium_is_read_only(),
                    read_only::file_is_filled(&place.beside("-wal")),
                    place.beside("-shm").exists(),
                );
                match plan {
                    ReadOnlyPlan::Immutable => {
                        let flags = flags | OpenFlags::SQLITE_OPEN_URI;
                        Self::assemble(place, settings, None, lock_file, flags)
                    }
                    ReadOnlyPlan::Refuse(why) => Err(Error::NoAccess {
                        detail: format!("{}: {why}", place.path.display()),
                    }),
                    ReadOnlyPlan::GiveUp => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    fn assemble(
        place: Place,
        settings: Settings,
        writer: Option<Connection>,
        lock_file: Option<LockFile>,
        flags: OpenFlags,
    ) -> Result<Database> {
        let init = settings.clone();
        let name = if flags.contains(OpenFlags::SQLITE_OPEN_URI) {
            PathBuf::from(read_only::immutable_uri(&place.path))
        } else {
            place.path.clone()
        };
        let manager = SqliteConnectionManager::file(name)
            .with_flags(flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .with_init(move |connection| {
                prepare(connection, &init)?;
                connection.pragma_update(None, "query_only", true)
            });
        let readers = Readers::new(manager, settings.busy_timeout.max(Duration::from_secs(1)));
        let (store_uid, last_change) = {
            let reader = readers.take(|| Ok(()))?;
            // Where the file could only be read as immutable, nobody has looked at it yet.
            if migrate::recognise(&reader)? != SchemaState::Current {
                return Err(Error::Version {
                    detail: "the store is empty or of an older version, and cannot be moved on where it lies"
                        .to_owned(),
                });
            }
            if writer.is_none() {
                schema::verify(&reader)?;
            }
            (migrate::store_uid(&reader)?, changes::last(&reader)?)
        };
        let opened = Opened::new(identity(&place)?)?;
        let files = Arc::new(OpenFiles::of(&place));
        let lock_file = lock_file.map(Arc::new);
        let writer = writer.zip(lock_file.clone()).map(|(writer, lock_file)| {
            let name = settings.client_name.clone();
            let files = Arc::clone(&files);
            Arc::new(Writer::new(
                writer,
                files,
                lock_file,
                name,
                settings.busy_timeout,
                settings.durability,
            ))
        });
        Ok(Database {
            place,
            settings,
            store_uid,
            connections: Some(Connections {
                readers,
                writer,
                files,
                lock_file,
                _opened: opened,
            }),
            opened_by: std::process::id(),
            last_change: AtomicI64::new(last_change.get()),
        })
    }

    /// The connections, unless this is a forked child (P7).
    pub(crate) fn connections(&self) -> Result<&Connections> {
        if std::process::id() != self.opened_by {
            return Err(Error::Forked {
                opened_by: self.opened_by,
            });
        }
        self.connections.as_ref().ok_or(Error::Forked {
            opened_by: self.opened_by,
        })
    }

    /// A connection that reads.
    pub(crate) fn reader(&self) -> Result<PooledReader> {
        let open = self.connections()?;
        // A new one is opened by the path, where another store may lie by now.
        open.readers.take(|| open.files.check())
    }

    pub(crate) fn store_uid(&self) -> StoreUid {
        self.store_uid
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether the store was opened for reading only.
    pub(crate) fn is_read_only(&self) -> bool {
        self.settings.access == StoreAccess::ReadOnly
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn path(&self) -> &Path {
        &self.place.path
    }

    /// Remembers the newest change that this process has seen.
    pub(crate) fn saw_change(&self, change: ChangeNumber) {
        self.last_change.fetch_max(change.get(), Ordering::AcqRel);
    }

    /// Keeps the streams of every state from now on from being collected, until the pin is dropped.
    ///
    /// Must be taken *before* a row is read: a collector that looked before the pin was there has already
    /// committed what the row then shows. The newest change that this process has seen is at most the newest
    /// one there is, and an older pin protects more.
    pub(crate) fn pin(&self) -> Result<Option<Pin>> {
        let newest = self.last_change.load(Ordering::Acquire);
        self.pin_at(ChangeNumber::new(newest).unwrap_or(ChangeNumber::ZERO))
    }

    /// Keeps the streams of every state from a change on from being collected; right for a handle that an older pin
    /// protects until then.
    pub(crate) fn pin_at(&self, change: ChangeNumber) -> Result<Option<Pin>> {
        let Some(lock_file) = &self.connections()?.lock_file else {
            return Ok(None);
        };
        lock_file
            .pin(change.get())
            .map(Some)
            .map_err(|error| system("pinning a snapshot", error))
    }
}

fn busy(settings: &Settings) -> Error {
    Error::Busy {
        waited: settings.busy_timeout,
        source: None,
    }
}

fn identity(place: &Place) -> Result<FileIdentity> {
    FileIdentity::of(&place.path)
        .map_err(|error| system(format!("looking at {}", place.path.display()), error))
}

fn missing(place: &Place) -> Error {
    Error::NotFound {
        kind: ObjectKind::Store,
        what: place.path.display().to_string(),
    }
}

/// A host may link another SQLite than the bundled one.
fn refuse_old_sqlite(version: i32) -> Result<()> {
    if version >= OLDEST_SQLITE {
        return Ok(());
    }
    Err(Error::Version {
        detail: format!(
            "this process uses SQLite {}, which can corrupt a store that several processes write; 3.51.3 or \
             later is needed",
            rusqlite::version()
        ),
    })
}

/// Opens the writing connection of a store of the current version, making or migrating it first.
///
/// Presence is shared for whoever uses the store and exclusive for who makes or migrates it, so a process that
/// finds the current version under the shared lock needs nothing else. One that does not must give the
/// shared lock up before it asks for the exclusive one, and look again once it has that.
fn ready_connection(
    place: &Place,
    settings: &Settings,
    lock_file: &LockFile,
    deadline: Instant,
) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let waiting = |error| {
        system(
            "waiting for a process that makes or migrates the store",
            error,
        )
    };
    let mut patience = FIRST_PATIENCE;
    loop {
        if !lock_file.share_presence(deadline).map_err(waiting)? {
            return Err(busy(settings));
        }
        let mut state = SchemaState::Empty;
        if place.path.exists() {
            let connection = connect(&place.path, flags, settings)?;
            state = migrate::recognise(&connection)?;
            if state == SchemaState::Current {
                refuse_other_than_wal(&connection)?;
                schema::verify(&connection)?;
                accept(&connection)?;
                return Ok(connection);
            }
        }
        if state == SchemaState::Empty && settings.when_missing == WhenMissing::Refuse {
            return Err(missing(place));
        }
        lock_file.release_presence().map_err(waiting)?;
        // Whoever was faster shares presence from then on, for as long as it has the store open: waiting for that
        // to end would be for nothing, so this one looks again. Ever later, since who looks is in the others' way.
        let until = deadline.min(Instant::now() + patience);
        if lock_file.own_presence(until).map_err(waiting)? {
            break;
        }
        if until == deadline {
            return Err(match state {
                SchemaState::Older => Error::Version {
                    detail: "the store must be migrated first, and other processes have it open; close them and \
                             try again"
                        .to_owned(),
                },
                _ => busy(settings),
            });
        }
        patience *= 2;
    }
    make_private_file(&place.path)?;
    let mut connection = connect(&place.path, flags, settings)?;
    let now = FileTime::from_timestamp(jiff::Timestamp::now());
    migrate::migrate(&mut connection, &settings.client_name, now)?;
    accept(&connection)?;
    lock_file.downgrade_presence().map_err(waiting)?;
    Ok(connection)
}

/// Until a file is known to be a store of ours, closing it must not move its log into it: what is refused is left as it was.
fn accept(connection: &Connection) -> Result<()> {
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)
        .map(drop)
        .map_err(while_doing("preparing a connection"))
}

/// Somebody may have switched the mode by hand, and all that is promised between processes stands on the log.
fn refuse_other_than_wal(connection: &Connection) -> Result<()> {
    let mode: String = connection
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .map_err(while_doing("reading the journal mode"))?;
    if mode == "wal" {
        return Ok(());
    }
    Err(Error::CorruptStore {
        detail: format!(
            "the store is in journal mode {mode}; switch it back with PRAGMA journal_mode = WAL while nobody uses it"
        ),
        source: None,
    })
}

/// SQLite gives its side files the permissions of the file itself. An empty file is made private as well; one that is
/// shorter than SQLite's header is somebody else's, although SQLite would take it for empty.
fn make_private_file(path: &Path) -> Result<()> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let failed = |error| system(format!("making {}", path.display()), error);
    match std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            match std::fs::metadata(path).map_err(failed)?.len() {
                0 => {
                    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).map_err(failed)
                }
                1..512 => Err(Error::CorruptStore {
                    detail: format!("{} is not empty, and no store", path.display()),
                    source: None,
                }),
                _ => Ok(()),
            }
        }
        Err(error) => Err(failed(error)),
    }
}

fn connect(path: &Path, flags: OpenFlags, settings: &Settings) -> Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(while_doing("opening the store file"))?;
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map_err(while_doing("preparing a connection"))?;
    prepare(&connection, settings).map_err(|error| sqlite("preparing a connection", error))?;
    Ok(connection)
}

/// What every connection needs. When a checkpoint is due is decided by whoever writes, so SQLite makes none in its commits.
fn prepare(connection: &Connection, settings: &Settings) -> rusqlite::Result<()> {
    connection.busy_timeout(settings.busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(64);
    // The file may have been made by someone else.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // Else a plan may depend on a value that is bound, of a LIMIT for one, and each new value has the statement parsed again.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let synchronous = match settings.durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    connection.execute_batch(&format!(
        "PRAGMA cell_size_check = ON; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; \
         PRAGMA synchronous = {synchronous}; PRAGMA wal_autocheckpoint = 0; \
         PRAGMA journal_size_limit = 67108864;"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_sqlite_is_refused() {
        assert!(matches!(
            refuse_old_sqlite(3_051_002),
            Err(Error::Version { .. })
        ));
        assert!(refuse_old_sqlite(3_051_003).is_ok());
    }
}
