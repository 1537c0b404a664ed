//! The turn to write, between the threads of a process: the processes stand in a [`line`](super::line) for it.
//!
//! A wait in the kernel has no deadline, so the caller does not wait there itself. A helper thread,
//! started when there is first somebody to wait for, takes the locks and hands the turn over. If its
//! caller has gone meanwhile it gives the turn up again, unless another caller has come and joined.
//!
//! A thread that has nothing else to do, and no deadline, waits in the kernel itself ([`InLine`]): that saves a wake-up at each
//! hand-over.
//!
//! The turn is for fairness, not for safety: SQLite has its own lock.

use std::io;
use std::mem;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::line;
use super::lock_file::ByteLocks;

/// The turn to write, until it is dropped.
#[derive(Debug)]
#[must_use = "the turn is given up when this is dropped"]
pub(crate) struct Turn {
    locks: Arc<ByteLocks>,
    turnstile: Arc<Turnstile>,
    had: Had,
}

/// How a turn was had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Had {
    Asking,
    InLine,
}

impl Turn {
    /// Whether another process waits for its turn.
    pub(crate) fn is_wanted_by_others(&self) -> bool {
        // Where the kernel does not say, others are given the benefit of the doubt.
        line::others_wait(&self.locks).unwrap_or(true)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // A forked child would free the lock under its parent.
        if self.locks.is_owner() {
            self.turnstile.give_up_turn(&self.locks, self.had);
        }
    }
}

/// What a thread needs to wait for the turn in the kernel, however long: it keeps the lock file open, and neither presence nor
/// the store's connections.
#[derive(Debug)]
pub(crate) struct InLine {
    pub(super) locks: Arc<ByteLocks>,
    pub(super) turnstile: Arc<Turnstile>,
}

impl InLine {
    /// Waits for the turn; none if it is no longer wanted once those before are done.
    ///
    /// # Errors
    ///
    /// What the kernel says when it has no memory for a lock.
    pub(crate) fn wait(self, wanted: impl Fn() -> bool) -> io::Result<Option<Turn>> {
        self.turnstile.wait_in_line(&self.locks, wanted)
    }
}

/// What the threads of one process, and their helper, know of each other's turns.
///
/// The kernel does not tell them apart: to it they are one open file, which may lock a byte that it
/// has locked already.
#[derive(Debug, Default)]
pub(super) struct Turnstile {
    state: Mutex<State>,
    /// The phase has changed.
    for_callers: Condvar,
    /// There is an errand, or none will come any more.
    for_helper: Condvar,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    /// How many callers are in [`Turnstile::wait_turn`].
    waiting: usize,
    /// What the helper is to wait for. It travels with the errand, so that an idle helper does not
    /// keep the file open.
    errand: Option<Arc<ByteLocks>>,
    /// The last turn was had in line while a caller waited, who comes before the next one of that kind.
    is_owed: bool,
    helper_started: bool,
    closed: bool,
}

/// `Taken` and `Failed` are only seen while somebody waits, and whoever sees them first ends them:
/// a caller whose deadline has passed looks once more before it goes.
#[derive(Debug, Default)]
enum Phase {
    #[default]
    Free,
    /// The helper waits for the locks.
    Asked,
    /// The helper has the turn for a caller.
    Taken,
    /// The helper could not get it.
    Failed(io::Error),
    /// A [`Turn`] is out.
    Held,
}

impl Turnstile {
    /// Takes the turn if nobody in this or another process holds it or waits for it; not before one of this process who
    /// has been told that it is free and has not woken up yet.
    pub(super) fn try_turn(self: &Arc<Self>, locks: &Arc<ByteLocks>) -> io::Result<Option<Turn>> {
        let mut state = self.state.lock();
        let is_free = matches!(state.phase, Phase::Free) && state.waiting == 0;
        let had = is_free && line::take_now(locks)?;
        if had {
            state.phase = Phase::Held;
        }
        Ok(had.then(|| self.turn(locks, Had::Asking)))
    }

    /// Waits for the turn. `deadlines` names the first deadline, and at each one the next, until it names none.
    pub(super) fn wait_turn(
        self: &Arc<Self>,
        locks: &Arc<ByteLocks>,
        deadlines: impl FnMut() -> Option<Instant>,
    ) -> io::Result<Option<Turn>> {
        let mut state = self.state.lock();
        state.waiting += 1;
        let had = self.wait_until_had(&mut state, locks, deadlines);
        state.waiting -= 1;
        if state.is_owed {
            state.is_owed = false;
            self.for_callers.notify_all();
        }
        Ok(had?.then(|| self.turn(locks, Had::Asking)))
    }

