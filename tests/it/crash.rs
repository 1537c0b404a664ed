//! All or nothing, also when a process dies at any instruction.

use mapistore::{Access, SaveFlags, Store};

use crate::support::{
    Blob, Client, Command, FORCE, KEEP, Link, NO_END, Opening, Scene, Sharing, Wanted, mark_of,
    opening, two_clients,
};

two_clients!(properties_recipients_and_attachments_become_visible_together);

fn save_marked(client: &Client, id: &str, from: u32, to: u32) {
    let id = id.to_owned();
    client
        .call::<()>(Command::SaveMarked {
            id,
            from,
            to,
            large: false,
        })
        .unwrap();
}

/// The mark that all parts of the stored message carry.
#[track_caller]
fn stored_mark(store: &Store, id: &str) -> u32 {
    let message = store
        .open_message(&id.parse().unwrap(), Access::ReadOnly)
        .unwrap();
    mark_of(&message).unwrap().parse().unwrap()
}

fn properties_recipients_and_attachments_become_visible_together(scene: &Scene) {
    // S9, O2
    const BATCH: u32 = 60;
    let id = scene.message("original");
    save_marked(&scene.ana, &id, 0, 0);
    let mut seen = 0;
    let mut last = 0;
    // Until the watcher has come between many pairs of saves, however the two are scheduled.
    for _ in 0..200 {
        let from = last + 1;
        last += BATCH;
        scene.ben.send(Command::WatchMarks {
            id: id.clone(),
            last,
        });
        scene.ana.send(Command::SaveMarked {
            id: id.clone(),
            from,
            to: last,
            large: false,
        });
        seen += scene.ben.receive::<usize>().unwrap();
        scene.ana.receive::<()>().unwrap();
        if seen >= 100 {
            break;
        }
    }
    assert!(seen >= 100, "the watcher saw only {seen} versions");
    assert_eq!(scene.look(&id).row_version, Some(i64::from(last) + 2));
    scene.check();
}

#[test]
fn process_killed_in_the_middle_of_many_saves_is_in_nobodys_way() {
    // P5, S9, S10
    let scene = Scene::new(Sharing::Processes);
    let id = scene.message("original");
    save_marked(&scene.ben, &id, 0, 0);
    let mut next = 1;
    for round in 0..12 {
        let doomed = scene.client("doomed");
        let command = Command::SaveMarked {
            id: id.clone(),
            from: next,
            to: NO_END,
            large: true,
        };
        doomed.send(command);
        let mut acknowledged = next - 1;
        for _ in 0..=(round * 5 % 17) {
            acknowledged = doomed.progress();
        }
        for word in doomed.kill() {
            acknowledged = serde_json::from_value(word).unwrap();
        }
        let stored = stored_mark(&scene.store, &id);
        assert!(
            stored == acknowledged || stored == acknowledged + 1,
            "{stored} is stored, {acknowledged} was acknowledged"
        );
        // The others have their store open all the time, and go on at once.
        save_marked(&scene.ben, &id, stored + 1, stored + 2);
        assert_eq!(stored_mark(&scene.store, &id), stored + 2);
        scene.check();
        next = stored + 3;
    }
    // What the dead have left is waste, found and removed.
    scene.ben.collect_garbage();
    let waste = "SELECT stream_id FROM streams WHERE unreferenced_since IS NOT NULL";
    assert_eq!(scene.store.query(waste).unwrap().rows.len(), 0);
    let chunks = "SELECT chunk_id FROM stream_chunks WHERE stream_id NOT IN \
        (SELECT stream_id FROM stream_references)";
    assert_eq!(scene.store.query(chunks).unwrap().rows.len(), 0);
    assert_eq!(stored_mark(&scene.store, &id), next - 1);
    scene.check();
}

