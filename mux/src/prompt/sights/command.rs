//! The files in a shell command that a tool call runs: its words that look like paths, but for those that are text,
//! code or names of something else.

use std::borrow::Cow;

use super::words::{Token, Words};
use super::{Source, patch};
use crate::prompt::path::{file_path, labelled_path, spoken_path, without_scheme};

/// Words of one command.
pub const WORDS_MAX: usize = 1_024;
/// Levels of commands within commands.
const DEPTH_MAX: usize = 3;

const SHELLS: [&str; 8] = ["bash", "sh", "zsh", "dash", "fish", "pwsh", "powershell", "cmd"];
/// Words in front of the command that is meant.
const PREFIXES: [&str; 14] =
    ["sudo", "time", "env", "nohup", "exec", "command", "xargs", "then", "do", "else", "if", "while", "!", "{"];
/// Programs whose arguments are text, folders, or things that are no files of a project.
const WITHOUT_FILES: [&str; 28] = [
    "echo", "printf", "find", "fd", "ls", "tree", "cd", "pushd", "mkdir", "rmdir", "which", "curl", "wget", "pip",
    "pip3", "npm", "yarn", "pnpm", "apt", "apt-get", "brew", "gem", "ssh", "ping", "export", "kill", "for", "dir",
];
/// Programs whose first argument is a script or a pattern.
const WITH_SCRIPT: [&str; 11] = ["sed", "gsed", "awk", "gawk", "grep", "egrep", "fgrep", "rg", "ag", "ack", "jq"];
/// Programs that take code as the value of an option.
const WITH_CODE: [&str; 8] = ["python", "python3", "node", "deno", "perl", "ruby", "php", "bun"];
/// Subcommands of git that take no files.
const GIT_WITHOUT_FILES: [&str; 9] = ["clone", "remote", "push", "pull", "fetch", "branch", "tag", "config", "rebase"];

/// Calls `seen` with each path in a script.
pub fn script(text: &str, depth: usize, seen: &mut dyn FnMut(&str, Source)) {
    let mut tokens = Words::new(text);
    let mut words: Vec<Cow<str>> = Vec::new();
    while let Some(token) = tokens.next() {
        match token {
            Token::Word(word) if words.len() < WORDS_MAX => words.push(word),
            Token::Word(_) => {}
            Token::End => {
                simple(&words, depth, seen);
                words.clear();
            }
            Token::Redirect => {
                if let Some(Token::Word(word)) = tokens.next()
                    && let Some(path) = argument(&word)
                {
                    seen(path, Source::Command);
                }
            }
            Token::HereString => drop(tokens.next()),
            Token::Heredoc(text) => heredoc(text, &words, depth, seen),
        }
    }
    simple(&words, depth, seen);
}

/// A patch, or a script of its own if a shell is fed with it; otherwise it is a file's contents.
fn heredoc(text: &str, words: &[Cow<str>], depth: usize, seen: &mut dyn FnMut(&str, Source)) {
    let program = words.first().map_or("", |word| word.as_ref());
    if text.trim_start().starts_with("*** Begin Patch") || matches!(program, "apply_patch" | "patch" | "git") {
        patch::patched(text, |path| seen(path, Source::Patch));
    } else if SHELLS.contains(&program) && depth < DEPTH_MAX {
        script(text, depth + 1, seen);
    }
}

/// One command with its arguments.
pub fn simple(words: &[Cow<str>], depth: usize, seen: &mut dyn FnMut(&str, Source)) {
    let is_prefix = |word: &&Cow<str>| PREFIXES.contains(&word.as_ref()) || is_assignment(word);
    let skipped = words.iter().take_while(is_prefix).count();
    let Some((program, arguments)) = words.get(skipped..).and_then(<[_]>::split_first) else { return };
    let program = program.rsplit(['/', '\\']).next().unwrap_or_default();
    let program = program.strip_suffix(".exe").unwrap_or(program);
    if program == "apply_patch" {
        arguments.iter().for_each(|word| patch::patched(word, |path| seen(path, Source::Patch)));
    } else if SHELLS.contains(&program) && depth < DEPTH_MAX {
        shell(arguments, depth, seen);
    } else if !WITHOUT_FILES.contains(&program) {
        files(program, arguments, seen);
    }
}

/// `bash -lc 'script'`, or a file that is run.
fn shell(arguments: &[Cow<str>], depth: usize, seen: &mut dyn FnMut(&str, Source)) {
    let takes_script = |word: &Cow<str>| {
        let is_short = word.starts_with('-') && !word.starts_with("--") && word.ends_with('c') && word.len() <= 4;
        is_short || word.eq_ignore_ascii_case("-command") || word.eq_ignore_ascii_case("/c")
    };
    match arguments.iter().position(takes_script).and_then(|at| arguments.get(at + 1)) {
        Some(text) => script(text, depth + 1, seen),
        None => files("", arguments, seen),
    }
}

