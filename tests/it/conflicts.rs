//! The conflict, presented: the report, and the four resolutions (K1–K5).

use mapistore::{
    Access, BaseValue, ChangeKind, ChangedBy, Choice, EntryId, Error, MapiCode, MergeChoices,
    Message, ModifyRecipients, Policy, PropertyTag, PropertyValue, Recipient, RecipientChange,
    Resolution, Resolved, Resolver, RowId, RowVersion, SaveFlags, SavedBetween, Side,
    SpecialFolder, Store, Theirs, Touching, pr,
};

use crate::support::{Blob, FORCE, KEEP, TestStore, code_of};

/// Two handles of one message, the first of which has saved.
struct Two {
    test: TestStore,
    id: EntryId,
    mine: Message,
    theirs: Message,
}

/// Both begin with a subject, a body of five lines, a recipient and an attachment.
fn two() -> Two {
    let test = TestStore::new();
    let mut draft = test.new_draft();
    draft.set(pr::SUBJECT, "Figures").unwrap();
    draft
        .set(pr::BODY, "one\ntwo\nthree\nfour\nfive\n")
        .unwrap();
    draft
        .add_recipient(Recipient::to("Ana", "ana@example.org"))
        .unwrap();
    draft.attach("figures.csv", &b"1;2;3"[..]).unwrap();
    let id = draft.save_changes(SaveFlags::empty()).unwrap().entry_id;
    let open = |name: &str| {
        let store = Store::options().client_name(name);
        let store = store.open(test.store.path()).unwrap();
        store.open_message(&id, Access::Modify).unwrap()
    };
    let (mine, theirs) = (open("me"), open("them"));
    Two {
        test,
        id,
        mine,
        theirs,
    }
}

impl Two {
    fn stored(&self) -> Message {
        self.test
            .store
            .open_message(&self.id, Access::ReadOnly)
            .unwrap()
    }

    fn kept_versions(&self) -> Vec<String> {
        let sql = "SELECT row_version || ' ' || reason || ' ' || subject FROM inspect_versions";
        let rows = self.test.store.query(sql).unwrap().rows;
        rows.iter().map(|row| format!("{:?}", row[0])).collect()
    }
}

fn version(message: &Message) -> Option<i64> {
    message.row_version().map(RowVersion::get)
}

#[test]
fn report_says_what_differs_whose_it_is_and_who_saved_in_between() {
    // K1
    let mut two = two();
    two.theirs.set(pr::SUBJECT, "Their figures").unwrap();
    two.theirs.set(pr::IMPORTANCE, 2).unwrap();
    two.theirs.save_changes(KEEP).unwrap();
    two.theirs
        .add_recipient(Recipient::cc("Ben", "ben@example.org"))
        .unwrap();
    two.theirs.save_changes(KEEP).unwrap();
    two.mine.set(pr::SUBJECT, "My figures").unwrap();
    two.mine.set(pr::SENSITIVITY, 1).unwrap();
    two.mine.attach("more.csv", &b"4;5;6"[..]).unwrap();
    let conflict = two.mine.conflict().unwrap();
    assert_eq!(conflict.entry_id(), two.id);
    assert_eq!(conflict.base_version().get(), 1);
    let SavedBetween::All(between) = conflict.saved_between() else {
        panic!("not all are known")
    };
    let saves: Vec<_> = between
        .iter()
        .map(|save| (save.row_version.get(), &*save.saved_by))
        .collect();
    assert_eq!(saves, [(2, "them"), (3, "them")]);
    assert_eq!(between[0].process_id, Some(std::process::id()));
    let Theirs::Changed(now) = conflict.theirs() else {
        panic!("deleted")
    };
    assert_eq!(now.row_version.get(), 3);

    let differences = conflict.differences();
    let found: Vec<(PropertyTag, ChangedBy)> = differences
        .properties
        .iter()
        .map(|one| (one.tag, one.changed_by))
        .collect();
    let expected = [
        (pr::IMPORTANCE.tag(), ChangedBy::Theirs),
        (pr::SENSITIVITY.tag(), ChangedBy::Mine),
        (pr::SUBJECT.tag(), ChangedBy::BothDifferently),
    ];
    for one in expected {
        assert!(found.contains(&one), "{one:?} of {found:?}");
    }
    let subject = |side| conflict.value(side, pr::SUBJECT.tag()).unwrap();
    let sides = [Side::Base, Side::Theirs, Side::Mine].map(subject);
    let expected = ["Figures", "Their figures", "My figures"];
    assert_eq!(sides, expected.map(|text| Some(PropertyValue::from(text))));
    let [ben] = &differences.recipients[..] else {
        panic!("{:?}", differences.recipients)
    };
    assert_eq!(ben.changed_by, ChangedBy::Theirs);
    assert_eq!((&ben.base, &ben.mine), (&BaseValue::Nothing, &None));
    let [more] = &differences.attachments[..] else {
        panic!("{:?}", differences.attachments)
    };
    assert_eq!(more.changed_by, ChangedBy::Mine);
    let json = serde_json::to_string(differences).unwrap();
    assert!(
        json.contains("\"changed_by\":\"both-differently\""),
        "{json}"
    );
}

