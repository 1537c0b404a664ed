//! What a handle may do (O3).

use std::fs;
use std::os::unix::fs::PermissionsExt;

use mapistore::{
    Access, AccessLevel, AttachmentNumber, Deletion, EntryId, MapiCode, Message, MessageStatus,
    ReadState, Recipient, RowId, SaveFlags, SpecialFolder, Store, pr,
};

use crate::support::{Client, Command, Opening, TestStore, code_of, expect, opening};

/// A saved message that has one of everything.
fn full_message(test: &TestStore) -> EntryId {
    let mut message = test.new_draft();
    message.set(pr::SUBJECT, "original").unwrap();
    message
        .add_recipient(Recipient::to("Ana", "ana@example.org"))
        .unwrap();
    message.attach("figures", &b"1;2;3"[..]).unwrap();
    message.save_changes(SaveFlags::empty()).unwrap().entry_id
}

/// Everything that changes content is refused through this handle, and changes nothing.
fn refuses_every_change(message: &mut Message) {
    let before = crate::support::view(message).unwrap();
    let (zero, row) = (AttachmentNumber(0), RowId(0));
    let ben = Recipient::to("Ben", "ben@example.org");
    let codes = [
        code_of(message.set(pr::SUBJECT, "changed")),
        code_of(message.set_value(pr::IMPORTANCE.tag(), 1.into())),
        code_of(message.set_stream(pr::BODY.tag(), &b"changed"[..])),
        code_of(message.delete_property(pr::SUBJECT.tag())),
        code_of(message.add_recipient(ben.clone())),
        code_of(message.modify_recipient(row, &ben)),
        code_of(message.remove_recipient(row)),
        code_of(message.remove_all_recipients()),
        code_of(message.attach("changed", &b""[..])),
        code_of(message.create_attachment()),
        code_of(message.delete_attachment(zero)),
        code_of(
            message
                .open_attachment(zero)
                .unwrap()
                .set(pr::ATTACH_LONG_FILENAME, "changed"),
        ),
        code_of(
            message
                .open_attachment(zero)
                .unwrap()
                .set_data(&b"changed"[..]),
        ),
        code_of(
            message
                .open_attachment(zero)
                .unwrap()
                .delete_property(pr::ATTACH_METHOD.tag()),
        ),
        code_of(
            message
                .open_attachment(zero)
                .unwrap()
                .save_changes(SaveFlags::empty()),
        ),
        code_of(message.save_changes(SaveFlags::KEEP_OPEN_READWRITE)),
        code_of(message.save_changes(SaveFlags::FORCE_SAVE)),
    ];
    for (call, code) in codes.into_iter().enumerate() {
        assert_eq!(code, MapiCode::MAPI_E_NO_ACCESS, "call {call}");
    }
    assert_eq!(crate::support::view(message).unwrap(), before);
}

#[test]
fn access_is_read_only_unless_more_is_asked_for() {
    // O3, MAPI-OpenEntry-1, OXCMSG-R661/R663
    let test = TestStore::new();
    let id = full_message(&test);
    assert_eq!(Access::default(), Access::ReadOnly);
    let mut reader = test.store.open_message(&id, Access::default()).unwrap();
    assert_eq!(reader.access_level(), AccessLevel::ReadOnly);
    assert_eq!(reader.get(pr::ACCESS_LEVEL).unwrap(), Some(0));
    refuses_every_change(&mut reader);
    for access in [Access::Modify, Access::Best] {
        let mut writer = test.store.open_message(&id, access).unwrap();
        assert_eq!(writer.access_level(), AccessLevel::Modify);
        assert_eq!(writer.get(pr::ACCESS_LEVEL).unwrap(), Some(1));
        writer.set(pr::SUBJECT, "changed").unwrap();
        writer.save_changes(SaveFlags::empty()).unwrap();
    }
}

#[test]
fn store_opened_read_only_grants_no_modify_access() {
    // O3, OXCMSG-R324/R2184, MAPI-OpenEntry-4, OXCMSG-R369/R3017/R3018
    let test = TestStore::new();
    let id = full_message(&test);
    let store = Store::options()
        .read_only()
        .open(test.store.path())
        .unwrap();
    let modify = store.open_message(&id, Access::Modify);
    assert_eq!(code_of(modify), MapiCode::MAPI_E_NO_ACCESS);
    let mut best = store.open_message(&id, Access::Best).unwrap();
    assert_eq!(best.access_level(), AccessLevel::ReadOnly);
    refuses_every_change(&mut best);

    let change = test.store.last_change().unwrap();
    let inbox = store.special_folder(SpecialFolder::Inbox).unwrap();
    let (tagged, ids) = (MessageStatus::TAGGED, [id]);
    let codes = [
        code_of(inbox.create_message()),
        code_of(inbox.create_folder("new")),
        code_of(inbox.rename("Incoming")),
        code_of(best.save_elsewhere(&inbox)),
        code_of(best.set_read_state(ReadState::Unread)),
        code_of(store.delete_messages(&ids, Deletion::Soft)),
        code_of(store.move_messages(&ids, &inbox)),
        code_of(store.set_read_state(&ids, ReadState::Unread)),
        code_of(store.set_message_status(&id, tagged, tagged)),
        code_of(store.ensure_folder("new")),
    ];
    for (call, code) in codes.into_iter().enumerate() {
        assert_eq!(code, MapiCode::MAPI_E_NO_ACCESS, "call {call}");
    }
    assert_eq!(test.store.last_change().unwrap(), change);
}

