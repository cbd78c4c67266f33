//! What the model says next.

use std::path::Path;

use super::ask::Ask;
use super::tools::{self, Arguments, Wish};
use crate::demo;

/// The last words of a task that went well.
pub const DONE: &str = "Done.";
/// Said to requests that are no part of the task, such as for a title or a commit message.
pub const ASIDE: &str = "Check the demo shop";

/// What the model thinks, where it does.
pub const THOUGHT: &str = "First things first.";

/// What is wanted, one tool after the other. A client may insist that a file is read before it is edited.
const WISHES: [Wish; 4] =
    [Wish::Read(demo::APP.path), Wish::Read(demo::CLIENT.path), Wish::Read(demo::README.path), Wish::Edit(&demo::EDIT)];

#[derive(Clone, Debug, PartialEq)]
pub enum Turn {
    Say(String),
    Call { tool: String, arguments: Arguments },
}

pub fn next(ask: &Ask, repo: &Path) -> Turn {
    let Some(wish) = WISHES.get(ask.results) else {
        return Turn::Say(last_words(ask));
    };
    if let Some((tool, arguments)) = tools::call(&ask.tools, wish, repo) {
        return Turn::Call { tool, arguments };
    }
    // A client without tools reads the edit from the text.
    if ask.conversation.holds("SEARCH/REPLACE") {
        return Turn::Say(format!("{}\n{}", edit_block(), last_words(ask)));
    }
    Turn::Say(ASIDE.to_owned())
}

/// The task went well only if every file was seen.
fn last_words(ask: &Ask) -> String {
    let files = [demo::APP, demo::CLIENT, demo::README];
    let unseen = files.iter().filter(|file| !ask.conversation.holds(file.mark)).map(|file| file.path);
    let unseen: Vec<&str> = unseen.collect();
    if unseen.is_empty() { DONE.to_owned() } else { format!("What is in {}?", unseen.join(" and ")) }
}

fn edit_block() -> String {
    let demo::Edit { path, old, new } = demo::EDIT;
    format!("{path}\n```\n<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE\n```\n")
}

/// Whether a client passed the last words on, on a line of their own; some say more after it, such as what it cost.
pub fn is_done(output: &str) -> bool {
    output.lines().any(|line| line.trim() == DONE)
}
