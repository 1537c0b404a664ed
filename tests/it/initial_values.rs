//! What a message shows that nobody has touched yet, and what of it a client may set.

use mapistore::{
    Access, AttachMethod, EmbeddedAccess, FileTime, MapiCode, MapiProp, Message, MessageFlags,
    PropertyTag, PropertyValue, Recipient, SaveFlags, Store, pr,
};

use crate::support::{COMPUTED, FORCE, KEEP, Scene, TestStore, code_of, two_clients};

two_clients!(
    creator_stays_and_modifier_is_who_saved_last,
    initial_flags_are_the_clients_until_the_first_save,
);

fn flags(message: &Message) -> MessageFlags {
    MessageFlags::from_bits_retain(message.get(pr::MESSAGE_FLAGS).unwrap().unwrap())
}

/// The entry id of somebody who is known by an ASCII name alone ([MS-OXCDATA] 2.2.5.1).
fn one_off(name: &str) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    bytes.extend(0x812B_1FA4_BEA3_1019_9D6E_00DD_010F_5402_u128.to_be_bytes());
    bytes.extend([0x00, 0x00, 0x01, 0x80]);
    bytes.extend(name.bytes().flat_map(|byte| [byte, 0]));
    bytes.extend([0; 6]);
    bytes
}

#[test]
fn new_message_is_a_normal_note() {
    // OXCMSG-R342, OXCMSG-R341/R343
    let test = TestStore::new();
    let mut new = test.new_draft();
    let shown = |message: &Message| {
        (
            message.get(pr::MESSAGE_CLASS).unwrap().unwrap(),
            message.get(pr::IMPORTANCE).unwrap(),
            message.get(pr::SENSITIVITY).unwrap(),
        )
    };
    let normal = ("IPM.Note".to_owned(), Some(1), Some(0));
    assert_eq!(shown(&new), normal);
    let id = new.save_changes(KEEP).unwrap().entry_id;
    assert_eq!(
        shown(&test.store.open_message(&id, Access::ReadOnly).unwrap()),
        normal
    );
    // They are properties like others.
    new.set(pr::MESSAGE_CLASS, "IPM.Contact").unwrap();
    new.delete_property(pr::IMPORTANCE.tag()).unwrap();
    assert_eq!(shown(&new), ("IPM.Contact".to_owned(), None, Some(0)));
}

#[test]
fn new_message_has_empty_display_lists_and_no_attachment() {
    // OXCMSG-R344/R345/R346, OXCMSG-R349
    let test = TestStore::new();
    let new = test.new_draft();
    for tag in [pr::DISPLAY_TO, pr::DISPLAY_CC, pr::DISPLAY_BCC] {
        assert_eq!(new.get(tag).unwrap().as_deref(), Some(""), "{tag:?}");
    }
    assert_eq!(new.get(pr::HASATTACH).unwrap(), Some(false));
    assert!(!flags(&new).contains(MessageFlags::HASATTACH));
    assert_eq!(new.get(pr::MSG_STATUS).unwrap(), Some(0));
}

#[test]
fn new_message_is_unsent_and_read() {
    // OXCMSG-R347/R1480
    let test = TestStore::new();
    let new = test.new_draft();
    let shown = flags(&new).difference(MessageFlags::EVER_READ);
    assert_eq!(shown, MessageFlags::READ | MessageFlags::UNSENT);
}

#[test]
fn new_message_may_be_read_changed_and_deleted() {
    // OXCMSG-R353/R354, OXCPRPT-R14
    let test = TestStore::new();
    let mut new = test.new_draft();
    assert_eq!(new.get(pr::ACCESS).unwrap(), Some(7));
    assert_eq!(new.get(pr::ACCESS_LEVEL).unwrap(), Some(1));
    let id = new.save_changes(KEEP).unwrap().entry_id;
    // The bits from 8 on are those of folders.
    for (access, shown) in [
        (Access::ReadOnly, 2),
        (Access::Modify, 7),
        (Access::Best, 7),
    ] {
        let message = test.store.open_message(&id, access).unwrap();
        assert_eq!(message.get(pr::ACCESS).unwrap(), Some(shown), "{access:?}");
    }
}

