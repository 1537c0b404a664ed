//! The new store that sound rows go into: a file that nobody else has opened, and so not yet a store of anybody's.
//!
//! Rows keep what they had: uids, versions, change numbers, times. The schema's own checks have the last word on each.

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, named_params, params_from_iter};

use crate::db::backup::{finish, open_alone};
use crate::db::failure::while_doing;
use crate::db::salvage::rows::{FoundFolder, FoundMessage, FoundStore, FoundVersion};
use crate::db::streams::{self, PendingStreams, StreamId};
use crate::db::transaction::WriteTransaction;
use crate::db::{changes, folders, garbage, migrate};
use crate::error::{Error, Result};
use crate::model::document::Documents;
use crate::model::{
    ChangeNumber, FileTime, FolderKind, RowVersion, StoreUid, StreamHash, StreamReference,
};

/// The guard that lets only first versions in, which stands aside while rows of any version come.
const GUARD: &str = "messages_never_come_back";

/// Rows in one transaction.
const AT_ONCE: u32 = 1_000;

/// The new store while it is filled.
pub(crate) struct Target {
    connection: Connection,
    now: FileTime,
    client_name: String,
    guard: String,
    pending: u32,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").finish_non_exhaustive()
    }
}

/// Whether a row could be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    Yes,
    /// It breaks a rule of the schema.
    No,
}

/// A row that the schema refuses is one that is not sound.
fn taken(result: rusqlite::Result<usize>, doing: &'static str) -> Result<Taken> {
    use rusqlite::ErrorCode::{ConstraintViolation, TooBig, TypeMismatch};
    match result {
        Ok(0) => Ok(Taken::No),
        Ok(_) => Ok(Taken::Yes),
        Err(error)
            if matches!(
                error.sqlite_error_code(),
                Some(ConstraintViolation | TooBig | TypeMismatch)
            ) =>
        {
            Ok(Taken::No)
        }
        Err(error) => Err(while_doing(doing)(error)),
    }
}

/// Nothing is in memory that is not stored yet.
struct AllStored;

impl PendingStreams for AllStored {
    fn bytes(&self, _: StreamHash) -> Option<&[u8]> {
        None
    }
}

impl Target {
    /// Makes the schema in an empty file, without any folder.
    pub(crate) fn make(path: &Path, client_name: &str) -> Result<Target> {
        let preparing = while_doing("preparing the new store");
        let mut connection = open_alone(path)?;
        let now = FileTime::from_timestamp(jiff::Timestamp::now());
        migrate::migrate(&mut connection, client_name, now)?;
        let guard = connection
            .query_row(
                "SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = ?",
                [GUARD],
                |row| row.get("sql"),
            )
            .map_err(&preparing)?;
        connection
            .execute_batch(&format!(
                "DROP TRIGGER {GUARD}; BEGIN; DELETE FROM folders;"
            ))
            .map_err(&preparing)?;
        Ok(Target {
            connection,
            now,
            client_name: client_name.to_owned(),
            guard,
            pending: 0,
        })
    }

    fn run(&self, sql: &str) -> Result<()> {
        self.connection
            .execute_batch(sql)
            .map_err(while_doing("writing the new store"))
    }

    /// Bounds the transactions, and so the log.
    fn next(&mut self) -> Result<()> {
        self.pending += 1;
        if self.pending >= AT_ONCE {
            self.pending = 0;
            self.run("COMMIT; PRAGMA wal_checkpoint(PASSIVE); BEGIN;")?;
        }
        Ok(())
    }

