use proptest::prelude::*;
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{
    Action, Credentials, Decision, InOrder, Request, Sending, UsageChunk, caller, decide, explain, models, models_body,
};
use crate::config::{Access, Auth, Provider, Rule, Session, Switch, Turns, When, Workspace};
use crate::dialect::Dialect;
use crate::endpoint::{Endpoint, address};
use crate::json;
use crate::refusal::{Code, Refusal};
use crate::snapshot::{Snapshot, Update};

fn rule(name: &str, file: &[&str], target: &str) -> Rule {
    let file = file.iter().map(ToString::to_string).collect();
    Rule::new(name, When { file, ..When::default() }, target.parse().unwrap())
}

fn snapshot() -> Snapshot {
    let provider = |name: &str| Provider {
        name: name.parse().unwrap(),
        cluster: format!("cluster_{name}").into(),
        authority: "host".into(),
        base_path: "/v1".into(),
        auth: Auth::None,
        dialects: [Dialect::Chat, Dialect::Responses, Dialect::Completions, Dialect::Embeddings].into(),
        extensions: false,
        output_limits: Box::default(),
    };
    let workspace = |name: &str, rules| Workspace::new(name.parse().unwrap(), rules);
    let session =
        |id: &str, workspace: &str| Session { id: id.parse().unwrap(), active_workspace: workspace.parse().unwrap() };
    let rules = vec![
        rule("gone", &["*.md"], "removed/x"),
        rule("markdown", &["*.md"], "one/mini"),
        rule("script", &[".js"], "two/org/claude"),
        rule("else", &[], "one/local"),
    ];
    let mut snapshot = Snapshot::default();
    let update = Update {
        store_id: "s".into(),
        revision: 7,
        workspaces: vec![
            workspace("default", rules),
            workspace("empty", vec![]),
            workspace("asked", vec![rule("asked", &[], "requested")]),
        ],
        sessions: vec![session("default", "default"), session("s1", "asked")],
        providers: vec![provider("one"), provider("two")],
        ..Update::default()
    };
    snapshot.apply(update).unwrap();
    snapshot
}

fn ask(path: &str, body: &[u8]) -> Result<Decision, Refusal> {
    let snapshot = snapshot();
    let request = Request { address: address(path).unwrap(), workspace: None, session: None, headers: &[], body };
    decide(&snapshot, &caller(&snapshot, &request, Credentials::None, 0)?, &request, &mut InOrder)
}

fn sending(decision: Decision) -> Sending {
    let Action::Send(sending) = decision.action else { panic!("{decision:?}") };
    sending
}

fn head(decision: Decision) -> Option<json::Head> {
    sending(decision).head
}

const RULES: &str = "/v1/mux/chat/completions";
const NAMED: &str = "/v1/chat/completions";

fn sent(body: &str) -> String {
    let decision = ask(RULES, body.as_bytes()).unwrap();
    String::from_utf8(head(decision).map_or_else(|| body.into(), |head| head.on(body.as_bytes()))).unwrap()
}

#[test]
fn rules_decide_by_files() {
    let body = |text: &str| json!({ "model": "any", "messages": [{ "role": "user", "content": text }] }).to_string();
    for (text, rule, target) in [
        ("```js a.js\n```\n```md b.md\n```", "markdown", "one/mini"),
        ("```jsx a.jsx\n```", "script", "two/org/claude"),
        ("hello", "else", "one/local"),
    ] {
        let decision = ask(RULES, body(text).as_bytes()).unwrap();
        assert_eq!(
            (decision.rule.as_deref(), decision.tries.first.model.to_string().as_str()),
            (Some(rule), target),
            "{text}"
        );
        assert_eq!(decision.requested_model, "any");
    }
}

#[test]
fn the_callers_workspace_is_found() {
    let snapshot = snapshot();
    for (path, workspace, session, found) in [
        (RULES, None, None, Ok(("default", Some("default")))),
        (RULES, Some("Empty"), Some("s1"), Ok(("empty", None))),
        (RULES, None, Some("S1"), Ok(("asked", Some("s1")))),
        ("/w/empty/v1/mux/chat/completions", Some("asked"), None, Ok(("empty", None))),
        ("/s/s1/v1/mux/chat/completions", Some("empty"), None, Ok(("asked", Some("s1")))),
        ("/w/nope/v1/mux/chat/completions", None, None, Err(Code::UnknownWorkspace)),
        ("/s/no%20pe/v1/mux/chat/completions", None, None, Err(Code::UnknownSession)),
    ] {
        let request = Request { address: address(path).unwrap(), workspace, session, headers: &[], body: b"" };
        let outcome = caller(&snapshot, &request, Credentials::None, 0);
        let outcome = outcome
            .as_ref()
            .map(|caller| (caller.workspace.name.as_str(), caller.session.as_ref().map(|id| id.as_str())));
        assert_eq!(outcome.map_err(|refusal| refusal.code), found, "{path} {workspace:?} {session:?}");
    }
}

