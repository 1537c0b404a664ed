//! Saves whose every part carries the same mark, so that a mix of two versions shows.

use std::collections::BTreeSet;
use std::io::Read;
use std::ops::RangeInclusive;

use mapistore::{Access, EntryId, Error, Message, Recipient, SaveFlags, Store, pr};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::executor::Progress;
use super::protocol::Failure;

/// From this size on new streams go to the store before the save.
const SPILLED: usize = 1_100_000;

/// A text of at least `len` bytes that says nothing but the mark.
fn chant(mark: &str, len: usize) -> String {
    format!("{mark} ").repeat(len / (mark.len() + 1) + 1)
}

/// The mark that a chant says; none if it says two.
fn heard(text: &str) -> Option<&str> {
    let mut words = text.split_ascii_whitespace();
    let first = words.next()?;
    words.all(|word| word == first).then_some(first)
}

/// Makes every part of a message carry a mark; `size` is that of its attachment.
pub(crate) fn put_mark(message: &mut Message, mark: &str, size: usize) -> Result<(), Error> {
    message.set(pr::SUBJECT, mark)?;
    message.set(pr::BODY, chant(mark, 6_000))?;
    message.remove_all_recipients()?;
    for _ in 0..3 {
        message.add_recipient(Recipient::to(mark, format!("{mark}@example.org")))?;
    }
    for attachment in message.attachments()? {
        message.delete_attachment(attachment.number)?;
    }
    message.attach(mark, chant(mark, size).as_bytes())?;
    Ok(())
}

/// The one mark that every part of a message carries.
pub(crate) fn mark_of(message: &Message) -> Result<String, Failure> {
    let subject = message.get(pr::SUBJECT)?.unwrap_or_default();
    let mut marks = BTreeSet::from([subject.clone()]);
    let body = message.get(pr::BODY)?.unwrap_or_default();
    marks.insert(heard(&body).unwrap_or("a mixed body").to_owned());
    let recipients = message.recipients()?;
    marks.extend(recipients.into_iter().map(|row| row.recipient.name));
    for attachment in message.attachments()? {
        marks.extend(attachment.name);
        let mut data = String::new();
        message
            .open_attachment_data(attachment.number)?
            .read_to_string(&mut data)
            .map_err(|error| Failure::other(format!("reading an attachment: {error}")))?;
        marks.insert(heard(&data).unwrap_or("a mixed attachment").to_owned());
    }
    if marks.len() == 1 {
        Ok(subject)
    } else {
        Err(Failure::other(format!("a mix of versions: {marks:?}")))
    }
}

/// Saves a version for each mark, and tells each when it is saved.
pub(crate) fn save_all(
    store: &Store,
    id: &EntryId,
    marks: RangeInclusive<u32>,
    large: bool,
    progress: Progress<'_>,
) -> Result<(), Failure> {
    let mut message = store.open_message(id, Access::Modify)?;
    for mark in marks {
        let size = if large && mark % 3 == 0 {
            SPILLED
        } else {
            10_000
        };
        put_mark(&mut message, &mark.to_string(), size)?;
        message.save_changes(SaveFlags::KEEP_OPEN_READWRITE)?;
        progress(json!(mark));
    }
    Ok(())
}

/// Opens the message again and again until it carries the last mark; answers how many marks were seen.
pub(crate) fn watch(store: &Store, id: &EntryId, last: u32) -> Result<usize, Failure> {
    let mut seen = BTreeSet::new();
    loop {
        let mark = mark_of(&store.open_message(id, Access::ReadOnly)?)?;
        let number: u32 = mark.parse().map_err(|_| Failure::other("not a mark"))?;
        if seen.last().is_some_and(|newest| number < *newest) {
            return Err(Failure::other(format!("{number} after {:?}", seen.last())));
        }
        seen.insert(number);
        if number == last {
            return Ok(seen.len());
        }
    }
}

/// What came of a client's part in a race.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Won {
    /// The versions that it made, with the subject that it gave them.
    pub(crate) versions: Vec<(i64, String)>,
    /// How often another client was faster.
    pub(crate) lost: u32,
}

/// Opens, changes and saves, `rounds` times.
pub(crate) fn race(store: &Store, id: &EntryId, mark: &str, rounds: u32) -> Result<Won, Failure> {
    let mut won = Won {
        versions: Vec::new(),
        lost: 0,
    };
    for round in 0..rounds {
        let mut message = store.open_message(id, Access::Modify)?;
        let subject = format!("{mark} {round}");
        message.set(pr::SUBJECT, &*subject)?;
        match message.save_changes(SaveFlags::empty()) {
            Ok(saved) => won.versions.push((saved.row_version.get(), subject)),
            Err(Error::ObjectChanged { .. }) => won.lost += 1,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(won)
}
