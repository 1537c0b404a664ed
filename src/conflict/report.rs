//! Finds out what differs between three versions of a message, and whose it is (K1).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::difference::{
    AttachmentDifference, AttachmentSide, BaseValue, ChangedBy, Differences, PropertyDifference,
    RecipientDifference,
};
use super::together;
use crate::model::{
    AttachmentRow, Content, Properties, PropertyId, PropertyTag, Recipient, RecipientRow,
    StoredValue, pr,
};

/// What is known of the version that both clients began with.
#[derive(Debug, Clone)]
pub(crate) enum Base {
    /// All of it.
    Content(Arc<Content>),
    /// Only its number. My version is theirs of a later one, with what I `touched` set anew.
    Number {
        /// What others have changed since, as the journal has it; `None` if that was purged.
        changed: Option<BTreeSet<PropertyTag>>,
        /// What this client has set or deleted.
        touched: BTreeSet<PropertyTag>,
    },
}

/// The three versions of a conflict.
#[derive(Debug, Clone)]
pub(crate) struct Versions {
    pub(crate) base: Base,
    pub(crate) theirs: Arc<Content>,
    pub(crate) mine: Arc<Content>,
}

/// One thing on the three sides, where it differs on any.
#[derive(Debug, Clone)]
pub(super) struct Triple<T> {
    pub(super) base: BaseValue<T>,
    pub(super) theirs: Option<T>,
    pub(super) mine: Option<T>,
    pub(super) changed_by: ChangedBy,
}

impl<T: Clone> Triple<T> {
    /// `None` if nobody changed it. `same` says when two values are no difference.
    fn of(
        base: BaseValue<&T>,
        theirs: Option<&T>,
        mine: Option<&T>,
        same: impl Fn(&T, &T) -> bool,
    ) -> Option<Triple<T>> {
        let equal = |one: Option<&T>, other: Option<&T>| match (one, other) {
            (None, None) => true,
            (Some(one), Some(other)) => same(one, other),
            _ => false,
        };
        let alike = equal(theirs, mine);
        let changed_by = match base {
            BaseValue::Unknown if alike => ChangedBy::BothAlike,
            BaseValue::Unknown => ChangedBy::BothDifferently,
            BaseValue::Nothing | BaseValue::Value(_) => {
                let base = base.value().copied();
                match (equal(base, theirs), equal(base, mine)) {
                    (true, true) => return None,
                    (false, true) => ChangedBy::Theirs,
                    (true, false) => ChangedBy::Mine,
                    (false, false) if alike => ChangedBy::BothAlike,
                    (false, false) => ChangedBy::BothDifferently,
                }
            }
        };
        Some(Triple {
            base: match base {
                BaseValue::Unknown => BaseValue::Unknown,
                BaseValue::Nothing => BaseValue::Nothing,
                BaseValue::Value(value) => BaseValue::Value(value.clone()),
            },
            theirs: theirs.cloned(),
            mine: mine.cloned(),
            changed_by,
        })
    }
}

/// A property as a bag holds it.
pub(crate) type Held = (PropertyTag, StoredValue);

/// Whether a version other than mine may have changed this, though nobody knows from what.
fn base_of<'a, T>(
    base: &'a Base,
    part: PropertyTag,
    theirs: Option<&'a T>,
    in_content: impl FnOnce(&'a Content) -> Option<&'a T>,
) -> BaseValue<&'a T> {
    match base {
        Base::Content(content) => BaseValue::known(in_content(content)),
        Base::Number { changed, touched } => {
            let is_touched = touched.iter().any(|tag| tag.id() == part.id());
            let set = together::set_of(part.id());
            let is_changed =
                |tags: &BTreeSet<PropertyTag>| tags.iter().any(|tag| set.contains(&tag.id()));
            // What nobody else has changed, nor what belongs together with it, is now as it was.
            if is_touched && changed.as_ref().is_none_or(is_changed) {
                BaseValue::Unknown
            } else {
                BaseValue::known(theirs)
            }
        }
    }
}

