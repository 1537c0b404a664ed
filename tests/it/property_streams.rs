//! Properties that are opened as streams: read, written, cut and committed like files.

use std::io::{Read, Seek, SeekFrom, Write};

use mapistore::{
    Access, AttachMethod, EmbeddedAccess, Error, MapiCode, Message, PropertyStream, PropertyTag,
    PropertyValue, SaveFlags, StreamAccess, String8, pr,
};
use proptest::prelude::*;

use crate::support::{
    Blob, Command, KEEP, MIB, Scene, Sharing, TestStore, Wanted, code_of, two_clients,
};

two_clients!(stream_that_is_committed_is_stored_with_the_message_and_not_before);

const TAG: PropertyTag = pr::HTML.tag();
const DATA: PropertyTag = pr::ATTACH_DATA_BIN.tag();

/// A draft with a binary property.
fn draft_with(test: &TestStore, value: &[u8]) -> Message {
    let mut draft = test.new_draft();
    draft
        .set_value(TAG, PropertyValue::Binary(value.to_vec()))
        .unwrap();
    draft
}

fn value(message: &Message) -> Option<Vec<u8>> {
    match message.get_value(TAG).unwrap() {
        Some(PropertyValue::Binary(bytes)) => Some(bytes),
        _ => None,
    }
}

#[track_caller]
fn rest(stream: &mut PropertyStream<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}

/// The code inside of what came as an error of input and output.
#[track_caller]
fn code_inside<T: std::fmt::Debug>(result: std::io::Result<T>) -> MapiCode {
    result.unwrap_err().downcast::<Error>().unwrap().code()
}

#[test]
fn stream_opened_for_reading_can_be_read_but_not_written() {
    // OXCPRPT-R267
    let test = TestStore::new();
    let mut draft = draft_with(&test, b"value");
    let mut stream = draft.open_property_stream(TAG, StreamAccess::Read).unwrap();
    let denied = code_inside(stream.write(b"x"));
    assert_eq!(
        (denied.name(), denied.value()),
        ("STG_E_ACCESSDENIED", 0x8003_0005)
    );
    assert_eq!(code_of(stream.set_size(1)), MapiCode::STG_E_ACCESSDENIED);
    assert_eq!((stream.size(), rest(&mut stream)), (5, b"value".to_vec()));
    stream.commit().unwrap();
    assert_eq!(value(&draft).unwrap(), b"value");
    // Also what the store computes can be read as a stream, and only read.
    let mut stream = draft
        .open_property_stream(pr::RECORD_KEY.tag(), StreamAccess::Read)
        .unwrap();
    assert_eq!(rest(&mut stream).len(), 16);
    for access in [StreamAccess::ReadWrite, StreamAccess::Create] {
        let result = draft.open_property_stream(pr::RECORD_KEY.tag(), access);
        assert_eq!(code_of(result), MapiCode::MAPI_E_COMPUTED);
    }
}

#[test]
fn read_only_handle_gives_streams_for_reading_only() {
    // O3
    let test = TestStore::new();
    let mut draft = draft_with(&test, b"value");
    draft.attach("a", &b"data"[..]).unwrap();
    draft.save_changes(SaveFlags::KEEP_OPEN_READONLY).unwrap();
    for access in [StreamAccess::ReadWrite, StreamAccess::Create] {
        let result = draft.open_property_stream(TAG, access);
        assert_eq!(code_of(result), MapiCode::MAPI_E_NO_ACCESS);
    }
    let mut stream = draft.open_property_stream(TAG, StreamAccess::Read).unwrap();
    assert_eq!(rest(&mut stream), b"value");
    let number = draft.attachments().unwrap()[0].number;
    let mut attachment = draft.open_attachment(number).unwrap();
    let result = attachment.open_property_stream(DATA, StreamAccess::ReadWrite);
    assert_eq!(code_of(result), MapiCode::MAPI_E_NO_ACCESS);
}

