//! Hand-made histories: a sound one in which nothing is found, and one for each violation.

use super::scene::*;
use super::*;
use crate::stress::history::Parts;

/// A client has saved a first version.
fn begun() -> Scene {
    let mut scene = Scene::default();
    scene.saved("a", "s1", 0, false);
    scene
}

#[test]
fn in_a_sound_history_nothing_is_found() {
    let mut scene = begun();
    scene.call("b", open(), Answer::Opened { version: 1 });
    scene.call("b", read(1), seen("s1"));
    scene.saved("b", "s2", 1, false);
    scene.call("a", save("s3", 1, false), changed(2, "b"));
    scene.saved("a", "s3", 1, true);
    scene.keep(2, "s2");
    scene.call("b", read(2), seen("s2"));
    // Killed in the middle of a save that was committed, and of one that was not.
    scene.ask("c", save("s4", 3, false));
    scene.record_save("c", "s4", 4, false);
    scene.ask("dd", save("s5", 3, false));
    scene.call(
        "b",
        Question::Reload {
            handle: 1,
            message: M.into(),
        },
        Answer::Reloaded { version: 4 },
    );
    scene.call("b", read(4), seen("s4"));
    scene.call("b", delete(false), Answer::Done);
    scene.record("b", "message-deleted", Some(4), None);
    scene.call("b", save("s6", 4, true), Answer::ObjectDeleted);
    scene.call("a", open(), Answer::NotFound);
    scene.end(4, true, "s4");
    assert_eq!(scene.found(), []);
    let figures = scene.judge().figures;
    assert_eq!(
        (
            figures.saves,
            figures.forced,
            figures.object_changed,
            figures.object_deleted
        ),
        (3, 1, 1, 1)
    );
    assert_eq!((figures.reads, figures.unanswered), (3, 2));
}

#[test]
fn two_unforced_saves_on_one_base_are_found() {
    let mut scene = begun();
    scene.saved("a", "s2", 1, false);
    scene.saved("b", "s3", 1, false);
    scene.end(3, false, "s3");
    scene.finds(Violation::LostUpdate);
}

#[test]
fn a_save_that_was_told_and_is_not_in_the_journal_is_found() {
    let mut scene = begun();
    scene.call(
        "a",
        save("s2", 1, false),
        Answer::Saved {
            version: 2,
            change: 2,
        },
    );
    scene.end(1, false, "s1");
    scene.finds(Violation::UnrecordedSave);
    scene.finds(Violation::GrowthDiffers);
}

#[test]
fn a_save_that_was_refused_and_is_in_the_journal_is_found() {
    let mut scene = begun();
    scene.saved("b", "s2", 1, false);
    scene.call("a", save("s3", 1, false), changed(2, "b"));
    scene.record_save("a", "s3", 3, false);
    scene.end(3, false, "s3");
    scene.finds(Violation::UnaskedSave);
}

#[test]
fn a_save_that_is_in_the_journal_twice_is_found() {
    let mut scene = begun();
    scene.saved("a", "s2", 1, false);
    scene.record_save("a", "s2", 3, false);
    scene.end(3, false, "s2");
    scene.finds(Violation::SaveRecordedTwice);
}

#[test]
fn a_version_that_was_taken_twice_is_found() {
    let mut scene = begun();
    scene.saved("a", "s2", 1, false);
    let call = scene.ask("b", save("s3", 1, true));
    let change = scene.record_save("b", "s3", 2, true);
    scene.tell(call, Answer::Saved { version: 2, change });
    scene.end(3, false, "s3");
    scene.finds(Violation::VersionTakenTwice);
}

#[test]
fn a_replaced_version_that_was_not_kept_is_found() {
    let mut scene = begun();
    scene.saved("a", "s2", 1, false);
    scene.saved("b", "s3", 1, true);
    scene.end(3, false, "s3");
    scene.finds(Violation::VersionNotKept);
    scene.keep(2, "something else");
    scene.finds(Violation::VersionNotKept);
    scene.kept.clear();
    scene.keep(2, "s2");
    assert_eq!(scene.found(), []);
}

