//! The properties of one object.

use std::fmt;
use std::sync::Arc;

use super::content::StoredValue;
use super::property_kind::{PropertyKind, Tag};
use super::property_tag::{PropertyId, PropertyTag};

/// With more changes than this a clone gets a whole copy in place of the changes.
const MOST_CHANGES: usize = 8;

/// A property, or that it was removed.
type Entry = (PropertyTag, Option<StoredValue>);

/// A set of properties with at most one value for each property id, whatever its type.
///
/// So a subject that is set as 8-bit text replaces the subject that was set as Unicode text.
//
// Sorted vectors: a message has some 40 properties, of which a map would spread the nodes, and a process
// may hold a thousand messages open. Whoever changes an open message keeps what it was before as well: of that only what
// differs is copied.
#[derive(Default)]
pub(crate) struct Properties {
    /// What clones have in common, without removed ones.
    shared: Option<Arc<[Entry]>>,
    /// What is otherwise than there.
    own: Vec<Entry>,
}

impl Properties {
    /// Makes an empty set.
    #[must_use]
    pub(crate) const fn new() -> Self {
        Self {
            shared: None,
            own: Vec::new(),
        }
    }

    /// Finds a property by id and type.
    #[must_use]
    pub(crate) fn get(&self, tag: PropertyTag) -> Option<&StoredValue> {
        let (found, value) = self.get_any_type(tag.id())?;
        (found == tag).then_some(value)
    }

    /// Finds a property by its id, and says of which type it is.
    #[must_use]
    pub(crate) fn get_any_type(&self, id: PropertyId) -> Option<(PropertyTag, &StoredValue)> {
        let entry = match position(&self.own, id) {
            Ok(at) => self.own.get(at),
            Err(_) => self.in_common(id),
        };
        let (tag, value) = entry?;
        Some((*tag, value.as_ref()?))
    }

    fn in_common(&self, id: PropertyId) -> Option<&Entry> {
        let shared = self.shared.as_deref()?;
        shared.get(position(shared, id).ok()?)
    }

    /// Gives the value of a typed property, if it is there in place and not in a stream.
    #[must_use]
    pub(crate) fn typed<T: PropertyKind>(&self, tag: Tag<T>) -> Option<T> {
        match self.get(tag.tag())? {
            StoredValue::Inline(value) => T::from_value(value.clone()),
            StoredValue::Stream(_) => None,
        }
    }

    /// Sets a property and gives back what had its id before, of whatever type that was.
    ///
    /// The value must be of the tag's type ([`PropertyTag::expect_type`]); otherwise the document that is
    /// written cannot be read.
    pub(crate) fn set(
        &mut self,
        tag: PropertyTag,
        value: impl Into<StoredValue>,
    ) -> Option<(PropertyTag, StoredValue)> {
        let entry = (tag, Some(value.into()));
        let (tag, value) = match position(&self.own, tag.id()) {
            Ok(at) => std::mem::replace(self.own.get_mut(at)?, entry),
            Err(at) => {
                let before = self.in_common(tag.id()).cloned();
                self.own.insert(at, entry);
                before?
            }
        };
        Some((tag, value?))
    }

    /// Removes a property, of whatever type, and gives it back.
    pub(crate) fn remove(&mut self, id: PropertyId) -> Option<(PropertyTag, StoredValue)> {
        let is_shared = self.in_common(id).is_some();
        let (tag, value) = match position(&self.own, id) {
            Ok(at) if is_shared => {
                let (tag, value) = self.own.get_mut(at)?;
                (*tag, value.take())
            }
            Ok(at) => self.own.remove(at),
            Err(at) => {
                let before = self.in_common(id).cloned()?;
                self.own.insert(at, (before.0, None));
                before
            }
        };
        Some((tag, value?))
    }

    /// Goes through all properties in the order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (PropertyTag, &StoredValue)> {
        let entries = Entries {
            shared: self.shared.as_deref().unwrap_or_default(),
            own: &self.own,
        };
        entries.filter_map(|(tag, value)| Some((*tag, value.as_ref()?)))
    }

    /// Has clones share what is here now, and gives back memory that was reserved for more.
    pub(crate) fn share(&mut self) {
        *self = if self.shared.is_none() {
            Self::sharing(std::mem::take(&mut self.own))
        } else {
            self.copy()
        };
    }

    fn sharing(entries: Vec<Entry>) -> Self {
        Self {
            shared: (!entries.is_empty()).then(|| Arc::from(entries)),
            own: Vec::new(),
        }
    }

    fn copy(&self) -> Self {
        let entry = |(tag, value): (PropertyTag, &StoredValue)| (tag, Some(value.clone()));
        Self::sharing(self.iter().map(entry).collect())
    }
}

/// Two sorted lists as one, in which an entry of the second stands for the one with the same id in the first.
struct Entries<'a> {
    shared: &'a [Entry],
    own: &'a [Entry],
}

impl<'a> Iterator for Entries<'a> {
    type Item = &'a Entry;

    fn next(&mut self) -> Option<&'a Entry> {
        let (shared, own) = (self.shared.split_first(), self.own.split_first());
        let (entry, from_shared, from_own) = match (shared, own) {
            (Some((shared, _)), Some((own, _))) if shared.0.id() < own.0.id() => (shared, 1, 0),
            (Some((shared, _)), Some((own, _))) => {
                (own, usize::from(shared.0.id() == own.0.id()), 1)
            }
            (Some((shared, _)), None) => (shared, 1, 0),
            (None, own) => (own?.0, 0, 1),
        };
        self.shared = self.shared.get(from_shared..)?;
        self.own = self.own.get(from_own..)?;
        Some(entry)
    }
}

