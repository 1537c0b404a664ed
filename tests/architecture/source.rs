//! A Rust file as the rules see it: tokens, without comments and documentation.

use std::fmt;
use std::ops::RangeInclusive;

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

/// A place in a file that breaks a rule.
#[derive(Debug)]
pub(crate) struct Violation {
    path: String,
    line: usize,
    what_and_instead: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what_and_instead)
    }
}

/// A path in code or in a `use`, such as `crate::db::{streams, versioned as v}`: one for each leaf.
#[derive(Debug)]
pub(crate) struct NamedPath {
    pub(crate) line: usize,
    /// As written, but a `*` for a glob.
    pub(crate) segments: Vec<String>,
    /// From the crate's root, if the path says where it begins.
    pub(crate) from_root: Option<Vec<String>>,
    /// The other name that it gets, or the type that it is cast to.
    pub(crate) alias: Option<String>,
}

/// A string literal; those of one `concat!` count as one, with a `?` for what is no literal there.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) line: usize,
    pub(crate) value: String,
}

/// One Rust file.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the checkout, with `/`.
    pub(crate) path: String,
    pub(crate) lines: usize,
    pub(crate) paths: Vec<NamedPath>,
    pub(crate) texts: Vec<Text>,
    /// Every identifier and keyword, with its line.
    pub(crate) words: Vec<(usize, String)>,
    /// The lines of modules that only tests have.
    pub(crate) test_modules: Vec<RangeInclusive<usize>>,
}

impl Source {
    pub(crate) fn read(path: &str, text: &str) -> Source {
        let tokens: TokenStream = match text.parse() {
            Ok(tokens) => tokens,
            Err(error) => panic!("{path} is no Rust: {error}"),
        };
        let mut source = Source {
            path: path.to_owned(),
            lines: text.lines().count(),
            paths: Vec::new(),
            texts: Vec::new(),
            words: Vec::new(),
            test_modules: Vec::new(),
        };
        source.walk(tokens, &module_of(path));
        source
    }

    pub(crate) fn violation(&self, line: usize, what_and_instead: impl Into<String>) -> Violation {
        Violation {
            path: self.path.clone(),
            line,
            what_and_instead: what_and_instead.into(),
        }
    }

    fn walk(&mut self, stream: TokenStream, module: &[String]) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let mut only_in_tests = false;
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Punct(sign) if sign.as_char() == '#' => {
                    if is_sign(tokens.get(at), '!') {
                        at += 1;
                    }
                    if let Some(TokenTree::Group(attribute)) = tokens.get(at) {
                        at += 1;
                        only_in_tests |= is_test_attribute(attribute);
                        if !is_documentation(attribute) {
                            self.walk(attribute.stream(), module);
                        }
                    }
                }
                TokenTree::Ident(word) if word == "mod" => {
                    if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
                        (tokens.get(at), tokens.get(at + 1))
                    {
                        at += 2;
                        if only_in_tests {
                            let lines = word.span().start().line..=body.span_close().end().line;
                            self.test_modules.push(lines);
                        }
                        let mut inner = module.to_vec();
                        inner.push(name.to_string());
                        self.walk(body.stream(), &inner);
                    }
                    only_in_tests = false;
                }
                TokenTree::Ident(word) if word == "concat" && is_sign(tokens.get(at), '!') => {
                    self.words
                        .push((word.span().start().line, word.to_string()));
                    if let Some(TokenTree::Group(parts)) = tokens.get(at + 1) {
                        at += 2;
                        self.texts.push(Text {
                            line: word.span().start().line,
                            value: joined(parts.stream()),
                        });
                    }
                }
                TokenTree::Ident(_) => {
                    at = self.path(&tokens, at - 1, &[], module);
                }
                TokenTree::Literal(literal) => {
                    if let Some(value) = text_of(literal) {
                        self.texts.push(Text {
                            line: literal.span().start().line,
                            value,
                        });
                    }
                }
                TokenTree::Group(group) => {
                    self.walk(group.stream(), module);
                    only_in_tests &= group.delimiter() != Delimiter::Brace;
                }
                TokenTree::Punct(sign) => only_in_tests &= sign.as_char() != ';',
            }
        }
    }

    /// Reads a path, which may branch like that of a `use`, and returns where it ends.
    fn path(
        &mut self,
        tokens: &[TokenTree],
        mut at: usize,
        prefix: &[String],
        module: &[String],
    ) -> usize {
        let mut segments = prefix.to_vec();
        let mut line = 0;
        loop {
            match tokens.get(at) {
                Some(TokenTree::Ident(word)) => {
                    line = word.span().start().line;
                    self.words.push((line, word.to_string()));
                    segments.push(word.to_string());
                }
                Some(TokenTree::Punct(sign)) if sign.as_char() == '*' => {
                    line = sign.span().start().line;
                    segments.push("*".to_owned());
                }
                Some(TokenTree::Group(branches)) => {
                    let inner: Vec<TokenTree> = branches.stream().into_iter().collect();
                    let mut next = 0;
                    while next < inner.len() {
                        // Anything but a name or a `*` stands between two branches.
                        let begins = matches!(inner.get(next), Some(TokenTree::Ident(_)))
                            || is_sign(inner.get(next), '*');
                        next = if begins {
                            self.path(&inner, next, &segments, module)
                        } else {
                            next + 1
                        };
                    }
                    return at + 1;
                }
                _ => break,
            }
            at += 1;
            if !(is_double_colon(tokens, at) && continues(tokens.get(at + 2))) {
                break;
            }
            at += 2;
        }
        // `use a::b::{self}` names a::b.
        if segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
            segments.pop();
        }
        let mut alias = None;
        if let (Some(TokenTree::Ident(word)), Some(TokenTree::Ident(name))) =
            (tokens.get(at), tokens.get(at + 1))
            && word == "as"
        {
            alias = Some(name.to_string());
            at += 2;
        }
        let from_root = from_root(&segments, module);
        self.paths.push(NamedPath {
            line,
            segments,
            from_root,
            alias,
        });
        at
    }
}

