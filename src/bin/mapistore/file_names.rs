//! Files whose names come from a message.
//!
//! Whoever sent the message chose the name. It must not lead out of the folder, hide the file, look like an option
//! to the next command, name a device, or be read by SQLite as a part of a database beside it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::harmless::is_harmful;

/// In bytes: less than every usual file system takes, encrypting ones included, with room for a number.
const LONGEST: usize = 128;
/// What follows the last dot counts as an extension up to so many bytes.
const LONGEST_EXTENSION: usize = 16;
/// How many files may have one name before the next one is refused.
const MOST_OF_ONE_NAME: u32 = 10_000;

/// Names of devices on Windows, with any extension; `COM1` to `LPT9` come with their digit.
const DEVICES: &[&str] = &["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"];
const NUMBERED_DEVICES: &[&str] = &["COM", "LPT"];
/// SQLite takes a file of such a name for a part of the database beside it, and believes what stands in it.
const SIDE_FILES: &[&str] = &["-journal", "-wal", "-shm"];

/// The name as one that harms nothing: a single component that every file system takes. It is recognisable, but two
/// names may become the same.
pub(crate) fn harmless(name: &str, fallback: &str) -> String {
    let replaced: String = name
        .chars()
        .map(|character| {
            if is_harmful(character) || r#"/\<>:"|?*"#.contains(character) {
                '_'
            } else {
                character
            }
        })
        .collect();
    // Windows drops dots and blanks at the end, and so would give two names to one file.
    let mut name = shortened(replaced.trim().trim_end_matches(['.', ' ']));
    if name.is_empty() {
        name = fallback.to_owned();
    }
    if name.starts_with(['.', '-', '~']) || is_device(&name) {
        name.insert(0, '_');
    }
    if SIDE_FILES.iter().any(|end| ends_with(&name, end)) {
        name.push('_');
    }
    name
}

/// The same, with an extension that the name may have already.
pub(crate) fn with_extension(name: &str, fallback: &str, extension: &str) -> String {
    let end = format!(".{extension}");
    let stem = name.trim();
    let stem = match stem.get(..stem.len().saturating_sub(end.len())) {
        Some(begin) if ends_with(stem, &end) => begin.trim_end(),
        _ => stem,
    };
    let stem = if stem.is_empty() { fallback } else { stem };
    harmless(&format!("{stem}{end}"), fallback)
}

/// Cuts a name that is too long, and keeps its extension.
fn shortened(name: &str) -> String {
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    let (stem, extension) = split(name);
    let room = LONGEST.saturating_sub(extension.len());
    let stem = stem.get(..stem.floor_char_boundary(room)).unwrap_or(stem);
    format!("{}{extension}", stem.trim_end())
}

/// The name before its extension, and the extension with its dot.
fn split(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot <= LONGEST_EXTENSION => name.split_at(dot),
        _ => (name, ""),
    }
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    let is = |device: &&str| stem.eq_ignore_ascii_case(device);
    let is_numbered = |device: &&str| {
        let mut rest = match stem.get(..device.len()) {
            Some(begin) if begin.eq_ignore_ascii_case(device) => stem.chars().skip(device.len()),
            _ => return false,
        };
        // Windows takes the superscript digits too.
        matches!(
            (rest.next(), rest.next()),
            (Some('0'..='9' | '¹' | '²' | '³'), None)
        )
    };
    DEVICES.iter().any(is) || NUMBERED_DEVICES.iter().any(is_numbered)
}

fn ends_with(name: &str, end: &str) -> bool {
    let begin = name.len().saturating_sub(end.len());
    name.get(begin..)
        .is_some_and(|part| part.eq_ignore_ascii_case(end))
}

/// Writes a file that was not there before, under the name or, where that is taken, under one with a number. Nothing
/// is followed or replaced, whatever stands there. A file that could not be written whole is removed.
pub(crate) fn write_new<T>(
    folder: &Path,
    name: &str,
    write: impl FnOnce(&mut File) -> anyhow::Result<T>,
) -> anyhow::Result<(PathBuf, T)> {
    let (mut file, path) = create(folder, name)?;
    let value = write_whole(&path, &mut file, write)?;
    Ok((path, value))
}

/// Writes a file that was just made, and removes it if that fails half-way.
pub(crate) fn write_whole<T>(
    path: &Path,
    file: &mut File,
    write: impl FnOnce(&mut File) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    write(file).map_err(|error| {
        // Where it cannot be removed either, the first error says more.
        let _ = fs::remove_file(path);
        error.context(format!("writing {}", path.display()))
    })
}

