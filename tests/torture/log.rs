//! What several processes did to the files of one store, in one order, and what they were told.
//!
//! All append to one file, each record in one write. A write to the store is recorded after it was done and before SQLite
//! gives up the lock under which it was done, so two writes that overlap stand in their order. A sync is recorded when it
//! begins and when it has ended: it covers what was recorded before it began, and holds from when it had ended.
//!
//! Who judges a way of syncing that does not go through SQLite's file system records it likewise: [`Log::sync_begun`] with the
//! name of the file before the call, and [`Log::sync_ended`] after it has succeeded.

use std::cell::Cell;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::vfs::{Call, Disk, Verdict};

/// One record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Record {
    Write {
        file: String,
        offset: u64,
        data: Vec<u8>,
    },
    Truncate {
        file: String,
        size: u64,
    },
    Delete {
        file: String,
        folder_is_synced: bool,
    },
    SyncBegun {
        file: String,
        sync: u64,
    },
    SyncEnded {
        file: String,
        sync: u64,
    },
    Told(Told),
}

/// What the store told a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Told {
    Saved {
        entry_id: String,
        save_id: String,
        version: i64,
        change: i64,
        mark: String,
    },
    Deleted {
        entry_id: String,
    },
}

/// The log of one store, open for appending.
#[derive(Debug)]
pub(crate) struct Log {
    file: File,
}

const WRITE: u8 = b'w';
const TRUNCATE: u8 = b't';
const DELETE: u8 = b'd';
const BEGUN: u8 = b'b';
const ENDED: u8 = b'e';
const TOLD: u8 = b'a';
/// Kind, length of the name, a number, length of the data.
const HEADER: usize = 1 + 1 + 8 + 4;

impl Log {
    pub(crate) fn open(path: &Path) -> Log {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .unwrap();
        Log { file }
    }

    fn append(&self, kind: u8, file: &str, number: u64, data: &[u8]) {
        let mut record = Vec::with_capacity(HEADER + file.len() + data.len());
        record.push(kind);
        record.push(u8::try_from(file.len()).unwrap());
        record.extend(number.to_le_bytes());
        record.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        record.extend(file.as_bytes());
        record.extend(data);
        let written = (&self.file).write(&record).unwrap();
        assert_eq!(written, record.len(), "a record in one write");
    }

    /// Says that a sync of a file begins; the answer names it.
    pub(crate) fn sync_begun(&self, file: &str) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let sync = (u64::from(std::process::id()) << 32) | number;
        self.append(BEGUN, file, sync, &[]);
        sync
    }

    /// Says that a sync has succeeded.
    pub(crate) fn sync_ended(&self, file: &str, sync: u64) {
        self.append(ENDED, file, sync, &[]);
    }

    /// Says what the store told a client.
    pub(crate) fn told(&self, told: &Told) {
        self.append(TOLD, "", 0, &serde_json::to_vec(told).unwrap());
    }
}

/// Reads a whole log.
pub(crate) fn read(path: &Path) -> Vec<Record> {
    let bytes = std::fs::read(path).unwrap();
    let mut rest = &bytes[..];
    let mut records = Vec::new();
    while let Some((header, behind)) = rest.split_at_checked(HEADER) {
        let number = u64::from_le_bytes(header[2..10].try_into().unwrap());
        let length = u32::from_le_bytes(header[10..14].try_into().unwrap()) as usize;
        let (name, behind) = behind.split_at(usize::from(header[1]));
        let (data, behind) = behind.split_at(length);
        rest = behind;
        let file = String::from_utf8(name.to_vec()).unwrap();
        records.push(match header[0] {
            WRITE => Record::Write {
                file,
                offset: number,
                data: data.to_vec(),
            },
            TRUNCATE => Record::Truncate { file, size: number },
            DELETE => Record::Delete {
                file,
                folder_is_synced: number != 0,
            },
            BEGUN => Record::SyncBegun { file, sync: number },
            ENDED => Record::SyncEnded { file, sync: number },
            TOLD => Record::Told(serde_json::from_slice(data).unwrap()),
            other => panic!("no kind of record: {other}"),
        });
    }
    assert!(rest.is_empty(), "half a record");
    records
}

thread_local! {
    /// The sync that this thread has begun.
    static SYNC: Cell<u64> = const { Cell::new(0) };
}

/// A disk that fails nowhere, and records all.
impl Disk for Log {
    fn before(&self, file: &str, call: &Call<'_>) -> Verdict {
        if let Call::Sync = call {
            SYNC.set(self.sync_begun(file));
        }
        Verdict::Go
    }

    fn after(&self, file: &str, call: &Call<'_>) {
        match *call {
            Call::Write { offset, data, .. } => self.append(WRITE, file, offset, data),
            Call::Truncate { size } => self.append(TRUNCATE, file, size, &[]),
            Call::Delete { folder_is_synced } => {
                self.append(DELETE, file, u64::from(folder_is_synced), &[]);
            }
            Call::Sync => self.sync_ended(file, SYNC.get()),
            _ => {}
        }
    }
}
