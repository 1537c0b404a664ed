//! SaveChanges: what the flags mean, what a refusal means, and what becomes of the handle.

use std::collections::BTreeSet;
use std::mem;
use std::sync::Arc;

use crate::db::changes;
use crate::db::failure::WriteFailure;
use crate::db::folders;
use crate::db::messages::{self, CurrentVersion};
#[cfg(feature = "planted-faults")]
use crate::db::planted_faults;
use crate::db::transaction::{Ending, Reader, WriteTransaction};
use crate::db::versioned::{self, Attempt, Birth, Guard, Outcome, Replacing, Save};
use crate::error::{Error, ObjectKind, Result};
use crate::model::document::{self, Documents};
use crate::model::{
    AccessLevel, ChangeNumber, Content, EntryId, ObjectUid, PredecessorChangeList, PropertyTag,
    RowVersion, SaveFlags, SaveId, StoreUid, StreamReference, changed_properties,
};
use crate::store::message::{Base, HandleState, Message, NewStreams, Pending, Resolves, Unsettled};

/// What a successful save did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SaveOutcome {
    /// It made a new version.
    NewVersion,
    /// There was nothing to save, and the handle is not stale (S3).
    NothingPending,
    /// This very save had been committed before, though its caller was never told (S8).
    SavedBefore,
    /// It met a conflict, and a resolver chose to keep what is stored: mine were dropped, and no version was made.
    KeptOriginal,
    /// A resolver chose that mine replace theirs, which are kept as a version.
    Overwritten,
    /// A resolver chose to combine both; that is no new version where it comes to what is stored.
    Merged,
    /// A resolver chose to make mine a new message, which this names, and to leave the original as it is.
    SavedElsewhere(EntryId),
}

/// A successful save.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Saved {
    /// The message.
    pub entry_id: EntryId,
    /// The version that is the handle's base now.
    pub row_version: RowVersion,
    /// The change that made it; [`ChangeNumber::ZERO`] where the message got no version.
    pub change_number: ChangeNumber,
    /// The id under which the journal knows this save.
    pub save_id: SaveId,
    /// What it did.
    pub outcome: SaveOutcome,
}

/// What becomes of the handle after a successful save (S7).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Afterwards {
    Modifiable,
    ReadOnly,
    Closed,
}

/// Whether a save goes through whatever is stored (FORCE_SAVE).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    Guarded,
    Forced,
}

impl Manner {
    pub(super) fn of(flags: SaveFlags) -> Manner {
        if flags.contains(SaveFlags::FORCE_SAVE) {
            Manner::Forced
        } else {
            Manner::Guarded
        }
    }

    fn guard(self, seen: RowVersion, resolves: Option<Resolves>) -> Guard {
        match (self, resolves) {
            (Manner::Guarded, None) => Guard::Expect(seen),
            (Manner::Guarded, Some(resolves)) => Guard::Resolve {
                shown: seen,
                seen: resolves.seen,
                resolution: resolves.resolution,
            },
            (Manner::Forced, None) => Guard::Force { seen },
            // What the user was shown was not what this client began with.
            (Manner::Forced, Some(resolves)) => Guard::Force {
                seen: resolves.seen,
            },
        }
    }
}

/// A save of one handle, ready to be written, and all that it takes: whoever commits for several threads writes theirs too.
pub(super) struct Prepared {
    store: StoreUid,
    uid: ObjectUid,
    content: Arc<Content>,
    documents: Documents,
    checksum: i64,
    save_id: SaveId,
    attempt: Attempt,
    changed: Vec<PropertyTag>,
    base_streams: BTreeSet<StreamReference>,
    streams: BTreeSet<StreamReference>,
    new_streams: NewStreams,
    predecessors: PredecessorChangeList,
    unsettled: Vec<Unsettled>,
    manner: Manner,
    target: Target,
}

/// Where a save goes.
enum Target {
    Stored {
        message_id: i64,
        /// The version that the handle is built on.
        version: RowVersion,
        resolves: Option<Resolves>,
    },
    New(Birth),
}