/// The properties that differ, ascending by id.
pub(super) fn properties(versions: &Versions) -> Vec<(PropertyId, Triple<Held>)> {
    let held = |content: &Content| -> Vec<Held> {
        let all = content.properties.iter();
        all.map(|(tag, value)| (tag, value.clone())).collect()
    };
    let (theirs, mine) = (held(&versions.theirs), held(&versions.mine));
    let base = match &versions.base {
        Base::Content(content) => held(content),
        Base::Number { .. } => Vec::new(),
    };
    let ids: BTreeSet<PropertyId> = [&theirs, &mine, &base]
        .into_iter()
        .flatten()
        .map(|(tag, _)| tag.id())
        .collect();
    let find = |all: &'_ [Held], id: PropertyId| all.iter().position(|(tag, _)| tag.id() == id);
    let mut found: Vec<(PropertyId, Triple<Held>)> = ids
        .into_iter()
        .filter_map(|id| {
            let theirs = find(&theirs, id).and_then(|at| theirs.get(at));
            let mine = find(&mine, id).and_then(|at| mine.get(at));
            let any = theirs
                .or(mine)
                .map_or(PropertyTag::new(u32::from(id.0) << 16), |(tag, _)| *tag);
            let from = base_of(&versions.base, any, theirs, |_| {
                find(&base, id).and_then(|at| base.get(at))
            });
            Triple::of(from, theirs, mine, |one, other| one == other).map(|triple| (id, triple))
        })
        .collect();
    tie(&mut found);
    found
}

/// Where both sides changed something in a set of properties that belong together, none of its changes stands alone.
fn tie(found: &mut [(PropertyId, Triple<Held>)]) {
    let changed = |ids: &[PropertyId], found: &[(PropertyId, Triple<Held>)], by: ChangedBy| {
        found
            .iter()
            .any(|(id, triple)| ids.contains(id) && triple.changed_by == by)
    };
    for at in 0..found.len() {
        let Some((id, _)) = found.get(at) else {
            continue;
        };
        let set = together::set_of(*id);
        let by = |by| changed(&set, found, by);
        let touching =
            by(ChangedBy::BothDifferently) || (by(ChangedBy::Theirs) && by(ChangedBy::Mine));
        if let (true, Some((_, triple))) = (touching, found.get_mut(at))
            && triple.changed_by != ChangedBy::BothAlike
        {
            triple.changed_by = ChangedBy::BothDifferently;
        }
    }
}

/// Who a recipient is, for finding the same one among those that two clients added: row ids are given anew by each.
fn same_person(one: &RecipientRow, other: &RecipientRow) -> bool {
    let address = |row: &RecipientRow| {
        let recipient = Recipient::from_properties(&row.properties);
        let address = if recipient.address.is_empty() {
            recipient.name
        } else {
            recipient.address
        };
        (
            recipient.address_type.to_lowercase(),
            address.to_lowercase(),
        )
    };
    address(one) == address(other)
}

/// The recipients that differ: those of the base by row id, then those that were added.
pub(super) fn recipients(versions: &Versions) -> Vec<Triple<RecipientRow>> {
    let Versions { base, theirs, mine } = versions;
    let same = |one: &RecipientRow, other: &RecipientRow| one.properties == other.properties;
    let by_id = |rows: &'_ [RecipientRow], id: u32| rows.iter().position(|row| row.row_id == id);
    let known: &[RecipientRow] = match base {
        Base::Content(content) => &content.recipients,
        Base::Number { .. } => &theirs.recipients,
    };
    let mut found = Vec::new();
    for row in known {
        let their = by_id(&theirs.recipients, row.row_id).and_then(|at| theirs.recipients.get(at));
        let my = by_id(&mine.recipients, row.row_id).and_then(|at| mine.recipients.get(at));
        let from = base_of(base, pr::MESSAGE_RECIPIENTS, their, |_| Some(row));
        found.extend(Triple::of(from, their, my, same));
    }
    let is_new = |row: &&RecipientRow| by_id(known, row.row_id).is_none();
    let mut my_new: Vec<&RecipientRow> = mine.recipients.iter().filter(is_new).collect();
    for their in theirs.recipients.iter().filter(is_new) {
        let twin = my_new.iter().position(|my| same_person(my, their));
        let my = twin.map(|at| my_new.remove(at));
        found.extend(Triple::of(BaseValue::Nothing, Some(their), my, same));
    }
    for my in my_new {
        found.extend(Triple::of(BaseValue::Nothing, None, Some(my), same));
    }
    found
}

