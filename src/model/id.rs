//! Identity: which store, which object, which save, and where in the order of changes.
//!
//! Uids are random, so that they can be made without asking anybody and so that a prefix typed by a person
//! tells objects apart. Versions and change numbers are counters, and only grow.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::{Error, Result};

/// Writes bytes as lower-case hexadecimal digits.
pub(super) fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// Reads exactly `2 * N` hexadecimal digits of either case.
pub(super) fn read_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            // A hexadecimal digit is below 16, so it fits.
            *byte = (*byte << 4) | u8::try_from(char::from(*digit).to_digit(16)?).ok()?;
        }
    }
    Some(bytes)
}

macro_rules! uid {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        ///
        /// Printed and parsed as 32 hexadecimal digits, lower-case when printed.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// Makes a new one from 122 random bits.
            #[must_use]
            pub fn random() -> Self {
                Self(uuid::Uuid::new_v4().into_bytes())
            }

            /// Takes the bytes as they are; every value is allowed.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// Gives the bytes as they are stored.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(f, &self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                read_hex(text).map(Self).ok_or_else(|| Error::InvalidParameter {
                    detail: format!(concat!($what, " has 32 hexadecimal digits, this is {:?}"), text),
                })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

uid! {
    /// Names a store (`PR_STORE_RECORD_KEY`, PidTagStoreRecordKey): the provider part of its entry ids.
    StoreUid, "a store uid"
}
uid! {
    /// Names a folder or a message within its store, for ever: it is never given again.
    ObjectUid, "an object uid"
}
uid! {
    /// Names one attempt to save, kept over its repeats, so that an outcome that was unknown can be asked for later.
    SaveId, "a save id"
}

/// Names an object of a store (`PR_ENTRYID`, PidTagEntryId): 4 zero bytes, the store's uid, the object's uid.
///
/// The form is that of [MS-OXCDATA] 2.2: flags, provider uid, provider data. The flags are zero because
/// the id is good for ever and in every process.
///
/// Printed and parsed as 72 hexadecimal digits, lower-case when printed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    store: StoreUid,
    object: ObjectUid,
}

impl EntryId {
    /// The number of bytes of an entry id.
    pub const LEN: usize = 36;

    /// Puts an entry id together.
    #[must_use]
    pub const fn new(store: StoreUid, object: ObjectUid) -> Self {
        Self { store, object }
    }

    /// Reads the 36 bytes of an entry id.
    ///
    /// Whether the store and the object exist is not looked at.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidEntryId`] if there are not 36 bytes, or the first four are not zero.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let parts = bytes.split_first_chunk::<4>().and_then(|(flags, rest)| {
            let (store, object) = rest.split_first_chunk::<16>()?;
            Some((*flags, *store, <[u8; 16]>::try_from(object).ok()?))
        });
        let Some((flags, store, object)) = parts else {
            return Err(Error::InvalidEntryId {
                detail: format!("it has {} bytes instead of {}", bytes.len(), Self::LEN),
            });
        };
        if flags != [0; 4] {
            return Err(Error::InvalidEntryId {
                detail: format!("its first four bytes are {flags:02x?} instead of zero"),
            });
        }
        Ok(Self::new(StoreUid(store), ObjectUid(object)))
    }

    /// Gives the 36 bytes of the entry id.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let parts = self.store.0.iter().chain(&self.object.0);
        bytes
            .iter_mut()
            .skip(4)
            .zip(parts)
            .for_each(|(to, from)| *to = *from);
        bytes
    }

    /// The store that the object is in.
    #[must_use]
    pub const fn store(&self) -> StoreUid {
        self.store
    }

    /// The object within the store.
    #[must_use]
    pub const fn object(&self) -> ObjectUid {
        self.object
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.to_bytes())
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntryId")
            .field("store", &self.store)
            .field("object", &self.object)
            .finish()
    }
}

