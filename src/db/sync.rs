//! The locks of [`commit_queue`](super::commit_queue), apart from it so that its check can put others in their place.

pub(super) use std::sync::{Condvar, Mutex};

use std::sync::{MutexGuard, PoisonError};
use std::time::Instant;

/// Locks, also after a panic elsewhere: what these locks hold is whole between any two statements.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a word or for the deadline, whichever comes first, and says whether it was the deadline. There may be
/// neither.
pub(super) fn wait_until<'a, T>(
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    deadline: Option<Instant>,
) -> (MutexGuard<'a, T>, bool) {
    let Some(deadline) = deadline else {
        let guard = condvar.wait(guard);
        return (guard.unwrap_or_else(PoisonError::into_inner), false);
    };
    let left = deadline.saturating_duration_since(Instant::now());
    let (guard, result) = condvar
        .wait_timeout(guard, left)
        .unwrap_or_else(PoisonError::into_inner);
    (guard, result.timed_out())
}

/// Waits like [`wait_until`], where the deadline is as good as a word. The mutex is the guard's.
pub(super) fn linger<'a, T>(
    _mutex: &'a Mutex<T>,
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    deadline: Instant,
) -> (MutexGuard<'a, T>, bool) {
    wait_until(condvar, guard, Some(deadline))
}
