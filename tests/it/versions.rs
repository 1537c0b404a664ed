//! Earlier versions are listed, read and put back (K4, K7).

use mapistore::{
    Access, Cell, ChangeKind, Deletion, EntryId, MapiCode, MergeChoices, Message, Recipient,
    Resolution, Restored, RowVersion, SaveFlags, SpecialFolder, VersionContent, pr,
};

use crate::support::{
    BODY, Client, Command, FORCE, KEEP, Scene, TestStore, Wanted, code_of, two_clients,
};

fn version(number: i64) -> RowVersion {
    RowVersion::new(number).unwrap()
}

fn large(letter: &str) -> String {
    letter.repeat(6_000)
}

/// A message at version 3, whose version 2 was replaced by a client that had seen version 1 only.
fn forced() -> (TestStore, EntryId) {
    let test = TestStore::new();
    let mut first = test.new_draft();
    first.set(pr::SUBJECT, "one").unwrap();
    first.save_changes(KEEP).unwrap();
    let id = first.entry_id();
    let mut slower = test.store.open_message(&id, Access::Modify).unwrap();
    first.set(pr::SUBJECT, "two").unwrap();
    first.set(pr::BODY, large("b")).unwrap();
    first
        .add_recipient(Recipient::to("Ana", "ana@example.org"))
        .unwrap();
    first.attach("two.csv", &b"2"[..]).unwrap();
    first.save_changes(KEEP).unwrap();
    slower.set(pr::SUBJECT, "three").unwrap();
    slower.save_changes(FORCE).unwrap();
    (test, id)
}

fn open(test: &TestStore, id: &EntryId) -> Message {
    test.store.open_message(id, Access::ReadOnly).unwrap()
}

fn subject(message: &Message) -> Option<String> {
    message.get(pr::SUBJECT).unwrap()
}

/// The numbers of the versions whose content can be read, with why it was kept.
fn readable(test: &TestStore, id: &EntryId) -> Vec<(i64, String)> {
    let versions = test.store.versions(id).unwrap().into_iter();
    let readable = versions.filter_map(|info| {
        let why = match info.content {
            VersionContent::Current => "current".to_owned(),
            VersionContent::Kept { reason, .. } => reason,
            _ => return None,
        };
        Some((info.saved.row_version.get(), why))
    });
    readable.collect()
}

fn expected(versions: &[(i64, &str)]) -> Vec<(i64, String)> {
    let owned = |(number, why): &(i64, &str)| (*number, (*why).to_owned());
    versions.iter().map(owned).collect()
}

#[test]
fn versions_are_listed_with_who_saved_them_and_which_are_kept() {
    // K4
    let (test, id) = forced();
    let versions = test.store.versions(&id).unwrap();
    let listed: Vec<_> = versions
        .iter()
        .map(|one| (one.saved.row_version.get(), one.saved.kind.clone()))
        .collect();
    assert_eq!(
        listed,
        [
            (1, ChangeKind::MessageCreated),
            (2, ChangeKind::MessageSaved),
            (3, ChangeKind::MessageForced)
        ]
    );
    assert_eq!(versions[0].content, VersionContent::NotKept);
    let VersionContent::Kept {
        replaced_by,
        reason,
        ..
    } = &versions[1].content
    else {
        panic!("{:?}", versions[1])
    };
    assert_eq!((&**replaced_by, &**reason), ("test", "force-save"));
    assert_eq!(versions[2].content, VersionContent::Current);
    assert_eq!(versions[2].saved.saved_by, "test");
    assert!(versions[1].saved.properties.contains(&pr::BODY.tag()));
}

