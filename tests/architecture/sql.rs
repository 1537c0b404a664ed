//! As much of SQL as it takes to find statements in texts, and to see what they set.

/// A word or a sign. Quotes are left out: what they hold is looked at like the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    Word(String),
    Sign(char),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Select,
    Insert,
    Update,
    Delete,
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) verb: Verb,
    /// Its tokens, to the end of the text.
    pub(crate) tokens: Vec<Token>,
}

/// A name in a statement, if it is written there and not put in when the program runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    Written(String),
    PutIn,
}

impl Token {
    fn is(&self, word: &str) -> bool {
        matches!(self, Token::Word(written) if written.eq_ignore_ascii_case(word))
    }

    fn is_one_of(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }
}

pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut word = String::new();
    for character in text.chars().chain([' ']) {
        if character.is_alphanumeric() || character == '_' {
            word.push(character);
            continue;
        }
        if !word.is_empty() {
            tokens.push(Token::Word(std::mem::take(&mut word)));
        }
        if !character.is_whitespace() && !"\"'`[]".contains(character) {
            tokens.push(Token::Sign(character));
        }
    }
    tokens
}

/// The statements in a text. A verb counts where it is written in capitals or begins the text, and where what
/// follows is not prose.
pub(crate) fn statements(text: &str) -> Vec<Statement> {
    let tokens = tokens(text);
    let begins = |at: usize| {
        let rest = tokens.get(at..).unwrap_or_default();
        // INSERT OR REPLACE INTO is one statement.
        if at
            .checked_sub(1)
            .and_then(|before| tokens.get(before))
            .is_some_and(|token| token.is("OR"))
        {
            return None;
        }
        verb(rest, at == 0).map(|verb| Statement {
            verb,
            tokens: rest.to_vec(),
        })
    };
    (0..tokens.len()).filter_map(begins).collect()
}

fn verb(tokens: &[Token], begins_the_text: bool) -> Option<Verb> {
    let (Token::Word(first), rest) = tokens.split_first()? else {
        return None;
    };
    let in_capitals = !first.chars().any(|character| character.is_lowercase());
    if !in_capitals && !begins_the_text {
        return None;
    }
    let next = |word: &str| rest.first().is_some_and(|token| token.is(word));
    let then = |words: &[&str]| rest.first().is_some_and(|token| token.is_one_of(words));
    let alone = rest.iter().all(|token| *token == Token::Sign(';'));
    let has_from = rest.iter().any(|token| token.is("FROM"));
    let after_or = rest
        .get(if next("OR") { 2 } else { 0 }..)
        .unwrap_or_default();
    match first.to_ascii_uppercase().as_str() {
        "SELECT" if has_from || (in_capitals && begins_the_text && !alone) => Some(Verb::Select),
        "INSERT" if after_or.first().is_some_and(|token| token.is("INTO")) => Some(Verb::Insert),
        "REPLACE" if next("INTO") => Some(Verb::Insert),
        // Not at once: that is the end of an INSERT … ON CONFLICT DO UPDATE SET.
        "UPDATE" if after_or.iter().take(6).skip(1).any(|token| token.is("SET")) => {
            Some(Verb::Update)
        }
        "DELETE" if next("FROM") => Some(Verb::Delete),
        "PRAGMA" if matches!(rest.first(), Some(Token::Word(_))) => Some(Verb::Other),
        "BEGIN"
            if (in_capitals && alone)
                || then(&["IMMEDIATE", "DEFERRED", "EXCLUSIVE", "TRANSACTION"]) =>
        {
            Some(Verb::Other)
        }
        "COMMIT" | "ROLLBACK" | "VACUUM" | "ANALYZE" | "REINDEX" if in_capitals && alone => {
            Some(Verb::Other)
        }
        "ROLLBACK" if next("TO") => Some(Verb::Other),
        "SAVEPOINT" if in_capitals && begins_the_text => Some(Verb::Other),
        "CREATE" | "DROP" | "ALTER"
            if then(&[
                "TABLE", "INDEX", "UNIQUE", "VIEW", "TRIGGER", "TEMP", "VIRTUAL",
            ]) =>
        {
            Some(Verb::Other)
        }
        "ATTACH" | "DETACH" if next("DATABASE") => Some(Verb::Other),
        "WITH" if next("RECURSIVE") || rest.get(1).is_some_and(|token| token.is("AS")) => {
            Some(Verb::Select)
        }
        _ => None,
    }
}

