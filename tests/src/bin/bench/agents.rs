//! Prompts that real coding agents sent, where the recordings are at hand, and one of them grown to a long session.

use muxspace_tests::recorded::{self, Recorded};
use serde_json::Value;

use crate::load::{Arm, Client, Cost};
use crate::{CONNECTIONS, ROUNDS};

/// The recordings that are measured; the second one also grown to about a megabyte.
const FILES: [&str; 2] = ["codex-4.json", "claude-code-4.json"];
const GROWN_BYTES: usize = 1_000_000;
/// Body bytes of one round: about half a second of bare Envoy's work at most.
const ROUND_BYTES: usize = 300_000_000;
const ROUND_REQUESTS_MAX: usize = 4_000;

pub struct Agent {
    pub name: String,
    pub bytes: usize,
    /// By round, then by arm.
    pub costs: Vec<Vec<Cost>>,
}

/// None where there are no recordings.
pub async fn measure(arms: &[Arm]) -> Vec<Agent> {
    let mut agents = Vec::new();
    for (name, endpoint, body) in bodies() {
        let requests = (ROUND_BYTES / body.len()).min(ROUND_REQUESTS_MAX);
        let mut clients = Vec::new();
        for arm in arms {
            let arm = Arm { path: format!("/v1/mux{endpoint}"), ..arm.clone() };
            let mut client = Client::connect(&arm, CONNECTIONS, &body).await;
            client.round(requests / 4).await;
            clients.push(client);
        }
        let mut costs = Vec::new();
        for _ in 0..ROUNDS {
            let mut round = Vec::new();
            for client in &mut clients {
                round.push(client.round(requests).await);
            }
            costs.push(round);
        }
        agents.push(Agent { name, bytes: body.len(), costs });
    }
    agents
}

fn bodies() -> Vec<(String, String, Vec<u8>)> {
    let recorded = recorded::requests();
    let find = |file: &str| recorded.iter().find(|one| one.file == file);
    let mut bodies = Vec::new();
    for file in FILES {
        let Some(Recorded { endpoint, body, .. }) = find(file) else { continue };
        let name = file.trim_end_matches(".json").to_owned();
        let body: Value = serde_json::from_slice(body).expect("a recording is JSON");
        bodies.push((name.clone(), endpoint.clone(), plain(body.clone())));
        if file == FILES[1] {
            bodies.push((format!("{name}, grown"), endpoint.clone(), plain(grown(body))));
        }
    }
    bodies
}

/// Asks for a plain answer: streams wait between their events.
fn plain(mut body: Value) -> Vec<u8> {
    body["stream"] = Value::Bool(false);
    body.to_string().into_bytes()
}

/// The same conversation, its turns said again and again.
fn grown(mut body: Value) -> Value {
    let turns = body["messages"].as_array().cloned().unwrap_or_default();
    let (mut all, mut bytes) = (turns.clone(), body.to_string().len());
    let turn_bytes: usize = turns.iter().skip(1).map(|turn| turn.to_string().len() + 1).sum();
    while bytes < GROWN_BYTES && turn_bytes > 0 {
        all.extend(turns.iter().skip(1).cloned());
        bytes += turn_bytes;
    }
    body["messages"] = Value::Array(all);
    body
}
