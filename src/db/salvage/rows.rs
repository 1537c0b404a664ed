//! Which rows of which tables a damaged store still has.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::Value;

use crate::db::salvage::cells::{self, Depth, Leaf, Record};
use crate::db::salvage::file::{PageMap, Pages, USUAL_PAGE_SIZE};
use crate::error::Result;
use crate::model::document::Documents;
use crate::model::{ChangeKind, ChangeNumber, FileTime, ObjectUid, RowVersion};

/// Where a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RowPlace {
    page: u32,
    cell: u16,
}

/// The rows of a damaged store, told apart by their shape.
#[derive(Debug)]
pub(crate) struct Rows {
    pages: Pages,
    pub(crate) store_info: Vec<RowPlace>,
    pub(crate) folders: Vec<RowPlace>,
    pub(crate) messages: Vec<RowPlace>,
    pub(crate) versions: Vec<RowPlace>,
    pub(crate) names: Vec<RowPlace>,
    pub(crate) changes: Vec<RowPlace>,
    pub(crate) conflict_copies: Vec<RowPlace>,
    /// The pieces of each stream, by their position.
    pub(crate) chunks: BTreeMap<i64, BTreeMap<u64, RowPlace>>,
    /// The highest number that each table has given.
    pub(crate) given: BTreeMap<String, i64>,
    /// Leaves with rows that do not fit together.
    pub(crate) damaged_pages: Vec<u32>,
}

/// Columns of `messages`, the newest of which an older store has not.
const MESSAGE_COLUMNS: std::ops::RangeInclusive<usize> = 28..=29;

impl Rows {
    /// Looks through all pages of a copy.
    pub(crate) fn find(path: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Rows> {
        let usual = Pages::open(path, USUAL_PAGE_SIZE)?;
        let claimed = usual.claimed_size().filter(|size| *size != USUAL_PAGE_SIZE);
        let found = Rows::of(usual, progress);
        let Some(claimed) = claimed else {
            return Ok(found);
        };
        // What a damaged header says is worth a look, no more.
        let other = Rows::of(Pages::open(path, claimed)?, progress);
        Ok(if other.folders.len() > found.folders.len() {
            other
        } else {
            found
        })
    }

    fn of(pages: Pages, progress: &mut dyn FnMut(u64, u64)) -> Rows {
        let mut rows = Rows {
            pages,
            store_info: Vec::new(),
            folders: Vec::new(),
            messages: Vec::new(),
            versions: Vec::new(),
            names: Vec::new(),
            changes: Vec::new(),
            conflict_copies: Vec::new(),
            chunks: BTreeMap::new(),
            given: BTreeMap::new(),
            damaged_pages: Vec::new(),
        };
        let count = rows.pages.count();
        let mut map = PageMap::default();
        for number in 2..=count {
            if number % 1_024 == 0 {
                progress(u64::from(number), u64::from(count));
            }
            if rows.pages.is_known_as_no_leaf(number, &mut map) {
                continue;
            }
            let Some(page) = rows.pages.read(number) else {
                rows.damaged_pages.push(number);
                continue;
            };
            let Some((leaf, found)) = cells::cells(&page) else {
                continue;
            };
            let mut is_damaged = false;
            for cell in found {
                let place = RowPlace { page: number, cell };
                match cells::record(&rows.pages, &page, leaf, cell, Depth::OnLeaf) {
                    Some(record) => rows.note(leaf, place, &record),
                    None => is_damaged = true,
                }
            }
            if is_damaged {
                rows.damaged_pages.push(number);
            }
        }
        rows
    }

    /// Indexes and tables that only serve names have other shapes, and are made anew.
    fn note(&mut self, leaf: Leaf, place: RowPlace, record: &Record) {
        use Value::{Blob, Integer, Null, Text};
        let uid = |blob: &Vec<u8>| blob.len() == 16;
        match (leaf, record.columns.as_slice()) {
            (Leaf::Table, [Null, Blob(entry), Integer(_), ..])
                if uid(entry) && MESSAGE_COLUMNS.contains(&record.columns.len()) =>
            {
                self.messages.push(place);
            }
            (Leaf::Table, [Integer(_), Integer(_), Blob(entry), ..])
                if uid(entry) && record.columns.len() == 18 =>
            {
                self.versions.push(place);
            }
            (Leaf::Table, [Null, Blob(entry), Null | Integer(_), Text(_), ..])
                if uid(entry) && record.columns.len() == 12 =>
            {
                self.folders.push(place);
            }
            (Leaf::Table, [Null, Text(_), Text(_), ..]) if record.columns.len() == 11 => {
                self.changes.push(place);
            }
            (Leaf::Table, [Null, Integer(stream), Integer(position), Integer(_), _]) => {
                let position = position.unsigned_abs();
                self.chunks
                    .entry(*stream)
                    .or_default()
                    .insert(position, place);
            }
            (Leaf::Table, [Null, Blob(set), Null | Integer(_), Null | Text(_)]) if uid(set) => {
                self.names.push(place);
            }
            (Leaf::Table, [Null, Blob(store), Text(_), Text(_), ..])
                if uid(store) && (4..=6).contains(&record.columns.len()) =>
            {
                self.store_info.push(place);
            }
            (Leaf::Table, [Text(table), Integer(given)]) => {
                let highest = self.given.entry(table.clone()).or_default();
                *highest = (*highest).max(*given);
            }
            (Leaf::Index, [Blob(copy), Blob(original), Integer(_), _, Text(_), Text(_)])
                if uid(copy) && uid(original) =>
            {
                self.conflict_copies.push(place);
            }
            _ => {}
        }
    }

    /// Reads a whole row; none if it does not fit together.
    pub(crate) fn read(&self, place: RowPlace) -> Option<Columns> {
        let page = self.pages.read(place.page)?;
        let (leaf, _) = cells::cells(&page)?;
        let record = cells::record(&self.pages, &page, leaf, place.cell, Depth::Whole)?;
        Some(Columns(record))
    }

    /// Reads a piece of a stream, with its checksum.
    pub(crate) fn chunk(&self, place: RowPlace) -> Option<(i64, Vec<u8>)> {
        let row = self.read(place)?;
        match row.0.columns.as_slice() {
            [_, _, _, Value::Integer(checksum), Value::Blob(data)] => {
                Some((*checksum, data.clone()))
            }
            _ => None,
        }
    }
}

/// A row whose columns may hold anything.
#[derive(Debug)]
pub(crate) struct Columns(Record);

impl Columns {
    fn integer(&self, at: usize) -> Option<i64> {
        match self.0.columns.get(at)? {
            Value::Integer(value) => Some(*value),
            _ => None,
        }
    }

