//! Every value that was acknowledged is in the message, in the base of a save that replaced it, or kept.

use std::collections::HashSet;

use super::case::{Case, Claim, Marks, Name, Names, Way, mark_of};
use super::resolved::{made, words};
use super::violation::Violation;
use super::written::Writing;
use crate::stress::history::Final;

/// Marks of parts, each by itself.
#[derive(Default)]
struct Values(HashSet<(Name, Name)>);

impl Values {
    fn add(&mut self, part: Name, mark: Name, names: &mut Names) {
        let text = names.text(mark).to_owned();
        for word in words(&text) {
            self.0.insert((part, names.of(word)));
        }
    }
}

impl Writing<'_> {
    /// Checks that nothing is lost of what clients were told to have saved. The message and the kept versions are taken as
    /// they were found at the end, and who replaced what from what clients asked.
    pub(super) fn check_values(&mut self, case: &Case, state: Option<&Final>) {
        let mut safe = Values::default();
        let found = state.map(|state| self.names.marks(&state.parts));
        // What was deleted for good was deleted on purpose, as far as it was there.
        let deleted = case.deletions.iter().any(|deletion| deletion.hard);
        let last = case.marks(case.newest()).filter(|_| deleted);
        let kept = case.kept.values().flatten();
        for (part, mark) in found
            .iter()
            .flatten()
            .chain(last.into_iter().flatten())
            .chain(kept)
        {
            safe.add(*part, *mark, self.names);
        }
        let is_committed = |claim: &&Claim| case.committed.contains_key(&claim.save);
        for claim in case.claims.iter().filter(is_committed) {
            let base = claim.base.and_then(|base| case.marks(base));
            for part in replaced_parts(case, claim) {
                if let Some(replaced) = mark_of(base.unwrap_or_default(), part) {
                    safe.add(part, replaced, self.names);
                }
            }
        }
        for claim in case.claims.iter().filter(|claim| claim.told.is_some()) {
            for (part, mark) in own_values(case, claim, self.names).0 {
                if !safe.0.contains(&(part, mark)) {
                    self.add(Violation::ValueLost, |names| {
                        let [client, part, mark] =
                            [claim.client, part, mark].map(|name| names.text(name));
                        format!(
                            "{client} was told that {part} {mark} is saved; it is neither there nor kept, and nobody \
                             who had it replaced it"
                        )
                    });
                }
            }
        }
    }
}

/// The parts that are otherwise in what a save made than in its base because its client wanted so.
fn replaced_parts(case: &Case, claim: &Claim) -> Vec<Name> {
    let merged = merged(case, claim);
    let is_replaced = |part: &Name| match (&claim.way, &merged) {
        // Where a merge took theirs, they have replaced it.
        (Way::Merge { shown, .. }, Some(merged)) => {
            mark_of(merged, *part) != mark_of(case.marks(*shown).unwrap_or_default(), *part)
        }
        _ => true,
    };
    let mut parts: Vec<Name> = claim.changes.iter().map(|(part, _)| *part).collect();
    if let Way::Merge { choices, .. } = &claim.way {
        parts.extend(choices.iter().map(|(part, _)| *part));
    }
    parts.sort_unstable();
    parts.dedup();
    parts.retain(is_replaced);
    parts
}

/// What a save itself has written: of a merge only those of its changes that it was to take.
fn own_values(case: &Case, claim: &Claim, names: &mut Names) -> Values {
    let mut own = Values::default();
    for (part, mark) in &claim.changes {
        own.add(*part, *mark, names);
    }
    if let Some(merged) = merged(case, claim) {
        let mut taken = Values::default();
        for (part, mark) in &merged {
            taken.add(*part, *mark, names);
        }
        own.0.retain(|value| taken.0.contains(value));
    }
    own
}

/// What a merge makes; none of any other save.
fn merged(case: &Case, claim: &Claim) -> Option<Marks> {
    matches!(claim.way, Way::Merge { .. })
        .then(|| made(case, &claim.way, claim.base, &claim.changes))
        .flatten()
}
