//! What is recorded, a JSON object a line: what each process asked and was told, the journal, and the final state.
//! `docs/reliability.md` explains each line for whoever wants another store judged.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::clock;

/// What each process asked and was told; `NAME` is the client's.
pub(crate) const HISTORY_PREFIX: &str = "history-";
/// The committed changes.
pub(crate) const JOURNAL: &str = "journal.jsonl";
/// The messages that there are at the end.
pub(crate) const MESSAGES: &str = "messages.jsonl";
/// The versions that were kept.
pub(crate) const KEPT: &str = "kept.jsonl";

/// The marks that the parts of a message carry, by the name of the part.
pub(crate) type Parts = BTreeMap<String, String>;

/// A line of a history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    /// The first line.
    Begin {
        at: u64,
        /// Unique among the clients of a run: a process that is started again is another client.
        client: String,
        /// Which of the competing processes, counted over its lives; none for one that does not compete.
        #[serde(default)]
        worker: Option<u32>,
    },
    /// Written before the call.
    Asked { call: u64, at: u64, what: Question },
    /// Written after the call. It is missing where the process was killed in between.
    Told { call: u64, at: u64, what: Answer },
}

/// A call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Question {
    /// Opens a message as a handle.
    Open {
        handle: u64,
        message: String,
    },
    /// Saves a handle; `base` is missing for the first save of a new message.
    Save {
        handle: u64,
        message: String,
        save_id: String,
        #[serde(default)]
        base: Option<i64>,
        forced: bool,
        /// The kept version that it puts back.
        #[serde(default)]
        restores: Option<i64>,
        /// What was changed since the base.
        parts: Parts,
    },
    /// Takes the newest state as the base.
    Reload {
        handle: u64,
        message: String,
    },
    /// Saves what a handle shows as a new message.
    Copy {
        message: String,
        parts: Parts,
        /// The conflict that is resolved so.
        #[serde(default)]
        conflict: Option<Origin>,
    },
    /// Asks what others have saved since the base, and how that differs from `own`.
    Conflict {
        handle: u64,
        message: String,
        #[serde(default)]
        base: Option<i64>,
        own: Parts,
    },
    /// Resolves a conflict as it was shown.
    Resolve {
        handle: u64,
        message: String,
        save_id: String,
        #[serde(default)]
        base: Option<i64>,
        /// The version that was shown; none of a deleted message.
        #[serde(default)]
        shown: Option<i64>,
        how: How,
        /// What was changed since the base.
        parts: Parts,
    },
    /// Makes a kept version what a handle would save.
    Restore {
        handle: u64,
        message: String,
        version: i64,
    },
    /// Reads parts through a handle of that base, which has changed `own` and not saved it.
    Read {
        handle: u64,
        message: String,
        #[serde(default)]
        version: Option<i64>,
        own: Parts,
    },
    /// Forgets a handle.
    Close {
        handle: u64,
        message: String,
    },
    Delete {
        message: String,
        hard: bool,
    },
    Move {
        message: String,
    },
    MarkRead {
        message: String,
    },
    /// Removes what no message and no handle needs.
    Collect,
}

/// What is to become of the changes of two clients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum How {
    KeepOriginal,
    Overwrite,
    SaveElsewhere,
    /// Combines them; the choices are for the parts that both changed, and for what belongs together with them.
    Merge(BTreeMap<String, Chosen>),
}

/// What a merge is to take for a part that was chosen for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Chosen {
    Theirs,
    Mine,
    /// Of a part that has rows: the marks of those that are to stay, of either side.
    Rows(String),
}

/// What a copy was in conflict with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    pub(crate) message: String,
    /// The version that the changes were made on.
    pub(crate) base: i64,
    /// The version that was shown; none of a deleted message.
    #[serde(default)]
    pub(crate) shown: Option<i64>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Opened {
        version: i64,
    },
    Saved {
        version: i64,
        change: i64,
    },
    /// It had been saved by an earlier call that was not answered.
    SavedBefore {
        version: i64,
        change: i64,
    },
    /// There was nothing to save, and the handle is not stale.
    NothingPending {
        version: i64,
    },
    Reloaded {
        version: i64,
    },
    Copied {
        message: String,
        version: i64,
        change: i64,
    },
    /// What was read.
    Seen {
        parts: Parts,
    },
    /// A conflict, with the parts of its three sides as far as they were looked at; no version if the message is deleted.
    Shown {
        #[serde(default)]
        version: Option<i64>,
        #[serde(default)]
        saved_by: Option<String>,
        base: Parts,
        theirs: Parts,
        mine: Parts,
    },
    /// Nothing was written, and the handle has taken the version that was shown.
    Taken {
        version: i64,
    },
    Done,
    ObjectChanged {
        current: i64,
        saved_by: String,
    },
    ObjectDeleted,
    NotFound,
    /// The store does not know whether it saved.
    OutcomeUnknown,
    Busy,
    Failed {
        error: String,
    },
}

