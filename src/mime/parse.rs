//! One mail in, one message out.

use std::borrow::Cow;

use crate::model::{PropertyTag, PropertyValue, Recipient, pr};

use super::addresses::recipients;
use super::attachment::{Surroundings, attachment_of};
use super::content::{decode_text, swapped, text};
use super::entity::{Entity, Leaf};
use super::envelope::{map_envelope, set};
use super::message_class::Structure;

/// A mail as MAPI sees it, ready to be written to a message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParsedMessage {
    /// The properties of the message, each tag once. What a store sets or computes is not among
    /// them, nor are PidTagMessageFlags and the display lists of the recipients.
    pub properties: Vec<(PropertyTag, PropertyValue)>,
    /// The recipients of `To`, `Cc` and `Bcc`, in this order.
    pub recipients: Vec<Recipient>,
    /// The attachments, in the order of the parts.
    pub attachments: Vec<ParsedAttachment>,
}

/// An attachment as MAPI sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParsedAttachment {
    /// The properties of the attachment, each tag once, without its data, size and number.
    pub properties: Vec<(PropertyTag, PropertyValue)>,
    /// The data (PidTagAttachDataBinary): the content of the part, its transfer encoding undone. Where
    /// PidTagAttachMethod says that it is an embedded message, the mail for [`parse_message`] to read.
    pub data: Vec<u8>,
}

/// The code page of the HTML body: UTF-8 (PidTagInternetCodepage, [MS-OXCMSG] section 2.2.1.56.6).
const UTF_8_CODE_PAGE: i32 = 65001;

