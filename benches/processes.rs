//! What many clients save together: threads of one process, and processes. Beside bare SQLite with a connection for each
//! client, waiting in SQLite's busy handler; and, for processes, beside bare SQLite whose processes save one after the other,
//! each woken by the one before through a socket: what it costs bare to be fair in that way.
//!
//! Clients save as fast as they can for the same stretch of time: each its own messages, or all of them the same sixteen,
//! and then what is refused as stale is opened, changed and saved again. Besides the throughput there is what the least
//! and the most successful client saved in the least fair run, the time that 999 of 1,000 saves took at most, and the
//! longest save of all runs. That may be longer than a run: it ends when the others stop.
//!
//! `cargo bench --bench processes`; `-- --quick` takes seconds; `-- hot` measures the cases with that in their names. The
//! benchmark runs itself for each process.

#[allow(dead_code, reason = "each benchmark uses a part of it")]
mod support;

use std::time::Instant;

use mapistore::Durability;

use support::bare::{self, Writer};
use support::crowd::{self, Crowd, Summary, Work, name_of};
use support::measure::{Table, grouped, median, spread};
use support::saver::{Habit, Side};
use support::stores::{self, Pair};
use support::{Effort, Result, machine, nth};

/// How many saves share a commit where that is done by hand.
const TOGETHER: usize = 8;

fn main() -> Result<()> {
    if crowd::is_client()? {
        return Ok(());
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
        share_by_hand(&effort, &pair, durability, &mut table)?;
        for crowd in [
            Crowd::Threads(8),
            Crowd::Processes(1),
            Crowd::Processes(2),
            Crowd::Processes(4),
            Crowd::Processes(8),
            Crowd::Processes(16),
        ] {
            compare(&effort, &pair, crowd, Habit::Own, durability, &mut table)?;
        }
        let crowd = Crowd::Processes(32);
        compare(&effort, &pair, crowd, Habit::Hot, durability, &mut table)?;
    }
    table.print();
    Ok(())
}

/// The most that sharing commits can give: one connection of bare SQLite that has nobody to wait for and nobody to answer,
/// with eight saves in each transaction.
fn share_by_hand(
    effort: &Effort,
    pair: &Pair,
    durability: Durability,
    table: &mut Table,
) -> Result<()> {
    let case = format!(
        "8 saves in each commit by hand, one thread, {} durability",
        name_of(durability)
    );
    if !effort.includes(&case) {
        return Ok(());
    }
    let connection = bare::connect(&pair.bare(), durability)?;
    let mut writer = Writer::new(&connection)?;
    let prepared = bare::variants(&connection)?;
    let places = (0..TOGETHER * TOGETHER).map(|place| stores::changeable(place, pair.ids().len()));
    let mut rows = places
        .map(|place| bare::stored(&connection, place))
        .collect::<Result<Vec<_>>>()?;
    let mut throughputs = Vec::new();
    for _ in 0..effort.rounds {
        let begun = Instant::now();
        let mut saves = 0;
        for batch in 0.. {
            writer.together(|writer| {
                for row in rows
                    .iter_mut()
                    .skip(batch % TOGETHER * TOGETHER)
                    .take(TOGETHER)
                {
                    writer.save_within(row, nth(&prepared, saves)?)?;
                    saves += 1;
                }
                Ok(())
            })?;
            if begun.elapsed() >= effort.run {
                break;
            }
        }
        throughputs.push(saves as f64 / begun.elapsed().as_secs_f64());
    }
    let per_second = format!("{}/s", grouped(median(&throughputs)));
    table.add_line(&[case, String::new(), per_second, String::new()]);
    Ok(())
}

fn compare(
    effort: &Effort,
    pair: &Pair,
    crowd: Crowd,
    habit: Habit,
    durability: Durability,
    table: &mut Table,
) -> Result<()> {
    let who = match crowd {
        Crowd::Threads(1) => "1 thread saves".to_owned(),
        Crowd::Threads(count) => format!("{count} threads save"),
        Crowd::Processes(1) => "1 process saves".to_owned(),
        Crowd::Processes(count) => format!("{count} processes save"),
    };
    let what = match habit {
        Habit::Own => "",
        Habit::Hot => " the same 16 hot messages",
    };
    let case = format!("{who}{what}, {} durability", name_of(durability));
    if !effort.includes(&case) {
        return Ok(());
    }
    let time = match habit {
        Habit::Own => effort.run,
        // Chance decides whose saves are refused: among 32 that save 30 times each it alone makes 18 : 41.
        Habit::Hot => effort.run * 5,
    };
    let work = Work {
        habit,
        durability,
        time,
    };
    let ring = match (habit, crowd) {
        (Habit::Own, Crowd::Processes(2..)) => Some(Side::BareInTurn),
        _ => None,
    };
    let (mut ours, mut bare) = (Summary::default(), Summary::default());
    let mut in_turn = Summary::default();
    for _ in 0..effort.rounds {
        let sides = [
            (Some(Side::Ours), &mut ours),
            (Some(Side::Bare), &mut bare),
            (ring, &mut in_turn),
        ];
        for (side, summary) in sides {
            if let Some(side) = side {
                summary.add(work.run(side, pair, crowd)?, work.time);
            }
        }
    }
    eprintln!(
        "{case}: mapistore {}, bare {}",
        spread(&ours.throughputs),
        spread(&bare.throughputs)
    );
    let ratio = ours.throughput() / bare.throughput();
    table.add(&case, ours.show(), bare.show(), ratio);
    if ring.is_some() {
        let ratio = ours.throughput() / in_turn.throughput();
        let case = format!("{case}, bare in turn");
        table.add(&case, ours.show(), in_turn.show(), ratio);
    }
    Ok(())
}
