//! `check`: whether the store is sound.

use clap::Args;
use indicatif::HumanCount;

use crate::args::Global;
use crate::exit::{self, Exit};
use crate::json::CheckObject;
use crate::output::{Format, Output};
use crate::progress::with_bar;

/// Check the store: the file, the schema's rules, checksums, and large values by their hash
///
/// Others can go on working meanwhile. The exit code is 8 if anything is wrong.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore check
  mapistore check --json | jq .problems")]
pub(crate) struct Check {}

impl Check {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let store = global.open_to_read()?;
        let report = with_bar("checking", |progress| store.check(progress))?;
        let exit = if report.is_sound() {
            Exit::Done
        } else {
            Exit::Damaged
        };
        match tell(&report, output) {
            // The code says what was found, also to whoever has read enough.
            Err(error) if !exit::is_closed_pipe(&error) => Err(error),
            _ => Ok(exit),
        }
    }
}

fn tell(report: &mapistore::CheckReport, output: &mut Output) -> anyhow::Result<()> {
    match output.format() {
        Format::Json => {
            output.json(&CheckObject {
                sound: report.is_sound(),
                problems: report.problems.clone(),
            })?;
        }
        Format::People => {
            for problem in &report.problems {
                output.line(problem)?;
            }
            let checked = HumanCount(report.checked);
            match report.problems.len() {
                0 => output.line(&format!(
                    "sound: {checked} messages, kept versions and large values checked"
                ))?,
                1 => output.line("1 problem")?,
                several => output.line(&format!("{several} problems"))?,
            }
        }
    }
    output.flush()?;
    Ok(())
}