fn continues(token: Option<&TokenTree>) -> bool {
    match token {
        Some(TokenTree::Ident(_)) => true,
        Some(TokenTree::Group(group)) => group.delimiter() == Delimiter::Brace,
        token => is_sign(token, '*'),
    }
}

fn is_sign(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

fn is_double_colon(tokens: &[TokenTree], at: usize) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(first))
        if first.as_char() == ':' && first.spacing() == Spacing::Joint)
        && is_sign(tokens.get(at + 1), ':')
}

/// Attributes that hold documentation; comments of that kind are attributes here.
fn is_documentation(attribute: &Group) -> bool {
    matches!(attribute.stream().into_iter().next(), Some(TokenTree::Ident(name)) if name == "doc")
}

fn is_test_attribute(attribute: &Group) -> bool {
    let text = attribute.stream().to_string().replace(' ', "");
    text == "cfg(test)" || text.starts_with("cfg(all(test,")
}

fn text_of(literal: &proc_macro2::Literal) -> Option<String> {
    match syn::Lit::new(literal.clone()) {
        syn::Lit::Str(text) => Some(text.value()),
        syn::Lit::CStr(text) => Some(text.value().to_string_lossy().into_owned()),
        _ => None,
    }
}

fn joined(parts: TokenStream) -> String {
    let mut text = String::new();
    for part in parts {
        match part {
            TokenTree::Literal(literal) => match text_of(&literal) {
                Some(value) => text.push_str(&value),
                None => text.push_str(&literal.to_string()),
            },
            TokenTree::Punct(sign) if sign.as_char() == ',' => {}
            _ if text.ends_with(" ? ") => {}
            _ => text.push_str(" ? "),
        }
    }
    text
}

/// The module that a file is, from the crate's root.
fn module_of(path: &str) -> Vec<String> {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    let mut module: Vec<String> = inside
        .trim_end_matches(".rs")
        .split('/')
        .map(str::to_owned)
        .collect();
    if matches!(
        module.last().map(String::as_str),
        Some("mod" | "lib" | "main")
    ) {
        module.pop();
    }
    module
}

fn from_root(segments: &[String], module: &[String]) -> Option<Vec<String>> {
    let (first, rest) = segments.split_first()?;
    let mut resolved = match first.as_str() {
        "crate" => Vec::new(),
        "self" => module.to_vec(),
        "super" => module
            .split_last()
            .map(|(_, parents)| parents.to_vec())
            .unwrap_or_default(),
        _ => return None,
    };
    for segment in rest {
        if segment == "super" {
            resolved.pop();
        } else {
            resolved.push(segment.clone());
        }
    }
    Some(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots(path: &str, text: &str) -> Vec<String> {
        let source = Source::read(path, text);
        source
            .paths
            .iter()
            .filter_map(|path| Some(path.from_root.as_ref()?.join("::")))
            .collect()
    }

    #[test]
    fn branches_of_a_use_are_told_apart() {
        let text = "use crate::{db::{streams, pins::Pin as P}, model::*, store::{self}};";
        assert_eq!(
            roots("src/mime/mod.rs", text),
            ["db::streams", "db::pins::Pin", "model::*", "store"]
        );
    }

    #[test]
    fn relative_paths_are_resolved_from_the_module_that_they_stand_in() {
        let text = "fn f() { super::g(); }\nmod inner { use super::super::super::store::Store; }";
        assert_eq!(roots("src/db/turn.rs", text), ["db::g", "store::Store"]);
        assert_eq!(
            roots("src/db/mod.rs", "use super::model::X; use self::a;"),
            ["model::X", "db::a"]
        );
    }

    #[test]
    fn comments_and_documentation_are_not_code() {
        let text = "//! crate::a \"text\"\n/// [`x`](crate::b)\n// crate::c\n/* unsafe */\n\
            #[doc = \"crate::d\"] fn f() {}";
        let source = Source::read("src/x.rs", text);
        assert!(source.paths.iter().all(|path| path.from_root.is_none()));
        assert!(source.texts.is_empty(), "{:?}", source.texts);
        assert!(!source.words.iter().any(|(_, word)| word == "unsafe"));
    }

    #[test]
    fn texts_are_what_the_program_sees() {
        let text = "const A: &str = \"SEL\\\n    ECT \\u{31}\";\nconst B: &str = r#\"a\"b\"#;\n\
            macro_rules! m { ($x:literal) => { concat!(\"one \", $x, \" two\") } }";
        let source = Source::read("src/x.rs", text);
        let values: Vec<(usize, &str)> = source
            .texts
            .iter()
            .map(|text| (text.line, text.value.as_str()))
            .collect();
        assert_eq!(values, [(1, "SELECT 1"), (3, "a\"b"), (4, "one  ?  two")]);
    }

    #[test]
    fn test_modules_are_measured() {
        let text = "fn f() {}\n#[cfg(test)]\n#[cfg(unix)]\nmod tests {\n    fn g() {}\n}\n\
            #[cfg(test)]\nfn h() {}\nmod other {\n}\n";
        assert_eq!(Source::read("src/x.rs", text).test_modules, [4..=6]);
    }

    #[test]
    fn generic_calls_and_casts_do_not_end_the_reading() {
        let text = "fn f() { let x = crate::a::<u8>::b as u32; $crate::c!(); }";
        assert_eq!(roots("src/x.rs", text), ["a", "c"]);
    }
}
