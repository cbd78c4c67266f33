//! Both roles over one request: lists of events and the effects they must have.

use mux::config::{Auth, HeaderCondition, KeyHeader, Provider, RequestKind, Rule, Session, When, Workspace};
use mux::dialect::Dialect;
use mux::json::Head;
use mux::snapshot::Update;
use proto::v1;

use super::{REQUEST_BYTES_MAX, Route};
use crate::attempt::Attempt;
use crate::effect::{Effect, Flow, Reply, Step};
use crate::exchange::Downstream;
use crate::headers::Headers;
use crate::plan::Picked;
use crate::vm::Vm;

const BODY: &[u8] = br#"{"model":"any","messages":[]}"#;

fn vm() -> Vm {
    let mut vm = Vm::new(0xab);
    let rule = Rule::new("all ö", When::default(), "p/m".parse().unwrap());
    let update = Update {
        store_id: "s".into(),
        revision: 3,
        workspaces: vec![Workspace::new("default".parse().unwrap(), vec![rule])],
        sessions: vec![Session { id: "default".parse().unwrap(), active_workspace: "default".parse().unwrap() }],
        providers: vec![Provider {
            name: "p".parse().unwrap(),
            cluster: "cluster_p".into(),
            authority: "host:1".into(),
            base_path: "/base".into(),
            auth: Auth::Key { header: KeyHeader::Bearer, key: "secret".into() },
            dialects: [Dialect::Chat].into(),
            extensions: false,
            output_limits: Box::default(),
        }],
        ..Update::default()
    };
    vm.snapshot.apply(update).unwrap();
    vm
}

fn headers(extra: &[(&str, &str)]) -> Headers {
    let own = [(":method", "POST"), (":path", "/v1/mux/chat/completions?a=b"), ("content-length", "29")];
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    for (name, value) in own.iter().chain(extra) {
        all.retain(|(known, _)| known != name);
        all.push((name.to_string(), value.as_bytes().to_vec()));
    }
    Headers(all)
}

fn set(name: &'static str, value: &str) -> Effect {
    Effect::SetRequestHeader(name, value.into())
}

fn removed(name: &str) -> Effect {
    Effect::RemoveRequestHeader(name.into())
}

fn answer_head(status: &str, content_type: &str) -> Headers {
    let rows = [(":status", status), ("content-type", content_type), ("content-length", "9"), ("x-muxspace-rule", "x")];
    Headers(rows.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).to_vec())
}

/// A request up to its answer's headers.
fn sent(vm: &mut Vm, body: &[u8]) -> (Route, Attempt, Step) {
    let (mut route, mut attempt) = (Route::default(), Attempt::default());
    vm.now_ms = 1_000;
    assert_eq!(route.request_headers(vm, headers(&[]), false).flow, Flow::Pause);
    assert_eq!(route.request_end(vm, body.to_vec()).flow, Flow::Continue);
    let id = vm.request_id(1);
    vm.now_ms = 1_002;
    let step = attempt.request_headers(vm, Some(&id), &Picked::Only);
    (route, attempt, step)
}

fn only_record(vm: &mut Vm) -> v1::RequestRecord {
    assert_eq!(vm.queue.len(), 1);
    assert!(vm.exchanges.is_empty());
    let mut reporter = crate::report::Reporter::new(1);
    let Some(crate::link::Wish::Send { message, .. }) = reporter.opened(&mut vm.queue, 1, 0) else { panic!() };
    prost::Message::decode(message.as_slice()).map(|mut batch: v1::ReportBatch| batch.requests.remove(0)).unwrap()
}

