//! Saves that are repeated because their caller does not know whether they took place (S8).

use std::process::Command as Program;

use mapistore::{Error, MapiCode, SaveFlags, SaveId, SaveOutcome, pr};
use rusqlite::params;

use crate::support::{
    Blob, Client, Command, FORCE, KEEP, Link, Scene, Sharing, TestStore, Wanted, expect,
    two_clients,
};

two_clients!(
    repeated_save_is_reported_as_saved_and_not_as_changed,
    repeated_forced_save_is_not_done_twice,
    repeated_save_is_known_after_others_saved,
    save_is_found_by_its_id,
    another_messages_save_id_is_no_repetition,
);

const SAVE_ID: &str = "00112233445566778899aabbccddeeff";

/// Two lives of a host: the first saves and is killed before it hears so, the second repeats what it had noted.
fn repeat(scene: &Scene, id: &str, flags: SaveFlags) -> (Client, crate::support::Handle) {
    let second_life = scene.client("second life");
    let first = scene.ana.edit(id, "mine");
    let repeated = second_life.edit(id, "mine");
    scene.ana.set_save_id(first, SAVE_ID);
    second_life.set_save_id(repeated, SAVE_ID);
    let saved = scene.ana.save(first, flags).unwrap();
    assert_eq!((&*saved.outcome, &*saved.save_id), ("NewVersion", SAVE_ID));
    (second_life, repeated)
}

fn repeated_save_is_reported_as_saved_and_not_as_changed(scene: &Scene) {
    // S8
    let id = scene.message("original");
    let (second_life, repeated) = repeat(scene, &id, KEEP);
    let change = scene.last_change();
    let saved = second_life.save(repeated, KEEP).unwrap();
    assert_eq!((saved.row_version, &*saved.outcome), (2, "SavedBefore"));
    assert_eq!(saved.change_number, change);
    assert_eq!(scene.last_change(), change, "nothing was written again");
    // From there it goes on.
    second_life.set(repeated, pr::SUBJECT, "next");
    let next = second_life.save(repeated, KEEP).unwrap();
    assert_eq!((next.row_version, &*next.outcome), (3, "NewVersion"));
    assert_ne!(next.save_id, SAVE_ID);
}

fn repeated_forced_save_is_not_done_twice(scene: &Scene) {
    // S8, S5
    let id = scene.message("original");
    let (second_life, repeated) = repeat(scene, &id, FORCE);
    let saved = second_life.save(repeated, FORCE).unwrap();
    assert_eq!((saved.row_version, &*saved.outcome), (2, "SavedBefore"));
    assert_eq!(scene.look(&id).row_version, Some(2));
}

fn repeated_save_is_known_after_others_saved(scene: &Scene) {
    // S8
    for flags in [KEEP, FORCE] {
        let id = scene.message("original");
        let (second_life, repeated) = repeat(scene, &id, flags);
        let other = scene.ben.edit(&id, "other");
        scene.ben.save(other, SaveFlags::empty()).unwrap();
        let saved = second_life.save(repeated, flags).unwrap();
        assert_eq!((saved.row_version, &*saved.outcome), (2, "SavedBefore"));
        let now = scene.look(&id);
        assert_eq!((now.row_version, now.subject()), (Some(3), Some("other")));
        // It stands at version 2 now, and so is stale.
        second_life.set(repeated, pr::SUBJECT, "next");
        let failure = expect(
            second_life.save(repeated, KEEP),
            MapiCode::MAPI_E_OBJECT_CHANGED,
        );
        assert_eq!(
            failure
                .changed
                .map(|changed| (changed.base, changed.current)),
            Some((2, 3))
        );
    }
}

