//! `log`, `diff`, `restore`, `purge` and `conflicts`.

use mapistore::{Access, EntryId, Resolution, Resolved, SpecialFolder, Store, pr};
use serde_json::{Value, json};

use crate::shell::Shell;

/// A message at version 3, whose version 2 was replaced by somebody who had seen version 1.
fn forced(shell: &Shell) -> String {
    let entry = shell.draft("one");
    let body = shell.write("two.txt", "a\nb\nc\n");
    let body = format!("PR_BODY=@{}", body.display());
    shell
        .run_as("ben", ["set", &entry, "PR_SUBJECT=two", &body])
        .succeeded();
    let mine = ["set", &entry, "PR_SUBJECT=three", "--base=1", "--force"];
    shell.run(mine).succeeded();
    entry
}

/// The side of a client that came second, saved in the folder of conflicts.
fn conflict_copy(shell: &Shell, entry: &str, subject: &str) -> String {
    let store = Store::options().client_name("ben");
    let store = store.open(shell.store()).unwrap();
    let id = EntryId::new(store.uid(), entry.parse().unwrap());
    let mut mine = store.open_message(&id, Access::Modify).unwrap();
    shell.run(["set", entry, "PR_IMPORTANCE=2"]).succeeded();
    mine.set(pr::SUBJECT, subject).unwrap();
    let folder = store.special_folder(SpecialFolder::Conflicts).unwrap();
    let conflict = mine.conflict().unwrap();
    let elsewhere = Resolution::SaveElsewhere(folder.entry_id());
    match mine.resolve(&conflict, elsewhere).unwrap() {
        Resolved::SavedElsewhere(saved) => saved.entry_id.object().to_string(),
        other => panic!("{other:?}"),
    }
}

fn numbers(rows: &Value, member: &str) -> Vec<Value> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row[member].clone()).collect()
}

#[test]
fn log_lists_all_versions_and_marks_those_that_are_kept() {
    // K4
    let shell = Shell::new();
    let entry = forced(&shell);
    let log = shell.json(["log", &entry]);
    assert_eq!(numbers(&log, "row_version"), [1, 2, 3]);
    assert_eq!(numbers(&log, "content"), ["not-kept", "kept", "current"]);
    assert_eq!(numbers(&log, "saved_by"), ["ana", "ben", "ana"]);
    assert_eq!(log[1]["kind"], "message-saved");
    assert_eq!(log[1]["properties"], json!(["PR_SUBJECT", "PR_BODY"]));
    assert_eq!(log[1]["reason"], "force-save");
    assert_eq!(log[1]["replaced_by"], "ana");
    let people = shell.run(["log", &entry[..6]]).succeeded().stdout;
    let lines: Vec<&str> = people.lines().collect();
    assert!(lines[0].starts_with("version  saved at"), "{people}");
    assert!(lines[2].contains("kept: force-save by ana"), "{people}");
    assert!(lines[3].contains("current"), "{people}");
    assert!(!people.contains('\u{1b}'), "colour is for terminals");
}

#[test]
fn log_of_what_never_was_is_not_found() {
    let shell = Shell::new();
    let nobody = "0123456789abcdef0123456789abcdef";
    let error = shell.run(["log", nobody, "--json"]).error(6);
    assert_eq!(error["error"], "MAPI_E_NOT_FOUND");
}

