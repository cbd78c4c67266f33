//! Whole requests, from bytes to what a provider gets.

use std::rc::Rc;

use mux::config::{Auth, HeaderCondition, Provider, RequestKind, Rule, Session, Switch, Turns, When, Workspace};
use mux::dialect::Dialect;
use mux::endpoint::{Address, Endpoint, Mode, Place};
use mux::json::{self, Cursor};
use mux::prompt::PATH_BYTES_MAX;
use mux::refusal::{Code, Refusal};
use mux::route::{Action, Caller, Credentials, Decision, InOrder, Request, Sending, caller, decide, explain};
use mux::snapshot::{Snapshot, Update};
use serde_json::Value;

use crate::json::library;
use crate::{input, with_grammar};

pub fn chat(input: &[u8]) {
    check(Dialect::Chat, "request", input);
}

pub fn messages(input: &[u8]) {
    check(Dialect::Messages, "request", input);
}

pub fn responses(input: &[u8]) {
    check(Dialect::Responses, "request", input);
}

pub fn completions(input: &[u8]) {
    check(Dialect::Completions, "completions", input);
}

pub fn embeddings(input: &[u8]) {
    check(Dialect::Embeddings, "embeddings", input);
}

const WORKSPACES: [&str; 5] = ["default", "told", "claude", "plain", "turns"];

thread_local! {
    static SNAPSHOT: Rc<Snapshot> = Rc::new(snapshot());
}

fn check(dialect: Dialect, rule: &str, input: &[u8]) {
    let (text, mut choices) = with_grammar(dialect, |grammar| input::text(grammar, rule, input));
    let snapshot = SNAPSHOT.with(Rc::clone);
    let headers = [("x-team".to_owned(), choices.arbitrary::<&[u8]>().unwrap_or_default().to_vec())];
    let mode = if choices.ratio(1, 4) == Ok(true) { Mode::Named } else { Mode::Rules };
    for (endpoint, workspace) in endpoints(dialect).iter().flat_map(|own| WORKSPACES.map(|name| (*own, name))) {
        let address = Address { place: Place::Workspace(workspace), mode, endpoint, query: "" };
        let request = Request { address, workspace: None, session: None, headers: &headers, body: &text };
        let caller = caller(&snapshot, &request, Credentials::None, 0).unwrap_or_else(|refusal| panic!("{refusal:?}"));
        judge(&snapshot, &caller, &request);
    }
}

fn endpoints(dialect: Dialect) -> &'static [Endpoint] {
    match dialect {
        Dialect::Messages => &[Endpoint::Messages, Endpoint::CountTokens],
        Dialect::Chat => &[Endpoint::ChatCompletions],
        Dialect::Responses => &[Endpoint::Responses],
        Dialect::Completions => &[Endpoint::Completions],
        Dialect::Embeddings => &[Endpoint::Embeddings],
    }
}

pub fn judge(snapshot: &Snapshot, caller: &Caller, request: &Request) {
    let decision = decide(snapshot, caller, request, &mut InOrder);
    let is_refused = decision.as_ref().is_err_and(|refusal| refusal.code == Code::InvalidJson);
    assert_eq!(is_json(request.body), !is_refused, "{decision:?}");
    explained(&decision, snapshot, caller, request);
    match &decision {
        Ok(Decision { action: Action::Send(sending), tries, .. }) => sent(sending, &tries.first.model.id, request),
        Ok(Decision { action: Action::Estimate { input_tokens }, .. }) => {
            assert!(*input_tokens <= request.body.len() as u64 + 1);
        }
        Err(refusal) => refused(refusal, request.address.endpoint.dialect()),
    }
}

/// An explanation tells the decision, and paths that are paths.
fn explained(decision: &Result<Decision, Refusal>, snapshot: &Snapshot, caller: &Caller, request: &Request) {
    let explanation = match explain(snapshot, caller, request) {
        Ok(explanation) => explanation,
        Err(refusal) => return assert_eq!(decision.as_ref().err(), Some(&refusal)),
    };
    assert_eq!(format!("{:?}", explanation.decision), format!("{decision:?}"));
    for file in explanation.files {
        assert!((1..=PATH_BYTES_MAX).contains(&file.path.len()), "{file:?}");
        assert!(!file.path.contains(['\n', '\0']), "{file:?}");
    }
    for rule in explanation.rules {
        assert!(caller.workspace.rules.iter().any(|own| own.name == rule.name));
    }
}

