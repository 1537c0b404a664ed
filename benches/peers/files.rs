//! Messages as files: one for each, its version in the first line and its documents behind that.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use super::{Kept, Peer, Reader, Result, nth};

pub(crate) struct Files<'a> {
    folder: PathBuf,
    kept: &'a Kept,
    /// The messages, each with the version that its next save expects.
    messages: Vec<(String, u64)>,
}

fn name(uid: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*uid))
}

/// Makes the folder.
pub(crate) fn fill(folder: &Path, kept: &Kept) -> Result<()> {
    fs::create_dir_all(folder)?;
    for (n, uid) in kept.uids.iter().enumerate() {
        fs::write(folder.join(name(uid)), format!("1\n{}", kept.document(n)?))?;
    }
    Ok(())
}

impl<'a> Files<'a> {
    pub(crate) fn open(folder: &Path, kept: &'a Kept, places: &[usize]) -> Result<Files<'a>> {
        let mut messages = Vec::new();
        for place in places {
            let name = name(nth(&kept.uids, *place)?);
            let version = version_of(&folder.join(&name))?;
            messages.push((name, version));
        }
        Ok(Files {
            folder: folder.to_owned(),
            kept,
            messages,
        })
    }

    /// Files know no difference.
    pub(crate) fn share(folder: &Path, kept: &'a Kept, places: &[usize]) -> Result<Files<'a>> {
        Files::open(folder, kept, places)
    }

    /// Saves if the stored version is the one that is expected; tells whether it was.
    fn save_at(&self, name: &str, expected: u64, document: &str) -> Result<bool> {
        let path = self.folder.join(name);
        // The file itself is replaced, so that a lock on it would be on one that is gone.
        let lock = File::create(path.with_extension("lock"))?;
        lock.lock()?;
        if version_of(&path)? != expected {
            return Ok(false);
        }
        let new = path.with_extension("new");
        let mut file = File::create(&new)?;
        write!(file, "{}\n{document}", expected + 1)?;
        file.sync_data()?;
        fs::rename(&new, &path)?;
        File::open(&self.folder)?.sync_all()?;
        Ok(true)
    }
}

fn version_of(path: &Path) -> Result<u64> {
    let mut line = String::new();
    BufReader::with_capacity(64, File::open(path)?).read_line(&mut line)?;
    Ok(line.trim_end().parse()?)
}

impl Peer for Files<'_> {
    fn open(&mut self, n: usize) -> Result<()> {
        let (name, _) = nth(&self.messages, n)?;
        let text = fs::read_to_string(self.folder.join(name))?;
        let (_, document) = text.split_once('\n').ok_or("a file without a version")?;
        Reader::parse(document)
    }

    fn save(&mut self, n: usize, variant: usize) -> Result<()> {
        let document = self.kept.document(variant)?;
        let (name, version) = nth(&self.messages, n)?;
        if !self.save_at(name, *version, &document)? {
            return Err("a save of the benchmark was refused".into());
        }
        let place = n % self.messages.len();
        if let Some((_, version)) = self.messages.get_mut(place) {
            *version += 1;
        }
        Ok(())
    }

    fn refused(&mut self, n: usize, variant: usize) -> Result<()> {
        let document = self.kept.document(variant)?;
        let (name, version) = nth(&self.messages, n)?;
        if self.save_at(name, version + 1, &document)? {
            return Err("a stale save of the benchmark went through".into());
        }
        Ok(())
    }
}
