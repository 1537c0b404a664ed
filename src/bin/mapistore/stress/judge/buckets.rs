//! Evidence sorted by message into files, so that a few messages at a time can be judged, however long a run was.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::stress::history::{self, Lines};

/// How much evidence is to be judged at once, in bytes of text.
const BUCKET_BYTES: u64 = 64 * 1024 * 1024;
/// As many files as may be open at once for each kind of evidence.
const MOST: u64 = 64;

/// Files of one kind of evidence, one for each group of messages.
pub(super) struct Buckets {
    files: Vec<BufWriter<File>>,
    paths: Vec<PathBuf>,
}

/// Into how many groups the messages of a folder are to be sorted.
pub(super) fn groups(folder: &Path) -> io::Result<usize> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    usize::try_from((bytes / BUCKET_BYTES + 1).min(MOST)).map_err(io::Error::other)
}

impl Buckets {
    pub(super) fn create(folder: &Path, kind: &str, groups: usize) -> io::Result<Buckets> {
        let paths: Vec<PathBuf> = (0..groups)
            .map(|group| folder.join(format!("{kind}-{group}.jsonl")))
            .collect();
        let files = paths
            .iter()
            .map(|path| File::create(path).map(BufWriter::new));
        Ok(Buckets {
            files: files.collect::<io::Result<_>>()?,
            paths,
        })
    }

    /// Puts a line where all lines of its message go.
    pub(super) fn put(&mut self, message: &str, line: &impl Serialize) -> io::Result<()> {
        let mut hasher = DefaultHasher::new();
        message.hash(&mut hasher);
        let group = hasher.finish() % self.files.len().max(1) as u64;
        match usize::try_from(group)
            .ok()
            .and_then(|group| self.files.get_mut(group))
        {
            Some(file) => history::write_line(file, line),
            None => Ok(()),
        }
    }

    /// Ends writing.
    pub(super) fn close(mut self) -> io::Result<Written> {
        for file in &mut self.files {
            file.flush()?;
        }
        Ok(Written { paths: self.paths })
    }
}

/// Buckets to be read.
pub(super) struct Written {
    paths: Vec<PathBuf>,
}

impl Written {
    pub(super) fn read<T: serde::de::DeserializeOwned>(
        &self,
        group: usize,
    ) -> io::Result<Lines<T>> {
        match self.paths.get(group) {
            Some(path) => history::read_lines(path),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}
