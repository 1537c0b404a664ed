//! Large values: immutable, in chunks, found by the hash of their content once sealed, stored once.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::Range;

use rusqlite::{Connection, OptionalExtension, Row, Rows, named_params};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::db::check::SealedStream;
use crate::db::failure::while_doing;
use crate::db::transaction::WriteTransaction;
use crate::error::{Error, Result};
use crate::model::{ChangeNumber, StreamHash, StreamReference};

/// Bytes in one chunk. A chunk is the unit of verification and of random reading.
pub(crate) const CHUNK_SIZE: usize = 128 * 1024;

/// How many chunks are read at once at most.
pub(crate) const MOST_CHUNKS: u32 = 4;

/// The row of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StreamId(i64);

/// A stretch of a stream.
#[derive(Debug, Default)]
pub(crate) struct Stretch {
    pub(crate) position: u64,
    pub(crate) data: Vec<u8>,
}

impl Stretch {
    /// What it has from that byte on; nothing if it does not hold the byte.
    pub(crate) fn from(&self, position: u64) -> &[u8] {
        position
            .checked_sub(self.position)
            .and_then(|at| self.data.get(usize::try_from(at).ok()?..))
            .unwrap_or_default()
    }
}

/// A chunk that is read at the wrong place must not pass, so the place is part of what is summed.
pub(crate) fn chunk_checksum(position: u64, data: &[u8]) -> i64 {
    i64::from_ne_bytes(xxh3_64_with_seed(data, position).to_ne_bytes())
}

fn column(size: u64) -> Result<i64> {
    i64::try_from(size).map_err(|_| Error::TooBig {
        detail: format!("a stream of {size} bytes"),
    })
}

/// The sealed stream of this content.
pub(crate) fn find(connection: &Connection, hash: StreamHash) -> Result<Option<StreamId>> {
    connection
        .prepare_cached("SELECT stream_id FROM streams WHERE hash = ?")
        .and_then(|mut select| {
            select
                .query_row([hash], |row| row.get("stream_id").map(StreamId))
                .optional()
        })
        .map_err(while_doing("looking for a stream"))
}

/// Begins a stream that grows over several transactions. Until it is sealed nobody finds it; until something
/// refers to it, it is waste since the change under way, which the writer's pin keeps from being collected.
pub(crate) fn begin(tx: &WriteTransaction<'_>) -> Result<StreamId> {
    insert(tx, None, 0, Some(tx.next_change()?))
}

fn insert(
    tx: &WriteTransaction<'_>,
    hash: Option<StreamHash>,
    size: u64,
    unreferenced_since: Option<ChangeNumber>,
) -> Result<StreamId> {
    tx.connection
        .prepare_cached("INSERT INTO streams (hash, size, unreferenced_since) VALUES (?, ?, ?)")
        .and_then(|mut insert| insert.execute((hash, size.cast_signed(), unreferenced_since)))
        .map_err(while_doing("storing a stream"))?;
    Ok(StreamId(tx.connection.last_insert_rowid()))
}

/// Adds to the end of a stream, in chunks.
fn append(tx: &WriteTransaction<'_>, stream: StreamId, position: u64, data: &[u8]) -> Result<()> {
    let mut insert = tx
        .connection
        .prepare_cached(
            "INSERT INTO stream_chunks (stream_id, position, checksum, data) VALUES (?, ?, ?, ?)",
        )
        .map_err(while_doing("storing a stream"))?;
    let mut position = position;
    for chunk in data.chunks(CHUNK_SIZE) {
        insert
            .execute((
                stream.0,
                column(position)?,
                chunk_checksum(position, chunk),
                chunk,
            ))
            .map_err(while_doing("storing a stream"))?;
        position += chunk.len() as u64;
    }
    Ok(())
}

