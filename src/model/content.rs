//! What one version of a message consists of: properties, recipients and attachments.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::id::{read_hex, write_hex};
use super::pr;
use super::properties::Properties;
use super::property_kind::Tag;
use super::property_tag::PropertyTag;
use super::property_value::PropertyValue;
use crate::{Error, Result};

/// The address of a stream: the BLAKE3 hash of its bytes.
///
/// Printed and parsed as 64 hexadecimal digits, lower-case when printed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamHash([u8; 32]);

impl StreamHash {
    /// Computes the address of the given bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Takes a hash as it was computed elsewhere.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Gives the bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for StreamHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for StreamHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamHash({self})")
    }
}

impl FromStr for StreamHash {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        read_hex(text)
            .map(Self)
            .ok_or_else(|| Error::InvalidParameter {
                detail: format!("a stream hash has 64 hexadecimal digits, this is {text:?}"),
            })
    }
}

/// What a document keeps of a large value: where it is found, and how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamReference {
    /// The address of the stream.
    pub hash: StreamHash,
    /// The length of the stream in bytes.
    pub size: u64,
}

/// The value of a property as a message holds it: in place, or in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredValue {
    /// The value itself.
    Inline(PropertyValue),
    /// The place of a text or binary value that is too large for the message's row.
    Stream(StreamReference),
}

impl StoredValue {
    /// What the value counts for `PR_MESSAGE_SIZE`, in bytes; see [`PropertyValue::byte_len`].
    #[must_use]
    pub fn byte_len(&self) -> u64 {
        match self {
            Self::Inline(value) => value.byte_len(),
            Self::Stream(stream) => stream.size,
        }
    }
}

impl From<PropertyValue> for StoredValue {
    fn from(value: PropertyValue) -> Self {
        Self::Inline(value)
    }
}

/// A recipient of a message: one row of its recipient table ([MS-OXOMSG] 2.2.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RecipientRow {
    /// Names the row within the message (`PR_ROWID`, PidTagRowid).
    pub row_id: u32,
    /// What is known of the recipient.
    pub properties: Properties,
}

/// An attachment of a message: one row of its attachment table ([MS-OXCMSG] 2.2.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AttachmentRow {
    /// Names the attachment within the message (`PR_ATTACH_NUM`, PidTagAttachNumber).
    pub number: u32,
    /// The properties of the attachment, its data among them.
    pub properties: Properties,
    /// The message that is attached, where the method is `afEmbeddedMessage`. Shared by the versions of the
    /// outer message that do not differ in it.
    pub embedded: Option<Arc<Content>>,
}

impl AttachmentRow {
    /// What people call it: its long file name, else its short one, else its display name, else the subject of an embedded
    /// message; none if all are empty.
    pub(crate) fn name(&self) -> Option<String> {
        let text = |properties: &Properties, tag: Tag<String>| {
            properties.typed(tag).filter(|text| !text.is_empty())
        };
        let own = [
            pr::ATTACH_LONG_FILENAME,
            pr::ATTACH_FILENAME,
            pr::DISPLAY_NAME,
        ];
        let mut own = own.into_iter();
        own.find_map(|tag| text(&self.properties, tag))
            .or_else(|| text(&self.embedded.as_ref()?.properties, pr::SUBJECT))
    }

    /// The sum of its properties in bytes, with all that is embedded (`PR_ATTACH_SIZE`).
    pub(crate) fn size(&self) -> u64 {
        let embedded = self.embedded.as_ref().map_or(0, |message| message.size());
        let properties = self.properties.iter().map(|(_, value)| value.byte_len());
        properties.fold(embedded, u64::saturating_add)
    }
}

/// The attachments of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AttachmentTable {
    /// The number that the next attachment gets; numbers of deleted ones do not come back.
    pub next_number: u32,
    /// The attachments in the order of their creation.
    pub rows: Vec<AttachmentRow>,
}

impl AttachmentTable {
    /// Gives no number from now on that was given there. Rows that are here already keep theirs.
    pub(crate) fn spare_numbers_of(&mut self, other: &AttachmentTable) {
        self.next_number = self.next_number.max(other.next_number);
    }
}

/// The content of one version of a message: all that a save writes and a conflict is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    /// The properties of the message itself.
    pub properties: Properties,
    /// Who it goes to.
    pub recipients: Vec<RecipientRow>,
    /// What is attached to it.
    pub attachments: AttachmentTable,
}

impl Content {
    /// Shows all values: the message's, the recipients', the attachments', and those of embedded messages.
    fn for_each_value(&self, each: &mut impl FnMut(&StoredValue)) {
        let recipients = self.recipients.iter().map(|row| &row.properties);
        let attachments = self.attachments.rows.iter().map(|row| &row.properties);
        let bags = std::iter::once(&self.properties)
            .chain(recipients)
            .chain(attachments);
        bags.flat_map(Properties::iter)
            .for_each(|(_, value)| each(value));
        for embedded in self.embedded() {
            embedded.for_each_value(each);
        }
    }

    fn embedded(&self) -> impl Iterator<Item = &Content> {
        let rows = self.attachments.rows.iter();
        rows.filter_map(|row| row.embedded.as_deref())
    }

    /// How many messages are embedded in one another here, at most.
    #[must_use]
    pub(crate) fn depth(&self) -> usize {
        let depths = self.embedded().map(|embedded| 1 + embedded.depth());
        depths.max().unwrap_or(0)
    }

    /// All streams that the message refers to, each once.
    #[must_use]
    pub(crate) fn streams(&self) -> BTreeSet<StreamReference> {
        let mut streams = BTreeSet::new();
        self.for_each_value(&mut |value| {
            if let StoredValue::Stream(stream) = value {
                streams.insert(*stream);
            }
        });
        streams
    }

