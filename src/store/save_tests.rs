//! Saves whose commit failed in such a way that it may have taken place (S8): what a failing disk does is imitated
//! by committing, and then telling the handle that the outcome is unknown.

use super::*;
use crate::model::{Access, pr};
use crate::store::Resolution;
use crate::store::test_support::{Fixture, KEEP};

#[derive(Clone, Copy)]
enum Commit {
    TookPlace,
    WasLost,
}

/// Saves with an unknown outcome.
fn save_with_unknown_outcome(message: &mut Message, manner: Manner, commit: Commit) {
    let prepared = message.prepare(manner);
    if let Commit::TookPlace = commit {
        let outcome = message
            .store
            .database
            .write(|_| Ok(()), |tx| prepared.write(tx));
        assert!(matches!(outcome.unwrap(), Outcome::Saved(_)));
    }
    let error = message.outcome_unknown("the disk is tired".into());
    assert!(matches!(error, Error::OutcomeUnknown { .. }));
}

fn stored_subject(message: &Message) -> (i64, Option<String>) {
    let now = message
        .store
        .open_message(&message.entry_id(), Access::ReadOnly)
        .unwrap();
    (
        now.row_version().unwrap().get(),
        now.get(pr::SUBJECT).unwrap(),
    )
}

#[test]
fn repeating_a_first_save_that_took_place_reports_it_as_saved() {
    let fixture = Fixture::make();
    let mut message = fixture.draft("first");
    save_with_unknown_outcome(&mut message, Manner::Guarded, Commit::TookPlace);
    let saved = message.save_changes(KEEP).unwrap();
    assert_eq!(
        (saved.row_version.get(), saved.outcome),
        (1, SaveOutcome::SavedBefore)
    );
    message.set(pr::SUBJECT, "second").unwrap();
    assert_eq!(message.save_changes(KEEP).unwrap().row_version.get(), 2);
}

#[test]
fn repeating_a_save_that_took_place_is_never_object_changed_because_of_itself() {
    let fixture = Fixture::make();
    for manner in [Manner::Guarded, Manner::Forced] {
        let mut message = fixture.draft("first");
        message.save_changes(KEEP).unwrap();
        message.set(pr::SUBJECT, "second").unwrap();
        save_with_unknown_outcome(&mut message, manner, Commit::TookPlace);
        let flags = if manner == Manner::Forced {
            KEEP | SaveFlags::FORCE_SAVE
        } else {
            KEEP
        };
        let saved = message.save_changes(flags).unwrap();
        assert_eq!(
            (saved.row_version.get(), saved.outcome),
            (2, SaveOutcome::SavedBefore)
        );
        assert_eq!(stored_subject(&message), (2, Some("second".to_owned())));
    }
}

#[test]
fn a_forced_save_of_nothing_that_took_place_is_settled_by_an_ordinary_save() {
    let fixture = Fixture::make();
    let mut message = fixture.draft("first");
    message.save_changes(KEEP).unwrap();
    save_with_unknown_outcome(&mut message, Manner::Forced, Commit::TookPlace);
    let saved = message.save_changes(KEEP).unwrap();
    assert_eq!(
        (saved.row_version.get(), saved.outcome),
        (2, SaveOutcome::SavedBefore)
    );
}

#[test]
fn repeating_a_save_that_did_not_take_place_saves_it() {
    let fixture = Fixture::make();
    let mut message = fixture.draft("first");
    save_with_unknown_outcome(&mut message, Manner::Guarded, Commit::WasLost);
    assert_eq!(
        message.save_changes(KEEP).unwrap().outcome,
        SaveOutcome::NewVersion
    );
    message.set(pr::SUBJECT, "second").unwrap();
    save_with_unknown_outcome(&mut message, Manner::Guarded, Commit::WasLost);
    let saved = message.save_changes(KEEP).unwrap();
    assert_eq!(
        (saved.row_version.get(), saved.outcome),
        (2, SaveOutcome::NewVersion)
    );
}

#[test]
fn what_was_changed_since_an_unknown_save_is_saved_on_top_of_it() {
    let fixture = Fixture::make();
    for commit in [Commit::TookPlace, Commit::WasLost] {
        for before in [0, 1] {
            let mut message = fixture.draft("first");
            if before == 1 {
                message.save_changes(KEEP).unwrap();
                message.set(pr::SUBJECT, "second").unwrap();
            }
            save_with_unknown_outcome(&mut message, Manner::Guarded, commit);
            message.set(pr::SUBJECT, "third").unwrap();
            let saved = message.save_changes(KEEP).unwrap();
            let versions = before
                + 1
                + if matches!(commit, Commit::TookPlace) {
                    1
                } else {
                    0
                };
            assert_eq!(
                (saved.row_version.get(), saved.outcome),
                (versions, SaveOutcome::NewVersion)
            );
            assert_eq!(
                stored_subject(&message),
                (versions, Some("third".to_owned()))
            );
        }
    }
}

