//! `conflicts`: the copies that wait for a decision.

use clap::{Args, ValueEnum};
use mapistore::{ConflictCopy, Deletion, MergeChoices, Resolution, Store};

use crate::args::Global;
use crate::commands::show::{self, LargeValues};
use crate::exit::Exit;
use crate::json::ConflictObject;
use crate::names::{self, Prefix};
use crate::output::{Column, Format, Output};
use crate::values;

/// List the messages that lost a conflict and wait for a decision, or decide on one
///
/// Each is the side of somebody who chose to save elsewhere, with the message and version that it was in conflict with.
/// It waits until it is deleted. A decision deletes the copy softly; what it replaces in the original is kept as a
/// version. If another client saves the original at that moment, nothing is written and the exit code is 3.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore conflicts
  mapistore show 3f2a
  mapistore conflicts --resolve 3f2a91c0 --take theirs     the original stays as it is
  mapistore conflicts --resolve 3f2a91c0 --take mine       the copy goes over it
  mapistore conflicts --json | jq '.[].original'")]
pub(crate) struct Conflicts {
    /// Decide on this copy, by 8 digits or more
    #[arg(long, value_name = "ENTRY", requires = "take")]
    resolve: Option<String>,
    /// What the original is to be: as it is, as the copy is, or both combined where they do not touch
    #[arg(long, value_name = "WHOSE", requires = "resolve")]
    take: Option<Take>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Take {
    Theirs,
    Mine,
    Merge,
}

impl Conflicts {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        if let (Some(copy), Some(take)) = (&self.resolve, self.take) {
            return resolve(&global.open()?, copy, take, output);
        }
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

fn resolve(store: &Store, copy: &str, take: Take, output: &mut Output) -> anyhow::Result<Exit> {
    let copy = names::entry(store, copy, Prefix::Eight)?;
    let mut original = store.reopen_conflict(&copy)?;
    let resolution = match take {
        Take::Theirs => Resolution::KeepOriginal,
        Take::Mine => Resolution::Overwrite,
        Take::Merge => Resolution::Merge(MergeChoices::new()),
    };
    let conflict = original.conflict()?;
    original.resolve(&conflict, resolution)?;
    // Last: if this fails the copy goes on waiting, and nothing is lost.
    for (_, deleted) in store.delete_messages(&[copy], Deletion::Soft)? {
        deleted?;
    }
    if output.format() == Format::Json {
        output.json(&show::object(store, &original, LargeValues::Named)?)?;
        return Ok(Exit::Done);
    }
    let version = original.row_version().map(|version| version.to_string());
    let entry = original.entry_id().object();
    output.line(&format!("{entry}  version {}", version.unwrap_or_default()))?;
    Ok(Exit::Done)
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
