//! One client: does what it is told with the library's public interface.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use mapistore::{
    AttachmentNumber, CopyFlags, Deletion, Durability, EmbeddedAccess, EntryId, Error, MapiProp,
    Message, MessageStatus, ModifyRecipients, PropertyName, PropertyStream, PropertyTag, Purge,
    ReadFlags, ReadState, Receipt, Recipient, RecipientChange, Restored, RowId, RowVersion,
    SaveFlags, Saved, Staleness, Store, StreamAccess, StreamReader, UnknownNames, pr,
};
use serde_json::{Value, json};

use super::blob::{Blob, MIB};
use super::protocol::*;
use super::scripted::Scripted;
use super::show::{compare, view};
use super::{forked, marks, samples};

/// The store, messages and streams that a client has open.
#[derive(Debug, Default)]
pub(crate) struct Executor {
    store: Option<Store>,
    messages: BTreeMap<u32, Message>,
    streams: BTreeMap<u32, StreamReader>,
    next: u32,
    write_lock: Option<rusqlite::Connection>,
}

pub(crate) type Said = Result<Value, Failure>;
/// Where a client says what is not the answer yet.
pub(crate) type Progress<'a> = &'a mut dyn FnMut(Value);

fn row_version(number: i64) -> Result<RowVersion, Failure> {
    RowVersion::new(number).ok_or_else(|| Failure::other("no version"))
}

fn done() -> Said {
    Ok(Value::Null)
}

fn text<T: std::fmt::Display>(value: T) -> Value {
    Value::String(value.to_string())
}

impl Executor {
    /// A client that begins with this store open, if any.
    pub(crate) fn new(store: Option<Store>) -> Executor {
        Executor {
            store,
            ..Executor::default()
        }
    }

