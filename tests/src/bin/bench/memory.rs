//! Resident memory per worker: what Envoy holds with more workers, less what it holds with one, after the same traffic.

use crate::bare::Bare;
use crate::load::{Arm, CREDENTIAL, Client};
use crate::machine::resident_bytes;
use crate::{SIZES, body, start};

const WORKERS: usize = 3;
const CONNECTIONS: usize = 24;
const REQUESTS: usize = 240;

pub struct Memory {
    /// Envoy with one worker, in bytes: bare and with Muxspace.
    pub one_worker: [u64; 2],
    /// Each further worker, in bytes: bare and with Muxspace.
    pub per_worker: [f64; 2],
}

pub async fn measure(upstream: &str) -> Memory {
    let one_worker = with_workers(1, upstream).await;
    let more = with_workers(WORKERS, upstream).await;
    let per_worker = |arm: usize| (more[arm] as f64 - one_worker[arm] as f64) / (WORKERS - 1) as f64;
    Memory { one_worker, per_worker: [per_worker(0), per_worker(1)] }
}

async fn with_workers(workers: usize, upstream: &str) -> [u64; 2] {
    let stack = start(workers, upstream).await;
    let bare = Bare::start(&stack, workers).await;
    let mut resident = [0; 2];
    for (bytes, (address, envoy)) in
        resident.iter_mut().zip([(bare.address(), bare.envoy_id()), (stack.proxy(), stack.envoy_id())])
    {
        let arm = Arm { address, envoy, path: "/v1/mux/chat/completions".into(), credential: CREDENTIAL.into() };
        let mut client = Client::connect(&arm, CONNECTIONS, &body::chat_request(SIZES[1].bytes)).await;
        client.round(REQUESTS).await;
        *bytes = resident_bytes(envoy);
    }
    resident
}