#[test]
fn diff_shows_properties_side_by_side_and_the_body_by_line() {
    // K4
    let shell = Shell::new();
    let entry = forced(&shell);
    let body = shell.write("four.txt", "a\nB\nc\n");
    let body = format!("PR_BODY=@{}", body.display());
    shell.run(["set", &entry, &body]).succeeded();
    let diff = shell.json(["diff", &entry, "2", "4"]);
    let subject = json!({"name": "PR_SUBJECT", "from": "two", "to": "three"});
    let properties = diff["properties"].as_array().unwrap();
    assert!(properties.contains(&subject), "{diff}");
    assert_eq!((&diff["from"], &diff["to"]), (&json!(2), &json!(4)));
    assert_eq!(diff["body"], "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c");
    let people = shell.run(["diff", &entry, "2", "4"]).succeeded().stdout;
    let has = |line: &str| people.lines().any(|one| one == line);
    assert!(has("PR_SUBJECT             two        three"), "{people}");
    for line in ["PR_BODY", "@@ -1,3 +1,3 @@", " a", "-b", "+B"] {
        assert!(has(line), "{line:?}: {people}");
    }
    assert!(!people.contains('\u{1b}'), "colour is for terminals");
    assert!(!people.contains("PR_CHANGE_KEY"), "{people}");
    let same = shell.run(["diff", &entry, "4", "4"]).succeeded();
    assert_eq!(same.stdout, "");
}

#[test]
fn version_that_is_not_kept_is_not_found_and_the_error_says_why() {
    // K4
    let shell = Shell::new();
    let entry = forced(&shell);
    for arguments in [
        &["diff", &entry, "1", "3"][..],
        &["restore", &entry, "1"],
        &["restore", &entry, "9"],
    ] {
        let error = shell.run([arguments, &["--json"]].concat()).error(6);
        assert_eq!(error["error"], "MAPI_E_NOT_FOUND", "{error}");
        let message = error["message"].as_str().unwrap();
        let why = if arguments.contains(&"9") {
            "the newest is 3"
        } else {
            "not kept"
        };
        assert!(message.contains(why), "{message}");
    }
    for wrong in ["0", "-1", "two", ""] {
        shell.run(["restore", &entry, wrong]).ended(2);
    }
}

#[test]
fn restore_puts_a_kept_version_back_as_a_new_one() {
    // K4
    let shell = Shell::new();
    let entry = forced(&shell);
    let restored = shell.run(["restore", &entry, "2"]).succeeded();
    assert_eq!(restored.line(), format!("{entry}  version 4  restored"));
    let now = shell.json(["show", &entry, "--full"]);
    assert_eq!(now["properties"]["PR_SUBJECT"], "two");
    assert_eq!(now["properties"]["PR_BODY"], "a\nb\nc\n");
    let log = shell.json(["log", &entry]);
    assert_eq!(
        numbers(&log, "content"),
        ["not-kept", "kept", "kept", "current"]
    );
    assert_eq!(log[3]["kind"], "message-restored");
    shell.run(["check"]).succeeded();
}

#[test]
fn restore_of_a_deleted_message_prints_the_entry_of_a_new_one() {
    // K7
    let shell = Shell::new();
    let entry = forced(&shell);
    shell.run(["delete", "--hard", &entry]).succeeded();
    let restored = shell.json(["restore", &entry, "2"]);
    assert_ne!(restored["entry_id"], json!(entry));
    assert_eq!(restored["row_version"], 1);
    assert_eq!(restored["folder"], "Drafts");
    assert_eq!(restored["properties"]["PR_SUBJECT"], "two");
    let log = shell.run(["log", &entry]).succeeded().stdout;
    assert!(log.contains("deleted for good"), "{log}");
}

#[test]
fn purge_forgets_and_log_says_that_it_does_not_know() {
    // K7
    let shell = Shell::new();
    let entry = forced(&shell);
    let nothing = shell.json(["purge", "--older-than", "1"]);
    assert_eq!(nothing, json!({"versions": 0, "changes": 0, "bytes": 0}));
    let purged = shell.json(["purge", "--keep", "1", &entry]);
    assert_eq!(purged, json!({"versions": 0, "changes": 2, "bytes": 0}));
    let log = shell.json(["log", &entry]);
    assert_eq!(numbers(&log, "row_version"), [2, 3]);
    assert_eq!(log[0]["kind"], Value::Null);
    let people = shell.run(["log", &entry]).succeeded().stdout;
    let unknown = people.lines().nth(1).unwrap();
    assert!(unknown.trim().starts_with("1  not known"), "{people}");
    shell.run(["purge", "--keep", "0"]).succeeded();
    assert_eq!(numbers(&shell.json(["log", &entry]), "row_version"), [3]);
    shell.run(["restore", &entry, "2"]).ended(6);
    let watched = shell.json(["watch", "--since", "0", "--count", "1"]);
    assert_eq!(watched["kind"], "overflow");
    shell.run(["check"]).succeeded();
}

