//! Named properties: one number for one name, in every object and every process, for ever.

use std::collections::{BTreeMap, BTreeSet};

use mapistore::{
    Access, EntryId, MapiCode, MapiProp, PropertyId, PropertyName, PropertyTag, PropertyType,
    PropertyValue, SaveFlags, SpecialFolder, Store, UnknownNames, pr, property_sets,
};

use crate::support::{
    Client, Command, KEEP, Scene, Sharing, TestStore, Wanted, code_of, two_clients,
};

fn name(text: &str) -> PropertyName {
    text.parse().unwrap()
}

fn names<const N: usize>(texts: [&str; N]) -> [PropertyName; N] {
    texts.map(name)
}

fn ids(store: &Store, names: &[PropertyName], unknown: UnknownNames) -> Vec<Option<u16>> {
    let ids = store.ids_from_names(names, unknown).unwrap();
    ids.into_iter().map(|id| id.map(|id| id.0)).collect()
}

fn number_of_names(store: &Store) -> usize {
    store.named_properties().unwrap().len()
}

two_clients!(
    name_has_one_number_for_all_clients,
    number_from_one_client_names_the_property_of_another,
);

fn name_has_one_number_for_all_clients(scene: &Scene) {
    // OXCPRPT-R533, OXCPRPT-R628
    scene.message("original");
    let texts = ["PS_PUBLIC_STRINGS:Keywords", "PSETID_Common:0x8503"];
    assert_eq!(scene.ben.map_names(&texts, false), [None, None]);
    let given = scene.ana.map_names(&texts, true);
    assert_eq!(given, [Some(0x8001), Some(0x8002)]);
    assert_eq!(scene.ben.map_names(&texts, false), given);
    assert_eq!(scene.ben.map_names(&texts, true), given);
    let more = ["PSETID_Task:0x8503", texts[1], texts[0]];
    assert_eq!(
        scene.ben.map_names(&more, true),
        [Some(0x8003), given[1], given[0]]
    );
    assert_eq!(
        scene.ana.map_names(&more, false),
        scene.ben.map_names(&more, true)
    );
    scene.check();
}

fn number_from_one_client_names_the_property_of_another(scene: &Scene) {
    // OXCPRPT-R411
    let id = scene.message("original");
    let text = ["PS_PUBLIC_STRINGS:Colour"];
    let number = scene.ana.map_names(&text, true)[0].unwrap();
    let handle = scene.ana.open(&id, Wanted::Modify);
    let tag = PropertyTag::from_parts(PropertyId(number), PropertyType::Unicode);
    scene.ana.try_set(handle, tag, "green").unwrap();
    scene.ana.save(handle, KEEP).unwrap();

    let theirs = scene.ben.map_names(&text, false)[0].unwrap();
    assert_eq!(theirs, number);
    let handle = scene.ben.open(&id, Wanted::ReadOnly);
    let view = scene.ben.view(handle);
    let (_, value) = view
        .content
        .properties
        .iter()
        .find(|(shown, _)| *shown == tag.to_string())
        .unwrap();
    assert!(value.contains("green"), "{value}");
}

#[test]
fn unknown_names_are_left_without_a_number_unless_they_are_to_be_created() {
    // OXCPRPT-R220, OXCPRPT-R226, OXCPRPT-R532, OXCPRPT-R222
    let test = TestStore::new();
    let known = name("PS_PUBLIC_STRINGS:Keywords");
    test.store
        .named_tag(&known, PropertyType::MvUnicode)
        .unwrap();
    let asked = [
        name("PSETID_Log:0x8700"),
        known.clone(),
        name("PSETID_Note:0x8B00"),
        known,
    ];
    assert_eq!(
        ids(&test.store, &asked, UnknownNames::Leave),
        [None, Some(0x8001), None, Some(0x8001)],
        "what is known is answered in its place, the call as a whole succeeds"
    );
    assert_eq!(
        number_of_names(&test.store),
        1,
        "and nothing was registered"
    );
    assert_eq!(
        ids(&test.store, &asked, UnknownNames::Create),
        [Some(0x8002), Some(0x8001), Some(0x8003), Some(0x8001)]
    );
}

