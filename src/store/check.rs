//! Whether a store is sound.

use std::collections::BTreeSet;

use crate::db::check::{self, Checkable, DocumentTable, SealedStream};
use crate::db::streams;
use crate::db::stretches::{self, MOST_CHUNKS, Stretch};
use crate::db::{folder_paths, messages};
use crate::error::{Error, Result};
use crate::model::StreamReference;
use crate::model::document;
use crate::store::progress::Progress;
use crate::store::{Folder, Store};

/// Objects read at once, so that no long read keeps the WAL from being reused.
const PAGE: u32 = 100;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CheckReport {
    /// What is wrong, each with the object that it hits; empty: the store is sound.
    pub problems: Vec<String>,
    /// How many messages, kept versions and streams were checked.
    pub checked: u64,
}

impl CheckReport {
    /// Whether nothing was found.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

impl Store {
    /// Checks the file (SQLite's own integrity check), every rule that the schema can show, the properties of folders
    /// and store, the checksum of every message and kept version, and every stream by its hash. Others go on working meanwhile.
    ///
    /// # Errors
    ///
    /// Those of reading the store, where damage keeps it from being read at all. Damage that can be named is in the
    /// report.
    pub fn check(&self, progress: &mut dyn FnMut(Progress)) -> Result<CheckReport> {
        let mut report = CheckReport::default();
        let total = self.database.read(check::workload)?;
        progress(Progress { done: 0, total });
        note(&mut report, self.database.read(check::integrity))?;
        for rule in 0..check::RULE_COUNT {
            note(
                &mut report,
                self.database.read(|reader| check::rule(reader, rule)),
            )?;
        }
        let miscounted = self.database.read_together(check::miscounted_folders);
        note(&mut report, miscounted)?;
        note(&mut report, self.database.read(check::astray_folders))?;
        self.check_permanent(&mut report)?;
        for table in [DocumentTable::Messages, DocumentTable::Versions] {
            let mut after = (0, 0);
            loop {
                let page = self
                    .database
                    .read_together(|reader| check::checkables(reader, table, after, PAGE));
                let page = match named(page, || format!("{table} after number {}", after.0)) {
                    Ok(page) => page,
                    // What comes after cannot be reached.
                    Err(error) => {
                        note(&mut report, Err(error))?;
                        break;
                    }
                };
                let Some(last) = page.last() else { break };
                after = last.key;
                for row in &page {
                    check_content(row, &mut report.problems);
                    if table == DocumentTable::Messages {
                        note(&mut report, self.check_row(row))?;
                    }
                }
                report.checked += page.len() as u64;
                progress(Progress {
                    done: report.checked,
                    total,
                });
            }
        }
        let mut after = 0;
        loop {
            let page = self
                .database
                .read(|reader| check::sealed_streams(reader, after, PAGE));
            let page = match named(page, || format!("streams after number {after}")) {
                Ok(page) => page,
                Err(error) => {
                    note(&mut report, Err(error))?;
                    break;
                }
            };
            let Some(last) = page.last() else { break };
            after = last.stream_id;
            for stream in &page {
                self.check_stream(stream, &mut report.problems)?;
                report.checked += 1;
                progress(Progress {
                    done: report.checked,
                    total,
                });
            }
        }
        Ok(report)
    }

    /// What stands in documents beside the messages: properties of the store and of folders.
    fn check_permanent(&self, report: &mut CheckReport) -> Result<()> {
        note(report, self.properties().map(|_| Vec::new()))?;
        let folders = self.database.read(folder_paths::all);
        let folders = match named(folders, || "the list of folders".to_owned()) {
            Ok(folders) => folders,
            Err(error) => return note(report, Err(error)),
        };
        for found in folders {
            let read = match Folder::new(self, &found.folder).properties() {
                // Since the folders were listed.
                Err(Error::ObjectDeleted { .. }) => continue,
                read => named(read, || format!("folder {}", found.path)),
            };
            note(report, read.map(|_| Vec::new()))?;
        }
        Ok(())
    }

    /// Whether a client can read what stands beside the documents of a message.
    fn check_row(&self, row: &Checkable) -> Result<Vec<String>> {
        let read = self.database.read(|reader| messages::load(reader, row.uid));
        named(read, || format!("message {}", row.uid)).map(|_| Vec::new())
    }

