//! Providers, and the sequences that deployments go through, as Envoy clusters.

use std::collections::HashMap;
use std::net::IpAddr;

use envoy_types::pb::envoy::config::cluster::v3::circuit_breakers::Thresholds;
use envoy_types::pb::envoy::config::cluster::v3::cluster::{
    ClusterDiscoveryType, CustomClusterType, DiscoveryType, LbPolicy,
};
use envoy_types::pb::envoy::config::cluster::v3::{CircuitBreakers, Cluster, UpstreamConnectionOptions};
use envoy_types::pb::envoy::config::core::v3 as core;
use envoy_types::pb::envoy::config::endpoint::v3::lb_endpoint::HostIdentifier;
use envoy_types::pb::envoy::config::endpoint::v3::{
    self as endpoint, ClusterLoadAssignment, LbEndpoint, LocalityLbEndpoints,
};
use envoy_types::pb::envoy::extensions::clusters::common::dns::v3::DnsLookupFamily;
use envoy_types::pb::envoy::extensions::clusters::composite::v3::{
    self as composite, ClusterConfig as CompositeConfig,
};
use envoy_types::pb::envoy::extensions::clusters::dns::v3::DnsCluster;
use envoy_types::pb::envoy::extensions::filters::http::upstream_codec::v3::UpstreamCodec;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_filter::ConfigType;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3 as tls;
use envoy_types::pb::envoy::extensions::upstreams::http::v3::HttpProtocolOptions;
use envoy_types::pb::envoy::extensions::upstreams::http::v3::http_protocol_options as upstream;
use envoy_types::pb::envoy::service::discovery::v3::DiscoveryResponse;
use envoy_types::pb::envoy::r#type::matcher::v3::StringMatcher;
use envoy_types::pb::envoy::r#type::matcher::v3::string_matcher::MatchPattern;
use envoy_types::pb::google::protobuf::{Any, Duration, Struct, UInt32Value, Value, value::Kind};
use mux::config::Name;

use super::filter::{Role, WASM_TYPE};
use super::{CONTROL_CLUSTER, any};
use crate::domain::provider::{Endpoint, Scheme};
use crate::publisher::{ClusterKind, ClusterSpec, Offer};

const CLUSTER_TYPE: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const COMPOSITE_TYPE: &str = "type.googleapis.com/envoy.extensions.clusters.composite.v3.ClusterConfig";
const DNS_TYPE: &str = "type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster";
const TLS_TYPE: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
const CODEC_TYPE: &str = "type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec";
const OPTIONS_TYPE: &str = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const OPTIONS_KEY: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// Time to connect, TLS included.
const CONNECT_TIMEOUT_S: i64 = 5;
/// A connection without requests is closed after this long; most providers close theirs somewhat later.
const IDLE_TIMEOUT_S: i64 = 55;
/// Bytes of one request or response that may be held for one connection: the request body limit.
const BUFFER_BYTES_MAX: u32 = 32 * 1024 * 1024;
const CONNECTIONS_MAX: u32 = 10_000;
const PENDING_REQUESTS_MAX: u32 = 10_000;
const REQUESTS_MAX: u32 = 10_000;
const RETRIES_MAX: u32 = 1_000;
/// TCP keepalive finds a provider that vanished while a long answer was awaited.
const KEEPALIVE_TIME_S: u32 = 60;
const KEEPALIVE_INTERVAL_S: u32 = 15;
const KEEPALIVE_PROBES: u32 = 4;

/// What all clusters have in common.
pub struct ClusterSettings {
    /// Certificates that providers are checked against: a file on the Envoy's machine.
    pub ca_bundle: String,
}

pub fn response(offer: &Offer, settings: &ClusterSettings) -> DiscoveryResponse {
    DiscoveryResponse {
        version_info: offer.version.to_string(),
        nonce: offer.version.to_string(),
        type_url: CLUSTER_TYPE.to_owned(),
        resources: offer.clusters.values().map(|spec| any(CLUSTER_TYPE, &cluster(spec, settings))).collect(),
        ..Default::default()
    }
}

pub fn cluster(spec: &ClusterSpec, settings: &ClusterSettings) -> Cluster {
    let name = spec.name.clone();
    match &spec.kind {
        ClusterKind::Provider { provider, endpoint } => provider_cluster(name, provider, endpoint, settings),
        ClusterKind::Sequence(clusters) => sequence_cluster(name, clusters),
    }
}

