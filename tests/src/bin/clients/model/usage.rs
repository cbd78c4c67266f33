//! Usage that the model claims. The numbers are made up, known, and different for every answer, so that a sum is right
//! only if each answer was counted exactly once.

use std::ops::AddAssign;

use serde_json::{Value, json};

use super::Dialect;

/// As Muxspace counts: `input` holds what was read from and written to the cache, `output` the reasoning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    pub input: u64,
    pub cached: u64,
    pub cache_write: u64,
    pub output: u64,
    pub reasoning: u64,
}

impl Tokens {
    /// Of the answer with this number, from 1.
    pub fn of_answer(number: u64, dialect: Dialect) -> Self {
        let (input, cached, output) = (1_000 + 37 * number, 300 + 11 * number, 50 + 13 * number);
        match dialect {
            Dialect::Messages => Self { input, cached, cache_write: 40 + 3 * number, output, reasoning: 0 },
            Dialect::Chat | Dialect::Responses => {
                Self { input, cached, cache_write: 0, output, reasoning: 5 + 7 * number }
            }
        }
    }

    /// From a row of the management API's usage.
    pub fn recorded(row: &Value) -> Self {
        let count = |field: &str| row[field].as_u64().unwrap_or_default();
        Self {
            input: count("input_tokens"),
            cached: count("cached_input_tokens"),
            cache_write: count("cache_write_tokens"),
            output: count("output_tokens"),
            reasoning: count("reasoning_tokens"),
        }
    }

    pub fn as_chat(&self) -> Value {
        let Self { input, cached, cache_write: _, output, reasoning } = self;
        json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output,
            "prompt_tokens_details": {"cached_tokens": cached},
            "completion_tokens_details": {"reasoning_tokens": reasoning}})
    }

    pub fn as_messages(&self) -> Value {
        let Self { input, cached, cache_write, output, reasoning: _ } = self;
        json!({"input_tokens": input - cached - cache_write, "cache_read_input_tokens": cached,
            "cache_creation_input_tokens": cache_write, "output_tokens": output})
    }

    pub fn as_responses(&self) -> Value {
        let Self { input, cached, cache_write: _, output, reasoning } = self;
        json!({"input_tokens": input, "input_tokens_details": {"cached_tokens": cached},
            "output_tokens": output, "output_tokens_details": {"reasoning_tokens": reasoning},
            "total_tokens": input + output})
    }
}

impl AddAssign for Tokens {
    fn add_assign(&mut self, other: Self) {
        let Self { input, cached, cache_write, output, reasoning } = other;
        self.input += input;
        self.cached += cached;
        self.cache_write += cache_write;
        self.output += output;
        self.reasoning += reasoning;
    }
}
