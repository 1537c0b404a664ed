//! Documents that somebody wrote by hand with SQL are read or refused, and what is read can be saved and read again.

#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use mapistore::{Access, Deletion, Durability, MapiCode, SaveFlags, SpecialFolder, Store, pr};
use rusqlite::Connection;
use tempfile::TempDir;

/// A store, and somebody who knows its tables.
struct Bed {
    _folder: TempDir,
    store: Store,
    by_hand: Connection,
}

thread_local! {
    static BED: RefCell<Option<Bed>> = const { RefCell::new(None) };
}

fn new_bed() -> Bed {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.store");
    let options = Store::options().durability(Durability::Normal).create_if_missing();
    let store = options.open(&path).unwrap();
    let by_hand = Connection::open(&path).unwrap();
    Bed {
        _folder: folder,
        store,
        by_hand,
    }
}

fuzz_target!(|input: (u8, &str)| {
    let (column, document) = input;
    BED.with_borrow_mut(|kept| {
        let bed = kept.get_or_insert_with(new_bed);
        let column = ["properties", "recipients", "attachments"][usize::from(column % 3)];
        let drafts = bed.store.special_folder(SpecialFolder::Drafts).unwrap();
        let mut draft = drafts.create_message().unwrap();
        let id = draft.save_changes(SaveFlags::empty()).unwrap().entry_id;
        let statement = format!(
            "UPDATE messages SET {column} = ?, content_checksum = NULL, \
             row_version = row_version + 1 WHERE entry_uid = ?"
        );
        let _ = bed.by_hand.execute(&statement, (document, id.object().as_bytes()));
        match bed.store.open_message(&id, Access::Modify) {
            Ok(mut message) => {
                let before = message.properties().unwrap().len();
                message.recipients().unwrap();
                for row in message.attachments().unwrap() {
                    let _ = message.open_attached_message(row.number);
                }
                message.delete_property(pr::SUBJECT.tag()).unwrap();
                // What names streams that are not there is refused.
                if message.save_changes(SaveFlags::empty()).is_ok() {
                    let again = bed.store.open_message(&id, Access::ReadOnly).unwrap();
                    assert!(again.properties().unwrap().len() <= before + 1);
                }
            }
            Err(error) => assert_eq!(error.code(), MapiCode::MAPI_E_CORRUPT_STORE),
        }
        bed.store.delete_messages(&[id], Deletion::Hard).unwrap();
    });
});
