//! The one statement that decides whether a save goes through, and what moves with it: the first insert, the
//! delete, the change number and the journal row.
//!
//! It stands alone because a lost update is silent: a second `UPDATE` that forgot the version, the change
//! number or the journal would pass every test of one process, and lose mail between two. Every path that
//! saves content ends here; `store/save.rs` alone calls [`save`] and [`insert_first`].

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, named_params, params};

use crate::db::changes::{self, Change, RecordedSave};
use crate::db::conflict_copies::{self, Provenance};
use crate::db::failure::while_doing;
use crate::db::messages::{self, CurrentVersion};
use crate::db::streams::{self, PendingStreams};
use crate::db::transaction::WriteTransaction;
use crate::db::versions;
use crate::error::Result;
use crate::model::document::{self, Documents};
use crate::model::{
    ChangeKey, ChangeKind, ChangeNumber, Content, Deletion, FileTime, ObjectUid,
    PredecessorChangeList, PropertyTag, ReadMarks, RowVersion, SaveId, StoreUid, StreamReference,
    changed_properties,
};

/// What a save demands of the stored version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// It must be this one (S1, S2).
    Expect(RowVersion),
    /// It may be any (S5); if it is not the one that the client declares to have seen, it is kept (K4).
    Force {
        /// The version that the client has seen.
        seen: RowVersion,
    },
    /// It must be the one that the user of a conflict was shown (K3), which is kept (K4).
    Resolve {
        /// The version that was shown.
        shown: RowVersion,
        /// The version that the client began with.
        seen: RowVersion,
        /// What the user chose.
        resolution: Resolving,
    },
}

/// Why a save replaces a version that it is not built on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resolving {
    /// It resolves a conflict.
    Overwrite,
    /// The same.
    Merge,
    /// It puts back an earlier version.
    Restore,
}

impl Resolving {
    /// What the journal calls such a save, and why it is that a version was kept.
    pub(super) const fn names(self) -> (ChangeKind, &'static str) {
        match self {
            Resolving::Overwrite => (ChangeKind::MessageOverwritten, "overwrite"),
            Resolving::Merge => (ChangeKind::MessageMerged, "merge"),
            Resolving::Restore => (ChangeKind::MessageRestored, "restore"),
        }
    }
}

/// A save, ready to be written.
#[derive(Clone, Copy)]
pub(crate) struct Save<'a> {
    pub(crate) store: StoreUid,
    pub(crate) uid: ObjectUid,
    pub(crate) content: &'a Content,
    pub(crate) documents: &'a Documents,
    pub(crate) checksum: i64,
    pub(crate) save_id: SaveId,
    /// What the client changed, for the journal.
    pub(crate) changed: &'a [PropertyTag],
    /// The streams of the base, and of what is saved.
    pub(crate) base_streams: &'a BTreeSet<StreamReference>,
    pub(crate) streams: &'a BTreeSet<StreamReference>,
    pub(crate) pending_streams: &'a dyn PendingStreams,
    /// The predecessor list of the base.
    pub(crate) predecessors: &'a PredecessorChangeList,
}

/// What a save stores that replaces content which it is not built on: its own, with a next attachment number that was given
/// neither here nor there.
pub(crate) struct Replacing {
    pub(crate) content: Content,
    documents: Documents,
    pub(crate) checksum: i64,
}

impl Replacing {
    /// None if what is saved can be stored as it is.
    pub(crate) fn of(uid: ObjectUid, content: &Content, stored: &Documents) -> Option<Replacing> {
        Replacing::of_content(uid, content, &document::read(stored).ok()?)
    }

    fn of_content(uid: ObjectUid, content: &Content, replaced: &Content) -> Option<Replacing> {
        let theirs = &replaced.attachments;
        if theirs.next_number <= content.attachments.next_number {
            return None;
        }
        let mut content = content.clone();
        content.attachments.spare_numbers_of(theirs);
        let documents = document::write(&content);
        Some(Replacing {
            checksum: document::checksum(&uid, &documents),
            content,
            documents,
        })
    }

    /// The save, storing this.
    pub(crate) fn within<'a>(&'a self, save: &Save<'a>) -> Save<'a> {
        Save {
            content: &self.content,
            documents: &self.documents,
            checksum: self.checksum,
            ..*save
        }
    }
}

/// Whether a save may have been tried before without an answer; then the journal is asked first (S8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    First,
    Repeated,
}

