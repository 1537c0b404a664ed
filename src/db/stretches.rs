//! Reading large values, a stretch at a time.

use std::fmt::Display;
use std::ops::Range;

use rusqlite::blob::Blob;
use rusqlite::{Connection, Rows, named_params};

use crate::db::failure::while_doing;
use crate::db::streams::{CHUNK_SIZE, StreamId, chunk_checksum, column, find, gone};
use crate::error::{Error, Result};
use crate::model::StreamHash;

/// How many chunks are read at once at most.
pub(crate) const MOST_CHUNKS: u32 = 4;

/// A stretch of a stream.
#[derive(Debug, Default)]
pub(crate) struct Stretch {
    position: u64,
    /// As large as the largest that was read into it.
    buffer: Vec<u8>,
    filled: usize,
}

impl Stretch {
    /// What it has from that byte on; nothing if it does not hold the byte.
    pub(crate) fn from(&self, position: u64) -> &[u8] {
        let held = self.buffer.get(..self.filled).unwrap_or_default();
        position
            .checked_sub(self.position)
            .and_then(|at| held.get(usize::try_from(at).ok()?..))
            .unwrap_or_default()
    }

    /// The byte after its last.
    pub(crate) fn end(&self) -> u64 {
        self.position + self.filled as u64
    }

    /// Where as much as that comes after what it has.
    fn room_for(&mut self, size: usize) -> &mut [u8] {
        let end = self.filled + size;
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        self.buffer.get_mut(self.filled..end).unwrap_or_default()
    }
}

/// A chunk of an unsealed stream.
#[derive(Debug)]
pub(crate) struct UnsealedChunk {
    pub(crate) position: u64,
    pub(crate) data: Vec<u8>,
}

/// Reads the chunks of an unsealed stream that begin in a range, in order, and verifies them.
pub(crate) fn read_unsealed(
    connection: &Connection,
    stream: StreamId,
    range: Range<u64>,
) -> Result<Vec<UnsealedChunk>> {
    const SELECT: &str = "SELECT position, checksum, data FROM stream_chunks \
        WHERE stream_id = ? AND position >= ? AND position < ? ORDER BY position";
    let mut select = connection
        .prepare_cached(SELECT)
        .map_err(while_doing("reading a stream"))?;
    let mut rows = select
        .query((stream.0, range.start.cast_signed(), range.end.cast_signed()))
        .map_err(while_doing("reading a stream"))?;
    let mut chunks = Vec::new();
    while let Some(row) = rows.next().map_err(while_doing("reading a stream"))? {
        let read = || -> rusqlite::Result<_> {
            let position: i64 = row.get("position")?;
            let data = row.get_ref("data")?.as_blob()?;
            Ok((position.unsigned_abs(), row.get("checksum")?, data))
        };
        let (position, checksum, data) = read().map_err(while_doing("reading a stream"))?;
        verify("that is being written", position, checksum, data)?;
        chunks.push(UnsealedChunk {
            position,
            data: data.to_vec(),
        });
    }
    Ok(chunks)
}

