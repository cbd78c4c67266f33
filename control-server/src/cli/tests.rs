//! Command lines, as clap reads them.

use super::*;

#[test]
fn arguments_are_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn command_lines_are_read_or_refused() {
    let rows = [
        ("serve --api 127.0.0.1:0 --no-discover --filter f.wasm", true),
        ("up --listen 127.0.0.1:0 --concurrency 2 --envoy /usr/bin/envoy", true),
        ("envoy-config --api control-server:8990 --listen 0.0.0.0:8989 --output-env e", true),
        ("run-envoy --parent 1 envoy --config-path x", true),
        ("", false),
        ("serve --api somewhere", false),
        ("up --concurrency 0", false),
        ("envoy-config --api http://x:1", false),
        ("serve --unknown", false),
        ("serve --json", false),
        ("status", true),
        ("status --json --server http://10.0.0.1:8990/mux", true),
        ("status --server 10.0.0.1:8990", false),
        ("status --server ftp://10.0.0.1", false),
        ("status --token t", false),
        ("doctor --envoy-config envoy.yaml --envoy /usr/bin/envoy", true),
        ("doctor --envoy-admin http://127.0.0.1:9901", true),
        ("workspace", false),
        ("workspace list --archived --json", true),
        ("workspace --json list --all", true),
        ("workspace list --archived --all", false),
        ("workspace show docs", true),
        ("workspace create docs --description Words --instructions-file i.md --rules r.yaml", true),
        ("workspace create docs --instructions a --instructions-file b", false),
        ("workspace rename docs", false),
        ("workspace rename docs words", true),
        ("workspace activate docs --session s1", true),
        ("workspace archive docs", true),
        ("workspace recover docs", true),
        ("workspace delete docs --yes", true),
        ("workspace edit docs", true),
        ("rules show docs", true),
        ("rules set docs", false),
        ("rules set docs -f -", true),
        ("rules lint docs", true),
        ("provider add p --type openai --api-key-env KEY", true),
        ("provider add p --type openai --api-key-stdin --require-reachable", true),
        ("provider add p --type openai --api-key-env KEY --api-key-stdin", false),
        ("provider add p --type openai --api-key sk-1", false),
        ("provider add p --type openai --auth none --api-key-stdin", false),
        ("provider add p --type openai --auth passthrough --endpoint http://h/v1 --model a --model b", true),
        ("provider add p", false),
        ("provider list", true),
        ("provider models", true),
        ("provider models p", true),
        ("provider refresh p", true),
        ("provider remove p --force --yes", true),
        ("session list", true),
        ("session create --workspace docs", true),
        ("session create s1 --workspace docs --label Mine", true),
        ("session create s1", false),
        ("session set s1 --label Mine", true),
        ("session set s1", false),
        ("session delete s1 -y", true),
        ("export docs -o docs.yaml", true),
        ("import docs.yaml --mode replace --dry-run", true),
        ("import docs.yaml --mode merge", false),
        ("apply", false),
        ("apply -f a.yaml -f b --dry-run", true),
        ("apply -f a.yaml b.yaml", true),
        ("explain request.json --workspace docs --header x-team=red --endpoint messages", true),
        ("explain request.json --workspace docs --session s1", false),
        ("explain request.json --header x-team", false),
        ("explain - --endpoint poems", false),
        ("logs -n 5", true),
        ("logs -f --workspace docs --json", true),
        ("logs -n 0", false),
        ("completions zsh", true),
        ("completions tcl", false),
    ];
    for (line, is_read) in rows {
        let words = std::iter::once("muxspace").chain(line.split_ascii_whitespace());
        assert_eq!(Arguments::try_parse_from(words).is_ok(), is_read, "{line}");
    }
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in [Shell::Bash, Shell::Elvish, Shell::Fish, Shell::PowerShell, Shell::Zsh] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Arguments::command(), "muxspace", &mut script);
        let script = String::from_utf8(script).unwrap();
        assert!(script.contains("workspace") && script.contains("explain"), "{shell}");
    }
}
