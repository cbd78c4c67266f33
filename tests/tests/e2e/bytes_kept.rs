//! Apart from the model, the body that reaches a provider is the client's, byte for byte.

use muxspace_tests::{Options, Stack};
use serde_json::json;

/// Each with `@` for the model's value.
const BODIES: [&str; 9] = [
    r#"{"model":@,"messages":[{"role":"user","content":"hi"}]}"#,
    " {\r\n\t\"messages\" :[ { \"role\":\"user\" ,\"content\" : \"a\\u00e9\\/\\ud83d\\ude00\u{1f600}é\" } ] ,\n \"model\"\t:\n@ } \n",
    r#"{"temperature":1.0,"top_p":1,"n":1e0,"seed":12345678901234567890123,"x":-0.0,"model":@,"messages":[]}"#,
    r#"{"messages":[{"role":"user","content":"a","content":"b","role":"user"}],"meta":{"k":1,"k":2,"model":"no"},"model":@}"#,
    r#"{"model":@,"messages":[],"unknown":{"deep":[[[{"a":null}]]]},"tools":[{"type":"function","function":{"name":"f","parameters":{"model":"keep"}}}]}"#,
    r#"{"metadata":{"a":1},"metadata":{"b":2},"model":@,"messages":[]}"#,
    r#"{"messages":[{"role":"user","content":"{\"model\":\"inner\"}"}],"model":@}"#,
    r#"{"m\u006fdels":"x","\u006dodelx":1,"model":@,"messages":[],"":""}"#,
    r#"{"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"path\":\"a.py\"}"}}]}],"model":@}"#,
];

#[tokio::test(flavor = "multi_thread")]
async fn only_the_model_is_replaced() {
    let (stack, one, _two) = Stack::with_providers(Options::default()).await;
    // With conditions on files the scan takes its other road; both must keep bytes.
    for rules in [
        json!([{"name": "all", "target": "one/mini"}]),
        json!([{"name": "files", "when": {"file": "*.py"}, "target": "one/mini"}, {"name": "all", "target": "one/mini"}]),
        json!([{"name": "all", "target": "one/a \"quoted\" \\ id/with/slashes-é"}]),
    ] {
        let target = rules[0]["target"].as_str().expect("each rule has one").to_owned();
        let model = target.strip_prefix("one/").expect("provider one").to_owned();
        stack.api.put_rules("default", rules).await;
        for body in BODIES {
            for asked in [r#""gpt-5""#, r#""\u0067""#, r#""""#, r#""a much longer name than the one that it becomes""#]
            {
                one.forget();
                let reply = stack.send_bytes("/v1/mux/chat/completions", &[], body.replace('@', asked)).await;
                assert_eq!(reply.status, 200, "{body}: {}", reply.text());
                let seen = one.last();
                let (head, tail) = body.split_once('@').expect("each body has a model");
                let value = seen.body.strip_prefix(head.as_bytes()).and_then(|rest| rest.strip_suffix(tail.as_bytes()));
                let text = String::from_utf8_lossy(&seen.body);
                let value = value.unwrap_or_else(|| panic!("bytes around the model differ:\n{body}\n{text}"));
                assert_eq!(serde_json::from_slice::<String>(value).ok(), Some(model.clone()), "{text}");
                assert_eq!(seen.header("content-length"), Some(seen.body.len().to_string().as_str()));
            }
        }
    }
}

/// Takes out a member that was put into an object, with the comma that came with it.
fn take_out(text: &str, member: &str) -> String {
    let forms = [format!("{member},"), format!(",{member}"), member.to_owned()];
    let found = forms.iter().find(|form| text.contains(*form)).unwrap_or_else(|| panic!("{member} is not in {text}"));
    text.replacen(found, "", 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_in_leaves_the_rest() {
    let (stack, one, _two) = Stack::with_providers(Options::default()).await;
    const MODEL: &str = "\"model\":\"mini\"";
    const OPTIONS: &str = "\"stream_options\":{\"include_usage\":true}";
    // Each with what is put in.
    let rows: [(&str, &[&str]); 4] = [
        ("{ \"messages\" : [ ] , \"a\" : 1.0 }", &[MODEL]),
        ("{ \"model\":\"mini\", \"stream\" :true, \"messages\" : [{\"content\":\"\\u00e9\"}] }\n", &[OPTIONS]),
        (
            "{\"stream\":true,\"messages\":[], \"stream_options\" : { \"other\" : 1e2 } }",
            &[MODEL, "\"include_usage\":true"],
        ),
        ("{\"model\":\"mini\",\"stream\":true,\"messages\":[],\"stream_options\":{}}", &["\"include_usage\":true"]),
    ];
    for (body, put_in) in rows {
        one.forget();
        let reply = stack.send_bytes("/v1/mux/chat/completions", &[], body).await;
        assert_eq!(reply.status, 200, "{body}: {}", reply.text());
        let seen = one.last();
        assert_eq!(seen.model(), "mini");
        assert_eq!(seen.wants_usage(), seen.wants_stream(), "usage is asked for exactly in streams");
        let text = String::from_utf8_lossy(&seen.body).into_owned();
        let rest = put_in.iter().fold(text.clone(), |text, piece| take_out(&text, piece));
        assert_eq!(rest, body, "something else changed: {text}");
    }
    // The client's own `include_usage: true` means that nothing changes at all.
    let body = r#"{"model":"mini","stream":true,"stream_options": {"include_usage" : true},"messages":[]}"#;
    stack.send_bytes("/v1/mux/chat/completions", &[], body).await;
    assert_eq!(one.last().body, body);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_prompts_pass_whole() {
    let (stack, one, _two) = Stack::with_providers(Options::default()).await;
    for (size, tag) in [(100, "100 B"), (1 << 20, "1 MB"), (8 << 20, "8 MB")] {
        for has_rule_on_files in [false, true] {
            let mut rules = vec![json!({"name": "all", "target": "one/mini"})];
            if has_rule_on_files {
                rules.insert(0, json!({"name": "none", "when": {"file": "*.nothing"}, "target": "two/large"}));
            }
            stack.api.put_rules("default", json!(rules)).await;
            one.forget();
            let (head, tail) = (r#"{"model":"x","messages":[{"role":"user","content":""#, r#""}]}"#);
            let text = "line of code = \\\"value\\\";\\n".repeat(size / 28 + 1);
            let text = &text[..(size - head.len() - tail.len()).next_multiple_of(2).min(text.len())];
            let text = text.trim_end_matches('\\');
            let body = format!("{head}{text}{tail}");
            let reply = stack.send_bytes("/v1/mux/chat/completions", &[], body.clone()).await;
            assert_eq!(reply.status, 200, "{tag}: {}", reply.text());
            let expected = body.replacen("\"x\"", "\"mini\"", 1);
            assert!(one.last().body == expected, "{tag}: the bytes differ");
        }
    }
}
