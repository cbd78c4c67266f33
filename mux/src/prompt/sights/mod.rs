//! Where files are seen: those in context, whose contents or edits are part of the conversation, and those that a user
//! names in own words. Names in instructions, in tool definitions, in what clients add of their own, and inside of file
//! contents are neither.

mod arguments;
mod command;
mod comment;
mod element;
mod fence;
mod head;
mod mention;
mod patch;
mod raw;
mod tags;
#[cfg(test)]
mod tests;
mod text;
mod words;

use memchr::{memchr, memmem};

use self::element::{Element, has_own_words};
use self::text::Event;
use super::conversation::{Piece, Prompt, Role, What};
use super::path::{declared_path, is_placeholder};
use super::{FILES_MAX, Needs};
use crate::config::RequestKind;
use crate::json::{Span, unescape};

/// Escaped bytes of a message that may do nothing but take files back.
const RETRACTION_BYTES_MAX: usize = 400;

/// One sight of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight<'a> {
    pub path: &'a str,
    pub source: Source,
    /// Index of the message in which it is seen.
    pub message: usize,
}

/// By what a file is known. All but [`Source::Mention`] mean that it is in context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A fenced block with its name.
    Block,
    /// An element that names it and holds its contents, or an attached file.
    Markup,
    /// An argument of a tool call.
    ToolCall,
    /// The head of a tool call's outcome.
    ToolResult,
    /// A word of a shell command that a tool call runs.
    Command,
    /// The header of a patch.
    Patch,
    /// The head of code that is to be completed.
    Fim,
    /// A word of a user's own: the file itself is not there.
    Mention,
}

impl Source {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Markup => "markup",
            Self::ToolCall => "tool_call",
            Self::ToolResult => "tool_result",
            Self::Command => "command",
            Self::Patch => "patch",
            Self::Fim => "fim",
            Self::Mention => "mention",
        }
    }
}

/// Calls `found` with every sight of a file that the prompt was read for, in order of appearance.
pub fn sights(prompt: &Prompt, found: impl FnMut(Sight)) {
    if !prompt.needs.texts() {
        return;
    }
    let escapes_brackets = escapes_brackets(prompt.body);
    let mut looking = Looking { needs: prompt.needs, escapes_brackets, left: FILES_MAX, message: 0, found };
    let mut fences = prompt.fences.as_slice();
    let first = first_that_counts(prompt);
    for (index, message) in prompt.conversation.messages.iter().enumerate().skip(first) {
        if looking.left == 0 {
            return;
        }
        looking.message = index;
        for piece in prompt.pieces(message) {
            let (own, after) = fences_within(fences, &piece.span);
            fences = after;
            looking.piece(prompt, message.role, piece, own);
        }
    }
}

/// Those of ascending `fences` that lie in `span`, and those behind it. Texts have few, and each is passed once.
fn fences_within<'a>(fences: &'a [u32], span: &Span) -> (&'a [u32], &'a [u32]) {
    let before = |bound: usize| move |at: &&u32| (**at as usize) < bound;
    let first = fences.iter().take_while(before(span.start)).count();
    let fences = fences.get(first..).unwrap_or_default();
    fences.split_at(fences.iter().take_while(before(span.end)).count())
}

/// The message after the last one in which a user takes back the files above it, as clients do after examples.
fn first_that_counts(prompt: &Prompt) -> usize {
    let messages = prompt.conversation.messages.iter().enumerate().rev();
    let users = messages.filter(|(_, message)| message.role == Role::User);
    let mut taken_back = users.filter(|(_, message)| {
        prompt.pieces(message).iter().any(|piece| piece.what == What::Text && takes_back(prompt.raw(&piece.span)))
    });
    taken_back.next().map_or(0, |(index, _)| index + 1)
}

fn takes_back(raw: &[u8]) -> bool {
    const FILES: [&str; 4] = ["above files", "files above", "previous files", "earlier files"];
    const BACK: [&str; 8] = [
        "don't consider",
        "don\u{2019}t consider",
        "do not consider",
        "not to be considered",
        "be considered no",
        "ignore",
        "disregard",
        "forget",
    ];
    if raw.len() > RETRACTION_BYTES_MAX || memmem::find(raw, b"files").is_none() {
        return false;
    }
    let text = raw::text(raw).to_lowercase();
    FILES.iter().any(|files| text.contains(files)) && BACK.iter().any(|back| text.contains(back))
}

struct Looking<F> {
    needs: Needs,
    /// Whether the brackets of markup are written as escapes.
    escapes_brackets: bool,
    left: usize,
    message: usize,
    found: F,
}

