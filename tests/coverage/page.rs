//! The page as data.

use std::collections::{BTreeMap, BTreeSet};

use crate::named_tests::{NamedTest, rule_ids};

/// Stands where a rule has no test yet.
pub(crate) const NO_TEST: &str = "TODO";

/// What this store makes of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Kept,
    KeptAsMapi,
    KeptAsOxcmsg,
    ChosenOtherwise,
    NotApplicable,
}

impl Status {
    pub(crate) const ALL: [Status; 5] = [
        Status::Kept,
        Status::KeptAsMapi,
        Status::KeptAsOxcmsg,
        Status::ChosenOtherwise,
        Status::NotApplicable,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Status::Kept => "kept",
            Status::KeptAsMapi => "kept, follows MAPI",
            Status::KeptAsOxcmsg => "kept, follows OXCMSG",
            Status::ChosenOtherwise => "chosen otherwise",
            Status::NotApplicable => "not applicable",
        }
    }

    fn named(cell: &str) -> Option<Status> {
        Status::ALL
            .into_iter()
            .find(|known| known.name() == plain(cell))
    }

    pub(crate) fn is_kept(self) -> bool {
        matches!(
            self,
            Status::Kept | Status::KeptAsMapi | Status::KeptAsOxcmsg
        )
    }
}

/// A row of one of the tables.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) area: String,
    pub(crate) status: Status,
    pub(crate) here: String,
    pub(crate) tests: Vec<String>,
}

impl Row {
    /// The ids that the row stands for.
    pub(crate) fn ids(&self) -> Vec<String> {
        rule_ids(&self.id)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) rows: Vec<Row>,
    /// Lines of tables that are no rows.
    pub(crate) malformed: Vec<String>,
}

impl Page {
    /// Reads the page: a table of counts, then under a heading `## Title (area)` for each area a table of
    /// id, rule, status, what is done here, and tests.
    pub(crate) fn parse(text: &str) -> Page {
        let mut page = Page::default();
        let mut area = None;
        for line in text.lines() {
            if let Some(title) = line.strip_prefix("## ") {
                area = title
                    .strip_suffix(')')
                    .and_then(|title| title.rsplit_once('('))
                    .map(|(_, area)| area.to_owned());
            }
            let Some(cells) = cells(line) else { continue };
            let is_head = cells
                .iter()
                .all(|cell| cell.trim_matches(['-', ':']).is_empty())
                || matches!(cells.first(), Some(&"id" | &"status"));
            match (&area, &cells[..]) {
                _ if is_head => {}
                (None, [name, ..]) if Status::named(name).is_some() => {}
                (Some(area), [id, _, status, here, tests]) => match Status::named(status) {
                    Some(status) => page.rows.push(Row {
                        id: plain(id),
                        area: area.clone(),
                        status,
                        here: (*here).to_owned(),
                        tests: tests
                            .split(' ')
                            .map(plain)
                            .filter(|name| !name.is_empty())
                            .collect(),
                    }),
                    None => page.malformed.push(line.to_owned()),
                },
                _ => page.malformed.push(line.to_owned()),
            }
        }
        page
    }

    pub(crate) fn count(&self, status: Status) -> usize {
        self.rows.iter().filter(|row| row.status == status).count()
    }
}

/// The page with its counts as the rows say, and with the tests of each row as the tests' comments say.
pub(crate) fn refreshed(text: &str, tests: &BTreeMap<String, NamedTest>) -> String {
    let page = Page::parse(text);
    let mut refreshed = String::new();
    for line in text.lines() {
        let cells = cells(line).unwrap_or_default();
        match cells[..] {
            [name, _, meaning] if let Some(status) = Status::named(name) => {
                refreshed += &format!("| {name} | {} | {meaning} |", page.count(status));
            }
            [id, rule, status, here, _] if Status::named(status).is_some() => {
                let ids = rule_ids(&plain(id));
                let names_one = |test: &NamedTest| ids.iter().any(|id| test.ids.contains(id));
                let named = tests.iter().filter(|(_, test)| names_one(test));
                let names: Vec<String> = named.map(|(name, _)| format!("`{name}`")).collect();
                let names = if names.is_empty() {
                    NO_TEST.to_owned()
                } else {
                    names.join(", ")
                };
                refreshed += &format!("| {id} | {rule} | {status} | {here} | {names} |");
            }
            _ => refreshed += line,
        }
        refreshed.push('\n');
    }
    refreshed
}

