//! Which rules, or parts of them, decide nothing because earlier rules decide whatever they match.

use std::collections::BTreeSet;

use mux::config::{HeaderCondition, RequestKind, Rule, Turns, When};
use mux::prompt::language::canonical;

use super::glob::{Glob, PathPattern};

/// What of a rule earlier rules decide.
pub enum Covered<'r> {
    /// All of it, together.
    Whole { by: BTreeSet<&'r str> },
    /// Only these, or nothing.
    Parts(Vec<Part<'r>>),
}

/// One of the alternatives of a condition.
pub struct Part<'r> {
    pub condition: &'static str,
    pub number: usize,
    pub by: &'r str,
}

/// A rule in a form that is quick to compare.
struct Shape<'r> {
    name: &'r str,
    /// Whether it takes what it matches from later rules.
    decides: bool,
    turns: Turns,
    lists: [List<'r>; 6],
    when: &'r When,
}

/// Alternatives of one condition; empty: the condition is not given.
enum List<'r> {
    Paths {
        condition: &'static str,
        patterns: Vec<PathPattern<'r>>,
    },
    Languages(Vec<Option<&'static str>>),
    Requests(&'r [RequestKind]),
    Models(Vec<Glob<'r>>),
    /// Names, and globs over values.
    Headers(Vec<(&'r str, Glob<'r>)>),
}

impl List<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Paths { patterns, .. } => patterns.len(),
            Self::Languages(names) => names.len(),
            Self::Requests(kinds) => kinds.len(),
            Self::Models(globs) => globs.len(),
            Self::Headers(conditions) => conditions.len(),
        }
    }

    fn condition(&self) -> &'static str {
        match self {
            Self::Paths { condition, .. } => condition,
            Self::Languages(_) => "language",
            Self::Requests(_) => "request",
            Self::Models(_) => "model",
            Self::Headers(_) => "header",
        }
    }

    /// Whether it depends on the turns that a rule looks at.
    fn looks_at_turns(&self) -> bool {
        matches!(self, Self::Paths { .. } | Self::Languages(_))
    }

    /// Whether the alternative `number` of `narrow` is within one of these alternatives.
    fn admits(&self, narrow: &Self, number: usize) -> bool {
        match (self, narrow) {
            (Self::Paths { patterns: wide, .. }, Self::Paths { patterns, .. }) => {
                patterns.get(number).is_some_and(|narrow| wide.iter().any(|wide| narrow.implies(wide)))
            }
            (Self::Languages(wide), Self::Languages(names)) => {
                names.get(number).is_some_and(|name| name.is_some() && wide.contains(name))
            }
            (Self::Requests(wide), Self::Requests(kinds)) => kinds.get(number).is_some_and(|kind| wide.contains(kind)),
            (Self::Models(wide), Self::Models(globs)) => {
                globs.get(number).is_some_and(|narrow| wide.iter().any(|wide| narrow.implies(wide)))
            }
            (Self::Headers(wide), Self::Headers(conditions)) => conditions
                .get(number)
                .is_some_and(|(name, narrow)| wide.iter().any(|(other, wide)| name == other && narrow.implies(wide))),
            _ => false,
        }
    }

    /// Whether it holds for every request.
    fn is_always(&self) -> bool {
        match self {
            Self::Requests(kinds) => kinds.is_empty() || RequestKind::ALL.iter().all(|kind| kinds.contains(kind)),
            _ => self.len() == 0,
        }
    }

    fn admits_all(&self, narrow: &Self) -> bool {
        narrow.len() > 0 && (0..narrow.len()).all(|number| self.admits(narrow, number))
    }
}

