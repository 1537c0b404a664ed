//! A store with something for every view to show.

use std::path::{Path, PathBuf};

use mapistore::{
    Access, EntryId, FileTime, PropertyTag, PropertyValue, Recipient, Resolution, Resolved,
    SaveFlags, SpecialFolder, Store, StreamHash, pr,
};

/// A property of the range of named ones that has no name here.
pub(crate) const UNKNOWN: PropertyTag = PropertyTag::new(0x8001_001F);
/// The same, of several values.
pub(crate) const UNKNOWN_TEXTS: PropertyTag = PropertyTag::new(0x8002_101F);
/// Large enough to be kept apart from the message.
pub(crate) const BODY_SIZE: usize = 100_000;
pub(crate) const ATTACHED: &[u8] = b"1;2;3\n";

pub(crate) struct Filled {
    pub(crate) _folder: tempfile::TempDir,
    pub(crate) path: PathBuf,
    pub(crate) store: Store,
    /// Holds one of everything.
    pub(crate) full: EntryId,
    /// Saved twice at once, the second time by force.
    pub(crate) forced: EntryId,
    /// Lost against another message, and was saved as one of its own.
    pub(crate) copy: EntryId,
    /// The other one.
    pub(crate) contested: EntryId,
    /// Holds a message, which holds another.
    pub(crate) nested: EntryId,
    /// Moved together, to Inbox/2026.
    pub(crate) moved: Vec<EntryId>,
}

fn open(path: &Path, client: &str) -> Store {
    Store::options()
        .client_name(client)
        .create_if_missing()
        .open(path)
        .unwrap()
}

fn small(store: &Store, subject: &str) -> EntryId {
    let inbox = store.special_folder(SpecialFolder::Inbox).unwrap();
    let mut message = inbox.create_message().unwrap();
    message.set(pr::SUBJECT, subject).unwrap();
    message.save_changes(SaveFlags::empty()).unwrap().entry_id
}

fn full(store: &Store) -> EntryId {
    let drafts = store.special_folder(SpecialFolder::Drafts).unwrap();
    let mut message = drafts.create_message().unwrap();
    message.set(pr::SUBJECT, "Fig\0ures").unwrap();
    message.set(pr::SENDER_NAME, "Čeda").unwrap();
    message.set(pr::BODY, "x".repeat(BODY_SIZE)).unwrap();
    message.set(pr::AUTO_FORWARDED, true).unwrap();
    message.set(pr::IMPORTANCE, 2).unwrap();
    let received = FileTime::parse("2026-11-22T10:39:39.0000000Z").unwrap();
    message.set(pr::MESSAGE_DELIVERY_TIME, received).unwrap();
    message
        .set_value(UNKNOWN, PropertyValue::Unicode("mine".to_owned()))
        .unwrap();
    let texts = vec!["one".to_owned(), "two".to_owned()];
    message
        .set_value(UNKNOWN_TEXTS, PropertyValue::MvUnicode(texts))
        .unwrap();
    message
        .add_recipient(Recipient::to("Ana", "ana@example.org"))
        .unwrap();
    message
        .add_recipient(Recipient::bcc("", "ben@example.org"))
        .unwrap();
    message.attach("figures.csv", ATTACHED).unwrap();
    message.save_changes(SaveFlags::empty()).unwrap().entry_id
}

/// A message and the copy that lost against it.
fn contested(store: &Store, ben: &Store) -> (EntryId, EntryId) {
    let contested = small(store, "contested");
    let mut slower = ben.open_message(&contested, Access::Modify).unwrap();
    let mut faster = store.open_message(&contested, Access::Modify).unwrap();
    faster.set(pr::SUBJECT, "the winner").unwrap();
    faster.save_changes(SaveFlags::empty()).unwrap();
    slower.set(pr::SUBJECT, "the loser").unwrap();
    let conflict = slower.conflict().unwrap();
    let folder = store.special_folder(SpecialFolder::Conflicts).unwrap();
    let elsewhere = Resolution::SaveElsewhere(folder.entry_id());
    match slower.resolve(&conflict, elsewhere).unwrap() {
        Resolved::SavedElsewhere(saved) => (contested, saved.entry_id),
        other => panic!("{other:?}"),
    }
}

