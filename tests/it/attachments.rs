//! Attachments are transacted through their message (S14).

use std::io::Read;

use mapistore::{
    Access, AccessLevel, AttachMethod, AttachmentNumber, FileTime, MapiCode, MapiProp, Message,
    PropertyTag, PropertyValue, SaveFlags, pr,
};

use crate::support::{Blob, FORCE, KEEP, Scene, TestStore, Wanted, code_of, expect, two_clients};

two_clients!(
    saved_attachment_is_pending_until_its_message_is_saved,
    attachments_of_a_refused_message_are_not_stored,
    equal_data_is_stored_once_whoever_attaches_it,
    forced_save_gives_no_attachment_number_again,
);

const BOTH: SaveFlags = SaveFlags::KEEP_OPEN_READONLY.union(SaveFlags::KEEP_OPEN_READWRITE);

fn read_data(message: &Message, number: AttachmentNumber) -> Vec<u8> {
    let mut data = Vec::new();
    message
        .open_attachment_data(number)
        .unwrap()
        .read_to_end(&mut data)
        .unwrap();
    data
}

fn saved_attachment_is_pending_until_its_message_is_saved(scene: &Scene) {
    // S14; OXCMSG-R1062, MAPI-SavingMessage-1, MAPI-AttachTable-1, OXCMSG-R490/R312
    let id = scene.message("original");
    let before = scene.look(&id);
    let change = scene.last_change();
    let handle = scene.ana.open(&id, Wanted::Modify);
    scene.ana.attach(handle, "small", Blob::new(3, 100));
    scene.ana.attach(handle, "stream", Blob::new(4, 100_000));
    scene.ana.attach(handle, "spilled", Blob::new(5, 3_000_000));
    scene.ana.replace_attachment(handle, 0, Blob::new(6, 50));
    let pending = scene.ana.view(handle);
    assert!(pending.pending);
    let names = ["figures.csv", "small", "stream", "spilled"];
    assert_eq!(pending.attachment_names(), names);
    let other = scene.ben.open(&id, Wanted::Modify);
    assert_eq!(scene.ben.view(other).content, before.content);
    assert_eq!((scene.look(&id), scene.last_change()), (before, change));

    scene.ana.save(handle, KEEP).unwrap();
    let now = scene.look(&id);
    assert_eq!((now.row_version, &now.content), (Some(2), &pending.content));
    assert_eq!(
        scene.last_change(),
        change + 1,
        "one change for all of them"
    );
    expect(scene.ben.save(other, KEEP), MapiCode::MAPI_E_OBJECT_CHANGED);
}

fn forced_save_gives_no_attachment_number_again(scene: &Scene) {
    // S5: what is attached after it gets no number that theirs had
    let id = scene.message("original");
    let forcing = scene.ana.edit(&id, "forced");
    let theirs = scene.ben.open(&id, Wanted::Modify);
    let last = [1, 2].map(|seed| scene.ben.attach(theirs, "theirs", Blob::new(seed, 10)))[1];
    scene.ben.save(theirs, KEEP).unwrap();
    scene.ana.save(forcing, FORCE).unwrap();
    let now = scene.look(&id);
    assert_eq!(now.attachment_names(), ["figures.csv"]);
    // Neither by the handle that forced, nor by one that is opened now.
    let next = scene.ana.attach(forcing, "next", Blob::new(3, 10));
    assert_eq!(next, last + 1);
    let later = scene.ben.open(&id, Wanted::Modify);
    assert_eq!(scene.ben.attach(later, "later", Blob::new(4, 10)), last + 1);
    // What the handle holds is what is stored: it is not stale, and its next save takes no number back.
    scene.ana.save(forcing, KEEP).unwrap();
    scene.check();
    let reopened = scene.ben.open(&id, Wanted::Modify);
    let number = scene.ben.attach(reopened, "last", Blob::new(5, 10));
    assert_eq!(number, last + 2);
}

fn attachments_of_a_refused_message_are_not_stored(scene: &Scene) {
    // S14, S2, MAPI-MultiClient-2
    let id = scene.message("original");
    let loser = scene.ben.open(&id, Wanted::Modify);
    scene.ben.attach(loser, "lost", Blob::new(3, 100_000));
    scene.ben.delete_attachment(loser, 0);
    let winner = scene.ana.edit(&id, "won");
    scene.ana.save(winner, KEEP).unwrap();
    expect(scene.ben.save(loser, KEEP), MapiCode::MAPI_E_OBJECT_CHANGED);
    assert_eq!(scene.look(&id).attachment_names(), ["figures.csv"]);
    assert_eq!(scene.ben.view(loser).attachment_names(), ["lost"]);
}