impl Message {
    /// Saves the pending changes: all of them become visible to everybody at once, or none (S9).
    ///
    /// The first save wins (S1). If another client saved since this handle's base, nothing is written and the
    /// answer is `MAPI_E_OBJECT_CHANGED` (S2): then [`Message::reload`], save again with
    /// [`SaveFlags::FORCE_SAVE`], which replaces what was saved before (S5), or [`Message::save_elsewhere`]. A store that
    /// was opened with a [`StoreOptions::resolver`](crate::StoreOptions::resolver) presents the conflict instead, as
    /// [`Message::save_changes_with`] does (K5).
    ///
    /// Afterwards the handle is modifiable with KEEP_OPEN_READWRITE, read-only with KEEP_OPEN_READONLY, and closed
    /// with neither (S7); unknown flags are ignored. A handle that is not stale and has nothing pending saves
    /// successfully without a new version, unless it forces (S3).
    ///
    /// When this has returned success under full durability, the save survives the death of the process and of the
    /// host (S10).
    ///
    /// # Errors
    ///
    /// After any error the handle is as it was, with the same pending changes, and the call can be repeated (S8).
    /// The first of these that applies is reported (S0):
    ///
    /// - `MAPI_E_INVALID_PARAMETER`: both KEEP_OPEN flags.
    /// - `MAPI_E_INVALID_OBJECT`: the handle is closed, or this is a forked child.
    /// - `MAPI_E_NO_ACCESS`: the handle is read-only.
    /// - `MAPI_E_NO_SUPPORT`: an embedded message, which [`EmbeddedMessage::save_changes`](crate::EmbeddedMessage::save_changes)
    ///   saves to its attachment.
    /// - `MAPI_E_OBJECT_DELETED`: the message was deleted, or the folder of a new one; FORCE_SAVE does not help (S4).
    /// - `MAPI_E_OBJECT_CHANGED`: another client was faster. Nothing was written.
    /// - `MAPI_E_BUSY`: no turn in time (P3). Nothing was written.
    /// - `MAPI_E_NOT_ENOUGH_DISK`, `MAPI_E_DISK_ERROR`: nothing was committed, except for
    ///   [`Error::OutcomeUnknown`]: the commit failed and may have taken place; repeating the save settles it.
    pub fn save_changes(&mut self, flags: SaveFlags) -> Result<Saved> {
        match self.store.resolver.clone() {
            Some(resolver) => self.save_changes_with(flags, &*resolver),
            None => self.save_alone(flags),
        }
    }

    /// Saves without asking anybody.
    pub(super) fn save_alone(&mut self, flags: SaveFlags) -> Result<Saved> {
        let afterwards = afterwards(flags)?;
        self.check_modifiable()?;
        self.check_in_folder()?;
        let manner = Manner::of(flags);
        if self.is_idle(manner) {
            self.store
                .database
                .read(|reader| self.refuse_idle(reader))?;
            return Ok(self.conclude_idle(afterwards));
        }
        self.refuse_at_a_glance(manner)?;
        let prepared = Arc::new(self.prepare(manner));
        #[cfg(feature = "planted-faults")]
        if planted_faults::chosen() == Some(planted_faults::Fault::CheckThenWrite) {
            self.store
                .database
                .read(|reader| self.refuse_before_waiting(reader, manner))?;
        }
        let job = Arc::clone(&prepared);
        let written = self.store.database.write_shared(
            |reader| self.refuse_before_waiting(reader, manner),
            Arc::new(move |tx| job.write(tx)),
            prepared.weight(),
        );
        let saved = match written {
            Ok(outcome) => self.conclude(outcome, afterwards),
            Err(failure) => Err(self.failed(failure)),
        };
        if is_refused(&saved) {
            self.store.database.expect_refusals();
        }
        saved
    }

    /// Whether a save of this manner has nothing to write (S3).
    pub(super) fn is_idle(&self, manner: Manner) -> bool {
        let nothing_to_save = self.pending.is_empty() && self.pending.unsettled.is_empty();
        manner == Manner::Guarded && nothing_to_save && self.base.is_some()
    }

