//! `detach`: removes attachments of a message.

use clap::Args;
use mapistore::{AttachmentNumber, Message, PropertyTag, pr};

use crate::args::Global;
use crate::commands::saving::{Change, Saving};
use crate::exit::{Exit, wrong};
use crate::names::{self, Prefix};
use crate::output::Output;

/// Remove attachments of a message
///
/// All of them are removed in one save, or none. The numbers are those that `show` prints; the ones of the other
/// attachments stay as they are.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore detach 3f2a 0
  mapistore detach 3f2a 0 2 --base 4")]
pub(crate) struct Detach {
    /// The message
    entry: String,
    /// The attachments
    #[arg(value_name = "NUMBER", required = true)]
    numbers: Vec<u32>,
    #[command(flatten)]
    saving: Saving,
}

impl Detach {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let numbers = attachment_numbers(&self.numbers)?;
        let store = global.open()?;
        let entry = names::entry(&store, &self.entry, Prefix::Four)?;
        self.saving
            .change(&store, &entry, &mut Removal(numbers), output)
    }
}

/// Refuses a number that is given twice: it can be meant only once.
pub(crate) fn attachment_numbers(numbers: &[u32]) -> anyhow::Result<Vec<AttachmentNumber>> {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    match sorted
        .windows(2)
        .find(|pair| matches!(pair, [one, other] if one == other))
    {
        Some([number, _]) => Err(wrong(format!("attachment {number} is named twice"))),
        _ => Ok(numbers.iter().copied().map(AttachmentNumber).collect()),
    }
}

struct Removal(Vec<AttachmentNumber>);

impl Change for Removal {
    fn apply(&mut self, message: &mut Message) -> anyhow::Result<()> {
        for number in &self.0 {
            message.delete_attachment(*number)?;
        }
        Ok(())
    }

    /// What is removed may be another file by now.
    fn depends_on(&self, tag: PropertyTag) -> bool {
        tag.id() == pr::MESSAGE_ATTACHMENTS.id()
    }
}
