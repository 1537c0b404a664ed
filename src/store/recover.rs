//! Saving what is sound in a damaged store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::db::new_file::NewFile;
use crate::db::salvage::file::{self, Log};
use crate::db::salvage::rows::{self, FoundFolder, Rows};
use crate::db::salvage::target::{self, Taken, Target};
use crate::error::{ObjectKind, Result};
use crate::model::document;
use crate::model::{ChangeKind, FolderKind, ObjectUid, RowVersion, StoreUid};
use crate::store::Store;
use crate::store::open::program_name;
use crate::store::progress::Progress;

/// No table of a store has given a number beyond: what is above was never one.
pub(super) const HIGHEST_NUMBER: i64 = 1 << 60;

/// What was saved out of a damaged store, and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Recovered {
    /// Folders, those that every store has included.
    pub folders: u64,
    /// Messages, soft-deleted ones included.
    pub messages: u64,
    /// Versions that are kept beside them (K4).
    pub versions: u64,
    /// Large values, each once.
    pub streams: u64,
    /// Rows of the journal.
    pub changes: u64,
    /// The size of the new store in bytes.
    pub size: u64,
    /// What was lost or is not as it was; empty: all was saved.
    pub lost: Vec<Loss>,
}

/// Something of a damaged store that could not be saved as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loss {
    /// What it is, or is part of.
    pub kind: ObjectKind,
    /// Which object, where that is known.
    pub object: Option<ObjectUid>,
    /// What became of it, for a person.
    pub detail: String,
}

impl Recovered {
    pub(super) fn lose(
        &mut self,
        kind: ObjectKind,
        object: Option<ObjectUid>,
        detail: impl Into<String>,
    ) {
        let detail = detail.into();
        self.lost.push(Loss {
            kind,
            object,
            detail,
        });
    }
}

/// What the journal knows of a message.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    pub(super) newest: Option<RowVersion>,
    pub(super) is_deleted_for_good: bool,
}

/// A recovery under way.
pub(super) struct Recovery<'a> {
    pub(super) rows: Rows,
    pub(super) target: Target,
    pub(super) store_uid: StoreUid,
    pub(super) report: Recovered,
    pub(super) journal: BTreeMap<ObjectUid, Known>,
    pub(super) ipm_subtree: i64,
    purged_through: i64,
    pub(super) progress: &'a mut dyn FnMut(Progress),
}

impl Store {
    /// Saves what is sound in a damaged store into a new one. The damaged one is only read, and nobody may have it open.
    ///
    /// Rows are found without the schema, the indexes and the pages above them, each by itself. A message is saved as
    /// it is where its checksum says that it is as it was saved; large values where their hash does. All keep
    /// their uids, versions, change numbers and times, and the store its uid, so that the new one can take the place of
    /// the old one. Folders, read marks and the journal have no checksum: they are saved as they are read, where they
    /// make sense. Counters, indexes and references are made anew.
    ///
    /// What cannot be saved as it was is named in [`Recovered::lost`]:
    ///
    /// - a large value that is damaged is missing from its message, which becomes a version further;
    /// - a message whose content is not as it was saved, but can be read, goes to the folder `Damaged`, likewise;
    /// - a message whose folder is lost goes to the folder `Recovered`;
    /// - a message that only the journal still knows is named.
    ///
    /// Progress is first in pages of the file, then in rows. The new file takes its name when it is whole, like that of
    /// [`Store::backup`]. Beside it a copy of the damaged store needs space until the call ends.
    ///
    /// # Errors
    ///
    /// In all cases the damaged store is as it was, and no file was made or changed.
    ///
    /// - `MAPI_E_BUSY`: somebody has the damaged store open.
    /// - `MAPI_E_CORRUPT_STORE`: nothing of a store is in it.
    /// - `MAPI_E_COLLISION`, `MAPI_E_NOT_FOUND`, `MAPI_E_NO_ACCESS`, `MAPI_E_NOT_ENOUGH_DISK`, `MAPI_E_DISK_ERROR`: as for
    ///   [`Store::backup`], or the damaged store cannot be read.
    pub fn recover(
        from: impl AsRef<Path>,
        to: impl AsRef<Path>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Recovered> {
        let (from, to) = (from.as_ref(), to.as_ref());
        let file = NewFile::for_place(to)?;
        let copy = NewFile::for_place(to)?;
        let log = file::copy(from, &copy)?;
        let rows = Rows::find(copy.path(), &mut |done, total| {
            progress(Progress { done, total });
        })?;
        if rows.folders.is_empty() && rows.messages.is_empty() && rows.chunks.is_empty() {
            return Err(target::nothing_there(from));
        }
        let mut report = Recovered::default();
        if log == Log::Unreadable {
            let detail = "the write-ahead log cannot be read: what was saved last may be missing";
            report.lose(ObjectKind::Store, None, detail);
        }
        for page in &rows.damaged_pages {
            let detail = format!("page {page} of the file is damaged");
            report.lose(ObjectKind::Store, None, detail);
        }
        let target = Target::make(file.path(), &program_name())?;
        let mut recovery = Recovery {
            store_uid: StoreUid::random(),
            rows,
            target,
            report,
            journal: BTreeMap::new(),
            ipm_subtree: 0,
            purged_through: 0,
            progress,
        };
        recovery.describe_store()?;
        recovery.set_given()?;
        recovery.folders()?;
        recovery.journal()?;
        recovery.streams()?;
        recovery.messages()?;
        recovery.versions()?;
        recovery.names_and_copies()?;
        let Recovery {
            target, mut report, ..
        } = recovery;
        target.finish()?;
        report.size = file.publish()?;
        Ok(report)
    }
}

impl Recovery<'_> {
    pub(super) fn told(&mut self, done: usize, total: usize) {
        let (done, total) = (done as u64, total as u64);
        (self.progress)(Progress { done, total });
    }

