//! Following the journal.

use std::time::{Duration, Instant};

use crate::db::changes;
use crate::error::Result;
use crate::model::{ChangeNumber, EntryId, JournalEntry, RowVersion};
use crate::store::Store;

/// How often a waiting follower looks: one indexed read of a few microseconds.
const LOOK_EVERY: Duration = Duration::from_millis(20);

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

    /// Waits until there are changes after `since`, and returns up to a thousand of them; none after the timeout.
    ///
    /// # Errors
    ///
    /// Those of reading the store.
    pub fn wait_for_changes(
        &self,
        since: ChangeNumber,
        timeout: Duration,
    ) -> Result<Vec<JournalEntry>> {
        // No deadline: the timeout is longer than the clock can tell.
        let deadline = Instant::now().checked_add(timeout);
        loop {
            if self.last_change()? > since {
                return self.changes_after(since, 1_000);
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            match left {
                Some(Duration::ZERO) => return Ok(Vec::new()),
                Some(left) => std::thread::sleep(LOOK_EVERY.min(left)),
                None => std::thread::sleep(LOOK_EVERY),
            }
        }
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
