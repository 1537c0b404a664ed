//! The file beside the store that says who is there: presence, turns and pins.
//!
//! `<store>-lock` holds no data but the next number of the line. Processes lock single bytes of it, most of them far past its
//! end, and the kernel frees what a process held when it dies, at whatever instruction (P5).
//!
//! | byte | lock | means |
//! | --- | --- | --- |
//! | 0 | exclusive | draws a number for the [line](super::line) |
//! | 2 | shared | *presence*: has the store open |
//! | 2 | exclusive | creates or migrates the store |
//! | 2^40 + n | shared | *pin*: reads the store as of change n or later (see [`pins`](super::pins)) |
//! | 2^62 | exclusive | *turn*: may write (see [`turn`](super::turn)) |
//! | 2^62 + 1 + n | exclusive | stands in the line with number n |
//!
//! On Linux the locks are open-file-description locks: they belong to a [`LockFile`], so two of them
//! in one process exclude each other like two processes do. Other Unixes get POSIX record locks,
//! which belong to the process: there, two `LockFile`s on one file in one process do not see each
//! other, and closing either frees the locks of both. A process must open a store once there.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
use nix::fcntl::FcntlArg::{F_GETLK as GET, F_SETLK as SET, F_SETLKW as SET_AND_WAIT};
#[cfg(any(target_os = "linux", target_os = "android"))]
use nix::fcntl::FcntlArg::{F_OFD_GETLK as GET, F_OFD_SETLK as SET, F_OFD_SETLKW as SET_AND_WAIT};
use nix::fcntl::fcntl;
use nix::libc::{self, c_int, c_short};

use super::line;
use super::pins::{Pin, Pins};
use super::turn::{InLine, Turn, Turnstile};

const PRESENCE: ByteRange = ByteRange { start: 2, len: 1 };

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// What a [`LockFile`] may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockAccess {
    /// Everything; the file is created where it is missing.
    ReadWrite,
    /// Presence and pins, which are shared locks; the file must exist.
    ReadOnly,
}

/// The open lock file of a store.
///
/// Dropping it gives up presence. A [`Turn`] that is still out stays valid until it is dropped, and
/// a [`Pin`] keeps the `LockFile` itself.
///
/// A forked child shares the locks with its parent and could free them. Every call in such a child
/// fails instead, and dropping does nothing. What the parent held stays held until it unlocks, or
/// until both it and the child are gone.
#[derive(Debug)]
pub(crate) struct LockFile {
    locks: Arc<ByteLocks>,
    turnstile: Arc<Turnstile>,
    pins: Pins,
}

impl LockFile {
    /// Opens the lock file, and creates it for its owner alone if `access` allows writing.
    ///
    /// # Errors
    ///
    /// What the file system says; [`io::ErrorKind::NotFound`] for a missing file with
    /// [`LockAccess::ReadOnly`].
    pub(crate) fn open(path: &Path, access: LockAccess) -> io::Result<LockFile> {
        let writable = access == LockAccess::ReadWrite;
        let file = OpenOptions::new()
            .read(true)
            .write(writable)
            .create(writable)
            .truncate(false)
            .mode(0o600)
            // Somebody else's link or pipe in its place would have another file locked, or be waited for.
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(path)?;
        Ok(LockFile::over(ByteLocks {
            file,
            access,
            owner: std::process::id(),
        }))
    }

    fn over(locks: ByteLocks) -> LockFile {
        LockFile {
            locks: Arc::new(locks),
            turnstile: Arc::new(Turnstile::default()),
            pins: Pins::default(),
        }
    }

    /// Says that this process has the store open; false if somebody created or migrated it until
    /// the deadline.
    ///
    /// Turns exclusive presence into shared presence, like [`LockFile::downgrade_presence`].
    pub(crate) fn share_presence(&self, deadline: Instant) -> io::Result<bool> {
        self.locks.check_owner()?;
        self.wait_for_presence(LockKind::Shared, deadline)
    }

    /// Takes presence for this process alone, to create or to migrate the store.
    ///
    /// Shared presence is given up first: of two processes that share it and both want it alone,
    /// neither would ever get it. Until this returns, another process may thus have created,
    /// migrated or replaced the store, and the caller must look at it again. When it returns false
    /// or fails, no presence is held at all.
    pub(crate) fn own_presence(&self, deadline: Instant) -> io::Result<bool> {
        self.locks.check_writable()?;
        self.locks.unlock(PRESENCE)?;
        self.wait_for_presence(LockKind::Exclusive, deadline)
    }

