//! Properties that the store computes and nobody sets (S11).

use crate::model::{
    AccessLevel, Content, FileTime, MessageFlags, PropertyTag, PropertyValue, ReadState, Recipient,
    RecipientKind, Tag, one_off_entry_id, pr,
};
use crate::store::message::Place;
use crate::store::{Message, subject};

/// MAPI's object type of a message (`MAPI_MESSAGE`).
const OBJECT_TYPE_MESSAGE: i32 = 5;
/// `MAPI_ACCESS_READ`, and with modify access also MODIFY and DELETE.
const ACCESS_READ: i32 = 2;
const ACCESS_MODIFY_READ_DELETE: i32 = 1 | 2 | 4;

/// Bits of `PR_MESSAGE_FLAGS` that are composed when it is read, and so are never stored (S13).
const COMPOSED: MessageFlags = MessageFlags::READ
    .union(MessageFlags::UNMODIFIED)
    .union(MessageFlags::HASATTACH)
    .union(MessageFlags::ASSOCIATED)
    .union(MessageFlags::RN_PENDING)
    .union(MessageFlags::NRN_PENDING)
    .union(MessageFlags::EVER_READ);

/// The tags, in the order in which [`value`] answers them.
pub(crate) const TAGS: &[PropertyTag] = &[
    pr::ENTRYID.tag(),
    pr::RECORD_KEY.tag(),
    pr::PARENT_ENTRYID.tag(),
    pr::SEARCH_KEY.tag(),
    pr::STORE_ENTRYID.tag(),
    pr::STORE_RECORD_KEY.tag(),
    pr::OBJECT_TYPE.tag(),
    pr::ACCESS.tag(),
    pr::ACCESS_LEVEL.tag(),
    pr::MESSAGE_FLAGS.tag(),
    pr::READ.tag(),
    pr::MSG_STATUS.tag(),
    pr::MESSAGE_SIZE.tag(),
    pr::MESSAGE_SIZE_EXTENDED.tag(),
    pr::HASATTACH.tag(),
    pr::SUBJECT_PREFIX.tag(),
    pr::NORMALIZED_SUBJECT.tag(),
    pr::HAS_NAMED_PROPERTIES.tag(),
    pr::DISPLAY_TO.tag(),
    pr::DISPLAY_CC.tag(),
    pr::DISPLAY_BCC.tag(),
    pr::CREATION_TIME.tag(),
    pr::CREATOR_NAME.tag(),
    pr::CREATOR_ENTRYID.tag(),
    pr::LAST_MODIFICATION_TIME.tag(),
    pr::LAST_MODIFIER_NAME.tag(),
    pr::LAST_MODIFIER_ENTRYID.tag(),
    pr::LOCAL_COMMIT_TIME.tag(),
    pr::CHANGE_KEY.tag(),
    pr::PREDECESSOR_CHANGE_LIST.tag(),
    pr::CONFLICT_ITEMS.tag(),
    pr::MESSAGE_RECIPIENTS,
    pr::MESSAGE_ATTACHMENTS,
];

/// Whether a property is the store's own, whatever type is asked for.
pub(crate) fn is_computed(tag: PropertyTag) -> bool {
    TAGS.iter().any(|computed| computed.id() == tag.id())
}

/// The bits of `PR_MESSAGE_FLAGS` that are content.
pub(crate) fn content_flags(flags: MessageFlags) -> i32 {
    flags.difference(COMPOSED).bits()
}

