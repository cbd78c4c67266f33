//! Command lines, as clap reads them.

use super::*;

#[test]
fn arguments_are_sound() {
    Arguments::command().debug_assert();
}

const READ: [&str; 48] = [
    "serve --api 127.0.0.1:0 --no-discover --filter f.wasm",
    "up --listen 127.0.0.1:0 --concurrency 2 --envoy /usr/bin/envoy",
    "envoy-config --api control-server:8990 --listen 0.0.0.0:8989 --output-env e",
    "run-envoy --parent 1 envoy --config-path x",
    "status",
    "status --json --server http://10.0.0.1:8990/mux",
    "doctor --envoy-config envoy.yaml --envoy /usr/bin/envoy",
    "doctor --envoy-admin http://127.0.0.1:9901",
    "workspace list --archived --json",
    "workspace --json list --all",
    "workspace show docs",
    "workspace create docs --description Words --instructions-file i.md --rules r.yaml",
    "workspace rename docs words",
    "workspace activate docs --session s1",
    "workspace archive docs",
    "workspace recover docs",
    "workspace delete docs --yes",
    "workspace edit docs",
    "rules show docs",
    "rules set docs -f -",
    "rules lint docs",
    "provider add p --type openai --api-key-env KEY",
    "provider add p --type openai --api-key-stdin --require-reachable",
    "provider add p --type openai --auth passthrough --endpoint http://h/v1 --model a --model b",
    "provider list",
    "provider models",
    "provider models p",
    "provider refresh p",
    "provider remove p --force --yes",
    "session list",
    "session create --workspace docs",
    "session create s1 --workspace docs --label Mine",
    "session set s1 --label Mine",
    "session delete s1 -y",
    "key list -w docs",
    "key add laptop",
    "key add ci -w docs --endpoints messages,models --models none --expires-at 2027-01-01 --requests-per-minute 60 --session s1",
    "key rotate 12 -w docs --grace-s 0",
    "key revoke 12 --workspace docs --yes",
    "explain request.json --key 12",
    "export docs -o docs.yaml",
    "import docs.yaml --mode replace --dry-run",
    "apply -f a.yaml -f b --dry-run",
    "apply -f a.yaml b.yaml",
    "explain request.json --workspace docs --header x-team=red --endpoint messages",
    "logs -n 5",
    "logs -f --workspace docs --json",
    "completions zsh",
];

const REFUSED: [&str; 31] = [
    "",
    "serve --api somewhere",
    "up --concurrency 0",
    "envoy-config --api http://x:1",
    "serve --unknown",
    "serve --json",
    "status --server 10.0.0.1:8990",
    "status --server ftp://10.0.0.1",
    "status --token t",
    "workspace",
    "workspace list --archived --all",
    "workspace create docs --instructions a --instructions-file b",
    "workspace rename docs",
    "rules set docs",
    "provider add p --type openai --api-key-env KEY --api-key-stdin",
    "provider add p --type openai --api-key sk-1",
    "provider add p --type openai --auth none --api-key-stdin",
    "provider add p",
    "session create s1",
    "session set s1",
    "key add -w docs",
    "key rotate laptop -w docs",
    "key add ci --tokens-per-minute many",
    "explain request.json --key 12 --workspace docs",
    "import docs.yaml --mode merge",
    "apply",
    "explain request.json --workspace docs --session s1",
    "explain request.json --header x-team",
    "explain - --endpoint poems",
    "logs -n 0",
    "completions tcl",
];

#[test]
fn command_lines_are_read_or_refused() {
    let is_read = |line: &str| {
        Arguments::try_parse_from(std::iter::once("muxspace").chain(line.split_ascii_whitespace())).is_ok()
    };
    for line in READ {
        assert!(is_read(line), "{line}");
    }
    for line in REFUSED {
        assert!(!is_read(line), "{line}");
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