    fn check_stream(&self, stream: &SealedStream, problems: &mut Vec<String>) -> Result<()> {
        let mut hasher = blake3::Hasher::new();
        let mut stretch = Stretch::default();
        let mut position = 0;
        while position < stream.size {
            let read = self.database.read(|reader| {
                stretches::read_sealed(reader, stream.hash, position, MOST_CHUNKS, &mut stretch)
            });
            match read {
                Ok(()) => match stretch.from(position) {
                    [] => break,
                    bytes => {
                        hasher.update(bytes);
                        position += bytes.len() as u64;
                    }
                },
                // Collected since the page was read.
                Err(_)
                    if self
                        .database
                        .read(|reader| streams::find(reader, stream.hash))?
                        .is_none() =>
                {
                    return Ok(());
                }
                Err(Error::CorruptStore { detail, .. }) => {
                    problems.push(detail);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        // Chunks that overlap others, or lie past the end, are not met on the way.
        let stored = self
            .database
            .read(|reader| streams::stored_size(reader, stream));
        match stored {
            Ok(Some(stored)) if stored != stream.size => problems.push(format!(
                "stream {} of {} bytes has chunks of {stored} bytes",
                stream.hash, stream.size
            )),
            Ok(Some(_)) => {}
            // Collected since the page was read, perhaps in part.
            Ok(None) => return Ok(()),
            Err(Error::CorruptStore { detail, .. }) => problems.push(detail),
            Err(error) => return Err(error),
        }
        if position != stream.size || hasher.finalize().as_bytes() != stream.hash.as_bytes() {
            problems.push(format!(
                "stream {} does not have the content of its hash",
                stream.hash
            ));
        }
        Ok(())
    }
}

/// Says in what the damage is.
fn named<T>(found: Result<T>, what: impl FnOnce() -> String) -> Result<T> {
    found.map_err(|error| match error {
        Error::CorruptStore { detail, source } => Error::CorruptStore {
            detail: format!("{}: {detail}", what()),
            source,
        },
        error => error,
    })
}

/// Damage that ends one part of the check does not end the others.
fn note(report: &mut CheckReport, found: Result<Vec<String>>) -> Result<()> {
    match found {
        Ok(problems) => report.problems.extend(problems),
        Err(Error::CorruptStore { detail, source }) => {
            let source = source
                .map(|source| format!(": {source}"))
                .unwrap_or_default();
            report.problems.push(format!("{detail}{source}"));
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

fn check_content(row: &Checkable, problems: &mut Vec<String>) {
    let name = match row.key {
        (_, 0) => format!("message {}", row.uid),
        (_, version) => format!("kept version {version} of message {}", row.uid),
    };
    // A content that was written by hand has no checksum.
    if row
        .checksum
        .is_some_and(|stored| stored != document::checksum(&row.uid, &row.documents))
    {
        problems.push(format!(
            "{name} is not as it was saved: the checksum differs"
        ));
    }
    match document::read(&row.documents) {
        Err(error) => problems.push(format!("{name} cannot be read: {error}")),
        Ok(content) => {
            let named = content.streams();
            let referred: BTreeSet<StreamReference> = row.streams.iter().copied().collect();
            for missing in named.difference(&referred) {
                problems.push(format!(
                    "{name} names stream {} of {} bytes, which is not kept for it",
                    missing.hash, missing.size
                ));
            }
            for surplus in referred.difference(&named) {
                problems.push(format!(
                    "{name} keeps stream {} of {} bytes, which it does not name",
                    surplus.hash, surplus.size
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::garbage::{self, Condemned};
    use crate::db::transaction::Ending;
    use crate::model::{Deletion, pr};
    use crate::store::test_support::{Fixture, KEEP};

    #[test]
    fn stream_that_is_collected_meanwhile_is_no_damage() {
        // P5
        let fixture = Fixture::make();
        let store = &fixture.store;
        let mut draft = fixture.draft("original");
        draft.set(pr::BODY, "a large one ".repeat(1_000)).unwrap();
        let id = draft.save_changes(KEEP).unwrap().entry_id;
        store.delete_messages(&[id], Deletion::Hard).unwrap();
        let database = &store.database;
        let listed = database.read(|reader| check::sealed_streams(reader, 0, PAGE));
        let listed = listed.unwrap();
        let unreferenced = database.read(|reader| {
            let end = garbage::newest(reader)?;
            garbage::unreferenced(reader, None, end, PAGE)
        });
        let [candidate] = unreferenced.unwrap()[..] else {
            panic!("one stream is collected")
        };
        // Its content is gone already, and its row will go in the next turn.
        let deleted = database.write(
            |_| Ok(()),
            |tx| {
                assert_eq!(garbage::condemn(tx, candidate)?, Condemned::Yes);
                garbage::delete_some(tx, candidate.stream, 1).map(Ending::Commit)
            },
        );
        assert_eq!(deleted.unwrap(), (12_000, garbage::Deleted::Part));
        let mut problems = Vec::new();
        store.check_stream(&listed[0], &mut problems).unwrap();
        assert_eq!(problems, Vec::<String>::new());
        // As between the last of its content and the question how much there was.
        let stored = database.read(|reader| streams::stored_size(reader, &listed[0]));
        assert_eq!(stored.unwrap(), None);
    }
}
