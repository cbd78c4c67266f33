//! The model behind a client: it wants to see three files and one of them changed, by whatever tools the client offers,
//! and then says that it is done. It plays a provider of chat, of messages or of responses, plain and streamed.

mod ask;
mod chat;
mod messages;
mod responses;
mod script;
mod sse;
mod strict;
#[cfg(test)]
mod tests;
mod tools;
mod usage;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use muxspace_tests::{Answer, Provider, Seen};

use ask::Ask;
pub use ask::Dialect;
pub use script::is_done;
pub use usage::Tokens;

/// What was said so far.
#[derive(Default)]
pub struct Said {
    /// Sum over all answers that named their usage.
    pub tokens: Tokens,
    pub answers: u64,
    /// What a real provider of this dialect would not have taken.
    pub objections: Vec<String>,
}

/// Lets `provider` play the model for a client that works in `repo`, as a provider of `dialect`.
pub fn play(provider: &Provider, dialect: Dialect, repo: &Path) -> Arc<Mutex<Said>> {
    let said = Arc::new(Mutex::new(Said::default()));
    let (heard, repo) = (said.clone(), repo.to_owned());
    provider
        .answer(move |seen| answer(seen, dialect, &repo, &mut heard.lock().unwrap_or_else(PoisonError::into_inner)));
    said
}

fn answer(seen: &Seen, dialect: Dialect, repo: &Path, said: &mut Said) -> Answer {
    let path = seen.path.split('?').next().unwrap_or_default();
    if dialect == Dialect::Messages && path == "/v1/messages/count_tokens" {
        return messages::count(seen);
    }
    if path != dialect.path() {
        said.objections.push(format!("{} {path} is not for it", seen.method));
        return Answer::error(404, "no such path here");
    }
    if let Some(objection) = strict::objection(dialect, seen) {
        let answer = Answer::error(400, &objection);
        said.objections.push(objection);
        return answer;
    }
    let ask = Ask::read(dialect, &seen.json());
    let turn = script::next(&ask, repo);
    said.answers += 1;
    let tokens = Tokens::of_answer(said.answers, dialect);
    if ask.hears_usage() {
        said.tokens += tokens;
    }
    match dialect {
        Dialect::Chat => chat::answer(&ask, &turn, &tokens),
        Dialect::Messages => messages::answer(&ask, &turn, &tokens),
        Dialect::Responses => responses::answer(&ask, &turn, &tokens),
    }
}