#[test]
fn stream_opened_for_writing_holds_the_value_at_first() {
    // OXCPRPT-R269, OXCPRPT-R547
    let test = TestStore::new();
    for len in [0, 5, 6_000, 2 * MIB + 17] {
        let before = Blob::new(len, len).bytes();
        let mut draft = draft_with(&test, &before);
        let mut stream = draft
            .open_property_stream(TAG, StreamAccess::ReadWrite)
            .unwrap();
        assert_eq!(stream.size(), len);
        assert!(rest(&mut stream) == before);
        stream.write_all(b"more").unwrap();
        stream.commit().unwrap();
        assert!(value(&draft).unwrap() == [&before[..], b"more"].concat());
    }
}

#[test]
fn stream_opened_to_create_begins_empty_and_is_the_way_for_a_property_that_is_not_set() {
    // OXCPRPT-R271, OXCPRPT-R272, OXCPRPT-R549
    let test = TestStore::new();
    let mut draft = draft_with(&test, b"value");
    let mut stream = draft
        .open_property_stream(TAG, StreamAccess::Create)
        .unwrap();
    assert_eq!((stream.size(), rest(&mut stream)), (0, Vec::new()));
    stream.write_all(b"new").unwrap();
    drop(stream);
    assert_eq!(value(&draft).unwrap(), b"value", "not committed");
    let mut stream = draft
        .open_property_stream(TAG, StreamAccess::Create)
        .unwrap();
    stream.commit().unwrap();
    assert_eq!(value(&draft).unwrap(), b"", "committed as it was created");

    draft.delete_property(TAG).unwrap();
    for access in [StreamAccess::Read, StreamAccess::ReadWrite] {
        let result = draft.open_property_stream(TAG, access);
        assert_eq!(code_of(result), MapiCode::MAPI_E_NOT_FOUND);
    }
    let mut stream = draft
        .open_property_stream(TAG, StreamAccess::Create)
        .unwrap();
    stream.write_all(b"new").unwrap();
    stream.commit().unwrap();
    assert_eq!(value(&draft).unwrap(), b"new");
}

#[test]
fn only_single_texts_and_binary_values_of_messages_and_attachments_are_streams() {
    // OXCPRPT-R25501, OXCPRPT-R255, MAPI-OpenProperty-2
    let test = TestStore::new();
    let mut draft = test.new_draft();
    let refused = [
        (0x0017_0003, MapiCode::MAPI_E_NO_SUPPORT),
        (0x8001_1102, MapiCode::MAPI_E_NO_SUPPORT),
        (0x8001_101F, MapiCode::MAPI_E_NO_SUPPORT),
        (0x0E12_000D, MapiCode::MAPI_E_NO_SUPPORT),
        (0x1000_0000, MapiCode::MAPI_E_INVALID_PARAMETER),
    ];
    for access in [
        StreamAccess::Read,
        StreamAccess::ReadWrite,
        StreamAccess::Create,
    ] {
        for (tag, code) in refused {
            let result = draft.open_property_stream(PropertyTag::new(tag), access);
            assert_eq!(code_of(result), code, "{tag:08X} {access:?}");
        }
        let mut attachment = draft.create_attachment().unwrap();
        for (tag, code) in refused {
            let result = attachment.open_property_stream(PropertyTag::new(tag), access);
            assert_eq!(code_of(result), code, "{tag:08X} {access:?}");
        }
    }
    let text_8 = PropertyTag::new(0x1000_001E);
    for (tag, expected) in [
        (pr::BODY.tag(), PropertyValue::Unicode("text".to_owned())),
        (text_8, PropertyValue::String8(String8(b"text".to_vec()))),
        (TAG, PropertyValue::Binary(b"text".to_vec())),
        (pr::SUBJECT.tag(), PropertyValue::Unicode("text".to_owned())),
    ] {
        let mut stream = draft
            .open_property_stream(tag, StreamAccess::Create)
            .unwrap();
        stream.write_all(b"text").unwrap();
        stream.commit().unwrap();
        assert_eq!(draft.get_value(tag).unwrap(), Some(expected));
    }
}

