//! Three versions of a text side by side: line by line, with the words marked that changed.

use std::time::{Duration, Instant};

use similar::algorithms::{Capture, diff_slices_deadline};
use similar::{Algorithm, DiffOp};

/// Unchanged lines that are shown around a change.
const CONTEXT: usize = 3;
/// After this a difference is told more coarsely: a text of many lines must not keep its reader waiting.
const PATIENCE: Duration = Duration::from_millis(300);

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    /// Whether this is what changed in the line.
    pub(crate) is_changed: bool,
}

/// Whose change a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    Nobody,
    Theirs,
    Mine,
    BothAlike,
    Both,
}

/// What stands in one place on the three sides; nothing where a side has no such line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lines {
    pub(crate) base: Option<Vec<Piece>>,
    pub(crate) theirs: Option<Vec<Piece>>,
    pub(crate) mine: Option<Vec<Piece>>,
    pub(crate) whose: Whose,
}

/// A line of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Compared {
    Lines(Lines),
    /// So many lines that nobody changed.
    Left(usize),
}

/// Compares three texts. Where the base is not known, theirs and mine are compared with each other.
pub(crate) fn compare(base: Option<&str>, theirs: &str, mine: &str) -> Vec<Compared> {
    let theirs: Vec<&str> = theirs.lines().collect();
    let mine: Vec<&str> = mine.lines().collect();
    let aligned = match base {
        Some(base) => align(&base.lines().collect::<Vec<_>>(), &theirs, &mine),
        None => {
            let mut rows = align(&theirs, &theirs, &mine);
            for row in &mut rows {
                // What stood in for the base is theirs, with its marks.
                row.theirs = row.base.take();
                if row.whose == Whose::Mine {
                    row.whose = Whose::Both;
                }
            }
            rows
        }
    };
    fold(aligned)
}

/// A stretch of the base and what a side has in its place: `[base from, base to, side from, side to]`.
type Replacement = [usize; 4];

/// What leads from one to the other.
//
// Not `capture_diff_slices`: it moves changes to where they read better, and gives some a wrong place in the base.
fn operations(base: &[&str], side: &[&str]) -> Vec<DiffOp> {
    let mut capture = Capture::new();
    let deadline = Some(Instant::now() + PATIENCE);
    let Ok(()) = diff_slices_deadline(Algorithm::Myers, &mut capture, base, side, deadline);
    capture.into_ops()
}

fn replacements(base: &[&str], side: &[&str]) -> Vec<Replacement> {
    let operations = operations(base, side);
    let changed = operations
        .iter()
        .filter(|operation| !matches!(operation, DiffOp::Equal { .. }));
    let mut found: Vec<Replacement> = Vec::new();
    for operation in changed {
        let (old, new) = (operation.old_range(), operation.new_range());
        match found.last_mut() {
            Some([_, old_end, _, new_end]) if *old_end == old.start && *new_end == new.start => {
                (*old_end, *new_end) = (old.end, new.end);
            }
            _ => found.push([old.start, old.end, new.start, new.end]),
        }
    }
    found
}

fn part<'t, 's>(lines: &'s [&'t str], from: usize, to: usize) -> &'s [&'t str] {
    lines.get(from..to).unwrap_or_default()
}

/// Puts beside each other what stands in the same place.
fn align(base: &[&str], theirs: &[&str], mine: &[&str]) -> Vec<Lines> {
    let changes = [replacements(base, theirs), replacements(base, mine)];
    let mut next = [0, 0];
    // Where each side goes on after what was put down so far.
    let mut at = [0, 0, 0];
    let mut rows = Vec::new();
    loop {
        let upcoming = |next: &[usize; 2], side: usize| -> Option<Replacement> {
            changes.get(side)?.get(*next.get(side)?).copied()
        };
        let starts = [upcoming(&next, 0), upcoming(&next, 1)];
        let start = starts.iter().flatten().map(|[from, ..]| *from).min();
        let start = start.unwrap_or(base.len());
        for line in part(base, at[0], start) {
            rows.push(Lines {
                base: Some(whole(line)),
                theirs: Some(whole(line)),
                mine: Some(whole(line)),
                whose: Whose::Nobody,
            });
        }
        let kept = start.saturating_sub(at[0]);
        at = [start, at[1] + kept, at[2] + kept];
        if starts.iter().all(Option::is_none) {
            return rows;
        }
        // All replacements that overlap or meet are one chunk.
        let mut end = start;
        let mut longer = [0_isize, 0];
        loop {
            let mut grown = false;
            for side in 0..2 {
                if let Some([from, to, side_from, side_to]) = upcoming(&next, side)
                    && from <= end
                {
                    end = end.max(to);
                    longer[side] += (side_to - side_from).cast_signed() - (to - from).cast_signed();
                    next[side] += 1;
                    grown = true;
                }
            }
            if !grown {
                break;
            }
        }
        let ends = longer.map(|longer| (end - start).saturating_add_signed(longer));
        let ends = [at[1] + ends[0], at[2] + ends[1]];
        rows.extend(chunk(
            part(base, start, end),
            part(theirs, at[1], ends[0]),
            part(mine, at[2], ends[1]),
        ));
        at = [end, ends[0], ends[1]];
    }
}

