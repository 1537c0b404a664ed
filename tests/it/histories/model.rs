//! The store as the contract has it, in memory.

mod handles;

use std::collections::BTreeMap;

use mapistore::{EntryId, MapiCode, SaveFlags};

use super::hand::{Call, Reply};
use super::step::{HANDS, Move, Step, Wanted};

/// A content: what each part says, by its mark.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Content {
    /// Mark and length of each.
    pub(super) properties: BTreeMap<u8, (u32, u32)>,
    /// Address and mark.
    pub(super) recipients: BTreeMap<u32, (u8, u32)>,
    pub(super) attachments: BTreeMap<u32, Attachment>,
    pub(super) next_attachment: u32,
}

impl Content {
    /// A number that an attachment ever had is never given to another one.
    pub(super) fn spare_numbers_of(&mut self, other: &Content) {
        self.next_attachment = self.next_attachment.max(other.next_attachment);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attachment {
    pub(super) name: u32,
    pub(super) says: (u32, u32),
    pub(super) is_embedded: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Unsaved,
    There,
    SoftlyDeleted,
    Gone,
}

#[derive(Debug)]
struct Message {
    id: String,
    life: Life,
    version: i64,
    content: Content,
    kept: BTreeMap<i64, Content>,
    folder: usize,
    is_read: bool,
    status: i32,
}

/// What a client was shown of a conflict.
#[derive(Debug, Clone)]
struct Shown {
    base: i64,
    base_content: Content,
    /// Version, content and read state; none if the message was deleted.
    theirs: Option<(i64, Content, bool)>,
    edits: u32,
}

#[derive(Debug)]
struct Handle {
    message: usize,
    /// 0 before the first save.
    base: i64,
    snapshot: Content,
    mine: Content,
    is_pending: bool,
    /// The version that pending changes are built on, if it is another than the base.
    seen: Option<i64>,
    can_modify: bool,
    is_closed: bool,
    is_read: bool,
    /// Counts changes since the beginning, so that a conflict which was shown before one is known.
    edits: u32,
    shown: Option<Shown>,
}

#[derive(Debug)]
struct Folder {
    id: String,
    /// None of those that every store has.
    name: Option<u8>,
    is_deleted: bool,
}

#[derive(Debug, Default)]
pub(super) struct Model {
    messages: Vec<Message>,
    folders: Vec<Folder>,
    handles: BTreeMap<u8, Handle>,
    change: i64,
}

/// The IPM subtree, where softly deleted messages of deleted folders go.
const SUBTREE: usize = 0;
const INBOX: usize = 1;

type Told = Result<String, String>;

fn code(code: MapiCode) -> String {
    code.to_string()
}

fn refuse<T>(why: MapiCode) -> Result<T, String> {
    Err(code(why))
}

fn done() -> Told {
    Ok("done".to_owned())
}

/// The one of this place among so many, or the nearest to nonsense if there are none.
fn place_among<T: Copy>(rows: &BTreeMap<u32, T>, place: u8) -> Option<(u32, T)> {
    let count = rows.len().max(1);
    let row = rows.iter().nth(usize::from(place) % count);
    row.map(|(number, row)| (*number, *row))
}

impl Model {
    /// A new store; `folders` are the IPM subtree, the inbox and the drafts.
    pub(super) fn new(folders: [EntryId; 3]) -> Model {
        let folder = |id: EntryId| Folder {
            id: id.to_string(),
            name: None,
            is_deleted: false,
        };
        Model {
            folders: folders.into_iter().map(folder).collect(),
            ..Model::default()
        }
    }

    /// One of the newest messages.
    fn message_of(&self, step: Step) -> Option<usize> {
        let (Step::Open { message, .. }
        | Step::Look { message }
        | Step::Restore { message, .. }
        | Step::Copy { message, .. }
        | Step::Move { message, .. }
        | Step::Delete { message, .. }
        | Step::MarkRead { message, .. }
        | Step::SetStatus { message, .. }) = step
        else {
            return None;
        };
        let count = self.messages.len();
        let recent = count.min(5);
        let back = usize::from(message).checked_rem(recent)?;
        Some(count - 1 - back)
    }

    /// The inbox, the drafts, or one of the newest folders.
    fn folder_of(&self, step: Step) -> Option<usize> {
        let (Step::Create { folder }
        | Step::Resolve { folder, .. }
        | Step::SaveElsewhere { folder }
        | Step::Copy { folder, .. }
        | Step::Move { folder, .. }
        | Step::RenameFolder { folder, .. }
        | Step::DeleteFolder { folder }
        | Step::Count { folder }) = step
        else {
            return None;
        };
        let count = self.folders.len();
        Some(match usize::from(folder) {
            standing @ (0 | 1) => standing + 1,
            recent => count - 1 - (recent - 2).min(count - 2),
        })
    }

    /// What a hand is told, so that it does this step; nothing if there is nothing that it could be about.
    pub(super) fn call(&self, step: Move) -> Option<Call> {
        let message = self.message_of(step.step);
        let about_message = matches!(
            step.step,
            Step::Open { .. }
                | Step::Look { .. }
                | Step::Restore { .. }
                | Step::Copy { .. }
                | Step::Move { .. }
                | Step::Delete { .. }
                | Step::MarkRead { .. }
                | Step::SetStatus { .. }
        );
        if about_message && message.is_none() {
            return None;
        }
        let handle = self.handles.get(&step.slot);
        let mine = handle.map(|handle| &handle.mine);
        let (row, address, is_embedded) = match (step.step, mine) {
            (Step::RenameRecipient { place } | Step::RemoveRecipient { place }, Some(mine)) => {
                let row = place_among(&mine.recipients, place);
                row.map_or((77, 0, false), |(row, (address, _))| (row, address, false))
            }
            (Step::EditAttachment { place, .. } | Step::DeleteAttachment { place }, Some(mine)) => {
                let row = place_among(&mine.attachments, place);
                row.map_or((77, 0, false), |(number, row)| (number, 0, row.is_embedded))
            }
            _ => (0, 0, false),
        };
        let version = match step.step {
            Step::PutBack { version } => handle.map(|handle| (version, handle.message)),
            Step::Restore { version, .. } => message.map(|message| (version, message)),
            _ => None,
        };
        let version = version.map_or(1, |(version, message)| {
            self.messages[message].version_near(version)
        });
        Some(Call {
            step,
            message: message.map(|message| self.messages[message].id.clone()),
            folder: self
                .folder_of(step.step)
                .map(|folder| self.folders[folder].id.clone()),
            row,
            address,
            is_embedded,
            version,
        })
    }

    /// What must come of a call. `new` is the entry id that the hand had for what it made.
    pub(super) fn expect(&mut self, call: &Call, new: Option<&String>) -> Reply {
        let made = (self.messages.len(), self.folders.len());
        let told = self.take(call).unwrap_or_else(|refusal| refusal);
        let id = new.cloned().unwrap_or_default();
        let mut is_new = false;
        if self.messages.len() > made.0 {
            self.messages[made.0].id.clone_from(&id);
            is_new = true;
        }
        if self.folders.len() > made.1 {
            self.folders[made.1].id = id;
            is_new = true;
        }
        let handle = self.handles.get(&call.step.slot);
        Reply {
            told,
            view: handle.map_or_else(|| "nothing".to_owned(), Handle::view),
            change: self.change,
            new: new.filter(|_| is_new).cloned(),
        }
    }

    fn next_change(&mut self) {
        self.change += 1;
    }

    fn add_message(&mut self, folder: usize, content: Content, is_read: bool, life: Life) -> usize {
        let is_saved = life != Life::Unsaved;
        self.change += i64::from(is_saved);
        self.messages.push(Message {
            id: String::new(),
            life,
            version: i64::from(is_saved),
            content,
            kept: BTreeMap::new(),
            folder,
            is_read,
            status: 0,
        });
        self.messages.len() - 1
    }

    fn living_folder(&self, step: Step) -> Result<usize, String> {
        let folder = self.folder_of(step).unwrap_or(INBOX);
        match self.folders[folder].is_deleted {
            true => refuse(MapiCode::MAPI_E_NOT_FOUND),
            false => Ok(folder),
        }
    }

    fn take(&mut self, call: &Call) -> Told {
        let Move { slot, step, .. } = call.step;
        match step {
            Step::Create { .. } => {
                let folder = self.living_folder(step)?;
                let message = self.add_message(folder, Content::default(), true, Life::Unsaved);
                let mut handle = Handle::of(message, &self.messages[message]);
                handle.can_modify = true;
                self.handles.insert(slot, handle);
                done()
            }
            Step::Open { access, .. } => {
                let at = self.message_of(step).unwrap_or_default();
                let message = &self.messages[at];
                if message.life != Life::There {
                    return refuse(MapiCode::MAPI_E_NOT_FOUND);
                }
                let mut handle = Handle::of(at, message);
                handle.can_modify = access != Wanted::ReadOnly;
                self.handles.insert(slot, handle);
                done()
            }
            Step::Close => {
                self.handles.remove(&slot);
                done()
            }
            Step::View | Step::Collect => done(),
            Step::SaveBatch { flags } => {
                let flags = SaveFlags::from_bits_retain(flags);
                if contradictory(flags) {
                    return refuse(MapiCode::MAPI_E_INVALID_PARAMETER);
                }
                let slots: Vec<u8> = self.handles.keys().copied().collect();
                let ours = slots
                    .into_iter()
                    .filter(|other| other % HANDS == slot % HANDS);
                let all: Vec<String> = ours
                    .map(|slot| self.save(slot, flags).unwrap_or_else(|refusal| refusal))
                    .collect();
                Ok(all.join(", "))
            }
            Step::CreateFolder { name } => {
                self.refuse_taken(name, None)?;
                self.next_change();
                self.folders.push(Folder {
                    id: String::new(),
                    name: Some(name),
                    is_deleted: false,
                });
                done()
            }
            Step::RenameFolder { name, .. } => {
                let folder = self.living_folder(step)?;
                self.refuse_taken(name, Some(folder))?;
                self.next_change();
                self.folders[folder].name = Some(name);
                done()
            }
            Step::DeleteFolder { .. } => self.delete_folder(step),
            Step::Count { .. } => {
                let folder = self.living_folder(step)?;
                let there = self.messages.iter();
                let there = there.filter(|one| one.life == Life::There && one.folder == folder);
                let (mut total, mut unread) = (0, 0);
                for message in there {
                    total += 1;
                    unread += u32::from(!message.is_read);
                }
                Ok(format!("{total} {unread}"))
            }
            Step::Purge { keep } => {
                let mut purged = 0;
                for message in &mut self.messages {
                    while message.kept.len() > usize::from(keep) {
                        message.kept.pop_first();
                        purged += 1;
                    }
                }
                Ok(purged.to_string())
            }
            _ => match self.message_of(step) {
                Some(message) => self.take_on_message(message, call),
                None if self.handles.contains_key(&slot) => self.take_on_handle(call),
                None => Ok("no handle".to_owned()),
            },
        }
    }

    fn refuse_taken(&self, name: u8, but: Option<usize>) -> Result<(), String> {
        let is_taken =
            self.folders.iter().enumerate().any(|(at, folder)| {
                folder.name == Some(name) && !folder.is_deleted && Some(at) != but
            });
        match is_taken {
            true => refuse(MapiCode::MAPI_E_COLLISION),
            false => Ok(()),
        }
    }

    fn delete_folder(&mut self, step: Step) -> Told {
        let folder = self.living_folder(step)?;
        if folder <= 2 {
            return refuse(MapiCode::MAPI_E_NO_ACCESS);
        }
        let mut inside = self.messages.iter();
        if inside.any(|message| message.folder == folder && message.life == Life::There) {
            return refuse(MapiCode::MAPI_E_HAS_MESSAGES);
        }
        for message in &mut self.messages {
            if message.folder == folder && message.life == Life::SoftlyDeleted {
                message.folder = SUBTREE;
            }
        }
        self.next_change();
        self.folders[folder].is_deleted = true;
        done()
    }

    fn take_on_message(&mut self, at: usize, call: &Call) -> Told {
        let step = call.step.step;
        let folder = match step {
            Step::Copy { .. } | Step::Move { .. } => self.living_folder(step)?,
            _ => INBOX,
        };
        let life = self.messages[at].life;
        match step {
            Step::Look { .. } => return self.look(at),
            Step::Restore { .. } => return self.restore(at, call.version),
            Step::Delete { is_hard: true, .. } if life == Life::SoftlyDeleted => {}
            _ if life != Life::There => return refuse(MapiCode::MAPI_E_NOT_FOUND),
            _ => {}
        }
        if let Step::Copy { .. } = step {
            let message = &self.messages[at];
            let (content, is_read) = (message.content.clone(), message.is_read);
            self.add_message(folder, content, is_read, Life::There);
            return done();
        }
        self.next_change();
        let message = &mut self.messages[at];
        match step {
            Step::Move { .. } => message.folder = folder,
            Step::Delete { is_hard, .. } => {
                message.life = match is_hard {
                    true => Life::Gone,
                    false => Life::SoftlyDeleted,
                };
            }
            Step::MarkRead { is_read, .. } => message.is_read = is_read,
            Step::SetStatus { status, mask, .. } => {
                let before = message.status;
                message.status = before & !mask | status & mask;
                return Ok(format!("{before:x}"));
            }
            other => panic!("not about a message: {other:?}"),
        }
        done()
    }

    fn look(&self, at: usize) -> Told {
        let message = &self.messages[at];
        let status = match message.life {
            Life::Unsaved | Life::Gone => return refuse(MapiCode::MAPI_E_NOT_FOUND),
            Life::There => {
                let next = message.content.next_attachment;
                format!("{:x} next a{next}", message.status)
            }
            Life::SoftlyDeleted => "deleted".to_owned(),
        };
        let view = Handle::of(at, message).view();
        let folder = &self.folders[message.folder].id;
        Ok(format!("{view} status {status} in {folder}"))
    }

    fn restore(&mut self, at: usize, version: i64) -> Told {
        let message = &self.messages[at];
        let mut content = message.at_version(version)?.clone();
        if message.life == Life::There {
            content.spare_numbers_of(&message.content);
            if content == message.content {
                return Ok(format!("in place NothingPending {}", message.version));
            }
            self.next_change();
            let message = &mut self.messages[at];
            message.save(&content, Some(version));
            return Ok(format!("in place NewVersion {}", message.version));
        }
        let is_read = message.life == Life::Gone || message.is_read;
        let folder = match self.folders[message.folder].is_deleted {
            true => INBOX,
            false => message.folder,
        };
        self.add_message(folder, content, is_read, Life::There);
        Ok("as new NewVersion 1".to_owned())
    }
}

fn contradictory(flags: SaveFlags) -> bool {
    flags.contains(SaveFlags::KEEP_OPEN_READONLY | SaveFlags::KEEP_OPEN_READWRITE)
}

fn changed(base: i64, current: i64) -> String {
    format!("{} {base} {current}", MapiCode::MAPI_E_OBJECT_CHANGED)
}

impl Message {
    /// One of the versions that there were, more often one that is kept.
    fn version_near(&self, version: u8) -> i64 {
        let kept: Vec<i64> = self.kept.keys().copied().collect();
        let chosen = usize::from(version / 4).checked_rem(kept.len());
        match (version % 4, chosen) {
            (1.., Some(at)) => kept[at],
            _ => 1 + i64::from(version / 4) % (self.version + 1),
        }
    }

    fn at_version(&self, version: i64) -> Result<&Content, String> {
        let is_current = version == self.version;
        match self.life {
            Life::There | Life::SoftlyDeleted if is_current => Ok(&self.content),
            _ => match self.kept.get(&version) {
                Some(kept) => Ok(kept),
                None => refuse(MapiCode::MAPI_E_NOT_FOUND),
            },
        }
    }

    /// A new version. What is replaced is kept, unless it is the version that this one was built on, or nobody
    /// declared one.
    fn save(&mut self, content: &Content, seen: Option<i64>) {
        if seen.is_some_and(|seen| seen != self.version) {
            self.kept.insert(self.version, self.content.clone());
        }
        self.version += 1;
        self.content = content.clone();
    }
}
