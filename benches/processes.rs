//! What many clients save together: threads of one process, and processes. Beside bare SQLite with a connection for each
//! client, waiting in SQLite's busy handler.
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

use mapistore::Durability;
use support::crowd::{self, Crowd, Summary, Work, name_of};
use support::measure::{Table, spread};
use support::saver::{Habit, Side};
use support::stores::Pair;
use support::{Effort, Result, machine};

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
    let work = Work {
        habit,
        durability,
        time: effort.run,
    };
    let (mut ours, mut bare) = (Summary::default(), Summary::default());
    for _ in 0..effort.rounds {
        for (side, summary) in [(Side::Ours, &mut ours), (Side::Bare, &mut bare)] {
            summary.add(work.run(side, pair, crowd)?, work.time);
        }
    }
    eprintln!(
        "{case}: mapistore {}, bare {}",
        spread(&ours.throughputs),
        spread(&bare.throughputs)
    );
    let ratio = ours.throughput() / bare.throughput();
    table.add(&case, ours.show(), bare.show(), ratio);
    Ok(())
}