#[test]
fn object_of_an_attachment_is_a_stream_unless_it_is_a_message() {
    // OXCPRPT-R25501
    let test = TestStore::new();
    let mut draft = test.new_draft();
    let mut attachment = draft.create_attachment().unwrap();
    attachment
        .set(pr::ATTACH_METHOD, AttachMethod::Ole.code())
        .unwrap();
    let object = pr::ATTACH_DATA_OBJ;
    let mut stream = attachment
        .open_property_stream(object, StreamAccess::Create)
        .unwrap();
    stream.write_all(b"object").unwrap();
    stream.commit().unwrap();
    assert_eq!(
        attachment.get(pr::ATTACH_DATA_BIN).unwrap().unwrap(),
        b"object"
    );
    let mut stream = attachment
        .open_property_stream(object, StreamAccess::Read)
        .unwrap();
    assert_eq!(rest(&mut stream), b"object");

    let mut attachment = draft.create_attachment().unwrap();
    attachment
        .open_embedded_message(EmbeddedAccess::Create)
        .unwrap()
        .save_changes(SaveFlags::empty())
        .unwrap();
    let result = attachment.open_property_stream(object, StreamAccess::ReadWrite);
    assert_eq!(code_of(result), MapiCode::MAPI_E_NO_SUPPORT);
}

#[test]
fn write_replaces_bytes_from_the_position_on_and_makes_the_value_longer() {
    // OXCPRPT-R560, OXCPRPT-R561
    let test = TestStore::new();
    let mut draft = draft_with(&test, b"0123456789");
    let mut stream = draft
        .open_property_stream(TAG, StreamAccess::ReadWrite)
        .unwrap();
    stream.seek(SeekFrom::Start(3)).unwrap();
    assert_eq!(stream.write(b"abc").unwrap(), 3);
    assert_eq!(stream.stream_position().unwrap(), 6);
    stream.seek(SeekFrom::End(-1)).unwrap();
    assert_eq!(stream.write(b"xyz").unwrap(), 3);
    assert_eq!((stream.stream_position().unwrap(), stream.size()), (12, 12));
    stream.seek(SeekFrom::Start(14)).unwrap();
    stream.write_all(b"!").unwrap();
    stream.commit().unwrap();
    assert_eq!(value(&draft).unwrap(), b"012abc678xyz\0\0!");
}

#[test]
fn size_that_is_set_cuts_the_tail_or_appends_zeros() {
    // OXCPRPT-R57706, OXCPRPT-R57707
    let test = TestStore::new();
    let mut draft = draft_with(&test, b"0123456789");
    let mut stream = draft
        .open_property_stream(TAG, StreamAccess::ReadWrite)
        .unwrap();
    stream.seek(SeekFrom::Start(7)).unwrap();
    stream.set_size(4).unwrap();
    assert_eq!((stream.size(), stream.stream_position().unwrap()), (4, 7));
    assert_eq!(rest(&mut stream), b"");
    stream.set_size(6).unwrap();
    assert_eq!(stream.size(), 6);
    stream.commit().unwrap();
    assert_eq!(value(&draft).unwrap(), b"0123\0\0");

    // What a cut took away does not come back, also where it was in the store already.
    let mut stream = draft
        .open_property_stream(TAG, StreamAccess::Create)
        .unwrap();
    stream.write_all(&vec![7; 3 * MIB as usize]).unwrap();
    stream.set_size(MIB + 100).unwrap();
    stream.set_size(2 * MIB + 200_000).unwrap();
    stream.commit().unwrap();
    let expected = [vec![7; MIB as usize + 100], vec![0; MIB as usize + 199_900]].concat();
    assert!(value(&draft).unwrap() == expected);
    draft.save_changes(KEEP).unwrap();
    assert_eq!(
        test.store.check(&mut |_| {}).unwrap().problems,
        Vec::<String>::new()
    );
}

