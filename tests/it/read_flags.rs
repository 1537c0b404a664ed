//! Marking messages as read or unread, and the reports that their senders asked for.

use mapistore::{
    Access, EntryId, MapiCode, MessageFlags, ReadFlags, ReadState, Receipt, SaveFlags,
    SpecialFolder, pr,
};

use crate::support::{
    Command, FORCE, Handle, KEEP, Scene, TestStore, View, Wanted, code_of, expect, two_clients,
};

two_clients!(
    call_without_options_marks_as_read_and_tells_of_the_report_that_is_due,
    clearing_marks_as_unread_and_sends_no_report,
    suppressing_marks_as_read_and_cancels_the_report,
    report_without_reading_leaves_the_read_state,
    pending_reports_are_withdrawn_one_by_one,
    contradictory_options_change_nothing,
    read_flags_are_committed_at_once_and_change_nothing_else,
    message_that_is_open_for_writing_is_marked_all_the_same,
    marking_an_open_message_saves_none_of_its_pending_changes,
    refused_and_forced_saves_leave_read_flags_alone,
    ever_read_goes_on_with_read_and_stays,
    whole_folder_is_marked_and_what_is_so_already_is_left_alone,
    two_clients_that_mark_a_folder_share_its_reports,
    handle_and_store_agree_whatever_the_flags,
);

const READ: i32 = 0x001;
const RN: i32 = 0x100;
const NRN: i32 = 0x200;
const EVER: i32 = 0x400;
const MARKS: i32 = READ | RN | NRN | EVER;

/// The bits that this is about.
fn marks_of(view: &View) -> i32 {
    let shown = view.property("PR_MESSAGE_FLAGS").unwrap();
    let digits = shown.strip_prefix("Long(").unwrap().strip_suffix(')');
    digits.unwrap().parse::<i32>().unwrap() & MARKS
}

fn marks(scene: &Scene, id: &str) -> i32 {
    marks_of(&scene.look(id))
}

/// A message as it comes in: unread, and its sender wants to know what becomes of it.
fn incoming(scene: &Scene) -> String {
    let new = scene.ana.create("Inbox");
    scene.ana.set(new, pr::MESSAGE_FLAGS, 0);
    scene.ana.set(new, pr::SUBJECT, "please confirm");
    scene.ana.set(new, pr::READ_RECEIPT_REQUESTED, true);
    let unread = pr::NON_RECEIPT_NOTIFICATION_REQUESTED;
    scene.ana.set(new, unread, true);
    scene.ana.save(new, SaveFlags::empty()).unwrap().entry_id
}

fn call_without_options_marks_as_read_and_tells_of_the_report_that_is_due(scene: &Scene) {
    // OXCMSG-R815
    let id = incoming(scene);
    assert_eq!(marks(scene, &id), RN | NRN);
    let due = scene.ana.set_read_flags(&[&id], ReadFlags::empty());
    assert_eq!(due, [true]);
    assert_eq!(marks(scene, &id), READ | EVER);
    // Only the first one who reads it is told.
    let due = scene.ben.set_read_flags(&[&id], ReadFlags::empty());
    assert_eq!(due, [false]);
    // A message whose sender did not ask.
    let other = scene.message("other");
    scene.ana.set_read(&[&other], false);
    let due = scene.ana.set_read_flags(&[&other], ReadFlags::empty());
    assert_eq!(due, [false]);
    assert_eq!(marks(scene, &other), READ | EVER);
    assert_eq!(scene.look(&id).property("PR_READ"), Some("Boolean(true)"));
}

fn clearing_marks_as_unread_and_sends_no_report(scene: &Scene) {
    // OXCMSG-R822
    let id = incoming(scene);
    let due = scene.ben.set_read_flags(&[&id], ReadFlags::CLEAR_READ_FLAG);
    assert_eq!((due, marks(scene, &id)), (vec![false], RN | NRN));
    scene.ana.set_read_flags(&[&id], ReadFlags::empty());
    assert_eq!(scene.look(&id).property("PR_READ"), Some("Boolean(true)"));
    let due = scene.ben.set_read_flags(&[&id], ReadFlags::CLEAR_READ_FLAG);
    assert_eq!((due, marks(scene, &id)), (vec![false], EVER));
    assert_eq!(scene.look(&id).property("PR_READ"), Some("Boolean(false)"));
}

