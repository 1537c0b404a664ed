//! Copying and moving: properties between objects, and whole messages between folders and stores.

use std::collections::BTreeSet;
use std::io::Read;

use mapistore::{
    Access, AttachMethod, CopyFlags, Deletion, EmbeddedAccess, EntryId, MapiCode, Message,
    MessageFlags, PropertyName, PropertyProblem, PropertyTag, PropertyType, PropertyValue,
    ReadState, Recipient, SaveFlags, SpecialFolder, Store, pr, property_sets,
};

use crate::support::{
    Blob, Command, Handle, KEEP, MIB, Scene, TestStore, Wanted, code_of, one_of_each_type,
    two_clients, view,
};

two_clients!(copy_is_stored_by_the_saves_and_not_before);

const PLAIN: CopyFlags = CopyFlags::empty();
const LARGE: Blob = Blob::new(11, 2 * MIB + 9);

/// A draft with a value of each type, a large value, a recipient, and attachments of which one is a message.
fn full_draft(test: &TestStore) -> Message {
    let mut draft = test.new_draft();
    for (tag, value) in one_of_each_type() {
        draft.set_value(tag, value).unwrap();
    }
    draft.set(pr::SUBJECT, "Figures").unwrap();
    draft.set_stream(pr::HTML.tag(), LARGE.reader()).unwrap();
    draft
        .add_recipient(Recipient::to("Ana", "ana@example.org"))
        .unwrap();
    draft.attach("small", &b"small"[..]).unwrap();
    draft.attach("large", LARGE.reader()).unwrap();
    let mut attachment = draft.create_attachment().unwrap();
    let mut inner = attachment
        .open_embedded_message(EmbeddedAccess::Create)
        .unwrap();
    inner.set(pr::SUBJECT, "Inner").unwrap();
    inner
        .attach("inner", Blob::new(12, 30_000).reader())
        .unwrap();
    inner.save_changes(SaveFlags::empty()).unwrap();
    attachment.save_changes(SaveFlags::empty()).unwrap();
    drop(attachment);
    draft
}

fn reopened(store: &Store, id: &EntryId) -> Message {
    store.open_message(id, Access::Modify).unwrap()
}

/// Tag and code of each problem.
fn told(problems: &[PropertyProblem]) -> Vec<(PropertyTag, MapiCode)> {
    problems
        .iter()
        .map(|problem| (problem.tag, problem.error.code()))
        .collect()
}

/// Names and data of attachments.
type Data = Vec<(Option<String>, Vec<u8>)>;

fn data_of(message: &Message) -> Data {
    let attachments = message.attachments().unwrap();
    let with_data = attachments.into_iter().filter(|info| info.data.is_some());
    with_data
        .map(|info| {
            let mut data = Vec::new();
            message
                .open_attachment_data(info.number)
                .unwrap()
                .read_to_end(&mut data)
                .unwrap();
            (info.name, data)
        })
        .collect()
}

/// What is in the first message that is attached.
fn inner_of(message: &mut Message) -> (Option<String>, Data) {
    let attachments = message.attachments().unwrap();
    let is_message = |method| method == AttachMethod::EmbeddedMessage;
    let number = attachments
        .iter()
        .find(|info| is_message(info.method))
        .unwrap()
        .number;
    let mut attachment = message.open_attachment(number).unwrap();
    let inner = attachment
        .open_embedded_message(EmbeddedAccess::ReadOnly)
        .unwrap();
    (inner.get(pr::SUBJECT).unwrap(), data_of(&inner))
}

#[track_caller]
fn assert_sound(store: &Store) {
    assert_eq!(
        store.check(&mut |_| {}).unwrap().problems,
        Vec::<String>::new()
    );
}

