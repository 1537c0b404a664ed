//! Commands that look at folders and messages: folders, list, show, watch.

use serde_json::{Value, json};

use crate::shell::{Session, Shell};

#[test]
fn folders_have_their_path_and_counts() {
    let shell = Shell::with_mails();
    let folders = shell.json(["folders"]);
    let inbox = folders
        .as_array()
        .unwrap()
        .iter()
        .find(|folder| folder["path"] == "Inbox")
        .unwrap();
    assert_eq!((&inbox["total"], &inbox["unread"]), (&json!(4), &json!(4)));
    assert_eq!(inbox["entry_id"].as_str().unwrap().len(), 32);
    let text = shell.run(["folders"]).succeeded().stdout;
    assert!(
        text.lines().any(|line| line.ends_with("4       4  Inbox")),
        "{text}"
    );
}

#[test]
fn list_is_paged_for_people_and_whole_in_json() {
    let shell = Shell::new();
    for number in 0..60 {
        shell.write(
            &format!("mail/{number:02}.eml"),
            format!("Subject: {number:02}\n\n"),
        );
    }
    shell
        .run(["import", "mail", "--folder", "Inbox"])
        .succeeded();
    let answer = shell.run(["list", "Inbox"]).succeeded();
    assert_eq!(
        answer.stdout.lines().count(),
        51,
        "a heading and 50 messages"
    );
    assert!(answer.stderr.contains("50 of 60"), "{}", answer.stderr);
    let subjects = |list: &Value| -> Vec<String> {
        list.as_array()
            .unwrap()
            .iter()
            .map(|one| one["subject"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = shell.json(["list", "Inbox", "--sort", "subject"]);
    assert_eq!(
        subjects(&all),
        (0..60)
            .map(|number| format!("{number:02}"))
            .collect::<Vec<_>>()
    );
    let after = all[56]["entry_id"].as_str().unwrap();
    let rest = shell.json([
        "list", "inbox", "--sort", "subject", "--after", after, "--limit", "2",
    ]);
    assert_eq!(subjects(&rest), ["57", "58"]);
    shell
        .run(["list", "Inbox", "--after", &"0".repeat(32)])
        .ended(6);
    shell.run(["list", "Nowhere"]).ended(6);
    shell.run(["list", "Inbox", "--sort", "colour"]).ended(2);
}

#[test]
fn list_sorts_by_each_column() {
    let shell = Shell::with_mails();
    let subjects = |column: &str| -> Vec<String> {
        let list = shell.json(["list", "Inbox", "--sort", column]);
        let list = list.as_array().unwrap().clone();
        list.into_iter()
            .map(|one| one["subject"].as_str().unwrap().to_owned())
            .collect()
    };
    let (figures, lunch) = ("Figures for October", "Lunch?");
    let (minutes, answer) = ("Minutes of Tuesday’s meeting", "Re: Figures for October");
    assert_eq!(subjects("received"), [answer, lunch, minutes, figures]);
    assert_eq!(subjects("subject"), [figures, lunch, minutes, answer]);
    assert_eq!(subjects("sender"), [figures, lunch, answer, minutes]);
    assert_eq!(subjects("size")[3], lunch);
    let entry = shell.json(["list", "Inbox"])[1]["entry_id"]
        .as_str()
        .unwrap()
        .to_owned();
    shell.run(["set", &entry, "PR_IMPORTANCE=2"]).succeeded();
    assert_eq!(subjects("modified")[0], lunch);
}

#[test]
fn show_tells_people_who_what_and_where() {
    let shell = Shell::with_mails();
    let entry = shell.json(["list", "Inbox", "--sort", "subject"])[0]["entry_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let text = shell.run(["show", &entry]).succeeded().stdout;
    for line in [
        "Subject:     Figures for October",
        "From:        Ana Petrović <ana@example.org>",
        "To:          Ben Okafor <ben@example.org>",
        "Folder:      Inbox",
        "Attachment:  0: figures.csv, 82 bytes",
        "here are the figures for October. The line for returns is still",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line:?} is missing in {text}"
        );
    }
    assert!(
        text.contains("\nVersion:     1, saved by ana at "),
        "{text}"
    );
}

#[test]
fn large_values_are_named_unless_full() {
    let shell = Shell::new();
    let body: String = "A line of a long text.\n".repeat(1_000);
    shell.write("body", &body);
    let entry = shell
        .run(["new", "Drafts", "PR_BODY=@body"])
        .succeeded()
        .line()
        .to_owned();
    let named = &shell.json(["show", &entry])["properties"]["PR_BODY"];
    assert_eq!(named["size"], body.len());
    assert_eq!(named["stream"].as_str().unwrap().len(), 64);
    assert_eq!(
        shell.json(["show", &entry, "--full"])["properties"]["PR_BODY"],
        body
    );
    let text = shell.run(["show", &entry]).succeeded().stdout;
    assert!(
        text.contains("23,000 bytes in all") && text.len() < 10_000,
        "{text}"
    );
    assert!(
        shell
            .run(["show", &entry, "--full"])
            .succeeded()
            .stdout
            .ends_with(&body)
    );
}

#[test]
fn watch_follows_the_changes_of_other_processes() {
    let shell = Shell::new();
    shell.draft("before");
    let since = shell
        .query("SELECT max(change_number) FROM inspect_changes")
        .to_string();
    let watch = shell.command(["watch", "--json", "--since", &since, "--count", "3"]);
    let mut watch = Session::new(watch);
    let entry = shell.draft("a");
    let created = watch.next();
    assert_eq!(
        (&created["kind"], &created["entry_id"]),
        (&json!("message-created"), &json!(entry))
    );
    assert_eq!(created["folder"], "Drafts");
    let mut client = shell.session();
    client.tell(&format!("open {entry}"));
    client.tell("set PR_IMPORTANCE=2");
    client.tell("save");
    let saved = watch.next();
    assert_eq!(
        (&saved["kind"], &saved["row_version"]),
        (&json!("message-saved"), &json!(2))
    );
    assert_eq!(
        (&saved["client"], &saved["process_id"]),
        (&json!("ana"), &json!(client.child.id()))
    );
    assert_eq!(saved["properties"], json!(["PR_IMPORTANCE"]));
    shell.run(["delete", &entry]).succeeded();
    assert_eq!(watch.next()["kind"], "message-deleted");
    assert!(watch.child.wait().unwrap().success());
    // What was missed can be had later.
    let again = shell
        .run(["watch", "--since", &since, "--count", "3"])
        .succeeded()
        .stdout;
    assert_eq!(again.lines().count(), 3, "{again}");
    shell.run(["watch", "--since", "nonsense"]).ended(2);
}

#[test]
fn watch_says_what_the_journal_can_no_longer_tell() {
    // K7
    let shell = Shell::new();
    for subject in ["a", "b", "c"] {
        shell.draft(subject);
    }
    let by_hand = rusqlite::Connection::open(shell.store()).unwrap();
    by_hand
        .execute("DELETE FROM changes WHERE change_number <= 2", [])
        .unwrap();
    let arguments = ["watch", "--since", "0", "--count", "2"];
    let told = shell.run(arguments).succeeded().stdout;
    let lines: Vec<&str> = told.lines().map(str::trim_start).collect();
    assert_eq!(
        lines[0],
        "2  overflow: the journal cannot tell what was changed after 0"
    );
    assert!(lines[1].starts_with("3  "), "{told}");
    let mut watch = shell.command(arguments);
    watch.arg("--json");
    let mut watch = Session::new(watch);
    assert_eq!(
        watch.next(),
        json!({"kind": "overflow", "after": 0, "change_number": 2})
    );
    assert_eq!(watch.next()["change_number"], 3);
    assert!(watch.child.wait().unwrap().success());
}