#[test]
fn a_version_that_does_not_follow_the_last_is_found() {
    let mut scene = begun();
    let call = scene.ask("a", save("s2", 1, true));
    let change = scene.record_save("a", "s2", 3, true);
    scene.tell(call, Answer::Saved { version: 3, change });
    scene.end(3, false, "s2");
    scene.finds(Violation::OutOfOrder);
    scene.finds(Violation::GrowthDiffers);
}

#[test]
fn an_end_that_is_not_what_was_saved_last_is_found() {
    let mut scene = begun();
    scene.saved("a", "s2", 1, false);
    scene.end(2, false, "s1");
    scene.finds(Violation::FinalStateDiffers);
    scene.finals.clear();
    scene.finds(Violation::FinalStateDiffers);
}

#[test]
fn a_read_of_two_versions_is_found() {
    let mut scene = begun();
    scene.call("b", open(), Answer::Opened { version: 1 });
    scene.saved("a", "s2", 1, false);
    let mut parts = marks("s1");
    parts.insert("body".into(), "s2".into());
    scene.call("b", read(1), Answer::Seen { parts });
    scene.end(2, false, "s2");
    assert_eq!(scene.found(), [Violation::TornRead]);
}

#[test]
fn a_part_that_shows_two_versions_is_found() {
    let mut scene = begun();
    scene.saved("a", "s2", 1, false);
    let parts = Parts::from([("body".into(), "s1+s2".into())]);
    scene.call("b", read(1), Answer::Seen { parts });
    scene.end(2, false, "s2");
    assert_eq!(scene.found(), [Violation::TornRead]);
}

#[test]
fn a_read_of_what_was_never_committed_is_found() {
    let mut scene = begun();
    scene.call("b", read(1), seen("s9"));
    scene.end(1, false, "s1");
    assert_eq!(scene.found(), [Violation::UncommittedRead]);
    scene.call("b", open(), Answer::Opened { version: 2 });
    scene.finds(Violation::UncommittedRead);
}

#[test]
fn a_handle_that_shows_what_was_saved_after_its_base_is_found() {
    let mut scene = begun();
    scene.call("b", open(), Answer::Opened { version: 1 });
    scene.saved("a", "s2", 1, false);
    scene.call("b", read(1), seen("s2"));
    scene.end(2, false, "s2");
    assert_eq!(scene.found(), [Violation::NewerThanBase]);
}

#[test]
fn a_handle_that_does_not_keep_its_snapshot_is_found() {
    let mut scene = begun();
    scene.call("b", open(), Answer::Opened { version: 1 });
    scene.saved("a", "s2", 1, false);
    scene.call("b", read(2), seen("s2"));
    scene.end(2, false, "s2");
    assert_eq!(scene.found(), [Violation::SnapshotChanged]);
}

#[test]
fn own_changes_that_are_not_read_back_are_found() {
    let mut scene = begun();
    let own = Parts::from([("body".into(), "mine".into())]);
    let question = Question::Read {
        handle: 1,
        message: M.into(),
        version: Some(1),
        own,
    };
    scene.call("b", question, seen("s1"));
    scene.end(1, false, "s1");
    assert_eq!(scene.found(), [Violation::SnapshotChanged]);
}

#[test]
fn a_version_that_goes_back_is_found() {
    let mut scene = begun();
    scene.saved("a", "s2", 1, false);
    scene.call("b", open(), Answer::Opened { version: 1 });
    scene.end(2, false, "s2");
    assert_eq!(scene.found(), [Violation::OutOfOrder]);
}

#[test]
fn a_version_that_is_seen_before_it_was_asked_for_is_found() {
    let mut scene = begun();
    scene.call("b", open(), Answer::Opened { version: 2 });
    scene.saved("a", "s2", 1, false);
    scene.end(2, false, "s2");
    scene.finds(Violation::OutOfOrder);
}

