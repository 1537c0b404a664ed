//! Messages inside attachments: their own handles, and the three saves (S14, S15).

use std::io::Read;

use mapistore::{
    Access, AccessLevel, AttachMethod, AttachmentNumber, EmbeddedAccess, MapiCode, Message,
    MessageFlags, PropertyTag, ReadState, Recipient, SaveFlags, SpecialFolder, pr,
};

use crate::support::{Blob, KEEP, Scene, TestStore, Wanted, code_of, expect, two_clients};

two_clients!(
    embedded_message_is_seen_by_others_when_the_outer_one_is_saved,
    refused_save_stores_nothing_of_an_embedded_message,
    forced_save_replaces_embedded_messages,
    embedded_message_is_read_as_it_was_opened_though_others_replace_it,
);

fn embedded_message_is_seen_by_others_when_the_outer_one_is_saved(scene: &Scene) {
    // S14, S9, O2; OXCMSG-R1062
    let id = scene.message("original");
    let before = scene.look(&id);
    let handle = scene.ana.open(&id, Wanted::Modify);
    let number = scene.ana.embed(handle, "inner", Blob::new(7, 20_000));
    let pending = scene.ana.view(handle);
    assert!(pending.pending);
    let other = scene.ben.open(&id, Wanted::Modify);
    assert_eq!(scene.ben.view(other).content, before.content);

    scene.ana.save(handle, KEEP).unwrap();
    let now = scene.look(&id);
    assert_eq!(now.content, pending.content);
    let inner = now.content.attachments[number as usize].embedded.as_ref();
    let inner = inner.unwrap();
    assert_eq!(inner.recipients.len(), 1);
    assert_eq!(inner.attachments[0].size, 20_000);
    assert_eq!(scene.ben.view(other).content, before.content);
    expect(scene.ben.save(other, KEEP), MapiCode::MAPI_E_OBJECT_CHANGED);
    scene.check();
}

fn refused_save_stores_nothing_of_an_embedded_message(scene: &Scene) {
    // S2, S8, S14
    let id = scene.message("original");
    let first = scene.ana.open(&id, Wanted::Modify);
    let number = scene.ana.embed(first, "inner", Blob::new(7, 20_000));
    scene.ana.save(first, KEEP).unwrap();
    let loser = scene.ben.open(&id, Wanted::Modify);
    scene.ben.rename_embedded(loser, number, "loser's");
    scene.ana.rename_embedded(first, number, "winner's");
    scene.ana.save(first, KEEP).unwrap();
    let won = scene.look(&id);
    let mine = scene.ben.view(loser);
    expect(scene.ben.save(loser, KEEP), MapiCode::MAPI_E_OBJECT_CHANGED);
    assert_eq!(scene.look(&id), won);
    assert_eq!(scene.ben.view(loser), mine, "the handle is as it was");
    scene.check();
}

fn forced_save_replaces_embedded_messages(scene: &Scene) {
    // S5, K4
    let id = scene.message("original");
    let first = scene.ana.open(&id, Wanted::Modify);
    let kept = scene.ana.embed(first, "kept", Blob::new(7, 20_000));
    scene.ana.save(first, KEEP).unwrap();
    let forcing = scene.ben.open(&id, Wanted::Modify);
    scene.ben.rename_embedded(forcing, kept, "forced");
    scene.ana.embed(first, "lost", Blob::new(8, 30_000));
    scene.ana.save(first, KEEP).unwrap();
    let forced = scene.ben.view(forcing).content;
    scene
        .ben
        .save(forcing, KEEP | SaveFlags::FORCE_SAVE)
        .unwrap();
    let now = scene.look(&id);
    assert_eq!(now.content.attachments, forced.attachments);
    assert_eq!(now.attachment_names(), ["figures.csv", "forced"]);
    // The replaced version is kept, with the streams of the message that was embedded in it.
    scene.ben.collect_garbage();
    let versions = "SELECT row_version FROM inspect_versions";
    assert_eq!(scene.store.query(versions).unwrap().rows.len(), 1);
    scene.check();
}

