//! What is sound in a damaged store is saved, and what is not is named.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use mapistore::{
    Access, Cell, Deletion, EntryId, MapiCode, Message, ObjectKind, Purge, Recovered, SaveFlags,
    Store, pr,
};

use crate::support::{FORCE, KEEP, code_of};

const PAGE: u64 = 4096;

/// What a message shows, as one text.
pub(crate) fn shown(message: &Message) -> String {
    let mut text = format!(
        "{:?} {:?} {:?}",
        message.row_version(),
        message.get(pr::SUBJECT).unwrap(),
        message.get(pr::BODY).unwrap(),
    );
    for recipient in message.recipients().unwrap() {
        text.push_str(&format!("{recipient:?}"));
    }
    for attachment in message.attachments().unwrap() {
        let mut data = Vec::new();
        if let Ok(mut reader) = message.open_attachment_data(attachment.number) {
            reader.read_to_end(&mut data).unwrap();
        }
        let hash = mapistore::StreamHash::of(&data);
        text.push_str(&format!("{:?} {:?} {hash}", attachment.name, data.len()));
    }
    text
}

struct Damaged {
    folder: tempfile::TempDir,
    /// What every message showed before the damage.
    before: BTreeMap<EntryId, String>,
}

impl Damaged {
    /// A store with messages of all kinds in folders of several depths; closed, so that its log is in it.
    fn new() -> Damaged {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::options()
            .client_name("ana")
            .create_if_missing()
            .open(folder.path().join("mail.store"))
            .unwrap();
        let inbox = store.folder_by_path("Inbox").unwrap();
        let deep = inbox
            .create_folder("2026")
            .unwrap()
            .create_folder("May")
            .unwrap();
        let mut ids = Vec::new();
        for number in 0..60_u32 {
            let home = if number % 3 == 0 { &deep } else { &inbox };
            let mut message = home.create_message().unwrap();
            message
                .set(pr::SUBJECT, format!("subject {number}"))
                .unwrap();
            let body = format!("body {number} ").repeat(1 + (number as usize % 7) * 200);
            message.set(pr::BODY, body).unwrap();
            message
                .add_recipient(mapistore::Recipient::to("Ana", "ana@example.org"))
                .unwrap();
            if number % 5 == 0 {
                let data = vec![number as u8; 200_000];
                message.attach("data", &data[..]).unwrap();
            }
            message.save_changes(KEEP).unwrap();
            for round in 0..number % 4 {
                message.set(pr::IMPORTANCE, round as i32 % 3).unwrap();
                message.save_changes(KEEP).unwrap();
            }
            ids.push(message.entry_id());
        }
        // A version that is kept, a message that is deleted softly, and one for good.
        let mut mine = store.open_message(&ids[7], Access::Modify).unwrap();
        let mut theirs = store.open_message(&ids[7], Access::Modify).unwrap();
        theirs.set(pr::SUBJECT, "theirs").unwrap();
        theirs.save_changes(SaveFlags::empty()).unwrap();
        mine.set(pr::SUBJECT, "mine").unwrap();
        mine.save_changes(FORCE).unwrap();
        store.delete_messages(&ids[8..9], Deletion::Soft).unwrap();
        store.delete_messages(&ids[9..10], Deletion::Hard).unwrap();
        let mut before = BTreeMap::new();
        for (at, id) in ids.iter().enumerate() {
            if at != 9 {
                let message = store.open_message_or_deleted(id, Access::ReadOnly).unwrap();
                before.insert(*id, shown(&message));
            }
        }
        drop((mine, store));
        Damaged { folder, before }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("mail.store")
    }

    fn write(&self, bytes: &[u8], at: u64) {
        let file = File::options().write(true).open(self.path()).unwrap();
        file.write_all_at(bytes, at).unwrap();
    }

    fn zero(&self, page: u64) {
        self.write(&[0; PAGE as usize], (page - 1) * PAGE);
    }

