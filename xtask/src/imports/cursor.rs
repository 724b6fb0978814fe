//! Position in the tokens of a file.

use super::lexer::{self, Token};

/// Words that begin an item.
const ITEMS: [&str; 13] = [
    "async", "const", "enum", "extern", "fn", "impl", "mod", "pub", "static", "struct", "trait",
    "type", "unsafe",
];

/// Tokens of a file, and the next one of them.
pub(super) struct Cursor {
    pub(super) tokens: Vec<(Token, usize)>,
    pub(super) at: usize,
}

impl Cursor {
    pub(super) fn new(source: &str) -> Self {
        Self {
            tokens: lexer::tokens(source),
            at: 0,
        }
    }

    /// Next token.
    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    /// Token before the next one.
    pub(super) fn previous(&self) -> Option<&Token> {
        self.tokens
            .get(self.at.checked_sub(1)?)
            .map(|(token, _)| token)
    }

    /// Line of the next token.
    pub(super) fn line(&self) -> usize {
        self.tokens.get(self.at).map_or(0, |(_, line)| *line)
    }

    /// Next token where it is a word, which is passed.
    pub(super) fn next_word(&mut self) -> Option<String> {
        let Some(Token::Word(word)) = self.peek() else {
            return None;
        };
        let word = word.clone();
        self.at += 1;
        Some(word)
    }

    /// Passes a sign; `false` where another token is next.
    pub(super) fn take(&mut self, sign: char) -> bool {
        let found = self.peek().is_some_and(|token| token.is(sign));
        self.at += usize::from(found);
        found
    }

    /// Passes the group that an opening bracket begins.
    pub(super) fn skip_group(&mut self) {
        let mut depth = 0;
        while let Some(token) = self.peek() {
            match token {
                Token::Sign('(' | '[' | '{') => depth += 1,
                Token::Sign(')' | ']' | '}') => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }

    /// Passes the item, field or arm after an attribute.
    pub(super) fn skip_item(&mut self) {
        while self.take('#') {
            self.skip_group();
        }
        let is = |words: &[&str]| matches!(self.peek(), Some(Token::Word(word)) if words.contains(&word.as_str()));
        let is_item = is(&ITEMS) || is(&["use"]);
        let mut is_use = false;
        while let Some(token) = self.peek() {
            match token {
                Token::Sign(';') => {
                    self.at += 1;
                    return;
                }
                Token::Sign('{') if !is_use => return self.skip_group(),
                Token::Sign('(' | '[' | '{') => {
                    self.skip_group();
                    continue;
                }
                Token::Sign(',') if !is_item => return,
                Token::Sign(')' | ']' | '}') => return,
                Token::Word(word) if word == "use" => is_use = true,
                _ => {}
            }
            self.at += 1;
        }
    }
}