/// Writes chunks of an unsealed stream, over those that are there. `position` is a multiple of [`CHUNK_SIZE`].
pub(crate) fn replace(
    tx: &WriteTransaction<'_>,
    stream: StreamId,
    position: u64,
    data: &[u8],
) -> Result<()> {
    // What is sealed may be shared with other messages already.
    const REPLACE: &str = "INSERT INTO stream_chunks (stream_id, position, checksum, data) \
        SELECT stream_id, :position, :checksum, :data FROM streams WHERE stream_id = :stream AND hash IS NULL \
        ON CONFLICT (stream_id, position) DO UPDATE SET checksum = excluded.checksum, data = excluded.data";
    let mut replace = tx
        .connection
        .prepare_cached(REPLACE)
        .map_err(while_doing("storing a stream"))?;
    let mut position = position;
    for chunk in data.chunks(CHUNK_SIZE) {
        let written = replace
            .execute(named_params! {
                ":stream": stream.0,
                ":position": column(position)?,
                ":checksum": chunk_checksum(position, chunk),
                ":data": chunk,
            })
            .map_err(while_doing("storing a stream"))?;
        if written == 0 {
            return Err(Error::CallFailed {
                detail:
                    "the stream was sealed by a commit whose outcome is unknown; repeat that commit"
                        .to_owned(),
                source: None,
            });
        }
        position += chunk.len() as u64;
    }
    Ok(())
}

/// Reads the chunks of an unsealed stream that begin in a range, in order, and verifies them.
pub(crate) fn read_unsealed(
    connection: &Connection,
    stream: StreamId,
    range: Range<u64>,
) -> Result<Vec<Stretch>> {
    const SELECT: &str = "SELECT position, checksum, data FROM stream_chunks \
        WHERE stream_id = ? AND position >= ? AND position < ? ORDER BY position";
    let mut select = connection
        .prepare_cached(SELECT)
        .map_err(while_doing("reading a stream"))?;
    let mut rows = select
        .query((stream.0, range.start.cast_signed(), range.end.cast_signed()))
        .map_err(while_doing("reading a stream"))?;
    let mut stretches = Vec::new();
    while let Some(row) = rows.next().map_err(while_doing("reading a stream"))? {
        let (position, checksum, data) = piece(row).map_err(while_doing("reading a stream"))?;
        verify("that is being written", position, checksum, data)?;
        stretches.push(Stretch {
            position,
            data: data.to_vec(),
        });
    }
    Ok(stretches)
}

/// Deletes at most `limit` chunks of an unsealed stream that begin at or past its new end.
pub(crate) fn cut(
    tx: &WriteTransaction<'_>,
    stream: StreamId,
    end: u64,
    limit: u32,
) -> Result<Cut> {
    let deleted = tx
        .connection
        .prepare_cached(
            "DELETE FROM stream_chunks WHERE chunk_id IN (SELECT chunk_id FROM stream_chunks \
             WHERE stream_id = ? AND position >= ? ORDER BY position DESC LIMIT ?)",
        )
        .and_then(|mut delete| delete.execute((stream.0, end.cast_signed(), limit)))
        .map_err(while_doing("cutting a stream"))?;
    Ok(if deleted < limit as usize {
        Cut::Done
    } else {
        Cut::More
    })
}

/// Whether the tail of a stream is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    Done,
    More,
}

/// Gives a grown stream its hash. Where equal content is stored already, that is used and this one goes; it
/// counts as unreferenced only from now on, or it might be collected before the save that will refer to it.
pub(crate) fn seal(
    tx: &WriteTransaction<'_>,
    stream: StreamId,
    reference: StreamReference,
) -> Result<StreamId> {
    if let Some(twin) = find(tx.connection, reference.hash)? {
        // Its own twin is a stream whose sealing was committed though nobody was told.
        if twin != stream {
            delete(tx, stream)?;
        }
        let now = tx.next_change()?;
        tx.connection
            .prepare_cached(
                "UPDATE streams SET unreferenced_since = ? \
                 WHERE stream_id = ? AND unreferenced_since IS NOT NULL",
            )
            .and_then(|mut update| update.execute((now, twin.0)))
            .map_err(while_doing("sealing a stream"))?;
        return Ok(twin);
    }
    tx.connection
        .prepare_cached("UPDATE streams SET hash = ?, size = ? WHERE stream_id = ?")
        .and_then(|mut update| {
            update.execute((reference.hash, reference.size.cast_signed(), stream.0))
        })
        .map_err(while_doing("sealing a stream"))?;
    Ok(stream)
}

