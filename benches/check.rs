//! What `check` takes on a store of 100,000 messages, and what a client notices that saves meanwhile.
//!
//! `cargo bench --bench check`; `-- --quick` takes seconds. The benchmark runs itself for the process that checks, so
//! that its memory is its own.

#[allow(dead_code, reason = "each benchmark uses a part of it")]
mod support;

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mapistore::{Access, Durability, EntryId, Message, SaveFlags, SpecialFolder, Store};
use support::measure::{grouped, timed};
use support::message::{Changes, fill};
use support::{Effort, Result, machine, nth, stores};
use tempfile::TempDir;

/// What the first argument of the process is that checks.
const CHECK: &str = "--check";
/// Messages in the store, for each that the benchmarks usually have.
const MORE_MESSAGES: usize = 5;
/// Messages saved in one commit while the store is filled.
const BATCH: usize = 1_000;
/// One message of so many has an attachment.
const ATTACHED: usize = 100;
const ATTACHMENT: usize = 100_000;

fn main() -> Result<()> {
    if env::args().nth(1).as_deref() == Some(CHECK) {
        let path = env::args().nth(2).ok_or("no store named")?;
        return check(Path::new(&path));
    }
    let mut effort = Effort::from_arguments()?;
    effort.messages *= MORE_MESSAGES;
    effort.rounds = effort.rounds.min(3);
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let path = folder.path().join("mail.store");
    let ids = make(&path, effort.messages)?;
    machine::print_header(
        "checking a store, beside a client that saves",
        &effort,
        folder.path(),
    );
    println!("size: {} bytes", grouped(fs::metadata(&path)?.len() as f64));
    let store = stores::open_store(&path, Durability::Full)?;
    let mut message = store.open_message(nth(&ids, 0)?, Access::Modify)?;
    for round in 1..=effort.rounds {
        let idle = start(&path)?.wait_with_output()?;
        println!("round {round}, nobody saves: {}", said(&idle.stdout));
        let alone = save_until(&mut message, &path, |begun| {
            Ok(begun.elapsed() > effort.run * 5)
        })?;
        println!("round {round}, saves alone: {}", alone.show());
        let mut checking = start(&path)?;
        let beside = save_until(&mut message, &path, |_| Ok(checking.try_wait()?.is_some()))?;
        let found = checking.wait_with_output()?;
        println!("round {round}, beside saves: {}", said(&found.stdout));
        println!("round {round}, saves beside: {}", beside.show());
    }
    Ok(())
}

fn said(output: &[u8]) -> String {
    String::from_utf8_lossy(output).trim().to_owned()
}

fn make(path: &Path, count: usize) -> Result<Vec<EntryId>> {
    let store = Store::options()
        .create_if_missing()
        .durability(Durability::Normal)
        .open(path)?;
    let drafts = store.special_folder(SpecialFolder::Drafts)?;
    let variants = Changes::all();
    let mut ids = Vec::new();
    let mut batch = Vec::new();
    for number in 0..count {
        let mut message = drafts.create_message()?;
        fill(&mut message, nth(&variants, number)?)?;
        if number % ATTACHED == 1 {
            // Each another, so that none is kept once for all.
            let data: Vec<u8> = number
                .to_le_bytes()
                .into_iter()
                .cycle()
                .take(ATTACHMENT)
                .collect();
            message.attach("data", &data[..])?;
        }
        ids.push(message.entry_id());
        batch.push(message);
        if batch.len() == BATCH || number + 1 == count {
            for saved in store.save_batch(&mut batch, SaveFlags::empty())? {
                saved?;
            }
            batch.clear();
        }
    }
    Ok(ids)
}

fn start(path: &Path) -> Result<Child> {
    Ok(Command::new(env::current_exe()?)
        .arg(CHECK)
        .arg(path)
        .stdout(Stdio::piped())
        .spawn()?)
}

fn check(path: &Path) -> Result<()> {
    let store = Store::options().read_only().open(path)?;
    let mut checked = 0;
    let took = timed(|| {
        let report = store.check(&mut |_| {})?;
        if !report.is_sound() {
            return Err(report.problems.join("\n").into());
        }
        checked = report.checked;
        Ok(())
    })?;
    println!(
        "{} objects in {:.1} s, {:.1} s of processor, {} memory at most",
        grouped(checked as f64),
        took.as_secs_f64(),
        processor_seconds()?,
        peak_memory()?
    );
    Ok(())
}

/// Time of this process on a processor, in the system's calls too.
fn processor_seconds() -> Result<f64> {
    /// Of the kernel's clock for this file, on every architecture.
    const TICKS_PER_SECOND: f64 = 100.0;
    let text = fs::read_to_string("/proc/self/stat")?;
    // The name of the program, which ends with the parenthesis, may hold anything.
    let (_, fields) = text.rsplit_once(')').ok_or("no process status")?;
    let ticks: Vec<f64> = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
}

fn peak_memory() -> Result<String> {
    let text = fs::read_to_string("/proc/self/status")?;
    let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(peak.ok_or("no peak of memory")?.trim().to_owned())
}

/// What a client noticed that saved one message again and again.
#[derive(Debug, Default)]
struct Noticed {
    took: Vec<Duration>,
    largest_log: u64,
}

impl Noticed {
    fn show(&self) -> String {
        let mut sorted = self.took.clone();
        sorted.sort_unstable();
        let at = |share: f64| {
            let place = (sorted.len() as f64 * share) as usize;
            let took = sorted.get(place).or(sorted.last()).copied();
            took.unwrap_or_default().as_secs_f64() * 1e3
        };
        format!(
            "{} saves, median {:.2} ms, 99 % under {:.2} ms, longest {:.1} ms, log {} bytes at most",
            grouped(sorted.len() as f64),
            at(0.5),
            at(0.99),
            at(1.0),
            grouped(self.largest_log as f64)
        )
    }
}

fn save_until(
    message: &mut Message,
    path: &Path,
    mut is_over: impl FnMut(Instant) -> Result<bool>,
) -> Result<Noticed> {
    let variants = Changes::all();
    let log = path.with_extension("store-wal");
    let mut noticed = Noticed::default();
    let begun = Instant::now();
    for number in 0.. {
        nth(&variants, number)?.set(message)?;
        noticed.took.push(timed(|| {
            message.save_changes(SaveFlags::KEEP_OPEN_READWRITE)?;
            Ok(())
        })?);
        if number % 50 == 0 {
            noticed.largest_log = noticed.largest_log.max(fs::metadata(&log)?.len());
            if is_over(begun)? {
                break;
            }
        }
    }
    Ok(noticed)
}
