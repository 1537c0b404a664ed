//! An attachment as a part of a mail.

use crate::error::Result;
use crate::model::{
    AttachmentRow, MediaType, PropertyKind, PropertyTag, PropertyValue, StoredValue, Tag, pr,
};
use crate::store::{AttachmentNumber, Message};

use super::super::attachment::{REFERRED_TO_BY_HTML, Surroundings, attachment_of};
use super::super::entity::{Entity, Leaf, Place};
use super::fields::Fields;
use super::kept::KeptHeader;

/// What the mail around an attachment is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around {
    pub(super) has_plain: bool,
    pub(super) has_html: bool,
}

/// How the data of a part is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    Base64,
    /// Line by line: what is part of a message may not be encoded (RFC 2046, 5.2).
    Lines,
    /// As a mail of its own.
    Message,
}

/// An attachment ready to be written.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) number: AttachmentNumber,
    pub(super) media_type: String,
    /// The fields, but for the encoding.
    pub(super) header: Vec<u8>,
    pub(super) writing: Writing,
    /// Whether the HTML body shows it, so that it stands beside that body.
    pub(super) is_related: bool,
    /// Whether it was a part among others when it was imported.
    pub(super) was_a_part: bool,
}

const OCTET_STREAM: &str = "application/octet-stream";

impl Part {
    /// Plans an attachment. `header` is the stored header of the message, for an attachment that was
    /// the whole of a mail; otherwise that of the attachment is taken.
    pub(super) fn plan(
        message: &Message,
        number: AttachmentNumber,
        around: Around,
        header: Option<&KeptHeader>,
    ) -> Result<Self> {
        let row = message.attachment_row(number)?;
        let held = Held::of(message, row)?;
        let own = property(message, row, pr::INTERNET_HEADERS_RAW)?;
        let was_a_part = own.is_some();
        let own = KeptHeader::read(&own.unwrap_or_default());
        let is_related = around.has_html && held.is_shown;
        let kept = match header {
            Some(header) if !was_a_part => header.only(CONTENT),
            _ => own.without(&[ENCODING]),
        };
        let media_type = held.media_type();
        let writing = if row.embedded.is_some() {
            Writing::Message
        } else if media_type.starts_with("message/") {
            Writing::Lines
        } else {
            Writing::Base64
        };
        // A disposition of our own may be all that is missing.
        let mut other = Fields::after(KeptHeader::read(&kept).without(&[DISPOSITION]));
        other.content(DISPOSITION, disposition(is_related), &held.file_name());
        let candidates = [kept, other.into_bytes()];
        let said = candidates
            .into_iter()
            .find(|header| held.is_said_by(header, is_related, around));
        let header = said.unwrap_or_else(|| held.header(&media_type, is_related));
        Ok(Self {
            number,
            media_type,
            header,
            writing,
            is_related,
            was_a_part,
        })
    }
}

const ENCODING: &str = "Content-Transfer-Encoding";
const DISPOSITION: &str = "Content-Disposition";

/// How a part is shown that an HTML body refers to, or any other (RFC 2183, 2).
fn disposition(is_related: bool) -> &'static str {
    if is_related { "inline" } else { "attachment" }
}

/// The fields of a message that describe its only part.
const CONTENT: &[&str] = &[
    "Content-Type",
    "Content-Disposition",
    "Content-ID",
    "Content-Location",
];

/// What an attachment holds that its header says.
#[derive(Debug)]
struct Held {
    media_type: Option<String>,
    name: Option<String>,
    content_id: Option<String>,
    location: Option<String>,
    is_shown: bool,
}

