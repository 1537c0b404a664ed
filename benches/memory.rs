//! What the store keeps in memory and on the disk: open handles, a large attachment on its way in and out, the same
//! attachment in several messages, and the write-ahead log while several processes save.
//!
//! What is resident is asked of the kernel, in a process that does nothing else. *Bare* writes and reads the same chunks by
//! hand, all of them in one transaction.
//!
//! `cargo bench --bench memory`; `-- --quick` takes 64 MiB for a gibibyte, and seconds. The benchmark runs itself for each
//! process.

#[allow(dead_code, reason = "each benchmark uses a part of it")]
mod support;

use std::env;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mapistore::{
    Access, AttachmentNumber, Durability, EntryId, ObjectUid, SaveFlags, SpecialFolder, Store, pr,
};
use support::bare::{self, Random, Reader, Writer};
use support::crowd::{self, Crowd, Work};
use support::measure::{Table, grouped, median};
use support::message::{Changes, fill};
use support::saver::{Habit, Side};
use support::stores::{self, Pair};
use support::{Effort, Result, Thoroughness, machine, nth};

const MEBIBYTE: usize = 1024 * 1024;
const HANDLES: usize = 1_000;
/// What a program reads an attachment through.
const BUFFER: usize = 64 * 1024;
/// The process that does one thing and says what it took.
const CHILD: &str = "--child";

fn main() -> Result<()> {
    if crowd::is_client()? {
        return Ok(());
    }
    let mut arguments = env::args().skip(1);
    if arguments.next().as_deref() == Some(CHILD) {
        return child(&arguments.collect::<Vec<String>>());
    }
    let mut effort = Effort::from_arguments()?;
    effort.messages = effort.messages.min(2 * HANDLES);
    let large = match effort.thoroughness {
        Thoroughness::Full => 1024 * MEBIBYTE,
        Thoroughness::Quick => 64 * MEBIBYTE,
    };
    let pair = Pair::make(&effort)?;
    machine::print_header("memory and space", &effort, pair.folder());
    let mut table = Table::with_head("what | figure | at most");
    if effort.includes("handles") {
        handles(&pair, &mut table)?;
    }
    if effort.includes("write-ahead log") {
        log(&effort, &pair, &mut table)?;
    }
    if effort.includes("same attachment") {
        same_attachment(&pair, &mut table)?;
    }
    table.print();
    println!();
    let head = "case | mapistore | bare SQLite | ratio | resident, ours | resident, bare";
    let mut table = Table::with_head(head);
    if effort.includes("large attachment") {
        large_attachment(&effort, &pair, large, &mut table)?;
    }
    table.print();
    Ok(())
}

/// What a process that does nothing else took.
struct Taken {
    seconds: f64,
    /// The most that was resident of it, or what was asked for in place of that.
    kibibytes: u64,
    /// What the next one needs to know.
    name: String,
}

fn in_a_process(arguments: &[&str]) -> Result<Taken> {
    let output = Command::new(env::current_exe()?)
        .arg(CHILD)
        .args(arguments)
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{arguments:?} ended with {}: {said}", output.status).into());
    }
    let said = String::from_utf8(output.stdout)?;
    let mut words = said.split_whitespace();
    let mut next = || words.next().ok_or("a process said too little");
    Ok(Taken {
        seconds: next()?.parse()?,
        kibibytes: next()?.parse()?,
        name: next()?.to_owned(),
    })
}

/// A figure of this process, in KiB: `VmRSS` is resident now, `VmHWM` was the most.
fn resident(field: &str) -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kibibytes = line.and_then(|rest| rest.split_whitespace().next());
    Ok(kibibytes
        .ok_or("the kernel does not say what is resident")?
        .parse()?)
}