fn position(entries: &[Entry], id: PropertyId) -> Result<usize, usize> {
    entries.binary_search_by_key(&id, |(tag, _)| tag.id())
}

impl Clone for Properties {
    fn clone(&self) -> Self {
        if self.own.len() > MOST_CHANGES {
            return self.copy();
        }
        Self {
            shared: self.shared.clone(),
            own: self.own.clone(),
        }
    }
}

impl PartialEq for Properties {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Properties {}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<V: Into<StoredValue>> Extend<(PropertyTag, V)> for Properties {
    fn extend<I: IntoIterator<Item = (PropertyTag, V)>>(&mut self, entries: I) {
        for (tag, value) in entries {
            self.set(tag, value);
        }
    }
}

impl<V: Into<StoredValue>> FromIterator<(PropertyTag, V)> for Properties {
    fn from_iter<I: IntoIterator<Item = (PropertyTag, V)>>(entries: I) -> Self {
        let mut properties = Self::new();
        properties.extend(entries);
        properties
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::model::{PropertyType, PropertyValue, pr};

    fn text(text: &str) -> PropertyValue {
        PropertyValue::from(text)
    }

    const SUBJECT: PropertyTag = pr::SUBJECT.tag();
    const SUBJECT_8: PropertyTag = PropertyTag::from_parts(SUBJECT.id(), PropertyType::String8);

    #[test]
    fn one_value_for_each_property_id() {
        let mut properties = Properties::new();
        assert_eq!(properties.set(SUBJECT, text("a")), None);
        let replaced = properties.set(SUBJECT_8, PropertyValue::String8("b".into()));
        assert_eq!(replaced, Some((SUBJECT, text("a").into())));
        assert_eq!(properties.iter().count(), 1);
        assert_eq!(properties.get(SUBJECT), None);
        assert_eq!(properties.typed(pr::SUBJECT), None);
        assert!(properties.get(SUBJECT_8).is_some());
        assert_eq!(
            properties.remove(SUBJECT.id()).map(|(tag, _)| tag),
            Some(SUBJECT_8)
        );
        assert_eq!(properties.iter().count(), 0);
        assert_eq!(properties.remove(SUBJECT.id()), None);
    }

    #[test]
    fn properties_come_in_the_order_of_their_ids() {
        let tags = [pr::BODY.tag(), SUBJECT, pr::MESSAGE_CLASS.tag()];
        let properties: Properties = tags.map(|tag| (tag, text("x"))).into_iter().collect();
        assert!(properties.iter().map(|(tag, _)| tag).is_sorted());
        assert_eq!(properties.typed(pr::BODY).as_deref(), Some("x"));
    }

    /// What is done to one of several clones.
    #[derive(Clone, Debug)]
    enum Step {
        Set(usize, u16, bool, i32),
        Remove(usize, u16),
        /// The second becomes a clone of the first.
        Clone(usize, usize),
        Share(usize),
    }

    const CLONES: usize = 3;

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let (clone, id) = (0..CLONES, 1..20_u16);
        let step = prop_oneof![
            8 => (clone.clone(), id.clone(), any::<bool>(), any::<i32>())
                .prop_map(|(clone, id, is_long, value)| Step::Set(clone, id, is_long, value)),
            4 => (clone.clone(), id).prop_map(|(clone, id)| Step::Remove(clone, id)),
            2 => (clone.clone(), clone.clone()).prop_map(|(from, to)| Step::Clone(from, to)),
            1 => clone.prop_map(Step::Share),
        ];
        proptest::collection::vec(step, 0..80)
    }

    type Map = BTreeMap<PropertyId, (PropertyTag, StoredValue)>;

    proptest! {
        #[test]
        fn clones_are_like_maps_of_their_own(steps in steps()) {
            let mut bags: [Properties; CLONES] = Default::default();
            let mut maps: [Map; CLONES] = Default::default();
            for step in steps {
                match step {
                    Step::Set(clone, id, is_long, value) => {
                        let (kind, value) = if is_long {
                            (PropertyType::Long, PropertyValue::Long(value))
                        } else {
                            (PropertyType::Unicode, text(&value.to_string()))
                        };
                        let tag = PropertyTag::from_parts(PropertyId(id), kind);
                        let before = maps[clone].insert(tag.id(), (tag, value.clone().into()));
                        prop_assert_eq!(bags[clone].set(tag, value), before);
                    }
                    Step::Remove(clone, id) => {
                        let id = PropertyId(id);
                        prop_assert_eq!(bags[clone].remove(id), maps[clone].remove(&id));
                    }
                    Step::Clone(from, to) => {
                        bags[to] = bags[from].clone();
                        maps[to] = maps[from].clone();
                    }
                    Step::Share(clone) => bags[clone].share(),
                }
                for (bag, map) in bags.iter().zip(&maps) {
                    let entries = bag.iter().map(|(tag, value)| (tag, value.clone()));
                    prop_assert!(entries.eq(map.values().cloned()));
                    for id in (0..21).map(PropertyId) {
                        let found = bag.get_any_type(id).map(|(tag, value)| (tag, value.clone()));
                        prop_assert_eq!(found, map.get(&id).cloned());
                    }
                }
                prop_assert_eq!(bags[0] == bags[1], maps[0] == maps[1]);
            }
        }
    }
}
