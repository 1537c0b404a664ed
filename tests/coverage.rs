//! docs/mapi-coverage.md, held against the requirement ids that it answers and against the tests that it names.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's panic is its report"
)]

#[path = "coverage/named_tests.rs"]
mod named_tests;
#[path = "coverage/page.rs"]
mod page;
#[path = "it/support/shared.rs"]
mod shared;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use named_tests::{NamedTest, is_rule_id, rule_ids};
use page::{Page, Row, Status};

/// How many rules there are.
const RULES: usize = 188;
/// How many of them may have nothing to do with this store.
const MOST_NOT_APPLICABLE: usize = 12;
/// How many of a hundred that do must be kept.
const LEAST_KEPT_PERCENT: usize = 95;

fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(checkout().join(path)).unwrap()
}

fn the_page() -> Page {
    Page::parse(&read("docs/mapi-coverage.md"))
}

#[track_caller]
fn none(complaints: Vec<String>) {
    assert!(
        complaints.is_empty(),
        "docs/mapi-coverage.md:\n{}",
        complaints.join("\n")
    );
}

#[test]
fn every_rule_has_one_row_of_one_status() {
    let page = the_page();
    none(page.malformed.clone());
    none(page::repeated(&page.rows));
    assert_eq!(page.rows.len(), RULES);
}

#[test]
fn rows_are_those_of_the_shared_table_area_by_area() {
    let Some(shared) = shared::shared_folder() else {
        return;
    };
    let table = fs::read_to_string(shared.join("conformance/message.tsv")).unwrap();
    let mut wanted = BTreeMap::new();
    for line in table.lines().skip(1) {
        let mut columns = line.split('\t');
        let (id, area) = (columns.next().unwrap(), columns.nth(1).unwrap());
        wanted.insert(id.to_owned(), area.to_owned());
    }
    let page = the_page();
    let rows = page.rows.iter();
    let found: BTreeMap<String, String> =
        rows.map(|row| (row.id.clone(), row.area.clone())).collect();
    let differing = |of: &BTreeMap<String, String>, other: &BTreeMap<String, String>| {
        of.iter()
            .filter(|(id, area)| other.get(*id) != Some(*area))
            .map(|(id, area)| format!("{id} in {area}"))
            .collect::<Vec<String>>()
    };
    assert_eq!(differing(&wanted, &found), [""; 0], "missing on the page");
    assert_eq!(differing(&found, &wanted), [""; 0], "only on the page");
}

#[test]
fn counts_of_the_introduction_are_true() {
    let page = the_page();
    assert_eq!(page.counts.len(), Status::ALL.len(), "{:?}", page.counts);
    for status in Status::ALL {
        assert_eq!(
            page.counts.get(status.name()),
            Some(&page.count(status)),
            "{}",
            status.name()
        );
    }
}

#[test]
fn nearly_all_that_applies_is_kept() {
    let page = the_page();
    let not_applicable = page.count(Status::NotApplicable);
    assert!(not_applicable <= MOST_NOT_APPLICABLE, "{not_applicable}");
    let applicable = page.rows.len() - not_applicable;
    let kept = page.rows.iter().filter(|row| row.status.is_kept()).count();
    assert!(
        kept * 100 >= applicable * LEAST_KEPT_PERCENT,
        "{kept} of {applicable}"
    );
}

#[test]
fn choices_against_a_rule_say_where_they_were_made() {
    let places = page::Places::of(&read("docs/contract.md"), &read("docs/design.md"));
    let page = the_page();
    let rows = page.rows.iter();
    none(rows.filter_map(|row| places.complaint(row)).collect());
}

#[test]
fn tests_that_are_named_exist_and_name_the_rule() {
    let tests = named_tests::all(checkout());
    let page = the_page();
    let rows = page.rows.iter();
    none(rows.flat_map(|row| complaints(row, &tests)).collect());
}

/// What is wrong with the tests of a row.
fn complaints(row: &Row, tests: &BTreeMap<String, NamedTest>) -> Vec<String> {
    let mut found = Vec::new();
    if row.tests == ["TODO"] {
        return found;
    }
    if row.tests.is_empty() {
        found.push(format!("{}: no test", row.id));
    }
    for name in &row.tests {
        match tests.get(name) {
            None => found.push(format!("{}: there is no test {name}", row.id)),
            Some(test) if row.ids().iter().all(|id| !test.ids.contains(id)) => found.push(format!(
                "{}: {} has the test {name}, which names none of {:?}",
                row.id,
                test.file,
                row.ids()
            )),
            Some(_) => {}
        }
    }
    found
}

#[test]
fn rules_that_tests_name_are_on_the_page_with_these_tests() {
    let page = the_page();
    let mut rows: BTreeMap<String, &Row> = BTreeMap::new();
    for row in &page.rows {
        rows.extend(row.ids().into_iter().map(|id| (id, row)));
    }
    let mut found = BTreeSet::new();
    for (name, test) in named_tests::all(checkout()) {
        for id in &test.ids {
            match rows.get(id) {
                None => found.insert(format!("{}: {name} names {id}, no such rule", test.file)),
                Some(row) if row.tests == ["TODO"] => continue,
                Some(row) if !row.tests.contains(&name) => {
                    found.insert(format!("{}: the row does not name {name}", row.id))
                }
                Some(_) => continue,
            };
        }
    }
    none(found.into_iter().collect());
}

#[test]
fn a_rule_id_is_told_from_other_words() {
    assert!(["OXCMSG-R389", "MAPI-OpenEntry-2", "OXCMSG-TS-S01TC09a"].map(is_rule_id) == [true; 3]);
    assert!(
        ["MAPI-like", "S13", "OXCMSG-", "MS-OXCMSG", "OXCMSG-Rx"].map(is_rule_id) == [false; 5]
    );
    let ids = rule_ids("OXCPRPT-R846/R847");
    assert_eq!(ids, ["OXCPRPT-R846", "OXCPRPT-R847"]);
    assert_eq!(rule_ids("MAPI-Types-1"), ["MAPI-Types-1"]);
}
