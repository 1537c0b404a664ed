//! `sql`: a query that reads.

use anyhow::Context;
use clap::Args;
use mapistore::{Cell, Error, QueryResult};

use crate::args::Global;
use crate::exit::Exit;
use crate::json::{Members, Value};
use crate::output::{Column, Format, Output};
use crate::values;

/// Whole numbers beyond this are rounded by many readers of JSON.
const EXACT: u64 = 1 << 53;

/// Read the store with SQL
///
/// Best through the views, which stay as they are: inspect_messages, inspect_properties, inspect_recipients,
/// inspect_attachments, inspect_folders, inspect_changes, inspect_versions, inspect_conflicts. What would write is
/// refused.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore sql \"SELECT entry_id, subject FROM inspect_messages WHERE folder_path = 'Inbox'\"
  mapistore sql 'SELECT client, count(*) AS saves FROM inspect_changes GROUP BY client'
  mapistore sql 'SELECT * FROM inspect_versions' --json")]
pub(crate) struct Sql {
    /// The query
    query: String,
}

impl Sql {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let result = match global.open_to_read()?.query(&self.query) {
            Err(refused @ Error::NoAccess { .. }) => {
                return Err(refused)
                    .context("a query can only read the store; other commands change it");
            }
            result => result?,
        };
        match output.format() {
            Format::Json => {
                let names = distinct(&result.columns);
                output.json_array(result.rows.into_iter().map(|row| {
                    Ok(Members(
                        names.iter().cloned().zip(row.iter().map(json)).collect(),
                    ))
                }))?;
            }
            Format::People => table(&result, output)?,
        }
        Ok(Exit::Done)
    }
}

/// The names of the columns, with a number where one comes again: an object has each name once.
fn distinct(columns: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(columns.len());
    for column in columns {
        let mut name = column.clone();
        let mut number = 1;
        while names.contains(&name) {
            number += 1;
            name = format!("{column}:{number}");
        }
        names.push(name);
    }
    names
}

fn json(cell: &Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Integer(number) if number.unsigned_abs() <= EXACT => Value::Integer(*number),
        Cell::Integer(number) => Value::Text(number.to_string()),
        Cell::Real(number) => values::double(number),
        Cell::Text(text) => Value::Text(text.clone()),
        Cell::Blob(bytes) => values::base64(bytes),
    }
}

fn table<'a>(result: &'a QueryResult, output: &mut Output) -> std::io::Result<()> {
    let is_number = |at: usize| {
        let mut cells = result.rows.iter().filter_map(|row| row.get(at)).peekable();
        cells.peek().is_some()
            && cells.all(|cell| matches!(cell, Cell::Integer(_) | Cell::Real(_) | Cell::Null))
    };
    let column = |(at, title): (usize, &'a String)| match is_number(at) {
        true => Column::number(title),
        false => Column::text(title),
    };
    let columns: Vec<Column<'_>> = result.columns.iter().enumerate().map(column).collect();
    let rows: Vec<Vec<String>> = result
        .rows
        .iter()
        .map(|row| row.iter().map(text).collect())
        .collect();
    output.table(&columns, &rows)
}

fn text(cell: &Cell) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Integer(number) => number.to_string(),
        Cell::Real(number) => number.to_string(),
        Cell::Text(text) => text.clone(),
        Cell::Blob(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("x'{digits}'")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_comes_once_in_an_object() {
        let columns = ["a", "a", "b", "a:2", "a"].map(str::to_owned);
        assert_eq!(distinct(&columns), ["a", "a:2", "b", "a:2:2", "a:3"]);
    }
}
