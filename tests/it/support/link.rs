//! A client that lives in a thread of this process or in a process of its own, told what to do in the same way.
//!
//! The process is this test program once more, which runs nothing but [`client_process`].

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command as Program, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use mapistore::Store;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::executor::Executor;
use super::protocol::{Answer, Command, Failure};

/// Nothing takes so long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(120);
const ROLE: &str = "MAPISTORE_TEST_CLIENT";
/// Tells a line of the client from those of the test harness.
const MARK: &str = "client says: ";

/// A client, and the way to it.
#[derive(Debug)]
pub(crate) struct Link {
    outlet: RefCell<Option<Outlet>>,
    answers: Receiver<Answer>,
    child: RefCell<Option<Child>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Outlet {
    Thread(Sender<Command>),
    Process(ChildStdin),
}

impl Link {
    /// A client in a thread; it begins with this store open, if any.
    pub(crate) fn to_thread(store: Option<Store>) -> Link {
        let (commands, inbox) = channel::<Command>();
        let (outbox, answers) = channel();
        let thread = std::thread::spawn(move || {
            let mut executor = Executor::new(store);
            for command in inbox {
                let mut tell = |word| drop(outbox.send(Answer::Progress(word)));
                let said = executor.execute(command, &mut tell);
                let _ = outbox.send(Answer::Done(said));
            }
        });
        Link {
            outlet: RefCell::new(Some(Outlet::Thread(commands))),
            answers,
            child: RefCell::new(None),
            thread: Some(thread),
        }
    }

    /// A client in a process of its own.
    pub(crate) fn to_process() -> Link {
        Link::to_program(&mut Program::new(std::env::current_exe().unwrap()))
    }

    /// A client in a process that is this program under particular circumstances.
    pub(crate) fn to_program(program: &mut Program) -> Link {
        let (_, module) = module_path!().split_once("::").unwrap();
        let mut child = program
            .args([
                "--exact",
                &format!("{module}::client_process"),
                "--nocapture",
            ])
            .env(ROLE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (outbox, answers) = channel();
        let thread = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // A line that was cut off by death is no answer.
                if let Some((_, said)) = line.split_once(MARK)
                    && let Ok(answer) = serde_json::from_str(said)
                {
                    let _ = outbox.send(answer);
                }
            }
        });
        Link {
            outlet: RefCell::new(child.stdin.take().map(Outlet::Process)),
            answers,
            child: RefCell::new(Some(child)),
            thread: Some(thread),
        }
    }

    /// Tells the client to do something, and does not wait for it.
    #[track_caller]
    pub(crate) fn send(&self, command: Command) {
        match self
            .outlet
            .borrow_mut()
            .as_mut()
            .expect("the client is gone")
        {
            Outlet::Thread(commands) => commands.send(command).unwrap(),
            Outlet::Process(stdin) => {
                let mut line = serde_json::to_string(&command).unwrap();
                line.push('\n');
                stdin.write_all(line.as_bytes()).unwrap();
            }
        }
    }

    /// What the client says next; none if it is dead and has nothing more to say.
    #[track_caller]
    pub(crate) fn hear(&self) -> Option<Answer> {
        match self.answers.recv_timeout(PATIENCE) {
            Ok(answer) => Some(answer),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the client hangs"),
        }
    }

    /// The next word of a client that is still busy.
    #[track_caller]
    pub(crate) fn progress<T: DeserializeOwned>(&self) -> T {
        match self.hear() {
            Some(Answer::Progress(word)) => serde_json::from_value(word).unwrap(),
            other => panic!("no progress: {other:?}"),
        }
    }

    /// The answer to the command that was sent.
    #[track_caller]
    pub(crate) fn receive<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        loop {
            match self.hear() {
                Some(Answer::Progress(_)) => {}
                Some(Answer::Done(said)) => {
                    return said.map(|value| serde_json::from_value(value).unwrap());
                }
                None => panic!("the client died"),
            }
        }
    }

    #[track_caller]
    pub(crate) fn call<T: DeserializeOwned>(&self, command: Command) -> Result<T, Failure> {
        self.send(command);
        self.receive()
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child
            .borrow()
            .as_ref()
            .expect("only a process has an id")
            .id()
    }

    /// Ends the process at whatever instruction it is, and returns what it had said before.
    pub(crate) fn kill(&self) -> Vec<Value> {
        let mut child = self
            .child
            .borrow_mut()
            .take()
            .expect("only a process can be killed");
        child.kill().unwrap();
        child.wait().unwrap();
        let mut said = Vec::new();
        while let Some(answer) = self.hear() {
            match answer {
                Answer::Progress(word) => said.push(word),
                Answer::Done(value) => said.extend(value.ok()),
            }
        }
        said
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // Without commands the client ends.
        self.outlet.borrow_mut().take();
        // In a test that failed it may be busy without end, stand still, or wait for what will not come.
        let has_failed = std::thread::panicking();
        if let Some(mut child) = self.child.borrow_mut().take() {
            if has_failed {
                let _ = child.kill();
            }
            let _ = child.wait();
        }
        if has_failed {
            return;
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Says a line to the one who started this process.
fn say(answer: &Answer) {
    let line = serde_json::to_string(answer).unwrap();
    let mut stdout = std::io::stdout().lock();
    write!(stdout, "\n{MARK}{line}\n").unwrap();
    stdout.flush().unwrap();
}

/// The client process; does nothing when the tests are run as such.
#[test]
fn client_process() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    let mut executor = Executor::new(None);
    for line in std::io::stdin().lines() {
        let command = serde_json::from_str(&line.unwrap()).unwrap();
        let said = executor.execute(command, &mut |word| say(&Answer::Progress(word)));
        say(&Answer::Done(said));
    }
}
