//! How long after a commit another process hears of it: the library's subscription beside bare SQLite, looking for a
//! change of `data_version` every 20 ms and every millisecond.
//!
//! One process saves now and then; another waits and notes when it heard of each change, on the clock that all processes
//! of a host share. The delay runs from the return of the commit, so it may be negative: a commit can be seen before
//! the call that makes it has returned. Then nobody saves for a while, and the waiting process says what processor
//! time it took all the same.
//!
//! `cargo bench --bench notify`; `-- --quick` takes seconds. The benchmark runs itself for the waiting process.

#[allow(dead_code, reason = "each benchmark uses a part of it")]
mod support;

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use mapistore::{Access, ChangeNumber, Durability, Message, Notice, SaveFlags, Store, Waking};
use rusqlite::{Connection, OpenFlags};
use rustix::time::{ClockId, clock_gettime};
use support::measure::{grouped, median};
use support::message::Changes;
use support::stores::{self, Pair};
use support::{Effort, Result, machine, nth};

/// What the first argument of the waiting process is.
const WAITER: &str = "--waiter";
/// Saves come after pauses between these, out of step with whoever looks every so many milliseconds.
const SHORTEST_PAUSE: Duration = Duration::from_micros(1_500);
const PAUSE_STEP: Duration = Duration::from_micros(137);
const PAUSE_STEPS: usize = 61;

fn main() -> Result<()> {
    if env::args().nth(1).as_deref() == Some(WAITER) {
        return wait();
    }
    let effort = Effort::from_arguments()?;
    let pair = Pair::make(&effort)?;
    machine::print_header(
        "word of a commit in another process",
        &effort,
        pair.folder(),
    );
    let (saves, idle) = if effort.large > 1 {
        (2_000, Duration::from_secs(20))
    } else {
        (100, Duration::from_secs(1))
    };
    println!(
        "saves: {saves}, {SHORTEST_PAUSE:?} to {:?} apart; idle for {idle:?}",
        SHORTEST_PAUSE + PAUSE_STEP * 60
    );
    println!(
        "case | median | 99th of 100 | longest | processor time a change | processor time idle, a second"
    );
    for durability in [Durability::Full, Durability::Normal] {
        for way in [Way::Ours, Way::Bare(20), Way::Bare(1)] {
            let case = format!("{}, {durability:?} durability", way.name());
            if effort.includes(&case) {
                println!("{case} | {}", measure(&pair, way, durability, saves, idle)?);
            }
        }
    }
    Ok(())
}

/// How the other process waits.
#[derive(Debug, Clone, Copy)]
enum Way {
    Ours,
    /// Looks every so many milliseconds.
    Bare(u64),
}

impl Way {
    fn name(self) -> String {
        match self {
            Way::Ours => "mapistore".to_owned(),
            Way::Bare(pause) => format!("bare SQLite, looking every {pause} ms"),
        }
    }
}

fn measure(
    pair: &Pair,
    way: Way,
    durability: Durability,
    saves: usize,
    idle: Duration,
) -> Result<String> {
    let store = stores::open_store(&pair.ours(), durability)?;
    let since = store.last_change()?;
    let mut waiter = Waiter::start(&pair.ours(), way, since, saves, idle)?;
    let id = nth(pair.ids(), stores::changeable(0, pair.ids().len()))?;
    let mut message = store.open_message(id, Access::Modify)?;
    let committed = save(&mut message, saves)?;
    let mut delays = Vec::new();
    for _ in 0..saves {
        let line = waiter.line()?;
        let (number, heard) = line.split_once(' ').ok_or("no time was told")?;
        let number: i64 = number.parse()?;
        let committed = committed.get(&number).ok_or("a change of nobody")?;
        delays.push((heard.parse::<i64>()? - committed) as f64);
    }
    let busy: f64 = waiter.line()?.parse()?;
    let while_idle: f64 = waiter.line()?.parse()?;
    waiter.end()?;
    delays.sort_by(f64::total_cmp);
    let at = |part: usize| delays.get(delays.len() * part / 100).copied();
    Ok(format!(
        "{} µs | {} µs | {} µs | {} µs | {} µs",
        grouped(median(&delays) / 1e3),
        grouped(at(99).unwrap_or(f64::NAN) / 1e3),
        grouped(delays.last().copied().unwrap_or(f64::NAN) / 1e3),
        grouped(busy / 1e3 / saves as f64),
        grouped(while_idle / 1e3 / idle.as_secs_f64()),
    ))
}

/// Saves now and then; answers when each change's commit had returned.
fn save(message: &mut Message, saves: usize) -> Result<BTreeMap<i64, i64>> {
    let changes = Changes::all();
    let mut committed = BTreeMap::new();
    for n in 0..saves {
        std::thread::sleep(SHORTEST_PAUSE + PAUSE_STEP * u32::try_from(n * 29 % PAUSE_STEPS)?);
        nth(&changes, n)?.set(message)?;
        let saved = message.save_changes(SaveFlags::KEEP_OPEN_READWRITE)?;
        committed.insert(saved.change_number.get(), now());
    }
    Ok(committed)
}

