//! `stress`: real processes hammer a store, each records what it asked and what it was told, and the records are
//! judged.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`processes`] | the processes: barrier, kills, end |
//! | [`plan`], [`worker`] | what one of them knows, and does |
//! | [`client`], [`answers`] | the store's calls, each recorded |
//! | [`resolving`], [`choices`] | conflicts, how they are resolved, and what a merge is to take |
//! | [`parts`], [`marks`] | what is written and read, so that a mix of versions shows |
//! | [`history`] | the records, which are the judge's only evidence |
//! | [`export`] | journal and final state as records |
//! | [`judge`] | what is right |
//! | [`report`] | what comes out, for people and programs |

pub(crate) mod answers;
pub(crate) mod choices;
pub(crate) mod client;
pub(crate) mod clock;
pub(crate) mod export;
pub(crate) mod history;
pub(crate) mod judge;
pub(crate) mod marks;
pub(crate) mod parts;
pub(crate) mod plan;
pub(crate) mod processes;
pub(crate) mod random;
pub(crate) mod report;
pub(crate) mod resolving;
pub(crate) mod worker;

use std::path::Path;
use std::time::Duration;

use mapistore::{SaveFlags, Store};

use client::{Client, Manner, Verdict};
use judge::Violation;
use processes::{Course, Killing, Starter};
use random::Random;

/// The client that makes the first messages.
pub(crate) const SETUP: &str = "stress-setup";

/// How to run.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    /// Where the records go.
    pub(crate) folder: &'a Path,
    pub(crate) processes: u32,
    pub(crate) time: Duration,
    /// How long one call may wait for others.
    pub(crate) patience: Duration,
    pub(crate) messages: usize,
    pub(crate) seed: u64,
    pub(crate) killing: Killing,
}

/// Lets processes compete on a store that nobody else uses, and judges what they recorded.
pub(crate) fn run(
    store: &Store,
    run: &Run<'_>,
    start: &Starter<'_>,
) -> anyhow::Result<(judge::Verdict, Course)> {
    make_messages(store, run)?;
    let course = processes::compete(
        run.processes,
        run.time,
        run.patience,
        run.killing,
        run.seed,
        start,
    )?;
    export::export(store, run.folder)?;
    let damage = store.check(&mut |_| {})?.problems;
    let mut verdict = judge::judge(run.folder)?;
    for unfinished in &course.unfinished {
        verdict
            .findings
            .add(Violation::UnfinishedProcess, || unfinished.clone());
    }
    for problem in damage {
        verdict.findings.add(Violation::Damage, || problem);
    }
    Ok((verdict, course))
}

/// The messages that there are when the competition begins.
fn make_messages(store: &Store, run: &Run<'_>) -> anyhow::Result<()> {
    let folders = plan::folders(store)?;
    let mut client = Client::new(store.clone(), run.folder, None)?;
    let mut random = Random::new(run.seed, u64::MAX - 1);
    for folder in folders.iter().cycle().take(run.messages) {
        let mut message = client.create(folder, &mut random)?;
        if client.save(&mut message, Manner::Guarded, SaveFlags::empty())? != Verdict::Saved {
            anyhow::bail!(
                "the first messages could not be made; see {}",
                run.folder.display()
            );
        }
        client.close(message)?;
    }
    Ok(())
}
