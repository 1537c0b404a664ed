//! Batches whose transaction fails as a whole, which only the database floor can bring about.

use super::*;
use crate::db::versioned::Attempt;
use crate::model::pr;
use crate::store::save::SaveOutcome;
use crate::store::test_support::{Fixture, KEEP};

fn drafts(fixture: &Fixture, count: usize) -> Vec<Message> {
    let draft = |number: usize| {
        let mut draft = fixture.draft(&format!("number {number}"));
        draft
            .set(pr::BODY, format!("{number}").repeat(20_000))
            .unwrap();
        draft
    };
    (0..count).map(draft).collect()
}

#[test]
fn message_without_room_on_the_disk_keeps_no_other_from_being_saved() {
    // S8, S12
    let fixture = Fixture::make();
    let store = &fixture.store;
    let mut messages = drafts(&fixture, 3);
    let enough = "b".repeat(800_000);
    messages[1].set(pr::BODY, enough).unwrap();
    let connections = store.database.connections().unwrap();
    let limit = |pages: u32| {
        let writer = connections.writer.as_ref().unwrap();
        let connection = writer.connection();
        let limited = connection.pragma_update(None, "max_page_count", pages);
        limited.unwrap();
    };
    let save_id = messages[1].save_id();
    limit(150);
    let results = store.save_batch(&mut messages, KEEP).unwrap();
    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    let error = results[1].as_ref().unwrap_err();
    assert!(matches!(error, Error::NotEnoughDisk { .. }), "{error:?}");
    assert!(messages[1].has_pending_changes() && messages[1].row_version().is_none());
    limit(1_000_000);
    let saved = messages[1].save_changes(KEEP).unwrap();
    assert_eq!(saved.save_id, save_id);
}

#[test]
fn batch_settles_saves_of_unknown_outcome() {
    // S8, S12
    let fixture = Fixture::make();
    let store = &fixture.store;
    let mut messages = drafts(&fixture, 2);
    // The first was committed after all, the second was not.
    let prepared = messages[0].prepare(Manner::Guarded);
    let outcome = store.database.write(|_| Ok(()), |tx| prepared.write(tx));
    assert!(matches!(outcome.unwrap(), Outcome::Saved(_)));
    for message in &mut messages {
        message.outcome_unknown("the disk is tired".into());
        assert_eq!(message.pending.attempt, Attempt::Repeated);
    }
    let outcomes: Vec<_> = store
        .save_batch(&mut messages, KEEP)
        .unwrap()
        .into_iter()
        .map(|result| result.unwrap().outcome)
        .collect();
    assert_eq!(
        outcomes,
        [SaveOutcome::SavedBefore, SaveOutcome::NewVersion]
    );
}