#[test]
fn size_beyond_all_bounds_is_refused_and_changes_nothing() {
    // S15
    let test = TestStore::new();
    let mut draft = draft_with(&test, b"value");
    let mut stream = draft
        .open_property_stream(TAG, StreamAccess::ReadWrite)
        .unwrap();
    assert_eq!(code_of(stream.set_size(u64::MAX)), MapiCode::MAPI_E_TOO_BIG);
    stream.seek(SeekFrom::Start(u64::MAX)).unwrap();
    assert_eq!(code_inside(stream.write(b"x")), MapiCode::MAPI_E_TOO_BIG);
    assert!(stream.seek(SeekFrom::Current(1)).is_err());
    assert_eq!(stream.stream_position().unwrap(), u64::MAX);
    stream.seek(SeekFrom::Start(0)).unwrap();
    assert_eq!(rest(&mut stream), b"value");

    // A property with a column is part of the document, and no longer than that may be.
    let mut stream = draft
        .open_property_stream(pr::SUBJECT.tag(), StreamAccess::Create)
        .unwrap();
    stream.set_size(17 * MIB).unwrap();
    assert_eq!(code_of(stream.commit()), MapiCode::MAPI_E_TOO_BIG);
    stream.set_size(3).unwrap();
    stream.commit().unwrap();
    assert_eq!(draft.get(pr::SUBJECT).unwrap().as_deref(), Some("\0\0\0"));
}

#[test]
fn seek_tells_the_position_from_the_start() {
    // OXCPRPT-R34101, OXCPRPT-R333
    let test = TestStore::new();
    let mut draft = draft_with(&test, b"0123456789");
    let mut stream = draft
        .open_property_stream(TAG, StreamAccess::ReadWrite)
        .unwrap();
    stream.read_exact(&mut [0; 4]).unwrap();
    assert_eq!(stream.stream_position().unwrap(), 4);
    stream.write_all(b"ab").unwrap();
    assert_eq!(stream.stream_position().unwrap(), 6);
    assert_eq!(stream.seek(SeekFrom::Current(-2)).unwrap(), 4);
    assert_eq!(stream.seek(SeekFrom::End(-3)).unwrap(), 7);
    assert_eq!(stream.seek(SeekFrom::End(5)).unwrap(), 15);
    assert!(stream.seek(SeekFrom::Current(-16)).is_err());
    assert_eq!(stream.stream_position().unwrap(), 15);
}

#[test]
fn reads_go_on_from_the_position_and_are_short_at_the_end() {
    // OXCPRPT-R552, OXCPRPT-R555, OXCPRPT-R556
    let test = TestStore::new();
    let before = Blob::new(3, 2 * MIB + 5).bytes();
    let mut draft = draft_with(&test, &before);
    for access in [StreamAccess::Read, StreamAccess::ReadWrite] {
        let mut stream = draft.open_property_stream(TAG, access).unwrap();
        let mut together = Vec::new();
        let mut buffer = vec![0; 300_000];
        loop {
            let count = stream.read(&mut buffer).unwrap();
            if count == 0 {
                break;
            }
            together.extend_from_slice(&buffer[..count]);
            assert_eq!(stream.stream_position().unwrap(), together.len() as u64);
        }
        assert!(together == before);
        assert_eq!(stream.read(&mut buffer).unwrap(), 0);
        stream.seek(SeekFrom::End(-2)).unwrap();
        assert_eq!(stream.read(&mut buffer).unwrap(), 2);
    }
}

#[test]
fn copy_between_streams_moves_both_positions_by_the_same_count() {
    // OXCPRPT-R592, OXCPRPT-R591
    let test = TestStore::new();
    let from = Blob::new(9, 3 * MIB).bytes();
    let (mut source, mut target) = (draft_with(&test, &from), draft_with(&test, b"0123456789"));
    let mut source = source
        .open_property_stream(TAG, StreamAccess::Read)
        .unwrap();
    let mut stream = target
        .open_property_stream(TAG, StreamAccess::ReadWrite)
        .unwrap();
    source.seek(SeekFrom::Start(100)).unwrap();
    stream.seek(SeekFrom::Start(5)).unwrap();
    let copied = source.copy_to(&mut stream, 2 * MIB).unwrap();
    assert_eq!((copied.read, copied.written), (2 * MIB, 2 * MIB));
    assert_eq!(source.stream_position().unwrap(), 100 + 2 * MIB);
    assert_eq!(stream.stream_position().unwrap(), 5 + 2 * MIB);
    let copied = source.copy_to(&mut stream, u64::MAX).unwrap();
    assert_eq!((copied.read, copied.written), (MIB - 100, MIB - 100));
    // Nothing is left to be copied.
    assert_eq!(source.copy_to(&mut stream, 1).unwrap().read, 0);
    let refused = stream.copy_to(&mut source, 1);
    assert_eq!(code_of(refused), MapiCode::STG_E_ACCESSDENIED);
    stream.commit().unwrap();
    assert!(value(&target).unwrap() == [b"01234", &from[100..]].concat());
}

