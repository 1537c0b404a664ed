//! Properties copied and moved between folders, permanent at once.

use mapistore::{
    CopyFlags, Folder, MapiCode, PropertyName, PropertyTag, PropertyType, PropertyValue,
    SpecialFolder, Store, pr, property_sets,
};

use crate::support::{TestStore, code_of};

const COMMENT: PropertyTag = PropertyTag::new(0x3004_001F);

fn folders(store: &Store) -> (Folder, Folder) {
    let inbox = store.special_folder(SpecialFolder::Inbox).unwrap();
    let (one, other) = (
        inbox.create_folder("one").unwrap(),
        inbox.create_folder("other").unwrap(),
    );
    one.set_value(COMMENT, "comment".into()).unwrap();
    one.set_value(pr::CONTAINER_CLASS.tag(), "IPF.Note".into())
        .unwrap();
    (one, other)
}

fn read_anew(test: &TestStore, folder: &Folder, tag: PropertyTag) -> Option<PropertyValue> {
    let store = Store::options().open(test.store.path()).unwrap();
    let folder = store.open_folder(&folder.entry_id()).unwrap();
    folder.get_value(tag).unwrap()
}

#[test]
fn copy_between_folders_is_permanent_at_once() {
    // OXCPRPT-R849/R5070507, OXCPRPT-R500
    let test = TestStore::new();
    let (one, other) = folders(&test.store);
    let problems = one
        .copy_properties(&other, &[COMMENT, pr::BODY.tag()], CopyFlags::empty())
        .unwrap();
    assert_eq!(problems.len(), 1);
    assert_eq!(
        (problems[0].index, problems[0].error.code()),
        (1, MapiCode::MAPI_E_NOT_FOUND)
    );
    assert_eq!(read_anew(&test, &other, COMMENT), Some("comment".into()));
    let class = pr::CONTAINER_CLASS.tag();
    assert_eq!(read_anew(&test, &other, class), None);
    assert_eq!(read_anew(&test, &one, COMMENT), Some("comment".into()));
}

#[test]
fn copy_of_all_reports_what_the_store_computes_and_gives_the_rest() {
    // OXCPRPT-R5070501/R191, OXCPRPT-R50006/R19301
    let test = TestStore::new();
    let (one, other) = folders(&test.store);
    let exclude = [pr::DISPLAY_NAME.tag(), COMMENT];
    let problems = one.copy_to(&other, &exclude, CopyFlags::empty()).unwrap();
    assert!(!problems.is_empty());
    for problem in problems {
        assert_eq!(
            problem.error.code(),
            MapiCode::MAPI_E_COMPUTED,
            "{problem:?}"
        );
    }
    let class = pr::CONTAINER_CLASS.tag();
    assert_eq!(read_anew(&test, &other, class), Some("IPF.Note".into()));
    assert_eq!(read_anew(&test, &other, COMMENT), None);
    assert_eq!(other.info().unwrap().name, "other");
    // The name goes along unless it is excluded, and two of one name cannot stand beside each other.
    let problems = one.copy_properties(&other, &[pr::DISPLAY_NAME.tag()], CopyFlags::empty());
    assert_eq!(
        problems.unwrap()[0].error.code(),
        MapiCode::MAPI_E_COLLISION
    );
}

#[test]
fn move_between_folders_takes_from_the_source_what_the_other_got() {
    // OXCPRPT-R185/R501, OXCPRPT-R624/R625
    let test = TestStore::new();
    let (one, other) = folders(&test.store);
    other.set_value(COMMENT, "kept".into()).unwrap();
    let tags = [COMMENT, pr::CONTAINER_CLASS.tag()];
    one.copy_properties(&other, &tags, CopyFlags::MAPI_NOREPLACE)
        .unwrap();
    assert_eq!(read_anew(&test, &other, COMMENT), Some("kept".into()));
    let problems = one
        .copy_properties(&other, &tags, CopyFlags::MAPI_MOVE)
        .unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(read_anew(&test, &other, COMMENT), Some("comment".into()));
    assert_eq!(tags.map(|tag| read_anew(&test, &one, tag)), [None, None]);
}

