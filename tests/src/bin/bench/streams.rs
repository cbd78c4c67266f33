//! CPU of Envoy for a streamed answer of a thousand deltas: of the client's own dialect, and of another one.

use crate::load::{Arm, Client};
use crate::upstream::{MARK, Pace};
use crate::{CONNECTIONS, ROUNDS, SIZES, body};

pub const DELTAS: usize = 1_000;
/// How the upstream sends: each event by itself, and as fast as it can.
pub const PACES: [(&str, Pace); 2] =
    [("1 ms apart", Pace { deltas: DELTAS, pause_ms: 1 }), ("at once", Pace { deltas: DELTAS, pause_ms: 0 })];
/// Streams of one round, on each connection, by pace.
const STREAMS: [usize; 2] = [1, 8];

/// One round of one arm.
#[derive(Clone, Copy)]
pub struct Cost {
    pub cpu_us_per_event: f64,
    /// Events that reach the client together.
    pub events_per_chunk: f64,
}

/// Costs by pace, then by round, then by arm.
pub async fn measure(arms: &[Arm]) -> Vec<Vec<Vec<Cost>>> {
    let mut by_pace = Vec::new();
    for ((_, pace), streams) in PACES.into_iter().zip(STREAMS) {
        let body = body::streamed(SIZES[0].bytes, &pace.wish());
        let mut clients = Vec::new();
        for arm in arms {
            let mut client = Client::connect(arm, CONNECTIONS, &body).await;
            round(&mut client, 1).await;
            clients.push(client);
        }
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let mut costs = Vec::new();
            for client in &mut clients {
                costs.push(round(client, streams).await);
            }
            rounds.push(costs);
        }
        by_pace.push(rounds);
    }
    by_pace
}

pub async fn round(client: &mut Client, streams: usize) -> Cost {
    let cpu_us = client.round(streams * CONNECTIONS).await.cpu_us;
    let (events, chunks) = client.counts(MARK);
    assert!(events.iter().all(|events| *events == DELTAS), "deltas were lost or joined: {events:?}");
    let events_per_chunk = (events.len() * DELTAS) as f64 / chunks as f64;
    Cost { cpu_us_per_event: cpu_us / DELTAS as f64, events_per_chunk }
}
