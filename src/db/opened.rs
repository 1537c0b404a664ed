//! Which stores this process has open, and which it has only inherited.
//!
//! SQLite notes once for a process which locks it has on a file, and the kernel gives a forked child none of them. A child
//! that opens a store of its parent's again finds the notes, believes them, and takes no lock: as soon as the parent has
//! gone, whoever closes the store last takes the log away under the child, and what it saves then is lost. So such a store
//! is refused there, by its inode as SQLite's notes are.

use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use crate::db::place::FileIdentity;
use crate::error::{Error, Result};

static OPEN: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

/// How long the list is waited for. It is only ever held for a moment, unless by a thread that was not forked along.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    file: FileIdentity,
    process: u32,
}

/// Says that this process has SQLite's connections to a file, until it is dropped; kept with them, and leaked with them in a
/// forked child.
#[derive(Debug)]
pub(crate) struct Opened(Entry);

impl Opened {
    /// # Errors
    ///
    /// `MAPI_E_INVALID_OBJECT` (P7).
    pub(crate) fn new(file: FileIdentity) -> Result<Opened> {
        let entry = Entry {
            file,
            process: std::process::id(),
        };
        list()?.push(entry);
        Ok(Opened(entry))
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let Ok(mut open) = list() else { return };
        if let Some(place) = open.iter().position(|entry| *entry == self.0) {
            open.swap_remove(place);
        }
    }
}

/// Refuses a file that an ancestor had open when this process was forked.
///
/// # Errors
///
/// `MAPI_E_INVALID_OBJECT` (P7).
pub(crate) fn refuse_inherited(file: FileIdentity) -> Result<()> {
    let process = std::process::id();
    let open = list()?;
    let inherited = |entry: &&Entry| entry.file == file && entry.process != process;
    match open.iter().find(inherited) {
        None => Ok(()),
        Some(entry) => Err(Error::Forked {
            opened_by: entry.process,
        }),
    }
}

/// The list, unless it cannot be had: a thread of the parent had it at the moment of the fork, being about to open or close a
/// store, so that nobody will ever give it back, and what the parent had open is not known.
fn list() -> Result<MutexGuard<'static, Vec<Entry>>> {
    OPEN.try_lock_for(PATIENCE).ok_or_else(|| Error::Forked {
        opened_by: std::os::unix::process::parent_id(),
    })
}
