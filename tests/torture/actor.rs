//! A client of the store that goes through a script, and sees to it that a failed save leaves its handle as it was.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use mapistore::{
    Access, AccessLevel, Conflict, EntryId, Error, Message, Recipient, Resolution, Result,
    RowVersion, SaveFlags, SaveId, Saved, SpecialFolder, Store, StoredValue, pr,
};

pub(crate) const KEEP: SaveFlags = SaveFlags::KEEP_OPEN_READWRITE;
pub(crate) const FORCE: SaveFlags = SaveFlags::KEEP_OPEN_READWRITE.union(SaveFlags::FORCE_SAVE);
pub(crate) const CLOSE: SaveFlags = SaveFlags::empty();

/// Who goes through a script: a store, handles by name, and what earlier steps left.
pub(crate) struct Actor {
    path: PathBuf,
    store: Option<Store>,
    handles: BTreeMap<&'static str, Message>,
    /// The prepared messages, and those that the script makes.
    pub(crate) ids: Vec<EntryId>,
    pub(crate) conflict: Option<Conflict>,
    pub(crate) stream: Option<mapistore::StreamReader>,
    /// A resolution whose outcome is unknown; saving the handle settles it.
    unsettled: bool,
}

/// All of a handle that is in memory.
#[derive(Debug, Clone, PartialEq)]
struct HandleView {
    row_version: Option<RowVersion>,
    access: AccessLevel,
    pending: bool,
    save_id: SaveId,
    subject: Option<String>,
    /// None where the disk fails: some of what the store computes is looked up.
    properties: Option<Vec<String>>,
    recipients: Vec<(String, String)>,
    attachments: Vec<String>,
}

/// Data of a length, the same each time, and other data for another seed.
pub(crate) fn blob(seed: usize, length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| b' ' + ((at / 7 + at * seed + seed) % 90) as u8)
        .collect()
}

/// Reads a stream to its end; what the store said of it is in the error.
pub(crate) fn read_all(mut reader: impl Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader
        .read_to_end(&mut bytes)
        .map_err(|error| Error::DiskError {
            detail: "reading a stream".to_owned(),
            source: Box::new(error),
        })?;
    Ok(bytes)
}

impl Actor {
    pub(crate) fn new(path: PathBuf, ids: Vec<EntryId>) -> Actor {
        Actor {
            path,
            store: None,
            handles: BTreeMap::new(),
            ids,
            conflict: None,
            stream: None,
            unsettled: false,
        }
    }

    pub(crate) fn open_store(&mut self) -> Result<()> {
        let store = Store::options()
            .client_name("script")
            .busy_timeout(Duration::from_secs(1))
            .open(&self.path)?;
        self.store = Some(store);
        Ok(())
    }

    pub(crate) fn close_store(&mut self) -> Result<()> {
        self.handles.clear();
        self.conflict = None;
        self.stream = None;
        self.store = None;
        Ok(())
    }

    pub(crate) fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    pub(crate) fn handle(&mut self, name: &str) -> &mut Message {
        self.handles.get_mut(name).unwrap()
    }

    pub(crate) fn put(&mut self, name: &'static str, message: Message) {
        self.handles.insert(name, message);
    }

    pub(crate) fn create(&mut self, name: &'static str, subject: &str) -> Result<()> {
        let folder = self.store().special_folder(SpecialFolder::Drafts)?;
        let mut message = folder.create_message()?;
        message.set(pr::SUBJECT, subject)?;
        self.put(name, message);
        Ok(())
    }

    pub(crate) fn open(&mut self, name: &'static str, id: usize) -> Result<()> {
        let message = self.store().open_message(&self.ids[id], Access::Modify)?;
        self.put(name, message);
        Ok(())
    }

    pub(crate) fn subject(&mut self, name: &str, subject: &str) -> Result<()> {
        self.handle(name).set(pr::SUBJECT, subject)
    }

    pub(crate) fn body(&mut self, name: &str, seed: usize, length: usize) -> Result<()> {
        let text = String::from_utf8(blob(seed, length)).unwrap();
        self.handle(name).set(pr::BODY, text)
    }

    pub(crate) fn recipient(&mut self, name: &str, who: &str) -> Result<()> {
        let recipient = Recipient::to(who, format!("{who}@example.org"));
        self.handle(name).add_recipient(recipient).map(drop)
    }

    pub(crate) fn attach(&mut self, name: &str, file: &str, length: usize) -> Result<()> {
        let data = blob(file.len(), length);
        self.handle(name).attach(file, &data[..]).map(drop)
    }

