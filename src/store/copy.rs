//! Properties from one object to another of its kind (IMAPIProp::CopyTo, IMAPIProp::CopyProps).

use std::sync::Arc;

use crate::error::{Error, ObjectKind, Result};
use crate::model::document::attachment_row_len;
use crate::model::{AttachmentRow, Content, CopyFlags, PropertyTag, RecipientRow, StoredValue, pr};
use crate::store::attachment::{is_computed, record_key};
use crate::store::embedded::check_depth;
use crate::store::map_prop::{MapiProp, PropertyProblem};
use crate::store::{Attachment, Message, computed};

/// `PT_UNSPECIFIED`: whatever type the property has.
const UNSPECIFIED: u16 = 0;

/// What an object's tag stands for that has calls of its own.
enum Part {
    Recipients(Vec<RecipientRow>),
    Attachments(Vec<AttachmentRow>),
    Embedded(Arc<Content>),
}

/// An object that properties can be copied from, and to another of its kind.
trait CopyEnd: MapiProp {
    /// The message that the object is, or is part of.
    fn host(&self) -> &Message;
    fn host_mut(&mut self) -> &mut Message;
    /// What no other object of its store has.
    fn record_key(&self) -> Vec<u8>;
    /// A value as it is stored.
    fn stored(&self, tag: PropertyTag) -> Option<StoredValue>;
    /// Whether there is something that a copy would replace.
    fn has(&self, tag: PropertyTag) -> Result<bool>;
    /// Refuses a property that the store keeps for each object by itself.
    fn refuse_computed(&self, tag: PropertyTag) -> Result<()>;
    fn put_copy(&mut self, tag: PropertyTag, value: StoredValue) -> Result<()>;
    /// None if the tag stands for a property.
    fn part(&self, tag: PropertyTag) -> Result<Option<Part>>;
    fn put_part(&mut self, part: Part, from: &Message) -> Result<()>;
    /// Takes away what was moved.
    fn remove(&mut self, tag: PropertyTag) -> Result<()>;
}

impl Message {
    /// Copies or moves all properties of this message to another, also of another store, as pending changes, but for
    /// those that are excluded, by their ids (IMAPIProp::CopyTo). They replace what the other has, of whatever type,
    /// unless [`CopyFlags::MAPI_NOREPLACE`] is set. Properties that only the other has stay.
    ///
    /// Recipients and attachments go along, and replace the other's, unless `PR_MESSAGE_RECIPIENTS` or
    /// `PR_MESSAGE_ATTACHMENTS` is excluded. An attachment gets a number of its own. Large values are not copied within a
    /// store, and in bounded memory between two. Named properties are known by the same names in another store, whatever
    /// their numbers there.
    ///
    /// Returns what could not be copied, and why, with its place in this message's [`Message::property_list`]; all else was.
    /// What the store keeps for each message by itself, such as entry id, times and sizes, is always among it
    /// (`MAPI_E_COMPUTED`), and may be ignored. `PR_MESSAGE_FLAGS` is copied to a message that was never saved.
    ///
    /// Nothing is stored, nor with [`CopyFlags::MAPI_MOVE`] deleted, before the messages are saved.
    ///
    /// ```
    /// # use mapistore::{CopyFlags, MapiCode, SpecialFolder, Store, pr};
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Store::options().create_if_missing().open(folder.path().join("mail.store"))?;
    /// let drafts = store.special_folder(SpecialFolder::Drafts)?;
    /// let (mut draft, mut reply) = (drafts.create_message()?, drafts.create_message()?);
    /// draft.set(pr::SUBJECT, "Figures")?;
    /// let problems = draft.copy_to(&mut reply, &[pr::MESSAGE_ATTACHMENTS], CopyFlags::empty())?;
    /// assert!(problems.iter().all(|problem| problem.error.code() == MapiCode::MAPI_E_COMPUTED));
    /// assert_eq!(reply.get(pr::SUBJECT)?.as_deref(), Some("Figures"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Nothing is copied:
    ///
    /// - `MAPI_E_INVALID_PARAMETER`: flags that are not defined, or both.
    /// - `MAPI_E_NO_ACCESS`: the other handle is read-only, or with MAPI_MOVE this one; or both are handles of the same
    ///   message.
    /// - `MAPI_E_INVALID_OBJECT`: one of them is closed.
    pub fn copy_to(
        &mut self,
        other: &mut Message,
        exclude: &[PropertyTag],
        flags: CopyFlags,
    ) -> Result<Vec<PropertyProblem>> {
        copy_all(self, other, exclude, flags)
    }

