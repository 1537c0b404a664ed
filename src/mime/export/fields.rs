//! Header fields from values that anybody may have set.
//!
//! Nothing here can end a field early or begin another: what could is encoded where the syntax can
//! (RFC 2047, RFC 2231), and becomes a blank or is left out where it cannot.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mail_builder::headers::Header;
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;

use super::super::addresses::Mailbox;

/// The fields of a header as they are written, one after the other.
#[derive(Debug, Default)]
pub(super) struct Fields {
    written: Vec<u8>,
}

impl Fields {
    /// Begins with fields that are written already, each ending in CRLF.
    pub(super) fn after(written: Vec<u8>) -> Self {
        Self { written }
    }

    /// The bytes of all fields.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.written
    }

    fn add(&mut self, name: &str, value: &impl Header) {
        self.written.extend_from_slice(name.as_bytes());
        self.written.extend_from_slice(b": ");
        value.write_header(&mut self.written, name.len() + 2);
    }

    /// Adds free text, in encoded words where it is not plain ASCII on one line.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        // What only looks like an encoded word would be decoded by readers.
        if text.contains("=?") {
            self.add(name, &Raw::new(encoded_words(text)));
        } else {
            self.add(name, &Text::new(line(text)));
        }
    }

    /// Adds what has a syntax of its own and must not be encoded, such as message ids.
    pub(super) fn line(&mut self, name: &str, text: &str) {
        let text = line(text);
        let text = text.trim();
        if !text.is_empty() {
            self.add(name, &Raw::new(text));
        }
    }

    /// Adds a time, in seconds since 1970 and shown in UTC.
    pub(super) fn date(&mut self, name: &str, seconds: i64) {
        self.add(name, &Date::new(seconds));
    }

    /// Adds mailboxes, but those of which nothing is left; none make no field.
    pub(super) fn mailboxes(&mut self, name: &str, mailboxes: &[Mailbox]) {
        let list: Vec<_> = mailboxes.iter().filter_map(address).collect();
        if !list.is_empty() {
            self.add(name, &Address::new_list(list));
        }
    }

    /// Adds a type or a disposition with its parameters. The type and the names of the parameters are
    /// the caller's own words; the values may be anything.
    pub(super) fn content(&mut self, name: &str, value: &str, parameters: &[(&str, &str)]) {
        let mut content = ContentType::new(value);
        for (key, value) in parameters {
            content = content.attribute(*key, *value);
        }
        self.add(name, &content);
    }
}

/// Control characters become blanks.
fn line(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}

/// A text all in encoded words (RFC 2047, 2: at most 75 characters each), cut between characters.
fn encoded_words(text: &str) -> String {
    /// 60 characters of base64.
    const BYTES: usize = 45;
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.floor_char_boundary(BYTES));
        words.push(format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
        rest = after;
    }
    words.join(" ")
}

fn address(mailbox: &Mailbox) -> Option<Address<'static>> {
    let written = address_of(&mailbox.address);
    // A name in quotes that looks like an encoded word is decoded by some readers.
    let name = line(&mailbox.name).replace("=?", "= ?");
    let name = name.trim();
    let name = (!name.is_empty() && name != written).then(|| name.to_owned());
    let is_left = name.is_some() || !written.is_empty();
    is_left.then(|| Address::new_address(name, written))
}

/// An address in which nothing but the address is read (RFC 5322, 3.4.1): what has a meaning in the
/// syntax of addresses is left out. Quoting it would do by the standard, and not for every reader.
fn address_of(address: &str) -> String {
    let is_space = |character: char| character.is_control() || character.is_whitespace();
    let is_special = |character: char| r#"()<>[]:;@\,""#.contains(character);
    let without_special = |text: &str| -> String {
        let left = text.chars().filter(|character| !is_special(*character));
        left.filter(|character| !is_space(*character)).collect()
    };
    let Some((local, domain)) = address.rsplit_once('@') else {
        return without_special(address);
    };
    // An address of a host, as in `[127.0.0.1]` and `[IPv6:::1]`.
    let literal = domain
        .strip_prefix('[')
        .and_then(|domain| domain.strip_suffix(']'))
        .filter(|literal| {
            let mut characters = literal.chars();
            characters
                .all(|character| character.is_ascii_alphanumeric() || ".:".contains(character))
        });
    let domain = match literal {
        Some(literal) => format!("[{literal}]"),
        None => without_special(domain),
    };
    format!("{}@{domain}", without_special(local))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(add: impl FnOnce(&mut Fields)) -> String {
        let mut fields = Fields::default();
        add(&mut fields);
        String::from_utf8(fields.into_bytes()).unwrap()
    }

    fn mailbox(name: &str, address: &str) -> Mailbox {
        Mailbox {
            name: name.to_owned(),
            address: address.to_owned(),
        }
    }

    #[test]
    fn no_value_begins_another_field() {
        let hostile = "a\r\nBcc: evil@x\n\r\0b";
        for field in [
            written(|fields| fields.text("Subject", hostile)),
            written(|fields| fields.line("Message-ID", hostile)),
            written(|fields| fields.mailboxes("To", &[mailbox(hostile, hostile)])),
            written(|fields| fields.content("Content-Type", "a/b", &[("name", hostile)])),
        ] {
            let lines: Vec<_> = field.split("\r\n").collect();
            let (first, rest) = lines.split_first().unwrap();
            assert!(!first.is_empty());
            for line in rest {
                assert!(
                    line.is_empty() || line.starts_with([' ', '\t']),
                    "{field:?}"
                );
            }
            assert!(
                !field.replace("\r\n", "").contains(['\r', '\n', '\0']),
                "{field:?}"
            );
        }
    }

    #[test]
    fn an_address_is_one_address() {
        for (address, expected) in [
            ("ana@example.org", "ana@example.org"),
            ("a@x>, <evil@y", "axevil@y"),
            ("a@x>,<evil@y>;:", "axevil@y"),
            ("\"a b\"@x", "ab@x"),
            ("<>", ""),
            ("root", "root"),
            ("a@[127.0.0.1]", "a@[127.0.0.1]"),
            ("a@[IPv6:::1]", "a@[IPv6:::1]"),
            ("a@[x>]", "a@x"),
        ] {
            assert_eq!(address_of(address), expected);
        }
    }

    #[test]
    fn text_that_looks_encoded_is_encoded() {
        let field = written(|fields| fields.text("Subject", "=?utf-8?q?x?= is no word"));
        assert!(field.starts_with("Subject: =?utf-8?B?"), "{field}");
        assert!(field.lines().all(|line| line.len() <= 90), "{field}");
    }
}
