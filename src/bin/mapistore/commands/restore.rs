//! `restore`: puts a kept version of a message back.

use clap::Args;
use mapistore::{Access, Restored};

use crate::args::Global;
use crate::commands::show::{self, LargeValues};
use crate::exit::Exit;
use crate::names::{self, Prefix, Version};
use crate::output::{Format, Output};

/// Put a kept version of a message back
///
/// It becomes a new version, by a save like any other: if another client saves at the same moment, nothing is written and
/// the exit code is 3. The version that it replaces is kept. A deleted message does not come back: its version becomes a
/// new message, whose entry id is printed. `log` shows which versions are kept.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore log 3f2a
  mapistore diff 3f2a 4 6
  mapistore restore 3f2a 4")]
pub(crate) struct Restore {
    /// The message
    entry: String,
    /// The version, as `log` lists it
    version: Version,
}

impl Restore {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let store = global.open()?;
        let entry = names::entry(&store, &self.entry, Prefix::Four)?;
        let restored = store.restore(&entry, self.version.0)?;
        let (saved, what) = match restored {
            Restored::AsNew(saved) => (saved, "a new message, since the old one is deleted"),
            Restored::InPlace(saved) => (saved, "restored"),
            other => anyhow::bail!("restored in a way that this program does not know: {other:?}"),
        };
        if output.format() == Format::Json {
            let message = store.open_message(&saved.entry_id, Access::ReadOnly)?;
            output.json(&show::object(&store, &message, LargeValues::Named)?)?;
            return Ok(Exit::Done);
        }
        let entry = saved.entry_id.object();
        output.line(&format!("{entry}  version {}  {what}", saved.row_version))?;
        Ok(Exit::Done)
    }
}
