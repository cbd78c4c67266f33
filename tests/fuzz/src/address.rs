//! Request paths, and the names that configuration is full of.

use mux::config::{MODEL_BYTES_MAX, NAME_BYTES_MAX, Name, Target};
use mux::dialect::{Dialect, custom_input, made_id, wire_id};
use mux::endpoint::{Address, Place, address, likely_dialect};

use crate::{input, with_grammar};

pub fn check(input: &[u8]) {
    let (text, _) = with_grammar(Dialect::Completions, |grammar| input::text(grammar, "url_path", input));
    let Ok(text) = std::str::from_utf8(&text) else { return };
    path(text);
    names(text);
}

fn path(path: &str) {
    let _ = likely_dialect(path);
    let Some(found) = address(path) else { return };
    let Address { place, mode: _, endpoint, query } = &found;
    let before = path.strip_suffix(query).expect("the query is the path's end");
    assert!(query.is_empty() || query.starts_with('?'));
    assert!(before.trim_end_matches('/').ends_with(endpoint.path()), "{path}: {endpoint:?}");
    if let Place::Workspace(name) | Place::Session(name) = place {
        assert!(!name.contains('/') && path.contains(name));
    }
    let other = path.replacen("?", "/?", 1);
    if !before.ends_with('/') && !query.is_empty() {
        assert_eq!(address(&other), Some(found), "a slash at the end changes nothing");
    }
}

fn names(text: &str) {
    if let Ok(name) = text.parse::<Name>() {
        assert!((1..=NAME_BYTES_MAX).contains(&name.as_str().len()));
        assert_eq!(name.as_str().parse(), Ok(name.clone()));
    }
    if let Ok(target) = text.parse::<Target>() {
        assert!(text.len() <= NAME_BYTES_MAX + 1 + MODEL_BYTES_MAX);
        assert_eq!(target.to_string().parse(), Ok(target.clone()));
    }
    let id = wire_id(text);
    assert_eq!(wire_id(&id), id, "an id that fits is kept");
    assert!(text.is_empty() || !id.is_empty());
    assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'), "{id}");
    let made = made_id(text, text.len());
    assert_eq!(wire_id(&made), made);
    let written = serde_json::json!({ "input": text }).to_string();
    assert_eq!(custom_input(&written), text);
    let _ = custom_input(text);
}
