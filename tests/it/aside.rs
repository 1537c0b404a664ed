//! Read state, status and folder: what changes beside the content (S13).

use mapistore::{ChangeKind, Deletion, EntryId, MapiCode, SaveFlags, pr};

use crate::support::{FORCE, KEEP, Scene, Wanted, expect, two_clients};

two_clients!(
    change_aside_takes_one_number_for_many_messages_and_no_version,
    change_aside_makes_no_handle_stale,
    handle_shows_what_is_aside_as_at_opening_and_its_own_changes,
    force_does_not_undo_what_is_aside,
    save_does_not_undo_a_move,
    status_bits_of_two_clients_do_not_undo_each_other,
    read_state_of_a_new_message_comes_with_its_first_save,
    flags_are_composed_when_they_are_read,
    counts_of_folders_follow,
);

const TAGGED: i32 = 0x0002;
const DELMARKED: i32 = 0x0008;

/// The bits of `PR_MESSAGE_FLAGS` that a view shows.
fn flags_of(view: &crate::support::View) -> i32 {
    let shown = view.property("PR_MESSAGE_FLAGS").unwrap();
    shown
        .strip_prefix("Long(")
        .unwrap()
        .strip_suffix(')')
        .unwrap()
        .parse()
        .unwrap()
}

fn is_read(view: &crate::support::View) -> bool {
    flags_of(view) & 1 != 0
}

fn change_aside_takes_one_number_for_many_messages_and_no_version(scene: &Scene) {
    // S13, OXCPRPT-R30, OXCMSG-R1703/R1710, OXCMSG-R1501
    let ids: Vec<String> = (0..5)
        .map(|number| scene.message(&number.to_string()))
        .collect();
    let before: Vec<_> = ids.iter().map(|id| scene.look(id)).collect();
    let texts: Vec<&str> = ids.iter().map(|id| &**id).collect();
    let objects: Vec<_> = ids
        .iter()
        .map(|id| id.parse::<EntryId>().unwrap().object())
        .collect();
    let start = scene.store.last_change().unwrap();

    scene.ana.set_read(&texts, false);
    assert_eq!(scene.last_change(), start.get() + 1);
    let (all, folder) = (ids.clone(), "Inbox".to_owned());
    scene
        .ben
        .call::<()>(crate::support::Command::Move { ids: all, folder })
        .unwrap();
    assert_eq!(scene.last_change(), start.get() + 2);
    scene.ana.set_status(&ids[0], TAGGED, TAGGED);
    assert_eq!(scene.last_change(), start.get() + 3);

    let journal = scene.store.changes_after(start, 10).unwrap();
    let kinds: Vec<_> = journal.iter().map(|entry| entry.kind.clone()).collect();
    use ChangeKind::{MessagesMoved, ReadStateChanged, StatusChanged};
    assert_eq!(kinds, [ReadStateChanged, MessagesMoved, StatusChanged]);
    assert_eq!(journal[0].objects, objects);
    assert_eq!(journal[1].objects, objects);
    assert_eq!(journal[2].objects, objects[..1]);
    assert!(
        journal
            .iter()
            .all(|entry| entry.row_version.is_none() && entry.save_id.is_none())
    );
    for (id, before) in ids.iter().zip(before) {
        let now = scene.look(id);
        assert_eq!(
            (now.row_version, &now.content),
            (before.row_version, &before.content)
        );
        for tag in [
            "PR_CHANGE_KEY",
            "PR_LAST_MODIFICATION_TIME",
            "PR_PREDECESSOR_CHANGE_LIST",
        ] {
            assert_eq!(now.property(tag), before.property(tag), "{tag}");
        }
    }
    scene.check();
}