#[test]
fn folder_is_not_copied_onto_itself_nor_with_flags_that_mean_nothing() {
    // MAPI-CopyTo-3, OXCPRPT-R880/R5070505, OXCPRPT-R18401/R86501
    let test = TestStore::new();
    let (one, other) = folders(&test.store);
    let itself = test.store.open_folder(&one.entry_id()).unwrap();
    assert_eq!(
        code_of(one.copy_to(&itself, &[], CopyFlags::empty())),
        MapiCode::MAPI_E_NO_ACCESS
    );
    for flags in [CopyFlags::all(), CopyFlags::from_bits_retain(0x10)] {
        assert_eq!(
            code_of(one.copy_to(&other, &[], flags)),
            MapiCode::MAPI_E_INVALID_PARAMETER
        );
    }
    other.delete().unwrap();
    assert_eq!(
        code_of(one.copy_properties(&other, &[COMMENT], CopyFlags::MAPI_MOVE)),
        MapiCode::MAPI_E_OBJECT_DELETED
    );
    assert_eq!(read_anew(&test, &one, COMMENT), Some("comment".into()));
}

#[test]
fn named_properties_of_a_folder_keep_their_names_in_another_store() {
    // OXCPRPT-R500
    let (test, foreign) = (TestStore::new(), TestStore::new());
    let (one, _) = folders(&test.store);
    let name = |text: &str| PropertyName::text(property_sets::PS_PUBLIC_STRINGS, text).unwrap();
    // Another name has the number there.
    foreign
        .store
        .named_tag(&name("Other"), PropertyType::Unicode)
        .unwrap();
    let tag = test
        .store
        .named_tag(&name("Keywords"), PropertyType::Unicode)
        .unwrap();
    one.set_value(tag, "red".into()).unwrap();
    let inbox = foreign.store.special_folder(SpecialFolder::Inbox).unwrap();
    let problems = one
        .copy_properties(&inbox, &[tag], CopyFlags::empty())
        .unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    let there = foreign
        .store
        .named_tag(&name("Keywords"), PropertyType::Unicode)
        .unwrap();
    assert_ne!(there, tag);
    assert_eq!(inbox.get_value(there).unwrap(), Some("red".into()));
}

#[test]
fn value_that_was_set_meanwhile_is_not_taken_by_a_move() {
    // OXCPRPT-R185/R501
    let test = TestStore::new();
    let (one, other) = folders(&test.store);
    let rounds = 40;
    let writer = {
        let folder = one.clone();
        std::thread::spawn(move || {
            for round in 0..rounds {
                let value = format!("{round}");
                folder.set_value(COMMENT, value.as_str().into()).unwrap();
            }
        })
    };
    while !writer.is_finished() {
        one.copy_properties(&other, &[COMMENT], CopyFlags::MAPI_MOVE)
            .unwrap();
    }
    writer.join().unwrap();
    let last = Some(PropertyValue::from((rounds - 1).to_string().as_str()));
    let places = [&one, &other].map(|folder| folder.get_value(COMMENT).unwrap());
    assert!(places.contains(&last), "{places:?}");
}

#[test]
fn move_from_a_store_that_is_open_for_reading_copies_nothing() {
    // OXCPRPT-R185/R501, O3
    let (test, target) = (TestStore::new(), TestStore::new());
    let (one, _) = folders(&test.store);
    let reading = Store::options()
        .read_only()
        .open(test.store.path())
        .unwrap();
    let one = reading.open_folder(&one.entry_id()).unwrap();
    let inbox = target.store.special_folder(SpecialFolder::Inbox).unwrap();
    let refused = one.copy_properties(&inbox, &[COMMENT], CopyFlags::MAPI_MOVE);
    assert_eq!(code_of(refused), MapiCode::MAPI_E_NO_ACCESS);
    assert_eq!(inbox.get_value(COMMENT).unwrap(), None);
}
