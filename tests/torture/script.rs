//! The script: what a client does, in scenes that each begin with a copy of the same store.

use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use mapistore::{
    Access, Deletion, EmbeddedAccess, EntryId, Error, MergeChoices, MessageStatus, Page,
    PropertyType, Purge, ReadState, Resolution, Result, SaveFlags, SpecialFolder, Store,
    StreamAccess, UnknownNames, pr,
};

use crate::actor::{Actor, CLOSE, FORCE, KEEP, blob, read_all};

/// One call or a few, which can be repeated after they failed.
pub(crate) type Step = fn(&mut Actor) -> Result<()>;

/// Whether a step commits once, or in parts of which each is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Commits {
    Once,
    InParts,
}

pub(crate) struct Scene {
    pub(crate) name: &'static str,
    pub(crate) steps: Vec<(Commits, Step)>,
}

macro_rules! scene {
    ($name:literal in parts; $($step:expr),* $(,)?) => {
        Scene { name: $name, steps: vec![$((Commits::InParts, $step as Step)),*] }
    };
    ($name:expr; $($step:expr),* $(,)?) => {
        Scene { name: $name, steps: vec![$((Commits::Once, $step as Step)),*] }
    };
}

/// The scene that begins just before a checkpoint.
pub(crate) const NEEDS_LONG_LOG: &str = "enough for a checkpoint beside the turn";

/// How many messages [`prepare`] makes.
pub(crate) const PREPARED: usize = 6;

/// Makes the store that every scene begins with, and answers its messages. `M3` has a kept version, and `M5` two
/// attachments of which one is no longer referred to.
pub(crate) fn prepare(path: &Path) -> (Store, Vec<EntryId>) {
    let store = Store::options()
        .client_name("preparer")
        .create_if_missing()
        .open(path)
        .unwrap();
    let inbox = store.special_folder(SpecialFolder::Inbox).unwrap();
    let mut actor = Actor::new(path.to_owned(), Vec::new());
    for number in 0..PREPARED {
        let mut message = inbox.create_message().unwrap();
        message.set(pr::SUBJECT, format!("M{number}")).unwrap();
        message
            .set(pr::BODY, String::from_utf8(blob(number, 3_000)).unwrap())
            .unwrap();
        message
            .attach("prepared", &blob(number + 10, 9_000)[..])
            .unwrap();
        actor.put("m", message);
        actor.recipient("m", "ana").unwrap();
        actor.save_new("m", CLOSE).unwrap();
    }
    let mut first = store.open_message(&actor.ids[3], Access::Modify).unwrap();
    let mut second = store.open_message(&actor.ids[3], Access::Modify).unwrap();
    first.set(pr::SUBJECT, "M3, first").unwrap();
    first.save_changes(CLOSE).unwrap();
    second.set(pr::SUBJECT, "M3").unwrap();
    second.save_changes(SaveFlags::FORCE_SAVE).unwrap();
    let mut last = store.open_message(&actor.ids[5], Access::Modify).unwrap();
    last.attach("dropped", &blob(99, 9_000)[..]).unwrap();
    last.save_changes(KEEP).unwrap();
    let numbers: Vec<_> = last
        .attachments()
        .unwrap()
        .iter()
        .map(|row| row.number)
        .collect();
    last.delete_attachment(numbers[1]).unwrap();
    last.save_changes(CLOSE).unwrap();
    (store, actor.ids)
}

/// All scenes, 200 steps together.
pub(crate) fn scenes() -> Vec<Scene> {
    let mut scenes = saving();
    scenes.extend(conflicts());
    scenes.extend(large());
    scenes.extend(beside());
    for scene in &mut scenes {
        scene.steps.insert(0, (Commits::Once, Actor::open_store));
        scene.steps.push((Commits::Once, Actor::close_store));
    }
    scenes
}

