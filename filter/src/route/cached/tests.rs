//! What is asked, answered and kept, as lists of events and effects.

use mux::config::{Auth, KeyHeader, Provider, Rule, Session, When, Workspace};
use mux::dialect::Dialect;
use mux::snapshot::Update;
use prost::Message;
use proto::v1;

use crate::attempt::Attempt;
use crate::effect::{Effect, Flow, Reply, Step};
use crate::exchange::Downstream;
use crate::headers::Headers;
use crate::plan::Picked;
use crate::report::Reporter;
use crate::route::Route;
use crate::vm::Vm;

const PATH: &str = "/v1/mux/chat/completions";
const BODY: &str = r#"{"model":"any","messages":[]}"#;
const STREAMED: &str = r#"{"model":"any","messages":[],"stream":true}"#;
const ANSWER: &str = r#"{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":2}}"#;

type Header = (&'static str, &'static str);

fn vm(cache_ttl_s: u32, auth: Auth) -> Vm {
    let mut vm = Vm::new(0xab);
    vm.now_ms = 1_000;
    let rule = Rule::new("all", When::default(), "p/m".parse().unwrap());
    let workspace = Workspace { cache_ttl_s, ..Workspace::new("default".parse().unwrap(), vec![rule]) };
    let update = Update {
        store_id: "s".into(),
        revision: 3,
        workspaces: vec![workspace],
        sessions: vec![Session { id: "default".parse().unwrap(), active_workspace: "default".parse().unwrap() }],
        providers: vec![Provider {
            name: "p".parse().unwrap(),
            cluster: "cluster_p".into(),
            authority: "host:1".into(),
            base_path: "/base".into(),
            auth,
            dialects: [Dialect::Chat].into(),
            extensions: false,
            output_limits: Box::default(),
        }],
        ..Update::default()
    };
    vm.snapshot.apply(update).unwrap();
    vm
}

fn keeping_vm() -> Vm {
    vm(10, Auth::Key { header: KeyHeader::Bearer, key: "secret".into() })
}

fn begin(vm: &mut Vm, extra: &[(&str, &str)], body: &str) -> (Route, Step) {
    let length = body.len().to_string();
    let own = [(":method", "POST"), (":path", PATH), ("content-length", length.as_str())];
    let headers = own.iter().chain(extra).map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    let mut route = Route::default();
    assert_eq!(route.request_headers(vm, Headers(headers), false).flow, Flow::Pause);
    let step = route.request_end(vm, body.into());
    (route, step)
}

fn asked(step: &Step) -> Option<[u8; 32]> {
    step.effects.iter().find_map(|effect| match effect {
        Effect::AskCache(key) => Some(*key),
        _ => None,
    })
}

fn reply(step: &Step) -> &Reply {
    let [Effect::Reply(reply)] = step.effects.as_slice() else { panic!("{step:?}") };
    reply
}

fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    reply.headers.iter().find(|(own, _)| *own == name).map(|(_, value)| value.as_str())
}

/// The provider's answer, and the end of the request; returns what the client's answer says of the cache.
fn answer(vm: &mut Vm, mut route: Route, status: &str, kind: &str, chunks: &[&str], is_whole: bool) -> Option<String> {
    let Route::Routed(exchange) = &route else { panic!("not sent on") };
    let id = exchange.borrow().record.request_id.clone();
    let mut attempt = Attempt::default();
    assert_eq!(attempt.request_headers(vm, Some(&id), &Picked::Only).flow, Flow::Continue);
    let head = [(":status", status), ("content-type", kind), ("x-muxspace-cache", "hit")];
    let head = head.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    attempt.response_headers(vm, &Headers(head.to_vec()), false);
    let step = route.response_headers(status.parse().unwrap(), false);
    for (at, chunk) in chunks.iter().enumerate() {
        attempt.response_chunk(chunk.as_bytes(), is_whole && at + 1 == chunks.len());
    }
    if is_whole {
        route.response_end();
    } else {
        route.broke_off(Downstream::Cut);
    }
    attempt.done(vm);
    route.done(vm);
    step.effects.into_iter().find_map(|effect| match effect {
        Effect::AddResponseHeader("x-muxspace-cache", said) => Some(said),
        _ => None,
    })
}

fn plain(vm: &mut Vm, route: Route) -> Option<String> {
    answer(vm, route, "200", "application/json", &[ANSWER], true)
}

