//! The other side: SQLite by hand, with the statements that the same action needs at least, all prepared beforehand.
//!
//! What it writes was made before the measurement: documents, times, checksums and the rest. Identifiers that must be
//! new are random numbers. Nothing is verified, nobody is told why a save was refused, and no save can be
//! repeated without harm; that is what the library adds.

use std::io::Read;
use std::path::Path;

use mapistore::{Durability, StreamHash};
use rusqlite::{Connection, OpenFlags, Statement, named_params};

use super::message::{Changes, VARIANTS};
use super::{BUSY_TIMEOUT, Result};

mod reader;

pub(crate) use reader::Reader;

/// Bytes of an attachment in one row, as the library stores it.
pub(crate) const CHUNK: usize = 128 * 1024;

const NOW: &str = "2026-11-22T10:39:39.0000000Z";
const CLIENT: &str = "benchmark";

const UPDATE: &str = "UPDATE messages SET row_version = row_version + 1, \
    change_number = 1 + (SELECT seq FROM sqlite_sequence WHERE name = 'changes'), \
    content_checksum = :checksum, modified_at = :now, modified_by = :client, committed_at = :now, \
    change_key = :change_key, predecessor_change_list = :predecessors, size = :size, \
    properties = :properties, recipients = :recipients, attachments = :attachments \
    WHERE message_id = :message_id AND row_version = :expected AND deleted_at IS NULL";
const INSERT: &str = "INSERT INTO messages (entry_uid, folder_id, row_version, change_number, is_read, \
    content_checksum, created_at, modified_at, modified_by, committed_at, change_key, \
    predecessor_change_list, size, properties, recipients, attachments) \
    VALUES (:uid, :folder, 1, 1 + (SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 1, \
    :checksum, :now, :now, :client, :now, :change_key, :predecessors, :size, :properties, \
    :recipients, :attachments)";
const JOURNAL: &str = "INSERT INTO changes (committed_at, kind, entry_uid, row_version, properties, \
    client_name, process_id, save_id) \
    VALUES (:now, :kind, :uid, :row_version, :properties, :client, :process, :save_id)";
const CURRENT: &str = "SELECT row_version, deleted_at, modified_by, committed_at FROM messages \
    WHERE message_id = ?";

/// What a save writes into the row.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    properties: String,
    recipients: String,
    attachments: String,
    predecessors: Vec<u8>,
    size: i64,
}

impl Prepared {
    /// All documents as one text, for who keeps them so; [`Reader::parse`] reads it.
    pub(crate) fn document(&self) -> String {
        [&self.properties, &self.recipients, &self.attachments]
            .map(String::as_str)
            .join("\n")
    }
}

/// The row of a message as a hand-written program would keep it.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) message_id: i64,
    pub(crate) uid: [u8; 16],
    pub(crate) row_version: i64,
}

/// A connection, opened as the library opens its own where that matters for what a commit promises.
pub(crate) fn connect(path: &Path, durability: Durability) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// Reads what saves are to write: the rows of the first messages, which the library wrote from the same changes.
pub(crate) fn variants(connection: &Connection) -> Result<Vec<Prepared>> {
    prepared(connection, "message_id <= ?", i64::try_from(VARIANTS)?)
}

/// The same of the messages after one, by number.
pub(crate) fn after(connection: &Connection, message_id: i64) -> Result<Vec<Prepared>> {
    prepared(connection, "message_id > ?", message_id)
}