    /// A save of nothing is refused like any other.
    pub(super) fn refuse_idle(&self, reader: &Reader) -> Result<()> {
        let message_id = self.base.as_ref().map_or(0, |base| base.message_id);
        self.refuse_stale(messages::current_version(reader, message_id)?)
    }

    /// What a save of nothing does to the handle.
    pub(super) fn conclude_idle(&mut self, afterwards: Afterwards) -> Saved {
        // A resolution that comes to what is stored is over: what this handle changes next is an ordinary save.
        self.pending.resolves = None;
        self.settle(afterwards);
        Saved {
            entry_id: self.entry_id(),
            row_version: self.row_version().unwrap_or(RowVersion::FIRST),
            change_number: ChangeNumber::ZERO,
            save_id: self.pending.save_id,
            outcome: SaveOutcome::NothingPending,
        }
    }

    /// Everything that can be done before the turn is taken.
    pub(super) fn prepare(&mut self, manner: Manner) -> Prepared {
        // These are other pending changes than those that the id of an unsettled save stands for in the journal.
        let is_taken = |earlier: &Unsettled| {
            earlier.save_id == self.pending.save_id && !Arc::ptr_eq(&earlier.content, &self.mine)
        };
        if self.pending.unsettled.iter().any(is_taken) {
            self.pending.save_id = SaveId::random();
            self.pending.attempt = Attempt::First;
        }
        let documents = document::write(&self.mine);
        let changed = match &self.base {
            Some(_) => self.pending.touched.iter().copied().collect(),
            None => changed_properties(&Content::default(), &self.mine),
        };
        let target = match &self.base {
            Some(base) => Target::Stored {
                message_id: base.message_id,
                version: base.version,
                resolves: self.pending.resolves,
            },
            None => Target::New(Birth {
                folder: self.aside.folder,
                created_at: self.aside.created_at,
                marks: self.read_marks(),
                is_associated: self.aside.is_associated,
                provenance: self.pending.provenance,
            }),
        };
        Prepared {
            checksum: document::checksum(&self.uid, &documents),
            store: self.store.uid(),
            uid: self.uid,
            content: Arc::clone(&self.mine),
            documents,
            save_id: self.pending.save_id,
            attempt: self.pending.attempt,
            changed,
            new_streams: self.pending.streams.clone(),
            unsettled: self.pending.unsettled.clone(),
            target,
            base_streams: self
                .base
                .as_ref()
                .map(|_| self.snapshot.streams())
                .unwrap_or_default(),
            streams: self.mine.streams(),
            predecessors: self
                .base
                .as_ref()
                .map(|base| base.predecessors.clone())
                .unwrap_or_default(),
            manner,
        }
    }

    /// A save that must wait is refused at once where that is already sure: versions only grow, and what is deleted
    /// stays so. The deciding statement still decides. A repeated save goes to the journal first.
    pub(super) fn refuse_before_waiting(&self, reader: &Reader, manner: Manner) -> Result<()> {
        if self.pending.attempt == Attempt::Repeated || !self.pending.unsettled.is_empty() {
            return Ok(());
        }
        let Some(base) = &self.base else {
            let folder = folders::by_uid(reader, self.aside.folder)?;
            return folder.map(drop).ok_or_else(|| Error::ObjectDeleted {
                kind: ObjectKind::Folder,
                entry_id: self.folder_id(),
            });
        };
        let current = messages::current_version(reader, base.message_id)?;
        match manner {
            Manner::Guarded => self.refuse_stale(current),
            Manner::Forced => self.refuse_deleted(current).map(drop),
        }
    }

    /// A save that is stale already is refused before anything is made ready for it. Only where one was refused lately and the
    /// look costs next to nothing, and only for what it is sure of: whoever does not look, or sees nothing, lets the
    /// deciding statement decide.
    fn refuse_at_a_glance(&self, manner: Manner) -> Result<()> {
        #[cfg(feature = "planted-faults")]
        if planted_faults::chosen().is_some() {
            return Ok(());
        }
        if manner == Manner::Forced || self.base.is_none() {
            return Ok(());
        }
        let look = |reader: &Reader| self.refuse_before_waiting(reader, manner);
        match self.store.database.glance(look)? {
            Some(looked) if is_refused(&looked) => {
                self.store.database.expect_refusals();
                looked
            }
            _ => Ok(()),
        }
    }