#[test]
fn kept_version_is_read_as_it_was() {
    // K4, O2
    let (test, id) = forced();
    let kept = test.store.open_version(&id, version(2)).unwrap();
    assert_eq!(subject(&kept).as_deref(), Some("two"));
    assert_eq!(kept.get(pr::BODY).unwrap(), Some(large("b")));
    assert_eq!(kept.recipient_count().unwrap(), 1);
    assert_eq!(kept.attachments().unwrap().len(), 1);
    assert_eq!(kept.row_version(), Some(version(2)));
    assert_eq!(
        kept.get(pr::LAST_MODIFIER_NAME).unwrap().as_deref(),
        Some("test")
    );
    let current = test.store.open_version(&id, version(3)).unwrap();
    assert_eq!(subject(&current).as_deref(), Some("three"));
    let mut kept = kept;
    assert_eq!(
        code_of(kept.set(pr::SUBJECT, "x")),
        MapiCode::MAPI_E_NO_ACCESS
    );
}

#[test]
fn version_that_cannot_be_read_says_why() {
    // K4, K7
    let (test, id) = forced();
    let why = |number| test.store.open_version(&id, version(number)).unwrap_err();
    assert_eq!(why(1).code(), MapiCode::MAPI_E_NOT_FOUND);
    assert!(why(1).to_string().contains("not kept"), "{}", why(1));
    assert!(why(9).to_string().contains("the newest is 3"), "{}", why(9));
    let nobody: EntryId = EntryId::new(test.store.uid(), mapistore::ObjectUid::random());
    assert_eq!(
        code_of(test.store.versions(&nobody)),
        MapiCode::MAPI_E_NOT_FOUND
    );
    let nothing = test.store.open_version(&nobody, version(1));
    assert_eq!(code_of(nothing), MapiCode::MAPI_E_NOT_FOUND);
}

#[test]
fn restoring_is_a_save_that_puts_all_of_a_version_back_and_keeps_what_it_replaces() {
    // K4
    let (test, id) = forced();
    let mut message = test.store.open_message(&id, Access::Modify).unwrap();
    message.attach("three.csv", &b"3"[..]).unwrap();
    message.set(pr::IMPORTANCE, 2).unwrap();
    message.save_changes(SaveFlags::empty()).unwrap();
    let Restored::InPlace(saved) = test.store.restore(&id, version(2)).unwrap() else {
        panic!("a new message")
    };
    assert_eq!((saved.entry_id, saved.row_version), (id, version(5)));
    let stored = open(&test, &id);
    assert_eq!(subject(&stored).as_deref(), Some("two"));
    assert_eq!(stored.get(pr::BODY).unwrap(), Some(large("b")));
    assert_eq!(stored.get(pr::IMPORTANCE).unwrap(), Some(1));
    assert_eq!(stored.recipient_count().unwrap(), 1);
    let names = stored
        .attachments()
        .unwrap()
        .into_iter()
        .map(|info| info.name);
    assert_eq!(names.collect::<Vec<_>>(), [Some("two.csv".to_owned())]);
    assert_eq!(
        readable(&test, &id),
        expected(&[(2, "force-save"), (4, "restore"), (5, "current")])
    );
    let last = test.store.versions(&id).unwrap().pop().unwrap();
    assert_eq!(last.saved.kind, ChangeKind::MessageRestored);
    // And back again.
    test.store.restore(&id, version(4)).unwrap();
    assert_eq!(subject(&open(&test, &id)).as_deref(), Some("three"));
    assert_eq!(open(&test, &id).get(pr::IMPORTANCE).unwrap(), Some(2));
    test.assert_sound();
}

#[test]
fn numbers_of_attachments_are_not_given_out_again_after_a_restore() {
    // K4, S14
    let (test, id) = forced();
    let mut message = test.store.open_message(&id, Access::Modify).unwrap();
    for name in ["a", "b", "c"] {
        message.attach(name, &b"x"[..]).unwrap();
    }
    // The first was of what the forced save replaced.
    let numbers = message.attachments().unwrap().into_iter();
    let numbers: Vec<u32> = numbers.map(|info| info.number.0).collect();
    assert_eq!(numbers, [1, 2, 3]);
    message.save_changes(SaveFlags::empty()).unwrap();
    test.store.restore(&id, version(2)).unwrap();
    let mut message = test.store.open_message(&id, Access::Modify).unwrap();
    assert_eq!(message.attach("d", &b"x"[..]).unwrap().0, 4);
}

