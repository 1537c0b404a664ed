//! What many clients save together, each to messages of its own: threads of one process, and processes. Beside bare
//! SQLite with a connection for each client, waiting in SQLite's busy handler.
//!
//! Clients save as fast as they can for the same stretch of time. Besides the throughput there is what the least and the
//! most successful client saved in the least fair run, and the longest save of all runs. That may be longer than
//! a run: it ends when the others stop.
//!
//! `cargo bench --bench processes`; `-- --quick` takes seconds. The benchmark runs itself for each process.

#[allow(dead_code, reason = "each benchmark uses a part of it")]
mod support;

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::str::FromStr;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use mapistore::{Access, Durability, EntryId, Message, SaveFlags, Store};
use rusqlite::Connection;
use support::bare::{self, Prepared, Stored, Writer};
use support::measure::{Table, grouped, median, spread};
use support::message::Changes;
use support::stores::{self, Pair};
use support::{Effort, Result, machine, nth};

/// How many messages a client saves in turns.
const OWN: usize = 8;
/// What the first argument of a process is that was started to save.
const CLIENT: &str = "--client";

fn main() -> Result<()> {
    if env::args().nth(1).as_deref() == Some(CLIENT) {
        return client();
    }
    let mut effort = Effort::from_arguments()?;
    effort.rounds = effort.rounds.min(5);
    let pair = Pair::make(&effort)?;
    machine::print_header(
        "saving three changed properties, many clients",
        &effort,
        pair.folder(),
    );
    let mut table = Table::default();
    for durability in [Durability::Full, Durability::Normal] {
        for crowd in [
            Crowd::Threads(8),
            Crowd::Processes(1),
            Crowd::Processes(2),
            Crowd::Processes(4),
            Crowd::Processes(8),
            Crowd::Processes(16),
        ] {
            compare(&effort, &pair, crowd, durability, &mut table)?;
        }
    }
    table.print();
    Ok(())
}

/// Who saves at the same time.
#[derive(Debug, Clone, Copy)]
enum Crowd {
    /// Threads of one process.
    Threads(usize),
    Processes(usize),
}

/// With what they save.
#[derive(Debug, Clone, Copy)]
enum Side {
    Ours,
    Bare,
}

/// What one client did in a run.
#[derive(Debug, Clone, Copy)]
struct Tally {
    /// Saves that ended in time.
    saves: u64,
    longest: Duration,
}

/// What is said of all runs of one side.
#[derive(Debug, Default)]
struct Summary {
    throughputs: Vec<f64>,
    /// Saves of the least and of the most successful client in the least fair run.
    least_fair: Option<(u64, u64)>,
    longest: Duration,
}

impl Summary {
    fn add(&mut self, tallies: &[Tally], run: Duration) {
        let saves = tallies.iter().map(|tally| tally.saves);
        let (least, most) = (
            saves.clone().min().unwrap_or(0),
            saves.clone().max().unwrap_or(0),
        );
        // a : b is less fair than c : d where a · d < c · b.
        if self.least_fair.is_none_or(|(a, b)| least * b < a * most) {
            self.least_fair = Some((least, most));
        }
        self.throughputs
            .push(saves.sum::<u64>() as f64 / run.as_secs_f64());
        let longest = tallies
            .iter()
            .map(|tally| tally.longest)
            .max()
            .unwrap_or_default();
        self.longest = self.longest.max(longest);
    }

    fn show(&self) -> String {
        let (least, most) = self.least_fair.unwrap_or_default();
        format!(
            "{}/s, least : most {least} : {most}, longest {:.0} ms",
            grouped(median(&self.throughputs)),
            self.longest.as_secs_f64() * 1e3
        )
    }
}

