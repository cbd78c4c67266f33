//! Requests that show a virtual key.

use mux::config::{
    Auth, Collection, CollectionModel, Holder, Key, KeyHash, Provider, Rule, Scopes, Target, When, Workspace,
};
use mux::dialect::Dialect;
use mux::snapshot::Update;
use proto::v1;

use super::Route;
use crate::attempt::Attempt;
use crate::effect::{Effect, Flow, Reply, Step};
use crate::headers::Headers;
use crate::plan::Picked;
use crate::vm::Vm;

const KEY: &str = "vk_0123456789abcdefghijABCDEFGHIJ01";
const BODY: &[u8] = br#"{"model":"mux","messages":[]}"#;

/// With one workspace, whose one model may be asked twice a minute, and a provider that gets clients' own credentials.
fn vm(requests_per_minute: Option<u32>, tokens_per_minute: Option<u32>) -> Vm {
    let mut vm = Vm::new(0xab);
    let alias: mux::config::Alias = "fast".parse().unwrap();
    let model = CollectionModel {
        alias: alias.clone(),
        model: "p/m".parse().unwrap(),
        enabled: true,
        requests_per_minute: Some(5),
    };
    let rule = Rule::new("all", When::default(), Target::Named(alias));
    let key = Key {
        id: 7,
        hash: KeyHash::of(KEY),
        previous: None,
        holder: Holder::Workspace("team".parse().unwrap()),
        expires_at_ms: None,
        scopes: Scopes::default(),
        requests_per_minute,
        tokens_per_minute,
    };
    let update = Update {
        revision: 3,
        workspaces: vec![Workspace {
            collection: Collection { is_open: false, models: vec![model] },
            ..Workspace::new("team".parse().unwrap(), vec![rule])
        }],
        providers: vec![Provider {
            name: "p".parse().unwrap(),
            cluster: "cluster_p".into(),
            authority: "host:1".into(),
            base_path: "/v1".into(),
            auth: Auth::Passthrough,
            dialects: [Dialect::Chat].into(),
            extensions: false,
            output_limits: Box::default(),
        }],
        keys: vec![key],
        ..Update::default()
    };
    vm.snapshot.apply(update).unwrap();
    vm.now_ms = 1_000_000;
    vm
}

fn headers(extra: &[(&str, &str)]) -> Headers {
    let own = [(":method", "POST"), (":path", "/v1/chat/completions"), ("content-length", "29")];
    let all = own.iter().chain(extra).map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    Headers(all.collect())
}

/// What comes of the headers, and of the body after them.
fn begin(vm: &mut Vm, extra: &[(&str, &str)]) -> (Route, Step, Step) {
    let mut route = Route::default();
    let first = route.request_headers(vm, headers(extra), false);
    let second = route.request_end(vm, BODY.to_vec());
    (route, first, second)
}

fn reply(step: &Step) -> &Reply {
    let Some(Effect::Reply(reply)) = step.effects.last() else { panic!("{step:?}") };
    reply
}

fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    reply.headers.iter().find(|(own, _)| *own == name).map(|(_, value)| value.as_str())
}

/// An answer of 5 and 2 tokens, whose effects on its headers are those of the attempt and those of the route role.
fn answer(vm: &mut Vm, mut route: Route, number: u64) -> (Step, Step) {
    let mut attempt = Attempt::default();
    let id = vm.request_id(number);
    attempt.request_headers(vm, Some(&id), &Picked::Only);
    let rows = [(":status", "200"), ("content-type", "application/json"), ("x-ratelimit-limit-images", "9")];
    let head = Headers(rows.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).to_vec());
    let upstream = attempt.response_headers(vm, &head, false);
    let downstream = route.response_headers(200, false);
    attempt.response_chunk(br#"{"usage":{"prompt_tokens":5,"completion_tokens":2}}"#, true);
    attempt.done(vm);
    route.response_end();
    route.done(vm);
    (upstream, downstream)
}

fn records(vm: &mut Vm) -> Vec<v1::RequestRecord> {
    let mut reporter = crate::report::Reporter::new(1);
    let Some(crate::link::Wish::Send { message, .. }) = reporter.opened(&mut vm.queue, 1, 0) else { panic!() };
    prost::Message::decode(message.as_slice()).map(|batch: v1::ReportBatch| batch.requests).unwrap()
}

#[test]
fn a_key_goes_no_further_than_the_gateway() {
    let bearer = format!("Bearer {KEY}");
    for (shown, removed) in [
        (&[("authorization", bearer.as_str())][..], &["authorization"][..]),
        (&[("x-api-key", KEY), ("authorization", "Bearer sk-mine")], &["x-api-key"]),
        (&[("api-key", KEY), ("x-api-key", KEY), ("cookie", "a=b")], &["api-key", "x-api-key"]),
        (&[("api-key", KEY), ("x-copy", &bearer), ("x-else", "vk_short")], &["api-key", "x-copy"]),
    ] {
        let mut vm = vm(None, None);
        let (_, first, second) = begin(&mut vm, shown);
        assert_eq!(second.flow, Flow::Continue, "{shown:?}: {second:?}");
        let expected: Vec<Effect> = removed.iter().map(|name| Effect::RemoveRequestHeader((*name).into())).collect();
        assert_eq!(first.effects, expected, "{shown:?}");
        assert!(!format!("{second:?}").contains(KEY));
    }
}

