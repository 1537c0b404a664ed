//! What it costs to create a message, to save changes to it, to be refused, and to store and read an attachment, beside
//! the same statements by hand.
//!
//! `cargo bench --bench save`; `-- --quick` takes seconds; `-- attach` measures the cases with that in their names.

#[allow(dead_code, reason = "each benchmark uses a part of it")]
mod support;

use std::io::Read;
use std::time::Duration;

use mapistore::{
    Access, AttachmentNumber, Durability, EntryId, Error, Message, SaveFlags, SpecialFolder, Store,
};
use rusqlite::Connection;
use support::bare::{self, CHUNK, Prepared, Reader, Stored, Writer};
use support::measure::{Table, Unit, repeat_for, timed};
use support::message::{Changes, VARIANTS, fill};
use support::stores::{self, Pair};
use support::{Effort, Result, machine, nth};

/// How many messages are open and saved in turns.
const OPEN: usize = 200;

const MEBIBYTE: usize = 1024 * 1024;
const ATTACHMENT: usize = 10 * MEBIBYTE;
/// What a program reads an attachment through.
const BUFFER: usize = 64 * 1024;

fn main() -> Result<()> {
    let effort = Effort::from_arguments()?;
    let pair = Pair::make(&effort)?;
    machine::print_header(
        "creating and saving messages, one client",
        &effort,
        pair.folder(),
    );
    let mut table = Table::default();
    for durability in [Durability::Full, Durability::Normal] {
        let connection = bare::connect(&pair.bare(), durability)?;
        let mut bench = Bench {
            effort: &effort,
            pair: &pair,
            table: &mut table,
            durability,
            store: stores::open_store(&pair.ours(), durability)?,
            changes: Changes::all(),
            connection: &connection,
            writer: Writer::new(&connection)?,
            prepared: bare::variants(&connection)?,
        };
        bench.create()?;
        bench.save()?;
        // Neither of these waits for the disk, so that one durability says all.
        if durability == Durability::Full {
            bench.refused()?;
        }
        bench.attachment_in()?;
        if durability == Durability::Full {
            bench.attachment_out()?;
        }
    }
    table.print();
    Ok(())
}

/// Both sides of the cases, under one durability.
struct Bench<'a> {
    effort: &'a Effort,
    pair: &'a Pair,
    table: &'a mut Table,
    durability: Durability,
    store: Store,
    changes: Vec<Changes>,
    connection: &'a Connection,
    writer: Writer<'a>,
    prepared: Vec<Prepared>,
}

