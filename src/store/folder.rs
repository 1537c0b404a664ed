//! Folders: not transacted, every change is permanent at once.

use crate::db::changes::{self, Change};
use crate::db::folders::{self, FolderRow};
use crate::db::transaction::{Ending, WriteTransaction};
use crate::db::{folder_paths, messages};
use crate::error::{Error, ObjectKind, Result};
use crate::model::{ChangeKind, ChangeNumber, EntryId, FolderKind, ObjectUid, pr};
use crate::store::Store;

/// The longest name of a folder, in characters.
const LONGEST_NAME: usize = 255;

/// A folder of a store: a name for it, without state of its own; every call reads or changes the store.
#[derive(Debug, Clone)]
pub struct Folder {
    store: Store,
    uid: ObjectUid,
    folder_id: i64,
    kind: FolderKind,
}

/// A folder as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FolderInfo {
    /// The entry id.
    pub entry_id: EntryId,
    /// The path below the IPM subtree, `/`-separated; `/` for the root.
    pub path: String,
    /// The display name.
    pub name: String,
    /// Its part in the store.
    pub kind: FolderKind,
    /// Visible messages (`PR_CONTENT_COUNT`).
    pub total: u64,
    /// Those of them that are unread (`PR_CONTENT_UNREAD`).
    pub unread: u64,
}

impl Store {
    /// One of the folders that every store has.
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`: [`FolderKind::Generic`], which is no such folder. `MAPI_E_CORRUPT_STORE`: it is missing.
    pub fn special_folder(&self, kind: FolderKind) -> Result<Folder> {
        if kind == FolderKind::Generic {
            return Err(Error::NotFound {
                kind: ObjectKind::Folder,
                what: "generic".to_owned(),
            });
        }
        self.folder_of_kind(kind)
    }

    pub(crate) fn folder_of_kind(&self, kind: FolderKind) -> Result<Folder> {
        let row = self
            .database
            .read(|reader| folders::by_kind(reader, kind))?;
        let row = row.ok_or_else(|| Error::CorruptStore {
            detail: format!("the {kind} folder is missing"),
            source: None,
        })?;
        Ok(Folder::new(self, &row))
    }

    /// Opens a folder.
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`: no folder by that entry id. `MAPI_E_UNKNOWN_ENTRYID`: the entry id of another store.
    pub fn open_folder(&self, entry_id: &EntryId) -> Result<Folder> {
        let uid = self.object(entry_id)?;
        let row = self.database.read(|reader| folders::by_uid(reader, uid))?;
        let row = row.ok_or_else(|| Error::NotFound {
            kind: ObjectKind::Folder,
            what: uid.to_string(),
        })?;
        Ok(Folder::new(self, &row))
    }

    /// All folders, the root first.
    ///
    /// # Errors
    ///
    /// Those of reading the store.
    pub fn folders(&self) -> Result<Vec<FolderInfo>> {
        let all = self.database.read(folder_paths::all)?;
        Ok(all
            .into_iter()
            .map(|found| self.folder_info(found.folder, found.path))
            .collect())
    }

    fn folder_info(&self, row: FolderRow, path: String) -> FolderInfo {
        FolderInfo {
            entry_id: self.entry_id(row.uid),
            path,
            name: row.name,
            kind: row.kind,
            total: row.total,
            unread: row.unread,
        }
    }
}

