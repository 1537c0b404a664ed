//! `new`: a new message.

use std::path::PathBuf;

use clap::Args;
use mapistore::{Recipient, SaveFlags};

use crate::args::Global;
use crate::commands::attach::FileToAttach;
use crate::commands::saving::save;
use crate::commands::show::{self, LargeValues};
use crate::exit::Exit;
use crate::names::{self, Address, Assignment};
use crate::output::{Format, Output};

/// Make a message, and print its entry id
#[derive(Debug, Args)]
#[command(after_help = "\
A text that begins with @ itself can be given as a file: PR_SUBJECT=@/dev/stdin

Examples:
  mapistore new Drafts PR_SUBJECT=Figures PR_BODY=@figures.txt --to 'Ana <ana@example.org>'
  entry=$(mapistore new Drafts PR_SUBJECT=Figures --attach figures.csv)")]
pub(crate) struct New {
    /// Path of the folder that it goes to
    folder: String,
    /// Properties of the message
    #[arg(value_name = "NAME=VALUE")]
    properties: Vec<Assignment>,
    /// A recipient; may be repeated
    #[arg(long, value_name = "ADDR")]
    to: Vec<Address>,
    /// A recipient of a copy; may be repeated
    #[arg(long, value_name = "ADDR")]
    cc: Vec<Address>,
    /// A recipient of a copy that the others do not see; may be repeated
    #[arg(long, value_name = "ADDR")]
    bcc: Vec<Address>,
    /// Attach a file; may be repeated
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
    /// A folder-associated message, which programs keep settings in and people do not see
    #[arg(long)]
    associated: bool,
}

impl New {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let store = global.open()?;
        let folder = store.folder_by_path(&self.folder)?;
        let mut message = if self.associated {
            folder.create_associated_message()?
        } else {
            folder.create_message()?
        };
        names::change_properties(&store, &mut message, &self.properties, &[])?;
        for (addresses, make) in [
            (&self.to, Recipient::to as fn(String, String) -> Recipient),
            (&self.cc, Recipient::cc),
            (&self.bcc, Recipient::bcc),
        ] {
            for address in addresses {
                message.add_recipient(address.as_recipient(make))?;
            }
        }
        for path in &self.attach {
            FileToAttach::open(path)?.attach(&mut message)?;
        }
        save(&mut message, SaveFlags::empty())?;
        match output.format() {
            Format::Json => output.json(&show::object(&store, &message, LargeValues::Named)?)?,
            Format::People => output.line(&message.entry_id().object().to_string())?,
        }
        Ok(Exit::Done)
    }
}
