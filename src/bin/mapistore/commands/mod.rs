//! The commands, each with its arguments and one function.

pub(crate) mod attach;
pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod compact;
pub(crate) mod conflicts;
pub(crate) mod delete;
pub(crate) mod demo;
pub(crate) mod detach;
pub(crate) mod diff;
pub(crate) mod edit;
pub(crate) mod export;
pub(crate) mod extract;
pub(crate) mod folders;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod move_messages;
pub(crate) mod new;
pub(crate) mod purge;
pub(crate) mod recover;
pub(crate) mod restore;
pub(crate) mod session;
pub(crate) mod set;
pub(crate) mod show;
pub(crate) mod sql;
pub(crate) mod stress;
pub(crate) mod watch;

mod saving;
mod several;

use crate::args::{Arguments, Command};
use crate::exit::Exit;
use crate::output::Output;

/// Does what the arguments say.
pub(crate) fn run(arguments: Arguments, output: &mut Output) -> anyhow::Result<Exit> {
    let global = &arguments.global;
    match arguments.command {
        Command::Demo(demo) => demo.run(global, output),
        Command::Init(init) => init.run(global, output),
        Command::Import(import) => import.run(global, output),
        Command::Folders(folders) => folders.run(global, output),
        Command::List(list) => list.run(global, output),
        Command::Show(show) => show.run(global, output),
        Command::New(new) => new.run(global, output),
        Command::Set(set) => set.run(global, output),
        Command::Edit(edit) => edit.run(global, output),
        Command::Attach(attach) => attach.run(global, output),
        Command::Detach(detach) => detach.run(global, output),
        Command::Export(export) => export.run(global, output),
        Command::Extract(extract) => extract.run(global, output),
        Command::Delete(delete) => delete.run(global, output),
        Command::Move(move_messages) => move_messages.run(global, output),
        Command::Log(log) => log.run(global, output),
        Command::Diff(diff) => diff.run(global, output),
        Command::Restore(restore) => restore.run(global, output),
        Command::Purge(purge) => purge.run(global, output),
        Command::Conflicts(conflicts) => conflicts.run(global, output),
        Command::Watch(watch) => watch.run(global, output),
        Command::Check(check) => check.run(global, output),
        Command::Backup(backup) => backup.run(global, output),
        Command::Compact(compact) => compact.run(global, output),
        Command::Recover(recover) => recover.run(global, output),
        Command::Sql(sql) => sql.run(global, output),
        Command::Stress(stress) => stress.run(global, output),
        Command::StressWorker(worker) => worker.run(global),
        Command::Session(session) => session.run(global, output),
    }
}
