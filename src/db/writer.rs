//! The one connection of a process that writes: who uses it when, and one commit for those who come together.

use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use rusqlite::Connection;

use crate::db::commit_queue::{CommitQueue, Entry, Waited};
use crate::db::database::Durability;
use crate::db::failure::{WriteFailure, sqlite, while_doing};
use crate::db::lock_file::LockFile;
use crate::db::migrate;
use crate::db::place::OpenFiles;
use crate::db::transaction::{Ending, WriteTransaction};
use crate::db::turn::Turn;
use crate::db::versioned::Outcome;
use crate::error::{Error, Result};
use crate::model::FileTime;

/// From how many pages of WAL a checkpoint is made. Inside the turn, where there is one: outside, other writers append as fast as
/// it copies, so that the WAL is never reset, and every save after it would make another, whose syncs the others' saves wait for.
const CHECKPOINT_PAGES: i32 = 1_000;
/// How many pages later it is tried again where a reader kept it from being finished.
const CHECKPOINT_AGAIN: i32 = 250;
/// From how many pages each write tries: among readers that come one after the other the moment in which there is none is short.
const CHECKPOINT_ALWAYS: i32 = 4_000;

/// How long a turn is waited for that was not had in time before.
const STUCK_PATIENCE: Duration = Duration::from_millis(20);

/// After how long of waiting one looks whether the line moves at all.
const LOOK_AFTER: Duration = Duration::from_millis(500);

/// The most that share a commit. Others of this process come with the next one, and wait no longer than for this.
const MOST_TOGETHER: usize = 64;
/// The most when other processes wait for their turn: two would be the most that P3 allows to a process with many threads beside
/// one with a single one, and leave nothing for chance.
const MOST_BEFORE_OTHERS: usize = 1;
/// For how many turns others who have waited are taken to be on their way back: whoever has just been served does not wait
/// again yet, so that none of them may be seen although all of them save continuously.
const TURNS_TO_COME_BACK: usize = 8;
/// The most that they write together, in bytes; a larger one goes alone.
const HEAVIEST_TOGETHER: usize = 1024 * 1024;

/// How many saves look first whether they are stale after one that was. A look costs a save that goes through a twentieth of
/// its time, and spares one that is refused more than half of it.
const LOOKS_AFTER_REFUSAL: u32 = 2;

thread_local! {
    /// Pages in the WAL after the last commit of this thread; SQLite's hook has no other way to tell.
    static WAL_PAGES: Cell<i32> = const { Cell::new(0) };
}

