//! The messages that are judged together: their evidence is taken in, then every answer is heard.

use std::collections::HashMap;

use super::case::{Case, Chosen, Claim, Deletion, Names, Row, Way, kind_of_save};
use super::heard;
use super::operation::Operation;
use super::violation::{Findings, Violation};
use super::written::{UnansweredCopies, Writing};
use crate::stress::history::{self, Answer, Change, Final, How, Kept, Question};

const MOVED: &str = "messages-moved";
const READ: &str = "read-state-changed";
const SOFT_DELETED: &str = "message-deleted";
const HARD_DELETED: &str = "message-hard-deleted";

/// Evidence by message. It holds less than a kilobyte for each save of its messages, and nothing for a read.
#[derive(Debug, Default)]
pub(super) struct Docket {
    names: Names,
    cases: HashMap<String, Case>,
}

impl Docket {
    fn case(&mut self, message: &str) -> &mut Case {
        self.cases.entry(message.to_owned()).or_default()
    }

    /// Takes in what was asked to be written. The first of two times that the operations are gone through.
    pub(super) fn take_operation(&mut self, operation: &Operation) {
        let Some(message) = operation.message() else {
            return;
        };
        let client = self.names.of(&operation.client);
        let told = operation.told.as_ref();
        let answer = told.map(|(_, answer)| answer);
        match &operation.question {
            Question::Save { save_id, .. } | Question::Resolve { save_id, .. } => {
                let told = match answer {
                    Some(
                        Answer::Saved { version, change } | Answer::SavedBefore { version, change },
                    ) => Some((*version, *change)),
                    // The journal has it or not; nobody was told.
                    None | Some(Answer::OutcomeUnknown) => None,
                    Some(_) => return,
                };
                let Some((way, base, changes)) = writes(&operation.question, &mut self.names)
                else {
                    return;
                };
                let (save, asked) = (self.names.of(save_id), operation.asked);
                let claim = Claim {
                    client,
                    save,
                    base,
                    way,
                    changes,
                    asked,
                    told,
                };
                self.case(message).claims.push(claim);
            }
            Question::Copy {
                parts, conflict, ..
            } => {
                let Some(Answer::Copied {
                    version, change, ..
                }) = answer
                else {
                    return;
                };
                // Nobody is told the id of this save, so it goes by the name of the message that it makes.
                let (save, changes) = (self.names.of(message), self.names.marks(parts));
                let (asked, told) = (operation.asked, Some((*version, *change)));
                let claim = Claim {
                    client,
                    save,
                    base: None,
                    way: Way::Guarded,
                    changes,
                    asked,
                    told,
                };
                let case = self.case(message);
                case.claims.push(claim);
                case.origin.clone_from(conflict);
            }
            Question::Delete { hard, .. } => {
                let kind = if *hard { HARD_DELETED } else { SOFT_DELETED };
                self.take_aside(operation, kind);
                if !matches!(answer, None | Some(Answer::Done | Answer::OutcomeUnknown)) {
                    return;
                }
                let case = self.case(message);
                let asked = operation.asked;
                case.delete_asked = Some(case.delete_asked.map_or(asked, |first| first.min(asked)));
                if let Some((told, Answer::Done)) = told {
                    case.delete_told =
                        Some(case.delete_told.map_or(*told, |first| first.min(*told)));
                }
            }
            Question::Move { .. } => self.take_aside(operation, MOVED),
            Question::MarkRead { .. } => self.take_aside(operation, READ),
            _ => {}
        }
    }

    fn take_aside(&mut self, operation: &Operation, kind: &'static str) {
        let Some(message) = operation.message() else {
            return;
        };
        let client = self.names.of(&operation.client);
        let aside = self.case(message).asides.entry((client, kind)).or_default();
        match &operation.told {
            Some((_, Answer::Done)) => aside.done += 1,
            None | Some((_, Answer::OutcomeUnknown)) => aside.unanswered += 1,
            Some(_) => {}
        }
    }

