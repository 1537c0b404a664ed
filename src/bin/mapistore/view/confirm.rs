//! What is asked before something is done, and which of both changes is kept where.

use mapistore::{ChangedBy, EntryId, Resolution};

use super::model::{Confirmation, View};
use crate::report::Report;

/// The first digits of an entry, as commands take them.
fn short(entry: &str) -> &str {
    entry.get(..8).unwrap_or(entry)
}

fn theirs(report: &Report) -> &str {
    report.current.as_deref().unwrap_or("a deleted message")
}

/// The labels of what one side changed, for a sentence.
fn changed(report: &Report, by: ChangedBy) -> String {
    let rows = report.rows.iter();
    let changed = rows.filter(|row| row.changed_by == by || row.is_choosable());
    let mut labels: Vec<&str> = changed.map(|row| &*row.label).collect();
    labels.dedup();
    match labels.as_slice() {
        [] => "nothing".to_owned(),
        labels => labels.join(", "),
    }
}

/// Asks before yours or theirs are given up as what stands in the message.
pub(crate) fn of(view: &View<'_>, resolution: Resolution) -> Confirmation {
    let report = &view.report;
    let theirs = theirs(report);
    let entry = short(&report.entry);
    let (question, lines) = match resolution {
        Resolution::KeepOriginal => (
            "Keep theirs?",
            vec![
                format!("The message stays as it is: {theirs}."),
                format!(
                    "Yours are not saved in it: {}.",
                    changed(report, ChangedBy::Mine)
                ),
                view.dropped.clone(),
            ],
        ),
        _ => (
            "Replace theirs with yours?",
            vec![
                "The message becomes yours as a whole.".to_owned(),
                format!(
                    "Theirs goes out of it: {}.",
                    changed(report, ChangedBy::Theirs)
                ),
                format!("It stays as a kept version: {theirs}."),
                format!("`mapistore log {entry}` lists it, `mapistore restore` brings it back."),
            ],
        ),
    };
    Confirmation {
        question: question.to_owned(),
        lines,
        resolution,
    }
}

/// Asks before yours become a message of their own.
pub(crate) fn elsewhere(report: &Report, path: &str, folder: EntryId) -> Confirmation {
    let original = match &report.current {
        Some(current) => format!("The message stays as it is: {current}."),
        None => "The message stays deleted.".to_owned(),
    };
    Confirmation {
        question: format!("Save yours as a new message in {path}?"),
        lines: vec![
            "It has everything that is yours, and names the message that it was in conflict with."
                .to_owned(),
            original,
        ],
        resolution: Resolution::SaveElsewhere(folder),
    }
}
