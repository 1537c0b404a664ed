//! What the schema's guards cost: the statements of a save by bare SQL, on the schema with its guard triggers and on
//! the same without them. One process, normal durability, one connection each, medians of interleaved rounds.
//!
//! `cargo bench --bench guards`, and with `-- --quick` in seconds.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, named_params, params};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

const SCHEMA: &str = include_str!("../migrations/0001_store.sql");

/// What the names of the guards contain; all other triggers keep the books and stay.
const GUARDS: &[&str] = &[
    "need_a_sound_sqlite",
    "keep_their_identity",
    "advance_by_one",
    "renew_their_checksum",
    "never_come_back",
];

const FOLDERS: i64 = 2;
const PROPERTIES: u32 = 40;
/// Documents that saves write in turn, made beforehand.
const DOCUMENTS: u32 = 512;

struct Effort {
    messages: u32,
    rounds: u32,
    /// Operations of one case in one round.
    operations: u32,
}

const FULL: Effort = Effort {
    messages: 20_000,
    rounds: 60,
    operations: 250,
};
const QUICK: Effort = Effort {
    messages: 1_000,
    rounds: 10,
    operations: 100,
};

#[derive(Clone, Copy)]
enum Case {
    Save,
    FirstSave,
    MarkRead,
}

impl Case {
    const ALL: [Case; 3] = [Case::Save, Case::FirstSave, Case::MarkRead];

    fn name(self) -> &'static str {
        match self {
            Case::Save => "save of three properties",
            Case::FirstSave => "first save",
            Case::MarkRead => "mark read or unread",
        }
    }
}

/// The same sequence for both databases.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 % u64::from(limit)).unwrap_or(0)
    }
}

struct Database {
    connection: Connection,
    dice: Dice,
    /// The version of each message.
    versions: Vec<i64>,
    documents: Vec<String>,
}

/// A document of about forty properties, three of which differ from one number to the next.
fn document(number: u32) -> String {
    let mut text = format!(
        "{{\"001A001F\":\"IPM.Note\",\"0037001F\":\"Figures of week {number}\",\
         \"0042001F\":\"Ana\",\"0E060040\":\"2026-11-22T10:39:{:02}.0000000Z\",\"0E070003\":{}",
        number % 60,
        number % 2 * 8
    );
    for property in 5..PROPERTIES {
        text.push_str(&format!(
            ",\"{:04X}001F\":\"value {property} of a message\"",
            0x3600 + property
        ));
    }
    text.push('}');
    text
}

impl Database {
    fn make(path: &Path, with_guards: bool, messages: u32) -> Result<Database> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; \
             PRAGMA temp_store = MEMORY;",
        )?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.execute_batch(SCHEMA)?;
        if !with_guards {
            drop_guards(&connection)?;
        }
        for folder in 1..=FOLDERS {
            let kind = if folder == 1 { "root" } else { "inbox" };
            let parent = (folder > 1).then_some(1);
            connection.execute(
                "INSERT INTO folders (folder_id, entry_uid, parent_folder_id, kind, name, name_folded, \
                 change_number, created_at, modified_at) VALUES (?, randomblob(16), ?, ?, ?, ?, 0, '', '')",
                params![folder, parent, kind, kind, kind],
            )?;
        }
        let documents = (0..DOCUMENTS).map(document).collect();
        let dice = Dice(0x9E37_79B9_7F4A_7C15);
        let mut database = Database {
            connection,
            dice,
            versions: Vec::new(),
            documents,
        };
        database.connection.execute_batch("BEGIN IMMEDIATE")?;
        for _ in 0..messages {
            database.first_save()?;
        }
        database.connection.execute_batch("COMMIT")?;
        Ok(database)
    }

    fn document(&mut self) -> String {
        let number = self.dice.below(DOCUMENTS) as usize;
        self.documents.get(number).cloned().unwrap_or_default()
    }

    fn messages(&self) -> Result<u32> {
        Ok(u32::try_from(self.versions.len())?)
    }

    /// The statement of `src/db/versioned.rs`, with the version as its predicate.
    fn save(&mut self) -> Result<()> {
        let message = self.dice.below(self.messages()?) as usize;
        let (document, checksum) = (self.document(), i64::from(self.dice.below(u32::MAX)));
        let version = self.versions.get(message).copied().unwrap_or_default();
        let updated = self
            .connection
            .prepare_cached(
                "UPDATE messages SET row_version = row_version + 1, change_number = :change, \
                 content_checksum = :checksum, modified_at = max(modified_at, :now), modified_by = :client, \
                 committed_at = :now, change_key = :key, predecessor_change_list = :key, size = :size, \
                 properties = :properties, recipients = :recipients, attachments = :attachments \
                 WHERE message_id = :message_id AND deleted_at IS NULL AND row_version = :expected",
            )?
            .execute(named_params! {
                ":change": self.next_change()?, ":checksum": checksum,
                ":now": "2026-11-22T10:39:39.0000000Z", ":client": "bench", ":key": [0_u8; 24],
                ":size": i64::try_from(document.len())?, ":properties": document, ":recipients": "[]",
                ":attachments": "{\"next_number\":0,\"rows\":[]}",
                ":message_id": i64::try_from(message)? + 1, ":expected": version,
            })?;
        if updated != 1 {
            return Err("the deciding statement met no row".into());
        }
        if let Some(stored) = self.versions.get_mut(message) {
            *stored = version + 1;
        }
        self.journal("message-saved")
    }

    fn first_save(&mut self) -> Result<()> {
        let document = self.document();
        self.connection
            .prepare_cached(
                "INSERT INTO messages (entry_uid, folder_id, row_version, change_number, is_read, \
                 content_checksum, created_at, modified_at, modified_by, committed_at, change_key, \
                 predecessor_change_list, size, properties, recipients, attachments) VALUES (randomblob(16), \
                 :folder, 1, :change, 0, 1, :now, :now, :client, :now, :key, :key, :size, :properties, \
                 :recipients, :attachments)",
            )?
            .execute(named_params! {
                ":folder": FOLDERS, ":change": self.next_change()?,
                ":now": "2026-11-22T10:39:39.0000000Z", ":client": "bench", ":key": [0_u8; 24],
                ":size": i64::try_from(document.len())?, ":properties": document, ":recipients": "[]",
                ":attachments": "{\"next_number\":0,\"rows\":[]}",
            })?;
        self.versions.push(1);
        self.journal("message-created")
    }

    fn mark_read(&mut self) -> Result<()> {
        let message_id = self.dice.below(self.messages()?) + 1;
        self.connection
            .prepare_cached(
                "UPDATE messages SET is_read = 1 - is_read, change_number = ? \
                 WHERE message_id = ? AND deleted_at IS NULL",
            )?
            .execute(params![self.next_change()?, message_id])?;
        self.journal("read-state-changed")
    }

    fn next_change(&self) -> Result<i64> {
        let next =
            "SELECT coalesce(max(seq), 0) + 1 AS next FROM sqlite_sequence WHERE name = 'changes'";
        Ok(self
            .connection
            .prepare_cached(next)?
            .query_row([], |row| row.get("next"))?)
    }

    fn journal(&self, kind: &str) -> Result<()> {
        self.connection
            .prepare_cached(
                "INSERT INTO changes (committed_at, kind, entry_uid, row_version, properties, client_name, \
                 process_id, save_id) VALUES (?, ?, randomblob(16), 1, ?, 'bench', 1, randomblob(16))",
            )?
            .execute(["2026-11-22T10:39:39.0000000Z", kind, "[\"0037001F\",\"0E060040\",\"0E070003\"]"])?;
        Ok(())
    }

    /// The time of one operation, each in a transaction of its own.
    fn measure(&mut self, case: Case, operations: u32) -> Result<Duration> {
        // Each round begins with an empty log.
        self.connection
            .query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))?;
        let began = Instant::now();
        for _ in 0..operations {
            self.connection
                .prepare_cached("BEGIN IMMEDIATE")?
                .execute([])?;
            match case {
                Case::Save => self.save()?,
                Case::FirstSave => self.first_save()?,
                Case::MarkRead => self.mark_read()?,
            }
            self.connection.prepare_cached("COMMIT")?.execute([])?;
        }
        Ok(began.elapsed() / operations)
    }
}

