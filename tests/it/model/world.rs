//! A store, and what it must be by the contract.

use mapistore::{
    Access, AccessLevel, Deletion, Durability, EntryId, Error, MapiCode, Message, ReadState,
    Recipient, SaveFlags, SaveOutcome, Store, pr,
};

use crate::support::Blob;

use super::Step;

/// What a version of a message says, as far as the model goes.
#[derive(Debug, Clone, Default, PartialEq)]
struct Said {
    subject: Option<String>,
    recipients: Vec<(u32, String)>,
    attachments: Vec<(u32, u64)>,
    next_attachment: u32,
}

/// A message as the contract has it.
#[derive(Debug)]
struct ModelMessage {
    id: EntryId,
    /// None before the first save.
    version: Option<i64>,
    said: Said,
    deleted: Option<Deletion>,
    is_read: bool,
}

/// A handle as the contract has it.
#[derive(Debug)]
struct ModelHandle {
    message: usize,
    base: Option<i64>,
    mine: Said,
    pending: bool,
    can_modify: bool,
    closed: bool,
    is_read: bool,
}

/// Sizes around the borders: inline, a stream, one that is written before the save.
const SIZES: [u64; 4] = [10, 5_000, 200_000, 1_100_000];

/// The store, its model, and three slots for handles: two on one store, one on a second opening.
pub(super) struct World {
    handles: [Option<(Message, ModelHandle)>; 3],
    stores: [Store; 2],
    messages: Vec<ModelMessage>,
    change: i64,
    seed: u64,
    folder: tempfile::TempDir,
}

fn code<T>(result: &Result<T, Error>) -> Option<MapiCode> {
    result.as_ref().err().map(Error::code)
}

fn said_by(message: &Message) -> Said {
    let recipients = message.recipients().unwrap();
    let attachments = message.attachments().unwrap();
    Said {
        subject: message.get(pr::SUBJECT).unwrap(),
        recipients: recipients
            .into_iter()
            .map(|row| (row.row_id.0, row.recipient.name))
            .collect(),
        attachments: attachments
            .into_iter()
            .map(|row| {
                let mut data = Vec::new();
                let mut reader = message.open_attachment_data(row.number).unwrap();
                std::io::Read::read_to_end(&mut reader, &mut data).unwrap();
                (row.number.0, data.len() as u64)
            })
            .collect(),
        next_attachment: 0,
    }
}

