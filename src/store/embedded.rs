//! Embedded messages: a message inside an attachment, saved to it, and with it to the outer message.

use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::error::{Error, ObjectKind, Result};
use crate::model::document::attachment_row_len;
use crate::model::{
    AccessLevel, AttachMethod, AttachmentRow, Content, FileTime, MessageFlags, PropertyTag,
    PropertyValue, ReadState, SaveFlags, StoredValue, pr,
};
use crate::store::AttachmentNumber;
use crate::store::attachment::{Attachment, record_key};
use crate::store::computed::{content_flags, search_key};
use crate::store::limits::{Around, DEEPEST_EMBEDDED};
use crate::store::message::{Aside, HandleState, Message, NewStreams, Pending, Place};
use crate::store::opening::{created_by, initial_content};
use crate::store::save::afterwards;

/// How an embedded message is opened (MS-OXCMSG 2.2.3.16.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EmbeddedAccess {
    /// For reading.
    ReadOnly,
    /// For reading and changing.
    Modify,
    /// For reading and changing; made if the attachment has none.
    Create,
}

/// An open message inside an attachment. It takes the calls of a [`Message`] for properties, recipients and
/// attachments, among these further embedded messages, and is saved in three steps, each of which makes it part of
/// the next (S14): [`EmbeddedMessage::save_changes`], [`Attachment::save_changes`], and [`Message::save_changes`] of
/// the outer message, which commits. Dropped unsaved, its changes are forgotten.
///
/// It has no entry id, no version and no change key of its own: a conflict is one of the outer message.
///
/// ```
/// # use mapistore::{Access, AttachMethod, EmbeddedAccess, SaveFlags, SpecialFolder, Store, pr};
/// # let folder = tempfile::tempdir()?;
/// # let store = Store::options().create_if_missing().open(folder.path().join("mail.store"))?;
/// let mut draft = store.special_folder(SpecialFolder::Drafts)?.create_message()?;
/// let mut attachment = draft.create_attachment()?;
/// let mut forwarded = attachment.open_embedded_message(EmbeddedAccess::Create)?;
/// forwarded.set(pr::SUBJECT, "Figures")?;
/// forwarded.save_changes(SaveFlags::empty())?;
/// attachment.save_changes(SaveFlags::empty())?;
/// assert_eq!(draft.attachments()?[0].method, AttachMethod::EmbeddedMessage);
/// draft.save_changes(SaveFlags::empty())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct EmbeddedMessage<'a> {
    message: Message,
    outer: &'a mut Message,
    row: &'a mut AttachmentRow,
}

impl Deref for EmbeddedMessage<'_> {
    type Target = Message;

    fn deref(&self) -> &Message {
        &self.message
    }
}

impl DerefMut for EmbeddedMessage<'_> {
    fn deref_mut(&mut self) -> &mut Message {
        &mut self.message
    }
}

