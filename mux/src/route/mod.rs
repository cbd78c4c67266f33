//! The one function that decides: a request and a snapshot in, where it goes and what is sent out.
//!
//! The filter calls it for every prompt; whoever explains a decision calls the same.

mod caller;
mod consider;
mod explain;
mod models;
mod rewrite;
mod translate;

use std::rc::Rc;

use crate::config::{self, Model, Target};
use crate::endpoint::{Address, Endpoint, Mode};
use crate::json;
use crate::prompt::Needs;
use crate::refusal::{Code, Refusal};
use crate::snapshot::Snapshot;

pub use caller::{Caller, caller};
use consider::Considered;
pub use explain::{Explanation, JudgedRule, SeenFile, explain};
pub use models::{models, models_body};
pub use translate::Translation;

/// The model name under which a client asks for the workspace's rules.
pub const MUX: &str = "mux";

/// A request as far as it matters for its route.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    pub address: Address<'a>,
    /// Header `x-muxspace-workspace`.
    pub workspace: Option<&'a str>,
    /// Header `x-muxspace-session`.
    pub session: Option<&'a str>,
    /// All headers, for rules that look at some; names are lower-case.
    pub headers: &'a [(String, Vec<u8>)],
    pub body: &'a [u8],
}

/// Where a request goes.
#[derive(Debug)]
pub struct Decision {
    /// The rule that decided; none: the client named a model.
    pub rule: Option<String>,
    pub provider: Rc<config::Provider>,
    pub model: Model,
    /// What the client asked for; empty: nothing.
    pub requested_model: String,
    pub stream: bool,
    pub action: Action,
}

/// What happens to a request.
#[derive(Debug)]
pub enum Action {
    Send(Sending),
    /// The gateway answers by itself: the provider does not count tokens, so they are estimated.
    Estimate {
        input_tokens: u64,
    },
}

/// How a request is sent on.
#[derive(Debug)]
pub struct Sending {
    pub endpoint: Endpoint,
    /// What changes in the body; none: nothing.
    pub head: Option<json::Head>,
    /// The provider was asked for usage that the client did not ask for: its extra chunk is to be taken out.
    pub usage_chunk: UsageChunk,
    /// None: the provider speaks the client's dialect.
    pub translation: Option<Translation>,
}

/// What happens to the last chunk of a chat stream, which holds nothing but usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageChunk {
    /// The client asked for it, or there is none.
    Keep,
    /// It comes only because the gateway asked.
    TakeOut,
}

/// Decides where a prompt goes.
pub fn decide(snapshot: &Snapshot, caller: &Caller, request: &Request) -> Result<Decision, Refusal> {
    // Where tokens are counted the rules need not ask for them.
    let needs = Needs { tokens: request.address.endpoint == Endpoint::CountTokens, ..Needs::default() };
    let considered = consider::consider(caller, request, needs)?;
    choose(snapshot, caller, request, &considered)
}

/// From what was seen to what is sent.
fn choose(
    snapshot: &Snapshot,
    caller: &Caller,
    request: &Request,
    considered: &Considered,
) -> Result<Decision, Refusal> {
    let Considered { prompt, requested, .. } = considered;
    let Chosen { rule, provider, model } = match request.address.mode {
        Mode::Named if requested != MUX => by_name(snapshot, requested)?,
        Mode::Named | Mode::Rules => by_rules(snapshot, caller, considered)?,
    };
    let instructions = [caller.workspace.instructions.as_str(), rule.map_or("", |rule| &rule.instructions)];
    Ok(Decision {
        action: action(considered, request.address.endpoint, &provider, &model, instructions)?,
        rule: rule.map(|rule| rule.name.clone()),
        provider,
        model,
        requested_model: requested.clone(),
        stream: prompt.stream,
    })
}

/// Sends the bytes on where the provider speaks the client's dialect, and else translates them.
fn action(
    considered: &Considered,
    endpoint: Endpoint,
    provider: &config::Provider,
    model: &Model,
    instructions: [&str; 2],
) -> Result<Action, Refusal> {
    let Considered { prompt, requested, .. } = considered;
    let client = endpoint.dialect();
    let to = translate::spoken(provider, client).ok_or_else(|| translate::no_way(provider, client))?;
    if to == client {
        let (edits, usage_chunk) = rewrite::edits(prompt, requested, model, instructions);
        let head = (!edits.is_empty()).then(|| json::splice(prompt.body, edits));
        return Ok(Action::Send(Sending { endpoint, head, usage_chunk, translation: None }));
    }
    if endpoint == Endpoint::CountTokens {
        return Ok(Action::Estimate { input_tokens: prompt.estimated_tokens(None) });
    }
    let edits: Vec<json::Edit> = rewrite::instructions(prompt, instructions).into_iter().collect();
    let instructed = (!edits.is_empty()).then(|| json::splice(prompt.body, edits).on(prompt.body));
    let body = instructed.as_deref().unwrap_or(prompt.body);
    let (with, translation) = translate::translated(provider, &model.id, client, to, body)?;
    Ok(Action::Send(Sending {
        endpoint: translate::endpoint_of(to),
        head: Some(json::Head { bytes: prompt.body.len(), with }),
        usage_chunk: UsageChunk::Keep,
        translation: Some(translation),
    }))
}

struct Chosen<'r> {
    rule: Option<&'r config::Rule>,
    provider: Rc<config::Provider>,
    model: Model,
}

fn by_rules<'c>(snapshot: &Snapshot, caller: &'c Caller, considered: &Considered) -> Result<Chosen<'c>, Refusal> {
    let facts = considered.facts();
    let matching = caller.workspace.rules.matching(&facts, &considered.seen);
    // A rule whose target is gone never matches.
    let mut resolved = matching.filter_map(|rule| {
        let (provider, model) = resolve(snapshot, &rule.target, &considered.requested)?;
        Some(Chosen { rule: Some(rule), provider, model })
    });
    resolved.next().ok_or_else(|| no_matching_rule(caller))
}

/// The model that a target stands for, and its provider; none: there is no such provider.
fn resolve(snapshot: &Snapshot, target: &Target, requested: &str) -> Option<(Rc<config::Provider>, Model)> {
    let model = match target {
        Target::Model(model) => model.clone(),
        Target::Requested => requested.parse().ok()?,
    };
    let provider = snapshot.provider(model.provider.as_str())?;
    Some((Rc::clone(provider), model))
}

fn no_matching_rule(caller: &Caller) -> Refusal {
    let name = &caller.workspace.name;
    let message = format!(
        "No rule of workspace `{name}` matches this request. Add a rule without conditions as a catch-all: \
         `PUT /api/v1/workspaces/{name}/rules`."
    );
    Refusal::new(Code::NoMatchingRule, message)
}

fn by_name(snapshot: &Snapshot, requested: &str) -> Result<Chosen<'static>, Refusal> {
    let Some((provider, model)) = resolve(snapshot, &Target::Requested, requested) else {
        let short: String = requested.chars().take(config::MODEL_BYTES_MAX).collect();
        let message = format!(
            "There is no model `{short}`. Name one as `provider/model`, or `{MUX}` to let the workspace's rules decide."
        );
        return Err(Refusal { param: Some("model".into()), ..Refusal::new(Code::ModelNotFound, message) });
    };
    Ok(Chosen { rule: None, provider, model })
}

#[cfg(test)]
mod tests;
