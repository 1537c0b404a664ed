//! Opening for reading only, also where nobody can write.

use std::path::Path;

use crate::db::failure::system;
use crate::db::lock_file::{LockAccess, LockFile};
use crate::db::place::Place;
use crate::error::Result;

/// Where the lock file is not there it is made, so that writers see this reader's snapshots. Only a medium that nobody can
/// write goes without: elsewhere somebody could replace, and collect, what this process is still reading.
pub(crate) fn open_lock_file(place: &Place) -> Result<Option<LockFile>> {
    let path = place.beside("-lock");
    let opened = LockFile::open(&path, LockAccess::ReadOnly)
        .or_else(|_| LockFile::open(&path, LockAccess::ReadWrite));
    match opened {
        Ok(lock_file) => Ok(Some(lock_file)),
        Err(_) if place.medium_is_read_only() => Ok(None),
        Err(error) => Err(system(format!("opening {}", path.display()), error)),
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ReadOnlyPlan {
    /// Nobody can write: the file is all there is.
    Immutable,
    /// Reading could show an old state as the newest.
    Refuse(&'static str),
    /// SQLite's own error says it best.
    GiveUp,
}

/// What to do when SQLite cannot open a store for reading (O3). `immutable` skips the WAL, so it is right only
/// where there is none and nobody can make one.
pub(crate) fn plan(
    medium_is_read_only: bool,
    wal_is_filled: bool,
    shm_exists: bool,
) -> ReadOnlyPlan {
    if wal_is_filled && !shm_exists {
        return ReadOnlyPlan::Refuse(
            "the write-ahead log holds changes that cannot be read without its -shm file; open the store \
             where it can be written once",
        );
    }
    if medium_is_read_only && !wal_is_filled {
        return ReadOnlyPlan::Immutable;
    }
    ReadOnlyPlan::GiveUp
}

pub(crate) fn file_is_filled(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0)
}

pub(crate) fn immutable_uri(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                uri.push(char::from(byte))
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filled_wal_without_shm_is_never_read_as_if_it_were_immutable() {
        // O3
        assert!(matches!(plan(true, true, false), ReadOnlyPlan::Refuse(_)));
        assert!(matches!(plan(false, true, false), ReadOnlyPlan::Refuse(_)));
        assert_eq!(plan(true, false, false), ReadOnlyPlan::Immutable);
        assert_eq!(plan(false, false, false), ReadOnlyPlan::GiveUp);
    }

    #[test]
    fn a_uri_escapes_what_would_end_the_path() {
        assert_eq!(
            immutable_uri(Path::new("/a?b#c d")),
            "file:/a%3Fb%23c%20d?immutable=1"
        );
    }
}
