//! Copies that come out of a conflict say so, and the winner lists its losers (K6).

use mapistore::{
    Access, Deletion, EntryId, MapiCode, Message, Resolution, Resolved, Side, SpecialFolder, Store,
    pr,
};

use crate::support::{KEEP, TestStore, code_of};

/// A message that somebody else saved first.
struct Contested {
    test: TestStore,
    id: EntryId,
}

fn contested() -> Contested {
    let test = TestStore::new();
    let id = test.draft("the original");
    Contested { test, id }
}

impl Contested {
    fn open(&self, client: &str) -> Message {
        let store = Store::options().client_name(client);
        let store = store.open(self.test.store.path()).unwrap();
        store.open_message(&self.id, Access::Modify).unwrap()
    }

    /// Another client loses against a newer version, and saves its side in a folder of conflicts.
    fn lose(&self, subject: &str) -> EntryId {
        let mut mine = self.open(subject);
        let mut theirs = self.open("them");
        theirs.set(pr::IMPORTANCE, 2).unwrap();
        theirs.save_changes(KEEP).unwrap();
        mine.set(pr::SUBJECT, subject).unwrap();
        self.save_elsewhere(&mut mine)
    }

    fn save_elsewhere(&self, mine: &mut Message) -> EntryId {
        let conflict = mine.conflict().unwrap();
        let folder = self.test.store.special_folder(SpecialFolder::Conflicts);
        let elsewhere = Resolution::SaveElsewhere(folder.unwrap().entry_id());
        match mine.resolve(&conflict, elsewhere).unwrap() {
            Resolved::SavedElsewhere(saved) => saved.entry_id,
            other => panic!("{other:?}"),
        }
    }

    fn losers(&self) -> Option<Vec<Vec<u8>>> {
        let message = self
            .test
            .store
            .open_message(&self.id, Access::ReadOnly)
            .unwrap();
        message.get(pr::CONFLICT_ITEMS).unwrap()
    }
}

#[test]
fn copy_says_which_version_of_which_message_it_lost_against() {
    // K6
    let contested = contested();
    let copy = contested.lose("mine");
    let [waiting] = &contested.test.store.conflict_copies().unwrap()[..] else {
        panic!("not one copy")
    };
    assert_eq!((waiting.entry_id, waiting.original), (copy, contested.id));
    assert_eq!(waiting.base_version.get(), 1);
    assert_eq!(waiting.shown_version.map(|version| version.get()), Some(2));
    assert_eq!(waiting.original_version, waiting.shown_version);
    assert_eq!(waiting.made_by, "mine");
    assert_eq!(waiting.subject.as_deref(), Some("mine"));
    let found = contested.test.store.find_conflict_copy(&copy).unwrap();
    assert_eq!(found.as_ref(), Some(waiting));
    let of_original = contested.test.store.find_conflict_copy(&contested.id);
    assert_eq!(of_original.unwrap(), None);
}

#[test]
fn winner_lists_the_losers_that_still_wait_and_gets_no_version_by_them() {
    // K6, S11
    let contested = contested();
    assert_eq!(contested.losers(), None);
    let first = contested.lose("first");
    let second = contested.lose("second");
    let handle = contested.open("a third");
    let version = handle.row_version();
    assert_eq!(version.map(|version| version.get()), Some(3));
    let both = [first, second]
        .map(|copy| copy.to_bytes().to_vec())
        .to_vec();
    assert_eq!(contested.losers(), Some(both));
    let named = handle.property_list().unwrap();
    assert!(named.contains(&pr::CONFLICT_ITEMS.tag()));

    let store = &contested.test.store;
    let [deleted] = &store.delete_messages(&[first], Deletion::Soft).unwrap()[..] else {
        panic!("not one outcome")
    };
    assert!(deleted.1.is_ok());
    assert_eq!(contested.losers(), Some(vec![second.to_bytes().to_vec()]));
    store.delete_messages(&[second], Deletion::Hard).unwrap();
    assert_eq!(contested.losers(), None);
    assert!(store.conflict_copies().unwrap().is_empty());
    assert!(!handle.is_stale().unwrap());
    contested.test.assert_sound();
}

#[test]
fn nobody_sets_the_list_of_losers() {
    // K6, S11
    let contested = contested();
    let mut message = contested.open("somebody");
    let losers = vec![contested.id.to_bytes().to_vec()];
    assert_eq!(
        code_of(message.set(pr::CONFLICT_ITEMS, losers)),
        MapiCode::MAPI_E_COMPUTED
    );
    assert!(!message.has_pending_changes());
}

