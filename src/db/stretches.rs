//! Reading large values, a stretch at a time.

use std::fmt::Display;
use std::ops::Range;

use rusqlite::{Connection, Row, Rows, named_params};

use crate::db::failure::while_doing;
use crate::db::streams::{StreamId, chunk_checksum, column, find, gone};
use crate::error::{Error, Result};
use crate::model::StreamHash;

/// How many chunks are read at once at most.
pub(crate) const MOST_CHUNKS: u32 = 4;

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