#[test]
fn handle_that_is_not_stale_has_no_conflict() {
    // K1
    let two = two();
    assert_eq!(
        code_of(two.mine.conflict()),
        MapiCode::MAPI_E_INVALID_PARAMETER
    );
    let unsaved = two.test.new_draft();
    assert_eq!(
        code_of(unsaved.conflict()),
        MapiCode::MAPI_E_INVALID_PARAMETER
    );
}

/// Both changed the subject; theirs is saved.
fn in_conflict() -> Two {
    let mut two = two();
    two.theirs.set(pr::SUBJECT, "Theirs").unwrap();
    two.theirs.save_changes(KEEP).unwrap();
    two.mine.set(pr::SUBJECT, "Mine").unwrap();
    two
}

#[test]
fn keep_original_drops_mine_and_takes_theirs() {
    // K2
    let mut two = in_conflict();
    let conflict = two.mine.conflict().unwrap();
    let done = two
        .mine
        .resolve(&conflict, Resolution::KeepOriginal)
        .unwrap();
    assert_eq!(done, Resolved::KeptOriginal);
    assert_eq!(
        two.mine.get(pr::SUBJECT).unwrap().as_deref(),
        Some("Theirs")
    );
    assert!(!two.mine.has_pending_changes());
    assert_eq!(
        (version(&two.mine), version(&two.stored())),
        (Some(2), Some(2))
    );
    two.mine.set(pr::SUBJECT, "Later").unwrap();
    two.mine.save_changes(KEEP).unwrap();
}

#[test]
fn overwrite_replaces_theirs_and_keeps_them_as_a_version() {
    // K2, K4
    let mut two = in_conflict();
    let conflict = two.mine.conflict().unwrap();
    let done = two.mine.resolve(&conflict, Resolution::Overwrite).unwrap();
    assert!(matches!(done, Resolved::Overwritten(saved) if saved.row_version.get() == 3));
    let stored = two.stored();
    assert_eq!(stored.get(pr::SUBJECT).unwrap().as_deref(), Some("Mine"));
    assert_eq!(two.kept_versions(), ["Text(\"2 overwrite Theirs\")"]);
    two.mine.set(pr::SUBJECT, "Later").unwrap();
    two.mine.save_changes(KEEP).unwrap();
    assert_eq!(
        two.kept_versions().len(),
        1,
        "it is built on its own version"
    );
    two.test.assert_sound();
}

#[test]
fn save_after_a_resolution_that_came_to_what_is_stored_is_an_ordinary_one() {
    // K4: nothing that the next save replaces is unseen
    let mut two = in_conflict();
    let conflict = two.mine.conflict().unwrap();
    let theirs = MergeChoices::new().otherwise(Choice::Theirs);
    let done = two.mine.resolve(&conflict, Resolution::Merge(theirs));
    assert!(matches!(done, Ok(Resolved::Merged(saved)) if saved.row_version.get() == 2));
    two.mine.set(pr::SUBJECT, "Later").unwrap();
    two.mine.save_changes(KEEP).unwrap();
    let versions = two.test.store.versions(&two.id).unwrap();
    let last = versions.last().unwrap();
    assert_eq!(last.saved.row_version.get(), 3);
    assert_eq!(last.saved.kind, ChangeKind::MessageSaved);
    assert_eq!(two.kept_versions(), [""; 0]);
}

