//! The status of a message in its folder: set and read without opening the message.

use mapistore::{Access, MapiCode, SaveFlags, pr};

use crate::support::{FORCE, KEEP, Scene, TestStore, Wanted, code_of, expect, two_clients};

two_clients!(
    status_is_set_and_read_without_opening_the_message,
    setting_returns_the_status_as_it_was_before,
    status_is_committed_at_once_and_changes_nothing_else,
    only_the_bits_in_the_mask_change,
    status_is_not_written_by_a_property_write,
    in_conflict_bit_is_the_stores_own,
    refused_and_forced_saves_leave_the_status_alone,
);

const TAGGED: i32 = 0x0002;
const IN_CONFLICT: i32 = 0x0800;
const REMOTE_DOWNLOAD: i32 = 0x1000;
const REMOTE_DELETE: i32 = 0x2000;

fn status_is_set_and_read_without_opening_the_message(scene: &Scene) {
    // OXCMSG-R773, OXCMSG-R421
    let id = scene.message("original");
    assert_eq!(scene.ben.status(&id), 0);
    scene.ana.set_status(&id, TAGGED, TAGGED);
    assert_eq!(scene.ben.status(&id), TAGGED);
    scene.ben.delete_message(&id, false);
    let gone = scene
        .ana
        .call::<i32>(crate::support::Command::Status { id });
    expect(gone, MapiCode::MAPI_E_NOT_FOUND);
}

fn setting_returns_the_status_as_it_was_before(scene: &Scene) {
    // OXCMSG-R784
    let id = scene.message("original");
    for (status, mask) in [(TAGGED, TAGGED), (REMOTE_DELETE, 0x7FFF_F7FF), (0, TAGGED)] {
        let before = scene.ben.status(&id);
        assert_eq!(scene.ana.set_status(&id, status, mask), before);
    }
    assert_eq!(scene.ben.status(&id), REMOTE_DELETE);
}

fn status_is_committed_at_once_and_changes_nothing_else(scene: &Scene) {
    // OXCMSG-R1501, S13
    let id = scene.message("original");
    let before = scene.look(&id);
    let change = scene.last_change();
    let handle = scene.ben.edit(&id, "pending");
    scene.ana.set_status(&id, TAGGED, TAGGED);
    assert_eq!(scene.last_change(), change + 1);
    let after = scene.look(&id);
    assert_eq!(
        (&after.content, after.row_version),
        (&before.content, before.row_version)
    );
    for (name, value) in &before.computed {
        if name != "PR_MSG_STATUS" {
            assert_eq!(after.property(name), Some(&**value), "{name}");
        }
    }
    assert!(!scene.ben.is_stale(handle));
    scene.ben.save(handle, KEEP).unwrap();
    assert_eq!(scene.ana.status(&id), TAGGED);
}

fn only_the_bits_in_the_mask_change(scene: &Scene) {
    // OXCMSG-R416, OXCMSG-R1500
    let id = scene.message("original");
    let both = REMOTE_DOWNLOAD | REMOTE_DELETE;
    scene.ana.set_status(&id, -1, both);
    assert_eq!(scene.ben.status(&id), both);
    scene.ben.set_status(&id, REMOTE_DELETE, REMOTE_DOWNLOAD);
    assert_eq!(scene.ana.status(&id), REMOTE_DELETE);
    scene.ana.set_status(&id, REMOTE_DOWNLOAD, both);
    assert_eq!(scene.ben.status(&id), REMOTE_DOWNLOAD);
}

fn status_is_not_written_by_a_property_write(scene: &Scene) {
    // OXCMSG-R549, OXCMSG-R55, S11
    let id = scene.message("original");
    let handle = scene.ana.open(&id, Wanted::Modify);
    let tag = pr::MSG_STATUS.tag();
    let written = scene.ana.try_set(handle, tag, TAGGED);
    expect(written, MapiCode::MAPI_E_COMPUTED);
    scene.ana.set(handle, pr::SUBJECT, "saved");
    scene.ana.save(handle, KEEP).unwrap();
    assert_eq!(scene.ben.status(&id), 0);
}

fn in_conflict_bit_is_the_stores_own(scene: &Scene) {
    // OXCMSG-R545
    let id = scene.message("original");
    assert_eq!(scene.ana.set_status(&id, IN_CONFLICT, IN_CONFLICT), 0);
    assert_eq!(scene.ben.status(&id), 0);
    let mask = REMOTE_DOWNLOAD | REMOTE_DELETE | IN_CONFLICT;
    scene.ana.set_status(&id, mask, mask);
    assert_eq!(scene.ben.status(&id), REMOTE_DOWNLOAD | REMOTE_DELETE);
    // Where the store has set it no client takes it off.
    let set = scene
        .by_hand()
        .execute("UPDATE messages SET message_status = 0x800", []);
    assert!(set.unwrap() > 0);
    scene.ben.set_status(&id, 0, -1);
    assert_eq!(scene.ana.status(&id), IN_CONFLICT);
}

fn refused_and_forced_saves_leave_the_status_alone(scene: &Scene) {
    // S13, S2, S5
    let id = scene.message("original");
    let handle = scene.ana.edit(&id, "mine");
    scene.ben.set_status(&id, TAGGED, TAGGED);
    let other = scene.ben.edit(&id, "theirs");
    scene.ben.save(other, SaveFlags::empty()).unwrap();
    expect(
        scene.ana.save(handle, KEEP),
        MapiCode::MAPI_E_OBJECT_CHANGED,
    );
    assert_eq!(scene.ben.status(&id), TAGGED);
    scene.ben.set_status(&id, REMOTE_DELETE, REMOTE_DELETE);
    scene.ana.save(handle, FORCE).unwrap();
    assert_eq!(scene.ben.status(&id), TAGGED | REMOTE_DELETE);
}

#[test]
fn status_of_another_stores_message_is_refused() {
    let (test, other) = (TestStore::new(), TestStore::new());
    let id = other.draft("a");
    assert_eq!(
        code_of(test.store.message_status(&id)),
        MapiCode::MAPI_E_UNKNOWN_ENTRYID
    );
}

#[test]
fn status_of_more_bits_than_there_are_is_named_by_check() {
    let test = TestStore::new();
    let sound = test.draft("sound");
    let id = test.draft("damaged");
    let by_hand = rusqlite::Connection::open(test.store.path()).unwrap();
    by_hand
        .execute(
            "UPDATE messages SET message_status = 1 << 40 WHERE entry_uid = ?",
            [id.object().as_bytes()],
        )
        .unwrap();
    drop(by_hand);
    let problems = test.store.check(&mut |_| {}).unwrap().problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].contains(&id.object().to_string()),
        "{problems:?}"
    );
    assert_eq!(
        code_of(test.store.open_message(&id, Access::ReadOnly)),
        MapiCode::MAPI_E_CORRUPT_STORE
    );
    test.store.open_message(&sound, Access::ReadOnly).unwrap();
}
