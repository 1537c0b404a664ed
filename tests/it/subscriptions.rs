//! Following what others commit, and learning that an open message was changed, without a save.

use std::collections::BTreeMap;
use std::time::Duration;

use mapistore::{
    Access, ChangeNumber, Deletion, EntryId, JournalEntry, MapiCode, Notice, ReadState, SaveFlags,
    Staleness, Store, Subscription, Waking, pr,
};

use crate::support::{
    Command, KEEP, Scene, Sharing, TestStore, Wanted, code_of, expect, two_clients,
};

/// Nothing takes so long unless a word was lost.
const PATIENCE: Duration = Duration::from_secs(120);

two_clients!(
    every_change_is_told_once_and_in_the_order_of_the_commits,
    handle_is_told_that_it_is_stale_without_a_save,
    narrowed_subscription_tells_of_its_messages_only,
);

#[track_caller]
fn change(subscription: &mut Subscription) -> JournalEntry {
    match subscription.next(PATIENCE).unwrap() {
        Notice::Changed(change) => change,
        other => panic!("no change: {other:?}"),
    }
}

#[track_caller]
fn nothing_more(subscription: &mut Subscription) {
    assert_eq!(subscription.next(Duration::ZERO).unwrap(), Notice::TimedOut);
}

/// The rest of a command that tells entry ids, and what it told.
fn told(client: &crate::support::Client) -> Vec<EntryId> {
    let mut ids = Vec::new();
    while let Some(answer) = client.hear() {
        match answer {
            crate::support::Answer::Progress(word) => {
                ids.push(
                    serde_json::from_value::<String>(word)
                        .unwrap()
                        .parse()
                        .unwrap(),
                );
            }
            crate::support::Answer::Done(said) => {
                said.unwrap();
                break;
            }
        }
    }
    ids
}

fn number(number: i64) -> ChangeNumber {
    ChangeNumber::new(number).unwrap()
}

fn every_change_is_told_once_and_in_the_order_of_the_commits(scene: &Scene) {
    // K7
    const EACH: u32 = 150;
    let since = scene.last_change();
    let mut changes = scene.store.subscribe(number(since)).unwrap();
    let create = |folder: &str| Command::CreateMany {
        folder: folder.to_owned(),
        count: EACH,
    };
    scene.ana.send(create("Inbox"));
    scene.ben.send(create("Drafts"));
    // Taken while they are being made.
    let seen: Vec<JournalEntry> = (0..2 * EACH).map(|_| change(&mut changes)).collect();
    nothing_more(&mut changes);

    let numbers = seen.iter().map(|change| change.change_number.get());
    assert!(numbers.eq(since + 1..=since + 2 * i64::from(EACH)));
    assert_eq!(changes.position().get(), scene.last_change());
    for client in [&scene.ana, &scene.ben] {
        let made = told(client);
        let objects = made.iter().map(|id| id.object());
        let theirs: BTreeMap<_, _> = objects.enumerate().map(|(n, uid)| (uid, n)).collect();
        let order: Vec<usize> = seen
            .iter()
            .flat_map(|change| &change.objects)
            .filter_map(|uid| theirs.get(uid).copied())
            .collect();
        assert!(
            order.into_iter().eq(0..EACH as usize),
            "each once, in order"
        );
    }
}

fn handle_is_told_that_it_is_stale_without_a_save(scene: &Scene) {
    // S2, S4, S13
    let id = scene.message("original");
    let handle = scene.ana.edit(&id, "mine");
    scene.ana.send(Command::WaitUntilStale(handle));
    // Neither of these makes a handle stale.
    scene.ben.set_read(&[&id], true);
    scene.ben.set_status(&id, 0x200, 0x200);
    let other = scene.ben.edit(&id, "theirs");
    scene.ben.save(other, KEEP).unwrap();
    assert_eq!(scene.ana.receive(), Ok(Some(2)));
    assert!(scene.ana.is_stale(handle));
    // A handle that is stale already does not wait.
    let again: Option<i64> = scene.ana.call(Command::WaitUntilStale(handle)).unwrap();
    assert_eq!(again, Some(2));

    scene.ana.reload(handle).unwrap();
    scene.ana.send(Command::WaitUntilStale(handle));
    scene.ben.delete_message(&id, false);
    assert_eq!(scene.ana.receive::<Option<i64>>(), Ok(None));
    expect(
        scene.ana.save(handle, KEEP),
        MapiCode::MAPI_E_OBJECT_DELETED,
    );
}

