//! What people name on the command line: entries, properties with their values, addresses.

use std::fs::File;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Context;
use mapistore::{
    EntryId, Error, Message, ObjectKind, ObjectUid, PropertyTag, PropertyType, Recipient, Store,
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

/// How people write properties: by MAPI's name, else as a tag.
pub(crate) fn of_properties(_: &Store, tags: &[PropertyTag]) -> mapistore::Result<Vec<String>> {
    Ok(tags.iter().map(ToString::to_string).collect())
}

/// NAME=VALUE: a property and what it is to become.
#[derive(Debug, Clone)]
pub(crate) struct Assignment {
    pub(crate) tag: PropertyTag,
    property_type: PropertyType,
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
        let (name, value) = text
            .split_once('=')
            .with_context(|| format!("{text:?} is not of the form NAME=VALUE"))?;
        let tag: PropertyTag = name.parse()?;
        let property_type = match tag.property_type() {
            Some(PropertyType::Object) | None => {
                anyhow::bail!("{name} is of a type that holds no value")
            }
            Some(property_type) => property_type,
        };
        let value = match value.strip_prefix('@') {
            Some(path) => Given::File(path.into()),
            None => Given::Text(value.to_owned()),
        };
        Ok(Assignment {
            tag,
            property_type,
            value,
        })
    }
}

impl Assignment {
    /// Sets the property, as a pending change.
    pub(crate) fn apply(&self, message: &mut Message) -> anyhow::Result<()> {
        let value = match &self.value {
            Given::Text(text) => self.parse(text)?,
            Given::File(path) => {
                let opening = || format!("reading {}", path.display());
                if self.property_type.may_be_stream() {
                    message.set_stream(self.tag, File::open(path).with_context(opening)?)?;
                    return Ok(());
                }
                let text = std::fs::read_to_string(path).with_context(opening)?;
                self.parse(text.trim_end_matches(['\r', '\n']))?
            }
        };
        Ok(message.set_value(self.tag, value)?)
    }

    fn parse(&self, text: &str) -> anyhow::Result<mapistore::PropertyValue> {
        values::parse(self.property_type, text).map_err(|error| {
            wrong(format!(
                "{} takes a {}: {error:#}",
                self.tag, self.property_type
            ))
        })
    }
}

/// Refuses a property that is named twice: which of the two would count?
pub(crate) fn refuse_repeated(
    assignments: &[Assignment],
    unset: &[PropertyTag],
) -> anyhow::Result<()> {
    let mut ids: Vec<_> = assignments
        .iter()
        .map(|assignment| assignment.tag)
        .chain(unset.iter().copied())
        .collect();
    ids.sort_by_key(|tag| tag.id());
    match ids
        .windows(2)
        .find(|pair| matches!(pair, [one, other] if one.id() == other.id()))
    {
        Some([tag, _]) => Err(wrong(format!("{tag} is named twice"))),
        _ => Ok(()),
    }
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
            assert_eq!(assignment.tag.value(), 0x0037_001F);
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