impl FromStr for EntryId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bytes = read_hex::<{ Self::LEN }>(text).ok_or_else(|| Error::InvalidEntryId {
            detail: format!("it has 72 hexadecimal digits, this is {text:?}"),
        })?;
        Self::from_bytes(&bytes)
    }
}

impl Serialize for EntryId {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident, $lowest:ident = $value:literal, $(#[$lowest_doc:meta])*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            $(#[$lowest_doc])*
            pub const $lowest: Self = Self($value);

            /// Takes a number as it is stored, or nothing if it is too low to be one.
            #[must_use]
            pub const fn new(number: i64) -> Option<Self> {
                if number >= $value { Some(Self(number)) } else { None }
            }

            /// Gives the number.
            #[must_use]
            pub const fn get(self) -> i64 {
                self.0
            }

            /// The number after this one. It stays at the highest, which no store reaches: a million a second
            /// for 290,000 years.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

counter! {
    /// The version of a message: 1 after its first save, one more with every committed save.
    RowVersion, FIRST = 1,
    /// The version that the first save makes.
}
counter! {
    /// A place in the store-wide order of commits.
    ChangeNumber, ZERO = 0,
    /// The place before any change.
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uid_survives_its_text_in_either_case() {
        let uid = StoreUid::random();
        assert_eq!(uid.to_string().len(), 32);
        assert_eq!(uid.to_string().parse::<StoreUid>().unwrap(), uid);
        assert_eq!(
            uid.to_string().to_uppercase().parse::<StoreUid>().unwrap(),
            uid
        );
        assert_eq!(serde_json::to_string(&uid).unwrap(), format!("\"{uid}\""));
    }

    #[test]
    fn uid_of_other_text_is_refused() {
        let sign = format!("+{}", "0".repeat(31));
        for text in [
            "",
            "00",
            sign.as_str(),
            &"g".repeat(32),
            &"é".repeat(16),
            &"0".repeat(33),
        ] {
            let error = text.parse::<SaveId>().unwrap_err();
            assert!(matches!(error, Error::InvalidParameter { .. }), "{text:?}");
        }
    }

    #[test]
    fn random_uids_differ() {
        assert_ne!(ObjectUid::random(), ObjectUid::random());
    }

    #[test]
    fn entry_id_is_zeros_then_store_then_object() {
        // O4
        let id = EntryId::new(
            StoreUid::from_bytes([1; 16]),
            ObjectUid::from_bytes([2; 16]),
        );
        let expected: Vec<u8> = [vec![0; 4], vec![1; 16], vec![2; 16]].concat();
        assert_eq!(id.to_bytes().as_slice(), expected);
        assert_eq!(EntryId::from_bytes(&expected).unwrap(), id);
        assert_eq!(id.to_string().parse::<EntryId>().unwrap(), id);
    }

    #[test]
    fn entry_id_of_another_form_says_what_is_wrong() {
        // O4
        let message = |bytes: &[u8]| match EntryId::from_bytes(bytes) {
            Err(Error::InvalidEntryId { detail }) => detail,
            other => panic!("{other:?}"),
        };
        assert!(message(&[]).contains("0 bytes"));
        assert!(message(&[0; 35]).contains("35 bytes"));
        assert!(message(&[0; 37]).contains("37 bytes"));
        assert!(message(&[1; 36]).contains("01"));
        assert!(matches!(
            "zz".parse::<EntryId>(),
            Err(Error::InvalidEntryId { .. })
        ));
    }

    #[test]
    fn counters_start_where_the_contract_says() {
        assert_eq!(RowVersion::new(0), None);
        assert_eq!(RowVersion::new(1), Some(RowVersion::FIRST));
        assert_eq!(RowVersion::FIRST.next().get(), 2);
        assert_eq!(ChangeNumber::new(-1), None);
        assert_eq!(ChangeNumber::new(0), Some(ChangeNumber::ZERO));
        assert_eq!(
            serde_json::to_string(&ChangeNumber::ZERO.next()).unwrap(),
            "1"
        );
    }
}
