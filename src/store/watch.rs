//! Reading the journal.

use crate::db::changes;
use crate::error::Result;
use crate::model::{ChangeNumber, EntryId, JournalEntry, RowVersion};
use crate::store::Store;

impl Store {
    /// The number of the newest committed change.
    ///
    /// # Errors
    ///
    /// Those of reading the store.
    pub fn last_change(&self) -> Result<ChangeNumber> {
        self.database.read(changes::last)
    }

    /// The changes that all processes committed after `since`, in commit order, at most `limit`. Where some of them were
    /// purged from the journal, a [`ChangeKind::Overflow`](crate::ChangeKind::Overflow) stands for those up to the newest
    /// of these, and the others follow: what the follower knows of the store is out of date then (K7).
    ///
    /// # Errors
    ///
    /// Those of reading the store.
    pub fn changes_after(&self, since: ChangeNumber, limit: u32) -> Result<Vec<JournalEntry>> {
        self.database
            .read(|reader| changes::after(reader, since, limit))
    }

    /// The saves of a message after one of its versions, oldest first, as far as the journal goes back.
    ///
    /// # Errors
    ///
    /// `MAPI_E_UNKNOWN_ENTRYID`: the entry id of another store; and those of reading the store.
    pub fn saves_after(
        &self,
        entry_id: &EntryId,
        version: RowVersion,
    ) -> Result<Vec<JournalEntry>> {
        let uid = self.object(entry_id)?;
        self.database
            .read(|reader| changes::saves_after(reader, uid, Some(version)))
    }
}