#[test]
fn a_stale_handle_that_is_told_it_is_not_is_found() {
    let mut scene = begun();
    scene.saved("a", "s2", 1, false);
    let question = Question::Save {
        handle: 1,
        message: M.into(),
        save_id: "s3".into(),
        base: Some(1),
        forced: false,
        restores: None,
        parts: Parts::new(),
    };
    scene.call("b", question, Answer::NothingPending { version: 1 });
    scene.end(2, false, "s2");
    assert_eq!(scene.found(), [Violation::OutOfOrder]);
}

#[test]
fn object_changed_without_a_change_is_found() {
    let mut scene = begun();
    scene.call("b", save("s2", 1, false), changed(1, "a"));
    scene.end(1, false, "s1");
    assert_eq!(scene.found(), [Violation::FalseObjectChanged]);
}

#[test]
fn object_changed_because_of_ones_own_save_is_found() {
    let mut scene = begun();
    let call = scene.ask("b", save("s2", 1, false));
    scene.record_save("b", "s2", 2, false);
    scene.tell(call, Answer::OutcomeUnknown);
    scene.call("b", save("s2", 1, false), changed(2, "b"));
    scene.end(2, false, "s2");
    assert_eq!(scene.found(), [Violation::FalseObjectChanged]);
}

#[test]
fn a_wrong_name_for_who_saved_is_found() {
    let mut scene = begun();
    scene.saved("a", "s2", 1, false);
    scene.call("b", save("s3", 1, false), changed(2, "c"));
    scene.end(2, false, "s2");
    assert_eq!(scene.found(), [Violation::WrongAnswer]);
}

#[test]
fn a_deleted_message_that_nobody_deleted_is_found() {
    let mut scene = begun();
    scene.call("b", save("s2", 1, false), Answer::ObjectDeleted);
    scene.end(1, false, "s1");
    assert_eq!(scene.found(), [Violation::FalseObjectDeleted]);
}

#[test]
fn a_deleted_message_that_is_saved_or_opened_is_found() {
    let mut scene = begun();
    scene.call("b", delete(false), Answer::Done);
    scene.record("b", "message-deleted", Some(1), None);
    let sound_so_far = scene.journal.len();
    scene.call("a", open(), Answer::Opened { version: 1 });
    scene.end(1, true, "s1");
    assert_eq!(scene.found(), [Violation::RevivedMessage]);
    scene.histories.get_mut("a").unwrap().truncate(3);
    assert_eq!(scene.found(), []);
    scene.saved("a", "s2", 1, true);
    scene.finds(Violation::RevivedMessage);
    assert!(scene.journal.len() > sound_so_far);
}

#[test]
fn a_delete_that_is_not_in_the_journal_is_found() {
    let mut scene = begun();
    scene.call("b", delete(false), Answer::Done);
    scene.end(1, false, "s1");
    assert_eq!(scene.found(), [Violation::UnrecordedChange]);
}

#[test]
fn a_move_that_nobody_asked_for_is_found() {
    let mut scene = begun();
    scene.record("b", "messages-moved", None, None);
    scene.end(1, false, "s1");
    assert_eq!(scene.found(), [Violation::UnaskedChange]);
}

#[test]
fn busy_and_other_errors_are_found() {
    let mut scene = begun();
    scene.call("b", open(), Answer::Busy);
    scene.call(
        "b",
        open(),
        Answer::Failed {
            error: "MAPI_E_CORRUPT_STORE".into(),
        },
    );
    scene.end(1, false, "s1");
    assert_eq!(scene.found(), [Violation::Busy, Violation::UnexpectedError]);
}

#[test]
fn a_copy_whose_maker_was_killed_is_no_violation_and_one_of_nobody_is() {
    let mut scene = Scene::default();
    scene.ask(
        "b",
        Question::Copy {
            message: "original".into(),
            parts: marks("x"),
            conflict: None,
        },
    );
    scene.record_save("b", "unknown", 1, false);
    scene.end(1, false, "x");
    assert_eq!(scene.found(), []);
    scene.histories.clear();
    scene.call("c", open(), Answer::Opened { version: 1 });
    scene.finds(Violation::UnaskedSave);
}

#[test]
fn every_violation_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<_> = Violation::ALL
        .iter()
        .map(|violation| violation.name())
        .collect();
    assert_eq!(names.len(), Violation::ALL.len());
}
