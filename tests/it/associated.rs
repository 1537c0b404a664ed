//! Folder-associated messages: like any other, but in a table of their own.

use mapistore::{
    Access, ContentsOrder, EntryId, Folder, MessageFlags, MessageSummary, Page, SaveFlags,
    SpecialFolder, pr,
};

use crate::support::{Command, FORCE, Handle, KEEP, Scene, TestStore, two_clients};

two_clients!(
    associated_message_is_in_the_associated_table_only,
    associated_message_stays_one_through_saves_moves_and_copies,
);

fn inbox(scene: &Scene) -> Folder {
    scene.store.special_folder(SpecialFolder::Inbox).unwrap()
}

fn ids(rows: Vec<MessageSummary>) -> Vec<String> {
    rows.iter().map(|row| row.entry_id.to_string()).collect()
}

fn tables(folder: &Folder) -> (Vec<String>, Vec<String>) {
    let ordinary = ids(folder.messages(Page::default()).unwrap());
    let associated = ids(folder.associated_messages(Page::default()).unwrap());
    assert_eq!(folder.associated_count().unwrap(), associated.len() as u64);
    assert_eq!(folder.info().unwrap().total, ordinary.len() as u64);
    (ordinary, associated)
}

fn create_associated(scene: &Scene, subject: &str) -> Handle {
    let folder = "Inbox".to_owned();
    let new = Command::CreateAssociated { folder };
    let new: Handle = scene.ana.call(new).unwrap();
    scene.ana.set(new, pr::SUBJECT, subject);
    new
}

fn is_associated(scene: &Scene, id: &str) -> bool {
    let id: EntryId = id.parse().unwrap();
    let message = scene.store.open_message(&id, Access::ReadOnly).unwrap();
    let flags = message.get(pr::MESSAGE_FLAGS).unwrap().unwrap();
    MessageFlags::from_bits_retain(flags).contains(MessageFlags::ASSOCIATED)
}

fn associated_message_is_in_the_associated_table_only(scene: &Scene) {
    // OXCMSG-R988, OXCMSG-R527
    let new = create_associated(scene, "a view");
    let ordinary = scene.ben.create("Inbox");
    assert_eq!(tables(&inbox(scene)), (Vec::new(), Vec::new()));
    let associated = scene.ana.save(new, KEEP).unwrap().entry_id;
    let ordinary = scene.ben.save(ordinary, KEEP).unwrap().entry_id;
    let expected = (vec![ordinary.clone()], vec![associated.clone()]);
    assert_eq!(tables(&inbox(scene)), expected);
    assert!(is_associated(scene, &associated));
    assert!(!is_associated(scene, &ordinary));
    // It takes no part in the counts, whatever happens to it.
    scene.ben.set_read(&[&associated], false);
    assert_eq!(inbox(scene).info().unwrap().unread, 0);
    scene.ana.delete_message(&associated, false);
    assert_eq!(tables(&inbox(scene)), (vec![ordinary], Vec::new()));
    scene.check();
}

fn associated_message_stays_one_through_saves_moves_and_copies(scene: &Scene) {
    // OXCMSG-R527, S13
    let new = create_associated(scene, "a view");
    let id = scene.ana.save(new, KEEP).unwrap().entry_id;
    let other = scene.ben.edit(&id, "theirs");
    scene.ana.set(new, pr::SUBJECT, "mine");
    scene.ben.save(other, SaveFlags::empty()).unwrap();
    scene.ana.save(new, FORCE).unwrap();
    let elsewhere = Command::SaveElsewhere(new, "Drafts".to_owned());
    let copy: Handle = scene.ana.call(elsewhere).unwrap();
    let copy = scene.ana.view(copy).entry_id;
    scene.ben.move_message(&id, "Drafts");
    let drafts = scene.store.special_folder(SpecialFolder::Drafts).unwrap();
    let (ordinary, mut associated) = tables(&drafts);
    assert_eq!(ordinary, Vec::<String>::new());
    let mut expected = vec![id, copy];
    associated.sort();
    expected.sort();
    assert_eq!(associated, expected);
}

#[test]
fn associated_messages_are_paged_in_every_order() {
    let test = TestStore::new();
    let drafts = test.store.special_folder(SpecialFolder::Drafts).unwrap();
    let mut expected = Vec::new();
    for number in 0..7 {
        let mut message = drafts.create_associated_message().unwrap();
        message.set(pr::SUBJECT, format!("{}", number / 2)).unwrap();
        expected.push(message.save_changes(SaveFlags::empty()).unwrap().entry_id);
        test.draft("ordinary");
    }
    expected.sort_unstable();
    for order in [
        ContentsOrder::NewestFirst,
        ContentsOrder::Subject,
        ContentsOrder::Sender,
        ContentsOrder::LargestFirst,
        ContentsOrder::LastModifiedFirst,
    ] {
        let mut found: Vec<EntryId> = Vec::new();
        loop {
            let after = found.last().copied();
            let (order, limit) = (order, 3);
            let page = Page {
                order,
                after,
                limit,
            };
            let rows = drafts.associated_messages(page).unwrap();
            if rows.is_empty() {
                break;
            }
            found.extend(rows.iter().map(|row| row.entry_id));
        }
        found.sort_unstable();
        assert_eq!(found, expected, "{order:?}");
    }
    assert_eq!(drafts.messages(Page::default()).unwrap().len(), 7);
}
