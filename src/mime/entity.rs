//! The MIME structure of a message, taken apart into its leaves (RFC 2045, RFC 2046).

use mail_parser::ContentType;

use super::header_block::{HeaderBlock, HeaderOf};
use super::multipart::Parts;

/// How deep multiparts are opened. Each level reads its bytes again, so this also bounds the work.
const DEEPEST_MULTIPART: usize = 64;

/// How many leaves a message is taken apart into; what comes after them stays in one piece.
const MOST_LEAVES: usize = 10_000;

/// A header with its body: the message, or one of its parts.
#[derive(Debug)]
pub(super) struct Entity<'x> {
    /// The fields of the entity.
    pub(super) header: HeaderBlock<'x>,
    /// The body as it is written, still in its transfer encoding.
    pub(super) body: &'x [u8],
    default_type: &'static str,
}

/// Where a leaf stands in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// How many multiparts enclose the leaf.
    pub(super) depth: usize,
    /// False below a part of `multipart/related` that is not its root (RFC 2387): such a part is
    /// shown by the root and never read as the text of the message.
    pub(super) may_be_body: bool,
    /// Whether the innermost enclosing multipart is a `multipart/related`.
    pub(super) in_related: bool,
}

/// An entity that is not taken apart further.
#[derive(Debug)]
pub(super) struct Leaf<'x> {
    /// The entity.
    pub(super) entity: Entity<'x>,
    /// Where it was found.
    pub(super) place: Place,
}

impl<'x> Entity<'x> {
    /// Reads the message itself.
    pub(super) fn message(bytes: &'x [u8]) -> Self {
        let (header, body) = HeaderBlock::split(bytes, HeaderOf::Message);
        Self {
            header,
            body,
            default_type: "text/plain",
        }
    }

    /// Reads a part of a multipart, in which `default_type` is what a part without a type is.
    pub(super) fn part(bytes: &'x [u8], default_type: &'static str) -> Self {
        let (header, body) = HeaderBlock::split(bytes, HeaderOf::Part);
        Self {
            header,
            body,
            default_type,
        }
    }

    fn remainder(bytes: &'x [u8]) -> Self {
        Self {
            header: HeaderBlock::none(),
            body: bytes,
            default_type: "application/octet-stream",
        }
    }

    /// The type in lower case, such as `text/html`.
    ///
    /// Without a field it is the default of the enclosing multipart. A field that cannot be read
    /// counts as `text/plain` (RFC 2045, 5.2), but `multipart` alone counts as `multipart/mixed`.
    pub(super) fn media_type(&self) -> String {
        match &self.header.content_type {
            Some(content) => match (content.ctype(), content.subtype()) {
                ("multipart", None) => "multipart/mixed".to_owned(),
                (_, None) => "text/plain".to_owned(),
                (main, Some(sub)) => format!("{main}/{sub}").to_ascii_lowercase(),
            },
            None if self.header.text("Content-Type").is_some() => "text/plain".to_owned(),
            None => self.default_type.to_owned(),
        }
    }

    /// Whether the sender wants it shown as an attachment (RFC 2183).
    pub(super) fn is_attachment(&self) -> bool {
        self.header
            .disposition
            .as_ref()
            .is_some_and(ContentType::is_attachment)
    }

    /// Whether the sender wants it shown in place (RFC 2183).
    pub(super) fn is_inline(&self) -> bool {
        self.header
            .disposition
            .as_ref()
            .is_some_and(ContentType::is_inline)
    }

    /// The name of the file that the part was made from.
    pub(super) fn file_name(&self) -> Option<&str> {
        let disposition = self.header.disposition.as_ref();
        disposition
            .and_then(|field| field.attribute("filename"))
            .or_else(|| self.header.content_type.as_ref()?.attribute("name"))
            .filter(|name| !name.is_empty())
    }

    /// Takes the entity apart. A nested message is a leaf: it is not opened.
    ///
    /// The text before the first and after the last delimiter is no part of a multipart (RFC 2046,
    /// 5.1.1) and is left out. A multipart in which no delimiter is found is a leaf.
    pub(super) fn into_leaves(self) -> Vec<Leaf<'x>> {
        let mut leaves = Vec::new();
        let place = Place {
            depth: 0,
            may_be_body: true,
            in_related: false,
        };
        self.collect(place, &mut leaves);
        leaves
    }

    fn collect(self, place: Place, leaves: &mut Vec<Leaf<'x>>) {
        let media_type = self.media_type();
        let parts = match media_type.strip_prefix("multipart/") {
            Some(_) if place.depth < DEEPEST_MULTIPART => self.parts(),
            _ => None,
        };
        let Some(mut parts) = parts else {
            leaves.push(Leaf {
                entity: self,
                place,
            });
            return;
        };
        let default_type = if media_type == "multipart/digest" {
            "message/rfc822"
        } else {
            "text/plain"
        };
        let in_related = media_type == "multipart/related";
        let root = if in_related {
            self.related_root()
        } else {
            None
        };
        let mut is_first = true;
        loop {
            if leaves.len() >= MOST_LEAVES {
                let place = Place {
                    depth: place.depth + 1,
                    may_be_body: false,
                    in_related,
                };
                let rest = parts.rest();
                if !rest.is_empty() {
                    leaves.push(Leaf {
                        entity: Entity::remainder(rest),
                        place,
                    });
                }
                return;
            }
            let Some(bytes) = parts.next() else { return };
            let part = Entity::part(bytes, default_type);
            let is_root = match &root {
                Some(id) => part.content_id().as_ref() == Some(id),
                None => is_first,
            };
            is_first = false;
            let place = Place {
                depth: place.depth + 1,
                may_be_body: place.may_be_body && (!in_related || is_root),
                in_related,
            };
            part.collect(place, leaves);
        }
    }

    /// The `Content-ID`, without its angle brackets.
    pub(super) fn content_id(&self) -> Option<String> {
        self.header
            .text("Content-ID")
            .map(|id| without_brackets(&id).to_owned())
    }

    /// The parts of a multipart, if a delimiter is found.
    fn parts(&self) -> Option<Parts<'x>> {
        let boundary = self
            .header
            .content_type
            .as_ref()?
            .attribute("boundary")?
            .trim_end();
        if boundary.is_empty() {
            return None;
        }
        Parts::new(self.body, boundary)
    }

    /// The content id that `start` names as the root of a `multipart/related` (RFC 2387, 3.2), if
    /// one of the parts has it.
    fn related_root(&self) -> Option<String> {
        let start =
            without_brackets(self.header.content_type.as_ref()?.attribute("start")?).to_owned();
        let found = self
            .parts()?
            .take(MOST_LEAVES)
            .any(|part| Entity::part(part, "text/plain").content_id().as_ref() == Some(&start));
        found.then_some(start)
    }
}

