//! Runs that take turns, and what is said of them.

use std::time::{Duration, Instant};

use super::{Effort, Result};

/// In what a throughput is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    Operations,
    Mebibytes,
}

impl Unit {
    fn show(self, per_second: f64) -> String {
        match self {
            Unit::Operations => {
                format!("{}/s ({:.1} µs)", grouped(per_second), 1e6 / per_second)
            }
            Unit::Mebibytes => format!("{} MiB/s", grouped(per_second)),
        }
    }
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The lines that a benchmark ends with.
#[derive(Debug)]
pub(crate) struct Table {
    head: &'static str,
    lines: Vec<String>,
}

impl Default for Table {
    fn default() -> Table {
        Table::with_head("case | mapistore | bare SQLite | ratio")
    }
}

impl Table {
    /// A table whose columns are other than those of a comparison.
    pub(crate) fn with_head(head: &'static str) -> Table {
        Table {
            head,
            lines: Vec::new(),
        }
    }

    /// Adds a line with the columns of such a table.
    pub(crate) fn add_line(&mut self, columns: &[String]) {
        self.lines.push(columns.join(" | "));
    }

    /// Measures a case, unless it was not asked for: `ours` and `bare` in turns, each returning the throughput of one
    /// run. The turns make whatever else the machine does meet both sides alike.
    pub(crate) fn compare(
        &mut self,
        effort: &Effort,
        case: &str,
        unit: Unit,
        mut ours: impl FnMut() -> Result<f64>,
        mut bare: impl FnMut() -> Result<f64>,
    ) -> Result<()> {
        if !effort.includes(case) {
            return Ok(());
        }
        let (mut of_ours, mut of_bare) = (Vec::new(), Vec::new());
        for _ in 0..effort.rounds {
            of_ours.push(ours()?);
            of_bare.push(bare()?);
        }
        let (ours, bare) = (median(&of_ours), median(&of_bare));
        eprintln!(
            "{case}: mapistore {}, bare {}",
            spread(&of_ours),
            spread(&of_bare)
        );
        self.add(case, unit.show(ours), unit.show(bare), ours / bare);
        Ok(())
    }

    /// Adds a line.
    pub(crate) fn add(&mut self, case: &str, ours: String, bare: String, ratio: f64) {
        self.lines
            .push(format!("{case} | {ours} | {bare} | {ratio:.2}"));
    }

    /// Prints all lines.
    pub(crate) fn print(&self) {
        println!("{}", self.head);
        for line in &self.lines {
            println!("{line}");
        }
    }
}

/// The middle one, or the mean of the middle two.
pub(crate) fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN);
    let lower = sorted
        .get(sorted.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or(f64::NAN);
    (lower + upper) / 2.0
}

/// What 999 of 1,000 took at most.
pub(crate) fn nine_hundred_ninety_nine_of_thousand(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() * 999).div_ceil(1000).saturating_sub(1);
    sorted.get(place).copied().unwrap_or_default()
}

/// The slowest and the fastest run, for whoever wants to know how noisy the machine was.
pub(crate) fn spread(runs: &[f64]) -> String {
    let slowest = runs.iter().copied().fold(f64::INFINITY, f64::min);
    let fastest = runs.iter().copied().fold(0.0, f64::max);
    format!("{}–{}/s", grouped(slowest), grouped(fastest))
}

/// Repeats an action for a time, and returns how often it was done in a second. The action is told how many
/// came before it in this run.
pub(crate) fn repeat_for(
    time: Duration,
    mut action: impl FnMut(usize) -> Result<()>,
) -> Result<f64> {
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < time {
        action(count)?;
        count += 1;
    }
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

/// Times one action.
pub(crate) fn timed(action: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let begun = Instant::now();
    action()?;
    Ok(begun.elapsed())
}
