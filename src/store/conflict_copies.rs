//! Copies that came out of a conflict and wait for a decision (K6).

use crate::db::conflict_copies::{self, WaitingCopy};
use crate::error::{Error, ObjectKind, Result};
use crate::model::{
    Access, Content, EntryId, FileTime, PropertyTag, PropertyValue, RowVersion, pr,
};
use crate::store::{Message, Store, computed};

/// A message that was one side of a conflict, and was saved as a message of its own. It waits for a decision until it
/// is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConflictCopy {
    /// The copy.
    pub entry_id: EntryId,
    /// The message that it was in conflict with.
    pub original: EntryId,
    /// The version of the original that the changes in the copy were made on.
    pub base_version: RowVersion,
    /// The version of the original that the user was shown when the copy was made; none if the original was deleted.
    pub shown_version: Option<RowVersion>,
    /// When the copy was made.
    pub made_at: FileTime,
    /// The client that made it.
    pub made_by: String,
    /// The folder that the copy is in.
    pub folder: EntryId,
    /// The subject of the copy.
    pub subject: Option<String>,
    /// The version of the original now; none if it is deleted.
    pub original_version: Option<RowVersion>,
}

impl Store {
    /// The copies that came out of conflicts and that nobody has deleted, oldest first (K6).
    ///
    /// # Errors
    ///
    /// Those of reading the store.
    pub fn conflict_copies(&self) -> Result<Vec<ConflictCopy>> {
        let waiting = self.database.read(conflict_copies::waiting)?;
        Ok(waiting
            .into_iter()
            .map(|one| self.conflict_copy(one))
            .collect())
    }

    /// What a copy was in conflict with; none if the message is deleted, or is no copy out of a conflict.
    ///
    /// # Errors
    ///
    /// `MAPI_E_UNKNOWN_ENTRYID`: the entry id of another store; and those of reading the store.
    pub fn find_conflict_copy(&self, copy: &EntryId) -> Result<Option<ConflictCopy>> {
        let uid = self.object(copy)?;
        let found = self
            .database
            .read(|reader| conflict_copies::find(reader, uid))?;
        Ok(found.map(|found| self.conflict_copy(found)))
    }

    /// Opens the original of a copy with what the copy holds as pending changes, built on the version that they were once
    /// made on: so [`Message::conflict`] presents the conflict again, with what is stored now, and [`Message::resolve`] acts
    /// on it. Where the content of that version is not kept, what counts as changed in the copy is all in which it differs
    /// from the original at this moment. The copy stays until somebody deletes it.
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`: that message is deleted, or is no copy out of a conflict. `MAPI_E_OBJECT_DELETED`: the original
    /// is deleted. `MAPI_E_NO_ACCESS`: the store was opened read-only. `MAPI_E_UNKNOWN_ENTRYID`: the entry id of another
    /// store; and those of reading the store.
    pub fn reopen_conflict(&self, copy: &EntryId) -> Result<Message> {
        let waiting = self
            .find_conflict_copy(copy)?
            .ok_or_else(|| Error::NotFound {
                kind: ObjectKind::Message,
                what: format!("{}, among the copies out of conflicts", copy.object()),
            })?;
        let from = self.open_message(copy, Access::ReadOnly)?;
        let original = self.open_message(&waiting.original, Access::Modify);
        let mut original = match original {
            Err(Error::NotFound { kind, .. }) => {
                return Err(Error::ObjectDeleted {
                    kind,
                    entry_id: waiting.original,
                });
            }
            opened => opened?,
        };
        let mut content = Content::clone(&from.mine);
        // What makes the copy a message of its own.
        for tag in [pr::SEARCH_KEY.tag(), pr::CONFLICT_ENTRYID.tag()] {
            content.properties.remove(tag.id());
            if let Some(value) = original.mine.properties.get(tag) {
                content.properties.set(tag, value.clone());
            }
        }
        original.take_over_all(&from, &content)?;
        original.declare_base(waiting.base_version)?;
        Ok(original)
    }

    fn conflict_copy(&self, waiting: WaitingCopy) -> ConflictCopy {
        ConflictCopy {
            entry_id: self.entry_id(waiting.copy),
            original: self.entry_id(waiting.provenance.original),
            base_version: waiting.provenance.base,
            shown_version: waiting.provenance.shown,
            made_at: waiting.made_at,
            made_by: waiting.made_by,
            folder: self.entry_id(waiting.folder),
            subject: waiting.subject,
            original_version: waiting.original_version,
        }
    }
}

impl Message {
    /// The value of a computed property, also of one that takes a look into the store.
    pub(crate) fn computed_value(&self, tag: PropertyTag) -> Result<Option<PropertyValue>> {
        if tag != pr::CONFLICT_ITEMS.tag() {
            return Ok(computed::value(self, tag));
        }
        if self.base.is_none() || self.depth() > 0 {
            return Ok(None);
        }
        let uid = self.uid;
        let copies = self
            .store
            .database
            .read(|reader| conflict_copies::against(reader, uid))?;
        let ids = copies
            .into_iter()
            .map(|copy| self.store.entry_id(copy).to_bytes().to_vec());
        let ids: Vec<Vec<u8>> = ids.collect();
        Ok((!ids.is_empty()).then_some(PropertyValue::MvBinary(ids)))
    }
}
