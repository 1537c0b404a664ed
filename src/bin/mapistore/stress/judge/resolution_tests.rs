//! Hand-made histories of conflicts and their resolutions: sound ones, and one for each violation.

use super::scene::*;
use super::*;
use crate::stress::history::{Chosen, How, Origin, Parts};

/// One part of a content.
fn part(name: &str, mark: &str) -> Parts {
    [(name.to_owned(), mark.to_owned())].into()
}

/// A subject and a body.
fn both(subject: &str, body: &str) -> Parts {
    let mut parts = part("subject", subject);
    parts.extend(part("body", body));
    parts
}

fn merge(choices: &[(&str, Chosen)]) -> How {
    let choices = choices.iter().cloned();
    How::Merge(
        choices
            .map(|(part, chosen)| (part.to_owned(), chosen))
            .collect(),
    )
}

/// Client `b` resolves, with a subject of its own.
fn resolve(how: How, base: i64, shown: i64) -> Question {
    Question::Resolve {
        handle: 1,
        message: M.into(),
        save_id: "r".into(),
        base: Some(base),
        shown: Some(shown),
        how,
        parts: part("subject", "r"),
    }
}

/// Version 1 is `s1`, and `b` is built on it; version 2 of `a` is `s2` in both parts.
fn in_conflict() -> Scene {
    let mut scene = Scene::default();
    scene.saved("a", "s1", 0, false);
    scene.call("b", open(), Answer::Opened { version: 1 });
    scene.saved("a", "s2", 1, false);
    scene
}

/// A resolution that goes through as the version after the newest.
fn resolved(scene: &mut Scene, question: Question, kind: &str, version: i64) {
    let call = scene.ask("b", question);
    let change = scene.record("b", kind, Some(version), Some("r"));
    scene.tell(call, Answer::Saved { version, change });
}

fn end(scene: &mut Scene, version: i64, parts: Parts) {
    scene.end(version, false, "");
    scene.finals.last_mut().unwrap().parts = parts;
}

/// `b` merges, and takes `a`'s body and its own subject.
fn merged() -> Scene {
    let mut scene = in_conflict();
    let how = merge(&[("subject", Chosen::Mine)]);
    resolved(&mut scene, resolve(how, 1, 2), "message-merged", 3);
    scene.keep(2, "s2");
    scene
}

fn overwritten() -> Scene {
    let mut scene = in_conflict();
    let question = resolve(How::Overwrite, 1, 2);
    resolved(&mut scene, question, "message-overwritten", 3);
    end(&mut scene, 3, both("r", "s1"));
    scene
}

#[test]
fn in_sound_resolutions_nothing_is_found() {
    let mut scene = in_conflict();
    let conflict = Question::Conflict {
        handle: 1,
        message: M.into(),
        base: Some(1),
        own: part("subject", "r"),
    };
    let shown = Answer::Shown {
        version: Some(2),
        saved_by: Some("a".into()),
        base: part("subject", "s1"),
        theirs: part("body", "s2"),
        mine: both("r", "s1"),
    };
    scene.call("b", conflict, shown);
    // Others are faster than the first answer.
    scene.saved("a", "s3", 2, false);
    scene.call("b", resolve(How::Overwrite, 1, 2), changed(3, "a"));
    let how = merge(&[("subject", Chosen::Rows("r+s3".into()))]);
    resolved(&mut scene, resolve(how, 1, 3), "message-merged", 4);
    scene.keep(3, "s3");
    let parts = both("r+s3", "s3");
    scene.call("b", read(4), Answer::Seen { parts });
    // A merge that takes all of theirs, and a client that drops its own.
    scene.saved("a", "s5", 4, false);
    let how = merge(&[("subject", Chosen::Theirs)]);
    scene.call(
        "b",
        resolve(how, 4, 5),
        Answer::NothingPending { version: 5 },
    );
    scene.saved("a", "s6", 5, false);
    scene.call(
        "b",
        resolve(How::KeepOriginal, 5, 6),
        Answer::Taken { version: 6 },
    );
    // A version is put back.
    let mut restoring = save("s7", 6, false);
    if let Question::Save {
        restores, parts, ..
    } = &mut restoring
    {
        *restores = Some(3);
        parts.clear();
    }
    let call = scene.ask("b", restoring);
    let change = scene.record("b", "message-restored", Some(7), Some("s7"));
    scene.tell(call, Answer::Saved { version: 7, change });
    scene.keep(6, "s6");
    scene.end(7, false, "s3");
    assert_eq!(scene.found(), []);
    let figures = scene.judge().figures;
    assert_eq!((figures.resolved, figures.asked_again), (3, 1));
}

