//! Kept answers, between messages and the cache.

use std::time::Duration;

use proto::v1;
use tonic::Status;

use super::records;
use crate::cache::{Answer, AnswerCache, KEY_BYTES, Key};
use crate::domain::cache::CacheTtl;
use crate::domain::record::TokenUsage;

pub fn get(cache: &AnswerCache, request: v1::CacheGetRequest) -> Result<v1::CacheGetResponse, Status> {
    let v1::CacheGetRequest { key } = request;
    let answer = cache.get(&read_key(&key)?).map(|answer| to_message((*answer).clone()));
    Ok(v1::CacheGetResponse { answer })
}

pub fn put(cache: &AnswerCache, request: v1::CachePutRequest) -> Result<v1::CachePutResponse, Status> {
    let v1::CachePutRequest { key, answer, ttl_s } = request;
    let key = read_key(&key)?;
    let answer = answer.ok_or_else(|| Status::invalid_argument("there is no answer to keep"))?;
    let ttl = CacheTtl::try_from(ttl_s).map_err(|error| Status::invalid_argument(error.to_string()))?;
    cache
        .put(key, from_message(answer), Duration::from_secs(u32::from(ttl).into()))
        .map_err(|error| Status::invalid_argument(error.to_string()))?;
    Ok(v1::CachePutResponse {})
}

fn read_key(bytes: &[u8]) -> Result<Key, Status> {
    bytes.try_into().map_err(|_| Status::invalid_argument(format!("a key has {KEY_BYTES} bytes, not {}", bytes.len())))
}

fn from_message(message: v1::CachedAnswer) -> Answer {
    let v1::CachedAnswer { body, provider, model, usage, stored_at_unix_ms } = message;
    Answer { body, provider, model, usage: usage.map(records::token_usage), stored_at_ms: stored_at_unix_ms }
}

fn to_message(answer: Answer) -> v1::CachedAnswer {
    let Answer { body, provider, model, usage, stored_at_ms } = answer;
    v1::CachedAnswer { body, provider, model, usage: usage.map(usage_message), stored_at_unix_ms: stored_at_ms }
}

fn usage_message(usage: TokenUsage) -> v1::Usage {
    let TokenUsage {
        input_tokens,
        cached_input_tokens,
        cache_write_tokens,
        output_tokens,
        reasoning_tokens,
        estimated,
        raw,
    } = usage;
    v1::Usage { input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, estimated, raw }
}
