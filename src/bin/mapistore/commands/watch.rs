//! `watch`: follows what all processes commit.

use std::time::Duration;

use clap::Args;
use mapistore::{ChangeNumber, EntryId, JournalEntry, Notice, ObjectUid, Store};

use crate::args::Global;
use crate::exit::{Exit, wrong};
use crate::json::{ChangeObject, GapObject};
use crate::names;
use crate::output::{Format, Output};
use crate::values;

/// Follow the changes that all processes commit, one a line
///
/// Until it is interrupted, or has shown --count changes. A change of several messages at once takes a line for each.
/// Where the journal was purged a line says which changes it can no longer tell; that line counts as a change.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore watch
  mapistore watch --since 0 --count 10
  mapistore watch --json | jq --unbuffered .entry_id")]
pub(crate) struct Watch {
    /// Begin behind this change number, instead of now
    #[arg(long, value_name = "CHANGE")]
    since: Option<i64>,
    /// End after so many changes
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

impl Watch {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let store = global.open_to_read()?;
        let since = match self.since {
            None => store.last_change()?,
            Some(number) => ChangeNumber::new(number)
                .ok_or_else(|| wrong(format!("--since {number}: change numbers begin at 0")))?,
        };
        let mut changes = store.subscribe(since)?;
        let mut left = self.count.unwrap_or(u64::MAX);
        while left > 0 {
            match changes.next(Duration::MAX)? {
                Notice::Changed(change) => tell(&store, &change, output)?,
                Notice::Overflow { after, through } => tell_gap(after, through, output)?,
                _ => continue,
            }
            output.flush()?;
            left -= 1;
        }
        Ok(Exit::Done)
    }
}

fn tell(store: &Store, change: &JournalEntry, output: &mut Output) -> anyhow::Result<()> {
    let objects: Vec<Option<ObjectUid>> = match change.objects.as_slice() {
        [] => vec![None],
        objects => objects.iter().copied().map(Some).collect(),
    };
    let properties = names::of_properties(store, &change.properties)?;
    for object in objects {
        match output.format() {
            Format::Json => output.json(&change_object(store, change, object, &properties))?,
            Format::People => output.line(&line(change, object, &properties))?,
        }
    }
    Ok(())
}

fn tell_gap(after: ChangeNumber, through: ChangeNumber, output: &mut Output) -> anyhow::Result<()> {
    match output.format() {
        Format::Json => output.json(&GapObject {
            change_number: through,
            kind: "overflow",
            after,
        })?,
        Format::People => output.line(&format!(
            "{through:>6}  overflow: the journal cannot tell what was changed after {after}"
        ))?,
    }
    Ok(())
}

fn change_object(
    store: &Store,
    change: &JournalEntry,
    object: Option<ObjectUid>,
    properties: &[String],
) -> ChangeObject {
    // The folder may be gone by now.
    let path = |folder| store.folder_path(&EntryId::new(store.uid(), folder)).ok();
    ChangeObject {
        change_number: change.change_number,
        at: change.committed_at.to_string(),
        kind: change.kind.name().to_owned(),
        entry_id: object,
        folder: change.folder.and_then(path),
        row_version: change.row_version,
        properties: properties.to_vec(),
        client: change.client_name.clone(),
        process_id: change.process_id,
    }
}

fn line(change: &JournalEntry, object: Option<ObjectUid>, properties: &[String]) -> String {
    let object = object.map(|object| object.to_string()).unwrap_or_default();
    let version = change
        .row_version
        .map(|version| format!("v{version}"))
        .unwrap_or_default();
    format!(
        "{:>6}  {}  {:20} {object:32}  {version:5} {} [{}]  {}",
        change.change_number,
        values::time_for_people(change.committed_at),
        change.kind.name(),
        change.client_name,
        change.process_id,
        properties.join(" ")
    )
    .trim_end()
    .to_owned()
}
