//! Kept versions and the journal go when somebody wants it, and then the store says that it does not know (K7).

use std::time::Duration;

use mapistore::{
    Access, ChangeKind, ChangeNumber, Deletion, EntryId, JournalEntry, MapiCode, Notice, ObjectUid,
    Purge, Purged, SaveFlags, SavedBetween, Store, VersionContent, pr,
};

use crate::support::{
    Blob, Command, FORCE, Handle, KEEP, Scene, TestStore, Wanted, code_of, two_clients,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Replaces the stored version without having seen it, so that it is kept.
fn force(store: &Store, id: &EntryId, subject: &str) {
    let mut slower = store.open_message(id, Access::Modify).unwrap();
    let mut faster = store.open_message(id, Access::Modify).unwrap();
    faster.set(pr::BODY, subject.repeat(6_000)).unwrap();
    faster.save_changes(SaveFlags::empty()).unwrap();
    slower.set(pr::SUBJECT, subject).unwrap();
    slower.save_changes(FORCE).unwrap();
}

/// A message with three kept versions, which are 2, 4 and 6; 7 is stored.
fn with_kept_versions(test: &TestStore) -> EntryId {
    let id = test.draft("one");
    for subject in ["a", "b", "c"] {
        force(&test.store, &id, subject);
    }
    id
}

fn kept(test: &TestStore, id: &EntryId) -> Vec<i64> {
    let versions = test.store.versions(id).unwrap().into_iter();
    versions
        .filter(|info| matches!(info.content, VersionContent::Kept { .. }))
        .map(|info| info.saved.row_version.get())
        .collect()
}

/// What happened in the store, as a follower is told who has seen the changes up to one.
fn told(store: &Store, since: i64) -> Vec<JournalEntry> {
    let since = ChangeNumber::new(since).unwrap();
    store.changes_after(since, 1_000).unwrap()
}

/// Makes everything look as if it had happened long ago.
fn age(test: &TestStore) {
    let by_hand = rusqlite::Connection::open(test.store.path()).unwrap();
    by_hand
        .execute_batch(
            "UPDATE changes SET committed_at = '2020-01-01T00:00:00.0000000Z';
             UPDATE message_versions SET replaced_at = '2020-01-01T00:00:00.0000000Z'",
        )
        .unwrap();
}

#[test]
fn purge_by_count_leaves_the_newest_of_each_message() {
    // K7
    let test = TestStore::new();
    let (one, other) = (with_kept_versions(&test), with_kept_versions(&test));
    let purged = test
        .store
        .purge(&Purge::everything().keep_newest(2))
        .unwrap();
    assert_eq!((purged.versions, purged.changes), (2, 10));
    for id in [one, other] {
        assert_eq!(kept(&test, &id), [4, 6]);
        let listed = test.store.versions(&id).unwrap().into_iter();
        let listed: Vec<i64> = listed.map(|info| info.saved.row_version.get()).collect();
        assert_eq!(listed, [4, 6, 7]);
        let message = test.store.open_message(&id, Access::ReadOnly).unwrap();
        assert_eq!(message.get(pr::SUBJECT).unwrap().as_deref(), Some("c"));
    }
    assert_eq!(test.store.collect_garbage().unwrap().streams, 1);
    test.assert_sound();
}

#[test]
fn purge_by_age_leaves_what_is_younger() {
    // K7
    let test = TestStore::new();
    let id = with_kept_versions(&test);
    let old = Purge::everything().older_than(DAY);
    assert_eq!(test.store.purge(&old).unwrap(), Purged::default());
    assert_eq!(kept(&test, &id), [2, 4, 6]);
    age(&test);
    force(&test.store, &id, "d");
    let purged = test.store.purge(&old).unwrap();
    assert_eq!((purged.versions, purged.changes), (3, 7));
    assert_eq!(kept(&test, &id), [8]);
    test.assert_sound();
}

#[test]
fn both_limits_together_purge_only_what_both_leave_over() {
    // K7
    let test = TestStore::new();
    let id = with_kept_versions(&test);
    age(&test);
    force(&test.store, &id, "d");
    let limits = Purge::everything().older_than(DAY).keep_newest(2);
    assert_eq!(test.store.purge(&limits).unwrap().versions, 2);
    assert_eq!(kept(&test, &id), [6, 8]);
}

#[test]
fn purge_of_one_message_leaves_the_others() {
    // K7
    let test = TestStore::new();
    let (one, other) = (with_kept_versions(&test), with_kept_versions(&test));
    let purged = test.store.purge(&Purge::everything().of(&[one])).unwrap();
    assert_eq!((purged.versions, purged.changes), (3, 7));
    assert!(kept(&test, &one).is_empty());
    assert_eq!(kept(&test, &other), [2, 4, 6]);
    assert_eq!(test.store.versions(&other).unwrap().len(), 7);
    let foreign = EntryId::new(mapistore::StoreUid::random(), ObjectUid::random());
    let foreign = test.store.purge(&Purge::everything().of(&[other, foreign]));
    assert_eq!(code_of(foreign), MapiCode::MAPI_E_UNKNOWN_ENTRYID);
    assert_eq!(kept(&test, &other), [2, 4, 6]);
}

#[test]
fn follower_of_a_purged_journal_is_told_of_an_overflow_and_of_all_that_came_later() {
    // K7
    let test = TestStore::new();
    let id = test.draft("one");
    force(&test.store, &id, "a");
    let seen = test.store.last_change().unwrap().get();
    test.store.purge(&Purge::everything()).unwrap();
    let other = test.draft("two");

    let entries = told(&test.store, 0);
    let [overflow, created] = &entries[..] else {
        panic!("{entries:?}")
    };
    assert_eq!(overflow.kind, ChangeKind::Overflow);
    assert_eq!(overflow.change_number.get(), seen);
    assert!(overflow.objects.is_empty());
    assert_eq!(created.objects, [other.object()]);
    // Who has seen what was purged has missed nothing.
    assert_eq!(told(&test.store, seen)[..], entries[1..]);
    let mut changes = test.store.subscribe(ChangeNumber::ZERO).unwrap();
    let gap = Notice::Overflow {
        after: ChangeNumber::ZERO,
        through: overflow.change_number,
    };
    assert_eq!(changes.next(Duration::ZERO).unwrap(), gap);
    let next = changes.next(Duration::ZERO).unwrap();
    assert_eq!(next, Notice::Changed(created.clone()));
    assert_eq!(changes.next(Duration::ZERO).unwrap(), Notice::TimedOut);
    let first = test.store.changes_after(ChangeNumber::ZERO, 1).unwrap();
    assert_eq!(first[0].kind, ChangeKind::Overflow);
}

#[test]
fn purge_of_one_message_overflows_who_has_not_seen_its_changes() {
    // K7: rows of others in between would hide that some are missing
    let test = TestStore::new();
    let one = test.draft("one");
    test.draft("two");
    let mut message = test.store.open_message(&one, Access::Modify).unwrap();
    message.set(pr::SUBJECT, "again").unwrap();
    message.save_changes(KEEP).unwrap();
    let last = test.store.last_change().unwrap().get();
    test.store.purge(&Purge::everything().of(&[one])).unwrap();
    let kinds: Vec<ChangeKind> = told(&test.store, 1)
        .into_iter()
        .map(|one| one.kind)
        .collect();
    assert_eq!(kinds, [ChangeKind::Overflow]);
    assert!(told(&test.store, last).is_empty());
}

#[test]
fn report_says_that_it_does_not_know_who_saved_in_between() {
    // K1, K7
    let test = TestStore::new();
    let id = test.draft("one");
    let mut mine = test.store.open_message(&id, Access::Modify).unwrap();
    let mut theirs = test.store.open_message(&id, Access::Modify).unwrap();
    let saves = ["two", "three"].map(|subject| {
        theirs.set(pr::SUBJECT, subject).unwrap();
        theirs.save_changes(KEEP).unwrap().save_id
    });
    let is_known = |save_id| test.store.find_save(&id, save_id).unwrap().is_some();
    assert_eq!(saves.map(is_known), [true, true]);
    test.store
        .purge(&Purge::everything().keep_newest(1))
        .unwrap();
    mine.set(pr::IMPORTANCE, 2).unwrap();
    let conflict = mine.conflict().unwrap();
    let SavedBetween::Some(known) = conflict.saved_between() else {
        panic!("it claims to know all")
    };
    assert_eq!(known.len(), 1);
    assert_eq!(saves.map(is_known), [false, true]);
}

#[test]
fn entry_id_of_a_message_deleted_for_good_never_comes_back() {
    // K7, P1, O5
    let test = TestStore::new();
    let id = test.draft("one");
    test.store.delete_messages(&[id], Deletion::Hard).unwrap();
    assert_eq!(test.store.purge(&Purge::everything()).unwrap().changes, 1);
    let by_hand = rusqlite::Connection::open(test.store.path()).unwrap();
    let again = by_hand.execute(
        "INSERT INTO messages (entry_uid, folder_id, row_version, change_number, created_at, modified_at, \
         modified_by, committed_at, change_key, predecessor_change_list, size, properties, recipients, attachments) \
         VALUES (?, 3, 1, 1, '', '', '', '', x'', x'', 0, '{}', '[]', '{\"next_number\":0,\"rows\":[]}')",
        [id.object().as_bytes()],
    );
    assert!(again.unwrap_err().to_string().contains("never used"));
}

#[test]
fn change_numbers_go_on_after_the_whole_journal_was_purged() {
    // K7, S16
    let test = TestStore::new();
    test.draft("one");
    let before = test.store.last_change().unwrap();
    test.store.purge(&Purge::everything()).unwrap();
    assert_eq!(test.store.last_change().unwrap(), before);
    test.draft("two");
    assert_eq!(test.store.last_change().unwrap(), before.next());
}

#[test]
fn many_rows_go_in_several_turns() {
    // K7, P3
    let test = TestStore::new();
    let id = test.draft("one");
    let by_hand = rusqlite::Connection::open(test.store.path()).unwrap();
    by_hand
        .execute_batch(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2500)
             INSERT INTO changes (committed_at, kind, client_name, process_id)
             SELECT '2026-01-01T00:00:00.0000000Z', 'read-state-changed', 'by hand', 1 FROM numbers",
        )
        .unwrap();
    assert_eq!(
        test.store
            .purge(&Purge::everything().keep_newest(0))
            .unwrap()
            .changes,
        1
    );
    assert_eq!(
        test.store.purge(&Purge::everything()).unwrap().changes,
        2_500
    );
    assert!(test.store.open_message(&id, Access::ReadOnly).is_ok());
}