#[test]
fn new_message_was_modified_when_and_by_whom_it_was_created() {
    // OXCMSG-R357, OXCMSG-R360/R361
    let test = TestStore::new();
    let new = test.new_draft();
    let created = new.get(pr::CREATION_TIME).unwrap();
    assert!(created.is_some());
    assert_eq!(new.get(pr::LAST_MODIFICATION_TIME).unwrap(), created);
    for name in [pr::CREATOR_NAME, pr::LAST_MODIFIER_NAME] {
        assert_eq!(new.get(name).unwrap().as_deref(), Some("test"), "{name:?}");
    }
    for entry_id in [pr::CREATOR_ENTRYID, pr::LAST_MODIFIER_ENTRYID] {
        assert_eq!(
            new.get(entry_id).unwrap(),
            Some(one_off("test")),
            "{entry_id:?}"
        );
    }
}

#[test]
fn size_is_there_before_the_first_save_and_grows_with_the_content() {
    // OXCMSG-R1481, OXCMSG-R47/R231
    let test = TestStore::new();
    let mut new = test.new_draft();
    let size = |message: &Message| message.get(pr::MESSAGE_SIZE).unwrap().unwrap();
    let before = size(&new);
    assert!(before > 0);
    new.set(pr::BODY, "x".repeat(100_000)).unwrap();
    new.add_recipient(Recipient::to("Ana", "ana@example.org"))
        .unwrap();
    assert!(size(&new) >= before + 100_000);
    let shown = size(&new);
    let id = new.save_changes(KEEP).unwrap().entry_id;
    let stored = test.store.open_message(&id, Access::ReadOnly).unwrap();
    assert_eq!((size(&new), size(&stored)), (shown, shown));
}

#[test]
fn embedded_message_begins_with_the_same_values() {
    // OXCMSG-R342, OXCMSG-R341/R343, OXCMSG-R357, OXCMSG-R360/R361
    let test = TestStore::new();
    let mut outer = test.new_draft();
    let mut attachment = outer.create_attachment().unwrap();
    let mut inner = attachment
        .open_embedded_message(EmbeddedAccess::Create)
        .unwrap();
    assert_eq!(
        inner.get(pr::MESSAGE_CLASS).unwrap().as_deref(),
        Some("IPM.Note")
    );
    assert_eq!(inner.get(pr::IMPORTANCE).unwrap(), Some(1));
    assert_eq!(
        inner.get(pr::CREATOR_NAME).unwrap().as_deref(),
        Some("test")
    );
    assert_eq!(
        inner.get(pr::LAST_MODIFIER_NAME).unwrap().as_deref(),
        Some("test")
    );
    let created = inner.get(pr::CREATION_TIME).unwrap();
    assert_eq!(inner.get(pr::LAST_MODIFICATION_TIME).unwrap(), created);
    assert_ne!(inner.get(pr::SEARCH_KEY).unwrap(), None);
    // Its flags, too, are the client's until it is saved to the attachment.
    inner
        .set(pr::MESSAGE_FLAGS, MessageFlags::RESEND.bits())
        .unwrap();
    inner.save_changes(KEEP).unwrap();
    assert_eq!(flags(&inner), MessageFlags::RESEND);
    let late = inner.set(pr::MESSAGE_FLAGS, 0);
    assert_eq!(code_of(late), MapiCode::MAPI_E_COMPUTED);
}

#[test]
fn every_stored_message_has_the_nine_general_properties() {
    // OXCMSG-R11
    let test = TestStore::new();
    let id = test.draft("Figures");
    let message = test.store.open_message(&id, Access::ReadOnly).unwrap();
    let general = [
        pr::ACCESS.tag(),
        pr::ACCESS_LEVEL.tag(),
        pr::CHANGE_KEY.tag(),
        pr::CREATION_TIME.tag(),
        pr::LAST_MODIFICATION_TIME.tag(),
        pr::LAST_MODIFIER_NAME.tag(),
        pr::OBJECT_TYPE.tag(),
        pr::RECORD_KEY.tag(),
        pr::SEARCH_KEY.tag(),
    ];
    for slot in message.get_values(&general).unwrap() {
        slot.unwrap();
    }
    assert_eq!(message.get(pr::OBJECT_TYPE).unwrap(), Some(5));
}

