//! Values of every type come back as they were set.

use std::io::{Read, Seek, SeekFrom};

use mapistore::{
    Access, AppTime, Currency, FileTime, MapiCode, PropertyKind, PropertyTag, PropertyType,
    PropertyValue, SaveFlags, String8, Tag, pr,
};
use proptest::prelude::*;
use uuid::Uuid;

use crate::support::{
    Blob, Command, KEEP, Scene, TestStore, Wanted, code_of, of_type, one_of_each_type, two_clients,
    view,
};

two_clients!(
    values_of_every_type_are_read_by_another_client,
    other_clients_read_what_we_set
);

fn values_of_every_type_are_read_by_another_client(scene: &Scene) {
    // MAPI-Types-1, MAPI-Types-2, O2, S9, MAPI-Storing-1
    let new = scene.ana.create("Drafts");
    scene.ana.call::<()>(Command::SetSamples(new)).unwrap();
    let id = scene.ana.save(new, KEEP).unwrap().entry_id;
    let message = scene
        .store
        .open_message(&id.parse().unwrap(), Access::ReadOnly)
        .unwrap();
    let samples = one_of_each_type();
    assert!(samples.len() > PropertyType::ALL.len());
    for (tag, value) in samples {
        let read = message.get_value(tag).unwrap();
        assert!(read.as_ref() == Some(&value), "{tag} is {read:?}");
    }
    scene.check();
}

fn other_clients_read_what_we_set(scene: &Scene) {
    // O2, S9, MAPI-Storing-1
    let drafts = scene.store.folder_by_path("Drafts").unwrap();
    let mut new = drafts.create_message().unwrap();
    for (tag, value) in one_of_each_type() {
        new.set_value(tag, value).unwrap();
    }
    let pending = view(&new).unwrap();
    let id = new
        .save_changes(SaveFlags::empty())
        .unwrap()
        .entry_id
        .to_string();
    let handle = scene.ben.open(&id, Wanted::ReadOnly);
    assert_eq!(scene.ben.view(handle).content, pending.content);
}

/// Sets, saves, opens again and gets, by a tag that knows its type.
fn comes_back<T: PropertyKind + Clone + PartialEq + std::fmt::Debug>(tag: Tag<T>, value: T) {
    let test = TestStore::new();
    let mut message = test.new_draft();
    message.set(tag, value.clone()).unwrap();
    assert_eq!(message.get(tag).unwrap().as_ref(), Some(&value));
    let id = message.save_changes(SaveFlags::empty()).unwrap().entry_id;
    let again = test.store.open_message(&id, Access::ReadOnly).unwrap();
    assert_eq!(again.get(tag).unwrap(), Some(value));
}

#[test]
fn typed_tags_give_back_their_rust_types() {
    comes_back(Tag::<i16>::new(0x6601_0002), -7);
    comes_back(pr::IMPORTANCE, 2);
    comes_back(Tag::<f32>::new(0x6601_0004), 0.1);
    comes_back(Tag::<f64>::new(0x6601_0005), 1e300);
    comes_back(Tag::<Currency>::new(0x6601_0006), Currency(12_345));
    comes_back(Tag::<AppTime>::new(0x6601_0007), AppTime(0.5));
    comes_back(pr::READ_RECEIPT_REQUESTED, true);
    comes_back(Tag::<i64>::new(0x6601_0014), i64::MIN);
    comes_back(Tag::<String8>::new(0x6601_001E), String8(vec![0, 128, 255]));
    comes_back(pr::SUBJECT, "S\0ubject".to_owned());
    comes_back(pr::CLIENT_SUBMIT_TIME, FileTime::new(u64::MAX));
    comes_back(Tag::<Uuid>::new(0x6601_0048), Uuid::from_u128(9));
    comes_back(pr::HTML, vec![0, 159, 146, 150]);
    let several = Tag::<Vec<Vec<u8>>>::new(0x6601_1102);
    comes_back(several, vec![vec![1, 2], Vec::new()]);
}

