//! A subject, its prefix and the rest always agree, whoever sets which of them.

use mapistore::{Access, MapiCode, Message, PropertyTag, PropertyType, PropertyValue, Tag, pr};

use crate::support::{Blob, KEEP, Scene, TestStore, code_of, two_clients, view};

two_clients!(
    other_clients_read_the_parts_that_were_saved,
    parts_follow_what_another_client_saved,
);

/// Subject, prefix and normalized subject.
type Parts<'a> = (Option<&'a str>, Option<&'a str>, Option<&'a str>);

#[track_caller]
fn assert_parts(message: &Message, (subject, prefix, normalized): Parts<'_>) {
    let get = |tag: Tag<String>| message.get(tag).unwrap();
    let shown = (
        get(pr::SUBJECT),
        get(pr::SUBJECT_PREFIX),
        get(pr::NORMALIZED_SUBJECT),
    );
    let texts = (shown.0.as_deref(), shown.1.as_deref(), shown.2.as_deref());
    assert_eq!(texts, (subject, prefix, normalized));
}

#[test]
fn setting_the_subject_gives_both_parts() {
    // OXCMSG-R1239/R1801/R1802
    let test = TestStore::new();
    let mut message = test.new_draft();
    assert_parts(&message, (None, None, None));
    for (subject, prefix, normalized) in [
        ("RE: Budget", Some("RE: "), "Budget"),
        ("Budget", None, "Budget"),
        ("FW: RE: Budget", Some("FW: "), "RE: Budget"),
        ("Antwort: Plan", None, "Antwort: Plan"),
        ("R2: Plan", None, "R2: Plan"),
        ("", None, ""),
    ] {
        message.set(pr::SUBJECT, subject).unwrap();
        assert_parts(&message, (Some(subject), prefix, Some(normalized)));
    }
}

#[test]
fn explicit_prefix_of_any_length_is_taken_off_the_subject() {
    // MAPI-NormalizedSubject-1
    let test = TestStore::new();
    let mut message = test.new_draft();
    let parts = (Some("Antwort: Plan"), Some("Antwort: "), Some("Plan"));
    message.set(pr::SUBJECT, "Antwort: Plan").unwrap();
    message.set(pr::SUBJECT_PREFIX, "Antwort: ").unwrap();
    assert_parts(&message, parts);
    let id = message.save_changes(KEEP).unwrap().entry_id;
    assert_parts(
        &test.store.open_message(&id, Access::ReadOnly).unwrap(),
        parts,
    );
    // It holds for as long as the subject begins with it.
    message.set(pr::SUBJECT, "Antwort: Zahlen").unwrap();
    assert_parts(
        &message,
        (Some("Antwort: Zahlen"), Some("Antwort: "), Some("Zahlen")),
    );
    message.set(pr::SUBJECT, "RE: Zahlen").unwrap();
    assert_parts(&message, (Some("RE: Zahlen"), Some("RE: "), Some("Zahlen")));
    message.set(pr::SUBJECT, "Antwort: Plan").unwrap();
    assert_parts(
        &message,
        (Some("Antwort: Plan"), None, Some("Antwort: Plan")),
    );
    // An empty prefix says that there is none.
    message.set(pr::SUBJECT, "MT: Release").unwrap();
    message.set(pr::SUBJECT_PREFIX, "").unwrap();
    assert_parts(
        &message,
        (Some("MT: Release"), Some(""), Some("MT: Release")),
    );
}

#[test]
fn setting_the_parts_in_either_order_gives_the_subject() {
    // OXCMSG-R1239/R1801/R1802
    let test = TestStore::new();
    let parts = (Some("RE: Budget"), Some("RE: "), Some("Budget"));
    let mut message = test.new_draft();
    message.set(pr::SUBJECT_PREFIX, "RE: ").unwrap();
    message.set(pr::NORMALIZED_SUBJECT, "Budget").unwrap();
    assert_parts(&message, parts);
    let mut message = test.new_draft();
    message.set(pr::NORMALIZED_SUBJECT, "Budget").unwrap();
    assert_parts(&message, (Some("Budget"), None, Some("Budget")));
    message.set(pr::SUBJECT_PREFIX, "RE: ").unwrap();
    assert_parts(&message, parts);
    message.set(pr::SUBJECT_PREFIX, "FW: ").unwrap();
    assert_parts(&message, (Some("FW: Budget"), Some("FW: "), Some("Budget")));
    // A normalized subject may look as if it had a prefix itself.
    message.set(pr::SUBJECT, "Budget").unwrap();
    message.set(pr::NORMALIZED_SUBJECT, "MT: Release").unwrap();
    assert_parts(
        &message,
        (Some("MT: Release"), Some(""), Some("MT: Release")),
    );
}

#[test]
fn deleting_the_prefix_shortens_the_subject_and_deleting_the_subject_takes_all() {
    // OXCMSG-R1239/R1801/R1802, OXCPRPT-R485/R874
    let test = TestStore::new();
    let mut message = test.new_draft();
    message.set(pr::SUBJECT, "RE: Budget").unwrap();
    let normalized = message.delete_property(pr::NORMALIZED_SUBJECT.tag());
    assert_eq!(code_of(normalized), MapiCode::MAPI_E_COMPUTED);
    message.delete_property(pr::SUBJECT_PREFIX.tag()).unwrap();
    assert_parts(&message, (Some("Budget"), None, Some("Budget")));
    message.set(pr::SUBJECT_PREFIX, "Antwort: ").unwrap();
    message.delete_property(pr::SUBJECT.tag()).unwrap();
    assert_parts(&message, (None, None, None));
    for part in [pr::SUBJECT, pr::SUBJECT_PREFIX, pr::NORMALIZED_SUBJECT] {
        message.delete_property(part.tag()).unwrap();
    }
}

