//! Three versions of a text: what two clients changed in different places is combined, line by line.

use similar::algorithms::{Capture, diff_slices};
use similar::{Algorithm, DiffOp};

/// A stretch of lines of the base, and what one side has in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Replacement<'t> {
    from: usize,
    to: usize,
    lines: Vec<&'t str>,
}

fn split(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// What a side changed, in order: what stands between the lines that stay.
//
// Not `capture_diff_slices`: it moves changes to where they read better, and gives some a wrong place in the base.
fn replacements<'t>(base: &[&'t str], side: &[&'t str]) -> Vec<Replacement<'t>> {
    let mut capture = Capture::new();
    let Ok(()) = diff_slices(Algorithm::Myers, &mut capture, base, side);
    let kept = capture.into_ops().into_iter().filter_map(|operation| {
        let is_kept = matches!(operation, DiffOp::Equal { .. });
        is_kept.then(|| (operation.old_range(), operation.new_range()))
    });
    let end = (base.len()..base.len(), side.len()..side.len());
    let mut found = Vec::new();
    let (mut old_at, mut new_at) = (0, 0);
    for (old, new) in kept.chain([end]) {
        if old_at < old.start || new_at < new.start {
            found.push(Replacement {
                from: old_at,
                to: old.start,
                lines: side.get(new_at..new.start).unwrap_or_default().to_vec(),
            });
        }
        (old_at, new_at) = (old.end, new.end);
    }
    found
}

/// Combines the changes of two sides to a text; `None` if the lines that they changed touch. Lines that are next to
/// each other touch too: what one side wrote there may answer what the other replaced.
pub(super) fn merge(base: &str, theirs: &str, mine: &str) -> Option<String> {
    let base = split(base);
    let their_changes = replacements(&base, &split(theirs));
    let my_changes = replacements(&base, &split(mine));
    let apart =
        |one: &Replacement<'_>, other: &Replacement<'_>| one.to < other.from || other.to < one.from;
    let mut all = their_changes.clone();
    for my in &my_changes {
        if their_changes.contains(my) {
            continue;
        }
        if !their_changes.iter().all(|their| apart(my, their)) {
            return None;
        }
        all.push(my.clone());
    }
    all.sort_by_key(|replacement| (replacement.from, replacement.to));
    let mut merged = String::new();
    let mut at = 0;
    for replacement in &all {
        merged.extend(base.get(at..replacement.from)?.iter().copied());
        merged.extend(replacement.lines.iter().copied());
        at = replacement.to;
    }
    merged.extend(base.get(at..)?.iter().copied());
    Some(merged)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BASE: &str = "one\ntwo\nthree\nfour\nfive\n";

    #[test]
    fn changes_in_different_places_are_combined() {
        let theirs = BASE.replace("one", "1");
        let mine = BASE.replace("five", "5");
        let merged = merge(BASE, &theirs, &mine);
        assert_eq!(merged.as_deref(), Some("1\ntwo\nthree\nfour\n5\n"));
        let appended = format!("{BASE}six\n");
        assert_eq!(
            merge(BASE, &theirs, &appended),
            Some(format!("{theirs}six\n"))
        );
    }

    #[test]
    fn changes_of_the_same_or_neighbouring_lines_touch() {
        let theirs = BASE.replace("two", "2");
        for mine in [BASE.replace("two", "zwei"), BASE.replace("three", "3")] {
            assert_eq!(merge(BASE, &theirs, &mine), None);
        }
        assert_eq!(
            merge(BASE, &format!("{BASE}six\n"), &format!("{BASE}sechs\n")),
            None
        );
        assert_eq!(merge("", "a", "b"), None);
    }

    #[test]
    fn line_without_its_end_is_a_line_of_its_own() {
        let merged = merge("a\nb\nc", "A\nb\nc", "a\nb\nC");
        assert_eq!(merged.as_deref(), Some("A\nb\nC"));
    }

    fn texts() -> impl Strategy<Value = String> {
        prop::collection::vec(
            prop::sample::select(vec!["a\n", "b\n", "c\n", "d\n", "e"]),
            0..12,
        )
        .prop_map(|lines| lines.concat())
    }

    proptest! {
        #[test]
        fn merge_with_an_unchanged_side_is_the_other_side(base in texts(), side in texts()) {
            prop_assert_eq!(merge(&base, &side, &base), Some(side.clone()));
            prop_assert_eq!(merge(&base, &base, &side), Some(side));
        }

        #[test]
        fn merge_of_two_equal_sides_is_that_side(base in texts(), side in texts()) {
            prop_assert_eq!(merge(&base, &side, &side), Some(side));
        }

        #[test]
        fn merge_does_not_ask_who_is_who(base in texts(), one in texts(), other in texts()) {
            prop_assert_eq!(merge(&base, &one, &other), merge(&base, &other, &one));
        }
    }
}