fn compare(
    effort: &Effort,
    pair: &Pair,
    crowd: Crowd,
    durability: Durability,
    table: &mut Table,
) -> Result<()> {
    let who = match crowd {
        Crowd::Threads(1) => "1 thread saves".to_owned(),
        Crowd::Threads(count) => format!("{count} threads save"),
        Crowd::Processes(1) => "1 process saves".to_owned(),
        Crowd::Processes(count) => format!("{count} processes save"),
    };
    let case = format!("{who}, {} durability", name_of(durability));
    if !effort.includes(&case) {
        return Ok(());
    }
    let (mut ours, mut bare) = (Summary::default(), Summary::default());
    for _ in 0..effort.rounds {
        for (side, summary) in [(Side::Ours, &mut ours), (Side::Bare, &mut bare)] {
            let tallies = match crowd {
                Crowd::Threads(count) => threads(side, pair, durability, effort.run, count)?,
                Crowd::Processes(count) => processes(side, pair, durability, effort.run, count)?,
            };
            summary.add(&tallies, effort.run);
        }
    }
    let ratio = median(&ours.throughputs) / median(&bare.throughputs);
    eprintln!(
        "{case}: mapistore {}, bare {}",
        spread(&ours.throughputs),
        spread(&bare.throughputs)
    );
    table.add(&case, ours.show(), bare.show(), ratio);
    Ok(())
}

fn name_of(durability: Durability) -> &'static str {
    match durability {
        Durability::Full => "full",
        Durability::Normal => "normal",
    }
}

/// The messages of the client at a place, by their places in the store.
fn own_places(client: usize, messages: usize) -> impl Iterator<Item = usize> {
    (client * OWN..(client + 1) * OWN).map(move |place| stores::changeable(place, messages))
}

/// Something that can save its own messages, one after the other.
enum Saver<'a> {
    Ours {
        handles: Vec<Message>,
        changes: Vec<Changes>,
    },
    Bare {
        writer: Box<Writer<'a>>,
        rows: Vec<Stored>,
        prepared: Vec<Prepared>,
    },
}

impl<'a> Saver<'a> {
    fn ours(store: &Store, ids: &[EntryId]) -> Result<Saver<'a>> {
        let open = |id| Ok(store.open_message(id, Access::Modify)?);
        let handles = ids.iter().map(open).collect::<Result<_>>()?;
        Ok(Saver::Ours {
            handles,
            changes: Changes::all(),
        })
    }

    fn bare(connection: &'a Connection, places: impl Iterator<Item = usize>) -> Result<Saver<'a>> {
        let rows = places
            .map(|place| bare::stored(connection, place))
            .collect::<Result<_>>()?;
        let prepared = bare::variants(connection)?;
        Ok(Saver::Bare {
            writer: Box::new(Writer::new(connection)?),
            rows,
            prepared,
        })
    }

    fn save(&mut self, n: usize) -> Result<()> {
        // Each message is saved with another variant than the last time.
        let variant = n + n / OWN;
        match self {
            Saver::Ours { handles, changes } => {
                let message = handles.get_mut(n % OWN).ok_or("no such handle")?;
                nth(changes, variant)?.set(message)?;
                message.save_changes(SaveFlags::KEEP_OPEN_READWRITE)?;
                Ok(())
            }
            Saver::Bare {
                writer,
                rows,
                prepared,
            } => {
                let row = rows.get_mut(n % OWN).ok_or("no such row")?;
                writer.save(row, nth(prepared, variant)?)
            }
        }
    }

    /// Saves for a time.
    fn run(&mut self, time: Duration) -> Result<Tally> {
        let begun = Instant::now();
        let mut tally = Tally {
            saves: 0,
            longest: Duration::ZERO,
        };
        let mut before = Duration::ZERO;
        for n in 0.. {
            self.save(n)?;
            let now = begun.elapsed();
            tally.longest = tally.longest.max(now - before);
            before = now;
            if now >= time {
                break;
            }
            tally.saves += 1;
        }
        Ok(tally)
    }
}

/// One run of threads that share a store, or that each have a connection.
fn threads(
    side: Side,
    pair: &Pair,
    durability: Durability,
    time: Duration,
    count: usize,
) -> Result<Vec<Tally>> {
    let store = match side {
        Side::Ours => Some(stores::open_store(&pair.ours(), durability)?),
        Side::Bare => None,
    };
    let ready = Barrier::new(count);
    let messages = pair.ids().len();
    let work = |client: usize| -> Result<Tally> {
        let connection;
        let saver = match &store {
            Some(store) => {
                let ids: Result<Vec<EntryId>> = own_places(client, messages)
                    .map(|place| nth(pair.ids(), place).copied())
                    .collect();
                ids.and_then(|ids| Saver::ours(store, &ids))
            }
            None => {
                connection = bare::connect(&pair.bare(), durability)?;
                Saver::bare(&connection, own_places(client, messages))
            }
        };
        ready.wait();
        saver?.run(time)
    };
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..count)
            .map(|client| scope.spawn(move || work(client)))
            .collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Result<Tally>>| {
            thread
                .join()
                .map_err(|_| "a thread of the benchmark panicked")?
        };
        threads.into_iter().map(join).collect()
    })
}

