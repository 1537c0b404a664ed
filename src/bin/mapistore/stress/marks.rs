//! Marks: what is written into every part of a message, so that a mix of two versions shows.

use std::collections::BTreeSet;
use std::io::{self, Read};

use mapistore::StreamReader;

/// A text that says nothing but the mark, about so long.
pub(crate) fn chant(mark: &str, len: usize) -> String {
    let words = len / (mark.len() + 1) + 1;
    let mut text = format!("{mark} ").repeat(words);
    text.pop();
    text
}

/// The marks found in a part: one, if all is well.
#[derive(Debug, Default)]
pub(crate) struct Marks(BTreeSet<String>);

impl Marks {
    /// Adds the words of a text.
    pub(crate) fn add_text(&mut self, text: &str) {
        for word in text.split(' ') {
            if !self.0.contains(word) {
                self.0.insert(word.to_owned());
            }
        }
    }

    /// All of them as one text, `a+b` where there are two.
    pub(crate) fn heard(self) -> String {
        let marks: Vec<String> = self.0.into_iter().collect();
        marks.join("+")
    }
}

/// Listens to a stream that is read in pieces, with pauses.
#[derive(Debug, Default)]
pub(crate) struct Hearing {
    marks: Marks,
    /// The beginning of a word whose end has not come.
    begun: Vec<u8>,
    bytes: u64,
}

impl Hearing {
    /// Reads up to so many bytes.
    pub(crate) fn listen(&mut self, stream: &mut StreamReader, bytes: u64) -> io::Result<()> {
        let mut piece = Vec::new();
        self.bytes += stream.take(bytes).read_to_end(&mut piece)? as u64;
        self.take(&piece);
        Ok(())
    }

    fn take(&mut self, piece: &[u8]) {
        let mut words = piece.split(|byte| *byte == b' ');
        self.begun
            .extend_from_slice(words.next().unwrap_or_default());
        for word in words {
            let whole = std::mem::replace(&mut self.begun, word.to_vec());
            self.marks.add_text(&String::from_utf8_lossy(&whole));
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The mark that was heard.
    pub(crate) fn end(mut self) -> String {
        let last = std::mem::take(&mut self.begun);
        self.marks.add_text(&String::from_utf8_lossy(&last));
        self.marks.heard()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chant_in_pieces_says_one_mark() {
        let text = chant("w1.1-7", 1_000);
        for length in [1, 3, 7, 100] {
            let mut hearing = Hearing::default();
            for piece in text.as_bytes().chunks(length) {
                hearing.take(piece);
            }
            assert_eq!(hearing.end(), "w1.1-7");
        }
    }

    #[test]
    fn a_mix_says_both() {
        let mut hearing = Hearing::default();
        hearing.take(b"a a ");
        hearing.take(b"b b");
        assert_eq!(hearing.end(), "a+b");
    }
}
