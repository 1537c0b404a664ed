//! Pins: which states of the store somebody still reads.
//!
//! A process shows the others its oldest pin only, as one locked byte: what must be kept for that
//! one includes what the younger ones need. Opening and closing handles thus costs a call to the
//! kernel only when the oldest changes.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::line;
use super::lock_file::{ByteLocks, ByteRange, LockFile, LockKind};

/// The byte of change number 0, far above those with a meaning of their own.
const FIRST_BYTE: i64 = 1 << 40;
/// From here on bytes are the turn's and the line's.
const END: i64 = line::TURN;

/// Keeps what a reader of the store as of one change may need, until it is dropped.
#[derive(Debug)]
#[must_use = "the pin is released when this is dropped"]
pub(crate) struct Pin {
    file: Arc<LockFile>,
    at: i64,
}

impl Pin {
    /// Stands for one successful [`Pins::add`].
    pub(super) fn new(file: Arc<LockFile>, at: i64) -> Pin {
        Pin { file, at }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.file.unpin(self.at);
    }
}

/// The pins of one [`LockFile`].
#[derive(Debug, Default)]
pub(super) struct Pins {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How many pins there are at each change number.
    counts: BTreeMap<i64, usize>,
    /// The number whose byte is locked; never above the oldest pin.
    shown: Option<i64>,
}

impl Pins {
    /// Adds a pin, and shows it to the others before this returns.
    pub(super) fn add(&self, locks: &ByteLocks, at: i64) -> io::Result<()> {
        let byte = byte(at)?;
        let mut state = self.state.lock();
        if state.shown.is_none_or(|shown| at < shown) {
            if !locks.try_lock(byte, LockKind::Shared)? {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            state.unlock_shown(locks);
            state.shown = Some(at);
        }
        *state.counts.entry(at).or_default() += 1;
        Ok(())
    }

    /// Takes one pin away.
    pub(super) fn remove(&self, locks: &ByteLocks, at: i64) {
        let mut state = self.state.lock();
        if let Some(count) = state.counts.get_mut(&at) {
            *count -= 1;
            if *count == 0 {
                state.counts.remove(&at);
                state.show_oldest(locks);
            }
        }
    }

    /// Tells whether there is a pin below `change` here or in another process.
    pub(super) fn any_below(&self, locks: &ByteLocks, change: i64) -> io::Result<bool> {
        // Nothing can be pinned below 0, and a range of no bytes means all that follow.
        if change <= 0 {
            return Ok(false);
        }
        // The kernel does not count a file's own locks against it.
        let own = self
            .state
            .lock()
            .counts
            .first_key_value()
            .map(|(oldest, _)| *oldest);
        if own.is_some_and(|oldest| oldest < change) {
            return Ok(true);
        }
        let len = change.min(END - FIRST_BYTE);
        locks.locked_by_others(ByteRange {
            start: FIRST_BYTE,
            len,
        })
    }
}

impl State {
    /// Shows the oldest pin that there is now, after one has gone.
    fn show_oldest(&mut self, locks: &ByteLocks) {
        let oldest = self.counts.first_key_value().map(|(oldest, _)| *oldest);
        if oldest == self.shown {
            return;
        }
        // The new byte is locked before the old one is unlocked, or a collector could look in
        // between and see no pin. If it cannot be locked the old one stays, which keeps too much.
        let locked = match oldest.map(byte) {
            None => true,
            Some(Ok(byte)) => matches!(locks.try_lock(byte, LockKind::Shared), Ok(true)),
            Some(Err(_)) => false,
        };
        if locked {
            self.unlock_shown(locks);
            self.shown = oldest;
        }
    }

