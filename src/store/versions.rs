//! Earlier versions of a message: what is known of them, reading those that are kept, and putting one back (K4, K7).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::db::versioned::Resolving;
use crate::db::versions::{Kept, KeptRow};
use crate::db::{changes, messages, messages::StoredMessage, versions};
use crate::error::{Error, ObjectKind, Result};
use crate::model::{
    Access, AccessLevel, ChangeKind, Content, EntryId, FileTime, FolderKind, JournalEntry,
    MessageFlags, ObjectUid, ReadState, RowVersion, SaveFlags, changed_properties,
};
use crate::store::Store;
use crate::store::bulk::not_found;
use crate::store::conflict::SavedVersion;
use crate::store::folder::Folder;
use crate::store::message::{Message, Resolves};
use crate::store::save::Saved;

/// Whether the content of a version can still be read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum VersionContent {
    /// It is the version that is stored, also of a soft-deleted message.
    Current,
    /// It is kept, since a client replaced it that had not seen it (K4).
    Kept {
        /// The client.
        replaced_by: String,
        /// When.
        replaced_at: FileTime,
        /// How: `force-save`, `overwrite`, `merge` or `restore`.
        reason: String,
    },
    /// It is not kept: the next save was built on it, or it was purged, or deleted with the message.
    NotKept,
}

/// What is known of a version of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VersionInfo {
    /// Who saved it, when and how. Where the journal was purged (K7) the process is not known, nor what it changed,
    /// nor how.
    pub saved: SavedVersion,
    /// Whether it can still be read.
    pub content: VersionContent,
}

/// What a restore has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Restored {
    /// A new version of the message. What it replaced is kept.
    InPlace(Saved),
    /// A new message, since the old one is deleted.
    AsNew(Saved),
}

/// What the store has of a message and its past.
struct Known {
    row: Option<StoredMessage>,
    kept: Vec<Kept>,
    saves: Vec<JournalEntry>,
}

impl Store {
    /// The versions of a message, also of a deleted one, oldest first: those that the journal knows, those that are kept,
    /// and the one that is stored. Where numbers are missing in between or before, the journal was purged.
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`: nothing is known of such a message. `MAPI_E_UNKNOWN_ENTRYID`: the entry id of another store;
    /// and those of reading the store.
    pub fn versions(&self, entry_id: &EntryId) -> Result<Vec<VersionInfo>> {
        let uid = self.object(entry_id)?;
        let known = self.known_of(uid)?;
        let mut found: BTreeMap<RowVersion, VersionInfo> = BTreeMap::new();
        for save in &known.saves {
            if let Some(saved) = SavedVersion::of(save) {
                let content = VersionContent::NotKept;
                found.insert(saved.row_version, VersionInfo { saved, content });
            }
        }
        for kept in known.kept {
            let info = found
                .entry(kept.row_version)
                .or_insert_with(|| unjournalled(kept.row_version, kept.saved_by, kept.saved_at));
            info.content = VersionContent::Kept {
                replaced_by: kept.replaced_by,
                replaced_at: kept.replaced_at,
                reason: kept.reason,
            };
        }
        if let Some(row) = known.row {
            let info = found.entry(row.row_version).or_insert_with(|| {
                unjournalled(row.row_version, row.modified_by, row.committed_at)
            });
            info.content = VersionContent::Current;
        }
        if found.is_empty() {
            return Err(not_found(uid));
        }
        Ok(found.into_values().collect())
    }

    fn known_of(&self, uid: ObjectUid) -> Result<Known> {
        self.database.read_together(|reader| {
            Ok(Known {
                row: messages::load(reader, uid)?,
                kept: versions::of_message(reader, uid)?,
                saves: changes::saves_after(reader, uid, None)?,
            })
        })
    }

    /// Opens a kept version of a message, or the one that is stored, for reading. The message may have been deleted: its
    /// kept versions stay until they are purged (K7). Folder, read state and status are no part of a version (S13): they are
    /// those of now, and of a message that was deleted for good the folder that it was deleted from.
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`: no such message or version, or its content is not kept; the error says which.
    /// `MAPI_E_UNKNOWN_ENTRYID`: the entry id of another store. `MAPI_E_CORRUPT_STORE`: it cannot be read, or not as it was
    /// saved.
    pub fn open_version(&self, entry_id: &EntryId, version: RowVersion) -> Result<Message> {
        let uid = self.object(entry_id)?;
        // Before the read: from here on no stream of what is read is collected.
        let pin = self.database.pin()?.map(Arc::new);
        let (row, kept, deletion) = self.database.read_together(|reader| {
            let row = messages::load(reader, uid)?;
            let is_current = row.as_ref().is_some_and(|row| row.row_version == version);
            let kept = match is_current {
                true => None,
                false => versions::load(reader, uid, version)?,
            };
            let deletion = match row {
                Some(_) => None,
                None => changes::hard_deletion(reader, uid)?,
            };
            Ok((row, kept, deletion))
        })?;
        let row = match (row, kept) {
            (Some(row), None) if row.row_version == version => row,
            (Some(row), Some(kept)) => kept_row(kept, version, row),
            (None, Some(kept)) => {
                let (deleted_at, folder) = deletion.unwrap_or((kept.committed_at, None));
                let folder = match folder {
                    Some(folder) => folder,
                    None => self.special_folder(FolderKind::Inbox)?.uid(),
                };
                let around = last_of(&kept, folder, deleted_at);
                kept_row(kept, version, around)
            }
            (_, None) => return Err(self.not_kept(uid, version)?),
        };
        self.of_row(uid, &row, AccessLevel::ReadOnly, pin)
    }

