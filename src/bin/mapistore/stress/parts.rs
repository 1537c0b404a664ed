//! The parts of a message: each is changed by itself, and says one mark wherever it is read.

use std::io::{Seek, SeekFrom, Write};

use mapistore::{
    AttachMethod, AttachmentNumber, EmbeddedAccess, EmbeddedMessage, Message, ModifyRecipients,
    PropertyValue, Recipient, RecipientChange, SaveFlags, StoredValue, StreamAccess, StreamReader,
    pr,
};

use super::marks::{Hearing, Marks, chant};
use super::random::Random;

/// A part of a message that can be changed by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Subject,
    Body,
    Recipients,
    /// The attachments that hold bytes.
    Attachments,
    /// A property that is large more often than not.
    Html,
    /// The attachments that hold messages, with all parts of these.
    Embedded,
}

impl Part {
    pub(crate) const ALL: [Part; 6] = [
        Part::Subject,
        Part::Body,
        Part::Recipients,
        Part::Attachments,
        Part::Html,
        Part::Embedded,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Part::Subject => "subject",
            Part::Body => "body",
            Part::Recipients => "recipients",
            Part::Attachments => "attachments",
            Part::Html => "html",
            Part::Embedded => "embedded",
        }
    }

    /// Writes a mark all over a part of a handle.
    pub(crate) fn put(
        self,
        message: &mut Message,
        mark: &str,
        random: &mut Random,
    ) -> anyhow::Result<()> {
        match self {
            Part::Subject => Ok(message.set(pr::SUBJECT, mark)?),
            Part::Body => put_body(message, chant(mark, size(random, 200)), random),
            Part::Recipients => put_recipients(message, mark, random),
            Part::Attachments => put_attachments(message, mark, random),
            Part::Html => {
                let html = chant(mark, size(random, 5_000)).into_bytes();
                Ok(message.set(pr::HTML, html)?)
            }
            Part::Embedded => put_embedded(message, mark, random),
        }
    }

    /// The mark that a part of a handle carries.
    pub(crate) fn hear(self, message: &Message) -> mapistore::Result<String> {
        let mut marks = Marks::default();
        self.hear_into(message, &mut marks)?;
        Ok(marks.heard())
    }

    fn hear_into(self, message: &Message, marks: &mut Marks) -> mapistore::Result<()> {
        match self {
            Part::Subject => marks.add_text(&message.get(pr::SUBJECT)?.unwrap_or_default()),
            Part::Body => marks.add_text(&message.get(pr::BODY)?.unwrap_or_default()),
            Part::Recipients => {
                for entry in message.recipients()? {
                    marks.add_text(&entry.recipient.name);
                    marks.add_text(&entry.recipient.address);
                    for (tag, value) in message.recipient_properties(entry.row_id)? {
                        if tag == pr::COMMENT.tag()
                            && let StoredValue::Inline(PropertyValue::Unicode(comment)) = value
                        {
                            marks.add_text(&comment);
                        }
                    }
                }
            }
            Part::Attachments => {
                for (number, name) in attached(message, Holds::Bytes)? {
                    marks.add_text(&name);
                    let mut data = message.open_attachment_data(number)?;
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
            Part::Embedded => {
                for (number, name) in attached(message, Holds::Message)? {
                    marks.add_text(&name);
                    let embedded = message.open_attached_message(number)?;
                    for part in Part::ALL {
                        part.hear_into(&embedded, marks)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Opens a part that is one stream; none where it has none.
    pub(crate) fn stream(self, message: &Message) -> mapistore::Result<Option<StreamReader>> {
        match self {
            Part::Subject | Part::Recipients => Ok(None),
            Part::Body => message.open_stream(pr::BODY.tag()).map(Some),
            Part::Html => message.open_stream(pr::HTML.tag()).map(Some),
            Part::Attachments => match one_of_a_mark(message, Holds::Bytes)? {
                Some(number) => message.open_attachment_data(number).map(Some),
                None => Ok(None),
            },
            Part::Embedded => match one_of_a_mark(message, Holds::Message)? {
                Some(number) => {
                    let embedded = message.open_attached_message(number)?;
                    embedded.open_stream(pr::HTML.tag()).map(Some)
                }
                None => Ok(None),
            },
        }
    }
}

/// What an attachment holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    Bytes,
    Message,
}

/// Ends the name of an attachment that holds a message: a conflict shows the name, and not what is in it.
const MESSAGE_NAME: &str = ".msg";

/// What an attachment holds and the mark that it carries, by its name.
pub(super) fn told_by_name(name: &str) -> (Holds, &str) {
    match name.strip_suffix(MESSAGE_NAME) {
        Some(mark) => (Holds::Message, mark),
        None => (Holds::Bytes, name),
    }
}

/// The first attachment that holds something; none if a merge has put those of several marks side by side, since one
/// of them does not say the marks of all.
fn one_of_a_mark(message: &Message, holds: Holds) -> mapistore::Result<Option<AttachmentNumber>> {
    let present = attached(message, holds)?;
    let first = present.first();
    let all_alike = present
        .iter()
        .all(|(_, mark)| first.is_some_and(|(_, of_first)| mark == of_first));
    Ok(first.filter(|_| all_alike).map(|(number, _)| *number))
}

/// Number and mark of the attachments that hold something.
fn attached(message: &Message, holds: Holds) -> mapistore::Result<Vec<(AttachmentNumber, String)>> {
    let mut found = message.attachments()?;
    found.retain(|attachment| {
        (attachment.method == AttachMethod::EmbeddedMessage) == (holds == Holds::Message)
    });
    let named = |attachment: mapistore::AttachmentInfo| {
        let name = attachment.name.unwrap_or_default();
        (attachment.number, told_by_name(&name).1.to_owned())
    };
    Ok(found.into_iter().map(named).collect())
}

/// Takes all but perhaps the first of some attachments away, so that the first is changed in place or all made anew.
fn first_to_change(
    message: &mut Message,
    holds: Holds,
    random: &mut Random,
) -> mapistore::Result<Option<AttachmentNumber>> {
    let mut present = attached(message, holds)?.into_iter();
    let kept = if random.percent(40) {
        present.next().map(|(number, _)| number)
    } else {
        None
    };
    for (number, _) in present {
        message.delete_attachment(number)?;
    }
    Ok(kept)
}

/// As a value, from a reader, or in pieces through a stream.
fn put_body(message: &mut Message, body: String, random: &mut Random) -> anyhow::Result<()> {
    let tag = pr::BODY.tag();
    let access = match random.below(10) {
        0..=3 => return Ok(message.set(pr::BODY, body)?),
        4 | 5 => return Ok(message.set_stream(tag, body.as_bytes()).map(drop)?),
        6 | 7 if message.get(pr::BODY)?.is_some() => StreamAccess::ReadWrite,
        _ => StreamAccess::Create,
    };
    let mut stream = message.open_property_stream(tag, access)?;
    // The end first, over what was there or after a gap; then the rest.
    let (start, end) = body.as_bytes().split_at(random.below(body.len()));
    stream.seek(SeekFrom::Start(start.len() as u64))?;
    stream.write_all(end)?;
    stream.rewind()?;
    for piece in start.chunks(1 + random.below(100_000)) {
        stream.write_all(piece)?;
    }
    stream.set_size(body.len() as u64)?;
    Ok(stream.commit()?)
}

/// Each recipient has a property of its own beside what every recipient has.
fn put_recipients(message: &mut Message, mark: &str, random: &mut Random) -> anyhow::Result<()> {
    let change = |random: &mut Random| {
        let recipient = match random.below(3) {
            0 => Recipient::to(mark, mark),
            1 => Recipient::cc(mark, mark),
            _ => Recipient::bcc(mark, mark),
        };
        let comment = chant(mark, random.below(400));
        let mut change = RecipientChange::from(&recipient);
        change
            .properties
            .push((pr::COMMENT.tag(), PropertyValue::Unicode(comment)));
        change
    };
    let present = message.recipients()?;
    let added: Vec<_> = (0..=random.below(3)).map(|_| change(random)).collect();
    let Some(kept) = present.first().filter(|_| random.percent(40)) else {
        message.modify_recipients(ModifyRecipients::Replace, &added)?;
        return Ok(());
    };
    // In place, the others removed, and new ones added.
    let removed = present.iter().skip(1);
    let removed: Vec<_> = removed
        .map(|entry| RecipientChange::default().at(entry.row_id))
        .collect();
    let in_place = [change(random).at(kept.row_id)];
    message.modify_recipients(ModifyRecipients::Remove, &removed)?;
    message.modify_recipients(ModifyRecipients::Modify, &in_place)?;
    message.modify_recipients(ModifyRecipients::Add, &added)?;
    Ok(())
}

fn put_attachments(message: &mut Message, mark: &str, random: &mut Random) -> anyhow::Result<()> {
    if let Some(number) = first_to_change(message, Holds::Bytes, random)? {
        let mut attachment = message.open_attachment(number)?;
        attachment.set(pr::ATTACH_LONG_FILENAME, mark)?;
        attachment.set_data(chant(mark, size(random, 500)).as_bytes())?;
        return Ok(attachment.save_changes(SaveFlags::empty())?);
    }
    for _ in 0..=random.below(2) {
        message.attach(mark, chant(mark, size(random, 500)).as_bytes())?;
    }
    Ok(())
}

fn put_embedded(message: &mut Message, mark: &str, random: &mut Random) -> anyhow::Result<()> {
    let mut attachment = match first_to_change(message, Holds::Message, random)? {
        Some(number) => message.open_attachment(number)?,
        None => message.create_attachment()?,
    };
    let name = format!("{mark}{MESSAGE_NAME}");
    attachment.set(pr::ATTACH_LONG_FILENAME, name.as_str())?;
    let mut embedded: EmbeddedMessage<'_> =
        attachment.open_embedded_message(EmbeddedAccess::Create)?;
    for part in Part::ALL {
        if part != Part::Embedded {
            part.put(&mut embedded, mark, random)?;
        }
    }
    // A message in a message in a message is not so rare; what was embedded before carries another mark.
    if random.percent(20) {
        put_embedded(&mut embedded, mark, random)?;
    } else {
        for (number, _) in attached(&embedded, Holds::Message)? {
            embedded.delete_attachment(number)?;
        }
    }
    embedded.save_changes(SaveFlags::empty())?;
    drop(embedded);
    Ok(attachment.save_changes(SaveFlags::empty())?)
}

/// Small as a rule, sometimes of several chunks, and seldom so large that it goes to the store before the save.
fn size(random: &mut Random, usual: usize) -> usize {
    match random.below(1_000) {
        0 | 1 => 1_100_000,
        2..=14 => 50_000 + random.below(200_000),
        15..=99 => 4_000 + random.below(8_000),
        _ => random.below(2 * usual),
    }
}