/// The value of a computed property on this handle; `None` if it has none, as those of a message that was never
/// saved. What takes a look into the store is [`Message::computed_value`]'s.
pub(crate) fn value(message: &Message, tag: PropertyTag) -> Option<PropertyValue> {
    let Message {
        aside, mine, base, ..
    } = message;
    let base = base.as_ref();
    Some(match tag {
        // An embedded message is had only through the message that it is stored in.
        _ if [pr::ENTRYID, pr::PARENT_ENTRYID]
            .map(Tag::tag)
            .contains(&tag)
            && message.depth() > 0 =>
        {
            return None;
        }
        _ if tag == pr::ENTRYID.tag() => {
            PropertyValue::Binary(message.entry_id().to_bytes().to_vec())
        }
        _ if tag == pr::PARENT_ENTRYID.tag() => {
            PropertyValue::Binary(message.folder_id().to_bytes().to_vec())
        }
        _ if tag == pr::RECORD_KEY.tag() => PropertyValue::Binary(record_key(message)),
        _ if tag == pr::SEARCH_KEY.tag() => PropertyValue::Binary(search_key(message)),
        _ if tag == pr::STORE_ENTRYID.tag() => {
            PropertyValue::Binary(message.store.store_entry_id().to_bytes().to_vec())
        }
        _ if tag == pr::STORE_RECORD_KEY.tag() => {
            PropertyValue::Binary(message.store.uid().as_bytes().to_vec())
        }
        _ if tag == pr::OBJECT_TYPE.tag() => PropertyValue::Long(OBJECT_TYPE_MESSAGE),
        _ if tag == pr::ACCESS.tag() => PropertyValue::Long(match message.access_level {
            AccessLevel::ReadOnly => ACCESS_READ,
            AccessLevel::Modify => ACCESS_MODIFY_READ_DELETE,
        }),
        _ if tag == pr::ACCESS_LEVEL.tag() => PropertyValue::Long(message.access_level.code()),
        _ if tag == pr::MESSAGE_FLAGS.tag() => PropertyValue::Long(message_flags(message).bits()),
        _ if tag == pr::READ.tag() => PropertyValue::Boolean(aside.read_state == ReadState::Read),
        _ if tag == pr::MSG_STATUS.tag() => PropertyValue::Long(aside.status),
        _ if tag == pr::MESSAGE_SIZE.tag() => {
            // A 32-bit property; MS-OXCMSG 2.2.1.7 has the 64-bit one for larger messages.
            PropertyValue::Long(i32::try_from(mine.size()).unwrap_or(i32::MAX))
        }
        _ if tag == pr::MESSAGE_SIZE_EXTENDED.tag() => PropertyValue::I8(mine.size().cast_signed()),
        _ if tag == pr::HASATTACH.tag() => {
            PropertyValue::Boolean(!mine.attachments.rows.is_empty())
        }
        _ if tag == pr::SUBJECT_PREFIX.tag() => {
            PropertyValue::Unicode(subject::prefix(&mine.properties)?)
        }
        _ if tag == pr::NORMALIZED_SUBJECT.tag() => {
            PropertyValue::Unicode(subject::normalized(&mine.properties)?)
        }
        // Of the snapshot: what is pending does not count before it is saved (MS-OXCMSG 2.2.1.39).
        _ if tag == pr::HAS_NAMED_PROPERTIES.tag() => {
            let mut stored = message.snapshot.properties.iter();
            PropertyValue::Boolean(stored.any(|(tag, _)| tag.id().is_named()))
        }
        _ if tag == pr::DISPLAY_TO.tag() => display(mine, RecipientKind::To),
        _ if tag == pr::DISPLAY_CC.tag() => display(mine, RecipientKind::Cc),
        _ if tag == pr::DISPLAY_BCC.tag() => display(mine, RecipientKind::Bcc),
        _ if tag == pr::CREATION_TIME.tag() => time(aside.created_at),
        _ if tag == pr::CREATOR_NAME.tag() => PropertyValue::Unicode(creator(message)?),
        _ if tag == pr::CREATOR_ENTRYID.tag() => {
            PropertyValue::Binary(one_off_entry_id(&creator(message)?))
        }
        _ if tag == pr::LAST_MODIFICATION_TIME.tag() => time(modified_at(message)),
        _ if tag == pr::LAST_MODIFIER_NAME.tag() => PropertyValue::Unicode(modifier(message)?),
        _ if tag == pr::LAST_MODIFIER_ENTRYID.tag() => {
            PropertyValue::Binary(one_off_entry_id(&modifier(message)?))
        }
        _ if tag == pr::LOCAL_COMMIT_TIME.tag() => time(base?.committed_at),
        _ if tag == pr::CHANGE_KEY.tag() => binary(&base?.change_key)?,
        _ if tag == pr::PREDECESSOR_CHANGE_LIST.tag() => binary(&base?.predecessors.to_bytes())?,
        _ => return None,
    })
}

pub(crate) fn record_key(message: &Message) -> Vec<u8> {
    match &message.place {
        Place::Folder => message.uid.as_bytes().to_vec(),
        Place::Attachment { record_key, .. } => record_key.clone(),
    }
}

/// What a copy shares with its original: stored in a copy, and in an original the same as its record key.
pub(crate) fn search_key(message: &Message) -> Vec<u8> {
    let of_original = message.mine.properties.typed(pr::SEARCH_KEY);
    of_original.unwrap_or_else(|| record_key(message))
}

/// Who created the message; nobody knows it of one that was stored before creators were named.
fn creator(message: &Message) -> Option<String> {
    message.mine.properties.typed(pr::CREATOR_NAME)
}

/// Who saved the message last. Before the first save, that is its creator. What a message in a folder has in
/// columns, an embedded one has among its properties.
fn modifier(message: &Message) -> Option<String> {
    let saved = match (&message.place, &message.base) {
        (Place::Folder, base) => base.as_ref().map(|base| base.modified_by.clone()),
        (Place::Attachment { .. }, _) => message.mine.properties.typed(pr::LAST_MODIFIER_NAME),
    };
    saved.or_else(|| creator(message))
}

/// When the message was saved last; before the first save, when it was created.
fn modified_at(message: &Message) -> FileTime {
    let saved = match (&message.place, &message.base) {
        (Place::Folder, base) => base.as_ref().map(|base| base.modified_at),
        (Place::Attachment { .. }, _) => message.mine.properties.typed(pr::LAST_MODIFICATION_TIME),
    };
    saved.unwrap_or(message.aside.created_at)
}

fn time(time: FileTime) -> PropertyValue {
    PropertyValue::SysTime(time)
}

fn binary(bytes: &[u8]) -> Option<PropertyValue> {
    (!bytes.is_empty()).then(|| PropertyValue::Binary(bytes.to_vec()))
}

/// `PR_MESSAGE_FLAGS`: content bits, and those that are composed.
fn message_flags(message: &Message) -> MessageFlags {
    let stored = message
        .mine
        .properties
        .typed(pr::MESSAGE_FLAGS)
        .unwrap_or(0);
    let mut flags = MessageFlags::from_bits_retain(stored).difference(COMPOSED);
    flags |= message.read_marks().flags;
    flags.set(
        MessageFlags::READ,
        message.aside.read_state == ReadState::Read,
    );
    flags.set(
        MessageFlags::HASATTACH,
        !message.mine.attachments.rows.is_empty(),
    );
    flags.set(MessageFlags::ASSOCIATED, message.aside.is_associated);
    flags
}

/// The display names of one kind of recipients, as MS-OXOMSG 2.2.1.9 joins them; the address where there is no name.
fn display(content: &Content, kind: RecipientKind) -> PropertyValue {
    let names: Vec<String> = content
        .recipients
        .iter()
        .map(|row| Recipient::from_properties(&row.properties))
        .filter(|recipient| recipient.kind == kind)
        .map(|recipient| {
            if recipient.name.is_empty() {
                recipient.address
            } else {
                recipient.name
            }
        })
        .collect();
    PropertyValue::Unicode(names.join("; "))
}
