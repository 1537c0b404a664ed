//! Many saves in one commit (S12).

use std::sync::Arc;

use crate::db::failure::WriteFailure;
use crate::db::transaction::{Ending, WriteTransaction};
use crate::db::versioned::Outcome;
use crate::error::{Error, Result};
use crate::model::SaveFlags;
use crate::store::save::{Manner, Prepared, Saved, afterwards};
use crate::store::{Message, Store};

/// What a handle has for a batch.
enum Part {
    /// It cannot be saved at all.
    Refused(Error),
    /// Nothing is pending, so nothing is written (S3).
    Idle,
    Save(Box<Prepared>),
}

/// How a handle came through the transaction, which may still fail.
enum Passed {
    NotAsked,
    /// It is not stale.
    Idle,
    Came(Outcome),
    Failed(Error),
}

impl Store {
    /// The most handles in one batch, so that other clients get their turn.
    pub const BATCH_MESSAGES: usize = 10_000;
    /// The most that a batch of several messages writes, in bytes: their properties, recipients and attachment rows, and
    /// values of less than 1 MiB. What is longer is in the store already.
    pub const BATCH_BYTES: u64 = 64 * 1024 * 1024;

    /// Saves many handles in one commit, which takes a fraction of the time of as many saves. Each is saved by the rules
    /// of [`Message::save_changes`], in their order, and has a result of its own, in its place: one that is refused,
    /// as a stale one is, does not keep the others from being saved. Each message is all or nothing; between two of
    /// them nothing becomes visible.
    ///
    /// The flags go for all. Of two handles of the same message the second is stale, or with FORCE_SAVE replaces the
    /// first.
    ///
    /// ```
    /// # use mapistore::{SaveFlags, SpecialFolder, Store, pr};
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Store::options().create_if_missing().open(folder.path().join("mail.store"))?;
    /// let drafts = store.special_folder(SpecialFolder::Drafts)?;
    /// let mut messages = Vec::new();
    /// for number in 0..100 {
    ///     let mut message = drafts.create_message()?;
    ///     message.set(pr::SUBJECT, format!("Number {number}"))?;
    ///     messages.push(message);
    /// }
    /// for result in store.save_batch(&mut messages, SaveFlags::empty())? {
    ///     assert_eq!(result?.row_version.get(), 1);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// In its place, for one handle, which is as it was (S8): those of [`Message::save_changes`], and
    /// `MAPI_E_INVALID_PARAMETER`: it was opened through another [`Store`]. Where no turn was had in time, handles that
    /// are stale say so, and all others `MAPI_E_BUSY`. Where it is unknown whether the commit took place, it is for all
    /// that were to be saved ([`Error::OutcomeUnknown`]), and saving again settles it, in a batch or alone.
    ///
    /// For the call, with nothing saved and all handles as they were:
    ///
    /// - `MAPI_E_INVALID_PARAMETER`: both KEEP_OPEN flags.
    /// - `MAPI_E_TOO_BIG`: more than [`Store::BATCH_MESSAGES`] handles, or several that take more than
    ///   [`Store::BATCH_BYTES`]; make it several batches.
    /// - `MAPI_E_NO_ACCESS`: the store was opened read-only. `MAPI_E_INVALID_OBJECT`: this is a forked child.
    /// - `MAPI_E_NOT_ENOUGH_DISK`, `MAPI_E_DISK_ERROR`: the whole transaction failed.
    pub fn save_batch<'a>(
        &self,
        messages: impl IntoIterator<Item = &'a mut Message>,
        flags: SaveFlags,
    ) -> Result<Vec<Result<Saved>>> {
        let afterwards = afterwards(flags)?;
        self.database.connections()?;
        let mut messages: Vec<&mut Message> = messages.into_iter().collect();
        check_count(messages.len())?;
        self.check_bytes(&mut messages, Manner::of(flags))?;
        let parts: Vec<Part> = messages
            .iter_mut()
            .map(|message| self.part_of(message, Manner::of(flags)))
            .collect();
        let alone = |(message, part): (&mut Message, Part)| match part {
            Part::Refused(error) => Err(error),
            Part::Idle | Part::Save(_) => message.save_alone(flags),
        };
        if !parts.iter().any(|part| matches!(part, Part::Save(_))) {
            return Ok(messages.into_iter().zip(parts).map(alone).collect());
        }
        let written = self.database.write(
            |_| Ok(()),
            |tx| {
                let handles = messages.iter().zip(&parts);
                let passed: Vec<Passed> = handles
                    .map(|(message, part)| pass(tx, message, part))
                    .collect::<Result<_>>()?;
                let saved = |passed: &Passed| matches!(passed, Passed::Came(Outcome::Saved(_)));
                Ok(if passed.iter().any(saved) {
                    Ending::Commit(passed)
                } else {
                    Ending::RollBack(passed)
                })
            },
        );
        let handles = messages.into_iter().zip(parts);
        match written {
            Ok(passed) => Ok(handles
                .zip(passed)
                .map(|((message, part), passed)| match (part, passed) {
                    (Part::Refused(error), _) | (_, Passed::Failed(error)) => Err(error),
                    (_, Passed::Came(outcome)) => message.conclude(outcome, afterwards),
                    (_, Passed::Idle | Passed::NotAsked) => Ok(message.conclude_idle(afterwards)),
                })
                .collect()),
            // No turn in time is the last reason of all (S0).
            Err(WriteFailure::Nothing(Error::Busy { waited, .. })) => Ok(handles
                .map(|(message, part)| match &part {
                    Part::Save(_) => {
                        let manner = Manner::of(flags);
                        let refuse = |reader: &_| message.refuse_before_waiting(reader, manner);
                        self.database.read(refuse)?;
                        Err(Error::Busy {
                            waited,
                            source: None,
                        })
                    }
                    Part::Refused(_) | Part::Idle => alone((message, part)),
                })
                .collect()),
            Err(WriteFailure::Nothing(error)) => Err(error),
            Err(WriteFailure::CommitUnknown(source)) => {
                let source = source.to_string();
                Ok(handles
                    .map(|(message, part)| match part {
                        Part::Save(_) => Err(message.outcome_unknown(source.clone().into())),
                        Part::Refused(_) | Part::Idle => alone((message, part)),
                    })
                    .collect())
            }
        }
    }

    /// Everything that can be done before the turn is taken.
    fn part_of(&self, message: &mut Message, manner: Manner) -> Part {
        match self.refusal(message) {
            Some(error) => Part::Refused(error),
            None if message.is_idle(manner) => Part::Idle,
            None => Part::Save(Box::new(message.prepare(manner))),
        }
    }

    /// Why a handle cannot be saved in a batch of this store, whatever is stored.
    fn refusal(&self, message: &Message) -> Option<Error> {
        let usable = message
            .check_modifiable()
            .and_then(|()| message.check_in_folder());
        if let Err(error) = usable {
            return Some(error);
        }
        let ours = Arc::ptr_eq(&self.database, &message.store.database);
        (!ours).then(|| Error::InvalidParameter {
            detail: format!(
                "message {} was opened through another store, and cannot be saved with this one's",
                message.entry_id()
            ),
        })
    }
}

