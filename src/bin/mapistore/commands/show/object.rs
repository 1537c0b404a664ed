//! The JSON form of a message.

use mapistore::{AttachMethod, AttachmentInfo, Message, RecipientEntry, Store, StoredValue};

use super::{LargeValues, attached_message, flags, folder_path, further_properties, loaded, named};
use crate::json::{AttachmentObject, EmbeddedObject, Members, MessageObject, RecipientObject};
use crate::values;

/// A message with all that it holds.
pub(crate) fn object(
    store: &Store,
    message: &Message,
    large: LargeValues,
) -> anyhow::Result<MessageObject> {
    let content = content(store, message, large)?;
    Ok(MessageObject {
        entry_id: message.entry_id().object(),
        row_version: message.row_version(),
        change_number: message.change_number(),
        folder: folder_path(store, message),
        deleted_at: message.deleted_at().map(|time| time.to_string()),
        properties: content.properties,
        recipients: content.recipients,
        attachments: content.attachments,
        flags: flags(message)?,
    })
}

/// What an embedded message has as well.
fn content(store: &Store, message: &Message, large: LargeValues) -> anyhow::Result<EmbeddedObject> {
    let mut properties = Vec::new();
    for (name, tag, value) in named(store, message.properties()?)? {
        let value = match (&value, large) {
            (StoredValue::Stream(_), LargeValues::Loaded) => loaded(message, tag)?.unwrap_or(value),
            _ => value,
        };
        properties.push((name, values::to_json(&value)));
    }
    let recipient = |entry: RecipientEntry| {
        let further = named(store, further_properties(message, entry.row_id)?)?;
        let further = further.into_iter();
        anyhow::Ok(RecipientObject {
            kind: entry.recipient.kind.name(),
            name: entry.recipient.name,
            address_type: entry.recipient.address_type,
            address: entry.recipient.address,
            properties: Members(
                further
                    .map(|(name, _, value)| (name, values::to_json(&value)))
                    .collect(),
            ),
        })
    };
    let attachment = |info: AttachmentInfo| {
        let embedded = attached_message(message, &info)?;
        let embedded = embedded.map(|embedded| content(store, &embedded, large));
        anyhow::Ok(AttachmentObject {
            number: info.number.0,
            method: method_name(info.method),
            size: info.data.map(|data| data.size),
            hash: info.data.map(|data| data.hash.to_string()),
            name: info.name,
            mime_type: info.mime_type,
            message: embedded.transpose()?,
        })
    };
    let recipients = message.recipients()?.into_iter().map(recipient);
    let attachments = message.attachments()?.into_iter().map(attachment);
    Ok(EmbeddedObject {
        properties: Members(properties),
        recipients: recipients.collect::<anyhow::Result<_>>()?,
        attachments: attachments.collect::<anyhow::Result<_>>()?,
    })
}

/// As in the view `inspect_attachments`.
fn method_name(method: AttachMethod) -> &'static str {
    match method {
        AttachMethod::NoAttachment => "none",
        AttachMethod::ByValue => "by-value",
        AttachMethod::ByReference => "by-reference",
        AttachMethod::ByReferenceResolve => "by-reference-resolve",
        AttachMethod::ByReferenceOnly => "by-reference-only",
        AttachMethod::EmbeddedMessage => "embedded-message",
        AttachMethod::Ole => "ole",
    }
}