fn prepared(connection: &Connection, which: &str, number: i64) -> Result<Vec<Prepared>> {
    let mut select = connection.prepare(&format!(
        "SELECT properties, recipients, attachments, predecessor_change_list, size FROM messages \
         WHERE {which} ORDER BY message_id"
    ))?;
    let rows = select.query_map([number], |row| {
        Ok(Prepared {
            properties: row.get("properties")?,
            recipients: row.get("recipients")?,
            attachments: row.get("attachments")?,
            predecessors: row.get("predecessor_change_list")?,
            size: row.get("size")?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The number of the newest message.
pub(crate) fn newest(connection: &Connection) -> Result<i64> {
    let sql = "SELECT max(message_id) AS newest FROM messages";
    Ok(connection.query_row(sql, [], |row| row.get("newest"))?)
}

/// Reads where the message at a place of the store stands now.
pub(crate) fn stored(connection: &Connection, place: usize) -> Result<Stored> {
    let sql = "SELECT message_id, entry_uid, row_version FROM messages WHERE message_id = ?";
    Ok(
        connection.query_row(sql, [1 + i64::try_from(place)?], |row| {
            Ok(Stored {
                message_id: row.get("message_id")?,
                uid: row.get("entry_uid")?,
                row_version: row.get("row_version")?,
            })
        })?,
    )
}

/// The folder that the library puts drafts into.
pub(crate) fn drafts(connection: &Connection) -> Result<i64> {
    let sql = "SELECT folder_id FROM folders WHERE kind = 'drafts'";
    Ok(connection.query_row(sql, [], |row| row.get("folder_id"))?)
}

/// Random enough for identifiers that are looked up in an index, and made in a nanosecond.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// Numbers that were never given out before.
    pub(crate) fn new() -> Random {
        Random(uuid::Uuid::new_v4().as_u64_pair().0)
    }

    /// The same numbers for the same seed.
    pub(crate) fn seeded(seed: u64) -> Random {
        Random(seed)
    }

    /// The next number (SplitMix64).
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below a limit, which is far below 2^64.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let below = self.next() % (limit.max(1) as u64);
        usize::try_from(below).unwrap_or(0)
    }

    fn bytes<const COUNT: usize>(&mut self) -> [u8; COUNT] {
        let mut bytes = [0; COUNT];
        for part in bytes.chunks_mut(8) {
            let number = self.next().to_le_bytes();
            part.iter_mut()
                .zip(number)
                .for_each(|(to, from)| *to = from);
        }
        bytes
    }
}

/// What writes.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    begin: Statement<'a>,
    commit: Statement<'a>,
    roll_back: Statement<'a>,
    update: Statement<'a>,
    insert: Statement<'a>,
    journal: Statement<'a>,
    current: Statement<'a>,
    insert_stream: Statement<'a>,
    insert_chunk: Statement<'a>,
    refer: Statement<'a>,
    connection: &'a Connection,
    random: Random,
    process: u32,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(connection: &'a Connection) -> Result<Writer<'a>> {
        Ok(Writer {
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            roll_back: connection.prepare("ROLLBACK")?,
            update: connection.prepare(UPDATE)?,
            insert: connection.prepare(INSERT)?,
            journal: connection.prepare(JOURNAL)?,
            current: connection.prepare(CURRENT)?,
            insert_stream: connection.prepare("INSERT INTO streams (hash, size) VALUES (?, ?)")?,
            insert_chunk: connection.prepare(
                "INSERT INTO stream_chunks (stream_id, position, checksum, data) VALUES (?, ?, ?, ?)",
            )?,
            refer: connection.prepare(
                "INSERT INTO stream_references (message_id, row_version, stream_id) VALUES (?, 0, ?)",
            )?,
            connection,
            random: Random::new(),
            process: std::process::id(),
        })
    }

    /// Saves a message that is at the version that is expected, which moves on.
    pub(crate) fn save(&mut self, message: &mut Stored, content: &Prepared) -> Result<()> {
        if self.try_save(message, content)? {
            return Ok(());
        }
        Err("a save of the benchmark was refused".into())
    }

    /// Saves a message, which moves on, unless it is at another version than the one that is expected; tells whether it
    /// did.
    pub(crate) fn try_save(&mut self, message: &mut Stored, content: &Prepared) -> Result<bool> {
        self.begin.execute([])?;
        let is_saved = self.save_here(message, content)?;
        if is_saved {
            self.commit.execute([])?;
        } else {
            self.roll_back.execute([])?;
        }
        Ok(is_saved)
    }

    /// Does several things in one transaction.
    pub(crate) fn together(
        &mut self,
        work: impl FnOnce(&mut Writer<'a>) -> Result<()>,
    ) -> Result<()> {
        self.begin.execute([])?;
        work(self)?;
        self.commit.execute([])?;
        Ok(())
    }

    /// Saves a message, in the transaction that was begun.
    pub(crate) fn save_within(&mut self, message: &mut Stored, content: &Prepared) -> Result<()> {
        if self.save_here(message, content)? {
            return Ok(());
        }
        Err("a save of the benchmark was refused".into())
    }

    fn save_here(&mut self, message: &mut Stored, content: &Prepared) -> Result<bool> {
        if self.update(message, content)? != 1 {
            return Ok(false);
        }
        message.row_version += 1;
        self.journal(
            "message-saved",
            &message.uid,
            message.row_version,
            Some(Changes::JOURNAL),
        )?;
        Ok(true)
    }

    /// Saves a message that somebody else has saved meanwhile: nothing is written, and the newer version is read.
    pub(crate) fn save_stale(&mut self, message: &Stored, content: &Prepared) -> Result<i64> {
        self.begin.execute([])?;
        if self.update(message, content)? != 0 {
            return Err("a stale save of the benchmark went through".into());
        }
        let (version, ..): (i64, Option<String>, String, String) =
            self.current.query_row([message.message_id], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?;
        self.roll_back.execute([])?;
        Ok(version)
    }

    /// Creates a message.
    pub(crate) fn create(&mut self, folder: i64, content: &Prepared) -> Result<[u8; 16]> {
        self.begin.execute([])?;
        let uid = self.create_within(folder, content)?;
        self.commit.execute([])?;
        Ok(uid)
    }

    /// Creates a message, in the transaction that was begun.
    pub(crate) fn create_within(&mut self, folder: i64, content: &Prepared) -> Result<[u8; 16]> {
        let uid = self.insert(folder, content, &content.attachments)?;
        self.journal("message-created", &uid, 1, Some(Changes::JOURNAL))?;
        Ok(uid)
    }

    /// Creates a message with an attachment of a size. The stream is found by a random number in place of its hash.
    pub(crate) fn create_with_attachment(
        &mut self,
        folder: i64,
        content: &Prepared,
        size: usize,
        mut data: impl Read,
    ) -> Result<[u8; 16]> {
        let hash = StreamHash::from_bytes(self.random.bytes());
        let attachments = format!(
            r#"{{"next_number":1,"rows":[{{"number":0,"properties":{{"37010102":{{"stream":"{hash}","size":{size}}},"37050003":1,"3707001F":"figures.bin","370B0003":-1}}}}]}}"#
        );
        self.begin.execute([])?;
        self.insert_stream
            .execute((hash.as_bytes(), i64::try_from(size)?))?;
        let stream = self.connection.last_insert_rowid();
        let mut chunk = vec![0; CHUNK];
        for position in (0..size).step_by(CHUNK) {
            let part = chunk
                .get_mut(..CHUNK.min(size - position))
                .unwrap_or_default();
            data.read_exact(part)?;
            let checksum = self.random.next().cast_signed();
            self.insert_chunk
                .execute((stream, i64::try_from(position)?, checksum, &*part))?;
        }
        let uid = self.insert(folder, content, &attachments)?;
        self.refer
            .execute((self.connection.last_insert_rowid(), stream))?;
        self.journal("message-created", &uid, 1, Some(Changes::JOURNAL))?;
        self.commit.execute([])?;
        Ok(uid)
    }

    fn update(&mut self, message: &Stored, content: &Prepared) -> Result<usize> {
        Ok(self.update.execute(named_params! {
            ":checksum": self.random.next().cast_signed(),
            ":now": NOW,
            ":client": CLIENT,
            ":change_key": self.random.bytes::<24>(),
            ":predecessors": content.predecessors,
            ":size": content.size,
            ":properties": content.properties,
            ":recipients": content.recipients,
            ":attachments": content.attachments,
            ":message_id": message.message_id,
            ":expected": message.row_version,
        })?)
    }

    fn insert(&mut self, folder: i64, content: &Prepared, attachments: &str) -> Result<[u8; 16]> {
        let uid = self.random.bytes::<16>();
        self.insert.execute(named_params! {
            ":uid": uid,
            ":folder": folder,
            ":checksum": self.random.next().cast_signed(),
            ":now": NOW,
            ":client": CLIENT,
            ":change_key": self.random.bytes::<24>(),
            ":predecessors": content.predecessors,
            ":size": content.size,
            ":properties": content.properties,
            ":recipients": content.recipients,
            ":attachments": attachments,
        })?;
        Ok(uid)
    }

    fn journal(
        &mut self,
        kind: &str,
        uid: &[u8; 16],
        row_version: i64,
        properties: Option<&str>,
    ) -> Result<()> {
        self.journal.execute(named_params! {
            ":now": NOW,
            ":kind": kind,
            ":uid": uid,
            ":row_version": row_version,
            ":properties": properties,
            ":client": CLIENT,
            ":process": self.process,
            ":save_id": self.random.bytes::<16>(),
        })?;
        Ok(())
    }
}