    /// The pages of a table that are of a kind: `leaf`, `internal`.
    fn pages_of(&self, table: &str, kind: &str) -> Vec<u64> {
        let by_hand = rusqlite::Connection::open(self.path()).unwrap();
        let mut select = by_hand
            .prepare("SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ? ORDER BY pageno")
            .unwrap();
        select
            .query_map((table, kind), |row| row.get::<_, i64>(0))
            .unwrap()
            .map(|page| page.unwrap().unsigned_abs())
            .collect()
    }

    /// Of the pages of each table and index that do the same work, the first, one in the middle and the last. The first page of
    /// the file, which is of another kind, has its own test.
    fn some_of_each_kind(&self) -> BTreeSet<u64> {
        let by_hand = rusqlite::Connection::open(self.path()).unwrap();
        let mut select = by_hand
            .prepare("SELECT name, pagetype, pageno FROM dbstat WHERE pageno > 1 ORDER BY pageno")
            .unwrap();
        let mut kinds = BTreeMap::<(String, String), Vec<u64>>::new();
        let mut rows = select.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let page: i64 = row.get(2).unwrap();
            let kind = (row.get(0).unwrap(), row.get(1).unwrap());
            kinds.entry(kind).or_default().push(page.unsigned_abs());
        }
        // The map of the file's pages, which no table has.
        kinds.insert(Default::default(), vec![2]);
        let chosen = |pages: Vec<u64>| [0, pages.len() / 2, pages.len() - 1].map(|at| pages[at]);
        kinds.into_values().flat_map(chosen).collect()
    }

    fn recover(&self) -> (Recovered, Store) {
        let damaged = fs::read(self.path()).unwrap();
        let to = self.folder.path().join("sound.store");
        let _ = fs::remove_file(&to);
        let recovered = Store::recover(self.path(), &to, &mut |_| {}).unwrap();
        assert_eq!(fs::read(self.path()).unwrap(), damaged, "only read");
        assert_eq!(
            only_stores(self.folder.path()),
            ["mail.store", "sound.store"]
        );
        let store = Store::options().open(&to).unwrap();
        let problems = store.check(&mut |_| {}).unwrap().problems;
        assert_eq!(problems, Vec::<String>::new());
        (recovered, store)
    }

    /// How many messages are as they were; each other one must be named.
    #[track_caller]
    fn compare(&self, recovered: &Recovered, store: &Store) -> usize {
        let named = |id: &EntryId| {
            recovered
                .lost
                .iter()
                .any(|loss| loss.object == Some(id.object()) && loss.kind == ObjectKind::Message)
        };
        let mut same = 0;
        for (id, before) in &self.before {
            let id_there = EntryId::new(store.uid(), id.object());
            match store.open_message_or_deleted(&id_there, Access::ReadOnly) {
                Ok(message) if shown(&message) == *before => same += 1,
                Ok(_) => assert!(named(id), "{id} is another and not named"),
                Err(error) => {
                    assert_eq!(error.code(), MapiCode::MAPI_E_NOT_FOUND);
                    assert!(
                        named(id),
                        "{id} is lost and not named: {:?}",
                        recovered.lost
                    );
                }
            }
        }
        same
    }
}

fn only_stores(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with("-lock"))
        .collect();
    names.sort();
    names
}

fn rows(store: &Store, sql: &str) -> Vec<Vec<Cell>> {
    store.query(sql).unwrap().rows
}

#[test]
fn all_of_a_sound_store_is_saved() {
    let damaged = Damaged::new();
    let queries = [
        "SELECT entry_id, folder_path, row_version, change_number, modified, modified_by, read, deleted_at, size, status \
         FROM inspect_messages ORDER BY entry_id",
        "SELECT entry_id, path, kind, total, unread FROM inspect_folders ORDER BY path",
        "SELECT change_number, at, kind, entry_id, row_version, properties, client FROM inspect_changes \
         ORDER BY change_number, entry_id",
        "SELECT entry_id, row_version, replaced_at, reason, subject FROM inspect_versions ORDER BY entry_id",
        "SELECT name, seq FROM sqlite_sequence WHERE name <> 'streams' ORDER BY name",
        "SELECT hex(store_uid), created_at, created_by, properties, purged_through FROM store_info",
    ];
    let before: Vec<_> = {
        let store = Store::options().open(damaged.path()).unwrap();
        queries.iter().map(|sql| rows(&store, sql)).collect()
    };
    let (recovered, store) = damaged.recover();
    assert_eq!(recovered.lost, []);
    assert_eq!(
        (recovered.messages, recovered.versions, recovered.folders),
        (59, 1, 10)
    );
    assert_eq!(damaged.compare(&recovered, &store), 59);
    for (sql, before) in queries.iter().zip(before) {
        assert_eq!(rows(&store, sql), before, "{sql}");
    }
    // Identifiers do not come back, and the guards are there again.
    let by_hand = rusqlite::Connection::open(store.path()).unwrap();
    let insert = "INSERT INTO messages SELECT * FROM messages";
    assert!(by_hand.execute_batch(insert).is_err());
    let guards = "SELECT count(*) FROM sqlite_schema WHERE name = 'messages_never_come_back'";
    assert_eq!(rows(&store, guards), [[Cell::Integer(1)]]);
}

