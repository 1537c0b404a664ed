//! What the benchmarks share: the message that they are about, a store and a bare database that begin as the same
//! bytes, runs that take turns, and the table at the end.

pub(crate) mod bare;
pub(crate) mod crowd;
pub(crate) mod machine;
pub(crate) mod measure;
pub(crate) mod message;
pub(crate) mod saver;
pub(crate) mod stores;
pub(crate) mod svg;

use std::time::Duration;

pub(crate) type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// How long everyone waits for other writers: the library's own default.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Whether figures are wanted, or only to see that a benchmark runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thoroughness {
    Full,
    Quick,
}

/// How thoroughly a benchmark measures.
#[derive(Debug, Clone)]
pub(crate) struct Effort {
    pub(crate) thoroughness: Thoroughness,
    /// Whether stores that could be used again are removed at the end.
    pub(crate) removes_stores: bool,
    /// Messages in the store before anything is measured.
    pub(crate) messages: usize,
    /// Runs of each side, in turns.
    pub(crate) rounds: usize,
    /// How long a run takes.
    pub(crate) run: Duration,
    /// Repetitions in a run of what is too large to be repeated for a time.
    pub(crate) large: usize,
    /// Only cases whose name contains this are measured.
    only: Option<String>,
}

impl Effort {
    /// Reads the command line: `--quick`, `--seconds` (of a run; behind `--quick`), `--remove`, and a part of the names of the cases to measure.
    pub(crate) fn from_arguments() -> Result<Effort> {
        let mut effort = Effort {
            thoroughness: Thoroughness::Full,
            removes_stores: false,
            messages: 20_000,
            rounds: 7,
            run: Duration::from_secs(1),
            large: 4,
            only: None,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--seconds" => {
                    let seconds = arguments.next().ok_or("--seconds wants a number")?;
                    effort.run = Duration::from_secs_f64(seconds.parse()?);
                }
                "--quick" => {
                    effort.thoroughness = Thoroughness::Quick;
                    effort.messages = 1_000;
                    effort.rounds = 3;
                    effort.run = Duration::from_millis(100);
                    effort.large = 1;
                }
                "--remove" => effort.removes_stores = true,
                // What cargo says to every benchmark.
                "--bench" => {}
                option if option.starts_with('-') => {
                    return Err(format!(
                        "unknown option {option}; there are --quick, --seconds and --remove"
                    )
                    .into());
                }
                name => effort.only = Some(name.to_owned()),
            }
        }
        Ok(effort)
    }

    /// Whether a case is to be measured.
    pub(crate) fn includes(&self, case: &str) -> bool {
        self.only.as_ref().is_none_or(|only| case.contains(only))
    }
}

/// An item of a ring.
pub(crate) fn nth<T>(items: &[T], n: usize) -> Result<&T> {
    let place = n.checked_rem(items.len()).unwrap_or(0);
    Ok(items.get(place).ok_or("nothing to choose from")?)
}
