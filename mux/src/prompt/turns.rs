//! Where user turns begin: with words or an image of a user's own, after whatever the model did.

use super::conversation::{Message, Prompt, Role, What};
use super::sights::own_words;
use crate::config::RequestKind;

/// Where user turns begin, and where the last one's own words end.
#[derive(Debug, Default)]
pub struct Turns {
    /// Messages with which a turn begins, ascending.
    pub starts: Vec<usize>,
    /// The last message of a user's own.
    pub last_own: usize,
}

pub fn find(prompt: &Prompt) -> Turns {
    let has_own_words = own_words(prompt.body);
    let mut turns = Turns::default();
    // Users' messages in a row are one turn.
    let mut goes_on = false;
    for (index, message) in prompt.conversation.messages.iter().enumerate() {
        match message.role {
            Role::User if is_own(prompt, message, &has_own_words) => {
                if !std::mem::replace(&mut goes_on, true) {
                    turns.starts.push(index);
                }
                turns.last_own = index;
            }
            Role::User if !brings_outcomes(prompt, message) => {}
            Role::User | Role::Assistant | Role::Tool => goes_on = false,
            Role::Instructions | Role::Unknown => {}
        }
    }
    turns
}

fn is_own(prompt: &Prompt, message: &Message, has_own_words: impl Fn(&[u8]) -> bool) -> bool {
    let mut texts = prompt.pieces(message).iter().filter(|piece| piece.what == What::Text);
    // A request that is no conversation is all the user's.
    let is_whole = matches!(prompt.kind, RequestKind::Completion | RequestKind::Fim | RequestKind::Embedding);
    is_whole || message.has_attachment || texts.any(|piece| has_own_words(prompt.raw(&piece.span)))
}

/// In the messages dialect the outcomes of tool calls come as the user's.
fn brings_outcomes(prompt: &Prompt, message: &Message) -> bool {
    prompt.pieces(message).iter().any(|piece| piece.what == What::Result)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use crate::endpoint::Endpoint::{self, ChatCompletions, Completions, Messages, Responses};
    use crate::prompt::{Needs, read};

    fn check(endpoint: Endpoint, messages: Value, starts: &[usize]) {
        let body = json!({ "messages": messages, "input": messages, "prompt": messages }).to_string();
        let prompt = read(endpoint, body.as_bytes(), Needs { turns: true, ..Needs::default() }).unwrap();
        assert_eq!(prompt.turns.starts, starts, "{body}");
        assert_eq!(prompt.last_user_turn().map(|turn| *turn.start()), starts.last().copied());
        for message in 0..8 {
            let turn = starts.iter().filter(|start| **start <= message).count();
            assert_eq!(prompt.turn_of(message), turn);
        }
    }

    #[test]
    fn chat() {
        let user = |text: &str| json!({ "role": "user", "content": text });
        let reminder = user("<system-reminder>\nUse src/a.py.\n</system-reminder>\n");
        let answer = json!({ "role": "assistant", "content": "Yes." });
        let tool = json!({ "role": "tool", "content": "x" });
        let system = json!({ "role": "system", "content": "x" });
        check(ChatCompletions, json!([system, user("a"), answer, tool, answer, user("b")]), &[1, 5]);
        check(ChatCompletions, json!([user("a"), user("b"), answer, user("c"), system, user("d")]), &[0, 3]);
        check(ChatCompletions, json!([reminder, user("a"), answer, reminder, answer]), &[1]);
        check(ChatCompletions, json!([answer, user(" \n"), {}]), &[]);
        check(
            ChatCompletions,
            json!([{ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": "u" } }] }]),
            &[0],
        );
    }

    #[test]
    fn brackets_may_be_escaped() {
        let body = br#"{"messages":[{"role":"user","content":"\u003cenv\u003ex\u003c/env\u003e"},{"role":"user","content":"a"}]}"#;
        assert_eq!(read(ChatCompletions, body, Needs::ALL).unwrap().turns.starts, [1]);
    }

    #[test]
    fn outcomes_of_tool_calls_are_no_turns() {
        let result =
            json!({ "type": "tool_result", "content": [{ "type": "text", "text": "x" }, { "type": "image" }] });
        let text = |text: &str| json!({ "type": "text", "text": text });
        let reminder = text("<system-reminder>x</system-reminder>");
        let user = |parts: Value| json!({ "role": "user", "content": parts });
        let answer = json!({ "role": "assistant", "content": [{ "type": "tool_use", "input": {} }] });
        check(
            Messages,
            json!([
                user(json!([reminder, text("fix it")])),
                answer,
                user(json!([result])),
                answer,
                user(json!([result, reminder])),
                answer,
                user(json!([result, text("and faster")])),
            ]),
            &[0, 6],
        );
    }

    #[test]
    fn items_of_responses() {
        let user = |text: &str| json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": text }] });
        let call = json!({ "type": "function_call", "arguments": "{}" });
        let output = json!({ "type": "function_call_output", "output": "x" });
        let context = user("<environment_context>\n<cwd>/repo</cwd>\n</environment_context>");
        check(Responses, json!([context, user("a"), call, output, user("b")]), &[1, 4]);
        check(Responses, json!("one text"), &[0]);
        check(Completions, json!("one text"), &[0]);
    }
}
