//! Thousands of damaged files, each given to a process of its own: nothing panics, hangs or dies by a signal, and no
//! content is served that is not as it was saved.
//!
//! `MAPISTORE_DAMAGED` says how many (2,000 unless said, 100 in a build without optimisation), `MAPISTORE_DAMAGED_SEED`
//! which, `MAPISTORE_DAMAGED_FIRST` where among them to begin: one that failed is tried again alone as `DAMAGED=n+1 FIRST=n`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's panic is its report"
)]

#[path = "damaged/damage.rs"]
mod damage;
#[path = "damaged/victim.rs"]
mod victim;

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use damage::{Original, Random};

/// How long one file may take at most.
const DEADLINE: Duration = Duration::from_secs(60);
/// Files that one process works through, so that starting processes is not most of the work.
const BATCH: u64 = 25;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |value| value.parse().expect(name))
}

#[test]
fn damaged_files_are_refused_or_read_as_they_were_saved() {
    // P5, O2
    let usual = if cfg!(debug_assertions) { 100 } else { 2_000 };
    let count = number("MAPISTORE_DAMAGED", usual);
    let seed = number("MAPISTORE_DAMAGED_SEED", 7);
    let first = number("MAPISTORE_DAMAGED_FIRST", 0);
    let original = Original::make();
    let workers = thread::available_parallelism().map_or(2, usize::from);
    let failures: Vec<String> = thread::scope(|scope| {
        let work = |worker: usize| {
            let original = &original;
            move || {
                let begins = (first..count)
                    .step_by(BATCH as usize)
                    .skip(worker)
                    .step_by(workers);
                begins
                    .filter_map(|first| batch(original, seed, first..(first + BATCH).min(count)))
                    .collect::<Vec<_>>()
            }
        };
        let running: Vec<_> = (0..workers)
            .map(|worker| scope.spawn(work(worker)))
            .collect();
        running
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    assert!(
        failures.is_empty(),
        "{} of {count}:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// Damages copies, and has a process try each. Returns what went wrong.
fn batch(original: &Original, seed: u64, cases: std::ops::Range<u64>) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = String::new();
    for case in cases {
        let place = folder.path().join(case.to_string());
        std::fs::create_dir(&place).unwrap();
        let mut random = Random::new(seed, case);
        let what = original.damage(&place, &mut random);
        lines.push_str(&format!("{case}\t{what}\n"));
    }
    std::fs::write(folder.path().join("cases"), &lines).unwrap();
    std::fs::write(folder.path().join("known"), original.known()).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "victim_process",
            "--nocapture",
            "--include-ignored",
        ])
        .env("MAPISTORE_DAMAGED_FOLDER", folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let failure = ends_well(&mut child, folder.path())?;
    Some(format!("seed {seed}: {failure}"))
}

/// Waits for a process, and kills it when it has worked on one file for too long.
fn ends_well(child: &mut Child, folder: &Path) -> Option<String> {
    let mut errors = child.stderr.take().unwrap();
    let mut output = child.stdout.take().unwrap();
    let errors = thread::spawn(move || {
        let mut text = String::new();
        let _ = errors.read_to_string(&mut text);
        text
    });
    thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    let at = || std::fs::read_to_string(folder.join("at")).unwrap_or_default();
    let mut last = (at(), Instant::now());
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        let now = at();
        if now != last.0 {
            last = (now, Instant::now());
        }
        if last.1.elapsed() > DEADLINE {
            child.kill().unwrap();
            child.wait().unwrap();
            return Some(format!("hangs at {}", at()));
        }
        thread::sleep(Duration::from_millis(20));
    };
    let errors = errors.join().unwrap();
    (!status.success()).then(|| format!("{status} at {}: {errors}", at()))
}

/// Run by the test above in a process of its own.
#[test]
#[ignore = "works through the damaged files that another test has made"]
fn victim_process() {
    if let Some(folder) = std::env::var_os("MAPISTORE_DAMAGED_FOLDER") {
        victim::work_through(Path::new(&folder));
    }
}
