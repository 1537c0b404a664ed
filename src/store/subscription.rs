//! Following what all processes commit.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::db::changes;
use crate::db::wake::{Cancel, Wake, Waking, Woken};
use crate::error::Result;
use crate::model::{ChangeKind, ChangeNumber, EntryId, JournalEntry, ObjectUid};
use crate::store::Store;

/// How many changes are read ahead at most; the journal itself holds those that nobody took yet.
const READ_AHEAD: u32 = 256;

/// What a subscription says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A change was committed.
    Changed(JournalEntry),
    /// The journal cannot tell what happened between two changes, because it was purged (K7), or because the newest
    /// changes of the store were taken back (S16). Whoever keeps a picture of the store must look at it anew.
    Overflow {
        /// The last change before the gap.
        after: ChangeNumber,
        /// The last change in the gap; the subscription goes on behind it. Lower than `after` where changes were
        /// taken back.
        through: ChangeNumber,
    },
    /// Nothing, for as long as the timeout.
    TimedOut,
    /// The subscription was cancelled.
    Cancelled,
}

/// Follows the changes that all processes commit, each once and in the order of the commits.
///
/// It waits without a thread of its own and without looking all the time: see [`Subscription::waking`]. It holds no
/// lock and no transaction, and needs no care: what is not taken stays in the journal. Who wants to go on later keeps
/// [`Subscription::position`] and begins there again.
///
/// ```
/// use std::time::Duration;
/// use mapistore::{Notice, SaveFlags, SpecialFolder, Store};
///
/// let folder = tempfile::tempdir()?;
/// let store = Store::options().create_if_missing().open(folder.path().join("mail.store"))?;
/// let mut changes = store.subscribe(store.last_change()?)?;
///
/// // Any other process, while this one waits.
/// let mut draft = store.special_folder(SpecialFolder::Drafts)?.create_message()?;
/// let id = draft.save_changes(SaveFlags::empty())?.entry_id;
///
/// match changes.next(Duration::from_secs(60))? {
///     Notice::Changed(change) => assert_eq!(change.objects, [id.object()]),
///     other => panic!("{other:?}"),
/// }
/// assert_eq!(changes.next(Duration::ZERO)?, Notice::TimedOut);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Subscription {
    store: Store,
    wake: Wake,
    /// Up to where everything was told or passed over.
    told: ChangeNumber,
    /// Read, and not told yet.
    ready: VecDeque<Notice>,
    /// Which objects it is about; all if none are named.
    only: Option<BTreeSet<ObjectUid>>,
}

/// Ends the waiting of a [`Subscription`] from another thread; got from [`Subscription::canceller`].
#[derive(Debug, Clone)]
pub struct Canceller {
    cancel: Arc<Cancel>,
}

impl Canceller {
    /// Makes the subscription's waiting call, and all later ones, return [`Notice::Cancelled`]. For good.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

impl Store {
    /// Begins to follow the changes that all processes commit after `since`; [`Store::last_change`] for those from now
    /// on, [`ChangeNumber::ZERO`] for all.
    ///
    /// # Errors
    ///
    /// `MAPI_E_INVALID_OBJECT` in a forked child (P7), and those of the operating system where it has no descriptors
    /// left.
    pub fn subscribe(&self, since: ChangeNumber) -> Result<Subscription> {
        Ok(Subscription {
            wake: Wake::new(&self.database)?,
            store: self.clone(),
            told: since,
            ready: VecDeque::new(),
            only: None,
        })
    }
}

impl Subscription {
    /// The next change, gap in the journal or cancellation; waits for it until the timeout has passed. A timeout that is
    /// longer than the clock can tell waits for as long as it takes.
    ///
    /// # Errors
    ///
    /// `MAPI_E_INVALID_OBJECT` in a forked child (P7), and those of reading the store. Nothing is lost by them: the next
    /// call goes on where this one should have.
    pub fn next(&mut self, timeout: Duration) -> Result<Notice> {
        let deadline = Instant::now().checked_add(timeout);
        self.store.database.connections()?;
        let mut passed_over = false;
        loop {
            if self.wake.is_cancelled() {
                return Ok(Notice::Cancelled);
            }
            while let Some(notice) = self.ready.pop_front() {
                if self.pass(&notice) {
                    return Ok(notice);
                }
                passed_over = true;
            }
            // A narrow subscription may have a million changes of others to pass over.
            if passed_over && deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(Notice::TimedOut);
            }
            let (database, told) = (&self.store.database, self.told);
            match self
                .wake
                .wait(database, deadline, || notices(&self.store, told))?
            {
                Woken::Found(notices) => self.ready = notices,
                Woken::TimedOut => return Ok(Notice::TimedOut),
                Woken::Cancelled => return Ok(Notice::Cancelled),
            }
        }
    }

