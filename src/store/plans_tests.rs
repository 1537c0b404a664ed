//! What the calls that everybody makes all the time say to SQLite: how many statements, and that none of them reads a whole
//! table. A store of a thousand messages would hide it; one of a million would not.

use super::save::Manner;
use super::test_support::{Fixture, KEEP};
use super::*;
use crate::db::statements::{costly, plan};
use crate::db::transaction::WriteTransaction;
use crate::db::versioned::Outcome;
use crate::error::Error;
use crate::model::{Access, ChangeNumber, Deletion, FolderKind, ReadState, SaveFlags, pr};

impl Fixture {
    /// An unsaved message with a stream.
    fn large_draft(&self) -> Message {
        let mut draft = self.draft("Figures");
        draft.set(pr::BODY, "f".repeat(5_000)).unwrap();
        draft
    }

    /// A saved one, open.
    fn saved(&self) -> Message {
        let mut message = self.large_draft();
        message.save_changes(KEEP).unwrap();
        message
    }

    /// One that somebody else has saved since it was opened, with something pending.
    fn stale(&self) -> Message {
        let mut mine = self.saved();
        let mut theirs = self
            .store
            .open_message(&mine.entry_id(), Access::Modify)
            .unwrap();
        theirs.set(pr::SUBJECT, "theirs").unwrap();
        theirs.save_changes(SaveFlags::empty()).unwrap();
        mine.set(pr::SUBJECT, "mine").unwrap();
        mine
    }

    /// Makes a call, and holds its statements against their number and their plans.
    #[track_caller]
    fn takes<T>(&self, count: usize, call: impl FnOnce() -> T) -> T {
        let (statements, value) = self.store.database.statements_of(call);
        assert_eq!(statements.len(), count, "{statements:#?}");
        self.hold(&statements);
        value
    }

    #[track_caller]
    fn hold(&self, statements: &[String]) {
        let reader = self.store.database.reader().unwrap();
        for sql in statements {
            let plan = plan(&reader, sql);
            let costly = costly(&plan);
            assert!(costly.is_empty(), "{sql}\n{costly:#?}\nof\n{plan:#?}");
        }
    }
}

#[test]
fn opening_is_one_statement_and_a_large_value_one_more() {
    // O2
    let fixture = Fixture::make();
    let id = fixture.saved().entry_id();
    let message = fixture.takes(1, || fixture.store.open_message(&id, Access::Modify));
    let body = fixture.takes(1, || message.unwrap().get(pr::BODY).unwrap());
    assert_eq!(body.unwrap().len(), 5_000);
}

#[test]
fn save_is_six_statements_and_reads_no_table() {
    // P2
    let fixture = Fixture::make();
    let mut message = fixture.saved();
    message.set(pr::SUBJECT, "changed").unwrap();
    fixture.takes(6, || message.save_changes(KEEP)).unwrap();
}

#[test]
fn saves_after_one_that_was_refused_look_first_whether_they_are_stale() {
    // P2, S2
    let fixture = Fixture::make();
    let mut stale = fixture.stale();
    for statements in [6, 1, 1, 1] {
        let refused = fixture.takes(statements, || stale.save_changes(KEEP));
        assert!(matches!(refused, Err(Error::ObjectChanged { .. })));
    }
    let mut fresh = fixture.saved();
    for (version, statements) in [(2, 7), (3, 7), (4, 6)] {
        fresh
            .set(pr::SUBJECT, format!("version {version}"))
            .unwrap();
        fixture
            .takes(statements, || fresh.save_changes(KEEP))
            .unwrap();
    }
}

#[test]
fn the_deciding_statement_refuses_whoever_could_not_look_before() {
    // P2, S2
    let fixture = Fixture::make();
    let mut stale = fixture.stale();
    let prepared = stale.prepare(Manner::Guarded);
    let written = fixture.takes(6, || {
        let work = |tx: &WriteTransaction<'_>| prepared.write(tx);
        fixture.store.database.write(|_| Ok(()), work)
    });
    assert!(matches!(written, Ok(Outcome::Changed(_))));
    // In a batch nobody looks.
    let results = fixture.store.save_batch([&mut stale], KEEP).unwrap();
    assert!(matches!(results[0], Err(Error::ObjectChanged { .. })));
}

