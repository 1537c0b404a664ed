//! Files in and out: attach, detach, extract, export.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::shell::{Answer, Shell};

/// The names of a message's attachments, by their number.
fn attached(shell: &Shell, entry: &str) -> Vec<(u64, String)> {
    let message = shell.json(["show", entry]);
    let name = |attachment: &Value| {
        let number = attachment["number"].as_u64().unwrap();
        (number, attachment["name"].as_str().unwrap().to_owned())
    };
    let attachments = message["attachments"].as_array().unwrap();
    attachments.iter().map(name).collect()
}

/// The names of all files below a folder.
fn files(folder: PathBuf) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn files_are_attached_in_one_save() {
    let shell = Shell::new();
    let entry = shell.draft("a");
    shell.write("figures.csv", "1;2\n");
    shell.write("notes.txt", "n");
    let answer = shell
        .run(["attach", &entry, "figures.csv", "notes.txt"])
        .succeeded();
    assert_eq!(answer.line(), format!("{entry}  version 2"));
    let names = [(0, "figures.csv".to_owned()), (1, "notes.txt".to_owned())];
    assert_eq!(attached(&shell, &entry), names);

    let message = shell.json([
        "attach",
        &entry,
        "figures.csv",
        "--name=other name.csv",
        "--mime-type=text/csv",
    ]);
    assert_eq!(message["row_version"], 3);
    assert_eq!(message["attachments"][2]["name"], "other name.csv");
    assert_eq!(message["attachments"][2]["mime_type"], "text/csv");

    // One that is missing keeps the others from being attached.
    shell
        .run(["attach", &entry, "notes.txt", "missing", "--json"])
        .error(1);
    shell
        .run(["attach", &entry, "notes.txt", "figures.csv", "--name=a"])
        .ended(2);
    shell
        .run(["attach", &entry, "notes.txt", "--mime-type=text"])
        .ended(2);
    shell.run(["attach", &"0".repeat(32), "notes.txt"]).ended(6);
    assert_eq!(shell.json(["show", &entry])["row_version"], 3);
}

#[test]
fn what_can_be_read_only_once_is_attached_again_on_a_newer_version() {
    let shell = Shell::new();
    let entry = shell.draft("a");
    shell.run(["set", &entry, "PR_IMPORTANCE=2"]).succeeded();
    let mut attach = shell.command([
        "attach",
        &entry,
        "/dev/stdin",
        "--base=1",
        "--on-conflict=merge",
    ]);
    Answer::fed(&mut attach, "from a pipe").succeeded();
    assert_eq!(shell.json(["show", &entry])["attachments"][0]["size"], 11);
}

#[test]
fn attachments_are_removed_in_one_save_and_keep_their_numbers() {
    let shell = Shell::new();
    let entry = shell.draft("a");
    for name in ["a", "b", "c"] {
        shell.write(name, name);
    }
    shell.run(["attach", &entry, "a", "b", "c"]).succeeded();
    shell.run(["detach", &entry, "0", "7"]).ended(6);
    shell.run(["detach", &entry, "0", "0"]).ended(2);
    assert_eq!(attached(&shell, &entry).len(), 3, "all or none");
    shell.run(["detach", &entry, "0", "2"]).succeeded();
    assert_eq!(attached(&shell, &entry), [(1, "b".to_owned())]);
    shell.run(["attach", &entry, "a"]).succeeded();
    assert_eq!(attached(&shell, &entry)[1], (3, "a".to_owned()));
}

#[test]
fn who_attaches_or_detaches_over_another_save_is_told_and_may_merge() {
    // S2, S5
    let shell = Shell::new();
    let entry = shell.draft("a");
    for name in ["a", "b"] {
        shell.write(name, name);
    }
    shell.run_as("ben", ["attach", &entry, "a"]).succeeded();
    for command in [["attach", "b"], ["detach", "0"]] {
        let [verb, what] = command;
        let answer = shell.run([verb, &entry, what, "--base=1", "--json"]);
        assert_eq!(answer.error(3)["saved_by"], "ben", "{verb}");
    }
    assert_eq!(attached(&shell, &entry), [(0, "a".to_owned())]);

    // What ben attached stays; what he may have replaced is not removed unseen.
    let merging = ["--base=1", "--on-conflict=merge"];
    shell
        .run([&["attach", &entry, "b"], &merging[..]].concat())
        .succeeded();
    assert_eq!(attached(&shell, &entry).len(), 2);
    let refused = shell
        .run([&["detach", &entry, "0", "--json"], &merging[..]].concat())
        .error(3);
    assert_eq!(refused["properties"], json!(["PR_MESSAGE_ATTACHMENTS"]));

    let copy = shell
        .run([
            "detach",
            &entry,
            "1",
            "--base=1",
            "--on-conflict=copy:Copies",
        ])
        .succeeded();
    assert_eq!(attached(&shell, copy.line()), [(0, "a".to_owned())]);
    assert_eq!(attached(&shell, &entry).len(), 2);
    shell
        .run(["detach", &entry, "0", "--base=1", "--force"])
        .succeeded();
    assert_eq!(attached(&shell, &entry), [(1, "b".to_owned())]);
    // The attachment is gone, and so is the version that it was in.
    shell.run(["detach", &entry, "0", "--base=2"]).ended(3);
    shell
        .run(["detach", &entry, "0", "--base=2", "--on-conflict=keep"])
        .succeeded();
}

