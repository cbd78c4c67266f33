//! Time that Muxspace adds where nothing waits in line: one request or stream at a time, arms in turns.

use std::time::{Duration, Instant};

use memchr::memmem;

use crate::load::{Arm, Connection, request};
use crate::upstream::{DIGITS, MARK, USUAL, now_ns};
use crate::{SIZES, body};

/// Turns that each arm takes.
const TURNS: usize = 6;
const STREAMS_PER_TURN: usize = 2;

/// Times of all requests of a size, by arm.
pub async fn measure(arms: &[Arm]) -> Vec<Vec<Vec<Duration>>> {
    let mut by_size = Vec::new();
    for size in &SIZES {
        let body = body::chat_request(size.bytes);
        let mut connections = Vec::new();
        for arm in arms {
            connections.push((
                Connection::open(arm.address).await,
                request(&arm.path, &arm.credential, &body),
                Vec::new(),
            ));
        }
        for _ in 0..TURNS {
            for (connection, request, times) in &mut connections {
                for _ in 0..size.requests / 8 {
                    times.push(connection.exchange(request).await);
                }
            }
        }
        by_size.push(connections.into_iter().map(|(_, _, times)| times).collect());
    }
    by_size
}

/// What one arm's streams took.
#[derive(Default)]
pub struct Streams {
    /// From the request's first byte sent to the first event's last byte received.
    pub first_event: Vec<Duration>,
    /// From an event's sending by the upstream to its arrival at the client.
    pub event_delay: Vec<Duration>,
}

pub async fn measure_streams(arms: &[Arm]) -> Vec<Streams> {
    let body = body::streamed(SIZES[0].bytes, "");
    let mut by_arm = Vec::new();
    for arm in arms {
        by_arm.push((
            Connection::open(arm.address).await,
            request(&arm.path, &arm.credential, &body),
            Streams::default(),
        ));
    }
    for _ in 0..TURNS {
        for (connection, request, streams) in &mut by_arm {
            for _ in 0..STREAMS_PER_TURN {
                follow(connection, request, streams).await;
            }
        }
    }
    by_arm.into_iter().map(|(_, _, streams)| streams).collect()
}

async fn follow(connection: &mut Connection, request: &[u8], streams: &mut Streams) {
    use tokio::io::AsyncWriteExt;

    let start = Instant::now();
    connection.stream.write_all(request).await.expect("Envoy reads");
    connection.buffer.clear();
    let (mut read_to, mut events) = (0, 0);
    while !connection.is_complete() {
        connection.read().await;
        let now = now_ns();
        while let Some((sent, end)) = next_mark(&connection.buffer, read_to) {
            if events == 0 {
                streams.first_event.push(start.elapsed());
            }
            streams.event_delay.push(Duration::from_nanos(now.saturating_sub(sent)));
            (read_to, events) = (end, events + 1);
        }
    }
    assert_eq!(events, USUAL.deltas, "events were lost");
}

/// The next event's time of sending at or after `from`, and where it ends.
fn next_mark(buffer: &[u8], from: usize) -> Option<(u64, usize)> {
    let start = from + memmem::find(buffer.get(from..)?, MARK.as_bytes())? + MARK.len();
    let digits = std::str::from_utf8(buffer.get(start..start + DIGITS)?).ok()?;
    Some((digits.parse().ok()?, start + DIGITS))
}
