#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Condition, Facts, Images, Known, Rules, check};
use crate::config::{RequestKind, Rule, Turns, When};
use crate::prompt::Needs;

const FACTS: Facts = Facts {
    request: RequestKind::Chat,
    model: "",
    headers: &[],
    tokens: 0,
    tools: false,
    images: Images::None,
    thinking: false,
};

fn rule(name: &str, file: &[&str]) -> Rule {
    let file = file.iter().map(ToString::to_string).collect();
    Rule::new(name, When { file, ..When::default() }, "p/m".parse().unwrap())
}

fn first(rules: &[Rule], paths: &[&str]) -> Option<String> {
    let rules = Rules::new(rules.to_vec());
    let mut seen = rules.start();
    paths.iter().for_each(|path| rules.see(path, Known::InContext, Turns::All, &mut seen));
    rules.matching(&FACTS, &seen).next().map(|rule| rule.name.clone())
}

#[test]
fn order_of_rules_decides_not_order_of_files() {
    let rules = [rule("markdown", &["*.md"]), rule("script", &[".js"]), rule("else", &[])];
    for (paths, name) in [
        (&["a.js", "b.md"][..], "markdown"),
        (&["b.md", "a.js"], "markdown"),
        (&["src/a.jsx"], "script"),
        (&["a.py"], "else"),
        (&[], "else"),
    ] {
        assert_eq!(first(&rules, paths).as_deref(), Some(name), "{paths:?}");
    }
    assert_eq!(first(&rules[..2], &["a.py"]), None);
}

#[test]
fn patterns_mean_what_they_say() {
    for (pattern, path, matches) in [
        (".py", "a/b.py", true),
        (".py", "a/b.pyi", true),
        ("src/", "lib/src/a.c", true),
        ("*.py", "a/b.py", true),
        ("*.py", "a/b.pyi", false),
        ("*", "a", true),
        ("te?t.*", "x/test.rs", true),
        ("te?t.*", "test/a.rs", false),
        ("[ab].rs", "x/a.rs", true),
        ("[!ab].rs", "x/a.rs", false),
        ("src/*.ts", "src/a.ts", true),
        ("src/*.ts", "/repo/src/a.ts", true),
        ("src/*.ts", "src/deep/a.ts", false),
        ("src/**/*.ts", "src/deep/er/a.ts", true),
        ("/src/*.ts", "/repo/src/a.ts", false),
        ("src/*.cs", r"C:\x\src\a.cs", true),
        ("*.PY", "a.py", false),
    ] {
        assert_eq!(first(&[rule("r", &[pattern])], &[path]).is_some(), matches, "{pattern} on {path}");
    }
}

#[test]
fn a_thousand_rules_find_the_first() {
    let mut rules: Vec<Rule> =
        (0..999).map(|n| rule(&n.to_string(), &[&format!("dir{n}/*.x"), &format!("name{n}.")])).collect();
    rules.push(rule("else", &[]));
    assert_eq!(first(&rules, &["name998.c", "dir500/a.x"]).as_deref(), Some("500"));
    assert_eq!(first(&rules, &["dir5000"]).as_deref(), Some("else"));
}

#[test]
fn only_what_rules_ask_for_is_read() {
    let needs = |rule: Rule| Rules::new(vec![rule]).needs();
    let with = |when: When| Rule::new("r", when, "p/m".parse().unwrap());
    let none = Needs::default();
    assert_eq!(needs(with(When { tools: Some(true), model: vec!["x".into()], ..When::default() })), none);
    assert_eq!(needs(rule("a", &["b"])), Needs { files: true, ..none });
    assert_eq!(needs(with(When { language: vec!["go".into()], ..When::default() })), Needs { files: true, ..none });
    assert_eq!(needs(with(When { mention: vec!["go".into()], ..When::default() })), Needs { mentions: true, ..none });
    assert_eq!(needs(with(When { images: Some(false), ..When::default() })), Needs { images: true, ..none });
    assert_eq!(needs(with(When { max_tokens: Some(1), ..When::default() })), Needs { tokens: true, ..none });
    assert_eq!(needs(Rule { turns: Turns::Last, ..with(When::default()) }), Needs { turns: true, ..none });
}

#[test]
fn all_conditions_of_a_rule_must_hold() {
    let list = |items: &[&str]| items.iter().map(ToString::to_string).collect::<Vec<_>>();
    let when = When {
        file: list(&["*.py", "*.md"]),
        mention: list(&["main"]),
        language: list(&["Python"]),
        request: vec![RequestKind::Chat],
        ..When::default()
    };
    let rules = |turns| Rules::new(vec![Rule { turns, ..Rule::new("r", when.clone(), "p/m".parse().unwrap()) }]);
    use Known::{InContext, Mentioned};
    for (sights, last_turn, failed) in [
        (&[("a.py", InContext), ("main.c", Mentioned)][..], Some(Condition::File), None),
        (&[("a.md", InContext), ("b.py", InContext), ("main", Mentioned)], Some(Condition::File), None),
        (&[("a.md", InContext), ("main", Mentioned)], Some(Condition::File), Some(Condition::Language)),
        (&[("main.py", InContext)], Some(Condition::File), Some(Condition::Mention)),
        (&[("main.py", Mentioned)], Some(Condition::File), Some(Condition::File)),
    ] {
        for (looks_at, happens, expected) in
            [(Turns::All, Turns::All, failed), (Turns::Last, Turns::Last, failed), (Turns::Last, Turns::All, last_turn)]
        {
            let rules = rules(looks_at);
            let mut seen = rules.start();
            sights.iter().for_each(|(path, known)| rules.see(path, *known, happens, &mut seen));
            let judged: Vec<_> = rules.judged(&FACTS, &seen).map(|(_, failed)| failed).collect();
            assert_eq!(judged, [expected], "{sights:?} {looks_at:?} {happens:?}");
            assert_eq!(rules.matching(&FACTS, &seen).count(), usize::from(expected.is_none()));
        }
    }
}

#[test]
fn wrong_rules_are_named() {
    let pointers = |rules: &[Rule]| check(rules).into_iter().map(|error| error.pointer).collect::<Vec<_>>();
    assert_eq!(pointers(&[rule("a", &["*.md"]), rule("b", &[])]), Vec::<String>::new());
    assert_eq!(pointers(&[rule("a", &["ok", ""])]), ["/rules/0/when/file/1"]);
    assert_eq!(pointers(&[rule("a", &["x[a", "!*.md", "{a,b"])]), ["/rules/0/when/file/0", "/rules/0/when/file/1"]);
    assert_eq!(pointers(&[rule("a", &[]), rule("a", &[]), rule("", &[])]), ["/rules/1/name", "/rules/2/name"]);
    assert_eq!(pointers(&vec![rule("a", &["x"]); 1_001])[0], "/rules");
}
