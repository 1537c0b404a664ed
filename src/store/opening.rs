//! How a handle comes to be: opening, creating, reloading.

use std::sync::Arc;

use crate::db::messages::StoredMessage;
use crate::db::pins::Pin;
#[cfg(feature = "planted-faults")]
use crate::db::planted_faults;
use crate::db::{folders, messages};
use crate::error::{Error, ObjectKind, Result};
use crate::model::{
    Access, AccessLevel, Content, EntryId, FileTime, FolderKind, MessageFlags, ObjectUid,
    PropertyValue, ReadState, StoredValue, pr,
};
use crate::store::folder::Folder;
use crate::store::message::{Aside, Base, HandleState, Message, Pending, Place, content_of};
use crate::store::{Store, computed};

/// What an entry id led to.
#[derive(Debug)]
#[non_exhaustive]
pub enum Entry {
    /// A folder.
    Folder(Folder),
    /// A message.
    Message(Box<Message>),
}

/// Whether soft-deleted messages are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SoftDeleted {
    Hidden,
    Shown,
}

impl Store {
    /// Opens a message. Opening locks nothing: any number of clients may do so (O1).
    ///
    /// The handle is read-only unless `access` asks for more: [`Access::Modify`] grants changes or fails,
    /// [`Access::Best`] grants what there is (O3).
    ///
    /// # Errors
    ///
    /// - `MAPI_E_NOT_FOUND`: nothing by that entry id, or a soft-deleted message.
    /// - `MAPI_E_UNKNOWN_ENTRYID`: the entry id of another store.
    /// - `MAPI_E_NO_ACCESS`: modify access to a store that was opened read-only.
    /// - `MAPI_E_CORRUPT_STORE`: the stored message cannot be read, or not as it was saved.
    pub fn open_message(&self, entry_id: &EntryId, access: Access) -> Result<Message> {
        self.open_by_uid(self.object(entry_id)?, access, SoftDeleted::Hidden)
    }

    /// Opens a message, also a soft-deleted one (MS-OXCMSG 2.2.3.1.1, OpenSoftDeleted), which can only be read:
    /// [`Access::Modify`] to it is `MAPI_E_NO_ACCESS`.
    ///
    /// # Errors
    ///
    /// Those of [`Store::open_message`].
    pub fn open_message_or_deleted(&self, entry_id: &EntryId, access: Access) -> Result<Message> {
        self.open_by_uid(self.object(entry_id)?, access, SoftDeleted::Shown)
    }

    /// Opens whatever an entry id stands for; the null entry id, no bytes at all, is the root folder (O4).
    ///
    /// # Errors
    ///
    /// Those of [`Store::open_message`], and `MAPI_E_INVALID_ENTRYID`: bytes of another length or form.
    pub fn open_entry(&self, entry_id: &[u8], access: Access) -> Result<Entry> {
        if entry_id.is_empty() {
            return Ok(Entry::Folder(self.folder_of_kind(FolderKind::Root)?));
        }
        let uid = self.object(&EntryId::from_bytes(entry_id)?)?;
        if let Some(row) = self.database.read(|reader| folders::by_uid(reader, uid))? {
            return Ok(Entry::Folder(Folder::new(self, &row)));
        }
        let message = self.open_by_uid(uid, access, SoftDeleted::Hidden)?;
        Ok(Entry::Message(Box::new(message)))
    }

    /// The object that an entry id of this store names.
    pub(crate) fn object(&self, entry_id: &EntryId) -> Result<ObjectUid> {
        if entry_id.store() == self.database.store_uid() {
            Ok(entry_id.object())
        } else {
            Err(Error::UnknownEntryId {
                entry_id: *entry_id,
            })
        }
    }

    fn open_by_uid(&self, uid: ObjectUid, access: Access, deleted: SoftDeleted) -> Result<Message> {
        let pin = self.database.pin()?.map(Arc::new);
        let row = self.database.read(|reader| messages::load(reader, uid))?;
        #[cfg(feature = "planted-faults")]
        let row = self
            .database
            .read(|reader| planted_faults::read_part_late(reader, uid, row))?;
        let not_found = || Error::NotFound {
            kind: ObjectKind::Message,
            what: uid.to_string(),
        };
        let row = row.ok_or_else(not_found)?;
        if row.deleted_at.is_some() && deleted == SoftDeleted::Hidden {
            return Err(not_found());
        }
        let refusal = if self.database.is_read_only() {
            Some("the store was opened read-only")
        } else if row.deleted_at.is_some() {
            Some("the message is deleted")
        } else {
            None
        };
        let access_level = match (access, refusal) {
            (Access::ReadOnly, _) | (Access::Best, Some(_)) => AccessLevel::ReadOnly,
            (Access::Modify | Access::Best, None) => AccessLevel::Modify,
            (Access::Modify, Some(why)) => {
                return Err(Error::NoAccess {
                    detail: format!("message {uid}: {why}"),
                });
            }
        };
        self.database.saw_change(row.change_number);
        self.of_row(uid, &row, access_level, pin)
    }