#[test]
fn forced_save_reads_no_table() {
    // S5, K4
    let fixture = Fixture::make();
    let mut stale = fixture.stale();
    let (statements, forced) = fixture
        .store
        .database
        .statements_of(|| stale.save_changes(KEEP | SaveFlags::FORCE_SAVE));
    forced.unwrap();
    assert!(statements.len() > 6, "{statements:#?}");
    fixture.hold(&statements);
}

#[test]
fn repeated_save_reads_no_table() {
    // S8
    let fixture = Fixture::make();
    let mut message = fixture.saved();
    message.set(pr::SUBJECT, "changed").unwrap();
    message.set_save_id(crate::model::SaveId::random()).unwrap();
    fixture.takes(7, || message.save_changes(KEEP)).unwrap();
}

#[test]
fn first_save_reads_no_table() {
    let fixture = Fixture::make();
    let mut small = fixture.draft("Figures");
    fixture.takes(6, || small.save_changes(KEEP)).unwrap();
    let mut large = fixture.large_draft();
    let (statements, saved) = fixture
        .store
        .database
        .statements_of(|| large.save_changes(KEEP));
    saved.unwrap();
    fixture.hold(&statements);
}

#[test]
fn page_of_a_folder_is_four_statements_and_sorts_nothing() {
    let fixture = Fixture::make();
    let after = fixture.saved().entry_id();
    fixture.saved();
    let first = Page::default();
    fixture.takes(3, || fixture.drafts.messages(first)).unwrap();
    let next = Page {
        after: Some(after),
        ..first
    };
    fixture.takes(4, || fixture.drafts.messages(next)).unwrap();
}

#[test]
fn counts_of_a_folder_are_not_counted() {
    let fixture = Fixture::make();
    let counts = [pr::CONTENT_COUNT.tag(), pr::CONTENT_UNREAD.tag()];
    let (statements, read) = fixture
        .store
        .database
        .statements_of(|| fixture.drafts.get_values(&counts));
    read.unwrap();
    fixture.hold(&statements);
    // An index finds the messages of the folder, and yet there may be a million of them.
    let counting = statements.iter().filter(|sql| sql.contains("messages"));
    assert_eq!(counting.collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn journal_is_read_from_where_it_was_left() {
    let fixture = Fixture::make();
    fixture.saved();
    let since = ChangeNumber::ZERO;
    let changes = fixture.takes(2, || fixture.store.changes_after(since, 50));
    assert!(!changes.unwrap().is_empty());
}

#[test]
fn what_is_no_content_changes_without_reading_a_table() {
    // S13
    let fixture = Fixture::make();
    let id = fixture.saved().entry_id();
    let (database, store) = (&fixture.store.database, &fixture.store);
    let inbox = store.special_folder(FolderKind::Inbox).unwrap();
    let (statements, done) = database.statements_of(|| -> crate::Result<()> {
        store.set_read_state(&[id], ReadState::Unread)?;
        store.move_messages(&[id], &inbox)?;
        store.delete_messages(&[id], Deletion::Soft)?;
        store.delete_messages(&[id], Deletion::Hard)?;
        Ok(())
    });
    done.unwrap();
    assert!(statements.len() > 20, "{statements:#?}");
    fixture.hold(&statements);
}

#[test]
fn collection_reads_no_table() {
    // P5
    let fixture = Fixture::make();
    let id = fixture.saved().entry_id();
    let deletion = Deletion::Hard;
    fixture.store.delete_messages(&[id], deletion).unwrap();
    let (statements, collected) = fixture
        .store
        .database
        .statements_of(|| fixture.store.collect_garbage());
    assert_eq!(collected.unwrap().streams, 1, "{statements:#?}");
    fixture.hold(&statements);
}
