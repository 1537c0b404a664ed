//! Floor 1: SQL and SQLite, and nothing of MAPI's rules.
//!
//! - [`database`]: the connections, and how a file is opened; [`readers`]: those that read; [`place`]: where it may lie; [`opened`]: what
//!   this process has open, and what it has only inherited; [`read_only`]: opening where nobody may write.
//! - [`migrate`]: the schema and its version; [`schema`]: whether a file has it.
//! - [`lock_file`], [`line`], [`turn`], [`pins`]: `F-lock`, all that happens between processes beside SQLite's own locks.
//! - [`wake`]: waiting for what others commit.
//! - [`transaction`]: reading, and what a write sees; [`writer`]: writing in turn, and together ([`commit_queue`], [`sync`]).
//! - [`versioned`]: the one statement that decides whether a save goes through.
//! - [`messages`], [`folders`], [`streams`], [`changes`], [`versions`], [`conflict_copies`], [`named_properties`],
//!   [`store_info`]: a table each. [`stretches`]: reading large values. [`purge`], [`garbage`]: what goes from them, on purpose and by itself.
//! - [`folder_paths`]: where a folder is. [`contents`]: what a folder holds. [`marks`]: what changes on a message without a version.
//! - [`pages`]: rows a few at a time. [`inspect`]: read-only SQL for people. [`check`]: what can be checked by SQL alone.
//! - [`backup`]: the whole as a [`new_file`]. [`space`]: what of the file is free. [`salvage`]: what is sound in a damaged one.

pub(crate) mod backup;
pub(crate) mod changes;
pub(crate) mod check;
pub(crate) mod commit_queue;
pub(crate) mod conflict_copies;
pub(crate) mod contents;
pub(crate) mod database;
pub(crate) mod failure;
pub(crate) mod folder_paths;
pub(crate) mod folders;
pub(crate) mod garbage;
pub(crate) mod inspect;
mod line;
pub(crate) mod lock_file;
pub(crate) mod marks;
pub(crate) mod messages;
pub(crate) mod migrate;
pub(crate) mod named_properties;
pub(crate) mod new_file;
pub(crate) mod opened;
pub(crate) mod pages;
pub(crate) mod pins;
pub(crate) mod place;
#[cfg(feature = "planted-faults")]
pub(crate) mod planted_faults;
pub(crate) mod purge;
pub(crate) mod read_only;
pub(crate) mod readers;
pub(crate) mod salvage;
pub(crate) mod schema;
pub(crate) mod space;
pub(crate) mod sql_types;
#[cfg(test)]
pub(crate) mod statements;
pub(crate) mod store_info;
pub(crate) mod streams;
pub(crate) mod stretches;
mod sync;
pub(crate) mod transaction;
pub(crate) mod turn;
pub(crate) mod versioned;
pub(crate) mod versions;
pub(crate) mod wake;
pub(crate) mod writer;
