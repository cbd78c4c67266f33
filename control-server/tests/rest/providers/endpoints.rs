//! Which endpoints a provider may have.

use std::sync::atomic::{AtomicUsize, Ordering};

use muxspace::domain::provider::LinkLocal;
use serde_json::json;

use crate::support::{Api, lookup};

const PROVIDERS: &str = "/api/v1/providers";

#[tokio::test]
async fn a_path_is_kept_as_it_was_given() {
    let api = Api::start().await;
    let endpoints = ["http://127.0.0.1:9/v1beta/openai", "http://LocalHost:9/x/", "http://127.0.0.1:9"];
    for (number, endpoint) in endpoints.into_iter().enumerate() {
        let body = json!({"name": format!("p{number}"), "type": "openai", "endpoint": endpoint});
        let made = api.post(PROVIDERS, body).await.expect(201);
        assert_eq!(made.json["endpoint"], endpoint);
        assert_eq!(api.get(&format!("{PROVIDERS}/p{number}")).await.json["endpoint"], endpoint);
    }
}

#[tokio::test]
async fn link_local_and_metadata_addresses_are_refused() {
    let known = |name: &str| match name {
        "metadata.test" => vec!["169.254.169.254"],
        "mixed.test" => vec!["127.0.0.1", "fe80::1"],
        "mapped.test" => vec!["::ffff:100.100.100.200"],
        _ => vec![],
    };
    let api = Api::start_with(LinkLocal::Refused, lookup(known)).await;
    api.post(PROVIDERS, json!({"name": "p", "type": "openai", "endpoint": "http://127.0.0.1:9"})).await.expect(201);
    let before = api.get(PROVIDERS).await.json;
    let hosts = [
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "168.63.129.16",
        "metadata.google.internal",
        "Metadata.Google.Internal.",
        "metadata.test",
        "mixed.test",
        "mapped.test",
    ];
    for host in hosts {
        let endpoint = format!("http://{host}/latest");
        let refused = api.post(PROVIDERS, json!({"name": "a", "type": "openai", "endpoint": endpoint})).await;
        assert!(refused.json["detail"].as_str().unwrap().contains("--allow-link-local"), "{}", refused.json);
        assert_eq!(refused.expect_problem(400, "invalid_request"), ["/endpoint"], "{host}");
        let refused = api.patch("/api/v1/providers/p", json!({"endpoint": endpoint})).await;
        assert_eq!(refused.expect_problem(400, "invalid_request"), ["/endpoint"], "{host}");
    }
    assert_eq!(api.get(PROVIDERS).await.json, before);
}

#[tokio::test]
async fn they_are_taken_where_the_server_allows_it() {
    let known = |name: &str| if name == "own.test" { vec!["169.254.0.1"] } else { vec![] };
    let api = Api::start_with(LinkLocal::Allowed, lookup(known)).await;
    for (name, endpoint) in [("a", "http://metadata.google.internal/v1"), ("b", "http://own.test:9/v1")] {
        let body = json!({"name": name, "type": "openai", "endpoint": endpoint, "description": "x"});
        let made = api.post(PROVIDERS, body).await.expect(201);
        let error = made.json["status"]["error"].as_str().unwrap();
        assert!(!error.contains("--allow-link-local"), "{error}");
    }
}

#[tokio::test]
async fn a_name_that_comes_to_mean_such_an_address_is_not_called() {
    let asked = AtomicUsize::new(0);
    let turns = move |name: &str| match name {
        "turns.test" if asked.fetch_add(1, Ordering::Relaxed) == 0 => vec!["127.0.0.1"],
        "turns.test" => vec!["169.254.169.254"],
        _ => vec![],
    };
    let api = Api::start_with(LinkLocal::Refused, lookup(turns)).await;
    let body = json!({"name": "p", "type": "openai", "endpoint": "http://turns.test:9/v1"});
    let made = api.post(PROVIDERS, body).await.expect(201);
    let error = made.json["status"]["error"].as_str().unwrap();
    assert!(error.contains("turns.test (169.254.169.254)") && error.contains("--allow-link-local"), "{error}");
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_an_unreachable_provider() {
    let api = Api::start().await;
    let body = json!({"name": "p", "type": "openai", "endpoint": "http://nowhere.test/v1"});
    let made = api.post(PROVIDERS, body).await.expect(201);
    assert_eq!(made.json["status"]["reachable"], false);
    assert!(made.json["status"]["error"].as_str().unwrap().contains("no such name"), "{}", made.json);
}
