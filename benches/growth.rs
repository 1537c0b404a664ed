//! Whether a large store costs more than a small one: opening and saving beside bare SQLite, a page of a large folder, and
//! its counts.
//!
//! Both sides use the same file, each with messages of its own, so that it need not be copied. It is made once, in the
//! folder `growth` beside the build or below `$MAPISTORE_BENCH_FOLDER`, and stays there for the next time: a million
//! messages take some minutes and gigabytes. `--remove` takes it away afterwards.
//!
//! `cargo bench --bench growth`; `-- --quick` compares 1,000 and 20,000 messages, in seconds.

#[allow(dead_code, reason = "each benchmark uses a part of it")]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mapistore::{
    Access, Durability, EntryId, FileTime, Folder, MapiProp, ObjectUid, Page, SaveFlags,
    SpecialFolder, Store, pr,
};
use rusqlite::Connection;
use support::bare::{self, Random, Reader, Writer};
use support::measure::{Table, grouped, median, repeat_for, timed};
use support::message::{Changes, VARIANTS, fill};
use support::{Effort, Result, Thoroughness, machine, nth, stores};

/// The small store.
const FEW: usize = 1_000;
/// Messages of each side that are opened and saved.
const PICKED: usize = 200;
/// Messages in one commit while the store is made.
const TOGETHER: usize = 1_000;
/// One message a minute.
const MINUTE: u64 = 600_000_000;

fn main() -> Result<()> {
    let mut effort = Effort::from_arguments()?;
    effort.messages = match effort.thoroughness {
        Thoroughness::Full => 1_000_000,
        Thoroughness::Quick => 20_000,
    };
    let folder = stores::parent()?.join("growth");
    fs::create_dir_all(&folder)?;
    machine::print_header("growth, one client, normal durability", &effort, &folder);
    let head = "messages | case | mapistore | bare SQLite | ratio | ratio to that of 1,000";
    let mut table = Table::with_head(head);
    let mut costs = Table::with_head("messages | case | median | longest");
    let mut of_few = Vec::new();
    for messages in [FEW, effort.messages] {
        let path = folder.join(format!("{messages}.store"));
        make(&path, messages)?;
        let grown = Grown::open(&path, messages, &effort)?;
        for (place, (case, ours, bare)) in
            [grown.opening()?, grown.saving()?].into_iter().enumerate()
        {
            let ratio = ours / bare;
            if messages == FEW {
                of_few.push(ratio);
            }
            table.add_line(&[
                grouped(messages as f64),
                case.to_owned(),
                format!("{:.1} µs", 1e6 / ours),
                format!("{:.1} µs", 1e6 / bare),
                format!("{ratio:.2}"),
                format!("{:.2}", ratio / nth(&of_few, place)?),
            ]);
        }
        grown.looking(&mut costs)?;
    }
    table.print();
    println!();
    costs.print();
    if effort.removes_stores {
        fs::remove_dir_all(&folder)?;
    }
    Ok(())
}

/// Makes a store of so many messages, unless it is there already. One that was not finished is made anew.
fn make(path: &Path, messages: usize) -> Result<()> {
    if path.exists() {
        let count: i64 =
            Connection::open(path)?
                .query_row("SELECT count(*) FROM messages", [], |row| row.get(0))?;
        if count == i64::try_from(messages)? {
            return Ok(());
        }
        for suffix in ["", "-wal", "-shm", "-lock"] {
            let mut file = path.as_os_str().to_owned();
            file.push(suffix);
            match fs::remove_file(PathBuf::from(file)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error.into());
                }
                _ => {}
            }
        }
    }
    let begun = Instant::now();
    let store = Store::options()
        .create_if_missing()
        .durability(Durability::Normal)
        .open(path)?;
    let drafts = store.special_folder(SpecialFolder::Drafts)?;
    let changes = Changes::all();
    let mut made = 0;
    while made < messages {
        let count = TOGETHER.min(messages - made);
        let mut batch = Vec::new();
        for n in made..made + count {
            let mut message = drafts.create_message()?;
            fill(&mut message, nth(&changes, n)?)?;
            let received = 134_000_000_000_000_000 + u64::try_from(n)? * MINUTE;
            message.set(pr::MESSAGE_DELIVERY_TIME, FileTime::new(received))?;
            batch.push(message);
        }
        for result in store.save_batch(&mut batch, SaveFlags::empty())? {
            result?;
        }
        made += count;
    }
    drop(drafts);
    drop(store);
    let bytes = fs::metadata(path)?.len();
    eprintln!(
        "made {} messages, {} MB, in {:.0} s",
        grouped(messages as f64),
        grouped(bytes as f64 / 1e6),
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

/// A store of a size, with what both sides pick from it.
struct Grown<'a> {
    effort: &'a Effort,
    messages: usize,
    path: &'a Path,
    store: Store,
    drafts: Folder,
    /// Places of messages, spread over the store: the even ones are ours, the others bare's.
    places: Vec<usize>,
}

