//! Recipients: rows of properties that are known by their row ids.

use mapistore::{
    Access, MapiCode, Message, ModifyRecipients, PropertyTag, PropertyType, PropertyValue,
    Recipient, RecipientChange, RecipientKind, RowId, StoredValue, pr,
};

use crate::support::{
    Client, Command, FORCE, Handle, KEEP, RecipientRowSaid, Scene, TestStore, Wanted, code_of,
    expect, one_of_each_type, two_clients, view,
};

two_clients!(
    changes_are_seen_by_nobody_else_before_the_save,
    properties_of_a_row_are_replaced_as_a_whole_for_everybody,
    refused_save_keeps_both_lists,
    forced_save_replaces_the_list_of_the_other,
    several_thousand_are_read_by_another_client,
);

const NAME: PropertyTag = pr::DISPLAY_NAME.tag();

fn row(name: &str) -> RecipientChange {
    RecipientChange::new(vec![(NAME, name.into())])
}

fn at(row_id: u32, name: &str) -> RecipientChange {
    row(name).at(RowId(row_id))
}

/// Row ids and names.
fn listed(message: &Message) -> Vec<(u32, String)> {
    let rows = message.recipients().unwrap().into_iter();
    rows.map(|row| (row.row_id.0, row.recipient.name)).collect()
}

fn rows<const N: usize>(expected: [(u32, &str); N]) -> Vec<(u32, String)> {
    expected
        .map(|(row_id, name)| (row_id, name.to_owned()))
        .to_vec()
}

/// A draft with three recipients, of ids 0 to 2.
fn with_three(test: &TestStore) -> Message {
    let mut message = test.new_draft();
    for name in ["Ana", "Ben", "Cleo"] {
        message
            .add_recipient(Recipient::to(name, format!("{name}@example.org")))
            .unwrap();
    }
    message
}

#[test]
fn removing_all_empties_the_list_and_succeeds_without_any() {
    // OXCMSG-R729/R1491, OXCMSG-R403
    let test = TestStore::new();
    let mut message = with_three(&test);
    message.remove_all_recipients().unwrap();
    assert_eq!(message.recipients().unwrap(), []);
    message.remove_all_recipients().unwrap();
    assert_eq!(message.recipients().unwrap(), []);
    assert_eq!(message.recipients_from(RowId(0), 10).unwrap(), []);
    let id = message.save_changes(KEEP).unwrap().entry_id;
    let stored = test.store.open_message(&id, Access::ReadOnly).unwrap();
    assert_eq!(stored.recipients().unwrap(), []);
}

#[test]
fn modifying_a_row_that_does_not_exist_creates_it_under_exactly_this_id() {
    // OXCMSG-R389
    let test = TestStore::new();
    let mut message = with_three(&test);
    let list = [at(7, "Gil"), at(5, "Eva"), at(u32::MAX, "Last")];
    let row_ids = message
        .modify_recipients(ModifyRecipients::Modify, &list)
        .unwrap();
    assert_eq!(row_ids, [RowId(7), RowId(5), RowId(u32::MAX)]);
    let expected = rows([
        (0, "Ana"),
        (1, "Ben"),
        (2, "Cleo"),
        (5, "Eva"),
        (7, "Gil"),
        (u32::MAX, "Last"),
    ]);
    assert_eq!(listed(&message), expected);
    let id = message.save_changes(KEEP).unwrap().entry_id;
    assert_eq!(
        listed(&test.store.open_message(&id, Access::ReadOnly).unwrap()),
        expected
    );
    // Nothing is above the highest id there is.
    let added = message.add_recipient(Recipient::to("Too late", ""));
    assert_eq!(code_of(added), MapiCode::MAPI_E_TOO_BIG);
    assert_eq!(listed(&message), expected);
}

