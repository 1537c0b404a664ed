//! Reading, and writing in turn.

use std::cell::Cell;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::db::changes;
use crate::db::database::Database;
use crate::db::failure::{WriteFailure, sqlite, while_doing};
use crate::db::lock_file::LockFile;
use crate::db::migrate;
use crate::db::turn::Turn;
use crate::error::{Error, Result};
use crate::model::{ChangeNumber, FileTime};

/// From how many pages of WAL a checkpoint is made, after the turn.
const CHECKPOINT_PAGES: i32 = 1_000;
/// From how many pages it is made inside the turn: outside, other writers may append as fast as it copies, and
/// then the WAL is never reset.
const CHECKPOINT_PAGES_IN_TURN: i32 = 4_000;

/// How long a turn is waited for that was not had in time before.
const STUCK_PATIENCE: Duration = Duration::from_millis(20);

thread_local! {
    /// Pages in the WAL after the last commit of this thread; SQLite's hook has no other way to tell.
    static WAL_PAGES: Cell<i32> = const { Cell::new(0) };
}

/// A connection that only reads, as the floors above know it.
pub(crate) type Reader = Connection;

/// What a write's work wants done with it.
#[derive(Debug)]
pub(crate) enum Ending<T> {
    /// Make it durable.
    Commit(T),
    /// Leave no trace.
    RollBack(T),
}

/// A transaction that holds SQLite's write lock from its first instant (`BEGIN IMMEDIATE`): a deferred one
/// that turns into a write fails at once, whatever the busy timeout, when somebody wrote since its first read.
#[derive(Debug)]
pub(crate) struct WriteTransaction<'a> {
    pub(crate) connection: &'a Connection,
    /// The time of everything in it.
    pub(crate) now: FileTime,
    /// The name under which the journal records it.
    pub(crate) client_name: &'a str,
}

impl WriteTransaction<'_> {
    /// The change number that the next journal row will get. Nobody else can take it before the commit.
    pub(crate) fn next_change(&self) -> Result<ChangeNumber> {
        Ok(changes::last(self.connection)?.next())
    }

    /// Does a part of the transaction, which leaves no trace if it fails or wants to be rolled back, whatever becomes of
    /// the rest. Fails itself if the rest is gone as well: a full disk takes back the whole transaction, savepoints
    /// included.
    pub(crate) fn part<T>(&self, work: impl FnOnce() -> Result<Ending<T>>) -> Result<Result<T>> {
        self.run("SAVEPOINT part")?;
        let done = work();
        if self.connection.is_autocommit() {
            return done.and_then(|_| {
                Err(Error::CallFailed {
                    detail: "SQLite has rolled back the whole transaction".to_owned(),
                    source: None,
                })
            });
        }
        let done = match done {
            Ok(Ending::Commit(value)) => Ok(value),
            Ok(Ending::RollBack(value)) => {
                self.run("ROLLBACK TO part")?;
                Ok(value)
            }
            Err(error) => {
                self.run("ROLLBACK TO part")?;
                Err(error)
            }
        };
        self.run("RELEASE part")?;
        Ok(done)
    }

    fn run(&self, statement: &str) -> Result<()> {
        self.connection
            .prepare_cached(statement)
            .and_then(|mut statement| statement.execute([]))
            .map_err(while_doing("doing a part of a transaction"))?;
        Ok(())
    }
}