    fn refuse_deleted(&self, current: Option<CurrentVersion>) -> Result<CurrentVersion> {
        current
            .filter(|current| current.deleted_at.is_none())
            .ok_or_else(|| Error::ObjectDeleted {
                kind: ObjectKind::Message,
                entry_id: self.entry_id(),
            })
    }

    fn refuse_stale(&self, current: Option<CurrentVersion>) -> Result<()> {
        let current = self.refuse_deleted(current)?;
        match &self.base {
            Some(base) if base.version != current.row_version => {
                Err(self.changed(base.version, current))
            }
            _ => Ok(()),
        }
    }

    fn changed(&self, base_version: RowVersion, current: CurrentVersion) -> Error {
        Error::ObjectChanged {
            entry_id: self.entry_id(),
            base_version,
            current_version: current.row_version,
            saved_by: current.saved_by,
            saved_at: current.saved_at,
        }
    }

    /// Turns the outcome of a transaction that has ended into the caller's answer. Only now does the handle change.
    pub(super) fn conclude(&mut self, outcome: Outcome, afterwards: Afterwards) -> Result<Saved> {
        let save_id = self.pending.save_id;
        let (row, outcome) = match outcome {
            Outcome::Saved(row) => (row, SaveOutcome::NewVersion),
            Outcome::SavedBefore(recorded) => (
                self.row_of_earlier_save(&recorded)?,
                SaveOutcome::SavedBefore,
            ),
            Outcome::Changed(current) => {
                let base_version = self
                    .base
                    .as_ref()
                    .map_or(RowVersion::FIRST, |base| base.version);
                return Err(self.changed(base_version, current));
            }
            Outcome::FolderGone => {
                return Err(Error::ObjectDeleted {
                    kind: ObjectKind::Folder,
                    entry_id: self.folder_id(),
                });
            }
            Outcome::Gone => {
                return Err(Error::ObjectDeleted {
                    kind: ObjectKind::Message,
                    entry_id: self.entry_id(),
                });
            }
        };
        let saved = Saved {
            entry_id: self.entry_id(),
            row_version: row.row_version,
            change_number: row.change_number,
            save_id,
            outcome,
        };
        self.store.database.saw_change(row.change_number);
        if self.base.is_none() {
            self.aside.read_flags = Some(self.read_marks().flags);
        }
        self.base = Some(Base {
            message_id: row.message_id,
            version: row.row_version,
            snapshot_version: row.row_version,
            change_number: row.change_number,
            modified_at: row.modified_at,
            modified_by: row.modified_by,
            committed_at: row.committed_at,
            change_key: row.change_key,
            predecessors: PredecessorChangeList::from_bytes(&row.predecessors).unwrap_or_default(),
        });
        if row.next_attachment != self.mine.attachments.next_number {
            Arc::make_mut(&mut self.mine).attachments.next_number = row.next_attachment;
        }
        self.snapshot = Arc::clone(&self.mine);
        // An earlier save may have been saved over, and its streams collected, before this handle heard of it.
        let streams = match outcome {
            SaveOutcome::SavedBefore => mem::take(&mut self.pending.streams),
            _ => NewStreams::default(),
        };
        // What the documents take has not changed, and counting it again would cost as much as writing them.
        self.pending = Pending {
            sizes: self.pending.sizes,
            streams,
            ..Pending::nothing()
        };
        // The old pin protects the new snapshot as well; a new one lets the collector go on. It stands at this very
        // change: another thread may have seen a later one already. Where it cannot be had the old one stays.
        if let Ok(Some(pin)) = self.store.database.pin_at(row.change_number) {
            self.pin = Some(Arc::new(pin));
        }
        self.settle(afterwards);
        Ok(saved)
    }

