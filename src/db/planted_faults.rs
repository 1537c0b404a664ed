//! The classic mistakes of a shared store, planted on purpose: for the test that shows that `stress` catches each.
//!
//! Only the feature `planted-faults` builds them, and only the environment variable `MAPISTORE_PLANTED_FAULT` wakes
//! one. Nothing of this is in any other build.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, named_params};

use crate::db::changes::{self, Change};
use crate::db::failure::while_doing;
use crate::db::messages::{self, StoredMessage};
use crate::db::streams;
use crate::db::transaction::WriteTransaction;
use crate::db::versioned::{Guard, Outcome, Save, SavedRow};
use crate::db::versions;
use crate::error::Result;
use crate::model::{ChangeKey, ChangeKind, ChangeNumber, ObjectUid, RowVersion};

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The version is checked by a read, and the write that follows relies on it.
    CheckThenWrite,
    /// A refused save is told to have succeeded.
    SwallowedObjectChanged,
    /// FORCE_SAVE writes a deleted message, which is there again.
    RevivedByForce,
    /// The body is fetched by a query of its own.
    LateBody,
    /// The attachments, embedded messages among them, are fetched by a query of their own.
    LateAttachments,
    /// A forced save counts its version from its base.
    VersionTwice,
    /// A save is acknowledged and forgotten.
    NeverWritten,
    /// An overwrite does not keep the version that it replaces.
    OverwriteKeepsNothing,
    /// A merge saves mine alone.
    MergeDropsTheirs,
    /// A resolution acts on whatever is stored, not on what was shown.
    ResolvesUnseen,
}

/// The mistake that this process makes.
pub(crate) fn chosen() -> Option<Fault> {
    static CHOSEN: OnceLock<Option<Fault>> = OnceLock::new();
    *CHOSEN.get_or_init(
        || match std::env::var("MAPISTORE_PLANTED_FAULT").as_deref() {
            Ok("check-then-write") => Some(Fault::CheckThenWrite),
            Ok("swallowed-object-changed") => Some(Fault::SwallowedObjectChanged),
            Ok("revived-by-force") => Some(Fault::RevivedByForce),
            Ok("late-body") => Some(Fault::LateBody),
            Ok("late-attachments") => Some(Fault::LateAttachments),
            Ok("version-twice") => Some(Fault::VersionTwice),
            Ok("never-written") => Some(Fault::NeverWritten),
            Ok("overwrite-keeps-nothing") => Some(Fault::OverwriteKeepsNothing),
            Ok("merge-drops-theirs") => Some(Fault::MergeDropsTheirs),
            Ok("resolves-unseen") => Some(Fault::ResolvesUnseen),
            _ => None,
        },
    )
}

const WITHOUT_VERSION: &str = "UPDATE messages SET row_version = row_version + 1, \
    change_number = :change_number, content_checksum = :checksum, committed_at = :now, modified_by = :client, \
    properties = :properties, recipients = :recipients, attachments = :attachments \
    WHERE message_id = :message_id AND deleted_at IS NULL RETURNING row_version";

const DELETED_OR_NOT: &str = "UPDATE messages SET row_version = row_version + 1, \
    change_number = :change_number, content_checksum = :checksum, committed_at = :now, modified_by = :client, \
    properties = :properties, recipients = :recipients, attachments = :attachments, deleted_at = NULL \
    WHERE message_id = :message_id RETURNING row_version";

/// Does a save wrongly, if this is one that the chosen mistake is about.
pub(crate) fn save(
    tx: &WriteTransaction<'_>,
    save: &Save<'_>,
    message_id: i64,
    guard: Guard,
) -> Result<Option<Outcome>> {
    match (chosen(), guard) {
        (Some(Fault::CheckThenWrite), Guard::Expect(_))
        | (Some(Fault::ResolvesUnseen), Guard::Resolve { .. })
        | (Some(Fault::VersionTwice), Guard::Force { .. }) => {
            overwrite(tx, save, message_id, guard, WITHOUT_VERSION)
        }
        (Some(Fault::RevivedByForce), Guard::Force { .. }) => {
            overwrite(tx, save, message_id, guard, DELETED_OR_NOT)
        }
        (Some(Fault::SwallowedObjectChanged), Guard::Expect(expected)) => {
            let current = messages::current_version(tx.connection, message_id)?;
            let refused = current.is_some_and(|current| {
                current.deleted_at.is_none() && current.row_version != expected
            });
            if refused {
                pretend(tx, save, message_id, expected).map(Some)
            } else {
                Ok(None)
            }
        }
        (Some(Fault::NeverWritten), Guard::Expect(expected)) => {
            static SAVES: AtomicU32 = AtomicU32::new(1);
            if SAVES.fetch_add(1, Ordering::Relaxed).is_multiple_of(20) {
                pretend(tx, save, message_id, expected).map(Some)
            } else {
                Ok(None)
            }
        }
        _ => Ok(None),
    }
}

