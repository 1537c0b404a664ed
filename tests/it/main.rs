//! One test binary: behaviour through the public interface.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's panic is its report"
)]

mod access;
mod aside;
mod associated;
mod attachments;
mod backups;
mod batches;
mod borrowed_values;
mod clocks;
mod collection;
mod compacting;
mod computed;
mod conflict_copies;
mod conflicts;
mod conformance_opening;
mod conformance_saving;
mod copying;
mod copying_folders;
mod crash;
mod creation;
mod embedded;
mod entry_ids;
mod environment;
#[cfg(feature = "mime")]
mod export;
#[cfg(feature = "mime")]
mod export_corpus;
mod failed_saves;
mod folder_properties;
mod foreign_schema;
mod forked;
mod guards;
#[cfg(feature = "mime")]
mod histories;
#[cfg(feature = "mime")]
mod hostile;
#[cfg(feature = "mime")]
mod import;
mod initial_values;
#[cfg(feature = "mime")]
mod kills;
mod limits;
mod listing;
mod migration;
#[cfg(feature = "mime")]
mod mime_corpus;
mod model;
mod named;
mod opening;
mod pending_properties;
mod property_lists;
mod property_streams;
mod purging;
mod read_flags;
mod recipients;
mod recovering;
mod reload;
mod repeated_saves;
mod resolvers;
mod save_changes;
mod save_flags;
mod shared_commits;
mod sharing;
mod snapshots;
mod status;
mod stopped;
mod subjects;
mod subscriptions;
mod support;
mod tampered;
mod values;
mod versions;
