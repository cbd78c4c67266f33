//! Streams of each dialect as clients of each get them.

#[path = "../../../mux/tests/streams/check.rs"]
mod check;
#[path = "../../../mux/tests/streams/events.rs"]
mod events;

use mux::dialect::model::ToolKind;
use mux::dialect::{Asked, AskedTool, Dialect, StreamTranslator};
use serde_json::Value;

use crate::{CHATLIKE, input, sse, with_grammar};

pub fn chat(input: &[u8]) {
    check_stream(Dialect::Chat, input);
}

pub fn messages(input: &[u8]) {
    check_stream(Dialect::Messages, input);
}

pub fn responses(input: &[u8]) {
    check_stream(Dialect::Responses, input);
}

fn check_stream(from: Dialect, input: &[u8]) {
    let (text, mut choices) = with_grammar(from, |grammar| input::text(grammar, "stream", input));
    let cut = choices.int_in_range(0..=text.len()).unwrap_or_default();
    let pieces = input::pieces(&text, &mut choices);
    let asked = asked(choices.arbitrary().unwrap_or_default());
    for to in CHATLIKE {
        let whole = translate(from, to, &asked, &[&text]);
        check::check(to, &whole.text);
        assert_eq!(translate(from, to, &asked, &pieces), whole, "{from:?} as {to:?} in {pieces:?}");
        assert!(
            !is_complete(to, &whole.text) || may_be_complete(from, &text),
            "{from:?} as {to:?} ends:\n{}",
            whole.text
        );
        let cut = &text[..cut];
        let head = translate(from, to, &asked, &[cut]);
        check::check(to, &head.text);
        assert!(
            !is_complete(to, &head.text) || may_be_complete(from, cut),
            "{from:?} as {to:?}, cut, ends:\n{}",
            head.text
        );
    }
}

/// Tools that go by other names and kinds at the provider.
fn asked(choice: u8) -> Asked {
    let tool = |wire_name: &str, name: &str, kind| AskedTool {
        wire_name: wire_name.to_owned(),
        name: name.to_owned(),
        namespace: (choice & 8 != 0).then(|| "ns".to_owned()),
        kind,
    };
    let tools = [tool("read", "re ad", ToolKind::Custom), tool("shell", "local_shell", ToolKind::LocalShell)];
    Asked {
        include_usage: choice & 1 == 0,
        legacy_functions: choice & 2 != 0,
        tools: if choice & 4 != 0 { tools.into() } else { Vec::new() },
        now: 7,
        ..Asked::default()
    }
}

/// What came out, and what was counted on the way.
#[derive(Debug, PartialEq)]
struct Told {
    text: String,
    usage: Option<mux::usage::Usage>,
    text_bytes: u64,
    is_complete: bool,
}

fn translate(from: Dialect, to: Dialect, asked: &Asked, pieces: &[&[u8]]) -> Told {
    let (mut translator, mut out) = (StreamTranslator::new(from, to, asked), Vec::new());
    pieces.iter().for_each(|piece| translator.push(piece, &mut out));
    translator.finish(&mut out);
    let usage = translator.usage();
    Told {
        text: String::from_utf8(out).expect("a stream is UTF-8"),
        usage: usage.usage(),
        text_bytes: usage.text_bytes(),
        is_complete: usage.is_complete(),
    }
}

/// Whether a client takes the answer for complete.
fn is_complete(to: Dialect, text: &str) -> bool {
    let last = events::events(text.as_bytes()).pop();
    last.is_some_and(|last| match to {
        Dialect::Messages => last.name == "message_stop",
        Dialect::Responses => last.name == "response.completed" || last.name == "response.incomplete",
        _ => last.data == "[DONE]",
    })
}

/// Whether the provider may have said that its answer is complete, told generously.
fn may_be_complete(from: Dialect, text: &[u8]) -> bool {
    sse::events(text).iter().any(|(data, name)| {
        let data = data.trim_ascii();
        let value: Option<Value> = serde_json::from_slice(data).ok();
        let kind = value.as_ref().and_then(|value| value.get("type")).and_then(Value::as_str).unwrap_or(name);
        let is_end = match from {
            Dialect::Messages => kind == "message_stop",
            Dialect::Responses => kind == "response.completed" || kind == "response.incomplete",
            _ => value.as_ref().is_some_and(has_finish),
        };
        // What the library does not read may be read here: lone surrogates, deep nesting.
        let is_odd = value.is_none() && (data.contains(&b'\\') || data.len() > 128);
        is_end || is_odd || (data == b"[DONE]" && from == Dialect::Chat)
    })
}

fn has_finish(chunk: &Value) -> bool {
    let choices = chunk.get("choices").and_then(Value::as_array);
    choices.into_iter().flatten().any(|choice| {
        choice.get("finish_reason").is_some_and(|word| word.as_str().is_some_and(|word| !word.is_empty()))
    })
}
