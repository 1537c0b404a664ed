//! Where a store lies, what becomes of it there, and what a host's other programs get of it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command as Program;

use mapistore::{Access, ChangeNumber, MapiCode, Result, SaveFlags, Store, pr};

use crate::support::{Client, Command, KEEP, Link, Opening, Scene, Sharing, TestStore, code_of};

fn create(path: &Path) -> Result<Store> {
    Store::options().create_if_missing().open(path)
}

/// A saved draft in a store.
fn draft(store: &Store) -> mapistore::Message {
    let drafts = store.special_folder(mapistore::SpecialFolder::Drafts);
    let mut draft = drafts.unwrap().create_message().unwrap();
    draft.set(pr::SUBJECT, "original").unwrap();
    draft.save_changes(KEEP).unwrap();
    draft
}

#[test]
fn any_name_that_the_file_system_takes_is_a_name_of_a_store() {
    // P4
    let folder = tempfile::tempdir().unwrap();
    for name in [
        &b"with spaces"[..],
        b"two\nlines",
        b"100%.store",
        b"a?mode=memory",
        b"a#b",
        b"file:a",
        b"file:a?mode=memory&cache=shared",
        b":memory:",
        b"-wal",
        b"\xFF\xFE no text",
        "Ein schöner Speicher".as_bytes(),
        &[b'n'; 240],
    ] {
        let name = OsStr::from_bytes(name);
        let path = folder.path().join(name);
        let store = create(&path).unwrap();
        let id = draft(&store).entry_id();
        assert_eq!(store.path().file_name(), Some(name));
        let other = Store::options().open(&path).unwrap();
        assert_eq!(other.uid(), store.uid());
        other.open_message(&id, Access::Modify).unwrap();
        let reader = Store::options().read_only().open(&path).unwrap();
        reader.open_message(&id, Access::ReadOnly).unwrap();
        // Whoever can only read cannot take the log away.
        drop((reader, store, other));
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        let lock = [name.as_bytes(), b"-lock"].concat();
        assert_eq!(left, [name, OsStr::from_bytes(&lock)], "nothing else");
        for name in left {
            fs::remove_file(folder.path().join(name)).unwrap();
        }
    }
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    // P4
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(
        Program::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for path in [
        &pipe,
        &socket,
        folder.path(),
        Path::new("/dev/null"),
        Path::new("/"),
        Path::new(""),
        Path::new(OsStr::from_bytes(b"a\0b")),
    ] {
        for options in [
            Store::options(),
            Store::options().create_if_missing(),
            Store::options().read_only(),
        ] {
            let code = code_of(options.open(path));
            assert_eq!(code, MapiCode::MAPI_E_INVALID_PARAMETER, "{path:?}");
        }
    }
}

#[test]
fn side_files_that_are_links_or_pipes_are_refused_and_left_alone() {
    // P6: a link could have somebody else's file locked or written, and a pipe is waited for
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.store");
    drop(create(&path).unwrap());
    fs::remove_file(path.with_extension("store-lock")).unwrap();
    let precious = folder.path().join("precious");
    fs::write(&precious, "as it was").unwrap();
    for ending in ["store-lock", "store-wal", "store-shm"] {
        let side = path.with_extension(ending);
        let link = || symlink(&precious, &side).unwrap();
        let pipe = || {
            let made = Program::new("mkfifo").arg(&side).status();
            assert!(made.unwrap().success());
        };
        for make in [&link as &dyn Fn(), &pipe] {
            make();
            for options in [Store::options(), Store::options().read_only()] {
                let code = code_of(options.open(&path));
                assert_eq!(code, MapiCode::MAPI_E_INVALID_PARAMETER, "{ending}");
            }
            fs::remove_file(&side).unwrap();
        }
    }
    assert_eq!(fs::read(&precious).unwrap(), b"as it was");
    assert!(create(&path).is_ok());
}

#[test]
fn store_is_the_same_through_links_to_it_and_to_its_folder() {
    // P4
    let test = TestStore::new();
    let id = test.draft("original");
    let outside = tempfile::tempdir().unwrap();
    let through_folder = outside.path().join("folder");
    symlink(test.folder.path(), &through_folder).unwrap();
    let to_link = outside.path().join("to link");
    symlink(through_folder.join("mail.store"), &to_link).unwrap();
    for path in [through_folder.join("mail.store"), to_link] {
        let store = create(&path).unwrap();
        assert_eq!(store.path(), test.store.path());
        store.open_message(&id, Access::Modify).unwrap();
    }
    let left: Vec<_> = fs::read_dir(outside.path()).unwrap().collect();
    assert_eq!(left.len(), 2, "no side files beside the links");
}

#[test]
fn relative_path_means_the_same_file_after_a_change_of_folder() {
    // P4
    let folder = tempfile::tempdir().unwrap();
    let client = Client::new(Link::to_process(), "mover");
    let go = |to: &Path| {
        let folder = to.to_str().unwrap().to_owned();
        client.call::<()>(Command::GoTo { folder }).unwrap();
    };
    go(folder.path());
    let opening = Opening {
        create: true,
        ..crate::support::opening(Path::new("mail.store"), "mover")
    };
    client.call::<()>(Command::OpenStore(opening)).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    go(elsewhere.path());
    let handle = client.create("Drafts");
    let id = client.save(handle, KEEP).unwrap().entry_id;
    client.view(client.open(&id, crate::support::Wanted::Modify));
    let store = Store::options().open(folder.path().join("mail.store"));
    store
        .unwrap()
        .open_message(&id.parse().unwrap(), Access::ReadOnly)
        .unwrap();
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn copy_of_a_store_is_a_store_of_its_own_with_the_same_entry_ids() {
    // P4, O4
    let test = TestStore::new();
    let id = test.draft("original");
    let path = test.store.path().to_owned();
    let copy = test.folder.path().join("copy.store");
    let _folder = test.close();
    fs::copy(&path, &copy).unwrap();
    let (one, two) = (create(&path).unwrap(), create(&copy).unwrap());
    assert_eq!(one.uid(), two.uid());
    for (store, subject) in [(&one, "in the first"), (&two, "in the copy")] {
        let mut message = store.open_message(&id, Access::Modify).unwrap();
        message.set(pr::SUBJECT, subject).unwrap();
        let saved = message.save_changes(KEEP).unwrap();
        assert_eq!(
            saved.row_version.get(),
            2,
            "the other one is none of its business"
        );
    }
    for (store, subject) in [(&one, "in the first"), (&two, "in the copy")] {
        let message = store.open_message(&id, Access::ReadOnly).unwrap();
        assert_eq!(message.get(pr::SUBJECT).unwrap().as_deref(), Some(subject));
        assert!(store.check(&mut |_| {}).unwrap().is_sound());
    }
}

/// What somebody does to the files of a store that is open, and how it is undone.
fn nothing_is_saved_after(harm: impl Fn(&Path), undo: impl Fn(&Path)) {
    let test = TestStore::new();
    let path = test.store.path().to_owned();
    let mut message = draft(&test.store);
    message.set(pr::SUBJECT, "pending").unwrap();
    let mut new = test.new_draft();
    let inbox = test.store.folder_by_path("Inbox").unwrap();
    let before = crate::support::view(&message).unwrap();
    harm(&path);
    let codes = [
        code_of(message.save_changes(KEEP)),
        code_of(message.save_changes(SaveFlags::FORCE_SAVE)),
        code_of(new.save_changes(KEEP)),
        code_of(test.store.move_messages(&[message.entry_id()], &inbox)),
        code_of(inbox.rename("new")),
    ];
    assert_eq!(codes, [MapiCode::MAPI_E_DISK_ERROR; 5]);
    assert_eq!(crate::support::view(&message).unwrap(), before);
    undo(&path);
    assert_eq!(message.save_changes(KEEP).unwrap().row_version.get(), 2);
    new.save_changes(KEEP).unwrap();
    test.assert_sound();
}

#[test]
fn store_that_is_moved_away_takes_no_saves_until_it_is_back() {
    // S8: another process that opens it where it is now would have another log
    let moved = |path: &Path| path.with_extension("moved");
    nothing_is_saved_after(
        |path| fs::rename(path, moved(path)).unwrap(),
        |path| fs::rename(moved(path), path).unwrap(),
    );
}

#[test]
fn log_that_is_moved_away_takes_no_saves_until_it_is_back() {
    // S8: the next process would make another one
    let log = |path: &Path| path.with_extension("store-wal");
    let moved = |path: &Path| path.with_extension("moved");
    nothing_is_saved_after(
        |path| fs::rename(log(path), moved(path)).unwrap(),
        |path| fs::rename(moved(path), log(path)).unwrap(),
    );
}

#[test]
fn store_that_is_replaced_by_another_takes_no_saves_and_is_not_read_for_it() {
    // S8, O2
    let moved = |path: &Path| path.with_extension("moved");
    nothing_is_saved_after(
        |path| {
            fs::rename(path, moved(path)).unwrap();
            fs::copy(moved(path), path).unwrap();
        },
        |path| fs::rename(moved(path), path).unwrap(),
    );
    let test = TestStore::new();
    let path = test.store.path().to_owned();
    fs::rename(&path, moved(&path)).unwrap();
    fs::copy(moved(&path), &path).unwrap();
    // More readers at once than there are connections, so that new ones are needed.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    match test.store.folders() {
                        Ok(folders) => assert_eq!(folders.len(), 8),
                        Err(error) => assert_eq!(error.code(), MapiCode::MAPI_E_DISK_ERROR),
                    }
                }
            });
        }
    });
}