fn provider_cluster(name: String, provider: &Name, endpoint: &Endpoint, settings: &ClusterSettings) -> Cluster {
    Cluster {
        cluster_discovery_type: Some(discovery_type(endpoint)),
        connect_timeout: Some(seconds(CONNECT_TIMEOUT_S)),
        per_connection_buffer_limit_bytes: number(BUFFER_BYTES_MAX),
        load_assignment: Some(load_assignment(&name, provider, endpoint)),
        circuit_breakers: Some(circuit_breakers()),
        upstream_connection_options: Some(UpstreamConnectionOptions {
            tcp_keepalive: Some(core::TcpKeepalive {
                keepalive_probes: number(KEEPALIVE_PROBES),
                keepalive_time: number(KEEPALIVE_TIME_S),
                keepalive_interval: number(KEEPALIVE_INTERVAL_S),
            }),
            ..Default::default()
        }),
        transport_socket: match endpoint.scheme() {
            Scheme::Http => None,
            Scheme::Https => Some(transport_socket(endpoint.host(), settings)),
        },
        typed_extension_protocol_options: extension_options(&protocol_options(Some(endpoint.scheme()))),
        name,
        ..Default::default()
    }
}

/// Try number N of a request goes to cluster number N. The attempt filter is that of this cluster; those of the others
/// do not run.
fn sequence_cluster(name: String, clusters: &[String]) -> Cluster {
    let clusters = clusters.iter().map(|name| composite::cluster_config::ClusterEntry { name: name.clone() });
    let config = CompositeConfig { clusters: clusters.collect() };
    Cluster {
        name,
        connect_timeout: Some(seconds(CONNECT_TIMEOUT_S)),
        cluster_discovery_type: Some(ClusterDiscoveryType::ClusterType(CustomClusterType {
            name: "envoy.clusters.composite".to_owned(),
            typed_config: Some(any(COMPOSITE_TYPE, &config)),
        })),
        lb_policy: LbPolicy::ClusterProvided.into(),
        per_connection_buffer_limit_bytes: number(BUFFER_BYTES_MAX),
        circuit_breakers: Some(circuit_breakers()),
        typed_extension_protocol_options: extension_options(&protocol_options(None)),
        ..Default::default()
    }
}

fn extension_options(options: &HttpProtocolOptions) -> HashMap<String, Any> {
    [(OPTIONS_KEY.to_owned(), any(OPTIONS_TYPE, options))].into()
}

/// A name is one endpoint with all its addresses: connections stay while the name moves among addresses, and both
/// families are tried, so that `localhost` works whichever of them the program behind it listens on.
fn discovery_type(endpoint: &Endpoint) -> ClusterDiscoveryType {
    if endpoint.host().parse::<IpAddr>().is_ok() {
        return ClusterDiscoveryType::Type(DiscoveryType::Static.into());
    }
    let dns = DnsCluster {
        all_addresses_in_single_endpoint: true,
        respect_dns_ttl: true,
        dns_lookup_family: DnsLookupFamily::All.into(),
        ..Default::default()
    };
    ClusterDiscoveryType::ClusterType(CustomClusterType {
        name: "envoy.cluster.dns".to_owned(),
        typed_config: Some(any(DNS_TYPE, &dns)),
    })
}

