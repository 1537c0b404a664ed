//! Others that are in the way of a save: programs that know nothing of turns, and processes that stand still.

use std::process::Command as Program;
use std::time::{Duration, Instant};

use mapistore::{Access, Deletion, MapiCode, SaveFlags, Store, pr};

use crate::support::{
    Client, Command, KEEP, Link, LockFile, Opening, Part, SavedView, Scene, Sharing, TestStore,
    Wanted, code_of, expect, opening,
};

fn signal(client: &Client, name: &str) {
    let process = client.process_id().to_string();
    let sent = Program::new("kill").args([name, &process]).status();
    assert!(sent.unwrap().success());
}

/// How long another program keeps the store, and how long a writer waits for it at most.
fn held_beyond_the_timeout(timeout: Duration, hold: impl FnOnce(Instant)) {
    let scene = Scene::new(Sharing::Processes);
    let id = scene.message("original");
    let impatient = scene.client_with(Opening {
        busy_timeout_ms: u64::try_from(timeout.as_millis()).unwrap(),
        ..scene.opening("impatient")
    });
    let handle = impatient.edit(&id, "mine");
    let before = impatient.view(handle);
    let change = scene.last_change();
    let path = scene.path().to_str().unwrap().to_owned();
    let held_since = Instant::now();
    scene
        .ben
        .call::<()>(Command::HoldWriteLock { path })
        .unwrap();
    for flags in [KEEP, SaveFlags::empty(), SaveFlags::FORCE_SAVE] {
        let refused = impatient.save(handle, flags);
        expect(refused, MapiCode::MAPI_E_BUSY);
        assert_eq!(impatient.view(handle), before);
    }
    // Readers wait for nobody.
    assert_eq!(scene.look(&id).subject(), Some("original"));
    assert_eq!(scene.last_change(), change);
    hold(held_since);
    scene.ben.call::<()>(Command::LetGoOfWriteLock).unwrap();
    assert_eq!(impatient.save(handle, KEEP).unwrap().row_version, 2);
    assert_eq!(scene.look(&id).subject(), Some("mine"));
    scene.check();
}

#[test]
fn program_that_holds_the_write_lock_too_long_makes_writers_busy_and_nothing_is_written() {
    // P3, S8
    held_beyond_the_timeout(Duration::from_millis(100), |_| {});
}

#[test]
fn program_that_holds_the_write_lock_for_a_minute_makes_writers_busy() {
    // P3, S8
    if std::env::var("MAPISTORE_TORTURE").as_deref() != Ok("full") {
        println!("skipped: takes a minute; MAPISTORE_TORTURE=full runs it");
        return;
    }
    held_beyond_the_timeout(Duration::from_secs(10), |since| {
        let minute = Duration::from_secs(60);
        std::thread::sleep(minute.saturating_sub(since.elapsed()));
    });
}

#[test]
fn program_that_holds_the_write_lock_briefly_is_waited_for() {
    // P3
    let scene = Scene::new(Sharing::Processes);
    let id = scene.message("original");
    let lock_file = LockFile::beside(scene.path());
    for version in 2..12 {
        let handle = scene.ana.edit(&id, "mine");
        let path = scene.path().to_str().unwrap().to_owned();
        scene
            .ben
            .call::<()>(Command::HoldWriteLock { path })
            .unwrap();
        scene.ana.send(Command::Save(handle, KEEP.bits()));
        // Whoever has the turn waits for nothing but SQLite's lock.
        lock_file.wait_until_taken(Part::Turn);
        scene.ben.call::<()>(Command::LetGoOfWriteLock).unwrap();
        let saved: SavedView = scene.ana.receive().unwrap();
        assert_eq!(saved.row_version, version);
    }
}

#[test]
fn store_that_another_program_has_for_itself_alone_is_busy() {
    // P3: SQLite's own busy errors never surface otherwise
    let test = TestStore::new();
    let path = test.store.path().to_owned();
    let _folder = test.close();
    let alone = rusqlite::Connection::open(&path).unwrap();
    alone
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT")
        .unwrap();
    let impatient = Store::options().busy_timeout(Duration::from_millis(100));
    for options in [
        impatient.clone(),
        impatient.clone().create_if_missing(),
        impatient.clone().read_only(),
    ] {
        assert_eq!(code_of(options.open(&path)), MapiCode::MAPI_E_BUSY);
    }
    drop(alone);
    let store = impatient.open(&path).unwrap();
    assert!(store.check(&mut |_| {}).unwrap().is_sound());
}