fn records(vm: &mut Vm) -> Vec<v1::RequestRecord> {
    let Some(crate::link::Wish::Send { message, .. }) = Reporter::new(1).opened(&mut vm.queue, 1, 0) else { panic!() };
    assert!(vm.exchanges.is_empty());
    v1::ReportBatch::decode(message.as_slice()).unwrap().requests
}

#[test]
fn an_answer_is_kept_and_given_again() {
    let mut vm = keeping_vm();
    let (mut route, step) = begin(&mut vm, &[], BODY);
    assert_eq!(step.flow, Flow::Pause);
    let key = asked(&step).unwrap();
    assert!(step.effects.contains(&Effect::AddRequestHeader("x-muxspace-cluster", "cluster_p".into())));
    assert_eq!(route.cache_answer(&mut vm, Some(b"")), Some(Step::on()));
    assert_eq!(route.cache_answer(&mut vm, Some(b"")), None, "it was asked once");
    assert_eq!(plain(&mut vm, route).as_deref(), Some("miss"));
    let put = v1::CachePutRequest::decode(vm.cache.next_put().unwrap().as_slice()).unwrap();
    let kept = put.answer.unwrap();
    assert_eq!((put.key, put.ttl_s, kept.body.as_slice()), (key.to_vec(), 10, ANSWER.as_bytes()));
    assert_eq!((kept.provider.as_str(), kept.model.as_str(), kept.stored_at_unix_ms), ("p", "m", 1_000));

    let (route, step) = begin(&mut vm, &[], BODY);
    assert!(matches!(route, Route::Answered));
    let again = reply(&step);
    assert_eq!((again.status, again.body.as_slice()), (200, ANSWER.as_bytes()));
    for (name, value) in [
        ("x-muxspace-cache", "hit"),
        ("x-muxspace-workspace", "default"),
        ("x-muxspace-rule", "all"),
        ("x-muxspace-revision", "3"),
        ("x-muxspace-target", "p/m"),
        ("x-muxspace-request-id", "00000000000000ab00000002"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(header(again, name), Some(value), "{name}");
    }
    let records = records(&mut vm);
    assert_eq!((records[0].cache.as_str(), records[0].attempts.len(), &records[0].saved), ("miss", 1, &None));
    let (hit, saved) = (&records[1], records[1].saved.as_ref().unwrap());
    assert_eq!((hit.cache.as_str(), hit.attempts.len(), hit.status), ("hit", 0, 200));
    assert_eq!((saved.provider.as_str(), saved.model.as_str()), ("p", "m"));
    assert_eq!(saved.usage.as_ref().map(|usage| (usage.input_tokens, usage.output_tokens)), Some((7, 2)));
    assert_eq!((vm.counts.routed, vm.counts.cache_hits, vm.counts.cache_misses), (1, 1, 1));
}

#[test]
fn the_control_servers_answer_is_given_plain_and_as_a_stream() {
    for (body, kind) in [(BODY, "application/json"), (STREAMED, "text/event-stream")] {
        let mut vm = keeping_vm();
        let (mut route, _) = begin(&mut vm, &[], body);
        let answer = v1::CachedAnswer {
            body: ANSWER.into(),
            provider: "q".into(),
            model: "n".into(),
            usage: None,
            stored_at_unix_ms: 500,
        };
        let message = v1::CacheGetResponse { answer: Some(answer) }.encode_to_vec();
        vm.now_ms = 1_007;
        let step = route.cache_answer(&mut vm, Some(&message)).unwrap();
        assert_eq!(step.flow, Flow::Pause);
        let reply = reply(&step);
        assert_eq!((header(reply, "content-type"), header(reply, "x-muxspace-target")), (Some(kind), Some("q/n")));
        assert_eq!(reply.body.starts_with(b"data: "), body == STREAMED);
        assert!(matches!(route, Route::Answered));
        let records = records(&mut vm);
        assert_eq!((records[0].cache.as_str(), records[0].attempts.len()), ("hit", 0));
        assert_eq!((records[0].outcome.as_str(), records[0].duration_ms, records[0].status), ("", 7, 200));
        assert_eq!(vm.counts.routed, 0);
        // And now it is this VM's own.
        let (route, step) = begin(&mut vm, &[], body);
        assert!(matches!(route, Route::Answered) && asked(&step).is_none());
    }
}

#[test]
fn what_fails_is_a_miss() {
    for message in [None, Some(&b"\xff\xff"[..]), Some(b"")] {
        let mut vm = keeping_vm();
        let (mut route, _) = begin(&mut vm, &[], BODY);
        assert_eq!(route.cache_answer(&mut vm, message), Some(Step::on()));
        assert_eq!(plain(&mut vm, route).as_deref(), Some("miss"));
    }
    // While it is asked nothing moves, and a client that leaves is done.
    let mut vm = keeping_vm();
    let (mut route, _) = begin(&mut vm, &[], BODY);
    assert_eq!(route.request_end(&mut vm, Vec::new()), Step::hold());
    assert!(route.is_unfinished());
    route.broke_off(Downstream::Disconnected);
    route.done(&mut vm);
    assert_eq!(route.cache_answer(&mut vm, Some(b"")), None);
    let records = records(&mut vm);
    assert_eq!((records[0].outcome.as_str(), records[0].attempts.len()), ("client_disconnected", 0));
}

#[test]
fn where_nothing_is_kept_nothing_is_said() {
    let mut vm = vm(0, Auth::None);
    let (route, step) = begin(&mut vm, &[], BODY);
    assert_eq!((step.flow, asked(&step)), (Flow::Continue, None));
    assert_eq!(plain(&mut vm, route), None);
    assert_eq!((records(&mut vm)[0].cache.as_str(), vm.cache.bytes(), vm.cache.next_put()), ("", 0, None));
}

#[test]
fn clients_and_sampled_prompts_bypass() {
    let hot = r#"{"model":"any","messages":[],"temperature":0.7}"#;
    let rows: [(&[Header], &str, bool); 3] = [
        (&[], hot, false),
        (&[("cache-control", "no-store")], BODY, false),
        (&[("cache-control", "no-cache")], BODY, true),
    ];
    for (headers, body, is_kept) in rows {
        let mut vm = keeping_vm();
        let (route, step) = begin(&mut vm, headers, body);
        assert_eq!((step.flow, asked(&step)), (Flow::Continue, None), "{headers:?} {body}");
        assert_eq!(plain(&mut vm, route).as_deref(), Some("bypass"));
        assert_eq!(vm.cache.next_put().is_some(), is_kept, "{headers:?} {body}");
        assert_eq!(records(&mut vm)[0].cache, "bypass");
    }
}

#[test]
fn only_complete_answers_of_200_are_kept() {
    let chunk = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n";
    let end =
        "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let (json, sse) = ("application/json", "text/event-stream");
    let rows: [(&str, &str, &[&str], bool, bool); 8] = [
        ("200", json, &[ANSWER], true, true),
        ("200", json, &[&ANSWER[..30], &ANSWER[30..]], true, true),
        ("200", json, &[ANSWER], false, false),
        ("201", json, &[ANSWER], true, false),
        ("200", json, &["{\"error\":{\"message\":\"no\"}}"], true, false),
        ("200", sse, &[chunk, end], true, true),
        ("200", sse, &[chunk], true, false),
        ("200", sse, &[chunk, end], false, false),
    ];
    for (status, kind, chunks, is_whole, is_kept) in rows {
        let mut vm = keeping_vm();
        let (mut route, _) = begin(&mut vm, &[], if kind == sse { STREAMED } else { BODY });
        route.cache_answer(&mut vm, None);
        answer(&mut vm, route, status, kind, chunks, is_whole);
        assert_eq!(vm.cache.next_put().is_some(), is_kept, "{status} {chunks:?}");
        assert_eq!(vm.cache.room.taken(), 0);
    }
}

#[test]
fn a_provider_that_knows_its_clients_has_answers_for_each() {
    let key = |auth, headers: &[(&str, &str)]| asked(&begin(&mut vm(10, auth), headers, BODY).1).unwrap();
    let own = || Auth::Key { header: KeyHeader::Bearer, key: "secret".into() };
    let (mine, yours) = ([("authorization", "Bearer mine")], [("authorization", "Bearer yours")]);
    assert_eq!(key(own(), &mine), key(own(), &yours));
    assert_ne!(key(Auth::Passthrough, &mine), key(Auth::Passthrough, &yours));
    assert_eq!(key(Auth::Passthrough, &mine), key(Auth::Passthrough, &mine));
    assert_ne!(key(own(), &[("anthropic-beta", "a")]), key(own(), &[]));
    assert_eq!(key(own(), &[("x-other", "a")]), key(own(), &[]));
}
