//! Contents of a folder, page by page, and folders by path.

use mapistore::{ContentsOrder, Deletion, EntryId, Page, SpecialFolder, Store};

use crate::support::{TestStore, code_of};

fn drafts(test: &TestStore) -> mapistore::Folder {
    test.store.special_folder(SpecialFolder::Drafts).unwrap()
}

fn all(test: &TestStore, order: ContentsOrder) -> Vec<EntryId> {
    let mut found: Vec<EntryId> = Vec::new();
    loop {
        let page = Page {
            order,
            after: found.last().copied(),
            limit: 3,
        };
        let rows = drafts(test).messages(page).unwrap();
        if rows.is_empty() {
            return found;
        }
        found.extend(rows.iter().map(|row| row.entry_id));
    }
}

#[test]
fn pages_hold_every_message_once_in_every_order() {
    let test = TestStore::new();
    // Equal keys among them.
    let ids: Vec<EntryId> = (0..10)
        .map(|number| test.draft(&format!("{}", number / 3)))
        .collect();
    for order in [
        ContentsOrder::NewestFirst,
        ContentsOrder::Subject,
        ContentsOrder::Sender,
        ContentsOrder::LargestFirst,
        ContentsOrder::LastModifiedFirst,
    ] {
        let mut found = all(&test, order);
        found.sort_unstable();
        let mut expected = ids.clone();
        expected.sort_unstable();
        assert_eq!(found, expected, "{order:?}");
    }
    let mut newest_first = all(&test, ContentsOrder::NewestFirst);
    newest_first.reverse();
    assert_eq!(newest_first, ids);
}

#[test]
fn page_after_a_message_that_moved_away_goes_on_and_after_one_that_is_gone_says_so() {
    let test = TestStore::new();
    let ids: Vec<EntryId> = (0..4)
        .map(|number| test.draft(&number.to_string()))
        .collect();
    let after = |id: EntryId| {
        drafts(&test).messages(Page {
            after: Some(id),
            ..Page::default()
        })
    };
    let inbox = test.store.special_folder(SpecialFolder::Inbox).unwrap();
    test.store.move_messages(&ids[2..3], &inbox).unwrap();
    assert_eq!(after(ids[2]).unwrap().len(), 2);
    test.store
        .delete_messages(&ids[2..3], Deletion::Soft)
        .unwrap();
    assert_eq!(after(ids[2]).unwrap().len(), 2);
    test.store
        .delete_messages(&ids[2..3], Deletion::Hard)
        .unwrap();
    assert_eq!(code_of(after(ids[2])).name(), "MAPI_E_NOT_FOUND");
}

#[test]
fn folder_paths_begin_below_the_subtree_and_with_a_slash_at_the_root() {
    let test = TestStore::new();
    let path = |store: &Store, path: &str| store.folder_by_path(path).unwrap().info().unwrap().path;
    assert_eq!(path(&test.store, "/"), "/");
    assert_eq!(path(&test.store, "sent items"), "Sent Items");
    assert_eq!(path(&test.store, "/Inbox"), "Inbox");
    assert_eq!(path(&test.store, "/IPM Subtree/Inbox"), "Inbox");
    let made = test.store.ensure_folder("/IPM Subtree/Lists/2026").unwrap();
    assert_eq!(made.info().unwrap().path, "Lists/2026");
    assert_eq!(
        test.store.ensure_folder("lists/2026").unwrap().entry_id(),
        made.entry_id()
    );
    test.store.ensure_folder("/Beside the subtree/a").unwrap();
    for folder in test.store.folders().unwrap() {
        let path = test.store.folder_path(&folder.entry_id).unwrap();
        assert_eq!(path, folder.path);
    }
    assert_eq!(
        code_of(test.store.folder_by_path("Lists/2027")).name(),
        "MAPI_E_NOT_FOUND"
    );
}

#[test]
fn messages_are_not_moved_to_a_folder_of_another_store() {
    // O4
    let (one, other) = (TestStore::new(), TestStore::new());
    let id = one.draft("here");
    let elsewhere = drafts(&other);
    assert_eq!(
        code_of(one.store.move_messages(&[id], &elsewhere)).name(),
        "MAPI_E_UNKNOWN_ENTRYID"
    );
}
