//! Conflicts and their resolutions, each recorded.

use std::io;
use std::sync::{Mutex, PoisonError};

use mapistore::{
    Conflict, Error, Folder, Message, PropertyValue, Resolution, Resolved, Resolver, RowVersion,
    SaveFlags, SaveOutcome, Saved, Side, Theirs, pr,
};

use super::answers::{answer_of, answer_of_saved};
use super::choices::choose;
use super::client::{Client, Handle, Manner, Verdict, saving};
use super::history::{Answer, Call, How, Origin, Parts, Question, Recorder};
use super::marks::Marks;
use super::parts::Part;
use super::random::Random;

/// The resolutions that a worker chooses from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way<'a> {
    Keep,
    Overwrite,
    Merge,
    Elsewhere(&'a Folder),
}

/// The version that a conflict shows as theirs; none if the message is deleted.
pub(crate) fn shown(conflict: &Conflict) -> Option<i64> {
    match conflict.theirs() {
        Theirs::Changed(theirs) => Some(theirs.row_version.get()),
        _ => None,
    }
}

impl Client {
    /// Asks what others have changed; none where the history says why not.
    pub(crate) fn conflict(&mut self, handle: &Handle) -> anyhow::Result<Option<Conflict>> {
        let call = self.recorder.ask(Question::Conflict {
            handle: handle.number,
            message: handle.uid(),
            base: handle.version(),
            own: handle.own.clone(),
        })?;
        let looked_at = handle
            .message
            .conflict()
            .and_then(|conflict| Ok((report(&conflict)?, conflict)));
        match looked_at {
            Ok((report, conflict)) => {
                self.recorder.tell(call, report)?;
                Ok(Some(conflict))
            }
            Err(error) => {
                self.recorder.tell(call, answer_of(&error))?;
                Ok(None)
            }
        }
    }

    /// Resolves a conflict as it was shown.
    pub(crate) fn resolve(
        &mut self,
        handle: &mut Handle,
        conflict: &Conflict,
        way: Way<'_>,
        random: &mut Random,
    ) -> anyhow::Result<Verdict> {
        let (resolution, how) = match way {
            Way::Keep => (Resolution::KeepOriginal, How::KeepOriginal),
            Way::Overwrite => (Resolution::Overwrite, How::Overwrite),
            Way::Merge => merging(conflict, &handle.own, random),
            Way::Elsewhere(folder) => return self.resolve_elsewhere(handle, conflict, folder),
        };
        let call = self.recorder.ask(resolving(handle, conflict, how))?;
        let resolved = handle.message.resolve(conflict, resolution);
        let answer = match &resolved {
            Ok(Resolved::Overwritten(saved) | Resolved::Merged(saved)) => answer_of_saved(saved),
            Ok(_) => taken(&handle.message),
            Err(error) => answer_of(error),
        };
        self.recorder.tell(call, answer)?;
        Ok(handle.settle(resolved.as_ref().map(drop)))
    }

    /// Mine become a new message. What it consists of is read before.
    fn resolve_elsewhere(
        &mut self,
        handle: &mut Handle,
        conflict: &Conflict,
        folder: &Folder,
    ) -> anyhow::Result<Verdict> {
        let parts = self.read(handle)?;
        let origin = Origin {
            message: handle.uid(),
            base: handle.version().unwrap_or(0),
            shown: shown(conflict),
        };
        // One call about two messages.
        let original = self
            .recorder
            .ask(resolving(handle, conflict, How::SaveElsewhere))?;
        let copy = self.recorder.ask(Question::Copy {
            message: handle.uid(),
            parts,
            conflict: Some(origin),
        })?;
        let elsewhere = Resolution::SaveElsewhere(folder.entry_id());
        let resolved = handle.message.resolve(conflict, elsewhere);
        let copied = match &resolved {
            Ok(Resolved::SavedElsewhere(saved)) => Answer::Copied {
                message: saved.entry_id.object().to_string(),
                version: saved.row_version.get(),
                change: saved.change_number.get(),
            },
            Ok(other) => Answer::Failed {
                error: format!("saving elsewhere came out as {other:?}"),
            },
            Err(error) => answer_of(error),
        };
        self.recorder.tell(copy, copied)?;
        let answer = match &resolved {
            Ok(_) if conflict.is_deleted() => Answer::Done,
            Ok(_) => taken(&handle.message),
            Err(error) => answer_of(error),
        };
        self.recorder.tell(original, answer)?;
        Ok(handle.settle(resolved.as_ref().map(drop)))
    }

    /// Saves with a resolver on the call, which decides at once.
    pub(crate) fn save_resolving(
        &mut self,
        handle: &mut Handle,
        random: &mut Random,
    ) -> anyhow::Result<Verdict> {
        let call = self.recorder.ask(saving(handle, Manner::Guarded))?;
        let asking = Asking {
            recorder: &mut self.recorder,
            random,
            question: saving(handle, Manner::Guarded),
            open: Some(call),
            failed: None,
        };
        let resolver = Recorded(Mutex::new(asking));
        let saved = handle
            .message
            .save_changes_with(SaveFlags::KEEP_OPEN_READWRITE, &resolver);
        let asking = resolver
            .0
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(failed) = asking.failed {
            return Err(failed.into());
        }
        if let Some(call) = asking.open {
            let answer = saved.as_ref().map_or_else(answer_of, answer_of_resolved);
            self.recorder.tell(call, answer)?;
        }
        Ok(handle.settle(saved.as_ref().map(drop)))
    }

