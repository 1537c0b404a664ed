//! Resolutions of a conflict, and who may be asked for one (K2, K3, K5).

use std::fmt;
use std::sync::Arc;

use crate::conflict::{Chosen, MergeChoices, Merged, Touching};
use crate::db::conflict_copies::Provenance;
#[cfg(feature = "planted-faults")]
use crate::db::planted_faults;
use crate::db::versioned::Resolving;
use crate::error::{Error, Result};
use crate::model::{Content, EntryId, SaveFlags, changed_properties, pr};
use crate::store::conflict::{Conflict, Theirs};
use crate::store::folder::Folder;
use crate::store::message::{Aside, Base, Message, Pending, Resolves};
use crate::store::save::Saved;

/// What is to become of the changes of two clients (K2).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Resolution {
    /// What is stored stays, and mine are dropped; the handle takes theirs.
    KeepOriginal,
    /// Mine replace theirs, which are kept as a version.
    Overwrite,
    /// Mine become a new message in this folder, and the original stays as it is; the handle takes theirs.
    SaveElsewhere(EntryId),
    /// Changes that do not touch are combined, and for the others these choices are made; theirs are kept as a version.
    Merge(MergeChoices),
}

/// What a resolution did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resolved {
    /// Mine were dropped.
    KeptOriginal,
    /// Mine replaced theirs.
    Overwritten(Saved),
    /// Mine are this new message.
    SavedElsewhere(Saved),
    /// Both were combined.
    Merged(Saved),
}

/// Presents a conflict to a user, or decides in a user's place (K5): the host's interface.
///
/// ```
/// use mapistore::{Conflict, MergeChoices, Resolution, Resolver};
///
/// /// Combines what does not touch, and asks nobody: else the save fails as it would without a resolver.
/// #[derive(Debug)]
/// struct Quiet;
///
/// impl Resolver for Quiet {
///     fn resolve(&self, conflict: &Conflict) -> Option<Resolution> {
///         let choices = MergeChoices::new();
///         let preview = conflict.preview(&choices).ok()?;
///         preview.touching.is_empty().then_some(Resolution::Merge(choices))
///     }
/// }
/// ```
pub trait Resolver: fmt::Debug + Send + Sync {
    /// Says what is to be done; `None` leaves the conflict to the caller of the save, who gets its error. Called again
    /// with the newer state if a third client was faster (K3). No lock is held meanwhile: a user may think for a week.
    fn resolve(&self, conflict: &Conflict) -> Option<Resolution>;
}

/// Resolvers for programs without a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Policy {
    /// Never overwrite: the save fails with its error, as without a resolver.
    Refuse,
    /// Mine always replace theirs, which are kept as a version.
    Overwrite,
    /// Combine where nothing touches; else the save fails with its error.
    MergeOrRefuse,
    /// Mine become a new message in the Conflicts folder, and theirs stay.
    CopyToConflicts,
}

impl Resolver for Policy {
    fn resolve(&self, conflict: &Conflict) -> Option<Resolution> {
        let elsewhere = || Some(Resolution::SaveElsewhere(conflict.conflicts_folder()));
        match self {
            Policy::Refuse => None,
            Policy::CopyToConflicts => elsewhere(),
            Policy::Overwrite => (!conflict.is_deleted()).then_some(Resolution::Overwrite),
            Policy::MergeOrRefuse => {
                let choices = MergeChoices::new();
                let preview = conflict.preview(&choices).ok()?;
                let merge = Resolution::Merge(choices);
                preview.touching.is_empty().then_some(merge)
            }
        }
    }
}

