//! Any content that a message can have, for property tests.

use std::sync::Arc;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use uuid::Uuid;

use crate::model::content::AttachmentTable;
use crate::model::{
    AppTime, AttachmentRow, Content, Currency, FileTime, Properties, PropertyId, PropertyTag,
    PropertyType, PropertyValue, RecipientRow, StoredValue, StreamHash, StreamReference, String8,
};

/// Any number, and more often than by chance the odd ones.
fn doubles() -> impl Strategy<Value = f64> {
    let odd = [
        0.0,
        -0.0,
        f64::NAN,
        f64::INFINITY,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
        0.1,
    ];
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        prop::sample::select(odd.to_vec())
    ]
}

fn floats() -> impl Strategy<Value = f32> {
    let odd = [
        0.0,
        -0.0,
        f32::NAN,
        f32::NEG_INFINITY,
        f32::MIN_POSITIVE,
        1e-45,
        f32::MAX,
    ];
    prop_oneof![
        any::<u32>().prop_map(f32::from_bits),
        prop::sample::select(odd.to_vec())
    ]
}

fn times() -> impl Strategy<Value = FileTime> {
    prop_oneof![any::<u64>(), 0..3_000_000_000_000_000_000_u64].prop_map(FileTime::new)
}

fn longs() -> impl Strategy<Value = i64> {
    prop_oneof![
        any::<i64>(),
        Just(i64::MIN),
        Just(i64::MAX),
        (1_i64 << 52)..(1 << 54)
    ]
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..40)
}

pub(super) fn texts() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        '\0',
        '\n',
        '\u{1}',
        '\u{1F600}',
        '"',
        '\\',
        '\u{7F}',
        '\u{2028}',
        '\u{FFFE}',
    ]);
    vec(prop_oneof![any::<char>(), odd], 0..20).prop_map(String::from_iter)
}

fn uuids() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn many<T: std::fmt::Debug>(one: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    vec(one, 1..5)
}

/// Any value of a type that can be stored.
pub(super) fn values_of(property_type: PropertyType) -> BoxedStrategy<PropertyValue> {
    match property_type {
        PropertyType::I2 => any::<i16>().prop_map(PropertyValue::I2).boxed(),
        PropertyType::Long => any::<i32>().prop_map(PropertyValue::Long).boxed(),
        PropertyType::Float => floats().prop_map(PropertyValue::Float).boxed(),
        PropertyType::Double => doubles().prop_map(PropertyValue::Double).boxed(),
        PropertyType::Currency => longs()
            .prop_map(|value| PropertyValue::Currency(Currency(value)))
            .boxed(),
        PropertyType::AppTime => doubles()
            .prop_map(|value| PropertyValue::AppTime(AppTime(value)))
            .boxed(),
        PropertyType::Boolean => any::<bool>().prop_map(PropertyValue::Boolean).boxed(),
        PropertyType::I8 => longs().prop_map(PropertyValue::I8).boxed(),
        PropertyType::String8 => bytes()
            .prop_map(|value| PropertyValue::String8(String8(value)))
            .boxed(),
        PropertyType::Unicode => texts().prop_map(PropertyValue::Unicode).boxed(),
        PropertyType::SysTime => times().prop_map(PropertyValue::SysTime).boxed(),
        PropertyType::Clsid => uuids().prop_map(PropertyValue::Clsid).boxed(),
        PropertyType::Binary => bytes().prop_map(PropertyValue::Binary).boxed(),
        PropertyType::MvI2 => many(any::<i16>()).prop_map(PropertyValue::MvI2).boxed(),
        PropertyType::MvLong => many(any::<i32>()).prop_map(PropertyValue::MvLong).boxed(),
        PropertyType::MvFloat => many(floats()).prop_map(PropertyValue::MvFloat).boxed(),
        PropertyType::MvDouble => many(doubles()).prop_map(PropertyValue::MvDouble).boxed(),
        PropertyType::MvCurrency => many(longs().prop_map(Currency))
            .prop_map(PropertyValue::MvCurrency)
            .boxed(),
        PropertyType::MvAppTime => many(doubles().prop_map(AppTime))
            .prop_map(PropertyValue::MvAppTime)
            .boxed(),
        PropertyType::MvI8 => many(longs()).prop_map(PropertyValue::MvI8).boxed(),
        PropertyType::MvString8 => many(bytes().prop_map(String8))
            .prop_map(PropertyValue::MvString8)
            .boxed(),
        PropertyType::MvUnicode => many(texts()).prop_map(PropertyValue::MvUnicode).boxed(),
        PropertyType::MvSysTime => many(times()).prop_map(PropertyValue::MvSysTime).boxed(),
        PropertyType::MvClsid => many(uuids()).prop_map(PropertyValue::MvClsid).boxed(),
        PropertyType::MvBinary => many(bytes()).prop_map(PropertyValue::MvBinary).boxed(),
        PropertyType::Object => unreachable!("objects have no value"),
    }
}

fn streams() -> impl Strategy<Value = StreamReference> {
    (any::<[u8; 32]>(), any::<u64>()).prop_map(|(hash, size)| StreamReference {
        hash: StreamHash::from_bytes(hash),
        size,
    })
}

fn entries() -> impl Strategy<Value = (PropertyTag, StoredValue)> {
    let types = PropertyType::ALL
        .iter()
        .copied()
        .filter(|t| *t != PropertyType::Object);
    let types = prop::sample::select(types.collect::<Vec<_>>());
    (any::<u16>(), types, streams(), any::<bool>()).prop_flat_map(
        |(id, property_type, stream, as_stream)| {
            let tag = PropertyTag::from_parts(PropertyId(id), property_type);
            let value = if as_stream && property_type.may_be_stream() {
                Just(StoredValue::Stream(stream)).boxed()
            } else {
                values_of(property_type)
                    .prop_map(StoredValue::Inline)
                    .boxed()
            };
            value.prop_map(move |value| (tag, value))
        },
    )
}

pub(super) fn property_sets() -> impl Strategy<Value = Properties> {
    vec(entries(), 0..8).prop_map(Properties::from_iter)
}

/// Content with messages embedded in it, and further ones in these.
pub(super) fn contents() -> impl Strategy<Value = Content> {
    let plain = parts(Just(None).boxed()).boxed();
    plain.prop_recursive(3, 8, 2, |inner| {
        parts(prop::option::of(inner.prop_map(Arc::new)).boxed())
    })
}

fn parts(embedded: BoxedStrategy<Option<Arc<Content>>>) -> impl Strategy<Value = Content> {
    // Numbers ascend, and the next number lies above them.
    let numbers = || btree_set(0..u32::MAX, 0..3);
    let recipients = (numbers(), vec(property_sets(), 2));
    let attachments = (numbers(), vec((property_sets(), embedded), 2));
    (property_sets(), recipients, attachments, any::<u32>()).prop_map(
        |(properties, recipients, attachments, next_number)| {
            let recipient = |(row_id, properties)| RecipientRow { row_id, properties };
            let attachment = |(number, (properties, embedded))| AttachmentRow {
                number,
                properties,
                embedded,
            };
            let above = attachments.0.last().map_or(0, |last| last + 1);
            Content {
                properties,
                recipients: recipients
                    .0
                    .into_iter()
                    .zip(recipients.1)
                    .map(recipient)
                    .collect(),
                attachments: AttachmentTable {
                    next_number: next_number.max(above),
                    rows: attachments
                        .0
                        .into_iter()
                        .zip(attachments.1)
                        .map(attachment)
                        .collect(),
                },
            }
        },
    )
}
