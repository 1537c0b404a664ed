//! The saves of one process that wait for a commit, and the one thread that makes it for several of them.
//!
//! Whoever comes while another commits would have to wait for the disk in any case; meanwhile others come, and one
//! commit makes all of them durable. What is to be done and what is answered are the caller's business: this is only who
//! waits for whom, so that it can be checked by itself, over all the ways in which threads can follow each other
//! (`tests/commit_queue.rs` does it, with locks of its own in place of [`sync`](super::sync)).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::sync::{Condvar, Mutex, linger, lock, wait_until};

/// What waits, and who serves it.
#[derive(Debug)]
pub(crate) struct CommitQueue<J, A> {
    /// How long the server waits for as many as it served last: they come back as soon as they have made their next
    /// changes, and without that every other commit would be for the one who was first.
    linger: Duration,
    state: Mutex<State<J, A>>,
    /// There is something to serve, or as much as the server lingers for, or nothing will come any more.
    for_server: Condvar,
}

#[derive(Debug)]
struct State<J, A> {
    waiting: VecDeque<Entry<J, A>>,
    /// How many there must be for the server to be woken: one when it sleeps, more while it lingers, and more than there can be
    /// while it is awake.
    expected: usize,
    is_closed: bool,
}

/// Something to be done, and the place where its caller waits for the answer. Dropped without one it says so: a caller
/// never waits for what nobody does.
#[derive(Debug)]
pub(crate) struct Entry<J, A> {
    pub(crate) job: J,
    /// What it takes of a batch; any unit.
    pub(crate) weight: usize,
    /// When its caller must have an answer.
    pub(crate) deadline: Instant,
    answer: AnswerGuard<A>,
}

impl<J, A> Entry<J, A> {
    /// Answers the caller, who may go on at once; the job is dropped before.
    pub(crate) fn answer(self, answer: A) {
        let Entry {
            job, answer: guard, ..
        } = self;
        drop(job);
        guard.0.set(Progress::Answered(answer));
    }
}

/// Says that there will be no answer, unless there was one.
#[derive(Debug)]
struct AnswerGuard<A>(Arc<Slot<A>>);

impl<A> Drop for AnswerGuard<A> {
    fn drop(&mut self) {
        let mut progress = lock(&self.0.progress);
        if matches!(*progress, Progress::Open) {
            *progress = Progress::Abandoned;
            self.0.changed.notify_one();
        }
    }
}

/// Where a caller waits.
#[derive(Debug)]
pub(crate) struct Slot<A> {
    progress: Mutex<Progress<A>>,
    changed: Condvar,
}

#[derive(Debug)]
enum Progress<A> {
    Open,
    Answered(A),
    Abandoned,
}

impl<A> Slot<A> {
    fn set(&self, progress: Progress<A>) {
        *lock(&self.progress) = progress;
        self.changed.notify_one();
    }
}

/// How a caller's waiting ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Waited<A> {
    Answered(A),
    /// It was not begun in time, and never will be.
    Withdrawn,
    /// Whoever had begun it has ended without a word.
    Abandoned,
}

impl<J, A> CommitQueue<J, A> {
    /// An empty queue, whose server lingers for so long.
    pub(crate) fn new(linger: Duration) -> CommitQueue<J, A> {
        CommitQueue {
            linger,
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                expected: 1,
                is_closed: false,
            }),
            for_server: Condvar::new(),
        }
    }

    /// Whether nobody waits and nobody is about to be served, so that a caller may as well help itself.
    pub(crate) fn is_quiet(&self) -> bool {
        let state = lock(&self.state);
        state.waiting.is_empty() && state.expected == 1
    }

    /// Whether anything waits.
    pub(crate) fn has_waiting(&self) -> bool {
        !lock(&self.state).waiting.is_empty()
    }

    #[cfg(test)]
    pub(crate) fn count_waiting(&self) -> usize {
        lock(&self.state).waiting.len()
    }

    /// Queues a job behind those that came before.
    pub(crate) fn submit(&self, job: J, weight: usize, deadline: Instant) -> Arc<Slot<A>> {
        let slot = Arc::new(Slot {
            progress: Mutex::new(Progress::Open),
            changed: Condvar::new(),
        });
        let mut state = lock(&self.state);
        state.waiting.push_back(Entry {
            job,
            weight,
            deadline,
            answer: AnswerGuard(Arc::clone(&slot)),
        });
        if state.waiting.len() >= state.expected {
            self.for_server.notify_one();
        }
        slot
    }

    /// Waits for the answer. What was not begun before the deadline is withdrawn, unless `prolong` names a later one: then it
    /// keeps its place. What was begun is waited for, however long it takes.
    pub(crate) fn wait(
        &self,
        slot: &Arc<Slot<A>>,
        deadline: Option<Instant>,
        mut prolong: impl FnMut() -> Option<Instant>,
    ) -> Waited<A> {
        let mut deadline = deadline;
        let mut progress = lock(&slot.progress);
        loop {
            match std::mem::replace(&mut *progress, Progress::Open) {
                Progress::Answered(answer) => return Waited::Answered(answer),
                Progress::Abandoned => return Waited::Abandoned,
                Progress::Open => {}
            }
            let (guard, timed_out) = wait_until(&slot.changed, progress, deadline);
            progress = guard;
            if timed_out && matches!(*progress, Progress::Open) {
                // The queue's lock comes first wherever both are held.
                drop(progress);
                deadline = prolong();
                if deadline.is_none() && self.withdraw(slot).is_some() {
                    return Waited::Withdrawn;
                }
                progress = lock(&slot.progress);
            }
        }
    }

    fn withdraw(&self, slot: &Arc<Slot<A>>) -> Option<Entry<J, A>> {
        let mut state = lock(&self.state);
        let place = state
            .waiting
            .iter()
            .position(|entry| Arc::ptr_eq(&entry.answer.0, slot))?;
        state.waiting.remove(place)
    }

    /// For the server, between two batches: waits until there is something to serve, and a little longer for as many as
    /// were served last. False once nothing will come any more.
    pub(crate) fn wait_for_work(&self, served_last: usize) -> bool {
        let mut state = lock(&self.state);
        if served_last > 1 {
            state.expected = served_last;
            let until = Instant::now() + self.linger;
            while state.waiting.len() < served_last && !state.is_closed {
                let (guard, timed_out) = linger(&self.state, &self.for_server, state, until);
                state = guard;
                if timed_out {
                    break;
                }
            }
        }
        state.expected = 1;
        while state.waiting.is_empty() {
            if state.is_closed {
                return false;
            }
            state = wait_until(&self.for_server, state, None).0;
        }
        // Nobody need wake a server that is awake, and who comes now had better wait for it.
        state.expected = usize::MAX;
        true
    }

    /// Takes what is to be served together: the first, and those behind it up to a number and a weight.
    pub(crate) fn take(&self, most: usize, heaviest: usize) -> Vec<Entry<J, A>> {
        let mut state = lock(&self.state);
        let mut weight = 0_usize;
        let mut fits = |(place, entry): (usize, &Entry<J, A>)| {
            weight = weight.saturating_add(entry.weight);
            place == 0 || (place < most && weight <= heaviest)
        };
        let count = state
            .waiting
            .iter()
            .enumerate()
            .take_while(|&it| fits(it))
            .count();
        state.waiting.drain(..count).collect()
    }

    /// Lets the server end when nothing waits any more.
    pub(crate) fn close(&self) {
        lock(&self.state).is_closed = true;
        self.for_server.notify_one();
    }
}
