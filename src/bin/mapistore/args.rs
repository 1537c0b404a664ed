//! The command line, and how the store that it names is opened.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use mapistore::{MapiCode, Store, StoreOptions};

use crate::commands::{
    attach, backup, check, compact, conflicts, delete, demo, detach, diff, edit, export, extract,
    folders, import, init, list, log, move_messages, new, purge, recover, restore, session, set,
    show, sql, stress, watch,
};
use crate::exit::wrong;

/// MAPI's message store on one SQLite file that any number of processes can share.
///
/// The first save wins: who saves over a version that he has not seen gets MAPI_E_OBJECT_CHANGED, and nothing is
/// lost. Try `mapistore demo`.
#[derive(Debug, Parser)]
#[command(
    name = "mapistore",
    version,
    disable_help_subcommand = true,
    arg_required_else_help = true,
    subcommand_required = true,
    after_help = "\
ENTRY        the 32 hexadecimal digits that every command prints, or the first 4 or more
FOLDER       a path such as Inbox or 'Sent Items/2026'; / is the root
NAME=VALUE   PR_SUBJECT=Figures, PidTagImportance=2, 0x0037001F=Figures;
             PSETID_Common:0x8503:PT_BOOLEAN=true, PS_PUBLIC_STRINGS:Color:PT_UNICODE=red;
             NAME=@FILE takes the content of a file, NAME= is empty;
             times as 2026-11-22T10:39:39Z, bytes in base64, many values as a JSON array

Exit codes:
  0 done              3 object changed    6 not found
  1 other failure     4 object deleted    7 busy
  2 wrong usage       5 no access         8 damaged           130 interrupted

Examples:
  mapistore demo
  export MAPISTORE=mail.store
  mapistore init
  mapistore import ~/mail --folder Inbox
  mapistore list Inbox
  mapistore show 3f2a
  mapistore set 3f2a PR_SUBJECT='Figures, corrected'"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of all commands")]
pub(crate) struct Global {
    /// The store
    #[arg(
        long,
        env = "MAPISTORE",
        value_name = "FILE",
        global = true,
        hide_env_values = true
    )]
    pub(crate) store: Option<PathBuf>,
    /// Answer in JSON; errors too, on stderr
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Wait for other writers for at most so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "30", global = true)]
    pub(crate) timeout: Duration,
    /// The name under which to save; that of the user unless said otherwise
    #[arg(long, value_name = "NAME", global = true, hide = true)]
    client: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(demo::Demo),
    Init(init::Init),
    Import(import::Import),
    Folders(folders::Folders),
    List(list::List),
    Show(show::Show),
    New(new::New),
    Set(set::Set),
    Edit(edit::Edit),
    Attach(attach::Attach),
    Detach(detach::Detach),
    Extract(extract::Extract),
    Export(export::Export),
    Delete(delete::Delete),
    Move(move_messages::Move),
    Log(log::Log),
    Diff(diff::Diff),
    Restore(restore::Restore),
    Purge(purge::Purge),
    Conflicts(conflicts::Conflicts),
    Watch(watch::Watch),
    Check(check::Check),
    Backup(backup::Backup),
    Compact(compact::Compact),
    Recover(recover::Recover),
    Sql(sql::Sql),
    Stress(stress::Stress),
    StressWorker(stress::StressWorker),
    Session(session::Session),
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

impl Global {
    /// The path of the store.
    pub(crate) fn store_path(&self) -> anyhow::Result<&Path> {
        self.store.as_deref().ok_or_else(|| {
            wrong("no store is named: say --store FILE, or set MAPISTORE in the environment")
        })
    }

    /// Opens the store for commands that change it.
    pub(crate) fn open(&self) -> anyhow::Result<Store> {
        Ok(self.options().open(self.store_path()?)?)
    }

    /// Opens the store for commands that only look, so that they also work where nothing can be written.
    pub(crate) fn open_to_read(&self) -> anyhow::Result<Store> {
        let path = self.store_path()?;
        match self.options().read_only().open(path) {
            // One of an older version is moved on first, which takes a writer.
            Err(error) if error.code() == MapiCode::MAPI_E_VERSION => {
                Ok(self.options().open(path)?)
            }
            opened => Ok(opened?),
        }
    }

    pub(crate) fn options(&self) -> StoreOptions {
        Store::options()
            .client_name(self.client_name())
            .busy_timeout(self.timeout)
    }

    /// Other clients are told this name when they lose to this one.
    fn client_name(&self) -> String {
        let user = || {
            ["USER", "LOGNAME"]
                .into_iter()
                .find_map(|name| std::env::var(name).ok())
        };
        let named = self
            .client
            .clone()
            .or_else(user)
            .filter(|name| !name.is_empty());
        named.unwrap_or_else(|| "mapistore".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn seconds_may_be_parts() {
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        for wrong in ["", "-1", "NaN", "inf", "1s"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
