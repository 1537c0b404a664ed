//! What one of the competing processes does: a mix of calls that a seed decides, until its time is over.

mod conflicts;

use mapistore::{Access, Deletion, EntryId, Folder, Page, ReadState, SaveFlags, Store};

use super::client::{Client, Handle, Listening, Manner, Verdict};
use super::clock;
use super::parts::Part;
use super::plan::{Plan, folders};
use super::random::Random;

/// How many handles and streams stay open beside the one in use, so that old ones are read and saved as well.
const HANDLES: usize = 6;
const STREAMS: usize = 4;
/// Deleted messages that are remembered, to see that nobody can open or save them.
const GONE: usize = 16;
/// After so many steps the folders are listed again: others create and delete messages too.
const LOOK_EVERY: u64 = 40;
/// After so many steps unused streams are collected, in the course of which old handles must stay readable.
const COLLECT_EVERY: u64 = 1_500;

/// A competing process.
#[derive(Debug)]
pub(crate) struct Worker {
    client: Client,
    random: Random,
    target: usize,
    folders: [Folder; 2],
    messages: Vec<EntryId>,
    gone: Vec<EntryId>,
    handles: Vec<Handle>,
    streams: Vec<Listening>,
    /// Kept versions that this process has replaced.
    replaced: Vec<(EntryId, i64)>,
}

impl Worker {
    pub(crate) fn new(store: Store, plan: &Plan) -> anyhow::Result<Worker> {
        let folders = folders(&store)?;
        let stream = u64::from(plan.worker) << 32 | u64::from(plan.life);
        Ok(Worker {
            client: Client::new(store, &plan.folder, Some(plan.worker))?,
            random: Random::new(plan.seed, stream),
            target: plan.messages,
            folders,
            messages: Vec::new(),
            gone: Vec::new(),
            handles: Vec::new(),
            streams: Vec::new(),
            replaced: Vec::new(),
        })
    }

    /// Works until a time of [`clock`].
    pub(crate) fn run(mut self, until: u64) -> anyhow::Result<()> {
        let mut steps = 0_u64;
        while clock::now() < until {
            if steps.is_multiple_of(LOOK_EVERY) {
                self.look()?;
            }
            steps += 1;
            if steps.is_multiple_of(COLLECT_EVERY) {
                self.client.collect()?;
            }
            self.step()?;
        }
        for stream in std::mem::take(&mut self.streams) {
            self.client.end_listening(stream)?;
        }
        for handle in std::mem::take(&mut self.handles) {
            self.client.read(&handle)?;
            self.client.close(handle)?;
        }
        Ok(())
    }

    fn step(&mut self) -> anyhow::Result<()> {
        match self.random.below(100) {
            0..=34 => self.save_fresh(),
            35..=39 => self.save_many(),
            40..=59 => self.save_old(),
            60..=71 => self.read(),
            72..=78 => self.begin_listening(),
            79..=84 => self.end_listening(),
            85 | 86 => self.forget(),
            87 => self.restore(),
            88..=90 => self.create_or_delete(),
            91 => self.try_deleted(),
            92..=94 => self.move_one(),
            95..=97 => self.mark_read(),
            _ => self.reload(),
        }
    }

    /// Lists the folders, to see what others created.
    fn look(&mut self) -> anyhow::Result<()> {
        let limit = u32::try_from(self.target.saturating_mul(4)).unwrap_or(u32::MAX);
        let mut messages = Vec::new();
        for folder in &self.folders {
            let listed = folder.messages(Page {
                limit,
                ..Page::default()
            })?;
            messages.extend(listed.into_iter().map(|summary| summary.entry_id));
        }
        // One that this process deleted is listed no more.
        self.messages = messages;
        Ok(())
    }

    /// Opens, changes and saves at once, and may keep the handle.
    fn save_fresh(&mut self) -> anyhow::Result<()> {
        if let Some(mut handle) = self.open()? {
            if self.random.percent(25) {
                self.client.read(&handle)?;
            }
            self.change(&mut handle)?;
            self.save(handle)?;
        }
        Ok(())
    }

    /// Goes on with a handle that was opened a while ago.
    fn save_old(&mut self) -> anyhow::Result<()> {
        let Some(mut handle) = self.take_handle() else {
            return self.save_fresh();
        };
        if !handle.is_modifiable() {
            return self.keep(handle);
        }
        // Also with nothing pending, which is a save like another.
        if self.random.percent(90) {
            self.change(&mut handle)?;
        }
        if self.random.percent(20) {
            return self.keep(handle);
        }
        self.save(handle)
    }

