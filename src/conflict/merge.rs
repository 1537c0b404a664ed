//! Combines what two clients changed where it does not touch, and says what needs a choice (K2).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::difference::{BaseValue, ChangedBy};
use super::report::{self, Held, Triple, Versions};
use super::{lines, together};
use crate::error::{Error, Result};
use crate::model::{
    AttachmentRow, Content, PropertyId, PropertyTag, PropertyValue, RecipientRow, StoredValue, pr,
};

/// Which side's change a merge takes where both touch.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Choice {
    /// What is stored now.
    Theirs,
    /// What this client would save.
    Mine,
    /// For a property, this value instead.
    Value(PropertyValue),
}

/// Choices for what touches, made by the user of a [`Conflict`](crate::Conflict).
///
/// ```
/// use mapistore::{Choice, MergeChoices, pr};
///
/// let choices = MergeChoices::new()
///     .property(pr::SUBJECT, Choice::Value("Figures, both".into()))
///     .otherwise(Choice::Theirs);
/// # let _ = choices;
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MergeChoices {
    /// Theirs or mine, by the name of a set of properties: a set has one side.
    sides: BTreeMap<PropertyId, Choice>,
    /// Values instead.
    values: BTreeMap<PropertyId, Choice>,
    recipients: BTreeMap<usize, Choice>,
    attachments: BTreeMap<usize, Choice>,
    otherwise: Option<Choice>,
}

impl MergeChoices {
    /// No choices: a merge goes through if nothing touches.
    #[must_use]
    pub fn new() -> MergeChoices {
        MergeChoices::default()
    }

    /// Chooses for a property. [`Choice::Theirs`] and [`Choice::Mine`] choose for all that belongs together with it, as a
    /// sender's name and address do: such properties never come from different sides, and the last of several choices
    /// counts. [`Choice::Value`] is for this property alone.
    #[must_use]
    pub fn property(mut self, tag: impl Into<PropertyTag>, choice: Choice) -> MergeChoices {
        let id = tag.into().id();
        if let Choice::Value(_) = choice {
            self.values.insert(id, choice);
            return self;
        }
        let set = together::name_of(id);
        self.values
            .retain(|other, _| together::name_of(*other) != set);
        self.sides.insert(set, choice);
        self
    }

    /// Chooses for a recipient, by its `index` in the report; [`Choice::Value`] is no choice for one.
    #[must_use]
    pub fn recipient(mut self, index: usize, choice: Choice) -> MergeChoices {
        self.recipients.insert(index, choice);
        self
    }

    /// Chooses for an attachment, by its `index` in the report; [`Choice::Value`] is no choice for one.
    #[must_use]
    pub fn attachment(mut self, index: usize, choice: Choice) -> MergeChoices {
        self.attachments.insert(index, choice);
        self
    }

    /// Chooses for all that is not chosen by itself: [`Choice::Theirs`] or [`Choice::Mine`].
    #[must_use]
    pub fn otherwise(mut self, choice: Choice) -> MergeChoices {
        self.otherwise = Some(choice);
        self
    }

    /// What was chosen for a property by itself, or for what belongs together with it.
    fn for_property(&self, id: PropertyId) -> Option<&Choice> {
        let side = || self.sides.get(&together::name_of(id));
        self.values.get(&id).or_else(side)
    }

    fn of<'c, K: Ord>(&'c self, chosen: &'c BTreeMap<K, Choice>, key: &K) -> Option<&'c Choice> {
        chosen.get(key).or(self.otherwise.as_ref())
    }
}

/// What both sides changed so that they touch, and nobody has chosen for yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Touching {
    /// A property, and what belongs together with it: [`Differences::chosen_with`](crate::Differences::chosen_with) has all
    /// of them. One of them stands for all.
    Property(PropertyTag),
    /// A recipient, by its index in the report.
    Recipient(usize),
    /// An attachment, by its index in the report.
    Attachment(usize),
}

impl fmt::Display for Touching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Touching::Property(tag) => tag.fmt(f),
            Touching::Recipient(index) => write!(f, "recipient {index} of the report"),
            Touching::Attachment(index) => write!(f, "attachment {index} of the report"),
        }
    }
}

