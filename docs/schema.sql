-- The schema of a store, explained for somebody who looks into one with SQL.
--
-- A store is one SQLite database file, mail.store say. Beside it lie SQLite's own mail.store-wal and mail.store-shm,
-- and mail.store-lock, which holds no data. None of them may be deleted while any process has the store open.
--
-- HOW TO LOOK
--
--   mapistore --store mail.store sql 'SELECT subject, received FROM inspect_messages LIMIT 5'
--   sqlite3 -readonly mail.store 'SELECT subject, received FROM inspect_messages LIMIT 5'
--
-- Both are safe while other processes read and write. Mind the -readonly: the sqlite3 program of most systems is older
-- than SQLite 3.51.3, and such a one can corrupt a database that several processes write. (The tables refuse to be
-- written by it, see the triggers that need a sound SQLite; -readonly does without the experiment.) Never copy the
-- file alone with cp while the store is open: what was saved last is in the -wal file.
-- A query that runs for long keeps the -wal file from being reused, so page long results.
--
-- Ask the inspect_* views at the end of this file. They are a public interface, changed only by addition: entry ids
-- are 32 lower-case hexadecimal digits, times are RFC 3339 in UTC, properties have names. The tables may change with
-- any version of the schema, which is PRAGMA user_version (this is 3). PRAGMA application_id is 1296126035, "MAPS".
--
-- SQLite's own table sqlite_sequence holds the numbers that were given and must not come again: never write to it. No
-- trigger can guard it.
--
-- HOW A MESSAGE IS STORED
--
-- One row of messages is one whole message, so a query never sees half of a save. What the message says stands in
-- three JSON documents. properties is an object whose keys are property tags as eight upper-case hexadecimal
-- digits, four for the property and four for the type of its value:
--
--   {"001A001F":"IPM.Note","0037001F":"Figures","0E060040":"2026-11-22T10:39:39.0000000Z",
--    "10130102":{"stream":"9f…","size":5000}}
--
--   integers, currency (in 1/10000)     a number
--   floating point, application time    a number, or "NaN", "Infinity", "-Infinity"
--   boolean                             true, false
--   text (…001F)                        a string
--   8-bit text (…001E), binary (…0102)  a string in base64
--   time (…0040)                        a string, RFC 3339 with seven decimals and Z; after the year 9999 "filetime:"
--                                       and a number in twenty digits
--   GUID (…0048)                        a string such as "6b29fc40-ca47-1067-b31d-00dd010662da"
--   several values (…1…)                an array
--   a large text or binary value        {"stream":HASH,"size":BYTES}, kept in streams
--
-- A key that begins with a digit needs the long form: json_extract(properties, '$."0037001F"'). The short form
-- properties ->> '0037001F' takes it for an array index in some versions of SQLite, and finds nothing.
-- SQLite 3.40 ends a text at U+0000 in both; 3.51 gives all of it.
--
-- recipients is [{"row_id":0,"properties":{…}},…], and attachments is
-- {"next_number":1,"rows":[{"number":0,"properties":{…}},…]}. An attachment that holds a message has it beside its
-- properties: {"number":0,"properties":{…},"message":{"properties":{…},"recipients":[…],"next_number":1,
-- "attachments":[{"number":0,"properties":{…}},…]}}.
--
-- A property from 0x8001 on has no meaning of its own: named_properties says which name it stands for in this store,
-- and inspect_named_properties shows the name as people write it.
--
-- HOW TO CHANGE, IF IT MUST BE BY HAND
--
-- Use the program or the library if you can; they also keep the journal. If not: SQLite 3.51.3 or later, BEGIN
-- IMMEDIATE, and for every message whose properties, recipients or attachments change
--
--   UPDATE messages SET properties = json_set(properties, '$."0037001F"', 'New subject'),
--       row_version = row_version + 1, content_checksum = NULL WHERE message_id = 7 AND row_version = 3;
--
-- row_version + 1, or open handles of other processes would overwrite the change without noticing; content_checksum
-- NULL, since only the library can compute it; and the old version in the WHERE clause, so that you do not overwrite
-- what somebody saved meanwhile. Triggers refuse what breaks the first two. No other process is told of the change,
-- since change_number and the journal stay as they are, and the columns that describe the save (modified_at, change_key
-- and so on) go on describing the one before. No new hash may be written into a document unless stream_references has
-- a row for it.
--
-- This file is SQL and makes the schema as it is, object by object in the order of the migrations; a test compares.
-- Comments stand above what they explain; the columns of a view are listed above it. A store also has sqlite_sequence,
-- in which SQLite remembers the highest number that each AUTOINCREMENT table has given out.

-- TABLES

