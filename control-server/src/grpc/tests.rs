//! The service over a real connection, on a real store.

mod cached;

use std::time::Duration;

use mux::config::{Model, Rule, Target, When};
use proto::v1::subscribe_request::Message;
use proto::v1::sync_client::SyncClient;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataValue;
use tonic::service::Routes;
use tonic::transport::Channel;
use tonic::{Code, Request};

use super::*;
use crate::cache::CACHE_BYTES;
use crate::domain::provider::{Auth, Kind, NewProvider};
use crate::publisher::NodeStatus;
use crate::store::MasterKey;

const PATIENCE: Duration = Duration::from_secs(10);
const NODE_TOKEN: &str = "the-node-token";
const ADMIN_TOKEN: &str = "the-admin-token";

struct Fixture {
    store: Store,
    publisher: Arc<Publisher>,
    cache: AnswerCache,
    channel: Channel,
    _folder: TempDir,
}

/// One node's stream.
struct Node {
    requests: mpsc::Sender<v1::SubscribeRequest>,
    responses: Streaming<v1::SubscribeResponse>,
}

impl Fixture {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("muxspace.db").display());
        let store = Store::open(&url, MasterKey::generate()).await.unwrap();
        let publisher = Publisher::start(store.clone()).await.unwrap();
        let server = BoundServer::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = server.address();
        let tokens = Tokens::new(NODE_TOKEN, ADMIN_TOKEN);
        let cache = AnswerCache::new(CACHE_BYTES);
        let services = Services::beside(Routes::default());
        let services = add_service(services, store.clone(), Arc::clone(&publisher), cache.clone(), tokens);
        tokio::spawn(server.serve(services, std::future::pending()));
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        Self { store, publisher, cache, channel, _folder: folder }
    }

    async fn add_provider(&self, name: &str) -> u64 {
        let new = NewProvider {
            name: name.parse().unwrap(),
            kind: Kind::Openai,
            endpoint: "http://127.0.0.1:9/v1".parse().unwrap(),
            auth: Auth::ApiKey(Some("sk-secret".to_owned().into())),
            description: String::new(),
            models: Vec::new(),
        };
        self.store.create_provider(&new).await.unwrap().1
    }

    async fn put_rule(&self, provider: &str) -> u64 {
        let target = Target::Model(Model { provider: provider.parse().unwrap(), id: "m".into() });
        let rule = Rule::new("all", When::default(), target);
        self.store.replace_rules(&"default".parse().unwrap(), &[rule]).await.unwrap()
    }

    /// Waits until the publisher has seen a commit.
    async fn published(&self, revision: u64) {
        tokio::time::timeout(PATIENCE, self.publisher.newer_than(revision - 1)).await.unwrap();
    }

    async fn subscribe(&self, store_id: &str, revision: u64) -> Node {
        let (requests, stream) = mpsc::channel(8);
        let hello = v1::Hello {
            node: "node-1".to_owned(),
            envoy: "envoy-1".to_owned(),
            store_id: store_id.to_owned(),
            revision,
            ..Default::default()
        };
        requests.send(message(Message::Hello(hello))).await.unwrap();
        let request = with_token(ReceiverStream::new(stream), NODE_TOKEN);
        let responses = SyncClient::new(self.channel.clone()).subscribe(request).await.unwrap().into_inner();
        Node { requests, responses }
    }

    /// Waits until the one connected node is as expected.
    async fn node(&self, expected: impl Fn(&NodeStatus) -> bool) -> NodeStatus {
        let wait = async {
            loop {
                if let [node] = self.publisher.nodes().as_slice()
                    && expected(node)
                {
                    return node.clone();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap()
    }
}

impl Node {
    async fn next(&mut self) -> v1::SubscribeResponse {
        tokio::time::timeout(PATIENCE, self.responses.message()).await.unwrap().unwrap().unwrap()
    }

    async fn ack(&self, revision: u64) {
        self.requests.send(message(Message::Ack(v1::Ack { revision }))).await.unwrap();
    }

    async fn nack(&self, revision: u64) {
        let nack = v1::Nack { revision, reason: "no".to_owned() };
        self.requests.send(message(Message::Nack(nack))).await.unwrap();
    }

    /// Whether nothing comes for a while.
    async fn is_quiet(&mut self) -> bool {
        tokio::time::timeout(Duration::from_millis(100), self.responses.message()).await.is_err()
    }
}

fn message(message: Message) -> v1::SubscribeRequest {
    v1::SubscribeRequest { message: Some(message) }
}

fn with_token<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    let value = MetadataValue::try_from(format!("Bearer {token}")).unwrap();
    request.metadata_mut().insert("authorization", value);
    request
}

#[tokio::test]
async fn a_node_of_another_store_gets_everything_and_then_deltas() {
    let fixture = Fixture::start().await;
    let first = fixture.add_provider("p").await;
    fixture.published(first).await;
    let mut node = fixture.subscribe("another store", first).await;
    let full = node.next().await;
    assert_eq!((full.base_revision, full.revision, full.last_chunk), (0, first, true));
    assert_eq!(full.upserts.len(), 3, "the provider, the default workspace and session");
    assert_eq!(full.store_id, fixture.store.id());

    node.ack(first).await;
    let second = fixture.put_rule("p").await;
    let delta = node.next().await;
    assert_eq!((delta.base_revision, delta.revision, delta.upserts.len()), (first, second, 1));
    node.ack(second).await;
    let status = fixture.node(|node| node.revision_acked == second).await;
    assert_eq!((status.node.as_str(), status.envoy.as_str()), ("node-1", "envoy-1"));
    assert!(fixture.publisher.wait_applied(second, PATIENCE).await.is_empty());
}

#[tokio::test]
async fn a_node_that_comes_back_gets_what_it_missed() {
    let fixture = Fixture::start().await;
    let first = fixture.add_provider("p").await;
    fixture.published(first).await;
    let second = fixture.add_provider("q").await;
    fixture.published(second).await;
    let mut node = fixture.subscribe(fixture.store.id(), first).await;
    let delta = node.next().await;
    assert_eq!((delta.base_revision, delta.revision, delta.upserts.len()), (first, second, 1));
    node.ack(second).await;
    drop(node);

    let mut node = fixture.subscribe(fixture.store.id(), second).await;
    fixture.node(|node| node.revision_acked == second).await;
    assert!(node.is_quiet().await, "it has everything");
}

#[tokio::test]
async fn a_refused_delta_is_followed_by_the_full_state_and_that_by_news_alone() {
    let fixture = Fixture::start().await;
    let first = fixture.add_provider("p").await;
    fixture.published(first).await;
    let mut node = fixture.subscribe(fixture.store.id(), first).await;
    let second = fixture.put_rule("p").await;
    assert_eq!(node.next().await.base_revision, first);
    node.nack(second).await;
    let full = node.next().await;
    assert_eq!((full.base_revision, full.revision), (0, second));
    node.nack(second).await;
    let status = fixture.node(|node| node.last_error.is_some()).await;
    assert_eq!(status.revision_acked, first);
    assert_eq!(fixture.publisher.wait_applied(second, PATIENCE).await.len(), 1, "told at once, not after the wait");
    assert!(node.is_quiet().await);

    let third = fixture.add_provider("q").await;
    let full = node.next().await;
    assert_eq!((full.base_revision, full.revision), (0, third));
}

#[tokio::test]
async fn a_node_that_does_not_answer_holds_up_nobody_and_gets_the_newest() {
    let fixture = Fixture::start().await;
    let first = fixture.add_provider("p").await;
    fixture.published(first).await;
    let mut slow = fixture.subscribe("", 0).await;
    slow.next().await;
    let mut last = first;
    for name in ["q", "r", "s"] {
        last = fixture.add_provider(name).await;
    }
    fixture.published(last).await;
    assert!(slow.is_quiet().await);
    slow.ack(first).await;
    let delta = slow.next().await;
    assert_eq!((delta.base_revision, delta.revision, delta.upserts.len()), (first, last, 3));
}

#[tokio::test]
async fn a_closed_stream_takes_its_node_out() {
    let fixture = Fixture::start().await;
    let node = fixture.subscribe("", 0).await;
    fixture.node(|_| true).await;
    drop(node);
    let gone = async {
        while !fixture.publisher.nodes().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
}

#[tokio::test]
async fn reports_are_acknowledged_after_the_commit_and_counted_once() {
    let fixture = Fixture::start().await;
    let (batches, stream) = mpsc::channel(8);
    let request = with_token(ReceiverStream::new(stream), NODE_TOKEN);
    let mut acks = SyncClient::new(fixture.channel.clone()).report(request).await.unwrap().into_inner();
    for sequence in 1..=2 {
        let record = v1::RequestRecord { request_id: "r1".to_owned(), status: 200, ..Default::default() };
        batches.send(v1::ReportBatch { sequence, requests: vec![record], dropped: 0 }).await.unwrap();
        let ack = tokio::time::timeout(PATIENCE, acks.message()).await.unwrap().unwrap().unwrap();
        assert_eq!(ack.sequence, sequence);
        let counts = fixture.store.record_counts();
        assert_eq!((counts.inserted, counts.duplicates), (1, sequence - 1));
    }
}

#[tokio::test]
async fn tokens_open_what_they_are_for() {
    let fixture = Fixture::start().await;
    fixture.published(fixture.add_provider("p").await).await;
    let mut client = SyncClient::new(fixture.channel.clone());
    for token in ["", "wrong"] {
        let status = client.get_snapshot(with_token(v1::GetSnapshotRequest {}, token)).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{token}");
    }
    for token in [NODE_TOKEN, ADMIN_TOKEN] {
        let snapshot = client.get_snapshot(with_token(v1::GetSnapshotRequest {}, token)).await.unwrap().into_inner();
        assert!(!format!("{snapshot:?}").contains("sk-secret"));
    }
    let status = client.subscribe(with_token(tokio_stream::empty(), ADMIN_TOKEN)).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
}
