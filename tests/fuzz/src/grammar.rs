//! Texts that are nearly what clients and providers send, spelled out of a fuzzer's choices by the rules in `grammar/`:
//! random bytes alone would hardly ever get past the first field of a request.

use std::collections::HashMap;

use arbitrary::Unstructured;

/// Bytes of one text past which nothing is repeated and only first alternatives are taken.
const TEXT_BYTES_MAX: usize = 16 << 10;
/// Rules within rules past which only first alternatives are taken.
const DEPTH_MAX: usize = 24;
/// Expansions of one `*`, `~` or `+`.
const TIMES_MAX: usize = 6;
/// One expansion in so many is something that does not belong there.
const ODDITY: u8 = 64;

/// The rules of one file, and those that all share.
pub struct Grammar {
    rules: HashMap<&'static str, Vec<Vec<Token>>>,
}

enum Token {
    Text(String),
    Rule { name: &'static str, times: Times },
}

#[derive(Clone, Copy)]
enum Times {
    Once,
    /// With commas between.
    Listed,
    /// Each with a comma in front.
    Appended,
    /// With nothing between.
    Joined,
}

impl Grammar {
    /// Panics if a rule is named that does not exist.
    pub fn new(text: &'static str) -> Self {
        let mut rules: HashMap<_, Vec<_>> = HashMap::new();
        for text in [include_str!("../grammar/shared.txt"), text] {
            let mut own = "";
            for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
                match line.strip_prefix("  ") {
                    Some(alternative) => rules.entry(own).or_default().push(tokens(alternative)),
                    None => own = line,
                }
            }
        }
        for (rule, alternatives) in &rules {
            for token in alternatives.iter().flatten() {
                let Token::Rule { name, .. } = token else { continue };
                assert!(rules.contains_key(name), "rule `{rule}` names `{name}`, which is none");
            }
        }
        Self { rules }
    }

    /// A text of a rule.
    pub fn spell(&self, rule: &str, choices: &mut Unstructured) -> Vec<u8> {
        let mut out = Vec::new();
        self.expand(rule, choices, 0, &mut out);
        out
    }

    fn expand(&self, rule: &str, choices: &mut Unstructured, depth: usize, out: &mut Vec<u8>) {
        let is_last = depth > DEPTH_MAX || out.len() > TEXT_BYTES_MAX;
        let alternatives = self.rules.get(rule).map(Vec::as_slice).unwrap_or_default();
        let chosen = if is_last { 0 } else { byte(choices) % alternatives.len().max(1) };
        for token in alternatives.get(chosen).into_iter().flatten() {
            match token {
                Token::Text(text) => out.extend_from_slice(text.as_bytes()),
                Token::Rule { name, times: Times::Once } => self.place(name, choices, depth, out),
                Token::Rule { name, times } => {
                    let count = if is_last { 0 } else { byte(choices) % TIMES_MAX };
                    for number in 0..count {
                        let comma = match times {
                            Times::Listed => number > 0,
                            Times::Appended => true,
                            Times::Joined | Times::Once => false,
                        };
                        out.extend_from_slice(if comma { b"," } else { b"" });
                        self.place(name, choices, depth, out);
                    }
                }
            }
        }
    }

    /// The rule, or now and then nothing, anything, or bytes of the fuzzer's own.
    fn place(&self, rule: &str, choices: &mut Unstructured, depth: usize, out: &mut Vec<u8>) {
        if choices.ratio(1, ODDITY) != Ok(true) || choices.is_empty() {
            return self.expand(rule, choices, depth + 1, out);
        }
        match byte(choices) % 4 {
            0 => {}
            1 => self.expand("any", choices, depth + 1, out),
            2 => self.expand("letters", choices, depth + 1, out),
            _ => {
                let count = (byte(choices) % 4).min(choices.len());
                out.extend_from_slice(choices.bytes(count).unwrap_or_default());
            }
        }
    }
}

/// The next choice; 0 once they are used up.
fn byte(choices: &mut Unstructured) -> usize {
    choices.arbitrary::<u8>().unwrap_or_default().into()
}

fn tokens(alternative: &'static str) -> Vec<Token> {
    let mut pieces = alternative.split('@');
    let mut found = vec![Token::Text(plain(pieces.next().unwrap_or_default()))];
    for piece in pieces {
        let is_name = |character: char| character.is_ascii_lowercase() || character == '_';
        let (name, rest) = piece.split_at(piece.find(|character| !is_name(character)).unwrap_or(piece.len()));
        if name.is_empty() {
            found.push(Token::Text(format!("@{}", plain(piece))));
            continue;
        }
        let signs = [('*', Times::Listed), ('~', Times::Appended), ('+', Times::Joined)];
        let sign = signs.into_iter().find_map(|(sign, times)| Some((times, rest.strip_prefix(sign)?)));
        let (times, rest) = sign.unwrap_or((Times::Once, rest));
        found.push(Token::Rule { name, times });
        found.push(Token::Text(plain(rest)));
    }
    found
}

fn plain(text: &str) -> String {
    text.replace('¶', "\n").replace('␍', "\r")
}
