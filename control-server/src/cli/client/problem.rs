//! Refusals of the API as lines for people.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::Value;

use super::out::clean;

/// A problem document (RFC 9457), as far as it is shown.
#[derive(Deserialize)]
struct Problem {
    detail: String,
    #[serde(default)]
    errors: Vec<FieldError>,
    #[serde(default)]
    used_by: Vec<Use>,
}

#[derive(Deserialize)]
struct FieldError {
    #[serde(default)]
    pointer: String,
    detail: String,
}

#[derive(Deserialize)]
struct Use {
    workspace: String,
    #[serde(default)]
    rule: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    deployment: Option<String>,
}

/// The message of a refusal: one line for each bad field, with its pointer; `None`: this is no problem document.
pub fn explain(body: &Value) -> Option<String> {
    let Problem { detail, errors, used_by } = Problem::deserialize(body).ok()?;
    let mut text = String::new();
    if errors.is_empty() {
        text.push_str(&detail);
    }
    // The detail joins them anyway.
    for (number, FieldError { pointer, detail }) in errors.iter().enumerate() {
        let line_end = if number == 0 { "" } else { "\n  " };
        let _infallible = match pointer.as_str() {
            "" => write!(text, "{line_end}{detail}"),
            pointer => write!(text, "{line_end}{pointer}: {detail}"),
        };
    }
    for Use { workspace, rule, model, deployment } in used_by {
        for (kind, name) in [("rule", rule), ("model", model), ("deployment", deployment)] {
            let Some(name) = name else { continue };
            let _infallible = write!(text, "\n  used by {kind} {name} of workspace {workspace}");
        }
    }
    Some(clean(&text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::explain;

    #[test]
    fn refusals_are_one_line_per_error() {
        let rows = [
            (json!({"detail": "there is no workspace `x`"}), Some("there is no workspace `x`")),
            (
                json!({"detail": "a; b", "errors": [{"pointer": "/rules/0/target", "detail": "a"}, {"pointer": "", "detail": "b"}]}),
                Some("/rules/0/target: a\n  b"),
            ),
            (
                json!({"detail": "it is in use", "used_by": [{"workspace": "docs", "rule": "md"}]}),
                Some("it is in use\n  used by rule md of workspace docs"),
            ),
            (
                json!({"detail": "it", "used_by": [{"workspace": "a", "model": "m"}, {"workspace": "b", "deployment": "d"}]}),
                Some("it\n  used by model m of workspace a\n  used by deployment d of workspace b"),
            ),
            (json!({"detail": "red \u{1b}[31m"}), Some("red  [31m")),
            (json!({"error": "something else"}), None),
            (json!([]), None),
        ];
        for (body, expected) in rows {
            assert_eq!(explain(&body).as_deref(), expected, "{body}");
        }
    }
}
