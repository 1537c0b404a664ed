//! Writes the journal and the final state beside the histories, so that the judge needs no store.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use mapistore::{
    Access, Cell, ChangeNumber, EntryId, JournalEntry, Message, ObjectUid, RowVersion, Store,
};

use super::history::{self, Change, Final, Kept, Origin, Parts};
use super::parts::Part;

/// Rows held at once.
const PAGE: u32 = 2_000;

/// Writes the three files. Nobody may write to the store meanwhile.
pub(crate) fn export(store: &Store, folder: &Path) -> anyhow::Result<()> {
    export_journal(store, folder)?;
    export_messages(store, folder)?;
    export_kept(store, folder)
}

fn export_journal(store: &Store, folder: &Path) -> anyhow::Result<()> {
    let mut file = BufWriter::new(File::create(folder.join(history::JOURNAL))?);
    let mut since = ChangeNumber::ZERO;
    loop {
        let page = store.changes_after(since, PAGE)?;
        let Some(last) = page.last() else { break };
        since = last.change_number;
        for entry in page {
            history::write_line(&mut file, &change(entry))?;
        }
    }
    Ok(file.flush()?)
}

fn change(entry: JournalEntry) -> Change {
    Change {
        change: entry.change_number.get(),
        kind: entry.kind.name().to_owned(),
        messages: entry.objects.iter().map(ObjectUid::to_string).collect(),
        version: entry.row_version.map(|version| version.get()),
        client: entry.client_name,
        save_id: entry.save_id.map(|id| id.to_string()),
        folder: entry.folder.map(|folder| folder.to_string()),
    }
}

/// The rows of a view, in pages. Nobody writes, so they stay in their places.
fn each_row(
    store: &Store,
    select: &str,
    mut row: impl FnMut(Vec<Cell>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut done = 0_usize;
    loop {
        let page = store
            .query(&format!("{select} LIMIT {PAGE} OFFSET {done}"))?
            .rows;
        if page.is_empty() {
            return Ok(());
        }
        done += page.len();
        page.into_iter().try_for_each(&mut row)?;
    }
}

fn export_messages(store: &Store, folder: &Path) -> anyhow::Result<()> {
    let mut file = BufWriter::new(File::create(folder.join(history::MESSAGES))?);
    each_row(store, "SELECT entry_id FROM inspect_messages", |cells| {
        let [Cell::Text(uid)] = &cells[..] else {
            anyhow::bail!("inspect_messages has other columns")
        };
        let entry_id = EntryId::new(store.uid(), uid.parse()?);
        Ok(history::write_line(
            &mut file,
            &final_state(store, &entry_id)?,
        )?)
    })?;
    Ok(file.flush()?)
}

fn final_state(store: &Store, entry_id: &EntryId) -> anyhow::Result<Final> {
    let message = store.open_message_or_deleted(entry_id, Access::ReadOnly)?;
    let conflict = store.find_conflict_copy(entry_id)?.map(|copy| Origin {
        message: copy.original.object().to_string(),
        base: copy.base_version.get(),
        shown: copy.shown_version.map(|version| version.get()),
    });
    Ok(Final {
        message: entry_id.object().to_string(),
        version: message.row_version().map_or(0, |version| version.get()),
        deleted: message.deleted_at().is_some(),
        folder: message.folder_id().object().to_string(),
        parts: heard(&message)?,
        conflict,
    })
}

/// All parts of a message.
fn heard(message: &Message) -> mapistore::Result<Parts> {
    let marks = Part::ALL.map(|part| Ok((part.name().to_owned(), part.hear(message)?)));
    marks.into_iter().collect()
}

fn export_kept(store: &Store, folder: &Path) -> anyhow::Result<()> {
    let mut file = BufWriter::new(File::create(folder.join(history::KEPT))?);
    let select = "SELECT entry_id, row_version FROM inspect_versions";
    each_row(store, select, |cells| {
        let [Cell::Text(uid), Cell::Integer(version)] = &cells[..] else {
            anyhow::bail!("inspect_versions has other columns")
        };
        let entry_id = EntryId::new(store.uid(), uid.parse()?);
        let number = RowVersion::new(*version).context("a kept version without a number")?;
        let parts = heard(&store.open_version(&entry_id, number)?)?;
        let kept = Kept {
            message: uid.clone(),
            version: *version,
            parts,
        };
        Ok(history::write_line(&mut file, &kept)?)
    })?;
    Ok(file.flush()?)
}
