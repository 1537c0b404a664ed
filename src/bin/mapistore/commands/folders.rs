//! `folders`: the folders with their counts.

use clap::Args;

use crate::args::Global;
use crate::exit::Exit;
use crate::json::FolderObject;
use crate::output::{Column, Format, Output};

/// List the folders
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore folders
  mapistore folders --json")]
pub(crate) struct Folders {}

impl Folders {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let folders = global.open_to_read()?.folders()?;
        match output.format() {
            Format::Json => output.json_array(folders.into_iter().map(|folder| {
                Ok(FolderObject {
                    entry_id: folder.entry_id.object(),
                    path: folder.path,
                    total: folder.total,
                    unread: folder.unread,
                })
            }))?,
            Format::People => {
                let columns = [
                    Column::whole("entry"),
                    Column::number("total"),
                    Column::number("unread"),
                    Column::text("path"),
                ];
                let row = |folder: mapistore::FolderInfo| {
                    vec![
                        folder.entry_id.object().to_string(),
                        folder.total.to_string(),
                        folder.unread.to_string(),
                        folder.path,
                    ]
                };
                output.table(&columns, &folders.into_iter().map(row).collect::<Vec<_>>())?;
            }
        }
        Ok(Exit::Done)
    }
}