#[test]
fn merge_combines_what_does_not_touch_and_keeps_theirs_as_a_version() {
    // K2, K4
    let mut two = two();
    two.theirs.set(pr::SUBJECT, "Theirs").unwrap();
    let body = "ONE\ntwo\nthree\nfour\nfive\n";
    two.theirs.set(pr::BODY, body).unwrap();
    two.theirs
        .add_recipient(Recipient::cc("Ben", "ben@example.org"))
        .unwrap();
    let theirs = two.theirs.attach("theirs.csv", &b"theirs"[..]).unwrap();
    two.theirs.save_changes(KEEP).unwrap();
    let body = "one\ntwo\nthree\nfour\nFIVE\n";
    two.mine.set(pr::BODY, body).unwrap();
    two.mine.set(pr::IMPORTANCE, 2).unwrap();
    two.mine
        .add_recipient(Recipient::cc("Cem", "cem@example.org"))
        .unwrap();
    let mine = two
        .mine
        .attach("mine.csv", Blob::new(1, 2_000_000).reader());
    assert_eq!(mine.unwrap(), theirs, "both give the same number");

    let conflict = two.mine.conflict().unwrap();
    let choices = MergeChoices::new();
    assert_eq!(conflict.preview(&choices).unwrap().touching, []);
    let done = two.mine.resolve(&conflict, Resolution::Merge(choices));
    assert!(matches!(done.unwrap(), Resolved::Merged(saved) if saved.row_version.get() == 3));
    let stored = two.stored();
    let text = |tag| stored.get(tag).unwrap().unwrap();
    assert_eq!(text(pr::SUBJECT), "Theirs");
    assert_eq!(text(pr::BODY), "ONE\ntwo\nthree\nfour\nFIVE\n");
    assert_eq!(stored.get(pr::IMPORTANCE).unwrap(), Some(2));
    let names: Vec<String> = stored
        .recipients()
        .unwrap()
        .into_iter()
        .map(|row| row.recipient.name)
        .collect();
    assert_eq!(names, ["Ana", "Ben", "Cem"]);
    let attached: Vec<_> = stored
        .attachments()
        .unwrap()
        .into_iter()
        .map(|row| (row.number.0, row.name.unwrap()))
        .collect();
    let expected = [(0, "figures.csv"), (1, "theirs.csv"), (2, "mine.csv")];
    assert_eq!(
        attached,
        expected.map(|(number, name)| (number, name.to_owned()))
    );
    assert_eq!(two.kept_versions(), ["Text(\"2 merge Theirs\")"]);
    two.test.assert_sound();
}

#[test]
fn merge_asks_for_a_choice_where_both_changed_the_same() {
    // K2
    let mut two = in_conflict();
    let conflict = two.mine.conflict().unwrap();
    let before = two.stored().properties().unwrap();
    let undecided = two
        .mine
        .resolve(&conflict, Resolution::Merge(MergeChoices::new()));
    assert_eq!(code_of(undecided), MapiCode::MAPI_E_INVALID_PARAMETER);
    assert_eq!(two.stored().properties().unwrap(), before);
    assert_eq!(two.mine.get(pr::SUBJECT).unwrap().as_deref(), Some("Mine"));
    let touching = conflict.preview(&MergeChoices::new()).unwrap().touching;
    assert!(touching.contains(&Touching::Property(pr::SUBJECT.tag())));
    let both = Choice::Value("Both".into());
    let choices = MergeChoices::new()
        .property(pr::SUBJECT, both)
        .otherwise(Choice::Theirs);
    two.mine
        .resolve(&conflict, Resolution::Merge(choices))
        .unwrap();
    let stored = two.stored();
    assert_eq!(stored.get(pr::SUBJECT).unwrap().as_deref(), Some("Both"));
    // A value of another type than the property takes is refused, and the handle is as it was.
    let mut two = in_conflict();
    let conflict = two.mine.conflict().unwrap();
    let wrong = MergeChoices::new()
        .property(pr::MESSAGE_CLASS, Choice::Mine)
        .otherwise(Choice::Value(PropertyValue::MvI8(Vec::new())));
    assert_eq!(
        code_of(two.mine.resolve(&conflict, Resolution::Merge(wrong))),
        MapiCode::MAPI_E_INVALID_PARAMETER
    );
    assert_eq!(two.mine.get(pr::SUBJECT).unwrap().as_deref(), Some("Mine"));
}

