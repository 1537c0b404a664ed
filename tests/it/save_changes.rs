//! SaveChanges between two handles of one process; `multi_process.rs` has the same between processes.

use mapistore::{Access, Error, MapiCode, Recipient, SaveFlags, SpecialFolder, Store, pr};

use crate::support::{TestStore, code_of};

#[test]
fn first_save_wins_and_the_second_gets_object_changed() {
    // S1, S2, S8
    let test = TestStore::new();
    let id = test.draft("original");
    let mut first = test.store.open_message(&id, Access::Modify).unwrap();
    let mut second = test.store.open_message(&id, Access::Modify).unwrap();
    first.set(pr::SUBJECT, "first").unwrap();
    second.set(pr::SUBJECT, "second").unwrap();
    let saved = first.save_changes(SaveFlags::KEEP_OPEN_READWRITE).unwrap();
    assert_eq!(saved.row_version.get(), 2);
    let error = second.save_changes(SaveFlags::KEEP_OPEN_READWRITE).unwrap_err();
    assert_eq!(error.code().value(), 0x8004_0109);
    let Error::ObjectChanged { base_version, current_version, .. } = error else { panic!() };
    assert_eq!((base_version.get(), current_version.get()), (1, 2));
    let now = test.store.open_message(&id, Access::ReadOnly).unwrap();
    assert_eq!(now.get(pr::SUBJECT).unwrap().as_deref(), Some("first"));
    second.save_changes(SaveFlags::KEEP_OPEN_READWRITE | SaveFlags::FORCE_SAVE).unwrap();
    let now = test.store.open_message(&id, Access::ReadOnly).unwrap();
    assert_eq!(now.get(pr::SUBJECT).unwrap().as_deref(), Some("second"));
}
