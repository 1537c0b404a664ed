//! What becomes of a handle after a save, by its flags.

use mapistore::{
    Access, AccessLevel, AttachmentNumber, EntryId, Error, MapiCode, Message, ReadState, Recipient,
    RowId, RowVersion, SaveFlags, SaveId, SaveOutcome, SpecialFolder, pr,
};

use crate::support::{Blob, TestStore, code_of};

const READONLY: SaveFlags = SaveFlags::KEEP_OPEN_READONLY;
const READWRITE: SaveFlags = SaveFlags::KEEP_OPEN_READWRITE;
const BOTH: SaveFlags = READONLY.union(READWRITE);

/// Every combination of the flags that have a meaning, alone and with bits that have none.
fn all_flags() -> impl Iterator<Item = SaveFlags> {
    let unknown = [0, 0x0000_0010, 0x8000_0000, 0x7FFF_FFF0];
    (0..16).flat_map(move |bits| unknown.map(|more| SaveFlags::from_bits_retain(bits | more)))
}

/// How a handle may be after a save.
#[derive(Debug, PartialEq)]
enum After {
    Modifiable,
    ReadOnly,
    Closed,
}

fn after(message: &mut Message) -> After {
    match message.set(pr::COMMENT, "after") {
        Ok(()) => After::Modifiable,
        Err(Error::NoAccess { .. }) => {
            assert_eq!(message.access_level(), AccessLevel::ReadOnly);
            message.get(pr::SUBJECT).unwrap();
            After::ReadOnly
        }
        Err(Error::HandleClosed) => After::Closed,
        Err(error) => panic!("{error}"),
    }
}

fn wanted_after(flags: SaveFlags) -> After {
    if flags.contains(READWRITE) {
        After::Modifiable
    } else if flags.contains(READONLY) {
        After::ReadOnly
    } else {
        After::Closed
    }
}

#[test]
fn every_combination_of_flags_does_what_its_bits_say() {
    // S7, S12, OXCMSG-R1671, OXCMSG-R723, OXCMSG-R1906/R1907, OXCMSG-R719
    let test = TestStore::new();
    for flags in all_flags() {
        let id = test.draft("original");
        let mut message = test.store.open_message(&id, Access::Modify).unwrap();
        message.set(pr::SUBJECT, "saved").unwrap();
        let saved = message.save_changes(flags);
        let now = test.store.open_message(&id, Access::ReadOnly).unwrap();
        if flags.contains(BOTH) {
            assert_eq!(
                code_of(saved),
                MapiCode::MAPI_E_INVALID_PARAMETER,
                "{flags:?}"
            );
            assert_eq!(
                now.row_version(),
                Some(RowVersion::FIRST),
                "nothing was written"
            );
            assert_eq!(after(&mut message), After::Modifiable);
        } else {
            assert_eq!(saved.unwrap().row_version.get(), 2, "{flags:?}");
            assert_eq!(now.get(pr::SUBJECT).unwrap().as_deref(), Some("saved"));
            assert_eq!(after(&mut message), wanted_after(flags), "{flags:?}");
        }
    }
}

#[test]
fn flags_mean_the_same_for_a_first_save_and_for_one_of_nothing() {
    // S7, S3
    let test = TestStore::new();
    for flags in all_flags().filter(|flags| !flags.contains(BOTH)) {
        let mut new = test.new_draft();
        let id = new.save_changes(flags).unwrap().entry_id;
        assert_eq!(after(&mut new), wanted_after(flags), "{flags:?}");
        let mut idle = test.store.open_message(&id, Access::Modify).unwrap();
        let outcome = idle.save_changes(flags).unwrap().outcome;
        let forced = flags.contains(SaveFlags::FORCE_SAVE);
        let wanted = if forced {
            SaveOutcome::NewVersion
        } else {
            SaveOutcome::NothingPending
        };
        assert_eq!(outcome, wanted, "{flags:?}");
        assert_eq!(after(&mut idle), wanted_after(flags), "{flags:?}");
    }
}

#[test]
fn force_alone_closes_the_handle() {
    // S7, OXCMSG-R723
    let test = TestStore::new();
    let id = test.draft("original");
    let mut message = test.store.open_message(&id, Access::Modify).unwrap();
    message.save_changes(SaveFlags::FORCE_SAVE).unwrap();
    assert_eq!(after(&mut message), After::Closed);
}

