//! OpenAI Responses (`POST /v1/responses`), as OpenAI's API reference has it, without what is kept at OpenAI between
//! requests.

mod read_answer;
mod read_items;
mod read_request;
mod read_tools;
mod write_answer;
mod write_items;
mod write_request;

pub use read_answer::read_answer;
pub use read_request::read_request;
pub use write_answer::write_answer;
pub use write_request::write_request;

#[cfg(test)]
mod tests;
