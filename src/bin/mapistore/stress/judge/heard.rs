//! What clients were told, against what was committed: each read is one version, no version goes back, and no refusal
//! comes without its reason.

use super::case::{Case, HandleState, Name, Names, mark_of, overlay};
use super::docket::writes;
use super::operation::Operation;
use super::resolved::{SEVERAL, made};
use super::violation::{Findings, Violation};
use crate::stress::history::{Answer, Parts, Question};

/// One answered operation on a message, and where findings go.
pub(super) struct Hearing<'a> {
    pub(super) message: &'a str,
    pub(super) client: Name,
    pub(super) asked: u64,
    pub(super) told: u64,
    pub(super) names: &'a mut Names,
    pub(super) findings: &'a mut Findings,
}

/// Judges an answer. Operations come in the order of their answers.
pub(super) fn hear(
    case: &mut Case,
    operation: &Operation,
    names: &mut Names,
    findings: &mut Findings,
) {
    let (Some(message), Some((told, answer))) = (operation.message(), &operation.told) else {
        return;
    };
    let client = names.of(&operation.client);
    let asked = operation.asked;
    let mut hearing = Hearing {
        message,
        client,
        asked,
        told: *told,
        names,
        findings,
    };
    hearing.hear(case, &operation.question, answer);
}

