//! What is counted while the histories are read: outcomes, waiting, fairness.

use std::collections::BTreeMap;

use super::operation::Operation;
use crate::stress::history::{Answer, Question};

/// Counts of a run.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Operations that were answered.
    pub(crate) operations: u64,
    /// Saves that made a version, first saves and copies included.
    pub(crate) saves: u64,
    /// Those of them that were forced.
    pub(crate) forced: u64,
    /// Saves that were refused with OBJECT_CHANGED, and with OBJECT_DELETED.
    pub(crate) object_changed: u64,
    pub(crate) object_deleted: u64,
    /// Conflicts that were resolved, and resolutions that were refused since yet another client was faster.
    pub(crate) resolved: u64,
    pub(crate) asked_again: u64,
    /// Reads, through handles and streams.
    pub(crate) reads: u64,
    /// Questions whose process was killed before the answer.
    pub(crate) unanswered: u64,
    /// How long successful saves took.
    pub(crate) latency: Latency,
    /// Saves of each competing process, over all its lives.
    pub(crate) saves_of_worker: BTreeMap<u32, u64>,
}

impl Figures {
    pub(crate) fn count(&mut self, operation: &Operation) {
        // Also one that never succeeds competes.
        if let Some(worker) = operation.worker {
            self.saves_of_worker.entry(worker).or_default();
        }
        let Some((told, answer)) = &operation.told else {
            self.unanswered += 1;
            return;
        };
        self.operations += 1;
        match (&operation.question, answer) {
            (Question::Read { .. }, _) => self.reads += 1,
            (Question::Save { forced, .. }, Answer::Saved { .. }) => {
                self.forced += u64::from(*forced);
                self.count_save(operation, told.saturating_sub(operation.asked));
            }
            (Question::Resolve { .. }, Answer::Saved { .. }) => {
                self.resolved += 1;
                self.count_save(operation, told.saturating_sub(operation.asked));
            }
            (
                Question::Resolve { .. },
                Answer::Taken { .. } | Answer::NothingPending { .. } | Answer::Done,
            ) => self.resolved += 1,
            (Question::Resolve { .. }, Answer::ObjectChanged { .. }) => self.asked_again += 1,
            (Question::Copy { .. }, Answer::Copied { .. }) => {
                self.count_save(operation, told.saturating_sub(operation.asked));
            }
            (Question::Save { .. }, Answer::ObjectChanged { .. }) => self.object_changed += 1,
            (Question::Save { .. }, Answer::ObjectDeleted) => self.object_deleted += 1,
            _ => {}
        }
    }

    fn count_save(&mut self, operation: &Operation, nanoseconds: u64) {
        self.saves += 1;
        if let Some(worker) = operation.worker {
            *self.saves_of_worker.entry(worker).or_default() += 1;
            self.latency.add(nanoseconds / 1_000);
        }
    }
}

/// Times in microseconds, counted in steps of about 3 %, so that their number does not matter.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    counts: BTreeMap<u64, u64>,
    total: u64,
    max: u64,
}

/// Steps in each doubling.
const STEPS: u64 = 32;

impl Latency {
    pub(crate) fn add(&mut self, microseconds: u64) {
        *self.counts.entry(step_of(microseconds)).or_default() += 1;
        self.total += 1;
        self.max = self.max.max(microseconds);
    }

    pub(crate) fn max(&self) -> u64 {
        self.max
    }

    /// The time that so many in a hundred did not exceed, by at most a step.
    pub(crate) fn percentile(&self, percent: u64) -> u64 {
        let wanted = (self.total * percent).div_ceil(100);
        let mut seen = 0;
        for (step, count) in &self.counts {
            seen += count;
            if seen >= wanted {
                return end_of(*step).min(self.max);
            }
        }
        self.max
    }
}

/// Exact below 32, then the five bits after the first.
fn step_of(value: u64) -> u64 {
    if value < STEPS {
        return value;
    }
    let doubling = u64::from(value.ilog2() - STEPS.ilog2());
    (doubling << 5) + (value >> doubling)
}

/// The highest value of a step.
fn end_of(step: u64) -> u64 {
    if step < 2 * STEPS {
        return step;
    }
    let doubling = (step >> 5) - 1;
    ((step - (doubling << 5) + 1) << doubling) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_in_order_and_narrow() {
        let mut last = 0;
        for value in (0..100_000).chain([1 << 30, 1 << 40]) {
            let step = step_of(value);
            assert!(step >= last, "{value}");
            last = step;
            let end = end_of(step);
            assert!(end >= value && end <= value + value / 32, "{value}: {end}");
        }
    }

    #[test]
    fn percentiles_are_those_of_the_values() {
        let mut latency = Latency::default();
        (1..=1_000).for_each(|value| latency.add(value));
        assert_eq!(latency.max(), 1_000);
        assert!((495..=515).contains(&latency.percentile(50)));
        assert!((985..=1_000).contains(&latency.percentile(99)));
        assert_eq!(Latency::default().percentile(99), 0);
    }
}
