//! A value that is being written: in memory while it is small, else in a stream of the store that is not sealed yet.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Read;
use std::ops::Range;

use crate::db::streams::{self, CHUNK_SIZE, Cut, StreamId};
use crate::db::stretches;
use crate::error::{Error, Result};
use crate::model::{StreamHash, StreamReference};
use crate::store::Store;
use crate::store::limits::{IN_MEMORY, LARGEST_STREAM};
use crate::store::stream::{Utf8Check, read_piece};

/// The part of a draft that is held in memory: a whole number of chunks, and what one turn writes.
const WINDOW: u64 = IN_MEMORY as u64;
const CHUNK: u64 = CHUNK_SIZE as u64;
/// Rows past the end that go in one turn: 8 MiB.
const CUT_AT_ONCE: u32 = 64;

/// Bytes that can be read, written and cut anywhere, and become a stream in the end.
///
/// One window of it is in memory. A draft that never left its first window is not in the store at all. The others
/// are chunks of an unsealed stream, which nothing refers to: what becomes of a draft that is dropped, or whose
/// process dies, is waste for the collector (P5). A call that fails has changed nothing of what the draft holds.
pub(crate) struct StreamDraft {
    store: Store,
    stream: Option<StreamId>,
    size: u64,
    /// The chunks in the store that count. All others below the size are zeros: they were skipped, or are rows that a cut
    /// took out of the value.
    present: BTreeSet<u64>,
    /// One past the last chunk that has a row.
    rows_end: u64,
    window: Window,
    /// Of what was written in order, so that it need not be read again: the first so many bytes.
    hasher: blake3::Hasher,
    hashed: u64,
}

/// The bytes from a multiple of its size on, up to the end of the draft at most.
#[derive(Default)]
struct Window {
    start: u64,
    bytes: Vec<u8>,
    /// What is not in the store as it is here.
    changed: Range<usize>,
}

impl Window {
    fn change(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        if self.changed.is_empty() {
            self.changed = range;
        } else {
            self.changed.start = self.changed.start.min(range.start);
            self.changed.end = self.changed.end.max(range.end);
        }
    }

    /// What was changed, in whole chunks.
    fn chunks_to_write(&self) -> Range<usize> {
        let start = self.changed.start / CHUNK_SIZE * CHUNK_SIZE;
        let end = self.changed.end.next_multiple_of(CHUNK_SIZE);
        start..end.min(self.bytes.len())
    }

    fn resize(&mut self, len: usize) {
        let before = self.bytes.len();
        self.bytes.resize(len, 0);
        self.changed.end = self.changed.end.min(len);
        self.changed.start = self.changed.start.min(self.changed.end);
        if len < before {
            // The row of the chunk that was cut is longer than what is left of it.
            self.change(len / CHUNK_SIZE * CHUNK_SIZE..len);
        } else {
            self.change(before..len);
        }
    }
}

/// Where a byte is: the beginning of its window, and the place in that.
fn in_window(position: u64) -> (u64, usize) {
    let within = position % WINDOW;
    (position - within, usize::try_from(within).unwrap_or(0))
}

fn check_size(size: Option<u64>) -> Result<u64> {
    size.filter(|size| *size <= LARGEST_STREAM)
        .ok_or_else(|| Error::TooBig {
            detail: format!("a value takes at most {LARGEST_STREAM} bytes"),
        })
}

impl StreamDraft {
    pub(crate) fn new(store: &Store) -> StreamDraft {
        StreamDraft {
            store: store.clone(),
            stream: None,
            size: 0,
            present: BTreeSet::new(),
            rows_end: 0,
            window: Window::default(),
            hasher: blake3::Hasher::new(),
            hashed: 0,
        }
    }

    /// Takes all of a reader, piece by piece.
    pub(crate) fn append_all(&mut self, mut data: impl Read) -> Result<()> {
        loop {
            let piece = read_piece(&mut data)?;
            if piece.is_empty() {
                return Ok(());
            }
            self.append(&piece)?;
        }
    }

    pub(crate) fn append(&mut self, mut data: &[u8]) -> Result<()> {
        while !data.is_empty() {
            let count = self.write(self.size, data)?;
            data = data.get(count..).unwrap_or_default();
        }
        Ok(())
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Writes the beginning of `data`, up to the end of a window, and says how much that was.
    pub(crate) fn write(&mut self, position: u64, data: &[u8]) -> Result<usize> {
        let (start, at) = in_window(position);
        let count = data.len().min(IN_MEMORY - at);
        let end = check_size(position.checked_add(count as u64))?;
        self.show(start)?;
        self.forget_hash_from(position);
        if end > self.size {
            self.grow(end);
        }
        if let (Some(to), Some(from)) =
            (self.window.bytes.get_mut(at..at + count), data.get(..count))
        {
            to.copy_from_slice(from);
        }
        self.window.change(at..at + count);
        Ok(count)
    }

    /// Reads up to the end of a window at most; nothing at or past the end.
    pub(crate) fn read(&mut self, position: u64, buffer: &mut [u8]) -> Result<usize> {
        if position >= self.size || buffer.is_empty() {
            return Ok(0);
        }
        let (start, at) = in_window(position);
        self.show(start)?;
        let available = self.window.bytes.get(at..).unwrap_or_default();
        let count = available.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), available.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }

