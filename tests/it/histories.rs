//! Long random histories of several clients, each step beside a model of the contract in memory.

mod hand;
mod merge;
mod model;
mod step;

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use mapistore::{SpecialFolder, Store};

use crate::support::{Random, Size, seed, workshop};
use hand::{Call, Hand, Reply};
use model::Model;
use step::{HANDS, Move, Step};

const ROLE: &str = "MAPISTORE_TEST_HAND";
const MARK: &str = "hand: ";
/// Steps of one history: so many that its messages have a past, so few that a look at all of them is quick.
const LENGTH: u32 = 2_500;
/// How often a failing history is tried with some of its steps left out.
const TRIES: u32 = 400;

/// A hand in this process, or the way to one in another.
enum Actor {
    Here(Box<Hand>),
    There {
        child: Child,
        calls: ChildStdin,
        replies: Lines<BufReader<ChildStdout>>,
    },
}

impl Actor {
    fn there(path: &Path) -> Actor {
        let (_, module) = module_path!().split_once("::").unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("{module}::hand_process"), "--nocapture"])
            .env(ROLE, path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let calls = child.stdin.take().unwrap();
        let replies = BufReader::new(child.stdout.take().unwrap()).lines();
        Actor::There {
            child,
            calls,
            replies,
        }
    }

    fn execute(&mut self, call: &Call) -> Reply {
        match self {
            Actor::Here(hand) => hand.execute(call),
            Actor::There { calls, replies, .. } => {
                let line = serde_json::to_string(call).unwrap();
                calls.write_all(format!("{line}\n").as_bytes()).unwrap();
                loop {
                    let line = replies.next().expect("the process died").unwrap();
                    if let Some((_, reply)) = line.split_once(MARK) {
                        return serde_json::from_str(reply).unwrap();
                    }
                }
            }
        }
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        if let Actor::There { child, .. } = self {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A hand in a process of its own; does nothing when the tests are run as such.
#[test]
fn hand_process() {
    let Some(path) = std::env::var_os(ROLE) else {
        return;
    };
    let mut hand = Hand::new(Path::new(&path), "there");
    let mut stdout = std::io::stdout().lock();
    for line in std::io::stdin().lines() {
        let call: Call = serde_json::from_str(&line.unwrap()).unwrap();
        let reply = serde_json::to_string(&hand.execute(&call)).unwrap();
        stdout
            .write_all(format!("\n{MARK}{reply}\n").as_bytes())
            .unwrap();
        stdout.flush().unwrap();
    }
}

/// Who takes part in a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cast {
    /// Three stores opened by one process.
    OneProcess,
    /// The third is another process.
    TwoProcesses,
}

/// A history goes its way, or this step of it came to something else than the contract has.
type Went = Result<(), String>;

fn perform(cast: Cast, history: &[Move]) -> Went {
    let folder = workshop();
    let path = folder.path().join("mail.store");
    let first = Hand::new(&path, "here");
    let store: Store = first.store().clone();
    let folders = [
        SpecialFolder::IpmSubtree,
        SpecialFolder::Inbox,
        SpecialFolder::Drafts,
    ];
    let mut model = Model::new(folders.map(|kind| store.special_folder(kind).unwrap().entry_id()));
    let mut actors: Vec<Actor> = vec![
        Actor::Here(Box::new(first)),
        Actor::Here(Box::new(Hand::new(&path, "also here"))),
        match cast {
            Cast::OneProcess => Actor::Here(Box::new(Hand::new(&path, "a third"))),
            Cast::TwoProcesses => Actor::there(&path),
        },
    ];
    let every_message = (0..5).map(|message| Move {
        slot: 0,
        mark: 0,
        step: Step::Look { message },
    });
    let every_handle = (0..step::SLOTS).map(|slot| Move {
        slot,
        mark: 0,
        step: Step::View,
    });
    for step in history
        .iter()
        .copied()
        .chain(every_message)
        .chain(every_handle)
    {
        let Some(call) = model.call(step) else {
            continue;
        };
        let reply = actors[usize::from(step.slot % HANDS)].execute(&call);
        let expected = model.expect(&call, reply.new.as_ref());
        if reply != expected {
            return Err(format!(
                "{call:?}\n  came to  {reply:?}\n  not to   {expected:?}"
            ));
        }
    }
    drop(actors);
    store.collect_garbage().unwrap();
    let report = store.check(&mut |_| {}).unwrap();
    match report.is_sound() {
        true => Ok(()),
        false => Err(format!("damage: {:?}", report.problems)),
    }
}

/// Leaves out what a failing history does not need in order to fail, as far as the tries go.
fn shrink(cast: Cast, mut history: Vec<Move>) -> (Vec<Move>, String) {
    let mut why = String::new();
    let mut tries = 0;
    let mut part = history.len().div_ceil(2);
    while part > 0 && tries < TRIES {
        let mut at = 0;
        let mut has_shrunk = false;
        while at < history.len() && tries < TRIES {
            let mut shorter = history.clone();
            shorter.drain(at..(at + part).min(history.len()));
            tries += 1;
            match perform(cast, &shorter) {
                Ok(()) => at += part,
                Err(reason) => {
                    (history, why, has_shrunk) = (shorter, reason, true);
                }
            }
        }
        if !has_shrunk || part > 1 {
            part /= 2;
        }
    }
    (history, why)
}

fn perform_many(cast: Cast) {
    // Two casts share the steps.
    let steps: u32 = Size::of_run().choose(1_000_000, 200_000, 15_000) / 2;
    for number in 0..u64::from(steps.div_ceil(LENGTH)) {
        let seed = seed() + number;
        let mut random = Random::new(seed);
        let history: Vec<Move> = (1..=LENGTH)
            .map(|mark| step::next(&mut random, mark))
            .collect();
        if let Err(first) = perform(cast, &history) {
            let (shorter, why) = shrink(cast, history);
            let lines: Vec<String> = shorter.iter().map(|step| format!("{step:?}")).collect();
            panic!(
                "with MAPISTORE_SEED={seed}:\n{first}\nshorter:\n{}\n{why}",
                lines.join("\n")
            );
        }
    }
}

#[test]
fn histories_of_one_process_follow_the_contract() {
    // O1, O2, O6, S0, S1, S2, S3, S4, S5, S6, S7, S12, S13, S14, S16, K1, K2, K3, K4, K7
    perform_many(Cast::OneProcess);
}

#[test]
fn histories_of_two_processes_follow_the_contract() {
    // P1, O1, O2, O6, S0, S1, S2, S3, S4, S5, S6, S7, S12, S13, S14, S16, K1, K2, K3, K4, K7
    perform_many(Cast::TwoProcesses);
}
