//! From documents to content.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Unexpected, Visitor,
};

use super::element::{Element, InText, Textual, read_many};
use super::{DocumentError, DocumentKind, Documents};
use crate::model::content::{
    AttachmentRow, AttachmentTable, Content, RecipientRow, StoredValue, StreamReference,
};
use crate::model::properties::Properties;
use crate::model::property_kind::PropertyKind;
use crate::model::property_tag::{PropertyTag, PropertyType, hex_tag};

/// Reads the content of a message.
///
/// # Errors
///
/// [`DocumentError`] for the first document that is not what [`write`](super::write()) could have written,
/// apart from the order of its members and white space.
pub(crate) fn read(documents: &Documents) -> Result<Content, DocumentError> {
    let content = Content {
        properties: from_text(DocumentKind::Properties, &documents.properties)?,
        recipients: from_text(DocumentKind::Recipients, &documents.recipients)?,
        attachments: from_text(DocumentKind::Attachments, &documents.attachments)?,
    };
    check_order(&content)?;
    Ok(content)
}

/// Reads one set of properties, of a folder for instance.
///
/// # Errors
///
/// [`DocumentError`] as for [`read`].
pub(crate) fn read_properties(text: &str) -> Result<Properties, DocumentError> {
    from_text(DocumentKind::Properties, text)
}

/// Ascending as they are written: a number that two rows have, or that a new row would get again, would make one row
/// stand for another.
fn check_order(content: &Content) -> Result<(), DocumentError> {
    let recipients = content.recipients.iter().map(|row| row.row_id);
    if !recipients.is_sorted_by(|one, next| one < next) {
        return Err(out_of_order(
            DocumentKind::Recipients,
            "row ids do not ascend",
        ));
    }
    let numbers = content.attachments.rows.iter().map(|row| row.number);
    if !numbers
        .chain([content.attachments.next_number])
        .is_sorted_by(|one, next| one < next)
    {
        let reason = "numbers do not ascend to the next number";
        return Err(out_of_order(DocumentKind::Attachments, reason));
    }
    let mut rows = content.attachments.rows.iter();
    rows.try_for_each(|row| match &row.embedded {
        Some(embedded) => check_order(embedded),
        None => Ok(()),
    })
}

fn out_of_order(document: DocumentKind, reason: &str) -> DocumentError {
    DocumentError {
        document,
        line: 1,
        column: 1,
        reason: reason.to_owned(),
    }
}

fn from_text<'de, T: Deserialize<'de>>(
    document: DocumentKind,
    text: &'de str,
) -> Result<T, DocumentError> {
    serde_json::from_str(text).map_err(|error| DocumentError {
        document,
        line: error.line(),
        column: error.column(),
        reason: error.to_string(),
    })
}

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PropertiesVisitor;

        impl<'de> Visitor<'de> for PropertiesVisitor {
            type Value = Properties;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of properties")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Properties, A::Error> {
                let mut properties = Properties::new();
                while let Some(Key(tag, property_type)) = access.next_key()? {
                    // The place stands at the end of the inner error, where `serde_json` looks for it.
                    let value = access
                        .next_value_seed(ValueSeed(property_type))
                        .map_err(|error| A::Error::custom(format_args!("{tag}: {error}")))?;
                    if let Some((other, _)) = properties.set(tag, value) {
                        let detail =
                            format_args!("{tag}: the property is there already as {other}");
                        return Err(A::Error::custom(detail));
                    }
                }
                properties.share();
                Ok(properties)
            }
        }

        deserializer.deserialize_map(PropertiesVisitor)
    }
}

/// The key of a property: its tag, and the type that the value is read by.
struct Key(PropertyTag, PropertyType);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;

        impl Visitor<'_> for KeyVisitor {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a property tag of eight upper-case hexadecimal digits and a known type",
                )
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Key, E> {
                // Lower-case digits would name the property a second time, and no generated column sees it.
                let upper = !text.bytes().any(|byte| byte.is_ascii_lowercase());
                let tag = hex_tag(text).filter(|_| upper);
                let key = tag.and_then(|tag| Some(Key(tag, tag.property_type()?)));
                key.ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_str(KeyVisitor)
    }
}