    /// Turns exclusive presence into shared presence; nobody else can own it in between.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if presence was not held and another process owns it.
    pub(crate) fn downgrade_presence(&self) -> io::Result<()> {
        self.locks.check_owner()?;
        if self.locks.try_lock(PRESENCE, LockKind::Shared)? {
            Ok(())
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }

    /// Says that this process does not have the store open.
    pub(crate) fn release_presence(&self) -> io::Result<()> {
        self.locks.check_owner()?;
        self.locks.unlock(PRESENCE)
    }

    /// Takes the turn to write if nobody holds it or waits for it.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::PermissionDenied`] with [`LockAccess::ReadOnly`].
    pub(crate) fn try_turn(&self) -> io::Result<Option<Turn>> {
        self.locks.check_writable()?;
        self.turnstile.try_turn(&self.locks)
    }

    /// Waits for the turn to write, behind those who came before. `deadlines` names the first deadline and, when that has passed, a
    /// later one, until which it keeps its place; `None` once there is none.
    ///
    /// Meant for one thread at a time. Several threads are safe, but come in no particular order.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::PermissionDenied`] with [`LockAccess::ReadOnly`]; else what the kernel says
    /// when it has no memory for a lock or for the helper thread. The turn is for fairness, so a
    /// writer may go on without it.
    pub(crate) fn wait_turn_while(
        &self,
        deadlines: impl FnMut() -> Option<Instant>,
    ) -> io::Result<Option<Turn>> {
        self.locks.check_writable()?;
        self.turnstile.wait_turn(&self.locks, deadlines)
    }

    /// The same with one deadline.
    #[cfg(test)]
    pub(crate) fn wait_turn(&self, deadline: Instant) -> io::Result<Option<Turn>> {
        let mut once = Some(deadline);
        self.wait_turn_while(|| once.take())
    }

    /// Tells whether others wait for a turn that nobody takes: whoever comes first in the line stands still, or its child keeps
    /// its place. Takes some milliseconds, since between two turns it is so for an instant.
    pub(crate) fn line_stands_still(&self) -> bool {
        !self.turnstile.is_held() && line::stands_still(&self.locks)
    }

    /// For tests that need to know who waits. Who is still drawing a number may be overtaken.
    #[cfg(test)]
    pub(crate) fn others_wait(&self) -> bool {
        line::others_have_numbers(&self.locks).unwrap()
    }

    /// What a thread of its own needs to wait for the turn in the kernel.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::PermissionDenied`] with [`LockAccess::ReadOnly`].
    pub(crate) fn line(&self) -> io::Result<InLine> {
        self.locks.check_writable()?;
        Ok(InLine {
            locks: Arc::clone(&self.locks),
            turnstile: Arc::clone(&self.turnstile),
        })
    }

    /// Keeps whatever a reader of the store as of change `at`, or later, may need.
    ///
    /// Pin first and begin to read afterwards: what was collected in between is then not referred
    /// to by what is read.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] for a negative number, or one beyond any byte of a file.
    pub(crate) fn pin(self: &Arc<Self>, at: i64) -> io::Result<Pin> {
        self.locks.check_owner()?;
        self.pins.add(&self.locks, at)?;
        Ok(Pin::new(Arc::clone(self), at))
    }

    /// Tells whether anyone, this process included, has pinned a number below `change`.
    pub(crate) fn pinned_below(&self, change: i64) -> io::Result<bool> {
        self.locks.check_owner()?;
        self.pins.any_below(&self.locks, change)
    }

    /// Undoes one [`LockFile::pin`]; [`Pin`] alone calls it.
    pub(super) fn unpin(&self, at: i64) {
        // A forked child would free its parent's lock, and may find the mutex held for ever.
        if self.locks.is_owner() {
            self.pins.remove(&self.locks, at);
        }
    }

    // Presence is waited for when a store is opened, created or migrated: rarely, and hardly ever
    // behind anybody. Asking again after a pause has a deadline by nature, where a wait in the
    // kernel would need a thread that can be left behind in it.
    fn wait_for_presence(&self, kind: LockKind, deadline: Instant) -> io::Result<bool> {
        let mut pause = FIRST_PAUSE;
        loop {
            if self.locks.try_lock(PRESENCE, kind)? {
                return Ok(true);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // In a forked child the turnstile's mutex may be held by a thread that is not there.
        if !self.locks.is_owner() {
            return;
        }
        self.turnstile.close();
        // Closing the file would free presence, but a turn or the helper thread may keep it open.
        // A failed unlock is made up for when they let go.
        let _ = self.locks.unlock(PRESENCE);
    }
}

/// Neighbouring bytes of the lock file.
#[derive(Clone, Copy, Debug)]
pub(super) struct ByteRange {
    pub(super) start: i64,
    /// At least 1: the kernel takes 0 for "up to the last byte that there can be".
    pub(super) len: i64,
}

/// Whom a lock leaves out: those who want the byte alone, or everybody.
#[derive(Clone, Copy, Debug)]
pub(super) enum LockKind {
    Shared,
    Exclusive,
}

impl LockKind {
    fn code(self) -> c_short {
        match self {
            LockKind::Shared => libc::F_RDLCK as c_short,
            LockKind::Exclusive => libc::F_WRLCK as c_short,
        }
    }
}

/// The byte locks of one open file.
///
/// Only for the process that opened it: callers ask [`ByteLocks::check_owner`] first.
#[derive(Debug)]
pub(super) struct ByteLocks {
    file: File,
    access: LockAccess,
    /// The process that opened the file, as against a child that it forked.
    owner: u32,
}

impl ByteLocks {
    /// Tells whether this is the process that opened the file.
    pub(super) fn is_owner(&self) -> bool {
        std::process::id() == self.owner
    }

    /// The file itself, for what stands in it.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Refuses the use in a forked child.
    fn check_owner(&self) -> io::Result<()> {
        if self.is_owner() {
            return Ok(());
        }
        Err(io::Error::other(
            "the lock file was opened before this process was forked",
        ))
    }

    /// Refuses exclusive locks where the file is open for reading only, and any in a forked child.
    fn check_writable(&self) -> io::Result<()> {
        match self.access {
            LockAccess::ReadWrite => self.check_owner(),
            LockAccess::ReadOnly => Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "the lock file is open for reading only",
            )),
        }
    }

    /// Locks the bytes, or changes the kind of lock held on them; false if others are in the way.
    pub(super) fn try_lock(&self, bytes: ByteRange, kind: LockKind) -> io::Result<bool> {
        let request = request(bytes, kind.code())?;
        match uninterrupted(|| fcntl(&self.file, SET(&request))) {
            Ok(()) => Ok(true),
            // POSIX leaves the choice of the two to the system.
            Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Locks the bytes for this file alone, however long that takes.
    pub(super) fn wait_lock(&self, bytes: ByteRange) -> io::Result<()> {
        let request = request(bytes, LockKind::Exclusive.code())?;
        Ok(uninterrupted(|| fcntl(&self.file, SET_AND_WAIT(&request)))?)
    }

    /// Unlocks the bytes, whether they were locked or not.
    pub(super) fn unlock(&self, bytes: ByteRange) -> io::Result<()> {
        let request = request(bytes, libc::F_UNLCK as c_short)?;
        Ok(uninterrupted(|| fcntl(&self.file, SET(&request)))?)
    }

    /// Tells whether anyone but this file has a lock, of either kind, on any of the bytes.
    pub(super) fn locked_by_others(&self, bytes: ByteRange) -> io::Result<bool> {
        // The question is about an exclusive lock, which a file open for reading only may not
        // have, but may ask for.
        let mut answer = request(bytes, LockKind::Exclusive.code())?;
        uninterrupted(|| fcntl(&self.file, GET(&mut answer)))?;
        Ok(answer.l_type != libc::F_UNLCK as c_short)
    }
}

/// Makes a lock call again when a signal handler of the host interrupted it.
fn uninterrupted(mut call: impl FnMut() -> nix::Result<c_int>) -> nix::Result<()> {
    loop {
        match call() {
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}

fn request(bytes: ByteRange, code: c_short) -> io::Result<libc::flock> {
    Ok(libc::flock {
        l_type: code,
        l_whence: libc::SEEK_SET as c_short,
        l_start: offset(bytes.start)?,
        l_len: offset(bytes.len)?,
        // Other numbers are refused for the locks of an open file description.
        l_pid: 0,
        #[cfg(target_os = "freebsd")]
        l_sysid: 0,
    })
}

#[allow(
    clippy::useless_conversion,
    reason = "off_t has 32 bits on some systems"
)]
fn offset(byte: i64) -> io::Result<libc::off_t> {
    libc::off_t::try_from(byte).map_err(|_| io::ErrorKind::InvalidInput.into())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
#[path = "lock_file_tests.rs"]
mod tests;
