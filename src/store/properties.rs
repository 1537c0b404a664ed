//! Properties of a handle: get, set, delete, and large ones as streams.

use std::io::Read;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::model::document::property_len;
use crate::model::{
    Content, MessageClass, MessageFlags, Properties, PropertyKind, PropertyTag, PropertyType,
    PropertyValue, ReadState, StoredValue, Tag, pr,
};
use crate::store::limits::{becomes_stream, len_of};
use crate::store::map_prop::refuse_object;
use crate::store::stream::{StreamReader, load_whole};
use crate::store::{Message, computed, subject};

/// Refuses a tag that no value can stand for, and a value that is not of the tag's type.
pub(crate) fn check_value(tag: PropertyTag, value: &PropertyValue) -> Result<()> {
    check_settable(tag)?;
    if tag.property_type() != Some(value.property_type()) {
        return Err(Error::UnexpectedType {
            tag,
            given: value.property_type(),
        });
    }
    value.validate()
}

/// Refuses tags whose type holds no value that could be set.
pub(crate) fn check_settable(tag: PropertyTag) -> Result<()> {
    match tag.property_type() {
        Some(_) => refuse_object(tag),
        None => Err(Error::InvalidParameter {
            detail: format!("{tag} has no type that a property can be stored with"),
        }),
    }
}

impl Message {
    /// Reads a property by its typed tag; `None` if the message has none of that id and type
    /// (`MAPI_E_NOT_FOUND` in the slot, IMAPIProp::GetProps).
    ///
    /// # Errors
    ///
    /// `MAPI_E_INVALID_OBJECT` for a closed handle; for a large value also those of reading the store.
    pub fn get<T: PropertyKind>(&self, tag: Tag<T>) -> Result<Option<T>> {
        Ok(self.get_value(tag.tag())?.and_then(T::from_value))
    }

    /// Reads a property by any tag. A large value is read whole; see [`Message::open_stream`].
    ///
    /// # Errors
    ///
    /// Those of [`Message::get`].
    pub fn get_value(&self, tag: PropertyTag) -> Result<Option<PropertyValue>> {
        self.check_open()?;
        if computed::is_computed(tag) {
            return self.computed_value(tag);
        }
        match self.mine.properties.get(tag) {
            None => Ok(None),
            Some(StoredValue::Inline(value)) => Ok(Some(value.clone())),
            Some(StoredValue::Stream(_)) => self.load(&self.mine.properties, tag).map(Some),
        }
    }

    /// The message class (`PR_MESSAGE_CLASS`), in a form that is compared without regard to case; `None` if the
    /// message has none.
    ///
    /// # Errors
    ///
    /// Those of [`Message::get`].
    pub fn message_class(&self) -> Result<Option<MessageClass>> {
        Ok(self.get(pr::MESSAGE_CLASS)?.map(MessageClass::new))
    }

    /// All properties: those that were set, a large one as a reference to its stream, and those that the store
    /// computes; ascending by tag.
    ///
    /// # Errors
    ///
    /// `MAPI_E_INVALID_OBJECT` for a closed handle; and those of reading the store, in which the copies that lost against
    /// this message are looked for (`PR_CONFLICT_ITEMS`, K6).
    pub fn properties(&self) -> Result<Vec<(PropertyTag, StoredValue)>> {
        self.check_open()?;
        let mut all: Vec<(PropertyTag, StoredValue)> = self
            .mine
            .properties
            .iter()
            .filter(|(tag, _)| !computed::is_computed(*tag))
            .map(|(tag, value)| (tag, value.clone()))
            .collect();
        for tag in computed::TAGS {
            let value = self.computed_value(*tag)?;
            all.extend(value.map(|value| (*tag, StoredValue::Inline(value))));
        }
        all.sort_by_key(|(tag, _)| *tag);
        Ok(all)
    }

    /// Names all properties: those of [`Message::properties`], and the tables of recipients and attachments
    /// (IMAPIProp::GetPropList); ascending.
    ///
    /// # Errors
    ///
    /// Those of [`Message::properties`].
    pub fn property_list(&self) -> Result<Vec<PropertyTag>> {
        let mut tags: Vec<PropertyTag> =
            self.properties()?.into_iter().map(|(tag, _)| tag).collect();
        tags.extend([pr::MESSAGE_RECIPIENTS, pr::MESSAGE_ATTACHMENTS]);
        tags.sort_unstable();
        Ok(tags)
    }

