//! Properties of folders and of the store: permanent at once, for all clients.

use std::time::Duration;

use mapistore::{
    Access, ChangeKind, ChangeNumber, FileTime, Folder, JournalEntry, MapiCode, MapiProp,
    ObjectUid, PropertyTag, PropertyType, PropertyValue, SaveFlags, SpecialFolder, Store, pr,
};

use crate::support::{Command, Place, Scene, TestStore, code_of, two_clients};

two_clients!(
    property_is_permanent_when_the_call_returns,
    deleted_property_is_gone_when_the_call_returns,
    clients_that_set_different_properties_both_keep_theirs,
    handles_of_messages_are_not_stale_after_a_change_of_their_folder,
);

fn places() -> [Place; 2] {
    [Place::Folder("Inbox".to_owned()), Place::Store]
}

fn property_is_permanent_when_the_call_returns(scene: &Scene) {
    // OXCPRPT-R846, OXCPRPT-R847, MAPI-SaveChanges-7
    for place in places() {
        assert_eq!(scene.ben.get_on(&place, pr::COMMENT), None);
        scene.ana.set_on(&place, pr::COMMENT, "first");
        assert_eq!(
            scene.ben.get_on(&place, pr::COMMENT).unwrap(),
            "Unicode(\"first\")"
        );
        scene.ben.set_on(&place, pr::COMMENT, "second");
        assert_eq!(
            scene.ana.get_on(&place, pr::COMMENT).unwrap(),
            "Unicode(\"second\")"
        );
    }
    let again = Store::options().open(scene.path()).unwrap();
    assert_eq!(again.get(pr::COMMENT).unwrap().as_deref(), Some("second"));
}

fn deleted_property_is_gone_when_the_call_returns(scene: &Scene) {
    // OXCPRPT-R492, OXCPRPT-R49201
    for place in places() {
        scene.ana.set_on(&place, pr::COMMENT, "first");
        scene.ben.delete_on(&place, pr::COMMENT);
        assert_eq!(scene.ana.get_on(&place, pr::COMMENT), None);
    }
    let again = Store::options().open(scene.path()).unwrap();
    let slots = again.get_values(&[pr::COMMENT.tag()]).unwrap();
    assert_eq!(
        slots[0].as_ref().unwrap_err().code(),
        MapiCode::MAPI_E_NOT_FOUND
    );
}

fn clients_that_set_different_properties_both_keep_theirs(scene: &Scene) {
    // OXCPRPT-R846, P1
    const ROUNDS: u32 = 30;
    scene.message("original");
    let before = scene.last_change();
    let tag = |id: u32| (0x6800 + id) << 16 | 3;
    for (number, place) in (0_u32..).zip(places()) {
        for (client, own) in [(&scene.ana, 0), (&scene.ben, 1)] {
            client.send(Command::SetOften(
                place.clone(),
                tag(2 * number + own),
                ROUNDS,
            ));
        }
        scene.ana.receive::<()>().unwrap();
        scene.ben.receive::<()>().unwrap();
        for own in [0, 1] {
            let found: Option<String> = scene
                .ana
                .call(Command::GetOn(place.clone(), tag(2 * number + own)))
                .unwrap();
            assert_eq!(found, Some(format!("Long({ROUNDS})")));
        }
    }
    assert_eq!(
        scene.last_change() - before,
        i64::from(4 * ROUNDS),
        "each change took a number, and none of them two"
    );
    scene.check();
}

fn handles_of_messages_are_not_stale_after_a_change_of_their_folder(scene: &Scene) {
    // MAPI-SaveChanges-7
    let id = scene.message("original");
    let handle = scene.ana.edit(&id, "mine");
    scene
        .ben
        .set_on(&Place::Folder("Drafts".to_owned()), pr::COMMENT, "another");
    assert!(!scene.ana.is_stale(handle));
    let saved = scene.ana.save(handle, SaveFlags::empty()).unwrap();
    assert_eq!(saved.row_version, 2);
}

fn inbox(store: &Store) -> Folder {
    store.special_folder(SpecialFolder::Inbox).unwrap()
}

fn value(object: &dyn MapiProp, tag: PropertyTag) -> PropertyValue {
    object
        .get_value(tag)
        .unwrap()
        .unwrap_or_else(|| panic!("{tag} is not there"))
}