#[test]
fn acknowledged_saves_survive_the_death_of_all_processes() {
    // S10, MAPI-Storing-1
    for normal_durability in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mail.store");
        let clients: Vec<Client> = (0..3)
            .map(|number| {
                let client = Client::new(Link::to_process(), format!("client {number}"));
                let opening = Opening {
                    create: true,
                    normal_durability,
                    ..opening(&path, client.name())
                };
                client.call::<()>(Command::OpenStore(opening)).unwrap();
                client.send(Command::CreateMany {
                    folder: "Inbox".to_owned(),
                    count: NO_END,
                });
                client
            })
            .collect();
        let mut acknowledged: Vec<String> = Vec::new();
        for client in &clients {
            acknowledged.extend((0..40).map(|_| client.progress::<String>()));
        }
        for client in &clients {
            let rest = client.kill();
            acknowledged.extend(
                rest.into_iter()
                    .map(|id| serde_json::from_value(id).unwrap()),
            );
        }
        let store = Store::options().open(&path).unwrap();
        for id in &acknowledged {
            store
                .open_message(&id.parse().unwrap(), Access::ReadOnly)
                .unwrap();
        }
        let total = store.folder_by_path("Inbox").unwrap().info().unwrap().total;
        let least = acknowledged.len() as u64;
        assert!((least..=least + 3).contains(&total), "{total} of {least}");
        assert!(store.check(&mut |_| {}).unwrap().is_sound());
    }
}

#[test]
fn process_killed_while_it_creates_a_store_leaves_one_that_opens() {
    // P4, P5
    for round in 0..12 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mail.store");
        let create = |name: &str| Opening {
            create: true,
            ..opening(&path, name)
        };
        let doomed = Client::new(Link::to_process(), "doomed");
        doomed.call::<()>(Command::CloseStore).unwrap();
        doomed.send(Command::OpenStore(create("doomed")));
        // Killed at different stages of its work, seen by what lies in the folder.
        let files = || std::fs::read_dir(folder.path()).unwrap().count();
        while files() < round % 4 {
            std::thread::yield_now();
        }
        doomed.kill();
        let store = Store::options().create_if_missing().open(&path).unwrap();
        assert_eq!(store.folders().unwrap().len(), 8);
        assert!(store.check(&mut |_| {}).unwrap().is_sound());
        let inbox = store.folder_by_path("Inbox").unwrap();
        inbox
            .create_message()
            .unwrap()
            .save_changes(SaveFlags::empty())
            .unwrap();
    }
}

#[test]
fn dead_process_keeps_neither_snapshots_nor_the_turn() {
    // P5, P3
    let scene = Scene::new(Sharing::Processes);
    let id = scene.message("original");
    let doomed = scene.client("doomed");
    let handle = doomed.open(&id, Wanted::Modify);
    doomed.attach(handle, "waste", Blob::new(3, 3_000_000));
    scene.ben.delete_message(&id, true);
    assert_eq!(scene.ben.collect_garbage(), (0, 0, 3));
    let path = scene.path().to_str().unwrap().to_owned();
    doomed.call::<()>(Command::HoldWriteLock { path }).unwrap();
    doomed.kill();
    let (streams, bytes, kept) = scene.ben.collect_garbage();
    assert_eq!((streams, kept), (3, 0));
    assert!(bytes > 3_000_000);
    let other = scene.message("another");
    let mine = scene.ana.edit(&other, "mine");
    assert_eq!(scene.ana.save(mine, FORCE).unwrap().row_version, 2);
    scene.check();
}

#[test]
fn pending_changes_of_a_dead_process_are_nowhere() {
    // S9, O5, OXCMSG-R339
    let scene = Scene::new(Sharing::Processes);
    let id = scene.message("original");
    let before = scene.look(&id);
    let doomed = scene.client("doomed");
    let (handle, new) = (doomed.edit(&id, "lost"), doomed.create("Drafts"));
    doomed.attach(handle, "lost", Blob::new(3, 3_000_000));
    doomed.attach(new, "lost", Blob::new(4, 3_000_000));
    let new_id = doomed.view(new).entry_id;
    doomed.kill();
    assert_eq!(scene.look(&id), before);
    let lost = scene.ben.try_open(&new_id, Wanted::Best);
    crate::support::expect(lost, mapistore::MapiCode::MAPI_E_NOT_FOUND);
    let handle = scene.ben.edit(&id, "next");
    scene.ben.save(handle, KEEP).unwrap();
    assert_eq!(scene.ben.collect_garbage().0, 2);
    scene.check();
}
