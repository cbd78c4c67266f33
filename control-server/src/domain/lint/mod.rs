//! What is questionable about the rules of a workspace. Only what is certain is reported.

mod cover;
mod glob;

use mux::config::{Rule, Target, When};

use cover::{Covered, covered};

/// For how long a rule may match nothing before it is reported.
pub const UNMATCHED_DAYS: i64 = 30;

/// A rule with what is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFacts {
    pub rule: Rule,
    pub target: TargetState,
    pub seen: Seen,
}

/// Whether what a rule names is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetState {
    Found,
    /// The provider is gone: the rule never matches.
    NoProvider,
    /// The provider lists models, and this one is not among them.
    NoModel,
    /// The workspace has no such model or deployment, or it leads nowhere: the rule never matches.
    NoName,
}

/// Whether requests show that a rule is of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    Matched,
    /// There were requests over [`UNMATCHED_DAYS`], and none was decided by it.
    NeverMatched,
    /// Too early to tell, or there were no requests.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// A rule does not do what it says.
    Error,
    /// Most likely not what was meant.
    Warning,
    Info,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub code: &'static str,
    pub severity: Severity,
    /// `None`: it is about all rules.
    pub rule: Option<String>,
    /// JSON pointer into `{"rules": […]}`.
    pub pointer: String,
    pub detail: String,
}

/// Looks at a whole list of rules, in their order.
pub fn lint(facts: &[RuleFacts]) -> Vec<Finding> {
    // Nodes never get a broken rule, and one for the requested model steps aside for what names none:
    // neither takes a request from a later rule for certain.
    let is_broken = |facts: &RuleFacts| matches!(facts.target, TargetState::NoProvider | TargetState::NoName);
    let decides = |facts: &RuleFacts| !is_broken(facts) && facts.rule.target != Target::Requested;
    let mut findings = Vec::new();
    let rules: Vec<(&Rule, bool)> = facts.iter().map(|facts| (&facts.rule, decides(facts))).collect();
    let covers = covered(&rules);
    for ((index, facts), covered) in facts.iter().enumerate().zip(covers) {
        about_order(index, facts, covered, &mut findings);
        about_target(index, facts, &mut findings);
        if facts.seen == Seen::NeverMatched {
            let detail = format!("no request of the last {UNMATCHED_DAYS} days was decided by it");
            findings.push(finding("never_matched", Severity::Info, facts, format!("/rules/{index}"), detail));
        }
    }
    let is_catch_all = |facts: &RuleFacts| facts.rule.when == When::default() && decides(facts);
    if !facts.iter().any(is_catch_all) {
        findings.push(Finding {
            code: "no_catch_all",
            severity: Severity::Info,
            rule: None,
            pointer: "/rules".to_owned(),
            detail: "a request that no rule matches is a 404; add a rule without conditions at the end to serve it"
                .to_owned(),
        });
    }
    findings
}

fn finding(code: &'static str, severity: Severity, facts: &RuleFacts, pointer: String, detail: String) -> Finding {
    Finding { code, severity, rule: Some(facts.rule.name.clone()), pointer, detail }
}

fn about_order(index: usize, facts: &RuleFacts, covered: Covered, findings: &mut Vec<Finding>) {
    match covered {
        Covered::Whole { by } => {
            let by = by.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let detail = format!("it never decides: whatever it matches is decided before it by {by}");
            findings.push(finding("unreachable", Severity::Warning, facts, format!("/rules/{index}"), detail));
        }
        Covered::Parts(parts) => {
            for part in parts {
                let pointer = format!("/rules/{index}/when/{}/{}", part.condition, part.number);
                let detail = format!("it changes nothing: what it matches is decided before it by `{}`", part.by);
                findings.push(finding("shadowed", Severity::Warning, facts, pointer, detail));
            }
        }
    }
}

fn about_target(index: usize, facts: &RuleFacts, findings: &mut Vec<Finding>) {
    let broken = |what: String| {
        let detail = format!("{what}, so the rule never matches; add it, or name another target");
        ("broken_target", Severity::Error, detail)
    };
    let (code, severity, detail) = match (facts.target, &facts.rule.target) {
        (TargetState::NoProvider, Target::Model(model)) => broken(format!("there is no provider `{}`", model.provider)),
        (TargetState::NoModel, Target::Model(model)) => {
            ("missing_model", Severity::Warning, missing_model(model.provider.as_str(), &model.id))
        }
        (TargetState::NoName, Target::Named(alias)) => {
            broken(format!("the workspace has no model and no deployment `{alias}` that leads to a provider"))
        }
        _ => return,
    };
    findings.push(finding(code, severity, facts, format!("/rules/{index}/target"), detail));
}

/// In the words that an import uses too.
pub fn missing_model(provider: &str, model: &str) -> String {
    format!("provider `{provider}` does not list a model `{model}`; requests go there all the same")
}

#[cfg(test)]
mod tests;
