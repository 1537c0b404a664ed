//! Opening, finding and deleting messages as MAPI and MS-OXCMSG have it, beside what the contract says itself.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use mapistore::{
    Access, Deletion, Entry, EntryId, MapiCode, ObjectUid, Page, Recipient, SaveFlags,
    SpecialFolder, Store, pr,
};

use crate::support::{Client, Command, KEEP, TestStore, code_of, expect, opening};

#[test]
fn message_opens_through_the_store_and_through_any_folder_of_it() {
    // OXCMSG-R650
    let test = TestStore::new();
    let id = test.draft("original");
    let parent = test.store.special_folder(SpecialFolder::Drafts).unwrap();
    let unrelated = test.store.ensure_folder("Projects/2026").unwrap();
    let opened = [
        test.store.open_message(&id, Access::Modify).unwrap(),
        parent.open_message(&id, Access::Modify).unwrap(),
        unrelated.open_message(&id, Access::Modify).unwrap(),
    ];
    for message in opened {
        assert_eq!(message.entry_id(), id);
        assert_eq!(message.folder_id(), parent.entry_id());
        assert_eq!(
            message.get(pr::SUBJECT).unwrap().as_deref(),
            Some("original")
        );
    }
    let nothing = EntryId::new(test.store.uid(), ObjectUid::random());
    let missing = unrelated.open_message(&nothing, Access::ReadOnly);
    assert_eq!(code_of(missing), MapiCode::MAPI_E_NOT_FOUND);
    let foreign = TestStore::new().draft("foreign");
    let foreign = unrelated.open_message(&foreign, Access::ReadOnly);
    assert_eq!(code_of(foreign), MapiCode::MAPI_E_UNKNOWN_ENTRYID);
}

#[test]
fn asking_for_deleted_messages_does_not_shut_out_the_others() {
    // OXCMSG-R325, OXCMSG-R326, OXCMSG-R335
    let test = TestStore::new();
    let (kept, deleted) = (test.draft("kept"), test.draft("deleted"));
    test.store
        .delete_messages(&[deleted], Deletion::Soft)
        .unwrap();
    let hidden = test.store.open_message(&deleted, Access::ReadOnly);
    assert_eq!(code_of(hidden), MapiCode::MAPI_E_NOT_FOUND);
    for (id, subject) in [(kept, "kept"), (deleted, "deleted")] {
        let message = test.store.open_message_or_deleted(&id, Access::Best);
        let message = message.unwrap();
        assert_eq!(message.get(pr::SUBJECT).unwrap().as_deref(), Some(subject));
        assert_eq!(message.deleted_at().is_some(), id == deleted);
    }
    let mut writer = test
        .store
        .open_message_or_deleted(&kept, Access::Modify)
        .unwrap();
    writer.set(pr::SUBJECT, "changed").unwrap();
    writer.save_changes(KEEP).unwrap();
}

