//! The full-screen view, driven in a pseudo-terminal while other processes save.

use std::process::Command;

use crate::shell::Shell;
use crate::terminal::Terminal;

/// A draft that `ben` changed after version 1.
pub(crate) fn changed_by_ben() -> (Shell, String) {
    let shell = Shell::new();
    let entry = shell.draft("Figures");
    let theirs = ["set", &entry, "PR_SUBJECT=Theirs", "PR_IMPORTANCE=2"];
    shell.run_as("ben", theirs).succeeded();
    (shell, entry)
}

/// The terminal of somebody who saw version 1.
fn view(shell: &Shell, entry: &str) -> Terminal {
    let arguments = [
        "set",
        entry,
        "PR_SUBJECT=Mine",
        "PR_SENSITIVITY=1",
        "--base",
        "1",
        "--on-conflict",
        "view",
    ];
    Terminal::run(&shell.store(), "me", &arguments)
}

pub(crate) fn subject_and_version(shell: &Shell, entry: &str) -> (String, i64) {
    let message = shell.json(["show", entry]);
    let subject = message["properties"]["PR_SUBJECT"].as_str().unwrap();
    (subject.to_owned(), message["row_version"].as_i64().unwrap())
}

#[test]
fn conflict_is_merged_on_the_full_screen_of_a_terminal() {
    // K1, K2, K5
    let (shell, entry) = changed_by_ben();
    let mut terminal = view(&shell, &entry);
    let screen = terminal.shows("q cancel");
    let time = screen
        .find(" at ")
        .map(|at| screen[at + 4..at + 24].to_owned());
    let screen = screen.replace(&time.unwrap(), "2026-11-22 15:20:11Z");
    let expected = format!(
        "\
Conflict: Mine                                                          {}
theirs  version 2, saved by ben at 2026-11-22 15:20:11Z
yours   built on version 1; not saved yet
────────────────────────────────────────────────────────────────────────────────
>! PR_SUBJECT                     both changed it
     base    (not kept)
     theirs  Theirs
     yours   Mine
   PR_SENSITIVITY                 only yours changed it
",
        &entry[..8]
    );
    let beginning: String = screen
        .lines()
        .take(9)
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(beginning, expected, "{screen}");
    terminal.press("m");
    terminal.shows("1 difference needs your choice");
    terminal.press("y");
    terminal.shows("every difference has its choice");
    terminal.press("m");
    terminal.shows("The message as the merge saves it:");
    terminal.press("\r");
    let (status, screen) = terminal.ends();
    assert!(status.success(), "{screen}");
    assert!(screen.contains(&format!("{entry}  version 3")), "{screen}");
    let message = shell.json(["show", &entry]);
    let properties = &message["properties"];
    assert_eq!(properties["PR_SUBJECT"], "Mine");
    assert_eq!(properties["PR_IMPORTANCE"], 2);
    assert_eq!(properties["PR_SENSITIVITY"], 1);
}

#[test]
fn cancelled_view_writes_nothing_and_leaves_the_terminal_as_it_was() {
    let (shell, entry) = changed_by_ben();
    for keys in ["q", "\u{3}", "mo\u{3}"] {
        let mut terminal = view(&shell, &entry);
        terminal.shows("q cancel");
        terminal.press(keys);
        let (status, screen) = terminal.ends();
        assert_eq!(status.exit_code(), 3, "{screen}");
        assert!(screen.contains("MAPI_E_OBJECT_CHANGED"), "{screen}");
        assert!(screen.contains("yours are kept in /"), "{screen}");
        let found = subject_and_version(&shell, &entry);
        assert_eq!(found, ("Theirs".to_owned(), 2));
    }
    assert_eq!(shell.kept_files().len(), 3);
}

#[test]
fn third_client_makes_the_question_come_again_with_the_newer_state() {
    // K3
    let (shell, entry) = changed_by_ben();
    let mut terminal = view(&shell, &entry);
    terminal.shows("q cancel");
    terminal.press("o");
    terminal.shows("Replace theirs with yours?");
    let third = ["set", &entry, "PR_SUBJECT=Third"];
    shell.run_as("eva", third).succeeded();
    terminal.press("\r");
    terminal.shows("somebody saved meanwhile");
    let screen = terminal.shows("saved by eva");
    assert!(screen.contains("theirs  Third"), "{screen}");
    let found = subject_and_version(&shell, &entry);
    assert_eq!(found, ("Third".to_owned(), 3));
    terminal.press("o");
    terminal.shows("Replace theirs with yours?");
    terminal.press("\r");
    let (status, screen) = terminal.ends();
    assert!(status.success(), "{screen}");
    assert_eq!(subject_and_version(&shell, &entry), ("Mine".to_owned(), 4));
    let kept = shell.query("SELECT group_concat(subject) FROM inspect_versions");
    assert_eq!(kept, "Third");
}

#[test]
fn yours_become_a_message_in_the_folder_that_is_picked() {
    // K2, K6
    let (shell, entry) = changed_by_ben();
    let mut terminal = view(&shell, &entry);
    terminal.shows("q cancel");
    terminal.press("cinbox");
    terminal.shows("> Inbox");
    terminal.press("\r");
    terminal.shows("Save yours as a new message in Inbox?");
    terminal.press("\r");
    let (status, screen) = terminal.ends();
    assert!(status.success(), "{screen}");
    assert_eq!(shell.json(["list", "Inbox"])[0]["subject"], "Mine");
    let found = subject_and_version(&shell, &entry);
    assert_eq!(found, ("Theirs".to_owned(), 2));
}

#[test]
fn signal_gives_the_terminal_back_before_it_ends_the_program() {
    let (shell, entry) = changed_by_ben();
    for signal in ["-TERM", "-INT"] {
        let mut terminal = view(&shell, &entry);
        terminal.shows("q cancel");
        let process = terminal.process_id().to_string();
        let sent = Command::new("kill").args([signal, &process]).status();
        assert!(sent.unwrap().success());
        let (status, screen) = terminal.ends();
        assert!(!status.success() && status.signal().is_some(), "{screen}");
        assert!(screen.contains("yours are kept in /"), "{screen}");
        let found = subject_and_version(&shell, &entry);
        assert_eq!(found, ("Theirs".to_owned(), 2));
    }
}

#[test]
fn wider_terminal_is_used_as_soon_as_it_is_wider() {
    let (shell, entry) = changed_by_ben();
    let mut terminal = view(&shell, &entry);
    terminal.shows("     theirs  Theirs");
    terminal.resize(40, 120);
    terminal.shows("what                    base");
    let row = terminal.shows("(not kept)");
    assert!(row.contains("Theirs"), "{row}");
    terminal.resize(24, 80);
    terminal.shows("     theirs  Theirs");
    terminal.press("q");
    let (status, screen) = terminal.ends();
    assert_eq!(status.exit_code(), 3, "{screen}");
}

#[test]
fn view_without_a_terminal_is_refused_and_nothing_is_written() {
    let (shell, entry) = changed_by_ben();
    let arguments = ["set", &entry, "PR_SUBJECT=Mine", "--base", "1"];
    let answer = shell.run([&arguments[..], &["--on-conflict", "view"]].concat());
    assert!(answer.stderr.contains("terminal"), "{}", answer.stderr);
    answer.ended(1);
    let found = subject_and_version(&shell, &entry);
    assert_eq!(found, ("Theirs".to_owned(), 2));
}
