//! The head of a report: what the figures depend on.

use std::fs;
use std::path::Path;

use super::Effort;

/// Prints what was measured where.
pub(crate) fn print_header(title: &str, effort: &Effort, folder: &Path) {
    println!("{title}");
    println!("processor: {}", processor());
    println!(
        "cores: {}",
        std::thread::available_parallelism().map_or(0, usize::from)
    );
    println!(
        "system: {} {}",
        std::env::consts::OS,
        first_line("/proc/sys/kernel/osrelease")
    );
    println!("file system: {}", file_system(folder));
    println!("SQLite: {}", rusqlite::version());
    println!(
        "build: {}",
        if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        }
    );
    println!(
        "messages: {} of {} properties",
        effort.messages,
        super::message::PROPERTIES
    );
    println!(
        "runs: {} of each side in turns, {} ms each; figures are medians",
        effort.rounds,
        effort.run.as_millis()
    );
    println!();
}

fn first_line(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    name.map_or("unknown", |name| name.trim_start_matches([' ', '\t', ':']))
        .to_owned()
}

/// The type of the file system that a folder lies on: that of the longest mount point above it.
fn file_system(folder: &Path) -> String {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let above = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (point, kind) = (fields.next()?, fields.next()?);
        folder.starts_with(point).then_some((point.len(), kind))
    });
    above
        .max_by_key(|(length, _)| *length)
        .map_or("unknown", |(_, kind)| kind)
        .to_owned()
}
