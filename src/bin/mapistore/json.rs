//! The one JSON form of each thing. Members keep the order in which they stand here.

use std::io;

use mapistore::{ChangeNumber, MapiCode, ObjectUid, RowVersion};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::ser::Formatter;

use crate::harmless;

/// A value whose form depends on data: of a property, or of a cell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f32),
    Double(f64),
    Text(String),
    Many(Vec<Value>),
    Object(Members),
}

/// The members of an object, in their order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Members(pub(crate) Vec<(String, Value)>);

impl Members {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Boolean(value) => serializer.serialize_bool(*value),
            Value::Integer(value) => serializer.serialize_i64(*value),
            Value::Float(value) => serializer.serialize_f32(*value),
            Value::Double(value) => serializer.serialize_f64(*value),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Many(values) => serializer.collect_seq(values),
            Value::Object(members) => members.serialize(serializer),
        }
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// A message.
#[derive(Debug, serde::Serialize)]
pub(crate) struct MessageObject {
    pub(crate) entry_id: ObjectUid,
    pub(crate) row_version: Option<RowVersion>,
    pub(crate) change_number: Option<ChangeNumber>,
    pub(crate) folder: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deleted_at: Option<String>,
    pub(crate) properties: Members,
    pub(crate) recipients: Vec<RecipientObject>,
    pub(crate) attachments: Vec<AttachmentObject>,
    /// `PR_MESSAGE_FLAGS` by name.
    pub(crate) flags: Vec<String>,
}

/// A message inside an attachment, which has no entry id and no version of its own.
#[derive(Debug, serde::Serialize)]
pub(crate) struct EmbeddedObject {
    pub(crate) properties: Members,
    pub(crate) recipients: Vec<RecipientObject>,
    pub(crate) attachments: Vec<AttachmentObject>,
}

#[derive(Debug, serde::Serialize)]
pub(crate) struct RecipientObject {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) address_type: String,
    pub(crate) address: String,
    /// Those that have no member of their own.
    #[serde(skip_serializing_if = "Members::is_empty")]
    pub(crate) properties: Members,
}

#[derive(Debug, serde::Serialize)]
pub(crate) struct AttachmentObject {
    pub(crate) number: u32,
    pub(crate) name: Option<String>,
    pub(crate) method: &'static str,
    pub(crate) size: Option<u64>,
    pub(crate) hash: Option<String>,
    pub(crate) mime_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<EmbeddedObject>,
}

/// A line of a list.
#[derive(Debug, serde::Serialize)]
pub(crate) struct SummaryObject {
    pub(crate) entry_id: ObjectUid,
    pub(crate) row_version: RowVersion,
    pub(crate) subject: Option<String>,
    pub(crate) sender: Option<String>,
    pub(crate) received: Option<String>,
    pub(crate) size: u64,
    pub(crate) read: bool,
    pub(crate) has_attachments: bool,
}

#[derive(Debug, serde::Serialize)]
pub(crate) struct FolderObject {
    pub(crate) entry_id: ObjectUid,
    pub(crate) path: String,
    pub(crate) total: u64,
    pub(crate) unread: u64,
}

/// A committed change of one object.
#[derive(Debug, serde::Serialize)]
pub(crate) struct ChangeObject {
    pub(crate) change_number: ChangeNumber,
    pub(crate) at: String,
    pub(crate) kind: String,
    pub(crate) entry_id: Option<ObjectUid>,
    pub(crate) folder: Option<String>,
    pub(crate) row_version: Option<RowVersion>,
    pub(crate) properties: Vec<String>,
    pub(crate) client: String,
    pub(crate) process_id: u32,
}

/// Changes that the journal can no longer tell.
#[derive(Debug, serde::Serialize)]
pub(crate) struct GapObject {
    /// The last change in the gap, so that who goes on later goes on behind it.
    pub(crate) change_number: ChangeNumber,
    pub(crate) kind: &'static str,
    /// The last change before the gap.
    pub(crate) after: ChangeNumber,
}

#[derive(Debug, serde::Serialize)]
pub(crate) struct ImportObject {
    pub(crate) imported: u64,
    pub(crate) failed: Vec<FailedFile>,
}

#[derive(Debug, serde::Serialize)]
pub(crate) struct FailedFile {
    pub(crate) path: String,
    pub(crate) error: String,
}

/// What became of one of several entries.
#[derive(Debug, serde::Serialize)]
pub(crate) struct OutcomeObject {
    /// As it was named where it is none of this store.
    pub(crate) entry_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) done: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
}

/// What became of an attachment that was to be written to a file.
#[derive(Debug, serde::Serialize)]
pub(crate) struct ExtractedObject {
    pub(crate) number: Option<u32>,
    pub(crate) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
}

/// What became of a message that was to be written to a file.
#[derive(Debug, serde::Serialize)]
pub(crate) struct ExportedObject {
    /// As it was named where it is none of this store.
    pub(crate) entry_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
}

