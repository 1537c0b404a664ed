//! Where a store may lie: the path, the file system, and the reading of media that cannot be written.

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
                Ok(Place {
                    path,
                    occupant: Occupant::File,
                })
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
                Ok(Place {
                    path: parent.join(name),
                    occupant: Occupant::Nothing,
                })
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

    /// The directory.
    fn parent(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// Refuses a network file system (P6).
    pub(crate) fn refuse_network(&self, policy: NetworkFileSystems) -> Result<()> {
        if policy == NetworkFileSystems::Allow {
            return Ok(());
        }
        match self.locality()? {
            Locality::Local => Ok(()),
            Locality::Network(name) => Err(Error::NoSupport {
                detail: format!(
                    "{} is on {name}, where SQLite's shared memory and locks are not safe between hosts; \
                     move the store to a local disk, or allow network file systems if only one host \
                     uses it",
                    self.path.display()
                ),
            }),
        }
    }

    /// Where the file lies, by its directory, since it may not be there yet.
    #[cfg(target_os = "linux")]
    pub(crate) fn locality(&self) -> Result<Locality> {
        let statistics = rustix::fs::statfs(self.parent())
            .map_err(|error| system("asking for the file system", error.into()))?;
        let name = network_file_system(statistics.f_type as u64 & 0xFFFF_FFFF);
        Ok(name.map_or(Locality::Local, Locality::Network))
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

/// The name of a file system type of `statfs(2)` on which WAL is unsafe.
#[cfg(target_os = "linux")]
fn network_file_system(kind: u64) -> Option<&'static str> {
    Some(match kind {
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
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn network_file_systems_are_known_by_their_magic_numbers() {
        assert_eq!(network_file_system(0x6969), Some("NFS"));
        assert_eq!(network_file_system(0xEF53), None); // ext4
        assert_eq!(network_file_system(0x0102_1994), None); // tmpfs
    }

    #[test]
    fn a_path_that_looks_like_a_uri_becomes_absolute() {
        let place = Place::find(Path::new("file:nothing-here?mode=memory")).unwrap();
        assert!(place.path.is_absolute());
        assert_eq!(place.occupant, Occupant::Nothing);
    }
}