fn journal_since(store: &Store, since: ChangeNumber) -> Vec<JournalEntry> {
    store.changes_after(since, 100).unwrap()
}

#[test]
fn every_type_survives_on_a_folder_and_on_the_store() {
    // OXCPRPT-R846
    let test = TestStore::new();
    let inbox = inbox(&test.store);
    let samples = crate::support::one_of_each_type();
    for (tag, sample) in samples.clone() {
        inbox.set_value(tag, sample.clone()).unwrap();
        test.store.set_value(tag, sample).unwrap();
    }
    let again = Store::options().open(test.store.path()).unwrap();
    for (tag, sample) in samples {
        let folder = again.open_folder(&inbox.entry_id()).unwrap();
        assert_eq!(
            folder.get_value(tag).unwrap().as_ref(),
            Some(&sample),
            "{tag}"
        );
        assert_eq!(again.get_value(tag).unwrap(), Some(sample), "{tag}");
    }
    test.assert_sound();
}

#[test]
fn folder_tells_who_and_where_it_is() {
    // MAPI-ParentEntryId-1
    let test = TestStore::new();
    let inbox = inbox(&test.store);
    let child = inbox.create_folder("2026").unwrap();
    let id = |folder: &Folder| PropertyValue::Binary(folder.entry_id().to_bytes().to_vec());
    assert_eq!(value(&child, pr::ENTRYID.tag()), id(&child));
    assert_eq!(value(&child, pr::PARENT_ENTRYID.tag()), id(&inbox));
    let root = test.store.special_folder(SpecialFolder::Root).unwrap();
    assert_eq!(
        value(&root, pr::PARENT_ENTRYID.tag()),
        id(&root),
        "the root is its own parent"
    );

    let store = PropertyValue::Binary(test.store.store_entry_id().to_bytes().to_vec());
    let mut message = child.create_message().unwrap();
    message
        .save_changes(SaveFlags::KEEP_OPEN_READWRITE)
        .unwrap();
    assert_eq!(value(&message, pr::PARENT_ENTRYID.tag()), id(&child));
    for object in [&message as &dyn MapiProp, &child, &root, &test.store] {
        assert_eq!(value(object, pr::STORE_ENTRYID.tag()), store);
        let key = PropertyValue::Binary(test.store.uid().as_bytes().to_vec());
        assert_eq!(value(object, pr::STORE_RECORD_KEY.tag()), key);
    }
    assert_eq!(value(&test.store, pr::ENTRYID.tag()), store);
    let types = [&message as &dyn MapiProp, &child, &test.store]
        .map(|object| value(object, pr::OBJECT_TYPE.tag()));
    assert_eq!(types, [5, 3, 1].map(PropertyValue::Long));
    assert_eq!(child.get(pr::FOLDER_TYPE).unwrap(), Some(1));
    assert_eq!(root.get(pr::FOLDER_TYPE).unwrap(), Some(0));
}

#[test]
fn access_to_a_folder_has_the_bits_that_create_and_to_a_message_not() {
    // OXCPRPT-R14
    let test = TestStore::new();
    let child = inbox(&test.store).create_folder("2026").unwrap();
    let mut message = child.create_message().unwrap();
    let id = message
        .save_changes(SaveFlags::KEEP_OPEN_READWRITE)
        .unwrap()
        .entry_id;
    assert_eq!(child.get(pr::ACCESS).unwrap(), Some(0x3F));
    assert_eq!(
        inbox(&test.store).get(pr::ACCESS).unwrap(),
        Some(0x3B),
        "it cannot be deleted"
    );
    assert_eq!(message.get(pr::ACCESS).unwrap(), Some(0x07));
    let reader = Store::options()
        .read_only()
        .open(test.store.path())
        .unwrap();
    let child = reader.open_folder(&child.entry_id()).unwrap();
    assert_eq!(child.get(pr::ACCESS).unwrap(), Some(0x02));
    assert_eq!(child.get(pr::ACCESS_LEVEL).unwrap(), Some(0));
    let message = reader.open_message(&id, Access::ReadOnly).unwrap();
    assert_eq!(message.get(pr::ACCESS).unwrap(), Some(0x02));
}

