//! The filter as Envoy configuration, one resource per role.

use envoy_types::pb::envoy::config::core::v3::async_data_source::Specifier;
use envoy_types::pb::envoy::config::core::v3::data_source::Specifier as Local;
use envoy_types::pb::envoy::config::core::v3::http_uri::HttpUpstreamType;
use envoy_types::pb::envoy::config::core::v3::{
    AsyncDataSource, BackoffStrategy, DataSource, HttpUri, Node, RemoteDataSource, RetryPolicy, TypedExtensionConfig,
};
use envoy_types::pb::envoy::extensions::filters::http::wasm::v3::Wasm;
use envoy_types::pb::envoy::extensions::wasm::v3::plugin_config::Vm;
use envoy_types::pb::envoy::extensions::wasm::v3::{EnvironmentVariables, FailurePolicy, PluginConfig, VmConfig};
use envoy_types::pb::envoy::service::discovery::v3::DiscoveryResponse;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{BoolValue, Duration, StringValue, UInt32Value};

use super::{CONTROL_CLUSTER, any};

pub const WASM_TYPE: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
const EXTENSION_TYPE: &str = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";
const STRING_TYPE: &str = "type.googleapis.com/google.protobuf.StringValue";

/// The environment variable that hands the node token from Envoy to the filter.
const NODE_TOKEN_VARIABLE: &str = "MUXSPACE_NODE_TOKEN";
/// Key of an Envoy's node metadata; its value `remote` asks for a filter that is loaded over HTTP.
const CODE_METADATA: &str = "muxspace_code";
const REMOTE_FETCH_TIMEOUT_S: i64 = 10;
/// Tries before Envoy gives up on the module; with the pauses below, about half an hour.
const REMOTE_FETCH_RETRIES: u32 = 1_000;

/// The place of the filter in Envoy's two chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Route,
    Attempt,
}

impl Role {
    const ALL: [Self; 2] = [Self::Route, Self::Attempt];

    fn as_str(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Attempt => "attempt",
        }
    }

    /// Name of the resource that configures it.
    pub fn resource_name(self) -> String {
        format!("muxspace.{}", self.as_str())
    }
}

/// The module that Envoys load.
pub struct FilterSource {
    pub bytes: Vec<u8>,
    /// Lower-case hex.
    pub sha256: String,
    /// Host and port at which Envoys reach this server.
    pub advertised: String,
}

impl FilterSource {
    /// The named resources; no names: all.
    pub fn response(&self, names: &[String], node: Option<&Node>) -> DiscoveryResponse {
        let wanted = |role: &Role| names.is_empty() || names.contains(&role.resource_name());
        let code = self.code(node);
        let resources = Role::ALL.into_iter().filter(wanted).map(|role| {
            let config = TypedExtensionConfig {
                name: role.resource_name(),
                typed_config: Some(any(WASM_TYPE, &Wasm { config: Some(plugin(role, code.clone())) })),
            };
            any(EXTENSION_TYPE, &config)
        });
        DiscoveryResponse {
            version_info: self.sha256.clone(),
            resources: resources.collect(),
            type_url: EXTENSION_TYPE.to_owned(),
            nonce: self.sha256.clone(),
            ..Default::default()
        }
    }

    fn code(&self, node: Option<&Node>) -> AsyncDataSource {
        let specifier = if asks_for_remote(node) {
            Specifier::Remote(self.remote())
        } else {
            Specifier::Local(DataSource {
                specifier: Some(Local::InlineBytes(self.bytes.clone())),
                ..Default::default()
            })
        };
        AsyncDataSource { specifier: Some(specifier) }
    }

    fn remote(&self) -> RemoteDataSource {
        let back_off = BackoffStrategy {
            base_interval: Some(Duration { seconds: 0, nanos: 200_000_000 }),
            max_interval: Some(Duration { seconds: 2, nanos: 0 }),
        };
        RemoteDataSource {
            http_uri: Some(HttpUri {
                uri: format!("http://{}/filter.wasm", self.advertised),
                timeout: Some(Duration { seconds: REMOTE_FETCH_TIMEOUT_S, nanos: 0 }),
                http_upstream_type: Some(HttpUpstreamType::Cluster(CONTROL_CLUSTER.to_owned())),
            }),
            sha256: self.sha256.clone(),
            retry_policy: Some(RetryPolicy {
                retry_back_off: Some(back_off),
                num_retries: Some(UInt32Value { value: REMOTE_FETCH_RETRIES }),
                ..Default::default()
            }),
        }
    }
}

fn asks_for_remote(node: Option<&Node>) -> bool {
    let value = node.and_then(|node| node.metadata.as_ref()).and_then(|metadata| metadata.fields.get(CODE_METADATA));
    matches!(value.and_then(|value| value.kind.as_ref()), Some(Kind::StringValue(text)) if text == "remote")
}

/// Both roles name the same VM, so that one per worker serves both.
fn plugin(role: Role, code: AsyncDataSource) -> PluginConfig {
    let configuration = serde_json::json!({"role": role.as_str(), "control_cluster": CONTROL_CLUSTER}).to_string();
    PluginConfig {
        name: format!("muxspace_{}", role.as_str()),
        root_id: role.as_str().to_owned(),
        configuration: Some(any(STRING_TYPE, &StringValue { value: configuration })),
        failure_policy: FailurePolicy::FailReload.into(),
        // Without it, a filter that pauses at the headers never sees the body.
        allow_on_headers_stop_iteration: Some(BoolValue { value: true }),
        vm: Some(Vm::VmConfig(VmConfig {
            vm_id: "muxspace".to_owned(),
            runtime: "envoy.wasm.runtime.v8".to_owned(),
            code: Some(code),
            environment_variables: Some(EnvironmentVariables {
                host_env_keys: vec![NODE_TOKEN_VARIABLE.to_owned()],
                ..Default::default()
            }),
            ..Default::default()
        })),
        ..Default::default()
    }
}
