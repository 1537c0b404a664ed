//! Single values in a document: how each Rust type is written and read.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine;
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::model::{AppTime, Currency, FileTime, StreamHash, String8};

const NAN: &str = "NaN";
const INFINITY: &str = "Infinity";
const NEGATIVE_INFINITY: &str = "-Infinity";

/// The one key of the map as which `serde_json` hands over a number if the host has switched on its
/// `arbitrary_precision`.
const DIGITS: &str = "$serde_json::private::Number";

/// A type of which a document holds single values, alone or in an array.
pub(super) trait Element: Sized {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// Writes an element where `serde` asks for something that writes itself.
pub(super) struct Written<'a, T>(pub(super) &'a T);

impl<T: Element> Serialize for Written<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(serializer)
    }
}

/// Reads an element where `serde` asks for a seed.
struct Read<T>(PhantomData<T>);

impl<'de, T: Element> DeserializeSeed<'de> for Read<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::read(deserializer)
    }
}

/// Writes many elements as an array.
pub(super) fn write_many<T: Element, S: Serializer>(
    many: &[T],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(many.iter().map(Written))
}

/// Reads an array of elements.
pub(super) fn read_many<'de, T: Element, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    struct Many<T>(PhantomData<T>);

    impl<'de, T: Element> Visitor<'de> for Many<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array of values")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Vec<T>, A::Error> {
            let mut many = Vec::new();
            while let Some(element) = access.next_element_seed(Read(PhantomData))? {
                many.push(element);
            }
            Ok(many)
        }
    }

    deserializer.deserialize_seq(Many(PhantomData))
}

/// Types that JSON has as they are.
macro_rules! plain {
    ($($type:ty => $write:ident;)+) => {$(
        impl Element for $type {
            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.$write(*self)
            }

            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::deserialize(deserializer)
            }
        }
    )+};
}

plain! {
    i16 => serialize_i16;
    i32 => serialize_i32;
    i64 => serialize_i64;
    bool => serialize_bool;
}

impl Element for Currency {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i64::read(deserializer).map(Self)
    }
}

impl Element for AppTime {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::read(deserializer).map(Self)
    }
}

/// The word for a number that JSON cannot write.
fn non_finite_name(number: f64) -> &'static str {
    if number.is_nan() {
        NAN
    } else if number > 0.0 {
        INFINITY
    } else {
        NEGATIVE_INFINITY
    }
}

impl Element for f64 {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_finite() {
            serializer.serialize_f64(*self)
        } else {
            serializer.serialize_str(non_finite_name(*self))
        }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

struct NumberVisitor;

impl<'de> Visitor<'de> for NumberVisitor {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a number, {NAN:?}, {INFINITY:?} or {NEGATIVE_INFINITY:?}"
        )
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<f64, E> {
        Ok(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
        match text {
            NAN => Ok(f64::NAN),
            INFINITY => Ok(f64::INFINITY),
            NEGATIVE_INFINITY => Ok(f64::NEG_INFINITY),
            _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<f64, A::Error> {
        let digits = match access.next_key::<String>()?.as_deref() {
            Some(DIGITS) => access.next_value::<String>()?,
            _ => return Err(A::Error::invalid_type(Unexpected::Map, &self)),
        };
        let number = digits
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| A::Error::invalid_value(Unexpected::Str(&digits), &self))
    }
}

impl Element for f32 {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_finite() {
            serializer.serialize_f32(*self)
        } else {
            serializer.serialize_str(non_finite_name(f64::from(*self)))
        }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::read(deserializer)?;
        let narrow = narrowed(number);
        if narrow.is_infinite() && number.is_finite() {
            return Err(D::Error::invalid_value(
                Unexpected::Float(number),
                &"a 32-bit number",
            ));
        }
        Ok(narrow)
    }
}

/// Gives the 32-bit number whose shortest text reads as the given 64-bit number, or else the nearest one.
//
// Rounding twice, from the text to 64 bits and from there to 32, is wrong for exactly one number of either
// sign: ±7.038531e-26, whose text reads as the middle between it and its neighbour. Asking `serde_json` for 32
// bits at once is no way out, since it then takes no text for what is no number.
fn narrowed(number: f64) -> f32 {
    let nearest = number as f32;
    if f64::from(nearest) == number || !number.is_finite() {
        return nearest;
    }
    let reads_as_number = |narrow: &f32| narrow.to_string().parse() == Ok(number);
    let candidates = [nearest, nearest.next_up(), nearest.next_down()];
    candidates
        .into_iter()
        .find(reads_as_number)
        .unwrap_or(nearest)
}

/// A type that a document holds as a string of some form.
pub(super) trait Textual: Sized {
    const FORM: &'static str;
    fn from_text(text: &str) -> Option<Self>;
    fn write_text<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
}

impl Textual for String {
    const FORM: &'static str = "a text";

    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }

    fn write_text<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl Textual for Vec<u8> {
    const FORM: &'static str = "bytes in base64";

    fn from_text(text: &str) -> Option<Self> {
        STANDARD.decode(text).ok()
    }

    fn write_text<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(self, &STANDARD))
    }
}

impl Textual for String8 {
    const FORM: &'static str = <Vec<u8>>::FORM;

    fn from_text(text: &str) -> Option<Self> {
        Textual::from_text(text).map(Self)
    }

    fn write_text<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write_text(serializer)
    }
}

impl Textual for FileTime {
    const FORM: &'static str = "a time such as 2026-11-22T10:39:39.0000000Z";

    fn from_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn write_text<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Textual for Uuid {
    const FORM: &'static str = "a GUID such as 6b29fc40-ca47-1067-b31d-00dd010662da";

    fn from_text(text: &str) -> Option<Self> {
        // Of the other forms that `Uuid` reads none has this length with this beginning.
        let hyphenated =
            text.len() == 36 && text.starts_with(|first: char| first.is_ascii_hexdigit());
        if hyphenated { text.parse().ok() } else { None }
    }

    fn write_text<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.as_hyphenated())
    }
}

impl Textual for StreamHash {
    const FORM: &'static str = "64 hexadecimal digits";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn write_text<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Stands in a document as a string.
pub(super) struct InText<T>(pub(super) T);

impl<'de, T: Textual> Deserialize<'de> for InText<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_str(TextVisitor(PhantomData))
            .map(Self)
    }
}

macro_rules! textual {
    ($($type:ty)+) => {$(
        impl Element for $type {
            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.write_text(serializer)
            }

            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                InText::deserialize(deserializer).map(|InText(text)| text)
            }
        }
    )+};
}

textual! { String Vec<u8> String8 FileTime Uuid StreamHash }

struct TextVisitor<T>(PhantomData<T>);

impl<T: Textual> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::FORM)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}