fn equal_data_is_stored_once_whoever_attaches_it(scene: &Scene) {
    // S14, O2
    let streams = || {
        scene
            .store
            .query("SELECT stream_id FROM streams")
            .unwrap()
            .rows
            .len()
    };
    let (small, large) = (Blob::new(3, 50_000), Blob::new(4, 3_000_000));
    let mut ids = Vec::new();
    for client in [&scene.ana, &scene.ben, &scene.ana] {
        let new = client.create("Drafts");
        client.attach(new, "small", small);
        client.attach(new, "large", large);
        client.attach(new, "large once more", large);
        ids.push(client.save(new, SaveFlags::empty()).unwrap().entry_id);
    }
    assert_eq!(streams(), 2);
    scene.ana.delete_message(&ids[0], true);
    scene.ben.delete_message(&ids[1], true);
    assert_eq!(
        scene.ben.collect_garbage(),
        (0, 0, 0),
        "the third message has them"
    );
    let handle = scene.ben.open(&ids[2], Wanted::ReadOnly);
    let data = scene.ben.open_attachment_data(handle, 1);
    assert_eq!(scene.ben.compare(data, large, large.len), large.len);
    scene.check();
}

#[test]
fn attachment_that_is_not_saved_is_forgotten() {
    // S14; OXCMSG-R446, OXCMSG-R440/R1063, MAPI-SavingMessage-1
    let test = TestStore::new();
    let id = test.draft("original");
    let mut message = test.store.open_message(&id, Access::Modify).unwrap();
    let mut dropped = message.create_attachment().unwrap();
    dropped.set(pr::ATTACH_LONG_FILENAME, "dropped").unwrap();
    dropped.set_data(&b"dropped"[..]).unwrap();
    let number = dropped.number();
    drop(dropped);
    assert_eq!(message.attachments().unwrap(), []);
    assert_eq!(
        code_of(message.open_attachment(number)),
        MapiCode::MAPI_E_NOT_FOUND
    );
    assert_eq!(
        code_of(message.open_attachment_data(number)),
        MapiCode::MAPI_E_NOT_FOUND
    );
    let kept = message.attach("kept", &b"kept"[..]).unwrap();
    assert_ne!(kept, number, "numbers are never used again");
    // A change of a stored one that is not saved is forgotten too.
    let mut opened = message.open_attachment(kept).unwrap();
    opened.set_data(&b"changed"[..]).unwrap();
    opened.set(pr::ATTACH_LONG_FILENAME, "changed").unwrap();
    drop(opened);
    assert_eq!(read_data(&message, kept), b"kept");
    assert_eq!(
        message.attachments().unwrap()[0].name.as_deref(),
        Some("kept")
    );
}

#[test]
fn attachment_is_kept_open_as_the_flags_say() {
    // S14, S7; OXCMSG-R466, OXCMSG-R1906/R1907
    let test = TestStore::new();
    let mut message = test.new_draft();
    let mut attachment = message.create_attachment().unwrap();
    let both = attachment.save_changes(BOTH);
    assert_eq!(code_of(both), MapiCode::MAPI_E_NO_SUPPORT);
    let forced = attachment.save_changes(BOTH | SaveFlags::FORCE_SAVE);
    assert_eq!(code_of(forced), MapiCode::MAPI_E_NO_SUPPORT);
    attachment.set(pr::ATTACH_LONG_FILENAME, "one").unwrap();
    attachment
        .save_changes(SaveFlags::KEEP_OPEN_READWRITE)
        .unwrap();
    attachment.set(pr::ATTACH_LONG_FILENAME, "two").unwrap();
    attachment
        .save_changes(SaveFlags::KEEP_OPEN_READONLY)
        .unwrap();
    assert_eq!(attachment.access_level(), AccessLevel::ReadOnly);
    assert_eq!(
        attachment.get(pr::ATTACH_LONG_FILENAME).unwrap().as_deref(),
        Some("two")
    );
    let changed = attachment.set(pr::ATTACH_LONG_FILENAME, "three");
    assert_eq!(code_of(changed), MapiCode::MAPI_E_NO_ACCESS);
    let number = attachment.number();

    let mut attachment = message.open_attachment(number).unwrap();
    attachment
        .save_changes(SaveFlags::from_bits_retain(0x4000_0000))
        .unwrap();
    let closed = [
        code_of(attachment.get(pr::ATTACH_LONG_FILENAME)),
        code_of(attachment.properties()),
        code_of(attachment.set(pr::ATTACH_LONG_FILENAME, "closed")),
        code_of(attachment.set_data(&b"closed"[..])),
        code_of(attachment.open_stream(pr::ATTACH_DATA_BIN.tag())),
        code_of(attachment.delete_property(pr::ATTACH_METHOD.tag())),
        code_of(attachment.save_changes(SaveFlags::empty())),
    ];
    assert_eq!(closed, [MapiCode::MAPI_E_INVALID_OBJECT; 7]);
    assert_eq!(
        message.attachments().unwrap()[0].name.as_deref(),
        Some("two")
    );
}

