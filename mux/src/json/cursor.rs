//! The walk over a JSON text. Checks the grammar of RFC 8259 everywhere it passes, with a bounded depth and no recursion
//! over what it skips.

use std::borrow::Cow;
use std::ops::Range;

use super::DEPTH_MAX;
use super::block::{BLOCK, Block, LANE, first_odd};
use super::found::Found;
use super::text::unescape;

/// A range of bytes of the body.
pub type Span = Range<usize>;

/// Why a text is not JSON that this gateway takes. Positions are byte offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the body is empty")]
    Empty,
    #[error("expected {expected} at byte {at}")]
    Syntax { at: usize, expected: &'static str },
    #[error("the text ends at byte {at} inside a value")]
    Truncated { at: usize },
    #[error("nested deeper than {DEPTH_MAX} at byte {at}")]
    TooDeep { at: usize },
    #[error("not UTF-8 at byte {at}")]
    NotUtf8 { at: usize },
}

/// What a value is, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Object,
    Array,
    String,
    Number,
    True,
    False,
    Null,
}

/// A place in a JSON text, always in front of a value, a separator or the end.
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    /// Up to here bytes that are not ASCII were found to be UTF-8.
    utf8_to: usize,
    fences: Option<Vec<u32>>,
    has_rare_escapes: bool,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, depth: 0, utf8_to: 0, fences: None, has_rare_escapes: false }
    }

    /// Also notes where runs of three or more backticks begin inside strings.
    pub fn noting_fences(bytes: &'a [u8]) -> Self {
        Self { fences: Some(Vec::new()), ..Self::new(bytes) }
    }

    /// Offsets of the runs of backticks noted so far, ascending.
    pub fn fences(&self) -> &[u32] {
        self.fences.as_deref().unwrap_or_default()
    }

    /// The raw bytes of a span that this cursor gave.
    pub fn raw(&self, span: &Span) -> &'a [u8] {
        self.bytes.get(span.clone()).unwrap_or_default()
    }

    /// After the outermost value: nothing but white space follows. Returns the fences that were noted.
    pub fn finish(mut self) -> Result<Vec<u32>, Error> {
        self.white_space();
        if self.at < self.bytes.len() {
            return Err(self.expected("the end of the text"));
        }
        Ok(self.fences.unwrap_or_default())
    }

    /// What the next value is.
    pub fn kind(&mut self) -> Result<Kind, Error> {
        self.white_space();
        match self.peek() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::String),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't') => Ok(Kind::True),
            Some(b'f') => Ok(Kind::False),
            Some(b'n') => Ok(Kind::Null),
            Some(_) => Err(self.expected("a value")),
            None if self.bytes.iter().all(u8::is_ascii_whitespace) => Err(Error::Empty),
            None => Err(Error::Truncated { at: self.at }),
        }
    }

    /// Walks an object. `member` gets each key, unescaped, and must pass over the value. Returns the object's span.
    pub fn object<E: From<Error>>(
        &mut self,
        mut member: impl FnMut(&mut Self, &[u8]) -> Result<(), E>,
    ) -> Result<Span, E> {
        self.members(|cursor, key| member(cursor, &key))
    }

    /// Like [`Cursor::object`]; the keys may be kept.
    pub fn members<E: From<Error>>(
        &mut self,
        mut member: impl FnMut(&mut Self, Cow<'a, [u8]>) -> Result<(), E>,
    ) -> Result<Span, E> {
        let start = self.open(b'{', "an object")?;
        if !self.take(b'}') {
            loop {
                let key = self.key()?;
                member(self, key)?;
                if self.take(b'}') {
                    break;
                }
                self.expect(b',', "`,` or `}`")?;
            }
        }
        self.depth -= 1;
        Ok(start..self.at)
    }

    /// Walks an array. `item` must pass over one value. Returns the array's span.
    pub fn array<E: From<Error>>(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), E>) -> Result<Span, E> {
        let start = self.open(b'[', "an array")?;
        if !self.take(b']') {
            loop {
                item(self)?;
                if self.take(b']') {
                    break;
                }
                self.expect(b',', "`,` or `]`")?;
            }
        }
        self.depth -= 1;
        Ok(start..self.at)
    }

    /// Passes over a string; the span is what stands between its quotes, still escaped.
    pub fn string(&mut self) -> Result<Span, Error> {
        self.expect(b'"', "a string")?;
        let start = self.at;
        self.has_rare_escapes = false;
        self.at = self.string_end(start)?;
        let span = start..self.at;
        self.at += 1;
        Ok(span)
    }

    /// Whether the string that was passed over last has other escapes than `\n`, `\t`, `\"` and `\\`.
    pub fn has_rare_escapes(&self) -> bool {
        self.has_rare_escapes
    }

    /// Passes over any value and everything in it.
    pub fn skip(&mut self) -> Result<Span, Error> {
        let kind = self.kind()?;
        let start = self.at;
        match kind {
            Kind::Object | Kind::Array => self.skip_container()?,
            _ => self.skip_scalar(kind)?,
        }
        Ok(start..self.at)
    }

    fn skip_scalar(&mut self, kind: Kind) -> Result<(), Error> {
        match kind {
            Kind::String => self.string().map(|_| ()),
            Kind::Number => self.number(),
            Kind::True => self.word(b"true"),
            Kind::False => self.word(b"false"),
            Kind::Null | Kind::Object | Kind::Array => self.word(b"null"),
        }
    }

    /// Passes over an object or array with a stack of one bit a level, so that no depth can exhaust the real stack.
    fn skip_container(&mut self) -> Result<(), Error> {
        let mut levels = Levels::default();
        let base = self.depth;
        loop {
            // In front of a value.
            let kind = self.kind()?;
            let opened = match kind {
                Kind::Object => {
                    self.open(b'{', "an object")?;
                    levels.push(self.depth, true);
                    !self.take(b'}')
                }
                Kind::Array => {
                    self.open(b'[', "an array")?;
                    levels.push(self.depth, false);
                    !self.take(b']')
                }
                _ => {
                    self.skip_scalar(kind)?;
                    if !self.next_member(&mut levels, base)? {
                        return Ok(());
                    }
                    continue;
                }
            };
            if opened {
                if levels.in_object(self.depth) {
                    self.key()?;
                }
                continue;
            }
            self.depth -= 1;
            if self.depth == base || !self.next_member(&mut levels, base)? {
                return Ok(());
            }
        }
    }

    /// After a value: closes what ends here and stands in front of the next value; false when the outermost one closed.
    fn next_member(&mut self, levels: &mut Levels, base: usize) -> Result<bool, Error> {
        loop {
            let in_object = levels.in_object(self.depth);
            if self.take(b',') {
                if in_object {
                    self.key()?;
                }
                return Ok(true);
            }
            let (close, expected) = if in_object { (b'}', "`,` or `}`") } else { (b']', "`,` or `]`") };
            self.expect(close, expected)?;
            self.depth -= 1;
            if self.depth == base {
                return Ok(false);
            }
        }
    }

    fn key(&mut self) -> Result<Cow<'a, [u8]>, Error> {
        self.expect(b'"', "a string")?;
        let start = self.at;
        // A short string is found at once only if it holds nothing odd, so no escape either.
        let short = self.short_string_end(start);
        let end = short.map_or_else(|| self.string_end(start), Ok)?;
        self.at = end + 1;
        self.expect(b':', "`:`")?;
        let raw = self.raw(&(start..end));
        Ok(if short.is_some() { Cow::Borrowed(raw) } else { unescape(raw) })
    }

    fn open(&mut self, bracket: u8, expected: &'static str) -> Result<usize, Error> {
        self.expect(bracket, expected)?;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Error::TooDeep { at: self.at });
        }
        Ok(self.at - 1)
    }

    fn number(&mut self) -> Result<(), Error> {
        let _ = self.take_here(b'-');
        if !self.take_here(b'0') {
            self.digits()?;
        }
        if self.take_here(b'.') {
            self.digits()?;
        }
        if self.take_here(b'e') || self.take_here(b'E') {
            let _ = self.take_here(b'+') || self.take_here(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Error> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.expected("a digit")) } else { Ok(()) }
    }

    fn word(&mut self, word: &'static [u8]) -> Result<(), Error> {
        match self.bytes.get(self.at..).and_then(|rest| rest.strip_prefix(word)) {
            Some(_) => {
                self.at += word.len();
                Ok(())
            }
            None => Err(self.expected("a value")),
        }
    }

    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline(always)]
    fn white_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    #[inline(always)]
    fn take_here(&mut self, byte: u8) -> bool {
        let takes = self.peek() == Some(byte);
        self.at += usize::from(takes);
        takes
    }

    #[inline(always)]
    fn take(&mut self, byte: u8) -> bool {
        self.white_space();
        self.take_here(byte)
    }

    #[inline(always)]
    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), Error> {
        if self.take(byte) { Ok(()) } else { Err(self.expected(expected)) }
    }

    #[cold]
    fn expected(&self, expected: &'static str) -> Error {
        match self.peek() {
            Some(_) => Error::Syntax { at: self.at, expected },
            None => Error::Truncated { at: self.at },
        }
    }

    /// Where the string that begins at `start` ends: the offset of its closing quote.
    fn string_end(&mut self, start: usize) -> Result<usize, Error> {
        if let Some(end) = self.short_string_end(start) {
            return Ok(end);
        }
        let bytes = self.bytes;
        let (chunks, tail) = bytes.get(start..).unwrap_or_default().as_chunks::<BLOCK>();
        let mut carry = 0;
        let mut at = start;
        for chunk in chunks {
            let found = Found::read(Block::load(chunk), &mut carry);
            if !found.is_plain() {
                self.check_block(chunk, found, at)?;
                if let Some(end) = found.end() {
                    return Ok(at + end);
                }
            }
            at += BLOCK;
        }
        // The tail is padded with quotes: the string ends either inside the text or in the padding.
        let mut padded = [b'"'; BLOCK];
        padded.iter_mut().zip(tail).for_each(|(to, from)| *to = *from);
        let found = Found::read(Block::load(&padded), &mut carry);
        self.check_block(&padded, found, at)?;
        let end = found.end().filter(|end| *end < tail.len());
        end.map(|end| at + end).ok_or(Error::Truncated { at: bytes.len() })
    }

    /// Keys and small words, the most of all strings, without the block's set-up.
    #[inline(always)]
    fn short_string_end(&self, start: usize) -> Option<usize> {
        let rest = self.bytes.get(start..)?;
        let odd = match rest.as_chunks::<LANE>().0 {
            [first, second, ..] => first_odd(first).or_else(|| first_odd(second).map(|odd| LANE + odd))?,
            _ => rest.iter().position(|byte| !matches!(byte, b' '..=b'!' | b'#'..=b'[' | b']'..=b'_' | b'a'..=b'~'))?,
        };
        (rest.get(odd) == Some(&b'"')).then_some(start + odd)
    }

    /// Looks closer at a block with something in it that most blocks do not have.
    #[inline(never)]
    fn check_block(&mut self, chunk: &[u8; BLOCK], found: Found, at: usize) -> Result<(), Error> {
        let inside = found.inside();
        self.check_escapes(found.rare_escapes & inside, at)?;
        self.check_special(Block::load(chunk), inside, at)
    }

    /// Control characters are refused, bytes that are not ASCII checked, fences noted. Bits of `inside` are the string's own.
    fn check_special(&mut self, block: Block, inside: u64, at: usize) -> Result<(), Error> {
        let control = block.control() & inside;
        if control != 0 {
            let at = at + control.trailing_zeros() as usize;
            return Err(Error::Syntax { at, expected: "no control character inside a string" });
        }
        self.check_utf8(block.non_ascii() & inside, at)?;
        if self.fences.is_some() {
            self.note_fences(block.equal(b'`') & inside, at);
        }
        Ok(())
    }

    /// ASCII bytes stand between characters, so each run of other bytes must be UTF-8 by itself. Outside of strings the
    /// grammar lets only ASCII pass.
    fn check_utf8(&mut self, mut non_ascii: u64, at: usize) -> Result<(), Error> {
        while non_ascii != 0 {
            let first = non_ascii.trailing_zeros();
            let bits = (non_ascii >> first).trailing_ones();
            let start = at + first as usize;
            // Most runs are a character or two; only one that reaches the block's end may go on behind it.
            let reaches_end = first + bits == u64::BITS;
            let end = if reaches_end && start >= self.utf8_to { self.end_of_run(start) } else { start + bits as usize };
            if end > self.utf8_to {
                simdutf8::basic::from_utf8(self.raw(&(start..end))).map_err(|_| Error::NotUtf8 { at: start })?;
                self.utf8_to = end;
            }
            non_ascii &= u64::MAX.checked_shl(first + bits).unwrap_or(0);
        }
        Ok(())
    }

    /// Where the bytes from `start` on that are not ASCII end.
    fn end_of_run(&self, start: usize) -> usize {
        let mut end = start;
        while let Some(chunk) = self.bytes.get(end..).and_then(|rest| rest.first_chunk::<BLOCK>()) {
            let ascii = !Block::load(chunk).non_ascii();
            if ascii != 0 {
                return end + ascii.trailing_zeros() as usize;
            }
            end += BLOCK;
        }
        let tail = self.bytes.get(end..).unwrap_or_default();
        end + tail.iter().position(u8::is_ascii).unwrap_or(tail.len())
    }

    /// The escapes other than `\n`, `\t`, `\"` and `\\`: each bit of `escaped` is the byte after a backslash.
    fn check_escapes(&mut self, mut escaped: u64, at: usize) -> Result<(), Error> {
        while escaped != 0 {
            self.has_rare_escapes = true;
            let here = at + escaped.trailing_zeros() as usize;
            escaped &= escaped - 1;
            let fits = match self.bytes.get(here) {
                Some(b'/' | b'b' | b'f' | b'n' | b'r' | b't' | b'"' | b'\\') => true,
                Some(b'u') => {
                    self.bytes.get(here + 1..here + 5).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
                }
                _ => false,
            };
            if !fits {
                return Err(Error::Syntax { at: here, expected: "an escape of JSON" });
            }
        }
        Ok(())
    }

    fn note_fences(&mut self, backticks: u64, at: usize) {
        let bytes = self.bytes;
        let Some(fences) = &mut self.fences else { return };
        let mut starts = backticks & !(backticks << 1);
        while starts != 0 {
            let here = at + starts.trailing_zeros() as usize;
            starts &= starts - 1;
            let continues = here > 0 && bytes.get(here - 1) == Some(&b'`');
            if !continues && bytes.get(here..).is_some_and(|rest| rest.starts_with(b"```")) {
                // Bodies are far below 4 GiB; past that a fence is simply not noted.
                fences.extend(u32::try_from(here));
            }
        }
    }
}

/// For each level whether it is an object: one bit.
#[derive(Default)]
struct Levels([u64; DEPTH_MAX / 64 + 1]);

impl Levels {
    fn push(&mut self, depth: usize, is_object: bool) {
        if let Some(word) = self.0.get_mut(depth / 64) {
            let bit = 1 << (depth % 64);
            *word = if is_object { *word | bit } else { *word & !bit };
        }
    }

    fn in_object(&self, depth: usize) -> bool {
        self.0.get(depth / 64).is_some_and(|word| word >> (depth % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests;
