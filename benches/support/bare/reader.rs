//! What bare SQLite reads.

use std::collections::BTreeMap;

use mapistore::StreamHash;
use rusqlite::{Connection, Statement};
use serde::Deserialize;

use crate::support::Result;

const SELECT: &str = "SELECT message_id, folder_id, row_version, change_number, deleted_at, is_read, \
    message_status, is_associated, content_checksum, created_at, modified_at, modified_by, \
    committed_at, change_key, predecessor_change_list, size, properties, recipients, attachments \
    FROM messages WHERE entry_uid = ?";

/// Properties by their tags. The keys hold nothing that would have to be unescaped, so they stay where they are.
type Properties<'a> = BTreeMap<&'a str, serde_json::Value>;

#[derive(Debug, Deserialize)]
struct Row<'a> {
    #[serde(alias = "row_id")]
    number: u32,
    #[serde(borrow)]
    properties: Properties<'a>,
}

#[derive(Debug, Deserialize)]
struct Attachments<'a> {
    next_number: u32,
    #[serde(borrow)]
    rows: Vec<Row<'a>>,
}

/// What reads.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    select: Statement<'a>,
    find_stream: Statement<'a>,
    chunks: Statement<'a>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(connection: &'a Connection) -> Result<Reader<'a>> {
        Ok(Reader {
            select: connection.prepare(SELECT)?,
            find_stream: connection.prepare("SELECT stream_id FROM streams WHERE hash = ?")?,
            chunks: connection
                .prepare("SELECT data FROM stream_chunks WHERE stream_id = ? ORDER BY position")?,
        })
    }

    /// Opens a message: reads its row and parses its documents. Returns the hash of its first attachment.
    pub(crate) fn open(&mut self, uid: &[u8; 16]) -> Result<Option<StreamHash>> {
        Ok(self.open_whole(uid)?.1)
    }

    /// Opens a message in the same way. Returns its version.
    pub(crate) fn open_version(&mut self, uid: &[u8; 16]) -> Result<i64> {
        Ok(self.open_whole(uid)?.0)
    }

    fn open_whole(&mut self, uid: &[u8; 16]) -> Result<(i64, Option<StreamHash>)> {
        let mut rows = self.select.query([uid])?;
        let row = rows.next()?.ok_or("there is no such message")?;
        let version = row.get(2)?;
        let numbers: [Option<i64>; 9] = [
            row.get(0)?,
            row.get(1)?,
            Some(version),
            row.get(3)?,
            row.get(5)?,
            row.get(6)?,
            row.get(7)?,
            row.get(8)?,
            row.get(15)?,
        ];
        let texts: [Option<String>; 5] = [
            row.get(4)?,
            row.get(9)?,
            row.get(10)?,
            row.get(11)?,
            row.get(12)?,
        ];
        let blobs: [Vec<u8>; 2] = [row.get(13)?, row.get(14)?];
        let documents: [String; 3] = [row.get(16)?, row.get(17)?, row.get(18)?];
        let [properties, recipients, attachments] = &documents;
        let stream = take_apart(properties, recipients, attachments)?;
        std::hint::black_box((numbers, texts, blobs));
        Ok((version, stream))
    }

    /// Reads an attachment through a buffer. Returns its size.
    pub(crate) fn read_attachment(&mut self, hash: StreamHash, buffer: &mut [u8]) -> Result<usize> {
        let stream: i64 = self
            .find_stream
            .query_row([hash.as_bytes()], |row| row.get(0))?;
        let mut rows = self.chunks.query([stream])?;
        let mut size = 0;
        while let Some(row) = rows.next()? {
            for part in row.get_ref(0)?.as_blob()?.chunks(buffer.len()) {
                if let Some(to) = buffer.get_mut(..part.len()) {
                    to.copy_from_slice(part);
                }
                std::hint::black_box(&mut *buffer);
                size += part.len();
            }
        }
        Ok(size)
    }

    /// Takes the documents of [`Prepared::document`](super::Prepared::document) apart.
    pub(crate) fn parse(text: &str) -> Result<()> {
        // JSON escapes the line feeds in values.
        let mut documents = text.split('\n');
        let mut next = || documents.next().ok_or("a document is missing");
        take_apart(next()?, next()?, next()?).map(drop)
    }
}

/// Parses the documents, and finds the hash of the first attachment.
fn take_apart(properties: &str, recipients: &str, attachments: &str) -> Result<Option<StreamHash>> {
    let properties: Properties<'_> = serde_json::from_str(properties)?;
    let recipients: Vec<Row<'_>> = serde_json::from_str(recipients)?;
    let attachments: Attachments<'_> = serde_json::from_str(attachments)?;
    let stream = attachments.rows.first().and_then(|row| {
        row.properties
            .get("37010102")?
            .get("stream")?
            .as_str()?
            .parse()
            .ok()
    });
    std::hint::black_box((properties, recipients));
    std::hint::black_box(attachments.next_number);
    std::hint::black_box(attachments.rows.iter().map(|row| row.number).sum::<u32>());
    Ok(stream)
}
