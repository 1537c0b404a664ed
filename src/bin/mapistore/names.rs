//! What people name on the command line: entries, properties with their values, addresses.

use std::fs::File;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Context;
use mapistore::{
    EntryId, Error, Message, ObjectKind, ObjectUid, PropertyId, PropertyName, PropertyTag,
    PropertyType, Recipient, RowVersion, Store, UnknownNames,
};

use crate::exit::{Refusal, wrong};
use crate::values;

/// From how many digits on a beginning names an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prefix {
    /// For looking, and for what can be undone.
    Four = 4,
    /// For deleting.
    Eight = 8,
}

/// The message that an ENTRY names: the 32 digits of its uid, their beginning, or the 72 of the whole entry id.
/// Whether a message by a whole uid exists is not looked at.
pub(crate) fn entry(store: &Store, text: &str, prefix: Prefix) -> anyhow::Result<EntryId> {
    let shortest = prefix as usize;
    let is_hex = text.bytes().all(|digit| digit.is_ascii_hexdigit());
    match text.len() {
        72 if is_hex => Ok(text.parse()?),
        32 if is_hex => Ok(EntryId::new(store.uid(), text.parse::<ObjectUid>()?)),
        length if is_hex && (shortest..32).contains(&length) => {
            match store.messages_starting_with(text)?.as_slice() {
                [] => Err(Error::NotFound {
                    kind: ObjectKind::Message,
                    what: text.to_owned(),
                }
                .into()),
                [entry_id] => Ok(*entry_id),
                several => {
                    let digits = text.to_owned();
                    Err(Refusal::Ambiguous {
                        digits,
                        candidates: several.to_vec(),
                    }
                    .into())
                }
            }
        }
        _ => {
            let detail = format!(
                "{text:?}; an entry is named by the 32 hexadecimal digits that every command prints, or by their \
                 first {shortest} or more"
            );
            Err(Error::InvalidEntryId { detail }.into())
        }
    }
}

/// The number of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version(pub(crate) RowVersion);

impl FromStr for Version {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Version> {
        let number = text.parse().ok().and_then(RowVersion::new);
        number
            .map(Version)
            .context("a version is a number from 1 on, as `log` lists them")
    }
}

/// How people write properties: by MAPI's name, by the name of a named property, else as a tag.
pub(crate) fn of_properties(store: &Store, tags: &[PropertyTag]) -> mapistore::Result<Vec<String>> {
    let ids: Vec<PropertyId> = tags.iter().map(|tag| tag.id()).collect();
    let is_named = |id: &PropertyId| id.is_named();
    if !ids.iter().any(is_named) {
        return Ok(tags.iter().map(ToString::to_string).collect());
    }
    let names = store.names_from_ids(&ids)?.into_iter();
    let name = |(tag, name): (&PropertyTag, Option<PropertyName>)| match name {
        Some(name) if is_named(&tag.id()) => name.to_string(),
        _ => tag.to_string(),
    };
    Ok(tags.iter().zip(names).map(name).collect())
}

/// A property as somebody named it: known by its tag, or only once the store is open.
#[derive(Debug, Clone)]
pub(crate) enum Property {
    Tag(PropertyTag),
    Named {
        name: PropertyName,
        property_type: Option<PropertyType>,
    },
}

impl FromStr for Property {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Property> {
        if !text.contains(':') {
            return Ok(Property::Tag(text.parse()?));
        }
        // A quoted name may hold anything.
        let (name, property_type) = match text.rsplit_once(":PT_") {
            Some((name, code)) if !code.contains('"') => (name, Some(type_by_name(code)?)),
            _ => (text, None),
        };
        Ok(Property::Named {
            name: name.parse()?,
            property_type,
        })
    }
}

/// A type by MAPI's name without its `PT_`.
fn type_by_name(name: &str) -> anyhow::Result<PropertyType> {
    let all = PropertyType::ALL.iter().copied();
    let found = all
        .filter(|known| known.name().strip_prefix("PT_") == Some(name))
        .find(|known| *known != PropertyType::Object);
    found.with_context(|| format!("PT_{name} is no type of a value"))
}

