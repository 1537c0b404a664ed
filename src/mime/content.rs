//! Transfer encodings and character sets undone (RFC 2045, section 6; RFC 2046, section 4.1).

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;

use super::entity::Entity;

/// The body of an entity with its transfer encoding undone.
///
/// A body that is not what its encoding promises is kept as it is written, so that nothing of it is
/// lost.
pub(super) fn decoded<'x>(entity: &Entity<'x>) -> Cow<'x, [u8]> {
    let encoding = entity
        .header
        .text("Content-Transfer-Encoding")
        .unwrap_or_default();
    let bytes = match encoding.to_ascii_lowercase().as_str() {
        "base64" => from_base64(entity.body),
        "quoted-printable" => from_quoted_printable(entity.body),
        _ => None,
    };
    bytes.map_or(Cow::Borrowed(entity.body), Cow::Owned)
}

/// Decodes base64 as RFC 2045, 6.8 asks: bytes outside the alphabet are skipped, and padding ends
/// the data. Two exceptions keep what would be lost: a body in which more than one byte in eight is
/// outside the alphabet is no base64 at all (`None`), and after padding a second piece may follow on
/// a line of its own.
fn from_base64(body: &[u8]) -> Option<Vec<u8>> {
    let data = match body.iter().position(|&byte| byte == b'=') {
        Some(padding) => {
            let (data, tail) = body.split_at(padding);
            let pad = tail.iter().take_while(|&&byte| byte == b'=').count();
            let rest = tail.get(pad..).unwrap_or_default();
            if is_second_piece(rest) {
                body
            } else {
                body.get(..data.len() + pad)?
            }
        }
        None => body,
    };
    base64_decode(data).or_else(|| {
        let known: Vec<u8> = data.iter().copied().filter(is_base64).collect();
        let space = data
            .iter()
            .filter(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        let foreign = data.len() - known.len() - space;
        if foreign * 8 > known.len() + foreign {
            None
        } else {
            base64_decode(&known)
        }
    })
}

fn is_base64(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// Whether complete groups of base64 follow on a new line.
fn is_second_piece(rest: &[u8]) -> bool {
    let rest = rest.trim_ascii_end();
    let letters = rest.iter().filter(|byte| is_base64(byte)).count();
    let is_alphabet = rest
        .iter()
        .all(|byte| is_base64(byte) || byte.is_ascii_whitespace());
    matches!(rest.first(), Some(b'\r' | b'\n')) && is_alphabet && letters.is_multiple_of(4)
}

/// Decodes quoted-printable. An equals sign that begins no escape stands for itself (RFC 2045, 6.7,
/// note on robust implementations).
fn from_quoted_printable(body: &[u8]) -> Option<Vec<u8>> {
    quoted_printable_decode(body).or_else(|| {
        let mut mended = Vec::with_capacity(body.len() + 16);
        for (at, &byte) in body.iter().enumerate() {
            mended.push(byte);
            let next = body.get(at + 1..).unwrap_or_default();
            let is_escape = match next {
                [first, second, ..] if first.is_ascii_hexdigit() => second.is_ascii_hexdigit(),
                [first, ..] => first.is_ascii_whitespace(),
                [] => true,
            };
            if byte == b'=' && !is_escape {
                mended.extend_from_slice(b"3D");
            }
        }
        quoted_printable_decode(&mended)
    })
}

/// The text of an entity whose content is text.
pub(super) fn text(entity: &Entity<'_>) -> String {
    let charset = entity
        .header
        .content_type
        .as_ref()
        .and_then(|content| content.attribute("charset"));
    decode_text(&decoded(entity), charset)
}

/// Reads bytes as text in a character set.
///
/// Much mail is UTF-8 without saying so, or says US-ASCII and is not: without a usable name, and for
/// US-ASCII, the bytes are UTF-8 if they can be, and windows-1252 otherwise. Text that says that it
/// is UTF-8 is read so; what is broken in it becomes U+FFFD.
pub(super) fn decode_text(bytes: &[u8], charset: Option<&str>) -> String {
    let named = charset.map(|name| name.trim().trim_matches('\'').to_ascii_lowercase());
    match named.as_deref() {
        Some("utf-8" | "utf8") => return String::from_utf8_lossy(bytes).into_owned(),
        Some("us-ascii") | None => {}
        Some(name) => {
            if let Some(decode) = charset_decoder(name.as_bytes()) {
                return decode(bytes);
            }
        }
    }
    match (std::str::from_utf8(bytes), charset_decoder(b"windows-1252")) {
        (Ok(text), _) => text.to_owned(),
        (Err(_), Some(decode)) => decode(bytes),
        (Err(_), None) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// The same bytes with one byte exchanged for another.
pub(super) fn swapped(bytes: &[u8], from: u8, to: u8) -> Vec<u8> {
    bytes
        .iter()
        .map(|&byte| if byte == from { to } else { byte })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(message: &[u8]) -> String {
        text(&Entity::message(message))
    }

    #[test]
    fn encodings_are_undone() {
        assert_eq!(
            text_of(b"Content-Transfer-Encoding: BASE64\n\naGVs\nbG8=\n"),
            "hello"
        );
        assert_eq!(
            text_of(b"Content-Transfer-Encoding: quoted-printable\n\na=3D=\nb"),
            "a=b"
        );
    }

    #[test]
    fn base64_skips_what_is_not_in_its_alphabet_and_ends_at_padding() {
        let decoded =
            |body: &[u8]| from_base64(body).map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(
            decoded(b"aGVsbG8gd29ybGQ=\n-- \nfooter, not data").as_deref(),
            Some("hello world")
        );
        assert_eq!(
            decoded(b"aGVs.bG8gd29ybGQ=").as_deref(),
            Some("hello world")
        );
        assert_eq!(decoded(b"aGVsbG8=\nYQ==\n").as_deref(), Some("helloa"));
        assert_eq!(decoded(b"").as_deref(), Some(""));
    }

    #[test]
    fn what_is_no_base64_stays_as_it_is() {
        assert_eq!(
            text_of(b"Content-Transfer-Encoding: base64\n\nnot base64!\n"),
            "not base64!\n"
        );
    }

    #[test]
    fn a_bare_equals_sign_stands_for_itself() {
        let decoded = |body: &[u8]| from_quoted_printable(body).unwrap();
        assert_eq!(decoded(b"a=ZZ =3D=\nb=4"), b"a=ZZ =b=4");
        assert_eq!(decoded(b"<a b=\"c\">=E4"), b"<a b=\"c\">\xe4");
        assert_eq!(decoded(b"1==3D"), b"1==");
    }

    #[test]
    fn a_named_character_set_is_used() {
        assert_eq!(decode_text(b"\xe4", Some("ISO-8859-1")), "ä");
        assert_eq!(decode_text(b"\xc3\xa4\xff", Some("UTF-8")), "ä\u{fffd}");
        assert_eq!(decode_text(b"\x1b$B$\"\x1b(B", Some("iso-2022-jp")), "あ");
    }

    #[test]
    fn without_a_name_text_is_utf8_or_else_windows_1252() {
        for charset in [None, Some("us-ascii"), Some("unknown-8bit")] {
            assert_eq!(decode_text("ä".as_bytes(), charset), "ä");
            assert_eq!(decode_text(b"\xe4\x80", charset), "ä€");
        }
    }
}
