//! The prompt at a terminal: each key, and what is in the store afterwards.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::full_screen::{changed_by_ben, subject_and_version};
use crate::shell::Shell;
use crate::terminal::Terminal;

const QUESTION: &str = "Your choice [c]:";

/// The terminal of somebody who saw version 1, and did not say what a conflict is to become.
fn set(shell: &Shell, entry: &str) -> Terminal {
    let properties = ["PR_SUBJECT=Mine", "PR_SENSITIVITY=1"];
    let arguments = [&["set", entry][..], &properties, &["--base", "1"]].concat();
    Terminal::run(&shell.store(), "me", &arguments)
}

/// What is on the full screen when it has been drawn.
const SCREEN: &str = "q back to the questions";

#[test]
fn conflict_at_a_terminal_is_asked_about_and_the_whole_of_it_is_shown() {
    // K1, K5
    let (shell, entry) = changed_by_ben();
    let mut terminal = set(&shell, &entry);
    let screen = terminal.shows(QUESTION);
    // What is another in each run, and where a long path is broken.
    let (before, after) = screen.split_once(" at ").unwrap();
    let screen = format!("{before} at 2026-11-22 15:20:11Z{}", &after[20..]);
    let (before, _) = screen.split_once("Yours are in /").unwrap();
    let file = "Yours are in /home/me/.local/state/mapistore/3f2a9c01-bN8QfK.json";
    let screen = format!("{before}{file}\n{QUESTION}\n");
    let expected = "\
Another client changed this message meanwhile; base is what both began with.
theirs  version 2, saved by ben at 2026-11-22 15:20:11Z
yours   built on version 1; not saved yet
property        base        theirs  yours  changed by
PR_SUBJECT      (not kept)  Theirs  Mine   both
PR_SENSITIVITY  0           0       1      yours
  c  save yours as a new message in Conflicts (Enter)
  k  keep theirs; yours stay in the file below
  m  merge both; you are asked where both changed the same
  o  replace theirs with yours; theirs are kept as a version
  v  view all of it on the full screen, and choose there
  q  decide later: nothing is saved, yours stay in the file below
Yours are in /home/me/.local/state/mapistore/3f2a9c01-bN8QfK.json
Your choice [c]:
";
    assert_eq!(screen, expected);
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/conflicts.md");
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains(&format!("```text\n{expected}```")));
    terminal.press("q");
    terminal.ends();
}

#[test]
fn each_key_of_the_prompt_does_what_it_says() {
    // K2, K4
    for (keys, code, subject, version, files, kept) in [
        (&["k"][..], 0, "Theirs", 2, 1, 0),
        (&["o"], 0, "Mine", 3, 0, 1),
        (&["c"], 0, "Theirs", 2, 0, 0),
        (&["\r"], 0, "Theirs", 2, 0, 0),
        (&["m", "t"], 0, "Theirs", 3, 1, 1),
        (&["m", "y"], 0, "Mine", 3, 0, 1),
        (&["m", "e", "Both\r"], 0, "Both", 3, 1, 1),
        (&["m", "q", "q"], 3, "Theirs", 2, 1, 0),
        (&["x", "q"], 3, "Theirs", 2, 1, 0),
        (&["\u{1b}"], 3, "Theirs", 2, 1, 0),
        (&["\u{3}"], 130, "Theirs", 2, 1, 0),
        (&["m", "\u{3}"], 130, "Theirs", 2, 1, 0),
    ] {
        let (shell, entry) = changed_by_ben();
        let mut terminal = set(&shell, &entry);
        terminal.shows(QUESTION);
        for key in keys {
            terminal.press(key);
            if let Some(next) = match *key {
                "m" => Some("Take [t]heirs, [y]ours, [e] another value"),
                "e" => Some("Value:"),
                "x" => Some("That is none of the keys."),
                _ => None,
            } {
                terminal.shows(next);
            }
        }
        let (status, screen) = terminal.ends();
        assert_eq!(status.exit_code(), code, "{keys:?}: {screen}");
        let found = subject_and_version(&shell, &entry);
        assert_eq!(found, (subject.to_owned(), version), "{keys:?}");
        let in_files = shell.kept_files();
        assert_eq!(in_files.len(), files, "{keys:?}: {screen}");
        for file in &in_files {
            let name = file.file_name().unwrap().to_str().unwrap();
            assert!(screen.contains(name), "{keys:?}: {screen}");
            assert!(fs::read_to_string(file).unwrap().contains("\"Mine\""));
        }
        let versions = shell.query("SELECT count(*) FROM inspect_versions");
        assert_eq!(versions, kept, "{keys:?}");
        let remark = format!(
            "theirs are kept as version 2: mapistore restore {} 2",
            &entry[..8]
        );
        assert_eq!(screen.contains(&remark), version == 3, "{screen}");
        let sensitivity = &shell.json(["show", &entry])["properties"]["PR_SENSITIVITY"];
        assert_eq!(*sensitivity == 1, version == 3, "{keys:?}");
        let copies = shell.json(["conflicts"]);
        let is_copied = matches!(keys, ["c"] | ["\r"]);
        assert_eq!(copies.as_array().unwrap().len(), usize::from(is_copied));
        if is_copied {
            let copy = (&copies[0]["subject"], &copies[0]["original"]);
            assert_eq!(copy, (&json!("Mine"), &json!(entry)));
        }
    }
}