fn stream_that_is_committed_is_stored_with_the_message_and_not_before(scene: &Scene) {
    // OXCPRPT-R56403, OXCPRPT-R56404, S14
    for len in [50, 100_000, 2 * MIB + 1] {
        let id = scene.message("original");
        let before = scene.look(&id);
        let handle = scene.ana.open(&id, Wanted::Modify);
        let blob = Blob::new(7, len);
        let write = |attachment, commit| {
            let written: u64 = scene
                .ana
                .call(Command::WriteStream {
                    handle,
                    attachment,
                    blob,
                    commit,
                })
                .unwrap();
            assert!(written > 0);
        };
        write(None, false);
        assert!(!scene.ana.view(handle).pending, "dropped without a commit");
        write(None, true);
        write(Some(0), true);
        let mine = scene.ana.view(handle);
        assert_ne!(mine.content, before.content);
        assert_eq!(mine.content.attachments[0].size, len);
        assert_eq!(scene.look(&id), before, "nothing but a save stores");
        let seen = scene.ben.open(&id, Wanted::ReadOnly);
        assert_eq!(scene.ben.view(seen).content, before.content);
        scene.ana.save(handle, KEEP).unwrap();
        assert_eq!(scene.ben.view(seen).content, before.content);
        assert_eq!(scene.look(&id).content, mine.content);
        scene.check();
    }
}

#[test]
fn stream_of_an_attachment_needs_the_saves_of_the_attachment_and_the_message() {
    // OXCPRPT-R56404, S14
    let test = TestStore::new();
    let mut draft = test.new_draft();
    let number = draft.attach("a", &b"old"[..]).unwrap();
    let id = draft.save_changes(KEEP).unwrap().entry_id;
    let stored = || {
        let message = test.store.open_message(&id, Access::ReadOnly).unwrap();
        let mut data = Vec::new();
        message
            .open_attachment_data(number)
            .unwrap()
            .read_to_end(&mut data)
            .unwrap();
        data
    };
    let write = |attachment: &mut mapistore::Attachment<'_>| {
        let mut stream = attachment
            .open_property_stream(DATA, StreamAccess::ReadWrite)
            .unwrap();
        stream.write_all(b"new").unwrap();
        stream.commit().unwrap();
    };
    let mut attachment = draft.open_attachment(number).unwrap();
    write(&mut attachment);
    assert_eq!(
        attachment.get(pr::ATTACH_DATA_BIN).unwrap().unwrap(),
        b"new"
    );
    drop(attachment);
    draft.save_changes(KEEP).unwrap();
    assert_eq!(stored(), b"old", "the attachment was not saved");
    let mut attachment = draft.open_attachment(number).unwrap();
    write(&mut attachment);
    attachment.save_changes(SaveFlags::empty()).unwrap();
    drop(attachment);
    assert_eq!(stored(), b"old", "the message was not saved");
    draft.save_changes(KEEP).unwrap();
    assert_eq!(stored(), b"new");
}

#[test]
fn text_that_is_no_utf8_is_refused_at_commit_and_can_be_mended() {
    // S8
    let test = TestStore::new();
    for len in [10, 2 * MIB as usize] {
        let mut draft = test.new_draft();
        draft.set(pr::BODY, "before").unwrap();
        let mut stream = draft
            .open_property_stream(pr::BODY.tag(), StreamAccess::Create)
            .unwrap();
        stream.write_all(&vec![b'a'; len]).unwrap();
        stream.seek(SeekFrom::Start(len as u64 / 2)).unwrap();
        stream.write_all(&[0xFF]).unwrap();
        assert_eq!(code_of(stream.commit()), MapiCode::MAPI_E_INVALID_PARAMETER);
        stream.seek(SeekFrom::Current(-1)).unwrap();
        stream.write_all(b"b").unwrap();
        // A character that is cut in two by its place in the stream is whole all the same.
        stream.seek(SeekFrom::End(-2)).unwrap();
        stream.write_all("é€".as_bytes()).unwrap();
        assert_eq!(stream.size(), len as u64 + 3);
        stream.commit().unwrap();
        let text = draft.get(pr::BODY).unwrap().unwrap();
        assert!(text.ends_with("aé€") && text.contains('b'));
    }
}

