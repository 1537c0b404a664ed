//! How messages and folders are named and found.

use std::collections::BTreeSet;

use mapistore::{
    Access, Deletion, Entry, EntryId, MapiCode, ObjectUid, SaveFlags, SpecialFolder, StoreUid, pr,
};

use crate::support::{Command, KEEP, Scene, TestStore, Wanted, code_of, expect, two_clients};

two_clients!(
    created_message_has_its_id_at_once_and_is_nobody_elses_before_its_first_save,
    entry_id_survives_a_move,
    entry_id_of_a_deleted_message_never_comes_back,
    soft_deleted_message_is_found_only_when_asked_for,
);

#[test]
fn entry_id_is_four_zeros_the_stores_uid_and_the_objects() {
    // O4
    let test = TestStore::new();
    let id = test.draft("original");
    let bytes = id.to_bytes();
    assert_eq!(bytes.len(), 36);
    assert_eq!(bytes[..4], [0; 4]);
    assert_eq!(bytes[4..20], test.store.uid().as_bytes()[..]);
    assert_eq!(bytes[20..], id.object().as_bytes()[..]);
    let message = test.store.open_message(&id, Access::ReadOnly).unwrap();
    assert_eq!(message.get(pr::ENTRYID).unwrap(), Some(bytes.to_vec()));
    assert_eq!(
        message.get(pr::STORE_RECORD_KEY).unwrap(),
        Some(bytes[4..20].to_vec())
    );
    // And as 72 digits.
    let digits = id.to_string();
    assert_eq!(digits.len(), 72);
    assert_eq!(digits.parse::<EntryId>().unwrap(), id);
    assert_eq!(digits.to_uppercase().parse::<EntryId>().unwrap(), id);
    assert_eq!(EntryId::from_bytes(&bytes).unwrap(), id);
}

#[test]
fn nothing_by_that_uid_is_not_found() {
    // O4, OXCMSG-R323/R333, MAPI-OpenEntry-3
    let test = TestStore::new();
    let nothing = EntryId::new(test.store.uid(), ObjectUid::random());
    for access in [Access::ReadOnly, Access::Modify, Access::Best] {
        assert_eq!(
            code_of(test.store.open_message(&nothing, access)),
            MapiCode::MAPI_E_NOT_FOUND
        );
        let or_deleted = test.store.open_message_or_deleted(&nothing, access);
        assert_eq!(code_of(or_deleted), MapiCode::MAPI_E_NOT_FOUND);
        let entry = test.store.open_entry(&nothing.to_bytes(), access);
        assert_eq!(code_of(entry), MapiCode::MAPI_E_NOT_FOUND);
    }
    assert_eq!(
        code_of(test.store.open_folder(&nothing)),
        MapiCode::MAPI_E_NOT_FOUND
    );
    let outcomes = test
        .store
        .delete_messages(&[nothing], Deletion::Soft)
        .unwrap();
    assert_eq!(
        outcomes
            .into_iter()
            .map(|(_, gone)| code_of(gone))
            .collect::<Vec<_>>(),
        [MapiCode::MAPI_E_NOT_FOUND]
    );
}

#[test]
fn another_stores_entry_id_is_unknown() {
    // O4, MAPI-OpenEntry-3
    let test = TestStore::new();
    let own = test.draft("original");
    let other = TestStore::new().draft("foreign");
    let provider = EntryId::new(StoreUid::random(), own.object());
    for id in [other, provider] {
        let unknown = MapiCode::MAPI_E_UNKNOWN_ENTRYID;
        assert_eq!(
            code_of(test.store.open_message(&id, Access::ReadOnly)),
            unknown
        );
        assert_eq!(
            code_of(test.store.open_message_or_deleted(&id, Access::Best)),
            unknown
        );
        assert_eq!(
            code_of(test.store.open_entry(&id.to_bytes(), Access::Best)),
            unknown
        );
        assert_eq!(code_of(test.store.open_folder(&id)), unknown);
        let outcomes = test.store.delete_messages(&[id], Deletion::Hard).unwrap();
        assert_eq!(
            outcomes
                .into_iter()
                .map(|(_, gone)| code_of(gone))
                .collect::<Vec<_>>(),
            [unknown]
        );
    }
    assert!(
        test.store.open_message(&own, Access::ReadOnly).is_ok(),
        "its own is still there"
    );
}

#[test]
fn bytes_of_another_length_or_form_are_no_entry_id() {
    // O4, MAPI-OpenEntry-3
    let test = TestStore::new();
    let id = test.draft("original").to_bytes();
    let invalid = MapiCode::MAPI_E_INVALID_ENTRYID;
    let too_long = [&id[..], &[0]].concat();
    for bytes in [
        &id[..35],
        &too_long,
        &id[..1],
        &id[..4],
        &id[..20],
        &[7; 72],
    ] {
        let opened = test.store.open_entry(bytes, Access::ReadOnly);
        assert_eq!(code_of(opened), invalid, "{} bytes", bytes.len());
        assert_eq!(code_of(EntryId::from_bytes(bytes)), invalid);
    }
    for flag in 0..4 {
        let mut bytes = id;
        bytes[flag] = 1;
        assert_eq!(
            code_of(test.store.open_entry(&bytes, Access::ReadOnly)),
            invalid
        );
    }
    let digits = EntryId::from_bytes(&id).unwrap().to_string();
    for text in [
        "",
        &digits[..71],
        &format!("{digits}0"),
        &digits.replacen('0', "g", 1),
        "Inbox",
    ] {
        assert_eq!(code_of(text.parse::<EntryId>()), invalid, "{text:?}");
    }
}

