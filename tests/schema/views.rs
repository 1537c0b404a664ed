//! The inspect_* views: their columns are a promise, and what they show can be read.

use mapistore::{Cell, Store};

use crate::filled::{ATTACHED, BODY_SIZE, Filled, hash_of, shown};

/// Every view with its columns. Only additions are allowed here.
pub(crate) const VIEWS: &[(&str, &[&str])] = &[
    (
        "inspect_messages",
        &[
            "entry_id",
            "folder_path",
            "row_version",
            "change_number",
            "message_class",
            "subject",
            "sender",
            "received",
            "modified",
            "modified_by",
            "size",
            "read",
            "has_attachments",
            "deleted_at",
            "associated",
            "status",
        ],
    ),
    (
        "inspect_properties",
        &["entry_id", "tag", "name", "type", "value"],
    ),
    (
        "inspect_recipients",
        &[
            "entry_id",
            "number",
            "kind",
            "name",
            "address_type",
            "address",
        ],
    ),
    (
        "inspect_attachments",
        &[
            "entry_id",
            "number",
            "name",
            "method",
            "size",
            "hash",
            "mime_type",
            "content_id",
            "embedded_subject",
        ],
    ),
    (
        "inspect_embedded_messages",
        &[
            "entry_id",
            "path",
            "message_class",
            "subject",
            "sender",
            "recipients",
            "attachments",
            "properties",
        ],
    ),
    (
        "inspect_named_properties",
        &[
            "property_id",
            "property_set",
            "set_name",
            "kind",
            "id_or_name",
            "name",
        ],
    ),
    (
        "inspect_folders",
        &["entry_id", "path", "kind", "total", "unread"],
    ),
    (
        "inspect_changes",
        &[
            "change_number",
            "at",
            "kind",
            "entry_id",
            "row_version",
            "properties",
            "client",
            "process_id",
        ],
    ),
    (
        "inspect_versions",
        &[
            "entry_id",
            "row_version",
            "replaced_at",
            "replaced_by",
            "reason",
            "subject",
        ],
    ),
    (
        "inspect_conflicts",
        &[
            "entry_id",
            "original",
            "base_version",
            "shown_version",
            "made_at",
            "made_by",
            "folder_path",
            "subject",
            "original_version",
            "original_subject",
        ],
    ),
];

fn rows(store: &Store, query: &str) -> Vec<Vec<Cell>> {
    store.query(query).unwrap().rows
}

fn texts<const N: usize>(cells: [&str; N]) -> Vec<Cell> {
    cells.map(|cell| Cell::Text(cell.to_owned())).to_vec()
}

/// `2026-11-22T10:39:39.0000000Z`, of today or so.
fn is_time(cell: &Cell) -> bool {
    let Cell::Text(text) = cell else { return false };
    let form: String = text
        .chars()
        .map(|sign| if sign.is_ascii_digit() { '0' } else { sign })
        .collect();
    form == "0000-00-00T00:00:00.0000000Z" && text.as_str() > "2025"
}

#[test]
fn the_views_have_the_columns_that_are_promised() {
    let filled = Filled::new();
    let views = "SELECT name FROM sqlite_schema WHERE type = 'view' AND name GLOB 'inspect_*'";
    assert_eq!(
        rows(&filled.store, views).len(),
        VIEWS.len(),
        "there is a view without a promise"
    );
    for (view, columns) in VIEWS {
        let result = filled
            .store
            .query(&format!("SELECT * FROM {view}"))
            .unwrap();
        assert_eq!(result.columns, *columns, "{view}");
        assert!(!result.rows.is_empty(), "{view} shows nothing");
    }
}

#[test]
fn a_message_is_shown_with_its_whole_subject() {
    let filled = Filled::new();
    let query = format!(
        "SELECT folder_path, row_version, message_class, subject, sender, received, modified_by, read, \
         has_attachments, deleted_at, size, modified FROM inspect_messages WHERE entry_id = '{}'",
        shown(&filled.full)
    );
    let found = rows(&filled.store, &query);
    let [row] = &found[..] else {
        panic!("{} rows", found.len())
    };
    assert_eq!(
        row[..10],
        [
            Cell::Text("Drafts".to_owned()),
            Cell::Integer(1),
            Cell::Text("IPM.Note".to_owned()),
            Cell::Text("Fig\0ures".to_owned()),
            Cell::Text("Čeda".to_owned()),
            Cell::Text("2026-11-22T10:39:39.0000000Z".to_owned()),
            Cell::Text("ana".to_owned()),
            Cell::Integer(1),
            Cell::Integer(1),
            Cell::Null,
        ]
    );
    let least = i64::try_from(BODY_SIZE + ATTACHED.len()).unwrap();
    assert!(
        matches!(row[10], Cell::Integer(size) if size > least),
        "{:?}",
        row[10]
    );
    assert!(is_time(&row[11]), "{:?}", row[11]);
}

