//! Finding properties by their names, and names by their properties.

use super::pr;
use super::property_tag::{PropertyTag, PropertyType};

/// A property that has a name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownProperty {
    /// The property and its usual type.
    pub tag: PropertyTag,
    /// The name in MAPI's headers, such as `PR_SUBJECT`.
    pub name: &'static str,
    /// The canonical name, such as `PidTagSubject`.
    pub canonical_name: &'static str,
    /// The name of the 8-bit form, if the property is a text.
    pub(super) name_8_bit: &'static str,
}

/// Gives all properties that have a name, in the order of [`pr`].
#[must_use]
pub fn known_properties() -> &'static [KnownProperty] {
    pr::KNOWN
}

/// Finds the name of a property; the 8-bit form of a text has `_A` at its end.
pub(super) fn name_of(tag: PropertyTag) -> Option<&'static str> {
    if tag.property_type() == Some(PropertyType::String8) {
        let text = PropertyTag::from_parts(tag.id(), PropertyType::Unicode);
        return pr::KNOWN
            .iter()
            .find(|known| known.tag == text)
            .map(|known| known.name_8_bit);
    }
    pr::KNOWN
        .iter()
        .find(|known| known.tag == tag)
        .map(|known| known.name)
}

/// Finds a property by either of its names; that of a text may say which form is meant by `_W` or `_A`.
pub(super) fn find_by_name(name: &str) -> Option<PropertyTag> {
    let find = |name: &str| {
        let mut known = pr::KNOWN.iter();
        known
            .find(|known| known.name == name || known.canonical_name == name)
            .map(|known| known.tag)
    };
    let text = |name: &str| {
        let is_text = |tag: &PropertyTag| tag.property_type() == Some(PropertyType::Unicode);
        find(name)
            .filter(|_| name.starts_with("PR_"))
            .filter(is_text)
    };
    if let Some(tag) = find(name) {
        Some(tag)
    } else if let Some(name) = name.strip_suffix("_W") {
        text(name)
    } else {
        let tag = text(name.strip_suffix("_A")?)?;
        Some(PropertyTag::from_parts(tag.id(), PropertyType::String8))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_and_tags_are_unique() {
        let known = known_properties();
        let distinct = |names: HashSet<&str>| names.len() == known.len();
        assert!(distinct(known.iter().map(|known| known.name).collect()));
        assert!(distinct(
            known.iter().map(|known| known.canonical_name).collect()
        ));
        assert_eq!(
            known
                .iter()
                .map(|known| known.tag)
                .collect::<HashSet<_>>()
                .len(),
            known.len()
        );
    }

    #[test]
    fn every_known_property_is_found_by_its_names() {
        for known in known_properties() {
            assert!(known.tag.property_type().is_some(), "{}", known.name);
            assert_eq!(known.tag.name(), Some(known.name));
            assert_eq!(find_by_name(known.name), Some(known.tag));
            assert_eq!(find_by_name(known.canonical_name), Some(known.tag));
        }
    }

    #[test]
    fn two_types_of_one_id_are_two_properties() {
        assert_eq!(
            pr::MESSAGE_SIZE.tag().id(),
            pr::MESSAGE_SIZE_EXTENDED.tag().id()
        );
        assert_eq!(pr::HTML.tag().name(), Some("PR_HTML"));
        assert_eq!(pr::BODY_HTML.tag().name(), Some("PR_BODY_HTML"));
        assert_eq!(find_by_name("PidTagSubject_A"), None);
    }
}
