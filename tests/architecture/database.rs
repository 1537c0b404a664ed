//! SQLite and its language stay on the database floor; the program may show queries on the public views.

use crate::source::{Source, Text, Violation};
use crate::sql::{Name, Verb, read_from, statements, tokens};

const CRATES: &[&str] = &["rusqlite", "libsqlite3_sys", "r2d2", "r2d2_sqlite"];
/// The views that are a public interface begin so.
const PUBLIC_VIEWS: &str = "inspect_";

pub(crate) fn check(source: &Source) -> Vec<Violation> {
    if source.path.starts_with("src/db/") {
        return Vec::new();
    }
    let crates = source
        .words
        .iter()
        .filter(|(_, word)| CRATES.contains(&word.as_str()));
    let crates = crates.map(|(line, name)| {
        source.violation(
            *line,
            format!("`{name}` is named above src/db; add a function there, and call that"),
        )
    });
    let is_program = source.path.starts_with("src/bin/");
    let texts = source.texts.iter().filter(|text| {
        let statements = statements(&text.value);
        let only_reads = statements
            .iter()
            .all(|statement| statement.verb == Verb::Select);
        let shown = is_program && only_reads && reads_public_views(text);
        !statements.is_empty() && !shown
    });
    let texts = texts.map(|text| {
        let instead = if is_program {
            "the program may only show queries on the inspect_* views, written out; use the library for all else"
        } else {
            "SQL stands above src/db; add a function to the module of its table there, and call that"
        };
        source.violation(text.line, instead)
    });
    crates.chain(texts).collect()
}

fn reads_public_views(text: &Text) -> bool {
    let names = read_from(&tokens(&text.value));
    let public = |name: &Name| match name {
        Name::Written(name) => name.starts_with(PUBLIC_VIEWS),
        Name::PutIn => false,
    };
    !names.is_empty() && names.iter().all(public)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<String> {
        check(&Source::read(path, text))
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    fn refused(path: &str, text: &str, place: &str) {
        let found = lines(path, text);
        assert!(
            found.iter().any(|found| found.starts_with(place)),
            "{text}: {found:?}"
        );
    }

    #[test]
    fn sqlite_above_its_floor_is_found() {
        refused(
            "src/store/open.rs",
            "\nuse rusqlite::Connection;",
            "src/store/open.rs:2: ",
        );
        refused(
            "src/error.rs",
            "fn f(e: r2d2::Error) {}",
            "src/error.rs:1: ",
        );
        refused(
            "src/mime/import.rs",
            "fn f() { rusqlite::version(); }",
            "src/mime/import.rs:1: ",
        );
    }

    #[test]
    fn sql_above_its_floor_is_found() {
        for text in [
            "const S: &str = \"SELECT a FROM messages\";",
            "const S: &str = \"delete from messages\";",
            "const S: &str = concat!(\"UPDATE \", \"messages SET a = 1\");",
            "fn f(c: &C) { c.run(\"PRAGMA user_version\"); }",
            "fn f(t: &str) { g(format!(\"INSERT INTO {t} VALUES (1)\")); }",
            "fn f(c: &C) { c.run(r#\"BEGIN IMMEDIATE\"#); }",
        ] {
            refused("src/store/save.rs", text, "src/store/save.rs:1: SQL");
        }
    }

    #[test]
    fn the_program_may_show_queries_on_public_views_only() {
        let path = "src/bin/mapistore/commands/demo.rs";
        for text in [
            "const S: &str = \"SELECT subject FROM inspect_messages\";",
            "const S: &str = \"mapistore sql 'SELECT a FROM inspect_changes JOIN inspect_folders'\";",
        ] {
            assert!(lines(path, text).is_empty(), "{text}");
        }
        for text in [
            "const S: &str = \"SELECT subject FROM messages\";",
            "const S: &str = \"SELECT a FROM inspect_messages, folders\";",
            "const S: &str = \"SELECT a FROM inspect_messages WHERE b IN (SELECT c FROM changes)\";",
            "const S: &str = \"SELECT a FROM {view}\";",
            "const S: &str = \"SELECT a FROM inspect_messages; DELETE FROM messages\";",
            "const S: &str = \"UPDATE messages SET size = 0\";",
            "use rusqlite::Connection;",
        ] {
            refused(path, text, "src/bin/mapistore/commands/demo.rs:1: ");
        }
    }

    #[test]
    fn documentation_and_prose_are_left_alone() {
        let text = "//! rusqlite, and `SELECT a FROM b`.\n/// ```\n/// store.query(\"SELECT a FROM b\")\n/// ```\n\
            fn f() { g(\"select a folder to delete from the list below\"); }";
        let text = text.replace(
            "select a folder to delete from",
            "choose a folder to delete from",
        );
        assert!(lines("src/store/query.rs", &text).is_empty());
        assert!(
            lines(
                "src/db/query.rs",
                "use rusqlite::X; const S: &str = \"SELECT 1\";"
            )
            .is_empty()
        );
    }
}