#[test]
fn everything_is_found_without_the_first_page_and_the_pages_above_rows() {
    let damaged = Damaged::new();
    let mut above = damaged.pages_of("messages", "internal");
    above.extend(damaged.pages_of("stream_chunks", "internal"));
    above.extend(damaged.pages_of("sqlite_schema", "leaf"));
    above.push(1);
    assert!(above.len() > 4);
    for page in above {
        damaged.zero(page);
    }
    assert!(Store::options().open(damaged.path()).is_err());
    let (recovered, store) = damaged.recover();
    assert_eq!(recovered.lost, []);
    assert_eq!(damaged.compare(&recovered, &store), 59);
}

#[test]
fn each_page_that_is_lost_costs_what_stands_on_it_and_that_is_named() {
    let sound = Damaged::new();
    let bytes = fs::read(sound.path()).unwrap();
    let pages = sound.some_of_each_kind();
    assert!(pages.len() > 30, "{pages:?}");
    for page in pages {
        fs::write(sound.path(), &bytes).unwrap();
        sound.zero(page);
        let (recovered, store) = sound.recover();
        let same = sound.compare(&recovered, &store);
        // A leaf of messages holds some, one of folders is the home of many.
        let is_folders = recovered
            .lost
            .iter()
            .any(|loss| loss.kind == ObjectKind::Folder);
        assert!(
            same >= 40 || is_folders,
            "page {page}: {:?}",
            recovered.lost
        );
        assert!(
            recovered.messages >= 40,
            "page {page}: {:?}",
            recovered.lost
        );
    }
}

#[test]
fn changed_letter_makes_a_message_that_says_so() {
    let damaged = Damaged::new();
    let bytes = fs::read(damaged.path()).unwrap();
    let word = b"subject 41";
    let places = bytes.windows(word.len()).enumerate();
    for (at, _) in places.filter(|(_, window)| window == word) {
        damaged.write(b"S", at as u64);
    }
    let (recovered, store) = damaged.recover();
    assert_eq!(recovered.lost.len(), 1, "{:?}", recovered.lost);
    assert_eq!(damaged.compare(&recovered, &store), 58);
    let there = "SELECT subject, row_version FROM inspect_messages WHERE folder_path = 'Damaged'";
    // Saved twice; what is there now is not what went by that number.
    assert_eq!(
        rows(&store, there),
        [[Cell::Text("Subject 41".into()), Cell::Integer(3)]]
    );
}

#[test]
fn large_value_that_is_damaged_is_missing_from_its_message_and_named() {
    let damaged = Damaged::new();
    let bytes = fs::read(damaged.path()).unwrap();
    // In the middle of the attachment of one message.
    let at = bytes
        .windows(2_000)
        .position(|window| window == [25; 2_000])
        .unwrap();
    damaged.write(b"x", at as u64 + 1_000);
    let (recovered, store) = damaged.recover();
    assert_eq!(recovered.lost.len(), 1, "{:?}", recovered.lost);
    assert!(recovered.lost[0].detail.contains("PR_ATTACH_DATA_BIN"));
    assert_eq!(recovered.messages, 59);
    let id = EntryId::new(store.uid(), recovered.lost[0].object.unwrap());
    let message = store.open_message(&id, Access::Modify).unwrap();
    assert_eq!(
        message.get(pr::SUBJECT).unwrap().as_deref(),
        Some("subject 25")
    );
    assert_eq!(message.attachments().unwrap().len(), 1);
}