impl Message {
    /// Does what the user chose for a conflict of this handle (K2). It acts on what was shown: if a third client has saved
    /// since, nothing is done, and the newer conflict has to be shown (K3). The handle stays open; after success it has
    /// nothing pending and is built on what is stored then.
    ///
    /// ```
    /// # use mapistore::{Access, MergeChoices, Resolution, Resolved, SaveFlags, SpecialFolder, Store, pr};
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Store::options().create_if_missing().open(folder.path().join("mail.store"))?;
    /// # let mut draft = store.special_folder(SpecialFolder::Drafts)?.create_message()?;
    /// # draft.set(pr::SUBJECT, "Figures")?;
    /// # let id = draft.save_changes(SaveFlags::empty())?.entry_id;
    /// let mut theirs = store.open_message(&id, Access::Modify)?;
    /// let mut mine = store.open_message(&id, Access::Modify)?;
    /// theirs.set(pr::SUBJECT, "Figures, corrected")?;
    /// theirs.save_changes(SaveFlags::empty())?;
    /// mine.set(pr::BODY, "See the attachment.\n")?;
    ///
    /// let conflict = mine.conflict()?;
    /// let done = mine.resolve(&conflict, Resolution::Merge(MergeChoices::new()))?;
    /// assert!(matches!(done, Resolved::Merged(_)));
    /// assert_eq!(mine.get(pr::SUBJECT)?.as_deref(), Some("Figures, corrected"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// After any but one of these the handle is as it was, and nothing was written:
    ///
    /// - `MAPI_E_OBJECT_CHANGED`: a third client was faster; ask for the [`Message::conflict`] again.
    /// - `MAPI_E_OBJECT_DELETED`: the message was deleted; mine can be saved elsewhere.
    /// - `MAPI_E_INVALID_PARAMETER`: something touches, and no choice was made for it; a value for what is no property; the
    ///   conflict of another handle, or of this one before something was changed or saved here.
    /// - `MAPI_E_TOO_BIG`: what is combined exceeds a limit of a message (S15).
    /// - `MAPI_E_NO_ACCESS`: the handle is read-only.
    /// - The others of [`Message::save_changes`].
    ///
    /// After [`Error::OutcomeUnknown`] the handle has the resolved content as its pending changes, built on the version
    /// that was shown: saving it settles what became of it.
    pub fn resolve(&mut self, conflict: &Conflict, resolution: Resolution) -> Result<Resolved> {
        self.check_modifiable()?;
        self.check_in_folder()?;
        if conflict.entry_id() != self.entry_id() {
            return Err(Error::InvalidParameter {
                detail: format!(
                    "the conflict is one of message {}, not of {}",
                    conflict.entry_id(),
                    self.entry_id()
                ),
            });
        }
        // Also a conflict of another handle of this message: what was not shown must not be dropped or saved unseen.
        // A save of this handle, done or of unknown outcome, leaves its content as it was, and yet it is not as shown.
        let is_as_shown = Arc::ptr_eq(&conflict.shown, &self.mine)
            && self.row_version() == Some(conflict.base_version())
            && self.pending.unsettled.len() == conflict.unsettled;
        if !is_as_shown {
            return Err(Error::InvalidParameter {
                detail: "the handle was changed or saved since the conflict was made, or it is another handle's; \
                         ask for the conflict again"
                    .to_owned(),
            });
        }
        match resolution {
            Resolution::KeepOriginal => {
                *self = self.with_theirs(conflict)?;
                Ok(Resolved::KeptOriginal)
            }
            Resolution::SaveElsewhere(folder) => {
                let folder = self.store.open_folder(&folder)?;
                let saved = self.save_conflict_copy(conflict, &folder)?;
                // A deleted message has nothing to take.
                if !conflict.is_deleted() {
                    *self = self.with_theirs(conflict)?;
                }
                Ok(Resolved::SavedElsewhere(saved))
            }
            Resolution::Overwrite => {
                let mine = conflict.mine_alone();
                let saved = self.save_resolved(conflict, mine, Resolving::Overwrite)?;
                Ok(Resolved::Overwritten(saved))
            }
            Resolution::Merge(choices) => {
                let merged = conflict.merged(&choices)?;
                refuse_touching(&merged.touching)?;
                #[cfg(feature = "planted-faults")]
                let merged = match planted_faults::chosen() {
                    Some(planted_faults::Fault::MergeDropsTheirs) => conflict.mine_alone(),
                    _ => merged,
                };
                let saved = self.save_resolved(conflict, merged, Resolving::Merge)?;
                Ok(Resolved::Merged(saved))
            }
        }
    }

