//! What the judge can find, each by a name of its own.

use std::collections::BTreeMap;

/// So many of each kind are told in words; all are counted.
const TOLD: usize = 10;

macro_rules! violations {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $group:ident;)*) => {
        /// A promise that was not kept.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Violation { $($(#[$doc])* $variant,)* }

        impl Violation {
            #[cfg(test)]
            pub(crate) const ALL: &[Violation] = &[$(Violation::$variant,)*];

            pub(crate) const fn name(self) -> &'static str {
                match self { $(Violation::$variant => $name,)* }
            }

            pub(crate) const fn group(self) -> Group {
                match self { $(Violation::$variant => Group::$group,)* }
            }
        }
    };
}

/// What the violation does to those who rely on the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Group {
    LostUpdate,
    TornRead,
    Order,
    Busy,
    Other,
}

violations! {
    /// Two unforced saves went through on one base, or one replaced a version that it was not built on.
    LostUpdate = "lost-update", LostUpdate;
    /// A save was told to have succeeded, and the journal does not have it.
    UnrecordedSave = "unrecorded-save", LostUpdate;
    /// What a forced save, a resolution or a restoring replaced without having seen it was not kept, or not as it was.
    VersionNotKept = "version-not-kept", LostUpdate;
    /// A value of an acknowledged save is neither in the message, nor kept, nor in the base of a save that replaced it.
    ValueLost = "value-lost", LostUpdate;
    /// A version that a resolution made is not what was chosen, or a resolution did not act on what was shown.
    WrongResolution = "wrong-resolution", LostUpdate;
    /// `row_version` did not grow by the number of successful saves.
    GrowthDiffers = "growth-differs", LostUpdate;
    /// At the end a message is not what its last save made it.
    FinalStateDiffers = "final-state-differs", LostUpdate;
    /// The journal has a save that nobody asked for, or that was refused.
    UnaskedSave = "unasked-save", Other;
    /// The journal has a save twice.
    SaveRecordedTwice = "save-recorded-twice", Order;
    /// Two saves made the same version.
    VersionTakenTwice = "version-taken-twice", Order;
    /// Versions, changes or answers that contradict the order of time.
    OutOfOrder = "order-violation", Order;
    /// A deleted message was opened, saved or changed.
    RevivedMessage = "revived-message", Order;
    /// A read showed parts of several versions.
    TornRead = "torn-read", TornRead;
    /// A read showed what was never committed.
    UncommittedRead = "uncommitted-read", TornRead;
    /// A handle showed a later version than its base.
    NewerThanBase = "newer-than-base", TornRead;
    /// What a handle shows changed, though it was neither saved nor reloaded.
    SnapshotChanged = "snapshot-changed", TornRead;
    /// OBJECT_CHANGED was told, and nobody else had saved.
    FalseObjectChanged = "false-object-changed", Other;
    /// OBJECT_DELETED or NOT_FOUND was told, and nobody had deleted.
    FalseObjectDeleted = "false-object-deleted", Other;
    /// A conflict was shown otherwise than it is.
    WrongReport = "wrong-report", Other;
    /// A copy that came out of a conflict does not name what it was in conflict with.
    WrongOrigin = "wrong-origin", Other;
    /// An answer differs from what the journal has.
    WrongAnswer = "wrong-answer", Other;
    /// A move, read mark or delete was told to have been done, and the journal does not have it.
    UnrecordedChange = "unrecorded-change", Other;
    /// The journal has a move, read mark or delete that nobody asked for.
    UnaskedChange = "unasked-change", Other;
    /// Somebody was told BUSY.
    Busy = "busy", Busy;
    /// Another error than those that the contract foresees.
    UnexpectedError = "unexpected-error", Other;
    /// A process hung or ended badly.
    UnfinishedProcess = "unfinished-process", Other;
    /// The store's own check found damage.
    Damage = "damage", Other;
}

/// All that was found: counted, and the first of each kind in words.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    counts: BTreeMap<Violation, u64>,
    told: Vec<(Violation, String)>,
}

impl Findings {
    /// Adds one. The words are only made where they will be told.
    pub(crate) fn add(&mut self, violation: Violation, words: impl FnOnce() -> String) {
        let count = self.counts.entry(violation).or_default();
        *count += 1;
        if *count <= TOLD as u64 {
            self.told.push((violation, words()));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    pub(crate) fn counts(&self) -> impl Iterator<Item = (Violation, u64)> {
        self.counts
            .iter()
            .map(|(violation, count)| (*violation, *count))
    }

    pub(crate) fn count_of(&self, group: Group) -> u64 {
        self.counts()
            .filter(|(violation, _)| violation.group() == group)
            .map(|(_, count)| count)
            .sum()
    }

    pub(crate) fn told(&self) -> &[(Violation, String)] {
        &self.told
    }
}
