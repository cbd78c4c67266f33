//! The five clients: how each is installed, configured and asked.

use std::path::PathBuf;

use crate::demo::TASK;

/// Where a client works and whom it asks.
pub struct Setting {
    /// Base URL without a version, as a user is told it.
    pub base: String,
    pub home: PathBuf,
    pub repo: PathBuf,
}

/// What has to be run.
#[derive(Default)]
pub struct Launch {
    /// Below the home folder, written before.
    pub files: Vec<(&'static str, String)>,
    pub environment: Vec<(&'static str, String)>,
    /// One after the other; the last one does the task.
    pub commands: Vec<Vec<String>>,
}

pub struct Client {
    pub name: &'static str,
    /// Also chooses it on the command line.
    pub program: &'static str,
    /// The client's own dialect in this configuration.
    pub speaks: &'static str,
    pub install: &'static str,
    pub launch: fn(&Setting) -> Launch,
}

/// Every way in which a client is tried.
pub const CLIENTS: [Client; 7] = [
    Client {
        name: "Codex",
        program: "codex",
        speaks: "responses",
        install: "npm install --prefix $CLIENTS_HOME/node @openai/codex",
        launch: codex,
    },
    Client {
        name: "Claude Code",
        program: "claude",
        speaks: "messages",
        install: "npm install --prefix $CLIENTS_HOME/node @anthropic-ai/claude-code",
        launch: claude,
    },
    Client { name: "aider", program: "aider", speaks: "chat", install: AIDER_INSTALL, launch: aider },
    Client { name: "aider", program: "aider", speaks: "messages", install: AIDER_INSTALL, launch: aider_messages },
    Client {
        name: "Cline",
        program: "cline",
        speaks: "chat",
        install: "npm install --prefix $CLIENTS_HOME/node cline",
        launch: cline,
    },
    Client { name: "Continue", program: "cn", speaks: "chat", install: CONTINUE_INSTALL, launch: continue_chat },
    Client {
        name: "Continue",
        program: "cn",
        speaks: "messages",
        install: CONTINUE_INSTALL,
        launch: continue_messages,
    },
];

const AIDER_INSTALL: &str =
    "python3 -m venv $CLIENTS_HOME/aider-venv && $CLIENTS_HOME/aider-venv/bin/pip install aider-chat";
const CONTINUE_INSTALL: &str = "npm install --prefix $CLIENTS_HOME/node @continuedev/cli";

/// Clients want a key; Muxspace takes any.
const KEY: &str = "any-key";
/// Names that clients know; Muxspace puts the target's in their place.
const OPENAI_MODEL: &str = "gpt-5";
const ANTHROPIC_MODEL: &str = "claude-sonnet-4-5";

fn codex(setting: &Setting) -> Launch {
    let config = format!(
        "model = \"{OPENAI_MODEL}\"\nmodel_provider = \"muxspace\"\nmodel_reasoning_effort = \"high\"\n\n[model_providers.muxspace]\nname = \"Muxspace\"\n\
         base_url = \"{}/v1\"\nwire_api = \"responses\"\nenv_key = \"MUXSPACE_CLIENT_KEY\"\n",
        setting.base
    );
    Launch {
        files: vec![(".codex/config.toml", config)],
        environment: vec![("MUXSPACE_CLIENT_KEY", KEY.into())],
        commands: vec![command(&["codex", "exec", "--dangerously-bypass-approvals-and-sandbox", TASK])],
    }
}

fn claude(setting: &Setting) -> Launch {
    let mut environment = vec![("ANTHROPIC_BASE_URL", setting.base.clone()), ("ANTHROPIC_API_KEY", KEY.into())];
    let quiet = [
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
        "DISABLE_AUTOUPDATER",
        "DISABLE_ERROR_REPORTING",
        "DISABLE_TELEMETRY",
    ];
    environment.extend(quiet.map(|name| (name, "1".to_owned())));
    let arguments = ["--permission-mode", "acceptEdits", "--allowedTools", "Read,Edit", "--model", ANTHROPIC_MODEL];
    let commands = vec![command(&[&["claude", "-p"], &arguments[..], &[TASK]].concat())];
    Launch { environment, commands, ..Launch::default() }
}

fn aider(setting: &Setting) -> Launch {
    let environment = vec![("OPENAI_API_BASE", setting.base.clone()), ("OPENAI_API_KEY", KEY.into())];
    aider_with(environment, &format!("openai/{OPENAI_MODEL}"))
}

fn aider_messages(setting: &Setting) -> Launch {
    let environment = vec![("ANTHROPIC_API_BASE", setting.base.clone()), ("ANTHROPIC_API_KEY", KEY.into())];
    aider_with(environment, &format!("anthropic/{ANTHROPIC_MODEL}"))
}

fn aider_with(mut environment: Vec<(&'static str, String)>, model: &str) -> Launch {
    // The list of prices that it brings along, instead of the newest.
    environment.push(("LITELLM_LOCAL_MODEL_COST_MAP", "True".into()));
    let mut arguments = vec!["aider", "--model", model, "--weak-model", model, "--edit-format", "diff", "--yes-always"];
    arguments.extend(["--no-show-model-warnings", "--no-check-update", "--analytics-disable", "--no-pretty"]);
    arguments.extend(["--no-gitignore", "--no-show-release-notes", "--message", TASK]);
    arguments.extend(["--read", "web/client.ts", "src/app.py", "README.md"]);
    Launch { environment, commands: vec![command(&arguments)], ..Launch::default() }
}

fn cline(setting: &Setting) -> Launch {
    let data = setting.home.join("cline").display().to_string();
    let auth =
        ["cline", "auth", "--data-dir", &data, "-p", "openai", "-k", KEY, "-m", OPENAI_MODEL, "-b", &setting.base];
    let task = ["cline", "--data-dir", &data, "-P", "openai", "-m", OPENAI_MODEL, TASK];
    Launch { commands: vec![command(&auth), command(&task)], ..Launch::default() }
}

fn continue_chat(setting: &Setting) -> Launch {
    continue_with(setting, "openai", OPENAI_MODEL, &setting.base)
}

fn continue_messages(setting: &Setting) -> Launch {
    continue_with(setting, "anthropic", ANTHROPIC_MODEL, &format!("{}/v1/", setting.base))
}

fn continue_with(setting: &Setting, provider: &str, model: &str, base: &str) -> Launch {
    let file = ".continue/config.yaml";
    let path = setting.home.join(file).display().to_string();
    let config = format!(
        "name: local\nversion: 1.0.0\nschema: v1\nmodels:\n  - name: muxspace\n    provider: {provider}\n    \
         model: {model}\n    apiBase: {base}\n    apiKey: {KEY}\n    roles: [chat, edit, apply]\n    \
         capabilities: [tool_use]\n"
    );
    Launch {
        files: vec![(file, config)],
        environment: vec![("CONTINUE_TELEMETRY_ENABLED", "0".into())],
        commands: vec![command(&["cn", "--config", &path, "--auto", "-p", TASK])],
    }
}

fn command(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
