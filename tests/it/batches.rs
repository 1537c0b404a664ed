//! Many saves in one commit, each with a result of its own.

use mapistore::{Access, MapiCode, Message, SaveFlags, SaveOutcome, Store, pr};

use crate::support::{
    Blob, Client, Command, FORCE, KEEP, MIB, Opening, Scene, TestStore, Wanted, code_of, expect,
    two_clients, view,
};

two_clients!(
    each_message_of_a_batch_is_saved_by_its_own_guard,
    forced_batch_replaces_what_others_saved,
    batch_without_a_turn_in_time_writes_nothing_and_can_be_repeated,
    two_batches_at_once_lose_nothing,
);

fn each_message_of_a_batch_is_saved_by_its_own_guard(scene: &Scene) {
    // S12, S1, S2, S3, S4, S7
    let (ana, ben) = (&scene.ana, &scene.ben);
    let id: Vec<String> = (0..6).map(|_| scene.message("original")).collect();
    let fresh = ana.edit(&id[0], "fresh");
    ana.attach(fresh, "new", Blob::new(1, 2 * MIB));
    let twin = ana.edit(&id[0], "twin");
    let stale = ana.edit(&id[1], "stale");
    ana.attach(stale, "new", Blob::new(2, 20_000));
    let gone = ana.edit(&id[2], "gone");
    let idle = ana.open(&id[3], Wanted::Modify);
    let idle_stale = ana.open(&id[4], Wanted::Modify);
    let reader = ana.open(&id[5], Wanted::ReadOnly);
    let new = ana.create("Inbox");
    ana.set(new, pr::SUBJECT, "new");
    for overtaken in [1, 4] {
        let theirs = ben.edit(&id[overtaken], "theirs");
        ben.save(theirs, KEEP).unwrap();
    }
    ben.delete_message(&id[2], false);
    let before: Vec<_> = [twin, stale, gone, idle_stale, reader]
        .map(|handle| ana.view(handle))
        .into();
    let change = scene.last_change();

    let batch = [stale, fresh, gone, idle, idle_stale, twin, reader, new];
    let results = ana.save_batch(&batch, KEEP).unwrap();
    let told: Vec<Result<(i64, &str), u32>> = results
        .iter()
        .map(|result| match result {
            Ok(saved) => Ok((saved.row_version, &*saved.outcome)),
            Err(failure) => Err(failure.code),
        })
        .collect();
    let changed = Err(MapiCode::MAPI_E_OBJECT_CHANGED.value());
    assert_eq!(
        told,
        [
            changed,
            Ok((2, "NewVersion")),
            Err(MapiCode::MAPI_E_OBJECT_DELETED.value()),
            Ok((1, "NothingPending")),
            changed,
            changed,
            Err(MapiCode::MAPI_E_NO_ACCESS.value()),
            Ok((1, "NewVersion")),
        ]
    );
    let by_twin = results[5].as_ref().unwrap_err().changed.clone().unwrap();
    assert_eq!((by_twin.base, by_twin.current), (1, 2));
    assert_eq!(scene.last_change(), change + 2);
    assert_eq!(scene.look(&id[0]).subject(), Some("fresh"));
    assert_eq!(scene.look(&id[1]).subject(), Some("theirs"));
    let entry_id = &results[7].as_ref().unwrap().entry_id;
    assert_eq!(scene.look(entry_id).subject(), Some("new"));
    let after: Vec<_> = [twin, stale, gone, idle_stale, reader]
        .map(|handle| ana.view(handle))
        .into();
    assert_eq!(after, before, "a refused handle is as it was");
    assert!(!ana.view(fresh).pending && !ana.view(new).pending);
    scene.check();

    // What was refused can be repeated in another batch, and success closes without KEEP_OPEN flags.
    let results = ana
        .save_batch(&[twin, fresh], SaveFlags::FORCE_SAVE)
        .unwrap();
    assert_eq!(results[0].as_ref().unwrap().row_version, 3);
    assert_eq!(results[1].as_ref().unwrap().row_version, 4);
    for closed in [twin, fresh] {
        expect(ana.try_view(closed), MapiCode::MAPI_E_INVALID_OBJECT);
    }
    scene.check();
}

