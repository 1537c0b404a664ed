//! Limits are errors when a value is set, not when it is saved (S15).

use mapistore::{
    Access, MapiCode, Message, PropertyTag, PropertyType, PropertyValue, Recipient, RowId,
    SaveFlags, pr,
};

use crate::support::{Blob, MIB, TestStore, code_of, view};

const TOO_BIG: MapiCode = MapiCode::MAPI_E_TOO_BIG;

fn mebibytes(count: usize) -> String {
    "m".repeat(count * MIB as usize)
}

/// A call that is refused as too big, and leaves the handle as it was.
#[track_caller]
fn is_too_big<T: std::fmt::Debug>(
    message: &mut Message,
    call: impl FnOnce(&mut Message) -> mapistore::Result<T>,
) {
    let before = view(message).unwrap();
    let result = call(message);
    assert_eq!(code_of(result), TOO_BIG);
    assert!(view(message).unwrap() == before, "the handle has changed");
}

/// What was set is saved and comes back.
#[track_caller]
fn saves_and_reopens(test: &TestStore, message: &mut Message) {
    let before = view(message).unwrap();
    message
        .save_changes(SaveFlags::KEEP_OPEN_READWRITE)
        .unwrap();
    let again = test
        .store
        .open_message(&message.entry_id(), Access::ReadOnly)
        .unwrap();
    assert!(view(&again).unwrap().content == before.content);
}

#[test]
fn recipients_beyond_sixteen_mebibytes_are_refused_when_they_are_added() {
    // S15
    let test = TestStore::new();
    let mut message = test.new_draft();
    for number in 0..15 {
        let address = format!("{number}@example.org");
        message
            .add_recipient(Recipient::to(mebibytes(1), address))
            .unwrap();
    }
    let large = || Recipient::cc(mebibytes(1), "large@example.org");
    is_too_big(&mut message, |message| message.add_recipient(large()));
    let larger = Recipient::cc(mebibytes(2), "large@example.org");
    is_too_big(&mut message, |message| {
        message.modify_recipient(RowId(3), &larger)
    });
    saves_and_reopens(&test, &mut message);
    // Also on the handle of a message that is full already; and what is removed makes room.
    let mut message = test
        .store
        .open_message(&message.entry_id(), Access::Modify)
        .unwrap();
    is_too_big(&mut message, |message| message.add_recipient(large()));
    message.remove_recipient(RowId(0)).unwrap();
    message.add_recipient(large()).unwrap();
    is_too_big(&mut message, |message| message.add_recipient(large()));
    message.remove_all_recipients().unwrap();
    message.add_recipient(large()).unwrap();
    saves_and_reopens(&test, &mut message);
}

#[test]
fn attachment_rows_count_together_with_recipients() {
    // S15
    let test = TestStore::new();
    let mut message = test.new_draft();
    for _ in 0..8 {
        message
            .add_recipient(Recipient::to(mebibytes(1), ""))
            .unwrap();
    }
    let unicode = |id: u32| PropertyTag::new(id << 16 | u32::from(PropertyType::MvUnicode.code()));
    let large = || PropertyValue::MvUnicode(vec![mebibytes(1)]);
    let mut attachment = message.create_attachment().unwrap();
    for id in 0x6601..0x6608 {
        attachment.set_value(unicode(id), large()).unwrap();
    }
    attachment
        .save_changes(SaveFlags::KEEP_OPEN_READWRITE)
        .unwrap();
    assert_eq!(
        code_of(attachment.set_value(unicode(0x6608), large())),
        TOO_BIG
    );
    // It is as it was.
    assert_eq!(attachment.get_value(unicode(0x6608)).unwrap(), None);
    attachment.save_changes(SaveFlags::empty()).unwrap();
    is_too_big(&mut message, |message| {
        message.add_recipient(Recipient::to(mebibytes(1), ""))
    });
    // The data are streams, and do not count.
    message
        .attach("data", Blob::new(1, 20 * MIB).reader())
        .unwrap();
    saves_and_reopens(&test, &mut message);
}

#[test]
fn properties_that_are_no_streams_have_a_limit_too() {
    // S15
    let test = TestStore::new();
    let mut message = test.new_draft();
    is_too_big(&mut message, |message| {
        message.set(pr::SUBJECT, mebibytes(17))
    });
    message.set(pr::SUBJECT, mebibytes(10)).unwrap();
    is_too_big(&mut message, |message| {
        message.set(pr::SENDER_NAME, mebibytes(7))
    });
    is_too_big(&mut message, |message| {
        message.set_stream(pr::SENDER_NAME.tag(), Blob::new(1, 7 * MIB).reader())
    });
    message.set(pr::SENDER_NAME, mebibytes(5)).unwrap();
    // A value that makes the message smaller is never too big.
    message.set(pr::SUBJECT, mebibytes(9)).unwrap();
    message.delete_property(pr::SENDER_NAME.tag()).unwrap();
    message.set(pr::SENDER_NAME, mebibytes(6)).unwrap();
    // Escaped characters take more than they are: the limit is for the document.
    is_too_big(&mut message, |message| {
        message.set(pr::SENT_REPRESENTING_NAME, "\u{1}".repeat(MIB as usize))
    });
    saves_and_reopens(&test, &mut message);
}

#[test]
fn streams_may_be_as_large_as_there_is_space() {
    // S15
    let test = TestStore::new();
    let mut message = test.new_draft();
    let (body, html) = (Blob::new(1, 40 * MIB), Blob::new(2, 24 * MIB));
    assert_eq!(
        message.set_stream(pr::BODY.tag(), body.reader()).unwrap(),
        body.len
    );
    message.set(pr::HTML, html.bytes()).unwrap();
    saves_and_reopens(&test, &mut message);
    assert_eq!(
        message.get(pr::HTML).unwrap().map(|html| html.len() as u64),
        Some(html.len)
    );
}

#[test]
fn many_small_recipients_are_fine() {
    // S15
    let test = TestStore::new();
    let mut message = test.new_draft();
    for number in 0..5_000 {
        let name = format!("Recipient {number}");
        message
            .add_recipient(Recipient::to(&*name, format!("{number}@example.org")))
            .unwrap();
    }
    saves_and_reopens(&test, &mut message);
    assert_eq!(message.recipients().unwrap().len(), 5_000);
}