/// What a save has made.
#[derive(Debug, Clone)]
pub(crate) struct SavedRow {
    pub(crate) message_id: i64,
    pub(crate) row_version: RowVersion,
    pub(crate) change_number: ChangeNumber,
    pub(crate) modified_at: FileTime,
    pub(crate) modified_by: String,
    pub(crate) committed_at: FileTime,
    pub(crate) change_key: Vec<u8>,
    pub(crate) predecessors: Vec<u8>,
    /// The number that the next attachment gets: others may have given the saver's to attachments that it replaced.
    pub(crate) next_attachment: u32,
}

/// How a save came out. Only [`Outcome::Saved`] has written anything.
#[derive(Debug)]
pub(crate) enum Outcome {
    Saved(SavedRow),
    /// This very save was committed before (S8).
    SavedBefore(RecordedSave),
    /// Another client was faster.
    Changed(CurrentVersion),
    /// The message is deleted.
    Gone,
    /// The folder of a first save is.
    FolderGone,
}

/// The deciding statement, with or without the version predicate (P2).
macro_rules! deciding_update {
    ($version_predicate:literal) => {
        concat!(
            "UPDATE messages SET row_version = row_version + 1, change_number = :change_number, ",
            "content_checksum = :checksum, modified_at = max(modified_at, :now), modified_by = :client, ",
            "committed_at = :now, change_key = :change_key, predecessor_change_list = :predecessors, ",
            "size = :size, properties = :properties, recipients = :recipients, attachments = :attachments ",
            "WHERE message_id = :message_id AND deleted_at IS NULL",
            $version_predicate,
            " RETURNING row_version, modified_at, ",
            "(SELECT entry_uid FROM folders WHERE folders.folder_id = messages.folder_id) AS folder_uid"
        )
    };
}

const GUARDED_UPDATE: &str = deciding_update!(" AND row_version = :expected");
const FORCED_UPDATE: &str = deciding_update!("");

/// Saves a message that exists.
pub(crate) fn save(
    tx: &WriteTransaction<'_>,
    save: &Save<'_>,
    message_id: i64,
    guard: Guard,
    attempt: Attempt,
) -> Result<Outcome> {
    // A forced save goes through whatever is stored, so a repeated one would go through twice. A save that is tried
    // for the first time has an id that nobody used, and need not look through the message's history for it.
    if attempt == Attempt::Repeated
        && let Some(recorded) = changes::find_save(tx.connection, save.uid, save.save_id)?
    {
        return Ok(Outcome::SavedBefore(recorded));
    }
    #[cfg(feature = "planted-faults")]
    if let Some(outcome) = crate::db::planted_faults::save(tx, save, message_id, guard)? {
        return Ok(outcome);
    }
    let change_number = tx.next_change()?;
    let change_key = new_change_key(save.store, change_number);
    let mut predecessors = save.predecessors.clone();
    let mut changed = save.changed.to_vec();
    let replaced = match guard {
        Guard::Force { .. } => messages::load(tx.connection, save.uid)?,
        Guard::Expect(_) | Guard::Resolve { .. } => None,
    };
    // A stored document that cannot be read is replaced like any other: forcing is a way to mend a message.
    let theirs = replaced
        .as_ref()
        .and_then(|row| document::read(&row.documents).ok());
    let replacing = theirs
        .as_ref()
        .and_then(|theirs| Replacing::of_content(save.uid, save.content, theirs));
    let save = &replacing
        .as_ref()
        .map_or(*save, |replacing| replacing.within(save));
    let (sql, expected, kind) = match guard {
        Guard::Expect(expected) => (GUARDED_UPDATE, Some(expected), ChangeKind::MessageSaved),
        Guard::Force { seen } => {
            let list = replaced
                .as_ref()
                .and_then(|row| PredecessorChangeList::from_bytes(&row.predecessors));
            if let Some(list) = list {
                predecessors.merge(&list);
            }
            // It also changes what others saved meanwhile, in properties that its client never touched: the journal must
            // say so, since watchers and merges know only from there.
            if let Some(theirs) = &theirs {
                changed.extend(changed_properties(theirs, save.content));
                changed.sort_unstable();
                changed.dedup();
            }
            versions::keep(tx, message_id, seen, change_number, "force-save")?;
            (FORCED_UPDATE, None, ChangeKind::MessageForced)
        }
        Guard::Resolve {
            shown,
            seen,
            resolution,
        } => {
            let (kind, reason) = resolution.names();
            versions::keep(tx, message_id, seen, change_number, reason)?;
            (GUARDED_UPDATE, Some(shown), kind)
        }
    };
    predecessors.join(&change_key);
    let predecessors = predecessors.to_bytes();

    let mut update = tx
        .connection
        .prepare_cached(sql)
        .map_err(while_doing("saving a message"))?;
    // By place, in the order in which the statement names them first: finding a name takes as long as binding its value.
    let parameters = params![
        change_number,
        save.checksum,
        tx.now,
        tx.client_name,
        change_key.as_bytes(),
        predecessors,
        save.content.size().cast_signed(),
        save.documents.properties,
        save.documents.recipients,
        save.documents.attachments,
        message_id,
        expected,
    ];
    // The forced statement expects nothing, and a parameter that is not there is an error.
    let parameters = match guard {
        Guard::Expect(_) | Guard::Resolve { .. } => parameters,
        Guard::Force { .. } => parameters.split_last().map_or(parameters, |(_, rest)| rest),
    };
    let row: Option<(RowVersion, FileTime, ObjectUid)> = update
        .query_row(parameters, |row| {
            Ok((
                row.get("row_version")?,
                row.get("modified_at")?,
                row.get("folder_uid")?,
            ))
        })
        .optional()
        .map_err(while_doing("saving a message"))?;
    drop(update);

    let Some((row_version, modified_at, folder)) = row else {
        return refusal(tx, message_id);
    };
    // What a guarded save replaces is its base, so equal references need no look at the table.
    if matches!(guard, Guard::Force { .. }) || save.base_streams != save.streams {
        streams::refer(tx, message_id, save.streams, save.pending_streams)?;
    }
    let change_number = changes::record(
        tx,
        &Change {
            kind,
            objects: &[save.uid],
            folder: Some(folder),
            row_version: Some(row_version),
            properties: &changed,
            save_id: Some(save.save_id),
        },
    )?;
    Ok(Outcome::Saved(SavedRow {
        message_id,
        row_version,
        change_number,
        modified_at,
        modified_by: tx.client_name.to_owned(),
        committed_at: tx.now,
        change_key: change_key.as_bytes().to_vec(),
        predecessors,
        next_attachment: save.content.attachments.next_number,
    }))
}