fn suppressing_marks_as_read_and_cancels_the_report(scene: &Scene) {
    // OXCMSG-R818
    let id = incoming(scene);
    let suppress = ReadFlags::SUPPRESS_RECEIPT;
    assert_eq!(scene.ana.set_read_flags(&[&id], suppress), [false]);
    assert_eq!(marks(scene, &id), READ | EVER);
    // Unread and read again: the report stays cancelled.
    scene.ana.set_read_flags(&[&id], ReadFlags::CLEAR_READ_FLAG);
    let due = scene.ben.set_read_flags(&[&id], ReadFlags::empty());
    assert_eq!(due, [false]);
    // There is nothing to do where it was read already.
    let before = scene.look(&id);
    assert_eq!(scene.ben.set_read_flags(&[&id], suppress), [false]);
    assert_eq!(scene.look(&id), before);
}

fn report_without_reading_leaves_the_read_state(scene: &Scene) {
    // OXCMSG-R825
    let only = ReadFlags::GENERATE_RECEIPT_ONLY;
    let id = incoming(scene);
    assert_eq!(scene.ana.set_read_flags(&[&id], only), [true]);
    assert_eq!(marks(scene, &id), 0);
    assert_eq!(scene.ben.set_read_flags(&[&id], only), [false]);
    // Of one that was saved as read.
    let new = scene.ana.create("Drafts");
    scene.ana.set(new, pr::READ_RECEIPT_REQUESTED, true);
    let id = scene.ana.save(new, KEEP).unwrap().entry_id;
    assert_eq!(marks(scene, &id), READ | EVER | RN);
    assert_eq!(scene.ben.set_read_flags(&[&id], only), [true]);
    assert_eq!(marks(scene, &id), READ | EVER);
    // Together with suppressing the report is only cancelled.
    let id = incoming(scene);
    let quietly = only | ReadFlags::SUPPRESS_RECEIPT;
    assert_eq!(scene.ana.set_read_flags(&[&id], quietly), [false]);
    assert_eq!(marks(scene, &id), 0);
}

fn pending_reports_are_withdrawn_one_by_one(scene: &Scene) {
    let id = incoming(scene);
    let withdrawn = ReadFlags::CLEAR_RN_PENDING;
    assert_eq!(scene.ana.set_read_flags(&[&id], withdrawn), [false]);
    assert_eq!(marks(scene, &id), NRN);
    let withdrawn = ReadFlags::CLEAR_NRN_PENDING;
    assert_eq!(scene.ben.set_read_flags(&[&id], withdrawn), [false]);
    assert_eq!(marks(scene, &id), 0);
    let due = scene.ana.set_read_flags(&[&id], ReadFlags::empty());
    assert_eq!(due, [false]);
}

fn contradictory_options_change_nothing(scene: &Scene) {
    // OXCMSG-R812, OXCMSG-R823, MAPI-SetReadFlags
    let id = incoming(scene);
    let handle = scene.ana.open(&id, Wanted::Modify);
    let change = scene.last_change();
    for bits in [0x01 | 0x04, 0x04 | 0x10, 0x01 | 0x04 | 0x10] {
        let flags = ReadFlags::from_bits_retain(bits);
        let wrong = MapiCode::MAPI_E_INVALID_PARAMETER;
        expect(scene.ana.try_set_read_flags(&[&id], flags), wrong);
        expect(scene.ana.mark(handle, flags), wrong);
        let (folder, flags) = ("Inbox".to_owned(), flags.bits());
        expect(
            scene.ben.call::<()>(Command::MarkFolder { folder, flags }),
            wrong,
        );
    }
    assert_eq!(scene.last_change(), change);
    assert_eq!(marks(scene, &id), RN | NRN);
    assert_eq!(marks_of(&scene.ana.view(handle)), RN | NRN);
}

