//! What it costs to open a message among many, beside reading the same row and parsing it by hand.
//!
//! `cargo bench --bench open`; `-- --quick` takes seconds.

#[allow(dead_code, reason = "each benchmark uses a part of it")]
mod support;

use mapistore::{Access, Durability};
use support::bare::{self, Random, Reader};
use support::measure::{Table, Unit, repeat_for};
use support::stores::{self, Pair};
use support::{Effort, Result, machine, nth};

fn main() -> Result<()> {
    let effort = Effort::from_arguments()?;
    let pair = Pair::make(&effort)?;
    machine::print_header("opening messages, one client", &effort, pair.folder());
    let store = stores::open_store(&pair.ours(), Durability::Full)?;
    let connection = bare::connect(&pair.bare(), Durability::Full)?;
    let mut reader = Reader::new(&connection)?;

    let mut table = Table::default();
    for (case, ids) in [
        (
            "open a message, another one each time",
            shuffled(pair.ids()),
        ),
        (
            "open a message, the same again",
            pair.ids().iter().take(1).collect(),
        ),
    ] {
        // Everything has been read once before the first run.
        for id in pair.ids() {
            store.open_message(id, Access::ReadOnly)?;
            reader.open(id.object().as_bytes())?;
        }
        table.compare(
            &effort,
            case,
            Unit::Operations,
            || {
                repeat_for(effort.run, |n| {
                    std::hint::black_box(store.open_message(nth(&ids, n)?, Access::ReadOnly)?);
                    Ok(())
                })
            },
            || {
                repeat_for(effort.run, |n| {
                    reader.open(nth(&ids, n)?.object().as_bytes()).map(drop)
                })
            },
        )?;
    }
    table.print();
    Ok(())
}

/// In an order that the file does not have; the same one in each run.
fn shuffled<T>(items: &[T]) -> Vec<&T> {
    let mut random = Random::seeded(7);
    let mut keyed: Vec<(u64, &T)> = items.iter().map(|item| (random.next(), item)).collect();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, item)| item).collect()
}