fn save_is_found_by_its_id(scene: &Scene) {
    // S8
    let id = scene.message("original");
    let handle = scene.ana.edit(&id, "mine");
    scene.ana.set_save_id(handle, SAVE_ID);
    assert_eq!(scene.ben.find_save(&id, SAVE_ID), None);
    scene.ana.save(handle, KEEP).unwrap();
    assert_eq!(scene.ben.find_save(&id, SAVE_ID), Some(2));
    assert_eq!(
        scene.ben.find_save(&scene.message("another"), SAVE_ID),
        None
    );
    scene.ben.delete_message(&id, true);
    assert_eq!(
        scene.ben.find_save(&id, SAVE_ID),
        Some(2),
        "also when the message is gone"
    );
}

fn another_messages_save_id_is_no_repetition(scene: &Scene) {
    // S8
    let (one, two) = (scene.message("one"), scene.message("two"));
    for id in [&one, &two] {
        let handle = scene.ana.edit(id, "mine");
        scene.ana.set_save_id(handle, SAVE_ID);
        let saved = scene.ana.save(handle, KEEP).unwrap();
        assert_eq!((saved.row_version, &*saved.outcome), (2, "NewVersion"));
    }
}

#[test]
fn first_save_that_had_been_committed_is_reported_as_saved() {
    // S8
    let test = TestStore::new();
    let template = test.draft("template");
    let mut new = test.new_draft();
    new.set(pr::SUBJECT, "new").unwrap();
    let save_id = SaveId::random();
    new.set_save_id(save_id).unwrap();
    // What the commit, of which the client heard nothing, had written.
    let by_hand = rusqlite::Connection::open(test.store.path()).unwrap();
    let uid = new.entry_id().object();
    let copied = by_hand.execute(
        "INSERT INTO messages (entry_uid, folder_id, row_version, change_number, created_at, modified_at, \
         modified_by, committed_at, change_key, predecessor_change_list, size, properties, recipients, \
         attachments) SELECT ?, folder_id, 1, change_number + 1, created_at, modified_at, modified_by, \
         committed_at, change_key, predecessor_change_list, size, \
         json_set(properties, '$.\"0037001F\"', 'new'), recipients, attachments FROM messages \
         WHERE entry_uid = ?",
        params![&uid.as_bytes()[..], &template.object().as_bytes()[..]],
    );
    assert_eq!(copied, Ok(1));
    let recorded = by_hand.execute(
        "INSERT INTO changes (committed_at, kind, entry_uid, row_version, client_name, process_id, save_id) \
         SELECT committed_at, kind, ?, 1, client_name, process_id, ? FROM changes LIMIT 1",
        params![&uid.as_bytes()[..], &save_id.as_bytes()[..]],
    );
    assert_eq!(recorded, Ok(1));

    let saved = new.save_changes(SaveFlags::KEEP_OPEN_READWRITE).unwrap();
    assert_eq!(
        (saved.row_version.get(), saved.outcome),
        (1, SaveOutcome::SavedBefore)
    );
    assert_eq!(saved.save_id, save_id);
    new.set(pr::SUBJECT, "next").unwrap();
    let next = new.save_changes(SaveFlags::KEEP_OPEN_READWRITE).unwrap();
    assert_eq!(
        (next.row_version.get(), next.outcome),
        (2, SaveOutcome::NewVersion)
    );
}

#[test]
fn repeated_save_of_a_message_that_was_deleted_since_is_known_too() {
    // S8, S4
    let scene = Scene::new(Sharing::Handles);
    let id = scene.message("original");
    let (second_life, repeated) = repeat(&scene, &id, KEEP);
    scene.ben.delete_message(&id, true);
    assert_eq!(
        &*second_life.save(repeated, KEEP).unwrap().outcome,
        "SavedBefore"
    );
    second_life.set(repeated, pr::SUBJECT, "next");
    expect(
        second_life.save(repeated, KEEP),
        MapiCode::MAPI_E_OBJECT_DELETED,
    );
}