fn change_aside_makes_no_handle_stale(scene: &Scene) {
    // S13, OXCMSG-R1053, OXCMSG-R1703/R1710
    let id = scene.message("original");
    let handle = scene.ana.edit(&id, "mine");
    scene.ben.set_read(&[&id], false);
    scene.ben.move_message(&id, "Inbox");
    scene.ben.set_status(&id, TAGGED, TAGGED);
    assert!(!scene.ana.is_stale(handle));
    assert_eq!(scene.ana.save(handle, KEEP).unwrap().row_version, 2);
    let now = scene.look(&id);
    assert_eq!(now.subject(), Some("mine"));
    assert!(!is_read(&now));
    assert_eq!(now.property("PR_MSG_STATUS"), Some("Long(2)"));
}

fn handle_shows_what_is_aside_as_at_opening_and_its_own_changes(scene: &Scene) {
    // S13, O2
    let id = scene.message("original");
    let handle = scene.ana.open(&id, Wanted::Modify);
    let before = scene.ana.view(handle);
    assert!(is_read(&before));
    scene.ben.set_read(&[&id], false);
    scene.ben.move_message(&id, "Inbox");
    scene.ben.set_status(&id, TAGGED, TAGGED);
    assert_eq!(scene.ana.view(handle), before);
    // Its own change it shows, and that is done at once and needs no save.
    scene.ben.set_read(&[&id], true);
    let read = crate::support::Command::MarkRead(handle, false);
    scene.ana.call::<()>(read).unwrap();
    let after = scene.ana.view(handle);
    assert!(!is_read(&after));
    assert!(!after.pending);
    assert_eq!(after.row_version, Some(1));
    assert!(!is_read(&scene.look(&id)));
}

fn force_does_not_undo_what_is_aside(scene: &Scene) {
    // S13, S5
    let id = scene.message("original");
    let handle = scene.ana.edit(&id, "forced");
    let inbox = scene
        .store
        .folder_by_path("Inbox")
        .unwrap()
        .entry_id()
        .to_string();
    scene.ben.set_read(&[&id], false);
    scene.ben.move_message(&id, "Inbox");
    scene.ben.set_status(&id, TAGGED, TAGGED);
    let other = scene.ben.edit(&id, "other");
    scene.ben.save(other, SaveFlags::empty()).unwrap();
    scene.ana.save(handle, FORCE).unwrap();
    let now = scene.look(&id);
    assert_eq!((now.row_version, now.subject()), (Some(3), Some("forced")));
    assert!(!is_read(&now));
    assert_eq!(now.folder, inbox);
    assert_eq!(now.property("PR_MSG_STATUS"), Some("Long(2)"));
}

fn save_does_not_undo_a_move(scene: &Scene) {
    // S13, O5, MAPI-CopyMessages-1
    let id = scene.message("original");
    let handle = scene.ana.edit(&id, "saved");
    let folder = scene.store.ensure_folder("Projects/2026").unwrap();
    scene.ben.move_message(&id, "Projects/2026");
    scene.ana.save(handle, KEEP).unwrap();
    assert_eq!(scene.look(&id).folder, folder.entry_id().to_string());
    // A message in a folder that is then deleted with it is no trap for the handle either.
    scene.ben.delete_message(&id, false);
    folder.delete().unwrap();
    scene.ana.set(handle, pr::SUBJECT, "again");
    expect(
        scene.ana.save(handle, KEEP),
        MapiCode::MAPI_E_OBJECT_DELETED,
    );
    assert!(scene.look(&id).deleted);
}

fn status_bits_of_two_clients_do_not_undo_each_other(scene: &Scene) {
    // S13, OXCMSG-R784, OXCMSG-R416/R1500
    let id = scene.message("original");
    assert_eq!(scene.ana.set_status(&id, TAGGED, TAGGED), 0);
    assert_eq!(scene.ben.set_status(&id, DELMARKED, DELMARKED), TAGGED);
    assert_eq!(scene.ana.set_status(&id, 0, TAGGED), TAGGED | DELMARKED);
    assert_eq!(scene.look(&id).property("PR_MSG_STATUS"), Some("Long(8)"));
    // A client's own bits, in the upper half, too.
    let own = 0x4000_0000;
    scene.ben.set_status(&id, own, own);
    assert_eq!(scene.ana.set_status(&id, 0, 0), DELMARKED | own);
}

