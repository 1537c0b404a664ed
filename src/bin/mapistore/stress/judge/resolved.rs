//! What a save makes of its base, of what was shown, and of its own changes.

use super::case::{Case, Chosen, Marks, Name, Names, Way, mark_of, overlay};

/// Joins the marks of a part that has several; no mark has it.
pub(super) const SEVERAL: char = '+';

/// The content that a save makes; none where what it is built on is not known.
pub(super) fn made(
    case: &Case,
    way: &Way,
    base: Option<i64>,
    changes: &[(Name, Name)],
) -> Option<Marks> {
    let mine = match base {
        None => changes.into(),
        Some(base) => overlay(case.marks(base)?, changes),
    };
    match way {
        Way::Guarded | Way::Forced | Way::Overwrite { .. } => Some(mine),
        Way::Restore { kept } => case.marks(*kept).map(Into::into),
        Way::Merge { shown, choices } => {
            let theirs = case.marks(*shown)?;
            let is_chosen = |part: Name| choices.iter().any(|(of, _)| *of == part);
            // What nobody chose for is theirs, but for what this client alone has changed.
            let unasked = changes
                .iter()
                .copied()
                .filter(|(part, _)| !is_chosen(*part));
            let asked = choices.iter().filter_map(|(part, chosen)| match chosen {
                Chosen::Theirs => None,
                Chosen::Mine => mark_of(&mine, *part).map(|mine| (*part, mine)),
                // Rows may differ although the marks are the same.
                Chosen::Rows(rows) => Some((*part, *rows)),
            });
            let taken: Marks = unasked.chain(asked).collect();
            let mut merged = overlay(theirs, &taken).into_vec();
            let is_gone = |part: Name| {
                choices.contains(&(part, Chosen::Mine)) && mark_of(&mine, part).is_none()
            };
            merged.retain(|(part, _)| !is_gone(*part));
            Some(merged.into())
        }
    }
}

/// The parts whose rows were said to be of neither side.
pub(super) fn third_things(
    case: &Case,
    way: &Way,
    changes: &[(Name, Name)],
    names: &Names,
) -> Vec<Name> {
    let Way::Merge { shown, choices } = way else {
        return Vec::new();
    };
    let Some(theirs) = case.marks(*shown) else {
        return Vec::new();
    };
    let of_neither = |(part, chosen): &(Name, Chosen)| {
        let Chosen::Rows(rows) = chosen else {
            return None;
        };
        let sides = [mark_of(theirs, *part), mark_of(changes, *part)];
        let has = |mark: &str| {
            let mut sides = sides.into_iter().flatten();
            sides.any(|side| words(names.text(side)).any(|word| word == mark))
        };
        (!words(names.text(*rows)).all(has)).then_some(*part)
    };
    choices.iter().filter_map(of_neither).collect()
}

/// The marks of a part, each by itself.
pub(super) fn words(mark: &str) -> impl Iterator<Item = &str> {
    mark.split(SEVERAL)
}