fn read_flags_are_committed_at_once_and_change_nothing_else(scene: &Scene) {
    // OXCMSG-R1703, OXCMSG-R1710, OXCMSG-R1889, S13
    let id = incoming(scene);
    let before = scene.look(&id);
    let change = scene.last_change();
    let handle = scene.ana.open(&id, Wanted::Modify);
    scene.ana.mark(handle, ReadFlags::empty()).unwrap();
    assert_eq!(scene.last_change(), change + 1);
    let after = scene.look(&id);
    assert_eq!(marks_of(&after), READ | EVER);
    assert_eq!(
        (&after.content, after.row_version),
        (&before.content, before.row_version)
    );
    for (name, value) in &before.computed {
        if !["PR_MESSAGE_FLAGS", "PR_READ"].contains(&name.as_str()) {
            assert_eq!(after.property(name), Some(&**value), "{name}");
        }
    }
    assert!(after.property("PR_LOCAL_COMMIT_TIME").is_some());
}

fn message_that_is_open_for_writing_is_marked_all_the_same(scene: &Scene) {
    // MAPI-SetReadFlags-3
    let id = incoming(scene);
    let handle = scene.ben.edit(&id, "being written");
    let due = scene.ana.set_read_flags(&[&id], ReadFlags::empty());
    assert_eq!((due, marks(scene, &id)), (vec![true], READ | EVER));
    assert!(!scene.ben.is_stale(handle));
    assert_eq!(marks_of(&scene.ben.view(handle)), RN | NRN, "as at opening");
}

fn marking_an_open_message_saves_none_of_its_pending_changes(scene: &Scene) {
    // MAPI-SetReadFlag-2, OXCMSG-R1710
    let id = incoming(scene);
    let handle = scene.ana.edit(&id, "pending");
    assert_eq!(scene.ana.mark(handle, ReadFlags::empty()), Ok(true));
    let now = scene.look(&id);
    assert_eq!(now.subject(), Some("please confirm"));
    assert_eq!((now.row_version, marks_of(&now)), (Some(1), READ | EVER));
    let mine = scene.ana.view(handle);
    assert!(mine.pending);
    assert_eq!(mine.subject(), Some("pending"));
    assert_eq!(marks_of(&mine), READ | EVER);
    scene.ana.save(handle, KEEP).unwrap();
    assert_eq!(scene.look(&id).subject(), Some("pending"));
    // Nor does a reload undo what was done at once.
    scene.ana.reload(handle).unwrap();
    assert_eq!(marks_of(&scene.ana.view(handle)), READ | EVER);
}

fn refused_and_forced_saves_leave_read_flags_alone(scene: &Scene) {
    // S13, S2, S5
    let id = incoming(scene);
    let handle = scene.ana.edit(&id, "mine");
    scene.ben.set_read_flags(&[&id], ReadFlags::empty());
    let other = scene.ben.edit(&id, "theirs");
    scene.ben.save(other, SaveFlags::empty()).unwrap();
    expect(
        scene.ana.save(handle, KEEP),
        MapiCode::MAPI_E_OBJECT_CHANGED,
    );
    // A stale handle marks as any other.
    assert_eq!(
        scene.ana.mark(handle, ReadFlags::CLEAR_READ_FLAG),
        Ok(false)
    );
    assert_eq!(marks(scene, &id), EVER);
    scene.ben.set_read_flags(&[&id], ReadFlags::empty());
    assert_eq!(scene.ana.save(handle, FORCE).unwrap().row_version, 3);
    let now = scene.look(&id);
    assert_eq!((now.subject(), marks_of(&now)), (Some("mine"), READ | EVER));
}

fn ever_read_goes_on_with_read_and_stays(scene: &Scene) {
    // OXCMSG-R1141, OXCMSG-R3006
    let id = incoming(scene);
    assert_eq!(marks(scene, &id) & EVER, 0);
    scene.ana.set_read(&[&id], true);
    assert_eq!(marks(scene, &id), READ | EVER);
    scene.ben.set_read(&[&id], false);
    assert_eq!(marks(scene, &id), EVER);
    // What is created read was ever read as well, and so is what an older version of the library stored as read.
    let draft = scene.message("draft");
    assert_eq!(marks(scene, &draft), READ | EVER);
    let stored = scene
        .by_hand()
        .execute("UPDATE messages SET read_flags = 0", []);
    assert!(stored.unwrap() > 0);
    assert_eq!(marks(scene, &draft), READ | EVER);
    scene.ana.set_read(&[&draft], false);
    assert_eq!(marks(scene, &draft), EVER);
}

