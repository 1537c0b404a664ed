//! The values of properties, one Rust type for each property type ([MS-OXCDATA] 2.11.1).

use uuid::Uuid;

use super::file_time::FileTime;
use super::property_tag::PropertyType;
use crate::{Error, Result};

/// An amount of money in ten-thousandths: 12,345 is 1.2345 (PtypCurrency).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(pub i64);

/// Days since midnight of 30 December 1899, in local time; the fraction is the time of day (PtypFloatingTime).
///
/// Two of them are equal if their bits are, or if both are no number.
#[derive(Clone, Copy, Debug, Default)]
pub struct AppTime(pub f64);

impl PartialEq for AppTime {
    fn eq(&self, other: &Self) -> bool {
        double_bits(self.0) == double_bits(other.0)
    }
}

impl Eq for AppTime {}

/// Text in some 8-bit code page, which the value does not name; without a closing zero (PtypString8).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct String8(pub Vec<u8>);

impl From<&str> for String8 {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

/// The bits of a number, the same ones for everything that is no number.
fn double_bits(number: f64) -> u64 {
    if number.is_nan() {
        f64::NAN.to_bits()
    } else {
        number.to_bits()
    }
}

/// The bits of a number, the same ones for everything that is no number.
fn float_bits(number: f32) -> u32 {
    if number.is_nan() {
        f32::NAN.to_bits()
    } else {
        number.to_bits()
    }
}

/// The value of a property; the variants are the types of [`PropertyType`], without `Object`.
///
/// Floating-point values are equal if their bits are, or if both are no number: so every value equals itself,
/// and `0.0` is not `-0.0`.
#[derive(Clone, Debug)]
pub enum PropertyValue {
    /// A 16-bit integer.
    I2(i16),
    /// A 32-bit integer.
    Long(i32),
    /// A 32-bit floating-point number.
    Float(f32),
    /// A 64-bit floating-point number.
    Double(f64),
    /// An amount of money.
    Currency(Currency),
    /// Days since 30 December 1899.
    AppTime(AppTime),
    /// True or false.
    Boolean(bool),
    /// A 64-bit integer.
    I8(i64),
    /// Text in some 8-bit code page.
    String8(String8),
    /// Text.
    Unicode(String),
    /// A point in time.
    SysTime(FileTime),
    /// A GUID.
    Clsid(Uuid),
    /// Bytes.
    Binary(Vec<u8>),
    /// Many 16-bit integers.
    MvI2(Vec<i16>),
    /// Many 32-bit integers.
    MvLong(Vec<i32>),
    /// Many 32-bit floating-point numbers.
    MvFloat(Vec<f32>),
    /// Many 64-bit floating-point numbers.
    MvDouble(Vec<f64>),
    /// Many amounts of money.
    MvCurrency(Vec<Currency>),
    /// Many counts of days since 30 December 1899.
    MvAppTime(Vec<AppTime>),
    /// Many 64-bit integers.
    MvI8(Vec<i64>),
    /// Many texts in some 8-bit code page.
    MvString8(Vec<String8>),
    /// Many texts.
    MvUnicode(Vec<String>),
    /// Many points in time.
    MvSysTime(Vec<FileTime>),
    /// Many GUIDs.
    MvClsid(Vec<Uuid>),
    /// Many runs of bytes.
    MvBinary(Vec<Vec<u8>>),
}

impl PropertyValue {
    /// The type that a tag of this value names.
    #[must_use]
    pub const fn property_type(&self) -> PropertyType {
        match self {
            Self::I2(_) => PropertyType::I2,
            Self::Long(_) => PropertyType::Long,
            Self::Float(_) => PropertyType::Float,
            Self::Double(_) => PropertyType::Double,
            Self::Currency(_) => PropertyType::Currency,
            Self::AppTime(_) => PropertyType::AppTime,
            Self::Boolean(_) => PropertyType::Boolean,
            Self::I8(_) => PropertyType::I8,
            Self::String8(_) => PropertyType::String8,
            Self::Unicode(_) => PropertyType::Unicode,
            Self::SysTime(_) => PropertyType::SysTime,
            Self::Clsid(_) => PropertyType::Clsid,
            Self::Binary(_) => PropertyType::Binary,
            Self::MvI2(_) => PropertyType::MvI2,
            Self::MvLong(_) => PropertyType::MvLong,
            Self::MvFloat(_) => PropertyType::MvFloat,
            Self::MvDouble(_) => PropertyType::MvDouble,
            Self::MvCurrency(_) => PropertyType::MvCurrency,
            Self::MvAppTime(_) => PropertyType::MvAppTime,
            Self::MvI8(_) => PropertyType::MvI8,
            Self::MvString8(_) => PropertyType::MvString8,
            Self::MvUnicode(_) => PropertyType::MvUnicode,
            Self::MvSysTime(_) => PropertyType::MvSysTime,
            Self::MvClsid(_) => PropertyType::MvClsid,
            Self::MvBinary(_) => PropertyType::MvBinary,
        }
    }

