//! The header of a message or of a body part: where it ends, and what its fields say.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use mail_parser::parsers::MessageStream;
use mail_parser::{Address, ContentType, DateTime, Header, HeaderName, HeaderValue, MessageParser};

use super::encoded_words::decoded_words;

/// Reads the fields of a message header. All but addresses stays text: it is stored as it is
/// written, or taken apart when it is asked for.
static MESSAGE_FIELDS: LazyLock<MessageParser> = LazyLock::new(|| {
    MessageParser::new()
        .with_address_headers()
        .default_header_raw()
});

/// Reads the fields of a part's header, of which only the MIME ones mean anything (RFC 2046, 5.1).
static PART_FIELDS: LazyLock<MessageParser> = LazyLock::new(|| {
    MessageParser::new()
        .header_raw(HeaderName::ContentType)
        .header_raw(HeaderName::ContentDisposition)
        .header_raw(HeaderName::ContentTransferEncoding)
        .header_raw(HeaderName::ContentId)
        .header_raw(HeaderName::ContentLocation)
        .header_raw(HeaderName::Subject)
        .default_header_ignore()
});

/// How much of a `Content-Type` or `Content-Disposition` is read. The parser's work grows with the
/// square of the number of parameters.
const LONGEST_CONTENT_FIELD: usize = 64 * 1024;

/// Whose header is read, and so which of its fields matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderOf {
    /// The message itself.
    Message,
    /// A body part, or a nested message of which only the subject is wanted.
    Part,
}

/// The header of an entity: its bytes, and the fields read from them.
#[derive(Debug)]
pub(super) struct HeaderBlock<'x> {
    /// The fields as they are written, without the empty line that ends them.
    pub(super) bytes: &'x [u8],
    /// The `Content-Type`, if it can be read.
    pub(super) content_type: Option<ContentType<'static>>,
    /// The `Content-Disposition`, if it can be read.
    pub(super) disposition: Option<ContentType<'static>>,
    fields: Vec<Header<'x>>,
}

impl<'x> HeaderBlock<'x> {
    /// Splits an entity into its header and its body.
    pub(super) fn split(entity: &'x [u8], whose: HeaderOf) -> (Self, &'x [u8]) {
        let (end, body) = header_end(entity);
        let bytes = entity.get(..end).unwrap_or_default();
        let parser = match whose {
            HeaderOf::Message => &MESSAGE_FIELDS,
            HeaderOf::Part => &PART_FIELDS,
        };
        let mut header = Self {
            bytes,
            fields: read_fields(bytes, parser),
            ..Self::none()
        };
        header.content_type = header.content_field("Content-Type");
        header.disposition = header.content_field("Content-Disposition");
        (header, entity.get(body..).unwrap_or_default())
    }

    /// A header without fields.
    pub(super) fn none() -> Self {
        Self {
            bytes: &[],
            content_type: None,
            disposition: None,
            fields: Vec::new(),
        }
    }

    /// Whether there is no field at all.
    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    fn named<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Header<'x>> {
        self.fields
            .iter()
            .filter(move |field| field.name.as_str().eq_ignore_ascii_case(name))
    }

    fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a HeaderValue<'x>> {
        self.named(name).map(|field| &field.value)
    }

    /// The first field of this name as one line of text: folds and runs of white space become one
    /// space. `None` if there is none or it is empty.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let text = self.values(name).next()?.as_text()?;
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        (!line.is_empty()).then_some(line)
    }

    /// All address fields of this name, in the order in which they are written.
    pub(super) fn addresses<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Address<'x>> {
        self.values(name).filter_map(HeaderValue::as_address)
    }

    /// The first field of this name as one line of text, its encoded words decoded. White space
    /// inside a line stays as it is.
    pub(super) fn decoded_text(&self, name: &str) -> Option<String> {
        let text = self.values(name).next()?.as_text()?;
        let line = text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        // An encoded word may hide a line end.
        let decoded = decoded_words(&line).replace(['\r', '\n'], " ");
        let decoded = decoded.trim();
        (!decoded.is_empty()).then(|| decoded.to_owned())
    }

    /// The first words of all comments in the fields of this name (RFC 5322, 3.2.2).
    pub(super) fn comment_words(&self, name: &str) -> HashSet<&'x [u8]> {
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || *byte == b')';
        self.named(name)
            .filter_map(|field| {
                let (start, end) = (field.offset_start, field.offset_end);
                self.bytes
                    .get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
            })
            .flat_map(|written| written.split(|&byte| byte == b'(').skip(1))
            .filter_map(|text| text.trim_ascii_start().split(is_end).next())
            .collect()
    }

    /// The first field of this name as a date, if it is one that exists. A date without a time zone
    /// is in UTC (RFC 5322, 4.3).
    pub(super) fn date(&self, name: &str) -> Option<DateTime> {
        let text = self.text(name)?;
        // A date in a trace field stands behind its last semicolon (RFC 5322, 3.6.7).
        let date = text.rsplit(';').next()?;
        [format!("{date}\n"), format!("{date} +0000\n")]
            .iter()
            .find_map(|date| DateTime::parse_rfc822(date))
            .filter(DateTime::is_valid)
    }

    fn content_field(&self, name: &str) -> Option<ContentType<'static>> {
        let text = self.values(name).next()?.as_text()?;
        let end = text.floor_char_boundary(LONGEST_CONTENT_FIELD);
        let field = format!("{}\n", text.get(..end)?);
        let value = MessageStream::new(field.as_bytes()).parse_content_type();
        value.into_owned().into_content_type()
    }
}

