//! Saving beside others as MAPI, MS-OXCMSG and the latter's own test suite have it.

use mapistore::{EntryId, MapiCode, SaveFlags, pr};

use crate::support::{
    Command, FORCE, Handle, KEEP, Scene, TestStore, Wanted, code_of, expect, two_clients,
};

two_clients!(
    every_save_names_the_message_that_it_saved,
    forced_save_of_nothing_makes_an_untouched_handle_stale,
    conflict_is_told_only_where_somebody_else_saved,
    change_is_seen_by_nobody_else_before_it_is_saved,
    handles_on_one_message_share_nothing,
    recipients_of_other_handles_stay_until_the_message_is_saved,
    last_attachment_deleted_by_one_is_there_for_others_until_the_save,
);

fn every_save_names_the_message_that_it_saved(scene: &Scene) {
    // OXCMSG-R372, OXCMSG-R728
    let new = scene.ana.create("Drafts");
    scene.ana.set(new, pr::SUBJECT, "first");
    let id = scene.ana.save(new, KEEP).unwrap().entry_id;
    let handle = scene.ben.open(&id, Wanted::Modify);
    assert_eq!(scene.ben.view(handle).subject(), Some("first"));
    for flags in [KEEP, FORCE] {
        scene.ana.set(new, pr::SUBJECT, "later");
        assert_eq!(scene.ana.save(new, flags).unwrap().entry_id, id);
    }
    assert_eq!(
        scene.ana.save(new, KEEP).unwrap().entry_id,
        id,
        "of nothing"
    );
    let again = scene.ben.edit(&id, "again");
    assert_eq!(
        scene.ben.save(again, SaveFlags::empty()).unwrap().entry_id,
        id
    );
}

fn forced_save_of_nothing_makes_an_untouched_handle_stale(scene: &Scene) {
    // OXCMSG-TS-S01TC09b
    let id = scene.message("original");
    let untouched = scene.ana.open(&id, Wanted::Modify);
    let forcing = scene.ben.open(&id, Wanted::Modify);
    scene.ben.save(forcing, FORCE).unwrap();
    for flags in [SaveFlags::KEEP_OPEN_READONLY, KEEP] {
        expect(
            scene.ana.save(untouched, flags),
            MapiCode::MAPI_E_OBJECT_CHANGED,
        );
        assert_eq!(scene.ana.view(untouched).access, "modify");
    }
}

fn conflict_is_told_only_where_somebody_else_saved(scene: &Scene) {
    // OXCMSG-R1053
    let (id, neighbour) = (scene.message("original"), scene.message("neighbour"));
    let handle = scene.ana.edit(&id, "mine");
    // None of this is a save of that message.
    let reader = scene.ben.open(&id, Wanted::Modify);
    scene.ben.set(reader, pr::SUBJECT, "dropped");
    scene.ben.drop_handle(reader);
    let idle = scene.ben.open(&id, Wanted::Modify);
    scene.ben.save(idle, KEEP).unwrap();
    let other = scene.ben.edit(&neighbour, "changed");
    scene.ben.save(other, KEEP).unwrap();
    let copy = Command::SaveElsewhere(idle, "Inbox".to_owned());
    scene.ben.call::<Handle>(copy).unwrap();
    scene.ben.set_read(&[&id], false);
    scene.ben.move_message(&id, "Inbox");
    for version in 2..5 {
        scene.ana.set(handle, pr::SUBJECT, "mine again");
        assert_eq!(scene.ana.save(handle, KEEP).unwrap().row_version, version);
    }
    // And this is.
    let other = scene.ben.edit(&id, "theirs");
    scene.ben.save(other, KEEP).unwrap();
    scene.ana.set(handle, pr::SUBJECT, "too late");
    expect(
        scene.ana.save(handle, KEEP),
        MapiCode::MAPI_E_OBJECT_CHANGED,
    );
}

fn change_is_seen_by_nobody_else_before_it_is_saved(scene: &Scene) {
    // OXCMSG-R704
    let id = scene.message("original");
    let open_before = scene.ben.open(&id, Wanted::ReadOnly);
    let handle = scene.ana.edit(&id, "changed");
    assert_eq!(scene.ana.view(handle).subject(), Some("changed"));
    let open_after = scene.ben.open(&id, Wanted::ReadOnly);
    let beside = scene.ana.open(&id, Wanted::Modify);
    assert_eq!(scene.ben.view(open_before).subject(), Some("original"));
    assert_eq!(scene.ben.view(open_after).subject(), Some("original"));
    assert_eq!(scene.ana.view(beside).subject(), Some("original"));
    scene.ana.save(handle, KEEP).unwrap();
    let fresh = scene.ben.open(&id, Wanted::ReadOnly);
    assert_eq!(scene.ben.view(fresh).subject(), Some("changed"));
}

