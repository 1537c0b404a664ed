//! Asks somebody what is to become of a conflict (K5): a resolver with one key for each choice at the prompt, and the
//! full-screen view behind one of them or in place of it.
//!
//! Nothing is lost by any answer, nor by none: before the first question the pending changes are in a file, which goes
//! only when they are in the store.

mod pending;
mod questions;
mod table;

use std::sync::{Mutex, PoisonError};

use mapistore::{
    Choice, Conflict, MergeChoices, Resolution, Resolver, RowVersion, SaveOutcome, Saved, Store,
    Theirs,
};

pub(crate) use self::table::lines as table;

use self::questions::Questions;
use crate::exit::{Refusal, say};
use crate::kept::{Form, Kept, KeptIn};
use crate::person::Person;
use crate::view::{self, Leaving};

/// Why the question comes again (K3).
const AGAIN: &str = "somebody saved meanwhile, so nothing was done: this is the newer state";

/// Asks one person about the conflicts of one save.
#[derive(Debug)]
pub(crate) struct Prompt<'a> {
    store: &'a Store,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Who answers at the prompt; none: the full screen is all there is.
    person: Option<Box<dyn Person>>,
    is_on_screen: bool,
    kept: Option<Kept>,
    times_asked: usize,
    interrupted: bool,
    /// The version that was shown last.
    theirs: Option<RowVersion>,
    failure: Option<anyhow::Error>,
    /// What was chosen leaves out some of what is mine.
    is_given_up: bool,
}

/// What somebody answered.
#[derive(Debug)]
enum Answer {
    Chosen(Resolution),
    /// Look at it on the full screen.
    OnScreen,
    /// Nothing now.
    Later,
    Interrupted,
}