/// A save that may be written together with others. It is called again, alone, where what it shared came to nothing.
pub(crate) type SharedJob =
    Arc<dyn Fn(&WriteTransaction<'_>) -> Result<Ending<Outcome>> + Send + Sync>;

type Answer = Result<Outcome, WriteFailure>;
type Queue = CommitQueue<SharedJob, Answer>;

/// The connection that writes, and whose turn it is in this process.
///
/// Locks are taken in the order in which they stand here: the gate, the turn between processes, the connection.
pub(crate) struct Writer {
    /// Those who write by themselves come one after the other, in order.
    gate: Mutex<()>,
    connection: Mutex<Connection>,
    files: Arc<OpenFiles>,
    /// Behind the connection, and so given up behind it.
    lock_file: Arc<LockFile>,
    client_name: String,
    busy_timeout: Duration,
    /// Whether the last one here that waited for the turn did not get it in time.
    turn_is_stuck: AtomicBool,
    queue: Arc<Queue>,
    /// Pages of WAL at the last checkpoint of this process.
    checkpointed_at: AtomicI32,
    /// For how many turns from now others are expected back.
    others_expected: AtomicUsize,
    /// How many saves are still to look.
    looks: AtomicU32,
    server_started: Mutex<bool>,
    at_work: Arc<Mutex<()>>,
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl Writer {
    pub(crate) fn new(
        connection: Connection,
        files: Arc<OpenFiles>,
        lock_file: Arc<LockFile>,
        client_name: String,
        busy_timeout: Duration,
        durability: Durability,
    ) -> Writer {
        connection.wal_hook(Some(|_, pages| {
            WAL_PAGES.set(pages);
            Ok(())
        }));
        Writer {
            gate: Mutex::new(()),
            connection: Mutex::new(connection),
            files,
            lock_file,
            client_name,
            busy_timeout,
            turn_is_stuck: AtomicBool::new(false),
            queue: Arc::new(CommitQueue::new(linger(durability))),
            checkpointed_at: AtomicI32::new(0),
            others_expected: AtomicUsize::new(0),
            looks: AtomicU32::new(0),
            server_started: Mutex::new(false),
            at_work: Arc::default(),
        }
    }

    /// See [`Database::write`](crate::db::database::Database::write).
    pub(crate) fn write<T>(
        &self,
        refuse_early: &dyn Fn() -> Result<()>,
        work: impl FnOnce(&WriteTransaction<'_>) -> Result<Ending<T>>,
    ) -> Result<T, WriteFailure> {
        let started = Instant::now();
        let deadline = started + self.busy_timeout;
        let gate = match self.gate.try_lock() {
            Some(gate) => gate,
            None => {
                refuse_early()?;
                match self.gate.try_lock_until(deadline) {
                    Some(gate) => gate,
                    None => return self.refused_late(refuse_early),
                }
            }
        };
        let turn = match self.lock_file.try_turn() {
            Ok(Some(turn)) => Some(turn),
            // Without helper thread or kernel memory there is no waiting in order; SQLite's lock is enough.
            Err(_) => None,
            Ok(None) => {
                refuse_early()?;
                let turn = self.wait_turn(self.turn_deadline(started));
                self.turn_is_stuck.store(turn.is_none(), Ordering::Relaxed);
                turn
            }
        };
        let result = self.write_with(turn, deadline, work);
        // A plain release would let this thread take the mutex again before those that wait.
        MutexGuard::unlock_fair(gate);
        self.told_last(result, refuse_early)
    }

    /// See [`Database::write_shared`](crate::db::database::Database::write_shared).
    pub(crate) fn write_shared(
        self: &Arc<Self>,
        refuse_early: &dyn Fn() -> Result<()>,
        job: SharedJob,
        weight: usize,
    ) -> Answer {
        let started = Instant::now();
        let deadline = started + self.busy_timeout;
        if self.queue.is_quiet()
            && let Ok(Some(turn)) = self.lock_file.try_turn()
        {
            let result = self.write_with(Some(turn), deadline, |tx| job(tx));
            return self.told_last(result, refuse_early);
        }
        refuse_early()?;
        // Without a thread there is no waiting in order; SQLite's lock is enough.
        if self.start_server().is_err() {
            let result = self.write_with(None, deadline, |tx| job(tx));
            return self.told_last(result, refuse_early);
        }
        let waited = self.wait_for_answer(&job, weight, deadline, self.turn_deadline(started));
        self.turn_is_stuck
            .store(matches!(waited, Waited::Withdrawn), Ordering::Relaxed);
        let result = match waited {
            Waited::Answered(answer) => answer,
            // The turn is for fairness, not for safety: its holder may be stopped, or a forked child may keep it.
            Waited::Withdrawn => self.write_with(None, deadline, |tx| job(tx)),
            Waited::Abandoned => Err(WriteFailure::CommitUnknown(
                "the thread that commits has ended".into(),
            )),
        };
        self.told_last(result, refuse_early)
    }

    /// See [`Database::glance`](crate::db::database::Database::glance).
    pub(crate) fn glance<T>(&self, work: impl FnOnce(&Connection) -> T) -> Option<T> {
        let left = self.looks.load(Ordering::Relaxed);
        // Threads that come together may take one twice, which costs little.
        self.looks.store(left.checked_sub(1)?, Ordering::Relaxed);
        let connection = self.connection.try_lock()?;
        // What a panic left open would show an old state for ever.
        connection.is_autocommit().then(|| work(&connection))
    }

    /// See [`Database::expect_refusals`](crate::db::database::Database::expect_refusals).
    pub(crate) fn expect_refusals(&self) {
        self.looks.store(LOOKS_AFTER_REFUSAL, Ordering::Relaxed);
    }

    /// For tests that imitate what the disk does.
    #[cfg(test)]
    pub(crate) fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock()
    }

    /// For tests that need to know who waits.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.queue.count_waiting()
    }

    /// For tests that need to know whether another process waits for the turn that this one has.
    #[cfg(test)]
    pub(crate) fn others_wait(&self) -> bool {
        self.lock_file.others_wait()
    }

    /// Waits for the turn until a time, or until it is plain that the line does not move.
    fn wait_turn(&self, until: Instant) -> Option<Turn> {
        let looks = self.looks(until);
        self.lock_file.wait_turn_while(looks).ok()?
    }

    /// Queues a save and waits for its answer until a time, or until it is plain that the line does not move.
    fn wait_for_answer(
        &self,
        job: &SharedJob,
        weight: usize,
        deadline: Instant,
        until: Instant,
    ) -> Waited<Answer> {
        let mut looks = self.looks(until);
        let slot = self.queue.submit(Arc::clone(job), weight, deadline);
        let first = looks();
        self.queue.wait(&slot, first, looks)
    }

    /// When to look next whether the line moves, each time that is asked: none if it does not, or if there is no more time.
    /// Who waits keeps its place meanwhile.
    fn looks(&self, until: Instant) -> impl FnMut() -> Option<Instant> + '_ {
        let mut last = None;
        move || {
            if last.is_some_and(|last| last >= until || self.lock_file.line_stands_still()) {
                return None;
            }
            last = Some(until.min(Instant::now() + LOOK_AFTER));
            last
        }
    }

    /// Until when to wait for the turn. Not for all of the time: what is left is for SQLite's own lock. Once it was not had in
    /// time, the next ones ask only briefly, until one gets it again: else each of them would lose half of its time.
    fn turn_deadline(&self, started: Instant) -> Instant {
        let deadline = started + self.busy_timeout / 2;
        if self.turn_is_stuck.load(Ordering::Relaxed) {
            deadline.min(Instant::now() + STUCK_PATIENCE)
        } else {
            deadline
        }
    }

    fn look_for_others(&self, turn: Option<&Turn>) {
        if turn.is_some_and(Turn::is_wanted_by_others) {
            self.others_expected
                .store(TURNS_TO_COME_BACK, Ordering::Relaxed);
        }
    }

    fn busy(&self) -> Error {
        Error::Busy {
            waited: self.busy_timeout,
            source: None,
        }
    }

    fn refused_late<T>(&self, refuse_early: &dyn Fn() -> Result<()>) -> Result<T, WriteFailure> {
        refuse_early()?;
        Err(self.busy().into())
    }

    /// Whoever holds SQLite's lock may have had it before there was anything to wait for, and others may have
    /// saved meanwhile: no turn in time is the last reason of all (S0).
    fn told_last<T>(
        &self,
        result: Result<T, WriteFailure>,
        refuse_early: &dyn Fn() -> Result<()>,
    ) -> Result<T, WriteFailure> {
        if let Err(WriteFailure::Nothing(Error::Busy { .. })) = &result {
            refuse_early()?;
        }
        result
    }

    /// Writes, and gives up the turn.
    fn write_with<T>(
        &self,
        turn: Option<Turn>,
        deadline: Instant,
        work: impl FnOnce(&WriteTransaction<'_>) -> Result<Ending<T>>,
    ) -> Result<T, WriteFailure> {
        let Some(connection) = self.connection.try_lock_until(deadline) else {
            return Err(self.busy().into());
        };
        let result = self.transact(&connection, deadline, work);
        self.checkpoint_if_due(&connection);
        if !self.queue.is_quiet() {
            self.look_for_others(turn.as_ref());
        }
        drop(turn);
        // A plain release would let this thread take the mutex again before those that wait.
        MutexGuard::unlock_fair(connection);
        result
    }

    /// Moves the log into the file if it is long, and that was not tried a moment ago.
    fn checkpoint_if_due(&self, connection: &Connection) {
        let pages = WAL_PAGES.get();
        let last = self.checkpointed_at.load(Ordering::Relaxed);
        // A log that is shorter than it was has been reset since.
        let is_again = pages < last || pages >= last.saturating_add(CHECKPOINT_AGAIN);
        if pages >= CHECKPOINT_ALWAYS || (pages >= CHECKPOINT_PAGES && is_again) {
            checkpoint(connection);
            self.checkpointed_at.store(pages, Ordering::Relaxed);
        }
    }

    /// Moves the log into the file, as far as no reader needs the states before.
    pub(crate) fn checkpoint(&self) {
        if let Some(connection) = self.connection.try_lock_for(self.busy_timeout) {
            checkpoint(&connection);
        }
    }

    /// Runs a transaction.
    fn transact<T>(
        &self,
        writer: &Connection,
        deadline: Instant,
        work: impl FnOnce(&WriteTransaction<'_>) -> Result<Ending<T>>,
    ) -> Result<T, WriteFailure> {
        let remaining = deadline
            .saturating_duration_since(Instant::now())
            .max(Duration::from_millis(1));
        writer
            .busy_timeout(remaining)
            .map_err(while_doing("setting the busy timeout"))?;
        WAL_PAGES.set(0);
        // What a failed rollback left open would keep every process from writing; a panic must not leave anything open.
        roll_back(writer);
        let _undo = RollBackAtEnd(writer);
        let begun = writer
            .prepare_cached("BEGIN IMMEDIATE")
            .and_then(|mut begin| begin.execute([]));
        begun.map_err(|error| match sqlite("beginning to write", error) {
            Error::Busy { source, .. } => Error::Busy {
                waited: self.busy_timeout,
                source,
            },
            error => error,
        })?;
        let transaction = WriteTransaction {
            connection: writer,
            now: FileTime::from_timestamp(jiff::Timestamp::now()),
            client_name: &self.client_name,
        };
        let ending = self
            .files
            .check()
            .and_then(|()| refuse_newer_schema(writer))
            .and_then(|()| work(&transaction));
        match ending {
            Ok(Ending::Commit(value)) => {
                let committed = writer
                    .prepare_cached("COMMIT")
                    .and_then(|mut commit| commit.execute([]));
                match committed {
                    Ok(_) => Ok(value),
                    Err(error) => {
                        roll_back(writer);
                        Err(commit_failure(error))
                    }
                }
            }
            Ok(Ending::RollBack(value)) => {
                roll_back(writer);
                Ok(value)
            }
            Err(error) => {
                roll_back(writer);
                Err(error.into())
            }
        }
    }

    fn start_server(self: &Arc<Self>) -> io::Result<()> {
        let mut started = self.server_started.lock();
        if !*started {
            let server = Server {
                queue: Arc::clone(&self.queue),
                writer: Arc::downgrade(self),
                at_work: Arc::clone(&self.at_work),
            };
            std::thread::Builder::new()
                .name("mapistore-commit".to_owned())
                .spawn(move || server.serve())?;
            *started = true;
        }
        Ok(())
    }

    /// Held by the thread that commits for as long as it uses the connection; whoever holds it may close the store.
    pub(crate) fn at_work(&self) -> Arc<Mutex<()>> {
        Arc::clone(&self.at_work)
    }

    /// Commits what waits, as much as may go together, and says how many that were.
    fn commit_waiting(&self, turn: Option<Turn>) -> usize {
        self.look_for_others(turn.as_ref());
        let expected = self.others_expected.load(Ordering::Relaxed);
        let most = if expected > 0 {
            MOST_BEFORE_OTHERS
        } else {
            MOST_TOGETHER
        };
        // Only this thread lets it sink.
        let sunk = expected.saturating_sub(1);
        self.others_expected.store(sunk, Ordering::Relaxed);
        let batch = self.queue.take(most, HEAVIEST_TOGETHER);
        let count = batch.len();
        let Some(deadline) = batch.iter().map(|entry| entry.deadline).min() else {
            return 0;
        };
        if count == 1 {
            self.commit_each(turn, batch);
            return count;
        }
        let together = self.write_with(turn, deadline, |tx| {
            let parts = batch.iter().map(|entry| tx.part(|| (entry.job)(tx)));
            let parts = parts.collect::<Result<Vec<_>>>()?;
            let is_saved = |part: &Result<Outcome>| matches!(part, Ok(Outcome::Saved(_)));
            Ok(if parts.iter().any(is_saved) {
                Ending::Commit(parts)
            } else {
                Ending::RollBack(parts)
            })
        });
        match together {
            Ok(parts) => {
                for (entry, part) in batch.into_iter().zip(parts) {
                    entry.answer(part.map_err(WriteFailure::Nothing));
                }
            }
            // One of them, or the disk, has taken back the others' as well: nobody is answered for another.
            Err(WriteFailure::Nothing(_)) => self.commit_each(None, batch),
            Err(WriteFailure::CommitUnknown(source)) => {
                let source = source.to_string();
                for entry in batch {
                    entry.answer(Err(WriteFailure::CommitUnknown(source.clone().into())));
                }
            }
        }
        count
    }

    fn commit_each(&self, mut turn: Option<Turn>, batch: Vec<Entry<SharedJob, Answer>>) {
        for entry in batch {
            let answer = self.write_with(turn.take(), entry.deadline, |tx| (entry.job)(tx));
            entry.answer(answer);
        }
    }
}

/// For how long as many as came last are waited for: about what a sync takes where there is one to be shared, and else not
/// much longer than they take to make their next changes.
fn linger(durability: Durability) -> Duration {
    match durability {
        Durability::Full => Duration::from_micros(200),
        Durability::Normal => Duration::from_micros(50),
    }
}

/// The thread that commits. It keeps no store open while it waits: it may wait for the turn longer than anybody wants it.
struct Server {
    queue: Arc<Queue>,
    writer: Weak<Writer>,
    at_work: Arc<Mutex<()>>,
}

impl Server {
    fn serve(self) {
        let mut served_last = 0;
        while self.queue.wait_for_work(served_last) {
            let Some(line) = self.with_writer(|writer| writer.lock_file.line()) else {
                return;
            };
            // Without kernel memory there is no waiting in order; SQLite's lock is enough.
            let turn = line
                .and_then(|line| line.wait(|| self.queue.has_waiting()))
                .unwrap_or(None);
            let Some(served) = self.with_writer(|writer| {
                // A panic is a mistake of ours, and the callers in the batch hear of it; those behind them are served.
                let served = catch_unwind(AssertUnwindSafe(|| writer.commit_waiting(turn)));
                served.unwrap_or(0)
            }) else {
                return;
            };
            served_last = served;
        }
    }

    /// Does something with the connection; none if the store was closed.
    fn with_writer<T>(&self, work: impl FnOnce(&Writer) -> T) -> Option<T> {
        let _at_work = self.at_work.lock();
        let writer = self.writer.upgrade()?;
        Some(work(&writer))
    }
}

/// A migration waits until no older version has the store open, so this only meets a schema version that was
/// written past the locks; still, nothing may be written by rules that are no longer the store's (P4).
fn refuse_newer_schema(writer: &Connection) -> Result<()> {
    let version: i64 = writer
        .prepare_cached("PRAGMA user_version")
        .and_then(|mut pragma| pragma.query_row([], |row| row.get(0)))
        .map_err(while_doing("reading the schema version"))?;
    if version == migrate::SCHEMA_VERSION {
        Ok(())
    } else {
        Err(migrate::newer(version))
    }
}

/// Rolls back whatever is still open when a transaction has ended in any way; after a commit that is nothing.
struct RollBackAtEnd<'a>(&'a Connection);

impl Drop for RollBackAtEnd<'_> {
    fn drop(&mut self) {
        roll_back(self.0);
    }
}

/// SQLite has rolled back by itself after some errors, a full disk among them; then there is nothing to do. A
/// rollback that fails leaves nothing behind either: the transaction ends with the connection.
fn roll_back(writer: &Connection) {
    if !writer.is_autocommit() {
        let _ = writer
            .prepare_cached("ROLLBACK")
            .and_then(|mut roll_back| roll_back.execute([]));
    }
}

/// A commit that found no space, or no lock, has not written its last frame. After any other failure the frames
/// may be whole on the disk, and the next opener may find the commit there.
fn commit_failure(error: rusqlite::Error) -> WriteFailure {
    use rusqlite::ErrorCode::{ConstraintViolation, DatabaseBusy, DiskFull};
    match error.sqlite_error_code() {
        Some(DiskFull | DatabaseBusy | ConstraintViolation) => {
            WriteFailure::Nothing(sqlite("committing", error))
        }
        _ => WriteFailure::CommitUnknown(Box::new(error)),
    }
}

/// Passive: it waits for nobody. What it could not copy the next one does, so its failure is nobody's.
fn checkpoint(writer: &Connection) {
    let _ = writer.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
}
