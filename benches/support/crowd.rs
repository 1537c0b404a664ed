//! Clients that save at the same time: threads of one process, or processes, which are the benchmark itself, started
//! again.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use mapistore::{Durability, EntryId};

use super::measure::{grouped, median, nine_hundred_ninety_nine_of_thousand};
use super::saver::{Habit, Ring, Saver, Side, Tally};
use super::stores::{self, Pair};
use super::{Result, bare, nth};

/// How many messages of its own a client saves in turn.
const OWN: usize = 8;
/// How many everybody saves.
const HOT: usize = 16;
/// What the first argument of a process is that was started to save.
const CLIENT: &str = "--client";

/// Who saves at the same time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Crowd {
    /// Threads of one process.
    Threads(usize),
    Processes(usize),
}

/// What they do, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    pub(crate) habit: Habit,
    pub(crate) durability: Durability,
    pub(crate) time: Duration,
}

/// The name of a durability in tables and arguments.
pub(crate) fn name_of(durability: Durability) -> &'static str {
    match durability {
        Durability::Full => "full",
        Durability::Normal => "normal",
    }
}

impl Work {
    /// The messages of a client, by their places in the store.
    fn places(self, client: usize, messages: usize) -> Vec<usize> {
        let places = match self.habit {
            Habit::Own => client * OWN..(client + 1) * OWN,
            Habit::Hot => 0..HOT,
        };
        places
            .map(|place| stores::changeable(place, messages))
            .collect()
    }

    /// One run.
    pub(crate) fn run(self, side: Side, pair: &Pair, crowd: Crowd) -> Result<Vec<Tally>> {
        match crowd {
            Crowd::Threads(count) => self.run_threads(side, pair, count),
            Crowd::Processes(count) => self.run_processes(side, pair, count),
        }
    }

