//! A conflict as text: who saved and when, and one row for each thing that differs. Nothing in it can harm a terminal.

use mapistore::{
    AttachmentSide, BaseValue, ChangedBy, Conflict, MergeChoices, PropertyDifference, PropertyTag,
    PropertyType, PropertyValue, Recipient, SavedBetween, SavedVersion, Side, Store, StoredValue,
    Theirs, Touching, pr,
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

/// Something that differs: one thing, or properties that belong together and have one choice.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) item: Item,
    /// The properties, the one of the item first; none for a recipient or an attachment.
    pub(crate) tags: Vec<PropertyTag>,
    /// How a sentence names all of it.
    pub(crate) names: String,
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

/// What base, theirs and yours have in one thing.
#[derive(Debug, Clone)]
struct Cells {
    base: Cell,
    theirs: Cell,
    mine: Cell,
}

impl Cell {
    pub(crate) fn text(&self) -> &str {
        match self {
            Cell::Unknown => "(not kept)",
            Cell::Nothing => "(none)",
            Cell::Text(text) => text,
        }
    }
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

impl Report {
    /// Who saved and when, in lines that name the sides.
    pub(crate) fn heading(&self) -> Vec<String> {
        let theirs = self.theirs.iter().enumerate().map(|(at, text)| {
            let label = if at == 0 { "theirs" } else { "" };
            format!("{label:<8}{text}")
        });
        theirs
            .chain([format!("{:<8}{}", "yours", self.mine)])
            .collect()
    }

    /// The row of what a merge waits for.
    pub(crate) fn row_of(&self, touching: Touching) -> Option<&Row> {
        self.rows.iter().find(|row| match (touching, row.item) {
            (Touching::Property(tag), Item::Property(_)) => row.tags.contains(&tag),
            (Touching::Recipient(index), Item::Recipient(item))
            | (Touching::Attachment(index), Item::Attachment(item)) => index == item,
            _ => false,
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
    let names = names::of_properties(store, &tags)?;
    let properties: Vec<_> = differences.properties.iter().zip(&names).collect();
    let mut rows = Vec::new();
    for (one, name) in &properties {
        let mut tags = differences.chosen_with(one.tag);
        if tags.is_empty() {
            tags.push(one.tag);
        }
        if tags.first() != Some(&one.tag) {
            continue;
        }
        let find = |tag: &PropertyTag| properties.iter().find(|(other, _)| other.tag == *tag);
        let members: Vec<_> = tags.iter().filter_map(find).collect();
        let all: Vec<&str> = members.iter().map(|(_, name)| &***name).collect();
        let cells = members
            .iter()
            .map(|(member, _)| property_cells(conflict, member))
            .collect::<anyhow::Result<Vec<Cells>>>()?;
        let Cells { base, theirs, mine } = together(cells);
        let needs_choice = touching
            .iter()
            .any(|touching| matches!(touching, Touching::Property(tag) if tags.contains(tag)));
        rows.push(Row {
            item: Item::Property(one.tag),
            label: line(&match all.len() {
                1 => String::clone(name),
                more => format!("{name} + {}", more - 1),
            }),
            names: line(&all.join(", ")),
            base,
            theirs,
            mine,
            changed_by: one.changed_by,
            needs_choice,
            others: others(conflict, &tags),
            tags,
        });
    }
    for one in &differences.recipients {
        rows.push(Row {
            item: Item::Recipient(one.index),
            tags: Vec::new(),
            label: "recipient".to_owned(),
            names: "a recipient".to_owned(),
            base: base_cell(&one.base, person),
            theirs: cell(one.theirs.as_ref(), person),
            mine: cell(one.mine.as_ref(), person),
            changed_by: one.changed_by,
            needs_choice: touching.contains(&Touching::Recipient(one.index)),
            others: others(conflict, &[pr::MESSAGE_RECIPIENTS]),
        });
    }
    for one in &differences.attachments {
        rows.push(Row {
            item: Item::Attachment(one.index),
            tags: Vec::new(),
            label: "attachment".to_owned(),
            names: "an attachment".to_owned(),
            base: base_cell(&one.base, file),
            theirs: cell(one.theirs.as_ref(), file),
            mine: cell(one.mine.as_ref(), file),
            changed_by: one.changed_by,
            needs_choice: touching.contains(&Touching::Attachment(one.index)),
            others: others(conflict, &[pr::MESSAGE_ATTACHMENTS]),
        });
    }
    Ok(rows)
}

fn property_cells(conflict: &Conflict, one: &PropertyDifference) -> anyhow::Result<Cells> {
    let cell = |side: Side, held: Option<&StoredValue>| -> anyhow::Result<Cell> {
        let Some(held) = held else {
            return Ok(Cell::Nothing);
        };
        Ok(Cell::Text(line(&text(conflict, side, one.tag, held)?)))
    };
    Ok(Cells {
        base: match &one.base {
            BaseValue::Unknown => Cell::Unknown,
            known => cell(Side::Base, known.value())?,
        },
        theirs: cell(Side::Theirs, one.theirs.as_ref())?,
        mine: cell(Side::Mine, one.mine.as_ref())?,
    })
}

/// The cells of properties that belong together, as those of one row.
fn together(all: Vec<Cells>) -> Cells {
    let side = |of: fn(&Cells) -> &Cell| match &all[..] {
        [one] => of(one).clone(),
        more => {
            let texts: Vec<&str> = more.iter().map(|cells| of(cells).text()).collect();
            Cell::Text(texts.join(" · "))
        }
    };
    Cells {
        base: side(|cells| &cells.base),
        theirs: side(|cells| &cells.theirs),
        mine: side(|cells| &cells.mine),
    }
}

/// Who of the others changed something, and in which version.
fn others(conflict: &Conflict, tags: &[PropertyTag]) -> String {
    let is_meant = |one: &PropertyTag| tags.iter().any(|tag| tag.id() == one.id());
    let changed = |save: &&SavedVersion| save.properties.iter().any(is_meant);
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
