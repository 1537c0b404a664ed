//! What a save reports when it fails, and what its handle is like afterwards.

use mapistore::{MapiCode, SaveFlags, pr};

use crate::support::{
    Blob, Client, Command, FORCE, Handle, KEEP, Opening, Scene, Wanted, expect, two_clients,
};

two_clients!(
    contradictory_flags_are_reported_before_all_else,
    closed_handle_is_reported_before_what_became_of_the_message,
    missing_access_is_reported_before_deletion_and_staleness,
    deletion_is_reported_before_staleness,
    deletion_and_staleness_are_reported_before_a_missing_turn,
    missing_folder_is_reported_before_a_missing_turn,
    save_without_a_turn_in_time_writes_nothing_and_can_be_repeated,
    failed_save_leaves_the_handle_as_it_was_whatever_the_flags,
    deleted_message_cannot_be_saved_even_by_force,
    deleted_message_can_be_saved_elsewhere,
    first_save_names_the_folder_that_is_gone,
    stale_message_can_be_saved_elsewhere,
);

/// A client that does not wait long.
fn impatient(scene: &Scene) -> Client {
    scene.client_with(Opening {
        busy_timeout_ms: 200,
        ..scene.opening("impatient")
    })
}

/// Another program that knows nothing of turns writes, and takes its time.
fn hold(scene: &Scene, holder: &Client) {
    let path = scene.path().to_str().unwrap().to_owned();
    holder.call::<()>(Command::HoldWriteLock { path }).unwrap();
}

fn let_go(holder: &Client) {
    holder.call::<()>(Command::LetGoOfWriteLock).unwrap();
}

/// Makes a message that this handle is open on stale, in the usual way.
fn overtake(client: &Client, id: &str) {
    let handle = client.edit(id, "overtaken");
    client.save(handle, SaveFlags::empty()).unwrap();
}

fn both() -> SaveFlags {
    SaveFlags::KEEP_OPEN_READONLY | SaveFlags::KEEP_OPEN_READWRITE
}

fn contradictory_flags_are_reported_before_all_else(scene: &Scene) {
    // S0, S7
    let impatient = impatient(scene);
    let id = scene.message("original");
    let closed = impatient.edit(&id, "closed");
    impatient.save(closed, SaveFlags::empty()).unwrap();
    let stale = impatient.edit(&id, "stale");
    let reader = impatient.open(&id, Wanted::ReadOnly);
    overtake(&scene.ben, &id);
    let current = impatient.edit(&id, "current");
    hold(scene, &scene.ana);
    for handle in [closed, stale, reader, current] {
        for flags in [both(), both() | SaveFlags::FORCE_SAVE] {
            expect(
                impatient.save(handle, flags),
                MapiCode::MAPI_E_INVALID_PARAMETER,
            );
        }
    }
    let_go(&scene.ana);
    scene.ben.delete_message(&id, false);
    for handle in [closed, stale, reader, current] {
        expect(
            impatient.save(handle, both()),
            MapiCode::MAPI_E_INVALID_PARAMETER,
        );
    }
}

fn closed_handle_is_reported_before_what_became_of_the_message(scene: &Scene) {
    // S0, S7
    let id = scene.message("original");
    let closed = scene.ana.edit(&id, "closed");
    scene.ana.save(closed, SaveFlags::empty()).unwrap();
    overtake(&scene.ben, &id);
    expect(
        scene.ana.save(closed, KEEP),
        MapiCode::MAPI_E_INVALID_OBJECT,
    );
    scene.ben.delete_message(&id, true);
    expect(
        scene.ana.save(closed, FORCE),
        MapiCode::MAPI_E_INVALID_OBJECT,
    );
}

fn missing_access_is_reported_before_deletion_and_staleness(scene: &Scene) {
    // S0, O3, OXCMSG-R1699/R3019
    let id = scene.message("original");
    let reader = scene.ana.open(&id, Wanted::ReadOnly);
    overtake(&scene.ben, &id);
    for flags in [KEEP, FORCE, SaveFlags::empty()] {
        expect(scene.ana.save(reader, flags), MapiCode::MAPI_E_NO_ACCESS);
    }
    scene.ben.delete_message(&id, true);
    for flags in [KEEP, FORCE, SaveFlags::empty()] {
        expect(scene.ana.save(reader, flags), MapiCode::MAPI_E_NO_ACCESS);
    }
}

fn deletion_is_reported_before_staleness(scene: &Scene) {
    // S0, S4
    for hard in [false, true] {
        let id = scene.message("original");
        let (idle, stale) = (
            scene.ana.open(&id, Wanted::Modify),
            scene.ana.edit(&id, "stale"),
        );
        overtake(&scene.ben, &id);
        scene.ben.delete_message(&id, hard);
        for handle in [idle, stale] {
            let failure = expect(
                scene.ana.save(handle, KEEP),
                MapiCode::MAPI_E_OBJECT_DELETED,
            );
            assert_eq!(failure.deleted, Some(("message".to_owned(), id.clone())));
        }
    }
}

