use mux::config::{RequestKind, Turns};
use mux::rules::{Facts, Images, Known};
use serde_json::{Value, json};

use super::*;
use crate::domain::rules::{self, RuleDraft};

fn facts(rules: Value) -> Vec<RuleFacts> {
    let drafts: Vec<RuleDraft> = serde_json::from_value(rules).unwrap();
    let rules = rules::check(&"w".parse().unwrap(), drafts).unwrap();
    rules.into_iter().map(|rule| RuleFacts { rule, target: TargetState::Found, seen: Seen::Matched }).collect()
}

/// Code and pointer of each finding about the order of rules.
fn order(rules: Value) -> Vec<(&'static str, String)> {
    let findings = lint(&facts(rules)).into_iter();
    findings.filter(|one| one.code != "no_catch_all").map(|one| (one.code, one.pointer)).collect()
}

fn rule(when: Value) -> Value {
    json!({"when": when, "target": "p/m"})
}

#[test]
fn a_rule_behind_a_wider_one_is_unreachable() {
    let rows = [
        (json!({}), json!({"file": "*.md"}), true),
        (json!({"file": "*.md"}), json!({}), false),
        (json!({"file": "*.md"}), json!({"file": "*.md"}), true),
        (json!({"file": ".md"}), json!({"file": "docs/*.md"}), true),
        (json!({"file": ["*.md", "*.txt"]}), json!({"file": "*.md"}), true),
        (json!({"file": "*.md"}), json!({"file": "*.md", "tools": true}), true),
        (json!({"file": "*.md", "tools": true}), json!({"file": "*.md"}), false),
        (json!({"tools": true}), json!({"tools": false}), false),
        (json!({"file": "*.md"}), json!({"mention": "*.md"}), false),
        (json!({"language": ["py", "rust"]}), json!({"language": "python"}), true),
        (json!({"request": ["chat", "fim"]}), json!({"request": "fim"}), true),
        (
            json!({"request": ["chat", "fim", "completion", "embedding", "responses", "messages"]}),
            json!({"file": "*.md"}),
            true,
        ),
        (json!({"model": "gpt-*"}), json!({"model": "gpt-4*"}), true),
        (json!({"header": {"name": "x-a", "value": "*"}}), json!({"header": {"name": "x-a", "value": "1"}}), true),
        (json!({"header": {"name": "x-a", "value": "*"}}), json!({"header": {"name": "x-b", "value": "1"}}), false),
        (json!({"min_tokens": 10}), json!({"min_tokens": 20}), true),
        (json!({"min_tokens": 20}), json!({"min_tokens": 10}), false),
        (json!({"max_tokens": 20}), json!({"min_tokens": 1, "max_tokens": 10}), true),
        (json!({"max_tokens": 20}), json!({"min_tokens": 10}), false),
        (json!({"images": true}), json!({"images": true, "thinking": true}), true),
    ];
    for (first, second, unreachable) in rows {
        let found = order(json!([rule(first.clone()), rule(second.clone())]));
        let expected = if unreachable { vec![("unreachable", "/rules/1".to_owned())] } else { Vec::new() };
        assert_eq!(found, expected, "{first} before {second}");
    }
}

#[test]
fn what_part_of_a_rule_decides_nothing_is_told() {
    let two = rule(json!({"file": ["*.md", "*.rs"]}));
    let parts = order(json!([rule(json!({"file": "*.md"})), two]));
    assert_eq!(parts, [("shadowed", "/rules/1/when/file/0".to_owned())]);
    let whole = order(json!([rule(json!({"file": "*.md"})), rule(json!({"file": "*.rs"})), two]));
    assert_eq!(whole, [("unreachable", "/rules/2".to_owned())], "two rules together decide all of it");
    let narrower = order(json!([rule(json!({"file": "*.md", "tools": true})), two]));
    assert_eq!(narrower, []);
    let language = order(json!([
        rule(json!({"language": "rust", "tools": true})),
        rule(json!({"language": ["go", "rust"], "tools": true, "thinking": true})),
    ]));
    assert_eq!(language, [("shadowed", "/rules/1/when/language/1".to_owned())]);
}

#[test]
fn turns_are_looked_at() {
    for (first, second, unreachable) in [("all", "last", true), ("last", "all", false), ("last", "last", true)] {
        for (when, depends) in [(json!({"file": "*.md"}), true), (json!({"tools": true}), false)] {
            let rules = json!([
                {"when": when, "turns": first, "target": "p/m"},
                {"when": when, "turns": second, "target": "p/m"},
            ]);
            assert_eq!(!order(rules).is_empty(), unreachable || !depends, "{first} before {second}: {when}");
        }
        let images = json!([
            {"when": {"images": false}, "turns": first, "target": "p/m"},
            {"when": {"images": false}, "turns": second, "target": "p/m"},
        ]);
        assert_eq!(!order(images).is_empty(), first == second);
    }
}

