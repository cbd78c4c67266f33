//! From a provider's usage object to [`Usage`]: what each dialect, and each provider that bends it, means by its numbers.

use crate::dialect::Dialect;

use super::fields::Fields;
use super::{USAGE_RAW_BYTES_MAX, Usage};

/// `None` if the object holds no numbers that are known here.
pub fn usage(dialect: Dialect, object: &Fields<'_>) -> Option<Usage> {
    let mut usage = match dialect {
        Dialect::Messages => messages(object),
        Dialect::Chat | Dialect::Responses | Dialect::Completions | Dialect::Embeddings => openai(object),
    }?;
    usage.raw = object.to_json();
    if usage.raw.len() > USAGE_RAW_BYTES_MAX {
        usage.raw = String::new();
    }
    Some(usage)
}

/// `prompt_tokens` or (Responses) `input_tokens` include cached tokens; output is meant to include reasoning.
fn openai(object: &Fields<'_>) -> Option<Usage> {
    let either = |name, other| object.count(name).or_else(|| object.count(other));
    let detail = |objects: [&str; 2], names: &[&str]| {
        let details = objects.iter().find_map(|name| object.object(name))?;
        names.iter().find_map(|name| details.count(name))
    };
    let (input, output) = (either("prompt_tokens", "input_tokens"), either("completion_tokens", "output_tokens"));
    let total = object.count("total_tokens");
    let known_input = input.or_else(|| total.map(|total| total.saturating_sub(output.unwrap_or(0))));
    if known_input.is_none() && output.is_none() {
        return None;
    }

    let of_input = ["prompt_tokens_details", "input_tokens_details"];
    let cached = detail(of_input, &["cached_tokens"])
        .or_else(|| either("prompt_cache_hit_tokens", "cached_tokens"))
        .or_else(|| object.count("cache_read_input_tokens"))
        .unwrap_or(0);
    let cache_write = detail(of_input, &["cache_write_tokens", "cache_creation_tokens"])
        .or_else(|| object.count("cache_creation_input_tokens"))
        .unwrap_or(0);
    let mut input = known_input.unwrap_or(0);
    let from_cache = cached.saturating_add(cache_write);
    if from_cache > input {
        // A part cannot be larger than the whole: this provider leaves them out of its input, as Messages does.
        input = input.saturating_add(from_cache);
    }

    let of_output = ["completion_tokens_details", "output_tokens_details"];
    let reasoning = detail(of_output, &["reasoning_tokens"]).or_else(|| object.count("reasoning_tokens")).unwrap_or(0);
    let output = output.unwrap_or(0);
    // xAI keeps reasoning out of its output, Gemini even out of all details: only the total tells.
    let hidden = match total {
        Some(total) => total.saturating_sub(input.saturating_add(output)),
        None if reasoning > output => reasoning,
        None => 0,
    };
    let output = output.saturating_add(hidden);
    Some(Usage {
        input_tokens: input,
        cached_input_tokens: cached,
        cache_write_tokens: cache_write,
        output_tokens: output,
        reasoning_tokens: reasoning.max(hidden).min(output),
        raw: String::new(),
    })
}

/// `input_tokens` is what was neither read from nor written to the cache. Where the provider ran several times for one
/// answer (compaction), the numbers on top are those of the last run, and `iterations` lists all of them.
fn messages(object: &Fields<'_>) -> Option<Usage> {
    let iterations = object.objects("iterations");
    let runs = if iterations.is_empty() { std::slice::from_ref(object) } else { iterations.as_slice() };
    let mut sum = None;
    for run in runs {
        let (input, output) = (run.count("input_tokens"), run.count("output_tokens"));
        if input.is_none() && output.is_none() {
            continue;
        }
        let cached = run.count("cache_read_input_tokens").unwrap_or(0);
        let cache_write = run.count("cache_creation_input_tokens").unwrap_or(0);
        let output = output.unwrap_or(0);
        let details = run.object("output_tokens_details").unwrap_or_default();
        let reasoning = details.count("thinking_tokens").or_else(|| details.count("reasoning_tokens")).unwrap_or(0);
        let input = input.unwrap_or(0).saturating_add(cached).saturating_add(cache_write);
        let usage: &mut Usage = sum.get_or_insert_default();
        usage.input_tokens = usage.input_tokens.saturating_add(input);
        usage.cached_input_tokens = usage.cached_input_tokens.saturating_add(cached);
        usage.cache_write_tokens = usage.cache_write_tokens.saturating_add(cache_write);
        usage.output_tokens = usage.output_tokens.saturating_add(output);
        usage.reasoning_tokens = usage.reasoning_tokens.saturating_add(reasoning.min(output));
    }
    sum
}