    fn transaction(&self) -> WriteTransaction<'_> {
        WriteTransaction {
            connection: &self.connection,
            now: self.now,
            client_name: &self.client_name,
        }
    }

    /// The highest numbers that were ever given: no number comes back.
    pub(crate) fn set_given(&self, table: &str, given: i64) -> Result<()> {
        let writing = while_doing("writing the new store");
        let updated = self
            .connection
            .execute(
                "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?",
                (given, table),
            )
            .map_err(&writing)?;
        if updated == 0 {
            self.connection
                .execute(
                    "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)",
                    (table, given),
                )
                .map_err(&writing)?;
        }
        Ok(())
    }

    /// What the store says of itself. Without a row of it the new one has a uid of its own.
    pub(crate) fn describe(&self, found: Option<&FoundStore>) -> Result<StoreUid> {
        if let Some(found) = found {
            let uid = StoreUid::from_bytes(found.uid);
            let update = "UPDATE store_info SET store_uid = :uid, created_at = coalesce(:created, created_at), \
                created_by = :by";
            self.connection
                .execute(
                    update,
                    named_params! { ":uid": uid, ":created": found.created_at, ":by": found.created_by },
                )
                .map_err(while_doing("writing the new store"))?;
        }
        migrate::store_uid(&self.connection)
    }

    /// The properties of the store, if they can be.
    pub(crate) fn describe_further(&self, properties: &str) -> Result<Taken> {
        taken(
            self.connection
                .execute("UPDATE store_info SET properties = ?", [properties]),
            "writing the new store",
        )
    }

    /// Notes up to which change the journal is not whole.
    pub(crate) fn set_purged_through(&self, change: i64) -> Result<()> {
        self.connection
            .execute(
                "UPDATE store_info SET purged_through = max(purged_through, ?)",
                [change.max(0)],
            )
            .map_err(while_doing("writing the new store"))?;
        Ok(())
    }

    /// Takes a folder with its row, below a parent that is there, under a name.
    pub(crate) fn folder(
        &mut self,
        folder: &FoundFolder,
        parent: Option<i64>,
        name: &str,
    ) -> Result<Taken> {
        const INSERT: &str = "INSERT INTO folders (folder_id, entry_uid, parent_folder_id, kind, name, name_folded, \
            change_number, created_at, modified_at, properties) VALUES (:id, :uid, :parent, :kind, :name, :folded, \
            :change, :created, :modified, :properties)";
        if FolderKind::from_name(&folder.kind).is_none() {
            return Ok(Taken::No);
        }
        let inserted = self.connection.execute(
            INSERT,
            named_params! {
                ":id": folder.folder_id, ":uid": folder.uid, ":parent": parent, ":kind": folder.kind,
                ":name": name, ":folded": folders::folded(name), ":change": folder.change_number,
                ":created": folder.created_at, ":modified": folder.modified_at, ":properties": folder.properties,
            },
        );
        self.next()?;
        taken(inserted, "writing a folder")
    }

    /// The row of a folder that every store has; made if it was lost.
    pub(crate) fn special_folder(
        &self,
        kind: FolderKind,
        parent: Option<i64>,
    ) -> Result<(i64, Taken)> {
        if let Some(folder) = folders::by_kind(&self.connection, kind)? {
            return Ok((folder.folder_id, Taken::Yes));
        }
        let made = folders::insert_special(&self.connection, parent, kind, self.now)?;
        Ok((made, Taken::No))
    }

    /// A folder for what has no place any more, made where it is missing.
    pub(crate) fn folder_for(&self, parent: i64, name: &str) -> Result<i64> {
        if let Some(folder) = folders::child(&self.connection, parent, name)? {
            return Ok(folder.folder_id);
        }
        folders::create(
            &self.transaction(),
            parent,
            name,
            crate::model::ObjectUid::random(),
            ChangeNumber::ZERO,
        )
    }

    /// Whether there is a folder.
    pub(crate) fn has_folder(&self, folder_id: i64) -> Result<bool> {
        folders::by_id(&self.connection, folder_id).map(|found| found.is_some())
    }

    /// Begins a stream.
    pub(crate) fn begin_stream(&self) -> Result<StreamId> {
        streams::begin(&self.transaction())
    }

    /// Adds a piece of a stream.
    pub(crate) fn add_to_stream(
        &mut self,
        stream: StreamId,
        position: u64,
        data: &[u8],
    ) -> Result<()> {
        streams::replace(&self.transaction(), stream, position, data)?;
        // A piece is as large as many other rows.
        self.pending += 20;
        self.next()
    }

    /// Ends a stream that is whole.
    pub(crate) fn seal_stream(&self, stream: StreamId, reference: StreamReference) -> Result<()> {
        streams::seal(&self.transaction(), stream, reference).map(drop)
    }

    /// Forgets a stream that is not.
    pub(crate) fn drop_stream(&self, stream: StreamId) -> Result<()> {
        garbage::delete_some(&self.transaction(), stream, u32::MAX).map(drop)
    }

    /// Whether a stream of that content is there.
    pub(crate) fn has_stream(&self, reference: StreamReference) -> Result<bool> {
        const FIND: &str = "SELECT 1 AS found FROM streams WHERE hash = ? AND size = ?";
        self.connection
            .prepare_cached(FIND)
            .and_then(|mut select| {
                select
                    .query_row((reference.hash, reference.size.cast_signed()), |row| {
                        row.get::<_, i64>("found")
                    })
                    .optional()
            })
            .map(|found| found.is_some())
            .map_err(while_doing("looking for a stream"))
    }

    /// Takes a message into a folder that is there, with the streams of its content.
    pub(crate) fn message(
        &mut self,
        message: &FoundMessage,
        folder_id: i64,
        size: u64,
        streams: &std::collections::BTreeSet<StreamReference>,
        checksum: i64,
    ) -> Result<Taken> {
        const INSERT: &str = "INSERT INTO messages (message_id, entry_uid, folder_id, row_version, change_number, \
            deleted_at, is_read, read_flags, message_status, is_associated, content_checksum, created_at, modified_at, \
            modified_by, committed_at, change_key, predecessor_change_list, size, properties, recipients, attachments) \
            VALUES (:id, :uid, :folder, :version, :change, :deleted, :read, :flags, :status, :associated, :checksum, \
            :created, :modified, :by, :committed, :key, :predecessors, :size, :properties, :recipients, :attachments)";
        let Documents {
            properties,
            recipients,
            attachments,
        } = &message.documents;
        let inserted = self.connection.execute(
            INSERT,
            named_params! {
                ":id": message.message_id, ":uid": message.uid, ":folder": folder_id,
                ":version": message.row_version,
                ":change": message.change_number.get().max(1), ":deleted": message.deleted_at,
                ":read": message.is_read, ":flags": message.read_flags, ":status": message.status,
                ":associated": message.is_associated, ":checksum": checksum, ":created": message.created_at,
                ":modified": message.modified_at, ":by": message.modified_by, ":committed": message.committed_at,
                ":key": message.change_key, ":predecessors": message.predecessors,
                ":size": i64::try_from(size).unwrap_or(i64::MAX),
                ":properties": properties, ":recipients": recipients, ":attachments": attachments,
            },
        );
        let taken = taken(inserted, "writing a message")?;
        if taken == Taken::Yes {
            streams::refer(&self.transaction(), message.message_id, streams, &AllStored)?;
        }
        self.next()?;
        Ok(taken)
    }

    /// Takes a kept version, with the streams of its content.
    pub(crate) fn version(
        &mut self,
        message_id: i64,
        row_version: RowVersion,
        values: Vec<Value>,
        streams: &std::collections::BTreeSet<StreamReference>,
    ) -> Result<Taken> {
        const INSERT: &str = "INSERT INTO message_versions (message_id, row_version, entry_uid, change_number, \
            content_checksum, modified_at, modified_by, committed_at, change_key, predecessor_change_list, size, \
            replaced_at, replaced_by, replaced_by_change, reason, properties, recipients, attachments) \
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        const REFER: &str = "INSERT INTO stream_references (message_id, row_version, stream_id) \
            SELECT ?, ?, stream_id FROM streams WHERE hash = ?";
        let inserted = self.connection.execute(INSERT, params_from_iter(values));
        let taken = taken(inserted, "writing a kept version")?;
        if taken == Taken::Yes {
            for stream in streams {
                self.connection
                    .execute(REFER, (message_id, row_version, stream.hash))
                    .map_err(while_doing("writing a kept version"))?;
            }
        }
        self.next()?;
        Ok(taken)
    }

    /// Whether a kept version is older than its message, and of the number that the message has here.
    pub(crate) fn may_keep(&self, version: &FoundVersion) -> Result<bool> {
        const FITS: &str = "SELECT NOT EXISTS (SELECT 1 FROM messages WHERE (entry_uid = :uid) <> (message_id = :id) \
            OR (entry_uid = :uid AND row_version <= :version)) AS fits";
        self.connection
            .prepare_cached(FITS)
            .and_then(|mut select| {
                select.query_row(
                    named_params! {
                        ":uid": version.uid, ":id": version.message_id, ":version": version.row_version,
                    },
                    |row| row.get("fits"),
                )
            })
            .map_err(while_doing("looking for the message of a kept version"))
    }

    /// How many large values something refers to.
    pub(crate) fn count_streams(&self) -> Result<u64> {
        self.number("SELECT count(*) AS number FROM streams WHERE unreferenced_since IS NULL")
            .map(i64::unsigned_abs)
    }

    /// A number that no message has.
    pub(crate) fn free_message_id(&self) -> Result<i64> {
        self.number("SELECT coalesce(max(seq), 0) + 1 AS number FROM sqlite_sequence WHERE name = 'messages'")
    }

    /// The highest change number that was ever given.
    pub(crate) fn last_change(&self) -> Result<i64> {
        changes::last(&self.connection).map(ChangeNumber::get)
    }

    fn number(&self, sql: &str) -> Result<i64> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut select| select.query_row([], |row| row.get("number")))
            .map_err(while_doing("reading the new store"))
    }

    /// Takes a row of the journal.
    pub(crate) fn change(&mut self, values: Vec<Value>) -> Result<Taken> {
        const INSERT: &str = "INSERT INTO changes (change_number, committed_at, kind, entry_uid, more_objects, folder_uid, \
            row_version, properties, client_name, process_id, save_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let inserted = self.connection.execute(INSERT, params_from_iter(values));
        self.next()?;
        taken(inserted, "writing the journal")
    }

    /// Takes a named property.
    pub(crate) fn name(&mut self, values: Vec<Value>) -> Result<Taken> {
        const INSERT: &str = "INSERT INTO named_properties (property_id, property_set, number, name) VALUES (?, ?, ?, ?)";
        let inserted = self.connection.execute(INSERT, params_from_iter(values));
        self.next()?;
        taken(inserted, "writing the named properties")
    }

    /// Takes what a copy out of a conflict was in conflict with, if the copy is there.
    pub(crate) fn conflict_copy(&mut self, values: Vec<Value>) -> Result<Taken> {
        const INSERT: &str = "INSERT INTO conflict_copies (copy_uid, original_uid, base_version, shown_version, made_at, \
            made_by) SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE EXISTS (SELECT 1 FROM messages WHERE entry_uid = ?1)";
        let inserted = self.connection.execute(INSERT, params_from_iter(values));
        self.next()?;
        taken(inserted, "writing the copies out of conflicts")
    }

    /// Puts the guard back, forgets streams that nothing refers to, and closes the file.
    pub(crate) fn finish(self) -> Result<()> {
        const WASTE: &str = "DELETE FROM streams WHERE unreferenced_since IS NOT NULL";
        self.run(&format!("{WASTE}; COMMIT; {};", self.guard))?;
        finish(self.connection)
    }
}

/// The error for a file in which there is nothing to save.
pub(crate) fn nothing_there(path: &Path) -> Error {
    Error::CorruptStore {
        detail: format!("{} has nothing of a store in it", path.display()),
        source: None,
    }
}