#[test]
fn unknown_outcome_is_settled_by_repeating() {
    // S8
    if Program::new("prlimit").arg("--version").output().is_err() {
        println!("skipped: no prlimit program");
        return;
    }
    let scene = Scene::new(Sharing::Processes);
    let id = scene.message("original");
    // A process whose files may not grow beyond 512 KiB: writing fails, as on a failing disk.
    let shell = "trap '' XFSZ; ulimit -S -f 1024; exec \"$0\" \"$@\"";
    let limited = Client::new(
        Link::to_program(
            Program::new("sh")
                .arg("-c")
                .arg(shell)
                .arg(std::env::current_exe().unwrap()),
        ),
        "limited",
    );
    limited
        .call::<()>(Command::OpenStore(scene.opening("limited")))
        .unwrap();
    let handle = limited.edit(&id, "mine");
    limited.add_recipient(handle, "mine");
    limited.attach(handle, "figures", Blob::new(5, 900_000));
    let new = limited.create("Drafts");
    limited.attach(new, "figures", Blob::new(6, 900_000));
    let (before, new_before) = (limited.view(handle), limited.view(new));
    let (stored, change) = (scene.look(&id), scene.last_change());
    for _ in 0..3 {
        let failure = expect(limited.save(handle, KEEP), MapiCode::MAPI_E_DISK_ERROR);
        assert_eq!(failure.unknown_save.as_ref(), Some(&before.save_id));
        assert_eq!(limited.view(handle), before);
        let failure = expect(limited.save(new, KEEP), MapiCode::MAPI_E_DISK_ERROR);
        assert_eq!(failure.unknown_save.as_ref(), Some(&new_before.save_id));
        assert_eq!(limited.view(new), new_before);
    }
    assert_eq!((scene.look(&id), scene.last_change()), (stored, change));
    assert_eq!(scene.ana.find_save(&id, &before.save_id), None);
    // Others are not hindered.
    let other = scene.message("another");
    let theirs = scene.ben.edit(&other, "theirs");
    scene.ben.save(theirs, KEEP).unwrap();

    let lifted = Program::new("prlimit")
        .args([
            "--pid",
            &limited.process_id().to_string(),
            "--fsize=unlimited",
        ])
        .status()
        .unwrap();
    assert!(lifted.success());
    let saved = limited.save(handle, KEEP).unwrap();
    assert_eq!((saved.row_version, saved.save_id), (2, before.save_id));
    assert_eq!(limited.save(new, KEEP).unwrap().save_id, new_before.save_id);
    assert_eq!(scene.look(&id).content, before.content);
    assert_eq!(scene.look(&new_before.entry_id).content, new_before.content);
    scene.check();
}

#[test]
fn save_id_belongs_to_the_pending_changes() {
    // S8
    let test = TestStore::new();
    let id = test.draft("original");
    let mut message = test
        .store
        .open_message(&id, mapistore::Access::Modify)
        .unwrap();
    let given = message.save_id();
    message.set(pr::SUBJECT, "one").unwrap();
    assert_eq!(message.save_id(), given);
    let saved = message
        .save_changes(SaveFlags::KEEP_OPEN_READWRITE)
        .unwrap();
    assert_eq!(saved.save_id, given);
    assert_ne!(message.save_id(), given, "the next changes have their own");
    let saves = test
        .store
        .saves_after(&id, mapistore::RowVersion::FIRST)
        .unwrap();
    assert_eq!(
        saves.iter().map(|save| save.save_id).collect::<Vec<_>>(),
        [Some(given)]
    );
    let foreign = TestStore::new();
    let found = foreign.store.find_save(&id, given);
    assert!(matches!(found, Err(Error::UnknownEntryId { .. })));
}

#[test]
fn reload_drops_the_save_id_with_the_changes() {
    // S8, O6
    let scene = Scene::new(Sharing::Handles);
    let id = scene.message("original");
    let handle = scene.ana.edit(&id, "dropped");
    scene.ana.set_save_id(handle, SAVE_ID);
    scene.ana.reload(handle).unwrap();
    assert_ne!(scene.ana.view(handle).save_id, SAVE_ID);
    let reader = scene.ana.open(&id, Wanted::ReadOnly);
    assert_ne!(
        scene.ana.view(reader).save_id,
        scene.ana.view(handle).save_id
    );
}