#[test]
fn restoring_the_stored_version_makes_none() {
    // K4, S3
    let (test, id) = forced();
    let Restored::InPlace(saved) = test.store.restore(&id, version(3)).unwrap() else {
        panic!("a new message")
    };
    assert_eq!(saved.row_version, version(3));
    assert_eq!(test.store.versions(&id).unwrap().len(), 3);
}

#[test]
fn pending_changes_are_not_lost_to_a_restore() {
    // K4, S8
    let (test, id) = forced();
    let mut message = test.store.open_message(&id, Access::Modify).unwrap();
    message.set(pr::SUBJECT, "pending").unwrap();
    assert_eq!(
        code_of(message.restore(version(2))),
        MapiCode::MAPI_E_INVALID_PARAMETER
    );
    assert_eq!(subject(&message).as_deref(), Some("pending"));
    message.reload().unwrap();
    assert_eq!(
        code_of(message.restore(version(1))),
        MapiCode::MAPI_E_NOT_FOUND
    );
    assert!(!message.has_pending_changes());
    let mut new = test.new_draft();
    assert_eq!(code_of(new.restore(version(1))), MapiCode::MAPI_E_NOT_FOUND);
    let mut read_only = open(&test, &id);
    assert_eq!(
        code_of(read_only.restore(version(2))),
        MapiCode::MAPI_E_NO_ACCESS
    );
}

#[test]
fn version_that_was_put_back_can_be_changed_before_it_is_saved() {
    // K4
    let (test, id) = forced();
    let mut message = test.store.open_message(&id, Access::Modify).unwrap();
    message.restore(version(2)).unwrap();
    assert_eq!(subject(&message).as_deref(), Some("two"));
    message.set(pr::SUBJECT, "two again").unwrap();
    message.save_changes(KEEP).unwrap();
    assert_eq!(subject(&open(&test, &id)).as_deref(), Some("two again"));
    // The next save is an ordinary one.
    message.set(pr::SUBJECT, "five").unwrap();
    message.save_changes(KEEP).unwrap();
    assert_eq!(
        readable(&test, &id),
        expected(&[(2, "force-save"), (3, "restore"), (5, "current")])
    );
}

#[test]
fn deleted_message_does_not_come_back_but_its_kept_version_becomes_a_new_one() {
    // K7, S4
    for deletion in [Deletion::Soft, Deletion::Hard] {
        let (test, id) = forced();
        test.store.delete_messages(&[id], deletion).unwrap();
        test.store.collect_garbage().unwrap();
        let kept = test.store.open_version(&id, version(2)).unwrap();
        assert!(kept.deleted_at().is_some());
        let Restored::AsNew(saved) = test.store.restore(&id, version(2)).unwrap() else {
            panic!("the same message")
        };
        assert_ne!(saved.entry_id, id);
        let new = open(&test, &saved.entry_id);
        assert_eq!(subject(&new).as_deref(), Some("two"));
        assert_eq!(new.get(pr::BODY).unwrap(), Some(large("b")));
        let drafts = test.store.special_folder(SpecialFolder::Drafts).unwrap();
        assert_eq!(new.folder_id(), drafts.entry_id());
        let gone = test.store.open_message(&id, Access::ReadOnly);
        assert_eq!(code_of(gone), MapiCode::MAPI_E_NOT_FOUND);
        test.assert_sound();
    }
}

#[test]
fn version_of_a_message_whose_folder_is_gone_is_restored_to_the_inbox() {
    // K7
    let (test, id) = forced();
    let folder = test.store.ensure_folder("Short-lived").unwrap();
    test.store.move_messages(&[id], &folder).unwrap();
    test.store.delete_messages(&[id], Deletion::Hard).unwrap();
    folder.delete().unwrap();
    let Restored::AsNew(saved) = test.store.restore(&id, version(2)).unwrap() else {
        panic!("the same message")
    };
    let inbox = test.store.special_folder(SpecialFolder::Inbox).unwrap();
    assert_eq!(open(&test, &saved.entry_id).folder_id(), inbox.entry_id());
}

