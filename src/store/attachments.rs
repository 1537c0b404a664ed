//! The attachments of a message: their table, and handles to them.

use std::io::Read;

use crate::error::{Error, ObjectKind, Result};
use crate::model::document::attachment_row_len;
use crate::model::{
    Access, AccessLevel, AttachMethod, AttachmentRow, FileTime, PropertyTag, PropertyValue,
    SaveFlags, StoredValue, StreamReference, Tag, pr,
};
use crate::store::attachment::{Attachment, all_properties};
use crate::store::message::Message;
use crate::store::stream::StreamReader;

/// `PR_RENDERING_POSITION` of an attachment that the body does not show (MS-OXCMSG 2.2.2.16).
const NOT_RENDERED: i32 = -1;

/// Names an attachment within its message (`PR_ATTACH_NUM`); never used again there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttachmentNumber(pub u32);

/// A line of a message's attachment table.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AttachmentInfo {
    /// Its name within the message.
    pub number: AttachmentNumber,
    /// `PR_ATTACH_LONG_FILENAME`, else `PR_ATTACH_FILENAME`, else `PR_DISPLAY_NAME`, else the subject of an embedded
    /// message.
    pub name: Option<String>,
    /// How the data is attached (`PR_ATTACH_METHOD`).
    pub method: AttachMethod,
    /// The data (`PR_ATTACH_DATA_BIN`): its hash and its size in bytes. None if there is no data.
    pub data: Option<StreamReference>,
    /// The sum of its properties in bytes, an embedded message included (`PR_ATTACH_SIZE`).
    pub size: u64,
    /// The media type (`PR_ATTACH_MIME_TAG`).
    pub mime_type: Option<String>,
    /// Where the body shows it, -1 if it does not (`PR_RENDERING_POSITION`).
    pub rendering_position: i32,
}

fn info(row: &AttachmentRow) -> AttachmentInfo {
    let properties = &row.properties;
    let text = |tag: Tag<String>| properties.typed(tag).filter(|text| !text.is_empty());
    let method = properties
        .typed(pr::ATTACH_METHOD)
        .and_then(AttachMethod::from_code);
    AttachmentInfo {
        number: AttachmentNumber(row.number),
        name: row.name(),
        method: method.unwrap_or(AttachMethod::NoAttachment),
        data: match properties.get(pr::ATTACH_DATA_BIN.tag()) {
            Some(StoredValue::Stream(reference)) => Some(*reference),
            _ => None,
        },
        size: row.size(),
        mime_type: text(pr::ATTACH_MIME_TAG),
        rendering_position: properties
            .typed(pr::RENDERING_POSITION)
            .unwrap_or(NOT_RENDERED),
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

    /// The properties of an attachment as [`Attachment::properties`](crate::Attachment::properties) gives them,
    /// without opening it: all columns of its row in the attachment table.
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`: no attachment of that number. `MAPI_E_INVALID_OBJECT` for a closed handle.
    pub fn attachment_properties(
        &self,
        number: AttachmentNumber,
    ) -> Result<Vec<(PropertyTag, StoredValue)>> {
        self.check_open()?;
        let row = self.attachment_row(number)?;
        Ok(all_properties(self, row, self.access_level))
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
        attachment.set_data(data)?;
        attachment.save_changes(SaveFlags::empty())?;
        Ok(attachment.number())
    }

    /// Makes a new attachment (IMessage::CreateAttach). It is part of the message only once it is saved. Until the
    /// client says more, its method is `NO_ATTACHMENT`, and the body does not show it (MS-OXCMSG 3.2.5.13).
    ///
    /// # Errors
    ///
    /// `MAPI_E_NO_ACCESS`: the message is open for reading only. `MAPI_E_INVALID_OBJECT`: it is closed.
    pub fn create_attachment(&mut self) -> Result<Attachment<'_>> {
        self.check_modifiable()?;
        let number = self.mine.attachments.next_number;
        let next_number = number.checked_add(1).ok_or_else(|| Error::TooBig {
            detail: "the message has used all its attachment numbers".to_owned(),
        })?;
        // Taken even if the attachment is dropped unsaved: numbers are never used again.
        self.content_mut().attachments.next_number = next_number;
        let now = FileTime::from_timestamp(jiff::Timestamp::now());
        let method = AttachMethod::NoAttachment.code();
        let initial = [
            (pr::CREATION_TIME.tag(), PropertyValue::SysTime(now)),
            (
                pr::LAST_MODIFICATION_TIME.tag(),
                PropertyValue::SysTime(now),
            ),
            (pr::ATTACH_METHOD.tag(), PropertyValue::Long(method)),
            (
                pr::RENDERING_POSITION.tag(),
                PropertyValue::Long(NOT_RENDERED),
            ),
        ];
        let row = AttachmentRow {
            number,
            properties: initial.into_iter().collect(),
            embedded: None,
        };
        Ok(Attachment::new(self, row))
    }

    /// Opens an attachment with the best access, that of the message's handle (IMessage::OpenAttach).
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`: no attachment of that number. `MAPI_E_INVALID_OBJECT`: the handle is closed.
    pub fn open_attachment(&mut self, number: AttachmentNumber) -> Result<Attachment<'_>> {
        self.open_attachment_with(number, Access::Best)
    }

    /// Opens an attachment with the access that is asked for (IMessage::OpenAttach, MS-OXCMSG 2.2.3.12.1).
    ///
    /// # Errors
    ///
    /// Those of [`Message::open_attachment`]; `MAPI_E_NO_ACCESS`: [`Access::Modify`] through a read-only handle.
    pub fn open_attachment_with(
        &mut self,
        number: AttachmentNumber,
        access: Access,
    ) -> Result<Attachment<'_>> {
        self.check_open()?;
        let row = self.attachment_row(number)?.clone();
        if access == Access::Modify {
            self.check_modifiable()?;
        }
        let mut attachment = Attachment::new(self, row);
        if access == Access::ReadOnly {
            attachment.access_level = AccessLevel::ReadOnly;
        }
        Ok(attachment)
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

    pub(crate) fn attachment_row(&self, number: AttachmentNumber) -> Result<&AttachmentRow> {
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

    /// Puts an attachment's row in place of the one of its number, or behind the others.
    pub(crate) fn put_attachment(&mut self, row: AttachmentRow) -> Result<()> {
        let number = AttachmentNumber(row.number);
        let before = self.attachment_row(number).map_or(0, attachment_row_len);
        self.sizes().change_rows(before, attachment_row_len(&row))?;
        let rows = &mut self.content_mut().attachments.rows;
        // Not always the last: one that was opened before others were created may be saved after them.
        match rows.binary_search_by_key(&row.number, |stored| stored.number) {
            Ok(index) => {
                if let Some(stored) = rows.get_mut(index) {
                    *stored = row;
                }
            }
            Err(index) => rows.insert(index, row),
        }
        self.pending.touched.insert(pr::MESSAGE_ATTACHMENTS);
        Ok(())
    }
}
