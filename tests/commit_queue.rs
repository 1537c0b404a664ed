//! The queue of saves that share a commit, under very many of the ways in which its threads can follow each other: the same
//! source as the library's, with the locks of a model checker in place of the real ones.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's panic is its report"
)]

#[allow(dead_code, reason = "the check uses a part of it")]
#[path = "../src/db/commit_queue.rs"]
mod commit_queue;

/// Locks that the model checker interleaves. A wait with a deadline may end at once, and otherwise ends with a word only: a
/// word that is lost is then a deadlock, which the checker reports.
mod sync {
    use std::sync::PoisonError;
    use std::time::Instant;

    use shuttle::rand::Rng;
    use shuttle::sync::MutexGuard;
    pub(super) use shuttle::sync::{Condvar, Mutex};

    pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait_until<'a, T>(
        condvar: &Condvar,
        guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> (MutexGuard<'a, T>, bool) {
        if deadline.is_some() && shuttle::rand::thread_rng().gen_bool(0.5) {
            return (guard, true);
        }
        let guard = condvar.wait(guard);
        (guard.unwrap_or_else(PoisonError::into_inner), false)
    }

    /// Never waits for a word, since none need come.
    pub(super) fn linger<'a, T>(
        mutex: &'a Mutex<T>,
        _condvar: &Condvar,
        guard: MutexGuard<'a, T>,
        _deadline: Instant,
    ) -> (MutexGuard<'a, T>, bool) {
        drop(guard);
        shuttle::thread::yield_now();
        let timed_out = shuttle::rand::thread_rng().gen_bool(0.5);
        (lock(mutex), timed_out)
    }
}

use std::sync::Arc;
use std::time::{Duration, Instant};

use commit_queue::{CommitQueue, Waited};
use shuttle::sync::atomic::{AtomicUsize, Ordering};

/// A job is who asks and which of its calls it is; the answer is the job and its place among all that were done.
type Queue = CommitQueue<(usize, usize), ((usize, usize), usize)>;

/// The model decides how long anything takes.
fn queue() -> Queue {
    Queue::new(Duration::ZERO)
}

const CALLERS: usize = 3;
const CALLS: usize = 3;

/// Serves until the queue is closed, and says how much was done.
fn serve(queue: &Queue, most: usize, done: &AtomicUsize) {
    let mut served_last = 0;
    while queue.wait_for_work(served_last) {
        let batch = queue.take(most, 100);
        assert!(batch.len() <= most);
        served_last = batch.len();
        for entry in batch {
            let place = done.fetch_add(1, Ordering::SeqCst);
            let job = entry.job;
            entry.answer((job, place));
        }
    }
}

/// What came of a caller's calls: answered, and withdrawn.
fn call(queue: &Queue, caller: usize, deadline: Option<Instant>) -> (usize, usize) {
    let (mut answered, mut withdrawn, mut last) = (0, 0, None);
    for call in 0..CALLS {
        let slot = queue.submit((caller, call), 1, Instant::now());
        match queue.wait(&slot, deadline, || None) {
            Waited::Answered((job, place)) => {
                assert_eq!(job, (caller, call), "somebody else's answer");
                assert!(last < Some(place), "done out of order");
                last = Some(place);
                answered += 1;
            }
            Waited::Withdrawn => withdrawn += 1,
            Waited::Abandoned => panic!("nobody has ended"),
        }
    }
    (answered, withdrawn)
}

fn everybody_is_answered(most: usize, deadline: Option<Instant>) {
    let queue = Arc::new(queue());
    let done = Arc::new(AtomicUsize::new(0));
    let server = {
        let (queue, done) = (Arc::clone(&queue), Arc::clone(&done));
        shuttle::thread::spawn(move || serve(&queue, most, &done))
    };
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let queue = Arc::clone(&queue);
            shuttle::thread::spawn(move || call(&queue, caller, deadline))
        })
        .collect();
    let mut all = (0, 0);
    for caller in callers {
        let (answered, withdrawn) = caller.join().unwrap();
        all = (all.0 + answered, all.1 + withdrawn);
    }
    queue.close();
    server.join().unwrap();
    assert_eq!(all.0 + all.1, CALLERS * CALLS);
    // What was withdrawn was not done, and what was done was not withdrawn.
    assert_eq!(done.load(Ordering::SeqCst), all.0);
    assert!(deadline.is_some() || all.1 == 0);
}

/// Far away for the clock; the model lets it pass at any moment.
fn some_time() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(3_600))
}

#[test]
fn every_caller_gets_its_own_answer_once_and_no_word_is_lost() {
    // P2, S8
    shuttle::check_random(|| everybody_is_answered(64, None), 20_000);
    shuttle::check_pct(|| everybody_is_answered(2, None), 20_000, 4);
}

#[test]
fn what_is_withdrawn_is_never_done_and_what_is_begun_is_answered() {
    // P3, S8
    shuttle::check_random(|| everybody_is_answered(2, some_time()), 20_000);
    shuttle::check_pct(|| everybody_is_answered(64, some_time()), 20_000, 4);
}

#[test]
fn who_looks_around_while_it_waits_keeps_its_place() {
    // P3
    let in_order = || {
        let (queue, done) = (Arc::new(queue()), Arc::new(AtomicUsize::new(0)));
        let slots = [0, 1].map(|caller| queue.submit((caller, 0), 1, Instant::now()));
        let callers = slots.map(|slot| {
            let queue = Arc::clone(&queue);
            shuttle::thread::spawn(move || {
                let mut looks = 0;
                queue.wait(&slot, some_time(), || {
                    looks += 1;
                    if looks < 3 { some_time() } else { None }
                })
            })
        });
        let server = {
            let (queue, done) = (Arc::clone(&queue), Arc::clone(&done));
            shuttle::thread::spawn(move || serve(&queue, 1, &done))
        };
        let places = callers.map(|caller| match caller.join().unwrap() {
            Waited::Answered((_, place)) => Some(place),
            Waited::Withdrawn => None,
            Waited::Abandoned => panic!("nobody has ended"),
        });
        if let [Some(first), Some(second)] = places {
            assert!(first < second);
        }
        queue.close();
        server.join().unwrap();
    };
    shuttle::check_random(in_order, 20_000);
}

#[test]
fn caller_hears_when_who_had_begun_its_job_ends_without_an_answer() {
    // S8
    let abandoned = || {
        let queue = Arc::new(queue());
        let server = {
            let queue = Arc::clone(&queue);
            shuttle::thread::spawn(move || {
                assert!(queue.wait_for_work(0));
                drop(queue.take(64, 100));
            })
        };
        let slot = queue.submit((0, 0), 1, Instant::now());
        assert_eq!(queue.wait(&slot, None, || None), Waited::Abandoned);
        server.join().unwrap();
    };
    shuttle::check_random(abandoned, 2_000);
}

#[test]
fn batch_ends_at_its_number_and_at_its_weight_and_is_never_empty() {
    let batches = || {
        let queue = queue();
        for (call, weight) in [200, 60, 40, 1, 1, 1].into_iter().enumerate() {
            queue.submit((0, call), weight, Instant::now());
        }
        let take = || -> Vec<usize> {
            let batch = queue.take(2, 100);
            batch.iter().map(|entry| entry.job.1).collect()
        };
        let taken = [take(), take(), take(), take(), take()];
        assert_eq!(taken, [vec![0], vec![1, 2], vec![3, 4], vec![5], vec![]]);
    };
    shuttle::check_random(batches, 1);
}