#[test]
fn modifying_a_row_replaces_all_its_properties() {
    // OXCMSG-R390
    let test = TestStore::new();
    let mut message = with_three(&test);
    message
        .modify_recipients(ModifyRecipients::Modify, &[at(1, "Bea")])
        .unwrap();
    assert_eq!(
        listed(&message),
        rows([(0, "Ana"), (1, "Bea"), (2, "Cleo")])
    );
    let properties = message.recipient_properties(RowId(1)).unwrap();
    let tags: Vec<PropertyTag> = properties.iter().map(|(tag, _)| *tag).collect();
    assert_eq!(tags, [pr::RECIPIENT_TYPE.tag(), pr::ROWID.tag(), NAME]);
    // The same goes for one recipient.
    let list = [RecipientChange::from(&Recipient::cc("Ben", "ben@example.org")).at(RowId(1))];
    message
        .modify_recipients(ModifyRecipients::Modify, &list)
        .unwrap();
    message
        .modify_recipient(RowId(1), &Recipient::unresolved(RecipientKind::Bcc, "Bo"))
        .unwrap();
    assert_eq!(message.recipient_properties(RowId(1)).unwrap().len(), 3);
    let missing = message.modify_recipient(RowId(9), &Recipient::to("x", "x"));
    assert_eq!(code_of(missing), MapiCode::MAPI_E_NOT_FOUND);
}

#[test]
fn modification_without_properties_deletes_the_row() {
    // OXCMSG-R391, OXCMSG-R381/R393/R394
    let test = TestStore::new();
    let mut message = with_three(&test);
    let id = message.save_changes(KEEP).unwrap().entry_id;
    let stored = || listed(&test.store.open_message(&id, Access::ReadOnly).unwrap());
    let empty = |row_id| RecipientChange::default().at(RowId(row_id));
    let list = [empty(1), empty(8)];
    message
        .modify_recipients(ModifyRecipients::Modify, &list)
        .unwrap();
    assert_eq!(listed(&message), rows([(0, "Ana"), (2, "Cleo")]));
    let gone = message.recipient_properties(RowId(1));
    assert_eq!(code_of(gone), MapiCode::MAPI_E_NOT_FOUND);
    assert_eq!(stored().len(), 3);
    message.save_changes(KEEP).unwrap();
    assert_eq!(stored(), rows([(0, "Ana"), (2, "Cleo")]));
}

#[test]
fn list_without_a_flag_replaces_all_recipients() {
    // MAPI-ModifyRecipients-1
    let test = TestStore::new();
    let mut message = with_three(&test);
    let list = [at(4, "Dora"), row("Eva"), row("Dora"), at(1, "Ben")];
    let row_ids = message
        .modify_recipients(ModifyRecipients::Replace, &list)
        .unwrap();
    assert_eq!(row_ids, [4, 5, 6, 1].map(RowId));
    assert_eq!(
        listed(&message),
        rows([(1, "Ben"), (4, "Dora"), (5, "Eva"), (6, "Dora")])
    );
}

#[test]
fn added_rows_get_new_ids_and_removed_ones_leave_the_others_alone() {
    // MAPI-ModifyRecipients-2
    let test = TestStore::new();
    let mut message = with_three(&test);
    let added = [row("Dora"), row("Eva")];
    let row_ids = message
        .modify_recipients(ModifyRecipients::Add, &added)
        .unwrap();
    assert_eq!(row_ids, [RowId(3), RowId(4)]);
    // The id alone counts, as either form tells it.
    let by_property = RecipientChange::new(vec![(pr::ROWID.tag(), 3.into())]);
    let removed = [at(1, "whatever"), by_property];
    message
        .modify_recipients(ModifyRecipients::Remove, &removed)
        .unwrap();
    assert_eq!(
        listed(&message),
        rows([(0, "Ana"), (2, "Cleo"), (4, "Eva")])
    );
    let row_ids = message
        .modify_recipients(ModifyRecipients::Add, &[row("Fay")])
        .unwrap();
    assert_eq!(row_ids, [RowId(5)]);
    message.remove_recipient(RowId(5)).unwrap();
    assert_eq!(listed(&message).len(), 3);
}

