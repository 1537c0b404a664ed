//! Changing a message by hand, as docs/schema.sql says it must be done.

use mapistore::{Access, Error, SaveFlags, pr};
use rusqlite::Connection;

use crate::filled::Filled;
use crate::same::DOCUMENT;

/// The statement that the document shows.
fn documented_update() -> String {
    let lines: Vec<&str> = DOCUMENT
        .lines()
        .skip_while(|line| !line.starts_with("--   UPDATE messages SET"))
        .collect();
    let end = lines.iter().position(|line| line.ends_with(';')).unwrap();
    lines[..=end]
        .iter()
        .map(|line| line.trim_start_matches("--").trim())
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn the_documented_change_by_hand_is_a_version_like_any_other() {
    // P1
    let filled = Filled::new();
    let mut open = filled
        .store
        .open_message(&filled.full, Access::Modify)
        .unwrap();
    let by_hand = Connection::open(&filled.path).unwrap();
    let message_id: i64 = by_hand
        .query_row(
            "SELECT message_id FROM messages WHERE entry_uid = ?",
            [filled.full.object().as_bytes()],
            |row| row.get("message_id"),
        )
        .unwrap();
    let update = documented_update()
        .replace("message_id = 7", &format!("message_id = {message_id}"))
        .replace("row_version = 3", "row_version = 1");
    for without in [
        "row_version = row_version + 1, ",
        ", content_checksum = NULL",
    ] {
        assert!(update.contains(without), "{update}");
        by_hand
            .execute(&update.replace(without, ""), [])
            .unwrap_err();
    }
    assert_eq!(by_hand.execute(&update, []).unwrap(), 1, "{update}");
    assert_eq!(
        by_hand.execute(&update, []).unwrap(),
        0,
        "the old version is in the WHERE clause"
    );

    let now = filled
        .store
        .open_message(&filled.full, Access::ReadOnly)
        .unwrap();
    assert_eq!(
        now.get(pr::SUBJECT).unwrap().as_deref(),
        Some("New subject")
    );
    assert_eq!(now.row_version().map(|version| version.get()), Some(2));
    open.set(pr::SUBJECT, "mine").unwrap();
    let refused = open
        .save_changes(SaveFlags::KEEP_OPEN_READWRITE)
        .unwrap_err();
    assert!(matches!(refused, Error::ObjectChanged { .. }), "{refused}");
}