/// One endpoint, which carries the provider's name for the attempt filter.
fn load_assignment(name: &str, provider: &Name, endpoint: &Endpoint) -> ClusterLoadAssignment {
    let target = Value { kind: Some(Kind::StringValue(provider.to_string())) };
    let metadata = core::Metadata {
        filter_metadata: [("muxspace".to_owned(), Struct { fields: [("target".to_owned(), target)].into() })].into(),
        ..Default::default()
    };
    let address = core::address::Address::SocketAddress(core::SocketAddress {
        address: endpoint.host().to_owned(),
        port_specifier: Some(core::socket_address::PortSpecifier::PortValue(endpoint.port().into())),
        ..Default::default()
    });
    let endpoint = endpoint::Endpoint { address: Some(core::Address { address: Some(address) }), ..Default::default() };
    ClusterLoadAssignment {
        cluster_name: name.to_owned(),
        endpoints: vec![LocalityLbEndpoints {
            lb_endpoints: vec![LbEndpoint {
                metadata: Some(metadata),
                host_identifier: Some(HostIdentifier::Endpoint(endpoint)),
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn circuit_breakers() -> CircuitBreakers {
    let thresholds = Thresholds {
        max_connections: number(CONNECTIONS_MAX),
        max_pending_requests: number(PENDING_REQUESTS_MAX),
        max_requests: number(REQUESTS_MAX),
        max_retries: number(RETRIES_MAX),
        ..Default::default()
    };
    CircuitBreakers { thresholds: vec![thresholds], ..Default::default() }
}

fn transport_socket(host: &str, settings: &ClusterSettings) -> core::TransportSocket {
    let is_address = host.parse::<IpAddr>().is_ok();
    let san_type = if is_address {
        tls::subject_alt_name_matcher::SanType::IpAddress
    } else {
        tls::subject_alt_name_matcher::SanType::Dns
    };
    let host_matches = tls::SubjectAltNameMatcher {
        san_type: san_type.into(),
        matcher: Some(StringMatcher {
            match_pattern: Some(MatchPattern::Exact(host.to_owned())),
            ..Default::default()
        }),
        ..Default::default()
    };
    let validation = tls::CertificateValidationContext {
        trusted_ca: Some(core::DataSource {
            specifier: Some(core::data_source::Specifier::Filename(settings.ca_bundle.clone())),
            ..Default::default()
        }),
        match_typed_subject_alt_names: vec![host_matches],
        ..Default::default()
    };
    let context = tls::UpstreamTlsContext {
        // An address is not a server name.
        sni: if is_address { String::new() } else { host.to_owned() },
        common_tls_context: Some(tls::CommonTlsContext {
            validation_context_type: Some(tls::common_tls_context::ValidationContextType::ValidationContext(
                validation,
            )),
            ..Default::default()
        }),
        ..Default::default()
    };
    core::TransportSocket {
        name: "envoy.transport_sockets.tls".to_owned(),
        config_type: Some(core::transport_socket::ConfigType::TypedConfig(any(TLS_TYPE, &context))),
    }
}

/// `scheme`: none for a sequence, whose clusters have their own.
fn protocol_options(scheme: Option<Scheme>) -> HttpProtocolOptions {
    let protocol = match scheme {
        Some(Scheme::Https) => upstream::UpstreamProtocolOptions::AutoConfig(upstream::AutoHttpConfig {
            http_protocol_options: Some(core::Http1ProtocolOptions::default()),
            http2_protocol_options: Some(core::Http2ProtocolOptions::default()),
            ..Default::default()
        }),
        Some(Scheme::Http) | None => {
            upstream::UpstreamProtocolOptions::ExplicitHttpConfig(upstream::ExplicitHttpConfig {
                protocol_config: Some(upstream::explicit_http_config::ProtocolConfig::HttpProtocolOptions(
                    core::Http1ProtocolOptions::default(),
                )),
            })
        }
    };
    HttpProtocolOptions {
        common_http_protocol_options: Some(core::HttpProtocolOptions {
            idle_timeout: Some(seconds(IDLE_TIMEOUT_S)),
            ..Default::default()
        }),
        http_filters: vec![attempt_filter(), codec_filter()],
        upstream_protocol_options: Some(protocol),
        ..Default::default()
    }
}

fn attempt_filter() -> HttpFilter {
    let source = core::ExtensionConfigSource {
        config_source: Some(control_source()),
        type_urls: vec![WASM_TYPE.to_owned()],
        ..Default::default()
    };
    HttpFilter {
        name: Role::Attempt.resource_name(),
        config_type: Some(ConfigType::ConfigDiscovery(source)),
        ..Default::default()
    }
}

fn codec_filter() -> HttpFilter {
    HttpFilter {
        name: "envoy.filters.http.upstream_codec".to_owned(),
        config_type: Some(ConfigType::TypedConfig(any(CODEC_TYPE, &UpstreamCodec {}))),
        ..Default::default()
    }
}

/// This server, as the bootstrap describes it.
fn control_source() -> core::ConfigSource {
    let service = core::GrpcService {
        target_specifier: Some(core::grpc_service::TargetSpecifier::EnvoyGrpc(core::grpc_service::EnvoyGrpc {
            cluster_name: CONTROL_CLUSTER.to_owned(),
            ..Default::default()
        })),
        ..Default::default()
    };
    core::ConfigSource {
        resource_api_version: core::ApiVersion::V3.into(),
        // Wait for it: a cluster without the filter would send what no provider understands.
        initial_fetch_timeout: Some(seconds(0)),
        config_source_specifier: Some(core::config_source::ConfigSourceSpecifier::ApiConfigSource(
            core::ApiConfigSource {
                api_type: core::api_config_source::ApiType::Grpc.into(),
                transport_api_version: core::ApiVersion::V3.into(),
                grpc_services: vec![service],
                ..Default::default()
            },
        )),
        ..Default::default()
    }
}

fn number(value: u32) -> Option<UInt32Value> {
    Some(UInt32Value { value })
}

fn seconds(seconds: i64) -> Duration {
    Duration { seconds, nanos: 0 }
}
