//! Saves of several threads that share a commit: who waits is arranged from inside, so that it is sure who shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use super::*;
use crate::model::{Access, FileTime, pr};
use crate::store::Store;
use crate::store::test_support::{Fixture, KEEP};

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "never came: {what}");
        thread::yield_now();
    }
}

fn drafts(fixture: &Fixture, count: usize) -> Vec<Message> {
    let draft = |number| {
        let mut draft = fixture.draft(&format!("draft {number}"));
        draft.save_changes(KEEP).unwrap();
        draft.set(pr::SUBJECT, format!("again {number}")).unwrap();
        draft
    };
    (0..count).map(draft).collect()
}

/// Saves all at once: the first holds the connection back until all others wait, so that those share what comes next.
fn save_together(store: &Store, messages: &mut [Message]) -> Vec<Result<Saved>> {
    let connections = store.database.connections().unwrap();
    let writer = connections.writer.as_ref().unwrap();
    let others = messages.len();
    thread::scope(|scope| {
        let held = writer.connection();
        // Whoever is first would go alone; this makes the turn somebody's.
        let turn = connections.lock_file.as_ref().unwrap().try_turn().unwrap();
        assert!(turn.is_some());
        let savers: Vec<ScopedJoinHandle<'_, Result<Saved>>> = messages
            .iter_mut()
            .map(|message| scope.spawn(|| message.save_changes(KEEP)))
            .collect();
        wait_until("all wait", || writer.waiting() >= others);
        drop(turn);
        drop(held);
        savers
            .into_iter()
            .map(|saver| saver.join().unwrap())
            .collect()
    })
}

/// When the saves were committed: one time for each transaction.
fn commits(store: &Store, saved: &[Result<Saved>]) -> BTreeSet<FileTime> {
    saved
        .iter()
        .flatten()
        .map(|saved| {
            let found = store.find_save(&saved.entry_id, saved.save_id).unwrap();
            found.unwrap().committed_at
        })
        .collect()
}

fn stored_subject(store: &Store, saved: &Saved) -> String {
    let message = store
        .open_message(&saved.entry_id, Access::ReadOnly)
        .unwrap();
    message.get(pr::SUBJECT).unwrap().unwrap()
}

#[test]
fn those_who_wait_share_one_commit_and_each_has_its_own_result() {
    // S1, S9, S10
    let fixture = Fixture::make();
    let mut messages = drafts(&fixture, 8);
    let saved = save_together(&fixture.store, &mut messages);
    assert_eq!(commits(&fixture.store, &saved).len(), 1);
    let mut changes = BTreeSet::new();
    for (number, saved) in saved.iter().enumerate() {
        let saved = saved.as_ref().unwrap();
        assert_eq!(saved.row_version.get(), 2);
        assert!(changes.insert(saved.change_number));
        assert_eq!(
            stored_subject(&fixture.store, saved),
            format!("again {number}")
        );
    }
}

#[test]
fn of_two_savers_of_one_message_in_one_commit_the_second_is_refused() {
    // S1, S2
    let fixture = Fixture::make();
    let mut messages = drafts(&fixture, 3);
    let id = messages[0].entry_id();
    let mut rival = fixture.store.open_message(&id, Access::Modify).unwrap();
    rival.set(pr::SUBJECT, "rival").unwrap();
    messages.push(rival);
    let saved = save_together(&fixture.store, &mut messages);
    assert_eq!(commits(&fixture.store, &saved).len(), 1);
    let (won, lost) = if saved[0].is_ok() { (0, 3) } else { (3, 0) };
    assert_eq!(saved[won].as_ref().unwrap().row_version.get(), 2);
    assert!(matches!(
        saved[lost].as_ref().unwrap_err(),
        Error::ObjectChanged { current_version, .. } if current_version.get() == 2
    ));
    assert!(messages[lost].has_pending_changes());
    let winner = if won == 0 { "again 0" } else { "rival" };
    assert_eq!(
        stored_subject(&fixture.store, saved[won].as_ref().unwrap()),
        winner
    );
    assert!(saved[1].is_ok() && saved[2].is_ok());
}

#[test]
fn who_finds_no_room_on_the_disk_takes_nobody_along() {
    // S8
    let fixture = Fixture::make();
    let store = &fixture.store;
    let mut messages = drafts(&fixture, 4);
    messages[1].set(pr::BODY, "b".repeat(400_000)).unwrap();
    let writer = store
        .database
        .connections()
        .unwrap()
        .writer
        .as_ref()
        .unwrap();
    let limit = |pages: u32| {
        let limited = writer
            .connection()
            .pragma_update(None, "max_page_count", pages);
        limited.unwrap();
    };
    limit(120);
    let saved = save_together(store, &mut messages);
    for place in [0, 2, 3] {
        assert_eq!(saved[place].as_ref().unwrap().row_version.get(), 2);
    }
    assert!(matches!(
        saved[1].as_ref().unwrap_err(),
        Error::NotEnoughDisk { .. }
    ));
    limit(1_000_000);
    assert_eq!(messages[1].save_changes(KEEP).unwrap().row_version.get(), 2);
}