    /// Sets a property by its typed tag, as a pending change.
    ///
    /// ```
    /// # use mapistore::{SaveFlags, SpecialFolder, Store, pr};
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Store::options().create_if_missing().open(folder.path().join("mail.store"))?;
    /// let mut draft = store.special_folder(SpecialFolder::Drafts)?.create_message()?;
    /// draft.set(pr::SUBJECT, "Figures")?;
    /// draft.set(pr::IMPORTANCE, 2)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// In all cases the handle is as it was.
    ///
    /// - `MAPI_E_COMPUTED`: the store computes it (S11).
    /// - `MAPI_E_NO_ACCESS`: the handle is read-only.
    /// - `MAPI_E_INVALID_PARAMETER`: a multi-valued property without a value.
    /// - `MAPI_E_TOO_BIG`: the message's properties would be too large (S15).
    /// - `MAPI_E_INVALID_OBJECT`: the handle is closed.
    /// - For a large value also those of writing the store.
    pub fn set<T: PropertyKind>(&mut self, tag: Tag<T>, value: impl Into<T>) -> Result<()> {
        self.set_value(tag.tag(), value.into().into_value())
    }

    /// Sets a property by any tag. A message has one value for each property id: a value of another type
    /// replaces it.
    ///
    /// # Errors
    ///
    /// Those of [`Message::set`], and `MAPI_E_UNEXPECTED_TYPE`: the value is not of the tag's type.
    pub fn set_value(&mut self, tag: PropertyTag, value: PropertyValue) -> Result<()> {
        self.check_modifiable()?;
        check_value(tag, &value)?;
        if let (true, PropertyValue::Long(flags)) = (tag == pr::MESSAGE_FLAGS.tag(), &value) {
            return self.set_initial_flags(MessageFlags::from_bits_retain(*flags));
        }
        self.check_not_computed(tag)?;
        self.forget_replaced_streams();
        let stored = self.storable(tag, value)?;
        self.put(tag, stored)
    }

    /// Sets a text or binary property from a reader, without ever holding all of it in memory; a
    /// `PT_UNICODE` one takes UTF-8. Returns the bytes read.
    ///
    /// # Errors
    ///
    /// Those of [`Message::set`]; `MAPI_E_NO_SUPPORT`: the type cannot be a stream; `MAPI_E_INVALID_PARAMETER`:
    /// the text is no UTF-8; `MAPI_E_DISK_ERROR`: the reader failed. The handle is as it was.
    pub fn set_stream(&mut self, tag: PropertyTag, data: impl Read) -> Result<u64> {
        self.check_modifiable()?;
        self.check_not_computed(tag)?;
        self.forget_replaced_streams();
        let (stored, size) = self.take_stream(tag, data)?;
        self.put(tag, stored)?;
        Ok(size)
    }