fn files(program: &str, arguments: &[Cow<str>], seen: &mut dyn FnMut(&str, Source)) {
    if program == "git" && arguments.first().is_some_and(|word| GIT_WITHOUT_FILES.contains(&word.as_ref())) {
        return;
    }
    let mut scripts = usize::from(WITH_SCRIPT.contains(&program));
    let mut is_text = false;
    for word in arguments {
        if std::mem::take(&mut is_text) {
            continue;
        }
        if word.starts_with('-') && word.len() > 1 {
            is_text = takes_text(program, word);
            scripts = if is_text { 0 } else { scripts };
        } else if scripts > 0 {
            scripts -= 1;
        } else if let Some(path) = argument(word) {
            seen(path, Source::Command);
        }
    }
}

/// Whether the word after an option is text or code.
fn takes_text(program: &str, option: &str) -> bool {
    let is_long = option.starts_with("--");
    let last = option.bytes().last().unwrap_or_default();
    match program {
        "git" | "hg" => (!is_long && last == b'm') || option == "--message",
        "sed" | "gsed" | "grep" | "egrep" | "fgrep" | "rg" => {
            (!is_long && last == b'e') || option == "--expression" || option == "--regexp"
        }
        _ if WITH_CODE.contains(&program) => !is_long && matches!(last, b'c' | b'e' | b'p' | b'm' | b'r'),
        _ => false,
    }
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The path in an argument: also of a test in it (`a.py::test`), or in a revision (`HEAD:a.py`).
fn argument(word: &str) -> Option<&str> {
    let word = word.split("::").next()?;
    if word.contains(['$', '*', '?', '{', '=', '\n', '^', '(']) {
        return None;
    }
    let word = without_scheme(word);
    let path = labelled_path(word)?;
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    // Unlike in prose, most words with a dot are files.
    spoken_path(word).or_else(|| {
        let is_plain = !path.contains(['@', '/', '\\']) && ending.starts_with(|c: char| c.is_ascii_alphabetic());
        file_path(path).filter(|_| is_plain && !["com", "org", "net", "io"].contains(&ending))
    })
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::script;

    #[test]
    fn words_that_are_files() {
        for (text, expected) in [
            ("cat src/app.py", "src/app.py"),
            ("sed -i 's/A tiny./B (c)./' README.md", "README.md"),
            ("sed -n '1,20p' a.rs | head -n 5", "a.rs"),
            ("sed -i -e s/a.py/b.py/ -e 's/x/y/' c.py", "c.py"),
            ("bash -lc \"cat 'my app.py' b.py\"", "b.py"),
            ("cd /repo && cat ./a.py; wc -l b.py", "a.py b.py"),
            ("cat > a.py <<'EOF'\nopen('b.py')\nEOF\npython3 c.py", "a.py c.py"),
            ("echo 'see a.py' > b.txt", "b.txt"),
            ("git commit -am 'fix a.py' && git add b.py", "b.py"),
            ("git show HEAD:src/a.py", "src/a.py"),
            ("git checkout v1.2.3 && git clone git@github.com:x/y.git", ""),
            ("grep -rn 'r.json' web/client.ts", "web/client.ts"),
            ("grep -e a.py b.py", "b.py"),
            ("find . -name '*.py' -o -name app.py", ""),
            ("ls src/app.py; tree src", ""),
            ("cat src/*.py $HOME/a.py", ""),
            ("curl https://example.com/a.py -o b.py", ""),
            ("python -c 'open(\"a.py\")'; python -m http.server", ""),
            ("pytest tests/test_a.py::test_b", "tests/test_a.py"),
            ("FOO=a.py sudo vim Makefile", "Makefile"),
            ("gcc -c main.c -o main.o", "main.c main.o"),
            ("cat a.py 2>/dev/null 2>&1", "a.py"),
            ("cat $(cat list.txt)", "list.txt"),
            ("npm install next.js && node server.js", "server.js"),
            ("apply_patch <<'P'\n*** Begin Patch\n*** Update File: a.py\n+b.py\n*** End Patch\nP", "a.py"),
            (r"type src\a.cs", r"src\a.cs"),
            ("if [ -f a.py ]; then cat b.py; fi", "a.py b.py"),
        ] {
            let mut found: Vec<String> = Vec::new();
            script(text, 0, &mut |path: &str, _| found.push(path.to_owned()));
            found.sort();
            assert_eq!(found.join(" "), expected, "{text}");
        }
    }
}