fn deletion_and_staleness_are_reported_before_a_missing_turn(scene: &Scene) {
    // S0, P3
    let impatient = impatient(scene);
    let (changed, deleted) = (scene.message("changed"), scene.message("deleted"));
    let (stale, gone) = (
        impatient.edit(&changed, "stale"),
        impatient.edit(&deleted, "gone"),
    );
    overtake(&scene.ben, &changed);
    overtake(&scene.ben, &deleted);
    scene.ben.delete_message(&deleted, false);
    hold(scene, &scene.ana);
    expect(impatient.save(stale, KEEP), MapiCode::MAPI_E_OBJECT_CHANGED);
    expect(impatient.save(gone, KEEP), MapiCode::MAPI_E_OBJECT_DELETED);
    expect(impatient.save(gone, FORCE), MapiCode::MAPI_E_OBJECT_DELETED);
    // Nothing but the turn stands in the way of force.
    expect(impatient.save(stale, FORCE), MapiCode::MAPI_E_BUSY);
    let_go(&scene.ana);
    assert_eq!(impatient.save(stale, FORCE).unwrap().row_version, 3);
}

fn missing_folder_is_reported_before_a_missing_turn(scene: &Scene) {
    // S0, S4
    let impatient = impatient(scene);
    let folder = scene.store.ensure_folder("Short-lived").unwrap();
    let new = impatient.create("Short-lived");
    folder.delete().unwrap();
    hold(scene, &scene.ana);
    expect(impatient.save(new, KEEP), MapiCode::MAPI_E_OBJECT_DELETED);
    let_go(&scene.ana);
    expect(impatient.save(new, KEEP), MapiCode::MAPI_E_OBJECT_DELETED);
}

fn save_without_a_turn_in_time_writes_nothing_and_can_be_repeated(scene: &Scene) {
    // P3, S8, OXCMSG-R1670/R718/R722, OXCMSG-R1070
    let impatient = impatient(scene);
    let id = scene.message("original");
    let handle = impatient.edit(&id, "mine");
    impatient.add_recipient(handle, "mine");
    impatient.attach(handle, "small", Blob::new(5, 20_000));
    impatient.attach(handle, "large", Blob::new(6, 3_000_000));
    let new = impatient.create("Drafts");
    impatient.set(new, pr::SUBJECT, "new");
    let (before, new_before) = (impatient.view(handle), impatient.view(new));
    let (stored, change) = (scene.look(&id), scene.last_change());
    hold(scene, &scene.ana);
    for flags in [KEEP, FORCE, SaveFlags::empty()] {
        expect(impatient.save(handle, flags), MapiCode::MAPI_E_BUSY);
        expect(impatient.save(new, flags), MapiCode::MAPI_E_BUSY);
        assert_eq!(impatient.view(handle), before);
        assert_eq!(impatient.view(new), new_before);
    }
    assert_eq!((scene.look(&id), scene.last_change()), (stored, change));
    let_go(&scene.ana);
    let saved = impatient.save(handle, KEEP).unwrap();
    assert_eq!((saved.row_version, &*saved.outcome), (2, "NewVersion"));
    assert_eq!(saved.save_id, before.save_id);
    assert_eq!(impatient.save(new, KEEP).unwrap().row_version, 1);
    assert_eq!(scene.look(&id).content, before.content);
    scene.check();
}

/// What becomes of a message meanwhile.
type Happens<'a> = &'a dyn Fn(&str);