/// Nanoseconds on the clock that all processes of the host share.
fn now() -> i64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Nanoseconds that this thread, the only one that waits, spent on a processor.
fn processor_time() -> i64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// The waiting process, seen by the one that started it.
struct Waiter {
    child: Child,
    from: BufReader<ChildStdout>,
}

impl Waiter {
    fn start(
        path: &Path,
        way: Way,
        since: ChangeNumber,
        count: usize,
        idle: Duration,
    ) -> Result<Waiter> {
        let mut command = Command::new(env::current_exe()?);
        command.arg(WAITER).arg(path);
        command.args([since.get().to_string(), count.to_string()]);
        command.arg(idle.as_millis().to_string());
        if let Way::Bare(pause) = way {
            command.arg(pause.to_string());
        }
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let from = BufReader::new(child.stdout.take().ok_or("a process without output")?);
        let mut waiter = Waiter { child, from };
        match waiter.line()?.as_str() {
            "ready" => Ok(waiter),
            other => Err(format!("the waiting process said {other:?}").into()),
        }
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    fn end(mut self) -> Result<()> {
        let status = self.child.wait()?;
        if status.success() {
            return Ok(());
        }
        Err(format!("the waiting process ended with {status}").into())
    }
}

/// What the waiting process does: hears of so many changes, then waits for another that does not come.
fn wait() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(2).collect();
    let argument = |n: usize| arguments.get(n).ok_or("an argument is missing");
    let path = PathBuf::from(argument(0)?);
    let since: i64 = argument(1)?.parse()?;
    let count: usize = argument(2)?.parse()?;
    let idle = Duration::from_millis(argument(3)?.parse()?);
    match arguments.get(4) {
        None => {
            let since = ChangeNumber::new(since).ok_or("no change number")?;
            let store = Store::options().read_only().open(path)?;
            let mut changes = store.subscribe(since)?;
            if changes.waking() != Waking::Notified {
                eprintln!("the kernel does not say when the store was written");
            }
            listen(count, idle, |time| match changes.next(time)? {
                Notice::Changed(change) => Ok(vec![change.change_number.get()]),
                Notice::TimedOut => Ok(Vec::new()),
                other => Err(format!("{other:?} is no change").into()),
            })
        }
        Some(pause) => {
            let mut poller = Poller::new(&path, since, Duration::from_millis(pause.parse()?))?;
            listen(count, idle, |time| poller.next(time))
        }
    }
}

fn listen(
    count: usize,
    idle: Duration,
    mut next: impl FnMut(Duration) -> Result<Vec<i64>>,
) -> Result<()> {
    println!("ready");
    let mut heard = Vec::new();
    let begun = processor_time();
    while heard.len() < count {
        let numbers = next(Duration::from_secs(60))?;
        let time = now();
        if numbers.is_empty() {
            return Err("a minute without a change".into());
        }
        heard.extend(numbers.into_iter().map(|number| (number, time)));
    }
    let busy = processor_time() - begun;
    let begun = processor_time();
    next(idle)?;
    let while_idle = processor_time() - begun;
    for (number, time) in heard {
        println!("{number} {time}");
    }
    println!("{busy}\n{while_idle}");
    Ok(())
}

/// Bare SQLite: looks whether the version of the database has changed, and only then into the journal.
struct Poller {
    connection: Connection,
    since: i64,
    version: i64,
    pause: Duration,
}

impl Poller {
    fn new(path: &Path, since: i64, pause: Duration) -> Result<Poller> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        Ok(Poller {
            connection,
            since,
            version: -1,
            pause,
        })
    }

    fn next(&mut self, time: Duration) -> Result<Vec<i64>> {
        let begun = Instant::now();
        loop {
            let mut version = self.connection.prepare_cached("PRAGMA data_version")?;
            let version: i64 = version.query_row([], |row| row.get(0))?;
            if version != self.version {
                self.version = version;
                let numbers = self.look()?;
                if let Some(last) = numbers.last() {
                    self.since = *last;
                    return Ok(numbers);
                }
            }
            if begun.elapsed() >= time {
                return Ok(Vec::new());
            }
            std::thread::sleep(self.pause);
        }
    }

    fn look(&self) -> Result<Vec<i64>> {
        let mut select = self.connection.prepare_cached(
            "SELECT change_number FROM changes WHERE change_number > ? ORDER BY change_number",
        )?;
        let numbers = select.query_map([self.since], |row| row.get(0))?;
        Ok(numbers.collect::<rusqlite::Result<_>>()?)
    }
}