    fn unlock_shown(&self, locks: &ByteLocks) {
        if let Some(Ok(byte)) = self.shown.map(byte) {
            // A byte that stays locked keeps too much until the file is closed; nothing is lost.
            let _ = locks.unlock(byte);
        }
    }
}

fn byte(at: i64) -> io::Result<ByteRange> {
    let start = if at < 0 {
        None
    } else {
        FIRST_BYTE.checked_add(at)
    };
    match start {
        Some(start) if start < END => Ok(ByteRange { start, len: 1 }),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::path::{Path, PathBuf};

    use super::super::lock_file::LockAccess;
    use super::*;

    impl Pins {
        /// What a forked child finds in its memory.
        pub(in super::super) fn as_in_forked_child(&self) -> Pins {
            let State { counts, shown } = &*self.state.lock();
            Pins {
                state: Mutex::new(State {
                    counts: counts.clone(),
                    shown: *shown,
                }),
            }
        }
    }

    fn place() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store-lock");
        (folder, path)
    }

    fn open(path: &Path) -> Arc<LockFile> {
        Arc::new(LockFile::open(path, LockAccess::ReadWrite).unwrap())
    }

    /// The one number that `other` sees, found without asking how pins are kept.
    fn oldest_seen(other: &LockFile, up_to: i64) -> Option<i64> {
        (0..up_to).find(|&at| other.pinned_below(at + 1).unwrap())
    }

    #[test]
    fn pin_is_below_only_what_is_above_it() {
        let (_folder, path) = place();
        let (mine, other) = (open(&path), open(&path));
        let pin = mine.pin(7).unwrap();
        for file in [&mine, &other] {
            assert!(!file.pinned_below(6).unwrap());
            assert!(!file.pinned_below(7).unwrap());
            assert!(file.pinned_below(8).unwrap());
            assert!(file.pinned_below(i64::MAX).unwrap());
        }
        drop(pin);
        for file in [&mine, &other] {
            assert!(!file.pinned_below(i64::MAX).unwrap());
        }
    }

    #[test]
    fn others_see_the_oldest_pin_whatever_comes_and_goes() {
        let (_folder, path) = place();
        let (mine, other) = (open(&path), open(&path));
        let mut pins: Vec<(i64, Pin)> = Vec::new();
        let mut random = 1_u64;
        for _ in 0..3_000 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let number = (random >> 33) as usize;
            if pins.len() < 8 && number & 1 == 0 {
                let at = (number >> 1) as i64 % 12;
                pins.push((at, mine.pin(at).unwrap()));
            } else if !pins.is_empty() {
                drop(pins.swap_remove((number >> 1) % pins.len()));
            }
            let oldest = pins.iter().map(|(at, _)| *at).min();
            assert_eq!(oldest_seen(&other, 12), oldest);
            assert_eq!(oldest_seen(&mine, 12), oldest);
        }
    }

    #[test]
    fn pins_of_several_processes_stand_side_by_side() {
        let (_folder, path) = place();
        let (one, two, other) = (open(&path), open(&path), open(&path));
        let first = one.pin(3).unwrap();
        let second = two.pin(3).unwrap();
        drop(first);
        assert_eq!(oldest_seen(&other, 9), Some(3));
        assert!(!two.pinned_below(3).unwrap());
        drop(second);
        assert_eq!(oldest_seen(&other, 9), None);
    }

    #[test]
    fn reader_pins_and_asks_too() {
        let (_folder, path) = place();
        let other = open(&path);
        let reader = Arc::new(LockFile::open(&path, LockAccess::ReadOnly).unwrap());
        let theirs = other.pin(4).unwrap();
        assert!(reader.pinned_below(5).unwrap());
        drop(theirs);
        assert!(!reader.pinned_below(5).unwrap());
        let _pin = reader.pin(2).unwrap();
        assert!(other.pinned_below(3).unwrap());
    }

    #[test]
    fn numbers_that_no_byte_stands_for_are_refused() {
        let (_folder, path) = place();
        let (mine, other) = (open(&path), open(&path));
        let invalid = io::ErrorKind::InvalidInput;
        assert_eq!(mine.pin(-1).unwrap_err().kind(), invalid);
        assert_eq!(mine.pin(i64::MAX).unwrap_err().kind(), invalid);
        assert_eq!(mine.pin(END - FIRST_BYTE).unwrap_err().kind(), invalid);
        assert!(!other.pinned_below(i64::MAX).unwrap());
        let _last = mine.pin(END - FIRST_BYTE - 1).unwrap();
        assert!(other.pinned_below(i64::MAX).unwrap());
    }

    #[test]
    fn nothing_is_below_the_first_change() {
        let (_folder, path) = place();
        let (mine, other) = (open(&path), open(&path));
        let _pin = mine.pin(0).unwrap();
        for change in [i64::MIN, -1, 0] {
            assert!(!mine.pinned_below(change).unwrap());
            assert!(!other.pinned_below(change).unwrap());
        }
        assert!(other.pinned_below(1).unwrap());
    }

    #[test]
    fn presence_and_turn_are_no_pins() {
        let (_folder, path) = place();
        let (mine, other) = (open(&path), open(&path));
        assert!(mine.share_presence(std::time::Instant::now()).unwrap());
        let _turn = mine.try_turn().unwrap();
        assert!(!other.pinned_below(i64::MAX).unwrap());
    }

    #[test]
    fn forked_child_releases_no_pin_of_its_parent() {
        let (_folder, path) = place();
        let (parent, other) = (open(&path), open(&path));
        let _pin = parent.pin(4).unwrap();
        let child = Arc::new(parent.as_in_forked_child());
        assert!(child.pin(1).is_err());
        assert!(child.pinned_below(9).is_err());
        drop(Pin::new(Arc::clone(&child), 4));
        drop(child);
        assert_eq!(oldest_seen(&other, 9), Some(4));
    }
}
