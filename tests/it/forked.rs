//! A forked child of a process that has a store open (P7).

use std::time::{Duration, Instant};

use mapistore::{MapiCode, SaveFlags, pr};

use crate::support::{Blob, Command, FIGURES, KEEP, Scene, Sharing, Wanted};

#[test]
fn forked_child_gets_invalid_object_from_every_call_and_its_parent_goes_on() {
    // P7
    let scene = Scene::new(Sharing::Processes);
    let id = scene.message("original");
    let reader = scene.ana.open(&id, Wanted::ReadOnly);
    let data = scene.ana.open_attachment_data(reader, 0);
    assert_eq!(scene.ana.compare(data, FIGURES, 1_000), 1_000);
    let handle = scene.ana.edit(&id, "mine");
    scene.ana.attach(handle, "large", Blob::new(3, 2_000_000));
    let before = scene.ana.view(handle);
    let (stored, change) = (scene.look(&id), scene.last_change());
    // The parent's snapshot is all that keeps these streams.
    let other = scene.ben.open(&id, Wanted::Modify);
    scene.ben.delete_attachment(other, 0);
    scene.ben.delete_property(other, pr::BODY);
    scene.ben.save(other, SaveFlags::empty()).unwrap();
    assert_eq!(scene.ben.collect_garbage().0, 0);

    for _ in 0..3 {
        let codes: Vec<(String, u32)> = scene.ana.call(Command::Fork(handle)).unwrap();
        assert!(codes.len() > 20);
        for (call, code) in codes {
            assert_eq!(code, MapiCode::MAPI_E_INVALID_OBJECT.value(), "{call}");
        }
        // Neither handle nor store nor locks of the parent have changed.
        assert_eq!(scene.ana.view(handle), before);
        assert_eq!(scene.ben.collect_garbage().0, 0, "the parent's pin holds");
    }
    assert_eq!(
        scene.last_change(),
        change + 1,
        "only the other one has saved"
    );
    assert_ne!(scene.look(&id), stored);
    assert_eq!(scene.ana.compare(data, FIGURES, FIGURES.len), FIGURES.len);
    let forced = scene.ana.save(handle, crate::support::FORCE).unwrap();
    assert_eq!(forced.row_version, 3);
    assert_eq!(scene.look(&id).content, before.content);
    let again = scene.ben.edit(&id, "again");
    scene.ben.save(again, KEEP).unwrap();
    scene.check();
}

#[test]
fn forked_child_cannot_open_what_its_parent_had_open() {
    // P7, P5: SQLite would believe that the child has its parent's locks, and its saves could be lost
    let scene = Scene::new(Sharing::Processes);
    for _ in 0..3 {
        let parent = scene.client("parent");
        let code: u32 = parent.call(Command::ForkAndReopen).unwrap();
        assert_eq!(code, MapiCode::MAPI_E_INVALID_OBJECT.value());
        // The parent itself can.
        parent
            .call::<()>(Command::OpenStore(scene.opening("parent")))
            .unwrap();
        let handle = parent.create("Drafts");
        parent.save(handle, KEEP).unwrap();
    }
    scene.check();
}

#[test]
fn forked_child_that_lives_on_keeps_nobody_from_saving_when_its_parent_is_killed() {
    // P7, P5
    let scene = Scene::new(Sharing::Processes);
    let id = scene.message("original");
    let doomed = scene.client("doomed");
    let handle = doomed.edit(&id, "lost");
    doomed.attach(handle, "waste", Blob::new(3, 3_000_000));
    let child = Child(doomed.call(Command::ForkAndStay).unwrap());
    let parent = i32::try_from(doomed.process_id()).unwrap();
    kill(parent);
    // It is gone when nothing but its entry is left: then all that it had open is closed.
    let is_gone = || {
        let state = std::fs::read_to_string(format!("/proc/{parent}/stat")).unwrap();
        state.contains(") Z ")
    };
    let deadline = Instant::now() + Duration::from_secs(120);
    while !is_gone() {
        assert!(Instant::now() < deadline, "{parent} lives on");
        std::thread::yield_now();
    }
    for round in 0..5 {
        for client in [&scene.ana, &scene.ben] {
            let handle = client.edit(&id, &format!("round {round}"));
            client.save(handle, SaveFlags::empty()).unwrap();
        }
    }
    assert_eq!(scene.look(&id).row_version, Some(11));
    drop(child);
    scene.check();
}

fn kill(process: i32) {
    let sent = std::process::Command::new("kill")
        .args(["-KILL", &process.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// A child of a client, which outlives that one; killed at the end.
struct Child(i32);

impl Drop for Child {
    fn drop(&mut self) {
        kill(self.0);
    }
}

#[test]
fn turns_go_round_after_a_fork() {
    // P7, P3
    let scene = Scene::new(Sharing::Processes);
    let id = scene.message("original");
    let handle = scene.ana.open(&id, Wanted::Modify);
    scene
        .ana
        .call::<Vec<(String, u32)>>(Command::Fork(handle))
        .unwrap();
    for round in 0..20 {
        for client in [&scene.ana, &scene.ben] {
            let handle = client.edit(&id, &format!("round {round}"));
            client.save(handle, SaveFlags::empty()).unwrap();
        }
    }
    assert_eq!(scene.look(&id).row_version, Some(41));
}