    fn text(&self, at: usize) -> Option<&str> {
        match self.0.columns.get(at)? {
            Value::Text(value) => Some(value),
            _ => None,
        }
    }

    fn blob(&self, at: usize) -> Option<&[u8]> {
        match self.0.columns.get(at)? {
            Value::Blob(value) => Some(value),
            _ => None,
        }
    }

    fn uid(&self, at: usize) -> Option<ObjectUid> {
        Some(ObjectUid::from_bytes(self.blob(at)?.try_into().ok()?))
    }

    fn time(&self, at: usize) -> Option<FileTime> {
        FileTime::parse(self.text(at)?)
    }

    fn documents(&self, first: usize) -> Option<Documents> {
        Some(Documents {
            properties: self.text(first)?.to_owned(),
            recipients: self.text(first + 1)?.to_owned(),
            attachments: self.text(first + 2)?.to_owned(),
        })
    }

    /// All columns, the number of the row in the place of one that stands for it.
    pub(crate) fn values(mut self) -> Vec<Value> {
        if let Some(first @ Value::Null) = self.0.columns.first_mut() {
            *first = Value::Integer(self.0.row);
        }
        self.0.columns
    }
}

/// A message as it was found.
#[derive(Debug)]
pub(crate) struct FoundMessage {
    pub(crate) message_id: i64,
    pub(crate) uid: ObjectUid,
    pub(crate) folder_id: i64,
    pub(crate) row_version: RowVersion,
    pub(crate) change_number: ChangeNumber,
    pub(crate) deleted_at: Option<FileTime>,
    pub(crate) is_read: bool,
    pub(crate) read_flags: i64,
    pub(crate) status: i32,
    pub(crate) is_associated: bool,
    pub(crate) checksum: Option<i64>,
    pub(crate) created_at: FileTime,
    pub(crate) modified_at: FileTime,
    pub(crate) modified_by: String,
    pub(crate) committed_at: FileTime,
    pub(crate) change_key: Vec<u8>,
    pub(crate) predecessors: Vec<u8>,
    pub(crate) documents: Documents,
}

/// The message of a row. What says which message it is, and its content, must be there; the rest is made good where it
/// cannot be.
pub(crate) fn message(row: &Columns) -> Option<FoundMessage> {
    let then = row.time(13).or(row.time(10)).unwrap_or(FileTime::new(0));
    Some(FoundMessage {
        message_id: row.0.row,
        uid: row.uid(1)?,
        folder_id: row.integer(2)?,
        row_version: RowVersion::new(row.integer(3)?)?,
        change_number: row
            .integer(4)
            .and_then(ChangeNumber::new)
            .unwrap_or(ChangeNumber::ZERO),
        deleted_at: match row.0.columns.get(5) {
            Some(Value::Null) => None,
            _ => Some(row.time(5).unwrap_or(then)),
        },
        is_read: row.integer(6) == Some(1),
        status: row
            .integer(7)
            .and_then(|status| i32::try_from(status).ok())
            .unwrap_or_default(),
        is_associated: row.integer(8) == Some(1),
        checksum: row.integer(9),
        created_at: row.time(10).unwrap_or(then),
        modified_at: row.time(11).unwrap_or(then),
        modified_by: row.text(12).unwrap_or_default().to_owned(),
        committed_at: then,
        change_key: row.blob(14).unwrap_or_default().to_vec(),
        predecessors: row.blob(15).unwrap_or_default().to_vec(),
        documents: row.documents(25)?,
        read_flags: row.integer(28).unwrap_or_default() & 0x700,
    })
}

/// A kept version as it was found.
#[derive(Debug)]
pub(crate) struct FoundVersion {
    pub(crate) message_id: i64,
    pub(crate) row_version: RowVersion,
    pub(crate) uid: ObjectUid,
    pub(crate) checksum: Option<i64>,
    pub(crate) documents: Documents,
}

/// The kept version of a row.
pub(crate) fn version(row: &Columns) -> Option<FoundVersion> {
    Some(FoundVersion {
        message_id: row.integer(0)?,
        row_version: RowVersion::new(row.integer(1)?)?,
        uid: row.uid(2)?,
        checksum: row.integer(4),
        documents: row.documents(15)?,
    })
}

/// A folder as it was found.
#[derive(Debug)]
pub(crate) struct FoundFolder {
    pub(crate) folder_id: i64,
    pub(crate) uid: ObjectUid,
    pub(crate) parent: Option<i64>,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) change_number: ChangeNumber,
    pub(crate) created_at: FileTime,
    pub(crate) modified_at: FileTime,
    pub(crate) properties: String,
}