    /// Copies or moves the listed properties to another message, as [`Message::copy_to`] does (IMAPIProp::CopyProps).
    /// All others stay as they are. A tag of `PT_UNSPECIFIED` stands for the property whatever its type,
    /// `PR_MESSAGE_RECIPIENTS` and `PR_MESSAGE_ATTACHMENTS` for recipients and attachments.
    ///
    /// Returns what could not be copied, and why, with its place in the list; what this message does not have is
    /// `MAPI_E_NOT_FOUND`.
    ///
    /// # Errors
    ///
    /// As [`Message::copy_to`].
    pub fn copy_properties(
        &mut self,
        other: &mut Message,
        include: &[PropertyTag],
        flags: CopyFlags,
    ) -> Result<Vec<PropertyProblem>> {
        copy(self, other, include.iter().copied().enumerate(), flags)
    }
}

impl Attachment<'_> {
    /// Copies or moves all properties of this attachment to another, as [`Message::copy_to`] does. An embedded message
    /// goes along unless `PR_ATTACH_DATA_OBJ` is excluded. Stored is it by the saves of the attachments and then of their
    /// messages.
    ///
    /// # Errors
    ///
    /// As [`Message::copy_to`].
    pub fn copy_to(
        &mut self,
        other: &mut Attachment<'_>,
        exclude: &[PropertyTag],
        flags: CopyFlags,
    ) -> Result<Vec<PropertyProblem>> {
        copy_all(self, other, exclude, flags)
    }

    /// Copies or moves the listed properties to another attachment, as [`Message::copy_properties`] does.
    ///
    /// # Errors
    ///
    /// As [`Message::copy_to`].
    pub fn copy_properties(
        &mut self,
        other: &mut Attachment<'_>,
        include: &[PropertyTag],
        flags: CopyFlags,
    ) -> Result<Vec<PropertyProblem>> {
        copy(self, other, include.iter().copied().enumerate(), flags)
    }
}

fn copy_all(
    source: &mut dyn CopyEnd,
    target: &mut dyn CopyEnd,
    exclude: &[PropertyTag],
    flags: CopyFlags,
) -> Result<Vec<PropertyProblem>> {
    let excluded = |tag: PropertyTag| exclude.iter().any(|excluded| excluded.id() == tag.id());
    let all = source.property_list()?.into_iter().enumerate();
    copy(
        source,
        target,
        all.filter(|(_, tag)| !excluded(*tag)),
        flags,
    )
}

fn copy(
    source: &mut dyn CopyEnd,
    target: &mut dyn CopyEnd,
    wanted: impl Iterator<Item = (usize, PropertyTag)>,
    flags: CopyFlags,
) -> Result<Vec<PropertyProblem>> {
    check_flags(flags)?;
    let present = source.property_list()?;
    target.check_changeable()?;
    if flags.contains(CopyFlags::MAPI_MOVE) {
        source.check_changeable()?;
    }
    if source.host().store.is_same_file(&target.host().store)
        && source.record_key() == target.record_key()
    {
        return Err(Error::NoAccess {
            detail: "an object cannot be copied onto itself".to_owned(),
        });
    }
    let mut problems = Vec::new();
    let mut moved = Vec::new();
    for (index, tag) in wanted {
        match copy_one(source, target, &present, tag, flags) {
            Ok(Came::Along(tag)) if flags.contains(CopyFlags::MAPI_MOVE) => {
                moved.push((index, tag));
            }
            Ok(_) => {}
            Err(error) => problems.push(PropertyProblem { index, tag, error }),
        }
    }
    // Not before all are copied: what is taken away may be a part of another, as the prefix is of the subject.
    for (index, tag) in moved {
        if let Err(error) = source.remove(tag) {
            problems.push(PropertyProblem { index, tag, error });
        }
    }
    problems.sort_by_key(|problem| problem.index);
    Ok(problems)
}

