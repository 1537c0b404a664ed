//! The prompt: a resolver that asks somebody, one key for each choice (K5).
//!
//! Nothing is lost by any answer: before the first question the pending changes are in a file, which goes only when they
//! are in the store.

mod table;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use mapistore::{
    Choice, Conflict, MergeChoices, PropertyTag, PropertyValue, Resolution, Resolver, SaveOutcome,
    Saved, Side, Store, StoredValue, Touching,
};

use crate::exit::{Refusal, say};
use crate::json::{self, Members, Value};
use crate::kept::{Kept, KeptIn};
use crate::names;
use crate::person::{Person, Pressed};
use crate::values;

/// How many lines of a value are shown where it is chosen.
const LINES_SHOWN: usize = 12;

/// Asks one person about the conflicts of one save.
#[derive(Debug)]
pub(crate) struct Prompt<'a> {
    store: &'a Store,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    person: Box<dyn Person>,
    kept: Option<Kept>,
    times_asked: usize,
    interrupted: bool,
    failure: Option<anyhow::Error>,
}

impl<'a> Prompt<'a> {
    /// A prompt for changes that a file holds already; without one it writes such a file before it asks.
    pub(crate) fn new(store: &'a Store, person: Box<dyn Person>, kept: Option<Kept>) -> Prompt<'a> {
        Prompt {
            store,
            state: Mutex::new(State {
                person,
                kept,
                times_asked: 0,
                interrupted: false,
                failure: None,
            }),
        }
    }

    /// Turns what came of the save into the answer of the command: the file goes if all of it is in the store, else it
    /// is named.
    pub(crate) fn conclude(self, result: mapistore::Result<Saved>) -> anyhow::Result<Saved> {
        let state = self.state.into_inner();
        let state = state.unwrap_or_else(PoisonError::into_inner);
        let path = state.kept.as_ref().map(|kept| kept.path().to_owned());
        let error = match (result, state.failure) {
            (Ok(saved), _) => {
                match (saved.outcome, state.kept) {
                    (SaveOutcome::KeptOriginal, Some(kept)) => {
                        say(&KeptIn(kept.path().to_owned()).to_string());
                    }
                    (_, Some(kept)) => kept.discard(),
                    (_, None) => {}
                }
                return Ok(saved);
            }
            (Err(_), Some(failure)) => failure,
            (Err(source), None) if state.interrupted => Refusal::Interrupted { source }.into(),
            (Err(error), None) => error.into(),
        };
        Err(with_path(error, path))
    }
}

/// Names the file where the changes are.
fn with_path(error: anyhow::Error, path: Option<PathBuf>) -> anyhow::Error {
    match path {
        Some(path) => error.context(KeptIn(path)),
        None => error,
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
        if self.kept.is_none() {
            let pending = pending_changes(store, conflict)?;
            self.kept = Some(Kept::write(
                store,
                &conflict.entry_id(),
                "json",
                pending.as_bytes(),
            )?);
        }
        if self.times_asked > 0 {
            self.person
                .show("Somebody was faster again. This is what is stored now:")?;
        }
        self.times_asked += 1;
        for line in table::lines(store, conflict, self.person.width())? {
            self.person.show(&line)?;
        }
        loop {
            self.show_choices(conflict)?;
            let is_deleted = conflict.is_deleted();
            match self.person.key("Your choice [c]: ")? {
                Pressed::Enter | Pressed::Key('c') => {
                    let folder = conflict.conflicts_folder();
                    return Ok(Some(Resolution::SaveElsewhere(folder)));
                }
                Pressed::Key('k') if !is_deleted => return Ok(Some(Resolution::KeepOriginal)),
                Pressed::Key('o') if !is_deleted => return Ok(Some(Resolution::Overwrite)),
                Pressed::Key('m') if !is_deleted => {
                    if let Some(choices) = self.ask_for_choices(store, conflict)? {
                        return Ok(Some(Resolution::Merge(choices)));
                    }
                }
                Pressed::Key('q') | Pressed::End => return Ok(None),
                Pressed::Interrupt => {
                    self.interrupted = true;
                    return Ok(None);
                }
                Pressed::Key(_) => self.person.show("That is none of the keys.")?,
            }
            if self.interrupted {
                return Ok(None);
            }
        }
    }

    fn show_choices(&mut self, conflict: &Conflict) -> anyhow::Result<()> {
        let path = self
            .kept
            .as_ref()
            .map(|kept| kept.path().display().to_string());
        let path = path.unwrap_or_default();
        let mut choices = vec!["  c  save yours as a new message in Conflicts (Enter)".to_owned()];
        if !conflict.is_deleted() {
            choices.extend([
                format!("  k  keep theirs; yours stays in {path}"),
                "  m  merge both; you are asked where both changed the same".to_owned(),
                "  o  replace theirs with yours; theirs is kept as a version".to_owned(),
            ]);
        }
        choices.push(format!(
            "  q  decide later: nothing is saved, yours stays in {path}"
        ));
        Ok(self.person.show(&choices.join("\n"))?)
    }

    /// Asks about each thing that touches; `None`: back to the choices.
    fn ask_for_choices(
        &mut self,
        store: &Store,
        conflict: &Conflict,
    ) -> anyhow::Result<Option<MergeChoices>> {
        let mut choices = MergeChoices::new();
        loop {
            let touching = conflict.preview(&choices)?.touching;
            let Some(first) = touching.into_iter().next() else {
                return Ok(Some(choices));
            };
            let Some(choice) = self.ask_for_choice(store, conflict, first)? else {
                return Ok(None);
            };
            choices = match first {
                Touching::Property(tag) => choices.property(tag, choice),
                Touching::Recipient(index) => choices.recipient(index, choice),
                Touching::Attachment(index) => choices.attachment(index, choice),
                other => anyhow::bail!("{other} cannot be chosen for here"),
            };
        }
    }

    fn ask_for_choice(
        &mut self,
        store: &Store,
        conflict: &Conflict,
        touching: Touching,
    ) -> anyhow::Result<Option<Choice>> {
        let property = match touching {
            Touching::Property(tag) => {
                let name = names::of_properties(store, &[tag])?.join(" ");
                self.person.show(&format!("Both changed {name}."))?;
                for side in [Side::Base, Side::Theirs, Side::Mine] {
                    self.show_value(conflict, side, tag)?;
                }
                Some(tag)
            }
            other => {
                self.person.show(&format!("Both changed {other}."))?;
                None
            }
        };
        let question = match property {
            Some(_) => "Take [t]heirs, [y]ours, [e] another value, or go [q] back: ",
            None => "Take [t]heirs, [y]ours, or go [q] back: ",
        };
        loop {
            match (self.person.key(question)?, property) {
                (Pressed::Key('t'), _) => return Ok(Some(Choice::Theirs)),
                (Pressed::Key('y'), _) => return Ok(Some(Choice::Mine)),
                (Pressed::Key('e'), Some(tag)) => match self.ask_for_value(tag)? {
                    Some(value) => return Ok(Some(Choice::Value(value))),
                    None => return Ok(None),
                },
                (Pressed::Key('q') | Pressed::End, _) => return Ok(None),
                (Pressed::Interrupt, _) => {
                    self.interrupted = true;
                    return Ok(None);
                }
                (Pressed::Enter | Pressed::Key(_), _) => {
                    self.person.show("That is none of the keys.")?;
                }
            }
        }
    }

    fn show_value(
        &mut self,
        conflict: &Conflict,
        side: Side,
        tag: PropertyTag,
    ) -> anyhow::Result<()> {
        let value = conflict.value(side, tag)?;
        let text = value.map(|value| values::to_text(&StoredValue::Inline(value)));
        let text = text.unwrap_or_else(|| "(none)".to_owned());
        self.person.show(&format!("  {}:", table::label(side)))?;
        for line in text.lines().take(LINES_SHOWN) {
            self.person.show(&format!("    {line}"))?;
        }
        let more = text.lines().count().saturating_sub(LINES_SHOWN);
        if more > 0 {
            self.person.show(&format!("    … and {more} lines more"))?;
        }
        Ok(())
    }

    fn ask_for_value(&mut self, tag: PropertyTag) -> anyhow::Result<Option<PropertyValue>> {
        let Some(property_type) = tag.property_type() else {
            return Ok(None);
        };
        loop {
            let Some(text) = self.person.line("Value: ")? else {
                return Ok(None);
            };
            match values::parse(property_type, &text) {
                Ok(value) => return Ok(Some(value)),
                Err(error) => {
                    let complaint = format!("{tag} takes a {property_type}: {error:#}");
                    self.person.show(&complaint)?;
                }
            }
        }
    }
}

/// What is mine, as JSON that a person can read and a program can use.
fn pending_changes(store: &Store, conflict: &Conflict) -> anyhow::Result<String> {
    let differences = conflict.differences();
    let mine: Vec<_> = differences
        .properties
        .iter()
        .filter(|one| !matches!(one.changed_by, mapistore::ChangedBy::Theirs))
        .collect();
    let tags: Vec<PropertyTag> = mine.iter().map(|one| one.tag).collect();
    let names = names::of_properties(store, &tags)?;
    let mut set = Vec::new();
    let mut deleted = Vec::new();
    for (one, name) in mine.iter().zip(names) {
        match conflict.value(Side::Mine, one.tag)? {
            Some(value) => set.push((name, values::to_json(&StoredValue::Inline(value)))),
            None => deleted.push(Value::Text(name)),
        }
    }
    let recipients = differences.recipients.iter();
    let recipients = recipients
        .filter_map(|one| one.mine.as_ref())
        .map(|person| {
            Value::Text(format!(
                "{}: {} <{}>",
                person.kind.name(),
                person.name,
                person.address
            ))
        });
    let attachments = differences.attachments.iter();
    let attachments = attachments
        .filter_map(|one| one.mine.as_ref())
        .map(|one| Value::Text(one.name.clone().unwrap_or_default()));
    let member = |name: &str, value: Value| (name.to_owned(), value);
    let entry = conflict.entry_id().object().to_string();
    let object = Value::Object(Members(vec![
        member("entry_id", Value::Text(entry)),
        member(
            "base_version",
            Value::Integer(conflict.base_version().get()),
        ),
        member("properties", Value::Object(Members(set))),
        member("deleted", Value::Many(deleted)),
        member("recipients", Value::Many(recipients.collect())),
        member("attachments", Value::Many(attachments.collect())),
    ]));
    Ok(json::to_string(&object)? + "\n")
}

#[cfg(test)]
mod tests;
