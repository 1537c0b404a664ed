//! Properties that were set or deleted on a handle, before and after its save.

use mapistore::{MapiCode, PropertyTag, SaveFlags, pr};

use crate::support::{FORCE, Handle, KEEP, Scene, View, Wanted, expect, two_clients};

two_clients!(
    property_reads_back_at_once_and_is_stored_by_the_save_alone,
    deleted_property_is_gone_at_once_and_from_storage_after_the_save,
    dropped_handle_takes_its_changes_with_it,
    value_of_another_type_replaces_the_old_one_for_everybody,
    message_class_is_compared_without_case,
);

const OWN: PropertyTag = PropertyTag::new(0x6601_001F);
const OWN_NUMBER: PropertyTag = PropertyTag::new(0x6601_0003);
const AS_TEXT: &str = "0x6601001F";
const AS_NUMBER: &str = "0x66010003";

/// What somebody who opens the message now reads.
fn read_by_ben(scene: &Scene, id: &str) -> View {
    let handle = scene.ben.open(id, Wanted::ReadOnly);
    let seen = scene.ben.view(handle);
    scene.ben.drop_handle(handle);
    seen
}

/// A stored message with a property of a client's own, open for changes.
fn with_own(scene: &Scene) -> (String, Handle) {
    let new = scene.ana.create("Drafts");
    scene.ana.try_set(new, OWN, "stored").unwrap();
    let id = scene.ana.save(new, KEEP).unwrap().entry_id;
    (id, new)
}

fn property_reads_back_at_once_and_is_stored_by_the_save_alone(scene: &Scene) {
    // OXCPRPT-R476/R478, OXCMSG-R704
    let (id, handle) = with_own(scene);
    let earlier = scene.ben.open(&id, Wanted::ReadOnly);
    scene.ana.try_set(handle, OWN, "pending").unwrap();
    let shown = |view: View| view.property(AS_TEXT).map(str::to_owned);
    let pending = Some("Unicode(\"pending\")".to_owned());
    let stored = Some("Unicode(\"stored\")".to_owned());
    assert_eq!(shown(scene.ana.view(handle)), pending);
    assert_eq!(shown(read_by_ben(scene, &id)), stored);
    scene.ana.save(handle, KEEP).unwrap();
    assert_eq!(shown(read_by_ben(scene, &id)), pending);
    assert_eq!(shown(scene.ben.view(earlier)), stored, "as at opening");
}

fn deleted_property_is_gone_at_once_and_from_storage_after_the_save(scene: &Scene) {
    // OXCPRPT-R487/R489, OXCPRPT-R485/R874
    let (id, handle) = with_own(scene);
    scene
        .ana
        .call::<()>(crate::support::Command::Delete(handle, OWN.value()))
        .unwrap();
    assert_eq!(scene.ana.view(handle).property(AS_TEXT), None);
    assert!(read_by_ben(scene, &id).property(AS_TEXT).is_some());
    scene.ana.save(handle, KEEP).unwrap();
    assert_eq!(read_by_ben(scene, &id).property(AS_TEXT), None);
}

fn dropped_handle_takes_its_changes_with_it(scene: &Scene) {
    // OXCPRPT-R476/R478, OXCPRPT-R487/R489
    let (id, handle) = with_own(scene);
    scene.ana.try_set(handle, OWN, "dropped").unwrap();
    scene.ana.set(handle, pr::SUBJECT, "dropped");
    scene.ana.drop_handle(handle);
    let seen = read_by_ben(scene, &id);
    assert_eq!(seen.property(AS_TEXT), Some("Unicode(\"stored\")"));
    assert_eq!((seen.subject(), seen.row_version), (None, Some(1)));
}

fn value_of_another_type_replaces_the_old_one_for_everybody(scene: &Scene) {
    // OXCPRPT-R475, S2, S5
    let (id, handle) = with_own(scene);
    let theirs = scene.ben.open(&id, Wanted::Modify);
    scene.ana.try_set(handle, OWN_NUMBER, 7).unwrap();
    scene.ben.try_set(theirs, OWN, "theirs").unwrap();
    scene.ana.save(handle, KEEP).unwrap();
    let shown =
        |view: &View| [AS_TEXT, AS_NUMBER].map(|name| view.property(name).map(str::to_owned));
    let number = [None, Some("Long(7)".to_owned())];
    assert_eq!(shown(&scene.ana.view(handle)), number);
    assert_eq!(shown(&read_by_ben(scene, &id)), number);
    expect(
        scene.ben.save(theirs, KEEP),
        MapiCode::MAPI_E_OBJECT_CHANGED,
    );
    scene.ben.save(theirs, FORCE).unwrap();
    let text = [Some("Unicode(\"theirs\")".to_owned()), None];
    assert_eq!(shown(&scene.look(&id)), text);
    scene.check();
}

fn message_class_is_compared_without_case(scene: &Scene) {
    // OXCMSG-R1605
    let new = scene.ana.create("Drafts");
    scene.ana.set(new, pr::MESSAGE_CLASS, "ipm.NOTE.Special");
    let id = scene.ana.save(new, SaveFlags::empty()).unwrap().entry_id;
    let id = id.parse().unwrap();
    let message = scene
        .store
        .open_message(&id, mapistore::Access::ReadOnly)
        .unwrap();
    let class = message.message_class().unwrap().unwrap();
    assert_eq!(class, mapistore::MessageClass::new("IPM.Note.Special"));
    assert!(class.is_kind_of(&mapistore::MessageClass::new("IPM.Note")));
    assert_eq!(class.as_str(), "ipm.NOTE.Special", "as it was spelled");
}
