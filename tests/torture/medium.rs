//! What is left of files after the power went off: what was synced is there; of all else each part is there or not.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::log::Record;
use crate::random::Random;

/// Whether the disk does what it is told when it is told to sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syncing {
    Honest,
    /// It says that it has, and has not.
    Ignored,
}

/// A change of a file's content.
#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, data: Vec<u8> },
    Truncate { size: usize },
}

/// A file, whatever its name is by now.
#[derive(Debug, Default)]
struct Inode {
    synced: Vec<u8>,
    /// With the place of each in the log.
    unsynced: Vec<(usize, Change)>,
}

/// A change of the folder.
#[derive(Debug, Clone)]
enum Naming {
    Made(String, usize),
    Deleted(String),
}

/// The files of a store as the medium has them, and what is on the way there.
#[derive(Debug)]
pub(crate) struct Medium {
    syncing: Syncing,
    inodes: Vec<Inode>,
    named: BTreeMap<String, usize>,
    named_for_sure: BTreeMap<String, usize>,
    namings: Vec<Naming>,
    /// Where in the log the syncs under way began.
    begun: BTreeMap<u64, usize>,
}

impl Medium {
    /// A medium with the files of a folder, all of them synced.
    pub(crate) fn of(folder: &Path, syncing: Syncing) -> Medium {
        let mut medium = Medium {
            syncing,
            inodes: Vec::new(),
            named: BTreeMap::new(),
            named_for_sure: BTreeMap::new(),
            namings: Vec::new(),
            begun: BTreeMap::new(),
        };
        for file in fs::read_dir(folder).unwrap() {
            let file = file.unwrap();
            let name = file.file_name().into_string().unwrap();
            if name.ends_with("-shm") || name.ends_with("-lock") {
                continue;
            }
            medium.named.insert(name, medium.inodes.len());
            medium.inodes.push(Inode {
                synced: fs::read(file.path()).unwrap(),
                unsynced: Vec::new(),
            });
        }
        medium.named_for_sure = medium.named.clone();
        medium
    }

    /// Takes in what comes next in the log.
    pub(crate) fn take(&mut self, at: usize, record: &Record) {
        match record {
            Record::Write { file, offset, data } => {
                let offset = usize::try_from(*offset).unwrap();
                let data = data.clone();
                self.change(at, file, Change::Write { offset, data });
            }
            Record::Truncate { file, size } => {
                let size = usize::try_from(*size).unwrap();
                self.change(at, file, Change::Truncate { size });
            }
            Record::Delete {
                file,
                folder_is_synced,
            } => {
                if self.named.remove(file).is_some() {
                    self.namings.push(Naming::Deleted(file.clone()));
                }
                if *folder_is_synced {
                    self.sync_folder();
                }
            }
            Record::SyncBegun { sync, .. } => {
                self.begun.insert(*sync, at);
            }
            Record::SyncEnded { file, sync } => {
                let begun = self.begun.remove(sync).unwrap();
                self.sync(file, begun);
            }
            Record::Told(_) => {}
        }
    }

    fn inode(&mut self, file: &str) -> &mut Inode {
        let number = match self.named.get(file) {
            Some(number) => *number,
            None => {
                let number = self.inodes.len();
                self.inodes.push(Inode::default());
                self.named.insert(file.to_owned(), number);
                self.namings.push(Naming::Made(file.to_owned(), number));
                number
            }
        };
        &mut self.inodes[number]
    }

    fn change(&mut self, at: usize, file: &str, change: Change) {
        self.inode(file).unsynced.push((at, change));
    }

    fn sync(&mut self, file: &str, begun: usize) {
        if self.syncing == Syncing::Ignored {
            return;
        }
        let inode = self.inode(file);
        let still = inode.unsynced.partition_point(|(at, _)| *at < begun);
        for (_, change) in inode.unsynced.drain(..still) {
            apply(&mut inode.synced, &change, &mut |_| true);
        }
        // SQLite syncs the folder with the first sync of a log or journal.
        if file.ends_with("-wal") || file.ends_with("-journal") {
            self.sync_folder();
        }
    }

    fn sync_folder(&mut self) {
        if self.syncing == Syncing::Honest {
            self.namings.clear();
            self.named_for_sure = self.named.clone();
        }
    }

    /// Writes into a folder what a loss of power at this moment leaves.
    pub(crate) fn lose_power(&self, random: &mut Random, folder: &Path) {
        let mut names = self.named_for_sure.clone();
        let reached = random.below(self.namings.len() as u64 + 1) as usize;
        for naming in &self.namings[..reached] {
            match naming {
                Naming::Made(name, inode) => names.insert(name.clone(), *inode),
                Naming::Deleted(name) => names.remove(name),
            };
        }
        // None, few, half, most or all of what was on its way arrived; whole writes, or sectors of them.
        let of_ten = [0, 1, 5, 9, 10][random.below(5) as usize];
        let sector = [512, 4_096, usize::MAX][random.below(3) as usize];
        for (name, inode) in names {
            let inode = &self.inodes[inode];
            let mut content = inode.synced.clone();
            for (_, change) in &inode.unsynced {
                let torn = Torn { change, sector };
                torn.apply(&mut content, &mut || random.below(10) < of_ten);
            }
            fs::write(folder.join(name), content).unwrap();
        }
    }
}

/// A change of which each sector arrives or not.
struct Torn<'a> {
    change: &'a Change,
    sector: usize,
}

impl Torn<'_> {
    fn apply(&self, content: &mut Vec<u8>, arrives: &mut dyn FnMut() -> bool) {
        let sector = self.sector;
        let (mut last, mut verdict) = (None, false);
        apply(content, self.change, &mut |position| {
            if last != Some(position / sector) {
                last = Some(position / sector);
                verdict = arrives();
            }
            verdict
        });
    }
}

/// Does a change to a content, as far as each piece of 512 bytes arrives; what is skipped and was not there is zero.
fn apply(content: &mut Vec<u8>, change: &Change, arrives: &mut dyn FnMut(usize) -> bool) {
    const PIECE: usize = 512;
    match change {
        Change::Truncate { size } => {
            if arrives(0) {
                content.resize(*size, 0);
            }
        }
        Change::Write { offset, data } => {
            let mut done = 0;
            while done < data.len() {
                let position = offset + done;
                let piece = (PIECE - position % PIECE).min(data.len() - done);
                if arrives(position) {
                    let end = position + piece;
                    if content.len() < end {
                        content.resize(end, 0);
                    }
                    content[position..end].copy_from_slice(&data[done..done + piece]);
                }
                done += piece;
            }
        }
    }
}