/// Lines of one place, of which at least one side changed some.
fn chunk(base: &[&str], theirs: &[&str], mine: &[&str]) -> Vec<Lines> {
    let count = base.len().max(theirs.len()).max(mine.len());
    let row = |at: usize| {
        let (base, theirs, mine) = (base.get(at), theirs.get(at), mine.get(at));
        let whose = match (theirs == base, mine == base) {
            (true, true) => Whose::Nobody,
            (false, true) => Whose::Theirs,
            (true, false) => Whose::Mine,
            (false, false) if theirs == mine => Whose::BothAlike,
            (false, false) => Whose::Both,
        };
        let tokens = base.map(|base| words(base)).unwrap_or_default();
        let mut removed = vec![false; tokens.len()];
        let mut side = |line: Option<&&str>| {
            line.map(|line| match base {
                Some(_) => mark(&tokens, &mut removed, line),
                None => changed(line),
            })
        };
        let (theirs, mine) = (side(theirs), side(mine));
        let base = base.map(|_| join(tokens.iter().copied().zip(removed)));
        Lines {
            base,
            theirs,
            mine,
            whose,
        }
    };
    (0..count).map(row).collect()
}

fn whole(line: &str) -> Vec<Piece> {
    join([(line, false)])
}

fn changed(line: &str) -> Vec<Piece> {
    join([(line, true)])
}

fn join<'t>(parts: impl IntoIterator<Item = (&'t str, bool)>) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for (text, is_changed) in parts.into_iter().filter(|(text, _)| !text.is_empty()) {
        match pieces.last_mut() {
            Some(last) if last.is_changed == is_changed => last.text.push_str(text),
            _ => pieces.push(Piece {
                text: text.to_owned(),
                is_changed,
            }),
        }
    }
    pieces
}

/// Words, and what stands between them character by character.
fn words(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let length = if first.is_alphanumeric() {
            rest.find(|character: char| !character.is_alphanumeric())
                .unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (word, after) = rest.split_at(length);
        found.push(word);
        rest = after;
    }
    found
}

/// A side's line with its new words marked; marks in `removed` which words of the base it lacks. Lines that have
/// nearly nothing in common are marked whole: single words that happen to be in both would only confuse.
fn mark(base: &[&str], removed: &mut [bool], line: &str) -> Vec<Piece> {
    let new = words(line);
    let operations = operations(base, &new);
    let length = |words: &[&str]| words.iter().map(|word| word.trim().len()).sum::<usize>();
    let kept: usize = operations
        .iter()
        .filter(|operation| matches!(operation, DiffOp::Equal { .. }))
        .map(|operation| length(base.get(operation.old_range()).unwrap_or_default()))
        .sum();
    let is_other = kept * 3 < length(base).max(length(&new));
    let mut is_new = vec![is_other; new.len()];
    if is_other {
        removed.fill(true);
        return join(new.into_iter().zip(is_new));
    }
    for operation in &operations {
        if matches!(operation, DiffOp::Equal { .. }) {
            continue;
        }
        if let Some(gone) = removed.get_mut(operation.old_range()) {
            gone.fill(true);
        }
        if let Some(come) = is_new.get_mut(operation.new_range()) {
            come.fill(true);
        }
    }
    join(new.into_iter().zip(is_new))
}