    /// Makes a kept version what a handle without changes would save.
    pub(crate) fn restore(&mut self, handle: &mut Handle, version: i64) -> anyhow::Result<Verdict> {
        let call = self.recorder.ask(Question::Restore {
            handle: handle.number,
            message: handle.uid(),
            version,
        })?;
        let number = RowVersion::new(version).unwrap_or(RowVersion::FIRST);
        let restored = handle.message.restore(number);
        let answer = restored.as_ref().map_or_else(answer_of, |()| Answer::Done);
        self.recorder.tell(call, answer)?;
        Ok(match restored {
            Ok(()) => {
                handle.restores = Some(version);
                Verdict::Saved
            }
            Err(_) => Verdict::Failed,
        })
    }
}

impl Handle {
    fn settle(&mut self, done: Result<(), &Error>) -> Verdict {
        match done {
            Ok(()) => {
                self.forget_own();
                Verdict::Saved
            }
            Err(Error::ObjectChanged { .. }) => Verdict::Changed,
            Err(Error::ObjectDeleted { .. }) => Verdict::Deleted,
            Err(_) => Verdict::Failed,
        }
    }
}

/// The question that a resolution asks.
fn resolving(handle: &Handle, conflict: &Conflict, how: How) -> Question {
    Question::Resolve {
        handle: handle.number,
        message: handle.uid(),
        save_id: handle.message.save_id().to_string(),
        base: handle.version(),
        shown: shown(conflict),
        how,
        parts: handle.own.clone(),
    }
}

/// A merge; an overwrite where the choices could not be told apart by part.
fn merging(conflict: &Conflict, own: &Parts, random: &mut Random) -> (Resolution, How) {
    match choose(conflict, own, random) {
        Some(choices) => (
            Resolution::Merge(choices.merge),
            How::Merge(choices.recorded),
        ),
        None => (Resolution::Overwrite, How::Overwrite),
    }
}

fn taken(message: &Message) -> Answer {
    let version = message.row_version().map_or(0, |version| version.get());
    Answer::Taken { version }
}

/// How a save with a resolver came out.
fn answer_of_resolved(saved: &Saved) -> Answer {
    let version = saved.row_version.get();
    match saved.outcome {
        SaveOutcome::KeptOriginal => Answer::Taken { version },
        // A merge that comes to what is stored makes no version, and takes no change.
        SaveOutcome::Merged | SaveOutcome::Overwritten if saved.change_number.get() == 0 => {
            Answer::NothingPending { version }
        }
        _ => answer_of_saved(saved),
    }
}

/// What a conflict says of the parts that are one property.
fn report(conflict: &Conflict) -> mapistore::Result<Answer> {
    let (version, saved_by) = match conflict.theirs() {
        Theirs::Changed(theirs) => (
            Some(theirs.row_version.get()),
            Some(theirs.saved_by.clone()),
        ),
        _ => (None, None),
    };
    let theirs = match version {
        Some(_) => side(conflict, Side::Theirs)?,
        None => Parts::new(),
    };
    Ok(Answer::Shown {
        version,
        saved_by,
        base: side(conflict, Side::Base)?,
        theirs,
        mine: side(conflict, Side::Mine)?,
    })
}

fn side(conflict: &Conflict, side: Side) -> mapistore::Result<Parts> {
    let mut parts = Parts::new();
    for (part, tag) in [
        (Part::Subject, pr::SUBJECT.tag()),
        (Part::Body, pr::BODY.tag()),
        (Part::Html, pr::HTML.tag()),
    ] {
        let mut marks = Marks::default();
        match conflict.value(side, tag)? {
            Some(PropertyValue::Unicode(text)) => marks.add_text(&text),
            Some(PropertyValue::Binary(bytes)) => {
                marks.add_text(&String::from_utf8_lossy(&bytes));
            }
            _ => continue,
        }
        parts.insert(part.name().to_owned(), marks.heard());
    }
    Ok(parts)
}

/// A resolver that decides by chance, and records what it was asked and what became of it.
#[derive(Debug)]
struct Recorded<'a>(Mutex<Asking<'a>>);

#[derive(Debug)]
struct Asking<'a> {
    recorder: &'a mut Recorder,
    random: &'a mut Random,
    /// The save that asks.
    question: Question,
    /// The question that has no answer yet.
    open: Option<Call>,
    failed: Option<io::Error>,
}

impl Resolver for Recorded<'_> {
    fn resolve(&self, conflict: &Conflict) -> Option<Resolution> {
        let mut asking = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asking.resolve(conflict).unwrap_or_else(|error| {
            asking.failed = Some(error);
            None
        })
    }
}

impl Asking<'_> {
    fn resolve(&mut self, conflict: &Conflict) -> io::Result<Option<Resolution>> {
        let Question::Save {
            handle,
            message,
            save_id,
            base,
            parts,
            ..
        } = &self.question
        else {
            return Ok(None);
        };
        let Theirs::Changed(theirs) = conflict.theirs() else {
            return Ok(None);
        };
        let (resolution, how) = match self.random.below(10) {
            0 => return Ok(None),
            1 | 2 => (Resolution::KeepOriginal, How::KeepOriginal),
            3..=5 => (Resolution::Overwrite, How::Overwrite),
            _ => merging(conflict, parts, self.random),
        };
        // The save, or the resolution before this one, was refused because of what is shown now.
        if let Some(call) = self.open.take() {
            let refused = Answer::ObjectChanged {
                current: theirs.row_version.get(),
                saved_by: theirs.saved_by.clone(),
            };
            self.recorder.tell(call, refused)?;
        }
        let question = Question::Resolve {
            handle: *handle,
            message: message.clone(),
            save_id: save_id.clone(),
            base: *base,
            shown: Some(theirs.row_version.get()),
            how,
            parts: parts.clone(),
        };
        self.open = Some(self.recorder.ask(question)?);
        Ok(Some(resolution))
    }
}