impl Database {
    /// Reads with one statement, or with several that need not see the same state.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let reader = self.reader()?;
        work(&reader)
    }

    /// Reads one state with several statements. Never held beyond `work`, so that the WAL can be reused (O1).
    pub(crate) fn read_together<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        let reader = self.reader()?;
        reader
            .execute_batch("BEGIN DEFERRED")
            .map_err(while_doing("beginning to read"))?;
        let result = work(&reader);
        let ended = reader
            .execute_batch("ROLLBACK")
            .map_err(while_doing("ending a read"));
        let value = result?;
        ended?;
        Ok(value)
    }

    /// Writes in turn: `before_waiting` may refuse by a plain read when the turn is not free at once, and again
    /// when it was not had in time; `work` runs inside the transaction.
    pub(crate) fn write<T>(
        &self,
        before_waiting: impl Fn(&Connection) -> Result<()>,
        work: impl FnOnce(&WriteTransaction<'_>) -> Result<Ending<T>>,
    ) -> Result<T, WriteFailure> {
        let started = Instant::now();
        let timeout = self.settings().busy_timeout;
        let connections = self.connections()?;
        let Some(writer) = &connections.writer else {
            return Err(Error::NoAccess {
                detail: "the store was opened read-only".into(),
            }
            .into());
        };
        let busy = || Error::Busy {
            waited: timeout,
            source: None,
        };

        let refuse_early = || self.read(&before_waiting);
        let writer = match writer.try_lock() {
            Some(writer) => writer,
            None => {
                refuse_early()?;
                match writer.try_lock_for(timeout) {
                    Some(writer) => writer,
                    None => {
                        refuse_early()?;
                        return Err(busy().into());
                    }
                }
            }
        };
        let turn = match &connections.lock_file {
            None => None,
            Some(lock_file) => match lock_file.try_turn() {
                Ok(Some(turn)) => Some(turn),
                // Without helper thread or kernel memory there is no waiting in order; SQLite's lock is enough.
                Err(_) => None,
                Ok(None) => {
                    refuse_early()?;
                    self.wait_turn(lock_file, started + timeout / 2)
                }
            },
        };

        let remaining = timeout
            .saturating_sub(started.elapsed())
            .max(Duration::from_millis(1));
        writer
            .busy_timeout(remaining)
            .map_err(while_doing("setting the busy timeout"))?;
        writer.wal_hook(Some(|_, pages| {
            WAL_PAGES.set(pages);
            Ok(())
        }));
        WAL_PAGES.set(0);
        let result = self.run(&writer, timeout, work);
        let pages = WAL_PAGES.get();
        if pages >= CHECKPOINT_PAGES_IN_TURN {
            checkpoint(&writer);
        }
        drop(turn);
        if (CHECKPOINT_PAGES..CHECKPOINT_PAGES_IN_TURN).contains(&pages) {
            checkpoint(&writer);
        }
        // A plain release would let this thread take the mutex again before those that wait.
        parking_lot::MutexGuard::unlock_fair(writer);
        // Whoever holds SQLite's lock may have had it before there was anything to wait for, and others may have
        // saved meanwhile: no turn in time is the last reason of all (S0).
        if let Err(WriteFailure::Nothing(Error::Busy { .. })) = &result {
            refuse_early()?;
        }
        result
    }

    /// Waits for the turn, but not for ever: it is for fairness, not for safety, and its holder may be stopped, or a
    /// forked child may keep it. What is left of the time is for SQLite's own lock. Once it was not had in time, the
    /// next writers ask only briefly, until one gets it again: else each of them would lose half of its time.
    fn wait_turn(&self, lock_file: &LockFile, deadline: Instant) -> Option<Turn> {
        let deadline = if self.turn_is_stuck().load(Ordering::Relaxed) {
            deadline.min(Instant::now() + STUCK_PATIENCE)
        } else {
            deadline
        };
        let turn = lock_file.wait_turn(deadline).ok().flatten();
        self.turn_is_stuck()
            .store(turn.is_none(), Ordering::Relaxed);
        turn
    }

    fn run<T>(
        &self,
        writer: &Connection,
        timeout: Duration,
        work: impl FnOnce(&WriteTransaction<'_>) -> Result<Ending<T>>,
    ) -> Result<T, WriteFailure> {
        // What a panic or a failed rollback left open would keep every process from writing.
        roll_back(writer);
        let begun = writer
            .prepare_cached("BEGIN IMMEDIATE")
            .and_then(|mut begin| begin.execute([]));
        begun.map_err(|error| match sqlite("beginning to write", error) {
            Error::Busy { source, .. } => Error::Busy {
                waited: timeout,
                source,
            },
            error => error,
        })?;
        let transaction = WriteTransaction {
            connection: writer,
            now: FileTime::from_timestamp(jiff::Timestamp::now()),
            client_name: &self.settings().client_name,
        };
        let ending = refuse_newer_schema(writer).and_then(|()| work(&transaction));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::database::{Durability, Settings, StoreAccess, WhenMissing};
    use crate::db::place::NetworkFileSystems;

    #[test]
    fn part_that_takes_the_whole_transaction_with_it_ends_the_rest_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            client_name: "test".to_owned(),
            durability: Durability::Full,
            access: StoreAccess::ReadWrite,
            when_missing: WhenMissing::Create,
            network_file_systems: NetworkFileSystems::Refuse,
            busy_timeout: Duration::from_secs(1),
        };
        let database = Database::open(&folder.path().join("mail.store"), settings).unwrap();
        let full = || Error::CallFailed {
            detail: "the disk is full".to_owned(),
            source: None,
        };
        // What SQLite does by itself after some errors.
        for done in [Err(full()), Ok(Ending::Commit(()))] {
            let written = database.write(
                |_| Ok(()),
                |tx| {
                    let part = tx.part(|| {
                        tx.run("ROLLBACK")?;
                        done
                    });
                    assert!(part.is_err());
                    part?.map(Ending::Commit)
                },
            );
            assert!(matches!(written, Err(WriteFailure::Nothing(_))));
        }
    }
}
