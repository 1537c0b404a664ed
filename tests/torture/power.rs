//! The host loses power while one process or several save: what was acknowledged is there (S10), or, under normal
//! durability, what is gone is the newest (S16), and the store is never damaged.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use mapistore::{Access, ChangeKind, ChangeNumber, EntryId, Error, Store};

use crate::log::{Record, Told, read};
use crate::medium::{Medium, Syncing};
use crate::random::Random;
use crate::size::{Size, in_parallel, workshop};
use crate::worker::{Work, prepare_shared, says_only};

/// What the judge demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Demand {
    /// Every acknowledged save is there.
    Everything,
    /// The acknowledged saves that are there are the first ones, in the order of commits.
    ThePast,
}

/// Processes that save, and losses of power while they do.
#[derive(Debug, Clone, Copy)]
struct Run {
    processes: u64,
    /// In each process.
    threads: u64,
    is_durable: bool,
    seed: u64,
    losses: u64,
}

/// What was found in the losses of one run.
#[derive(Debug, Default)]
struct Findings {
    violations: Vec<String>,
    /// Acknowledged saves that were gone, over all losses.
    gone: u64,
    acknowledged: u64,
}

const NAME: &str = "mail.store";
const SAVES: u64 = 120;

impl Run {
    /// Lets the processes work to their end, and loses power at places of what they recorded.
    fn judge(self, syncing: Syncing, demand: Demand) -> Findings {
        let (folder, begin) = (workshop(), workshop());
        let store = folder.path().join(NAME);
        let shared = prepare_shared(&store, 4);
        std::fs::copy(&store, begin.path().join(NAME)).unwrap();
        let log = folder.path().join("log");
        let work = |number| Work {
            store: store.clone(),
            log: log.clone(),
            number: self.seed * 100 + number,
            threads: self.threads,
            saves: SAVES / self.processes,
            is_durable: self.is_durable,
            shared: shared.clone(),
        };
        let workers: Vec<_> = (0..self.processes)
            .map(|number| work(number).start())
            .collect();
        for mut worker in workers {
            assert!(worker.wait().unwrap().success());
        }
        self.lose(&read(&log), Medium::of(begin.path(), syncing), demand)
    }

    fn lose(self, records: &[Record], mut medium: Medium, demand: Demand) -> Findings {
        let mut random = Random::new(self.seed + 7);
        let told: Vec<usize> = (0..records.len())
            .filter(|at| matches!(records[*at], Record::Told(_)))
            .collect();
        // Half of the losses come right after something was told.
        let mut losses: Vec<usize> = (0..self.losses)
            .map(|number| match number % 2 {
                0 => random.below(records.len() as u64 + 1) as usize,
                _ => told[random.below(told.len() as u64) as usize] + 1,
            })
            .collect();
        losses.sort_unstable();
        let mut findings = Findings::default();
        let mut acknowledged = Vec::new();
        let mut reached = 0;
        for at in losses {
            for (place, record) in records.iter().enumerate().take(at).skip(reached) {
                medium.take(place, record);
                if let Record::Told(told) = record {
                    acknowledged.push(told);
                }
            }
            reached = at;
            let left = workshop();
            medium.lose_power(&mut random, left.path());
            let mut judge = Judge {
                demand,
                findings: &mut findings,
                what: format!("{self:?}, loss at {at} of {}", records.len()),
            };
            if let Err(error) = judge.look(&left.path().join(NAME), &acknowledged) {
                judge.found(format!("{error}: {error:?}"));
            }
        }
        findings
    }
}

struct Judge<'a> {
    demand: Demand,
    findings: &'a mut Findings,
    what: String,
}