/// Nothing but what the gateway means to change is changed.
fn sent(sending: &Sending, model: &str, request: &Request) {
    let Some(head) = &sending.head else { return };
    let sent = head.on(request.body);
    assert!(is_json(&sent), "{}", String::from_utf8_lossy(&sent));
    // Not every JSON text is a tree here: numbers may be too large for one.
    let Ok(before) = json::parse(request.body) else { return };
    let after = json::parse(&sent).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&sent)));
    let (before, after) = (library(&before), library(&after));
    assert_eq!(after["model"], model);
    if sending.translation.is_none() {
        assert_eq!(untouched(after), untouched(before));
    }
}

fn is_json(text: &[u8]) -> bool {
    let mut cursor = Cursor::new(text);
    cursor.skip().is_ok() && cursor.finish().is_ok()
}

/// The fields that no instructions, no model and no wish for usage are put into.
fn untouched(mut body: Value) -> Value {
    if let Some(map) = body.as_object_mut() {
        for name in ["model", "stream_options", "system", "instructions", "messages", "input"] {
            map.remove(name);
        }
    }
    body
}

fn refused(refusal: &Refusal, dialect: Dialect) {
    assert!(!refusal.message.is_empty());
    let body: Value = serde_json::from_slice(&refusal.body(dialect)).expect("a refusal is JSON");
    assert!(body["error"]["message"].is_string());
}

/// Rules with conditions of every kind, and providers of every kind behind them.
fn snapshot() -> Snapshot {
    let mut snapshot = Snapshot::default();
    let session = Session { id: name("default"), active_workspace: name("default") };
    let update = Update {
        revision: 1,
        workspaces: WORKSPACES.into_iter().map(workspace).collect(),
        sessions: vec![session],
        providers: vec![
            provider("one", &DIALECTS),
            provider("two", &[Dialect::Chat, Dialect::Completions]),
            provider("three", &[Dialect::Messages]),
        ],
        ..Update::default()
    };
    snapshot.apply(update).expect("a snapshot");
    snapshot
}

const DIALECTS: [Dialect; 5] =
    [Dialect::Chat, Dialect::Messages, Dialect::Responses, Dialect::Completions, Dialect::Embeddings];

fn workspace(own: &str) -> Workspace {
    let catch_all = match own {
        "claude" => "three/claude-sonnet-4-5",
        "plain" => "two/m",
        _ => "one/m",
    };
    let mut rules = if own == "plain" { Vec::new() } else { conditions() };
    rules.push(Rule::new("else", When::default(), catch_all.parse().expect("a target")));
    let mut workspace = Workspace::new(name(own), rules);
    if own == "turns" {
        workspace.switch = Switch::UserTurn;
    }
    if own != "default" {
        workspace.instructions = "Be \"brief\".\n".to_owned();
    }
    workspace
}

/// A rule for every kind of condition.
fn conditions() -> Vec<Rule> {
    let list = |patterns: &[&str]| patterns.iter().map(ToString::to_string).collect();
    let header = HeaderCondition { name: "x-team".into(), value: "r*d".into() };
    let whens = [
        When { file: list(&["*.md", "src/**/*.p?", "[ab].go"]), tools: Some(true), ..When::default() },
        When { mention: list(&[".rs", "web/*"]), thinking: Some(true), ..When::default() },
        When { language: list(&["python", "typescript"]), images: Some(true), ..When::default() },
        When { request: vec![RequestKind::Fim, RequestKind::Embedding], ..When::default() },
        When { model: list(&["*/m", "claude-*"]), max_tokens: Some(10), ..When::default() },
        When { header: vec![header], ..When::default() },
        When { min_tokens: Some(1_000), file: list(&["x"]), ..When::default() },
    ];
    let targets = ["one/a", "two/b", "requested"];
    let rules = whens.into_iter().zip(targets.into_iter().cycle()).enumerate();
    let rule = |(number, (when, target)): (usize, (When, &str))| Rule {
        turns: if number % 2 == 0 { Turns::Last } else { Turns::All },
        instructions: "More.".repeat(number % 2),
        ..Rule::new(format!("rule {number}"), when, target.parse().expect("a target"))
    };
    rules.map(rule).collect()
}

fn provider(own: &str, dialects: &[Dialect]) -> Provider {
    Provider {
        name: name(own),
        cluster: "cluster".into(),
        authority: "host".into(),
        base_path: "/v1".into(),
        auth: Auth::None,
        dialects: dialects.into(),
        extensions: own == "two",
        output_limits: [("claude-sonnet-4-5".into(), 64_000)].into(),
    }
}

fn name(text: &str) -> mux::config::Name {
    text.parse().expect("a name")
}