impl Attachment<'_> {
    /// Opens the message that is attached (IMAPIProp::OpenProperty of `PR_ATTACH_DATA_OBJ` as IMessage), or makes one.
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`: there is none, and none is to be made. `MAPI_E_NO_ACCESS`: changes are asked for, and the
    /// attachment is open for reading only. `MAPI_E_TOO_BIG`: a new one would be more than 32 messages deep (S15).
    /// `MAPI_E_INVALID_OBJECT`: the handle is closed.
    pub fn open_embedded_message(&mut self, access: EmbeddedAccess) -> Result<EmbeddedMessage<'_>> {
        self.check_open()?;
        let access_level = match access {
            EmbeddedAccess::ReadOnly => AccessLevel::ReadOnly,
            EmbeddedAccess::Modify | EmbeddedAccess::Create => {
                self.check_modifiable()?;
                AccessLevel::Modify
            }
        };
        let depth = self.message.depth() + 1;
        let content = match (&self.row.embedded, access) {
            (Some(embedded), _) => Arc::clone(embedded),
            (None, EmbeddedAccess::Create) => {
                check_depth(depth)?;
                let creator = self.message.store.client_name();
                Arc::new(created_by(creator, initial_content()))
            }
            (None, _) => return Err(nothing_embedded(&self.row)),
        };
        let place = Place::Attachment {
            depth,
            record_key: record_key(self.message, &self.row),
            around: self.around_embedded(),
        };
        Ok(EmbeddedMessage {
            message: handle(self.message, place, content, access_level),
            outer: self.message,
            row: &mut self.row,
        })
    }

    /// What counts against the limits of an embedded message besides itself.
    fn around_embedded(&mut self) -> Around {
        let mut bare = self.row.clone();
        bare.embedded = None;
        let bare = attachment_row_len(&bare);
        let stored = self.stored_len();
        self.message.sizes().around_embedded(stored, bare)
    }
}

/// A handle of a message inside another one's attachment.
fn handle(
    outer: &Message,
    place: Place,
    content: Arc<Content>,
    access_level: AccessLevel,
) -> Message {
    let mut pending = Pending::nothing();
    pending.streams = NewStreams::inherit(&outer.pending.streams);
    pending.borrowed = outer.pending.borrowed.clone();
    Message {
        store: outer.store.clone(),
        uid: outer.uid,
        place,
        state: HandleState::Open,
        access_level,
        base: None,
        snapshot: Arc::clone(&content),
        aside: aside_of(&content, outer.aside),
        mine: content,
        pending,
        pin: outer.pin.clone(),
    }
}

impl EmbeddedMessage<'_> {
    /// Makes the message, as it is here, the content of its attachment's handle, whose method becomes
    /// `afEmbeddedMessage`; stored is it only when the attachment and the outer message are saved (S14). Sets its time
    /// of modification and its modifier. Afterwards this handle is as the flags say, as for [`Message::save_changes`].
    ///
    /// # Errors
    ///
    /// `MAPI_E_INVALID_PARAMETER`: both KEEP_OPEN flags. `MAPI_E_NO_ACCESS`: the handle is read-only.
    /// `MAPI_E_INVALID_OBJECT`: it is closed. For large values also those of writing the store. The attachment is as
    /// it was.
    pub fn save_changes(&mut self, flags: SaveFlags) -> Result<()> {
        let afterwards = afterwards(flags)?;
        self.message.check_modifiable()?;
        self.check_place()?;
        let content = Arc::new(stamped(&self.message));
        let named = content.streams();
        // Not shared while the outer message adds to its own, or each embedded message would copy all of them.
        let own: Vec<_> = mem::take(&mut self.message.pending.streams)
            .take_own()
            .collect();
        let handed = own
            .iter()
            .filter(|(hash, _)| named.iter().any(|named| named.hash == *hash))
            .try_for_each(|(_, data)| self.outer.add_stream(data).map(drop));
        self.message.pending.streams = NewStreams::inherit(&self.outer.pending.streams);
        if let Err(error) = handed {
            for (hash, data) in own {
                self.message.pending.streams.add(hash, &data);
            }
            return Err(error);
        }
        let borrowed = self.message.pending.borrowed.iter().cloned();
        self.outer.pending.borrowed.extend(borrowed);
        self.row.properties.set(
            pr::ATTACH_METHOD.tag(),
            PropertyValue::Long(AttachMethod::EmbeddedMessage.code()),
        );
        self.row.embedded = Some(Arc::clone(&content));
        self.message.snapshot = Arc::clone(&content);
        self.message.mine = content;
        self.message.pending.touched.clear();
        self.message.settle(afterwards);
        Ok(())
    }
}

impl EmbeddedMessage<'_> {
    /// The handle may have been swapped for another message's, whose large values are not known here.
    fn check_place(&self) -> Result<()> {
        let is_here = match &self.message.place {
            Place::Attachment {
                record_key: key, ..
            } => *key == record_key(self.outer, self.row),
            Place::Folder => false,
        };
        if is_here && self.message.store.is_same_file(&self.outer.store) {
            return Ok(());
        }
        Err(Error::InvalidParameter {
            detail: format!(
                "the handle is not that of the message in attachment {}",
                self.row.number
            ),
        })
    }
}

fn nothing_embedded(row: &AttachmentRow) -> Error {
    Error::NotFound {
        kind: ObjectKind::Message,
        what: format!("in attachment {}", row.number),
    }
}

pub(crate) fn check_depth(depth: usize) -> Result<()> {
    if depth <= DEEPEST_EMBEDDED {
        return Ok(());
    }
    Err(Error::TooBig {
        detail: format!(
            "messages would be embedded {depth} deep, more than the {DEEPEST_EMBEDDED} allowed"
        ),
    })
}

/// What a message in a folder has in columns, and an embedded one among its properties.
const IN_COLUMNS: &[PropertyTag] = &[
    pr::CREATION_TIME.tag(),
    pr::LAST_MODIFICATION_TIME.tag(),
    pr::LAST_MODIFIER_NAME.tag(),
];

/// The content of an embedded message with what the store sets.
fn stamped(message: &Message) -> Content {
    let mut content = Content::clone(&message.mine);
    let stored = content.properties.typed(pr::MESSAGE_FLAGS).unwrap_or(0);
    let mut flags =
        MessageFlags::from_bits_retain(content_flags(MessageFlags::from_bits_retain(stored)));
    flags.set(
        MessageFlags::READ,
        message.aside.read_state == ReadState::Read,
    );
    flags |= message.read_marks().flags;
    let client_name = message.store.client_name().to_owned();
    // Like that of a stored message, it never goes back with the clock.
    let before = content.properties.typed(pr::LAST_MODIFICATION_TIME);
    let now = FileTime::from_timestamp(jiff::Timestamp::now())
        .max(message.aside.created_at)
        .max(before.unwrap_or(FileTime::new(0)));
    let [created, modified, modifier] = [
        PropertyValue::SysTime(message.aside.created_at),
        PropertyValue::SysTime(now),
        PropertyValue::Unicode(client_name),
    ];
    let flags = PropertyValue::Long(flags.bits());
    content.properties.extend(
        IN_COLUMNS
            .iter()
            .copied()
            .zip([created, modified, modifier]),
    );
    content.properties.set(pr::MESSAGE_FLAGS.tag(), flags);
    content
}

/// What is beside the content of a message in a folder, taken from the properties of an embedded one.
fn aside_of(content: &Content, outer: Aside) -> Aside {
    let flags = content.properties.typed(pr::MESSAGE_FLAGS).unwrap_or(0);
    let flags = MessageFlags::from_bits_retain(flags);
    let is_new = content.properties.get(pr::CREATION_TIME.tag()).is_none();
    Aside {
        folder: outer.folder,
        created_at: content
            .properties
            .typed(pr::CREATION_TIME)
            .unwrap_or_else(|| FileTime::from_timestamp(jiff::Timestamp::now())),
        read_state: if is_new || flags.contains(MessageFlags::READ) {
            ReadState::Read
        } else {
            ReadState::Unread
        },
        read_flags: (!is_new).then_some(flags),
        status: 0,
        is_associated: false,
        deleted_at: None,
    }
}

impl Message {
    /// How deep this message is embedded; 0 in a folder.
    pub(crate) fn depth(&self) -> usize {
        match self.place {
            Place::Folder => 0,
            Place::Attachment { depth, .. } => depth,
        }
    }

    /// This handle's view as the content of a copy: what has columns in a folder is no property, and the search key
    /// stays that of the original.
    pub(crate) fn content_of_its_own(&self) -> Content {
        let mut content = Content::clone(&self.mine);
        let search_key = StoredValue::Inline(PropertyValue::Binary(search_key(self)));
        content.properties.set(pr::SEARCH_KEY.tag(), search_key);
        if self.depth() > 0 {
            for tag in IN_COLUMNS {
                content.properties.remove(tag.id());
            }
            let flags = content.properties.typed(pr::MESSAGE_FLAGS).unwrap_or(0);
            let flags = content_flags(MessageFlags::from_bits_retain(flags));
            let flags = StoredValue::Inline(PropertyValue::Long(flags));
            content.properties.set(pr::MESSAGE_FLAGS.tag(), flags);
        }
        content
    }

    /// Opens the message that is attached under a number for reading, as this handle shows it now. Unlike
    /// [`Attachment::open_embedded_message`] it leaves this handle free, and lives as long as it likes.
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`: no attachment of that number, or none with a message. `MAPI_E_INVALID_OBJECT`: the handle is
    /// closed.
    pub fn open_attached_message(&self, number: AttachmentNumber) -> Result<Message> {
        self.check_open()?;
        let row = self.attachment_row(number)?;
        let content = row.embedded.clone().ok_or_else(|| nothing_embedded(row))?;
        let place = Place::Attachment {
            depth: self.depth() + 1,
            record_key: record_key(self, row),
            around: Around::Nothing,
        };
        Ok(handle(self, place, content, AccessLevel::ReadOnly))
    }

    /// Attaches a copy of another message, also of another store, as that handle shows it, pending changes included: a
    /// new attachment with an embedded message, saved to this message as a pending change. Within a store large values
    /// are not copied.
    ///
    /// # Errors
    ///
    /// `MAPI_E_TOO_BIG`: messages would be embedded more than 32 deep,
    /// or recipients and attachment rows would take more than 16 MiB (S15). `MAPI_E_NO_ACCESS`: this handle is
    /// read-only. `MAPI_E_INVALID_OBJECT`: one of the handles is closed. For large pending values also those of writing
    /// the store. The message's pending changes are as they were.
    pub fn attach_message(&mut self, other: &Message) -> Result<AttachmentNumber> {
        other.check_open()?;
        self.check_modifiable()?;
        check_depth(self.depth() + 1 + other.mine.depth())?;
        let content = self.take_content(other, &other.content_of_its_own())?;
        let mut attachment = self.create_attachment()?;
        let number = attachment.number();
        let mut embedded = attachment.open_embedded_message(EmbeddedAccess::Create)?;
        embedded.message.mine = Arc::new(content);
        embedded.message.aside.created_at = other.aside.created_at;
        embedded.message.aside.read_state = other.aside.read_state;
        embedded.message.aside.read_flags = other.aside.read_flags;
        embedded.save_changes(SaveFlags::empty())?;
        attachment.save_changes(SaveFlags::empty())?;
        Ok(number)
    }
}
