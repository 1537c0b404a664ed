//! One client of the store, each of whose calls is recorded: what it asked, and what it was told.

use std::path::Path;

use mapistore::{
    Access, AccessLevel, Deletion, EntryId, Error, Folder, Message, ObjectUid, ReadState,
    SaveFlags, SaveId, Saved, Store, StreamReader,
};

use super::answers::{answer_of, answer_of_outcomes, answer_of_saved, failed};
use super::history::{Answer, Call, Parts, Question, Recorder};
use super::marks::Hearing;
use super::parts::Part;
use super::random::Random;

/// The store as one process sees it, and its history.
#[derive(Debug)]
pub(crate) struct Client {
    pub(super) store: Store,
    name: String,
    pub(super) recorder: Recorder,
    handles: u64,
    marks: u64,
}

/// An open message, with what was changed and not saved.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(super) number: u64,
    pub(super) message: Message,
    pub(super) own: Parts,
    /// The kept version that its next save puts back.
    pub(super) restores: Option<i64>,
}

/// A stream that is read with a pause in between.
#[derive(Debug)]
pub(crate) struct Listening {
    call: Call,
    part: Part,
    stream: StreamReader,
    hearing: Hearing,
}

/// How a save came out for the one who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Saved,
    Changed,
    Deleted,
    /// The history says what.
    Failed,
}

/// Whether a save goes through whatever is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Guarded,
    Forced,
}

impl Manner {
    fn flags(self, keep_open: SaveFlags) -> SaveFlags {
        match self {
            Manner::Guarded => keep_open,
            Manner::Forced => keep_open | SaveFlags::FORCE_SAVE,
        }
    }
}

impl Handle {
    pub(crate) fn entry_id(&self) -> EntryId {
        self.message.entry_id()
    }

    pub(crate) fn is_modifiable(&self) -> bool {
        self.message.access_level() == AccessLevel::Modify
    }

    pub(super) fn forget_own(&mut self) {
        self.own.clear();
        self.restores = None;
    }

    pub(super) fn version(&self) -> Option<i64> {
        self.message.row_version().map(|version| version.get())
    }

    pub(super) fn uid(&self) -> String {
        self.message.entry_id().object().to_string()
    }
}

impl Client {
    pub(crate) fn new(store: Store, folder: &Path, worker: Option<u32>) -> anyhow::Result<Client> {
        let name = store.client_name().to_owned();
        let recorder = Recorder::create(folder, &name, worker)?;
        Ok(Client {
            store,
            name,
            recorder,
            handles: 0,
            marks: 0,
        })
    }

    fn next_handle(&mut self) -> u64 {
        self.handles += 1;
        self.handles
    }

    /// Opens a message; none if there is no such message any more.
    pub(crate) fn open(
        &mut self,
        entry_id: &EntryId,
        access: Access,
    ) -> anyhow::Result<Option<Handle>> {
        let number = self.next_handle();
        let message = entry_id.object().to_string();
        let call = self.recorder.ask(Question::Open {
            handle: number,
            message,
        })?;
        match self.store.open_message(entry_id, access) {
            Ok(message) => {
                let handle = Handle {
                    number,
                    message,
                    own: Parts::new(),
                    restores: None,
                };
                // What was read has a version; none would be seen as one that never was.
                self.recorder.tell(
                    call,
                    Answer::Opened {
                        version: handle.version().unwrap_or(0),
                    },
                )?;
                Ok(Some(handle))
            }
            Err(error) => {
                self.recorder.tell(call, answer_of(&error))?;
                Ok(None)
            }
        }
    }

    /// Begins a new message, marked in every part; it is not saved yet.
    pub(crate) fn create(
        &mut self,
        folder: &Folder,
        random: &mut Random,
    ) -> anyhow::Result<Handle> {
        let number = self.next_handle();
        let mut handle = Handle {
            number,
            message: folder.create_message()?,
            own: Parts::new(),
            restores: None,
        };
        self.mark(&mut handle, &Part::ALL, random)?;
        Ok(handle)
    }

    /// Changes parts of a handle: each says a new mark from now on.
    pub(crate) fn mark(
        &mut self,
        handle: &mut Handle,
        parts: &[Part],
        random: &mut Random,
    ) -> anyhow::Result<()> {
        self.marks += 1;
        let mark = format!("{}-{}", self.name, self.marks);
        for part in parts {
            part.put(&mut handle.message, &mark, random)?;
            handle.own.insert(part.name().to_owned(), mark.clone());
        }
        Ok(())
    }

