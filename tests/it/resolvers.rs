//! A save that presents its conflict and does what was chosen (K2, K3, K5), between two clients and a third.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mapistore::{
    Access, AccessLevel, Conflict, Deletion, MapiCode, Message, Policy, Resolution, Resolver,
    SaveFlags, SaveOutcome, Store, pr,
};

use crate::support::{
    FORCE, Gates, KEEP, ResolvedView, Scene, TestStore, code_of, expect, two_clients,
};

two_clients!(
    conflicting_save_does_what_its_resolver_answers_and_says_so,
    save_without_a_conflict_asks_nobody,
    resolver_without_an_answer_leaves_the_error_and_the_pending_changes,
    third_client_that_saves_while_a_user_thinks_makes_the_save_ask_again,
    third_client_that_saves_while_a_user_thinks_is_untouched_by_answers_that_write_nothing_there,
    message_deleted_while_a_user_thinks_makes_the_save_ask_again,
    answer_that_leaves_something_undecided_changes_nothing,
);

fn versions(scene: &Scene) -> Vec<String> {
    let sql = "SELECT row_version || ' ' || reason || ' ' || subject FROM inspect_versions";
    let rows = scene.store.query(sql).unwrap().rows;
    rows.iter().map(|row| format!("{:?}", row[0])).collect()
}

fn conflicting_save_does_what_its_resolver_answers_and_says_so(scene: &Scene) {
    // K2, K5
    for (answer, outcome, subject, version) in [
        ("keep", "KeptOriginal", "theirs", 2),
        ("overwrite", "Overwritten", "mine", 3),
        ("merge mine", "Merged", "mine", 3),
        ("merge theirs", "Merged", "theirs", 3),
        ("copy", "SavedElsewhere", "theirs", 2),
    ] {
        let id = scene.message("base");
        let mine = scene.ana.edit(&id, "mine");
        let theirs = scene.ben.edit(&id, "theirs");
        scene.ana.set(mine, pr::IMPORTANCE, 2);
        scene.ben.save(theirs, KEEP).unwrap();
        let ResolvedView { saved, shown } = scene.ana.save_with(mine, &[answer]);
        let saved = saved.unwrap();
        assert_eq!(shown, [(Some(2), scene.ben.name().to_owned())]);
        assert!(saved.outcome.starts_with(outcome), "{answer}: {saved:?}");
        assert_eq!((&saved.entry_id, saved.row_version), (&id, version));
        assert_eq!(scene.look(&id).subject(), Some(subject), "{answer}");
        let view = scene.ana.view(mine);
        assert_eq!(
            (view.subject(), view.pending),
            (Some(subject), false),
            "{answer}"
        );
        let look = scene.look(&id);
        let has_mine = look.property("PR_IMPORTANCE") == Some("Long(2)");
        assert_eq!(has_mine, version == 3, "{answer}");
        // The handle goes on from what is stored.
        scene.ana.set(mine, pr::SUBJECT, "later");
        assert_eq!(
            scene.ana.save(mine, KEEP).unwrap().row_version,
            version + 1,
            "{answer}"
        );
    }
    scene.check();
}

fn save_without_a_conflict_asks_nobody(scene: &Scene) {
    // K5
    let id = scene.message("base");
    let mine = scene.ana.edit(&id, "mine");
    let ResolvedView { saved, shown } = scene.ana.save_with(mine, &[]);
    assert_eq!(
        (saved.unwrap().outcome.as_str(), shown),
        ("NewVersion", vec![])
    );
}

fn resolver_without_an_answer_leaves_the_error_and_the_pending_changes(scene: &Scene) {
    // K5, S8
    let id = scene.message("base");
    let mine = scene.ana.edit(&id, "mine");
    let theirs = scene.ben.edit(&id, "theirs");
    scene.ben.save(theirs, KEEP).unwrap();
    let before = scene.ana.view(mine);
    let ResolvedView { saved, shown } = scene.ana.save_with(mine, &[]);
    let failure = expect(saved, MapiCode::MAPI_E_OBJECT_CHANGED);
    let changed = failure.changed.unwrap();
    assert_eq!(
        (changed.base, changed.current, &*changed.saved_by),
        (1, 2, scene.ben.name())
    );
    assert_eq!(shown.len(), 1);
    assert_eq!(scene.ana.view(mine), before);
    assert_eq!(scene.look(&id).subject(), Some("theirs"));
    let again = scene.ana.save_with(mine, &["overwrite"]);
    assert_eq!(again.saved.unwrap().outcome, "Overwritten");
}

