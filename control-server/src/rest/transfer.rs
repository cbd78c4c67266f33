//! `/workspaces/{name}/export` and `/workspaces/import`

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::Rest;
use super::collection::NewCollectionModelDoc;
use super::deployment_docs::NewDeploymentDoc;
use super::extract::{Params, PathName, RawBody, parse, parse_value};
use super::problem::Problem;
use super::rules::NewRuleDoc;
use super::workspace_docs::{SettingsDoc, WorkspaceDoc};
use super::written::{Wait, Written};
use crate::domain::document::{Difference, Document, ImportMode, Warning, in_spec};
use crate::store::{Imported, Run, StoreError};

/// The word that stands where other paths have a workspace's name.
const IMPORT: &str = "import";
const YAML: &str = "application/yaml";

/// A workspace as a file.
#[derive(ToSchema)]
#[schema(as = WorkspaceDocument, rename_all = "camelCase")]
#[allow(dead_code, reason = "it only describes what `Document` reads and writes")]
struct DocumentDoc {
    /// `muxspace/v1`
    api_version: String,
    /// `Workspace`
    kind: String,
    metadata: MetadataDoc,
    spec: Option<SpecDoc>,
}

#[derive(ToSchema)]
#[schema(as = WorkspaceMetadata)]
#[allow(dead_code, reason = "it only describes what `Metadata` reads and writes")]
struct MetadataDoc {
    name: String,
}

/// What is not given is empty, or at its default.
#[derive(ToSchema)]
#[schema(as = WorkspaceSpec)]
#[allow(dead_code, reason = "it only describes what `Spec` reads and writes")]
struct SpecDoc {
    description: Option<String>,
    custom_instructions: Option<String>,
    models: Option<Vec<NewCollectionModelDoc>>,
    deployments: Option<Vec<NewDeploymentDoc>>,
    rules: Option<Vec<NewRuleDoc>>,
    settings: Option<SettingsDoc>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum FormatParam {
    Json,
    Yaml,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ExportParams {
    /// Unless given, `yaml` if `Accept` asks for it, else `json`.
    #[param(inline)]
    format: Option<FormatParam>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ModeParam {
    Create,
    Replace,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ImportParams {
    /// `create`: refuse if the name is taken; `replace`: make what is there the same as the document. Unless given:
    /// `create`.
    #[param(inline)]
    mode: Option<ModeParam>,
    /// True: answer what would change, and change nothing.
    dry_run: Option<bool>,
    /// `applied`: answer when every connected node serves the change, at most after 10 seconds.
    #[param(inline)]
    wait: Option<Wait>,
}

/// The workspace as it is after the import, or would be.
#[derive(Serialize, ToSchema)]
pub(super) struct ImportedDoc {
    #[serde(flatten)]
    workspace: WorkspaceDoc,
    changes: Vec<DifferenceDoc>,
    warnings: Vec<WarningDoc>,
}

#[derive(Serialize, ToSchema)]
struct DifferenceDoc {
    /// Where in the document; a rule, model or deployment by its name: `/spec/rules/docs`. Empty: the document as a whole.
    path: String,
    /// Null: it was not there.
    before: Option<Value>,
    /// Null: it goes.
    after: Option<Value>,
}

#[derive(Serialize, ToSchema)]
struct WarningDoc {
    /// `missing_model`
    #[schema(value_type = String)]
    code: &'static str,
    /// JSON pointer into the document.
    pointer: String,
    detail: String,
}

/// Writes a workspace as a file: never its keys, members, history or usage.
#[utoipa::path(
    get,
    path = "/workspaces/{name}/export",
    operation_id = "exportWorkspace",
    tag = "workspaces",
    params(("name" = String, Path), ExportParams),
    responses((status = 200, content((DocumentDoc = "application/json"), (DocumentDoc = "application/yaml")))),
)]
pub(super) async fn export(
    State(rest): State<Rest>,
    PathName(name): PathName,
    Params(params): Params<ExportParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let document = Document::from(&rest.app.store.export_workspace(&name).await?);
    let format = params.format.unwrap_or_else(|| {
        if mentions(&headers, header::ACCEPT, "yaml") { FormatParam::Yaml } else { FormatParam::Json }
    });
    match format {
        FormatParam::Json => Ok(Json(document).into_response()),
        FormatParam::Yaml => {
            let text = serde_saphyr::to_string(&document).map_err(Problem::broken)?;
            Ok(([(header::CONTENT_TYPE, YAML)], text).into_response())
        }
    }
}

/// Makes a workspace what a file says, or changes nothing. The file is JSON or YAML.
// The path stands here in full, because the route is another: see the list of routes.
#[utoipa::path(
    post,
    path = "/api/v1/workspaces/import",
    operation_id = "importWorkspace",
    tag = "workspaces",
    params(ImportParams),
    request_body(content((DocumentDoc = "application/json"), (DocumentDoc = "application/yaml"))),
    responses(
        (status = 200, body = ImportedDoc, description = "Replaced, or a dry run"),
        (status = 201, body = ImportedDoc),
    ),
)]
pub(super) async fn import(
    State(rest): State<Rest>,
    PathName(name): PathName,
    Params(params): Params<ImportParams>,
    headers: HeaderMap,
    RawBody(bytes): RawBody,
) -> Result<Response, Problem> {
    if name.as_str() != IMPORT {
        let detail = "only `/workspaces/import` knows POST; a workspace is changed with PATCH";
        return Err(Problem::method_not_allowed(detail));
    }
    let ImportParams { mode, dry_run, wait } = params;
    let mode = match mode {
        None | Some(ModeParam::Create) => ImportMode::Create,
        Some(ModeParam::Replace) => ImportMode::Replace,
    };
    let run = if dry_run == Some(true) { Run::Dry } else { Run::Real };
    let new = read(&headers, &bytes)?.check().map_err(Problem::invalid)?;
    let imported = rest.app.store.import_workspace(&new, mode, run).await;
    let Imported { workspace, created, differences, warnings, revision } = imported.map_err(|error| match error {
        StoreError::Invalid(errors) => Problem::invalid(errors.into_iter().map(in_spec).collect()),
        error => error.into(),
    })?;
    let status = if created && run == Run::Real { StatusCode::CREATED } else { StatusCode::OK };
    let resource = Some(ImportedDoc {
        workspace: workspace.into(),
        changes: differences.into_iter().map(DifferenceDoc::from).collect(),
        warnings: warnings.into_iter().map(WarningDoc::from).collect(),
    });
    Ok(Written { status, resource, revision, wait }.answer(&rest).await)
}

