//! Asking before something is lost.

use std::io::{self, BufRead, Write};

use super::super::Failure;
use super::out;

/// Asks a person, unless told that all is well; without a terminal nobody can be asked.
pub fn destruction(yes: bool, question: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !out::can_ask() {
        return Err(Failure::usage(format!("{question} There is no terminal to ask at; say --yes")));
    }
    match ask(&format!("{question} [y/N] "))? {
        answer if matches!(answer.as_str(), "y" | "yes") => Ok(()),
        _ => Err(Failure::new("nothing was done")),
    }
}

/// Asks whether to go on; plain Enter is yes.
pub fn again(question: &str) -> Result<bool, Failure> {
    Ok(matches!(ask(&format!("{question} [Y/n] "))?.as_str(), "" | "y" | "yes"))
}

/// One line of standard input, in lower case. The end of it is a no.
fn ask(question: &str) -> Result<String, Failure> {
    let failed = |error: io::Error| Failure::new(format!("cannot ask: {error}"));
    eprint!("{}", out::clean(question));
    io::stderr().flush().map_err(failed)?;
    let mut line = String::new();
    match io::stdin().lock().read_line(&mut line).map_err(failed)? {
        0 => Ok("no".to_owned()),
        _ => Ok(line.trim().to_ascii_lowercase()),
    }
}
