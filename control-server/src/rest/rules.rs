//! `/workspaces/{name}/rules`, and rules as documents.

use std::fmt;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use mux::config::{Name, Rule, When};
use serde::de::{SeqAccess, Visitor, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};
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
    when: Option<NewWhenDoc>,
    /// `provider/model-id`, or `requested`
    target: String,
    /// Shown by the server and taken back unread, so that what was read can be sent.
    #[serde(rename = "broken")]
    _broken: Option<bool>,
}

/// Conditions, all of which must hold; none: the rule always matches.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewWhenDoc {
    /// Patterns over the paths of files in context, any of which may match.
    #[serde(default)]
    #[schema(value_type = OneOrManyDoc)]
    file: OneOrMany,
}

/// A text, or a list of texts.
#[derive(Default)]
struct OneOrMany(Vec<String>);

/// A text, or a list of texts.
#[derive(ToSchema)]
#[schema(as = OneOrMany)]
#[allow(dead_code, reason = "it only describes what `OneOrMany` reads")]
#[serde(untagged)]
enum OneOrManyDoc {
    One(String),
    Many(Vec<String>),
}

#[derive(Serialize, ToSchema)]
pub(super) struct RuleDoc {
    name: String,
    when: WhenDoc,
    target: String,
    /// True: its provider is gone, and it never matches.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    broken: bool,
}

#[derive(Serialize, ToSchema)]
struct WhenDoc {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    file: Vec<String>,
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
    let at_base = |errors| Problem::invalid(rebase(errors, base));
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

/// Errors point into `{"rules": […]}`; the list may stand elsewhere.
fn rebase(errors: Vec<FieldError>, base: &str) -> Vec<FieldError> {
    let rebased = errors.into_iter().map(|FieldError { pointer, message }| {
        let pointer = pointer.strip_prefix("/rules").map(|rest| format!("{base}{rest}")).unwrap_or(pointer);
        FieldError { pointer, message }
    });
    rebased.collect()
}

pub(super) fn drafts(docs: Vec<NewRuleDoc>) -> Vec<RuleDraft> {
    let draft = |NewRuleDoc { name, when, target, _broken: _ }| {
        let NewWhenDoc { file: OneOrMany(file) } = when.unwrap_or_default();
        RuleDraft { name, when: When { file }, target }
    };
    docs.into_iter().map(draft).collect()
}

impl From<StoredRule> for RuleDoc {
    fn from(stored: StoredRule) -> Self {
        let StoredRule { rule: Rule { name, when: When { file }, target }, broken } = stored;
        Self { name, when: WhenDoc { file }, target: target.to_string(), broken }
    }
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;

        impl<'de> Visitor<'de> for Texts {
            type Value = OneOrMany;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text or a list of texts")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, texts: A) -> Result<OneOrMany, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(texts)).map(OneOrMany)
            }
        }

        deserializer.deserialize_any(Texts)
    }
}