-- What the store is: exactly one row.
CREATE TABLE store_info (
    -- Always 1, so that there can be no second row.
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    -- The store's own id, 16 random bytes. Every entry id of the store begins with 4 zero bytes and this.
    store_uid BLOB NOT NULL CHECK (length(store_uid) = 16),
    -- When the store was made.
    created_at TEXT NOT NULL,
    -- The name of the client that made it.
    created_by TEXT NOT NULL,
    -- Further properties of the store itself, as in a message.
    properties TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(properties)),
    -- The newest change that was ever purged from the journal: up to it, rows may be missing. 0: nothing was.
    purged_through INTEGER NOT NULL DEFAULT 0 CHECK (purged_through >= 0)
) STRICT;

-- The names that the inspect_* views show for property tags. Filled by the library, never read for anything else.
CREATE TABLE property_names (
    -- A property tag, eight upper-case hexadecimal digits, as in the documents.
    tag TEXT PRIMARY KEY,
    -- Its name in MAPI, such as PR_SUBJECT.
    name TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The folders, each below another one up to the root.
CREATE TABLE folders (
    -- Names the folder within this file; never given out again.
    folder_id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (folder_id > 0),
    -- Names the folder to clients, 16 bytes: the last part of its entry id; hex(entry_uid) in lower case is what
    -- views and programs show.
    entry_uid BLOB NOT NULL UNIQUE CHECK (length(entry_uid) = 16),
    -- The folder that it is in. NULL for the root only.
    parent_folder_id INTEGER REFERENCES folders (folder_id),
    -- Its part in the store: root, ipm-subtree, inbox, outbox, sent-items, deleted-items, drafts, conflicts, each
    -- exactly once; generic for all others.
    kind TEXT NOT NULL,
    -- The name to show.
    name TEXT NOT NULL CHECK (name <> ''),
    -- The name in lower case: names in one folder differ by more than case.
    name_folded TEXT NOT NULL CHECK (name_folded <> ''),
    -- The change that made it, or changed it last, see changes; 0 for those that came with the store.
    change_number INTEGER NOT NULL,
    -- When it was made.
    created_at TEXT NOT NULL,
    -- When it was made, renamed, or its properties were changed last; never goes back.
    modified_at TEXT NOT NULL,
    -- The visible messages in it: not soft-deleted, not associated. Kept by triggers.
    total_count INTEGER NOT NULL DEFAULT 0 CHECK (total_count >= 0),
    -- Those of them that are unread. Kept by triggers.
    unread_count INTEGER NOT NULL DEFAULT 0 CHECK (unread_count >= 0 AND unread_count <= total_count),
    -- Further properties of the folder, as in a message.
    properties TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(properties)),
    CHECK ((parent_folder_id IS NULL) = (kind = 'root'))
) STRICT;

-- Finds a folder by its name, and keeps two of one name apart.
CREATE UNIQUE INDEX folders_by_parent_and_name ON folders (parent_folder_id, name_folded);

-- Finds the inbox and the like, and keeps each of them the only one.
CREATE UNIQUE INDEX folders_by_special_kind ON folders (kind) WHERE kind <> 'generic';

