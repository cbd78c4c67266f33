//! `/workspaces/{name}/lint`

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::Rest;
use super::extract::PathName;
use super::page::PageDoc;
use super::problem::Problem;
use crate::domain::lint::{Finding, lint};

/// Something questionable about the rules.
#[derive(Serialize, ToSchema)]
pub(super) struct FindingDoc {
    /// `unreachable`, `shadowed`, `broken_target`, `missing_model`, `never_matched` or `no_catch_all`
    #[schema(value_type = String)]
    code: &'static str,
    /// `error`, `warning` or `info`
    #[schema(value_type = String)]
    severity: &'static str,
    /// Null: it is about all rules.
    rule: Option<String>,
    detail: String,
    /// JSON pointer into `{"rules": […]}`.
    pointer: String,
}

impl From<Finding> for FindingDoc {
    fn from(finding: Finding) -> Self {
        let Finding { code, severity, rule, pointer, detail } = finding;
        Self { code, severity: severity.as_str(), rule, detail, pointer }
    }
}

/// Lists what is questionable about the rules of a workspace, and only what is certain.
#[utoipa::path(
    get,
    path = "/workspaces/{name}/lint",
    operation_id = "lintWorkspace",
    tag = "workspaces",
    params(("name" = String, Path)),
    responses((status = 200, body = PageDoc<FindingDoc>)),
)]
pub(super) async fn of_workspace(
    State(rest): State<Rest>,
    PathName(name): PathName,
) -> Result<Json<PageDoc<FindingDoc>>, Problem> {
    let facts = rest.app.store.rule_facts(&name).await?;
    // Every rule is compared with every earlier one, which takes a while where there are many.
    let findings = tokio::task::spawn_blocking(move || lint(&facts)).await.map_err(Problem::broken)?;
    Ok(Json(PageDoc::whole(findings.into_iter().map(FindingDoc::from).collect())))
}