#[test]
fn unresolved_recipient_has_a_name_and_a_type_and_nothing_else() {
    // MAPI-ModifyRecipients-6, MAPI-RecipTable-1
    let test = TestStore::new();
    let mut message = test.new_draft();
    let list = [
        RecipientChange::new(vec![
            (NAME, "Ana".into()),
            (pr::RECIPIENT_TYPE.tag(), 2.into()),
        ]),
        RecipientChange::default(),
    ];
    message
        .modify_recipients(ModifyRecipients::Add, &list)
        .unwrap();
    message
        .add_recipient(Recipient::unresolved(RecipientKind::Cc, "Ben"))
        .unwrap();
    let id = message.save_changes(KEEP).unwrap().entry_id;
    let stored = test.store.open_message(&id, Access::ReadOnly).unwrap();
    for (row_id, name, kind) in [(0_i32, "Ana", 2), (1, "", 1), (2, "Ben", 2)] {
        let expected: [(PropertyTag, PropertyValue); 3] = [
            (pr::RECIPIENT_TYPE.tag(), kind.into()),
            (pr::ROWID.tag(), row_id.into()),
            (NAME, name.into()),
        ];
        let expected = expected.map(|(tag, value)| (tag, StoredValue::Inline(value)));
        let properties = stored
            .recipient_properties(RowId(row_id.cast_unsigned()))
            .unwrap();
        assert_eq!(properties, expected);
    }
    let entries = stored.recipients().unwrap();
    assert_eq!(
        entries[0].recipient,
        Recipient::unresolved(RecipientKind::Cc, "Ana")
    );
    assert_eq!(
        stored.get(pr::DISPLAY_CC).unwrap().as_deref(),
        Some("Ana; Ben")
    );
}

#[test]
fn recipient_is_of_exactly_one_kind() {
    // OXCMSG-R977/R978/R979
    let test = TestStore::new();
    let mut message = test.new_draft();
    let (submitted, again) = (0x8000_0000_u32.cast_signed(), 0x1000_0000);
    let cases = [
        (1, RecipientKind::To),
        (2, RecipientKind::Cc),
        (3, RecipientKind::Bcc),
        (0, RecipientKind::Originator),
        (submitted | 2, RecipientKind::Cc),
        (again | 1, RecipientKind::To),
        (submitted | again | 3, RecipientKind::Bcc),
    ];
    let of_type = |kind: i32| {
        RecipientChange::new(vec![
            (NAME, "x".into()),
            (pr::RECIPIENT_TYPE.tag(), kind.into()),
        ])
    };
    let list = cases.map(|(kind, _)| of_type(kind));
    message
        .modify_recipients(ModifyRecipients::Replace, &list)
        .unwrap();
    let id = message.save_changes(KEEP).unwrap().entry_id;
    let stored = test.store.open_message(&id, Access::ReadOnly).unwrap();
    for (entry, (kind, expected)) in stored.recipients().unwrap().into_iter().zip(cases) {
        assert_eq!(entry.recipient.kind, expected, "{kind:X}");
        let properties = stored.recipient_properties(entry.row_id).unwrap();
        let value = StoredValue::Inline(kind.into());
        assert!(
            properties.contains(&(pr::RECIPIENT_TYPE.tag(), value)),
            "{kind:X}"
        );
    }
    let before = view(&message).unwrap();
    for kind in [4, 0x0000_0101, -1] {
        let code = code_of(message.modify_recipients(ModifyRecipients::Add, &[of_type(kind)]));
        assert_eq!(code, MapiCode::MAPI_E_INVALID_PARAMETER, "{kind:X}");
    }
    assert_eq!(view(&message).unwrap(), before);
}