#[test]
fn a_merge_that_drops_theirs_is_found() {
    let mut scene = merged();
    end(&mut scene, 3, both("r", "s2"));
    assert_eq!(scene.found(), []);
    // An older version's body instead of theirs.
    scene.finals.clear();
    end(&mut scene, 3, both("r", "s1"));
    scene.finds(Violation::WrongResolution);
}

#[test]
fn a_merge_that_drops_mine_is_found() {
    let mut scene = merged();
    end(&mut scene, 3, both("s2", "s2"));
    scene.finds(Violation::WrongResolution);
    scene.finds(Violation::ValueLost);
}

#[test]
fn a_merge_that_reads_as_a_third_thing_is_found() {
    let mut scene = merged();
    end(&mut scene, 3, both("r", "s2"));
    let parts = both("s2", "s1");
    scene.call("c", read(3), Answer::Seen { parts });
    assert_eq!(scene.found(), [Violation::WrongResolution]);
}

#[test]
fn rows_of_neither_side_are_found() {
    let mut scene = in_conflict();
    let how = merge(&[("subject", Chosen::Rows("r+s1".into()))]);
    resolved(&mut scene, resolve(how, 1, 2), "message-merged", 3);
    scene.keep(2, "s2");
    end(&mut scene, 3, both("r+s1", "s2"));
    assert_eq!(scene.found(), [Violation::WrongResolution]);
}

#[test]
fn an_overwrite_that_does_not_keep_what_it_replaced_is_found() {
    let mut scene = overwritten();
    let lost = [Violation::ValueLost, Violation::VersionNotKept];
    lost.into_iter()
        .for_each(|violation| scene.finds(violation));
    scene.keep(2, "s2");
    assert_eq!(scene.found(), []);
    // Kept, but not all of it.
    scene.kept.clear();
    scene.keep(2, "s2");
    scene.kept.last_mut().unwrap().parts = part("subject", "s2");
    assert_eq!(scene.found(), [Violation::ValueLost]);
}

#[test]
fn an_overwrite_of_what_was_not_shown_is_found() {
    let mut scene = in_conflict();
    scene.saved("c", "s3", 2, false);
    let question = resolve(How::Overwrite, 1, 2);
    resolved(&mut scene, question, "message-overwritten", 4);
    scene.keep(3, "s3");
    end(&mut scene, 4, both("r", "s1"));
    scene.finds(Violation::LostUpdate);
}

#[test]
fn a_resolution_that_was_refused_and_is_in_the_journal_is_found() {
    let mut scene = in_conflict();
    scene.call(
        "b",
        resolve(How::KeepOriginal, 1, 2),
        Answer::Taken { version: 2 },
    );
    scene.record("b", "message-overwritten", Some(3), Some("r"));
    end(&mut scene, 3, both("r", "s1"));
    scene.finds(Violation::UnaskedSave);
}

#[test]
fn a_resolution_that_is_refused_without_a_reason_is_found() {
    let mut scene = in_conflict();
    scene.call("b", resolve(How::Overwrite, 1, 2), changed(2, "a"));
    scene.end(2, false, "s2");
    assert_eq!(scene.found(), [Violation::FalseObjectChanged]);
}

#[test]
fn a_refused_resolution_that_changed_its_handle_is_found() {
    let mut scene = in_conflict();
    scene.saved("c", "s3", 2, false);
    scene.call("b", resolve(How::Overwrite, 1, 2), changed(3, "c"));
    scene.call("b", read(2), seen("s2"));
    scene.end(3, false, "s3");
    assert_eq!(scene.found(), [Violation::SnapshotChanged]);
}

#[test]
fn a_handle_that_takes_another_version_than_was_shown_is_found() {
    let mut scene = in_conflict();
    scene.saved("c", "s3", 2, false);
    scene.call(
        "b",
        resolve(How::KeepOriginal, 1, 2),
        Answer::Taken { version: 3 },
    );
    scene.end(3, false, "s3");
    assert_eq!(scene.found(), [Violation::WrongResolution]);
}