#[test]
fn number_of_a_deleted_attachment_is_never_used_again() {
    // S14; OXCMSG-R234/R1836, OXCMSG-R440/R1063
    let test = TestStore::new();
    let mut message = test.new_draft();
    let first = message.attach("first", &b"first"[..]).unwrap();
    let second = message.attach("second", &b"second"[..]).unwrap();
    message.delete_attachment(second).unwrap();
    let third = message.attach("third", &b"third"[..]).unwrap();
    let id = message.save_changes(SaveFlags::empty()).unwrap().entry_id;
    let mut message = test.store.open_message(&id, Access::Modify).unwrap();
    message.delete_attachment(third).unwrap();
    let fourth = message.attach("fourth", &b"fourth"[..]).unwrap();
    assert_eq!(
        [first, second, third, fourth].map(|number| number.0),
        [0, 1, 2, 3]
    );
    assert_eq!(
        code_of(message.delete_attachment(second)),
        MapiCode::MAPI_E_NOT_FOUND
    );
    assert_eq!(read_data(&message, first), b"first");
    assert_eq!(read_data(&message, fourth), b"fourth");
}

#[test]
fn attachment_tells_what_it_is() {
    // S14; OXCMSG-R590/R236, OXCMSG-R47/R231
    let test = TestStore::new();
    let mut message = test.new_draft();
    let number = message
        .attach("figures.csv", Blob::new(1, 5_000).reader())
        .unwrap();
    let mut attachment = message.open_attachment(number).unwrap();
    attachment.set(pr::ATTACH_MIME_TAG, "text/csv").unwrap();
    attachment.save_changes(SaveFlags::empty()).unwrap();
    let id = message.save_changes(SaveFlags::empty()).unwrap().entry_id;
    let mut message = test.store.open_message(&id, Access::ReadOnly).unwrap();
    assert_eq!(message.get(pr::HASATTACH).unwrap(), Some(true));
    let [info] = &message.attachments().unwrap()[..] else {
        panic!("not one")
    };
    assert_eq!(info.name.as_deref(), Some("figures.csv"));
    assert_eq!(info.mime_type.as_deref(), Some("text/csv"));
    assert_eq!(info.method, AttachMethod::ByValue);
    assert_eq!(info.data.map(|data| data.size), Some(5_000));
    assert_eq!(read_data(&message, number), Blob::new(1, 5_000).bytes());
    let attachment = message.open_attachment(number).unwrap();
    assert_eq!(attachment.get(pr::ATTACH_NUM).unwrap(), Some(0));
    assert!(
        attachment
            .get(pr::ATTACH_SIZE)
            .unwrap()
            .is_some_and(|size| size >= 5_000)
    );
    assert_eq!(attachment.access_level(), AccessLevel::ReadOnly);
}

#[test]
fn new_attachment_has_a_method_a_position_and_the_time_of_its_creation() {
    // OXCMSG-R451/R588, OXCMSG-R2035/R452/R453
    let test = TestStore::new();
    let mut message = test.new_draft();
    let before = FileTime::from_timestamp(jiff::Timestamp::now());
    let mut attachment = message.create_attachment().unwrap();
    assert_eq!(attachment.get(pr::ATTACH_METHOD).unwrap(), Some(0));
    assert_eq!(attachment.get(pr::RENDERING_POSITION).unwrap(), Some(-1));
    let created = attachment.get(pr::CREATION_TIME).unwrap().unwrap();
    let modified = attachment.get(pr::LAST_MODIFICATION_TIME).unwrap();
    assert_eq!(modified, Some(created));
    assert!(before <= created && created <= FileTime::from_timestamp(jiff::Timestamp::now()));
    attachment.save_changes(KEEP).unwrap();
    assert_eq!(
        attachment.get(pr::LAST_MODIFICATION_TIME).unwrap(),
        Some(created)
    );
    attachment.set(pr::ATTACH_LONG_FILENAME, "later").unwrap();
    attachment.save_changes(KEEP).unwrap();
    assert_eq!(attachment.get(pr::CREATION_TIME).unwrap(), Some(created));
    assert!(attachment.get(pr::LAST_MODIFICATION_TIME).unwrap() >= Some(created));
}

