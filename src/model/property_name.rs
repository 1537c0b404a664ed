//! Names of named properties, and how people write them ([MS-OXCDATA] 2.6).

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::property_set::{PropertySet, known};
use crate::{Error, Result};

/// The longest name that is a text, in characters.
const LONGEST: usize = 255;

/// What a property is called within its set (`MNID_ID`, `MNID_STRING`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameWithinSet {
    /// A number: a "long id" such as 0x8503.
    Number(u32),
    /// A text, such as `Keywords`.
    Text(String),
}

/// The name of a named property: a set, and a number or a text within it ([MS-OXCDATA] 2.6.1, `MAPINAMEID`).
///
/// Two names are the same if set, kind, and number or text agree. Texts of `PS_INTERNET_HEADERS` are lower-case,
/// because header fields are the same in any case ([MS-OXCPRPT] 3.2.5.10).
///
/// Printed and parsed as `SET:0x8503` (four or more hexadecimal digits) or `SET:Keywords`, with the set as
/// [`PropertySet`] prints it. A text that could be taken for a number, that begins with a quotation mark, or that
/// holds `:PT_` stands between quotation marks: `PS_PUBLIC_STRINGS:"0x8503"`.
///
/// ```
/// use mapistore::{PropertyName, property_sets};
///
/// let reminder = PropertyName::number(property_sets::PSETID_COMMON, 0x8503);
/// assert_eq!(reminder.to_string(), "PSETID_Common:0x8503");
/// let keywords: PropertyName = "PS_PUBLIC_STRINGS:Keywords".parse()?;
/// assert_eq!(keywords, PropertyName::text(property_sets::PS_PUBLIC_STRINGS, "Keywords")?);
/// # Ok::<(), mapistore::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertyName {
    set: PropertySet,
    within: NameWithinSet,
}

impl PropertyName {
    /// Makes a name that is a number.
    #[must_use]
    pub const fn number(set: PropertySet, number: u32) -> Self {
        Self {
            set,
            within: NameWithinSet::Number(number),
        }
    }

    /// Makes a name that is a text of 1 to 255 characters.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if the text is empty, longer, or holds U+0000, which ends a name in MAPI.
    pub fn text(set: PropertySet, text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        let why = if text.is_empty() {
            "it is empty"
        } else if text.chars().count() > LONGEST {
            "it has more than 255 characters"
        } else if text.contains('\0') {
            "it holds U+0000"
        } else {
            let text = if set == known::PS_INTERNET_HEADERS {
                text.to_lowercase()
            } else {
                text
            };
            let within = NameWithinSet::Text(text);
            return Ok(Self { set, within });
        };
        Err(Error::InvalidParameter {
            detail: format!("{text:?} cannot name a property: {why}"),
        })
    }

    /// The set that the name is of.
    #[must_use]
    pub const fn set(&self) -> PropertySet {
        self.set
    }

    /// The number or text within the set.
    #[must_use]
    pub const fn within_set(&self) -> &NameWithinSet {
        &self.within
    }
}

/// Whether a text stands between quotation marks. The view `inspect_named_properties` has the same rule.
fn is_quoted(text: &str) -> bool {
    text.starts_with("0x")
        || text.starts_with("0X")
        || text.starts_with('"')
        || text.contains(":PT_")
}

impl fmt::Display for PropertyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = self.set;
        match &self.within {
            NameWithinSet::Number(number) => write!(f, "{set}:0x{number:04X}"),
            NameWithinSet::Text(text) if is_quoted(text) => write!(f, "{set}:\"{text}\""),
            NameWithinSet::Text(text) => write!(f, "{set}:{text}"),
        }
    }
}

impl fmt::Debug for PropertyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PropertyName({self})")
    }
}