#[test]
fn a_key_opens_its_workspace_and_is_named_in_the_record() {
    let mut vm = vm(None, None);
    let (route, _, step) = begin(&mut vm, &[("x-api-key", KEY)]);
    assert_eq!(step.flow, Flow::Continue);
    assert!(step.effects.contains(&Effect::AddRequestHeader("x-muxspace-key", "7".into())), "{step:?}");
    let id = vm.request_id(1);
    let mut broken = Attempt::default();
    let sent = broken.request_headers(&mut vm, Some(&id), &Picked::Only);
    broken.done(&mut vm);
    assert!(sent.effects.contains(&Effect::RemoveRequestHeader("x-muxspace-key".into())), "{sent:?}");
    let (upstream, downstream) = answer(&mut vm, route, 1);
    assert_eq!(upstream.effects, [], "the provider's own limits are told where the client has none");
    assert!(downstream.effects.contains(&Effect::AddResponseHeader("x-muxspace-workspace", "team".into())));
    let [record] = records(&mut vm).try_into().unwrap();
    assert_eq!((record.key, record.workspace.as_str()), (7, "team"));
    assert!(!format!("{record:?}").contains("vk_"));
}

#[test]
fn a_key_that_is_none_is_a_401() {
    let mut vm = vm(None, None);
    let other = KEY.replace('0', "1");
    for shown in [&[("x-api-key", "vk_")][..], &[("x-api-key", &other)], &[("x-api-key", KEY), ("api-key", &other)]] {
        let (_, _, step) = begin(&mut vm, shown);
        let reply = reply(&step);
        let text = String::from_utf8_lossy(&reply.body);
        assert!(reply.status == 401 && text.contains("invalid_api_key") && !text.contains(&other), "{shown:?}: {text}");
    }
}

#[test]
fn a_key_past_its_limit_is_a_429() {
    let mut vm = vm(Some(2), None);
    for (number, remaining) in [(1, "1"), (2, "0")] {
        let (route, _, _) = begin(&mut vm, &[("x-api-key", KEY)]);
        let (upstream, downstream) = answer(&mut vm, route, number);
        assert_eq!(upstream.effects, [Effect::RemoveResponseHeader("x-ratelimit-limit-images".into())]);
        let set = |name, value: &str| Effect::SetResponseHeader(name, value.into());
        assert!(downstream.effects.contains(&set("x-ratelimit-limit-requests", "2")), "{downstream:?}");
        assert!(downstream.effects.contains(&set("x-ratelimit-remaining-requests", remaining)), "{downstream:?}");
    }
    vm.now_ms += 10_000;
    let (_, _, step) = begin(&mut vm, &[("x-api-key", KEY)]);
    let refused = reply(&step);
    assert_eq!((refused.status, header(refused, "retry-after")), (429, Some("51")));
    assert_eq!(header(refused, "x-ratelimit-remaining-requests"), Some("0"));
    assert_eq!(header(refused, "x-ratelimit-reset-requests"), Some("50.25s"));
    assert_eq!(header(refused, "x-muxspace-workspace"), Some("team"));
    let last = records(&mut vm).pop().unwrap();
    assert_eq!((last.status, last.outcome.as_str(), last.rule.as_str()), (429, "rate_limited", "all"));
    vm.now_ms += 50_250;
    assert_eq!(begin(&mut vm, &[("x-api-key", KEY)]).2.flow, Flow::Continue);
}

#[test]
fn tokens_of_an_answer_count() {
    let mut vm = vm(None, Some(7));
    let (route, _, _) = begin(&mut vm, &[("x-api-key", KEY)]);
    let (_, downstream) = answer(&mut vm, route, 1);
    let full = Effect::SetResponseHeader("x-ratelimit-remaining-tokens", "7".into());
    assert!(downstream.effects.contains(&full), "{downstream:?}");
    let (_, _, step) = begin(&mut vm, &[("x-api-key", KEY)]);
    let refused = reply(&step);
    assert_eq!((refused.status, header(refused, "retry-after")), (429, Some("61")));
    assert_eq!(header(refused, "x-ratelimit-remaining-tokens"), Some("0"));
}

#[test]
fn a_models_limit_holds_for_everybody() {
    let mut vm = vm(None, None);
    let statuses: Vec<Flow> = (0..6)
        .map(|number| {
            let key = [("x-api-key", KEY)];
            let anonymous = [("x-muxspace-workspace", "team")];
            begin(&mut vm, if number % 2 == 0 { &key } else { &anonymous }).2.flow
        })
        .collect();
    assert_eq!(statuses.iter().filter(|flow| **flow == Flow::Continue).count(), 5);
}
