//! Standard output: whole texts, without a panic when its reader has gone.

use std::io::{self, ErrorKind, IsTerminal, Write};

use super::super::Failure;
use super::api::Answer;

/// For whom to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Out {
    Text,
    Json,
}

impl Out {
    /// Prints the answer itself, or what `text` makes of it.
    pub fn answer(self, answer: &Answer, text: impl FnOnce(&Answer) -> String) -> Result<(), Failure> {
        match self {
            // What was deleted has nothing to show.
            Self::Json if answer.text.is_empty() => Ok(()),
            Self::Json => print(&answer.text),
            Self::Text => print(&text(answer)),
        }
    }
}

/// Prints a text and ends its last line.
pub fn print(text: &str) -> Result<(), Failure> {
    let end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
    write(format!("{text}{end}").as_bytes())
}

pub fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::output_closed(),
        _ => Failure::new(format!("cannot write to standard output: {error}")),
    })
}

/// Tells people something that is no result.
pub fn note(text: &str) {
    eprintln!("muxspace: {}", clean(text));
}

/// Whether a person can be asked.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Without what could steer a terminal; line ends stay.
pub fn clean(text: &str) -> String {
    let shown = |letter: char| if letter.is_control() && letter != '\n' { ' ' } else { letter };
    text.chars().map(shown).collect()
}
