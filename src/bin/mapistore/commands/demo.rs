//! `demo`: the contract, shown with real processes on a store of its own.
//!
//! Every process is this program: ordinary commands, and two `session`s that hold a message open from one step to the
//! next. What is shown is also checked, and a claim that does not hold ends the demonstration with an error.

mod actor;
mod scenes;
mod stage;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde_json::Value;

use self::actor::Processes;
use self::scenes::{be_refused, be_shown, fill, force, read_journal, read_snapshot};
use self::stage::Stage;
use crate::args::Global;
use crate::exit::{Exit, say};
use crate::output::{Format, Output};

/// The mails that the demonstration imports.
const MAILS: [(&str, &[u8]); 4] = [
    (
        "01-figures.eml",
        include_bytes!("../../../../examples/mail/01-figures.eml"),
    ),
    (
        "02-minutes.eml",
        include_bytes!("../../../../examples/mail/02-minutes.eml"),
    ),
    (
        "03-lunch.eml",
        include_bytes!("../../../../examples/mail/03-lunch.eml"),
    ),
    (
        "04-re-figures.eml",
        include_bytes!("../../../../examples/mail/04-re-figures.eml"),
    ),
];
const SUBJECT: &str = "Figures for October";
const ANAS: &str = "Figures for October, corrected";
const BENS: &str = "Figures for October, with returns";

/// Show the contract with real processes; needs nothing
///
/// Makes a temporary store, unless --store names a file that does not exist yet. An existing store is left alone.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore demo
  mapistore --store demo.store demo        keeps the store, to look at
  mapistore demo --json")]
pub(crate) struct Demo {}

impl Demo {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let folder = tempfile::Builder::new()
            .prefix("mapistore-demo-")
            .tempdir()?;
        let temporary = folder.path().join("demo.store");
        let (store, kept) = match &global.store {
            Some(named) if named.exists() => {
                say(&format!(
                    "{} is left alone; this uses a temporary store",
                    named.display()
                ));
                (temporary, None)
            }
            Some(named) => (named.clone(), Some(named)),
            None => (temporary, None),
        };
        let mails = folder.path().join("mail");
        fs::create_dir(&mails)?;
        for (name, mail) in MAILS {
            fs::write(mails.join(name), mail)?;
        }

        let mut stage = Stage::new(output);
        let played = play(&mut stage, &Processes::new(&store)?, &mails);
        stage.close()?;
        played?;
        if let (Some(kept), Format::People) = (kept, output.format()) {
            output.line(&format!(
                "The store is {}; look: mapistore --store {0} list Inbox",
                kept.display()
            ))?;
        }
        Ok(Exit::Done)
    }
}

fn play(stage: &mut Stage<'_>, processes: &Processes, mails: &Path) -> anyhow::Result<()> {
    let started = Instant::now();
    stage.open(
        "Every process here is a real one. What stands in brackets is a rule of docs/contract.md.",
    )?;
    stage.step("A store, with a few mails")?;
    let entry = fill(stage, processes, mails)?;
    let entry = entry.as_str();

    stage.step("Two processes open the same message; nobody locks anything")?;
    let mut ana = processes.start("Ana")?;
    let mut ben = processes.start("Ben")?;
    for actor in [&mut ana, &mut ben] {
        let opened = actor.tell(&format!("open {entry}"))?;
        stage.act(
            actor,
            &format!(
                "opens {}: version {}, {}",
                short(entry),
                opened["row_version"],
                subject(&opened)
            ),
        )?;
        stage.claim(
            "O1",
            &format!("{} has version 1", actor.name()),
            opened["row_version"] == 1,
        )?;
    }

    stage.step("The first save wins")?;
    for line in [
        &format!("set PR_SUBJECT={ANAS}"),
        "detach 0",
        "attach figures-corrected.csv=week,orders,revenue\n",
    ] {
        ana.tell(line.trim_end())?;
    }
    let saved = ana.tell("save")?;
    stage.act(
        &ana,
        &format!("sets the subject to \"{ANAS}\", replaces the attachment, saves"),
    )?;
    stage.claim("S1", "Ana's save made version 2", saved["row_version"] == 2)?;

    stage.step("The second save is refused, and says who was faster")?;
    be_refused(stage, processes, entry, &mut ben)?;

    stage.step("Ben is shown both changes, and has the choice")?;
    be_shown(stage, &mut ben)?;

    stage.step("Ben still reads what he opened, the attachment included")?;
    read_snapshot(stage, processes, entry, &mut ben)?;

    stage.step("Ben can save his work elsewhere")?;
    let copy = ben.tell("copy Drafts")?;
    let copied = copy["entry_id"].as_str().unwrap_or_default();
    stage.act(
        &ben,
        &format!("saves to Drafts: {}, {}", short(copied), subject(&copy)),
    )?;
    let now = processes.json(&["show", entry])?;
    stage.claim(
        "K2",
        "the copy is a new message, and the original is untouched",
        copied != entry && copied.len() == 32 && now["row_version"] == 2,
    )?;

    stage.step("Or force it with FORCE_SAVE")?;
    force(stage, processes, entry, &mut ben)?;

    stage.step("The journal knows all of it")?;
    read_journal(stage, processes, entry, &ana, &ben)?;

    stage.step("Nothing was harmed")?;
    stage.command("check")?;
    let report = processes.json(&["check"])?;
    stage.claim("P1", "the store is sound", report["sound"] == true)?;
    stage.end(started.elapsed())
}

fn subject(message: &Value) -> String {
    format!(
        "\"{}\"",
        message["properties"]["PR_SUBJECT"]
            .as_str()
            .unwrap_or_default()
    )
}

/// The first digits of an entry, as people type them.
fn short(entry: &str) -> &str {
    entry.get(..8).unwrap_or(entry)
}

/// Where this program is.
fn own_path() -> anyhow::Result<PathBuf> {
    Ok(std::env::current_exe()?)
}
