//! Attachments of a handle: transacted through their message (S14).

use std::io::Read;

use crate::error::{Error, ObjectKind, Result};
use crate::model::document::attachment_row_len;
use crate::model::{
    AccessLevel, AttachMethod, AttachmentRow, Properties, PropertyKind, PropertyTag, PropertyValue,
    SaveFlags, StoredValue, StreamReference, Tag, pr,
};
use crate::store::Message;
use crate::store::properties::{check_settable, check_value};
use crate::store::stream::StreamReader;

/// Names an attachment within its message (`PR_ATTACH_NUM`); never used again there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttachmentNumber(pub u32);

/// A line of a message's attachment table.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AttachmentInfo {
    /// Its name within the message.
    pub number: AttachmentNumber,
    /// `PR_ATTACH_LONG_FILENAME`, else `PR_ATTACH_FILENAME`, else `PR_DISPLAY_NAME`.
    pub name: Option<String>,
    /// How the data is attached (`PR_ATTACH_METHOD`).
    pub method: AttachMethod,
    /// The data (`PR_ATTACH_DATA_BIN`): its hash and its size in bytes. None if there is no data.
    pub data: Option<StreamReference>,
    /// The media type (`PR_ATTACH_MIME_TAG`).
    pub mime_type: Option<String>,
}

/// An open attachment. What is set here becomes part of the message's pending changes with
/// [`Attachment::save_changes`], and is stored when the message is saved (S14); dropped unsaved, it is forgotten.
#[derive(Debug)]
pub struct Attachment<'m> {
    message: &'m mut Message,
    number: AttachmentNumber,
    properties: Properties,
    access_level: AccessLevel,
    closed: bool,
}

/// Properties of an attachment that the store computes.
fn is_computed(tag: PropertyTag) -> bool {
    [pr::ATTACH_NUM.tag(), pr::ATTACH_SIZE.tag()]
        .iter()
        .any(|computed| computed.id() == tag.id())
}

fn info(row: &AttachmentRow) -> AttachmentInfo {
    let properties = &row.properties;
    let text = |tag: Tag<String>| properties.typed(tag).filter(|text| !text.is_empty());
    let method = properties
        .typed(pr::ATTACH_METHOD)
        .and_then(AttachMethod::from_code);
    AttachmentInfo {
        number: AttachmentNumber(row.number),
        name: text(pr::ATTACH_LONG_FILENAME)
            .or_else(|| text(pr::ATTACH_FILENAME))
            .or_else(|| text(pr::DISPLAY_NAME)),
        method: method.unwrap_or(AttachMethod::NoAttachment),
        data: match properties.get(pr::ATTACH_DATA_BIN.tag()) {
            Some(StoredValue::Stream(reference)) => Some(*reference),
            _ => None,
        },
        mime_type: text(pr::ATTACH_MIME_TAG),
    }
}

impl Message {
    /// The attachments, by number (IMessage::GetAttachmentTable).
    ///
    /// # Errors
    ///
    /// `MAPI_E_INVALID_OBJECT` for a closed handle.
    pub fn attachments(&self) -> Result<Vec<AttachmentInfo>> {
        self.check_open()?;
        Ok(self.mine.attachments.rows.iter().map(info).collect())
    }

    /// Attaches data under a file name, as a pending change: a new attachment, filled and saved to the message.
    /// Data beyond 1 MiB goes to the store at once, where nothing refers to it until the message is saved.
    ///
    /// ```
    /// # use mapistore::{SpecialFolder, Store};
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Store::options().create_if_missing().open(folder.path().join("mail.store"))?;
    /// let mut draft = store.special_folder(SpecialFolder::Drafts)?.create_message()?;
    /// let number = draft.attach("figures.csv", &b"1;2;3\n"[..])?;
    /// assert_eq!(draft.attachments()?[0].number, number);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Message::set_stream`], and `MAPI_E_TOO_BIG`: recipients and attachment rows would take more
    /// than 16 MiB (S15).
    pub fn attach(&mut self, name: impl Into<String>, data: impl Read) -> Result<AttachmentNumber> {
        let mut attachment = self.create_attachment()?;
        attachment.set(pr::ATTACH_METHOD, AttachMethod::ByValue.code())?;
        attachment.set(pr::ATTACH_LONG_FILENAME, name.into())?;
        attachment.set(pr::RENDERING_POSITION, -1)?;
        attachment.set_data(data)?;
        attachment.save_changes(SaveFlags::empty())?;
        Ok(attachment.number)
    }