fn embedded_message_is_read_as_it_was_opened_though_others_replace_it(scene: &Scene) {
    // O2
    scene.message("another");
    let id = scene.message("original");
    let first = scene.ana.open(&id, Wanted::Modify);
    let number = scene.ana.embed(first, "inner", Blob::new(7, 3_000_000));
    scene.ana.save(first, KEEP).unwrap();
    let reader = scene.ben.open(&id, Wanted::ReadOnly);
    scene.ana.delete_attachment(first, number);
    scene.ana.save(first, SaveFlags::empty()).unwrap();
    scene.ana.delete_message(&id, true);
    scene.ana.collect_garbage();
    let seen = scene.ben.view(reader).content;
    let inner = seen.attachments[1].embedded.as_ref().unwrap();
    assert_eq!(inner.attachments[0].size, 3_000_000);
    scene.ben.drop_handle(reader);
    let (streams, _, _) = scene.ana.collect_garbage();
    assert!(streams > 0, "nobody reads them any more");
    scene.check();
}

/// Attaches a message of that subject, and leaves the outer one unsaved.
fn embed(message: &mut Message, subject: &str) -> AttachmentNumber {
    let mut attachment = message.create_attachment().unwrap();
    let mut inner = attachment
        .open_embedded_message(EmbeddedAccess::Create)
        .unwrap();
    inner.set(pr::SUBJECT, subject).unwrap();
    inner.save_changes(SaveFlags::empty()).unwrap();
    attachment.save_changes(SaveFlags::empty()).unwrap();
    attachment.number()
}

fn subject_of(message: &Message, number: AttachmentNumber) -> Option<String> {
    let inner = message.open_attached_message(number).unwrap();
    inner.get(pr::SUBJECT).unwrap()
}

#[test]
fn attachment_of_the_embedded_method_is_opened_as_a_message() {
    // OXCMSG-R881/R596
    let test = TestStore::new();
    let mut message = test.new_draft();
    let mut attachment = message.create_attachment().unwrap();
    let mut inner = attachment
        .open_embedded_message(EmbeddedAccess::Create)
        .unwrap();
    inner.set(pr::SUBJECT, "inner").unwrap();
    let ana = Recipient::to("Ana", "ana@example.org");
    inner.add_recipient(ana.clone()).unwrap();
    inner.attach("figures.csv", &b"1;2;3"[..]).unwrap();
    inner.save_changes(SaveFlags::empty()).unwrap();
    attachment.save_changes(SaveFlags::empty()).unwrap();
    let number = attachment.number();
    let id = message.save_changes(SaveFlags::empty()).unwrap().entry_id;

    let mut message = test.store.open_message(&id, Access::Modify).unwrap();
    let info = &message.attachments().unwrap()[0];
    assert_eq!(info.method, AttachMethod::EmbeddedMessage);
    assert_eq!(info.name.as_deref(), Some("inner"));
    assert!(info.size >= 10);
    let mut attachment = message.open_attachment(number).unwrap();
    assert_eq!(attachment.get(pr::ATTACH_METHOD).unwrap(), Some(5));
    let mut inner = attachment
        .open_embedded_message(EmbeddedAccess::Modify)
        .unwrap();
    assert_eq!(
        inner.get(pr::MESSAGE_CLASS).unwrap().as_deref(),
        Some("IPM.Note")
    );
    assert_eq!(inner.recipients().unwrap()[0].recipient, ana);
    assert_eq!(inner.get(pr::DISPLAY_TO).unwrap().as_deref(), Some("Ana"));
    assert_eq!(inner.get(pr::HASATTACH).unwrap(), Some(true));
    assert_eq!(inner.get(pr::OBJECT_TYPE).unwrap(), Some(5));
    let mut data = Vec::new();
    let mut opened = inner.open_attachment(AttachmentNumber(0)).unwrap();
    let mut stream = opened.open_stream(pr::ATTACH_DATA_BIN.tag()).unwrap();
    stream.read_to_end(&mut data).unwrap();
    assert_eq!(data, b"1;2;3");
    opened.set(pr::ATTACH_LONG_FILENAME, "renamed").unwrap();
}