    /// Saves. Where the outcome is unknown it asks again, as a host should.
    pub(crate) fn save(
        &mut self,
        handle: &mut Handle,
        manner: Manner,
        keep_open: SaveFlags,
    ) -> anyhow::Result<Verdict> {
        loop {
            let call = self.recorder.ask(saving(handle, manner))?;
            let saved = handle.message.save_changes(manner.flags(keep_open));
            if let Some(verdict) = self.tell_saved(call, handle, &saved)? {
                return Ok(verdict);
            }
        }
    }

    /// Saves several handles in one commit; each was asked for by itself and has an answer of its own.
    pub(crate) fn save_together(
        &mut self,
        handles: &mut [Handle],
        manner: Manner,
        keep_open: SaveFlags,
    ) -> anyhow::Result<Vec<Verdict>> {
        let mut calls = Vec::with_capacity(handles.len());
        for handle in &*handles {
            calls.push(self.recorder.ask(saving(handle, manner))?);
        }
        let messages = handles.iter_mut().map(|handle| &mut handle.message);
        let results = match self.store.save_batch(messages, manner.flags(keep_open)) {
            Ok(results) => results,
            Err(error) => {
                for call in calls {
                    self.recorder.tell(call, answer_of(&error))?;
                }
                return Ok(vec![Verdict::Failed; handles.len()]);
            }
        };
        let mut verdicts = Vec::with_capacity(handles.len());
        for ((handle, call), saved) in handles.iter_mut().zip(calls).zip(&results) {
            verdicts.push(self.tell_saved(call, handle, saved)?);
        }
        let settled = verdicts.into_iter().zip(handles).map(|(verdict, handle)| {
            verdict.map_or_else(|| self.save(handle, manner, keep_open), Ok)
        });
        settled.collect()
    }

    /// Records how a save came out; none where that is not known and it must be asked again.
    fn tell_saved(
        &mut self,
        call: Call,
        handle: &mut Handle,
        saved: &mapistore::Result<Saved>,
    ) -> anyhow::Result<Option<Verdict>> {
        let answer = saved.as_ref().map_or_else(answer_of, answer_of_saved);
        self.recorder.tell(call, answer)?;
        Ok(match saved {
            Ok(_) => {
                handle.forget_own();
                Some(Verdict::Saved)
            }
            Err(Error::OutcomeUnknown { .. }) => None,
            Err(Error::ObjectChanged { .. }) => Some(Verdict::Changed),
            Err(Error::ObjectDeleted { .. }) => Some(Verdict::Deleted),
            Err(_) => Some(Verdict::Failed),
        })
    }

    /// Gives the pending changes an id of the host's.
    pub(crate) fn name_save(&mut self, handle: &mut Handle) -> anyhow::Result<()> {
        Ok(handle.message.set_save_id(SaveId::random())?)
    }

    pub(crate) fn reload(&mut self, handle: &mut Handle) -> anyhow::Result<Verdict> {
        let question = Question::Reload {
            handle: handle.number,
            message: handle.uid(),
        };
        let call = self.recorder.ask(question)?;
        let reloaded = handle.message.reload();
        let version = handle.version().unwrap_or(0);
        let answer = reloaded
            .as_ref()
            .map_or_else(answer_of, |()| Answer::Reloaded { version });
        self.recorder.tell(call, answer)?;
        Ok(match reloaded {
            Ok(()) => {
                handle.forget_own();
                Verdict::Saved
            }
            Err(Error::ObjectDeleted { .. }) => Verdict::Deleted,
            Err(_) => Verdict::Failed,
        })
    }

    /// Saves what a handle shows as a new message. What it shows is read before, and that is recorded too.
    pub(crate) fn copy(
        &mut self,
        handle: &Handle,
        folder: &Folder,
    ) -> anyhow::Result<Option<EntryId>> {
        let parts = self.read(handle)?;
        let call = self.recorder.ask(Question::Copy {
            message: handle.uid(),
            parts,
            conflict: None,
        })?;
        let copied = handle.message.save_elsewhere(folder);
        let answer = copied
            .as_ref()
            .map_or_else(answer_of, |copy| Answer::Copied {
                message: copy.entry_id().object().to_string(),
                version: copy.row_version().map_or(0, |version| version.get()),
                change: copy.change_number().map_or(0, |change| change.get()),
            });
        self.recorder.tell(call, answer)?;
        Ok(copied.ok().map(|copy| copy.entry_id()))
    }

    /// Reads every part of a handle.
    pub(crate) fn read(&mut self, handle: &Handle) -> anyhow::Result<Parts> {
        let call = self.recorder.ask(reading(handle))?;
        let mut parts = Parts::new();
        for part in Part::ALL {
            match part.hear(&handle.message) {
                Ok(mark) => parts.insert(part.name().to_owned(), mark),
                Err(error) => {
                    self.recorder.tell(call, answer_of(&error))?;
                    return Ok(parts);
                }
            };
        }
        self.recorder.tell(
            call,
            Answer::Seen {
                parts: parts.clone(),
            },
        )?;
        Ok(parts)
    }

