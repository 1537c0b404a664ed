//! The locks between processes and threads, with real ones.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::*;

impl LockFile {
    /// What a forked child has of this: the same open file, and another process id.
    pub(in super::super) fn as_in_forked_child(&self) -> LockFile {
        let ByteLocks {
            file,
            access,
            owner,
        } = &*self.locks;
        let file = file.try_clone().unwrap();
        let owner = owner.wrapping_add(1);
        let mut child = LockFile::over(ByteLocks {
            file,
            access: *access,
            owner,
        });
        child.pins = self.pins.as_in_forked_child();
        child
    }

    pub(in super::super) fn locks(&self) -> &Arc<ByteLocks> {
        &self.locks
    }

    pub(in super::super) fn turnstile(&self) -> &Arc<Turnstile> {
        &self.turnstile
    }
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store-lock");
    (folder, path)
}

fn open(path: &Path) -> LockFile {
    LockFile::open(path, LockAccess::ReadWrite).unwrap()
}

/// How many turns are taken by those that take them as fast as they can, together.
const ALL_TURNS: u64 = 400;

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(10)
}

fn in_good_time() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

#[test]
fn opening_creates_for_the_owner_alone_and_keeps_what_is_there() {
    let (_folder, path) = place();
    let missing = LockFile::open(&path, LockAccess::ReadOnly).unwrap_err();
    assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    drop(open(&path));
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::write(&path, b"kept").unwrap();
    drop(open(&path));
    assert_eq!(std::fs::read(&path).unwrap(), b"kept");
}

#[test]
fn presence_is_shared_by_all_or_owned_by_one() {
    let (_folder, path) = place();
    let (one, other) = (open(&path), open(&path));
    assert!(one.share_presence(soon()).unwrap());
    assert!(other.share_presence(soon()).unwrap());
    one.release_presence().unwrap();
    assert!(other.own_presence(soon()).unwrap());
    assert!(!one.share_presence(soon()).unwrap());
    assert!(!one.own_presence(soon()).unwrap());
    let refused = one.downgrade_presence().unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
    other.downgrade_presence().unwrap();
    assert!(one.share_presence(soon()).unwrap());
    drop(other);
    assert!(one.own_presence(soon()).unwrap());
}

#[test]
fn presence_that_could_not_be_owned_is_not_shared_either() {
    let (_folder, path) = place();
    let (one, other) = (open(&path), open(&path));
    assert!(one.share_presence(soon()).unwrap());
    assert!(other.share_presence(soon()).unwrap());
    assert!(!one.own_presence(soon()).unwrap());
    assert!(other.own_presence(soon()).unwrap());
}

#[test]
fn sharers_that_all_want_to_own_presence_get_it_in_some_order() {
    let (_folder, path) = place();
    let files: Vec<LockFile> = (0..4).map(|_| open(&path)).collect();
    for file in &files {
        assert!(file.share_presence(soon()).unwrap());
    }
    std::thread::scope(|scope| {
        for file in &files {
            scope.spawn(|| {
                assert!(file.own_presence(in_good_time()).unwrap());
                file.downgrade_presence().unwrap();
                file.release_presence().unwrap();
            });
        }
    });
}

#[test]
fn reader_shares_presence_and_never_owns_it() {
    let (_folder, path) = place();
    let writer = open(&path);
    let reader = LockFile::open(&path, LockAccess::ReadOnly).unwrap();
    assert!(reader.share_presence(soon()).unwrap());
    assert!(!writer.own_presence(soon()).unwrap());
    let denied = reader.own_presence(soon()).unwrap_err();
    assert_eq!(denied.kind(), io::ErrorKind::PermissionDenied);
    assert!(!writer.own_presence(soon()).unwrap());
}

#[test]
fn forked_child_gives_up_no_presence_of_its_parent() {
    let (_folder, path) = place();
    let (parent, other) = (open(&path), open(&path));
    assert!(parent.share_presence(soon()).unwrap());
    let child = parent.as_in_forked_child();
    assert!(child.share_presence(soon()).is_err());
    assert!(child.own_presence(soon()).is_err());
    assert!(child.downgrade_presence().is_err());
    assert!(child.release_presence().is_err());
    drop(child);
    assert!(!other.own_presence(soon()).unwrap());
    drop(parent);
    assert!(other.own_presence(soon()).unwrap());
}

/// This test program once more, as another process that does what [`another_process`] says.
struct Process {
    child: Child,
    says: BufReader<std::process::ChildStdout>,
}

const ROLE: &str = "MAPISTORE_TEST_LOCK_ROLE";
const PATH: &str = "MAPISTORE_TEST_LOCK_PATH";
/// Tells a line of the child from those of the test harness.
const MARK: &str = "child: ";