#[test]
fn folder_counts_what_it_holds() {
    let test = TestStore::new();
    let inbox = inbox(&test.store);
    let counts = || {
        let tags = [
            pr::CONTENT_COUNT,
            pr::CONTENT_UNREAD,
            pr::ASSOC_CONTENT_COUNT,
        ];
        let counts = tags.map(|tag| inbox.get(tag).unwrap().unwrap());
        (counts, inbox.get(pr::SUBFOLDERS).unwrap().unwrap())
    };
    assert_eq!(counts(), ([0, 0, 0], false));
    for flags in [0, 0, 1] {
        let mut message = inbox.create_message().unwrap();
        message.set(pr::MESSAGE_FLAGS, flags).unwrap();
        message.save_changes(SaveFlags::empty()).unwrap();
    }
    let mut hidden = inbox.create_associated_message().unwrap();
    hidden.save_changes(SaveFlags::empty()).unwrap();
    inbox.create_folder("2026").unwrap();
    assert_eq!(counts(), ([3, 2, 1], true));
}

#[test]
fn display_name_of_a_folder_is_its_name() {
    // MAPI-SaveChanges-7
    let test = TestStore::new();
    let inbox = inbox(&test.store);
    let mut child = inbox.create_folder("2026").unwrap();
    inbox.create_folder("2027").unwrap();
    assert_eq!(
        child.get(pr::DISPLAY_NAME).unwrap().as_deref(),
        Some("2026")
    );
    child.set(pr::DISPLAY_NAME, "2025").unwrap();
    assert_eq!(child.info().unwrap().path, "Inbox/2025");
    child.rename("2024").unwrap();
    assert_eq!(
        child.get(pr::DISPLAY_NAME).unwrap().as_deref(),
        Some("2024")
    );

    assert_eq!(
        code_of(child.set(pr::DISPLAY_NAME, "2027")),
        MapiCode::MAPI_E_COLLISION
    );
    assert_eq!(
        code_of(child.set(pr::DISPLAY_NAME, "a/b")),
        MapiCode::MAPI_E_INVALID_PARAMETER
    );
    let tag = pr::DISPLAY_NAME.tag();
    assert_eq!(
        code_of(child.delete_property(tag)),
        MapiCode::MAPI_E_COMPUTED
    );
    let root = test.store.special_folder(SpecialFolder::Root).unwrap();
    assert_eq!(
        code_of(root.set(pr::DISPLAY_NAME, "b")),
        MapiCode::MAPI_E_NO_ACCESS
    );

    let since = test.store.last_change().unwrap();
    let problems = child
        .set_values(&[(pr::COMMENT.tag(), "mine".into()), (tag, "2027".into())])
        .unwrap();
    assert_eq!(problems.len(), 1);
    assert_eq!(
        (problems[0].index, problems[0].error.code()),
        (1, MapiCode::MAPI_E_COLLISION)
    );
    assert_eq!(child.get(pr::COMMENT).unwrap().as_deref(), Some("mine"));
    assert_eq!(child.info().unwrap().name, "2024");
    let kinds: Vec<ChangeKind> = journal_since(&test.store, since)
        .into_iter()
        .map(|entry| entry.kind)
        .collect();
    assert_eq!(kinds, [ChangeKind::FolderChanged]);
}

#[test]
fn list_of_changes_is_one_change_of_the_store() {
    // OXCPRPT-R847
    let test = TestStore::new();
    let mut inbox = inbox(&test.store);
    let mut store = test.store.clone();
    let since = test.store.last_change().unwrap();
    let list = [
        (pr::COMMENT.tag(), "mine".into()),
        (pr::CONTAINER_CLASS.tag(), "IPF.Note".into()),
    ];
    for object in [&mut inbox as &mut dyn MapiProp, &mut store] {
        assert!(object.set_values(&list).unwrap().is_empty());
        let tags = [
            pr::CONTAINER_CLASS.tag(),
            pr::SUBJECT.tag(),
            pr::COMMENT.tag(),
        ];
        assert!(object.delete_properties(&tags).unwrap().is_empty());
    }
    let found = journal_since(&test.store, since);
    let inbox_uid = inbox.entry_id().object();
    let store_uid = ObjectUid::from_bytes(*test.store.uid().as_bytes());
    let told: Vec<(ChangeKind, ObjectUid, usize)> = found
        .iter()
        .map(|entry| (entry.kind.clone(), entry.objects[0], entry.properties.len()))
        .collect();
    assert_eq!(
        told,
        [
            (ChangeKind::FolderChanged, inbox_uid, 2),
            (ChangeKind::FolderChanged, inbox_uid, 2),
            (ChangeKind::StoreChanged, store_uid, 2),
            (ChangeKind::StoreChanged, store_uid, 2),
        ]
    );
}

