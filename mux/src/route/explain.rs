//! Why a request goes where it goes: the same decision, with all that led to it.

use super::consider::consider;
use super::{Caller, Decision, InOrder, Request, choose, resolve};
use crate::config::RequestKind;
use crate::prompt::{self, Needs, Sight};
use crate::refusal::Refusal;
use crate::snapshot::Snapshot;

/// Everything that a rule could see, and what came of it.
#[derive(Debug)]
pub struct Explanation {
    /// Paths in order of appearance, each once for each way and turn in which it is seen.
    pub files: Vec<SeenFile>,
    pub request: RequestKind,
    pub estimated_tokens: u64,
    /// All rules of the workspace, in their order.
    pub rules: Vec<JudgedRule>,
    pub decision: Result<Decision, Refusal>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenFile {
    pub path: String,
    /// By what it is known, such as `tool_call`; `mention`: it is not in context.
    pub source: &'static str,
    /// 1 for the first turn of the user.
    pub turn: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedRule {
    pub name: String,
    /// The first condition that does not hold, or `target` where it leads nowhere; none: the rule matches.
    pub failed_condition: Option<&'static str>,
}

/// Explains a request; refuses what is no request of its dialect.
pub fn explain(snapshot: &Snapshot, caller: &Caller, request: &Request) -> Result<Explanation, Refusal> {
    let considered = consider(caller, request, Needs::ALL)?;
    let mut files: Vec<SeenFile> = Vec::new();
    prompt::sights(&considered.prompt, |Sight { path, source, message }| {
        let turn = considered.prompt.turn_of(message);
        let seen = SeenFile { path: path.to_owned(), source: source.as_str(), turn };
        if considered.scope.holds(message) && files.last() != Some(&seen) && !files.contains(&seen) {
            files.push(seen);
        }
    });
    let facts = considered.facts();
    let judged = caller.workspace.rules.judged(&facts, &considered.seen).map(|(rule, failed)| {
        let leads_nowhere =
            || resolve::of_target(snapshot, &caller.workspace, &rule.target, &considered.requested).is_err();
        let failed = failed.map(|condition| condition.as_str());
        JudgedRule { name: rule.name.clone(), failed_condition: failed.or_else(|| leads_nowhere().then_some("target")) }
    });
    Ok(Explanation {
        files,
        request: facts.request,
        estimated_tokens: facts.tokens,
        rules: judged.collect(),
        decision: choose(snapshot, caller, request, &considered, &mut InOrder),
    })
}
