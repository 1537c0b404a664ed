//! A shell with a store of its own.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// No step of these tests takes as long on any machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// The mails that the project carries.
pub(crate) fn mails() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/mail")
}

/// Commands on one store, as somebody would type them.
pub(crate) struct Shell {
    folder: TempDir,
    user: &'static str,
}

impl Shell {
    /// A shell with an empty store.
    pub(crate) fn new() -> Shell {
        let shell = Shell::without_store();
        shell.run(["init"]).succeeded();
        shell
    }

    pub(crate) fn without_store() -> Shell {
        Shell {
            folder: tempfile::tempdir().unwrap(),
            user: "ana",
        }
    }

    /// A shell whose Inbox holds the mails that the project carries.
    pub(crate) fn with_mails() -> Shell {
        let shell = Shell::new();
        let mails = mails();
        shell
            .run([
                OsStr::new("import"),
                mails.as_ref(),
                "--folder".as_ref(),
                "Inbox".as_ref(),
            ])
            .succeeded();
        shell
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path("mail.store")
    }

    /// A file beside the store.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn command<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mapistore"));
        command
            .env_remove("LOGNAME")
            .env("USER", self.user)
            .env("MAPISTORE", self.store())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .args(arguments);
        command
    }

    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Answer {
        Answer::of(self.command(arguments).output().unwrap())
    }

    /// The same as somebody else.
    pub(crate) fn run_as<A: AsRef<OsStr>>(
        &self,
        user: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Answer {
        Answer::of(self.command(arguments).env("USER", user).output().unwrap())
    }

    /// Runs a command with `--json` that succeeds.
    pub(crate) fn json<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Value {
        Answer::of(self.command(arguments).arg("--json").output().unwrap())
            .succeeded()
            .json()
    }

    /// A new message in the folder for drafts.
    pub(crate) fn draft(&self, subject: &str) -> String {
        let subject = format!("PR_SUBJECT={subject}");
        self.run(["new", "Drafts", &subject])
            .succeeded()
            .line()
            .to_owned()
    }

    /// The one answer of a query with one column and one row.
    pub(crate) fn query(&self, sql: &str) -> Value {
        let rows = self.json(["sql", sql]);
        rows[0]
            .as_object()
            .unwrap()
            .values()
            .next()
            .unwrap()
            .clone()
    }

    /// What was written and is in no store yet, where `XDG_STATE_HOME` is `state` beside the store.
    pub(crate) fn kept_files(&self) -> Vec<PathBuf> {
        let Ok(folder) = fs::read_dir(self.path("state/mapistore")) else {
            return Vec::new();
        };
        folder.map(|file| file.unwrap().path()).collect()
    }

    pub(crate) fn session(&self) -> Session {
        Session::new(self.command(["session"]))
    }
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    /// What comes of a command that is given this to read.
    pub(crate) fn fed(command: &mut Command, input: impl AsRef<[u8]>) -> Answer {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_ref()).unwrap();
        drop(stdin);
        Answer::of(child.wait_with_output().unwrap())
    }

    fn of(output: Output) -> Answer {
        Answer {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub(crate) fn succeeded(self) -> Answer {
        self.ended(0)
    }

    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Answer {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// Ended with an error: one object on stderr, and nothing on stdout.
    #[track_caller]
    pub(crate) fn error(self, code: i32) -> Value {
        let answer = self.ended(code);
        assert_eq!(answer.stdout, "", "{answer:?}");
        serde_json::from_str(&answer.stderr).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The only line of stdout.
    #[track_caller]
    pub(crate) fn line(&self) -> &str {
        let line = self.stdout.strip_suffix('\n').unwrap_or_default();
        assert!(!line.is_empty() && !line.contains('\n'), "{self:?}");
        line
    }
}

/// A process whose answers come line by line.
pub(crate) struct Session {
    pub(crate) child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Session {
    pub(crate) fn new(mut command: Command) -> Session {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Session {
            stdin: child.stdin.take(),
            child,
            lines,
        }
    }

    /// Asks for something without waiting for the answer; whether the process still listened.
    pub(crate) fn send(&mut self, line: &str) -> bool {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").is_ok()
    }

    #[track_caller]
    pub(crate) fn next(&mut self) -> Value {
        let line = self.lines.recv_timeout(DEADLINE).expect("a line in time");
        serde_json::from_str(&line).unwrap()
    }

    #[track_caller]
    pub(crate) fn ask(&mut self, line: &str) -> Value {
        assert!(self.send(line));
        self.next()
    }

    /// The same where nothing stands in the way.
    #[track_caller]
    pub(crate) fn tell(&mut self, line: &str) -> Value {
        let answer = self.ask(line);
        assert!(answer["error"].is_null(), "{line}: {answer}");
        answer
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.stdin = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks again and again until there is something to see.
#[track_caller]
pub(crate) fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "nothing to see in time");
        thread::yield_now();
    }
}