    /// Makes a new attachment (IMessage::CreateAttach). It is part of the message only once it is saved.
    ///
    /// # Errors
    ///
    /// `MAPI_E_NO_ACCESS`: the message is open for reading only. `MAPI_E_INVALID_OBJECT`: it is closed.
    pub fn create_attachment(&mut self) -> Result<Attachment<'_>> {
        self.check_modifiable()?;
        let number = AttachmentNumber(self.mine.attachments.next_number);
        let next_number = number.0.checked_add(1).ok_or_else(|| Error::TooBig {
            detail: "the message has used all its attachment numbers".to_owned(),
        })?;
        // Taken even if the attachment is dropped unsaved: numbers are never used again.
        self.content_mut().attachments.next_number = next_number;
        Ok(Attachment {
            message: self,
            number,
            properties: Properties::default(),
            access_level: AccessLevel::Modify,
            closed: false,
        })
    }

    /// Opens an attachment, with the access of the message's handle (IMessage::OpenAttach).
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`: no attachment of that number. `MAPI_E_INVALID_OBJECT`: the handle is closed.
    pub fn open_attachment(&mut self, number: AttachmentNumber) -> Result<Attachment<'_>> {
        self.check_open()?;
        let row = self.attachment_row(number)?;
        Ok(Attachment {
            properties: row.properties.clone(),
            number,
            access_level: self.access_level,
            closed: false,
            message: self,
        })
    }

    /// Opens the data of an attachment (`PR_ATTACH_DATA_BIN`) for reading.
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`: no attachment of that number, or none with data. `MAPI_E_INVALID_OBJECT`: the handle is
    /// closed.
    pub fn open_attachment_data(&self, number: AttachmentNumber) -> Result<StreamReader> {
        self.check_open()?;
        self.reader_of(
            &self.attachment_row(number)?.properties,
            pr::ATTACH_DATA_BIN.tag(),
        )
    }

    /// Removes an attachment (IMessage::DeleteAttach).
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`: no attachment of that number. `MAPI_E_NO_ACCESS`: the handle is read-only.
    /// `MAPI_E_INVALID_OBJECT`: it is closed.
    pub fn delete_attachment(&mut self, number: AttachmentNumber) -> Result<()> {
        self.check_modifiable()?;
        let before = attachment_row_len(self.attachment_row(number)?);
        self.sizes().change_rows(before, 0)?;
        self.content_mut()
            .attachments
            .rows
            .retain(|row| row.number != number.0);
        self.pending.touched.insert(pr::MESSAGE_ATTACHMENTS);
        Ok(())
    }

    fn attachment_row(&self, number: AttachmentNumber) -> Result<&AttachmentRow> {
        self.mine
            .attachments
            .rows
            .iter()
            .find(|row| row.number == number.0)
            .ok_or_else(|| Error::NotFound {
                kind: ObjectKind::Attachment,
                what: number.0.to_string(),
            })
    }
}

impl Attachment<'_> {
    /// Its number in the message (`PR_ATTACH_NUM`).
    pub fn number(&self) -> AttachmentNumber {
        self.number
    }

    /// What was granted.
    pub fn access_level(&self) -> AccessLevel {
        self.access_level
    }

    /// Reads a property by its typed tag.
    ///
    /// # Errors
    ///
    /// As [`Message::get`].
    pub fn get<T: PropertyKind>(&self, tag: Tag<T>) -> Result<Option<T>> {
        Ok(self.get_value(tag.tag())?.and_then(T::from_value))
    }

    /// Reads a property by any tag.
    ///
    /// # Errors
    ///
    /// As [`Message::get_value`].
    pub fn get_value(&self, tag: PropertyTag) -> Result<Option<PropertyValue>> {
        self.check_open()?;
        if tag == pr::ATTACH_NUM.tag() {
            return Ok(Some(PropertyValue::Long(self.number.0.cast_signed())));
        }
        if tag == pr::ATTACH_SIZE.tag() {
            let size: u64 = self
                .properties
                .iter()
                .map(|(_, value)| value.byte_len())
                .sum();
            return Ok(Some(PropertyValue::Long(
                i32::try_from(size).unwrap_or(i32::MAX),
            )));
        }
        match self.properties.get(tag) {
            None => Ok(None),
            Some(StoredValue::Inline(value)) => Ok(Some(value.clone())),
            Some(StoredValue::Stream(_)) => self.message.load(&self.properties, tag).map(Some),
        }
    }

    /// The properties that were set, ascending by tag; a large one, and the data, as references to streams.
    ///
    /// # Errors
    ///
    /// `MAPI_E_INVALID_OBJECT` for a closed handle.
    pub fn properties(&self) -> Result<Vec<(PropertyTag, StoredValue)>> {
        self.check_open()?;
        Ok(self
            .properties
            .iter()
            .map(|(tag, value)| (tag, value.clone()))
            .collect())
    }

    /// Sets a property by its typed tag.
    ///
    /// # Errors
    ///
    /// As [`Message::set`].
    pub fn set<T: PropertyKind>(&mut self, tag: Tag<T>, value: impl Into<T>) -> Result<()> {
        self.set_value(tag.tag(), value.into().into_value())
    }

    /// Sets a property by any tag.
    ///
    /// # Errors
    ///
    /// As [`Message::set_value`].
    pub fn set_value(&mut self, tag: PropertyTag, value: PropertyValue) -> Result<()> {
        self.check_modifiable(tag)?;
        check_value(tag, &value)?;
        let stored = match value {
            PropertyValue::Binary(data) if tag == pr::ATTACH_DATA_BIN.tag() => {
                StoredValue::Stream(self.message.take_data(&data[..])?)
            }
            value => self.message.storable(tag, value)?,
        };
        let replaced = self.properties.clone();
        self.properties.set(tag, stored);
        self.check_room()
            .inspect_err(|_| self.properties = replaced)
    }

    /// A limit is an error when the value is set (S15), though only the attachment's save makes it count.
    fn check_room(&mut self) -> Result<()> {
        let row = AttachmentRow {
            number: self.number.0,
            properties: self.properties.clone(),
        };
        let before = self
            .message
            .attachment_row(self.number)
            .map_or(0, attachment_row_len);
        let mut sizes = *self.message.sizes();
        sizes.change_rows(before, attachment_row_len(&row))
    }

    /// Sets the data (`PR_ATTACH_DATA_BIN`) from a reader, without ever holding all of it in memory. Returns the
    /// bytes read.
    ///
    /// # Errors
    ///
    /// As [`Message::set_stream`].
    pub fn set_data(&mut self, data: impl Read) -> Result<u64> {
        let tag = pr::ATTACH_DATA_BIN.tag();
        self.check_modifiable(tag)?;
        let reference = self.message.take_data(data)?;
        self.properties.set(tag, StoredValue::Stream(reference));
        Ok(reference.size)
    }

    /// Opens the data, or another text or binary property, for reading.
    ///
    /// # Errors
    ///
    /// As [`Message::open_stream`].
    pub fn open_stream(&self, tag: PropertyTag) -> Result<StreamReader> {
        self.check_open()?;
        self.message.reader_of(&self.properties, tag)
    }

    /// Deletes a property.
    ///
    /// # Errors
    ///
    /// As [`Message::delete_property`].
    pub fn delete_property(&mut self, tag: PropertyTag) -> Result<()> {
        self.check_modifiable(tag)?;
        self.properties.remove(tag.id());
        Ok(())
    }

    /// Makes the attachment, as it is here, part of the message's pending changes; stored is it only when the
    /// message is saved (S14). Afterwards this handle is as the flags say, as for [`Message::save_changes`].
    ///
    /// # Errors
    ///
    /// `MAPI_E_NO_SUPPORT`: both KEEP_OPEN flags (S7). `MAPI_E_NO_ACCESS`: the handle is read-only.
    /// `MAPI_E_TOO_BIG`: recipients and attachment rows would take more than 16 MiB. `MAPI_E_INVALID_OBJECT`: the
    /// handle is closed. The message's pending changes are as they were.
    pub fn save_changes(&mut self, flags: SaveFlags) -> Result<()> {
        if flags.contains(SaveFlags::KEEP_OPEN_READONLY | SaveFlags::KEEP_OPEN_READWRITE) {
            return Err(Error::NoSupport {
                detail: "KEEP_OPEN_READONLY and KEEP_OPEN_READWRITE contradict each other"
                    .to_owned(),
            });
        }
        self.check_modifiable(pr::ATTACH_DATA_BIN.tag())?;
        let row = AttachmentRow {
            number: self.number.0,
            properties: self.properties.clone(),
        };
        let present = self
            .message
            .mine
            .attachments
            .rows
            .iter()
            .position(|row| row.number == self.number.0);
        let before = present
            .and_then(|index| self.message.mine.attachments.rows.get(index))
            .map_or(0, attachment_row_len);
        self.message
            .sizes()
            .change_rows(before, attachment_row_len(&row))?;
        let rows = &mut self.message.content_mut().attachments.rows;
        match present.and_then(|index| rows.get_mut(index)) {
            Some(stored) => *stored = row,
            None => rows.push(row),
        }
        self.message.pending.touched.insert(pr::MESSAGE_ATTACHMENTS);
        if flags.contains(SaveFlags::KEEP_OPEN_READONLY) {
            self.access_level = AccessLevel::ReadOnly;
        } else if !flags.contains(SaveFlags::KEEP_OPEN_READWRITE) {
            self.closed = true;
        }
        Ok(())
    }

    fn check_open(&self) -> Result<()> {
        self.message.check_open()?;
        if self.closed {
            Err(Error::HandleClosed)
        } else {
            Ok(())
        }
    }

    fn check_modifiable(&self, tag: PropertyTag) -> Result<()> {
        self.check_open()?;
        check_settable(tag)?;
        if is_computed(tag) {
            return Err(Error::Computed { tag });
        }
        match self.access_level {
            AccessLevel::Modify => Ok(()),
            AccessLevel::ReadOnly => Err(Error::NoAccess {
                detail: format!("attachment {} is open for reading only", self.number.0),
            }),
        }
    }
}
