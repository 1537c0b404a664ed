//! Lists of properties: one answer for each tag, and a list of what failed.

use mapistore::{
    Access, Error, MapiCode, MapiProp, Message, PropertyProblem, PropertyTag, PropertyType,
    PropertyValue, SaveFlags, pr,
};

use crate::support::{Blob, TestStore, code_of, of_type, view};

const SUBJECT: PropertyTag = pr::SUBJECT.tag();
const BODY: PropertyTag = pr::BODY.tag();

fn with_type(tag: PropertyTag, property_type: PropertyType) -> PropertyTag {
    PropertyTag::from_parts(tag.id(), property_type)
}

fn unspecified(tag: PropertyTag) -> PropertyTag {
    PropertyTag::new(tag.value() & 0xFFFF_0000)
}

fn text(text: &str) -> PropertyValue {
    text.into()
}

/// Each problem as its place, tag and code.
fn shown(problems: &[PropertyProblem]) -> Vec<(usize, PropertyTag, MapiCode)> {
    problems
        .iter()
        .map(|problem| (problem.index, problem.tag, problem.error.code()))
        .collect()
}

#[test]
fn each_slot_answers_its_tag_failed_and_repeated_ones_included() {
    // OXCPRPT-R457/R45701, MAPI-GetProps-1, MAPI-Errors-1, MAPI-Errors-3
    let test = TestStore::new();
    let mut message = test.new_draft();
    message.set(pr::SUBJECT, "Figures").unwrap();
    let tags = [
        pr::DISPLAY_TO.tag(),
        BODY,
        SUBJECT,
        pr::MESSAGE_CLASS.tag(),
        BODY,
        SUBJECT,
    ];
    let slots = message.get_values(&tags).unwrap();
    assert_eq!(slots.len(), tags.len());
    for (asked, slot) in tags.iter().zip(slots) {
        match slot {
            Ok((tag, value)) => {
                assert_eq!(tag, *asked);
                assert_eq!(message.get_value(tag).unwrap(), Some(value));
            }
            Err(error) => {
                assert_eq!(*asked, BODY);
                assert_eq!(error.code(), MapiCode::MAPI_E_NOT_FOUND);
            }
        }
    }
    assert_eq!(message.get_values(&[]).unwrap().len(), 0);
}

#[test]
fn unspecified_type_is_answered_with_the_type_that_is_there() {
    // OXCDATA-R2720
    let test = TestStore::new();
    let mut message = test.new_draft();
    for &property_type in PropertyType::ALL {
        let Some(value) = of_type(property_type) else {
            continue;
        };
        let tag = PropertyTag::new(0x6601_0000 | u32::from(property_type.code()));
        message.set_value(tag, value.clone()).unwrap();
        let mut slots = message.get_values(&[unspecified(tag)]).unwrap();
        assert_eq!(slots.remove(0).unwrap(), (tag, value), "{property_type}");
    }
    let nothing = message.get_values(&[unspecified(BODY)]).unwrap();
    assert_eq!(
        nothing[0].as_ref().unwrap_err().code(),
        MapiCode::MAPI_E_NOT_FOUND
    );
    let computed = message
        .get_values(&[unspecified(pr::ACCESS_LEVEL.tag())])
        .unwrap();
    assert_eq!(computed[0].as_ref().unwrap().0, pr::ACCESS_LEVEL.tag());
    // It is a question, and never a type to store.
    let set = message.set_value(unspecified(SUBJECT), text("x"));
    assert_eq!(code_of(set), MapiCode::MAPI_E_INVALID_PARAMETER);
    assert!(
        message
            .properties()
            .unwrap()
            .iter()
            .all(|(tag, _)| tag.property_type().is_some())
    );
}

#[test]
fn named_type_is_answered_with_precisely_this_type_or_an_error() {
    // OXCPRPT-R460
    let test = TestStore::new();
    let mut message = test.new_draft();
    message.set(pr::SUBJECT, "wide").unwrap();
    let narrow = with_type(BODY, PropertyType::String8);
    message
        .set_value(narrow, of_type(PropertyType::String8).unwrap())
        .unwrap();
    let many = PropertyTag::new(0x6601_101F);
    message
        .set_value(many, of_type(PropertyType::MvUnicode).unwrap())
        .unwrap();
    let code = |tag: PropertyTag| match message.get_values(&[tag]).unwrap().remove(0) {
        Ok((found, value)) => {
            assert_eq!(found, tag);
            assert_eq!(tag.property_type(), Some(value.property_type()));
            None
        }
        Err(error) => Some(error.code()),
    };
    assert_eq!(code(SUBJECT), None);
    assert_eq!(code(narrow), None);
    let bad_width = Some(MapiCode::MAPI_E_BAD_CHARWIDTH);
    assert_eq!(code(with_type(SUBJECT, PropertyType::String8)), bad_width);
    assert_eq!(code(BODY), bad_width);
    assert_eq!(code(with_type(many, PropertyType::MvString8)), bad_width);
    let not_found = Some(MapiCode::MAPI_E_NOT_FOUND);
    assert_eq!(code(with_type(SUBJECT, PropertyType::Long)), not_found);
    assert_eq!(code(with_type(SUBJECT, PropertyType::MvUnicode)), not_found);
    assert_eq!(
        code(PropertyTag::new(SUBJECT.value() & 0xFFFF_0000 | 0x000A)),
        not_found
    );
    // The two sizes share an id, and each is had by its own type.
    assert_eq!(code(pr::MESSAGE_SIZE.tag()), None);
    assert_eq!(code(pr::MESSAGE_SIZE_EXTENDED.tag()), None);
    assert_eq!(
        code(pr::MESSAGE_RECIPIENTS),
        Some(MapiCode::MAPI_E_NO_SUPPORT)
    );
}

