//! Recipients of a handle: rows of properties, each known by its row id.

use std::collections::BTreeMap;

use crate::error::{Error, ObjectKind, Result};
use crate::model::document::row_len;
use crate::model::{
    Properties, PropertyKind, PropertyTag, PropertyValue, Recipient, RecipientKind, RecipientRow,
    StoredValue, pr,
};
use crate::store::Message;
use crate::store::properties::check_value;

/// Names a recipient within its message (`PR_ROWID`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub u32);

/// A recipient of a message.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RecipientEntry {
    /// Its name within the message.
    pub row_id: RowId,
    /// Who it is. [`Message::recipient_properties`] tells all that is known.
    pub recipient: Recipient,
}

/// What a list of recipients does to those that the message has (`ulFlags` of IMessage::ModifyRecipients).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModifyRecipients {
    /// The list replaces all recipients (no flag). Rows without an id get the next ones, in their order.
    Replace,
    /// The list is added (`MODRECIP_ADD`). Its rows name no id, and get ids above the highest.
    Add,
    /// Each row replaces all properties of the recipient that it names (`MODRECIP_MODIFY`, and the rows of
    /// MS-OXCMSG 2.2.3.5): it creates one that does not exist under exactly this id, and a row without properties
    /// removes it.
    Modify,
    /// The recipients that the rows name are removed (`MODRECIP_REMOVE`); other properties do not matter.
    Remove,
}

/// A row of a list of recipients (`ADRENTRY`): a recipient with any properties.
///
/// `PR_RECIPIENT_TYPE` says which part it plays, and with its upper bits that it was submitted (`MAPI_SUBMITTED`) or
/// is to be sent again (`MAPI_P1`); without it, it is a primary recipient. All else may be missing: a recipient with a
/// name alone is unresolved. Values are kept in the message's row whatever their size.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecipientChange {
    /// Which recipient; none for a new one. `PR_ROWID` among the properties says it as well.
    pub row_id: Option<RowId>,
    /// All properties of the recipient.
    pub properties: Vec<(PropertyTag, PropertyValue)>,
}

impl RecipientChange {
    /// A new recipient.
    pub fn new(properties: Vec<(PropertyTag, PropertyValue)>) -> Self {
        Self {
            row_id: None,
            properties,
        }
    }

    /// The recipient of a row id.
    #[must_use]
    pub fn at(mut self, row_id: RowId) -> Self {
        self.row_id = Some(row_id);
        self
    }

    /// The row id, as either form tells it, and the properties to store.
    fn read(&self) -> Result<(Option<RowId>, Properties)> {
        let mut row_id = self.row_id;
        let mut properties = Properties::default();
        for (tag, value) in &self.properties {
            check_value(*tag, value)?;
            if tag.id() == pr::ROWID.tag().id() {
                let named = number(pr::ROWID.tag(), *tag, value)?;
                let named = RowId(named.cast_unsigned());
                if row_id.is_some_and(|row_id| row_id != named) {
                    return Err(invalid("a row names two different row ids"));
                }
                row_id = Some(named);
                continue;
            }
            if tag.id() == pr::RECIPIENT_TYPE.tag().id() {
                RecipientKind::of_type(number(pr::RECIPIENT_TYPE.tag(), *tag, value)?).ok_or_else(
                    || invalid("PR_RECIPIENT_TYPE is none of originator, To, Cc and Bcc"),
                )?;
            }
            properties.set(*tag, value.clone());
        }
        Ok((row_id, properties))
    }
}

impl From<&Recipient> for RecipientChange {
    fn from(recipient: &Recipient) -> Self {
        let properties = recipient.to_properties();
        let inline = properties.iter().filter_map(|(tag, value)| match value {
            StoredValue::Inline(value) => Some((tag, value.clone())),
            StoredValue::Stream(_) => None,
        });
        Self::new(inline.collect())
    }
}

fn invalid(detail: &str) -> Error {
    Error::InvalidParameter {
        detail: detail.to_owned(),
    }
}

/// The number that a property holds which must be one.
fn number(expected: PropertyTag, tag: PropertyTag, value: &PropertyValue) -> Result<i32> {
    match value {
        PropertyValue::Long(number) => Ok(*number),
        other => Err(Error::UnexpectedType {
            tag: if tag.id() == expected.id() {
                expected
            } else {
                tag
            },
            given: other.property_type(),
        }),
    }
}

fn entry(row: &RecipientRow) -> RecipientEntry {
    RecipientEntry {
        row_id: RowId(row.row_id),
        recipient: Recipient::from_properties(&row.properties),
    }
}

impl Message {
    /// The recipients, by row id (MS-OXCMSG 2.2.3.1.2, IMessage::GetRecipientTable); none is an empty list.
    ///
    /// # Errors
    ///
    /// `MAPI_E_INVALID_OBJECT` for a closed handle.
    pub fn recipients(&self) -> Result<Vec<RecipientEntry>> {
        self.check_open()?;
        Ok(self.mine.recipients.iter().map(entry).collect())
    }

