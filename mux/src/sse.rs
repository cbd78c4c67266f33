//! Splits a stream of server-sent events into events, wherever the network cut it.
//!
//! The format is that of the HTML standard's `text/event-stream`: lines end in LF, CRLF or CR, a blank line ends an
//! event, a line that begins with `:` is a comment. The splitter never changes a byte: the raw bytes of all pieces,
//! followed by the rest at the end, are the input. So it serves a tee, which only looks on, as well as a filter, which
//! leaves some events out and holds an unfinished one back.

use std::borrow::Cow;

use memchr::memchr2;

/// Bytes of one event. Past it the stream is no longer interpreted.
pub const SSE_EVENT_BYTES_MAX: usize = 4 << 20;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A block of lines up to and including its blank line. A block of comments only is an event without data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// As it came, with the blank line that ends it.
    pub raw: &'a [u8],
    /// The values of all `data` lines, joined by LF.
    pub data: Cow<'a, [u8]>,
    /// The value of the last `event` line, unless it is empty.
    pub name: Option<&'a [u8]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    Event(Event<'a>),
    /// An event grew past the limit: what was held of it. Reported once; all that follows is [`Piece::Opaque`].
    Overlong(&'a [u8]),
    /// Bytes after an overlong event.
    Opaque(&'a [u8]),
}

impl<'a> Piece<'a> {
    /// The input bytes that this piece stands for.
    pub fn raw(&self) -> &'a [u8] {
        match self {
            Self::Event(event) => event.raw,
            Self::Overlong(raw) | Self::Opaque(raw) => raw,
        }
    }
}

/// Where the next byte stands.
#[derive(Clone, Copy, Debug)]
enum Position {
    LineStart,
    InLine,
    /// After a CR: an LF that follows belongs to the same line end.
    AfterCr,
    /// As before, and the line that the CR ended was blank.
    AfterBlankCr,
    /// Past an overlong event.
    Opaque,
}

/// Feed it the chunks in order; each complete event is yielded as soon as its last byte is known. A blank line that
/// ends in a bare CR at the end of a chunk is complete only with the next byte, which may be its LF.
#[derive(Debug)]
pub struct Splitter {
    position: Position,
    /// The begun event, from earlier chunks.
    held: Vec<u8>,
    is_first_event: bool,
    event_bytes_max: usize,
}

impl Default for Splitter {
    fn default() -> Self {
        Self::new()
    }
}

impl Splitter {
    pub fn new() -> Self {
        Self::with_event_bytes_max(SSE_EVENT_BYTES_MAX)
    }

    pub fn with_event_bytes_max(event_bytes_max: usize) -> Self {
        Self { position: Position::LineStart, held: Vec::new(), is_first_event: true, event_bytes_max }
    }

    /// Yields what `chunk` completes. An event that lies whole in `chunk` is not copied.
    pub fn push(&mut self, chunk: &[u8], mut yield_piece: impl FnMut(Piece<'_>)) {
        let mut rest = chunk;
        while !rest.is_empty() {
            if let Position::Opaque = self.position {
                yield_piece(Piece::Opaque(rest));
                return;
            }
            let Some((block, after)) = self.end_of_event(rest) else { break };
            self.yield_event(block, &mut yield_piece);
            rest = after;
        }
        if self.held.len() + rest.len() > self.event_bytes_max {
            self.yield_overlong(rest, &mut yield_piece);
        } else {
            self.held.extend_from_slice(rest);
        }
    }

    /// Bytes of a begun event that are held back.
    pub fn held_bytes(&self) -> usize {
        self.held.len()
    }

    /// The stream has ended: the event that no blank line ended, if any bytes of it came. The standard has clients drop
    /// it, but a provider that leaves out its last blank line has said its usage there.
    pub fn finish(&mut self) -> Option<Event<'_>> {
        (!self.held.is_empty()).then(|| parse(&self.held, self.is_first_event))
    }

    fn yield_event(&mut self, block: &[u8], yield_piece: &mut impl FnMut(Piece<'_>)) {
        if self.held.len() + block.len() > self.event_bytes_max {
            return self.yield_overlong(block, yield_piece);
        }
        if self.held.is_empty() {
            yield_piece(Piece::Event(parse(block, self.is_first_event)));
        } else {
            self.held.extend_from_slice(block);
            yield_piece(Piece::Event(parse(&self.held, self.is_first_event)));
            self.held.clear();
        }
        self.is_first_event = false;
    }

    fn yield_overlong(&mut self, rest: &[u8], yield_piece: &mut impl FnMut(Piece<'_>)) {
        self.held.extend_from_slice(rest);
        yield_piece(Piece::Overlong(&self.held));
        self.held = Vec::new();
        self.position = Position::Opaque;
    }

    /// Splits `bytes` after the blank line that ends the current event; `None` if it does not end in them.
    fn end_of_event<'a>(&mut self, bytes: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let mut at = 0;
        loop {
            let next = *bytes.get(at)?;
            self.position = match (self.position, next) {
                (Position::LineStart, b'\n') | (Position::AfterBlankCr, b'\n') => {
                    self.position = Position::LineStart;
                    return bytes.split_at_checked(at + 1);
                }
                (Position::AfterBlankCr, _) => {
                    self.position = Position::LineStart;
                    return bytes.split_at_checked(at);
                }
                (Position::LineStart, b'\r') => Position::AfterBlankCr,
                (Position::AfterCr, b'\n') => Position::LineStart,
                (Position::AfterCr, _) => {
                    self.position = Position::LineStart;
                    continue;
                }
                (Position::LineStart, _) => Position::InLine,
                (Position::InLine | Position::Opaque, _) => {
                    at += memchr2(b'\n', b'\r', bytes.get(at..)?).unwrap_or(bytes.len() - at);
                    match bytes.get(at)? {
                        b'\n' => Position::LineStart,
                        _ => Position::AfterCr,
                    }
                }
            };
            at += 1;
        }
    }
}

fn parse(raw: &[u8], is_first: bool) -> Event<'_> {
    let mut rest = raw;
    if is_first {
        rest = rest.strip_prefix(BYTE_ORDER_MARK).unwrap_or(rest);
    }
    let mut data: Option<Cow<'_, [u8]>> = None;
    let mut name = None;
    while !rest.is_empty() {
        let (line, after) = split_line(rest);
        rest = after;
        if let Some(value) = field(line, b"data") {
            match &mut data {
                None => data = Some(Cow::Borrowed(value)),
                Some(joined) => {
                    let joined = joined.to_mut();
                    joined.push(b'\n');
                    joined.extend_from_slice(value);
                }
            }
        } else if let Some(value) = field(line, b"event") {
            name = (!value.is_empty()).then_some(value);
        }
    }
    Event { raw, data: data.unwrap_or_default(), name }
}

/// The first line without its end, and what comes after that end.
fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr2(b'\n', b'\r', bytes).unwrap_or(bytes.len());
    let (line, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
    let rest = rest.strip_prefix(b"\r\n").or_else(|| rest.get(1..)).unwrap_or_default();
    (line, rest)
}

/// The value of a line `name: value`, `name:value` or `name`.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    match line.strip_prefix(name)? {
        [] => Some(&[]),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