#[test]
fn store_opened_read_only_follows_what_others_save() {
    // O3, O2
    let test = TestStore::new();
    let id = full_message(&test);
    let store = Store::options()
        .read_only()
        .open(test.store.path())
        .unwrap();
    let mut reader = store.open_message(&id, Access::Best).unwrap();
    let mut writer = test.store.open_message(&id, Access::Modify).unwrap();
    writer.set(pr::SUBJECT, "changed").unwrap();
    writer.save_changes(SaveFlags::empty()).unwrap();
    test.store
        .delete_messages(&[test.draft("waste")], Deletion::Hard)
        .unwrap();
    test.store.collect_garbage().unwrap();
    assert_eq!(
        reader.get(pr::SUBJECT).unwrap().as_deref(),
        Some("original")
    );
    assert!(reader.is_stale().unwrap());
    reader.reload().unwrap();
    assert_eq!(reader.get(pr::SUBJECT).unwrap().as_deref(), Some("changed"));
}

#[test]
fn soft_deleted_message_can_only_be_read() {
    // O3, O4, MAPI-OpenEntry-4
    let test = TestStore::new();
    let id = full_message(&test);
    test.store.delete_messages(&[id], Deletion::Soft).unwrap();
    for access in [Access::ReadOnly, Access::Modify, Access::Best] {
        let hidden = test.store.open_message(&id, access);
        assert_eq!(code_of(hidden), MapiCode::MAPI_E_NOT_FOUND);
    }
    let modify = test.store.open_message_or_deleted(&id, Access::Modify);
    assert_eq!(code_of(modify), MapiCode::MAPI_E_NO_ACCESS);
    for access in [Access::ReadOnly, Access::Best] {
        let mut message = test.store.open_message_or_deleted(&id, access).unwrap();
        assert_eq!(message.access_level(), AccessLevel::ReadOnly);
        assert!(message.deleted_at().is_some());
        assert_eq!(
            message.get(pr::SUBJECT).unwrap().as_deref(),
            Some("original")
        );
        refuses_every_change(&mut message);
    }
}

#[test]
fn missing_store_is_not_made_unless_asked_for() {
    // O3, P4
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.store");
    assert_eq!(
        code_of(Store::options().open(&path)),
        MapiCode::MAPI_E_NOT_FOUND
    );
    assert_eq!(
        code_of(Store::options().read_only().open(&path)),
        MapiCode::MAPI_E_NOT_FOUND
    );
    let reading = Store::options().read_only().create_if_missing().open(&path);
    assert_eq!(code_of(reading), MapiCode::MAPI_E_NOT_FOUND);
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "nothing was left behind"
    );
}

#[test]
fn store_and_side_files_are_their_owners_alone() {
    // O3
    let test = TestStore::new();
    test.draft("original");
    for file in fs::read_dir(test.folder.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.path().display());
    }
}

/// Copies the file and its WAL, but no `-shm`, to where they cannot be written.
fn copy_without_shm(test: &TestStore, to: &std::path::Path) {
    for ending in ["", "-wal", "-lock"] {
        let name = format!("mail.store{ending}");
        fs::copy(test.folder.path().join(&name), to.join(&name)).unwrap();
        fs::set_permissions(to.join(&name), fs::Permissions::from_mode(0o444)).unwrap();
    }
}

#[test]
fn filled_wal_without_shm_is_refused_where_it_cannot_be_written() {
    // O3
    let test = TestStore::new();
    let id = test.draft("only in the WAL");
    let media = tempfile::tempdir().unwrap();
    copy_without_shm(&test, media.path());
    let wal = fs::metadata(media.path().join("mail.store-wal")).unwrap();
    assert!(wal.len() > 0);
    fs::set_permissions(media.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let client = Client::unprivileged();
    let path = media.path().join("mail.store");
    for read_only in [true, false] {
        let choice = Opening {
            read_only,
            ..opening(&path, "unprivileged")
        };
        let refused = client.call::<()>(Command::OpenStore(choice));
        expect(refused, MapiCode::MAPI_E_NO_ACCESS);
    }
    // Where it can be written the same files are a store that has the message.
    let disk = tempfile::tempdir().unwrap();
    copy_without_shm(&test, disk.path());
    for ending in ["", "-wal", "-lock"] {
        let file = disk.path().join(format!("mail.store{ending}"));
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let store = Store::options()
        .open(disk.path().join("mail.store"))
        .unwrap();
    let message = store.open_message(&id, Access::ReadOnly).unwrap();
    assert_eq!(
        message.get(pr::SUBJECT).unwrap().as_deref(),
        Some("only in the WAL")
    );
}

/// Opens a store as somebody who may not write what belongs to others.
fn open_unprivileged(
    path: &std::path::Path,
    read_only: bool,
) -> Result<(), crate::support::Failure> {
    let choice = Opening {
        read_only,
        ..opening(path, "unprivileged")
    };
    Client::unprivileged().call::<()>(Command::OpenStore(choice))
}

#[test]
fn store_that_may_not_be_written_is_read_only_or_refused() {
    // O3
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.store");
    drop(Store::options().create_if_missing().open(&path).unwrap());
    for ending in ["", "-lock"] {
        let file = folder.path().join(format!("mail.store{ending}"));
        fs::set_permissions(file, fs::Permissions::from_mode(0o444)).unwrap();
    }
    let mode = |bits| fs::set_permissions(folder.path(), fs::Permissions::from_mode(bits)).unwrap();
    // Reading needs the memory that processes share, which is a file beside the store.
    mode(0o555);
    for read_only in [true, false] {
        expect(
            open_unprivileged(&path, read_only),
            MapiCode::MAPI_E_NO_ACCESS,
        );
    }
    // Who may make that file can read.
    mode(0o777);
    open_unprivileged(&path, true).unwrap();
    expect(open_unprivileged(&path, false), MapiCode::MAPI_E_NO_ACCESS);
}