#[test]
fn copy_takes_all_properties_that_can_be_set_but_those_that_are_excluded() {
    // OXCPRPT-R5070501, OXCPRPT-R191
    let test = TestStore::new();
    let mut source = full_draft(&test);
    source.set(pr::IMPORTANCE, 2).unwrap();
    let mut target = test.new_draft();
    target.set(pr::BODY, "only here").unwrap();
    let own: Vec<_> = [pr::ENTRYID, pr::RECORD_KEY]
        .map(|tag| target.get(tag).unwrap())
        .into();
    let created = target.get(pr::CREATION_TIME).unwrap();
    let excluded = [
        pr::IMPORTANCE.tag(),
        PropertyTag::from_parts(pr::HTML.tag().id(), mapistore::PropertyType::Unicode),
    ];
    let importance = target.get(pr::IMPORTANCE).unwrap();
    source.copy_to(&mut target, &excluded, PLAIN).unwrap();
    for (tag, value) in one_of_each_type() {
        assert!(target.get_value(tag).unwrap() == Some(value), "{tag}");
    }
    assert_eq!(target.get(pr::SUBJECT).unwrap().as_deref(), Some("Figures"));
    assert_eq!(target.get(pr::IMPORTANCE).unwrap(), importance);
    assert_eq!(target.get(pr::HTML).unwrap(), None, "excluded by its id");
    assert_eq!(target.get(pr::BODY).unwrap().as_deref(), Some("only here"));
    assert_eq!(
        [pr::ENTRYID, pr::RECORD_KEY].map(|tag| target.get(tag).unwrap()),
        own[..]
    );
    assert_eq!(target.get(pr::CREATION_TIME).unwrap(), created);
    target.save_changes(KEEP).unwrap();
    assert_sound(&test.store);
}

#[test]
fn what_the_store_keeps_for_each_message_is_reported_and_the_rest_is_copied() {
    // OXCPRPT-R50006, OXCPRPT-R19301
    let test = TestStore::new();
    let mut source = full_draft(&test);
    source.save_changes(KEEP).unwrap();
    let mut target = test.new_draft();
    let problems = source.copy_to(&mut target, &[], PLAIN).unwrap();
    let reported: BTreeSet<PropertyTag> = problems.iter().map(|problem| problem.tag).collect();
    assert!(reported.contains(&pr::ENTRYID.tag()) && reported.contains(&pr::CHANGE_KEY.tag()));
    let list = source.property_list().unwrap();
    for problem in &problems {
        assert_eq!(
            problem.error.code(),
            MapiCode::MAPI_E_COMPUTED,
            "{problem:?}"
        );
        assert_eq!(list[problem.index], problem.tag);
    }
    assert_eq!(target.get(pr::SUBJECT).unwrap().as_deref(), Some("Figures"));

    let wanted = [
        pr::RECORD_KEY.tag(),
        pr::SUBJECT.tag(),
        pr::MESSAGE_SIZE.tag(),
    ];
    let problems = source.copy_properties(&mut target, &wanted, PLAIN).unwrap();
    let places: Vec<_> = problems.iter().map(|problem| problem.index).collect();
    assert_eq!(places, [0, 2]);
}

#[test]
fn flags_are_copied_to_a_message_that_was_never_saved() {
    let test = TestStore::new();
    let mut source = test.new_draft();
    source
        .set(pr::MESSAGE_FLAGS, MessageFlags::empty().bits())
        .unwrap();
    source.save_changes(KEEP).unwrap();
    let mut target = test.new_draft();
    let wanted = [pr::MESSAGE_FLAGS.tag()];
    assert!(
        source
            .copy_properties(&mut target, &wanted, PLAIN)
            .unwrap()
            .is_empty()
    );
    let flags = MessageFlags::from_bits_retain(target.get(pr::MESSAGE_FLAGS).unwrap().unwrap());
    assert!(
        !flags.intersects(MessageFlags::READ | MessageFlags::UNSENT),
        "{flags:?}"
    );
    target.save_changes(KEEP).unwrap();
    let problems = source.copy_properties(&mut target, &wanted, PLAIN).unwrap();
    assert_eq!(told(&problems), [(wanted[0], MapiCode::MAPI_E_COMPUTED)]);
}

