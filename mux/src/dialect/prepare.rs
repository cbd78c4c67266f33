//! What is put in order between a reader and a writer, so that no writer has to: ids, and neighbours of one role.

use super::model::{Answer, Message, Part, Role};
use super::tools::{hash, made_id, wire_id};

/// Gives every call an id that all dialects take, and its result the same. Some servers give none: then results
/// belong to the calls in their order.
pub fn settle_ids(messages: &mut [Message]) {
    let (mut made, mut answered) = (0, 0);
    for part in messages.iter_mut().flat_map(|message| &mut message.parts) {
        let (id, count) = match part {
            Part::ToolCall(call) => (&mut call.id, &mut made),
            Part::ToolResult(result) => (&mut result.id, &mut answered),
            _ => continue,
        };
        if id.is_empty() {
            *id = format!("call_unnamed_{count}");
            *count += 1;
        } else {
            *id = wire_id(id);
        }
    }
}

/// Gives an answer and its calls ids where the provider gave none.
pub fn settle_answer(answer: &mut Answer, body: &[u8]) {
    if answer.id.is_empty() {
        answer.id = format!("{:016x}", hash(body));
    }
    let calls = answer.parts.iter_mut().filter_map(|part| match part {
        Part::ToolCall(call) => Some(call),
        _ => None,
    });
    for (index, call) in calls.enumerate() {
        if call.id.is_empty() {
            call.id = made_id(&answer.id, index);
        }
    }
}

/// Joins neighbours of one role and speaker, as `same` has it.
pub fn merged(messages: Vec<Message>, same: impl Fn(Role, Role) -> bool) -> Vec<Message> {
    let mut merged: Vec<Message> = Vec::with_capacity(messages.len());
    for message in messages {
        match merged.last_mut() {
            Some(last) if same(last.role, message.role) && last.name == message.name => {
                last.parts.extend(message.parts)
            }
            _ => merged.push(message),
        }
    }
    merged
}

pub fn is_instruction(role: Role) -> bool {
    matches!(role, Role::System | Role::Developer)
}
