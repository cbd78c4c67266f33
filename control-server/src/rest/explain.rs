//! `/explain`: what a filter would do with a request, by the same engine; nothing is sent.

use std::collections::BTreeMap;
use std::rc::Rc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use mux::config::{DEFAULT, Key, Name};
use mux::endpoint::{self, Address, Endpoint, Place};
use mux::refusal::{Code, Refusal};
use mux::route::{self, Action, Aim, Caller, Decision, Explanation, JudgedRule, Request, SeenFile, Sending};
use mux::snapshot::Snapshot;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::Rest;
use super::extract::Body;
use super::problem::Problem;

/// Bytes of a request's body: the largest prompt that is routed, written as JSON inside JSON.
pub(super) const BODY_BYTES_MAX: usize = 64 << 20;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExplainDoc {
    /// In this workspace; unless given, in that of the session.
    workspace: Option<String>,
    /// Unless given: `default`.
    session: Option<String>,
    /// As a client that shows this key, which says in which workspace; instead of the two above.
    key_id: Option<u64>,
    /// Such as `chat/completions`, by the workspace's rules, or a whole path such as `/v1/chat/completions`.
    endpoint: String,
    /// What a rule may look at.
    headers: Option<BTreeMap<String, String>>,
    /// The request's body, as it would be sent; a text is taken as the bytes of a body.
    #[schema(value_type = Object)]
    body: Box<RawValue>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ExplanationDoc {
    workspace: String,
    /// Null: the workspace was named.
    session: Option<String>,
    /// The revision that it is explained by.
    revision: u64,
    files: Vec<SeenFileDoc>,
    /// `chat`, `fim`, `completion`, `embedding`, `responses` or `messages`; null: it could not be read.
    #[schema(value_type = Option<String>)]
    request: Option<&'static str>,
    estimated_tokens: Option<u64>,
    rules: Vec<JudgedRuleDoc>,
    /// Null: the request is refused.
    decision: Option<DecisionDoc>,
    would_send: Option<WouldSendDoc>,
    /// What the client would get instead.
    refusal: Option<RefusalDoc>,
}

#[derive(Serialize, ToSchema)]
struct SeenFileDoc {
    path: String,
    /// By what it is known; `mention`: it is named in a user's own words and not in context.
    #[schema(value_type = String)]
    source: &'static str,
    /// 1 for the first turn of the user.
    turn: usize,
}

#[derive(Serialize, ToSchema)]
struct JudgedRuleDoc {
    name: String,
    matched: bool,
    /// The first condition that does not hold; `target`: it leads nowhere.
    #[schema(value_type = Option<String>)]
    failed_condition: Option<&'static str>,
}

#[derive(Serialize, ToSchema)]
struct DecisionDoc {
    /// Null: the client named the model.
    rule: Option<String>,
    target: String,
    /// The models that are tried, in this order.
    targets: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct WouldSendDoc {
    #[schema(value_type = String)]
    dialect: &'static str,
    path: String,
    model: String,
}

#[derive(Serialize, ToSchema)]
struct RefusalDoc {
    status: u16,
    #[schema(value_type = String)]
    code: &'static str,
    message: String,
}

/// Says which files a request has in context, which rules match it, and where it would go.
#[utoipa::path(
    post,
    path = "/explain",
    operation_id = "explain",
    tag = "routing",
    request_body = ExplainDoc,
    responses((status = 200, body = ExplanationDoc)),
)]
pub(super) async fn explain(
    State(rest): State<Rest>,
    Body(doc): Body<ExplainDoc>,
) -> Result<Json<ExplanationDoc>, Problem> {
    answer(&rest, doc).map(Json)
}

fn answer(rest: &Rest, doc: ExplainDoc) -> Result<ExplanationDoc, Problem> {
    let ExplainDoc { workspace, session, key_id, endpoint, headers, body } = doc;
    if key_id.is_some() && (workspace.is_some() || session.is_some()) {
        return Err(Problem::invalid_field("/key_id", "a key says itself in which workspace its requests are"));
    }
    let path = if endpoint.starts_with('/') { endpoint } else { format!("/v1/mux/{endpoint}") };
    let address = endpoint::address(&path)
        .ok_or_else(|| Problem::invalid_field("/endpoint", format!("`{path}` is no endpoint of the gateway")))?;
    let text: Option<String> = serde_json::from_str(body.get()).ok();
    let body = text.as_deref().unwrap_or(body.get()).as_bytes();
    let mut headers: Vec<(String, Vec<u8>)> = headers
        .unwrap_or_default()
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.into_bytes()))
        .collect();
    for (name, value) in [("x-muxspace-workspace", &workspace), ("x-muxspace-session", &session)] {
        headers.extend(value.iter().map(|value| (name.to_owned(), value.clone().into_bytes())));
    }
    let (workspace, session) = (workspace.as_deref(), session.as_deref());
    let request = Request { address, workspace, session, headers: &headers, body };
    let snapshot = rest.app.publisher.snapshot_for(&workspaces_of(&request), &sessions_of(&request), key_id);
    let snapshot = snapshot.map_err(Problem::broken)?;
    let caller = match key_id {
        None => route::caller(&snapshot, &request).map_err(|refusal| Problem::not_found(refusal.message))?,
        Some(id) => caller_of_key(&snapshot, id)?,
    };
    let explained = match caller.key.as_deref().map_or(Ok(()), |key| check_key(key, &caller, &request)) {
        Ok(()) => route::explain(&snapshot, &caller, &request),
        Err(refusal) => Err(refusal),
    };
    let doc = ExplanationDoc {
        workspace: caller.workspace.name.to_string(),
        session: caller.session.as_ref().map(Name::to_string),
        revision: snapshot.revision(),
        files: Vec::new(),
        request: None,
        estimated_tokens: None,
        rules: Vec::new(),
        decision: None,
        would_send: None,
        refusal: None,
    };
    Ok(match explained {
        Err(refusal) => ExplanationDoc { refusal: Some(refusal.into()), ..doc },
        Ok(explanation) => filled(doc, explanation, &request.address),
    })
}

