//! What goes to stdout: lines and tables for people, JSON for programs.
//!
//! Everything for people passes through [`harmless`]. Colour is for terminals, and only there are wide cells cut.

use std::env;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use console::{Alignment, Style, Term};
use serde::Serialize;

use crate::{harmless, json};

/// For whom the output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    People,
    Json,
}

impl Format {
    pub(crate) fn of(json: bool) -> Format {
        if json { Format::Json } else { Format::People }
    }
}

/// Stdout. Buffered: a command that goes on for long flushes after each answer.
#[derive(Debug)]
pub(crate) struct Output {
    out: BufWriter<Stdout>,
    format: Format,
    /// The columns of the terminal; none if stdout is something else.
    width: Option<usize>,
    colour: bool,
    /// Blanks before each line for people.
    indent: usize,
}

impl Output {
    pub(crate) fn new(format: Format) -> Output {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        let refused = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        Output {
            width: is_terminal
                .then(|| Term::stdout().size_checked())
                .flatten()
                .map(|(_, columns)| columns.into()),
            colour: is_terminal && !dumb && !refused("NO_COLOR"),
            out: BufWriter::new(stdout),
            format,
            indent: 0,
        }
    }

    /// Lines for people stand further to the right from now on, or less far.
    pub(crate) fn indent(&mut self, blanks: usize) {
        self.indent = blanks;
    }

    fn begin_line(&mut self) -> io::Result<()> {
        write!(self.out, "{:1$}", "", self.indent)
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Whether it goes to a terminal with fewer columns.
    pub(crate) fn is_narrower_than(&self, columns: usize) -> bool {
        self.width.is_some_and(|width| width < columns)
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Stdout as it is, for what is neither text for people nor JSON.
    pub(crate) fn raw(&mut self) -> &mut impl Write {
        &mut self.out
    }

    /// One line of text.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        if !text.is_empty() {
            self.begin_line()?;
        }
        writeln!(self.out, "{}", harmless::line(text))
    }

    /// Text of many lines; ends with a line break if it has any characters.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        for line in harmless::lines(text).split_terminator('\n') {
            if !line.is_empty() {
                self.begin_line()?;
            }
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }

    /// A line that begins with a styled part.
    pub(crate) fn styled(&mut self, style: &Style, head: &str, rest: &str) -> io::Result<()> {
        let head = harmless::line(head);
        self.begin_line()?;
        writeln!(
            self.out,
            "{}{}",
            self.paint(style, &head),
            harmless::line(rest)
        )
    }

    /// One JSON value on a line of its own.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        writeln!(self.out, "{}", json::to_string(value)?)
    }

    /// A JSON array, written as its elements come, each on a line of its own.
    pub(crate) fn json_array<T: Serialize>(
        &mut self,
        elements: impl IntoIterator<Item = anyhow::Result<T>>,
    ) -> anyhow::Result<()> {
        self.out.write_all(b"[")?;
        let mut separator = "";
        for element in elements {
            write!(self.out, "{separator}{}", json::to_string(&element?)?)?;
            separator = ",\n";
        }
        self.out.write_all(b"]\n")?;
        Ok(())
    }

    /// A table with its columns aligned.
    pub(crate) fn table(&mut self, columns: &[Column<'_>], rows: &[Vec<String>]) -> io::Result<()> {
        let available = self.width.map(|width| width.saturating_sub(self.indent));
        let mut lines = lay_out(columns, rows, available).into_iter();
        let heading = lines.next().unwrap_or_default();
        let heading = self.paint(&Style::new().bold(), &heading);
        self.begin_line()?;
        writeln!(self.out, "{heading}")?;
        for line in lines {
            self.begin_line()?;
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }

    pub(crate) fn paint(&self, style: &Style, text: &str) -> String {
        style
            .clone()
            .force_styling(self.colour)
            .apply_to(text)
            .to_string()
    }
}

const GAP: &str = "  ";
/// No column is cut to less.
const NARROWEST: usize = 8;

/// The lines of a table, the heading first, each at most as wide as is said.
pub(crate) fn lay_out(
    columns: &[Column<'_>],
    rows: &[Vec<String>],
    available: Option<usize>,
) -> Vec<String> {
    let harmless = |cell: &String| harmless::line(cell).into_owned();
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(harmless).collect())
        .collect();
    let widths = widths(columns, &rows, available);
    let titles: Vec<String> = columns
        .iter()
        .map(|column| harmless::line(column.title).into_owned())
        .collect();
    let line = |cells: &Vec<String>| arrange(columns, &widths, cells).trim_end().to_owned();
    std::iter::once(&titles).chain(&rows).map(line).collect()
}

/// As wide as the widest cell; on a terminal the columns that may be cut give up what is too much, the widest
/// first.
fn widths(columns: &[Column<'_>], rows: &[Vec<String>], available: Option<usize>) -> Vec<usize> {
    let widest = |at: usize, column: &Column<'_>| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(at))
            .map(|cell| console::measure_text_width(cell));
        cells
            .max()
            .unwrap_or(0)
            .max(console::measure_text_width(column.title))
    };
    let mut widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| widest(at, column))
        .collect();
    let Some(available) = available else {
        return widths;
    };
    let gaps = GAP.len() * columns.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > available {
        let cuttable = columns
            .iter()
            .zip(&mut widths)
            .filter(|(column, _)| column.cut == Cut::Allowed);
        match cuttable.map(|(_, width)| width).max() {
            Some(width) if *width > NARROWEST => *width -= 1,
            _ => break,
        }
    }
    widths
}

fn arrange(columns: &[Column<'_>], widths: &[usize], cells: &[String]) -> String {
    let cells = columns
        .iter()
        .zip(widths)
        .zip(cells)
        .map(|((column, width), cell)| {
            let cell = console::truncate_str(cell, *width, "…");
            console::pad_str(&cell, *width, column.alignment, None).into_owned()
        });
    cells.collect::<Vec<_>>().join(GAP)
}

/// Whether cells may be cut where a terminal is too narrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Allowed,
    Forbidden,
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column<'a> {
    title: &'a str,
    alignment: Alignment,
    cut: Cut,
}

impl<'a> Column<'a> {
    /// Text, which may be cut.
    pub(crate) fn text(title: &'a str) -> Column<'a> {
        Column {
            title,
            alignment: Alignment::Left,
            cut: Cut::Allowed,
        }
    }

    /// What is no use when it is cut: an entry id, a time.
    pub(crate) fn whole(title: &'a str) -> Column<'a> {
        Column {
            title,
            alignment: Alignment::Left,
            cut: Cut::Forbidden,
        }
    }

    pub(crate) fn number(title: &'a str) -> Column<'a> {
        Column {
            title,
            alignment: Alignment::Right,
            cut: Cut::Forbidden,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_terminal_cuts_and_only_what_may_be_cut() {
        let columns = [
            Column::whole("entry"),
            Column::text("subject"),
            Column::number("size"),
        ];
        let rows = [vec![
            "0123456789".to_owned(),
            "a long subject 日本".to_owned(),
            "12".to_owned(),
        ]];
        assert_eq!(widths(&columns, &rows, None), [10, 19, 4]);
        let narrow = widths(&columns, &rows, Some(30));
        assert_eq!(narrow, [10, 12, 4]);
        assert_eq!(
            arrange(&columns, &narrow, &rows[0]),
            "0123456789  a long subj…    12"
        );
        assert_eq!(widths(&columns, &rows, Some(5)), [10, NARROWEST, 4]);
    }
}