#[test]
fn copy_of_listed_properties_takes_just_those() {
    // OXCPRPT-R500
    let test = TestStore::new();
    let mut source = full_draft(&test);
    source.set(pr::BODY, "body").unwrap();
    let mut target = test.new_draft();
    let before = target.properties().unwrap().len();
    let unspecified = PropertyTag::new(u32::from(pr::BODY.tag().id().0) << 16);
    let wanted = [
        pr::SUBJECT.tag(),
        unspecified,
        pr::IMPORTANCE.tag(),
        pr::PRIORITY.tag(),
    ];
    source.delete_property(pr::PRIORITY.tag()).unwrap();
    source.set(pr::IMPORTANCE, 2).unwrap();
    let problems = source.copy_properties(&mut target, &wanted, PLAIN).unwrap();
    assert_eq!(
        told(&problems),
        [(pr::PRIORITY.tag(), MapiCode::MAPI_E_NOT_FOUND)]
    );
    assert_eq!(problems[0].index, 3);
    assert_eq!(target.get(pr::BODY).unwrap().as_deref(), Some("body"));
    assert_eq!(target.get(pr::SUBJECT).unwrap().as_deref(), Some("Figures"));
    assert_eq!(target.get(pr::IMPORTANCE).unwrap(), Some(2));
    let grown = target.properties().unwrap().len() - before;
    assert!(grown <= 3, "{grown} new properties");
    assert!(target.recipients().unwrap().is_empty() && target.attachments().unwrap().is_empty());
}

#[test]
fn copied_values_replace_unless_the_flag_says_otherwise() {
    // OXCPRPT-R624, OXCPRPT-R625
    let test = TestStore::new();
    let mut source = full_draft(&test);
    source.set(pr::BODY, "theirs").unwrap();
    let named = PropertyTag::new(0x6601_0003);
    source.set_value(named, PropertyValue::Long(1)).unwrap();
    let fill = |target: &mut Message| {
        target.set(pr::SUBJECT, "mine").unwrap();
        let text = PropertyTag::new(0x6601_001F);
        target.set_value(text, PropertyValue::from("mine")).unwrap();
        target.set(pr::SENSITIVITY, 1).unwrap();
        target
            .add_recipient(Recipient::to("Ben", "ben@example.org"))
            .unwrap();
        target.attach("mine", &b"mine"[..]).unwrap();
        text
    };
    let mut target = test.new_draft();
    let text = fill(&mut target);
    let excluded = [pr::SENSITIVITY.tag()];
    source
        .copy_to(&mut target, &excluded, CopyFlags::MAPI_NOREPLACE)
        .unwrap();
    assert_eq!(target.get(pr::SUBJECT).unwrap().as_deref(), Some("mine"));
    assert_eq!(
        target.get_value(text).unwrap(),
        Some(PropertyValue::from("mine"))
    );
    assert_eq!(
        target.get(pr::BODY).unwrap().as_deref(),
        Some("theirs"),
        "it had none"
    );
    assert_eq!(target.recipients().unwrap()[0].recipient.name, "Ben");
    assert_eq!(target.attachments().unwrap().len(), 1);

    let mut target = test.new_draft();
    let text = fill(&mut target);
    source.copy_to(&mut target, &excluded, PLAIN).unwrap();
    assert_eq!(target.get(pr::SUBJECT).unwrap().as_deref(), Some("Figures"));
    assert_eq!(
        target.get_value(text).unwrap(),
        None,
        "replaced with its type"
    );
    assert_eq!(
        target.get_value(named).unwrap(),
        Some(PropertyValue::Long(1))
    );
    assert_eq!(target.get(pr::SENSITIVITY).unwrap(), Some(1));
    let names: Vec<_> = target
        .recipients()
        .unwrap()
        .into_iter()
        .map(|entry| entry.recipient.name)
        .collect();
    assert_eq!(names, ["Ana"]);
    let names: Vec<_> = target
        .attachments()
        .unwrap()
        .into_iter()
        .map(|info| info.name.unwrap())
        .collect();
    assert_eq!(names, ["small", "large", "Inner"]);
}