-- The messages: one row is one whole message. The columns before the documents that say GENERATED are computed from
-- the documents by SQLite, for sorting and filtering; they cannot be set.
CREATE TABLE messages (
    -- Names the message within this file; never given out again, never changed.
    message_id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (message_id BETWEEN 1 AND 4611686018427387903),
    -- Names the message to clients, 16 random bytes: the last part of its entry id. The same in every folder, never
    -- given out again, never changed.
    entry_uid BLOB NOT NULL UNIQUE CHECK (length(entry_uid) = 16),
    -- The folder that it is in. Moving it makes no new version.
    folder_id INTEGER NOT NULL REFERENCES folders (folder_id),
    -- The version of the content: 1 after the first save, one more with each save, never lowered. A save goes
    -- through only if this is still the version that it is built on.
    row_version INTEGER NOT NULL CHECK (row_version >= 1),
    -- The last change of the message, see changes: a save, a move, a mark or a soft delete.
    change_number INTEGER NOT NULL CHECK (change_number >= 1),
    -- When it was soft-deleted; NULL while it is visible. What is deleted for good has no row.
    deleted_at TEXT,
    -- 1 if it is marked as read, else 0. No part of the content.
    is_read INTEGER NOT NULL DEFAULT 0 CHECK (is_read IN (0, 1)),
    -- The bits of PR_MSG_STATUS, such as 2 tagged, 8 marked to be deleted, 512 answered. No part of the content.
    message_status INTEGER NOT NULL DEFAULT 0,
    -- 1 for a hidden message that belongs to the folder itself (FAI), such as a view or a rule; else 0.
    is_associated INTEGER NOT NULL DEFAULT 0 CHECK (is_associated IN (0, 1)),
    -- 64 bits over entry_uid and the three documents (XXH3), with which damage is found. NULL: not known, which is
    -- right after a change by hand.
    content_checksum INTEGER,
    -- When the message was begun (PR_CREATION_TIME).
    created_at TEXT NOT NULL,
    -- When it was saved last (PR_LAST_MODIFICATION_TIME); never goes back, even if the clock does.
    modified_at TEXT NOT NULL,
    -- The name of the client that saved it last (PR_LAST_MODIFIER_NAME).
    modified_by TEXT NOT NULL,
    -- When it was saved last by the clock of that host (PR_LOCAL_COMMIT_TIME).
    committed_at TEXT NOT NULL,
    -- Names this version among all stores (PR_CHANGE_KEY): the store's uid, 5 bytes of the change number, 3 random
    -- bytes.
    change_key BLOB NOT NULL,
    -- The change keys that this version has seen, the newest of each store (PR_PREDECESSOR_CHANGE_LIST): each after
    -- a byte with its length.
    predecessor_change_list BLOB NOT NULL,
    -- The bytes of all values, those in streams in full (PR_MESSAGE_SIZE_EXTENDED).
    size INTEGER NOT NULL CHECK (size >= 0),
    -- GENERATED: what kind of message it is, such as IPM.Note (PR_MESSAGE_CLASS).
    message_class TEXT GENERATED ALWAYS AS (json_extract(properties, '$."001A001F"')) STORED,
    -- GENERATED: the subject (PR_SUBJECT).
    subject TEXT GENERATED ALWAYS AS (json_extract(properties, '$."0037001F"')) STORED,
    -- GENERATED: whom it is from: the first that is there of the represented sender's name, the sender's name
    -- (empty ones are passed over), and their addresses.
    sender TEXT GENERATED ALWAYS AS (coalesce(
        nullif(json_extract(properties, '$."0042001F"'), ''), nullif(json_extract(properties, '$."0C1A001F"'), ''),
        json_extract(properties, '$."0065001F"'), json_extract(properties, '$."0C1F001F"'))) STORED,
    -- GENERATED: when it was delivered (PR_MESSAGE_DELIVERY_TIME), else submitted, else an empty text.
    received_at TEXT NOT NULL GENERATED ALWAYS AS (coalesce(
        json_extract(properties, '$."0E060040"'), json_extract(properties, '$."00390040"'), '')) STORED,
    -- GENERATED: when it was sent (PR_CLIENT_SUBMIT_TIME).
    submitted_at TEXT GENERATED ALWAYS AS (json_extract(properties, '$."00390040"')) STORED,
    -- GENERATED: 0 low, 1 normal, 2 high (PR_IMPORTANCE).
    importance INTEGER GENERATED ALWAYS AS (json_extract(properties, '$."00170003"')) STORED,
    -- GENERATED: the bits of PR_MESSAGE_FLAGS that are content, such as 8 unsent; read, has-attachments and
    -- associated are columns of their own.
    message_flags INTEGER NOT NULL GENERATED ALWAYS AS (coalesce(json_extract(properties, '$."0E070003"'), 0)) STORED,
    -- GENERATED: 1 if there is an attachment, else 0.
    has_attachments INTEGER NOT NULL GENERATED ALWAYS AS (json_array_length(attachments, '$.rows') > 0) STORED,
    -- The document with the properties, see above.
    properties TEXT NOT NULL,
    -- The document with the recipients, see above.
    recipients TEXT NOT NULL CHECK (json_valid(recipients)),
    -- The document with the attachments, see above; next_number is the number that the next new one gets.
    attachments TEXT NOT NULL,
    -- Bits of PR_MESSAGE_FLAGS that are no part of the content: 256 a read receipt is due when it is read, 512 a
    -- non-read receipt when it is deleted unread, 1024 it was marked as read before.
    read_flags INTEGER NOT NULL DEFAULT 0 CHECK (read_flags & ~1792 = 0)
) STRICT;

-- Lists a folder by the time received.
CREATE INDEX messages_by_folder_and_time ON messages (folder_id, received_at);

-- Large values and the data of all attachments, each stored once however many messages hold it. A stream never
-- changes.
CREATE TABLE streams (
    -- Names the stream within this file.
    stream_id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (stream_id > 0),
    -- The BLAKE3 hash of the content, which documents name in hexadecimal. NULL while it is still being written,
    -- and when it is being removed.
    hash BLOB UNIQUE CHECK (length(hash) = 32),
    -- Its bytes.
    size INTEGER NOT NULL CHECK (size >= 0),
    -- The change since which nothing refers to it: it is removed once no open handle of any process is older. NULL
    -- while something does refer to it.
    unreferenced_since INTEGER
) STRICT;

-- The content of the streams, in pieces of at most 128 KiB.
CREATE TABLE stream_chunks (
    -- Names the piece within this file.
    chunk_id INTEGER PRIMARY KEY,
    -- The stream that it is a piece of.
    stream_id INTEGER NOT NULL REFERENCES streams (stream_id),
    -- The byte of the stream that it begins at.
    position INTEGER NOT NULL CHECK (position >= 0),
    -- 64 bits over the piece (XXH3, seeded with the position), verified whenever it is read.
    checksum INTEGER NOT NULL,
    -- The bytes.
    data BLOB NOT NULL CHECK (length(data) > 0),
    UNIQUE (stream_id, position)
) STRICT;

