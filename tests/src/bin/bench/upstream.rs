//! A provider that costs next to nothing: HTTP/1.1 over kept connections, one fixed answer with usage, or a stream whose
//! events say when they were sent. Runs on a thread of its own.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Events of a stream and the pause between them.
pub const EVENTS: usize = 100;
const PAUSE: Duration = Duration::from_millis(2);

const ANSWER: &str = concat!(
    r#"{"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"model","choices":[{"index":0,"#,
    r#""message":{"role":"assistant","content":"An empty map: there is nothing to split, so nothing is counted."},"#,
    r#""finish_reason":"stop"}],"usage":{"prompt_tokens":420,"completion_tokens":14,"total_tokens":434}}"#
);

/// The clock that both ends of a stream read.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

pub fn now_ns() -> u64 {
    START.elapsed().as_nanos() as u64
}

/// Returns the endpoint.
pub fn start() -> String {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            send.send(listener.local_addr().expect("an address")).expect("someone waits for it");
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                tokio::spawn(serve(stream));
            }
        });
    });
    format!("http://{}/v1", receive.recv().expect("the upstream starts"))
}

/// One connection, until its client closes it.
async fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(64 << 10);
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{ANSWER}",
        ANSWER.len()
    );
    loop {
        let head_end = loop {
            if let Some(at) = memmem::find(&buffer, b"\r\n\r\n") {
                break at + 4;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let length = content_length(&buffer[..head_end]).unwrap_or(0);
        while buffer.len() < head_end + length {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        let body = &buffer[head_end..head_end + length];
        if memmem::find(body, br#""stream":true"#).is_some() {
            let says_usage = memmem::find(body, b"include_usage").is_some();
            send_events(&mut stream, says_usage).await?;
        } else {
            stream.write_all(answer.as_bytes()).await?;
        }
        buffer.drain(..head_end + length);
    }
}

async fn send_events(stream: &mut TcpStream, says_usage: bool) -> std::io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    for index in 0..EVENTS {
        if index > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let event = format!(
            "{{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"sent@{:020}\"}}}}]}}",
            now_ns()
        );
        send_chunk(stream, &event).await?;
    }
    if says_usage {
        send_chunk(stream, r#"{"id":"chatcmpl-bench","choices":[],"usage":{"prompt_tokens":4,"completion_tokens":9}}"#)
            .await?;
    }
    send_chunk(stream, "[DONE]").await?;
    stream.write_all(b"0\r\n\r\n").await
}

async fn send_chunk(stream: &mut TcpStream, data: &str) -> std::io::Result<()> {
    let event = format!("data: {data}\n\n");
    stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await
}

pub fn content_length(head: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(head).ok()?;
    let value = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then_some(value)
    })?;
    value.trim().parse().ok()
}
