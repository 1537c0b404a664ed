//! What a process does with a damaged store: everything that a client does, and then looks after it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::Path;

use mapistore::{
    Access, BackupIdentity, Deletion, Durability, EntryId, Error, MapiCode, Message, Page,
    SaveFlags, Store, pr,
};

/// Works through the files of a batch, and notes before each which one it is.
pub(crate) fn work_through(folder: &Path) {
    let known = fs::read_to_string(folder.join("known")).unwrap();
    let known = versions(&known);
    for line in fs::read_to_string(folder.join("cases")).unwrap().lines() {
        fs::write(folder.join("at"), line).unwrap();
        let case = line.split('\t').next().unwrap();
        try_one(&folder.join(case), &known);
        fs::remove_dir_all(folder.join(case)).unwrap();
    }
}

type Known<'a> = BTreeMap<&'a str, &'a str>;

fn versions(known: &str) -> Known<'_> {
    known
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .collect()
}

fn try_one(folder: &Path, known: &Known<'_>) {
    let path = folder.join("mail.store");
    let to = folder.join("sound.store");
    let by_hand = fs::read_to_string(folder.join("../at"))
        .unwrap()
        .contains("by hand");
    let before = fs::read(&path).unwrap();
    // Before anything else, since opening moves the log in.
    let recovered = Store::recover(&path, &to, &mut |_| {});
    assert!(fs::read(&path).unwrap() == before, "recovering only reads");
    match recovered {
        Ok(recovered) => {
            let store = Store::options().open(&to).unwrap();
            let report = store.check(&mut |_| {}).unwrap();
            assert!(
                report.is_sound(),
                "{:?} of {:?}",
                report.problems,
                recovered.lost
            );
            compare_recovered(&store, known, &recovered);
        }
        Err(error) => foreseen(&error),
    }
    match Store::options().read_only().open(&path) {
        Ok(store) => {
            look(&store, known, by_hand);
            let _ = store
                .backup(folder.join("copy.store"), BackupIdentity::Kept, &mut |_| {})
                .map_err(|error| foreseen(&error));
        }
        Err(error) => foreseen(&error),
    }
    // What a power loss would do is not asked here.
    let options = Store::options().durability(Durability::Normal);
    match options.open(&path) {
        Ok(store) => {
            look(&store, known, by_hand);
            let _ = change(&store).map_err(|error| foreseen(&error));
            let _ = store.compact(&mut |_| {}).map_err(|error| foreseen(&error));
            let _ = store.check(&mut |_| {}).map_err(|error| foreseen(&error));
        }
        Err(error) => foreseen(&error),
    }
}

/// Damage is told as damage, and what it destroyed as not being there.
fn foreseen(error: &Error) {
    assert!(
        matches!(
            error.code(),
            MapiCode::MAPI_E_CORRUPT_STORE
                | MapiCode::MAPI_E_NOT_FOUND
                | MapiCode::MAPI_E_VERSION
                | MapiCode::MAPI_E_OBJECT_DELETED
                | MapiCode::MAPI_E_DISK_ERROR
        ),
        "{error:?}"
    );
}

fn look(store: &Store, known: &Known<'_>, by_hand: bool) {
    let report = store.check(&mut |_| {}).map_err(|error| foreseen(&error));
    match contents(store) {
        // Where somebody wrote by hand the values are his.
        Ok(contents) if !by_hand => compare(
            &contents,
            known,
            report.is_ok_and(|report| report.is_sound()),
        ),
        Ok(_) => {}
        Err(error) => foreseen(&error),
    }
}

/// Every version of a message that is shown is one that was saved, as it was saved.
fn compare(contents: &str, known: &Known<'_>, is_sound: bool) {
    for (id, shown) in versions(contents) {
        if shown.starts_with("error") {
            assert!(!is_sound, "{id} {shown}, and check found nothing");
            continue;
        }
        // The log may be lost, and with it the newest versions and messages.
        if let Some(before) = known.get(id)
            && version_of(before) == version_of(shown)
        {
            assert_eq!(shown, *before, "{id}");
        }
    }
}