#[test]
fn message_names_its_folder_and_its_store() {
    // MAPI-ParentEntryId-1
    let test = TestStore::new();
    let drafts = test.store.folder_by_path("Drafts").unwrap();
    let id = test.draft("Figures");
    let message = test.store.open_message(&id, Access::ReadOnly).unwrap();
    let parent = message.get(pr::PARENT_ENTRYID).unwrap().unwrap();
    assert_eq!(parent, drafts.entry_id().to_bytes());
    let store = message.get(pr::STORE_ENTRYID).unwrap().unwrap();
    let uid = test.store.uid();
    assert_eq!(
        store,
        [&[0; 4][..], uid.as_bytes(), uid.as_bytes()].concat()
    );
    assert_eq!(
        message.get(pr::STORE_RECORD_KEY).unwrap().unwrap(),
        uid.as_bytes()
    );
}

#[test]
fn write_to_a_read_only_property_has_no_effect_on_the_value_and_no_save_takes_it_over() {
    // OXCMSG-R1724, OXCPRPT-R47506/R47507/R47510, OXCMSG-R1111/R1112/R1644, OXCPRPT-R863
    let test = TestStore::new();
    let id = test.draft("Figures");
    let mut message = test.store.open_message(&id, Access::Modify).unwrap();
    let tags = [
        pr::ACCESS.tag(),
        pr::ACCESS_LEVEL.tag(),
        pr::CHANGE_KEY.tag(),
        pr::CREATION_TIME.tag(),
        pr::LAST_MODIFICATION_TIME.tag(),
        pr::LAST_MODIFIER_NAME.tag(),
        pr::OBJECT_TYPE.tag(),
        pr::RECORD_KEY.tag(),
        pr::SEARCH_KEY.tag(),
        pr::MESSAGE_SIZE.tag(),
        pr::MSG_STATUS.tag(),
        pr::HASATTACH.tag(),
        pr::CREATOR_NAME.tag(),
    ];
    let read = |message: &Message| -> Vec<PropertyValue> {
        let slots = message.get_values(&tags).unwrap();
        slots.into_iter().map(|slot| slot.unwrap().1).collect()
    };
    let before = read(&message);
    let values: Vec<(PropertyTag, PropertyValue)> = tags
        .iter()
        .map(|tag| {
            (
                *tag,
                crate::support::of_type(tag.property_type().unwrap()).unwrap(),
            )
        })
        .collect();
    let problems = message.set_values(&values).unwrap();
    assert_eq!(problems.len(), tags.len());
    for (index, problem) in problems.iter().enumerate() {
        assert_eq!((problem.index, problem.tag), (index, tags[index]));
        assert_eq!(problem.error.code(), MapiCode::MAPI_E_COMPUTED);
    }
    assert_eq!(read(&message), before);
    assert!(!message.has_pending_changes());
    // Nothing of it is pending, so the save goes through.
    message.set(pr::SUBJECT, "Figures, corrected").unwrap();
    message.save_changes(KEEP).unwrap();
    let search_key = message.get(pr::SEARCH_KEY).unwrap();
    assert_eq!(search_key, message.get(pr::RECORD_KEY).unwrap());
}

