//! Removing streams that nothing refers to and no open handle can still read.

use crate::db::garbage::{self, Condemned, Deleted, Unreferenced};
use crate::db::streams::StreamId;
use crate::db::transaction::{Ending, WriteTransaction};
use crate::error::{Error, Result};
use crate::store::Store;

/// Streams looked at in one turn.
const LOOKED_AT_ONCE: u32 = 100;
/// A stream of fewer chunks goes in the turn in which it is found.
const SMALL: u32 = 2;
/// Chunks deleted in one turn: 8 MiB.
const DELETED_AT_ONCE: u32 = 64;

/// What a collection removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Collected {
    /// Streams.
    pub streams: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Streams that nothing refers to, but that a handle of some process may still read.
    pub kept_for_handles: u64,
}

impl Store {
    /// Removes the streams that no message and no kept version refers to, and that no handle of any process may still
    /// read: those that were replaced or deleted, and what a process that died left behind (P5). Others go on
    /// working meanwhile; it takes turns like any writer. The space goes to new content.
    ///
    /// # Errors
    ///
    /// Those of writing the store; what was removed before stays removed.
    pub fn collect_garbage(&self) -> Result<Collected> {
        let mut collected = Collected::default();
        // Streams that others make unreferenced from now on are for the next collection: it must come to an end.
        let end = self.database.read(garbage::newest)?;
        let mut after = None;
        loop {
            let candidates = self
                .database
                .read(|reader| garbage::unreferenced(reader, after, end, LOOKED_AT_ONCE))?;
            let Some(last) = candidates.last() else {
                return Ok(collected);
            };
            after = Some(last.stream);
            let (part, large) = self.database.write(
                |_| Ok(()),
                |tx| self.collect_some(tx, &candidates).map(Ending::Commit),
            )?;
            collected.streams += part.streams;
            collected.bytes += part.bytes;
            collected.kept_for_handles += part.kept_for_handles;
            for stream in large {
                collected.streams += 1;
                collected.bytes += self.delete_stream(stream)?;
            }
        }
    }

    /// Deletes small streams in one turn; large ones are only taken out of reach, and returned.
    fn collect_some(
        &self,
        tx: &WriteTransaction<'_>,
        candidates: &[Unreferenced],
    ) -> Result<(Collected, Vec<StreamId>)> {
        let mut collected = Collected::default();
        let mut large = Vec::new();
        for candidate in candidates {
            // Inside the transaction: a handle that is opened after this look reads a state in which the stream is
            // unreferenced already, and one that was opened before has its pin.
            if self.is_pinned_below(candidate.since.get())? {
                collected.kept_for_handles += 1;
            } else if garbage::condemn(tx, *candidate)? == Condemned::Yes {
                let (bytes, deleted) = garbage::delete_some(tx, candidate.stream, SMALL)?;
                collected.bytes += bytes;
                match deleted {
                    Deleted::All => collected.streams += 1,
                    Deleted::Part => large.push(candidate.stream),
                }
            }
        }
        Ok((collected, large))
    }

    fn delete_stream(&self, stream: StreamId) -> Result<u64> {
        let mut bytes = 0;
        loop {
            let (part, deleted) = self.database.write(
                |_| Ok(()),
                |tx| garbage::delete_some(tx, stream, DELETED_AT_ONCE).map(Ending::Commit),
            )?;
            bytes += part;
            if deleted == Deleted::All {
                return Ok(bytes);
            }
        }
    }

    fn is_pinned_below(&self, change: i64) -> Result<bool> {
        match &self.database.connections()?.lock_file {
            Some(lock_file) => lock_file
                .pinned_below(change)
                .map_err(|error| Error::DiskError {
                    detail: "asking which snapshots are in use".to_owned(),
                    source: Box::new(error),
                }),
            None => Ok(true),
        }
    }
}
