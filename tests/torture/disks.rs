//! Disks that fail.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::ffi;

use crate::vfs::{Call, Disk, Verdict};

/// Which calls fail, counted from the first one to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    /// This one.
    Once(u64),
    /// This one and all that follow, until the disk is mended.
    FromThenOn(u64),
}

/// A disk of which some calls fail.
pub(crate) struct FailingDisk {
    state: Mutex<Failing>,
}

struct Failing {
    trouble: Trouble,
    calls: u64,
    /// What failed first.
    first: Option<String>,
}

impl FailingDisk {
    pub(crate) fn new(trouble: Trouble) -> FailingDisk {
        FailingDisk {
            state: Mutex::new(Failing {
                trouble,
                calls: 0,
                first: None,
            }),
        }
    }

    /// From now on nothing fails.
    pub(crate) fn mend(&self) {
        self.state.lock().unwrap().trouble = Trouble::None;
    }

    /// What failed first, if anything did.
    pub(crate) fn first_failure(&self) -> Option<String> {
        self.state.lock().unwrap().first.clone()
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> u64 {
        self.state.lock().unwrap().calls
    }
}

impl Disk for FailingDisk {
    fn before(&self, file: &str, call: &Call<'_>) -> Verdict {
        let mut state = self.state.lock().unwrap();
        let number = state.calls;
        state.calls += 1;
        let fails = match state.trouble {
            Trouble::None => false,
            Trouble::Once(at) => number == at,
            Trouble::FromThenOn(at) => number >= at,
        };
        if !fails {
            return Verdict::Go;
        }
        let (name, verdict) = failure(call, number);
        if state.first.is_none() {
            state.first = Some(format!("call {number}, {name} of {file}"));
        }
        verdict
    }
}

/// How a call fails. Writes fail in three ways, by their number, so that each place meets all of them.
fn failure(call: &Call<'_>, number: u64) -> (&'static str, Verdict) {
    let (name, code) = match call {
        Call::Open => ("opening", ffi::SQLITE_CANTOPEN),
        Call::Delete { .. } => ("deleting", ffi::SQLITE_IOERR_DELETE),
        Call::Exists => ("looking", ffi::SQLITE_IOERR_ACCESS),
        Call::Read => ("reading", ffi::SQLITE_IOERR_READ),
        Call::Truncate { .. } => ("truncating", ffi::SQLITE_IOERR_TRUNCATE),
        Call::Sync => ("syncing", ffi::SQLITE_IOERR_FSYNC),
        Call::Size => ("measuring", ffi::SQLITE_IOERR_FSTAT),
        Call::Lock => ("locking", ffi::SQLITE_IOERR_LOCK),
        Call::MapShared => ("mapping", ffi::SQLITE_IOERR_SHMMAP),
        Call::LockShared => ("locking shared memory", ffi::SQLITE_IOERR_SHMLOCK),
        Call::Write { .. } => {
            let verdict = match number % 3 {
                0 => Verdict::Fail(ffi::SQLITE_IOERR_WRITE),
                1 => Verdict::FailHalfway(ffi::SQLITE_FULL),
                _ => Verdict::FailHalfway(ffi::SQLITE_IOERR_WRITE),
            };
            return ("writing", verdict);
        }
    };
    (name, Verdict::Fail(code))
}

/// A disk that has only so much room left: what makes a file longer takes of it.
#[derive(Debug)]
pub(crate) struct FullDisk {
    room: AtomicU64,
}

impl FullDisk {
    pub(crate) fn new() -> FullDisk {
        FullDisk {
            room: AtomicU64::new(u64::MAX),
        }
    }

    /// So many bytes are left from now on.
    pub(crate) fn leave(&self, bytes: u64) {
        self.room.store(bytes, Ordering::SeqCst);
    }

    /// How many bytes are left.
    pub(crate) fn room(&self) -> u64 {
        self.room.load(Ordering::SeqCst)
    }
}

impl Disk for FullDisk {
    fn before(&self, _file: &str, call: &Call<'_>) -> Verdict {
        let Call::Write { offset, data, size } = *call else {
            return Verdict::Go;
        };
        let grows = (offset + data.len() as u64).saturating_sub(size);
        let taken = self
            .room
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |room| {
                room.checked_sub(grows)
            });
        match taken {
            Ok(_) => Verdict::Go,
            Err(_) => Verdict::FailHalfway(ffi::SQLITE_FULL),
        }
    }
}
