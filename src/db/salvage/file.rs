//! The pages of a damaged store, in a copy of its own.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::db::failure::system;
use crate::db::lock_file::{LockAccess, LockFile};
use crate::db::new_file::NewFile;
use crate::db::place::{Occupant, Place};
use crate::error::{Error, ObjectKind, Result};

/// How long those who have the store open are waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a file of SQLite begins with, and where: the page size and the log of every store of this library, no count of
/// pages, so that SQLite asks the file system for it, the newest form of schemas, and UTF-8.
const HEADER: [(u64, &[u8]); 4] = [
    (0, b"SQLite format 3\0\x10\x00\x02\x02\x00\x40\x20\x20"),
    (28, &[0; 4]),
    (44, &[0, 0, 0, 4]),
    (56, &[0, 0, 0, 1]),
];

/// The page size of every store of this library.
pub(crate) const USUAL_PAGE_SIZE: usize = 4096;

/// Where the first page of SQLite's format has the page size.
const PAGE_SIZE_AT: u64 = 16;

/// A free page in the map that a file with incremental vacuum keeps of itself.
const FREE: u8 = 2;

/// Whether the newest commits could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Log {
    /// There is no log, or its commits are in the copy.
    MovedIn,
    /// It could not be read: what was saved last may be missing.
    Unreadable,
}

/// Copies a damaged store, which nobody may be using, beside the place where the new one will lie, and moves the log
/// into the copy. The damaged store is only read.
pub(crate) fn copy(from: &Path, to: &NewFile) -> Result<Log> {
    let place = Place::find(from)?;
    if place.occupant == Occupant::Nothing {
        return Err(Error::NotFound {
            kind: ObjectKind::Store,
            what: place.path.display().to_string(),
        });
    }
    let _alone = own(&place)?;
    let copy = |from: &Path, to: &Path| {
        std::fs::copy(from, to)
            .map_err(|error| system(format!("copying {}", from.display()), error))
    };
    copy(&place.path, to.path())?;
    let log = place.beside("-wal");
    if std::fs::metadata(&log).map_or(0, |log| log.len()) == 0 {
        return Ok(Log::MovedIn);
    }
    let mut own_log = to.path().to_path_buf().into_os_string();
    own_log.push("-wal");
    copy(&log, Path::new(&own_log))?;
    mend_header(to.path())?;
    // Closing moves the log in; neither that nor this question needs the schema, which may be damaged.
    let closed = Connection::open(to.path())
        .and_then(|connection| connection.query_row("PRAGMA user_version", [], |_| Ok(())));
    let is_left = std::fs::metadata(&own_log).is_ok_and(|log| log.len() > 0);
    Ok(match closed {
        Ok(()) if !is_left => Log::MovedIn,
        _ => Log::Unreadable,
    })
}

/// Keeps others from opening the store while it is copied. Where there is no lock file nobody has it open.
fn own(place: &Place) -> Result<Option<LockFile>> {
    let path = place.beside("-lock");
    if !path.exists() || place.medium_is_read_only() {
        return Ok(None);
    }
    let failed = |error| system(format!("locking {}", path.display()), error);
    let lock_file = LockFile::open(&path, LockAccess::ReadWrite).map_err(failed)?;
    if lock_file
        .own_presence(Instant::now() + PATIENCE)
        .map_err(failed)?
    {
        return Ok(Some(lock_file));
    }
    Err(Error::Busy {
        waited: PATIENCE,
        source: None,
    })
}

/// SQLite looks at nothing, not even at the log, where these bytes are wrong.
fn mend_header(path: &Path) -> Result<()> {
    let file = File::options().write(true).open(path);
    file.and_then(|file| {
        HEADER
            .iter()
            .try_for_each(|(at, bytes)| file.write_all_at(bytes, *at))
    })
    .map_err(|error| system(format!("writing {}", path.display()), error))
}

/// The pages of a file that nobody else knows of.
#[derive(Debug)]
pub(crate) struct Pages {
    file: File,
    size: usize,
    count: u32,
}

impl Pages {
    /// Opens the copy, as a file of pages of a size.
    pub(crate) fn open(path: &Path, size: usize) -> Result<Pages> {
        let failed = |error| system(format!("reading {}", path.display()), error);
        let file = File::open(path).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        let count = bytes.div_ceil(size as u64);
        Ok(Pages {
            file,
            size,
            count: u32::try_from(count).unwrap_or(u32::MAX),
        })
    }

    /// The page size that the file says it has, if it is one that SQLite knows.
    pub(crate) fn claimed_size(&self) -> Option<usize> {
        let mut found = [0; 2];
        self.file.read_exact_at(&mut found, PAGE_SIZE_AT).ok()?;
        match u16::from_be_bytes(found) {
            1 => Some(65_536),
            size if size.is_power_of_two() && size >= 512 => Some(usize::from(size)),
            _ => None,
        }
    }

    /// How many there are, the last maybe cut short.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Bytes in each.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// A page by its number, from 1; none past the end or where the medium cannot read it. A page that is cut short has
    /// zeros at its end.
    pub(crate) fn read(&self, number: u32) -> Option<Vec<u8>> {
        let at = u64::from(number.checked_sub(1)?) * self.size as u64;
        if number > self.count {
            return None;
        }
        let mut page = vec![0; self.size];
        let mut filled = 0;
        while let Some(rest) = page.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, at + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        Some(page)
    }

    /// Whether the file's own map says that a page is free, so that what stands there was deleted or replaced, or whether
    /// it is part of that map. Pages of large rows tell by themselves that they are no leaves.
    pub(crate) fn is_known_as_no_leaf(&self, number: u32, map: &mut PageMap) -> bool {
        let entries = (self.size / 5) as u32;
        let Some(from_first) = number.checked_sub(2) else {
            return true;
        };
        let map_page = from_first / (entries + 1) * (entries + 1) + 2;
        if map_page == number {
            return true;
        }
        if map.number != map_page {
            map.number = map_page;
            map.content = self.read(map_page).unwrap_or_default();
        }
        let at = 5 * (number - map_page - 1) as usize;
        map.content.get(at) == Some(&FREE)
    }
}

/// The page of the map that was looked at last.
#[derive(Debug, Default)]
pub(crate) struct PageMap {
    number: u32,
    content: Vec<u8>,
}
