//! Folders by path, and entries by the first digits of their uid: how people name things.

use crate::db::folder_paths;
use crate::db::messages::{self, UidTable};
use crate::error::{Error, ObjectKind, Result};
use crate::model::{EntryId, FolderKind, ObjectUid};
use crate::store::Store;
use crate::store::folder::Folder;

/// How many entries with the same beginning are told.
const CANDIDATES: u32 = 10;

impl Store {
    /// The folder at a path below the IPM subtree: `/`-separated, without regard to case. `/` is the root, and a
    /// path that begins with it is looked for below the root first.
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`: no such folder. `MAPI_E_INVALID_PARAMETER`: the path is empty.
    pub fn folder_by_path(&self, path: &str) -> Result<Folder> {
        let not_found = || Error::NotFound {
            kind: ObjectKind::Folder,
            what: path.to_owned(),
        };
        if let Some(below_root) = path.strip_prefix('/') {
            match descend(self.folder_of_kind(FolderKind::Root)?, below_root) {
                Err(Error::NotFound { .. }) => {}
                found => return found,
            }
        }
        if components(path)?.is_empty() {
            return Err(not_found());
        }
        match descend(self.folder_of_kind(FolderKind::IpmSubtree)?, path) {
            Err(Error::NotFound { .. }) => Err(not_found()),
            found => found,
        }
    }

    /// The folder at a path below the IPM subtree, made with all that is missing on the way to it.
    ///
    /// # Errors
    ///
    /// Those of [`Store::folder_by_path`] but `MAPI_E_NOT_FOUND`, and of [`Folder::create_folder`] but
    /// `MAPI_E_COLLISION`: a folder that another process makes at the same moment is as good.
    pub fn ensure_folder(&self, path: &str) -> Result<Folder> {
        match self.folder_by_path(path) {
            Err(Error::NotFound { .. }) => {}
            found => return found,
        }
        let mut names = components(path)?.into_iter().peekable();
        let mut folder = self.folder_of_kind(FolderKind::IpmSubtree)?;
        // A path from the root may name the subtree itself.
        if path.starts_with('/')
            && let Some(first) = names.peek()
            && let Ok(below_root) = self.folder_of_kind(FolderKind::Root)?.folder(first)
        {
            folder = below_root;
            names.next();
        }
        for name in names {
            folder = match folder.folder(name) {
                Ok(child) => child,
                Err(Error::NotFound { .. }) => match folder.create_folder(name) {
                    Err(Error::Collision { .. }) => folder.folder(name)?,
                    created => created?,
                },
                Err(error) => return Err(error),
            };
        }
        Ok(folder)
    }

    /// The messages, deleted ones included, whose uid begins with these hexadecimal digits: at most ten.
    ///
    /// # Errors
    ///
    /// `MAPI_E_INVALID_ENTRYID`: not 1 to 32 hexadecimal digits.
    pub fn messages_starting_with(&self, digits: &str) -> Result<Vec<EntryId>> {
        self.starting_with(digits, UidTable::Messages)
    }

    /// The folders whose uid begins with these hexadecimal digits: at most ten.
    ///
    /// # Errors
    ///
    /// `MAPI_E_INVALID_ENTRYID`: not 1 to 32 hexadecimal digits.
    pub fn folders_starting_with(&self, digits: &str) -> Result<Vec<EntryId>> {
        self.starting_with(digits, UidTable::Folders)
    }

    fn starting_with(&self, digits: &str, table: UidTable) -> Result<Vec<EntryId>> {
        let invalid = || Error::InvalidEntryId {
            detail: format!("{digits:?} is not the beginning of 32 hexadecimal digits"),
        };
        if digits.is_empty() || digits.len() > 32 {
            return Err(invalid());
        }
        let padded = |with: char| -> Result<ObjectUid> {
            let mut text = digits.to_owned();
            text.extend(std::iter::repeat_n(
                with,
                32_usize.saturating_sub(digits.len()),
            ));
            text.parse().map_err(|_| invalid())
        };
        let (first, last) = (padded('0')?, padded('f')?);
        let uids = self
            .database
            .read(|reader| messages::uids_between(reader, table, first, last, CANDIDATES))?;
        Ok(uids.into_iter().map(|uid| self.entry_id(uid)).collect())
    }

    /// The path of a folder, as the views show it.
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`: no such folder.
    pub fn folder_path(&self, entry_id: &EntryId) -> Result<String> {
        let folder_id = self.open_folder(entry_id)?.row_id();
        let path = self
            .database
            .read_together(|reader| folder_paths::of(reader, folder_id))?;
        path.ok_or_else(|| Error::NotFound {
            kind: ObjectKind::Folder,
            what: entry_id.object().to_string(),
        })
    }
}

fn components(path: &str) -> Result<Vec<&str>> {
    if path.is_empty() {
        return Err(Error::InvalidParameter {
            detail: "the path of the folder is empty".to_owned(),
        });
    }
    Ok(path.split('/').filter(|name| !name.is_empty()).collect())
}

fn descend(from: Folder, path: &str) -> Result<Folder> {
    path.split('/')
        .filter(|name| !name.is_empty())
        .try_fold(from, |folder, name| folder.folder(name))
}
