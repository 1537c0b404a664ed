//! The views with the `sqlite3` program of the machine, which is mostly an older SQLite.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use crate::filled::{Filled, shown};
use crate::views::VIEWS;

/// What the program prints; nothing if there is no such program.
fn ask(path: &Path, query: &str) -> Option<String> {
    let output = match Command::new("sqlite3")
        .arg("-readonly")
        .arg(path)
        .arg(query)
        .output()
    {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            println!("skipped: no sqlite3 program");
            return None;
        }
        Err(error) => panic!("{error}"),
    };
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && complaint.is_empty(),
        "{query}: {complaint}"
    );
    Some(String::from_utf8(output.stdout).unwrap())
}

fn every_view_answers(path: &Path) {
    for (view, _) in VIEWS {
        let Some(answer) = ask(path, &format!("select * from {view} limit 5")) else {
            return;
        };
        assert!(answer.contains('|'), "{view} shows nothing: {answer}");
    }
}

#[test]
fn the_views_work_in_the_sqlite3_program() {
    let filled = Filled::new();
    every_view_answers(&filled.path);
    let Filled {
        path,
        store,
        forced,
        _folder,
        ..
    } = filled;
    let query = format!(
        "select subject from inspect_messages where entry_id = '{}'; \
         select subject from inspect_versions",
        shown(&forced)
    );
    if let Some(answer) = ask(&path, &query) {
        assert_eq!(answer, "of the slower\nof the faster\n");
    }
    // The last one that has the store open takes the -wal file away.
    drop(store);
    every_view_answers(&path);
}
