//! `import`.

use std::os::unix::fs::symlink;

use serde_json::json;

use crate::shell::{Shell, mails};

#[test]
fn import_takes_files_by_any_name_and_folders_with_all_below() {
    let shell = Shell::new();
    let mail = |subject: &str| format!("Subject: {subject}\r\n\r\n");
    shell.write("mail/b.eml", mail("b"));
    shell.write("mail/a/deep.EML", mail("deep"));
    shell.write("mail/readme.txt", "not a mail");
    shell.write("letter", mail("letter"));
    // A circle of links is not walked.
    symlink(shell.path("mail"), shell.path("mail/a/again")).unwrap();
    let answer = shell
        .run(["import", "mail", "letter", "--folder", "Archive/2026"])
        .succeeded();
    assert_eq!(answer.line(), "3 messages imported into Archive/2026");
    let list = shell.json([
        "sql",
        "SELECT subject FROM inspect_messages ORDER BY change_number",
    ]);
    assert_eq!(
        list,
        json!([{"subject": "deep"}, {"subject": "b"}, {"subject": "letter"}])
    );
}

#[test]
fn what_cannot_be_imported_is_named_and_the_rest_is_done() {
    let shell = Shell::new();
    std::fs::create_dir(shell.path("empty")).unwrap();
    let mails = mails();
    let arguments = [
        "import",
        "missing.eml",
        mails.to_str().unwrap(),
        "empty",
        "--folder",
        "Inbox",
        "--json",
    ];
    let answer = shell.run(arguments).ended(1);
    assert_eq!(answer.json()["imported"], 4);
    let failed = &answer.json()["failed"];
    assert_eq!(
        (&failed[0]["path"], &failed[1]["path"]),
        (&json!("missing.eml"), &json!("empty"))
    );
    assert!(
        failed[1]["error"]
            .as_str()
            .unwrap()
            .contains("no .eml files")
    );
    let text = shell
        .run(["import", "empty", "--folder", "Nothing"])
        .ended(1);
    assert!(text.stderr.contains("no .eml files"), "{}", text.stderr);
    shell.run(["list", "Nothing"]).ended(6);
    shell.run(["import", "--folder", "Inbox"]).ended(2);
    shell.run(["import", mails.to_str().unwrap()]).ended(2);
    shell
        .run(["import", mails.to_str().unwrap(), "--folder", ""])
        .ended(2);
}

#[test]
fn import_that_gets_no_turn_names_what_is_not_imported() {
    let shell = Shell::new();
    let blocker = rusqlite::Connection::open(shell.store()).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mails = mails();
    let arguments = [
        "import",
        mails.to_str().unwrap(),
        "--folder",
        "Inbox",
        "--timeout=0.3",
        "--json",
    ];
    let answer = shell.run(arguments).ended(7);
    assert_eq!(answer.json()["imported"], 0);
    assert_eq!(answer.json()["failed"].as_array().unwrap().len(), 4);
    assert!(answer.stderr.contains("MAPI_E_BUSY"), "{}", answer.stderr);
    blocker.execute_batch("ROLLBACK").unwrap();
    assert_eq!(shell.query("SELECT count(*) FROM messages"), 0);
    shell.run(&arguments[..4]).succeeded();
}

#[test]
fn imported_messages_are_new_and_have_their_attachments() {
    let shell = Shell::with_mails();
    let list = shell.json(["list", "Inbox", "--sort", "subject"]);
    assert_eq!(
        (&list[0]["read"], &list[0]["has_attachments"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(list[1]["has_attachments"], false);
    assert_eq!(list[0]["received"], "2026-11-02T08:12:05.0000000Z");
}