#[test]
fn refused_change_leaves_a_folder_and_the_store_as_they_were() {
    // OXCPRPT-R847, O3, S15
    let test = TestStore::new();
    let inbox = inbox(&test.store);
    let half = "x".repeat(9 * 1024 * 1024);
    inbox.set(pr::COMMENT, half.as_str()).unwrap();
    test.store.set(pr::COMMENT, half.as_str()).unwrap();
    let since = test.store.last_change().unwrap();
    let state = || {
        (
            inbox.properties().unwrap(),
            test.store.properties().unwrap(),
        )
    };
    let before = state();

    let reader = Store::options()
        .read_only()
        .open(test.store.path())
        .unwrap();
    let closed = reader.open_folder(&inbox.entry_id()).unwrap();
    let wrong = PropertyTag::from_parts(pr::COMMENT.tag().id(), PropertyType::Long);
    let none = PropertyValue::MvLong(Vec::new());
    let empty = PropertyTag::new(0x6800_1003);
    let expected = [
        MapiCode::MAPI_E_TOO_BIG,
        MapiCode::MAPI_E_COMPUTED,
        MapiCode::MAPI_E_COMPUTED,
        MapiCode::MAPI_E_UNEXPECTED_TYPE,
        MapiCode::MAPI_E_INVALID_PARAMETER,
    ];
    let codes = [
        code_of(inbox.set(pr::CONTAINER_CLASS, half.as_str())),
        code_of(inbox.set(pr::ENTRYID, vec![1])),
        code_of(inbox.delete_property(pr::CONTENT_COUNT.tag())),
        code_of(inbox.set_value(wrong, "text".into())),
        code_of(inbox.set_value(empty, none.clone())),
    ];
    assert_eq!(codes, expected);
    let codes = [
        code_of(test.store.set(pr::CONTAINER_CLASS, half.as_str())),
        code_of(test.store.set(pr::ENTRYID, vec![1])),
        code_of(test.store.delete_property(pr::STORE_RECORD_KEY.tag())),
        code_of(test.store.set_value(wrong, "text".into())),
        code_of(test.store.set_value(empty, none)),
    ];
    assert_eq!(codes, expected);
    let codes = [
        code_of(closed.set(pr::COMMENT, "mine")),
        code_of(
            closed
                .clone()
                .set_values(&[(pr::COMMENT.tag(), "mine".into())]),
        ),
        code_of(closed.delete_property(pr::COMMENT.tag())),
        code_of(reader.set(pr::COMMENT, "mine")),
        code_of(reader.clone().delete_properties(&[pr::COMMENT.tag()])),
    ];
    assert_eq!(codes, [MapiCode::MAPI_E_NO_ACCESS; 5]);
    inbox.delete_property(pr::SUBJECT.tag()).unwrap();
    assert!(state() == before, "nothing has changed");
    assert_eq!(
        test.store.last_change().unwrap(),
        since,
        "and no change took place"
    );
    test.assert_sound();
}

#[test]
fn deleted_folder_has_no_properties() {
    let test = TestStore::new();
    let child = inbox(&test.store).create_folder("2026").unwrap();
    test.store
        .open_folder(&child.entry_id())
        .unwrap()
        .delete()
        .unwrap();
    let codes = [
        code_of(child.get(pr::COMMENT)),
        code_of(child.get(pr::ENTRYID)),
        code_of(child.properties()),
        code_of(child.set(pr::COMMENT, "mine")),
        code_of(child.set(pr::DISPLAY_NAME, "mine")),
        code_of(child.delete_property(pr::COMMENT.tag())),
    ];
    assert_eq!(codes, [MapiCode::MAPI_E_OBJECT_DELETED; 6]);
}

