//! Envoy without Muxspace: what the product's own Envoy says it runs by, minus the filter, the control server and the
//! choice of cluster.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use muxspace_tests::Stack;
use muxspace_tests::process::Process;
use muxspace_tests::stack::{envoy_path, listener_of};
use serde_json::{Value, json};
use tempfile::TempDir;

pub struct Bare {
    address: SocketAddr,
    envoy: Process,
    _folder: TempDir,
}

impl Bare {
    pub async fn start(stack: &Stack, concurrency: usize) -> Self {
        let url = format!("http://{}/config_dump", stack.admin());
        let dump: Value = match stack.http.get(url).send().await {
            Ok(answer) => answer.json().await.expect("a configuration in JSON"),
            Err(error) => panic!("Envoy's admin listener does not answer: {error}"),
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (config, admin_file) = (folder.path().join("envoy.json"), folder.path().join("admin-address"));
        std::fs::write(&config, without_muxspace(&dump).to_string()).expect("the folder can be written to");
        let mut command = Command::new(envoy_path());
        command.arg("--config-path").arg(&config).arg("--admin-address-path").arg(&admin_file);
        command.args(["--disable-hot-restart", "--log-level", "info", "--concurrency", &concurrency.to_string()]);
        let mut envoy = Process::start("bare-envoy", folder.path(), &mut command);
        envoy.line_with("starting main dispatch loop", 0, Duration::from_secs(40)).await;
        let admin = std::fs::read_to_string(&admin_file).expect("Envoy wrote its admin address");
        let address = listener_of(admin.trim().parse().expect("an address")).await;
        Self { address, envoy, _folder: folder }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn envoy_id(&self) -> u32 {
        self.envoy.id()
    }
}

fn without_muxspace(dump: &Value) -> Value {
    let configs = dump["configs"].as_array().expect("a list of configurations");
    let part = |name: &str| {
        let of_type = |config: &&Value| config["@type"].as_str().is_some_and(|kind| kind.ends_with(name));
        configs.iter().find(of_type).unwrap_or_else(|| panic!("no {name} in Envoy's configuration"))
    };
    let clusters = part("ClustersConfigDump")["dynamic_active_clusters"].as_array().expect("clusters of providers");
    let is_upstream =
        |cluster: &&Value| cluster["name"].as_str().is_some_and(|name| name.starts_with("muxspace_bench_"));
    let mut cluster = clusters.iter().map(|cluster| &cluster["cluster"]).find(is_upstream).expect("a cluster").clone();
    cluster["name"] = json!("bench");
    cluster.as_object_mut().expect("a cluster is an object").remove("@type");
    let options = cluster["typed_extension_protocol_options"].as_object_mut().expect("options of the cluster");
    for option in options.values_mut().filter_map(Value::as_object_mut) {
        option.remove("http_filters");
    }

    let mut bootstrap = part("BootstrapConfigDump")["bootstrap"].clone();
    let fields = bootstrap.as_object_mut().expect("an object");
    fields.remove("dynamic_resources");
    bootstrap["static_resources"]["clusters"] = json!([cluster]);
    let changed = strip(&mut bootstrap["static_resources"]["listeners"]);
    assert!(changed >= 2, "the filter and the route by header were not found: {bootstrap:#}");
    bootstrap
}

/// Takes the filter out of every list and makes every route by header a route to the one cluster; counts both.
fn strip(value: &mut Value) -> usize {
    match value {
        Value::Array(items) => {
            let before = items.len();
            // The filter comes by discovery or in place.
            let is_filter = |item: &Value| {
                let kind = item["typed_config"]["@type"].as_str().unwrap_or_default();
                item["config_discovery"].is_object() || kind.contains("filters.http.wasm")
            };
            items.retain(|item| !is_filter(item));
            before - items.len() + items.iter_mut().map(strip).sum::<usize>()
        }
        Value::Object(fields) => {
            let by_header = fields.remove("cluster_header").is_some();
            if by_header {
                fields.insert("cluster".into(), json!("bench"));
            }
            usize::from(by_header) + fields.values_mut().map(strip).sum::<usize>()
        }
        _ => 0,
    }
}