impl<F: FnMut(Sight)> Looking<F> {
    fn see(&mut self, path: &str, source: Source) {
        let is_needed = if source == Source::Mention { self.needs.mentions } else { self.needs.files };
        if !is_needed || is_placeholder(path) {
            return;
        }
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            (self.found)(Sight { path, source, message: self.message });
        }
    }

    fn piece(&mut self, prompt: &Prompt, role: Role, piece: &Piece, fences: &[u32]) {
        let raw = prompt.raw(&piece.span);
        let files = self.needs.files;
        match (piece.what, role) {
            (What::Text, Role::User) if matches!(prompt.kind, RequestKind::Fim | RequestKind::Completion) => {
                let mut is_code = prompt.kind == RequestKind::Fim;
                comment::commented(raw, |path| {
                    is_code = true;
                    self.see(path, Source::Fim);
                });
                if !is_code {
                    self.text(raw, role, fences, piece.span.start);
                }
            }
            (What::Text, Role::User) => self.text(raw, role, fences, piece.span.start),
            (What::Text, Role::Assistant) if files => self.text(raw, role, fences, piece.span.start),
            (What::Text, Role::Tool) | (What::Result, _) if files => {
                head::file_at_head(raw, |path| self.see(path, Source::ToolResult));
            }
            (What::Arguments, _) if files => {
                arguments::named(&unescape(raw), &mut |path: &str, source| self.see(path, source));
            }
            (What::Input, _) if files => arguments::named(raw, &mut |path: &str, source| self.see(path, source)),
            (What::Free, _) if files => arguments::free(raw, &mut |path: &str, source| self.see(path, source)),
            (What::Name, _) => {
                if let Some(path) = declared_path(&raw::text(raw)) {
                    self.see(path, Source::Markup);
                }
            }
            _ => {}
        }
    }

    /// `fences` lie in a body in which the text begins at `start`.
    fn text(&mut self, raw: &[u8], role: Role, fences: &[u32], start: usize) {
        if self.escapes_brackets {
            let raw = with_brackets(raw);
            return text::walk(&raw, memmem::find_iter(&raw, b"```"), |event| self.event(role, event));
        }
        text::walk(raw, fences.iter().map(|at| *at as usize - start), |event| self.event(role, event));
    }

    fn event(&mut self, role: Role, event: Event) {
        let words = |looking: &mut Self, words: &[u8]| {
            if role == Role::User && looking.needs.mentions {
                mention::mentions(words, |path| looking.see(path, Source::Mention));
            }
        };
        match event {
            Event::Words(raw) => words(self, raw),
            Event::Element(Element::File(path)) => self.see(path, Source::Markup),
            Event::Element(Element::Path { path, has_contents: true }) => self.see(path, Source::Markup),
            Event::Element(Element::Path { path, has_contents: false }) => {
                // Some models call tools in markup.
                let source = if role == Role::Assistant { Source::ToolCall } else { Source::Mention };
                self.see(path, source);
            }
            Event::Element(_) => {}
            Event::Block(block) => {
                let is_named = block.own_name(|path| self.see(path, Source::Block));
                if is_named || !block.name_above(|path| self.see(path, Source::Block)) {
                    words(self, block.above);
                }
                if self.needs.files && block.is_patch() {
                    patch::patched(&raw::text(block.content), |path| self.see(path, Source::Patch));
                }
            }
        }
    }
}

/// Which of a body's texts have words of a user's own, beside what clients add.
pub(super) fn own_words(body: &[u8]) -> impl Fn(&[u8]) -> bool {
    let escapes_brackets = escapes_brackets(body);
    move |raw| if escapes_brackets { has_own_words(&with_brackets(raw)) } else { has_own_words(raw) }
}

/// Whether the body's encoder writes the brackets of markup as escapes, as Go's does. It does so throughout: where one
/// stands plainly, no other need be looked for.
fn escapes_brackets(body: &[u8]) -> bool {
    memchr(b'<', body).is_none() && memmem::find(body, b"\\u003c").is_some()
}

/// With the brackets of markup as they are; all else stays escaped.
fn with_brackets(raw: &[u8]) -> Vec<u8> {
    const BRACKETS: [(&[u8], u8); 2] = [(b"\\u003c", b'<'), (b"\\u003e", b'>')];
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr(b'\\', rest) {
        let (before, escape) = rest.split_at(at);
        out.extend_from_slice(before);
        let bracket = BRACKETS.iter().find_map(|(spelt, bracket)| Some((*bracket, escape.strip_prefix(*spelt)?)));
        rest = match bracket {
            Some((bracket, behind)) => {
                out.push(bracket);
                behind
            }
            None => {
                let (letter, behind) = escape.split_at(escape.len().min(2));
                out.extend_from_slice(letter);
                behind
            }
        };
    }
    out.extend_from_slice(rest);
    out
}
