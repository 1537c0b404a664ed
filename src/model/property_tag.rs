//! Property tags: a property id and the type of its value in 32 bits ([MS-OXCDATA] 2.9).

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::property_names;
use crate::{Error, Result};

/// Bit 12 of a type says that there are many values ([MS-OXCDATA] 2.11.1).
const MULTI_VALUED: u16 = 0x1000;

macro_rules! property_types {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal;)+) => {
        /// The type of a property's value ([MS-OXCDATA] 2.11.1).
        ///
        /// These are the types that a property can be stored or announced as. `Object` never has a value of
        /// its own: it stands for a table or for a message within the message.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum PropertyType {
            $($(#[$doc])* $variant = $code,)+
        }

        impl PropertyType {
            /// All types, ascending.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Takes the lower 16 bits of a tag, or nothing if they name no type that can be stored.
            #[must_use]
            pub const fn from_code(code: u16) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// Gives MAPI's name of the type, such as `PT_UNICODE`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

property_types! {
    /// A 16-bit integer (PtypInteger16).
    I2 = 0x0002, "PT_I2";
    /// A 32-bit integer (PtypInteger32).
    Long = 0x0003, "PT_LONG";
    /// A 32-bit floating-point number (PtypFloating32).
    Float = 0x0004, "PT_FLOAT";
    /// A 64-bit floating-point number (PtypFloating64).
    Double = 0x0005, "PT_DOUBLE";
    /// An amount of money in ten-thousandths (PtypCurrency).
    Currency = 0x0006, "PT_CURRENCY";
    /// Days since 30 December 1899 (PtypFloatingTime).
    AppTime = 0x0007, "PT_APPTIME";
    /// True or false (PtypBoolean).
    Boolean = 0x000B, "PT_BOOLEAN";
    /// A table or a message within the message (PtypObject).
    Object = 0x000D, "PT_OBJECT";
    /// A 64-bit integer (PtypInteger64).
    I8 = 0x0014, "PT_I8";
    /// Text in some 8-bit code page (PtypString8).
    String8 = 0x001E, "PT_STRING8";
    /// Text (PtypString).
    Unicode = 0x001F, "PT_UNICODE";
    /// A point in time (PtypTime).
    SysTime = 0x0040, "PT_SYSTIME";
    /// A GUID (PtypGuid).
    Clsid = 0x0048, "PT_CLSID";
    /// Bytes (PtypBinary).
    Binary = 0x0102, "PT_BINARY";
    /// Many 16-bit integers (PtypMultipleInteger16).
    MvI2 = 0x1002, "PT_MV_I2";
    /// Many 32-bit integers (PtypMultipleInteger32).
    MvLong = 0x1003, "PT_MV_LONG";
    /// Many 32-bit floating-point numbers (PtypMultipleFloating32).
    MvFloat = 0x1004, "PT_MV_FLOAT";
    /// Many 64-bit floating-point numbers (PtypMultipleFloating64).
    MvDouble = 0x1005, "PT_MV_DOUBLE";
    /// Many amounts of money (PtypMultipleCurrency).
    MvCurrency = 0x1006, "PT_MV_CURRENCY";
    /// Many counts of days since 30 December 1899 (PtypMultipleFloatingTime).
    MvAppTime = 0x1007, "PT_MV_APPTIME";
    /// Many 64-bit integers (PtypMultipleInteger64).
    MvI8 = 0x1014, "PT_MV_I8";
    /// Many texts in some 8-bit code page (PtypMultipleString8).
    MvString8 = 0x101E, "PT_MV_STRING8";
    /// Many texts (PtypMultipleString).
    MvUnicode = 0x101F, "PT_MV_UNICODE";
    /// Many points in time (PtypMultipleTime).
    MvSysTime = 0x1040, "PT_MV_SYSTIME";
    /// Many GUIDs (PtypMultipleGuid).
    MvClsid = 0x1048, "PT_MV_CLSID";
    /// Many runs of bytes (PtypMultipleBinary).
    MvBinary = 0x1102, "PT_MV_BINARY";
}

impl PropertyType {
    /// Gives the lower 16 bits of a tag of this type.
    #[must_use]
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// Whether a value of this type is many values.
    #[must_use]
    pub const fn is_multi_valued(self) -> bool {
        self.code() & MULTI_VALUED != 0
    }

    /// The type of the same texts in the other width, Unicode or 8-bit; nothing for what is no text.
    #[must_use]
    pub const fn other_width(self) -> Option<Self> {
        match self {
            Self::Unicode => Some(Self::String8),
            Self::String8 => Some(Self::Unicode),
            Self::MvUnicode => Some(Self::MvString8),
            Self::MvString8 => Some(Self::MvUnicode),
            _ => None,
        }
    }

    /// Whether a value of this type may be so large that it is kept as a stream.
    #[must_use]
    pub const fn may_be_stream(self) -> bool {
        matches!(self, Self::String8 | Self::Unicode | Self::Binary)
    }
}

impl fmt::Display for PropertyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a property is about, whatever the type of its value: the upper 16 bits of a tag.
///
/// Ids from 0x8000 on are given by each store to its named properties.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertyId(pub u16);

impl PropertyId {
    /// Whether the store gave this id to a named property.
    #[must_use]
    pub const fn is_named(self) -> bool {
        self.0 >= 0x8000
    }
}

impl fmt::Debug for PropertyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PropertyId(0x{:04X})", self.0)
    }
}

/// Names a property and the type of its value ([MS-OXCDATA] 2.9): the id in the upper 16 bits, the type in the lower.
///
/// Printed as its MAPI name where it has one, otherwise as `0x0037001F`. Both forms are parsed, and canonical
/// names such as `PidTagSubject` too. The 8-bit form of a text property has `_A` at the end of its name.
///
/// ```
/// # use mapistore::{PropertyTag, PropertyType};
/// let tag: PropertyTag = "PR_SUBJECT".parse()?;
/// assert_eq!(tag.value(), 0x0037_001F);
/// assert_eq!(tag.property_type(), Some(PropertyType::Unicode));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertyTag(u32);

impl PropertyTag {
    /// Takes the 32 bits of a tag; every value is allowed.
    #[must_use]
    pub const fn new(value: u32) -> Self {
        Self(value)
    }

    /// Puts a tag together.
    #[must_use]
    pub const fn from_parts(id: PropertyId, property_type: PropertyType) -> Self {
        Self((id.0 as u32) << 16 | property_type.code() as u32)
    }

    /// Gives the 32 bits of the tag.
    #[must_use]
    pub const fn value(self) -> u32 {
        self.0
    }

    /// The upper 16 bits.
    #[must_use]
    pub const fn id(self) -> PropertyId {
        PropertyId((self.0 >> 16) as u16)
    }

    /// The lower 16 bits.
    #[must_use]
    pub const fn type_code(self) -> u16 {
        (self.0 & 0xFFFF) as u16
    }

    /// The type of the property's value, or nothing if the lower 16 bits name none that can be stored.
    #[must_use]
    pub const fn property_type(self) -> Option<PropertyType> {
        PropertyType::from_code(self.type_code())
    }

    /// MAPI's name of the property, such as `PR_SUBJECT`, or `PR_SUBJECT_A` for its 8-bit form.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        property_names::name_of(self)
    }

    /// The key of the property in a document: eight upper-case hexadecimal digits.
    #[must_use]
    pub fn document_key(self) -> String {
        self.key_digits().into_iter().map(char::from).collect()
    }

    /// The digits of the key, each by itself: formatting all keys of a message would take as long as writing its values.
    pub(crate) fn key_digits(self) -> [u8; 8] {
        let digit = |place: u32| {
            let digit = ((self.0 >> (28 - 4 * place)) & 0xF) as u8;
            digit + if digit < 10 { b'0' } else { b'A' - 10 }
        };
        [
            digit(0),
            digit(1),
            digit(2),
            digit(3),
            digit(4),
            digit(5),
            digit(6),
            digit(7),
        ]
    }

    /// Checks that a value of the given type may stand under this tag.
    ///
    /// # Errors
    ///
    /// [`Error::UnexpectedType`] if it may not.
    pub fn expect_type(self, given: PropertyType) -> Result<()> {
        if self.type_code() == given.code() {
            Ok(())
        } else {
            Err(Error::UnexpectedType { tag: self, given })
        }
    }
}