#[test]
fn extreme_negative_and_empty_values_come_back() {
    // MAPI-Types-1
    for number in [i16::MIN, -1, 0, i16::MAX] {
        comes_back(Tag::<i16>::new(0x6601_0002), number);
    }
    for number in [i32::MIN, -1, 0, i32::MAX] {
        comes_back(Tag::<i32>::new(0x6601_0003), number);
    }
    for number in [f32::MIN, -0.0, f32::MIN_POSITIVE, 1e-45, f32::INFINITY] {
        comes_back(Tag::<f32>::new(0x6601_0004), number);
    }
    for number in [f64::MIN, -0.0, f64::MIN_POSITIVE, 5e-324, f64::NEG_INFINITY] {
        comes_back(Tag::<f64>::new(0x6601_0005), number);
        comes_back(Tag::<AppTime>::new(0x6601_0007), AppTime(number));
    }
    for number in [i64::MIN, -1, 0, i64::MAX] {
        comes_back(Tag::<i64>::new(0x6601_0014), number);
        comes_back(Tag::<Currency>::new(0x6601_0006), Currency(number));
    }
    for truth in [false, true] {
        comes_back(Tag::<bool>::new(0x6601_000B), truth);
    }
    comes_back(Tag::<String8>::new(0x6601_001E), String8(Vec::new()));
    comes_back(Tag::<String>::new(0x6601_001F), String::new());
    comes_back(Tag::<Vec<u8>>::new(0x6601_0102), Vec::new());
    comes_back(Tag::<FileTime>::new(0x6601_0040), FileTime::new(0));
    comes_back(Tag::<Uuid>::new(0x6601_0048), Uuid::nil());
    comes_back(Tag::<Uuid>::new(0x6601_0048), Uuid::max());
}

#[test]
fn many_values_keep_their_number_and_order_repeated_ones_too() {
    // MAPI-Types-2
    comes_back(Tag::<Vec<i16>>::new(0x6601_1002), vec![3, 1, 3, 3]);
    comes_back(Tag::<Vec<i32>>::new(0x6601_1003), vec![1; 5]);
    comes_back(Tag::<Vec<i64>>::new(0x6601_1014), vec![-1, i64::MAX, -1]);
    let texts = ["b", "a", "", "b"].map(str::to_owned).to_vec();
    comes_back(Tag::<Vec<String>>::new(0x6601_101F), texts);
    comes_back(
        Tag::<Vec<Vec<u8>>>::new(0x6601_1102),
        vec![vec![1], vec![], vec![1]],
    );
    for &single in PropertyType::ALL {
        let many = PropertyType::from_code(single.code() | 0x1000);
        let has_none = [PropertyType::Boolean, PropertyType::Object].contains(&single);
        assert_eq!(many.is_none(), has_none, "{single}");
    }
}

#[test]
fn time_keeps_its_hundred_nanoseconds() {
    // OXCDATA-R2702
    for count in [
        1,
        131_862_110_580_004_567,
        i64::MAX.cast_unsigned(),
        u64::MAX,
    ] {
        comes_back(pr::CLIENT_SUBMIT_TIME, FileTime::new(count));
    }
    let times = vec![FileTime::new(3), FileTime::new(1), FileTime::new(3)];
    comes_back(Tag::<Vec<FileTime>>::new(0x6601_1040), times);
    let epoch = FileTime::from_unix_100ns(1);
    assert_eq!(epoch.get(), 116_444_736_000_000_001, "since 1 January 1601");
}

#[test]
fn value_of_another_type_is_refused() {
    // MAPI-Types-2, OXCDATA-R2720
    let test = TestStore::new();
    let mut message = test.new_draft();
    let before = view(&message).unwrap();
    for &of_tag in PropertyType::ALL {
        for &of_value in PropertyType::ALL {
            let tag = PropertyTag::new(0x6601_0000 | u32::from(of_tag.code()));
            let Some(value) = of_type(of_value) else {
                continue;
            };
            let expected = match of_tag {
                PropertyType::Object => MapiCode::MAPI_E_INVALID_PARAMETER,
                _ if of_tag == of_value => continue,
                _ => MapiCode::MAPI_E_UNEXPECTED_TYPE,
            };
            assert_eq!(
                code_of(message.set_value(tag, value)),
                expected,
                "{tag} {of_value}"
            );
        }
    }
    for unknown in [0x6601_000A, 0x6601_0000, 0x6601_0001, 0x6601_FFFF] {
        let set = message.set_value(PropertyTag::new(unknown), PropertyValue::Long(1));
        assert_eq!(
            code_of(set),
            MapiCode::MAPI_E_INVALID_PARAMETER,
            "{unknown:X}"
        );
    }
    let none = PropertyValue::MvLong(Vec::new());
    let set = message.set_value(PropertyTag::new(0x6601_1003), none);
    assert_eq!(
        code_of(set),
        MapiCode::MAPI_E_INVALID_PARAMETER,
        "many values are at least one"
    );
    assert_eq!(view(&message).unwrap(), before);
}