/// The tables that a query reads from, but for queries within it, which are seen as well.
pub(crate) fn read_from(tokens: &[Token]) -> Vec<Name> {
    let mut names = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        if !token.is_one_of(&["FROM", "JOIN"]) {
            continue;
        }
        loop {
            match tokens.get(at) {
                Some(Token::Word(name)) => names.push(Name::Written(name.clone())),
                Some(Token::Sign('(')) => break,
                _ => names.push(Name::PutIn),
            }
            at += 1;
            // FROM a AS b, c
            while matches!(tokens.get(at), Some(token @ Token::Word(_))
                if !token.is_one_of(&["JOIN", "FROM", "WHERE", "ON"]))
            {
                at += 1;
            }
            if tokens.get(at) != Some(&Token::Sign(',')) {
                break;
            }
            at += 1;
        }
    }
    names
}

/// The table that an INSERT adds to.
pub(crate) fn inserted_into(statement: &Statement) -> Option<Name> {
    let at = statement.tokens.iter().position(|token| token.is("INTO"))?;
    Some(table(statement.tokens.get(at + 1..).unwrap_or_default()))
}

/// Whether an INSERT may change a row that is there.
pub(crate) fn may_replace(statement: &Statement) -> bool {
    let mut tokens = statement.tokens.iter();
    tokens.next().is_some_and(|first| first.is("REPLACE"))
        || tokens.next().is_some_and(|second| second.is("OR"))
        || statement.tokens.iter().any(|token| token.is("CONFLICT"))
}

/// The table that an UPDATE changes, and the columns that it sets.
pub(crate) fn updated(statement: &Statement) -> Option<(Name, Vec<Name>)> {
    let set = statement.tokens.iter().position(|token| token.is("SET"))?;
    let skipped = if statement.tokens.get(1).is_some_and(|token| token.is("OR")) {
        3
    } else {
        1
    };
    let table = table(statement.tokens.get(skipped..set)?);
    let mut columns = Vec::new();
    let mut depth = 0_usize;
    let mut in_list = false;
    let mut begins = true;
    for token in statement.tokens.get(set + 1..)? {
        match token {
            Token::Sign('(') if depth == 0 && begins => {
                in_list = true;
                depth = 1;
                continue;
            }
            Token::Sign('(') => depth += 1,
            Token::Sign(')') => {
                depth = depth.saturating_sub(1);
                in_list &= depth > 0;
            }
            Token::Sign(';') => break,
            Token::Word(_)
                if depth == 0
                    && token.is_one_of(&["WHERE", "FROM", "RETURNING", "ORDER", "LIMIT"]) =>
            {
                break;
            }
            Token::Word(name) if begins || (in_list && depth == 1) => {
                columns.push(Name::Written(name.clone()));
            }
            Token::Sign(_) if begins => columns.push(Name::PutIn),
            _ => {}
        }
        begins = depth == 0 && *token == Token::Sign(',');
    }
    Some((table, columns))
}

/// How often a text advances the version, in whole statements or in pieces of them.
pub(crate) fn advances(text: &str) -> usize {
    let is = |window: &[Token]| match window {
        [name, Token::Sign('='), again, Token::Sign('+'), _] => {
            name.is("row_version") && again.is("row_version")
        }
        _ => false,
    };
    tokens(text).windows(5).filter(|window| is(window)).count()
}