#[test]
fn writing_on_after_a_commit_leaves_what_was_committed_as_it_is() {
    // O2
    let test = TestStore::new();
    for len in [10, 5_000, 2 * MIB] {
        let first = Blob::new(1, len).bytes();
        let mut draft = test.new_draft();
        let mut stream = draft
            .open_property_stream(TAG, StreamAccess::Create)
            .unwrap();
        stream.write_all(&first).unwrap();
        stream.commit().unwrap();
        stream.rewind().unwrap();
        stream.write_all(b"over").unwrap();
        drop(stream);
        assert!(
            value(&draft).unwrap() == first,
            "the second part was not committed"
        );
        let id = draft.save_changes(KEEP).unwrap().entry_id;
        let mut stream = draft
            .open_property_stream(TAG, StreamAccess::ReadWrite)
            .unwrap();
        stream.write_all(b"over").unwrap();
        stream.commit().unwrap();
        drop(stream);
        let reader = test.store.open_message(&id, Access::ReadOnly).unwrap();
        draft.save_changes(KEEP).unwrap();
        assert!(value(&reader).unwrap() == first, "a snapshot stays");
        assert!(value(&draft).unwrap() == [b"over", &first[4..]].concat());
    }
    assert_eq!(
        test.store.check(&mut |_| {}).unwrap().problems,
        Vec::<String>::new()
    );
}

#[test]
fn equal_content_is_stored_once_however_it_was_written() {
    let test = TestStore::new();
    let bytes = Blob::new(4, 2 * MIB + 70_000).bytes();
    let mut draft = draft_with(&test, &bytes);
    draft.save_changes(KEEP).unwrap();
    let mut other = test.new_draft();
    let mut stream = other
        .open_property_stream(TAG, StreamAccess::Create)
        .unwrap();
    // From the end to the beginning.
    for (number, piece) in bytes.chunks(50_000).enumerate().rev() {
        stream
            .seek(SeekFrom::Start(number as u64 * 50_000))
            .unwrap();
        stream.write_all(piece).unwrap();
    }
    stream.commit().unwrap();
    other.save_changes(KEEP).unwrap();
    let by_hand = rusqlite::Connection::open(test.store.path()).unwrap();
    let streams: i64 = by_hand
        .query_row("SELECT count(*) FROM streams", [], |row| row.get(0))
        .unwrap();
    assert_eq!(streams, 1);
    assert!(value(&other).unwrap() == bytes);
}

#[test]
fn stream_that_was_not_committed_is_collected_once_its_handle_is_gone() {
    // P5
    let test = TestStore::new();
    let mut draft = test.new_draft();
    let mut stream = draft
        .open_property_stream(TAG, StreamAccess::Create)
        .unwrap();
    stream.write_all(&vec![1; 3 * MIB as usize]).unwrap();
    assert_eq!(test.store.collect_garbage().unwrap().kept_for_handles, 1);
    stream.write_all(b"still there").unwrap();
    drop(stream);
    drop(draft);
    assert_eq!(test.store.collect_garbage().unwrap().streams, 1);
    assert_eq!(
        test.store.check(&mut |_| {}).unwrap().problems,
        Vec::<String>::new()
    );
}

#[test]
fn process_killed_while_it_writes_a_stream_leaves_only_waste() {
    // P5
    let scene = Scene::new(Sharing::Processes);
    let id = scene.message("original");
    let before = scene.look(&id);
    let doomed = scene.client("doomed");
    let handle = doomed.open(&id, Wanted::Modify);
    doomed.send(Command::WriteStream {
        handle,
        attachment: None,
        blob: Blob::new(5, 500 * MIB),
        commit: true,
    });
    for _ in 0..3 {
        doomed.progress::<u64>();
    }
    doomed.kill();
    assert_eq!(scene.look(&id), before);
    let (streams, bytes, kept) = scene.ben.collect_garbage();
    assert_eq!((streams, kept), (1, 0));
    assert!(bytes >= MIB, "{bytes} bytes were written and not committed");
    scene.check();
}