    /// What the value counts for `PR_MESSAGE_SIZE`, in bytes.
    ///
    /// Numbers, times and GUIDs count as in [MS-OXCDATA] 2.11.1 (a boolean one byte), text its UTF-8 or 8-bit
    /// bytes, binary its bytes, many values their sum. The tag and the form that it is stored in count nothing.
    #[must_use]
    pub fn byte_len(&self) -> u64 {
        let bytes = match self {
            Self::Boolean(_) => 1,
            Self::I2(_) => 2,
            Self::Long(_) | Self::Float(_) => 4,
            Self::Double(_)
            | Self::Currency(_)
            | Self::AppTime(_)
            | Self::I8(_)
            | Self::SysTime(_) => 8,
            Self::Clsid(_) => 16,
            Self::String8(text) => text.0.len(),
            Self::Unicode(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
            Self::MvI2(many) => 2 * many.len(),
            Self::MvLong(many) => 4 * many.len(),
            Self::MvFloat(many) => 4 * many.len(),
            Self::MvDouble(many) => 8 * many.len(),
            Self::MvCurrency(many) => 8 * many.len(),
            Self::MvAppTime(many) => 8 * many.len(),
            Self::MvI8(many) => 8 * many.len(),
            Self::MvSysTime(many) => 8 * many.len(),
            Self::MvClsid(many) => 16 * many.len(),
            Self::MvString8(many) => many.iter().map(|text| text.0.len()).sum(),
            Self::MvUnicode(many) => many.iter().map(String::len).sum(),
            Self::MvBinary(many) => many.iter().map(Vec::len).sum(),
        };
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    /// How many values there are: 1 unless the type is a multi-valued one.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::MvI2(many) => many.len(),
            Self::MvLong(many) => many.len(),
            Self::MvFloat(many) => many.len(),
            Self::MvDouble(many) => many.len(),
            Self::MvCurrency(many) => many.len(),
            Self::MvAppTime(many) => many.len(),
            Self::MvI8(many) => many.len(),
            Self::MvString8(many) => many.len(),
            Self::MvUnicode(many) => many.len(),
            Self::MvSysTime(many) => many.len(),
            Self::MvClsid(many) => many.len(),
            Self::MvBinary(many) => many.len(),
            _ => 1,
        }
    }

