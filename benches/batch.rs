//! What many saves in one commit cost: beside the same statements by hand in one transaction, and beside as many saves
//! with a commit each. And importing mail, without parsing it.
//!
//! `cargo bench --bench batch`; `-- --quick` takes seconds.

#[allow(dead_code, reason = "each benchmark uses a part of it")]
mod support;

use std::time::{Duration, Instant};

use mapistore::mime::{Importer, parse_message};
use mapistore::{Access, Durability, Message, SaveFlags, SpecialFolder, Store};
use rusqlite::Connection;
use support::bare::{self, Prepared, Writer};
use support::measure::{Table, Unit};
use support::message::{Changes, VARIANTS, fill};
use support::stores::{self, Pair};
use support::{Effort, Result, machine, nth};

/// Messages of a mail folder that are imported at once, as the importer commits them.
const MAILS: usize = 100;

fn main() -> Result<()> {
    let effort = Effort::from_arguments()?;
    let pair = Pair::make(&effort)?;
    machine::print_header(
        "many saves in one commit, one client",
        &effort,
        pair.folder(),
    );
    let durability = Durability::Full;
    let connection = bare::connect(&pair.bare(), durability)?;
    let mut bench = Bench {
        effort: &effort,
        pair: &pair,
        store: stores::open_store(&pair.ours(), durability)?,
        changes: Changes::all(),
        connection: &connection,
        // As many as a batch takes, and there are.
        count: Store::BATCH_MESSAGES.min(effort.messages - VARIANTS),
    };
    let mut table = Table::default();
    bench.saves(&mut table)?;
    bench.creations(&mut table)?;
    bench.import(&mut table)?;
    table.print();
    println!();
    let head = "case | one commit | a commit each | ratio";
    let mut table = Table::with_head(head);
    bench.one_by_one(&mut table)?;
    table.print();
    Ok(())
}

struct Bench<'a> {
    effort: &'a Effort,
    pair: &'a Pair,
    store: Store,
    changes: Vec<Changes>,
    connection: &'a Connection,
    count: usize,
}

impl Bench<'_> {
    fn handles(&self) -> Result<Vec<Message>> {
        let ids = self.pair.ids().iter().skip(VARIANTS).take(self.count);
        ids.map(|id| Ok(self.store.open_message(id, Access::Modify)?))
            .collect()
    }

    /// Changes three properties of many messages and saves them.
    fn saves(&mut self, table: &mut Table) -> Result<()> {
        let case = format!("save {} messages in one commit", self.count);
        let mut handles = self.handles()?;
        let mut rows = (VARIANTS..VARIANTS + self.count)
            .map(|place| bare::stored(self.connection, place))
            .collect::<Result<Vec<_>>>()?;
        let prepared = bare::variants(self.connection)?;
        let mut writer = Writer::new(self.connection)?;
        let (mut round, mut bare_round) = (0, 0);
        let (store, changes) = (&self.store, &self.changes);
        table.compare(
            self.effort,
            &case,
            Unit::Operations,
            || {
                round += 1;
                per_second(self.count, || {
                    save_together(store, &mut handles, changes, round)
                })
            },
            || {
                bare_round += 1;
                per_second(self.count, || {
                    writer.together(|writer| {
                        for (n, row) in rows.iter_mut().enumerate() {
                            writer.save_within(row, nth(&prepared, n + bare_round)?)?;
                        }
                        Ok(())
                    })
                })
            },
        )
    }

    /// Creates messages with all their properties, which are set before: as an import does that has parsed its mails.
    fn creations(&mut self, table: &mut Table) -> Result<()> {
        let case = format!("create {MAILS} messages in one commit, set before");
        let drafts = self.store.special_folder(SpecialFolder::Drafts)?;
        let folder = bare::drafts(self.connection)?;
        let prepared = bare::variants(self.connection)?;
        let mut writer = Writer::new(self.connection)?;
        let changes = &self.changes;
        table.compare(
            self.effort,
            &case,
            Unit::Operations,
            || {
                commits_per_second(self.effort, || {
                    let mut messages = Vec::new();
                    for n in 0..MAILS {
                        let mut message = drafts.create_message()?;
                        fill(&mut message, nth(changes, n)?)?;
                        messages.push(message);
                    }
                    let begun = Instant::now();
                    let results = self.store.save_batch(&mut messages, SaveFlags::empty())?;
                    results
                        .into_iter()
                        .try_for_each(|result| result.map(drop))?;
                    Ok(begun.elapsed())
                })
            },
            || {
                commits_per_second(self.effort, || {
                    create_by_hand(&mut writer, folder, &prepared)
                })
            },
        )
    }

    /// Imports mails of a few kilobytes. The parsing alone is measured too, and taken off.
    fn import(&mut self, table: &mut Table) -> Result<()> {
        let case = format!("import {MAILS} mails, parsing apart");
        let inbox = self.store.special_folder(SpecialFolder::Inbox)?;
        let mails: Vec<Vec<u8>> = (0..MAILS).map(mail).collect();
        // What the import makes of them is what bare inserts.
        let reader = bare::connect(&self.pair.ours(), Durability::Full)?;
        let before = bare::newest(&reader)?;
        let mut importer = Importer::new(&inbox);
        mails.iter().try_for_each(|mail| importer.add(mail))?;
        importer.flush()?;
        let prepared = bare::after(&reader, before)?;
        drop(reader);
        let folder = bare::drafts(self.connection)?;
        let mut writer = Writer::new(self.connection)?;
        table.compare(
            self.effort,
            &case,
            Unit::Operations,
            || {
                commits_per_second(self.effort, || {
                    let begun = Instant::now();
                    for mail in &mails {
                        std::hint::black_box(parse_message(mail));
                    }
                    let parsing = begun.elapsed();
                    let begun = Instant::now();
                    let mut importer = Importer::new(&inbox);
                    mails.iter().try_for_each(|mail| importer.add(mail))?;
                    importer.flush()?;
                    Ok(begun.elapsed().saturating_sub(parsing))
                })
            },
            || {
                commits_per_second(self.effort, || {
                    create_by_hand(&mut writer, folder, &prepared)
                })
            },
        )
    }

    /// The same saves, together and one by one.
    fn one_by_one(&mut self, table: &mut Table) -> Result<()> {
        let case = format!("save {} messages, full durability", self.count);
        let mut handles = self.handles()?;
        let mut others = self.handles()?;
        // Each waits for the disk, so a part of them says as much.
        others.truncate(self.count.min(500));
        let (mut round, mut other_round) = (0, 0);
        // These were all opened at once, and each side makes the other's stale.
        let (store, changes) = (&self.store, &self.changes);
        table.compare(
            self.effort,
            &case,
            Unit::Operations,
            || {
                round += 1;
                for message in &mut handles {
                    message.reload()?;
                }
                per_second(self.count, || {
                    save_together(store, &mut handles, changes, round)
                })
            },
            || {
                other_round += 1;
                for message in &mut others {
                    message.reload()?;
                }
                per_second(others.len(), || {
                    others.iter_mut().enumerate().try_for_each(|(n, message)| {
                        nth(changes, n + other_round)?.set(message)?;
                        message.save_changes(SaveFlags::KEEP_OPEN_READWRITE)?;
                        Ok(())
                    })
                })
            },
        )
    }
}

