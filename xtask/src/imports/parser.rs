//! Imports, definitions and paths of one source file. What only tests see is left out.

use std::collections::BTreeMap;

use super::{cursor::Cursor, lexer::Token};

/// A module as its source has it; a module in braces is one of its own.
#[derive(Debug, Default)]
pub(super) struct Module {
    pub(super) uses: Vec<Use>,
    /// Paths of two or more names in code, as `policy::judge`.
    pub(super) paths: Vec<Path>,
    /// Single names in code, which may come from a glob import.
    pub(super) words: Vec<Path>,
    pub(super) defined: Vec<String>,
    /// Modules in other files: name, and the file where an attribute names it.
    pub(super) files: Vec<(String, Option<String>)>,
    pub(super) inline: BTreeMap<String, Self>,
}

/// Names joined by `::`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) names: Vec<String>,
    pub(super) line: usize,
}

/// One leaf of a `use` declaration.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) path: Path,
    /// The name in this module; `None` for a glob.
    pub(super) alias: Option<String>,
    pub(super) is_public: bool,
}

pub(super) fn parse(source: &str) -> Module {
    Cursor::new(source).module()
}

impl Cursor {
    /// Up to the brace that ends the module, or the end of the file.
    fn module(&mut self) -> Module {
        let mut module = Module::default();
        let mut depth = 0;
        let mut is_public = false;
        let mut file = None;
        while let Some(token) = self.peek().cloned() {
            match token {
                Token::Sign('{') => depth += 1,
                Token::Sign('}') if depth == 0 => {
                    self.at += 1;
                    return module;
                }
                Token::Sign('}') => depth -= 1,
                Token::Sign('#') => {
                    match self.attribute(&mut module) {
                        Attribute::TestOnly => self.skip_item(),
                        Attribute::File(path) => file = Some(path),
                        Attribute::Other => {}
                    }
                    continue;
                }
                Token::Word(word) => {
                    self.word(&word, depth == 0, is_public, &mut file, &mut module);
                    is_public = word == "pub";
                    continue;
                }
                _ => {}
            }
            is_public = false;
            self.at += 1;
        }
        module
    }

    fn word(
        &mut self,
        word: &str,
        is_item: bool,
        is_public: bool,
        file: &mut Option<String>,
        module: &mut Module,
    ) {
        let is_member = self.previous().is_some_and(|token| token.is('.'));
        match word {
            "pub" => {
                self.at += 1;
                if self.peek().is_some_and(|token| token.is('(')) {
                    self.skip_group();
                }
            }
            "use" if !is_member => {
                self.at += 1;
                let mut leaves = Vec::new();
                self.use_tree(&[], &mut leaves);
                let public = |(path, alias)| Use {
                    path,
                    alias,
                    is_public,
                };
                module.uses.extend(leaves.into_iter().map(public));
            }
            "mod" if is_item => {
                self.at += 1;
                let Some(name) = self.next_word() else { return };
                if self.take('{') {
                    let inner = self.module();
                    module.inline.insert(name, inner);
                } else {
                    module.files.push((name, file.take()));
                }
            }
            "fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static"
            | "macro_rules"
                if is_item =>
            {
                self.at += 1;
                self.take('!');
                let start = self.at;
                match self.next_word().as_deref() {
                    // `const fn`: the name comes later.
                    Some("fn" | "unsafe" | "async" | "extern") => self.at = start,
                    Some("mut") => module.defined.extend(self.next_word()),
                    Some(name) => module.defined.push(name.to_owned()),
                    None => {}
                }
            }
            _ => self.path(is_member, module),
        }
    }

    fn path(&mut self, is_member: bool, module: &mut Module) {
        let line = self.line();
        let continues = self.previous() == Some(&Token::PathSep);
        let mut names = Vec::new();
        while let Some(name) = self.next_word() {
            names.push(name);
            let goes_on = self.peek() == Some(&Token::PathSep)
                && matches!(self.tokens.get(self.at + 1), Some((Token::Word(_), _)));
            if !goes_on {
                break;
            }
            self.at += 1;
        }
        if is_member || continues {
            return;
        }
        let paths = if names.len() > 1 {
            &mut module.paths
        } else {
            &mut module.words
        };
        paths.push(Path { names, line });
    }

