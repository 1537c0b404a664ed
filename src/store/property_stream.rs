//! Text and binary properties as streams that can be read, written and cut (IMAPIProp::OpenProperty, IStream).

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};

use crate::error::{Error, Result};
use crate::model::{
    AttachMethod, PropertyTag, PropertyType, PropertyValue, StoredValue, StreamReference, pr,
};
use crate::store::limits::{DOCUMENT_LIMIT, may_become_stream};
use crate::store::stream::{StreamReader, check_of, from_io, seek_in, value_of};
use crate::store::stream_draft::StreamDraft;
use crate::store::{Attachment, Message, computed};

/// What a property stream is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum StreamAccess {
    /// The value can be read.
    #[default]
    Read,
    /// The value can be read and changed (`MAPI_MODIFY`); the property must be set.
    ReadWrite,
    /// The value begins empty, whatever it was before (`MAPI_CREATE | MAPI_MODIFY`); the only way to stream a property
    /// that is not set.
    Create,
}

/// How many bytes a copy between two streams took from the one and put into the other: equal, unless the call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Copied {
    /// Bytes read.
    pub read: u64,
    /// Bytes written.
    pub written: u64,
}

/// A text or binary property, open as a stream ([MS-OXCPRPT] 2.2.14 to 2.2.24).
///
/// It reads, writes and seeks like a file; a text is UTF-8. What is written replaces bytes from the position on, and
/// makes the value longer if need be; a gap that a seek past the end leaves is filled with zeros. Nothing becomes
/// part of the object before [`PropertyStream::commit`], and nothing is stored before the saves that setting the
/// property would take. A stream that is dropped without a commit is forgotten.
///
/// At most 1 MiB is held in memory, however long the value. What is longer goes to the store in turns of at most that,
/// where nothing refers to it yet: what is left of it when it is not committed, or when the process dies, is removed by
/// [`Store::collect_garbage`](crate::Store::collect_garbage) (P5). The first write to a long value copies it, since what is stored never changes
/// under those who read it; so does the first write after a commit.
///
/// Errors of reading, writing and seeking come as [`io::Error`] with an [`Error`] inside. A call that fails leaves the
/// stream as it was.
///
/// ```
/// # use mapistore::{SpecialFolder, Store, StreamAccess, pr};
/// # use std::io::{Read, Seek, SeekFrom, Write};
/// # let folder = tempfile::tempdir()?;
/// # let store = Store::options().create_if_missing().open(folder.path().join("mail.store"))?;
/// let mut draft = store.special_folder(SpecialFolder::Drafts)?.create_message()?;
/// let mut body = draft.open_property_stream(pr::BODY.tag(), StreamAccess::Create)?;
/// body.write_all(b"Hello World")?;
/// body.seek(SeekFrom::Start(6))?;
/// body.write_all(b"there")?;
/// body.commit()?;
/// assert_eq!(draft.get(pr::BODY)?.as_deref(), Some("Hello there"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PropertyStream<'a> {
    owner: &'a mut (dyn StreamOwner + 'a),
    tag: PropertyTag,
    kind: PropertyType,
    access: StreamAccess,
    value: Value,
    position: u64,
    commit: Commit,
}

#[derive(Debug)]
enum Value {
    /// As it was found, or as it was committed.
    Settled(StreamReader),
    Draft(Box<StreamDraft>),
}

/// What a commit has to do.
#[derive(Debug, Clone, Copy)]
enum Commit {
    Nothing,
    /// The draft is to become the value.
    Draft,
    /// It has become a stream, which the object did not take.
    Sealed(StreamReference),
}

/// An object whose properties can be opened as streams.
pub(crate) trait StreamOwner: fmt::Debug {
    /// The message that the object is, or is part of.
    fn host(&self) -> &Message;
    /// Refuses what the object, or the property, cannot be opened for.
    fn check_stream(&self, tag: PropertyTag, access: StreamAccess) -> Result<()>;
    fn reader(&self, tag: PropertyTag) -> Result<StreamReader>;
    fn put_value(&mut self, tag: PropertyTag, value: PropertyValue) -> Result<()>;
    fn put_stream(&mut self, tag: PropertyTag, stream: StreamReference) -> Result<()>;
}