/// What a merge sets beside what it takes over as it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chosen {
    pub(crate) tag: PropertyTag,
    pub(crate) value: PropertyValue,
}

/// A merged version, complete if nothing is `touching` any more.
#[derive(Debug, Clone)]
pub(crate) struct Merged {
    /// Theirs with what is mine.
    pub(crate) content: Content,
    /// Values that neither side has as they are: given ones, and texts that were combined.
    pub(crate) chosen: Vec<Chosen>,
    /// In these, theirs stand in `content`.
    pub(crate) touching: Vec<Touching>,
}

/// Combines two sides. `text` gives a text value, which may lie in a stream, and `None` for one that is none.
pub(crate) fn merge(
    versions: &Versions,
    choices: &MergeChoices,
    text: &dyn Fn(&Held) -> Result<Option<String>>,
) -> Result<Merged> {
    let mut merged = Merged {
        content: Content::clone(&versions.theirs),
        chosen: Vec::new(),
        touching: Vec::new(),
    };
    let properties = report::properties(versions);
    for (id, triple) in &properties {
        merged.take_property(*id, triple, &properties, choices, text)?;
    }
    for (index, triple) in report::recipients(versions).into_iter().enumerate() {
        let choice = choices.of(&choices.recipients, &index);
        match wants_mine(&triple, choice) {
            Wanted::Mine => merged.take_recipient(triple)?,
            Wanted::Theirs => {}
            Wanted::Choice => merged.touching.push(Touching::Recipient(index)),
        }
    }
    let attachments = &mut merged.content.attachments;
    attachments.spare_numbers_of(&versions.mine.attachments);
    for (index, triple) in report::attachments(versions).into_iter().enumerate() {
        let choice = choices.of(&choices.attachments, &index);
        match wants_mine(&triple, choice) {
            Wanted::Mine => merged.take_attachment(triple)?,
            Wanted::Theirs => {}
            Wanted::Choice => merged.touching.push(Touching::Attachment(index)),
        }
    }
    Ok(merged)
}

enum Wanted {
    Theirs,
    Mine,
    Choice,
}

fn wants_mine<T>(triple: &Triple<T>, choice: Option<&Choice>) -> Wanted {
    match (triple.changed_by, choice) {
        (ChangedBy::Theirs | ChangedBy::BothAlike, _)
        | (ChangedBy::BothDifferently, Some(Choice::Theirs)) => Wanted::Theirs,
        (ChangedBy::Mine, _) | (ChangedBy::BothDifferently, Some(Choice::Mine)) => Wanted::Mine,
        (ChangedBy::BothDifferently, Some(Choice::Value(_)) | None) => Wanted::Choice,
    }
}

impl Merged {
    fn take_property(
        &mut self,
        id: PropertyId,
        triple: &Triple<Held>,
        all: &[(PropertyId, Triple<Held>)],
        choices: &MergeChoices,
        text: &dyn Fn(&Held) -> Result<Option<String>>,
    ) -> Result<()> {
        let chosen = choices.for_property(id);
        if let (ChangedBy::BothDifferently, None) = (triple.changed_by, chosen)
            && let Some(value) = combined_text(id, triple, all, text)?
        {
            let tag = pr::BODY.tag();
            self.chosen.push(Chosen { tag, value });
            return Ok(());
        }
        let held = [
            triple.mine.as_ref(),
            triple.theirs.as_ref(),
            triple.base.value(),
        ];
        let Some(tag) = held.into_iter().flatten().next().map(|(tag, _)| *tag) else {
            return Ok(());
        };
        let choice = chosen.or(choices.otherwise.as_ref());
        match (wants_mine(triple, choice), choice) {
            (Wanted::Theirs, _) => {}
            (Wanted::Mine, _) => match &triple.mine {
                Some((tag, value)) => {
                    self.content.properties.set(*tag, value.clone());
                }
                None => {
                    self.content.properties.remove(id);
                }
            },
            (Wanted::Choice, Some(Choice::Value(value))) => {
                let tag = PropertyTag::from_parts(id, value.property_type());
                let value = value.clone();
                self.chosen.push(Chosen { tag, value });
            }
            (Wanted::Choice, _) => {
                let set = together::name_of(id);
                let is_same = |other: &Touching| matches!(other, Touching::Property(tag) if together::name_of(tag.id()) == set);
                if !self.touching.iter().any(is_same) {
                    self.touching.push(Touching::Property(tag));
                }
            }
        }
        Ok(())
    }

