//! What the engine does with one prompt, stage by stage.

use std::hint::black_box;

use mux::config::{RequestKind, Rule, Turns, When};
use mux::dialect::{Context, Dialect, translate_request};
use mux::endpoint::Endpoint::ChatCompletions;
use mux::json::{Edit, splice};
use mux::prompt::{Needs, read, sights};
use mux::rules::{Facts, Images, Known, Rules};

use crate::{SIZES, body, micros};

const FILES: Needs = Needs { files: true, mentions: false, images: false, tokens: false, turns: false };
const FACTS: Facts = Facts {
    request: RequestKind::Chat,
    model: "",
    headers: &[],
    tokens: 0,
    tools: false,
    images: Images::None,
    thinking: false,
};

pub fn print() {
    let rules = twenty_rules();
    let bodies = SIZES.map(|(_, bytes)| body::chat_request(bytes));
    let row = |stage: &str, cell: &dyn Fn(&[u8]) -> f64| {
        let cells: Vec<String> = bodies.iter().map(|body| format!("{:.2}", cell(body))).collect();
        println!("| {stage} | {} |", cells.join(" | "));
    };
    println!("\n| stage ({}) | {} |", std::env::consts::ARCH, SIZES.map(|(name, _)| name).join(" | "));
    println!("|---|{}", "--:|".repeat(SIZES.len()));
    row("a copy, for comparison", &|body| micros(|| black_box(body).to_vec()));
    row("read, no rule looks at files", &|body| {
        micros(|| read(ChatCompletions, black_box(body), Needs::default()).is_ok())
    });
    row("read, rules look at files", &|body| micros(|| read(ChatCompletions, black_box(body), FILES).is_ok()));
    row("find the files in context", &|body| {
        let chat = read(ChatCompletions, body, FILES).expect("a chat request");
        micros(|| {
            let mut count = 0;
            sights(black_box(&chat), |_| count += 1);
            count
        })
    });
    row("match 20 rules", &|body| {
        let mut paths = Vec::new();
        let chat = read(ChatCompletions, body, FILES).expect("a chat request");
        sights(&chat, |file| paths.push(file.path.to_owned()));
        micros(|| {
            let mut seen = rules.start();
            paths.iter().for_each(|path| rules.see(black_box(path), Known::InContext, Turns::All, &mut seen));
            rules.matching(&FACTS, &seen).next().is_some()
        })
    });
    row("splice the model", &|body| {
        let span = read(ChatCompletions, body, Needs::default()).ok().and_then(|chat| chat.model).expect("a model");
        micros(|| splice(black_box(body), vec![Edit { span: span.clone(), with: b"\"model\"".to_vec() }]))
    });
    row("translate to messages", &|body| {
        let context = Context { model: "model", max_tokens_default: 4_096, extensions: false };
        micros(|| translate_request(Dialect::Chat, Dialect::Messages, black_box(body), &context).is_ok())
    });
    row("a serde_json tree and back, for comparison", &|body| {
        micros(|| serde_json::from_slice::<serde_json::Value>(black_box(body)).map(|tree| tree.to_string()))
    });
}

/// Of which only the last matches.
fn twenty_rules() -> Rules {
    let rule = |index: usize, file: Vec<String>| {
        let when = When { file, ..When::default() };
        Rule::new(format!("rule-{index}"), when, "bench/model".parse().expect("a target"))
    };
    let pattern = |index: usize| match index % 4 {
        0 => format!(".ext{index}"),
        1 => format!("*_{index}.test.ts"),
        2 => format!("area_{index}/**/*.rs"),
        _ => format!("docs/chapter_{index}.md"),
    };
    let with_files = (1..20).map(|index| rule(index, vec![pattern(index)]));
    Rules::new(with_files.chain([rule(20, Vec::new())]).collect())
}
