//! `set`, and what happens when another client was faster.

use serde_json::json;

use crate::shell::Shell;

#[test]
fn two_shells_that_set_the_same_message() {
    let shell = Shell::with_mails();
    let entry = shell.json(["list", "Inbox", "--sort", "subject"])[0]["entry_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let seen = [shell.json(["show", &entry]), shell.json(["show", &entry])];
    assert_eq!(seen[0], seen[1]);
    let base = seen[0]["row_version"].as_i64().unwrap();
    let base_text = base.to_string();

    let mine = [
        "set",
        &entry,
        "PR_SUBJECT=second shell",
        "PR_IMPORTANCE=0",
        "--base",
        &base_text,
    ];
    let theirs = [
        "set",
        &entry,
        "PR_SUBJECT=first shell",
        "PR_SENSITIVITY=1",
        "--base",
        &base_text,
    ];
    let first = shell.run_as("ana", theirs).succeeded();
    assert_eq!(first.line(), format!("{entry}  version {}", base + 1));
    let after_first = shell.json(["show", &entry]);
    let changes = shell.query("SELECT max(change_number) FROM inspect_changes");

    let error = shell
        .run_as("ben", [&mine[..], &["--json"]].concat())
        .error(3);
    assert_eq!(
        (&error["error"], &error["code"]),
        (&json!("MAPI_E_OBJECT_CHANGED"), &json!("0x80040109"))
    );
    assert_eq!(
        (&error["base_version"], &error["current_version"]),
        (&json!(base), &json!(base + 1))
    );
    assert_eq!(
        (&error["entry_id"], &error["saved_by"]),
        (&json!(entry), &json!("ana"))
    );
    assert_eq!(
        error["saved_at"],
        after_first["properties"]["PR_LOCAL_COMMIT_TIME"]
    );
    assert!(shell.run_as("ben", mine).ended(3).stderr.contains("ana"));
    assert_eq!(shell.json(["show", &entry]), after_first, "nothing changed");
    assert_eq!(
        shell.query("SELECT max(change_number) FROM inspect_changes"),
        changes
    );

    let forced = shell
        .run_as("ben", [&mine[..], &["--force", "--json"]].concat())
        .succeeded()
        .json();
    assert_eq!(forced["row_version"], base + 2);
    let now = shell.json(["show", &entry]);
    assert_eq!(now["properties"]["PR_SUBJECT"], "second shell");
    assert_eq!(now["properties"]["PR_IMPORTANCE"], 0);
    assert_eq!(
        now["properties"]["PR_SENSITIVITY"], 1,
        "all others are the first shell's"
    );
    for member in ["recipients", "attachments"] {
        assert_eq!(now[member], after_first[member]);
    }
    let kept = shell.json([
        "sql",
        "SELECT entry_id, row_version, replaced_by, reason, subject FROM inspect_versions",
    ]);
    assert_eq!(
        kept,
        json!([{
            "entry_id": entry, "row_version": base + 1, "replaced_by": "ben", "reason": "force-save",
            "subject": "first shell"
        }])
    );
    shell.run(["check"]).succeeded();
}

#[test]
fn set_without_a_base_builds_on_what_is_there() {
    let shell = Shell::new();
    let entry = shell.draft("a");
    assert_eq!(
        shell
            .run(["set", &entry, "PR_SUBJECT=b"])
            .succeeded()
            .line(),
        format!("{entry}  version 2")
    );
    // An equal value is a change too.
    assert_eq!(
        shell.json(["set", &entry, "PR_SUBJECT=b"])["row_version"],
        3
    );
    let forced = shell.json(["set", &entry, "PR_SUBJECT=c", "--force"]);
    assert_eq!(forced["row_version"], 4);
    assert_eq!(
        shell.query("SELECT count(*) FROM inspect_versions"),
        0,
        "it was built on what it replaced"
    );
    let without = shell.json(["set", &entry, "--unset", "PidTagSubject", "PR_IMPORTANCE=1"]);
    assert!(without["properties"].get("PR_SUBJECT").is_none());
    assert_eq!(without["properties"]["PR_IMPORTANCE"], 1);
}

#[test]
fn base_that_never_was_is_wrong_usage() {
    let shell = Shell::new();
    let entry = shell.draft("a");
    let before = shell.json(["show", &entry]);
    for base in ["0", "2", "-1", "one", "99999999999999999999"] {
        for how in [&[][..], &["--force"], &["--on-conflict=keep"]] {
            let base = format!("--base={base}");
            shell
                .run([&["set", &entry, "PR_SUBJECT=b", &base][..], how].concat())
                .ended(2);
        }
    }
    for wrong in [
        &["set", &entry][..],
        &["set", &entry, "PR_SUBJECT=b", "--on-conflict=copy:"],
        &["set", &entry, "PR_SUBJECT=b", "--on-conflict=nonsense"],
        &[
            "set",
            &entry,
            "PR_SUBJECT=b",
            "--on-conflict=keep",
            "--force",
        ],
        &["set", &entry, "PR_SUBJECT=b", "--unset=PR_SUBJECT"],
    ] {
        shell.run(wrong).ended(2);
    }
    assert_eq!(shell.json(["show", &entry]), before);
}

/// A message at version 2, of which the subject was changed since version 1.
fn changed_message(shell: &Shell) -> String {
    let entry = shell
        .run(["new", "Drafts", "PR_SUBJECT=original", "PR_BODY=body"])
        .succeeded()
        .line()
        .to_owned();
    shell
        .run_as("ben", ["set", &entry, "PR_SUBJECT=theirs"])
        .succeeded();
    entry
}

#[test]
fn conflict_can_keep_theirs() {
    let shell = Shell::new();
    let entry = changed_message(&shell);
    let before = shell.json(["show", &entry]);
    let answer = shell
        .run([
            "set",
            &entry,
            "PR_SUBJECT=mine",
            "--base=1",
            "--on-conflict=keep",
        ])
        .succeeded();
    assert!(answer.stderr.contains("saved by ben"), "{}", answer.stderr);
    assert_eq!(shell.json(["show", &entry]), before);
}

#[test]
fn conflict_can_be_merged_where_nothing_overlaps() {
    let shell = Shell::new();
    let entry = changed_message(&shell);
    let merge = |assignment: &str| {
        shell.run([
            "set",
            &entry,
            assignment,
            "--base=1",
            "--on-conflict=merge",
            "--json",
        ])
    };
    let error = merge("PR_SUBJECT=mine").error(3);
    assert_eq!(
        (&error["error"], &error["properties"]),
        (&json!("MAPI_E_OBJECT_CHANGED"), &json!(["PR_SUBJECT"]))
    );
    merge("PR_SUBJECT_A=another type of the same property").error(3);
    // K2: a sender of one client's name and the other's address would be nobody's.
    let theirs = ["set", &entry, "PR_SENDER_EMAIL_ADDRESS=ben@example.org"];
    shell.run_as("ben", theirs).succeeded();
    let error = merge("PR_SENDER_NAME=Ana").error(3);
    assert_eq!(error["properties"], json!(["PR_SENDER_EMAIL_ADDRESS"]));
    let merged = merge("PR_IMPORTANCE=2").succeeded().json();
    assert_eq!(merged["row_version"], 4);
    assert_eq!(merged["properties"]["PR_SUBJECT"], "theirs");
    assert_eq!(merged["properties"]["PR_IMPORTANCE"], 2);
}

#[test]
fn conflict_can_become_a_copy() {
    let shell = Shell::new();
    let entry = changed_message(&shell);
    let before = shell.json(["show", &entry]);
    let how = "--on-conflict=copy:Copies/of mine";
    let copy = shell
        .run(["set", &entry, "PR_SUBJECT=mine", "--base=1", how])
        .succeeded()
        .line()
        .to_owned();
    assert_ne!(copy, entry);
    let copied = shell.json(["show", &copy]);
    assert_eq!(
        (&copied["folder"], &copied["row_version"]),
        (&json!("Copies/of mine"), &json!(1))
    );
    assert_eq!(copied["properties"]["PR_SUBJECT"], "mine");
    assert_eq!(copied["properties"]["PR_BODY"], "body");
    // K6
    let waiting = shell.json(["conflicts"]);
    let [listed] = &waiting.as_array().unwrap()[..] else {
        panic!("not one: {waiting}")
    };
    let names = ["entry_id", "original", "base_version", "shown_version"];
    let expected = [json!(copy), json!(entry), json!(1), json!(2)];
    assert_eq!(names.map(|name| listed[name].clone()), expected);
    let mut now = shell.json(["show", &entry]);
    let items = now["properties"].as_object_mut().unwrap();
    assert!(items.remove("PR_CONFLICT_ITEMS").is_some());
    assert_eq!(now, before);
}
