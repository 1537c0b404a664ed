//! Who a message goes to, as a person thinks of it; stored, a recipient is a row of properties.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::content::StoredValue;
use super::flags::coded;
use super::pr;
use super::properties::Properties;
use super::property_kind::{PropertyKind, Tag};

coded! {
    /// The part that a recipient plays (`PR_RECIPIENT_TYPE`, PidTagRecipientType, [MS-OXOMSG] 2.2.3.1).
    RecipientKind {
        /// The one who sent the message.
        Originator = 0,
        /// A primary recipient.
        To = 1,
        /// A recipient of a copy.
        Cc = 2,
        /// A recipient of a copy that the others do not see.
        Bcc = 3,
    }
}

impl RecipientKind {
    /// The part that a `PR_RECIPIENT_TYPE` names, or nothing if it names none. The upper bits say that the row was
    /// submitted or is to be sent again ([MS-OXCMSG] 2.2.3.1.2).
    #[must_use]
    pub const fn of_type(recipient_type: i32) -> Option<Self> {
        Self::from_code(recipient_type & 0x0FFF_FFFF)
    }

    /// The word that a mail header uses, in lower case: `to`, `cc`, `bcc`; and `originator`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Originator => "originator",
            Self::To => "to",
            Self::Cc => "cc",
            Self::Bcc => "bcc",
        }
    }
}

/// A recipient by what every mail system knows of one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Recipient {
    /// The part that the recipient plays.
    pub kind: RecipientKind,
    /// The name to show (`PR_DISPLAY_NAME`); may be empty.
    pub name: String,
    /// The kind of address (`PR_ADDRTYPE`), for Internet mail `SMTP`.
    pub address_type: String,
    /// The address in the form of its kind (`PR_EMAIL_ADDRESS`).
    pub address: String,
}

/// As an object of `kind`, `name`, `address_type` and `address`.
impl Serialize for Recipient {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("kind", self.kind.name())?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("address_type", &self.address_type)?;
        map.serialize_entry("address", &self.address)?;
        map.end()
    }
}

impl Recipient {
    /// A primary recipient with an Internet mail address.
    #[must_use]
    pub fn to(name: impl Into<String>, address: impl Into<String>) -> Self {
        Self::smtp(RecipientKind::To, name.into(), address.into())
    }

    /// A recipient of a copy with an Internet mail address.
    #[must_use]
    pub fn cc(name: impl Into<String>, address: impl Into<String>) -> Self {
        Self::smtp(RecipientKind::Cc, name.into(), address.into())
    }

    /// A recipient of a copy that the others do not see, with an Internet mail address.
    #[must_use]
    pub fn bcc(name: impl Into<String>, address: impl Into<String>) -> Self {
        Self::smtp(RecipientKind::Bcc, name.into(), address.into())
    }

    fn smtp(kind: RecipientKind, name: String, address: String) -> Self {
        Self {
            kind,
            name,
            address_type: "SMTP".to_owned(),
            address,
        }
    }

    /// A recipient of whom only a name is known, which somebody has yet to resolve.
    #[must_use]
    pub fn unresolved(kind: RecipientKind, name: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
            address_type: String::new(),
            address: String::new(),
        }
    }

    /// Gives the properties of the recipient's row; those of an address only if there is one, or its kind.
    #[must_use]
    pub(crate) fn to_properties(&self) -> Properties {
        let mut properties = Properties::default();
        let mut set = |tag, value| properties.set(tag, StoredValue::Inline(value));
        set(pr::RECIPIENT_TYPE.tag(), self.kind.code().into_value());
        set(pr::DISPLAY_NAME.tag(), self.name.clone().into_value());
        if !(self.address_type.is_empty() && self.address.is_empty()) {
            set(pr::ADDRTYPE.tag(), self.address_type.clone().into_value());
            set(pr::EMAIL_ADDRESS.tag(), self.address.clone().into_value());
        }
        properties
    }

    /// Reads a recipient out of the properties of its row.
    ///
    /// What is not there is empty; a row that does not say which part it plays is a primary recipient.
    #[must_use]
    pub(crate) fn from_properties(properties: &Properties) -> Self {
        let text = |tag: Tag<String>| properties.typed(tag).unwrap_or_default();
        let kind = properties.typed(pr::RECIPIENT_TYPE);
        Self {
            kind: kind
                .and_then(RecipientKind::of_type)
                .unwrap_or(RecipientKind::To),
            name: text(pr::DISPLAY_NAME),
            address_type: text(pr::ADDRTYPE),
            address: text(pr::EMAIL_ADDRESS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipient_survives_its_properties() {
        for recipient in [
            Recipient::to("Ana", "ana@example.org"),
            Recipient::cc("", "b@example.org"),
            Recipient::bcc("Čeda \u{1F600}", ""),
            Recipient::unresolved(RecipientKind::Cc, "Dora"),
        ] {
            assert_eq!(
                Recipient::from_properties(&recipient.to_properties()),
                recipient
            );
        }
    }

    #[test]
    fn recipient_of_an_empty_row_is_an_empty_primary_one() {
        let recipient = Recipient::from_properties(&Properties::default());
        assert_eq!(recipient.kind, RecipientKind::To);
        assert_eq!(recipient.name, "");
        assert_eq!(recipient.address_type, "");
    }

    #[test]
    fn submitted_recipient_keeps_its_kind() {
        let mut properties = Recipient::cc("Ana", "ana@example.org").to_properties();
        let submitted = 0x8000_0002_u32.cast_signed();
        properties.set(
            pr::RECIPIENT_TYPE.tag(),
            StoredValue::Inline(submitted.into_value()),
        );
        assert_eq!(
            Recipient::from_properties(&properties).kind,
            RecipientKind::Cc
        );
    }
}