#[test]
fn save_elsewhere_makes_a_copy_that_names_its_original() {
    // K2, K6
    let mut two = in_conflict();
    let conflict = two.mine.conflict().unwrap();
    let folder = two.test.store.special_folder(SpecialFolder::Conflicts);
    let folder = folder.unwrap().entry_id();
    let done = two
        .mine
        .resolve(&conflict, Resolution::SaveElsewhere(folder));
    let Resolved::SavedElsewhere(saved) = done.unwrap() else {
        panic!("not saved elsewhere")
    };
    assert_ne!(saved.entry_id, two.id);
    let copy = two
        .test
        .store
        .open_message(&saved.entry_id, Access::ReadOnly);
    let copy = copy.unwrap();
    assert_eq!(copy.get(pr::SUBJECT).unwrap().as_deref(), Some("Mine"));
    assert_eq!(copy.folder_id(), folder);
    let named = copy.get(pr::CONFLICT_ENTRYID).unwrap();
    assert_eq!(named, Some(two.id.to_bytes().to_vec()));
    assert_eq!(version(&two.stored()), Some(2), "the original is untouched");
    assert_eq!(
        two.mine.get(pr::SUBJECT).unwrap().as_deref(),
        Some("Theirs")
    );
}

#[test]
fn third_client_that_is_faster_makes_overwrite_and_merge_ask_again() {
    // K3
    let mut two = in_conflict();
    let shown = two.mine.conflict().unwrap();
    two.theirs.set(pr::SUBJECT, "Third").unwrap();
    two.theirs.save_changes(KEEP).unwrap();
    for resolution in [
        Resolution::Overwrite,
        Resolution::Merge(MergeChoices::new().otherwise(Choice::Mine)),
    ] {
        let refused = two.mine.resolve(&shown, resolution.clone());
        assert_eq!(code_of(refused), MapiCode::MAPI_E_OBJECT_CHANGED);
        assert_eq!(two.mine.get(pr::SUBJECT).unwrap().as_deref(), Some("Mine"));
        assert!(two.mine.has_pending_changes());
        assert_eq!(two.kept_versions(), [""; 0]);
        assert_eq!(version(&two.mine), Some(1));
    }
    assert_eq!(version(&two.stored()), Some(3));
    let again = two.mine.conflict().unwrap();
    two.mine.resolve(&again, Resolution::Overwrite).unwrap();
    assert_eq!(two.kept_versions(), ["Text(\"3 overwrite Third\")"]);
}

#[test]
fn deleted_message_can_only_be_saved_elsewhere() {
    // K2, S4
    let mut two = in_conflict();
    let deleted = two
        .test
        .store
        .delete_messages(&[two.id], mapistore::Deletion::Hard);
    deleted.unwrap();
    let conflict = two.mine.conflict().unwrap();
    assert!(conflict.is_deleted());
    for resolution in [
        Resolution::KeepOriginal,
        Resolution::Overwrite,
        Resolution::Merge(MergeChoices::new().otherwise(Choice::Mine)),
    ] {
        let refused = two.mine.resolve(&conflict, resolution);
        assert_eq!(code_of(refused), MapiCode::MAPI_E_OBJECT_DELETED);
    }
    assert_eq!(two.mine.get(pr::SUBJECT).unwrap().as_deref(), Some("Mine"));
    let inbox = two.test.store.special_folder(SpecialFolder::Inbox).unwrap();
    let elsewhere = Resolution::SaveElsewhere(inbox.entry_id());
    let done = two.mine.resolve(&conflict, elsewhere).unwrap();
    assert!(matches!(done, Resolved::SavedElsewhere(_)));
    assert_eq!(inbox.info().unwrap().total, 1);
}