/// The cells of a line of a table.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}

/// Without marks of form.
fn plain(text: &str) -> String {
    text.trim_matches(['`', '*', ',', ' ']).to_owned()
}

/// Ids that stand in more than one row.
pub(crate) fn repeated(rows: &[Row]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let ids = rows.iter().flat_map(Row::ids);
    ids.filter(|id| !seen.insert(id.clone())).collect()
}

/// Where a choice may be explained.
#[derive(Debug)]
pub(crate) struct Places {
    rules: BTreeSet<String>,
    sections: Vec<String>,
}

impl Places {
    pub(crate) fn of(contract: &str, design: &str) -> Places {
        let rules = contract
            .lines()
            .filter_map(|line| line.strip_prefix("- **")?.split_once("**"))
            .map(|(id, _)| id.to_owned());
        let sections = design.lines().filter_map(|line| line.strip_prefix("## "));
        Places {
            rules: rules.collect(),
            sections: sections.map(str::to_owned).collect(),
        }
    }

    /// What is wrong with a row that was chosen otherwise: neither a rule of the contract nor a section of the design.
    pub(crate) fn complaint(&self, row: &Row) -> Option<String> {
        if row.status != Status::ChosenOtherwise {
            return None;
        }
        let mut words = row.here.split(|letter: char| !letter.is_alphanumeric());
        let says_where = words.any(|word| self.rules.contains(word))
            || self
                .sections
                .iter()
                .any(|section| row.here.contains(&format!("design.md, {section}")));
        (!says_where).then(|| format!("{}: chosen otherwise, and nothing says where", row.id))
    }
}

#[test]
fn a_page_is_read_and_what_is_wrong_with_it_is_found() {
    let text = "# Title\n\n| status | rows | means |\n| --- | ---: | --- |\n| *kept* | 2 | so |\n\n\
        ## Opening (open)\n\n| id | rule | status | here | tests |\n| --- | --- | --- | --- | --- |\n\
        | `MAPI-A-1` | one | *kept* | so | `first_test`, `second_test` |\n\
        | `OXCMSG-R1/R2` | two | *chosen otherwise* | O6: so | `first_test` |\n\
        | `OXCMSG-R2` | again | *chosen otherwise* | design.md, Streams | |\n\
        | `OXCMSG-R3` | three | *forgotten* | so | |\n| `OXCMSG-R4` | four |\n";
    let page = Page::parse(text);
    let ids: Vec<&str> = page.rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids, ["MAPI-A-1", "OXCMSG-R1/R2", "OXCMSG-R2"]);
    assert_eq!(page.malformed.len(), 2, "{:?}", page.malformed);
    assert_eq!(page.rows[0].tests, ["first_test", "second_test"]);
    assert_eq!(repeated(&page.rows), ["OXCMSG-R2"]);
    assert_eq!(page.count(Status::Kept), 1);
    let complaints = |contract, design| {
        let places = Places::of(contract, design);
        let rows = page.rows.iter();
        rows.filter_map(|row| places.complaint(row)).count()
    };
    assert_eq!(complaints("- **O6** Reloading", "## Streams\n"), 0);
    assert_eq!(complaints("- **O6** Reloading", "## Mail\n"), 1);
    assert_eq!(complaints("- **S1** First", "## Mail\n"), 2);

    let named = |ids: [&str; 1]| NamedTest {
        file: String::new(),
        ids: ids.map(str::to_owned).into(),
    };
    let tests = BTreeMap::from([
        ("third_test".to_owned(), named(["OXCMSG-R2"])),
        ("other_test".to_owned(), named(["OXCMSG-R9"])),
    ]);
    let fresh = refreshed(text, &tests);
    let lines: Vec<&str> = fresh.lines().collect();
    assert!(lines.contains(&"| *kept* | 1 | so |"), "{fresh}");
    assert!(
        lines.contains(&"| `MAPI-A-1` | one | *kept* | so | TODO |"),
        "{fresh}"
    );
    let third = "| `OXCMSG-R1/R2` | two | *chosen otherwise* | O6: so | `third_test` |";
    assert!(lines.contains(&third), "{fresh}");
    assert!(lines.contains(&"| `OXCMSG-R4` | four |"), "{fresh}");
}