#[test]
fn rules_that_may_step_aside_hide_nothing() {
    assert_eq!(order(json!([{"target": "requested"}, rule(json!({"file": "*.md"}))])), []);
    let mut broken = facts(json!([{"target": "gone/m"}, {"when": {"file": "*.md"}, "target": "p/m"}]));
    broken[0].target = TargetState::NoProvider;
    let codes: Vec<_> = lint(&broken).into_iter().map(|one| (one.code, one.severity, one.pointer)).collect();
    let expected = [("broken_target", Severity::Error, "/rules/0/target"), ("no_catch_all", Severity::Info, "/rules")];
    assert_eq!(codes, expected.map(|(code, severity, pointer)| (code, severity, pointer.to_owned())));
}

#[test]
fn what_is_known_of_each_rule_is_told() {
    let mut known = facts(json!([{"name": "a", "when": {"file": "*.md"}, "target": "p/none"}, {"target": "p/m"}]));
    known[0].target = TargetState::NoModel;
    known[0].seen = Seen::NeverMatched;
    known[1].seen = Seen::Unknown;
    let findings = lint(&known);
    let codes: Vec<_> = findings.iter().map(|one| (one.code, one.rule.as_deref())).collect();
    assert_eq!(codes, [("missing_model", Some("a")), ("never_matched", Some("a"))]);
    assert_eq!(lint(&[])[0].code, "no_catch_all");
    assert_eq!(lint(&facts(json!([{"target": "p/m"}]))), []);
    let broken = RuleFacts { target: TargetState::NoProvider, ..facts(json!([{"target": "p/m"}])).remove(0) };
    assert_eq!(lint(&[broken]).len(), 2, "a broken catch-all catches nothing");
}

/// The rule that the engine itself picks.
fn decide(rules: &mux::rules::Rules, paths: &[String]) -> Option<String> {
    let facts = Facts {
        request: RequestKind::Chat,
        model: "",
        headers: &[],
        tokens: 0,
        tools: false,
        images: Images::None,
        thinking: false,
    };
    let mut seen = rules.start();
    paths.iter().for_each(|path| rules.see(path, Known::InContext, Turns::All, &mut seen));
    rules.matching(&facts, &seen).next().map(|rule| rule.name.clone())
}

#[test]
fn what_is_reported_never_decides() {
    use rand::rngs::StdRng;
    use rand::seq::IndexedRandom;
    use rand::{RngExt, SeedableRng};

    const PARTS: [&str; 16] =
        ["*", "**", "?", "/", ".", "a", "b", ".ts", "a/", "*.", "/**/", "[ab]", "{a,b}", "src", "*a*", "!"];
    const WORDS: [&str; 9] = ["a", "b", ".ts", "/", ".", "src", "ab", "a.b", "!"];
    let mut random = StdRng::seed_from_u64(7);
    let mut text = |parts: &[&str], most: usize| -> String {
        let length = random.random_range(1..=most);
        (0..length).filter_map(|_| parts.choose(&mut random)).copied().collect()
    };
    let (mut unreachable, mut shadowed) = (0, 0);
    for _ in 0..1_000 {
        let drafts: Vec<Value> =
            (0..4).map(|_| json!({"when": {"file": [text(&PARTS, 3), text(&PARTS, 3)]}, "target": "p/m"})).collect();
        let drafts: Vec<RuleDraft> = serde_json::from_value(json!(drafts)).unwrap();
        let Ok(rules) = rules::check(&"w".parse().unwrap(), drafts) else { continue };
        let known: Vec<RuleFacts> = rules
            .iter()
            .map(|rule| RuleFacts { rule: rule.clone(), target: TargetState::Found, seen: Seen::Matched })
            .collect();
        let findings = lint(&known);
        let mut less = rules.clone();
        for finding in findings.iter().rev() {
            let place: Vec<&str> = finding.pointer.split('/').collect();
            match finding.code {
                "unreachable" => {
                    unreachable += 1;
                    less[place[2].parse::<usize>().unwrap()].when.file = vec!["\u{1}".to_owned()];
                }
                "shadowed" => {
                    shadowed += 1;
                    less[place[2].parse::<usize>().unwrap()].when.file.remove(place[5].parse().unwrap());
                }
                _ => {}
            }
        }
        let (rules, less) = (mux::rules::Rules::new(rules), mux::rules::Rules::new(less));
        for _ in 0..30 {
            let paths = vec![text(&WORDS, 4), text(&WORDS, 4)];
            assert_eq!(decide(&less, &paths), decide(&rules, &paths), "{findings:#?}\n{rules:#?}\n{paths:?}");
        }
    }
    assert!(unreachable > 50 && shadowed > 50, "{unreachable} and {shadowed}: too few to tell");
}