impl Process {
    fn start(role: &str, path: &Path) -> Process {
        let (_, module) = module_path!().split_once("::").unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                &format!("{module}::another_process"),
                "--nocapture",
            ])
            .env(ROLE, role)
            .env(PATH, path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let says = BufReader::new(child.stdout.take().unwrap());
        Process { child, says }
    }

    fn hear(&mut self) -> String {
        for line in (&mut self.says).lines() {
            if let Some((_, said)) = line.unwrap().split_once(MARK) {
                return said.to_owned();
            }
        }
        panic!("the child ended without a word");
    }

    fn tell(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The other process; does nothing when the tests are run as such.
#[test]
fn another_process() {
    let (Ok(role), Some(path)) = (std::env::var(ROLE), std::env::var_os(PATH)) else {
        return;
    };
    let file = Arc::new(open(Path::new(&path)));
    let say = |words: &str| println!("\n{MARK}{words}");
    let listen = || io::stdin().lock().read_line(&mut String::new()).unwrap();
    match role.as_str() {
        "hold everything" => {
            assert!(file.share_presence(in_good_time()).unwrap());
            let _turn = file.try_turn().unwrap().unwrap();
            let _pin = file.pin(5).unwrap();
            say("held");
            listen();
        }
        "own presence" => {
            assert!(file.own_presence(in_good_time()).unwrap());
            say("held");
            listen();
        }
        "wait for the turn" => {
            assert!(file.try_turn().unwrap().is_none());
            say("waits");
            let _turn = file.wait_turn(in_good_time()).unwrap().unwrap();
            say("held");
            listen();
        }
        "take turns" => {
            say("ready");
            listen();
            // One file for all, so that all end at the same turn.
            let saved = format!("{}-saved", path.display());
            let saved = std::fs::File::options()
                .create(true)
                .append(true)
                .open(saved);
            let mut saved = saved.unwrap();
            let mut turns = 0;
            loop {
                let _turn = file.wait_turn(in_good_time()).unwrap().unwrap();
                if saved.metadata().unwrap().len() >= ALL_TURNS {
                    break;
                }
                saved.write_all(b"!").unwrap();
                saved.sync_data().unwrap();
                turns += 1;
            }
            say(&format!("{turns}"));
        }
        _ => panic!("no such role: {role}"),
    }
}

// P5
#[test]
fn what_a_killed_process_held_is_free() {
    let (_folder, path) = place();
    let mine = open(&path);
    let mut other = Process::start("hold everything", &path);
    assert_eq!(other.hear(), "held");
    assert!(!mine.own_presence(soon()).unwrap());
    assert!(mine.wait_turn(soon()).unwrap().is_none());
    assert!(mine.pinned_below(6).unwrap());
    assert!(!mine.pinned_below(5).unwrap());
    other.kill();
    assert!(mine.own_presence(in_good_time()).unwrap());
    assert!(mine.wait_turn(in_good_time()).unwrap().is_some());
    assert!(!mine.pinned_below(i64::MAX).unwrap());
}

// P4, P5
#[test]
fn process_killed_while_it_migrates_lets_the_others_in() {
    let (_folder, path) = place();
    let mine = open(&path);
    let mut other = Process::start("own presence", &path);
    assert_eq!(other.hear(), "held");
    assert!(!mine.share_presence(soon()).unwrap());
    other.kill();
    assert!(mine.share_presence(in_good_time()).unwrap());
}

/// Waits until so many numbers of the line were drawn.
fn wait_for_numbers(path: &Path, drawn: u8) {
    let deadline = in_good_time();
    while std::fs::read(path).unwrap().first() < Some(&drawn) {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
}

// P5
#[test]
fn process_killed_in_the_line_holds_nobody_up() {
    let (_folder, path) = place();
    let mine = open(&path);
    let turn = mine.try_turn().unwrap();
    let mut first = Process::start("wait for the turn", &path);
    assert_eq!(first.hear(), "waits");
    wait_for_numbers(&path, 1);
    let mut second = Process::start("wait for the turn", &path);
    assert_eq!(second.hear(), "waits");
    wait_for_numbers(&path, 2);
    first.kill();
    drop(turn);
    assert_eq!(second.hear(), "held");
    second.tell();
    assert!(mine.wait_turn(in_good_time()).unwrap().is_some());
}

// P3
#[test]
fn least_served_process_gets_half_of_what_the_best_served_gets() {
    let (_folder, path) = place();
    let mine = open(&path);
    let turn = mine.try_turn().unwrap();
    let mut others: Vec<Process> = (0..4)
        .map(|_| Process::start("take turns", &path))
        .collect();
    for other in &mut others {
        assert_eq!(other.hear(), "ready");
    }
    for other in &mut others {
        other.tell();
    }
    // A process that starts late gets fewer, so the turns begin when all of them stand in the line.
    wait_for_numbers(&path, 4);
    drop(turn);
    let turns: Vec<u64> = others
        .iter_mut()
        .map(|other| other.hear().parse().unwrap())
        .collect();
    let (least, most) = (turns.iter().min().unwrap(), turns.iter().max().unwrap());
    assert!(least * 2 >= *most, "{turns:?}");
}
