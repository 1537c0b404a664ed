//! A leaf that is no body, as a MAPI attachment ([MS-OXCMAIL] section 2.2.3.4).

use std::borrow::Cow;

use crate::model::{AttachMethod, PropertyTag, PropertyValue, pr};

use super::content::{decoded, swapped};
use super::entity::Leaf;
use super::envelope::set;
use super::header_block::{HeaderBlock, HeaderOf};
use super::parse::ParsedAttachment;

/// `ATT_MHTML_REF`: the HTML body refers to the attachment ([MS-OXCMSG] section 2.2.2.18).
pub(super) const REFERRED_TO_BY_HTML: i32 = 4;

/// The rendering position of an attachment that has no place in the body ([MS-OXCMSG] 2.2.2.16).
const NOT_RENDERED: i32 = -1;

/// What a leaf has to know of its message to become an attachment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings {
    /// Whether there is an HTML body: only then may a picture be hidden from the list of
    /// attachments, because the body shows it.
    pub(super) has_html: bool,
    /// Whether the lines of the file end in bare CR, and were read as if they ended in LF.
    pub(super) has_bare_cr: bool,
}

/// Makes an attachment of a leaf.
pub(super) fn attachment_of(leaf: &Leaf<'_>, message: Surroundings) -> ParsedAttachment {
    let entity = &leaf.entity;
    let data = decoded(entity);
    let media_type = entity.media_type();
    let is_nested = matches!(media_type.as_str(), "message/rfc822" | "message/global");
    let has_header = || !HeaderBlock::split(&data, HeaderOf::Part).0.bytes.is_empty();
    let method = if is_nested && has_header() {
        AttachMethod::EmbeddedMessage
    } else {
        AttachMethod::ByValue
    };
    let name = entity
        .file_name()
        .map(str::to_owned)
        .or_else(|| is_nested.then(|| nested_message_name(&data)));
    let mut properties: Vec<(PropertyTag, PropertyValue)> = Vec::new();
    set(&mut properties, pr::ATTACH_METHOD, method.code());
    set(&mut properties, pr::RENDERING_POSITION, NOT_RENDERED);
    set(&mut properties, pr::ATTACH_MIME_TAG, media_type);
    if let Some(name) = name {
        if let Some(extension) = extension(&name) {
            set(&mut properties, pr::ATTACH_EXTENSION, extension.to_owned());
        }
        set(&mut properties, pr::ATTACH_FILENAME, name.clone());
        set(&mut properties, pr::ATTACH_LONG_FILENAME, name);
    }
    let content_id = entity.content_id();
    let location = entity.header.text("Content-Location");
    let is_shown = !entity.is_attachment() && (leaf.place.in_related || entity.is_inline());
    if is_shown && message.has_html && (content_id.is_some() || location.is_some()) {
        set(&mut properties, pr::ATTACH_FLAGS, REFERRED_TO_BY_HTML);
        if content_id.is_some() {
            set(&mut properties, pr::ATTACHMENT_HIDDEN, true);
        }
    }
    if let Some(id) = content_id {
        set(&mut properties, pr::ATTACH_CONTENT_ID, id);
    }
    if let Some(location) = location {
        set(&mut properties, pr::ATTACH_CONTENT_LOCATION, location);
    }
    // The header of the message is a property of the message already.
    if leaf.place.depth > 0 && !entity.header.bytes.is_empty() {
        set(
            &mut properties,
            pr::MIME_HEADERS,
            entity.header.bytes.to_vec(),
        );
    }
    let data = match data {
        Cow::Borrowed(written) if message.has_bare_cr => swapped(written, b'\n', b'\r'),
        data => data.into_owned(),
    };
    ParsedAttachment { properties, data }
}

/// The extension with its dot, as PidTagAttachExtension has it ([MS-OXCMSG] section 2.2.2.12).
fn extension(name: &str) -> Option<&str> {
    let dot = name.rfind('.')?;
    name.get(dot..)
        .filter(|extension| extension.len() > 1 && !extension.contains('/'))
}