#[test]
fn view_is_a_key_away_and_comes_back_to_the_prompt_without_an_answer() {
    // K2, K5
    for (keys, code, subject, version) in [
        (&["o", "\r"][..], 0, "Mine", 3),
        (&["Ym", "\r"], 0, "Mine", 3),
        (&["q", "k"], 0, "Theirs", 2),
        (&["\u{3}", "q"], 3, "Theirs", 2),
    ] {
        let (shell, entry) = changed_by_ben();
        let mut terminal = set(&shell, &entry);
        terminal.shows(QUESTION);
        terminal.press("v");
        terminal.shows(SCREEN);
        for key in keys {
            terminal.press(key);
            terminal.shows(match *key {
                "o" => "Replace theirs with yours?",
                "Ym" => "The message as the merge saves it:",
                "q" | "\u{3}" if *key == keys[0] => QUESTION,
                _ => continue,
            });
        }
        let (status, screen) = terminal.ends();
        assert_eq!(status.exit_code(), code, "{keys:?}: {screen}");
        let found = subject_and_version(&shell, &entry);
        assert_eq!(found, (subject.to_owned(), version), "{keys:?}");
        let files = shell.kept_files().len();
        assert_eq!(files, usize::from(version == 2), "{keys:?}");
    }
}

#[test]
fn third_client_makes_the_prompt_ask_again_about_the_newer_state() {
    // K3
    let (shell, entry) = changed_by_ben();
    let mut terminal = set(&shell, &entry);
    terminal.shows(QUESTION);
    let third = ["set", &entry, "PR_SUBJECT=Third"];
    shell.run_as("eva", third).succeeded();
    terminal.press("o");
    let screen = terminal.shows("version 3, saved by eva");
    assert!(screen.contains("somebody saved meanwhile"), "{screen}");
    let found = subject_and_version(&shell, &entry);
    assert_eq!(found, ("Third".to_owned(), 3));
    terminal.press("v");
    let screen = terminal.shows(SCREEN);
    assert!(screen.contains("theirs  Third"), "{screen}");
    terminal.press("o");
    terminal.shows("Replace theirs with yours?");
    let fourth = ["set", &entry, "PR_SUBJECT=Fourth"];
    shell.run_as("eva", fourth).succeeded();
    terminal.press("\r");
    // Not the same words of the prompt, which the screen covers.
    let screen = terminal.shows("── somebody saved meanwhile");
    assert!(screen.contains("theirs  Fourth"), "{screen}");
    terminal.press("q");
    terminal.shows(QUESTION);
    terminal.press("o");
    let (status, screen) = terminal.ends();
    assert!(status.success(), "{screen}");
    assert_eq!(subject_and_version(&shell, &entry), ("Mine".to_owned(), 5));
    let kept = shell.query("SELECT group_concat(subject) FROM inspect_versions");
    assert_eq!(kept, "Fourth");
}

#[test]
fn terminal_that_goes_away_leaves_yours_in_a_file() {
    // S8
    for is_on_screen in [false, true] {
        let (shell, entry) = changed_by_ben();
        let mut terminal = set(&shell, &entry);
        terminal.shows(QUESTION);
        if is_on_screen {
            terminal.press("v");
            terminal.shows(SCREEN);
        }
        let process = terminal.process_id().to_string();
        let sent = Command::new("kill").args(["-HUP", &process]).status();
        assert!(sent.unwrap().success());
        assert!(!terminal.loses_its_terminal().success());
        let [file] = &shell.kept_files()[..] else {
            panic!("{:?}", shell.kept_files())
        };
        assert!(fs::read_to_string(file).unwrap().contains("\"Mine\""));
        let found = subject_and_version(&shell, &entry);
        assert_eq!(found, ("Theirs".to_owned(), 2));
    }
}

