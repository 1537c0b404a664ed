//! Imports point down only: `model` <- `conflict`, `db` <- `store` <- `mime` <- the program.

use crate::source::{Source, Violation};

/// Each floor, and those that it may name besides itself.
const FLOORS: &[(&str, &[&str])] = &[
    ("error", &["model"]),
    ("model", &["error"]),
    ("conflict", &["model", "error"]),
    ("db", &["model", "error"]),
    ("store", &["db", "conflict", "model", "error"]),
    ("mime", &["store", "db", "conflict", "model", "error"]),
];

/// What `error.rs` gives to everybody, through the crate's root.
const SEEN_BY_ALL: &[&str] = &["Error", "Result"];

pub(crate) fn check(source: &Source) -> Vec<Violation> {
    let inside = source.path.strip_prefix("src/").unwrap_or(&source.path);
    let floor = inside
        .split('/')
        .next()
        .unwrap_or(inside)
        .trim_end_matches(".rs");
    // The front door names everything, and the program is a crate of its own that only sees the front door.
    if matches!(floor, "lib" | "bin") {
        return Vec::new();
    }
    let Some((_, below)) = FLOORS.iter().find(|(name, _)| *name == floor) else {
        return vec![source.violation(
            1,
            format!(
                "`{floor}` is no floor; give it a place among those of tests/architecture/floors.rs"
            ),
        )];
    };
    let refusal = |target: &str| {
        if target == floor || below.contains(&target) || SEEN_BY_ALL.contains(&target) {
            None
        } else if FLOORS.iter().any(|(name, _)| *name == target) {
            Some(format!(
                "`{floor}` must not name `{target}`; move what both need down to a floor that both may name, \
                 or let `{target}` hand it in"
            ))
        } else {
            Some(format!(
                "`{target}` is named through the crate's root, which hides its floor; write \
                 `crate::<floor>::{target}`"
            ))
        }
    };
    let paths = source.paths.iter();
    paths
        .filter_map(|path| {
            let target = path.from_root.as_ref()?.first()?;
            refusal(target).map(|why| source.violation(path.line, why))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        check(&Source::read(path, text))
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    fn refused(path: &str, text: &str, place: &str) {
        let found = found(path, text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(
            found.iter().all(|found| found.starts_with(place)),
            "{text}: {found:?}"
        );
    }

    #[test]
    fn a_floor_that_names_a_higher_one_is_found() {
        refused(
            "src/model/id.rs",
            "use crate::db::Database;",
            "src/model/id.rs:1: `model`",
        );
        refused(
            "src/model/id.rs",
            "\n\nuse crate::store;",
            "src/model/id.rs:3: ",
        );
        refused(
            "src/db/pins.rs",
            "use crate::{\n    model::Id,\n    store::Store,\n};",
            "src/db/pins.rs:3: ",
        );
        refused(
            "src/db/pins.rs",
            "fn f(store: &crate::store::Store) {}",
            "src/db/pins.rs:1: ",
        );
        refused(
            "src/store/save.rs",
            "use crate::mime::parse_message;",
            "src/store/save.rs:1: ",
        );
        refused(
            "src/error.rs",
            "fn f() { crate::store::now() }",
            "src/error.rs:1: ",
        );
        refused(
            "src/conflict/merge.rs",
            "use crate::store::Message;",
            "src/conflict/merge.rs:1: ",
        );
    }

    #[test]
    fn conflict_and_db_do_not_know_each_other() {
        refused(
            "src/conflict/report.rs",
            "use crate::db::versions;",
            "src/conflict/report.rs:1: ",
        );
        refused(
            "src/db/versions.rs",
            "use crate::conflict::Report;",
            "src/db/versions.rs:1: ",
        );
    }

    #[test]
    fn climbing_out_of_a_floor_is_found() {
        refused(
            "src/db/turn.rs",
            "use super::super::store::Store;",
            "src/db/turn.rs:1: ",
        );
        refused(
            "src/db/mod.rs",
            "use super::store::Store;",
            "src/db/mod.rs:1: ",
        );
        refused(
            "src/model/document/read.rs",
            "fn f() { super::super::super::db::x() }",
            "src/model/document/read.rs:1: ",
        );
        refused(
            "src/db/turn.rs",
            "mod tests {\n    use super::super::super::mime;\n}",
            "src/db/turn.rs:2: ",
        );
    }

    #[test]
    fn names_that_hide_their_floor_are_found() {
        refused(
            "src/db/turn.rs",
            "use crate::Store;",
            "src/db/turn.rs:1: `Store` is named through",
        );
        refused("src/db/turn.rs", "use crate::*;", "src/db/turn.rs:1: ");
        refused(
            "src/db/turn.rs",
            "use super::super::Store;",
            "src/db/turn.rs:1: ",
        );
    }

    #[test]
    fn a_new_floor_must_be_given_its_place() {
        refused(
            "src/tables/sort.rs",
            "",
            "src/tables/sort.rs:1: `tables` is no floor",
        );
    }

    #[test]
    fn what_points_down_is_allowed() {
        let below = [
            (
                "src/db/versioned.rs",
                "use crate::db::streams; use crate::model::Content; use super::turn;",
            ),
            (
                "src/db/turn.rs",
                "mod tests { use super::super::lock_file::LockFile; }",
            ),
            (
                "src/db/lock_file.rs",
                "impl X { pub(in super::super) fn f() {} pub(crate) fn g() {} }",
            ),
            (
                "src/model/id.rs",
                "use crate::{Error, Result}; use crate::error::ObjectKind;",
            ),
            (
                "src/store/save.rs",
                "use crate::db::versioned; use crate::conflict::Report;",
            ),
            (
                "src/mime/import.rs",
                "use crate::store::Folder; use crate::error::Result;",
            ),
            ("src/error.rs", "use crate::model::EntryId;"),
            (
                "src/lib.rs",
                "mod db; mod store; pub use store::*; pub use crate::db::inspect::Cell;",
            ),
            (
                "src/bin/mapistore/main.rs",
                "use crate::commands; use mapistore::Store;",
            ),
        ];
        for (path, text) in below {
            assert!(
                found(path, text).is_empty(),
                "{path}: {:?}",
                found(path, text)
            );
        }
    }
}