#[test]
fn null_entry_id_opens_the_root_folder() {
    // O4, MAPI-OpenEntry-2
    let test = TestStore::new();
    let Entry::Folder(root) = test.store.open_entry(&[], Access::ReadOnly).unwrap() else {
        panic!("no folder");
    };
    assert_eq!(root.info().unwrap().kind, SpecialFolder::Root);
    assert_eq!(root.get(pr::OBJECT_TYPE).unwrap(), Some(3));
    let Entry::Folder(again) = test
        .store
        .open_entry(&root.entry_id().to_bytes(), Access::Best)
        .unwrap()
    else {
        panic!("no folder");
    };
    assert_eq!(again.entry_id(), root.entry_id());
    let id = test.draft("original");
    let opened = test
        .store
        .open_entry(&id.to_bytes(), Access::Modify)
        .unwrap();
    assert!(matches!(opened, Entry::Message(message) if message.entry_id() == id));
}

fn created_message_has_its_id_at_once_and_is_nobody_elses_before_its_first_save(scene: &Scene) {
    // O5, OXCMSG-R339, MAPI-CreateMessage-1
    let new = scene.ana.create("Drafts");
    let created = scene.ana.view(new);
    assert_eq!((created.row_version, created.entry_id.len()), (None, 72));
    scene.ana.set(new, pr::SUBJECT, "new");
    scene
        .ana
        .attach(new, "large", crate::support::Blob::new(1, 2_000_000));
    let change = scene.last_change();
    for access in [Wanted::ReadOnly, Wanted::Best] {
        expect(
            scene.ben.try_open(&created.entry_id, access),
            MapiCode::MAPI_E_NOT_FOUND,
        );
    }
    let listed = || {
        let drafts = scene.store.special_folder(SpecialFolder::Drafts).unwrap();
        (
            drafts.messages(mapistore::Page::default()).unwrap().len(),
            drafts.info().unwrap().total,
        )
    };
    assert_eq!(listed(), (0, 0));
    assert_eq!(scene.last_change(), change);
    let saved = scene.ana.save(new, KEEP).unwrap();
    assert_eq!(
        (saved.entry_id, saved.row_version),
        (created.entry_id.clone(), 1)
    );
    assert_eq!(listed(), (1, 1));
    assert_eq!(scene.ana.view(new).entry_id, created.entry_id);
    scene.ben.open(&created.entry_id, Wanted::Modify);
    // One that is never saved never was.
    let dropped = scene.ana.create("Drafts");
    let id = scene.ana.view(dropped).entry_id;
    scene.ana.drop_handle(dropped);
    expect(
        scene.ben.try_open(&id, Wanted::Best),
        MapiCode::MAPI_E_NOT_FOUND,
    );
    assert_eq!(listed(), (1, 1));
}

fn entry_id_survives_a_move(scene: &Scene) {
    // O5, S13, MAPI-CopyMessages-1, MAPI-EntryId-1
    let id = scene.message("original");
    let before = scene.look(&id);
    for folder in ["Inbox", "Sent Items", "Drafts"] {
        scene.ana.move_message(&id, folder);
        let handle = scene.ben.open(&id, Wanted::ReadOnly);
        let now = scene.ben.view(handle);
        let folder = scene.store.folder_by_path(folder).unwrap();
        assert_eq!(
            (&now.entry_id, now.folder),
            (&id, folder.entry_id().to_string())
        );
        assert_eq!(now.content, before.content);
    }
}

fn entry_id_of_a_deleted_message_never_comes_back(scene: &Scene) {
    // O5, P1
    let mut seen = BTreeSet::new();
    for _ in 0..20 {
        let id = scene.message("original");
        assert!(seen.insert(id.clone()), "given twice");
        scene.ana.delete_message(&id, true);
        expect(
            scene.ben.try_open(&id, Wanted::Best),
            MapiCode::MAPI_E_NOT_FOUND,
        );
    }
    let rows = scene
        .store
        .query("SELECT message_id FROM messages")
        .unwrap()
        .rows;
    assert_eq!(rows, Vec::<Vec<mapistore::Cell>>::new());
    // Nor does the number of the row.
    scene.message("last");
    let rows = scene
        .store
        .query("SELECT message_id FROM messages")
        .unwrap()
        .rows;
    assert_eq!(rows, [[mapistore::Cell::Integer(21)]]);
}

fn soft_deleted_message_is_found_only_when_asked_for(scene: &Scene) {
    // O4, OXCMSG-R325/R326/R335
    let id = scene.message("original");
    scene.ana.delete_message(&id, false);
    expect(
        scene.ben.try_open(&id, Wanted::Best),
        MapiCode::MAPI_E_NOT_FOUND,
    );
    let asked = Command::Open {
        id: id.clone(),
        access: Wanted::Best,
        deleted: true,
    };
    let handle = scene.ben.call(asked.clone()).unwrap();
    let view = scene.ben.view(handle);
    assert_eq!((view.deleted, view.subject()), (true, Some("original")));
    scene.ana.delete_message(&id, true);
    expect(
        scene.ben.call::<crate::support::Handle>(asked),
        MapiCode::MAPI_E_NOT_FOUND,
    );
    assert_eq!(scene.ben.view(handle), view);
}

#[test]
fn unsaved_message_is_dropped_without_a_trace() {
    // O5, OXCMSG-R339
    let test = TestStore::new();
    let before = test.store.last_change().unwrap();
    let new = test.new_draft();
    let id = new.entry_id();
    drop(new);
    assert_eq!(
        code_of(test.store.open_message(&id, Access::Best)),
        MapiCode::MAPI_E_NOT_FOUND
    );
    assert_eq!(test.store.last_change().unwrap(), before);
    let mut kept = test.new_draft();
    assert_eq!(
        kept.save_changes(SaveFlags::empty()).unwrap().entry_id,
        kept.entry_id()
    );
}
