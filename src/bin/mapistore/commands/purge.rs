//! `purge`: forgets old changes and kept versions.

use std::time::Duration;

use clap::Args;
use indicatif::HumanCount;
use mapistore::{EntryId, Purge as Limits};

use crate::args::Global;
use crate::exit::Exit;
use crate::json::PurgedObject;
use crate::names::{self, Prefix};
use crate::output::{Format, Output};

/// The seconds of a day.
const DAY: f64 = 86_400.0;

/// Forget kept versions and the journal, for good
///
/// Of everything, or of some messages. With both limits only that goes which is old enough and not among the newest.
/// Messages as they are now are not touched. Afterwards `log` no longer lists what went, and clients that follow the
/// journal from before are told of an overflow.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore purge --older-than 90
  mapistore purge --older-than 90 --keep 10
  mapistore purge --keep 0 3f2a91c0")]
pub(crate) struct Purge {
    /// Only what is older than so many days
    #[arg(long, value_name = "DAYS", value_parser = days, required_unless_present = "keep")]
    older_than: Option<Duration>,
    /// Not the newest N kept versions of each message, and not its newest N changes
    #[arg(long, value_name = "N")]
    keep: Option<u32>,
    /// Only these messages, by 8 digits or more; one that was deleted for good by all 32
    #[arg(value_name = "ENTRY")]
    entries: Vec<String>,
}

fn days(text: &str) -> Result<Duration, String> {
    let days: f64 = text
        .parse()
        .map_err(|_| "not a number of days".to_owned())?;
    Duration::try_from_secs_f64(days * DAY).map_err(|error| error.to_string())
}

impl Purge {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let store = global.open()?;
        let mut limits = Limits::everything();
        if let Some(age) = self.older_than {
            limits = limits.older_than(age);
        }
        if let Some(newest) = self.keep {
            limits = limits.keep_newest(newest);
        }
        if !self.entries.is_empty() {
            let entries: Vec<EntryId> = self
                .entries
                .iter()
                .map(|entry| names::entry(&store, entry, Prefix::Eight))
                .collect::<anyhow::Result<_>>()?;
            limits = limits.of(&entries);
        }
        let purged = store.purge(&limits)?;
        let collected = store.collect_garbage()?;
        match output.format() {
            Format::Json => output.json(&PurgedObject {
                versions: purged.versions,
                changes: purged.changes,
                bytes: collected.bytes,
            })?,
            Format::People => output.line(&format!(
                "purged {} kept versions and {} changes; {} bytes of large values freed",
                HumanCount(purged.versions),
                HumanCount(purged.changes),
                HumanCount(collected.bytes)
            ))?,
        }
        Ok(Exit::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_may_be_parts() {
        assert_eq!(days("0.5"), Ok(Duration::from_secs(43_200)));
        for wrong in ["", "-1", "NaN", "inf", "1d"] {
            assert!(days(wrong).is_err(), "{wrong}");
        }
    }
}
