//! `/workspaces/{name}/rules`, and rules as documents.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use mux::config::{Name, Rule, Turns, When};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Rest;
use super::extract::{Params, PathName, RawBody, parse};
use super::page::PageDoc;
use super::problem::Problem;
use super::written::{WriteParams, Written};
use crate::domain::error::FieldError;
use crate::domain::rules::{self, RuleDraft};
use crate::domain::workspace::StoredRule;
use crate::store::StoreError;

/// A rule as it is sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRuleDoc {
    /// Unless given: `rule-<n>`, counted from 1.
    name: Option<String>,
    #[schema(value_type = Option<WhenDoc>)]
    when: Option<When>,
    /// `last`: conditions look at the last user turn and what follows it. Unless given: `all`.
    turns: Option<TurnsDoc>,
    /// `provider/model-id`, `requested`, or the name of a model or deployment of the workspace
    target: String,
    /// Follow the workspace's in front of the system prompt.
    instructions: Option<String>,
    /// Shown by the server and taken back unread, so that what was read can be sent.
    #[serde(rename = "broken")]
    _broken: Option<bool>,
}

/// Conditions, all of which must hold; none: the rule always matches. A list within one condition means any.
#[derive(ToSchema)]
#[schema(as = When)]
#[allow(dead_code, reason = "it only describes what `When` reads and writes")]
struct WhenDoc {
    /// Patterns over the paths of files in context: a glob with `*`, `?` or `[`, else a part of the path.
    file: Option<OneOrManyDoc>,
    /// Patterns over the paths that a user names in own words.
    mention: Option<OneOrManyDoc>,
    /// Languages of files in context.
    language: Option<OneOrManyDoc>,
    /// `chat`, `fim`, `completion`, `embedding`, `responses` or `messages`
    request: Option<OneOrManyDoc>,
    /// Globs over the model that the client asked for.
    model: Option<OneOrManyDoc>,
    header: Option<Vec<HeaderConditionDoc>>,
    /// Estimated size of the prompt, at least.
    min_tokens: Option<u64>,
    /// Estimated size of the prompt, at most.
    max_tokens: Option<u64>,
    /// Whether tools are offered to the model.
    tools: Option<bool>,
    images: Option<bool>,
    /// Whether the model is asked to think first.
    thinking: Option<bool>,
}

/// A request header, and a glob over its value.
#[derive(ToSchema)]
#[schema(as = HeaderCondition)]
#[allow(dead_code, reason = "it only describes what `HeaderCondition` reads and writes")]
struct HeaderConditionDoc {
    name: String,
    value: String,
}

/// A text, or a list of texts.
#[derive(ToSchema)]
#[schema(as = OneOrMany)]
#[allow(dead_code, reason = "it only describes what conditions read")]
#[serde(untagged)]
enum OneOrManyDoc {
    One(String),
    Many(Vec<String>),
}

#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum TurnsDoc {
    All,
    Last,
}

#[derive(Serialize, ToSchema)]
pub(super) struct RuleDoc {
    name: String,
    #[schema(value_type = WhenDoc)]
    when: When,
    #[serde(skip_serializing_if = "Option::is_none")]
    turns: Option<TurnsDoc>,
    target: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    instructions: String,
    /// True: its target is gone, and it never matches.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    broken: bool,
}

/// The two forms in which rules are sent; a bare list is the third.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RulesDoc {
    rules: Vec<NewRuleDoc>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemsDoc {
    items: Vec<NewRuleDoc>,
    #[serde(rename = "next_cursor")]
    _next_cursor: Option<String>,
}

/// Lists all rules of a workspace in order.
#[utoipa::path(
    get,
    path = "/workspaces/{name}/rules",
    operation_id = "getRules",
    tag = "workspaces",
    params(("name" = String, Path)),
    responses((status = 200, body = PageDoc<RuleDoc>)),
)]
pub(super) async fn get(
    State(rest): State<Rest>,
    PathName(workspace): PathName,
) -> Result<Json<PageDoc<RuleDoc>>, Problem> {
    Ok(Json(read(&rest, &workspace).await?))
}

/// Replaces all rules of a workspace, or changes nothing: `{"rules": […]}`, or the bare list.
#[utoipa::path(
    put,
    path = "/workspaces/{name}/rules",
    operation_id = "putRules",
    tag = "workspaces",
    params(("name" = String, Path), WriteParams),
    request_body = RulesDoc,
    responses((status = 200, body = PageDoc<RuleDoc>)),
)]
pub(super) async fn put(
    State(rest): State<Rest>,
    PathName(workspace): PathName,
    Params(params): Params<WriteParams>,
    RawBody(bytes): RawBody,
) -> Result<Response, Problem> {
    let Sent { docs, base } = read_sent(&bytes)?;
    let at_base = |errors| Problem::invalid(FieldError::rebase(errors, "/rules", base));
    let rules = rules::check(&workspace, drafts(docs)).map_err(at_base)?;
    let revision = match rest.app.store.replace_rules(&workspace, &rules).await {
        Ok(revision) => revision,
        Err(StoreError::Invalid(errors)) => return Err(at_base(errors)),
        Err(error) => return Err(error.into()),
    };
    let resource = read(&rest, &workspace).await?;
    let written = Written { status: StatusCode::OK, resource: Some(resource), revision, wait: params.wait };
    Ok(written.answer(&rest).await)
}

async fn read(rest: &Rest, workspace: &Name) -> Result<PageDoc<RuleDoc>, Problem> {
    let rules = rest.app.store.rules(workspace).await?;
    Ok(PageDoc::whole(rules.into_iter().map(RuleDoc::from).collect()))
}

struct Sent {
    docs: Vec<NewRuleDoc>,
    /// Where the list stands in the body.
    base: &'static str,
}

fn read_sent(bytes: &[u8]) -> Result<Sent, Problem> {
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Ok(Sent { docs: parse(bytes)?, base: "" });
    }
    match parse::<RulesDoc>(bytes) {
        Ok(RulesDoc { rules }) => Ok(Sent { docs: rules, base: "/rules" }),
        // A list as it was read. If it is none either, the first complaint is the one that helps.
        Err(problem) => match parse::<ItemsDoc>(bytes) {
            Ok(ItemsDoc { items, _next_cursor: _ }) => Ok(Sent { docs: items, base: "/items" }),
            Err(_) => Err(problem),
        },
    }
}

pub(super) fn drafts(docs: Vec<NewRuleDoc>) -> Vec<RuleDraft> {
    let draft = |NewRuleDoc { name, when, turns, target, instructions, _broken: _ }| {
        let turns = match turns {
            None | Some(TurnsDoc::All) => Turns::All,
            Some(TurnsDoc::Last) => Turns::Last,
        };
        RuleDraft {
            name,
            when: when.unwrap_or_default(),
            turns,
            target,
            instructions: instructions.unwrap_or_default(),
        }
    };
    docs.into_iter().map(draft).collect()
}

impl From<StoredRule> for RuleDoc {
    fn from(stored: StoredRule) -> Self {
        let StoredRule { rule: Rule { name, when, turns, target, instructions }, broken } = stored;
        let turns = match turns {
            Turns::All => None,
            Turns::Last => Some(TurnsDoc::Last),
        };
        Self { name, when, turns, target: target.to_string(), instructions, broken }
    }
}