/// A file name for a nested message: its subject, without what file systems refuse.
fn nested_message_name(message: &[u8]) -> String {
    let (header, _) = HeaderBlock::split(message, HeaderOf::Part);
    let subject = header
        .decoded_text("Subject")
        .unwrap_or_else(|| "message".to_owned());
    let allowed = |character: char| {
        if character.is_control() || r#"/\:*?"<>|"#.contains(character) {
            '_'
        } else {
            character
        }
    };
    let mut name: String = subject
        .chars()
        .map(allowed)
        .take(LONGEST_SUBJECT_IN_NAME)
        .collect();
    name.push_str(".eml");
    name
}

/// So many characters of a subject go into a file name; four bytes each are within the 255 bytes
/// that file systems allow.
const LONGEST_SUBJECT_IN_NAME: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::parse_message;
    use crate::model::{PropertyKind, Tag};

    fn only(message: &str) -> ParsedAttachment {
        let mut found = parse_message(message.as_bytes()).attachments;
        assert_eq!(found.len(), 1);
        found.remove(0)
    }

    fn value<T: PropertyKind>(attachment: &ParsedAttachment, tag: Tag<T>) -> Option<T> {
        let mut properties = attachment.properties.iter();
        T::from_value(properties.find(|(found, _)| *found == tag.tag())?.1.clone())
    }

    #[test]
    fn a_file_keeps_its_name_type_and_bytes() {
        let found = only(concat!(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: application/pdf\n",
            "Content-Disposition: attachment; filename*=utf-8''caf%C3%A9.pdf\n",
            "Content-Transfer-Encoding: base64\n\n/wA=\n--b--\n",
        ));
        assert_eq!(found.data, [0xFF, 0]);
        assert_eq!(
            value(&found, pr::ATTACH_LONG_FILENAME).as_deref(),
            Some("café.pdf")
        );
        assert_eq!(value(&found, pr::ATTACH_EXTENSION).as_deref(), Some(".pdf"));
        assert_eq!(
            value(&found, pr::ATTACH_MIME_TAG).as_deref(),
            Some("application/pdf")
        );
        assert_eq!(value(&found, pr::ATTACH_METHOD), Some(1));
        assert_eq!(value(&found, pr::RENDERING_POSITION), Some(-1));
        assert_eq!(value(&found, pr::ATTACHMENT_HIDDEN), None);
        let header = value(&found, pr::MIME_HEADERS).unwrap_or_default();
        assert!(header.starts_with(b"Content-Type: application/pdf\n"));
    }

    #[test]
    fn a_picture_is_hidden_only_beside_the_html_that_shows_it() {
        for (body, hidden) in [("html", Some(true)), ("plain", None)] {
            let found = only(&format!(
                "Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/{body}\n\nx\n\
                 --b\nContent-Type: image/png\nContent-ID: <p@x>\n\nP\n--b--\n"
            ));
            assert_eq!(value(&found, pr::ATTACHMENT_HIDDEN), hidden, "{body}");
            assert_eq!(value(&found, pr::ATTACH_FLAGS), hidden.map(|_| 4), "{body}");
            assert_eq!(value(&found, pr::ATTACH_CONTENT_ID).as_deref(), Some("p@x"));
        }
    }

    #[test]
    fn a_nested_message_is_one_with_its_bytes_and_is_named_by_its_subject() {
        let nested = "Subject: a/b\r\nContent-Type: text/plain\r\n\r\nhello\r\n";
        let found = only(&format!(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
             Content-Type: message/rfc822\r\n\r\n{nested}\r\n--b--\r\n"
        ));
        assert_eq!(found.data, nested.as_bytes());
        assert_eq!(value(&found, pr::ATTACH_METHOD), Some(5));
        assert_eq!(
            value(&found, pr::ATTACH_LONG_FILENAME).as_deref(),
            Some("a_b.eml")
        );
        assert_eq!(
            value(&found, pr::ATTACH_MIME_TAG).as_deref(),
            Some("message/rfc822")
        );
    }

    #[test]
    fn what_has_no_field_is_no_message() {
        let found = only("Content-Type: message/rfc822\n\nno field\n");
        assert_eq!(value(&found, pr::ATTACH_METHOD), Some(1));
    }
}