/// Reads the fields of a header block.
///
/// The parser recognises a field by its line end, so a last line that lacks one gets it here.
fn read_fields<'x>(block: &'x [u8], parser: &MessageParser) -> Vec<Header<'x>> {
    if block.is_empty() || block.ends_with(b"\n") {
        let mut fields = Vec::new();
        MessageStream::new(block).parse_headers(parser, &mut fields);
        return fields;
    }
    let terminated: Cow<'_, [u8]> = [block, b"\n".as_slice()].concat().into();
    let mut fields = Vec::new();
    MessageStream::new(&terminated).parse_headers(parser, &mut fields);
    fields.into_iter().map(Header::into_owned).collect()
}

/// Where the fields of an entity end, and where its body begins.
///
/// The header ends at the first empty line (RFC 5322, 2.1), and also before the first line that
/// cannot be a field: what follows a missing empty line is body, and must not be swallowed.
fn header_end(entity: &[u8]) -> (usize, usize) {
    let mut start = 0;
    while let Some(rest) = entity.get(start..).filter(|rest| !rest.is_empty()) {
        let length = rest
            .iter()
            .position(|&byte| byte == b'\n')
            .map_or(rest.len(), |at| at + 1);
        let line = rest.get(..length).unwrap_or_default();
        if matches!(line, b"\n" | b"\r\n") {
            return (start, start + length);
        }
        let continues = start > 0 && matches!(line.first(), Some(b' ' | b'\t'));
        if !(continues || is_mailbox_mark(line) || is_field(line)) {
            return (start, start);
        }
        start += length;
    }
    (entity.len(), entity.len())
}

/// Whether this is the `From ` line that mbox files put before a message, quoted or not. Programs
/// leave it in the header when they take a message out of such a file.
pub(super) fn is_mailbox_mark(line: &[u8]) -> bool {
    line.starts_with(b"From ") || line.starts_with(b">From ")
}

/// Whether a line begins a field: a name of printable ASCII, perhaps white space (RFC 5322, 4.5),
/// a colon.
pub(super) fn is_field(line: &[u8]) -> bool {
    let Some(colon) = line.iter().position(|&byte| byte == b':') else {
        return false;
    };
    let name = line.get(..colon).unwrap_or_default().trim_ascii_end();
    !name.is_empty() && name.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_line_belongs_to_neither_side() {
        assert_eq!(header_end(b"A: 1\r\n b\r\n\r\nbody"), (10, 12));
        assert_eq!(header_end(b"A: 1\n\nbody"), (5, 6));
        assert_eq!(header_end(b"\nbody"), (0, 1));
    }

    #[test]
    fn a_line_that_is_no_field_begins_the_body() {
        assert_eq!(header_end(b"A: 1\nno field here\n"), (5, 5));
        assert_eq!(header_end(b"plain text"), (0, 0));
        assert_eq!(header_end(b" A: 1\n\n"), (0, 0));
    }

    #[test]
    fn an_mbox_mark_does_not_end_the_header() {
        assert_eq!(
            header_end(b"From a@b Mon\nA: 1\n>From c@d\nB : 2\n\n"),
            (34, 35)
        );
    }

    #[test]
    fn a_last_field_needs_no_line_end() {
        let (header, body) =
            HeaderBlock::split(b"Subject: a\r\nMessage-ID: <x@y>", HeaderOf::Message);
        assert_eq!(header.text("message-id").as_deref(), Some("<x@y>"));
        assert!(body.is_empty());
    }

    #[test]
    fn folds_become_one_space() {
        let (header, _) =
            HeaderBlock::split(b"References: <a@b>\r\n\t <c@d>\r\n\r\n", HeaderOf::Message);
        assert_eq!(header.text("References").as_deref(), Some("<a@b> <c@d>"));
    }
}
