//! The other side: SQLite by hand, with the statements that the same action needs at least, all prepared beforehand.
//!
//! What it writes was made before the measurement: documents, times, checksums and the rest. Identifiers that must be
//! new are random numbers. Nothing is verified, nobody is told why a save was refused, and no save can be
//! repeated without harm; that is what the library adds.

use std::collections::BTreeMap;
use std::path::Path;

use mapistore::{Durability, StreamHash};
use rusqlite::{Connection, OpenFlags, Statement, named_params};
use serde::Deserialize;

use super::message::{Changes, VARIANTS};
use super::{BUSY_TIMEOUT, Result};

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
const SELECT: &str = "SELECT message_id, folder_id, row_version, change_number, deleted_at, is_read, \
    message_status, is_associated, content_checksum, created_at, modified_at, modified_by, \
    committed_at, change_key, predecessor_change_list, size, properties, recipients, attachments \
    FROM messages WHERE entry_uid = ?";

/// What a save writes into the row.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    properties: String,
    recipients: String,
    attachments: String,
    predecessors: Vec<u8>,
    size: i64,
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
    let mut select = connection.prepare(
        "SELECT properties, recipients, attachments, predecessor_change_list, size FROM messages \
         ORDER BY message_id LIMIT ?",
    )?;
    let rows = select.query_map([i64::try_from(VARIANTS)?], |row| {
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
    fn new() -> Random {
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
        self.begin.execute([])?;
        if self.update(message, content)? != 1 {
            return Err("a save of the benchmark was refused".into());
        }
        message.row_version += 1;
        self.journal(
            "message-saved",
            &message.uid,
            message.row_version,
            Some(Changes::JOURNAL),
        )?;
        self.commit.execute([])?;
        Ok(())
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
        let uid = self.insert(folder, content, &content.attachments)?;
        self.journal("message-created", &uid, 1, Some(Changes::JOURNAL))?;
        self.commit.execute([])?;
        Ok(uid)
    }

    /// Creates a message with an attachment. The stream is found by a random number in place of its hash.
    pub(crate) fn create_with_attachment(
        &mut self,
        folder: i64,
        content: &Prepared,
        data: &[u8],
    ) -> Result<[u8; 16]> {
        let hash = StreamHash::from_bytes(self.random.bytes());
        let attachments = format!(
            r#"{{"next_number":1,"rows":[{{"number":0,"properties":{{"37010102":{{"stream":"{hash}","size":{}}},"37050003":1,"3707001F":"figures.bin","370B0003":-1}}}}]}}"#,
            data.len()
        );
        self.begin.execute([])?;
        self.insert_stream
            .execute((hash.as_bytes(), i64::try_from(data.len())?))?;
        let stream = self.connection.last_insert_rowid();
        for (place, chunk) in data.chunks(CHUNK).enumerate() {
            let checksum = self.random.next().cast_signed();
            let position = i64::try_from(place * CHUNK)?;
            self.insert_chunk
                .execute((stream, position, checksum, chunk))?;
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

/// Properties by their tags. The keys hold nothing that would have to be unescaped, so they stay where they are.
type Properties<'a> = BTreeMap<&'a str, serde_json::Value>;

#[derive(Debug, Deserialize)]
struct Row<'a> {
    #[serde(alias = "row_id")]
    number: u32,
    #[serde(borrow)]
    properties: Properties<'a>,
}

#[derive(Debug, Deserialize)]
struct Attachments<'a> {
    next_number: u32,
    #[serde(borrow)]
    rows: Vec<Row<'a>>,
}

/// What reads.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    select: Statement<'a>,
    find_stream: Statement<'a>,
    chunks: Statement<'a>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(connection: &'a Connection) -> Result<Reader<'a>> {
        Ok(Reader {
            select: connection.prepare(SELECT)?,
            find_stream: connection.prepare("SELECT stream_id FROM streams WHERE hash = ?")?,
            chunks: connection
                .prepare("SELECT data FROM stream_chunks WHERE stream_id = ? ORDER BY position")?,
        })
    }

    /// Opens a message: reads its row and parses its documents. Returns the hash of its first attachment.
    pub(crate) fn open(&mut self, uid: &[u8; 16]) -> Result<Option<StreamHash>> {
        let mut rows = self.select.query([uid])?;
        let row = rows.next()?.ok_or("there is no such message")?;
        let numbers: [Option<i64>; 9] = [
            row.get(0)?,
            row.get(1)?,
            row.get(2)?,
            row.get(3)?,
            row.get(5)?,
            row.get(6)?,
            row.get(7)?,
            row.get(8)?,
            row.get(15)?,
        ];
        let texts: [Option<String>; 5] = [
            row.get(4)?,
            row.get(9)?,
            row.get(10)?,
            row.get(11)?,
            row.get(12)?,
        ];
        let blobs: [Vec<u8>; 2] = [row.get(13)?, row.get(14)?];
        let documents: [String; 3] = [row.get(16)?, row.get(17)?, row.get(18)?];
        let [properties, recipients, attachments] = &documents;
        let properties: Properties<'_> = serde_json::from_str(properties)?;
        let recipients: Vec<Row<'_>> = serde_json::from_str(recipients)?;
        let attachments: Attachments<'_> = serde_json::from_str(attachments)?;
        let stream = attachments.rows.first().and_then(|row| {
            row.properties
                .get("37010102")?
                .get("stream")?
                .as_str()?
                .parse()
                .ok()
        });
        std::hint::black_box((numbers, texts, blobs, properties, recipients));
        std::hint::black_box(attachments.next_number);
        std::hint::black_box(attachments.rows.iter().map(|row| row.number).sum::<u32>());
        Ok(stream)
    }

    /// Reads an attachment through a buffer. Returns its size.
    pub(crate) fn read_attachment(&mut self, hash: StreamHash, buffer: &mut [u8]) -> Result<usize> {
        let stream: i64 = self
            .find_stream
            .query_row([hash.as_bytes()], |row| row.get(0))?;
        let mut rows = self.chunks.query([stream])?;
        let mut size = 0;
        while let Some(row) = rows.next()? {
            for part in row.get_ref(0)?.as_blob()?.chunks(buffer.len()) {
                if let Some(to) = buffer.get_mut(..part.len()) {
                    to.copy_from_slice(part);
                }
                std::hint::black_box(&mut *buffer);
                size += part.len();
            }
        }
        Ok(size)
    }
}