fn child(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let begun = Instant::now();
    let (kibibytes, name) = match words.as_slice() {
        ["handles", path] => (open_many(Path::new(path))?, "-".to_owned()),
        ["write", "ours", path, size] => {
            let store = stores::open_store(Path::new(path), Durability::Full)?;
            let drafts = store.special_folder(SpecialFolder::Drafts)?;
            let mut message = drafts.create_message()?;
            message.attach("noise.bin", Noise::new(size.parse()?))?;
            let saved = message.save_changes(SaveFlags::empty())?;
            (0, saved.entry_id.to_string())
        }
        ["write", "bare", path, size] => {
            let connection = bare::connect(Path::new(path), Durability::Full)?;
            let content = bare::variants(&connection)?;
            let folder = bare::drafts(&connection)?;
            let size = size.parse()?;
            let uid = Writer::new(&connection)?.create_with_attachment(
                folder,
                nth(&content, 0)?,
                size,
                Noise::new(size),
            )?;
            (0, ObjectUid::from_bytes(uid).to_string())
        }
        ["read", "ours", path, id] => {
            let store = stores::open_store(Path::new(path), Durability::Full)?;
            let id: EntryId = id.parse()?;
            let message = store.open_message(&id, Access::ReadOnly)?;
            let first = message.attachments()?.first().map(|found| found.number);
            let number: AttachmentNumber = first.ok_or("the attachment is missing")?;
            let mut stream = message.open_attachment_data(number)?;
            let mut buffer = vec![0; BUFFER];
            while stream.read(&mut buffer)? > 0 {
                std::hint::black_box(&mut buffer);
            }
            (0, "-".to_owned())
        }
        ["read", "bare", path, uid] => {
            let connection = bare::connect(Path::new(path), Durability::Full)?;
            let mut reader = Reader::new(&connection)?;
            let uid: ObjectUid = uid.parse()?;
            let hash = reader
                .open(uid.as_bytes())?
                .ok_or("the attachment is missing")?;
            reader.read_attachment(hash, &mut vec![0; BUFFER])?;
            (0, "-".to_owned())
        }
        other => return Err(format!("what is {other:?}?").into()),
    };
    let seconds = begun.elapsed().as_secs_f64();
    let kibibytes = match kibibytes {
        0 => resident("VmHWM:")?,
        said => said,
    };
    println!("{seconds} {kibibytes} {name}");
    Ok(())
}

/// Opens messages of 40 small properties, and says by how much what is resident grew with the last thousand.
fn open_many(path: &Path) -> Result<u64> {
    let store = stores::open_store(path, Durability::Normal)?;
    let drafts = store.special_folder(SpecialFolder::Drafts)?;
    let mut message = drafts.create_message()?;
    fill(&mut message, &Changes::to(0))?;
    message.set(pr::BODY, "The figures are as they were when we met.")?;
    let id = message.save_changes(SaveFlags::empty())?.entry_id;
    let open = |count: usize| -> Result<Vec<_>> {
        (0..count)
            .map(|_| Ok(store.open_message(&id, Access::Modify)?))
            .collect()
    };
    // What a process takes once is not the handles'.
    let first = open(HANDLES / 10)?;
    let before = resident("VmRSS:")?;
    let handles = open(HANDLES)?;
    let after = resident("VmRSS:")?;
    drop((first, handles));
    Ok(after.saturating_sub(before).max(1))
}

fn handles(pair: &Pair, table: &mut Table) -> Result<()> {
    let path = pair.ours();
    let taken = in_a_process(&["handles", &path.to_string_lossy()])?;
    let each = taken.kibibytes as f64 * 1024.0 / HANDLES as f64 / 1e3;
    table.add_line(&[
        format!("an open handle of 40 small properties, of {HANDLES}"),
        format!("{each:.1} KB"),
        "20 KB".to_owned(),
    ]);
    Ok(())
}

/// How long the log is while processes save all the time.
fn log(effort: &Effort, pair: &Pair, table: &mut Table) -> Result<()> {
    let mut path = pair.ours().into_os_string();
    path.push("-wal");
    let path = PathBuf::from(path);
    let work = Work {
        habit: Habit::Own,
        durability: Durability::Normal,
        time: effort.run * 10,
    };
    let is_over = AtomicBool::new(false);
    let longest = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut longest = 0;
            while !is_over.load(Ordering::Relaxed) {
                longest = longest.max(fs::metadata(&path).map_or(0, |log| log.len()));
                std::thread::sleep(Duration::from_millis(5));
            }
            longest
        });
        let done = work.run(Side::Ours, pair, Crowd::Processes(4));
        is_over.store(true, Ordering::Relaxed);
        let longest = watch
            .join()
            .map_err(|_| "a thread of the benchmark panicked");
        done.and(Ok(longest?))
    })?;
    table.add_line(&[
        "the write-ahead log while 4 processes save".to_owned(),
        format!("{:.1} MiB", longest as f64 / MEBIBYTE as f64),
        "64 MiB".to_owned(),
    ]);
    Ok(())
}

