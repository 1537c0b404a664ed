//! Two plain rules: nothing unsafe, and no giants.

use crate::source::{Source, Violation};

/// Beyond so many lines there is a second idea in the file.
const LONGEST: usize = 600;

pub(crate) fn no_unsafe(source: &Source) -> Vec<Violation> {
    let words = source
        .words
        .iter()
        .filter(|(_, word)| word == "unsafe" || word == "unsafe_code");
    let instead = "nothing here is unsafe; use a crate that offers the call safely";
    words
        .map(|(line, _)| source.violation(*line, instead))
        .collect()
}

/// Modules of tests do not count.
pub(crate) fn short(source: &Source) -> Vec<Violation> {
    if source.path.ends_with("/tests.rs") || source.path.contains("/tests/") {
        return Vec::new();
    }
    let tests: usize = source
        .test_modules
        .iter()
        .map(|lines| lines.clone().count())
        .sum();
    let lines = source.lines.saturating_sub(tests);
    let too_long = format!(
        "{lines} lines without tests, more than {LONGEST}; find the second idea in the file and give it its own"
    );
    (lines > LONGEST)
        .then(|| source.violation(LONGEST + 1, too_long))
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(rule: fn(&Source) -> Vec<Violation>, text: &str) -> usize {
        rule(&Source::read("src/x.rs", text)).len()
    }

    #[test]
    fn unsafe_code_is_found_wherever_it_hides() {
        for text in [
            "fn f() { unsafe { g() } }",
            "unsafe fn f() {}",
            "unsafe impl Send for X {}",
            "#[unsafe(no_mangle)] fn f() {}",
            "macro_rules! m { () => { unsafe { g() } } }",
            "#![allow(unsafe_code)]",
        ] {
            assert_eq!(count(no_unsafe, text), 1, "{text}");
        }
    }

    #[test]
    fn the_word_alone_is_harmless() {
        assert_eq!(
            count(
                no_unsafe,
                "// unsafe\n/// unsafe\nconst S: &str = \"unsafe\";"
            ),
            0
        );
    }

    #[test]
    fn a_giant_is_found_by_its_code_alone() {
        let code = "fn f() {}\n";
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", code.repeat(LONGEST));
        assert_eq!(count(short, &code.repeat(LONGEST)), 0);
        assert_eq!(count(short, &code.repeat(LONGEST + 1)), 1);
        assert_eq!(
            count(short, &format!("{}{tests}", code.repeat(LONGEST - 2))),
            0
        );
        assert_eq!(
            count(short, &format!("{}{tests}", code.repeat(LONGEST + 1))),
            1
        );
    }
}