impl Held {
    fn of(message: &Message, row: &AttachmentRow) -> Result<Self> {
        let text = |tag: Tag<String>| -> Result<Option<String>> {
            Ok(property(message, row, tag)?.filter(|text| !text.is_empty()))
        };
        let mut name = None;
        for tag in [
            pr::ATTACH_LONG_FILENAME,
            pr::ATTACH_FILENAME,
            pr::DISPLAY_NAME,
        ] {
            if name.is_none() {
                name = text(tag)?;
            }
        }
        let content_id = text(pr::ATTACH_CONTENT_ID)?;
        let location = text(pr::ATTACH_CONTENT_LOCATION)?;
        let flags = property(message, row, pr::ATTACH_FLAGS)?.unwrap_or(0);
        let media_type = text(pr::ATTACH_MIME_TAG)?;
        let is_message = row.embedded.is_some();
        Ok(Self {
            media_type: match media_type {
                Some(media_type) if !is_message || media_type == "message/global" => {
                    Some(media_type)
                }
                _ if is_message => Some("message/rfc822".to_owned()),
                other => other,
            },
            name,
            is_shown: flags & REFERRED_TO_BY_HTML != 0
                && (content_id.is_some() || location.is_some()),
            content_id,
            location,
        })
    }

    /// The type that the part is written with. Data is no multipart, whatever it is called.
    fn media_type(&self) -> String {
        let named = self
            .media_type
            .as_deref()
            .and_then(|text| text.parse::<MediaType>().ok());
        let named = named.map(|named| named.to_lower_case());
        named
            .filter(|named| !named.starts_with("multipart/"))
            .unwrap_or_else(|| OCTET_STREAM.to_owned())
    }

    /// Whether an import would read the same from a header, and take the part for no body.
    fn is_said_by(&self, header: &[u8], is_related: bool, around: Around) -> bool {
        let entity = Entity::part(header, "text/plain");
        if entity.media_type() != self.media_type() {
            return false;
        }
        let is_open = !entity.is_attachment() && !is_related;
        let is_taken_for_body = match entity.media_type().as_str() {
            "text/plain" => is_open && !around.has_plain,
            "text/html" => is_open && !around.has_html,
            _ => false,
        };
        // A nested message has a name even where none is written.
        let has_own_name = entity.file_name().is_none() && self.is_nested_message();
        let leaf = Leaf {
            entity,
            place: Place {
                depth: 1,
                may_be_body: false,
                in_related: is_related,
            },
        };
        let surroundings = Surroundings {
            has_html: around.has_html,
            has_bare_cr: false,
        };
        let read = attachment_of(&leaf, surroundings).properties;
        let flags = value(&read, pr::ATTACH_FLAGS).unwrap_or(0);
        let is_shown = flags & REFERRED_TO_BY_HTML != 0;
        !is_taken_for_body
            && is_shown == is_related
            && value(&read, pr::ATTACH_CONTENT_ID) == self.content_id
            && value(&read, pr::ATTACH_CONTENT_LOCATION) == self.location
            && (has_own_name || value(&read, pr::ATTACH_LONG_FILENAME) == self.name)
    }

    fn is_nested_message(&self) -> bool {
        let named = self
            .name
            .as_ref()
            .is_some_and(|name| name.ends_with(".eml"));
        named && self.media_type().starts_with("message/")
    }

    fn file_name(&self) -> Vec<(&'static str, &str)> {
        let name = self.name.iter();
        name.map(|name| ("filename", name.as_str())).collect()
    }

    fn header(&self, media_type: &str, is_related: bool) -> Vec<u8> {
        let mut fields = Fields::default();
        fields.content("Content-Type", media_type, &[]);
        fields.content(DISPOSITION, disposition(is_related), &self.file_name());
        if let Some(id) = &self.content_id {
            fields.line("Content-ID", &format!("<{id}>"));
        }
        if let Some(location) = &self.location {
            fields.line("Content-Location", location);
        }
        fields.into_bytes()
    }
}

/// A property of an attachment, a large one as well.
fn property<T: PropertyKind>(
    message: &Message,
    row: &AttachmentRow,
    tag: Tag<T>,
) -> Result<Option<T>> {
    let value = match row.properties.get(tag.tag()) {
        None => return Ok(None),
        Some(StoredValue::Inline(value)) => value.clone(),
        Some(StoredValue::Stream(_)) => message.load(&row.properties, tag.tag())?,
    };
    Ok(T::from_value(value))
}

fn value<T: PropertyKind>(all: &[(PropertyTag, PropertyValue)], tag: Tag<T>) -> Option<T> {
    T::from_value(all.iter().find(|(found, _)| *found == tag.tag())?.1.clone())
}
