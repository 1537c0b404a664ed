//! What is printed, whatever the command.

use std::fs::File;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::shell::Shell;

/// The names of an object's members, in the order in which they were printed.
fn names_in_order(line: &str) -> Vec<String> {
    let object: Value = serde_json::from_str(line).unwrap();
    let mut names: Vec<String> = object.as_object().unwrap().keys().cloned().collect();
    names.sort_by_key(|name| line.find(&format!("\"{name}\":")));
    names
}

#[test]
fn json_has_the_members_that_are_promised_in_their_order() {
    let shell = Shell::with_mails();
    let list = shell.run(["list", "Inbox", "--json"]).succeeded().stdout;
    let first = list
        .lines()
        .next()
        .unwrap()
        .trim_start_matches('[')
        .trim_end_matches(',');
    assert_eq!(
        names_in_order(first),
        [
            "entry_id",
            "row_version",
            "subject",
            "sender",
            "received",
            "size",
            "read",
            "has_attachments"
        ]
    );
    let entry = shell.json(["list", "Inbox", "--sort", "subject"])[0]["entry_id"].clone();
    let shown = shell
        .run(["show", entry.as_str().unwrap(), "--json"])
        .succeeded();
    assert_eq!(
        names_in_order(shown.line()),
        [
            "entry_id",
            "row_version",
            "change_number",
            "folder",
            "properties",
            "recipients",
            "attachments",
            "flags"
        ]
    );
    let message = shown.json();
    assert_eq!(message["folder"], "Inbox");
    assert_eq!(message["properties"]["PR_SUBJECT"], "Figures for October");
    assert_eq!(
        message["properties"]["PR_CLIENT_SUBMIT_TIME"],
        "2026-11-02T08:12:05.0000000Z"
    );
    assert_eq!(
        message["recipients"][1],
        json!({"kind": "cc", "name": "Chiara Rossi", "address_type": "SMTP", "address": "chiara@example.org"})
    );
    let attachment = &message["attachments"][0];
    assert_eq!(
        (
            &attachment["number"],
            &attachment["name"],
            &attachment["method"],
            &attachment["size"]
        ),
        (
            &json!(0),
            &json!("figures.csv"),
            &json!("by-value"),
            &json!(82)
        )
    );
    let sql = format!("SELECT change_number FROM inspect_messages WHERE entry_id = {entry}")
        .replace('"', "'");
    assert_eq!(message["change_number"], shell.query(&sql));
}

#[test]
fn hostile_text_does_nothing_to_a_terminal() {
    let shell = Shell::new();
    let hostile = "a\u{1b}[2J\u{9b}31m\u{202e}\u{7}\r\nb";
    shell
        .run([
            "new",
            "Drafts",
            &format!("PR_SUBJECT={hostile}"),
            &format!("PR_BODY={hostile}"),
        ])
        .succeeded();
    shell
        .run(["import", "/nonexistent\u{1b}[2J", "--folder", "Inbox"])
        .ended(1);
    let entry = shell.json(["list", "Drafts"])[0]["entry_id"]
        .as_str()
        .unwrap()
        .to_owned();
    shell
        .run_as("evil\u{1b}[2J", ["set", &entry, "PR_IMPORTANCE=1"])
        .succeeded();
    let harmful = |text: &str| {
        text.chars().any(|character| {
            (character.is_control() && character != '\n') || character == '\u{202e}'
        })
    };
    for arguments in [
        &["list", "Drafts"][..],
        &["show", &entry],
        &["watch", "--since", "0", "--count", "2"],
        &["sql", "SELECT subject, modified_by FROM inspect_messages"],
        &["sql", "SELECT char(27, 91, 50, 74) AS \"\u{1b}[2J\""],
        &["set", &entry, "PR_IMPORTANCE=1", "--base", "1"],
        &[
            "set",
            &entry,
            "PR_IMPORTANCE=1",
            "--base",
            "1",
            "--on-conflict",
            "keep",
        ],
        &["show", "\u{1b}[2J"],
        &["list", "\u{1b}[2J"],
        &["import", "\u{1b}[2J", "--folder", "Inbox"],
    ] {
        for arguments in [arguments.to_vec(), [arguments, &["--json"]].concat()] {
            let answer = shell.run(&arguments);
            assert!(
                !harmful(&answer.stdout) && !harmful(&answer.stderr),
                "{arguments:?} {answer:?}"
            );
        }
    }
    assert_eq!(
        shell.json(["show", &entry])["properties"]["PR_SUBJECT"],
        hostile
    );
}

#[test]
fn reader_that_has_read_enough_is_no_error() {
    let shell = Shell::with_mails();
    for arguments in [
        &["list", "Inbox", "--json"][..],
        &["check"],
        &["sql", "SELECT 1"],
    ] {
        let mut child = shell
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), output.stderr),
            (Some(0), Vec::new()),
            "{arguments:?}"
        );
    }
}

#[test]
fn answer_that_cannot_be_written_is_an_error() {
    let Ok(full) = File::options().write(true).open("/dev/full") else {
        return;
    };
    let shell = Shell::with_mails();
    let status = shell
        .command(["list", "Inbox"])
        .stdout(full)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(1));
}

#[test]
fn help_explains_itself_and_mistakes_end_with_two() {
    let shell = Shell::without_store();
    let help = shell.run(["--help"]).succeeded().stdout;
    for command in [
        "demo", "init", "import", "folders", "list", "show", "new", "set", "delete", "move",
        "watch", "check", "sql",
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{command}");
        assert!(
            shell
                .run([command, "--help"])
                .succeeded()
                .stdout
                .contains("Examples:"),
            "{command}"
        );
    }
    assert!(!help.contains("session"));
    for wrong in [
        &[][..],
        &["nonsense"],
        &["list"],
        &["list", "a", "b"],
        &["--timeout", "-1", "folders"],
    ] {
        let answer = shell.run(wrong).ended(2);
        assert!(answer.stdout.is_empty() && !answer.stderr.is_empty());
    }
    let error = shell.run(["list", "--json"]).error(2);
    assert_eq!(
        (&error["error"], &error["code"]),
        (&json!("MAPI_E_INVALID_PARAMETER"), &json!("0x80070057"))
    );
}

#[test]
fn what_else_is_known_of_a_recipient_is_shown() {
    let shell = Shell::new();
    let store = mapistore::Store::options().open(shell.store()).unwrap();
    let drafts = store
        .special_folder(mapistore::SpecialFolder::Drafts)
        .unwrap();
    let mut draft = drafts.create_message().unwrap();
    let row = mapistore::RecipientChange::new(vec![
        (
            mapistore::pr::DISPLAY_NAME.tag(),
            "Ana\u{1b}[2J".to_owned().into(),
        ),
        (mapistore::pr::COMMENT.tag(), "a\u{202e}b".to_owned().into()),
    ]);
    draft
        .modify_recipients(mapistore::ModifyRecipients::Add, &[row])
        .unwrap();
    let saved = draft.save_changes(mapistore::SaveFlags::empty()).unwrap();
    let entry = saved.entry_id.object().to_string();
    let message = shell.json(["show", &entry]);
    let expected = json!({"PR_COMMENT": "a\u{202e}b"});
    assert_eq!(message["recipients"][0]["properties"], expected);
    let shown = shell.run(["show", &entry, "--full"]).succeeded().stdout;
    assert!(
        shown.contains("Ana\\u{1b}[2J  PR_COMMENT  a\\u{202e}b\n"),
        "{shown}"
    );
    let short = shell.run(["show", &entry]).succeeded().stdout;
    assert!(!short.contains("PR_COMMENT"), "{short}");
}