    fn failed(&mut self, failure: WriteFailure) -> Error {
        match failure {
            WriteFailure::Nothing(error) => error,
            WriteFailure::CommitUnknown(source) => self.outcome_unknown(source),
        }
    }

    pub(crate) fn settle(&mut self, afterwards: Afterwards) {
        match afterwards {
            Afterwards::Modifiable => {}
            Afterwards::ReadOnly => self.access_level = AccessLevel::ReadOnly,
            Afterwards::Closed => {
                self.state = HandleState::Closed;
                self.pin = None;
            }
        }
    }
}

impl Prepared {
    /// About what it writes, in bytes.
    fn weight(&self) -> usize {
        let documents = &self.documents;
        let lengths = [
            &documents.properties,
            &documents.recipients,
            &documents.attachments,
        ];
        lengths.map(String::len).iter().sum::<usize>() + self.new_streams.total()
    }

    /// Writes the save, and wants a commit only if that made a version. The only way to the deciding statement.
    pub(super) fn write(&self, tx: &WriteTransaction<'_>) -> Result<Ending<Outcome>> {
        let outcome = self.decide(tx)?;
        Ok(match outcome {
            Outcome::Saved(_) => Ending::Commit(outcome),
            _ => Ending::RollBack(outcome),
        })
    }

    fn decide(&self, tx: &WriteTransaction<'_>) -> Result<Outcome> {
        let save = Save {
            store: self.store,
            uid: self.uid,
            content: &self.content,
            documents: &self.documents,
            checksum: self.checksum,
            save_id: self.save_id,
            changed: &self.changed,
            base_streams: &self.base_streams,
            streams: &self.streams,
            pending_streams: &self.new_streams,
            predecessors: &self.predecessors,
        };
        // The newest save of unknown outcome that was committed after all is what this one is built on, or is this one.
        for earlier in self.unsettled.iter().rev() {
            let Some(recorded) = changes::find_save(tx.connection, self.uid, earlier.save_id)?
            else {
                continue;
            };
            if Arc::ptr_eq(&earlier.content, &self.content) && earlier.save_id == save.save_id {
                return Ok(Outcome::SavedBefore(recorded));
            }
            let Some(stored) = messages::load(tx.connection, self.uid)? else {
                return Ok(Outcome::Gone);
            };
            let base_streams = earlier.content.streams();
            let save = Save {
                base_streams: &base_streams,
                ..save
            };
            // That save was perhaps a forced one, and has stored another attachment number than its own.
            let replacing = Replacing::of(self.uid, &self.content, &stored.documents);
            let save = replacing
                .as_ref()
                .map_or(save, |replacing| replacing.within(&save));
            let guard = self.manner.guard(recorded.row_version, None);
            return versioned::save(tx, &save, stored.message_id, guard, Attempt::First);
        }
        match self.target {
            Target::Stored {
                message_id,
                version,
                resolves,
            } => {
                let guard = self.manner.guard(version, resolves);
                versioned::save(tx, &save, message_id, guard, self.attempt)
            }
            Target::New(birth) => versioned::insert_first(tx, &save, birth, self.attempt),
        }
    }
}

/// Whether somebody else has changed or deleted the message.
fn is_refused<T>(saved: &Result<T>) -> bool {
    matches!(
        saved,
        Err(Error::ObjectChanged { .. } | Error::ObjectDeleted { .. })
    )
}

pub(crate) fn afterwards(flags: SaveFlags) -> Result<Afterwards> {
    let read_only = flags.contains(SaveFlags::KEEP_OPEN_READONLY);
    let read_write = flags.contains(SaveFlags::KEEP_OPEN_READWRITE);
    match (read_only, read_write) {
        (true, true) => Err(Error::InvalidParameter {
            detail: "KEEP_OPEN_READONLY and KEEP_OPEN_READWRITE contradict each other".to_owned(),
        }),
        (true, false) => Ok(Afterwards::ReadOnly),
        (false, true) => Ok(Afterwards::Modifiable),
        (false, false) => Ok(Afterwards::Closed),
    }
}

#[cfg(test)]
#[path = "save_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "shared_saves_tests.rs"]
mod shared_saves_tests;
