//! Giving back what a store no longer needs.

use crate::db::transaction::Ending;
use crate::db::{folders, space};
use crate::error::Result;
use crate::store::progress::Progress;
use crate::store::{Collected, Store};

/// Free pages given back in one turn: 2 MiB.
const PAGES_AT_ONCE: u32 = 512;

/// What compacting has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Compacted {
    /// The large values that went.
    pub collected: Collected,
    /// How many bytes the file had before.
    pub size_before: u64,
    /// How many it has now. The file system sees it once no reader needs the old state.
    pub size_after: u64,
    /// Folders whose counts of messages were wrong, and were set right.
    pub counters_mended: u64,
}

impl Store {
    /// Removes large values that nothing refers to ([`Store::collect_garbage`]), counts the messages of each folder and
    /// sets its counters right where they are not, and gives free space back to the file system.
    ///
    /// Others go on working: all is done in short turns like those of any writer, between which they save, and
    /// open handles keep what they show. Kept versions and the journal stay; [`Store::purge`] takes those.
    /// Progress is in pages of the file.
    ///
    /// # Errors
    ///
    /// Those of writing the store; what was done before stays done.
    pub fn compact(&self, progress: &mut dyn FnMut(Progress)) -> Result<Compacted> {
        self.check_writable()?;
        let before = self.database.read(space::read)?;
        let collected = self.collect_garbage()?;
        let counters_mended = self.mend_counters()?;
        // What others free meanwhile is for the next time: it must come to an end.
        let total = self.database.read(space::read)?.free_pages;
        let mut done = 0;
        progress(Progress { done, total });
        while done < total {
            let left = self.database.write(
                |_| Ok(()),
                |tx| {
                    space::give_back(tx, PAGES_AT_ONCE)?;
                    space::read(tx.connection).map(Ending::Commit)
                },
            )?;
            done += u64::from(PAGES_AT_ONCE);
            progress(Progress {
                done: done.min(total),
                total,
            });
            if left.free_pages == 0 {
                break;
            }
        }
        self.database.checkpoint()?;
        Ok(Compacted {
            collected,
            size_before: before.bytes(),
            size_after: self.database.read(space::read)?.bytes(),
            counters_mended,
        })
    }

    /// Counting takes long where there are many messages, so only a folder that is found wrong is counted in a turn.
    fn mend_counters(&self) -> Result<u64> {
        let mut mended = 0;
        for found in self.database.read(folders::miscounted)? {
            let folder = found.folder_id;
            mended += self.database.write(
                |_| Ok(()),
                |tx| folders::recount(tx, folder).map(Ending::Commit),
            )? as u64;
        }
        Ok(mended)
    }
}