#[test]
fn extract_writes_all_attachments_or_those_that_are_named() {
    let shell = Shell::new();
    let entry = shell.draft("a");
    let large = vec![b'x'; 3_000_000];
    shell.write("large.bin", &large);
    shell.write("small.txt", "s");
    shell
        .run(["attach", &entry, "large.bin", "small.txt"])
        .succeeded();
    let answer = shell.run(["extract", &entry, "--to", "out"]).succeeded();
    assert_eq!(answer.stdout, "out/large.bin\nout/small.txt\n");
    assert_eq!(fs::read(shell.path("out/large.bin")).unwrap(), large);

    // A file that is there stays, and so does one that a link would lead to.
    shell.write("out/small.txt", "mine");
    let written = shell.json(["extract", &entry, "1", "--to", "out"]);
    let expected =
        json!([{"number": 1, "name": "small.txt", "path": "out/small-2.txt", "size": 1}]);
    assert_eq!(written, expected);
    assert_eq!(fs::read(shell.path("out/small.txt")).unwrap(), b"mine");
    fs::create_dir(shell.path("linked")).unwrap();
    for target in ["mail.store", "nowhere"] {
        let link = shell.path("linked/small.txt");
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(shell.path(target), &link).unwrap();
        shell
            .run(["extract", &entry, "1", "--to", "linked"])
            .succeeded();
    }
    assert!(!shell.path("nowhere").exists());
    assert_eq!(
        files(shell.path("linked")),
        ["small-2.txt", "small-3.txt", "small.txt"]
    );

    shell
        .run(["extract", &entry, "7", "--to", "none", "--json"])
        .error(6);
    assert!(!shell.path("none").exists());
    shell.run(["extract", &entry]).ended(2);
    shell.run(["delete", &entry]).succeeded();
    shell
        .run(["extract", &entry, "--to", "deleted"])
        .succeeded();
}

#[test]
fn no_name_of_an_attachment_leads_out_of_the_folder() {
    let shell = Shell::new();
    let entry = shell.draft("a");
    let names = [
        "../escaped",
        "../../escaped",
        "/tmp/mapistore-escaped",
        "..\\escaped",
        "C:\\escaped",
        "a/../../escaped",
        "..",
        ".",
        "",
        "/",
        "\0",
        "a\0b",
        "\u{1b}[2J",
        "\u{202e}cod.exe",
        ".bashrc",
        "-rf",
        "CON",
        "nul.txt",
        "mail.store-journal",
        "~",
        "%2e%2e%2fescaped",
        "．．／escaped",
    ];
    let mut session = shell.session();
    session.tell(&format!("open {entry}"));
    for name in names {
        session.tell(&format!("attach {name}=hostile"));
    }
    session.tell(&format!("attach {}=hostile", "long".repeat(5_000)));
    session.tell("save");
    let before = files(shell.path("."));
    let answer = shell.run(["extract", &entry, "--to", "out"]).succeeded();
    assert_eq!(answer.stdout.lines().count(), names.len() + 1);
    let written = files(shell.path("out"));
    assert_eq!(
        written.len(),
        names.len() + 1,
        "each has a file: {written:?}"
    );
    for name in &written {
        assert!(!name.starts_with(['.', '-']), "{name:?}");
        assert!(!name.chars().any(char::is_control), "{name:?}");
        assert_eq!(fs::read(shell.path("out").join(name)).unwrap(), b"hostile");
    }
    let mut after = files(shell.path("."));
    after.retain(|name| name != "out");
    assert_eq!(after, before, "nothing beside the folder");
    assert!(!PathBuf::from("/tmp/mapistore-escaped").exists());

    // Beside the store an attachment must not pass for a part of it.
    shell.run(["extract", &entry, "--to", "."]).succeeded();
    assert!(!shell.path("mail.store-journal").exists());
    shell.run(["check"]).succeeded();
}

