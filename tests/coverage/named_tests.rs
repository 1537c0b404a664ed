//! Tests, and the rules that their comments name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A test, or a scene of which `two_clients!` makes three.
#[derive(Debug, Default)]
pub(crate) struct NamedTest {
    pub(crate) file: String,
    /// The rules that its comments name.
    pub(crate) ids: BTreeSet<String>,
}

/// Whether a word is the id of a rule.
pub(crate) fn is_rule_id(word: &str) -> bool {
    let numbered = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((source, rest)) = word.split_once('-') else {
        return false;
    };
    match source {
        "OXCMSG" if rest.starts_with("TS-S") => true,
        "OXCMSG" | "OXCPRPT" | "OXCDATA" => rest.strip_prefix('R').is_some_and(numbered),
        "MAPI" => rest
            .rsplit_once('-')
            .is_some_and(|(_, number)| numbered(number)),
        _ => false,
    }
}

/// The ids that are written together as one: `OXCMSG-R1/R2` is two.
pub(crate) fn rule_ids(written: &str) -> Vec<String> {
    let source = written.split('-').next().unwrap_or_default();
    let mut parts = written.split('/');
    let first = parts.next().unwrap_or_default().to_owned();
    let more = parts.map(|part| {
        if part.contains('-') {
            part.to_owned()
        } else {
            format!("{source}-{part}")
        }
    });
    [first].into_iter().chain(more).collect()
}

/// The tests below `tests` and `src`, by name, but for those of the page itself, which plant ids.
pub(crate) fn all(checkout: &Path) -> BTreeMap<String, NamedTest> {
    let mut found = BTreeMap::new();
    for folder in ["tests", "src"] {
        in_folder(checkout, &checkout.join(folder), &mut found);
    }
    found
}

fn in_folder(checkout: &Path, folder: &Path, found: &mut BTreeMap<String, NamedTest>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("coverage") {
            in_folder(checkout, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let file = path.strip_prefix(checkout).unwrap().display().to_string();
            in_text(&file, &fs::read_to_string(&path).unwrap(), found);
        }
    }
}

/// A test is a function under `#[test]`, or one that takes a scene. Its comments are those inside it.
fn in_text(file: &str, text: &str, found: &mut BTreeMap<String, NamedTest>) {
    let mut is_marked = false;
    let mut current: Option<String> = None;
    for line in text.lines() {
        let code = line.trim_start();
        if let Some(comment) = code.strip_prefix("//") {
            if let Some(test) = current.as_ref().and_then(|name| found.get_mut(name)) {
                let words = comment.split([' ', ',', ';', '(', ')', ':']);
                let words = words.map(|word| word.trim_end_matches('.'));
                let ids = words.flat_map(rule_ids).filter(|id| is_rule_id(id));
                test.ids.extend(ids);
            }
        } else if code.starts_with("#[") {
            is_marked |= code == "#[test]";
        } else if let Some(name) = function_name(code) {
            let is_test = is_marked || code.contains("(scene: &Scene)");
            is_marked = false;
            current = is_test.then(|| name.to_owned());
            if is_test {
                let test: &mut NamedTest = found.entry(name.to_owned()).or_default();
                test.file = file.to_owned();
            }
        }
    }
}

fn function_name(code: &str) -> Option<&str> {
    let code = code.strip_prefix("pub(crate) ").unwrap_or(code);
    code.strip_prefix("fn ")?.split(['(', '<']).next()
}

#[test]
fn tests_and_the_rules_they_name_are_found() {
    let text = "/// OXCMSG-R9\nfn helper() {}\n\n#[test]\nfn one_thing_is_so() {\n    \
        // S2, OXCMSG-R1/R2, MAPI-OpenEntry-2.\n    let x = 1; // OXCMSG-R7\n}\n\nfn other_thing_is_so(scene: &Scene) {\n    \
        // OXCPRPT-R5\n}\n\nfn no_test() {\n    // OXCMSG-R8\n}\n";
    let mut found = BTreeMap::new();
    in_text("here.rs", text, &mut found);
    let names: Vec<&String> = found.keys().collect();
    assert_eq!(names, ["one_thing_is_so", "other_thing_is_so"]);
    let ids: Vec<&String> = found["one_thing_is_so"].ids.iter().collect();
    assert_eq!(ids, ["MAPI-OpenEntry-2", "OXCMSG-R1", "OXCMSG-R2"]);
    assert_eq!(found["other_thing_is_so"].ids.len(), 1);
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