fn read_state_of_a_new_message_comes_with_its_first_save(scene: &Scene) {
    // S13, O5
    let new = scene.ana.create("Drafts");
    let change = scene.last_change();
    scene
        .ana
        .call::<()>(crate::support::Command::MarkRead(new, false))
        .unwrap();
    assert_eq!(
        scene.last_change(),
        change,
        "there is nothing to change yet"
    );
    let id = scene.ana.save(new, KEEP).unwrap().entry_id;
    assert_eq!(scene.last_change(), change + 1);
    assert!(!is_read(&scene.look(&id)));
}

fn flags_are_composed_when_they_are_read(scene: &Scene) {
    // S13, S11, OXCMSG-R469
    const UNSENT: i32 = 8;
    const HASATTACH: i32 = 16;
    const RESEND: i32 = 128;
    let new = scene.ana.create("Drafts");
    const EVER_READ: i32 = 0x400;
    assert_eq!(flags_of(&scene.ana.view(new)), 1 | UNSENT | EVER_READ);
    // Before the first save some of them are the client's.
    scene.ana.set(new, pr::MESSAGE_FLAGS, RESEND | HASATTACH);
    assert_eq!(
        flags_of(&scene.ana.view(new)),
        RESEND,
        "unread, to be sent again; there is no attachment"
    );
    let attachment = scene
        .ana
        .attach(new, "one", crate::support::Blob::new(1, 10));
    let id = scene.ana.save(new, KEEP).unwrap().entry_id;
    assert_eq!(flags_of(&scene.look(&id)), RESEND | HASATTACH);
    scene.ben.set_read(&[&id], true);
    assert_eq!(flags_of(&scene.look(&id)), RESEND | 0x401 | HASATTACH);
    scene.ana.delete_attachment(new, attachment);
    assert_eq!(
        flags_of(&scene.ana.view(new)),
        RESEND,
        "as at opening, but for its own change"
    );
    scene.ana.save(new, KEEP).unwrap();
    assert_eq!(flags_of(&scene.look(&id)), RESEND | 0x401);
    let late = scene.ana.try_set(new, pr::MESSAGE_FLAGS.tag(), 0);
    expect(late, MapiCode::MAPI_E_COMPUTED);
}

fn counts_of_folders_follow(scene: &Scene) {
    // S13, S4
    let counts = |path: &str| {
        let info = scene.store.folder_by_path(path).unwrap().info().unwrap();
        (info.total, info.unread)
    };
    let ids: Vec<String> = (0..4)
        .map(|number| scene.message(&number.to_string()))
        .collect();
    assert_eq!(counts("Drafts"), (4, 0));
    scene.ana.set_read(&[&ids[0], &ids[1]], false);
    scene.ana.set_read(&[&ids[0]], false);
    assert_eq!(counts("Drafts"), (4, 2));
    scene.ben.move_message(&ids[0], "Inbox");
    assert_eq!((counts("Drafts"), counts("Inbox")), ((3, 1), (1, 1)));
    scene.ana.delete_message(&ids[1], false);
    scene.ana.delete_message(&ids[2], true);
    assert_eq!(counts("Drafts"), (1, 0));
    scene.ben.delete_message(&ids[1], true);
    assert_eq!(counts("Drafts"), (1, 0), "it was not counted any more");
    let parsed: EntryId = ids[3].parse().unwrap();
    scene
        .store
        .delete_messages(&[parsed], Deletion::Hard)
        .unwrap();
    assert_eq!((counts("Drafts"), counts("Inbox")), ((0, 0), (1, 1)));
    scene.check();
}
