//! `edit`: a message as text in somebody's editor.

mod text;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use clap::Args;
use mapistore::{Access, Message, SaveFlags, Store};

use self::text::{Changes, Shown};
use crate::args::Global;
use crate::commands::saving::{self, Outcome};
use crate::exit::{Exit, say};
use crate::kept::{Form, Kept};
use crate::names::{self, Prefix};
use crate::output::Output;
use crate::person::{self, Pressed};
use crate::prompt::Prompt;
use crate::view::{self, Signals};

/// Change a message as text: Subject, To, Cc, Bcc, a blank line, the body
///
/// Opens $VISUAL, else $EDITOR, else vi. The save is built on the version that was opened: if another client was faster,
/// you are asked what to do; where there is no terminal the exit code is 3. The text stays in a file of yours, which is
/// named, until it is in the store, whatever happens. Where the message has its text as HTML or RTF too, a line that
/// begins with # says what changing the text does to that.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore edit 3f2a
  EDITOR=nano mapistore edit 3f2a")]
pub(crate) struct Edit {
    /// The message
    entry: String,
}

impl Edit {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let store = global.open()?;
        let entry = names::entry(&store, &self.entry, Prefix::Four)?;
        let mut message = store.open_message(&entry, Access::Modify)?;
        let shown = Shown::of(&message)?;
        let text = shown.to_text();
        let kept = Kept::write(&store, &entry, Form::Text, text.as_bytes())?;
        let changes = edited(&shown, &text, &kept, output).and_then(|changes| {
            changes.apply(&mut message)?;
            Ok(changes)
        });
        let changes = changes.with_context(|| kept.place())?;
        if changes.is_empty() {
            kept.discard();
            say("nothing was changed, so nothing is saved");
            return Ok(Exit::Done);
        }
        let outcome = save(&store, message, kept, output)?;
        let note = match &outcome {
            // Whoever merged may have kept what the message had.
            Outcome::Saved(saved) | Outcome::Copied(saved) if !text::has_other_bodies(saved)? => {
                changes.note()
            }
            _ => None,
        };
        saving::answer(&store, outcome, output)?;
        if let Some(note) = note {
            say(note);
        }
        Ok(Exit::Done)
    }
}

/// Saves what was edited; the file goes only when that is done.
fn save(
    store: &Store,
    mut message: Message,
    kept: Kept,
    output: &Output,
) -> anyhow::Result<Outcome> {
    if let Some(person) = person::at_terminal(output.format()) {
        return saving::ask(store, message, Prompt::new(store, person, Some(kept)));
    }
    saving::save(&mut message, SaveFlags::empty()).with_context(|| kept.place())?;
    kept.discard();
    Ok(Outcome::Saved(message))
}

/// What somebody changed in the text. One that cannot be read as a message can be edited again at a terminal.
fn edited(shown: &Shown, text: &str, kept: &Kept, output: &Output) -> anyhow::Result<Changes> {
    if person::at_terminal(output.format()).is_some() {
        // Ctrl-C may end this process together with the editor.
        say(&kept.place().to_string());
    }
    loop {
        run_editor(kept.path())?;
        let edited = fs::read(kept.path()).context("reading what was edited")?;
        if edited == text.as_bytes() {
            return Ok(Changes::default());
        }
        let error = match shown.changes(&edited) {
            Ok(changes) => return Ok(changes),
            Err(error) => error,
        };
        let Some(mut person) = person::at_terminal(output.format()) else {
            return Err(error);
        };
        person.show(&format!("That is no message: {error:#}"))?;
        match person.key("Edit it again? [Y/n] ")? {
            Pressed::Enter | Pressed::Key('y') => {}
            _ => return Err(error),
        }
    }
}

fn run_editor(path: &Path) -> anyhow::Result<()> {
    let mut named = ["VISUAL", "EDITOR"].into_iter().filter_map(env::var_os);
    let editor = named.find(|editor| !editor.is_empty());
    let editor = editor.unwrap_or_else(|| "vi".into());
    // It may be a command with arguments, which is for the shell to take apart.
    // Ctrl-C is the editor's own key to many: it is for the editor alone, and what it does to that is what becomes of this
    // process. What the shell traps comes to the editor as if there were no trap.
    let mut line = OsString::from("trap : INT; ");
    line.push(&editor);
    line.push(" \"$@\"");
    let signals = Signals::watch_for_interrupt()?;
    let status = Command::new("sh")
        .arg("-c")
        .arg(line)
        .arg(&editor)
        .arg(path)
        .status()
        .context("starting the editor")?;
    if let (Some(signal), false) = (signals.came(), status.success()) {
        view::end_by(signal)?;
    }
    if !status.success() {
        bail!("the editor {} ended with {status}", editor.display());
    }
    Ok(())
}