    /// Narrows the subscription to changes of these messages, in place of those that it was narrowed to before; gaps in
    /// the journal are still told. It begins with what was not told yet.
    ///
    /// # Errors
    ///
    /// `MAPI_E_UNKNOWN_ENTRYID`: an entry id of another store. Nothing has changed then.
    pub fn narrow_to(&mut self, messages: &[EntryId]) -> Result<()> {
        let objects = messages.iter().map(|id| self.store.object(id));
        self.only = Some(objects.collect::<Result<_>>()?);
        Ok(())
    }

    /// Up to where everything was told or, where it was narrowed, passed over.
    pub fn position(&self) -> ChangeNumber {
        self.told
    }

    /// How it learns of changes.
    pub fn waking(&self) -> Waking {
        self.wake.waking()
    }

    /// What ends the waiting from another thread.
    pub fn canceller(&self) -> Canceller {
        Canceller {
            cancel: self.wake.cancel(),
        }
    }

    /// Goes past a notice, and says whether anybody wants to hear it.
    fn pass(&mut self, notice: &Notice) -> bool {
        match notice {
            Notice::Changed(change) => {
                self.told = change.change_number;
                let wanted = |only: &BTreeSet<ObjectUid>| {
                    change.objects.iter().any(|object| only.contains(object))
                };
                self.only.as_ref().is_none_or(wanted)
            }
            Notice::Overflow { through, .. } => {
                self.told = *through;
                true
            }
            Notice::TimedOut | Notice::Cancelled => true,
        }
    }
}

/// What there is to tell after a change.
fn notices(store: &Store, after: ChangeNumber) -> Result<Option<VecDeque<Notice>>> {
    // What a waiting subscription asks again and again is one statement.
    if store.last_change()? == after {
        return Ok(None);
    }
    // Together, or what is committed between the two would look like a gap.
    let (last, entries) = store.database.read_together(|reader| {
        Ok((
            changes::last(reader)?,
            changes::after(reader, after, READ_AHEAD)?,
        ))
    })?;
    let notices = with_gaps(after, last, entries);
    Ok((!notices.is_empty()).then_some(notices))
}

/// Puts the gaps between the changes after one: numbers are given without any, so a missing one was purged.
fn with_gaps(
    after: ChangeNumber,
    last: ChangeNumber,
    entries: Vec<JournalEntry>,
) -> VecDeque<Notice> {
    let mut notices = VecDeque::new();
    let mut told = after;
    let whole = entries.len() < READ_AHEAD as usize;
    for entry in entries {
        let number = entry.change_number;
        let gap = |through| Notice::Overflow {
            after: told,
            through,
        };
        let notice = if entry.kind == ChangeKind::Overflow {
            gap(number)
        } else {
            // Rows that somebody deleted by hand: the store's own purge says how far it went.
            if number > told.next() {
                let through = ChangeNumber::new(number.get() - 1).unwrap_or(told);
                notices.push_back(gap(through));
            }
            Notice::Changed(entry)
        };
        notices.push_back(notice);
        told = number;
    }
    if whole && told != last {
        notices.push_back(Notice::Overflow {
            after: told,
            through: last,
        });
    }
    notices
}
