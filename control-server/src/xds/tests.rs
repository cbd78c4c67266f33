//! Discovery over a real connection, on a real store.

use std::collections::BTreeSet;
use std::time::Duration;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::core::v3::{Node, TypedExtensionConfig};
use envoy_types::pb::envoy::service::cluster::v3::cluster_discovery_service_client::ClusterDiscoveryServiceClient;
use envoy_types::pb::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};
use envoy_types::pb::google::protobuf::{Struct, Value, value::Kind as ValueKind};
use envoy_types::pb::google::rpc::Status as Refusal;
use prost::Message;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataValue;
use tonic::service::Routes;
use tonic::transport::Channel;
use tonic::{Code, Request, Streaming};

use super::filter::Role;
use super::*;
use crate::domain::provider::{Auth, Kind, NewProvider, ProviderPatch};
use crate::grpc::BoundServer;
use crate::store::{MasterKey, Store};

const PATIENCE: Duration = Duration::from_secs(10);
const NODE_TOKEN: &str = "the-node-token";

struct Fixture {
    store: Store,
    publisher: Arc<Publisher>,
    channel: Channel,
    _folder: TempDir,
}

struct Envoy {
    requests: mpsc::Sender<DiscoveryRequest>,
    responses: Streaming<DiscoveryResponse>,
}

fn source() -> FilterSource {
    FilterSource { bytes: b"wasm".to_vec(), sha256: "ab".repeat(32), advertised: "control:8990".to_owned() }
}

impl Fixture {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("muxspace.db").display());
        let store = Store::open(&url, MasterKey::generate()).await.unwrap();
        let publisher = Publisher::start(store.clone()).await.unwrap();
        let discovery = Discovery::new(Arc::clone(&publisher), source(), Path::new("/ca.crt"));
        let server = BoundServer::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = server.address();
        let tokens = Tokens::new(NODE_TOKEN, "the-admin-token");
        let services = discovery.add_services(Services::beside(Routes::default()), tokens);
        tokio::spawn(server.serve(services, std::future::pending()));
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        Self { store, publisher, channel, _folder: folder }
    }

    async fn add_provider(&self, endpoint: &str) -> u64 {
        let new = NewProvider {
            name: "p".parse().unwrap(),
            kind: Kind::Openai,
            endpoint: endpoint.parse().unwrap(),
            auth: Auth::None,
            description: String::new(),
            models: Vec::new(),
        };
        self.store.create_provider(&new).await.unwrap().1
    }

    async fn move_provider(&self, endpoint: &str) -> u64 {
        let endpoint = endpoint.parse().unwrap();
        let patch = ProviderPatch { endpoint: Some(endpoint), ..Default::default() };
        self.store.patch_provider(&"p".parse().unwrap(), &patch).await.unwrap().1
    }

    async fn envoy(&self) -> Envoy {
        let (requests, stream) = mpsc::channel(8);
        requests.send(DiscoveryRequest::default()).await.unwrap();
        let mut request = Request::new(ReceiverStream::new(stream));
        let token = MetadataValue::try_from(format!("Bearer {NODE_TOKEN}")).unwrap();
        request.metadata_mut().insert("authorization", token);
        let mut client = ClusterDiscoveryServiceClient::new(self.channel.clone());
        Envoy { requests, responses: client.stream_clusters(request).await.unwrap().into_inner() }
    }

    fn is_published(&self, revision: u64) -> bool {
        self.publisher.published_revision() >= revision
    }
}

impl Envoy {
    async fn next(&mut self) -> (DiscoveryResponse, Vec<Cluster>) {
        let response = tokio::time::timeout(PATIENCE, self.responses.message()).await.unwrap().unwrap().unwrap();
        let clusters = response.resources.iter().map(|any| Cluster::decode(any.value.as_slice()).unwrap()).collect();
        (response, clusters)
    }

    async fn answer(&self, response: &DiscoveryResponse, error_detail: Option<Refusal>) {
        let answer = DiscoveryRequest { response_nonce: response.nonce.clone(), error_detail, ..Default::default() };
        self.requests.send(answer).await.unwrap();
    }
}

fn names(clusters: &[Cluster]) -> BTreeSet<&str> {
    clusters.iter().map(|cluster| cluster.name.as_str()).collect()
}

#[tokio::test]
async fn a_revision_waits_for_its_cluster_and_the_old_cluster_for_the_revision() {
    let fixture = Fixture::start().await;
    let mut envoy = fixture.envoy().await;
    let (response, clusters) = envoy.next().await;
    assert!(clusters.is_empty());
    envoy.answer(&response, None).await;

    let first = fixture.add_provider("http://127.0.0.1:9/v1").await;
    let (response, clusters) = envoy.next().await;
    assert_eq!(clusters.len(), 1);
    let old = clusters[0].name.clone();
    assert!(!fixture.is_published(first), "not before the Envoy has the cluster");
    envoy.answer(&response, None).await;
    tokio::time::timeout(PATIENCE, fixture.publisher.newer_than(first - 1)).await.unwrap();

    let second = fixture.move_provider("http://127.0.0.1:10/v1").await;
    let (response, clusters) = envoy.next().await;
    assert_eq!(clusters.len(), 2, "the old one beside the new one");
    assert!(names(&clusters).contains(old.as_str()));
    assert!(!fixture.is_published(second));
    envoy.answer(&response, None).await;
    let (_, clusters) = envoy.next().await;
    assert!(fixture.is_published(second));
    assert_eq!(clusters.len(), 1);
    assert!(!names(&clusters).contains(old.as_str()));
}

#[tokio::test]
async fn an_envoy_that_refuses_or_never_answers_holds_up_nobody() {
    let fixture = Fixture::start().await;
    let mut refusing = fixture.envoy().await;
    let _silent = fixture.envoy().await;
    let (response, _) = refusing.next().await;
    refusing.answer(&response, Some(Refusal { message: "no".to_owned(), ..Default::default() })).await;
    let revision = fixture.add_provider("http://127.0.0.1:9/v1").await;
    tokio::time::timeout(PATIENCE, fixture.publisher.newer_than(revision - 1)).await.unwrap();
    assert!(fixture.publisher.clusters().followers() >= 1);
}

#[tokio::test]
async fn clusters_need_the_node_token() {
    let fixture = Fixture::start().await;
    let mut client = ClusterDiscoveryServiceClient::new(fixture.channel.clone());
    let status = client.fetch_clusters(DiscoveryRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
}

#[test]
fn both_roles_load_alike_and_remotely_only_if_asked() {
    let source = source();
    let configs = |node: Option<&Node>| -> Vec<TypedExtensionConfig> {
        let response = source.response(&[], node);
        response.resources.iter().map(|any| TypedExtensionConfig::decode(any.value.as_slice()).unwrap()).collect()
    };
    let value = Value { kind: Some(ValueKind::StringValue("remote".to_owned())) };
    let metadata = Struct { fields: [("muxspace_code".to_owned(), value)].into() };
    let remote = Node { metadata: Some(metadata), ..Default::default() };
    for (node, uri_expected) in [(None, false), (Some(&remote), true)] {
        let configs = configs(node);
        assert_eq!(configs.len(), 2);
        for config in configs {
            let text = format!("{config:?}");
            let bytes = config.typed_config.unwrap().value;
            let has_uri = bytes.windows(12).any(|part| part == b"/filter.wasm");
            assert_eq!(has_uri, uri_expected, "{text}");
        }
    }
    let one = source.response(&[Role::Attempt.resource_name()], None);
    assert_eq!(one.resources.len(), 1);
}