#[test]
fn row_holds_properties_of_every_type_of_its_own() {
    // MAPI-Types-1, MAPI-Types-2
    let test = TestStore::new();
    let mut message = test.new_draft();
    let values: Vec<_> = one_of_each_type();
    let list = [RecipientChange::new(values.clone())];
    message
        .modify_recipients(ModifyRecipients::Add, &list)
        .unwrap();
    let id = message.save_changes(KEEP).unwrap().entry_id;
    let stored = test.store.open_message(&id, Access::ReadOnly).unwrap();
    let properties = stored.recipient_properties(RowId(0)).unwrap();
    assert_eq!(properties.len(), values.len() + 3);
    for (tag, value) in values {
        let found = properties.iter().find(|(found, _)| *found == tag);
        assert!(
            found.is_some_and(|(_, found)| *found == StoredValue::Inline(value)),
            "{tag}"
        );
    }
}

#[test]
fn list_with_a_row_that_makes_no_sense_changes_nothing() {
    // S8, S15
    let test = TestStore::new();
    let mut message = with_three(&test);
    let before = view(&message).unwrap();
    let with = |tag: u32, value: PropertyValue| {
        RecipientChange::new(vec![(PropertyTag::new(tag), value)]).at(RowId(1))
    };
    let nobody = "x".repeat(17 * 1024 * 1024);
    use MapiCode as Code;
    use ModifyRecipients::{Add, Modify, Remove, Replace};
    for (how, bad, code) in [
        (Add, at(9, "x"), Code::MAPI_E_INVALID_PARAMETER),
        (
            Add,
            with(0x3000_0003, 9.into()),
            Code::MAPI_E_INVALID_PARAMETER,
        ),
        (Modify, row("x"), Code::MAPI_E_INVALID_PARAMETER),
        (
            Modify,
            with(0x3000_0003, 9.into()),
            Code::MAPI_E_INVALID_PARAMETER,
        ),
        (
            Modify,
            with(0x3000_001F, "9".into()),
            Code::MAPI_E_UNEXPECTED_TYPE,
        ),
        (
            Modify,
            with(0x0C15_001F, "1".into()),
            Code::MAPI_E_UNEXPECTED_TYPE,
        ),
        (
            Modify,
            with(0x3001_001F, 7.into()),
            Code::MAPI_E_UNEXPECTED_TYPE,
        ),
        (
            Modify,
            with(0x3001_0000, 7.into()),
            Code::MAPI_E_INVALID_PARAMETER,
        ),
        (
            Modify,
            with(0x3001_000D, 7.into()),
            Code::MAPI_E_INVALID_PARAMETER,
        ),
        (
            Modify,
            with(0x6601_1003, PropertyValue::MvLong(Vec::new())),
            Code::MAPI_E_INVALID_PARAMETER,
        ),
        (Modify, at(0, &nobody), Code::MAPI_E_TOO_BIG),
        (Remove, row("x"), Code::MAPI_E_INVALID_PARAMETER),
        (Remove, at(9, "x"), Code::MAPI_E_NOT_FOUND),
        (Replace, at(0, "x"), Code::MAPI_E_INVALID_PARAMETER),
    ] {
        let good = match how {
            Add => row("good"),
            _ => at(0, "good"),
        };
        let shown = format!("{how:?} {:?}", bad.properties.first().map(|(tag, _)| tag));
        assert_eq!(
            code_of(message.modify_recipients(how, &[good, bad])),
            code,
            "{shown}"
        );
        assert_eq!(view(&message).unwrap(), before, "{shown}");
    }
    let id = message.save_changes(KEEP).unwrap().entry_id;
    let mut read_only = test.store.open_message(&id, Access::ReadOnly).unwrap();
    let code = code_of(read_only.modify_recipients(Replace, &[]));
    assert_eq!(code, MapiCode::MAPI_E_NO_ACCESS);
    assert_eq!(PropertyType::Long, pr::ROWID.tag().property_type().unwrap());
}

