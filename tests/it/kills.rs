//! Processes that are killed at random instants, again and again: what they were told is there, and nobody need wait.

mod doomed;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use mapistore::{
    Access, Cell, Durability, EntryId, Message, Page, SaveId, SaveOutcome, SpecialFolder, Store,
    VersionContent, pr,
};
use tempfile::TempDir;

use crate::migration::make_first_version;
use crate::support::{KEEP, Random, Size, mark_of, put_mark, seed, workshop};
use doomed::{MARK, Orders, Word, Work, change_simply, program};

/// A store is used for so many deaths: beyond, looking through all of it takes longer than dying.
const DEATHS_OF_A_STORE: u32 = 30;
/// All kinds of work share the deaths: 10,000 in the full run, 200 in the gate.
const KINDS: u32 = 11;

/// A store, in memory where there is such a folder, and what is known of it.
struct Bed {
    path: PathBuf,
    ids: Vec<EntryId>,
    /// A message that the survivors save.
    ours: Option<EntryId>,
    /// The next number that nobody has used.
    next: u32,
    /// What the messages carry; of an import, how many mails are there.
    stored: u32,
    folder: TempDir,
}

/// Opens without the time to wait for anybody (P5).
fn open_at_once(path: &Path) -> Store {
    Store::options()
        .client_name("survivor")
        .durability(Durability::Normal)
        .busy_timeout(Duration::ZERO)
        .open(path)
        .unwrap()
}

fn marked(store: &Store, mark: u32) -> EntryId {
    let drafts = store.special_folder(SpecialFolder::SentItems).unwrap();
    let mut message = drafts.create_message().unwrap();
    put_mark(&mut message, &mark.to_string(), 9_000).unwrap();
    message.save_changes(KEEP).unwrap().entry_id
}

impl Bed {
    fn new(work: Work) -> Bed {
        let folder = workshop();
        let path = folder.path().join("mail.store");
        let mut bed = Bed {
            path,
            ids: Vec::new(),
            ours: None,
            next: 1,
            stored: 0,
            folder,
        };
        match work {
            Work::Create => {}
            Work::Migrate => bed.ids.push(make_first_version(&bed.path)),
            _ => {
                let store = Store::options()
                    .create_if_missing()
                    .open(&bed.path)
                    .unwrap();
                bed.ids = (0..3).map(|_| marked(&store, 0)).collect();
                bed.ours = Some(marked(&store, 0));
            }
        }
        bed
    }
}

/// What a process said before it was killed.
struct Said {
    words: Vec<Word>,
}

impl Said {
    /// The last that was done, and the last that was begun.
    fn told(&self, before: u32) -> u32 {
        let told = self.words.iter().rev().find_map(|word| match word {
            Word::Told { mark } => Some(*mark),
            _ => None,
        });
        told.unwrap_or(before)
    }

    fn asked(&self, before: u32) -> u32 {
        let asked = self.words.iter().rev().find_map(|word| match word {
            Word::Asked { mark, .. } => Some(*mark),
            _ => None,
        });
        asked.unwrap_or(before)
    }

    fn asked_save_id(&self) -> Option<SaveId> {
        let asked = self.words.iter().rev().find_map(|word| match word {
            Word::Asked { save_id, .. } => Some(save_id.as_deref()),
            _ => None,
        });
        asked.flatten().map(|text| text.parse().unwrap())
    }
}

