//! `muxspace logs`: the newest changes, or everything as it happens.

use std::time::Duration;

use clap::Args;
use mux::sse::{Piece, Splitter};
use reqwest::Response;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::{Exit, Failure};
use super::api::reason;
use super::out::{self, Out};
use super::{Context, table};

pub const EXAMPLES: &str = "\
Examples:
  muxspace logs -n 50
  muxspace logs -f --workspace docs
  muxspace logs -f --json | jq 'select(.event == \"request\") | .data.target'";

/// First pause before the stream is opened again; it doubles up to the longest.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// A stream that lasted this long is opened again after the shortest pause.
const LASTED: Duration = Duration::from_secs(10);
/// The server sends a comment at least every few seconds; without one the connection is dead.
const QUIET_MAX: Duration = Duration::from_secs(60);

#[derive(Args)]
pub struct Arguments {
    /// Follow changes, requests and alerts as they happen, until interrupted
    #[arg(long, short)]
    follow: bool,
    /// Only what concerns this workspace
    #[arg(long, value_name = "NAME")]
    workspace: Option<String>,
    /// Changes to show, the newest last
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 20, conflicts_with = "follow")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=500))]
    lines: u16,
}

pub async fn run(context: &Context, arguments: Arguments) -> Result<(), Failure> {
    let Arguments { follow, workspace, lines } = arguments;
    match follow {
        true => follow_events(context, workspace.as_deref()).await,
        false => newest(context, workspace.as_deref(), lines).await,
    }
}

async fn newest(context: &Context, workspace: Option<&str>, lines: u16) -> Result<(), Failure> {
    let limit = lines.to_string();
    let mut query = vec![("limit", limit.as_str())];
    query.extend(workspace.into_iter().flat_map(|name| [("kind", "workspace"), ("name", name)]));
    let answer = context.api.get(&["audit"], &query).await?;
    context.out.answer(&answer, |answer| {
        let mut items = answer.items().to_vec();
        items.reverse();
        let columns = [
            ("AT", "/at"),
            ("REV", "/revision"),
            ("WHO", "/actor"),
            ("DID", "/action"),
            ("KIND", "/kind"),
            ("NAME", "/name"),
        ];
        table::of(&items, &columns, "nothing was changed yet")
    })
}

async fn follow_events(context: &Context, workspace: Option<&str>) -> Result<(), Failure> {
    let query: Vec<_> = workspace.map(|name| ("workspace", name)).into_iter().collect();
    // The first time, a server that is not there is a failure; later it may be restarting.
    let mut stream = context.api.events(&query, QUIET_MAX).await?;
    let mut pause = PAUSE_MIN;
    loop {
        let since = Instant::now();
        let why = print_events(context.out, stream).await?;
        if since.elapsed() > LASTED {
            pause = PAUSE_MIN;
        }
        out::note(&format!("the stream ended ({why}); opening it again"));
        stream = loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
            match context.api.events(&query, QUIET_MAX).await {
                Ok(stream) => break stream,
                Err(failure) if failure.exit == Exit::Unreachable => {}
                Err(failure) => return Err(failure),
            }
        };
        out::note("following again");
    }
}

/// Prints events until the stream ends, and returns why it did.
async fn print_events(out: Out, mut stream: Response) -> Result<String, Failure> {
    let mut splitter = Splitter::new();
    loop {
        let chunk = match stream.chunk().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return Ok("closed by the server".to_owned()),
            Err(error) => return Ok(reason(&error)),
        };
        let mut lines = String::new();
        let mut is_whole = true;
        splitter.push(&chunk, |piece| match piece {
            // A block of comments keeps the connection alive and says nothing.
            Piece::Event(event) if event.data.is_empty() => {}
            Piece::Event(event) => {
                let name = event.name.map_or("message".into(), String::from_utf8_lossy);
                let data = String::from_utf8_lossy(&event.data);
                lines.push_str(&line(out, &name, &data));
                lines.push('\n');
            }
            Piece::Overlong(_) | Piece::Opaque(_) => is_whole = false,
        });
        if !lines.is_empty() {
            out::print(&lines)?;
        }
        if !is_whole {
            return Ok("an event was too long".to_owned());
        }
    }
}

/// One event as one line.
fn line(out: Out, name: &str, data: &str) -> String {
    let value: Value = serde_json::from_str(data).unwrap_or_else(|_| Value::String(data.to_owned()));
    if out == Out::Json {
        return json!({"event": name, "data": value}).to_string();
    }
    let at = |field: &str| table::at(&value, field);
    let words = match name {
        "change" => {
            format!("{}  {} {} {} {}", at("/at"), at("/actor"), at("/action"), at("/kind"), at("/name"))
        }
        "request" => {
            summary(&value, &["started_at", "workspace", "session", "rule", "target", "status", "duration_ms"])
        }
        "alert" => summary(&value, &["workspace", "severity", "kind", "request"]),
        _ => table::cell(&value),
    };
    // What spans lines is still one event.
    format!("{name:8} {}", words.replace('\n', " "))
}

/// The fields that matter most, those that are there; a time stands in front, without its name.
fn summary(value: &Value, fields: &[&str]) -> String {
    let field = |field: &&str| {
        let shown = table::cell(value.get(*field)?);
        Some(if *field == "started_at" { shown } else { format!("{field}={shown}") })
    };
    let shown = fields.iter().filter_map(field);
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() { table::cell(value) } else { shown.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_one_line_each() {
        let rows = [
            (
                Out::Text,
                "change",
                r#"{"at":"2026-01-02T03:04:05Z","actor":"admin","action":"rename","kind":"workspace","name":"docs"}"#,
                "change   2026-01-02T03:04:05Z  admin rename workspace docs",
            ),
            (
                Out::Text,
                "request",
                r#"{"workspace":"docs","target":"p/m","status":200,"id":"r1","started_at":"2026-01-02T03:04:05Z"}"#,
                "request  2026-01-02T03:04:05Z workspace=docs target=p/m status=200",
            ),
            (Out::Text, "lagged", r#"{"missed":3}"#, "lagged   missed=3"),
            (Out::Text, "lagged", "a\nb", "lagged   a b"),
            (Out::Json, "lagged", r#"{"missed":3}"#, r#"{"event":"lagged","data":{"missed":3}}"#),
        ];
        for (out, name, data, expected) in rows {
            assert_eq!(line(out, name, data), expected);
        }
    }
}
