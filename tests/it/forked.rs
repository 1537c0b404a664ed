//! A forked child of a process that has a store open (P7).

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
