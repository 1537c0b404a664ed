//! The line of processes that want to write: numbers, drawn in order, and a byte lock for each.
//!
//! Whoever must wait draws the next number from the lock file, locks the byte of that number, and waits in the kernel for the
//! byte of the number before. So each waits for one other, and a hand-over wakes one process. With one lock that all wait for,
//! as in a turnstile of two, the kernel wakes all of them each time, and who of them is next is left to chance.
//!
//! The kernel frees what a process held when it dies. Who stood behind it is then let through too early, and so waits for all
//! numbers before its own as well, which are free otherwise.
//!
//! The turn itself is the byte before the first number. Who finds the turn and all numbers free takes them together and lets go of
//! the numbers, so that nobody is overtaken.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::thread;
use std::time::Duration;

use super::lock_file::{ByteLocks, ByteRange, LockKind};

/// Locked for the moments in which a number is drawn.
const DRAWING: ByteRange = ByteRange { start: 0, len: 1 };
/// The byte of the turn. Pins lie far below it, since nobody makes so many changes.
pub(super) const TURN: i64 = 1 << 62;
/// The byte of the first number.
const FIRST: i64 = TURN + 1;
/// How many numbers there are; at a million a second they last longer than any file.
const NUMBERS: i64 = (1 << 62) - 2;

/// How often one looks whether the line stands still, and how long after each other.
const LOOKS: usize = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

const ALL_NUMBERS: ByteRange = ByteRange {
    start: FIRST,
    len: NUMBERS,
};
const TURN_AND_NUMBERS: ByteRange = ByteRange {
    start: TURN,
    len: NUMBERS + 1,
};

/// Takes the turn if nobody has it or waits for it.
pub(super) fn take_now(locks: &ByteLocks) -> io::Result<bool> {
    let had = locks.try_lock(TURN_AND_NUMBERS, LockKind::Exclusive)?;
    if had {
        unlock(locks, ALL_NUMBERS);
    }
    Ok(had)
}

/// Waits for the turn behind those who came before, however long that takes; false if it is no longer wanted when they are done.
pub(super) fn wait(locks: &ByteLocks, wanted: impl Fn() -> bool) -> io::Result<bool> {
    let byte = draw(locks)?;
    let taken = wait_for_those_before(locks, byte, wanted);
    if !matches!(taken, Ok(true)) {
        leave(locks);
    }
    taken
}

/// Gives up the turn and the place in the line.
pub(super) fn leave(locks: &ByteLocks) {
    unlock(locks, TURN_AND_NUMBERS);
}

/// Whether another process waits, or is about to: where no number can be written some wait while they draw.
pub(super) fn others_wait(locks: &ByteLocks) -> io::Result<bool> {
    Ok(others_have_numbers(locks)? || locks.locked_by_others(DRAWING)?)
}

/// Whether another process has a number, and so is not overtaken any more.
pub(super) fn others_have_numbers(locks: &ByteLocks) -> io::Result<bool> {
    locks.locked_by_others(ALL_NUMBERS)
}

/// Whether nobody takes the turn though others wait for it, at each of several looks: between two turns that is so for an
/// instant.
pub(super) fn stands_still(locks: &ByteLocks) -> bool {
    let turn = ByteRange {
        start: TURN,
        len: 1,
    };
    (0..LOOKS).all(|look| {
        if look > 0 {
            thread::sleep(BETWEEN_LOOKS);
        }
        let is_free = locks.locked_by_others(turn).is_ok_and(|taken| !taken);
        is_free && others_wait(locks).unwrap_or(false)
    })
}

/// Draws a number, and locks its byte before anybody can draw the next.
fn draw(locks: &ByteLocks) -> io::Result<i64> {
    locks.wait_lock(DRAWING)?;
    let byte = FIRST + next_number(locks.file());
    // Whoever takes the turn at once has all numbers for an instant.
    let place = locks.wait_lock(ByteRange {
        start: byte,
        len: 1,
    });
    unlock(locks, DRAWING);
    place.map(|()| byte)
}

/// The number in the file, which moves on. Where it cannot be read or written, on a full disk for instance, somebody else may
/// have the same one, and is then waited for at its byte: by one, while others wait to draw. The order suffers.
fn next_number(file: &File) -> i64 {
    let mut bytes = [0; 8];
    let is_read = match file.read_exact_at(&mut bytes, 0) {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::UnexpectedEof,
    };
    // The last number is left out, so that there is always a next one.
    let number = i64::from_le_bytes(bytes).rem_euclid(NUMBERS - 1);
    // A new file has none. What could not be read is not begun anew: those with high numbers would wait for all low ones.
    if is_read {
        let _ = file.write_all_at(&(number + 1).to_le_bytes(), 0);
    }
    number
}

fn wait_for_those_before(
    locks: &ByteLocks,
    byte: i64,
    wanted: impl Fn() -> bool,
) -> io::Result<bool> {
    if byte > FIRST {
        locks.wait_lock(ByteRange {
            start: byte - 1,
            len: 1,
        })?;
    }
    // Others stand behind, so nobody is waited for in vain.
    if !wanted() {
        return Ok(false);
    }
    // The turn and all numbers before. They are kept with it: nobody draws them any more.
    locks.wait_lock(ByteRange {
        start: TURN,
        len: byte - TURN,
    })?;
    Ok(true)
}

