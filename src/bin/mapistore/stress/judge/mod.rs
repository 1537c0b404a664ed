//! The judge: holds what processes asked and were told against the journal and the final state.
//!
//! It reads files and nothing else, and knows no store: whoever writes these files has another store judged.
//! `docs/reliability.md` says what it checks, and why that is enough.
//!
//! The operations are gone through once to sort them by message, and then, a group of messages at a time, twice more: for
//! what was written, and for what was told. A group takes memory for its saves, not for its reads.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`operation`] | histories, put together in the order of answers |
//! | [`buckets`] | evidence sorted by message |
//! | [`docket`], [`case`] | the evidence of a group of messages, and of one |
//! | [`written`] | saves against the journal, kept versions and the final state |
//! | [`resolved`], [`values`] | what a save makes of what it was shown; that no value is lost |
//! | [`heard`] | what was told against what was committed |
//! | [`violation`] | what can be found |
//! | [`figures`] | what is counted on the way |

mod buckets;
mod case;
mod docket;
mod figures;
mod heard;
mod operation;
mod resolved;
mod values;
mod violation;
mod written;

use std::collections::HashMap;
use std::io;
use std::path::Path;

use anyhow::Context;

pub(crate) use figures::Figures;
pub(crate) use violation::{Findings, Group, Violation};

use super::history::{self, Answer, Change, Final, JOURNAL, KEPT, Kept, MESSAGES, Question};
use buckets::{Buckets, Written};
use docket::Docket;
use operation::Operation;
use written::UnansweredCopies;

/// What the judge found.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) findings: Findings,
    pub(crate) figures: Figures,
}

/// Judges the histories, the journal and the final state that a folder holds.
pub(crate) fn judge(folder: &Path) -> anyhow::Result<Verdict> {
    // Records may lie where nothing can be written, and may be too large for where temporary files go.
    let sorted = tempfile::tempdir_in(folder)
        .or_else(|_| tempfile::tempdir())
        .context("making a folder to sort in")?;
    let mut verdict = Verdict::default();
    let groups =
        buckets::groups(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut evidence = Evidence::sort(folder, sorted.path(), groups, &mut verdict)?;
    for group in 0..groups {
        evidence.judge(group, &mut verdict.findings)?;
    }
    Ok(verdict)
}

/// All evidence, sorted by message.
struct Evidence {
    operations: Written,
    changes: Written,
    finals: Written,
    kept: Written,
    /// What each client was about to copy when it was killed.
    unanswered_copies: UnansweredCopies,
}

/// A row of the journal, for one of its messages.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct ChangeOf {
    message: String,
    row: Change,
}

impl Evidence {
    fn sort(
        folder: &Path,
        to: &Path,
        groups: usize,
        verdict: &mut Verdict,
    ) -> anyhow::Result<Evidence> {
        let mut unanswered_copies = HashMap::new();
        let mut operations = Buckets::create(to, "operations", groups)?;
        for operation in operation::operations(folder)? {
            let operation = operation?;
            verdict.figures.count(&operation);
            check_error(&operation, &mut verdict.findings);
            if let Some(message) = operation.message() {
                operations.put(message, &operation)?;
            }
            if let (
                Question::Copy {
                    parts, conflict, ..
                },
                None,
            ) = (&operation.question, &operation.told)
            {
                let copy = (parts.clone(), conflict.clone());
                unanswered_copies.insert(operation.client, copy);
            }
        }
        let mut changes = Buckets::create(to, "changes", groups)?;
        let mut last = 0;
        for row in history::read_lines::<Change>(&folder.join(JOURNAL))? {
            let row = row?;
            if row.change <= last {
                verdict.findings.add(Violation::OutOfOrder, || {
                    format!("change {} follows change {last} in the journal", row.change)
                });
            }
            last = row.change;
            for message in row.messages.clone() {
                let of = ChangeOf {
                    message,
                    row: row.clone(),
                };
                changes.put(&of.message, &of)?;
            }
        }
        let mut finals = Buckets::create(to, "finals", groups)?;
        for state in history::read_lines::<Final>(&folder.join(MESSAGES))? {
            let state = state?;
            finals.put(&state.message, &state)?;
        }
        let mut kept = Buckets::create(to, "kept", groups)?;
        for version in history::read_lines::<Kept>(&folder.join(KEPT))? {
            let version = version?;
            kept.put(&version.message, &version)?;
        }
        Ok(Evidence {
            operations: operations.close()?,
            changes: changes.close()?,
            finals: finals.close()?,
            kept: kept.close()?,
            unanswered_copies,
        })
    }

    fn judge(&mut self, group: usize, findings: &mut Findings) -> io::Result<()> {
        let mut docket = Docket::default();
        for operation in self.operations.read::<Operation>(group)? {
            docket.take_operation(&operation?);
        }
        for change in self.changes.read::<ChangeOf>(group)? {
            let change = change?;
            docket.take_change(&change.row, &change.message, findings);
        }
        for kept in self.kept.read::<Kept>(group)? {
            docket.take_kept(&kept?);
        }
        let mut finals = HashMap::new();
        for state in self.finals.read::<Final>(group)? {
            let state = state?;
            finals.insert(state.message.clone(), state);
        }
        docket.judge_writing(&finals, &mut self.unanswered_copies, findings);
        for operation in self.operations.read::<Operation>(group)? {
            docket.hear(&operation?, findings);
        }
        Ok(())
    }
}

/// Errors that no client of a sound store ever gets here.
fn check_error(operation: &Operation, findings: &mut Findings) {
    let words = |answer: &str| {
        format!(
            "{}: {:?} was answered with {answer}",
            operation.client, operation.question
        )
    };
    match &operation.told {
        Some((_, Answer::Busy)) => findings.add(Violation::Busy, || words("BUSY")),
        Some((_, Answer::Failed { error })) => {
            findings.add(Violation::UnexpectedError, || words(error));
        }
        _ => {}
    }
}

#[cfg(test)]
mod resolution_tests;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod tests;
