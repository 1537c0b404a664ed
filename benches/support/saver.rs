//! A client that saves as fast as it can, on either side, and what it says of it.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
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
    /// Bare, but one process after the other, each woken by the one before: a simple way to be fair.
    BareInTurn,
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

/// How long a process waits for the word.
const PATIENCE: Duration = Duration::from_secs(60);

/// Processes that save one after the other: who has the word saves, and gives it to the next. With it goes whether the time
/// is over, or the first to stop would keep those waiting that began later.
pub(crate) struct Ring {
    mine: UnixDatagram,
    next: PathBuf,
    end: Option<Instant>,
    is_over: bool,
}

impl Ring {
    /// Takes a place among `count`; the first has the word.
    pub(crate) fn join(folder: &Path, place: usize, count: usize) -> Result<Ring> {
        let address = |place: usize| folder.join(place.to_string());
        let mine = UnixDatagram::bind(address(place))?;
        // One that failed does not pass the word on.
        mine.set_read_timeout(Some(PATIENCE))?;
        if place == 0 {
            mine.send_to(&[0], address(0))?;
        }
        let next = address((place + 1) % count);
        Ok(Ring {
            mine,
            next,
            end: None,
            is_over: false,
        })
    }

    fn wait(&mut self) -> Result<()> {
        let mut word = [0];
        self.mine.recv(&mut word)?;
        self.is_over = word == [1];
        Ok(())
    }

    fn pass(&mut self) {
        self.is_over |= self.end.is_some_and(|end| Instant::now() >= end);
        // The last gives it to one that has gone.
        let _ = self.mine.send_to(&[self.is_over.into()], &self.next);
    }
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
    ring: Option<Ring>,
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
        ring: Option<Ring>,
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
            ring,
        })))
    }

    /// Saves once, and says how often that was refused before.
    fn save(&mut self, n: usize) -> Result<u64> {
        match self {
            Saver::Ours(ours) => ours.save(n),
            Saver::Bare(bare) => bare.save(n),
        }
    }

    fn ring(&mut self) -> Option<&mut Ring> {
        match self {
            Saver::Bare(bare) => bare.ring.as_mut(),
            Saver::Ours(_) => None,
        }
    }

    /// Saves for a time.
    pub(crate) fn run(&mut self, time: Duration) -> Result<Tally> {
        let begun = Instant::now();
        let mut tally = Tally::default();
        let mut before = Duration::ZERO;
        if let Some(ring) = self.ring() {
            ring.end = Some(begun + time);
        }
        for n in 0.. {
            let refused = self.save(n)?;
            let now = begun.elapsed();
            tally.times.push(now - before);
            before = now;
            if self.ring().map_or(now >= time, |ring| ring.is_over) {
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
                if let Some(ring) = &mut self.ring {
                    ring.wait()?;
                }
                self.writer.save(row, prepared)?;
                if let Some(ring) = &mut self.ring {
                    ring.pass();
                }
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