two_clients!(
    kept_version_that_is_open_is_read_to_its_end_after_a_purge,
    message_that_is_open_is_read_to_its_end_after_its_past_is_gone,
    many_purges_at_once_take_each_row_once,
);

/// The stream that only the kept version 2 of the message has.
const OF_BEN: Blob = Blob::new(77, 300_000);

/// Ben's version 2, with a large body of its own, is replaced by Ana, who had seen version 1.
fn replaced(scene: &Scene) -> String {
    let id = scene.message("one");
    let ana = scene.ana.edit(&id, "of Ana");
    let ben = scene.ben.edit(&id, "of Ben");
    scene.ben.set_blob(ben, pr::BODY, OF_BEN);
    scene.ben.save(ben, KEEP).unwrap();
    scene.ana.save(ana, FORCE).unwrap();
    for (client, handle) in [(&scene.ana, ana), (&scene.ben, ben)] {
        client.call::<()>(Command::Drop(handle)).unwrap();
    }
    id
}

fn kept_version_that_is_open_is_read_to_its_end_after_a_purge(scene: &Scene) {
    // O2, K7, P5
    let id = replaced(scene);
    let kept: Handle = scene
        .ana
        .call(Command::OpenVersion {
            id: id.clone(),
            version: 2,
        })
        .unwrap();
    let before = scene.ana.view(kept);
    assert_eq!(before.subject(), Some("of Ben"));
    let purged: (u64, u64) = scene.ben.call(Command::Purge { keep: 0 }).unwrap();
    assert_eq!(purged, (3, 1));
    let collected = scene.store.collect_garbage().unwrap();
    assert_eq!((collected.streams, collected.kept_for_handles), (0, 1));
    assert_eq!(scene.ana.view(kept), before);
    let again = scene.ben.call::<Handle>(Command::OpenVersion {
        id: id.clone(),
        version: 2,
    });
    assert!(again.unwrap_err().is(MapiCode::MAPI_E_NOT_FOUND));

    scene.ana.call::<()>(Command::Drop(kept)).unwrap();
    let collected = scene.store.collect_garbage().unwrap();
    assert_eq!((collected.streams, collected.bytes), (1, 300_000));
    scene.check();
}

