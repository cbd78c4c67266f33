//! Guessing endpoints, and what is asked and told.

use super::*;

#[test]
fn endpoints_are_told_by_the_body() {
    let rows = [
        (json!({"messages": []}), Endpoint::Chat),
        (json!({}), Endpoint::Chat),
        (json!({"messages": [{"role": "system", "content": "x"}], "thinking": {}}), Endpoint::Chat),
        (json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}), Endpoint::Chat),
        (json!({"system": "x", "messages": []}), Endpoint::Messages),
        (json!({"messages": [], "tools": [{"name": "t", "input_schema": {}}]}), Endpoint::Messages),
        (json!({"messages": [], "tools": [{"type": "function", "function": {}}]}), Endpoint::Chat),
        (json!({"messages": [{"role": "user", "content": [{"type": "tool_result"}]}]}), Endpoint::Messages),
        (json!({"input": "x"}), Endpoint::Responses),
        (json!({"input": "x", "model": "text-embedding-3-small"}), Endpoint::Embeddings),
        (json!({"input": "x", "encoding_format": "float"}), Endpoint::Embeddings),
        (json!({"prompt": "x", "suffix": "y"}), Endpoint::Completions),
    ];
    for (body, expected) in rows {
        assert_eq!(Endpoint::guess(&body), expected, "{body}");
    }
}

#[test]
fn the_body_is_sent_as_it_was_read() {
    let arguments = Arguments {
        key: None,
        file: PathBuf::from("-"),
        workspace: None,
        session: None,
        endpoint: None,
        headers: vec![("x-a".to_owned(), "b\"}".to_owned())],
    };
    let body = "{\"messages\": [], \"n\": 1.0e0}";
    let asked = question(&arguments, body);
    assert!(asked.ends_with(&format!(",\"body\":{body}}}")), "{asked}");
    let read: Value = serde_json::from_str(&asked).unwrap();
    assert_eq!(read["endpoint"], "chat/completions");
    assert_eq!(read["session"], "default");
    assert_eq!(read["headers"], json!({"x-a": "b\"}"}));
}

#[test]
fn headers_are_read() {
    assert_eq!(read_header("X-Team=red"), Ok(("x-team".to_owned(), "red".to_owned())));
    assert_eq!(read_header("x-team: a=b"), Ok(("x-team".to_owned(), "a=b".to_owned())));
    assert!(read_header("x-team").is_err());
    assert!(read_header("=red").is_err());
}

#[test]
fn endpoints_are_words_or_paths() {
    assert_eq!(read_endpoint("chat"), Ok("chat/completions".to_owned()));
    assert_eq!(read_endpoint("/v1/messages"), Ok("/v1/messages".to_owned()));
    assert!(read_endpoint("poems").is_err());
}

#[test]
fn outcomes_are_told() {
    let rule =
        |name: &str, failed: Value| json!({"name": name, "matched": failed.is_null(), "failed_condition": failed});
    let answer = json!({
        "workspace": "docs", "request": "chat", "estimated_tokens": 12,
        "files": [{"path": "a.md", "source": "block", "turn": 1}],
        "rules": [rule("py", json!("file")), rule("md", json!(null)), rule("rest", json!(null))],
        "decision": {"rule": "md", "target": "p/m", "targets": ["p/m"]},
        "would_send": {"dialect": "chat", "path": "/v1/chat/completions", "model": "m"},
        "refusal": null,
    });
    let text = told(&answer);
    let parts = [
        "a.md",
        "fails: file",
        "md    matches",
        "would match",
        "Rule md sends it to p/m: model m at /v1/chat/completions",
    ];
    for part in parts {
        assert!(text.contains(part), "{part} not in {text}");
    }
    let mut named = answer.clone();
    named["decision"]["rule"] = json!(null);
    assert!(told(&named).contains("The model that the client names sends it to p/m"), "{}", told(&named));
    let text = told(&json!({"workspace": "docs", "files": [], "rules": [], "decision": null, "request": null,
        "refusal": {"status": 404, "code": "no_matching_rule", "message": "add a rule"}}));
    assert!(text.contains("a 404 no_matching_rule: add a rule") && text.contains("No file is in context"), "{text}");
}
