//! A fuzzer's bytes as what a target needs.

use std::borrow::Cow;

use arbitrary::Unstructured;

use crate::grammar::Grammar;

/// An input that begins with a byte from here on is a list of choices; any other is the text itself.
const CHOICES_FROM: u8 = 0x80;

/// Pieces of one text; the last one is what is left.
const PIECES_MAX: usize = 64;

/// The text of an input, and choices for what else the target has to decide: what is left of those that spelled the
/// text, or the text's own bytes from its end.
pub fn text<'a>(grammar: &Grammar, rule: &str, input: &'a [u8]) -> (Cow<'a, [u8]>, Unstructured<'a>) {
    match input.split_first() {
        Some((&first, choices)) if first >= CHOICES_FROM => {
            let mut choices = Unstructured::new(choices);
            let text = grammar.spell(rule, &mut choices);
            (Cow::Owned(text), choices)
        }
        _ => (Cow::Borrowed(input), Unstructured::new(input.get(input.len() / 2..).unwrap_or_default())),
    }
}

/// Cuts a text at places of the fuzzer's choice: small pieces, big ones, empty ones.
pub fn pieces<'t>(text: &'t [u8], choices: &mut Unstructured) -> Vec<&'t [u8]> {
    let mut rest = text;
    let mut found = Vec::new();
    let scale = *choices.choose(&[1, 3, 16, 100]).unwrap_or(&1);
    while !rest.is_empty() && found.len() < PIECES_MAX {
        let bytes = usize::from(choices.arbitrary::<u8>().unwrap_or(1)) % 8 * scale;
        let (piece, after) = rest.split_at(bytes.min(rest.len()));
        found.push(piece);
        rest = after;
    }
    found.push(rest);
    found
}
