//! Commands on several entries: each has its own outcome, and one that fails does not keep the rest from being done.

use anyhow::Error;
use mapistore::{EntryId, Store};

use crate::exit::{self, Exit, say};
use crate::harmless;
use crate::json::OutcomeObject;
use crate::names::{self, Prefix};
use crate::output::{Format, Output};

/// What became of an entry, by the name that it was given.
type Outcome = (String, Result<EntryId, Error>);

/// Does something to all entries that are found, in one call, and says what became of each.
pub(crate) fn do_to_entries(
    store: &Store,
    names: &[String],
    prefix: Prefix,
    output: &mut Output,
    done: &str,
    change: impl FnOnce(&[EntryId]) -> mapistore::Result<mapistore::Outcomes>,
) -> anyhow::Result<Exit> {
    let found: Vec<Outcome> = names
        .iter()
        .map(|name| (name.clone(), names::entry(store, name, prefix)))
        .collect();
    let entries: Vec<EntryId> = found
        .iter()
        .filter_map(|(_, entry)| entry.as_ref().ok().copied())
        .collect();
    let mut changed = change(&entries)?.into_iter();
    let outcome = |(name, entry): Outcome| match entry {
        Ok(entry) => {
            let result = changed.next().map_or(Ok(()), |(_, result)| result);
            (name, result.map(|()| entry).map_err(Error::from))
        }
        Err(error) => (name, Err(error)),
    };
    let mut outcomes: Vec<Outcome> = found.into_iter().map(outcome).collect();
    // A single one is reported like any other error.
    if let (Format::People, [(_, Err(_))]) = (output.format(), outcomes.as_slice())
        && let Some((_, Err(error))) = outcomes.pop()
    {
        return Err(error);
    }
    tell(&outcomes, output, done)?;
    Ok(exit_of(&outcomes))
}

fn tell(outcomes: &[Outcome], output: &mut Output, done: &str) -> anyhow::Result<()> {
    if output.format() == Format::Json {
        return output.json_array(outcomes.iter().map(|outcome| Ok(object(outcome))));
    }
    for (name, result) in outcomes {
        match result {
            Ok(entry) => output.line(&format!("{}  {done}", entry.object()))?,
            Err(error) => say(&harmless::line(&format!(
                "error: {name}: {}",
                exit::message_of(error)
            ))),
        }
    }
    Ok(())
}

fn object((name, result): &Outcome) -> OutcomeObject {
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
pub(crate) fn exit_of<T>(outcomes: &[(String, Result<T, Error>)]) -> Exit {
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