    /// Tree between a prefix and the comma, brace or semicolon after it.
    fn use_tree(&mut self, prefix: &[String], leaves: &mut Vec<(Path, Option<String>)>) {
        let mut names = prefix.to_vec();
        let line = self.line();
        let leaf = |names: Vec<String>, alias| (Path { names, line }, alias);
        loop {
            if self.take('{') {
                while !self.take('}') && self.peek().is_some() {
                    self.use_tree(&names, leaves);
                    self.take(',');
                }
                return;
            }
            if self.take('*') {
                leaves.push(leaf(names, None));
                return;
            }
            match self.next_word() {
                Some(word) if word == "as" => {
                    let alias = self.next_word();
                    leaves.push(leaf(names, alias.or_else(|| Some("_".to_owned()))));
                    return;
                }
                Some(word) if word == "self" && !names.is_empty() => {}
                Some(word) => names.push(word),
                // A leading `::`, or what is no import, as in `impl Trait + use<'a>`.
                None if self.peek() == Some(&Token::PathSep) => {}
                None => {
                    self.at += 1;
                    return;
                }
            }
            let next = self.peek();
            if next == Some(&Token::PathSep) {
                self.at += 1;
            } else if !next.is_some_and(|token| token.is_word("as")) {
                let alias = names.last().cloned();
                leaves.push(leaf(names, alias));
                return;
            }
        }
    }

    /// An attribute; paths in it count.
    fn attribute(&mut self, module: &mut Module) -> Attribute {
        self.at += 1;
        self.take('!');
        let start = self.at;
        if !self.peek().is_some_and(|token| token.is('[')) {
            return Attribute::Other;
        }
        self.skip_group();
        let end = self.at;
        self.at = start;
        while self.at < end {
            match self.peek() {
                Some(Token::Word(_)) => self.path(false, module),
                _ => self.at += 1,
            }
        }
        let inner: Vec<_> = self.tokens[start..end]
            .iter()
            .map(|(token, _)| token)
            .collect();
        let is = |at: usize, word: &str| inner.get(at).is_some_and(|token| token.is_word(word));
        if is(1, "cfg") && (is(3, "test") || (is(3, "all") && is(5, "test"))) {
            return Attribute::TestOnly;
        }
        match inner.as_slice() {
            [_, Token::Word(path), _, Token::Text(file), _] if path == "path" => {
                Attribute::File(file.clone())
            }
            _ => Attribute::Other,
        }
    }
}

enum Attribute {
    TestOnly,
    /// `#[path = "…"]`
    File(String),
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(source: &str) -> Vec<String> {
        let shown = |it: &Use| {
            let alias = it.alias.as_deref().unwrap_or("*");
            format!("{} {} = {alias}", it.path.line, it.path.names.join("::"))
        };
        parse(source).uses.iter().map(shown).collect()
    }

    #[test]
    fn groups_are_unfolded() {
        let source =
            "use a::{\n    self, b as c,\n    d::{e, f::*},\n};\npub(in crate::x) use ::g;";
        let expected = [
            "2 a = a",
            "2 a::b = c",
            "3 a::d::e = e",
            "3 a::d::f = *",
            "5 g = g",
        ];
        assert_eq!(uses(source), expected);
        assert!(parse(source).paths.is_empty());
        assert!(parse(source).uses[4].is_public);
    }

    #[test]
    fn what_only_tests_see_is_left_out() {
        let source = "#[cfg(test)]\nmod tests { use crate::a; }\n\
            #[cfg(test)]\n#[path = \"x.rs\"]\nmod others;\n\
            #[cfg(all(test, unix))]\nuse crate::{b, c};\n\
            #[cfg(test)]\npub(crate) fn f<A, B>(a: A) -> [u8; 2] { crate::d::e() }\n\
            struct S { #[cfg(test)] field: crate::f::G, other: u8 }\n\
            #[cfg(any(test, feature = \"fuzzing\"))]\nuse crate::h;\nuse crate::i;";
        assert_eq!(uses(source), ["12 crate::h = h", "13 crate::i = i"]);
        let module = parse(source);
        assert!(
            module.files.is_empty() && module.paths.is_empty(),
            "{module:?}"
        );
        assert_eq!(module.defined, ["S"]);
    }

    #[test]
    fn paths_in_code_and_attributes_are_found() {
        let source = "#[arg(value_parser = duration::parse)]\nfn f() -> crate::a::B {\n\
            self.x.c::<u8>();\n<D as super::E>::f();\nVec::<g::H>::new() }\n\
            #[path = \"i_tests.rs\"]\nmod i;\nmod j { const fn k() {} static mut L: u8 = 0; }";
        let module = parse(source);
        let paths: Vec<_> = module
            .paths
            .iter()
            .map(|path| path.names.join("::"))
            .collect();
        assert_eq!(
            paths,
            ["duration::parse", "crate::a::B", "super::E", "g::H"]
        );
        assert_eq!(
            module.files,
            [("i".to_owned(), Some("i_tests.rs".to_owned()))]
        );
        assert_eq!(module.inline["j"].defined, ["k", "L"]);
    }
}
