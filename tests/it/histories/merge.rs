//! What a merge must come to (K2).

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Attachment, Content};
use super::step::How;

/// Which side's value counts, of one thing on three sides; none: it needs a choice, and there is none.
fn side<T: PartialEq>(base: &T, theirs: &T, mine: &T, how: How) -> Option<IsMine> {
    let is_mine = match (base == theirs, base == mine) {
        (_, true) => false,
        (true, false) => true,
        (false, false) if theirs == mine => false,
        (false, false) => match how {
            How::MergeTheirs => false,
            How::MergeMine => true,
            _ => return None,
        },
    };
    Some(IsMine(is_mine))
}

struct IsMine(bool);

/// Theirs with what is mine; none if a choice is missing.
pub(super) fn merge(base: &Content, theirs: &Content, mine: &Content, how: How) -> Option<Content> {
    let mut merged = theirs.clone();
    for property in 0..5 {
        let [one, two, three] =
            [base, theirs, mine].map(|content| content.properties.get(&property));
        if side(&one, &two, &three, how)?.0 {
            match three {
                Some(value) => merged.properties.insert(property, *value),
                None => merged.properties.remove(&property),
            };
        }
    }
    merge_recipients(&mut merged.recipients, base, theirs, mine, how)?;
    merged.spare_numbers_of(mine);
    merge_attachments(&mut merged, base, theirs, mine, how)?;
    Some(merged)
}

type Rows = BTreeMap<u32, (u8, u32)>;

fn merge_recipients(
    merged: &mut Rows,
    base: &Content,
    theirs: &Content,
    mine: &Content,
    how: How,
) -> Option<()> {
    // Those of the base are known by their row.
    for (row, value) in &base.recipients {
        let (their, my) = (theirs.recipients.get(row), mine.recipients.get(row));
        if !side(&Some(value), &their, &my, how)?.0 {
            continue;
        }
        let place = their.map(|_| *row);
        take_recipient(merged, place, Some(*row), my.copied());
    }
    // Others by their address: each client has given them rows of its own.
    let is_new = |row: &&u32| !base.recipients.contains_key(row);
    let mut my_new: Vec<u32> = mine.recipients.keys().filter(is_new).copied().collect();
    let their_new: Vec<u32> = theirs.recipients.keys().filter(is_new).copied().collect();
    for row in their_new {
        let their = theirs.recipients[&row];
        let twin = my_new
            .iter()
            .position(|my| mine.recipients[my].0 == their.0);
        let my = twin.map(|at| mine.recipients[&my_new.remove(at)]);
        if side(&None, &Some(their), &my, how)?.0 {
            take_recipient(merged, Some(row), None, my);
        }
    }
    for row in my_new {
        take_recipient(merged, None, None, Some(mine.recipients[&row]));
    }
    Some(())
}

fn take_recipient(
    merged: &mut Rows,
    place: Option<u32>,
    of_base: Option<u32>,
    mine: Option<(u8, u32)>,
) {
    if let Some(place) = place {
        merged.remove(&place);
    }
    let Some(mine) = mine else { return };
    let above = merged.last_key_value().map_or(0, |(last, _)| last + 1);
    let own = of_base.filter(|row| !merged.contains_key(row));
    merged.insert(place.or(own).unwrap_or(above), mine);
}

fn merge_attachments(
    merged: &mut Content,
    base: &Content,
    theirs: &Content,
    mine: &Content,
    how: How,
) -> Option<()> {
    let mut take = |place: Option<u32>, mine: Option<Attachment>| {
        if let Some(place) = place {
            merged.attachments.remove(&place);
        }
        let Some(mine) = mine else { return };
        let number = place.unwrap_or(merged.next_attachment);
        // A number is never used again.
        merged.next_attachment = merged.next_attachment.max(number + 1);
        merged.attachments.insert(number, mine);
    };
    for (number, value) in &base.attachments {
        let (their, my) = (theirs.attachments.get(number), mine.attachments.get(number));
        if side(&Some(value), &their, &my, how)?.0 {
            take(their.map(|_| *number), my.copied());
        }
    }
    let is_new = |number: &&u32| !base.attachments.contains_key(number);
    let mut my_new: BTreeSet<u32> = mine.attachments.keys().filter(is_new).copied().collect();
    for number in theirs.attachments.keys().filter(is_new) {
        // Added by both and equal: it is there once.
        let twin = my_new
            .iter()
            .find(|my| mine.attachments[my] == theirs.attachments[number])
            .copied();
        if let Some(twin) = twin {
            my_new.remove(&twin);
        }
    }
    for number in my_new {
        take(None, Some(mine.attachments[&number]));
    }
    Some(())
}