/// Starts a process and kills it: so many words after it is ready, and then so many microseconds.
fn start_and_kill(orders: &Orders, random: &mut Random) -> Said {
    let is_brief = orders.work == Work::SaveOnce;
    let words = match random.below(2) {
        0 => 0,
        _ if is_brief => 1,
        _ => random.below(9),
    };
    // As many short times as long ones.
    let magnitude = random.below(if is_brief { 11 } else { 15 });
    let microseconds = random.below(1 << magnitude);
    let mut child = program(orders)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // A line that was cut off by death is no word.
    let mut said = lines.map_while(Result::ok).filter_map(|line| {
        let (_, word) = line.split_once(MARK)?;
        serde_json::from_str::<Word>(word).ok()
    });
    assert_eq!(said.next(), Some(Word::Ready), "{orders:?}");
    let mut heard: Vec<Word> = said.by_ref().take(words as usize).collect();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_micros(microseconds) {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    heard.extend(said);
    let failed = heard.iter().find(|word| matches!(word, Word::Failed(_)));
    assert_eq!(failed, None, "{orders:?}");
    Said { words: heard }
}

fn subjects_in(store: &Store, folder: SpecialFolder) -> Vec<u32> {
    let page = Page {
        limit: u32::MAX,
        ..Page::default()
    };
    let messages = store
        .special_folder(folder)
        .unwrap()
        .messages(page)
        .unwrap();
    let numbers = messages.into_iter().map(|summary| summary.subject.unwrap());
    numbers.map(|text| text.parse().unwrap()).collect()
}

fn stored_mark(store: &Store, id: &EntryId) -> u32 {
    let message = store.open_message(id, Access::ReadOnly).unwrap();
    mark_of(&message).unwrap().parse().unwrap()
}

/// How the deaths of one kind of work were spread.
#[derive(Debug, Default)]
struct Tally {
    deaths: u32,
    /// Killed between a question and its answer.
    in_a_call: u32,
    /// Of these, what was asked had been committed.
    yet_done: u32,
}

/// Kills one process, and looks at what it left.
fn die_once(work: Work, bed: &mut Bed, random: &mut Random, tally: &mut Tally) {
    let save_id = SaveId::random();
    let orders = Orders {
        work,
        path: bed.path.clone(),
        ids: bed.ids.iter().map(EntryId::to_string).collect(),
        from: match work {
            Work::Import => bed.stored,
            _ => bed.next,
        },
        save_id: save_id.to_string(),
        is_durable: random.below(2) == 0,
    };
    let is_open_meanwhile = match work {
        Work::Migrate | Work::Create | Work::Checkpoint => false,
        Work::SaveOnce => true,
        _ => random.below(2) == 0,
    };
    let survivor = is_open_meanwhile.then(|| open_at_once(&bed.path));
    let twin = survivor.as_ref().filter(|_| work == Work::SaveOnce);
    let twin = twin.map(|store| store.open_message(&bed.ids[0], Access::Modify).unwrap());
    let said = start_and_kill(&orders, random);
    let (told, asked) = (said.told(bed.stored), said.asked(bed.stored));
    tally.deaths += 1;
    tally.in_a_call += u32::from(told != asked);

    if work == Work::Create && !bed.path.exists() {
        assert_eq!(told, bed.stored, "a store was made and is not there");
        return;
    }
    let store = match (work, survivor) {
        (_, Some(store)) => store,
        (Work::Create, None) => {
            let options = Store::options().busy_timeout(Duration::ZERO);
            options.create_if_missing().open(&bed.path).unwrap()
        }
        (_, None) => open_at_once(&bed.path),
    };
    // P5: the next one goes on at once.
    if let Some(ours) = &bed.ours {
        let mut message = store.open_message(ours, Access::Modify).unwrap();
        put_mark(&mut message, &bed.next.to_string(), 9_000).unwrap();
        message.save_changes(KEEP).unwrap();
    }
    let is_done = match work {
        Work::Save | Work::Force | Work::Checkpoint => {
            let stored = stored_mark(&store, &bed.ids[0]);
            let is_told_or_asked = stored == told || stored == asked;
            assert!(is_told_or_asked, "{stored} after {told} and {asked}");
            if let Some(save_id) = said.asked_save_id() {
                let found = store.find_save(&bed.ids[0], save_id).unwrap();
                assert_eq!(found.is_some(), stored == asked, "{told} {asked}");
            }
            if work == Work::Force {
                nothing_replaced_is_lost(&store, &bed.ids[0], &said, stored);
            }
            stored == asked
        }
        Work::SaveOnce => {
            let twin = twin.unwrap();
            repeated_by_its_id(&store, twin, save_id, orders.from, (told, asked))
        }
        Work::Batch => {
            let stored: BTreeSet<u32> = bed.ids.iter().map(|id| stored_mark(&store, id)).collect();
            let one_of = [BTreeSet::from([told]), BTreeSet::from([asked])];
            assert!(one_of.contains(&stored), "{stored:?}, {told}, {asked}");
            stored.contains(&asked)
        }
        Work::Import => {
            let stored: BTreeSet<u32> = subjects_in(&store, SpecialFolder::Inbox)
                .into_iter()
                .collect();
            let count = u32::try_from(stored.len()).unwrap();
            assert_eq!(stored, (0..count).collect());
            assert!(count == told || count == asked, "{count}, {told}, {asked}");
            count == asked
        }
        Work::Collect => {
            let left = subjects_in(&store, SpecialFolder::Drafts);
            let is_told = |mark: &u32| (orders.from..=told).contains(mark);
            assert!(!left.iter().any(is_told), "{left:?} are back; {told}");
            assert_eq!(stored_mark(&store, &bed.ids[0]), 0);
            !left.contains(&asked)
        }
        Work::Backup => copies_are_whole(bed.folder.path(), orders.from, (told, asked)),
        Work::Compact => {
            let stored = stored_mark(&store, &bed.ids[0]);
            assert!(
                stored == told || stored == asked,
                "{stored}, {told}, {asked}"
            );
            stored == asked
        }
        Work::Migrate => {
            let mut message = store.open_message(&bed.ids[0], Access::Modify).unwrap();
            let subject = message.get(pr::SUBJECT).unwrap();
            assert_eq!(subject.as_deref(), Some("as it was"));
            message.set(pr::SUBJECT, "as it is").unwrap();
            message.save_changes(KEEP).unwrap();
            true
        }
        Work::Create => {
            assert_eq!(store.folders().unwrap().len(), 8);
            marked(&store, 1);
            true
        }
    };
    tally.yet_done += u32::from(told != asked && is_done);
    bed.stored = if is_done { asked } else { told };
    bed.next = asked.max(bed.next) + 1;
    if random.below(4) == 0 {
        store.collect_garbage().unwrap();
    }
    let report = store.check(&mut |_| {}).unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
}

/// Of what was forced, all that was acknowledged is either stored or kept.
fn nothing_replaced_is_lost(store: &Store, id: &EntryId, said: &Said, stored: u32) {
    // K4
    let mut there = BTreeSet::from([stored]);
    for version in store.versions(id).unwrap() {
        if matches!(version.content, VersionContent::Kept { .. }) {
            let kept = store.open_version(id, version.saved.row_version).unwrap();
            there.insert(mark_of(&kept).unwrap().parse().unwrap());
        }
    }
    for word in &said.words {
        if let Word::Told { mark } = word {
            assert!(there.contains(mark), "{mark} is not among {there:?}");
        }
    }
}

/// Each copy that there is, is whole; those that were told are there. They are removed then.
fn copies_are_whole(folder: &Path, from: u32, (told, asked): (u32, u32)) -> bool {
    let copy = |mark: u32| folder.join(format!("copy {mark}"));
    for mark in from..=told {
        assert!(copy(mark).exists(), "copy {mark} is not there");
    }
    let is_done = copy(asked).exists();
    for mark in from..=asked {
        if !copy(mark).exists() {
            continue;
        }
        let store = open_at_once(&copy(mark));
        assert!(store.check(&mut |_| {}).unwrap().is_sound());
        assert_eq!(
            store
                .special_folder(SpecialFolder::SentItems)
                .unwrap()
                .info()
                .unwrap()
                .total,
            4
        );
    }
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        if !file.file_name().to_string_lossy().starts_with("mail.store") {
            std::fs::remove_file(file.path()).unwrap();
        }
    }
    is_done
}