#[test]
fn attachment_has_what_the_store_keeps_and_nobody_sets_it() {
    // OXCMSG-R219/R1078, OXCMSG-R47/R231, OXCMSG-R234/R1836
    let test = TestStore::new();
    let mut message = test.new_draft();
    message.attach("one", &b"one"[..]).unwrap();
    let number = message.attach("two", &b"two"[..]).unwrap();
    let mut attachment = message.open_attachment(number).unwrap();
    assert_eq!(attachment.get(pr::ACCESS_LEVEL).unwrap(), Some(1));
    assert_eq!(attachment.get(pr::OBJECT_TYPE).unwrap(), Some(7));
    assert!(attachment.get(pr::RECORD_KEY).unwrap().is_some());
    let size = attachment.get(pr::ATTACH_SIZE).unwrap().unwrap();
    assert!(size >= 3);
    attachment.set_data(&[0_u8; 1_000][..]).unwrap();
    assert!(attachment.get(pr::ATTACH_SIZE).unwrap().unwrap() >= size + 997);
    let refused = [
        code_of(attachment.set(pr::ACCESS_LEVEL, 0)),
        code_of(attachment.set(pr::OBJECT_TYPE, 5)),
        code_of(attachment.set(pr::RECORD_KEY, vec![1])),
        code_of(attachment.set(pr::INSTANCE_KEY, vec![1])),
        code_of(attachment.set(pr::ATTACH_SIZE, 1)),
        code_of(attachment.set(pr::ATTACH_NUM, 7)),
        code_of(attachment.set(pr::CREATION_TIME, FileTime::new(1))),
        code_of(attachment.set(pr::LAST_MODIFICATION_TIME, FileTime::new(1))),
        code_of(attachment.delete_property(pr::CREATION_TIME.tag())),
    ];
    assert_eq!(refused, [MapiCode::MAPI_E_COMPUTED; 9]);
    assert_eq!(attachment.get(pr::ATTACH_NUM).unwrap(), Some(1));
}

#[test]
fn attachment_table_has_a_row_for_each_attachment_without_opening_it() {
    // OXCMSG-R490/R312, MAPI-AttachTable-1, MAPI-AttachTable-3
    let test = TestStore::new();
    let mut message = test.new_draft();
    assert_eq!(message.attachments().unwrap(), []);
    let numbers = ["one", "two"].map(|name| message.attach(name, name.as_bytes()).unwrap());
    let unsaved = message.create_attachment().unwrap();
    drop(unsaved);
    let mut keys = Vec::new();
    for (info, number) in message.attachments().unwrap().iter().zip(numbers) {
        assert_eq!(info.number, number);
        let row = message.attachment_properties(number).unwrap();
        let find = |wanted: PropertyTag| {
            let found = row.iter().find(|(tag, _)| *tag == wanted);
            found.map(|(_, value)| value.clone()).unwrap()
        };
        let number = PropertyValue::Long(number.0.cast_signed());
        assert_eq!(find(pr::ATTACH_NUM.tag()), number.into());
        let position = PropertyValue::Long(info.rendering_position);
        assert_eq!(find(pr::RENDERING_POSITION.tag()), position.into());
        keys.push(find(pr::RECORD_KEY.tag()));
        keys.push(find(pr::INSTANCE_KEY.tag()));
    }
    assert_eq!(keys.len(), 4);
    assert_ne!(keys[0], keys[2]);
    assert_ne!(keys[1], keys[3]);
    assert!(message.attachments().unwrap()[0].mime_type.is_none());
    let mut opened = message.open_attachment(numbers[0]).unwrap();
    opened.set(pr::ATTACH_MIME_TAG, "text/plain").unwrap();
    opened.save_changes(SaveFlags::empty()).unwrap();
    let mime_type = message.attachments().unwrap()[0].mime_type.clone();
    assert_eq!(mime_type.as_deref(), Some("text/plain"));
    let gone = message.attachment_properties(AttachmentNumber(2));
    assert_eq!(code_of(gone), MapiCode::MAPI_E_NOT_FOUND);
}