/// A version of a message. What the journal no longer knows is null.
#[derive(Debug, serde::Serialize)]
pub(crate) struct VersionObject {
    pub(crate) row_version: RowVersion,
    pub(crate) saved_by: String,
    pub(crate) saved_at: String,
    pub(crate) process_id: Option<u32>,
    pub(crate) kind: Option<String>,
    pub(crate) properties: Vec<String>,
    /// `current`, `kept` or `not-kept`.
    pub(crate) content: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replaced_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replaced_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// What differs between two versions.
#[derive(Debug, serde::Serialize)]
pub(crate) struct DiffObject {
    pub(crate) entry_id: ObjectUid,
    pub(crate) from: RowVersion,
    pub(crate) to: RowVersion,
    pub(crate) properties: Vec<DifferenceObject>,
    pub(crate) recipients: Vec<DifferenceObject>,
    pub(crate) attachments: Vec<DifferenceObject>,
    /// A unified diff; null if the plain bodies are equal.
    pub(crate) body: Option<String>,
}

/// One thing that differs; null where a version has none.
#[derive(Debug, serde::Serialize)]
pub(crate) struct DifferenceObject {
    pub(crate) name: String,
    pub(crate) from: Value,
    pub(crate) to: Value,
}

#[derive(Debug, serde::Serialize)]
pub(crate) struct PurgedObject {
    pub(crate) versions: u64,
    pub(crate) changes: u64,
    /// Of large values that were freed with them.
    pub(crate) bytes: u64,
}

/// A copy of the store.
#[derive(Debug, serde::Serialize)]
pub(crate) struct BackupObject {
    pub(crate) path: String,
    pub(crate) store_uid: mapistore::StoreUid,
    /// The newest that is in it.
    pub(crate) newest_change: ChangeNumber,
    pub(crate) size: u64,
}

/// What `compact` freed.
#[derive(Debug, serde::Serialize)]
pub(crate) struct CompactedObject {
    pub(crate) streams: u64,
    pub(crate) bytes: u64,
    pub(crate) kept_for_handles: u64,
    pub(crate) counters_mended: u64,
    pub(crate) size_before: u64,
    pub(crate) size_after: u64,
}

/// What was saved out of a damaged store.
#[derive(Debug, serde::Serialize)]
pub(crate) struct RecoveredObject {
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) folders: u64,
    pub(crate) messages: u64,
    pub(crate) versions: u64,
    pub(crate) streams: u64,
    pub(crate) changes: u64,
    pub(crate) lost: Vec<LossObject>,
}

#[derive(Debug, serde::Serialize)]
pub(crate) struct LossObject {
    pub(crate) kind: String,
    pub(crate) entry_id: Option<ObjectUid>,
    pub(crate) detail: String,
}

/// A copy that came out of a conflict.
#[derive(Debug, serde::Serialize)]
pub(crate) struct ConflictObject {
    pub(crate) entry_id: ObjectUid,
    pub(crate) subject: Option<String>,
    pub(crate) folder: Option<String>,
    pub(crate) made_at: String,
    pub(crate) made_by: String,
    pub(crate) original: ObjectUid,
    pub(crate) base_version: RowVersion,
    pub(crate) shown_version: Option<RowVersion>,
    pub(crate) original_version: Option<RowVersion>,
}

#[derive(Debug, serde::Serialize)]
pub(crate) struct CheckObject {
    pub(crate) sound: bool,
    pub(crate) problems: Vec<String>,
}

/// A store that was made.
#[derive(Debug, serde::Serialize)]
pub(crate) struct StoreObject {
    pub(crate) path: String,
    pub(crate) store_uid: mapistore::StoreUid,
}

/// An error, with the fields that apply.
#[derive(Debug, serde::Serialize)]
pub(crate) struct ErrorObject {
    pub(crate) error: &'static str,
    pub(crate) code: String,
    pub(crate) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) entry_id: Option<ObjectUid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) base_version: Option<RowVersion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) current_version: Option<RowVersion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) saved_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) saved_at: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) properties: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) candidates: Vec<ObjectUid>,
    /// Where what was not saved is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
}

impl ErrorObject {
    pub(crate) fn new(code: MapiCode, message: String) -> ErrorObject {
        ErrorObject {
            error: code.name(),
            code: format!("0x{:08X}", code.value()),
            message,
            entry_id: None,
            base_version: None,
            current_version: None,
            saved_by: None,
            saved_at: None,
            properties: Vec::new(),
            candidates: Vec::new(),
            file: None,
        }
    }
}

/// Writes JSON on one line, with every character that a terminal might act on as its escape.
pub(crate) fn to_string(value: &impl Serialize) -> serde_json::Result<String> {
    let mut bytes = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(
        &mut bytes, Harmless,
    ))?;
    // The serializer writes nothing but UTF-8.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Compact JSON. What is a control character below U+0020 is escaped by every writer of JSON, the others not.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(harmless::is_harmful) {
            let (plain, harmful) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut characters = harmful.chars();
            if let Some(character) = characters.next() {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order() {
        let members = ["b", "a"].map(|name| (name.to_owned(), Value::Null));
        assert_eq!(
            to_string(&Members(members.to_vec())).unwrap(),
            r#"{"b":null,"a":null}"#
        );
    }

    #[test]
    fn json_is_harmless_and_means_the_same() {
        let text = "a\u{1b}[2J\u{9b}31m\u{202e}\u{E0041}\"\\é";
        let json = to_string(&Value::Text(text.to_owned())).unwrap();
        assert!(!json.chars().any(harmless::is_harmful), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
