//! The list of commands in `docs/cli.md`, made from the commands themselves.

use std::fmt::Write;
use std::path::Path;

use clap::{Command, CommandFactory};

use super::Arguments;

const BEGIN: &str = "<!-- commands: written by the test `docs_list_the_commands` -->\n";
const END: &str = "<!-- end of commands -->\n";
/// If set, the test writes the list instead of comparing it.
const UPDATE: &str = "MUXSPACE_UPDATE_DOCS";

#[test]
fn docs_list_the_commands() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("docs/cli.md marks where the commands begin");
    let (listed, after) = rest.split_once(END).expect("docs/cli.md marks where the commands end");
    let commands = commands();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{commands}{END}{after}")).unwrap();
    } else {
        assert!(listed == commands, "docs/cli.md is out of date: run this test with {UPDATE}=1");
    }
}

fn commands() -> String {
    let mut command = Arguments::command();
    command.build();
    let mut text = String::from("\n| command | what it does |\n|---|---|\n");
    for command in below(&command).filter(|command| !command.is_hide_set()) {
        rows_of(command, command.get_name(), &mut text);
    }
    text.push('\n');
    text
}

fn below(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|below| below.get_name() != "help")
}

/// The command itself, or those below it.
fn rows_of(command: &Command, name: &str, text: &mut String) {
    let mut is_leaf = true;
    for below in below(command) {
        is_leaf = false;
        rows_of(below, &format!("{name} {}", below.get_name()), text);
    }
    if is_leaf {
        let arguments = arguments_of(command).replace('|', "\\|");
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        writeln!(text, "| `{name}{arguments}` | {} |", about.trim_end_matches('.').replace('|', "\\|")).unwrap();
    }
}

/// What it takes beside the options that all commands share.
fn arguments_of(command: &Command) -> String {
    let mut text = String::new();
    for argument in command.get_positionals() {
        let name = argument.get_id().as_str().to_uppercase();
        text += &if argument.is_required_set() { format!(" {name}") } else { format!(" [{name}]") };
    }
    let shared = |argument: &clap::Arg| {
        argument.is_global_set() || argument.get_id() == "help" || argument.get_id() == "version"
    };
    for argument in
        command.get_opts().chain(command.get_arguments().filter(|argument| !argument.get_action().takes_values()))
    {
        if shared(argument) || argument.is_hide_set() {
            continue;
        }
        let Some(long) = argument.get_long() else { continue };
        let value = value_of(argument);
        text += &if argument.is_required_set() { format!(" --{long}{value}") } else { format!(" [--{long}{value}]") };
    }
    text
}

/// ` VALUE`, or the words to choose from; a flag has none.
fn value_of(argument: &clap::Arg) -> String {
    if !argument.get_action().takes_values() {
        return String::new();
    }
    let words = argument.get_possible_values();
    let words: Vec<&str> = words.iter().map(clap::builder::PossibleValue::get_name).collect();
    if words.is_empty() {
        let names = argument.get_value_names().and_then(|names| names.first());
        return names.map(|name| format!(" {name}")).unwrap_or_default();
    }
    format!(" {}", words.join("|"))
}
