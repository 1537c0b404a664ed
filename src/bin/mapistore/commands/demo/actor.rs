//! The processes of the demonstration.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::own_path;

/// Starts this program again, on the store of the demonstration.
pub(super) struct Processes {
    program: PathBuf,
    store: PathBuf,
}

impl Processes {
    pub(super) fn new(store: &Path) -> anyhow::Result<Processes> {
        Ok(Processes {
            program: own_path()?,
            store: store.to_owned(),
        })
    }

    fn command(&self, client: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--store")
            .arg(&self.store)
            .args(["--client", client]);
        command
    }

    /// The answer of an ordinary command in JSON.
    pub(super) fn json(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let text = self.run(&[arguments, &["--json"]].concat())?;
        serde_json::from_str(&text).with_context(|| format!("the answer of {arguments:?}"))
    }

    /// The answer of an ordinary command for people.
    pub(super) fn text(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.run(arguments)
    }

    fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let done = self.command("demo").args(arguments).output()?;
        if !done.status.success() {
            let error = String::from_utf8_lossy(&done.stderr);
            let what = format!(
                "`mapistore {}` ended with {}: {error}",
                arguments.join(" "),
                done.status
            );
            bail!(what);
        }
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    }

    /// A process that holds a message open.
    pub(super) fn start(&self, name: &'static str) -> anyhow::Result<Actor> {
        let mut child = self
            .command(name)
            .arg("session")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().map(BufReader::new).context("a pipe")?;
        Ok(Actor {
            name,
            child,
            stdin,
            stdout,
        })
    }
}

/// A client of the store, in a process of its own.
pub(super) struct Actor {
    name: &'static str,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Actor {
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Has it do something, and waits for the answer.
    pub(super) fn ask(&mut self, line: &str) -> anyhow::Result<Value> {
        let asking = || format!("asking {}: {line}", self.name);
        let mut stdin = self.stdin.as_ref().with_context(asking)?;
        writeln!(stdin, "{line}").with_context(asking)?;
        let mut answer = String::new();
        let read = self.stdout.read_line(&mut answer).with_context(asking)?;
        ensure!(read > 0, "{} ended early", asking());
        serde_json::from_str(&answer).with_context(asking)
    }

    /// Has it do something that nothing stands in the way of.
    pub(super) fn tell(&mut self, line: &str) -> anyhow::Result<Value> {
        let answer = self.ask(line)?;
        if answer["error"].is_null() {
            return Ok(answer);
        }
        bail!("{}: {line}: {answer}", self.name)
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        // The end of its stdin ends it.
        self.stdin = None;
        let _ = self.child.wait();
    }
}
