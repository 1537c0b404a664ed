//! Handles: what is pending on them, and what becomes of it.

use std::fmt::Write;

use mapistore::{MapiCode, SaveFlags};

use super::super::hand::Call;
use super::super::merge::merge;
use super::super::step::{How, Move, SIZES, Step};
use super::{
    Attachment, Content, Handle, Life, Message, Model, Shown, Told, changed, code, contradictory,
    done, refuse,
};

impl Model {
    /// SaveChanges, in the order of S0.
    pub(super) fn save(&mut self, slot: u8, flags: SaveFlags) -> Told {
        let handle = self.handles.get_mut(&slot).expect("a handle");
        let message = &mut self.messages[handle.message];
        let is_forced = flags.contains(SaveFlags::FORCE_SAVE);
        if contradictory(flags) {
            return refuse(MapiCode::MAPI_E_INVALID_PARAMETER);
        }
        handle.check_modifiable()?;
        if handle.base == 0 && self.folders[message.folder].is_deleted {
            return refuse(MapiCode::MAPI_E_OBJECT_DELETED);
        }
        if handle.base > 0 {
            if message.life != Life::There {
                return refuse(MapiCode::MAPI_E_OBJECT_DELETED);
            }
            if handle.base != message.version && !is_forced {
                return Err(changed(handle.base, message.version));
            }
        }
        handle.shown = None;
        let seen = handle.seen.take();
        let outcome = if handle.base == 0 {
            message.life = Life::There;
            message.version = 1;
            message.content = handle.mine.clone();
            self.change += 1;
            "NewVersion"
        } else if handle.is_pending || is_forced {
            // What a forced save or a restored version was not built on is kept (K4).
            let seen = match is_forced {
                true => Some(seen.unwrap_or(handle.base)),
                false => seen,
            };
            handle.mine.spare_numbers_of(&message.content);
            message.save(&handle.mine, seen);
            self.change += 1;
            "NewVersion"
        } else {
            "NothingPending"
        };
        handle.base = message.version;
        handle.snapshot = handle.mine.clone();
        handle.is_pending = false;
        let kept_open = SaveFlags::KEEP_OPEN_READONLY | SaveFlags::KEEP_OPEN_READWRITE;
        handle.is_closed = !flags.intersects(kept_open);
        handle.can_modify = !flags.contains(SaveFlags::KEEP_OPEN_READONLY);
        Ok(format!("{outcome} {}", message.version))
    }