/// Tells apart why the deciding statement met no row, in its own transaction.
fn refusal(tx: &WriteTransaction<'_>, message_id: i64) -> Result<Outcome> {
    let current = messages::current_version(tx.connection, message_id)?;
    Ok(match current {
        Some(current) if current.deleted_at.is_none() => Outcome::Changed(current),
        _ => Outcome::Gone,
    })
}

/// The change key of a new version: no other has it, whatever becomes of the store.
pub(crate) fn new_change_key(store: StoreUid, change_number: ChangeNumber) -> ChangeKey {
    let [a, b, c, ..] = *SaveId::random().as_bytes();
    ChangeKey::new(store, change_number, [a, b, c])
}

/// What a message has from its creation on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Birth {
    pub(crate) folder: ObjectUid,
    pub(crate) created_at: FileTime,
    pub(crate) marks: ReadMarks,
    pub(crate) is_associated: bool,
    /// The conflict that it comes out of (K6).
    pub(crate) provenance: Option<Provenance>,
}

/// Saves a message for the first time. Its folder is checked in the same statement: it may have been deleted
/// since the message was created, and a message without a folder must never come to be.
pub(crate) fn insert_first(
    tx: &WriteTransaction<'_>,
    save: &Save<'_>,
    birth: Birth,
    attempt: Attempt,
) -> Result<Outcome> {
    const INSERT: &str = "INSERT INTO messages (entry_uid, folder_id, row_version, change_number, is_read, \
        read_flags, is_associated, content_checksum, created_at, modified_at, modified_by, committed_at, change_key, \
        predecessor_change_list, size, properties, recipients, attachments) \
        SELECT :uid, folder_id, 1, :change_number, :is_read, :read_flags, :is_associated, :checksum, :created_at, :modified_at, \
        :client, :now, :change_key, :predecessors, :size, :properties, :recipients, :attachments \
        FROM folders WHERE entry_uid = :folder \
        RETURNING message_id";
    // Only a repeated save can meet itself: the uid of a new message is random, and nobody else has it.
    if attempt == Attempt::Repeated
        && let Some(recorded) = changes::find_save(tx.connection, save.uid, save.save_id)?
    {
        return Ok(Outcome::SavedBefore(recorded));
    }
    let change_number = tx.next_change()?;
    let change_key = new_change_key(save.store, change_number);
    let mut predecessors = save.predecessors.clone();
    predecessors.join(&change_key);
    let predecessors = predecessors.to_bytes();
    // The clock may have gone back since the message was created.
    let modified_at = tx.now.max(birth.created_at);
    let message_id: Option<i64> = tx
        .connection
        .prepare_cached(INSERT)
        .and_then(|mut insert| {
            insert
                .query_row(
                    // By place, as above.
                    params![
                        save.uid,
                        change_number,
                        birth.marks.read_state,
                        birth.marks.flags.bits(),
                        birth.is_associated,
                        save.checksum,
                        birth.created_at,
                        modified_at,
                        tx.client_name,
                        tx.now,
                        change_key.as_bytes(),
                        predecessors,
                        save.content.size().cast_signed(),
                        save.documents.properties,
                        save.documents.recipients,
                        save.documents.attachments,
                        birth.folder,
                    ],
                    |row| row.get("message_id"),
                )
                .optional()
        })
        .map_err(while_doing("saving a new message"))?;
    let Some(message_id) = message_id else {
        return Ok(Outcome::FolderGone);
    };
    if !save.streams.is_empty() {
        streams::refer(tx, message_id, save.streams, save.pending_streams)?;
    }
    if let Some(provenance) = birth.provenance {
        conflict_copies::record(tx, save.uid, provenance)?;
    }
    let change_number = changes::record(
        tx,
        &Change {
            kind: ChangeKind::MessageCreated,
            objects: &[save.uid],
            folder: Some(birth.folder),
            row_version: Some(RowVersion::FIRST),
            properties: save.changed,
            save_id: Some(save.save_id),
        },
    )?;
    Ok(Outcome::Saved(SavedRow {
        message_id,
        row_version: RowVersion::FIRST,
        change_number,
        modified_at,
        modified_by: tx.client_name.to_owned(),
        committed_at: tx.now,
        change_key: change_key.as_bytes().to_vec(),
        predecessors,
        next_attachment: save.content.attachments.next_number,
    }))
}

