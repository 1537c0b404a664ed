//! Who wins when two clients save the same message, and what the other one gets.

use mapistore::{MapiCode, SaveFlags, pr};

use crate::support::{
    BODY, Blob, FIGURES, FORCE, KEEP, Scene, Sharing, Wanted, expect, two_clients,
};

two_clients!(
    first_save_wins_and_the_second_gets_object_changed,
    second_saver_is_told_who_saved_which_version_and_when,
    force_leaves_the_second_view_and_nothing_of_the_first,
    force_replaces_what_its_client_never_touched,
    force_takes_back_what_the_first_deleted,
    stale_handle_with_nothing_pending_is_refused_too,
    saving_nothing_makes_no_version,
    force_makes_a_version_from_nothing,
    force_needs_modify_access,
    force_goes_on_from_the_current_version,
    setting_an_equal_value_is_a_change,
    winner_goes_on_and_loser_follows_after_reload,
    of_many_savers_at_once_exactly_one_wins,
    refused_save_leaves_no_trace_in_the_store,
);

fn first_save_wins_and_the_second_gets_object_changed(scene: &Scene) {
    // S1, S2, OXCMSG-R705/R1461, MAPI-MultiClient-1, MAPI-MultiClient-2
    let id = scene.message("original");
    let (first, second) = (
        scene.ana.open(&id, Wanted::Modify),
        scene.ben.edit(&id, "second"),
    );
    scene.ana.set(first, pr::SUBJECT, "first");
    scene.ana.add_recipient(first, "first");
    scene.ana.attach(first, "first", Blob::new(3, 5_000));
    scene.ben.add_recipient(second, "second");
    scene.ben.attach(second, "second", Blob::new(4, 5_000));
    let wanted = scene.ana.view(first).content;

    let saved = scene.ana.save(first, KEEP).unwrap();
    assert_eq!((saved.row_version, &*saved.outcome), (2, "NewVersion"));
    let failure = expect(
        scene.ben.save(second, KEEP),
        MapiCode::MAPI_E_OBJECT_CHANGED,
    );
    assert_eq!(failure.code, 0x8004_0109);

    let now = scene.look(&id);
    assert_eq!(now.row_version, Some(2));
    assert_eq!(now.content, wanted, "all of the first change is there");
    assert_eq!(now.subject(), Some("first"));
    assert_eq!(now.recipient_names(), ["Original", "first"]);
    assert_eq!(now.attachment_names(), ["figures.csv", "first"]);
    scene.check();
}

fn second_saver_is_told_who_saved_which_version_and_when(scene: &Scene) {
    // S2
    let id = scene.message("original");
    let late = scene.ben.edit(&id, "late");
    for round in 0..3 {
        let handle = scene.ana.edit(&id, &format!("round {round}"));
        scene.ana.save(handle, SaveFlags::empty()).unwrap();
    }
    let failure = expect(scene.ben.save(late, KEEP), MapiCode::MAPI_E_OBJECT_CHANGED);
    let changed = failure.changed.unwrap();
    assert_eq!((changed.base, changed.current), (1, 4));
    assert_eq!(changed.saved_by, scene.ana.name());
    let now = scene.look(&id);
    let committed = now.property("PR_LOCAL_COMMIT_TIME").unwrap();
    let said = mapistore::FileTime::new(changed.saved_at);
    assert!(
        committed.contains(&said.to_string()),
        "{committed} is not {said}"
    );
    assert!(failure.text.contains(&id) && failure.text.contains(scene.ana.name()));
}