impl Folder {
    pub(crate) fn new(store: &Store, row: &FolderRow) -> Folder {
        Folder {
            store: store.clone(),
            uid: row.uid,
            folder_id: row.folder_id,
            kind: row.kind,
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn uid(&self) -> ObjectUid {
        self.uid
    }

    pub(crate) fn row_id(&self) -> i64 {
        self.folder_id
    }

    /// The entry id.
    pub fn entry_id(&self) -> EntryId {
        self.store.entry_id(self.uid)
    }

    /// Name, path and counts as they are now.
    ///
    /// # Errors
    ///
    /// `MAPI_E_OBJECT_DELETED`: the folder was deleted.
    pub fn info(&self) -> Result<FolderInfo> {
        let folder_id = self.folder_id;
        let (row, path) = self.store.database.read_together(|reader| {
            Ok((
                folders::by_id(reader, folder_id)?,
                folder_paths::of(reader, folder_id)?,
            ))
        })?;
        let row = row.ok_or_else(|| self.deleted())?;
        Ok(self.store.folder_info(row, path.unwrap_or_default()))
    }

    /// The subfolders, by name.
    ///
    /// # Errors
    ///
    /// Those of reading the store.
    pub fn folders(&self) -> Result<Vec<Folder>> {
        let folder_id = self.folder_id;
        let rows = self
            .store
            .database
            .read(|reader| folders::children(reader, folder_id))?;
        Ok(rows
            .iter()
            .map(|row| Folder::new(&self.store, row))
            .collect())
    }

    /// The subfolder of that name, whatever its case.
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`: there is none.
    pub fn folder(&self, name: &str) -> Result<Folder> {
        let folder_id = self.folder_id;
        let row = self
            .store
            .database
            .read(|reader| folders::child(reader, folder_id, name))?;
        let row = row.ok_or_else(|| Error::NotFound {
            kind: ObjectKind::Folder,
            what: name.to_owned(),
        })?;
        Ok(Folder::new(&self.store, &row))
    }

    /// Makes a subfolder (IMAPIFolder::CreateFolder).
    ///
    /// # Errors
    ///
    /// `MAPI_E_COLLISION`: the name is taken, in whatever case. `MAPI_E_INVALID_PARAMETER`: a name that is empty, too
    /// long, or holds `/` or control characters. `MAPI_E_OBJECT_DELETED`: this folder was deleted.
    pub fn create_folder(&self, name: &str) -> Result<Folder> {
        check_name(name)?;
        let uid = ObjectUid::random();
        let folder_id = self.change(ChangeKind::FolderCreated, uid, Some(self.uid), |tx| {
            self.refuse_deleted(tx)?;
            refuse_taken(tx, self.folder_id, name, None)?;
            folders::create(tx, self.folder_id, name, uid, tx.next_change()?)
        })?;
        Ok(Folder {
            store: self.store.clone(),
            uid,
            folder_id,
            kind: FolderKind::Generic,
        })
    }

    /// Gives the folder another name.
    ///
    /// # Errors
    ///
    /// As [`Folder::create_folder`], and `MAPI_E_NO_ACCESS`: the root and the IPM subtree keep their names.
    pub fn rename(&self, name: &str) -> Result<()> {
        self.set(pr::DISPLAY_NAME, name)
    }

    /// Renames the folder inside a transaction, or says why not; the outer error is one of the database.
    pub(crate) fn rename_within(
        &self,
        tx: &WriteTransaction<'_>,
        name: &str,
        change: ChangeNumber,
    ) -> Result<Result<()>> {
        if let Err(refusal) = check_name(name) {
            return Ok(Err(refusal));
        }
        if matches!(self.kind, FolderKind::Root | FolderKind::IpmSubtree) {
            return Ok(Err(Error::NoAccess {
                detail: format!("the {} folder keeps its name", self.kind),
            }));
        }
        let row = self.refuse_deleted(tx)?;
        if let Some(parent) = row.parent_folder_id {
            match refuse_taken(tx, parent, name, Some(self.folder_id)) {
                Err(refusal @ Error::Collision { .. }) => return Ok(Err(refusal)),
                other => other?,
            }
        }
        folders::rename(tx, self.folder_id, name, change).map(Ok)
    }

    /// Deletes the folder if it is empty (IMAPIFolder::DeleteFolder without further flags). Soft-deleted messages in it
    /// go to its parent, still deleted.
    ///
    /// # Errors
    ///
    /// `MAPI_E_HAS_FOLDERS`, `MAPI_E_HAS_MESSAGES`: not empty. `MAPI_E_NO_ACCESS`: a folder that every store has.
    /// `MAPI_E_OBJECT_DELETED`: it was deleted before. Nothing was changed.
    pub fn delete(&self) -> Result<()> {
        if self.kind != FolderKind::Generic {
            return Err(Error::NoAccess {
                detail: format!("every store has the {} folder", self.kind),
            });
        }
        self.change(ChangeKind::FolderDeleted, self.uid, None, |tx| {
            let row = self.refuse_deleted(tx)?;
            if !folders::children(tx.connection, self.folder_id)?.is_empty() {
                return Err(Error::HasFolders { name: row.name });
            }
            if messages::first_in_folder(tx.connection, self.folder_id)?.is_some() {
                return Err(Error::HasMessages { name: row.name });
            }
            folders::delete(tx, &row, tx.next_change()?)
        })
    }

    /// One change of the hierarchy, with its journal row.
    fn change<T>(
        &self,
        kind: ChangeKind,
        object: ObjectUid,
        folder: Option<ObjectUid>,
        work: impl FnOnce(&WriteTransaction<'_>) -> Result<T>,
    ) -> Result<T> {
        let value = self.store.database.write(
            |_| Ok(()),
            |tx| {
                let value = work(tx)?;
                let change = Change {
                    kind,
                    objects: &[object],
                    folder,
                    row_version: None,
                    properties: &[],
                    save_id: None,
                };
                changes::record(tx, &change)?;
                Ok(Ending::Commit(value))
            },
        )?;
        Ok(value)
    }

    pub(crate) fn deleted(&self) -> Error {
        Error::ObjectDeleted {
            kind: ObjectKind::Folder,
            entry_id: self.entry_id(),
        }
    }

    fn refuse_deleted(&self, tx: &WriteTransaction<'_>) -> Result<FolderRow> {
        folders::by_id(tx.connection, self.folder_id)?.ok_or_else(|| self.deleted())
    }
}

fn refuse_taken(
    tx: &WriteTransaction<'_>,
    parent: i64,
    name: &str,
    except: Option<i64>,
) -> Result<()> {
    match folders::child(tx.connection, parent, name)? {
        Some(child) if Some(child.folder_id) != except => Err(Error::Collision {
            kind: ObjectKind::Folder,
            name: name.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// A name is a component of a path, so it cannot hold the separator.
fn check_name(name: &str) -> Result<()> {
    let why = if name.trim().is_empty() {
        "it is empty"
    } else if name.chars().count() > LONGEST_NAME {
        "it has more than 255 characters"
    } else if name.contains('/') {
        "it contains '/', which separates folders in a path"
    } else if name.chars().any(char::is_control) {
        "it contains control characters"
    } else {
        return Ok(());
    };
    Err(Error::InvalidParameter {
        detail: format!("{name:?} cannot name a folder: {why}"),
    })
}
