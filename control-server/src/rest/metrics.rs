//! `/metrics`: what this server did and how far nodes are.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::Rest;
use crate::cache::CacheStats;
use crate::store::RecordCounts;

pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Routes that are known by their pattern, so that no path of a client becomes a label.
const UNKNOWN_ROUTE: &str = "unknown";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HttpLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Default)]
pub(super) struct HttpMetrics {
    requests: Family<HttpLabels, Counter>,
}

/// Counts every answer.
pub(super) async fn count(State(rest): State<Rest>, request: Request, next: Next) -> Response {
    let method = request.method().as_str().to_owned();
    let route = request.extensions().get::<MatchedPath>().map_or(UNKNOWN_ROUTE, MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    let labels = HttpLabels { method, route, status: response.status().as_u16() };
    rest.http.requests.get_or_create(&labels).inc();
    response
}

/// Everything, in the text format. Values that live elsewhere are read now.
pub(super) fn write(rest: &Rest) -> String {
    let mut registry = Registry::with_prefix("muxspace");
    let publisher = &rest.app.publisher;
    let published = publisher.published_revision();
    let nodes = publisher.nodes();
    let lagging = nodes.iter().filter(|node| node.revision_acked < published).count();
    let RecordCounts { inserted, duplicates } = rest.app.store.record_counts();
    let stored = *rest.app.store.committed().borrow();
    gauge(&mut registry, "store_revision", "Newest committed revision", stored);
    gauge(&mut registry, "published_revision", "Newest revision that is sent to nodes", published);
    gauge(&mut registry, "nodes", "Connected nodes", nodes.len() as u64);
    gauge(&mut registry, "nodes_lagging", "Connected nodes that serve an older revision", lagging as u64);
    counter(&mut registry, "records_inserted", "Request records stored", inserted);
    counter(&mut registry, "records_duplicate", "Request records that were stored already", duplicates);
    write_cache(&mut registry, rest.app.cache.stats());
    registry.register("http_requests", "Answers of this server", rest.http.requests.clone());
    bytes(&mut registry, "filter", "Size of the filter module", rest.app.filter.bytes.len() as u64);
    let mut buffer = String::new();
    if let Err(error) = text::encode(&mut buffer, &registry) {
        tracing::error!(%error, "metrics could not be written");
    }
    buffer
}

fn write_cache(registry: &mut Registry, stats: CacheStats) {
    let CacheStats { hits, misses, evictions, entries, bytes: held } = stats;
    counter(registry, "cache_hits", "Look-ups of nodes that found an answer", hits);
    counter(registry, "cache_misses", "Look-ups of nodes that found none", misses);
    counter(registry, "cache_evictions", "Kept answers that went to make room", evictions);
    gauge(registry, "cache_entries", "Kept answers", entries);
    bytes(registry, "cache", "Size of the kept answers", held);
}

fn bytes(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let size = Gauge::<i64>::default();
    size.set(i64::try_from(value).unwrap_or(i64::MAX));
    registry.register_with_unit(name, help, Unit::Bytes, size);
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let gauge = Gauge::<i64>::default();
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    registry.register(name, help, gauge);
}

fn counter(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let counter: Counter = Counter::default();
    counter.inc_by(value);
    registry.register(name, help, counter);
}
