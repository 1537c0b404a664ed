//! The lock file of a store, as another process sees it.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

/// Bytes of the lock file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    Turn,
    /// All numbers of those who wait for it.
    Line,
}

/// The byte of the turn; the line follows it.
const TURN: libc::off_t = 1 << 62;

/// What it locks is free when it is dropped.
#[derive(Debug)]
pub(crate) struct LockFile(File);

impl LockFile {
    /// The lock file beside a store.
    pub(crate) fn beside(store: &Path) -> LockFile {
        let path = store.with_extension("store-lock");
        LockFile(File::options().read(true).write(true).open(path).unwrap())
    }

    /// Keeps it, like a process that was stopped or a forked child of one that is gone.
    pub(crate) fn take(&self, part: Part) {
        fcntl(&self.0, FcntlArg::F_OFD_SETLK(&request(part))).unwrap();
    }

    pub(crate) fn wait_until_taken(&self, part: Part) {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let mut answer = request(part);
            fcntl(&self.0, FcntlArg::F_OFD_GETLK(&mut answer)).unwrap();
            if answer.l_type != libc::F_UNLCK as libc::c_short {
                return;
            }
            assert!(Instant::now() < deadline, "nobody has the {part:?}");
            std::thread::yield_now();
        }
    }
}

fn request(part: Part) -> libc::flock {
    let (start, length) = match part {
        Part::Turn => (TURN, 1),
        Part::Line => (TURN + 1, TURN - 2),
    };
    libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: start,
        l_len: length,
        l_pid: 0,
    }
}
