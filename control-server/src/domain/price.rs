//! What a model's tokens cost: money as integer micro-dollars.

use serde::{Deserialize, Serialize};

use super::record::TokenUsage;

/// Micro-dollars per million tokens that a price may have: a million dollars.
pub const PRICE_MAX: i64 = 1_000_000_000_000;

/// Tokens that a price is for.
const MTOK: i128 = 1_000_000;
/// Decimals of a dollar that a micro-dollar has.
const MICRO_DECIMALS: usize = 6;
/// Decimals of dollars per token that make micro-dollars per million tokens.
const PER_TOKEN_DECIMALS: usize = 12;

/// Micro-dollars per million tokens, from 0 to [`PRICE_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    #[serde(rename = "input_micro_usd_per_mtok")]
    input: i64,
    #[serde(rename = "cached_input_micro_usd_per_mtok")]
    cached_input: i64,
    #[serde(rename = "cache_write_micro_usd_per_mtok")]
    cache_write: i64,
    #[serde(rename = "output_micro_usd_per_mtok")]
    output: i64,
}

impl Price {
    /// `None`: one of them is out of bounds. What is not given of input costs what other input does.
    pub fn new(input: i64, cached_input: Option<i64>, cache_write: Option<i64>, output: i64) -> Option<Self> {
        let (cached_input, cache_write) = (cached_input.unwrap_or(input), cache_write.unwrap_or(input));
        let in_bounds = [input, cached_input, cache_write, output].iter().all(|part| (0..=PRICE_MAX).contains(part));
        in_bounds.then_some(Self { input, cached_input, cache_write, output })
    }

    /// Reads dollars per million tokens, such as `0.0125`.
    pub fn from_usd_per_mtok(input: &str, cached_input: &str, cache_write: &str, output: &str) -> Option<Self> {
        let read = |text| read_decimal(text, MICRO_DECIMALS);
        Self::new(read(input)?, read(cached_input), read(cache_write), read(output)?)
    }

    /// Reads dollars per token, such as `0.000003`.
    pub fn from_usd_per_token(
        input: &str,
        cached_input: Option<&str>,
        cache_write: Option<&str>,
        output: &str,
    ) -> Option<Self> {
        let read = |text| read_decimal(text, PER_TOKEN_DECIMALS);
        Self::new(read(input)?, cached_input.and_then(read), cache_write.and_then(read), read(output)?)
    }

    /// Whole dollars per million tokens.
    #[cfg(test)]
    pub fn usd(input: i64, output: i64) -> Self {
        const MICRO: i64 = 1_000_000;
        Self::new(input * MICRO, None, None, output * MICRO).unwrap()
    }

    pub fn input(self) -> i64 {
        self.input
    }

    pub fn cached_input(self) -> i64 {
        self.cached_input
    }

    pub fn cache_write(self) -> i64 {
        self.cache_write
    }

    pub fn output(self) -> i64 {
        self.output
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
        let sum: i128 = parts.iter().map(|(tokens, price)| i128::from(*tokens) * i128::from(*price)).sum();
        i64::try_from((sum + MTOK / 2) / MTOK).unwrap_or(i64::MAX)
    }
}

/// Reads a decimal such as `0.0125` as an integer with the point moved right; digits beyond that are cut.
fn read_decimal(text: &str, decimals: usize) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = !whole.is_empty() && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if !is_number {
        return None;
    }
    let fraction: String = fraction.chars().chain(std::iter::repeat('0')).take(decimals).collect();
    format!("{whole}{fraction}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cost_is_exact() {
        let usage = |input, cached, written, output| TokenUsage {
            input_tokens: input,
            cached_input_tokens: cached,
            cache_write_tokens: written,
            output_tokens: output,
            ..TokenUsage::default()
        };
        let rows = [
            (usage(1_000_000, 0, 0, 0), 1_000_000),
            (usage(1_000_000, 1_000_000, 0, 0), 100_000),
            (usage(1_000_000, 0, 1_000_000, 0), 1_250_000),
            (usage(100, 50, 20, 10), 30 + 5 + 25 + 50),
            (usage(14, 14, 0, 0), 1),
            (usage(15, 15, 0, 0), 2),
            (usage(0, 0, 0, 0), 0),
            (usage(1, 5, 0, 0), 1),
            (usage(u64::MAX, 0, 0, 0), i64::MAX),
        ];
        let price = Price::from_usd_per_mtok("1", "0.1", "1.25", "5").unwrap();
        for (usage, expected) in rows {
            assert_eq!(price.cost_micro_usd(&usage), expected, "{usage:?}");
        }
    }

    #[test]
    fn prices_are_read_in_both_units() {
        let price = Price::new(3_000_000, Some(300_000), Some(3_750_000), 15_000_000);
        assert_eq!(Price::from_usd_per_mtok("3", "0.3", "3.75", "15"), price);
        assert_eq!(Price::from_usd_per_token("0.000003", Some("0.0000003"), Some("0.00000375"), "0.000015"), price);
        let plain = Price::new(3_000_000, None, None, 15_000_000);
        assert_eq!(Price::from_usd_per_mtok("3", "", "", "15"), plain, "an empty cell: no discount");
        assert_eq!(plain.map(|price| (price.cached_input, price.cache_write)), Some((3_000_000, 3_000_000)));
        assert_eq!(Price::from_usd_per_token("0", None, None, "0"), Price::new(0, None, None, 0), "free");
        assert_eq!(
            Price::from_usd_per_token("0.0000001234567", None, None, "0"),
            Price::new(123_456, None, None, 0),
            "cut"
        );
        for text in ["-1", "", "1e-6", "free", ".5", "+1", "9223372036854775808", "1000001"] {
            assert_eq!(Price::from_usd_per_mtok(text, "", "", "1"), None, "{text}");
        }
        assert_eq!(Price::new(1, Some(-1), None, 1), None);
        assert_eq!(Price::new(1, None, None, PRICE_MAX + 1), None);
    }
}
