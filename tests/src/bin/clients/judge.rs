//! Whether a run was good.

use std::fmt::Write;
use std::time::Duration;

use crate::model::Tokens;

/// What is known of a run once it is over.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Of the client's processes.
    pub trouble: Option<String>,
    pub edited: bool,
    pub done: bool,
    /// Prompts that reached the model.
    pub prompts: u64,
    /// What the model would not take.
    pub objections: Vec<String>,
    /// Of the request records, in their order.
    pub statuses: Vec<u16>,
    /// Answers of 400 and above that Envoy gave in that time, also to what is no prompt.
    pub refused: u64,
    /// What the model said that it used.
    pub said: Tokens,
    pub usage: Usage,
    pub took: Duration,
}

/// What was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    pub requests: u64,
    pub errors: u64,
    pub estimated_requests: u64,
    pub tokens: Tokens,
}

impl Outcome {
    /// What was wrong; nothing if the run was good.
    pub fn findings(&self) -> Vec<String> {
        let mut findings: Vec<String> = self.trouble.iter().cloned().collect();
        let mut wrong = |is_wrong: bool, what: String| {
            if is_wrong {
                findings.push(what);
            }
        };
        wrong(self.prompts == 0, "no prompt reached the model".into());
        wrong(!self.done, "its last word was not \"Done.\"".into());
        wrong(!self.edited, "README.md is not as it should be".into());
        wrong(!self.objections.is_empty(), format!("the model objects: {}", self.objections.join("; ")));
        wrong(self.statuses.iter().any(|status| *status != 200), format!("statuses {}", self.statuses()));
        wrong(
            self.statuses.len() as u64 != self.prompts,
            format!("{} records of {} prompts", self.statuses.len(), self.prompts),
        );
        wrong(self.refused > 0, format!("Envoy gave {} answers of 4xx or 5xx", self.refused));
        let Usage { requests, errors, estimated_requests, tokens } = self.usage;
        wrong(requests != self.prompts, format!("usage of {requests} of {} prompts", self.prompts));
        wrong(errors > 0, format!("{errors} errors in usage"));
        wrong(estimated_requests > 0, format!("{estimated_requests} estimates in usage"));
        wrong(tokens != self.said, format!("usage {tokens:?}, but the model said {:?}", self.said));
        findings
    }

    /// Such as `5×200`.
    pub fn statuses(&self) -> String {
        let mut text = String::new();
        for run in self.statuses.chunk_by(|one, next| one == next) {
            let separator = if text.is_empty() { "" } else { " " };
            let _ = write!(text, "{separator}{}×{}", run.len(), run[0]);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Spoil = fn(&mut Outcome);

    fn good() -> Outcome {
        let said = Tokens { input: 9, output: 3, ..Tokens::default() };
        Outcome {
            trouble: None,
            edited: true,
            done: true,
            prompts: 2,
            objections: Vec::new(),
            statuses: vec![200, 200],
            refused: 0,
            said,
            usage: Usage { requests: 2, errors: 0, estimated_requests: 0, tokens: said },
            took: Duration::ZERO,
        }
    }

    #[test]
    fn whatever_is_wrong_is_found() {
        assert_eq!(good().findings(), Vec::<String>::new());
        let rows: [(&str, Spoil); 11] = [
            ("ended with 1", |outcome| outcome.trouble = Some("it ended with 1".into())),
            ("Done.", |outcome| outcome.done = false),
            ("README.md", |outcome| outcome.edited = false),
            ("objects: GET /x", |outcome| outcome.objections.push("GET /x".into())),
            ("statuses 1×200 1×422", |outcome| outcome.statuses = vec![200, 422]),
            ("1 records of 2 prompts", |outcome| outcome.statuses.truncate(1)),
            ("Envoy gave 1", |outcome| outcome.refused = 1),
            ("usage of 3 of 2", |outcome| outcome.usage.requests = 3),
            ("1 errors", |outcome| outcome.usage.errors = 1),
            ("1 estimates", |outcome| outcome.usage.estimated_requests = 1),
            ("but the model said", |outcome| outcome.usage.tokens.cached = 1),
        ];
        for (expected, spoil) in rows {
            let mut outcome = good();
            spoil(&mut outcome);
            let findings = outcome.findings();
            assert!(findings.len() == 1 && findings[0].contains(expected), "{expected}: {findings:?}");
        }
    }
}
