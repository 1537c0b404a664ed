//! Streams that nobody can read any more go, and no others.

use std::io::Read;

use mapistore::{Access, Deletion, Message, SaveFlags, SaveId, SaveOutcome, pr};

use crate::support::{FORCE, KEEP, TestStore, code_of};

/// Large enough to be a stream.
fn large(letter: &str) -> String {
    letter.repeat(6_000)
}

fn body_of(test: &TestStore, message: &Message) -> String {
    let stored = test
        .store
        .open_message(&message.entry_id(), Access::ReadOnly)
        .unwrap();
    stored.get(pr::BODY).unwrap().unwrap()
}

/// A saved message with a large body.
fn saved(test: &TestStore, body: &str) -> Message {
    let mut message = test.new_draft();
    message.set(pr::BODY, body).unwrap();
    message.save_changes(KEEP).unwrap();
    message
}

#[test]
fn stream_goes_when_its_message_and_all_handles_are_gone() {
    // O2, P5
    let test = TestStore::new();
    let message = saved(&test, &large("a"));
    let mut body = message.open_stream(pr::BODY.tag()).unwrap();
    test.store
        .delete_messages(&[message.entry_id()], Deletion::Hard)
        .unwrap();
    assert_eq!(test.store.collect_garbage().unwrap().kept_for_handles, 1);
    drop(message);
    // The reader alone still keeps it.
    assert_eq!(test.store.collect_garbage().unwrap().streams, 0);
    let mut text = String::new();
    body.read_to_string(&mut text).unwrap();
    assert_eq!(text, large("a"));
    drop(body);
    let collected = test.store.collect_garbage().unwrap();
    assert_eq!((collected.streams, collected.bytes), (1, 6_000));
}

#[test]
fn many_streams_go_in_one_collection() {
    // P5
    let test = TestStore::new();
    let messages: Vec<_> = (0..250)
        .map(|number| saved(&test, &large(&format!("{number:03}"))))
        .collect();
    let entry_ids: Vec<_> = messages.iter().map(Message::entry_id).collect();
    drop(messages);
    test.store
        .delete_messages(&entry_ids, Deletion::Hard)
        .unwrap();
    assert_eq!(test.store.collect_garbage().unwrap().streams, 250);
    assert_eq!(
        test.store.check(&mut |_| {}).unwrap().problems,
        Vec::<String>::new()
    );
}

#[test]
fn save_id_that_was_used_for_other_changes_is_refused_and_nothing_is_lost() {
    // S8
    let test = TestStore::new();
    let save_id = SaveId::random();
    let mut first = saved(&test, &large("a"));
    first.set_save_id(save_id).unwrap();
    first.set(pr::BODY, large("b")).unwrap();
    first.save_changes(KEEP).unwrap();

    let mut again = test
        .store
        .open_message(&first.entry_id(), Access::Modify)
        .unwrap();
    again.set_save_id(save_id).unwrap();
    again.set(pr::BODY, large("c")).unwrap();
    assert_eq!(
        code_of(again.save_changes(KEEP)).name(),
        "MAPI_E_INVALID_PARAMETER"
    );
    assert!(again.has_pending_changes());
    assert_eq!(body_of(&test, &again), large("b"));
    again.set_save_id(SaveId::random()).unwrap();
    again.save_changes(KEEP).unwrap();
    assert_eq!(body_of(&test, &again), large("c"));
    assert_eq!(
        test.store.check(&mut |_| {}).unwrap().problems,
        Vec::<String>::new()
    );
}

#[test]
fn save_that_was_saved_over_before_its_client_heard_of_it_can_still_be_saved() {
    // S5, S8, O2
    let test = TestStore::new();
    let save_id = SaveId::random();
    let original = saved(&test, &large("a"));
    let mut mine = test
        .store
        .open_message(&original.entry_id(), Access::Modify)
        .unwrap();
    let mut same = test
        .store
        .open_message(&original.entry_id(), Access::Modify)
        .unwrap();
    drop(original);
    for handle in [&mut mine, &mut same] {
        handle.set_save_id(save_id).unwrap();
        handle.set(pr::BODY, large("b")).unwrap();
    }
    same.save_changes(SaveFlags::empty()).unwrap();
    let mut theirs = test
        .store
        .open_message(&mine.entry_id(), Access::Modify)
        .unwrap();
    theirs.set(pr::BODY, large("c")).unwrap();
    theirs.save_changes(SaveFlags::empty()).unwrap();
    drop((same, theirs));

    assert_eq!(
        mine.save_changes(KEEP).unwrap().outcome,
        SaveOutcome::SavedBefore
    );
    test.store.collect_garbage().unwrap();
    assert_eq!(mine.get(pr::BODY).unwrap(), Some(large("b")));
    mine.save_changes(KEEP | FORCE).unwrap();
    assert_eq!(body_of(&test, &mine), large("b"));
}

#[test]
fn mark_that_is_wrong_does_not_cost_a_stream_that_is_in_use() {
    // P1
    let test = TestStore::new();
    let message = saved(&test, &large("a"));
    let by_hand = rusqlite::Connection::open(test.store.path()).unwrap();
    by_hand
        .execute("UPDATE streams SET unreferenced_since = 0", [])
        .unwrap();
    assert_eq!(test.store.collect_garbage().unwrap().streams, 0);
    assert_eq!(body_of(&test, &message), large("a"));
    assert!(!test.store.check(&mut |_| {}).unwrap().is_sound());
}

#[test]
fn size_that_a_hand_wrote_into_a_document_is_found_and_costs_no_memory() {
    // S15
    let test = TestStore::new();
    let message = saved(&test, &large("a"));
    let by_hand = rusqlite::Connection::open(test.store.path()).unwrap();
    by_hand
        .execute(
            "UPDATE messages SET properties = replace(properties, '\"size\":6000', '\"size\":1000000000000'), \
             row_version = row_version + 1, content_checksum = NULL",
            [],
        )
        .unwrap();
    let stored = test
        .store
        .open_message(&message.entry_id(), Access::ReadOnly)
        .unwrap();
    assert_eq!(code_of(stored.get(pr::BODY)).name(), "MAPI_E_CORRUPT_STORE");
    assert!(!test.store.check(&mut |_| {}).unwrap().is_sound());
}