fn whole_folder_is_marked_and_what_is_so_already_is_left_alone(scene: &Scene) {
    // MAPI-SetReadFlags-1
    let mut ids: Vec<String> = (0..4).map(|_| incoming(scene)).collect();
    let elsewhere = incoming(scene);
    scene.ana.move_message(&elsewhere, "Drafts");
    let deleted = incoming(scene);
    scene.ana.delete_message(&deleted, false);
    let folder = "Inbox".to_owned();
    let hidden: Handle = scene
        .ana
        .call(Command::CreateAssociated { folder })
        .unwrap();
    scene.ana.set(hidden, pr::MESSAGE_FLAGS, 0);
    let hidden = scene.ana.save(hidden, KEEP).unwrap().entry_id;

    scene.ben.set_read_flags(&[&ids[0]], ReadFlags::empty());
    let was_read = scene.look(&ids[0]);
    let changed_at = |id: &str| {
        let message = scene
            .store
            .open_message(&id.parse().unwrap(), Access::ReadOnly);
        message.unwrap().change_number().unwrap().get()
    };
    let change = changed_at(&ids[0]);
    let start = scene.store.last_change().unwrap();
    let [mut changed, mut due] = scene.ana.mark_folder("Inbox", ReadFlags::empty());
    let read_before = ids.remove(0);
    changed.sort();
    due.sort();
    ids.sort();
    assert_eq!((&changed, &due), (&ids, &ids));
    assert_eq!(scene.last_change(), start.get() + 1, "one for the call");
    let journal = scene.store.changes_after(start, 10).unwrap();
    let mut objects = journal[0].objects.clone();
    objects.sort();
    let object = |id: &String| id.parse::<EntryId>().unwrap().object();
    assert_eq!(objects, ids.iter().map(object).collect::<Vec<_>>());
    for id in &ids {
        assert_eq!(marks(scene, id), READ | EVER);
        assert_eq!(changed_at(id), start.get() + 1);
    }
    assert_eq!(scene.look(&read_before), was_read);
    assert_eq!(changed_at(&read_before), change);
    assert_eq!(marks(scene, &elsewhere), RN | NRN);
    assert_eq!(marks(scene, &deleted), RN | NRN);
    assert_eq!(marks(scene, &hidden), 0);

    // Once more: nothing is changed, and nothing in the journal.
    let again = scene.ben.mark_folder("Inbox", ReadFlags::empty());
    assert_eq!(again, [Vec::<String>::new(), Vec::new()]);
    assert_eq!(scene.last_change(), start.get() + 1);
    let [unread, due] = scene.ben.mark_folder("Inbox", ReadFlags::CLEAR_READ_FLAG);
    assert_eq!((unread.len(), due.len()), (4, 0));
    scene.check();
}

fn two_clients_that_mark_a_folder_share_its_reports(scene: &Scene) {
    // S13, P1: each report is due once, whoever comes first
    let ids: Vec<String> = (0..20).map(|_| incoming(scene)).collect();
    for client in [&scene.ana, &scene.ben] {
        let (folder, flags) = ("Inbox".to_owned(), 0);
        client.send(Command::MarkFolder { folder, flags });
    }
    let told = [&scene.ana, &scene.ben].map(|client| {
        let [_, due]: [Vec<String>; 2] = client.receive().unwrap();
        due
    });
    let mut all = told.concat();
    all.sort();
    all.dedup();
    assert_eq!(told.concat().len(), ids.len());
    assert_eq!(all.len(), ids.len());
}