    pub(crate) fn execute(&mut self, command: Command, progress: Progress<'_>) -> Said {
        match command {
            Command::OpenStore(opening) => {
                self.store = Some(open_store(&opening)?);
                done()
            }
            Command::CloseStore => {
                self.messages.clear();
                self.streams.clear();
                self.store = None;
                done()
            }
            Command::StoreUid => Ok(text(self.store()?.uid())),
            Command::Create { folder } => {
                let message = self.store()?.folder_by_path(&folder)?.create_message()?;
                self.keep(message)
            }
            Command::CreateAssociated { folder } => {
                let folder = self.store()?.folder_by_path(&folder)?;
                self.keep(folder.create_associated_message()?)
            }
            Command::Open {
                id,
                access,
                deleted,
            } => {
                let (store, id) = (self.store()?, entry_id(&id)?);
                let message = if deleted {
                    store.open_message_or_deleted(&id, access.into())?
                } else {
                    store.open_message(&id, access.into())?
                };
                self.keep(message)
            }
            Command::OpenVersion { id, version } => {
                let store = self.store()?;
                self.keep(store.open_version(&entry_id(&id)?, row_version(version)?)?)
            }
            Command::Drop(handle) => {
                self.messages.remove(&handle.0);
                done()
            }
            Command::View(handle) => Ok(json!(view(self.message(handle)?)?)),
            Command::HoldWriteLock { path } => {
                let connection = rusqlite::Connection::open(path).map_err(by_hand)?;
                connection
                    .execute_batch("BEGIN IMMEDIATE")
                    .map_err(by_hand)?;
                self.write_lock = Some(connection);
                done()
            }
            Command::LetGoOfWriteLock => {
                self.write_lock = None;
                done()
            }
            Command::GoTo { folder } => {
                std::env::set_current_dir(folder)
                    .map_err(|error| Failure::other(error.to_string()))?;
                done()
            }
            Command::ForkAndStay => forked::stay(),
            Command::ForkWhileSaving { handle, other } => {
                let saving = forked::save_in_a_thread(self.store()?, entry_id(&other)?);
                progress(self.execute(Command::Fork(handle), &mut |_| ())?);
                let saved = saving.join().map_err(|_| Failure::other("a panic"))?;
                Ok(json!(saved_view(saved?)))
            }
            Command::ForkAndReopen => {
                self.messages.clear();
                self.streams.clear();
                forked::reopen(&mut self.store)
            }
            Command::Race { id, mark, rounds } => Ok(json!(marks::race(
                &self.store()?,
                &entry_id(&id)?,
                &mark,
                rounds
            )?)),
            Command::SaveMarked {
                id,
                from,
                to,
                large,
            } => {
                marks::save_all(&self.store()?, &entry_id(&id)?, from..=to, large, progress)?;
                done()
            }
            Command::WatchMarks { id, last } => {
                Ok(json!(marks::watch(&self.store()?, &entry_id(&id)?, last)?))
            }
            Command::CreateMany { folder, count } => {
                let folder = self.store()?.folder_by_path(&folder)?;
                for number in 0..count {
                    let mut message = folder.create_message()?;
                    message.set(pr::SUBJECT, format!("message {number}"))?;
                    progress(text(message.save_changes(SaveFlags::empty())?.entry_id));
                }
                done()
            }
            Command::WriteStream {
                handle,
                attachment,
                blob,
                commit,
            } => {
                let message = self.message(handle)?;
                let Some(number) = attachment else {
                    let tag = pr::HTML.tag();
                    let stream = message.open_property_stream(tag, StreamAccess::Create)?;
                    return write_stream(stream, blob, commit, progress);
                };
                let mut attachment = message.open_attachment(AttachmentNumber(number))?;
                let tag = pr::ATTACH_DATA_BIN.tag();
                let stream = attachment.open_property_stream(tag, StreamAccess::Create)?;
                let said = write_stream(stream, blob, commit, progress)?;
                attachment.save_changes(SaveFlags::empty())?;
                Ok(said)
            }
            Command::SetOn(place, tag, value) => {
                let (mut place, tag) = (self.place(&place)?, PropertyTag::new(tag));
                place.set_value(tag, value.into())?;
                done()
            }
            Command::SetOften(place, tag, rounds) => {
                let (mut place, tag) = (self.place(&place)?, PropertyTag::new(tag));
                for round in 1..=rounds {
                    place.set_value(tag, round.cast_signed().into())?;
                }
                done()
            }
            Command::DeleteOn(place, tag) => {
                self.place(&place)?.delete_property(PropertyTag::new(tag))?;
                done()
            }
            Command::GetOn(place, tag) => {
                let value = self.place(&place)?.get_value(PropertyTag::new(tag))?;
                Ok(json!(value.map(|value| format!("{value:?}"))))
            }
            Command::MapNames { names, create } => map_names(&self.store()?, &names, create),
            Command::NameMany { prefix, count } => {
                for number in 0..count {
                    let names = [format!("{prefix}{number}")];
                    progress(map_names(&self.store()?, &names, true)?);
                }
                done()
            }
            Command::WaitUntilStale(handle) => {
                match self.message(handle)?.wait_until_stale(Duration::MAX)? {
                    Staleness::Changed { current_version } => Ok(json!(current_version.get())),
                    Staleness::Deleted => done(),
                    other => Err(Failure::other(format!("{other:?} after an endless wait"))),
                }
            }
            Command::Fork(handle) => {
                let mut message = self.messages.remove(&handle.0);
                let said = forked::try_everything(&mut self.store, &mut message);
                self.messages
                    .extend(message.map(|message| (handle.0, message)));
                said
            }
            Command::CopyTo {
                source,
                target,
                flags,
            } => {
                let mut taken = self.messages.remove(&target.0);
                let from = self.message(source);
                let copied = from.and_then(|from| {
                    let to = taken.as_mut().ok_or_else(|| no_such(target))?;
                    let flags = CopyFlags::from_bits_retain(flags);
                    Ok(from.copy_to(to, &[], flags)?)
                });
                self.messages
                    .extend(taken.map(|message| (target.0, message)));
                copied.and_then(|_| done())
            }
            Command::SaveBatch(handles, flags) => {
                let store = self.store()?;
                let taken = handles.iter().map(|handle| {
                    let message = self.messages.remove(&handle.0);
                    message.ok_or_else(|| no_such(*handle))
                });
                let mut messages = taken.collect::<Result<Vec<Message>, Failure>>()?;
                let results = store.save_batch(&mut messages, SaveFlags::from_bits_retain(flags));
                let put_back = handles.iter().map(|handle| handle.0).zip(messages);
                self.messages.extend(put_back);
                let view =
                    |result: Result<Saved, Error>| result.map(saved_view).map_err(Failure::from);
                let views: Vec<Result<SavedView, Failure>> =
                    results?.into_iter().map(view).collect();
                Ok(json!(views))
            }
            Command::OpenStream(..) | Command::Compare(..) => self.read_streams(command),
            Command::CollectGarbage
            | Command::Purge { .. }
            | Command::Restore { .. }
            | Command::Check
            | Command::FindSave { .. }
            | Command::DeleteMessages { .. }
            | Command::Move { .. }
            | Command::SetRead { .. }
            | Command::SetReadFlags { .. }
            | Command::MarkFolder { .. }
            | Command::Status { .. }
            | Command::SetStatus { .. } => self.change_store(command),
            command => self.change_message(command),
        }
    }

