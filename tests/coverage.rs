//! docs/mapi-coverage.md, held against the requirement ids that it answers and against the tests that it names.

#![expect(clippy::unwrap_used, reason = "a test's panic is its report")]

#[path = "coverage/named_tests.rs"]
mod named_tests;
#[path = "coverage/page.rs"]
mod page;
#[path = "it/support/shared.rs"]
mod shared;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::Path;

use named_tests::NamedTest;
use page::{Page, Row, Status};

const PAGE: &str = "docs/mapi-coverage.md";
/// Where this is set, the page is written anew as far as it follows from the rows and the tests.
const REFRESH: &str = "MAPISTORE_REFRESH";
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
    Page::parse(&read(PAGE))
}

#[track_caller]
fn none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "{PAGE}:\n{}", complaints.join("\n"));
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
fn counts_and_tests_are_as_the_rows_and_the_tests_comments_say() {
    let written = read(PAGE);
    let tests = named_tests::all(checkout());
    let page = page::refreshed(&written, &tests);
    if env::var_os(REFRESH).is_some() {
        fs::write(checkout().join(PAGE), page).unwrap();
        return;
    }
    let differs = written
        .lines()
        .zip(page.lines())
        .filter(|(old, new)| old != new);
    let lines: Vec<&str> = differs.map(|(_, new)| new).collect();
    assert!(
        lines.is_empty(),
        "{PAGE} should say this; {REFRESH}=1 cargo test --test coverage writes it:\n{}",
        lines.join("\n")
    );
}

#[test]
fn every_row_is_shown_by_a_test() {
    let page = the_page();
    let without = page.rows.iter().filter(|row| row.tests == [page::NO_TEST]);
    none(without.map(|row| row.id.clone()).collect());
}

#[test]
fn tests_name_no_rule_that_is_not_on_the_page() {
    let page = the_page();
    let known: BTreeSet<String> = page.rows.iter().flat_map(Row::ids).collect();
    let unknown = |(name, test): (&String, &NamedTest)| {
        let ids: Vec<&String> = test.ids.difference(&known).collect();
        (!ids.is_empty()).then(|| format!("{}: {name} names {ids:?}", test.file))
    };
    none(
        named_tests::all(checkout())
            .iter()
            .filter_map(unknown)
            .collect(),
    );
}
