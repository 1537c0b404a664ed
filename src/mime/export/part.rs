//! An attachment as a part of a mail.

use crate::error::Result;
use crate::model::{AttachMethod, PropertyKind, PropertyTag, PropertyValue, Tag, pr};
use crate::store::{Attachment, AttachmentNumber};

use super::super::attachment::{REFERRED_TO_BY_HTML, Surroundings, attachment_of};
use super::super::entity::{Entity, Leaf, Place};
use super::fields::{Fields, media_type};
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
    /// As it is: what is a message, or part of one, may not be encoded (RFC 2046, 5.2).
    AsItIs,
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
        attachment: &Attachment<'_>,
        around: Around,
        header: Option<&KeptHeader>,
    ) -> Result<Self> {
        let held = Held::of(attachment)?;
        let own = attachment.get(pr::MIME_HEADERS)?;
        let was_a_part = own.is_some();
        let own = KeptHeader::read(&own.unwrap_or_default());
        let is_related = around.has_html && held.is_shown;
        let kept = match header {
            Some(header) if !was_a_part => header.only(CONTENT),
            _ => own.without(&[ENCODING]),
        };
        let media_type = held.media_type();
        let writing = if media_type.starts_with("message/") {
            Writing::AsItIs
        } else {
            Writing::Base64
        };
        let header = if held.is_said_by(&kept, is_related, around) {
            kept
        } else {
            held.header(&media_type, is_related)
        };
        Ok(Self {
            number: attachment.number(),
            media_type,
            header,
            writing,
            is_related,
            was_a_part,
        })
    }
}

const ENCODING: &str = "Content-Transfer-Encoding";

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
    fn of(attachment: &Attachment<'_>) -> Result<Self> {
        let text = |tag: Tag<String>| -> Result<Option<String>> {
            Ok(attachment.get(tag)?.filter(|text| !text.is_empty()))
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
        let flags = attachment.get(pr::ATTACH_FLAGS)?.unwrap_or(0);
        let method = attachment.get(pr::ATTACH_METHOD)?;
        let is_message = method == Some(AttachMethod::EmbeddedMessage.code());
        Ok(Self {
            media_type: if is_message {
                Some("message/rfc822".to_owned())
            } else {
                text(pr::ATTACH_MIME_TAG)?
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
        let named = self.media_type.as_deref().and_then(media_type);
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

    fn header(&self, media_type: &str, is_related: bool) -> Vec<u8> {
        let mut fields = Fields::default();
        fields.content("Content-Type", media_type, &[]);
        let name: Vec<_> = self
            .name
            .iter()
            .map(|name| ("filename", name.as_str()))
            .collect();
        let disposition = if is_related { "inline" } else { "attachment" };
        fields.content("Content-Disposition", disposition, &name);
        if let Some(id) = &self.content_id {
            fields.line("Content-ID", &format!("<{id}>"));
        }
        if let Some(location) = &self.location {
            fields.line("Content-Location", location);
        }
        fields.into_bytes()
    }
}

fn value<T: PropertyKind>(all: &[(PropertyTag, PropertyValue)], tag: Tag<T>) -> Option<T> {
    T::from_value(all.iter().find(|(found, _)| *found == tag.tag())?.1.clone())
}