    /// Opens a text or binary property for reading, also a small one (IMAPIProp::OpenProperty). The stream reads
    /// this handle's state of now, for as long as it lives (O2); a text as UTF-8.
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`: not set. `MAPI_E_NO_SUPPORT`: a property of another type.
    /// `MAPI_E_INVALID_OBJECT`: the handle is closed.
    pub fn open_stream(&self, tag: PropertyTag) -> Result<StreamReader> {
        self.check_open()?;
        self.reader_of(&self.mine.properties, tag)
    }

    /// Deletes a property, as a pending change (IMAPIProp::DeleteProps). One that is not set is no error, and
    /// counts as a change all the same.
    ///
    /// # Errors
    ///
    /// `MAPI_E_COMPUTED`, `MAPI_E_NO_ACCESS`, `MAPI_E_INVALID_OBJECT` as for [`Message::set`].
    pub fn delete_property(&mut self, tag: PropertyTag) -> Result<()> {
        self.check_modifiable()?;
        self.check_not_computed(tag)?;
        let changes = if subject::is_part(tag) {
            subject::delete(&self.mine.properties, tag)?
        } else {
            vec![(tag, None)]
        };
        self.change(tag, changes)
    }

    pub(crate) fn check_not_computed(&self, tag: PropertyTag) -> Result<()> {
        if computed::is_computed(tag) && !subject::is_part(tag) {
            Err(Error::Computed { tag })
        } else {
            Ok(())
        }
    }

    /// Of `PR_MESSAGE_FLAGS` the client sets what says that the message was read, is being written, or is to be sent
    /// again, and that before the first save; the other bits are the store's, and what a client says of them is
    /// dropped (MS-OXCMSG 2.2.1.6).
    fn set_initial_flags(&mut self, flags: MessageFlags) -> Result<()> {
        if self.was_saved() {
            return Err(Error::Computed {
                tag: pr::MESSAGE_FLAGS.tag(),
            });
        }
        let content = flags & (MessageFlags::UNSENT | MessageFlags::RESEND);
        self.put(
            pr::MESSAGE_FLAGS.tag(),
            StoredValue::Inline(PropertyValue::Long(content.bits())),
        )?;
        self.aside.read_state = if flags.contains(MessageFlags::READ) {
            ReadState::Read
        } else {
            ReadState::Unread
        };
        Ok(())
    }

    /// Whether the message was saved before: to the store, or an embedded one to its attachment, which gives it its
    /// times.
    fn was_saved(&self) -> bool {
        self.base.is_some() || self.mine.properties.get(pr::CREATION_TIME.tag()).is_some()
    }

    /// The content, to be changed: copied once if the snapshot still shares it.
    pub(crate) fn content_mut(&mut self) -> &mut Content {
        Arc::make_mut(&mut self.mine)
    }

    /// Makes a value part of the pending changes, with what follows from it.
    pub(crate) fn put(&mut self, tag: PropertyTag, value: StoredValue) -> Result<()> {
        let changes = if subject::is_part(tag) {
            subject::set(&self.mine.properties, tag, value)?
        } else {
            vec![(tag, Some(value))]
        };
        self.change(tag, changes)
    }

    /// Changes properties together, or none if there is no room. The property that the client named counts as changed
    /// in any case.
    fn change(&mut self, named: PropertyTag, changes: Vec<subject::Change>) -> Result<()> {
        let properties = &self.mine.properties;
        let before = changes
            .iter()
            .map(|(tag, _)| len_of(properties, *tag))
            .sum();
        let after = |(tag, value): &subject::Change| match value {
            Some(value) => property_len(*tag, value),
            None => 0,
        };
        let after = changes.iter().map(after).sum();
        self.sizes().change_properties(before, after)?;
        let mut touched = vec![named];
        let properties = &mut self.content_mut().properties;
        for (tag, value) in changes {
            let replaced = match value {
                Some(value) => {
                    touched.push(tag);
                    properties.set(tag, value)
                }
                None => properties.remove(tag.id()),
            };
            touched.extend(replaced.map(|(other, _)| other));
        }
        self.pending.touched.extend(touched);
        Ok(())
    }

    /// A value as it will be stored: a large one as a stream.
    pub(crate) fn storable(
        &mut self,
        tag: PropertyTag,
        value: PropertyValue,
    ) -> Result<StoredValue> {
        let bytes: &[u8] = match &value {
            PropertyValue::Unicode(text) => text.as_bytes(),
            PropertyValue::String8(text) => &text.0,
            PropertyValue::Binary(bytes) => bytes,
            _ => return Ok(StoredValue::Inline(value)),
        };
        if !becomes_stream(tag, bytes.len()) {
            return Ok(StoredValue::Inline(value));
        }
        self.add_stream(bytes).map(StoredValue::Stream)
    }

    /// Reads a stream of a property bag of this handle whole.
    pub(crate) fn load(&self, properties: &Properties, tag: PropertyTag) -> Result<PropertyValue> {
        let bytes = load_whole(self.reader_of(properties, tag)?)?;
        let damaged = |what: &str| Error::CorruptStore {
            detail: format!("{tag} of message {} {what}", self.entry_id()),
            source: None,
        };
        Ok(match tag.property_type() {
            Some(PropertyType::Unicode) => PropertyValue::Unicode(
                String::from_utf8(bytes).map_err(|_| damaged("is a text that is no UTF-8"))?,
            ),
            Some(PropertyType::String8) => PropertyValue::String8(crate::model::String8(bytes)),
            Some(PropertyType::Binary) => PropertyValue::Binary(bytes),
            _ => return Err(damaged("is a stream of a type that has none")),
        })
    }
}
