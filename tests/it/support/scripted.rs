//! A resolver that answers what a test has written down, at the moment that the test chooses.

use std::cell::Cell;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use mapistore::{
    Choice, Conflict, Error, MergeChoices, Policy, Resolution, Resolver, Saved, Theirs,
};

use super::executor::saved_view;
use super::protocol::{Failure, ResolvedView};

/// Nobody needs so long to come to a gate.
const PATIENCE: Duration = Duration::from_secs(120);

/// Named pipes that a resolver waits at, in whatever process it is: one for each question.
//
// Not one for all: whoever waits there for the first question may still hold it open when the second is due.
#[derive(Debug)]
pub(crate) struct Gates {
    folder: tempfile::TempDir,
    passed: Cell<usize>,
}

impl Gates {
    pub(crate) fn new(questions: usize) -> Gates {
        let folder = tempfile::tempdir().unwrap();
        for question in 0..questions {
            let path = folder.path().join(question.to_string());
            nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        }
        Gates {
            folder,
            passed: Cell::new(0),
        }
    }

    pub(crate) fn name(&self) -> String {
        self.folder.path().to_str().unwrap().to_owned()
    }

    /// Waits until a resolver stands at the next gate, does something, and lets the resolver answer.
    #[track_caller]
    pub(crate) fn meanwhile(&self, act: impl FnOnce()) {
        let (sender, opened) = channel();
        let path = self.folder.path().join(self.passed.get().to_string());
        self.passed.set(self.passed.get() + 1);
        // The end for writing opens when somebody has opened the one for reading.
        std::thread::spawn(move || sender.send(OpenOptions::new().write(true).open(path)));
        let held = opened.recv_timeout(PATIENCE);
        let held = held.expect("nobody was asked").unwrap();
        act();
        drop(held);
    }
}

/// Gives one answer after the other, and then none.
#[derive(Debug)]
pub(super) struct Scripted {
    answers: Mutex<Vec<String>>,
    gates: Option<String>,
    shown: Mutex<Vec<(Option<i64>, String)>>,
}

impl Scripted {
    pub(super) fn new(mut answers: Vec<String>, gates: Option<String>) -> Scripted {
        answers.reverse();
        Scripted {
            answers: Mutex::new(answers),
            gates,
            shown: Mutex::default(),
        }
    }

    pub(super) fn resolved(self, saved: Result<Saved, Error>) -> ResolvedView {
        ResolvedView {
            saved: saved.map(saved_view).map_err(Failure::from),
            shown: self.shown.into_inner().unwrap(),
        }
    }
}

impl Resolver for Scripted {
    fn resolve(&self, conflict: &Conflict) -> Option<Resolution> {
        let question = {
            let mut shown = self.shown.lock().unwrap();
            shown.push(match conflict.theirs() {
                Theirs::Changed(theirs) => {
                    (Some(theirs.row_version.get()), theirs.saved_by.clone())
                }
                _ => (None, String::new()),
            });
            shown.len() - 1
        };
        if let Some(gates) = &self.gates {
            let gate = Path::new(gates).join(question.to_string());
            // Ends when the one who opened the gate closes it.
            let mut end = String::new();
            File::open(gate).unwrap().read_to_string(&mut end).unwrap();
        }
        let merge = |choice| Resolution::Merge(MergeChoices::new().otherwise(choice));
        Some(match &*self.answers.lock().unwrap().pop()? {
            "keep" => Resolution::KeepOriginal,
            "overwrite" => Resolution::Overwrite,
            "merge" => Resolution::Merge(MergeChoices::new()),
            "merge mine" => merge(Choice::Mine),
            "merge theirs" => merge(Choice::Theirs),
            "copy" => return Policy::CopyToConflicts.resolve(conflict),
            other => panic!("no answer: {other}"),
        })
    }
}