impl Bench<'_> {
    fn case(&self, action: &str) -> String {
        match self.durability {
            Durability::Full => format!("{action}, full durability"),
            Durability::Normal => format!("{action}, normal durability"),
        }
    }

    /// Creates a message with all its properties and recipients.
    fn create(&mut self) -> Result<()> {
        let case = self.case("create a message");
        let drafts = self.store.special_folder(SpecialFolder::Drafts)?;
        let folder = bare::drafts(self.connection)?;
        let run = self.effort.run;
        self.table.compare(
            self.effort,
            &case,
            Unit::Operations,
            || {
                repeat_for(run, |n| {
                    stores::create(&drafts, nth(&self.changes, n)?).map(drop)
                })
            },
            || {
                repeat_for(run, |n| {
                    self.writer
                        .create(folder, nth(&self.prepared, n)?)
                        .map(drop)
                })
            },
        )
    }

    /// Saves changes to messages that were opened before.
    fn save(&mut self) -> Result<()> {
        let case = self.case("save three changed properties");
        let mut handles = self.handles()?;
        let mut rows = self.rows()?;
        let run = self.effort.run;
        // Each message is saved with another variant than the last time.
        let variant = |n: usize| n + n / OPEN;
        self.table.compare(
            self.effort,
            &case,
            Unit::Operations,
            || {
                repeat_for(run, |n| {
                    let message = handles.get_mut(n % OPEN).ok_or("no such handle")?;
                    nth(&self.changes, variant(n))?.set(message)?;
                    message.save_changes(SaveFlags::KEEP_OPEN_READWRITE)?;
                    Ok(())
                })
            },
            || {
                repeat_for(run, |n| {
                    let message = rows.get_mut(n % OPEN).ok_or("no such row")?;
                    self.writer.save(message, nth(&self.prepared, variant(n))?)
                })
            },
        )
    }

    /// Saves changes to messages that somebody else has saved since they were opened.
    fn refused(&mut self) -> Result<()> {
        let mut handles = self.handles()?;
        let rows = self.rows()?;
        let changes = Changes::to(VARIANTS / 2);
        for (mut theirs, row) in self.handles()?.into_iter().zip(&rows) {
            changes.set(&mut theirs)?;
            theirs.save_changes(SaveFlags::empty())?;
            self.writer
                .save(&mut row.clone(), nth(&self.prepared, VARIANTS / 2)?)?;
        }
        let run = self.effort.run;
        self.table.compare(
            self.effort,
            "save refused as stale",
            Unit::Operations,
            || {
                repeat_for(run, |n| {
                    let message = handles.get_mut(n % OPEN).ok_or("no such handle")?;
                    nth(&self.changes, n)?.set(message)?;
                    match message.save_changes(SaveFlags::KEEP_OPEN_READWRITE) {
                        Err(Error::ObjectChanged { .. }) => Ok(()),
                        other => Err(format!("a stale save was answered with {other:?}").into()),
                    }
                })
            },
            || {
                repeat_for(run, |n| {
                    self.writer
                        .save_stale(nth(&rows, n)?, nth(&self.prepared, n)?)
                        .map(drop)
                })
            },
        )
    }

    /// Attaches a file to a new message and saves it.
    fn attachment_in(&mut self) -> Result<()> {
        let case = self.case("attach 10 MiB and save");
        let drafts = self.store.special_folder(SpecialFolder::Drafts)?;
        let folder = bare::drafts(self.connection)?;
        let content = nth(&self.prepared, 0)?;
        let mut data = Data::new();
        let mut other_data = Data::new();
        let large = self.effort.large;
        self.table.compare(
            self.effort,
            &case,
            Unit::Mebibytes,
            || {
                mebibytes_per_second(large, || {
                    let data = data.renew();
                    timed(|| attach(&self.store, &drafts.entry_id(), data).map(drop))
                })
            },
            || {
                mebibytes_per_second(large, || {
                    let data = other_data.renew();
                    timed(|| {
                        self.writer
                            .create_with_attachment(folder, content, data.len(), data)
                            .map(drop)
                    })
                })
            },
        )
    }

    /// Opens a message and reads its attachment.
    fn attachment_out(&mut self) -> Result<()> {
        let mut data = Data::new();
        let data = data.renew();
        let drafts = self.store.special_folder(SpecialFolder::Drafts)?;
        let (id, number) = attach(&self.store, &drafts.entry_id(), data)?;
        let folder = bare::drafts(self.connection)?;
        let uid = self.writer.create_with_attachment(
            folder,
            nth(&self.prepared, 0)?,
            data.len(),
            data,
        )?;
        let mut reader = Reader::new(self.connection)?;
        let mut buffer = vec![0; BUFFER];
        let mut other_buffer = vec![0; BUFFER];
        let repetitions = self.effort.large * 10;
        self.table.compare(
            self.effort,
            "open a message and read its attachment of 10 MiB",
            Unit::Mebibytes,
            || {
                mebibytes_per_second(repetitions, || {
                    timed(|| {
                        let message = self.store.open_message(&id, Access::ReadOnly)?;
                        let mut stream = message.open_attachment_data(number)?;
                        let mut size = 0;
                        loop {
                            let count = stream.read(&mut buffer)?;
                            std::hint::black_box(&mut buffer);
                            if count == 0 {
                                break all_of(size);
                            }
                            size += count;
                        }
                    })
                })
            },
            || {
                mebibytes_per_second(repetitions, || {
                    timed(|| {
                        let hash = reader.open(&uid)?.ok_or("the attachment is missing")?;
                        all_of(reader.read_attachment(hash, &mut other_buffer)?)
                    })
                })
            },
        )
    }

    /// Messages that are open for changes.
    fn handles(&self) -> Result<Vec<Message>> {
        let messages = self.pair.ids().len();
        (0..OPEN)
            .map(|place| {
                let id = nth(self.pair.ids(), stores::changeable(place, messages))?;
                Ok(self.store.open_message(id, Access::Modify)?)
            })
            .collect()
    }

    /// The same messages on the other side.
    fn rows(&self) -> Result<Vec<Stored>> {
        let messages = self.pair.ids().len();
        (0..OPEN)
            .map(|place| bare::stored(self.connection, stores::changeable(place, messages)))
            .collect()
    }
}

fn attach(store: &Store, folder: &EntryId, data: &[u8]) -> Result<(EntryId, AttachmentNumber)> {
    let mut message = store.open_folder(folder)?.create_message()?;
    fill(&mut message, &Changes::to(0))?;
    let number = message.attach("figures.bin", data)?;
    Ok((message.save_changes(SaveFlags::empty())?.entry_id, number))
}

fn all_of(size: usize) -> Result<()> {
    if size == ATTACHMENT {
        Ok(())
    } else {
        Err(format!("only {size} bytes were read").into())
    }
}

/// The content of an attachment.
struct Data {
    bytes: Vec<u8>,
    renewals: u64,
}

impl Data {
    fn new() -> Data {
        Data {
            bytes: vec![0x5A; ATTACHMENT],
            renewals: 0,
        }
    }

    /// Other content than ever before: equal content would be stored only once.
    fn renew(&mut self) -> &[u8] {
        self.renewals += 1;
        for chunk in self.bytes.chunks_mut(CHUNK) {
            let stamp = self.renewals.to_le_bytes();
            chunk
                .iter_mut()
                .zip(stamp)
                .for_each(|(to, from)| *to = from);
        }
        &self.bytes
    }
}

fn mebibytes_per_second(
    repetitions: usize,
    mut transfer: impl FnMut() -> Result<Duration>,
) -> Result<f64> {
    let mut taken = Duration::ZERO;
    for _ in 0..repetitions {
        taken += transfer()?;
    }
    Ok((repetitions * ATTACHMENT / MEBIBYTE) as f64 / taken.as_secs_f64())
}
