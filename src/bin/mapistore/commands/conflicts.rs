//! `conflicts`: the copies that wait for a decision.

use clap::Args;
use mapistore::{ConflictCopy, Store};

use crate::args::Global;
use crate::exit::Exit;
use crate::json::ConflictObject;
use crate::output::{Column, Format, Output};
use crate::values;

/// List the messages that lost a conflict and wait for a decision
///
/// Each is the side of somebody who chose to save elsewhere, with the message and version that it was in conflict with.
/// It waits until it is deleted.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore conflicts
  mapistore show 3f2a
  mapistore delete 3f2a91c0            the original stays as it is
  mapistore conflicts --json | jq '.[].original'")]
pub(crate) struct Conflicts {}

impl Conflicts {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let store = global.open_to_read()?;
        let copies = store.conflict_copies()?;
        match output.format() {
            Format::Json => {
                output.json_array(copies.iter().map(|copy| Ok(object(&store, copy))))?
            }
            Format::People => {
                let rows: Vec<Vec<String>> = copies.iter().map(|copy| row(&store, copy)).collect();
                let columns = [
                    Column::whole("copy"),
                    Column::text("subject"),
                    Column::text("folder"),
                    Column::whole("made at"),
                    Column::text("by"),
                    Column::whole("original"),
                    Column::text("versions"),
                ];
                output.table(&columns, &rows)?;
            }
        }
        Ok(Exit::Done)
    }
}

/// The folder may be gone by now.
fn folder(store: &Store, copy: &ConflictCopy) -> Option<String> {
    store.folder_path(&copy.folder).ok()
}

fn object(store: &Store, copy: &ConflictCopy) -> ConflictObject {
    ConflictObject {
        entry_id: copy.entry_id.object(),
        subject: copy.subject.clone(),
        folder: folder(store, copy),
        made_at: copy.made_at.to_string(),
        made_by: copy.made_by.clone(),
        original: copy.original.object(),
        base_version: copy.base_version,
        shown_version: copy.shown_version,
        original_version: copy.original_version,
    }
}

fn row(store: &Store, copy: &ConflictCopy) -> Vec<String> {
    let shown = match copy.shown_version {
        Some(version) => format!("made on {}, against {version}", copy.base_version),
        None => format!("made on {}", copy.base_version),
    };
    let now = match copy.original_version {
        Some(version) => format!("now {version}"),
        None => "now deleted".to_owned(),
    };
    vec![
        copy.entry_id.object().to_string(),
        copy.subject.clone().unwrap_or_default(),
        folder(store, copy).unwrap_or_default(),
        values::time_for_people(copy.made_at),
        copy.made_by.clone(),
        copy.original.object().to_string(),
        format!("{shown}, {now}"),
    ]
}
