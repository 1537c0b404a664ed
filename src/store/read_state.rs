//! Marks on messages: read or not, the reports that senders asked for, and status. They are no content (S13): each call
//! is committed at once, makes no version and no handle stale, and is no part of any save.

use crate::db::folders;
use crate::db::marks::{self, Marked};
use crate::db::transaction::Ending;
use crate::error::{Error, ObjectKind, Result};
use crate::model::{
    ChangeKind, EntryId, MessageFlags, MessageStatus, ReadChange, ReadFlags, ReadMarks, ReadState,
    Receipt, pr,
};
use crate::store::bulk::{Outcomes, not_found, record_aside};
use crate::store::{Folder, Message, Store};

/// Status bits that only the store sets.
const STORES_OWN: MessageStatus = MessageStatus::IN_CONFLICT;

/// What [`Folder::set_read_flags`] has done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MarkedInFolder {
    /// The messages that were not in the wanted state before.
    pub changed: Vec<EntryId>,
    /// Those whose sender is to be told now that they were read ([`Receipt::Due`]).
    pub receipts_due: Vec<EntryId>,
}

fn change_of(flags: ReadFlags) -> Result<ReadChange> {
    ReadChange::of(flags).ok_or_else(|| Error::InvalidParameter {
        detail: "CLEAR_READ_FLAG contradicts SUPPRESS_RECEIPT and GENERATE_RECEIPT_ONLY".to_owned(),
    })
}

impl Store {
    /// Marks messages as read or unread, and settles the reports that their senders asked for
    /// (IMAPIFolder::SetReadFlags, [MS-OXCMSG] 2.2.3.10): one change for the call, no new version (S13). Messages that
    /// other clients have open are marked like all others.
    ///
    /// Tells for each message whether its read report is due now: the host sends it.
    ///
    /// # Errors
    ///
    /// For one message, in its place: `MAPI_E_NOT_FOUND`, `MAPI_E_UNKNOWN_ENTRYID`; all others are marked. For the call,
    /// with nothing marked: `MAPI_E_INVALID_PARAMETER`: CLEAR_READ_FLAG together with SUPPRESS_RECEIPT or
    /// GENERATE_RECEIPT_ONLY; and those of writing the store.
    pub fn set_read_flags(
        &self,
        entry_ids: &[EntryId],
        flags: ReadFlags,
    ) -> Result<Outcomes<Receipt>> {
        let wanted = change_of(flags)?;
        self.change_aside(
            entry_ids,
            ChangeKind::ReadStateChanged,
            None,
            |tx, uid, change| {
                let marked = marks::change_read_marks(tx, Marked::One(uid), &wanted, change)?;
                let receipt = match marked.due.as_slice() {
                    [] => Receipt::NotDue,
                    _ => Receipt::Due,
                };
                Ok((!marked.changed.is_empty()).then_some(receipt))
            },
        )
    }

    /// Marks messages as read or unread. A read report that would be due is not sent: a host that sends reports calls
    /// [`Store::set_read_flags`], which tells of it.
    ///
    /// # Errors
    ///
    /// As [`Store::set_read_flags`].
    pub fn set_read_state(&self, entry_ids: &[EntryId], read_state: ReadState) -> Result<Outcomes> {
        let outcomes = self.set_read_flags(entry_ids, quiet(read_state))?;
        let done = outcomes.into_iter();
        Ok(done
            .map(|(entry_id, outcome)| (entry_id, outcome.map(drop)))
            .collect())
    }

    /// The status of a message in its folder (IMAPIFolder::GetMessageStatus).
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`, `MAPI_E_UNKNOWN_ENTRYID`, and those of reading the store.
    pub fn message_status(&self, entry_id: &EntryId) -> Result<MessageStatus> {
        let uid = self.object(entry_id)?;
        let status = self.database.read(|reader| marks::status(reader, uid))?;
        let status = status.ok_or_else(|| not_found(uid))?;
        Ok(MessageStatus::from_bits_retain(status))
    }

    /// Sets the bits of `status` that are in `mask`, and clears the rest of the mask, in one step
    /// (IMAPIFolder::SetMessageStatus, [MS-OXCMSG] 3.2.5.8): no new version (S13). Returns the status before.
    /// [`MessageStatus::IN_CONFLICT`] is the store's own, and stays as it is whatever the mask.
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`, `MAPI_E_UNKNOWN_ENTRYID`, and those of writing the store.
    pub fn set_message_status(
        &self,
        entry_id: &EntryId,
        status: MessageStatus,
        mask: MessageStatus,
    ) -> Result<MessageStatus> {
        let uid = self.object(entry_id)?;
        let (status, mask) = (status.bits(), mask.difference(STORES_OWN).bits());
        let before = self.database.write(
            |_| Ok(()),
            |tx| {
                let before = marks::status(tx.connection, uid)?.ok_or_else(|| not_found(uid))?;
                marks::set_status(tx, uid, status, mask, tx.next_change()?)?;
                record_aside(tx, ChangeKind::StatusChanged, &[uid], None)?;
                Ok(Ending::Commit(before))
            },
        )?;
        Ok(MessageStatus::from_bits_retain(before))
    }
}