fn saving() -> Vec<Scene> {
    vec![
        scene!("a new message";
            |a| a.create("n", "new"),
            |a| a.body("n", 1, 3_000),
            |a| a.recipient("n", "ben"),
            |a| a.save_new("n", KEEP),
            |a| a.subject("n", "new, changed"),
            |a| a.save("n", KEEP).map(drop),
            |a| a.save("n", KEEP).map(drop),
            |a| a.body("n", 2, 40_000),
            |a| a.save("n", SaveFlags::KEEP_OPEN_READONLY).map(drop),
        ),
        scene!("one message saved again and again";
            |a| a.open("m", 0),
            |a| a.subject("m", "first"),
            |a| a.save("m", KEEP).map(drop),
            |a| a.subject("m", "second"),
            |a| a.save("m", FORCE).map(drop),
            |a| a.save("m", FORCE).map(drop),
            |a| a.recipient("m", "cem"),
            |a| a.save("m", CLOSE).map(drop),
        ),
        scene!("the second save is refused, and forced";
            |a| a.open("first", 1),
            |a| a.open("second", 1),
            |a| a.subject("first", "theirs"),
            |a| a.subject("second", "mine"),
            |a| a.save("first", KEEP).map(drop),
            |a| a.save_stale("second"),
            |a| a.save("second", FORCE).map(drop),
            |a| a.save_stale("first"),
            |a| a.handle("first").reload(),
            |a| a.subject("first", "once more"),
            |a| a.save("first", CLOSE).map(drop),
        ),
        scene!("several in one commit";
            |a| a.open("x", 0),
            |a| a.open("y", 1),
            |a| a.create("z", "third"),
            |a| a.subject("x", "x"),
            |a| a.body("y", 5, 12_000),
            |a| a.save_together(&["x", "y", "z"]),
            |a| a.subject("x", "x again"),
            |a| a.attach("y", "together", 30_000),
            |a| a.save_together(&["x", "y", "z"]),
        ),
        scene!("a message within a message";
            |a| a.open("m", 2),
            |a| {
                let mut attachment = a.handle("m").create_attachment()?;
                let mut inner = attachment.open_embedded_message(EmbeddedAccess::Create)?;
                inner.set(pr::SUBJECT, "inner")?;
                inner.attach("deep", &blob(3, 20_000)[..])?;
                inner.save_changes(CLOSE)?;
                attachment.save_changes(CLOSE)
            },
            |a| a.save("m", KEEP).map(drop),
            |a| {
                let message = a.handle("m");
                let rows = message.attachments()?;
                let last = rows.last().unwrap().number;
                let mut attachment = message.open_attachment(last)?;
                let mut inner = attachment.open_embedded_message(EmbeddedAccess::Modify)?;
                inner.set(pr::SUBJECT, "inner, changed")?;
                inner.save_changes(CLOSE)?;
                attachment.save_changes(CLOSE)
            },
            |a| a.save("m", KEEP).map(drop),
            |a| {
                let message = a.handle("m");
                let rows = message.attachments()?;
                message.delete_attachment(rows[0].number)
            },
            |a| a.save("m", CLOSE).map(drop),
        ),
    ]
}

/// Makes the handle `mine` stale by another one.
fn overtaken(a: &mut Actor) -> Result<()> {
    a.open("mine", 0)?;
    a.open("theirs", 0)?;
    a.subject("theirs", "theirs")?;
    a.body("mine", 8, 2_000)
}

fn conflicts() -> Vec<Scene> {
    vec![
        scene!("a merge";
            overtaken,
            |a| a.save("theirs", KEEP).map(drop),
            |a| a.see_conflict("mine"),
            |a| a.resolve("mine", Resolution::Merge(MergeChoices::new())),
            |a| a.recipient("mine", "dan"),
            |a| a.save("mine", CLOSE).map(drop),
        ),
        scene!("an overwrite";
            overtaken,
            |a| a.save("theirs", KEEP).map(drop),
            |a| a.see_conflict("mine"),
            |a| a.resolve("mine", Resolution::Overwrite),
            |a| a.save_stale("theirs"),
            |a| a.see_conflict("theirs"),
            |a| a.resolve("theirs", Resolution::KeepOriginal),
        ),
        scene!("a copy elsewhere";
            overtaken,
            |a| a.save("theirs", KEEP).map(drop),
            |a| a.see_conflict("mine"),
            |a| {
                let folder = a.store().special_folder(SpecialFolder::Drafts)?.entry_id();
                a.resolve("mine", Resolution::SaveElsewhere(folder))
            },
            |a| a.subject("mine", "built on theirs"),
            |a| a.save("mine", CLOSE).map(drop),
        ),
        scene!("versions put back";
            |a| a.store().versions(&a.ids[3]).map(drop),
            |a| a.store().restore(&a.ids[3], version(2)).map(drop),
            |a| a.open("m", 3),
            |a| a.handle("m").restore(version(3)),
            |a| a.save("m", CLOSE).map(drop),
            |a| Actor::all(a.store().delete_messages(&a.ids[3..4], Deletion::Hard)),
            |a| a.store().open_version(&a.ids[3], version(2)).map(drop),
            |a| a.store().restore(&a.ids[3], version(2)).map(drop),
        ),
    ]
}