#[test]
fn handle_kept_for_reading_shows_what_was_saved() {
    // S7, O2, OXCMSG-R1671, OXCMSG-R1699/R3019
    let test = TestStore::new();
    let id = test.draft("original");
    let mut message = test.store.open_message(&id, Access::Modify).unwrap();
    message.set(pr::SUBJECT, "saved").unwrap();
    message
        .attach("figures", Blob::new(1, 20_000).reader())
        .unwrap();
    message.save_changes(READONLY).unwrap();
    assert_eq!(message.get(pr::SUBJECT).unwrap().as_deref(), Some("saved"));
    assert_eq!(message.row_version().map(RowVersion::get), Some(2));
    assert!(!message.has_pending_changes());
    assert_eq!(message.get(pr::ACCESS_LEVEL).unwrap(), Some(0));
    assert_eq!(
        code_of(message.save_changes(READWRITE)),
        MapiCode::MAPI_E_NO_ACCESS
    );
    message.reload().unwrap();
    assert_eq!(
        message.access_level(),
        AccessLevel::ReadOnly,
        "reloading grants nothing"
    );
}

#[test]
fn deferred_errors_are_accepted_and_the_save_is_done_at_once() {
    // S12, MAPI-SaveChanges-6
    let test = TestStore::new();
    let id = test.draft("original");
    let mut first = test.store.open_message(&id, Access::Modify).unwrap();
    let mut second = test.store.open_message(&id, Access::Modify).unwrap();
    first.set(pr::SUBJECT, "first").unwrap();
    first
        .save_changes(READWRITE | SaveFlags::MAPI_DEFERRED_ERRORS)
        .unwrap();
    let now = test.store.open_message(&id, Access::ReadOnly).unwrap();
    assert_eq!(now.get(pr::SUBJECT).unwrap().as_deref(), Some("first"));
    second.set(pr::SUBJECT, "second").unwrap();
    let refused = second.save_changes(READWRITE | SaveFlags::MAPI_DEFERRED_ERRORS);
    assert_eq!(
        code_of(refused),
        MapiCode::MAPI_E_OBJECT_CHANGED,
        "an error is not deferred either"
    );
}

#[test]
fn closed_handle_answers_every_call_with_invalid_object() {
    // S7
    let test = TestStore::new();
    let inbox = test.store.special_folder(SpecialFolder::Inbox).unwrap();
    let mut m = test.new_draft();
    m.attach("figures", &b"1;2;3"[..]).unwrap();
    m.set(pr::BODY, "body").unwrap();
    let id: EntryId = m.save_changes(SaveFlags::empty()).unwrap().entry_id;
    let change = test.store.last_change().unwrap();
    let (zero, row) = (AttachmentNumber(0), RowId(0));
    let ana = Recipient::to("Ana", "ana@example.org");
    let codes = [
        code_of(m.get(pr::SUBJECT)),
        code_of(m.get_value(pr::ENTRYID.tag())),
        code_of(m.properties()),
        code_of(m.set(pr::SUBJECT, "closed")),
        code_of(m.set_value(pr::SUBJECT.tag(), String::new().into())),
        code_of(m.set_stream(pr::BODY.tag(), &b"closed"[..])),
        code_of(m.open_stream(pr::BODY.tag())),
        code_of(m.delete_property(pr::SUBJECT.tag())),
        code_of(m.recipients()),
        code_of(m.add_recipient(ana.clone())),
        code_of(m.modify_recipient(row, &ana)),
        code_of(m.remove_recipient(row)),
        code_of(m.remove_all_recipients()),
        code_of(m.attachments()),
        code_of(m.attach("closed", &b""[..])),
        code_of(m.create_attachment()),
        code_of(m.open_attachment(zero)),
        code_of(m.open_attachment_data(zero)),
        code_of(m.delete_attachment(zero)),
        code_of(m.is_stale()),
        code_of(m.set_save_id(SaveId::random())),
        code_of(m.declare_base(RowVersion::FIRST)),
        code_of(m.reload()),
        code_of(m.set_read_state(ReadState::Unread)),
        code_of(m.save_elsewhere(&inbox)),
        code_of(m.save_changes(READWRITE)),
        code_of(m.save_changes(SaveFlags::FORCE_SAVE)),
    ];
    for (call, code) in codes.into_iter().enumerate() {
        assert_eq!(code, MapiCode::MAPI_E_INVALID_OBJECT, "call {call}");
    }
    assert_eq!(test.store.last_change().unwrap(), change);
    assert_eq!(m.entry_id(), id, "what it is called is still known");
}
