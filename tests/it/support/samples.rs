//! Values to test with, and the properties that are the store's own.

use mapistore::{
    AppTime, Currency, FileTime, PropertyTag, PropertyType, PropertyValue, String8, pr,
};
use uuid::Uuid;

use super::blob::Blob;

/// The properties that the store computes (S11).
pub(crate) const COMPUTED: &[PropertyTag] = &[
    pr::ENTRYID.tag(),
    pr::RECORD_KEY.tag(),
    pr::PARENT_ENTRYID.tag(),
    pr::SEARCH_KEY.tag(),
    pr::STORE_ENTRYID.tag(),
    pr::STORE_RECORD_KEY.tag(),
    pr::OBJECT_TYPE.tag(),
    pr::ACCESS.tag(),
    pr::ACCESS_LEVEL.tag(),
    pr::MESSAGE_FLAGS.tag(),
    pr::READ.tag(),
    pr::MSG_STATUS.tag(),
    pr::MESSAGE_SIZE.tag(),
    pr::MESSAGE_SIZE_EXTENDED.tag(),
    pr::HASATTACH.tag(),
    pr::DISPLAY_TO.tag(),
    pr::DISPLAY_CC.tag(),
    pr::DISPLAY_BCC.tag(),
    pr::CREATION_TIME.tag(),
    pr::CREATOR_NAME.tag(),
    pr::CREATOR_ENTRYID.tag(),
    pr::LAST_MODIFICATION_TIME.tag(),
    pr::LAST_MODIFIER_NAME.tag(),
    pr::LAST_MODIFIER_ENTRYID.tag(),
    pr::LOCAL_COMMIT_TIME.tag(),
    pr::CHANGE_KEY.tag(),
    pr::PREDECESSOR_CHANGE_LIST.tag(),
    pr::CONFLICT_ITEMS.tag(),
];

pub(crate) fn is_computed(tag: PropertyTag) -> bool {
    COMPUTED.iter().any(|computed| computed.id() == tag.id())
}

/// Any value of a type; none of an object, which has no value.
pub(crate) fn of_type(property_type: PropertyType) -> Option<PropertyValue> {
    let texts = || vec![String::new(), "zwei\0und \u{1F600} \"drei\"".to_owned()];
    let bytes = || vec![String8(Vec::new()), String8((0..=255).collect())];
    let doubles = || vec![0.1, -0.0, f64::NAN, f64::INFINITY, 5e-324, f64::MAX];
    let floats = || vec![0.1, -0.0, f32::NAN, f32::NEG_INFINITY, 1e-45, f32::MAX];
    let longs = || vec![i64::MIN, -1, 0, (1 << 53) + 1, i64::MAX];
    let times = || {
        longs()
            .into_iter()
            .map(|time| FileTime::new(time.cast_unsigned()))
            .collect()
    };
    let uuids = || {
        vec![
            Uuid::nil(),
            Uuid::from_u128(0x0123_4567_89AB_CDEF_0123_4567_89AB_CDEF),
        ]
    };
    Some(match property_type {
        PropertyType::I2 => PropertyValue::I2(i16::MIN),
        PropertyType::Long => PropertyValue::Long(i32::MIN),
        PropertyType::Float => PropertyValue::Float(0.1),
        PropertyType::Double => PropertyValue::Double(-0.0),
        PropertyType::Currency => PropertyValue::Currency(Currency(i64::MAX)),
        PropertyType::AppTime => PropertyValue::AppTime(AppTime(45_678.123_456_789)),
        PropertyType::Boolean => PropertyValue::Boolean(true),
        PropertyType::I8 => PropertyValue::I8((1 << 53) + 1),
        PropertyType::String8 => PropertyValue::String8(String8((0..=255).collect())),
        PropertyType::Unicode => PropertyValue::Unicode("Čeda \0 \u{1F600} \u{2028}".to_owned()),
        PropertyType::SysTime => PropertyValue::SysTime(FileTime::new(131_862_110_580_004_567)),
        PropertyType::Clsid => PropertyValue::Clsid(Uuid::from_u128(7)),
        PropertyType::Binary => PropertyValue::Binary((0..=255).rev().collect()),
        PropertyType::MvI2 => PropertyValue::MvI2(vec![i16::MIN, 0, i16::MAX]),
        PropertyType::MvLong => PropertyValue::MvLong(vec![i32::MIN, 0, i32::MAX]),
        PropertyType::MvFloat => PropertyValue::MvFloat(floats()),
        PropertyType::MvDouble => PropertyValue::MvDouble(doubles()),
        PropertyType::MvCurrency => {
            PropertyValue::MvCurrency(longs().into_iter().map(Currency).collect())
        }
        PropertyType::MvAppTime => {
            PropertyValue::MvAppTime(doubles().into_iter().map(AppTime).collect())
        }
        PropertyType::MvI8 => PropertyValue::MvI8(longs()),
        PropertyType::MvString8 => PropertyValue::MvString8(bytes()),
        PropertyType::MvUnicode => PropertyValue::MvUnicode(texts()),
        PropertyType::MvSysTime => PropertyValue::MvSysTime(times()),
        PropertyType::MvClsid => PropertyValue::MvClsid(uuids()),
        PropertyType::MvBinary => PropertyValue::MvBinary(vec![Vec::new(), (0..=255).collect()]),
        PropertyType::Object => return None,
    })
}

/// A property of each type, of those types that may be streams also a large one, and one beyond a turn's worth.
pub(crate) fn one_of_each_type() -> Vec<(PropertyTag, PropertyValue)> {
    let mut samples = Vec::new();
    let tag = |id: u32, kind: PropertyType| PropertyTag::new(id << 16 | u32::from(kind.code()));
    for (id, property_type) in (0x6801_u32..).zip(PropertyType::ALL) {
        samples.extend(of_type(*property_type).map(|value| (tag(id, *property_type), value)));
    }
    for (id, size) in [
        (0x6601, 4_095),
        (0x6611, 4_096),
        (0x6621, 300_000),
        (0x6631, 1_500_000),
    ] {
        let blob = Blob::new(u64::from(id), size);
        samples.extend([
            (
                tag(id, PropertyType::Unicode),
                PropertyValue::Unicode(blob.text()),
            ),
            (
                tag(id + 1, PropertyType::String8),
                PropertyValue::String8(String8(blob.bytes())),
            ),
            (
                tag(id + 2, PropertyType::Binary),
                PropertyValue::Binary(blob.bytes()),
            ),
        ]);
    }
    samples
}