pub(crate) fn check_flags(flags: CopyFlags) -> Result<()> {
    let detail = if !CopyFlags::all().contains(flags) {
        format!("copy flags 0x{:X} are not defined", flags.bits())
    } else if flags == CopyFlags::all() {
        "MAPI_MOVE and MAPI_NOREPLACE: what is to become of values that both have?".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::InvalidParameter { detail })
}

/// Whether a property came to the destination.
enum Came {
    /// It did, with the type that it has.
    Along(PropertyTag),
    /// The destination has it already, and keeps it.
    Not,
}

fn copy_one(
    source: &mut dyn CopyEnd,
    target: &mut dyn CopyEnd,
    present: &[PropertyTag],
    tag: PropertyTag,
    flags: CopyFlags,
) -> Result<Came> {
    let not_found = || Error::NotFound {
        kind: ObjectKind::Property,
        what: tag.to_string(),
    };
    let tag = match tag.type_code() {
        UNSPECIFIED => {
            let of_this_id = present.iter().find(|present| present.id() == tag.id());
            *of_this_id.ok_or_else(not_found)?
        }
        _ => tag,
    };
    let part = source.part(tag)?;
    if part.is_none() {
        target.refuse_computed(tag)?;
    }
    let tag_there = target.host().store.take_tag(&source.host().store, tag)?;
    if flags.contains(CopyFlags::MAPI_NOREPLACE) && target.has(tag_there)? {
        return Ok(Came::Not);
    }
    match part {
        Some(part) => target.put_part(part, source.host())?,
        None => {
            let value = match source.stored(tag) {
                Some(value) => target.host_mut().take_value(source.host(), &value)?,
                None => StoredValue::Inline(source.get_value(tag)?.ok_or_else(not_found)?),
            };
            target.put_copy(tag_there, value)?;
        }
    }
    Ok(Came::Along(tag))
}

impl CopyEnd for Message {
    fn host(&self) -> &Message {
        self
    }

    fn host_mut(&mut self) -> &mut Message {
        self
    }

    fn record_key(&self) -> Vec<u8> {
        computed::record_key(self)
    }

    fn stored(&self, tag: PropertyTag) -> Option<StoredValue> {
        // The stored flags are a part of them only.
        let is_composed = tag == pr::MESSAGE_FLAGS.tag();
        let stored = self.mine.properties.get(tag).cloned();
        stored.filter(|_| !is_composed)
    }

    fn has(&self, tag: PropertyTag) -> Result<bool> {
        Ok(match tag {
            pr::MESSAGE_RECIPIENTS => !self.mine.recipients.is_empty(),
            pr::MESSAGE_ATTACHMENTS => !self.mine.attachments.rows.is_empty(),
            _ => {
                self.mine.properties.get_any_type(tag.id()).is_some()
                    || self.get_value(tag)?.is_some()
            }
        })
    }

    fn refuse_computed(&self, tag: PropertyTag) -> Result<()> {
        // Setting the flags asks whether the message was saved before.
        if tag == pr::MESSAGE_FLAGS.tag() {
            return Ok(());
        }
        self.check_not_computed(tag)
    }

    fn put_copy(&mut self, tag: PropertyTag, value: StoredValue) -> Result<()> {
        match value {
            StoredValue::Inline(value) => self.set_value(tag, value),
            StoredValue::Stream(_) => self.put(tag, value),
        }
    }

    fn part(&self, tag: PropertyTag) -> Result<Option<Part>> {
        Ok(match tag {
            pr::MESSAGE_RECIPIENTS => Some(Part::Recipients(self.mine.recipients.clone())),
            pr::MESSAGE_ATTACHMENTS => Some(Part::Attachments(self.mine.attachments.rows.clone())),
            _ => None,
        })
    }

    fn put_part(&mut self, part: Part, from: &Message) -> Result<()> {
        match part {
            Part::Recipients(rows) => self.put_recipients(&rows, from),
            Part::Attachments(rows) => self.put_attachments(&rows, from),
            Part::Embedded(_) => Ok(()),
        }
    }