/// Says that a save was done.
fn pretend(
    tx: &WriteTransaction<'_>,
    save: &Save<'_>,
    message_id: i64,
    base: RowVersion,
) -> Result<Outcome> {
    Ok(Outcome::Saved(saved_row(
        tx,
        save,
        message_id,
        base.next(),
        tx.next_change()?,
    )))
}

fn saved_row(
    tx: &WriteTransaction<'_>,
    save: &Save<'_>,
    message_id: i64,
    row_version: RowVersion,
    change_number: ChangeNumber,
) -> SavedRow {
    SavedRow {
        message_id,
        row_version,
        change_number,
        modified_at: tx.now,
        modified_by: tx.client_name.to_owned(),
        committed_at: tx.now,
        change_key: ChangeKey::new(save.store, change_number, [0; 3])
            .as_bytes()
            .to_vec(),
        predecessors: save.predecessors.to_bytes(),
        next_attachment: save.content.attachments.next_number,
    }
}

/// Writes without looking at the version that is there.
fn overwrite(
    tx: &WriteTransaction<'_>,
    save: &Save<'_>,
    message_id: i64,
    guard: Guard,
    sql: &str,
) -> Result<Option<Outcome>> {
    let change_number = tx.next_change()?;
    match guard {
        Guard::Expect(_) => {}
        Guard::Force { seen } => {
            versions::keep(tx, message_id, seen, change_number, "force-save")?;
        }
        Guard::Resolve {
            seen, resolution, ..
        } => {
            let (_, reason) = resolution.names();
            versions::keep(tx, message_id, seen, change_number, reason)?;
        }
    }
    let row_version: Option<RowVersion> = tx
        .connection
        .prepare_cached(sql)
        .and_then(|mut update| {
            let parameters = named_params! {
                ":change_number": change_number,
                ":checksum": save.checksum,
                ":now": tx.now,
                ":client": tx.client_name,
                ":properties": save.documents.properties,
                ":recipients": save.documents.recipients,
                ":attachments": save.documents.attachments,
                ":message_id": message_id,
            };
            update
                .query_row(parameters, |row| row.get("row_version"))
                .optional()
        })
        .map_err(while_doing("saving a message wrongly"))?;
    let Some(row_version) = row_version else {
        return Ok(None);
    };
    streams::refer(tx, message_id, save.streams, save.pending_streams)?;
    let (kind, row_version) = match guard {
        Guard::Expect(_) => (ChangeKind::MessageSaved, row_version),
        Guard::Resolve { resolution, .. } => (resolution.names().0, row_version),
        Guard::Force { seen } if chosen() == Some(Fault::VersionTwice) => {
            (ChangeKind::MessageForced, seen.next())
        }
        Guard::Force { .. } => (ChangeKind::MessageForced, row_version),
    };
    let change = Change {
        kind,
        objects: &[save.uid],
        folder: None,
        row_version: Some(row_version),
        properties: save.changed,
        save_id: Some(save.save_id),
    };
    let change_number = changes::record(tx, &change)?;
    Ok(Some(Outcome::Saved(saved_row(
        tx,
        save,
        message_id,
        row_version,
        change_number,
    ))))
}

/// Takes a part of a message that was read a moment ago from what is stored now.
pub(crate) fn read_part_late(
    connection: &Connection,
    uid: ObjectUid,
    row: Option<StoredMessage>,
) -> Result<Option<StoredMessage>> {
    const BODY: &str = "SELECT json_replace(:present, '$.\"1000001F\"', \
        json_extract(properties, '$.\"1000001F\"')) AS mixed FROM messages WHERE entry_uid = :uid";
    const ATTACHMENTS: &str = "SELECT iif(:present IS NULL, NULL, attachments) AS mixed FROM messages \
        WHERE entry_uid = :uid";
    let sql = match chosen() {
        Some(Fault::LateBody) => BODY,
        Some(Fault::LateAttachments) => ATTACHMENTS,
        _ => return Ok(row),
    };
    let Some(mut row) = row else { return Ok(None) };
    let part = if sql == BODY {
        &mut row.documents.properties
    } else {
        &mut row.documents.attachments
    };
    std::thread::sleep(Duration::from_millis(1));
    let mixed: Option<String> = connection
        .prepare_cached(sql)
        .and_then(|mut select| {
            let parameters = named_params! { ":present": *part, ":uid": uid };
            select
                .query_row(parameters, |row| row.get("mixed"))
                .optional()
        })
        .map_err(while_doing("reading a part late"))?;
    if let Some(mixed) = mixed {
        *part = mixed;
        row.checksum = None;
    }
    Ok(Some(row))
}