/// A case, and both throughputs.
type Compared = (&'static str, f64, f64);

impl<'a> Grown<'a> {
    fn open(path: &'a Path, messages: usize, effort: &'a Effort) -> Result<Grown<'a>> {
        let store = stores::open_store(path, Durability::Normal)?;
        let drafts = store.special_folder(SpecialFolder::Drafts)?;
        let mut random = Random::seeded(11);
        let span = messages - VARIANTS;
        let mut places: Vec<usize> = Vec::new();
        while places.len() < 2 * PICKED {
            let place = VARIANTS + random.below(span);
            if !places.contains(&place) {
                places.push(place);
            }
        }
        let grown = Grown {
            effort,
            messages,
            path,
            store,
            drafts,
            places,
        };
        grown.forget_checksums()?;
        Ok(grown)
    }

    /// Bare SQLite writes checksums that are none. In a store that was measured before, its messages say that they have none.
    fn forget_checksums(&self) -> Result<()> {
        let connection = self.connect()?;
        let mut forget = connection
            .prepare("UPDATE messages SET content_checksum = NULL WHERE message_id = ?")?;
        for place in self.places.iter().skip(1).step_by(2) {
            forget.execute([bare::stored(&connection, *place)?.message_id])?;
        }
        Ok(())
    }

    fn connect(&self) -> Result<Connection> {
        bare::connect(self.path, Durability::Normal)
    }

    fn id(&self, connection: &Connection, place: usize) -> Result<EntryId> {
        let uid = bare::stored(connection, place)?.uid;
        let store = self.drafts.entry_id().store();
        Ok(EntryId::new(store, ObjectUid::from_bytes(uid)))
    }

    /// Both sides in turns, medians.
    fn compare(
        &self,
        case: &'static str,
        mut ours: impl FnMut(usize) -> Result<()>,
        mut bare: impl FnMut(usize) -> Result<()>,
    ) -> Result<Compared> {
        let (mut of_ours, mut of_bare) = (Vec::new(), Vec::new());
        for _ in 0..self.effort.rounds {
            of_ours.push(repeat_for(self.effort.run, &mut ours)?);
            of_bare.push(repeat_for(self.effort.run, &mut bare)?);
        }
        Ok((case, median(&of_ours), median(&of_bare)))
    }

    /// Any message, another one each time.
    fn opening(&self) -> Result<Compared> {
        let connection = self.connect()?;
        let mut reader = Reader::new(&connection)?;
        let mut random = Random::seeded(12);
        // As many as there are, or as are opened in a run at most.
        let ids = (0..self.messages.min(20_000))
            .map(|_| self.id(&connection, random.below(self.messages)))
            .collect::<Result<Vec<EntryId>>>()?;
        self.compare(
            "open a message",
            |n| {
                std::hint::black_box(self.store.open_message(nth(&ids, n)?, Access::ReadOnly)?);
                Ok(())
            },
            |n| reader.open(nth(&ids, n)?.object().as_bytes()).map(drop),
        )
    }

    fn saving(&self) -> Result<Compared> {
        let connection = self.connect()?;
        let mut handles = Vec::new();
        let mut rows = Vec::new();
        for (n, place) in self.places.iter().enumerate() {
            if n.is_multiple_of(2) {
                let id = self.id(&connection, *place)?;
                handles.push(self.store.open_message(&id, Access::Modify)?);
            } else {
                rows.push(bare::stored(&connection, *place)?);
            }
        }
        let changes = Changes::all();
        let prepared = bare::variants(&connection)?;
        let mut writer = Writer::new(&connection)?;
        let variant = |n: usize| n + n / PICKED;
        self.compare(
            "save three changed properties",
            |n| {
                let message = handles.get_mut(n % PICKED).ok_or("no such handle")?;
                nth(&changes, variant(n))?.set(message)?;
                message.save_changes(SaveFlags::KEEP_OPEN_READWRITE)?;
                Ok(())
            },
            |n| {
                let row = rows.get_mut(n % PICKED).ok_or("no such row")?;
                writer.save(row, nth(&prepared, variant(n))?)
            },
        )
    }

    /// What a mail client asks first: a page somewhere in the folder, and its counts.
    fn looking(&self, table: &mut Table) -> Result<()> {
        let connection = self.connect()?;
        let mut random = Random::seeded(13);
        let pages = (0..100).map(|_| {
            let after = self.id(&connection, random.below(self.messages))?;
            let page = Page {
                after: Some(after),
                ..Page::default()
            };
            timed(|| Ok(self.drafts.messages(page).map(drop)?))
        });
        let pages = pages.collect::<Result<Vec<Duration>>>()?;
        self.add(table, "50 messages after a given one, newest first", pages);
        let counts = [pr::CONTENT_COUNT.tag(), pr::CONTENT_UNREAD.tag()];
        let counts = (0..100).map(|_| timed(|| Ok(self.drafts.get_values(&counts).map(drop)?)));
        let counts = counts.collect::<Result<Vec<Duration>>>()?;
        self.add(table, "counts of the folder", counts);
        let infos = (0..100).map(|_| {
            timed(|| {
                let _: () = drop(self.drafts.info()?);
                Ok(())
            })
        });
        let infos = infos.collect::<Result<Vec<Duration>>>()?;
        self.add(table, "counts of the folder, with its path", infos);
        Ok(())
    }

    fn add(&self, table: &mut Table, case: &str, times: Vec<Duration>) {
        let milliseconds: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
        let longest = milliseconds.iter().copied().fold(0.0, f64::max);
        table.add_line(&[
            grouped(self.messages as f64),
            case.to_owned(),
            format!("{:.3} ms", median(&milliseconds)),
            format!("{longest:.3} ms"),
        ]);
    }
}
