//! Model lists as providers write them. What is not understood is left out, one field or one model at a time.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::model::{Capabilities, Capability, Facts, OfferedModel};
use crate::domain::price::Price;
use crate::domain::provider::{Kind, check_model_id};

/// One page of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) models: Vec<OfferedModel>,
    /// The id after which the next page begins; `None`: this is the last.
    pub(super) next: Option<String>,
}

/// OpenAI's list, which all but Ollama have, with Anthropic's marks of a page.
#[derive(Deserialize)]
struct Models {
    data: Vec<Value>,
    #[serde(default)]
    has_more: Value,
    #[serde(default)]
    last_id: Value,
}

/// Ollama's list. One without models may be null.
#[derive(Deserialize)]
struct Tags {
    models: Option<Vec<Value>>,
}

impl Page {
    pub(super) fn read(kind: Kind, body: &[u8]) -> Result<Self, serde_json::Error> {
        if kind == Kind::Ollama {
            let Tags { models } = serde_json::from_slice(body)?;
            let models = models.unwrap_or_default();
            return Ok(Self { models: offered(&models, "name", |_| Facts::default()), next: None });
        }
        let Models { data, has_more, last_id } = serde_json::from_slice(body)?;
        let facts = match kind {
            Kind::Anthropic => anthropic,
            Kind::Openrouter => openrouter,
            Kind::Vllm => vllm,
            _ => |_: &Value| Facts::default(),
        };
        let goes_on = kind == Kind::Anthropic && has_more == Value::Bool(true);
        let next = if goes_on { last_id.as_str().filter(|id| !id.is_empty()).map(str::to_owned) } else { None };
        Ok(Self { models: offered(&data, "id", facts), next })
    }
}

fn offered(items: &[Value], id: &str, facts: fn(&Value) -> Facts) -> Vec<OfferedModel> {
    items
        .iter()
        .filter_map(|item| {
            let id = item[id].as_str().filter(|id| check_model_id(id).is_ok())?;
            Some(OfferedModel { id: id.to_owned(), said: facts(item) })
        })
        .collect()
}

/// <https://docs.anthropic.com/en/api/models-list>
fn anthropic(item: &Value) -> Facts {
    Facts { context_tokens: count(&item["max_input_tokens"]), ..Facts::default() }
}

/// vLLM's `ModelCard`.
fn vllm(item: &Value) -> Facts {
    Facts { context_tokens: count(&item["max_model_len"]), ..Facts::default() }
}

/// <https://openrouter.ai/docs/models>. Prices are dollars per token; a negative one is not known beforehand.
fn openrouter(item: &Value) -> Facts {
    let has = |list: &Value, word: &str| list.as_array().is_some_and(|list| list.iter().any(|entry| entry == word));
    let (parameters, modalities) = (&item["supported_parameters"], &item["architecture"]["input_modalities"]);
    let known = [
        (Capability::Tools, has(parameters, "tools")),
        (Capability::Vision, has(modalities, "image")),
        (Capability::Reasoning, has(parameters, "reasoning")),
    ];
    let capabilities: Capabilities =
        known.into_iter().filter(|(_, has)| *has).map(|(capability, _)| capability).collect();
    let pricing = |part: &str| item["pricing"][part].as_str();
    let price = pricing("prompt").zip(pricing("completion")).and_then(|(input, output)| {
        Price::from_usd_per_token(input, pricing("input_cache_read"), pricing("input_cache_write"), output)
    });
    Facts {
        context_tokens: count(&item["context_length"]),
        capabilities: (parameters.is_array() && modalities.is_array()).then_some(capabilities),
        price,
    }
}

fn count(value: &Value) -> Option<u64> {
    value.as_u64().filter(|count| *count > 0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(kind: Kind, body: &Value) -> Option<Page> {
        Page::read(kind, body.to_string().as_bytes()).ok()
    }

    fn ids(page: &Page) -> Vec<&str> {
        page.models.iter().map(|model| model.id.as_str()).collect()
    }

    #[test]
    fn lists_are_read_and_what_is_odd_is_left_out() {
        let odd = json!({"data": [{"id": "a"}, {"id": ""}, {"id": 7}, {}, null, "x", {"id": "b", "max_model_len": "y"}],
            "has_more": "perhaps", "last_id": {}});
        let tags = json!({"models": [{"name": "a", "size": 1}, {"model": "x"}, {"name": "b:latest"}]});
        let rows = [
            (Kind::Openai, &odd, Some(vec!["a", "b"])),
            (Kind::Vllm, &odd, Some(vec!["a", "b"])),
            (Kind::Anthropic, &odd, Some(vec!["a", "b"])),
            (Kind::Openrouter, &odd, Some(vec!["a", "b"])),
            (Kind::Ollama, &odd, Some(vec![])),
            (Kind::Ollama, &tags, Some(vec!["a", "b:latest"])),
            (Kind::Ollama, &json!({"models": null}), Some(vec![])),
            (Kind::Ollama, &json!({"models": 7}), None),
            (Kind::Ollama, &json!("Ollama is running"), None),
            (Kind::Openai, &tags, None),
            (Kind::Openai, &json!({"data": {}}), None),
            (Kind::Openai, &json!({"data": []}), Some(vec![])),
        ];
        for (kind, body, expected) in rows {
            let page = read(kind, body);
            assert_eq!(page.as_ref().map(ids), expected, "{kind} {body}");
            assert_eq!(page.and_then(|page| page.next), None, "{kind} {body}");
        }
    }

    #[test]
    fn only_anthropic_has_pages() {
        let body = json!({"data": [{"id": "a"}], "has_more": true, "first_id": "a", "last_id": "a"});
        assert_eq!(read(Kind::Anthropic, &body).unwrap().next.as_deref(), Some("a"));
        assert_eq!(read(Kind::Openai, &body).unwrap().next, None);
        let last = json!({"data": [], "has_more": false, "last_id": "a"});
        assert_eq!(read(Kind::Anthropic, &last).unwrap().next, None);
    }

    #[test]
    fn what_providers_say_about_models_is_taken() {
        let said = |kind, item: Value| read(kind, &json!({"data": [item]})).unwrap().models[0].said.clone();
        let tokens = |count| Facts { context_tokens: Some(count), ..Facts::default() };
        assert_eq!(said(Kind::Anthropic, json!({"id": "a", "max_input_tokens": 200_000})), tokens(200_000));
        assert_eq!(said(Kind::Vllm, json!({"id": "a", "max_model_len": 4_096})), tokens(4_096));
        assert_eq!(said(Kind::Openai, json!({"id": "a", "max_model_len": 4_096})), Facts::default());
        let full = json!({"id": "v/m", "context_length": 1_000, "architecture": {"input_modalities": ["text", "image"]},
            "supported_parameters": ["tools", "top_p", "reasoning"],
            "pricing": {"prompt": "0.000003", "completion": "0.000015", "input_cache_read": "0.0000003"}});
        let expected = Facts {
            context_tokens: Some(1_000),
            capabilities: Some([Capability::Tools, Capability::Vision, Capability::Reasoning].into()),
            price: Price::new(3_000_000, Some(300_000), None, 15_000_000),
        };
        assert_eq!(said(Kind::Openrouter, full), expected);
        let auto = json!({"id": "openrouter/auto", "pricing": {"prompt": "-1", "completion": "-1"}});
        assert_eq!(said(Kind::Openrouter, auto), Facts::default());
    }
}
