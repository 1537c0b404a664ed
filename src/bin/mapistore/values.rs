//! Property values as text, and back; and as JSON.

mod parse;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mapistore::{Currency, FileTime, PropertyValue, StoredValue, StreamReference};

use crate::json::{Members, Value};

pub(crate) use self::parse::parse;

/// The form of a value in JSON.
pub(crate) fn to_json(value: &StoredValue) -> Value {
    match value {
        StoredValue::Inline(value) => inline_to_json(value),
        StoredValue::Stream(StreamReference { hash, size }) => Value::Object(Members(vec![
            ("stream".to_owned(), Value::Text(hash.to_string())),
            ("size".to_owned(), Value::Integer(size.cast_signed())),
        ])),
    }
}

fn inline_to_json(value: &PropertyValue) -> Value {
    fn many<T>(values: &[T], one: impl Fn(&T) -> Value) -> Value {
        Value::Many(values.iter().map(one).collect())
    }
    let float = |number: &f32| match number.is_finite() {
        true => Value::Float(*number),
        false => Value::Text(non_finite(f64::from(*number)).to_owned()),
    };
    let time = |time: &FileTime| Value::Text(time.to_string());
    let bytes = |bytes: &Vec<u8>| base64(bytes);
    let text = |text: &String| Value::Text(text.clone());
    // Many readers round whole numbers beyond 2^53.
    let long = |number: &i64| Value::Text(number.to_string());
    let money = |amount: &Currency| Value::Text(currency(*amount));
    match value {
        PropertyValue::I2(number) => Value::Integer((*number).into()),
        PropertyValue::Long(number) => Value::Integer((*number).into()),
        PropertyValue::Float(number) => float(number),
        PropertyValue::Double(number) => double(number),
        PropertyValue::Currency(amount) => money(amount),
        PropertyValue::AppTime(days) => double(&days.0),
        PropertyValue::Boolean(truth) => Value::Boolean(*truth),
        PropertyValue::I8(number) => long(number),
        PropertyValue::String8(text) => base64(&text.0),
        PropertyValue::Unicode(one) => text(one),
        PropertyValue::SysTime(one) => time(one),
        PropertyValue::Clsid(guid) => Value::Text(guid.to_string()),
        PropertyValue::Binary(one) => bytes(one),
        PropertyValue::MvI2(all) => many(all, |number| Value::Integer((*number).into())),
        PropertyValue::MvLong(all) => many(all, |number| Value::Integer((*number).into())),
        PropertyValue::MvFloat(all) => many(all, float),
        PropertyValue::MvDouble(all) => many(all, double),
        PropertyValue::MvCurrency(all) => many(all, money),
        PropertyValue::MvAppTime(all) => many(all, |days| double(&days.0)),
        PropertyValue::MvI8(all) => many(all, long),
        PropertyValue::MvString8(all) => many(all, |text| base64(&text.0)),
        PropertyValue::MvUnicode(all) => many(all, text),
        PropertyValue::MvSysTime(all) => many(all, time),
        PropertyValue::MvClsid(all) => many(all, |guid| Value::Text(guid.to_string())),
        PropertyValue::MvBinary(all) => many(all, bytes),
    }
}

/// A number as JSON has it, or its name where JSON has none.
pub(crate) fn double(number: &f64) -> Value {
    match number.is_finite() {
        true => Value::Double(*number),
        false => Value::Text(non_finite(*number).to_owned()),
    }
}

pub(crate) fn base64(bytes: &[u8]) -> Value {
    Value::Text(STANDARD.encode(bytes))
}

fn non_finite(number: f64) -> &'static str {
    if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

/// An amount with its four decimals.
fn currency(amount: Currency) -> String {
    let sign = if amount.0 < 0 { "-" } else { "" };
    let digits = amount.0.unsigned_abs();
    format!("{sign}{}.{:04}", digits / 10_000, digits % 10_000)
}

