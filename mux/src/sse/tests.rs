use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

/// An event or another piece, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Event { raw: Vec<u8>, data: Vec<u8>, name: Option<Vec<u8>> },
    Overlong,
    Opaque,
    Rest { raw: Vec<u8>, data: Vec<u8> },
}

fn event(raw: &str, data: &str, name: Option<&str>) -> Seen {
    Seen::Event { raw: raw.into(), data: data.into(), name: name.map(|name| name.as_bytes().to_vec()) }
}

/// What a splitter makes of `chunks`, and all the bytes that it gave back.
fn split<'a>(mut splitter: Splitter, chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Seen>, Vec<u8>) {
    let (mut seen, mut bytes) = (Vec::new(), Vec::new());
    for chunk in chunks {
        splitter.push(chunk, |piece| {
            bytes.extend_from_slice(piece.raw());
            seen.push(match piece {
                Piece::Event(Event { raw, data, name }) => {
                    Seen::Event { raw: raw.to_vec(), data: data.into_owned(), name: name.map(<[u8]>::to_vec) }
                }
                Piece::Overlong(_) => Seen::Overlong,
                Piece::Opaque(_) => Seen::Opaque,
            });
        });
    }
    if let Some(Event { raw, data, name: _ }) = splitter.finish() {
        bytes.extend_from_slice(raw);
        seen.push(Seen::Rest { raw: raw.to_vec(), data: data.into_owned() });
    }
    (seen, bytes)
}

fn split_whole(stream: &str) -> Vec<Seen> {
    split(Splitter::new(), [stream.as_bytes()]).0
}

#[test]
fn line_ends_may_be_lf_crlf_or_cr() {
    for stream in ["data: a\n\ndata: b\n\n", "data: a\r\n\r\ndata: b\r\n\r\n", "data: a\r\rdata: b\r\r\n"] {
        let data: Vec<_> = split_whole(stream)
            .into_iter()
            .map(|seen| match seen {
                Seen::Event { data, .. } => data,
                other => format!("{other:?}").into(),
            })
            .collect();
        assert_eq!(data, [b"a", b"b"], "{stream:?}");
    }
}

#[test]
fn fields_are_read_as_the_standard_says() {
    let rows = [
        ("data: one\n\n", "one", None),
        ("data:one\n\n", "one", None),
        ("data:  one\n\n", " one", None),
        ("data\n\n", "", None),
        ("data: one\ndata: two\n\n", "one\ntwo", None),
        ("data:\ndata\ndata:\n\n", "\n\n", None),
        ("event: ping\ndata: {}\n\n", "{}", Some("ping")),
        ("data: {}\nevent: a\nevent: b\n\n", "{}", Some("b")),
        ("event: a\nevent:\ndata: {}\n\n", "{}", None),
        (": a comment\n\n", "", None),
        (": data: no\nid: 7\nretry: 10\ndatax: no\n data: no\ndata: yes\n\n", "yes", None),
        ("\n", "", None),
    ];
    for (stream, data, name) in rows {
        assert_eq!(split_whole(stream), [event(stream, data, name)], "{stream:?}");
    }
}

#[test]
fn a_byte_order_mark_counts_only_at_the_start() {
    let stream = "\u{feff}data: a\n\n\u{feff}data: b\n\n";
    assert_eq!(split_whole(stream), [event("\u{feff}data: a\n\n", "a", None), event("\u{feff}data: b\n\n", "", None)]);
}

#[test]
fn the_unended_event_is_the_rest() {
    let rest = Seen::Rest { raw: b"data: [DONE]\n".to_vec(), data: b"[DONE]".to_vec() };
    assert_eq!(split_whole("data: a\n\ndata: [DONE]\n"), [event("data: a\n\n", "a", None), rest]);
    assert_eq!(split_whole("data: a\n\n"), [event("data: a\n\n", "a", None)]);
    assert_eq!(split_whole(""), []);
}

#[test]
fn an_event_is_yielded_with_its_last_byte() {
    let mut splitter = Splitter::new();
    let mut events = 0;
    for &byte in b"data: a\r\n\r" {
        splitter.push(&[byte], |_| events += 1);
    }
    assert_eq!((events, splitter.held_bytes()), (0, 10));
    splitter.push(b"\n", |piece| assert_eq!(piece.raw(), b"data: a\r\n\r\n"));
    assert_eq!(splitter.held_bytes(), 0);
}

#[test]
fn whole_events_are_not_copied() {
    let chunk = b"data: a\n\ndata: b\n\n";
    let mut splitter = Splitter::new();
    splitter.push(chunk, |piece| {
        assert!(chunk.as_ptr_range().contains(&piece.raw().as_ptr()));
        assert!(matches!(piece, Piece::Event(Event { data: Cow::Borrowed(_), .. })));
    });
}

#[test]
fn past_the_limit_bytes_go_through_unread() {
    let exactly = b"data: 789\n\n";
    let stream = [&exactly[..], b"data: 7890\n\ndata: a\n\n"].concat();
    let splitter = || Splitter::with_event_bytes_max(exactly.len());
    for cut in 0..stream.len() {
        let (head, tail) = stream.split_at(cut);
        let (seen, bytes) = split(splitter(), [head, tail]);
        assert_eq!(bytes, stream);
        assert_eq!(seen.get(..2), Some(&[event("data: 789\n\n", "789", None), Seen::Overlong][..]), "cut at {cut}");
        assert!(seen.iter().skip(2).all(|seen| *seen == Seen::Opaque));
    }
}

/// Streams made of the bytes that matter here.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let parts = ["\n", "\n", "\r", "\r", "\r\n", "\n\n", "data: {}", "data", ":", " ", "event: e", "\u{feff}", "é"];
    let part = prop::sample::select(parts.to_vec());
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat().into_bytes())
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(stream in stream(), sizes in prop::collection::vec(1_usize..6, 1..8)) {
        let (expected, bytes) = split(Splitter::new(), [&stream[..]]);
        prop_assert_eq!(&bytes, &stream);
        let mut rest = &stream[..];
        let chunks = sizes.iter().cycle().map_while(|&size| {
            let (chunk, after) = rest.split_at_checked(size).unwrap_or((rest, &[]));
            rest = after;
            (!chunk.is_empty()).then_some(chunk)
        });
        let (seen, bytes) = split(Splitter::new(), chunks);
        prop_assert_eq!(bytes, stream.clone());
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn no_byte_is_lost_past_a_limit(stream in stream(), max in 0_usize..12, size in 1_usize..6) {
        let (_, bytes) = split(Splitter::with_event_bytes_max(max), stream.chunks(size));
        prop_assert_eq!(bytes, stream);
    }
}
