//! Where a store may lie: the path, the file system, and the reading of media that cannot be written.

use std::io;
use std::path::{Path, PathBuf};

use crate::db::failure::system;
use crate::error::{Error, ObjectKind, Result};

/// Whether a file on a network file system may be opened (P6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NetworkFileSystems {
    /// Refused: SQLite's WAL needs memory that all processes share, and locks that work.
    #[default]
    Refuse,
    /// Allowed: the owner knows that only one host uses the file, and that locks and shared memory work
    /// there. A local encrypted home is a FUSE file system too.
    Allow,
}

/// What lies beside a store while it is open.
const SIDE_FILES: [&str; 3] = ["-lock", "-wal", "-shm"];

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The absolute path without links, so that all processes use the same side files, and so that
    /// SQLite does not read a path beginning with `file:` as a URI.
    pub(crate) path: PathBuf,
    /// Whether there is a file.
    pub(crate) occupant: Occupant,
}

/// Whether the processes of other hosts can reach a file too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Locality {
    Local,
    /// By the name of the file system.
    Network(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occupant {
    Nothing,
    File,
}

impl Place {
    /// Finds out what lies at `path`, and refuses what cannot be a store.
    pub(crate) fn find(path: &Path) -> Result<Place> {
        if path.as_os_str().is_empty() {
            return Err(Error::InvalidParameter {
                detail: "the path of the store is empty".into(),
            });
        }
        match std::fs::canonicalize(path) {
            Ok(path) => {
                refuse_other_than_one_file(&path)?;
                let place = Place {
                    path,
                    occupant: Occupant::File,
                };
                place.refuse_strange_side_files()?;
                Ok(place)
            }
            // The link is there, and what it names is not: a store made through it would lie elsewhere than its side files.
            Err(_) if std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) => {
                Err(Error::NotFound {
                    kind: ObjectKind::Store,
                    what: format!("{}: a link that leads nowhere", path.display()),
                })
            }
            Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => {
                Err(Error::InvalidParameter {
                    detail: format!("{path:?} is no path: {error}"),
                })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let name = path.file_name().ok_or_else(|| Error::InvalidParameter {
                    detail: format!("{} names no file", path.display()),
                })?;
                let parent = match path.parent() {
                    Some(parent) if !parent.as_os_str().is_empty() => parent,
                    _ => Path::new("."),
                };
                let parent = match std::fs::canonicalize(parent) {
                    Ok(parent) => parent,
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                        return Err(Error::NotFound {
                            kind: ObjectKind::Store,
                            what: format!("{}: the folder does not exist", path.display()),
                        });
                    }
                    Err(error) => return Err(system(parent.display().to_string(), error)),
                };
                let place = Place {
                    path: parent.join(name),
                    occupant: Occupant::Nothing,
                };
                place.refuse_strange_side_files()?;
                Ok(place)
            }
            Err(error) => Err(system(format!("looking for {}", path.display()), error)),
        }
    }

    /// The path with an ending: `-lock`, `-wal`.
    pub(crate) fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(ending);
        PathBuf::from(name)
    }

    /// Refuses side files that are links, pipes or folders: a link could have the locks, or the log, of another store written,
    /// and opening a pipe waits for somebody at its other end.
    fn refuse_strange_side_files(&self) -> Result<()> {
        for ending in SIDE_FILES {
            let path = self.beside(ending);
            if std::fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()) {
                return Err(Error::InvalidParameter {
                    detail: format!("{} is not a regular file", path.display()),
                });
            }
        }
        Ok(())
    }

    /// The directory.
    fn parent(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// Refuses a network file system (P6).
    pub(crate) fn refuse_network(&self, policy: NetworkFileSystems) -> Result<()> {
        if policy == NetworkFileSystems::Allow {
            return Ok(());
        }
        refuse_locality(&self.path, self.locality()?)
    }

    /// Where the file lies, by its directory, since it may not be there yet.
    #[cfg(target_os = "linux")]
    pub(crate) fn locality(&self) -> Result<Locality> {
        let statistics = rustix::fs::statfs(self.parent())
            .map_err(|error| system("asking for the file system", error.into()))?;
        Ok(locality_of(statistics.f_type as u64 & 0xFFFF_FFFF))
    }

    /// Other systems have no common way to ask.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn locality(&self) -> Result<Locality> {
        let _ = self.parent();
        Ok(Locality::Local)
    }

    /// Whether the medium itself cannot be written, by anybody.
    pub(crate) fn medium_is_read_only(&self) -> bool {
        rustix::fs::statvfs(self.parent()).is_ok_and(|statistics| {
            statistics
                .f_flag
                .contains(rustix::fs::StatVfsMountFlags::RDONLY)
        })
    }
}