#[test]
fn one_new_name_twice_in_a_call_gets_one_number() {
    // OXCPRPT-R533
    let test = TestStore::new();
    let asked = names([
        "PSETID_Log:0x8700",
        "PSETID_Log:0x8706",
        "PSETID_Log:0x8700",
    ]);
    assert_eq!(
        ids(&test.store, &asked, UnknownNames::Create),
        [Some(0x8001), Some(0x8002), Some(0x8001)]
    );
}

#[test]
fn names_are_the_same_if_set_kind_and_number_or_text_agree() {
    // OXCPRPT-R530, OXCPRPT-R531
    let test = TestStore::new();
    let asked = names([
        "PS_PUBLIC_STRINGS:Keywords",
        "PSETID_Common:Keywords",
        "PS_PUBLIC_STRINGS:keywords",
        "PSETID_Common:0x8503",
        "PSETID_Common:\"0x8503\"",
        "PSETID_Common:34051",
        "PSETID_Task:0x8503",
        "6b29fc40-ca47-1067-b31d-00dd010662da:Keywords",
    ]);
    let found = ids(&test.store, &asked, UnknownNames::Create);
    let distinct: BTreeSet<u16> = found.iter().copied().flatten().collect();
    assert_eq!(distinct.len(), asked.len(), "{found:?}");
    let again = Store::options().open(test.store.path()).unwrap();
    assert_eq!(ids(&again, &asked, UnknownNames::Leave), found);
}

#[test]
fn header_fields_are_one_property_in_any_case() {
    // OXCPRPT-R530
    let test = TestStore::new();
    let asked = names([
        "PS_INTERNET_HEADERS:X-Mailer",
        "PS_INTERNET_HEADERS:x-mailer",
    ]);
    assert_eq!(
        ids(&test.store, &asked, UnknownNames::Create),
        [Some(0x8001), Some(0x8001)]
    );
}

#[test]
fn numbers_of_ps_mapi_stand_for_themselves_and_its_texts_for_nothing() {
    // OXCPRPT-R642
    let test = TestStore::new();
    let asked = names([
        "PS_MAPI:0x0037",
        "PS_MAPI:Subject",
        "PS_MAPI:0x8000",
        "PS_MAPI:0x00010037",
    ]);
    for unknown in [UnknownNames::Leave, UnknownNames::Create] {
        assert_eq!(
            ids(&test.store, &asked, unknown),
            [Some(0x0037), None, None, None]
        );
    }
    assert_eq!(number_of_names(&test.store), 0, "nothing is registered");
    let no_tag = test.store.named_tag(&asked[1], PropertyType::Unicode);
    assert_eq!(code_of(no_tag), MapiCode::MAPI_E_INVALID_PARAMETER);
    let subject = test.store.named_tag(&asked[0], PropertyType::Unicode);
    assert_eq!(subject.unwrap(), pr::SUBJECT.tag());
}

#[test]
fn numbers_are_mapped_back_to_names_each_in_its_place() {
    // OXCPRPT-R518, OXCPRPT-R521, OXCPRPT-R222, OXCPRPT-R249
    let test = TestStore::new();
    let registered = names([
        "PSETID_Common:0x8503",
        "PS_PUBLIC_STRINGS:Keywords",
        "6b29fc40-ca47-1067-b31d-00dd010662da:\"0x8503\"",
    ]);
    ids(&test.store, &registered, UnknownNames::Create);
    let asked = [
        0x8002, 0x0037, 0x9000, 0x8001, 0x8003, 0x8002, 0x8000, 0xFFFF, 0,
    ]
    .map(PropertyId);
    let [common, keywords, own] = registered.clone();
    let itself = |number| PropertyName::number(property_sets::PS_MAPI, number);
    assert_eq!(
        test.store.names_from_ids(&asked).unwrap(),
        [
            Some(keywords.clone()),
            Some(itself(0x0037)),
            None,
            Some(common),
            Some(own),
            Some(keywords),
            None,
            None,
            Some(itself(0)),
        ]
    );
    let all: Vec<PropertyName> = test
        .store
        .named_properties()
        .unwrap()
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    assert_eq!(all, registered);
}

