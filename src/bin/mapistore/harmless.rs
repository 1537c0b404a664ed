//! Keeps text that somebody else wrote from driving the terminal it is shown on.
//!
//! A subject may hold an escape sequence that clears the screen, or characters that turn the direction of writing
//! around. Each such character is shown as its escape, `\u{1b}`, and so does nothing.

use std::borrow::Cow;

/// Whether a terminal may do something else with a character than show it: control characters of both ranges, line
/// separators, and what turns the direction of writing around.
pub(crate) fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}')
        || matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
        // Invisible marks that lend their direction to what stands beside them.
        || matches!(character, '\u{061C}' | '\u{200E}' | '\u{200F}')
        // Tags: invisible characters.
        || matches!(character, '\u{E0000}'..='\u{E007F}')
}

/// Text that stands on one line: line breaks and tabs become blanks.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    clean(text, |character| {
        matches!(character, '\t' | '\n' | '\r').then_some(' ')
    })
}

/// Text of many lines: line breaks and tabs stay.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    // A carriage return alone would let a line overwrite its own beginning.
    match clean(text, |character| {
        matches!(character, '\t' | '\n' | '\r').then_some(character)
    }) {
        cleaned if !cleaned.contains('\r') => cleaned,
        cleaned => Cow::Owned(cleaned.replace("\r\n", "\n").replace('\r', "\n")),
    }
}

fn clean(text: &str, replacement: impl Fn(char) -> Option<char>) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len());
    for character in text.chars() {
        match (is_harmful(character), replacement(character)) {
            (false, _) => cleaned.push(character),
            (true, Some(other)) => cleaned.push(other),
            (true, None) => cleaned.extend(character.escape_unicode()),
        }
    }
    Cow::Owned(cleaned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_lose_their_escape() {
        assert_eq!(
            line("a\u{1b}[2Jb\u{9b}31m\u{7f}"),
            "a\\u{1b}[2Jb\\u{9b}31m\\u{7f}"
        );
        assert_eq!(line("invoice\u{202e}fdp.exe"), "invoice\\u{202e}fdp.exe");
        assert_eq!(line("\0"), "\\u{0}");
        assert_eq!(
            line("1\u{200e}2\u{200f}3\u{61c}4"),
            "1\\u{200e}2\\u{200f}3\\u{61c}4"
        );
    }

    #[test]
    fn a_line_stays_one() {
        assert_eq!(line("a\r\nb\tc"), "a  b c");
        assert_eq!(lines("a\r\nb\tc\rd\u{1b}"), "a\nb\tc\nd\\u{1b}");
    }

    #[test]
    fn other_text_stays_as_it_is() {
        for text in ["", "Čeda \u{1F600} 日本語", "\\u{1b}"] {
            assert!(matches!(line(text), Cow::Borrowed(same) if same == text));
        }
    }
}