impl World {
    pub(super) fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mail.store");
        let open = || {
            let options = Store::options().durability(Durability::Normal);
            options.create_if_missing().open(&path).unwrap()
        };
        World {
            stores: [open(), open()],
            messages: Vec::new(),
            handles: [None, None, None],
            change: 0,
            seed: 0,
            folder,
        }
    }

    /// Drops all handles; answers one of the stores, with its folder.
    pub(super) fn end(self) -> (Store, tempfile::TempDir) {
        let [store, _] = self.stores;
        (store, self.folder)
    }

    fn store(&self, slot: usize) -> &Store {
        &self.stores[slot / 2]
    }

    /// The message that everybody speaks of: the newest.
    fn newest(&self) -> Option<usize> {
        self.messages.len().checked_sub(1)
    }

    pub(super) fn take(&mut self, slot: usize, step: Step) {
        match step {
            Step::Create => self.create(slot),
            Step::Open(access) => self.open(slot, access),
            Step::Close => self.handles[slot] = None,
            Step::Delete(deletion) => self.delete(slot, deletion),
            Step::SetRead(read) => self.set_read(slot, read),
            Step::CollectGarbage => drop(self.store(slot).collect_garbage().unwrap()),
            Step::Save(bits) => self.save(slot, SaveFlags::from_bits_retain(bits)),
            Step::Reload => self.reload(slot),
            change => self.change(slot, change),
        }
    }

    fn create(&mut self, slot: usize) {
        let message = self
            .store(slot)
            .folder_by_path("Drafts")
            .unwrap()
            .create_message()
            .unwrap();
        self.messages.push(ModelMessage {
            id: message.entry_id(),
            version: None,
            said: Said::default(),
            deleted: None,
            is_read: true,
        });
        let model = ModelHandle {
            message: self.messages.len() - 1,
            base: None,
            mine: Said::default(),
            pending: false,
            can_modify: true,
            closed: false,
            is_read: true,
        };
        self.handles[slot] = Some((message, model));
    }

    fn open(&mut self, slot: usize, access: Access) {
        let Some(newest) = self.newest() else { return };
        let opened = self
            .store(slot)
            .open_message(&self.messages[newest].id, access);
        let model = &self.messages[newest];
        match model.version.filter(|_| model.deleted.is_none()) {
            None => assert_eq!(code(&opened), Some(MapiCode::MAPI_E_NOT_FOUND)),
            Some(version) => {
                let handle = ModelHandle {
                    message: newest,
                    base: Some(version),
                    mine: model.said.clone(),
                    pending: false,
                    can_modify: access != Access::ReadOnly,
                    closed: false,
                    is_read: model.is_read,
                };
                self.handles[slot] = Some((opened.unwrap(), handle));
            }
        }
    }

    fn change(&mut self, slot: usize, step: Step) {
        self.seed += 1;
        let seed = self.seed;
        let Some((message, model)) = &mut self.handles[slot] else {
            return;
        };
        let first_recipient = model.mine.recipients.first().map_or(0, |row| row.0);
        let first_attachment = model.mine.attachments.first().map_or(0, |row| row.0);
        let result = match step {
            Step::Subject(number) => message.set(pr::SUBJECT, format!("subject {number}")),
            Step::NoSubject => message.delete_property(pr::SUBJECT.tag()),
            Step::AddRecipient(number) => {
                let recipient = Recipient::to(format!("recipient {number}"), "");
                message.add_recipient(recipient).map(drop)
            }
            Step::RemoveRecipient => message.remove_recipient(mapistore::RowId(first_recipient)),
            Step::Attach(size) => {
                let blob = Blob::new(seed, SIZES[usize::from(size)]);
                message.attach("data", blob.reader()).map(drop)
            }
            Step::DeleteAttachment => {
                message.delete_attachment(mapistore::AttachmentNumber(first_attachment))
            }
            other => panic!("not a change: {other:?}"),
        };
        let nothing_there = match step {
            Step::RemoveRecipient => model.mine.recipients.is_empty(),
            Step::DeleteAttachment => model.mine.attachments.is_empty(),
            _ => false,
        };
        let expected = match (model.closed, model.can_modify, nothing_there) {
            (true, _, _) => Some(MapiCode::MAPI_E_INVALID_OBJECT),
            (_, false, _) => Some(MapiCode::MAPI_E_NO_ACCESS),
            (_, _, true) => Some(MapiCode::MAPI_E_NOT_FOUND),
            _ => None,
        };
        assert_eq!(code(&result), expected);
        if expected.is_some() {
            return;
        }
        let mine = &mut model.mine;
        model.pending = true;
        match step {
            Step::Subject(number) => mine.subject = Some(format!("subject {number}")),
            Step::NoSubject => mine.subject = None,
            Step::AddRecipient(number) => {
                let row = mine
                    .recipients
                    .iter()
                    .map(|row| row.0 + 1)
                    .max()
                    .unwrap_or(0);
                mine.recipients.push((row, format!("recipient {number}")));
            }
            Step::RemoveRecipient => drop(mine.recipients.remove(0)),
            Step::Attach(size) => {
                mine.attachments
                    .push((mine.next_attachment, SIZES[usize::from(size)]));
                mine.next_attachment += 1;
            }
            _ => drop(mine.attachments.remove(0)),
        }
    }

    fn save(&mut self, slot: usize, flags: SaveFlags) {
        let Some((message, handle)) = &mut self.handles[slot] else {
            return;
        };
        let stored = &mut self.messages[handle.message];
        let result = message.save_changes(flags);
        let both = SaveFlags::KEEP_OPEN_READONLY | SaveFlags::KEEP_OPEN_READWRITE;
        let force = flags.contains(SaveFlags::FORCE_SAVE);
        // S0, in its order.
        let refusal = if flags.contains(both) {
            Some(MapiCode::MAPI_E_INVALID_PARAMETER)
        } else if handle.closed {
            Some(MapiCode::MAPI_E_INVALID_OBJECT)
        } else if !handle.can_modify {
            Some(MapiCode::MAPI_E_NO_ACCESS)
        } else if handle.base.is_some() && stored.deleted.is_some() {
            Some(MapiCode::MAPI_E_OBJECT_DELETED)
        } else if handle.base.is_some() && handle.base != stored.version && !force {
            Some(MapiCode::MAPI_E_OBJECT_CHANGED)
        } else {
            None
        };
        assert_eq!(code(&result), refusal, "{flags:?}");
        let Ok(saved) = result else {
            if let Err(Error::ObjectChanged {
                base_version,
                current_version,
                ..
            }) = result
            {
                let told = (Some(base_version.get()), Some(current_version.get()));
                assert_eq!(told, (handle.base, stored.version));
            }
            return;
        };
        let makes_version = handle.base.is_none() || handle.pending || force;
        let outcome = if makes_version {
            SaveOutcome::NewVersion
        } else {
            SaveOutcome::NothingPending
        };
        assert_eq!(saved.outcome, outcome);
        if makes_version {
            if handle.base.is_none() {
                stored.is_read = handle.is_read;
            }
            stored.version = Some(stored.version.unwrap_or(0) + 1);
            // A number that an attachment ever had is never given to another one.
            let given = stored.said.next_attachment;
            handle.mine.next_attachment = handle.mine.next_attachment.max(given);
            stored.said = handle.mine.clone();
            self.change += 1;
            assert_eq!(saved.change_number.get(), self.change);
        }
        assert_eq!(Some(saved.row_version.get()), stored.version);
        handle.base = stored.version;
        handle.pending = false;
        handle.can_modify = !flags.contains(SaveFlags::KEEP_OPEN_READONLY);
        handle.closed = !flags.intersects(both);
    }

    fn reload(&mut self, slot: usize) {
        let Some((message, handle)) = &mut self.handles[slot] else {
            return;
        };
        let stored = &self.messages[handle.message];
        let expected = if handle.closed {
            Some(MapiCode::MAPI_E_INVALID_OBJECT)
        } else if handle.base.is_none() {
            Some(MapiCode::MAPI_E_INVALID_PARAMETER)
        } else if stored.deleted.is_some() {
            Some(MapiCode::MAPI_E_OBJECT_DELETED)
        } else {
            None
        };
        assert_eq!(code(&message.reload()), expected);
        if expected.is_none() {
            handle.base = stored.version;
            handle.mine = stored.said.clone();
            handle.pending = false;
            handle.is_read = stored.is_read;
        }
    }

    fn delete(&mut self, slot: usize, deletion: Deletion) {
        let Some(newest) = self.newest() else { return };
        let id = self.messages[newest].id;
        let outcomes = self.store(slot).delete_messages(&[id], deletion).unwrap();
        let model = &mut self.messages[newest];
        let is_there = model.version.is_some()
            && match model.deleted {
                None => true,
                Some(Deletion::Soft) => deletion == Deletion::Hard,
                Some(Deletion::Hard) => false,
            };
        let expected = (!is_there).then_some(MapiCode::MAPI_E_NOT_FOUND);
        assert_eq!(code(&outcomes[0].1), expected);
        if is_there {
            model.deleted = Some(deletion);
            self.change += 1;
        }
    }

    fn set_read(&mut self, slot: usize, read: bool) {
        let Some(newest) = self.newest() else { return };
        let id = self.messages[newest].id;
        let state = if read {
            ReadState::Read
        } else {
            ReadState::Unread
        };
        let outcomes = self.store(slot).set_read_state(&[id], state).unwrap();
        let model = &mut self.messages[newest];
        let is_there = model.version.is_some() && model.deleted.is_none();
        let expected = (!is_there).then_some(MapiCode::MAPI_E_NOT_FOUND);
        assert_eq!(code(&outcomes[0].1), expected);
        if is_there {
            model.is_read = read;
            self.change += 1;
        }
    }

    /// Every handle and the store show what the model says.
    pub(super) fn compare(&self) {
        for (message, model) in self.handles.iter().flatten() {
            assert_eq!(message.entry_id(), self.messages[model.message].id);
            assert_eq!(
                message.row_version().map(|version| version.get()),
                model.base
            );
            if model.closed {
                assert_eq!(
                    code(&message.properties()),
                    Some(MapiCode::MAPI_E_INVALID_OBJECT)
                );
                continue;
            }
            let level = if model.can_modify {
                AccessLevel::Modify
            } else {
                AccessLevel::ReadOnly
            };
            assert_eq!(message.access_level(), level);
            assert_eq!(message.has_pending_changes(), model.pending);
            assert_eq!(
                said_by(message),
                Said {
                    next_attachment: 0,
                    ..model.mine.clone()
                }
            );
            let flags = message.get(pr::MESSAGE_FLAGS).unwrap().unwrap();
            assert_eq!(flags & 1 != 0, model.is_read);
            let stored = &self.messages[model.message];
            let is_stale =
                model.base.is_some() && (model.base != stored.version || stored.deleted.is_some());
            assert_eq!(message.is_stale().unwrap(), is_stale);
        }
        assert_eq!(self.stores[0].last_change().unwrap().get(), self.change);
        if let Some(model) = self.messages.last() {
            let opened = self.stores[1].open_message_or_deleted(&model.id, Access::ReadOnly);
            if model.version.is_none() || model.deleted == Some(Deletion::Hard) {
                assert_eq!(code(&opened), Some(MapiCode::MAPI_E_NOT_FOUND));
            } else {
                let opened = opened.unwrap();
                assert_eq!(
                    opened.row_version().map(|version| version.get()),
                    model.version
                );
                assert_eq!(
                    said_by(&opened),
                    Said {
                        next_attachment: 0,
                        ..model.said.clone()
                    }
                );
                assert_eq!(opened.deleted_at().is_some(), model.deleted.is_some());
            }
        }
    }
}