impl FromStr for PropertyName {
    type Err = Error;

    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if the text is not of the form `SET:NAME`, the set is unknown and no GUID, or
    /// what begins with `0x` is no number of four to eight hexadecimal digits.
    fn from_str(text: &str) -> Result<Self> {
        let (set, within) = text
            .split_once(':')
            .ok_or_else(|| Error::InvalidParameter {
                detail: format!("{text:?} is no name of a property such as PSETID_Common:0x8503"),
            })?;
        let set = set.parse()?;
        if let Some(rest) = within.strip_prefix('"') {
            let inside = rest
                .strip_suffix('"')
                .ok_or_else(|| Error::InvalidParameter {
                    detail: format!("{text:?} begins with a quotation mark that nothing answers"),
                })?;
            return Self::text(set, inside);
        }
        match within.strip_prefix("0x").or_else(|| within.strip_prefix("0X")) {
            None => Self::text(set, within),
            Some(digits) => number(digits)
                .map(|number| Self::number(set, number))
                .ok_or_else(|| Error::InvalidParameter {
                    detail: format!(
                        "{text:?} has no number of four to eight hexadecimal digits; a text that begins with 0x \
                         stands between quotation marks"
                    ),
                }),
        }
    }
}

fn number(digits: &str) -> Option<u32> {
    let is_number =
        (4..=8).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_number
        .then(|| u32::from_str_radix(digits, 16).ok())
        .flatten()
}

impl Serialize for PropertyName {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn printed(name: &PropertyName) -> String {
        name.to_string()
    }

    #[test]
    fn numbers_have_four_or_more_digits() {
        let set = known::PSETID_COMMON;
        for (number, text) in [
            (0, "PSETID_Common:0x0000"),
            (0x8503, "PSETID_Common:0x8503"),
            (u32::MAX, "PSETID_Common:0xFFFFFFFF"),
        ] {
            let name = PropertyName::number(set, number);
            assert_eq!(printed(&name), text);
            assert_eq!(text.parse::<PropertyName>().unwrap(), name);
        }
        assert_eq!(
            "PSETID_Common:0X85ab".parse::<PropertyName>().unwrap(),
            PropertyName::number(set, 0x85AB)
        );
    }

    #[test]
    fn text_that_could_be_something_else_is_quoted() {
        let set = known::PS_PUBLIC_STRINGS;
        for (text, said) in [
            ("Keywords", "PS_PUBLIC_STRINGS:Keywords"),
            ("urn:a b", "PS_PUBLIC_STRINGS:urn:a b"),
            ("0x8503", "PS_PUBLIC_STRINGS:\"0x8503\""),
            ("\"", "PS_PUBLIC_STRINGS:\"\"\""),
            ("a:PT_LONG", "PS_PUBLIC_STRINGS:\"a:PT_LONG\""),
        ] {
            let name = PropertyName::text(set, text).unwrap();
            assert_eq!(printed(&name), said);
            assert_eq!(said.parse::<PropertyName>().unwrap(), name);
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            "Keywords",
            "PS_PUBLIC_STRINGS",
            "PS_PUBLIC_STRINGS:",
            "PS_PUBLIC_STRINGS:\"\"",
            "PS_PUBLIC_STRINGS:\"",
            "PS_PUBLIC_STRINGS:\"a",
            "PSETID_Common:0x850",
            "PSETID_Common:0x123456789",
            "PSETID_Common:0x+123",
            "PSETID_Common:0xzzzz",
            "NoSet:Keywords",
            "PS_PUBLIC_STRINGS:a\0b",
        ] {
            let error = text.parse::<PropertyName>().unwrap_err();
            assert!(matches!(error, Error::InvalidParameter { .. }), "{text}");
        }
        let set = known::PS_PUBLIC_STRINGS;
        assert!(PropertyName::text(set, "ä".repeat(255)).is_ok());
        assert!(PropertyName::text(set, "ä".repeat(256)).is_err());
    }

    #[test]
    fn header_fields_are_the_same_in_any_case() {
        let of = |set, text: &str| PropertyName::text(set, text).unwrap();
        let headers = known::PS_INTERNET_HEADERS;
        assert_eq!(of(headers, "X-Mailer"), of(headers, "x-mailer"));
        assert_eq!(
            printed(&of(headers, "X-Mailer")),
            "PS_INTERNET_HEADERS:x-mailer"
        );
        let strings = known::PS_PUBLIC_STRINGS;
        assert_ne!(of(strings, "X-Mailer"), of(strings, "x-mailer"));
    }

    proptest! {
        #[test]
        fn printed_name_is_parsed_back(guid: u128, text in "[^\0]{1,40}", number: u32) {
            let set = PropertySet::new(uuid::Uuid::from_u128(guid));
            for name in [PropertyName::number(set, number), PropertyName::text(set, text).unwrap()] {
                prop_assert_eq!(printed(&name).parse::<PropertyName>().unwrap(), name);
            }
        }
    }
}
