//! The same work on other stores: opening a message, saving three changed properties, being refused because somebody else
//! has saved, and saving from eight processes. All with full durability.
//!
//! | peer | what it does not do, and the others do |
//! | --- | --- |
//! | bare SQLite | says why a save was refused, is fair between processes, can repeat a save without harm |
//! | redb | the same, and: no columns to sort by, no index but that of the uid, no guard for other programs; the journal has no index |
//! | plain files | the same, and: no journal, no change number, nothing that spans two messages; a folder of many files |
//!
//! All of them keep the same documents, made beforehand except by mapistore, and read them whole when a message is opened.
//! redb is open to several processes in its multi-writer mode, and otherwise in its usual one. Plain files are
//! written, synced, renamed and their folder synced, under one lock for each message, since nothing else makes checking the
//! version and replacing the file one step.
//!
//! `cargo bench --manifest-path benches/peers/Cargo.toml`; `-- --quick` takes seconds.

mod files;
mod redb_store;
#[allow(dead_code, reason = "each benchmark uses a part of it")]
#[path = "../support/mod.rs"]
mod support;

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use mapistore::{Access, Durability, EntryId, Error, Message, SaveFlags, Store};
use rusqlite::Connection;
use support::bare::{self, Prepared, Reader, Stored, Writer};
use support::measure::{Table, grouped, median, repeat_for, spread};
use support::message::Changes;
use support::stores::{self, Pair};
use support::{Effort, Result, machine, nth};

/// Messages that are saved in turn.
const OPEN: usize = 200;
const PROCESSES: usize = 8;
/// Messages of one process.
const OWN: usize = 8;
const CLIENT: &str = "--client";

/// A way to keep messages.
trait Peer {
    /// Reads a message and takes its documents apart.
    fn open(&mut self, n: usize) -> Result<()>;
    /// Saves one that nobody else has saved.
    fn save(&mut self, n: usize, variant: usize) -> Result<()>;
    /// Tries to save one that somebody else has saved.
    fn refused(&mut self, n: usize, variant: usize) -> Result<()>;
}

/// What there is to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mapistore,
    Bare,
    Redb,
    Files,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::Mapistore, Kind::Bare, Kind::Redb, Kind::Files];

    fn name(self) -> &'static str {
        match self {
            Kind::Mapistore => "mapistore",
            Kind::Bare => "bare SQLite",
            Kind::Redb => "redb",
            Kind::Files => "plain files",
        }
    }

    fn path(self, pair: &Pair) -> PathBuf {
        match self {
            Kind::Mapistore => pair.ours(),
            Kind::Bare => pair.bare(),
            Kind::Redb => pair.folder().join("messages.redb"),
            Kind::Files => pair.folder().join("files"),
        }
    }
}

/// What a peer keeps: the documents that a message may have, and its messages by uid.
struct Kept {
    prepared: Vec<Prepared>,
    uids: Vec<[u8; 16]>,
}

impl Kept {
    fn document(&self, n: usize) -> Result<String> {
        Ok(nth(&self.prepared, n)?.document())
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().collect();
    if arguments.get(1).is_some_and(|first| first == CLIENT) {
        return client(arguments.get(2..).unwrap_or_default());
    }
    let mut effort = Effort::from_arguments()?;
    effort.rounds = effort.rounds.min(5);
    let pair = Pair::make(&effort)?;
    machine::print_header("peers, full durability", &effort, pair.folder());
    let connection = bare::connect(&pair.bare(), Durability::Full)?;
    let kept = Kept {
        prepared: bare::variants(&connection)?,
        uids: pair
            .ids()
            .iter()
            .map(|id| *id.object().as_bytes())
            .collect(),
    };
    redb_store::fill(&Kind::Redb.path(&pair), &kept)?;
    files::fill(&Kind::Files.path(&pair), &kept)?;

    let mut table = Table::with_head("case | mapistore | bare SQLite | redb | plain files");
    one_client(&effort, &pair, &kept, &connection, &mut table)?;
    drop(connection);
    many(&effort, &pair, &mut table)?;
    table.print();
    Ok(())
}

fn one_client(
    effort: &Effort,
    pair: &Pair,
    kept: &Kept,
    connection: &Connection,
    table: &mut Table,
) -> Result<()> {
    let places: Vec<usize> = (0..OPEN)
        .map(|place| stores::changeable(place, pair.ids().len()))
        .collect();
    let store = stores::open_store(&pair.ours(), Durability::Full)?;
    let mut peers: Vec<Box<dyn Peer + '_>> = vec![
        Box::new(Ours::open(&store, pair, &places)?),
        Box::new(Bare::open(connection, pair, &places)?),
        Box::new(redb_store::Redb::open(
            &Kind::Redb.path(pair),
            kept,
            &places,
        )?),
        Box::new(files::Files::open(&Kind::Files.path(pair), kept, &places)?),
    ];
    type Action = fn(&mut dyn Peer, usize) -> Result<()>;
    let cases: [(&str, Action); 3] = [
        ("open a message", |peer, n| peer.open(n)),
        ("save three changed properties", |peer, n| {
            peer.save(n, n + n / OPEN)
        }),
        ("save refused as stale", |peer, n| peer.refused(n, n)),
    ];
    for (case, action) in cases {
        if !effort.includes(case) {
            continue;
        }
        let mut runs = vec![Vec::new(); peers.len()];
        for _ in 0..effort.rounds {
            for (peer, runs) in peers.iter_mut().zip(&mut runs) {
                runs.push(repeat_for(effort.run, |n| action(&mut **peer, n))?);
            }
        }
        tell(case, &runs, table);
    }
    Ok(())
}

