//! Named properties, as people write them: `SET:NAME`, with their type where it is not known.

use serde_json::json;

use crate::shell::{Session, Shell};

const REMINDER: &str = "PSETID_Common:0x8503";
const KEYWORDS: &str = "PS_PUBLIC_STRINGS:Keywords";

#[test]
fn named_properties_are_set_shown_and_deleted_by_their_names() {
    let shell = Shell::new();
    let entry = shell
        .run([
            "new",
            "Drafts",
            "PSETID_Common:0x8503:PT_BOOLEAN=true",
            "PS_PUBLIC_STRINGS:Keywords:PT_MV_UNICODE=[\"a=b\",\"c\"]",
            "00020386-0000-0000-c000-000000000046:X-Mine:PT_UNICODE=x",
            "PS_PUBLIC_STRINGS:\"a=b\":PT_I8=9007199254740993",
        ])
        .succeeded()
        .line()
        .to_owned();
    let properties = shell.json(["show", &entry])["properties"].clone();
    assert_eq!(properties[REMINDER], json!(true));
    assert_eq!(properties[KEYWORDS], json!(["a=b", "c"]));
    assert_eq!(properties["PS_INTERNET_HEADERS:x-mine"], json!("x"));
    assert_eq!(
        properties["PS_PUBLIC_STRINGS:a=b"],
        json!("9007199254740993")
    );
    let text = shell.run(["show", &entry]).succeeded().stdout;
    assert!(text.contains(&format!("\n{REMINDER} ")), "{text}");

    // The type that the message has need not be said again.
    let message = shell.json(["set", &entry, "PSETID_Common:0x8503=false"]);
    assert_eq!(message["properties"][REMINDER], json!(false));
    let message = shell.json(["set", &entry, "--unset", KEYWORDS]);
    assert!(message["properties"][KEYWORDS].is_null());
    // What the message does not have is deleted already.
    shell
        .run(["set", &entry, "--unset", "PSETID_Task:0x8101"])
        .succeeded();
    let id = shell
        .query("SELECT count(*) FROM inspect_named_properties WHERE name = 'PSETID_Task:0x8101'");
    assert_eq!(id, 0, "deleting makes no name known");
}

#[test]
fn named_property_of_unknown_type_or_set_is_refused() {
    let shell = Shell::new();
    let entry = shell.draft("a");
    for property in [
        "PSETID_Common:0x8503=true",
        "PSETID_Common:0x8503:PT_NONSENSE=true",
        "PSETID_Common:0x8503:PT_OBJECT=",
        "PSETID_Common:0x8503:PT_BOOLEAN=perhaps",
        "PSETID_Common:0x85=true",
        "PSETID_Nonsense:0x8503:PT_BOOLEAN=true",
    ] {
        shell.run(["set", &entry, property, "--json"]).error(2);
    }
    let twice = [
        "PSETID_Common:0x8503:PT_BOOLEAN=true",
        "PSETID_Common:0x8503:PT_LONG=1",
    ];
    shell.run(["set", &entry, twice[0], twice[1]]).ended(2);
    assert_eq!(shell.json(["show", &entry])["row_version"], 1);
}

#[test]
fn conflicts_and_changes_are_told_with_the_names() {
    let shell = Shell::new();
    let entry = shell.draft("a");
    let since = shell.query("SELECT max(change_number) FROM inspect_changes");
    let mut watch =
        Session::new(shell.command(["watch", "--json", "--count=1", &format!("--since={since}")]));
    let flag = "PSETID_Common:0x8503:PT_BOOLEAN=true";
    shell.run(["set", &entry, flag]).succeeded();
    assert_eq!(watch.next()["properties"], json!([REMINDER]));
    let merging = ["--base=1", "--on-conflict=merge", "--json"];
    let refused = shell
        .run([&["set", &entry, flag], &merging[..]].concat())
        .error(3);
    assert_eq!(refused["properties"], json!([REMINDER]));
    let other = "PSETID_Common:0x8506:PT_BOOLEAN=true";
    shell
        .run([&["set", &entry, other], &merging[..]].concat())
        .succeeded();
}