    fn store(&self) -> Result<Store, Failure> {
        self.store
            .clone()
            .ok_or_else(|| Failure::other("this client has no store open"))
    }

    fn place(&self, place: &Place) -> Result<Box<dyn MapiProp>, Failure> {
        let store = self.store()?;
        Ok(match place {
            Place::Folder(path) => Box::new(store.folder_by_path(path)?),
            Place::Store => Box::new(store),
        })
    }

    fn message(&mut self, handle: Handle) -> Result<&mut Message, Failure> {
        self.messages
            .get_mut(&handle.0)
            .ok_or_else(|| no_such(handle))
    }

    fn keep(&mut self, message: Message) -> Said {
        self.next += 1;
        self.messages.insert(self.next, message);
        Ok(json!(Handle(self.next)))
    }

    fn change_message(&mut self, command: Command) -> Said {
        match command {
            Command::Set(handle, tag, value) => {
                self.message(handle)?
                    .set_value(PropertyTag::new(tag), value.into())?;
            }
            Command::SetBlob(handle, tag, blob) => {
                self.message(handle)?
                    .set_stream(PropertyTag::new(tag), blob.reader())?;
            }
            Command::SetSamples(handle) => {
                let message = self.message(handle)?;
                for (tag, value) in samples::one_of_each_type() {
                    message.set_value(tag, value)?;
                }
            }
            Command::Delete(handle, tag) => {
                self.message(handle)?
                    .delete_property(PropertyTag::new(tag))?;
            }
            Command::PutBack(handle, version) => {
                self.message(handle)?.restore(row_version(version)?)?;
            }
            Command::AddRecipient(handle, name) => {
                let row = self.message(handle)?.add_recipient(recipient(&name))?;
                return Ok(json!(row.0));
            }
            Command::RenameRecipient(handle, row, name) => {
                self.message(handle)?
                    .modify_recipient(RowId(row), &recipient(&name))?;
            }
            Command::RemoveRecipient(handle, row) => {
                self.message(handle)?.remove_recipient(RowId(row))?;
            }
            Command::ModifyRecipients(handle, how, rows) => {
                let how = match &*how {
                    "Replace" => ModifyRecipients::Replace,
                    "Add" => ModifyRecipients::Add,
                    "Modify" => ModifyRecipients::Modify,
                    "Remove" => ModifyRecipients::Remove,
                    _ => return Err(Failure::other("no such way to modify recipients")),
                };
                let rows: Vec<RecipientChange> = rows.into_iter().map(recipient_change).collect();
                let row_ids = self.message(handle)?.modify_recipients(how, &rows)?;
                let row_ids: Vec<u32> = row_ids.into_iter().map(|row_id| row_id.0).collect();
                return Ok(json!(row_ids));
            }
            Command::RecipientProperties(handle, row_id) => {
                let properties = self.message(handle)?.recipient_properties(RowId(row_id))?;
                let shown: Vec<(String, String)> = properties
                    .into_iter()
                    .map(|(tag, value)| (tag.to_string(), format!("{value:?}")))
                    .collect();
                return Ok(json!(shown));
            }
            Command::Attach(handle, name, blob) => {
                let number = self.message(handle)?.attach(name, blob.reader())?;
                return Ok(json!(number.0));
            }
            Command::ReplaceAttachment(handle, number, blob) => {
                let message = self.message(handle)?;
                let mut attachment = message.open_attachment(AttachmentNumber(number))?;
                attachment.set_data(blob.reader())?;
                attachment.save_changes(SaveFlags::empty())?;
            }
            Command::Embed(handle, subject, body) => {
                let mut attachment = self.message(handle)?.create_attachment()?;
                let mut inner = attachment.open_embedded_message(EmbeddedAccess::Create)?;
                inner.set(pr::SUBJECT, subject)?;
                inner.set_stream(pr::BODY.tag(), body.reader())?;
                inner.add_recipient(recipient("inner"))?;
                inner.attach("inner", body.reader())?;
                inner.save_changes(SaveFlags::empty())?;
                attachment.save_changes(SaveFlags::KEEP_OPEN_READONLY)?;
                return Ok(json!(attachment.number().0));
            }
            Command::RenameEmbedded(handle, number, subject) => {
                let message = self.message(handle)?;
                let mut attachment = message.open_attachment(AttachmentNumber(number))?;
                let mut inner = attachment.open_embedded_message(EmbeddedAccess::Modify)?;
                inner.set(pr::SUBJECT, subject)?;
                inner.save_changes(SaveFlags::empty())?;
                attachment.save_changes(SaveFlags::empty())?;
            }
            Command::DeleteAttachment(handle, number) => {
                self.message(handle)?
                    .delete_attachment(AttachmentNumber(number))?;
            }
            Command::Save(handle, flags) => {
                let flags = SaveFlags::from_bits_retain(flags);
                return Ok(json!(saved_view(
                    self.message(handle)?.save_changes(flags)?
                )));
            }
            Command::SaveWith {
                handle,
                flags,
                answers,
                gates,
            } => {
                let scripted = Scripted::new(answers, gates);
                let flags = SaveFlags::from_bits_retain(flags);
                let saved = self.message(handle)?.save_changes_with(flags, &scripted);
                return Ok(json!(scripted.resolved(saved)));
            }
            Command::SetSaveId(handle, save_id) => {
                self.message(handle)?.set_save_id(save_id.parse()?)?;
            }
            Command::Reload(handle) => self.message(handle)?.reload()?,
            Command::IsStale(handle) => return Ok(json!(self.message(handle)?.is_stale()?)),
            Command::SaveElsewhere(handle, folder) => {
                let folder = self.store()?.folder_by_path(&folder)?;
                let copy = self.message(handle)?.save_elsewhere(&folder)?;
                return self.keep(copy);
            }
            Command::DeclareBase(handle, version) => {
                self.message(handle)?.declare_base(row_version(version)?)?;
            }
            Command::MarkFlags(handle, flags) => {
                let flags = ReadFlags::from_bits_retain(flags);
                let receipt = self.message(handle)?.set_read_flags(flags)?;
                return Ok(json!(receipt == Receipt::Due));
            }
            Command::MarkRead(handle, read) => {
                self.message(handle)?.set_read_state(read_state(read))?;
            }
            other => return Err(Failure::other(format!("not done by a message: {other:?}"))),
        }
        done()
    }