    /// Saves, and sees to it that the handle is as it was if that fails (S8).
    pub(crate) fn save(&mut self, name: &str, flags: SaveFlags) -> Result<Saved> {
        let message = self.handle(name);
        let before = view(message);
        let saved = message.save_changes(flags);
        if let Err(error) = &saved {
            assert_as_it_was(message, before, error);
        }
        saved
    }

    /// The first save of a message, whose id later steps need.
    pub(crate) fn save_new(&mut self, name: &str, flags: SaveFlags) -> Result<()> {
        let saved = self.save(name, flags)?;
        self.ids.push(saved.entry_id);
        Ok(())
    }

    /// A save that comes second, and must be told so.
    pub(crate) fn save_stale(&mut self, name: &str) -> Result<()> {
        match self.save(name, KEEP) {
            Err(Error::ObjectChanged { .. }) => Ok(()),
            Err(error) => Err(error),
            Ok(saved) => panic!("a stale handle saved: {saved:?}"),
        }
    }

    /// A save of a deleted message, by force.
    pub(crate) fn save_deleted(&mut self, name: &str) -> Result<()> {
        match self.save(name, FORCE) {
            Err(Error::ObjectDeleted { .. }) => Ok(()),
            Err(error) => Err(error),
            Ok(saved) => panic!("a deleted message was saved: {saved:?}"),
        }
    }

    pub(crate) fn see_conflict(&mut self, name: &str) -> Result<()> {
        self.conflict = Some(self.handle(name).conflict()?);
        Ok(())
    }

    /// Resolves the conflict; where the outcome of that is unknown, the next call settles it by saving.
    pub(crate) fn resolve(&mut self, name: &str, resolution: Resolution) -> Result<()> {
        let conflict = self.conflict.clone().unwrap();
        if self.unsettled {
            self.save(name, KEEP)?;
            self.unsettled = false;
            return Ok(());
        }
        let is_saved_here = !matches!(resolution, Resolution::SaveElsewhere(_));
        let message = self.handle(name);
        let before = view(message);
        let resolved = message.resolve(&conflict, resolution);
        match &resolved {
            Err(Error::OutcomeUnknown { .. }) if is_saved_here => self.unsettled = true,
            Err(error) => assert_as_it_was(message, before, error),
            Ok(_) => {}
        }
        resolved.map(drop)
    }

    /// Saves several handles in one commit; a part that fails makes the step fail.
    pub(crate) fn save_together(&mut self, names: &[&'static str]) -> Result<()> {
        let store = self.store().clone();
        let mut chosen: Vec<(&'static str, Message)> = names
            .iter()
            .filter_map(|name| self.handles.remove_entry(name))
            .collect();
        let before: Vec<HandleView> = chosen.iter().map(|(_, message)| view(message)).collect();
        let saved = store.save_batch(chosen.iter_mut().map(|(_, message)| message), KEEP);
        let results = match saved {
            Ok(results) => results,
            Err(error) => vec![Err(error)],
        };
        let failure = results.into_iter().find_map(Result::err);
        if let Some(error) = &failure {
            // One commit: nobody is saved.
            for ((_, message), before) in chosen.iter().zip(before) {
                assert_as_it_was(message, before, error);
            }
        }
        self.handles.extend(chosen);
        failure.map_or(Ok(()), Err)
    }

    /// The results of a call for several messages, of which each must have been done.
    pub(crate) fn all<T>(outcomes: Result<Vec<(EntryId, Result<T>)>>) -> Result<()> {
        for (_, outcome) in outcomes? {
            outcome?;
        }
        Ok(())
    }
}

/// Asserts that a handle is as it was, as far as that can be seen.
fn assert_as_it_was(message: &Message, mut before: HandleView, error: &Error) {
    let mut after = view(message);
    if after.properties.is_none() || before.properties.is_none() {
        after.properties = None;
        before.properties = None;
    }
    assert_eq!(after, before, "the handle after {error}");
}

fn view(message: &Message) -> HandleView {
    let shown = |(tag, value): (mapistore::PropertyTag, StoredValue)| format!("{tag} {value:?}");
    let recipients = message.recipients().unwrap().into_iter();
    let attachments = message.attachments().unwrap().into_iter();
    HandleView {
        row_version: message.row_version(),
        access: message.access_level(),
        pending: message.has_pending_changes(),
        save_id: message.save_id(),
        subject: message.get(pr::SUBJECT).unwrap(),
        properties: message
            .properties()
            .ok()
            .map(|properties| properties.into_iter().map(shown).collect()),
        recipients: recipients
            .map(|row| (row.recipient.name, row.recipient.address))
            .collect(),
        attachments: attachments.map(|row| format!("{row:?}")).collect(),
    }
}