    fn describe_store(&mut self) -> Result<()> {
        let places = self.rows.store_info.iter();
        let found = places
            .filter_map(|place| self.rows.read(*place))
            .find_map(|row| rows::store(&row));
        self.store_uid = self.target.describe(found.as_ref())?;
        let Some(found) = found else {
            let detail =
                "the uid of the store is lost, so the new one has another, and other entry ids";
            self.report.lose(ObjectKind::Store, None, detail);
            return Ok(());
        };
        self.purged_through = found.purged_through;
        let is_sound = document::read_properties(&found.properties).is_ok()
            && self.target.describe_further(&found.properties)? == Taken::Yes;
        if !is_sound {
            let detail = "the properties of the store itself cannot be read";
            self.report.lose(ObjectKind::Store, None, detail);
        }
        Ok(())
    }

    fn set_given(&mut self) -> Result<()> {
        for table in ["folders", "messages", "changes", "streams"] {
            let given = self.rows.given.get(table).copied().unwrap_or_default();
            if (0..HIGHEST_NUMBER).contains(&given) {
                self.target.set_given(table, given)?;
            }
        }
        Ok(())
    }

    fn folders(&mut self) -> Result<()> {
        let mut found: BTreeMap<i64, FoundFolder> = BTreeMap::new();
        for place in self.rows.folders.clone() {
            match self.rows.read(place).as_ref().and_then(rows::folder) {
                Some(mut folder) if (1..HIGHEST_NUMBER).contains(&folder.folder_id) => {
                    if document::read_properties(&folder.properties).is_err() {
                        folder.properties = "{}".to_owned();
                        let detail =
                            format!("the properties of folder {:?} cannot be read", folder.name);
                        self.report
                            .lose(ObjectKind::Folder, Some(folder.uid), detail);
                    }
                    found.insert(folder.folder_id, folder);
                }
                _ => self
                    .report
                    .lose(ObjectKind::Folder, None, "a folder cannot be read"),
            }
        }
        let highest = found.keys().next_back().copied().unwrap_or_default();
        self.target.set_given("folders", highest)?;
        let of_kind = |found: &mut BTreeMap<i64, FoundFolder>, kind: FolderKind| {
            let id = found
                .values()
                .find(|folder| folder.kind == kind.name())
                .map(|folder| folder.folder_id);
            id.and_then(|id| found.remove(&id))
        };
        let root = self.special(
            of_kind(&mut found, FolderKind::Root),
            FolderKind::Root,
            None,
        )?;
        let subtree = of_kind(&mut found, FolderKind::IpmSubtree);
        self.ipm_subtree = self.special(subtree, FolderKind::IpmSubtree, Some(root))?;
        for kind in FolderKind::IN_IPM_SUBTREE {
            let folder = of_kind(&mut found, kind);
            self.special(folder, kind, Some(self.ipm_subtree))?;
        }
        self.other_folders(found)
    }

    /// A folder that every store has.
    fn special(
        &mut self,
        found: Option<FoundFolder>,
        kind: FolderKind,
        parent: Option<i64>,
    ) -> Result<i64> {
        if let Some(folder) = found {
            let name = folder.name.clone();
            // Elsewhere than where it was only if its own parent is not there.
            let own = match folder.parent {
                Some(own) if parent.is_some() && self.target.has_folder(own)? => Some(own),
                _ => parent,
            };
            self.target.folder(&folder, own, &name)?;
        }
        let (id, was_there) = self.target.special_folder(kind, parent)?;
        if was_there == Taken::No {
            let detail = format!("the folder {:?} is lost, and made anew", kind.title());
            self.report.lose(ObjectKind::Folder, None, detail);
        }
        self.report.folders += 1;
        Ok(id)
    }