impl Message {
    /// Opens a text or binary property as a stream, also a small one (IMAPIProp::OpenProperty). Only one that is
    /// read can be a property that the store computes.
    ///
    /// # Errors
    ///
    /// The handle is as it was.
    ///
    /// - `MAPI_E_NOT_FOUND`: the property is not set, or with another type, and was not opened with
    ///   [`StreamAccess::Create`].
    /// - `MAPI_E_NO_SUPPORT`: the type cannot be a stream; only single texts and binary values can.
    /// - `MAPI_E_INVALID_PARAMETER`: the tag does not say a type (`PT_UNSPECIFIED`).
    /// - `MAPI_E_NO_ACCESS`: to be written, on a handle that is read-only. `MAPI_E_COMPUTED`: the store computes it.
    /// - `MAPI_E_INVALID_OBJECT`: the handle is closed.
    pub fn open_property_stream(
        &mut self,
        tag: PropertyTag,
        access: StreamAccess,
    ) -> Result<PropertyStream<'_>> {
        PropertyStream::open(self, tag, access)
    }
}

impl Attachment<'_> {
    /// Opens the data (`PR_ATTACH_DATA_BIN`), or another text or binary property, as a stream, as
    /// [`Message::open_property_stream`] does. A commit makes it part of this attachment; then come its save and the
    /// message's.
    ///
    /// The object of an OLE attachment (`PR_ATTACH_DATA_OBJ`) is the same bytes. An embedded message is no stream.
    ///
    /// # Errors
    ///
    /// As [`Message::open_property_stream`].
    pub fn open_property_stream(
        &mut self,
        tag: PropertyTag,
        access: StreamAccess,
    ) -> Result<PropertyStream<'_>> {
        let is_message = self.get(pr::ATTACH_METHOD)? == Some(AttachMethod::EmbeddedMessage.code());
        let tag = if tag == pr::ATTACH_DATA_OBJ && !is_message {
            pr::ATTACH_DATA_BIN.tag()
        } else {
            tag
        };
        PropertyStream::open(self, tag, access)
    }
}

