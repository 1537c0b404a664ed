//! How much of a long test is run, and where.

use std::path::Path;

use tempfile::TempDir;

/// How much of a test is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// Everything: `MAPISTORE_TORTURE=full`.
    Full,
    /// What every release build is tested with.
    Gate,
    /// What a build without optimisation has the time for.
    Quick,
}

impl Size {
    pub(crate) fn of_run() -> Size {
        match std::env::var("MAPISTORE_TORTURE").as_deref() {
            Ok("full") => Size::Full,
            Ok("gate") => Size::Gate,
            _ if cfg!(debug_assertions) => Size::Quick,
            _ => Size::Gate,
        }
    }

    /// One of three numbers.
    pub(crate) fn choose<T>(self, full: T, gate: T, quick: T) -> T {
        match self {
            Size::Full => full,
            Size::Gate => gate,
            Size::Quick => quick,
        }
    }
}

/// A folder in memory where there is one, so that it is the disk of the test that is slow or not.
pub(crate) fn workshop() -> TempDir {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    }
    .unwrap()
}
