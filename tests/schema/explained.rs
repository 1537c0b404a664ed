//! Every table, column, index, trigger and view has its explanation in docs/schema.sql.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::same::{DOCUMENT, documented, objects_of_the_document};

/// An object, with its columns if it has any.
struct Subject {
    kind: String,
    name: String,
    columns: Vec<String>,
}

/// A statement of the document.
#[derive(Default)]
struct Statement<'a> {
    /// The comment right above it, a line each, without the dashes.
    explanation: Vec<&'a str>,
    lines: Vec<&'a str>,
}

/// The statements by the names of what they make.
fn statements(document: &str) -> BTreeMap<&str, Statement<'_>> {
    let mut found: BTreeMap<&str, Statement<'_>> = BTreeMap::new();
    let mut explanation = Vec::new();
    let mut name = None;
    for line in document.lines() {
        if line.starts_with("CREATE ") {
            let is_kind = |word: &&str| matches!(*word, "TABLE" | "INDEX" | "TRIGGER" | "VIEW");
            name = line.split(' ').skip_while(|word| !is_kind(word)).nth(1);
            let explanation = std::mem::take(&mut explanation);
            found.insert(
                name.unwrap_or(line),
                Statement {
                    explanation,
                    lines: Vec::new(),
                },
            );
        } else if name.is_none() {
            match line.strip_prefix("--") {
                Some(comment) => explanation.push(comment),
                None => explanation.clear(),
            }
            continue;
        }
        if let Some(statement) = name.and_then(|name| found.get_mut(name)) {
            statement.lines.push(line);
        }
        let is_trigger = name
            .and_then(|name| found.get(name))
            .is_some_and(|statement| {
                statement
                    .lines
                    .first()
                    .is_some_and(|line| line.contains(" TRIGGER "))
            });
        if if is_trigger {
            line == "END;"
        } else {
            line.ends_with(';')
        } {
            name = None;
        }
    }
    found
}

/// Says something, and not only a word.
fn explains(comment: &str) -> bool {
    comment.split_whitespace().count() >= 2 && comment.trim().ends_with(['.', ':', ';'])
}

/// The columns of a table that have a comment above them.
fn explained_columns<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let mut explained = Vec::new();
    let mut depth = 0_usize;
    let mut comment = Vec::new();
    for line in lines {
        let line = line.trim();
        if let Some(text) = line.strip_prefix("--") {
            comment.push(text.trim());
            continue;
        }
        if depth == 1 && explains(&comment.join(" ")) {
            explained.extend(line.split(' ').next());
        }
        comment.clear();
        depth = (depth + line.matches('(').count()).saturating_sub(line.matches(')').count());
    }
    explained
}

/// The columns that a list above a view explains: `--   name  What it is.`
fn listed_columns<'a>(explanation: &[&'a str]) -> Vec<&'a str> {
    let entry = |line: &&'a str| {
        let (name, what) = line.strip_prefix("   ")?.split_once("  ")?;
        (!name.is_empty() && !name.contains(' ') && !what.trim().is_empty()).then_some(name)
    };
    explanation.iter().filter_map(entry).collect()
}

/// What the document leaves unexplained, or explains though it is not there.
fn complaints(document: &str, subjects: &[Subject]) -> Vec<String> {
    let statements = statements(document);
    let mut found = Vec::new();
    for Subject {
        kind,
        name,
        columns,
    } in subjects
    {
        let Some(statement) = statements.get(name.as_str()) else {
            found.push(format!("{kind} {name} is not there"));
            continue;
        };
        let first = statement
            .explanation
            .iter()
            .take_while(|line| !line.is_empty());
        if !explains(&first.copied().collect::<Vec<_>>().join(" ")) {
            found.push(format!("{kind} {name} has no explanation right above it"));
        }
        let explained = match kind.as_str() {
            "table" => explained_columns(&statement.lines),
            "view" => listed_columns(&statement.explanation),
            _ => continue,
        };
        for column in columns
            .iter()
            .filter(|column| !explained.contains(&column.as_str()))
        {
            found.push(format!(
                "column {column} of {kind} {name} has no explanation"
            ));
        }
        for column in explained
            .iter()
            .filter(|column| !columns.iter().any(|one| one == *column))
        {
            found.push(format!("{kind} {name} has no column {column} to explain"));
        }
    }
    found
}

