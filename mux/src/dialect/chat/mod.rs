//! OpenAI Chat Completions (`POST /v1/chat/completions`), as OpenAI's API reference has it and as the servers that
//! imitate it bend it.

mod read_answer;
mod read_messages;
mod read_request;
mod read_tools;
mod write_answer;
mod write_messages;
mod write_request;

pub use read_answer::{finish, read_answer};
pub use read_request::read_request;
pub use write_answer::{finish_word, write_answer};
pub use write_request::write_request;

#[cfg(test)]
mod tests;