impl Property {
    /// The tag of the property that is to be set. Where its type was not named, it is the one that the message has.
    pub(crate) fn to_set(&self, store: &Store, message: &Message) -> anyhow::Result<PropertyTag> {
        let (name, property_type) = match self {
            Property::Tag(tag) => return Ok(*tag),
            Property::Named {
                name,
                property_type,
            } => (name, property_type),
        };
        if let Some(property_type) = property_type {
            return Ok(store.named_tag(name, *property_type)?);
        }
        self.present(store, message)?.ok_or_else(|| {
            wrong(format!(
                "the message has no {name} yet: say its type, as {name}:PT_UNICODE"
            ))
        })
    }

    /// The tag of the property that is to be deleted; none if the message cannot have it.
    pub(crate) fn to_unset(
        &self,
        store: &Store,
        message: &Message,
    ) -> anyhow::Result<Option<PropertyTag>> {
        match self {
            Property::Tag(tag) => Ok(Some(*tag)),
            Property::Named { .. } => self.present(store, message),
        }
    }

    /// The tag of a named property as the message has it.
    fn present(&self, store: &Store, message: &Message) -> anyhow::Result<Option<PropertyTag>> {
        let Property::Named { name, .. } = self else {
            return Ok(None);
        };
        let ids = store.ids_from_names(std::slice::from_ref(name), UnknownNames::Leave)?;
        let Some(id) = ids.into_iter().flatten().next() else {
            return Ok(None);
        };
        let mut properties = message.properties()?.into_iter().map(|(tag, _)| tag);
        Ok(properties.find(|tag| tag.id() == id))
    }
}

/// NAME=VALUE: a property and what it is to become.
#[derive(Debug, Clone)]
pub(crate) struct Assignment {
    property: Property,
    value: Given,
}

#[derive(Debug, Clone)]
enum Given {
    Text(String),
    File(PathBuf),
}

impl FromStr for Assignment {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Assignment> {
        let (name, value) =
            split(text).with_context(|| format!("{text:?} is not of the form NAME=VALUE"))?;
        let property: Property = name.parse()?;
        if let Property::Tag(tag) = &property {
            type_of(*tag)?;
        }
        let value = match value.strip_prefix('@') {
            Some(path) => Given::File(path.into()),
            None => Given::Text(value.to_owned()),
        };
        Ok(Assignment { property, value })
    }
}

/// The name and the value; a name in quotation marks may hold a `=`.
fn split(text: &str) -> Option<(&str, &str)> {
    let quoted = text
        .find(":\"")
        .filter(|begin| text.find('=') > Some(*begin));
    let from = match quoted {
        Some(begin) => {
            let inside = text.get(begin + 2..)?;
            let end = ["\"=", "\":PT_"]
                .iter()
                .filter_map(|end| inside.find(end))
                .min()?;
            begin + 2 + end
        }
        None => 0,
    };
    let at = from + text.get(from..)?.find('=')?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

fn type_of(tag: PropertyTag) -> anyhow::Result<PropertyType> {
    match tag.property_type() {
        Some(PropertyType::Object) | None => {
            anyhow::bail!("{tag} is of a type that holds no value")
        }
        Some(property_type) => Ok(property_type),
    }
}

impl Assignment {
    /// Sets the property, as a pending change; which one that was.
    pub(crate) fn apply(
        &self,
        store: &Store,
        message: &mut Message,
    ) -> anyhow::Result<PropertyTag> {
        let tag = self.property.to_set(store, message)?;
        let property_type = type_of(tag)?;
        let parse = |text: &str| {
            values::parse(property_type, text)
                .map_err(|error| wrong(format!("{tag} takes a {property_type}: {error:#}")))
        };
        let value = match &self.value {
            Given::Text(text) => parse(text)?,
            Given::File(path) => {
                let opening = || format!("reading {}", path.display());
                if property_type.may_be_stream() {
                    message.set_stream(tag, File::open(path).with_context(opening)?)?;
                    return Ok(tag);
                }
                let text = std::fs::read_to_string(path).with_context(opening)?;
                parse(text.trim_end_matches(['\r', '\n']))?
            }
        };
        message.set_value(tag, value)?;
        Ok(tag)
    }
}

/// Changes properties, as pending changes; which ones that were. One that is named twice is refused: which of the two
/// would count?
pub(crate) fn change_properties(
    store: &Store,
    message: &mut Message,
    assignments: &[Assignment],
    unset: &[Property],
) -> anyhow::Result<Vec<PropertyTag>> {
    let mut tags: Vec<PropertyTag> = Vec::new();
    let mut named = |tag: PropertyTag| {
        if tags.iter().any(|earlier| earlier.id() == tag.id()) {
            return Err(wrong(format!("{tag} is named twice")));
        }
        tags.push(tag);
        Ok(())
    };
    for assignment in assignments {
        named(assignment.apply(store, message)?)?;
    }
    for property in unset {
        if let Some(tag) = property.to_unset(store, message)? {
            named(tag)?;
            message.delete_property(tag)?;
        }
    }
    Ok(tags)
}

/// An address as mail programs write it: `ana@example.org` or `Ana <ana@example.org>`.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    pub(crate) name: String,
    pub(crate) address: String,
}