#[test]
fn move_takes_from_the_source_what_it_gives_to_the_destination() {
    // OXCPRPT-R185, OXCPRPT-R501
    let test = TestStore::new();
    let mut source = full_draft(&test);
    source.set(pr::BODY, "body").unwrap();
    let before = view(&source).unwrap().content;
    let mut target = test.new_draft();
    let wanted = [pr::BODY.tag(), pr::MESSAGE_RECIPIENTS, pr::ENTRYID.tag()];
    let problems = source
        .copy_properties(&mut target, &wanted, CopyFlags::MAPI_MOVE)
        .unwrap();
    assert_eq!(
        told(&problems),
        [(pr::ENTRYID.tag(), MapiCode::MAPI_E_COMPUTED)]
    );
    assert_eq!(target.get(pr::BODY).unwrap().as_deref(), Some("body"));
    assert_eq!(source.get(pr::BODY).unwrap(), None);
    assert!(source.recipients().unwrap().is_empty());
    assert_eq!(source.get(pr::SUBJECT).unwrap().as_deref(), Some("Figures"));

    let problems = source
        .copy_to(&mut target, &[], CopyFlags::MAPI_MOVE)
        .unwrap();
    let unexpected: Vec<_> = told(&problems)
        .into_iter()
        .filter(|(_, code)| *code != MapiCode::MAPI_E_COMPUTED)
        .collect();
    assert_eq!(unexpected, []);
    assert_eq!(target.get(pr::SUBJECT).unwrap().as_deref(), Some("Figures"));
    assert_eq!(source.get(pr::SUBJECT).unwrap(), None);
    assert!(source.attachments().unwrap().is_empty());
    let names = |properties: &[(String, String)]| -> BTreeSet<String> {
        properties.iter().map(|(name, _)| name.clone()).collect()
    };
    let moved = view(&target).unwrap().content;
    assert!(names(&moved.properties).is_superset(&names(&before.properties)));
    target.save_changes(KEEP).unwrap();
    source.save_changes(KEEP).unwrap();
    assert_sound(&test.store);
}

#[test]
fn flags_that_are_not_defined_or_contradict_each_other_copy_nothing() {
    // OXCPRPT-R880, OXCPRPT-R5070505, OXCPRPT-R18401, OXCPRPT-R86501
    let test = TestStore::new();
    let mut source = full_draft(&test);
    let mut target = test.new_draft();
    let before = [view(&source).unwrap(), view(&target).unwrap()];
    for bits in [4, 8, 0x8000_0001, 3, 7] {
        let flags = CopyFlags::from_bits_retain(bits);
        let refused = source.copy_to(&mut target, &[], flags);
        assert_eq!(
            code_of(refused),
            MapiCode::MAPI_E_INVALID_PARAMETER,
            "{bits}"
        );
        let refused = source.copy_properties(&mut target, &[pr::SUBJECT.tag()], flags);
        assert_eq!(
            code_of(refused),
            MapiCode::MAPI_E_INVALID_PARAMETER,
            "{bits}"
        );
    }
    assert_eq!([view(&source).unwrap(), view(&target).unwrap()], before);
}

#[test]
fn copy_needs_handles_that_can_be_changed() {
    // O3, S7
    let test = TestStore::new();
    let id = test.draft("original");
    let mut reader = test.store.open_message(&id, Access::ReadOnly).unwrap();
    let mut target = test.new_draft();
    let refused = reader.copy_to(&mut target, &[], CopyFlags::MAPI_MOVE);
    assert_eq!(code_of(refused), MapiCode::MAPI_E_NO_ACCESS);
    assert_eq!(target.get(pr::SUBJECT).unwrap(), None, "nothing was copied");
    let refused = target.copy_to(&mut reader, &[], PLAIN);
    assert_eq!(code_of(refused), MapiCode::MAPI_E_NO_ACCESS);
    reader.copy_to(&mut target, &[], PLAIN).unwrap();
    assert_eq!(
        target.get(pr::SUBJECT).unwrap().as_deref(),
        Some("original")
    );
    target.save_changes(SaveFlags::empty()).unwrap();
    let refused = reader.copy_to(&mut target, &[], PLAIN);
    assert_eq!(code_of(refused), MapiCode::MAPI_E_INVALID_OBJECT);
    let refused = target.copy_to(&mut test.new_draft(), &[], PLAIN);
    assert_eq!(code_of(refused), MapiCode::MAPI_E_INVALID_OBJECT);
}

