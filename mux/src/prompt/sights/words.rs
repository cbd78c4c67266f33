//! A shell script as words: as much of the shell's grammar as tells file names from text.

use std::borrow::Cow;
use std::collections::VecDeque;

#[derive(Debug, PartialEq, Eq)]
pub enum Token<'a> {
    Word(Cow<'a, str>),
    /// The next word is a file.
    Redirect,
    /// The next word is text.
    HereString,
    /// What is fed to the command, up to its end mark.
    Heredoc(&'a str),
    /// The end of a simple command.
    End,
}

pub struct Words<'a> {
    text: &'a str,
    at: usize,
    /// End marks of heredocs whose text begins on the next line.
    heredocs: VecDeque<String>,
}

impl<'a> Words<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, heredocs: VecDeque::new() }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, what: &str) -> bool {
        let takes = self.rest().starts_with(what);
        self.at += if takes { what.len() } else { 0 };
        takes
    }

    fn skip_blanks(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(b'\\') if self.rest().starts_with("\\\n") => self.at += 2,
                Some(b'#') => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
                _ => return,
            }
        }
    }

    /// Passes over a sign of redirection; none if what follows it belongs to it and goes with it.
    fn redirect(&mut self) -> Option<Token<'a>> {
        if self.take("<<<") {
            return Some(Token::HereString);
        }
        if self.take("<<-") || self.take("<<") {
            self.skip_blanks();
            let mark = self.word().into_owned();
            self.heredocs.push_back(mark);
            return None;
        }
        self.at += 1;
        let _ = self.take(">") || self.take("|");
        if self.take("&") {
            // Another stream.
            let _ = self.word();
            return None;
        }
        Some(Token::Redirect)
    }

    /// The end of a command, or of one line of it: then the next heredoc begins.
    fn line_end(&mut self) -> Token<'a> {
        self.at += 1;
        let Some(mark) = self.heredocs.pop_front() else { return Token::End };
        let text = self.heredoc(&mark);
        // The line break behind it ends the command, or begins the next.
        let is_break = self.at > 0 && self.text.as_bytes().get(self.at - 1) == Some(&b'\n');
        self.at -= usize::from(is_break);
        Token::Heredoc(text)
    }

    /// The text of a heredoc, in front of which this stands.
    fn heredoc(&mut self, mark: &str) -> &'a str {
        let start = self.at;
        while self.at < self.text.len() {
            let before = self.at;
            let line = self.rest().split('\n').next().unwrap_or_default();
            self.at = (self.at + line.len() + 1).min(self.text.len());
            if line.trim_start_matches('\t').trim_end_matches('\r') == mark {
                return self.text.get(start..before).unwrap_or_default();
            }
        }
        self.text.get(start..).unwrap_or_default()
    }

    /// A word, without its quotes. Plain words are borrowed.
    fn word(&mut self) -> Cow<'a, str> {
        let mut word = Cow::Borrowed("");
        while let Some(byte) = self.peek() {
            let start = self.at;
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'|' | b'&' | b'(' | b')' | b'<' | b'>' | b'`' => break,
                b'\'' => {
                    let inside = self.rest().get(1..).unwrap_or_default().split('\'').next().unwrap_or_default();
                    self.at += inside.len() + 2;
                    word += inside;
                }
                b'"' => word += self.quoted(),
                b'\\' => {
                    // Before a letter it is a folder's separator, as Windows has it.
                    let escaped = self.rest().chars().nth(1);
                    let is_separator = escaped.is_some_and(char::is_alphanumeric);
                    self.at += 1 + escaped.map_or(0, char::len_utf8);
                    word += self.text.get(start + usize::from(!is_separator)..self.at).unwrap_or_default();
                }
                _ => {
                    let ends = |c: char| c.is_ascii_whitespace() || ";|&()<>`'\"\\".contains(c);
                    self.at += self.rest().find(ends).unwrap_or(self.rest().len());
                    word += self.text.get(start..self.at).unwrap_or_default();
                }
            }
        }
        self.at = self.at.min(self.text.len());
        word
    }

    /// What stands in double quotes, escapes resolved.
    fn quoted(&mut self) -> Cow<'a, str> {
        let inside = self.rest().get(1..).unwrap_or_default();
        let (mut word, mut from, mut is_escaped) = (Cow::Borrowed(""), 0, false);
        for (at, byte) in inside.bytes().enumerate() {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'"' => {
                    self.at += at + 2;
                    word += inside.get(from..at).unwrap_or_default();
                    return word;
                }
                b'\\' if inside.get(at + 1..).is_some_and(|next| next.starts_with(['"', '\\', '$', '`'])) => {
                    word += inside.get(from..at).unwrap_or_default();
                    (from, is_escaped) = (at + 1, true);
                }
                _ => {}
            }
        }
        self.at = self.text.len();
        word += inside.get(from..).unwrap_or_default();
        word
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            self.skip_blanks();
            let rest = self.rest();
            match self.peek()? {
                b'\n' => return Some(self.line_end()),
                b'&' if rest.starts_with("&>") => self.at += 1,
                b'<' if rest.starts_with("<(") => {
                    self.at += 2;
                    return Some(Token::End);
                }
                b';' | b'|' | b'&' | b'(' | b')' | b'`' => {
                    self.at += 1;
                    return Some(Token::End);
                }
                b'<' | b'>' => {
                    if let Some(token) = self.redirect() {
                        return Some(token);
                    }
                }
                _ => {
                    let word = self.word();
                    let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
                    // The number of a stream.
                    if !is_number || !matches!(self.peek(), Some(b'<' | b'>')) {
                        return Some(Token::Word(word));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{Token, Words};

    fn shown(text: &str) -> String {
        let show = |token| match token {
            Token::Word(word) => format!("[{word}]"),
            Token::Redirect => ">".into(),
            Token::HereString => "<<<".into(),
            Token::Heredoc(text) => format!("{{{text}}}"),
            Token::End => ";".into(),
        };
        Words::new(text).map(show).collect()
    }

    #[test]
    fn scripts_fall_into_words() {
        for (text, expected) in [
            ("cat  a.py", "[cat][a.py]"),
            ("sed 's/A b/C/' \"x \\\"y\\\".md\" z\\ w", "[sed][s/A b/C/][x \"y\".md][z w]"),
            ("a && b|c; d & (e)", "[a];;[b];[c];[d];;[e];"),
            ("a > b 2>&1 >> c 2>d &> e < f", "[a]>[b]>[c]>[d]>[e]>[f]"),
            ("cat <<'E' > a.py\nx b.py\nE\nls", "[cat]>[a.py]{x b.py\n};[ls]"),
            ("cat <<-E\n\tx\n\tE", "[cat]{\tx\n}"),
            ("a <<A <<B\nx\nA\ny\nB\n", "[a]{x\n}{y\n};"),
            ("cat <<E\nnever ends", "[cat]{never ends}"),
            ("a <<< 'b c'", "[a]<<<[b c]"),
            ("a # b.py\nc", "[a];[c]"),
            ("a $(cat b) `c`", "[a][$];[cat][b];;[c];"),
            (r"type src\a.cs", r"[type][src\a.cs]"),
            ("a 'unclosed", "[a][unclosed]"),
            ("a \"unclosed", "[a][unclosed]"),
            ("a \\", "[a][]"),
            ("", ""),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }
}
