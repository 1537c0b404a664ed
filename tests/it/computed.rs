//! What the store sets, and no client (S11).

use std::collections::BTreeSet;

use mapistore::{
    Access, ChangeKey, FileTime, MapiCode, Message, PredecessorChangeList, PropertyTag,
    PropertyType, PropertyValue, SaveFlags, Store, Succession, pr,
};

use crate::support::{
    Blob, COMPUTED, FORCE, KEEP, Scene, TestStore, Wanted, code_of, of_type, two_clients,
};

two_clients!(
    save_says_who_made_it_and_when,
    change_key_is_new_with_each_version_and_in_the_predecessor_list,
    forced_version_has_seen_what_it_replaced,
    modification_time_never_goes_back,
);

/// A value of the tag's type.
fn some_value(tag: PropertyTag) -> PropertyValue {
    of_type(tag.property_type().unwrap()).unwrap()
}

#[test]
fn computed_property_is_neither_set_nor_deleted() {
    // S11, OXCPRPT-R47506/R47507/R47510, OXCMSG-R1111/R1112/R1644, OXCMSG-R549/R55
    let test = TestStore::new();
    let id = test.draft("original");
    let mut saved = test.store.open_message(&id, Access::Modify).unwrap();
    let mut new = test.new_draft();
    for &tag in COMPUTED {
        for message in [&mut saved, &mut new] {
            let before = crate::support::view(message).unwrap();
            let is_new = message.row_version().is_none();
            if !(is_new && tag == pr::MESSAGE_FLAGS.tag()) {
                let set = message.set_value(tag, some_value(tag));
                assert_eq!(code_of(set), MapiCode::MAPI_E_COMPUTED, "{tag}");
            }
            let deleted = message.delete_property(tag);
            assert_eq!(code_of(deleted), MapiCode::MAPI_E_COMPUTED, "{tag}");
            let stream = message.set_stream(tag, &b"value"[..]);
            assert_eq!(code_of(stream), MapiCode::MAPI_E_COMPUTED, "{tag}");
            // Nor is there a way round it through another type.
            let other = PropertyTag::from_parts(tag.id(), PropertyType::MvClsid);
            let set = message.set_value(other, some_value(other));
            assert_eq!(code_of(set), MapiCode::MAPI_E_COMPUTED, "{other}");
            assert_eq!(crate::support::view(message).unwrap(), before, "{tag}");
        }
    }
    for table in [pr::MESSAGE_RECIPIENTS, pr::MESSAGE_ATTACHMENTS] {
        let deleted = saved.delete_property(table);
        assert_eq!(code_of(deleted), MapiCode::MAPI_E_COMPUTED, "{table}");
    }
    let mut attachment = saved.create_attachment().unwrap();
    for tag in [pr::ATTACH_NUM.tag(), pr::ATTACH_SIZE.tag()] {
        assert_eq!(
            code_of(attachment.set_value(tag, some_value(tag))),
            MapiCode::MAPI_E_COMPUTED
        );
        assert_eq!(
            code_of(attachment.delete_property(tag)),
            MapiCode::MAPI_E_COMPUTED
        );
    }
}

#[test]
fn every_computed_property_has_a_value_once_saved() {
    // S11
    let test = TestStore::new();
    let id = test.draft("original");
    let message = test.store.open_message(&id, Access::ReadOnly).unwrap();
    let listed: BTreeSet<PropertyTag> = message
        .properties()
        .unwrap()
        .into_iter()
        .map(|(tag, _)| tag)
        .collect();
    // Only what won a conflict has copies that lost.
    let always = COMPUTED
        .iter()
        .filter(|tag| **tag != pr::CONFLICT_ITEMS.tag());
    for &tag in always {
        let value = message.get_value(tag).unwrap();
        assert_eq!(
            value.map(|value| value.property_type()),
            tag.property_type(),
            "{tag}"
        );
        assert!(listed.contains(&tag), "{tag}");
    }
    // What describes a save does not exist before the first.
    let new = test.new_draft();
    for tag in [
        pr::LOCAL_COMMIT_TIME.tag(),
        pr::CHANGE_KEY.tag(),
        pr::PREDECESSOR_CHANGE_LIST.tag(),
    ] {
        assert_eq!(new.get_value(tag).unwrap(), None, "{tag}");
    }
}

