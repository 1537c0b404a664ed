//! A store, and ways to damage it.

use std::fs;
use std::path::Path;

use mapistore::{Access, Recipient, SaveFlags, Store, pr};

use crate::victim;

const PAGE: usize = 4096;

/// Numbers that a seed decides.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64, case: u64) -> Random {
        let mut random = Random(
            seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ case.wrapping_mul(0xD1B5_4A32_D192_ED03),
        );
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// The bytes of a store and of its log, and what its messages show.
pub(crate) struct Original {
    store: Vec<u8>,
    log: Vec<u8>,
    known: String,
}

/// What somebody may have put into the schema.
const HOSTILE: &[&str] = &[
    "CREATE TRIGGER hostile AFTER UPDATE ON messages BEGIN DELETE FROM folders; END",
    "CREATE TRIGGER hostile BEFORE INSERT ON changes BEGIN SELECT load_extension('x'); END",
    "CREATE TRIGGER hostile AFTER INSERT ON changes BEGIN DELETE FROM messages; END",
    "DROP TABLE changes; CREATE VIEW changes AS SELECT 1 AS change_number",
    "DROP VIEW folder_paths; CREATE VIEW folder_paths AS WITH RECURSIVE p (folder_id, path) AS \
     (SELECT 1, '/' UNION ALL SELECT folder_id + 1, path || 'x' FROM p) SELECT folder_id, path FROM p",
    "DROP VIEW folder_paths; CREATE VIEW folder_paths AS SELECT 1 AS folder_id, zeroblob(1000000000) AS path",
    "DROP VIEW inspect_messages; CREATE VIEW inspect_messages AS WITH RECURSIVE n (a) AS \
     (SELECT 1 UNION ALL SELECT a + 1 FROM n) SELECT a AS entry_id FROM n",
    "ALTER TABLE folders RENAME TO others",
    "ALTER TABLE messages ADD COLUMN more TEXT",
    "ALTER TABLE store_info RENAME COLUMN store_uid TO uid",
    "DROP INDEX messages_by_folder_and_time",
    "DROP TRIGGER messages_advance_by_one",
    "DROP TRIGGER folders_count_new_messages",
    "PRAGMA user_version = 2",
    "PRAGMA user_version = -7",
    "PRAGMA application_id = 0",
    "UPDATE folders SET parent_folder_id = folder_id WHERE kind = 'generic'",
    "UPDATE folders SET name = 'a/b' || char(0) || 'c' WHERE kind = 'inbox'",
    "UPDATE folders SET properties = '[1, 2]'",
    "UPDATE folders SET entry_uid = zeroblob(16) WHERE kind = 'inbox'",
    "PRAGMA ignore_check_constraints = ON; UPDATE folders SET kind = 'nothing' WHERE kind = 'inbox'",
    "PRAGMA ignore_check_constraints = ON; UPDATE folders SET total_count = -5, unread_count = 9223372036854775807",
    "PRAGMA ignore_check_constraints = ON; UPDATE messages SET row_version = 0",
    "UPDATE messages SET message_status = -9223372036854775808, size = 9223372036854775807",
    "UPDATE messages SET modified_at = 'yesterday', created_at = '', committed_at = 'x'",
    "UPDATE messages SET change_key = zeroblob(100000), predecessor_change_list = x'ff'",
    "UPDATE streams SET size = 9223372036854775807",
    "UPDATE streams SET hash = NULL",
    "UPDATE stream_chunks SET position = position + 1",
    "UPDATE stream_chunks SET data = zeroblob(1)",
    "UPDATE sqlite_sequence SET seq = 9223372036854775807",
    "UPDATE sqlite_sequence SET seq = 'many'",
    "DELETE FROM sqlite_sequence",
    "UPDATE changes SET kind = 'nothing', row_version = -3",
    "UPDATE changes SET entry_uid = (SELECT entry_uid FROM messages LIMIT 1)",
    "UPDATE store_info SET properties = '{}', purged_through = 9223372036854775807",
    "DELETE FROM store_info",
    "DELETE FROM folders WHERE kind = 'generic'",
    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE messages (a, b)' WHERE name = 'messages'",
    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 5 WHERE name = 'folders'",
    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, '0037001F', '0070001F') WHERE name = 'messages'",
    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'nonsense' WHERE name = 'streams'",
    "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'named_properties'",
    "PRAGMA journal_mode = DELETE",
    "VACUUM",
];

impl Original {
    /// A store with messages of all kinds, some of them only in the log.
    pub(crate) fn make() -> Original {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mail.store");
        let store = Store::options().create_if_missing().open(&path).unwrap();
        fill(&store, 0..24);
        drop(store);
        let store = Store::options().open(&path).unwrap();
        fill(&store, 24..32);
        let known = victim::contents(&store).unwrap();
        let bytes = |path: &Path| fs::read(path).unwrap();
        // The store is still open, so the log is still there.
        let log = bytes(&folder.path().join("mail.store-wal"));
        let original = Original {
            store: bytes(&path),
            log,
            known,
        };
        assert!(!original.log.is_empty());
        original
    }

    pub(crate) fn known(&self) -> &str {
        &self.known
    }

