//! What the engine makes of a stream: nanoseconds per delta, every event arriving in a piece of its own.

use std::hint::black_box;

use mux::dialect::{Asked, Dialect, StreamTranslator};
use mux::usage::Stream;

use crate::micros;

const DELTAS: usize = 1_000;

pub fn print() {
    let (chat, messages) = (chat(), messages());
    println!("\n| a stream of {DELTAS} deltas ({}) | ns per delta |\n|---|--:|", std::env::consts::ARCH);
    let row = |name: &str, micros: f64| println!("| {name} | {:.0} |", micros * 1e3 / DELTAS as f64);
    row("chat, usage only, for comparison", micros(|| follow(black_box(&chat))));
    for (from, events) in [(Dialect::Chat, &chat), (Dialect::Messages, &messages)] {
        for to in [Dialect::Chat, Dialect::Messages, Dialect::Responses].into_iter().filter(|to| *to != from) {
            let name = format!("{} to {}", from.as_str(), to.as_str());
            row(&name, micros(|| translate(from, to, black_box(events))));
        }
    }
}

fn follow(events: &[String]) -> u64 {
    let mut usage = Stream::new(Dialect::Chat);
    for event in events {
        usage.event(event.as_bytes());
    }
    usage.text_bytes()
}

fn translate(from: Dialect, to: Dialect, events: &[String]) -> usize {
    let mut translator = StreamTranslator::new(from, to, &Asked::default());
    let (mut out, mut bytes) = (Vec::new(), 0);
    for event in events {
        out.clear();
        translator.push(event.as_bytes(), &mut out);
        bytes += out.len();
    }
    translator.finish(&mut out);
    bytes
}

fn chat() -> Vec<String> {
    let chunk = |delta: &str, finish: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-CYPS1lijGoK8gd9lYzY3r9Sx50nbt\",\"object\":\"chat.completion.chunk\",\"created\":1762317021,\
            \"model\":\"model-2025-08-07\",\"service_tier\":\"default\",\"system_fingerprint\":null,\"choices\":[{{\"index\":0,\
            \"delta\":{delta},\"logprobs\":null,\"finish_reason\":{finish}}}],\"usage\":null,\"obfuscation\":\"D3WbtIxo1Q2j1Q\"}}\n\n"
        )
    };
    let deltas = (0..DELTAS).map(|_| chunk("{\"content\":\" little\"}", "null"));
    deltas.chain([chunk("{}", "\"stop\""), "data: [DONE]\n\n".to_owned()]).collect()
}

fn messages() -> Vec<String> {
    let event = |name: &str, fields: &str| format!("event: {name}\ndata: {{\"type\":\"{name}\"{fields}}}\n\n");
    let start = [
        event(
            "message_start",
            ",\"message\":{\"id\":\"msg_1\",\"model\":\"model\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}",
        ),
        event("content_block_start", ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}"),
    ];
    let delta = event("content_block_delta", ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" little\"}");
    let end = [
        event("content_block_stop", ",\"index\":0"),
        event("message_delta", ",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":1000}"),
        event("message_stop", ""),
    ];
    start.into_iter().chain(std::iter::repeat_n(delta, DELTAS)).chain(end).collect()
}