/// Reads a value of the given type.
struct ValueSeed(PropertyType);

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = StoredValue;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<StoredValue, D::Error> {
        match self.0 {
            PropertyType::I2 => single::<i16, D>(deserializer),
            PropertyType::Long => single::<i32, D>(deserializer),
            PropertyType::Float => single::<f32, D>(deserializer),
            PropertyType::Double => single::<f64, D>(deserializer),
            PropertyType::Currency => single::<crate::model::Currency, D>(deserializer),
            PropertyType::AppTime => single::<crate::model::AppTime, D>(deserializer),
            PropertyType::Boolean => single::<bool, D>(deserializer),
            PropertyType::Object => Err(D::Error::custom(
                "a property of type PT_OBJECT has no value of its own",
            )),
            PropertyType::I8 => single::<i64, D>(deserializer),
            PropertyType::String8 => in_place_or_stream::<crate::model::String8, D>(deserializer),
            PropertyType::Unicode => in_place_or_stream::<String, D>(deserializer),
            PropertyType::SysTime => single::<crate::model::FileTime, D>(deserializer),
            PropertyType::Clsid => single::<uuid::Uuid, D>(deserializer),
            PropertyType::Binary => in_place_or_stream::<Vec<u8>, D>(deserializer),
            PropertyType::MvI2 => many::<i16, D>(deserializer),
            PropertyType::MvLong => many::<i32, D>(deserializer),
            PropertyType::MvFloat => many::<f32, D>(deserializer),
            PropertyType::MvDouble => many::<f64, D>(deserializer),
            PropertyType::MvCurrency => many::<crate::model::Currency, D>(deserializer),
            PropertyType::MvAppTime => many::<crate::model::AppTime, D>(deserializer),
            PropertyType::MvI8 => many::<i64, D>(deserializer),
            PropertyType::MvString8 => many::<crate::model::String8, D>(deserializer),
            PropertyType::MvUnicode => many::<String, D>(deserializer),
            PropertyType::MvSysTime => many::<crate::model::FileTime, D>(deserializer),
            PropertyType::MvClsid => many::<uuid::Uuid, D>(deserializer),
            PropertyType::MvBinary => many::<Vec<u8>, D>(deserializer),
        }
    }
}

fn single<'de, T, D>(deserializer: D) -> Result<StoredValue, D::Error>
where
    T: Element + PropertyKind,
    D: Deserializer<'de>,
{
    T::read(deserializer).map(|value| StoredValue::Inline(value.into_value()))
}

fn many<'de, T, D>(deserializer: D) -> Result<StoredValue, D::Error>
where
    T: Element,
    Vec<T>: PropertyKind,
    D: Deserializer<'de>,
{
    read_many::<T, D>(deserializer).map(|values| StoredValue::Inline(values.into_value()))
}

/// Reads a value that stands as a string, or as an object that names its stream.
fn in_place_or_stream<'de, T, D>(deserializer: D) -> Result<StoredValue, D::Error>
where
    T: Textual + PropertyKind,
    D: Deserializer<'de>,
{
    struct LargeVisitor<T>(PhantomData<T>);

    impl<'de, T: Textual + PropertyKind> Visitor<'de> for LargeVisitor<T> {
        type Value = StoredValue;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{} or a stream", T::FORM)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<StoredValue, E> {
            let value = T::from_text(text);
            let value = value.ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))?;
            Ok(StoredValue::Inline(value.into_value()))
        }

        fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<StoredValue, A::Error> {
            let (size, InText(hash)) = read_pair(access, "size", "stream")?;
            Ok(StoredValue::Stream(StreamReference { hash, size }))
        }
    }

    deserializer.deserialize_any(LargeVisitor::<T>(PhantomData))
}

/// Reads a member that an object has at most once.
fn once<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    member: &mut Option<T>,
    name: &str,
    access: &mut A,
) -> Result<(), A::Error> {
    match member.replace(access.next_value()?) {
        None => Ok(()),
        Some(_) => Err(A::Error::custom(format_args!(
            "member {name:?} is there twice"
        ))),
    }
}

