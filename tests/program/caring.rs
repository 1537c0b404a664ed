//! Looking after a store from the command line: backup, compact.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use serde_json::Value;

use crate::shell::{Shell, wait_for};

#[test]
fn backup_is_a_store_of_its_own_and_the_same_otherwise() {
    let shell = Shell::with_mails();
    let before = shell.json(["list", "Inbox"]);
    let backup = shell.json(["backup", "copy.store"]);
    let copy = shell.path("copy.store");
    assert_eq!(backup["size"], fs::metadata(&copy).unwrap().len());
    assert_eq!(
        fs::metadata(&copy).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(!shell.path("copy.store-wal").exists());
    assert_eq!(
        shell.json(["list", "Inbox", "--store", "copy.store"]),
        before
    );
    shell.run(["check", "--store", "copy.store"]).succeeded();
    shell
        .run(["backup", "--keep-identity", "kept.store"])
        .succeeded();
    let uid = |store: &str| {
        let query = [
            "sql",
            "SELECT hex(store_uid) AS uid FROM store_info",
            "--store",
            store,
        ];
        shell.json(query)[0]["uid"].clone()
    };
    assert_ne!(uid("copy.store"), uid("mail.store"));
    assert_eq!(uid("kept.store"), uid("mail.store"));
}

#[test]
fn backup_never_replaces_a_file() {
    let shell = Shell::with_mails();
    let taken = shell.write("taken", "mine");
    let error = shell.run(["backup", "taken", "--json"]).error(1);
    assert_eq!(error["error"], "MAPI_E_COLLISION");
    assert_eq!(fs::read(taken).unwrap(), b"mine");
    // What SQLite would read as the log of the copy.
    shell.write("other.store-wal", "mine");
    shell.run(["backup", "other.store"]).ended(1);
    assert!(!shell.path("other.store").exists());
    std::os::unix::fs::symlink("nowhere", shell.path("link")).unwrap();
    shell.run(["backup", "link"]).ended(1);
    shell.run(["backup", "no folder/copy"]).ended(6);
    shell.run(["backup", "mail.store"]).ended(1);
    shell.run(["check"]).succeeded();
    let partial = fs::read_dir(shell.path("")).unwrap();
    assert!(
        partial
            .map(|file| file.unwrap().file_name())
            .all(|name| !name.to_string_lossy().contains("partial"))
    );
}

#[test]
fn backup_that_is_killed_leaves_nothing_by_its_name() {
    // P5
    let shell = Shell::new();
    shell.write("data", vec![7; 60_000_000]);
    shell
        .run(["new", "Drafts", "PR_SUBJECT=large", "--attach=data"])
        .succeeded();
    let partial = || {
        fs::read_dir(shell.path(""))
            .unwrap()
            .map(|file| file.unwrap().path())
            .find(|path| path.to_string_lossy().contains(".partial-"))
    };
    let mut backup = shell
        .command(["backup", "copy.store"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(|| partial().filter(|path| fs::metadata(path).is_ok_and(|file| file.len() > 0)));
    backup.kill().unwrap();
    let ended = backup.wait().unwrap();
    assert!(!ended.success(), "killed in the middle");
    assert!(!shell.path("copy.store").exists());
    // What it left is in nobody's way.
    assert!(partial().is_some());
    shell.run(["backup", "copy.store"]).succeeded();
    shell.run(["check", "--store", "copy.store"]).succeeded();
}

#[test]
fn compact_gives_space_back_and_says_how_much() {
    // P5
    let shell = Shell::new();
    shell.write("data", vec![7; 8_000_000]);
    let arguments = ["new", "Drafts", "PR_SUBJECT=large", "--attach=data"];
    let entry = shell.run(arguments).succeeded().line().to_owned();
    let small = shell.draft("stays");
    let mut client = shell.session();
    client.tell(&format!("open {entry}"));
    shell.run(["delete", &entry, "--hard"]).succeeded();
    let held = shell.json(["compact"]);
    assert_eq!(
        (&held["streams"], &held["kept_for_handles"]),
        (&0.into(), &1.into())
    );
    let data = client.tell("data 0");
    assert_eq!(data["size"], 8_000_000);
    client.kill();
    let number = |answer: &Value, name: &str| answer[name].as_u64().unwrap();
    let compacted = shell.json(["compact"]);
    assert_eq!(number(&compacted, "streams"), 1);
    assert_eq!(number(&compacted, "bytes"), 8_000_000);
    assert!(number(&compacted, "size_before") > 8_000_000);
    assert!(number(&compacted, "size_after") < 2_000_000);
    assert_eq!(
        fs::metadata(shell.store()).unwrap().len(),
        number(&compacted, "size_after")
    );
    assert_eq!(
        shell.json(["show", &small])["properties"]["PR_SUBJECT"],
        "stays"
    );
    shell.run(["check"]).succeeded();
    let said = shell.run(["compact"]).succeeded();
    assert!(said.stdout.starts_with("what"), "{}", said.stdout);
}

#[test]
fn compact_counts_folders_anew_where_they_are_wrong() {
    let shell = Shell::with_mails();
    let by_hand = rusqlite::Connection::open(shell.store()).unwrap();
    by_hand
        .execute(
            "UPDATE folders SET total_count = 70, unread_count = 3 WHERE kind = 'inbox'",
            [],
        )
        .unwrap();
    drop(by_hand);
    let found = shell.run(["check", "--json"]).ended(8).json();
    assert_eq!(found["problems"].as_array().unwrap().len(), 1);
    assert_eq!(shell.json(["compact"])["counters_mended"], 1);
    assert_eq!(shell.json(["compact"])["counters_mended"], 0);
    shell.run(["check"]).succeeded();
}

#[test]
fn recover_saves_what_is_sound_and_names_the_rest() {
    let shell = Shell::with_mails();
    let before = shell.json(["list", "Inbox"]);
    let saved = shell.json(["recover", "sound.store"]);
    assert_eq!(
        (&saved["messages"], &saved["lost"]),
        (&4.into(), &Value::Array(Vec::new()))
    );
    assert_eq!(
        shell.json(["list", "Inbox", "--store", "sound.store"]),
        before
    );
    shell.run(["check", "--store", "sound.store"]).succeeded();
    shell.run(["recover", "sound.store"]).ended(1);

    let bytes = fs::read(shell.store()).unwrap();
    let at = bytes
        .windows(11)
        .position(|window| window == b"half past t")
        .unwrap();
    let mut damaged = bytes.clone();
    damaged[at] = b'H';
    fs::write(shell.store(), &damaged).unwrap();
    let answer = shell
        .run(["recover", "damaged.store", "--json"])
        .ended(8)
        .json();
    assert_eq!(answer["messages"], 4);
    let lost = answer["lost"].as_array().unwrap();
    assert_eq!((lost.len(), &lost[0]["kind"]), (1, &"message".into()));
    let entry = lost[0]["entry_id"].as_str().unwrap();
    let shown = shell.json(["show", entry, "--store", "damaged.store"]);
    assert_eq!(shown["folder"], "Damaged");
    let said = shell.run(["recover", "again.store"]).ended(8);
    assert!(said.stdout.contains(entry), "{}", said.stdout);
    assert_eq!(fs::read(shell.store()).unwrap(), damaged);
    shell
        .run(["recover", "new.store", "--store", "nowhere"])
        .ended(6);
    shell.write("noise", "Dear diary, ".repeat(1_000));
    shell
        .run(["recover", "new.store", "--store", "noise"])
        .ended(8);
    assert!(!shell.path("new.store").exists());
}

#[test]
fn recover_is_refused_while_somebody_uses_the_store() {
    let shell = Shell::new();
    let entry = shell.draft("open");
    let mut client = shell.session();
    client.tell(&format!("open {entry}"));
    assert_eq!(
        shell.run(["recover", "new.store", "--json"]).error(7)["error"],
        "MAPI_E_BUSY"
    );
    assert!(!shell.path("new.store").exists());
    client.kill();
    shell.run(["recover", "new.store"]).succeeded();
}
