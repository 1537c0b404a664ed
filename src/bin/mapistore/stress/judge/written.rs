//! Saves against the journal, kept versions and the final state: nothing lost, nothing made up, nothing twice.

use std::collections::{HashMap, HashSet};

use super::case::{Aside, Case, Claim, Name, Names, Version, Way};
use super::resolved::{made, third_things};
use super::violation::{Findings, Violation};
use crate::stress::history::{Final, Origin, Parts};

/// What clients were about to copy when they were killed, and out of which conflict, by client.
pub(super) type UnansweredCopies = HashMap<String, (Parts, Option<Origin>)>;

/// The evidence about one message, and where findings go.
pub(super) struct Writing<'a> {
    pub(super) message: &'a str,
    pub(super) names: &'a mut Names,
    pub(super) findings: &'a mut Findings,
    /// What clients were about to copy when they were killed: nobody knows the message that came of it.
    pub(super) unanswered_copies: &'a mut UnansweredCopies,
}

impl Writing<'_> {
    pub(super) fn add(&mut self, violation: Violation, words: impl FnOnce(&Names) -> String) {
        let (message, names) = (self.message, &*self.names);
        self.findings
            .add(violation, || format!("message {message}: {}", words(names)));
    }

    /// Finds the save behind each row of the journal, and so what each version consists of.
    pub(super) fn link(&mut self, case: &mut Case) {
        let mut by_save: HashMap<Name, Vec<usize>> = HashMap::new();
        for (at, claim) in case.claims.iter().enumerate() {
            by_save.entry(claim.save).or_default().push(at);
        }
        let rows = std::mem::take(&mut case.rows);
        let mut last = 0;
        let mut origin = None;
        for row in &rows {
            let (version, change) = (row.version, row.change);
            if case.versions.contains_key(&version) {
                self.add(Violation::VersionTakenTwice, |names| {
                    let client = names.text(row.client);
                    format!(
                        "the journal has version {version} again at change {change}, by {client}"
                    )
                });
            } else if version != last + 1 {
                self.add(Violation::OutOfOrder, |_| {
                    format!("version {version} follows version {last} in the journal, at change {change}")
                });
            }
            last = last.max(version);
            if let Some(deletion) = case
                .deletions
                .iter()
                .find(|deletion| deletion.change < change)
            {
                let deleted = deletion.change;
                self.add(Violation::RevivedMessage, |_| {
                    format!("deleted at change {deleted}, and saved as version {version} at change {change}")
                });
            }
            let claims = row.save.and_then(|save| by_save.get(&save));
            let claims = claims
                .into_iter()
                .flatten()
                .filter_map(|at| case.claims.get(*at));
            // The call that was told of it; else the first, of which nobody knows.
            let claim = claims
                .clone()
                .find(|claim| claim.told.is_some())
                .or(claims.clone().next());
            let made = match claim {
                Some(claim) => self.made_by(case, row.version, claim, row.client),
                None => {
                    let (made, of) = self.made_by_nobody_known(row.version, row.client);
                    origin = origin.or(of);
                    made
                }
            };
            if !row.kind.is_first()
                && let Some(claim) = claim
                && claim.way.kind() != row.kind.0
            {
                let (recorded, asked) = (row.kind.0, claim.way.kind());
                self.add(Violation::WrongAnswer, |_| {
                    format!(
                        "version {version} is {recorded} in the journal, and {asked} was asked for"
                    )
                });
            }
            if let Some(save) = row.save
                && case.committed.insert(save, (version, change)).is_some()
            {
                self.add(Violation::SaveRecordedTwice, |names| {
                    format!(
                        "save {} is in the journal again at change {change}",
                        names.text(save)
                    )
                });
            }
            case.versions.entry(version).or_insert(made);
        }
        case.rows = rows;
        case.origin = case.origin.take().or(origin);
    }

    fn made_by(&mut self, case: &Case, version: i64, claim: &Claim, client: Name) -> Version {
        if claim.client != client {
            self.add(Violation::WrongAnswer, |names| {
                let (asked, recorded) = (names.text(claim.client), names.text(client));
                format!("version {version} was saved by {asked}, and the journal names {recorded}")
            });
        }
        let replaced = version - 1;
        match claim.base {
            None if version != 1 => self.add(Violation::OutOfOrder, |_| {
                format!("a first save made version {version}")
            }),
            _ => {}
        }
        match claim.way.may_replace(claim.base) {
            Some(seen) if seen != replaced => self.add(Violation::LostUpdate, |names| {
                let client = names.text(claim.client);
                format!("the unforced save of version {version} by {client} could replace version {seen} only, and \
                         so replaced version {replaced} unseen")
            }),
            _ => {}
        }
        let is_built_on = claim.way.is_built_on(claim.base);
        if !matches!(claim.way, Way::Guarded) && is_built_on.is_some_and(|seen| seen < replaced) {
            self.check_kept(case, replaced, version);
        }
        for part in third_things(case, &claim.way, &claim.changes, self.names) {
            self.add(Violation::WrongResolution, |names| {
                let part = names.text(part);
                format!("version {version} has a {part} of neither side")
            });
        }
        let marks = made(case, &claim.way, claim.base, &claim.changes);
        Version {
            save: Some(claim.save),
            client,
            asked: Some(claim.asked),
            marks,
            is_resolved: !matches!(claim.way, Way::Guarded | Way::Forced),
        }
    }

    /// A process that was killed in the middle of a copy never learnt its name.
    fn made_by_nobody_known(&mut self, version: i64, client: Name) -> (Version, Option<Origin>) {
        let copied = if version == 1 {
            let client = self.names.text(client).to_owned();
            self.unanswered_copies.remove(&client)
        } else {
            None
        };
        if copied.is_none() {
            self.add(Violation::UnaskedSave, |names| {
                let client = names.text(client);
                format!("version {version} by {client} was never asked for, or was refused")
            });
        }
        let (parts, origin) = copied.unzip();
        let marks = parts.map(|parts| self.names.marks(&parts));
        let version = Version {
            save: None,
            client,
            asked: None,
            marks,
            is_resolved: false,
        };
        (version, origin.flatten())
    }

    fn check_kept(&mut self, case: &Case, replaced: i64, version: i64) {
        let Some(kept) = case.kept.get(&replaced) else {
            self.add(Violation::VersionNotKept, |_| {
                format!("version {version} replaced version {replaced} unseen, which was not kept")
            });
            return;
        };
        let was = case.marks(replaced);
        if was.is_some_and(|was| kept.iter().any(|mark| !was.contains(mark))) {
            self.add(Violation::VersionNotKept, |_| {
                format!("version {replaced} was kept otherwise than it had been saved")
            });
        }
    }

    /// Checks what clients were told of their saves.
    pub(super) fn check_claims(&mut self, case: &Case) {
        let mut bases: HashMap<i64, Name> = HashMap::new();
        let mut versions: HashMap<i64, Name> = HashMap::new();
        for claim in &case.claims {
            let Some((version, change)) = claim.told else {
                continue;
            };
            let client = claim.client;
            let recorded = case.committed.get(&claim.save).copied();
            match recorded {
                None => self.add(Violation::UnrecordedSave, |names| {
                    let (client, save) = (names.text(client), names.text(claim.save));
                    format!("{client} was told that its save {save} made version {version}; the journal has no such \
                             save")
                }),
                Some(recorded) if recorded != (version, change) => {
                    self.add(Violation::WrongAnswer, |names| {
                        let (client, (made, at)) = (names.text(client), recorded);
                        format!("{client} was told version {version} at change {change}; in the journal that save \
                                 made version {made} at change {at}")
                    });
                }
                Some(_) => {}
            }
            if let Some(other) = versions
                .insert(version, claim.save)
                .filter(|save| *save != claim.save)
            {
                self.add(Violation::VersionTakenTwice, |names| {
                    let (one, other) = (names.text(other), names.text(claim.save));
                    format!(
                        "saves {one} and {other} were both told that they made version {version}"
                    )
                });
            }
            if let Some(base) = claim.way.may_replace(claim.base)
                && let Some(other) = bases.insert(base, claim.save)
                && other != claim.save
            {
                self.add(Violation::LostUpdate, |names| {
                    let (one, other) = (names.text(other), names.text(claim.save));
                    format!(
                        "the unforced saves {one} and {other} both went through on version {base}"
                    )
                });
            }
        }
    }

    /// Checks moves, read marks and deletes: each that was told is in the journal, and each there was asked for.
    pub(super) fn check_asides(&mut self, case: &Case) {
        for ((client, kind), aside) in &case.asides {
            let Aside {
                done,
                unanswered,
                recorded,
            } = *aside;
            let words = |names: &Names| {
                let client = names.text(*client);
                format!(
                    "{client} was told of {done} changes {kind} and did not learn of {unanswered}; the journal \
                         has {recorded}"
                )
            };
            if recorded < done {
                self.add(Violation::UnrecordedChange, words);
            } else if recorded > done + unanswered {
                self.add(Violation::UnaskedChange, words);
            }
        }
    }

    /// Checks the message at the end; none where there is none.
    pub(super) fn check_final(&mut self, case: &Case, state: Option<&Final>) {
        let saves: HashSet<Name> = case
            .claims
            .iter()
            .filter(|claim| claim.told.is_some())
            .map(|claim| claim.save)
            .collect();
        let unknown: HashSet<Name> = case
            .claims
            .iter()
            .filter(|claim| claim.told.is_none())
            .map(|claim| claim.save)
            .collect();
        let told = saves.len() as i64;
        let hard = case.deletions.iter().find(|deletion| deletion.hard);
        let last = state
            .map(|state| state.version)
            .or(hard.and_then(|deletion| deletion.version));
        let of_nobody = i64::from(
            case.versions
                .get(&1)
                .is_some_and(|version| version.save.is_none()),
        );
        if let Some(last) = last {
            let most = told + unknown.difference(&saves).count() as i64 + of_nobody;
            if last < told || last > most || last != case.newest() {
                self.add(Violation::GrowthDiffers, |_| {
                    format!("{told} saves succeeded, at most {most} with those whose outcome nobody was told, the \
                             journal has {}, and row_version is {last}", case.rows.len())
                });
            }
        }
        match (state, hard) {
            (Some(_), Some(deletion)) => self.add(Violation::RevivedMessage, |_| {
                format!(
                    "it is there, and was deleted for good at change {}",
                    deletion.change
                )
            }),
            (None, None) if !case.rows.is_empty() => self.add(Violation::FinalStateDiffers, |_| {
                "it is gone, and nobody has deleted it for good".to_owned()
            }),
            (Some(state), None) => self.check_state(case, state),
            _ => {}
        }
    }

    fn check_state(&mut self, case: &Case, state: &Final) {
        match (state.deleted, case.deletions.is_empty()) {
            (true, true) => self.add(Violation::FinalStateDiffers, |_| {
                "it is deleted, and nobody has deleted it".to_owned()
            }),
            (false, false) => self.add(Violation::RevivedMessage, |_| {
                "it was deleted, and is not deleted at the end".to_owned()
            }),
            _ => {}
        }
        if !state.deleted && state.conflict != case.origin {
            self.add(Violation::WrongOrigin, |_| {
                let (is, was) = (&state.conflict, &case.origin);
                format!("what it was in conflict with is {is:?}, and was {was:?} when it was made")
            });
        }
        let folder = self.names.of(&state.folder);
        if case.folder.is_some_and(|recorded| recorded != folder) {
            self.add(Violation::FinalStateDiffers, |_| {
                "it is in another folder than its last move brought it to".to_owned()
            });
        }
        let marks = self.names.marks(&state.parts);
        let last = case.marks(state.version);
        if last.is_some_and(|last| {
            last.len() != marks.len() || marks.iter().any(|mark| !last.contains(mark))
        }) {
            let made = case.versions.get(&state.version);
            let violation = match made {
                Some(made) if made.is_resolved => Violation::WrongResolution,
                _ => Violation::FinalStateDiffers,
            };
            self.add(violation, |_| {
                let (version, parts) = (state.version, &state.parts);
                format!("version {version} is not what its save made it: {parts:?}")
            });
        }
    }
}
