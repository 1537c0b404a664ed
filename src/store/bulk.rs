//! What is not content, and deleting: for one message or many, by entry id, without opening them.

use crate::db::changes::{self, Change};
use crate::db::transaction::{Ending, WriteTransaction};
use crate::db::versioned::{self, Deleted};
use crate::db::{folders, messages};
use crate::error::{Error, ObjectKind, Result};
use crate::model::{ChangeKind, ChangeNumber, Deletion, EntryId, ObjectUid};
use crate::store::Store;
use crate::store::folder::Folder;

/// A result for each of the messages that were named, in their order. One that could not be changed does not keep the
/// others from it.
pub type Outcomes<T = ()> = Vec<(EntryId, Result<T>)>;

/// How many messages are deleted in one transaction, so that others get their turn.
const DELETED_AT_ONCE: usize = 200;

impl Store {
    /// Deletes messages (IMAPIFolder::DeleteMessages): softly, which [`Store::open_message_or_deleted`] still opens,
    /// or for good. Kept versions of them stay. Open handles of other clients get `MAPI_E_OBJECT_DELETED` when they
    /// save (S4).
    ///
    /// # Errors
    ///
    /// For one message, in its place: `MAPI_E_NOT_FOUND`, `MAPI_E_UNKNOWN_ENTRYID`. For the call: those of writing the
    /// store; messages before the failure may be deleted.
    pub fn delete_messages(&self, entry_ids: &[EntryId], deletion: Deletion) -> Result<Outcomes> {
        let mut outcomes = Outcomes::with_capacity(entry_ids.len());
        for part in entry_ids.chunks(DELETED_AT_ONCE) {
            let deleted = self.database.write(
                |_| Ok(()),
                |tx| {
                    let one = |entry_id: &EntryId| match self.object(entry_id) {
                        Err(foreign) => Ok((*entry_id, Err(foreign))),
                        Ok(uid) => Ok((
                            *entry_id,
                            match versioned::delete(tx, uid, deletion)? {
                                Deleted::Done(_) => Ok(()),
                                Deleted::NothingThere => Err(not_found(uid)),
                            },
                        )),
                    };
                    part.iter()
                        .map(one)
                        .collect::<Result<Outcomes>>()
                        .map(Ending::Commit)
                },
            )?;
            outcomes.extend(deleted);
        }
        Ok(outcomes)
    }

    /// Moves messages to a folder: one change for the call, no new version, and no open handle becomes stale (S13).
    ///
    /// # Errors
    ///
    /// For one message, in its place: `MAPI_E_NOT_FOUND`, `MAPI_E_UNKNOWN_ENTRYID`. For the call, with nothing moved:
    /// `MAPI_E_OBJECT_DELETED`: the folder was deleted; and those of writing the store.
    pub fn move_messages(&self, entry_ids: &[EntryId], folder: &Folder) -> Result<Outcomes> {
        self.object(&folder.entry_id())?;
        self.change_aside(
            entry_ids,
            ChangeKind::MessagesMoved,
            Some(folder.uid()),
            |tx, uid, change| {
                let moved = messages::move_to(tx, uid, folder.row_id(), change)?;
                Ok((moved > 0).then_some(()))
            },
        )
    }

    /// One change of many messages that is not content. Changing one answers nothing if there is no such message.
    pub(crate) fn change_aside<T>(
        &self,
        entry_ids: &[EntryId],
        kind: ChangeKind,
        folder: Option<ObjectUid>,
        change_one: impl Fn(&WriteTransaction<'_>, ObjectUid, ChangeNumber) -> Result<Option<T>>,
    ) -> Result<Outcomes<T>> {
        let outcomes = self.database.write(
            |_| Ok(()),
            |tx| {
                if let Some(folder) = folder {
                    folders::by_uid(tx.connection, folder)?.ok_or_else(|| {
                        Error::ObjectDeleted {
                            kind: ObjectKind::Folder,
                            entry_id: self.entry_id(folder),
                        }
                    })?;
                }
                let change = tx.next_change()?;
                let mut changed = Vec::new();
                let mut outcomes = Vec::with_capacity(entry_ids.len());
                for entry_id in entry_ids {
                    let outcome = match self.object(entry_id) {
                        Err(foreign) => Err(foreign),
                        Ok(uid) => match change_one(tx, uid, change)? {
                            None => Err(not_found(uid)),
                            Some(value) => {
                                changed.push(uid);
                                Ok(value)
                            }
                        },
                    };
                    outcomes.push((*entry_id, outcome));
                }
                if changed.is_empty() {
                    return Ok(Ending::RollBack(outcomes));
                }
                record_aside(tx, kind, &changed, folder)?;
                Ok(Ending::Commit(outcomes))
            },
        )?;
        Ok(outcomes)
    }
}

pub(crate) fn record_aside(
    tx: &WriteTransaction<'_>,
    kind: ChangeKind,
    objects: &[ObjectUid],
    folder: Option<ObjectUid>,
) -> Result<ChangeNumber> {
    let change = Change {
        kind,
        objects,
        folder,
        row_version: None,
        properties: &[],
        save_id: None,
    };
    changes::record(tx, &change)
}

pub(crate) fn not_found(uid: ObjectUid) -> Error {
    Error::NotFound {
        kind: ObjectKind::Message,
        what: uid.to_string(),
    }
}
