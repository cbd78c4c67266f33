//! A model that a provider offers, and what is known about it.

use std::collections::BTreeSet;

use mux::config::Name;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::catalog;
use super::price::Price;
use super::provider::Kind;

/// Models that are kept per provider; a longer list is cut. Also how many of them may have overrides.
pub const MODELS_MAX: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Capability {
    Tools,
    Vision,
    Reasoning,
}

/// Empty: it is known to have none.
pub type Capabilities = BTreeSet<Capability>;

/// What is known about a model; `None`: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Tokens of the longest prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Capabilities>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
}

/// What a person knows better.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Overrides {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Capabilities>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
}

/// What changes about overrides. `None`: it stays; `Some(None)`: there is none any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverridesPatch {
    pub capabilities: Option<Option<Capabilities>>,
    pub price: Option<Option<Price>>,
}

impl Overrides {
    pub fn patched(&self, patch: &OverridesPatch) -> Self {
        let OverridesPatch { capabilities, price } = patch.clone();
        Self {
            capabilities: capabilities.unwrap_or_else(|| self.capabilities.clone()),
            price: price.unwrap_or(self.price),
        }
    }
}

impl Facts {
    /// What holds for a model of a provider of this kind: what a person said goes first, then what the provider says,
    /// then the embedded table.
    pub fn of(kind: Kind, id: &str, overrides: &Overrides, said: &Self) -> Self {
        let table = catalog::find(kind, id);
        let Self { context_tokens, capabilities, price } = said.clone();
        Self {
            context_tokens: context_tokens.or(table.and_then(|entry| entry.context_tokens)),
            capabilities: overrides
                .capabilities
                .clone()
                .or(capabilities)
                .or_else(|| table.map(|entry| entry.capabilities.clone())),
            price: overrides.price.or(price).or(table.map(|entry| entry.price)),
        }
    }
}

/// A model as a provider lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedModel {
    pub id: String,
    /// What the provider says about it.
    pub said: Facts,
}

impl From<String> for OfferedModel {
    fn from(id: String) -> Self {
        Self { id, said: Facts::default() }
    }
}

/// A model of the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedModel {
    pub provider: Name,
    pub id: String,
    /// The provider no longer lists it, but a rule uses it.
    pub missing: bool,
    /// When the provider last listed it.
    pub listed_at_ms: i64,
    /// What holds for it.
    pub facts: Facts,
    /// Which of that a person said.
    pub overrides: Overrides,
}

impl ListedModel {
    /// Its name in rules.
    pub fn name(&self) -> String {
        format!("{}/{}", self.provider, self.id)
    }

    /// What of it people change, for the log of changes.
    pub fn audit_value(&self) -> Value {
        let Self { provider, id, missing: _, listed_at_ms: _, facts, overrides: _ } = self;
        json!({"id": id, "provider": provider, "capabilities": facts.capabilities, "price": facts.price})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_believed_before_the_provider_and_the_provider_before_the_table() {
        let price = |input| Price::new(input, None, None, input).unwrap();
        let table = Facts::of(Kind::Openai, "o3", &Overrides::default(), &Facts::default());
        assert_eq!((table.context_tokens, table.price.map(Price::output)), (Some(200_000), Some(8_000_000)));
        let said = Facts { context_tokens: Some(7), price: Some(price(5)), capabilities: None };
        let believed = Facts::of(Kind::Openai, "o3", &Overrides::default(), &said);
        assert_eq!(believed, Facts { capabilities: table.capabilities.clone(), ..said.clone() });
        let overrides = Overrides { price: Some(price(9)), capabilities: Some(Capabilities::new()) };
        let overridden = Facts::of(Kind::Openai, "o3", &overrides, &said);
        let expected = Facts { context_tokens: Some(7), price: Some(price(9)), capabilities: Some([].into()) };
        assert_eq!(overridden, expected);
        let unknown = Facts::of(Kind::Ollama, "o3", &Overrides::default(), &Facts::default());
        assert_eq!(unknown, Facts::default());
    }

    #[test]
    fn a_patch_keeps_changes_and_clears() {
        let tools = Some(Capabilities::from([Capability::Tools]));
        let before = Overrides { capabilities: tools.clone(), price: Some(Price::usd(1, 2)) };
        let patch = OverridesPatch { capabilities: None, price: Some(None) };
        assert_eq!(before.patched(&patch), Overrides { capabilities: tools.clone(), price: None });
        let patch = OverridesPatch { capabilities: Some(None), price: Some(Some(Price::usd(3, 4))) };
        assert_eq!(before.patched(&patch), Overrides { capabilities: None, price: Some(Price::usd(3, 4)) });
        assert_eq!(before.patched(&OverridesPatch::default()), before);
    }
}