#[test]
fn properties_are_shown_by_name_and_type() {
    let filled = Filled::new();
    let property = |tag: &str| {
        let query = format!(
            "SELECT name, type, value FROM inspect_properties WHERE entry_id = '{}' AND tag = '{tag}'",
            shown(&filled.full)
        );
        let mut found = rows(&filled.store, &query);
        assert_eq!(found.len(), 1, "{tag}");
        found.remove(0)
    };
    assert_eq!(
        property("0x0037001F"),
        texts(["PR_SUBJECT", "PT_UNICODE", "Fig\0ures"])
    );
    assert_eq!(
        property("0x0005000B"),
        texts(["PR_AUTO_FORWARDED", "PT_BOOLEAN", "true"])
    );
    assert_eq!(
        property("0x8001001F"),
        texts(["0x8001001F", "PT_UNICODE", "mine"])
    );
    assert_eq!(
        property("0x8002101F"),
        texts(["PSETID_Common:0x8503", "PT_MV_UNICODE", "[\"one\",\"two\"]"])
    );
    let mut importance = texts(["PR_IMPORTANCE", "PT_LONG"]);
    importance.push(Cell::Integer(2));
    assert_eq!(property("0x00170003"), importance);
    let stream = format!(
        "{{\"stream\":\"{}\",\"size\":{BODY_SIZE}}}",
        hash_of("x".repeat(BODY_SIZE).as_bytes())
    );
    assert_eq!(
        property("0x1000001F"),
        texts(["PR_BODY", "PT_UNICODE", &stream])
    );
}

#[test]
fn recipients_and_attachments_are_shown() {
    let filled = Filled::new();
    let id = shown(&filled.full);
    let query = format!(
        "SELECT number, kind, name, address_type, address FROM inspect_recipients \
         WHERE entry_id = '{id}' ORDER BY number"
    );
    let mut to = vec![Cell::Integer(0)];
    to.extend(texts(["to", "Ana", "SMTP", "ana@example.org"]));
    let mut bcc = vec![Cell::Integer(1)];
    bcc.extend(texts(["bcc", "", "SMTP", "ben@example.org"]));
    assert_eq!(rows(&filled.store, &query), [to, bcc]);
    let query = format!(
        "SELECT number, name, method, size, hash, mime_type, content_id, embedded_subject \
         FROM inspect_attachments WHERE entry_id = '{id}'"
    );
    let mut attached = vec![Cell::Integer(0)];
    attached.extend(texts(["figures.csv", "by-value"]));
    attached.push(Cell::Integer(i64::try_from(ATTACHED.len()).unwrap()));
    attached.extend(texts([&hash_of(ATTACHED)]));
    attached.extend([Cell::Null, Cell::Null, Cell::Null]);
    assert_eq!(rows(&filled.store, &query), [attached]);
}

#[test]
fn messages_in_attachments_are_shown_with_the_way_to_them() {
    let filled = Filled::new();
    let id = shown(&filled.nested);
    let query = format!(
        "SELECT path, message_class, subject, sender, recipients, attachments FROM inspect_embedded_messages \
         WHERE entry_id = '{id}' ORDER BY path"
    );
    let row = |path: &str, subject: &str, attachments| {
        let mut row = texts([path, "IPM.Note", subject, "ana@example.org"]);
        row.extend([Cell::Integer(1), Cell::Integer(attachments)]);
        row
    };
    assert_eq!(
        rows(&filled.store, &query),
        [row("0", "middle", 1), row("0/2", "innermost", 0)]
    );
    let query = "SELECT value FROM inspect_embedded_messages AS held, json_each(held.properties) \
        WHERE held.path = '0/2' AND key = '0037001F'";
    assert_eq!(rows(&filled.store, query), [texts(["innermost"])]);
    let query = format!(
        "SELECT number, mime_type, content_id, embedded_subject FROM inspect_attachments WHERE entry_id = '{id}'"
    );
    let mut attached = vec![Cell::Integer(0)];
    attached.extend(texts(["message/rfc822", "part1", "middle"]));
    assert_eq!(rows(&filled.store, &query), [attached]);
}

