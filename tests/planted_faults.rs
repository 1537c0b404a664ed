//! The classic mistakes, planted in the library one at a time: `stress` catches each, by name.
//!
//! `cargo test --release --features planted-faults --test planted_faults`

#![cfg(all(feature = "cli", feature = "planted-faults"))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's panic is its report"
)]

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Runs `stress` until it finds the violation, for at most a minute.
#[track_caller]
fn is_caught(fault: &str, violation: &str, processes: &str, messages: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut found = Vec::new();
    while Instant::now() < deadline {
        let output = Command::new(env!("CARGO_BIN_EXE_mapistore"))
            .env_remove("MAPISTORE")
            .env("MAPISTORE_PLANTED_FAULT", fault)
            .args([
                "stress",
                "--json",
                "--seconds",
                "3",
                "--durability",
                "normal",
            ])
            .args(["--processes", processes, "--messages", messages])
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
            let stderr = String::from_utf8_lossy(&output.stderr);
            Value::String(stderr.into_owned())
        });
        let names = report["violations"].as_array().cloned().unwrap_or_default();
        let names: Vec<Value> = names.iter().map(|one| one["violation"].clone()).collect();
        if names.iter().any(|name| name == violation) {
            assert_eq!(output.status.code(), Some(1));
            return;
        }
        found.push((names, report));
    }
    panic!("{fault} was not caught as {violation} in a minute, only {found:#?}");
}

#[test]
fn without_a_planted_fault_nothing_is_found() {
    let output = Command::new(env!("CARGO_BIN_EXE_mapistore"))
        .env_remove("MAPISTORE")
        .args([
            "stress",
            "--seconds",
            "2",
            "--processes",
            "4",
            "--messages",
            "4",
        ])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[test]
fn checking_first_and_writing_later_is_caught() {
    is_caught("check-then-write", "lost-update", "8", "4");
}

#[test]
fn a_swallowed_object_changed_is_caught() {
    is_caught("swallowed-object-changed", "lost-update", "8", "4");
}

#[test]
fn a_forced_save_that_revives_a_deleted_message_is_caught() {
    is_caught("revived-by-force", "revived-message", "4", "4");
}

#[test]
fn a_body_that_is_read_later_than_its_message_is_caught() {
    is_caught("late-body", "torn-read", "8", "2");
}

#[test]
fn attachments_that_are_read_later_than_their_message_are_caught() {
    is_caught("late-attachments", "torn-read", "8", "2");
}

#[test]
fn a_version_that_is_taken_twice_is_caught() {
    is_caught("version-twice", "version-taken-twice", "4", "4");
}

#[test]
fn an_acknowledged_save_that_was_never_written_is_caught() {
    is_caught("never-written", "unrecorded-save", "4", "8");
}

#[test]
fn an_overwrite_that_keeps_nothing_is_caught() {
    is_caught("overwrite-keeps-nothing", "value-lost", "4", "4");
}

#[test]
fn a_merge_that_drops_theirs_is_caught() {
    is_caught("merge-drops-theirs", "wrong-resolution", "4", "4");
}

#[test]
fn a_resolution_of_what_was_not_shown_is_caught() {
    is_caught("resolves-unseen", "lost-update", "8", "2");
}
