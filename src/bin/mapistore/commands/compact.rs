//! `compact`: gives back what the store no longer needs.

use clap::Args;
use indicatif::{HumanBytes, HumanCount};

use crate::args::Global;
use crate::exit::Exit;
use crate::json::CompactedObject;
use crate::output::{Column, Format, Output};
use crate::progress::with_bar;

/// Remove waste and give space back, while others use the store
///
/// Large values that nothing refers to go, among them what processes that died left behind; values that an open
/// message still shows stay. Folders whose counts are wrong are counted anew. See `purge` for kept versions and the
/// journal.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore compact
  mapistore purge --older-than 90 && mapistore compact")]
pub(crate) struct Compact {}

impl Compact {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let store = global.open()?;
        let compacted = with_bar("compacting", |progress| store.compact(progress))?;
        let collected = compacted.collected;
        match output.format() {
            Format::Json => output.json(&CompactedObject {
                streams: collected.streams,
                bytes: collected.bytes,
                kept_for_handles: collected.kept_for_handles,
                counters_mended: compacted.counters_mended,
                size_before: compacted.size_before,
                size_after: compacted.size_after,
            })?,
            Format::People => {
                let row = |what: &str, number: String| vec![what.to_owned(), number];
                let rows = [
                    row(
                        "large values removed",
                        HumanCount(collected.streams).to_string(),
                    ),
                    row("their size", HumanBytes(collected.bytes).to_string()),
                    row(
                        "large values that somebody still reads",
                        HumanCount(collected.kept_for_handles).to_string(),
                    ),
                    row(
                        "folders counted anew",
                        HumanCount(compacted.counters_mended).to_string(),
                    ),
                    row("size before", HumanBytes(compacted.size_before).to_string()),
                    row("size now", HumanBytes(compacted.size_after).to_string()),
                ];
                output.table(&[Column::text("what"), Column::number("amount")], &rows)?;
            }
        }
        Ok(Exit::Done)
    }
}