/// Stores small content whole, if it is not stored already, in the transaction that will refer to it.
fn store_whole(tx: &WriteTransaction<'_>, hash: StreamHash, data: &[u8]) -> Result<StreamId> {
    if let Some(stored) = find(tx.connection, hash)? {
        return Ok(stored);
    }
    let stream = insert(tx, Some(hash), data.len() as u64, None)?;
    append(tx, stream, 0, data)?;
    Ok(stream)
}

/// Content by its hash, where the caller has it in memory.
pub(crate) trait PendingStreams {
    /// The bytes of a stream that may not be stored yet.
    fn bytes(&self, hash: StreamHash) -> Option<&[u8]>;
}

/// Makes a message, or nothing yet, refer to exactly these streams; stores those that are missing.
///
/// The foreign key is what keeps a save from referring to a stream that was collected a moment before: such a
/// stream is not found here, and stored again.
pub(crate) fn refer(
    tx: &WriteTransaction<'_>,
    message_id: i64,
    wanted: &BTreeSet<StreamReference>,
    pending: &dyn PendingStreams,
) -> Result<()> {
    let mut present: BTreeSet<i64> = tx
        .connection
        .prepare_cached(
            "SELECT stream_id FROM stream_references WHERE message_id = ? AND row_version = 0",
        )
        .and_then(|mut select| {
            select
                .query_map([message_id], |row| row.get("stream_id"))?
                .collect()
        })
        .map_err(while_doing("reading the streams of a message"))?;
    for reference in wanted {
        let stream = match pending.bytes(reference.hash) {
            Some(data) => store_whole(tx, reference.hash, data)?,
            None => find(tx.connection, reference.hash)?.ok_or_else(|| gone(reference.hash))?,
        };
        if !present.remove(&stream.0) {
            tx.connection
                .prepare_cached(
                    "INSERT OR IGNORE INTO stream_references (message_id, row_version, stream_id) \
                     VALUES (?, 0, ?)",
                )
                .and_then(|mut insert| insert.execute((message_id, stream.0)))
                .map_err(while_doing("referring to a stream"))?;
        }
    }
    for stream in present {
        tx.connection
            .prepare_cached(
                "DELETE FROM stream_references \
                 WHERE message_id = ? AND row_version = 0 AND stream_id = ?",
            )
            .and_then(|mut delete| delete.execute((message_id, stream)))
            .map_err(while_doing("releasing a stream"))?;
    }
    Ok(())
}

fn gone(hash: StreamHash) -> Error {
    Error::CorruptStore {
        detail: format!("stream {hash} is not in the store"),
        source: None,
    }
}