#[test]
fn an_unknown_save_that_others_saved_over_is_reported_as_saved_and_leaves_the_handle_stale() {
    let fixture = Fixture::make();
    let mut message = fixture.draft("first");
    message.save_changes(KEEP).unwrap();
    message.set(pr::SUBJECT, "second").unwrap();
    save_with_unknown_outcome(&mut message, Manner::Guarded, Commit::TookPlace);
    let mut other = fixture
        .store
        .open_message(&message.entry_id(), Access::Modify)
        .unwrap();
    other.set(pr::SUBJECT, "theirs").unwrap();
    other.save_changes(KEEP).unwrap();
    let saved = message.save_changes(KEEP).unwrap();
    assert_eq!(
        (saved.row_version.get(), saved.outcome),
        (2, SaveOutcome::SavedBefore)
    );
    message.set(pr::SUBJECT, "third").unwrap();
    let error = message.save_changes(KEEP).unwrap_err();
    assert!(
        matches!(error, Error::ObjectChanged { current_version, .. } if current_version.get() == 3)
    );
    assert_eq!(stored_subject(&message), (3, Some("theirs".to_owned())));
}

#[test]
fn conflict_is_presented_where_an_unknown_save_was_lost_and_not_where_it_took_place() {
    for commit in [Commit::TookPlace, Commit::WasLost] {
        let fixture = Fixture::make();
        let mut message = fixture.draft("first");
        message.save_changes(KEEP).unwrap();
        let mut other = fixture
            .store
            .open_message(&message.entry_id(), Access::Modify)
            .unwrap();
        message.set(pr::SUBJECT, "mine").unwrap();
        save_with_unknown_outcome(&mut message, Manner::Guarded, commit);
        other.set(pr::SUBJECT, "theirs").unwrap();
        let flags = KEEP | SaveFlags::FORCE_SAVE;
        other.save_changes(flags).unwrap();
        match commit {
            Commit::TookPlace => {
                let refused = message.conflict().unwrap_err();
                assert!(matches!(refused, Error::InvalidParameter { .. }));
            }
            Commit::WasLost => {
                let refused = message.save_changes(KEEP).unwrap_err();
                assert!(matches!(refused, Error::ObjectChanged { .. }));
                let conflict = message.conflict().unwrap();
                message.resolve(&conflict, Resolution::Overwrite).unwrap();
                assert_eq!(stored_subject(&message), (3, Some("mine".to_owned())));
            }
        }
    }
}

/// A stale handle with something pending, and the attachment number that others have left for the next.
fn stale_by_two_attachments(fixture: &Fixture) -> (Message, u32) {
    let mut message = fixture.draft("first");
    message.save_changes(KEEP).unwrap();
    let id = message.entry_id();
    let mut other = fixture.store.open_message(&id, Access::Modify).unwrap();
    for _ in 0..2 {
        other.attach("theirs", &b"1"[..]).unwrap();
    }
    other.save_changes(KEEP).unwrap();
    message.set(pr::SUBJECT, "mine").unwrap();
    (message, 2)
}

#[test]
fn unknown_forced_save_that_took_place_gives_no_attachment_number_again() {
    // S8, S5
    let fixture = Fixture::make();
    for is_changed_since in [false, true] {
        let (mut message, next) = stale_by_two_attachments(&fixture);
        save_with_unknown_outcome(&mut message, Manner::Forced, Commit::TookPlace);
        let expected = if is_changed_since {
            message.set(pr::SUBJECT, "third").unwrap();
            (4, SaveOutcome::NewVersion)
        } else {
            (3, SaveOutcome::SavedBefore)
        };
        let saved = message.save_changes(KEEP).unwrap();
        assert_eq!((saved.row_version.get(), saved.outcome), expected);
        let id = message.entry_id();
        let mut later = fixture.store.open_message(&id, Access::Modify).unwrap();
        for handle in [&mut message, &mut later] {
            assert_eq!(handle.attach("next", &b"2"[..]).unwrap().0, next);
        }
        assert!(fixture.store.check(&mut |_| {}).unwrap().is_sound());
    }
}

#[test]
fn conflict_from_before_an_unknown_save_is_over() {
    // S8, K3: else that save would pass for the resolution
    for commit in [Commit::TookPlace, Commit::WasLost] {
        let fixture = Fixture::make();
        let (mut message, _) = stale_by_two_attachments(&fixture);
        let conflict = message.conflict().unwrap();
        save_with_unknown_outcome(&mut message, Manner::Forced, commit);
        let merge = Resolution::Merge(crate::conflict::MergeChoices::new());
        let refused = message.resolve(&conflict, merge).unwrap_err();
        assert!(matches!(refused, Error::InvalidParameter { .. }));
        assert!(message.has_pending_changes());
        let saved = message.save_changes(KEEP | SaveFlags::FORCE_SAVE).unwrap();
        let outcome = match commit {
            Commit::TookPlace => SaveOutcome::SavedBefore,
            Commit::WasLost => SaveOutcome::NewVersion,
        };
        assert_eq!((saved.row_version.get(), saved.outcome), (3, outcome));
    }
}