    fn open(&mut self) -> anyhow::Result<Option<Handle>> {
        let Some(entry_id) = self.random.choose(&self.messages).copied() else {
            return Ok(None);
        };
        let access = if self.random.percent(95) {
            Access::Modify
        } else {
            Access::Best
        };
        let opened = self.client.open(&entry_id, access)?;
        if opened.is_none() {
            self.messages.retain(|known| *known != entry_id);
        }
        Ok(opened)
    }

    fn change(&mut self, handle: &mut Handle) -> anyhow::Result<()> {
        let mut parts = Vec::new();
        for part in Part::ALL {
            // The large ones cost most.
            let percent = match part {
                Part::Subject | Part::Body | Part::Recipients => 50,
                Part::Attachments | Part::Html => 25,
                Part::Embedded => 15,
            };
            if self.random.percent(percent) {
                parts.push(part);
            }
        }
        self.client.mark(handle, &parts, &mut self.random)
    }

    fn save(&mut self, mut handle: Handle) -> anyhow::Result<()> {
        if self.random.percent(5) {
            self.client.name_save(&mut handle)?;
        }
        let manner = self.manner();
        if manner == Manner::Guarded && self.random.percent(20) {
            return match self.client.save_resolving(&mut handle, &mut self.random)? {
                Verdict::Saved | Verdict::Changed => self.keep(handle),
                Verdict::Deleted => self.bury(handle),
                Verdict::Failed => self.client.close(handle),
            };
        }
        let keep_open = match self.random.below(10) {
            0..=4 => SaveFlags::KEEP_OPEN_READWRITE,
            5 => SaveFlags::KEEP_OPEN_READONLY,
            _ => SaveFlags::empty(),
        };
        match self.client.save(&mut handle, manner, keep_open)? {
            Verdict::Saved if keep_open.is_empty() => self.client.close(handle),
            Verdict::Saved => self.keep(handle),
            Verdict::Changed => self.resolve(handle),
            Verdict::Deleted => self.bury(handle),
            Verdict::Failed => self.client.close(handle),
        }
    }

