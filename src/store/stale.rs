//! Whether an open message was changed by others, without a save.

use std::time::{Duration, Instant};

use crate::db::messages;
use crate::db::wake::{Wake, Woken};
use crate::error::Result;
use crate::model::RowVersion;
use crate::store::Message;

/// What others have done to an open message since its base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Staleness {
    /// Nothing that a save would be refused for.
    Current,
    /// It was saved: a save would now be `MAPI_E_OBJECT_CHANGED` (S2).
    Changed {
        /// The version that is committed now.
        current_version: RowVersion,
    },
    /// It was deleted, soft or for good: a save would now be `MAPI_E_OBJECT_DELETED` (S4).
    Deleted,
}

impl Message {
    /// Whether another client has saved or deleted the message since this handle's base. Reads the store; the
    /// answer may be out of date as soon as it is given.
    ///
    /// # Errors
    ///
    /// `MAPI_E_INVALID_OBJECT` for a closed handle, and those of reading the store.
    pub fn is_stale(&self) -> Result<bool> {
        Ok(self.staleness()? != Staleness::Current)
    }

    /// What other clients have done to the message since this handle's base. Reads the store; the answer may be out of
    /// date as soon as it is given. A message that was never saved is nobody else's to change.
    ///
    /// # Errors
    ///
    /// `MAPI_E_INVALID_OBJECT` for a closed handle, and those of reading the store.
    pub fn staleness(&self) -> Result<Staleness> {
        self.check_open()?;
        let Some(base) = &self.base else {
            return Ok(Staleness::Current);
        };
        let message_id = base.message_id;
        let current = self
            .store
            .database
            .read(|reader| messages::current_version(reader, message_id))?;
        Ok(match current {
            None => Staleness::Deleted,
            Some(current) if current.deleted_at == self.aside.deleted_at => {
                if current.row_version == base.version {
                    Staleness::Current
                } else {
                    Staleness::Changed {
                        current_version: current.row_version,
                    }
                }
            }
            Some(current) if current.deleted_at.is_some() => Staleness::Deleted,
            Some(current) => Staleness::Changed {
                current_version: current.row_version,
            },
        })
    }

    /// Waits until another client saves or deletes the message, in this process or another, and says which; or until
    /// the timeout has passed, and says [`Staleness::Current`]. Returns at once for a handle that is stale already, and
    /// for a message that was never saved. Read state, status and moves make no handle stale (S13).
    ///
    /// Waiting takes no processor time to speak of. Who has many messages open waits with one
    /// [`Subscription`](crate::Subscription) for all of them instead.
    ///
    /// ```
    /// use std::time::Duration;
    /// use mapistore::{Access, SaveFlags, SpecialFolder, Staleness, Store, pr};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let store = Store::options().create_if_missing().open(folder.path().join("mail.store"))?;
    /// let mut draft = store.special_folder(SpecialFolder::Drafts)?.create_message()?;
    /// let id = draft.save_changes(SaveFlags::KEEP_OPEN_READWRITE)?.entry_id;
    /// assert_eq!(draft.wait_until_stale(Duration::ZERO)?, Staleness::Current);
    ///
    /// // Any other process, while this one waits.
    /// let mut theirs = store.open_message(&id, Access::Modify)?;
    /// theirs.set(pr::SUBJECT, "Figures, corrected")?;
    /// theirs.save_changes(SaveFlags::empty())?;
    ///
    /// let stale = draft.wait_until_stale(Duration::from_secs(60))?;
    /// assert!(matches!(stale, Staleness::Changed { current_version } if current_version.get() == 2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `MAPI_E_INVALID_OBJECT` for a closed handle, and those of reading the store. The handle is as it was.
    pub fn wait_until_stale(&self, timeout: Duration) -> Result<Staleness> {
        let now = self.staleness()?;
        if now != Staleness::Current || self.base.is_none() {
            return Ok(now);
        }
        let database = &self.store.database;
        let mut wake = Wake::new(database)?;
        let woken = wake.wait(database, Instant::now().checked_add(timeout), || {
            let now = self.staleness()?;
            Ok((now != Staleness::Current).then_some(now))
        })?;
        Ok(match woken {
            Woken::Found(stale) => stale,
            Woken::TimedOut | Woken::Cancelled => Staleness::Current,
        })
    }
}
