//! Whether a file has the schema of a store, and nothing in it that would act by itself.
//!
//! Everything here stands on the schema: the guards refuse, the triggers count, the views show people what is stored. A file that was damaged
//! there, or that somebody made to harm its readers, must not get as far as that any of it is run.

use std::collections::BTreeMap;
use std::hash::Hasher;

use rusqlite::Connection;
use xxhash_rust::xxh3::Xxh3;

use crate::db::failure::while_doing;
use crate::db::migrate;
use crate::error::{Error, Result};

/// The hash of the schema that the migrations make, by which nearly every store is known without comparing texts.
const FINGERPRINT: u64 = 0x9b6e_7ed1_a9dc_ed56;

/// An object of a schema: its kind, the table that it belongs to, and its text.
#[derive(Debug, PartialEq, Eq)]
struct Object {
    kind: String,
    table: String,
    sql: Option<String>,
}

/// By name.
type Schema = BTreeMap<String, Object>;

/// Refuses a file in which anything of a store's schema is missing or another, or a trigger too many. Tables, indexes and
/// views that somebody added are left alone: nothing of ours looks at them.
pub(crate) fn verify(connection: &Connection) -> Result<()> {
    let found = read(connection)?;
    if fingerprint(&found) == FINGERPRINT {
        return Ok(());
    }
    let expected = expected()?;
    let changed = expected
        .iter()
        .find(|(name, object)| found.get(*name) != Some(object))
        .map(|(name, object)| format!("{} {name} is missing or another", object.kind));
    let added = || {
        found
            .iter()
            .find(|(name, object)| object.kind == "trigger" && !expected.contains_key(*name))
            .map(|(name, object)| format!("somebody added trigger {name} on {}", object.table))
    };
    match changed.or_else(added) {
        None => Ok(()),
        Some(what) => Err(Error::CorruptStore {
            detail: format!("the schema is not that of a store: {what}"),
            source: None,
        }),
    }
}

fn read(connection: &Connection) -> Result<Schema> {
    const SELECT: &str =
        "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE substr(name, 1, 7) <> 'sqlite_'";
    connection
        .prepare(SELECT)
        .and_then(|mut select| {
            select
                .query_map([], |row| {
                    let object = Object {
                        kind: row.get("type")?,
                        table: row.get("tbl_name")?,
                        sql: row.get("sql")?,
                    };
                    Ok((row.get("name")?, object))
                })?
                .collect()
        })
        .map_err(while_doing("reading the schema"))
}

fn fingerprint(schema: &Schema) -> u64 {
    let mut hash = Xxh3::new();
    for (name, object) in schema {
        for text in [
            name,
            &object.kind,
            &object.table,
            object.sql.as_deref().unwrap_or_default(),
        ] {
            // With its length before it, no text can move into the next unnoticed.
            hash.write_u64(text.len() as u64);
            hash.update(text.as_bytes());
        }
    }
    hash.digest()
}

/// The schema that the migrations make.
fn expected() -> Result<Schema> {
    let connection =
        Connection::open_in_memory().map_err(while_doing("making a schema to compare with"))?;
    migrate::make_schema(&connection)?;
    read(&connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_of_the_migrations_has_the_fingerprint() {
        let found = fingerprint(&expected().unwrap());
        assert_eq!(
            found, FINGERPRINT,
            "the migrations make another schema: {found:#018x}"
        );
    }
}