    /// Takes out the properties whose values are in one of these streams, wherever they are in the message, and says which.
    pub(crate) fn remove_streams(&mut self, gone: &BTreeSet<StreamReference>) -> Vec<PropertyTag> {
        let recipients = self.recipients.iter_mut().map(|row| &mut row.properties);
        let attachments = self.attachments.rows.iter_mut();
        let mut bags = vec![&mut self.properties];
        bags.extend(recipients);
        let mut removed = Vec::new();
        for row in attachments {
            bags.push(&mut row.properties);
            if let Some(embedded) = &mut row.embedded
                && !gone.is_disjoint(&embedded.streams())
            {
                removed.extend(Arc::make_mut(embedded).remove_streams(gone));
            }
        }
        for bag in bags {
            let is_gone = |value: &StoredValue| matches!(value, StoredValue::Stream(stream) if gone.contains(stream));
            let tags = bag.iter().filter(|(_, value)| is_gone(value));
            let tags: Vec<_> = tags.map(|(tag, _)| tag).collect();
            for tag in &tags {
                bag.remove(tag.id());
            }
            removed.extend(tags);
        }
        removed
    }

    /// The size of the message in bytes (`PR_MESSAGE_SIZE_EXTENDED`): all values, streams in full.
    #[must_use]
    pub(crate) fn size(&self) -> u64 {
        let mut size = 0_u64;
        self.for_each_value(&mut |value| size = size.saturating_add(value.byte_len()));
        size
    }
}

/// Says which properties differ between two versions, ascending.
///
/// A property whose type changed is named with both types. A difference in the recipients is
/// `PR_MESSAGE_RECIPIENTS`, one in the attachments `PR_MESSAGE_ATTACHMENTS`.
#[must_use]
pub(crate) fn changed_properties(before: &Content, after: &Content) -> Vec<PropertyTag> {
    let differ = |a: &Properties, b: &Properties| {
        let different = a.iter().filter(|(tag, value)| b.get(*tag) != Some(*value));
        different.map(|(tag, _)| tag).collect::<Vec<_>>()
    };
    let mut tags = differ(&before.properties, &after.properties);
    tags.extend(differ(&after.properties, &before.properties));
    if before.recipients != after.recipients {
        tags.push(pr::MESSAGE_RECIPIENTS);
    }
    if before.attachments != after.attachments {
        tags.push(pr::MESSAGE_ATTACHMENTS);
    }
    tags.sort_unstable();
    tags.dedup();
    tags
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PropertyType;

    fn text(text: &str) -> PropertyValue {
        PropertyValue::from(text)
    }

    const SUBJECT: PropertyTag = pr::SUBJECT.tag();
    const SUBJECT_8: PropertyTag = PropertyTag::from_parts(SUBJECT.id(), PropertyType::String8);

    #[test]
    fn streams_size_and_depth_are_those_of_all_parts() {
        let stream = |data: &[u8]| StreamReference {
            hash: StreamHash::of(data),
            size: data.len() as u64,
        };
        let row = |value: StoredValue| [(pr::ATTACH_DATA_BIN.tag(), value)].into_iter().collect();
        let content = |value: StoredValue, embedded: Option<Content>| Content {
            properties: [(SUBJECT, text("ab"))].into_iter().collect(),
            recipients: vec![RecipientRow {
                row_id: 0,
                properties: row(value.clone()),
            }],
            attachments: AttachmentTable {
                next_number: 1,
                rows: vec![AttachmentRow {
                    number: 0,
                    properties: row(value),
                    embedded: embedded.map(Arc::new),
                }],
            },
        };
        let inner = content(StoredValue::Stream(stream(b"inner")), None);
        assert_eq!((inner.size(), inner.depth()), (2 + 5 + 5, 0));
        let outer = content(StoredValue::Stream(stream(b"data")), Some(inner));
        let both = BTreeSet::from([stream(b"data"), stream(b"inner")]);
        assert_eq!(outer.streams(), both);
        assert_eq!((outer.size(), outer.depth()), (2 + 4 + 4 + 12, 1));
    }

    #[test]
    fn changed_properties_names_set_removed_and_different_ones() {
        let mut before = Content::default();
        before.properties.set(SUBJECT, text("a"));
        before.properties.set(pr::BODY.tag(), text("same"));
        before
            .properties
            .set(pr::IMPORTANCE.tag(), PropertyValue::Long(1));
        let mut after = before.clone();
        assert_eq!(changed_properties(&before, &after), []);
        after.properties.set(SUBJECT, text("b"));
        after.properties.remove(pr::IMPORTANCE.tag().id());
        after
            .properties
            .set(pr::PRIORITY.tag(), PropertyValue::Long(1));
        after.recipients.push(RecipientRow::default());
        after.attachments.next_number = 1;
        assert_eq!(
            changed_properties(&before, &after),
            [
                pr::IMPORTANCE.tag(),
                pr::PRIORITY.tag(),
                SUBJECT,
                pr::MESSAGE_RECIPIENTS,
                pr::MESSAGE_ATTACHMENTS
            ]
        );
    }

    #[test]
    fn changed_type_is_named_with_both_types() {
        let mut before = Content::default();
        before.properties.set(SUBJECT, text("a"));
        let mut after = Content::default();
        after
            .properties
            .set(SUBJECT_8, PropertyValue::String8("a".into()));
        assert_eq!(changed_properties(&before, &after), [SUBJECT_8, SUBJECT]);
    }

    #[test]
    fn stream_hash_survives_its_text() {
        let hash = StreamHash::of(b"");
        assert!(hash.to_string().starts_with("af1349b9f5f9a1a6"));
        assert_eq!(hash.to_string().parse::<StreamHash>().unwrap(), hash);
        assert!("af".parse::<StreamHash>().is_err());
    }
}
