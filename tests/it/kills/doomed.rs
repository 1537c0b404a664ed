//! The process that is killed: it does one kind of work for as long as it lives, and says each step before and after.

use std::io::Write;
use std::path::PathBuf;

use mapistore::mime::Importer;
use mapistore::{
    Access, BackupIdentity, Deletion, Durability, EntryId, Message, Recipient, SaveFlags, SaveId,
    SpecialFolder, Store, pr,
};
use serde::{Deserialize, Serialize};

use crate::support::{Blob, FORCE, Failure, KEEP, put_mark};

const ORDERS: &str = "MAPISTORE_TEST_DOOMED";
/// Tells a line of this process from those of the test harness.
pub(super) const MARK: &str = "doomed: ";

/// What a process does until it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Work {
    /// Saves one message again and again.
    Save,
    /// The same through two handles by turns, each stale and forcing.
    Force,
    /// Saves one message once, under the save id that it was given.
    SaveOnce,
    /// Saves three messages in one commit.
    Batch,
    /// Imports mails.
    Import,
    /// Opens, saves large data and closes, so that the log is written back each time.
    Checkpoint,
    /// Stores and deletes large data, and collects what is left.
    Collect,
    /// Copies the store, again and again.
    Backup,
    /// Saves, and compacts the store.
    Compact,
    /// Opens a store of the first version.
    Migrate,
    /// Makes a store.
    Create,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Orders {
    pub(super) work: Work,
    pub(super) path: PathBuf,
    /// Messages to work on.
    pub(super) ids: Vec<String>,
    /// The first number to use.
    pub(super) from: u32,
    pub(super) save_id: String,
    pub(super) is_durable: bool,
}

/// What the process says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Word {
    /// From now on it may be killed at any moment.
    Ready,
    /// It is about to do this.
    Asked { mark: u32, save_id: Option<String> },
    /// This was done.
    Told { mark: u32 },
    /// It could not be done.
    Failed(String),
}

fn say(word: &Word) {
    let line = serde_json::to_string(word).unwrap();
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(format!("\n{MARK}{line}\n").as_bytes())
        .unwrap();
    stdout.flush().unwrap();
}

fn asked(mark: u32, message: Option<&Message>) {
    let save_id = message.map(|message| message.save_id().to_string());
    say(&Word::Asked { mark, save_id });
}

fn told(mark: u32) {
    say(&Word::Told { mark });
}

/// How a process is started that carries out orders.
pub(super) fn program(orders: &Orders) -> std::process::Command {
    let (_, module) = module_path!().split_once("::").unwrap();
    let mut program = std::process::Command::new(std::env::current_exe().unwrap());
    let test = format!("{module}::doomed_process");
    program
        .args(["--exact", &test, "--nocapture"])
        .env(ORDERS, serde_json::to_string(orders).unwrap());
    program
}

/// The process itself; does nothing when the tests are run as such.
#[test]
fn doomed_process() {
    let Ok(orders) = std::env::var(ORDERS) else {
        return;
    };
    let orders: Orders = serde_json::from_str(&orders).unwrap();
    if let Err(failure) = carry_out(&orders) {
        say(&Word::Failed(failure.text));
    }
}

fn open(orders: &Orders) -> Result<Store, Failure> {
    let durability = if orders.is_durable {
        Durability::Full
    } else {
        Durability::Normal
    };
    let options = Store::options()
        .client_name("doomed")
        .durability(durability);
    let options = match orders.work {
        Work::Create => options.create_if_missing(),
        _ => options,
    };
    Ok(options.open(&orders.path)?)
}

fn carry_out(orders: &Orders) -> Result<(), Failure> {
    let from = orders.from;
    if matches!(orders.work, Work::Migrate | Work::Create) {
        say(&Word::Ready);
        asked(from, None);
        let _store = open(orders)?;
        told(from);
        return Ok(());
    }
    if orders.work == Work::Checkpoint {
        return open_and_close(orders);
    }
    let store = open(orders)?;
    let ids: Result<Vec<EntryId>, _> = orders.ids.iter().map(|id| id.parse()).collect();
    let mut messages = Vec::new();
    for id in ids? {
        messages.push(store.open_message(&id, Access::Modify)?);
        messages.push(store.open_message(&id, Access::Modify)?);
    }
    say(&Word::Ready);
    match orders.work {
        Work::SaveOnce => {
            let message = &mut messages[0];
            message.set_save_id(orders.save_id.parse::<SaveId>()?)?;
            change_simply(message, from)?;
            asked(from, Some(message));
            message.save_changes(KEEP)?;
            told(from);
            Ok(())
        }
        Work::Batch => save_in_batches(&store, messages, from),
        Work::Import => import(&store, from),
        Work::Collect => make_waste(&store, from),
        Work::Backup => copy(&store, from),
        Work::Compact => compact(&store, messages.swap_remove(0), from),
        _ => save_again_and_again(orders, &mut messages),
    }
}

