//! The processes that work on a store until its host loses power: this test program once more.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use mapistore::{
    Access, Deletion, Durability, EntryId, Error, Message, Recipient, Result, SaveFlags,
    SpecialFolder, Store, pr,
};
use serde::{Deserialize, Serialize};

use crate::actor::{FORCE, KEEP, read_all};
use crate::log::{Log, Told};
use crate::random::Random;
use crate::vfs::Mount;

const ROLE: &str = "MAPISTORE_TORTURE_WORKER";

/// What a worker is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Work {
    pub(crate) store: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) number: u64,
    pub(crate) threads: u64,
    pub(crate) saves: u64,
    pub(crate) is_durable: bool,
    /// Messages that all workers save.
    pub(crate) shared: Vec<String>,
}

impl Work {
    pub(crate) fn start(&self) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["worker::worker_process", "--exact", "--quiet"])
            .env(ROLE, serde_json::to_string(self).unwrap())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap()
    }
}

/// No test: what a worker runs. Without its role it does nothing.
#[test]
fn worker_process() {
    if let Ok(work) = std::env::var(ROLE) {
        run(&serde_json::from_str(&work).unwrap());
    }
}

/// Does the work, in as many threads as it says: their saves share commits.
fn run(work: &Work) {
    let log = Arc::new(Log::open(&work.log));
    let _mount = Mount::new(work.store.parent().unwrap(), log.clone());
    let store = open(work);
    std::thread::scope(|scope| {
        for thread in 0..work.threads {
            let mut worker = Worker {
                name: format!("worker-{}-{thread}", work.number),
                store: store.clone(),
                ids: work.shared.iter().map(|id| id.parse().unwrap()).collect(),
                own: Vec::new(),
                random: Random::new(work.number * 10 + thread),
                log: log.clone(),
                work: work.clone(),
            };
            scope.spawn(move || worker.run());
        }
    });
}

struct Worker {
    name: String,
    work: Work,
    log: Arc<Log>,
    store: Store,
    ids: Vec<EntryId>,
    own: Vec<EntryId>,
    random: Random,
}

impl Worker {
    fn run(&mut self) {
        for save in 0..self.work.saves / self.work.threads {
            // Whoever is the last to close takes the log away.
            if save % 40 == 39 && self.work.threads == 1 {
                self.store = open(&self.work);
            }
            let mark = format!("{}-save-{save}", self.name);
            match self.random.below(10) {
                0..4 => self.create(&mark),
                9 if self.own.len() > 3 => self.delete(),
                _ => self.change(&mark),
            }
            .unwrap();
        }
    }

    fn create(&mut self, mark: &str) -> Result<()> {
        let folder = self.store.special_folder(SpecialFolder::Drafts)?;
        let mut message = folder.create_message()?;
        self.put(&mut message, mark)?;
        let id = self.save(&mut message, mark, KEEP)?;
        self.own.push(id);
        Ok(())
    }

    fn change(&mut self, mark: &str) -> Result<()> {
        let at = self.random.below(self.ids.len() as u64) as usize;
        let mut message = self.store.open_message(&self.ids[at], Access::Modify)?;
        self.put(&mut message, mark)?;
        match self.save(&mut message, mark, KEEP) {
            Err(Error::ObjectChanged { .. }) => self.save(&mut message, mark, FORCE).map(drop),
            saved => saved.map(drop),
        }
    }

    fn delete(&mut self) -> Result<()> {
        let id = self.own.remove(0);
        let outcomes = self.store.delete_messages(&[id], Deletion::Hard)?;
        assert!(outcomes.iter().all(|(_, outcome)| outcome.is_ok()));
        self.log.told(&Told::Deleted {
            entry_id: id.to_string(),
        });
        Ok(())
    }

    fn put(&mut self, message: &mut Message, mark: &str) -> Result<()> {
        message.set(pr::SUBJECT, mark)?;
        message.set(pr::BODY, chant(mark, 3_000))?;
        message.remove_all_recipients()?;
        message.add_recipient(Recipient::to(mark, format!("{mark}@example.org")))?;
        for row in message.attachments()? {
            message.delete_attachment(row.number)?;
        }
        let size = match self.random.below(40) {
            0 => 1_100_000,
            1..6 => 80_000,
            _ => 4_000,
        };
        message.attach(mark, chant(mark, size).as_bytes()).map(drop)
    }

    fn save(&self, message: &mut Message, mark: &str, flags: SaveFlags) -> Result<EntryId> {
        let save_id = message.save_id().to_string();
        let saved = message.save_changes(flags)?;
        self.log.told(&Told::Saved {
            entry_id: saved.entry_id.to_string(),
            save_id,
            version: saved.row_version.get(),
            change: saved.change_number.get(),
            mark: mark.to_owned(),
        });
        Ok(saved.entry_id)
    }
}

fn open(work: &Work) -> Store {
    let durability = match work.is_durable {
        true => Durability::Full,
        false => Durability::Normal,
    };
    Store::options()
        .client_name(format!("worker {}", work.number))
        .durability(durability)
        .busy_timeout(Duration::from_secs(120))
        .open(&work.store)
        .unwrap()
}

/// A store with messages that all workers change.
pub(crate) fn prepare_shared(path: &Path, count: usize) -> Vec<String> {
    let store = Store::options().create_if_missing().open(path).unwrap();
    let inbox = store.special_folder(SpecialFolder::Inbox).unwrap();
    (0..count)
        .map(|_| {
            let mut message = inbox.create_message().unwrap();
            message.set(pr::SUBJECT, "prepared").unwrap();
            let saved = message.save_changes(SaveFlags::empty()).unwrap();
            saved.entry_id.to_string()
        })
        .collect()
}

/// A text that says nothing but the mark.
fn chant(mark: &str, length: usize) -> String {
    format!("{mark} ").repeat(length / (mark.len() + 1) + 1)
}

/// Whether every part of a message says this mark and nothing else.
pub(crate) fn says_only(message: &Message, mark: &str) -> Result<bool> {
    let is_chant = |text: &str| text.split_ascii_whitespace().all(|word| word == mark);
    let body = message.get(pr::BODY)?.unwrap_or_default();
    let mut says = message.get(pr::SUBJECT)?.as_deref() == Some(mark) && is_chant(&body);
    for row in message.recipients()? {
        says &= row.recipient.name == mark;
    }
    for row in message.attachments()? {
        let data = read_all(message.open_attachment_data(row.number)?)?;
        says &= row.name.as_deref() == Some(mark);
        says &= String::from_utf8(data).is_ok_and(|data| is_chant(&data));
    }
    Ok(says)
}