/// What becomes of a store that nobody has allowed to lie on a network file system.
fn refuse_locality(path: &Path, locality: Locality) -> Result<()> {
    match locality {
        Locality::Local => Ok(()),
        Locality::Network(name) => Err(Error::NoSupport {
            detail: format!(
                "{} is on {name}, where SQLite's shared memory and locks are not safe between hosts; \
                 move the store to a local disk, or allow network file systems if only one host \
                 uses it",
                path.display()
            ),
        }),
    }
}

/// Which file it is, whatever its name: another one that takes its place differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    device: u64,
    inode: u64,
}

impl FileIdentity {
    /// The file that a path leads to.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub(crate) fn of(path: &Path) -> io::Result<FileIdentity> {
        #[cfg(target_os = "linux")]
        match FileIdentity::by_statx(path) {
            // Old kernels do not know the call, and sandboxes that do not know it forbid it.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied
                ) => {}
            known => return known,
        }
        FileIdentity::by_stat(path)
    }

    /// Asks for nothing but the number: since Linux 6.13 the write that follows a question for the times gives the
    /// file new ones, and a sync of the log then has to write the inode as well, which takes half as long again.
    #[cfg(target_os = "linux")]
    fn by_statx(path: &Path) -> io::Result<FileIdentity> {
        use rustix::fs::{AtFlags, CWD, StatxFlags, makedev, statx};
        let found = statx(CWD, path, AtFlags::empty(), StatxFlags::INO)?;
        Ok(FileIdentity {
            device: makedev(found.stx_dev_major, found.stx_dev_minor),
            inode: found.stx_ino,
        })
    }

    fn by_stat(path: &Path) -> io::Result<FileIdentity> {
        use std::os::unix::fs::MetadataExt;
        let metadata = std::fs::metadata(path)?;
        Ok(FileIdentity {
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }
}

/// The store file and its log as this process has them open. Whoever moves, deletes or replaces one of them has the others'
/// saves and this process's go to different files, so from then on nothing is written here.
#[derive(Debug)]
pub(crate) struct OpenFiles(Vec<(PathBuf, FileIdentity)>);

impl OpenFiles {
    /// Remembers which files they are. On a medium that nobody writes there may be no log.
    pub(crate) fn of(place: &Place) -> OpenFiles {
        let paths = [place.path.clone(), place.beside("-wal")];
        let known = paths.into_iter().filter_map(|path| {
            let identity = FileIdentity::of(&path).ok()?;
            Some((path, identity))
        });
        OpenFiles(known.collect())
    }

    /// Makes sure that the paths still lead to them.
    ///
    /// # Errors
    ///
    /// `MAPI_E_DISK_ERROR`: one of them does not.
    pub(crate) fn check(&self) -> Result<()> {
        for (path, identity) in &self.0 {
            let gone = match FileIdentity::of(path) {
                Ok(found) if found == *identity => continue,
                Ok(_) => io::Error::other("another file lies there"),
                Err(error) => error,
            };
            return Err(system(
                format!(
                    "{} was moved, deleted or replaced while the store was open, and what is written now would \
                     be lost; put it back, or open the store where it is now",
                    path.display()
                ),
                gone,
            ));
        }
        Ok(())
    }
}

/// Hard links are two names for one file whose side files differ: two processes would each have a WAL of their own.
fn refuse_other_than_one_file(path: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path)
        .map_err(|error| system(format!("looking at {}", path.display()), error))?;
    if !metadata.is_file() {
        return Err(Error::InvalidParameter {
            detail: format!("{} is not a regular file", path.display()),
        });
    }
    if metadata.nlink() > 1 {
        return Err(Error::InvalidParameter {
            detail: format!(
                "{} has {} hard links; each would get a write-ahead log of its own, so remove all but one",
                path.display(),
                metadata.nlink()
            ),
        });
    }
    Ok(())
}

