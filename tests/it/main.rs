//! One test binary: behaviour through the public interface.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's panic is its report")]

#[cfg(feature = "mime")]
mod mime_corpus;
mod save_changes;
mod support;
