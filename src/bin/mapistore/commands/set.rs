//! `set`: changes properties of a message.

use clap::Args;
use mapistore::{Message, PropertyTag, Store};

use crate::args::Global;
use crate::commands::saving::{Change, Saving};
use crate::exit::Exit;
use crate::names::{self, Assignment, Prefix, Property};
use crate::output::Output;

/// Change properties of a message
///
/// The save is built on the version that the message has when the command starts, or on the one that --base names. If
/// another client has saved since, you are asked what to do; where there is no terminal, nothing is written and the exit
/// code is 3. --on-conflict and --force say otherwise.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore set 3f2a PR_SUBJECT='Figures, corrected' PR_IMPORTANCE=2
  mapistore set 3f2a --unset PR_IMPORTANCE
  mapistore set 3f2a PS_PUBLIC_STRINGS:Keywords:PT_MV_UNICODE=figures
  mapistore set 3f2a PR_SUBJECT=Mine --base 4              only if it is still version 4
  mapistore set 3f2a PR_SUBJECT=Mine --base 4 --force      over whatever was saved since
  mapistore set 3f2a PR_SUBJECT=Mine --base 4 --on-conflict copy:Conflicts")]
pub(crate) struct Set {
    /// The message
    entry: String,
    /// Properties and their new values
    #[arg(value_name = "NAME=VALUE", required_unless_present = "unset")]
    properties: Vec<Assignment>,
    /// Delete a property; may be repeated
    #[arg(long, value_name = "NAME")]
    unset: Vec<Property>,
    #[command(flatten)]
    saving: Saving,
}

impl Set {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let store = global.open()?;
        let entry = names::entry(&store, &self.entry, Prefix::Four)?;
        let mut properties = Properties {
            store: &store,
            assigned: self.properties,
            unset: self.unset,
            changed: Vec::new(),
        };
        self.saving.change(&store, &entry, &mut properties, output)
    }
}

/// What becomes of properties.
struct Properties<'a> {
    store: &'a Store,
    assigned: Vec<Assignment>,
    unset: Vec<Property>,
    /// Which ones they are; the names of some are known only by the store.
    changed: Vec<PropertyTag>,
}

impl Change for Properties<'_> {
    fn apply(&mut self, message: &mut Message) -> anyhow::Result<()> {
        let changed = names::change_properties(self.store, message, &self.assigned, &self.unset)?;
        self.changed.extend(changed);
        Ok(())
    }

    fn depends_on(&self, tag: PropertyTag) -> bool {
        let mut changed = self.changed.iter();
        changed.any(|changed| mapistore::belong_together(*changed, tag))
    }
}
