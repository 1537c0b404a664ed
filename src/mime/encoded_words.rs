//! Encoded words in unstructured text (RFC 2047).

use mail_parser::parsers::MessageStream;

/// Decodes the encoded words of a text that is one line.
///
/// White space between two encoded words is no part of the text (RFC 2047, 6.2); all other text
/// stays as it is, also where it touches an encoded word without the space that should be there.
pub(super) fn decoded_words(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    let mut after_word = false;
    while let Some(at) = rest.find("=?") {
        let (before, word) = rest.split_at(at);
        let Some((decoded, length)) = encoded_word(word) else {
            text.push_str(before);
            text.push_str("=?");
            rest = word.get(2..).unwrap_or_default();
            after_word = false;
            continue;
        };
        if !(after_word && before.trim().is_empty()) {
            text.push_str(before);
        }
        text.push_str(&decoded);
        rest = word.get(length..).unwrap_or_default();
        after_word = true;
    }
    text.push_str(rest);
    text
}

/// The longest encoded word that is tried, in bytes. RFC 2047 allows 75, and programs write more;
/// a bound keeps a line full of `=?` from being read once for each of them.
const LONGEST_WORD: usize = 4096;

/// Decodes the encoded word that a text begins with, and says how long it is.
fn encoded_word(text: &str) -> Option<(String, usize)> {
    let bytes = text.as_bytes();
    let window = bytes.get(1..bytes.len().min(LONGEST_WORD))?;
    let mut stream = MessageStream::new(window);
    let decoded = stream.decode_rfc2047()?;
    let length = stream.offset() + 1;
    text.is_char_boundary(length).then_some((decoded, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_decoded_where_they_stand() {
        assert_eq!(decoded_words("=?utf-8?q?caf=C3=A9?=. And"), "café. And");
        assert_eq!(decoded_words("Re:=?utf-8?b?w6k=?= x"), "Re:é x");
    }

    #[test]
    fn space_between_two_words_is_dropped_and_no_other() {
        assert_eq!(decoded_words("a =?utf-8?q?b_?= =?utf-8?q?c?= d"), "a b c d");
    }

    #[test]
    fn what_is_no_encoded_word_stays() {
        for text in [
            "=?",
            "a =? b",
            "=?utf-8?x?y?=",
            "=?utf-8?q?open",
            "=?=?=?",
            "é=?é",
        ] {
            assert_eq!(decoded_words(text), text);
        }
    }
}