/// For each rule, what of it earlier rules decide; the flag says whether a rule takes what it matches from later ones.
pub fn covered<'r>(rules: &[(&'r Rule, bool)]) -> Vec<Covered<'r>> {
    let shapes: Vec<Shape<'r>> = rules.iter().map(|(rule, decides)| shape(rule, *decides)).collect();
    shapes
        .iter()
        .enumerate()
        .map(|(index, shape)| {
            let earlier = || shapes.iter().take(index).filter(|earlier| earlier.decides);
            if let Some(earlier) = earlier().find(|earlier| covers(earlier, shape, None)) {
                return Covered::Whole { by: BTreeSet::from([earlier.name]) };
            }
            let mut parts = Vec::new();
            for (list, field) in shape.lists.iter().enumerate() {
                let found = parts_of(list, field, shape, earlier());
                let by: BTreeSet<&str> = found.iter().map(|part| part.by).collect();
                let numbers: BTreeSet<usize> = found.iter().map(|part| part.number).collect();
                if field.len() > 0 && numbers.len() == field.len() {
                    return Covered::Whole { by };
                }
                parts.extend(found);
            }
            Covered::Parts(parts)
        })
        .collect()
}

/// The alternatives of one list that earlier rules decide.
fn parts_of<'a, 'r: 'a>(
    list: usize,
    field: &List<'r>,
    shape: &Shape<'r>,
    earlier: impl Iterator<Item = &'a Shape<'r>>,
) -> Vec<Part<'r>> {
    let mut open: BTreeSet<usize> = (0..field.len()).collect();
    let mut parts = Vec::new();
    for earlier in earlier {
        let Some(wide) = earlier.lists.get(list).filter(|_| !open.is_empty() && covers(earlier, shape, Some(list)))
        else {
            continue;
        };
        let (closed, left): (BTreeSet<usize>, _) = open.into_iter().partition(|number| wide.admits(field, *number));
        open = left;
        parts.extend(closed.into_iter().map(|number| Part { condition: field.condition(), number, by: earlier.name }));
    }
    parts.sort_by_key(|part| part.number);
    parts
}

/// Whether `wide` matches whatever `narrow` matches. `except`: one list that is left out of the comparison, but for the
/// turns that it looks at.
fn covers(wide: &Shape<'_>, narrow: &Shape<'_>, except: Option<usize>) -> bool {
    // What the last turn holds is among what all turns hold.
    let sees_all = wide.turns == Turns::All || narrow.turns == Turns::Last;
    let lists = wide.lists.iter().zip(&narrow.lists).enumerate().all(|(index, (wide, narrow))| {
        wide.is_always() || ((sees_all || !wide.looks_at_turns()) && (except == Some(index) || wide.admits_all(narrow)))
    });
    lists && covers_rest(wide, narrow)
}

fn covers_rest(wide: &Shape<'_>, narrow: &Shape<'_>) -> bool {
    let When {
        file: _,
        mention: _,
        language: _,
        request: _,
        model: _,
        header: _,
        min_tokens,
        max_tokens,
        tools,
        images,
        thinking,
    } = wide.when;
    let other = narrow.when;
    let at_least = min_tokens.is_none_or(|wide| other.min_tokens.is_some_and(|narrow| narrow >= wide));
    let at_most = max_tokens.is_none_or(|wide| other.max_tokens.is_some_and(|narrow| narrow <= wide));
    let same = |wide: &Option<bool>, narrow: Option<bool>| wide.is_none() || *wide == narrow;
    // Sizes and images of one turn say nothing certain about those of all turns.
    let looks_alike = wide.turns == narrow.turns || (min_tokens.is_none() && max_tokens.is_none() && images.is_none());
    at_least
        && at_most
        && looks_alike
        && same(tools, other.tools)
        && same(images, other.images)
        && same(thinking, other.thinking)
}

fn shape(rule: &Rule, decides: bool) -> Shape<'_> {
    let Rule { name, when, turns, target: _, instructions: _ } = rule;
    let lists = [
        List::Paths { condition: "file", patterns: paths(&when.file) },
        List::Paths { condition: "mention", patterns: paths(&when.mention) },
        List::Languages(when.language.iter().map(|name| canonical(name)).collect()),
        List::Requests(&when.request),
        List::Models(when.model.iter().map(|glob| Glob::new(glob)).collect()),
        List::Headers(
            when.header.iter().map(|HeaderCondition { name, value }| (name.as_str(), Glob::new(value))).collect(),
        ),
    ];
    Shape { name, decides, turns: *turns, lists, when }
}

fn paths(patterns: &[String]) -> Vec<PathPattern<'_>> {
    patterns.iter().map(|text| PathPattern::new(text)).collect()
}