/// Unlocks bytes that this process had locked.
fn unlock(locks: &ByteLocks, bytes: ByteRange) {
    // The kernel refuses when it has no memory left, at most. Then this process stays in the way of
    // the others until it takes and gives up its next turn; they go on without one in time.
    let _ = locks.unlock(bytes);
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::path::Path;
    use std::sync::Mutex;
    use std::time::Instant;

    use super::super::lock_file::{LockAccess, LockFile};
    use super::*;

    fn open(folder: &Path) -> LockFile {
        LockFile::open(&folder.join("store-lock"), LockAccess::ReadWrite).unwrap()
    }

    fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !holds() {
            assert!(Instant::now() < deadline, "never: {what}");
            thread::yield_now();
        }
    }

    /// The number that would be drawn next.
    fn next(file: &LockFile) -> u64 {
        let mut bytes = [0; 8];
        let _ = file.locks().file().read_exact_at(&mut bytes, 0);
        u64::from_le_bytes(bytes)
    }

    fn line_up<'a, 'scope>(
        scope: &'scope thread::Scope<'scope, 'a>,
        file: &'scope LockFile,
        probe: &LockFile,
        done: impl FnOnce() + Send + 'scope,
    ) -> thread::ScopedJoinHandle<'scope, ()> {
        let before = next(probe);
        let waiting = scope.spawn(move || {
            assert!(wait(file.locks(), || true).unwrap());
            done();
            leave(file.locks());
        });
        wait_until("it has a number", || next(probe) > before);
        waiting
    }

    #[test]
    fn those_who_wait_come_in_the_order_in_which_they_came() {
        // P3
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<LockFile> = (0..8).map(|_| open(folder.path())).collect();
        let (first, order) = (open(folder.path()), Mutex::new(Vec::new()));
        assert!(take_now(first.locks()).unwrap());
        thread::scope(|scope| {
            for (place, file) in files.iter().enumerate() {
                let order = &order;
                line_up(scope, file, &first, move || {
                    order.lock().unwrap().push(place);
                });
            }
            assert!(others_wait(first.locks()).unwrap());
            leave(first.locks());
        });
        assert_eq!(*order.lock().unwrap(), (0..8).collect::<Vec<_>>());
        assert!(take_now(first.locks()).unwrap());
        assert!(!others_wait(first.locks()).unwrap());
    }

    #[test]
    fn who_stood_behind_one_that_died_waits_for_those_before_it() {
        // P3, P5
        let folder = tempfile::tempdir().unwrap();
        let [first, behind, last] = [(); 3].map(|()| open(folder.path()));
        assert!(take_now(first.locks()).unwrap());
        let dying = open(folder.path());
        let byte = draw(dying.locks()).unwrap();
        assert_eq!(byte, FIRST);
        let entered = Mutex::new(false);
        thread::scope(|scope| {
            line_up(scope, &behind, &first, || *entered.lock().unwrap() = true);
            // Its locks go with its file, as they do with a process.
            drop(dying);
            line_up(scope, &last, &first, || {});
            wait_until("the one behind has taken the number of the dead", || {
                let byte = ByteRange {
                    start: FIRST,
                    len: 1,
                };
                last.locks().locked_by_others(byte).unwrap()
            });
            assert!(!*entered.lock().unwrap());
            leave(first.locks());
        });
        assert!(*entered.lock().unwrap());
    }

    #[test]
    fn who_no_longer_wants_the_turn_lets_the_next_one_through() {
        let folder = tempfile::tempdir().unwrap();
        let [first, other] = [(); 2].map(|()| open(folder.path()));
        assert!(!wait(first.locks(), || false).unwrap());
        assert!(take_now(other.locks()).unwrap());
    }

    #[test]
    fn line_whose_first_takes_no_turn_stands_still() {
        // P3
        let folder = tempfile::tempdir().unwrap();
        let [stopped, other] = [(); 2].map(|()| open(folder.path()));
        assert!(!stands_still(other.locks()));
        // It has its number, and would take the turn next if it went on.
        draw(stopped.locks()).unwrap();
        assert!(stands_still(other.locks()));
        assert!(wait(stopped.locks(), || true).unwrap());
        assert!(!stands_still(other.locks()));
    }

    #[test]
    fn any_number_in_the_file_will_do() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = [(); 2].map(|()| open(folder.path()));
        for bytes in [[0xFF; 8], [0x7F; 8], [0x80, 0, 0, 0, 0, 0, 0, 0x80]] {
            one.locks().file().write_all_at(&bytes, 0).unwrap();
            for file in [&one, &other, &one] {
                assert!(wait(file.locks(), || true).unwrap());
                leave(file.locks());
            }
        }
        let last = (NUMBERS - 2).to_le_bytes();
        one.locks().file().write_all_at(&last, 0).unwrap();
        for _ in 0..3 {
            assert!(wait(one.locks(), || true).unwrap());
            leave(one.locks());
        }
        assert_eq!(next(&one), 2);
    }
}