/// Reads the chunk that holds the byte at `position` and those that follow it, `most` altogether, and verifies them; nothing at
/// or past the end. What `into` held is gone.
///
/// One statement finds all of them: each on its own would look the stream up anew, and lock and unlock the log besides. What the rows say of themselves
/// is compared with what the indexes said of them: a damaged index leads to sound chunks of another stream, whose checksums are right.
pub(crate) fn read_sealed(
    connection: &Connection,
    hash: StreamHash,
    position: u64,
    most: u32,
    into: &mut Stretch,
) -> Result<()> {
    const SELECT: &str = "SELECT stream.hash AS hash, piece.stream_id = stream.stream_id \
        AND piece.position = place.position AND typeof(piece.data) = 'blob' AS is_right, \
        place.position AS position, piece.checksum AS checksum, piece.chunk_id AS chunk_id, length(piece.data) AS size \
        FROM streams AS found CROSS JOIN streams AS stream ON stream.stream_id = found.stream_id \
        CROSS JOIN stream_chunks AS place ON place.stream_id = found.stream_id \
        CROSS JOIN stream_chunks AS piece ON piece.chunk_id = place.chunk_id \
        WHERE found.hash = :hash AND place.position >= (SELECT max(first.position) FROM stream_chunks AS first \
        WHERE first.stream_id = found.stream_id AND first.position <= :position) \
        ORDER BY place.position LIMIT :most";
    into.filled = 0;
    let mut select = connection
        .prepare_cached(SELECT)
        .map_err(while_doing("reading a stream"))?;
    let parameters = named_params! {
        ":hash": hash, ":position": column(position).unwrap_or(i64::MAX), ":most": most,
    };
    let mut rows = select
        .query(parameters)
        .map_err(while_doing("reading a stream"))?;
    let mut blob = None;
    loop {
        let read = next_piece(&mut rows, hash).and_then(|piece| match piece {
            Some(piece) if into.filled == 0 || piece.position == into.end() => {
                load(connection, &mut blob, hash, &piece, into).map(|()| true)
            }
            _ => Ok(false),
        });
        match read {
            Ok(true) => {}
            Ok(false) => break,
            // What is wrong further on is told to who reads that far.
            Err(_) if into.filled > 0 => break,
            Err(error) => return Err(error),
        }
    }
    // Nothing is there for one past the end of a stream, or if there is no such stream.
    if into.filled == 0 && find(connection, hash)?.is_none() {
        return Err(gone(hash));
    }
    Ok(())
}

/// A chunk of a sealed stream, as far as it is known without its bytes.
struct Piece {
    chunk_id: i64,
    position: u64,
    size: usize,
    checksum: i64,
}

fn next_piece(rows: &mut Rows<'_>, hash: StreamHash) -> Result<Option<Piece>> {
    let row = rows.next().map_err(while_doing("reading a stream"))?;
    let Some(row) = row else { return Ok(None) };
    let read = || -> rusqlite::Result<(bool, Piece)> {
        let is_right = row.get::<_, StreamHash>("hash")? == hash && row.get("is_right")?;
        let piece = Piece {
            chunk_id: row.get("chunk_id")?,
            position: row.get::<_, i64>("position")?.unsigned_abs(),
            size: row.get::<_, u32>("size")? as usize,
            checksum: row.get("checksum")?,
        };
        Ok((is_right, piece))
    };
    let (is_right, piece) = read().map_err(while_doing("reading a stream"))?;
    if is_right && piece.size <= CHUNK_SIZE {
        return Ok(Some(piece));
    }
    Err(Error::CorruptStore {
        detail: format!(
            "stream {hash} is damaged at byte {}: the index leads to something else",
            piece.position
        ),
        source: None,
    })
}

/// Reads the bytes of a chunk to the end of what was read before it. From the file right to their place: as the value of a
/// column they would be copied once more.
fn load<'connection>(
    connection: &'connection Connection,
    blob: &mut Option<Blob<'connection>>,
    hash: StreamHash,
    piece: &Piece,
    into: &mut Stretch,
) -> Result<()> {
    if into.filled == 0 {
        into.position = piece.position;
    }
    let to = into.room_for(piece.size);
    let mut read = || -> rusqlite::Result<()> {
        let opened = match blob.take() {
            None => connection.blob_open("main", "stream_chunks", "data", piece.chunk_id, true)?,
            Some(mut opened) => {
                opened.reopen(piece.chunk_id)?;
                opened
            }
        };
        opened.read_at_exact(to, 0)?;
        *blob = Some(opened);
        Ok(())
    };
    read().map_err(while_doing("reading a stream"))?;
    verify(hash, piece.position, piece.checksum, to)?;
    into.filled += piece.size;
    Ok(())
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
