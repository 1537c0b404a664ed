//! The journal: one row for each committed change, numbered in commit order.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::db::failure::while_doing;
use crate::db::transaction::WriteTransaction;
use crate::db::{pages, store_info};
use crate::error::Result;
use crate::model::{
    ChangeKind, ChangeNumber, FileTime, JournalEntry, ObjectUid, PropertyTag, RowVersion, SaveId,
};

/// What a change adds to the journal; the rest comes from the transaction.
#[derive(Debug)]
pub(crate) struct Change<'a> {
    pub(crate) kind: ChangeKind,
    /// The objects that it changed: one, or several at once (S13).
    pub(crate) objects: &'a [ObjectUid],
    pub(crate) folder: Option<ObjectUid>,
    pub(crate) row_version: Option<RowVersion>,
    pub(crate) properties: &'a [PropertyTag],
    pub(crate) save_id: Option<SaveId>,
}

/// The number of the newest change.
pub(crate) fn last(connection: &Connection) -> Result<ChangeNumber> {
    let number = connection
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'changes'")
        .and_then(|mut select| select.query_row([], |row| row.get("seq")).optional())
        .map_err(while_doing("reading the newest change number"))?;
    Ok(number.unwrap_or(ChangeNumber::ZERO))
}

/// Adds a row and returns its number.
pub(crate) fn record(tx: &WriteTransaction<'_>, change: &Change<'_>) -> Result<ChangeNumber> {
    const INSERT: &str = "INSERT INTO changes (committed_at, kind, entry_uid, more_objects, folder_uid, \
        row_version, properties, client_name, process_id, save_id) VALUES (:committed_at, :kind, :entry_uid, \
        :more_objects, :folder_uid, :row_version, :properties, :client_name, :process_id, :save_id)";
    let (single, several) = match change.objects {
        [] => (None, None),
        [single] => (Some(*single), None),
        several => (
            None,
            Some(json_list(
                several.iter().map(|uid| uid.to_string().into_bytes()),
            )),
        ),
    };
    let properties = (!change.properties.is_empty())
        .then(|| json_list(change.properties.iter().map(|tag| tag.key_digits())));
    let mut insert = tx
        .connection
        .prepare_cached(INSERT)
        .map_err(while_doing("writing the journal"))?;
    insert
        // By place, in the order in which the statement names them: finding a name takes as long as binding its value.
        .execute(params![
            tx.now,
            change.kind.name(),
            single,
            several,
            change.folder,
            change.row_version,
            properties,
            tx.client_name,
            std::process::id(),
            change.save_id,
        ])
        .map_err(while_doing("writing the journal"))?;
    let number = tx.connection.last_insert_rowid();
    Ok(ChangeNumber::new(number).unwrap_or(ChangeNumber::ZERO))
}