impl<'a> Prompt<'a> {
    /// A prompt for changes that a file holds already; without one it writes such a file before it asks.
    pub(crate) fn new(store: &'a Store, person: Box<dyn Person>, kept: Option<Kept>) -> Prompt<'a> {
        Prompt::begin(store, Some(person), kept)
    }

    /// The full-screen view, and no prompt.
    pub(crate) fn on_the_full_screen(store: &'a Store) -> Prompt<'a> {
        Prompt::begin(store, None, None)
    }

    fn begin(store: &'a Store, person: Option<Box<dyn Person>>, kept: Option<Kept>) -> Prompt<'a> {
        Prompt {
            store,
            state: Mutex::new(State {
                is_on_screen: person.is_none(),
                person,
                kept,
                times_asked: 0,
                interrupted: false,
                theirs: None,
                failure: None,
                is_given_up: false,
            }),
        }
    }

    /// Turns what came of the save into the answer of the command: the file goes if all of it is in the store, else it
    /// is named.
    pub(crate) fn conclude(self, result: mapistore::Result<Saved>) -> anyhow::Result<Saved> {
        let state = self.state.into_inner();
        let state = state.unwrap_or_else(PoisonError::into_inner);
        let place = state.kept.as_ref().map(Kept::place);
        let error = match (result, state.failure) {
            (Ok(saved), _) => {
                match (saved.outcome, state.kept) {
                    (SaveOutcome::KeptOriginal, Some(kept)) => say(&kept.place().to_string()),
                    (SaveOutcome::Merged, Some(kept)) if state.is_given_up => {
                        say(&kept.place().to_string());
                    }
                    (_, Some(kept)) => kept.discard(),
                    (_, None) => {}
                }
                if let Some(remark) = remark(&saved, state.theirs) {
                    say(&remark);
                }
                return Ok(saved);
            }
            (Err(_), Some(failure)) => failure,
            (Err(source), None) if state.interrupted => Refusal::Interrupted { source }.into(),
            (Err(error), None) => error.into(),
        };
        Err(match place {
            Some(place) => error.context(place),
            None => error,
        })
    }
}

/// What somebody may want to do next, who was asked and has answered.
fn remark(saved: &Saved, theirs: Option<RowVersion>) -> Option<String> {
    let uid = saved.entry_id.object().to_string();
    let entry = uid.get(..8).unwrap_or(&uid);
    match (saved.outcome, theirs) {
        // A merge that comes to what is stored replaces nothing.
        (SaveOutcome::Overwritten | SaveOutcome::Merged, Some(theirs))
            if saved.row_version > theirs =>
        {
            Some(format!(
                "theirs are kept as version {theirs}: mapistore restore {entry} {theirs} brings them back"
            ))
        }
        (SaveOutcome::SavedElsewhere(_), _) => Some(
            "yours are a new message: mapistore conflicts lists it until it is deleted".to_owned(),
        ),
        _ => None,
    }
}

impl Resolver for Prompt<'_> {
    fn resolve(&self, conflict: &Conflict) -> Option<Resolution> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.ask(self.store, conflict).unwrap_or_else(|failure| {
            state.failure = Some(failure);
            None
        })
    }
}

impl State {
    fn ask(&mut self, store: &Store, conflict: &Conflict) -> anyhow::Result<Option<Resolution>> {
        if self.is_on_screen {
            view::check_terminal()?;
        }
        let place = self.keep(store, conflict)?;
        self.theirs = match conflict.theirs() {
            Theirs::Changed(theirs) => Some(theirs.row_version),
            _ => None,
        };
        let mut notice = (self.times_asked > 0).then_some(AGAIN);
        self.times_asked += 1;
        loop {
            let answer = match &mut self.person {
                Some(person) if !self.is_on_screen => {
                    Questions::new(store, conflict, person.as_mut(), &place.path)?.ask(notice)?
                }
                person => {
                    let leaving = match person {
                        Some(_) => Leaving::GoesBack,
                        None => Leaving::Cancels,
                    };
                    on_screen(store, conflict, &place, leaving, notice)?
                }
            };
            notice = None;
            match answer {
                Answer::Chosen(resolution) => {
                    self.is_given_up = gives_up(conflict, &resolution)?;
                    return Ok(Some(resolution));
                }
                Answer::OnScreen => self.is_on_screen = true,
                Answer::Later if self.is_on_screen && self.person.is_some() => {
                    self.is_on_screen = false;
                }
                Answer::Later => return Ok(None),
                Answer::Interrupted => {
                    self.interrupted = true;
                    return Ok(None);
                }
            }
        }
    }

    /// The file with what is mine. One that was written for an earlier question holds the same.
    fn keep(&mut self, store: &Store, conflict: &Conflict) -> anyhow::Result<KeptIn> {
        if let Some(kept) = &self.kept {
            return Ok(kept.place());
        }
        let pending = pending::pending_changes(store, conflict)?;
        let entry = conflict.entry_id();
        let kept = Kept::write(store, &entry, Form::Changes, pending.as_bytes())?;
        Ok(self.kept.insert(kept).place())
    }
}

/// Whether a merge saves less of mine than it could.
fn gives_up(conflict: &Conflict, resolution: &Resolution) -> mapistore::Result<bool> {
    let Resolution::Merge(choices) = resolution else {
        return Ok(false);
    };
    let all_of_mine = MergeChoices::new().otherwise(Choice::Mine);
    Ok(conflict.preview(choices)? != conflict.preview(&all_of_mine)?)
}

fn on_screen(
    store: &Store,
    conflict: &Conflict,
    place: &KeptIn,
    leaving: Leaving,
    notice: Option<&str>,
) -> anyhow::Result<Answer> {
    let dropped = format!("Yours stay in {}.", place.path.display());
    Ok(
        match view::run(conflict, store, &dropped, leaving, notice)? {
            view::Answer::Chosen(resolution) => Answer::Chosen(resolution),
            view::Answer::Cancelled => Answer::Later,
            view::Answer::Interrupted(signal) => {
                // The terminal is as it was: now the signal may do what it does.
                say(&place.to_string());
                view::end_by(signal)?;
                Answer::Interrupted
            }
        },
    )
}

#[cfg(test)]
mod tests;
