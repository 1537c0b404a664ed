//! A handle reads the state that it was opened at, whatever is committed meanwhile.

use mapistore::{SaveFlags, pr};

use crate::support::{Blob, KEEP, MIB, Scene, Wanted, two_clients};

two_clients!(
    handle_shows_its_version_for_as_long_as_it_is_open,
    handle_shows_its_version_after_the_message_was_deleted,
    handle_shows_its_own_changes_and_nobody_elses,
    large_attachment_is_read_whole_though_it_is_replaced_half_way,
    large_attachment_is_read_whole_though_its_message_is_deleted_half_way,
    stream_outlives_its_handle,
    pending_streams_outlast_collection_until_they_are_saved,
    what_is_saved_while_others_read_is_read_by_who_opens_next,
    garbage_goes_when_the_last_handle_goes,
    open_handles_keep_nobody_from_writing_or_checkpointing,
    snapshot_moves_on_with_a_save_and_with_a_reload,
);

const LARGE: Blob = Blob::new(41, 64 * MIB);
const HALF: u64 = 32 * MIB + 12_345;

/// A message with an attachment of 64 MiB.
fn large_message(scene: &Scene) -> String {
    let new = scene.ana.create("Drafts");
    scene.ana.attach(new, "large", LARGE);
    scene.ana.save(new, SaveFlags::empty()).unwrap().entry_id
}

/// Replaces all that a message consists of.
fn replace_all(scene: &Scene, id: &str, seed: u64) {
    let handle = scene.ben.edit(id, &format!("replaced {seed}"));
    scene
        .ben
        .set_blob(handle, pr::BODY, Blob::new(seed, 100_000));
    scene
        .ben
        .rename_recipient(handle, 0, &format!("Recipient {seed}"));
    scene
        .ben
        .replace_attachment(handle, 0, Blob::new(seed + 1_000, 2_000_000));
    scene.ben.save(handle, SaveFlags::empty()).unwrap();
}

fn handle_shows_its_version_for_as_long_as_it_is_open(scene: &Scene) {
    // O1, O2, MAPI-SavingProps-1
    let id = scene.message("original");
    let mut open = Vec::new();
    for version in 1..=6 {
        let access = if version % 2 == 0 {
            Wanted::Modify
        } else {
            Wanted::ReadOnly
        };
        let handle = scene.ana.open(&id, access);
        let view = scene.ana.view(handle);
        assert_eq!(view.row_version, Some(version));
        open.push((handle, view));
        replace_all(scene, &id, version.cast_unsigned());
        scene.ben.collect_garbage();
    }
    for (handle, view) in &open {
        assert_eq!(&scene.ana.view(*handle), view);
    }
    scene.ben.delete_message(&id, true);
    scene.ben.collect_garbage();
    for (handle, view) in open.iter().rev() {
        assert_eq!(&scene.ana.view(*handle), view);
    }
    scene.check();
}

fn handle_shows_its_version_after_the_message_was_deleted(scene: &Scene) {
    // O2
    for hard in [false, true] {
        let id = scene.message("original");
        let handle = scene.ana.open(&id, Wanted::Modify);
        let before = scene.ana.view(handle);
        scene.ben.delete_message(&id, hard);
        scene.ben.collect_garbage();
        assert_eq!(scene.ana.view(handle), before);
        assert!(!before.deleted, "as at opening");
    }
}

fn handle_shows_its_own_changes_and_nobody_elses(scene: &Scene) {
    // O2, OXCMSG-R703/R1475
    let id = scene.message("original");
    let handle = scene.ana.edit(&id, "mine");
    scene
        .ana
        .set_blob(handle, pr::COMMENT, Blob::new(11, 3_000_000));
    scene.ana.add_recipient(handle, "mine");
    scene.ana.attach(handle, "mine", Blob::new(12, 3_000_000));
    let mine = scene.ana.view(handle);
    replace_all(scene, &id, 7);
    scene.ben.collect_garbage();
    assert_eq!(scene.ana.view(handle), mine);
    let theirs = scene.look(&id);
    assert_eq!(theirs.property("PR_COMMENT"), None);
    assert_eq!(theirs.recipient_names(), ["Recipient 7"]);
}

fn large_attachment_is_read_whole_though_it_is_replaced_half_way(scene: &Scene) {
    // O2, MAPI-SavingProps-1
    let id = large_message(scene);
    let handle = scene.ana.open(&id, Wanted::ReadOnly);
    let data = scene.ana.open_attachment_data(handle, 0);
    assert_eq!(scene.ana.compare(data, LARGE, HALF), HALF);

    let other = scene.ben.open(&id, Wanted::Modify);
    scene.ben.replace_attachment(other, 0, Blob::new(42, 5_000));
    scene.ben.save(other, SaveFlags::empty()).unwrap();
    let (_, bytes, kept) = scene.ben.collect_garbage();
    assert_eq!((bytes, kept), (0, 1), "a handle may still read it");

    assert_eq!(scene.ana.compare(data, LARGE, LARGE.len), LARGE.len);
    // And once more from its beginning.
    let again = scene.ana.open_attachment_data(handle, 0);
    assert_eq!(scene.ana.compare(again, LARGE, LARGE.len), LARGE.len);
}

fn large_attachment_is_read_whole_though_its_message_is_deleted_half_way(scene: &Scene) {
    // O2
    let id = large_message(scene);
    let handle = scene.ana.open(&id, Wanted::ReadOnly);
    let data = scene.ana.open_attachment_data(handle, 0);
    assert_eq!(scene.ana.compare(data, LARGE, HALF), HALF);
    scene.ben.delete_message(&id, true);
    assert_eq!(scene.ben.collect_garbage(), (0, 0, 1));
    assert_eq!(scene.ana.compare(data, LARGE, LARGE.len), LARGE.len);
    scene.check();
}

