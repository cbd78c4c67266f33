//! What is wrong with rules that a person wrote.

use std::collections::HashMap;

use super::patterns;
use crate::config::{
    HeaderCondition, INSTRUCTIONS_BYTES_MAX, PATTERN_BYTES_MAX, PATTERNS_MAX, RULE_NAME_BYTES_MAX, RULES_MAX, Rule,
    When,
};
use crate::prompt::language;
use crate::snapshot::CompileError;

/// Everything that is wrong with a list of rules.
pub fn check(rules: &[Rule]) -> Vec<CompileError> {
    let mut errors = Errors(Vec::new());
    if rules.len() > RULES_MAX {
        errors.refuse("/rules".into(), format!("at most {RULES_MAX} rules, not {}", rules.len()));
    }
    let patterns: usize = rules.iter().map(|rule| pattern_count(&rule.when)).sum();
    if patterns > PATTERNS_MAX {
        let message = format!("at most {PATTERNS_MAX} patterns in all rules together, not {patterns}");
        errors.refuse("/rules".into(), message);
    }
    let mut names = HashMap::new();
    for (index, Rule { name, when, turns: _, target: _, instructions }) in rules.iter().enumerate() {
        if name.is_empty() || name.len() > RULE_NAME_BYTES_MAX || name.chars().any(char::is_control) {
            let message = format!("a rule's name has 1 to {RULE_NAME_BYTES_MAX} bytes and no control characters");
            errors.refuse(format!("/rules/{index}/name"), message);
        }
        if let Some(first) = names.insert(name.as_str(), index) {
            errors.refuse(format!("/rules/{index}/name"), format!("rule {first} has the name `{name}` already"));
        }
        errors.take(|| format!("/rules/{index}/instructions"), check_instructions(instructions));
        check_when(&format!("/rules/{index}/when"), when, &mut errors);
    }
    errors.0
}

/// Instructions of a workspace or a rule.
pub fn check_instructions(text: &str) -> Result<(), String> {
    if text.len() > INSTRUCTIONS_BYTES_MAX {
        return Err(format!("instructions have at most {INSTRUCTIONS_BYTES_MAX} bytes, not {}", text.len()));
    }
    Ok(())
}

struct Errors(Vec<CompileError>);

impl Errors {
    fn refuse(&mut self, pointer: String, message: String) {
        self.0.push(CompileError { pointer, message });
    }

    fn take(&mut self, pointer: impl FnOnce() -> String, checked: Result<(), String>) {
        if let Err(message) = checked {
            self.refuse(pointer(), message);
        }
    }
}

fn pattern_count(when: &When) -> usize {
    when.file.len() + when.mention.len() + when.language.len() + when.model.len() + when.header.len()
}

fn check_when(at: &str, when: &When, errors: &mut Errors) {
    // Yes, no and kinds of requests cannot be wrong.
    let When {
        file,
        mention,
        language,
        request: _,
        model,
        header,
        min_tokens,
        max_tokens,
        tools: _,
        images: _,
        thinking: _,
    } = when;
    for (field, list) in [("file", file), ("mention", mention)] {
        for (number, pattern) in list.iter().enumerate() {
            errors
                .take(|| format!("{at}/{field}/{number}"), check_text(pattern).and_then(|()| patterns::check(pattern)));
        }
    }
    for (number, name) in language.iter().enumerate() {
        errors.take(|| format!("{at}/language/{number}"), check_language(name));
    }
    for (number, glob) in model.iter().enumerate() {
        errors.take(|| format!("{at}/model/{number}"), check_text(glob).and_then(|()| patterns::check_glob(glob)));
    }
    for (number, HeaderCondition { name, value }) in header.iter().enumerate() {
        errors.take(|| format!("{at}/header/{number}/name"), check_header_name(name));
        let checked = check_text(value).and_then(|()| patterns::check_glob(value));
        errors.take(|| format!("{at}/header/{number}/value"), checked);
    }
    if let (Some(min), Some(max)) = (min_tokens, max_tokens)
        && min > max
    {
        errors.refuse(format!("{at}/min_tokens"), format!("{min} is more than `max_tokens`, {max}: it can never hold"));
    }
}

fn check_text(pattern: &str) -> Result<(), String> {
    if pattern.is_empty() {
        return Err("an empty pattern; leave the condition out to match always".into());
    }
    if pattern.len() > PATTERN_BYTES_MAX || pattern.chars().any(char::is_control) {
        return Err(format!("a pattern has at most {PATTERN_BYTES_MAX} bytes and no control characters"));
    }
    Ok(())
}

fn check_language(name: &str) -> Result<(), String> {
    if language::canonical(name).is_some() {
        return Ok(());
    }
    let known: Vec<&str> = language::names().collect();
    Err(format!("`{name}` is not a language that is known; these are: {}", known.join(", ")))
}

fn check_header_name(name: &str) -> Result<(), String> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    if name.is_empty() || name.len() > PATTERN_BYTES_MAX || !name.bytes().all(fits) {
        return Err("a header's name is lower-case letters, digits, `-`, `_` and `.`".into());
    }
    if name.starts_with("x-envoy-") {
        return Err("headers named `x-envoy-…` are Envoy's own and no client's".into());
    }
    Ok(())
}