fn third_client_that_saves_while_a_user_thinks_makes_the_save_ask_again(scene: &Scene) {
    // K3, K4
    let cem = scene.client("cem");
    for (answers, subject, versions_kept) in [
        (["overwrite", "overwrite"], "mine", 1),
        (["merge theirs", "merge mine"], "mine", 2),
    ] {
        let gates = Gates::new(2);
        let id = scene.message("base");
        let mine = scene.ana.edit(&id, "mine");
        let theirs = scene.ben.edit(&id, "theirs");
        scene.ben.save(theirs, KEEP).unwrap();
        scene.ana.send_save_with(mine, &answers, Some(&gates));
        gates.meanwhile(|| {
            let third = cem.edit(&id, "third");
            cem.save(third, KEEP).unwrap();
        });
        gates.meanwhile(|| {
            assert_eq!(scene.look(&id).subject(), Some("third"), "nothing was done");
        });
        let ResolvedView { saved, shown } = scene.ana.receive().unwrap();
        let seen = |version, name: &str| (Some(version), name.to_owned());
        assert_eq!(shown, [seen(2, scene.ben.name()), seen(3, cem.name())]);
        assert_eq!(saved.unwrap().row_version, 4);
        assert_eq!(scene.look(&id).subject(), Some(subject));
        assert_eq!(versions(scene).len(), versions_kept);
    }
    scene.check();
}

fn third_client_that_saves_while_a_user_thinks_is_untouched_by_answers_that_write_nothing_there(
    scene: &Scene,
) {
    // K2, K3: what was shown is taken, and is stale at once
    let cem = scene.client("cem");
    for (answer, outcome) in [("keep", "KeptOriginal"), ("copy", "SavedElsewhere")] {
        let gates = Gates::new(1);
        let id = scene.message("base");
        let mine = scene.ana.edit(&id, "mine");
        let theirs = scene.ben.edit(&id, "theirs");
        scene.ben.save(theirs, KEEP).unwrap();
        scene.ana.send_save_with(mine, &[answer], Some(&gates));
        gates.meanwhile(|| {
            let third = cem.edit(&id, "third");
            cem.save(third, KEEP).unwrap();
        });
        let ResolvedView { saved, shown } = scene.ana.receive().unwrap();
        assert_eq!(shown, [(Some(2), scene.ben.name().to_owned())]);
        let saved = saved.unwrap();
        assert!(saved.outcome.starts_with(outcome), "{saved:?}");
        let look = scene.look(&id);
        assert_eq!((look.subject(), look.row_version), (Some("third"), Some(3)));
        assert_eq!(scene.ana.view(mine).subject(), Some("theirs"));
        scene.ana.set(mine, pr::SUBJECT, "later");
        expect(scene.ana.save(mine, KEEP), MapiCode::MAPI_E_OBJECT_CHANGED);
        assert!(versions(scene).is_empty());
    }
    scene.check();
}

fn message_deleted_while_a_user_thinks_makes_the_save_ask_again(scene: &Scene) {
    // K2, S4
    let gates = Gates::new(2);
    let id = scene.message("base");
    let mine = scene.ana.edit(&id, "mine");
    let theirs = scene.ben.edit(&id, "theirs");
    scene.ben.save(theirs, KEEP).unwrap();
    let answers = ["overwrite", "copy"];
    scene.ana.send_save_with(mine, &answers, Some(&gates));
    gates.meanwhile(|| scene.ben.delete_message(&id, false));
    gates.meanwhile(|| ());
    let ResolvedView { saved, shown } = scene.ana.receive().unwrap();
    assert_eq!(shown[1], (None, String::new()));
    assert!(saved.unwrap().outcome.starts_with("SavedElsewhere"));
    let conflicts = scene
        .store
        .special_folder(mapistore::SpecialFolder::Conflicts);
    assert_eq!(conflicts.unwrap().info().unwrap().total, 1);
    // What cannot be done is not asked for twice.
    let ResolvedView { saved, shown } = scene.ana.save_with(mine, &["overwrite", "overwrite"]);
    expect(saved, MapiCode::MAPI_E_OBJECT_DELETED);
    assert_eq!(shown.len(), 1);
}

fn answer_that_leaves_something_undecided_changes_nothing(scene: &Scene) {
    // K2, S8
    let id = scene.message("base");
    let mine = scene.ana.edit(&id, "mine");
    let theirs = scene.ben.edit(&id, "theirs");
    scene.ben.save(theirs, KEEP).unwrap();
    let before = (scene.ana.view(mine), scene.look(&id));
    let refused = scene.ana.save_with(mine, &["merge"]).saved;
    expect(refused, MapiCode::MAPI_E_INVALID_PARAMETER);
    assert_eq!((scene.ana.view(mine), scene.look(&id)), before);
}

