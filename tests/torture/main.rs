//! What becomes of a store when its disk fails, is full, or loses power.
//!
//! A test binary of its own: it replaces SQLite's file system for the whole process. `MAPISTORE_TORTURE=full` runs all of
//! it; docs/reliability.md says what that is.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's panic is its report"
)]

mod actor;
mod disks;
mod faults;
mod full;
mod log;
mod medium;
mod picture;
mod power;
#[path = "../common/random.rs"]
mod random;
mod script;
mod size;
mod vfs;
mod worker;
