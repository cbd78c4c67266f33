//! The project's files, and Rust source as tokens.

use std::path::{Path, PathBuf};
use std::process::Command;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Paths relative to the project's root of every file that git knows or would add.
pub fn files() -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git is there");
    let text = String::from_utf8(output.stdout).expect("paths are UTF-8");
    let files: Vec<String> = text.lines().filter(|path| root().join(path).is_file()).map(str::to_owned).collect();
    assert!(files.len() > 20, "git lists the project's files");
    files
}

/// Those of them that are Rust.
pub fn rust_files() -> Vec<String> {
    files().into_iter().filter(|path| path.ends_with(".rs")).collect()
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_owned()
}

pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub fn tokens(path: &str) -> TokenStream {
    read(path).parse().unwrap_or_else(|error| panic!("{path} is not Rust: {error}"))
}

/// A `::`-path or `use` as it begins: its first names and the line of the first.
pub struct Reference {
    pub names: Vec<String>,
    pub line: usize,
}

/// Every path in code, macros and attributes included; comments and strings are none.
pub fn references(tokens: TokenStream) -> Vec<Reference> {
    let mut found = Vec::new();
    collect(tokens, &[], &mut found);
    found
}

fn collect(tokens: TokenStream, prefix: &[String], found: &mut Vec<Reference>) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < trees.len() {
        let Some(TokenTree::Ident(first)) = trees.get(at) else {
            if let Some(TokenTree::Group(group)) = trees.get(at) {
                // Inside the braces of `a::{b, c}` the names go on from the path before them.
                let is_tree = group.delimiter() == Delimiter::Brace && !prefix.is_empty();
                collect(group.stream(), if is_tree { prefix } else { &[] }, found);
            }
            at += 1;
            continue;
        };
        let line = first.span().start().line;
        let mut names = prefix.to_vec();
        names.push(first.to_string());
        at += 1;
        while is_colons(&trees, at) {
            match trees.get(at + 2) {
                Some(TokenTree::Ident(name)) => names.push(name.to_string()),
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    collect(group.stream(), &names, found);
                }
                _ => {}
            }
            at += 3;
        }
        found.push(Reference { names, line });
    }
}

fn is_colons(trees: &[TokenTree], at: usize) -> bool {
    let is_colon = |at: usize| matches!(trees.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    is_colon(at) && is_colon(at + 1)
}

/// A function that has a body: its name, first line and last line.
pub struct Function {
    pub name: String,
    pub first_line: usize,
    pub last_line: usize,
}

/// Every function, also those inside macros, modules and functions.
pub fn functions(tokens: TokenStream) -> Vec<Function> {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let mut found = Vec::new();
    for (at, tree) in trees.iter().enumerate() {
        if let TokenTree::Group(group) = tree {
            found.extend(functions(group.stream()));
        }
        // `fn` without a name is the type of a function pointer.
        let (TokenTree::Ident(word), Some(TokenTree::Ident(name))) = (tree, trees.get(at + 1)) else { continue };
        if word != "fn" {
            continue;
        }
        let ends = |tree: &&TokenTree| match tree {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            TokenTree::Punct(punct) => punct.as_char() == ';',
            _ => false,
        };
        if let Some(TokenTree::Group(body)) = trees[at..].iter().find(ends) {
            let (first_line, last_line) = (word.span().start().line, body.span_close().end().line);
            found.push(Function { name: name.to_string(), first_line, last_line });
        }
    }
    found
}

#[test]
fn the_counters_see_what_they_should() {
    let code = "mod m { impl T { fn a(f: fn(u8) -> u8) -> [u8; 2] {\n\n} } trait U { fn none(&self); } }\n\
        macro! { fn b() {\n} } #[derive(x::Y)] fn c() { let q = deep::path::<a::B>(); }";
    let tokens: TokenStream = code.parse().expect("Rust");
    let seen: Vec<_> =
        functions(tokens.clone()).iter().map(|f| (f.name.clone(), f.last_line - f.first_line + 1)).collect();
    assert_eq!(seen, [("a".to_owned(), 3), ("b".to_owned(), 2), ("c".to_owned(), 1)]);
    let names: Vec<String> = references(tokens).into_iter().map(|reference| reference.names.join("::")).collect();
    for path in ["x::Y", "deep::path", "a::B"] {
        assert!(names.contains(&path.to_owned()), "{path} not in {names:?}");
    }
    let tree = "use crate::{store::Store, rest}; use sqlx as db; // tonic::Nothing".parse().expect("Rust");
    let names: Vec<String> = references(tree).into_iter().map(|reference| reference.names.join("::")).collect();
    for path in ["crate::store::Store", "crate::rest", "sqlx"] {
        assert!(names.contains(&path.to_owned()), "{path} not in {names:?}");
    }
    assert!(!names.iter().any(|name| name.starts_with("tonic")));
}