/// Counts how often it is asked.
#[derive(Debug, Default)]
struct Counting {
    asked: AtomicUsize,
}

impl Resolver for Counting {
    fn resolve(&self, _: &Conflict) -> Option<Resolution> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Some(Resolution::KeepOriginal)
    }
}

/// A store with this resolver, and a handle of a message that another client has saved since.
fn stale(test: &TestStore, resolver: Arc<dyn Resolver>) -> (Store, Message) {
    let id = test.draft("base");
    let options = Store::options().client_name("me").resolver(resolver);
    let store = options.open(test.store.path()).unwrap();
    let mut mine = store.open_message(&id, Access::Modify).unwrap();
    mine.set(pr::SUBJECT, "mine").unwrap();
    let mut theirs = test.store.open_message(&id, Access::Modify).unwrap();
    theirs.set(pr::SUBJECT, "theirs").unwrap();
    theirs.save_changes(SaveFlags::empty()).unwrap();
    (store, mine)
}

#[test]
fn store_with_a_resolver_presents_every_conflicting_save() {
    // K5
    let test = TestStore::new();
    let resolver = Arc::new(Counting::default());
    let (_, mut mine) = stale(&test, resolver.clone());
    let saved = mine.save_changes(KEEP).unwrap();
    assert_eq!(saved.outcome, SaveOutcome::KeptOriginal);
    assert_eq!(saved.row_version.get(), 2);
    assert_eq!(mine.get(pr::SUBJECT).unwrap().as_deref(), Some("theirs"));
    assert_eq!(resolver.asked.load(Ordering::Relaxed), 1);
    // One that is given with the call comes before it.
    let (_, mut mine) = stale(&test, resolver.clone());
    let saved = mine.save_changes_with(KEEP, &Policy::CopyToConflicts);
    let SaveOutcome::SavedElsewhere(copy) = saved.unwrap().outcome else {
        panic!("not saved elsewhere")
    };
    let copy = test.store.open_message(&copy, Access::ReadOnly).unwrap();
    assert_eq!(copy.get(pr::SUBJECT).unwrap().as_deref(), Some("mine"));
    assert_eq!(resolver.asked.load(Ordering::Relaxed), 1);
}

#[test]
fn force_save_and_batch_ask_nobody() {
    // S5, S12
    let test = TestStore::new();
    let resolver = Arc::new(Counting::default());
    let (store, mut mine) = stale(&test, resolver.clone());
    let results = store.save_batch([&mut mine], KEEP).unwrap();
    let [refused] = <[_; 1]>::try_from(results).unwrap();
    assert_eq!(code_of(refused), MapiCode::MAPI_E_OBJECT_CHANGED);
    let saved = mine.save_changes(FORCE).unwrap();
    assert_eq!(saved.outcome, SaveOutcome::NewVersion);
    let deleted = test
        .store
        .delete_messages(&[mine.entry_id()], Deletion::Hard);
    deleted.unwrap();
    mine.set(pr::SUBJECT, "again").unwrap();
    assert_eq!(
        code_of(mine.save_changes(FORCE)),
        MapiCode::MAPI_E_OBJECT_DELETED
    );
    assert_eq!(resolver.asked.load(Ordering::Relaxed), 0);
}

#[test]
fn handle_is_afterwards_as_the_flags_say_whatever_was_chosen() {
    // S7, K5
    for policy in [
        Policy::Overwrite,
        Policy::CopyToConflicts,
        Policy::MergeOrRefuse,
    ] {
        for flags in [
            SaveFlags::empty(),
            SaveFlags::KEEP_OPEN_READONLY,
            SaveFlags::KEEP_OPEN_READWRITE,
        ] {
            let test = TestStore::new();
            let (_, mut mine) = stale(&test, Arc::new(Policy::Refuse));
            if policy == Policy::MergeOrRefuse {
                mine.reload().unwrap();
                mine.declare_base(mapistore::RowVersion::FIRST).unwrap();
                mine.set(pr::IMPORTANCE, 2).unwrap();
            }
            mine.save_changes_with(flags, &policy).unwrap();
            match flags {
                SaveFlags::KEEP_OPEN_READWRITE => mine.set(pr::SUBJECT, "later").unwrap(),
                SaveFlags::KEEP_OPEN_READONLY => {
                    assert_eq!(mine.access_level(), AccessLevel::ReadOnly);
                    mine.get(pr::SUBJECT).unwrap();
                }
                _ => assert_eq!(
                    code_of(mine.get(pr::SUBJECT)),
                    MapiCode::MAPI_E_INVALID_OBJECT
                ),
            }
        }
    }
}
