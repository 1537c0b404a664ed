//! What comes out of a run, for people and for programs.

use std::collections::BTreeMap;
use std::io;

use console::Style;
use serde::Serialize;

use super::judge::{Findings, Group, Verdict};
use crate::output::Output;

/// The run, as far as it is known: a folder of records does not say.
#[derive(Debug, Serialize)]
pub(crate) struct Setting {
    pub(crate) processes: u32,
    pub(crate) seconds: u64,
    pub(crate) messages: usize,
    pub(crate) durability: &'static str,
    pub(crate) kills: u64,
    pub(crate) seed: u64,
}

/// The report as an object.
#[derive(Debug, Serialize)]
struct ReportObject<'a> {
    saves: u64,
    object_changed: u64,
    forced: u64,
    deleted: u64,
    resolved: u64,
    asked_again: u64,
    lost_updates: u64,
    torn_reads: u64,
    order_violations: u64,
    busy_errors: u64,
    p50_us: u64,
    p99_us: u64,
    max_us: u64,
    least: u64,
    most: u64,
    #[serde(flatten)]
    setting: Option<&'a Setting>,
    operations: u64,
    reads: u64,
    unanswered: u64,
    violations: Vec<ViolationObject<'a>>,
}

#[derive(Debug, Serialize)]
struct ViolationObject<'a> {
    violation: &'static str,
    count: u64,
    /// The first of them, in words.
    found: Vec<&'a str>,
}

/// One object.
pub(crate) fn json(
    output: &mut Output,
    verdict: &Verdict,
    setting: Option<&Setting>,
) -> io::Result<()> {
    let Verdict { findings, figures } = verdict;
    let (least, most) = fairness(&figures.saves_of_worker);
    output.json(&ReportObject {
        saves: figures.saves,
        object_changed: figures.object_changed,
        forced: figures.forced,
        deleted: figures.object_deleted,
        resolved: figures.resolved,
        asked_again: figures.asked_again,
        lost_updates: findings.count_of(Group::LostUpdate),
        torn_reads: findings.count_of(Group::TornRead),
        order_violations: findings.count_of(Group::Order),
        busy_errors: findings.count_of(Group::Busy),
        p50_us: figures.latency.percentile(50),
        p99_us: figures.latency.percentile(99),
        max_us: figures.latency.max(),
        least,
        most,
        setting,
        operations: figures.operations,
        reads: figures.reads,
        unanswered: figures.unanswered,
        violations: violations(findings),
    })
}

fn violations(findings: &Findings) -> Vec<ViolationObject<'_>> {
    let object = |(violation, count)| ViolationObject {
        violation: super::judge::Violation::name(violation),
        count,
        found: findings
            .told()
            .iter()
            .filter(|(told, _)| *told == violation)
            .map(|(_, words)| words.as_str())
            .collect(),
    };
    findings.counts().map(object).collect()
}

/// The saves of the least and the most successful process.
fn fairness(saves_of_worker: &BTreeMap<u32, u64>) -> (u64, u64) {
    let least = saves_of_worker.values().min();
    let most = saves_of_worker.values().max();
    (least.copied().unwrap_or(0), most.copied().unwrap_or(0))
}

/// A table, and the verdict.
pub(crate) fn people(
    output: &mut Output,
    verdict: &Verdict,
    setting: Option<&Setting>,
) -> io::Result<()> {
    let Verdict { findings, figures } = verdict;
    if let Some(setting) = setting {
        output.line(&format!(
            "{} processes for {} s on {} messages, durability {}, seed {}",
            setting.processes, setting.seconds, setting.messages, setting.durability, setting.seed
        ))?;
        output.line("")?;
    }
    let (least, most) = fairness(&figures.saves_of_worker);
    let latency = &figures.latency;
    let line = |output: &mut Output, name: &str, value: u64, more: String| {
        let more = if more.is_empty() {
            more
        } else {
            format!("   {more}")
        };
        output.line(&format!("{name:<26}{:>12}{more}", grouped(value)))
    };
    let rate = setting
        .filter(|setting| setting.seconds > 0)
        .map_or(String::new(), |setting| {
            format!("{} a second, ", grouped(figures.saves / setting.seconds))
        });
    let forced = format!("{rate}{} of them forced", grouped(figures.forced));
    line(output, "saves", figures.saves, forced)?;
    line(
        output,
        "refused: OBJECT_CHANGED",
        figures.object_changed,
        String::new(),
    )?;
    line(
        output,
        "refused: OBJECT_DELETED",
        figures.object_deleted,
        String::new(),
    )?;
    let again = format!(
        "others were faster than {} more",
        grouped(figures.asked_again)
    );
    line(output, "conflicts resolved", figures.resolved, again)?;
    line(output, "reads", figures.reads, String::new())?;
    line(output, "all operations", figures.operations, String::new())?;
    if let Some(setting) = setting.filter(|setting| setting.kills > 0) {
        let unanswered = format!("{} calls were never answered", grouped(figures.unanswered));
        line(output, "processes killed", setting.kills, unanswered)?;
    }
    let fair = format!("of the most successful process: {}", grouped(most));
    line(output, "saves of the least", least, fair)?;
    let times = format!(
        "µs; 99 % within {}, the slowest {}",
        grouped(latency.percentile(99)),
        grouped(latency.max())
    );
    line(
        output,
        "half of the saves within",
        latency.percentile(50),
        times,
    )?;
    output.line("")?;
    people_verdict(output, findings)
}

fn people_verdict(output: &mut Output, findings: &Findings) -> io::Result<()> {
    if findings.is_empty() {
        let rest = ": nothing lost, nothing torn, nothing out of order, nobody busy";
        return output.styled(&Style::new().green().bold(), "no violation", rest);
    }
    for violation in violations(findings) {
        let rest = format!(", {} times", grouped(violation.count));
        output.styled(&Style::new().red().bold(), violation.violation, &rest)?;
        for words in violation.found {
            output.line(&format!("  {words}"))?;
        }
    }
    Ok(())
}

/// With a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_told_apart() {
        let numbers = [0, 999, 1_000, 1_234_567];
        assert_eq!(numbers.map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