fn narrowed_subscription_tells_of_its_messages_only(scene: &Scene) {
    let [mine, other, later] = ["mine", "other", "later"].map(|subject| scene.message(subject));
    let ids = [&mine, &later].map(|id| id.parse::<EntryId>().unwrap());
    let mut changes = scene.store.subscribe(number(scene.last_change())).unwrap();
    changes.narrow_to(&ids[..1]).unwrap();
    for id in [&other, &mine, &later] {
        let handle = scene.ana.edit(id, "changed");
        scene.ana.save(handle, KEEP).unwrap();
    }
    // One change of several messages is told for each of them.
    scene.ben.set_read(&[&other, &mine], true);
    let saved = change(&mut changes);
    assert_eq!(
        (saved.objects.as_slice(), saved.row_version.unwrap().get()),
        (&[ids[0].object()][..], 2)
    );
    changes.narrow_to(&ids[1..]).unwrap();
    assert_eq!(change(&mut changes).objects, [ids[1].object()]);
    nothing_more(&mut changes);
    assert_eq!(
        changes.position().get(),
        scene.last_change(),
        "the rest was passed over"
    );
    changes.narrow_to(&ids[..1]).unwrap();
    scene.ben.set_read(&[&other, &mine], false);
    assert!(change(&mut changes).objects.contains(&ids[0].object()));
    nothing_more(&mut changes);
}

#[test]
fn entry_id_of_another_store_is_refused_and_narrows_nothing() {
    // O4
    let (test, another) = (TestStore::new(), TestStore::new());
    let mut changes = test.store.subscribe(ChangeNumber::ZERO).unwrap();
    let foreign = another.draft("foreign");
    let refused = changes.narrow_to(&[foreign]);
    assert_eq!(code_of(refused), MapiCode::MAPI_E_UNKNOWN_ENTRYID);
    test.draft("own");
    change(&mut changes);
}

#[test]
fn nothing_of_a_killed_writer_is_missed_and_others_go_on() {
    // P5, S10
    let scene = Scene::new(Sharing::Processes);
    let mut changes = scene.store.subscribe(number(scene.last_change())).unwrap();
    let mut next = changes.position().get();
    for round in 0..8 {
        let doomed = scene.client("doomed");
        doomed.send(Command::CreateMany {
            folder: "Inbox".to_owned(),
            count: u32::MAX,
        });
        for _ in 0..=(round * 5 % 17) {
            next += 1;
            assert_eq!(change(&mut changes).change_number.get(), next);
        }
        doomed.kill();
        // What it had committed by then, and what somebody else commits now.
        let after = scene.message("after");
        let after: EntryId = after.parse().unwrap();
        loop {
            let told = change(&mut changes);
            next += 1;
            assert_eq!(told.change_number.get(), next);
            if told.objects == [after.object()] {
                break;
            }
        }
        nothing_more(&mut changes);
    }
    scene.check();
}

#[test]
fn log_that_begins_anew_is_listened_to_all_the_same() {
    let scene = Scene::new(Sharing::Processes);
    let id = scene.message("original");
    let handle = scene.ana.open(&id, Wanted::Modify);
    let mut changes = scene.store.subscribe(number(scene.last_change())).unwrap();
    for mode in ["PASSIVE", "FULL", "RESTART", "TRUNCATE", "TRUNCATE"] {
        for version in 0..5 {
            scene
                .ana
                .set(handle, pr::SUBJECT, format!("{mode} {version}").as_str());
            let saved = scene.ana.save(handle, KEEP).unwrap();
            let told = change(&mut changes);
            assert_eq!(told.row_version.unwrap().get(), saved.row_version);
            nothing_more(&mut changes);
        }
        let by_hand = scene.by_hand();
        by_hand
            .query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))
            .unwrap();
    }
}

#[test]
fn subscription_goes_on_where_one_before_it_ended() {
    let scene = Scene::new(Sharing::Processes);
    let first = scene.message("first");
    let position = {
        let mut changes = scene.store.subscribe(ChangeNumber::ZERO).unwrap();
        assert_eq!(
            change(&mut changes).objects,
            [first.parse::<EntryId>().unwrap().object()]
        );
        changes.position()
    };
    let handle = scene.ana.edit(&first, "second");
    scene.ana.save(handle, KEEP).unwrap();
    scene.ana.delete_message(&first, true);
    let again = Store::options().open(scene.path()).unwrap();
    let mut changes = again.subscribe(position).unwrap();
    let kinds = [change(&mut changes), change(&mut changes)].map(|change| change.kind);
    assert_eq!(
        kinds.map(|kind| kind.name().to_owned()),
        ["message-saved", "message-hard-deleted"]
    );
    nothing_more(&mut changes);
}

