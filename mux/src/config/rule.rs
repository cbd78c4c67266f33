//! A mux rule as it is written: in the API, in workspace files and in the database.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Alias, InvalidName, MODEL_BYTES_MAX, Name};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub name: String,
    pub when: When,
    /// The part of the conversation that its conditions look at.
    pub turns: Turns,
    pub target: Target,
    /// Follow the workspace's; empty: nothing.
    pub instructions: String,
}

impl Rule {
    /// Without instructions, and looking at all turns.
    pub fn new(name: impl Into<String>, when: When, target: Target) -> Self {
        Self { name: name.into(), when, turns: Turns::All, target, instructions: String::new() }
    }
}

/// Which turns of a conversation a rule looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turns {
    #[default]
    All,
    /// The last user turn and what follows it.
    Last,
}

/// Conditions of a rule: all that are given must hold; a list within one condition means any. None: the catch-all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// Patterns over the paths of files in context.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub file: Vec<String>,
    /// Patterns over the paths that a user names in own words.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub mention: Vec<String>,
    /// Languages of files in context, lower-case.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub language: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub request: Vec<RequestKind>,
    /// Globs over the model that the client asked for.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub model: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub header: Vec<HeaderCondition>,
    /// Estimated size of the prompt, at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_tokens: Option<u64>,
    /// Estimated size of the prompt, at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// Whether tools are offered to the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<bool>,
    /// Whether the model is asked to think first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking: Option<bool>,
}

/// A request header and a glob over its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderCondition {
    /// Lower-case.
    pub name: String,
    pub value: String,
}

/// What a client wants, by the endpoint that it uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestKind {
    Chat,
    /// A legacy completion between a prefix and a suffix.
    Fim,
    /// Any other legacy completion.
    Completion,
    Embedding,
    Responses,
    Messages,
}

impl RequestKind {
    pub const ALL: [Self; 6] =
        [Self::Chat, Self::Fim, Self::Completion, Self::Embedding, Self::Responses, Self::Messages];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Fim => "fim",
            Self::Completion => "completion",
            Self::Embedding => "embedding",
            Self::Responses => "responses",
            Self::Messages => "messages",
        }
    }
}

/// Where a rule sends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The model that the client named, which must itself name a target.
    Requested,
    /// A model or a deployment of the workspace.
    Named(Alias),
    Model(Model),
}

/// One provider's model, written `provider/model-id`; the id may hold further slashes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Model {
    pub provider: Name,
    pub id: Box<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    #[error("a target is `requested`, `provider/model-id`, or the name of a model or deployment of the workspace")]
    Shape,
    #[error("the part before the first `/` must name a provider: {0}")]
    Provider(#[from] InvalidName),
    #[error("a model id has 1 to {MODEL_BYTES_MAX} bytes and no control characters")]
    ModelId,
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        if text == "requested" {
            return Ok(Self::Requested);
        }
        match text.contains('/') {
            true => text.parse().map(Self::Model),
            false => text.parse().map(Self::Named).map_err(|_| InvalidTarget::Shape),
        }
    }
}

impl FromStr for Model {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        let (provider, id) = text.split_once('/').ok_or(InvalidTarget::Shape)?;
        if id.is_empty() || id.len() > MODEL_BYTES_MAX || id.chars().any(char::is_control) {
            return Err(InvalidTarget::ModelId);
        }
        Ok(Self { provider: provider.parse()?, id: id.into() })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested => formatter.write_str("requested"),
            Self::Named(alias) => alias.fmt(formatter),
            Self::Model(model) => model.fmt(formatter),
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.provider, self.id)
    }
}

/// Reads a value, or a list of values.
fn one_or_many<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct OneOrMany<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMany<T> {
        type Value = Vec<T>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a value or a list of values")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<T>, E> {
            T::deserialize(serde::de::value::StrDeserializer::new(text)).map(|value| vec![value])
        }

        fn visit_map<A: MapAccess<'de>>(self, value: A) -> Result<Vec<T>, A::Error> {
            T::deserialize(MapAccessDeserializer::new(value)).map(|value| vec![value])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, values: A) -> Result<Vec<T>, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(values))
        }
    }

    deserializer.deserialize_any(OneOrMany(PhantomData))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{HeaderCondition, RequestKind, When};

    #[test]
    fn one_value_stands_for_a_list_of_one() {
        let when: When = serde_json::from_value(json!({
            "file": "*.md", "request": ["chat", "fim"], "header": { "name": "x-team", "value": "red*" }, "tools": true,
        }))
        .unwrap();
        assert_eq!(when.file, ["*.md"]);
        assert_eq!(when.request, [RequestKind::Chat, RequestKind::Fim]);
        assert_eq!(when.header, [HeaderCondition { name: "x-team".into(), value: "red*".into() }]);
        let written = serde_json::to_value(&when).unwrap();
        assert_eq!(serde_json::from_value::<When>(written).unwrap(), when);
        assert_eq!(serde_json::to_value(When::default()).unwrap(), json!({}));
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for bad in
            [json!({ "colour": 1 }), json!({ "file": 1 }), json!({ "request": "poem" }), json!({ "header": "x" })]
        {
            assert!(serde_json::from_value::<When>(bad.clone()).is_err(), "{bad}");
        }
    }
}
