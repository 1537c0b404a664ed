//! Clocks that jump: the order of commits is that of change numbers, and no time of modification goes back.
//!
//! A client runs under a library that moves the system's clock by what a file says. `cc` makes it, which is there wherever this
//! crate can be built.

use std::fs;
use std::path::PathBuf;
use std::process::Command as Program;
use std::time::Duration;

use mapistore::{
    Access, ChangeNumber, ContentsOrder, EmbeddedAccess, EntryId, FileTime, Message, Notice, Page,
    Purge, Store, pr,
};

use crate::support::{Client, Command, Handle, KEEP, Link, TestStore, Wanted, opening};

const TEN_YEARS: i64 = 10 * 365 * 24 * 3_600;

/// Moves CLOCK_REALTIME, and no other clock, by the seconds that a file holds.
const MOVED_CLOCK: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, clock, now);
    char text[32] = {0};
    const char *path = getenv("MOVED_CLOCK");
    if (clock != CLOCK_REALTIME || result != 0 || path == 0) return result;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return result;
    if (read(file, text, sizeof text - 1) > 0) now->tv_sec += atoll(text);
    close(file);
    return result;
}
"#;

/// A store, and clients each with a clock of its own.
struct Clocks {
    test: TestStore,
    library: PathBuf,
}

impl Clocks {
    /// None where there is no compiler.
    fn new() -> Option<Clocks> {
        let test = TestStore::new();
        let source = test.folder.path().join("clock.c");
        let library = test.folder.path().join("clock.so");
        fs::write(&source, MOVED_CLOCK).unwrap();
        let made = Program::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([&library, &source])
            .status();
        if !made.is_ok_and(|status| status.success()) {
            println!("skipped: no C compiler, or not for this");
            return None;
        }
        Some(Clocks { test, library })
    }

    fn client(&self, name: &str) -> Client {
        let mut program = Program::new(std::env::current_exe().unwrap());
        program
            .env("LD_PRELOAD", &self.library)
            .env("MOVED_CLOCK", self.clock_of(name));
        self.set(name, 0);
        let client = Client::new(Link::to_program(&mut program), name);
        let open = Command::OpenStore(opening(self.test.store.path(), name));
        client.call::<()>(open).unwrap();
        client
    }

    fn clock_of(&self, name: &str) -> PathBuf {
        self.test.folder.path().join(format!("{name}.clock"))
    }

    fn set(&self, name: &str, offset: i64) {
        fs::write(self.clock_of(name), offset.to_string()).unwrap();
    }
}

/// What a handle says about when it was modified.
fn modified(client: &Client, handle: Handle) -> FileTime {
    let view = client.view(handle);
    let text = view.property("PR_LAST_MODIFICATION_TIME").unwrap();
    let text = text.trim_start_matches("SysTime(FileTime(");
    let time: jiff::Timestamp = text.trim_end_matches(')').parse().unwrap();
    FileTime::from_timestamp(time)
}

fn now() -> FileTime {
    FileTime::from_timestamp(jiff::Timestamp::now())
}

fn is_in_future(time: FileTime) -> bool {
    time.get() > now().get() + 9 * 365 * 24 * 3_600 * 10_000_000
}

#[test]
fn time_of_modification_never_goes_back_and_versions_rise_whatever_the_clocks_say() {
    // S11, S16
    let Some(clocks) = Clocks::new() else { return };
    let (ana, ben) = (clocks.client("ana"), clocks.client("ben"));
    let id = clocks.test.draft("original").to_string();
    let (mut last, mut change) = (FileTime::new(0), 0);
    let offsets = [0, TEN_YEARS, 0, -TEN_YEARS, 60, -60];
    for (round, (offset, client)) in offsets
        .into_iter()
        .zip([&ana, &ben].into_iter().cycle())
        .enumerate()
    {
        clocks.set(client.name(), offset);
        let handle = client.edit(&id, &format!("round {round}"));
        for _ in 0..2 {
            client.set(handle, pr::SUBJECT, "again");
            let saved = client.save(handle, KEEP).unwrap();
            assert!(saved.change_number > change);
            change = saved.change_number;
            let told = modified(client, handle);
            assert!(told >= last, "{told:?} after {last:?} in round {round}");
            let opened = client.open(&id, Wanted::ReadOnly);
            assert_eq!(
                modified(client, opened),
                told,
                "the handle says what is stored"
            );
            last = told;
        }
    }
    assert!(is_in_future(last), "the clock was moved at all");
    let store = &clocks.test.store;
    let message = store.open_message(&id.parse().unwrap(), Access::ReadOnly);
    assert_eq!(message.unwrap().row_version().unwrap().get(), 13);
    clocks.test.assert_sound();
}

#[test]
fn message_that_is_created_before_the_clock_goes_back_was_not_modified_before_its_creation() {
    // S11
    let Some(clocks) = Clocks::new() else { return };
    let ana = clocks.client("ana");
    clocks.set("ana", TEN_YEARS);
    let handle = ana.create("Drafts");
    clocks.set("ana", 0);
    ana.set(handle, pr::SUBJECT, "new");
    let id = ana.save(handle, KEEP).unwrap().entry_id;
    let store = &clocks.test.store;
    let message = store.open_message(&id.parse().unwrap(), Access::ReadOnly);
    let message = message.unwrap();
    let created = message.get(pr::CREATION_TIME).unwrap().unwrap();
    let modified_at = message.get(pr::LAST_MODIFICATION_TIME).unwrap().unwrap();
    assert!(is_in_future(created) && modified_at >= created);
    assert_eq!(modified(&ana, handle), modified_at);
}

