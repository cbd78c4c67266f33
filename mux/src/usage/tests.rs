use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::sse::{Piece, Splitter};

/// Input, cached, cache-written, output, reasoning.
type Counts = [u64; 5];

fn counts(usage: &Usage) -> Counts {
    let Usage { input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, raw: _ } =
        usage;
    [*input_tokens, *cached_input_tokens, *cache_write_tokens, *output_tokens, *reasoning_tokens]
}

/// Wraps each of `events` as the data of one server-sent event.
fn follow(dialect: Dialect, events: &[&str]) -> Stream {
    let mut stream = Stream::new(dialect);
    let bytes: String = events.iter().map(|data| format!("event: x\ndata: {data}\n\n")).collect();
    Splitter::new().push(bytes.as_bytes(), |piece| {
        if let Piece::Event(event) = piece {
            stream.event(&event.data);
        }
    });
    stream
}

/// What a provider says, and what is read from it.
const PLAIN: &[(&str, Dialect, &str, Option<Counts>)] = &[
    ("plain", Dialect::Chat, r#"{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}"#, Some([7, 0, 0, 3, 0])),
    (
        "cached tokens are part of the prompt, reasoning of the completion",
        Dialect::Chat,
        r#"{"prompt_tokens":90,"completion_tokens":30,"total_tokens":120,
                "prompt_tokens_details":{"cached_tokens":64},"completion_tokens_details":{"reasoning_tokens":20}}"#,
        Some([90, 64, 0, 30, 20]),
    ),
    (
        "reasoning outside of the completion",
        Dialect::Chat,
        r#"{"prompt_tokens":90,"completion_tokens":6,"total_tokens":116,"completion_tokens_details":{"reasoning_tokens":20}}"#,
        Some([90, 0, 0, 26, 20]),
    ),
    (
        "reasoning outside of the completion, no total",
        Dialect::Chat,
        r#"{"prompt_tokens":90,"completion_tokens":6,"completion_tokens_details":{"reasoning_tokens":20}}"#,
        Some([90, 0, 0, 26, 20]),
    ),
    (
        "a total larger than its parts: hidden thinking",
        Dialect::Chat,
        r#"{"prompt_tokens":10,"completion_tokens":4,"total_tokens":30}"#,
        Some([10, 0, 0, 20, 16]),
    ),
    (
        "cache writes within the prompt",
        Dialect::Chat,
        r#"{"prompt_tokens":50,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":8,"cache_write_tokens":40}}"#,
        Some([50, 8, 40, 1, 0]),
    ),
    (
        "a cache larger than the prompt is not within it",
        Dialect::Chat,
        r#"{"prompt_tokens":5,"completion_tokens":1,"total_tokens":106,"cache_read_input_tokens":100}"#,
        Some([105, 100, 0, 1, 0]),
    ),
    (
        "hits and misses instead of details",
        Dialect::Chat,
        r#"{"prompt_tokens":50,"completion_tokens":1,"prompt_cache_hit_tokens":30,"prompt_cache_miss_tokens":20}"#,
        Some([50, 30, 0, 1, 0]),
    ),
    (
        "nulls, floats, strings and doubled fields",
        Dialect::Chat,
        r#"{"prompt_tokens":1,"prompt_tokens":12.0,"completion_tokens":3,"total_tokens":"15","prompt_tokens_details":null,
                "completion_tokens_details":[1]}"#,
        Some([12, 0, 0, 3, 0]),
    ),
    ("only input", Dialect::Embeddings, r#"{"prompt_tokens":9,"total_tokens":9}"#, Some([9, 0, 0, 0, 0])),
    ("only a total", Dialect::Embeddings, r#"{"total_tokens":9}"#, Some([9, 0, 0, 0, 0])),
    ("completions", Dialect::Completions, r#"{"prompt_tokens":2,"completion_tokens":8}"#, Some([2, 0, 0, 8, 0])),
    (
        "responses",
        Dialect::Responses,
        r#"{"input_tokens":90,"input_tokens_details":{"cached_tokens":80},"output_tokens":30,
                "output_tokens_details":{"reasoning_tokens":20},"total_tokens":120}"#,
        Some([90, 80, 0, 30, 20]),
    ),
    (
        "messages: cached tokens are not part of the input",
        Dialect::Messages,
        r#"{"input_tokens":10,"cache_creation_input_tokens":20,"cache_read_input_tokens":300,"output_tokens":4}"#,
        Some([330, 300, 20, 4, 0]),
    ),
    (
        "messages: several runs, the top has only the last",
        Dialect::Messages,
        r#"{"input_tokens":5,"cache_read_input_tokens":0,"output_tokens":2,"iterations":[
                {"type":"compaction","input_tokens":10,"cache_read_input_tokens":400,"output_tokens":50},
                {"type":"message","input_tokens":5,"cache_read_input_tokens":0,"output_tokens":2}]}"#,
        Some([415, 400, 0, 52, 0]),
    ),
    ("nothing known", Dialect::Chat, r#"{"cost":1}"#, None),
    ("negative", Dialect::Chat, r#"{"prompt_tokens":-1}"#, None),
    ("null", Dialect::Chat, "null", None),
    (
        "absurd",
        Dialect::Chat,
        r#"{"prompt_tokens":18446744073709551615,"completion_tokens":18446744073709551615,
            "prompt_tokens_details":{"cached_tokens":18446744073709551615}}"#,
        Some([u64::MAX, u64::MAX, 0, u64::MAX, 0]),
    ),
];