#[test]
fn reading_begins_at_any_row_that_exists() {
    // OXCMSG-R400/R1495/R1055, OXCMSG-R327/R328
    let test = TestStore::new();
    let mut message = test.new_draft();
    let list: Vec<RecipientChange> = (1..=3_000)
        .map(|number| at(2 * number, &number.to_string()))
        .collect();
    message
        .modify_recipients(ModifyRecipients::Modify, &list)
        .unwrap();
    let id = message.save_changes(KEEP).unwrap().entry_id;
    let stored = test.store.open_message(&id, Access::ReadOnly).unwrap();
    let all = stored.recipients().unwrap();
    assert_eq!(all.len(), 3_000);
    assert!(all.is_sorted_by_key(|entry| entry.row_id));
    // In parts: each begins with the last of the one before.
    let mut read = stored.recipients_from(RowId(0), 700).unwrap();
    while let Some(last) = read.pop() {
        let part = stored.recipients_from(last.row_id, 700).unwrap();
        let is_end = part.len() < 700;
        read.extend(part);
        if is_end {
            break;
        }
    }
    assert_eq!(read, all);
    for missing in [1, 5_999, 6_001, u32::MAX] {
        let code = code_of(stored.recipients_from(RowId(missing), 1));
        assert_eq!(code, MapiCode::MAPI_E_NOT_FOUND, "{missing}");
    }
}

fn said(row_id: Option<u32>, properties: &[(PropertyTag, &str)]) -> RecipientRowSaid {
    let properties = properties
        .iter()
        .map(|(tag, text)| (tag.value(), (*text).into()));
    RecipientRowSaid {
        row_id,
        properties: properties.collect(),
    }
}

#[track_caller]
fn modify(client: &Client, handle: Handle, how: &str, rows: Vec<RecipientRowSaid>) {
    client
        .call::<Vec<u32>>(Command::ModifyRecipients(handle, how.to_owned(), rows))
        .unwrap();
}

fn changes_are_seen_by_nobody_else_before_the_save(scene: &Scene) {
    // OXCMSG-R382/R395, OXCMSG-R273/R266, OXCMSG-R381/R393/R394, OXCMSG-R703/R1475
    let id = scene.message("recipients");
    let mine = scene.ana.open(&id, Wanted::Modify);
    let theirs = scene.ben.open(&id, Wanted::Modify);
    let rows = vec![
        said(Some(0), &[(NAME, "Renamed")]),
        said(Some(4), &[(NAME, "Added")]),
    ];
    modify(&scene.ana, mine, "Modify", rows);
    assert_eq!(scene.ana.view(mine).recipient_names(), ["Renamed", "Added"]);
    for seen in [
        scene.ben.view(theirs),
        scene.ben.view(scene.ben.open(&id, Wanted::ReadOnly)),
        scene.look(&id),
    ] {
        assert_eq!(seen.recipient_names(), ["Original"]);
    }
    // A handle that is dropped unsaved takes its changes with it.
    let dropped = scene.ana.open(&id, Wanted::Modify);
    modify(&scene.ana, dropped, "Replace", Vec::new());
    scene.ana.drop_handle(dropped);
    assert_eq!(scene.look(&id).recipient_names(), ["Original"]);
    scene.ana.save(mine, KEEP).unwrap();
    assert_eq!(
        scene.ben.view(theirs).recipient_names(),
        ["Original"],
        "as at opening"
    );
    let now = scene.ben.view(scene.ben.open(&id, Wanted::ReadOnly));
    assert_eq!(now.recipient_names(), ["Renamed", "Added"]);
    scene.check();
}