    /// Writes a damaged copy, and says what was done.
    pub(crate) fn damage(&self, folder: &Path, random: &mut Random) -> String {
        let path = folder.join("mail.store");
        let (mut store, mut log) = (self.store.clone(), self.log.clone());
        let with_log = random.below(2) == 0;
        let kind = random.below(20);
        let mut what = match kind {
            0 => not_a_store(&mut store, random),
            1..=3 => {
                let hostile = HOSTILE[random.below(HOSTILE.len())];
                fs::write(&path, &store).unwrap();
                fs::write(folder.join("mail.store-wal"), &log).unwrap();
                return by_hand(&path, hostile);
            }
            4..=7 if with_log => format!("log: {}", bytes(&mut log, random)),
            _ => bytes(&mut store, random),
        };
        fs::write(&path, &store).unwrap();
        if with_log {
            fs::write(folder.join("mail.store-wal"), &log).unwrap();
            what.push_str(", with its log");
        }
        what
    }
}

fn by_hand(path: &Path, sql: &str) -> String {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)
        .unwrap();
    connection
        .execute_batch("PRAGMA foreign_keys = OFF")
        .unwrap();
    match connection.execute_batch(sql) {
        Ok(()) => format!("by hand: {sql}"),
        Err(error) => format!("by hand: {sql}: {error}"),
    }
}

fn not_a_store(store: &mut Vec<u8>, random: &mut Random) -> String {
    match random.below(4) {
        0 => {
            store.clear();
            "empty".to_owned()
        }
        1 => {
            let length = random.below(100_000);
            *store = (0..length).map(|_| random.next() as u8).collect();
            format!("{length} bytes of noise")
        }
        2 => {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("other");
            let other = rusqlite::Connection::open(&path).unwrap();
            other
                .execute_batch("CREATE TABLE messages (a); INSERT INTO messages VALUES (1)")
                .unwrap();
            drop(other);
            *store = fs::read(path).unwrap();
            "another database".to_owned()
        }
        _ => {
            let byte = random.next() as u8;
            store.fill(byte);
            format!("nothing but {byte}")
        }
    }
}

fn bytes(bytes: &mut Vec<u8>, random: &mut Random) -> String {
    let pages = bytes.len() / PAGE;
    match random.below(6) {
        0 => {
            let count = 1 + random.below(3);
            for _ in 0..count {
                let (at, bit) = (random.below(bytes.len()), random.below(8));
                bytes[at] ^= 1 << bit;
            }
            format!("{count} bits")
        }
        1 => {
            let count = 20 + random.below(400);
            for _ in 0..count {
                let (at, byte) = (random.below(bytes.len()), random.next() as u8);
                bytes[at] = byte;
            }
            format!("{count} bytes")
        }
        2 => {
            let length = random.below(bytes.len());
            bytes.truncate(length);
            format!("cut to {length}")
        }
        3 => {
            let (page, count) = (random.below(pages), 1 + random.below(4));
            let end = ((page + count) * PAGE).min(bytes.len());
            bytes[page * PAGE..end].fill(0);
            format!("{count} pages of zeros from {}", page + 1)
        }
        4 => {
            let (one, other) = (random.below(pages), random.below(pages));
            for at in 0..PAGE {
                bytes.swap(one * PAGE + at, other * PAGE + at);
            }
            format!("pages {} and {} swapped", one + 1, other + 1)
        }
        _ => {
            let (from, to) = (random.below(pages), random.below(pages));
            let page = bytes[from * PAGE..(from + 1) * PAGE].to_vec();
            bytes[to * PAGE..(to + 1) * PAGE].copy_from_slice(&page);
            format!("page {} over {}", from + 1, to + 1)
        }
    }
}

fn fill(store: &Store, numbers: std::ops::Range<u32>) {
    let inbox = store.folder_by_path("Inbox").unwrap();
    let deep = match store.folder_by_path("Inbox/Deep") {
        Ok(folder) => folder,
        Err(_) => inbox.create_folder("Deep").unwrap(),
    };
    for number in numbers {
        let home = if number % 3 == 0 { &deep } else { &inbox };
        let mut message = home.create_message().unwrap();
        message
            .set(pr::SUBJECT, format!("subject {number}"))
            .unwrap();
        let body = format!("body {number} ").repeat(1 + (number as usize % 5) * 150);
        message.set(pr::BODY, body).unwrap();
        message
            .add_recipient(Recipient::to("Ana", "ana@example.org"))
            .unwrap();
        if number % 6 == 0 {
            let data = vec![number as u8; 30_000 + 20_000 * (number as usize % 12)];
            message.attach("data", &data[..]).unwrap();
        }
        message
            .save_changes(SaveFlags::KEEP_OPEN_READWRITE)
            .unwrap();
        let mut other = store
            .open_message(&message.entry_id(), Access::Modify)
            .unwrap();
        other.set(pr::IMPORTANCE, 2).unwrap();
        other.save_changes(SaveFlags::empty()).unwrap();
        if number % 4 == 0 {
            message.set(pr::IMPORTANCE, 0).unwrap();
            let force = SaveFlags::KEEP_OPEN_READWRITE | SaveFlags::FORCE_SAVE;
            message.save_changes(force).unwrap();
        }
    }
}
