//! The embedded table of well-known models: list prices, context and capabilities.

use std::collections::HashMap;
use std::sync::LazyLock;

use mux::dialect::Dialect;

use super::model::{Capabilities, Capability};
use super::price::Price;
use super::provider::Kind;

/// Tab-separated: provider, model, mode, then US dollars per million tokens of input, cached input, cache writes and
/// output, then the most tokens of input and of output, then a letter for each capability. An empty cell: not known, of
/// prices: no discount.
const TABLE: &str = include_str!("../../data/model-prices.tsv");

#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    pub price: Price,
    pub context_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub capabilities: Capabilities,
}

/// By provider and model.
type Entries = HashMap<&'static str, HashMap<&'static str, Entry>>;

static ENTRIES: LazyLock<Entries> = LazyLock::new(|| {
    let mut entries = Entries::new();
    for (provider, model, entry) in TABLE.lines().skip(1).filter_map(read) {
        entries.entry(provider).or_default().insert(model, entry);
    }
    entries
});

/// What the table has about a model of a provider of this kind. OpenRouter's models are named `vendor/model` and are
/// those of the vendor.
pub fn find(kind: Kind, model: &str) -> Option<&'static Entry> {
    let (provider, model) = match kind {
        Kind::Openrouter => model.split_once('/')?,
        _ => (kind.as_str(), model),
    };
    ENTRIES.get(provider)?.get(model)
}

/// Most tokens of an answer, by model, where providers of this kind must be told how long an answer may be.
pub fn output_limits(kind: Kind) -> impl Iterator<Item = (Box<str>, u64)> {
    let models = ENTRIES.get(kind.as_str()).filter(|_| kind.dialects().contains(&Dialect::Messages));
    let limit = |(model, entry): (&&str, &Entry)| Some(((*model).into(), entry.output_tokens?));
    models.into_iter().flatten().filter_map(limit)
}

fn read(line: &'static str) -> Option<(&'static str, &'static str, Entry)> {
    let mut cells = line.split('\t');
    let (provider, model, _mode) = (cells.next()?, cells.next()?, cells.next()?);
    let (input, cached_input, cache_write, output) = (cells.next()?, cells.next()?, cells.next()?, cells.next()?);
    let (input_tokens_max, output_tokens_max) = (cells.next()?, cells.next()?);
    let capabilities = cells.next().unwrap_or_default().chars().filter_map(capability);
    let entry = Entry {
        price: Price::from_usd_per_mtok(input, cached_input, cache_write, output)?,
        context_tokens: input_tokens_max.parse().ok(),
        output_tokens: output_tokens_max.parse().ok(),
        capabilities: capabilities.collect(),
    };
    Some((provider, model, entry))
}

fn capability(letter: char) -> Option<Capability> {
    match letter {
        'T' => Some(Capability::Tools),
        'V' => Some(Capability::Vision),
        'R' => Some(Capability::Reasoning),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_but_the_header_is_an_entry() {
        let entries = || ENTRIES.values().flat_map(HashMap::values);
        assert_eq!(entries().count(), TABLE.lines().count() - 1);
        let letters = TABLE.lines().skip(1).filter_map(|line| line.split('\t').nth(9)).flat_map(str::chars);
        assert!(letters.clone().all(|letter| capability(letter).is_some()));
        assert_eq!(entries().map(|entry| entry.capabilities.len()).sum::<usize>(), letters.count());
    }

    #[test]
    fn models_are_found_by_kind() {
        let haiku = find(Kind::Anthropic, "claude-haiku-4-5").unwrap();
        assert_eq!(haiku.context_tokens, Some(200_000));
        assert_eq!(haiku.capabilities, [Capability::Tools, Capability::Vision, Capability::Reasoning].into());
        assert!(find(Kind::Openai, "o3").is_some());
        assert_eq!(find(Kind::Openrouter, "openai/o3"), find(Kind::Openai, "o3"));
        assert!(find(Kind::Openrouter, "o3").is_none());
        assert!(find(Kind::Ollama, "o3").is_none());
        assert!(find(Kind::Openai, "no-such-model").is_none());
        let embedding = find(Kind::Openai, "text-embedding-3-small").unwrap();
        assert!(embedding.capabilities.is_empty());
    }
}