fn subjects(connection: &Connection) -> Vec<Subject> {
    let columns = |object: &str| -> Vec<String> {
        let mut select = connection
            .prepare("SELECT name FROM pragma_table_xinfo(?)")
            .unwrap();
        let names = select.query_map([object], |row| row.get("name")).unwrap();
        names.collect::<Result<_, _>>().unwrap()
    };
    let objects = objects_of_the_document(connection).into_iter();
    objects
        .filter(|object| !object.name.starts_with("sqlite_"))
        .map(|object| Subject {
            columns: match object.kind.as_str() {
                "table" | "view" => columns(&object.name),
                _ => Vec::new(),
            },
            kind: object.kind,
            name: object.name,
        })
        .collect()
}

#[test]
fn everything_in_the_schema_is_explained() {
    let subjects = subjects(&documented());
    let columns: usize = subjects.iter().map(|subject| subject.columns.len()).sum();
    assert!(
        subjects.len() > 60 && columns > 100,
        "{} objects, {columns} columns",
        subjects.len()
    );
    let found = complaints(DOCUMENT, &subjects);
    assert!(found.is_empty(), "docs/schema.sql:\n{}", found.join("\n"));
}

const SMALL: &str = "\
-- What it is about.

-- The cats, by name.
CREATE TABLE cats (
    -- What they are called.
    name TEXT PRIMARY KEY CHECK (
        name <> ''),
    -- In years, rounded up
    -- to the next one.
    age INTEGER,
    CHECK (age > 0)
) STRICT;

-- Finds them by age.
CREATE INDEX cats_by_age ON cats (age);

-- Refuses to let them go.
CREATE TRIGGER cats_stay BEFORE DELETE ON cats
BEGIN
    SELECT 1;
    SELECT RAISE(ABORT, 'no');
END;

-- The old ones.
--
--   name  What they are called.
--   age   In years;
--         rounded up.
CREATE VIEW old_cats AS
SELECT name AS name, age AS age FROM cats WHERE age > 15;
";

fn complaints_about(document: &str) -> Vec<String> {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(document).unwrap();
    complaints(document, &subjects(&connection))
}

#[test]
fn a_document_that_explains_all_is_accepted() {
    assert_eq!(complaints_about(SMALL), Vec::<String>::new());
}

#[test]
fn each_missing_explanation_is_found() {
    for (left_out, complaint) in [
        ("-- The cats, by name.\n", "table cats has no explanation"),
        (
            "    -- What they are called.\n",
            "column name of table cats",
        ),
        (
            "    -- In years, rounded up\n    -- to the next one.\n",
            "column age of table cats",
        ),
        ("-- Finds them by age.\n", "index cats_by_age"),
        ("-- Refuses to let them go.\n", "trigger cats_stay"),
        ("-- The old ones.\n", "view old_cats"),
        (
            "--   age   In years;\n--         rounded up.\n",
            "column age of view old_cats",
        ),
    ] {
        assert!(SMALL.contains(left_out), "{left_out}");
        let found = complaints_about(&SMALL.replacen(left_out, "", 1));
        assert_eq!(found.len(), 1, "{left_out}: {found:?}");
        assert!(
            found.iter().all(|found| found.starts_with(complaint)),
            "{found:?}"
        );
    }
}

#[test]
fn an_explanation_of_nothing_is_found() {
    let document = SMALL.replace("--   age   In", "--   fur   Its colour.\n--   age   In");
    assert_eq!(
        complaints_about(&document),
        ["view old_cats has no column fur to explain"]
    );
    let document = SMALL.replace("-- Finds them by age.\n", "-- Finds them by age.\n\n");
    assert_eq!(
        complaints_about(&document).len(),
        1,
        "a comment further up explains nothing"
    );
}
