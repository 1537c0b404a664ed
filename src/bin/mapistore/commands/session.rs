//! `session`: a process that holds messages open while others go on, driven over its stdin.
//!
//! For the demonstration and for tests. Each line is a command, each answer one line of JSON; an error is the object
//! that other commands write to stderr, and ends nothing. The end of stdin ends the process.

use std::io::{self, BufRead, Read};

use anyhow::Context;
use clap::Args;
use mapistore::{Access, AttachmentNumber, Message, SaveFlags, Store};

use crate::args::Global;
use crate::commands::show::{self, LargeValues};
use crate::exit::{self, Exit, wrong};
use crate::json::{Members, Value};
use crate::names::{self, Assignment, Prefix};
use crate::output::Output;
use crate::prompt;
use crate::report::Report;
use crate::values;

/// How wide the table of a conflict is.
const COLUMNS: usize = 73;

/// Hold a message open, and do what stdin says with it
#[derive(Debug, Args)]
#[command(
    hide = true,
    after_help = "\
Lines:
  open ENTRY        opens a message, to be modified
  show              the message as this process sees it
  set NAME=VALUE    a pending change
  attach NAME=TEXT  a pending new attachment
  detach NUMBER     a pending removal
  data NUMBER       the content of an attachment, in base64
  save              saves, and keeps the message open
  force             saves with FORCE_SAVE
  conflict          what the prompt shows of a conflict, as lines
  reload            drops what is pending, and takes the newest version
  copy FOLDER       saves elsewhere"
)]
pub(crate) struct Session {}

impl Session {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let store = global.open()?;
        let mut open: Option<Message> = None;
        for line in io::stdin().lock().lines() {
            let line = line?;
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match answer(&store, &mut open, verb, rest, output) {
                Ok(()) => {}
                Err(error) if exit::is_closed_pipe(&error) => return Err(error),
                Err(error) => output.json(&exit::object_of(&error))?,
            }
            output.flush()?;
        }
        Ok(Exit::Done)
    }
}

fn answer(
    store: &Store,
    open: &mut Option<Message>,
    verb: &str,
    rest: &str,
    output: &mut Output,
) -> anyhow::Result<()> {
    if verb == "open" {
        let entry = names::entry(store, rest, Prefix::Four)?;
        let message = open.insert(store.open_message(&entry, Access::Modify)?);
        return Ok(output.json(&show::object(store, message, LargeValues::Named)?)?);
    }
    let message = open.as_mut().ok_or_else(|| wrong("no message is open"))?;
    match verb {
        "show" => {}
        "set" => {
            let assignment: Assignment =
                rest.parse().map_err(|error| wrong(format!("{error:#}")))?;
            assignment.apply(store, message)?;
        }
        "attach" => {
            let (name, text) = rest.split_once('=').context("attach NAME=TEXT")?;
            message.attach(name, text.as_bytes())?;
        }
        "detach" => message.delete_attachment(number(rest)?)?,
        "save" => save(message, SaveFlags::empty())?,
        "force" => save(message, SaveFlags::FORCE_SAVE)?,
        "reload" => message.reload()?,
        "conflict" => {
            let report = Report::of(&message.conflict()?, store)?;
            let lines = prompt::table(&report, COLUMNS).into_iter().map(Value::Text);
            let lines = Value::Many(lines.collect());
            return Ok(output.json(&Members(vec![("lines".to_owned(), lines)]))?);
        }
        "data" => {
            let mut data = Vec::new();
            message
                .open_attachment_data(number(rest)?)?
                .read_to_end(&mut data)?;
            return Ok(output.json(&Members(vec![
                (
                    "size".to_owned(),
                    Value::Integer(i64::try_from(data.len())?),
                ),
                ("data".to_owned(), values::base64(&data)),
            ]))?);
        }
        "copy" => {
            let copy = message.save_elsewhere(&store.ensure_folder(rest)?)?;
            return Ok(output.json(&show::object(store, &copy, LargeValues::Named)?)?);
        }
        _ => return Err(wrong(format!("{verb:?} is no command of a session"))),
    }
    Ok(output.json(&show::object(store, message, LargeValues::Named)?)?)
}

fn save(message: &mut Message, flags: SaveFlags) -> mapistore::Result<()> {
    message
        .save_changes(flags | SaveFlags::KEEP_OPEN_READWRITE)
        .map(|_saved| ())
}

fn number(text: &str) -> anyhow::Result<AttachmentNumber> {
    let number = text
        .trim()
        .parse()
        .map_err(|_| wrong(format!("{text:?} is no number of an attachment")))?;
    Ok(AttachmentNumber(number))
}