fn message_that_is_open_is_read_to_its_end_after_its_past_is_gone(scene: &Scene) {
    // O2, K7, S4
    let id = replaced(scene);
    let old = scene.ben.open(&id, Wanted::Modify);
    let before = scene.ben.view(old);
    let newer = scene.ana.edit(&id, "newer");
    scene.ana.set_blob(newer, pr::BODY, Blob::new(78, 200_000));
    scene.ana.save(newer, KEEP).unwrap();
    scene
        .ana
        .call::<(u64, u64)>(Command::Purge { keep: 0 })
        .unwrap();
    let entry_id: EntryId = id.parse().unwrap();
    scene
        .store
        .delete_messages(&[entry_id], Deletion::Hard)
        .unwrap();
    // What only the purged version had goes; what the open handles read stays.
    scene.store.collect_garbage().unwrap();
    assert_eq!(scene.ben.view(old), before);
    let refused = scene.ben.save(old, KEEP).unwrap_err();
    assert!(refused.is(MapiCode::MAPI_E_OBJECT_DELETED), "{refused:?}");

    scene.ben.call::<()>(Command::Drop(old)).unwrap();
    scene.ana.call::<()>(Command::Drop(newer)).unwrap();
    let streams = "SELECT count(*) FROM streams";
    scene.store.collect_garbage().unwrap();
    assert_eq!(
        scene.store.query(streams).unwrap().rows,
        [[mapistore::Cell::Integer(0)]]
    );
    scene.message("another");
    scene.check();
}

fn many_purges_at_once_take_each_row_once(scene: &Scene) {
    // K7, P1
    for _ in 0..3 {
        replaced(scene);
    }
    let clients = [&scene.ana, &scene.ben];
    for client in clients {
        client.send(Command::Purge { keep: 0 });
    }
    let mut sum = (0, 0);
    for client in clients {
        let (changes, versions): (u64, u64) = client.receive().unwrap();
        sum = (sum.0 + changes, sum.1 + versions);
    }
    assert_eq!(sum, (9, 3));
    scene.check();
}