impl Folder {
    /// Marks all messages of the folder, but not its folder-associated ones, as [`Store::set_read_flags`] marks those
    /// that are named: one change for the call, which is of the messages that were not in the wanted state before. If
    /// there are none, there is no change.
    ///
    /// # Errors
    ///
    /// `MAPI_E_INVALID_PARAMETER`: as [`Store::set_read_flags`]. `MAPI_E_OBJECT_DELETED`: the folder was deleted. Those
    /// of writing the store. In all cases nothing was marked.
    pub fn set_read_flags(&self, flags: ReadFlags) -> Result<MarkedInFolder> {
        let wanted = change_of(flags)?;
        let store = self.store();
        let marked = store.database.write(
            |_| Ok(()),
            |tx| {
                folders::by_uid(tx.connection, self.uid())?.ok_or_else(|| {
                    Error::ObjectDeleted {
                        kind: ObjectKind::Folder,
                        entry_id: self.entry_id(),
                    }
                })?;
                let change = tx.next_change()?;
                let folder = Marked::InFolder(self.row_id());
                let marked = marks::change_read_marks(tx, folder, &wanted, change)?;
                if marked.changed.is_empty() {
                    return Ok(Ending::RollBack(marked));
                }
                let kind = ChangeKind::ReadStateChanged;
                record_aside(tx, kind, &marked.changed, Some(self.uid()))?;
                Ok(Ending::Commit(marked))
            },
        )?;
        let entry_ids = |uids: Vec<_>| uids.into_iter().map(|uid| store.entry_id(uid)).collect();
        Ok(MarkedInFolder {
            changed: entry_ids(marked.changed),
            receipts_due: entry_ids(marked.due),
        })
    }
}

/// The flags that mark a message without any report.
fn quiet(read_state: ReadState) -> ReadFlags {
    match read_state {
        ReadState::Read => ReadFlags::SUPPRESS_RECEIPT,
        ReadState::Unread => ReadFlags::CLEAR_READ_FLAG,
    }
}

impl Message {
    /// Marks the message as read or unread at once, as [`Store::set_read_flags`] does (IMessage::SetReadFlag). Pending
    /// changes of this handle stay pending, and are not saved by it. On a message that was never saved, and on
    /// an embedded one, the read state becomes part of the save; which reports are pending is decided only by the
    /// first one, from `PR_READ_RECEIPT_REQUESTED` and `PR_NON_RECEIPT_NOTIFICATION_REQUESTED`.
    ///
    /// # Errors
    ///
    /// As [`Store::set_read_flags`] for one message; `MAPI_E_NO_ACCESS`: the handle is read-only (O3).
    /// `MAPI_E_INVALID_OBJECT`: it is closed. The handle is as it was.
    pub fn set_read_flags(&mut self, flags: ReadFlags) -> Result<Receipt> {
        let wanted = change_of(flags)?;
        self.check_modifiable()?;
        let mut receipt = Receipt::NotDue;
        if self.base.is_some() {
            for (_, outcome) in self.store.set_read_flags(&[self.entry_id()], flags)? {
                receipt = outcome?;
            }
        }
        let after = wanted.apply(self.read_marks());
        self.aside.read_state = after.read_state;
        if let Some(flags) = &mut self.aside.read_flags {
            *flags = after.flags;
        }
        Ok(receipt)
    }

    /// Marks the message as read or unread without any report; see [`Message::set_read_flags`].
    ///
    /// # Errors
    ///
    /// As [`Message::set_read_flags`].
    pub fn set_read_state(&mut self, read_state: ReadState) -> Result<()> {
        self.set_read_flags(quiet(read_state)).map(drop)
    }

    /// The marks as at opening, plus this handle's own changes; of a message that was never saved, those that it will
    /// be saved with.
    pub(crate) fn read_marks(&self) -> ReadMarks {
        let requested = || {
            let mut flags = MessageFlags::empty();
            let asks = |tag| self.mine.properties.typed(tag).unwrap_or(false);
            flags.set(MessageFlags::RN_PENDING, asks(pr::READ_RECEIPT_REQUESTED));
            let unread = asks(pr::NON_RECEIPT_NOTIFICATION_REQUESTED);
            flags.set(MessageFlags::NRN_PENDING, unread);
            flags
        };
        let flags = self.aside.read_flags.unwrap_or_else(requested);
        ReadMarks::new(self.aside.read_state, flags)
    }
}
