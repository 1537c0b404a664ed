//! Where a document goes: into a text, or only into the count of its bytes.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::model::property_tag::PropertyTag;

/// Takes a document, part by part.
pub(super) trait Sink {
    /// Takes JSON as it is.
    fn put(&mut self, json: &str);

    /// Takes a text, as a JSON string.
    fn put_text(&mut self, text: &str);

    /// Takes a binary value, as a JSON string in base64.
    fn put_base64(&mut self, bytes: &[u8]);

    /// Takes anything else.
    fn put_json(&mut self, value: &impl Serialize);

    /// Takes the tag of a property as the key of a member, with its colon.
    fn put_key(&mut self, tag: PropertyTag) {
        let mut key = *br#""00000000":"#;
        // Digit by digit, since formatting all keys would take as long as writing all values.
        for (place, digit) in key.iter_mut().skip(1).take(8).enumerate() {
            *digit = hex_digit(tag.value() >> (28 - 4 * place), b'A');
        }
        self.put(std::str::from_utf8(&key).unwrap_or_default());
    }
}

/// The digit of the lowest four bits; `ten` is the one for 10.
fn hex_digit(number: u32, ten: u8) -> u8 {
    let digit = (number & 0xF) as u8;
    if digit < 10 {
        b'0' + digit
    } else {
        ten - 10 + digit
    }
}

/// A document that is written.
pub(super) struct Text(String);

impl Text {
    /// Makes a text that has room for so many bytes at first.
    pub(super) fn of(room: usize, write: impl FnOnce(&mut Text)) -> String {
        let mut text = Text(String::with_capacity(room));
        write(&mut text);
        text.0
    }

    fn put_escaped(&mut self, byte: u8) {
        let last = match byte {
            0x08 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            0x0C => b'f',
            b'\r' => b'r',
            0..0x20 => {
                self.0.push_str(r"\u00");
                self.0.push(hex_digit(u32::from(byte) >> 4, b'a').into());
                self.0.push(hex_digit(byte.into(), b'a').into());
                return;
            }
            quoted => quoted,
        };
        self.0.push('\\');
        self.0.push(last.into());
    }
}

impl Sink for Text {
    fn put(&mut self, json: &str) {
        self.0.push_str(json);
    }

    fn put_text(&mut self, text: &str) {
        self.0.push('"');
        let mut rest = text;
        loop {
            // What needs no escape is copied in one piece: mostly the whole text. It ends before an ASCII character.
            let (plain, from) = rest.split_at(plain_len(rest));
            self.0.push_str(plain);
            let mut from = from.chars();
            let Some(escaped) = from.next() else { break };
            self.put_escaped(escaped as u8);
            rest = from.as_str();
        }
        self.0.push('"');
    }

    fn put_base64(&mut self, bytes: &[u8]) {
        self.0.push('"');
        STANDARD.encode_string(bytes, &mut self.0);
        self.0.push('"');
    }

    #[expect(
        clippy::expect_used,
        reason = "an empty document in place of an error would lose a message"
    )]
    fn put_json(&mut self, value: &impl Serialize) {
        serde_json::to_writer(self, value)
            .expect("keys are strings, and nothing here refuses to be written");
    }
}

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = std::str::from_utf8(bytes).map_err(io::Error::other)?;
        self.0.push_str(piece);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Counts the bytes of a document without keeping them. Each change of a property asks for it, and writing a long value to
/// count it would take longer than all the rest.
pub(super) struct Counter(u64);

impl Counter {
    /// Counts the bytes of what is written.
    pub(super) fn of(write: impl FnOnce(&mut Counter)) -> u64 {
        let mut counter = Counter(0);
        write(&mut counter);
        counter.0
    }

    fn add(&mut self, bytes: u64) {
        self.0 = self.0.saturating_add(bytes);
    }
}

impl Sink for Counter {
    fn put(&mut self, json: &str) {
        self.add(json.len() as u64);
    }

    fn put_text(&mut self, text: &str) {
        let pieces = text.as_bytes().chunks(BLOCK);
        let escapes: u64 = pieces.map(additional_bytes).sum();
        self.add(text.len() as u64 + escapes + 2);
    }

    fn put_base64(&mut self, bytes: &[u8]) {
        self.add((bytes.len() as u64).div_ceil(3) * 4 + 2);
    }

    fn put_json(&mut self, value: &impl Serialize) {
        if serde_json::to_writer(&mut *self, value).is_err() {
            // What cannot be written does not fit either.
            self.0 = u64::MAX;
        }
    }

    fn put_key(&mut self, _tag: PropertyTag) {
        // Every tag takes eight digits.
        self.put(r#""0037001F":"#);
    }
}

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Few enough bytes that their number fits a byte: then the compiler compares many of them with one instruction.
const BLOCK: usize = 128;

/// Where in a text something is escaped first, in bytes; its length if nothing is.
fn plain_len(text: &str) -> usize {
    let blocks = text.as_bytes().chunks(BLOCK / 4);
    let mut plain = 0;
    for block in blocks {
        if escapes(block) == (0, 0) {
            plain += block.len();
            continue;
        }
        let is_escaped = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
        return plain + block.iter().position(is_escaped).unwrap_or(block.len());
    }
    plain
}

/// How many quotation marks and backslashes, and how many control characters, are among at most [`BLOCK`] bytes.
fn escapes(piece: &[u8]) -> (u8, u8) {
    let count =
        |is_one: fn(u8) -> bool| piece.iter().map(|byte| u8::from(is_one(*byte))).sum::<u8>();
    (
        count(|byte| byte == b'"' || byte == b'\\'),
        count(|byte| byte < 0x20),
    )
}

/// The bytes that escapes take beside what they stand for: one in `\n`, five in `\u0001`.
fn additional_bytes(piece: &[u8]) -> u64 {
    let (marks, controls) = escapes(piece);
    if controls == 0 {
        return u64::from(marks);
    }
    let control = |byte: &u8| match byte {
        0x08 | b'\t' | b'\n' | 0x0C | b'\r' => 1,
        0..0x20 => 5,
        _ => 0,
    };
    u64::from(marks) + piece.iter().map(control).sum::<u64>()
}
