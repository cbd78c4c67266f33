//! The chunks of Chat Completions and of its older kin.

use super::{Gather, count, map_weight, weight};
use crate::dialect::Dialect;
use crate::json::{Map, Name, Value, json};

/// Members of a delta whose pieces are one text.
const TEXTS: [&str; 5] = ["content", "refusal", "reasoning_content", "reasoning", "text"];
/// Answers and calls of one stream. Past it there is no plain answer.
const ENTRIES_MAX: usize = 1_024;

#[derive(Debug)]
pub struct Chat {
    dialect: Dialect,
    /// Members of chunks that are those of the answer.
    head: Map,
    choices: Vec<Choice>,
    usage: Value,
    is_done: bool,
}

#[derive(Debug, Default)]
struct Choice {
    texts: Vec<(&'static str, String)>,
    calls: Vec<Call>,
    function: Option<Call>,
    /// Of the message, as they came.
    others: Map,
    logprobs: Map,
    /// What servers of their own say beside the message: the last word holds.
    beside: Map,
    /// Bytes of what was put in.
    bytes: usize,
    finish: Value,
}

#[derive(Debug, Default)]
struct Call {
    /// The server's count, which may begin anywhere.
    index: usize,
    /// All but what is put together.
    members: Map,
    /// `function` or `custom`.
    of: Option<Name>,
    name: String,
    /// Under this name.
    field: &'static str,
    text: String,
}

impl Chat {
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, head: Map::new(), choices: Vec::new(), usage: Value::Null, is_done: false }
    }

    fn choice(&mut self, index: usize) -> Option<&mut Choice> {
        if index >= ENTRIES_MAX {
            return None;
        }
        while self.choices.len() <= index {
            self.choices.push(Choice::default());
        }
        self.choices.get_mut(index)
    }
}

impl Gather for Chat {
    fn event(&mut self, _: &str, event: Map) -> Option<()> {
        for (name, value) in event {
            match &*name {
                "choices" => {
                    let Value::Array(choices) = value else { continue };
                    for choice in choices {
                        let Value::Object(choice) = choice else { return None };
                        self.choice(count(&choice, "index"))?.add(choice)?;
                    }
                }
                "usage" if value.is_null() => {}
                "usage" => self.usage = value,
                // Padding, and what other servers say of usage.
                "object" | "obfuscation" | "x_groq" => {}
                _ => {
                    let is_said = self.head.get(&name).is_some_and(|own| !own.is_null() && own != "");
                    if !is_said {
                        self.head.insert(name, value);
                    }
                }
            }
        }
        Some(())
    }

    fn done(&mut self) {
        self.is_done = true;
    }

    fn held_bytes(&self) -> usize {
        self.choices.iter().map(|choice| choice.bytes).sum()
    }

    fn answer(self: Box<Self>) -> Option<Value> {
        let Self { dialect, mut head, choices, usage, is_done } = *self;
        let is_chat = dialect == Dialect::Chat;
        let mut written = Vec::new();
        for (index, choice) in choices.into_iter().enumerate() {
            written.push(choice.answer(index, is_chat, is_done)?);
        }
        head.insert("object", if is_chat { "chat.completion" } else { "text_completion" }.into());
        head.insert("choices", written.into());
        if !usage.is_null() {
            head.insert("usage", usage);
        }
        Some(Value::Object(head))
    }
}

impl Choice {
    fn add(&mut self, choice: Map) -> Option<()> {
        for (name, value) in choice {
            match (&*name, value) {
                (_, Value::Null) | ("index", _) => {}
                ("delta", Value::Object(delta)) => {
                    for (name, value) in delta {
                        self.member(name, value)?;
                    }
                }
                ("text", value) => self.member(name, value)?,
                ("finish_reason", value) => self.finish = value,
                ("logprobs", Value::Object(probabilities)) => {
                    self.bytes += map_weight(&probabilities);
                    probabilities.into_iter().try_for_each(|(name, value)| extend(&mut self.logprobs, name, value))?;
                }
                // A plain answer in place of a chunk.
                ("delta" | "message" | "logprobs", _) => return None,
                (_, value) => {
                    self.bytes += weight(&value);
                    self.beside.insert(name, value);
                }
            }
        }
        Some(())
    }