    fn change_store(&mut self, command: Command) -> Said {
        let store = self.store()?;
        let outcomes = match command {
            Command::DeleteMessages { ids, hard } => {
                let deletion = if hard { Deletion::Hard } else { Deletion::Soft };
                store.delete_messages(&entry_ids(&ids)?, deletion)?
            }
            Command::Restore { id, version } => {
                let restored = store.restore(&entry_id(&id)?, row_version(version)?)?;
                let (Restored::InPlace(saved) | Restored::AsNew(saved)) = restored else {
                    return Err(Failure::other("restored in an unknown way"));
                };
                return Ok(text(saved.entry_id));
            }
            Command::Purge { keep } => {
                let purged = store.purge(&Purge::everything().keep_newest(keep))?;
                return Ok(json!((purged.changes, purged.versions)));
            }
            Command::Move { ids, folder } => {
                store.move_messages(&entry_ids(&ids)?, &store.folder_by_path(&folder)?)?
            }
            Command::SetRead { ids, read } => {
                store.set_read_state(&entry_ids(&ids)?, read_state(read))?
            }
            Command::SetReadFlags { ids, flags } => {
                let flags = ReadFlags::from_bits_retain(flags);
                let outcomes = store.set_read_flags(&entry_ids(&ids)?, flags)?;
                let due = outcomes.into_iter().map(|(_, receipt)| receipt);
                let due: Vec<bool> = due
                    .map(|receipt| receipt.map(|receipt| receipt == Receipt::Due))
                    .collect::<Result<_, _>>()?;
                return Ok(json!(due));
            }
            Command::MarkFolder { folder, flags } => {
                let folder = store.folder_by_path(&folder)?;
                let marked = folder.set_read_flags(ReadFlags::from_bits_retain(flags))?;
                return Ok(json!((texts(&marked.changed), texts(&marked.receipts_due))));
            }
            Command::Status { id } => {
                return Ok(json!(store.message_status(&entry_id(&id)?)?.bits()));
            }
            Command::SetStatus { id, status, mask } => {
                let (status, mask) = (
                    MessageStatus::from_bits_retain(status),
                    MessageStatus::from_bits_retain(mask),
                );
                let before = store.set_message_status(&entry_id(&id)?, status, mask)?;
                return Ok(json!(before.bits()));
            }
            Command::FindSave { id, save_id } => {
                let found = store.find_save(&entry_id(&id)?, save_id.parse()?)?;
                return Ok(json!(found.map(|found| found.row_version)));
            }
            Command::CollectGarbage => {
                let collected = store.collect_garbage()?;
                return Ok(json!((
                    collected.streams,
                    collected.bytes,
                    collected.kept_for_handles
                )));
            }
            Command::Check => return Ok(json!(store.check(&mut |_| {})?.problems)),
            other => return Err(Failure::other(format!("not done by a store: {other:?}"))),
        };
        for (_, outcome) in outcomes {
            outcome?;
        }
        done()
    }