#[test]
fn copy_has_its_own_record_key_and_the_search_key_and_creator_of_its_original() {
    // OXCPRPT-R51/R55
    let test = TestStore::new();
    let id = test.draft("Figures");
    let other = Store::options()
        .client_name("other")
        .open(test.store.path())
        .unwrap();
    let inbox = other.folder_by_path("Inbox").unwrap();
    let original = other.open_message(&id, Access::ReadOnly).unwrap();
    let copy = original.save_elsewhere(&inbox).unwrap();
    let copy_of_copy = copy.save_elsewhere(&inbox).unwrap();
    for copy in [copy, copy_of_copy] {
        let stored = other
            .open_message(&copy.entry_id(), Access::ReadOnly)
            .unwrap();
        for copy in [copy, stored] {
            assert_eq!(
                copy.get(pr::SEARCH_KEY).unwrap(),
                original.get(pr::SEARCH_KEY).unwrap()
            );
            assert_ne!(
                copy.get(pr::RECORD_KEY).unwrap(),
                original.get(pr::RECORD_KEY).unwrap()
            );
            assert_ne!(
                copy.get(pr::ENTRYID).unwrap(),
                original.get(pr::ENTRYID).unwrap()
            );
            assert_eq!(copy.get(pr::CREATOR_NAME).unwrap().as_deref(), Some("test"));
            assert_eq!(
                copy.get(pr::LAST_MODIFIER_NAME).unwrap().as_deref(),
                Some("other")
            );
        }
    }
    // So has one that is attached.
    let mut forward = test.new_draft();
    let number = forward.attach_message(&original).unwrap();
    assert_eq!(
        forward.attachments().unwrap()[0].method,
        AttachMethod::EmbeddedMessage
    );
    let mut attachment = forward.open_attachment(number).unwrap();
    let inner = attachment
        .open_embedded_message(EmbeddedAccess::ReadOnly)
        .unwrap();
    assert_eq!(
        inner.get(pr::SEARCH_KEY).unwrap(),
        original.get(pr::SEARCH_KEY).unwrap()
    );
    assert_ne!(
        inner.get(pr::RECORD_KEY).unwrap(),
        original.get(pr::RECORD_KEY).unwrap()
    );
}

#[test]
fn has_attachments_follows_the_flag() {
    // OXCMSG-R15/R16/R498
    let test = TestStore::new();
    let mut message = test.new_draft();
    let agree = |message: &Message, expected: bool| {
        assert_eq!(message.get(pr::HASATTACH).unwrap(), Some(expected));
        assert_eq!(flags(message).contains(MessageFlags::HASATTACH), expected);
    };
    agree(&message, false);
    let number = message.attach("figures.csv", &b"1;2"[..]).unwrap();
    let id = message.save_changes(KEEP).unwrap().entry_id;
    agree(&message, true);
    agree(
        &test.store.open_message(&id, Access::ReadOnly).unwrap(),
        true,
    );
    message.delete_attachment(number).unwrap();
    agree(
        &test.store.open_message(&id, Access::ReadOnly).unwrap(),
        true,
    );
    message.save_changes(KEEP).unwrap();
    agree(
        &test.store.open_message(&id, Access::ReadOnly).unwrap(),
        false,
    );
    assert_eq!(
        code_of(message.set(pr::HASATTACH, true)),
        MapiCode::MAPI_E_COMPUTED
    );
}

#[test]
fn display_lists_name_the_recipients_of_each_kind() {
    // MAPI-DisplayTo-1
    let test = TestStore::new();
    let mut message = test.new_draft();
    for name in ["Ana", "Ben", "Cleo"] {
        message
            .add_recipient(Recipient::to(name, format!("{name}@example.org")))
            .unwrap();
    }
    message
        .add_recipient(Recipient::cc("Dora", "dora@example.org"))
        .unwrap();
    let id = message.save_changes(KEEP).unwrap().entry_id;
    for message in [
        message,
        test.store.open_message(&id, Access::ReadOnly).unwrap(),
    ] {
        let list = |tag| message.get(tag).unwrap().unwrap();
        assert_eq!(list(pr::DISPLAY_TO), "Ana; Ben; Cleo");
        assert_eq!(list(pr::DISPLAY_CC), "Dora");
        assert_eq!(list(pr::DISPLAY_BCC), "");
    }
}

