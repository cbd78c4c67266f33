//! Turns rules as a person wrote them into rules that can be compiled, or says everything that is wrong with them.

use std::collections::HashSet;

use mux::config::{Name, RULE_NAME_BYTES_MAX, RULES_MAX, Rule, Target, Turns, When, Workspace};
use mux::snapshot::check_workspace;
use serde::{Deserialize, Serialize};

use super::error::FieldError;

/// A rule as it is written, in workspace files among others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleDraft {
    /// `None`: it gets the name `rule-<n>`, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub when: When,
    #[serde(default, skip_serializing_if = "is_default")]
    pub turns: Turns,
    pub target: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instructions: String,
}

impl From<&Rule> for RuleDraft {
    fn from(rule: &Rule) -> Self {
        let Rule { name, when, turns, target, instructions } = rule.clone();
        Self { name: Some(name), when, turns, target: target.to_string(), instructions }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Checks a whole list. Errors point into `{"rules": […]}`.
pub fn check(workspace: &Name, drafts: Vec<RuleDraft>) -> Result<Vec<Rule>, Vec<FieldError>> {
    if drafts.len() > RULES_MAX {
        return Err(vec![FieldError::new("/rules", format!("a workspace has at most {RULES_MAX} rules"))]);
    }
    let mut errors = Vec::new();
    let mut names = HashSet::new();
    let mut rules = Vec::with_capacity(drafts.len());
    for (index, draft) in drafts.into_iter().enumerate() {
        let RuleDraft { name, when, turns, target, instructions } = draft;
        let name = name.unwrap_or_else(|| format!("rule-{}", index + 1));
        if let Err(message) = check_name(&name) {
            errors.push(FieldError::new(format!("/rules/{index}/name"), message));
        } else if !names.insert(name.clone()) {
            errors.push(FieldError::new(format!("/rules/{index}/name"), format!("the name `{name}` stands twice")));
        }
        match target.parse::<Target>() {
            Ok(target) => rules.push(Rule { name, when, turns, target, instructions }),
            Err(error) => errors.push(FieldError::new(format!("/rules/{index}/target"), error)),
        }
    }
    // The engine counts rules as they stand, so it only sees whole lists.
    if errors.is_empty() {
        let workspace = Workspace::new(workspace.clone(), rules);
        errors.extend(check_workspace(&workspace).into_iter().map(|error| {
            let mux::snapshot::CompileError { pointer, message } = error;
            FieldError { pointer, message }
        }));
        rules = workspace.rules;
    }
    if errors.is_empty() { Ok(rules) } else { Err(errors) }
}

fn check_name(name: &str) -> Result<(), String> {
    let fits = !name.is_empty() && name.len() <= RULE_NAME_BYTES_MAX && !name.chars().any(char::is_control);
    if fits {
        Ok(())
    } else {
        Err(format!("a rule's name has 1 to {RULE_NAME_BYTES_MAX} bytes and no control characters"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(name: Option<&str>, target: &str) -> RuleDraft {
        RuleDraft {
            name: name.map(str::to_owned),
            when: When::default(),
            turns: Turns::All,
            target: target.to_owned(),
            instructions: String::new(),
        }
    }

    #[test]
    fn rules_without_a_name_are_numbered() {
        let workspace = "w".parse().unwrap();
        let rules = check(&workspace, vec![draft(None, "a/x"), draft(Some("b"), "requested"), draft(None, "a/y/z")]);
        let names: Vec<String> = rules.unwrap().into_iter().map(|rule| rule.name).collect();
        assert_eq!(names, ["rule-1", "b", "rule-3"]);
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let workspace = "w".parse().unwrap();
        let drafts = vec![
            draft(Some("a"), "p/m"),
            draft(Some("a"), "p/m"),
            draft(Some(""), "p/m"),
            draft(None, "no target"),
            draft(Some("rule-2"), "p/m"),
        ];
        let pointers: Vec<String> = check(&workspace, drafts).unwrap_err().into_iter().map(|e| e.pointer).collect();
        assert_eq!(pointers, ["/rules/1/name", "/rules/2/name", "/rules/3/target"]);
        let many = vec![draft(None, "p/m"); RULES_MAX + 1];
        assert_eq!(check(&workspace, many).unwrap_err()[0].pointer, "/rules");
    }
}
