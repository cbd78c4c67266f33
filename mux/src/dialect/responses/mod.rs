//! OpenAI Responses (`POST /v1/responses`), as OpenAI's API reference has it, without what is kept at OpenAI between
//! requests.

mod read_answer;
mod read_items;
mod read_request;
mod read_tools;
mod write_answer;
mod write_items;
mod write_request;

pub use read_answer::{finish, read_answer};
pub use read_request::read_request;
pub use read_tools::joined_name;
pub use write_answer::{item_id, status, write_answer, write_call};
pub use write_request::write_request;

#[cfg(test)]
mod tests;