fn version(number: i64) -> mapistore::RowVersion {
    mapistore::RowVersion::new(number).unwrap()
}

fn large() -> Vec<Scene> {
    vec![
        scene!("attachments";
            |a| a.open("m", 4),
            |a| a.attach("m", "one", 30_000),
            |a| a.attach("m", "equal", 100_000),
            |a| a.save("m", KEEP).map(drop),
            |a| a.attach("m", "three", 30_000),
            |a| a.attach("m", "again", 100_000),
            |a| a.save("m", KEEP).map(drop),
            |a| {
                let rows = a.handle("m").attachments()?;
                a.handle("m").delete_attachment(rows[1].number)
            },
            |a| a.save("m", CLOSE).map(drop),
        ),
        scene!("a stream that goes to the store before its save";
            |a| a.create("n", "large"),
            |a| a.attach("n", "spilled", 1_200_000),
            |a| a.save_new("n", KEEP),
            |a| a.open("again", PREPARED),
            |a| {
                let rows = a.handle("again").attachments()?;
                let reader = a.handle("again").open_attachment_data(rows[0].number)?;
                assert_eq!(read_all(reader)?, blob("spilled".len(), 1_200_000));
                Ok(())
            },
            |a| a.subject("again", "read"),
            |a| a.save("again", KEEP).map(drop),
            |a| a.body("again", 6, 60_000),
            |a| a.save("again", CLOSE).map(drop),
        ),
        scene!(NEEDS_LONG_LOG;
            |a| a.open("m", 1),
            |a| a.attach("m", "checkpoint", 120_000),
            |a| a.save("m", KEEP).map(drop),
            |a| a.subject("m", "after the checkpoint"),
            |a| a.save("m", KEEP).map(drop),
            |a| a.body("m", 4, 5_000),
            |a| a.save("m", KEEP).map(drop),
            |a| a.store().open_message(&a.ids[1], Access::ReadOnly).map(drop),
            |a| a.subject("m", "and at the end"),
            |a| a.save("m", CLOSE).map(drop),
            |a| a.store().last_change().map(drop),
        ),
        scene!("a property written through a stream";
            |a| a.open("m", 2),
            |a| {
                let mut stream = a
                    .handle("m")
                    .open_property_stream(pr::BODY.tag(), StreamAccess::ReadWrite)?;
                let failed = |error: std::io::Error| Error::DiskError {
                    detail: "writing a stream".to_owned(),
                    source: Box::new(error),
                };
                stream.seek(SeekFrom::Start(100)).map_err(failed)?;
                stream.write_all(&[b'x'; 2_000]).map_err(failed)?;
                stream.commit()
            },
            |a| a.save("m", KEEP).map(drop),
            |a| a.handle("m").set_stream(pr::BODY.tag(), &blob(9, 2_000)[..]).map(drop),
            |a| a.save("m", CLOSE).map(drop),
        ),
        scene!("reading while it is saved over";
            |a| a.open("m", 5),
            |a| {
                let rows = a.handle("m").attachments()?;
                a.stream = Some(a.handle("m").open_attachment_data(rows[0].number)?);
                Ok(())
            },
            |a| a.open("other", 5),
            |a| {
                let rows = a.handle("other").attachments()?;
                a.handle("other").delete_attachment(rows[0].number)
            },
            |a| a.save("other", KEEP).map(drop),
            |a| a.store().collect_garbage().map(drop),
            |a| {
                let stream = a.stream.as_mut().unwrap();
                stream.rewind().unwrap();
                assert_eq!(read_all(stream)?, blob(PREPARED + 9, 9_000));
                Ok(())
            },
            |a| a.handle("m").reload(),
        ),
    ]
}