#[test]
fn property_id_has_one_value_whatever_its_type() {
    let test = TestStore::new();
    let mut message = test.new_draft();
    let subject_8 = PropertyTag::from_parts(pr::SUBJECT.tag().id(), PropertyType::String8);
    message.set(pr::SUBJECT, "wide").unwrap();
    message
        .set_value(subject_8, PropertyValue::String8("narrow".into()))
        .unwrap();
    assert_eq!(message.get(pr::SUBJECT).unwrap(), None);
    let id = message.save_changes(SaveFlags::empty()).unwrap().entry_id;
    let mut message = test.store.open_message(&id, Access::Modify).unwrap();
    assert_eq!(message.get(pr::SUBJECT).unwrap(), None);
    assert!(message.get_value(subject_8).unwrap().is_some());
    // Deleting goes by the id, too.
    message.delete_property(pr::SUBJECT.tag()).unwrap();
    assert_eq!(message.get_value(subject_8).unwrap(), None);
}

#[test]
fn streams_are_for_text_and_bytes_only() {
    let test = TestStore::new();
    let mut message = test.new_draft();
    let no_support = MapiCode::MAPI_E_NO_SUPPORT;
    let set = message.set_stream(pr::IMPORTANCE.tag(), &b"1"[..]);
    assert_eq!(code_of(set), no_support);
    message.set(pr::IMPORTANCE, 1).unwrap();
    assert_eq!(
        code_of(message.open_stream(pr::IMPORTANCE.tag())),
        no_support
    );
    assert_eq!(
        code_of(message.open_stream(pr::BODY.tag())),
        MapiCode::MAPI_E_NOT_FOUND
    );
    for bytes in [
        b"\xFF".to_vec(),
        [vec![b'x'; 2_000_000], vec![0xC3]].concat(),
    ] {
        let set = message.set_stream(pr::BODY.tag(), &bytes[..]);
        assert_eq!(code_of(set), MapiCode::MAPI_E_INVALID_PARAMETER, "no UTF-8");
        assert_eq!(message.get(pr::BODY).unwrap(), None);
        message.set_stream(pr::HTML.tag(), &bytes[..]).unwrap();
        assert!(message.get(pr::HTML).unwrap() == Some(bytes));
    }
    // A character that is cut by the end of a piece is none the worse for it.
    let text = format!("x{}", "é".repeat(1_500_000));
    message.set_stream(pr::BODY.tag(), text.as_bytes()).unwrap();
    assert!(message.get(pr::BODY).unwrap() == Some(text));
}

/// A reader that fails after some bytes.
struct Failing(u64);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.0 == 0 {
            return Err(std::io::Error::other("unplugged"));
        }
        let count = buffer.len().min(usize::try_from(self.0).unwrap());
        self.0 -= count as u64;
        buffer[..count].fill(b'x');
        Ok(count)
    }
}

#[test]
fn reader_that_fails_leaves_the_handle_as_it_was() {
    // S15, S14
    let test = TestStore::new();
    let mut message = test.new_draft();
    message.set(pr::BODY, "before").unwrap();
    message.attach("before", &b"before"[..]).unwrap();
    let before = view(&message).unwrap();
    for bytes in [0, 100, 3_000_000] {
        let set = message.set_stream(pr::BODY.tag(), Failing(bytes));
        assert_eq!(code_of(set), MapiCode::MAPI_E_DISK_ERROR);
        let attached = message.attach("failing", Failing(bytes));
        assert_eq!(code_of(attached), MapiCode::MAPI_E_DISK_ERROR);
        assert_eq!(view(&message).unwrap(), before);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn stream_of_any_size_is_read_from_any_place(
        size in prop_oneof![0..10_000_u64, 4_090..4_102_u64, 131_065..131_080_u64, 1_048_570..1_048_582_u64, 2_000_000..3_000_000_u64],
        places in proptest::collection::vec(0.0..1.1_f64, 1..8),
        is_saved: bool,
    ) {
        // O2
        let test = TestStore::new();
        let mut message = test.new_draft();
        let blob = Blob::new(size, size);
        message.set_stream(pr::HTML.tag(), blob.reader()).unwrap();
        if is_saved {
            message.save_changes(SaveFlags::KEEP_OPEN_READWRITE).unwrap();
        }
        let mut stream = message.open_stream(pr::HTML.tag()).unwrap();
        prop_assert_eq!(stream.size(), size);
        for place in places {
            let from = (size as f64 * place) as u64;
            stream.seek(SeekFrom::Start(from)).unwrap();
            let (mut read, mut expected) = (Vec::new(), Vec::new());
            stream.by_ref().take(200_000).read_to_end(&mut read).unwrap();
            blob.reader().at(from).take(200_000).read_to_end(&mut expected).unwrap();
            prop_assert!(read == expected, "from {from} of {size}");
        }
    }
}