#[test]
fn large_value_is_returned_whole_in_its_slot() {
    // MAPI-GetProps-5
    let test = TestStore::new();
    let mut message = test.new_draft();
    let blob = Blob::new(1, 2_000_000);
    message.set_stream(pr::HTML.tag(), blob.reader()).unwrap();
    let slots = message.get_values(&[pr::HTML.tag()]).unwrap();
    assert!(slots[0].as_ref().unwrap().1 == PropertyValue::Binary(blob.bytes()));
    assert_eq!(
        message.open_stream(pr::HTML.tag()).unwrap().size(),
        2_000_000
    );
}

#[test]
fn write_sets_every_listed_property_and_creates_those_that_were_missing() {
    // OXCPRPT-R475
    let test = TestStore::new();
    let id = test.draft("before");
    let mut message = test.store.open_message(&id, Access::Modify).unwrap();
    let values: Vec<(PropertyTag, PropertyValue)> = crate::support::one_of_each_type();
    assert_eq!(shown(&message.set_values(&values).unwrap()), []);
    let subject = [(SUBJECT, text("after"))];
    assert_eq!(shown(&message.set_values(&subject).unwrap()), []);
    let tags: Vec<PropertyTag> = values.iter().map(|(tag, _)| *tag).collect();
    let slots = message.get_values(&tags).unwrap();
    for (value, slot) in values.iter().zip(slots) {
        assert!(slot.unwrap() == *value, "{}", value.0);
    }
    assert_eq!(message.get(pr::SUBJECT).unwrap().as_deref(), Some("after"));
}

#[test]
fn properties_that_cannot_be_set_are_listed_and_the_rest_is_set() {
    // OXCPRPT-R47505, OXCDATA-R46/R48/R50, MAPI-Errors-1
    let test = TestStore::new();
    let mut message = test.new_draft();
    let error_type = PropertyTag::new(0x6601_000A);
    let too_big = "x".repeat(17 * 1024 * 1024);
    let problems = message
        .set_values(&[
            (pr::MESSAGE_SIZE.tag(), 7.into()),
            (SUBJECT, text("Figures")),
            (pr::IMPORTANCE.tag(), text("high")),
            (error_type, 1.into()),
            (pr::SENDER_NAME.tag(), text(&too_big)),
            (BODY, text("Body")),
        ])
        .unwrap();
    assert_eq!(
        shown(&problems),
        [
            (0, pr::MESSAGE_SIZE.tag(), MapiCode::MAPI_E_COMPUTED),
            (2, pr::IMPORTANCE.tag(), MapiCode::MAPI_E_UNEXPECTED_TYPE),
            (3, error_type, MapiCode::MAPI_E_INVALID_PARAMETER),
            (4, pr::SENDER_NAME.tag(), MapiCode::MAPI_E_TOO_BIG),
        ]
    );
    assert_eq!(
        message.get(pr::SUBJECT).unwrap().as_deref(),
        Some("Figures")
    );
    assert_eq!(message.get(pr::BODY).unwrap().as_deref(), Some("Body"));
    assert_eq!(message.get(pr::SENDER_NAME).unwrap(), None);
}

#[test]
fn write_with_an_object_or_without_a_value_is_refused_as_a_whole() {
    // MAPI-SetProps-2
    let test = TestStore::new();
    let mut message = test.new_draft();
    let before = view(&message).unwrap();
    for bad in [
        (pr::MESSAGE_RECIPIENTS, 1.into()),
        (pr::ATTACH_DATA_OBJ, PropertyValue::Binary(vec![1])),
        (
            PropertyTag::new(0x6601_1003),
            PropertyValue::MvLong(Vec::new()),
        ),
        (
            PropertyTag::new(0x6601_101F),
            PropertyValue::MvUnicode(Vec::new()),
        ),
    ] {
        let list = [(SUBJECT, text("x")), bad, (BODY, text("y"))];
        let code = code_of(message.set_values(&list));
        assert_eq!(code, MapiCode::MAPI_E_INVALID_PARAMETER);
        assert_eq!(view(&message).unwrap(), before);
    }
}

