//! Large values: read on demand from the snapshot, taken in without holding all of them.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use crate::db::pins::Pin;
use crate::db::streams::{self, PendingStreams};
use crate::db::stretches::{self, MOST_CHUNKS, Stretch};
use crate::db::transaction::Ending;
use crate::error::{Error, ObjectKind, Result};
use crate::model::{
    Properties, PropertyTag, PropertyType, PropertyValue, StoredValue, StreamHash, StreamReference,
};
use crate::store::limits::{DOCUMENT_LIMIT, IN_MEMORY, may_become_stream};
use crate::store::stream_draft::StreamDraft;
use crate::store::{Message, Store};

/// Reads a text or binary value, or an attachment's data, as it was when the stream was opened, whatever is
/// committed meanwhile (O2). Each part that is read is verified.
///
/// It needs no handle: the message may be saved, closed or dropped, and deleted by another process. Errors come as
/// [`io::Error`] with an [`Error`](crate::Error) inside.
#[derive(Debug)]
pub struct StreamReader {
    source: Origin,
    size: u64,
    position: u64,
}

#[derive(Debug)]
enum Origin {
    /// Small, or not stored yet.
    Memory(Arc<[u8]>),
    Stored {
        store: Store,
        hash: StreamHash,
        /// Keeps the stream from being collected.
        _pins: Vec<Arc<Pin>>,
        /// What was read last.
        stretch: Stretch,
        /// How many chunks the next reading takes.
        ahead: u32,
    },
}

impl StreamReader {
    pub(crate) fn in_memory(bytes: &[u8]) -> StreamReader {
        StreamReader::new(Origin::Memory(Arc::from(bytes)), bytes.len() as u64)
    }

    fn new(source: Origin, size: u64) -> StreamReader {
        StreamReader {
            source,
            size,
            position: 0,
        }
    }

    /// The size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Read for StreamReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.position >= self.size {
            return Ok(0);
        }
        let position = self.position;
        let available: &[u8] = match &mut self.source {
            Origin::Memory(data) => data
                .get(usize::try_from(position).unwrap_or(usize::MAX)..)
                .unwrap_or(&[]),
            Origin::Stored {
                store,
                hash,
                stretch,
                ahead,
                ..
            } => {
                // In a forked child what was read before is no answer either (P7).
                store.database.connections().map_err(io::Error::other)?;
                if stretch.from(position).is_empty() {
                    // Who goes on where the last one ended is likely to read on.
                    let goes_on = position == stretch.end();
                    *ahead = if goes_on { *ahead * 2 } else { 1 }.clamp(1, MOST_CHUNKS);
                    store
                        .database
                        .read(|reader| {
                            stretches::read_sealed(reader, *hash, position, *ahead, stretch)
                        })
                        .map_err(io::Error::other)?;
                }
                match stretch.from(position) {
                    [] => {
                        return Err(io::Error::other(Error::CorruptStore {
                            detail: format!(
                                "stream {hash} ends at byte {position}, before its size"
                            ),
                            source: None,
                        }));
                    }
                    available => available,
                }
            }
        };
        let left = usize::try_from(self.size - position).unwrap_or(usize::MAX);
        let count = available.len().min(buffer.len()).min(left);
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), available.get(..count)) {
            to.copy_from_slice(from);
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for StreamReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = seek_in(self.size, self.position, to)?;
        Ok(self.position)
    }
}

/// Where a seek leads to.
pub(crate) fn seek_in(size: u64, position: u64, to: SeekFrom) -> io::Result<u64> {
    let target = match to {
        SeekFrom::Start(position) => Some(position),
        SeekFrom::End(offset) => size.checked_add_signed(offset),
        SeekFrom::Current(offset) => position.checked_add_signed(offset),
    };
    target.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "seek before the beginning of the stream",
        )
    })
}

/// Reads a stream to its end; an error of the store comes out as itself.
pub(crate) fn load_whole(mut reader: StreamReader) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(reader.size).unwrap_or(0).min(IN_MEMORY));
    reader
        .read_to_end(&mut bytes)
        .map_err(|error| from_io(error, "reading a stream"))?;
    Ok(bytes)
}

/// The error of the store inside one of reading a stream; any other failed in `doing` so.
pub(crate) fn from_io(error: io::Error, doing: &str) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => Error::DiskError {
            detail: doing.to_owned(),
            source: Box::new(error),
        },
    }
}

/// Checks a text that comes in pieces for being UTF-8.
#[derive(Default)]
pub(crate) struct Utf8Check {
    /// The beginning of a character whose end has not come yet: at most three bytes.
    rest: Vec<u8>,
}

impl Utf8Check {
    pub(crate) fn take(&mut self, piece: &[u8]) -> Result<()> {
        self.rest.extend_from_slice(piece);
        match std::str::from_utf8(&self.rest) {
            Ok(_) => self.rest.clear(),
            Err(error) if error.error_len().is_none() => {
                self.rest.drain(..error.valid_up_to());
            }
            Err(_) => return Err(not_utf8()),
        }
        Ok(())
    }

    pub(crate) fn end(self) -> Result<()> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(not_utf8())
        }
    }
}

/// What a value of this type is checked for when it is sealed.
pub(crate) fn check_of(kind: PropertyType) -> Option<Utf8Check> {
    (kind == PropertyType::Unicode).then(Utf8Check::default)
}

fn not_utf8() -> Error {
    Error::InvalidParameter {
        detail: "a PT_UNICODE value takes UTF-8, and this is none".to_owned(),
    }
}