/// Leaves out what is far from any change.
fn fold(rows: Vec<Lines>) -> Vec<Compared> {
    let changes: Vec<usize> = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| row.whose != Whose::Nobody)
        .map(|(at, _)| at)
        .collect();
    let is_near = |at: usize| {
        let after = changes.partition_point(|change| change + CONTEXT < at);
        changes
            .get(after)
            .is_some_and(|change| *change <= at + CONTEXT)
    };
    let mut folded = Vec::new();
    for (at, row) in rows.into_iter().enumerate() {
        match (is_near(at), folded.last_mut()) {
            (true, _) => folded.push(Compared::Lines(row)),
            (false, Some(Compared::Left(count))) => *count += 1,
            (false, _) => folded.push(Compared::Left(1)),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(pieces: &[Piece]) -> String {
        let one = |piece: &Piece| match piece.is_changed {
            true => format!("[{}]", piece.text),
            false => piece.text.clone(),
        };
        pieces.iter().map(one).collect()
    }

    fn shown(compared: &[Compared]) -> Vec<String> {
        let side = |side: &Option<Vec<Piece>>| side.as_deref().map_or("·".to_owned(), text);
        let one = |line: &Compared| match line {
            Compared::Left(count) => format!("… {count}"),
            Compared::Lines(lines) => format!(
                "{:?}: {} | {} | {}",
                lines.whose,
                side(&lines.base),
                side(&lines.theirs),
                side(&lines.mine)
            ),
        };
        compared.iter().map(one).collect()
    }

    #[test]
    fn changed_words_are_marked_on_the_side_that_changed_them() {
        let base = "The figures are ready.\nsecond\n";
        let theirs = "The figures were ready.\nsecond\n";
        let mine = "The figures are nearly ready.\nsecond\nthird\n";
        assert_eq!(
            shown(&compare(Some(base), theirs, mine)),
            [
                "Both: The figures [are] ready. | The figures [were] ready. | The figures are [nearly ]ready.",
                "Nobody: second | second | second",
                "Mine: · | · | [third]",
            ]
        );
    }

    #[test]
    fn lines_that_share_nearly_nothing_are_marked_whole() {
        assert_eq!(
            shown(&compare(Some("See you at noon."), "Call me, at once!", "")),
            ["Both: [See you at noon.] | [Call me, at once!] | ·"]
        );
    }

    #[test]
    fn without_a_base_theirs_and_mine_are_compared() {
        assert_eq!(
            shown(&compare(None, "a\nsame", "b\nsame")),
            ["Both: · | [a] | [b]", "Nobody: · | same | same"]
        );
    }

    #[test]
    fn lines_far_from_a_change_are_left_out() {
        let lines: Vec<String> = (0..20).map(|number| format!("line {number}")).collect();
        let base = lines.join("\n");
        let shown = shown(&compare(
            Some(&base),
            &base.replace("line 10", "TEN"),
            &base,
        ));
        assert_eq!(shown.len(), 9);
        assert_eq!((&*shown[0], &*shown[8]), ("… 7", "… 6"));
        assert_eq!(shown[4], "Theirs: [line 10] | [TEN] | line 10");
    }

    fn texts() -> impl Strategy<Value = String> {
        let line = prop::sample::select(vec!["a b", "a c", "b", "", "c d e"]);
        prop::collection::vec(line, 0..10).prop_map(|lines| lines.join("\n"))
    }

    proptest! {
        #[test]
        fn each_side_is_shown_whole_and_in_order(base in texts(), theirs in texts(), mine in texts()) {
            let lines: [Vec<&str>; 3] = [&base, &theirs, &mine].map(|text| text.lines().collect());
            let rows = align(&lines[0], &lines[1], &lines[2]);
            let plain = |side: &Option<Vec<Piece>>| {
                let pieces = side.as_ref()?;
                Some(pieces.iter().map(|piece| &*piece.text).collect::<String>())
            };
            let sides: [Vec<String>; 3] = [
                rows.iter().filter_map(|row| plain(&row.base)).collect(),
                rows.iter().filter_map(|row| plain(&row.theirs)).collect(),
                rows.iter().filter_map(|row| plain(&row.mine)).collect(),
            ];
            prop_assert_eq!(sides, lines.map(|lines| lines.iter().map(ToString::to_string).collect::<Vec<_>>()));
        }
    }
}
