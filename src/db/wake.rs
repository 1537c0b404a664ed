//! Waiting for other processes' commits without looking all the time.
//!
//! Every commit appends to `F-wal`, and the kernel tells who asked that the file was written (inotify, by path: nothing
//! is opened, so SQLite's locks are safe). The word comes *before* the commit can be seen: SQLite writes the log, syncs
//! it, and only then moves the index in shared memory, of which nobody is told. So a word begins a row of looks with
//! pauses that double, and the delay stays within about twice what the sync took.
//!
//! Words may be spurious, which costs a look, or be lost (the log replaced by hand, no inotify to be had), for which
//! there is a slow look all the same.

use std::io::{PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::db::database::Database;
use crate::db::failure::system;
use crate::db::place::Locality;
use crate::error::Result;

/// The pause after a first look that found nothing.
const FIRST_PAUSE: Duration = Duration::from_micros(100);
/// Up to here pauses are slept through whatever is heard: a large transaction writes its log for seconds before it
/// commits, and would have each of its pages answered with a look.
const LAST_DEAF_PAUSE: Duration = Duration::from_millis(4);
/// The net under lost words.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Where there are no words at all.
const LONGEST_PAUSE_POLLING: Duration = Duration::from_millis(50);

/// How a waiting process learns that something may have been committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Waking {
    /// The kernel says when the store's log was written.
    Notified,
    /// It looks again and again, at least twenty times a second: there is no notification on this system or this file
    /// system, or the user has used up what the kernel grants (`fs.inotify.max_user_instances`).
    Polling,
}

/// How waiting ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Woken<T> {
    /// With what was looked for.
    Found(T),
    TimedOut,
    Cancelled,
}

/// Waits until a look at the store finds something.
#[derive(Debug)]
pub(crate) struct Wake {
    ears: Ears,
    pauses: Pauses,
    cancel: Arc<Cancel>,
}

impl Wake {
    /// Begins to listen: whatever is committed from now on wakes the next wait.
    pub(crate) fn new(database: &Database) -> Result<Wake> {
        database.connections()?;
        let place = database.place();
        let mut ears = match place.locality()? {
            Locality::Local => Ears::open(place.beside("-wal")),
            Locality::Network(_) => Ears::none(),
        };
        ears.listen();
        Ok(Wake {
            ears,
            pauses: Pauses::new(LONGEST_PAUSE),
            cancel: Arc::new(Cancel::new()?),
        })
    }

    /// What ends all waits from then on.
    pub(crate) fn cancel(&self) -> Arc<Cancel> {
        Arc::clone(&self.cancel)
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    pub(crate) fn waking(&self) -> Waking {
        if self.ears.hears {
            Waking::Notified
        } else {
            Waking::Polling
        }
    }

    /// Looks now, and whenever something may have been committed, until there is something to be found, the deadline
    /// has passed or the wait is cancelled. No deadline: for as long as it takes.
    pub(crate) fn wait<T>(
        &mut self,
        database: &Database,
        deadline: Option<Instant>,
        mut look: impl FnMut() -> Result<Option<T>>,
    ) -> Result<Woken<T>> {
        // A forked child shares the queue of words, and would take its parent's.
        database.connections()?;
        loop {
            if self.is_cancelled() {
                return Ok(Woken::Cancelled);
            }
            // Before the look: a word that comes after it is still there when it is waited for.
            if self.ears.take_words() {
                self.pauses.heard();
            }
            if let Some(found) = look()? {
                self.pauses.restart();
                return Ok(Woken::Found(found));
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(Woken::TimedOut);
            }
            self.pause(left)?;
        }
    }

    fn pause(&mut self, left: Option<Duration>) -> Result<()> {
        let longest = match self.waking() {
            Waking::Notified => self.pauses.longest,
            Waking::Polling => self.pauses.longest.min(LONGEST_PAUSE_POLLING),
        };
        let pause = self.pauses.next().min(longest);
        let mut waited_for = vec![PollFd::new(&self.cancel.wait, PollFlags::IN)];
        if let Some(words) = &self.ears.words
            && pause > LAST_DEAF_PAUSE
        {
            waited_for.push(PollFd::new(words, PollFlags::IN));
        }
        let length = left.map_or(pause, |left| left.min(pause));
        let woken = match poll(&mut waited_for, timespec(length).as_ref()) {
            Ok(woken) => woken,
            // A signal: as good a reason to look as any.
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(system("waiting for a change", error.into())),
        };
        if woken == 0 && pause == longest {
            self.ears.listen();
        }
        Ok(())
    }
}

/// None is for ever, and only for what the kernel cannot count.
fn timespec(length: Duration) -> Option<Timespec> {
    Timespec::try_from(length).ok()
}

/// Ends the waits of one [`Wake`], from any thread.
#[derive(Debug)]
pub(crate) struct Cancel {
    cancelled: AtomicBool,
    /// Readable once cancelled; never read.
    wait: PipeReader,
    ring: PipeWriter,
    made_by: u32,
}

impl Cancel {
    fn new() -> Result<Cancel> {
        let (wait, ring) =
            std::io::pipe().map_err(|error| system("preparing to wait for changes", error))?;
        Ok(Cancel {
            cancelled: AtomicBool::new(false),
            wait,
            ring,
            made_by: std::process::id(),
        })
    }

