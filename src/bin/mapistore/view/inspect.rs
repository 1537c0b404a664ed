//! Reads from a conflict what a screen shows: the whole of one difference, what a merge would save, a value to write.

use mapistore::{
    BaseValue, Choice, Conflict, PropertyDifference, PropertyTag, PropertyType, Side, StoredValue,
    pr,
};

use super::compare::{Compared, compare};
use super::model::View;
use crate::report::{self, Cell, Row};
use crate::{harmless, values};

/// Beyond this a text is not for writing on the screen.
const WRITABLE: usize = 64 << 10;

/// Text of many lines without what could drive a terminal, or stand out of its column.
fn clean(text: &str) -> String {
    harmless::lines(text).replace('\t', "    ")
}

/// Everything that differs in a row.
pub(super) fn compare_row(conflict: &Conflict, row: &Row) -> anyhow::Result<Vec<Compared>> {
    let properties = conflict.differences().properties.iter();
    let members: Vec<_> = properties
        .filter(|one| row.tags.contains(&one.tag))
        .collect();
    if members.is_empty() {
        return Ok(compare_cells(row));
    }
    // Where several belong together each has a line of its own that names it.
    let whole = |side: Side, of: fn(&PropertyDifference) -> Option<&StoredValue>| {
        let mut lines = String::new();
        for one in &members {
            if members.len() > 1 {
                lines += &format!("{}:\n", one.tag);
            }
            if let Some(held) = of(one) {
                lines += &clean(&report::text(conflict, side, one.tag, held)?);
            }
            if members.len() > 1 && !lines.ends_with('\n') {
                lines.push('\n');
            }
        }
        anyhow::Ok(lines)
    };
    let is_unknown = |one: &&PropertyDifference| matches!(one.base, BaseValue::Unknown);
    let base = match members.iter().all(is_unknown) {
        true => None,
        false => Some(whole(Side::Base, |one| one.base.value())?),
    };
    Ok(compare(
        base.as_deref(),
        &whole(Side::Theirs, |one| one.theirs.as_ref())?,
        &whole(Side::Mine, |one| one.mine.as_ref())?,
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
        for tag in &row.tags {
            if shown.contains(&tag.id()) {
                continue;
            }
            let value = match find(*tag) {
                Some(found) => report::line(&text(found)?),
                None => Cell::Nothing.text().to_owned(),
            };
            let name = match row.tags.len() {
                1 => row.label.clone(),
                _ => tag.to_string(),
            };
            lines.push(format!("{name}: {value}  [{}]", view.taken(at)));
        }
    }
    lines.push(String::new());
    if let Some(body) = find(pr::BODY.tag()) {
        lines.extend(clean(&text(body)?).lines().map(str::to_owned));
    }
    Ok(lines)
}
