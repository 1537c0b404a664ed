//! Copies of a whole store.

use std::path::Path;

use crate::db::new_file::NewFile;
use crate::error::Result;
use crate::model::{ChangeNumber, StoreUid};
use crate::store::Store;
use crate::store::progress::Progress;

/// Whose uid a copy of a store has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum BackupIdentity {
    /// One of its own: both can be used side by side. Entry ids of the one are `MAPI_E_UNKNOWN_ENTRYID` in the other,
    /// and versions that are saved from then on can be told apart by their change keys. Objects keep their own uids.
    #[default]
    New,
    /// That of the store, for a copy that is to take its place: entry ids that clients keep stay good. The two must
    /// never be written side by side.
    Kept,
}

/// What a backup has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backup {
    /// The uid of the copy.
    pub store_uid: StoreUid,
    /// The newest change that is in it: it has all up to this one, and nothing later.
    pub newest_change: ChangeNumber,
    /// Its size in bytes.
    pub size: u64,
}

impl Store {
    /// Copies one committed state of the store to a new file, with journal and kept versions. Others go on reading and
    /// saving meanwhile, and wait for nothing; the write-ahead log grows by what they save. A store that was opened
    /// read-only can be copied too.
    ///
    /// The file takes its name when it is whole and synced: a copy that was killed leaves nothing by that name, at
    /// most one with `.partial-` in its own. It is readable and writable by its owner alone. Progress is in
    /// pages of the file. Damage is copied as it is: [`Store::check`] tells.
    ///
    /// # Errors
    ///
    /// In all cases the store is as it was, and no file was made or changed.
    ///
    /// - `MAPI_E_COLLISION`: a file of that name, or what SQLite would take for its write-ahead log, exists.
    /// - `MAPI_E_NOT_FOUND`: its folder does not exist.
    /// - `MAPI_E_NO_ACCESS`, `MAPI_E_NOT_ENOUGH_DISK`, `MAPI_E_DISK_ERROR`: it cannot be written there.
    /// - `MAPI_E_CORRUPT_STORE`: a page of the store cannot be read.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let store = mapistore::Store::options().create_if_missing().open(folder.path().join("mail.store"))?;
    /// use mapistore::BackupIdentity;
    ///
    /// let backup = store.backup(folder.path().join("copy.store"), BackupIdentity::New, &mut |_| {})?;
    /// assert_ne!(backup.store_uid, store.uid());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn backup(
        &self,
        to: impl AsRef<Path>,
        identity: BackupIdentity,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Backup> {
        let file = NewFile::for_place(to.as_ref())?;
        let new_uid = match identity {
            BackupIdentity::New => Some(StoreUid::random()),
            BackupIdentity::Kept => None,
        };
        let copied = self
            .database
            .copy_to(file.path(), new_uid, &mut |done, total| {
                progress(Progress { done, total });
            })?;
        Ok(Backup {
            store_uid: copied.store_uid,
            newest_change: copied.newest,
            size: file.publish()?,
        })
    }
}