fn force_leaves_the_second_view_and_nothing_of_the_first(scene: &Scene) {
    // S2, S5, OXCMSG-R724
    let id = scene.message("original");
    let (first, second) = (scene.ana.edit(&id, "first"), scene.ben.edit(&id, "second"));
    scene.ana.set(first, pr::COMMENT, "first");
    scene.ana.add_recipient(first, "first");
    scene.ana.attach(first, "first", Blob::new(3, 2_000_000));
    scene.ben.add_recipient(second, "second");
    scene.ben.attach(second, "second", Blob::new(4, 2_000_000));
    let wanted = scene.ben.view(second).content;
    scene.ana.save(first, KEEP).unwrap();
    expect(
        scene.ben.save(second, KEEP),
        MapiCode::MAPI_E_OBJECT_CHANGED,
    );

    let saved = scene.ben.save(second, FORCE).unwrap();
    assert_eq!((saved.row_version, &*saved.outcome), (3, "NewVersion"));
    let now = scene.look(&id);
    assert_eq!(now.content, wanted);
    assert_eq!(now.property("PR_COMMENT"), None);
    assert_eq!(now.recipient_names(), ["Original", "second"]);
    assert_eq!(now.attachment_names(), ["figures.csv", "second"]);
    scene.check();
}

fn force_replaces_what_its_client_never_touched(scene: &Scene) {
    // S5, OXCMSG-R724
    let id = scene.message("original");
    let second = scene.ben.open(&id, Wanted::Modify);
    let original = scene.ben.view(second).content;
    let first = scene.ana.edit(&id, "first");
    scene.ana.set(first, pr::IMPORTANCE, 2);
    scene.ana.set_blob(first, pr::BODY, Blob::new(9, 50_000));
    scene.ana.rename_recipient(first, 0, "Renamed");
    scene
        .ana
        .replace_attachment(first, 0, Blob::new(10, 50_000));
    scene.ana.save(first, SaveFlags::empty()).unwrap();
    assert_ne!(scene.look(&id).content, original);

    scene.ben.save(second, SaveFlags::FORCE_SAVE).unwrap();
    let now = scene.look(&id);
    assert_eq!(
        now.content, original,
        "the forcing handle changed nothing, so its snapshot is back"
    );
    assert_eq!(now.row_version, Some(3));
    assert_eq!(
        now.property("PR_LAST_MODIFIER_NAME"),
        Some(&*format!("Unicode({:?})", scene.ben.name()))
    );
    scene.check();
}

fn force_takes_back_what_the_first_deleted(scene: &Scene) {
    // S5
    let id = scene.message("original");
    let second = scene.ben.edit(&id, "second");
    let first = scene.ana.open(&id, Wanted::Modify);
    scene.ana.delete_property(first, pr::BODY);
    scene.ana.remove_recipient(first, 0);
    scene.ana.delete_attachment(first, 0);
    scene.ana.save(first, SaveFlags::empty()).unwrap();
    let emptied = scene.look(&id).content;
    assert!(emptied.recipients.is_empty() && emptied.attachments.is_empty());

    scene.ben.save(second, FORCE).unwrap();
    let handle = scene.ana.open(&id, Wanted::ReadOnly);
    assert_eq!(scene.ana.view(handle).recipient_names(), ["Original"]);
    let data = scene.ana.open_attachment_data(handle, 0);
    assert_eq!(scene.ana.compare(data, FIGURES, FIGURES.len), FIGURES.len);
    let body = scene.ana.open_stream(handle, pr::BODY);
    assert_eq!(scene.ana.compare(body, BODY, BODY.len), BODY.len);
    scene.check();
}

fn stale_handle_with_nothing_pending_is_refused_too(scene: &Scene) {
    // S3, OXCMSG-TS-S01TC09b
    let id = scene.message("original");
    let idle = scene.ben.open(&id, Wanted::Modify);
    let first = scene.ana.edit(&id, "first");
    scene.ana.save(first, SaveFlags::empty()).unwrap();
    let before = scene.last_change();
    let failure = expect(scene.ben.save(idle, KEEP), MapiCode::MAPI_E_OBJECT_CHANGED);
    assert_eq!(
        failure
            .changed
            .map(|changed| (changed.base, changed.current)),
        Some((1, 2))
    );
    assert_eq!(scene.last_change(), before);
    assert!(scene.ben.is_stale(idle));
}