#[test]
fn purge_wants_to_be_told_how_much() {
    let shell = Shell::new();
    let entry = forced(&shell);
    shell.run(["purge"]).ended(2);
    shell.run(["purge", &entry]).ended(2);
    shell.run(["purge", "--older-than", "-1"]).ended(2);
    shell.run(["purge", "--keep", "0", &entry[..6]]).ended(6);
    assert_eq!(
        numbers(&shell.json(["log", &entry]), "row_version"),
        [1, 2, 3]
    );
}

#[test]
fn conflicts_lists_what_lost_and_was_saved_elsewhere() {
    // K6
    let shell = Shell::new();
    assert_eq!(shell.json(["conflicts"]), json!([]));
    let entry = shell.draft("one");
    let copy = conflict_copy(&shell, &entry, "mine");
    let listed = shell.json(["conflicts"]);
    let [one] = &listed.as_array().unwrap()[..] else {
        panic!("not one: {listed}")
    };
    assert_eq!(one["entry_id"], json!(copy));
    assert_eq!(one["original"], json!(entry));
    assert_eq!(one["subject"], "mine");
    assert_eq!(one["folder"], "Conflicts");
    let versions = ["base_version", "shown_version", "original_version"];
    assert_eq!(versions.map(|name| one[name].clone()), [1, 2, 2]);
    let people = shell.run(["conflicts"]).succeeded().stdout;
    assert!(people.contains("made on 1, against 2, now 2"), "{people}");
    shell.run(["delete", &copy]).succeeded();
    assert_eq!(shell.json(["conflicts"]), json!([]));
}

#[test]
fn conflict_is_decided_later_for_either_side() {
    // K2, K6
    for (take, subject, version) in [("theirs", "one", 2), ("mine", "mine", 3)] {
        let shell = Shell::new();
        let entry = shell.draft("one");
        let copy = conflict_copy(&shell, &entry, "mine");
        let decided = shell.json(["conflicts", "--resolve", &copy, "--take", take]);
        assert_eq!(decided["entry_id"], json!(entry));
        let now = shell.json(["show", &entry]);
        assert_eq!(now["properties"]["PR_SUBJECT"], subject);
        assert_eq!(now["row_version"], version);
        assert!(now["properties"].get("PR_CONFLICT_ENTRYID").is_none());
        assert_eq!(shell.json(["conflicts"]), json!([]));
        let log = shell.json(["log", &entry]);
        let kept = numbers(&log, "content").contains(&json!("kept"));
        assert_eq!(kept, take == "mine", "{log}");
        shell.run(["check"]).succeeded();
    }
}

#[test]
fn conflict_that_cannot_be_decided_is_left_as_it_is() {
    // K2, K6
    let shell = Shell::new();
    let entry = shell.draft("one");
    let copy = conflict_copy(&shell, &entry, "mine");
    let resolve =
        |entry: &str, take: &str| shell.run(["conflicts", "--resolve", entry, "--take", take]);
    resolve(&entry, "mine").ended(6);
    shell.run(["conflicts", "--resolve", &copy]).ended(2);
    // The base is not kept, so nobody knows whose change the importance is.
    let refused = resolve(&copy, "merge").ended(2);
    assert!(refused.stderr.contains("choose"), "{refused:?}");
    shell.run(["delete", "--hard", &entry]).succeeded();
    resolve(&copy, "mine").ended(4);
    assert_eq!(numbers(&shell.json(["conflicts"]), "entry_id"), [copy]);
}