/// Deletes a message; its kept versions stay until they are purged (K7).
pub(crate) fn delete(
    tx: &WriteTransaction<'_>,
    uid: ObjectUid,
    deletion: Deletion,
) -> Result<Deleted> {
    const SOFT: &str = "UPDATE messages SET deleted_at = :now, change_number = :change \
        WHERE entry_uid = :uid AND deleted_at IS NULL RETURNING row_version, \
        (SELECT entry_uid FROM folders WHERE folders.folder_id = messages.folder_id) AS folder_uid";
    // A soft-deleted message can still be deleted for good.
    const HARD: &str = "DELETE FROM messages WHERE entry_uid = :uid RETURNING row_version, \
        (SELECT entry_uid FROM folders WHERE folders.folder_id = messages.folder_id) AS folder_uid";
    let change_number = tx.next_change()?;
    let read = |row: &rusqlite::Row<'_>| Ok((row.get("row_version")?, row.get("folder_uid")?));
    let deleted: Option<(RowVersion, ObjectUid)> = match deletion {
        Deletion::Soft => tx.connection.prepare_cached(SOFT).and_then(|mut update| {
            let parameters =
                named_params! { ":now": tx.now, ":change": change_number, ":uid": uid };
            update.query_row(parameters, read).optional()
        }),
        Deletion::Hard => tx.connection.prepare_cached(HARD).and_then(|mut delete| {
            delete
                .query_row(named_params! { ":uid": uid }, read)
                .optional()
        }),
    }
    .map_err(while_doing("deleting a message"))?;
    let Some((row_version, folder)) = deleted else {
        return Ok(Deleted::NothingThere);
    };
    let kind = match deletion {
        Deletion::Soft => ChangeKind::MessageDeleted,
        Deletion::Hard => ChangeKind::MessageHardDeleted,
    };
    let change_number = changes::record(
        tx,
        &Change {
            kind,
            objects: &[uid],
            folder: Some(folder),
            row_version: Some(row_version),
            properties: &[],
            save_id: None,
        },
    )?;
    Ok(Deleted::Done(change_number))
}

/// How a delete came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deleted {
    Done(ChangeNumber),
    NothingThere,
}
