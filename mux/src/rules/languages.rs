//! All language conditions of a workspace: a file's ending or name leads to the rules that want its language.

use std::collections::HashMap;

use super::bits::Bits;
use crate::config::{Rule, Turns};
use crate::prompt::language::{self, Mark, canonical, file_name, marks_of};

#[derive(Debug)]
pub struct Languages {
    rules: HashMap<Mark<'static>, Vec<(usize, Turns)>>,
}

impl Languages {
    pub fn compile(rules: &[Rule]) -> Self {
        let mut by_mark: HashMap<Mark<'static>, Vec<(usize, Turns)>> = HashMap::new();
        for (index, rule) in rules.iter().enumerate() {
            let wanted = rule.when.language.iter().filter_map(|name| canonical(name));
            for mark in wanted.flat_map(language::marks) {
                by_mark.entry(mark).or_default().push((index, rule.turns));
            }
        }
        Self { rules: by_mark }
    }

    /// Adds the rules that want a language of the file at `path`, which is seen in one of these turns.
    pub fn see(&self, path: &str, turns: Turns, matched: &mut Bits) {
        if self.rules.is_empty() {
            return;
        }
        let name = file_name(path);
        for (rule, looks_at) in marks_of(&name).filter_map(|mark| self.rules.get(&mark)).flatten() {
            if *looks_at == Turns::All || turns == Turns::Last {
                matched.insert(*rule);
            }
        }
    }
}
