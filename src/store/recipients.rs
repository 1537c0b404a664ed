//! Recipients of a handle.

use crate::error::{Error, ObjectKind, Result};
use crate::model::document::row_len;
use crate::model::{Recipient, RecipientRow, pr};
use crate::store::Message;

/// Names a recipient within its message (`PR_ROWID`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub u32);

/// A recipient of a message.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RecipientEntry {
    /// Its name within the message.
    pub row_id: RowId,
    /// Who it is.
    pub recipient: Recipient,
}

impl Message {
    /// The recipients, by row id (MS-OXCMSG 2.2.3.1.2).
    ///
    /// # Errors
    ///
    /// `MAPI_E_INVALID_OBJECT` for a closed handle.
    pub fn recipients(&self) -> Result<Vec<RecipientEntry>> {
        self.check_open()?;
        Ok(self
            .mine
            .recipients
            .iter()
            .map(|row| RecipientEntry {
                row_id: RowId(row.row_id),
                recipient: Recipient::from_properties(&row.properties),
            })
            .collect())
    }

    /// Adds a recipient, as a pending change (IMessage::ModifyRecipients, MODRECIP_ADD). Returns its row id.
    ///
    /// # Errors
    ///
    /// `MAPI_E_TOO_BIG`: recipients and attachments would take more than 16 MiB (S15). `MAPI_E_NO_ACCESS`: the
    /// handle is read-only. `MAPI_E_INVALID_OBJECT`: it is closed. The handle is as it was.
    pub fn add_recipient(&mut self, recipient: Recipient) -> Result<RowId> {
        self.check_modifiable()?;
        // Row ids ascend, so the last is the highest.
        let row_id = match self.mine.recipients.last() {
            None => 0,
            Some(last) => last.row_id.checked_add(1).ok_or_else(|| Error::TooBig {
                detail: "the message has used all its recipient row ids".to_owned(),
            })?,
        };
        let row = RecipientRow {
            row_id,
            properties: recipient.to_properties(),
        };
        self.sizes().change_rows(0, row_len(&row))?;
        self.content_mut().recipients.push(row);
        self.touch_recipients();
        Ok(RowId(row_id))
    }

    /// Replaces a recipient (MODRECIP_MODIFY).
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`: no recipient of that row id; else as [`Message::add_recipient`].
    pub fn modify_recipient(&mut self, row_id: RowId, recipient: &Recipient) -> Result<()> {
        self.check_modifiable()?;
        let index = self.recipient_index(row_id)?;
        let mut row = self.mine.recipients.get(index).cloned().unwrap_or_default();
        let before = row_len(&row);
        for (tag, value) in recipient.to_properties().iter() {
            row.properties.set(tag, value.clone());
        }
        self.sizes().change_rows(before, row_len(&row))?;
        if let Some(stored) = self.content_mut().recipients.get_mut(index) {
            *stored = row;
        }
        self.touch_recipients();
        Ok(())
    }

    /// Removes a recipient (MODRECIP_REMOVE).
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`: no recipient of that row id. `MAPI_E_NO_ACCESS` and `MAPI_E_INVALID_OBJECT` as
    /// [`Message::add_recipient`].
    pub fn remove_recipient(&mut self, row_id: RowId) -> Result<()> {
        self.check_modifiable()?;
        let index = self.recipient_index(row_id)?;
        let before = self.mine.recipients.get(index).map_or(0, row_len);
        self.sizes().change_rows(before, 0)?;
        self.content_mut().recipients.remove(index);
        self.touch_recipients();
        Ok(())
    }

    /// Removes all recipients.
    ///
    /// # Errors
    ///
    /// `MAPI_E_NO_ACCESS` and `MAPI_E_INVALID_OBJECT` as [`Message::add_recipient`].
    pub fn remove_all_recipients(&mut self) -> Result<()> {
        self.check_modifiable()?;
        let before = self.mine.recipients.iter().map(row_len).sum();
        self.sizes().change_rows(before, 0)?;
        self.content_mut().recipients.clear();
        self.touch_recipients();
        Ok(())
    }

    fn recipient_index(&self, row_id: RowId) -> Result<usize> {
        self.mine
            .recipients
            .iter()
            .position(|row| row.row_id == row_id.0)
            .ok_or_else(|| Error::NotFound {
                kind: ObjectKind::Recipient,
                what: row_id.0.to_string(),
            })
    }

    fn touch_recipients(&mut self) {
        self.pending.touched.insert(pr::MESSAGE_RECIPIENTS);
    }
}