-- Which streams the messages and the kept versions hold. Written together with the document that names the stream,
-- so that a stream that is in use is never removed.
CREATE TABLE stream_references (
    -- The message.
    message_id INTEGER NOT NULL,
    -- 0: the message as it is now. Else the kept version of that number, see message_versions.
    row_version INTEGER NOT NULL CHECK (row_version >= 0),
    -- A stream that one of its documents names.
    stream_id INTEGER NOT NULL REFERENCES streams (stream_id),
    PRIMARY KEY (message_id, row_version, stream_id)
) STRICT, WITHOUT ROWID;

-- Tells whether anything still refers to a stream.
CREATE INDEX stream_references_by_stream ON stream_references (stream_id);

-- Properties that have a name in place of a number of their own: which number from 0x8001 to 0xFFFE stands for them
-- in this store.
CREATE TABLE named_properties (
    -- The number, which is the first half of the tag.
    property_id INTEGER PRIMARY KEY CHECK (property_id BETWEEN 32769 AND 65534),
    -- The GUID of the set that the name is of, 16 bytes in the order of its text.
    property_set BLOB NOT NULL CHECK (length(property_set) = 16),
    -- The name, if it is a number.
    number INTEGER,
    -- The name, if it is a text.
    name TEXT,
    CHECK ((number IS NULL) <> (name IS NULL))
) STRICT;

-- Finds a property by a name that is a number; each name has one property.
CREATE UNIQUE INDEX named_properties_by_number ON named_properties (property_set, number) WHERE number IS NOT NULL;

-- Finds a property by a name that is a text; each name has one property.
CREATE UNIQUE INDEX named_properties_by_name ON named_properties (property_set, name) WHERE name IS NOT NULL;

-- The journal: one row for each committed change of anything in the store, in the order of the commits. Old rows
-- may have been purged.
CREATE TABLE changes (
    -- The place in that order: one more than the change before, never given out again.
    change_number INTEGER PRIMARY KEY AUTOINCREMENT,
    -- When, by the clock of the host. Clocks jump: the order is that of change_number.
    committed_at TEXT NOT NULL,
    -- What was done: message-created, message-saved, message-forced, messages-moved, message-deleted (softly),
    -- message-hard-deleted, read-state-changed, status-changed, folder-created, folder-renamed, folder-deleted,
    -- folder-changed (its properties), store-changed. Saves that resolved a conflict: message-overwritten,
    -- message-merged. A kept version put back: message-restored.
    kind TEXT NOT NULL,
    -- The message or folder that was changed, or store_uid for the store itself. NULL if it was several at once.
    entry_uid BLOB CHECK (length(entry_uid) = 16),
    -- Several that were changed at once: an array of their uids in hexadecimal. NULL if it was one.
    more_objects TEXT CHECK (json_valid(more_objects)),
    -- The folder that a message was created in or moved to, or that a folder was made in; else NULL.
    folder_uid BLOB CHECK (length(folder_uid) = 16),
    -- The version that a save made, or that was deleted; else NULL.
    row_version INTEGER,
    -- What was changed: an array of tags. 0E12000D stands for the recipients, 0E13000D for the attachments. NULL
    -- if nothing of the content changed.
    properties TEXT CHECK (json_valid(properties)),
    -- The name of the client.
    client_name TEXT NOT NULL,
    -- Its process, as the host numbers them.
    process_id INTEGER NOT NULL,
    -- The save, 16 bytes that the client chose: with them it can ask later whether the save took place. NULL if it
    -- was no save.
    save_id BLOB CHECK (length(save_id) = 16)
) STRICT;

-- Finds the history of one message or folder.
CREATE INDEX changes_by_object ON changes (entry_uid, change_number);

-- Versions of messages that were replaced by somebody who had not seen them, as they were: they can be restored
-- until they are purged. They stay when the message is deleted.
CREATE TABLE message_versions (
    -- The message, see messages.
    message_id INTEGER NOT NULL,
    -- The number of this version.
    row_version INTEGER NOT NULL CHECK (row_version >= 1),
    -- The message as clients know it; stays valid when the message is deleted for good.
    entry_uid BLOB NOT NULL CHECK (length(entry_uid) = 16),
    -- The last change of the message before it was replaced.
    change_number INTEGER NOT NULL,
    -- As in messages, of these documents.
    content_checksum INTEGER,
    -- As in messages: when this version was saved.
    modified_at TEXT NOT NULL,
    -- As in messages: who saved it.
    modified_by TEXT NOT NULL,
    -- As in messages: when, by the clock of that host.
    committed_at TEXT NOT NULL,
    -- As in messages: names this version among all stores.
    change_key BLOB NOT NULL,
    -- As in messages: the versions that this one has seen.
    predecessor_change_list BLOB NOT NULL,
    -- As in messages: its bytes.
    size INTEGER NOT NULL,
    -- When it was replaced.
    replaced_at TEXT NOT NULL,
    -- The name of the client that replaced it.
    replaced_by TEXT NOT NULL,
    -- The change that replaced it, see changes.
    replaced_by_change INTEGER NOT NULL,
    -- How it was replaced: force-save, overwrite, merge or restore.
    reason TEXT NOT NULL,
    -- The document with its properties.
    properties TEXT NOT NULL,
    -- The document with its recipients.
    recipients TEXT NOT NULL,
    -- The document with its attachments.
    attachments TEXT NOT NULL,
    PRIMARY KEY (message_id, row_version)
) STRICT;

