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
fn outcomes_are_told() {
    let answer = json!({
        "workspace": "docs", "request": "chat", "estimated_tokens": 12,
        "files": [{"path": "a.md", "source": "block", "turn": 1}],
        "rules": [{"name": "py", "matched": false, "failed_condition": "file"}, {"name": "md", "matched": true},
            {"name": "rest", "matched": false, "failed_condition": null}],
        "decision": {"rule": "md", "target": "p/m", "targets": ["p/m"]},
        "would_send": {"dialect": "chat", "path": "/v1/chat/completions", "model": "m"},
    });
    let text = told(&answer);
    for part in
        ["a.md", "fails: file", "matches", "not tried", "Rule md sends it to p/m: model m at /v1/chat/completions"]
    {
        assert!(text.contains(part), "{part} not in {text}");
    }
    let text = told(&json!({"workspace": "docs", "files": [], "rules": [], "decision": null}));
    assert!(text.contains("no rule matches") && text.contains("No file is in context"), "{text}");
}