fn save_again_and_again(orders: &Orders, messages: &mut [Message]) -> Result<(), Failure> {
    let (flags, handles) = match orders.work {
        Work::Force => (FORCE, 2),
        _ => (KEEP, 1),
    };
    for mark in orders.from.. {
        let message = &mut messages[mark as usize % handles];
        let size = if mark % 5 == 0 { 1_100_000 } else { 9_000 };
        put_mark(message, &mark.to_string(), size)?;
        asked(mark, Some(message));
        message.save_changes(flags)?;
        told(mark);
    }
    Ok(())
}

/// Changes that leave no stamps: made anew, they are the same.
pub(super) fn change_simply(message: &mut Message, mark: u32) -> Result<(), Failure> {
    message.set(pr::SUBJECT, mark.to_string())?;
    message.set(pr::BODY, format!("{mark} ").repeat(2_000))?;
    message.remove_all_recipients()?;
    message.add_recipient(Recipient::to(mark.to_string(), "simple@example.org"))?;
    Ok(())
}

fn save_in_batches(store: &Store, messages: Vec<Message>, from: u32) -> Result<(), Failure> {
    let mut messages: Vec<Message> = messages.into_iter().step_by(2).collect();
    for mark in from.. {
        for message in &mut messages {
            put_mark(message, &mark.to_string(), 9_000)?;
        }
        asked(mark, None);
        for saved in store.save_batch(&mut messages, KEEP)? {
            saved?;
        }
        told(mark);
    }
    Ok(())
}

/// The mail of a number.
pub(super) fn mail(number: u32) -> String {
    let data = "QUJDRA==\r\n".repeat(700);
    format!(
        "From: ana@example.org\r\nTo: ben@example.org\r\nSubject: {number}\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n{}\r\n\
         --b\r\nContent-Type: application/octet-stream; name=a{number}\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{data}--b--\r\n",
        format!("{number} ").repeat(1_000)
    )
}

fn import(store: &Store, from: u32) -> Result<(), Failure> {
    let inbox = store.special_folder(SpecialFolder::Inbox)?;
    let mut importer = Importer::new(&inbox);
    let mut next = from;
    for count in (1..8).cycle() {
        // A batch is committed when it is flushed: these are far too few to fill one.
        for _ in 0..count {
            importer.add(mail(next).as_bytes())?;
            next += 1;
        }
        asked(next, None);
        importer.flush()?;
        told(next);
    }
    Ok(())
}

fn copy(store: &Store, from: u32) -> Result<(), Failure> {
    for mark in from.. {
        let path = store.path().with_file_name(format!("copy {mark}"));
        asked(mark, None);
        store.backup(path, BackupIdentity::New, &mut |_| {})?;
        told(mark);
    }
    Ok(())
}

fn compact(store: &Store, mut message: Message, from: u32) -> Result<(), Failure> {
    for mark in from.. {
        put_mark(&mut message, &mark.to_string(), 300_000)?;
        asked(mark, Some(&message));
        message.save_changes(KEEP)?;
        told(mark);
        store.compact(&mut |_| {})?;
    }
    Ok(())
}

fn open_and_close(orders: &Orders) -> Result<(), Failure> {
    let id: EntryId = orders.ids[0].parse()?;
    say(&Word::Ready);
    for mark in orders.from.. {
        let store = open(orders)?;
        let mut message = store.open_message(&id, Access::Modify)?;
        put_mark(&mut message, &mark.to_string(), 700_000)?;
        asked(mark, Some(&message));
        message.save_changes(KEEP)?;
        told(mark);
    }
    Ok(())
}

fn make_waste(store: &Store, from: u32) -> Result<(), Failure> {
    let drafts = store.special_folder(SpecialFolder::Drafts)?;
    for mark in from.. {
        let mut message = drafts.create_message()?;
        message.set(pr::SUBJECT, mark.to_string())?;
        message.attach("waste", Blob::new(u64::from(mark), 2_500_000).reader())?;
        message.attach("waste", Blob::new(u64::from(mark) + 9, 5_000).reader())?;
        let saved = message.save_changes(SaveFlags::empty())?;
        asked(mark, None);
        for (_, outcome) in store.delete_messages(&[saved.entry_id], Deletion::Hard)? {
            outcome?;
        }
        told(mark);
        store.collect_garbage()?;
    }
    Ok(())
}