/// The value as text for people, on one line unless it has line breaks itself. What `parse` takes, except for
/// 8-bit text that is no UTF-8 and for what is a stream.
pub(crate) fn to_text(value: &StoredValue) -> String {
    match value {
        StoredValue::Stream(StreamReference { hash, size }) => {
            format!("{size} bytes, stream {hash}")
        }
        StoredValue::Inline(PropertyValue::String8(text)) => {
            String::from_utf8_lossy(&text.0).into_owned()
        }
        StoredValue::Inline(value) => json_to_text(&inline_to_json(value)),
    }
}

fn json_to_text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        other => crate::json::to_string(other).unwrap_or_default(),
    }
}

/// A time as people read it: in UTC, to the second.
pub(crate) fn time_for_people(time: FileTime) -> String {
    let text = time.to_string();
    match (text.get(..10), text.get(10..11), text.get(11..19)) {
        (Some(date), Some("T"), Some(clock)) => format!("{date} {clock}Z"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use mapistore::AppTime;

    use super::*;

    fn round_trip(value: PropertyValue) {
        let text = to_text(&StoredValue::Inline(value.clone()));
        assert_eq!(
            parse(value.property_type(), &text).unwrap(),
            value,
            "{text}"
        );
    }

    #[test]
    fn values_come_back_from_their_text() {
        for value in [
            PropertyValue::I2(i16::MIN),
            PropertyValue::Long(-1),
            PropertyValue::I8(i64::MIN),
            PropertyValue::Float(0.1),
            PropertyValue::Float(f32::INFINITY),
            PropertyValue::Double(-0.0),
            PropertyValue::Double(f64::NAN),
            PropertyValue::Double(1e300),
            PropertyValue::AppTime(AppTime(45_000.25)),
            PropertyValue::Currency(Currency(i64::MIN)),
            PropertyValue::Currency(Currency(-12_345)),
            PropertyValue::Boolean(true),
            PropertyValue::String8("a".into()),
            PropertyValue::Unicode(" a\n\"b\" ".to_owned()),
            PropertyValue::SysTime(FileTime::new(1)),
            PropertyValue::SysTime(FileTime::new(u64::MAX)),
            PropertyValue::Clsid(uuid::Uuid::from_u128(7)),
            PropertyValue::Binary(vec![0, 255]),
            PropertyValue::MvLong(vec![1, -2]),
            PropertyValue::MvI8(vec![i64::MAX]),
            PropertyValue::MvFloat(vec![f32::NAN]),
            PropertyValue::MvUnicode(vec!["a, b".to_owned(), "[\"".to_owned(), String::new()]),
            PropertyValue::MvSysTime(vec![FileTime::new(0)]),
            PropertyValue::MvCurrency(vec![Currency(1)]),
            PropertyValue::MvClsid(vec![uuid::Uuid::nil()]),
            PropertyValue::MvBinary(vec![vec![1], Vec::new()]),
            PropertyValue::MvDouble(vec![0.1, f64::NEG_INFINITY]),
            PropertyValue::MvI2(vec![3]),
            PropertyValue::MvAppTime(vec![AppTime(0.5)]),
        ] {
            round_trip(value);
        }
    }

    #[test]
    fn large_numbers_are_strings_in_json() {
        let json = |value| crate::json::to_string(&inline_to_json(&value)).unwrap();
        assert_eq!(json(PropertyValue::Long(i32::MAX)), "2147483647");
        assert_eq!(json(PropertyValue::I8(1)), "\"1\"");
        assert_eq!(
            json(PropertyValue::Currency(Currency(12_345))),
            "\"1.2345\""
        );
        assert_eq!(json(PropertyValue::Double(f64::NAN)), "\"NaN\"");
        assert_eq!(
            json(PropertyValue::SysTime(FileTime::new(0))),
            "\"1601-01-01T00:00:00.0000000Z\""
        );
        assert_eq!(json(PropertyValue::MvBinary(vec![vec![0]])), "[\"AA==\"]");
    }
}