#[test]
fn object_cannot_be_copied_onto_itself() {
    // MAPI-CopyTo-3
    let test = TestStore::new();
    let mut draft = full_draft(&test);
    let id = draft.save_changes(KEEP).unwrap().entry_id;
    // Also through another connection.
    let again = Store::options().open(test.store.path()).unwrap();
    for store in [&test.store, &again] {
        let mut other = reopened(store, &id);
        let refused = draft.copy_to(&mut other, &[], PLAIN);
        assert_eq!(code_of(refused), MapiCode::MAPI_E_NO_ACCESS);
        let refused = draft.copy_properties(&mut other, &[pr::SUBJECT.tag()], PLAIN);
        assert_eq!(code_of(refused), MapiCode::MAPI_E_NO_ACCESS);
        let number = draft.attachments().unwrap()[0].number;
        let (mut one, mut same) = (
            draft.open_attachment(number).unwrap(),
            other.open_attachment(number).unwrap(),
        );
        let refused = one.copy_to(&mut same, &[], PLAIN);
        assert_eq!(code_of(refused), MapiCode::MAPI_E_NO_ACCESS);
    }
}

#[test]
fn recipients_and_attachments_go_along_unless_they_are_excluded() {
    // OXCPRPT-R181, OXCPRPT-R182
    let test = TestStore::new();
    let mut source = full_draft(&test);
    let mut target = test.new_draft();
    let taken = target.attach("before", &b"before"[..]).unwrap();
    source
        .copy_to(
            &mut target,
            &[pr::MESSAGE_RECIPIENTS, pr::MESSAGE_ATTACHMENTS],
            PLAIN,
        )
        .unwrap();
    assert!(target.recipients().unwrap().is_empty());
    assert_eq!(target.attachments().unwrap().len(), 1);
    source.copy_to(&mut target, &[], PLAIN).unwrap();
    assert_eq!(target.recipients().unwrap(), source.recipients().unwrap());
    assert_eq!(data_of(&target), data_of(&source));
    assert_eq!(inner_of(&mut target), inner_of(&mut source));
    let attachments = target.attachments().unwrap();
    assert!(
        attachments.iter().all(|info| info.number > taken),
        "numbers are never used again"
    );

    let mut target = test.new_draft();
    let wanted = [pr::MESSAGE_RECIPIENTS];
    assert!(
        source
            .copy_properties(&mut target, &wanted, PLAIN)
            .unwrap()
            .is_empty()
    );
    assert_eq!(target.recipients().unwrap(), source.recipients().unwrap());
    assert!(target.attachments().unwrap().is_empty());
    let wanted = [pr::MESSAGE_ATTACHMENTS];
    assert!(
        source
            .copy_properties(&mut target, &wanted, PLAIN)
            .unwrap()
            .is_empty()
    );
    assert_eq!(data_of(&target), data_of(&source));
    assert_eq!(target.get(pr::SUBJECT).unwrap(), None);
    target.save_changes(KEEP).unwrap();
    assert_sound(&test.store);
}