#[test]
fn a_named_model_goes_where_it_says() {
    let body = |model: &str| json!({ "model": model, "messages": [] }).to_string();
    let decision = ask(NAMED, body("two/org/x").as_bytes()).unwrap();
    assert_eq!((decision.rule, decision.tries.first.model.to_string()), (None, "two/org/x".into()));
    assert_eq!(ask(NAMED, body("mux").as_bytes()).unwrap().rule.as_deref(), Some("else"));
    for model in ["gpt-5", "nope/gpt", "one/", ""] {
        assert_eq!(ask(NAMED, body(model).as_bytes()).unwrap_err().code, Code::ModelNotFound, "{model}");
    }
    assert_eq!(
        ask("/s/s1/v1/mux/chat/completions", body("one/x").as_bytes()).unwrap().tries.first.model.to_string(),
        "one/x"
    );
    let refusal = ask("/s/s1/v1/mux/chat/completions", body("x").as_bytes()).unwrap_err();
    assert_eq!(refusal.code, Code::NoMatchingRule);
    assert!(refusal.message.contains("`asked`"));
}

#[test]
fn only_the_model_changes() {
    let body = "{ \"a\" : 1.0, \"model\" :\t\"x\\u0041\" , \"messages\":[ {\"content\":\"\\u00e9\\/\", \"content\": 1 } ],\"a\":1e2}\n";
    assert_eq!(sent(body), body.replace("\"x\\u0041\"", "\"local\""));
    assert_eq!(sent("{\"messages\":[]}"), "{\"model\":\"local\",\"messages\":[]}");
    assert_eq!(sent("{\"messages\":[],\"model\":null}"), "{\"messages\":[],\"model\":\"local\"}");
    assert!(ask(RULES, br#"{"model":"local","messages":[]}"#).map(head).unwrap().is_none());
}

#[test]
fn streams_are_asked_for_usage() {
    let stream = |options: &str| format!("{{\"model\":\"local\",\"stream\":true{options},\"messages\":[]}}");
    for (options, becomes, usage_chunk) in [
        (
            ",\"stream_options\":{\"include_usage\":true}",
            ",\"stream_options\":{\"include_usage\":true}",
            UsageChunk::Keep,
        ),
        (
            ",\"stream_options\":{\"include_usage\":false}",
            ",\"stream_options\":{\"include_usage\":true}",
            UsageChunk::TakeOut,
        ),
        (",\"stream_options\":{ }", ",\"stream_options\":{\"include_usage\":true }", UsageChunk::TakeOut),
        (",\"stream_options\":{\"x\":1}", ",\"stream_options\":{\"include_usage\":true,\"x\":1}", UsageChunk::TakeOut),
        (",\"stream_options\":null", ",\"stream_options\":{\"include_usage\":true}", UsageChunk::TakeOut),
    ] {
        let decision = ask(RULES, stream(options).as_bytes()).unwrap();
        assert_eq!(sending(decision).usage_chunk, usage_chunk, "{options}");
        assert_eq!(sent(&stream(options)), stream(becomes), "{options}");
    }
    assert_eq!(
        sent("{\"stream\":true,\"messages\":[]}"),
        "{\"model\":\"local\",\"stream_options\":{\"include_usage\":true},\"stream\":true,\"messages\":[]}"
    );
    assert_eq!(
        sent(&stream("")),
        "{\"stream_options\":{\"include_usage\":true},\"model\":\"local\",\"stream\":true,\"messages\":[]}"
    );
}

#[test]
fn unreadable_requests_are_refused() {
    for (body, code, param) in [
        ("", Code::InvalidJson, None),
        ("{\"messages\":[}", Code::InvalidJson, None),
        ("{\"messages\":3}", Code::InvalidRequest, Some("messages")),
        ("{\"messages\":[],\"model\":3}", Code::InvalidRequest, Some("model")),
        ("{\"messages\":[],\"model\":\"a\",\"model\":\"a\"}", Code::InvalidRequest, Some("model")),
    ] {
        let refusal = ask(RULES, body.as_bytes()).unwrap_err();
        assert_eq!((refusal.code, refusal.param.as_deref()), (code, param), "{body}");
    }
    assert_eq!(ask("/w/empty/v1/mux/chat/completions", b"{\"messages\":[]}").unwrap_err().code, Code::NoMatchingRule);
}

#[test]
fn models_are_those_that_rules_name() {
    let snapshot = snapshot();
    let request =
        Request { address: address("/v1/models").unwrap(), workspace: None, session: None, headers: &[], body: b"" };
    let ids = models(&snapshot, &caller(&snapshot, &request, Credentials::None, 0).unwrap());
    assert_eq!(ids, ["mux", "one/mini", "two/org/claude", "one/local"]);
    let body = |dialect| serde_json::from_slice::<Value>(&models_body(&ids, dialect)).unwrap();
    let openai = body(Dialect::Chat);
    assert_eq!((&openai["object"], &openai["data"][2]["owned_by"]), (&json!("list"), &json!("two")));
    let anthropic = body(Dialect::Messages);
    assert_eq!((&anthropic["data"][0]["type"], &anthropic["has_more"]), (&json!("model"), &json!(false)));
    assert_eq!((&anthropic["first_id"], &anthropic["last_id"]), (&json!("mux"), &json!("one/local")));
}

/// The snapshot of the other tests with one more workspace, `w`, and a provider that understands messages alone.
fn with_workspace(workspace: Workspace) -> Snapshot {
    let mut snapshot = snapshot();
    let claude = Provider { name: "claude".parse().unwrap(), ..snapshot.provider("one").unwrap().as_ref().clone() };
    let update = Update {
        store_id: "s".into(),
        base_revision: 7,
        revision: 8,
        workspaces: vec![workspace],
        providers: vec![Provider { dialects: [Dialect::Messages].into(), ..claude }],
        ..Update::default()
    };
    snapshot.apply(update).unwrap();
    snapshot
}

fn workspace(rules: Vec<Rule>) -> Workspace {
    Workspace::new("w".parse().unwrap(), rules)
}

fn ask_in(snapshot: &Snapshot, endpoint: &str, body: &str) -> Result<Decision, Refusal> {
    let path = format!("/w/w/v1/mux/{endpoint}");
    let request = Request {
        address: address(&path).unwrap(),
        workspace: None,
        session: None,
        headers: &[],
        body: body.as_bytes(),
    };
    decide(snapshot, &caller(snapshot, &request, Credentials::None, 0)?, &request, &mut InOrder)
}

#[test]
fn instructions_stand_in_front_of_the_system_prompt() {
    let rules = |target: &str| vec![Rule { instructions: "R".into(), ..rule("r", &[], target) }];
    let chat = with_workspace(Workspace { instructions: "\"W\"\n".into(), ..workspace(rules("one/m")) });
    let claude = with_workspace(Workspace { instructions: "\"W\"\n".into(), ..workspace(rules("claude/m")) });
    let (front, alone) = (r#"\"W\"\n\n\nR\n\n"#, r#"\"W\"\n\n\nR"#);
    // `@`: where they come in front of a text; `#`: where they come alone, with what is in brackets around them.
    for (endpoint, body, becomes) in [
        (
            "chat/completions",
            r#"{"model":"m","messages":[{"role":"system","content":"S"}]}"#,
            r#"{"model":"m","messages":[{"role":"system","content":"@S"}]}"#,
        ),
        (
            "chat/completions",
            r#"{"model":"m","messages":[{"role":"user","content":"u"},{"content":"D","role":"developer"}]}"#,
            r#"{"model":"m","messages":[{"role":"user","content":"u"},{"content":"@D","role":"developer"}]}"#,
        ),
        (
            "chat/completions",
            r#"{"model":"m","messages":[{"role":"user","content":"u"}]}"#,
            r##"{"model":"m","messages":[{"role":"system","content":"#"},{"role":"user","content":"u"}]}"##,
        ),
        (
            "chat/completions",
            r#"{"model":"m","messages":[]}"#,
            r##"{"model":"m","messages":[{"role":"system","content":"#"}]}"##,
        ),
        ("messages", r#"{"model":"m","system":"S","messages":[]}"#, r#"{"model":"m","system":"@S","messages":[]}"#),
        (
            "messages/count_tokens",
            r#"{"model":"m","system":[{"cache_control":{},"text":"S","type":"text"}],"messages":[]}"#,
            r#"{"model":"m","system":[{"cache_control":{},"text":"@S","type":"text"}],"messages":[]}"#,
        ),
        ("messages", r#"{"model":"m","messages":[]}"#, r##"{"system":"#","model":"m","messages":[]}"##),
        (
            "responses",
            r#"{"model":"m","instructions":"S","input":"i"}"#,
            r#"{"model":"m","instructions":"@S","input":"i"}"#,
        ),
        ("responses", r#"{"model":"m","input":"i"}"#, r##"{"instructions":"#","model":"m","input":"i"}"##),
        ("completions", r#"{"model":"m","prompt":"p"}"#, r#"{"model":"m","prompt":"p"}"#),
        ("embeddings", r#"{"model":"m","input":"p"}"#, r#"{"model":"m","input":"p"}"#),
    ] {
        let snapshot = if endpoint.starts_with("messages") { &claude } else { &chat };
        let head = head(ask_in(snapshot, endpoint, body).unwrap());
        let sent = head.map_or_else(|| body.into(), |head| head.on(body.as_bytes()));
        let expected = becomes.replace('@', front).replace('#', alone);
        assert_eq!(String::from_utf8(sent).unwrap(), expected, "{endpoint} {body}");
    }
}

#[test]
fn a_provider_is_sent_what_it_understands() {
    let snapshot = with_workspace(workspace(vec![rule("r", &[], "claude/m")]));
    let sent = |endpoint: &str, body: &str| sending(ask_in(&snapshot, endpoint, body).unwrap());
    let own = sent("messages", "{\"messages\":[]}");
    assert!(own.translation.is_none() && own.endpoint == Endpoint::Messages);
    for (endpoint, body) in
        [("chat/completions", r#"{"messages":[{"role":"user","content":"hi"}]}"#), ("responses", r#"{"input":"hi"}"#)]
    {
        let translated = sent(endpoint, body);
        assert_eq!(translated.endpoint, Endpoint::Messages, "{endpoint}");
        let body: Value = serde_json::from_slice(&translated.head.unwrap().on(body.as_bytes())).unwrap();
        assert_eq!((&body["model"], &body["max_tokens"]), (&json!("m"), &json!(4_096)), "{endpoint}: {body}");
        assert_eq!(translated.translation.unwrap().client.as_str(), &endpoint[..endpoint.find('/').unwrap_or(9)]);
    }
    for (endpoint, body, param) in [
        ("completions", r#"{"prompt":"hi"}"#, Some("model")),
        ("embeddings", r#"{"input":"hi"}"#, Some("model")),
        ("chat/completions", r#"{"messages":[],"n":2}"#, Some("n")),
    ] {
        let refusal = ask_in(&snapshot, endpoint, body).unwrap_err();
        assert_eq!((refusal.code, refusal.param.as_deref()), (Code::Untranslatable, param), "{endpoint}: {refusal:?}");
    }
}

#[test]
fn instructions_are_translated_along() {
    let snapshot =
        with_workspace(Workspace { instructions: "W".into(), ..workspace(vec![rule("r", &[], "claude/m")]) });
    let body = r#"{"messages":[{"role":"user","content":"hi"}]}"#;
    let head = head(ask_in(&snapshot, "chat/completions", body).unwrap()).unwrap();
    let sent: Value = serde_json::from_slice(&head.on(body.as_bytes())).unwrap();
    assert!(sent["system"].to_string().contains('W'), "{sent}");
}

#[test]
fn tokens_are_counted_by_who_can_and_else_estimated() {
    let rules = |target: &str| with_workspace(workspace(vec![rule("r", &[], target)]));
    let body = r#"{"messages":[{"role":"user","content":"hello"}]}"#;
    let ask = |target: &str| ask_in(&rules(target), "messages/count_tokens", body).unwrap().action;
    assert!(matches!(ask("claude/m"), Action::Send(Sending { endpoint: Endpoint::CountTokens, .. })));
    assert!(matches!(ask("one/m"), Action::Estimate { input_tokens: 12 }), "{:?}", ask("one/m"));
}

#[test]
fn images_count_for_no_tokens_whatever_the_rules_ask_for() {
    let snapshot = with_workspace(workspace(vec![rule("r", &[], "one/m")]));
    let estimate = |data: &str| {
        let source = json!({ "type": "base64", "media_type": "image/png", "data": data });
        let content = json!([{ "type": "image", "source": source }]);
        let body = json!({ "messages": [{ "role": "user", "content": content }] }).to_string();
        match ask_in(&snapshot, "messages/count_tokens", &body).unwrap().action {
            Action::Estimate { input_tokens } => input_tokens,
            Action::Send(sending) => panic!("{sending:?}"),
        }
    };
    assert_eq!(estimate(&"A".repeat(4_000)), estimate(""));
}

#[test]
fn a_closed_workspace_takes_no_request_without_a_key() {
    let snapshot = with_workspace(Workspace { access: Access::KeyOnly, ..workspace(vec![rule("r", &[], "one/m")]) });
    assert_eq!(ask_in(&snapshot, "chat/completions", "{\"messages\":[]}").unwrap_err().code, Code::InvalidApiKey);
}

/// A turn of the user, and the tool calls that answer it.
fn agent_turns(turns: usize) -> String {
    let mut messages = Vec::new();
    for turn in 0..turns {
        messages.push(json!({ "role": "user", "content": format!("do {turn}") }));
        let arguments = json!({ "file_path": format!("file{turn}.py") }).to_string();
        let call = json!({ "id": "1", "type": "function", "function": { "name": "read", "arguments": arguments } });
        messages.push(json!({ "role": "assistant", "content": null, "tool_calls": [call] }));
        messages.push(json!({ "role": "tool", "tool_call_id": "1", "content": "x" }));
    }
    json!({ "messages": messages }).to_string()
}

#[test]
fn a_turn_keeps_its_target_while_tools_answer() {
    let rules =
        vec![rule("second", &["file1"], "one/b"), rule("first", &["file0"], "one/a"), rule("else", &[], "one/c")];
    for (switch, turns, expected) in [
        (Switch::Anytime, 1, "first"),
        (Switch::Anytime, 2, "second"),
        (Switch::UserTurn, 1, "else"),
        (Switch::UserTurn, 2, "first"),
        (Switch::UserTurn, 3, "second"),
    ] {
        let snapshot = with_workspace(Workspace { switch, ..workspace(rules.clone()) });
        let decision = ask_in(&snapshot, "chat/completions", &agent_turns(turns)).unwrap();
        assert_eq!(decision.rule.as_deref(), Some(expected), "{switch:?} {turns}");
    }
}

#[test]
fn an_explanation_says_what_was_seen_and_what_failed() {
    let rules = vec![
        rule("gone", &[], "removed/x"),
        Rule { turns: Turns::Last, ..rule("last", &["file0"], "one/a") },
        rule("ever", &["file0"], "one/b"),
        rule("asked", &[], "requested"),
    ];
    let snapshot = with_workspace(workspace(rules));
    let body = agent_turns(2);
    let request = Request {
        address: address("/w/w/v1/mux/chat/completions").unwrap(),
        workspace: None,
        session: None,
        headers: &[],
        body: body.as_bytes(),
    };
    let explanation =
        explain(&snapshot, &caller(&snapshot, &request, Credentials::None, 0).unwrap(), &request).unwrap();
    let seen: Vec<_> = explanation.files.iter().map(|file| (file.path.as_str(), file.source, file.turn)).collect();
    assert_eq!(seen, [("file0.py", "tool_call", 1), ("file1.py", "tool_call", 2)]);
    let judged: Vec<_> = explanation.rules.iter().map(|rule| (rule.name.as_str(), rule.failed_condition)).collect();
    assert_eq!(judged, [("gone", Some("target")), ("last", Some("file")), ("ever", None), ("asked", Some("target"))]);
    assert_eq!(explanation.decision.unwrap().tries.first.model.to_string(), "one/b");
}

proptest! {
    /// Put back what was there before, and the body is the client's, byte for byte.
    #[test]
    fn splice_keeps_every_other_byte(
        model in prop::option::of(prop::collection::vec(any::<char>(), 0..20).prop_map(String::from_iter)),
        text in prop::collection::vec(any::<char>(), 0..200).prop_map(String::from_iter),
        pretty: bool,
    ) {
        let mut value = json!({ "messages": [{ "role": "user", "content": text }], "z": { "model": 1, "model2": [1.0, 1e300] } });
        if let Some(model) = &model {
            value["model"] = Value::from(model.as_str());
        }
        let body = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let sent = sent(&body);
        let back = match &model {
            Some(model) => sent.replacen("\"local\"", &serde_json::to_string(model).unwrap(), 1),
            None => sent.replacen("\"model\":\"local\",", "", 1),
        };
        // The text may hold the model's new name in front of the model itself.
        prop_assume!(!text.contains("local"));
        prop_assert_eq!(back, body);
    }

    #[test]
    fn takes_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for endpoint in ["chat/completions", "completions", "embeddings", "responses", "messages"] {
            let _ = ask(&format!("/v1/mux/{endpoint}"), &bytes);
        }
    }
}
