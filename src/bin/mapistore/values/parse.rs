//! Property values from what somebody typed.

use anyhow::{Context, anyhow, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mapistore::{AppTime, Currency, FileTime, PropertyType, PropertyValue, String8};

/// Reads a value of a type from what somebody typed: the text form, or for a multi-valued type a JSON array of them.
pub(crate) fn parse(property_type: PropertyType, text: &str) -> anyhow::Result<PropertyValue> {
    if property_type.is_multi_valued() {
        return parse_many(property_type, &elements(text)?);
    }
    let expected = |what: &str| anyhow!("{text:?} is not {what}");
    Ok(match property_type {
        PropertyType::I2 => {
            PropertyValue::I2(i16::try_from(integer(text)?).context("beyond 16 bits")?)
        }
        PropertyType::Long => PropertyValue::Long(long(integer(text)?)?),
        PropertyType::I8 => {
            PropertyValue::I8(i64::try_from(integer(text)?).context("beyond 64 bits")?)
        }
        PropertyType::Float => {
            PropertyValue::Float(text.trim().parse().map_err(|_| expected("a number"))?)
        }
        PropertyType::Double => PropertyValue::Double(number(text)?),
        PropertyType::AppTime => PropertyValue::AppTime(AppTime(number(text)?)),
        PropertyType::Currency => PropertyValue::Currency(
            parse_currency(text.trim())
                .ok_or_else(|| expected("an amount of at most four decimals"))?,
        ),
        PropertyType::Boolean => PropertyValue::Boolean(match text.trim() {
            "true" | "1" => true,
            "false" | "0" => false,
            _ => return Err(expected("true or false")),
        }),
        PropertyType::String8 => PropertyValue::String8(String8(text.as_bytes().to_vec())),
        PropertyType::Unicode => PropertyValue::Unicode(text.to_owned()),
        PropertyType::SysTime => PropertyValue::SysTime(
            FileTime::parse(text.trim())
                .ok_or_else(|| expected("a time such as 2026-11-22T10:39:39Z"))?,
        ),
        PropertyType::Clsid => {
            PropertyValue::Clsid(text.trim().parse().map_err(|_| expected("a GUID"))?)
        }
        PropertyType::Binary => PropertyValue::Binary(
            STANDARD
                .decode(text.trim())
                .map_err(|_| expected("base64"))?,
        ),
        other => bail!("a value of type {other} cannot be written as text"),
    })
}

/// The elements of a multi-valued property: of a JSON array, or the text as the only one.
fn elements(text: &str) -> anyhow::Result<Vec<String>> {
    if !text.trim_start().starts_with('[') {
        return Ok(if text.is_empty() {
            Vec::new()
        } else {
            vec![text.to_owned()]
        });
    }
    let array: Vec<serde_json::Value> =
        serde_json::from_str(text).context("a multi-valued property takes a JSON array")?;
    let element = |value| match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    Ok(array.into_iter().map(element).collect())
}

fn parse_many(property_type: PropertyType, elements: &[String]) -> anyhow::Result<PropertyValue> {
    macro_rules! collect {
        ($single:ident, $many:ident) => {{
            let mut values = Vec::with_capacity(elements.len());
            for element in elements {
                match parse(PropertyType::$single, element)? {
                    PropertyValue::$single(value) => values.push(value),
                    other => bail!("{element:?} is of type {}", other.property_type()),
                }
            }
            PropertyValue::$many(values)
        }};
    }
    Ok(match property_type {
        PropertyType::MvI2 => collect!(I2, MvI2),
        PropertyType::MvLong => collect!(Long, MvLong),
        PropertyType::MvFloat => collect!(Float, MvFloat),
        PropertyType::MvDouble => collect!(Double, MvDouble),
        PropertyType::MvCurrency => collect!(Currency, MvCurrency),
        PropertyType::MvAppTime => collect!(AppTime, MvAppTime),
        PropertyType::MvI8 => collect!(I8, MvI8),
        PropertyType::MvString8 => collect!(String8, MvString8),
        PropertyType::MvUnicode => collect!(Unicode, MvUnicode),
        PropertyType::MvSysTime => collect!(SysTime, MvSysTime),
        PropertyType::MvClsid => collect!(Clsid, MvClsid),
        PropertyType::MvBinary => collect!(Binary, MvBinary),
        other => bail!("{other} is not multi-valued"),
    })
}

/// A whole number, decimal or with `0x`.
fn integer(text: &str) -> anyhow::Result<i128> {
    let text = text.trim();
    let number = match text.strip_prefix("0x") {
        Some(digits) if !digits.starts_with(['+', '-']) => i128::from_str_radix(digits, 16),
        _ => text.parse(),
    };
    number.map_err(|_| anyhow!("{text:?} is not a whole number"))
}

/// 32 bits; `0x80000000` and above are bits of a flag word.
fn long(number: i128) -> anyhow::Result<i32> {
    i32::try_from(number)
        .or_else(|_| u32::try_from(number).map(u32::cast_signed))
        .map_err(|_| anyhow!("{number} is beyond 32 bits"))
}

fn number(text: &str) -> anyhow::Result<f64> {
    text.trim()
        .parse()
        .map_err(|_| anyhow!("{text:?} is not a number"))
}

fn parse_currency(text: &str) -> Option<Currency> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    let (sign, whole) = match whole.strip_prefix('-') {
        Some(whole) => (-1, whole),
        None => (1, whole),
    };
    if whole.is_empty() || !digits(whole) || !digits(decimals) || decimals.len() > 4 {
        return None;
    }
    let ten_thousandths: i128 = format!("{whole}{decimals:0<4}").parse().ok()?;
    i64::try_from(sign * ten_thousandths).ok().map(Currency)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        assert_eq!(
            parse(PropertyType::Long, "0xFFFFFFFF").unwrap(),
            PropertyValue::Long(-1)
        );
        assert_eq!(
            parse(PropertyType::MvUnicode, "a,b").unwrap(),
            PropertyValue::MvUnicode(vec!["a,b".into()])
        );
        assert_eq!(
            parse(PropertyType::Currency, "3").unwrap(),
            PropertyValue::Currency(Currency(30_000))
        );
        for (property_type, text) in [
            (PropertyType::Long, "4294967296"),
            (PropertyType::Long, ""),
            (PropertyType::Long, "0x-1"),
            (PropertyType::I2, "32768"),
            (PropertyType::I8, "9223372036854775808"),
            (PropertyType::Currency, "1.23456"),
            (PropertyType::Currency, "."),
            (PropertyType::Boolean, "yes"),
            (PropertyType::SysTime, "yesterday"),
            (PropertyType::Binary, "!"),
            (PropertyType::MvLong, "[1"),
            (PropertyType::MvLong, "[\"x\"]"),
            (PropertyType::Object, ""),
        ] {
            assert!(
                parse(property_type, text).is_err(),
                "{property_type} {text:?}"
            );
        }
    }
}
