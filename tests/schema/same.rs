//! docs/schema.sql makes what a store has, object by object.

use mapistore::{Cell, Store};
use rusqlite::Connection;

/// docs/schema.sql.
pub(crate) const DOCUMENT: &str = include_str!("../../docs/schema.sql");

/// A row of `sqlite_schema`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) table: String,
    /// Without comments, and with single blanks.
    pub(crate) sql: String,
}

const OBJECTS: &str = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY rowid";

/// Leaves out comments, and white space that means nothing.
fn normalised(sql: &str) -> String {
    let mut plain = String::new();
    let mut rest = sql.chars().peekable();
    let mut quote = None;
    while let Some(character) = rest.next() {
        if quote.is_some() {
            plain.push(character);
            if quote == Some(character) {
                quote = None;
            }
            continue;
        }
        match character {
            '\'' | '"' => {
                quote = Some(character);
                plain.push(character);
            }
            '-' if rest.peek() == Some(&'-') => {
                rest.by_ref().find(|&character| character == '\n');
                plain.push(' ');
            }
            white if white.is_whitespace() => plain.push(' '),
            other => plain.push(other),
        }
        let doubled = plain.ends_with("  ");
        // A column that was added later stands behind " , ".
        let before_sign = plain.ends_with(" )") || plain.ends_with(" ,");
        if doubled || plain.ends_with("( ") || before_sign {
            let at = plain.len() - if before_sign { 2 } else { 1 };
            plain.remove(at);
        }
    }
    plain.trim().to_owned()
}

fn object(kind: &str, name: &str, table: &str, sql: &str) -> Object {
    Object {
        kind: kind.to_owned(),
        name: name.to_owned(),
        table: table.to_owned(),
        sql: normalised(sql),
    }
}

pub(crate) fn text(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => text.clone(),
        Cell::Integer(number) => number.to_string(),
        Cell::Null => String::new(),
        other => panic!("no text: {other:?}"),
    }
}

/// What a store has that was just made.
fn objects_of_a_store() -> Vec<Object> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.store");
    let store = Store::options().create_if_missing().open(path).unwrap();
    let rows = store.query(OBJECTS).unwrap().rows;
    let object = |row: &Vec<Cell>| match &row[..] {
        [kind, name, table, sql] => object(&text(kind), &text(name), &text(table), &text(sql)),
        other => panic!("{} columns", other.len()),
    };
    rows.iter().map(object).collect()
}

/// A database that the document made.
pub(crate) fn documented() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(DOCUMENT).unwrap();
    connection
}

pub(crate) fn objects_of_the_document(connection: &Connection) -> Vec<Object> {
    let mut select = connection.prepare(OBJECTS).unwrap();
    let object = |row: &rusqlite::Row<'_>| {
        let sql: Option<String> = row.get("sql")?;
        let (kind, name): (String, String) = (row.get("type")?, row.get("name")?);
        let table: String = row.get("tbl_name")?;
        Ok(object(&kind, &name, &table, &sql.unwrap_or_default()))
    };
    select
        .query_map([], object)
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

#[test]
fn the_document_makes_the_schema_of_a_store() {
    let theirs = objects_of_a_store();
    let ours = objects_of_the_document(&documented());
    let names = |objects: &[Object]| -> Vec<String> {
        objects
            .iter()
            .map(|object| format!("{} {}", object.kind, object.name))
            .collect()
    };
    assert_eq!(
        names(&ours),
        names(&theirs),
        "docs/schema.sql has other objects, or another order"
    );
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(
            ours, theirs,
            "docs/schema.sql differs from the schema in {}",
            theirs.name
        );
    }
    assert!(
        theirs.len() > 60,
        "{} objects are too few to be all",
        theirs.len()
    );
}

#[test]
fn the_document_names_the_numbers_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.store");
    let store = Store::options().create_if_missing().open(path).unwrap();
    let number = |pragma: &str| {
        let rows = store.query(&format!("PRAGMA {pragma}")).unwrap().rows;
        rows.first().and_then(|row| row.first()).map(text).unwrap()
    };
    let version = format!("PRAGMA user_version (this is {})", number("user_version"));
    let application = format!("PRAGMA application_id is {},", number("application_id"));
    for said in [version, application] {
        assert!(
            DOCUMENT.contains(&said),
            "docs/schema.sql does not say: {said}"
        );
    }
}

#[test]
fn only_comments_and_white_space_are_overlooked() {
    let same = "CREATE TABLE a (\n    -- What.\n    b TEXT, -- So.\n\n    c INTEGER\n)";
    assert_eq!(
        normalised(same),
        normalised("CREATE  TABLE a ( b TEXT,\n c INTEGER )")
    );
    for other in [
        "CREATE TABLE a (b TEXT, c TEXT)",
        "CREATE TABLE a (c INTEGER, b TEXT)",
        "CREATE TABLE a (b TEXT, c INTEGER) STRICT",
        "CREATE TABLE A (b TEXT, c INTEGER)",
    ] {
        assert_ne!(normalised(same), normalised(other), "{other}");
    }
    assert_ne!(normalised("SELECT 'a  --b'"), normalised("SELECT 'a --b'"));
    assert_eq!(normalised("SELECT 'a  --b'"), "SELECT 'a  --b'");
}
