//! From content to documents.
//
// By hand down to the single value, since a save writes all of a message, and `serde_json` takes each byte of its texts and
// keys by itself.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::Documents;
use super::element::{Element, Written, write_many};
use super::sink::{Counter, Sink, Text};
use crate::model::content::{
    AttachmentRow, AttachmentTable, Content, RecipientRow, StoredValue, StreamReference,
};
use crate::model::properties::Properties;
use crate::model::property_tag::PropertyTag;
use crate::model::property_value::PropertyValue;

/// What a property, or what stands around some of them, usually takes, in bytes.
const USUAL: usize = 40;

/// Writes the content of a message.
#[must_use]
pub(crate) fn write(content: &Content) -> Documents {
    Documents {
        properties: write_properties(&content.properties),
        recipients: Text::of(
            content
                .recipients
                .iter()
                .map(|row| room(&row.properties))
                .sum(),
            |text| put_recipients(text, &content.recipients),
        ),
        attachments: Text::of(USUAL, |text| put_table(text, &content.attachments)),
    }
}

/// Writes one set of properties, of a folder for instance.
#[must_use]
pub(crate) fn write_properties(properties: &Properties) -> String {
    Text::of(room(properties), |text| put_properties(text, properties))
}

/// Room for properties that are not long, so that their text need not move while it grows.
fn room(properties: &Properties) -> usize {
    (properties.iter().count() + 1) * USUAL
}

/// The bytes that a recipient takes in its document.
#[must_use]
pub(crate) fn row_len(row: &RecipientRow) -> u64 {
    Counter::of(|counter| put_recipient(counter, row))
}

/// The bytes that an attachment takes in its document.
#[must_use]
pub(crate) fn attachment_row_len(row: &AttachmentRow) -> u64 {
    Counter::of(|counter| put_attachment(counter, row))
}

/// The bytes that a property takes in its document, with its tag and the comma behind it.
#[must_use]
pub(crate) fn property_len(tag: PropertyTag, value: &StoredValue) -> u64 {
    Counter::of(|counter| {
        put_property(counter, tag, value);
        counter.put(",");
    })
}

/// Writes things one after the other, with commas between them.
fn put_list<S: Sink, T>(
    sink: &mut S,
    things: impl Iterator<Item = T>,
    mut put: impl FnMut(&mut S, T),
) {
    for (place, thing) in things.enumerate() {
        if place > 0 {
            sink.put(",");
        }
        put(sink, thing);
    }
}

fn put_properties(sink: &mut impl Sink, properties: &Properties) {
    sink.put("{");
    put_list(sink, properties.iter(), |sink, (tag, value)| {
        put_property(sink, tag, value);
    });
    sink.put("}");
}

fn put_property(sink: &mut impl Sink, tag: PropertyTag, value: &StoredValue) {
    sink.put_key(tag);
    match value {
        StoredValue::Inline(PropertyValue::Unicode(text)) => sink.put_text(text),
        StoredValue::Inline(PropertyValue::Binary(bytes)) => sink.put_base64(bytes),
        StoredValue::Inline(PropertyValue::String8(text)) => sink.put_base64(&text.0),
        StoredValue::Inline(value) => sink.put_json(value),
        StoredValue::Stream(stream) => sink.put_json(stream),
    }
}

fn put_recipients(sink: &mut impl Sink, rows: &[RecipientRow]) {
    sink.put("[");
    put_list(sink, rows.iter(), put_recipient);
    sink.put("]");
}

fn put_recipient(sink: &mut impl Sink, row: &RecipientRow) {
    sink.put(r#"{"row_id":"#);
    sink.put_json(&row.row_id);
    sink.put(r#","properties":"#);
    put_properties(sink, &row.properties);
    sink.put("}");
}

fn put_table(sink: &mut impl Sink, table: &AttachmentTable) {
    sink.put(r#"{"next_number":"#);
    sink.put_json(&table.next_number);
    sink.put(r#","rows":"#);
    put_attachments(sink, &table.rows);
    sink.put("}");
}

fn put_attachments(sink: &mut impl Sink, rows: &[AttachmentRow]) {
    sink.put("[");
    put_list(sink, rows.iter(), put_attachment);
    sink.put("]");
}

fn put_attachment(sink: &mut impl Sink, row: &AttachmentRow) {
    sink.put(r#"{"number":"#);
    sink.put_json(&row.number);
    sink.put(r#","properties":"#);
    put_properties(sink, &row.properties);
    if let Some(embedded) = &row.embedded {
        sink.put(r#","message":"#);
        put_embedded(sink, embedded);
    }
    sink.put("}");
}

/// A message inside an attachment. Its attachments stand beside their next number, not in a table of their own: so a
/// message 32 deep stays within the nesting that `serde_json` reads, which is what keeps a hostile document from
/// overflowing the stack.
fn put_embedded(sink: &mut impl Sink, message: &Content) {
    sink.put(r#"{"properties":"#);
    put_properties(sink, &message.properties);
    sink.put(r#","recipients":"#);
    put_recipients(sink, &message.recipients);
    sink.put(r#","next_number":"#);
    sink.put_json(&message.attachments.next_number);
    sink.put(r#","attachments":"#);
    put_attachments(sink, &message.attachments.rows);
    sink.put("}");
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