#[test]
fn create_makes_a_missing_embedded_message_and_opens_it_for_writing() {
    // OXCMSG-R913, OXCMSG-R481, MAPI-OpenProperty-1
    let test = TestStore::new();
    let mut message = test.new_draft();
    let mut attachment = message.create_attachment().unwrap();
    for access in [EmbeddedAccess::ReadOnly, EmbeddedAccess::Modify] {
        let opened = attachment.open_embedded_message(access);
        assert_eq!(code_of(opened), MapiCode::MAPI_E_NOT_FOUND);
    }
    let mut unsaved = attachment
        .open_embedded_message(EmbeddedAccess::Create)
        .unwrap();
    assert_eq!(unsaved.access_level(), AccessLevel::Modify);
    unsaved.set(pr::SUBJECT, "forgotten").unwrap();
    drop(unsaved);
    let opened = attachment.open_embedded_message(EmbeddedAccess::Modify);
    assert_eq!(code_of(opened), MapiCode::MAPI_E_NOT_FOUND);

    let mut saved = attachment
        .open_embedded_message(EmbeddedAccess::Create)
        .unwrap();
    saved.set(pr::SUBJECT, "kept").unwrap();
    saved.save_changes(SaveFlags::KEEP_OPEN_READWRITE).unwrap();
    saved.set(pr::SUBJECT, "dropped").unwrap();
    drop(saved);
    // What is there is opened, not made anew.
    let opened = attachment
        .open_embedded_message(EmbeddedAccess::Create)
        .unwrap();
    assert_eq!(opened.get(pr::SUBJECT).unwrap().as_deref(), Some("kept"));
}

#[test]
fn embedded_message_opened_for_writing_takes_changes() {
    // OXCMSG-R912
    let test = TestStore::new();
    let mut message = test.new_draft();
    let number = embed(&mut message, "inner");
    let id = message.save_changes(SaveFlags::empty()).unwrap().entry_id;
    let mut message = test.store.open_message(&id, Access::Modify).unwrap();
    let mut attachment = message.open_attachment(number).unwrap();
    let mut inner = attachment
        .open_embedded_message(EmbeddedAccess::Modify)
        .unwrap();
    inner
        .add_recipient(Recipient::cc("Ben", "ben@example.org"))
        .unwrap();
    inner.save_changes(SaveFlags::KEEP_OPEN_READONLY).unwrap();
    assert_eq!(inner.access_level(), AccessLevel::ReadOnly);
    attachment.save_changes(SaveFlags::empty()).unwrap();
    message.save_changes(SaveFlags::empty()).unwrap();
    let message = test.store.open_message(&id, Access::ReadOnly).unwrap();
    let inner = message.open_attached_message(number).unwrap();
    assert_eq!(inner.recipients().unwrap().len(), 1);
}

#[test]
fn embedded_message_opened_for_reading_refuses_changes() {
    // OXCMSG-R911/R3013/R3014, MAPI-OpenProperty-1
    let test = TestStore::new();
    let mut message = test.new_draft();
    let number = embed(&mut message, "inner");
    let mut attachment = message.open_attachment(number).unwrap();
    let mut inner = attachment
        .open_embedded_message(EmbeddedAccess::ReadOnly)
        .unwrap();
    assert_eq!(inner.get(pr::ACCESS_LEVEL).unwrap(), Some(0));
    let added = inner.add_recipient(Recipient::to("Ana", "ana@example.org"));
    assert_eq!(code_of(added), MapiCode::MAPI_E_NO_ACCESS);
    assert_eq!(
        code_of(inner.set(pr::SUBJECT, "changed")),
        MapiCode::MAPI_E_NO_ACCESS
    );
    assert_eq!(
        code_of(inner.save_changes(SaveFlags::empty())),
        MapiCode::MAPI_E_NO_ACCESS
    );
    drop(inner);
    let id = message.save_changes(SaveFlags::empty()).unwrap().entry_id;
    let mut message = test.store.open_message(&id, Access::ReadOnly).unwrap();
    let mut attachment = message.open_attachment(number).unwrap();
    for access in [EmbeddedAccess::Modify, EmbeddedAccess::Create] {
        let opened = attachment.open_embedded_message(access);
        assert_eq!(code_of(opened), MapiCode::MAPI_E_NO_ACCESS);
    }
}