    pub(super) fn take_on_handle(&mut self, call: &Call) -> Told {
        let Move { slot, mark, step } = call.step;
        match step {
            Step::Save { flags } => return self.save(slot, SaveFlags::from_bits_retain(flags)),
            Step::Resolve { how, .. } => return self.resolve(slot, how, step),
            Step::SaveElsewhere { .. } => {
                let folder = self.living_folder(step)?;
                let handle = &self.handles[&slot];
                if handle.is_closed {
                    return refuse(MapiCode::MAPI_E_INVALID_OBJECT);
                }
                let (content, is_read) = (handle.mine.clone(), handle.is_read);
                self.add_message(folder, content, is_read, Life::There);
                return done();
            }
            _ => {}
        }
        let handle = self.handles.get_mut(&slot).expect("a handle");
        let message = &self.messages[handle.message];
        match step {
            Step::Reload => return handle.reload(message),
            Step::ShowConflict => return handle.show(message),
            Step::PutBack { .. } => return handle.put_back(message, call.version),
            _ => {}
        }
        // An attachment is opened before it is changed, also for reading.
        let is_missing = !handle.mine.attachments.contains_key(&call.row);
        if matches!(step, Step::EditAttachment { .. }) && is_missing && !handle.is_closed {
            return refuse(MapiCode::MAPI_E_NOT_FOUND);
        }
        handle.check_modifiable()?;
        let mine = &mut handle.mine;
        let nothing_there = refuse(MapiCode::MAPI_E_NOT_FOUND);
        let told = match step {
            Step::Set { property, size } => {
                let repeats = if property == 0 {
                    1
                } else {
                    SIZES[usize::from(size)]
                };
                mine.properties.insert(property, (mark, repeats));
                done()
            }
            Step::Unset { property } => {
                mine.properties.remove(&property);
                done()
            }
            Step::AddRecipient { address } => {
                let row = mine
                    .recipients
                    .last_key_value()
                    .map_or(0, |(row, _)| row + 1);
                mine.recipients.insert(row, (address, mark));
                Ok(row.to_string())
            }
            Step::RenameRecipient { .. } => match mine.recipients.get_mut(&call.row) {
                None => return nothing_there,
                Some(row) => {
                    row.1 = mark;
                    done()
                }
            },
            Step::RemoveRecipient { .. } => match mine.recipients.remove(&call.row) {
                None => return nothing_there,
                Some(_) => done(),
            },
            Step::RemoveAllRecipients => {
                mine.recipients.clear();
                done()
            }
            Step::Attach { .. } | Step::Embed => {
                let number = mine.next_attachment;
                mine.next_attachment += 1;
                let repeats = match step {
                    Step::Attach { size } => SIZES[usize::from(size)],
                    _ => 1,
                };
                let attachment = Attachment {
                    name: mark,
                    says: (mark, repeats),
                    is_embedded: step == Step::Embed,
                };
                mine.attachments.insert(number, attachment);
                Ok(number.to_string())
            }
            Step::EditAttachment { size, .. } => match mine.attachments.get_mut(&call.row) {
                None => return nothing_there,
                Some(row) => {
                    let repeats = if row.is_embedded {
                        1
                    } else {
                        SIZES[usize::from(size)]
                    };
                    row.says = (mark, repeats);
                    done()
                }
            },
            Step::DeleteAttachment { .. } => match mine.attachments.remove(&call.row) {
                None => return nothing_there,
                Some(_) => done(),
            },
            other => panic!("not about a handle: {other:?}"),
        };
        handle.is_pending = true;
        handle.edits += 1;
        told
    }

    fn resolve(&mut self, slot: u8, how: How, step: Step) -> Told {
        let folder = self.living_folder(step);
        let handle = self.handles.get_mut(&slot).expect("a handle");
        let Some(shown) = handle.shown.clone() else {
            return Ok("nothing was shown".to_owned());
        };
        handle.check_modifiable()?;
        if shown.edits != handle.edits {
            return refuse(MapiCode::MAPI_E_INVALID_PARAMETER);
        }
        let mine = handle.mine.clone();
        if how == How::Elsewhere {
            let folder = folder?;
            let is_read = handle.is_read;
            handle.shown = None;
            if let Some(theirs) = &shown.theirs {
                handle.take_theirs(theirs);
            }
            self.add_message(folder, mine, is_read, Life::There);
            return Ok("NewVersion 1".to_owned());
        }
        let Some(theirs) = &shown.theirs else {
            return refuse(MapiCode::MAPI_E_OBJECT_DELETED);
        };
        let merged = match how {
            How::KeepOriginal => {
                handle.take_theirs(theirs);
                return done();
            }
            How::Overwrite => {
                let mut mine = mine;
                mine.spare_numbers_of(&theirs.1);
                mine
            }
            how => match merge(&shown.base_content, &theirs.1, &mine, how) {
                Some(merged) => merged,
                None => return refuse(MapiCode::MAPI_E_INVALID_PARAMETER),
            },
        };
        let message = &mut self.messages[handle.message];
        if message.life != Life::There {
            return refuse(MapiCode::MAPI_E_OBJECT_DELETED);
        }
        if message.version != theirs.0 {
            return Err(changed(theirs.0, message.version));
        }
        let is_pending = merged != theirs.1;
        if is_pending {
            message.save(&merged, Some(shown.base));
            self.change += 1;
        }
        let (version, is_read) = (message.version, theirs.2);
        handle.take_theirs(&(version, merged, is_read));
        let outcome = if is_pending {
            "NewVersion"
        } else {
            "NothingPending"
        };
        Ok(format!("{outcome} {version}"))
    }
}