/// One attachment of 10 MB in 10 messages.
fn same_attachment(pair: &Pair, table: &mut Table) -> Result<()> {
    const SIZE: usize = 10_000_000;
    let path = pair.folder().join("same.store");
    let store = Store::options()
        .create_if_missing()
        .durability(Durability::Normal)
        .open(&path)?;
    let drafts = store.special_folder(SpecialFolder::Drafts)?;
    let mut data = Vec::new();
    Noise::new(SIZE).read_to_end(&mut data)?;
    for _ in 0..10 {
        let mut message = drafts.create_message()?;
        message.attach("noise.bin", &data[..])?;
        message.save_changes(SaveFlags::empty())?;
    }
    drop(drafts);
    drop(store);
    // What was written and found to be there already leaves free pages in the file.
    let sql = "SELECT sum(length(data)) AS stored FROM stream_chunks";
    let connection = bare::connect(&path, Durability::Normal)?;
    let stored: i64 = connection.query_row(sql, [], |row| row.get("stored"))?;
    let file = fs::metadata(&path)?.len();
    let megabytes = |bytes: f64| grouped(bytes / 1e6);
    table.add_line(&[
        "the same attachment of 10 MB in 10 messages".to_owned(),
        format!(
            "{} MB, in a file of {} MB",
            megabytes(stored as f64),
            megabytes(file as f64)
        ),
        "stored once".to_owned(),
    ]);
    Ok(())
}

fn large_attachment(effort: &Effort, pair: &Pair, size: usize, table: &mut Table) -> Result<()> {
    let mebibytes = size / MEBIBYTE;
    let (ours, bare) = (pair.ours(), pair.bare());
    let (ours, bare) = (ours.to_string_lossy(), bare.to_string_lossy());
    let size = size.to_string();
    let mut writing = Sides::default();
    let mut reading = Sides::default();
    for _ in 0..effort.rounds.min(3) {
        let written = in_a_process(&["write", "ours", &ours, &size])?;
        let bare_written = in_a_process(&["write", "bare", &bare, &size])?;
        // What the system has still to write would be in the way of whoever reads first.
        for file in [pair.ours(), pair.bare()] {
            fs::File::open(file)?.sync_all()?;
        }
        reading.add(
            &in_a_process(&["read", "ours", &ours, &written.name])?,
            &in_a_process(&["read", "bare", &bare, &bare_written.name])?,
        );
        writing.add(&written, &bare_written);
    }
    for (action, sides) in [("write", writing), ("read", reading)] {
        sides.tell(
            &format!("{action} an attachment of {mebibytes} MiB"),
            mebibytes,
            table,
        );
    }
    Ok(())
}

/// The seconds of both sides, and the most that was resident.
#[derive(Default)]
struct Sides {
    ours: Vec<f64>,
    bare: Vec<f64>,
    resident: u64,
    bare_resident: u64,
}

impl Sides {
    fn add(&mut self, ours: &Taken, bare: &Taken) {
        self.ours.push(ours.seconds);
        self.bare.push(bare.seconds);
        self.resident = self.resident.max(ours.kibibytes);
        self.bare_resident = self.bare_resident.max(bare.kibibytes);
    }

    fn tell(&self, case: &str, mebibytes: usize, table: &mut Table) {
        let (ours, bare) = (median(&self.ours), median(&self.bare));
        let speed = |seconds: f64| format!("{} MiB/s", grouped(mebibytes as f64 / seconds));
        let resident = |kibibytes: u64| format!("{:.1} MiB", kibibytes as f64 / 1024.0);
        table.add_line(&[
            case.to_owned(),
            speed(ours),
            speed(bare),
            format!("{:.2}", bare / ours),
            resident(self.resident),
            resident(self.bare_resident),
        ]);
    }
}

/// Bytes that were never there before, without end in memory.
struct Noise {
    random: Random,
    left: usize,
}

impl Noise {
    fn new(size: usize) -> Noise {
        Noise {
            random: Random::new(),
            left: size,
        }
    }
}

impl Read for Noise {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(self.left);
        for part in buffer.get_mut(..count).unwrap_or_default().chunks_mut(8) {
            let number = self.random.next().to_le_bytes();
            part.iter_mut()
                .zip(number)
                .for_each(|(to, from)| *to = from);
        }
        self.left -= count;
        Ok(count)
    }
}
