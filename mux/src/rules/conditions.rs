//! The conditions of a rule, one by one.

use crate::config::{HeaderCondition, RequestKind, Turns, When};

/// A condition by its name in rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    File,
    Mention,
    Language,
    Request,
    Model,
    Header,
    MinTokens,
    MaxTokens,
    Tools,
    Images,
    Thinking,
}

impl Condition {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Mention => "mention",
            Self::Language => "language",
            Self::Request => "request",
            Self::Model => "model",
            Self::Header => "header",
            Self::MinTokens => "min_tokens",
            Self::MaxTokens => "max_tokens",
            Self::Tools => "tools",
            Self::Images => "images",
            Self::Thinking => "thinking",
        }
    }
}

/// What conditions may see of a request besides paths.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub request: RequestKind,
    /// What the client asked for; empty: nothing.
    pub model: &'a str,
    /// Names are lower-case.
    pub headers: &'a [(String, Vec<u8>)],
    /// Estimated size of the prompt.
    pub tokens: u64,
    pub tools: bool,
    pub images: Images,
    pub thinking: bool,
}

/// Where in the conversation there are images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Images {
    None,
    /// In turns before the last one alone.
    Earlier,
    InLastTurn,
}

impl Facts<'_> {
    /// The first condition that does not hold in these turns, apart from those over paths.
    pub fn failed(&self, when: &When, turns: Turns) -> Option<Condition> {
        let When { file: _, mention: _, language: _, request, model, header, .. } = when;
        let When { min_tokens, max_tokens, tools, images, thinking, .. } = when;
        let has_images = match self.images {
            Images::None => false,
            Images::Earlier => turns == Turns::All,
            Images::InLastTurn => true,
        };
        let is = |wanted: &Option<bool>, present: bool| wanted.is_none_or(|wanted| wanted == present);
        let checks = [
            (Condition::Request, request.is_empty() || request.contains(&self.request)),
            (Condition::Model, model.is_empty() || model.iter().any(|glob| matches(glob, self.model.as_bytes()))),
            (Condition::Header, header.is_empty() || header.iter().any(|condition| self.has_header(condition))),
            (Condition::MinTokens, min_tokens.is_none_or(|min| self.tokens >= min)),
            (Condition::MaxTokens, max_tokens.is_none_or(|max| self.tokens <= max)),
            (Condition::Tools, is(tools, self.tools)),
            (Condition::Images, is(images, has_images)),
            (Condition::Thinking, is(thinking, self.thinking)),
        ];
        checks.into_iter().find(|(_, holds)| !holds).map(|(condition, _)| condition)
    }

    fn has_header(&self, condition: &HeaderCondition) -> bool {
        let HeaderCondition { name, value } = condition;
        self.headers.iter().any(|(own, text)| own == name && matches(value, text))
    }
}

/// A glob over a text that is no path: `*` also passes over slashes.
fn matches(glob: &str, text: &[u8]) -> bool {
    let has_slash = |bytes: &[u8]| bytes.contains(&b'/');
    if !has_slash(glob.as_bytes()) && !has_slash(text) {
        return fast_glob::glob_match(glob, text);
    }
    // Slashes mean nothing here, so they are made to be like any other character, on both sides.
    let plain = |bytes: &[u8]| bytes.iter().map(|byte| if *byte == b'/' { SLASH } else { *byte }).collect::<Vec<u8>>();
    fast_glob::glob_match(plain(glob.as_bytes()), plain(text))
}

/// Stands for a slash: a control character, which no pattern and no model may hold.
const SLASH: u8 = 0x1f;

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{Condition, Facts, Images, matches};
    use crate::config::{HeaderCondition, RequestKind, Turns, When};

    #[test]
    fn globs_over_texts() {
        for (glob, text, holds) in [
            ("gpt-*", "gpt-5", true),
            ("gpt-*", "openai/gpt-5", false),
            ("*gpt-*", "openai/gpt-5", true),
            ("openai/*", "openai/org/gpt-5", true),
            ("openai/*", "openai", false),
            ("claude-?-[45]", "claude-x-4", true),
            ("{gpt,o}*", "o3", true),
            ("*", "", true),
            ("x", "", false),
        ] {
            assert_eq!(matches(glob, text.as_bytes()), holds, "{glob} on {text}");
        }
    }

    #[test]
    fn the_condition_that_fails_is_named() {
        let headers = [("x-team".to_owned(), b"red-1".to_vec()), ("x-odd".to_owned(), vec![0xff])];
        let facts = Facts {
            request: RequestKind::Chat,
            model: "gpt-5",
            headers: &headers,
            tokens: 100,
            tools: true,
            images: Images::Earlier,
            thinking: false,
        };
        let header = |name: &str, value: &str| HeaderCondition { name: name.into(), value: value.into() };
        let when = When::default;
        for (when, is_last, failed) in [
            (when(), false, None),
            (When { request: vec![RequestKind::Fim, RequestKind::Chat], ..when() }, false, None),
            (When { request: vec![RequestKind::Fim], ..when() }, false, Some(Condition::Request)),
            (When { model: vec!["o*".into(), "gpt*".into()], ..when() }, false, None),
            (When { model: vec!["o*".into()], tools: Some(false), ..when() }, false, Some(Condition::Model)),
            (When { header: vec![header("x-team", "red*")], ..when() }, false, None),
            (When { header: vec![header("x-team", "blue*")], ..when() }, false, Some(Condition::Header)),
            (When { header: vec![header("x-none", "*")], ..when() }, false, Some(Condition::Header)),
            (When { header: vec![header("x-odd", "*")], ..when() }, false, None),
            (When { min_tokens: Some(100), max_tokens: Some(100), ..when() }, false, None),
            (When { min_tokens: Some(101), ..when() }, false, Some(Condition::MinTokens)),
            (When { max_tokens: Some(99), ..when() }, false, Some(Condition::MaxTokens)),
            (When { tools: Some(true), thinking: Some(false), ..when() }, false, None),
            (When { tools: Some(false), ..when() }, false, Some(Condition::Tools)),
            (When { images: Some(true), ..when() }, false, None),
            (When { images: Some(true), ..when() }, true, Some(Condition::Images)),
            (When { images: Some(false), ..when() }, true, None),
            (When { thinking: Some(true), ..when() }, false, Some(Condition::Thinking)),
        ] {
            let turns = if is_last { Turns::Last } else { Turns::All };
            assert_eq!(facts.failed(&when, turns), failed, "{when:?}");
        }
    }
}