#[test]
fn size_and_display_names_follow_the_content() {
    // S11, MAPI-DisplayTo-1, OXCMSG-R47/R231
    let test = TestStore::new();
    let id = test.draft("12345");
    let size = |message: &Message| message.get(pr::MESSAGE_SIZE_EXTENDED).unwrap().unwrap();
    let mut message = test.store.open_message(&id, Access::Modify).unwrap();
    let before = size(&message);
    message.set(pr::SUBJECT, "1234567890").unwrap();
    assert_eq!(size(&message), before + 5);
    message
        .attach("", Blob::new(1, 1_000_000).reader())
        .unwrap();
    let with_data = size(&message);
    assert!(
        (before + 1_000_005..before + 1_000_100).contains(&with_data),
        "{with_data}"
    );
    message
        .save_changes(SaveFlags::KEEP_OPEN_READWRITE)
        .unwrap();
    assert_eq!(
        size(&test.store.open_message(&id, Access::ReadOnly).unwrap()),
        with_data
    );
    for recipient in [
        mapistore::Recipient::to("Ana", "ana@example.org"),
        mapistore::Recipient::to("", "ben@example.org"),
        mapistore::Recipient::cc("Cleo", "cleo@example.org"),
    ] {
        message.add_recipient(recipient).unwrap();
    }
    assert_eq!(
        message.get(pr::DISPLAY_TO).unwrap().as_deref(),
        Some("Ana; ben@example.org")
    );
    assert_eq!(
        message.get(pr::DISPLAY_CC).unwrap().as_deref(),
        Some("Cleo")
    );
    assert_eq!(message.get(pr::DISPLAY_BCC).unwrap().as_deref(), Some(""));
}

/// A message as it is stored now.
fn stored(scene: &Scene, id: &str) -> Message {
    scene
        .store
        .open_message(&id.parse().unwrap(), Access::ReadOnly)
        .unwrap()
}

fn key_of(message: &Message) -> ChangeKey {
    ChangeKey::from_bytes(&message.get(pr::CHANGE_KEY).unwrap().unwrap()).unwrap()
}

fn predecessors_of(message: &Message) -> PredecessorChangeList {
    let bytes = message.get(pr::PREDECESSOR_CHANGE_LIST).unwrap().unwrap();
    PredecessorChangeList::from_bytes(&bytes).unwrap()
}

fn modified(message: &Message) -> FileTime {
    message.get(pr::LAST_MODIFICATION_TIME).unwrap().unwrap()
}

fn committed(message: &Message) -> FileTime {
    message.get(pr::LOCAL_COMMIT_TIME).unwrap().unwrap()
}

fn now() -> FileTime {
    FileTime::from_unix_100ns(
        i64::try_from(
            std::time::SystemTime::UNIX_EPOCH
                .elapsed()
                .unwrap()
                .as_nanos()
                / 100,
        )
        .unwrap(),
    )
}

fn save_says_who_made_it_and_when(scene: &Scene) {
    // S11, OXCMSG-R1890, MAPI-LastModTime-1
    let before = now();
    let id = scene.message("original");
    let created = stored(scene, &id).get(pr::CREATION_TIME).unwrap().unwrap();
    for client in [&scene.ana, &scene.ben] {
        let since = now();
        let handle = client.edit(&id, "saved");
        client.save(handle, KEEP).unwrap();
        let message = stored(scene, &id);
        let modifier = message.get(pr::LAST_MODIFIER_NAME).unwrap();
        assert_eq!(modifier.as_deref(), Some(client.name()));
        for time in [modified(&message), committed(&message)] {
            assert!(since <= time && time <= now(), "{since} {time}");
        }
        assert_eq!(message.get(pr::CREATION_TIME).unwrap(), Some(created));
        // The handle that saved knows it too.
        let view = client.view(handle);
        let own = view.property("PR_LAST_MODIFICATION_TIME").unwrap();
        assert_eq!(
            own,
            format!("{:?}", PropertyValue::SysTime(modified(&message)))
        );
    }
    assert!(before <= created && created <= now());
}

