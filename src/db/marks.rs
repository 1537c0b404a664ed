//! Marks on messages: read or not, pending reports, status. They are no content, and change without a version (S13).

use rusqlite::{Connection, OptionalExtension, named_params};

use crate::db::failure::while_doing;
use crate::db::transaction::WriteTransaction;
use crate::error::Result;
use crate::model::{ChangeNumber, ObjectUid, ReadChange};

/// Which messages a call marks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Marked {
    One(ObjectUid),
    /// All that are visible in a folder, without folder-associated ones.
    InFolder(i64),
}

/// What a call has done to read marks.
#[derive(Debug, Default)]
pub(crate) struct ReadMarked {
    /// The messages that took part in the change.
    pub(crate) changed: Vec<ObjectUid>,
    /// Those whose read report is to be sent.
    pub(crate) due: Vec<ObjectUid>,
}

/// The two statements for one choice of messages, and for which of them the second one is a change. What is due is what
/// was pending before, which an UPDATE cannot return; nobody writes between the two.
macro_rules! statements {
    ($messages:literal, $are_changed:literal) => {
        (
            concat!(
                "SELECT entry_uid FROM messages WHERE ",
                $messages,
                " AND read_flags & (:due | iif(is_read = 0, :due_if_unread, 0)) <> 0"
            ),
            // 1024: it was read at least once (EVER_READ).
            concat!(
                "UPDATE messages SET is_read = coalesce(:read, is_read), change_number = :change, ",
                "read_flags = (read_flags & ~(:cleared | iif(is_read = 0, :cleared_if_unread, 0))) ",
                "| iif(is_read = 1 OR :read = 1, 1024, 0) WHERE ",
                $messages,
                $are_changed,
                " RETURNING entry_uid"
            ),
        )
    };
}

/// Changes read marks in one step. Of a folder's messages those that are in the wanted state already are left as they
/// are; a message that is named takes part in the change all the same.
pub(crate) fn change_read_marks(
    tx: &WriteTransaction<'_>,
    marked: Marked,
    wanted: &ReadChange,
    change_number: ChangeNumber,
) -> Result<ReadMarked> {
    let (due, change) = match marked {
        Marked::One(_) => statements!("entry_uid = :whose AND deleted_at IS NULL", ""),
        Marked::InFolder(_) => {
            statements!(
                "folder_id = :whose AND deleted_at IS NULL AND is_associated = 0",
                " AND (is_read <> coalesce(:read, is_read) OR \
                 read_flags & (:cleared | iif(is_read = 0, :cleared_if_unread, 0)) <> 0)"
            )
        }
    };
    let whose: &dyn rusqlite::ToSql = match &marked {
        Marked::One(uid) => uid,
        Marked::InFolder(folder_id) => folder_id,
    };
    let uids = |sql: &str, parameters: &[(&str, &dyn rusqlite::ToSql)]| {
        tx.connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                statement
                    .query_map(parameters, |row| row.get("entry_uid"))?
                    .collect::<rusqlite::Result<Vec<ObjectUid>>>()
            })
            .map_err(while_doing("changing the read state of messages"))
    };
    let due = uids(
        due,
        named_params! {
            ":whose": whose,
            ":due": wanted.due.always.bits(),
            ":due_if_unread": wanted.due.if_unread.bits(),
        },
    )?;
    let changed = uids(
        change,
        named_params! {
            ":whose": whose,
            ":read": wanted.read_state,
            ":cleared": wanted.cleared.always.bits(),
            ":cleared_if_unread": wanted.cleared.if_unread.bits(),
            ":change": change_number,
        },
    )?;
    Ok(ReadMarked { changed, due })
}

/// The status of a visible message.
pub(crate) fn status(connection: &Connection, uid: ObjectUid) -> Result<Option<i32>> {
    connection
        .prepare_cached(
            "SELECT message_status FROM messages WHERE entry_uid = ? AND deleted_at IS NULL",
        )
        .and_then(|mut select| {
            select
                .query_row([uid], |row| row.get("message_status"))
                .optional()
        })
        .map_err(while_doing("reading the status of a message"))
}

/// Sets the status bits under a mask in one step, so that two clients that set different bits do not undo each
/// other.
pub(crate) fn set_status(
    tx: &WriteTransaction<'_>,
    uid: ObjectUid,
    status: i32,
    mask: i32,
    change_number: ChangeNumber,
) -> Result<()> {
    tx.connection
        .prepare_cached(
            "UPDATE messages SET message_status = (message_status & ~:mask) | (:status & :mask), \
             change_number = :change WHERE entry_uid = :uid AND deleted_at IS NULL \
            ",
        )
        .and_then(|mut update| {
            update.execute(named_params! {
                ":mask": mask, ":status": status, ":change": change_number, ":uid": uid,
            })
        })
        .map(drop)
        .map_err(while_doing("changing the status of a message"))
}
