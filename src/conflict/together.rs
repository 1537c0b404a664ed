//! Properties that make sense only together: a sender's name of one client beside the address of another would be a
//! sender that nobody wrote.

use crate::model::{PropertyId, PropertyTag, pr};

/// Sets of properties that one side gives as a whole when both have changed something in them.
const TOGETHER: &[&[PropertyId]] = &[
    &[
        pr::SUBJECT.tag().id(),
        pr::SUBJECT_PREFIX.tag().id(),
        pr::NORMALIZED_SUBJECT.tag().id(),
    ],
    &[
        pr::BODY.tag().id(),
        pr::HTML.tag().id(),
        pr::RTF_COMPRESSED.tag().id(),
        pr::RTF_IN_SYNC.tag().id(),
        pr::NATIVE_BODY_INFO.tag().id(),
        pr::INTERNET_CPID.tag().id(),
    ],
    &[
        pr::SENDER_NAME.tag().id(),
        pr::SENDER_ADDRTYPE.tag().id(),
        pr::SENDER_EMAIL_ADDRESS.tag().id(),
        pr::SENDER_SMTP_ADDRESS.tag().id(),
        pr::SENDER_ENTRYID.tag().id(),
        pr::SENDER_SEARCH_KEY.tag().id(),
    ],
    &[
        pr::SENT_REPRESENTING_NAME.tag().id(),
        pr::SENT_REPRESENTING_ADDRTYPE.tag().id(),
        pr::SENT_REPRESENTING_EMAIL_ADDRESS.tag().id(),
        pr::SENT_REPRESENTING_SMTP_ADDRESS.tag().id(),
        pr::SENT_REPRESENTING_ENTRYID.tag().id(),
        pr::SENT_REPRESENTING_SEARCH_KEY.tag().id(),
    ],
    &[
        pr::REPLY_RECIPIENT_NAMES.tag().id(),
        pr::REPLY_RECIPIENT_ENTRIES.tag().id(),
    ],
    &[
        pr::CONVERSATION_TOPIC.tag().id(),
        pr::CONVERSATION_INDEX.tag().id(),
        pr::CONVERSATION_ID.tag().id(),
    ],
];

/// Whether two properties make sense only together, as a sender's name and address do, or are one, whatever their types:
/// what two clients changed in such a set cannot be combined, and a merge takes all of it from one side (K2).
///
/// ```
/// use mapistore::{belong_together, pr};
///
/// assert!(belong_together(pr::SENDER_NAME.tag(), pr::SENDER_EMAIL_ADDRESS.tag()));
/// assert!(!belong_together(pr::SENDER_NAME.tag(), pr::SUBJECT.tag()));
/// ```
pub fn belong_together(one: PropertyTag, other: PropertyTag) -> bool {
    name_of(one.id()) == name_of(other.id())
}

/// The property that stands for the whole set of another one.
pub(super) fn name_of(id: PropertyId) -> PropertyId {
    let set = TOGETHER.iter().find(|set| set.contains(&id));
    set.and_then(|set| set.first()).copied().unwrap_or(id)
}

/// The set that a property belongs to: itself alone for most.
pub(super) fn set_of(id: PropertyId) -> Vec<PropertyId> {
    let set = TOGETHER.iter().find(|set| set.contains(&id));
    set.map_or_else(|| vec![id], |set| set.to_vec())
}
