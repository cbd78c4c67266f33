//! All file patterns of a workspace, matched against a path in one pass.
//!
//! Each pattern brings one literal: a plain pattern itself, a glob its longest literal part. One automaton finds all
//! literals of all patterns at once; a glob is tried only where its literal was found.

use aho_corasick::{AhoCorasick, MatchKind};

use super::bits::Bits;
use crate::config::{Rule, Turns};

#[derive(Debug)]
pub struct Patterns {
    patterns: Vec<Pattern>,
    /// Finds literals; the index of a literal is the index of its pattern. None: no pattern has one.
    automaton: Option<AhoCorasick>,
    /// Index of the pattern of each literal.
    literals: Vec<usize>,
    /// Globs without a literal part: tried on every path.
    bare: Vec<usize>,
}

#[derive(Debug)]
struct Pattern {
    rule: usize,
    /// Counts only in the last turn.
    turns: Turns,
    text: Box<str>,
    scope: Scope,
}

/// What of a path a pattern is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// Anywhere in it, letter for letter.
    Substring,
    /// A glob without `/`: the base name.
    BaseName,
    /// A glob with `/`: the whole path, or its end from any folder on, since clients send absolute paths.
    Path,
}

impl Patterns {
    /// Those patterns of the rules that `of` names.
    pub fn compile(rules: &[Rule], of: impl Fn(&Rule) -> &[String]) -> Self {
        let mut patterns = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            patterns.extend(of(rule).iter().map(|text| Pattern {
                rule: index,
                turns: rule.turns,
                text: text.as_str().into(),
                scope: Scope::of(text),
            }));
        }
        let (with_literal, bare): (Vec<usize>, Vec<usize>) = (0..patterns.len())
            .partition(|index| patterns.get(*index).is_some_and(|pattern| !pattern.literal().is_empty()));
        let literals = with_literal.iter().filter_map(|index| patterns.get(*index)).map(Pattern::literal);
        let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(literals);
        match automaton {
            Ok(automaton) if !with_literal.is_empty() => {
                Self { patterns, automaton: Some(automaton), literals: with_literal, bare }
            }
            // Too many literals for one automaton: every pattern is tried on its own.
            _ => Self { bare: (0..patterns.len()).collect(), patterns, automaton: None, literals: Vec::new() },
        }
    }

    /// Adds the rules with a pattern that matches `path`, which is seen in one of these turns.
    pub fn see(&self, path: &str, turns: Turns, matched: &mut Bits) {
        if self.patterns.is_empty() {
            return;
        }
        if path.contains('\\') {
            self.match_path(&path.replace('\\', "/"), turns, matched);
        } else {
            self.match_path(path, turns, matched);
        }
    }

    fn match_path(&self, path: &str, turns: Turns, matched: &mut Bits) {
        let mut try_pattern = |index: usize| {
            if let Some(pattern) = self.patterns.get(index)
                && !matched.contains(pattern.rule)
                && (pattern.turns == Turns::All || turns == Turns::Last)
                && pattern.matches(path)
            {
                matched.insert(pattern.rule);
            }
        };
        if let Some(automaton) = &self.automaton {
            for found in automaton.find_overlapping_iter(path) {
                if let Some(index) = self.literals.get(found.pattern().as_usize()) {
                    try_pattern(*index);
                }
            }
        }
        self.bare.iter().copied().for_each(try_pattern);
    }
}

impl Scope {
    fn of(pattern: &str) -> Self {
        match (pattern.contains(['*', '?', '[']), pattern.contains('/')) {
            (false, _) => Self::Substring,
            (true, false) => Self::BaseName,
            (true, true) => Self::Path,
        }
    }
}

impl Pattern {
    fn literal(&self) -> &str {
        match self.scope {
            Scope::Substring => &self.text,
            Scope::BaseName | Scope::Path => longest_literal(&self.text),
        }
    }

    fn matches(&self, path: &str) -> bool {
        match self.scope {
            Scope::Substring => path.contains(&*self.text),
            Scope::BaseName => path.rsplit('/').next().is_some_and(|name| fast_glob::glob_match(&*self.text, name)),
            Scope::Path => {
                let ends = path.match_indices('/').filter_map(|(slash, _)| path.get(slash + 1..));
                std::iter::once(path).chain(ends).any(|end| fast_glob::glob_match(&*self.text, end))
            }
        }
    }
}

/// The longest part of a glob that stands for itself.
fn longest_literal(glob: &str) -> &str {
    // Inside of brackets and braces are alternatives; `\` takes the meaning from what follows.
    let plain_to = glob.find(['[', '{', '\\']).unwrap_or(glob.len());
    let plain_from = glob.rfind([']', '}', '\\']).map_or(0, |at| at + 1).max(plain_to);
    let (head, tail) = (glob.get(..plain_to).unwrap_or_default(), glob.get(plain_from..).unwrap_or_default());
    // `**/` may stand for nothing at all, its slash included.
    let tail = if glob.contains('\\') { "" } else { tail };
    [head, tail]
        .into_iter()
        .flat_map(|part| part.split(['*', '?', '!']))
        .map(|part| part.trim_matches('/'))
        .max_by_key(|part| part.len())
        .unwrap_or_default()
}

/// What is wrong with the spelling of a pattern.
pub fn check(pattern: &str) -> Result<(), String> {
    if Scope::of(pattern) == Scope::Substring { Ok(()) } else { check_glob(pattern) }
}

/// What is wrong with the spelling of a glob.
pub fn check_glob(glob: &str) -> Result<(), String> {
    if glob.starts_with('!') {
        return Err("a glob says what matches; one that begins with `!` would say what does not".into());
    }
    fast_glob::validate(glob).map_err(|error| format!("not a glob: {error}"))
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::longest_literal;

    #[test]
    fn literals_stand_for_themselves() {
        for (glob, literal) in [
            ("*.md", ".md"),
            ("src/**/*.tsx", ".tsx"),
            ("src/**/a", "src"),
            ("*", ""),
            ("a[bc]def", "def"),
            ("{foo,barbaz}.x*", ".x"),
            ("a\\*bcd", "a"),
            ("**/", ""),
        ] {
            assert_eq!(longest_literal(glob), literal, "{glob}");
        }
    }
}