/// The folder of a row.
pub(crate) fn folder(row: &Columns) -> Option<FoundFolder> {
    let then = row.time(8).or(row.time(7)).unwrap_or(FileTime::new(0));
    Some(FoundFolder {
        folder_id: row.0.row,
        uid: row.uid(1)?,
        parent: row.integer(2),
        kind: row.text(3)?.to_owned(),
        name: row.text(4)?.to_owned(),
        change_number: row
            .integer(6)
            .and_then(ChangeNumber::new)
            .unwrap_or(ChangeNumber::ZERO),
        created_at: row.time(7).unwrap_or(then),
        modified_at: then,
        properties: row.text(11).unwrap_or("{}").to_owned(),
    })
}

/// What a row of the journal says of one object.
#[derive(Debug)]
pub(crate) struct FoundChange {
    pub(crate) number: i64,
    pub(crate) uid: Option<ObjectUid>,
    pub(crate) kind: Option<ChangeKind>,
    pub(crate) row_version: Option<RowVersion>,
    pub(crate) is_save: bool,
}

/// The row of the journal of a row.
pub(crate) fn change(row: &Columns) -> FoundChange {
    FoundChange {
        number: row.0.row,
        uid: row.uid(3),
        kind: row.text(2).map(ChangeKind::from_name),
        row_version: row.integer(6).and_then(RowVersion::new),
        is_save: row.blob(10).is_some(),
    }
}

/// What the store says of itself.
#[derive(Debug)]
pub(crate) struct FoundStore {
    pub(crate) uid: [u8; 16],
    pub(crate) created_at: Option<FileTime>,
    pub(crate) created_by: String,
    pub(crate) properties: String,
    pub(crate) purged_through: i64,
}

/// The store of a row.
pub(crate) fn store(row: &Columns) -> Option<FoundStore> {
    Some(FoundStore {
        uid: row.blob(1)?.try_into().ok()?,
        created_at: row.time(2),
        created_by: row.text(3).unwrap_or_default().to_owned(),
        properties: row.text(4).unwrap_or("{}").to_owned(),
        purged_through: row.integer(5).unwrap_or_default(),
    })
}
