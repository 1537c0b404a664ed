-- Named properties by their names, properties of the store itself, what read receipts need, embedded messages.
-- docs/schema.sql explains every table, column, trigger and view. A shipped migration is never edited.

ALTER TABLE store_info ADD COLUMN properties TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(properties));

-- Beside the documents, not in them: no part of the content. 1792 is 0x700, the three bits that there are.
ALTER TABLE messages ADD COLUMN read_flags INTEGER NOT NULL DEFAULT 0 CHECK (read_flags & ~1792 = 0);

CREATE TABLE property_sets (
    property_set BLOB PRIMARY KEY CHECK (length(property_set) = 16),
    name TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER property_sets_need_a_sound_sqlite_to_insert BEFORE INSERT ON property_sets
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER property_sets_need_a_sound_sqlite_to_update BEFORE UPDATE ON property_sets
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

CREATE TRIGGER property_sets_need_a_sound_sqlite_to_delete BEFORE DELETE ON property_sets
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Views: made anew where they change, with further columns at the end.

DROP VIEW inspect_messages;
DROP VIEW inspect_properties;
DROP VIEW inspect_attachments;
DROP VIEW inspect_changes;

CREATE VIEW inspect_named_properties AS
SELECT named.property_id AS property_id, named.property_set AS property_set, property_sets.name AS set_name,
    named.kind AS kind, named.id_or_name AS id_or_name,
    coalesce(property_sets.name, named.property_set) || ':' || named.id_or_name AS name
FROM (SELECT printf('0x%04X', property_id) AS property_id, property_set AS set_key,
        lower(substr(hex(property_set), 1, 8) || '-' || substr(hex(property_set), 9, 4) || '-'
            || substr(hex(property_set), 13, 4) || '-' || substr(hex(property_set), 17, 4) || '-'
            || substr(hex(property_set), 21)) AS property_set,
        CASE WHEN name IS NULL THEN 'number' ELSE 'string' END AS kind,
        CASE WHEN name IS NULL THEN printf('0x%04X', number)
            WHEN name GLOB '0[xX]*' OR name GLOB '"*' OR name GLOB '*:PT_*' THEN '"' || name || '"'
            ELSE name END AS id_or_name
    FROM named_properties) AS named
LEFT JOIN property_sets ON property_sets.property_set = named.set_key;

CREATE VIEW inspect_messages AS
SELECT lower(hex(messages.entry_uid)) AS entry_id, folder_paths.path AS folder_path,
    messages.row_version AS row_version, messages.change_number AS change_number,
    messages.message_class AS message_class, messages.subject AS subject, messages.sender AS sender,
    nullif(messages.received_at, '') AS received, messages.modified_at AS modified, messages.modified_by AS modified_by,
    messages.size AS size, messages.is_read AS read, messages.has_attachments AS has_attachments,
    messages.deleted_at AS deleted_at, messages.is_associated AS associated, messages.message_status AS status
FROM messages JOIN folder_paths ON folder_paths.folder_id = messages.folder_id;

CREATE VIEW inspect_properties AS
SELECT lower(hex(messages.entry_uid)) AS entry_id, '0x' || property.key AS tag,
    coalesce(property_names.name, named.name, '0x' || property.key) AS name,
    CASE WHEN substr(property.key, 5, 1) = '1' THEN 'PT_MV_' ELSE 'PT_' END || CASE substr(property.key, 6, 3)
        WHEN '002' THEN 'I2' WHEN '003' THEN 'LONG' WHEN '004' THEN 'FLOAT' WHEN '005' THEN 'DOUBLE'
        WHEN '006' THEN 'CURRENCY' WHEN '007' THEN 'APPTIME' WHEN '00B' THEN 'BOOLEAN' WHEN '00D' THEN 'OBJECT'
        WHEN '014' THEN 'I8' WHEN '01E' THEN 'STRING8' WHEN '01F' THEN 'UNICODE' WHEN '040' THEN 'SYSTIME'
        WHEN '048' THEN 'CLSID' WHEN '102' THEN 'BINARY' ELSE substr(property.key, 5, 4) END AS type,
    CASE property.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE property.value END AS value
FROM messages JOIN json_each(messages.properties) AS property
LEFT JOIN property_names ON property_names.tag = property.key
LEFT JOIN inspect_named_properties AS named ON named.property_id = '0x' || substr(property.key, 1, 4);

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
    json_extract(attachment.value, '$.properties."37010102".stream') AS hash,
    json_extract(attachment.value, '$.properties."370E001F"') AS mime_type,
    json_extract(attachment.value, '$.properties."3712001F"') AS content_id,
    json_extract(attachment.value, '$.message.properties."0037001F"') AS embedded_subject
FROM messages JOIN json_each(messages.attachments, '$.rows') AS attachment
WHERE attachment.type = 'object';

CREATE VIEW inspect_embedded_messages AS
WITH RECURSIVE embedded (entry_uid, path, message) AS (
    SELECT messages.entry_uid, json_extract(attachment.value, '$.number') || '',
        json_extract(attachment.value, '$.message')
    FROM messages JOIN json_each(messages.attachments, '$.rows') AS attachment
    WHERE attachment.type = 'object' AND json_type(attachment.value, '$.message') = 'object'
    UNION ALL
    SELECT embedded.entry_uid, embedded.path || '/' || json_extract(attachment.value, '$.number'),
        json_extract(attachment.value, '$.message')
    FROM embedded JOIN json_each(embedded.message, '$.attachments') AS attachment
    WHERE attachment.type = 'object' AND json_type(attachment.value, '$.message') = 'object'
)
SELECT lower(hex(entry_uid)) AS entry_id, path AS path,
    json_extract(message, '$.properties."001A001F"') AS message_class,
    json_extract(message, '$.properties."0037001F"') AS subject,
    coalesce(nullif(json_extract(message, '$.properties."0042001F"'), ''),
        nullif(json_extract(message, '$.properties."0C1A001F"'), ''),
        json_extract(message, '$.properties."0065001F"'), json_extract(message, '$.properties."0C1F001F"')) AS sender,
    coalesce(json_array_length(message, '$.recipients'), 0) AS recipients,
    coalesce(json_array_length(message, '$.attachments'), 0) AS attachments,
    json_extract(message, '$.properties') AS properties
FROM embedded;

CREATE VIEW inspect_changes AS
SELECT changes.change_number AS change_number, changes.committed_at AS at, changes.kind AS kind,
    coalesce(object.value, lower(hex(changes.entry_uid))) AS entry_id, changes.row_version AS row_version,
    (SELECT group_concat(coalesce(property_names.name, named.name, '0x' || tag.value), ' ')
        FROM json_each(changes.properties) AS tag
        LEFT JOIN property_names ON property_names.tag = tag.value
        LEFT JOIN inspect_named_properties AS named ON named.property_id = '0x' || substr(tag.value, 1, 4)
    ) AS properties,
    changes.client_name AS client, changes.process_id AS process_id
FROM changes LEFT JOIN json_each(changes.more_objects) AS object;
