//! A closed loop of requests over kept connections, and what they cost Envoy.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::machine::cpu_time;
use crate::upstream::content_length;

/// A way through an Envoy.
#[derive(Clone)]
pub struct Arm {
    pub address: SocketAddr,
    pub envoy: u32,
    pub path: String,
    /// What a client shows in `authorization`.
    pub credential: String,
}

/// One that is none of the gateway's.
pub const CREDENTIAL: &str = "Bearer any";

/// What one request cost, as the mean of a round.
#[derive(Clone, Copy)]
pub struct Cost {
    pub cpu_us: f64,
    pub requests_per_s: f64,
}

pub struct Client {
    envoy: u32,
    request: Vec<u8>,
    connections: Vec<Connection>,
}

impl Client {
    pub async fn connect(arm: &Arm, connections: usize, body: &[u8]) -> Self {
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(Connection::open(arm.address).await);
        }
        Self { envoy: arm.envoy, request: request(&arm.path, &arm.credential, body), connections: open }
    }

    /// Sends `requests` in all, each connection its next one when its last one is answered.
    pub async fn round(&mut self, requests: usize) -> Cost {
        let (cpu_before, start) = (cpu_time(self.envoy), Instant::now());
        let (request, left) = (&self.request, &Cell::new(requests));
        let loops = self.connections.iter_mut().map(|connection| async move {
            while let Some(fewer) = left.get().checked_sub(1) {
                left.set(fewer);
                connection.exchange(request).await;
            }
        });
        futures_util::future::join_all(loops).await;
        let (elapsed, cpu) = (start.elapsed(), cpu_time(self.envoy) - cpu_before);
        let requests = requests as f64;
        Cost { cpu_us: cpu.as_secs_f64() * 1e6 / requests, requests_per_s: requests / elapsed.as_secs_f64() }
    }

    /// How often `word` is in the last answer of each connection, and the chunks that all these came in.
    pub fn counts(&self, word: &str) -> (Vec<usize>, usize) {
        let answers = || self.connections.iter().map(|connection| connection.buffer.as_slice());
        let words = answers().map(|answer| memmem::find_iter(answer, word).count()).collect();
        (words, answers().map(chunks).sum())
    }
}

/// Chunks of a chunked answer, without the last one, which is empty.
fn chunks(answer: &[u8]) -> usize {
    let Some(head) = memmem::find(answer, b"\r\n\r\n") else { return 0 };
    let (mut rest, mut count) = (&answer[head + 4..], 0);
    while let Some(line) = memmem::find(rest, b"\r\n") {
        let bytes = std::str::from_utf8(&rest[..line]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let Some(bytes) = bytes.filter(|bytes| *bytes > 0) else { break };
        rest = rest.get(line + 2 + bytes + 2..).unwrap_or_default();
        count += 1;
    }
    count
}

pub fn request(path: &str, credential: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: {credential}\r\ncontent-type: application/json\r\n\
         user-agent: bench\r\naccept: */*\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

pub struct Connection {
    pub stream: TcpStream,
    pub buffer: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("Envoy takes connections");
        stream.set_nodelay(true).expect("a socket option");
        Self { stream, buffer: Vec::with_capacity(64 << 10) }
    }

    /// Sends a request and reads its answer, which must be a 200.
    pub async fn exchange(&mut self, request: &[u8]) -> Duration {
        let start = Instant::now();
        self.stream.write_all(request).await.expect("Envoy reads");
        self.buffer.clear();
        loop {
            self.read().await;
            if self.is_complete() {
                return start.elapsed();
            }
        }
    }

    pub async fn read(&mut self) {
        let bytes = self.stream.read_buf(&mut self.buffer).await.expect("Envoy answers");
        assert!(bytes > 0, "Envoy closed the connection: {}", String::from_utf8_lossy(&self.buffer));
    }

    /// Whether the buffer holds a whole answer.
    pub fn is_complete(&self) -> bool {
        let Some(at) = memmem::find(&self.buffer, b"\r\n\r\n") else { return false };
        let (head, body) = self.buffer.split_at(at + 4);
        assert!(head.starts_with(b"HTTP/1.1 200"), "not answered: {}", String::from_utf8_lossy(&self.buffer));
        match content_length(head) {
            Some(length) => body.len() >= length,
            None => body.ends_with(b"0\r\n\r\n"),
        }
    }
}
