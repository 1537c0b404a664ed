//! How large things may be (S15), and from which size a value becomes a stream.

use crate::error::{Error, Result};
use crate::model::document::{attachment_row_len, property_len, row_len};
use crate::model::{Content, Properties, PropertyTag, PropertyType};

/// From this many bytes on a text or binary value becomes a stream. docs/design.md has the measurement.
pub(crate) const STREAM_FROM: usize = 4 * 1024;

/// New streams up to this size in all are held in memory and written in the save's own transaction; beyond, each
/// is written to the store at once, in turns of this size.
pub(crate) const IN_MEMORY: usize = 1024 * 1024;

/// What recipients and attachment rows of one message may take together, as documents; the same again for its
/// properties that are no streams.
pub(crate) const DOCUMENT_LIMIT: u64 = 16 * 1024 * 1024;

/// Properties with a column of their own: the column is computed from the document, so they are never streams.
const COLUMN_IDS: &[u16] = &[0x001A, 0x0037, 0x0042, 0x0C1A, 0x0065, 0x0C1F];

/// Whether a value of this size is kept apart from the document.
pub(crate) fn becomes_stream(tag: PropertyTag, size: usize) -> bool {
    size >= STREAM_FROM && may_become_stream(tag)
}

/// Whether a property may be a stream at all.
pub(crate) fn may_become_stream(tag: PropertyTag) -> bool {
    tag.property_type().is_some_and(PropertyType::may_be_stream)
        && !COLUMN_IDS.contains(&tag.id().0)
}

/// What a message's documents take, kept up as they change, so that a limit is an error when a value is set and
/// not when it is saved.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sizes {
    properties: u64,
    rows: u64,
}

impl Sizes {
    pub(crate) fn of(content: &Content) -> Sizes {
        Sizes {
            properties: properties_len(&content.properties),
            rows: content.recipients.iter().map(row_len).sum::<u64>()
                + content
                    .attachments
                    .rows
                    .iter()
                    .map(attachment_row_len)
                    .sum::<u64>(),
        }
    }

    /// Accounts for properties that took `before` bytes and will take `after`.
    pub(crate) fn change_properties(&mut self, before: u64, after: u64) -> Result<()> {
        self.properties = within(
            "the properties of the message",
            self.properties,
            before,
            after,
        )?;
        Ok(())
    }

    /// Accounts for recipients or attachments that took `before` bytes and will take `after`.
    pub(crate) fn change_rows(&mut self, before: u64, after: u64) -> Result<()> {
        self.rows = within(
            "the recipients and attachments of the message",
            self.rows,
            before,
            after,
        )?;
        Ok(())
    }
}

fn within(what: &str, present: u64, before: u64, after: u64) -> Result<u64> {
    let total = present.saturating_sub(before).saturating_add(after);
    if after > before && total > DOCUMENT_LIMIT {
        return Err(Error::TooBig {
            detail: format!(
                "{what} would take {total} bytes, more than the {DOCUMENT_LIMIT} allowed"
            ),
        });
    }
    Ok(total)
}

/// What one property takes in the document; nothing if it is not set.
pub(crate) fn len_of(properties: &Properties, tag: PropertyTag) -> u64 {
    properties
        .get_any_type(tag.id())
        .map_or(0, |(tag, value)| property_len(tag, value))
}

fn properties_len(properties: &Properties) -> u64 {
    properties
        .iter()
        .map(|(tag, value)| property_len(tag, value))
        .sum()
}
