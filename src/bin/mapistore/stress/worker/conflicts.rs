//! What a worker does when another client was faster, and with what it has replaced.

use mapistore::{Access, EntryId, SaveFlags};

use super::Worker;
use crate::stress::client::{Handle, Manner, Verdict};
use crate::stress::resolving::{Way, shown};

/// Kept versions that are remembered, to put one back.
const REPLACED: usize = 16;
/// How often a user answers to one conflict before the handle is left for later.
const ANSWERS: usize = 3;

impl Worker {
    /// Another client was faster.
    pub(super) fn resolve(&mut self, mut handle: Handle) -> anyhow::Result<()> {
        match self.random.below(20) {
            0..=3 => {
                self.client.reload(&mut handle)?;
                if self.random.percent(70) {
                    self.change(&mut handle)?;
                    self.client.save(
                        &mut handle,
                        Manner::Guarded,
                        SaveFlags::KEEP_OPEN_READWRITE,
                    )?;
                }
                self.keep(handle)
            }
            4 | 5 => {
                self.client
                    .save(&mut handle, Manner::Forced, SaveFlags::KEEP_OPEN_READWRITE)?;
                self.keep(handle)
            }
            6 => self.copy(handle),
            7 => self.keep(handle),
            8 => self.client.close(handle),
            _ => self.answer(handle),
        }
    }

    /// Looks at the conflict and resolves it, perhaps when it is no longer what was shown.
    pub(super) fn answer(&mut self, mut handle: Handle) -> anyhow::Result<()> {
        for _ in 0..ANSWERS {
            let Some(conflict) = self.client.conflict(&handle)? else {
                return self.client.close(handle);
            };
            match self.random.below(10) {
                0 | 1 => self.save_meanwhile(&handle.entry_id())?,
                2..=4 => self.read()?,
                _ => {}
            }
            let to = self.random.below(2);
            let room = self.messages.len() < 2 * self.target;
            let way = match self.random.below(10) {
                0 => Way::Keep,
                1..=3 => Way::Overwrite,
                4 if room => self.folders.get(to).map_or(Way::Keep, Way::Elsewhere),
                _ => Way::Merge,
            };
            let way = match (conflict.is_deleted(), self.folders.get(to)) {
                (true, Some(folder)) => Way::Elsewhere(folder),
                _ => way,
            };
            let resolved = self
                .client
                .resolve(&mut handle, &conflict, way, &mut self.random)?;
            match resolved {
                Verdict::Saved => {
                    // Whatever was shown and is no longer the newest was replaced unseen, and so is kept.
                    if let Some(version) = shown(&conflict)
                        && handle.version() > Some(version)
                    {
                        self.remember_replaced(handle.entry_id(), version);
                    }
                    return match conflict.is_deleted() {
                        true => self.client.close(handle),
                        false => self.look_and_keep(handle),
                    };
                }
                // What was refused has changed nothing here either.
                Verdict::Changed if self.random.percent(30) => {
                    self.client.read(&handle)?;
                }
                Verdict::Changed => {}
                Verdict::Deleted => return self.bury(handle),
                Verdict::Failed => return self.client.close(handle),
            }
        }
        self.keep(handle)
    }

    fn look_and_keep(&mut self, handle: Handle) -> anyhow::Result<()> {
        if self.random.percent(30) {
            self.client.read(&handle)?;
        }
        self.keep(handle)
    }

    /// A third client is faster than whoever looks at a conflict.
    fn save_meanwhile(&mut self, entry_id: &EntryId) -> anyhow::Result<()> {
        let Some(mut handle) = self.client.open(entry_id, Access::Modify)? else {
            return Ok(());
        };
        self.change(&mut handle)?;
        let flags = SaveFlags::empty();
        self.client.save(&mut handle, Manner::Guarded, flags)?;
        self.client.close(handle)
    }

    fn remember_replaced(&mut self, entry_id: EntryId, version: i64) {
        if self.replaced.len() == REPLACED {
            self.replaced.remove(0);
        }
        self.replaced.push((entry_id, version));
    }

    /// Puts a version back that this process once replaced.
    pub(super) fn restore(&mut self) -> anyhow::Result<()> {
        let Some((entry_id, version)) = self.random.choose(&self.replaced).copied() else {
            return Ok(());
        };
        let Some(mut handle) = self.client.open(&entry_id, Access::Modify)? else {
            return Ok(());
        };
        if self.client.restore(&mut handle, version)? == Verdict::Saved {
            let flags = SaveFlags::empty();
            self.client.save(&mut handle, Manner::Guarded, flags)?;
        }
        self.client.close(handle)
    }
}
