//! `demo`.

use crate::shell::Shell;

#[test]
fn demo_needs_nothing_and_all_its_claims_hold() {
    let shell = Shell::without_store();
    let output = shell
        .command(["demo"])
        .env_remove("MAPISTORE")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    for part in [
        "OBJECT_CHANGED (0x80040109)",
        "saved by Ana",
        "FORCE_SAVE",
        "message-forced",
        "claims held",
    ] {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
    // K1: the table of the prompt, drawn for Ben.
    let shown = text.find("theirs  version 2, saved by Ana at ").unwrap();
    let table: Vec<&str> = text[shown..].lines().map(str::trim).take(5).collect();
    assert_eq!(table[1], "yours   built on version 1; not saved yet");
    let columns: Vec<&str> = table[2].split_whitespace().collect();
    let expected = ["property", "base", "theirs", "yours", "changed", "by"];
    assert_eq!(columns, expected);
    assert!(table[3].starts_with("PR_SUBJECT") && table[3].ends_with("both"));
    assert!(!text.contains('\u{1b}'), "colour is for terminals");
    assert_eq!(
        std::fs::read_dir(shell.path(".")).unwrap().count(),
        0,
        "nothing is left behind"
    );
}

#[test]
fn demo_in_json_is_an_array_of_steps() {
    let shell = Shell::without_store();
    let steps = shell.json(["--store", "demo.store", "demo"]);
    let steps = steps.as_array().unwrap();
    assert!(steps.len() > 5);
    for (number, step) in steps.iter().enumerate() {
        assert_eq!(step["step"], number + 1);
        let claims = step["claims"].as_array().unwrap();
        assert!(
            !claims.is_empty() && claims.iter().all(|claim| claim["held"] == true),
            "{step}"
        );
    }
    assert!(
        shell.path("demo.store").exists(),
        "a store that was named is kept"
    );
}

#[test]
fn demo_leaves_an_existing_store_alone() {
    let shell = Shell::new();
    shell.draft("mine");
    shell.run(["demo"]).succeeded();
    assert_eq!(shell.query("SELECT count(*) FROM messages"), 1);
}