/// Reads the chunk that holds the byte at `position` and those that follow it, `most` altogether, and verifies them; nothing at
/// or past the end. What `into` held is gone.
///
/// All in one statement: each on its own is looked up anew, and locks and unlocks the log besides. What the rows say of themselves
/// is compared with what the indexes said of them: a damaged index leads to sound chunks of another stream, whose checksums are right.
pub(crate) fn read_sealed(
    connection: &Connection,
    hash: StreamHash,
    position: u64,
    most: u32,
    into: &mut Stretch,
) -> Result<()> {
    const SELECT: &str = "SELECT stream.hash AS hash, \
        piece.stream_id = stream.stream_id AND piece.position = place.position AS is_right, \
        place.position AS position, piece.checksum AS checksum, piece.data AS data \
        FROM streams AS found CROSS JOIN streams AS stream ON stream.stream_id = found.stream_id \
        CROSS JOIN stream_chunks AS place ON place.stream_id = found.stream_id \
        CROSS JOIN stream_chunks AS piece ON piece.chunk_id = place.chunk_id \
        WHERE found.hash = :hash AND place.position >= (SELECT max(first.position) FROM stream_chunks AS first \
        WHERE first.stream_id = found.stream_id AND first.position <= :position) \
        ORDER BY place.position LIMIT :most";
    into.data.clear();
    let mut select = connection
        .prepare_cached(SELECT)
        .map_err(while_doing("reading a stream"))?;
    let parameters = named_params! {
        ":hash": hash, ":position": column(position).unwrap_or(i64::MAX), ":most": most,
    };
    let mut rows = select
        .query(parameters)
        .map_err(while_doing("reading a stream"))?;
    loop {
        match next_piece(&mut rows, hash) {
            Ok(Some((start, data))) => {
                if into.data.is_empty() {
                    into.position = start;
                } else if start != into.position + into.data.len() as u64 {
                    break;
                }
                into.data.extend_from_slice(data);
            }
            Ok(None) => break,
            // What is wrong further on is told to who reads that far.
            Err(_) if !into.data.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    // Nothing is there for one past the end of a stream, or if there is no such stream.
    if into.data.is_empty() && find(connection, hash)?.is_none() {
        return Err(gone(hash));
    }
    Ok(())
}

/// The next chunk of a sealed stream, verified, where SQLite has it.
fn next_piece<'rows>(
    rows: &'rows mut Rows<'_>,
    hash: StreamHash,
) -> Result<Option<(u64, &'rows [u8])>> {
    let Some(row) = rows.next().map_err(while_doing("reading a stream"))? else {
        return Ok(None);
    };
    let found = || -> rusqlite::Result<bool> {
        Ok(row.get::<_, StreamHash>("hash")? == hash && row.get("is_right")?)
    };
    let (position, checksum, data) = piece(row).map_err(while_doing("reading a stream"))?;
    if !found().map_err(while_doing("reading a stream"))? {
        return Err(Error::CorruptStore {
            detail: format!(
                "stream {hash} is damaged at byte {position}: the index leads to another one"
            ),
            source: None,
        });
    }
    verify(hash, position, checksum, data)?;
    Ok(Some((position, data)))
}

/// A chunk where SQLite has it.
fn piece<'row>(row: &'row Row<'_>) -> rusqlite::Result<(u64, i64, &'row [u8])> {
    let position: i64 = row.get("position")?;
    let data = row.get_ref("data")?.as_blob()?;
    Ok((position.unsigned_abs(), row.get("checksum")?, data))
}

fn verify(stream: impl Display, position: u64, checksum: i64, data: &[u8]) -> Result<()> {
    if chunk_checksum(position, data) == checksum {
        Ok(())
    } else {
        Err(Error::CorruptStore {
            detail: format!("stream {stream} is damaged at byte {position}: the checksum differs"),
            source: None,
        })
    }
}

/// How many bytes the chunks of a sealed stream have altogether; none if it is no longer there.
pub(crate) fn stored_size(connection: &Connection, stream: &SealedStream) -> Result<Option<u64>> {
    connection
        .prepare_cached(
            "SELECT (SELECT coalesce(sum(length(data)), 0) FROM stream_chunks \
             WHERE stream_chunks.stream_id = streams.stream_id) AS bytes \
             FROM streams WHERE stream_id = ? AND hash = ?",
        )
        .and_then(|mut select| {
            let parameters = (stream.stream_id, stream.hash);
            select
                .query_row(parameters, |row| row.get::<_, i64>("bytes"))
                .optional()
        })
        .map(|bytes| bytes.map(i64::unsigned_abs))
        .map_err(while_doing("measuring a stream"))
}

/// A stream that nothing refers to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unreferenced {
    pub(crate) stream: StreamId,
    pub(crate) since: ChangeNumber,
}