#[test]
fn attachment_is_copied_to_an_attachment_as_a_message_to_a_message() {
    // OXCPRPT-R821, OXCPRPT-R508, OXCPRPT-R849, S14
    let test = TestStore::new();
    let (mut source, mut other) = (full_draft(&test), test.new_draft());
    let numbers: Vec<_> = source
        .attachments()
        .unwrap()
        .iter()
        .map(|info| info.number)
        .collect();
    for number in numbers {
        let mut from = source.open_attachment(number).unwrap();
        let mut to = other.create_attachment().unwrap();
        let own = to.get(pr::RECORD_KEY).unwrap();
        let problems = from.copy_to(&mut to, &[], PLAIN).unwrap();
        assert!(
            problems
                .iter()
                .all(|problem| problem.error.code() == MapiCode::MAPI_E_COMPUTED)
        );
        assert_eq!(
            to.get(pr::ATTACH_METHOD).unwrap(),
            from.get(pr::ATTACH_METHOD).unwrap()
        );
        assert_eq!(to.get(pr::RECORD_KEY).unwrap(), own);
        to.save_changes(SaveFlags::empty()).unwrap();
    }
    assert_eq!(data_of(&other), data_of(&source));
    assert_eq!(inner_of(&mut other), inner_of(&mut source));

    let number = source.attachments().unwrap()[0].number;
    let mut from = source.open_attachment(number).unwrap();
    let mut to = other.create_attachment().unwrap();
    let wanted = [pr::ATTACH_DATA_BIN.tag()];
    assert!(
        from.copy_properties(&mut to, &wanted, CopyFlags::MAPI_MOVE)
            .unwrap()
            .is_empty()
    );
    assert_eq!(to.get(pr::ATTACH_DATA_BIN).unwrap().unwrap(), b"small");
    assert_eq!(from.get(pr::ATTACH_DATA_BIN).unwrap(), None);
    drop((from, to));
    assert_eq!(data_of(&source).len(), 2, "neither attachment was saved");
    assert_eq!(other.attachments().unwrap().len(), 3);
}

#[test]
fn attachments_that_would_be_too_deep_are_reported_and_none_of_them_is_copied() {
    // S15, OXCPRPT-R50006
    let test = TestStore::new();
    let mut source = test.new_draft();
    source.set(pr::SUBJECT, "Deep").unwrap();
    let mut deep = test.new_draft();
    for _ in 0..32 {
        let mut outer = test.new_draft();
        outer.attach_message(&deep).unwrap();
        deep = outer;
    }
    let mut target = test.new_draft();
    let mut attachment = target.create_attachment().unwrap();
    let mut inner = attachment
        .open_embedded_message(EmbeddedAccess::Create)
        .unwrap();
    inner.attach("mine", &b"mine"[..]).unwrap();
    deep.set(pr::SUBJECT, "Deep").unwrap();
    let wanted = [pr::SUBJECT.tag(), pr::MESSAGE_ATTACHMENTS];
    let problems = deep.copy_properties(&mut inner, &wanted, PLAIN).unwrap();
    assert_eq!(told(&problems), [(wanted[1], MapiCode::MAPI_E_TOO_BIG)]);
    assert_eq!(inner.get(pr::SUBJECT).unwrap().as_deref(), Some("Deep"));
    assert_eq!(
        inner.attachments().unwrap()[0].name.as_deref(),
        Some("mine")
    );
}

fn copy_is_stored_by_the_saves_and_not_before(scene: &Scene) {
    // OXCPRPT-R849, OXCPRPT-R5070507, S14
    for moved in [false, true] {
        let (from, to) = (scene.message("source"), scene.message("target"));
        let before = [scene.look(&from), scene.look(&to)];
        let source = scene.ana.open(&from, Wanted::Modify);
        scene.ana.set_blob(source, pr::HTML, Blob::new(21, 2 * MIB));
        scene.ana.attach(source, "large", Blob::new(22, 2 * MIB));
        // The destination is newer than the streams, which only the source's handle keeps from being collected.
        scene.message("in between");
        let target = scene.ana.open(&to, Wanted::Modify);
        let copy = |source: Handle, target: Handle| {
            let flags = CopyFlags::from_bits_retain(u32::from(moved)).bits();
            let command = Command::CopyTo {
                source,
                target,
                flags,
            };
            scene.ana.call::<()>(command).unwrap();
        };
        copy(source, target);
        let copied = scene.ana.view(target);
        assert_eq!(copied.subject(), Some("source"));
        assert_eq!(
            [scene.look(&from), scene.look(&to)],
            before,
            "nothing is stored yet"
        );
        scene.ana.drop_handle(source);
        scene.ben.delete_message(&from, true);
        scene.ben.collect_garbage();
        scene.ana.save(target, KEEP).unwrap();
        assert_eq!(scene.look(&to).content, copied.content);
        scene.check();
    }
    let (from, to) = (scene.message("source"), scene.message("target"));
    let (source, target) = (
        scene.ana.open(&from, Wanted::Modify),
        scene.ana.open(&to, Wanted::Modify),
    );
    let flags = CopyFlags::MAPI_MOVE.bits();
    scene
        .ana
        .call::<()>(Command::CopyTo {
            source,
            target,
            flags,
        })
        .unwrap();
    scene.ana.save(target, KEEP).unwrap();
    assert_eq!(
        scene.look(&from).subject(),
        Some("source"),
        "the source was not saved"
    );
    scene.ana.save(source, KEEP).unwrap();
    assert_eq!(scene.look(&from).subject(), None);
    assert_eq!(scene.look(&to).subject(), Some("source"));
}

