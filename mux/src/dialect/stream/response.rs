//! A response as the events of a Responses stream repeat it: empty at the beginning, whole at the end.

use crate::dialect::model::{Answer, FinishReason, ProviderError};
use crate::dialect::{Asked, Dialect, responses, usage_value, write_error};
use crate::json::{Value, json};
use crate::usage::Usage;

/// What is known of the answer from the start.
#[derive(Debug, Default)]
pub struct Head {
    pub id: String,
    pub model: String,
    pub created: Option<u64>,
}

impl Head {
    pub fn begun(&self, asked: &Asked) -> Value {
        let mut response = self.complete(&FinishReason::Stop, None, Vec::new(), asked);
        set(&mut response, "status", json!("in_progress"));
        response
    }

    pub fn complete(&self, finish: &FinishReason, usage: Option<&Usage>, output: Vec<Value>, asked: &Asked) -> Value {
        let answer = Answer {
            id: self.id.clone(),
            model: self.model.clone(),
            created: self.created,
            parts: Vec::new(),
            finish: finish.clone(),
            usage: usage.cloned(),
            service_tier: None,
        };
        let mut response = responses::write_answer(&answer, asked);
        set(&mut response, "output", Value::Array(output));
        response
    }

    pub fn failed(&self, error: &ProviderError, usage: Option<&Usage>, output: Vec<Value>, asked: &Asked) -> Value {
        let mut response = self.complete(&FinishReason::Stop, None, output, asked);
        // Statuses that some providers give as codes are none of this dialect's.
        let is_status = error.code.as_ref().is_some_and(|code| code.parse::<u64>().is_ok());
        let code = error.code.clone().filter(|_| !is_status);
        let written = write_error(Dialect::Responses, &ProviderError { code, ..error.clone() });
        let written = written.get("error").unwrap_or(&Value::Null);
        let field =
            |name: &str| written.get(name).cloned().filter(Value::is_string).unwrap_or_else(|| json!("server_error"));
        let error = json!({ "code": field("code"), "message": field("message") });
        set(&mut response, "status", json!("failed"));
        set(&mut response, "error", error);
        set(&mut response, "usage", usage.map_or(Value::Null, |usage| usage_value(Dialect::Responses, usage)));
        response
    }
}

pub fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(map) = object.as_object_mut() {
        map.insert(name.to_owned(), value);
    }
}