#[test]
fn a_resolution_that_is_said_to_change_nothing_and_would_is_found() {
    let mut scene = in_conflict();
    let question = resolve(How::Overwrite, 1, 2);
    scene.call("b", question, Answer::NothingPending { version: 2 });
    scene.end(2, false, "s2");
    assert_eq!(scene.found(), [Violation::WrongResolution]);
}

#[test]
fn a_conflict_that_is_shown_otherwise_than_it_is_is_found() {
    let mut scene = in_conflict();
    let conflict = Question::Conflict {
        handle: 1,
        message: M.into(),
        base: Some(1),
        own: part("subject", "r"),
    };
    let shown = |saved_by: &str, theirs: &str, mine: Parts| Answer::Shown {
        version: Some(2),
        saved_by: Some(saved_by.into()),
        base: part("subject", "s1"),
        theirs: part("subject", theirs),
        mine,
    };
    let wrong = [
        shown("c", "s2", both("r", "s1")),
        shown("a", "s1", both("r", "s1")),
        shown("a", "s2", both("r", "s2")),
    ];
    scene.end(2, false, "s2");
    assert_eq!(scene.found(), []);
    let begun = scene.histories.clone();
    for wrong in wrong {
        scene.histories.clone_from(&begun);
        scene.call("b", conflict.clone(), wrong);
        assert_eq!(scene.found(), [Violation::WrongReport]);
    }
}

#[test]
fn a_restored_version_that_is_another_and_one_that_keeps_nothing_are_found() {
    let mut scene = in_conflict();
    scene.saved("b", "s3", 1, true);
    scene.keep(2, "s2");
    let mut restoring = save("s4", 3, false);
    if let Question::Save {
        restores, parts, ..
    } = &mut restoring
    {
        *restores = Some(2);
        parts.clear();
    }
    let call = scene.ask("b", restoring);
    let change = scene.record("b", "message-restored", Some(4), Some("s4"));
    scene.tell(call, Answer::Saved { version: 4, change });
    scene.end(4, false, "s1");
    let found = [
        Violation::ValueLost,
        Violation::VersionNotKept,
        Violation::WrongResolution,
    ];
    found
        .into_iter()
        .for_each(|violation| scene.finds(violation));
    scene.keep(3, "s3");
    scene.finals.clear();
    scene.end(4, false, "s2");
    assert_eq!(scene.found(), []);
}

#[test]
fn a_save_of_another_kind_than_was_asked_for_is_found() {
    let mut scene = in_conflict();
    let call = scene.ask("a", save("s3", 2, false));
    let change = scene.record("a", "message-merged", Some(3), Some("s3"));
    scene.tell(call, Answer::Saved { version: 3, change });
    scene.end(3, false, "s3");
    assert_eq!(scene.found(), [Violation::WrongAnswer]);
}

#[test]
fn a_copy_that_names_another_conflict_is_found() {
    let origin = |base| Origin {
        message: "original".into(),
        base,
        shown: Some(2),
    };
    let question = Question::Copy {
        message: "original".into(),
        parts: marks("x"),
        conflict: Some(origin(1)),
    };
    let mut scene = Scene::default();
    let call = scene.ask("b", question.clone());
    let change = scene.record_save("b", "unknown", 1, false);
    let copied = Answer::Copied {
        message: M.into(),
        version: 1,
        change,
    };
    scene.tell(call, copied);
    scene.end(1, false, "x");
    assert_eq!(scene.found(), [Violation::WrongOrigin]);
    scene.finals.last_mut().unwrap().conflict = Some(origin(3));
    assert_eq!(scene.found(), [Violation::WrongOrigin]);
    scene.finals.last_mut().unwrap().conflict = Some(origin(1));
    assert_eq!(scene.found(), []);
    // One whose maker was killed before it knew.
    scene.histories.clear();
    scene.ask("b", question);
    assert_eq!(scene.found(), []);
}

#[test]
fn a_value_that_nobody_replaced_and_that_is_nowhere_is_found() {
    let mut scene = in_conflict();
    // Unforced, on a base that is not the newest: the classic lost update.
    scene.saved("c", "s3", 1, false);
    scene.end(3, false, "s3");
    scene.finds(Violation::ValueLost);
    scene.keep(2, "s1");
    scene.finds(Violation::ValueLost);
    scene.keep(2, "s2");
    assert_eq!(scene.found(), [Violation::LostUpdate]);
}
