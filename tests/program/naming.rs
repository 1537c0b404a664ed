//! How entries are named.

use crate::shell::Shell;

#[test]
fn entry_is_named_by_all_of_its_digits_or_the_first_ones() {
    let shell = Shell::new();
    let entry = shell.draft("a");
    let whole = shell.json(["show", &entry])["properties"]["PR_ENTRYID"]
        .as_str()
        .unwrap()
        .to_owned();
    // 4 zero bytes, the store's uid, the object's uid.
    let store = shell.query("SELECT lower(hex(store_uid)) FROM store_info");
    let long = format!("00000000{}{entry}", store.as_str().unwrap());
    assert_eq!(long.len(), 72);
    assert!(whole.starts_with("AAAAA"));
    for name in [
        &entry,
        &entry[..4],
        &entry[..31],
        &entry.to_uppercase(),
        &long,
    ] {
        assert_eq!(shell.json(["show", name])["entry_id"], entry, "{name}");
    }
    let foreign = format!("00000000{}{entry}", "0".repeat(32));
    assert_eq!(
        shell.run(["show", &foreign, "--json"]).error(6)["error"],
        "MAPI_E_UNKNOWN_ENTRYID"
    );
}

#[test]
fn what_names_no_entry_is_not_found() {
    let shell = Shell::new();
    let entry = shell.draft("a");
    let wrong_form = format!("1{}", "0".repeat(71));
    for (name, error) in [
        (&entry[..3], "MAPI_E_INVALID_ENTRYID"),
        ("", "MAPI_E_INVALID_ENTRYID"),
        ("nonsense", "MAPI_E_INVALID_ENTRYID"),
        (&format!("{entry}00"), "MAPI_E_INVALID_ENTRYID"),
        (&wrong_form, "MAPI_E_INVALID_ENTRYID"),
        (&"0".repeat(32), "MAPI_E_NOT_FOUND"),
        ("00000000", "MAPI_E_NOT_FOUND"),
    ] {
        assert_eq!(
            shell.run(["show", name, "--json"]).error(6)["error"],
            error,
            "{name:?}"
        );
        shell.run(["set", name, "PR_SUBJECT=b"]).ended(6);
        shell.run(["delete", name]).ended(6);
        shell.run(["move", name, "Inbox"]).ended(6);
    }
    // Deleting wants eight digits.
    shell.run(["delete", &entry[..7]]).ended(6);
    shell.run(["delete", &entry[..8]]).succeeded();
}

#[test]
fn ambiguous_beginning_is_wrong_usage_and_tells_the_candidates() {
    let shell = Shell::new();
    for number in 0..2_000 {
        shell.write(&format!("mail/{number}.eml"), "Subject: one of many\n\n");
    }
    shell
        .run(["import", "mail", "--folder", "Inbox"])
        .succeeded();
    // Among two thousand random ones, two that begin with the same four digits are as good as sure.
    let beginning = shell.query(
        "SELECT substr(entry_id, 1, 4) FROM inspect_messages GROUP BY 1 HAVING count(*) = 2 LIMIT 1",
    );
    let beginning = beginning.as_str().unwrap();
    let error = shell.run(["show", beginning, "--json"]).error(2);
    let candidates: Vec<&str> = error["candidates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one.as_str().unwrap())
        .collect();
    assert_eq!(candidates.len(), 2, "{error}");
    let text = shell
        .run(["set", beginning, "PR_SUBJECT=b"])
        .ended(2)
        .stderr;
    for candidate in candidates {
        assert!(
            candidate.starts_with(beginning) && text.contains(candidate),
            "{text}"
        );
    }
}

#[test]
fn folders_are_named_by_their_path_in_any_case() {
    let shell = Shell::with_mails();
    shell
        .run(["import", "/dev/null", "--folder", "Archive/2026"])
        .succeeded();
    for (path, count) in [
        ("inbox", 4),
        ("/IPM Subtree/Inbox", 4),
        ("archive/2026", 1),
        ("Archive", 0),
        ("/", 0),
    ] {
        assert_eq!(
            shell.json(["list", path]).as_array().unwrap().len(),
            count,
            "{path}"
        );
    }
    for path in ["Archive/2027", "Inbox/Archive", "nowhere"] {
        assert_eq!(
            shell.run(["list", path, "--json"]).error(6)["error"],
            "MAPI_E_NOT_FOUND"
        );
    }
}