fn tell(case: &str, runs: &[Vec<f64>], table: &mut Table) {
    let mut columns = vec![case.to_owned()];
    for (kind, runs) in Kind::ALL.iter().zip(runs) {
        eprintln!("{case}: {} {}", kind.name(), spread(runs));
        let throughput = median(runs);
        columns.push(format!(
            "{}/s ({:.1} µs)",
            grouped(throughput),
            1e6 / throughput
        ));
    }
    table.add_line(&columns);
}

struct Ours<'a> {
    store: &'a Store,
    ids: Vec<EntryId>,
    handles: Vec<Message>,
    stale: Vec<Message>,
    changes: Vec<Changes>,
}

impl<'a> Ours<'a> {
    fn open(store: &'a Store, pair: &Pair, places: &[usize]) -> Result<Ours<'a>> {
        let ids = places
            .iter()
            .map(|place| nth(pair.ids(), *place).copied())
            .collect::<Result<Vec<EntryId>>>()?;
        let open = || -> Result<Vec<Message>> {
            ids.iter()
                .map(|id| Ok(store.open_message(id, Access::Modify)?))
                .collect()
        };
        let stale = open()?;
        let changes = Changes::all();
        for mut theirs in open()? {
            nth(&changes, 1)?.set(&mut theirs)?;
            theirs.save_changes(SaveFlags::empty())?;
        }
        Ok(Ours {
            store,
            handles: open()?,
            stale,
            changes,
            ids,
        })
    }
}

impl Peer for Ours<'_> {
    fn open(&mut self, n: usize) -> Result<()> {
        std::hint::black_box(
            self.store
                .open_message(nth(&self.ids, n)?, Access::ReadOnly)?,
        );
        Ok(())
    }

    fn save(&mut self, n: usize, variant: usize) -> Result<()> {
        let count = self.handles.len();
        let message = self.handles.get_mut(n % count).ok_or("no such handle")?;
        nth(&self.changes, variant)?.set(message)?;
        message.save_changes(SaveFlags::KEEP_OPEN_READWRITE)?;
        Ok(())
    }

    fn refused(&mut self, n: usize, variant: usize) -> Result<()> {
        let count = self.stale.len();
        let message = self.stale.get_mut(n % count).ok_or("no such handle")?;
        nth(&self.changes, variant)?.set(message)?;
        match message.save_changes(SaveFlags::KEEP_OPEN_READWRITE) {
            Err(Error::ObjectChanged { .. }) => Ok(()),
            other => Err(format!("a stale save was answered with {other:?}").into()),
        }
    }
}

struct Bare<'a> {
    writer: Writer<'a>,
    reader: Reader<'a>,
    rows: Vec<Stored>,
    stale: Vec<Stored>,
    prepared: Vec<Prepared>,
}

impl<'a> Bare<'a> {
    fn open(connection: &'a Connection, pair: &Pair, places: &[usize]) -> Result<Bare<'a>> {
        // The number of a message is its place and one.
        debug_assert!(places.iter().all(|place| *place < pair.ids().len()));
        let rows = || -> Result<Vec<Stored>> {
            places
                .iter()
                .map(|place| bare::stored(connection, *place))
                .collect()
        };
        let prepared = bare::variants(connection)?;
        let mut writer = Writer::new(connection)?;
        let stale = rows()?;
        for theirs in &mut rows()? {
            writer.save(theirs, nth(&prepared, 1)?)?;
        }
        Ok(Bare {
            rows: rows()?,
            stale,
            writer,
            reader: Reader::new(connection)?,
            prepared,
        })
    }
}

impl Peer for Bare<'_> {
    fn open(&mut self, n: usize) -> Result<()> {
        self.reader.open(&nth(&self.rows, n)?.uid).map(drop)
    }

    fn save(&mut self, n: usize, variant: usize) -> Result<()> {
        let count = self.rows.len();
        let row = self.rows.get_mut(n % count).ok_or("no such row")?;
        self.writer.save(row, nth(&self.prepared, variant)?)
    }