#[test]
fn plain_answers() {
    for (what, dialect, object, expected) in PLAIN {
        let body = format!("\n {{\"id\":\"x\",\"usage\": {object},\"choices\":[]}}");
        let usage = from_json(*dialect, body.as_bytes());
        assert_eq!(usage.as_ref().map(counts), *expected, "{what}");
    }
}

#[test]
fn no_usage_is_unknown_not_zero() {
    let bodies: &[&[u8]] = &[
        b"",
        b"null",
        br#"{"choices":[]}"#,
        br#"{"choices":[{"message":{"usage":{"prompt_tokens":1}}}]}"#,
        br#"{"choices":[{"message":{"content":"\"usage\":{\"prompt_tokens\":1}"}}]}"#,
        br#"{"error":{"code":400,"message":"no usage"}}"#,
        br#"{"usage":{"prompt_tokens":1}"#,
        b"{\"usage\":{\"prompt_tokens\":1},\"x\":\"\xff\"}\xff",
    ];
    for body in bodies {
        assert_eq!(from_json(Dialect::Chat, body), None, "{}", body.escape_ascii());
    }
}

#[test]
fn raw_is_the_providers_own_spelling() {
    let body = br#"{"usage":{"prompt_tokens":7,"cost":1.50e-3,"completion_tokens":3,"x":{"y": 1}}}"#;
    let raw = from_json(Dialect::Chat, body).map(|usage| usage.raw);
    assert_eq!(raw.as_deref(), Some(r#"{"prompt_tokens":7,"cost":1.50e-3,"completion_tokens":3,"x":{"y": 1}}"#));

    let long = format!(r#"{{"usage":{{"prompt_tokens":7,"x":"{}"}}}}"#, "x".repeat(USAGE_RAW_BYTES_MAX));
    let usage = from_json(Dialect::Chat, long.as_bytes());
    assert_eq!(usage.map(|usage| (usage.input_tokens, usage.raw)), Some((7, String::new())));
}

#[test]
fn chat_streams() {
    let text = r#"{"choices":[{"delta":{"content":"hi"}}],"usage":null}"#;
    let last = r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}"#;
    let groq = r#"{"choices":[{"delta":{}}],"x_groq":{"usage":{"prompt_tokens":5,"completion_tokens":2}}}"#;
    let running = r#"{"choices":[{"delta":{"content":"hi"}}],"usage":{"prompt_tokens":7,"completion_tokens":1}}"#;
    let no_choices = r#"{"choices":[],"id":"","model":"","prompt_filter_results":[]}"#;
    let error = r#"{"error":{"code":400},"choices":[{"delta":{}}],"usage":{"prompt_tokens":7,"completion_tokens":9}}"#;
    let rows: &[(&[&str], Option<Counts>, bool)] = &[
        (&[no_choices, text, last, "[DONE]"], Some([7, 0, 0, 3, 0]), true),
        (&[text, last], Some([7, 0, 0, 3, 0]), true),
        (&[text, groq, "[DONE]"], Some([5, 0, 0, 2, 0]), true),
        (&[running, running, last, "[DONE]"], Some([7, 0, 0, 3, 0]), true),
        (&[running], Some([7, 0, 0, 1, 0]), false),
        (&[text, error, "[DONE]"], Some([7, 0, 0, 9, 0]), true),
        (&[text, text, "[DONE]"], None, true),
        (&[text], None, false),
        (&[r#"{"choices":[],"usage":{"prompt_tokens":7"#], None, false),
    ];
    for (events, expected, complete) in rows {
        let stream = follow(Dialect::Chat, events);
        assert_eq!(stream.usage().as_ref().map(counts), *expected, "{events:?}");
        assert_eq!(stream.is_complete(), *complete, "{events:?}");
    }
}

#[test]
fn messages_streams() {
    let start = r#"{"type":"message_start","message":{"id":"m","usage":{"input_tokens":43,"cache_read_input_tokens":100,"output_tokens":1}}}"#;
    let delta = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":20}}"#;
    let override_delta = r#"{"type":"message_delta","delta":{},"usage":{"input_tokens":61,"cache_read_input_tokens":null,"output_tokens":2}}"#;
    let compacted = r#"{"type":"message_delta","usage":{"input_tokens":18,"cache_read_input_tokens":0,"output_tokens":8,"iterations":[
        {"input_tokens":43,"cache_read_input_tokens":100,"output_tokens":70},{"input_tokens":18,"output_tokens":8}]}}"#
        .replace('\n', "");
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"no usage"}}"#;
    let rows: &[(&[&str], Counts, bool)] = &[
        (&[start, delta], [143, 100, 0, 20, 0], true),
        (&[start, override_delta], [161, 100, 0, 2, 0], true),
        (&[start, start, delta], [143, 100, 0, 20, 0], true),
        (&[start, &compacted], [161, 100, 0, 78, 0], true),
        (&[start, error], [143, 100, 0, 1, 0], false),
        (&[delta], [0, 0, 0, 20, 0], true),
    ];
    for (events, expected, complete) in rows {
        let stream = follow(Dialect::Messages, events);
        assert_eq!(stream.usage().as_ref().map(counts), Some(*expected), "{events:?}");
        assert_eq!(stream.is_complete(), *complete, "{events:?}");
    }
    let raw = follow(Dialect::Messages, &[start, delta]).usage().map(|usage| usage.raw);
    assert_eq!(raw.as_deref(), Some(r#"{"input_tokens":43,"cache_read_input_tokens":100,"output_tokens":20}"#));
}

#[test]
fn responses_streams() {
    let created = r#"{"type":"response.created","response":{"status":"in_progress","usage":null}}"#;
    let completed = r#"{"type":"response.completed","response":{"usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":4},"output_tokens":6}}}"#;
    let stream = follow(Dialect::Responses, &[created, completed]);
    assert_eq!(stream.usage().as_ref().map(counts), Some([9, 4, 0, 6, 0]));
    assert!(stream.is_complete());
    let cut = follow(Dialect::Responses, &[created]);
    assert_eq!((cut.usage(), cut.is_complete()), (None, false));
}

#[test]
fn text_is_measured_for_streams_that_are_cut() {
    let rows: &[(Dialect, &str, u64)] = &[
        (Dialect::Chat, r#"{"choices":[{"delta":{"role":"assistant","content":"12345"}}]}"#, 5),
        (Dialect::Chat, r#"{"choices":[{"delta" : { "content" : "a\nb\"c\u00e9" } }]}"#, 8),
        (Dialect::Chat, r#"{"choices":[{"delta":{"content":null,"reasoning_content":"1234"}}]}"#, 4),
        (Dialect::Chat, r#"{"choices":[{"delta":{"reasoning":"12","reasoning_details":[{"text":"12"}]}}]}"#, 2),
        (Dialect::Chat, r#"{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"}}]}"#, 2),
        (
            Dialect::Chat,
            r#"{"choices":[{"delta":{"tool_calls":[{"id":"x","function":{"name":"f","arguments":"{\"a\":1}"}}]}}]}"#,
            7,
        ),
        (Dialect::Chat, r#"{"choices":[{"delta":{}}],"content":"no"}"#, 0),
        (Dialect::Chat, r#"{"delta":null,"content":"no"}"#, 0),
        (Dialect::Chat, r#"{"choices":[{"delta":{"content":"cut"#, 0),
        (Dialect::Chat, r#"{"delta""#, 0),
        (Dialect::Messages, r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"123"}}"#, 3),
        (Dialect::Messages, r#"{"delta":{"type":"input_json_delta","partial_json":"12"}}"#, 2),
        (Dialect::Messages, r#"{"delta":{"type":"signature_delta","signature":"xyz"}}"#, 0),
        (Dialect::Responses, r#"{"type":"response.output_text.delta","delta":"1234","obfuscation":"zz"}"#, 4),
        (Dialect::Completions, r#"{"choices":[{"text":"123","index":0}]}"#, 3),
    ];
    for (dialect, event, expected) in rows {
        assert_eq!(follow(*dialect, &[event]).text_bytes(), *expected, "{event}");
    }
}

#[test]
fn an_estimate_keeps_what_the_provider_said() {
    let text = r#"{"choices":[{"delta":{"content":"123456789"}}]}"#;
    let usage = follow(Dialect::Chat, &[text]).estimate(401);
    assert_eq!(counts(&usage), [101, 0, 0, 3, 0]);

    let start = r#"{"message":{"usage":{"input_tokens":43,"output_tokens":1}}}"#;
    let text = r#"{"delta":{"type":"text_delta","text":"12345678"}}"#;
    assert_eq!(counts(&follow(Dialect::Messages, &[start, text]).estimate(401)), [43, 0, 0, 2, 0]);
}

#[test]
fn the_usage_only_chunk_is_told_from_others() {
    let rows = [
        (r#"{"id":"x","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#, true),
        (r#"{"usage":{},"choices":[ ]}"#, true),
        (r#"{"choices":[{"delta":{}}],"usage":{"prompt_tokens":1}}"#, false),
        (r#"{"choices":[],"usage":null}"#, false),
        (r#"{"choices":[],"prompt_filter_results":[]}"#, false),
        (r#"{"choices":null,"usage":{"prompt_tokens":1}}"#, false),
        ("[DONE]", false),
    ];
    for (data, expected) in rows {
        assert_eq!(Stream::new(Dialect::Chat).is_usage_only_chunk(data.as_bytes()), expected, "{data}");
        assert_eq!(Stream::new(Dialect::Completions).is_usage_only_chunk(data.as_bytes()), expected, "{data}");
        assert!(!Stream::new(Dialect::Responses).is_usage_only_chunk(data.as_bytes()), "{data}");
    }
}

/// JSON-like bytes of the words that matter here, mostly malformed.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\\",
        "\\u",
        "\\u00",
        "\"usage\"",
        "\"delta\"",
        "\"text\"",
        "\"content\":\"",
        "\"message\":",
        "\"prompt_tokens\":",
        "\"choices\":[]",
        "\"arguments\":",
        "1",
        "-1",
        "1e400",
        "null",
        "é",
    ];
    let word = prop::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec());
    let byte = any::<u8>().prop_map(|byte| vec![byte]);
    prop::collection::vec(prop_oneof![9 => word, 1 => byte], 0..60).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_borne(bytes in noise()) {
        for dialect in [Dialect::Chat, Dialect::Messages, Dialect::Responses, Dialect::Completions, Dialect::Embeddings] {
            from_json(dialect, &bytes);
            let mut stream = Stream::new(dialect);
            stream.event(&bytes);
            stream.is_usage_only_chunk(&bytes);
            prop_assert!(stream.text_bytes() <= 3 * bytes.len() as u64);
        }
    }
}
