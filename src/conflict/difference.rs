//! What differs between the versions of a conflict, and whose it is (K1).

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::together;
use crate::model::{PropertyId, PropertyTag, Recipient, StoredValue};

/// One of the versions of a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// What both clients began with.
    Base,
    /// What is stored now: the others' changes.
    Theirs,
    /// What this client would save.
    Mine,
}

/// Who changed something since the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ChangedBy {
    /// Only the others.
    Theirs,
    /// Only this client.
    Mine,
    /// Both, to the same.
    BothAlike,
    /// Both, and differently; or one of them while the other changed what belongs to it, as a sender's name and
    /// address belong together.
    BothDifferently,
}

/// What the base has, where it is known (K1): a client that named only a version has no base to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaseValue<T> {
    /// Nobody knows what the base had.
    Unknown,
    /// The base had nothing.
    Nothing,
    /// The base had this.
    Value(T),
}

impl<T> BaseValue<T> {
    pub(super) fn known(value: Option<T>) -> BaseValue<T> {
        value.map_or(BaseValue::Nothing, BaseValue::Value)
    }

    /// The value, if the base is known and has one.
    pub fn value(&self) -> Option<&T> {
        match self {
            BaseValue::Value(value) => Some(value),
            BaseValue::Unknown | BaseValue::Nothing => None,
        }
    }
}

impl<T: Serialize> Serialize for BaseValue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            BaseValue::Unknown => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("unknown", &true)?;
                map.end()
            }
            BaseValue::Nothing => serializer.serialize_none(),
            BaseValue::Value(value) => value.serialize(serializer),
        }
    }
}

/// A property that differs. Its tag is that of a side that has it; where the sides have it with different types, mine
/// before theirs before the base's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PropertyDifference {
    /// The property.
    pub tag: PropertyTag,
    /// What the base has.
    pub base: BaseValue<StoredValue>,
    /// What is stored now; `None` if it is deleted there.
    pub theirs: Option<StoredValue>,
    /// What this client would save; `None` if it is deleted here.
    pub mine: Option<StoredValue>,
    /// Who changed it.
    pub changed_by: ChangedBy,
}

/// A recipient that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RecipientDifference {
    /// Names the difference within the report, from 0.
    pub index: usize,
    /// Who it is at the base.
    pub base: BaseValue<Recipient>,
    /// Who it is now; `None` if removed there.
    pub theirs: Option<Recipient>,
    /// Who it is here; `None` if removed here.
    pub mine: Option<Recipient>,
    /// Who changed it.
    pub changed_by: ChangedBy,
}

/// What a report shows of an attachment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AttachmentSide {
    /// Its number on that side (`PR_ATTACH_NUM`).
    pub number: u32,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// The sum of its properties in bytes.
    pub size: u64,
}

/// An attachment that differs, with its data or the message that is embedded in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AttachmentDifference {
    /// Names the difference within the report, from 0.
    pub index: usize,
    /// What it is at the base.
    pub base: BaseValue<AttachmentSide>,
    /// What it is now; `None` if removed there.
    pub theirs: Option<AttachmentSide>,
    /// What it is here; `None` if removed here.
    pub mine: Option<AttachmentSide>,
    /// Who changed it.
    pub changed_by: ChangedBy,
}

/// All that differs between the versions of a conflict: nothing is listed that nobody changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Differences {
    /// The properties, ascending by id.
    pub properties: Vec<PropertyDifference>,
    /// The recipients: those of the base first, then added ones.
    pub recipients: Vec<RecipientDifference>,
    /// The attachments: those of the base first, then added ones.
    pub attachments: Vec<AttachmentDifference>,
}

impl Differences {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.properties.is_empty() && self.recipients.is_empty() && self.attachments.is_empty()
    }

    /// The properties that one choice of theirs or mine is made for: this one, and those that belong together with it and
    /// touch as well, the most telling one first. Empty if both sides did not change the property differently.
    ///
    /// ```
    /// # use mapistore::{Access, Choice, MergeChoices, SaveFlags, SpecialFolder, Store, pr};
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Store::options().create_if_missing().open(folder.path().join("mail.store"))?;
    /// # let mut theirs = store.special_folder(SpecialFolder::Drafts)?.create_message()?;
    /// # let id = theirs.save_changes(SaveFlags::KEEP_OPEN_READWRITE)?.entry_id;
    /// # let mut mine = store.open_message(&id, Access::Modify)?;
    /// theirs.set(pr::SENDER_NAME, "Ana")?;
    /// theirs.save_changes(SaveFlags::empty())?;
    /// mine.set(pr::SENDER_EMAIL_ADDRESS, "ben@example.org")?;
    ///
    /// let conflict = mine.conflict()?;
    /// let together = conflict.differences().chosen_with(pr::SENDER_NAME);
    /// assert_eq!(together, [pr::SENDER_NAME.tag(), pr::SENDER_EMAIL_ADDRESS.tag()]);
    /// let choices = MergeChoices::new().property(pr::SENDER_EMAIL_ADDRESS, Choice::Theirs);
    /// assert_eq!(conflict.preview(&choices)?.touching, []);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn chosen_with(&self, tag: impl Into<PropertyTag>) -> Vec<PropertyTag> {
        let tag = tag.into();
        let touching = |id: &PropertyId| {
            let one = self.properties.iter().find(|one| one.tag.id() == *id)?;
            (one.changed_by == ChangedBy::BothDifferently).then_some(one.tag)
        };
        let set = together::set_of(tag.id());
        let tags: Vec<PropertyTag> = set.iter().filter_map(touching).collect();
        match tags.iter().any(|one| one.id() == tag.id()) {
            true => tags,
            false => Vec::new(),
        }
    }

    /// How many differences are whose.
    pub fn count(&self, changed_by: ChangedBy) -> usize {
        let properties = self.properties.iter().map(|one| one.changed_by);
        let recipients = self.recipients.iter().map(|one| one.changed_by);
        let attachments = self.attachments.iter().map(|one| one.changed_by);
        properties
            .chain(recipients)
            .chain(attachments)
            .filter(|one| *one == changed_by)
            .count()
    }
}
