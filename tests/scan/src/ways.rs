//! The ways that are compared.

use std::ops::Range;

use memchr::memchr2;
use mux::json::{Cursor, Error};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use simd_json::prelude::{ValueAsArray, ValueAsScalar, ValueObjectAccess};
use sonic_rs::{JsonContainerTrait, JsonValueTrait};

/// Bytes of the model's value and how many contents there are: enough to see that a way has found them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    model_bytes: usize,
    contents: usize,
}

pub struct Way {
    pub name: &'static str,
    pub checks: &'static str,
    /// `None`: it only checks.
    pub read: fn(&[u8]) -> Option<Found>,
}

pub const WAYS: &[Way] = &[
    Way { name: "`mux::json`, one lazy pass", checks: "all", read: mux_cursor },
    Way { name: "`mux::json`, noting code fences too", checks: "all", read: mux_fences },
    Way { name: "memchr-style skipping", checks: "nothing", read: memchr_skip },
    Way { name: "serde_json `IgnoredAny` (finds nothing)", checks: "grammar, not UTF-8", read: serde_ignored },
    Way { name: "serde_json, `RawValue` per field", checks: "all", read: serde_raw },
    Way { name: "serde_json `Value`", checks: "all", read: serde_value },
    Way { name: "simd-json tape (copies the body first)", checks: "all", read: simd_tape },
    Way { name: "simd-json borrowed value (copies the body first)", checks: "all", read: simd_value },
    Way { name: "sonic-rs, lazy iterators", checks: "all", read: sonic_lazy },
    Way { name: "sonic-rs `Value`", checks: "all", read: sonic_value },
];

pub fn reference(body: &[u8]) -> Found {
    serde_value(body).unwrap_or_default()
}

fn mux_cursor(body: &[u8]) -> Option<Found> {
    mux_read(Cursor::new(body)).ok()
}

fn mux_fences(body: &[u8]) -> Option<Found> {
    mux_read(Cursor::noting_fences(body)).ok()
}

fn mux_read(mut cursor: Cursor<'_>) -> Result<Found, Error> {
    let mut found = Found::default();
    cursor.object::<Error>(|cursor, key| {
        match key {
            b"model" => found.model_bytes = cursor.string()?.len(),
            b"messages" => {
                cursor.array::<Error>(|cursor| {
                    cursor.object::<Error>(|cursor, key| {
                        let span = cursor.skip()?;
                        found.contents += usize::from(key == b"content" && span.len() > 1);
                        Ok(())
                    })?;
                    Ok(())
                })?;
            }
            _ => {
                cursor.skip()?;
            }
        }
        Ok(())
    })?;
    cursor.finish()?;
    Ok(found)
}

/// The least that can find strings: quotes and backslashes, and brackets between strings. Takes any nonsense for JSON.
fn memchr_skip(body: &[u8]) -> Option<Found> {
    let (mut at, mut depth, mut found) = (0, 0_usize, Found::default());
    let mut key: Range<usize> = 0..0;
    while let Some(&byte) = body.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b'"' => {
                let start = at;
                loop {
                    at += memchr2(b'"', b'\\', body.get(at..)?)?;
                    if body[at] == b'"' {
                        break;
                    }
                    at += 2;
                }
                let string = start..at;
                at += 1;
                if body.get(at) == Some(&b':') {
                    key = string;
                } else if depth == 1 && &body[key.clone()] == b"model" {
                    found.model_bytes = string.len();
                } else if depth == 3 && &body[key.clone()] == b"content" {
                    found.contents += 1;
                }
            }
            _ => {}
        }
    }
    Some(found)
}

fn serde_ignored(body: &[u8]) -> Option<Found> {
    serde_json::from_slice::<IgnoredAny>(body).ok();
    None
}

#[derive(Deserialize)]
struct RawRequest<'a> {
    #[serde(borrow)]
    model: &'a RawValue,
    #[serde(borrow)]
    messages: Vec<RawMessage<'a>>,
}

#[derive(Deserialize)]
struct RawMessage<'a> {
    #[serde(borrow)]
    content: &'a RawValue,
}

fn serde_raw(body: &[u8]) -> Option<Found> {
    let request: RawRequest<'_> = serde_json::from_slice(body).ok()?;
    let contents = request.messages.iter().filter(|message| message.content.get().len() > 1).count();
    Some(Found { model_bytes: request.model.get().len() - 2, contents })
}

fn serde_value(body: &[u8]) -> Option<Found> {
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    let messages = value.get("messages")?.as_array()?;
    let contents = messages.iter().filter(|message| message.get("content").is_some()).count();
    Some(Found { model_bytes: value.get("model")?.as_str()?.len(), contents })
}

fn simd_tape(body: &[u8]) -> Option<Found> {
    let mut body = body.to_vec();
    let tape = simd_json::to_tape(&mut body).ok()?;
    let object = tape.as_value().as_object()?;
    let messages = object.get("messages")?.as_array()?;
    let has_content = |message: &simd_json::tape::Value<'_, '_>| {
        message.as_object().is_some_and(|message| message.get("content").is_some())
    };
    let contents = messages.iter().filter(has_content).count();
    Some(Found { model_bytes: object.get("model")?.as_str()?.len(), contents })
}

fn simd_value(body: &[u8]) -> Option<Found> {
    let mut body = body.to_vec();
    let value = simd_json::to_borrowed_value(&mut body).ok()?;
    let contents = value.get("messages")?.as_array()?.iter().filter(|message| message.get("content").is_some()).count();
    Some(Found { model_bytes: value.get("model")?.as_str()?.len(), contents })
}

fn sonic_lazy(body: &[u8]) -> Option<Found> {
    let mut found = Found::default();
    for field in sonic_rs::to_object_iter(body) {
        let (key, value) = field.ok()?;
        match &*key {
            "model" => found.model_bytes = value.as_raw_str().len() - 2,
            "messages" => {
                for message in sonic_rs::to_array_iter(value.as_raw_str()) {
                    found.contents += usize::from(sonic_rs::get(message.ok()?.as_raw_str(), ["content"]).is_ok());
                }
            }
            _ => {}
        }
    }
    Some(found)
}

fn sonic_value(body: &[u8]) -> Option<Found> {
    let value: sonic_rs::Value = sonic_rs::from_slice(body).ok()?;
    let messages = value.get("messages")?.as_array()?;
    let contents = messages.iter().filter(|message| message.get("content").is_some()).count();
    Some(Found { model_bytes: value.get("model")?.as_str()?.len(), contents })
}
