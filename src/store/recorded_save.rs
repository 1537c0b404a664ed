//! Saves whose outcome nobody was told: asking the journal for them (S8).

use std::sync::Arc;

use crate::db::changes;
use crate::db::messages;
use crate::db::versioned::{Attempt, Replacing, SavedRow};
use crate::error::{Error, Result, Source};
use crate::model::document;
use crate::model::{ChangeNumber, EntryId, FileTime, RowVersion, SaveId};
use crate::store::Store;
use crate::store::message::{Message, Unsettled};

/// A save that the journal knows; see [`Store::find_save`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedSave {
    /// The version that it made.
    pub row_version: RowVersion,
    /// Its place in the order of commits.
    pub change_number: ChangeNumber,
    /// When it was committed.
    pub committed_at: FileTime,
    /// Who saved.
    pub client_name: String,
}

impl Message {
    /// From now on a repeated save asks the journal first.
    pub(super) fn outcome_unknown(&mut self, source: Source) -> Error {
        self.pending.attempt = Attempt::Repeated;
        self.pending.unsettled.push(Unsettled {
            save_id: self.pending.save_id,
            content: Arc::clone(&self.mine),
        });
        Error::OutcomeUnknown {
            entry_id: self.entry_id(),
            save_id: self.pending.save_id,
            source,
        }
    }

    /// The row of a save that had been committed before. If others have saved since, what described it is gone, but
    /// for what the journal says.
    ///
    /// A host that gave the save id may have used it for other changes, which must not pass for saved.
    pub(super) fn row_of_earlier_save(&self, recorded: &changes::RecordedSave) -> Result<SavedRow> {
        let uid = self.uid;
        let stored = self
            .store
            .database
            .read(|reader| messages::load(reader, uid))?;
        let current = stored
            .as_ref()
            .filter(|row| row.row_version == recorded.row_version);
        // A forced save has not stored its own attachment number where that was given already.
        let replacing = current.and_then(|row| Replacing::of(uid, &self.mine, &row.documents));
        let (mine, attachments) = match &replacing {
            Some(replacing) => (replacing.checksum, &replacing.content.attachments),
            None => (
                document::checksum(&uid, &document::write(&self.mine)),
                &self.mine.attachments,
            ),
        };
        if let Some(row) = current
            && row.checksum.is_some_and(|stored| stored != mine)
        {
            return Err(Error::InvalidParameter {
                detail: format!(
                    "save id {} was used before, for other changes of message {uid}; give these another",
                    self.pending.save_id
                ),
            });
        }
        let (modified_at, change_key, predecessors, message_id) = match &stored {
            Some(row) if row.row_version == recorded.row_version => (
                row.modified_at,
                row.change_key.clone(),
                row.predecessors.clone(),
                row.message_id,
            ),
            Some(row) => (
                recorded.committed_at,
                Vec::new(),
                Vec::new(),
                row.message_id,
            ),
            // Deleted for good since: a number that no row has, so that the next save finds it deleted.
            None => (
                recorded.committed_at,
                Vec::new(),
                Vec::new(),
                self.base.as_ref().map_or(0, |base| base.message_id),
            ),
        };
        Ok(SavedRow {
            message_id,
            row_version: recorded.row_version,
            change_number: recorded.change_number,
            modified_at,
            modified_by: recorded.client_name.clone(),
            committed_at: recorded.committed_at,
            change_key,
            predecessors,
            next_attachment: attachments.next_number,
        })
    }
}

impl Store {
    /// Asks the journal whether a save took place: for a host that was killed, or that was told that the outcome of a
    /// save is unknown (S8). `None`: it did not, or the journal was purged since.
    ///
    /// # Errors
    ///
    /// `MAPI_E_UNKNOWN_ENTRYID`: the entry id of another store; and those of reading the store.
    pub fn find_save(&self, entry_id: &EntryId, save_id: SaveId) -> Result<Option<RecordedSave>> {
        let uid = self.object(entry_id)?;
        let found = self
            .database
            .read(|reader| changes::find_save(reader, uid, save_id))?;
        Ok(found.map(|found| RecordedSave {
            row_version: found.row_version,
            change_number: found.change_number,
            committed_at: found.committed_at,
            client_name: found.client_name,
        }))
    }
}