#[test]
fn messages_are_copied_with_all_that_they_hold_and_keys_of_their_own() {
    // OXCPRPT-R51, OXCPRPT-R55
    let test = TestStore::new();
    let mut original = full_draft(&test);
    let id = original.save_changes(KEEP).unwrap().entry_id;
    test.store.set_read_state(&[id], ReadState::Unread).unwrap();
    let missing = test.draft("gone");
    test.store
        .delete_messages(&[missing], Deletion::Soft)
        .unwrap();
    let elsewhere = TestStore::new();
    for store in [&test.store, &elsewhere.store] {
        let inbox = store.special_folder(SpecialFolder::Inbox).unwrap();
        let copies = test
            .store
            .copy_messages(&[id, missing, id], &inbox)
            .unwrap();
        let named: Vec<_> = copies.iter().map(|(original, _)| *original).collect();
        assert_eq!(named, [id, missing, id]);
        let refused = copies[1].1.as_ref().unwrap_err();
        assert_eq!(refused.code(), MapiCode::MAPI_E_NOT_FOUND);
        let [first, second] = [&copies[0], &copies[2]].map(|(_, copy)| *copy.as_ref().unwrap());
        assert_ne!(first, second);
        let mut copy = reopened(store, &first);
        let stored = reopened(&test.store, &id);
        assert_eq!(copy.row_version().unwrap().get(), 1);
        assert_eq!(copy.folder_id(), inbox.entry_id());
        assert_ne!(
            copy.get(pr::RECORD_KEY).unwrap(),
            stored.get(pr::RECORD_KEY).unwrap()
        );
        assert_eq!(
            copy.get(pr::SEARCH_KEY).unwrap(),
            stored.get(pr::SEARCH_KEY).unwrap()
        );
        assert_eq!(view(&copy).unwrap().content, view(&stored).unwrap().content);
        assert_eq!(inner_of(&mut copy), inner_of(&mut original));
        let flags = MessageFlags::from_bits_retain(copy.get(pr::MESSAGE_FLAGS).unwrap().unwrap());
        assert!(!flags.contains(MessageFlags::READ), "{flags:?}");
        assert_sound(store);
    }
    assert_eq!(reopened(&test.store, &id).row_version().unwrap().get(), 1);
}

#[test]
fn many_messages_are_copied_in_batches_each_with_its_result() {
    // S12
    let test = TestStore::new();
    let ids: Vec<_> = (0..250)
        .map(|number| test.draft(&format!("{number}")))
        .collect();
    let inbox = test.store.special_folder(SpecialFolder::Inbox).unwrap();
    let copies = test.store.copy_messages(&ids, &inbox).unwrap();
    for (number, (original, copy)) in copies.iter().enumerate() {
        assert_eq!(*original, ids[number]);
        let copy = reopened(&test.store, copy.as_ref().unwrap());
        assert_eq!(copy.get(pr::SUBJECT).unwrap(), Some(number.to_string()));
    }
    assert_eq!(inbox.info().unwrap().total, 250);

    let folder = test.store.ensure_folder("Short-lived").unwrap();
    folder.delete().unwrap();
    let refused = test.store.copy_messages(&ids, &folder);
    assert_eq!(code_of(refused), MapiCode::MAPI_E_OBJECT_DELETED);
}