#[test]
fn purged_journal_is_an_overflow_and_never_silence() {
    // K7
    let scene = Scene::new(Sharing::Processes);
    for subject in 0..10 {
        scene.message(&subject.to_string());
    }
    let by_hand = scene.by_hand();
    let purge = |which: &str| {
        let sql = format!("DELETE FROM changes WHERE change_number {which}");
        by_hand.execute(&sql, []).unwrap()
    };
    let overflow = |after, through| Notice::Overflow {
        after: number(after),
        through: number(through),
    };
    let mut waiting = scene.store.subscribe(number(10)).unwrap();
    nothing_more(&mut waiting);
    purge("IN (1, 2, 5, 10)");
    let mut changes = scene.store.subscribe(ChangeNumber::ZERO).unwrap();
    changes.narrow_to(&[]).unwrap();
    let mut gaps = Vec::new();
    loop {
        match changes.next(Duration::ZERO).unwrap() {
            Notice::TimedOut => break,
            gap => gaps.push((gap, changes.position().get())),
        }
    }
    // Gaps are told however narrow the subscription is.
    let expected = [
        (overflow(0, 2), 2),
        (overflow(4, 5), 5),
        (overflow(9, 10), 10),
    ];
    assert_eq!(gaps, expected);
    nothing_more(&mut waiting);

    // Everything is gone, also what was committed since.
    scene.message("last");
    purge("> 0");
    assert_eq!(changes.next(PATIENCE).unwrap(), overflow(10, 11));
    assert_eq!(waiting.next(PATIENCE).unwrap(), overflow(10, 11));
    scene.message("new");
    assert_eq!(change(&mut waiting).change_number, number(12));
}

#[test]
fn changes_that_were_taken_back_are_an_overflow() {
    // S16
    let test = TestStore::new();
    test.draft("one");
    let mut changes = test.store.subscribe(number(7)).unwrap();
    let overflow = Notice::Overflow {
        after: number(7),
        through: number(1),
    };
    assert_eq!(changes.next(Duration::ZERO).unwrap(), overflow);
    nothing_more(&mut changes);
    test.draft("two");
    assert_eq!(change(&mut changes).change_number, number(2));
}

#[test]
fn cancelled_subscription_stays_cancelled() {
    let test = TestStore::new();
    let mut changes = test.store.subscribe(ChangeNumber::ZERO).unwrap();
    let canceller = changes.canceller();
    let waiting = std::thread::spawn(move || {
        let cancelled = changes.next(Duration::MAX);
        (cancelled, changes)
    });
    canceller.cancel();
    canceller.clone().cancel();
    let (cancelled, mut changes) = waiting.join().unwrap();
    assert_eq!(cancelled.unwrap(), Notice::Cancelled);
    test.draft("one");
    assert_eq!(changes.next(Duration::MAX).unwrap(), Notice::Cancelled);
}

#[test]
fn store_opened_to_read_is_followed_as_well() {
    // O3
    let test = TestStore::new();
    test.draft("one");
    let reading = Store::options()
        .read_only()
        .open(test.store.path())
        .unwrap();
    let mut changes = reading.subscribe(reading.last_change().unwrap()).unwrap();
    if cfg!(target_os = "linux") {
        assert_eq!(changes.waking(), Waking::Notified);
    }
    let waiting = std::thread::spawn(move || change(&mut changes));
    let id = test.draft("two");
    assert_eq!(waiting.join().unwrap().objects, [id.object()]);
}

#[test]
fn message_is_not_stale_by_what_its_own_handle_did() {
    // S13
    let test = TestStore::new();
    let mut draft = test.new_draft();
    // Nobody else can know it yet.
    assert_eq!(
        draft.wait_until_stale(Duration::MAX).unwrap(),
        Staleness::Current
    );
    draft.set(pr::SUBJECT, "mine").unwrap();
    let saved = draft.save_changes(SaveFlags::KEEP_OPEN_READWRITE).unwrap();
    test.store
        .set_read_state(&[saved.entry_id], ReadState::Read)
        .unwrap();
    assert_eq!(draft.staleness().unwrap(), Staleness::Current);
    assert_eq!(
        draft.wait_until_stale(Duration::from_millis(1)).unwrap(),
        Staleness::Current
    );
    test.store
        .delete_messages(&[saved.entry_id], Deletion::Soft)
        .unwrap();
    assert_eq!(
        draft.wait_until_stale(Duration::MAX).unwrap(),
        Staleness::Deleted
    );
    let deleted = test
        .store
        .open_message_or_deleted(&saved.entry_id, Access::ReadOnly)
        .unwrap();
    assert_eq!(deleted.staleness().unwrap(), Staleness::Current);
    test.store
        .delete_messages(&[saved.entry_id], Deletion::Hard)
        .unwrap();
    assert_eq!(
        deleted.wait_until_stale(Duration::MAX).unwrap(),
        Staleness::Deleted
    );
    draft.save_changes(SaveFlags::empty()).unwrap_err();
}
