//! Mux rules: tried top-down, the first whose conditions all hold decides.
//!
//! Conditions over paths are met while the paths go by, once for all rules; the others are asked of the few rules that
//! are left then.

mod bits;
mod check;
mod conditions;
mod languages;
mod patterns;

use std::cell::OnceCell;

use crate::config::{Rule, Turns};
use crate::prompt::Needs;
use bits::Bits;
pub use check::{check, check_instructions};
pub use conditions::{Condition, Facts, Images};
use languages::Languages;
use patterns::Patterns;

/// The rules of one workspace.
#[derive(Debug)]
pub struct Rules {
    rules: Vec<Rule>,
    needs: Needs,
    /// Built when a request first needs them: most of many workspaces are idle, and take no room for them.
    paths: OnceCell<Box<Paths>>,
}

/// All conditions over paths.
#[derive(Debug)]
struct Paths {
    file: Patterns,
    mention: Patterns,
    language: Languages,
    /// Rules without the condition.
    without: Seen,
}

/// The rules whose conditions over paths are met.
#[derive(Clone, Debug)]
pub struct Seen {
    file: Bits,
    mention: Bits,
    language: Bits,
}

/// How a path is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Its file is in context.
    InContext,
    /// A user names it in own words.
    Mentioned,
}

impl Rules {
    /// Takes rules that [`check`] found nothing wrong with; a pattern that it would refuse never matches.
    pub fn new(rules: Vec<Rule>) -> Self {
        let needs = needs(&rules);
        Self { rules, needs, paths: OnceCell::new() }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    /// What must be read of a request for these rules.
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// No path has gone by yet.
    pub fn start(&self) -> Seen {
        let none = || Bits::none(self.rules.len());
        Seen { file: none(), mention: none(), language: none() }
    }

    /// A path goes by, in the last turn or in an earlier one.
    pub fn see(&self, path: &str, known: Known, turns: Turns, seen: &mut Seen) {
        let Paths { file, mention, language, without: _ } = self.paths();
        match known {
            Known::InContext => {
                file.see(path, turns, &mut seen.file);
                language.see(path, turns, &mut seen.language);
            }
            Known::Mentioned => mention.see(path, turns, &mut seen.mention),
        }
    }

    /// The rules whose conditions all hold, in their order.
    pub fn matching<'r>(&'r self, facts: &Facts, seen: &Seen) -> impl Iterator<Item = &'r Rule> {
        let without = &self.paths().without;
        let mut left = Bits::either(&seen.file, &without.file);
        left.keep_either(&seen.mention, &without.mention);
        left.keep_either(&seen.language, &without.language);
        let holds = move |rule: &&Rule| facts.failed(&rule.when, rule.turns).is_none();
        left.into_indices().filter_map(|index| self.rules.get(index)).filter(holds)
    }

    /// Each rule with the first of its conditions that does not hold.
    pub fn judged<'r>(&'r self, facts: &Facts, seen: &Seen) -> impl Iterator<Item = (&'r Rule, Option<Condition>)> {
        let without = &self.paths().without;
        self.rules.iter().enumerate().map(move |(index, rule)| {
            let met = |own: &Bits, absent: &Bits| own.contains(index) || absent.contains(index);
            let paths = [
                (Condition::File, met(&seen.file, &without.file)),
                (Condition::Mention, met(&seen.mention, &without.mention)),
                (Condition::Language, met(&seen.language, &without.language)),
            ];
            let failed = paths.into_iter().find(|(_, met)| !met).map(|(condition, _)| condition);
            (rule, failed.or_else(|| facts.failed(&rule.when, rule.turns)))
        })
    }

    fn paths(&self) -> &Paths {
        self.paths.get_or_init(|| {
            let rules = self.rules.as_slice();
            let without =
                |has: fn(&Rule) -> bool| Bits::of(rules.len(), |rule| rules.get(rule).is_some_and(|r| !has(r)));
            Box::new(Paths {
                file: Patterns::compile(rules, |rule| &rule.when.file),
                mention: Patterns::compile(rules, |rule| &rule.when.mention),
                language: Languages::compile(rules),
                without: Seen {
                    file: without(|rule| !rule.when.file.is_empty()),
                    mention: without(|rule| !rule.when.mention.is_empty()),
                    language: without(|rule| !rule.when.language.is_empty()),
                },
            })
        })
    }
}

fn needs(rules: &[Rule]) -> Needs {
    let any = |has: fn(&Rule) -> bool| rules.iter().any(has);
    Needs {
        files: any(|rule| !rule.when.file.is_empty() || !rule.when.language.is_empty()),
        mentions: any(|rule| !rule.when.mention.is_empty()),
        images: any(|rule| rule.when.images.is_some()),
        tokens: any(|rule| rule.when.min_tokens.is_some() || rule.when.max_tokens.is_some()),
        turns: any(|rule| rule.turns == Turns::Last),
    }
}

#[cfg(test)]
mod tests;