impl Judge<'_> {
    fn found(&mut self, violation: String) {
        self.findings
            .violations
            .push(format!("{}: {violation}", self.what));
    }

    /// Opens what is left, and compares it with what was told before.
    fn look(&mut self, path: &Path, told: &[&Told]) -> Result<(), Error> {
        let store = Store::options().client_name("judge").open(path)?;
        for problem in store.check(&mut |_| ())?.problems {
            self.found(problem);
        }
        let journal = store.changes_after(ChangeNumber::ZERO, u32::MAX)?;
        let newest = journal
            .last()
            .map_or(0, |change| change.change_number.get());
        let numbers = journal.iter().map(|change| change.change_number.get());
        if !numbers.eq(1..=newest) {
            self.found("the journal has a gap".to_owned());
        }
        let saves: BTreeMap<String, (i64, Option<i64>)> = journal
            .iter()
            .filter_map(|change| {
                let version = change.row_version.map(|version| version.get());
                let save_id = change.save_id?.to_string();
                Some((save_id, (change.change_number.get(), version)))
            })
            .collect();
        let gone: BTreeSet<String> = journal
            .iter()
            .filter(|change| change.kind == ChangeKind::MessageHardDeleted)
            .flat_map(|change| &change.objects)
            .map(|object| object.to_string())
            .collect();
        for told in told {
            match told {
                Told::Saved {
                    entry_id,
                    save_id,
                    version,
                    change,
                    mark,
                } => {
                    self.findings.acknowledged += 1;
                    let is_due = self.demand == Demand::Everything || *change <= newest;
                    match saves.get(save_id) {
                        Some(found) if *found == (*change, Some(*version)) => {
                            let is_gone = gone.iter().any(|object| entry_id.ends_with(object));
                            if !is_gone {
                                self.look_at(&store, entry_id, *version, mark)?;
                            }
                        }
                        None if !is_due => self.findings.gone += 1,
                        found => {
                            self.findings.gone += 1;
                            self.found(format!("{told:?} is {found:?} in the journal"));
                        }
                    }
                }
                Told::Deleted { entry_id } => {
                    let is_there = store
                        .open_message(&entry_id.parse()?, Access::ReadOnly)
                        .is_ok();
                    if is_there && self.demand == Demand::Everything {
                        self.found(format!("{told:?} is there"));
                    }
                }
            }
        }
        Ok(())
    }

    /// A message is at the version that was told, whole, or at a later one.
    fn look_at(&mut self, store: &Store, id: &str, version: i64, mark: &str) -> Result<(), Error> {
        let id: EntryId = id.parse()?;
        let message = store.open_message(&id, Access::ReadOnly)?;
        let stored = message.row_version().map_or(0, |version| version.get());
        if stored < version {
            self.found(format!("{id} is at version {stored}, {version} was told"));
        }
        if stored == version && !says_only(&message, mark)? {
            self.found(format!(
                "{id} at version {version} is not what {mark} saved"
            ));
        }
        Ok(())
    }
}

/// Runs that together lose power so often.
fn runs(is_durable: bool) -> Vec<Run> {
    let (count, losses) = Size::of_run().choose((25, 100), (5, 50), (2, 15));
    (0..count)
        .map(|seed| Run {
            processes: [1, 4, 2, 3][(seed % 4) as usize],
            threads: [1, 1, 3][(seed % 3) as usize],
            is_durable,
            seed,
            losses,
        })
        .collect()
}

fn judge_all(is_durable: bool, demand: Demand) {
    let runs = runs(is_durable);
    let [gone, acknowledged] = [AtomicU64::new(0), AtomicU64::new(0)];
    in_parallel(&runs, |run| {
        let findings = run.judge(Syncing::Honest, demand);
        assert_eq!(findings.violations, Vec::<String>::new());
        gone.fetch_add(findings.gone, Ordering::Relaxed);
        acknowledged.fetch_add(findings.acknowledged, Ordering::Relaxed);
    });
    println!(
        "{} losses of power in {} runs; {} of {} acknowledged saves gone",
        runs.iter().map(|run| run.losses).sum::<u64>(),
        runs.len(),
        gone.into_inner(),
        acknowledged.into_inner(),
    );
}

#[test]
fn acknowledged_saves_survive_the_loss_of_power() {
    // S9, S10, P1
    judge_all(true, Demand::Everything);
}

#[test]
fn normal_durability_loses_nothing_but_the_newest_saves() {
    // S9, S10, S16
    judge_all(false, Demand::ThePast);
}

/// A run that is judged by what it cannot keep.
fn one_run(is_durable: bool) -> Run {
    Run {
        processes: 2,
        threads: 1,
        is_durable,
        seed: 1,
        losses: 20,
    }
}

#[test]
fn judge_finds_the_saves_that_normal_durability_loses() {
    let findings = one_run(false).judge(Syncing::Honest, Demand::Everything);
    assert!(findings.gone > 0);
    assert!(!findings.violations.is_empty());
}

#[test]
fn judge_finds_out_a_disk_that_does_not_sync() {
    let findings = one_run(true).judge(Syncing::Ignored, Demand::Everything);
    assert!(!findings.violations.is_empty());
    let findings = one_run(false).judge(Syncing::Ignored, Demand::ThePast);
    println!(
        "normal durability without syncs: {:?}",
        findings.violations.len()
    );
}