/// A table's name, after that of its database.
fn table(tokens: &[Token]) -> Name {
    match tokens {
        [Token::Word(_), Token::Sign('.'), Token::Word(name), ..] | [Token::Word(name), ..] => {
            Name::Written(name.clone())
        }
        _ => Name::PutIn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verbs(text: &str) -> Vec<Verb> {
        statements(text)
            .into_iter()
            .map(|statement| statement.verb)
            .collect()
    }

    fn written(names: &[&str]) -> Vec<Name> {
        names
            .iter()
            .map(|name| Name::Written((*name).to_owned()))
            .collect()
    }

    #[test]
    fn statements_are_found_in_texts() {
        assert_eq!(verbs("SELECT 1"), [Verb::Select]);
        assert_eq!(verbs("select subject from messages"), [Verb::Select]);
        assert_eq!(verbs("try 'SELECT * FROM messages'"), [Verb::Select]);
        assert_eq!(verbs("INSERT OR IGNORE INTO a VALUES (1)"), [Verb::Insert]);
        assert_eq!(verbs("replace into a values (1)"), [Verb::Insert]);
        assert_eq!(
            verbs("BEGIN; UPDATE main.messages AS m SET size = 0"),
            [Verb::Update]
        );
        assert_eq!(verbs("UPDATE {table} SET x = 1"), [Verb::Update]);
        assert_eq!(verbs("delete from a"), [Verb::Delete]);
        for text in [
            "PRAGMA user_version",
            "BEGIN IMMEDIATE",
            "COMMIT",
            "CREATE TABLE a (b)",
        ] {
            assert_eq!(verbs(text), [Verb::Other], "{text}");
        }
        assert_eq!(
            verbs("WITH a AS (SELECT 1 FROM b) SELECT x FROM a").len(),
            3
        );
    }

    #[test]
    fn prose_is_no_statement() {
        for text in [
            "select a folder",
            "the update is set for later",
            "update the message",
            "queries only SELECT",
            "begin a message",
            "could not commit",
            "insert a name",
            "mapistore delete ENTRY",
            "created by",
        ] {
            assert!(verbs(text).is_empty(), "{text}: {:?}", verbs(text));
        }
    }

    #[test]
    fn what_an_update_sets_is_seen() {
        let set = |text: &str| updated(&statements(text).remove(0)).unwrap();
        let (table, columns) = set(
            "UPDATE messages SET size = max(size, ?), properties = (SELECT a \
            FROM b WHERE c), \"subject\" = ? WHERE recipients = 1",
        );
        assert_eq!(table, Name::Written("messages".to_owned()));
        assert_eq!(columns, written(&["size", "properties", "subject"]));
        let (table, columns) =
            set("UPDATE OR REPLACE main.Messages SET (properties, recipients) = (1, 2), size = 3");
        assert_eq!(table, Name::Written("Messages".to_owned()));
        assert_eq!(columns, written(&["properties", "recipients", "size"]));
        assert_eq!(
            set("UPDATE {table} SET {column} = 1"),
            (Name::PutIn, vec![Name::PutIn])
        );
    }

    #[test]
    fn tables_of_queries_are_seen() {
        let from = |text: &str| read_from(&tokens(text));
        assert_eq!(
            from("SELECT a FROM b AS x, c JOIN d ON y WHERE z IN (SELECT 1 FROM e)"),
            written(&["b", "c", "d", "e"])
        );
        assert_eq!(from("SELECT a FROM (SELECT b FROM c)"), written(&["c"]));
        assert_eq!(from("SELECT a FROM {view}"), [Name::PutIn]);
    }

    #[test]
    fn advancing_the_version_is_seen_in_pieces_too() {
        assert_eq!(advances("SET row_version=row_version + 1, x = 2"), 1);
        assert_eq!(advances("WHERE row_version = 1"), 0);
    }
}
