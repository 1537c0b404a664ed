//! Parsed mails into a store, in batches.

use std::mem;

use crate::error::Result;
use crate::mime::{ParsedMessage, parse_message};
use crate::model::{MessageFlags, SaveFlags, pr};
use crate::store::{Folder, Message};

/// A batch is committed at this many messages, or bytes of mail: one sync for all of them, and yet a turn that is
/// short enough for others to go on.
const BATCH_MESSAGES: usize = 100;
const BATCH_BYTES: usize = 2 * 1024 * 1024;

/// Reads mails into one folder, as received and unread messages.
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
    bytes: usize,
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
        let message = new_message(&self.folder, &parse_message(mail))?;
        self.batch.push(message);
        self.bytes += mail.len();
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
        let results = store.save_batch(&mut self.batch, SaveFlags::empty())?;
        // What was not saved stays pending, and is not closed: only success closes.
        let (mut refused, mut kept) = (None, Vec::new());
        for (message, result) in mem::take(&mut self.batch).into_iter().zip(results) {
            if let Err(error) = result {
                refused = Some(error);
                kept.push(message);
            }
        }
        self.batch = kept;
        self.bytes = 0;
        refused.map_or(Ok(()), Err)
    }
}

/// A mail as a message of a folder, not saved yet.
fn new_message(folder: &Folder, parsed: &ParsedMessage) -> Result<Message> {
    let mut message = folder.create_message()?;
    message.set(pr::MESSAGE_FLAGS, MessageFlags::empty().bits())?;
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
        attachment.set_data(&parsed.data[..])?;
        attachment.save_changes(SaveFlags::empty())?;
    }
    Ok(message)
}
