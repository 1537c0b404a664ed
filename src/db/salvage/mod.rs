//! Reading a damaged store without SQLite's help, and writing what is sound into a new one.
//!
//! SQLite reaches a row through the pages above it and through the schema on the first page, so one bad page can hide
//! thousands of sound rows. Here each leaf of a table is read by itself, and its rows tell by their shape which table they
//! are of: nothing is needed but the leaf, and the pages that a large row goes on in. What is read is believed as far as
//! checksums and hashes cover it; the floor above decides.
//!
//! - [`file`](mod@file): the pages of a copy, with the log moved in; [`cells`]: rows of a page; [`rows`]: which rows there are.
//! - [`target`]: the new store.

pub(crate) mod cells;
pub(crate) mod file;
pub(crate) mod rows;
pub(crate) mod target;
