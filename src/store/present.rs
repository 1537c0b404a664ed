//! A save that meets a conflict and presents it, instead of failing with it (K5).

use crate::error::{Error, ObjectKind, Result};
use crate::model::{ChangeNumber, RowVersion, SaveFlags};
use crate::store::conflict::{Conflict, Theirs};
use crate::store::message::Message;
use crate::store::resolve::{Resolved, Resolver};
use crate::store::save::{Manner, SaveOutcome, Saved, afterwards};

/// How often a save asks because yet another client was faster. No person gets there; a policy might go on for as long
/// as others save without a pause.
const ASKED_AT_MOST: usize = 1_000;

impl Message {
    /// Saves like [`Message::save_changes`], and presents a conflict to this resolver instead of the one that the store
    /// was opened with. What the resolver chose is done, and [`Saved::outcome`] says what that was; where a third client
    /// was faster, the resolver is asked again with what is stored then (K3). Afterwards the handle is as the flags say,
    /// whichever resolution that was.
    ///
    /// A conflict is another client's save or deletion since this handle's base. FORCE_SAVE has none, and asks nobody.
    ///
    /// ```
    /// # use mapistore::{Access, Policy, SaveFlags, SaveOutcome, SpecialFolder, Store, pr};
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Store::options().create_if_missing().open(folder.path().join("mail.store"))?;
    /// # let mut draft = store.special_folder(SpecialFolder::Drafts)?.create_message()?;
    /// # let id = draft.save_changes(SaveFlags::empty())?.entry_id;
    /// let mut theirs = store.open_message(&id, Access::Modify)?;
    /// let mut mine = store.open_message(&id, Access::Modify)?;
    /// theirs.set(pr::SUBJECT, "Figures")?;
    /// theirs.save_changes(SaveFlags::empty())?;
    /// mine.set(pr::IMPORTANCE, 2)?;
    ///
    /// let saved = mine.save_changes_with(SaveFlags::KEEP_OPEN_READWRITE, &Policy::MergeOrRefuse)?;
    /// assert_eq!(saved.outcome, SaveOutcome::Merged);
    /// assert_eq!(mine.get(pr::SUBJECT)?.as_deref(), Some("Figures"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - `MAPI_E_OBJECT_CHANGED`, `MAPI_E_OBJECT_DELETED`: the resolver gave no answer to the conflict that it was shown
    ///   last, or others went on saving for as long as it was asked.
    /// - Those of [`Message::resolve`] for an answer that cannot be carried out, and the others of
    ///   [`Message::save_changes`].
    ///
    /// After any of these but [`Error::OutcomeUnknown`] the handle is as it was (S8); after that one, it has the resolved
    /// content as its pending changes, and saving it settles what became of it.
    pub fn save_changes_with(
        &mut self,
        flags: SaveFlags,
        resolver: &dyn Resolver,
    ) -> Result<Saved> {
        let mut refused = match (self.save_alone(flags), Manner::of(flags)) {
            (Err(error), Manner::Guarded) if is_conflict(&error) => error,
            (result, _) => return result,
        };
        // What such a save may have committed would be shown as somebody else's.
        if !self.pending.unsettled.is_empty() {
            return Err(refused);
        }
        for _ in 0..ASKED_AT_MOST {
            let conflict = self.conflict()?;
            let Some(resolution) = resolver.resolve(&conflict) else {
                return Err(conflict.refusal());
            };
            match self.resolve(&conflict, resolution) {
                Ok(resolved) => return self.conclude_resolved(resolved, flags),
                Err(error) if is_conflict(&error) && !conflict.is_deleted() => refused = error,
                Err(error) => return Err(error),
            }
        }
        Err(refused)
    }

    fn conclude_resolved(&mut self, resolved: Resolved, flags: SaveFlags) -> Result<Saved> {
        let no_version = |outcome| Saved {
            entry_id: self.entry_id(),
            row_version: self.row_version().unwrap_or(RowVersion::FIRST),
            change_number: ChangeNumber::ZERO,
            save_id: self.pending.save_id,
            outcome,
        };
        let saved = match resolved {
            Resolved::KeptOriginal => no_version(SaveOutcome::KeptOriginal),
            Resolved::SavedElsewhere(copy) => {
                no_version(SaveOutcome::SavedElsewhere(copy.entry_id))
            }
            Resolved::Overwritten(saved) => Saved {
                outcome: SaveOutcome::Overwritten,
                ..saved
            },
            Resolved::Merged(saved) => Saved {
                outcome: SaveOutcome::Merged,
                ..saved
            },
        };
        self.settle(afterwards(flags)?);
        Ok(saved)
    }
}

/// Whether a save failed because others were faster. Where the folder of a new message is gone, there is no other side.
fn is_conflict(error: &Error) -> bool {
    matches!(
        error,
        Error::ObjectChanged { .. }
            | Error::ObjectDeleted {
                kind: ObjectKind::Message,
                ..
            }
    )
}

impl Conflict {
    /// The error that a save gets from this conflict when nobody resolves it.
    fn refusal(&self) -> Error {
        match self.theirs() {
            Theirs::Deleted => self.deleted(),
            Theirs::Changed(theirs) => Error::ObjectChanged {
                entry_id: self.entry_id(),
                base_version: self.base_version(),
                current_version: theirs.row_version,
                saved_by: theirs.saved_by.clone(),
                saved_at: theirs.saved_at,
            },
        }
    }
}
