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

/// Whether a terminal would do something else with a text than show it.
fn harmful(text: &str) -> bool {
    text.chars()
        .any(|character| (character.is_control() && character != '\n') || character == '\u{202e}')
}

#[test]
fn no_command_prints_a_text_that_drives_a_terminal() {
    let shell = Shell::new();
    let hostile = "a\u{1b}[2J\u{9b}31m\u{202e}\u{7}\u{8}\rb";
    let folder = "turned\u{202e}round";
    let mail = shell.write(
        "mail\u{1b}[2J\u{202e}.eml",
        format!(
            "From: \"{hostile}\" <a@example.org>\r\nTo: =?utf-8?q?=1B=5B2J=E2=80=AE?= <b@example.org>\r\n\
             Subject: =?utf-8?q?=1B=5B2J=E2=80=AE=07?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
             --b\r\n\r\n{hostile}\r\n--b\r\nContent-Type: application/octet-stream\r\n\
             Content-Disposition: attachment; filename*=utf-8''%1B%5B2J%E2%80%AE.csv\r\n\r\nx\r\n--b--\r\n"
        ),
    );
    let mail = mail.to_str().unwrap();
    let entry_of = |folder: &str| {
        let list = shell.json(["list", folder]);
        list[0]["entry_id"].as_str().unwrap().to_owned()
    };
    shell.run(["import", mail, "--folder", folder]).succeeded();
    let entry = entry_of(folder);
    let named = "PS_PUBLIC_STRINGS:evil\u{1b}[2J\u{202e}:PT_UNICODE";
    let mut session = shell.session();
    session.tell(&format!("open {entry}"));
    session.tell(&format!("attach {}=data", hostile.replace('\r', "")));
    session.tell("save");
    drop(session);
    let subject = format!("PR_SUBJECT={hostile}");
    shell.run(["set", &entry, &subject, &format!("{named}={hostile}")]);
    shell
        .run_as(
            "evil\u{1b}[2J\u{202e}",
            ["set", &entry, "PR_BODY=theirs", "--base", "1", "--force"],
        )
        .succeeded();
    let conflicting = ["set", &entry, &subject, "--base", "1", "--on-conflict"];
    let copy = format!("copy:{folder}");
    let elsewhere = "copy:copies\u{202e}";
    let deep = shell.path("out\u{1b}[2J");
    let deep = deep.to_str().unwrap();
    let commands: Vec<Vec<&str>> = vec![
        vec!["folders"],
        vec!["list", folder],
        vec!["list", folder, "--sort", "sender"],
        vec!["list", hostile],
        vec!["show", &entry],
        vec!["show", &entry, "--full"],
        vec!["show", hostile],
        vec!["log", &entry],
        vec!["diff", &entry, "1", "4"],
        vec!["diff", &entry, "3", "4"],
        vec!["watch", "--since", "0", "--count", "4"],
        vec!["check"],
        [&conflicting[..], &["fail"]].concat(),
        [&conflicting[..], &["merge"]].concat(),
        [&conflicting[..], &["keep"]].concat(),
        [&conflicting[..], &["ask"]].concat(),
        [&conflicting[..], &[&*copy]].concat(),
        [&conflicting[..], &[elsewhere]].concat(),
        vec!["conflicts"],
        vec!["set", &entry, hostile],
        vec!["set", &entry, "--unset", hostile],
        vec!["set", &entry, named],
        vec!["new", hostile, &*subject],
        vec![
            "new", folder, &*subject, "--to", hostile, "--attach", hostile,
        ],
        vec!["attach", &entry, mail],
        vec!["attach", &entry, hostile],
        vec!["extract", &entry, "--to", deep],
        vec!["extract", &entry, hostile],
        vec!["export", &entry, "--to", deep],
        vec!["detach", &entry, hostile],
        vec!["detach", &entry, "1"],
        vec!["import", mail, hostile, "--folder", folder],
        vec!["import", mail, "--folder", hostile],
        vec!["restore", &entry, "3"],
        vec!["move", &entry, hostile],
        vec!["move", &entry, folder],
        vec!["sql", "SELECT * FROM inspect_properties"],
        vec!["sql", "SELECT * FROM inspect_attachments"],
        vec!["sql", "SELECT * FROM inspect_changes"],
        vec!["sql", "SELECT * FROM inspect_folders"],
        vec!["sql", hostile],
        vec!["delete", &entry],
        vec!["delete", hostile, "12345678"],
        vec!["purge", hostile],
        vec!["--store", hostile, "folders"],
        vec![hostile],
        vec!["list", folder, "--sort", hostile],
    ];
    let (mut silent, mut done) = (Vec::new(), 0);
    for arguments in commands {
        for arguments in [arguments.clone(), [&arguments[..], &["--json"]].concat()] {
            let answer = shell.run(&arguments);
            assert!(
                !harmful(&answer.stdout) && !harmful(&answer.stderr),
                "{arguments:?} {answer:?}"
            );
            done += usize::from(answer.code == Some(0));
            if answer.stdout.is_empty() && answer.stderr.is_empty() {
                silent.push(format!("{arguments:?}"));
            }
        }
    }
    assert!(silent.is_empty(), "these say nothing: {silent:?}");
    assert!(done >= 40, "only {done} had something to print");
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