-- Finds the kept versions of one message.
CREATE INDEX message_versions_by_object ON message_versions (entry_uid);

-- TRIGGERS: GUARDS. They refuse, they do not mend.

-- Refuses to change the id or the uid of a message: clients remember it.
CREATE TRIGGER messages_keep_their_identity BEFORE UPDATE ON messages
WHEN NEW.message_id IS NOT OLD.message_id OR NEW.entry_uid IS NOT OLD.entry_uid
BEGIN
    SELECT RAISE(ABORT, 'message_id and entry_uid of a message never change');
END;

-- Refuses to change the content without row_version + 1, or row_version by anything else: without it another client
-- would overwrite the change without noticing.
CREATE TRIGGER messages_advance_by_one BEFORE UPDATE ON messages
WHEN NEW.row_version <> OLD.row_version + 1 AND (
    NEW.row_version <> OLD.row_version OR NEW.properties <> OLD.properties
    OR NEW.recipients <> OLD.recipients OR NEW.attachments <> OLD.attachments)
BEGIN
    SELECT RAISE(ABORT, 'a content change advances row_version by exactly one');
END;

-- Refuses to change the content and keep the checksum of what it was: set it to NULL.
CREATE TRIGGER messages_renew_their_checksum BEFORE UPDATE ON messages
WHEN NEW.content_checksum IS OLD.content_checksum AND NEW.content_checksum IS NOT NULL AND (
    NEW.properties <> OLD.properties OR NEW.recipients <> OLD.recipients OR NEW.attachments <> OLD.attachments)
BEGIN
    SELECT RAISE(ABORT, 'a content change sets content_checksum anew, by hand to NULL');
END;

-- Refuses a new message with an id or uid that was given out before, and REPLACE over one that is there, which
-- fires no other trigger.
CREATE TRIGGER messages_never_come_back BEFORE INSERT ON messages
WHEN NEW.row_version <> 1
    OR (NEW.message_id <> -1 AND NEW.message_id <= (SELECT seq FROM sqlite_sequence WHERE name = 'messages'))
    OR EXISTS (SELECT 1 FROM messages WHERE entry_uid = NEW.entry_uid)
    OR EXISTS (SELECT 1 FROM changes WHERE entry_uid = NEW.entry_uid)
BEGIN
    SELECT RAISE(ABORT, 'a new message has row_version 1 and identifiers that were never used');
END;

-- Tells whether the SQLite that asks may write; for the triggers below.
--
--   is_sound  1 from SQLite 3.51.3 on. Earlier ones can corrupt the database when they write beside another process
--             (the WAL-reset bug).
CREATE VIEW writing_sqlite AS
SELECT NOT (sqlite_version() GLOB '3.[0-9].*' OR sqlite_version() GLOB '3.[1-4][0-9].*'
    OR sqlite_version() GLOB '3.50.*' OR sqlite_version() GLOB '3.51.[0-2]') AS is_sound;

