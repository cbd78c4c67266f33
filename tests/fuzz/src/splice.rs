//! Edits of a body, held against a plain way to make them.

use arbitrary::Unstructured;
use mux::json::{Edit, splice};

const EDITS_MAX: usize = 6;

pub fn check(input: &[u8]) {
    let mut choices = Unstructured::new(input);
    let mut edits = Vec::new();
    for _ in 0..choices.int_in_range(0..=EDITS_MAX).unwrap_or_default() {
        // Also backwards, and behind the body's end.
        let mut place = || choices.arbitrary::<u8>().map_or(0, usize::from) % 48;
        let (start, end) = (place(), place());
        let with = choices.arbitrary::<&[u8]>().unwrap_or_default().iter().take(8).copied().collect();
        edits.push(Edit { span: start..end, with });
    }
    let body = choices.take_rest();
    let head = splice(body, edits.clone());
    assert!(head.bytes <= body.len());
    assert_eq!(head.on(body), plainly(body, edits));
}

/// From back to front, those that can be made.
fn plainly(body: &[u8], mut edits: Vec<Edit>) -> Vec<u8> {
    edits.sort_by_key(|edit| edit.span.start);
    let mut last_end = 0;
    edits.retain(|Edit { span, .. }| {
        let fits = last_end <= span.start && span.start <= span.end && span.end <= body.len();
        last_end = if fits { span.end } else { last_end };
        fits
    });
    let mut whole = body.to_vec();
    for Edit { span, with } in edits.into_iter().rev() {
        whole.splice(span, with);
    }
    whole
}
