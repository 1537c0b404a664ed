//! `log`: the versions of a message.

use clap::Args;
use mapistore::{EntryId, RowVersion, Store, VersionContent, VersionInfo};

use crate::args::Global;
use crate::exit::Exit;
use crate::json::VersionObject;
use crate::names::{self, Prefix};
use crate::output::{Column, Format, Output};
use crate::values;

/// List the versions of a message, who saved them, and which can still be read
///
/// A version is kept if a client replaced it that had not seen it. What is kept, and the current version, can be compared
/// with `diff`; `restore` puts a kept one back. A message that was deleted for good is named by all 32 digits.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore log 3f2a
  mapistore log 3f2a --json | jq '.[] | select(.content == \"kept\").row_version'
  mapistore restore 3f2a 4")]
pub(crate) struct Log {
    /// The message
    entry: String,
}

impl Log {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let store = global.open_to_read()?;
        let entry = names::entry(&store, &self.entry, Prefix::Four)?;
        let versions = store.versions(&entry)?;
        match output.format() {
            Format::Json => output.json_array(versions.iter().map(|info| object(&store, info)))?,
            Format::People => table(&store, &entry, &versions, output)?,
        }
        Ok(Exit::Done)
    }
}

/// The content of a version in a word.
fn content(info: &VersionInfo) -> &'static str {
    match info.content {
        VersionContent::Current => "current",
        VersionContent::Kept { .. } => "kept",
        _ => "not-kept",
    }
}

fn object(store: &Store, info: &VersionInfo) -> anyhow::Result<VersionObject> {
    let (replaced_by, replaced_at, reason) = match &info.content {
        VersionContent::Kept {
            replaced_by,
            replaced_at,
            reason,
        } => (
            Some(replaced_by.clone()),
            Some(replaced_at.to_string()),
            Some(reason.clone()),
        ),
        _ => (None, None, None),
    };
    let saved = &info.saved;
    Ok(VersionObject {
        row_version: saved.row_version,
        saved_by: saved.saved_by.clone(),
        saved_at: saved.saved_at.to_string(),
        process_id: saved.process_id,
        // Where the journal was purged nobody knows how it was saved.
        kind: saved.process_id.map(|_| saved.kind.name().to_owned()),
        properties: names::of_properties(store, &saved.properties)?,
        content: content(info),
        replaced_by,
        replaced_at,
        reason,
    })
}

fn table(
    store: &Store,
    entry: &EntryId,
    versions: &[VersionInfo],
    output: &mut Output,
) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    let mut next = RowVersion::FIRST.get();
    for info in versions {
        let number = info.saved.row_version.get();
        if next < number {
            rows.push(unknown(next, number - 1));
        }
        next = number + 1;
        let saved = &info.saved;
        let how = match saved.process_id {
            Some(_) => saved.kind.name().trim_start_matches("message-").to_owned(),
            None => String::new(),
        };
        let kept = match &info.content {
            VersionContent::Kept {
                replaced_by,
                reason,
                ..
            } => format!("kept: {reason} by {replaced_by}"),
            VersionContent::Current => "current".to_owned(),
            _ => String::new(),
        };
        rows.push(vec![
            number.to_string(),
            values::time_for_people(saved.saved_at),
            saved.saved_by.clone(),
            how,
            kept,
            names::of_properties(store, &saved.properties)?.join(" "),
        ]);
    }
    let columns = [
        Column::number("version"),
        Column::whole("saved at"),
        Column::text("by"),
        Column::whole("how"),
        Column::text("content"),
        Column::text("changed"),
    ];
    output.table(&columns, &rows)?;
    if !versions
        .iter()
        .any(|info| info.content == VersionContent::Current)
    {
        output.line(&format!("{} was deleted for good", entry.object()))?;
    }
    Ok(())
}

/// A stretch of versions that the journal no longer knows.
fn unknown(first: i64, last: i64) -> Vec<String> {
    let numbers = if first == last {
        first.to_string()
    } else {
        format!("{first}-{last}")
    };
    let mut row = vec![numbers, "not known: the journal was purged".to_owned()];
    row.resize(6, String::new());
    row
}