    /// Waits for the turn in the kernel, unless it is no longer wanted once those before are done.
    fn wait_in_line(
        self: &Arc<Self>,
        locks: &Arc<ByteLocks>,
        wanted: impl Fn() -> bool,
    ) -> io::Result<Option<Turn>> {
        let mut state = self.state.lock();
        while !matches!(state.phase, Phase::Free) || state.is_owed {
            self.for_callers.wait(&mut state);
        }
        if line::take_now(locks)? {
            state.phase = Phase::Held;
            return Ok(Some(self.turn(locks, Had::InLine)));
        }
        state.phase = Phase::Asked;
        let taken = MutexGuard::unlocked(&mut state, || self.take_waiting(locks, wanted));
        state.phase = match taken {
            Ok(true) => Phase::Held,
            Ok(false) | Err(_) => Phase::Free,
        };
        if !matches!(taken, Ok(true)) {
            self.for_callers.notify_all();
        }
        Ok(taken?.then(|| self.turn(locks, Had::InLine)))
    }

    /// Whether a caller of this process has the turn, which the kernel does not tell a process of itself.
    pub(super) fn is_held(&self) -> bool {
        matches!(self.state.lock().phase, Phase::Held | Phase::Taken)
    }

    /// Lets the helper end; a turn that is out stays.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.for_helper.notify_one();
    }

    fn wait_until_had(
        self: &Arc<Self>,
        state: &mut MutexGuard<'_, State>,
        locks: &Arc<ByteLocks>,
        mut deadlines: impl FnMut() -> Option<Instant>,
    ) -> io::Result<bool> {
        let mut deadline = MutexGuard::unlocked(state, &mut deadlines);
        loop {
            let late = deadline.is_none();
            match mem::take(&mut state.phase) {
                Phase::Taken => {
                    state.phase = Phase::Held;
                    return Ok(true);
                }
                Phase::Failed(error) => {
                    // Another caller that waits may have more luck.
                    self.for_callers.notify_all();
                    return Err(error);
                }
                Phase::Free => {
                    if line::take_now(locks)? {
                        state.phase = Phase::Held;
                        return Ok(true);
                    }
                    if !late {
                        self.send_helper(state, locks)?;
                    }
                }
                phase @ (Phase::Asked | Phase::Held) => state.phase = phase,
            }
            let Some(until) = deadline else {
                return Ok(false);
            };
            if self.for_callers.wait_until(state, until).timed_out() {
                // To name the next one it may look how the line is, which takes a while.
                deadline = MutexGuard::unlocked(state, &mut deadlines);
            }
        }
    }

    fn send_helper(
        self: &Arc<Self>,
        state: &mut MutexGuard<'_, State>,
        locks: &Arc<ByteLocks>,
    ) -> io::Result<()> {
        if !state.helper_started {
            let turnstile = Arc::clone(self);
            thread::Builder::new()
                .name("mapistore-turn".to_owned())
                .spawn(move || turnstile.help())?;
            state.helper_started = true;
        }
        state.errand = Some(Arc::clone(locks));
        state.phase = Phase::Asked;
        self.for_helper.notify_one();
        Ok(())
    }

    /// What the helper thread does, until the turnstile is closed.
    fn help(&self) {
        let mut state = self.state.lock();
        while !state.closed {
            let Some(locks) = state.errand.take() else {
                self.for_helper.wait(&mut state);
                continue;
            };
            let taken = MutexGuard::unlocked(&mut state, || self.take_waiting(&locks, || false));
            state.phase = match taken {
                Ok(true) if state.waiting > 0 => Phase::Taken,
                Err(error) if state.waiting > 0 => Phase::Failed(error),
                Ok(true) => {
                    line::leave(&locks);
                    Phase::Free
                }
                Ok(false) | Err(_) => Phase::Free,
            };
            self.for_callers.notify_all();
        }
    }

    /// Takes the turn, however long that takes; false if nobody waits for it any more.
    fn take_waiting(&self, locks: &ByteLocks, wanted: impl Fn() -> bool) -> io::Result<bool> {
        line::wait(locks, || wanted() || self.state.lock().waiting > 0)
    }

    fn give_up_turn(&self, locks: &ByteLocks, had: Had) {
        let mut state = self.state.lock();
        // Unlocked before the phase says so: a thread that took the turn in between would lose it.
        line::leave(locks);
        state.phase = Phase::Free;
        state.is_owed = had == Had::InLine && state.waiting > 0;
        self.for_callers.notify_all();
    }

    fn turn(self: &Arc<Self>, locks: &Arc<ByteLocks>, had: Had) -> Turn {
        Turn {
            locks: Arc::clone(locks),
            turnstile: Arc::clone(self),
            had,
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::super::lock_file::{LockAccess, LockFile};
    use super::*;

    /// A lock file; each opening of it stands for a process.
    struct Place {
        _folder: tempfile::TempDir,
        path: PathBuf,
    }

    impl Place {
        fn new() -> Place {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("store-lock");
            Place {
                _folder: folder,
                path,
            }
        }

        fn open(&self) -> LockFile {
            LockFile::open(&self.path, LockAccess::ReadWrite).unwrap()
        }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(10)
    }

    fn in_good_time() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = in_good_time();
        while !holds() {
            assert!(Instant::now() < deadline, "never: {what}");
            thread::yield_now();
        }
    }

    fn wait_until_in_line(probe: &LockFile) {
        // Who is still drawing may be overtaken.
        wait_until("somebody stands in the line", || {
            line::others_have_numbers(probe.locks()).unwrap()
        });
    }

    #[test]
    fn the_turn_is_had_by_one_at_a_time() {
        let place = Place::new();
        let (one, other) = (place.open(), place.open());
        let turn = one.try_turn().unwrap();
        assert!(turn.is_some());
        assert!(one.try_turn().unwrap().is_none());
        assert!(other.try_turn().unwrap().is_none());
        assert!(other.wait_turn(soon()).unwrap().is_none());
        drop(turn);
        assert!(other.wait_turn(in_good_time()).unwrap().is_some());
        assert!(one.wait_turn(in_good_time()).unwrap().is_some());
    }

    #[test]
    fn next_in_line_is_not_overtaken_by_who_had_the_turn() {
        let place = Place::new();
        let (one, other) = (place.open(), place.open());
        let turn = one.try_turn().unwrap();
        thread::scope(|scope| {
            let waiter = scope.spawn(|| other.wait_turn(in_good_time()).unwrap());
            wait_until_in_line(&one);
            drop(turn);
            assert!(one.try_turn().unwrap().is_none());
            let theirs = waiter.join().unwrap();
            assert!(theirs.is_some());
            assert!(one.try_turn().unwrap().is_none());
            drop(theirs);
            assert!(one.wait_turn(in_good_time()).unwrap().is_some());
        });
    }

    #[test]
    fn line_behind_a_turn_of_this_process_does_not_stand_still() {
        // P3
        let place = Place::new();
        let (one, other) = (place.open(), place.open());
        let turn = one.try_turn().unwrap();
        thread::scope(|scope| {
            let waiter = scope.spawn(|| drop(other.wait_turn(in_good_time()).unwrap()));
            wait_until_in_line(&one);
            // The kernel says of this process neither that it has the turn nor that it waits.
            assert!(line::stands_still(one.locks()));
            assert!(!one.line_stands_still());
            drop(turn);
            waiter.join().unwrap();
        });
    }

    #[test]
    fn turn_that_came_too_late_is_given_up() {
        let place = Place::new();
        let (one, late, third) = (place.open(), place.open(), place.open());
        let turn = one.try_turn().unwrap();
        assert!(late.wait_turn(soon()).unwrap().is_none());
        drop(turn);
        let turn = third.wait_turn(in_good_time()).unwrap();
        assert!(turn.is_some());
        drop(turn);
        assert!(late.wait_turn(in_good_time()).unwrap().is_some());
    }

    #[test]
    fn deadline_in_the_past_still_tries() {
        let place = Place::new();
        let (one, other) = (place.open(), place.open());
        let past = Instant::now();
        let turn = one.wait_turn(past).unwrap();
        assert!(turn.is_some());
        assert!(other.wait_turn(past).unwrap().is_none());
    }

    #[test]
    fn later_caller_joins_the_wait_that_another_left() {
        let place = Place::new();
        let (one, other) = (place.open(), place.open());
        let turn = one.try_turn().unwrap();
        // The helper may find its caller gone before it comes first; then the next one is sent.
        wait_until("the helper waits for the turn", || {
            assert!(other.wait_turn(soon()).unwrap().is_none());
            line::others_have_numbers(one.locks()).unwrap()
        });
        thread::scope(|scope| {
            let joined = scope.spawn(|| other.wait_turn(in_good_time()).unwrap());
            let state = &other.turnstile().state;
            wait_until("somebody waits for what the helper does", || {
                let state = state.lock();
                state.waiting == 1 && matches!(state.phase, Phase::Asked) && state.errand.is_none()
            });
            drop(turn);
            assert!(joined.join().unwrap().is_some());
        });
    }

    #[test]
    fn threads_of_one_file_exclude_each_other() {
        let place = Place::new();
        let (one, other) = (place.open(), place.open());
        let taken = AtomicBool::new(false);
        thread::scope(|scope| {
            for file in [&one, &one, &one, &other, &other] {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let turn = file.wait_turn(in_good_time()).unwrap();
                        assert!(turn.is_some());
                        assert!(!taken.swap(true, Ordering::SeqCst));
                        thread::yield_now();
                        assert!(taken.swap(false, Ordering::SeqCst));
                    }
                });
            }
        });
    }

    #[test]
    fn turns_that_are_given_up_at_the_deadline_are_never_lost() {
        let place = Place::new();
        let (one, other) = (place.open(), place.open());
        let taken = AtomicBool::new(false);
        thread::scope(|scope| {
            for (step, file) in [(3, &one), (5, &one), (7, &other), (11, &other)] {
                let taken = &taken;
                scope.spawn(move || {
                    for round in 0..300 {
                        let patience = Duration::from_micros(round * step % 97);
                        if let Some(turn) = file.wait_turn(Instant::now() + patience).unwrap() {
                            assert!(!taken.swap(true, Ordering::SeqCst));
                            thread::yield_now();
                            assert!(taken.swap(false, Ordering::SeqCst));
                            drop(turn);
                        }
                    }
                });
            }
        });
        assert!(one.wait_turn(in_good_time()).unwrap().is_some());
        assert!(other.wait_turn(in_good_time()).unwrap().is_some());
    }

    #[test]
    fn stuck_helper_keeps_neither_presence_nor_the_turn() {
        let place = Place::new();
        let (one, gone, third) = (place.open(), place.open(), place.open());
        assert!(gone.share_presence(in_good_time()).unwrap());
        let turn = one.try_turn().unwrap();
        assert!(gone.wait_turn(soon()).unwrap().is_none());
        drop(gone);
        assert!(one.own_presence(soon()).unwrap());
        drop(turn);
        assert!(third.wait_turn(in_good_time()).unwrap().is_some());
    }

    #[test]
    fn idle_helper_does_not_keep_the_file_open() {
        let place = Place::new();
        let (one, other) = (place.open(), place.open());
        let turn = one.try_turn().unwrap();
        thread::scope(|scope| {
            let waiter = scope.spawn(|| drop(other.wait_turn(in_good_time()).unwrap()));
            wait_until_in_line(&one);
            drop(turn);
            waiter.join().unwrap();
        });
        assert!(other.turnstile().state.lock().helper_started);
        let locks = Arc::downgrade(other.locks());
        drop(other);
        assert!(locks.upgrade().is_none());
    }

    #[test]
    fn helper_ends_with_the_file() {
        let place = Place::new();
        let (one, other) = (place.open(), place.open());
        let turn = one.try_turn().unwrap();
        assert!(other.wait_turn(soon()).unwrap().is_none());
        drop(turn);
        let turnstile = Arc::downgrade(other.turnstile());
        drop(other);
        wait_until("the helper has ended", || turnstile.upgrade().is_none());
    }

    #[test]
    fn turn_outlives_its_file() {
        let place = Place::new();
        let (one, other) = (place.open(), place.open());
        let turn = one.try_turn().unwrap();
        drop(one);
        assert!(other.try_turn().unwrap().is_none());
        drop(turn);
        assert!(other.try_turn().unwrap().is_some());
    }

    #[test]
    fn reader_never_takes_turns() {
        let place = Place::new();
        drop(place.open());
        let reader = LockFile::open(&place.path, LockAccess::ReadOnly).unwrap();
        let denied = io::ErrorKind::PermissionDenied;
        assert_eq!(reader.try_turn().unwrap_err().kind(), denied);
        assert_eq!(reader.wait_turn(soon()).unwrap_err().kind(), denied);
    }

    #[test]
    fn forked_child_gives_up_no_turn_of_its_parent() {
        let place = Place::new();
        let (parent, other) = (place.open(), place.open());
        let turn = parent.try_turn().unwrap().unwrap();
        let child = parent.as_in_forked_child();
        assert!(child.try_turn().is_err());
        assert!(child.wait_turn(soon()).is_err());
        drop(child.turnstile().turn(child.locks(), Had::Asking));
        drop(child);
        assert!(other.try_turn().unwrap().is_none());
        drop(turn);
        assert!(other.try_turn().unwrap().is_some());
    }
}