/// Strips the angle brackets of an identifier.
pub(super) fn without_brackets(id: &str) -> &str {
    let id = id.trim();
    id.strip_prefix('<')
        .and_then(|id| id.strip_suffix('>'))
        .unwrap_or(id)
        .trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(message: &str) -> Vec<(String, String, bool)> {
        let leaves = Entity::message(message.as_bytes()).into_leaves();
        let show = |leaf: Leaf<'_>| {
            let body = String::from_utf8_lossy(leaf.entity.body).into_owned();
            (leaf.entity.media_type(), body, leaf.place.may_be_body)
        };
        leaves.into_iter().map(show).collect()
    }

    fn leaf(media_type: &str, body: &str, may_be_body: bool) -> (String, String, bool) {
        (media_type.to_owned(), body.to_owned(), may_be_body)
    }

    #[test]
    fn parts_lose_the_line_end_before_the_delimiter_and_no_other() {
        let found = leaves(concat!(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n",
            "--b\r\n\r\none\r\n\r\n--b \r\nContent-Type: text/html\r\n\r\ntwo\r\n--bb\r\n--b--\r\nend",
        ));
        let expected = [
            leaf("text/plain", "one\r\n", true),
            leaf("text/html", "two\r\n--bb", true),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn an_inner_multipart_without_an_end_stops_at_the_outer_delimiter() {
        let found = leaves(concat!(
            "Content-Type: multipart/mixed; boundary=out\n\n--out\n",
            "Content-Type: multipart/alternative; boundary=in\n\n--in\n\na\n--in\n\nb\n",
            "--out\n\nc\n--out--\n",
        ));
        assert_eq!(
            found.iter().map(|leaf| leaf.1.as_str()).collect::<Vec<_>>(),
            ["a", "b", "c"]
        );
    }

    #[test]
    fn a_multipart_without_delimiters_is_a_leaf() {
        let found = leaves("Content-Type: multipart/mixed; boundary=b\n\nnothing here\n");
        assert_eq!(found, [leaf("multipart/mixed", "nothing here\n", true)]);
    }

    #[test]
    fn a_digest_holds_messages() {
        let found =
            leaves("Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\ny\n--b--\n");
        assert_eq!(found, [leaf("message/rfc822", "Subject: x\n\ny", true)]);
    }

    #[test]
    fn only_the_root_of_a_related_may_be_the_body() {
        let parts = "--b\n\nfirst\n--b\nContent-ID: <r@x>\n\nsecond\n--b--\n";
        let plain = leaves(&format!(
            "Content-Type: multipart/related; boundary=b\n\n{parts}"
        ));
        assert_eq!(
            plain.iter().map(|leaf| leaf.2).collect::<Vec<_>>(),
            [true, false]
        );
        let started = leaves(&format!(
            "Content-Type: multipart/related; boundary=b; start=\"<r@x>\"\n\n{parts}"
        ));
        assert_eq!(
            started.iter().map(|leaf| leaf.2).collect::<Vec<_>>(),
            [false, true]
        );
        let missing = leaves(&format!(
            "Content-Type: multipart/related; boundary=b; start=\"<q@x>\"\n\n{parts}"
        ));
        assert_eq!(
            missing.iter().map(|leaf| leaf.2).collect::<Vec<_>>(),
            [true, false]
        );
    }

    #[test]
    fn multiparts_are_opened_to_a_bounded_depth() {
        let mut message = String::new();
        for level in 0..1000 {
            message.push_str(&format!(
                "Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n"
            ));
        }
        let found = leaves(&message);
        assert_eq!(found.len(), 1);
        assert!(found.iter().all(|leaf| leaf.1.contains("b999")));
    }

    #[test]
    fn leaves_beyond_the_bound_stay_in_one_piece() {
        let many = "--b\n\nx\n".repeat(MOST_LEAVES + 50);
        let found = leaves(&format!(
            "Content-Type: multipart/mixed; boundary=b\n\n{many}--b--\n"
        ));
        assert_eq!(found.len(), MOST_LEAVES + 1);
        assert!(
            found
                .last()
                .is_some_and(|leaf| leaf.1.matches('x').count() == 50)
        );
    }
}
