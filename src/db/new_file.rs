//! A store file that is made under another name, and takes its own when it is whole.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::db::failure::system;
use crate::db::place::{Occupant, Place};
use crate::error::{Error, ObjectKind, Result};

/// What SQLite and this library put beside a store.
const SIDE_FILES: &[&str] = &["-wal", "-shm", "-journal"];

/// A file in the folder of its later place, readable and writable by its owner alone. Dropped before it is published
/// it is removed; what a killed process leaves is named after its place, with `.partial-` and a random number.
#[derive(Debug)]
pub(crate) struct NewFile {
    path: PathBuf,
    place: Place,
}

impl NewFile {
    /// Makes an empty file for a place that is free.
    pub(crate) fn for_place(path: &Path) -> Result<NewFile> {
        if std::fs::symlink_metadata(path).is_ok() {
            return Err(taken(path));
        }
        let place = Place::find(path)?;
        if place.occupant == Occupant::File {
            return Err(taken(path));
        }
        // SQLite would take the log of a store that is gone for that of the new one.
        for ending in SIDE_FILES {
            let side = place.beside(ending);
            if std::fs::symlink_metadata(&side).is_ok() {
                return Err(taken(&side));
            }
        }
        let path = place.beside(&format!(".partial-{}", uuid::Uuid::new_v4().simple()));
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| system(format!("making {}", path.display()), error))?;
        Ok(NewFile { path, place })
    }

    /// Where it is now.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its own name, durably. No connection may have it open any more.
    ///
    /// # Errors
    ///
    /// `MAPI_E_COLLISION` if somebody else has put a file there meanwhile, which stays as it is.
    pub(crate) fn publish(self) -> Result<u64> {
        let failed = |error| system(format!("writing {}", self.place.path.display()), error);
        let file = File::open(&self.path).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        drop(file);
        self.rename().map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => taken(&self.place.path),
            _ => failed(error),
        })?;
        let folder = self.place.path.parent().unwrap_or(Path::new("/"));
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed)?;
        Ok(size)
    }

    /// Never over another file. Two names for one file are not good for a store, so a link only serves where there is
    /// no renaming that leaves other files alone.
    fn rename(&self) -> std::io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{CWD, RenameFlags, renameat_with};
            let renamed = renameat_with(
                CWD,
                &self.path,
                CWD,
                &self.place.path,
                RenameFlags::NOREPLACE,
            );
            match renamed {
                Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {}
                renamed => return renamed.map_err(Into::into),
            }
        }
        std::fs::hard_link(&self.path, &self.place.path)?;
        std::fs::remove_file(&self.path)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // Gone already where it was published.
        let _ = std::fs::remove_file(&self.path);
        for ending in SIDE_FILES {
            let mut side = self.path.clone().into_os_string();
            side.push(ending);
            let _ = std::fs::remove_file(side);
        }
    }
}

fn taken(path: &Path) -> Error {
    Error::Collision {
        kind: ObjectKind::Store,
        name: path.display().to_string(),
    }
}
