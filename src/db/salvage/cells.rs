//! Rows as SQLite's file format has them: cells of a leaf, and the records in them.
//!
//! Everything here may be wrong in any way. Whatever does not fit together is no row.

use rusqlite::types::Value;

use crate::db::salvage::file::Pages;

/// A kind of leaf that holds rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaf {
    /// Of a table with numbered rows.
    Table,
    /// Of a table whose rows are ordered by a key of their own, or of an index.
    Index,
}

const TABLE_LEAF: u8 = 0x0D;
const INDEX_LEAF: u8 = 0x0A;
const LEAF_HEADER: usize = 8;
/// Memory that is set aside on the word of a length that may be wrong.
const LARGEST_RESERVED: usize = 1 << 20;

/// What kind of leaf a page is, and where its cells begin. Empty if it is none.
pub(crate) fn cells(page: &[u8]) -> Option<(Leaf, Vec<u16>)> {
    let leaf = match *page.first()? {
        TABLE_LEAF => Leaf::Table,
        INDEX_LEAF => Leaf::Index,
        _ => return None,
    };
    let count = usize::from(u16_at(page, 3)?);
    let pointers = page.get(LEAF_HEADER..LEAF_HEADER + 2 * count)?;
    let pointers = pointers.chunks_exact(2).filter_map(|pair| u16_at(pair, 0));
    Some((leaf, pointers.collect()))
}

/// A row: its number, zero where the table has none, and its columns.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) row: i64,
    pub(crate) columns: Vec<Value>,
}

/// How much of a row is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// What stands on its leaf: columns that go on elsewhere come out as null.
    OnLeaf,
    /// All of it.
    Whole,
}

/// Reads the row of a cell.
pub(crate) fn record(
    pages: &Pages,
    page: &[u8],
    leaf: Leaf,
    cell: u16,
    depth: Depth,
) -> Option<Record> {
    let rest = page.get(usize::from(cell)..)?;
    let (length, taken) = varint(rest)?;
    let mut rest = rest.get(taken..)?;
    let mut row = 0;
    if leaf == Leaf::Table {
        let (number, taken) = varint(rest)?;
        row = number.cast_signed();
        rest = rest.get(taken..)?;
    }
    let length = usize::try_from(length).ok()?;
    if length as u64 > u64::from(pages.count()) * pages.size() as u64 {
        return None;
    }
    let local = local_length(pages.size(), leaf, length);
    let on_leaf = rest.get(..local)?;
    if local == length {
        return columns(on_leaf, Depth::Whole).map(|columns| Record { row, columns });
    }
    if depth == Depth::OnLeaf {
        return columns(on_leaf, depth).map(|columns| Record { row, columns });
    }
    let mut payload = Vec::with_capacity(length.min(LARGEST_RESERVED));
    payload.extend_from_slice(on_leaf);
    let mut next = u32_at(rest, local)?;
    while payload.len() < length {
        let page = pages.read(next)?;
        next = u32_at(&page, 0)?;
        let wanted = (length - payload.len()).min(pages.size() - 4);
        payload.extend_from_slice(page.get(4..4 + wanted)?);
    }
    columns(&payload, depth).map(|columns| Record { row, columns })
}

/// How many bytes of a row stand on its leaf.
fn local_length(page_size: usize, leaf: Leaf, length: usize) -> usize {
    let most = match leaf {
        Leaf::Table => page_size - 35,
        Leaf::Index => (page_size - 12) * 64 / 255 - 23,
    };
    if length <= most {
        return length;
    }
    let least = (page_size - 12) * 32 / 255 - 23;
    let fitting = least + (length - least) % (page_size - 4);
    if fitting <= most { fitting } else { least }
}

fn columns(payload: &[u8], depth: Depth) -> Option<Vec<Value>> {
    let (header, mut at) = varint(payload)?;
    let header = usize::try_from(header).ok()?;
    let kinds = payload.get(..header)?;
    let mut content = payload.get(header..)?;
    let mut columns = Vec::new();
    while at < header {
        let (kind, taken) = varint(kinds.get(at..)?)?;
        at += taken;
        let length = length_of(kind)?;
        match content.get(..length) {
            Some(bytes) => {
                columns.push(value(kind, bytes)?);
                content = content.get(length..)?;
            }
            None if depth == Depth::OnLeaf => {
                columns.push(Value::Null);
                content = &[];
            }
            None => return None,
        }
    }
    Some(columns)
}

fn length_of(kind: u64) -> Option<usize> {
    match kind {
        0 | 8 | 9 => Some(0),
        1..=4 => usize::try_from(kind).ok(),
        5 => Some(6),
        6 | 7 => Some(8),
        10 | 11 => None,
        long => usize::try_from((long - 12) / 2).ok(),
    }
}

fn value(kind: u64, bytes: &[u8]) -> Option<Value> {
    Some(match kind {
        0 => Value::Null,
        1..=6 => Value::Integer(integer(bytes)),
        7 => Value::Real(f64::from_be_bytes(bytes.try_into().ok()?)),
        8 => Value::Integer(0),
        9 => Value::Integer(1),
        text if text % 2 == 1 => Value::Text(String::from_utf8(bytes.to_vec()).ok()?),
        _ => Value::Blob(bytes.to_vec()),
    })
}

fn integer(bytes: &[u8]) -> i64 {
    let sign = match bytes.first() {
        Some(first) if first & 0x80 != 0 => -1,
        _ => 0,
    };
    bytes
        .iter()
        .fold(sign, |number, byte| (number << 8) | i64::from(*byte))
}

/// A number of one to nine bytes, and how many it took.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut number = 0;
    for at in 0..8 {
        let byte = *bytes.get(at)?;
        number = (number << 7) | u64::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            return Some((number, at + 1));
        }
    }
    Some(((number << 8) | u64::from(*bytes.get(8)?), 9))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes(pair.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes(four.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_sqlite_writes_them() {
        assert_eq!(varint(&[0x7F]), Some((127, 1)));
        assert_eq!(varint(&[0x81, 0x00]), Some((128, 2)));
        assert_eq!(varint(&[0xFF; 9]), Some((u64::MAX, 9)));
        assert_eq!(varint(&[0xFF; 8]), None);
        assert_eq!(integer(&[0xFF, 0xFE]), -2);
        assert_eq!(integer(&[0x01, 0x00]), 256);
    }

    #[test]
    fn records_that_do_not_fit_together_are_none() {
        // Three columns: null, the number 5, the text "ab".
        let record = [4, 0, 1, 17, 5, b'a', b'b'];
        let whole = columns(&record, Depth::Whole).unwrap();
        assert_eq!(
            whole,
            [Value::Null, Value::Integer(5), Value::Text("ab".into())]
        );
        for end in 0..record.len() {
            assert!(columns(&record[..end], Depth::Whole).is_none() || end == 0);
        }
        assert!(columns(&[3, 11, 0], Depth::Whole).is_none());
        assert!(columns(&[0xFF; 40], Depth::Whole).is_none());
    }
}