/// When the attachment, and the message in it, were modified.
fn times_of_parts(message: &mut Message) -> (FileTime, FileTime) {
    let number = message.attachments().unwrap()[0].number;
    let mut attachment = message.open_attachment(number).unwrap();
    let outer = attachment.get(pr::LAST_MODIFICATION_TIME).unwrap().unwrap();
    let inner = attachment
        .open_embedded_message(EmbeddedAccess::ReadOnly)
        .unwrap();
    let inner = inner.get(pr::LAST_MODIFICATION_TIME).unwrap().unwrap();
    (outer, inner)
}

#[test]
fn times_of_attachments_and_embedded_messages_do_not_go_back_either() {
    // S11, S14
    let Some(clocks) = Clocks::new() else { return };
    let ana = clocks.client("ana");
    let handle = ana.create("Drafts");
    let number = ana.embed(handle, "inner", crate::support::Blob::new(1, 10));
    let id = ana.save(handle, KEEP).unwrap().entry_id.parse().unwrap();
    clocks.set("ana", TEN_YEARS);
    ana.rename_embedded(handle, number, "in ten years");
    ana.save(handle, KEEP).unwrap();
    let store = &clocks.test.store;
    let times = || times_of_parts(&mut store.open_message(&id, Access::Modify).unwrap());
    let (outer, inner) = times();
    assert!(is_in_future(outer) && is_in_future(inner));
    clocks.set("ana", 0);
    ana.rename_embedded(handle, number, "now");
    ana.save(handle, KEEP).unwrap();
    let later = times();
    assert!(later.0 >= outer && later.1 >= inner, "{later:?}");
}

#[test]
fn pages_journal_and_watching_follow_the_commits_and_not_the_clocks() {
    // S16, K7
    let Some(clocks) = Clocks::new() else { return };
    let store = &clocks.test.store;
    let ana = clocks.client("ana");
    let mut changes = store.subscribe(store.last_change().unwrap()).unwrap();
    let mut ids = Vec::new();
    for (round, offset) in [0, TEN_YEARS, -TEN_YEARS, 5, -5].into_iter().enumerate() {
        clocks.set("ana", offset);
        let handle = ana.create("Drafts");
        ana.set(handle, pr::SUBJECT, &*format!("message {round}"));
        let id = ana.save(handle, KEEP).unwrap().entry_id;
        ids.push(id.parse::<EntryId>().unwrap());
    }
    let mut last = ChangeNumber::ZERO;
    for id in &ids {
        match changes.next(Duration::from_secs(120)).unwrap() {
            Notice::Changed(change) => {
                assert_eq!(change.objects, [id.object()]);
                assert!(change.change_number > last);
                last = change.change_number;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(changes.next(Duration::ZERO).unwrap(), Notice::TimedOut);
    // Page by page it is the whole list, each message once, newest time first.
    let drafts = store.folder_by_path("Drafts").unwrap();
    for order in [ContentsOrder::LastModifiedFirst, ContentsOrder::NewestFirst] {
        let mut listed: Vec<EntryId> = Vec::new();
        let mut times = Vec::new();
        while listed.len() < ids.len() {
            let page = Page {
                order,
                after: listed.last().copied(),
                limit: 2,
            };
            let rows = drafts.messages(page).unwrap();
            assert!(!rows.is_empty());
            listed.extend(rows.iter().map(|row| row.entry_id));
            times.extend(rows.iter().map(|row| row.modified));
        }
        if order == ContentsOrder::LastModifiedFirst {
            assert!(times.is_sorted_by(|one, next| one >= next), "{times:?}");
        }
        listed.sort_unstable();
        ids.sort_unstable();
        assert_eq!(listed, ids, "{order:?}");
    }
}

#[test]
fn purging_by_age_goes_by_the_clock_of_who_purges_and_by_number_by_none() {
    // K7
    let Some(clocks) = Clocks::new() else { return };
    let store = &clocks.test.store;
    let ana = clocks.client("ana");
    let id = clocks.test.draft("original");
    for offset in [TEN_YEARS, -TEN_YEARS, 0] {
        clocks.set("ana", offset);
        let handle = ana.edit(&id.to_string(), "again");
        ana.save(handle, KEEP).unwrap();
    }
    let versions = |store: &Store| -> Vec<i64> {
        let history = store.query("SELECT row_version FROM inspect_changes WHERE row_version IS NOT NULL ORDER BY change_number");
        let cells = history.unwrap().rows.into_iter().flatten();
        cells
            .map(|cell| match cell {
                mapistore::Cell::Integer(number) => number,
                other => panic!("{other:?}"),
            })
            .collect()
    };
    assert_eq!(versions(store), [1, 2, 3, 4]);
    let a_day = Duration::from_secs(24 * 3_600);
    store.purge(&Purge::everything().older_than(a_day)).unwrap();
    // What was saved by the clock that went wrong backwards is old, what lies in the future is not.
    assert_eq!(versions(store), [1, 2, 4]);
    // Whoever reads the journal from before is told of the gap.
    let mut changes = store.subscribe(ChangeNumber::ZERO).unwrap();
    let first = changes.next(Duration::ZERO).unwrap();
    assert!(matches!(first, Notice::Overflow { .. }), "{first:?}");
    store.purge(&Purge::everything().keep_newest(1)).unwrap();
    assert_eq!(versions(store), [4]);
    let message = store.open_message(&id, Access::ReadOnly).unwrap();
    assert_eq!(message.row_version().unwrap().get(), 4);
    clocks.test.assert_sound();
}
