//! Any bytes are imported, read back and exported as a mail that says as much.

#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use mapistore::mime::{Importer, export, parse_message};
use mapistore::{Access, Deletion, Durability, EntryId, SpecialFolder, Store};
use tempfile::TempDir;

thread_local! {
    /// One store for all inputs, since making one takes longer than most of them.
    static STORE: RefCell<Option<(TempDir, Store)>> = const { RefCell::new(None) };
}

fn new_store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let options = Store::options().durability(Durability::Normal).create_if_missing();
    let store = options.open(folder.path().join("mail.store")).unwrap();
    (folder, store)
}

fuzz_target!(|mail: &[u8]| {
    STORE.with_borrow_mut(|kept| {
        let (_, store) = kept.get_or_insert_with(new_store);
        let parsed = parse_message(mail);
        let inbox = store.special_folder(SpecialFolder::Inbox).unwrap();
        let before = store.last_change().unwrap();
        let mut importer = Importer::new(&inbox);
        importer.add(mail).unwrap();
        importer.flush().unwrap();
        let entry = store.changes_after(before, 1).unwrap().remove(0);
        let id = EntryId::new(store.uid(), entry.objects[0]);
        let message = store.open_message(&id, Access::ReadOnly).unwrap();
        let mut exported = Vec::new();
        export(&message, &mut exported).unwrap();
        let again = parse_message(&exported);
        assert_eq!(again.attachments.len(), parsed.attachments.len());
        drop(message);
        store.delete_messages(&[id], Deletion::Hard).unwrap();
        store.collect_garbage().unwrap();
    });
});