/// One run of processes.
fn processes(
    side: Side,
    pair: &Pair,
    durability: Durability,
    time: Duration,
    count: usize,
) -> Result<Vec<Tally>> {
    let start = |client| Process::start(side, pair, durability, time, client);
    let mut processes = (0..count).map(start).collect::<Result<Vec<Process>>>()?;
    for process in &mut processes {
        process.expect_line("ready")?;
    }
    for process in &mut processes {
        process.to.write_all(b"go\n")?;
        process.to.flush()?;
    }
    processes.into_iter().map(Process::end).collect()
}

/// A process that saves, seen by the one that started it.
struct Process {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Process {
    fn start(
        side: Side,
        pair: &Pair,
        durability: Durability,
        time: Duration,
        client: usize,
    ) -> Result<Process> {
        let mut command = Command::new(env::current_exe()?);
        command
            .arg(CLIENT)
            .arg(name_of(durability))
            .arg(time.as_millis().to_string());
        match side {
            Side::Ours => command.arg("ours").arg(pair.ours()),
            Side::Bare => command.arg("bare").arg(pair.bare()),
        };
        for place in own_places(client, pair.ids().len()) {
            match side {
                Side::Ours => command.arg(nth(pair.ids(), place)?.to_string()),
                Side::Bare => command.arg(place.to_string()),
            };
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let to = child.stdin.take().ok_or("a client without input")?;
        let from = BufReader::new(child.stdout.take().ok_or("a client without output")?);
        Ok(Process { child, to, from })
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    fn expect_line(&mut self, expected: &str) -> Result<()> {
        let line = self.line()?;
        if line == expected {
            return Ok(());
        }
        Err(format!("a client said {line:?} in place of {expected:?}").into())
    }

    fn end(mut self) -> Result<Tally> {
        let line = self.line()?;
        let status = self.child.wait()?;
        if !status.success() {
            return Err(format!("a client ended with {status}").into());
        }
        let (saves, longest) = line
            .split_once(' ')
            .ok_or("a client did not say what it did")?;
        Ok(Tally {
            saves: saves.parse()?,
            longest: Duration::from_nanos(longest.parse()?),
        })
    }
}

/// A process that was started to save.
fn client() -> Result<()> {
    let mut arguments = env::args_os().skip(2);
    let mut next = || arguments.next().ok_or("an argument is missing");
    let durability = match next()?.to_str() {
        Some("full") => Durability::Full,
        _ => Durability::Normal,
    };
    let time = Duration::from_millis(parsed(&next()?)?);
    let side = next()?;
    let path = PathBuf::from(next()?);
    let own: Vec<String> = arguments
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    if side == "ours" {
        let store = stores::open_store(&path, durability)?;
        let ids = own
            .iter()
            .map(|id| Ok(id.parse()?))
            .collect::<Result<Vec<EntryId>>>()?;
        save_when_told(Saver::ours(&store, &ids)?, time)
    } else {
        save_bare_when_told(&path, durability, time, &own)
    }
}

fn save_bare_when_told(
    path: &Path,
    durability: Durability,
    time: Duration,
    own: &[String],
) -> Result<()> {
    let connection = bare::connect(path, durability)?;
    let places = own
        .iter()
        .map(|place| Ok(place.parse()?))
        .collect::<Result<Vec<usize>>>()?;
    save_when_told(Saver::bare(&connection, places.into_iter())?, time)
}

fn parsed<T: FromStr>(text: &std::ffi::OsStr) -> Result<T> {
    text.to_string_lossy()
        .parse()
        .map_err(|_| format!("{} is no number", text.display()).into())
}

fn save_when_told(mut saver: Saver<'_>, time: Duration) -> Result<()> {
    println!("ready");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let tally = saver.run(time)?;
    println!("{} {}", tally.saves, tally.longest.as_nanos());
    Ok(())
}