fn stream_outlives_its_handle(scene: &Scene) {
    // O2
    let id = scene.message("original");
    let handle = scene.ana.open(&id, Wanted::ReadOnly);
    let data = scene.ana.open_attachment_data(handle, 0);
    let body = scene.ana.open_stream(handle, pr::BODY);
    scene.ana.drop_handle(handle);
    scene.ben.delete_message(&id, true);
    scene.ben.collect_garbage();
    use crate::support::{BODY, FIGURES};
    assert_eq!(scene.ana.compare(data, FIGURES, FIGURES.len), FIGURES.len);
    assert_eq!(scene.ana.compare(body, BODY, BODY.len), BODY.len);
}

fn pending_streams_outlast_collection_until_they_are_saved(scene: &Scene) {
    // O2, S14
    let id = scene.message("original");
    let handle = scene.ana.open(&id, Wanted::Modify);
    let (small, large) = (Blob::new(21, 50_000), Blob::new(22, 4_000_000));
    scene.ana.attach(handle, "small", small);
    scene.ana.attach(handle, "large", large);
    scene
        .ana
        .set_blob(handle, pr::BODY, Blob::new(23, 2_500_000));
    for round in 0..3 {
        scene.ben.collect_garbage();
        // Equal content of somebody else's comes and goes.
        let twin = scene.ben.create("Inbox");
        scene.ben.attach(twin, "twin", large);
        let twin = scene.ben.save(twin, SaveFlags::empty()).unwrap().entry_id;
        scene.ben.delete_message(&twin, round % 2 == 0);
    }
    scene.ben.collect_garbage();
    let pending = scene.ana.view(handle);
    scene.ana.save(handle, KEEP).unwrap();
    scene.ben.collect_garbage();
    assert_eq!(scene.look(&id).content, pending.content);
    let data = scene.ana.open_attachment_data(handle, 2);
    assert_eq!(scene.ana.compare(data, large, large.len), large.len);
    scene.check();
}

fn what_is_saved_while_others_read_is_read_by_who_opens_next(scene: &Scene) {
    // O2, OXCMSG-R704
    let id = scene.message("original");
    let before = scene.ana.open(&id, Wanted::ReadOnly);
    replace_all(scene, &id, 3);
    let after = scene.ana.open(&id, Wanted::ReadOnly);
    assert_eq!(scene.ana.view(before).subject(), Some("original"));
    assert_eq!(scene.ana.view(after).subject(), Some("replaced 3"));
    assert!(scene.ana.is_stale(before));
    assert!(!scene.ana.is_stale(after));
}

fn garbage_goes_when_the_last_handle_goes(scene: &Scene) {
    // O2, P5
    let id = scene.message("original");
    let (one, two) = (
        scene.ana.open(&id, Wanted::ReadOnly),
        scene.ben.open(&id, Wanted::ReadOnly),
    );
    scene.ben.delete_message(&id, true);
    assert_eq!(scene.ben.collect_garbage(), (0, 0, 2));
    scene.ana.drop_handle(one);
    assert_eq!(scene.ben.collect_garbage(), (0, 0, 2));
    scene.ben.drop_handle(two);
    let bytes = crate::support::FIGURES.len + crate::support::BODY.len;
    assert_eq!(scene.ben.collect_garbage(), (2, bytes, 0));
    assert_eq!(scene.ben.collect_garbage(), (0, 0, 0));
    scene.message("another");
    scene.check();
}

fn open_handles_keep_nobody_from_writing_or_checkpointing(scene: &Scene) {
    // O1
    let id = scene.message("original");
    let handles: Vec<_> = (0..200)
        .map(|_| scene.ana.open(&id, Wanted::Modify))
        .collect();
    let data = scene.ana.open_attachment_data(handles[0], 0);
    assert_eq!(scene.ana.compare(data, crate::support::FIGURES, 100), 100);
    replace_all(scene, &id, 1);
    // A transaction of a handle's, or of a stream's that is half read, would keep the WAL from being reset.
    let by_hand = scene.by_hand();
    let (busy, frames, moved): (i64, i64, i64) = by_hand
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!(
        (busy, frames, moved),
        (0, 0, 0),
        "all of it was moved, and the file is empty"
    );
    let wal = std::fs::metadata(scene.path().with_extension("store-wal")).unwrap();
    assert_eq!(wal.len(), 0);
    for handle in handles {
        assert_eq!(scene.ana.view(handle).row_version, Some(1));
    }
}

fn snapshot_moves_on_with_a_save_and_with_a_reload(scene: &Scene) {
    // O2, O6
    let id = scene.message("original");
    let handle = scene.ana.edit(&id, "mine");
    scene
        .ana
        .replace_attachment(handle, 0, Blob::new(31, 9_000));
    scene.ana.save(handle, KEEP).unwrap();
    let saved = scene.ana.view(handle);
    assert_eq!((saved.row_version, saved.pending), (Some(2), false));
    replace_all(scene, &id, 5);
    scene.ben.collect_garbage();
    assert_eq!(scene.ana.view(handle), saved);
    scene.ana.reload(handle).unwrap();
    let reloaded = scene.ana.view(handle);
    assert_eq!(reloaded.row_version, Some(3));
    assert_eq!(reloaded.content, scene.look(&id).content);
    // What the handle no longer shows is not kept for ever: once it knows how far the others have come, it goes.
    scene.ana.reload(handle).unwrap();
    let (streams, _, kept) = scene.ben.collect_garbage();
    assert!(streams >= 1 && kept == 0, "{streams} {kept}");
}
