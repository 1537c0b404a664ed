//! What a merge takes where both clients changed a part, and what therefore comes out of it.

use std::collections::{BTreeMap, BTreeSet};

use mapistore::{
    AttachmentDifference, AttachmentSide, ChangedBy, Choice, Conflict, Differences, MergeChoices,
    PropertyTag, pr,
};

use super::history::{Chosen, Parts};
use super::parts::{Holds, Part, told_by_name};
use super::random::Random;

/// Choices for the store, and what the history says of them.
pub(super) struct Choices {
    pub(super) merge: MergeChoices,
    pub(super) recorded: BTreeMap<String, Chosen>,
}

/// Chooses for every part that both clients have changed, or that belongs together with such a one. None where a number stands
/// for an attachment with bytes on one side, and on another for one with a message: there two parts are one choice.
pub(super) fn choose(conflict: &Conflict, own: &Parts, random: &mut Random) -> Option<Choices> {
    let differences = conflict.differences();
    let is_mixed = |one: &AttachmentDifference| {
        let sides = [one.theirs.as_ref(), one.mine.as_ref(), one.base.value()];
        let names = sides.into_iter().filter_map(name);
        let mut holds = names.map(|name| told_by_name(&name).0);
        let first = holds.next();
        holds.any(|other| Some(other) != first)
    };
    if differences.attachments.iter().any(is_mixed) {
        return None;
    }
    let mut choices = Choices {
        merge: MergeChoices::new().otherwise(either(random)),
        recorded: BTreeMap::new(),
    };
    choices.choose_values(&[Part::Subject], own, differences, random);
    // They belong together: a choice for one is one for both.
    choices.choose_values(&[Part::Body, Part::Html], own, differences, random);
    for part in Part::ALL {
        let is_own = own.contains_key(part.name());
        match part {
            Part::Subject | Part::Body | Part::Html => {}
            Part::Recipients | Part::Attachments | Part::Embedded => {
                choices.choose_rows(part, is_own, differences, random);
            }
        }
    }
    Some(choices)
}

fn either(random: &mut Random) -> Choice {
    if random.percent(50) {
        Choice::Mine
    } else {
        Choice::Theirs
    }
}

/// The properties that a part consists of.
fn tags(part: Part) -> Vec<PropertyTag> {
    match part {
        Part::Subject => vec![
            pr::SUBJECT.tag(),
            pr::SUBJECT_PREFIX.tag(),
            pr::NORMALIZED_SUBJECT.tag(),
        ],
        Part::Body => vec![pr::BODY.tag()],
        Part::Html => vec![pr::HTML.tag()],
        Part::Recipients | Part::Attachments | Part::Embedded => Vec::new(),
    }
}

impl Choices {
    fn take(&mut self, change: impl FnOnce(MergeChoices) -> MergeChoices) {
        self.merge = change(std::mem::take(&mut self.merge));
    }

    /// Chooses for parts that belong together, if both clients have changed something in them.
    fn choose_values(
        &mut self,
        set: &[Part],
        own: &Parts,
        differences: &Differences,
        random: &mut Random,
    ) {
        let is_theirs = |part: &Part| {
            let tags = tags(*part);
            differences.properties.iter().any(|one| {
                let is_of_part = tags.iter().any(|tag| tag.id() == one.tag.id());
                is_of_part && one.base.value() != one.theirs.as_ref()
            })
        };
        let is_own = |part: &Part| own.contains_key(part.name());
        if !(set.iter().any(is_own) && set.iter().any(is_theirs)) {
            return;
        }
        let choice = either(random);
        let chosen = match choice {
            Choice::Mine => Chosen::Mine,
            _ => Chosen::Theirs,
        };
        for part in set {
            self.recorded.insert(part.name().to_owned(), chosen.clone());
        }
        for tag in set.iter().flat_map(|part| tags(*part)) {
            let choice = choice.clone();
            self.take(|merge| merge.property(tag, choice));
        }
    }

    /// Rows that only one client added stay whatever is chosen for those that both changed.
    fn choose_rows(
        &mut self,
        part: Part,
        is_own: bool,
        differences: &Differences,
        random: &mut Random,
    ) {
        let choice = either(random);
        let mut stays = BTreeSet::new();
        for row in rows(part, differences) {
            let Row {
                index,
                changed_by,
                theirs,
                mine,
            } = row;
            let takes_mine = match changed_by {
                ChangedBy::Mine => true,
                ChangedBy::BothDifferently => choice == Choice::Mine,
                _ => false,
            };
            stays.extend(if takes_mine { mine } else { theirs });
            let choice = choice.clone();
            self.take(|merge| match part {
                Part::Recipients => merge.recipient(index, choice),
                _ => merge.attachment(index, choice),
            });
        }
        if is_own {
            let stays: Vec<String> = stays.into_iter().collect();
            let rows = Chosen::Rows(stays.join("+"));
            self.recorded.insert(part.name().to_owned(), rows);
        }
    }
}

/// A recipient or an attachment that differs, with the marks that it carries.
struct Row {
    index: usize,
    changed_by: ChangedBy,
    theirs: Option<String>,
    mine: Option<String>,
}

fn name(side: Option<&AttachmentSide>) -> Option<String> {
    side.and_then(|side| side.name.clone())
}

fn rows(part: Part, differences: &Differences) -> Vec<Row> {
    let holds = match part {
        Part::Recipients => {
            let recipients = differences.recipients.iter().map(|one| Row {
                index: one.index,
                changed_by: one.changed_by,
                theirs: one.theirs.as_ref().map(|side| side.name.clone()),
                mine: one.mine.as_ref().map(|side| side.name.clone()),
            });
            return recipients.collect();
        }
        Part::Embedded => Holds::Message,
        _ => Holds::Bytes,
    };
    let mark =
        |side: Option<&AttachmentSide>| name(side).map(|name| told_by_name(&name).1.to_owned());
    let attachments = differences.attachments.iter().filter(|one| {
        let sides = [one.theirs.as_ref(), one.mine.as_ref(), one.base.value()];
        let name = sides.into_iter().find_map(name);
        name.is_some_and(|name| told_by_name(&name).0 == holds)
    });
    let rows = attachments.map(|one| Row {
        index: one.index,
        changed_by: one.changed_by,
        theirs: mark(one.theirs.as_ref()),
        mine: mark(one.mine.as_ref()),
    });
    rows.collect()
}
