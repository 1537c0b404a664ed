//! One committed state of a store as a file of its own.

use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use crate::db::changes;
use crate::db::database::Database;
use crate::db::failure::while_doing;
use crate::error::{Error, Result};
use crate::model::{ChangeNumber, StoreUid};

/// Pages copied at once: 2 MiB.
const PAGES: i32 = 512;

/// Which state a copy has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CopiedState {
    pub(crate) newest: ChangeNumber,
    pub(crate) store_uid: StoreUid,
}

impl Database {
    /// Copies the newest committed state into an empty file, and gives the copy a uid of its own if there is one.
    ///
    /// One read transaction spans the copy. SQLite would begin anew after each foreign commit without it, and so never
    /// come to an end beside busy writers; with it nobody waits, and the log grows by what is saved meanwhile.
    pub(crate) fn copy_to(
        &self,
        target: &Path,
        new_uid: Option<StoreUid>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<CopiedState> {
        let mut copy = open_alone(target)?;
        let newest = self.read_together(|reader| {
            // The first statement decides which state is read.
            let newest = changes::last(reader)?;
            copy_pages(reader, &mut copy, progress)?;
            Ok(newest)
        })?;
        if let Some(uid) = new_uid {
            copy.execute("UPDATE store_info SET store_uid = ?", [uid])
                .map_err(while_doing("giving the copy an identity of its own"))?;
        }
        finish(copy)?;
        Ok(CopiedState {
            newest,
            store_uid: new_uid.unwrap_or(self.store_uid()),
        })
    }
}

fn copy_pages(
    reader: &Connection,
    copy: &mut Connection,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<()> {
    let copying = while_doing("copying the store");
    let backup = Backup::new(reader, copy).map_err(&copying)?;
    loop {
        let step = backup.step(PAGES).map_err(&copying)?;
        let pages = backup.progress();
        let total = u64::try_from(pages.pagecount).unwrap_or(0);
        let left = u64::try_from(pages.remaining).unwrap_or(0);
        progress(total.saturating_sub(left), total);
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            // Nobody else has the copy open, and nobody locks readers of the store out.
            _ => {
                return Err(Error::CallFailed {
                    detail: "copying the store: SQLite found it locked".to_owned(),
                    source: None,
                });
            }
        }
    }
}

/// Opens a file that nobody else knows of. It is synced as a whole when it is published.
pub(crate) fn open_alone(path: &Path) -> Result<Connection> {
    let preparing = while_doing("preparing a new file");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(&preparing)?;
    // Alone it needs no shared memory for its log, which not every file system has.
    connection
        .execute_batch(
            "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY;",
        )
        .map_err(&preparing)?;
    Ok(connection)
}

/// Moves all into the file itself, and closes it.
pub(crate) fn finish(connection: Connection) -> Result<()> {
    let writing = while_doing("writing a new file");
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .map_err(&writing)?;
    connection.close().map_err(|(_, error)| writing(error))
}
