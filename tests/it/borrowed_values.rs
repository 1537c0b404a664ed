//! Values that one handle took over from another outlive that one, whatever was collected (O2).

use std::io::Read;
use std::mem;

use mapistore::{CopyFlags, Deletion, EmbeddedAccess, MapiCode, Message, SaveFlags, pr};

use crate::support::{KEEP, TestStore, code_of};

fn saved(test: &TestStore, body: &str) -> Message {
    let mut message = test.new_draft();
    message.set(pr::BODY, body).unwrap();
    message.save_changes(KEEP).unwrap();
    message
}

/// A handle of a message that is gone for good, whose body is in a stream that only its snapshot refers to; and one that
/// was made later, whose own pin does not reach back so far.
fn gone_and_later(test: &TestStore) -> (Message, Message) {
    let gone = saved(test, &"a".repeat(6_000));
    let id = gone.entry_id();
    test.store.delete_messages(&[id], Deletion::Hard).unwrap();
    // Others go on, and this process hears of it.
    drop(saved(test, "x"));
    drop(saved(test, "y"));
    (gone, test.new_draft())
}

fn collected_after_dropping<T>(test: &TestStore, handles: T) -> u64 {
    drop(handles);
    test.store.collect_garbage().unwrap().streams
}

#[test]
fn stream_of_a_value_that_was_taken_over_outlives_both_handles() {
    // O2
    let test = TestStore::new();
    let (mut gone, mut later) = gone_and_later(&test);
    gone.copy_to(&mut later, &[], CopyFlags::empty()).unwrap();
    let mut reader = later.open_stream(pr::BODY.tag()).unwrap();
    assert_eq!(collected_after_dropping(&test, (gone, later)), 0);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text.len(), 6_000);
    assert_eq!(collected_after_dropping(&test, reader), 1);
}

#[test]
fn attached_message_that_is_read_outlives_the_outer_handle() {
    // O2
    let test = TestStore::new();
    let (gone, mut later) = gone_and_later(&test);
    let number = later.attach_message(&gone).unwrap();
    let attached = later.open_attached_message(number).unwrap();
    assert_eq!(collected_after_dropping(&test, (gone, later)), 0);
    assert_eq!(attached.get(pr::BODY).unwrap().unwrap().len(), 6_000);
}

#[test]
fn message_that_takes_over_from_an_attached_one_can_be_saved() {
    // O2, S14
    let test = TestStore::new();
    let (gone, mut later) = gone_and_later(&test);
    let number = later.attach_message(&gone).unwrap();
    let attached = later.open_attached_message(number).unwrap();
    let mut third = test.new_draft();
    third.attach_message(&attached).unwrap();
    let mut fourth = test.new_draft();
    let mut attachment = later.open_attachment(number).unwrap();
    let mut embedded = attachment
        .open_embedded_message(EmbeddedAccess::Modify)
        .unwrap();
    embedded
        .copy_to(&mut fourth, &[], CopyFlags::empty())
        .unwrap();
    drop(embedded);
    drop(attachment);
    assert_eq!(collected_after_dropping(&test, (gone, later, attached)), 0);
    third.save_changes(KEEP).unwrap();
    fourth.save_changes(KEEP).unwrap();
    assert_eq!(fourth.get(pr::BODY).unwrap().unwrap().len(), 6_000);
    test.assert_sound();
}

#[test]
fn handle_that_was_swapped_into_an_attachment_is_not_saved_to_it() {
    // S14
    let (test, foreign) = (TestStore::new(), TestStore::new());
    let mut draft = test.new_draft();
    let mut other = saved(&foreign, &"q".repeat(6_000));
    let mut attachment = draft.create_attachment().unwrap();
    let mut embedded = attachment
        .open_embedded_message(EmbeddedAccess::Create)
        .unwrap();
    mem::swap(&mut *embedded, &mut other);
    assert_eq!(
        code_of(embedded.save_changes(SaveFlags::empty())),
        MapiCode::MAPI_E_INVALID_PARAMETER
    );
    drop(embedded);
    attachment.save_changes(SaveFlags::empty()).unwrap();
    draft.save_changes(KEEP).unwrap();
    test.assert_sound();
}