fn caller_of_key(snapshot: &Snapshot, id: u64) -> Result<Caller, Problem> {
    let unknown = || Problem::invalid_field("/key_id", format!("there is no key {id}, or its workspace is archived"));
    let key = snapshot.key_by_id(id).ok_or_else(unknown)?;
    route::caller_of_key(snapshot, Rc::clone(key)).map_err(|refusal| Problem::not_found(refusal.message))
}

/// Refuses what a filter refuses before it looks at rules and models.
fn check_key(key: &Key, caller: &Caller, request: &Request) -> Result<(), Refusal> {
    let now_ms = Timestamp::now().as_millisecond().unsigned_abs();
    let is_own = match request.address.place {
        Place::Unsaid => true,
        Place::Workspace(name) => name.eq_ignore_ascii_case(caller.workspace.name.as_str()),
        Place::Session(id) => caller.session.as_ref().is_some_and(|own| id.eq_ignore_ascii_case(own.as_str())),
    };
    let holds = |endpoint: Endpoint| key.scopes.endpoints.holds(endpoint.path().trim_start_matches('/'));
    let is_held = match request.address.endpoint {
        Endpoint::Models => true,
        Endpoint::CountTokens => holds(Endpoint::CountTokens) || holds(Endpoint::Messages),
        endpoint => holds(endpoint),
    };
    if key.expires_at_ms.is_some_and(|at_ms| at_ms <= now_ms) {
        Err(Refusal::new(Code::InvalidApiKey, "This key has expired."))
    } else if !is_own {
        Err(Refusal::new(Code::NotAllowed, "A key opens its own workspace alone; the path names another place."))
    } else if !is_held {
        let endpoint = request.address.endpoint.path().trim_start_matches('/');
        Err(Refusal::new(Code::NotAllowed, format!("This key may not use the endpoint `{endpoint}`.")))
    } else {
        Ok(())
    }
}

fn filled(doc: ExplanationDoc, explanation: Explanation, address: &Address) -> ExplanationDoc {
    let Explanation { files, request, estimated_tokens, rules, decision } = explanation;
    let file = |SeenFile { path, source, turn }| SeenFileDoc { path, source, turn };
    let rule = |JudgedRule { name, failed_condition }| JudgedRuleDoc {
        name,
        matched: failed_condition.is_none(),
        failed_condition,
    };
    let (decision, would_send, refusal) = match decision {
        Err(refusal) => (None, None, Some(refusal.into())),
        Ok(Decision { rule, deployment, tries, action, .. }) => {
            let targets: Vec<String> = tries.iter().map(|aim| aim.model.to_string()).collect();
            let Aim { provider, model, .. } = tries.first;
            let target = deployment.map_or_else(|| model.to_string(), |deployment| deployment.name.to_string());
            let would_send = match action {
                Action::Send(Sending { endpoint, translation, .. }) => {
                    let query = if translation.is_some() { "" } else { address.query };
                    Some(WouldSendDoc {
                        dialect: endpoint.dialect().as_str(),
                        path: format!("{}{}{query}", provider.base_path, endpoint.path()),
                        model: model.id.into(),
                    })
                }
                Action::Estimate { .. } => None,
            };
            (Some(DecisionDoc { rule, targets, target }), would_send, None)
        }
    };
    ExplanationDoc {
        files: files.into_iter().map(file).collect(),
        request: Some(request.as_str()),
        estimated_tokens: Some(estimated_tokens),
        rules: rules.into_iter().map(rule).collect(),
        decision,
        would_send,
        refusal,
        ..doc
    }
}

impl From<Refusal> for RefusalDoc {
    fn from(refusal: Refusal) -> Self {
        let Refusal { code, message, param: _ } = refusal;
        Self { status: code.status(), code: code.as_str(), message }
    }
}

/// The workspaces that the request may turn out to be in.
fn workspaces_of(request: &Request) -> Vec<Name> {
    let by_path = match request.address.place {
        Place::Workspace(name) => Some(name),
        Place::Session(_) | Place::Unsaid => None,
    };
    names([by_path, request.workspace])
}

fn sessions_of(request: &Request) -> Vec<Name> {
    let by_path = match request.address.place {
        Place::Session(id) => Some(id),
        Place::Workspace(_) | Place::Unsaid => None,
    };
    names([by_path, request.session, Some(DEFAULT)])
}

fn names<const N: usize>(texts: [Option<&str>; N]) -> Vec<Name> {
    texts.into_iter().flatten().filter_map(|text| text.parse().ok()).collect()
}
