//! The store as a whole: init, how it is named, check, sql.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::shell::Shell;

#[test]
fn init_makes_a_store_and_refuses_an_existing_file() {
    let shell = Shell::without_store();
    shell.run(["init"]).succeeded();
    shell.run(["check"]).succeeded();
    let before = fs::read(shell.store()).unwrap();
    shell.run(["init"]).ended(1);
    assert_eq!(
        shell.run(["init", "--json"]).error(1)["error"],
        "MAPI_E_COLLISION"
    );
    assert_eq!(fs::read(shell.store()).unwrap(), before);
    let other = shell.write("other", "something else");
    shell.run(["--store", "other", "init"]).ended(1);
    assert_eq!(fs::read(other).unwrap(), b"something else");
    shell
        .run(["--store", "nowhere/mail.store", "init"])
        .ended(1);
}

#[test]
fn store_is_private_and_extracted_files_are_as_the_umask_says() {
    // P6
    for (umask, extracted) in [("000", 0o666), ("022", 0o644), ("077", 0o600)] {
        let shell = Shell::without_store();
        shell.write("figures.csv", "1;2;3");
        let run = |arguments: &[&str]| {
            let set = format!("umask {umask}; exec \"$0\" \"$@\"");
            let mut command = Command::new("sh");
            command
                .args(["-c", &set, env!("CARGO_BIN_EXE_mapistore")])
                .args(arguments)
                .env("MAPISTORE", shell.store())
                .current_dir(shell.path(""));
            let output = command.output().unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        run(&["init"]);
        // Somebody who has the store open keeps its side files there.
        let _watching = rusqlite::Connection::open(shell.store())
            .and_then(|open| {
                open.query_row("SELECT 1 FROM folders", [], |_| Ok(()))
                    .map(|()| open)
            })
            .unwrap();
        let entry = run(&["new", "Drafts", "PR_SUBJECT=a", "--attach", "figures.csv"]);
        run(&["extract", entry.trim(), "--to", "out"]);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for file in [
            "mail.store",
            "mail.store-lock",
            "mail.store-wal",
            "mail.store-shm",
        ] {
            assert_eq!(mode(&shell.path(file)), 0o600, "{file} with umask {umask}");
        }
        assert_eq!(mode(&shell.path("out/figures.csv")), extracted);
    }
}

#[test]
fn of_many_processes_that_init_at_once_one_makes_the_store() {
    let shell = Shell::without_store();
    let children: Vec<_> = (0..20)
        .map(|_| {
            shell
                .command(["init"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut codes: Vec<_> = children
        .into_iter()
        .map(|mut child| child.wait().unwrap().code())
        .collect();
    codes.sort_unstable();
    assert_eq!(codes.remove(0), Some(0));
    assert_eq!(codes, [Some(1); 19]);
    shell.run(["check"]).succeeded();
}

#[test]
fn missing_store_is_not_found_and_no_name_is_wrong_usage() {
    let shell = Shell::without_store();
    let entry = "0".repeat(32);
    for arguments in [
        &["folders"][..],
        &["list", "Inbox"],
        &["show", &entry],
        &["new", "Drafts"],
        &["set", &entry, "PR_SUBJECT=a"],
        &["delete", &entry],
        &["move", &entry, "Inbox"],
        &["watch", "--count", "0"],
        &["check"],
        &["sql", "SELECT 1"],
        &["import", ".", "--folder", "Inbox"],
    ] {
        assert_eq!(
            shell.run([arguments, &["--json"]].concat()).error(6)["error"],
            "MAPI_E_NOT_FOUND"
        );
        assert!(!shell.store().exists(), "{arguments:?}");
        let unnamed = shell
            .command(arguments)
            .env_remove("MAPISTORE")
            .output()
            .unwrap();
        assert_eq!(unnamed.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn option_wins_over_the_environment() {
    let shell = Shell::new();
    shell.run(["--store", "other.store", "init"]).succeeded();
    shell.draft("here");
    assert_eq!(shell.json(["list", "Drafts"]).as_array().unwrap().len(), 1);
    assert_eq!(
        shell.json(["list", "Drafts", "--store", "other.store"]),
        json!([])
    );
}

#[test]
fn check_finds_damage() {
    let shell = Shell::with_mails();
    assert_eq!(
        shell.json(["check"]),
        json!({"sound": true, "problems": []})
    );
    assert!(shell.run(["check"]).succeeded().line().starts_with("sound"));
    // One letter of a body, in a row whose checksum then differs.
    let bytes = fs::read(shell.store()).unwrap();
    let at = bytes
        .windows(11)
        .position(|window| window == b"half past t")
        .unwrap();
    File::options()
        .write(true)
        .open(shell.store())
        .unwrap()
        .write_all_at(b"H", at as u64)
        .unwrap();
    let answer = shell.run(["check", "--json"]).ended(8);
    assert_eq!(answer.json()["sound"], false);
    assert!(
        answer.json()["problems"][0]
            .as_str()
            .unwrap()
            .contains("checksum")
    );
    shell.run(["check"]).ended(8);
}

#[test]
fn file_that_is_no_store_is_damage() {
    let shell = Shell::without_store();
    shell.write("mail.store", "Dear diary, ".repeat(100));
    for command in ["folders", "check"] {
        assert_eq!(
            shell.run([command, "--json"]).error(8)["error"],
            "MAPI_E_CORRUPT_STORE"
        );
    }
}

#[test]
fn sql_reads_and_refuses_to_write() {
    let shell = Shell::with_mails();
    let rows = shell.json([
        "sql",
        "SELECT subject, size > 0 AS sized, NULL AS none FROM inspect_messages LIMIT 1",
    ]);
    assert_eq!(
        rows,
        json!([{"subject": "Figures for October", "sized": 1, "none": null}])
    );
    let cells = shell.json([
        "sql",
        "SELECT 9007199254740993 AS big, x'00ff' AS blob, 1.5 AS real, 2 AS big",
    ]);
    assert_eq!(
        cells,
        json!([{"big": "9007199254740993", "blob": "AP8=", "real": 1.5, "big:2": 2}])
    );
    for query in [
        "DELETE FROM messages",
        "UPDATE messages SET row_version = row_version + 1",
        "CREATE TABLE mine (a)",
        "ATTACH 'mine' AS mine",
        "PRAGMA journal_mode = DELETE",
        "VACUUM INTO 'mine'",
    ] {
        assert_eq!(
            shell.run(["sql", query, "--json"]).error(5)["error"],
            "MAPI_E_NO_ACCESS",
            "{query}"
        );
    }
    assert!(!shell.path("mine").exists());
    for query in [
        "",
        "nonsense",
        "SELECT 1; SELECT 2",
        "SELECT * FROM nowhere",
    ] {
        shell.run(["sql", query]).ended(2);
    }
    assert_eq!(shell.query("SELECT count(*) FROM messages"), 4);
}