/// JSON where the request says so or the text begins like it, else YAML.
fn read(headers: &HeaderMap, bytes: &[u8]) -> Result<Document, Problem> {
    let says = |format| mentions(headers, header::CONTENT_TYPE, format);
    let looks_like_json = bytes.trim_ascii_start().first() == Some(&b'{');
    let value: Value = if says("json") || (looks_like_json && !says("yaml")) {
        parse(bytes)?
    } else {
        let text = std::str::from_utf8(bytes).map_err(|error| Problem::invalid_yaml(error.to_string()))?;
        serde_saphyr::from_str(text).map_err(|error| Problem::invalid_yaml(error.to_string()))?
    };
    if !value.is_object() {
        return Err(Problem::invalid_field(
            "",
            "a document is an object, with `apiVersion`, `kind`, `metadata` and `spec`",
        ));
    }
    parse_value(value)
}

fn mentions(headers: &HeaderMap, name: header::HeaderName, word: &str) -> bool {
    headers.get(name).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains(word))
}

impl From<Difference> for DifferenceDoc {
    fn from(difference: Difference) -> Self {
        let Difference { path, before, after } = difference;
        Self { path, before, after }
    }
}

impl From<Warning> for WarningDoc {
    fn from(warning: Warning) -> Self {
        let Warning { code, pointer, detail } = warning;
        Self { code, pointer, detail }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use crate::domain::document::Document;

    #[rustfmt::skip]
    const TEXTS: &[&str] = &[
        "", " ", "\n", "\n\n", "\n a", "a\n", "a\n\n\n", " a", "a ", "a \nb\t\n", "\ta", "\r\n", "a\rb", "- a",
        "? a", ": a", "a: b", "a #b", "#a", "*a", "&a", "!a", "%a", "@a", "`a", "'", "\"", "\\", "\\n", "{a}",
        "[a]", "---", "...", "---\na", "a\n---\nb\n...\n", "~", "null", "true", "no", "1", "1e3", "0x1F", "0o7",
        ".inf", "1:30", "2026-01-31", "<<", "=", "|", ">", "\u{85}", "a\u{2028}b", "\u{feff}", "a\u{7f}b", "\u{1}",
        "🦀", "  indented\nless\n    more\n",
    ];

    #[test]
    fn every_text_survives_yaml() {
        let long = "word ".repeat(200);
        let wide = format!("{}\n\n{}\n", "x".repeat(500), "y ".repeat(300));
        for text in TEXTS.iter().copied().chain([long.as_str(), wide.as_str()]) {
            let json = serde_json::json!({
                "apiVersion": "muxspace/v1", "kind": "Workspace", "metadata": {"name": "w"},
                "spec": {
                    "description": text, "custom_instructions": format!("{text}\n{text}"),
                    "rules": [{"name": text, "when": {"file": [text]}, "target": text}],
                },
            });
            let document: Document = serde_json::from_value(json).unwrap();
            let yaml = serde_saphyr::to_string(&document).unwrap();
            let read = super::read(&HeaderMap::new(), yaml.as_bytes());
            assert_eq!(
                read.unwrap_or_else(|problem| panic!("{text:?}: {problem:?}\n{yaml}")),
                document,
                "{text:?}\n{yaml}"
            );
        }
    }
}
