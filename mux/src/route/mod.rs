//! The one function that decides: a request and a snapshot in, where it goes and what is sent out.
//!
//! The filter calls it for every prompt; whoever explains a decision calls the same.

mod caller;
mod consider;
mod explain;
mod key;
mod models;
mod resolve;
mod rewrite;
mod translate;
mod tries;

use std::rc::Rc;

use crate::config::{self, Deployment};
use crate::dialect::Dialect;
use crate::endpoint::{Address, Endpoint, Mode};
use crate::json;
use crate::prompt::{Needs, Prompt};
use crate::refusal::{Code, Refusal};
use crate::snapshot::Snapshot;

pub use caller::{Caller, caller, caller_of_key};
use consider::Considered;
pub use explain::{Explanation, JudgedRule, SeenFile, explain};
pub use key::{Credentials, holds_key};
pub use models::{models, models_body};
pub use resolve::{Aim, Destination, Nowhere};
pub use translate::Translation;
pub use tries::{Balancer, InOrder, Tries};

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
    /// None: there is one target alone.
    pub deployment: Option<Rc<Deployment>>,
    pub tries: Tries,
    /// What the client asked for; empty: nothing.
    pub requested_model: String,
    pub stream: bool,
    /// What the first try needs.
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
pub fn decide(
    snapshot: &Snapshot,
    caller: &Caller,
    request: &Request,
    balancer: &mut dyn Balancer,
) -> Result<Decision, Refusal> {
    // Where tokens are counted the rules need not ask for them.
    let needs = Needs { tokens: request.address.endpoint == Endpoint::CountTokens, ..Needs::default() };
    let considered = consider::consider(caller, request, needs)?;
    choose(snapshot, caller, request, &considered, balancer)
}

/// What a further try of a request needs that was decided before. `rule`: the name of the one that decided.
pub fn send_to(
    caller: &Caller,
    endpoint: Endpoint,
    body: &[u8],
    rule: Option<&str>,
    aim: &Aim,
) -> Result<Sending, Refusal> {
    let prompt = consider::read(endpoint, body, Needs::default())?;
    let requested = consider::requested_model(&prompt);
    let rule = rule.and_then(|name| caller.workspace.rules.iter().find(|rule| rule.name == name));
    match action(&prompt, &requested, endpoint, aim, instructions(caller, rule))? {
        Action::Send(sending) => Ok(sending),
        Action::Estimate { .. } => Err(translate::no_way(&aim.provider, endpoint.dialect())),
    }
}

/// Whether all tries take the body as it is made for the first.
pub fn share_a_body(tries: &Tries, client: Dialect) -> bool {
    let speaks_it = |aim: &Aim| translate::spoken(&aim.provider, client) == Some(client);
    tries.iter().all(|aim| speaks_it(aim) && aim.model.id == tries.first.model.id)
}

fn choose(
    snapshot: &Snapshot,
    caller: &Caller,
    request: &Request,
    considered: &Considered,
    balancer: &mut dyn Balancer,
) -> Result<Decision, Refusal> {
    let Considered { prompt, requested, .. } = considered;
    let (rule, destination) = match request.address.mode {
        Mode::Named if requested != MUX => (None, by_name(snapshot, caller, requested)?),
        Mode::Named | Mode::Rules => by_rules(snapshot, caller, considered)?,
    };
    resolve::check_scope(caller, &destination)?;
    let deployment = match &destination {
        Destination::Deployment(deployment, _) => Some(Rc::clone(deployment)),
        Destination::Model(_) => None,
    };
    let instructions = instructions(caller, rule);
    let mut tries = Tries::of(destination, &caller.workspace, balancer);
    let act = |aim: &Aim| action(prompt, requested, request.address.endpoint, aim, instructions);
    let mut acted = act(&tries.first);
    // A target that cannot be told what the client wants is passed over for one that can.
    for _ in 1..tries.count() {
        if acted.is_ok() {
            break;
        }
        tries = tries.rotated();
        acted = act(&tries.first);
    }
    Ok(Decision {
        action: acted?,
        rule: rule.map(|rule| rule.name.clone()),
        deployment,
        tries,
        requested_model: requested.clone(),
        stream: prompt.stream,
    })
}

/// The instructions that a request gets, the workspace's and the rule's; `rule`: the name of the one that decided.
pub fn instructions_of<'c>(caller: &'c Caller, rule: Option<&str>) -> [&'c str; 2] {
    instructions(caller, rule.and_then(|name| caller.workspace.rules.iter().find(|rule| rule.name == name)))
}

/// The workspace's and the rule's.
fn instructions<'c>(caller: &'c Caller, rule: Option<&'c config::Rule>) -> [&'c str; 2] {
    [caller.workspace.instructions.as_str(), rule.map_or("", |rule| &rule.instructions)]
}

/// Sends the bytes on where the provider speaks the client's dialect, and else translates them.
fn action(
    prompt: &Prompt,
    requested: &str,
    endpoint: Endpoint,
    aim: &Aim,
    instructions: [&str; 2],
) -> Result<Action, Refusal> {
    let Aim { provider, model, alias: _, requests_per_minute: _ } = aim;
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

fn by_rules<'c>(
    snapshot: &Snapshot,
    caller: &'c Caller,
    considered: &Considered,
) -> Result<(Option<&'c config::Rule>, Destination), Refusal> {
    let (facts, workspace) = (considered.facts(), &caller.workspace);
    let matching = workspace.rules.matching(&facts, &considered.seen);
    // A rule whose target is gone or switched off never matches.
    let mut resolved = matching.filter_map(|rule| {
        let destination = resolve::of_target(snapshot, workspace, &rule.target, &considered.requested).ok()?;
        Some((Some(rule), destination))
    });
    resolved.next().ok_or_else(|| no_matching_rule(caller))
}

fn no_matching_rule(caller: &Caller) -> Refusal {
    let name = &caller.workspace.name;
    let message = format!(
        "No rule of workspace `{name}` matches this request. Add a rule without conditions as a catch-all: \
         `PUT /api/v1/workspaces/{name}/rules`."
    );
    Refusal::new(Code::NoMatchingRule, message)
}

fn by_name(snapshot: &Snapshot, caller: &Caller, requested: &str) -> Result<Destination, Refusal> {
    resolve::of_name(snapshot, &caller.workspace, requested)
        .map_err(|why| resolve::no_such_model(snapshot, caller, requested, why))
}

#[cfg(test)]
mod isolation;
#[cfg(test)]
mod tests;