    fn member(&mut self, name: Name, value: Value) -> Option<()> {
        let text = TEXTS.into_iter().find(|own| name == *own);
        match (text, &*name, value) {
            (_, _, Value::Null) | (_, "role", _) => {}
            (Some(field), _, Value::String(text)) => {
                self.bytes += text.len();
                match self.texts.iter_mut().find(|(own, _)| *own == field) {
                    Some((_, so_far)) => so_far.push_str(&text),
                    None => self.texts.push((field, text.into_string())),
                }
            }
            (Some(_), ..) => return None,
            (_, "tool_calls", Value::Array(calls)) => {
                for call in calls {
                    let Value::Object(call) = call else { return None };
                    let own = self.call(count(&call, "index"))?;
                    let before = own.bytes();
                    own.add(call)?;
                    let more = own.bytes() - before;
                    self.bytes += more;
                }
            }
            (_, "function_call", Value::Object(function)) => {
                self.bytes += map_weight(&function);
                self.function.get_or_insert_default().function("arguments", function)?;
            }
            (_, _, value) => {
                self.bytes += weight(&value);
                extend(&mut self.others, name, value)?;
            }
        }
        Some(())
    }

    fn call(&mut self, index: usize) -> Option<&mut Call> {
        let known = self.calls.iter().rposition(|call| call.index == index);
        if known.is_none() {
            if self.calls.len() >= ENTRIES_MAX {
                return None;
            }
            self.calls.push(Call { index, ..Call::default() });
        }
        let last = self.calls.len().saturating_sub(1);
        self.calls.get_mut(known.unwrap_or(last))
    }

    fn answer(self, index: usize, is_chat: bool, is_done: bool) -> Option<Value> {
        let Self { texts, calls, function, others, logprobs, beside, bytes: _, finish } = self;
        let has_calls = !calls.is_empty() || function.is_some();
        let finish = match finish {
            Value::Null if !is_done => return None,
            // Left out by servers that end with [DONE].
            Value::Null => if has_calls { "tool_calls" } else { "stop" }.into(),
            said => said,
        };
        let logprobs = if logprobs.is_empty() { Value::Null } else { Value::Object(logprobs) };
        let mut choice = Map::new();
        choice.insert("index", index.into());
        if is_chat {
            let mut message = Map::new();
            message.insert("role", "assistant".into());
            message.insert("content", if has_calls { Value::Null } else { "".into() });
            let said = texts.into_iter().filter(|(_, text)| !text.is_empty());
            said.for_each(|(name, text)| message.insert(name, text.into()));
            message.extend(others);
            if !calls.is_empty() {
                let calls: Option<Vec<Value>> = calls.into_iter().map(Call::answer).collect();
                message.insert("tool_calls", calls?.into());
            }
            if let Some(Call { name, text, .. }) = function {
                message.insert("function_call", json!({ "name": name, "arguments": text }));
            }
            choice.insert("message", Value::Object(message));
        } else {
            choice.insert("text", texts.into_iter().map(|(_, text)| text).collect::<String>().into());
            choice.extend(others);
        }
        choice.extend(beside);
        choice.insert("logprobs", logprobs);
        choice.insert("finish_reason", finish);
        Some(Value::Object(choice))
    }
}

impl Call {
    fn bytes(&self) -> usize {
        map_weight(&self.members) + self.name.len() + self.text.len()
    }

    fn add(&mut self, call: Map) -> Option<()> {
        for (name, value) in call {
            match (&*name, value) {
                (_, Value::Null) | ("index", _) => {}
                ("function", Value::Object(function)) => {
                    self.of = Some(name);
                    self.function("arguments", function)?;
                }
                ("custom", Value::Object(custom)) => {
                    self.of = Some(name);
                    self.function("input", custom)?;
                }
                (_, value) => match self.members.get(&name) {
                    // Some servers count every call as the first.
                    Some(own) if name == "id" && *own != value && value != *"" => return None,
                    Some(_) => {}
                    None => self.members.insert(name, value),
                },
            }
        }
        Some(())
    }

    fn function(&mut self, field: &'static str, function: Map) -> Option<()> {
        self.field = field;
        for (name, value) in function {
            match (&*name, value) {
                (_, Value::Null) => {}
                ("name", Value::String(text)) => self.name.push_str(&text),
                (own, Value::String(text)) if own == field => self.text.push_str(&text),
                _ => return None,
            }
        }
        Some(())
    }

    fn answer(self) -> Option<Value> {
        let Self { index: _, mut members, of, name, field, text } = self;
        let mut function = Map::new();
        function.insert("name", name.into());
        function.insert(field, text.into());
        members.insert(of?, Value::Object(function));
        Some(Value::Object(members))
    }
}

/// Lists go on; of anything else there must be one.
fn extend(map: &mut Map, name: Name, value: Value) -> Option<()> {
    match (map.get_mut(&name), value) {
        (_, Value::Null) => {}
        (Some(Value::Array(items)), Value::Array(more)) => items.extend(more),
        (Some(own), value) if *own == value => {}
        (Some(_), _) => return None,
        (None, value) => map.insert(name, value),
    }
    Some(())
}