impl<'a> PropertyStream<'a> {
    fn open(
        owner: &'a mut (dyn StreamOwner + 'a),
        tag: PropertyTag,
        access: StreamAccess,
    ) -> Result<PropertyStream<'a>> {
        owner.host().check_open()?;
        let kind = tag.property_type().ok_or_else(|| Error::InvalidParameter {
            detail: format!("{tag} does not say of which type the stream is to be"),
        })?;
        if !kind.may_be_stream() {
            return Err(Error::NoSupport {
                detail: format!("{tag} is of a type that cannot be opened as a stream"),
            });
        }
        owner.check_stream(tag, access)?;
        let (value, commit) = match access {
            StreamAccess::Read | StreamAccess::ReadWrite => {
                (Value::Settled(owner.reader(tag)?), Commit::Nothing)
            }
            StreamAccess::Create => (
                Value::Draft(Box::new(StreamDraft::new(&owner.host().store))),
                Commit::Draft,
            ),
        };
        Ok(PropertyStream {
            owner,
            tag,
            kind,
            access,
            value,
            position: 0,
            commit,
        })
    }

    /// The property.
    pub fn tag(&self) -> PropertyTag {
        self.tag
    }

    /// The size in bytes, with what was written and not committed.
    pub fn size(&self) -> u64 {
        match &self.value {
            Value::Settled(reader) => reader.size(),
            Value::Draft(draft) => draft.size(),
        }
    }

    /// Cuts the tail off, or appends zeros (IStream::SetSize). The position stays where it is.
    ///
    /// # Errors
    ///
    /// `STG_E_ACCESSDENIED`: the stream was opened for reading. `MAPI_E_TOO_BIG`: more than 16 TiB; and those of
    /// writing the store. The stream is as it was.
    pub fn set_size(&mut self, size: u64) -> Result<()> {
        self.draft()?.set_size(size)?;
        self.commit = Commit::Draft;
        Ok(())
    }

    /// Copies at most `count` bytes from here to another stream, from the position of the one to that of the other;
    /// both move on by as much (IStream::CopyTo). Fewer come only at the end of this stream.
    ///
    /// # Errors
    ///
    /// `STG_E_ACCESSDENIED`: the other was opened for reading; and those of reading and writing the store. What was
    /// copied before stays copied, and both positions are behind it.
    pub fn copy_to(&mut self, other: &mut PropertyStream<'_>, count: u64) -> Result<Copied> {
        other.check_writable()?;
        let mut copied = Copied::default();
        let mut buffer = vec![0; COPIED_AT_ONCE];
        while copied.read < count {
            let wanted = usize::try_from(count - copied.read)
                .unwrap_or(COPIED_AT_ONCE)
                .min(COPIED_AT_ONCE);
            let wanted = buffer.get_mut(..wanted).unwrap_or_default();
            let read = self.read_at(self.position, wanted)?;
            let Some(mut piece) = wanted.get(..read).filter(|piece| !piece.is_empty()) else {
                break;
            };
            while !piece.is_empty() {
                let written = other.write_here(piece)?;
                piece = piece.get(written..).unwrap_or_default();
                self.position += written as u64;
                copied.read += written as u64;
                copied.written += written as u64;
            }
        }
        Ok(copied)
    }

    /// Makes what was written the property's value on the open object, as a pending change like any other
    /// (IStream::Commit): a message stores it with its save, an attachment with its own and then the message's. The
    /// stream goes on. Where nothing was written there is nothing to do.
    ///
    /// # Errors
    ///
    /// The property and the stream are as they were, and the call can be repeated.
    ///
    /// - `MAPI_E_INVALID_PARAMETER`: a `PT_UNICODE` property takes UTF-8, and this is none.
    /// - `MAPI_E_TOO_BIG`: more than a property of its kind, or the message, may take (S15).
    /// - Those of writing the store.
    pub fn commit(&mut self) -> Result<()> {
        self.owner.host().check_open()?;
        let reference = match (self.commit, &mut self.value) {
            (Commit::Nothing, _) | (Commit::Draft, Value::Settled(_)) => return Ok(()),
            (Commit::Sealed(reference), _) => reference,
            (Commit::Draft, Value::Draft(draft)) => {
                if let Some(bytes) = whole(draft, self.tag)? {
                    self.owner
                        .put_value(self.tag, value_of(self.kind, bytes)?)?;
                    self.commit = Commit::Nothing;
                    return Ok(());
                }
                let reference = draft.seal(check_of(self.kind))?;
                // Others may share the sealed stream, so whoever writes on works on a copy.
                self.value = Value::Settled(self.owner.host().stored_reader(reference));
                self.commit = Commit::Sealed(reference);
                reference
            }
        };
        self.owner.put_stream(self.tag, reference)?;
        self.commit = Commit::Nothing;
        Ok(())
    }

    fn check_writable(&self) -> Result<()> {
        match self.access {
            StreamAccess::Read => Err(Error::StreamAccessDenied { tag: self.tag }),
            StreamAccess::ReadWrite | StreamAccess::Create => self.owner.host().check_open(),
        }
    }

    /// The value to be changed: a copy of it, if it is not one already.
    fn draft(&mut self) -> Result<&mut StreamDraft> {
        self.check_writable()?;
        if let Value::Settled(reader) = &mut self.value {
            let mut draft = StreamDraft::new(&self.owner.host().store);
            reader
                .seek(SeekFrom::Start(0))
                .map_err(|error| from_io(error, "reading a stream"))?;
            draft.append_all(reader)?;
            self.value = Value::Draft(Box::new(draft));
        }
        match &mut self.value {
            Value::Draft(draft) => Ok(draft),
            Value::Settled(_) => Err(Error::StreamAccessDenied { tag: self.tag }),
        }
    }

    fn read_at(&mut self, position: u64, buffer: &mut [u8]) -> Result<usize> {
        self.owner.host().check_open()?;
        match &mut self.value {
            Value::Settled(reader) => reader
                .seek(SeekFrom::Start(position))
                .and_then(|_| reader.read(buffer))
                .map_err(|error| from_io(error, "reading a stream")),
            Value::Draft(draft) => draft.read(position, buffer),
        }
    }

    fn write_here(&mut self, data: &[u8]) -> Result<usize> {
        let position = self.position;
        let count = self.draft()?.write(position, data)?;
        self.position += count as u64;
        self.commit = Commit::Draft;
        Ok(count)
    }
}

