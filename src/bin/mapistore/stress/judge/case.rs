//! What is known of one message: what was asked of it, what the journal has, and which save made which version.

use std::collections::HashMap;

use crate::stress::history::Origin;

/// Stands for a text: a client, a save id, a mark.
pub(super) type Name = u32;
/// The marks of parts, by part.
pub(super) type Marks = Box<[(Name, Name)]>;

/// Texts and what stands for them, so that a save takes little memory.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_text: HashMap<String, Name>,
    texts: Vec<String>,
}

impl Names {
    pub(super) fn of(&mut self, text: &str) -> Name {
        if let Some(name) = self.by_text.get(text) {
            return *name;
        }
        // More than four thousand million texts do not fit into memory anyway.
        let name = Name::try_from(self.texts.len()).unwrap_or(Name::MAX);
        self.by_text.insert(text.to_owned(), name);
        self.texts.push(text.to_owned());
        name
    }

    pub(super) fn text(&self, name: Name) -> &str {
        self.texts.get(name as usize).map_or("?", String::as_str)
    }

    pub(super) fn marks(&mut self, parts: &std::collections::BTreeMap<String, String>) -> Marks {
        parts
            .iter()
            .map(|(part, mark)| (self.of(part), self.of(mark)))
            .collect()
    }
}

/// The mark of a part.
pub(super) fn mark_of(marks: &[(Name, Name)], part: Name) -> Option<Name> {
    marks
        .iter()
        .find(|(of, _)| *of == part)
        .map(|(_, mark)| *mark)
}

/// What a content becomes by a change.
pub(super) fn overlay(base: &[(Name, Name)], change: &[(Name, Name)]) -> Marks {
    let kept = base
        .iter()
        .filter(|(part, _)| mark_of(change, *part).is_none());
    kept.chain(change).copied().collect()
}

/// How a save deals with what others saved since its base.
#[derive(Debug)]
pub(super) enum Way {
    Guarded,
    Forced,
    /// Replaces the version that was shown.
    Overwrite {
        shown: i64,
    },
    /// Combines its changes with the version that was shown.
    Merge {
        shown: i64,
        choices: Box<[(Name, Chosen)]>,
    },
    /// Puts a kept version back.
    Restore {
        kept: i64,
    },
}

/// What a merge was to take for a part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Chosen {
    Theirs,
    Mine,
    /// Rows with these marks.
    Rows(Name),
}

impl Way {
    /// What the journal calls such a save of a message that there was already.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Way::Guarded => SAVED,
            Way::Forced => FORCED,
            Way::Overwrite { .. } => OVERWRITTEN,
            Way::Merge { .. } => MERGED,
            Way::Restore { .. } => RESTORED,
        }
    }

    /// The only version that such a save may replace; none if any.
    pub(super) const fn may_replace(&self, base: Option<i64>) -> Option<i64> {
        match self {
            Way::Guarded | Way::Restore { .. } => base,
            Way::Forced => None,
            Way::Overwrite { shown } | Way::Merge { shown, .. } => Some(*shown),
        }
    }

    /// The version that such a save is built on: another one that it replaces must be kept.
    pub(super) const fn is_built_on(&self, base: Option<i64>) -> Option<i64> {
        match self {
            Way::Restore { kept } => Some(*kept),
            _ => base,
        }
    }
}

const CREATED: &str = "message-created";
const SAVED: &str = "message-saved";
const FORCED: &str = "message-forced";
const OVERWRITTEN: &str = "message-overwritten";
const MERGED: &str = "message-merged";
const RESTORED: &str = "message-restored";

/// The kind of a row that made a version; none of any other row.
pub(super) fn kind_of_save(kind: &str) -> Option<SaveKind> {
    let kinds = [CREATED, SAVED, FORCED, OVERWRITTEN, MERGED, RESTORED];
    kinds.into_iter().find(|one| *one == kind).map(SaveKind)
}

/// What the journal calls a save.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SaveKind(pub(super) &'static str);

impl SaveKind {
    /// Whether it is the first save of a message; of that the journal does not say how it was made.
    pub(super) fn is_first(self) -> bool {
        self.0 == CREATED
    }
}

/// A save that was asked for and not refused.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) client: Name,
    pub(super) save: Name,
    pub(super) base: Option<i64>,
    pub(super) way: Way,
    pub(super) changes: Marks,
    pub(super) asked: u64,
    /// The version and the change that its client was told; none if it was not told.
    pub(super) told: Option<(i64, i64)>,
}

/// A save in the journal.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) change: i64,
    pub(super) version: i64,
    pub(super) client: Name,
    pub(super) save: Option<Name>,
    pub(super) kind: SaveKind,
}

/// A delete in the journal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deletion {
    pub(super) change: i64,
    pub(super) version: Option<i64>,
    pub(super) hard: bool,
}

/// A version that was committed.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) save: Option<Name>,
    pub(super) client: Name,
    /// When it was asked for: nobody can have seen it before.
    pub(super) asked: Option<u64>,
    pub(super) marks: Option<Marks>,
    /// Whether a resolution or a restoring made it.
    pub(super) is_resolved: bool,
}

/// Changes of a message that make no version, of one client and kind.
#[derive(Debug, Default)]
pub(super) struct Aside {
    pub(super) done: u64,
    pub(super) unanswered: u64,
    pub(super) recorded: u64,
}

/// What a handle is built on, and what it showed since.
#[derive(Debug)]
pub(super) struct HandleState {
    pub(super) version: i64,
    /// When it got there.
    pub(super) since: u64,
    pub(super) shown: Marks,
}

/// Everything about one message.
#[derive(Debug, Default)]
pub(super) struct Case {
    pub(super) claims: Vec<Claim>,
    pub(super) rows: Vec<Row>,
    pub(super) deletions: Vec<Deletion>,
    /// The last folder that the journal has it in.
    pub(super) folder: Option<Name>,
    pub(super) asides: HashMap<(Name, &'static str), Aside>,
    pub(super) kept: HashMap<i64, Marks>,
    /// What it was said to be in conflict with, of a copy.
    pub(super) origin: Option<Origin>,
    /// The earliest moments at which a delete may have begun, and was surely done.
    pub(super) delete_asked: Option<u64>,
    pub(super) delete_told: Option<u64>,
    /// Filled when the journal is complete.
    pub(super) versions: HashMap<i64, Version>,
    /// The version that each committed save made, and its change, by save id.
    pub(super) committed: HashMap<Name, (i64, i64)>,
    /// Moments from which on everybody must see at least a version; both only grow.
    pub(super) floors: Vec<(u64, i64)>,
    pub(super) handles: HashMap<(Name, u64), HandleState>,
}

impl Case {
    /// The version that somebody knew before a moment, so that whoever asks then must see it or a later one.
    pub(super) fn floor(&self, at: u64) -> i64 {
        let after = self.floors.partition_point(|(known, _)| *known < at);
        after
            .checked_sub(1)
            .and_then(|last| self.floors.get(last))
            .map_or(0, |(_, version)| *version)
    }

    /// Notes that somebody knew a version at a moment; moments come in order.
    pub(super) fn knew(&mut self, at: u64, version: i64) {
        if self.floors.last().is_none_or(|(_, known)| *known < version) {
            self.floors.push((at, version));
        }
    }

    /// What a version consists of, as far as it follows from what was asked.
    pub(super) fn marks(&self, version: i64) -> Option<&[(Name, Name)]> {
        self.versions.get(&version)?.marks.as_deref()
    }

    pub(super) fn newest(&self) -> i64 {
        self.rows.iter().map(|row| row.version).max().unwrap_or(0)
    }
}
