//! Mux rules: tried top-down, the first whose conditions all hold decides.

mod check;
mod patterns;

use std::cell::OnceCell;

use crate::config;
use crate::prompt::Needs;
pub use check::{check, check_instructions};
use patterns::Patterns;

/// The rules of one workspace.
#[derive(Debug)]
pub struct Rules {
    rules: Vec<config::Rule>,
    /// Built when a request first needs it: most of many workspaces are idle.
    patterns: OnceCell<Patterns>,
}

impl Rules {
    /// Takes rules that [`check`] found nothing wrong with; a pattern that it would refuse never matches.
    pub fn new(rules: Vec<config::Rule>) -> Self {
        Self { rules, patterns: OnceCell::new() }
    }

    pub fn iter(&self) -> impl Iterator<Item = &config::Rule> {
        self.rules.iter()
    }

    /// What must be read of a request for these rules.
    pub fn needs(&self) -> Needs {
        let looks_at_files = self.rules.iter().any(|rule| !rule.when.file.is_empty());
        if looks_at_files { Needs::Files } else { Needs::Nothing }
    }

    /// The rules whose conditions hold, in their order. `each_file` calls what it is given with every path in context.
    pub fn matching(&self, each_file: impl FnOnce(&mut dyn FnMut(&str))) -> impl Iterator<Item = &config::Rule> {
        let patterns = self.patterns.get_or_init(|| Patterns::compile(&self.rules));
        let mut matched = patterns.start();
        each_file(&mut |path| patterns.see(path, &mut matched));
        let holds = move |index: usize, when: &config::When| when.file.is_empty() || matched.contains(index);
        self.rules.iter().enumerate().filter(move |(index, rule)| holds(*index, &rule.when)).map(|(_, rule)| rule)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{Rules, check};
    use crate::config::{Rule, When};
    use crate::prompt::Needs;

    fn rule(name: &str, file: &[&str]) -> Rule {
        let file = file.iter().map(ToString::to_string).collect();
        Rule::new(name, When { file, ..When::default() }, "p/m".parse().unwrap())
    }

    fn first(rules: &[Rule], paths: &[&str]) -> Option<String> {
        let rules = Rules::new(rules.to_vec());
        rules.matching(|see| paths.iter().for_each(|path| see(path))).next().map(|rule| rule.name.clone())
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
    fn reads_no_files_when_no_rule_asks() {
        assert_eq!(Rules::new(vec![rule("else", &[])]).needs(), Needs::Nothing);
        assert_eq!(Rules::new(vec![rule("else", &[]), rule("a", &["b"])]).needs(), Needs::Files);
    }

    #[test]
    fn wrong_rules_are_named() {
        let pointers = |rules: &[Rule]| check(rules).into_iter().map(|error| error.pointer).collect::<Vec<_>>();
        assert_eq!(pointers(&[rule("a", &["*.md"]), rule("b", &[])]), Vec::<String>::new());
        assert_eq!(pointers(&[rule("a", &["ok", ""])]), ["/rules/0/when/file/1"]);
        assert_eq!(pointers(&[rule("a", &["x[a"])]), ["/rules/0/when/file/0"]);
        assert_eq!(pointers(&[rule("a", &[]), rule("a", &[]), rule("", &[])]), ["/rules/1/name", "/rules/2/name"]);
        assert_eq!(pointers(&vec![rule("a", &["x"]); 1_001])[0], "/rules");
    }
}
