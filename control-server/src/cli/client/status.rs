//! `muxspace status`: what runs, and for whom.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::super::Failure;
use super::out::{self, Out};
use super::table::Column;
use super::{Context, provider, table};

/// The gauge that tells what is sent to nodes.
const REVISION_METRIC: &str = "muxspace_published_revision";

const NODES: [Column; 6] = [
    ("NODE", "/node"),
    ("ENVOY", "/envoy"),
    ("VERSION", "/envoy_version"),
    ("REVISION", "/revision_acked"),
    ("LAG", "/lag"),
    ("ERROR", "/last_error/reason"),
];
const SESSIONS: [Column; 3] = [("SESSION", "/id"), ("WORKSPACE", "/active_workspace"), ("SEEN", "/last_seen")];

pub async fn run(context: &Context) -> Result<(), Failure> {
    let Context { api, out, .. } = context;
    let (ready, _) = api.open(&["readyz"]).await?;
    let (_, metrics) = api.open(&["metrics"]).await?;
    let nodes = api.list(&["nodes"], &[]).await?;
    let providers = api.list(&["providers"], &[]).await?;
    let sessions = api.list(&["sessions"], &[]).await?;
    let (is_ready, revision) = (ready == StatusCode::OK, revision_in(&metrics));
    match out {
        Out::Json => out::print(
            &json!({
                "server": api.base().as_str(),
                "ready": is_ready,
                "revision": revision,
                "nodes": nodes.items(),
                "providers": providers.items(),
                "sessions": sessions.items(),
            })
            .to_string(),
        ),
        Out::Text => {
            let state = if is_ready { "ready" } else { "not ready" };
            let revision = revision.map_or_else(|| "unknown".to_owned(), |revision| revision.to_string());
            out::print(&format!(
                "Server {}: {state}, revision {revision}, {}\n\n{}\n{}\n{}",
                api.base(),
                progress(nodes.items()),
                table::of(nodes.items(), &NODES, "No filter is connected: no Envoy uses this server.\n"),
                provider::table_of(providers.items()),
                table::of(sessions.items(), &SESSIONS, "There are no sessions.\n"),
            ))
        }
    }
}

fn progress(nodes: &[Value]) -> String {
    let lags = |node: &&Value| node.get("lag").and_then(Value::as_u64).is_some_and(|lag| lag > 0);
    match (nodes.len(), nodes.iter().filter(lags).count()) {
        (0, _) => "no nodes".to_owned(),
        (count, 0) => format!("all {count} nodes serve it"),
        (count, lagging) => format!("{lagging} of {count} nodes lag"),
    }
}

/// The value of the gauge in a metrics page.
fn revision_in(metrics: &str) -> Option<u64> {
    let value = metrics.lines().find_map(|line| line.strip_prefix(REVISION_METRIC)?.strip_prefix(' '));
    value?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_revision_is_read_from_the_metrics() {
        let rows = [
            ("# HELP muxspace_published_revision Newest.\nmuxspace_published_revision 42\n", Some(42)),
            ("muxspace_published_revision_total 1\n", None),
            ("", None),
        ];
        for (page, expected) in rows {
            assert_eq!(revision_in(page), expected, "{page}");
        }
    }

    #[test]
    fn progress_is_told() {
        let node = |lag: u64| json!({ "lag": lag });
        let rows = [
            (vec![], "no nodes"),
            (vec![node(0), node(0)], "all 2 nodes serve it"),
            (vec![node(0), node(3)], "1 of 2 nodes lag"),
        ];
        for (nodes, expected) in rows {
            assert_eq!(progress(&nodes), expected);
        }
    }
}
