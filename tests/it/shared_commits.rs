//! Many threads save at once through two stores, and share commits as it comes. Each takes what is there and adds to it, so that a
//! save that is lost takes a word with it.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

use mapistore::{Access, EntryId, Error, SaveFlags, Store, pr};

use crate::support::TestStore;

const THREADS: usize = 8;
const SAVES: usize = 40;

/// Adds words to messages in turn until each save went through, and says which.
fn add_words(store: &Store, messages: &[EntryId], name: usize) -> Vec<String> {
    let mut words = Vec::new();
    for number in 0..SAVES {
        let word = format!("{name}.{number}");
        let id = &messages[(name + number) % messages.len()];
        loop {
            let mut message = store.open_message(id, Access::Modify).unwrap();
            let before: String = message.get(pr::BODY).unwrap().unwrap_or_default();
            message.set(pr::BODY, format!("{before}{word} ")).unwrap();
            match message.save_changes(SaveFlags::empty()) {
                Ok(_) => break,
                Err(Error::ObjectChanged { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
        words.push(word);
    }
    words
}

fn words_of(store: &Store, messages: &[EntryId]) -> Vec<String> {
    let words = messages.iter().flat_map(|id| {
        let message = store.open_message(id, Access::ReadOnly).unwrap();
        let body: String = message.get(pr::BODY).unwrap().unwrap_or_default();
        body.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    });
    words.collect()
}

#[test]
fn no_word_is_lost_between_threads_that_share_commits() {
    // P1, P2, S1, S2
    let test = TestStore::new();
    // Half of them as another process would: each store has locks of its own.
    let other = Store::options().open(test.store.path()).unwrap();
    let messages: Vec<EntryId> = (0..3)
        .map(|number| test.draft(&number.to_string()))
        .collect();
    let barrier = Barrier::new(THREADS);
    let saved: BTreeSet<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|name| {
                let store = if name % 2 == 0 { &test.store } else { &other };
                let (messages, barrier) = (&messages, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    add_words(store, messages, name)
                })
            })
            .collect();
        let words = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap());
        words.collect()
    });
    let found = words_of(&test.store, &messages);
    assert_eq!(found.len(), THREADS * SAVES);
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), saved);
    let versions: i64 = messages
        .iter()
        .map(|id| test.store.open_message(id, Access::ReadOnly).unwrap())
        .map(|message| message.row_version().unwrap().get())
        .sum();
    assert_eq!(versions as usize, messages.len() + THREADS * SAVES);
}
