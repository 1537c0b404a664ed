//! The program from outside: what it prints, what it leaves in the store, and how it ends.
#![cfg(feature = "cli")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's panic is its report"
)]

#[path = "program/caring.rs"]
mod caring;
#[path = "program/changing.rs"]
mod changing;
#[path = "program/demonstration.rs"]
mod demonstration;
#[path = "program/editing.rs"]
mod editing;
#[path = "program/files.rs"]
mod files;
#[path = "program/full_screen.rs"]
mod full_screen;
#[path = "program/importing.rs"]
mod importing;
#[path = "program/looking.rs"]
mod looking;
#[path = "program/named.rs"]
mod named;
#[path = "program/naming.rs"]
mod naming;
#[path = "program/printing.rs"]
mod printing;
#[path = "program/prompting.rs"]
mod prompting;
#[path = "program/setting.rs"]
mod setting;
#[path = "program/several_processes.rs"]
mod several_processes;
#[path = "program/shell.rs"]
mod shell;
#[path = "program/store_file.rs"]
mod store_file;
#[path = "program/terminal.rs"]
mod terminal;
#[path = "program/versions.rs"]
mod versions;