/// A save that may have taken place is repeated by another handle of the same base, with its id.
fn repeated_by_its_id(
    store: &Store,
    mut twin: Message,
    save_id: SaveId,
    mark: u32,
    (told, asked): (u32, u32),
) -> bool {
    // S8
    let base = twin.row_version().unwrap().get();
    let id = twin.entry_id();
    let found = store.find_save(&id, save_id).unwrap();
    assert!(found.is_some() || told != mark, "acknowledged and lost");
    assert!(found.is_none() || asked == mark, "nobody has asked");
    change_simply(&mut twin, mark).unwrap();
    twin.set_save_id(save_id).unwrap();
    let saved = twin.save_changes(KEEP).unwrap();
    let outcome = match found {
        Some(_) => SaveOutcome::SavedBefore,
        None => SaveOutcome::NewVersion,
    };
    assert_eq!(
        (saved.outcome, saved.row_version.get()),
        (outcome, base + 1)
    );
    let again = store.open_message(&id, Access::ReadOnly).unwrap();
    assert_eq!(again.get(pr::SUBJECT).unwrap(), Some(mark.to_string()));
    assert_eq!(again.row_version(), Some(saved.row_version));
    found.is_some()
}

fn die_often(work: Work) {
    let deaths = Size::of_run().choose(10_000_u32, 200, 45).div_ceil(KINDS);
    let mut random = Random::new(seed() ^ (work as u64) << 32);
    let mut tally = Tally::default();
    let is_short = matches!(work, Work::Migrate | Work::Create);
    let mut bed = Bed::new(work);
    for death in 0..deaths {
        if death % DEATHS_OF_A_STORE == DEATHS_OF_A_STORE - 1 || (is_short && death > 0) {
            bed = Bed::new(work);
        }
        die_once(work, &mut bed, &mut random, &mut tally);
    }
    let last = bed.path.exists().then(|| open_at_once(&bed.path));
    if let Some(store) = last.filter(|_| !is_short) {
        // What the dead have left is waste, found and removed.
        store.collect_garbage().unwrap();
        let waste = "SELECT count(*) FROM streams WHERE unreferenced_since IS NOT NULL";
        assert_eq!(store.query(waste).unwrap().rows, [[Cell::Integer(0)]]);
    }
    println!(
        "killed at random instants, seed {}: {work:?} {tally:?}",
        seed()
    );
}