/// The newest stream; none before there is any.
pub(crate) fn newest(connection: &Connection) -> Result<StreamId> {
    connection
        .prepare_cached("SELECT coalesce(max(stream_id), 0) AS newest FROM streams")
        .and_then(|mut select| select.query_row([], |row| row.get("newest").map(StreamId)))
        .map_err(while_doing("looking for unreferenced streams"))
}

/// The unreferenced streams after one and up to another, in order.
pub(crate) fn unreferenced(
    connection: &Connection,
    after: Option<StreamId>,
    end: StreamId,
    limit: u32,
) -> Result<Vec<Unreferenced>> {
    connection
        .prepare_cached(
            "SELECT stream_id, unreferenced_since FROM streams \
             WHERE stream_id > ? AND stream_id <= ? AND unreferenced_since IS NOT NULL \
             ORDER BY stream_id LIMIT ?",
        )
        .and_then(|mut select| {
            select
                .query_map((after.map_or(0, |stream| stream.0), end.0, limit), |row| {
                    Ok(Unreferenced {
                        stream: row.get("stream_id").map(StreamId)?,
                        since: row.get("unreferenced_since")?,
                    })
                })?
                .collect()
        })
        .map_err(while_doing("looking for unreferenced streams"))
}

/// Takes a stream out of reach, if it is still unreferenced since the same change; the mark alone is not trusted, since
/// its chunks go before the foreign key could object. From then on nobody finds
/// it, so that its chunks can go in several transactions.
pub(crate) fn condemn(tx: &WriteTransaction<'_>, candidate: Unreferenced) -> Result<Condemned> {
    let condemned = tx
        .connection
        .prepare_cached(
            "UPDATE streams SET hash = NULL WHERE stream_id = ? AND unreferenced_since = ? AND NOT EXISTS \
             (SELECT 1 FROM stream_references WHERE stream_references.stream_id = streams.stream_id)",
        )
        .and_then(|mut update| update.execute((candidate.stream.0, candidate.since)))
        .map_err(while_doing("collecting a stream"))?;
    Ok(if condemned == 0 {
        Condemned::No
    } else {
        Condemned::Yes
    })
}

/// Whether a stream was taken out of reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condemned {
    Yes,
    No,
}

/// Deletes at most `chunks` chunks of a condemned stream, and the stream with the last of them. Returns the
/// bytes that went, and whether that was all.
pub(crate) fn delete_some(
    tx: &WriteTransaction<'_>,
    stream: StreamId,
    chunks: u32,
) -> Result<(u64, Deleted)> {
    let lengths: Vec<i64> = tx
        .connection
        .prepare_cached(
            "DELETE FROM stream_chunks WHERE chunk_id IN (SELECT chunk_id FROM stream_chunks \
             WHERE stream_id = :stream ORDER BY position LIMIT :limit) RETURNING length(data) AS bytes",
        )
        .and_then(|mut delete| {
            delete
                .query_map(named_params! { ":stream": stream.0, ":limit": chunks }, |row| row.get("bytes"))?
                .collect()
        })
        .map_err(while_doing("collecting a stream"))?;
    let bytes = lengths.iter().map(|length| length.unsigned_abs()).sum();
    if lengths.len() < chunks as usize {
        delete(tx, stream)?;
        return Ok((bytes, Deleted::All));
    }
    Ok((bytes, Deleted::Part))
}

/// Whether a stream is gone for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deleted {
    All,
    Part,
}

/// Deletes a stream with its chunks (by trigger). The foreign key refuses it while anything refers to it.
fn delete(tx: &WriteTransaction<'_>, stream: StreamId) -> Result<()> {
    tx.connection
        .prepare_cached("DELETE FROM streams WHERE stream_id = ?")
        .and_then(|mut delete| delete.execute([stream.0]))
        .map_err(while_doing("deleting a stream"))?;
    Ok(())
}