fn unknown<T, E: Error>(name: &str) -> Result<T, E> {
    Err(E::custom(format_args!("unknown member {name:?}")))
}

fn required<T, E: Error>(member: Option<T>, name: &'static str) -> Result<T, E> {
    member.ok_or_else(|| E::missing_field(name))
}

/// Reads an object of exactly two members, in either order: a number and something else.
fn read_pair<'de, N, T, A>(
    mut access: A,
    number_name: &'static str,
    part_name: &'static str,
) -> Result<(N, T), A::Error>
where
    N: Deserialize<'de>,
    T: Deserialize<'de>,
    A: MapAccess<'de>,
{
    let mut number = None;
    let mut part = None;
    while let Some(name) = access.next_key::<String>()? {
        if name == number_name {
            once(&mut number, number_name, &mut access)?;
        } else if name == part_name {
            once(&mut part, part_name, &mut access)?;
        } else {
            return unknown(&name);
        }
    }
    Ok((required(number, number_name)?, required(part, part_name)?))
}

/// Reads an object of two members: a 32-bit number and something else.
struct PairVisitor<T> {
    number_name: &'static str,
    part_name: &'static str,
    part: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for PairVisitor<T> {
    type Value = (u32, T);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "an object of {:?} and {:?}",
            self.number_name, self.part_name
        )
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<(u32, T), A::Error> {
        read_pair(access, self.number_name, self.part_name)
    }
}

fn pair<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
    number_name: &'static str,
    part_name: &'static str,
) -> Result<(u32, T), D::Error> {
    deserializer.deserialize_map(PairVisitor {
        number_name,
        part_name,
        part: PhantomData,
    })
}

impl<'de> Deserialize<'de> for RecipientRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (row_id, properties) = pair(deserializer, "row_id", "properties")?;
        Ok(Self { row_id, properties })
    }
}

impl<'de> Deserialize<'de> for AttachmentRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowVisitor;

        impl<'de> Visitor<'de> for RowVisitor {
            type Value = AttachmentRow;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of \"number\", \"properties\" and perhaps \"message\"")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let (mut number, mut properties, mut message) = (None, None, None);
                while let Some(name) = access.next_key::<String>()? {
                    match name.as_str() {
                        "number" => once(&mut number, &name, &mut access)?,
                        "properties" => once(&mut properties, &name, &mut access)?,
                        "message" => once(&mut message, &name, &mut access)?,
                        _ => return unknown(&name),
                    }
                }
                Ok(AttachmentRow {
                    number: required(number, "number")?,
                    properties: required(properties, "properties")?,
                    embedded: message.map(|Embedded(content)| Arc::new(content)),
                })
            }
        }

        deserializer.deserialize_map(RowVisitor)
    }
}

/// A message inside an attachment.
struct Embedded(Content);

impl<'de> Deserialize<'de> for Embedded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EmbeddedVisitor;

        impl<'de> Visitor<'de> for EmbeddedVisitor {
            type Value = Embedded;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "an object of \"properties\", \"recipients\", \"next_number\" and \"attachments\"",
                )
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let (mut properties, mut recipients) = (None, None);
                let (mut next_number, mut rows) = (None, None);
                while let Some(name) = access.next_key::<String>()? {
                    match name.as_str() {
                        "properties" => once(&mut properties, &name, &mut access)?,
                        "recipients" => once(&mut recipients, &name, &mut access)?,
                        "next_number" => once(&mut next_number, &name, &mut access)?,
                        "attachments" => once(&mut rows, &name, &mut access)?,
                        _ => return unknown(&name),
                    }
                }
                Ok(Embedded(Content {
                    properties: required(properties, "properties")?,
                    recipients: required(recipients, "recipients")?,
                    attachments: AttachmentTable {
                        next_number: required(next_number, "next_number")?,
                        rows: required(rows, "attachments")?,
                    },
                }))
            }
        }

        deserializer.deserialize_map(EmbeddedVisitor)
    }
}

impl<'de> Deserialize<'de> for AttachmentTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (next_number, rows) = pair(deserializer, "next_number", "rows")?;
        Ok(Self { next_number, rows })
    }
}