#[test]
fn copy_of_a_deleted_message_says_that_nothing_was_there_to_be_shown() {
    // K6, S4
    let contested = contested();
    let mut mine = contested.open("me");
    mine.set(pr::SUBJECT, "mine").unwrap();
    let store = &contested.test.store;
    store
        .delete_messages(&[contested.id], Deletion::Hard)
        .unwrap();
    let copy = contested.save_elsewhere(&mut mine);
    let found = store.find_conflict_copy(&copy).unwrap().unwrap();
    assert_eq!(
        (found.original, found.shown_version, found.original_version),
        (contested.id, None, None)
    );
}

#[test]
fn message_saved_elsewhere_without_a_conflict_is_no_conflict_copy() {
    // K6
    let contested = contested();
    let inbox = contested.test.store.special_folder(SpecialFolder::Inbox);
    contested
        .open("me")
        .save_elsewhere(&inbox.unwrap())
        .unwrap();
    assert!(contested.test.store.conflict_copies().unwrap().is_empty());
    assert_eq!(contested.losers(), None);
}

#[test]
fn conflict_of_a_copy_is_presented_again_with_what_is_stored_now() {
    // K1, K2, K6
    let contested = contested();
    let store = &contested.test.store;
    let copy = contested.lose("mine");
    contested.lose("another");
    let mut mine = store.reopen_conflict(&copy).unwrap();
    assert_eq!(mine.entry_id(), contested.id);
    assert_eq!(mine.get(pr::SUBJECT).unwrap().as_deref(), Some("mine"));
    assert_eq!(mine.get(pr::CONFLICT_ENTRYID).unwrap(), None);
    let conflict = mine.conflict().unwrap();
    assert_eq!(conflict.base_version().get(), 1);
    let subject = |side| conflict.value(side, pr::SUBJECT.tag()).unwrap();
    assert_eq!(subject(Side::Mine), Some("mine".into()));
    assert_eq!(subject(Side::Theirs), Some("the original".into()));
    // A third client saves before the user has decided (K3).
    let mut third = contested.open("a third");
    third.set(pr::SENSITIVITY, 1).unwrap();
    third.save_changes(KEEP).unwrap();
    assert_eq!(
        code_of(mine.resolve(&conflict, Resolution::Overwrite)),
        MapiCode::MAPI_E_OBJECT_CHANGED
    );
    let conflict = mine.conflict().unwrap();
    mine.resolve(&conflict, Resolution::Overwrite).unwrap();
    let stored = store.open_message(&contested.id, Access::ReadOnly).unwrap();
    assert_eq!(stored.get(pr::SUBJECT).unwrap().as_deref(), Some("mine"));
    // In this the copy did not differ when it was taken up again.
    assert_eq!(stored.get(pr::SENSITIVITY).unwrap(), Some(1));
    assert_eq!(stored.get(pr::IMPORTANCE).unwrap(), Some(1));
    assert!(
        store
            .open_version(&contested.id, third.row_version().unwrap())
            .is_ok()
    );
    contested.test.assert_sound();
}

#[test]
fn conflict_whose_original_is_gone_cannot_be_presented_again() {
    // K6, S4
    let contested = contested();
    let store = &contested.test.store;
    let copy = contested.lose("mine");
    assert_eq!(
        code_of(store.reopen_conflict(&contested.id)),
        MapiCode::MAPI_E_NOT_FOUND
    );
    store
        .delete_messages(&[contested.id], Deletion::Soft)
        .unwrap();
    assert_eq!(
        code_of(store.reopen_conflict(&copy)),
        MapiCode::MAPI_E_OBJECT_DELETED
    );
    assert!(store.open_message(&copy, Access::Modify).is_ok());
}

#[test]
fn copy_that_is_not_there_is_found_by_a_check() {
    // K6, P1
    let contested = contested();
    contested.lose("mine");
    contested.test.assert_sound();
    let by_hand = rusqlite::Connection::open(contested.test.store.path()).unwrap();
    by_hand
        .execute_batch(
            "UPDATE conflict_copies SET copy_uid = zeroblob(16); UPDATE store_info SET purged_through = 1000",
        )
        .unwrap();
    let report = contested.test.store.check(&mut |_| ()).unwrap();
    let [copy, journal] = &report.problems[..] else {
        panic!("{:?}", report.problems)
    };
    assert!(copy.contains("is not stored"), "{copy}");
    assert!(journal.contains("never given: 1000"), "{journal}");
}
