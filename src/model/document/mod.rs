//! Content as the JSON text of a message's row, and back.
//!
//! A set of properties is `{"0037001F":"Hello","0E070003":8}`: the tags as eight upper-case hexadecimal digits,
//! ascending, each with its value. The tag says which type a value has, and so how it is written:
//!
//! | type | form |
//! | --- | --- |
//! | integers and currency | a number |
//! | floating-point numbers, application time | the shortest number that gives back the same bits, or `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | boolean | `true` or `false` |
//! | text | a string |
//! | 8-bit text, binary | a string in base64 |
//! | time | a string as [`FileTime`](super::FileTime) writes it |
//! | GUID | a string such as `"6b29fc40-ca47-1067-b31d-00dd010662da"` |
//! | many values | an array of them |
//! | a stream in place of a text, 8-bit text or binary | `{"stream":"<64 hexadecimal digits>","size":5000}` |
//!
//! The recipients are `[{"row_id":0,"properties":{…}}]`, the attachments
//! `{"next_number":1,"rows":[{"number":0,"properties":{…}}]}`. An attached message stands in its row, beside
//! `properties`, as `"message":{"properties":{…},"recipients":[…],"next_number":1,"attachments":[…]}`.
//!
//! What is read was written here, or by somebody's SQL: members may come in any order and with white space, but
//! nothing is guessed. A key twice, two types of one property id, a value of the wrong form or anything unknown
//! is an error.
//
// No `serde_json::Value` anywhere: a host that switches on `preserve_order` or `arbitrary_precision` of that
// crate changes what such a value keeps, and so what would be stored.

mod element;
mod read;
mod sink;
mod write;

use std::fmt;

use xxhash_rust::xxh3::Xxh3;

use super::content::Content;
use super::id::ObjectUid;

pub(crate) use read::{read, read_properties};
pub(crate) use write::{attachment_row_len, property_len, row_len, write, write_properties};

/// The three texts that hold the content of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Documents {
    /// The properties of the message itself.
    pub properties: String,
    /// The recipients.
    pub recipients: String,
    /// The attachments.
    pub attachments: String,
}

impl Default for Documents {
    /// The documents of a message without any content.
    fn default() -> Self {
        write(&Content::default())
    }
}

/// One of the documents of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum DocumentKind {
    /// The properties of the message itself, or some other set of properties.
    Properties,
    /// The recipients.
    Recipients,
    /// The attachments.
    Attachments,
}

impl fmt::Display for DocumentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Properties => "properties",
            Self::Recipients => "recipients",
            Self::Attachments => "attachments",
        })
    }
}

/// A document that cannot be read: the row was damaged, or written by hand and wrongly.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {document} document cannot be read: {reason}")]
pub(crate) struct DocumentError {
    /// Which document.
    pub document: DocumentKind,
    /// The line at which reading ended, from 1.
    pub line: usize,
    /// The column at which reading ended, from 1.
    pub column: usize,
    /// What is wrong, with the property or row that it is wrong in, and the place.
    pub reason: String,
}

/// Computes the checksum of a row: of its entry uid and its documents, so that neither a changed bit nor a
/// document in the wrong row or column goes unnoticed.
#[must_use]
pub(crate) fn checksum(entry: &ObjectUid, documents: &Documents) -> i64 {
    let mut hash = Xxh3::new();
    hash.update(entry.as_bytes());
    for document in [
        &documents.properties,
        &documents.recipients,
        &documents.attachments,
    ] {
        // With its length before it, no text can move from one document to the next unnoticed.
        hash.update(&(document.len() as u64).to_le_bytes());
        hash.update(document.as_bytes());
    }
    hash.digest().cast_signed()
}

#[cfg(test)]
mod strategies;
#[cfg(test)]
mod tests;
