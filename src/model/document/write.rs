//! From content to documents.

use std::io;

use serde::ser::{Error, SerializeMap};
use serde::{Serialize, Serializer};

use super::Documents;
use super::element::{Element, Written, write_many};
use crate::model::content::{
    AttachmentRow, AttachmentTable, Content, Properties, RecipientRow, StoredValue, StreamReference,
};
use crate::model::property_tag::PropertyTag;
use crate::model::property_value::PropertyValue;

/// Writes the content of a message.
#[must_use]
pub(crate) fn write(content: &Content) -> Documents {
    Documents {
        properties: to_text(&content.properties),
        recipients: to_text(&content.recipients),
        attachments: to_text(&content.attachments),
    }
}

/// Writes one set of properties, of a folder for instance.
#[must_use]
pub(crate) fn write_properties(properties: &Properties) -> String {
    to_text(properties)
}

/// The bytes that a recipient takes in its document.
#[must_use]
pub(crate) fn row_len(row: &RecipientRow) -> u64 {
    text_len(row)
}

/// The bytes that an attachment takes in its document.
#[must_use]
pub(crate) fn attachment_row_len(row: &AttachmentRow) -> u64 {
    text_len(row)
}

/// The bytes that a property takes in its document, with its tag and the comma behind it.
#[must_use]
pub(crate) fn property_len(_tag: PropertyTag, value: &StoredValue) -> u64 {
    // Every tag takes eight digits.
    let key = r#""0037001F":,"#.len() as u64;
    // Each change of a property asks, and writing a long value to count it would take longer than all the rest.
    let value = match value {
        StoredValue::Inline(PropertyValue::Unicode(text)) => string_len(text),
        StoredValue::Inline(PropertyValue::Binary(bytes)) => base64_len(bytes),
        StoredValue::Inline(PropertyValue::String8(text)) => base64_len(&text.0),
        other => text_len(other),
    };
    key + value
}

/// The bytes of a text as a JSON string, in quotation marks.
fn string_len(text: &str) -> u64 {
    // Few enough that their number fits a byte: then the compiler compares many of them with one instruction.
    let pieces = text.as_bytes().chunks(128);
    let escapes: u64 = pieces.map(additional_bytes).sum();
    text.len() as u64 + escapes + 2
}

/// The bytes that escapes take beside what they stand for: one in `\n`, five in `\u0001`.
fn additional_bytes(piece: &[u8]) -> u64 {
    let count =
        |is_one: fn(u8) -> bool| piece.iter().map(|byte| u8::from(is_one(*byte))).sum::<u8>();
    let marks = count(|byte| byte == b'"' || byte == b'\\');
    if count(|byte| byte < 0x20) == 0 {
        return u64::from(marks);
    }
    let control = |byte: &u8| match byte {
        0x08 | b'\t' | b'\n' | 0x0C | b'\r' => 1,
        0..0x20 => 5,
        _ => 0,
    };
    u64::from(marks) + piece.iter().map(control).sum::<u64>()
}

/// The bytes of a binary value in base64, in quotation marks.
fn base64_len(bytes: &[u8]) -> u64 {
    (bytes.len() as u64).div_ceil(3) * 4 + 2
}

#[expect(
    clippy::expect_used,
    reason = "an empty document in place of an error would lose a message"
)]
fn to_text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("keys are strings, and nothing here refuses to be written")
}

/// Counts the bytes of a text without keeping them.
fn text_len(value: &impl Serialize) -> u64 {
    struct Counter(u64);

    impl io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.saturating_add(bytes.len() as u64);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut counter = Counter(0);
    match serde_json::to_writer(&mut counter, value) {
        Ok(()) => counter.0,
        // What cannot be written does not fit either.
        Err(_) => u64::MAX,
    }
}

struct Key(PropertyTag);

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Digit by digit, since formatting all keys would take as long as writing all values.
        let digits: [u8; 8] = std::array::from_fn(|place| {
            let digit = ((self.0.value() >> (28 - 4 * place)) & 0xF) as u8;
            if digit < 10 {
                b'0' + digit
            } else {
                b'A' - 10 + digit
            }
        });
        serializer.serialize_str(std::str::from_utf8(&digits).map_err(S::Error::custom)?)
    }
}

impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(tag, value)| (Key(tag), value)))
    }
}

/// Writes a number and something else, each with its name, as an object.
fn write_pair<S: Serializer>(
    serializer: S,
    (number_name, number): (&str, u32),
    (part_name, part): (&str, &impl Serialize),
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(2))?;
    map.serialize_entry(number_name, &number)?;
    map.serialize_entry(part_name, part)?;
    map.end()
}

impl Serialize for RecipientRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_pair(
            serializer,
            ("row_id", self.row_id),
            ("properties", &self.properties),
        )
    }
}

impl Serialize for AttachmentRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let members = 2 + usize::from(self.embedded.is_some());
        let mut map = serializer.serialize_map(Some(members))?;
        map.serialize_entry("number", &self.number)?;
        map.serialize_entry("properties", &self.properties)?;
        if let Some(embedded) = &self.embedded {
            map.serialize_entry("message", &Embedded(embedded))?;
        }
        map.end()
    }
}

/// A message inside an attachment. Its attachments stand beside their next number, not in a table of their own: so a
/// message 32 deep stays within the nesting that `serde_json` reads, which is what keeps a hostile document from
/// overflowing the stack.
struct Embedded<'a>(&'a Content);

impl Serialize for Embedded<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("properties", &self.0.properties)?;
        map.serialize_entry("recipients", &self.0.recipients)?;
        map.serialize_entry("next_number", &self.0.attachments.next_number)?;
        map.serialize_entry("attachments", &self.0.attachments.rows)?;
        map.end()
    }
}

impl Serialize for AttachmentTable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_pair(
            serializer,
            ("next_number", self.next_number),
            ("rows", &self.rows),
        )
    }
}

impl Serialize for StreamReference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("stream", &Written(&self.hash))?;
        map.serialize_entry("size", &self.size)?;
        map.end()
    }
}

impl Serialize for StoredValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Inline(value) => value.serialize(serializer),
            Self::Stream(stream) => stream.serialize(serializer),
        }
    }
}

impl Serialize for PropertyValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::I2(value) => value.write(serializer),
            Self::Long(value) => value.write(serializer),
            Self::Float(value) => value.write(serializer),
            Self::Double(value) => value.write(serializer),
            Self::Currency(value) => value.write(serializer),
            Self::AppTime(value) => value.write(serializer),
            Self::Boolean(value) => value.write(serializer),
            Self::I8(value) => value.write(serializer),
            Self::String8(value) => value.write(serializer),
            Self::Unicode(value) => value.write(serializer),
            Self::SysTime(value) => value.write(serializer),
            Self::Clsid(value) => value.write(serializer),
            Self::Binary(value) => value.write(serializer),
            Self::MvI2(many) => write_many(many, serializer),
            Self::MvLong(many) => write_many(many, serializer),
            Self::MvFloat(many) => write_many(many, serializer),
            Self::MvDouble(many) => write_many(many, serializer),
            Self::MvCurrency(many) => write_many(many, serializer),
            Self::MvAppTime(many) => write_many(many, serializer),
            Self::MvI8(many) => write_many(many, serializer),
            Self::MvString8(many) => write_many(many, serializer),
            Self::MvUnicode(many) => write_many(many, serializer),
            Self::MvSysTime(many) => write_many(many, serializer),
            Self::MvClsid(many) => write_many(many, serializer),
            Self::MvBinary(many) => write_many(many, serializer),
        }
    }
}