#[test]
fn named_properties_are_shown_as_people_write_them() {
    let filled = Filled::new();
    let query = "SELECT * FROM inspect_named_properties ORDER BY property_id";
    let common = "00062008-0000-0000-c000-000000000046";
    let own = "a5a5a5a5-a5a5-a5a5-a5a5-a5a5a5a5a5a5";
    let mut last = texts(["0x8004", own]);
    last.push(Cell::Null);
    last.extend(texts(["string", "Keywords", &format!("{own}:Keywords")]));
    let number = [
        "0x8002",
        common,
        "PSETID_Common",
        "number",
        "0x8503",
        "PSETID_Common:0x8503",
    ];
    let text = [
        "0x8003",
        common,
        "PSETID_Common",
        "string",
        "\"0x8503\"",
        "PSETID_Common:\"0x8503\"",
    ];
    assert_eq!(
        rows(&filled.store, query),
        [texts(number), texts(text), last]
    );
}

#[test]
fn folders_are_shown_with_their_counts() {
    let filled = Filled::new();
    let folder = |path: &str| {
        let query = format!("SELECT kind, total FROM inspect_folders WHERE path = '{path}'");
        rows(&filled.store, &query)
    };
    let row = |kind: &str, total| vec![vec![Cell::Text(kind.to_owned()), Cell::Integer(total)]];
    assert_eq!(folder("/"), row("root", 0));
    assert_eq!(folder("Inbox"), row("inbox", 3));
    assert_eq!(folder("Inbox/2026"), row("generic", 3));
    assert_eq!(folder("Drafts"), row("drafts", 1));
}

#[test]
fn a_change_of_several_messages_has_a_row_for_each() {
    let filled = Filled::new();
    let query = "SELECT entry_id, change_number, row_version, client, at FROM inspect_changes \
        WHERE kind = 'messages-moved'";
    let found = rows(&filled.store, query);
    let mut expected: Vec<Vec<Cell>> = filled
        .moved
        .iter()
        .map(|entry_id| texts([&shown(entry_id)]))
        .collect();
    let mut moved: Vec<Vec<Cell>> = found.iter().map(|row| row[..1].to_vec()).collect();
    let order = |row: &Vec<Cell>| format!("{row:?}");
    moved.sort_by_key(order);
    expected.sort_by_key(order);
    assert_eq!(moved, expected);
    for row in &found {
        assert_eq!(
            row[1..4],
            [
                found[0][1].clone(),
                Cell::Null,
                Cell::Text("ana".to_owned())
            ]
        );
        assert!(is_time(&row[4]), "{row:?}");
    }
}

#[test]
fn the_journal_names_what_a_save_changed() {
    let filled = Filled::new();
    let query = format!(
        "SELECT kind, row_version, properties, client, process_id FROM inspect_changes \
         WHERE entry_id = '{}' ORDER BY change_number",
        shown(&filled.forced)
    );
    let kinds = ["message-created", "message-saved", "message-forced"];
    let found = rows(&filled.store, &query);
    assert_eq!(found.len(), kinds.len());
    for ((row, kind), version) in found.iter().zip(kinds).zip(1..) {
        assert_eq!(
            row[..2],
            [Cell::Text(kind.to_owned()), Cell::Integer(version)]
        );
        let Cell::Text(properties) = &row[2] else {
            panic!("{row:?}")
        };
        assert!(
            properties.split(' ').any(|name| name == "PR_SUBJECT"),
            "{properties}"
        );
        let client = if version == 3 { "ben" } else { "ana" };
        let process = Cell::Integer(i64::from(std::process::id()));
        assert_eq!(row[3..], [Cell::Text(client.to_owned()), process]);
    }
}

#[test]
fn a_version_that_was_replaced_unseen_is_shown() {
    // K4
    let filled = Filled::new();
    let found = rows(&filled.store, "SELECT * FROM inspect_versions");
    let [row] = &found[..] else {
        panic!("{} rows", found.len())
    };
    assert_eq!(
        row[..2],
        [Cell::Text(shown(&filled.forced)), Cell::Integer(2)]
    );
    assert!(is_time(&row[2]), "{row:?}");
    assert_eq!(row[3..], texts(["ben", "force-save", "of the faster"]));
}

#[test]
fn a_copy_out_of_a_conflict_is_shown_with_what_it_lost_against() {
    // K6
    let filled = Filled::new();
    let found = rows(&filled.store, "SELECT * FROM inspect_conflicts");
    let [row] = &found[..] else {
        panic!("{} rows", found.len())
    };
    let [copy, contested] = [filled.copy, filled.contested].map(|id| Cell::Text(shown(&id)));
    assert_eq!(row[..2], [copy, contested]);
    assert_eq!(row[2..4], [Cell::Integer(1), Cell::Integer(2)]);
    assert!(is_time(&row[4]), "{row:?}");
    assert_eq!(row[5..8], texts(["ben", "Conflicts", "the loser"]));
    assert_eq!(row[8], Cell::Integer(2));
    assert_eq!(row[9..], texts(["the winner"]));
}