#[test]
fn prefix_and_normalized_subject_of_253_characters_come_back() {
    // OXCMSG-R60/R66
    let test = TestStore::new();
    for length in [253 - 4, 300, 20_000] {
        let normalized = "é".repeat(length);
        let subject = format!("RE: {normalized}");
        let mut message = test.new_draft();
        message.set(pr::SUBJECT_PREFIX, "RE: ").unwrap();
        message.set(pr::NORMALIZED_SUBJECT, &*normalized).unwrap();
        let id = message.save_changes(KEEP).unwrap().entry_id;
        let stored = test.store.open_message(&id, Access::ReadOnly).unwrap();
        assert_parts(&stored, (Some(&subject), Some("RE: "), Some(&normalized)));
    }
}

#[test]
fn part_that_cannot_be_set_leaves_all_as_it_was() {
    // S8, S15
    let test = TestStore::new();
    let mut message = test.new_draft();
    message.set(pr::SUBJECT, "RE: Budget").unwrap();
    let before = view(&message).unwrap();
    let too_large = "x".repeat(17 * 1024 * 1024);
    for tag in [pr::SUBJECT, pr::SUBJECT_PREFIX, pr::NORMALIZED_SUBJECT] {
        let code = code_of(message.set(tag, &*too_large));
        assert_eq!(code, MapiCode::MAPI_E_TOO_BIG);
        let code = code_of(message.set_stream(tag.tag(), too_large.as_bytes()));
        assert_eq!(code, MapiCode::MAPI_E_TOO_BIG);
        assert_eq!(view(&message).unwrap(), before);
    }
    let narrow = |tag: PropertyTag| PropertyTag::from_parts(tag.id(), PropertyType::String8);
    let text = PropertyValue::String8("narrow".into());
    for tag in [pr::SUBJECT_PREFIX, pr::NORMALIZED_SUBJECT] {
        let set = message.set_value(narrow(tag.tag()), text.clone());
        assert_eq!(code_of(set), MapiCode::MAPI_E_NO_SUPPORT);
        assert_eq!(view(&message).unwrap(), before);
    }
    // An 8-bit subject is not taken apart.
    message.set(pr::SUBJECT_PREFIX, "RE: ").unwrap();
    message.set_value(narrow(pr::SUBJECT.tag()), text).unwrap();
    assert_parts(&message, (None, None, None));
    let set = message.set(pr::NORMALIZED_SUBJECT, "x");
    assert_eq!(code_of(set), MapiCode::MAPI_E_NO_SUPPORT);
}

#[test]
fn parts_are_taken_from_a_reader_too() {
    // OXCMSG-R1239/R1801/R1802
    let test = TestStore::new();
    let mut message = test.new_draft();
    let normalized = Blob::new(1, 6_000).text();
    let size = message
        .set_stream(pr::NORMALIZED_SUBJECT.tag(), normalized.as_bytes())
        .unwrap();
    assert_eq!(size, normalized.len() as u64);
    message
        .set_stream(pr::SUBJECT_PREFIX.tag(), &b"RE: "[..])
        .unwrap();
    let subject = format!("RE: {normalized}");
    assert_parts(&message, (Some(&subject), Some("RE: "), Some(&normalized)));
}

fn other_clients_read_the_parts_that_were_saved(scene: &Scene) {
    // OXCMSG-R1239/R1801/R1802
    let new = scene.ana.create("Drafts");
    scene.ana.set(new, pr::SUBJECT_PREFIX, "Antwort: ");
    scene.ana.set(new, pr::NORMALIZED_SUBJECT, "Plan");
    let id = scene.ana.save(new, KEEP).unwrap().entry_id;
    let seen = scene
        .ben
        .view(scene.ben.open(&id, crate::support::Wanted::ReadOnly));
    for (name, text) in [
        ("PR_SUBJECT", "Antwort: Plan"),
        ("PR_SUBJECT_PREFIX", "Antwort: "),
        ("PR_NORMALIZED_SUBJECT", "Plan"),
    ] {
        assert_eq!(
            seen.property(name),
            Some(&*format!("Unicode({text:?})")),
            "{name}"
        );
    }
}

fn parts_follow_what_another_client_saved(scene: &Scene) {
    // OXCMSG-R1239/R1801/R1802, S2, S5
    let id = scene.message("RE: Budget");
    let mine = scene.ana.open(&id, crate::support::Wanted::Modify);
    scene.ana.set(mine, pr::NORMALIZED_SUBJECT, "Plan");
    let theirs = scene.ben.edit(&id, "FW: Figures");
    scene.ben.save(theirs, KEEP).unwrap();
    let refused = scene.ana.save(mine, KEEP);
    crate::support::expect(refused, MapiCode::MAPI_E_OBJECT_CHANGED);
    assert_eq!(scene.ana.view(mine).subject(), Some("RE: Plan"));
    assert_eq!(scene.look(&id).subject(), Some("FW: Figures"));
    scene.ana.save(mine, crate::support::FORCE).unwrap();
    let now = scene.look(&id);
    assert_eq!(now.subject(), Some("RE: Plan"));
    assert_eq!(
        now.property("PR_NORMALIZED_SUBJECT"),
        Some("Unicode(\"Plan\")")
    );
    scene.check();
}