    fn remove(&mut self, tag: PropertyTag) -> Result<()> {
        match tag {
            pr::MESSAGE_RECIPIENTS => self.remove_all_recipients(),
            pr::MESSAGE_ATTACHMENTS => {
                for attachment in self.attachments()? {
                    self.delete_attachment(attachment.number)?;
                }
                Ok(())
            }
            // A message always has flags.
            _ if tag == pr::MESSAGE_FLAGS.tag() => Ok(()),
            _ => self.delete_property(tag),
        }
    }
}

impl Message {
    fn put_recipients(&mut self, rows: &[RecipientRow], from: &Message) -> Result<()> {
        let rows = rows
            .iter()
            .map(|row| {
                Ok(RecipientRow {
                    row_id: row.row_id,
                    properties: self.take_properties(from, &row.properties)?,
                })
            })
            .collect::<Result<Vec<RecipientRow>>>()?;
        self.replace_recipients(rows)
    }

    /// All or none, and with numbers that this message never gave before.
    fn put_attachments(&mut self, rows: &[AttachmentRow], from: &Message) -> Result<()> {
        let first = self.mine.attachments.next_number;
        let count = u32::try_from(rows.len()).ok();
        let next_number = count.and_then(|count| first.checked_add(count));
        let next_number = next_number.ok_or_else(|| Error::TooBig {
            detail: "the message has used all its attachment numbers".to_owned(),
        })?;
        let rows = rows
            .iter()
            .zip(first..)
            .map(|(row, number)| {
                if let Some(embedded) = &row.embedded {
                    check_depth(self.depth() + 1 + embedded.depth())?;
                }
                let row = self.take_attachment(from, row)?;
                Ok(AttachmentRow { number, ..row })
            })
            .collect::<Result<Vec<AttachmentRow>>>()?;
        let before = self
            .mine
            .attachments
            .rows
            .iter()
            .map(attachment_row_len)
            .sum();
        let after = rows.iter().map(attachment_row_len).sum();
        self.sizes().change_rows(before, after)?;
        let attachments = &mut self.content_mut().attachments;
        attachments.rows = rows;
        attachments.next_number = next_number;
        self.pending.touched.insert(pr::MESSAGE_ATTACHMENTS);
        Ok(())
    }
}

impl CopyEnd for Attachment<'_> {
    fn host(&self) -> &Message {
        self.message
    }

    fn host_mut(&mut self) -> &mut Message {
        self.message
    }

    fn record_key(&self) -> Vec<u8> {
        record_key(self.message, &self.row)
    }

    fn stored(&self, tag: PropertyTag) -> Option<StoredValue> {
        self.row.properties.get(tag).cloned()
    }

    fn has(&self, tag: PropertyTag) -> Result<bool> {
        Ok(match tag {
            pr::ATTACH_DATA_OBJ => self.row.embedded.is_some(),
            _ => self.row.properties.get_any_type(tag.id()).is_some(),
        })
    }

    fn refuse_computed(&self, tag: PropertyTag) -> Result<()> {
        if is_computed(tag) {
            Err(Error::Computed { tag })
        } else {
            Ok(())
        }
    }

    fn put_copy(&mut self, tag: PropertyTag, value: StoredValue) -> Result<()> {
        match value {
            StoredValue::Inline(value) => self.set_value(tag, value),
            StoredValue::Stream(_) => self.put(tag, value),
        }
    }

    fn part(&self, tag: PropertyTag) -> Result<Option<Part>> {
        let embedded = (tag == pr::ATTACH_DATA_OBJ).then_some(self.row.embedded.as_ref());
        Ok(embedded
            .flatten()
            .map(|content| Part::Embedded(Arc::clone(content))))
    }

    fn put_part(&mut self, part: Part, from: &Message) -> Result<()> {
        let Part::Embedded(content) = part else {
            return Ok(());
        };
        check_depth(self.message.depth() + 1 + content.depth())?;
        let mut row = self.row.clone();
        row.embedded = Some(Arc::new(self.message.take_content(from, &content)?));
        let before = self.stored_len();
        let mut sizes = *self.message.sizes();
        sizes.change_rows(before, attachment_row_len(&row))?;
        self.row = row;
        Ok(())
    }

    fn remove(&mut self, tag: PropertyTag) -> Result<()> {
        self.delete_property(tag)
    }
}