fn change_key_is_new_with_each_version_and_in_the_predecessor_list(scene: &Scene) {
    // S11, S16, OXCPRPT-R30
    let id = scene.message("original");
    let mut before = stored(scene, &id);
    let mut seen = BTreeSet::from([key_of(&before)]);
    for round in 0..6 {
        let (client, flags) = if round % 2 == 0 {
            (&scene.ana, KEEP)
        } else {
            (&scene.ben, FORCE)
        };
        let handle = client.edit(&id, &format!("round {round}"));
        client.save(handle, flags).unwrap();
        let after = stored(scene, &id);
        assert!(seen.insert(key_of(&after)), "a key twice");
        let (old, new) = (predecessors_of(&before), predecessors_of(&after));
        assert!(seen.iter().all(|key| new.includes(key)));
        assert!(!old.includes(&key_of(&after)));
        assert_eq!(new.compare(&old), Succession::Newer);
        before = after;
    }
}

fn forced_version_has_seen_what_it_replaced(scene: &Scene) {
    // S11, S5
    let id = scene.message("original");
    let mine = scene.ben.edit(&id, "mine");
    let theirs = scene.ana.edit(&id, "theirs");
    scene.ana.save(theirs, KEEP).unwrap();
    let replaced = stored(scene, &id);
    scene.ben.save(mine, FORCE).unwrap();
    let forced = stored(scene, &id);
    assert!(predecessors_of(&forced).includes(&key_of(&replaced)));
    let order = predecessors_of(&forced).compare(&predecessors_of(&replaced));
    assert_eq!(
        order,
        Succession::Newer,
        "to who compares them it is no conflict"
    );
}

fn modification_time_never_goes_back(scene: &Scene) {
    // S11, MAPI-LastModTime-1
    let id = scene.message("original");
    let uid = *id
        .parse::<mapistore::EntryId>()
        .unwrap()
        .object()
        .as_bytes();
    // A clock that went wrong had stamped the last save.
    let future = FileTime::parse("2199-01-01T00:00:00.0000000Z").unwrap();
    let stamped = scene.by_hand().execute(
        "UPDATE messages SET modified_at = ? WHERE entry_uid = ?",
        rusqlite::params![future.to_string(), &uid[..]],
    );
    assert_eq!(stamped, Ok(1));
    for (client, flags) in [(&scene.ana, KEEP), (&scene.ben, FORCE)] {
        let handle = client.open(&id, Wanted::Modify);
        client.set(handle, pr::SUBJECT, "saved");
        client.save(handle, flags).unwrap();
        let message = stored(scene, &id);
        assert_eq!(modified(&message), future);
        assert!(
            committed(&message) < future,
            "the commit time is what the clock says"
        );
        assert!(
            client
                .view(handle)
                .property("PR_LAST_MODIFICATION_TIME")
                .unwrap()
                .contains("2199")
        );
    }
}

#[test]
fn client_name_is_that_of_the_store_that_saves() {
    // S11, OXCPRPT-R34
    let test = TestStore::new();
    let id = test.draft("original");
    let other = Store::options()
        .client_name("Ünïcode reader")
        .open(test.store.path())
        .unwrap();
    let mut message = other.open_message(&id, Access::Modify).unwrap();
    message.set(pr::SUBJECT, "saved").unwrap();
    message.save_changes(SaveFlags::KEEP_OPEN_READONLY).unwrap();
    let modifier = message.get(pr::LAST_MODIFIER_NAME).unwrap();
    assert_eq!(modifier.as_deref(), Some("Ünïcode reader"));
    let journal = test
        .store
        .saves_after(&id, mapistore::RowVersion::FIRST)
        .unwrap();
    assert_eq!(journal.len(), 1);
    assert_eq!(journal[0].client_name, "Ünïcode reader");
    assert_eq!(journal[0].process_id, std::process::id());
}