    fn take_recipient(&mut self, triple: Triple<RecipientRow>) -> Result<()> {
        let rows = &mut self.content.recipients;
        let place = triple.theirs.as_ref().map(|row| row.row_id);
        rows.retain(|row| Some(row.row_id) != place);
        let Some(mut row) = triple.mine else {
            return Ok(());
        };
        let is_free = |id: u32| rows.iter().all(|row| row.row_id != id);
        let above = rows
            .last()
            .map_or(Some(0), |last| last.row_id.checked_add(1));
        row.row_id = match (place, triple.base.value()) {
            (Some(place), _) => place,
            (None, Some(_)) if is_free(row.row_id) => row.row_id,
            _ => above.ok_or_else(|| used_up("recipient row ids"))?,
        };
        let at = rows.partition_point(|other| other.row_id < row.row_id);
        rows.insert(at, row);
        Ok(())
    }

    fn take_attachment(&mut self, triple: Triple<AttachmentRow>) -> Result<()> {
        let table = &mut self.content.attachments;
        let place = triple.theirs.as_ref().map(|row| row.number);
        table.rows.retain(|row| Some(row.number) != place);
        let Some(mut row) = triple.mine else {
            return Ok(());
        };
        // A number that is gone from theirs names nothing any more, also if the same attachment comes back.
        row.number = place.unwrap_or(table.next_number);
        if place.is_none() {
            let next = table.next_number.checked_add(1);
            table.next_number = next.ok_or_else(|| used_up("attachment numbers"))?;
        }
        let at = table
            .rows
            .partition_point(|other| other.number < row.number);
        table.rows.insert(at, row);
        Ok(())
    }
}

fn used_up(what: &str) -> Error {
    Error::TooBig {
        detail: format!("the message has used all its {what}"),
    }
}

/// The plain-text body with the lines of both sides, where nothing that belongs to it was changed as well and the
/// lines that they changed do not touch.
fn combined_text(
    id: PropertyId,
    triple: &Triple<Held>,
    all: &[(PropertyId, Triple<Held>)],
    text: &dyn Fn(&Held) -> Result<Option<String>>,
) -> Result<Option<PropertyValue>> {
    let set = together::set_of(id);
    let others = |(other, triple): &(PropertyId, Triple<Held>)| {
        *other != id && set.contains(other) && triple.changed_by != ChangedBy::BothAlike
    };
    if id != pr::BODY.tag().id() || all.iter().any(others) {
        return Ok(None);
    }
    let (BaseValue::Value(base), Some(theirs), Some(mine)) =
        (&triple.base, &triple.theirs, &triple.mine)
    else {
        return Ok(None);
    };
    let (Some(base), Some(theirs), Some(mine)) = (text(base)?, text(theirs)?, text(mine)?) else {
        return Ok(None);
    };
    Ok(lines::merge(&base, &theirs, &mine).map(PropertyValue::Unicode))
}

impl Versions {
    /// The versions of a client that knows only the number of its base: what it did not touch is as theirs.
    pub(crate) fn with_base_number(
        changed: Option<std::collections::BTreeSet<PropertyTag>>,
        touched: std::collections::BTreeSet<PropertyTag>,
        theirs: Arc<Content>,
        mine: &Content,
    ) -> Versions {
        let mut content = Content::clone(&theirs);
        for tag in &touched {
            match mine.properties.get_any_type(tag.id()) {
                Some((tag, value)) => {
                    content.properties.set(tag, StoredValue::clone(value));
                }
                None => {
                    content.properties.remove(tag.id());
                }
            }
        }
        if touched.contains(&pr::MESSAGE_RECIPIENTS) {
            content.recipients.clone_from(&mine.recipients);
        }
        if touched.contains(&pr::MESSAGE_ATTACHMENTS) {
            content.attachments.clone_from(&mine.attachments);
        }
        Versions {
            base: report::Base::Number { changed, touched },
            theirs,
            mine: Arc::new(content),
        }
    }
}

#[cfg(test)]
#[path = "laws.rs"]
mod laws;