#[test]
fn each_of_the_three_saves_is_needed() {
    // S14, OXCMSG-R481, MAPI-SavingMessage-1
    let test = TestStore::new();
    let id = test.draft("original");
    let saved_steps = |steps: usize| {
        let mut message = test.store.open_message(&id, Access::Modify).unwrap();
        let mut attachment = message.create_attachment().unwrap();
        let mut inner = attachment
            .open_embedded_message(EmbeddedAccess::Create)
            .unwrap();
        inner.set(pr::SUBJECT, "inner").unwrap();
        if steps > 0 {
            inner.save_changes(SaveFlags::empty()).unwrap();
        }
        drop(inner);
        if steps > 1 {
            attachment.save_changes(SaveFlags::empty()).unwrap();
        }
        drop(attachment);
        if steps > 2 {
            message.save_changes(SaveFlags::empty()).unwrap();
        }
        let message = test.store.open_message(&id, Access::ReadOnly).unwrap();
        message.attachments().unwrap().len()
    };
    assert_eq!([0, 1, 2, 3].map(saved_steps), [0, 0, 0, 1]);
}

#[test]
fn embedded_messages_go_32_deep_and_no_deeper() {
    // S15
    fn embed_below(message: &mut Message, levels: usize) -> MapiCode {
        let mut attachment = message.create_attachment().unwrap();
        let mut inner = match attachment.open_embedded_message(EmbeddedAccess::Create) {
            Err(error) => {
                assert_eq!(levels, 0);
                return error.code();
            }
            Ok(inner) => inner,
        };
        inner.set(pr::SUBJECT, format!("{levels} below")).unwrap();
        let code = embed_below(&mut inner, levels - 1);
        inner.save_changes(SaveFlags::empty()).unwrap();
        attachment.save_changes(SaveFlags::empty()).unwrap();
        code
    }
    let test = TestStore::new();
    let mut message = test.new_draft();
    assert_eq!(embed_below(&mut message, 32), MapiCode::MAPI_E_TOO_BIG);
    let id = message.save_changes(SaveFlags::empty()).unwrap().entry_id;
    let mut message = test.store.open_message(&id, Access::ReadOnly).unwrap();
    for below in (1..=32).rev() {
        let inner = message.open_attached_message(AttachmentNumber(0)).unwrap();
        assert_eq!(
            inner.get(pr::SUBJECT).unwrap(),
            Some(format!("{below} below"))
        );
        message = inner;
    }
    assert_eq!(message.attachments().unwrap(), []);
    // A whole message of that depth fits into no other.
    let deep = test.store.open_message(&id, Access::ReadOnly).unwrap();
    let mut outer = test.new_draft();
    assert_eq!(
        code_of(outer.attach_message(&deep)),
        MapiCode::MAPI_E_TOO_BIG
    );
    assert_eq!(outer.attachments().unwrap(), []);
    test.assert_sound();
}