fn handles_on_one_message_share_nothing(scene: &Scene) {
    // OXCMSG-R703, OXCMSG-R1475
    let id = scene.message("original");
    let one = scene.ana.edit(&id, "one");
    let two = scene.ana.edit(&id, "two");
    let three = scene.ben.edit(&id, "three");
    scene.ana.add_recipient(one, "one");
    scene.ana.remove_recipient(two, 0);
    scene.ben.delete_attachment(three, 0);
    let shown = [
        scene.ana.view(one),
        scene.ana.view(two),
        scene.ben.view(three),
    ];
    let subjects = shown.each_ref().map(|view| view.subject());
    assert_eq!(subjects, [Some("one"), Some("two"), Some("three")]);
    let recipients = shown.each_ref().map(|view| view.recipient_names());
    assert_eq!(
        recipients,
        [vec!["Original", "one"], vec![], vec!["Original"]]
    );
    let attachments = shown.each_ref().map(|view| view.attachment_names().len());
    assert_eq!(attachments, [1, 1, 0]);
    // One that goes takes nothing from the others.
    scene.ana.drop_handle(one);
    assert_eq!(scene.ana.view(two), shown[1]);
    assert_eq!(scene.ben.view(three), shown[2]);
}

fn recipients_of_other_handles_stay_until_the_message_is_saved(scene: &Scene) {
    // OXCMSG-R382, OXCMSG-R395
    let id = scene.message("original");
    let other = scene.ben.open(&id, Wanted::ReadOnly);
    let handle = scene.ana.open(&id, Wanted::Modify);
    scene.ana.add_recipient(handle, "added");
    scene.ana.rename_recipient(handle, 0, "renamed");
    let names = |handle| {
        let view = scene.ben.view(handle);
        let names = view.recipient_names().into_iter().map(str::to_owned);
        names.collect::<Vec<_>>()
    };
    let fresh = scene.ben.open(&id, Wanted::ReadOnly);
    assert_eq!(
        (names(other), names(fresh)),
        (vec!["Original".to_owned()], vec!["Original".to_owned()])
    );
    scene.ana.save(handle, KEEP).unwrap();
    let fresh = scene.ben.open(&id, Wanted::ReadOnly);
    assert_eq!(names(fresh), ["renamed", "added"]);
    scene.ana.remove_recipient(handle, 0);
    scene.ana.remove_recipient(handle, 1);
    let fresh = scene.ben.open(&id, Wanted::ReadOnly);
    assert_eq!(names(fresh), ["renamed", "added"]);
    scene.ana.save(handle, KEEP).unwrap();
    let fresh = scene.ben.open(&id, Wanted::ReadOnly);
    assert_eq!(names(fresh), [""; 0]);
}

fn last_attachment_deleted_by_one_is_there_for_others_until_the_save(scene: &Scene) {
    // OXCMSG-TS-S08TC07, OXCMSG-R1523
    let id = scene.message("original");
    let handle = scene.ana.open(&id, Wanted::Modify);
    let other = scene.ben.open(&id, Wanted::Modify);
    scene.ana.delete_attachment(handle, 0);
    let has_attachments = |handle| {
        let view = scene.ben.view(handle);
        (
            view.property("PR_HASATTACH") == Some("Boolean(true)"),
            view.attachment_names().len(),
        )
    };
    let fresh = scene.ben.open(&id, Wanted::ReadOnly);
    assert_eq!(has_attachments(other), (true, 1));
    assert_eq!(has_attachments(fresh), (true, 1));
    scene.ana.save(handle, KEEP).unwrap();
    let fresh = scene.ben.open(&id, Wanted::ReadOnly);
    assert_eq!(has_attachments(fresh), (false, 0));
    assert_eq!(has_attachments(other), (true, 1), "its snapshot stays");
}

#[test]
fn save_flags_have_the_values_of_both_sources() {
    // OXCMSG-R711, OXCMSG-R3023
    let values = [
        SaveFlags::KEEP_OPEN_READONLY,
        SaveFlags::KEEP_OPEN_READWRITE,
        SaveFlags::FORCE_SAVE,
        SaveFlags::MAPI_DEFERRED_ERRORS,
    ];
    assert_eq!(values.map(|flag| flag.bits()), [1, 2, 4, 8]);
    // What MS-OXCMSG has clients send asks for the same as the flag alone.
    let test = TestStore::new();
    for (flag, sent) in [(1, 0x09), (2, 0x0A), (4, 0x0C)] {
        let after = [flag, sent].map(|bits| {
            let id: EntryId = test.draft("original");
            let open = |access| test.store.open_message(&id, access).unwrap();
            let (mut winner, mut message) = (
                open(mapistore::Access::Modify),
                open(mapistore::Access::Modify),
            );
            winner.set(pr::SUBJECT, "winner").unwrap();
            winner.save_changes(KEEP).unwrap();
            message.set(pr::SUBJECT, "later").unwrap();
            let flags = SaveFlags::from_bits_retain(bits);
            let stale = message.save_changes(flags).map(|saved| saved.row_version);
            let stale = stale.map_err(|error| error.code());
            // From a handle that is not stale each of them goes through.
            let mut fresh = open(mapistore::Access::Modify);
            fresh.set(pr::SUBJECT, "fresh").unwrap();
            fresh.save_changes(flags).unwrap();
            let changed = fresh.set(pr::SUBJECT, "after");
            (stale, changed.map_err(|error| error.code()))
        });
        assert_eq!(after[0], after[1], "{sent:#04x} is not {flag:#04x}");
        let forces = after[0].0.is_ok();
        assert_eq!(forces, flag == 4);
    }
    let mut closed = test.new_draft();
    closed
        .save_changes(SaveFlags::from_bits_retain(0x0C))
        .unwrap();
    assert_eq!(
        code_of(closed.get(pr::SUBJECT)),
        MapiCode::MAPI_E_INVALID_OBJECT,
        "force alone closes"
    );
}
