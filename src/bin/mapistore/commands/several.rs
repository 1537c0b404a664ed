//! Commands on several things: each has its own outcome, and one that fails does not keep the rest from being done.

use anyhow::Error;
use mapistore::{EntryId, Store};
use serde::Serialize;

use crate::exit::{self, Exit, say};
use crate::harmless;
use crate::json::OutcomeObject;
use crate::names::{self, Prefix};
use crate::output::{Format, Output};

/// What became of one of several things, by the name that it was given.
pub(crate) type Outcome<T> = (String, Result<T, Error>);

/// Does something to all entries that are found, in one call, and says what became of each.
pub(crate) fn do_to_entries(
    store: &Store,
    names: &[String],
    prefix: Prefix,
    output: &mut Output,
    done: &str,
    change: impl FnOnce(&[EntryId]) -> mapistore::Result<mapistore::Outcomes>,
) -> anyhow::Result<Exit> {
    let found: Vec<Outcome<EntryId>> = names
        .iter()
        .map(|name| (name.clone(), names::entry(store, name, prefix)))
        .collect();
    let entries: Vec<EntryId> = found
        .iter()
        .filter_map(|(_, entry)| entry.as_ref().ok().copied())
        .collect();
    let mut changed = change(&entries)?.into_iter();
    let outcome = |(name, entry): Outcome<EntryId>| match entry {
        Ok(entry) => {
            let result = changed.next().map_or(Ok(()), |(_, result)| result);
            (name, result.map(|()| entry).map_err(Error::from))
        }
        Err(error) => (name, Err(error)),
    };
    let outcomes = found.into_iter().map(outcome).collect();
    let line = |entry: &EntryId| format!("{}  {done}", entry.object());
    tell(outcomes, output, line, |_, outcome| object(outcome))
}

/// Says what became of each, and gives the exit code of all. In JSON an object is told its place among them.
pub(crate) fn tell<T, O: Serialize>(
    mut outcomes: Vec<Outcome<T>>,
    output: &mut Output,
    line: impl Fn(&T) -> String,
    object: impl Fn(usize, &Outcome<T>) -> O,
) -> anyhow::Result<Exit> {
    // A single one is reported like any other error.
    if let (Format::People, [(_, Err(_))]) = (output.format(), outcomes.as_slice())
        && let Some((_, Err(error))) = outcomes.pop()
    {
        return Err(error);
    }
    if output.format() == Format::Json {
        let objects = outcomes.iter().enumerate();
        output.json_array(objects.map(|(index, outcome)| Ok(object(index, outcome))))?;
        return Ok(exit_of(&outcomes));
    }
    for (name, result) in &outcomes {
        match result {
            Ok(done) => output.line(&line(done))?,
            Err(error) => say(&harmless::line(&format!(
                "error: {name}: {}",
                exit::message_of(error)
            ))),
        }
    }
    Ok(exit_of(&outcomes))
}

fn object((name, result): &Outcome<EntryId>) -> OutcomeObject {
    match result {
        Ok(entry) => OutcomeObject {
            entry_id: entry.object().to_string(),
            done: Some(true),
            error: None,
            message: None,
        },
        Err(error) => {
            let error = exit::object_of(error);
            OutcomeObject {
                entry_id: name.clone(),
                done: None,
                error: Some(error.error),
                message: Some(error.message),
            }
        }
    }
}

/// That of the failures if nothing was done and all of them say the same; some of several failed otherwise.
fn exit_of<T>(outcomes: &[Outcome<T>]) -> Exit {
    let failures: Vec<Exit> = outcomes
        .iter()
        .filter_map(|(_, result)| result.as_ref().err())
        .map(exit::code_of)
        .collect();
    match failures.first() {
        None => Exit::Done,
        Some(first)
            if failures.len() == outcomes.len() && failures.iter().all(|one| one == first) =>
        {
            *first
        }
        Some(_) => Exit::Failure,
    }
}