fn version_of(shown: &str) -> &str {
    shown.split(' ').next().unwrap_or_default()
}

fn compare_recovered(store: &Store, known: &Known<'_>, recovered: &mapistore::Recovered) {
    let lost: BTreeSet<String> = recovered
        .lost
        .iter()
        .filter_map(|loss| Some(loss.object?.to_string()))
        .collect();
    let contents = contents(store).unwrap();
    for (id, shown) in versions(&contents) {
        assert!(!shown.starts_with("error"), "{id} {shown}");
        if let Some(before) = known.get(id)
            && version_of(before) == version_of(shown)
            && !lost.contains(id)
        {
            assert_eq!(shown, *before, "{id}");
        }
    }
}

/// What all messages show, one a line.
pub(crate) fn contents(store: &Store) -> Result<String, Error> {
    let mut text = String::new();
    for folder in store.folders()? {
        let messages = store.folder_by_path(&folder.path).and_then(|folder| {
            folder.messages(Page {
                limit: 1_000,
                ..Page::default()
            })
        });
        let messages = match messages {
            Ok(messages) => messages,
            Err(error) => {
                foreseen(&error);
                continue;
            }
        };
        for message in messages {
            let shown = show(store, &message.entry_id).unwrap_or_else(|error| {
                foreseen(&error);
                format!("error {}", error.name())
            });
            text.push_str(&format!("{}\t{shown}\n", message.entry_id.object()));
        }
    }
    Ok(text)
}

fn show(store: &Store, id: &EntryId) -> Result<String, Error> {
    let message = store.open_message(id, Access::ReadOnly)?;
    let mut text = format!(
        "{:?} {:?} {:?}",
        message.row_version().map(|version| version.get()),
        message.get(pr::SUBJECT)?,
        message.get(pr::BODY)?
    );
    for recipient in message.recipients()? {
        text.push_str(&format!(" {recipient:?}"));
    }
    for attachment in message.attachments()? {
        let mut data = Vec::new();
        read_data(&message, attachment.number, &mut data)?;
        let hash = mapistore::StreamHash::of(&data);
        text.push_str(&format!(" {:?} {hash}", attachment.name));
    }
    Ok(text.replace(['\n', '\t'], " "))
}

fn read_data(
    message: &Message,
    number: mapistore::AttachmentNumber,
    data: &mut Vec<u8>,
) -> Result<(), Error> {
    let mut reader = match message.open_attachment_data(number) {
        Ok(reader) => reader,
        // What recovering has taken out.
        Err(Error::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    match reader.read_to_end(data) {
        Ok(_) => Ok(()),
        Err(error) => Err(*error.into_inner().unwrap().downcast::<Error>().unwrap()),
    }
}

/// Saves, marks, moves, deletes.
fn change(store: &Store) -> Result<(), Error> {
    let inbox = store.folder_by_path("Inbox")?;
    let mut message = inbox.create_message()?;
    message.set(pr::SUBJECT, "after the damage")?;
    message.attach("data", &[9; 50_000][..])?;
    let saved = message.save_changes(SaveFlags::KEEP_OPEN_READWRITE)?;
    let stored = store.open_message(&saved.entry_id, Access::ReadOnly)?;
    assert_eq!(
        stored.get(pr::SUBJECT)?.as_deref(),
        Some("after the damage")
    );
    for message in inbox.messages(Page::default())? {
        let id = message.entry_id;
        let changed = store
            .open_message(&id, Access::Modify)
            .and_then(|mut message| {
                message.set(pr::IMPORTANCE, 1)?;
                message.save_changes(SaveFlags::KEEP_OPEN_READWRITE)
            });
        let _ = changed.map_err(|error| foreseen(&error));
    }
    store.delete_messages(&[saved.entry_id], Deletion::Hard)?;
    Ok(())
}