#[test]
fn last_version_of_a_message_that_was_deleted_for_good_is_gone() {
    // K7
    let (test, id) = forced();
    test.store.delete_messages(&[id], Deletion::Hard).unwrap();
    assert_eq!(readable(&test, &id), expected(&[(2, "force-save")]));
    let last = test.store.open_version(&id, version(3)).unwrap_err();
    assert!(last.to_string().contains("deleted for good"), "{last}");
}

#[test]
fn every_way_of_replacing_unseen_keeps_what_it_replaces_and_ordinary_saves_keep_nothing() {
    // K4
    let test = TestStore::new();
    let id = test.draft("one");
    let write = |handle: &mut Message, subject: &str| handle.set(pr::SUBJECT, subject).unwrap();
    let modify = || test.store.open_message(&id, Access::Modify).unwrap();
    let faster = |importance: i32| {
        let mut theirs = modify();
        theirs.set(pr::IMPORTANCE, importance).unwrap();
        theirs.save_changes(SaveFlags::empty()).unwrap();
    };
    let mut ordinary = modify();
    for number in 0..5 {
        write(&mut ordinary, &number.to_string());
        ordinary.save_changes(KEEP).unwrap();
    }
    assert_eq!(readable(&test, &id), expected(&[(6, "current")]));
    let rows = test
        .store
        .query("SELECT count(*) FROM message_versions")
        .unwrap()
        .rows;
    assert_eq!(rows, [[Cell::Integer(0)]]);

    for resolution in [
        Resolution::Overwrite,
        Resolution::Merge(MergeChoices::new()),
    ] {
        let mut mine = modify();
        faster(if resolution == Resolution::Overwrite {
            2
        } else {
            0
        });
        write(&mut mine, &format!("{resolution:?}"));
        let conflict = mine.conflict().unwrap();
        mine.resolve(&conflict, resolution).unwrap();
    }
    assert_eq!(
        readable(&test, &id),
        expected(&[(7, "overwrite"), (9, "merge"), (10, "current")])
    );
}

two_clients!(
    restore_that_came_second_changes_nothing,
    versions_are_seen_by_all_clients
);

/// Ben's version 2 is replaced by Ana, who had seen version 1.
fn replaced(scene: &Scene) -> String {
    let id = scene.message("one");
    let ana = scene.ana.edit(&id, "of Ana");
    let ben = scene.ben.edit(&id, "of Ben");
    scene.ben.save(ben, KEEP).unwrap();
    scene.ana.save(ana, FORCE).unwrap();
    id
}

fn restore(client: &Client, id: &str, number: i64) -> Result<String, crate::support::Failure> {
    client.call(Command::Restore {
        id: id.to_owned(),
        version: number,
    })
}

fn restore_that_came_second_changes_nothing(scene: &Scene) {
    // K4, S2
    let id = replaced(scene);
    let put_back = scene.ana.open(&id, Wanted::Modify);
    scene.ana.call::<()>(Command::PutBack(put_back, 2)).unwrap();
    let ben = scene.ben.edit(&id, "faster");
    scene.ben.save(ben, KEEP).unwrap();
    let refused = scene.ana.save(put_back, KEEP).unwrap_err();
    assert!(refused.is(MapiCode::MAPI_E_OBJECT_CHANGED), "{refused:?}");
    assert_eq!(scene.look(&id).subject(), Some("faster"));
    assert_eq!(scene.ana.view(put_back).subject(), Some("of Ben"));
    restore(&scene.ana, &id, 2).unwrap();
    assert_eq!(scene.look(&id).subject(), Some("of Ben"));
    scene.check();
}

fn versions_are_seen_by_all_clients(scene: &Scene) {
    // K4, P1
    let id = replaced(scene);
    let entry_id: EntryId = id.parse().unwrap();
    let kept = scene.store.open_version(&entry_id, version(2)).unwrap();
    assert_eq!(subject(&kept).as_deref(), Some("of Ben"));
    assert_eq!(kept.get(pr::BODY).unwrap(), Some(BODY.text()));
    restore(&scene.ben, &id, 2).unwrap();
    assert_eq!(scene.look(&id).row_version, Some(4));
    scene.check();
}
