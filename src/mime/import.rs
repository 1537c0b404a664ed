//! Parsed mails into a store, in batches.

use std::mem;

use crate::error::{Error, Result};
use crate::mime::{ParsedMessage, parse_message};
use crate::model::{AttachMethod, MessageFlags, PropertyValue, SaveFlags, pr};
use crate::store::{Attachment, EmbeddedAccess, Folder, Message};

/// A batch is committed at this many messages, or bytes to write: one sync for all of them, and yet a turn that is
/// short enough for others to go on.
const BATCH_MESSAGES: usize = 100;
const BATCH_BYTES: u64 = 2 * 1024 * 1024;

/// Reads mails into one folder, as received and unread messages.
///
/// A nested mail becomes an embedded message, with all that is in it, down to 32 messages deep (S15);
/// one that is deeper, and all of a mail in which they would exceed the limits of a message, stay files.
///
/// Messages become visible in batches, each whole: an import that is interrupted leaves whole messages only.
///
/// ```
/// use mapistore::mime::Importer;
/// # use mapistore::{Page, SpecialFolder, Store};
/// # let folder = tempfile::tempdir()?;
/// # let store = Store::options().create_if_missing().open(folder.path().join("mail.store"))?;
/// let inbox = store.special_folder(SpecialFolder::Inbox)?;
/// let mut importer = Importer::new(&inbox);
/// importer.add(b"From: ana@example.org\r\nSubject: Figures\r\n\r\nHere they are.\r\n")?;
/// importer.flush()?;
/// assert_eq!(inbox.messages(Page::default())?[0].subject.as_deref(), Some("Figures"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Importer {
    folder: Folder,
    batch: Vec<Message>,
    bytes: u64,
}

impl Importer {
    /// Begins an import into a folder.
    pub fn new(folder: &Folder) -> Importer {
        Importer {
            folder: folder.clone(),
            batch: Vec::new(),
            bytes: 0,
        }
    }

    /// Parses a mail and adds it to the batch, which is committed when it is full. Any bytes become a message;
    /// see [`parse_message`].
    ///
    /// # Errors
    ///
    /// `MAPI_E_TOO_BIG`: this mail exceeds a limit of the store, and was not added. All others are those of
    /// [`Message::save_changes`]: the batch could not be committed; it is still pending, this mail included, and
    /// [`Importer::flush`] repeats it.
    pub fn add(&mut self, mail: &[u8]) -> Result<()> {
        let mut message = new_message(&self.folder, &parse_message(mail))?;
        self.bytes += message.bytes_to_write();
        self.batch.push(message);
        if self.batch.len() >= BATCH_MESSAGES || self.bytes >= BATCH_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// How many mails were added and are not committed yet.
    pub fn pending(&self) -> usize {
        self.batch.len()
    }

    /// Commits what is pending. What is never flushed is not stored.
    ///
    /// # Errors
    ///
    /// As [`Message::save_changes`] for a new message: what was not stored is still pending, and the call can be
    /// repeated, also where the outcome is unknown.
    pub fn flush(&mut self) -> Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let store = self.folder.store().clone();
        let (mut refused, mut kept) = (None, Vec::new());
        let mut left = mem::take(&mut self.batch);
        // After a failed flush more may be pending than one commit takes.
        while !left.is_empty() {
            let fitting = fitting(&mut left);
            let mut part: Vec<Message> = left.drain(..fitting).collect();
            match store.save_batch(&mut part, SaveFlags::empty()) {
                Err(error) => {
                    refused = Some(error);
                    kept.append(&mut part);
                    break;
                }
                // What was not saved stays pending, and is not closed: only success closes.
                Ok(results) => {
                    for (message, result) in part.into_iter().zip(results) {
                        if let Err(error) = result {
                            refused = Some(error);
                            kept.push(message);
                        }
                    }
                }
            }
        }
        kept.append(&mut left);
        self.bytes = kept.iter_mut().map(Message::bytes_to_write).sum();
        self.batch = kept;
        refused.map_or(Ok(()), Err)
    }
}

/// How many messages, from the first on, one commit takes; at least one.
fn fitting(messages: &mut [Message]) -> usize {
    let mut bytes = 0_u64;
    let mut fits = |message: &mut Message| {
        bytes = bytes.saturating_add(message.bytes_to_write());
        bytes <= BATCH_BYTES
    };
    let count = messages
        .iter_mut()
        .map_while(|message| fits(message).then_some(()))
        .count();
    count.clamp(1, BATCH_MESSAGES)
}

/// What becomes of the mails in a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nested {
    /// Embedded messages.
    Embedded,
    /// Files that hold them.
    Files,
}

/// A mail as a message of a folder, not saved yet.
fn new_message(folder: &Folder, parsed: &ParsedMessage) -> Result<Message> {
    let filled = |nested| {
        let mut message = folder.create_message()?;
        message.set(pr::MESSAGE_FLAGS, MessageFlags::empty().bits())?;
        fill(&mut message, parsed, nested)?;
        Ok(message)
    };
    match filled(Nested::Embedded) {
        // As files they take next to nothing of the documents.
        Err(Error::TooBig { .. }) => filled(Nested::Files),
        other => other,
    }
}

fn fill(message: &mut Message, parsed: &ParsedMessage, nested: Nested) -> Result<()> {
    for (tag, value) in &parsed.properties {
        message.set_value(*tag, value.clone())?;
    }
    for recipient in &parsed.recipients {
        message.add_recipient(recipient.clone())?;
    }
    for parsed in &parsed.attachments {
        let mut attachment = message.create_attachment()?;
        for (tag, value) in &parsed.properties {
            attachment.set_value(*tag, value.clone())?;
        }
        let is_mail =
            attachment.get(pr::ATTACH_METHOD)? == Some(AttachMethod::EmbeddedMessage.code());
        match (is_mail, nested) {
            (true, Nested::Embedded) => embed(&mut attachment, &parsed.data)?,
            (true, Nested::Files) => attach_closed(&mut attachment, &parsed.data)?,
            (false, _) => {
                attachment.set_data(&parsed.data[..])?;
            }
        }
        attachment.save_changes(SaveFlags::empty())?;
    }
    Ok(())
}

/// Opens a nested mail and embeds it. One that is nested too deeply stays closed.
fn embed(attachment: &mut Attachment<'_>, mail: &[u8]) -> Result<()> {
    match embed_open(attachment, &parse_message(mail)) {
        Err(Error::TooBig { .. }) => attach_closed(attachment, mail),
        other => other,
    }
}

/// Attaches a nested mail as a file that holds it.
fn attach_closed(attachment: &mut Attachment<'_>, mail: &[u8]) -> Result<()> {
    let method = PropertyValue::Long(AttachMethod::ByValue.code());
    attachment.set_value(pr::ATTACH_METHOD.tag(), method)?;
    attachment.set_data(mail)?;
    Ok(())
}

fn embed_open(attachment: &mut Attachment<'_>, parsed: &ParsedMessage) -> Result<()> {
    let mut embedded = attachment.open_embedded_message(EmbeddedAccess::Create)?;
    // Nobody sees it among unread messages, and it is no draft.
    embedded.set(pr::MESSAGE_FLAGS, MessageFlags::READ.bits())?;
    fill(&mut embedded, parsed, Nested::Embedded)?;
    embedded.save_changes(SaveFlags::empty())
}