#[test]
fn turn_that_is_never_given_up_costs_half_a_timeout_once() {
    // P3, P5
    const TIMEOUT: Duration = Duration::from_secs(4);
    let test = TestStore::new();
    let id = test.draft("original");
    let stopped = LockFile::beside(test.store.path());
    stopped.take(Part::Turn);
    let store = Store::options()
        .busy_timeout(TIMEOUT)
        .open(test.store.path())
        .unwrap();
    let mut message = store.open_message(&id, Access::Modify).unwrap();
    let begun = Instant::now();
    for version in 2..102 {
        message
            .set(pr::SUBJECT, format!("version {version}"))
            .unwrap();
        let saved = message.save_changes(KEEP).unwrap();
        assert_eq!(saved.row_version.get(), version);
    }
    // Half a timeout for each of them would take longer.
    assert!(begun.elapsed() < TIMEOUT * 100 / 2);
    drop(stopped);
    message.save_changes(SaveFlags::FORCE_SAVE).unwrap();
    test.assert_sound();
}

#[test]
fn line_that_does_not_move_is_not_waited_for() {
    // P3, P5
    const FOR_EVER: Duration = Duration::from_secs(20_000);
    let test = TestStore::new();
    let id = test.draft("original");
    // As if whoever comes first were stopped before it takes the turn.
    let stopped = LockFile::beside(test.store.path());
    stopped.take(Part::Line);
    let store = Store::options()
        .busy_timeout(FOR_EVER)
        .open(test.store.path())
        .unwrap();
    let mut message = store.open_message(&id, Access::Modify).unwrap();
    message.set(pr::SUBJECT, "shared").unwrap();
    message.save_changes(KEEP).unwrap();
    // By itself, without the thread that commits.
    store.delete_messages(&[id], Deletion::Soft).unwrap();
    test.assert_sound();
}

#[test]
fn process_that_is_stopped_in_the_middle_of_a_save_finishes_it_later() {
    // P3, P5, S8
    const ROUNDS: u32 = 12;
    let scene = Scene::new(Sharing::Processes);
    let (theirs, ours) = (scene.message("theirs"), scene.message("ours"));
    let impatient = scene.client_with(Opening {
        busy_timeout_ms: 200,
        ..scene.opening("impatient")
    });
    let sleeper = Client::new(Link::to_process(), "sleeper");
    let open = Command::OpenStore(opening(scene.path(), "sleeper"));
    sleeper.call::<()>(open).unwrap();
    let last = ROUNDS * 20;
    sleeper.send(Command::SaveMarked {
        id: theirs.clone(),
        from: 1,
        to: last,
        large: true,
    });
    let handle = impatient.edit(&ours, "ours");
    let (mut told, mut saved, mut busy) = (0, 0, 0);
    for round in 0..ROUNDS {
        for _ in 0..=round % 4 {
            told = sleeper.progress::<u32>();
        }
        signal(&sleeper, "-STOP");
        let before = impatient.view(handle);
        let answer = impatient.save(handle, crate::support::FORCE);
        let after = impatient.view(handle);
        // Before anything can fail: nobody waits for the end of a process that stands still.
        signal(&sleeper, "-CONT");
        match answer {
            Ok(_) => saved += 1,
            Err(failure) => {
                // It was stopped while it had SQLite's own lock.
                assert!(failure.is(MapiCode::MAPI_E_BUSY), "{failure:?}");
                assert_eq!(after, before);
                busy += 1;
            }
        }
        let patient = scene.ben.edit(&ours, "ours");
        scene.ben.save(patient, crate::support::FORCE).unwrap();
        saved += 1;
    }
    println!("{saved} saves, {busy} times busy");
    while told < last {
        told = sleeper.progress();
    }
    sleeper.receive::<()>().unwrap();
    assert_eq!(
        scene.look(&theirs).row_version,
        Some(i64::from(last) + 1),
        "each of its saves has made its version"
    );
    assert_eq!(scene.look(&ours).row_version, Some(saved + 1));
    let handle = sleeper.open(&theirs, Wanted::Modify);
    sleeper.save(handle, KEEP).unwrap();
    scene.check();
}

#[test]
fn forked_child_of_a_process_whose_saves_wait_is_told_so_and_the_saves_go_on() {
    // P7: a thread that commits, and one that waits for it, are not forked along, and may have had any lock
    let scene = Scene::new(Sharing::Processes);
    let (id, other) = (scene.message("original"), scene.message("other"));
    for version in 2..6 {
        let stopped = LockFile::beside(scene.path());
        stopped.take(Part::Turn);
        let handle = scene.ana.edit(&id, "mine");
        let before = scene.ana.view(handle);
        scene.ana.send(Command::ForkWhileSaving {
            handle,
            other: other.clone(),
        });
        let codes: Vec<(String, u32)> = scene.ana.progress();
        assert!(codes.len() > 20);
        for (call, code) in codes {
            let expected = MapiCode::MAPI_E_INVALID_OBJECT.value();
            assert_eq!(code, expected, "{call}");
        }
        drop(stopped);
        let saved: SavedView = scene.ana.receive().unwrap();
        assert_eq!(saved.row_version, version);
        assert_eq!(scene.ana.view(handle), before);
        let saved = scene.ana.save(handle, KEEP).unwrap();
        assert_eq!(saved.row_version, version);
    }
    scene.check();
}
