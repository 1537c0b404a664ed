-- The store: folders, messages, streams, journal, kept versions, and the views that people read.
-- docs/schema.sql explains every table, column, trigger and view. A shipped migration is never edited.

CREATE TABLE store_info (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    store_uid BLOB NOT NULL CHECK (length(store_uid) = 16),
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL
) STRICT;

CREATE TABLE property_names (
    tag TEXT PRIMARY KEY,
    name TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE folders (
    folder_id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (folder_id > 0),
    entry_uid BLOB NOT NULL UNIQUE CHECK (length(entry_uid) = 16),
    parent_folder_id INTEGER REFERENCES folders (folder_id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL CHECK (name <> ''),
    name_folded TEXT NOT NULL CHECK (name_folded <> ''),
    change_number INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    modified_at TEXT NOT NULL,
    total_count INTEGER NOT NULL DEFAULT 0 CHECK (total_count >= 0),
    unread_count INTEGER NOT NULL DEFAULT 0 CHECK (unread_count >= 0 AND unread_count <= total_count),
    properties TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(properties)),
    CHECK ((parent_folder_id IS NULL) = (kind = 'root'))
) STRICT;

CREATE UNIQUE INDEX folders_by_parent_and_name ON folders (parent_folder_id, name_folded);
CREATE UNIQUE INDEX folders_by_special_kind ON folders (kind) WHERE kind <> 'generic';

CREATE TABLE messages (
    message_id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (message_id BETWEEN 1 AND 4611686018427387903),
    entry_uid BLOB NOT NULL UNIQUE CHECK (length(entry_uid) = 16),
    folder_id INTEGER NOT NULL REFERENCES folders (folder_id),
    row_version INTEGER NOT NULL CHECK (row_version >= 1),
    change_number INTEGER NOT NULL CHECK (change_number >= 1),
    deleted_at TEXT,
    is_read INTEGER NOT NULL DEFAULT 0 CHECK (is_read IN (0, 1)),
    message_status INTEGER NOT NULL DEFAULT 0,
    is_associated INTEGER NOT NULL DEFAULT 0 CHECK (is_associated IN (0, 1)),
    content_checksum INTEGER,
    created_at TEXT NOT NULL,
    modified_at TEXT NOT NULL,
    modified_by TEXT NOT NULL,
    committed_at TEXT NOT NULL,
    change_key BLOB NOT NULL,
    predecessor_change_list BLOB NOT NULL,
    size INTEGER NOT NULL CHECK (size >= 0),
    message_class TEXT GENERATED ALWAYS AS (json_extract(properties, '$."001A001F"')) STORED,
    subject TEXT GENERATED ALWAYS AS (json_extract(properties, '$."0037001F"')) STORED,
    sender TEXT GENERATED ALWAYS AS (coalesce(
        nullif(json_extract(properties, '$."0042001F"'), ''), nullif(json_extract(properties, '$."0C1A001F"'), ''),
        json_extract(properties, '$."0065001F"'), json_extract(properties, '$."0C1F001F"'))) STORED,
    received_at TEXT NOT NULL GENERATED ALWAYS AS (coalesce(
        json_extract(properties, '$."0E060040"'), json_extract(properties, '$."00390040"'), '')) STORED,
    submitted_at TEXT GENERATED ALWAYS AS (json_extract(properties, '$."00390040"')) STORED,
    importance INTEGER GENERATED ALWAYS AS (json_extract(properties, '$."00170003"')) STORED,
    message_flags INTEGER NOT NULL GENERATED ALWAYS AS (coalesce(json_extract(properties, '$."0E070003"'), 0)) STORED,
    has_attachments INTEGER NOT NULL GENERATED ALWAYS AS (json_array_length(attachments, '$.rows') > 0) STORED,
    properties TEXT NOT NULL,
    recipients TEXT NOT NULL CHECK (json_valid(recipients)),
    attachments TEXT NOT NULL
) STRICT;

CREATE INDEX messages_by_folder_and_time ON messages (folder_id, received_at);

CREATE TABLE streams (
    stream_id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (stream_id > 0),
    hash BLOB UNIQUE CHECK (length(hash) = 32),
    size INTEGER NOT NULL CHECK (size >= 0),
    unreferenced_since INTEGER
) STRICT;

CREATE TABLE stream_chunks (
    chunk_id INTEGER PRIMARY KEY,
    stream_id INTEGER NOT NULL REFERENCES streams (stream_id),
    position INTEGER NOT NULL CHECK (position >= 0),
    checksum INTEGER NOT NULL,
    data BLOB NOT NULL CHECK (length(data) > 0),
    UNIQUE (stream_id, position)
) STRICT;

CREATE TABLE stream_references (
    message_id INTEGER NOT NULL,
    row_version INTEGER NOT NULL CHECK (row_version >= 0),
    stream_id INTEGER NOT NULL REFERENCES streams (stream_id),
    PRIMARY KEY (message_id, row_version, stream_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX stream_references_by_stream ON stream_references (stream_id);

CREATE TABLE named_properties (
    property_id INTEGER PRIMARY KEY CHECK (property_id BETWEEN 32769 AND 65534),
    property_set BLOB NOT NULL CHECK (length(property_set) = 16),
    number INTEGER,
    name TEXT,
    CHECK ((number IS NULL) <> (name IS NULL))
) STRICT;

CREATE UNIQUE INDEX named_properties_by_number ON named_properties (property_set, number) WHERE number IS NOT NULL;
CREATE UNIQUE INDEX named_properties_by_name ON named_properties (property_set, name) WHERE name IS NOT NULL;

CREATE TABLE changes (
    change_number INTEGER PRIMARY KEY AUTOINCREMENT,
    committed_at TEXT NOT NULL,
    kind TEXT NOT NULL,
    entry_uid BLOB CHECK (length(entry_uid) = 16),
    more_objects TEXT CHECK (json_valid(more_objects)),
    folder_uid BLOB CHECK (length(folder_uid) = 16),
    row_version INTEGER,
    properties TEXT CHECK (json_valid(properties)),
    client_name TEXT NOT NULL,
    process_id INTEGER NOT NULL,
    save_id BLOB CHECK (length(save_id) = 16)
) STRICT;

CREATE INDEX changes_by_object ON changes (entry_uid, change_number);

CREATE TABLE message_versions (
    message_id INTEGER NOT NULL,
    row_version INTEGER NOT NULL CHECK (row_version >= 1),
    entry_uid BLOB NOT NULL CHECK (length(entry_uid) = 16),
    change_number INTEGER NOT NULL,
    content_checksum INTEGER,
    modified_at TEXT NOT NULL,
    modified_by TEXT NOT NULL,
    committed_at TEXT NOT NULL,
    change_key BLOB NOT NULL,
    predecessor_change_list BLOB NOT NULL,
    size INTEGER NOT NULL,
    replaced_at TEXT NOT NULL,
    replaced_by TEXT NOT NULL,
    replaced_by_change INTEGER NOT NULL,
    reason TEXT NOT NULL,
    properties TEXT NOT NULL,
    recipients TEXT NOT NULL,
    attachments TEXT NOT NULL,
    PRIMARY KEY (message_id, row_version)
) STRICT;

CREATE INDEX message_versions_by_object ON message_versions (entry_uid);

-- Guards: they refuse, they do not mend. REPLACE fires no UPDATE or DELETE trigger, so BEFORE INSERT has to stop it.

CREATE TRIGGER messages_keep_their_identity BEFORE UPDATE ON messages
WHEN NEW.message_id IS NOT OLD.message_id OR NEW.entry_uid IS NOT OLD.entry_uid
BEGIN
    SELECT RAISE(ABORT, 'message_id and entry_uid of a message never change');
END;

CREATE TRIGGER messages_advance_by_one BEFORE UPDATE ON messages
WHEN NEW.row_version <> OLD.row_version + 1 AND (
    NEW.row_version <> OLD.row_version OR NEW.properties <> OLD.properties
    OR NEW.recipients <> OLD.recipients OR NEW.attachments <> OLD.attachments)
BEGIN
    SELECT RAISE(ABORT, 'a content change advances row_version by exactly one');
END;

CREATE TRIGGER messages_renew_their_checksum BEFORE UPDATE ON messages
WHEN NEW.content_checksum IS OLD.content_checksum AND NEW.content_checksum IS NOT NULL AND (
    NEW.properties <> OLD.properties OR NEW.recipients <> OLD.recipients OR NEW.attachments <> OLD.attachments)
BEGIN
    SELECT RAISE(ABORT, 'a content change sets content_checksum anew, by hand to NULL');
END;

CREATE TRIGGER messages_never_come_back BEFORE INSERT ON messages
WHEN NEW.row_version <> 1
    OR (NEW.message_id <> -1 AND NEW.message_id <= (SELECT seq FROM sqlite_sequence WHERE name = 'messages'))
    OR EXISTS (SELECT 1 FROM messages WHERE entry_uid = NEW.entry_uid)
    OR EXISTS (SELECT 1 FROM changes WHERE entry_uid = NEW.entry_uid)
BEGIN
    SELECT RAISE(ABORT, 'a new message has row_version 1 and identifiers that were never used');
END;

-- SQLite before 3.51.3 can corrupt a WAL database when it writes beside another process (the WAL-reset bug).

CREATE VIEW writing_sqlite AS
SELECT NOT (sqlite_version() GLOB '3.[0-9].*' OR sqlite_version() GLOB '3.[1-4][0-9].*'
    OR sqlite_version() GLOB '3.50.*' OR sqlite_version() GLOB '3.51.[0-2]') AS is_sound;

CREATE TRIGGER messages_need_a_sound_sqlite_to_insert BEFORE INSERT ON messages
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER messages_need_a_sound_sqlite_to_update BEFORE UPDATE ON messages
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER messages_need_a_sound_sqlite_to_delete BEFORE DELETE ON messages
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER folders_need_a_sound_sqlite_to_insert BEFORE INSERT ON folders
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER folders_need_a_sound_sqlite_to_update BEFORE UPDATE ON folders
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER folders_need_a_sound_sqlite_to_delete BEFORE DELETE ON folders
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER changes_need_a_sound_sqlite_to_insert BEFORE INSERT ON changes
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER changes_need_a_sound_sqlite_to_update BEFORE UPDATE ON changes
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER changes_need_a_sound_sqlite_to_delete BEFORE DELETE ON changes
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER streams_need_a_sound_sqlite_to_insert BEFORE INSERT ON streams
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER streams_need_a_sound_sqlite_to_update BEFORE UPDATE ON streams
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER streams_need_a_sound_sqlite_to_delete BEFORE DELETE ON streams
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER stream_chunks_need_a_sound_sqlite_to_insert BEFORE INSERT ON stream_chunks
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER stream_chunks_need_a_sound_sqlite_to_update BEFORE UPDATE ON stream_chunks
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER stream_chunks_need_a_sound_sqlite_to_delete BEFORE DELETE ON stream_chunks
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER stream_references_need_a_sound_sqlite_to_insert BEFORE INSERT ON stream_references
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER stream_references_need_a_sound_sqlite_to_update BEFORE UPDATE ON stream_references
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER stream_references_need_a_sound_sqlite_to_delete BEFORE DELETE ON stream_references
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER message_versions_need_a_sound_sqlite_to_insert BEFORE INSERT ON message_versions
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER message_versions_need_a_sound_sqlite_to_update BEFORE UPDATE ON message_versions
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER message_versions_need_a_sound_sqlite_to_delete BEFORE DELETE ON message_versions
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER named_properties_need_a_sound_sqlite_to_insert BEFORE INSERT ON named_properties
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER named_properties_need_a_sound_sqlite_to_update BEFORE UPDATE ON named_properties
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER named_properties_need_a_sound_sqlite_to_delete BEFORE DELETE ON named_properties
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER store_info_need_a_sound_sqlite_to_insert BEFORE INSERT ON store_info
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER store_info_need_a_sound_sqlite_to_update BEFORE UPDATE ON store_info
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER store_info_need_a_sound_sqlite_to_delete BEFORE DELETE ON store_info
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER property_names_need_a_sound_sqlite_to_insert BEFORE INSERT ON property_names
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER property_names_need_a_sound_sqlite_to_update BEFORE UPDATE ON property_names
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER property_names_need_a_sound_sqlite_to_delete BEFORE DELETE ON property_names
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Counters of folders: visible, ordinary messages.

CREATE TRIGGER folders_count_new_messages AFTER INSERT ON messages
WHEN NEW.deleted_at IS NULL AND NEW.is_associated = 0
BEGIN
    UPDATE folders SET total_count = total_count + 1, unread_count = unread_count + (NEW.is_read = 0)
    WHERE folder_id = NEW.folder_id;
END;

CREATE TRIGGER folders_count_gone_messages AFTER DELETE ON messages
WHEN OLD.deleted_at IS NULL AND OLD.is_associated = 0
BEGIN
    UPDATE folders SET total_count = total_count - 1, unread_count = unread_count - (OLD.is_read = 0)
    WHERE folder_id = OLD.folder_id;
END;

CREATE TRIGGER folders_count_changed_messages AFTER UPDATE OF folder_id, is_read, deleted_at, is_associated ON messages
BEGIN
    UPDATE folders SET total_count = total_count - 1, unread_count = unread_count - (OLD.is_read = 0)
    WHERE folder_id = OLD.folder_id AND OLD.deleted_at IS NULL AND OLD.is_associated = 0;
    UPDATE folders SET total_count = total_count + 1, unread_count = unread_count + (NEW.is_read = 0)
    WHERE folder_id = NEW.folder_id AND NEW.deleted_at IS NULL AND NEW.is_associated = 0;
END;

-- Streams: referenced or not, and since which change. The number of the change under way is one above the last.

CREATE TRIGGER streams_of_deleted_messages AFTER DELETE ON messages
BEGIN
    DELETE FROM stream_references WHERE message_id = OLD.message_id AND row_version = 0;
END;

CREATE TRIGGER streams_gain_a_reference AFTER INSERT ON stream_references
BEGIN
    UPDATE streams SET unreferenced_since = NULL
    WHERE stream_id = NEW.stream_id AND unreferenced_since IS NOT NULL;
END;

CREATE TRIGGER streams_lose_a_reference AFTER DELETE ON stream_references
WHEN NOT EXISTS (SELECT 1 FROM stream_references WHERE stream_id = OLD.stream_id)
BEGIN
    UPDATE streams
    SET unreferenced_since = 1 + coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0)
    WHERE stream_id = OLD.stream_id;
END;

CREATE TRIGGER streams_take_their_chunks BEFORE DELETE ON streams
BEGIN
    DELETE FROM stream_chunks WHERE stream_id = OLD.stream_id;
END;

-- Views: a public interface, changed only by addition.

CREATE VIEW folder_paths AS
WITH RECURSIVE paths (folder_id, path) AS (
    SELECT folder_id, '/' FROM folders WHERE kind = 'root'
    UNION ALL
    SELECT child.folder_id, CASE parent.kind
        WHEN 'root' THEN '/' || child.name
        WHEN 'ipm-subtree' THEN child.name
        ELSE paths.path || '/' || child.name END
    FROM paths JOIN folders AS parent ON parent.folder_id = paths.folder_id
    JOIN folders AS child ON child.parent_folder_id = parent.folder_id
)
SELECT folder_id, path FROM paths;

CREATE VIEW inspect_folders AS
SELECT lower(hex(folders.entry_uid)) AS entry_id, folder_paths.path AS path, folders.kind AS kind,
    folders.total_count AS total, folders.unread_count AS unread
FROM folders JOIN folder_paths ON folder_paths.folder_id = folders.folder_id;

CREATE VIEW inspect_messages AS
SELECT lower(hex(messages.entry_uid)) AS entry_id, folder_paths.path AS folder_path,
    messages.row_version AS row_version, messages.change_number AS change_number,
    messages.message_class AS message_class, messages.subject AS subject, messages.sender AS sender,
    nullif(messages.received_at, '') AS received, messages.modified_at AS modified, messages.modified_by AS modified_by,
    messages.size AS size, messages.is_read AS read, messages.has_attachments AS has_attachments,
    messages.deleted_at AS deleted_at
FROM messages JOIN folder_paths ON folder_paths.folder_id = messages.folder_id;

CREATE VIEW inspect_properties AS
SELECT lower(hex(messages.entry_uid)) AS entry_id, '0x' || property.key AS tag,
    coalesce(property_names.name, '0x' || property.key) AS name,
    CASE WHEN substr(property.key, 5, 1) = '1' THEN 'PT_MV_' ELSE 'PT_' END || CASE substr(property.key, 6, 3)
        WHEN '002' THEN 'I2' WHEN '003' THEN 'LONG' WHEN '004' THEN 'FLOAT' WHEN '005' THEN 'DOUBLE'
        WHEN '006' THEN 'CURRENCY' WHEN '007' THEN 'APPTIME' WHEN '00B' THEN 'BOOLEAN' WHEN '00D' THEN 'OBJECT'
        WHEN '014' THEN 'I8' WHEN '01E' THEN 'STRING8' WHEN '01F' THEN 'UNICODE' WHEN '040' THEN 'SYSTIME'
        WHEN '048' THEN 'CLSID' WHEN '102' THEN 'BINARY' ELSE substr(property.key, 5, 4) END AS type,
    CASE property.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE property.value END AS value
FROM messages JOIN json_each(messages.properties) AS property
LEFT JOIN property_names ON property_names.tag = property.key;

CREATE VIEW inspect_recipients AS
SELECT lower(hex(messages.entry_uid)) AS entry_id, json_extract(recipient.value, '$.row_id') AS number,
    CASE coalesce(json_extract(recipient.value, '$.properties."0C150003"'), 1) & 15
        WHEN 0 THEN 'originator' WHEN 1 THEN 'to' WHEN 2 THEN 'cc' WHEN 3 THEN 'bcc'
        ELSE json_extract(recipient.value, '$.properties."0C150003"') END AS kind,
    json_extract(recipient.value, '$.properties."3001001F"') AS name,
    json_extract(recipient.value, '$.properties."3002001F"') AS address_type,
    json_extract(recipient.value, '$.properties."3003001F"') AS address
FROM messages JOIN json_each(messages.recipients) AS recipient
WHERE recipient.type = 'object';

CREATE VIEW inspect_attachments AS
SELECT lower(hex(messages.entry_uid)) AS entry_id, json_extract(attachment.value, '$.number') AS number,
    coalesce(nullif(json_extract(attachment.value, '$.properties."3707001F"'), ''),
        nullif(json_extract(attachment.value, '$.properties."3704001F"'), ''),
        nullif(json_extract(attachment.value, '$.properties."3001001F"'), '')) AS name,
    CASE coalesce(json_extract(attachment.value, '$.properties."37050003"'), 0)
        WHEN 0 THEN 'none' WHEN 1 THEN 'by-value' WHEN 2 THEN 'by-reference' WHEN 3 THEN 'by-reference-resolve'
        WHEN 4 THEN 'by-reference-only' WHEN 5 THEN 'embedded-message' WHEN 6 THEN 'ole'
        ELSE json_extract(attachment.value, '$.properties."37050003"') END AS method,
    json_extract(attachment.value, '$.properties."37010102".size') AS size,
    json_extract(attachment.value, '$.properties."37010102".stream') AS hash
FROM messages JOIN json_each(messages.attachments, '$.rows') AS attachment
WHERE attachment.type = 'object';

CREATE VIEW inspect_changes AS
SELECT changes.change_number AS change_number, changes.committed_at AS at, changes.kind AS kind,
    coalesce(object.value, lower(hex(changes.entry_uid))) AS entry_id, changes.row_version AS row_version,
    (SELECT group_concat(coalesce(property_names.name, '0x' || tag.value), ' ')
        FROM json_each(changes.properties) AS tag LEFT JOIN property_names ON property_names.tag = tag.value) AS properties,
    changes.client_name AS client, changes.process_id AS process_id
FROM changes LEFT JOIN json_each(changes.more_objects) AS object;

CREATE VIEW inspect_versions AS
SELECT lower(hex(entry_uid)) AS entry_id, row_version AS row_version, replaced_at AS replaced_at,
    replaced_by AS replaced_by, reason AS reason, json_extract(properties, '$."0037001F"') AS subject
FROM message_versions;