    /// Reads the beginning of a part that is a stream.
    pub(crate) fn begin_listening(
        &mut self,
        handle: &Handle,
        part: Part,
        bytes: u64,
    ) -> anyhow::Result<Option<Listening>> {
        let call = self.recorder.ask(reading(handle))?;
        match part.stream(&handle.message) {
            Ok(Some(mut stream)) => {
                let mut hearing = Hearing::default();
                let listened = hearing.listen(&mut stream, bytes);
                let listening = Listening {
                    call,
                    part,
                    stream,
                    hearing,
                };
                match listened {
                    Ok(()) => Ok(Some(listening)),
                    Err(error) => {
                        self.recorder.tell(call, failed(&error))?;
                        Ok(None)
                    }
                }
            }
            Ok(None) => {
                self.recorder.tell(
                    call,
                    Answer::Seen {
                        parts: Parts::new(),
                    },
                )?;
                Ok(None)
            }
            Err(error) => {
                self.recorder.tell(call, answer_of(&error))?;
                Ok(None)
            }
        }
    }

    /// Reads the rest of a stream, whatever became of its message and handle meanwhile.
    pub(crate) fn end_listening(&mut self, listening: Listening) -> anyhow::Result<()> {
        let Listening {
            call,
            part,
            mut stream,
            mut hearing,
        } = listening;
        let answer = match hearing.listen(&mut stream, u64::MAX) {
            Ok(()) if hearing.bytes() == stream.size() => {
                let parts = Parts::from([(part.name().to_owned(), hearing.end())]);
                Answer::Seen { parts }
            }
            Ok(()) => Answer::Failed {
                error: format!("{} of {} bytes were read", hearing.bytes(), stream.size()),
            },
            Err(error) => failed(&error),
        };
        Ok(self.recorder.tell(call, answer)?)
    }

    pub(crate) fn close(&mut self, handle: Handle) -> anyhow::Result<()> {
        let question = Question::Close {
            handle: handle.number,
            message: handle.uid(),
        };
        drop(handle);
        let call = self.recorder.ask(question)?;
        Ok(self.recorder.tell(call, Answer::Done)?)
    }

    pub(crate) fn delete(&mut self, entry_id: &EntryId, deletion: Deletion) -> anyhow::Result<()> {
        let question = Question::Delete {
            message: name(entry_id),
            hard: deletion == Deletion::Hard,
        };
        let call = self.recorder.ask(question)?;
        let answer = answer_of_outcomes(self.store.delete_messages(&[*entry_id], deletion));
        Ok(self.recorder.tell(call, answer)?)
    }

    pub(crate) fn move_to(&mut self, entry_id: &EntryId, folder: &Folder) -> anyhow::Result<()> {
        let call = self.recorder.ask(Question::Move {
            message: name(entry_id),
        })?;
        let answer = answer_of_outcomes(self.store.move_messages(&[*entry_id], folder));
        Ok(self.recorder.tell(call, answer)?)
    }

    pub(crate) fn mark_read(&mut self, entry_id: &EntryId, state: ReadState) -> anyhow::Result<()> {
        let call = self.recorder.ask(Question::MarkRead {
            message: name(entry_id),
        })?;
        let answer = answer_of_outcomes(self.store.set_read_state(&[*entry_id], state));
        Ok(self.recorder.tell(call, answer)?)
    }

    /// Removes the streams that nothing needs any more.
    pub(crate) fn collect(&mut self) -> anyhow::Result<()> {
        let call = self.recorder.ask(Question::Collect)?;
        let collected = self.store.collect_garbage();
        Ok(self.recorder.tell(
            call,
            collected.map_or_else(|error| answer_of(&error), |_| Answer::Done),
        )?)
    }
}

/// A save of what was changed in a handle.
pub(super) fn saving(handle: &Handle, manner: Manner) -> Question {
    Question::Save {
        handle: handle.number,
        message: handle.uid(),
        save_id: handle.message.save_id().to_string(),
        base: handle.version(),
        forced: manner == Manner::Forced,
        restores: handle.restores,
        parts: handle.own.clone(),
    }
}

/// What a handle shows: its base, and over that its own changes.
fn reading(handle: &Handle) -> Question {
    Question::Read {
        handle: handle.number,
        message: handle.uid(),
        version: handle.version(),
        own: handle.own.clone(),
    }
}

/// A message as the histories name it.
fn name(entry_id: &EntryId) -> String {
    let uid: ObjectUid = entry_id.object();
    uid.to_string()
}