#[test]
fn each_save_renews_change_key_commit_time_and_modification_time() {
    // OXCPRPT-R30, OXCMSG-R1890, MAPI-LastModTime-1
    let test = TestStore::new();
    let mut message = test.new_draft();
    let mut keys = Vec::new();
    let (mut modified, mut committed): (Option<FileTime>, Option<FileTime>) = (None, None);
    for round in 0..4 {
        message.set(pr::SUBJECT, format!("round {round}")).unwrap();
        message.save_changes(KEEP).unwrap();
        keys.push(message.get(pr::CHANGE_KEY).unwrap().unwrap());
        let (now, commit) = (
            message.get(pr::LAST_MODIFICATION_TIME).unwrap(),
            message.get(pr::LOCAL_COMMIT_TIME).unwrap(),
        );
        assert!(now > modified && commit > committed, "{now:?} {commit:?}");
        (modified, committed) = (now, commit);
    }
    // What is not content leaves them alone.
    message
        .set_read_state(mapistore::ReadState::Unread)
        .unwrap();
    let stored = test
        .store
        .open_message(&message.entry_id(), Access::ReadOnly)
        .unwrap();
    assert_eq!(stored.get(pr::CHANGE_KEY).unwrap().as_ref(), keys.last());
    assert_eq!(stored.get(pr::LAST_MODIFICATION_TIME).unwrap(), modified);
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 4);
}

fn creator_stays_and_modifier_is_who_saved_last(scene: &Scene) {
    // OXCPRPT-R34
    let new = scene.ana.create("Drafts");
    scene.ana.set(new, pr::SUBJECT, "original");
    let id = scene.ana.save(new, KEEP).unwrap().entry_id;
    let shown = |tag: mapistore::Tag<String>| {
        let message = scene
            .store
            .open_message(&id.parse().unwrap(), Access::ReadOnly)
            .unwrap();
        message.get(tag).unwrap().unwrap()
    };
    for (client, flags) in [(&scene.ana, KEEP), (&scene.ben, KEEP), (&scene.ben, FORCE)] {
        let handle = client.edit(&id, "again");
        client.save(handle, flags).unwrap();
        assert_eq!(shown(pr::CREATOR_NAME), scene.ana.name());
        assert_eq!(shown(pr::LAST_MODIFIER_NAME), client.name());
        let message = scene
            .store
            .open_message(&id.parse().unwrap(), Access::ReadOnly)
            .unwrap();
        let entry_id = |tag| message.get(tag).unwrap().unwrap();
        assert_eq!(entry_id(pr::CREATOR_ENTRYID), one_off(scene.ana.name()));
        assert_eq!(entry_id(pr::LAST_MODIFIER_ENTRYID), one_off(client.name()));
    }
}

fn initial_flags_are_the_clients_until_the_first_save(scene: &Scene) {
    // OXCMSG-R31, OXCMSG-R516
    let drop_ever_read = |shown: i32| shown & !MessageFlags::EVER_READ.bits();
    let stored = |id: &str| {
        let message = scene
            .store
            .open_message(&id.parse().unwrap(), Access::ReadOnly)
            .unwrap();
        drop_ever_read(flags(&message).bits())
    };
    let settable = MessageFlags::READ | MessageFlags::UNSENT | MessageFlags::RESEND;
    for set in [
        settable.bits(),
        0,
        MessageFlags::RESEND.bits(),
        -1,
        !settable.bits(),
    ] {
        let new = scene.ana.create("Drafts");
        scene.ana.set(new, pr::MESSAGE_FLAGS, set);
        let id = scene.ana.save(new, KEEP).unwrap().entry_id;
        let taken = set & settable.bits();
        assert_eq!(stored(&id), taken, "{set:X}");
        for handle in [
            (&scene.ana, new),
            (&scene.ben, scene.ben.edit(&id, "again")),
        ] {
            let late = handle.0.try_set(handle.1, pr::MESSAGE_FLAGS.tag(), 0);
            crate::support::expect(late, MapiCode::MAPI_E_COMPUTED);
        }
        assert_eq!(stored(&id), taken);
    }
}

#[test]
fn status_is_no_property_to_set() {
    // OXCMSG-R1111/R1112/R1644
    let test = TestStore::new();
    let mut new = test.new_draft();
    assert_eq!(
        code_of(new.set(pr::MSG_STATUS, 2)),
        MapiCode::MAPI_E_COMPUTED
    );
    new.save_changes(SaveFlags::empty()).unwrap();
    assert!(COMPUTED.contains(&pr::MSG_STATUS.tag()));
}
