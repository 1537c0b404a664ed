//! A conflict as a compact table: what differs, in three columns, and whose it is.

use crate::output::{Column, lay_out};
use crate::report::{Cell, Report, Row};

/// What a row needs besides its three sides, roughly.
const OTHER_COLUMNS: usize = 30;

/// The lines that stand above the choices: who saved what and when, then what needs a choice, then the rest.
pub(crate) fn lines(report: &Report, width: usize) -> Vec<String> {
    let columns = ["property", "base", "theirs", "yours"].map(Column::text);
    let columns = [&columns[..], &[Column::whole("changed by")]].concat();
    let rows = report.rows.iter().map(|row| {
        let who = row.short_status().to_owned();
        let [base, theirs, mine] = sides(row, width.saturating_sub(OTHER_COLUMNS) / 3);
        vec![row.label.clone(), base, theirs, mine, who]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let mut lines = report.heading();
    lines.extend(lay_out(&columns, &rows, Some(width)));
    lines
}

/// The texts of the three sides. Where they do not fit, the words that all of them begin with are left out: what is cut
/// from the end then is not all that differs.
fn sides(row: &Row, room: usize) -> [String; 3] {
    let cells = [&row.base, &row.theirs, &row.mine];
    let all = || {
        cells.iter().filter_map(|cell| match cell {
            Cell::Text(text) => Some(&**text),
            Cell::Unknown | Cell::Nothing => None,
        })
    };
    let mut texts = all();
    let is_long = all().any(|text| text.chars().count() > room);
    let first = texts.next().unwrap_or_default();
    let shared = texts.fold(first.len(), |shared, text| {
        let both = first.chars().zip(text.chars());
        let same = both.take_while(|(one, other)| one == other);
        shared.min(same.map(|(one, _)| one.len_utf8()).sum())
    });
    let differs = all().any(|text| text.len() > shared);
    let words = first.get(..shared).and_then(|shared| shared.rfind(' '));
    cells.map(|cell| match (cell, words) {
        (Cell::Text(text), Some(words)) if is_long && differs => {
            format!("…{}", text.get(words + 1..).unwrap_or_default())
        }
        (cell, _) => cell.text().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use mapistore::ChangedBy;

    use super::*;
    use crate::report::Item;

    fn shown(base: Cell, theirs: &str, mine: &str) -> [String; 3] {
        let text = |text: &str| Cell::Text(text.to_owned());
        let row = Row {
            item: Item::Recipient(0),
            tags: Vec::new(),
            label: String::new(),
            names: String::new(),
            base,
            theirs: text(theirs),
            mine: text(mine),
            changed_by: ChangedBy::BothDifferently,
            needs_choice: true,
            others: String::new(),
        };
        sides(&row, 12)
    }

    #[test]
    fn words_that_long_texts_share_are_left_out() {
        let base = || Cell::Text("figures of may".to_owned());
        assert_eq!(
            shown(base(), "figures of may, new", "figures of june"),
            ["…may", "…may, new", "…june"]
        );
        assert_eq!(
            shown(base(), "figures of may, new", "figures of may, old"),
            ["…may", "…may, new", "…may, old"]
        );
        assert_eq!(
            shown(Cell::Nothing, "figures of may", "figures of june"),
            ["(none)", "…may", "…june"]
        );
        assert_eq!(
            shown(Cell::Unknown, "ä ö one more word", "ä ü"),
            ["(not kept)", "…ö one more word", "…ü"]
        );
    }

    #[test]
    fn texts_that_fit_or_share_nothing_are_shown_from_their_beginning() {
        let short = || Cell::Text("two words".to_owned());
        assert_eq!(
            shown(short(), "two", "two more"),
            ["two words", "two", "two more"]
        );
        let long = "nothing of it is the same";
        assert_eq!(shown(short(), long, "x"), ["two words", long, "x"]);
    }
}