#[test]
fn commit_that_is_taken_back_is_made_again_for_each() {
    // S8: nobody is answered for another
    let fixture = Fixture::make();
    let store = &fixture.store;
    let mut messages = drafts(&fixture, 5);
    let writer = store
        .database
        .connections()
        .unwrap()
        .writer
        .as_ref()
        .unwrap();
    let refused = Arc::new(AtomicBool::new(false));
    let hook = {
        let refused = Arc::clone(&refused);
        // True turns the commit into a rollback.
        move || !refused.swap(true, Ordering::SeqCst)
    };
    writer.connection().commit_hook(Some(hook)).unwrap();
    let saved = save_together(store, &mut messages);
    assert!(refused.load(Ordering::SeqCst));
    assert_eq!(commits(store, &saved).len(), 5);
    let number = |saved: &Result<Saved>| saved.as_ref().unwrap().change_number;
    let numbers: BTreeSet<ChangeNumber> = saved.iter().map(number).collect();
    assert_eq!(numbers.len(), 5);
}

#[test]
fn panic_of_one_leaves_those_who_shared_without_an_answer_and_nobody_without_a_turn() {
    // P5, S8
    let fixture = Fixture::make();
    let store = &fixture.store;
    let mut messages = drafts(&fixture, 3);
    let connections = store.database.connections().unwrap();
    let writer = connections.writer.as_ref().unwrap();
    let saved = thread::scope(|scope| {
        let turn = connections.lock_file.as_ref().unwrap().try_turn().unwrap();
        let savers: Vec<_> = messages
            .iter_mut()
            .map(|message| scope.spawn(|| message.save_changes(KEEP)))
            .collect();
        wait_until("the three wait", || writer.waiting() >= 3);
        let fallen = scope.spawn(|| {
            let job = Arc::new(|_: &WriteTransaction<'_>| panic!("on purpose"));
            store.database.write_shared(|_| Ok(()), job, 0)
        });
        wait_until("the fourth waits too", || writer.waiting() >= 4);
        drop(turn);
        let fallen = fallen.join().unwrap();
        assert!(matches!(fallen, Err(WriteFailure::CommitUnknown(_))));
        let saved = savers.into_iter().map(|saver| saver.join().unwrap());
        saved.collect::<Vec<_>>()
    });
    for (message, saved) in messages.iter_mut().zip(saved) {
        assert!(matches!(saved, Err(Error::OutcomeUnknown { .. })));
        assert_eq!(message.save_changes(KEEP).unwrap().row_version.get(), 2);
    }
}

#[test]
fn others_who_were_served_in_between_are_expected_back_and_nobody_shares_meanwhile() {
    // P3
    let fixture = Fixture::make();
    let store = &fixture.store;
    let mut messages = drafts(&fixture, 4);
    let connections = store.database.connections().unwrap();
    let writer = connections.writer.as_ref().unwrap();
    // Opened once more, it is another process to the kernel.
    let rival = Store::options().open(store.path()).unwrap();
    let rival = rival.database.connections().unwrap().lock_file.clone();
    let rival = rival.unwrap();
    let saved: Vec<_> = thread::scope(|scope| {
        let held = writer.connection();
        let turn = rival.try_turn().unwrap().unwrap();
        let mut savers: Vec<_> = messages
            .iter_mut()
            .map(|message| {
                scope.spawn(|| {
                    message.save_changes(KEEP).unwrap();
                    message.set(pr::SUBJECT, "once more").unwrap();
                    message.save_changes(KEEP)
                })
            })
            .collect();
        wait_until("all wait", || writer.waiting() == 4);
        drop(turn);
        // Nobody else waited, so all four are taken; the rival comes back while they are written.
        wait_until("all are taken", || writer.waiting() == 0);
        let back = scope.spawn(|| rival.wait_turn(Instant::now() + PATIENCE).unwrap().unwrap());
        wait_until("the rival waits", || writer.others_wait());
        drop(held);
        let turn = back.join().unwrap();
        wait_until("all have come again", || writer.waiting() == 4);
        // The rival is served, and not back yet.
        drop(turn);
        savers
            .drain(..)
            .map(|saver| saver.join().unwrap())
            .collect()
    });
    assert!(saved.iter().all(Result::is_ok));
    assert_eq!(commits(store, &saved).len(), 4);
}