#[test]
fn long_stream_is_written_with_little_memory() {
    let scene = Scene::new(Sharing::Processes);
    let id = scene.message("original");
    let handle = scene.ana.open(&id, Wanted::Modify);
    let write = |len| {
        let command = Command::WriteStream {
            handle,
            attachment: None,
            blob: Blob::new(6, len),
            commit: true,
        };
        scene.ana.call::<u64>(command).unwrap()
    };
    // What a process needs for any stream at all, it needs for a short one too.
    let short = write(4 * MIB);
    let long = write(64 * MIB);
    assert!(
        long < short + 16 * MIB / 1024,
        "the peak went from {short} to {long} KiB"
    );
    scene.ana.save(handle, KEEP).unwrap();
    scene.check();
}

#[derive(Debug, Clone)]
enum Step {
    Write { at: f64, len: usize, byte: u8 },
    Read { at: f64, len: usize },
    SetSize(f64),
    Commit,
}

/// Places up to somewhat past the longest value of the test, with a liking for the borders of chunks and windows.
fn place() -> impl Strategy<Value = f64> {
    prop_oneof![
        0.0..1.0_f64,
        (0..28_u32).prop_map(|chunk| f64::from(chunk) * 131_072.0 / LONGEST),
    ]
}

const LONGEST: f64 = 3_500_000.0;

fn step() -> impl Strategy<Value = Step> {
    let len = || prop_oneof![0..200_usize, 100_000..400_000_usize];
    prop_oneof![
        5 => (place(), len(), 1..=255_u8).prop_map(|(at, len, byte)| Step::Write { at, len, byte }),
        3 => (place(), len()).prop_map(|(at, len)| Step::Read { at, len }),
        2 => place().prop_map(Step::SetSize),
        1 => Just(Step::Commit),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn stream_holds_what_a_file_would(
        before in prop_oneof![Just(0), Just(3_000), 1_000_000..2_500_000_u64],
        steps in proptest::collection::vec(step(), 1..25),
    ) {
        let test = TestStore::new();
        let mut model = Blob::new(before, before).bytes();
        let mut draft = draft_with(&test, &model);
        let mut committed = model.clone();
        let mut stream = draft.open_property_stream(TAG, StreamAccess::ReadWrite).unwrap();
        for step in steps {
            match step {
                Step::Write { at, len, byte } => {
                    let at = (at * LONGEST) as usize;
                    if len > 0 {
                        model.resize(model.len().max(at + len), 0);
                        model[at..at + len].fill(byte);
                    }
                    stream.seek(SeekFrom::Start(at as u64)).unwrap();
                    stream.write_all(&vec![byte; len]).unwrap();
                }
                Step::Read { at, len } => {
                    let at = (at * LONGEST) as usize;
                    let expected = model.get(at..model.len().min(at + len)).unwrap_or_default();
                    stream.seek(SeekFrom::Start(at as u64)).unwrap();
                    let mut read = Vec::new();
                    (&mut stream).take(len as u64).read_to_end(&mut read).unwrap();
                    prop_assert!(read == expected, "{} bytes at {at}", expected.len());
                }
                Step::SetSize(size) => {
                    let size = (size * LONGEST) as usize;
                    model.resize(size, 0);
                    stream.set_size(size as u64).unwrap();
                }
                Step::Commit => {
                    stream.commit().unwrap();
                    committed.clone_from(&model);
                }
            }
            prop_assert_eq!(stream.size(), model.len() as u64);
        }
        drop(stream);
        prop_assert!(value(&draft).unwrap() == committed);
        draft.save_changes(KEEP).unwrap();
        prop_assert_eq!(test.store.check(&mut |_| {}).unwrap().problems, Vec::<String>::new());
        drop(draft);
        test.store.collect_garbage().unwrap();
        let unfinished: i64 = rusqlite::Connection::open(test.store.path()).unwrap()
            .query_row("SELECT count(*) FROM streams WHERE hash IS NULL", [], |row| row.get(0))
            .unwrap();
        prop_assert_eq!(unfinished, 0);
    }
}
