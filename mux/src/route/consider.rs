//! A request as the rules of its workspace see it.

use super::{Caller, Request};
use crate::config::{Switch, Turns};
use crate::endpoint::Endpoint;
use crate::json;
use crate::prompt::{self, Needs, Prompt, ReadError, Sight, Source};
use crate::refusal::{Code, Refusal};
use crate::rules::{Facts, Images, Known, Seen};

pub struct Considered<'a> {
    pub prompt: Prompt<'a>,
    /// What the client asked for; empty: nothing.
    pub requested: String,
    /// Which conditions over paths are met.
    pub seen: Seen,
    pub scope: Scope,
    tokens: u64,
    images: Images,
    headers: &'a [(String, Vec<u8>)],
}

/// The part of a conversation that decides.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// First message of the last user turn.
    last_turn: usize,
    /// Messages behind this one decide nothing; none: all of them count.
    until: Option<usize>,
}

impl Scope {
    fn of(prompt: &Prompt, switch: Switch) -> Self {
        let last = prompt.last_user_turn();
        let until = match switch {
            Switch::Anytime => None,
            Switch::UserTurn => last.as_ref().map(|turn| *turn.end()),
        };
        Self { last_turn: last.map_or(0, |turn| *turn.start()), until }
    }

    pub fn holds(self, message: usize) -> bool {
        self.until.is_none_or(|until| message <= until)
    }

    fn turns(self, message: usize) -> Turns {
        if message >= self.last_turn { Turns::Last } else { Turns::All }
    }
}

/// Reads a request as far as its workspace's rules look, and at least for `needs`.
pub fn consider<'a>(caller: &Caller, request: &Request<'a>, needs: Needs) -> Result<Considered<'a>, Refusal> {
    let rules = &caller.workspace.rules;
    let needs = together(rules.needs(), needs, caller.workspace.switch);
    let prompt = read(request.address.endpoint, request.body, needs)?;
    let scope = Scope::of(&prompt, caller.workspace.switch);
    let mut seen = rules.start();
    if needs.files || needs.mentions {
        prompt::sights(&prompt, |Sight { path, source, message }| {
            if scope.holds(message) {
                rules.see(path, known(source), scope.turns(message), &mut seen);
            }
        });
    }
    Ok(Considered {
        requested: requested_model(&prompt),
        seen,
        scope,
        tokens: if needs.tokens { prompt.estimated_tokens(scope.until) } else { 0 },
        images: if needs.images { images(&prompt, scope) } else { Images::None },
        headers: request.headers,
        prompt,
    })
}

/// Reads a body, or says what is wrong with it.
pub fn read(endpoint: Endpoint, body: &[u8], needs: Needs) -> Result<Prompt<'_>, Refusal> {
    prompt::read(endpoint, body, needs).map_err(unreadable)
}

impl Considered<'_> {
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            request: self.prompt.kind,
            model: &self.requested,
            headers: self.headers,
            tokens: self.tokens,
            tools: self.prompt.has_tools,
            images: self.images,
            thinking: self.prompt.thinking,
        }
    }
}

fn together(one: Needs, other: Needs, switch: Switch) -> Needs {
    Needs {
        files: one.files || other.files,
        mentions: one.mentions || other.mentions,
        images: one.images || other.images,
        tokens: one.tokens || other.tokens,
        turns: one.turns || other.turns || switch == Switch::UserTurn,
    }
}

pub fn known(source: Source) -> Known {
    match source {
        Source::Mention => Known::Mentioned,
        _ => Known::InContext,
    }
}

fn images(prompt: &Prompt, scope: Scope) -> Images {
    let until = scope.until.unwrap_or(usize::MAX);
    if prompt.has_images(scope.last_turn..=until) {
        Images::InLastTurn
    } else if prompt.has_images(..=until) {
        Images::Earlier
    } else {
        Images::None
    }
}

/// What the client asked for, as text.
pub fn requested_model(prompt: &Prompt) -> String {
    let value = prompt.model.clone().and_then(|span| prompt.body.get(span)).unwrap_or_default();
    let text = value.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or_default();
    String::from_utf8_lossy(&json::unescape(text)).into_owned()
}

fn unreadable(error: ReadError) -> Refusal {
    let code = if matches!(error, ReadError::Json(_)) { Code::InvalidJson } else { Code::InvalidRequest };
    let message = match &error {
        ReadError::Json(error) => format!("The body is not valid JSON: {error}."),
        other => format!("{other}."),
    };
    Refusal { param: error.field().map(Into::into), ..Refusal::new(code, message) }
}