impl Message {
    /// Opens a value of a property bag of this handle.
    pub(crate) fn reader_of(
        &self,
        properties: &Properties,
        tag: PropertyTag,
    ) -> Result<StreamReader> {
        if !tag.property_type().is_some_and(PropertyType::may_be_stream) {
            return Err(Error::NoSupport {
                detail: format!("{tag} is of a type that cannot be opened as a stream"),
            });
        }
        let not_found = || Error::NotFound {
            kind: ObjectKind::Property,
            what: tag.to_string(),
        };
        match properties.get(tag).ok_or_else(not_found)? {
            StoredValue::Inline(PropertyValue::Unicode(text)) => {
                Ok(StreamReader::in_memory(text.as_bytes()))
            }
            StoredValue::Inline(PropertyValue::String8(text)) => {
                Ok(StreamReader::in_memory(&text.0))
            }
            StoredValue::Inline(PropertyValue::Binary(bytes)) => Ok(StreamReader::in_memory(bytes)),
            StoredValue::Inline(_) => Err(not_found()),
            StoredValue::Stream(reference) => Ok(self.stored_reader(*reference)),
        }
    }

    /// Opens a stream that this handle refers to.
    pub(crate) fn stored_reader(&self, reference: StreamReference) -> StreamReader {
        let source = match self.pending.streams.shared(reference.hash) {
            Some(data) => Origin::Memory(data),
            None => Origin::Stored {
                store: self.store.clone(),
                hash: reference.hash,
                _pins: self
                    .pin
                    .iter()
                    .chain(&self.pending.borrowed)
                    .cloned()
                    .collect(),
                stretch: Stretch::default(),
                ahead: 0,
            },
        };
        StreamReader::new(source, reference.size)
    }

    /// Makes a stream of bytes: in memory while there is room, else in the store at once.
    pub(crate) fn add_stream(&mut self, data: &[u8]) -> Result<StreamReference> {
        let reference = StreamReference {
            hash: StreamHash::of(data),
            size: data.len() as u64,
        };
        if self.pending.streams.bytes(reference.hash).is_some() {
            return Ok(reference);
        }
        if self.pending.streams.total() + data.len() <= IN_MEMORY {
            self.pending.streams.add(reference.hash, data);
            return Ok(reference);
        }
        if data.len() > IN_MEMORY {
            let mut draft = StreamDraft::new(&self.store);
            draft.append(data)?;
            return draft.seal(None);
        }
        // One turn where one is enough.
        self.store.write_waste(|tx| {
            let stream = streams::begin(tx)?;
            streams::replace(tx, stream, 0, data)?;
            streams::seal(tx, stream, reference)
        })?;
        Ok(reference)
    }

    /// Forgets values in memory that were replaced since. Not while an attachment is open: what that holds is not part
    /// of the message yet.
    pub(crate) fn forget_replaced_streams(&mut self) {
        if self.pending.streams.total() > IN_MEMORY / 2 {
            let named = self.mine.streams();
            self.pending
                .streams
                .retain(|hash| named.iter().any(|stream| stream.hash == hash));
        }
    }

    /// Takes a value from a reader: inline if it is small and may be, in memory if there is room, else straight
    /// into the store.
    pub(crate) fn take_stream(
        &mut self,
        tag: PropertyTag,
        mut data: impl Read,
    ) -> Result<(StoredValue, u64)> {
        let kind = tag
            .property_type()
            .filter(|kind| kind.may_be_stream())
            .ok_or_else(|| Error::NoSupport {
                detail: format!("{tag} is of a type that cannot be a stream"),
            })?;
        let mut piece = read_piece(&mut data)?;
        if piece.len() < IN_MEMORY || !may_become_stream(tag) {
            if !may_become_stream(tag) {
                (&mut data)
                    .take(DOCUMENT_LIMIT)
                    .read_to_end(&mut piece)
                    .map_err(|error| from_io(error, "reading the new value"))?;
            }
            let size = piece.len();
            let value = value_of(kind, piece)?;
            return Ok((self.storable(tag, value)?, size as u64));
        }
        let reference = self.draft_of(&piece, data)?.seal(check_of(kind))?;
        Ok((StoredValue::Stream(reference), reference.size))
    }

    /// Takes an attachment's data, which is a stream whatever its size.
    pub(crate) fn take_data(&mut self, mut data: impl Read) -> Result<StreamReference> {
        let piece = read_piece(&mut data)?;
        if piece.len() < IN_MEMORY {
            return self.add_stream(&piece);
        }
        self.draft_of(&piece, data)?.seal(None)
    }

    fn draft_of(&self, beginning: &[u8], rest: impl Read) -> Result<StreamDraft> {
        let mut draft = StreamDraft::new(&self.store);
        draft.append(beginning)?;
        draft.append_all(rest)?;
        Ok(draft)
    }
}

pub(crate) fn value_of(kind: PropertyType, bytes: Vec<u8>) -> Result<PropertyValue> {
    Ok(match kind {
        PropertyType::Unicode => {
            PropertyValue::Unicode(String::from_utf8(bytes).map_err(|_| not_utf8())?)
        }
        PropertyType::String8 => PropertyValue::String8(crate::model::String8(bytes)),
        _ => PropertyValue::Binary(bytes),
    })
}

/// At most one turn's worth; less only at the end.
pub(crate) fn read_piece(data: &mut impl Read) -> Result<Vec<u8>> {
    let mut piece = Vec::new();
    data.take(IN_MEMORY as u64)
        .read_to_end(&mut piece)
        .map_err(|error| from_io(error, "reading the new value"))?;
    Ok(piece)
}

impl Store {
    /// Writes what nothing refers to yet; whether an unclear commit took place makes no difference then.
    pub(crate) fn write_waste<T>(
        &self,
        work: impl FnOnce(&crate::db::transaction::WriteTransaction<'_>) -> Result<T>,
    ) -> Result<T> {
        Ok(self
            .database
            .write(|_| Ok(()), |tx| work(tx).map(Ending::Commit))?)
    }
}