-- Refuses to insert rows of messages with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER messages_need_a_sound_sqlite_to_insert BEFORE INSERT ON messages
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to update rows of messages with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER messages_need_a_sound_sqlite_to_update BEFORE UPDATE ON messages
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to delete rows of messages with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER messages_need_a_sound_sqlite_to_delete BEFORE DELETE ON messages
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to insert rows of folders with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER folders_need_a_sound_sqlite_to_insert BEFORE INSERT ON folders
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to update rows of folders with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER folders_need_a_sound_sqlite_to_update BEFORE UPDATE ON folders
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to delete rows of folders with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER folders_need_a_sound_sqlite_to_delete BEFORE DELETE ON folders
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to insert rows of changes with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER changes_need_a_sound_sqlite_to_insert BEFORE INSERT ON changes
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to update rows of changes with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER changes_need_a_sound_sqlite_to_update BEFORE UPDATE ON changes
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to delete rows of changes with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER changes_need_a_sound_sqlite_to_delete BEFORE DELETE ON changes
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to insert rows of streams with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER streams_need_a_sound_sqlite_to_insert BEFORE INSERT ON streams
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to update rows of streams with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER streams_need_a_sound_sqlite_to_update BEFORE UPDATE ON streams
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to delete rows of streams with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER streams_need_a_sound_sqlite_to_delete BEFORE DELETE ON streams
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to insert rows of stream_chunks with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER stream_chunks_need_a_sound_sqlite_to_insert BEFORE INSERT ON stream_chunks
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to update rows of stream_chunks with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER stream_chunks_need_a_sound_sqlite_to_update BEFORE UPDATE ON stream_chunks
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to delete rows of stream_chunks with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER stream_chunks_need_a_sound_sqlite_to_delete BEFORE DELETE ON stream_chunks
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to insert rows of stream_references with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER stream_references_need_a_sound_sqlite_to_insert BEFORE INSERT ON stream_references
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to update rows of stream_references with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER stream_references_need_a_sound_sqlite_to_update BEFORE UPDATE ON stream_references
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to delete rows of stream_references with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER stream_references_need_a_sound_sqlite_to_delete BEFORE DELETE ON stream_references
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to insert rows of message_versions with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER message_versions_need_a_sound_sqlite_to_insert BEFORE INSERT ON message_versions
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to update rows of message_versions with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER message_versions_need_a_sound_sqlite_to_update BEFORE UPDATE ON message_versions
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to delete rows of message_versions with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER message_versions_need_a_sound_sqlite_to_delete BEFORE DELETE ON message_versions
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to insert rows of named_properties with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER named_properties_need_a_sound_sqlite_to_insert BEFORE INSERT ON named_properties
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to update rows of named_properties with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER named_properties_need_a_sound_sqlite_to_update BEFORE UPDATE ON named_properties
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to delete rows of named_properties with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER named_properties_need_a_sound_sqlite_to_delete BEFORE DELETE ON named_properties
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to insert rows into store_info with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER store_info_need_a_sound_sqlite_to_insert BEFORE INSERT ON store_info
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to update rows of store_info with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER store_info_need_a_sound_sqlite_to_update BEFORE UPDATE ON store_info
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to delete rows of store_info with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER store_info_need_a_sound_sqlite_to_delete BEFORE DELETE ON store_info
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to insert rows into property_names with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER property_names_need_a_sound_sqlite_to_insert BEFORE INSERT ON property_names
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to update rows of property_names with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER property_names_need_a_sound_sqlite_to_update BEFORE UPDATE ON property_names
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to delete rows of property_names with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER property_names_need_a_sound_sqlite_to_delete BEFORE DELETE ON property_names
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- TRIGGERS: BOOKKEEPING

-- Counts a new message in its folder.
CREATE TRIGGER folders_count_new_messages AFTER INSERT ON messages
WHEN NEW.deleted_at IS NULL AND NEW.is_associated = 0
BEGIN
    UPDATE folders SET total_count = total_count + 1, unread_count = unread_count + (NEW.is_read = 0)
    WHERE folder_id = NEW.folder_id;
END;

-- Takes a message that is deleted for good out of the count of its folder.
CREATE TRIGGER folders_count_gone_messages AFTER DELETE ON messages
WHEN OLD.deleted_at IS NULL AND OLD.is_associated = 0
BEGIN
    UPDATE folders SET total_count = total_count - 1, unread_count = unread_count - (OLD.is_read = 0)
    WHERE folder_id = OLD.folder_id;
END;

-- Keeps the counts when a message is moved, marked read or unread, or soft-deleted.
CREATE TRIGGER folders_count_changed_messages AFTER UPDATE OF folder_id, is_read, deleted_at, is_associated ON messages
BEGIN
    UPDATE folders SET total_count = total_count - 1, unread_count = unread_count - (OLD.is_read = 0)
    WHERE folder_id = OLD.folder_id AND OLD.deleted_at IS NULL AND OLD.is_associated = 0;
    UPDATE folders SET total_count = total_count + 1, unread_count = unread_count + (NEW.is_read = 0)
    WHERE folder_id = NEW.folder_id AND NEW.deleted_at IS NULL AND NEW.is_associated = 0;
END;

-- Releases the streams of a message that is deleted for good; kept versions keep theirs.
CREATE TRIGGER streams_of_deleted_messages AFTER DELETE ON messages
BEGIN
    DELETE FROM stream_references WHERE message_id = OLD.message_id AND row_version = 0;
END;

-- Notes that a stream is in use (again).
CREATE TRIGGER streams_gain_a_reference AFTER INSERT ON stream_references
BEGIN
    UPDATE streams SET unreferenced_since = NULL
    WHERE stream_id = NEW.stream_id AND unreferenced_since IS NOT NULL;
END;

-- Notes since which change a stream is no longer in use: the change under way, one above the last.
CREATE TRIGGER streams_lose_a_reference AFTER DELETE ON stream_references
WHEN NOT EXISTS (SELECT 1 FROM stream_references WHERE stream_id = OLD.stream_id)
BEGIN
    UPDATE streams
    SET unreferenced_since = 1 + coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0)
    WHERE stream_id = OLD.stream_id;
