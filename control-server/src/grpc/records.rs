//! Reported messages to domain values.

use proto::v1;

use crate::domain::record::{AttemptRecord, RequestRecord, TokenUsage};

pub fn from_message(message: v1::RequestRecord) -> RequestRecord {
    let v1::RequestRecord {
        request_id,
        started_at_unix_ms,
        duration_ms,
        revision,
        workspace,
        session,
        rule,
        request,
        requested_model,
        stream,
        request_bytes,
        status,
        outcome,
        attempts,
        key,
        deployment,
        cache,
        saved,
    } = message;
    RequestRecord {
        request_id,
        started_at_ms: started_at_unix_ms,
        duration_ms,
        revision,
        workspace,
        session,
        rule,
        request,
        requested_model,
        stream,
        request_bytes,
        status,
        outcome,
        attempts: attempts.into_iter().map(attempt).collect(),
        key,
        deployment,
        cache,
        saved: saved.map(attempt),
    }
}

fn attempt(message: v1::Attempt) -> AttemptRecord {
    let v1::Attempt { number, provider, model, status, duration_ms, first_byte_ms, usage } = message;
    AttemptRecord { number, provider, model, status, duration_ms, first_byte_ms, usage: usage.map(token_usage) }
}

pub fn token_usage(message: v1::Usage) -> TokenUsage {
    let v1::Usage {
        input_tokens,
        cached_input_tokens,
        cache_write_tokens,
        output_tokens,
        reasoning_tokens,
        estimated,
        raw,
    } = message;
    TokenUsage {
        input_tokens,
        cached_input_tokens,
        cache_write_tokens,
        output_tokens,
        reasoning_tokens,
        estimated,
        raw,
    }
}
