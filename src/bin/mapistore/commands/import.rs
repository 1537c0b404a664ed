//! `import`: mail files into a folder.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use indicatif::ProgressBar;
use mapistore::Error;
use mapistore::mime::Importer;

use crate::args::Global;
use crate::exit::{self, Exit, say};
use crate::harmless;
use crate::json::{FailedFile, ImportObject};
use crate::output::{Format, Output};
use crate::progress::bar;

/// Import mail files (.eml) and folders of them
///
/// Messages become visible in batches, each whole: an import that is interrupted leaves whole messages only.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore import letter.eml --folder Inbox
  mapistore import ~/mail/2026 --folder 'Archive/2026'")]
pub(crate) struct Import {
    /// Files, whatever they are called, and folders, of which the .eml files are taken, also those further below
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Path of the folder that they go to; made if it is missing
    #[arg(long)]
    folder: String,
}

/// How far an import has come.
struct Progress {
    importer: Importer,
    /// What the importer has taken and not committed.
    pending: Vec<PathBuf>,
    imported: u64,
    failed: Failed,
    bar: ProgressBar,
}

impl Import {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let store = global.open()?;
        let mut failed = Vec::new();
        let files = find(&self.paths, &mut failed);
        if files.is_empty() {
            tell(0, &failed, &self.folder, output)?;
            return Ok(Exit::Failure);
        }
        let folder = store.ensure_folder(&self.folder)?;
        let mut progress = Progress {
            importer: Importer::new(&folder),
            pending: Vec::new(),
            imported: 0,
            failed,
            bar: bar("importing"),
        };
        progress.bar.set_length(files.len() as u64);
        let ended = progress.import(&files);
        progress.bar.finish_and_clear();
        tell(
            progress.imported,
            &progress.failed,
            &folder.info()?.path,
            output,
        )?;
        match ended {
            Ok(()) if progress.failed.is_empty() => Ok(Exit::Done),
            Ok(()) => Ok(Exit::Failure),
            // The rest was not done.
            Err(error) => Err(error),
        }
    }
}

impl Progress {
    /// Reads one file after the other. An error means that the store took no more.
    fn import(&mut self, files: &[PathBuf]) -> anyhow::Result<()> {
        for (at, path) in files.iter().enumerate() {
            match fs::read(path) {
                Err(error) => self.fail(path, &error.to_string()),
                Ok(mail) => {
                    if let Err(error) = self.add(path, &mail) {
                        self.not_tried(files.get(at + 1..).unwrap_or_default());
                        return Err(error);
                    }
                }
            }
            self.bar.inc(1);
        }
        let flushed = self.importer.flush();
        self.settle(flushed)
    }

    fn add(&mut self, path: &Path, mail: &[u8]) -> anyhow::Result<()> {
        let before = self.importer.pending();
        self.pending.push(path.to_owned());
        match self.importer.add(mail) {
            Ok(()) if self.importer.pending() > 0 => Ok(()),
            // This mail alone was refused, and the others are still pending.
            Err(error)
                if self.importer.pending() == before
                    && (before > 0 || is_about_the_mail(&error)) =>
            {
                self.pending.pop();
                self.fail(path, &error.to_string());
                Ok(())
            }
            committed => self.settle(committed),
        }
    }

    /// After a commit: all that was pending is stored, or nothing of it.
    fn settle(&mut self, committed: mapistore::Result<()>) -> anyhow::Result<()> {
        let pending = std::mem::take(&mut self.pending);
        match committed {
            Ok(()) => {
                self.imported += pending.len() as u64;
                Ok(())
            }
            Err(error) => {
                let error = anyhow::Error::from(error);
                let message = exit::message_of(&error);
                self.failed
                    .extend(pending.into_iter().map(|path| (path, message.clone())));
                Err(error)
            }
        }
    }

    fn not_tried(&mut self, files: &[PathBuf]) {
        let why = "not tried, because the store took no more";
        self.failed
            .extend(files.iter().map(|path| (path.clone(), why.to_owned())));
    }

    fn fail(&mut self, path: &Path, why: &str) {
        self.failed.push((path.to_owned(), why.to_owned()));
    }
}

/// What could not be imported, and why.
type Failed = Vec<(PathBuf, String)>;

fn tell(imported: u64, failed: &Failed, folder: &str, output: &mut Output) -> anyhow::Result<()> {
    let failed = failed
        .iter()
        .map(|(path, error)| (path.display().to_string(), error.clone()));
    match output.format() {
        Format::Json => output.json(&ImportObject {
            imported,
            failed: failed
                .map(|(path, error)| FailedFile { path, error })
                .collect(),
        })?,
        Format::People => {
            for (path, error) in failed {
                say(&harmless::line(&format!("error: {path}: {error}")));
            }
            let messages = if imported == 1 { "message" } else { "messages" };
            output.line(&format!("{imported} {messages} imported into {folder}"))?;
        }
    }
    output.flush()?;
    Ok(())
}

/// The mail files that the paths lead to, in order; what leads to none has failed.
fn find(paths: &[PathBuf], failed: &mut Failed) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in paths {
        let before = files.len();
        let why = match fs::metadata(path) {
            Ok(found) if found.is_dir() => match find_below(path, &mut files) {
                Ok(()) if files.len() > before => continue,
                Ok(()) => "there are no .eml files in this folder".to_owned(),
                Err(error) => format!("{error:#}"),
            },
            Ok(_) => {
                files.push(path.clone());
                continue;
            }
            Err(error) => error.to_string(),
        };
        failed.push((path.clone(), why));
    }
    files
}

/// Whether another mail may fare better.
fn is_about_the_mail(error: &Error) -> bool {
    matches!(error, Error::TooBig { .. } | Error::InvalidParameter { .. })
}

/// The `.eml` files of a folder and of those below it, sorted. Links to folders are not followed: they may lead
/// around in a circle.
fn find_below(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let reading = || format!("reading {}", folder.display());
    let mut entries = fs::read_dir(folder)
        .and_then(Iterator::collect::<Result<Vec<fs::DirEntry>, _>>)
        .with_context(reading)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let is_mail = path
            .extension()
            .and_then(OsStr::to_str)
            .is_some_and(|end| end.eq_ignore_ascii_case("eml"));
        if entry.file_type().with_context(reading)?.is_dir() {
            find_below(&path, files)?;
        } else if is_mail && path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}
