//! A conflict as a compact table: what differs, in three columns, and whose it is.

use mapistore::{
    AttachmentSide, BaseValue, ChangedBy, Conflict, Recipient, SavedVersion, Side, Store,
    StoredValue, Theirs,
};

use crate::names;
use crate::output::{Column, lay_out};
use crate::values;

/// No cell needs more, however wide the terminal is.
const LONGEST_CELL: usize = 200;

/// The lines that stand above the choices: who saved what and when, then what both changed, then the rest.
pub(super) fn lines(
    store: &Store,
    conflict: &Conflict,
    width: usize,
) -> anyhow::Result<Vec<String>> {
    let mut lines = who_and_when(conflict);
    let columns = ["property", "base", "theirs", "yours"].map(Column::text);
    let columns = [&columns[..], &[Column::whole("changed by")]].concat();
    lines.extend(lay_out(&columns, &rows(store, conflict)?, Some(width)));
    Ok(lines)
}

fn who_and_when(conflict: &Conflict) -> Vec<String> {
    let base = conflict.base_version();
    let saved = |version: &SavedVersion| {
        let at = values::time_for_people(version.saved_at);
        let SavedVersion {
            row_version,
            saved_by,
            ..
        } = version;
        format!("{saved_by} saved version {row_version} at {at}")
    };
    let mut lines = match conflict.theirs() {
        Theirs::Changed(theirs) => vec![format!(
            "{}; yours is built on version {base}.",
            saved(theirs)
        )],
        _ => vec![format!(
            "The message was deleted; yours is built on version {base}."
        )],
    };
    let now = match conflict.theirs() {
        Theirs::Changed(theirs) => Some(theirs.row_version),
        _ => None,
    };
    let before = conflict.saved_between().known().iter();
    let before = before.filter(|version| Some(version.row_version) != now);
    lines.extend(before.map(|version| format!("  before that, {}", saved(version))));
    lines
}

fn rows(store: &Store, conflict: &Conflict) -> anyhow::Result<Vec<Vec<String>>> {
    let differences = conflict.differences();
    let tags: Vec<_> = differences.properties.iter().map(|one| one.tag).collect();
    let names = names::of_properties(store, &tags)?;
    let properties = differences.properties.iter().zip(names).map(|(one, name)| {
        let cells = cells(&one.base, one.theirs.as_ref(), one.mine.as_ref(), value);
        (one.changed_by, name, cells)
    });
    let recipients = differences.recipients.iter().map(|one| {
        let cells = cells(&one.base, one.theirs.as_ref(), one.mine.as_ref(), recipient);
        (one.changed_by, "recipient".to_owned(), cells)
    });
    let attachments = differences.attachments.iter().map(|one| {
        let cells = cells(
            &one.base,
            one.theirs.as_ref(),
            one.mine.as_ref(),
            attachment,
        );
        (one.changed_by, "attachment".to_owned(), cells)
    });
    let mut all: Vec<_> = properties.chain(recipients).chain(attachments).collect();
    all.sort_by_key(|(changed_by, ..)| match changed_by {
        ChangedBy::BothDifferently => 0,
        ChangedBy::Mine => 1,
        ChangedBy::Theirs => 2,
        _ => 3,
    });
    let row = |(changed_by, name, cells): (ChangedBy, String, [String; 3])| {
        let who = match changed_by {
            ChangedBy::Theirs => "them",
            ChangedBy::Mine => "you",
            ChangedBy::BothAlike => "both alike",
            _ => "both",
        };
        let mut row = vec![name];
        row.extend(cells);
        row.push(who.to_owned());
        row
    };
    Ok(all.into_iter().map(row).collect())
}

fn cells<T>(
    base: &BaseValue<T>,
    theirs: Option<&T>,
    mine: Option<&T>,
    show: impl Fn(&T) -> String,
) -> [String; 3] {
    let cell = |value: Option<&T>| value.map_or_else(|| "(none)".to_owned(), &show);
    let base = match base {
        BaseValue::Unknown => "(not kept)".to_owned(),
        known => cell(known.value()),
    };
    [base, cell(theirs), cell(mine)]
}

fn value(value: &StoredValue) -> String {
    match value {
        StoredValue::Stream(stream) => format!("{} bytes", stream.size),
        inline => values::to_text(inline).chars().take(LONGEST_CELL).collect(),
    }
}

fn recipient(recipient: &Recipient) -> String {
    format!(
        "{}: {} <{}>",
        recipient.kind.name(),
        recipient.name,
        recipient.address
    )
}

fn attachment(attachment: &AttachmentSide) -> String {
    let name = attachment.name.as_deref().unwrap_or("(no name)");
    format!("{name}, {} bytes", attachment.size)
}

/// What a side is called.
pub(super) fn label(side: Side) -> &'static str {
    match side {
        Side::Base => "base",
        Side::Theirs => "theirs",
        Side::Mine => "yours",
    }
}