    /// Parents first; what hangs in the air goes to the top.
    fn other_folders(&mut self, mut left: BTreeMap<i64, FoundFolder>) -> Result<()> {
        loop {
            let mut ready = Vec::new();
            for folder in left.values() {
                if let Some(parent) = folder.parent
                    && self.target.has_folder(parent)?
                {
                    ready.push(folder.folder_id);
                }
            }
            let mut parent = None;
            if ready.is_empty() {
                // Those that others hang below come first.
                let Some(first) = left
                    .values()
                    .find(|folder| {
                        !folder
                            .parent
                            .is_some_and(|parent| left.contains_key(&parent))
                    })
                    .or(left.values().next())
                else {
                    return Ok(());
                };
                ready.push(first.folder_id);
                parent = Some(self.ipm_subtree);
                let detail = format!(
                    "the folder that {:?} was in is lost; it is at the top now",
                    first.name
                );
                self.report
                    .lose(ObjectKind::Folder, Some(first.uid), detail);
            }
            for id in ready {
                if let Some(folder) = left.remove(&id) {
                    self.other_folder(&folder, parent.or(folder.parent))?;
                }
            }
        }
    }

    fn other_folder(&mut self, folder: &FoundFolder, parent: Option<i64>) -> Result<()> {
        let mut taken = self.target.folder(folder, parent, &folder.name)?;
        if taken == Taken::No {
            let name = format!("{} {}", folder.name, folder.uid);
            taken = self.target.folder(folder, parent, &name)?;
        }
        if taken == Taken::Yes {
            self.report.folders += 1;
        } else {
            let detail = format!("the folder {:?} cannot be", folder.name);
            self.report
                .lose(ObjectKind::Folder, Some(folder.uid), detail);
        }
        Ok(())
    }

    fn journal(&mut self) -> Result<()> {
        let places = self.rows.changes.clone();
        let total = places.len();
        let mut taken = 0;
        let mut last = self.rows.given.get("changes").copied().unwrap_or_default();
        if last >= HIGHEST_NUMBER {
            last = 0;
        }
        let mut lost = 0_u64;
        let mut numbers = Vec::with_capacity(total);
        let mut saved = BTreeSet::new();
        for (done, place) in places.into_iter().enumerate() {
            if done % 1_000 == 0 {
                self.told(done, total);
            }
            let Some(row) = self.rows.read(place) else {
                lost += 1;
                continue;
            };
            let change = rows::change(&row);
            // Each version has come from one save.
            let is_possible = !change.is_save
                || change.uid.is_some_and(|uid| {
                    change
                        .row_version
                        .is_some_and(|version| saved.insert((uid, version)))
                });
            if !is_possible
                || !(1..HIGHEST_NUMBER).contains(&change.number)
                || self.target.change(row.values())? == Taken::No
            {
                lost += 1;
                continue;
            }
            taken += 1;
            numbers.push(change.number);
            let Some(uid) = change.uid else { continue };
            let known = self.journal.entry(uid).or_default();
            if change.is_save {
                known.newest = known.newest.max(change.row_version);
            }
            known.is_deleted_for_good |= change.kind == Some(ChangeKind::MessageHardDeleted);
        }
        self.report.changes = taken;
        numbers.sort_unstable();
        last = last.max(numbers.last().copied().unwrap_or_default());
        self.target.set_given("changes", last)?;
        // Numbers are given without gaps; where some were purged the store knows up to which.
        let first = self.purged_through.clamp(0, last);
        self.target.set_purged_through(first)?;
        let expected = u64::try_from(last - first).unwrap_or_default();
        let there = numbers.iter().filter(|number| **number > first).count() as u64;
        lost = lost.max(expected.saturating_sub(there));
        if lost > 0 {
            self.target.set_purged_through(last)?;
            let detail = format!(
                "{lost} rows of the journal are lost; who follows it from before change {last} is told of an overflow"
            );
            self.report.lose(ObjectKind::Store, None, detail);
        }
        Ok(())
    }

    fn names_and_copies(&mut self) -> Result<()> {
        for place in self.rows.names.clone() {
            let taken = match self.rows.read(place) {
                Some(row) => self.target.name(row.values())?,
                None => Taken::No,
            };
            if taken == Taken::No {
                let detail = "the name of a named property is lost";
                self.report.lose(ObjectKind::Property, None, detail);
            }
        }
        for place in self.rows.conflict_copies.clone() {
            // One whose copy is lost is lost with it, and has been named.
            if let Some(row) = self.rows.read(place) {
                self.target.conflict_copy(row.values())?;
            }
        }
        Ok(())
    }
}
