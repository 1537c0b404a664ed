//! Files that hold what somebody wrote and no store holds yet.

use std::env;
use std::fmt;
use std::fs::{self, DirBuilder};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use mapistore::{EntryId, Store};

use crate::exit::say;

/// A file that only its owner can read. It stays, whatever happens to this process, until it is discarded.
#[derive(Debug)]
pub(crate) struct Kept {
    place: KeptIn,
}

/// What such a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A message as the text that `edit` shows.
    Text,
    /// Changes as JSON.
    Changes,
}

impl Form {
    fn extension(self) -> &'static str {
        match self {
            Form::Text => "txt",
            Form::Changes => "json",
        }
    }
}

impl Kept {
    /// Writes such a file for a message: in the folder for state that XDG names, else beside the store.
    pub(crate) fn write(
        store: &Store,
        entry: &EntryId,
        form: Form,
        content: &[u8],
    ) -> anyhow::Result<Kept> {
        let folders = state_folder().into_iter().chain(beside(store));
        let mut failure = anyhow::anyhow!("there is no folder for it");
        for folder in folders {
            match Kept::write_into(&folder, entry, form, content) {
                Ok(kept) => return Ok(kept),
                Err(error) => {
                    failure = error.context(format!("making a file in {}", folder.display()));
                }
            }
        }
        Err(failure)
    }

    /// The same in this folder, which is made if it is missing.
    pub(crate) fn write_into(
        folder: &Path,
        entry: &EntryId,
        form: Form,
        content: &[u8],
    ) -> anyhow::Result<Kept> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let uid = entry.object().to_string();
        let mut file = tempfile::Builder::new()
            .prefix(&format!("{}-", uid.get(..8).unwrap_or(&uid)))
            .suffix(&format!(".{}", form.extension()))
            .tempfile_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        let (_, path) = file.keep().context("keeping the file")?;
        Ok(Kept {
            place: KeptIn { path, form },
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.place.path
    }

    /// Where it is, to be said.
    pub(crate) fn place(&self) -> KeptIn {
        self.place.clone()
    }

    /// Removes the file: what it holds is in the store.
    pub(crate) fn discard(self) {
        if let Err(error) = fs::remove_file(self.path()) {
            say(&format!(
                "{} is no longer needed: {error}",
                self.path().display()
            ));
        }
    }
}

fn state_folder() -> Option<PathBuf> {
    let named = |name| env::var_os(name).map(PathBuf::from);
    let is_whole = |path: &PathBuf| path.is_absolute();
    let state = named("XDG_STATE_HOME").filter(is_whole);
    let of_home = || {
        let home = named("HOME").filter(is_whole)?;
        Some(home.join(".local/state"))
    };
    Some(state.or_else(of_home)?.join("mapistore"))
}

fn beside(store: &Store) -> Option<PathBuf> {
    store.path().parent().map(Path::to_owned)
}

/// Says with an error where that is what was not saved.
#[derive(Debug, Clone)]
pub(crate) struct KeptIn {
    pub(crate) path: PathBuf,
    pub(crate) form: Form,
}

impl fmt::Display for KeptIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "yours are kept in {}", self.path.display())
    }
}