impl fmt::Display for PropertyTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => f.pad(&format!("0x{:08X}", self.0)),
        }
    }
}

/// As text: the name, or `0x` and eight digits.
impl Serialize for PropertyTag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Debug for PropertyTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PropertyTag(0x{:08X})", self.0)
    }
}

impl FromStr for PropertyTag {
    type Err = Error;

    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if the text is neither a known name nor `0x` and eight hexadecimal digits.
    fn from_str(text: &str) -> Result<Self> {
        let value = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) => hex_tag(digits),
            None => property_names::find_by_name(text),
        };
        value.ok_or_else(|| Error::InvalidParameter {
            detail: format!(
                "{text:?} is no property: neither a known name such as PR_SUBJECT nor a tag such as 0x0037001F"
            ),
        })
    }
}

/// Reads the eight hexadecimal digits of a tag, of either case.
pub(super) fn hex_tag(digits: &str) -> Option<PropertyTag> {
    super::id::read_hex::<4>(digits).map(|bytes| PropertyTag(u32::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_own_code_and_name() {
        let mut names: Vec<_> = PropertyType::ALL.iter().map(|t| t.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 26);
        for &property_type in PropertyType::ALL {
            assert_eq!(
                PropertyType::from_code(property_type.code()),
                Some(property_type)
            );
            let multi = property_type.name().starts_with("PT_MV_");
            assert_eq!(property_type.is_multi_valued(), multi);
        }
        assert!(PropertyType::ALL.is_sorted());
        assert_eq!(
            PropertyType::from_code(0x000A),
            None,
            "PT_ERROR is never stored"
        );
    }

    #[test]
    fn tag_comes_apart_and_together() {
        let tag = PropertyTag::new(0x0037_001F);
        assert_eq!(tag.id(), PropertyId(0x0037));
        assert_eq!(
            PropertyTag::from_parts(tag.id(), PropertyType::Unicode),
            tag
        );
        assert_eq!(tag.document_key(), "0037001F");
        assert_eq!(format!("{tag:?}"), "PropertyTag(0x0037001F)");
        assert_eq!(PropertyTag::new(0x0037_000A).property_type(), None);
    }

    #[test]
    fn tag_is_parsed_from_all_its_names() {
        for text in [
            "PR_SUBJECT",
            "PR_SUBJECT_W",
            "PidTagSubject",
            "0x0037001F",
            "0x0037001f",
        ] {
            assert_eq!(
                text.parse::<PropertyTag>().unwrap(),
                PropertyTag::new(0x0037_001F)
            );
        }
        for text in [
            "",
            "pr_subject",
            "PR_",
            "0037001F",
            "0x0037001",
            "0x+037001F",
            "PR_IMPORTANCE_A",
        ] {
            assert!(
                matches!(
                    text.parse::<PropertyTag>(),
                    Err(Error::InvalidParameter { .. })
                ),
                "{text}"
            );
        }
    }

    #[test]
    fn printed_tag_is_parsed_back() {
        for value in [
            0x0037_001F,
            0x0037_001E,
            0x0017_0003,
            0x1234_5678,
            0x8001_001F,
            0xFFFF_FFFF,
        ] {
            let tag = PropertyTag::new(value);
            assert_eq!(tag.to_string().parse::<PropertyTag>().unwrap(), tag);
        }
        assert_eq!(PropertyTag::new(0x0037_001E).to_string(), "PR_SUBJECT_A");
        assert_eq!(
            format!("{:>12}|", PropertyTag::new(0x0037_001F)),
            "  PR_SUBJECT|"
        );
    }

    #[test]
    fn value_of_another_type_is_refused() {
        let tag = PropertyTag::new(0x0037_001F);
        assert!(tag.expect_type(PropertyType::Unicode).is_ok());
        assert!(matches!(
            tag.expect_type(PropertyType::String8),
            Err(Error::UnexpectedType {
                given: PropertyType::String8,
                ..
            })
        ));
    }
}