#[test]
fn store_that_is_deleted_takes_no_saves() {
    // S8
    let test = TestStore::new();
    let mut message = draft(&test.store);
    message.set(pr::SUBJECT, "pending").unwrap();
    fs::remove_file(test.store.path()).unwrap();
    for _ in 0..2 {
        let code = code_of(message.save_changes(KEEP));
        assert_eq!(code, MapiCode::MAPI_E_DISK_ERROR);
        assert!(message.has_pending_changes());
    }
    assert!(!test.store.path().exists(), "and nobody makes it again");
}

#[test]
fn program_that_a_host_starts_gets_none_of_its_descriptors() {
    // P6
    let listed = || -> Vec<std::path::PathBuf> {
        let output = Program::new("ls").args(["-l", "/proc/self/fd"]).output();
        let output = String::from_utf8(output.unwrap().stdout).unwrap();
        let files = output.lines().filter_map(|line| line.split_once(" -> "));
        files.map(|(_, file)| file.into()).collect()
    };
    // Whoever runs the tests may have left some open for all programs.
    let before = listed();
    let scene = Scene::new(Sharing::Handles);
    let id = scene.message("original").parse().unwrap();
    let store = &scene.store;
    let mut message = store.open_message(&id, Access::Modify).unwrap();
    let data = message.open_attachment_data(mapistore::AttachmentNumber(0));
    let changes = store.subscribe(ChangeNumber::ZERO).unwrap();
    message.set(pr::SUBJECT, "changed").unwrap();
    message.save_changes(KEEP).unwrap();
    let ours = fs::read_dir("/proc/self/fd").unwrap();
    let ours = ours.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    let is_of_the_store = |path: &Path| {
        let text = path.to_string_lossy();
        path.starts_with(scene.path().parent().unwrap()) || text.contains("inotify")
    };
    let count = ours.filter(|path| is_of_the_store(path)).count();
    assert!(
        count >= 5,
        "store, log, index, lock file and inotify: {count}"
    );
    let theirs = listed();
    assert_eq!(theirs.len(), before.len(), "{theirs:?}");
    assert!(!theirs.iter().any(|file| is_of_the_store(file)));
    drop((data, changes));
}

