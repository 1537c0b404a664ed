-- Copies that came out of a conflict say so, and the journal knows how far it was purged.
-- docs/schema.sql explains every table, column, trigger and view. A shipped migration is never edited.

ALTER TABLE store_info ADD COLUMN purged_through INTEGER NOT NULL DEFAULT 0 CHECK (purged_through >= 0);

CREATE TABLE conflict_copies (
    copy_uid BLOB PRIMARY KEY CHECK (length(copy_uid) = 16),
    original_uid BLOB NOT NULL CHECK (length(original_uid) = 16),
    base_version INTEGER NOT NULL CHECK (base_version >= 1),
    shown_version INTEGER CHECK (shown_version >= base_version),
    made_at TEXT NOT NULL,
    made_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX conflict_copies_by_original ON conflict_copies (original_uid);

CREATE TRIGGER conflict_copies_need_a_sound_sqlite_to_insert BEFORE INSERT ON conflict_copies
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER conflict_copies_need_a_sound_sqlite_to_update BEFORE UPDATE ON conflict_copies
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER conflict_copies_need_a_sound_sqlite_to_delete BEFORE DELETE ON conflict_copies
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER conflict_copies_go_with_their_message AFTER DELETE ON messages
BEGIN
    DELETE FROM conflict_copies WHERE copy_uid = OLD.entry_uid;
END;

CREATE VIEW inspect_conflicts AS
SELECT lower(hex(conflict_copies.copy_uid)) AS entry_id, lower(hex(conflict_copies.original_uid)) AS original,
    conflict_copies.base_version AS base_version, conflict_copies.shown_version AS shown_version,
    conflict_copies.made_at AS made_at, conflict_copies.made_by AS made_by, folder_paths.path AS folder_path,
    copy.subject AS subject, original.row_version AS original_version, original.subject AS original_subject
FROM conflict_copies
JOIN messages AS copy ON copy.entry_uid = conflict_copies.copy_uid AND copy.deleted_at IS NULL
JOIN folder_paths ON folder_paths.folder_id = copy.folder_id
LEFT JOIN messages AS original
    ON original.entry_uid = conflict_copies.original_uid AND original.deleted_at IS NULL;