#[test]
fn a_prompt_is_sent_where_its_rule_says() {
    let mut vm = vm();
    let mut route = Route::default();
    let client = headers(&[
        ("accept-encoding", "gzip"),
        ("x-muxspace-cluster", "evil"),
        ("x-envoy-max-retries", "9"),
        ("authorization", "Bearer mine"),
        ("api-key", "mine"),
    ]);
    let step = route.request_headers(&mut vm, client, false);
    let stripped = vec![removed("x-muxspace-cluster"), removed("x-envoy-max-retries"), removed("accept-encoding")];
    assert_eq!(step, Step::with(Flow::Pause, stripped));
    assert_eq!(route.request_chunk(&mut vm, 10), Step::hold());
    let step = route.request_end(&mut vm, BODY.to_vec());
    let id = "00000000000000ab00000001";
    assert_eq!(
        step,
        Step::with(
            Flow::Continue,
            vec![
                Effect::AddRequestHeader("x-muxspace-cluster", "cluster_p".into()),
                Effect::AddRequestHeader("x-muxspace-request-id", id.into()),
                set("content-length", "27"),
                Effect::ReplaceRequestHead(Head { bytes: 14, with: br#"{"model":"m""#.to_vec() }),
            ]
        )
    );
    let step = Attempt::default().request_headers(&mut vm, Some(id), &Picked::Only);
    assert_eq!(
        step,
        Step::with(
            Flow::Continue,
            vec![
                set(":path", "/base/chat/completions?a=b"),
                set(":authority", "host:1"),
                removed("x-muxspace-cluster"),
                removed("x-muxspace-request-id"),
                removed("api-key"),
                set("authorization", "Bearer secret"),
            ]
        )
    );
}

/// What the attempt does about credentials when the client sent `sent` and the provider is authenticated by `auth`.
fn credentials(auth: Auth, sent: &[(&str, &str)]) -> Vec<Effect> {
    let mut vm = vm();
    let provider = Provider { auth, ..vm.snapshot.provider("p").unwrap().as_ref().clone() };
    let update =
        Update { store_id: "s".into(), base_revision: 3, revision: 4, providers: vec![provider], ..Update::default() };
    vm.snapshot.apply(update).unwrap();
    let mut route = Route::default();
    route.request_headers(&mut vm, headers(sent), false);
    route.request_end(&mut vm, BODY.to_vec());
    let id = vm.request_id(1);
    let step = Attempt::default().request_headers(&mut vm, Some(&id), &Picked::Only);
    // Behind path, host and the gateway's own two.
    step.effects[4..].to_vec()
}

#[test]
fn a_provider_gets_its_own_credential_or_the_clients_and_no_other() {
    let sent = [("authorization", "Bearer mine"), ("x-api-key", "mine"), ("cookie", "c=1")];
    let key = |header| Auth::Key { header, key: "own".into() };
    let rows = [
        (Auth::None, vec![removed("authorization"), removed("x-api-key"), removed("cookie")]),
        (Auth::Passthrough, vec![removed("cookie")]),
        (key(KeyHeader::Bearer), vec![removed("x-api-key"), removed("cookie"), set("authorization", "Bearer own")]),
        (key(KeyHeader::XApiKey), vec![removed("authorization"), removed("cookie"), set("x-api-key", "own")]),
    ];
    for (auth, expected) in rows {
        assert_eq!(credentials(auth.clone(), &sent), expected, "{auth:?}");
    }
    assert_eq!(credentials(Auth::Passthrough, &[]), []);
}

#[test]
fn rules_see_headers_and_messages_name_a_version() {
    let mut vm = vm();
    let red = When {
        header: vec![HeaderCondition { name: "x-team".into(), value: "red".into() }],
        request: vec![RequestKind::Messages],
        ..When::default()
    };
    let mut provider = vm.snapshot.provider("p").unwrap().as_ref().clone();
    provider.dialects = [Dialect::Messages].into();
    let update = Update {
        store_id: "s".into(),
        base_revision: 3,
        revision: 4,
        workspaces: vec![Workspace::new(
            "default".parse().unwrap(),
            vec![Rule::new("red", red, "p/claude".parse().unwrap())],
        )],
        providers: vec![provider],
        ..Update::default()
    };
    vm.snapshot.apply(update).unwrap();
    let body = br#"{"model":"m","max_tokens":1,"messages":[]}"#;
    let mut ask = |extra: &[(&str, &str)]| {
        let mut route = Route::default();
        let path = (":path", "/v1/mux/v1/messages?beta=true");
        route.request_headers(&mut vm, headers(&[&[path], extra].concat()), false);
        let step = route.request_end(&mut vm, body.to_vec());
        let id = step.effects.iter().find_map(|effect| match effect {
            Effect::AddRequestHeader("x-muxspace-request-id", id) => Some(id.clone()),
            _ => None,
        });
        id.map_or(step, |id| Attempt::default().request_headers(&mut vm, Some(&id), &Picked::Only))
    };
    let version = |step: &Step| {
        step.effects.iter().any(|effect| matches!(effect, Effect::SetRequestHeader("anthropic-version", _)))
    };
    let sent = ask(&[("x-team", "red")]);
    assert!(sent.flow == Flow::Continue && version(&sent));
    let sent = ask(&[("x-team", "red"), ("anthropic-version", "2023-06-01")]);
    assert!(sent.flow == Flow::Continue && !version(&sent), "the client says it itself");
    let refused = ask(&[("x-team", "blue")]);
    let Some(Effect::Reply(Reply { status: 404, body, .. })) = refused.effects.last() else { panic!("{refused:?}") };
    assert!(String::from_utf8_lossy(body).contains("\"type\":\"not_found_error\""));
}

#[test]
fn an_unchanged_body_is_left_alone_but_has_a_length() {
    let mut vm = vm();
    for (length, expected) in [("27", None), ("", Some(set("content-length", "27")))] {
        let mut route = Route::default();
        let mut client = headers(&[("content-length", length)]);
        client.0.retain(|(name, value)| name != "content-length" || !value.is_empty());
        route.request_headers(&mut vm, client, false);
        let step = route.request_end(&mut vm, br#"{"model":"m","messages":[]}"#.to_vec());
        assert_eq!(step.effects.get(2), expected.as_ref());
    }
}

#[test]
fn an_answer_names_what_routed_it_and_leaves_a_record() {
    let mut vm = vm();
    let (mut route, mut attempt, _) = sent(&mut vm, BODY);
    vm.now_ms = 1_010;
    let step = attempt.response_headers(&mut vm, &answer_head("200", "application/json"), false);
    assert_eq!(step.effects, [Effect::RemoveResponseHeader("x-muxspace-rule".into())]);
    let step = route.response_headers(200, false);
    for (name, value) in [
        ("x-muxspace-workspace", "default"),
        ("x-muxspace-rule", "all ?"),
        ("x-muxspace-target", "p/m"),
        ("x-muxspace-revision", "3"),
    ] {
        assert!(step.effects.contains(&Effect::AddResponseHeader(name, value.into())), "{name}");
    }
    let body = br#"{"usage":{"prompt_tokens":5,"completion_tokens":2}}"#;
    assert_eq!(attempt.response_chunk(body, true), Step::on());
    vm.now_ms = 1_020;
    attempt.done(&mut vm);
    assert!(vm.queue.is_empty());
    route.response_end();
    vm.now_ms = 1_021;
    route.done(&mut vm);
    let record = only_record(&mut vm);
    assert_eq!((record.status, record.duration_ms, record.outcome.as_str()), (200, 21, ""));
    assert_eq!(
        (record.session.as_str(), record.rule.as_str(), record.requested_model.as_str()),
        ("default", "all ö", "any")
    );
    let [attempt] = record.attempts.as_slice() else { panic!() };
    assert_eq!((attempt.first_byte_ms, attempt.duration_ms, attempt.model.as_str()), (8, 18, "m"));
    let usage = attempt.usage.as_ref().unwrap();
    assert_eq!((usage.input_tokens, usage.output_tokens, usage.estimated), (5, 2, false));
}

#[test]
fn a_client_that_hangs_up_leaves_an_estimate() {
    // Hung up while the answer streams, and before it began.
    for (streams, tokens) in [(true, (8, 2)), (false, (8, 0))] {
        let mut vm = vm();
        let (mut route, mut attempt, _) = sent(&mut vm, br#"{"stream":true,"messages":[]}   "#);
        if streams {
            attempt.response_headers(&mut vm, &answer_head("200", "text/event-stream"), false);
            route.response_headers(200, false);
            attempt.response_chunk(b"data: {\"choices\":[{\"delta\":{\"content\":\"12345\"}}]}\n\n", false);
        }
        assert!(route.is_unfinished());
        route.broke_off(Downstream::Disconnected);
        vm.now_ms = 1_020;
        route.done(&mut vm);
        vm.now_ms = 1_021;
        attempt.done(&mut vm);
        let record = only_record(&mut vm);
        assert_eq!(record.outcome, "client_disconnected");
        let usage = record.attempts[0].usage.clone().unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens, usage.estimated), (tokens.0, tokens.1, true));
    }
}

#[test]
fn a_provider_that_cannot_be_reached_is_not_charged() {
    let mut vm = vm();
    let (mut route, mut attempt, _) = sent(&mut vm, BODY);
    vm.now_ms = 1_010;
    attempt.done(&mut vm);
    route.response_headers(503, false);
    route.response_end();
    vm.now_ms = 1_011;
    route.done(&mut vm);
    let record = only_record(&mut vm);
    assert_eq!((record.status, record.attempts[0].status, record.attempts[0].usage.clone()), (503, 0, None));
}

fn refusal(vm: &mut Vm, extra: &[(&str, &str)], body: &[u8]) -> (u16, String) {
    let mut route = Route::default();
    let step = route.request_headers(vm, headers(extra), false);
    let step = if step.effects.iter().any(|effect| matches!(effect, Effect::Reply(_))) {
        step
    } else {
        assert_eq!(step.flow, Flow::Pause, "a refused request is read to its end");
        route.request_end(vm, body.to_vec())
    };
    assert_eq!(step.flow, Flow::Pause);
    let Some(Effect::Reply(Reply { status, body, .. })) = step.effects.last() else { panic!("{step:?}") };
    (*status, String::from_utf8(body.clone()).unwrap())
}

#[test]
fn refusals_speak_the_callers_dialect() {
    let mut vm = vm();
    let too_long = (REQUEST_BYTES_MAX + 1).to_string();
    for (extra, body, status, code) in [
        (&[(":path", "/v1/nope")][..], BODY, 404, "\"unknown_endpoint\""),
        (&[(":path", "/v1/messages")], BODY, 404, "\"type\":\"not_found_error\""),
        (&[(":method", "PUT")], BODY, 405, "\"method_not_allowed\""),
        (&[("content-encoding", "gzip")], BODY, 415, "\"unsupported_encoding\""),
        (&[("content-length", &too_long)], BODY, 413, "\"request_too_large\""),
        (&[("x-muxspace-workspace", "nope")], BODY, 404, "\"unknown_workspace\""),
        (&[], b"", 400, "\"invalid_json\""),
        (&[], b"{}", 400, "\"invalid_request\""),
    ] {
        let (got, text) = refusal(&mut vm, extra, body);
        assert!(got == status && text.contains(code), "{extra:?}: {got} {text}");
    }
    assert_eq!(vm.counts.refused, 8);
    let mut empty = Vm::new(1);
    let (status, text) = refusal(&mut empty, &[], BODY);
    assert!(status == 503 && text.contains("\"not_ready\""));
    assert_eq!(empty.counts.not_ready, 1);
}

#[test]
fn a_refused_prompt_leaves_a_record_of_its_workspace() {
    let mut vm = vm();
    refusal(&mut vm, &[], b"{");
    let record = only_record(&mut vm);
    assert_eq!((record.status, record.outcome.as_str(), record.workspace.as_str()), (400, "invalid_json", "default"));
    assert!(record.attempts.is_empty());
}

#[test]
fn models_are_listed_without_a_body() {
    let mut vm = vm();
    let list = headers(&[(":method", "GET"), (":path", "/v1/models")]);
    let step = Route::default().request_headers(&mut vm, list, true);
    let Some(Effect::Reply(reply)) = step.effects.last() else { panic!() };
    assert!(reply.status == 200 && String::from_utf8_lossy(&reply.body).contains("\"p/m\""));
}

#[test]
fn a_try_without_a_route_is_refused() {
    let mut vm = vm();
    for id in [None, Some("00000000000000ab00000001"), Some("ffff"), Some("00000000000000abé")] {
        let step = Attempt::default().request_headers(&mut vm, id, &Picked::Only);
        assert!(matches!(step.effects.as_slice(), [Effect::Reply(Reply { status: 500, .. })]), "{id:?}");
    }
}
