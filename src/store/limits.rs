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

/// How many messages may be embedded in one another (S15).
pub(crate) const DEEPEST_EMBEDDED: usize = 32;

/// No stream is longer: a database of pages of 4 KiB holds no more. It keeps one misplaced write from filling a disk with
/// zeros.
pub(crate) const LARGEST_STREAM: u64 = 16 * 1024 * 1024 * 1024 * 1024;

/// Properties that others are computed from, and so are never streams: those with a column of their own, and the
/// parts of the subject.
const INLINE_IDS: &[u16] = &[
    0x001A, 0x0037, 0x003D, 0x0042, 0x0065, 0x0C1A, 0x0C1F, 0x0E1D,
];

/// Whether a value of this size is kept apart from the document.
pub(crate) fn becomes_stream(tag: PropertyTag, size: usize) -> bool {
    size >= STREAM_FROM && may_become_stream(tag)
}

/// Whether a property may be a stream at all.
pub(crate) fn may_become_stream(tag: PropertyTag) -> bool {
    tag.property_type().is_some_and(PropertyType::may_be_stream)
        && !INLINE_IDS.contains(&tag.id().0)
}

/// What a message's documents take, kept up as they change, so that a limit is an error when a value is set and
/// not when it is saved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    properties: u64,
    rows: u64,
    around: Around,
}

/// What counts against the same limit besides a message itself.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Around {
    /// Nothing: its properties have a limit, and its recipients and attachments another.
    Nothing,
    /// All of an embedded message is part of the attachments of the outermost one, where so much stands already.
    Attachments(u64),
}

impl Sizes {
    pub(crate) fn of(content: &Content, around: Around) -> Sizes {
        Sizes {
            properties: properties_len(&content.properties),
            rows: content.recipients.iter().map(row_len).sum::<u64>()
                + content
                    .attachments
                    .rows
                    .iter()
                    .map(attachment_row_len)
                    .sum::<u64>(),
            around,
        }
    }

    /// Refuses documents that are too large as a whole, where no change was accounted for by itself.
    pub(crate) fn check(self) -> Result<()> {
        let mut counted = Sizes {
            properties: 0,
            rows: 0,
            around: self.around,
        };
        counted.change_properties(0, self.properties)?;
        counted.change_rows(0, self.rows)
    }

    /// All documents together, in bytes.
    pub(crate) fn total(&self) -> u64 {
        self.properties.saturating_add(self.rows)
    }

    /// What stands around a message that is embedded here, in an attachment whose row took `before` bytes and takes
    /// `row` without that message.
    pub(crate) fn around_embedded(&self, before: u64, row: u64) -> Around {
        let outside = match self.around {
            Around::Nothing => 0,
            Around::Attachments(outside) => outside.saturating_add(self.properties),
        };
        let others = self.rows.saturating_sub(before);
        Around::Attachments(outside.saturating_add(others).saturating_add(row))
    }

    /// Accounts for properties that took `before` bytes and will take `after`.
    pub(crate) fn change_properties(&mut self, before: u64, after: u64) -> Result<()> {
        let (what, outside) = match self.around {
            Around::Nothing => ("the properties of the message", 0),
            Around::Attachments(outside) => (ROWS, outside.saturating_add(self.rows)),
        };
        self.properties = within(what, outside, self.properties, before, after)?;
        Ok(())
    }

    /// Accounts for recipients or attachments that took `before` bytes and will take `after`.
    pub(crate) fn change_rows(&mut self, before: u64, after: u64) -> Result<()> {
        let outside = match self.around {
            Around::Nothing => 0,
            Around::Attachments(outside) => outside.saturating_add(self.properties),
        };
        self.rows = within(ROWS, outside, self.rows, before, after)?;
        Ok(())
    }
}

const ROWS: &str = "the recipients and attachments of the message";

/// The bytes of one part after a change, if it still has room beside what else counts.
pub(crate) fn within(
    what: &str,
    outside: u64,
    present: u64,
    before: u64,
    after: u64,
) -> Result<u64> {
    let part = present.saturating_sub(before).saturating_add(after);
    let total = outside.saturating_add(part);
    if after > before && total > DOCUMENT_LIMIT {
        return Err(Error::TooBig {
            detail: format!(
                "{what} would take {total} bytes, more than the {DOCUMENT_LIMIT} allowed"
            ),
        });
    }
    Ok(part)
}

/// What one property takes in the document; nothing if it is not set.
pub(crate) fn len_of(properties: &Properties, tag: PropertyTag) -> u64 {
    properties
        .get_any_type(tag.id())
        .map_or(0, |(tag, value)| property_len(tag, value))
}

pub(crate) fn properties_len(properties: &Properties) -> u64 {
    properties
        .iter()
        .map(|(tag, value)| property_len(tag, value))
        .sum()
}