#[test]
fn one_number_serves_messages_attachments_folders_and_the_store() {
    // OXCPRPT-R411
    fn holds(object: &mut dyn MapiProp, tag: PropertyTag) {
        let value = PropertyValue::Unicode("green".to_owned());
        object.set_value(tag, value.clone()).unwrap();
        assert_eq!(object.get_value(tag).unwrap(), Some(value));
    }
    let test = TestStore::new();
    let tag = test
        .store
        .named_tag(&name("PS_PUBLIC_STRINGS:Colour"), PropertyType::Unicode)
        .unwrap();
    let mut message = test.new_draft();
    holds(&mut message, tag);
    holds(&mut message.create_attachment().unwrap(), tag);
    holds(
        &mut test.store.special_folder(SpecialFolder::Inbox).unwrap(),
        tag,
    );
    holds(&mut test.store.clone(), tag);
}

#[test]
fn names_find_their_values_after_the_store_was_closed() {
    // OXCPRPT-R869
    let test = TestStore::new();
    let colour = name("PS_PUBLIC_STRINGS:Colour");
    let tag = test
        .store
        .named_tag(&colour, PropertyType::Unicode)
        .unwrap();
    let mut message = test.new_draft();
    message
        .set_value(tag, PropertyValue::Unicode("green".to_owned()))
        .unwrap();
    let id = message.save_changes(SaveFlags::empty()).unwrap().entry_id;
    drop(message);
    let path = test.store.path().to_owned();
    let folder = test.close();
    let again = Store::options().open(path).unwrap();
    let found = again
        .ids_from_names(&[colour], UnknownNames::Leave)
        .unwrap();
    let tag_again = PropertyTag::from_parts(found[0].unwrap(), PropertyType::Unicode);
    assert_eq!(tag_again, tag, "this store keeps the number as well");
    let message = again.open_message(&id, Access::ReadOnly).unwrap();
    assert_eq!(
        message.get_value(tag_again).unwrap(),
        Some(PropertyValue::Unicode("green".to_owned()))
    );
    drop((message, again, folder));
}

#[test]
fn has_named_properties_tells_what_was_saved() {
    // OXCMSG-R364
    let test = TestStore::new();
    let tag = test
        .store
        .named_tag(&name("PS_PUBLIC_STRINGS:Colour"), PropertyType::Unicode)
        .unwrap();
    let mut message = test.new_draft();
    let told = |message: &mapistore::Message| message.get(pr::HAS_NAMED_PROPERTIES).unwrap();
    assert_eq!(told(&message), Some(false));
    message.set(pr::SUBJECT, "plain").unwrap();
    let id = message.save_changes(KEEP).unwrap().entry_id;
    let open = |id: &EntryId| test.store.open_message(id, Access::Modify).unwrap();
    assert_eq!(told(&open(&id)), Some(false));

    message
        .set_value(tag, PropertyValue::Unicode("green".to_owned()))
        .unwrap();
    assert_eq!(told(&message), Some(false), "it is not saved yet");
    message.save_changes(KEEP).unwrap();
    assert_eq!(told(&open(&id)), Some(true));
    message.delete_property(tag).unwrap();
    message.save_changes(KEEP).unwrap();
    assert_eq!(told(&open(&id)), Some(false));
    let refused = message.set(pr::HAS_NAMED_PROPERTIES, true);
    assert_eq!(code_of(refused), MapiCode::MAPI_E_COMPUTED);
}

#[test]
fn store_opened_read_only_maps_names_and_creates_none() {
    // OXCPRPT-R532, O3
    let test = TestStore::new();
    let known = name("PS_PUBLIC_STRINGS:Keywords");
    test.store
        .named_tag(&known, PropertyType::MvUnicode)
        .unwrap();
    let reader = Store::options()
        .read_only()
        .open(test.store.path())
        .unwrap();
    let asked = [known, name("PSETID_Log:0x8700")];
    assert_eq!(
        ids(&reader, &asked[..1], UnknownNames::Create),
        [Some(0x8001)]
    );
    assert_eq!(
        ids(&reader, &asked, UnknownNames::Leave),
        [Some(0x8001), None]
    );
    let created = reader.ids_from_names(&asked, UnknownNames::Create);
    assert_eq!(code_of(created), MapiCode::MAPI_E_NO_ACCESS);
    assert_eq!(number_of_names(&test.store), 1);
}