/// A JSON array of texts of ASCII characters that need no escaping. A new message has all of its properties in one.
fn json_list<Item: IntoIterator<Item = u8>>(items: impl ExactSizeIterator<Item = Item>) -> String {
    // Room for the key of a property each.
    let mut list = String::with_capacity(2 + items.len() * r#""0037001F","#.len());
    list.push('[');
    for item in items {
        if list.len() > 1 {
            list.push(',');
        }
        list.push('"');
        list.extend(item.into_iter().map(char::from));
        list.push('"');
    }
    list.push(']');
    list
}

/// A save that the journal knows.
#[derive(Debug, Clone)]
pub(crate) struct RecordedSave {
    pub(crate) row_version: RowVersion,
    pub(crate) change_number: ChangeNumber,
    pub(crate) committed_at: FileTime,
    pub(crate) client_name: String,
}

/// Looks whether a save of this message is in the journal (S8).
pub(crate) fn find_save(
    connection: &Connection,
    message: ObjectUid,
    save_id: SaveId,
) -> Result<Option<RecordedSave>> {
    const SELECT: &str = "SELECT row_version, change_number, committed_at, client_name FROM changes \
        WHERE entry_uid = ? AND save_id = ? ORDER BY change_number DESC LIMIT 1";
    connection
        .prepare_cached(SELECT)
        .and_then(|mut select| {
            select
                .query_row((message, save_id), |row| {
                    Ok(RecordedSave {
                        row_version: row.get("row_version")?,
                        change_number: row.get("change_number")?,
                        committed_at: row.get("committed_at")?,
                        client_name: row.get("client_name")?,
                    })
                })
                .optional()
        })
        .map_err(while_doing("looking for a save in the journal"))
}

/// The journal after `since`, in order, at most `limit` rows. Where it was purged beyond `since` it begins with an
/// overflow (K7).
pub(crate) fn after(
    connection: &Connection,
    since: ChangeNumber,
    limit: u32,
) -> Result<Vec<JournalEntry>> {
    const SELECT: &str = "SELECT change_number, committed_at, kind, entry_uid, more_objects, folder_uid, \
        row_version, properties, client_name, process_id, save_id FROM changes \
        WHERE change_number > ? ORDER BY change_number LIMIT ?";
    let entries = collect(connection, SELECT, params![since, limit])?;
    let mut entries = pages::in_order("changes", since, entries, |entry| entry.change_number)?;
    // Read last: what was purged between the two statements is told as purged, though it was seen.
    let purged = store_info::purged_through(connection)?;
    if purged > since && limit > 0 {
        entries.retain(|entry| entry.change_number > purged);
        entries.insert(0, overflow(purged));
        entries.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    Ok(entries)
}

/// Stands for the changes up to this one, of which some are no longer known.
fn overflow(purged_through: ChangeNumber) -> JournalEntry {
    JournalEntry {
        change_number: purged_through,
        committed_at: FileTime::from_timestamp(jiff::Timestamp::now()),
        kind: ChangeKind::Overflow,
        objects: Vec::new(),
        folder: None,
        row_version: None,
        properties: Vec::new(),
        client_name: String::new(),
        process_id: std::process::id(),
        save_id: None,
    }
}

/// The saves of one message after a version, oldest first; all of them if none is named.
pub(crate) fn saves_after(
    connection: &Connection,
    message: ObjectUid,
    version: Option<RowVersion>,
) -> Result<Vec<JournalEntry>> {
    const SELECT: &str = "SELECT change_number, committed_at, kind, entry_uid, more_objects, folder_uid, \
        row_version, properties, client_name, process_id, save_id FROM changes \
        WHERE entry_uid = ?1 AND save_id IS NOT NULL AND (?2 IS NULL OR row_version > ?2) ORDER BY change_number";
    collect(connection, SELECT, params![message, version])
}

/// When a message was deleted for good, and from which folder.
pub(crate) fn hard_deletion(
    connection: &Connection,
    message: ObjectUid,
) -> Result<Option<(FileTime, Option<ObjectUid>)>> {
    const SELECT: &str = "SELECT committed_at, folder_uid FROM changes \
        WHERE entry_uid = ? AND kind = 'message-hard-deleted' ORDER BY change_number DESC LIMIT 1";
    connection
        .prepare_cached(SELECT)
        .and_then(|mut select| {
            let read = |row: &Row<'_>| Ok((row.get("committed_at")?, row.get("folder_uid")?));
            select.query_row([message], read).optional()
        })
        .map_err(while_doing("reading the journal"))
}

fn collect(
    connection: &Connection,
    sql: &str,
    parameters: &[&dyn rusqlite::ToSql],
) -> Result<Vec<JournalEntry>> {
    connection
        .prepare_cached(sql)
        .and_then(|mut select| select.query_map(parameters, entry)?.collect())
        .map_err(while_doing("reading the journal"))
}

fn entry(row: &Row<'_>) -> rusqlite::Result<JournalEntry> {
    let single: Option<ObjectUid> = row.get("entry_uid")?;
    let several: Option<String> = row.get("more_objects")?;
    let properties: Option<String> = row.get("properties")?;
    let objects = match (single, several) {
        (Some(single), _) => vec![single],
        (None, Some(several)) => list(&several)
            .iter()
            .filter_map(|text| text.parse().ok())
            .collect(),
        (None, None) => Vec::new(),
    };
    Ok(JournalEntry {
        change_number: row.get("change_number")?,
        committed_at: row.get("committed_at")?,
        kind: ChangeKind::from_name(&row.get::<_, String>("kind")?),
        objects,
        folder: row.get("folder_uid")?,
        row_version: row.get("row_version")?,
        properties: properties
            .iter()
            .flat_map(|properties| list(properties))
            .filter_map(|key| u32::from_str_radix(&key, 16).ok().map(PropertyTag::new))
            .collect(),
        client_name: row.get("client_name")?,
        process_id: row.get("process_id")?,
        save_id: row.get("save_id")?,
    })
}

/// The journal is no place for a reader to fail: a list that someone wrote by hand counts as empty.
fn list(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_default()
}
