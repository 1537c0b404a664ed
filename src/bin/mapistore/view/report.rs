//! A conflict as text: who saved and when, and one row for each thing that differs. Nothing in it can harm a terminal.

use mapistore::{
    AttachmentSide, BaseValue, ChangedBy, Conflict, MergeChoices, PropertyTag, PropertyType,
    PropertyValue, Recipient, SavedBetween, SavedVersion, Side, Store, StoredValue, Theirs,
    Touching, pr,
};

use crate::{harmless, names, values};

/// Of longer values the overview shows the beginning.
const CELL: usize = 300;
/// Larger values are told by their size alone.
const SHOWN_SIZE: u64 = 4 << 20;

/// What one side has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    /// The base is not kept.
    Unknown,
    Nothing,
    Text(String),
}

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item {
    Property(PropertyTag),
    Recipient(usize),
    Attachment(usize),
}

/// Something that differs.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) item: Item,
    pub(crate) label: String,
    pub(crate) base: Cell,
    pub(crate) theirs: Cell,
    pub(crate) mine: Cell,
    pub(crate) changed_by: ChangedBy,
    /// Whether a merge cannot combine it without a choice.
    pub(crate) needs_choice: bool,
    /// Which of the others changed it, as the journal has it.
    pub(crate) others: String,
}

impl Row {
    /// Whether a merge can be told what to take: what only one side changed is taken over anyway.
    pub(crate) fn is_choosable(&self) -> bool {
        self.changed_by == ChangedBy::BothDifferently
    }

    pub(crate) fn status(&self) -> &'static str {
        match self.changed_by {
            ChangedBy::Theirs => "only theirs changed it",
            ChangedBy::Mine => "only yours changed it",
            ChangedBy::BothAlike => "both changed it alike",
            _ if self.needs_choice => "both changed it",
            _ => "both changed it, line by line it fits together",
        }
    }

    /// The status in a narrow column.
    pub(crate) fn short_status(&self) -> &'static str {
        match self.changed_by {
            ChangedBy::Theirs => "theirs",
            ChangedBy::Mine => "yours",
            ChangedBy::BothAlike => "both alike",
            _ if self.needs_choice => "both",
            _ => "both, fits",
        }
    }

    /// What needs the reader's attention comes first.
    fn rank(&self) -> u8 {
        match self.changed_by {
            _ if self.needs_choice => 0,
            ChangedBy::Theirs => 2,
            ChangedBy::Mine => 3,
            ChangedBy::BothAlike => 4,
            _ => 1,
        }
    }
}

/// A conflict as text.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) subject: String,
    pub(crate) entry: String,
    /// Who saved, and when; newest first.
    pub(crate) theirs: Vec<String>,
    pub(crate) mine: String,
    /// The version that others saved last, as a sentence names it; none if the message was deleted.
    pub(crate) current: Option<String>,
    pub(crate) rows: Vec<Row>,
}

impl Report {
    pub(crate) fn of(conflict: &Conflict, store: &Store) -> anyhow::Result<Report> {
        let mut rows = rows(conflict, store)?;
        rows.sort_by_key(Row::rank);
        let current = match conflict.theirs() {
            Theirs::Changed(version) => Some(harmless::line(&saved(version)).into_owned()),
            _ => None,
        };
        let subject = conflict.value(Side::Mine, pr::SUBJECT.tag())?;
        Ok(Report {
            subject: subject.map_or_else(|| "no subject".to_owned(), |text| line(&in_place(text))),
            entry: conflict.entry_id().object().to_string(),
            theirs: savers(conflict),
            mine: format!(
                "built on version {}; not saved yet",
                conflict.base_version()
            ),
            current,
            rows,
        })
    }
}

fn in_place(value: PropertyValue) -> String {
    values::to_text(&StoredValue::Inline(value))
}

/// The beginning of a text, on one line, without what could drive a terminal.
pub(crate) fn line(text: &str) -> String {
    let beginning: String = text.chars().take(CELL).collect();
    harmless::line(&beginning).into_owned()
}

fn saved(version: &SavedVersion) -> String {
    format!(
        "version {}, saved by {} at {}",
        version.row_version,
        version.saved_by,
        values::time_for_people(version.saved_at)
    )
}

fn savers(conflict: &Conflict) -> Vec<String> {
    let between = conflict.saved_between();
    let mut lines = Vec::new();
    match conflict.theirs() {
        Theirs::Changed(newest) => {
            lines.push(saved(newest));
            let earlier = between.known().iter().rev();
            let earlier = earlier.filter(|one| one.row_version != newest.row_version);
            lines.extend(earlier.map(saved));
        }
        _ => {
            lines.push("deleted; yours can only be saved elsewhere".to_owned());
            lines.extend(between.known().iter().rev().map(saved));
        }
    }
    if matches!(between, SavedBetween::Some(_)) && !conflict.is_deleted() {
        lines.push("who saved the others is unknown: the journal was purged".to_owned());
    }
    lines
        .iter()
        .map(|text| harmless::line(text).into_owned())
        .collect()
}