#[test]
fn properties_that_cannot_be_deleted_are_listed_and_the_rest_is_deleted() {
    // OXCPRPT-R48405, OXCDATA-R46/R48/R50, OXCPRPT-R485/R874
    let test = TestStore::new();
    let mut message = test.new_draft();
    message.set(pr::SUBJECT, "Figures").unwrap();
    message.set(pr::BODY, "Body").unwrap();
    let problems = message
        .delete_properties(&[
            SUBJECT,
            pr::CHANGE_KEY.tag(),
            pr::SENDER_NAME.tag(),
            pr::MESSAGE_ATTACHMENTS,
            unspecified(BODY),
        ])
        .unwrap();
    assert_eq!(
        shown(&problems),
        [
            (1, pr::CHANGE_KEY.tag(), MapiCode::MAPI_E_COMPUTED),
            (3, pr::MESSAGE_ATTACHMENTS, MapiCode::MAPI_E_COMPUTED),
        ]
    );
    for slot in message.get_values(&[SUBJECT, BODY]).unwrap() {
        assert_eq!(slot.unwrap_err().code(), MapiCode::MAPI_E_NOT_FOUND);
    }
}

#[test]
fn lists_are_refused_as_a_whole_through_a_read_only_or_closed_handle() {
    // MAPI-DeleteProps-2, OXCMSG-R661/R663, O3, S7
    let test = TestStore::new();
    let id = test.draft("Figures");
    let mut read_only = test.store.open_message(&id, Access::ReadOnly).unwrap();
    let mut closed = test.store.open_message(&id, Access::Modify).unwrap();
    closed.save_changes(SaveFlags::empty()).unwrap();
    let codes = |message: &mut Message| {
        [
            code_of(message.set_values(&[(SUBJECT, text("x"))])),
            code_of(message.set_values(&[])),
            code_of(message.delete_properties(&[SUBJECT])),
            code_of(message.delete_properties(&[])),
        ]
    };
    assert_eq!(codes(&mut read_only), [MapiCode::MAPI_E_NO_ACCESS; 4]);
    assert_eq!(codes(&mut closed), [MapiCode::MAPI_E_INVALID_OBJECT; 4]);
    let kept = read_only.get_values(&[SUBJECT]).unwrap();
    assert_eq!(kept[0].as_ref().unwrap().1, text("Figures"));
    assert_eq!(
        code_of(closed.get_values(&[SUBJECT])),
        MapiCode::MAPI_E_INVALID_OBJECT
    );
    assert_eq!(
        code_of(closed.property_list()),
        MapiCode::MAPI_E_INVALID_OBJECT
    );
}

#[test]
fn list_of_properties_follows_pending_changes_and_names_the_tables() {
    // OXCPRPT-R472/R10001, OXCPRPT-R471/R78, OXCPRPT-R487/R489
    let test = TestStore::new();
    let id = test.draft("Figures");
    let mut message = test.store.open_message(&id, Access::Modify).unwrap();
    let own = PropertyTag::new(0x6601_0003);
    let listed = |message: &Message| message.property_list().unwrap();
    assert!(!listed(&message).contains(&own));
    message.set_value(own, 7.into()).unwrap();
    assert!(listed(&message).contains(&own));
    assert!(listed(&message).contains(&pr::MESSAGE_RECIPIENTS));
    assert!(listed(&message).contains(&pr::MESSAGE_ATTACHMENTS));
    assert!(listed(&message).is_sorted());
    // Every listed property has a value, and every value is listed, but for the tables, which are objects.
    let with_values: Vec<PropertyTag> = message
        .properties()
        .unwrap()
        .into_iter()
        .map(|(tag, _)| tag)
        .collect();
    for tag in listed(&message) {
        let value = message.get_value(tag).unwrap();
        let is_table = [pr::MESSAGE_RECIPIENTS, pr::MESSAGE_ATTACHMENTS].contains(&tag);
        assert_eq!(value.is_some(), !is_table, "{tag}");
        assert_eq!(with_values.contains(&tag), !is_table, "{tag}");
    }
    message.delete_property(own).unwrap();
    message.delete_property(SUBJECT).unwrap();
    assert!(!listed(&message).contains(&own));
    assert!(!listed(&message).contains(&SUBJECT));
    // Nothing of this was saved.
    let stored = test.store.open_message(&id, Access::ReadOnly).unwrap();
    assert!(listed(&stored).contains(&SUBJECT));
    assert!(matches!(stored.get_value(own), Ok(None)));
}

#[test]
fn bad_width_says_which_text_there_is() {
    // OXCPRPT-R460
    let test = TestStore::new();
    let mut message = test.new_draft();
    message.set(pr::SUBJECT, "wide").unwrap();
    let narrow = with_type(SUBJECT, PropertyType::String8);
    let error = message
        .get_values(&[narrow])
        .unwrap()
        .remove(0)
        .unwrap_err();
    assert!(
        matches!(error, Error::BadCharWidth { tag, stored } if tag == narrow && stored == SUBJECT)
    );
}