    /// Takes in a row of the journal, for one of its messages. Rows come in the order of commits.
    pub(super) fn take_change(&mut self, row: &Change, message: &str, findings: &mut Findings) {
        let client = self.names.of(&row.client);
        let folder = row.folder.as_deref().map(|folder| self.names.of(folder));
        let save = row.save_id.as_deref().map(|save| self.names.of(save));
        let copied = self.names.of(message);
        let case = self.case(message);
        if folder.is_some() {
            case.folder = folder;
        }
        if let Some(kind) = kind_of_save(&row.kind) {
            let Some(version) = row.version else { return };
            // A copy goes by the name of its message.
            let is_copy = kind.is_first() && case.claims.iter().any(|claim| claim.save == copied);
            let save = if is_copy { Some(copied) } else { save };
            case.rows.push(Row {
                change: row.change,
                version,
                client,
                save,
                kind,
            });
            return;
        }
        let kind = match row.kind.as_str() {
            SOFT_DELETED => SOFT_DELETED,
            HARD_DELETED => HARD_DELETED,
            MOVED => MOVED,
            READ => READ,
            _ => return,
        };
        let deleted = case.deletions.last().copied();
        if kind == SOFT_DELETED || kind == HARD_DELETED {
            let (change, version) = (row.change, row.version);
            case.deletions.push(Deletion {
                change,
                version,
                hard: kind == HARD_DELETED,
            });
        }
        case.asides.entry((client, kind)).or_default().recorded += 1;
        // What is soft-deleted can still be deleted for good, and nothing else.
        if let Some(deletion) = deleted.filter(|deletion| deletion.hard || kind != HARD_DELETED) {
            findings.add(Violation::RevivedMessage, || {
                format!(
                    "message {message}: deleted at change {}, and {kind} at change {}",
                    deletion.change, row.change
                )
            });
        }
    }

    pub(super) fn take_kept(&mut self, kept: &Kept) {
        let marks = self.names.marks(&kept.parts);
        self.case(&kept.message).kept.insert(kept.version, marks);
    }

    /// Judges what was written, once all evidence is there.
    pub(super) fn judge_writing(
        &mut self,
        finals: &HashMap<String, Final>,
        unanswered_copies: &mut UnansweredCopies,
        findings: &mut Findings,
    ) {
        // One that nobody has saved and nobody has recorded, and yet is there.
        for state in finals.values() {
            self.case(&state.message);
        }
        let names = &mut self.names;
        for (message, case) in &mut self.cases {
            let mut writing = Writing {
                message,
                names,
                findings,
                unanswered_copies,
            };
            writing.link(case);
            writing.check_claims(case);
            writing.check_asides(case);
            writing.check_final(case, finals.get(message));
            writing.check_values(case, finals.get(message));
        }
    }

    /// Judges an answer. The second time that the operations are gone through, in the order of their answers.
    pub(super) fn hear(&mut self, operation: &Operation, findings: &mut Findings) {
        let Some(message) = operation.message() else {
            return;
        };
        if let Some(case) = self.cases.get_mut(message) {
            heard::hear(case, operation, &mut self.names, findings);
        } else {
            // Nobody has ever saved it, and it was opened or read.
            let mut case = Case::default();
            heard::hear(&mut case, operation, &mut self.names, findings);
        }
    }
}

/// What a question asks to be written: how, on which base, and what was changed; none if it writes nothing.
pub(super) fn writes(
    question: &Question,
    names: &mut Names,
) -> Option<(Way, Option<i64>, super::case::Marks)> {
    let (way, base, parts) = match question {
        Question::Save {
            base,
            forced,
            restores,
            parts,
            ..
        } => {
            let way = match (restores, forced) {
                (Some(kept), _) => Way::Restore { kept: *kept },
                (None, true) => Way::Forced,
                (None, false) => Way::Guarded,
            };
            (way, base, parts)
        }
        Question::Resolve {
            base,
            shown: Some(shown),
            how,
            parts,
            ..
        } => {
            let shown = *shown;
            let way = match how {
                How::Overwrite => Way::Overwrite { shown },
                How::Merge(choices) => {
                    let choices = choices.iter().map(|(part, chosen)| {
                        let chosen = match chosen {
                            history::Chosen::Theirs => Chosen::Theirs,
                            history::Chosen::Mine => Chosen::Mine,
                            history::Chosen::Rows(rows) => Chosen::Rows(names.of(rows)),
                        };
                        (names.of(part), chosen)
                    });
                    let choices = choices.collect();
                    Way::Merge { shown, choices }
                }
                How::KeepOriginal | How::SaveElsewhere => return None,
            };
            (way, base, parts)
        }
        _ => return None,
    };
    Some((way, *base, names.marks(parts)))
}
