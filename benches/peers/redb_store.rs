//! Messages in redb: one table from uid to version and documents, and a journal.

use std::path::Path;

use redb::{Builder, ConcurrencyMode, Database, ReadableDatabase, ReadableTable, TableDefinition};

use super::{Kept, Peer, Reader, Result, nth};

/// The version in eight bytes, and the documents behind it.
const MESSAGES: TableDefinition<'_, u128, &[u8]> = TableDefinition::new("messages");
/// What changed, by change number.
const CHANGES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("changes");

pub(crate) struct Redb<'a> {
    database: Database,
    kept: &'a Kept,
    /// The messages, each with the version that its next save expects.
    messages: Vec<(u128, u64)>,
}

/// Makes the file.
pub(crate) fn fill(path: &Path, kept: &Kept) -> Result<()> {
    let database = Builder::new().create(path)?;
    let transaction = database.begin_write()?;
    {
        let mut messages = transaction.open_table(MESSAGES)?;
        for (n, uid) in kept.uids.iter().enumerate() {
            let value = value(1, &kept.document(n)?);
            messages.insert(u128::from_be_bytes(*uid), &value[..])?;
        }
        transaction.open_table(CHANGES)?;
    }
    transaction.commit()?;
    Ok(())
}

fn value(version: u64, document: &str) -> Vec<u8> {
    let mut value = version.to_le_bytes().to_vec();
    value.extend_from_slice(document.as_bytes());
    value
}

fn version_of(value: &[u8]) -> Result<u64> {
    let bytes = value.first_chunk().ok_or("a value without a version")?;
    Ok(u64::from_le_bytes(*bytes))
}

impl<'a> Redb<'a> {
    /// For this process alone.
    pub(crate) fn open(path: &Path, kept: &'a Kept, places: &[usize]) -> Result<Redb<'a>> {
        Redb::over(Builder::new().open(path)?, kept, places)
    }

    /// Together with other processes.
    pub(crate) fn share(path: &Path, kept: &'a Kept, places: &[usize]) -> Result<Redb<'a>> {
        let mut builder = Builder::new();
        builder.set_concurrency_mode(ConcurrencyMode::MultiWriter);
        Redb::over(builder.open(path)?, kept, places)
    }

    fn over(database: Database, kept: &'a Kept, places: &[usize]) -> Result<Redb<'a>> {
        let transaction = database.begin_read()?;
        let table = transaction.open_table(MESSAGES)?;
        let mut messages = Vec::new();
        for place in places {
            let uid = u128::from_be_bytes(*nth(&kept.uids, *place)?);
            let stored = table.get(uid)?.ok_or("there is no such message")?;
            messages.push((uid, version_of(stored.value())?));
        }
        drop((table, transaction));
        Ok(Redb {
            database,
            kept,
            messages,
        })
    }

    /// Saves if the stored version is the one that is expected; tells whether it was.
    fn save_at(&self, uid: u128, expected: u64, document: &str) -> Result<bool> {
        let transaction = self.database.begin_write()?;
        {
            let mut messages = transaction.open_table(MESSAGES)?;
            let stored = messages.get(uid)?.ok_or("there is no such message")?;
            let is_expected = version_of(stored.value())? == expected;
            drop(stored);
            if !is_expected {
                drop(messages);
                transaction.abort()?;
                return Ok(false);
            }
            messages.insert(uid, &value(expected + 1, document)[..])?;
            let mut changes = transaction.open_table(CHANGES)?;
            let number = changes.last()?.map_or(0, |(number, _)| number.value()) + 1;
            changes.insert(number, &uid.to_be_bytes()[..])?;
        }
        transaction.commit()?;
        Ok(true)
    }
}

impl Peer for Redb<'_> {
    fn open(&mut self, n: usize) -> Result<()> {
        let (uid, _) = nth(&self.messages, n)?;
        let transaction = self.database.begin_read()?;
        let table = transaction.open_table(MESSAGES)?;
        let stored = table.get(uid)?.ok_or("there is no such message")?;
        let document = stored.value().get(8..).unwrap_or_default();
        Reader::parse(std::str::from_utf8(document)?)
    }

    fn save(&mut self, n: usize, variant: usize) -> Result<()> {
        let document = self.kept.document(variant)?;
        let (uid, version) = *nth(&self.messages, n)?;
        if !self.save_at(uid, version, &document)? {
            return Err("a save of the benchmark was refused".into());
        }
        let place = n % self.messages.len();
        if let Some((_, version)) = self.messages.get_mut(place) {
            *version += 1;
        }
        Ok(())
    }

    fn refused(&mut self, n: usize, variant: usize) -> Result<()> {
        let document = self.kept.document(variant)?;
        let (uid, version) = *nth(&self.messages, n)?;
        if self.save_at(uid, version + 1, &document)? {
            return Err("a stale save of the benchmark went through".into());
        }
        Ok(())
    }
}
