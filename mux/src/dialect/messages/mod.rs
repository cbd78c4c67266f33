//! Anthropic Messages (`POST /v1/messages`), version 2023-06-01, as Anthropic's API reference has it.

mod read_answer;
mod read_content;
mod read_request;
mod read_tools;
mod write_answer;
mod write_messages;
mod write_request;

pub use read_answer::{finish, read_answer};
pub use read_request::read_request;
pub use write_answer::{stop_reason, write_answer};
pub use write_request::write_request;

#[cfg(test)]
mod tests;