fn create(folder: &Path, name: &str) -> anyhow::Result<(File, PathBuf)> {
    let (stem, extension) = split(name);
    for number in 1..=MOST_OF_ONE_NAME {
        let path = match number {
            1 => folder.join(name),
            _ => folder.join(format!("{stem}-{number}{extension}")),
        };
        // The kernel refuses what exists in the same step, links that lead nowhere included.
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).context(format!("making {}", path.display())),
        }
    }
    bail!(
        "{} holds {MOST_OF_ONE_NAME} files named {name} already",
        folder.display()
    )
}

#[cfg(test)]
mod tests {
    use std::path::Component;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for name in [
            "figures.csv",
            "Größe 日本.tar.gz",
            "a",
            "CONSOLE.txt",
            "COM.txt",
            "x'y (2).pdf",
        ] {
            assert_eq!(harmless(name, "attachment-0"), name);
        }
    }

    #[test]
    fn hostile_names_harm_nothing() {
        for (name, expected) in [
            ("", "attachment-0"),
            ("   ", "attachment-0"),
            (".", "attachment-0"),
            ("..", "attachment-0"),
            ("../../etc/passwd", "_.._.._etc_passwd"),
            ("/etc/passwd", "_etc_passwd"),
            ("..\\..\\boot.ini", "_.._.._boot.ini"),
            ("C:\\boot.ini", "C__boot.ini"),
            (".bashrc", "_.bashrc"),
            ("-rf", "_-rf"),
            ("~", "_~"),
            ("a\0b", "a_b"),
            ("a\r\nb\u{1b}[2J", "a__b_[2J"),
            ("invoice\u{202e}fdp.exe", "invoice_fdp.exe"),
            ("nul", "_nul"),
            ("Con.txt", "_Con.txt"),
            ("com1.log", "_com1.log"),
            ("LPT²", "_LPT²"),
            ("a.txt.", "a.txt"),
            ("a.txt . .", "a.txt"),
            ("stream.txt:hidden", "stream.txt_hidden"),
            ("mail.store-journal", "mail.store-journal_"),
            ("places.sqlite-WAL", "places.sqlite-WAL_"),
        ] {
            assert_eq!(harmless(name, "attachment-0"), expected, "{name:?}");
        }
    }

    #[test]
    fn an_extension_comes_once() {
        for (name, expected) in [
            ("Figures", "Figures.eml"),
            ("Figures.EML", "Figures.eml"),
            ("", "message.eml"),
            (" .eml", "message.eml"),
            ("Re: a/b", "Re_ a_b.eml"),
            ("..", "_...eml"),
            ("con", "_con.eml"),
        ] {
            assert_eq!(with_extension(name, "message", "eml"), expected, "{name:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let name = harmless(&format!("{}.csv", "日".repeat(100)), "attachment-0");
        assert!(name.len() <= LONGEST && name.starts_with("日日") && name.ends_with(".csv"));
        let name = harmless(&format!("a.{}", "x".repeat(300)), "attachment-0");
        assert_eq!(name.len(), LONGEST);
    }

    proptest! {
        #[test]
        fn every_name_is_one_plain_component(name in "[a-zA-Z./\\\\~:\\-\\x00-\\x1f\\u{80}-\\u{9f}\\u{2028}日 ]{0,200}") {
            let name = harmless(&name, "attachment-0");
            let components: Vec<Component<'_>> = Path::new(&name).components().collect();
            prop_assert!(matches!(components[..], [Component::Normal(one)] if one == name.as_str()));
            prop_assert!(name.len() <= LONGEST + 2);
            prop_assert!(!name.chars().any(|c| c.is_control()) && !name.starts_with(['.', '-']));
        }
    }

    #[test]
    fn a_taken_name_gets_a_number_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let (path, ()) = write_new(folder.path(), name, |file| {
                Ok(io::Write::write_all(file, b"new")?)
            })
            .unwrap();
            path.file_name().unwrap().to_str().unwrap().to_owned()
        };
        fs::write(folder.path().join("a.tar.gz"), "old").unwrap();
        std::os::unix::fs::symlink(folder.path().join("b"), folder.path().join("a.tar-2.gz"))
            .unwrap();
        assert_eq!(write("a.tar.gz"), "a.tar-3.gz");
        assert_eq!(write("README"), "README");
        assert_eq!(write("README"), "README-2");
        assert_eq!(fs::read(folder.path().join("a.tar.gz")).unwrap(), b"old");
        assert!(!folder.path().join("b").exists());
    }

    #[test]
    fn what_could_not_be_written_whole_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let written: anyhow::Result<(PathBuf, ())> =
            write_new(folder.path(), "a", |_| bail!("the data ends too early"));
        assert!(written.is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