#[test]
fn who_may_not_read_the_file_opens_no_message_of_it() {
    // OXCMSG-R324, OXCMSG-R2184
    let test = TestStore::new();
    test.draft("secret");
    fs::set_permissions(test.folder.path(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(test.store.path(), Permissions::from_mode(0o000)).unwrap();
    let client = Client::unprivileged();
    for read_only in [false, true] {
        let choice = crate::support::Opening {
            read_only,
            ..opening(test.store.path(), "unprivileged")
        };
        let refused = client.call::<()>(Command::OpenStore(choice));
        expect(refused, MapiCode::MAPI_E_NO_ACCESS);
    }
}

#[test]
fn opened_message_says_how_many_recipients_it_has_in_the_order_of_their_rows() {
    // OXCMSG-R327, OXCMSG-R328
    let test = TestStore::new();
    let mut draft = test.new_draft();
    assert_eq!(draft.recipient_count().unwrap(), 0);
    let names: Vec<String> = (0..40).map(|number| format!("{}", 99 - number)).collect();
    for name in &names {
        draft.add_recipient(Recipient::to(name, name)).unwrap();
    }
    let second = draft.recipients().unwrap()[1].row_id;
    draft.remove_recipient(second).unwrap();
    assert_eq!(draft.recipient_count().unwrap(), 39, "pending ones count");
    let id = draft.save_changes(SaveFlags::empty()).unwrap().entry_id;
    assert_eq!(
        code_of(draft.recipient_count()),
        MapiCode::MAPI_E_INVALID_OBJECT
    );

    let message = test.store.open_message(&id, Access::ReadOnly).unwrap();
    let rows = message.recipients().unwrap();
    assert_eq!(message.recipient_count().unwrap(), 39);
    assert_eq!(rows.len(), 39);
    assert!(rows.is_sorted_by(|one, next| one.row_id < next.row_id));
    let read: Vec<String> = rows.into_iter().map(|row| row.recipient.name).collect();
    assert_eq!(read[0], names[0]);
    assert_eq!(read[1..], names[2..]);
}

#[test]
fn message_outlives_the_folder_and_the_listing_that_it_came_from() {
    // MAPI-OpenEntry-5
    let test = TestStore::new();
    test.draft("original");
    let TestStore { store, folder } = test;
    let path = store.path().to_owned();
    let mut message = {
        let drafts = store.special_folder(SpecialFolder::Drafts).unwrap();
        let listed = drafts.messages(Page::default()).unwrap();
        drafts
            .open_message(&listed[0].entry_id, Access::Modify)
            .unwrap()
    };
    drop(store);
    assert_eq!(
        message.get(pr::SUBJECT).unwrap().as_deref(),
        Some("original")
    );
    message.set(pr::SUBJECT, "changed").unwrap();
    let saved = message.save_changes(KEEP).unwrap();
    assert_eq!(saved.row_version.get(), 2);
    drop(message);
    let store = Store::options().open(path).unwrap();
    let message = store
        .open_message(&saved.entry_id, Access::ReadOnly)
        .unwrap();
    assert_eq!(
        message.get(pr::SUBJECT).unwrap().as_deref(),
        Some("changed")
    );
    drop((message, store, folder));
}

#[test]
fn entry_id_that_was_read_opens_the_message_in_a_later_session() {
    // MAPI-EntryId-1
    let test = TestStore::new();
    let id = test.draft("original");
    let message = test.store.open_message(&id, Access::ReadOnly).unwrap();
    let read = |tag| message.get(tag).unwrap().unwrap();
    let (entry_id, record_key) = (read(pr::ENTRYID), read(pr::RECORD_KEY));
    drop(message);
    let path = test.store.path().to_owned();
    let folder = test.close();

    let store = Store::options().open(path).unwrap();
    let Entry::Message(again) = store.open_entry(&entry_id, Access::ReadOnly).unwrap() else {
        panic!("no message");
    };
    assert_eq!(again.get(pr::ENTRYID).unwrap(), Some(entry_id));
    assert_eq!(again.get(pr::RECORD_KEY).unwrap(), Some(record_key));
    assert_eq!(again.get(pr::SUBJECT).unwrap().as_deref(), Some("original"));
    drop((again, store, folder));
}

#[test]
fn deletion_of_several_goes_on_past_those_that_cannot_be_deleted() {
    // MAPI-DeleteMessages-1, MAPI-DeleteMessages-2
    let test = TestStore::new();
    for deletion in [Deletion::Soft, Deletion::Hard] {
        // More than go in one transaction.
        let present: Vec<EntryId> = (0..450).map(|_| test.draft("original")).collect();
        let gone = test.draft("gone");
        test.store.delete_messages(&[gone], Deletion::Hard).unwrap();
        let foreign = TestStore::new().draft("foreign");
        let mut named = present.clone();
        for at in [0, 200, 300, named.len()] {
            named.insert(at, gone);
            named.insert(at, foreign);
        }
        let outcomes = test.store.delete_messages(&named, deletion).unwrap();
        let order: Vec<EntryId> = outcomes.iter().map(|(id, _)| *id).collect();
        assert_eq!(order, named, "an outcome for each, in its place");
        for (id, outcome) in outcomes {
            let code = outcome.map_err(|error| error.code()).err();
            let wanted = if id == gone {
                Some(MapiCode::MAPI_E_NOT_FOUND)
            } else if id == foreign {
                Some(MapiCode::MAPI_E_UNKNOWN_ENTRYID)
            } else {
                None
            };
            assert_eq!(code, wanted);
        }
        for id in &present {
            let opened = test.store.open_message(id, Access::ReadOnly);
            assert_eq!(code_of(opened), MapiCode::MAPI_E_NOT_FOUND);
        }
        let drafts = test.store.special_folder(SpecialFolder::Drafts).unwrap();
        assert_eq!(drafts.info().unwrap().total, 0);
    }
}

#[test]
fn change_of_a_folder_is_permanent_without_a_save() {
    // MAPI-SaveChanges-7
    let test = TestStore::new();
    let other = Store::options().open(test.store.path()).unwrap();
    let inbox = test.store.special_folder(SpecialFolder::Inbox).unwrap();
    let made = inbox.create_folder("made").unwrap();
    assert_eq!(
        other.folder_by_path("Inbox/made").unwrap().entry_id(),
        made.entry_id()
    );
    made.rename("renamed").unwrap();
    assert!(other.folder_by_path("Inbox/renamed").is_ok());
    made.delete().unwrap();
    let gone = other.folder_by_path("Inbox/renamed");
    assert_eq!(code_of(gone), MapiCode::MAPI_E_NOT_FOUND);
}
