//! Draws `docs/performance.svg`: what clients save in a second by their number, and what opening and saving cost by the
//! size of the store; each time ours and bare SQLite.
//!
//! `cargo bench --bench plot`; `-- --quick` takes seconds and draws into the folder of the measured files instead, since
//! its figures say little. The benchmark runs itself for each process.

#[allow(dead_code, reason = "each benchmark uses a part of it")]
mod support;

use std::path::{Path, PathBuf};

use mapistore::{Access, Durability, Message, SaveFlags, Store};
use rusqlite::Connection;
use support::bare::{self, Reader, Stored, Writer};
use support::crowd::{self, Crowd, Summary, Work};
use support::measure::{median, repeat_for};
use support::message::Changes;
use support::saver::{Habit, Side};
use support::stores::{self, Pair};
use support::svg::{Chart, Line, page};
use support::{Effort, Result, Thoroughness, machine, nth};

/// How many messages are saved in turn.
const OPEN: usize = 200;

fn main() -> Result<()> {
    if crowd::is_client()? {
        return Ok(());
    }
    let mut effort = Effort::from_arguments()?;
    effort.rounds = effort.rounds.min(5);
    let (sizes, drawn): (&[usize], PathBuf) = match effort.thoroughness {
        Thoroughness::Full => (&[1_000, 10_000, 100_000], "docs/performance.svg".into()),
        Thoroughness::Quick => (&[500, 1_000, 2_000], stores::parent()?.join("quick.svg")),
    };
    let pair = Pair::make(&effort)?;
    machine::print_header("two charts", &effort, pair.folder());
    let many = many_processes(&effort, &pair)?;
    drop(pair);
    let large = large_stores(&effort, sizes)?;
    let title =
        "mapistore and bare SQLite: saves by number of processes, and cost by size of the store";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(drawn);
    std::fs::write(&path, page(title, &[many, large]))?;
    println!("drawn: {}", path.display());
    Ok(())
}

/// Saves a second with full durability, by the number of processes.
fn many_processes(effort: &Effort, pair: &Pair) -> Result<Chart> {
    let mut lines = [Line::new("mapistore"), Line::new("bare SQLite")];
    let work = Work {
        habit: Habit::Own,
        durability: Durability::Full,
        time: effort.run,
    };
    for count in [1, 2, 4, 8, 16] {
        let mut summaries = [Summary::default(), Summary::default()];
        for _ in 0..effort.rounds {
            for (summary, side) in summaries.iter_mut().zip([Side::Ours, Side::Bare]) {
                summary.add(work.run(side, pair, Crowd::Processes(count))?, work.time);
            }
        }
        for (line, summary) in lines.iter_mut().zip(&summaries) {
            line.add(count.to_string(), summary.throughput());
        }
    }
    Ok(Chart {
        title: "Saves a second, full durability",
        below: "processes",
        lines: lines.into(),
    })
}

/// Microseconds of an opening and of a save with normal durability, by the number of messages.
fn large_stores(effort: &Effort, sizes: &[usize]) -> Result<Chart> {
    let mut lines = [
        Line::new("open, mapistore"),
        Line::new("open, bare SQLite"),
        Line::new("save, mapistore"),
        Line::new("save, bare SQLite"),
    ];
    for size in sizes {
        let mut effort = effort.clone();
        effort.messages = *size;
        let pair = Pair::make(&effort)?;
        let name = support::measure::grouped(*size as f64);
        let costs = one_client(&effort, &pair)?;
        for (line, cost) in lines.iter_mut().zip(costs) {
            line.add(name.clone(), cost);
        }
    }
    Ok(Chart {
        title: "Microseconds each, one client, normal durability",
        below: "messages in the store",
        lines: lines.into(),
    })
}

/// What opening costs us and bare, and then what saving does, in microseconds.
fn one_client(effort: &Effort, pair: &Pair) -> Result<[f64; 4]> {
    let store = stores::open_store(&pair.ours(), Durability::Normal)?;
    let connection = bare::connect(&pair.bare(), Durability::Normal)?;
    let (mut handles, mut rows) = open(pair, &store, &connection)?;
    let changes = Changes::all();
    let prepared = bare::variants(&connection)?;
    let mut reader = Reader::new(&connection)?;
    let mut writer = Writer::new(&connection)?;
    let mut runs: [Vec<f64>; 4] = Default::default();
    // Far apart in the file, and each only once in a while.
    let spread = |n: usize| n.wrapping_mul(7_919) % pair.ids().len();
    for _ in 0..effort.rounds {
        let [open, bare_open, save, bare_save] = &mut runs;
        open.push(repeat_for(effort.run, |n| {
            std::hint::black_box(
                store.open_message(nth(pair.ids(), spread(n))?, Access::ReadOnly)?,
            );
            Ok(())
        })?);
        bare_open.push(repeat_for(effort.run, |n| {
            reader
                .open(nth(pair.ids(), spread(n))?.object().as_bytes())
                .map(drop)
        })?);
        save.push(repeat_for(effort.run, |n| {
            let message = handles.get_mut(n % OPEN).ok_or("no such handle")?;
            nth(&changes, n + n / OPEN)?.set(message)?;
            message.save_changes(SaveFlags::KEEP_OPEN_READWRITE)?;
            Ok(())
        })?);
        bare_save.push(repeat_for(effort.run, |n| {
            let row = rows.get_mut(n % OPEN).ok_or("no such row")?;
            writer.save(row, nth(&prepared, n + n / OPEN)?)
        })?);
    }
    Ok(runs.map(|runs| 1e6 / median(&runs)))
}

/// Messages that are saved in turn, on both sides.
fn open(
    pair: &Pair,
    store: &Store,
    connection: &Connection,
) -> Result<(Vec<Message>, Vec<Stored>)> {
    let places = || (0..OPEN).map(|place| stores::changeable(place, pair.ids().len()));
    let handles = places().map(|place| {
        let id = nth(pair.ids(), place)?;
        Ok(store.open_message(id, Access::Modify)?)
    });
    let rows = places().map(|place| bare::stored(connection, place));
    Ok((
        handles.collect::<Result<_>>()?,
        rows.collect::<Result<_>>()?,
    ))
}