/// A line of the journal: one committed change, in the order of commits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) change: i64,
    pub(crate) kind: String,
    pub(crate) messages: Vec<String>,
    #[serde(default)]
    pub(crate) version: Option<i64>,
    pub(crate) client: String,
    #[serde(default)]
    pub(crate) save_id: Option<String>,
    /// Where a created or moved message is.
    #[serde(default)]
    pub(crate) folder: Option<String>,
}

/// A message at the end; one that is deleted for good has none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Final {
    pub(crate) message: String,
    pub(crate) version: i64,
    pub(crate) deleted: bool,
    pub(crate) folder: String,
    pub(crate) parts: Parts,
    /// What it was in conflict with, of a copy that came out of a conflict and is not deleted.
    #[serde(default)]
    pub(crate) conflict: Option<Origin>,
}

/// A version that was kept when it was replaced, as far as it can be seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) message: String,
    pub(crate) version: i64,
    pub(crate) parts: Parts,
}

/// Writes a history. Each line goes to the system by itself, so that what was asked is known whenever the process
/// is killed, and nothing is held in memory.
#[derive(Debug)]
pub(crate) struct Recorder {
    file: File,
    calls: u64,
    line: Vec<u8>,
}

/// A call that was asked and not answered yet.
#[derive(Debug, Clone, Copy)]
#[must_use = "a call has an answer"]
pub(crate) struct Call(u64);

impl Recorder {
    pub(crate) fn create(folder: &Path, client: &str, worker: Option<u32>) -> io::Result<Recorder> {
        let path = folder.join(format!("{HISTORY_PREFIX}{client}.jsonl"));
        let file = File::create_new(path)?;
        let mut recorder = Recorder {
            file,
            calls: 0,
            line: Vec::new(),
        };
        recorder.write(&Line::Begin {
            at: clock::now(),
            client: client.to_owned(),
            worker,
        })?;
        Ok(recorder)
    }

    pub(crate) fn ask(&mut self, what: Question) -> io::Result<Call> {
        self.calls += 1;
        let call = self.calls;
        self.write(&Line::Asked {
            call,
            at: clock::now(),
            what,
        })?;
        Ok(Call(call))
    }

    pub(crate) fn tell(&mut self, call: Call, what: Answer) -> io::Result<()> {
        self.write(&Line::Told {
            call: call.0,
            at: clock::now(),
            what,
        })
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        write_line(&mut self.line, line)?;
        self.file.write_all(&self.line)?;
        self.line.clear();
        Ok(())
    }
}

/// Writes one line.
pub(crate) fn write_line(mut to: impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut to, line)?;
    to.write_all(b"\n")
}

/// Reads lines. The last one counts only if it is whole: its writer may have been killed within it.
#[derive(Debug)]
pub(crate) struct Lines<T> {
    reader: BufReader<File>,
    name: String,
    number: u64,
    line: String,
    kind: std::marker::PhantomData<T>,
}

/// Opens a file of lines.
pub(crate) fn read_lines<T: DeserializeOwned>(path: &Path) -> io::Result<Lines<T>> {
    let name = path.display().to_string();
    let file = File::open(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))?;
    let reader = BufReader::new(file);
    Ok(Lines {
        reader,
        name,
        number: 0,
        line: String::new(),
        kind: std::marker::PhantomData,
    })
}

impl<T: DeserializeOwned> Iterator for Lines<T> {
    type Item = io::Result<T>;

    fn next(&mut self) -> Option<io::Result<T>> {
        self.line.clear();
        self.number += 1;
        match self.reader.read_line(&mut self.line) {
            Err(error) => Some(Err(error)),
            Ok(_) if !self.line.ends_with('\n') => None,
            Ok(_) => Some(serde_json::from_str(&self.line).map_err(|error| {
                let place = format!("{}, line {}: {error}", self.name, self.number);
                io::Error::new(io::ErrorKind::InvalidData, place)
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_cut_off_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::create(folder.path(), "a", Some(1)).unwrap();
        let call = recorder.ask(Question::Collect).unwrap();
        recorder.tell(call, Answer::Done).unwrap();
        recorder.file.write_all(br#"{"asked":{"call":2"#).unwrap();
        let lines: Vec<Line> = read_lines(&folder.path().join("history-a.jsonl"))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert!(matches!(
            lines[..],
            [
                Line::Begin {
                    worker: Some(1),
                    ..
                },
                Line::Asked { call: 1, .. },
                Line::Told { call: 1, .. }
            ]
        ));
    }

    #[test]
    fn lines_read_as_documented() {
        let line = r#"{"asked":{"call":3,"at":9,"what":{"save":{"handle":1,"message":"m","save_id":"s",
            "forced":false,"parts":{"subject":"x"}}}}}"#;
        let Line::Asked {
            what: Question::Save {
                base: None, parts, ..
            },
            ..
        } = serde_json::from_str(line).unwrap()
        else {
            panic!("not a first save");
        };
        assert_eq!(parts["subject"], "x");
    }
}