    pub(crate) fn cancel(&self) {
        // A forked child shares the pipe and not the mark: its parent would look without a pause from then on (P7).
        if self.made_by != std::process::id() {
            return;
        }
        if !self.cancelled.swap(true, Ordering::AcqRel) {
            // One byte always fits into an empty pipe, whose reader lives as long as this.
            let _ = (&self.ring).write_all(&[0]);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }
}

/// How long to wait before the next look.
#[derive(Debug)]
struct Pauses {
    next: Duration,
    longest: Duration,
    /// A word came while nobody listened.
    heard: bool,
}

impl Pauses {
    /// Begins with short ones: the word of a commit that is under way may have come before anybody listened.
    fn new(longest: Duration) -> Pauses {
        Pauses {
            next: FIRST_PAUSE,
            longest,
            heard: false,
        }
    }

    fn restart(&mut self) {
        self.next = FIRST_PAUSE;
        self.heard = false;
    }

    fn heard(&mut self) {
        if self.next > LAST_DEAF_PAUSE {
            self.restart();
        } else {
            self.heard = true;
        }
    }

    fn next(&mut self) -> Duration {
        // The commit that the word was of may come after the row of looks that an earlier word began.
        if self.heard && self.next > LAST_DEAF_PAUSE {
            self.restart();
        }
        let pause = self.next.min(self.longest);
        self.next = pause.saturating_mul(2);
        pause
    }
}

/// Where the words of the kernel come in.
#[derive(Debug)]
struct Ears {
    words: Option<OwnedFd>,
    log: PathBuf,
    /// Whether the log is being listened to.
    hears: bool,
}

impl Ears {
    /// For where the kernel does not see what others write.
    fn none() -> Ears {
        Ears {
            words: None,
            log: PathBuf::new(),
            hears: false,
        }
    }

    #[cfg(target_os = "linux")]
    fn open(log: PathBuf) -> Ears {
        use rustix::fs::inotify;
        let words = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK);
        Ears {
            words: words.ok(),
            log,
            hears: false,
        }
    }

    /// Other systems have notification of other kinds, none of which is made use of.
    #[cfg(not(target_os = "linux"))]
    fn open(log: PathBuf) -> Ears {
        Ears {
            log,
            ..Ears::none()
        }
    }

    /// Listens to the log, again if it is another file by now; to the same one this changes nothing.
    #[cfg(target_os = "linux")]
    fn listen(&mut self) {
        use rustix::fs::inotify::{WatchFlags, add_watch};
        let listen = |words| add_watch(words, &self.log, WatchFlags::MODIFY);
        self.hears = self
            .words
            .as_ref()
            .is_some_and(|words| listen(words).is_ok());
    }

    #[cfg(not(target_os = "linux"))]
    fn listen(&mut self) {
        let _ = &self.log;
    }