    /// Saves several handles in one commit: some that were opened a while ago, and some fresh ones.
    fn save_many(&mut self) -> anyhow::Result<()> {
        let mut handles = Vec::new();
        for _ in 0..2 + self.random.below(4) {
            let old = if self.random.percent(50) {
                self.take_handle()
            } else {
                None
            };
            let handle = match old {
                Some(handle) => Some(handle),
                None => self.open()?,
            };
            match handle {
                Some(handle) if handle.is_modifiable() => handles.push(handle),
                Some(handle) => self.keep(handle)?,
                None => {}
            }
        }
        for handle in &mut handles {
            self.change(handle)?;
        }
        let manner = self.manner();
        let flags = SaveFlags::KEEP_OPEN_READWRITE;
        let verdicts = self.client.save_together(&mut handles, manner, flags)?;
        for (handle, verdict) in handles.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Saved => self.keep(handle)?,
                Verdict::Changed => self.resolve(handle)?,
                Verdict::Deleted => self.bury(handle)?,
                Verdict::Failed => self.client.close(handle)?,
            }
        }
        Ok(())
    }

    fn manner(&mut self) -> Manner {
        if self.random.percent(8) {
            Manner::Forced
        } else {
            Manner::Guarded
        }
    }

    /// The message was deleted: nothing but saving elsewhere may help.
    fn bury(&mut self, mut handle: Handle) -> anyhow::Result<()> {
        let entry_id = handle.entry_id();
        self.messages.retain(|known| *known != entry_id);
        match self.random.below(5) {
            4 if handle.is_modifiable() && self.messages.len() < 2 * self.target => {
                self.answer(handle)
            }
            0 if handle.is_modifiable() => {
                self.client
                    .save(&mut handle, Manner::Forced, SaveFlags::KEEP_OPEN_READWRITE)?;
                self.client.close(handle)
            }
            1 => self.copy(handle),
            2 => {
                self.client.reload(&mut handle)?;
                self.client.read(&handle)?;
                self.client.close(handle)
            }
            _ => self.client.close(handle),
        }
    }

    fn copy(&mut self, handle: Handle) -> anyhow::Result<()> {
        let to = self.random.below(2);
        if let (true, Some(folder)) = (self.messages.len() < 2 * self.target, self.folders.get(to))
        {
            let copied = self.client.copy(&handle, folder)?;
            self.messages.extend(copied);
        }
        self.client.close(handle)
    }

    fn read(&mut self) -> anyhow::Result<()> {
        let handle = match self.take_handle() {
            Some(handle) => Some(handle),
            None => self.open()?,
        };
        let Some(handle) = handle else { return Ok(()) };
        self.client.read(&handle)?;
        self.keep(handle)
    }

    fn begin_listening(&mut self) -> anyhow::Result<()> {
        if self.streams.len() >= STREAMS {
            self.end_listening()?;
        }
        let Some(handle) = self.take_handle() else {
            return Ok(());
        };
        let parts = [Part::Body, Part::Attachments, Part::Html, Part::Embedded];
        if let Some(part) = self.random.choose(&parts).copied() {
            // Half of a small one; of a large one not even the first chunk.
            let bytes = 100 + self.random.below(3_000) as u64;
            self.streams
                .extend(self.client.begin_listening(&handle, part, bytes)?);
        }
        self.keep(handle)
    }

    fn end_listening(&mut self) -> anyhow::Result<()> {
        if self.streams.is_empty() {
            return Ok(());
        }
        let at = self.random.below(self.streams.len());
        let stream = self.streams.swap_remove(at);
        self.client.end_listening(stream)
    }

    fn forget(&mut self) -> anyhow::Result<()> {
        match self.take_handle() {
            Some(handle) => self.client.close(handle),
            None => Ok(()),
        }
    }

    fn reload(&mut self) -> anyhow::Result<()> {
        let Some(mut handle) = self.take_handle() else {
            return Ok(());
        };
        match self.client.reload(&mut handle)? {
            Verdict::Deleted => self.bury(handle),
            _ => self.keep(handle),
        }
    }

    fn create_or_delete(&mut self) -> anyhow::Result<()> {
        if self.messages.len() >= self.target && self.random.percent(60) {
            return self.delete();
        }
        let to = self.random.below(2);
        let Some(folder) = self
            .folders
            .get(to)
            .filter(|_| self.messages.len() < 2 * self.target)
        else {
            return self.delete();
        };
        let mut handle = self.client.create(folder, &mut self.random)?;
        let flags = SaveFlags::KEEP_OPEN_READWRITE;
        match self.client.save(&mut handle, Manner::Guarded, flags)? {
            Verdict::Saved => {
                self.messages.push(handle.entry_id());
                self.keep(handle)
            }
            _ => self.client.close(handle),
        }
    }

    fn delete(&mut self) -> anyhow::Result<()> {
        let Some(entry_id) = self.random.choose(&self.messages).copied() else {
            return Ok(());
        };
        let deletion = if self.random.percent(60) {
            Deletion::Soft
        } else {
            Deletion::Hard
        };
        self.client.delete(&entry_id, deletion)?;
        self.messages.retain(|known| *known != entry_id);
        if self.gone.len() == GONE {
            self.gone.remove(0);
        }
        self.gone.push(entry_id);
        Ok(())
    }

    /// What is deleted stays so, but for a soft-deleted message that is deleted for good.
    fn try_deleted(&mut self) -> anyhow::Result<()> {
        let Some(entry_id) = self.random.choose(&self.gone).copied() else {
            return Ok(());
        };
        if self.random.percent(30) {
            return self.client.delete(&entry_id, Deletion::Hard);
        }
        match self.client.open(&entry_id, Access::Modify)? {
            Some(handle) => self.keep(handle),
            None => Ok(()),
        }
    }

    fn move_one(&mut self) -> anyhow::Result<()> {
        let to = self.random.below(2);
        match (
            self.random.choose(&self.messages).copied(),
            self.folders.get(to),
        ) {
            (Some(entry_id), Some(folder)) => self.client.move_to(&entry_id, folder),
            _ => Ok(()),
        }
    }

    fn mark_read(&mut self) -> anyhow::Result<()> {
        let Some(entry_id) = self.random.choose(&self.messages).copied() else {
            return Ok(());
        };
        let state = if self.random.percent(50) {
            ReadState::Read
        } else {
            ReadState::Unread
        };
        self.client.mark_read(&entry_id, state)
    }

    fn take_handle(&mut self) -> Option<Handle> {
        let at = self.random.below(self.handles.len());
        (at < self.handles.len()).then(|| self.handles.swap_remove(at))
    }

    fn keep(&mut self, handle: Handle) -> anyhow::Result<()> {
        self.handles.push(handle);
        if self.handles.len() > HANDLES
            && let Some(handle) = self.take_handle()
        {
            self.client.close(handle)?;
        }
        Ok(())
    }
}