#[test]
fn writer_that_waits_too_long_for_another_changes_no_folder() {
    // P3
    let test = TestStore::new();
    let store = Store::options()
        .busy_timeout(Duration::from_millis(100))
        .open(test.store.path())
        .unwrap();
    let by_hand = rusqlite::Connection::open(test.store.path()).unwrap();
    by_hand.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(
        code_of(inbox(&store).set(pr::COMMENT, "mine")),
        MapiCode::MAPI_E_BUSY
    );
    assert_eq!(
        code_of(store.set(pr::COMMENT, "mine")),
        MapiCode::MAPI_E_BUSY
    );
    by_hand.execute_batch("ROLLBACK").unwrap();
    assert_eq!(inbox(&store).get(pr::COMMENT).unwrap(), None);
    store.set(pr::COMMENT, "mine").unwrap();
}

#[test]
fn folder_tells_when_it_was_made_and_changed() {
    let test = TestStore::new();
    let child = inbox(&test.store).create_folder("2026").unwrap();
    let times = || {
        let times = [pr::CREATION_TIME, pr::LAST_MODIFICATION_TIME];
        times.map(|tag| child.get(tag).unwrap().unwrap())
    };
    let [created, modified] = times();
    assert_eq!(created, modified);
    let by_hand = rusqlite::Connection::open(test.store.path()).unwrap();
    let early = FileTime::parse("2020-01-02T03:04:05.0000000Z").unwrap();
    let late = FileTime::parse("2999-01-02T03:04:05.0000000Z").unwrap();
    let set_time = |time: FileTime| {
        by_hand
            .execute(
                "UPDATE folders SET modified_at = ? WHERE name = '2026'",
                [time.to_string()],
            )
            .unwrap();
    };
    set_time(early);
    child.set(pr::COMMENT, "mine").unwrap();
    assert!(times()[1] >= created, "it has moved on");
    set_time(late);
    child.set(pr::COMMENT, "mine").unwrap();
    assert_eq!(times(), [created, late], "it never goes back");
    assert!(test.store.get(pr::CREATION_TIME).unwrap().is_some());
}

#[test]
fn list_of_properties_has_what_is_set_and_what_is_computed() {
    let test = TestStore::new();
    let inbox = inbox(&test.store);
    inbox.set(pr::COMMENT, "mine").unwrap();
    test.store.set(pr::COMMENT, "mine").unwrap();
    for object in [&inbox as &dyn MapiProp, &test.store] {
        let list = object.property_list().unwrap();
        assert!(list.is_sorted());
        for tag in [pr::COMMENT.tag(), pr::ENTRYID.tag(), pr::OBJECT_TYPE.tag()] {
            assert!(list.contains(&tag), "{tag}");
        }
        let slots = object.get_values(&list).unwrap();
        for (slot, tag) in slots.into_iter().zip(list) {
            let (found, value) = slot.unwrap();
            assert_eq!(found, tag);
            assert_eq!(object.get_value(tag).unwrap(), Some(value), "{tag}");
        }
    }
}

#[test]
fn check_finds_properties_that_cannot_be_read() {
    let test = TestStore::new();
    let by_hand = rusqlite::Connection::open(test.store.path()).unwrap();
    by_hand
        .execute_batch(
            "UPDATE folders SET properties = '{\"3004001F\":7}' WHERE kind = 'inbox'; \
             UPDATE store_info SET properties = '{\"key\":7}'",
        )
        .unwrap();
    let report = test.store.check(&mut |_| {}).unwrap();
    assert_eq!(report.problems.len(), 2, "{:?}", report.problems);
    assert!(
        report.problems[0].contains("the store"),
        "{:?}",
        report.problems
    );
    assert!(
        report.problems[1].contains("Inbox"),
        "{:?}",
        report.problems
    );
    assert_eq!(
        code_of(inbox(&test.store).get(pr::COMMENT)),
        MapiCode::MAPI_E_CORRUPT_STORE
    );
    assert_eq!(
        code_of(test.store.set(pr::COMMENT, "mine")),
        MapiCode::MAPI_E_CORRUPT_STORE
    );
}
