//! Reads from a conflict what a screen shows: the whole of one difference, what a merge would save, a value to write.

use mapistore::{BaseValue, Choice, Conflict, PropertyTag, PropertyType, Side, StoredValue, pr};

use super::compare::{Compared, compare};
use super::model::View;
use super::report::{self, Cell, Item, Row};
use crate::{harmless, values};

/// Beyond this a text is not for writing on the screen.
const WRITABLE: usize = 64 << 10;

/// Text of many lines without what could drive a terminal, or stand out of its column.
fn clean(text: &str) -> String {
    harmless::lines(text).replace('\t', "    ")
}

/// Everything that differs in a row.
pub(super) fn compare_row(conflict: &Conflict, row: &Row) -> anyhow::Result<Vec<Compared>> {
    let Item::Property(tag) = row.item else {
        return Ok(compare_cells(row));
    };
    let properties = &conflict.differences().properties;
    let Some(one) = properties.iter().find(|one| one.tag == tag) else {
        return Ok(compare_cells(row));
    };
    let whole = |side: Side, held: Option<&StoredValue>| -> mapistore::Result<String> {
        held.map_or(Ok(String::new()), |held| {
            Ok(clean(&report::text(conflict, side, tag, held)?))
        })
    };
    let base = match &one.base {
        BaseValue::Unknown => None,
        known => Some(whole(Side::Base, known.value())?),
    };
    Ok(compare(
        base.as_deref(),
        &whole(Side::Theirs, one.theirs.as_ref())?,
        &whole(Side::Mine, one.mine.as_ref())?,
    ))
}

fn compare_cells(row: &Row) -> Vec<Compared> {
    let text = |cell: &Cell| match cell {
        Cell::Text(text) => text.clone(),
        Cell::Unknown | Cell::Nothing => String::new(),
    };
    let base = (row.base != Cell::Unknown).then(|| text(&row.base));
    compare(base.as_deref(), &text(&row.theirs), &text(&row.mine))
}

/// The text with which writing a value begins; none if it is none that can be written. Where nothing is chosen yet it
/// is yours, or theirs if you have none.
pub(super) fn editable(
    conflict: &Conflict,
    tag: PropertyTag,
    chosen: Option<&Choice>,
) -> anyhow::Result<Option<String>> {
    let is_writable = |tag: PropertyTag| {
        !matches!(
            tag.property_type(),
            None | Some(PropertyType::Binary | PropertyType::MvBinary | PropertyType::String8)
        )
    };
    if !is_writable(tag) {
        return Ok(None);
    }
    let value = match chosen {
        Some(Choice::Value(value)) => Some(value.clone()),
        Some(Choice::Theirs) => conflict.value(Side::Theirs, tag)?,
        _ => match conflict.value(Side::Mine, tag)? {
            None => conflict.value(Side::Theirs, tag)?,
            mine => mine,
        },
    };
    let text = value.map_or_else(String::new, |value| {
        values::to_text(&StoredValue::Inline(value))
    });
    Ok((text.len() <= WRITABLE).then_some(text))
}

/// What a merge with the choices made so far would save.
pub(super) fn preview(view: &View<'_>) -> anyhow::Result<Vec<String>> {
    let merged = view.conflict.preview(&view.merge_choices())?;
    let find = |tag: PropertyTag| {
        let properties = merged.properties.iter();
        properties
            .filter(|(other, _)| other.id() == tag.id())
            .map(|(other, value)| (*other, value))
            .next()
    };
    let text = |(tag, value): (PropertyTag, &StoredValue)| -> mapistore::Result<String> {
        // A stream is one side's; which one it is, its address tells.
        let differences = view.conflict.differences().properties.iter();
        let is_mine = differences
            .filter(|one| one.tag.id() == tag.id())
            .any(|one| one.mine.as_ref() == Some(value));
        let side = if is_mine { Side::Mine } else { Side::Theirs };
        report::text(view.conflict, side, tag, value)
    };
    let mut lines = Vec::new();
    let subject = find(pr::SUBJECT.tag()).map(text).transpose()?;
    lines.push(format!(
        "{}: {}",
        pr::SUBJECT.tag(),
        report::line(&subject.unwrap_or_default())
    ));
    for one in &merged.recipients {
        lines.push(report::line(&report::person(one)));
    }
    for one in &merged.attachments {
        lines.push(report::line(&format!("attachment: {}", report::file(one))));
    }
    let shown = [pr::SUBJECT.tag().id(), pr::BODY.tag().id()];
    for (at, row) in view.report.rows.iter().enumerate() {
        let Item::Property(tag) = row.item else {
            continue;
        };
        if shown.contains(&tag.id()) {
            continue;
        }
        let value = match find(tag) {
            Some(found) => report::line(&text(found)?),
            None => Cell::Nothing.text().to_owned(),
        };
        lines.push(format!("{}: {value}  [{}]", row.label, view.taken(at)));
    }
    lines.push(String::new());
    if let Some(body) = find(pr::BODY.tag()) {
        lines.extend(clean(&text(body)?).lines().map(str::to_owned));
    }
    Ok(lines)
}