#[test]
fn thousand_handles_that_nobody_closes_are_in_nobodys_way() {
    // O1, O2, P5
    const HANDLES: u32 = 1_000;
    let scene = Scene::new(Sharing::Processes);
    let opening = Opening {
        normal_durability: true,
        ..scene.opening("writer")
    };
    let writer = scene.client_with(opening);
    let id: mapistore::EntryId = scene.message("original").parse().unwrap();
    let save = |mark: u32| {
        let command = Command::SaveMarked {
            id: id.to_string(),
            from: mark,
            to: mark,
            large: false,
        };
        writer.call::<()>(command).unwrap();
    };
    let mut handles = Vec::new();
    for mark in 0..HANDLES {
        // A new version for every tenth of them.
        if mark % 10 == 0 {
            save(mark);
        }
        handles.push(scene.store.open_message(&id, Access::Modify).unwrap());
    }
    // More than the log may grow to, with collection beside.
    let log = scene.path().with_extension("store-wal");
    let mut longest = 0;
    for round in 0..40 {
        let command = Command::SaveMarked {
            id: id.to_string(),
            from: 3_000 + 3 * round,
            to: 3_002 + 3 * round,
            large: true,
        };
        writer.send(command);
        scene.ana.send(Command::CollectGarbage);
        writer.receive::<()>().unwrap();
        scene.ana.receive::<(u64, u64, u64)>().unwrap();
        longest = longest.max(fs::metadata(&log).unwrap().len());
    }
    assert!(longest < 64 * 1024 * 1024, "the log has {longest} bytes");
    for (mark, handle) in (0..).zip(&handles) {
        let expected: u32 = mark - mark % 10;
        let seen = crate::support::mark_of(handle).unwrap();
        assert_eq!(seen, expected.to_string(), "handle {mark}");
    }
    let mut last = handles.pop().unwrap();
    let refused = last.save_changes(KEEP);
    assert_eq!(code_of(refused), MapiCode::MAPI_E_OBJECT_CHANGED);
    drop((handles, last));
    let (_, _, kept) = scene.ana.collect_garbage();
    assert_eq!(kept, 0);
    scene.check();
}