#[test]
fn limit_of_the_outer_message_is_met_when_a_value_is_set_in_the_inner_one() {
    // S15
    let test = TestStore::new();
    let mut message = test.new_draft();
    let values: Vec<i64> = vec![1_000_000_000_000_000_000; 200_000];
    let tag = |id: u32| PropertyTag::new(id << 16 | 0x1014);
    let mut attachment = message.create_attachment().unwrap();
    let mut inner = attachment
        .open_embedded_message(EmbeddedAccess::Create)
        .unwrap();
    for id in 0x6600..0x6602 {
        inner.set_value(tag(id), values.clone().into()).unwrap();
    }
    let mut deeper = inner.create_attachment().unwrap();
    let mut innermost = deeper
        .open_embedded_message(EmbeddedAccess::Create)
        .unwrap();
    innermost
        .set_value(tag(0x6600), values.clone().into())
        .unwrap();
    innermost
        .set_value(tag(0x6601), values.clone().into())
        .unwrap();
    let refused = innermost.set_value(tag(0x6602), values.clone().into());
    assert_eq!(code_of(refused), MapiCode::MAPI_E_TOO_BIG);
    innermost.save_changes(SaveFlags::empty()).unwrap();
    deeper.save_changes(SaveFlags::empty()).unwrap();
    inner.save_changes(SaveFlags::empty()).unwrap();
    attachment.save_changes(SaveFlags::empty()).unwrap();
    message.save_changes(SaveFlags::empty()).unwrap();
}

#[test]
fn embedded_message_has_flags_and_times_of_its_own_and_no_entry_id() {
    // S14
    let test = TestStore::new();
    let mut message = test.new_draft();
    let number = embed(&mut message, "inner");
    let mut attachment = message.open_attachment(number).unwrap();
    let mut inner = attachment
        .open_embedded_message(EmbeddedAccess::Modify)
        .unwrap();
    let flags = |message: &Message| {
        let flags = message.get(pr::MESSAGE_FLAGS).unwrap().unwrap();
        MessageFlags::from_bits_retain(flags)
    };
    assert!(flags(&inner).contains(MessageFlags::READ | MessageFlags::UNSENT));
    inner.set_read_state(ReadState::Unread).unwrap();
    inner.save_changes(SaveFlags::empty()).unwrap();
    attachment.save_changes(SaveFlags::empty()).unwrap();
    let id = message.save_changes(SaveFlags::empty()).unwrap().entry_id;

    let message = test.store.open_message(&id, Access::ReadOnly).unwrap();
    let inner = message.open_attached_message(number).unwrap();
    assert!(!flags(&inner).contains(MessageFlags::READ));
    assert!(flags(&message).contains(MessageFlags::READ));
    let created = inner.get(pr::CREATION_TIME).unwrap();
    assert!(created.is_some() && created <= inner.get(pr::LAST_MODIFICATION_TIME).unwrap());
    assert_eq!(inner.get(pr::ENTRYID).unwrap(), None);
    assert_eq!(inner.entry_id(), id, "the message that it is stored in");
    assert_eq!(inner.row_version(), None);
    assert_ne!(
        inner.get(pr::RECORD_KEY).unwrap(),
        message.get(pr::RECORD_KEY).unwrap()
    );
}

#[test]
fn embedded_message_is_not_saved_or_reloaded_as_if_it_stood_alone() {
    // S14
    let test = TestStore::new();
    let mut message = test.new_draft();
    let number = embed(&mut message, "inner");
    let id = message.save_changes(SaveFlags::empty()).unwrap().entry_id;
    let mut message = test.store.open_message(&id, Access::Modify).unwrap();
    let mut attachment = message.open_attachment(number).unwrap();
    let mut inner = attachment
        .open_embedded_message(EmbeddedAccess::Modify)
        .unwrap();
    inner.set(pr::SUBJECT, "changed").unwrap();
    let alone: &mut Message = &mut inner;
    assert_eq!(
        code_of(alone.save_changes(SaveFlags::FORCE_SAVE)),
        MapiCode::MAPI_E_NO_SUPPORT
    );
    assert_eq!(code_of(alone.reload()), MapiCode::MAPI_E_NO_SUPPORT);
    assert_eq!(inner.get(pr::SUBJECT).unwrap().as_deref(), Some("changed"));
    let both = SaveFlags::KEEP_OPEN_READONLY | SaveFlags::KEEP_OPEN_READWRITE;
    assert_eq!(
        code_of(inner.save_changes(both)),
        MapiCode::MAPI_E_INVALID_PARAMETER
    );
    inner.save_changes(SaveFlags::empty()).unwrap();
    assert_eq!(
        code_of(inner.get(pr::SUBJECT)),
        MapiCode::MAPI_E_INVALID_OBJECT
    );
}