    /// Whether there were words. What they say does not matter.
    fn take_words(&self) -> bool {
        let Some(words) = &self.words else {
            return false;
        };
        let mut heard = false;
        let mut buffer = [0; 4096];
        // The queue may fill as fast as it is emptied; what is left wakes the next pause.
        for _ in 0..16 {
            match rustix::io::read(words.as_fd(), &mut buffer) {
                Ok(1..) => heard = true,
                _ => break,
            }
        }
        heard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(pauses: &mut Pauses, count: usize) -> Vec<u128> {
        (0..count).map(|_| pauses.next().as_micros()).collect()
    }

    #[test]
    fn pauses_double_until_the_longest() {
        let mut looks = Pauses::new(Duration::from_millis(10));
        let expected = [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000];
        assert_eq!(pauses(&mut looks, 9), expected);
    }

    #[test]
    fn a_word_while_nobody_listens_begins_a_new_row_of_looks_after_this_one() {
        let mut looks = Pauses::new(LONGEST_PAUSE);
        assert_eq!(pauses(&mut looks, 4), [100, 200, 400, 800]);
        looks.heard();
        assert_eq!(pauses(&mut looks, 4), [1_600, 3_200, 100, 200]);
        assert_eq!(
            pauses(&mut looks, 6),
            [400, 800, 1_600, 3_200, 6_400, 12_800]
        );
    }

    #[test]
    fn a_word_while_listening_is_answered_at_once() {
        let mut looks = Pauses::new(LONGEST_PAUSE);
        pauses(&mut looks, 20);
        looks.heard();
        assert_eq!(pauses(&mut looks, 2), [100, 200]);
    }

    #[test]
    fn forked_child_does_not_cancel_its_parents_waits() {
        // P7
        let is_rung = |cancel: &Cancel| {
            let mut wait = [PollFd::new(&cancel.wait, PollFlags::IN)];
            poll(&mut wait, timespec(Duration::ZERO).as_ref()).unwrap() > 0
        };
        let mut cancel = Cancel::new().unwrap();
        let parent = cancel.made_by;
        cancel.made_by = parent.wrapping_add(1);
        cancel.cancel();
        assert!(!is_rung(&cancel) && !cancel.is_cancelled());
        cancel.made_by = parent;
        cancel.cancel();
        assert!(is_rung(&cancel) && cancel.is_cancelled());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_write_is_heard_and_so_is_one_to_the_file_that_took_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut ears = Ears::open(log.clone());
        ears.listen();
        assert!(!ears.hears, "there is nothing to hear yet");
        for content in ["one", "two"] {
            let other = folder.path().join("other");
            std::fs::write(&other, "").unwrap();
            std::fs::rename(&other, &log).unwrap();
            ears.listen();
            assert!(ears.hears);
            ears.take_words();
            assert!(!ears.take_words());
            std::fs::write(&log, content).unwrap();
            assert!(ears.take_words());
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_word_of_a_commit_ends_a_pause_that_would_take_an_hour() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mail.store");
        let database = Database::open(&path, settings()).unwrap();
        let mut wake = Wake::new(&database).unwrap();
        assert_eq!(wake.waking(), Waking::Notified);
        let hour = Duration::from_secs(3_600);
        let (looked, look) = std::sync::mpsc::channel::<i64>();
        let writer = std::thread::spawn(move || {
            let by_hand = rusqlite::Connection::open(path).unwrap();
            for round in look {
                // The very same value would leave the log as it was.
                let update =
                    format!("UPDATE store_info SET properties = '{{\"0E080014\":{round}}}'");
                by_hand.execute_batch(&update).unwrap();
            }
        });
        for round in 1..=20 {
            (wake.pauses.longest, wake.pauses.next) = (hour, hour);
            let mut asked = 0;
            let deadline = Some(Instant::now() + hour / 60);
            let woken = wake.wait(&database, deadline, || {
                asked += 1;
                // The first look is the writer's sign, so that it commits while this side waits, or is about to.
                if asked == 1 {
                    looked.send(round).unwrap();
                }
                Ok((committed(&database) == round).then_some(round))
            });
            assert_eq!(woken.unwrap(), Woken::Found(round));
        }
        drop(looked);
        writer.join().unwrap();
    }

    fn committed(database: &Database) -> i64 {
        let reader = database.reader().unwrap();
        let select =
            "SELECT coalesce(json_extract(properties, '$.\"0E080014\"'), 0) FROM store_info";
        reader.query_row(select, [], |row| row.get(0)).unwrap()
    }

    fn settings() -> crate::db::database::Settings {
        use crate::db::database::{Durability, Settings, StoreAccess, WhenMissing};
        Settings {
            client_name: "test".to_owned(),
            durability: Durability::Full,
            access: StoreAccess::ReadWrite,
            when_missing: WhenMissing::Create,
            network_file_systems: crate::db::place::NetworkFileSystems::Refuse,
            busy_timeout: Duration::from_secs(30),
        }
    }
}
