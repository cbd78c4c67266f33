//! The one function that decides: a request and a snapshot in, where it goes and what is sent out.
//!
//! The filter calls it for every prompt; whoever explains a decision calls the same.

mod rewrite;

use std::rc::Rc;

use crate::config::{self, Model, Name, Target};
use crate::endpoint::{Address, Endpoint, Mode, Place};
use crate::json;
use crate::prompt::{self, Chat, Needs, ReadError};
use crate::refusal::{Code, Refusal};
use crate::snapshot::{Snapshot, Workspace};

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
    pub body: &'a [u8],
}

/// Whose workspace a request is in.
#[derive(Clone, Debug)]
pub struct Caller {
    pub workspace: Rc<Workspace>,
    /// The session that named it; none: the request named it itself.
    pub session: Option<Name>,
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
    /// What changes in the body; none: nothing.
    pub head: Option<json::Head>,
    /// The provider was asked for usage that the client did not ask for: its extra chunk is to be taken out.
    pub usage_chunk: UsageChunk,
}

/// What happens to the last chunk of a chat stream, which holds nothing but usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageChunk {
    /// The client asked for it, or there is none.
    Keep,
    /// It comes only because the gateway asked.
    TakeOut,
}

/// The workspace of a request: by its path, by its headers, or the one active in session `default`.
pub fn caller(snapshot: &Snapshot, request: &Request) -> Result<Caller, Refusal> {
    let named = match request.address.place {
        Place::Unsaid => request.workspace.map(Place::Workspace).or(request.session.map(Place::Session)),
        said => Some(said),
    };
    let (name, session) = match named {
        Some(Place::Workspace(name)) => (known_name(name, Code::UnknownWorkspace)?, None),
        Some(Place::Session(id)) => in_session(snapshot, id)?,
        Some(Place::Unsaid) | None => in_session(snapshot, config::DEFAULT)?,
    };
    let workspace = snapshot.workspace(name.as_str()).ok_or_else(|| unknown(Code::UnknownWorkspace, name.as_str()))?;
    Ok(Caller { workspace: Rc::clone(workspace), session })
}

fn in_session(snapshot: &Snapshot, id: &str) -> Result<(Name, Option<Name>), Refusal> {
    let id = known_name(id, Code::UnknownSession)?;
    let workspace = snapshot.active_workspace(id.as_str()).ok_or_else(|| unknown(Code::UnknownSession, id.as_str()))?;
    Ok((workspace.clone(), Some(id)))
}

fn known_name(text: &str, code: Code) -> Result<Name, Refusal> {
    text.parse().map_err(|_| unknown(code, text))
}

fn unknown(code: Code, name: &str) -> Refusal {
    let what = if code == Code::UnknownSession { "session" } else { "workspace" };
    let short: String = name.chars().take(config::NAME_BYTES_MAX).collect();
    Refusal::new(code, format!("There is no {what} `{short}`; `GET /api/v1/{what}s` lists those that are."))
}

/// Decides where a chat request goes.
pub fn decide(snapshot: &Snapshot, caller: &Caller, request: &Request) -> Result<Decision, Refusal> {
    if request.address.endpoint != Endpoint::ChatCompletions {
        let message = format!("`{}` is not served; `/v1/mux/chat/completions` is.", request.address.endpoint.path());
        return Err(Refusal::new(Code::UnknownEndpoint, message));
    }
    let needs = caller.workspace.rules.needs();
    let chat = prompt::read(request.body, needs).map_err(unreadable)?;
    let requested = requested_model(&chat);
    let chosen = match request.address.mode {
        Mode::Named if requested != MUX => by_name(snapshot, &requested)?,
        Mode::Named | Mode::Rules => by_rules(snapshot, caller, &chat, needs, &requested)?,
    };
    let (edits, usage_chunk) = rewrite::edits(&chat, &requested, &chosen.model);
    Ok(Decision {
        rule: chosen.rule,
        provider: chosen.provider,
        model: chosen.model,
        requested_model: requested,
        stream: chat.stream,
        head: (!edits.is_empty()).then(|| json::splice(request.body, edits)),
        usage_chunk,
    })
}

struct Chosen {
    rule: Option<String>,
    provider: Rc<config::Provider>,
    model: Model,
}

fn by_rules(
    snapshot: &Snapshot,
    caller: &Caller,
    chat: &Chat,
    needs: Needs,
    requested: &str,
) -> Result<Chosen, Refusal> {
    let matching = caller.workspace.rules.matching(|see| match needs {
        Needs::Nothing => {}
        Needs::Files => prompt::files(chat, |file| see(file.path)),
    });
    // A rule whose target is gone never matches.
    let mut resolved = matching.filter_map(|rule| {
        let model = match &rule.target {
            Target::Model(model) => model.clone(),
            Target::Requested => requested.parse().ok()?,
        };
        let provider = snapshot.provider(model.provider.as_str())?;
        Some(Chosen { rule: Some(rule.name.clone()), provider: Rc::clone(provider), model })
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

fn by_name(snapshot: &Snapshot, requested: &str) -> Result<Chosen, Refusal> {
    let model: Option<Model> = requested.parse().ok();
    let found = model.and_then(|model| Some((Rc::clone(snapshot.provider(model.provider.as_str())?), model)));
    let Some((provider, model)) = found else {
        let short: String = requested.chars().take(config::MODEL_BYTES_MAX).collect();
        let message = format!(
            "There is no model `{short}`. Name one as `provider/model`, or `{MUX}` to let the workspace's rules decide."
        );
        return Err(Refusal { param: Some("model"), ..Refusal::new(Code::ModelNotFound, message) });
    };
    Ok(Chosen { rule: None, provider, model })
}

/// What the client asked for, as text.
fn requested_model(chat: &Chat) -> String {
    let value = chat.model.clone().and_then(|span| chat.body.get(span)).unwrap_or_default();
    let text = value.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or_default();
    String::from_utf8_lossy(&json::unescape(text)).into_owned()
}

fn unreadable(error: ReadError) -> Refusal {
    let code = if matches!(error, ReadError::Json(_)) { Code::InvalidJson } else { Code::InvalidRequest };
    let message = match &error {
        ReadError::Json(error) => format!("The body is not valid JSON: {error}."),
        other => format!("{other}."),
    };
    Refusal { param: error.field(), ..Refusal::new(code, message) }
}

/// What a caller may name as a model: `mux`, and the models that the workspace's rules name.
pub fn models(snapshot: &Snapshot, caller: &Caller) -> Vec<String> {
    let mut ids = vec![MUX.to_owned()];
    for rule in caller.workspace.rules.iter() {
        if let Target::Model(model) = &rule.target
            && snapshot.provider(model.provider.as_str()).is_some()
        {
            let id = model.to_string();
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    ids
}

/// The answer to `GET …/models` (OpenAI's "List models").
pub fn models_body(ids: &[String]) -> Vec<u8> {
    let items: Vec<_> = ids
        .iter()
        .map(|id| {
            let owner = id.split_once('/').map_or("muxspace", |(provider, _)| provider);
            serde_json::json!({ "id": id, "object": "model", "created": 0, "owned_by": owner })
        })
        .collect();
    serde_json::json!({ "object": "list", "data": items }).to_string().into_bytes()
}

#[cfg(test)]
mod tests;
