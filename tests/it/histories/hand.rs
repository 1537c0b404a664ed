//! One client of a history: does each step with the public interface, and says in words what came of it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use mapistore::{
    Access, AttachmentNumber, Choice, Conflict, Deletion, Durability, EmbeddedAccess, EntryId,
    Error, Folder, MergeChoices, Message, MessageStatus, PropertyName, PropertyTag, PropertyType,
    PropertyValue, Purge, ReadState, Recipient, Resolution, Resolved, Restored, RowId, RowVersion,
    SaveFlags, Saved, SpecialFolder, Store, Theirs, pr,
};
use serde::{Deserialize, Serialize};

use super::step::{How, Move, SIZES, Step, Wanted, chant, heard};

/// A step with everything that only who knows all messages can say.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Call {
    pub(super) step: Move,
    /// The message that it is about.
    pub(super) message: Option<String>,
    pub(super) folder: Option<String>,
    /// A row of a recipient or the number of an attachment.
    pub(super) row: u32,
    /// Who that recipient is.
    pub(super) address: u8,
    /// Whether a message is in that attachment.
    pub(super) is_embedded: bool,
    pub(super) version: i64,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reply {
    pub(super) told: String,
    /// What the slot shows then.
    pub(super) view: String,
    /// The newest change of the store.
    pub(super) change: i64,
    /// The message or folder that was made.
    pub(super) new: Option<String>,
}

struct Slot {
    message: Message,
    shown: Option<Conflict>,
}

pub(super) struct Hand {
    store: Store,
    slots: BTreeMap<u8, Slot>,
    named: PropertyTag,
}

type Told = Result<(String, Option<EntryId>), Error>;

fn told(text: impl Into<String>) -> Told {
    Ok((text.into(), None))
}

fn done() -> Told {
    told("done")
}

/// An error in the words that the model has for it.
fn refusal(error: &Error) -> String {
    match error {
        Error::ObjectChanged {
            base_version,
            current_version,
            ..
        } => format!("{} {base_version} {current_version}", error.code()),
        _ => error.code().to_string(),
    }
}

fn outcome(saved: &Saved) -> String {
    format!("{:?} {}", saved.outcome, saved.row_version)
}

fn access(wanted: Wanted) -> Access {
    match wanted {
        Wanted::ReadOnly => Access::ReadOnly,
        Wanted::Modify => Access::Modify,
        Wanted::Best => Access::Best,
    }
}

fn id(text: Option<&String>) -> EntryId {
    text.expect("the step is about something").parse().unwrap()
}

pub(super) fn recipient(address: u8, mark: u32) -> Recipient {
    Recipient::to(mark.to_string(), format!("{address}@example.org"))
}

