//! How a command saves the message that it changes, and what happens when another client was faster.

use std::str::FromStr;

use anyhow::bail;
use clap::Args;
use mapistore::{
    Access, EntryId, Error, Message, PropertyTag, Resolution, Resolved, RowVersion, SaveFlags,
    SaveOutcome, Store, Theirs,
};

use crate::commands::show::{self, LargeValues};
use crate::exit::{self, Exit, Refusal, say, wrong};
use crate::names;
use crate::output::{Format, Output};
use crate::person;
use crate::prompt::Prompt;
use crate::values;

/// How often a merge begins again because yet another client saved.
const MERGE_ATTEMPTS: usize = 100;

/// What a command does to a message. It may have to be done again, on a newer version.
pub(crate) trait Change {
    /// Makes the change, as a pending one.
    fn apply(&mut self, message: &mut Message) -> anyhow::Result<()>;

    /// Whether it is built on what that property was, so that it cannot be merged if somebody changed it since.
    fn depends_on(&self, tag: PropertyTag) -> bool;
}

/// The options of every command that changes a message.
#[derive(Debug, Args)]
pub(crate) struct Saving {
    /// The version that the change is built on
    #[arg(long, value_name = "N")]
    base: Option<i64>,
    /// Save over whatever was saved since; the version that is replaced is kept
    #[arg(long, conflicts_with = "on_conflict")]
    force: bool,
    /// What to do if another client saved since: `ask`, which a terminal does anyway; `fail`, which happens anywhere else;
    /// `keep` theirs; `overwrite`, this change over the newest state, which is kept as a version; `merge`, if they
    /// changed something else; `copy:FOLDER`, the newest state with this change as a new message that `conflicts` lists; `view`, choose on the full screen
    #[arg(long, value_name = "HOW")]
    on_conflict: Option<OnConflict>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum OnConflict {
    Fail,
    Keep,
    Overwrite,
    Merge,
    View,
    Copy(String),
    Ask,
}

impl FromStr for OnConflict {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<OnConflict> {
        Ok(match text {
            "fail" => OnConflict::Fail,
            "keep" => OnConflict::Keep,
            "overwrite" => OnConflict::Overwrite,
            "merge" => OnConflict::Merge,
            "ask" => OnConflict::Ask,
            "view" => OnConflict::View,
            _ => match text.strip_prefix("copy:") {
                Some(folder) if !folder.is_empty() => OnConflict::Copy(folder.to_owned()),
                _ => bail!("it is ask, fail, keep, overwrite, merge, view or copy:FOLDER"),
            },
        })
    }
}

/// What became of the change.
pub(super) enum Outcome {
    Saved(Message),
    /// Nothing was written.
    KeptTheirs(Message),
    Copied(Message),
}

impl Saving {
    /// Changes a message, saves it, and says which version that made.
    pub(crate) fn change(
        &self,
        store: &Store,
        entry: &EntryId,
        change: &mut impl Change,
        output: &mut Output,
    ) -> anyhow::Result<Exit> {
        let mut message = store.open_message(entry, Access::Modify)?;
        let base = self.base(&message)?;
        let is_behind = message.row_version().is_some_and(|current| base < current);
        let at_prompt = |person| Prompt::new(store, person, None);
        let prompt = match &self.on_conflict {
            _ if self.force => None,
            None => person::at_terminal(output.format()).map(at_prompt),
            Some(OnConflict::Ask) => Some(at_prompt(person::at_hand(output.format()))),
            Some(OnConflict::View) => Some(Prompt::on_the_full_screen(store)),
            Some(_) => None,
        };
        let is_applied = match change.apply(&mut message) {
            // What the change is about may have gone with the version that it is built on; the save tells that.
            Err(error) if is_behind && !self.force && exit::code_of(&error) == Exit::NotFound => {
                false
            }
            applied => applied.map(|()| true)?,
        };
        message.declare_base(base)?;
        if let (Some(prompt), true) = (prompt, is_applied) {
            let outcome = ask(store, message, prompt)?;
            answer(store, outcome, output)?;
            return Ok(Exit::Done);
        }
        let force = if self.force {
            SaveFlags::FORCE_SAVE
        } else {
            SaveFlags::empty()
        };
        let outcome = match save(&mut message, force) {
            Ok(()) => Outcome::Saved(message),
            Err(changed @ Error::ObjectChanged { .. }) => {
                self.resolve(store, message, change, base, changed)?
            }
            Err(error) => return Err(error.into()),
        };
        answer(store, outcome, output)?;
        Ok(Exit::Done)
    }

