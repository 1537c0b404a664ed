//! A client that saves as fast as it can, on either side, and what it says of it.

use std::time::{Duration, Instant};

use mapistore::{Access, EntryId, Error, Message, SaveFlags, Store};
use rusqlite::Connection;

use super::bare::{self, Prepared, Random, Reader, Stored, Writer};
use super::message::Changes;
use super::{Result, nth};

/// With what a client saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Ours,
    Bare,
}

/// What a client saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Messages that nobody else saves, in turn, which stay open.
    Own,
    /// Any of those that everybody saves. Each is opened, changed and saved; what is refused is opened and changed again,
    /// until it goes through.
    Hot,
}

/// What one client did in a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// Saves that ended in time.
    pub(crate) saves: u64,
    /// Saves that were refused as stale.
    pub(crate) refused: u64,
    /// How long each save took, refusals included; also the one that ended too late.
    pub(crate) times: Vec<Duration>,
}

/// Something that can save its messages.
pub(crate) enum Saver<'a> {
    Ours(Ours<'a>),
    Bare(Box<Bare<'a>>),
}

pub(crate) struct Ours<'a> {
    store: &'a Store,
    habit: Habit,
    ids: Vec<EntryId>,
    /// Open messages, where they stay open.
    handles: Vec<Message>,
    changes: Vec<Changes>,
    random: Random,
}

pub(crate) struct Bare<'a> {
    writer: Writer<'a>,
    reader: Reader<'a>,
    habit: Habit,
    rows: Vec<Stored>,
    prepared: Vec<Prepared>,
    random: Random,
}

impl<'a> Saver<'a> {
    pub(crate) fn ours(store: &'a Store, habit: Habit, ids: Vec<EntryId>) -> Result<Saver<'a>> {
        let open = |id| Ok(store.open_message(id, Access::Modify)?);
        let handles = match habit {
            Habit::Own => ids.iter().map(open).collect::<Result<_>>()?,
            Habit::Hot => Vec::new(),
        };
        Ok(Saver::Ours(Ours {
            store,
            habit,
            ids,
            handles,
            changes: Changes::all(),
            random: Random::new(),
        }))
    }

    pub(crate) fn bare(
        connection: &'a Connection,
        habit: Habit,
        places: &[usize],
    ) -> Result<Saver<'a>> {
        let rows = places
            .iter()
            .map(|place| bare::stored(connection, *place))
            .collect::<Result<_>>()?;
        Ok(Saver::Bare(Box::new(Bare {
            writer: Writer::new(connection)?,
            reader: Reader::new(connection)?,
            habit,
            rows,
            prepared: bare::variants(connection)?,
            random: Random::new(),
        })))
    }

    /// Saves once, and says how often that was refused before.
    fn save(&mut self, n: usize) -> Result<u64> {
        match self {
            Saver::Ours(ours) => ours.save(n),
            Saver::Bare(bare) => bare.save(n),
        }
    }

    /// Saves for a time.
    pub(crate) fn run(&mut self, time: Duration) -> Result<Tally> {
        let begun = Instant::now();
        let mut tally = Tally::default();
        let mut before = Duration::ZERO;
        for n in 0.. {
            let refused = self.save(n)?;
            let now = begun.elapsed();
            tally.times.push(now - before);
            before = now;
            if now >= time {
                break;
            }
            tally.saves += 1;
            tally.refused += refused;
        }
        Ok(tally)
    }
}

impl Ours<'_> {
    fn save(&mut self, n: usize) -> Result<u64> {
        let count = self.ids.len();
        match self.habit {
            Habit::Own => {
                // Each message is saved with another variant than the last time.
                let changes = nth(&self.changes, n + n / count)?;
                let message = self.handles.get_mut(n % count).ok_or("no such handle")?;
                changes.set(message)?;
                message.save_changes(SaveFlags::KEEP_OPEN_READWRITE)?;
                Ok(0)
            }
            Habit::Hot => {
                let id = nth(&self.ids, self.random.below(count))?;
                let changes = nth(&self.changes, self.random.below(self.changes.len()))?;
                for refused in 0.. {
                    let mut message = self.store.open_message(id, Access::Modify)?;
                    changes.set(&mut message)?;
                    match message.save_changes(SaveFlags::empty()) {
                        Err(Error::ObjectChanged { .. }) => {}
                        // No other error has a place here, a busy store least of all.
                        saved => return saved.map(|_| refused).map_err(Into::into),
                    }
                }
                Ok(0)
            }
        }
    }
}

impl Bare<'_> {
    fn save(&mut self, n: usize) -> Result<u64> {
        let count = self.rows.len();
        match self.habit {
            Habit::Own => {
                let prepared = nth(&self.prepared, n + n / count)?;
                let row = self.rows.get_mut(n % count).ok_or("no such row")?;
                self.writer.save(row, prepared)?;
                Ok(0)
            }
            Habit::Hot => {
                let place = self.random.below(count);
                let prepared = nth(&self.prepared, self.random.below(self.prepared.len()))?;
                let row = self.rows.get_mut(place).ok_or("no such row")?;
                for refused in 0.. {
                    row.row_version = self.reader.open_version(&row.uid)?;
                    if self.writer.try_save(row, prepared)? {
                        return Ok(refused);
                    }
                }
                Ok(0)
            }
        }
    }
}