    /// Threads share a store, or have a connection each.
    fn run_threads(self, side: Side, pair: &Pair, count: usize) -> Result<Vec<Tally>> {
        let store = match side {
            Side::Ours => Some(stores::open_store(&pair.ours(), self.durability)?),
            Side::Bare | Side::BareInTurn => None,
        };
        let ready = Barrier::new(count);
        let messages = pair.ids().len();
        let work = |client: usize| -> Result<Tally> {
            let places = self.places(client, messages);
            let connection;
            let saver = match &store {
                Some(store) => {
                    ids_at(pair, &places).and_then(|ids| Saver::ours(store, self.habit, ids))
                }
                None => {
                    connection = bare::connect(&pair.bare(), self.durability)?;
                    Saver::bare(&connection, self.habit, &places, None)
                }
            };
            ready.wait();
            saver?.run(self.time)
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

    fn run_processes(self, side: Side, pair: &Pair, count: usize) -> Result<Vec<Tally>> {
        // Where those that save in turn have their addresses.
        let ring = tempfile::tempdir()?;
        let place = |client| (ring.path(), client, count);
        let start = |client| Process::start(self, side, pair, place(client));
        let mut processes = (0..count).map(start).collect::<Result<Vec<Process>>>()?;
        for process in &mut processes {
            process.expect_ready()?;
        }
        for process in &mut processes {
            process.to.write_all(b"go\n")?;
            process.to.flush()?;
        }
        processes.into_iter().map(Process::end).collect()
    }
}

fn ids_at(pair: &Pair, places: &[usize]) -> Result<Vec<EntryId>> {
    let id = |place: &usize| nth(pair.ids(), *place).copied();
    places.iter().map(id).collect()
}

/// A process that saves, seen by the one that started it.
struct Process {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Process {
    fn start(
        work: Work,
        side: Side,
        pair: &Pair,
        (ring, client, count): (&Path, usize, usize),
    ) -> Result<Process> {
        let mut command = Command::new(env::current_exe()?);
        let habit = match work.habit {
            Habit::Own => "own",
            Habit::Hot => "hot",
        };
        command
            .arg(CLIENT)
            .args([habit, name_of(work.durability)])
            .arg(work.time.as_millis().to_string());
        match side {
            Side::Ours => command.arg("ours").arg(pair.ours()),
            Side::Bare => command.arg("bare").arg(pair.bare()),
            Side::BareInTurn => command
                .arg("in turn")
                .arg(pair.bare())
                .arg(ring)
                .args([client.to_string(), count.to_string()]),
        };
        for place in work.places(client, pair.ids().len()) {
            match side {
                Side::Ours => command.arg(nth(pair.ids(), place)?.to_string()),
                Side::Bare | Side::BareInTurn => command.arg(place.to_string()),
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

    fn expect_ready(&mut self) -> Result<()> {
        match self.line()?.as_str() {
            "ready" => Ok(()),
            other => Err(format!("a client said {other:?} in place of being ready").into()),
        }
    }

    fn end(mut self) -> Result<Tally> {
        let line = self.line()?;
        let status = self.child.wait()?;
        if !status.success() {
            return Err(format!("a client ended with {status}").into());
        }
        let mut numbers = line.split(' ').map(str::parse::<u64>);
        let mut next = || numbers.next().ok_or("a client did not say what it did");
        let (saves, refused) = (next()??, next()??);
        let times = numbers
            .map(|nanoseconds| Ok(Duration::from_nanos(nanoseconds?)))
            .collect::<Result<_>>()?;
        Ok(Tally {
            saves,
            refused,
            times,
        })
    }
}

/// Saves, if this process was started for that; false if it was not.
pub(crate) fn is_client() -> Result<bool> {
    let mut arguments = env::args_os().skip(1);
    if arguments.next().is_none_or(|first| first != CLIENT) {
        return Ok(false);
    }
    let mut next = || arguments.next().ok_or("an argument is missing");
    let is = |argument: OsString, name: &str| argument.to_str() == Some(name);
    let habit = if is(next()?, "hot") {
        Habit::Hot
    } else {
        Habit::Own
    };
    let durability = if is(next()?, "full") {
        Durability::Full
    } else {
        Durability::Normal
    };
    let time = Duration::from_millis(next()?.to_string_lossy().parse()?);
    let side = match next()?.to_str() {
        Some("ours") => Side::Ours,
        Some("in turn") => Side::BareInTurn,
        _ => Side::Bare,
    };
    let path = PathBuf::from(next()?);
    let ring = if side == Side::BareInTurn {
        let folder = PathBuf::from(next()?);
        let mut number = || -> Result<usize> { Ok(next()?.to_string_lossy().parse()?) };
        Some(Ring::join(&folder, number()?, number()?)?)
    } else {
        None
    };
    let own: Vec<String> = arguments
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    if side == Side::Ours {
        let store = stores::open_store(&path, durability)?;
        let ids = own
            .iter()
            .map(|id| Ok(id.parse()?))
            .collect::<Result<_>>()?;
        save_when_told(Saver::ours(&store, habit, ids)?, time)?;
    } else {
        let connection = bare::connect(&path, durability)?;
        let places = own
            .iter()
            .map(|place| Ok(place.parse()?))
            .collect::<Result<Vec<usize>>>()?;
        save_when_told(Saver::bare(&connection, habit, &places, ring)?, time)?;
    }
    Ok(true)
}

fn save_when_told(mut saver: Saver<'_>, time: Duration) -> Result<()> {
    println!("ready");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let tally = saver.run(time)?;
    let mut said = format!("{} {}", tally.saves, tally.refused);
    for time in &tally.times {
        said.push_str(&format!(" {}", time.as_nanos()));
    }
    println!("{said}");
    Ok(())
}

/// What is said of all runs of one side.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) throughputs: Vec<f64>,
    /// Saves of the least and of the most successful client in the least fair run.
    least_fair: Option<(u64, u64)>,
    saves: u64,
    refused: u64,
    times: Vec<Duration>,
}

impl Summary {
    pub(crate) fn add(&mut self, tallies: Vec<Tally>, run: Duration) {
        let saves = tallies.iter().map(|tally| tally.saves);
        let (least, most) = (
            saves.clone().min().unwrap_or(0),
            saves.clone().max().unwrap_or(0),
        );
        // a : b is less fair than c : d where a · d < c · b.
        if self.least_fair.is_none_or(|(a, b)| least * b < a * most) {
            self.least_fair = Some((least, most));
        }
        let saves = saves.sum::<u64>();
        self.throughputs.push(saves as f64 / run.as_secs_f64());
        self.saves += saves;
        for tally in tallies {
            self.refused += tally.refused;
            self.times.extend(tally.times);
        }
    }

    pub(crate) fn throughput(&self) -> f64 {
        median(&self.throughputs)
    }

    pub(crate) fn show(&self) -> String {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        let (least, most) = self.least_fair.unwrap_or_default();
        let refused = match self.refused {
            0 => String::new(),
            refused => {
                let tries = (self.saves + refused) as f64;
                format!(", refused {:.0} of 100", 100.0 * refused as f64 / tries)
            }
        };
        format!(
            "{}/s, least : most {least} : {most} ({:.2}), p99.9 {:.1} ms, longest {:.1} ms{refused}",
            grouped(self.throughput()),
            least as f64 / most as f64,
            milliseconds(nine_hundred_ninety_nine_of_thousand(&self.times)),
            milliseconds(self.times.iter().max().copied().unwrap_or_default()),
        )
    }
}