    /// A handle on a message as a row has it.
    pub(super) fn of_row(
        &self,
        uid: ObjectUid,
        row: &StoredMessage,
        access_level: AccessLevel,
        pin: Option<Arc<Pin>>,
    ) -> Result<Message> {
        let content = Arc::new(content_of(row, uid)?);
        Ok(Message {
            store: self.clone(),
            uid,
            place: Place::Folder,
            state: HandleState::Open,
            access_level,
            base: Some(Base::of(row)),
            snapshot: Arc::clone(&content),
            mine: content,
            pending: Pending::nothing(),
            aside: Aside::of(row),
            pin,
        })
    }

    /// A new message for a folder, with the initial values of MS-OXCMSG 3.2.5.2 that this store knows.
    pub(crate) fn new_message(&self, folder: ObjectUid, content: Content) -> Result<Message> {
        self.check_writable()?;
        let content = Arc::new(created_by(self.client_name(), content));
        Ok(Message {
            store: self.clone(),
            uid: ObjectUid::random(),
            place: Place::Folder,
            state: HandleState::Open,
            access_level: AccessLevel::Modify,
            base: None,
            snapshot: Arc::clone(&content),
            mine: content,
            pending: Pending::nothing(),
            aside: Aside {
                folder,
                created_at: FileTime::from_timestamp(jiff::Timestamp::now()),
                read_state: ReadState::Read,
                read_flags: None,
                status: 0,
                is_associated: false,
                deleted_at: None,
            },
            pin: self.database.pin()?.map(Arc::new),
        })
    }
}

/// The content of a message that nobody has touched yet.
pub(crate) fn initial_content() -> Content {
    let mut content = Content::default();
    let flags = computed::content_flags(MessageFlags::UNSENT);
    for (tag, value) in [
        (
            pr::MESSAGE_CLASS.tag(),
            PropertyValue::Unicode("IPM.Note".to_owned()),
        ),
        (pr::MESSAGE_FLAGS.tag(), PropertyValue::Long(flags)),
        (pr::IMPORTANCE.tag(), PropertyValue::Long(1)),
        (pr::SENSITIVITY.tag(), PropertyValue::Long(0)),
    ] {
        content.properties.set(tag, StoredValue::Inline(value));
    }
    content
}

/// New content with the name of who creates it; a copy keeps that of its original.
pub(crate) fn created_by(client_name: &str, mut content: Content) -> Content {
    let tag = pr::CREATOR_NAME.tag();
    if content.properties.get(tag).is_none() {
        let name = PropertyValue::Unicode(client_name.to_owned());
        content.properties.set(tag, StoredValue::Inline(name));
    }
    content
}

impl Folder {
    /// Opens a message by its entry id, whichever folder of the store it is in: the id alone says which message
    /// (IMAPIContainer::OpenEntry, MS-OXCMSG 2.2.3.1).
    ///
    /// # Errors
    ///
    /// Those of [`Store::open_message`].
    pub fn open_message(&self, entry_id: &EntryId, access: Access) -> Result<Message> {
        self.store().open_message(entry_id, access)
    }
}

impl Message {
    /// Drops the pending changes and takes the newest committed state as the snapshot and base (O6).
    ///
    /// # Errors
    ///
    /// In all cases the handle is as it was.
    ///
    /// - `MAPI_E_OBJECT_DELETED`: the message was deleted meanwhile.
    /// - `MAPI_E_INVALID_PARAMETER`: the message was never saved, so there is nothing to reload.
    /// - `MAPI_E_NO_SUPPORT`: an embedded message; reload the one that it is stored in.
    /// - `MAPI_E_INVALID_OBJECT`: the handle is closed.
    pub fn reload(&mut self) -> Result<()> {
        self.check_open()?;
        self.check_in_folder()?;
        if self.base.is_none() {
            return Err(Error::InvalidParameter {
                detail: "the message was never saved, so there is nothing to reload".to_owned(),
            });
        }
        let uid = self.uid;
        let pin = self.store.database.pin()?.map(Arc::new);
        let row = self
            .store
            .database
            .read(|reader| messages::load(reader, uid))?;
        let was_deleted = self.aside.deleted_at.is_some();
        let row = row
            .filter(|row| row.deleted_at.is_none() || was_deleted)
            .ok_or_else(|| Error::ObjectDeleted {
                kind: ObjectKind::Message,
                entry_id: self.entry_id(),
            })?;
        let content = Arc::new(content_of(&row, uid)?);
        self.store.database.saw_change(row.change_number);
        self.base = Some(Base::of(&row));
        self.aside = Aside::of(&row);
        self.snapshot = Arc::clone(&content);
        self.mine = content;
        self.pending = Pending::nothing();
        self.pin = pin;
        Ok(())
    }
}
