//! How much a model reasons: efforts, budgets of tokens, and what a model's id tells about either.
//!
//! OpenAI's `reasoning_effort` and Anthropic's `budget_tokens` have no official conversion. Here an effort stands for a
//! fixed budget, and a budget for the largest effort that fits into it, so that an effort survives the way there and back.

use super::model::{Effort, Thinking};

/// Budgets of the efforts, in tokens. 1,024 is the smallest that Messages takes.
const BUDGETS: [(Effort, &str, u64); 6] = [
    (Effort::Minimal, "minimal", 1_024),
    (Effort::Low, "low", 4_096),
    (Effort::Medium, "medium", 8_192),
    (Effort::High, "high", 16_384),
    (Effort::XHigh, "xhigh", 32_768),
    (Effort::Max, "max", 65_536),
];

pub const BUDGET_MIN: u64 = 1_024;

impl Effort {
    pub fn parse(name: &str) -> Option<Self> {
        BUDGETS.iter().find(|(_, known, _)| *known == name).map(|(effort, ..)| *effort)
    }

    pub fn as_str(self) -> &'static str {
        BUDGETS.iter().find(|(effort, ..)| *effort == self).map_or("medium", |(_, name, _)| name)
    }

    pub fn budget(self) -> u64 {
        BUDGETS.iter().find(|(effort, ..)| *effort == self).map_or(BUDGET_MIN, |(.., budget)| *budget)
    }

    pub fn of_budget(budget: u64) -> Self {
        BUDGETS.iter().rev().find(|(.., known)| *known <= budget).map_or(Effort::Minimal, |(effort, ..)| *effort)
    }
}

impl Thinking {
    /// The effort, where one can be named.
    pub fn effort(self) -> Option<Effort> {
        match self {
            Self::Off | Self::Adaptive(None) => None,
            Self::Effort(effort) | Self::Adaptive(Some(effort)) => Some(effort),
            Self::Budget(budget) => Some(Effort::of_budget(budget)),
        }
    }

    pub fn is_on(self) -> bool {
        self != Self::Off
    }
}

/// The largest budget that leaves a quarter of `max_tokens` for the answer; `None` if that is less than Messages takes.
pub fn budget_within(budget: u64, max_tokens: u64) -> Option<u64> {
    let room = max_tokens - max_tokens / 4;
    Some(budget.max(BUDGET_MIN).min(room)).filter(|budget| *budget >= BUDGET_MIN && *budget < max_tokens)
}

/// Version of a Claude model by its id (`claude-sonnet-4-5-20250929` is 4.5, `claude-3-7-sonnet-latest` is 3.7);
/// `None` for other models.
pub fn claude_version(model: &str) -> Option<(u64, u64)> {
    let (_, rest) = model.split_once("claude-")?;
    let mut numbers = rest
        .split(['-', '.', '@', ':'])
        .skip_while(|word| !word.starts_with(|first: char| first.is_ascii_digit()))
        .map_while(|word| word.parse().ok().filter(|number: &u64| *number < 1_000));
    let major = numbers.next()?;
    Some((major, numbers.next().unwrap_or(0)))
}

/// Whether the model takes adaptive thinking and `output_config.effort`: Claude from 4.6 on, of which the newest take
/// nothing else.
pub fn is_adaptive(model: &str) -> bool {
    claude_version(model).is_some_and(|version| version >= (4, 6))
}

/// Claude from 4.7 on refuses `temperature`, `top_p` and `top_k`; the API's newest types have them no more.
pub fn takes_sampling(model: &str) -> bool {
    claude_version(model).is_none_or(|version| version < (4, 7))
}

/// Claude before 3.7 and OpenAI's models before the reasoning ones refuse to be told how much to reason.
pub fn never_thinks(model: &str) -> bool {
    let base = base_name(model);
    let is_old_claude = claude_version(model).is_some_and(|version| version < (3, 7));
    is_old_claude || ["gpt-4", "gpt-3.5", "chatgpt-4o"].iter().any(|start| base.starts_with(start))
}

/// OpenAI's reasoning models refuse `max_tokens` and want `max_completion_tokens`.
pub fn is_openai_reasoning(model: &str) -> bool {
    let base = base_name(model);
    let is_o_series = base.strip_prefix('o').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    is_o_series || base.starts_with("gpt-5") || base.starts_with("gpt-6")
}

/// Without the vendor that some providers put in front: `openai/gpt-5` is `gpt-5`.
fn base_name(model: &str) -> &str {
    model.rsplit('/').next().unwrap_or(model)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{BUDGETS, budget_within, claude_version, is_adaptive, is_openai_reasoning, never_thinks};
    use crate::dialect::model::Effort;

    #[test]
    fn efforts_survive_as_budgets_and_by_name() {
        for (effort, name, budget) in BUDGETS {
            assert_eq!((Effort::of_budget(effort.budget()), Effort::parse(name)), (effort, Some(effort)));
            assert_eq!((effort.as_str(), effort.budget()), (name, budget));
        }
        let rows = [(0, Effort::Minimal), (1_500, Effort::Minimal), (31_999, Effort::High), (u64::MAX, Effort::Max)];
        for (budget, effort) in rows {
            assert_eq!(Effort::of_budget(budget), effort, "{budget}");
        }
    }

    #[test]
    fn a_budget_leaves_room_for_the_answer() {
        let rows = [
            (16_384, 32_000, Some(16_384)),
            (16_384, 4_096, Some(3_072)),
            (16_384, 1_400, Some(1_050)),
            (1_024, 1_024, None),
            (1_024, 1_200, None),
            (0, 4_096, Some(1_024)),
            (u64::MAX, u64::MAX, Some(u64::MAX - u64::MAX / 4)),
        ];
        for (budget, max_tokens, expected) in rows {
            assert_eq!(budget_within(budget, max_tokens), expected, "{budget} of {max_tokens}");
        }
    }

    #[test]
    fn ids_tell_what_a_model_takes() {
        // Id, version, adaptive, never thinks, OpenAI's reasoning.
        let rows = [
            ("claude-sonnet-4-5-20250929", Some((4, 5)), false, false, false),
            ("anthropic/claude-opus-4.6", Some((4, 6)), true, false, false),
            ("claude-opus-5", Some((5, 0)), true, false, false),
            ("claude-3-7-sonnet-latest", Some((3, 7)), false, false, false),
            ("claude-3-opus-20240229", Some((3, 0)), false, true, false),
            ("claude-sonnet-4-20250514", Some((4, 0)), false, false, false),
            ("claude-latest", None, false, false, false),
            ("gpt-4o-mini", None, false, true, false),
            ("openai/gpt-5.1", None, false, false, true),
            ("o4-mini", None, false, false, true),
            ("olmo-3", None, false, false, false),
            ("", None, false, false, false),
        ];
        for (model, version, adaptive, never, reasoning) in rows {
            let told = (claude_version(model), is_adaptive(model), never_thinks(model), is_openai_reasoning(model));
            assert_eq!(told, (version, adaptive, never, reasoning), "{model}");
        }
    }
}