fn forced_batch_replaces_what_others_saved(scene: &Scene) {
    // S12, S4, S5, S6
    let (ana, ben) = (&scene.ana, &scene.ben);
    let id: Vec<String> = (0..3).map(|_| scene.message("original")).collect();
    let mine = ana.edit(&id[0], "mine");
    let deleted = ana.edit(&id[1], "mine");
    let idle = ana.open(&id[2], Wanted::Modify);
    for id in &id {
        let theirs = ben.edit(id, "theirs");
        ben.save(theirs, KEEP).unwrap();
    }
    ben.delete_message(&id[1], false);
    let kept = || -> i64 {
        let count = "SELECT count(*) FROM message_versions";
        scene
            .by_hand()
            .query_row(count, [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(kept(), 0);
    let results = ana.save_batch(&[mine, deleted, idle], FORCE).unwrap();
    assert_eq!(results[0].as_ref().unwrap().row_version, 3);
    expect(results[1].clone(), MapiCode::MAPI_E_OBJECT_DELETED);
    assert_eq!(results[2].as_ref().unwrap().row_version, 3);
    assert_eq!(scene.look(&id[0]).subject(), Some("mine"));
    assert_eq!(scene.look(&id[2]).subject(), Some("original"));
    assert_eq!(
        kept(),
        2,
        "nothing was kept for the message that was deleted"
    );
    scene.check();
}

fn batch_without_a_turn_in_time_writes_nothing_and_can_be_repeated(scene: &Scene) {
    // S12, S0, S8, P3
    let impatient = scene.client_with(Opening {
        busy_timeout_ms: 200,
        ..scene.opening("impatient")
    });
    let (id, other) = (scene.message("original"), scene.message("other"));
    let mine = impatient.edit(&id, "mine");
    let stale = impatient.edit(&other, "stale");
    let idle = impatient.open(&id, Wanted::Modify);
    let theirs = scene.ben.edit(&other, "theirs");
    scene.ben.save(theirs, KEEP).unwrap();
    let before = [mine, stale, idle].map(|handle| impatient.view(handle));
    let path = scene.path().to_str().unwrap().to_owned();
    scene
        .ana
        .call::<()>(Command::HoldWriteLock { path })
        .unwrap();
    let results = impatient.save_batch(&[mine, stale, idle], KEEP).unwrap();
    expect(results[0].clone(), MapiCode::MAPI_E_BUSY);
    expect(results[1].clone(), MapiCode::MAPI_E_OBJECT_CHANGED);
    assert_eq!(results[2].as_ref().unwrap().outcome, "NothingPending");
    assert_eq!(
        [mine, stale, idle].map(|handle| impatient.view(handle)),
        before
    );
    scene.ana.call::<()>(Command::LetGoOfWriteLock).unwrap();
    let results = impatient.save_batch(&[mine, stale], KEEP).unwrap();
    assert_eq!(results[0].as_ref().unwrap().save_id, before[0].save_id);
    expect(results[1].clone(), MapiCode::MAPI_E_OBJECT_CHANGED);
}

fn two_batches_at_once_lose_nothing(scene: &Scene) {
    // S12, S1, S2, P1
    const ROUNDS: i64 = 10;
    let ids: Vec<String> = (0..8).map(|_| scene.message("original")).collect();
    let opened = |client: &Client| -> Vec<_> {
        ids.iter()
            .map(|id| client.edit(id, client.name()))
            .collect()
    };
    let mut versions = vec![1; ids.len()];
    for _ in 0..ROUNDS {
        let handles = [opened(&scene.ana), opened(&scene.ben)];
        for (client, handles) in [&scene.ana, &scene.ben].iter().zip(&handles) {
            client.send(Command::SaveBatch(handles.clone(), KEEP.bits()));
        }
        for client in [&scene.ana, &scene.ben] {
            let results: Vec<Result<crate::support::SavedView, crate::support::Failure>> =
                client.receive().unwrap();
            for (version, result) in versions.iter_mut().zip(results) {
                match result {
                    Ok(saved) => *version = saved.row_version.max(*version),
                    Err(failure) => {
                        assert!(failure.is(MapiCode::MAPI_E_OBJECT_CHANGED), "{failure:?}")
                    }
                }
            }
        }
        for (client, handles) in [&scene.ana, &scene.ben].iter().zip(&handles) {
            handles
                .iter()
                .for_each(|handle| client.drop_handle(*handle));
        }
    }
    // In each round one of the two was first, for each message.
    assert_eq!(versions, vec![1 + ROUNDS; ids.len()]);
    scene.check();
}

fn drafts(test: &TestStore, count: usize) -> Vec<Message> {
    let draft = |number| {
        let mut draft = test.new_draft();
        draft.set(pr::SUBJECT, format!("number {number}")).unwrap();
        draft
    };
    (0..count).map(draft).collect()
}

#[test]
fn batch_is_one_commit() {
    // S12
    let test = TestStore::new();
    let mut messages = drafts(&test, 50);
    for result in test.store.save_batch(&mut messages, KEEP).unwrap() {
        assert_eq!(result.unwrap().outcome, SaveOutcome::NewVersion);
    }
    // All that one transaction does is done at one time.
    let by_hand = rusqlite::Connection::open(test.store.path()).unwrap();
    let (times, rows): (i64, i64) = by_hand
        .query_row(
            "SELECT count(DISTINCT at), count(*) FROM inspect_changes WHERE kind = 'message-created'",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!((times, rows), (1, 50));
    assert_eq!(test.store.save_batch([], KEEP).unwrap().len(), 0);
}

#[test]
fn contradictory_flags_and_batches_beyond_the_limits_save_nothing() {
    // S12, S7, S15
    let test = TestStore::new();
    let mut messages = drafts(&test, Store::BATCH_MESSAGES + 1);
    let change = test.store.last_change().unwrap();
    let both = SaveFlags::KEEP_OPEN_READONLY | SaveFlags::KEEP_OPEN_READWRITE;
    let refused = test.store.save_batch(&mut messages[..2], both);
    assert_eq!(code_of(refused), MapiCode::MAPI_E_INVALID_PARAMETER);
    let refused = test.store.save_batch(&mut messages, KEEP);
    assert_eq!(code_of(refused), MapiCode::MAPI_E_TOO_BIG);

    let subject = "x".repeat(15 * MIB as usize);
    for message in &mut messages[..5] {
        message.set(pr::SUBJECT, &*subject).unwrap();
    }
    let refused = test.store.save_batch(&mut messages[..5], KEEP);
    assert_eq!(code_of(refused), MapiCode::MAPI_E_TOO_BIG);
    assert_eq!(test.store.last_change().unwrap(), change);
    assert!(messages.iter().all(Message::has_pending_changes));
    for part in messages.chunks_mut(4) {
        for result in test.store.save_batch(part, KEEP).unwrap() {
            result.unwrap();
        }
    }
}

#[test]
fn message_that_cannot_be_written_leaves_no_trace_of_itself_and_the_others_are_saved() {
    // S12, S8, S9
    let test = TestStore::new();
    let mut messages = drafts(&test, 3);
    messages[1].set(pr::BODY, "b".repeat(6_000)).unwrap();
    messages[1]
        .set_stream(pr::HTML.tag(), Blob::new(3, 2 * MIB).reader())
        .unwrap();
    let by_hand = rusqlite::Connection::open(test.store.path()).unwrap();
    by_hand.execute("DELETE FROM streams", []).unwrap();
    let before = view(&messages[0]).unwrap().save_id;
    let results = test.store.save_batch(&mut messages, KEEP).unwrap();
    assert_eq!(results[0].as_ref().unwrap().save_id.to_string(), before);
    let failed = results[1].as_ref().unwrap_err().code();
    assert_eq!(failed, MapiCode::MAPI_E_CORRUPT_STORE);
    assert_eq!(results[2].as_ref().unwrap().row_version.get(), 1);
    let not_found = test
        .store
        .open_message(&messages[1].entry_id(), Access::ReadOnly);
    assert_eq!(code_of(not_found), MapiCode::MAPI_E_NOT_FOUND);
    let streams: i64 = by_hand
        .query_row("SELECT count(*) FROM streams", [], |row| row.get(0))
        .unwrap();
    assert_eq!(streams, 0, "the body went with the rest of its message");
    assert_eq!(
        test.store.check(&mut |_| {}).unwrap().problems,
        Vec::<String>::new()
    );
    // Without the value that is gone it can be saved.
    messages[1].delete_property(pr::HTML.tag()).unwrap();
    for result in test.store.save_batch(&mut messages[1..2], KEEP).unwrap() {
        result.unwrap();
    }
}

#[test]
fn handles_that_cannot_be_saved_here_are_refused_in_their_place() {
    // S12, S0
    let (test, elsewhere) = (TestStore::new(), TestStore::new());
    let again = Store::options().open(test.store.path()).unwrap();
    let id = test.draft("original");
    let mut messages = vec![
        elsewhere.new_draft(),
        again.open_message(&id, Access::Modify).unwrap(),
        test.store.open_message(&id, Access::ReadOnly).unwrap(),
        test.store.open_message(&id, Access::Modify).unwrap(),
    ];
    let mut closed = test.new_draft();
    closed.save_changes(SaveFlags::empty()).unwrap();
    messages.push(closed);
    let results = test.store.save_batch(&mut messages, KEEP).unwrap();
    let codes: Vec<Option<MapiCode>> = results
        .iter()
        .map(|result| result.as_ref().err().map(mapistore::Error::code))
        .collect();
    assert_eq!(
        codes,
        [
            Some(MapiCode::MAPI_E_INVALID_PARAMETER),
            Some(MapiCode::MAPI_E_INVALID_PARAMETER),
            Some(MapiCode::MAPI_E_NO_ACCESS),
            None,
            Some(MapiCode::MAPI_E_INVALID_OBJECT),
        ]
    );
}
