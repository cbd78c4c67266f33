//! The splitter of server-sent events, held against a reader of whole texts.

use mux::sse::{Event, Piece, Splitter};

use crate::{CHATLIKE, input, with_grammar};

/// Data and name of an event.
type Seen = (Vec<u8>, Option<Vec<u8>>);

#[derive(Default, Debug, PartialEq)]
struct Split {
    events: Vec<Seen>,
    is_overlong: bool,
    raw: Vec<u8>,
}

pub fn check(input: &[u8]) {
    let dialect = CHATLIKE[input.len() % CHATLIKE.len()];
    let (text, mut choices) = with_grammar(dialect, |grammar| input::text(grammar, "stream", input));
    let limit = if choices.ratio(1, 4) == Ok(true) { choices.int_in_range(0..=80).unwrap_or(0) } else { usize::MAX };
    let whole = split(&[&text], limit);
    assert_eq!(whole.raw, *text, "no byte is changed");
    let pieces = input::pieces(&text, &mut choices);
    assert_eq!(split(&pieces, limit), whole, "{pieces:?}");
    let bytes: Vec<&[u8]> = text.chunks(1).collect();
    assert_eq!(split(&bytes, limit), whole);
    if limit == usize::MAX {
        assert!(!whole.is_overlong);
        assert_eq!(whole.events, plainly(&text));
    }
}

fn split(pieces: &[&[u8]], limit: usize) -> Split {
    let (mut splitter, mut found) = (Splitter::with_event_bytes_max(limit), Split::default());
    for piece in pieces {
        splitter.push(piece, |piece| {
            found.raw.extend_from_slice(piece.raw());
            match piece {
                Piece::Event(event) => {
                    assert!(!found.is_overlong && event.raw.len() <= limit);
                    found.events.push(seen(&event));
                }
                Piece::Overlong(raw) => {
                    assert!(!found.is_overlong && raw.len() > limit);
                    found.is_overlong = true;
                }
                Piece::Opaque(_) => assert!(found.is_overlong),
            }
        });
    }
    let held = splitter.held_bytes();
    if let Some(rest) = splitter.finish() {
        assert_eq!(rest.raw.len(), held);
        found.raw.extend_from_slice(rest.raw);
        found.events.push(seen(&rest));
    }
    found
}

fn seen(event: &Event) -> Seen {
    (event.data.to_vec(), event.name.map(<[u8]>::to_vec))
}

/// The whole text by lines, as the standard tells it.
fn plainly(text: &[u8]) -> Vec<Seen> {
    let (mut found, mut data, mut name, mut is_begun) = (Vec::new(), None, None, false);
    for (number, line) in lines(text).into_iter().enumerate() {
        if line.is_empty() {
            found.push((data.take().unwrap_or_default(), name.take()));
            is_begun = false;
            continue;
        }
        is_begun = true;
        let line = if number == 0 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line) } else { &line };
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = value.strip_prefix(b": ").or(value.strip_prefix(b":")).unwrap_or(value);
        match field {
            b"data" => {
                let joined: Option<Vec<u8>> = data.take().map(|data| [data, value.to_vec()].join(&b'\n'));
                data = Some(joined.unwrap_or_else(|| value.to_vec()));
            }
            b"event" => name = (!value.is_empty()).then(|| value.to_vec()),
            _ => {}
        }
    }
    if is_begun {
        found.push((data.unwrap_or_default(), name));
    }
    found
}

/// Without their ends; what no end follows is a line if it holds anything.
fn lines(text: &[u8]) -> Vec<Vec<u8>> {
    let (mut lines, mut line, mut bytes) = (Vec::new(), Vec::new(), text.iter().copied().peekable());
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' | b'\n' => {
                if byte == b'\r' {
                    bytes.next_if_eq(&b'\n');
                }
                lines.push(std::mem::take(&mut line));
            }
            other => line.push(other),
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// What a stream says, event by event: for targets that look behind the splitting.
pub fn events(stream: &[u8]) -> Vec<(Vec<u8>, String)> {
    let text = |name: Option<Vec<u8>>| String::from_utf8(name.unwrap_or_default()).unwrap_or_default();
    plainly(stream).into_iter().map(|(data, name)| (data, text(name))).collect()
}
