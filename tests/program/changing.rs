//! Commands that change: new, delete, move.

use serde_json::{Value, json};

use crate::shell::Shell;

#[test]
fn new_prints_the_entry_id_alone_and_takes_everything() {
    let shell = Shell::new();
    shell.write("figures.csv", "1;2\n");
    shell.write("body.txt", "Hello\n");
    shell.write("when", "2026-11-22T10:39:39Z\n");
    let entry = shell
        .run([
            "new",
            "drafts",
            "PR_SUBJECT=a=b",
            "PidTagImportance=2",
            "PR_BODY=@body.txt",
            "0x80010014=9007199254740993",
            "0x80020006=1.5",
            "0x80030040=@when",
            "0x8004000B=true",
            "0x80050102=AP8=",
            "0x80060048={00020329-0000-0000-C000-000000000046}",
            "0x8007101F=[\"a\",\"b\"]",
            "0x80080005=NaN",
            "0x8009001F=",
            "--to=Ana <ana@example.org>",
            "--cc=b@example.org",
            "--bcc=c@example.org",
            "--attach=figures.csv",
        ])
        .succeeded()
        .line()
        .to_owned();
    assert_eq!(entry.len(), 32);
    let message = shell.json(["show", &entry]);
    assert_eq!(
        (&message["row_version"], &message["folder"]),
        (&json!(1), &json!("Drafts"))
    );
    let properties = &message["properties"];
    for (name, value) in [
        ("PR_SUBJECT", json!("a=b")),
        ("PR_IMPORTANCE", json!(2)),
        ("PR_BODY", json!("Hello\n")),
        ("PR_LAST_MODIFIER_NAME", json!("ana")),
        ("0x80010014", json!("9007199254740993")),
        ("0x80020006", json!("1.5000")),
        ("0x80030040", json!("2026-11-22T10:39:39.0000000Z")),
        ("0x8004000B", json!(true)),
        ("0x80050102", json!("AP8=")),
        ("0x80060048", json!("00020329-0000-0000-c000-000000000046")),
        ("0x8007101F", json!(["a", "b"])),
        ("0x80080005", json!("NaN")),
        ("0x8009001F", json!("")),
    ] {
        assert_eq!(properties[name], value, "{name}");
    }
    let recipients = message["recipients"].as_array().unwrap();
    let kinds: Vec<&Value> = recipients
        .iter()
        .map(|recipient| &recipient["kind"])
        .collect();
    assert_eq!(kinds, ["to", "cc", "bcc"]);
    assert_eq!(recipients[0]["name"], "Ana");
    assert_eq!(message["attachments"][0]["size"], 4);
    let created = shell.json(["new", "Drafts", "PR_SUBJECT=in JSON"]);
    assert_eq!(
        (
            &created["row_version"],
            &created["properties"]["PR_SUBJECT"]
        ),
        (&json!(1), &json!("in JSON"))
    );
}

#[test]
fn nothing_is_made_of_wrong_arguments() {
    let shell = Shell::new();
    for (arguments, code) in [
        (&["new", "Nowhere", "PR_SUBJECT=a"][..], 6),
        (&["new", "Drafts", "PR_NONSENSE=a"], 2),
        (&["new", "Drafts", "PR_SUBJECT"], 2),
        (&["new", "Drafts", "PR_IMPORTANCE=high"], 2),
        (&["new", "Drafts", "PR_SUBJECT=a", "PR_SUBJECT_A=b"], 2),
        (&["new", "Drafts", "0x8001101F="], 2),
        (&["new", "Drafts", "PR_ENTRYID=AA=="], 1),
        (&["new", "Drafts", "PR_BODY=@missing"], 1),
        (&["new", "Drafts", "--to", "nobody"], 2),
        (&["new", "Drafts", "--attach", "missing"], 1),
    ] {
        shell.run([arguments, &["--json"]].concat()).error(code);
    }
    assert_eq!(shell.query("SELECT count(*) FROM messages"), 0);
}

#[test]
fn soft_deleted_message_is_shown_and_found_by_no_other_command() {
    let shell = Shell::new();
    let entry = shell.draft("a");
    assert_eq!(
        shell.run(["delete", &entry]).succeeded().line(),
        format!("{entry}  deleted")
    );
    assert!(
        shell
            .run(["show", &entry])
            .succeeded()
            .stdout
            .contains("\nDeleted:")
    );
    assert!(shell.json(["show", &entry])["deleted_at"].is_string());
    assert_eq!(shell.json(["list", "Drafts"]), json!([]));
    shell.run(["set", &entry, "PR_SUBJECT=b"]).ended(6);
    shell.run(["move", &entry, "Inbox"]).ended(6);
    shell.run(["delete", &entry]).ended(6);
    shell.run(["delete", &entry, "--hard"]).succeeded();
    shell.run(["show", &entry]).ended(6);
    assert_eq!(shell.query("SELECT count(*) FROM messages"), 0);
}

#[test]
fn one_of_several_entries_that_fails_does_not_keep_the_others() {
    let shell = Shell::new();
    let (a, b) = (shell.draft("a"), shell.draft("b"));
    let missing = "0".repeat(32);
    let moved = shell
        .run(["move", &a, &missing, "nonsense", &b, "Sent Items", "--json"])
        .ended(1)
        .json();
    assert_eq!(
        (&moved[0], &moved[3]),
        (
            &json!({"entry_id": a, "done": true}),
            &json!({"entry_id": b, "done": true})
        )
    );
    assert_eq!(
        (&moved[1]["entry_id"], &moved[1]["error"]),
        (&json!(missing), &json!("MAPI_E_NOT_FOUND"))
    );
    assert_eq!(
        (&moved[2]["entry_id"], &moved[2]["error"]),
        (&json!("nonsense"), &json!("MAPI_E_INVALID_ENTRYID"))
    );
    assert_eq!(
        shell.json(["list", "Sent Items"]).as_array().unwrap().len(),
        2
    );
    assert_eq!(
        shell.json(["show", &a])["row_version"],
        1,
        "a move makes no version"
    );
    let answer = shell.run(["delete", &a, &missing]).ended(1);
    assert_eq!(answer.stdout, format!("{a}  deleted\n"));
    assert!(answer.stderr.contains(&missing));
    shell.run(["move", &b, "Nowhere"]).ended(6);
    shell.run(["delete", &missing, &missing]).ended(6);
    shell.run(["delete"]).ended(2);
}
