//! Sets of named properties: a GUID that says whose names they are ([MS-OXPROPS] 1.3.2).

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::{Error, Result};

/// A set of named properties: the GUID that keeps the names of one area apart from those of another.
///
/// Printed by its name in [MS-OXPROPS] 1.3.2, such as `PSETID_Common`, else as a GUID in lower case; both are parsed.
///
/// ```
/// use mapistore::{PropertySet, property_sets};
///
/// assert_eq!(property_sets::PSETID_COMMON.to_string(), "PSETID_Common");
/// let same: PropertySet = "00062008-0000-0000-c000-000000000046".parse()?;
/// assert_eq!(same, property_sets::PSETID_COMMON);
/// # Ok::<(), mapistore::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertySet(Uuid);

impl PropertySet {
    /// Takes any GUID: everybody may make a set of their own.
    #[must_use]
    pub const fn new(guid: Uuid) -> Self {
        Self(guid)
    }

    /// Gives the GUID.
    #[must_use]
    pub const fn guid(self) -> Uuid {
        self.0
    }

    /// Takes the 16 bytes of the GUID in the order of its text, as they are stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// Gives the 16 bytes of the GUID in the order of its text, as they are stored.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The name of the set in [MS-OXPROPS] 1.3.2, if it is one of these.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        let mut known = known::KNOWN.iter();
        known.find(|(set, _)| *set == self).map(|(_, name)| *name)
    }
}

impl fmt::Display for PropertySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => f.pad(&self.0.hyphenated().to_string()),
        }
    }
}

impl fmt::Debug for PropertySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PropertySet({self})")
    }
}

impl FromStr for PropertySet {
    type Err = Error;

    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if the text is neither a name of [MS-OXPROPS] 1.3.2 nor a hyphenated GUID.
    fn from_str(text: &str) -> Result<Self> {
        let mut known = known::KNOWN.iter();
        if let Some((set, _)) = known.find(|(_, name)| *name == text) {
            return Ok(*set);
        }
        // Of the other forms that `Uuid` reads none has this length with hyphens.
        let guid = (text.len() == 36).then(|| Uuid::try_parse(text).ok());
        guid.flatten()
            .map(Self)
            .ok_or_else(|| Error::InvalidParameter {
                detail: format!(
                    "{text:?} is no property set: neither a known name such as PSETID_Common nor a GUID"
                ),
            })
    }
}

impl Serialize for PropertySet {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The property sets of [MS-OXPROPS] 1.3.2 that have a name.
pub mod known {
    use super::{PropertySet, Uuid};

    macro_rules! known_sets {
        ($($constant:ident = $guid:literal, $name:literal, $doc:literal;)+) => {
            $(
                #[doc = concat!("`", $name, "`: ", $doc)]
                pub const $constant: PropertySet = PropertySet(Uuid::from_u128($guid));
            )+

            pub(super) const KNOWN: &[(PropertySet, &str)] = &[$(($constant, $name)),+];
        };
    }

    known_sets! {
        PS_MAPI = 0x00020328_0000_0000_C000_000000000046, "PS_MAPI",
            "ordinary property ids, in the form of a name.";
        PS_PUBLIC_STRINGS = 0x00020329_0000_0000_C000_000000000046, "PS_PUBLIC_STRINGS",
            "names that everybody may use, such as `Keywords`.";
        PS_INTERNET_HEADERS = 0x00020386_0000_0000_C000_000000000046, "PS_INTERNET_HEADERS",
            "header fields of Internet mail that have no property of their own.";
        PSETID_COMMON = 0x00062008_0000_0000_C000_000000000046, "PSETID_Common",
            "what all kinds of messages share, reminders for instance.";
        PSETID_ADDRESS = 0x00062004_0000_0000_C000_000000000046, "PSETID_Address", "contacts.";
        PSETID_APPOINTMENT = 0x00062002_0000_0000_C000_000000000046, "PSETID_Appointment",
            "calendar entries.";
        PSETID_MEETING = 0x6ED8DA90_450B_101B_98DA_00AA003F1305, "PSETID_Meeting",
            "meeting requests and responses.";
        PSETID_TASK = 0x00062003_0000_0000_C000_000000000046, "PSETID_Task", "tasks.";
        PSETID_LOG = 0x0006200A_0000_0000_C000_000000000046, "PSETID_Log", "the journal of a user.";
        PSETID_NOTE = 0x0006200E_0000_0000_C000_000000000046, "PSETID_Note", "sticky notes.";
        PSETID_SHARING = 0x00062040_0000_0000_C000_000000000046, "PSETID_Sharing",
            "sharing of folders.";
        PSETID_POSTRSS = 0x00062041_0000_0000_C000_000000000046, "PSETID_PostRss",
            "entries of news feeds.";
        PSETID_UNIFIED_MESSAGING = 0x4442858E_A9E3_4E80_B900_317A210CC15B, "PSETID_UnifiedMessaging",
            "voice mail and fax.";
        PSETID_AIRSYNC = 0x71035549_0739_4DCB_9163_00F0580DBBDF, "PSETID_AirSync",
            "what telephones synchronise.";
        PSETID_MESSAGING = 0x41F28F13_83F4_4114_A584_EEDB5A6B0BFF, "PSETID_Messaging",
            "instant messages.";
        PSETID_CALENDAR_ASSISTANT = 0x11000E07_B51B_40D6_AF21_CAA85EDAB1D0, "PSETID_CalendarAssistant",
            "what handles meetings by itself.";
        PSETID_XML_EXTRACTED_ENTITIES = 0x23239608_685D_4732_9C55_4C95CB4E8E33,
            "PSETID_XmlExtractedEntities", "what was found in a text, such as addresses.";
        PSETID_ATTACHMENT = 0x96357F7F_59E1_47D0_99A7_46515C183B54, "PSETID_Attachment",
            "attachments that lie elsewhere.";
    }
}

/// Gives the property sets that have a name, with it.
pub(crate) fn known_property_sets() -> &'static [(PropertySet, &'static str)] {
    known::KNOWN
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn known_sets_differ_and_are_found_by_name_and_guid() {
        let sets: HashSet<_> = known::KNOWN.iter().map(|(set, _)| *set).collect();
        let names: HashSet<_> = known::KNOWN.iter().map(|(_, name)| *name).collect();
        assert_eq!(
            (sets.len(), names.len()),
            (known::KNOWN.len(), known::KNOWN.len())
        );
        for (set, name) in known::KNOWN {
            assert_eq!(set.name(), Some(*name));
            assert_eq!(name.parse::<PropertySet>().unwrap(), *set);
            assert_eq!(
                set.guid()
                    .hyphenated()
                    .to_string()
                    .parse::<PropertySet>()
                    .unwrap(),
                *set
            );
        }
    }

    #[test]
    fn set_without_a_name_is_its_guid() {
        let text = "6b29fc40-ca47-1067-b31d-00dd010662da";
        let set: PropertySet = text.parse().unwrap();
        assert_eq!(set.name(), None);
        assert_eq!(set.to_string(), text);
        assert_eq!(text.to_uppercase().parse::<PropertySet>().unwrap(), set);
        for text in [
            "",
            "psetid_common",
            "{6b29fc40-ca47-1067-b31d-00dd010662da}",
            "6b29fc40ca471067b31d00dd010662da",
        ] {
            let error = text.parse::<PropertySet>().unwrap_err();
            assert!(matches!(error, Error::InvalidParameter { .. }), "{text}");
        }
    }
}
