//! The competing processes: started, let go at the same moment, killed if asked for, and waited for.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::clock;
use super::random::Random;

/// What a child says when it has opened the store.
const READY: &str = "ready";

/// Between two kills.
const KILL_AFTER_MS: std::ops::Range<usize> = 40..160;
/// How long a process may take to end when its time is over, beyond what it may wait for its turn.
const GRACE: Duration = Duration::from_secs(60);

/// Makes the command that starts a life of a worker.
pub(crate) type Starter<'a> = dyn Fn(u32, u32) -> io::Result<Command> + 'a;

struct Process {
    worker: u32,
    life: u32,
    child: Child,
    /// Closed when this is dropped: then the child ends too.
    orders: ChildStdin,
    said: BufReader<ChildStdout>,
}

/// What happened to the processes.
#[derive(Debug, Default)]
pub(crate) struct Course {
    pub(crate) kills: u64,
    /// Processes that did not come to their end, each with what became of it.
    pub(crate) unfinished: Vec<String>,
}

/// Whether processes are killed and started again all the while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Killing {
    No,
    Yes,
}

/// Runs the workers against each other.
pub(crate) fn compete(
    workers: u32,
    time: Duration,
    patience: Duration,
    killing: Killing,
    seed: u64,
    start: &Starter<'_>,
) -> anyhow::Result<Course> {
    let mut processes = Vec::new();
    for worker in 0..workers {
        processes.push(Process::start(worker, 0, start)?);
    }
    for process in &mut processes {
        process.wait_until_ready()?;
    }
    // The barrier: all are ready, and none has begun.
    let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let until = clock::now().saturating_add(nanoseconds);
    for process in &mut processes {
        process.let_go(until)?;
    }
    let mut course = Course::default();
    if killing == Killing::Yes {
        kill_and_start_again(&mut processes, until, seed, start, &mut course)?;
    }
    let deadline = Instant::now()
        + Duration::from_nanos(until.saturating_sub(clock::now()))
        + patience
        + GRACE;
    for process in &mut processes {
        if let Some(why) = process.wait_until_ended(deadline)? {
            course.unfinished.push(format!(
                "process {} (life {}) {why}",
                process.worker, process.life
            ));
        }
    }
    Ok(course)
}

fn kill_and_start_again(
    processes: &mut [Process],
    until: u64,
    seed: u64,
    start: &Starter<'_>,
    course: &mut Course,
) -> anyhow::Result<()> {
    let mut random = Random::new(seed, u64::MAX);
    loop {
        let pause = KILL_AFTER_MS.start + random.below(KILL_AFTER_MS.len());
        let pause = Duration::from_millis(pause as u64);
        std::thread::sleep(pause.min(Duration::from_nanos(until.saturating_sub(clock::now()))));
        if clock::now() >= until {
            return Ok(());
        }
        let at = random.below(processes.len());
        let Some(process) = processes.get_mut(at) else {
            return Ok(());
        };
        process.child.kill().context("killing a process")?;
        process
            .child
            .wait()
            .context("waiting for a killed process")?;
        course.kills += 1;
        *process = Process::start(process.worker, process.life + 1, start)?;
        process.wait_until_ready()?;
        process.let_go(until)?;
    }
}

impl Process {
    fn start(worker: u32, life: u32, start: &Starter<'_>) -> anyhow::Result<Process> {
        let mut child = start(worker, life)?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting a process")?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(orders), Some(said)) => Ok(Process {
                worker,
                life,
                child,
                orders,
                said: BufReader::new(said),
            }),
            _ => bail!("a process was started without its pipes"),
        }
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let mut line = String::new();
        self.said
            .read_line(&mut line)
            .context("waiting for a process to be ready")?;
        if line.trim_end() != READY {
            let status = self.child.wait()?;
            bail!(
                "process {} (life {}) did not get ready: {status}",
                self.worker,
                self.life
            );
        }
        Ok(())
    }

    fn let_go(&mut self, until: u64) -> anyhow::Result<()> {
        writeln!(self.orders, "{until}").context("letting a process go")
    }

    /// Why it did not end as it should; none if it did.
    fn wait_until_ended(&mut self, deadline: Instant) -> anyhow::Result<Option<String>> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok((!status.success()).then(|| format!("ended badly: {status}")));
            }
            if Instant::now() >= deadline {
                self.child.kill()?;
                self.child.wait()?;
                return Ok(Some("hung, and was killed".to_owned()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended is not killed again, and one that cannot be killed ends at its time.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The child's side of the barrier: says that it is ready, and waits until it is let go. Answers until when it works.
pub(crate) fn wait_at_barrier() -> anyhow::Result<u64> {
    println!("{READY}");
    io::stdout().flush()?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let until = line.trim_end().parse().context("the parent has gone")?;
    // From now on the pipe is silent until the parent has gone, and then nobody needs this process.
    std::thread::Builder::new()
        .name("stress-parent".to_owned())
        .spawn(|| {
            let mut line = String::new();
            let _ = io::stdin().read_line(&mut line);
            std::process::exit(1);
        })?;
    Ok(until)
}