#[test]
fn newest_saves_are_read_from_the_log() {
    // S10
    let damaged = Damaged::new();
    let copy = damaged.folder.path().join("copy");
    fs::create_dir(&copy).unwrap();
    let store = Store::options().open(damaged.path()).unwrap();
    let (id, _) = damaged.before.first_key_value().unwrap();
    let mut message = store.open_message(id, Access::Modify).unwrap();
    message.set(pr::SUBJECT, "in the log").unwrap();
    message.save_changes(KEEP).unwrap();
    // As a power loss would leave it.
    for name in ["mail.store", "mail.store-wal"] {
        fs::copy(damaged.folder.path().join(name), copy.join(name)).unwrap();
    }
    for header_is_damaged in [false, true] {
        let from = copy.join("mail.store");
        if header_is_damaged {
            let file = File::options().write(true).open(&from).unwrap();
            file.write_all_at(&[0xFF; 100], 0).unwrap();
        }
        let to = copy.join(header_is_damaged.to_string());
        let recovered = Store::recover(&from, &to, &mut |_| {}).unwrap();
        assert_eq!(recovered.lost, []);
        let sound = Store::options().open(&to).unwrap();
        let message = sound.open_message(id, Access::ReadOnly).unwrap();
        assert_eq!(
            message.get(pr::SUBJECT).unwrap().as_deref(),
            Some("in the log")
        );
    }
    // And nobody may have it open.
    let to = copy.join("refused");
    assert_eq!(
        code_of(Store::recover(damaged.path(), &to, &mut |_| {})),
        MapiCode::MAPI_E_BUSY
    );
    assert!(!to.exists());
}

#[test]
fn rows_of_the_journal_that_are_lost_are_an_overflow_for_who_follows_it() {
    // K7
    let damaged = Damaged::new();
    damaged.zero(damaged.pages_of("changes", "leaf")[0]);
    let (recovered, store) = damaged.recover();
    assert!(
        recovered
            .lost
            .iter()
            .any(|loss| loss.kind == ObjectKind::Store && loss.detail.contains("journal")),
        "{:?}",
        recovered.lost
    );
    let is_overflow = "SELECT purged_through = (SELECT seq FROM sqlite_sequence WHERE name = 'changes') AS yes \
         FROM store_info";
    assert_eq!(rows(&store, is_overflow), [[Cell::Integer(1)]]);
    assert_eq!(damaged.compare(&recovered, &store), 59);
}

#[test]
fn what_was_deleted_for_good_and_forgotten_does_not_come_back_from_free_pages() {
    // O5, K7
    let damaged = Damaged::new();
    let store = Store::options().open(damaged.path()).unwrap();
    let ids: Vec<EntryId> = damaged.before.keys().copied().collect();
    store.delete_messages(&ids, Deletion::Hard).unwrap();
    store.purge(&Purge::everything()).unwrap();
    drop(store);
    let (recovered, _) = damaged.recover();
    assert_eq!((recovered.messages, recovered.lost), (0, Vec::new()));
}

#[test]
fn what_is_no_store_gives_nothing_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("from");
    let to = folder.path().join("to");
    let mut noise = vec![0x0D_u8; 100_000];
    for (at, byte) in noise.iter_mut().enumerate() {
        *byte = (at * at / 7) as u8;
    }
    for bytes in [&b""[..], b"short", &[0; 50_000], &noise, &[0x0D; 50_000]] {
        fs::write(&from, bytes).unwrap();
        assert_eq!(
            code_of(Store::recover(&from, &to, &mut |_| {})),
            MapiCode::MAPI_E_CORRUPT_STORE
        );
    }
    let nothing = folder.path().join("nothing");
    assert_eq!(
        code_of(Store::recover(nothing, &to, &mut |_| {})),
        MapiCode::MAPI_E_NOT_FOUND
    );
    assert_eq!(only_stores(folder.path()), ["from"]);
}
