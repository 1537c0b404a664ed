//! The handle of an attachment, transacted through its message (S14).

use std::io::Read;

use crate::error::{Error, Result};
use crate::model::document::attachment_row_len;
use crate::model::{
    AccessLevel, AttachmentRow, FileTime, PropertyKind, PropertyTag, PropertyValue, SaveFlags,
    StoredValue, Tag, pr,
};
use crate::store::attachments::AttachmentNumber;
use crate::store::map_prop::{MapiProp, sealed};
use crate::store::message::{Message, Place};
use crate::store::properties::{check_settable, check_value};
use crate::store::stream::StreamReader;

/// MAPI's object type of an attachment (`MAPI_ATTACH`).
const OBJECT_TYPE_ATTACHMENT: i32 = 7;

/// An open attachment. What is set here becomes part of the message's pending changes with
/// [`Attachment::save_changes`], and is stored when the message is saved (S14); dropped unsaved, it is forgotten.
#[derive(Debug)]
pub struct Attachment<'m> {
    pub(crate) message: &'m mut Message,
    /// The row as it is here, saved or not.
    pub(crate) row: AttachmentRow,
    pub(crate) access_level: AccessLevel,
    closed: bool,
}

/// Properties of an attachment that the store sets or computes (MS-OXCMSG 2.2.2).
const COMPUTED: &[PropertyTag] = &[
    pr::ATTACH_NUM.tag(),
    pr::ATTACH_SIZE.tag(),
    pr::RECORD_KEY.tag(),
    pr::INSTANCE_KEY.tag(),
    pr::OBJECT_TYPE.tag(),
    pr::ACCESS_LEVEL.tag(),
    pr::CREATION_TIME.tag(),
    pr::LAST_MODIFICATION_TIME.tag(),
];

pub(crate) fn is_computed(tag: PropertyTag) -> bool {
    COMPUTED.iter().any(|computed| computed.id() == tag.id())
}

/// The message's record key and the attachment's number, so that no other object of the store has it.
pub(crate) fn record_key(message: &Message, row: &AttachmentRow) -> Vec<u8> {
    let of_message: &[u8] = match &message.place {
        Place::Folder => message.uid.as_bytes(),
        Place::Attachment { record_key, .. } => record_key,
    };
    [of_message, &row.number.to_be_bytes()].concat()
}

/// What is computed when it is read; the times are stored.
fn computed(
    message: &Message,
    row: &AttachmentRow,
    access_level: AccessLevel,
    tag: PropertyTag,
) -> Option<PropertyValue> {
    Some(match tag {
        _ if tag == pr::ATTACH_NUM.tag() => PropertyValue::Long(row.number.cast_signed()),
        _ if tag == pr::ATTACH_SIZE.tag() => {
            PropertyValue::Long(i32::try_from(row.size()).unwrap_or(i32::MAX))
        }
        _ if [pr::RECORD_KEY.tag(), pr::INSTANCE_KEY.tag()].contains(&tag) => {
            PropertyValue::Binary(record_key(message, row))
        }
        _ if tag == pr::OBJECT_TYPE.tag() => PropertyValue::Long(OBJECT_TYPE_ATTACHMENT),
        _ if tag == pr::ACCESS_LEVEL.tag() => PropertyValue::Long(access_level.code()),
        _ => return None,
    })
}

/// What was set, and what is computed, ascending by tag.
pub(crate) fn all_properties(
    message: &Message,
    row: &AttachmentRow,
    access_level: AccessLevel,
) -> Vec<(PropertyTag, StoredValue)> {
    let set = row.properties.iter();
    let mut all: Vec<_> = set.map(|(tag, value)| (tag, value.clone())).collect();
    all.extend(COMPUTED.iter().filter_map(|tag| {
        let value = computed(message, row, access_level, *tag)?;
        Some((*tag, StoredValue::Inline(value)))
    }));
    all.sort_by_key(|(tag, _)| *tag);
    all
}

impl sealed::Sealed for Attachment<'_> {
    fn check_changeable(&self) -> Result<()> {
        self.check_modifiable()
    }
}

impl MapiProp for Attachment<'_> {
    fn get_value(&self, tag: PropertyTag) -> Result<Option<PropertyValue>> {
        Attachment::get_value(self, tag)
    }

    fn set_value(&mut self, tag: PropertyTag, value: PropertyValue) -> Result<()> {
        Attachment::set_value(self, tag, value)
    }

    fn delete_property(&mut self, tag: PropertyTag) -> Result<()> {
        Attachment::delete_property(self, tag)
    }

    fn property_list(&self) -> Result<Vec<PropertyTag>> {
        Attachment::property_list(self)
    }
}

impl<'m> Attachment<'m> {
    pub(crate) fn new(message: &'m mut Message, row: AttachmentRow) -> Attachment<'m> {
        Attachment {
            access_level: message.access_level,
            message,
            row,
            closed: false,
        }
    }

    /// Its number in the message (`PR_ATTACH_NUM`).
    pub fn number(&self) -> AttachmentNumber {
        AttachmentNumber(self.row.number)
    }

    /// What was granted (`PR_ACCESS_LEVEL`).
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
        if let Some(value) = computed(self.message, &self.row, self.access_level, tag) {
            return Ok(Some(value));
        }
        match self.row.properties.get(tag) {
            None => Ok(None),
            Some(StoredValue::Inline(value)) => Ok(Some(value.clone())),
            Some(StoredValue::Stream(_)) => self.message.load(&self.row.properties, tag).map(Some),
        }
    }

