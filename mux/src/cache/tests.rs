//! What a key stands for.

use std::rc::Rc;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::cache::{Asked, Key, Origin, Policy, VOLATILE, ask, policy};
use crate::config::{Auth, Name, Provider};
use crate::dialect::Dialect;
use crate::endpoint::Endpoint;
use crate::route::{Aim, Tries};

fn tries(model: &str) -> Tries {
    let model: crate::config::Model = model.parse().unwrap();
    let provider = Provider {
        name: model.provider.clone(),
        cluster: "c".into(),
        authority: "a".into(),
        base_path: "/".into(),
        auth: Auth::None,
        dialects: [Dialect::Chat].into(),
        extensions: false,
        output_limits: Box::default(),
    };
    Tries {
        first: Aim { provider: Rc::new(provider), model, alias: None, requests_per_minute: None },
        others: Vec::new(),
    }
}

fn asked(body: &[u8]) -> Option<Asked> {
    let (workspace, tries): (Name, _) = ("w".parse().unwrap(), tries("p/m"));
    ask(&origin(&workspace, &tries), body)
}

fn origin<'a>(workspace: &'a Name, tries: &'a Tries) -> Origin<'a> {
    Origin {
        workspace,
        epoch: 1,
        endpoint: Endpoint::ChatCompletions,
        deployment: None,
        tries,
        instructions: ["", ""],
        query: "",
        headers: &[],
    }
}

fn key(body: &[u8]) -> Key {
    asked(body).unwrap().key
}

#[test]
fn everything_that_decides_an_answer_is_in_its_key() {
    let (one, other): (Name, Name) = ("one".parse().unwrap(), "other".parse().unwrap());
    let (mini, large) = (tries("p/mini"), tries("p/large"));
    let base = || origin(&one, &mini);
    let origins = [
        base(),
        Origin { workspace: &other, ..base() },
        Origin { epoch: 2, ..base() },
        Origin { endpoint: Endpoint::Responses, ..base() },
        Origin { deployment: Some("p/mini"), ..base() },
        Origin { tries: &large, ..base() },
        Origin { instructions: ["a", ""], ..base() },
        Origin { instructions: ["", "a"], ..base() },
        Origin { query: "?a", ..base() },
        Origin { headers: &[("anthropic-beta", b"x")], ..base() },
        Origin { headers: &[("anthropic-beta", b"y")], ..base() },
    ];
    let bodies: [&[u8]; 2] = [br#"{"input":"hi"}"#, br#"{"input":"ho"}"#];
    let mut keys: Vec<Key> =
        origins.iter().flat_map(|origin| bodies.map(|body| ask(origin, body).unwrap().key)).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), origins.len() * bodies.len());
}

