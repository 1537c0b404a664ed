//! The rules of the house, held against the sources: who may name whom, where SQL stands, who decides a save.
//!
//! Each rule is a function over one file, with tests beside it that plant what it must find; here all of them are
//! applied to the real sources. What breaks a rule is reported with its place, and with what to do instead.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's panic is its report"
)]

#[path = "architecture/calls.rs"]
mod calls;
#[path = "architecture/database.rs"]
mod database;
#[path = "architecture/deciding.rs"]
mod deciding;
#[path = "architecture/floors.rs"]
mod floors;
#[path = "architecture/plain.rs"]
mod plain;
#[path = "it/support/shared.rs"]
mod shared;
#[path = "architecture/source.rs"]
mod source;
#[path = "architecture/sql.rs"]
mod sql;

use std::fs;
use std::path::{Path, PathBuf};

use source::{Source, Violation};

fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// All Rust files below a folder of the checkout.
fn sources(folder: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    collect(&checkout().join(folder), &mut paths);
    paths.sort();
    let read = |path: &PathBuf| {
        let relative = path
            .strip_prefix(checkout())
            .unwrap()
            .to_string_lossy()
            .replace('\\', "/");
        Source::read(&relative, &fs::read_to_string(path).unwrap())
    };
    paths.iter().map(read).collect()
}

fn hold(rule: impl Fn(&Source) -> Vec<Violation>, sources: &[Source]) {
    let found: Vec<String> = sources
        .iter()
        .flat_map(rule)
        .map(|violation| violation.to_string())
        .collect();
    assert!(
        found.is_empty(),
        "{} against the house rules:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn all_sources_are_read() {
    let sources = sources("src");
    let paths: Vec<&str> = sources.iter().map(|source| source.path.as_str()).collect();
    for path in [
        "src/lib.rs",
        "src/model/mod.rs",
        "src/db/versioned.rs",
        "src/store/save.rs",
    ] {
        assert!(
            paths.contains(&path),
            "{path} is not among the {} sources",
            paths.len()
        );
    }
}

#[test]
fn imports_only_point_down() {
    hold(floors::check, &sources("src"));
}

#[test]
fn sqlite_and_its_language_stay_on_the_database_floor() {
    hold(database::check, &sources("src"));
}

#[test]
fn nothing_else_sets_what_a_save_decides() {
    hold(deciding::check, &sources("src"));
}

#[test]
fn the_deciding_statement_is_written_exactly_once() {
    // P2
    let all = sources("src");
    assert_eq!(
        all.iter().map(deciding::updates).sum::<usize>(),
        1,
        "deciding UPDATEs"
    );
    assert_eq!(
        all.iter().map(deciding::inserts).sum::<usize>(),
        2,
        "INSERTs into messages: that of a first save, and that of a recovery"
    );
}

#[test]
fn planted_mistakes_are_in_no_ordinary_build() {
    let read = |path: &str| fs::read_to_string(checkout().join(path)).unwrap();
    let found = deciding::planted(&read("src/db/mod.rs"), &read("Cargo.toml"));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn only_save_changes_calls_the_deciding_statement() {
    let all = sources("src");
    hold(calls::check, &all);
    let save = all
        .iter()
        .find(|source| source.path == calls::CALLER)
        .unwrap();
    for function in calls::DECIDERS {
        assert!(
            calls::names(save, function),
            "{} does not call versioned::{function}",
            save.path
        );
    }
}

#[test]
fn nothing_is_unsafe() {
    // SQLite takes a file system as a table of C functions, and only a test puts another one in its place.
    const FILE_SYSTEM: &str = "tests/torture/vfs.rs";
    for folder in ["src", "tests", "benches"] {
        let mut sources = sources(folder);
        sources.retain(|source| source.path != FILE_SYSTEM);
        hold(plain::no_unsafe, &sources);
    }
}

#[test]
fn files_are_short_enough_to_be_read() {
    hold(plain::short, &sources("src"));
}

#[test]
fn the_contract_is_carried_word_for_word() {
    let ours = fs::read_to_string(checkout().join("docs/contract.md")).unwrap();
    assert!(
        ours.starts_with("# The contract of `mapistore`\n"),
        "docs/contract.md is something else"
    );
    let Some(shared) = shared::shared_folder() else {
        return;
    };
    let theirs = fs::read_to_string(shared.join("design/contract.md")).unwrap();
    if let Some((line, (ours, theirs))) = ours
        .lines()
        .zip(theirs.lines())
        .enumerate()
        .find(|(_, (ours, theirs))| ours != theirs)
    {
        panic!(
            "docs/contract.md:{}: not as in the shared page; copy it again\n ours:   {ours}\n theirs: {theirs}",
            line + 1
        );
    }
    assert_eq!(
        ours.len(),
        theirs.len(),
        "docs/contract.md ends elsewhere than the shared page; copy it again"
    );
}