fn handle_and_store_agree_whatever_the_flags(scene: &Scene) {
    // S13: what a handle shows of its own change is what was stored
    for bits in (0..0x80).filter(|bits| bits & !0x75 == 0) {
        let flags = ReadFlags::from_bits_retain(bits);
        for first in [
            None,
            Some(ReadFlags::empty()),
            Some(ReadFlags::CLEAR_NRN_PENDING),
        ] {
            let id = incoming(scene);
            if let Some(first) = first {
                scene.ben.set_read_flags(&[&id], first);
            }
            let handle = scene.ana.open(&id, Wanted::Modify);
            let before = marks(scene, &id);
            match scene.ana.mark(handle, flags) {
                Ok(due) => assert!(!due || before & RN != 0, "{flags:?}"),
                Err(_) => assert!(flags.contains(ReadFlags::CLEAR_READ_FLAG), "{flags:?}"),
            }
            let mine = marks_of(&scene.ana.view(handle));
            assert_eq!(mine, marks(scene, &id), "{flags:?} after {first:?}");
            scene.ana.drop_handle(handle);
            scene.ana.delete_message(&id, true);
        }
    }
}

#[test]
fn one_message_that_is_missing_does_not_keep_the_others_from_being_marked() {
    // OXCMSG-R1514, OXCMSG-R1674
    let test = TestStore::new();
    let other = TestStore::new();
    let ids = [test.draft("a"), test.draft("b")];
    let missing = EntryId::new(test.store.uid(), mapistore::ObjectUid::from_bytes([9; 16]));
    let named = [ids[0], missing, other.draft("of another store"), ids[1]];
    let outcomes = test
        .store
        .set_read_flags(&named, ReadFlags::CLEAR_READ_FLAG)
        .unwrap();
    let named_in_outcomes: Vec<EntryId> = outcomes.iter().map(|(id, _)| *id).collect();
    assert_eq!(named_in_outcomes, named);
    let [first, second, third, fourth] = outcomes.try_into().unwrap();
    assert_eq!(
        (first.1.unwrap(), fourth.1.unwrap()),
        (Receipt::NotDue, Receipt::NotDue)
    );
    assert_eq!(code_of(second.1), MapiCode::MAPI_E_NOT_FOUND);
    assert_eq!(code_of(third.1), MapiCode::MAPI_E_UNKNOWN_ENTRYID);
    let drafts = test.store.special_folder(SpecialFolder::Drafts).unwrap();
    assert_eq!(drafts.info().unwrap().unread, 2);
}

#[test]
fn copy_owes_no_report_that_was_sent_for_its_original() {
    let test = TestStore::new();
    let mut draft = test.new_draft();
    draft.set(pr::MESSAGE_FLAGS, 0).unwrap();
    draft.set(pr::READ_RECEIPT_REQUESTED, true).unwrap();
    // Before the first save only the read state is the client's to choose.
    draft.set_read_flags(ReadFlags::CLEAR_RN_PENDING).unwrap();
    draft.save_changes(KEEP).unwrap();
    let flags = |message: &mapistore::Message| {
        MessageFlags::from_bits_retain(message.get(pr::MESSAGE_FLAGS).unwrap().unwrap())
    };
    assert_eq!(flags(&draft), MessageFlags::RN_PENDING);
    let inbox = test.store.special_folder(SpecialFolder::Inbox).unwrap();
    let unread = draft.save_elsewhere(&inbox).unwrap();
    assert_eq!(flags(&unread), MessageFlags::RN_PENDING);
    assert_eq!(
        draft.set_read_flags(ReadFlags::empty()).unwrap(),
        Receipt::Due
    );
    let mut read = draft.save_elsewhere(&inbox).unwrap();
    assert_eq!(flags(&read), MessageFlags::READ | MessageFlags::EVER_READ);
    read.set_read_state(ReadState::Unread).unwrap();
    let receipt = read.set_read_flags(ReadFlags::empty()).unwrap();
    assert_eq!(receipt, Receipt::NotDue);
}

#[test]
fn pending_reports_are_no_property_that_a_client_sets() {
    // S11, S13
    let test = TestStore::new();
    let mut draft = test.new_draft();
    draft.set(pr::MESSAGE_FLAGS, RN | NRN | EVER).unwrap();
    let saved = draft.save_changes(SaveFlags::empty()).unwrap();
    let stored = test
        .store
        .open_message(&saved.entry_id, Access::ReadOnly)
        .unwrap();
    let flags = stored.get(pr::MESSAGE_FLAGS).unwrap().unwrap();
    assert_eq!(flags & MARKS, 0);
}
