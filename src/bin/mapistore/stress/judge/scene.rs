//! Histories made by hand, for tests.

use std::collections::BTreeMap;
use std::fs::File;

use super::*;
use crate::stress::history::{HISTORY_PREFIX, Line, Parts};

pub(super) const M: &str = "m";

/// A history in the making. Everything takes a moment of its own.
#[derive(Default)]
pub(super) struct Scene {
    clock: u64,
    pub(super) histories: BTreeMap<&'static str, Vec<Line>>,
    pub(super) journal: Vec<Change>,
    pub(super) finals: Vec<Final>,
    pub(super) kept: Vec<Kept>,
}

pub(super) fn marks(mark: &str) -> Parts {
    ["subject", "body"]
        .map(|part| (part.to_owned(), mark.to_owned()))
        .into()
}

pub(super) fn open() -> Question {
    Question::Open {
        handle: 1,
        message: M.into(),
    }
}

pub(super) fn read(version: i64) -> Question {
    Question::Read {
        handle: 1,
        message: M.into(),
        version: Some(version),
        own: Parts::new(),
    }
}

pub(super) fn save(save_id: &str, base: i64, forced: bool) -> Question {
    let base = (base > 0).then_some(base);
    let (message, save_id, parts) = (M.into(), save_id.to_owned(), marks(save_id));
    Question::Save {
        handle: 1,
        message,
        save_id,
        base,
        forced,
        restores: None,
        parts,
    }
}

pub(super) fn delete(hard: bool) -> Question {
    Question::Delete {
        message: M.into(),
        hard,
    }
}

pub(super) fn seen(mark: &str) -> Answer {
    Answer::Seen { parts: marks(mark) }
}

pub(super) fn changed(current: i64, saved_by: &str) -> Answer {
    Answer::ObjectChanged {
        current,
        saved_by: saved_by.into(),
    }
}

/// An unanswered call.
pub(super) struct Pending(&'static str, u64);

impl Scene {
    pub(super) fn tick(&mut self) -> u64 {
        self.clock += 10;
        self.clock
    }

    pub(super) fn ask(&mut self, client: &'static str, what: Question) -> Pending {
        let at = self.tick();
        let history = self.histories.entry(client).or_insert_with(|| {
            vec![Line::Begin {
                at: 0,
                client: client.into(),
                worker: Some(client.len() as u32),
            }]
        });
        let call = history.len() as u64;
        history.push(Line::Asked { call, at, what });
        Pending(client, call)
    }

    pub(super) fn tell(&mut self, Pending(client, call): Pending, what: Answer) {
        let at = self.tick();
        self.histories
            .get_mut(client)
            .unwrap()
            .push(Line::Told { call, at, what });
    }

    pub(super) fn call(&mut self, client: &'static str, what: Question, answer: Answer) {
        let call = self.ask(client, what);
        self.tell(call, answer);
    }

    pub(super) fn record(
        &mut self,
        client: &str,
        kind: &str,
        version: Option<i64>,
        save: Option<&str>,
    ) -> i64 {
        let change = self.journal.len() as i64 + 1;
        self.journal.push(Change {
            change,
            kind: kind.into(),
            messages: vec![M.into()],
            version,
            client: client.into(),
            save_id: save.map(Into::into),
            folder: None,
        });
        change
    }

    pub(super) fn record_save(
        &mut self,
        client: &str,
        save: &str,
        version: i64,
        forced: bool,
    ) -> i64 {
        let kind = match (version, forced) {
            (1, _) => "message-created",
            (_, true) => "message-forced",
            (_, false) => "message-saved",
        };
        self.record(client, kind, Some(version), Some(save))
    }

    /// A save as it should be, of the version after the newest in the journal.
    pub(super) fn saved(
        &mut self,
        client: &'static str,
        save_id: &'static str,
        base: i64,
        forced: bool,
    ) {
        let call = self.ask(client, save(save_id, base, forced));
        let newest = self
            .journal
            .iter()
            .filter_map(|row| row.version)
            .max()
            .unwrap_or(0);
        let change = self.record_save(client, save_id, newest + 1, forced);
        self.tell(
            call,
            Answer::Saved {
                version: newest + 1,
                change,
            },
        );
    }

    pub(super) fn keep(&mut self, version: i64, mark: &str) {
        self.kept.push(Kept {
            message: M.into(),
            version,
            parts: marks(mark),
        });
    }

    pub(super) fn end(&mut self, version: i64, deleted: bool, mark: &str) {
        let (message, folder, parts) = (M.into(), "inbox".into(), marks(mark));
        self.finals.push(Final {
            message,
            version,
            deleted,
            folder,
            parts,
            conflict: None,
        });
    }

    pub(super) fn judge(&self) -> Verdict {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: String, lines: &mut dyn FnMut(&mut File)| {
            lines(&mut File::create(folder.path().join(name)).unwrap());
        };
        for (client, history) in &self.histories {
            write(format!("{HISTORY_PREFIX}{client}.jsonl"), &mut |file| {
                history
                    .iter()
                    .for_each(|line| history::write_line(&mut *file, line).unwrap());
            });
        }
        write(JOURNAL.into(), &mut |file| {
            self.journal
                .iter()
                .for_each(|row| history::write_line(&mut *file, row).unwrap());
        });
        write(MESSAGES.into(), &mut |file| {
            self.finals
                .iter()
                .for_each(|row| history::write_line(&mut *file, row).unwrap());
        });
        write(KEPT.into(), &mut |file| {
            self.kept
                .iter()
                .for_each(|row| history::write_line(&mut *file, row).unwrap());
        });
        judge(folder.path()).unwrap()
    }

    pub(super) fn found(&self) -> Vec<Violation> {
        self.judge()
            .findings
            .counts()
            .map(|(violation, _)| violation)
            .collect()
    }

    #[track_caller]
    pub(super) fn finds(&self, violation: Violation) {
        let verdict = self.judge();
        let found: Vec<Violation> = verdict.findings.counts().map(|(found, _)| found).collect();
        assert!(found.contains(&violation), "{:?}", verdict.findings.told());
    }
}
