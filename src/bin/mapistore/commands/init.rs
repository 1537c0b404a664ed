//! `init`: makes a store.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use clap::Args;
use mapistore::{Error, ObjectKind, Store};

use crate::args::Global;
use crate::exit::Exit;
use crate::json::StoreObject;
use crate::output::{Format, Output};

/// Make a store
///
/// An existing file is refused and left as it is.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore --store mail.store init
  MAPISTORE=mail.store mapistore init")]
pub(crate) struct Init {}

impl Init {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let store = make(global, global.store_path()?)?;
        let path = store.path().display().to_string();
        match output.format() {
            Format::Json => output.json(&StoreObject {
                path,
                store_uid: store.uid(),
            })?,
            Format::People => output.line(&path)?,
        }
        Ok(Exit::Done)
    }
}

/// Makes the store where there is no file: of several processes that try at once, one succeeds.
pub(crate) fn make(global: &Global, path: &Path) -> anyhow::Result<Store> {
    let claimed = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match claimed {
        // Closed at once: whoever closes a file that SQLite has open drops SQLite's locks.
        Ok(empty_file) => drop(empty_file),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let name = path.display().to_string();
            return Err(Error::Collision {
                kind: ObjectKind::Store,
                name,
            }
            .into());
        }
        Err(error) => return Err(error).with_context(|| format!("making {}", path.display())),
    }
    global
        .options()
        .create_if_missing()
        .open(path)
        .map_err(|error| {
            // It was refused before anything was written: a network file system, for instance.
            if fs::metadata(path).is_ok_and(|file| file.len() == 0) {
                let _ = fs::remove_file(path);
            }
            error.into()
        })
}
