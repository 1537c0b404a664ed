//! `stress` as a user runs it: in a short time, with real processes, on the store as it is.

#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn stress(arguments: &[&str]) -> (Output, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_mapistore"))
        .env_remove("MAPISTORE")
        .args(["stress", "--json"])
        .args(arguments)
        .output()
        .unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output, report)
}

#[track_caller]
fn no_violation(arguments: &[&str]) -> Value {
    let (output, report) = stress(arguments);
    assert!(
        output.status.success(),
        "{report:#}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(report["violations"], Value::Array(Vec::new()), "{report:#}");
    // Each of the outcomes that the judge is there for did come.
    for count in [
        "saves",
        "forced",
        "object_changed",
        "resolved",
        "reads",
        "least",
    ] {
        assert!(
            report[count].as_u64().unwrap() > 0,
            "no {count}: {report:#}"
        );
    }
    report
}

#[test]
fn four_processes_leave_nothing_to_find_under_full_durability() {
    no_violation(&["--processes", "4", "--seconds", "2", "--messages", "8"]);
}

#[test]
fn four_processes_leave_nothing_to_find_under_normal_durability() {
    no_violation(&[
        "--processes",
        "4",
        "--seconds",
        "2",
        "--messages",
        "8",
        "--durability",
        "normal",
    ]);
}

#[test]
fn killed_processes_leave_nothing_to_find() {
    let report = no_violation(&[
        "--processes",
        "4",
        "--seconds",
        "3",
        "--messages",
        "4",
        "--kill",
        "--seed",
        "7",
    ]);
    assert!(report["kills"].as_u64().unwrap() > 0, "{report:#}");
    assert_eq!(report["seed"], 7);
}

#[test]
fn a_kept_history_is_judged_again_and_what_is_added_to_it_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records");
    let store = folder.path().join("stress.store");
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let (records, store) = (path(&records), path(&store));
    let run = [
        "--seconds",
        "1",
        "--processes",
        "2",
        "--messages",
        "4",
        "--history",
        &records,
    ];
    no_violation(&[&run[..], &["--store", &store]].concat());

    let (output, report) = stress(&["--judge", &records]);
    assert!(output.status.success(), "{report:#}");
    assert!(report["saves"].as_u64().unwrap() > 0);

    let journal = format!("{records}/journal.jsonl");
    let rows = std::fs::read_to_string(&journal).unwrap();
    let last_save = rows
        .lines()
        .rfind(|row| row.contains("message-saved"))
        .unwrap();
    let without: Vec<&str> = rows.lines().filter(|row| *row != last_save).collect();
    std::fs::write(&journal, without.join("\n") + "\n").unwrap();
    let (output, report) = stress(&["--judge", &records]);
    assert_eq!(output.status.code(), Some(1));
    assert!(report.to_string().contains("unrecorded-save"), "{report:#}");
    assert!(report["lost_updates"].as_u64().unwrap() > 0);

    // Neither a store nor records that are there already are used again.
    let before = std::fs::read(&store).unwrap();
    let (output, _) = stress(&["--seconds", "1", "--processes", "2", "--store", &store]);
    assert!(output.status.success());
    assert!(std::fs::read(&store).unwrap() == before);
    let (output, _) = stress(&["--seconds", "1", "--history", &records]);
    assert_eq!(output.status.code(), Some(2));
    let (output, _) = stress(&["--judge", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
}