impl Hand {
    pub(super) fn new(path: &Path, name: &str) -> Hand {
        let store = Store::options()
            .client_name(name)
            .durability(Durability::Normal)
            .create_if_missing()
            .open(path)
            .unwrap();
        let name: PropertyName = "PS_PUBLIC_STRINGS:history".parse().unwrap();
        let named = store.named_tag(&name, PropertyType::Unicode).unwrap();
        Hand {
            store,
            slots: BTreeMap::new(),
            named,
        }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn execute(&mut self, call: &Call) -> Reply {
        let came = self.take(call);
        let (told, new) = match came {
            Ok((told, new)) => (told, new),
            Err(error) => (refusal(&error), None),
        };
        let slot = self.slots.get(&call.step.slot);
        Reply {
            told,
            view: slot.map_or_else(|| "nothing".to_owned(), |slot| self.view(&slot.message)),
            change: self.store.last_change().unwrap().get(),
            new: new.map(|id| id.to_string()),
        }
    }

    fn tag(&self, property: u8) -> PropertyTag {
        match property {
            0 => pr::SUBJECT.tag(),
            1 => pr::BODY.tag(),
            2 => PropertyTag::new(0x6601_001F),
            3 => PropertyTag::new(0x6602_001F),
            _ => self.named,
        }
    }

    fn folder(&self, call: &Call) -> Result<Folder, Error> {
        self.store.open_folder(&id(call.folder.as_ref()))
    }

    fn take(&mut self, call: &Call) -> Told {
        let Move { slot, mark, step } = call.step;
        match step {
            Step::Create { .. } => {
                let message = self.folder(call)?.create_message()?;
                let entry_id = message.entry_id();
                let shown = None;
                self.slots.insert(slot, Slot { message, shown });
                Ok(("done".to_owned(), Some(entry_id)))
            }
            Step::Open { access: wanted, .. } => {
                let message = id(call.message.as_ref());
                let message = self.store.open_message(&message, access(wanted))?;
                let shown = None;
                self.slots.insert(slot, Slot { message, shown });
                done()
            }
            Step::Close => {
                self.slots.remove(&slot);
                done()
            }
            Step::View => done(),
            Step::SaveBatch { flags } => {
                let flags = SaveFlags::from_bits_retain(flags);
                let messages = self.slots.values_mut().map(|slot| &mut slot.message);
                let results = self.store.save_batch(messages, flags)?;
                let mut all = Vec::new();
                for (slot, result) in self.slots.values_mut().zip(results) {
                    all.push(match result {
                        Ok(saved) => {
                            slot.shown = None;
                            outcome(&saved)
                        }
                        Err(error) => refusal(&error),
                    });
                }
                told(all.join(", "))
            }
            Step::Look { .. }
            | Step::Restore { .. }
            | Step::Copy { .. }
            | Step::Move { .. }
            | Step::Delete { .. }
            | Step::MarkRead { .. }
            | Step::SetStatus { .. } => self.take_on_message(call),
            Step::CreateFolder { name } => {
                let parent = self.store.special_folder(SpecialFolder::IpmSubtree)?;
                let folder = parent.create_folder(&format!("folder {name}"))?;
                Ok(("done".to_owned(), Some(folder.entry_id())))
            }
            Step::RenameFolder { name, .. } => {
                self.folder(call)?.rename(&format!("Folder {name}"))?;
                done()
            }
            Step::DeleteFolder { .. } => {
                self.folder(call)?.delete()?;
                done()
            }
            Step::Count { .. } => {
                let info = self.folder(call)?.info()?;
                told(format!("{} {}", info.total, info.unread))
            }
            Step::Purge { keep } => {
                let purge = Purge::everything().keep_newest(keep.into());
                told(self.store.purge(&purge)?.versions.to_string())
            }
            Step::Collect => {
                self.store.collect_garbage()?;
                done()
            }
            _ => match self.slots.contains_key(&slot) {
                true => self.take_on_handle(call, mark),
                false => told("no handle"),
            },
        }
    }

    fn take_on_message(&mut self, call: &Call) -> Told {
        let message = id(call.message.as_ref());
        let ids = [message];
        let store = &self.store;
        let outcomes = match call.step.step {
            Step::Look { .. } => {
                let message = store.open_message_or_deleted(&message, Access::ReadOnly)?;
                let status = match message.deleted_at() {
                    Some(_) => "deleted".to_owned(),
                    None => {
                        // Tried and dropped: what the next attachment would be.
                        let mut trial = store.open_message(&message.entry_id(), Access::Modify)?;
                        let next = trial.attach("next", &b"1"[..])?.0;
                        let status = store.message_status(&ids[0])?.bits();
                        format!("{status:x} next a{next}")
                    }
                };
                let view = self.view(&message);
                return told(format!("{view} status {status} in {}", message.folder_id()));
            }
            Step::Restore { .. } => {
                let version = RowVersion::new(call.version).unwrap();
                return match store.restore(&message, version)? {
                    Restored::InPlace(saved) => told(format!("in place {}", outcome(&saved))),
                    Restored::AsNew(saved) => {
                        Ok((format!("as new {}", outcome(&saved)), Some(saved.entry_id)))
                    }
                    _ => told("restored in an unknown way"),
                };
            }
            Step::Copy { .. } => {
                let folder = self.folder(call)?;
                let mut copies = store.copy_messages(&ids, &folder)?;
                let copy = copies.remove(0).1?;
                return Ok(("done".to_owned(), Some(copy)));
            }
            Step::SetStatus { status, mask, .. } => {
                let before = store.set_message_status(
                    &message,
                    MessageStatus::from_bits_retain(status),
                    MessageStatus::from_bits_retain(mask),
                )?;
                return told(format!("{:x}", before.bits()));
            }
            Step::Move { .. } => store.move_messages(&ids, &self.folder(call)?)?,
            Step::Delete { is_hard, .. } => {
                let deletion = match is_hard {
                    true => Deletion::Hard,
                    false => Deletion::Soft,
                };
                store.delete_messages(&ids, deletion)?
            }
            Step::MarkRead { is_read, .. } => {
                let state = match is_read {
                    true => ReadState::Read,
                    false => ReadState::Unread,
                };
                store.set_read_state(&ids, state)?
            }
            other => panic!("not about a message: {other:?}"),
        };
        for (_, outcome) in outcomes {
            outcome?;
        }
        done()
    }

    fn take_on_handle(&mut self, call: &Call, mark: u32) -> Told {
        let folder = call.folder.as_ref().map(|folder| folder.parse().unwrap());
        let tag = match call.step.step {
            Step::Set { property, .. } | Step::Unset { property } => self.tag(property),
            _ => self.named,
        };
        let place = call.row;
        let slot = self.slots.get_mut(&call.step.slot).unwrap();
        let message = &mut slot.message;
        match call.step.step {
            Step::Set { size, property } => {
                let repeats = if property == 0 {
                    1
                } else {
                    SIZES[usize::from(size)]
                };
                message.set_value(tag, PropertyValue::Unicode(chant(mark, repeats)))?;
            }
            Step::Unset { .. } => message.delete_property(tag)?,
            Step::AddRecipient { address } => {
                let row = message.add_recipient(recipient(address, mark))?;
                return told(row.0.to_string());
            }
            Step::RenameRecipient { .. } => {
                message.modify_recipient(RowId(place), &recipient(call.address, mark))?;
            }
            Step::RemoveRecipient { .. } => message.remove_recipient(RowId(place))?,
            Step::RemoveAllRecipients => message.remove_all_recipients()?,
            Step::Attach { size } => {
                let data = chant(mark, SIZES[usize::from(size)]);
                let number = message.attach(mark.to_string(), data.as_bytes())?;
                return told(number.0.to_string());
            }
            Step::Embed => {
                let mut attachment = message.create_attachment()?;
                attachment.set(pr::ATTACH_LONG_FILENAME, mark.to_string())?;
                let mut inner = attachment.open_embedded_message(EmbeddedAccess::Create)?;
                inner.set(pr::SUBJECT, chant(mark, 1))?;
                inner.save_changes(SaveFlags::empty())?;
                attachment.save_changes(SaveFlags::KEEP_OPEN_READONLY)?;
                return told(attachment.number().0.to_string());
            }
            Step::EditAttachment { size, .. } => {
                let mut attachment = message.open_attachment(AttachmentNumber(place))?;
                if call.is_embedded {
                    let mut inner = attachment.open_embedded_message(EmbeddedAccess::Modify)?;
                    inner.set(pr::SUBJECT, chant(mark, 1))?;
                    inner.save_changes(SaveFlags::empty())?;
                } else {
                    attachment.set_data(chant(mark, SIZES[usize::from(size)]).as_bytes())?;
                }
                attachment.save_changes(SaveFlags::empty())?;
            }
            Step::DeleteAttachment { .. } => message.delete_attachment(AttachmentNumber(place))?,
            Step::Save { flags } => {
                let saved = message.save_changes(SaveFlags::from_bits_retain(flags))?;
                slot.shown = None;
                return told(outcome(&saved));
            }
            Step::Reload => {
                message.reload()?;
                slot.shown = None;
            }
            Step::ShowConflict => {
                slot.shown = None;
                let conflict = message.conflict()?;
                let theirs = match conflict.theirs() {
                    Theirs::Changed(theirs) => theirs.row_version.to_string(),
                    _ => "deleted".to_owned(),
                };
                let base = conflict.base_version();
                slot.shown = Some(conflict);
                return told(format!("{base} and {theirs}"));
            }
            Step::Resolve { how, .. } => {
                let Some(conflict) = &slot.shown else {
                    return told("nothing was shown");
                };
                let merge = |choice| Resolution::Merge(MergeChoices::new().otherwise(choice));
                let resolution = match how {
                    How::KeepOriginal => Resolution::KeepOriginal,
                    How::Overwrite => Resolution::Overwrite,
                    How::Elsewhere => Resolution::SaveElsewhere(folder.unwrap()),
                    How::MergeTheirs => merge(Choice::Theirs),
                    How::MergeMine => merge(Choice::Mine),
                    How::MergeUndecided => Resolution::Merge(MergeChoices::new()),
                };
                let resolved = message.resolve(conflict, resolution)?;
                slot.shown = None;
                return match resolved {
                    Resolved::KeptOriginal => done(),
                    Resolved::Overwritten(saved) | Resolved::Merged(saved) => told(outcome(&saved)),
                    Resolved::SavedElsewhere(saved) => Ok((outcome(&saved), Some(saved.entry_id))),
                    _ => told("resolved in an unknown way"),
                };
            }
            Step::PutBack { .. } => message.restore(RowVersion::new(call.version).unwrap())?,
            Step::SaveElsewhere { .. } => {
                let folder = self.store.open_folder(&folder.unwrap())?;
                let copy = message.save_elsewhere(&folder)?;
                return Ok(("done".to_owned(), Some(copy.entry_id())));
            }
            other => panic!("not about a handle: {other:?}"),
        }
        done()
    }

    /// All that a handle shows, in words.
    fn view(&self, message: &Message) -> String {
        self.try_view(message)
            .unwrap_or_else(|error| refusal(&error))
    }

    fn try_view(&self, message: &Message) -> Result<String, Error> {
        use std::fmt::Write;
        let mut view = String::new();
        let base = message.row_version().map_or(0, RowVersion::get);
        let is_read = message.get(pr::MESSAGE_FLAGS)?.unwrap_or_default() & 1 != 0;
        let (level, is_pending) = (message.access_level(), message.has_pending_changes());
        write!(view, "{base} {level:?} pending {is_pending} read {is_read}").unwrap();
        for property in 0..5 {
            if let Some(PropertyValue::Unicode(text)) = message.get_value(self.tag(property))? {
                write!(view, " p{property}={}", heard(&text)).unwrap();
            }
        }
        for row in message.recipients()? {
            let (address, _) = row.recipient.address.split_once('@').unwrap_or_default();
            write!(view, " r{}={address}:{}", row.row_id.0, row.recipient.name).unwrap();
        }
        for row in message.attachments()? {
            let name = row.name.unwrap_or_default();
            let says = if row.method == mapistore::AttachMethod::EmbeddedMessage {
                let inner = message.open_attached_message(row.number)?;
                format!("[{}]", heard(&inner.get(pr::SUBJECT)?.unwrap_or_default()))
            } else {
                let mut data = String::new();
                match message
                    .open_attachment_data(row.number)?
                    .read_to_string(&mut data)
                {
                    Ok(_) => heard(&data),
                    Err(error) => format!("unreadable: {error}"),
                }
            };
            write!(view, " a{}={name}:{says}", row.number.0).unwrap();
        }
        Ok(view)
    }
}