#[test]
fn pending_changes_can_be_saved_in_another_store() {
    // K2, S4
    let (test, elsewhere) = (TestStore::new(), TestStore::new());
    let mut mine = full_draft(&test);
    let id = mine.save_changes(KEEP).unwrap().entry_id;
    mine.set(pr::SUBJECT, "mine").unwrap();
    mine.attach("pending", Blob::new(31, 20_000).reader())
        .unwrap();
    test.store.delete_messages(&[id], Deletion::Hard).unwrap();
    let inbox = elsewhere
        .store
        .special_folder(SpecialFolder::Inbox)
        .unwrap();
    let copy = mine.save_elsewhere(&inbox).unwrap();
    let stored = reopened(&elsewhere.store, &copy.entry_id());
    assert_eq!(view(&stored).unwrap().content, view(&mine).unwrap().content);
    assert_sound(&elsewhere.store);
    // Between two handles of two stores, too.
    let mut target = elsewhere.new_draft();
    mine.copy_to(&mut target, &[], PLAIN).unwrap();
    drop(mine);
    test.store.collect_garbage().unwrap();
    target.save_changes(KEEP).unwrap();
    let mut stored = reopened(&elsewhere.store, &target.entry_id());
    assert_eq!(data_of(&stored)[1].1, LARGE.bytes());
    assert_eq!(inner_of(&mut stored).0.as_deref(), Some("Inner"));
    assert_sound(&elsewhere.store);
}

#[test]
fn named_properties_keep_their_names_in_another_store() {
    let (test, elsewhere) = (TestStore::new(), TestStore::new());
    let name = |text: &str| PropertyName::text(property_sets::PS_PUBLIC_STRINGS, text).unwrap();
    let tag_in =
        |store: &Store, text: &str| store.named_tag(&name(text), PropertyType::Unicode).unwrap();
    // The same numbers stand for other names there.
    tag_in(&elsewhere.store, "Colour");
    tag_in(&elsewhere.store, "Shape");
    let [keywords, project] = ["Keywords", "Project"].map(|text| tag_in(&test.store, text));
    let mut original = test.new_draft();
    let mut attachment = original.create_attachment().unwrap();
    for (tag, value) in [(keywords, "a"), (project, "b")] {
        attachment.set_value(tag, value.into()).unwrap();
    }
    attachment.save_changes(SaveFlags::empty()).unwrap();
    drop(attachment);
    original.set_value(keywords, "k".into()).unwrap();
    original
        .set_value(project, "p".repeat(6_000).into())
        .unwrap();
    let inbox = elsewhere
        .store
        .special_folder(SpecialFolder::Inbox)
        .unwrap();
    let whole = original.save_elsewhere(&inbox).unwrap();
    let mut by_property = elsewhere.new_draft();
    original.copy_to(&mut by_property, &[], PLAIN).unwrap();
    for mut copy in [whole, by_property] {
        let text = |tag, message: &Message| message.get_value(tag).unwrap();
        let there = ["Keywords", "Project"].map(|text| tag_in(&elsewhere.store, text));
        assert_eq!(text(there[0], &copy), Some("k".into()));
        assert_eq!(text(there[1], &copy), Some("p".repeat(6_000).into()));
        assert_eq!(text(tag_in(&elsewhere.store, "Shape"), &copy), None);
        let number = copy.attachments().unwrap()[0].number;
        let attachment = copy.open_attachment(number).unwrap();
        assert_eq!(attachment.get_value(there[1]).unwrap(), Some("b".into()));
    }

    // A number without a name would be another property there.
    let nameless = PropertyTag::new(0x8002_0003);
    let unnamed = TestStore::new();
    let mut original = unnamed.new_draft();
    if original.set_value(nameless, 7.into()).is_ok() {
        let mut copy = elsewhere.new_draft();
        let problems = original
            .copy_properties(&mut copy, &[nameless], PLAIN)
            .unwrap();
        assert_eq!(told(&problems), [(nameless, MapiCode::MAPI_E_NO_SUPPORT)]);
    }
}