END;

-- Removes the pieces of a stream with it.
CREATE TRIGGER streams_take_their_chunks BEFORE DELETE ON streams
BEGIN
    DELETE FROM stream_chunks WHERE stream_id = OLD.stream_id;
END;

-- VIEWS

-- The paths of the folders, for the views below.
--
--   folder_id  The folder, see folders.
--   path       Where it is: Inbox, or Sent Items/2026. / is the root, /Name a folder directly below it; inside the
--              IPM subtree, paths begin with the first folder's name.
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

-- The folders.
--
--   entry_id  Names the folder, 32 hexadecimal digits.
--   path      Where it is, such as Sent Items/2026.
--   kind      Its part in the store, such as inbox; generic for most.
--   total     The visible messages in it.
--   unread    Those of them that are unread.
CREATE VIEW inspect_folders AS
SELECT lower(hex(folders.entry_uid)) AS entry_id, folder_paths.path AS path, folders.kind AS kind,
    folders.total_count AS total, folders.unread_count AS unread
FROM folders JOIN folder_paths ON folder_paths.folder_id = folders.folder_id;

-- The recipients of all messages, one a row.
--
--   entry_id      The message.
--   number        Tells the recipients of one message apart.
--   kind          to, cc, bcc or originator; a number if it is none of them.
--   name          The name to show.
--   address_type  The kind of address, such as SMTP.
--   address       The address.
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

-- The kept versions: those that were replaced by a client that had not seen them.
--
--   entry_id     The message.
--   row_version  The number of the version.
--   replaced_at  When it was replaced.
--   replaced_by  The client that replaced it.
--   reason       How, such as force-save.
--   subject      Its subject.
CREATE VIEW inspect_versions AS
SELECT lower(hex(entry_uid)) AS entry_id, row_version AS row_version, replaced_at AS replaced_at,
    replaced_by AS replaced_by, reason AS reason, json_extract(properties, '$."0037001F"') AS subject
FROM message_versions;

-- SINCE VERSION 2