fn properties_of_a_row_are_replaced_as_a_whole_for_everybody(scene: &Scene) {
    // OXCMSG-R390, OXCMSG-R391
    let id = scene.message("recipients");
    let own = PropertyTag::new(0x6601_001F);
    let mine = scene.ana.open(&id, Wanted::Modify);
    let rows = vec![said(Some(0), &[(NAME, "Renamed"), (own, "mine")])];
    modify(&scene.ana, mine, "Modify", rows);
    scene.ana.save(mine, KEEP).unwrap();
    let theirs = scene.ben.open(&id, Wanted::Modify);
    let shown = |client: &Client, handle| -> Vec<(String, String)> {
        client
            .call(Command::RecipientProperties(handle, 0))
            .unwrap()
    };
    let expected = [
        ("PR_RECIPIENT_TYPE", "Inline(Long(1))"),
        ("PR_ROWID", "Inline(Long(0))"),
        ("PR_DISPLAY_NAME", "Inline(Unicode(\"Renamed\"))"),
        ("0x6601001F", "Inline(Unicode(\"mine\"))"),
    ];
    let expected = expected.map(|(tag, value)| (tag.to_owned(), value.to_owned()));
    assert_eq!(shown(&scene.ben, theirs), expected);
    modify(
        &scene.ben,
        theirs,
        "Modify",
        vec![said(Some(0), &[(NAME, "Renamed")])],
    );
    scene.ben.save(theirs, KEEP).unwrap();
    let again = scene.ana.open(&id, Wanted::Modify);
    assert_eq!(shown(&scene.ana, again), expected[..3]);
    assert_eq!(shown(&scene.ana, mine), expected, "as it was saved here");
    modify(&scene.ana, again, "Modify", vec![said(Some(0), &[])]);
    scene.ana.save(again, KEEP).unwrap();
    assert_eq!(scene.look(&id).recipient_names(), [""; 0]);
}

fn refused_save_keeps_both_lists(scene: &Scene) {
    // S2, S8, OXCMSG-R273/R266
    let id = scene.message("recipients");
    let mine = scene.ana.open(&id, Wanted::Modify);
    let theirs = scene.ben.open(&id, Wanted::Modify);
    modify(&scene.ana, mine, "Add", vec![said(None, &[(NAME, "Mine")])]);
    modify(
        &scene.ben,
        theirs,
        "Add",
        vec![said(None, &[(NAME, "Theirs")])],
    );
    scene.ben.save(theirs, KEEP).unwrap();
    let before = scene.ana.view(mine);
    expect(scene.ana.save(mine, KEEP), MapiCode::MAPI_E_OBJECT_CHANGED);
    assert_eq!(scene.ana.view(mine), before);
    assert_eq!(before.recipient_names(), ["Original", "Mine"]);
    assert_eq!(scene.look(&id).recipient_names(), ["Original", "Theirs"]);
    scene.check();
}

fn forced_save_replaces_the_list_of_the_other(scene: &Scene) {
    // S5
    let id = scene.message("recipients");
    let mine = scene.ana.open(&id, Wanted::Modify);
    let theirs = scene.ben.open(&id, Wanted::Modify);
    modify(
        &scene.ana,
        mine,
        "Replace",
        vec![said(None, &[(NAME, "Mine")])],
    );
    let rows = vec![said(Some(0), &[]), said(Some(6), &[(NAME, "Theirs")])];
    modify(&scene.ben, theirs, "Modify", rows);
    scene.ben.save(theirs, KEEP).unwrap();
    scene.ana.save(mine, FORCE).unwrap();
    assert_eq!(scene.look(&id).recipient_names(), ["Mine"]);
    // One that touched no recipient puts back those of its snapshot, too.
    let untouched = scene.ben.edit(&id, "forced");
    modify(&scene.ana, mine, "Replace", Vec::new());
    scene.ana.save(mine, KEEP).unwrap();
    scene.ben.save(untouched, FORCE).unwrap();
    assert_eq!(scene.look(&id).recipient_names(), ["Mine"]);
    scene.check();
}

fn several_thousand_are_read_by_another_client(scene: &Scene) {
    // OXCMSG-R400/R1495/R1055
    let id = scene.message("recipients");
    let mine = scene.ana.open(&id, Wanted::Modify);
    let names: Vec<String> = (0..4_000)
        .map(|number| format!("recipient {number}"))
        .collect();
    let rows = names
        .iter()
        .map(|name| said(None, &[(NAME, name)]))
        .collect();
    modify(&scene.ana, mine, "Replace", rows);
    scene.ana.save(mine, KEEP).unwrap();
    let seen = scene.ben.view(scene.ben.open(&id, Wanted::ReadOnly));
    assert!(seen.recipient_names() == names);
    scene.check();
}
