//! Reading, and what a write sees.

use std::sync::Arc;

use rusqlite::Connection;

use crate::db::changes;
use crate::db::database::Database;
use crate::db::failure::{WriteFailure, while_doing};
use crate::db::versioned::Outcome;
use crate::db::writer::{SharedJob, Writer};
use crate::error::{Error, Result};
use crate::model::{ChangeNumber, FileTime};

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

    /// Reads with the connection that writes, if a save was refused lately and nobody uses it now: it still has at hand what it
    /// wrote last, while a reader would fetch that anew after each commit.
    pub(crate) fn glance<T>(&self, work: impl FnOnce(&Reader) -> T) -> Result<Option<T>> {
        Ok(self.writer()?.glance(work))
    }

    /// Says that a save was refused as stale: others are likely to be.
    pub(crate) fn expect_refusals(&self) {
        if let Ok(writer) = self.writer() {
            writer.expect_refusals();
        }
    }

    /// Writes in turn: `before_waiting` may refuse by a plain read when the turn is not free at once, and again
    /// when it was not had in time; `work` runs inside the transaction.
    pub(crate) fn write<T>(
        &self,
        before_waiting: impl Fn(&Reader) -> Result<()>,
        work: impl FnOnce(&WriteTransaction<'_>) -> Result<Ending<T>>,
    ) -> Result<T, WriteFailure> {
        self.writer()?.write(&|| self.read(&before_waiting), work)
    }

    /// Moves the log into the file, as far as no reader needs the states before.
    pub(crate) fn checkpoint(&self) -> Result<()> {
        self.writer()?.checkpoint();
        Ok(())
    }

    /// Writes like [`Database::write`], together with others that wait at the same moment: in one transaction, each
    /// for itself all or nothing, and with one commit for all of them. `weight` is about what it writes, in bytes.
    pub(crate) fn write_shared(
        &self,
        before_waiting: impl Fn(&Reader) -> Result<()>,
        job: SharedJob,
        weight: usize,
    ) -> Result<Outcome, WriteFailure> {
        self.writer()?
            .write_shared(&|| self.read(&before_waiting), job, weight)
    }

    fn writer(&self) -> Result<&Arc<Writer>> {
        let writer = self.connections()?.writer.as_ref();
        writer.ok_or_else(|| Error::NoAccess {
            detail: "the store was opened read-only".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::db::database::{Durability, Settings, StoreAccess, WhenMissing};
    use crate::db::place::NetworkFileSystems;

    fn store() -> (tempfile::TempDir, Database) {
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
        (folder, database)
    }

    #[test]
    fn log_that_a_reader_has_kept_long_is_begun_anew_by_the_writes_after_it() {
        // O1
        let (_folder, database) = store();
        let write = |bytes: u32| {
            let fill = |tx: &WriteTransaction<'_>| {
                let text = "INSERT INTO waste VALUES (zeroblob(?))";
                tx.run("CREATE TABLE IF NOT EXISTS waste (data)")?;
                tx.connection.execute(text, [bytes]).unwrap();
                Ok(Ending::Commit(()))
            };
            assert!(database.write(|_| Ok(()), fill).is_ok());
        };
        let read = database.read_together(|reader| {
            let count = "SELECT count(*) AS count FROM messages";
            let before: i64 = reader.query_row(count, [], |row| row.get("count")).unwrap();
            for _ in 0..5 {
                write(4_000_000);
            }
            Ok(before)
        });
        assert_eq!(read.unwrap(), 0);
        write(1);
        write(1);
        let log = "PRAGMA wal_checkpoint(PASSIVE)";
        let reader = database.reader().unwrap();
        let pages: i64 = reader.query_row(log, [], |row| row.get("log")).unwrap();
        assert!(pages < 100, "{pages}");
    }

    #[test]
    fn part_that_takes_the_whole_transaction_with_it_ends_the_rest_as_well() {
        let (_folder, database) = store();
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