    /// At most `limit` recipients, from a row id on (RopReadRecipients, MS-OXCMSG 3.2.5.6). Row id 0 begins with the
    /// first, whatever its id is.
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`: no recipient of that row id. `MAPI_E_INVALID_OBJECT` for a closed handle.
    pub fn recipients_from(&self, start: RowId, limit: usize) -> Result<Vec<RecipientEntry>> {
        self.check_open()?;
        let start = match start {
            RowId(0) => 0,
            _ => self.recipient_index(start)?,
        };
        let rows = self.mine.recipients.iter().skip(start);
        Ok(rows.take(limit).map(entry).collect())
    }

    /// All properties of a recipient, ascending by tag. `PR_ROWID`, `PR_RECIPIENT_TYPE` and `PR_DISPLAY_NAME` are
    /// always among them.
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`: no recipient of that row id. `MAPI_E_INVALID_OBJECT` for a closed handle.
    pub fn recipient_properties(&self, row_id: RowId) -> Result<Vec<(PropertyTag, StoredValue)>> {
        self.check_open()?;
        let row = self.recipient_row(row_id)?;
        let mut properties = row.properties.clone();
        let known = Recipient::from_properties(&row.properties);
        properties.set(pr::ROWID.tag(), row.row_id.cast_signed().into_value());
        for (tag, value) in [
            (pr::RECIPIENT_TYPE.tag(), known.kind.code().into_value()),
            (pr::DISPLAY_NAME.tag(), known.name.into_value()),
        ] {
            if properties.get_any_type(tag.id()).is_none() {
                properties.set(tag, value);
            }
        }
        Ok(properties
            .iter()
            .map(|(tag, value)| (tag, value.clone()))
            .collect())
    }

    /// Adds a recipient, as a pending change (IMessage::ModifyRecipients, MODRECIP_ADD). Returns its row id.
    ///
    /// # Errors
    ///
    /// `MAPI_E_TOO_BIG`: recipients and attachments would take more than 16 MiB (S15). `MAPI_E_NO_ACCESS`: the
    /// handle is read-only. `MAPI_E_INVALID_OBJECT`: it is closed. The handle is as it was.
    pub fn add_recipient(&mut self, recipient: Recipient) -> Result<RowId> {
        self.check_modifiable()?;
        // Row ids ascend, so the last is the highest.
        let row_id = next_row_id(self.mine.recipients.last().map(|row| row.row_id))?;
        let row = RecipientRow {
            row_id,
            properties: recipient.to_properties(),
        };
        self.sizes().change_rows(0, row_len(&row))?;
        self.content_mut().recipients.push(row);
        self.touch_recipients();
        Ok(RowId(row_id))
    }

    /// Replaces a recipient, with all its properties (MODRECIP_MODIFY).
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`: no recipient of that row id; else as [`Message::add_recipient`].
    pub fn modify_recipient(&mut self, row_id: RowId, recipient: &Recipient) -> Result<()> {
        self.check_modifiable()?;
        self.recipient_index(row_id)?;
        let change = RecipientChange::from(recipient).at(row_id);
        self.modify_recipients(ModifyRecipients::Modify, &[change])?;
        Ok(())
    }

    /// Changes many recipients together, as one pending change: all of the list, or nothing of it
    /// (IMessage::ModifyRecipients, MS-OXCMSG 3.2.5.5). Returns the row ids of the list, in its order.
    ///
    /// ```
    /// # use mapistore::{ModifyRecipients, RecipientChange, RowId, SpecialFolder, Store, pr};
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Store::options().create_if_missing().open(folder.path().join("mail.store"))?;
    /// let mut draft = store.special_folder(SpecialFolder::Drafts)?.create_message()?;
    /// let unresolved = RecipientChange::new(vec![
    ///     (pr::DISPLAY_NAME.tag(), "Ana".into()),
    ///     (pr::RECIPIENT_TYPE.tag(), 2.into()),
    /// ]);
    /// assert_eq!(draft.modify_recipients(ModifyRecipients::Add, &[unresolved])?, [RowId(0)]);
    /// assert_eq!(draft.get(pr::DISPLAY_CC)?.as_deref(), Some("Ana"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The handle is as it was.
    ///
    /// - `MAPI_E_NOT_FOUND`: a row that is to be removed is not there.
    /// - `MAPI_E_INVALID_PARAMETER`: a row names no id and must, or names one and must not, or two different ones; two
    ///   rows of a replacing list name the same; a recipient type that does not exist; an object, or a multi-valued
    ///   property without a value.
    /// - `MAPI_E_UNEXPECTED_TYPE`: a value is not of its tag's type.
    /// - `MAPI_E_TOO_BIG`, `MAPI_E_NO_ACCESS`, `MAPI_E_INVALID_OBJECT` as [`Message::add_recipient`].
    pub fn modify_recipients(
        &mut self,
        how: ModifyRecipients,
        list: &[RecipientChange],
    ) -> Result<Vec<RowId>> {
        self.check_modifiable()?;
        let mut rows: BTreeMap<u32, Properties> = match how {
            ModifyRecipients::Replace => BTreeMap::new(),
            _ => {
                let present = self.mine.recipients.iter();
                present
                    .map(|row| (row.row_id, row.properties.clone()))
                    .collect()
            }
        };
        let mut row_ids = Vec::with_capacity(list.len());
        for change in list {
            row_ids.push(apply(&mut rows, how, change)?);
        }
        self.replace_recipients(
            rows.into_iter()
                .map(|(row_id, properties)| RecipientRow { row_id, properties })
                .collect(),
        )?;
        Ok(row_ids)
    }

