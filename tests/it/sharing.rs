//! Many clients of one store: opening, racing, waiting.

use std::collections::BTreeMap;
use std::fs;

use mapistore::{Access, Deletion, EntryId, MapiCode, ReadState, RowVersion, SaveFlags, Store, pr};

use crate::support::{
    Client, Command, KEEP, Link, Opening, Scene, Sharing, TestStore, Wanted, Won, code_of, opening,
    two_clients,
};

two_clients!(
    every_version_of_a_race_has_one_winner,
    everyone_gets_through
);

fn every_version_of_a_race_has_one_winner(scene: &Scene) {
    // P2, S1, S2
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
fn hundred_processes_open_the_same_new_file_at_the_same_moment() {
    // P4
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.store");
    let clients: Vec<Client> = (0..100)
        .map(|number| Client::new(Link::to_process(), format!("opener {number}")))
        .collect();
    for client in &clients {
        // It answers once it is there.
        client.call::<()>(Command::CloseStore).unwrap();
    }
    for client in &clients {
        let opening = Opening {
            create: true,
            ..opening(&path, client.name())
        };
        client.send(Command::OpenStore(opening));
    }
    for client in &clients {
        client.receive::<()>().unwrap();
    }
    let store = Store::options().open(&path).unwrap();
    for client in &clients {
        let uid: String = client.call(Command::StoreUid).unwrap();
        assert_eq!(uid, store.uid().to_string(), "they are in one store");
    }
    assert_eq!(store.folders().unwrap().len(), 8);
    for client in &clients {
        client.send(Command::CreateMany {
            folder: "Inbox".to_owned(),
            count: 1,
        });
    }
    for client in &clients {
        client.receive::<()>().unwrap();
    }
    assert_eq!(
        store.folder_by_path("Inbox").unwrap().info().unwrap().total,
        100
    );
    assert!(store.check(&mut |_| {}).unwrap().is_sound());
}

/// Pretends that a newer library has migrated the store.
fn set_version(path: &std::path::Path, version: i64) {
    let by_hand = rusqlite::Connection::open(path).unwrap();
    by_hand
        .pragma_update(None, "user_version", version)
        .unwrap();
}

#[test]
fn store_is_closed_when_its_last_part_is_dropped() {
    // P4: what presence stands for has ended when presence ends
    for _ in 0..100 {
        let test = TestStore::new();
        let mut message = test.new_draft();
        message.save_changes(KEEP).unwrap();
        let wal = test.store.path().with_extension("store-wal");
        let TestStore { store, folder } = test;
        drop(store);
        assert!(wal.exists(), "the handle keeps it open");
        drop(message);
        assert!(!wal.exists(), "the last connection removes it");
        drop(folder);
    }
}

#[test]
fn newer_store_is_refused_and_left_as_it_was() {
    // P4
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.store");
    let store = Store::options().create_if_missing().open(&path).unwrap();
    let drafts = store.folder_by_path("Drafts").unwrap();
    drafts
        .create_message()
        .unwrap()
        .save_changes(SaveFlags::empty())
        .unwrap();
    drop((drafts, store));
    for version in [2, 1_000] {
        set_version(&path, version);
        let before = fs::read(&path).unwrap();
        for options in [
            Store::options(),
            Store::options().create_if_missing(),
            Store::options().read_only(),
        ] {
            assert_eq!(code_of(options.open(&path)), MapiCode::MAPI_E_VERSION);
        }
        assert!(fs::read(&path).unwrap() == before, "not a byte has changed");
    }
    set_version(&path, 1);
    assert!(Store::options().open(&path).is_ok());
}

#[test]
fn process_of_an_older_version_writes_nothing() {
    // P4
    let test = TestStore::new();
    let id = test.draft("original");
    let mut message = test.store.open_message(&id, Access::Modify).unwrap();
    message.set(pr::SUBJECT, "mine").unwrap();
    let inbox = test.store.folder_by_path("Inbox").unwrap();
    let mut new = inbox.create_message().unwrap();
    set_version(test.store.path(), 2);
    let dump = || {
        ["messages", "changes", "folders", "streams"].map(|table| {
            test.store
                .query(&format!("SELECT * FROM {table}"))
                .unwrap()
                .rows
        })
    };
    let before = dump();
    let pending = crate::support::view(&message).unwrap();
    let large = crate::support::Blob::new(1, 2_000_000);
    let codes = [
        code_of(message.save_changes(KEEP)),
        code_of(message.save_changes(SaveFlags::FORCE_SAVE)),
        code_of(new.save_changes(KEEP)),
        code_of(message.attach("large", large.reader())),
        code_of(message.save_elsewhere(&inbox)),
        code_of(test.store.delete_messages(&[id], Deletion::Hard)),
        code_of(test.store.move_messages(&[id], &inbox)),
        code_of(test.store.set_read_state(&[id], ReadState::Unread)),
        code_of(inbox.create_folder("new")),
        code_of(inbox.rename("new")),
    ];
    assert_eq!(codes, [MapiCode::MAPI_E_VERSION; 10]);
    assert!(dump() == before);
    assert_eq!(
        crate::support::view(&message).unwrap(),
        pending,
        "and the handle is as it was"
    );
    set_version(test.store.path(), 1);
    assert_eq!(message.save_changes(KEEP).unwrap().row_version.get(), 2);
}

#[test]
fn file_that_is_no_store_is_refused_and_left_as_it_was() {
    // P4
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    fs::write(
        &text,
        "not a database, and longer than a hundred bytes: ".repeat(50),
    )
    .unwrap();
    let database = folder.path().join("other.db");
    let by_hand = rusqlite::Connection::open(&database).unwrap();
    by_hand
        .execute_batch("CREATE TABLE notes (note TEXT); INSERT INTO notes VALUES ('mine')")
        .unwrap();
    drop(by_hand);
    for path in [text, database] {
        let before = fs::read(&path).unwrap();
        for options in [
            Store::options().create_if_missing(),
            Store::options().read_only(),
        ] {
            assert_eq!(code_of(options.open(&path)), MapiCode::MAPI_E_CORRUPT_STORE);
        }
        assert!(fs::read(&path).unwrap() == before, "{}", path.display());
    }
}

#[test]
fn links_lead_to_the_same_store_or_are_refused() {
    // P4
    let test = TestStore::new();
    let id = test.draft("original");
    let symbolic = test.folder.path().join("symbolic");
    std::os::unix::fs::symlink(test.store.path(), &symbolic).unwrap();
    let through = Store::options().open(&symbolic).unwrap();
    assert_eq!(
        through.path(),
        test.store.path(),
        "so that both use the same side files"
    );
    through.open_message(&id, Access::Modify).unwrap();
    let hard = test.folder.path().join("hard");
    fs::hard_link(test.store.path(), &hard).unwrap();
    assert_eq!(
        code_of(Store::options().open(&hard)),
        MapiCode::MAPI_E_INVALID_PARAMETER
    );
    let folder = Store::options()
        .create_if_missing()
        .open(test.folder.path());
    assert_eq!(code_of(folder), MapiCode::MAPI_E_INVALID_PARAMETER);
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
