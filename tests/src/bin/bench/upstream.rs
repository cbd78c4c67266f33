//! A provider that costs next to nothing: HTTP/1.1 over kept connections, one fixed answer with usage, or a stream whose
//! events say when they were sent; in Anthropic's dialect at `/messages`, in OpenAI's elsewhere. Runs on a thread of its
//! own.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How an answer is streamed. A prompt asks for it in its text, which every dialect carries.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Events that carry text.
    pub deltas: usize,
    /// Between them; none: they are written at once.
    pub pause_ms: u64,
}

/// Where the prompt does not ask.
pub const USUAL: Pace = Pace { deltas: 100, pause_ms: 2 };
const WISH: &str = "deltas=";

/// Stands in front of each delta's time of sending, which has [`DIGITS`] digits.
pub const MARK: &str = "sent@";
pub const DIGITS: usize = 20;

const ANSWER: &str = concat!(
    r#"{"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"model","choices":[{"index":0,"#,
    r#""message":{"role":"assistant","content":"An empty map: there is nothing to split, so nothing is counted."},"#,
    r#""finish_reason":"stop"}],"usage":{"prompt_tokens":420,"completion_tokens":14,"total_tokens":434}}"#
);

const MESSAGE: &str = concat!(
    r#"{"id":"msg_bench","type":"message","role":"assistant","model":"model","content":[{"type":"text","#,
    r#""text":"An empty map: there is nothing to split, so nothing is counted."}],"stop_reason":"end_turn","#,
    r#""stop_sequence":null,"usage":{"input_tokens":420,"output_tokens":14}}"#
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
        let (head, body) = buffer[..head_end + length].split_at(head_end);
        let is_messages = head.split(|byte| *byte == b'\r').next().is_some_and(|line| finds(line, "/messages"));
        if finds(body, r#""stream":true"#) {
            let (begin, end) = if is_messages { message_frame() } else { chat_frame(finds(body, "include_usage")) };
            let delta = if is_messages { message_delta } else { chat_delta };
            send_events(&mut stream, Pace::asked(body), begin, delta, end).await?;
        } else {
            let answer = if is_messages { MESSAGE } else { ANSWER };
            let kind = "content-type: application/json";
            let head = format!("HTTP/1.1 200 OK\r\n{kind}\r\ncontent-length: {}\r\n\r\n", answer.len());
            stream.write_all((head + answer).as_bytes()).await?;
        }
        buffer.drain(..head_end + length);
    }
}

fn finds(bytes: &[u8], word: &str) -> bool {
    memmem::find(bytes, word.as_bytes()).is_some()
}

impl Pace {
    /// What a prompt says to get it.
    pub fn wish(self) -> String {
        format!("{WISH}{},{} ", self.deltas, self.pause_ms)
    }

    fn asked(body: &[u8]) -> Self {
        let wish = || {
            let at = memmem::find(body, WISH.as_bytes())? + WISH.len();
            let (deltas, pause) = std::str::from_utf8(&body[at..]).ok()?.split_once(' ')?.0.split_once(',')?;
            Some(Self { deltas: deltas.parse().ok()?, pause_ms: pause.parse().ok()? })
        };
        wish().unwrap_or(USUAL)
    }
}

/// Every event is written on its own; without a pause the kernel may hand on several at once.
async fn send_events(
    stream: &mut TcpStream,
    pace: Pace,
    begin: String,
    delta: fn(String) -> String,
    end: String,
) -> std::io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    if !begin.is_empty() {
        send_chunk(stream, &begin).await?;
    }
    for index in 0..pace.deltas {
        if index > 0 && pace.pause_ms > 0 {
            tokio::time::sleep(Duration::from_millis(pace.pause_ms)).await;
        }
        send_chunk(stream, &delta(format!("{MARK}{:0DIGITS$}", now_ns()))).await?;
    }
    send_chunk(stream, &end).await?;
    stream.write_all(b"0\r\n\r\n").await
}

async fn send_chunk(stream: &mut TcpStream, events: &str) -> std::io::Result<()> {
    stream.write_all(format!("{:x}\r\n{events}\r\n", events.len()).as_bytes()).await
}

fn chat_delta(text: String) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\
         \"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
    )
}

/// What stands around the deltas.
fn chat_frame(says_usage: bool) -> (String, String) {
    let usage =
        "data: {\"id\":\"chatcmpl-bench\",\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":9}}\n\n";
    let finish =
        "data: {\"id\":\"chatcmpl-bench\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    let usage = if says_usage { usage } else { "" };
    (String::new(), format!("{finish}{usage}data: [DONE]\n\n"))
}

fn message_event(name: &str, fields: &str) -> String {
    format!("event: {name}\ndata: {{\"type\":\"{name}\"{fields}}}\n\n")
}

fn message_delta(text: String) -> String {
    let fields = format!(r#","index":0,"delta":{{"type":"text_delta","text":"{text}"}}"#);
    message_event("content_block_delta", &fields)
}

fn message_frame() -> (String, String) {
    let message = r#","message":{"id":"msg_bench","type":"message","role":"assistant","model":"model","content":[],"usage":{"input_tokens":4,"output_tokens":1}}"#;
    let block = r#","index":0,"content_block":{"type":"text","text":""}"#;
    let stop = r#","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":9}"#;
    let begin = message_event("message_start", message) + &message_event("content_block_start", block);
    let end = message_event("content_block_stop", r#","index":0"#) + &message_event("message_delta", stop);
    (begin, end + &message_event("message_stop", ""))
}

pub fn content_length(head: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(head).ok()?;
    let value = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then_some(value)
    })?;
    value.trim().parse().ok()
}
