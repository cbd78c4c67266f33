//! The walk over a text that is still JSON-escaped: fenced blocks, elements of markup, and the words between them.
//! What is inside of a block or an element is a file's contents or a client's own, and is not looked into.

use memchr::memchr;

use super::element::{Element, Markup, is_title};
use super::fence::{Block, Opening};

/// What stands in a text, in order.
pub enum Event<'a> {
    /// Words, still escaped.
    Words(&'a [u8]),
    Block(Block<'a>),
    Element(&'a Element),
}

/// Calls `event` with what stands in `raw`. `fences` are the offsets at which runs of three or more backticks begin.
pub fn walk(raw: &[u8], fences: impl Iterator<Item = usize>, event: impl FnMut(Event<'_>)) {
    let mut fences = fences.peekable();
    let mut walk = Walk { raw, markup: Markup::new(raw), at: 0, follows_path: false, event };
    while walk.at < raw.len() {
        let opening =
            std::iter::from_fn(|| fences.next()).filter(|at| *at >= walk.at).find_map(|at| Opening::at(raw, at));
        let (until, words_until) = opening.map_or((raw.len(), raw.len()), |opening| (opening.line, opening.above));
        walk.between(until, words_until);
        match opening {
            // Inside of an element.
            Some(opening) if opening.line < walk.at => {}
            Some(opening) => {
                let close = fences.find(|at| opening.is_closed(raw, *at));
                walk.block(opening, close);
            }
            None => return,
        }
    }
}

struct Walk<'a, F> {
    raw: &'a [u8],
    markup: Markup<'a>,
    /// Up to here everything was given.
    at: usize,
    follows_path: bool,
    event: F,
}

impl<F: FnMut(Event<'_>)> Walk<'_, F> {
    /// Gives the elements that begin before `until`, and the words around them, those at the end only to `words_until`.
    fn between(&mut self, until: usize, words_until: usize) {
        let mut from = self.at;
        while let Some(bracket) = self.raw.get(from..until).and_then(|rest| memchr(b'<', rest)) {
            let bracket = from + bracket;
            from = bracket + 1;
            if let Some((element, end)) = self.markup.element(bracket, self.follows_path) {
                let title =
                    element == Element::Boilerplate && is_title(self.raw.get(self.at..bracket).unwrap_or_default());
                if !title {
                    self.words(bracket);
                }
                self.follows_path =
                    matches!(element, Element::Path { .. }) || self.follows_path && element == Element::Boilerplate;
                (self.event)(Event::Element(&element));
                (self.at, from) = (end, end);
            }
        }
        self.words(words_until);
    }

    fn words(&mut self, until: usize) {
        if let Some(words) = self.raw.get(self.at..until).filter(|words| !words.is_empty()) {
            (self.event)(Event::Words(words));
            self.at = until;
        }
    }

    fn block(&mut self, opening: Opening, close: Option<usize>) {
        let end = close.unwrap_or(self.raw.len());
        (self.event)(Event::Block(opening.block(self.raw, self.at, end)));
        self.at = end + self.raw.get(end..).unwrap_or_default().iter().take_while(|byte| **byte == b'`').count();
    }
}