/// Reads a mail (RFC 5322, RFC 2045 to 2049) as [MS-OXCMAIL] section 2.2.3 describes.
///
/// This never fails and never panics, whatever the bytes are:
///
/// * The header gives the properties; it is also kept whole, as PidTagTransportMessageHeaders with
///   what is not UTF-8 replaced, and byte for byte as `PR_INTERNET_HEADERS_RAW`.
/// * The first plain text and the first HTML that are not marked as attachments become
///   PidTagBody and PidTagHtml. Neither is made from the other.
/// * Every other leaf of the MIME structure becomes an attachment, also further texts, signatures,
///   reports and calendars. A nested message becomes one that holds its bytes,
///   and is not read.
/// * Where no header field is found, the whole file becomes PidTagBody and there is nothing else:
///   the file is read as UTF-8, or as windows-1252 if it is not that.
///
/// A file whose lines end in bare CR is read as if they ended in LF; the raw header and the
/// attachments that are not encoded keep their CR.
#[must_use]
pub fn parse_message(bytes: &[u8]) -> ParsedMessage {
    let mail = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let blank = mail
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    let mail = mail.get(blank..).unwrap_or_default();
    let has_bare_cr = !mail.contains(&b'\n') && mail.contains(&b'\r');
    let readable: Cow<'_, [u8]> = if has_bare_cr {
        swapped(mail, b'\r', b'\n').into()
    } else {
        mail.into()
    };

    let message = Entity::message(&readable);
    if message.header.is_empty() {
        return without_header(bytes);
    }
    // Bytes were exchanged one for one, so the header is as long as it was.
    let written = mail.get(..message.header.bytes.len()).unwrap_or_default();
    let mut properties = Vec::new();
    map_envelope(&message.header, written, &mut properties);
    let recipients = recipients(&message.header);
    let structure = Structure::of(&message);
    let leaves = message.into_leaves();
    set(
        &mut properties,
        pr::MESSAGE_CLASS,
        structure.message_class(&leaves).to_owned(),
    );

    let bodies = Bodies::among(&leaves);
    if let Some(leaf) = bodies.plain.and_then(|at| leaves.get(at)) {
        set(&mut properties, pr::BODY, text(&leaf.entity));
    }
    if let Some(leaf) = bodies.html.and_then(|at| leaves.get(at)) {
        set(&mut properties, pr::HTML, text(&leaf.entity).into_bytes());
        set(&mut properties, pr::INTERNET_CPID, UTF_8_CODE_PAGE);
    }
    let surroundings = Surroundings {
        has_html: bodies.html.is_some(),
        has_bare_cr,
    };
    let attachments = leaves
        .iter()
        .enumerate()
        .filter(|(at, _)| bodies.plain != Some(*at) && bodies.html != Some(*at))
        .map(|(_, leaf)| attachment_of(leaf, surroundings))
        .collect();
    ParsedMessage {
        properties,
        recipients,
        attachments,
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The message that a file without any header field becomes.
fn without_header(bytes: &[u8]) -> ParsedMessage {
    let mut properties = Vec::new();
    set(&mut properties, pr::MESSAGE_CLASS, "IPM.Note".to_owned());
    set(&mut properties, pr::BODY, decode_text(bytes, None));
    ParsedMessage {
        properties,
        ..ParsedMessage::default()
    }
}

/// Which leaves are the bodies of the message.
#[derive(Debug)]
struct Bodies {
    plain: Option<usize>,
    html: Option<usize>,
}

impl Bodies {
    /// Finds the bodies. A message that is one piece and should be several, because no delimiter
    /// is in it, is shown as text.
    fn among(leaves: &[Leaf<'_>]) -> Self {
        let first = |media_type: &str| {
            leaves.iter().position(|leaf| {
                leaf.place.may_be_body
                    && !leaf.entity.is_attachment()
                    && leaf.entity.media_type() == media_type
            })
        };
        let unread = || {
            let [leaf] = leaves else { return None };
            let is_whole = leaf.place.depth == 0;
            (is_whole && leaf.entity.media_type().starts_with("multipart/")).then_some(0)
        };
        Self {
            plain: first("text/plain").or_else(unread),
            html: first("text/html"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{PropertyKind, Tag};

    fn value<T: PropertyKind>(message: &ParsedMessage, tag: Tag<T>) -> Option<T> {
        let mut properties = message.properties.iter();
        T::from_value(properties.find(|(found, _)| *found == tag.tag())?.1.clone())
    }

    fn body(message: &[u8]) -> Option<String> {
        value(&parse_message(message), pr::BODY)
    }

    #[test]
    fn alternatives_become_both_bodies_and_the_rest_attachments() {
        let message = parse_message(
            b"Subject: x\nContent-Type: multipart/alternative; boundary=b\n\n\
              --b\n\nplain\n--b\nContent-Type: text/html; charset=iso-8859-1\n\n<p>\xe4\n\
              --b\nContent-Type: text/calendar\n\nBEGIN\n--b\n\nsecond\n--b--\n",
        );
        assert_eq!(value(&message, pr::BODY).as_deref(), Some("plain"));
        assert_eq!(
            value(&message, pr::HTML).as_deref(),
            Some("<p>\u{e4}".as_bytes())
        );
        assert_eq!(value(&message, pr::INTERNET_CPID), Some(65001));
        let rest: Vec<_> = message
            .attachments
            .iter()
            .map(|one| one.data.as_slice())
            .collect();
        assert_eq!(rest, [b"BEGIN".as_slice(), b"second"]);
    }

    #[test]
    fn no_body_is_made_from_the_other() {
        let html = parse_message(b"Content-Type: text/html\n\n<p>x");
        assert_eq!(value(&html, pr::BODY), None);
        assert!(value(&html, pr::HTML).is_some());
        let attached = b"Content-Disposition: attachment\n\nx";
        assert_eq!(body(attached), None);
        assert_eq!(parse_message(attached).attachments.len(), 1);
    }

    #[test]
    fn the_header_is_kept_byte_for_byte() {
        let message = parse_message(b"\r\nSubject: \xff\r\n\tx\r\nBroken:\r\n\r\nbody");
        let header = b"Subject: \xff\r\n\tx\r\nBroken:\r\n";
        assert_eq!(
            value(&message, pr::MIME_HEADERS).as_deref(),
            Some(header.as_slice())
        );
        let text = value(&message, pr::TRANSPORT_MESSAGE_HEADERS);
        assert_eq!(
            text.as_deref(),
            Some("Subject: \u{fffd}\r\n\tx\r\nBroken:\r\n")
        );
    }

    #[test]
    fn a_file_without_header_is_all_body() {
        for (file, text) in [
            (b"just text\nA: b\n".as_slice(), "just text\nA: b\n"),
            (b"", ""),
            (b"caf\xe9\n", "caf\u{e9}\n"),
        ] {
            let message = parse_message(file);
            assert_eq!(value(&message, pr::BODY).as_deref(), Some(text));
            assert_eq!(value(&message, pr::MIME_HEADERS), None);
            assert!(message.attachments.is_empty());
        }
    }

    #[test]
    fn bare_cr_ends_lines_too_and_is_kept() {
        let message = parse_message(
            b"Subject: x\rContent-Type: multipart/mixed; boundary=b\r\r--b\r\ra\r\
              --b\rContent-Type: text/x\r\rb\rc\r--b--\r",
        );
        assert_eq!(value(&message, pr::SUBJECT).as_deref(), Some("x"));
        assert_eq!(value(&message, pr::BODY).as_deref(), Some("a"));
        assert_eq!(
            message.attachments.first().map(|one| one.data.as_slice()),
            Some(b"b\rc".as_slice())
        );
        let header = value(&message, pr::MIME_HEADERS).unwrap_or_default();
        assert!(header.starts_with(b"Subject: x\r"));
    }

    #[test]
    fn an_unreadable_multipart_is_shown_as_text() {
        let text = "Content-Type: multipart/mixed\n\n--b\n\nx\n";
        assert_eq!(body(text.as_bytes()).as_deref(), Some("--b\n\nx\n"));
    }

    #[test]
    fn nesting_of_any_depth_is_read_in_bounded_stack() {
        let nested = "Content-Type: message/rfc822\n\n".repeat(200_000);
        assert_eq!(parse_message(nested.as_bytes()).attachments.len(), 1);
        let parts = "Content-Type: multipart/mixed; boundary=b\n\n--b\n".repeat(50_000);
        assert!(!parse_message(parts.as_bytes()).properties.is_empty());
        let comments = format!(
            "To: {}\nContent-Type: {}\n\n",
            "(".repeat(200_000),
            "(".repeat(200_000)
        );
        assert!(!parse_message(comments.as_bytes()).properties.is_empty());
    }

    #[test]
    fn any_number_of_fields_is_read() {
        let fields = "X: y\nTo: a@b\n".repeat(50_000);
        assert_eq!(parse_message(fields.as_bytes()).recipients.len(), 50_000);
    }

    /// Bytes that look like mail, so that more than the first line is exercised.
    fn almost_mail() -> impl Strategy<Value = Vec<u8>> {
        let token = prop::sample::select(vec![
            "Content-Type: ",
            "multipart/mixed",
            "multipart/related",
            "multipart/report",
            "text/plain",
            "text/html",
            "message/rfc822",
            "message/delivery-status",
            "; boundary=b",
            "; boundary=\"b",
            "; name*0*=utf-8''%",
            "; name*1=x",
            "; charset=",
            "iso-2022-jp",
            "utf-7",
            "utf-16",
            "\n--b\n",
            "\n--b--",
            "--b",
            "\n\n",
            "\r\n\r\n",
            "\n",
            "\r",
            "\n ",
            ":",
            ";",
            "=",
            "=?",
            "=?utf-8?q?",
            "?=",
            "=?x?b?",
            "=E4",
            "=\n",
            "%",
            "(",
            ")",
            "<",
            ">",
            "\"",
            "\\",
            "@",
            ",",
            "From: ",
            "To: ",
            "Subject: ",
            "Date: ",
            "Received: ",
            "Thread-Index: ",
            "References: ",
            "X-Priority: ",
            "Content-Transfer-Encoding: ",
            "base64",
            "quoted-printable",
            "aGk=",
            "Content-Disposition: attachment; filename=",
            "Content-ID: ",
            "Action: failed",
            "a",
            "1",
            "31 Feb 1995 09:38:18",
            " -9999",
            "\0",
            "\u{feff}",
            "\u{e9}",
        ]);
        let piece = prop_oneof![
            9 => token.prop_map(|token| token.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..4),
        ];
        prop::collection::vec(piece, 0..80).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_bytes_become_a_message(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(value(&parse_message(&bytes), pr::MESSAGE_CLASS).is_some());
        }

        #[test]
        fn anything_like_mail_becomes_a_message(bytes in almost_mail()) {
            let message = parse_message(&bytes);
            let header = value(&message, pr::MIME_HEADERS);
            prop_assert!(header.is_some() || value(&message, pr::BODY).is_some());
            if let Some(header) = header {
                prop_assert!(bytes.windows(header.len()).any(|window| window == header));
            }
        }
    }
}