impl Handle {
    pub(super) fn of(at: usize, message: &Message) -> Handle {
        Handle {
            message: at,
            base: message.version,
            snapshot: message.content.clone(),
            mine: message.content.clone(),
            is_pending: false,
            seen: None,
            can_modify: false,
            is_closed: false,
            is_read: message.is_read,
            edits: 0,
            shown: None,
        }
    }

    pub(super) fn check_modifiable(&self) -> Result<(), String> {
        match (self.is_closed, self.can_modify) {
            (true, _) => refuse(MapiCode::MAPI_E_INVALID_OBJECT),
            (_, false) => refuse(MapiCode::MAPI_E_NO_ACCESS),
            _ => Ok(()),
        }
    }

    fn take_theirs(&mut self, (version, content, is_read): &(i64, Content, bool)) {
        self.base = *version;
        self.snapshot = content.clone();
        self.mine = content.clone();
        self.is_pending = false;
        self.seen = None;
        self.is_read = *is_read;
        self.shown = None;
        self.edits += 1;
    }

    fn reload(&mut self, message: &Message) -> Told {
        if self.is_closed {
            return refuse(MapiCode::MAPI_E_INVALID_OBJECT);
        }
        if self.base == 0 {
            return refuse(MapiCode::MAPI_E_INVALID_PARAMETER);
        }
        if message.life != Life::There {
            return refuse(MapiCode::MAPI_E_OBJECT_DELETED);
        }
        self.take_theirs(&(message.version, message.content.clone(), message.is_read));
        done()
    }

    fn show(&mut self, message: &Message) -> Told {
        self.shown = None;
        if self.is_closed {
            return refuse(MapiCode::MAPI_E_INVALID_OBJECT);
        }
        let is_there = message.life == Life::There;
        if self.base == 0 || (is_there && self.base == message.version) {
            return refuse(MapiCode::MAPI_E_INVALID_PARAMETER);
        }
        let theirs = (message.version, message.content.clone(), message.is_read);
        self.shown = Some(Shown {
            base: self.base,
            base_content: self.snapshot.clone(),
            theirs: is_there.then_some(theirs),
            edits: self.edits,
        });
        let version = match is_there {
            true => message.version.to_string(),
            false => "deleted".to_owned(),
        };
        Ok(format!("{} and {version}", self.base))
    }

    fn put_back(&mut self, message: &Message, version: i64) -> Told {
        self.check_modifiable()?;
        let content = message.at_version(version)?;
        if self.is_pending {
            return refuse(MapiCode::MAPI_E_INVALID_PARAMETER);
        }
        let mut content = content.clone();
        content.spare_numbers_of(&self.mine);
        if content == self.mine {
            return done();
        }
        self.mine = content;
        self.is_pending = true;
        self.seen = Some(version);
        self.edits += 1;
        done()
    }

    pub(super) fn view(&self) -> String {
        if self.is_closed {
            return code(MapiCode::MAPI_E_INVALID_OBJECT);
        }
        let level = if self.can_modify {
            "Modify"
        } else {
            "ReadOnly"
        };
        let (base, is_pending, is_read) = (self.base, self.is_pending, self.is_read);
        let mut view = format!("{base} {level} pending {is_pending} read {is_read}");
        for (property, (mark, repeats)) in &self.mine.properties {
            write!(view, " p{property}={mark}*{repeats}").unwrap();
        }
        for (row, (address, mark)) in &self.mine.recipients {
            write!(view, " r{row}={address}:{mark}").unwrap();
        }
        for (number, row) in &self.mine.attachments {
            let says = format!("{}*{}", row.says.0, row.says.1);
            let says = if row.is_embedded {
                format!("[{says}]")
            } else {
                says
            };
            write!(view, " a{number}={}:{says}", row.name).unwrap();
        }
        view
    }
}
