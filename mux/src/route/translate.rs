//! A request for a provider that does not understand its dialect, in one that it does.

use crate::config::Provider;
use crate::dialect::{Asked, Context, Dialect, Translated, Untranslatable, translate_request};
use crate::endpoint::Endpoint;
use crate::refusal::{Code, Refusal};

/// Tokens of an answer where Anthropic must be told, the client said nothing and the model's limit is not known.
const MAX_TOKENS_DEFAULT: u64 = 4_096;

/// What the answer to a translated request needs to be turned back.
#[derive(Clone, Debug, PartialEq)]
pub struct Translation {
    /// What the client speaks.
    pub client: Dialect,
    pub asked: Asked,
    /// Fields that the provider's dialect cannot express and that change no meaning.
    pub dropped: Vec<&'static str>,
}

/// The dialect in which a provider gets a request: the client's own if it understands that.
pub fn spoken(provider: &Provider, client: Dialect) -> Option<Dialect> {
    let others: &[Dialect] = match client {
        Dialect::Chat => &[Dialect::Messages, Dialect::Responses],
        Dialect::Messages => &[Dialect::Chat],
        Dialect::Responses => &[Dialect::Chat, Dialect::Messages],
        Dialect::Completions | Dialect::Embeddings => &[],
    };
    std::iter::once(&client).chain(others).find(|dialect| provider.dialects.contains(dialect)).copied()
}

/// Where requests of a dialect go that were translated into it.
pub fn endpoint_of(dialect: Dialect) -> Endpoint {
    match dialect {
        Dialect::Chat => Endpoint::ChatCompletions,
        Dialect::Messages => Endpoint::Messages,
        Dialect::Responses => Endpoint::Responses,
        Dialect::Completions => Endpoint::Completions,
        Dialect::Embeddings => Endpoint::Embeddings,
    }
}

/// The body in the provider's dialect, and what its answer needs.
pub fn translated(
    provider: &Provider,
    model: &str,
    client: Dialect,
    to: Dialect,
    body: &[u8],
) -> Result<(Vec<u8>, Translation), Refusal> {
    let limit = provider.output_limits.iter().find(|(known, _)| &**known == model).map(|(_, tokens)| *tokens);
    let max_tokens_default = limit.unwrap_or(MAX_TOKENS_DEFAULT);
    let context = Context { model, max_tokens_default, extensions: provider.extensions };
    let Translated { body, dropped, asked } =
        translate_request(client, to, body, &context).map_err(|error| refused(&error))?;
    Ok((body, Translation { client, asked, dropped }))
}

fn refused(error: &Untranslatable) -> Refusal {
    let param = (!error.field.is_empty()).then(|| error.field.clone().into());
    Refusal { param, ..Refusal::new(Code::Untranslatable, format!("{error}.")) }
}

/// For a provider that no translation leads to.
pub fn no_way(provider: &Provider, client: Dialect) -> Refusal {
    let known: Vec<&str> = provider.dialects.iter().map(|dialect| dialect.as_str()).collect();
    let message = format!(
        "The request is in the dialect `{}`, and provider `{}` understands {}. Route it to a provider that understands it.",
        client.as_str(),
        provider.name,
        known.join(", "),
    );
    Refusal { param: Some("model".into()), ..Refusal::new(Code::Untranslatable, message) }
}