fn saving_nothing_makes_no_version(scene: &Scene) {
    // S3, OXCMSG-R1053
    let id = scene.message("original");
    let idle = scene.ana.open(&id, Wanted::Modify);
    let (before, change) = (scene.look(&id), scene.last_change());
    let saved = scene.ana.save(idle, KEEP).unwrap();
    assert_eq!((saved.row_version, &*saved.outcome), (1, "NothingPending"));
    assert_eq!(scene.last_change(), change);
    let now = scene.look(&id);
    assert_eq!(
        (now.computed, now.row_version),
        (before.computed, before.row_version)
    );
    // Others are not made stale by it.
    let other = scene.ben.edit(&id, "other");
    scene.ana.save(idle, KEEP).unwrap();
    assert_eq!(scene.ben.save(other, KEEP).unwrap().row_version, 2);
}

fn force_makes_a_version_from_nothing(scene: &Scene) {
    // S6
    let id = scene.message("original");
    let idle = scene.ana.open(&id, Wanted::Modify);
    let other = scene.ben.edit(&id, "other");
    let before = scene.look(&id);
    let saved = scene.ana.save(idle, FORCE).unwrap();
    assert_eq!((saved.row_version, &*saved.outcome), (2, "NewVersion"));
    let now = scene.look(&id);
    assert_eq!(now.content, before.content);
    assert_ne!(
        now.property("PR_CHANGE_KEY"),
        before.property("PR_CHANGE_KEY")
    );
    assert_eq!(scene.ana.save(idle, FORCE).unwrap().row_version, 3);
    expect(scene.ben.save(other, KEEP), MapiCode::MAPI_E_OBJECT_CHANGED);
}

fn force_needs_modify_access(scene: &Scene) {
    // S6, OXCMSG-R1699/R3019
    let id = scene.message("original");
    let reader = scene.ben.open(&id, Wanted::ReadOnly);
    let change = scene.last_change();
    expect(scene.ben.save(reader, FORCE), MapiCode::MAPI_E_NO_ACCESS);
    let writer = scene.ana.edit(&id, "first");
    scene.ana.save(writer, KEEP).unwrap();
    expect(scene.ben.save(reader, FORCE), MapiCode::MAPI_E_NO_ACCESS);
    assert_eq!(scene.last_change(), change + 1);
    assert_eq!(scene.look(&id).subject(), Some("first"));
}

fn force_goes_on_from_the_current_version(scene: &Scene) {
    // S5
    let id = scene.message("original");
    let mine = scene.ben.edit(&id, "mine");
    let theirs = scene.ana.open(&id, Wanted::Modify);
    for round in 0..5 {
        scene
            .ana
            .set(theirs, pr::SUBJECT, &*format!("round {round}"));
        scene.ana.save(theirs, KEEP).unwrap();
    }
    assert_eq!(scene.ben.save(mine, FORCE).unwrap().row_version, 7);
    assert_eq!(scene.ben.view(mine).row_version, Some(7));
    // The forced version is the base from now on, and who was forced over is stale.
    scene.ben.set(mine, pr::SUBJECT, "again");
    assert_eq!(scene.ben.save(mine, KEEP).unwrap().row_version, 8);
    scene.ana.set(theirs, pr::SUBJECT, "too late");
    let failure = expect(
        scene.ana.save(theirs, KEEP),
        MapiCode::MAPI_E_OBJECT_CHANGED,
    );
    assert_eq!(
        failure
            .changed
            .map(|changed| (changed.base, changed.current)),
        Some((6, 8))
    );
}

fn setting_an_equal_value_is_a_change(scene: &Scene) {
    // S3
    let id = scene.message("original");
    let handle = scene.ana.edit(&id, "original");
    assert!(scene.ana.view(handle).pending);
    assert_eq!(scene.ana.save(handle, KEEP).unwrap().row_version, 2);
    assert!(!scene.ana.view(handle).pending);
}

