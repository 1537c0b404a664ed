//! Purging the journal and kept versions, on purpose and for good (K7).

use std::time::Duration;

use crate::db::purge::{self, Limits};
use crate::db::transaction::Ending;
use crate::error::Result;
use crate::model::{ChangeNumber, EntryId, FileTime, ObjectUid};
use crate::store::Store;

/// Rows of the journal deleted in one turn.
const CHANGES_AT_ONCE: u32 = 1_000;
/// Kept versions deleted in one turn.
const VERSIONS_AT_ONCE: u32 = 100;
/// How many of its 100 ns a FILETIME has in a second.
const TICKS_PER_SECOND: u128 = 10_000_000;

/// What is to be purged: everything that all the limits leave over. See [`Store::purge`].
///
/// ```
/// # use std::time::Duration;
/// # use mapistore::{Purge, Store};
/// # let folder = tempfile::tempdir()?;
/// # let store = Store::options().create_if_missing().open(folder.path().join("mail.store"))?;
/// // What is older than 90 days, but of each message never the newest ten.
/// let old = Purge::everything()
///     .older_than(Duration::from_secs(90 * 24 * 60 * 60))
///     .keep_newest(10);
/// store.purge(&old)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Purge {
    age: Option<Duration>,
    newest: Option<u32>,
    messages: Option<Vec<EntryId>>,
}

/// What a purge removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Purged {
    /// Rows of the journal.
    pub changes: u64,
    /// Kept versions.
    pub versions: u64,
}

impl Purge {
    /// All kept versions and the whole journal, unless limited further.
    #[must_use]
    pub fn everything() -> Purge {
        Purge {
            age: None,
            newest: None,
            messages: None,
        }
    }

    /// Only changes that were committed longer ago, and versions that were replaced longer ago, by the clock of this
    /// host.
    #[must_use]
    pub fn older_than(mut self, age: Duration) -> Purge {
        self.age = Some(age);
        self
    }

    /// Not the newest so many kept versions of each message, and not the newest so many rows of the journal of each
    /// message or folder. A change of several objects at once has one row, which then stays; it goes by age only.
    #[must_use]
    pub fn keep_newest(mut self, count: u32) -> Purge {
        self.newest = Some(count);
        self
    }

    /// Only what is about these messages, which may have been deleted.
    #[must_use]
    pub fn of(mut self, messages: &[EntryId]) -> Purge {
        self.messages = Some(messages.to_vec());
        self
    }
}

impl Store {
    /// Takes rows of the journal and kept versions out of the store, for good. Others go on working meanwhile; it takes
    /// short turns like any writer. Messages as they are now are not touched, and open handles read their snapshots on.
    /// The streams that only purged versions referred to are left to [`Store::collect_garbage`].
    ///
    /// Afterwards the store says that it does not know, where it would have to guess: a conflict report has
    /// [`SavedBetween::Some`](crate::SavedBetween::Some), [`Store::find_save`] no longer finds saves from before, and who
    /// follows the journal from before is told of an [`Overflow`](crate::ChangeKind::Overflow). That a message was
    /// deleted for good stays in the journal, so that its entry id never comes back.
    ///
    /// # Errors
    ///
    /// `MAPI_E_UNKNOWN_ENTRYID`: a message of another store, and nothing was purged. Those of writing the store; what was
    /// purged before stays purged.
    pub fn purge(&self, purge: &Purge) -> Result<Purged> {
        let of: Vec<Option<ObjectUid>> = match &purge.messages {
            None => vec![None],
            Some(messages) => messages
                .iter()
                .map(|message| self.object(message).map(Some))
                .collect::<Result<_>>()?,
        };
        let before = purge.age.map(time_before_now);
        let mut purged = Purged::default();
        for of in of {
            let limits = Limits {
                before,
                newest: purge.newest,
                of,
            };
            purged.versions += self.purge_versions(limits)?;
            purged.changes += self.purge_changes(limits)?;
        }
        Ok(purged)
    }

    fn purge_versions(&self, limits: Limits) -> Result<u64> {
        let mut purged = 0;
        let mut after = None;
        loop {
            let page = self
                .database
                .read(|reader| purge::versions(reader, limits, after, VERSIONS_AT_ONCE))?;
            let Some(last) = page.last() else {
                return Ok(purged);
            };
            after = Some(*last);
            purged += self.database.write(
                |_| Ok(()),
                |tx| purge::delete_versions(tx, &page).map(Ending::Commit),
            )?;
        }
    }

    fn purge_changes(&self, limits: Limits) -> Result<u64> {
        let mut purged = 0;
        let mut after = ChangeNumber::ZERO;
        // What others commit from now on is for the next purge: this one must come to an end.
        let end = self.last_change()?;
        loop {
            let mut page = self
                .database
                .read(|reader| purge::changes(reader, limits, after, CHANGES_AT_ONCE))?;
            page.retain(|change| *change <= end);
            let Some(last) = page.last() else {
                return Ok(purged);
            };
            after = *last;
            purged += self.database.write(
                |_| Ok(()),
                |tx| purge::delete_changes(tx, &page).map(Ending::Commit),
            )?;
        }
    }
}

/// The time that long ago; the beginning of all times if that is earlier.
fn time_before_now(age: Duration) -> FileTime {
    let now = FileTime::from_timestamp(jiff::Timestamp::now());
    let ticks = age.as_nanos() * TICKS_PER_SECOND / 1_000_000_000;
    let ticks = u64::try_from(ticks).unwrap_or(u64::MAX);
    FileTime::new(now.get().saturating_sub(ticks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_beyond_all_times_is_no_mistake() {
        assert_eq!(time_before_now(Duration::MAX), FileTime::new(0));
        let (now, before) = (
            time_before_now(Duration::ZERO),
            time_before_now(Duration::from_secs(10)),
        );
        assert!(now.get() - before.get() >= 99_000_000);
    }
}