#[test]
fn deleted_attachment_is_gone_from_the_handle_at_once_and_from_the_store_when_saved() {
    // OXCMSG-R1523, OXCMSG-R469
    let test = TestStore::new();
    let mut message = test.new_draft();
    let number = message.attach("figures.csv", &b"1;2;3"[..]).unwrap();
    let id = message.save_changes(SaveFlags::empty()).unwrap().entry_id;
    let open = || test.store.open_message(&id, Access::Modify).unwrap();
    let mut dropped = open();
    dropped.delete_attachment(number).unwrap();
    assert_eq!(dropped.get(pr::HASATTACH).unwrap(), Some(false));
    assert_eq!(
        code_of(dropped.open_attachment(number)),
        MapiCode::MAPI_E_NOT_FOUND
    );
    drop(dropped);
    assert_eq!(read_data(&open(), number), b"1;2;3");
    let mut saved = open();
    saved.delete_attachment(number).unwrap();
    saved.save_changes(SaveFlags::empty()).unwrap();
    assert_eq!(open().attachments().unwrap(), []);
    assert_eq!(open().get(pr::HASATTACH).unwrap(), Some(false));
}

#[test]
fn attachment_is_opened_with_the_access_that_is_asked_for() {
    // OXCMSG-R917/R918/R919
    let test = TestStore::new();
    let mut message = test.new_draft();
    let number = message.attach("figures.csv", &b"1;2;3"[..]).unwrap();
    let id = message.save_changes(SaveFlags::empty()).unwrap().entry_id;
    let granted = |handle: Access, wanted: Access| {
        let mut message = test.store.open_message(&id, handle).unwrap();
        let mut attachment = message.open_attachment_with(number, wanted)?;
        let level = attachment.get(pr::ACCESS_LEVEL)?;
        let set = attachment.set(pr::ATTACH_MIME_TAG, "text/csv");
        match attachment.access_level() {
            AccessLevel::Modify => set.unwrap(),
            AccessLevel::ReadOnly => assert_eq!(code_of(set), MapiCode::MAPI_E_NO_ACCESS),
        }
        Ok(level)
    };
    assert_eq!(granted(Access::Modify, Access::default()).unwrap(), Some(0));
    assert_eq!(granted(Access::Modify, Access::Modify).unwrap(), Some(1));
    assert_eq!(granted(Access::Modify, Access::Best).unwrap(), Some(1));
    assert_eq!(granted(Access::ReadOnly, Access::Best).unwrap(), Some(0));
    assert_eq!(
        code_of(granted(Access::ReadOnly, Access::Modify)),
        MapiCode::MAPI_E_NO_ACCESS
    );
}

#[test]
fn properties_of_an_attachment_are_read_set_and_deleted_as_lists() {
    // OXCPRPT-R47505, OXCPRPT-R457/R45701, OXCPRPT-R48405
    let test = TestStore::new();
    let mut message = test.new_draft();
    let number = message.attach("figures.csv", &b"1;2;3"[..]).unwrap();
    let mut attachment = message.open_attachment(number).unwrap();
    let problems = attachment
        .set_values(&[
            (pr::ATTACH_MIME_TAG.tag(), "text/csv".into()),
            (pr::ATTACH_SIZE.tag(), 7.into()),
        ])
        .unwrap();
    assert_eq!(problems.len(), 1);
    assert_eq!(
        (problems[0].index, problems[0].error.code()),
        (1, MapiCode::MAPI_E_COMPUTED)
    );
    let asked = [pr::ATTACH_CONTENT_ID.tag(), pr::ATTACH_MIME_TAG.tag()];
    let slots = attachment.get_values(&asked).unwrap();
    assert_eq!(
        slots[0].as_ref().unwrap_err().code(),
        MapiCode::MAPI_E_NOT_FOUND
    );
    assert_eq!(slots[1].as_ref().unwrap().1, "text/csv".into());
    attachment.delete_properties(&asked).unwrap();
    let left = attachment.property_list().unwrap();
    assert!(!left.contains(&asked[1]) && left.contains(&pr::ATTACH_DATA_BIN.tag()));
}