fn failed_save_leaves_the_handle_as_it_was_whatever_the_flags(scene: &Scene) {
    // S8, OXCMSG-R1670/R718/R722, OXCMSG-TS-S01TC09a, MAPI-SaveChanges-8
    let stale = |id: &str| overtake(&scene.ben, id);
    let soft = |id: &str| scene.ben.delete_message(id, false);
    let hard = |id: &str| scene.ben.delete_message(id, true);
    let reasons: [(Happens<'_>, MapiCode); 3] = [
        (&stale, MapiCode::MAPI_E_OBJECT_CHANGED),
        (&soft, MapiCode::MAPI_E_OBJECT_DELETED),
        (&hard, MapiCode::MAPI_E_OBJECT_DELETED),
    ];
    for (happens, code) in reasons {
        let id = scene.message("original");
        let handle = scene.ana.edit(&id, "mine");
        scene.ana.add_recipient(handle, "mine");
        scene.ana.rename_recipient(handle, 0, "Renamed");
        scene.ana.attach(handle, "small", Blob::new(5, 20_000));
        scene.ana.attach(handle, "large", Blob::new(6, 3_000_000));
        scene
            .ana
            .set_save_id(handle, "0123456789abcdef0123456789abcdef");
        let before = scene.ana.view(handle);
        happens(&id);
        let change = scene.last_change();
        for bits in 0..16 {
            let flags = SaveFlags::from_bits_retain(bits | 0x4000_0000);
            let forces_through =
                code == MapiCode::MAPI_E_OBJECT_CHANGED && flags.contains(SaveFlags::FORCE_SAVE);
            if forces_through && !flags.contains(both()) {
                continue;
            }
            let failure = scene.ana.save(handle, flags).unwrap_err();
            let contradictory = flags.contains(both());
            let expected = if contradictory {
                MapiCode::MAPI_E_INVALID_PARAMETER
            } else {
                code
            };
            assert!(failure.is(expected), "{flags:?}: {failure:?}");
            assert_eq!(scene.ana.view(handle), before, "{flags:?}");
        }
        assert_eq!(scene.last_change(), change);
        assert_eq!(scene.ana.find_save(&id, &before.save_id), None);
        if code == MapiCode::MAPI_E_OBJECT_CHANGED {
            let saved = scene.ana.save(handle, FORCE).unwrap();
            assert_eq!(saved.save_id, before.save_id, "kept over repeats");
            assert_eq!(scene.ana.find_save(&id, &before.save_id), Some(3));
            assert_eq!(scene.look(&id).content, before.content);
        }
    }
    scene.check();
}

fn deleted_message_cannot_be_saved_even_by_force(scene: &Scene) {
    // S4, MAPI-SaveChanges-8, MAPI-SaveChanges-9, MAPI-DeleteMessages-3
    for hard in [false, true] {
        let id = scene.message("original");
        let (mine, idle) = (
            scene.ana.edit(&id, "mine"),
            scene.ana.open(&id, Wanted::Modify),
        );
        scene.ben.delete_message(&id, hard);
        let change = scene.last_change();
        for (handle, flags) in [(mine, KEEP), (mine, FORCE), (idle, KEEP), (idle, FORCE)] {
            expect(
                scene.ana.save(handle, flags),
                MapiCode::MAPI_E_OBJECT_DELETED,
            );
        }
        assert!(scene.ana.is_stale(mine));
        assert_eq!(scene.last_change(), change);
        expect(
            scene.ana.try_open(&id, Wanted::Best),
            MapiCode::MAPI_E_NOT_FOUND,
        );
        if !hard {
            let now = scene.look(&id);
            assert_eq!(
                (now.row_version, now.subject()),
                (Some(1), Some("original"))
            );
        }
    }
}

fn elsewhere(client: &Client, handle: Handle, folder: &str) -> Handle {
    client
        .call(Command::SaveElsewhere(handle, folder.to_owned()))
        .unwrap()
}

fn deleted_message_can_be_saved_elsewhere(scene: &Scene) {
    // S4
    for hard in [false, true] {
        let id = scene.message("original");
        let mine = scene.ana.edit(&id, "mine");
        scene.ana.attach(mine, "new", Blob::new(5, 20_000));
        scene.ben.delete_message(&id, hard);
        // Its streams were only referred to by the deleted message.
        scene.ben.collect_garbage();
        expect(scene.ana.save(mine, KEEP), MapiCode::MAPI_E_OBJECT_DELETED);
        let before = scene.ana.view(mine);
        let copy = elsewhere(&scene.ana, mine, "Inbox");
        assert_eq!(
            scene.ana.view(mine),
            before,
            "the handle itself is as it was"
        );
        let copy = scene.ana.view(copy);
        assert_ne!(copy.entry_id, id);
        scene.ana.drop_handle(mine);
        scene.ben.collect_garbage();
        let now = scene.look(&copy.entry_id);
        assert_eq!((now.row_version, now.content), (Some(1), before.content));
    }
    scene.check();
}

fn first_save_names_the_folder_that_is_gone(scene: &Scene) {
    // S4, S8, MAPI-CreateMessage-3
    let folder = scene.store.ensure_folder("Short-lived").unwrap();
    let new = scene.ana.create("Short-lived");
    scene.ana.set(new, pr::SUBJECT, "new");
    scene.ana.attach(new, "large", Blob::new(6, 3_000_000));
    let before = scene.ana.view(new);
    let folder_id = folder.entry_id().to_string();
    folder.delete().unwrap();
    for flags in [KEEP, FORCE, SaveFlags::empty()] {
        let failure = expect(scene.ana.save(new, flags), MapiCode::MAPI_E_OBJECT_DELETED);
        assert_eq!(
            failure.deleted,
            Some(("folder".to_owned(), folder_id.clone()))
        );
        assert_eq!(scene.ana.view(new), before);
    }
    let copy = elsewhere(&scene.ana, new, "Inbox");
    let copy = scene.ana.view(copy);
    assert_eq!(scene.look(&copy.entry_id).content, before.content);
    expect(
        scene.ana.try_open(&before.entry_id, Wanted::Best),
        MapiCode::MAPI_E_NOT_FOUND,
    );
    scene.check();
}

fn stale_message_can_be_saved_elsewhere(scene: &Scene) {
    // S2, K2
    let id = scene.message("original");
    let mine = scene.ana.edit(&id, "mine");
    scene.ana.delete_attachment(mine, 0);
    overtake(&scene.ben, &id);
    expect(scene.ana.save(mine, KEEP), MapiCode::MAPI_E_OBJECT_CHANGED);
    let copy = elsewhere(&scene.ana, mine, "Inbox");
    assert_eq!(scene.ana.view(copy).content, scene.ana.view(mine).content);
    assert_eq!(scene.look(&id).subject(), Some("overtaken"));
}
