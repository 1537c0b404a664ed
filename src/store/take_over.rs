//! Values, attachments and whole contents that one message takes over from another, of the same store or not.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::model::{
    AttachmentRow, AttachmentTable, Content, Properties, PropertyName, PropertyTag, RecipientRow,
    StoredValue,
};
use crate::store::{Message, Store};

impl Store {
    /// Whether both are open on one file. Two files may have one uid, where one is a copy of the other.
    pub(crate) fn is_same_file(&self, other: &Store) -> bool {
        Arc::ptr_eq(&self.database, &other.database)
            || (self.uid() == other.uid() && self.path() == other.path())
    }

    /// The tag by which a property of another store is known here: that has other numbers for the same names, which get
    /// one here if they have none. A number that has no name stays, unless it stands for something here.
    pub(crate) fn take_tag(&self, from: &Store, tag: PropertyTag) -> Result<PropertyTag> {
        if !tag.id().is_named() || self.is_same_file(from) {
            return Ok(tag);
        }
        let name_in = |store: &Store| -> Result<Option<PropertyName>> {
            Ok(store
                .names_from_ids(&[tag.id()])?
                .into_iter()
                .flatten()
                .next())
        };
        match (name_in(from)?, tag.property_type()) {
            (Some(name), Some(property_type)) => self.named_tag(&name, property_type),
            _ => match name_in(self)? {
                None => Ok(tag),
                Some(name) => Err(Error::NoSupport {
                    detail: format!("{tag} has no name in its store, and is {name} in the other"),
                }),
            },
        }
    }
}

impl Message {
    /// A value of another message as this one will refer to it. Within a store nothing is copied: the stream must only
    /// outlive the other handle. Between two stores it is, in bounded memory.
    pub(crate) fn take_value(
        &mut self,
        from: &Message,
        value: &StoredValue,
    ) -> Result<StoredValue> {
        let StoredValue::Stream(reference) = value else {
            return Ok(value.clone());
        };
        if !self.store.is_same_file(&from.store) {
            let reader = from.stored_reader(*reference);
            return self.take_data(reader).map(StoredValue::Stream);
        }
        match from.pending.streams.shared(reference.hash) {
            Some(data) => self.add_stream(&data).map(StoredValue::Stream),
            None => {
                self.borrow_from(from);
                Ok(value.clone())
            }
        }
    }

    /// Keeps the streams of another handle for as long as this one may refer to them without having been saved.
    fn borrow_from(&mut self, from: &Message) {
        for pin in from.pin.iter().chain(&from.pending.borrowed) {
            let borrowed = &mut self.pending.borrowed;
            if !borrowed.iter().any(|present| Arc::ptr_eq(present, pin)) {
                borrowed.push(Arc::clone(pin));
            }
        }
    }

    pub(crate) fn take_properties(
        &mut self,
        from: &Message,
        properties: &Properties,
    ) -> Result<Properties> {
        properties
            .iter()
            .map(|(tag, value)| {
                Ok((
                    self.store.take_tag(&from.store, tag)?,
                    self.take_value(from, value)?,
                ))
            })
            .collect()
    }

    pub(crate) fn take_attachment(
        &mut self,
        from: &Message,
        row: &AttachmentRow,
    ) -> Result<AttachmentRow> {
        let embedded = row.embedded.as_ref();
        Ok(AttachmentRow {
            number: row.number,
            properties: self.take_properties(from, &row.properties)?,
            embedded: embedded
                .map(|content| self.take_content(from, content).map(Arc::new))
                .transpose()?,
        })
    }

    /// All of another message's content, or of one that is embedded in it.
    pub(crate) fn take_content(&mut self, from: &Message, content: &Content) -> Result<Content> {
        let recipient = |message: &mut Message, row: &RecipientRow| {
            Ok(RecipientRow {
                row_id: row.row_id,
                properties: message.take_properties(from, &row.properties)?,
            })
        };
        let recipients = content.recipients.iter();
        let attachments = content.attachments.rows.iter();
        Ok(Content {
            properties: self.take_properties(from, &content.properties)?,
            recipients: recipients
                .map(|row| recipient(self, row))
                .collect::<Result<_>>()?,
            attachments: AttachmentTable {
                next_number: content.attachments.next_number,
                rows: attachments
                    .map(|row| self.take_attachment(from, row))
                    .collect::<Result<_>>()?,
            },
        })
    }
}
