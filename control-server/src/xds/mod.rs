//! Discovery for Envoys: one cluster per provider (CDS), and the filter itself (ECDS), state of the world over gRPC.
//!
//! Clusters refer to the attempt filter by name and the listener to the route filter, so that the module travels once and
//! both roles load the very same bytes: Envoy shares one VM per worker only among filters that load alike.

mod cluster;
mod filter;
mod stream;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

pub use cluster::ClusterSettings;
use envoy_types::pb::envoy::service::cluster::v3::cluster_discovery_service_server::{
    ClusterDiscoveryService, ClusterDiscoveryServiceServer,
};
use envoy_types::pb::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest, DiscoveryResponse};
use envoy_types::pb::envoy::service::extension::v3::extension_config_discovery_service_server::{
    ExtensionConfigDiscoveryService, ExtensionConfigDiscoveryServiceServer,
};
pub use filter::FilterSource;
use stream::{Answers, NoDelta};
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Response, Status, Streaming};

use crate::grpc::{Caller, Services, Tokens};
use crate::publisher::Publisher;

/// Name of the cluster, in every Envoy's own bootstrap, that reaches this server.
pub const CONTROL_CLUSTER: &str = "muxspace_control";

/// What a server needs to know to configure Envoys.
#[derive(Clone)]
pub struct Discovery {
    publisher: Arc<Publisher>,
    clusters: Arc<ClusterSettings>,
    filter: Arc<FilterSource>,
}

impl Discovery {
    pub fn new(publisher: Arc<Publisher>, filter: FilterSource, ca_bundle: &Path) -> Self {
        let clusters = ClusterSettings { ca_bundle: ca_bundle.to_string_lossy().into_owned() };
        Self { publisher, clusters: Arc::new(clusters), filter: Arc::new(filter) }
    }

    /// Adds both services. That of the filter needs no token: it carries what `GET /filter.wasm` gives to anybody.
    pub fn add_services(&self, services: Services, tokens: Tokens) -> Services {
        let clusters = InterceptedService::new(ClusterDiscoveryServiceServer::new(self.clone()), tokens);
        let filter = ExtensionConfigDiscoveryServiceServer::new(self.clone());
        services.with(|routes| routes.add_service(clusters).add_service(filter))
    }
}

#[tonic::async_trait]
impl ClusterDiscoveryService for Discovery {
    type StreamClustersStream = Answers;
    type DeltaClustersStream = NoDelta;

    async fn stream_clusters(
        &self,
        request: Request<Streaming<DiscoveryRequest>>,
    ) -> Result<Response<Answers>, Status> {
        Caller::of(&request).must_be(Caller::Node)?;
        let answers = stream::clusters(Arc::clone(&self.publisher), Arc::clone(&self.clusters), request.into_inner());
        Ok(Response::new(answers))
    }

    async fn delta_clusters(
        &self,
        _request: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<NoDelta>, Status> {
        Err(Status::unimplemented("ask for the state of the world: api_type GRPC"))
    }

    async fn fetch_clusters(&self, request: Request<DiscoveryRequest>) -> Result<Response<DiscoveryResponse>, Status> {
        Caller::of(&request).must_be(Caller::Node)?;
        let offer = self.publisher.clusters().follow().next().await;
        let offer = offer.ok_or_else(|| Status::unavailable("the server is stopping"))?;
        Ok(Response::new(cluster::response(&offer, &self.clusters)))
    }
}

#[tonic::async_trait]
impl ExtensionConfigDiscoveryService for Discovery {
    type StreamExtensionConfigsStream = Answers;
    type DeltaExtensionConfigsStream = NoDelta;

    async fn stream_extension_configs(
        &self,
        request: Request<Streaming<DiscoveryRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let answers = stream::filters(Arc::clone(&self.publisher), Arc::clone(&self.filter), request.into_inner());
        Ok(Response::new(answers))
    }

    async fn delta_extension_configs(
        &self,
        _request: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<NoDelta>, Status> {
        Err(Status::unimplemented("ask for the state of the world: api_type GRPC"))
    }

    async fn fetch_extension_configs(
        &self,
        request: Request<DiscoveryRequest>,
    ) -> Result<Response<DiscoveryResponse>, Status> {
        let DiscoveryRequest { resource_names, node, .. } = request.into_inner();
        Ok(Response::new(self.filter.response(&resource_names, node.as_ref())))
    }
}

/// Encoding of a message as `Any` that names its type.
fn any(type_url: &str, message: &impl prost::Message) -> envoy_types::pb::google::protobuf::Any {
    envoy_types::pb::google::protobuf::Any { type_url: type_url.to_owned(), value: message.encode_to_vec() }
}