fn beside() -> Vec<Scene> {
    vec![
        scene!("what is no content";
            |a| Actor::all(a.store().set_read_state(&a.ids[0..3], ReadState::Read)),
            |a| {
                let drafts = a.store().special_folder(SpecialFolder::Drafts)?;
                Actor::all(a.store().move_messages(&a.ids[0..2], &drafts))
            },
            |a| {
                let tagged = MessageStatus::TAGGED;
                a.store().set_message_status(&a.ids[2], tagged, tagged).map(drop)
            },
            |a| Actor::all(a.store().set_read_state(&a.ids[1..2], ReadState::Unread)),
            |a| a.open("m", 0),
            |a| a.subject("m", "moved"),
            |a| a.save("m", CLOSE).map(drop),
        ),
        scene!("deleting";
            |a| a.open("m", 0),
            |a| a.open("n", 1),
            |a| a.subject("m", "too late"),
            |a| a.subject("n", "too late as well"),
            |a| Actor::all(a.store().delete_messages(&a.ids[0..1], Deletion::Soft)),
            |a| Actor::all(a.store().delete_messages(&a.ids[1..2], Deletion::Hard)),
            |a| a.save_deleted("m"),
            |a| a.save_deleted("n"),
            |a| {
                let inbox = a.store().special_folder(SpecialFolder::Inbox)?;
                let copy = a.handle("n").save_elsewhere(&inbox)?;
                a.put("copy", copy);
                Ok(())
            },
        ),
        scene!("names for properties";
            |a| {
                let name = "PSETID_Common:0x8503".parse().unwrap();
                a.store().named_tag(&name, PropertyType::Unicode).map(drop)
            },
            |a| a.open("m", 0),
            |a| {
                let names = ["PS_PUBLIC_STRINGS:Keywords", "PS_PUBLIC_STRINGS:Second"];
                let names = names.map(|name| name.parse().unwrap());
                let ids = a.store().ids_from_names(&names, UnknownNames::Create)?;
                assert!(ids.iter().all(Option::is_some));
                Ok(())
            },
            |a| {
                let name = "PS_PUBLIC_STRINGS:Second".parse().unwrap();
                let tag = a.store().named_tag(&name, PropertyType::Unicode)?;
                a.handle("m").set_value(tag, "named".to_owned().into())
            },
            |a| a.save("m", CLOSE).map(drop),
            |a| a.store().named_properties().map(drop),
        ),
        scene!("folders";
            |a| a.store().ensure_folder("One").map(drop),
            |a| a.store().ensure_folder("One/Two").map(drop),
            |a| {
                let folder = a.store().folder_by_path("One")?;
                folder.rename("Three")
            },
            |a| {
                let folder = a.store().folder_by_path("Three/Two")?;
                Actor::all(a.store().move_messages(&a.ids[0..1], &folder))
            },
            |a| {
                let drafts = a.store().special_folder(SpecialFolder::Drafts)?;
                Actor::all(a.store().move_messages(&a.ids[0..1], &drafts))
            },
            |a| a.store().folder_by_path("Three/Two")?.delete(),
            |a| a.store().folders().map(drop),
        ),
        scene!("copies";
            |a| {
                let drafts = a.store().special_folder(SpecialFolder::Drafts)?;
                Actor::all(a.store().copy_messages(&a.ids[4..5], &drafts))
            },
            |a| a.open("m", 4),
            |a| {
                let drafts = a.store().special_folder(SpecialFolder::Drafts)?;
                let copy = a.handle("m").save_elsewhere(&drafts)?;
                a.put("copy", copy);
                Ok(())
            },
            |a| a.subject("copy", "a copy of a copy"),
            |a| a.save("copy", CLOSE).map(drop),
        ),
        scene!("purging and collecting" in parts;
            |a| a.open("m", 5),
            |a| a.subject("m", "before the purge"),
            |a| a.save("m", KEEP).map(drop),
            |a| a.store().collect_garbage().map(drop),
            |a| a.store().purge(&Purge::everything()).map(drop),
            |a| a.store().collect_garbage().map(drop),
            |a| a.subject("m", "after the purge"),
            |a| a.save("m", CLOSE).map(drop),
        ),
        scene!("looking";
            |a| {
                let inbox = a.store().special_folder(SpecialFolder::Inbox)?;
                let listed = inbox.messages(Page::default())?;
                assert_eq!(listed.len(), PREPARED);
                Ok(())
            },
            |a| {
                let found = a.store().query("SELECT count(*) FROM inspect_properties")?;
                assert_eq!(found.rows.len(), 1);
                Ok(())
            },
            |a| {
                let problems = a.store().check(&mut |_| ())?.problems;
                // What could not be read is in the report, beside what seems wrong for that reason.
                if problems.is_empty() {
                    return Ok(());
                }
                Err(Error::DiskError {
                    detail: "checking".to_owned(),
                    source: problems.concat().into(),
                })
            },
            |a| a.store().changes_after(mapistore::ChangeNumber::ZERO, 100).map(drop),
            |a| a.store().versions(&a.ids[3]).map(drop),
            |a| a.store().folder_by_path("Drafts").map(drop),
            |a| {
                let message = a.store().open_message(&a.ids[0], Access::ReadOnly)?;
                let rows = message.attachments()?;
                let data = read_all(message.open_attachment_data(rows[0].number)?)?;
                assert_eq!(data, blob(10, 9_000));
                Ok(())
            },
        ),
    ]
}