#[test]
fn message_is_attached_to_another_and_saved_from_there_on_its_own() {
    // S14, K2
    let test = TestStore::new();
    let id = test.draft("original");
    let mut original = test.store.open_message(&id, Access::Modify).unwrap();
    original.set(pr::BODY, "x".repeat(10_000)).unwrap();
    original
        .attach("large", Blob::new(9, 2_000_000).reader())
        .unwrap();
    let mut outer = test.new_draft();
    let number = outer.attach_message(&original).unwrap();
    drop(original);
    test.store
        .delete_messages(&[id], mapistore::Deletion::Hard)
        .unwrap();
    test.store.collect_garbage().unwrap();
    let outer_id = outer.save_changes(SaveFlags::empty()).unwrap().entry_id;

    let outer = test
        .store
        .open_message(&outer_id, Access::ReadOnly)
        .unwrap();
    assert_eq!(subject_of(&outer, number).as_deref(), Some("original"));
    let inner = outer.open_attached_message(number).unwrap();
    let inbox = test.store.special_folder(SpecialFolder::Inbox).unwrap();
    let alone = inner.save_elsewhere(&inbox).unwrap();
    assert_eq!(alone.get(pr::BODY).unwrap().unwrap().len(), 10_000);
    assert_ne!(alone.entry_id(), outer_id);
    assert_eq!(alone.row_version().map(mapistore::RowVersion::get), Some(1));
    let mut data = Vec::new();
    let last = alone.attachments().unwrap().pop().unwrap().number;
    let mut stream = alone.open_attachment_data(last).unwrap();
    stream.read_to_end(&mut data).unwrap();
    assert_eq!(data, Blob::new(9, 2_000_000).bytes());
    test.assert_sound();
}

#[test]
fn deleting_the_data_object_removes_the_embedded_message() {
    // S14
    let test = TestStore::new();
    let mut message = test.new_draft();
    let number = embed(&mut message, "inner");
    let mut attachment = message.open_attachment(number).unwrap();
    attachment.delete_property(pr::ATTACH_DATA_OBJ).unwrap();
    attachment.save_changes(SaveFlags::empty()).unwrap();
    assert_eq!(
        code_of(message.open_attached_message(number)),
        MapiCode::MAPI_E_NOT_FOUND
    );
}

#[test]
fn message_of_another_store_is_attached_with_all_that_it_holds() {
    // S14
    let (test, foreign) = (TestStore::new(), TestStore::new());
    let mut original = foreign.new_draft();
    original.set(pr::SUBJECT, "foreign").unwrap();
    original.set(pr::BODY, Blob::new(3, 9_000).text()).unwrap();
    let data = Blob::new(4, 2_000_000);
    original.attach("large", data.reader()).unwrap();
    let mut outer = test.new_draft();
    let number = outer.attach_message(&original).unwrap();
    drop(original);
    let id = outer.save_changes(SaveFlags::empty()).unwrap().entry_id;
    drop(foreign);
    let outer = test.store.open_message(&id, Access::ReadOnly).unwrap();
    let inner = outer.open_attached_message(number).unwrap();
    assert_eq!(
        inner.get(pr::BODY).unwrap(),
        Some(Blob::new(3, 9_000).text())
    );
    let mut read = Vec::new();
    let mut stream = inner.open_attachment_data(AttachmentNumber(0)).unwrap();
    stream.read_to_end(&mut read).unwrap();
    assert_eq!(read, data.bytes());
    test.assert_sound();
}