#[test]
fn client_that_names_only_a_version_merges_by_what_the_journal_says() {
    // K1, K2
    let mut two = two();
    two.theirs.set(pr::IMPORTANCE, 2).unwrap();
    two.theirs.save_changes(KEEP).unwrap();
    let declare = |set: &dyn Fn(&mut Message)| {
        let mut script = two
            .test
            .store
            .open_message(&two.id, Access::Modify)
            .unwrap();
        script.declare_base(RowVersion::FIRST).unwrap();
        set(&mut script);
        script
    };
    let script = declare(&|script| script.set(pr::IMPORTANCE, 0).unwrap());
    let conflict = script.conflict().unwrap();
    let [importance] = &conflict.differences().properties[..] else {
        panic!("{:?}", conflict.differences())
    };
    assert_eq!(importance.base, BaseValue::Unknown);
    assert_eq!(importance.changed_by, ChangedBy::BothDifferently);
    let mut script = declare(&|script| script.set(pr::SENSITIVITY, 2).unwrap());
    let conflict = script.conflict().unwrap();
    let merge = Resolution::Merge(MergeChoices::new());
    script.resolve(&conflict, merge).unwrap();
    let stored = two.stored();
    assert_eq!(stored.get(pr::IMPORTANCE).unwrap(), Some(2));
    assert_eq!(stored.get(pr::SENSITIVITY).unwrap(), Some(2));
}

#[test]
fn policies_answer_without_a_person() {
    // K5
    let answer = |policy: Policy, two: &Two| policy.resolve(&two.mine.conflict().unwrap());
    let touching = in_conflict();
    assert_eq!(answer(Policy::Refuse, &touching), None);
    assert_eq!(answer(Policy::MergeOrRefuse, &touching), None);
    let overwrite = answer(Policy::Overwrite, &touching);
    assert_eq!(overwrite, Some(Resolution::Overwrite));
    let conflicts = touching.test.store.special_folder(SpecialFolder::Conflicts);
    let elsewhere = Resolution::SaveElsewhere(conflicts.unwrap().entry_id());
    assert_eq!(answer(Policy::CopyToConflicts, &touching), Some(elsewhere));
    let mut apart = two();
    apart.theirs.set(pr::SUBJECT, "Theirs").unwrap();
    apart.theirs.save_changes(KEEP).unwrap();
    apart.mine.set(pr::IMPORTANCE, 2).unwrap();
    assert!(matches!(
        answer(Policy::MergeOrRefuse, &apart),
        Some(Resolution::Merge(_))
    ));
}

#[test]
fn conflict_of_another_message_is_refused() {
    let two = in_conflict();
    let mut other = in_conflict();
    let refused = other
        .mine
        .resolve(&two.mine.conflict().unwrap(), Resolution::Overwrite);
    assert!(matches!(refused, Err(Error::InvalidParameter { .. })));
}

#[test]
fn what_was_changed_after_the_report_is_not_dropped_unseen() {
    // K3
    for resolution in [
        Resolution::KeepOriginal,
        Resolution::Overwrite,
        Resolution::Merge(MergeChoices::new().otherwise(Choice::Mine)),
    ] {
        let mut two = in_conflict();
        let conflict = two.mine.conflict().unwrap();
        two.mine.set(pr::SUBJECT, "Typed meanwhile").unwrap();
        let refused = two.mine.resolve(&conflict, resolution.clone());
        assert_eq!(code_of(refused), MapiCode::MAPI_E_INVALID_PARAMETER);
        let kept = two.mine.get(pr::SUBJECT).unwrap();
        assert_eq!(kept.as_deref(), Some("Typed meanwhile"));
        assert_eq!(version(&two.stored()), Some(2));
        // Another handle of the same message has changes of its own, which the report does not show.
        let mut other = two
            .test
            .store
            .open_message(&two.id, Access::Modify)
            .unwrap();
        other.set(pr::SUBJECT, "Of another handle").unwrap();
        let refused = other.resolve(&conflict, resolution);
        assert_eq!(code_of(refused), MapiCode::MAPI_E_INVALID_PARAMETER);
    }
}