    /// Removes a recipient (MODRECIP_REMOVE).
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`: no recipient of that row id. `MAPI_E_NO_ACCESS` and `MAPI_E_INVALID_OBJECT` as
    /// [`Message::add_recipient`].
    pub fn remove_recipient(&mut self, row_id: RowId) -> Result<()> {
        let change = RecipientChange::default().at(row_id);
        self.modify_recipients(ModifyRecipients::Remove, &[change])?;
        Ok(())
    }

    /// Removes all recipients (RopRemoveAllRecipients, MS-OXCMSG 2.2.3.4); a message that has none is none the worse.
    ///
    /// # Errors
    ///
    /// `MAPI_E_NO_ACCESS` and `MAPI_E_INVALID_OBJECT` as [`Message::add_recipient`].
    pub fn remove_all_recipients(&mut self) -> Result<()> {
        self.modify_recipients(ModifyRecipients::Replace, &[])?;
        Ok(())
    }

    /// The one place where the rows change together: ascending by row id, or not at all.
    pub(super) fn replace_recipients(&mut self, rows: Vec<RecipientRow>) -> Result<()> {
        let before = self.mine.recipients.iter().map(row_len).sum();
        let after = rows.iter().map(row_len).sum();
        self.sizes().change_rows(before, after)?;
        self.content_mut().recipients = rows;
        self.touch_recipients();
        Ok(())
    }

    fn recipient_index(&self, row_id: RowId) -> Result<usize> {
        let rows = &self.mine.recipients;
        rows.binary_search_by_key(&row_id.0, |row| row.row_id)
            .map_err(|_| not_found(row_id))
    }

    fn recipient_row(&self, row_id: RowId) -> Result<&RecipientRow> {
        let index = self.recipient_index(row_id)?;
        self.mine
            .recipients
            .get(index)
            .ok_or_else(|| not_found(row_id))
    }

    fn touch_recipients(&mut self) {
        self.pending.touched.insert(pr::MESSAGE_RECIPIENTS);
    }
}

/// Applies one row of a list, and tells which recipient it was.
fn apply(
    rows: &mut BTreeMap<u32, Properties>,
    how: ModifyRecipients,
    change: &RecipientChange,
) -> Result<RowId> {
    let (named, properties) = change.read()?;
    let next = || next_row_id(rows.last_key_value().map(|(row_id, _)| *row_id));
    let row_id = match (how, named) {
        (ModifyRecipients::Add, Some(_)) => {
            return Err(invalid("a recipient that is added names no row id"));
        }
        (ModifyRecipients::Add | ModifyRecipients::Replace, None) => next()?,
        (ModifyRecipients::Modify | ModifyRecipients::Remove, None) => {
            return Err(invalid(
                "a recipient to modify or remove is named by its row id",
            ));
        }
        (ModifyRecipients::Replace, Some(RowId(row_id))) if rows.contains_key(&row_id) => {
            return Err(invalid("two recipients of the list have the same row id"));
        }
        (_, Some(RowId(row_id))) => row_id,
    };
    match how {
        ModifyRecipients::Remove => {
            rows.remove(&row_id)
                .ok_or_else(|| not_found(RowId(row_id)))?;
        }
        ModifyRecipients::Modify if properties.iter().next().is_none() => {
            rows.remove(&row_id);
        }
        _ => {
            rows.insert(row_id, properties);
        }
    }
    Ok(RowId(row_id))
}

/// Ids are given above the highest, so that one in the middle is not used again while later ones are there.
fn next_row_id(highest: Option<u32>) -> Result<u32> {
    match highest {
        None => Ok(0),
        Some(highest) => highest.checked_add(1).ok_or_else(|| Error::TooBig {
            detail: "the message has used all its recipient row ids".to_owned(),
        }),
    }
}

fn not_found(row_id: RowId) -> Error {
    Error::NotFound {
        kind: ObjectKind::Recipient,
        what: row_id.0.to_string(),
    }
}
