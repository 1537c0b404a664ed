//! The version and the documents of a stored message are set by one statement, in `src/db/versioned.rs` (P2).

use crate::source::{Source, Text, Violation};
use crate::sql::{
    Name, Statement, Verb, advances, inserted_into, may_replace, statements, updated,
};

const HOME: &str = "src/db/versioned.rs";
/// The classic mistakes, planted on purpose for the test that finds them; `planted` below keeps them out of every
/// ordinary build.
const PLANTED: &str = "src/db/planted_faults.rs";
const PLANTED_FEATURE: &str = "planted-faults";
/// Fills a new file with the sound rows of a damaged store, versions and all, before it is anybody's store.
const RECOVERY: &str = "src/db/salvage/target.rs";
/// What only a save sets. The generated columns follow from it.
const DECIDED: &[&str] = &["row_version", "properties", "recipients", "attachments"];

pub(crate) fn check(source: &Source) -> Vec<Violation> {
    if source.path == PLANTED {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut seen = (0, 0);
    for text in &source.texts {
        let statements = statements(&text.value);
        for statement in &statements {
            found.extend(cannot_be_seen(statement).map(|why| source.violation(text.line, why)));
            if is_insert(statement) && may_replace(statement) {
                let instead = "an INSERT into messages that may replace a row goes past its version; insert \
                    plainly, and let it fail";
                found.push(source.violation(text.line, instead));
            }
        }
        seen.0 += deciding(text, &statements);
        seen.1 += inserting(&statements);
        let allowed = usize::from(source.path == HOME);
        let may_insert = usize::from([HOME, RECOVERY].contains(&source.path.as_str()));
        if deciding(text, &statements) > 0 && seen.0 > allowed {
            let instead = format!(
                "a statement that sets the version or a document of a message stands beside the one in {HOME}: \
                 a lost update is silent; call versioned::save from src/store/save.rs"
            );
            found.push(source.violation(text.line, instead));
        }
        if inserting(&statements) > 0 && seen.1 > may_insert {
            let instead = format!(
                "an INSERT into messages stands beside the one in {HOME}, which also writes the journal; call \
                 versioned::insert_first from src/store/save.rs"
            );
            found.push(source.violation(text.line, instead));
        }
    }
    found
}

/// The deciding statements of a file.
pub(crate) fn updates(source: &Source) -> usize {
    let count = |text: &Text| deciding(text, &statements(&text.value));
    if source.path == PLANTED {
        0
    } else {
        source.texts.iter().map(count).sum()
    }
}

/// The statements of a file that make messages.
pub(crate) fn inserts(source: &Source) -> usize {
    let count = |text: &Text| inserting(&statements(&text.value));
    if source.path == PLANTED {
        0
    } else {
        source.texts.iter().map(count).sum()
    }
}

/// What would let the planted mistakes into an ordinary build: a module without its feature, or a feature that
/// brings them along.
pub(crate) fn planted(parent_module: &str, manifest: &str) -> Vec<String> {
    let mut found = Vec::new();
    let gate = format!("#[cfg(feature = \"{PLANTED_FEATURE}\")]");
    let mut before = "";
    for line in parent_module.lines().map(str::trim) {
        if line.ends_with("mod planted_faults;") && before != gate {
            found.push(format!(
                "src/db/mod.rs: `{line}` stands without {gate} right above it"
            ));
        }
        before = line;
    }
    // A test may require the feature; no other feature may bring it.
    let features = manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[features]")
        .skip(1);
    let features = features.take_while(|line| !line.starts_with('['));
    for line in features.filter(|line| !line.starts_with('#')) {
        if line.contains(PLANTED_FEATURE) && line != format!("{PLANTED_FEATURE} = []") {
            found.push(format!(
                "Cargo.toml: `{line}` brings the planted mistakes along; take them out"
            ));
        }
    }
    found
}

fn deciding(text: &Text, statements: &[Statement]) -> usize {
    let sets = statements
        .iter()
        .filter(|statement| sets_what_a_save_decides(statement))
        .count();
    sets.max(advances(&text.value))
}

fn inserting(statements: &[Statement]) -> usize {
    statements
        .iter()
        .filter(|statement| is_insert(statement))
        .count()
}

fn is_messages(name: &Name) -> bool {
    matches!(name, Name::Written(name) if name.eq_ignore_ascii_case("messages"))
}

fn is_insert(statement: &Statement) -> bool {
    statement.verb == Verb::Insert
        && inserted_into(statement).is_some_and(|name| is_messages(&name))
}

fn sets_what_a_save_decides(statement: &Statement) -> bool {
    let Some((table, columns)) = update(statement) else {
        return false;
    };
    let decided = |name: &Name| match name {
        Name::Written(name) => DECIDED
            .iter()
            .any(|decided| decided.eq_ignore_ascii_case(name)),
        Name::PutIn => false,
    };
    is_messages(&table) && columns.iter().any(decided)
}

fn update(statement: &Statement) -> Option<(Name, Vec<Name>)> {
    updated(statement).filter(|_| statement.verb == Verb::Update)
}

/// A name that is put in when the program runs could be any.
fn cannot_be_seen(statement: &Statement) -> Option<&'static str> {
    let (table, columns) = match statement.verb {
        Verb::Update => update(statement)?,
        Verb::Insert => (inserted_into(statement)?, Vec::new()),
        _ => return None,
    };
    if table == Name::PutIn {
        return Some(
            "the table of a writing statement is put in at run time; write one statement for each table",
        );
    }
    (is_messages(&table) && columns.contains(&Name::PutIn)).then_some(
        "a column that an UPDATE of messages sets is put in at run time; write the statement out",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPDATE: &str =
        "UPDATE messages SET row_version = row_version + 1, properties = ? WHERE message_id = ?";

    fn found(path: &str, texts: &[&str]) -> Vec<String> {
        let constants: Vec<String> = texts
            .iter()
            .enumerate()
            .map(|(n, text)| format!("const S{n}: &str = {text:?};"))
            .collect();
        let source = Source::read(path, &constants.join("\n"));
        check(&source).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_statement_is_at_home_once() {
        assert!(found(HOME, &[UPDATE]).is_empty());
        let twice = found(HOME, &[UPDATE, UPDATE]);
        assert_eq!(twice.len(), 1, "{twice:?}");
        assert!(
            twice
                .iter()
                .all(|found| found.starts_with("src/db/versioned.rs:2: ")),
            "{twice:?}"
        );
    }

    #[test]
    fn a_second_one_elsewhere_is_found() {
        for text in [
            UPDATE,
            "UPDATE messages SET recipients = ? WHERE message_id = ?",
            "UPDATE messages SET size = 1, attachments = ? WHERE message_id = ?",
            "update main.Messages as m set (size, properties) = (1, ?)",
            "UPDATE OR REPLACE \"messages\" SET row_version = ?",
            " SET row_version = row_version + 1 ",
            "BEGIN; UPDATE messages SET properties = '{}'; COMMIT",
        ] {
            let found = found("src/db/messages.rs", &[text]);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(
                found
                    .iter()
                    .all(|found| found.starts_with("src/db/messages.rs:1: ")),
                "{found:?}"
            );
        }
    }

    #[test]
    fn a_statement_in_pieces_is_found() {
        let text = "macro_rules! m { ($set:literal) => { concat!(\"UPDATE messages SET size = 1, \", \n\
            \"properties = ? WHERE \", $set) } }";
        let source = Source::read("src/db/messages.rs", text);
        assert_eq!((check(&source).len(), updates(&source)), (1, 1));
    }

    #[test]
    fn names_that_are_put_in_are_found() {
        for text in [
            "UPDATE {table} SET size = 1",
            "UPDATE messages SET {column} = 1",
            "INSERT INTO {table} VALUES (1)",
        ] {
            assert_eq!(found("src/db/messages.rs", &[text]).len(), 1, "{text}");
        }
    }

    #[test]
    fn making_and_replacing_messages_elsewhere_is_found() {
        let insert = "INSERT INTO messages (entry_uid) VALUES (?)";
        assert!(found(HOME, &[insert]).is_empty());
        assert_eq!(found(HOME, &[insert, insert]).len(), 1);
        assert_eq!(found("src/db/messages.rs", &[insert]).len(), 1);
        for text in [
            "REPLACE INTO messages (entry_uid) VALUES (?)",
            "INSERT OR REPLACE INTO messages (entry_uid) VALUES (?)",
            "INSERT INTO messages (entry_uid) VALUES (?) ON CONFLICT DO UPDATE SET size = 1",
        ] {
            assert_eq!(
                found(HOME, &[text]).len(),
                1,
                "{text}: {:?}",
                found(HOME, &[text])
            );
        }
    }

    #[test]
    fn planted_mistakes_that_get_into_a_build_are_found() {
        let module = "#[cfg(feature = \"planted-faults\")]\npub(crate) mod planted_faults;\n";
        let manifest = "[features]\ndefault = [\"cli\"]\n# As planted-faults says.\nplanted-faults = []\n\n\
            [[test]]\nrequired-features = [\"planted-faults\"]\n";
        assert!(planted(module, manifest).is_empty());
        assert_eq!(
            planted("mod x;\npub(crate) mod planted_faults;\n", manifest).len(),
            1
        );
        assert_eq!(
            planted(
                module,
                "[features]\ndefault = [\"cli\", \"planted-faults\"]"
            )
            .len(),
            1
        );
    }

    #[test]
    fn other_writing_is_left_alone() {
        let others = [
            "UPDATE messages SET folder_id = ?, change_number = ? WHERE entry_uid = ? AND row_version = 2",
            "UPDATE folders SET properties = ? WHERE folder_id = ?",
            "INSERT OR IGNORE INTO stream_references (message_id, row_version) VALUES (?, 0)",
            "INSERT INTO message_versions (row_version, properties) SELECT row_version, properties FROM messages",
            "DELETE FROM messages WHERE entry_uid = ? RETURNING row_version",
        ];
        assert!(found("src/db/messages.rs", &others).is_empty());
    }
}
