//! What a store's file looks like to SQL: as docs/schema.sql says, all of it explained, with views that people can read.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's panic is its report"
)]

#[path = "schema/by_hand.rs"]
mod by_hand;
#[path = "schema/explained.rs"]
mod explained;
#[path = "schema/filled.rs"]
mod filled;
#[path = "schema/program.rs"]
mod program;
#[path = "schema/same.rs"]
mod same;
#[path = "schema/views.rs"]
mod views;
