//! What a provider's tokens cost: an embedded table of list prices, and money as integer micro-dollars.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::provider::Kind;
use super::record::TokenUsage;

/// Tab-separated: provider, model, mode, then US dollars per million tokens of input, cached input, cache writes and
/// output; further columns are not read here. An empty cell: no such price.
const TABLE: &str = include_str!("../../data/model-prices.tsv");

/// One US dollar per million tokens is one micro-dollar per token; prices are kept in millionths of that.
const PICO_PER_MICRO: i128 = 1_000_000;
const DECIMALS: usize = 6;

/// Pico-dollars per token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    input: i64,
    cached_input: i64,
    cache_write: i64,
    output: i64,
}

static PRICES: LazyLock<HashMap<(&str, &str), Price>> = LazyLock::new(|| TABLE.lines().filter_map(read_line).collect());

impl Price {
    /// The list price of a model of a provider of this kind; `None`: not known. OpenRouter's models are named
    /// `vendor/model` and cost what the vendor asks.
    pub fn find(kind: Kind, model: &str) -> Option<Self> {
        let key = match kind {
            Kind::Openrouter => model.split_once('/')?,
            _ => (kind.as_str(), model),
        };
        PRICES.get(&key).copied()
    }

    /// What this usage costs in micro-dollars, rounded to the nearest.
    pub fn cost_micro_usd(self, usage: &TokenUsage) -> i64 {
        let Self { input, cached_input, cache_write, output } = self;
        let fresh =
            usage.input_tokens.saturating_sub(usage.cached_input_tokens).saturating_sub(usage.cache_write_tokens);
        let parts = [
            (fresh, input),
            (usage.cached_input_tokens, cached_input),
            (usage.cache_write_tokens, cache_write),
            (usage.output_tokens, output),
        ];
        let pico: i128 = parts.iter().map(|(tokens, price)| i128::from(*tokens) * i128::from(*price)).sum();
        i64::try_from((pico + PICO_PER_MICRO / 2) / PICO_PER_MICRO).unwrap_or(i64::MAX)
    }
}

fn read_line(line: &'static str) -> Option<((&'static str, &'static str), Price)> {
    let mut cells = line.split('\t');
    let (provider, model, _mode) = (cells.next()?, cells.next()?, cells.next()?);
    let (input, cached_input, cache_write, output) = (cells.next()?, cells.next()?, cells.next()?, cells.next()?);
    let input = pico_dollars(input)?;
    let price = Price {
        input,
        cached_input: pico_dollars(cached_input).unwrap_or(input),
        cache_write: pico_dollars(cache_write).unwrap_or(input),
        output: pico_dollars(output)?,
    };
    Some(((provider, model), price))
}

/// Reads a decimal such as `0.0125` exactly.
fn pico_dollars(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || fraction.len() > DECIMALS {
        return None;
    }
    format!("{whole}{fraction:0<DECIMALS$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_but_the_header_is_a_price() {
        assert_eq!(PRICES.len(), TABLE.lines().count() - 1);
    }

    #[test]
    fn cost_is_exact() {
        let usage = |input, cached, written, output| TokenUsage {
            input_tokens: input,
            cached_input_tokens: cached,
            cache_write_tokens: written,
            output_tokens: output,
            ..TokenUsage::default()
        };
        // claude-haiku-4-5: 1 / 0.1 / 1.25 / 5 dollars per million.
        let rows = [
            (usage(1_000_000, 0, 0, 0), 1_000_000),
            (usage(1_000_000, 1_000_000, 0, 0), 100_000),
            (usage(1_000_000, 0, 1_000_000, 0), 1_250_000),
            (usage(100, 50, 20, 10), 30 + 5 + 25 + 50),
            (usage(14, 14, 0, 0), 1),
            (usage(15, 15, 0, 0), 2),
            (usage(0, 0, 0, 0), 0),
            (usage(1, 5, 0, 0), 1),
        ];
        for (usage, expected) in rows {
            let price = Price::find(Kind::Anthropic, "claude-haiku-4-5").unwrap();
            assert_eq!(price.cost_micro_usd(&usage), expected, "{usage:?}");
        }
    }

    #[test]
    fn prices_are_found_by_kind() {
        assert!(Price::find(Kind::Openai, "o3").is_some());
        assert_eq!(Price::find(Kind::Openrouter, "openai/o3"), Price::find(Kind::Openai, "o3"));
        assert!(Price::find(Kind::Openrouter, "o3").is_none());
        assert!(Price::find(Kind::Ollama, "o3").is_none());
        assert!(Price::find(Kind::Openai, "no-such-model").is_none());
        let audio = Price::find(Kind::Openai, "gpt-audio").unwrap();
        assert_eq!(audio.cached_input, audio.input, "an empty cell: no discount");
    }
}