/// The whole text of a property of one side; none if it has none. What is too large is told by its size.
pub(crate) fn text(
    conflict: &Conflict,
    side: Side,
    tag: PropertyTag,
    held: &StoredValue,
) -> mapistore::Result<String> {
    let is_html = tag.id() == pr::HTML.tag().id();
    let is_text = matches!(
        tag.property_type(),
        Some(PropertyType::Unicode | PropertyType::String8)
    );
    let value = match held {
        StoredValue::Stream(stream) if !(is_text || is_html) || stream.size > SHOWN_SIZE => {
            return Ok(format!("{} bytes", stream.size));
        }
        StoredValue::Stream(_) => conflict.value(side, tag)?,
        StoredValue::Inline(value) => Some(value.clone()),
    };
    Ok(match value {
        Some(PropertyValue::Binary(bytes)) if is_html => {
            String::from_utf8_lossy(&bytes).into_owned()
        }
        Some(value) => in_place(value),
        None => String::new(),
    })
}

fn rows(conflict: &Conflict, store: &Store) -> anyhow::Result<Vec<Row>> {
    let touching = if conflict.is_deleted() {
        Vec::new()
    } else {
        conflict.preview(&MergeChoices::new())?.touching
    };
    let differences = conflict.differences();
    let tags: Vec<PropertyTag> = differences.properties.iter().map(|one| one.tag).collect();
    let mut rows = Vec::new();
    for (one, name) in differences
        .properties
        .iter()
        .zip(names::of_properties(store, &tags)?)
    {
        let cell = |side: Side, held: Option<&StoredValue>| -> anyhow::Result<Cell> {
            let Some(held) = held else {
                return Ok(Cell::Nothing);
            };
            Ok(Cell::Text(line(&text(conflict, side, one.tag, held)?)))
        };
        let needs_choice = touching.iter().any(
            |touching| matches!(touching, Touching::Property(tag) if tag.id() == one.tag.id()),
        );
        rows.push(Row {
            item: Item::Property(one.tag),
            label: line(&name),
            base: match &one.base {
                BaseValue::Unknown => Cell::Unknown,
                known => cell(Side::Base, known.value())?,
            },
            theirs: cell(Side::Theirs, one.theirs.as_ref())?,
            mine: cell(Side::Mine, one.mine.as_ref())?,
            changed_by: one.changed_by,
            needs_choice,
            others: others(conflict, one.tag),
        });
    }
    for one in &differences.recipients {
        rows.push(Row {
            item: Item::Recipient(one.index),
            label: "recipient".to_owned(),
            base: base_cell(&one.base, person),
            theirs: cell(one.theirs.as_ref(), person),
            mine: cell(one.mine.as_ref(), person),
            changed_by: one.changed_by,
            needs_choice: touching.contains(&Touching::Recipient(one.index)),
            others: others(conflict, pr::MESSAGE_RECIPIENTS),
        });
    }
    for one in &differences.attachments {
        rows.push(Row {
            item: Item::Attachment(one.index),
            label: "attachment".to_owned(),
            base: base_cell(&one.base, file),
            theirs: cell(one.theirs.as_ref(), file),
            mine: cell(one.mine.as_ref(), file),
            changed_by: one.changed_by,
            needs_choice: touching.contains(&Touching::Attachment(one.index)),
            others: others(conflict, pr::MESSAGE_ATTACHMENTS),
        });
    }
    Ok(rows)
}

/// Who of the others changed something, and in which version.
fn others(conflict: &Conflict, tag: PropertyTag) -> String {
    let changed = |save: &&SavedVersion| save.properties.iter().any(|one| one.id() == tag.id());
    let saves = conflict.saved_between().known().iter().filter(changed);
    let each = saves.map(|save| format!("{} in version {}", save.saved_by, save.row_version));
    line(&each.collect::<Vec<_>>().join(", "))
}

fn cell<T>(value: Option<&T>, text: impl FnOnce(&T) -> String) -> Cell {
    value.map_or(Cell::Nothing, |value| Cell::Text(line(&text(value))))
}

fn base_cell<T>(value: &BaseValue<T>, text: impl FnOnce(&T) -> String) -> Cell {
    match value {
        BaseValue::Unknown => Cell::Unknown,
        known => cell(known.value(), text),
    }
}

pub(crate) fn person(one: &Recipient) -> String {
    let kind = one.kind.name();
    match (&*one.name, &*one.address) {
        (name, "") => format!("{kind}: {name}"),
        ("", address) => format!("{kind}: {address}"),
        (name, address) => format!("{kind}: {name} <{address}>"),
    }
}

pub(crate) fn file(one: &AttachmentSide) -> String {
    let name = one.name.as_deref().unwrap_or("without a name");
    format!("{name}, {} bytes", one.size)
}
