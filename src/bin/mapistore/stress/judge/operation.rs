//! Histories as operations: a question with its answer, in the order in which they were answered.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::stress::history::{self, Answer, HISTORY_PREFIX, Line, Lines, Question};

/// A call of one client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Operation {
    pub(crate) client: String,
    #[serde(default)]
    pub(crate) worker: Option<u32>,
    pub(crate) asked: u64,
    pub(crate) question: Question,
    /// When it was answered, and how; none where the process was killed before.
    #[serde(default)]
    pub(crate) told: Option<(u64, Answer)>,
}

impl Operation {
    /// The message that it is about. A copy is about the message that it makes.
    pub(crate) fn message(&self) -> Option<&str> {
        match (&self.question, &self.told) {
            (Question::Copy { .. }, Some((_, Answer::Copied { message, .. }))) => Some(message),
            (Question::Copy { .. } | Question::Collect, _) => None,
            (
                Question::Open { message, .. }
                | Question::Save { message, .. }
                | Question::Reload { message, .. }
                | Question::Conflict { message, .. }
                | Question::Resolve { message, .. }
                | Question::Restore { message, .. }
                | Question::Read { message, .. }
                | Question::Close { message, .. }
                | Question::Delete { message, .. }
                | Question::Move { message }
                | Question::MarkRead { message },
                _,
            ) => Some(message),
        }
    }
}

/// The operations of all histories of a folder, in the order of their answers. Of each history one operation is held,
/// and only those are open whose processes lived at the same time.
pub(crate) struct Operations {
    /// Histories that have not begun yet, the next one first.
    waiting: VecDeque<(u64, PathBuf)>,
    running: Vec<Option<History>>,
    /// The next answer of each running history.
    next: BinaryHeap<Reverse<(u64, usize)>>,
}

/// Opens the histories of a folder.
pub(crate) fn operations(folder: &Path) -> io::Result<Operations> {
    let mut waiting = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_history = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(HISTORY_PREFIX));
        if is_history {
            // A process that was killed before its first line was whole did nothing else.
            if let Some(line) = history::read_lines::<Line>(&path)?.next() {
                match line? {
                    Line::Begin { at, .. } => waiting.push((at, path)),
                    _ => return Err(malformed(&path, "it does not begin with its client")),
                }
            }
        }
    }
    // Of nothing nothing wrong could be said.
    if waiting.is_empty() {
        return Err(malformed(folder, "there is no history in it"));
    }
    waiting.sort();
    Ok(Operations {
        waiting: waiting.into(),
        running: Vec::new(),
        next: BinaryHeap::new(),
    })
}

fn malformed(path: &Path, why: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{}: {why}", path.display()),
    )
}

impl Operations {
    fn open(&mut self, path: PathBuf) -> io::Result<()> {
        let mut lines = history::read_lines::<Line>(&path)?;
        let Some(Line::Begin { client, worker, .. }) = lines.next().transpose()? else {
            return Err(malformed(&path, "it does not begin with its client"));
        };
        let asked = HashMap::new();
        let mut history = History {
            path,
            client,
            worker,
            lines,
            asked,
            ready: None,
        };
        let slot = self
            .running
            .iter()
            .position(Option::is_none)
            .unwrap_or(self.running.len());
        if let Some(at) = history.advance()? {
            self.next.push(Reverse((at, slot)));
        }
        if slot == self.running.len() {
            self.running.push(None);
        }
        if let Some(free) = self.running.get_mut(slot) {
            *free = Some(history);
        }
        Ok(())
    }

    fn take_next(&mut self) -> io::Result<Option<Operation>> {
        // What has not begun yet may be answered before what runs.
        while let Some((begin, _)) = self.waiting.front() {
            if self
                .next
                .peek()
                .is_some_and(|Reverse((next, _))| next < begin)
            {
                break;
            }
            if let Some((_, path)) = self.waiting.pop_front() {
                self.open(path)?;
            }
        }
        if let Some(unanswered) = self.take_unanswered() {
            return Ok(Some(unanswered));
        }
        let Some(Reverse((_, slot))) = self.next.pop() else {
            return Ok(None);
        };
        let Some(history) = self.running.get_mut(slot).and_then(Option::as_mut) else {
            return Ok(None);
        };
        let operation = history.ready.take();
        if let Some(at) = history.advance()? {
            self.next.push(Reverse((at, slot)));
        }
        Ok(operation)
    }

    /// Of a history that has no more answers: a question that was never answered.
    fn take_unanswered(&mut self) -> Option<Operation> {
        for slot in &mut self.running {
            if let Some(history) = slot.as_mut().filter(|history| history.ready.is_none()) {
                match history.take_unanswered() {
                    Some(operation) => return Some(operation),
                    None => *slot = None,
                }
            }
        }
        None
    }
}

impl Iterator for Operations {
    type Item = io::Result<Operation>;

    fn next(&mut self) -> Option<io::Result<Operation>> {
        self.take_next().transpose()
    }
}

/// One history, as far as it was read.
struct History {
    path: PathBuf,
    client: String,
    worker: Option<u32>,
    lines: Lines<Line>,
    asked: HashMap<u64, (u64, Question)>,
    ready: Option<Operation>,
}

impl History {
    /// Reads on to the next answer; when that came, or none if there is no more.
    fn advance(&mut self) -> io::Result<Option<u64>> {
        for line in self.lines.by_ref() {
            match line? {
                Line::Begin { .. } => return Err(malformed(&self.path, "it begins twice")),
                Line::Asked { call, at, what } => {
                    self.asked.insert(call, (at, what));
                }
                Line::Told { call, at, what } => {
                    let Some((asked, question)) = self.asked.remove(&call) else {
                        return Err(malformed(&self.path, "an answer without a question"));
                    };
                    let told = Some((at, what));
                    self.ready = Some(self.operation(asked, question, told));
                    return Ok(Some(at));
                }
            }
        }
        Ok(None)
    }

    fn take_unanswered(&mut self) -> Option<Operation> {
        let call = *self.asked.keys().next()?;
        let (asked, question) = self.asked.remove(&call)?;
        Some(self.operation(asked, question, None))
    }

    fn operation(&self, asked: u64, question: Question, told: Option<(u64, Answer)>) -> Operation {
        Operation {
            client: self.client.clone(),
            worker: self.worker,
            asked,
            question,
            told,
        }
    }
}