impl FromStr for Address {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Address> {
        let text = text.trim();
        let (name, address) = match text
            .strip_suffix('>')
            .and_then(|text| text.rsplit_once('<'))
        {
            Some((name, address)) => (name.trim().trim_matches('"').to_owned(), address.trim()),
            None => (String::new(), text),
        };
        let is_address = address.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && !domain.is_empty()
                && !address.contains(|c: char| c.is_whitespace() || c.is_control())
        });
        anyhow::ensure!(
            is_address,
            "{text:?} is no address such as ana@example.org or 'Ana <ana@example.org>'"
        );
        Ok(Address {
            name,
            address: address.to_owned(),
        })
    }
}

impl Address {
    /// A recipient of that address; where there is no name, the address is shown.
    pub(crate) fn as_recipient(&self, make: fn(String, String) -> Recipient) -> Recipient {
        let name = if self.name.is_empty() {
            &self.address
        } else {
            &self.name
        };
        make(name.clone(), self.address.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignment_knows_its_property_by_each_name() {
        for name in ["PR_SUBJECT", "PidTagSubject", "0x0037001F"] {
            let assignment: Assignment = format!("{name}=a=b").parse().unwrap();
            assert!(
                matches!(assignment.property, Property::Tag(tag) if tag.value() == 0x0037_001F)
            );
            assert!(matches!(assignment.value, Given::Text(text) if text == "a=b"));
        }
        for wrong in [
            "PR_SUBJECT",
            "SUBJECT=a",
            "PR_MESSAGE_RECIPIENTS=",
            "0x00370000=",
            "=a",
        ] {
            assert!(wrong.parse::<Assignment>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn named_properties_are_known_by_set_name_and_type() {
        for (text, name, property_type, value) in [
            (
                "PSETID_Common:0x8503:PT_BOOLEAN=true",
                "PSETID_Common:0x8503",
                Some(PropertyType::Boolean),
                "true",
            ),
            (
                "PS_PUBLIC_STRINGS:Keywords=a=b",
                "PS_PUBLIC_STRINGS:Keywords",
                None,
                "a=b",
            ),
            (
                "PS_PUBLIC_STRINGS:\"a=b:PT_LONG\":PT_MV_UNICODE=[]",
                "PS_PUBLIC_STRINGS:\"a=b:PT_LONG\"",
                Some(PropertyType::MvUnicode),
                "[]",
            ),
        ] {
            let assignment: Assignment = text.parse().unwrap();
            let Property::Named {
                name: found,
                property_type: found_type,
            } = assignment.property
            else {
                panic!("{text}");
            };
            assert_eq!(
                (found.to_string().as_str(), found_type),
                (name, property_type)
            );
            assert!(matches!(assignment.value, Given::Text(text) if text == value));
        }
        for wrong in [
            "PSETID_Nonsense:0x8503=1",
            "PSETID_Common:0x8503:PT_NONSENSE=1",
            "PSETID_Common:0x8503:PT_OBJECT=1",
            "PS_PUBLIC_STRINGS:=1",
        ] {
            assert!(wrong.parse::<Assignment>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_are_taken_with_and_without_a_name() {
        let address: Address = "\"Ana P\" <ana@example.org>".parse().unwrap();
        assert_eq!(
            (address.name.as_str(), address.address.as_str()),
            ("Ana P", "ana@example.org")
        );
        let address: Address = "ana@example.org".parse().unwrap();
        assert_eq!(
            address.as_recipient(Recipient::to),
            Recipient::to("ana@example.org", "ana@example.org")
        );
        for wrong in [
            "",
            "Ana",
            "@example.org",
            "ana@",
            "a na@example.org",
            "Ana <>",
        ] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }
}