/// Two names, of a number and of a text that looks like one, and one of a set that has no name.
fn name_properties(by_hand: &rusqlite::Connection) {
    let common = mapistore::property_sets::PSETID_COMMON;
    let own = mapistore::PropertySet::from_bytes([0xA5; 16]);
    let insert = "INSERT INTO named_properties (property_id, property_set, number, name) VALUES (?, ?, ?, ?)";
    for (id, set, number, name) in [
        (0x8002, common, Some(0x8503), None),
        (0x8003, common, None, Some("0x8503")),
        (0x8004, own, None, Some("Keywords")),
    ] {
        by_hand
            .execute(insert, (id, set.as_bytes(), number, name))
            .unwrap();
    }
}

/// The document of a message with one recipient that attachments hold.
fn held(subject: &str, attachments: &str) -> String {
    format!(
        r#"{{"properties":{{"001A001F":"IPM.Note","0037001F":"{subject}","0C1F001F":"ana@example.org"}},
        "recipients":[{{"row_id":0,"properties":{{}}}}],"next_number":1,"attachments":[{attachments}]}}"#
    )
}

fn nested(store: &Store, by_hand: &rusqlite::Connection) -> EntryId {
    let id = small(store, "outermost");
    let row = |number: u32, message: &str| {
        format!(
            r#"{{"number":{number},"properties":{{"370E001F":"message/rfc822","3712001F":"part1"}},"message":{message}}}"#
        )
    };
    let middle = held("middle", &row(2, &held("innermost", "")));
    let attachments = format!(r#"{{"next_number":1,"rows":[{}]}}"#, row(0, &middle));
    let changed = by_hand.execute(
        "UPDATE messages SET attachments = ?, row_version = row_version + 1, content_checksum = NULL \
         WHERE entry_uid = ?",
        (attachments, id.object().as_bytes()),
    );
    assert_eq!(changed.unwrap(), 1);
    id
}

impl Filled {
    pub(crate) fn new() -> Filled {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mail.store");
        let store = open(&path, "ana");
        let ben = open(&path, "ben");
        let full = full(&store);

        let forced = small(&store, "as it was");
        let mut slower = ben.open_message(&forced, Access::Modify).unwrap();
        let mut faster = store.open_message(&forced, Access::Modify).unwrap();
        faster.set(pr::SUBJECT, "of the faster").unwrap();
        faster.save_changes(SaveFlags::empty()).unwrap();
        slower.set(pr::SUBJECT, "of the slower").unwrap();
        slower.save_changes(SaveFlags::FORCE_SAVE).unwrap();

        let (contested, copy) = contested(&store, &ben);

        let by_hand = rusqlite::Connection::open(&path).unwrap();
        name_properties(&by_hand);
        let nested = nested(&store, &by_hand);
        drop(by_hand);

        let moved: Vec<EntryId> = ["a", "b", "c"]
            .map(|subject| small(&store, subject))
            .to_vec();
        let inbox = store.special_folder(SpecialFolder::Inbox).unwrap();
        let year = inbox.create_folder("2026").unwrap();
        for (_, outcome) in store.move_messages(&moved, &year).unwrap() {
            outcome.unwrap();
        }
        Filled {
            _folder: folder,
            path,
            store,
            full,
            forced,
            copy,
            contested,
            nested,
            moved,
        }
    }
}

/// An entry id as the views show it.
pub(crate) fn shown(entry_id: &EntryId) -> String {
    entry_id.object().to_string()
}

pub(crate) fn hash_of(bytes: &[u8]) -> String {
    StreamHash::of(bytes).to_string()
}