fn save_together(
    store: &Store,
    handles: &mut [Message],
    changes: &[Changes],
    round: usize,
) -> Result<()> {
    for (n, message) in handles.iter_mut().enumerate() {
        nth(changes, n + round)?.set(message)?;
    }
    let results = store.save_batch(handles, SaveFlags::KEEP_OPEN_READWRITE)?;
    results
        .into_iter()
        .try_for_each(|result| Ok(result.map(drop)?))
}

fn per_second(count: usize, action: impl FnOnce() -> Result<()>) -> Result<f64> {
    let begun = Instant::now();
    action()?;
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

/// Commits [`MAILS`] messages again and again, for a fifth of a run so that the files stay small; each time it is said what counts.
fn commits_per_second(
    effort: &Effort,
    mut commit: impl FnMut() -> Result<Duration>,
) -> Result<f64> {
    let (mut count, mut counted) = (0, Duration::ZERO);
    while counted < effort.run / 5 {
        counted += commit()?;
        count += MAILS;
    }
    Ok(count as f64 / counted.as_secs_f64())
}

fn create_by_hand(writer: &mut Writer<'_>, folder: i64, prepared: &[Prepared]) -> Result<Duration> {
    let begun = Instant::now();
    writer.together(|writer| {
        (0..MAILS).try_for_each(|n| writer.create_within(folder, nth(prepared, n)?).map(drop))
    })?;
    Ok(begun.elapsed())
}

/// A mail as they come: two addresses, a text of two kilobytes.
fn mail(number: usize) -> Vec<u8> {
    let line = "The figures are as they were when we met, but for the two below.\r\n";
    format!(
        "From: Ana Moreno <ana.moreno@example.org>\r\n\
         To: Jonas Weber <jonas.weber@example.com>\r\n\
         Cc: Mira Castel <mira.castel@example.net>\r\n\
         Subject: Figures of the third quarter, {number}\r\n\
         Date: Mon, 23 Nov 2026 10:39:39 +0100\r\n\
         Message-ID: <{number}.figures@example.org>\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n{}",
        line.repeat(30)
    )
    .into_bytes()
}