#[test]
fn last_number_is_given_out_and_none_after_it() {
    // OXCPRPT-R534, OXCPRPT-R535
    let test = TestStore::new();
    let set = property_sets::PSETID_COMMON;
    let most: Vec<PropertyName> = (0..32_765)
        .map(|number| PropertyName::number(set, number))
        .collect();
    let given = ids(&test.store, &most, UnknownNames::Create);
    assert_eq!((given[0], given[32_764]), (Some(0x8001), Some(0xFFFD)));
    let two = [
        PropertyName::number(set, 100_000),
        PropertyName::number(set, 100_001),
    ];
    let refused = test.store.ids_from_names(&two, UnknownNames::Create);
    assert_eq!(code_of(refused), MapiCode::MAPI_E_TOO_BIG);
    assert_eq!(
        ids(&test.store, &two, UnknownNames::Leave),
        [None, None],
        "a refused call has registered nothing"
    );
    assert_eq!(
        ids(&test.store, &two[..1], UnknownNames::Create),
        [Some(0xFFFE)]
    );
    let refused = test.store.ids_from_names(&two, UnknownNames::Create);
    assert_eq!(code_of(refused), MapiCode::MAPI_E_TOO_BIG);
    assert_eq!(ids(&test.store, &most, UnknownNames::Create), given);
    test.assert_sound();
}

#[test]
fn processes_that_name_properties_at_the_same_moment_agree() {
    // OXCPRPT-R533, P1
    let scene = Scene::new(Sharing::Processes);
    scene.message("original");
    let clients: Vec<Client> = (0..12)
        .map(|number| scene.client(&format!("client {number}")))
        .collect();
    for round in 0..5 {
        let shared: Vec<String> = (0..20)
            .map(|number| format!("PS_PUBLIC_STRINGS:shared {round} {number}"))
            .collect();
        let asked: Vec<Vec<String>> = (0..clients.len())
            .map(|client| {
                // Each asks for the shared names in another order, and for some that only it has.
                let mut names = shared.clone();
                names.rotate_left(client);
                names.extend((0..5).map(|own| format!("PSETID_Task:own {client} {round} {own}")));
                names
            })
            .collect();
        for (client, names) in clients.iter().zip(&asked) {
            let names = names.clone();
            client.send(Command::MapNames {
                names,
                create: true,
            });
        }
        for (client, names) in clients.iter().zip(&asked) {
            let given: Vec<Option<u16>> = client.receive().unwrap();
            let parsed: Vec<PropertyName> = names.iter().map(|text| name(text)).collect();
            assert_eq!(given, ids(&scene.store, &parsed, UnknownNames::Leave));
        }
    }
    let all: BTreeMap<PropertyName, u16> = scene
        .store
        .named_properties()
        .unwrap()
        .into_iter()
        .map(|(id, name)| (name, id.0))
        .collect();
    let numbers: BTreeSet<u16> = all.values().copied().collect();
    assert_eq!(all.len(), 5 * (20 + 12 * 5));
    assert_eq!(
        numbers,
        (0x8001..=0x8001 + 399).collect(),
        "no number twice, none left out"
    );
    scene.check();
}

#[test]
fn process_killed_while_it_names_properties_leaves_what_it_was_told() {
    // OXCPRPT-R533, P5
    let scene = Scene::new(Sharing::Processes);
    scene.message("original");
    for round in 0..6_u32 {
        let doomed = scene.client("doomed");
        let prefix = format!("PSETID_Log:round {round} ");
        doomed.send(Command::NameMany {
            prefix: prefix.clone(),
            count: u32::MAX,
        });
        let mut told: Vec<Vec<Option<u16>>> = Vec::new();
        for _ in 0..=round * 3 {
            told.push(doomed.progress());
        }
        let rest = doomed.kill();
        told.extend(
            rest.into_iter()
                .map(|word| serde_json::from_value(word).unwrap()),
        );
        for (number, told) in told.iter().enumerate() {
            let asked = [name(&format!("{prefix}{number}"))];
            assert_eq!(ids(&scene.store, &asked, UnknownNames::Leave), *told);
        }
        // The others go on at once.
        let next = format!("PSETID_Log:after {round}");
        assert!(scene.ben.map_names(&[&next], true)[0].is_some());
    }
    let all = scene.store.named_properties().unwrap();
    let highest = all.last().unwrap().0.0;
    assert_eq!(
        usize::from(highest - 0x8000),
        all.len(),
        "no number was lost or given twice"
    );
    scene.check();
}