-- The names of sets of named properties, for the views below. Filled by the library, never read for anything else.
CREATE TABLE property_sets (
    -- The GUID of the set, 16 bytes in the order of its text.
    property_set BLOB PRIMARY KEY CHECK (length(property_set) = 16),
    -- Its name in MAPI, such as PSETID_Common.
    name TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Refuses to insert rows into property_sets with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER property_sets_need_a_sound_sqlite_to_insert BEFORE INSERT ON property_sets
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to update rows of property_sets with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER property_sets_need_a_sound_sqlite_to_update BEFORE UPDATE ON property_sets
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to delete rows of property_sets with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER property_sets_need_a_sound_sqlite_to_delete BEFORE DELETE ON property_sets
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- The named properties that the store knows.
--
--   property_id   The number that stands for the name in this store, such as 0x8001: the first half of a tag.
--   property_set  The GUID of the set that the name is of.
--   set_name      The name of the set, such as PSETID_Common; NULL if it has none.
--   kind          number or string.
--   id_or_name    The name within the set: a number such as 0x8503, or a text, in quotes if it could be taken for
--                 something else: for a number, or for a name with a type.
--   name          The whole name as programs and the other views show it, such as PSETID_Common:0x8503.
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

-- The messages, with what a list shows. Soft-deleted ones are among them: WHERE deleted_at IS NULL leaves them out.
--
--   entry_id         Names the message, 32 hexadecimal digits; the same for as long as it lives.
--   folder_path      The folder that it is in.
--   row_version      Its version: one more with each save.
--   change_number    Its last change, see inspect_changes.
--   message_class    What kind of message it is, such as IPM.Note.
--   subject          The subject.
--   sender           Whom it is from: a name, else an address.
--   received         When it was delivered, else submitted; NULL if neither is known.
--   modified         When it was saved last.
--   modified_by      The client that saved it last.
--   size             Its bytes, attachments included.
--   read             1 if it is marked as read, else 0.
--   has_attachments  1 if it has an attachment, else 0.
--   deleted_at       When it was soft-deleted; NULL while it is visible.
--   associated       1 if it is hidden and belongs to the folder itself (FAI), else 0.
--   status           The bits of PR_MSG_STATUS, such as 2 tagged, 8 marked to be deleted, 512 answered.
CREATE VIEW inspect_messages AS
SELECT lower(hex(messages.entry_uid)) AS entry_id, folder_paths.path AS folder_path,
    messages.row_version AS row_version, messages.change_number AS change_number,
    messages.message_class AS message_class, messages.subject AS subject, messages.sender AS sender,
    nullif(messages.received_at, '') AS received, messages.modified_at AS modified, messages.modified_by AS modified_by,
    messages.size AS size, messages.is_read AS read, messages.has_attachments AS has_attachments,
    messages.deleted_at AS deleted_at, messages.is_associated AS associated, messages.message_status AS status
FROM messages JOIN folder_paths ON folder_paths.folder_id = messages.folder_id;

-- The properties of all messages, one a row. What the store computes, such as times and the change key, is in
-- inspect_messages.
--
--   entry_id  The message.
--   tag       The property and its type, such as 0x0037001F.
--   name      Its name, such as PR_SUBJECT, or PSETID_Common:0x8503 for a named property; the tag if it has none.
--   type      The type, such as PT_UNICODE; PT_MV_… has several values.
--   value     The value as in the document: text, numbers, base64, true or false; a JSON array of several;
--             {"stream":HASH,"size":BYTES} for a large one.
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

-- The attachments of all messages, one a row.
--
--   entry_id          The message.
--   number            Tells the attachments of one message apart; never used again there.
--   name              The file name, else the name to show.
--   method            How the data is attached: by-value, embedded-message, by-reference, …; none.
--   size              The bytes of the data; NULL if there is none.
--   hash              The BLAKE3 hash of the data, 64 hexadecimal digits; NULL if there is none.
--   mime_type         The type of the data, such as image/png.
--   content_id        What the body names the attachment by.
--   embedded_subject  The subject of the message that it holds, see inspect_embedded_messages.
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

-- The messages that attachments hold, and those that attachments of these hold, one a row.
--
--   entry_id       The message that holds it, outermost.
--   path           The numbers of the attachments on the way to it: 0, or 0/2 within the one at 0.
--   message_class  What kind of message it is, such as IPM.Note.
--   subject        The subject.
--   sender         Whom it is from: a name, else an address.
--   recipients     How many recipients it has.
--   attachments    How many attachments it has.
--   properties     Its properties, a document like those of messages.
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

-- The journal, in which a change of several objects has a row for each: all of one change_number. ORDER BY
-- change_number.
--
--   change_number  The place in the order of commits.
--   at             When, by the clock of the host.
--   kind           What was done, such as message-saved; see the table changes.
--   entry_id       The message or folder; the store's own uid if the store itself was changed.
--   row_version    The version that a save made, or that was deleted.
--   properties     The names of the properties that were changed, separated by spaces.
--   client         The client that did it.
--   process_id     Its process.
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

-- SINCE VERSION 3

-- Messages that are one side of a conflict, saved as messages of their own: what each was in conflict with. Written
-- by the save that makes the copy; neither the copy nor the original gets a version by it.
CREATE TABLE conflict_copies (
    -- The copy, see messages.
    copy_uid BLOB PRIMARY KEY CHECK (length(copy_uid) = 16),
    -- The message that it was in conflict with, which may have been deleted since.
    original_uid BLOB NOT NULL CHECK (length(original_uid) = 16),
    -- The version of the original that the changes were made on.
    base_version INTEGER NOT NULL CHECK (base_version >= 1),
    -- The version of the original that the user was shown when the copy was made. NULL if it was deleted already.
    shown_version INTEGER CHECK (shown_version >= base_version),
    -- When the copy was made.
    made_at TEXT NOT NULL,
    -- The name of the client that made it.
    made_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Finds the copies that lost against one message.
CREATE INDEX conflict_copies_by_original ON conflict_copies (original_uid);

-- Refuses to insert rows into conflict_copies with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER conflict_copies_need_a_sound_sqlite_to_insert BEFORE INSERT ON conflict_copies
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to update rows of conflict_copies with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER conflict_copies_need_a_sound_sqlite_to_update BEFORE UPDATE ON conflict_copies
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Refuses to delete rows of conflict_copies with a SQLite that could corrupt the store, see writing_sqlite.
CREATE TRIGGER conflict_copies_need_a_sound_sqlite_to_delete BEFORE DELETE ON conflict_copies
WHEN NOT (SELECT is_sound FROM writing_sqlite)
BEGIN
    SELECT RAISE(ABORT, 'this SQLite is older than 3.51.3 and could corrupt the store: open it with -readonly');
END;

-- Forgets what a copy was in conflict with when the copy is deleted for good.
CREATE TRIGGER conflict_copies_go_with_their_message AFTER DELETE ON messages
BEGIN
    DELETE FROM conflict_copies WHERE copy_uid = OLD.entry_uid;
END;

-- The copies that wait for a decision: those that nobody has deleted.
--
--   entry_id          The copy.
--   original          The message that it was in conflict with.
--   base_version      The version of the original that the changes were made on.
--   shown_version     The version that the user was shown when the copy was made; NULL if the original was deleted.
--   made_at           When the copy was made.
--   made_by           The client that made it.
--   folder_path       Where the copy is.
--   subject           Its subject.
--   original_version  The version of the original now; NULL if it is deleted.
--   original_subject  The subject of the original now.
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
