//! Whole messages into folders, of the same store or of another (IMAPIFolder::CopyMessages).

use std::sync::Arc;

use crate::error::Result;
use crate::model::{Access, Content, EntryId, SaveFlags};
use crate::store::folder::Folder;
use crate::store::{Message, Store};

/// A batch of copies is committed at this many, or at this many bytes: what is left to the limits of a batch is more
/// than a message takes.
const COPIED_AT_ONCE: usize = 100;
const BYTES_AT_ONCE: u64 = 16 * 1024 * 1024;

/// The copy, or why there is none, of each message that was named, in their order.
pub type Copies = Vec<(EntryId, Result<EntryId>)>;

impl Store {
    /// Copies messages as they are stored to a folder, of this store or of another (IMAPIFolder::CopyMessages). A copy
    /// is a message of its own, with an entry id and a record key of its own; it has the search key, the read state and
    /// the kind (associated or not) of its original. Large values are not copied within a store, and in bounded
    /// memory between two.
    ///
    /// ```
    /// # use mapistore::{SaveFlags, SpecialFolder, Store, pr};
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Store::options().create_if_missing().open(folder.path().join("mail.store"))?;
    /// let mut draft = store.special_folder(SpecialFolder::Drafts)?.create_message()?;
    /// draft.set(pr::SUBJECT, "Figures")?;
    /// let id = draft.save_changes(SaveFlags::empty())?.entry_id;
    /// let inbox = store.special_folder(SpecialFolder::Inbox)?;
    /// for (original, copy) in store.copy_messages(&[id], &inbox)? {
    ///     assert_ne!(original, copy?);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// For one message, in its place: those of [`Store::open_message`] and, for the copy, of [`Store::save_batch`]. For
    /// the call: `MAPI_E_OBJECT_DELETED`: the folder was deleted, and nothing was copied; and those of writing the store,
    /// where messages before the failure may have been copied.
    pub fn copy_messages(&self, entry_ids: &[EntryId], folder: &Folder) -> Result<Copies> {
        folder.info()?;
        let mut copies = Copies::with_capacity(entry_ids.len());
        let mut batch = Batch::default();
        for entry_id in entry_ids {
            let copy = self
                .open_message(entry_id, Access::ReadOnly)
                .and_then(|original| original.copy_for(folder));
            match copy {
                Ok(copy) => {
                    let place = copies.len();
                    copies.push((*entry_id, Ok(copy.entry_id())));
                    batch.add(place, copy);
                    if batch.is_full() {
                        batch.save(folder, &mut copies)?;
                    }
                }
                Err(error) => copies.push((*entry_id, Err(error))),
            }
        }
        batch.save(folder, &mut copies)?;
        Ok(copies)
    }
}

/// Copies that are not saved yet, with their places among the results.
#[derive(Default)]
struct Batch {
    places: Vec<usize>,
    messages: Vec<Message>,
    bytes: u64,
}

impl Batch {
    fn add(&mut self, place: usize, mut copy: Message) {
        self.bytes += copy.bytes_to_write();
        self.places.push(place);
        self.messages.push(copy);
    }

    fn is_full(&self) -> bool {
        self.messages.len() >= COPIED_AT_ONCE || self.bytes >= BYTES_AT_ONCE
    }

    fn save(&mut self, folder: &Folder, copies: &mut Copies) -> Result<()> {
        let results = folder
            .store()
            .save_batch(&mut self.messages, SaveFlags::empty())?;
        for (place, result) in self.places.iter().zip(results) {
            if let (Some((_, copy)), Err(error)) = (copies.get_mut(*place), result) {
                *copy = Err(error);
            }
        }
        *self = Batch::default();
        Ok(())
    }
}

impl Message {
    /// Saves this handle's view, pending changes included, as a new message in a folder that the user names, also of
    /// another store; the original is untouched, and so is this handle (K2). Works also when the original was deleted
    /// meanwhile (S4), and from a read-only handle. Returns the new message, open and modifiable.
    ///
    /// # Errors
    ///
    /// Those of [`Message::save_changes`] for a new message; `MAPI_E_INVALID_OBJECT`: this handle is closed.
    pub fn save_elsewhere(&self, folder: &Folder) -> Result<Message> {
        let mut copy = self.copy_for(folder)?;
        copy.save_changes(SaveFlags::KEEP_OPEN_READWRITE)?;
        Ok(copy)
    }

    /// A new message for a folder, with this handle's view.
    pub(super) fn copy_for(&self, folder: &Folder) -> Result<Message> {
        self.check_open()?;
        let mut copy = folder
            .store()
            .new_message(folder.uid(), Content::default())?;
        let content = copy.take_content(self, &self.content_of_its_own())?;
        copy.mine = Arc::new(content);
        copy.snapshot = Arc::clone(&copy.mine);
        copy.aside.read_state = self.aside.read_state;
        // A report that was sent for the original is not owed again.
        copy.aside.read_flags = self.aside.read_flags;
        copy.aside.is_associated = self.aside.is_associated;
        Ok(copy)
    }
}
