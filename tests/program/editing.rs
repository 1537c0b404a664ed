//! `edit` with scripts in place of an editor, and `set` where somebody is asked.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::shell::{Answer, Shell};

/// A message with all that `edit` shows.
fn message(shell: &Shell) -> String {
    let new = [
        "new",
        "Drafts",
        "PR_SUBJECT=Figures",
        "PR_BODY=one\ntwo",
        "--to=Ana <ana@example.org>",
        "--cc=ben@example.org",
    ];
    shell.run(new).succeeded().line().to_owned()
}

/// `edit` with a script as the editor, which finds the file in `$1`.
fn edit(shell: &Shell, entry: &str, script: &str) -> Command {
    let editor = shell.write("editor.sh", script);
    let mut command = shell.command(["edit", entry]);
    command
        .env("VISUAL", "")
        .env("EDITOR", format!("sh '{}'", editor.display()))
        .env("XDG_STATE_HOME", shell.path("state"));
    command
}

/// What an edit that failed has kept.
#[track_caller]
fn kept(shell: &Shell, stderr: &str) -> String {
    let [file] = &shell.kept_files()[..] else {
        panic!("{:?}: {stderr}", shell.kept_files())
    };
    assert!(stderr.contains(file.to_str().unwrap()), "{stderr}");
    let mode = fs::metadata(file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    fs::read_to_string(file).unwrap()
}

fn stderr(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    stderr
}

#[test]
fn edit_shows_a_message_as_text_and_saves_what_was_changed() {
    let shell = Shell::new();
    let entry = message(&shell);
    let script = "cp \"$1\" shown; sed -i -e 's/Figures/Figures, corrected/' -e 's/^two/zwei/' \
        -e 's/^Bcc:.*/Bcc: Cem <cem@example.org>/' \"$1\"";
    stderr(&mut edit(&shell, &entry, script), 0);
    assert_eq!(
        fs::read_to_string(shell.path("shown")).unwrap(),
        "Subject: Figures\nTo: Ana <ana@example.org>\nCc: ben@example.org\nBcc: \n\none\ntwo\n"
    );
    let now = shell.json(["show", &entry]);
    assert_eq!(now["row_version"], 2);
    assert_eq!(now["properties"]["PR_SUBJECT"], "Figures, corrected");
    assert_eq!(now["properties"]["PR_BODY"], "one\nzwei");
    let kinds: Vec<_> = now["recipients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["kind"].clone(), one["address"].clone()))
        .collect();
    let expected = [("to", "ana"), ("cc", "ben"), ("bcc", "cem")];
    let expected = expected.map(|(kind, name)| (json!(kind), json!(format!("{name}@example.org"))));
    assert_eq!(kinds, expected);
    assert_eq!(shell.kept_files(), Vec::<PathBuf>::new());
}

#[test]
fn html_goes_only_with_the_text_and_the_editor_says_so_before() {
    for (script, has_html) in [
        ("sed -i 's/Figures/Numbers/' \"$1\"", true),
        ("cp \"$1\" shown; sed -i 's/^two/zwei/' \"$1\"", false),
    ] {
        let shell = Shell::new();
        let entry = message(&shell);
        let html = ["set", &entry, "PR_HTML=PGI+b25lPC9iPg=="];
        shell.run(html).succeeded();
        let told = stderr(&mut edit(&shell, &entry, script), 0);
        let now = shell.json(["show", &entry]);
        assert_eq!(now["properties"].get("PR_HTML").is_some(), has_html);
        assert_eq!(told.contains("which is gone"), !has_html, "{told}");
        if !has_html {
            let shown = fs::read_to_string(shell.path("shown")).unwrap();
            let remark = "# This message also has its text as HTML or RTF. Changing the text below drops that for good.";
            assert!(shown.lines().any(|line| line == remark), "{shown}");
        }
    }
}

#[test]
fn text_that_is_not_changed_saves_nothing() {
    let shell = Shell::new();
    let entry = message(&shell);
    for script in ["true", "sed -i 's/ *$//' \"$1\""] {
        stderr(&mut edit(&shell, &entry, script), 0);
        assert_eq!(shell.json(["show", &entry])["row_version"], 1);
        assert_eq!(shell.kept_files(), Vec::<PathBuf>::new());
    }
}

#[test]
fn editor_that_fails_leaves_its_text_in_a_file_that_is_named() {
    let shell = Shell::new();
    let entry = message(&shell);
    let script = "echo more >> \"$1\"; exit 7";
    let told = stderr(&mut edit(&shell, &entry, script), 1);
    assert!(kept(&shell, &told).ends_with("two\nmore\n"));
    assert_eq!(shell.json(["show", &entry])["row_version"], 1);
}

#[test]
fn text_that_is_no_message_is_kept() {
    let shell = Shell::new();
    let entry = message(&shell);
    let script = "echo 'no heading' > \"$1\"";
    let told = stderr(&mut edit(&shell, &entry, script), 1);
    assert_eq!(kept(&shell, &told), "no heading\n");
    assert_eq!(shell.json(["show", &entry])["row_version"], 1);
}

#[test]
fn somebody_who_saves_while_the_editor_is_open_makes_edit_keep_its_text() {
    let shell = Shell::new();
    let entry = message(&shell);
    let program = env!("CARGO_BIN_EXE_mapistore");
    let script =
        format!("echo more >> \"$1\"; USER=ben '{program}' set {entry} PR_SUBJECT=theirs >&2");
    let told = stderr(&mut edit(&shell, &entry, &script), 3);
    assert!(told.contains("saved by ben"), "{told}");
    assert!(kept(&shell, &told).ends_with("two\nmore\n"));
    let now = shell.json(["show", &entry]);
    assert_eq!(now["properties"]["PR_SUBJECT"], "theirs");
    assert_eq!(now["properties"]["PR_BODY"], "one\ntwo");
}

#[test]
fn message_deleted_while_the_editor_is_open_makes_edit_keep_its_text() {
    let shell = Shell::new();
    let entry = message(&shell);
    let program = env!("CARGO_BIN_EXE_mapistore");
    let script = format!("echo more >> \"$1\"; '{program}' delete {entry} --hard >&2");
    let mut command = edit(&shell, &entry, &script);
    let output = command.arg("--json").output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let error: serde_json::Value = serde_json::from_str(stderr.lines().last().unwrap()).unwrap();
    assert_eq!(error["error"], "MAPI_E_OBJECT_DELETED");
    let [file] = &shell.kept_files()[..] else {
        panic!("{stderr}")
    };
    assert_eq!(error["file"], file.to_str().unwrap());
}

/// `set` on top of version 1 of a message at version 2, asked with these answers.
fn asked(shell: &Shell, entry: &str, answers: &str) -> (Option<i32>, String) {
    let arguments = [
        "set",
        entry,
        "PR_SUBJECT=mine",
        "--base=1",
        "--on-conflict=ask",
    ];
    let mut command = shell.command(arguments);
    command.env("XDG_STATE_HOME", shell.path("state"));
    let answer = Answer::fed(&mut command, answers);
    (answer.code, answer.stderr)
}

fn changed_message(shell: &Shell) -> String {
    let entry = shell.draft("base");
    let set = ["set", &entry, "PR_SUBJECT=theirs", "PR_IMPORTANCE=2"];
    shell.run_as("ben", set).succeeded();
    entry
}

#[test]
fn set_asks_what_is_to_become_of_a_conflict() {
    for (answers, subject, version, files_kept) in [
        ("c\n", "theirs", 2, 0),
        ("\n", "theirs", 2, 0),
        ("k\n", "theirs", 2, 1),
        ("o\n", "mine", 3, 0),
        ("m\ny\n", "mine", 3, 0),
        // What was mine is nowhere else.
        ("m\ne\nboth\n", "both", 3, 1),
    ] {
        let shell = Shell::new();
        let entry = changed_message(&shell);
        let (code, stderr) = asked(&shell, &entry, answers);
        assert_eq!(code, Some(0), "{answers:?}: {stderr}");
        let now = shell.json(["show", &entry]);
        assert_eq!(now["properties"]["PR_SUBJECT"], subject, "{answers:?}");
        assert_eq!(now["row_version"], version, "{answers:?}");
        assert_eq!(now["properties"]["PR_IMPORTANCE"], 2);
        assert_eq!(shell.kept_files().len(), files_kept, "{answers:?}");
    }
}

#[test]
fn set_that_nobody_answers_keeps_its_changes_in_a_file() {
    for answers in ["", "q\n"] {
        let shell = Shell::new();
        let entry = changed_message(&shell);
        let (code, stderr) = asked(&shell, &entry, answers);
        assert_eq!(code, Some(3), "{stderr}");
        let kept: serde_json::Value = serde_json::from_str(&kept(&shell, &stderr)).unwrap();
        assert_eq!(kept["properties"]["PR_SUBJECT"], "mine");
        assert_eq!(
            (&kept["entry_id"], &kept["base_version"]),
            (&json!(entry), &json!(1))
        );
        assert_eq!(shell.json(["show", &entry])["row_version"], 2);
    }
}

#[test]
fn set_can_overwrite_what_it_names_and_keeps_what_it_replaces() {
    let shell = Shell::new();
    let entry = changed_message(&shell);
    let how = ["--base=1", "--on-conflict=overwrite"];
    let set = [&["set", &entry, "PR_SUBJECT=mine"][..], &how].concat();
    shell.run(set).succeeded();
    let now = shell.json(["show", &entry]);
    assert_eq!(now["properties"]["PR_SUBJECT"], "mine");
    assert_eq!(now["properties"]["PR_IMPORTANCE"], 2, "it was not named");
    assert_eq!(
        shell.json([
            "sql",
            "SELECT row_version, reason, subject FROM inspect_versions"
        ]),
        json!([{"row_version": 2, "reason": "overwrite", "subject": "theirs"}])
    );
}
