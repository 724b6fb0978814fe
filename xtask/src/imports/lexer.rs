//! Tokens of Rust source, as far as imports need them: no comments, no numbers.

/// One token of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    /// Content of a string literal, escapes as they stand.
    Text(String),
    /// `::`
    PathSep,
    Sign(char),
}

impl Token {
    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(it) if it == word)
    }

    pub(super) fn is(&self, sign: char) -> bool {
        *self == Self::Sign(sign)
    }
}

/// Tokens with the line of each, counted from 1.
pub(super) fn tokens(source: &str) -> Vec<(Token, usize)> {
    let mut lexer = Lexer {
        chars: source.chars().collect(),
        at: 0,
        line: 1,
    };
    let mut tokens = Vec::new();
    loop {
        let line = lexer.line;
        match lexer.next() {
            Lexeme::Token(token) => tokens.push((token, line)),
            Lexeme::Nothing => {}
            Lexeme::End => return tokens,
        }
    }
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
}

enum Lexeme {
    Token(Token),
    Nothing,
    End,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn bump(&mut self) -> Option<char> {
        let char = self.peek(0)?;
        self.at += 1;
        if char == '\n' {
            self.line += 1;
        }
        Some(char)
    }

    fn next(&mut self) -> Lexeme {
        let Some(first) = self.bump() else {
            return Lexeme::End;
        };
        let token = match (first, self.peek(0)) {
            ('/', Some('/')) => {
                self.take_while(|char| char != '\n');
                return Lexeme::Nothing;
            }
            ('/', Some('*')) => {
                self.block_comment();
                return Lexeme::Nothing;
            }
            (':', Some(':')) => {
                self.bump();
                Token::PathSep
            }
            ('"', _) => Token::Text(self.string()),
            ('\'', next) => {
                let is_char = next == Some('\\') || self.peek(1) == Some('\'');
                if is_char {
                    self.char();
                } else {
                    self.take_while(is_word_char);
                }
                return Lexeme::Nothing;
            }
            (char, _) if char.is_ascii_digit() => {
                self.take_while(is_word_char);
                return Lexeme::Nothing;
            }
            (char, _) if is_word_char(char) => return self.word(char),
            (char, _) if char.is_whitespace() => return Lexeme::Nothing,
            (char, _) => Token::Sign(char),
        };
        Lexeme::Token(token)
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(char) = self.peek(0).filter(|char| keep(*char)) {
            taken.push(char);
            self.bump();
        }
        taken
    }

    fn block_comment(&mut self) {
        let mut depth = 1;
        self.bump();
        while depth > 0 {
            match (self.bump(), self.peek(0)) {
                (Some('/'), Some('*')) => depth += 1,
                (Some('*'), Some('/')) => depth -= 1,
                (None, _) => return,
                _ => continue,
            }
            self.bump();
        }
    }

    /// A word, or the literal that one of the prefixes `r`, `b`, `br`, `c` and `cr` begins.
    fn word(&mut self, first: char) -> Lexeme {
        let word = format!("{first}{}", self.take_while(is_word_char));
        let token = match (word.as_str(), self.peek(0), self.peek(1)) {
            ("r", Some('#'), Some(next)) if is_word_char(next) => {
                self.bump();
                Token::Word(self.take_while(is_word_char))
            }
            ("r" | "br" | "cr", Some('#' | '"'), _) => Token::Text(self.raw_string()),
            ("b" | "c", Some('"'), _) => {
                self.bump();
                Token::Text(self.string())
            }
            ("b", Some('\''), _) => {
                self.bump();
                self.char();
                return Lexeme::Nothing;
            }
            _ => Token::Word(word),
        };
        Lexeme::Token(token)
    }

    fn string(&mut self) -> String {
        let mut text = String::new();
        while let Some(char) = self.bump().filter(|char| *char != '"') {
            text.push(char);
            if char == '\\' {
                text.extend(self.bump());
            }
        }
        text
    }

    fn raw_string(&mut self) -> String {
        let hashes = self.take_while(|char| char == '#').len();
        self.bump();
        let mut text = String::new();
        while let Some(char) = self.bump() {
            let ends = char == '"' && (0..hashes).all(|ahead| self.peek(ahead) == Some('#'));
            if ends {
                self.at += hashes;
                break;
            }
            text.push(char);
        }
        text
    }

    /// The rest of a character literal.
    fn char(&mut self) {
        if self.bump() == Some('\\') {
            self.bump();
        }
        self.take_while(|char| char != '\'');
        self.bump();
    }
}

fn is_word_char(char: char) -> bool {
    char == '_' || char.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> Vec<String> {
        let words = tokens(source)
            .into_iter()
            .filter_map(|(token, _)| match token {
                Token::Word(word) => Some(word),
                _ => None,
            });
        words.collect()
    }

    #[test]
    fn comments_and_literals_hold_no_words() {
        let source =
            "a // b\n/* c /* d */ e */ f \"g \\\" h\" 'i' '\\'' 'x: b'j' br##\"k \"# l\"## 0x1f m";
        assert_eq!(words(source), ["a", "f", "m"]);
    }

    #[test]
    fn lines_are_counted_through_everything() {
        let (last, line) = tokens("\"a\nb\"\n/*\n*/\n// c\nr#\"\n\"#\nd")
            .pop()
            .unwrap();
        assert!(last.is_word("d"));
        assert_eq!(line, 8);
    }

    #[test]
    fn a_lifetime_is_no_character() {
        assert_eq!(
            words("fn f<'a>(b: &'a c) -> 'd' e"),
            ["fn", "f", "b", "c", "e"]
        );
    }

    #[test]
    fn raw_words_lose_their_mark() {
        assert_eq!(words("r#type::b"), ["type", "b"]);
    }
}