    fn refused(&mut self, n: usize, variant: usize) -> Result<()> {
        let row = nth(&self.stale, n)?;
        self.writer
            .save_stale(row, nth(&self.prepared, variant)?)
            .map(drop)
    }
}

/// Processes that save messages of their own at the same time.
fn many(effort: &Effort, pair: &Pair, table: &mut Table) -> Result<()> {
    let case = format!("{PROCESSES} processes save");
    if !effort.includes(&case) {
        return Ok(());
    }
    let mut runs = vec![Vec::new(); Kind::ALL.len()];
    for _ in 0..effort.rounds {
        for (kind, runs) in Kind::ALL.iter().zip(&mut runs) {
            runs.push(run_processes(*kind, pair, effort.run)?);
        }
    }
    tell(&case, &runs, table);
    Ok(())
}

/// The saves of one run, in a second.
fn run_processes(kind: Kind, pair: &Pair, time: Duration) -> Result<f64> {
    let mut children = Vec::new();
    for client in 0..PROCESSES {
        let mut command = Command::new(env::current_exe()?);
        command
            .args([CLIENT, kind.name(), &time.as_millis().to_string()])
            .args([kind.path(pair), pair.bare()]);
        for own in 0..OWN {
            let place = stores::changeable(client * OWN + own, pair.ids().len());
            command.arg(place.to_string());
            command.arg(nth(pair.ids(), place)?.to_string());
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let from = BufReader::new(child.stdout.take().ok_or("a client without output")?);
        children.push((child, from));
    }
    let line = |from: &mut BufReader<ChildStdout>| -> Result<String> {
        let mut line = String::new();
        from.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    };
    for (_, from) in &mut children {
        if line(from)? != "ready" {
            return Err("a client was not ready".into());
        }
    }
    let go = |child: &mut Child| -> Result<()> {
        let to = child.stdin.as_mut().ok_or("a client without input")?;
        Ok(to.write_all(b"go\n")?)
    };
    children.iter_mut().try_for_each(|(child, _)| go(child))?;
    let mut saves = 0_u64;
    for (child, from) in &mut children {
        saves += line(from)?.parse::<u64>()?;
        if !child.wait()?.success() {
            return Err("a client failed".into());
        }
    }
    Ok(saves as f64 / time.as_secs_f64())
}

/// A process that was started to save.
fn client(arguments: &[String]) -> Result<()> {
    let [name, time, path, documents, own @ ..] = arguments else {
        return Err("an argument is missing".into());
    };
    let kind = Kind::ALL.iter().find(|kind| kind.name() == name);
    let time = Duration::from_millis(time.parse()?);
    let (path, documents) = (Path::new(path), Path::new(documents));
    let mut places = Vec::new();
    let mut ids: Vec<EntryId> = Vec::new();
    for pair in own.chunks(2) {
        let [place, id] = pair else {
            return Err("a message without its id".into());
        };
        places.push(place.parse::<usize>()?);
        ids.push(id.parse()?);
    }
    let connection = bare::connect(documents, Durability::Full)?;
    let prepared = bare::variants(&connection)?;
    // Plain peers know their messages by uid alone.
    let uids: Vec<[u8; 16]> = ids.iter().map(|id| *id.object().as_bytes()).collect();
    let all: Vec<usize> = (0..uids.len()).collect();
    let kept = Kept { prepared, uids };
    let store;
    let mut peer: Box<dyn Peer + '_> = match kind.ok_or("there is no such peer")? {
        Kind::Mapistore => {
            drop(connection);
            store = stores::open_store(path, Durability::Full)?;
            let handles = ids
                .iter()
                .map(|id| Ok(store.open_message(id, Access::Modify)?))
                .collect::<Result<_>>()?;
            Box::new(Ours {
                store: &store,
                ids,
                handles,
                stale: Vec::new(),
                changes: Changes::all(),
            })
        }
        Kind::Bare => Box::new(Bare {
            rows: places
                .iter()
                .map(|place| bare::stored(&connection, *place))
                .collect::<Result<_>>()?,
            stale: Vec::new(),
            writer: Writer::new(&connection)?,
            reader: Reader::new(&connection)?,
            prepared: bare::variants(&connection)?,
        }),
        Kind::Redb => Box::new(redb_store::Redb::share(path, &kept, &all)?),
        Kind::Files => Box::new(files::Files::share(path, &kept, &all)?),
    };
    println!("ready");
    std::io::stdin().read_line(&mut String::new())?;
    let begun = Instant::now();
    let mut saves = 0_usize;
    while begun.elapsed() < time {
        peer.save(saves, saves + saves / OWN)?;
        saves += 1;
    }
    println!("{saves}");
    Ok(())
}
