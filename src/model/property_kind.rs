//! The Rust type of each property type, and tags that know theirs.

use std::fmt;
use std::marker::PhantomData;

use uuid::Uuid;

use super::file_time::FileTime;
use super::property_tag::{PropertyTag, PropertyType};
use super::property_value::{AppTime, Currency, PropertyValue, String8};

mod sealed {
    /// Keeps the relation between property types and Rust types one to one.
    pub trait Sealed {}
}

/// A Rust type that is the value of one property type.
///
/// No other crate implements it: the property types are MAPI's.
pub trait PropertyKind: sealed::Sealed + Sized {
    /// The property type of these values.
    const TYPE: PropertyType;

    /// Makes a property value.
    fn into_value(self) -> PropertyValue;

    /// Takes the value out, or nothing if it is of another type.
    fn from_value(value: PropertyValue) -> Option<Self>;
}

macro_rules! property_kinds {
    ($($rust:ty => $variant:ident;)+) => {
        $(
            impl sealed::Sealed for $rust {}

            impl PropertyKind for $rust {
                const TYPE: PropertyType = PropertyType::$variant;

                fn into_value(self) -> PropertyValue {
                    PropertyValue::$variant(self)
                }

                fn from_value(value: PropertyValue) -> Option<Self> {
                    match value {
                        PropertyValue::$variant(value) => Some(value),
                        _ => None,
                    }
                }
            }

            impl From<$rust> for PropertyValue {
                fn from(value: $rust) -> Self {
                    Self::$variant(value)
                }
            }
        )+
    };
}

property_kinds! {
    i16 => I2;
    i32 => Long;
    f32 => Float;
    f64 => Double;
    Currency => Currency;
    AppTime => AppTime;
    bool => Boolean;
    i64 => I8;
    String8 => String8;
    String => Unicode;
    FileTime => SysTime;
    Uuid => Clsid;
    Vec<u8> => Binary;
    Vec<i16> => MvI2;
    Vec<i32> => MvLong;
    Vec<f32> => MvFloat;
    Vec<f64> => MvDouble;
    Vec<Currency> => MvCurrency;
    Vec<AppTime> => MvAppTime;
    Vec<i64> => MvI8;
    Vec<String8> => MvString8;
    Vec<String> => MvUnicode;
    Vec<FileTime> => MvSysTime;
    Vec<Uuid> => MvClsid;
    Vec<Vec<u8>> => MvBinary;
}

/// A property tag whose values have the Rust type `T`.
///
/// ```
/// # use mapistore::{Tag, pr};
/// const COLOUR: Tag<i32> = Tag::new(0x6655_0003);
/// assert_eq!(COLOUR.tag().to_string(), "0x66550003");
/// assert_eq!(pr::SUBJECT.tag().to_string(), "PR_SUBJECT");
/// ```
///
/// A constant with the wrong type does not compile:
///
/// ```compile_fail
/// # use mapistore::Tag;
/// const COLOUR: Tag<i32> = Tag::new(0x6655_001F);
/// ```
pub struct Tag<T> {
    tag: PropertyTag,
    // A tag holds no value, so it can be sent and shared whatever T is.
    kind: PhantomData<fn() -> T>,
}

impl<T> Tag<T> {
    /// Makes a typed tag out of its 32 bits.
    ///
    /// # Panics
    ///
    /// If the lower 16 bits are not the code of `T`'s type; in a constant this is an error of the compiler.
    #[must_use]
    pub const fn new(value: u32) -> Self
    where
        T: PropertyKind,
    {
        let tag = PropertyTag::new(value);
        assert!(
            tag.type_code() == T::TYPE.code(),
            "the tag is of another type"
        );
        Self {
            tag,
            kind: PhantomData,
        }
    }

    /// Gives the tag without its Rust type.
    #[must_use]
    pub const fn tag(self) -> PropertyTag {
        self.tag
    }
}

// Derived, these would ask the same of T, which is never held.
impl<T> Clone for Tag<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Tag<T> {}

impl<T> fmt::Debug for Tag<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tag.fmt(f)
    }
}

impl<T> From<Tag<T>> for PropertyTag {
    fn from(tag: Tag<T>) -> Self {
        tag.tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_goes_in_and_out_by_its_type() {
        assert_eq!(i32::from_value(7_i32.into_value()), Some(7));
        assert_eq!(String::from_value(7_i32.into_value()), None);
        assert_eq!(Vec::<u8>::TYPE, PropertyType::Binary);
        assert_eq!(Vec::<Vec<u8>>::TYPE, PropertyType::MvBinary);
        assert_eq!(
            PropertyValue::from(vec![1_i64]).property_type(),
            PropertyType::MvI8
        );
    }

    #[test]
    fn tag_is_shared_whatever_its_value_is() {
        fn shared<T: Copy + Send + Sync>(_: T) {}
        shared(Tag::<Vec<Vec<u8>>>::new(0x6655_1102));
    }
}