    /// Says why a version cannot be opened.
    fn not_kept(&self, uid: ObjectUid, version: RowVersion) -> Result<Error> {
        let known = self.known_of(uid)?;
        let newest = known
            .saves
            .iter()
            .filter_map(|save| save.row_version)
            .chain(known.row.as_ref().map(|row| row.row_version))
            .chain(known.kept.iter().map(|kept| kept.row_version))
            .max();
        let Some(newest) = newest else {
            return Ok(not_found(uid));
        };
        let why = if version > newest {
            format!("the newest is {newest}")
        } else if version == newest {
            "the message was deleted for good, and its last version with it".to_owned()
        } else if known
            .saves
            .iter()
            .any(|save| save.row_version == Some(version))
        {
            "its content is not kept; the next save was built on it, or it was purged".to_owned()
        } else {
            "neither its content is kept nor its place in the journal; it was purged".to_owned()
        };
        Ok(Error::NotFound {
            kind: ObjectKind::Version,
            what: format!("{version} of message {uid}: {why}"),
        })
    }

    /// Puts a kept version of a message back, as an ordinary save over the version that is stored at the moment of the
    /// call, which is kept (K4). A deleted message does not come back: its kept version becomes a new message, in the
    /// folder that it was deleted from, or in the inbox if that is gone (K7). Restoring the stored version does nothing.
    ///
    /// # Errors
    ///
    /// Nothing was written then.
    ///
    /// - `MAPI_E_NOT_FOUND`: as for [`Store::open_version`].
    /// - `MAPI_E_OBJECT_CHANGED`: another client has saved meanwhile; look again.
    /// - `MAPI_E_OBJECT_DELETED`: another client has deleted it meanwhile; call again for a new message.
    /// - `MAPI_E_NO_ACCESS`: the store was opened read-only.
    /// - The others of [`Message::save_changes`].
    pub fn restore(&self, entry_id: &EntryId, version: RowVersion) -> Result<Restored> {
        match self.open_message(entry_id, Access::Modify) {
            Ok(mut message) => {
                message.restore(version)?;
                message
                    .save_changes(SaveFlags::KEEP_OPEN_READONLY)
                    .map(Restored::InPlace)
            }
            Err(Error::NotFound { .. }) => {
                let kept = self.open_version(entry_id, version)?;
                let folder = self.folder_for_restored(&kept)?;
                let mut copy = kept.copy_for(&folder)?;
                copy.save_changes(SaveFlags::KEEP_OPEN_READONLY)
                    .map(Restored::AsNew)
            }
            Err(error) => Err(error),
        }
    }

