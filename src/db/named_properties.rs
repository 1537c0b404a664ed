//! Which number stands for which name of a property in this store. A row never changes and is never removed.

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::db::failure::while_doing;
use crate::db::transaction::WriteTransaction;
use crate::error::{Error, Result};
use crate::model::{NameWithinSet, PropertyId, PropertyName};

/// The numbers that names get. Neither 0x8000 nor 0xFFFF is one in every source.
const FIRST: i64 = 0x8001;
const LAST: i64 = 0xFFFE;

/// The number of a name, if it has one.
pub(crate) fn find(connection: &Connection, name: &PropertyName) -> Result<Option<PropertyId>> {
    let set = name.set();
    let found = match name.within_set() {
        NameWithinSet::Number(number) => connection
            .prepare_cached(
                "SELECT property_id FROM named_properties WHERE property_set = ? AND number = ?",
            )
            .and_then(|mut select| select.query_row((set, number), id).optional()),
        NameWithinSet::Text(text) => connection
            .prepare_cached(
                "SELECT property_id FROM named_properties WHERE property_set = ? AND name = ?",
            )
            .and_then(|mut select| select.query_row((set, text), id).optional()),
    };
    found.map_err(while_doing("looking for a named property"))
}

/// The name of a number, if it has one.
pub(crate) fn name_of(connection: &Connection, id: PropertyId) -> Result<Option<PropertyName>> {
    connection
        .prepare_cached(
            "SELECT property_id, property_set, number, name FROM named_properties WHERE property_id = ?",
        )
        .and_then(|mut select| select.query_row([id.0], named).optional())
        .map_err(while_doing("looking for the name of a property"))
        .map(|found| found.map(|(_, name)| name))
}

/// All names, by their numbers.
pub(crate) fn all(connection: &Connection) -> Result<Vec<(PropertyId, PropertyName)>> {
    connection
        .prepare_cached(
            "SELECT property_id, property_set, number, name FROM named_properties ORDER BY property_id",
        )
        .and_then(|mut select| select.query_map([], named)?.collect())
        .map_err(while_doing("listing the named properties"))
}

/// Gives a name that has none the number above the highest so far.
pub(crate) fn insert(tx: &WriteTransaction<'_>, name: &PropertyName) -> Result<PropertyId> {
    let highest: Option<i64> = tx
        .connection
        .prepare_cached("SELECT max(property_id) AS highest FROM named_properties")
        .and_then(|mut select| select.query_row([], |row| row.get("highest")))
        .map_err(while_doing("naming a property"))?;
    let next = highest.map_or(FIRST, |highest| highest + 1);
    let id = u16::try_from(next).ok().filter(|_| next <= LAST);
    let id = id.map(PropertyId).ok_or_else(|| Error::TooBig {
        detail: format!(
            "the store has given out all of its {} numbers for named properties, so {name} cannot have one",
            LAST - FIRST + 1
        ),
    })?;
    let (number, text) = match name.within_set() {
        NameWithinSet::Number(number) => (Some(number), None),
        NameWithinSet::Text(text) => (None, Some(text)),
    };
    tx.connection
        .prepare_cached(
            "INSERT INTO named_properties (property_id, property_set, number, name) \
             VALUES (:id, :set, :number, :name)",
        )
        .and_then(|mut insert| {
            insert.execute(named_params! {
                ":id": id.0, ":set": name.set(), ":number": number, ":name": text,
            })
        })
        .map_err(while_doing("naming a property"))?;
    Ok(id)
}

fn id(row: &Row<'_>) -> rusqlite::Result<PropertyId> {
    row.get("property_id").map(PropertyId)
}

/// What somebody wrote by hand and no client could have is an error, not another name.
fn named(row: &Row<'_>) -> rusqlite::Result<(PropertyId, PropertyName)> {
    let set = row.get("property_set")?;
    let name = match row.get("number")? {
        Some(number) => PropertyName::number(set, number),
        None => {
            let text: String = row.get("name")?;
            PropertyName::text(set, text)
                .map_err(|error| rusqlite::types::FromSqlError::Other(Box::new(error)))?
        }
    };
    Ok((id(row)?, name))
}