    /// Cuts the tail off, or appends zeros, which take no room before the draft is sealed.
    pub(crate) fn set_size(&mut self, size: u64) -> Result<()> {
        check_size(Some(size))?;
        if size >= self.size {
            self.forget_hash_from(self.size);
            self.grow(size);
            return Ok(());
        }
        let (start, at) = in_window(size);
        self.show(start)?;
        self.forget_hash_from(size);
        self.size = size;
        self.window.resize(at);
        // The rows stay, and count for nothing: a cut is done at once however long the tail is.
        self.present.split_off(&size.div_ceil(CHUNK));
        Ok(())
    }

    /// The whole of a draft that is no longer than what is held in memory.
    pub(crate) fn small(&mut self) -> Result<Option<&[u8]>> {
        if self.size > WINDOW {
            return Ok(None);
        }
        self.show(0)?;
        Ok(Some(&self.window.bytes))
    }

    /// Makes it a stream that can be found and no longer changed. What was not written in order is read once more.
    pub(crate) fn seal(&mut self, mut text: Option<Utf8Check>) -> Result<StreamReference> {
        if text.is_some() {
            self.forget_hash_from(0);
        }
        while self.hashed + WINDOW <= self.size {
            let start = self.hashed;
            self.show(start)?;
            self.flush()?;
            if self.hashed == start {
                self.hash_window();
            }
            if let Some(check) = &mut text {
                check.take(&self.window.bytes)?;
            }
        }
        self.show(self.hashed)?;
        self.flush()?;
        let mut hasher = self.hasher.clone();
        hasher.update(&self.window.bytes);
        if let Some(mut check) = text {
            check.take(&self.window.bytes)?;
            check.end()?;
        }
        let reference = StreamReference {
            hash: StreamHash::from_bytes(*hasher.finalize().as_bytes()),
            size: self.size,
        };
        let stream = match self.stream {
            Some(stream) => stream,
            None => self.store.write_waste(streams::begin)?,
        };
        self.stream = Some(stream);
        self.cut_rows(stream)?;
        self.store
            .write_waste(|tx| streams::seal(tx, stream, reference))?;
        Ok(reference)
    }

    fn cut_rows(&mut self, stream: StreamId) -> Result<()> {
        let size = self.size;
        while self.rows_end > size.div_ceil(CHUNK) {
            let cut = self
                .store
                .write_waste(|tx| streams::cut(tx, stream, size, CUT_AT_ONCE))?;
            if cut == Cut::Done {
                self.rows_end = size.div_ceil(CHUNK);
            }
        }
        Ok(())
    }

    fn grow(&mut self, size: u64) {
        self.size = size;
        let here = size.saturating_sub(self.window.start).min(WINDOW);
        let here = usize::try_from(here).unwrap_or(IN_MEMORY);
        if here > self.window.bytes.len() {
            self.window.resize(here);
        }
    }

    /// Puts another window into memory; the one that was there goes to the store first.
    fn show(&mut self, start: u64) -> Result<()> {
        if self.window.start == start {
            return Ok(());
        }
        self.flush()?;
        self.window = self.load(start)?;
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if self.window.changed.is_empty() {
            return Ok(());
        }
        let range = self.window.chunks_to_write();
        let position = self.window.start + range.start as u64;
        let bytes = self.window.bytes.get(range.clone()).unwrap_or_default();
        let existing = self.stream;
        let stream = self.store.write_waste(|tx| {
            let stream = match existing {
                Some(stream) => stream,
                None => streams::begin(tx)?,
            };
            streams::replace(tx, stream, position, bytes)?;
            Ok(stream)
        })?;
        self.stream = Some(stream);
        let chunks = position / CHUNK..(position + range.len() as u64).div_ceil(CHUNK);
        self.rows_end = self.rows_end.max(chunks.end);
        self.present.extend(chunks);
        self.window.changed = 0..0;
        if self.window.start == self.hashed && self.window.bytes.len() as u64 == WINDOW {
            self.hash_window();
        }
        Ok(())
    }

    fn hash_window(&mut self) {
        self.hasher.update(&self.window.bytes);
        self.hashed += self.window.bytes.len() as u64;
    }

    fn forget_hash_from(&mut self, position: u64) {
        if position < self.hashed {
            self.hasher.reset();
            self.hashed = 0;
        }
    }

    /// Reads a window. What is not in the store as it has to be counts as changed, so that it gets there.
    fn load(&self, start: u64) -> Result<Window> {
        let len = self.size.saturating_sub(start).min(WINDOW);
        let mut window = Window {
            start,
            bytes: vec![0; usize::try_from(len).unwrap_or(IN_MEMORY)],
            changed: 0..0,
        };
        let rows = match self.stream {
            Some(stream) => self
                .store
                .database
                .read(|reader| stretches::read_unsealed(reader, stream, start..start + len))?,
            None => Vec::new(),
        };
        let mut rows = rows.into_iter().peekable();
        let mut at = 0;
        while at < window.bytes.len() {
            let position = start + at as u64;
            let end = (at + CHUNK_SIZE).min(window.bytes.len());
            let row = rows.next_if(|row| row.position == position);
            let counts = self.present.contains(&(position / CHUNK));
            let data = match row {
                Some(row) if counts => row.data,
                None if counts => {
                    return Err(Error::CorruptStore {
                        detail: format!("byte {position} of an unfinished stream is gone"),
                        source: None,
                    });
                }
                _ => Vec::new(),
            };
            let known = data.len().min(end - at);
            if let (Some(to), Some(from)) =
                (window.bytes.get_mut(at..at + known), data.get(..known))
            {
                to.copy_from_slice(from);
            }
            if data.len() != end - at {
                window.change(at..end);
            }
            at = end;
        }
        Ok(window)
    }
}

impl fmt::Debug for StreamDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamDraft")
            .field("stream", &self.stream)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}