#[test]
fn stored_message_is_attached_shown_and_extracted() {
    let shell = Shell::new();
    let inner = shell.draft("inner");
    shell.write("inner.txt", "in");
    shell.run(["attach", &inner, "inner.txt"]).succeeded();
    let middle = shell.draft("middle");
    shell
        .run(["attach", &middle, "--message", &inner])
        .succeeded();
    let outer = shell.draft("outer");
    let message = shell.json(["attach", &outer, "inner.txt", "--message", &middle]);
    assert_eq!(message["row_version"], 2, "in one save");
    let attached = &message["attachments"][1];
    assert_eq!(attached["method"], "embedded-message");
    assert_eq!(attached["message"]["properties"]["PR_SUBJECT"], "middle");
    let deepest = &attached["message"]["attachments"][0]["message"];
    assert_eq!(deepest["properties"]["PR_SUBJECT"], "inner");
    assert_eq!(deepest["attachments"][0]["name"], "inner.txt");
    assert!(message["attachments"][0]["message"].is_null());

    // A copy: what becomes of the original is not seen here.
    shell.run(["set", &middle, "PR_SUBJECT=other"]).succeeded();
    let shown = shell.run(["show", &outer, "--full"]).succeeded().stdout;
    assert!(
        shown.contains("Attachment:  1: middle, a message\n"),
        "{shown}"
    );
    assert!(shown.contains("\n    Subject:     middle\n"), "{shown}");
    assert!(shown.contains("\n        Subject:     inner\n"), "{shown}");
    let short = shell.run(["show", &outer]).succeeded().stdout;
    assert!(!short.contains("    Subject:"), "{short}");

    shell
        .run(["extract", &outer, "1", "--to", "out"])
        .succeeded();
    let mail = fs::read_to_string(shell.path("out/middle.eml")).unwrap();
    assert!(mail.contains("Subject: middle\r\n"), "{mail}");
    shell.run(["attach", &outer]).ended(2);
    shell
        .run(["attach", &outer, "--message", &"0".repeat(32)])
        .ended(6);
}

#[test]
fn messages_are_exported_to_stdout_a_file_or_a_folder() {
    let shell = Shell::with_mails();
    let list = shell.json(["list", "Inbox"]);
    let entries: Vec<&str> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["entry_id"].as_str().unwrap())
        .collect();
    let mail = shell.run(["export", entries[0]]).succeeded().stdout;
    assert!(
        mail.contains("\r\n\r\n") && mail.contains("Subject: "),
        "{mail}"
    );
    shell
        .run(["export", entries[0], "--output", "one.eml"])
        .succeeded();
    assert_eq!(fs::read_to_string(shell.path("one.eml")).unwrap(), mail);

    // A file that is there stays.
    shell.write("one.eml", "mine");
    shell
        .run(["export", entries[0], "--output", "one.eml", "--json"])
        .ended(1);
    assert_eq!(fs::read(shell.path("one.eml")).unwrap(), b"mine");
    shell.run(["export", entries[0], entries[1]]).ended(2);
    shell
        .run(["export", entries[0], "--output=a", "--to=b"])
        .ended(2);
    shell.run(["export", entries[0], "--format=msg"]).ended(2);
    shell.run(["export", entries[0], "--json"]).error(2);

    let missing = "0".repeat(32);
    let arguments = [&["export", "--to=out", "--json", &missing], &entries[..]].concat();
    let answer = shell.run(arguments).ended(1).json();
    assert_eq!(answer[0]["error"], "MAPI_E_NOT_FOUND");
    assert_eq!(answer[1]["entry_id"], entries[0]);
    assert_eq!(files(shell.path("out")).len(), entries.len());
    // What was exported can be imported again.
    shell
        .run(["import", "out", "--folder", "Again"])
        .succeeded();
    let again = shell.json(["list", "Again"]);
    assert_eq!(again.as_array().unwrap().len(), entries.len());
}

#[test]
fn no_subject_leads_an_exported_mail_out_of_the_folder() {
    let shell = Shell::new();
    let subjects = [
        "../escaped",
        "/tmp/escaped",
        "..",
        "",
        "a\u{1b}[2J",
        "CON",
        "x.eml",
    ];
    let entries: Vec<String> = subjects
        .iter()
        .map(|subject| shell.draft(subject))
        .collect();
    let mut arguments = vec!["export", "--to", "out"];
    arguments.extend(entries.iter().map(String::as_str));
    shell.run(arguments).succeeded();
    let written = files(shell.path("out"));
    assert_eq!(written.len(), subjects.len(), "{written:?}");
    for name in &written {
        assert!(name.ends_with(".eml") && !name.starts_with('.'), "{name:?}");
        assert!(!name.chars().any(char::is_control), "{name:?}");
    }
    assert!(!shell.path("escaped.eml").exists());
}

#[test]
fn associated_messages_are_made_and_listed_apart() {
    let shell = Shell::new();
    let subject = "PR_SUBJECT=a view";
    let entry = shell
        .run(["new", "Inbox", subject, "--associated"])
        .succeeded()
        .line()
        .to_owned();
    assert_eq!(shell.json(["list", "Inbox"]), json!([]));
    let list = shell.json(["list", "Inbox", "--associated"]);
    assert_eq!(list[0]["entry_id"], entry.as_str());
    let flags = shell.json(["show", &entry])["flags"].clone();
    assert_eq!(flags, json!(["read", "unsent", "associated", "ever-read"]));
    let text = shell.run(["show", &entry]).succeeded().stdout;
    assert!(
        text.contains("Flags:       read, unsent, associated, ever-read\n"),
        "{text}"
    );
}