#[test]
fn conflict_is_over_once_its_handle_was_saved() {
    // K3
    for resolution in [
        Resolution::KeepOriginal,
        Resolution::Overwrite,
        Resolution::SaveElsewhere(in_conflict().mine.conflict().unwrap().conflicts_folder()),
        Resolution::Merge(MergeChoices::new().otherwise(Choice::Theirs)),
    ] {
        let mut two = in_conflict();
        let conflict = two.mine.conflict().unwrap();
        two.mine.save_changes(FORCE).unwrap();
        two.theirs.reload().unwrap();
        let subject = two.theirs.get(pr::SUBJECT).unwrap();
        let change = two.test.store.last_change().unwrap();
        let refused = two.mine.resolve(&conflict, resolution);
        assert_eq!(code_of(refused), MapiCode::MAPI_E_INVALID_PARAMETER);
        // The handle is as it was, and nothing was written.
        assert_eq!(version(&two.mine), Some(3));
        assert_eq!(two.mine.get(pr::SUBJECT).unwrap(), subject);
        assert_eq!(two.test.store.last_change().unwrap(), change);
        assert_eq!(two.mine.save_changes(KEEP).unwrap().row_version.get(), 3);
    }
}

#[test]
fn overwrite_gives_no_attachment_number_again() {
    // K2: what theirs names stays theirs, also for whoever remembers it
    let mut two = two();
    let last = [1, 2].map(|_| two.theirs.attach("theirs", &b"1"[..]).unwrap())[1];
    two.theirs.save_changes(KEEP).unwrap();
    two.mine.set(pr::SUBJECT, "My figures").unwrap();
    let conflict = two.mine.conflict().unwrap();
    two.mine.resolve(&conflict, Resolution::Overwrite).unwrap();
    assert_eq!(two.stored().attachments().unwrap().len(), 1);
    two.theirs.reload().unwrap();
    for handle in [&mut two.mine, &mut two.theirs] {
        let next = handle.attach("next", &b"2"[..]).unwrap();
        assert_eq!(next.0, last.0 + 1);
    }
}

#[test]
fn merge_that_runs_out_of_row_ids_or_room_saves_nothing() {
    // S15, K2
    let add = |message: &mut Message, row: u32, name: &str, comment: &str| {
        let change = RecipientChange::new(vec![
            (pr::DISPLAY_NAME.tag(), name.into()),
            (pr::COMMENT.tag(), comment.into()),
        ]);
        let change = change.at(RowId(7 + row));
        message.modify_recipients(ModifyRecipients::Modify, &[change])
    };
    let long = "x".repeat(12 * 1024 * 1024);
    for (row, comment) in [(u32::MAX - 7, ""), (0, &*long)] {
        let mut two = two();
        add(&mut two.theirs, row, "theirs", comment).unwrap();
        two.theirs.save_changes(KEEP).unwrap();
        add(&mut two.mine, 1, "mine", comment).unwrap();
        let conflict = two.mine.conflict().unwrap();
        let merge = Resolution::Merge(MergeChoices::new());
        assert_eq!(
            code_of(two.mine.resolve(&conflict, merge)),
            MapiCode::MAPI_E_TOO_BIG
        );
        assert_eq!(version(&two.stored()), Some(2));
        assert!(two.mine.has_pending_changes());
        two.test.assert_sound();
    }
}

#[test]
fn preview_has_the_recipients_and_attachments_that_the_merge_saves() {
    // K2
    let mut two = two();
    two.theirs
        .add_recipient(Recipient::cc("Ben", "ben@example.org"))
        .unwrap();
    two.theirs.save_changes(KEEP).unwrap();
    two.mine.attach("more.csv", &b"4;5;6"[..]).unwrap();
    let conflict = two.mine.conflict().unwrap();
    let preview = conflict.preview(&MergeChoices::new()).unwrap();
    let people: Vec<&str> = preview.recipients.iter().map(|one| &*one.name).collect();
    assert_eq!(people, ["Ana", "Ben"]);
    let files: Vec<_> = preview.attachments.iter().map(|one| &one.name).collect();
    let expected = ["figures.csv", "more.csv"].map(|name| Some(name.to_owned()));
    assert_eq!(files, expected.iter().collect::<Vec<_>>());
    let resolution = Resolution::Merge(MergeChoices::new());
    two.mine.resolve(&conflict, resolution).unwrap();
    let stored: Vec<Recipient> = two
        .stored()
        .recipients()
        .unwrap()
        .into_iter()
        .map(|one| one.recipient)
        .collect();
    assert_eq!(stored, preview.recipients);
}