fn winner_goes_on_and_loser_follows_after_reload(scene: &Scene) {
    // S1, O6, OXCMSG-R719
    let id = scene.message("original");
    let (first, second) = (scene.ana.edit(&id, "first"), scene.ben.edit(&id, "second"));
    for round in 1..=5_i64 {
        assert_eq!(scene.ana.save(first, KEEP).unwrap().row_version, 2 * round);
        expect(
            scene.ben.save(second, KEEP),
            MapiCode::MAPI_E_OBJECT_CHANGED,
        );
        scene.ben.reload(second).unwrap();
        assert_eq!(
            scene.ben.view(second).subject(),
            Some(&*format!("first{}", "!".repeat(2 * round as usize - 2)))
        );
        let subject = format!("first{}", "!".repeat(2 * round as usize - 1));
        scene.ben.set(second, pr::SUBJECT, &*subject);
        assert_eq!(
            scene.ben.save(second, KEEP).unwrap().row_version,
            2 * round + 1
        );
        scene.ana.reload(first).unwrap();
        assert_eq!(scene.ana.view(first).subject(), Some(&*subject));
        scene.ana.set(first, pr::SUBJECT, &*format!("{subject}!"));
    }
}

fn of_many_savers_at_once_exactly_one_wins(scene: &Scene) {
    // S1, S2, P2, MAPI-MultiClient-1
    let count = if scene.sharing == Sharing::Processes {
        4
    } else {
        8
    };
    let names: Vec<String> = (0..count).map(|number| format!("saver {number}")).collect();
    let savers: Vec<_> = names.iter().map(|name| scene.client(name)).collect();
    let id = scene.message("original");
    for round in 0..25 {
        let open: Vec<_> = savers
            .iter()
            .zip(&names)
            .map(|(saver, name)| {
                let handle = saver.edit(&id, name);
                saver.add_recipient(handle, name);
                saver.attach(handle, name, Blob::new(round, 6_000));
                handle
            })
            .collect();
        for (saver, handle) in savers.iter().zip(&open) {
            let flags = SaveFlags::empty().bits();
            saver.send(crate::support::Command::Save(*handle, flags));
        }
        let mut winners = Vec::new();
        for (saver, name) in savers.iter().zip(&names) {
            match saver.receive::<crate::support::SavedView>() {
                Ok(saved) => {
                    assert_eq!(saved.row_version, 2 + round as i64);
                    winners.push(&**name);
                }
                Err(failure) => assert!(failure.is(MapiCode::MAPI_E_OBJECT_CHANGED), "{failure:?}"),
            }
        }
        assert_eq!(winners.len(), 1, "{winners:?}");
        let now = scene.look(&id);
        assert_eq!(now.row_version, Some(2 + round as i64));
        assert_eq!(now.subject(), Some(winners[0]));
        assert_eq!(now.recipient_names().last(), Some(&winners[0]));
        assert_eq!(now.attachment_names().last(), Some(&winners[0]));
        for (saver, handle) in savers.iter().zip(open) {
            saver.drop_handle(handle);
        }
    }
    scene.check();
}

fn refused_save_leaves_no_trace_in_the_store(scene: &Scene) {
    // S2, S8, OXCMSG-R705/R1461, MAPI-MultiClient-2, OXCMSG-TS-S01TC09a
    let id = scene.message("original");
    let (first, second) = (scene.ana.edit(&id, "first"), scene.ben.edit(&id, "second"));
    scene.ben.attach(second, "refused", Blob::new(5, 20_000));
    scene.ana.save(first, KEEP).unwrap();
    let dump = |scene: &Scene| {
        let query = |sql| scene.store.query(sql).unwrap().rows;
        (
            query("SELECT * FROM messages"),
            query("SELECT * FROM changes"),
            query("SELECT * FROM streams"),
        )
    };
    let before = dump(scene);
    for _ in 0..3 {
        expect(
            scene.ben.save(second, KEEP),
            MapiCode::MAPI_E_OBJECT_CHANGED,
        );
    }
    assert_eq!(dump(scene), before);
}
