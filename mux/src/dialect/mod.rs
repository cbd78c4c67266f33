//! The wire formats that clients and providers speak, and the translation between them.
//!
//! One neutral model ([`model`]) stands between a reader and a writer per dialect; no code knows two dialects. What a
//! target cannot express is refused by the field's name if it changes the answer's meaning, and else dropped and
//! reported. A request that is sent on in its own dialect does not come here: its bytes are kept.

pub mod model;

mod asked;
mod chat;
mod errors;
mod fields;
mod messages;
mod prepare;
mod responses;
mod shared;
mod source;
mod stream;
mod thinking;
mod tools;

use crate::json;
use crate::json::Value;

pub use asked::{Asked, AskedTool};
pub use errors::{read_error, translate_error, write_error};
pub use fields::UNKNOWN;
pub use shared::usage_value;
pub(crate) use stream::frame;
pub use stream::{HELD_BYTES_MAX, PARTS_MAX, StreamTranslator};
pub use tools::{custom_input, made_id, wire_id};

use fields::Dropped;
use model::{Answer, Request};
use shared::read_effort;

/// A wire format. The names are those of the `request` condition and of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI Chat Completions.
    Chat,
    /// Anthropic Messages.
    Messages,
    /// OpenAI Responses.
    Responses,
    /// OpenAI's legacy completions, also for fill-in-the-middle.
    Completions,
    /// OpenAI embeddings.
    Embeddings,
}

impl Dialect {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Messages => "messages",
            Self::Responses => "responses",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
        }
    }
}

/// What a translation needs to know beyond the body.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The target's model id.
    pub model: &'a str,
    /// Tokens of an answer where the target must be told (Messages) and the client said nothing: the catalog's limit
    /// of the model, else 4,096.
    pub max_tokens_default: u64,
    /// Whether a chat provider takes fields that other servers added to OpenAI's format (`reasoning_content` in the
    /// history, `cache_control`, `top_k`): llama.cpp, vLLM, OpenRouter and their like do, OpenAI answers 400.
    pub extensions: bool,
}

/// A request in the target's dialect.
#[derive(Clone, Debug)]
pub struct Translated {
    pub body: Vec<u8>,
    /// Ignorable fields that the target cannot express, each once; [`UNKNOWN`] for those that no dialect has.
    pub dropped: Vec<&'static str>,
    /// What the answer's translation must know.
    pub asked: Asked,
}

/// Why a request cannot be said in the target's dialect: a 422.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{message}", field, if field.is_empty() { "" } else { " " })]
pub struct Untranslatable {
    /// The field at fault, like `messages[0].content[1].type`; empty for the body as a whole.
    pub field: String,
    /// Goes on where the field's name ends: "asks for audio, which ...; leave it out".
    pub message: String,
}

/// Why a provider's answer cannot be passed on: it is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the provider's answer is no answer of its API: {reason}")]
pub struct AnswerError {
    pub reason: String,
}

/// What a reader makes of a request.
#[derive(Debug, Default)]
struct Reading {
    request: Request,
    asked: Asked,
    dropped: Dropped,
}

/// A client's request in `from`, as the target takes it in `to`.
pub fn translate_request(
    from: Dialect,
    to: Dialect,
    body: &[u8],
    context: &Context<'_>,
) -> Result<Translated, Untranslatable> {
    let of_body = |message| Untranslatable { field: String::new(), message };
    let read = match from {
        Dialect::Chat => chat::read_request,
        Dialect::Messages => messages::read_request,
        Dialect::Responses => responses::read_request,
        Dialect::Completions | Dialect::Embeddings => return Err(of_body(no_way(from, to))),
    };
    let write = match to {
        Dialect::Chat => chat::write_request,
        Dialect::Messages => messages::write_request,
        Dialect::Responses => responses::write_request,
        Dialect::Completions | Dialect::Embeddings => return Err(of_body(no_way(from, to))),
    };
    let value = parse(body).map_err(|reason| of_body(format!("The body cannot be translated: {reason}")))?;
    let Reading { mut request, mut asked, mut dropped } = read(value)?;
    tools::lower(&mut request, &mut asked);
    prepare::settle_ids(&mut request.messages);
    let value = write(request, context, &mut dropped)?;
    Ok(Translated { body: written(&value, body.len()), dropped: dropped.0, asked })
}

fn no_way(from: Dialect, to: Dialect) -> String {
    let (from, to) = (from.as_str(), to.as_str());
    format!("A {from} request cannot be sent to a target that speaks {to}; choose a target that speaks {from}")
}

/// A provider's plain answer in `from`, as a client of `to` reads it.
pub fn translate_answer(from: Dialect, to: Dialect, body: &[u8], asked: &Asked) -> Result<Vec<u8>, AnswerError> {
    let answer = read_answer(from, body)?;
    let value = match to {
        Dialect::Messages => messages::write_answer(&answer, asked),
        Dialect::Responses => responses::write_answer(&answer, asked),
        Dialect::Chat | Dialect::Completions | Dialect::Embeddings => chat::write_answer(&answer, asked),
    };
    Ok(written(&value, body.len()))
}

/// What a provider's plain answer says.
pub fn read_answer(from: Dialect, body: &[u8]) -> Result<Answer, AnswerError> {
    let value = parse(body).map_err(|reason| AnswerError { reason })?;
    let read = match from {
        Dialect::Messages => messages::read_answer(value),
        Dialect::Responses => responses::read_answer(value),
        Dialect::Chat | Dialect::Completions | Dialect::Embeddings => chat::read_answer(value),
    };
    let mut answer = read.map_err(|error| AnswerError { reason: error.to_string() })?;
    answer.usage = crate::usage::from_json(from, body);
    prepare::settle_answer(&mut answer, body);
    Ok(answer)
}

fn parse(body: &[u8]) -> Result<Value, String> {
    json::parse(body).map_err(|error| format!("it is not JSON that can be read ({error})"))
}

/// As JSON text, of about `bytes` bytes.
fn written(value: &Value, bytes: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes + bytes / 8);
    json::write(value, &mut text);
    text
}

#[cfg(test)]
mod tests;
