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
    fn put_key(&mut self, tag: PropertyTag);
}

/// A document that is written.
pub(super) struct Text(Vec<u8>);

impl Text {
    /// Makes a text that has room for so many bytes at first.
    #[expect(
        clippy::expect_used,
        reason = "an empty document in place of an error would lose a message"
    )]
    pub(super) fn of(room: usize, write: impl FnOnce(&mut Text)) -> String {
        let mut text = Text(Vec::with_capacity(room));
        write(&mut text);
        String::from_utf8(text.0).expect("all parts are texts")
    }

    fn put_escaped(&mut self, byte: u8) {
        let last = match byte {
            0x08 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            0x0C => b'f',
            b'\r' => b'r',
            0..0x20 => {
                self.0
                    .extend_from_slice(format!(r"\u{byte:04x}").as_bytes());
                return;
            }
            quoted => quoted,
        };
        self.0.extend_from_slice(&[b'\\', last]);
    }
}

impl Sink for Text {
    fn put(&mut self, json: &str) {
        self.0.extend_from_slice(json.as_bytes());
    }

    fn put_text(&mut self, text: &str) {
        self.0.push(b'"');
        let mut rest = text.as_bytes();
        loop {
            // What needs no escape is copied in one piece: mostly the whole text.
            let (plain, from) = rest.split_at(plain_len(rest));
            self.0.extend_from_slice(plain);
            let Some((escaped, from)) = from.split_first() else {
                break;
            };
            self.put_escaped(*escaped);
            rest = from;
        }
        self.0.push(b'"');
    }

    #[expect(
        clippy::expect_used,
        reason = "less than the whole value would lose data"
    )]
    fn put_base64(&mut self, bytes: &[u8]) {
        self.0.push(b'"');
        let begin = self.0.len();
        let length = base64::encoded_len(bytes.len(), true).expect("memory has room for it");
        self.0.resize(begin + length, 0);
        let room = self.0.get_mut(begin..).unwrap_or_default();
        STANDARD
            .encode_slice(bytes, room)
            .expect("there is just enough room");
        self.0.push(b'"');
    }

    #[expect(
        clippy::expect_used,
        reason = "an empty document in place of an error would lose a message"
    )]
    fn put_json(&mut self, value: &impl Serialize) {
        serde_json::to_writer(&mut self.0, value)
            .expect("keys are strings, and nothing here refuses to be written");
    }

    fn put_key(&mut self, tag: PropertyTag) {
        let [a, b, c, d, e, f, g, h] = tag.key_digits();
        self.0
            .extend_from_slice(&[b'"', a, b, c, d, e, f, g, h, b'"', b':']);
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
        // Few enough that their number fits a byte: then the compiler compares many of them with one instruction.
        let pieces = text.as_bytes().chunks(128);
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

/// How many bytes there are before the first that is escaped.
fn plain_len(text: &[u8]) -> usize {
    let is_escaped = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    // A block is looked at as a whole, without branches, which the compiler does with a few instructions.
    let (blocks, _) = text.as_chunks::<16>();
    let is_plain =
        |block: &&[u8; 16]| !block.iter().fold(false, |any, byte| any | is_escaped(byte));
    let plain = 16 * blocks.iter().take_while(is_plain).count();
    let rest = text.get(plain..).unwrap_or_default();
    plain + rest.iter().position(is_escaped).unwrap_or(rest.len())
}

/// The bytes that escapes take beside what they stand for: one in `\n`, five in `\u0001`.
fn additional_bytes(piece: &[u8]) -> u64 {
    let count =
        |is_one: fn(u8) -> bool| piece.iter().map(|byte| u8::from(is_one(*byte))).sum::<u8>();
    let marks = count(|byte| byte == b'"' || byte == b'\\');
    if count(|byte| byte < 0x20) == 0 {
        return u64::from(marks);
    }
    let control = |byte: &u8| match byte {
        0x08 | b'\t' | b'\n' | 0x0C | b'\r' => 1,
        0..0x20 => 5,
        _ => 0,
    };
    u64::from(marks) + piece.iter().map(control).sum::<u64>()
}
