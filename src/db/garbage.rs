//! Streams that nothing refers to, and how they go.

use rusqlite::{Connection, named_params};

use crate::db::failure::while_doing;
use crate::db::pages;
use crate::db::streams::{self, StreamId};
use crate::db::transaction::WriteTransaction;
use crate::error::Result;
use crate::model::ChangeNumber;

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
    let page = connection
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
        .map_err(while_doing("looking for unreferenced streams"))?;
    pages::in_order("streams", after, page, |row: &Unreferenced| {
        Some(row.stream)
    })
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
        streams::delete(tx, stream)?;
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
