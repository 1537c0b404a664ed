//! Space is given back while others use the store.

use std::io::Read;

use mapistore::{BackupIdentity, Deletion, MapiCode, Store, pr};

use crate::support::{KEEP, Scene, Sharing, TestStore, code_of};

#[test]
fn compacting_goes_on_beside_writers_and_takes_nothing_from_them() {
    // P5, O2
    let scene = Scene::new(Sharing::Processes);
    let writers = scene.writers(3, false);
    let drafts = scene.store.folder_by_path("Drafts").unwrap();
    let mut last = vec![0; writers.len()];
    for round in 0..4 {
        // The one is waste at once, the other is still read.
        let [waste, kept] = [round, round + 100].map(|byte: u8| {
            let mut message = drafts.create_message().unwrap();
            message.attach("data", &vec![byte; 3_000_000][..]).unwrap();
            message.save_changes(KEEP).unwrap();
            message
        });
        let ids = [waste.entry_id(), kept.entry_id()];
        scene.store.delete_messages(&ids, Deletion::Hard).unwrap();
        drop(waste);
        let compacted = scene.store.compact(&mut |_| {}).unwrap();
        assert!(compacted.size_after > 3_000_000);
        let mut data = Vec::new();
        let attachment = kept.attachments().unwrap()[0].number;
        kept.open_attachment_data(attachment)
            .unwrap()
            .read_to_end(&mut data)
            .unwrap();
        assert_eq!(data, vec![round + 100; 3_000_000]);
        for ((writer, _), last) in writers.iter().zip(&mut last) {
            let mark: u32 = writer.progress();
            assert!(mark > *last, "the writers go on");
            *last = mark;
        }
    }
    for (writer, _) in &writers {
        writer.kill();
    }
    let waste = scene.store.compact(&mut |_| {}).unwrap();
    assert!(waste.size_after < 1_500_000, "{waste:?}");
    scene.check();
}

#[test]
fn file_shrinks_to_what_is_stored() {
    // P5
    let test = TestStore::new();
    let mut message = test.new_draft();
    for number in 0..40 {
        let data = vec![number; 300_000];
        message.attach("data", &data[..]).unwrap();
    }
    message.save_changes(KEEP).unwrap();
    let id = message.entry_id();
    drop(message);
    let full = test.store.compact(&mut |_| {}).unwrap();
    assert_eq!(full.size_before, full.size_after);
    test.store.delete_messages(&[id], Deletion::Hard).unwrap();
    let mut last = 0;
    let compacted = test
        .store
        .compact(&mut |progress| {
            assert!(progress.done >= last && progress.done <= progress.total);
            last = progress.done;
        })
        .unwrap();
    assert!(last > 2_000, "in steps");
    assert_eq!(compacted.collected.bytes, 40 * 300_000);
    assert!(compacted.size_before > 12_000_000 && compacted.size_after < 500_000);
    let file = std::fs::metadata(test.store.path()).unwrap();
    assert_eq!(file.len(), compacted.size_after);
    test.assert_sound();
}

#[test]
fn counters_that_cannot_be_are_damage_until_they_are_counted_anew() {
    // S8, P1
    for (total, unread) in [
        (-5, i64::MAX),
        (i64::MAX, 0),
        (i64::MAX, i64::MAX),
        (i64::MIN, -1),
    ] {
        let test = TestStore::new();
        let inbox = test.store.folder_by_path("Inbox").unwrap();
        let mut before = inbox.create_message().unwrap();
        before.save_changes(KEEP).unwrap();
        let by_hand = rusqlite::Connection::open(test.store.path()).unwrap();
        by_hand
            .execute_batch("PRAGMA ignore_check_constraints = ON")
            .unwrap();
        by_hand
            .execute(
                "UPDATE folders SET total_count = ?, unread_count = ? WHERE kind = 'inbox'",
                (total, unread),
            )
            .unwrap();
        drop(by_hand);
        let mut message = inbox.create_message().unwrap();
        message.set(pr::SUBJECT, "waits").unwrap();
        assert_eq!(
            code_of(message.save_changes(KEEP)),
            MapiCode::MAPI_E_CORRUPT_STORE,
            "{total}, {unread}"
        );
        let problems = test.store.check(&mut |_| {}).unwrap().problems;
        assert!(
            problems.iter().any(|problem| problem.contains("Inbox")),
            "{problems:?}"
        );
        let folder = tempfile::tempdir().unwrap();
        let sound = folder.path().join("sound.store");
        let copy = folder.path().join("copy.store");
        test.store
            .backup(&copy, BackupIdentity::Kept, &mut |_| {})
            .unwrap();
        assert_eq!(Store::recover(&copy, &sound, &mut |_| {}).unwrap().lost, []);
        let sound = Store::options().open(&sound).unwrap();
        assert!(sound.check(&mut |_| {}).unwrap().is_sound());

        assert_eq!(test.store.compact(&mut |_| {}).unwrap().counters_mended, 1);
        message.save_changes(KEEP).unwrap();
        test.assert_sound();
    }
}

#[test]
fn store_that_is_read_only_is_not_compacted() {
    // O3
    let test = TestStore::new();
    let store = Store::options()
        .read_only()
        .open(test.store.path())
        .unwrap();
    assert_eq!(
        code_of(store.compact(&mut |_| {})),
        MapiCode::MAPI_E_NO_ACCESS
    );
}
