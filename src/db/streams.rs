//! Large values: immutable, in chunks, found by the hash of their content once sealed, stored once.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, named_params};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::db::check::SealedStream;
use crate::db::failure::while_doing;
use crate::db::transaction::WriteTransaction;
use crate::error::{Error, Result};
use crate::model::{ChangeNumber, StreamHash, StreamReference};

/// Bytes in one chunk. A chunk is the unit of verification and of random reading.
pub(crate) const CHUNK_SIZE: usize = 128 * 1024;

/// The row of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StreamId(pub(super) i64);

/// A chunk that is read at the wrong place must not pass, so the place is part of what is summed.
pub(crate) fn chunk_checksum(position: u64, data: &[u8]) -> i64 {
    i64::from_ne_bytes(xxh3_64_with_seed(data, position).to_ne_bytes())
}

pub(super) fn column(size: u64) -> Result<i64> {
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

pub(super) fn gone(hash: StreamHash) -> Error {
    Error::CorruptStore {
        detail: format!("stream {hash} is not in the store"),
        source: None,
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

/// Deletes a stream with its chunks (by trigger). The foreign key refuses it while anything refers to it.
pub(super) fn delete(tx: &WriteTransaction<'_>, stream: StreamId) -> Result<()> {
    tx.connection
        .prepare_cached("DELETE FROM streams WHERE stream_id = ?")
        .and_then(|mut delete| delete.execute([stream.0]))
        .map_err(while_doing("deleting a stream"))?;
    Ok(())
}