/// Bytes that are copied at once from one stream to another.
const COPIED_AT_ONCE: usize = 128 * 1024;

/// The whole of a draft, where it is small or must be part of the document.
fn whole(draft: &mut StreamDraft, tag: PropertyTag) -> Result<Option<Vec<u8>>> {
    if may_become_stream(tag) {
        return Ok(draft.small()?.map(<[u8]>::to_vec));
    }
    if draft.size() > DOCUMENT_LIMIT {
        return Err(Error::TooBig {
            detail: format!(
                "{tag} would take {} bytes, more than the {DOCUMENT_LIMIT} that a message's properties may",
                draft.size()
            ),
        });
    }
    let mut bytes = vec![0; usize::try_from(draft.size()).unwrap_or(0)];
    let mut at = 0;
    while let Some(rest) = bytes.get_mut(at..).filter(|rest| !rest.is_empty()) {
        at += draft.read(at as u64, rest)?;
    }
    Ok(Some(bytes))
}

impl Read for PropertyStream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self
            .read_at(self.position, buffer)
            .map_err(io::Error::other)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Write for PropertyStream<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.write_here(data).map_err(io::Error::other)
    }

    /// Does nothing: only [`PropertyStream::commit`] hands over what was written.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for PropertyStream<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = seek_in(self.size(), self.position, to)?;
        Ok(self.position)
    }
}

impl StreamOwner for Message {
    fn host(&self) -> &Message {
        self
    }

    fn check_stream(&self, tag: PropertyTag, access: StreamAccess) -> Result<()> {
        match access {
            StreamAccess::Read => Ok(()),
            StreamAccess::ReadWrite | StreamAccess::Create => {
                self.check_modifiable()?;
                self.check_not_computed(tag)
            }
        }
    }

    fn reader(&self, tag: PropertyTag) -> Result<StreamReader> {
        match computed::value(self, tag) {
            Some(PropertyValue::Unicode(text)) => Ok(StreamReader::in_memory(text.as_bytes())),
            Some(PropertyValue::Binary(bytes)) => Ok(StreamReader::in_memory(&bytes)),
            _ => self.open_stream(tag),
        }
    }

    fn put_value(&mut self, tag: PropertyTag, value: PropertyValue) -> Result<()> {
        self.set_value(tag, value)
    }

    fn put_stream(&mut self, tag: PropertyTag, stream: StreamReference) -> Result<()> {
        self.forget_replaced_streams();
        self.put(tag, StoredValue::Stream(stream))
    }
}

impl StreamOwner for Attachment<'_> {
    fn host(&self) -> &Message {
        self.message
    }

    fn check_stream(&self, tag: PropertyTag, access: StreamAccess) -> Result<()> {
        match access {
            StreamAccess::Read => self.check_open(),
            StreamAccess::ReadWrite | StreamAccess::Create => self.check_settable(tag),
        }
    }

    fn reader(&self, tag: PropertyTag) -> Result<StreamReader> {
        // The keys that the store computes are no streams of its own.
        if self.row.properties.get(tag).is_none()
            && let Some(PropertyValue::Binary(key)) = self.get_value(tag)?
        {
            return Ok(StreamReader::in_memory(&key));
        }
        self.open_stream(tag)
    }

    fn put_value(&mut self, tag: PropertyTag, value: PropertyValue) -> Result<()> {
        self.set_value(tag, value)
    }

    fn put_stream(&mut self, tag: PropertyTag, stream: StreamReference) -> Result<()> {
        self.put(tag, StoredValue::Stream(stream))
    }
}
