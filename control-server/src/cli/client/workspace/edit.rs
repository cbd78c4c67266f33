//! `muxspace workspace edit`: the document in an editor, then back to the server.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use reqwest::Method;
use tempfile::NamedTempFile;

use crate::cli::Failure;
use crate::cli::client::{Context, confirm, document, out, transfer};

const EDITOR_DEFAULT: &str = "vi";

pub async fn run(context: &Context, name: &str) -> Result<(), Failure> {
    let before = context.api.get(&["workspaces", name, "export"], &[("format", "yaml")]).await?.text;
    let mut file = tempfile::Builder::new()
        .prefix(&format!("muxspace-{}-", name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_")))
        .suffix(".yaml")
        .tempfile()
        .map_err(Failure::of("cannot make a file to edit"))?;
    file.write_all(before.as_bytes()).and_then(|()| file.flush()).map_err(Failure::of("cannot write the document"))?;
    loop {
        open_editor(file.path())?;
        let after = std::fs::read_to_string(file.path()).map_err(Failure::of("cannot read what was edited"))?;
        if after == before {
            return out::print("nothing changed");
        }
        let failure = match replace(context, name, &after).await {
            Ok(()) => return Ok(()),
            Err(failure) => failure,
        };
        if !out::can_ask() {
            return Err(kept(file, name, failure));
        }
        out::note(&failure.to_string());
        if !confirm::again("Edit it again?")? {
            return Err(kept(file, name, failure));
        }
    }
}

async fn replace(context: &Context, name: &str, text: &str) -> Result<(), Failure> {
    let value = document::parse(text).map_err(Failure::new)?;
    match document::workspace_name(&value) {
        Some(now) if now.eq_ignore_ascii_case(name) => {}
        _ => return Err(Failure::new(format!("metadata.name must stay {name}; `workspace rename` changes it"))),
    }
    let path = ["workspaces", "import"];
    let answer = context.api.write(Method::POST, &path, &[("mode", "replace")], Some(&value)).await?;
    transfer::warn(&answer.value);
    context.out.answer(&answer, |answer| format!("workspace {name} replaced{}", answer.revision_note()))
}

/// The editor may be a command with arguments of its own, so a shell reads it.
fn open_editor(path: &Path) -> Result<(), Failure> {
    let variable = |name| std::env::var(name).ok().filter(|text| !text.trim().is_empty());
    let editor = variable("VISUAL").or_else(|| variable("EDITOR")).unwrap_or_else(|| EDITOR_DEFAULT.to_owned());
    let status = Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("muxspace").arg(path).status();
    match status.map_err(Failure::of(format!("cannot start the editor `{editor}`; set VISUAL or EDITOR")))? {
        status if status.success() => Ok(()),
        status => Err(Failure::new(format!("the editor `{editor}` ended with {status}; nothing was changed"))),
    }
}

/// What was typed is not lost with the refusal.
fn kept(file: NamedTempFile, name: &str, failure: Failure) -> Failure {
    match file.keep() {
        Ok((_, path)) => {
            let path = path.display();
            let advice = format!("workspace {name} is unchanged; your text is kept in {path}");
            failure.then(format!("{advice}\n  correct it and run: muxspace import {path} --mode replace"))
        }
        Err(error) => failure.then(format!("your text could not be kept: {error}")),
    }
}
