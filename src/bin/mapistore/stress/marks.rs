//! Marks: what is written into every part of a message, so that a mix of two versions shows.

use std::collections::BTreeSet;
use std::io::{self, Read};

use mapistore::{AttachmentNumber, Message, Recipient, StreamReader, pr};

use super::random::Random;

/// A part of a message that can be changed by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Subject,
    Body,
    Recipients,
    Attachments,
    /// A property that is large more often than not.
    Html,
}

impl Part {
    pub(crate) const ALL: [Part; 5] = [
        Part::Subject,
        Part::Body,
        Part::Recipients,
        Part::Attachments,
        Part::Html,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Part::Subject => "subject",
            Part::Body => "body",
            Part::Recipients => "recipients",
            Part::Attachments => "attachments",
            Part::Html => "html",
        }
    }

    /// Writes a mark all over a part of a handle.
    pub(crate) fn put(
        self,
        message: &mut Message,
        mark: &str,
        random: &mut Random,
    ) -> mapistore::Result<()> {
        match self {
            Part::Subject => message.set(pr::SUBJECT, mark),
            Part::Body => {
                let body = chant(mark, size(random, 200));
                if random.percent(30) {
                    return message
                        .set_stream(pr::BODY.tag(), body.as_bytes())
                        .map(drop);
                }
                message.set(pr::BODY, body)
            }
            Part::Recipients => {
                message.remove_all_recipients()?;
                for _ in 0..=random.below(3) {
                    message.add_recipient(Recipient::to(mark, mark))?;
                }
                Ok(())
            }
            Part::Attachments => put_attachments(message, mark, random),
            Part::Html => message.set(pr::HTML, chant(mark, size(random, 5_000)).into_bytes()),
        }
    }

    /// The mark that a part of a handle carries.
    pub(crate) fn hear(self, message: &Message) -> mapistore::Result<String> {
        let mut marks = Marks::default();
        match self {
            Part::Subject => marks.add_text(&message.get(pr::SUBJECT)?.unwrap_or_default()),
            Part::Body => marks.add_text(&message.get(pr::BODY)?.unwrap_or_default()),
            Part::Recipients => {
                for entry in message.recipients()? {
                    marks.add_text(&entry.recipient.name);
                    marks.add_text(&entry.recipient.address);
                }
            }
            Part::Attachments => {
                for attachment in message.attachments()? {
                    marks.add_text(&attachment.name.unwrap_or_default());
                    let mut data = message.open_attachment_data(attachment.number)?;
                    let mut hearing = Hearing::default();
                    // An error in the stream is what is heard then; no version carries it.
                    let heard = match hearing.listen(&mut data, u64::MAX) {
                        Ok(()) => hearing.end(),
                        Err(error) => format!("error: {error}"),
                    };
                    marks.add_text(&heard);
                }
            }
            Part::Html => {
                let bytes = message.get(pr::HTML)?.unwrap_or_default();
                marks.add_text(&String::from_utf8_lossy(&bytes));
            }
        }
        Ok(marks.heard())
    }

    /// Opens a part that is one stream; none where it has none.
    pub(crate) fn stream(self, message: &Message) -> mapistore::Result<Option<StreamReader>> {
        match self {
            Part::Subject | Part::Recipients => Ok(None),
            Part::Body => message.open_stream(pr::BODY.tag()).map(Some),
            Part::Html => message.open_stream(pr::HTML.tag()).map(Some),
            Part::Attachments => match message.attachments()?.first() {
                Some(first) => message.open_attachment_data(first.number).map(Some),
                None => Ok(None),
            },
        }
    }
}

fn put_attachments(
    message: &mut Message,
    mark: &str,
    random: &mut Random,
) -> mapistore::Result<()> {
    let present = message.attachments()?;
    // In place, or anew.
    let kept: Option<AttachmentNumber> = present
        .first()
        .map(|first| first.number)
        .filter(|_| random.percent(40));
    for attachment in present
        .iter()
        .filter(|attachment| Some(attachment.number) != kept)
    {
        message.delete_attachment(attachment.number)?;
    }
    if let Some(number) = kept {
        let mut attachment = message.open_attachment(number)?;
        attachment.set(pr::ATTACH_LONG_FILENAME, mark)?;
        attachment.set_data(chant(mark, size(random, 500)).as_bytes())?;
        return attachment.save_changes(mapistore::SaveFlags::empty());
    }
    for _ in 0..=random.below(2) {
        message.attach(mark, chant(mark, size(random, 500)).as_bytes())?;
    }
    Ok(())
}

/// Small as a rule, sometimes of several chunks, and seldom so large that it goes to the store before the save.
fn size(random: &mut Random, usual: usize) -> usize {
    match random.below(1_000) {
        0 => 1_100_000,
        1..=14 => 50_000 + random.below(200_000),
        15..=99 => 4_000 + random.below(8_000),
        _ => random.below(2 * usual),
    }
}

/// A text that says nothing but the mark, about so long.
fn chant(mark: &str, len: usize) -> String {
    let words = len / (mark.len() + 1) + 1;
    let mut text = format!("{mark} ").repeat(words);
    text.pop();
    text
}

/// The marks found in a part: one, if all is well.
#[derive(Debug, Default)]
struct Marks(BTreeSet<String>);

impl Marks {
    fn add_text(&mut self, text: &str) {
        for word in text.split(' ') {
            if !self.0.contains(word) {
                self.0.insert(word.to_owned());
            }
        }
    }

    fn heard(self) -> String {
        let marks: Vec<String> = self.0.into_iter().collect();
        marks.join("+")
    }
}

/// Listens to a stream that is read in pieces, with pauses.
#[derive(Debug, Default)]
pub(crate) struct Hearing {
    marks: Marks,
    /// The beginning of a word whose end has not come.
    begun: Vec<u8>,
    bytes: u64,
}

impl Hearing {
    /// Reads up to so many bytes.
    pub(crate) fn listen(&mut self, stream: &mut StreamReader, bytes: u64) -> io::Result<()> {
        let mut piece = Vec::new();
        self.bytes += stream.take(bytes).read_to_end(&mut piece)? as u64;
        self.take(&piece);
        Ok(())
    }

    fn take(&mut self, piece: &[u8]) {
        let mut words = piece.split(|byte| *byte == b' ');
        self.begun
            .extend_from_slice(words.next().unwrap_or_default());
        for word in words {
            let whole = std::mem::replace(&mut self.begun, word.to_vec());
            self.marks.add_text(&String::from_utf8_lossy(&whole));
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The mark that was heard.
    pub(crate) fn end(mut self) -> String {
        let last = std::mem::take(&mut self.begun);
        self.marks.add_text(&String::from_utf8_lossy(&last));
        self.marks.heard()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chant_in_pieces_says_one_mark() {
        let text = chant("w1.1-7", 1_000);
        for length in [1, 3, 7, 100] {
            let mut hearing = Hearing::default();
            for piece in text.as_bytes().chunks(length) {
                hearing.take(piece);
            }
            assert_eq!(hearing.end(), "w1.1-7");
        }
    }

    #[test]
    fn a_mix_says_both() {
        let mut hearing = Hearing::default();
        hearing.take(b"a a ");
        hearing.take(b"b b");
        assert_eq!(hearing.end(), "a+b");
    }
}