    /// Checks what the type alone does not say.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a multi-valued property without any value, which MAPI does not have.
    pub fn validate(&self) -> Result<()> {
        if self.count() == 0 {
            return Err(Error::InvalidParameter {
                detail: format!("{} needs at least one value", self.property_type()),
            });
        }
        Ok(())
    }
}

impl PartialEq for PropertyValue {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::I2(a), Self::I2(b)) => a == b,
            (Self::Long(a), Self::Long(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => float_bits(*a) == float_bits(*b),
            (Self::Double(a), Self::Double(b)) => double_bits(*a) == double_bits(*b),
            (Self::Currency(a), Self::Currency(b)) => a == b,
            (Self::AppTime(a), Self::AppTime(b)) => a == b,
            (Self::Boolean(a), Self::Boolean(b)) => a == b,
            (Self::I8(a), Self::I8(b)) => a == b,
            (Self::String8(a), Self::String8(b)) => a == b,
            (Self::Unicode(a), Self::Unicode(b)) => a == b,
            (Self::SysTime(a), Self::SysTime(b)) => a == b,
            (Self::Clsid(a), Self::Clsid(b)) => a == b,
            (Self::Binary(a), Self::Binary(b)) => a == b,
            (Self::MvI2(a), Self::MvI2(b)) => a == b,
            (Self::MvLong(a), Self::MvLong(b)) => a == b,
            (Self::MvFloat(a), Self::MvFloat(b)) => a
                .iter()
                .copied()
                .map(float_bits)
                .eq(b.iter().copied().map(float_bits)),
            (Self::MvDouble(a), Self::MvDouble(b)) => a
                .iter()
                .copied()
                .map(double_bits)
                .eq(b.iter().copied().map(double_bits)),
            (Self::MvCurrency(a), Self::MvCurrency(b)) => a == b,
            (Self::MvAppTime(a), Self::MvAppTime(b)) => a == b,
            (Self::MvI8(a), Self::MvI8(b)) => a == b,
            (Self::MvString8(a), Self::MvString8(b)) => a == b,
            (Self::MvUnicode(a), Self::MvUnicode(b)) => a == b,
            (Self::MvSysTime(a), Self::MvSysTime(b)) => a == b,
            (Self::MvClsid(a), Self::MvClsid(b)) => a == b,
            (Self::MvBinary(a), Self::MvBinary(b)) => a == b,
            // Two values of different types. Named one by one, so that a new type cannot be forgotten here.
            (
                Self::I2(_)
                | Self::Long(_)
                | Self::Float(_)
                | Self::Double(_)
                | Self::Currency(_)
                | Self::AppTime(_)
                | Self::Boolean(_)
                | Self::I8(_)
                | Self::String8(_)
                | Self::Unicode(_)
                | Self::SysTime(_)
                | Self::Clsid(_)
                | Self::Binary(_)
                | Self::MvI2(_)
                | Self::MvLong(_)
                | Self::MvFloat(_)
                | Self::MvDouble(_)
                | Self::MvCurrency(_)
                | Self::MvAppTime(_)
                | Self::MvI8(_)
                | Self::MvString8(_)
                | Self::MvUnicode(_)
                | Self::MvSysTime(_)
                | Self::MvClsid(_)
                | Self::MvBinary(_),
                _,
            ) => false,
        }
    }
}

impl Eq for PropertyValue {}

impl From<&str> for PropertyValue {
    fn from(text: &str) -> Self {
        Self::Unicode(text.to_owned())
    }
}

impl From<&[u8]> for PropertyValue {
    fn from(bytes: &[u8]) -> Self {
        Self::Binary(bytes.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_is_by_bits_and_one_nan() {
        let other_nan = f64::from_bits(f64::NAN.to_bits() | 1);
        assert_eq!(
            PropertyValue::Double(f64::NAN),
            PropertyValue::Double(other_nan)
        );
        assert_eq!(
            PropertyValue::MvFloat(vec![f32::NAN]),
            PropertyValue::MvFloat(vec![-f32::NAN])
        );
        assert_eq!(
            PropertyValue::AppTime(AppTime(f64::NAN)),
            PropertyValue::AppTime(AppTime(other_nan))
        );
        assert_ne!(PropertyValue::Double(0.0), PropertyValue::Double(-0.0));
        assert_ne!(
            PropertyValue::MvDouble(vec![1.0]),
            PropertyValue::MvDouble(vec![1.0, 1.0])
        );
        assert_ne!(PropertyValue::I8(1), PropertyValue::Long(1));
    }

    #[test]
    fn many_values_are_at_least_one() {
        assert!(
            PropertyValue::MvUnicode(vec![String::new()])
                .validate()
                .is_ok()
        );
        assert!(PropertyValue::Binary(vec![]).validate().is_ok());
        for empty in [
            PropertyValue::MvLong(vec![]),
            PropertyValue::MvBinary(vec![]),
        ] {
            assert!(matches!(
                empty.validate(),
                Err(Error::InvalidParameter { .. })
            ));
        }
    }

    #[test]
    fn size_counts_the_bytes_of_the_value() {
        assert_eq!(PropertyValue::from("Čeda").byte_len(), 5);
        assert_eq!(PropertyValue::Boolean(true).byte_len(), 1);
        assert_eq!(PropertyValue::MvClsid(vec![Uuid::nil(); 3]).byte_len(), 48);
        assert_eq!(
            PropertyValue::MvBinary(vec![vec![0; 3], vec![0; 4]]).byte_len(),
            7
        );
    }
}