/// What the store stamps on an attachment differs between two clients that attach the same.
fn same_attachment(one: &AttachmentRow, other: &AttachmentRow) -> bool {
    let stamps = [pr::CREATION_TIME.tag(), pr::LAST_MODIFICATION_TIME.tag()];
    let bare = |row: &AttachmentRow| {
        let mut properties: Properties = row.properties.clone();
        for stamp in stamps {
            properties.remove(stamp.id());
        }
        properties
    };
    bare(one) == bare(other) && one.embedded == other.embedded
}

/// The attachments that differ: those of the base by number, then those that were added.
pub(super) fn attachments(versions: &Versions) -> Vec<Triple<AttachmentRow>> {
    let Versions { base, theirs, mine } = versions;
    let by_number =
        |rows: &'_ [AttachmentRow], number: u32| rows.iter().position(|row| row.number == number);
    let known: &[AttachmentRow] = match base {
        Base::Content(content) => &content.attachments.rows,
        Base::Number { .. } => &theirs.attachments.rows,
    };
    let (their_rows, my_rows) = (&theirs.attachments.rows, &mine.attachments.rows);
    let mut found = Vec::new();
    for row in known {
        let their = by_number(their_rows, row.number).and_then(|at| their_rows.get(at));
        let my = by_number(my_rows, row.number).and_then(|at| my_rows.get(at));
        let from = base_of(base, pr::MESSAGE_ATTACHMENTS, their, |_| Some(row));
        found.extend(Triple::of(from, their, my, same_attachment));
    }
    let is_new = |row: &&AttachmentRow| by_number(known, row.number).is_none();
    let mut my_new: Vec<&AttachmentRow> = my_rows.iter().filter(is_new).collect();
    for their in their_rows.iter().filter(is_new) {
        let twin = my_new.iter().position(|my| same_attachment(my, their));
        let my = twin.map(|at| my_new.remove(at));
        found.extend(Triple::of(
            BaseValue::Nothing,
            Some(their),
            my,
            same_attachment,
        ));
    }
    for my in my_new {
        found.extend(Triple::of(
            BaseValue::Nothing,
            None,
            Some(my),
            same_attachment,
        ));
    }
    found
}

impl AttachmentSide {
    pub(crate) fn of(row: &AttachmentRow) -> AttachmentSide {
        AttachmentSide {
            number: row.number,
            name: row.name(),
            size: row.size(),
        }
    }
}

fn map_base<T, U>(base: BaseValue<T>, map: impl FnOnce(T) -> U) -> BaseValue<U> {
    match base {
        BaseValue::Unknown => BaseValue::Unknown,
        BaseValue::Nothing => BaseValue::Nothing,
        BaseValue::Value(value) => BaseValue::Value(map(value)),
    }
}

/// All that differs, as it is shown.
pub(crate) fn differences(versions: &Versions) -> Differences {
    let property = |(_, triple): (PropertyId, Triple<Held>)| {
        let held = [
            triple.mine.as_ref(),
            triple.theirs.as_ref(),
            triple.base.value(),
        ];
        let tag = held.into_iter().flatten().next().map(|(tag, _)| *tag)?;
        Some(PropertyDifference {
            tag,
            base: map_base(triple.base, |(_, value)| value),
            theirs: triple.theirs.map(|(_, value)| value),
            mine: triple.mine.map(|(_, value)| value),
            changed_by: triple.changed_by,
        })
    };
    let person = |row: RecipientRow| Recipient::from_properties(&row.properties);
    let recipient = |(index, triple): (usize, Triple<RecipientRow>)| RecipientDifference {
        index,
        base: map_base(triple.base, person),
        theirs: triple.theirs.map(person),
        mine: triple.mine.map(person),
        changed_by: triple.changed_by,
    };
    let shown = |row: AttachmentRow| AttachmentSide::of(&row);
    let attachment = |(index, triple): (usize, Triple<AttachmentRow>)| AttachmentDifference {
        index,
        base: map_base(triple.base, shown),
        theirs: triple.theirs.map(shown),
        mine: triple.mine.map(shown),
        changed_by: triple.changed_by,
    };
    Differences {
        properties: properties(versions)
            .into_iter()
            .filter_map(property)
            .collect(),
        recipients: recipients(versions)
            .into_iter()
            .enumerate()
            .map(recipient)
            .collect(),
        attachments: attachments(versions)
            .into_iter()
            .enumerate()
            .map(attachment)
            .collect(),
    }
}