#[test]
fn signal_at_the_prompt_ends_the_program_and_gives_the_terminal_back() {
    // S8
    let (shell, entry) = changed_by_ben();
    let mut other = Terminal::run(&shell.store(), "me", &["folders"]);
    assert!(other.exits().success());
    let mode = other.mode();
    for signal in ["-TERM", "-INT"] {
        let mut terminal = set(&shell, &entry);
        terminal.shows(QUESTION);
        assert_ne!(terminal.mode(), mode);
        let process = terminal.process_id().to_string();
        let sent = Command::new("kill").args([signal, &process]).status();
        assert!(sent.unwrap().success());
        assert!(!terminal.exits().success());
        assert_eq!(terminal.mode(), mode, "{signal}");
    }
    assert_eq!(shell.kept_files().len(), 2);
    let found = subject_and_version(&shell, &entry);
    assert_eq!(found, ("Theirs".to_owned(), 2));
}

#[test]
fn editor_that_has_a_use_for_ctrl_c_goes_on_and_its_text_is_saved() {
    let shell = Shell::new();
    let new = ["new", "Drafts", "PR_SUBJECT=Figures", "PR_BODY=one"];
    let entry = shell.run(new).succeeded().line().to_owned();
    let script = "trap '' INT; echo editing; read line; echo more >> \"$1\"";
    let editor = format!("sh '{}'", shell.write("editor.sh", script).display());
    let store = shell.store();
    let mut terminal = Terminal::run_with_editor(&store, "me", &["edit", &entry], &editor);
    terminal.shows("editing");
    terminal.press("\u{3}");
    terminal.shows("^C");
    terminal.press("\n");
    let (status, screen) = terminal.ends();
    assert!(status.success(), "{screen}");
    let shown = shell.run(["show", &entry, "--json"]).succeeded().json();
    assert_eq!(shown["properties"]["PR_BODY"], json!("one\nmore"));
    assert!(shell.kept_files().is_empty());
}

#[test]
fn somebody_who_saves_while_the_editor_is_open_makes_edit_ask() {
    // K1, K2
    for (keys, subject, body, version, files) in [
        ("k", "theirs", "one\ntwo", 2, 1),
        ("m", "theirs", "one\ntwo\nmore", 3, 0),
        ("o", "Figures", "one\ntwo\nmore", 3, 0),
        ("c", "theirs", "one\ntwo", 2, 0),
        ("vo\r", "Figures", "one\ntwo\nmore", 3, 0),
    ] {
        let shell = Shell::new();
        let new = ["new", "Drafts", "PR_SUBJECT=Figures", "PR_BODY=one\ntwo"];
        let entry = shell.run(new).succeeded().line().to_owned();
        let program = env!("CARGO_BIN_EXE_mapistore");
        let store = shell.store();
        let script = format!(
            "echo more >> \"$1\"; USER=ben '{program}' --store '{}' set {entry} PR_SUBJECT=theirs >saved",
            store.display()
        );
        let editor = shell.write("editor.sh", script);
        let editor = format!(
            "cd '{}'; sh '{}'",
            shell.path(".").display(),
            editor.display()
        );
        let mut terminal = Terminal::run_with_editor(&store, "me", &["edit", &entry], &editor);
        let screen = terminal.shows(QUESTION);
        assert!(screen.contains("version 2, saved by ben"), "{screen}");
        for key in keys.chars() {
            terminal.press(&key.to_string());
            terminal.shows(match (key, keys) {
                ('v', _) => SCREEN,
                ('o', "vo\r") => "Replace theirs with yours?",
                _ => continue,
            });
        }
        let (status, screen) = terminal.ends();
        assert!(status.success(), "{keys}: {screen}");
        let now = shell.json(["show", &entry, "--full"]);
        assert_eq!(now["properties"]["PR_SUBJECT"], subject, "{keys}");
        assert_eq!(now["properties"]["PR_BODY"], body, "{keys}");
        assert_eq!(now["row_version"], version, "{keys}");
        // The text that somebody wrote is kept where the store does not hold it.
        let in_files = shell.kept_files();
        assert_eq!(in_files.len(), files, "{keys}");
        for file in in_files {
            assert!(fs::read_to_string(file).unwrap().ends_with("two\nmore\n"));
        }
    }
}