impl Hearing<'_> {
    fn add(&mut self, violation: Violation, words: impl FnOnce(&Names) -> String) {
        let (message, names, client) = (self.message, &*self.names, self.client);
        self.findings.add(violation, || {
            format!(
                "message {message}: {}: {}",
                names.text(client),
                words(names)
            )
        });
    }

    fn hear(&mut self, case: &mut Case, question: &Question, answer: &Answer) {
        self.check_deleted(case, question, answer);
        match (question, answer) {
            (Question::Open { handle, .. }, Answer::Opened { version })
            | (Question::Reload { handle, .. }, Answer::Reloaded { version }) => {
                self.check_newest(case, *version, "it opened or reloaded");
                self.hold(case, *handle, *version);
            }
            (
                Question::Save {
                    handle,
                    save_id,
                    base,
                    forced,
                    ..
                },
                answer,
            ) => match answer {
                Answer::Saved { version, .. } => self.hear_saved(case, *handle, *version),
                Answer::SavedBefore { version, .. } => self.hold(case, *handle, *version),
                Answer::NothingPending { version } => {
                    let floor = case.floor(self.asked);
                    if Some(*version) != *base || *version < floor {
                        self.add(Violation::OutOfOrder, |_| {
                            format!("nothing pending was saved on version {version} as if it were the newest, when \
                                     version {floor} was known already")
                        });
                    }
                }
                Answer::ObjectChanged { current, saved_by } => {
                    let save = self.names.of(save_id);
                    self.check_changed(case, *base, *current, save, saved_by, *forced);
                }
                _ => {}
            },
            (
                Question::Resolve {
                    handle,
                    save_id,
                    shown,
                    ..
                },
                answer,
            ) => match answer {
                Answer::Saved { version, .. } => self.hear_saved(case, *handle, *version),
                Answer::SavedBefore { version, .. } => self.hold(case, *handle, *version),
                Answer::Taken { version } => {
                    self.check_taken(*shown, *version);
                    self.hold(case, *handle, *version);
                }
                Answer::NothingPending { version } => {
                    self.check_taken(*shown, *version);
                    self.check_comes_to(case, question, *version);
                    self.hold(case, *handle, *version);
                }
                Answer::ObjectChanged { current, saved_by } => {
                    let save = self.names.of(save_id);
                    self.check_changed(case, *shown, *current, save, saved_by, false);
                }
                _ => {}
            },
            (Question::Conflict { base, own, .. }, Answer::Shown { .. }) => {
                self.check_shown(case, *base, own, answer);
            }
            (Question::Copy { .. }, Answer::Copied { version, .. }) => {
                case.knew(self.told, *version);
            }
            (
                Question::Read {
                    handle,
                    version,
                    own,
                    ..
                },
                Answer::Seen { parts },
            ) => {
                self.check_read(case, *handle, *version, own, parts);
            }
            (Question::Close { handle, .. }, _) => {
                case.handles.remove(&(self.client, *handle));
            }
            _ => {}
        }
    }

    fn hear_saved(&mut self, case: &mut Case, handle: u64, version: i64) {
        let floor = case.floor(self.asked);
        if version <= floor {
            self.add(Violation::OutOfOrder, |_| {
                format!("its save made version {version}, when version {floor} was known already")
            });
        }
        case.knew(self.told, version);
        self.hold(case, handle, version);
    }

    /// A resolution that writes nothing leaves the handle at the version that was shown.
    fn check_taken(&mut self, shown: Option<i64>, version: i64) {
        if shown != Some(version) {
            self.add(Violation::WrongResolution, |_| {
                format!("it was shown version {shown:?}, and the resolution took version {version}")
            });
        }
    }

    /// A resolution makes no version only if it comes to what is stored.
    fn check_comes_to(&mut self, case: &Case, question: &Question, version: i64) {
        let floor = case.floor(self.asked);
        if version < floor {
            self.add(Violation::OutOfOrder, |_| {
                format!("a resolution took version {version} for the newest, when version {floor} was known already")
            });
        }
        let made = writes(question, self.names)
            .and_then(|(way, base, changes)| made(case, &way, base, &changes));
        if let (Some(made), Some(stored)) = (made, case.marks(version))
            && made.iter().any(|mark| !stored.contains(mark))
        {
            self.add(Violation::WrongResolution, |_| {
                format!("a resolution was said to come to version {version}, and does not")
            });
        }
    }

    /// A conflict shows the base, what is stored, and what is mine, each as it is.
    fn check_shown(&mut self, case: &mut Case, base: Option<i64>, own: &Parts, shown: &Answer) {
        let Answer::Shown {
            version,
            saved_by,
            base: base_parts,
            theirs,
            mine,
        } = shown
        else {
            return;
        };
        if let Some(version) = version {
            if base.is_some_and(|base| base >= *version) {
                self.add(Violation::FalseObjectChanged, |_| {
                    format!("a conflict of base {base:?} with version {version} was shown")
                });
            }
            self.check_newest(case, *version, "it was shown");
            let client = case.versions.get(version).map(|version| version.client);
            let saved_by = saved_by.as_deref().map(|saved_by| self.names.of(saved_by));
            if client.is_some() && client != saved_by {
                self.add(Violation::WrongReport, |_| {
                    format!("another client saved version {version} than was shown")
                });
            }
        }
        let own = self.names.marks(own);
        let base = base.and_then(|base| case.marks(base));
        let sides = [
            (base_parts, base.map(Into::into)),
            (
                theirs,
                version
                    .and_then(|version| case.marks(version))
                    .map(Into::into),
            ),
            (mine, base.map(|base| overlay(base, &own))),
        ];
        for (parts, is) in sides {
            let shown = self.names.marks(parts);
            if is.is_some_and(|is| shown.iter().any(|mark| !is.contains(mark))) {
                self.add(Violation::WrongReport, |_| {
                    format!("a conflict with version {version:?} showed {parts:?}, and that is otherwise")
                });
            }
        }
    }

    fn hold(&mut self, case: &mut Case, handle: u64, version: i64) {
        let state = HandleState {
            version,
            since: self.told,
            shown: Box::default(),
        };
        case.handles.insert((self.client, handle), state);
    }

    /// What is deleted is deleted for everybody who asks from then on, and nothing else is.
    fn check_deleted(&mut self, case: &Case, question: &Question, answer: &Answer) {
        let was_deleted = case.delete_told.is_some_and(|deleted| deleted < self.asked);
        let may_be_deleted = case.delete_asked.is_some_and(|asked| asked < self.told);
        let refused = matches!(
            answer,
            Answer::ObjectDeleted | Answer::NotFound | Answer::Shown { version: None, .. }
        );
        let succeeded = match question {
            Question::Open { .. }
            | Question::Save { .. }
            | Question::Reload { .. }
            | Question::Move { .. }
            | Question::MarkRead { .. } => !matches!(
                answer,
                Answer::ObjectDeleted
                    | Answer::NotFound
                    | Answer::Failed { .. }
                    | Answer::Busy
                    | Answer::OutcomeUnknown
                    | Answer::SavedBefore { .. }
            ),
            Question::Resolve { .. } => {
                matches!(answer, Answer::Saved { .. } | Answer::NothingPending { .. })
            }
            Question::Conflict { .. } => matches!(
                answer,
                Answer::Shown {
                    version: Some(_),
                    ..
                }
            ),
            _ => false,
        };
        if refused && !may_be_deleted {
            self.add(Violation::FalseObjectDeleted, |_| {
                "it was told that the message is deleted or not there, and nobody had deleted it"
                    .to_owned()
            });
        }
        if succeeded && was_deleted {
            self.add(Violation::RevivedMessage, |_| {
                format!("the message was deleted before, and the answer was {answer:?}")
            });
        }
    }

    /// A state that is taken as the newest must be at least what anybody knew when it was asked for, and at most what
    /// anybody had asked to be saved.
    fn check_newest(&mut self, case: &mut Case, version: i64, did: &str) {
        let floor = case.floor(self.asked);
        if version < floor {
            self.add(Violation::OutOfOrder, |_| {
                format!("{did} version {version}, when version {floor} was known already")
            });
        }
        match case.versions.get(&version) {
            None => self.add(Violation::UncommittedRead, |_| {
                format!("{did} version {version}, which the journal does not have")
            }),
            Some(committed) if committed.asked.is_some_and(|asked| asked > self.told) => {
                self.add(Violation::OutOfOrder, |_| {
                    format!("{did} version {version}, which nobody had asked to save yet")
                });
            }
            Some(_) => {}
        }
        case.knew(self.told, version);
    }

    fn check_changed(
        &mut self,
        case: &mut Case,
        base: Option<i64>,
        current: i64,
        save: Name,
        saved_by: &str,
        forced: bool,
    ) {
        let base = base.unwrap_or(0);
        let own = case.committed.get(&save).map(|(version, _)| *version);
        if forced || current <= base || own.is_some_and(|own| own <= current) {
            self.add(Violation::FalseObjectChanged, |_| {
                let own = own.map_or(String::new(), |own| {
                    format!(", its own save having made version {own}")
                });
                format!("its save on version {base} was refused because of version {current}{own}")
            });
            return;
        }
        self.check_newest(case, current, "its save was refused because of");
        let saved_by = self.names.of(saved_by);
        let client = case.versions.get(&current).map(|version| version.client);
        if client.is_some_and(|client| client != saved_by) {
            self.add(Violation::WrongAnswer, |names| {
                let saved_by = names.text(saved_by);
                format!("it was told that {saved_by} saved version {current}, and that was another client")
            });
        }
    }

    /// What was read is the base, with the handle's own changes over it.
    fn check_read(
        &mut self,
        case: &mut Case,
        handle: u64,
        version: Option<i64>,
        own: &Parts,
        parts: &Parts,
    ) {
        let own = self.names.marks(own);
        let shown = self.names.marks(parts);
        let others: Vec<(Name, Name)> = shown
            .iter()
            .filter(|(part, _)| mark_of(&own, *part).is_none())
            .copied()
            .collect();
        if shown
            .iter()
            .any(|(part, mark)| mark_of(&own, *part).is_some_and(|own| own != *mark))
        {
            self.add(Violation::SnapshotChanged, |_| {
                format!("its own changes are not what it read back: {parts:?}")
            });
        }
        // A message that was never saved has nothing else.
        let Some(version) = version else { return };
        self.check_handle(case, handle, version, &others);
        let Some(committed) = case.versions.get(&version) else {
            self.add(Violation::UncommittedRead, |_| {
                format!("it read version {version}, which the journal does not have")
            });
            return;
        };
        let Some(marks) = &committed.marks else {
            return;
        };
        if others.iter().all(|mark| marks.contains(mark)) {
            return;
        }
        let violation = explain(case, version, &others, self.names);
        self.add(violation, |_| {
            format!("a read of version {version} showed {parts:?}")
        });
    }

    /// A handle keeps its base, and shows the same, until it is saved or reloaded.
    fn check_handle(
        &mut self,
        case: &mut Case,
        handle: u64,
        version: i64,
        others: &[(Name, Name)],
    ) {
        // A stream may be read to its end when its handle has gone on or is closed.
        let Some(state) = case.handles.get_mut(&(self.client, handle)) else {
            return;
        };
        if state.since > self.asked {
            return;
        }
        let base = state.version;
        let differs = others
            .iter()
            .any(|(part, mark)| mark_of(&state.shown, *part).is_some_and(|before| before != *mark));
        state.shown = overlay(&state.shown, others);
        if base != version || differs {
            self.add(Violation::SnapshotChanged, |_| {
                format!("a handle on version {base} says that it is on version {version}, or shows other content \
                         than before")
            });
        }
    }
}

/// What kind of wrong a read is that is not its version.
fn explain(case: &Case, version: i64, shown: &[(Name, Name)], names: &Names) -> Violation {
    let all = || {
        case.versions
            .iter()
            .filter_map(|(number, of)| Some((*number, of.marks.as_deref()?)))
    };
    let whole = all().filter(|(_, marks)| shown.iter().all(|mark| marks.contains(mark)));
    match whole.map(|(number, _)| number).max() {
        Some(other) if other > version => Violation::NewerThanBase,
        Some(_) => Violation::SnapshotChanged,
        None if case
            .versions
            .get(&version)
            .is_some_and(|version| version.is_resolved) =>
        {
            Violation::WrongResolution
        }
        None if shown.iter().all(|(part, mark)| {
            let several = names.text(*mark).contains(SEVERAL);
            several || all().any(|(_, marks)| marks.contains(&(*part, *mark)))
        }) =>
        {
            Violation::TornRead
        }
        None => Violation::UncommittedRead,
    }
}
