//! What a history consists of.

use serde::{Deserialize, Serialize};

use crate::support::Random;

/// Handles: each third one belongs to one of three hands.
pub(super) const SLOTS: u8 = 9;
pub(super) const HANDS: u8 = 3;

/// A step of one slot, or of the hand that it belongs to. What a step changes says its `mark`, so no two changes are alike.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Move {
    pub(super) slot: u8,
    pub(super) mark: u32,
    pub(super) step: Step,
}

/// What is done. Numbers are any, and fitted to what there is: a history stays one when steps are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Step {
    Create { folder: u8 },
    Open { message: u8, access: Wanted },
    Close,
    View,
    Set { property: u8, size: u8 },
    Unset { property: u8 },
    AddRecipient { address: u8 },
    RenameRecipient { place: u8 },
    RemoveRecipient { place: u8 },
    RemoveAllRecipients,
    Attach { size: u8 },
    Embed,
    EditAttachment { place: u8, size: u8 },
    DeleteAttachment { place: u8 },
    Save { flags: u32 },
    SaveBatch { flags: u32 },
    Reload,
    ShowConflict,
    Resolve { how: How, folder: u8 },
    PutBack { version: u8 },
    SaveElsewhere { folder: u8 },
    Look { message: u8 },
    Restore { message: u8, version: u8 },
    Copy { message: u8, folder: u8 },
    Move { message: u8, folder: u8 },
    Delete { message: u8, is_hard: bool },
    MarkRead { message: u8, is_read: bool },
    SetStatus { message: u8, status: i32, mask: i32 },
    CreateFolder { name: u8 },
    RenameFolder { folder: u8, name: u8 },
    DeleteFolder { folder: u8 },
    Count { folder: u8 },
    Purge { keep: u8 },
    Collect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Wanted {
    ReadOnly,
    Modify,
    Best,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum How {
    KeepOriginal,
    Overwrite,
    Elsewhere,
    MergeTheirs,
    MergeMine,
    /// A merge without a choice.
    MergeUndecided,
}

/// Lengths of values: inside the document, streams, and one that goes to the store before the save.
pub(super) const SIZES: [u32; 4] = [1, 700, 1_500, 300_000];

/// A text that says nothing but its mark.
pub(super) fn chant(mark: u32, repeats: u32) -> String {
    format!("{mark} ").repeat(repeats as usize)
}

/// What a text says.
pub(super) fn heard(text: &str) -> String {
    let mut words = text.split_ascii_whitespace();
    let Some(first) = words.next() else {
        return "nothing".to_owned();
    };
    let (mut repeats, mut is_mixed) = (1, false);
    for word in words {
        repeats += 1;
        is_mixed |= word != first;
    }
    match is_mixed {
        true => format!("mixed {first}*{repeats}"),
        false => format!("{first}*{repeats}"),
    }
}

fn size(random: &mut Random) -> u8 {
    match random.below(400) {
        0 => 3,
        1..60 => 2,
        60..140 => 1,
        _ => 0,
    }
}

fn flags(random: &mut Random) -> u32 {
    match random.below(40) {
        // KEEP_OPEN_READWRITE, and with FORCE_SAVE; else any of the three bits.
        0..24 => 2,
        24..34 => 6,
        _ => random.below(8) as u32,
    }
}

/// The next step of a random history.
pub(super) fn next(random: &mut Random, mark: u32) -> Move {
    let slot = random.below(u64::from(SLOTS)) as u8;
    let mut any = |limit: u64| random.below(limit) as u8;
    let (message, folder, version) = (any(5), any(5), any(255));
    let (place, property, name) = (any(4), any(5), any(4));
    let access = match any(12) {
        0 => Wanted::ReadOnly,
        1..3 => Wanted::Best,
        _ => Wanted::Modify,
    };
    let how = match any(6) {
        0 => How::KeepOriginal,
        1 => How::Overwrite,
        2 => How::Elsewhere,
        3 => How::MergeTheirs,
        4 => How::MergeMine,
        _ => How::MergeUndecided,
    };
    let coin = any(2) == 0;
    let step = match random.below(1_000) {
        0..25 => Step::Create { folder },
        25..160 => Step::Open { message, access },
        160..165 => Step::Close,
        165..215 => Step::View,
        215..335 => Step::Set {
            property,
            size: size(random),
        },
        335..350 => Step::Unset { property },
        350..390 => Step::AddRecipient {
            address: random.below(6) as u8,
        },
        390..405 => Step::RenameRecipient { place },
        405..420 => Step::RemoveRecipient { place },
        420..424 => Step::RemoveAllRecipients,
        424..459 => Step::Attach { size: size(random) },
        459..474 => Step::Embed,
        474..494 => Step::EditAttachment {
            place,
            size: size(random),
        },
        494..509 => Step::DeleteAttachment { place },
        509..649 => Step::Save {
            flags: flags(random),
        },
        649..659 => Step::SaveBatch {
            flags: flags(random),
        },
        659..689 => Step::Reload,
        689..739 => Step::ShowConflict,
        739..799 => Step::Resolve { how, folder },
        799..819 => Step::PutBack { version },
        819..829 => Step::SaveElsewhere { folder },
        829..869 => Step::Look { message },
        869..884 => Step::Restore { message, version },
        884..889 => Step::Copy { message, folder },
        889..904 => Step::Move { message, folder },
        904..916 => Step::Delete {
            message,
            is_hard: coin,
        },
        916..931 => Step::MarkRead {
            message,
            is_read: coin,
        },
        931..941 => Step::SetStatus {
            message,
            status: (random.below(4) * 0x1000) as i32,
            mask: (random.below(4) * 0x1000) as i32,
        },
        941..948 => Step::CreateFolder { name },
        948..955 => Step::RenameFolder { folder, name },
        955..965 => Step::DeleteFolder { folder },
        965..985 => Step::Count { folder },
        985..990 => Step::Purge { keep: place },
        _ => Step::Collect,
    };
    Move { slot, mark, step }
}
