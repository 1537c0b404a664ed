//! Only SaveChanges calls the deciding statement and the first insert.

use crate::source::{Source, Violation};

pub(crate) const CALLER: &str = "src/store/save.rs";
pub(crate) const DECIDERS: &[&str] = &["save", "insert_first"];
const MODULE: &str = "versioned";
const HOME: &str = "src/db/versioned.rs";

/// Whether a file names a function of the module by its path.
pub(crate) fn names(source: &Source, function: &str) -> bool {
    source.paths.iter().any(|path| {
        path.segments
            .ends_with(&[MODULE.to_owned(), function.to_owned()])
    })
}

pub(crate) fn check(source: &Source) -> Vec<Violation> {
    if source.path == HOME {
        return Vec::new();
    }
    let mut found = Vec::new();
    for path in &source.paths {
        let Some(at) = path.segments.iter().position(|segment| segment == MODULE) else {
            continue;
        };
        match path.segments.get(at + 1).map(String::as_str) {
            Some(function) if DECIDERS.contains(&function) && source.path != CALLER => {
                found.push(source.violation(
                    path.line,
                    format!(
                        "versioned::{function} is named outside {CALLER}, which alone knows what the flags and \
                         a refusal mean; call what stands there"
                    ),
                ));
            }
            Some("*") => found.push(source.violation(
                path.line,
                "everything of db::versioned is imported, so that its callers cannot be told; name what is needed",
            )),
            None if path.alias.is_some() => found.push(source.violation(
                path.line,
                "db::versioned gets another name, so that its callers cannot be found by its own; leave it as it is",
            )),
            _ => {}
        }
    }
    found
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

    #[test]
    fn another_caller_is_found() {
        for text in [
            "use crate::db::versioned; fn f() { versioned::save(tx, &save); }",
            "use crate::db::versioned::{self, Guard, save}; fn f() { save(tx); }",
            "fn f() { crate::db::versioned::insert_first(tx); }",
            "use crate::db::versioned::*;",
            "use crate::db::{streams, versioned as v}; fn f() { v::save(tx); }",
            "use crate::db::versioned::save as write;",
        ] {
            for path in [
                "src/store/bulk.rs",
                "src/mime/import.rs",
                "src/db/messages.rs",
            ] {
                let found = found(path, text);
                assert_eq!(found.len(), 1, "{text}: {found:?}");
                assert!(
                    found
                        .iter()
                        .all(|found| found.starts_with(&format!("{path}:1: "))),
                    "{found:?}"
                );
            }
        }
    }

    #[test]
    fn save_changes_and_other_functions_are_left_alone() {
        let text = "use crate::db::versioned::{self, Guard}; fn f() { versioned::save(t); versioned::insert_first(t); }";
        assert!(found(CALLER, text).is_empty());
        let text = "use crate::db::versioned::{self, Deleted}; fn f() { versioned::delete(tx); streams::save(tx); }";
        assert!(found("src/store/bulk.rs", text).is_empty());
    }
}