    /// The version that the change is built on; one that does not exist is a mistake.
    fn base(&self, message: &Message) -> anyhow::Result<RowVersion> {
        let current = message.row_version().unwrap_or(RowVersion::FIRST);
        match self.base.map(RowVersion::new) {
            None => Ok(current),
            Some(Some(base)) if base <= current => Ok(base),
            Some(_) => {
                let named = self.base.unwrap_or_default();
                Err(wrong(format!(
                    "--base {named}: the message has the versions 1 to {current}"
                )))
            }
        }
    }

    fn resolve(
        &self,
        store: &Store,
        mut message: Message,
        change: &mut impl Change,
        base: RowVersion,
        changed: Error,
    ) -> anyhow::Result<Outcome> {
        match self.on_conflict.as_ref().unwrap_or(&OnConflict::Fail) {
            OnConflict::Fail | OnConflict::Ask | OnConflict::View => Err(changed.into()),
            OnConflict::Overwrite => {
                on_the_newest(store, message, change, base, changed, Resolution::Overwrite)
            }
            OnConflict::Keep => {
                message.reload()?;
                Ok(Outcome::KeptTheirs(message))
            }
            OnConflict::Copy(folder) => {
                let folder = store.ensure_folder(folder)?.entry_id();
                let resolution = Resolution::SaveElsewhere(folder);
                on_the_newest(store, message, change, base, changed, resolution)
            }
            OnConflict::Merge => merge(store, message, change, base, changed),
        }
    }
}

/// Puts the change on top of the version just read, and does with it what was said. Guarded by that version, so that a
/// third client makes it begin again.
fn on_the_newest(
    store: &Store,
    mut message: Message,
    change: &mut impl Change,
    base: RowVersion,
    mut changed: Error,
    resolution: Resolution,
) -> anyhow::Result<Outcome> {
    for _ in 0..MERGE_ATTEMPTS {
        message.reload()?;
        let read = message.row_version();
        change.apply(&mut message)?;
        message.declare_base(base)?;
        let conflict = message.conflict()?;
        // Another client saved between the two: this change is not on top of that.
        if !matches!(conflict.theirs(), Theirs::Changed(theirs) if Some(theirs.row_version) == read)
        {
            continue;
        }
        match message.resolve(&conflict, resolution.clone()) {
            Ok(Resolved::SavedElsewhere(saved)) => {
                let copy = store.open_message(&saved.entry_id, Access::ReadOnly)?;
                return Ok(Outcome::Copied(copy));
            }
            Ok(_) => return Ok(Outcome::Saved(message)),
            Err(again @ Error::ObjectChanged { .. }) => changed = again,
            // The copy has a handle of its own, which nobody can ask any more.
            Err(Error::OutcomeUnknown { .. }) if resolution == Resolution::Overwrite => {
                save(&mut message, SaveFlags::empty())?;
                return Ok(Outcome::Saved(message));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(changed.into())
}

/// Saves, and asks what is to become of a conflict.
pub(super) fn ask(
    store: &Store,
    mut message: Message,
    prompt: Prompt<'_>,
) -> anyhow::Result<Outcome> {
    let flags = SaveFlags::KEEP_OPEN_READONLY;
    let mut result = message.save_changes_with(flags, &prompt);
    if let Err(Error::OutcomeUnknown { .. }) = result {
        result = message.save_changes_with(flags, &prompt);
    }
    Ok(match prompt.conclude(result)?.outcome {
        SaveOutcome::KeptOriginal => Outcome::KeptTheirs(message),
        SaveOutcome::SavedElsewhere(copy) => {
            Outcome::Copied(store.open_message(&copy, Access::ReadOnly)?)
        }
        _ => Outcome::Saved(message),
    })
}

/// Puts the change on top of the newest version, if nobody touched what it depends on since the base. The save is
/// guarded by that version, so a third client makes it begin again.
fn merge(
    store: &Store,
    mut message: Message,
    change: &mut impl Change,
    base: RowVersion,
    mut changed: Error,
) -> anyhow::Result<Outcome> {
    for _ in 0..MERGE_ATTEMPTS {
        message.reload()?;
        let entry = message.entry_id();
        let Some(touched) = touched_since(store, &entry, base, message.row_version())? else {
            return Err(Refusal::NotMerged {
                properties: Vec::new(),
                source: changed,
            }
            .into());
        };
        let properties: Vec<PropertyTag> = touched
            .into_iter()
            .filter(|tag| change.depends_on(*tag))
            .collect();
        if !properties.is_empty() {
            return Err(Refusal::NotMerged {
                properties: names::of_properties(store, &properties)?,
                source: changed,
            }
            .into());
        }
        change.apply(&mut message)?;
        match save(&mut message, SaveFlags::empty()) {
            Ok(()) => return Ok(Outcome::Saved(message)),
            Err(again @ Error::ObjectChanged { .. }) => changed = again,
            Err(error) => return Err(error.into()),
        }
    }
    Err(changed.into())
}

/// Saves and keeps the message open. An outcome that is unknown is settled by saving again (S8).
pub(crate) fn save(message: &mut Message, flags: SaveFlags) -> mapistore::Result<()> {
    let flags = flags | SaveFlags::KEEP_OPEN_READONLY;
    match message.save_changes(flags) {
        Err(Error::OutcomeUnknown { .. }) => message.save_changes(flags).map(drop),
        saved => saved.map(drop),
    }
}

/// The properties that the saves between two versions changed; none if the journal does not know all of those saves.
fn touched_since(
    store: &Store,
    entry: &EntryId,
    base: RowVersion,
    current: Option<RowVersion>,
) -> mapistore::Result<Option<Vec<PropertyTag>>> {
    let mut version = base;
    let mut touched = Vec::new();
    for save in store.saves_after(entry, base)? {
        if save.row_version != Some(version.next()) {
            return Ok(None);
        }
        version = version.next();
        touched.extend(save.properties);
    }
    touched.sort_unstable();
    touched.dedup();
    // A save that came in between makes this one stale, and so is looked at in the next round.
    Ok(current
        .is_some_and(|current| version >= current)
        .then_some(touched))
}

/// Says what became of the change.
pub(super) fn answer(store: &Store, outcome: Outcome, output: &mut Output) -> anyhow::Result<()> {
    let (Outcome::Saved(message) | Outcome::KeptTheirs(message) | Outcome::Copied(message)) =
        &outcome;
    if output.format() == Format::Json {
        output.json(&show::object(store, message, LargeValues::Named)?)?;
        return Ok(());
    }
    let entry = message.entry_id().object();
    let version = message
        .row_version()
        .map(|version| version.to_string())
        .unwrap_or_default();
    match &outcome {
        Outcome::Saved(_) => output.line(&format!("{entry}  version {version}"))?,
        Outcome::Copied(_) => output.line(&entry.to_string())?,
        Outcome::KeptTheirs(message) => {
            let saved_by = message
                .get(mapistore::pr::LAST_MODIFIER_NAME)?
                .unwrap_or_default();
            let saved_at = message
                .get(mapistore::pr::LOCAL_COMMIT_TIME)?
                .map(values::time_for_people);
            output.line(&format!("{entry}  version {version}"))?;
            output.flush()?;
            let saved_at = saved_at.unwrap_or_default();
            let kept = format!(
                "version {version} stays, saved by {saved_by} at {saved_at}; nothing was written"
            );
            say(&crate::harmless::line(&kept));
        }
    }
    Ok(())
}