/// Writes one part of a batch; one that fails leaves no trace. Fails itself if the transaction as a whole is gone.
fn pass(tx: &WriteTransaction<'_>, message: &Message, part: &Part) -> Result<Passed> {
    match part {
        Part::Refused(_) => Ok(Passed::NotAsked),
        Part::Idle => Ok(message
            .refuse_idle(tx.connection)
            .map_or_else(Passed::Failed, |()| Passed::Idle)),
        Part::Save(prepared) => {
            // A message whose stream is gone has written something before it fails.
            let passed = tx.part(|| prepared.write(tx))?;
            Ok(passed.map_or_else(Passed::Failed, Passed::Came))
        }
    }
}

fn check_count(count: usize) -> Result<()> {
    if count <= Store::BATCH_MESSAGES {
        return Ok(());
    }
    Err(Error::TooBig {
        detail: format!(
            "a batch of {count} messages, more than the {} that one commit takes",
            Store::BATCH_MESSAGES
        ),
    })
}

impl Store {
    /// Before a document is written: all of them at once may be more than there is memory for. One message alone is
    /// saved whatever it takes, as it would be without a batch.
    fn check_bytes(&self, messages: &mut [&mut Message], manner: Manner) -> Result<()> {
        let (mut count, mut bytes) = (0_usize, 0_u64);
        for message in messages {
            if self.refusal(message).is_none() && !message.is_idle(manner) {
                count += 1;
                bytes = bytes.saturating_add(message.bytes_to_write());
            }
        }
        if count <= 1 || bytes <= Store::BATCH_BYTES {
            return Ok(());
        }
        Err(Error::TooBig {
            detail: format!(
                "a batch of {bytes} bytes, more than the {} that one commit takes",
                Store::BATCH_BYTES
            ),
        })
    }
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
