//! `stress`: real processes hammer a store, and the history that they record is judged.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};

use crate::args::Global;
use crate::commands::init;
use crate::exit::{Exit, say, wrong};
use crate::output::{Format, Output};
use crate::stress::judge::{self, Verdict};
use crate::stress::plan::Plan;
use crate::stress::processes::{self, Killing};
use crate::stress::report::{self, Setting};
use crate::stress::worker::Worker;
use crate::stress::{self, Run};

/// Hammer a store with real processes, and check the recorded history
///
/// Processes open, change, save, force, reload, copy, delete, create, move and read messages for a while, and record what
/// they asked and what they were told. Then the histories are judged against each other, the journal and the store: no
/// save lost, no read torn, nothing out of order, nobody busy. Any violation is told in words, and the exit code is 1.
#[derive(Debug, Args)]
#[command(after_help = "\
Makes a temporary store, unless --store names a file that does not exist yet. An existing store is left alone.

Examples:
  mapistore stress
  mapistore stress --processes 16 --messages 4 --seconds 60 --kill
  mapistore stress --history records          keeps what was recorded
  mapistore stress --judge records            judges it again")]
pub(crate) struct Stress {
    /// How many processes compete
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    processes: u32,
    /// For how long
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// About how many messages there are at a time
    #[arg(long, value_name = "M", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    messages: u32,
    /// What a successful save survives: the death of the host, or only that of processes
    #[arg(long, value_enum, default_value_t = Durability::Full)]
    durability: Durability,
    /// Decides what the processes do, as far as a race can be decided
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Kill processes with SIGKILL and start them again all the while
    #[arg(long)]
    kill: bool,
    /// Keep the recorded history, the journal and the final state in this folder
    #[arg(long, value_name = "DIR")]
    history: Option<PathBuf>,
    /// Run nothing, and judge what such a folder holds
    #[arg(long, value_name = "DIR", conflicts_with_all = ["history", "kill", "seed"])]
    judge: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Durability {
    Full,
    Normal,
}

impl Durability {
    const fn name(self) -> &'static str {
        match self {
            Durability::Full => "full",
            Durability::Normal => "normal",
        }
    }
}

impl From<Durability> for mapistore::Durability {
    fn from(durability: Durability) -> mapistore::Durability {
        match durability {
            Durability::Full => mapistore::Durability::Full,
            Durability::Normal => mapistore::Durability::Normal,
        }
    }
}

impl Stress {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        if let Some(folder) = &self.judge {
            return tell(output, &judge::judge(folder)?, None);
        }
        let temporary = tempfile::Builder::new()
            .prefix("mapistore-stress-")
            .tempdir()?;
        let path = match &global.store {
            // It may come from the environment, and be somebody's mail.
            Some(named) if named.exists() => {
                let named = named.display();
                say(&format!(
                    "{named} is left alone; this uses a temporary store"
                ));
                temporary.path().join("stress.store")
            }
            Some(named) => named.clone(),
            None => temporary.path().join("stress.store"),
        };
        let records = match &self.history {
            Some(folder) => folder.clone(),
            None => temporary.path().join("records"),
        };
        make_empty(&records)?;
        drop(init::make(global, &path)?);
        let seed = self.seed.unwrap_or_else(|| {
            // Short enough to be typed again.
            let [a, b, c, d, ..] = *mapistore::SaveId::random().as_bytes();
            u32::from_ne_bytes([a, b, c, d]).into()
        });
        let store = global
            .options()
            .client_name(stress::SETUP)
            .durability(self.durability.into())
            .open(&path)?;
        if output.format() == Format::People && io::stderr().is_terminal() {
            say(&format!(
                "{} processes compete for {} s …",
                self.processes, self.seconds
            ));
        }
        let messages = usize::try_from(self.messages)?;
        let run = Run {
            folder: &records,
            processes: self.processes,
            time: Duration::from_secs(self.seconds),
            patience: global.timeout,
            messages,
            seed,
            killing: if self.kill { Killing::Yes } else { Killing::No },
        };
        let program = std::env::current_exe().context("looking for this program itself")?;
        let start = |worker: u32, life: u32| {
            let mut command = Command::new(&program);
            command.arg("--store").arg(store.path());
            command.args(["--timeout", &global.timeout.as_secs_f64().to_string()]);
            command.arg("stress-worker").arg("--records").arg(&records);
            command.args(["--durability", self.durability.name()]);
            command.args([
                "--seed",
                &seed.to_string(),
                "--messages",
                &messages.to_string(),
            ]);
            command.args(["--worker", &worker.to_string(), "--life", &life.to_string()]);
            Ok(command)
        };
        let (verdict, course) = stress::run(&store, &run, &start)?;
        let setting = Setting {
            processes: self.processes,
            seconds: self.seconds,
            messages,
            durability: self.durability.name(),
            kills: course.kills,
            seed,
        };
        tell(output, &verdict, Some(&setting))
    }
}

/// Records of two runs would be judged as one.
fn make_empty(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    if fs::read_dir(folder)?.next().is_some() {
        return Err(wrong(format!("{} is not empty", folder.display())));
    }
    Ok(())
}

fn tell(output: &mut Output, verdict: &Verdict, setting: Option<&Setting>) -> anyhow::Result<Exit> {
    match output.format() {
        Format::Json => report::json(output, verdict, setting)?,
        Format::People => report::people(output, verdict, setting)?,
    }
    Ok(if verdict.findings.is_empty() {
        Exit::Done
    } else {
        Exit::Failure
    })
}

/// One of the competing processes
#[derive(Debug, Args)]
#[command(hide = true)]
pub(crate) struct StressWorker {
    #[arg(long)]
    records: PathBuf,
    #[arg(long)]
    seed: u64,
    #[arg(long)]
    worker: u32,
    #[arg(long)]
    life: u32,
    #[arg(long)]
    messages: usize,
    #[arg(long, value_enum)]
    durability: Durability,
}

impl StressWorker {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let plan = Plan {
            folder: self.records,
            seed: self.seed,
            worker: self.worker,
            life: self.life,
            messages: self.messages,
        };
        let store = global
            .options()
            .client_name(plan.client_name())
            .durability(self.durability.into())
            .open(global.store_path()?)?;
        let worker = Worker::new(store, &plan)?;
        let until = processes::wait_at_barrier()?;
        worker.run(until)?;
        Ok(Exit::Done)
    }
}