fn guards(connection: &Connection) -> Result<Vec<String>> {
    let mut select = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")?;
    let names = select
        .query_map([], |row| row.get("name"))?
        .collect::<Result<Vec<String>, _>>()?;
    let is_guard = |name: &String| GUARDS.iter().any(|guard| name.contains(guard));
    Ok(names.into_iter().filter(is_guard).collect())
}

fn drop_guards(connection: &Connection) -> Result<()> {
    let guards = guards(connection)?;
    for guard in GUARDS {
        if !guards.iter().any(|name| name.contains(guard)) {
            return Err(
                format!("the schema has no guard {guard}: the comparison is out of date").into(),
            );
        }
    }
    for name in guards {
        connection.execute_batch(&format!("DROP TRIGGER {name}"))?;
    }
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Which databases are made, in this order: what is made earlier is slower by several percent, with the same schema,
/// so each kind is as early as the other.
const WITH_GUARDS: [bool; 4] = [true, false, false, true];

fn main() -> Result<()> {
    let effort = if std::env::args().any(|argument| argument == "--quick") {
        QUICK
    } else {
        FULL
    };
    let folder = tempfile::tempdir()?;
    let mut databases = Vec::new();
    for (number, with_guards) in WITH_GUARDS.into_iter().enumerate() {
        let path = folder.path().join(format!("{number}.db"));
        databases.push((
            with_guards,
            Database::make(&path, with_guards, effort.messages)?,
        ));
    }
    let guards = databases
        .first()
        .map_or(Ok(Vec::new()), |(_, first)| guards(&first.connection))?;
    println!(
        "SQLite {}, {} messages of {PROPERTIES} properties, {} guards, normal durability; medians of {} rounds \
         of {} operations; ratio: throughput with : without",
        rusqlite::version(),
        effort.messages,
        guards.len(),
        effort.rounds,
        effort.operations,
    );
    println!("case | with guards | without | ratio");
    for case in Case::ALL {
        let (mut guarded, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..effort.rounds {
            for (with_guards, database) in &mut databases {
                let times = if *with_guards {
                    &mut guarded
                } else {
                    &mut bare
                };
                times.push(database.measure(case, effort.operations)?);
            }
            // Each is as often first as last.
            databases.reverse();
        }
        let (guarded, bare) = (micros(median(guarded)), micros(median(bare)));
        println!(
            "{} | {guarded:.1} µs | {bare:.1} µs | {:.3}",
            case.name(),
            bare / guarded
        );
    }
    Ok(())
}