    /// The properties that were set and those that the store computes, ascending by tag; a large one, and the data, as
    /// references to streams.
    ///
    /// # Errors
    ///
    /// `MAPI_E_INVALID_OBJECT` for a closed handle.
    pub fn properties(&self) -> Result<Vec<(PropertyTag, StoredValue)>> {
        self.check_open()?;
        Ok(all_properties(self.message, &self.row, self.access_level))
    }

    /// Names all properties that the attachment has now, `PR_ATTACH_DATA_OBJ` for an embedded message among them,
    /// ascending (IMAPIProp::GetPropList).
    ///
    /// # Errors
    ///
    /// `MAPI_E_INVALID_OBJECT` for a closed handle.
    pub fn property_list(&self) -> Result<Vec<PropertyTag>> {
        let mut tags: Vec<_> = self.properties()?.into_iter().map(|(tag, _)| tag).collect();
        tags.extend(self.row.embedded.as_ref().map(|_| pr::ATTACH_DATA_OBJ));
        tags.sort_unstable();
        Ok(tags)
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
        self.check_settable(tag)?;
        check_value(tag, &value)?;
        let stored = match value {
            PropertyValue::Binary(data) if tag == pr::ATTACH_DATA_BIN.tag() => {
                StoredValue::Stream(self.message.take_data(&data[..])?)
            }
            value => self.message.storable(tag, value)?,
        };
        self.put(tag, stored)
    }

    /// Sets a value as it will be stored. A limit is an error when the value is set (S15), though only the
    /// attachment's save makes it count.
    pub(crate) fn put(&mut self, tag: PropertyTag, value: StoredValue) -> Result<()> {
        let replaced = self.row.properties.clone();
        self.row.properties.set(tag, value);
        let before = self.stored_len();
        let mut sizes = *self.message.sizes();
        sizes
            .change_rows(before, attachment_row_len(&self.row))
            .inspect_err(|_| self.row.properties = replaced)
    }

    /// What the row takes in the message's document as it was last saved to the message.
    pub(crate) fn stored_len(&self) -> u64 {
        let stored = self.message.attachment_row(self.number());
        stored.map_or(0, attachment_row_len)
    }

    /// Sets the data (`PR_ATTACH_DATA_BIN`) from a reader, without ever holding all of it in memory. Returns the
    /// bytes read.
    ///
    /// # Errors
    ///
    /// As [`Message::set_stream`].
    pub fn set_data(&mut self, data: impl Read) -> Result<u64> {
        let tag = pr::ATTACH_DATA_BIN.tag();
        self.check_settable(tag)?;
        let reference = self.message.take_data(data)?;
        self.put(tag, StoredValue::Stream(reference))?;
        Ok(reference.size)
    }

    /// Opens the data, or another text or binary property, for reading.
    ///
    /// # Errors
    ///
    /// As [`Message::open_stream`].
    pub fn open_stream(&self, tag: PropertyTag) -> Result<StreamReader> {
        self.check_open()?;
        self.message.reader_of(&self.row.properties, tag)
    }

    /// Deletes a property. Deleting `PR_ATTACH_DATA_OBJ` removes an embedded message.
    ///
    /// # Errors
    ///
    /// As [`Message::delete_property`].
    pub fn delete_property(&mut self, tag: PropertyTag) -> Result<()> {
        if tag == pr::ATTACH_DATA_OBJ {
            self.check_modifiable()?;
            self.row.embedded = None;
            return Ok(());
        }
        self.check_settable(tag)?;
        self.row.properties.remove(tag.id());
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
        self.check_modifiable()?;
        let mut row = self.row.clone();
        // A new one keeps the time of its creation ([MS-OXCMSG] 3.2.5.13): what was set since then is part of that.
        if self.message.attachment_row(self.number()).is_ok() {
            // It never goes back with the clock.
            let before = row.properties.typed(pr::LAST_MODIFICATION_TIME);
            let now = FileTime::from_timestamp(jiff::Timestamp::now());
            let time = PropertyValue::SysTime(now.max(before.unwrap_or(now)));
            row.properties.set(pr::LAST_MODIFICATION_TIME.tag(), time);
        }
        self.message.put_attachment(row.clone())?;
        self.row = row;
        if flags.contains(SaveFlags::KEEP_OPEN_READONLY) {
            self.access_level = AccessLevel::ReadOnly;
        } else if !flags.contains(SaveFlags::KEEP_OPEN_READWRITE) {
            self.closed = true;
        }
        Ok(())
    }

    pub(crate) fn check_open(&self) -> Result<()> {
        self.message.check_open()?;
        if self.closed {
            Err(Error::HandleClosed)
        } else {
            Ok(())
        }
    }

    pub(crate) fn check_modifiable(&self) -> Result<()> {
        self.check_open()?;
        match self.access_level {
            AccessLevel::Modify => Ok(()),
            AccessLevel::ReadOnly => Err(Error::NoAccess {
                detail: format!("attachment {} is open for reading only", self.row.number),
            }),
        }
    }

    pub(crate) fn check_settable(&self, tag: PropertyTag) -> Result<()> {
        self.check_modifiable()?;
        check_settable(tag)?;
        if is_computed(tag) {
            return Err(Error::Computed { tag });
        }
        Ok(())
    }
}