macro_rules! deaths {
    ($($(#[$attribute:meta])* $name:ident: $work:expr;)+) => {
        $($(#[$attribute])*
        #[test]
        fn $name() {
            die_often($work);
        })+
    };
}

deaths! {
    // P5, S8, S9, S10
    death_in_a_save_loses_nothing_that_was_acknowledged: Work::Save;
    // K4, S5
    death_in_a_forced_save_loses_no_version_that_was_acknowledged: Work::Force;
    // S8
    save_of_a_dead_process_is_settled_by_its_id: Work::SaveOnce;
    // S9, S12
    death_in_a_batch_leaves_all_of_it_or_nothing: Work::Batch;
    // S9, S12
    death_in_an_import_leaves_whole_batches_of_whole_mails: Work::Import;
    // P5, S10
    death_while_the_log_is_written_back_loses_nothing: Work::Checkpoint;
    // O2, P5
    death_in_a_collection_removes_nothing_that_is_used: Work::Collect;
    // P5
    death_in_a_backup_leaves_a_whole_copy_or_none: Work::Backup;
    // P5
    death_while_the_store_is_compacted_loses_nothing: Work::Compact;
    // P4
    death_in_a_migration_leaves_a_store_that_is_moved_on_by_the_next: Work::Migrate;
    // P4
    death_while_a_store_is_made_leaves_one_that_the_next_can_make: Work::Create;
}
