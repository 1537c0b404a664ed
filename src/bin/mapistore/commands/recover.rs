//! `recover`: saves what is sound in a damaged store.

use std::path::PathBuf;

use clap::Args;
use indicatif::{HumanBytes, HumanCount};
use mapistore::{Loss, Store};

use crate::args::Global;
use crate::exit::{self, Exit};
use crate::json::{LossObject, RecoveredObject};
use crate::output::{Format, Output};
use crate::progress::with_bar;

/// Save what is sound in a damaged store into a new one
///
/// The damaged store is only read, and nobody may have it open. Entry ids, versions and times stay; what could not be
/// saved as it was is named. The exit code is 0 if all was saved, and 8 if anything was lost.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore recover sound.store
  mapistore recover sound.store --json | jq .lost
  mapistore --store sound.store check")]
pub(crate) struct Recover {
    /// The new file
    dest: PathBuf,
}

impl Recover {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let from = global.store_path()?;
        let recovered = with_bar("recovering", |progress| {
            Store::recover(from, &self.dest, progress)
        })?;
        let exit = if recovered.lost.is_empty() {
            Exit::Done
        } else {
            Exit::Damaged
        };
        match self.tell(&recovered, output) {
            // The code says what was lost, also to whoever has read enough.
            Err(error) if !exit::is_closed_pipe(&error) => Err(error),
            _ => Ok(exit),
        }
    }

    fn tell(&self, recovered: &mapistore::Recovered, output: &mut Output) -> anyhow::Result<()> {
        let path = self.dest.display().to_string();
        match output.format() {
            Format::Json => output.json(&RecoveredObject {
                path,
                size: recovered.size,
                folders: recovered.folders,
                messages: recovered.messages,
                versions: recovered.versions,
                streams: recovered.streams,
                changes: recovered.changes,
                lost: recovered.lost.iter().map(object).collect(),
            })?,
            Format::People => {
                for loss in &recovered.lost {
                    output.line(&line(loss))?;
                }
                output.line(&format!(
                    "{path}: {}, {} messages in {} folders, {} kept versions, {} large values; {}",
                    HumanBytes(recovered.size),
                    HumanCount(recovered.messages),
                    HumanCount(recovered.folders),
                    HumanCount(recovered.versions),
                    HumanCount(recovered.streams),
                    match recovered.lost.len() {
                        0 => "nothing was lost".to_owned(),
                        1 => "1 loss".to_owned(),
                        several => format!("{several} losses"),
                    }
                ))?;
            }
        }
        output.flush()?;
        Ok(())
    }
}

fn line(loss: &Loss) -> String {
    match loss.object {
        Some(object) => format!("{} {object}: {}", loss.kind, loss.detail),
        None => format!("{}: {}", loss.kind, loss.detail),
    }
}

fn object(loss: &Loss) -> LossObject {
    LossObject {
        kind: loss.kind.to_string(),
        entry_id: loss.object,
        detail: loss.detail.clone(),
    }
}