#[test]
fn of_a_deployment_its_name_is_the_target() {
    let workspace: Name = "w".parse().unwrap();
    let key =
        |tries| ask(&Origin { deployment: Some("d"), ..origin(&workspace, tries) }, br#"{"input":"hi"}"#).unwrap().key;
    assert_eq!(key(&tries("p/mini")), key(&tries("q/large")));
}

#[test]
fn only_an_answer_that_is_always_the_same_is_asked_for() {
    for (body, is_asked) in [
        (r#"{"temperature":0}"#, true),
        (r#"{"temperature":0.0,"n":1}"#, true),
        (r#"{"temperature":-0}"#, true),
        (r#"{"temperature":null,"n":null,"conversation":null}"#, true),
        (r#"{"temperature":0.7}"#, false),
        (r#"{"temperature":1e-9}"#, false),
        (r#"{"temperature":"0"}"#, false),
        (r#"{"temperature":0,"temperature":1}"#, false),
        (r#"{"n":2}"#, false),
        (r#"{"background":true}"#, false),
        (r#"{"background":false}"#, true),
        (r#"{"conversation":"c"}"#, false),
        (r#"{"messages":[{"temperature":1}]}"#, true),
        (r#"[]"#, false),
        (r#"{"a":1"#, false),
        (r#"{"a":1} x"#, false),
    ] {
        assert_eq!(asked(body.as_bytes()).is_some(), is_asked, "{body}");
    }
}

#[test]
fn a_client_may_ask_for_usage() {
    for (body, includes) in [
        (r#"{"stream_options":{"include_usage":true}}"#, true),
        (r#"{"stream_options":{"include_usage":false}}"#, false),
        (r#"{"stream_options":null}"#, false),
        (r#"{"include_usage":true}"#, false),
    ] {
        assert_eq!(asked(body.as_bytes()).unwrap().include_usage, includes, "{body}");
    }
}

#[test]
fn clients_say_whether_kept_answers_will_do() {
    let policy = |values: &[&str]| policy(Endpoint::Messages, values.iter().map(|value| value.as_bytes()));
    assert_eq!(policy(&[]), Policy::Use);
    assert_eq!(policy(&["max-age=3600"]), Policy::Use);
    assert_eq!(policy(&["no-cache"]), Policy::Renew);
    assert_eq!(policy(&["max-age=0, No-Cache"]), Policy::Renew);
    assert_eq!(policy(&["no-cache", " no-store "]), Policy::Bypass);
    assert_eq!(policy(&["no-store,no-cache"]), Policy::Bypass);
    assert_eq!(crate::cache::policy(Endpoint::CountTokens, std::iter::empty()), Policy::Bypass);
}

/// None of a member that settles anything, or is volatile.
const NAMES: [char; 6] = ['m', 'p', 'q', '"', ' ', '\\'];

fn text(letters: &[char], count: std::ops::Range<usize>) -> impl Strategy<Value = String> + use<> {
    prop::collection::vec(prop::sample::select(letters.to_vec()), count)
        .prop_map(|letters| letters.into_iter().collect())
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        text(&[' ', '\n', '"', '\\', 'é', 'a', '{', ',', ':'], 0..12).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((text(&['a', 'b', ' ', '"'], 1..3), inner), 0..4)
                .prop_map(|own| Value::Object(own.into_iter().collect())),
        ]
    })
}

/// Members of which none settles anything or is volatile.
fn members() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec((text(&NAMES, 2..5), value()), 0..6).prop_map(|own| own.into_iter().collect())
}

/// A text of the same value, with white space wherever it means nothing.
fn spaced(value: &Value, spaces: &mut impl Iterator<Item = &'static str>, out: &mut String) {
    let mut space = |out: &mut String| out.push_str(spaces.next().unwrap_or_default());
    space(out);
    match value {
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                spaced(item, spaces, out);
            }
            out.push_str(" ]");
        }
        Value::Object(map) => {
            out.push('{');
            for (index, (name, value)) in map.iter().enumerate() {
                out.push_str(if index > 0 { ",\n" } else { "\t" });
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push_str(" :");
                spaced(value, spaces, out);
            }
            out.push('}');
        }
        leaf => out.push_str(&leaf.to_string()),
    }
}

proptest! {
    #[test]
    fn order_white_space_and_who_asks_do_not_matter(
        own in members(),
        volatile in prop::collection::vec((0..VOLATILE.len(), value()), 0..4),
        turn in 0..6_usize,
        seed in prop::collection::vec(prop::sample::select(vec!["", " ", "\n", "\t \r"]), 1..8),
    ) {
        let plain = Value::Object(own.clone()).to_string();
        let mut all: Vec<(String, Value)> = own.into_iter().collect();
        for (at, value) in volatile {
            all.push((String::from_utf8(VOLATILE[at].to_vec()).unwrap(), value));
        }
        let middle = turn.min(all.len());
        all.rotate_left(middle);
        all.reverse();
        let mut text = String::new();
        spaced(&Value::Object(all.into_iter().collect()), &mut seed.iter().copied().cycle(), &mut text);
        prop_assert_eq!(key(plain.as_bytes()), key(text.as_bytes()), "{} {}", plain, text);
    }

    #[test]
    fn any_other_change_does(one in members(), other in members()) {
        let texts = [&one, &other].map(|own| Value::Object(own.clone()).to_string());
        let [first, second] = texts.each_ref().map(|text| key(text.as_bytes()));
        prop_assert_eq!(first == second, one == other, "{:?}", texts);
    }

    #[test]
    fn no_change_of_one_value_goes_unseen(own in members(), name in text(&NAMES, 2..3), value in value()) {
        let mut changed = own.clone();
        let before = changed.insert(name, value.clone());
        let same = before == Some(value);
        let [first, second] = [own, changed].map(|own| key(Value::Object(own).to_string().as_bytes()));
        prop_assert_eq!(first == second, same);
    }
}

#[test]
fn white_space_inside_of_strings_matters() {
    let bodies = [
        r#"{"a":"x y"}"#,
        r#"{"a":"x  y"}"#,
        r#"{"a":"xy"}"#,
        r#"{"a":"x\" y"}"#,
        r#"{"a":"x\"  y"}"#,
        r#"{"a":["x","y"]}"#,
    ];
    let mut keys: Vec<Key> = bodies.iter().map(|body| key(body.as_bytes())).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), bodies.len());
    assert_eq!(key(json!({"a": ["x", 1.5]}).to_string().as_bytes()), key(b" { \"a\" : [ \"x\" ,\n1.5 ] } "));
}