    fn read_streams(&mut self, command: Command) -> Said {
        match command {
            Command::OpenStream(handle, part) => {
                let message = self.message(handle)?;
                let reader = match part {
                    Part::Property(tag) => message.open_stream(PropertyTag::new(tag))?,
                    Part::Attachment(number) => {
                        message.open_attachment_data(AttachmentNumber(number))?
                    }
                };
                self.next += 1;
                self.streams.insert(self.next, reader);
                Ok(json!(Stream(self.next)))
            }
            Command::Compare(stream, blob, bytes) => {
                let reader = self
                    .streams
                    .get_mut(&stream.0)
                    .ok_or_else(|| Failure::other("no such stream"))?;
                compare(reader, blob, bytes)
            }
            other => Err(Failure::other(format!("not done by a stream: {other:?}"))),
        }
    }
}

fn write_stream(
    mut stream: PropertyStream<'_>,
    blob: Blob,
    commit: bool,
    progress: Progress<'_>,
) -> Said {
    let by_stream = |error: std::io::Error| Failure::other(format!("a property stream: {error}"));
    let mut reader = blob.reader();
    loop {
        let copied = std::io::copy(&mut (&mut reader).take(MIB), &mut stream);
        let copied = copied.map_err(by_stream)?;
        if copied == 0 {
            break;
        }
        progress(json!(copied));
    }
    if commit {
        stream.commit()?;
    }
    Ok(json!(peak_memory()))
}

/// The most memory that this process has had, in KiB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok())
        .unwrap_or(1)
}

fn no_such(handle: Handle) -> Failure {
    Failure::other(format!("no open message {}", handle.0))
}

fn by_hand(error: rusqlite::Error) -> Failure {
    Failure::other(format!("SQL by hand: {error}"))
}

fn entry_id(text: &str) -> Result<EntryId, Error> {
    text.parse()
}

fn entry_ids(texts: &[String]) -> Result<Vec<EntryId>, Error> {
    texts.iter().map(|text| entry_id(text)).collect()
}

fn texts(ids: &[EntryId]) -> Vec<String> {
    ids.iter().map(EntryId::to_string).collect()
}

fn read_state(read: bool) -> ReadState {
    if read {
        ReadState::Read
    } else {
        ReadState::Unread
    }
}

fn recipient_change(said: RecipientRowSaid) -> RecipientChange {
    let properties = said.properties.into_iter();
    RecipientChange {
        row_id: said.row_id.map(RowId),
        properties: properties
            .map(|(tag, value)| (PropertyTag::new(tag), value.into()))
            .collect(),
    }
}

fn map_names(store: &Store, names: &[String], create: bool) -> Said {
    let names: Result<Vec<PropertyName>, Error> = names.iter().map(|name| name.parse()).collect();
    let unknown = if create {
        UnknownNames::Create
    } else {
        UnknownNames::Leave
    };
    let ids = store.ids_from_names(&names?, unknown)?;
    let ids: Vec<Option<u16>> = ids.into_iter().map(|id| id.map(|id| id.0)).collect();
    Ok(json!(ids))
}

fn recipient(name: &str) -> Recipient {
    Recipient::to(name, format!("{name}@example.org"))
}

pub(crate) fn open_store(opening: &Opening) -> Result<Store, Error> {
    let mut options = Store::options()
        .client_name(&*opening.client_name)
        .busy_timeout(Duration::from_millis(opening.busy_timeout_ms));
    if opening.create {
        options = options.create_if_missing();
    }
    if opening.read_only {
        options = options.read_only();
    }
    if opening.normal_durability {
        options = options.durability(Durability::Normal);
    }
    options.open(&opening.path)
}

pub(super) fn saved_view(saved: Saved) -> SavedView {
    SavedView {
        entry_id: saved.entry_id.to_string(),
        row_version: saved.row_version.get(),
        change_number: saved.change_number.get(),
        save_id: saved.save_id.to_string(),
        outcome: format!("{:?}", saved.outcome),
    }
}
