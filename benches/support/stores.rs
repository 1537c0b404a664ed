//! A store, filled through the library, and a copy of its file for bare SQLite: the same schema, indexes, triggers
//! and rows on the same pages.

use std::fs;
use std::path::{Path, PathBuf};

use mapistore::{Durability, EntryId, Folder, SaveFlags, SpecialFolder, Store};
use rusqlite::Connection;
use tempfile::TempDir;

use super::message::{Changes, PROPERTIES, VARIANTS, fill};
use super::{BUSY_TIMEOUT, Effort, Result};

/// Where the measured files lie, unless this environment variable names another folder. The usual one is beside the
/// build, because temporary folders are often in memory, where a sync costs nothing.
const FOLDER_VARIABLE: &str = "MAPISTORE_BENCH_FOLDER";

/// The folder that measured files are put into.
pub(crate) fn parent() -> Result<PathBuf> {
    let parent = std::env::var_os(FOLDER_VARIABLE)
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    fs::create_dir_all(&parent)?;
    Ok(parent)
}

/// Two files with the same content.
#[derive(Debug)]
pub(crate) struct Pair {
    folder: TempDir,
    ids: Vec<EntryId>,
}

impl Pair {
    /// Fills a store with messages and copies it. The first messages are the variants; nobody may change them.
    pub(crate) fn make(effort: &Effort) -> Result<Pair> {
        let mut pair = Pair {
            folder: TempDir::new_in(parent()?)?,
            ids: Vec::new(),
        };
        let store = Store::options()
            .create_if_missing()
            .durability(Durability::Normal)
            .open(pair.ours())?;
        let drafts = store.special_folder(SpecialFolder::Drafts)?;
        for (_, changes) in (0..effort.messages).zip(Changes::all().iter().cycle()) {
            pair.ids.push(create(&drafts, changes)?);
        }
        // The last connection to close moves the log into the file, so that the file alone is the store.
        drop(drafts);
        drop(store);
        fs::copy(pair.ours(), pair.bare())?;
        check(&pair.bare())?;
        Ok(pair)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file that the library uses.
    pub(crate) fn ours(&self) -> PathBuf {
        self.folder.path().join("mapistore.store")
    }

    /// The file that bare SQLite uses.
    pub(crate) fn bare(&self) -> PathBuf {
        self.folder.path().join("bare.store")
    }

    /// All messages, in the order of their creation: the one at place `n` has the number `n + 1`.
    pub(crate) fn ids(&self) -> &[EntryId] {
        &self.ids
    }
}

/// A measured comparison of different messages would say nothing.
fn check(path: &Path) -> Result<()> {
    let properties: i64 = Connection::open(path)?.query_row(
        "SELECT count(*) FROM messages, json_each(properties) WHERE message_id = 1",
        [],
        |row| row.get(0),
    )?;
    if properties != i64::try_from(PROPERTIES)? {
        return Err(format!("the message has {properties} properties, not {PROPERTIES}").into());
    }
    Ok(())
}

/// Opens the library's side.
pub(crate) fn open_store(path: &Path, durability: Durability) -> Result<Store> {
    let options = Store::options()
        .client_name("benchmark")
        .busy_timeout(BUSY_TIMEOUT);
    Ok(options.durability(durability).open(path)?)
}

/// Creates, fills and saves a message.
pub(crate) fn create(folder: &Folder, changes: &Changes) -> Result<EntryId> {
    let mut message = folder.create_message()?;
    fill(&mut message, changes)?;
    Ok(message.save_changes(SaveFlags::empty())?.entry_id)
}

/// What measured saves may change: everything but the variants.
pub(crate) fn changeable(place: usize, messages: usize) -> usize {
    VARIANTS + place % messages.saturating_sub(VARIANTS).max(1)
}
