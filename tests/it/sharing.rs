//! Many clients of one store: opening, racing, waiting.

use std::collections::BTreeMap;
use std::fs;

use mapistore::{Access, Deletion, EntryId, MapiCode, RowVersion, SaveFlags, Store, pr};

use crate::support::{
    Client, Command, KEEP, Opening, Scene, Sharing, TestStore, Wanted, Won, two_clients,
};

two_clients!(
    every_version_of_a_race_has_one_winner,
    everyone_gets_through
);

fn every_version_of_a_race_has_one_winner(scene: &Scene) {
    // P2, S1, S2, OXCMSG-R705/R1461
    const ROUNDS: u32 = 1_500;
    let fast = |name: &str| {
        scene.client_with(Opening {
            normal_durability: true,
            ..scene.opening(name)
        })
    };
    let id = scene.message("original");
    let racers = [fast("one"), fast("two")];
    for racer in &racers {
        let mark = racer.name().to_owned();
        racer.send(Command::Race {
            id: id.clone(),
            mark,
            rounds: ROUNDS,
        });
    }
    let mut winners = BTreeMap::new();
    let mut lost = 0;
    for racer in &racers {
        let won: Won = racer.receive().unwrap();
        assert_eq!(won.versions.len() as u32 + won.lost, ROUNDS);
        lost += won.lost;
        for (version, subject) in won.versions {
            let other = winners.insert(version, (racer.name(), subject));
            assert_eq!(other, None, "version {version} was won twice");
        }
    }
    assert!(lost > 0, "they never met");
    let versions: Vec<i64> = winners.keys().copied().collect();
    assert_eq!(
        versions,
        (2..=winners.len() as i64 + 1).collect::<Vec<_>>(),
        "none is missing"
    );
    let now = scene.look(&id);
    let (last, (_, subject)) = winners.last_key_value().unwrap();
    assert_eq!(
        (now.row_version, now.subject()),
        (Some(*last), Some(&**subject))
    );
    // The journal tells the same story.
    let id: EntryId = id.parse().unwrap();
    let journal = scene.store.saves_after(&id, RowVersion::FIRST).unwrap();
    let told = journal
        .iter()
        .map(|save| (save.row_version.unwrap().get(), &*save.client_name));
    let known = winners.iter().map(|(version, (name, _))| (*version, *name));
    assert!(told.eq(known));
    scene.check();
}

fn everyone_gets_through(scene: &Scene) {
    // P3
    const EACH: u32 = 60;
    let count = if scene.sharing == Sharing::Processes {
        5
    } else {
        10
    };
    let names: Vec<String> = (0..count)
        .map(|number| format!("writer {number}"))
        .collect();
    let writers: Vec<Client> = names.iter().map(|name| scene.client(name)).collect();
    for writer in &writers {
        writer.send(Command::CreateMany {
            folder: "Inbox".to_owned(),
            count: EACH,
        });
    }
    for writer in &writers {
        writer.receive::<()>().unwrap();
    }
    let total = scene
        .store
        .folder_by_path("Inbox")
        .unwrap()
        .info()
        .unwrap()
        .total;
    assert_eq!(total, u64::from(EACH) * writers.len() as u64);
    scene.check();
}

#[test]
fn threads_share_one_store() {
    // P1, P2
    let test = TestStore::new();
    let id = test.draft("0");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..25 {
                    // Each adds one to the number that it read; none is lost.
                    let mut message = test.store.open_message(&id, Access::Modify).unwrap();
                    loop {
                        let number: u32 =
                            message.get(pr::SUBJECT).unwrap().unwrap().parse().unwrap();
                        message.set(pr::SUBJECT, (number + 1).to_string()).unwrap();
                        match message.save_changes(KEEP) {
                            Ok(_) => break,
                            Err(error) => {
                                assert_eq!(error.code(), MapiCode::MAPI_E_OBJECT_CHANGED);
                                message.reload().unwrap();
                            }
                        }
                    }
                }
            });
        }
    });
    let message = test.store.open_message(&id, Access::ReadOnly).unwrap();
    assert_eq!(message.get(pr::SUBJECT).unwrap().as_deref(), Some("200"));
    assert_eq!(message.row_version().map(RowVersion::get), Some(201));
}

#[test]
fn numbers_never_go_back_over_deaths_and_reopening() {
    // S16
    let scene = Scene::new(Sharing::Processes);
    let id = scene.message("original");
    let (mut version, mut change) = (1, scene.last_change());
    for round in 0..6 {
        let client = scene.client("short-lived");
        for _ in 0..5 {
            let handle = client.open(&id, Wanted::Modify);
            client.set(handle, pr::SUBJECT, "saved");
            let saved = client.save(handle, KEEP).unwrap();
            assert_eq!(
                (saved.row_version, saved.change_number),
                (version + 1, change + 1)
            );
            (version, change) = (saved.row_version, saved.change_number);
        }
        // The newest message goes for good, and so does its change from the journal; its numbers do not return.
        let newest = scene.message("newest");
        scene
            .store
            .delete_messages(&[newest.parse().unwrap()], Deletion::Hard)
            .unwrap();
        change += 2;
        scene
            .by_hand()
            .execute("DELETE FROM changes WHERE change_number >= ?", [change])
            .unwrap();
        assert_eq!(scene.last_change(), change);
        if round % 2 == 0 {
            client.kill();
        }
    }
    scene.check();
}

#[test]
fn change_key_tells_two_versions_of_one_number_apart() {
    // S16
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.store");
    let backup = folder.path().join("backup");
    let id = {
        let store = Store::options().create_if_missing().open(&path).unwrap();
        let drafts = store.folder_by_path("Drafts").unwrap();
        drafts
            .create_message()
            .unwrap()
            .save_changes(SaveFlags::empty())
            .unwrap()
            .entry_id
    };
    fs::copy(&path, &backup).unwrap();
    let save = |subject: &str| {
        let store = Store::options().open(&path).unwrap();
        let mut message = store.open_message(&id, Access::Modify).unwrap();
        message.set(pr::SUBJECT, subject).unwrap();
        let saved = message.save_changes(KEEP).unwrap();
        let key = message.get(pr::CHANGE_KEY).unwrap().unwrap();
        (saved.row_version, saved.change_number, key)
    };
    let lost = save("lost");
    fs::copy(&backup, &path).unwrap();
    let kept = save("kept");
    assert_eq!(
        (lost.0, lost.1),
        (kept.0, kept.1),
        "the backup took the newest back"
    );
    assert_ne!(lost.2, kept.2);
}
