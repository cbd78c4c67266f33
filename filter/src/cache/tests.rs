//! Bounds: in bytes, in entries, in time.

use mux::dialect::Dialect;
use prost::Message;
use proto::v1;

use super::{
    ANSWER_BYTES_MAX, BYTES_MAX, COLLECTED_BYTES_MAX, Cache, Collecting, ENTRIES_MAX, Keeping, PUTS_A_TICK_MAX,
    PUTS_BYTES_MAX, PUTS_MAX, Room,
};

fn keeping(number: u64) -> Keeping {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&number.to_le_bytes());
    Keeping { key, ttl_s: 10, include_usage: false, reads: true }
}

fn answer(bytes: usize) -> v1::CachedAnswer {
    v1::CachedAnswer { body: vec![b'x'; bytes], stored_at_unix_ms: 1_000, ..v1::CachedAnswer::default() }
}

#[test]
fn more_than_fits_pushes_out_what_was_used_longest_ago() {
    for (bytes, number) in [(64 << 10, 1_000), (10, 3 * ENTRIES_MAX as u64)] {
        let mut cache = Cache::default();
        for at in 0..number {
            cache.put(&keeping(at), answer(bytes));
            // The first is used all the time.
            assert!(cache.get(&keeping(0).key, 1_000).is_some(), "{at}");
            assert!(cache.bytes() <= BYTES_MAX && cache.copies.len() <= ENTRIES_MAX);
        }
        assert!(cache.get(&keeping(1).key, 1_000).is_none());
        assert!(cache.get(&keeping(number - 1).key, 1_000).is_some());
        assert!(cache.puts.len() <= PUTS_MAX && cache.puts_bytes <= PUTS_BYTES_MAX);
        let held: usize = cache.copies.iter().map(|(_, entry)| entry.bytes()).sum();
        assert_eq!(cache.bytes(), held);
        assert_eq!(cache.puts_bytes, cache.puts.iter().map(Vec::len).sum::<usize>());
    }
}

#[test]
fn an_answer_that_is_too_large_is_not_kept() {
    let mut cache = Cache::default();
    cache.put(&keeping(1), answer(ANSWER_BYTES_MAX + 1));
    assert!(cache.get(&keeping(1).key, 1_000).is_none() && cache.next_put().is_none());
    cache.put(&keeping(1), answer(ANSWER_BYTES_MAX));
    assert!(cache.get(&keeping(1).key, 1_000).is_some() && cache.next_put().is_some());
}

#[test]
fn an_answer_has_its_time() {
    let mut cache = Cache::default();
    cache.put(&keeping(1), answer(5));
    assert!(cache.get(&keeping(1).key, 10_999).is_some());
    assert!(cache.get(&keeping(1).key, 11_000).is_none());
    assert_eq!(cache.bytes(), 0);
    let message = v1::CacheGetResponse { answer: Some(answer(5)) }.encode_to_vec();
    assert!(cache.received(&keeping(2), &message, 11_000).is_none());
    assert!(cache.received(&keeping(2), &message, 10_000).is_some());
    assert!(cache.get(&keeping(2).key, 10_000).is_some() && cache.next_put().is_some() && cache.next_put().is_none());
    for nothing in [&b""[..], b"\xff"] {
        assert!(cache.received(&keeping(3), nothing, 1_000).is_none());
    }
}

#[test]
fn only_so_many_answers_are_sent_between_ticks() {
    let mut cache = Cache::default();
    (0..PUTS_A_TICK_MAX as u64 + 3).for_each(|at| cache.put(&keeping(at), answer(5)));
    let sent = |cache: &mut Cache| std::iter::from_fn(|| cache.next_put()).count();
    assert_eq!(sent(&mut cache), PUTS_A_TICK_MAX);
    cache.tick();
    assert_eq!(sent(&mut cache), 3);
    let mut cache = Cache::default();
    cache.put(&keeping(7), answer(5));
    let put = v1::CachePutRequest::decode(cache.next_put().unwrap().as_slice()).unwrap();
    assert_eq!((put.key, put.ttl_s, put.answer), (keeping(7).key.to_vec(), 10, Some(answer(5))));
}

const PLAIN: &[u8] = br#"{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]}"#;
const EVENT: &[u8] = b"data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\n";

#[test]
fn answers_under_way_give_their_room_back() {
    let room = Room::default();
    for (is_stream, piece) in [(false, PLAIN), (true, EVENT)] {
        let mut collecting = Collecting::new(Dialect::Chat, is_stream, room.clone());
        collecting.push(piece, false);
        assert!(room.taken() > 0);
        drop(collecting);
        assert_eq!(room.taken(), 0);
        for is_last in [true, false] {
            let mut collecting = Collecting::new(Dialect::Chat, is_stream, room.clone());
            collecting.push(piece, is_last);
            assert_eq!(collecting.finish(None).is_some(), is_last, "complete or not");
            assert_eq!(room.taken(), 0);
        }
    }
}

#[test]
fn answers_under_way_take_no_more_room_than_there_is() {
    let room = Room::default();
    let large = vec![b' '; ANSWER_BYTES_MAX];
    let collect = || {
        let mut collecting = Collecting::new(Dialect::Chat, false, room.clone());
        collecting.push(&large, false);
        collecting
    };
    let number = COLLECTED_BYTES_MAX / ANSWER_BYTES_MAX;
    let under_way: Vec<_> = (0..number + 5).map(|_| collect()).collect();
    assert_eq!(room.taken(), COLLECTED_BYTES_MAX);
    drop(under_way);
    assert_eq!(room.taken(), 0);
    let mut too_large = collect();
    too_large.push(b" ", true);
    assert_eq!((room.taken(), too_large.finish(None)), (0, None));
}

#[test]
fn a_stream_of_a_large_answer_is_given_up() {
    let room = Room::default();
    let mut collecting = Collecting::new(Dialect::Chat, true, room.clone());
    let text = "x".repeat(16 << 10);
    let event = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    for _ in 0..100 {
        collecting.push(event.as_bytes(), false);
        assert!(room.taken() <= ANSWER_BYTES_MAX);
    }
    collecting.push(EVENT, true);
    assert_eq!((room.taken(), collecting.finish(None)), (0, None));
}