/// Whether WAL is safe on a file system of this type of `statfs(2)`. One that is not known counts as local, except that behind
/// FUSE there may be anything.
#[cfg(target_os = "linux")]
fn locality_of(kind: u64) -> Locality {
    Locality::Network(match kind {
        0x6969 => "NFS",
        0x517B | 0xFF53_4D42 | 0xFE53_4D42 => "SMB/CIFS",
        0x0102_1997 => "9p",
        0x6573_5546 => "a FUSE file system",
        0x5346_414F | 0x6B41_4653 => "AFS",
        0x7375_7245 => "Coda",
        0x00C3_6400 => "Ceph",
        0x564C => "NCP",
        0x0BD0_0BD0 => "Lustre",
        0x0116_1970 => "GFS2",
        0x7461_636F => "OCFS2",
        0x4750_4653 => "GPFS",
        0x1983_0326 => "BeeGFS",
        0x2003_0528 => "OrangeFS",
        0xAAD7_AAEA => "PanFS",
        0x786F_4256 => "a VirtualBox shared folder",
        0xBACB_ACBC => "a VMware shared folder",
        0x7C7C_6673 => "a Parallels shared folder",
        _ => return Locality::Local,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn file_systems_that_other_hosts_can_reach_are_refused_with_words_that_help() {
        // P6
        let path = Path::new("/home/ana/mail.store");
        for (kind, name) in [
            (0x6969, "NFS"),
            (0xFF53_4D42, "SMB/CIFS"),
            (0xFE53_4D42, "SMB/CIFS"),
            (0x0102_1997, "9p"),
            (0x6573_5546, "a FUSE file system"), // sshfs, an encrypted home and a virtual machine's folders alike
            (0x00C3_6400, "Ceph"),
            (0x786F_4256, "a VirtualBox shared folder"),
        ] {
            assert_eq!(locality_of(kind), Locality::Network(name));
            let refusal = refuse_locality(path, locality_of(kind)).unwrap_err();
            assert!(matches!(refusal, Error::NoSupport { .. }), "{refusal}");
            let said = refusal.to_string();
            for word in [
                name,
                "/home/ana/mail.store",
                "local disk",
                "allow network file systems",
            ] {
                assert!(said.contains(word), "{said}");
            }
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn local_file_systems_are_taken() {
        // P6
        for (kind, name) in [
            (0xEF53, "ext4"),
            (0x0102_1994, "tmpfs"),
            (0x9123_683E, "btrfs"),
            (0x5846_5342, "xfs"),
            (0x2FC1_2FC1, "zfs"),
            (0xF2F5_2010, "f2fs"),
            (0x794C_7630, "overlay"),
            (0xF15F, "ecryptfs"),
            (0x1234_5678, "one that nobody has heard of"),
        ] {
            assert_eq!(locality_of(kind), Locality::Local, "{name}");
            assert!(refuse_locality(Path::new("/store"), locality_of(kind)).is_ok());
        }
    }

    #[test]
    fn side_files_that_are_no_files_are_refused() {
        // P6
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mail.store");
        for ending in SIDE_FILES {
            let side = folder.path().join(format!("mail.store{ending}"));
            std::os::unix::fs::symlink("elsewhere", &side).unwrap();
            let refusal = Place::find(&path).unwrap_err();
            assert!(
                matches!(refusal, Error::InvalidParameter { .. }),
                "{refusal}"
            );
            std::fs::remove_file(&side).unwrap();
            std::fs::create_dir(&side).unwrap();
            assert!(Place::find(&path).is_err());
            std::fs::remove_dir(&side).unwrap();
        }
        assert!(Place::find(&path).is_ok());
    }

    #[test]
    fn a_path_that_looks_like_a_uri_becomes_absolute() {
        let place = Place::find(Path::new("file:nothing-here?mode=memory")).unwrap();
        assert!(place.path.is_absolute());
        assert_eq!(place.occupant, Occupant::Nothing);
    }
}