    fn folder_for_restored(&self, kept: &Message) -> Result<Folder> {
        match self.open_folder(&kept.folder_id()) {
            Err(Error::NotFound { .. } | Error::ObjectDeleted { .. }) => {
                self.special_folder(FolderKind::Inbox)
            }
            found => found,
        }
    }
}

impl Message {
    /// Makes the content of a kept version this handle's pending changes: saving puts it back, guarded like any save, and
    /// the version that it then replaces is kept (K4), since what is put back was not built on it. Everything that was not
    /// in that version goes, in properties, recipients and attachments. Nothing is written before the save.
    ///
    /// # Errors
    ///
    /// In all cases the handle is as it was.
    ///
    /// - `MAPI_E_NOT_FOUND`: as for [`Store::open_version`].
    /// - `MAPI_E_INVALID_PARAMETER`: other changes are pending, which would be lost; save or reload first.
    /// - `MAPI_E_NO_ACCESS`: the handle is read-only. `MAPI_E_NO_SUPPORT`: an embedded message.
    /// - `MAPI_E_INVALID_OBJECT`: the handle is closed.
    pub fn restore(&mut self, version: RowVersion) -> Result<()> {
        self.check_modifiable()?;
        self.check_in_folder()?;
        let kept = self.store.open_version(&self.entry_id(), version)?;
        self.take_over_all(&kept, &kept.mine)?;
        if self.has_pending_changes() {
            self.pending.resolves = Some(Resolves {
                seen: version,
                resolution: Resolving::Restore,
            });
        }
        Ok(())
    }

    /// Makes a content that another handle of the store holds the pending changes of this one.
    pub(super) fn take_over_all(&mut self, from: &Message, content: &Content) -> Result<()> {
        if self.has_pending_changes() || !self.pending.unsettled.is_empty() {
            return Err(Error::InvalidParameter {
                detail: "there are pending changes, which would be lost; save or reload first"
                    .to_owned(),
            });
        }
        let mut content: Content = self.take_content(from, content)?;
        content.attachments.spare_numbers_of(&self.mine.attachments);
        let changed = changed_properties(&self.snapshot, &content);
        if changed.is_empty() {
            return Ok(());
        }
        self.pending.touched.extend(changed);
        self.pending.sizes = None;
        self.mine = Arc::new(content);
        Ok(())
    }
}

/// A version that the journal does not know.
fn unjournalled(row_version: RowVersion, saved_by: String, saved_at: FileTime) -> VersionInfo {
    VersionInfo {
        saved: SavedVersion {
            row_version,
            saved_by,
            saved_at,
            process_id: None,
            kind: ChangeKind::MessageSaved,
            properties: Vec::new(),
        },
        content: VersionContent::NotKept,
    }
}

/// A kept version as a row of `messages`, with what is no content from the message around it.
fn kept_row(kept: KeptRow, version: RowVersion, around: StoredMessage) -> StoredMessage {
    StoredMessage {
        message_id: kept.message_id,
        row_version: version,
        change_number: kept.change_number,
        checksum: kept.checksum,
        modified_at: kept.modified_at,
        modified_by: kept.modified_by,
        committed_at: kept.committed_at,
        change_key: kept.change_key,
        predecessors: kept.predecessors,
        documents: kept.documents,
        ..around
    }
}

/// What is left to say of a message that was deleted for good.
fn last_of(kept: &KeptRow, folder: ObjectUid, deleted_at: FileTime) -> StoredMessage {
    StoredMessage {
        message_id: kept.message_id,
        folder_uid: folder,
        row_version: RowVersion::FIRST,
        change_number: kept.change_number,
        deleted_at: Some(deleted_at),
        read_state: ReadState::Read,
        read_flags: MessageFlags::empty(),
        status: 0,
        is_associated: false,
        checksum: None,
        created_at: kept.committed_at,
        modified_at: kept.modified_at,
        modified_by: String::new(),
        committed_at: kept.committed_at,
        change_key: Vec::new(),
        predecessors: Vec::new(),
        documents: kept.documents.clone(),
    }
}