    /// This handle as it is when it takes the version that was shown.
    fn with_theirs(&self, conflict: &Conflict) -> Result<Message> {
        let row = conflict.row.as_deref().ok_or_else(|| conflict.deleted())?;
        let theirs = Arc::clone(&conflict.versions.theirs);
        Ok(Message {
            store: self.store.clone(),
            uid: self.uid,
            place: self.place.clone(),
            state: self.state,
            access_level: self.access_level,
            base: Some(Base::of(row)),
            snapshot: Arc::clone(&theirs),
            mine: theirs,
            pending: Pending::nothing(),
            aside: Aside::of(row),
            pin: conflict.pin.clone(),
        })
    }

    fn save_resolved(
        &mut self,
        conflict: &Conflict,
        merged: Merged,
        resolution: Resolving,
    ) -> Result<Saved> {
        let mut resolved = self.with_theirs(conflict)?;
        resolved.mine = Arc::new(merged.content);
        resolved.pending.streams = self.pending.streams.clone();
        resolved.pending.borrowed = self.pending.borrowed.clone();
        // Streams of mine that only the old snapshot refers to.
        resolved.pending.borrowed.extend(self.pin.clone());
        resolved.pending.save_id = self.pending.save_id;
        resolved.pending.attempt = self.pending.attempt;
        for Chosen { tag, value } in merged.chosen {
            resolved.set_value(tag, value)?;
        }
        resolved.sizes().check()?;
        let changed = changed_properties(&resolved.snapshot, &resolved.mine);
        resolved.pending.touched.extend(changed);
        resolved.pending.resolves = Some(Resolves {
            seen: conflict.base_version(),
            resolution,
        });
        match resolved.save_alone(SaveFlags::KEEP_OPEN_READWRITE) {
            Ok(saved) => {
                *self = resolved;
                Ok(saved)
            }
            Err(unknown @ Error::OutcomeUnknown { .. }) => {
                *self = resolved;
                Err(unknown)
            }
            Err(error) => Err(error),
        }
    }
}

impl Conflict {
    /// What an overwrite saves.
    fn mine_alone(&self) -> Merged {
        let mut content = Content::clone(&self.versions.mine);
        let theirs = &self.versions.theirs.attachments;
        content.attachments.spare_numbers_of(theirs);
        Merged {
            content,
            chosen: Vec::new(),
            touching: Vec::new(),
        }
    }
}

fn refuse_touching(touching: &[Touching]) -> Result<()> {
    if touching.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = touching.iter().map(ToString::to_string).collect();
    Err(Error::InvalidParameter {
        detail: format!(
            "both sides changed {}; choose theirs, mine or a value for each",
            names.join(", ")
        ),
    })
}

impl Message {
    /// What is mine as a new message in a folder, which names the message and the version that it was in conflict with
    /// (K6).
    fn save_conflict_copy(&self, conflict: &Conflict, folder: &Folder) -> Result<Saved> {
        let mut copy = self.copy_for(folder)?;
        copy.set(
            pr::CONFLICT_ENTRYID,
            conflict.entry_id().to_bytes().to_vec(),
        )?;
        copy.pending.provenance = Some(Provenance {
            original: conflict.entry_id().object(),
            base: conflict.base_version(),
            shown: match conflict.theirs() {
                Theirs::Changed(theirs) => Some(theirs.row_version),
                Theirs::Deleted => None,
            },
        });
        copy.save_changes(SaveFlags::KEEP_OPEN_READWRITE)
    }
}
