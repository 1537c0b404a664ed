//! Reloading a handle (O6).

use mapistore::{MapiCode, SaveFlags, pr};

use crate::support::{Blob, FORCE, KEEP, Scene, Wanted, expect, two_clients};

two_clients!(
    reload_drops_what_is_pending_and_takes_the_newest,
    reload_of_a_current_handle_drops_what_is_pending,
    reload_of_a_deleted_message_leaves_the_handle_as_it_was,
    reload_of_a_message_that_was_never_saved_is_refused,
    reload_keeps_the_access,
    reload_shows_what_is_not_content_as_of_now,
);

fn reload_drops_what_is_pending_and_takes_the_newest(scene: &Scene) {
    // O6, OXCMSG-R766/R279
    let id = scene.message("original");
    let handle = scene.ana.edit(&id, "dropped");
    scene.ana.add_recipient(handle, "dropped");
    scene.ana.attach(handle, "small", Blob::new(3, 20_000));
    scene.ana.attach(handle, "large", Blob::new(4, 3_000_000));
    for subject in ["second", "third"] {
        let other = scene.ben.edit(&id, subject);
        scene.ben.save(other, SaveFlags::empty()).unwrap();
    }
    scene.ana.reload(handle).unwrap();
    let (now, committed) = (scene.ana.view(handle), scene.look(&id));
    assert_eq!((now.row_version, now.pending), (Some(3), false));
    assert_eq!(now.content, committed.content);
    assert!(!scene.ana.is_stale(handle));
    scene.ana.set(handle, pr::SUBJECT, "fourth");
    assert_eq!(scene.ana.save(handle, KEEP).unwrap().row_version, 4);
    assert_eq!(scene.look(&id).recipient_names(), ["Original"]);
    // The spilled stream of the dropped attachment was waste, and is collected as such.
    scene.ana.drop_handle(handle);
    let (streams, bytes, _) = scene.ben.collect_garbage();
    assert_eq!((streams, bytes), (1, 3_000_000));
    scene.check();
}

fn reload_of_a_current_handle_drops_what_is_pending(scene: &Scene) {
    // O6
    let id = scene.message("original");
    let handle = scene.ana.edit(&id, "dropped");
    scene.ana.delete_attachment(handle, 0);
    let change = scene.last_change();
    scene.ana.reload(handle).unwrap();
    assert_eq!(scene.ana.view(handle).content, scene.look(&id).content);
    assert_eq!(
        &*scene.ana.save(handle, KEEP).unwrap().outcome,
        "NothingPending"
    );
    assert_eq!(scene.last_change(), change);
}

fn reload_of_a_deleted_message_leaves_the_handle_as_it_was(scene: &Scene) {
    // O6
    for hard in [false, true] {
        let id = scene.message("original");
        let handle = scene.ana.edit(&id, "mine");
        scene.ana.attach(handle, "mine", Blob::new(5, 20_000));
        let before = scene.ana.view(handle);
        scene.ben.delete_message(&id, hard);
        let failure = expect(scene.ana.reload(handle), MapiCode::MAPI_E_OBJECT_DELETED);
        assert_eq!(failure.deleted, Some(("message".to_owned(), id)));
        assert_eq!(scene.ana.view(handle), before);
        expect(
            scene.ana.save(handle, FORCE),
            MapiCode::MAPI_E_OBJECT_DELETED,
        );
    }
}

fn reload_of_a_message_that_was_never_saved_is_refused(scene: &Scene) {
    // O6
    let new = scene.ana.create("Drafts");
    scene.ana.set(new, pr::SUBJECT, "new");
    let before = scene.ana.view(new);
    expect(scene.ana.reload(new), MapiCode::MAPI_E_INVALID_PARAMETER);
    assert_eq!(scene.ana.view(new), before);
    scene.ana.save(new, KEEP).unwrap();
    scene.ana.reload(new).unwrap();
    assert_eq!(scene.ana.view(new).subject(), Some("new"));
}

fn reload_keeps_the_access(scene: &Scene) {
    // O6, O3
    let id = scene.message("original");
    let (reader, writer) = (
        scene.ana.open(&id, Wanted::ReadOnly),
        scene.ana.open(&id, Wanted::Modify),
    );
    let other = scene.ben.edit(&id, "second");
    scene.ben.save(other, SaveFlags::empty()).unwrap();
    for (handle, access) in [(reader, "read-only"), (writer, "modify")] {
        scene.ana.reload(handle).unwrap();
        let view = scene.ana.view(handle);
        assert_eq!((&*view.access, view.subject()), (access, Some("second")));
    }
}

fn reload_shows_what_is_not_content_as_of_now(scene: &Scene) {
    // O6, S13, OXCMSG-R766/R279
    let id = scene.message("original");
    let handle = scene.ana.open(&id, Wanted::Modify);
    scene.ben.move_message(&id, "Inbox");
    scene.ben.set_status(&id, 2, 2);
    scene.ben.set_read(&[&id], false);
    let before = scene.ana.view(handle);
    scene.ana.reload(handle).unwrap();
    let after = scene.ana.view(handle);
    assert_eq!(after.row_version, before.row_version);
    assert_ne!(after.folder, before.folder);
    assert_eq!(
        after.computed,
        scene
            .look(&id)
            .computed
            .into_iter()
            .map(|(tag, value)| {
                match &*tag {
                    "PR_ACCESS" => (tag, "Long(7)".to_owned()),
                    "PR_ACCESS_LEVEL" => (tag, "Long(1)".to_owned()),
                    _ => (tag, value),
                }
            })
            .collect::<Vec<_>>()
    );
}
