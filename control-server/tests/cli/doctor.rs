//! `muxspace doctor`. What each check finds is tested where the checks are.

use serde_json::{Value, json};

use crate::support::{Fake, Place, list, problem};

/// Everything is well with the server.
fn good() -> [(&'static str, u16, Value); 3] {
    let node =
        json!({"node": "n", "envoy": "e", "envoy_version": "1.40.0", "build": "1", "lag": 0, "last_error": null});
    let provider = json!({"name": "p", "auth": {"type": "none"}, "status": {"reachable": true}});
    [
        ("GET /readyz", 200, json!({"status": "ready"})),
        ("GET /providers", 200, list(json!([provider]))),
        ("GET /nodes", 200, list(json!([node]))),
    ]
}

/// An Envoy that says what real ones say.
fn envoy(place: &Place, version: &str, runtimes: &str) -> String {
    let text = format!(
        "if [ \"$1\" = --version ]; then echo 'envoy  version: 9e55/{version}/Clean/RELEASE/BoringSSL'; exit; fi\n\
         echo '  envoy.wasm.runtime: {runtimes}' >&2; exec sleep 60"
    );
    place.script("envoy", &text)
}

#[tokio::test]
async fn a_healthy_gateway_passes() {
    let fake = Fake::start(&good()).await;
    let envoy = envoy(&fake.place, "1.40.0", "envoy.wasm.runtime.null, envoy.wasm.runtime.v8");
    let rendered = fake.run(&["envoy-config"]).await.expect(0);
    fake.place.write("envoy.yaml", &rendered.stdout);
    let words = ["doctor", "--envoy", &envoy, "--envoy-config", "envoy.yaml"];
    let run =
        fake.run(&words).await.expect(0).says(&["is Envoy 1.40.0", "has V8", "p answers", "none lags", "body limit"]);
    assert!(run.stdout.lines().all(|line| line.starts_with("ok    ")), "{}", run.stdout);
    let items = fake.run(&[&words[..], &["--json"]].concat()).await.expect(0).json();
    assert_eq!(items["items"][0]["level"], "ok");
}

#[tokio::test]
async fn each_fault_is_said_and_fails() {
    let fake = Fake::start(&good()).await;
    fake.place.write("envoy.yaml", "static_resources: {}\n");
    let run = fake.run(&["doctor", "--envoy-config", "envoy.yaml"]).await.expect(1);
    run.says(&["FAIL  listener: ", "FAIL  control cluster: ", "FAIL  discovery: "]).complains(&["checks failed"]);

    let rows = [("1.36.1", "envoy.wasm.runtime.v8", "needs 1.37"), ("1.40.0", "envoy.wasm.runtime.null", "has no V8")];
    for (version, runtimes, said) in rows {
        let none = Fake::start(&[good()[0].clone(), good()[1].clone(), ("GET /nodes", 200, list(json!([])))]).await;
        let binary = envoy(&none.place, version, runtimes);
        none.run(&["doctor", "--envoy", &binary]).await.expect(1).says(&[
            "FAIL  Envoy binary: ",
            said,
            "no filter is connected",
        ]);
        // With an Envoy that is connected, the one of this machine does not matter.
        let binary = envoy(&fake.place, version, runtimes);
        fake.run(&["doctor", "--envoy", &binary]).await.expect(0).says(&["warn  Envoy binary: ", said]);
    }
}

#[tokio::test]
async fn server_and_token_are_looked_at() {
    let fake = Fake::start(&[good()[0].clone(), ("GET /providers", 401, problem(401, "no"))]).await;
    fake.run(&["doctor"]).await.expect(1).says(&["FAIL  token: "]);
    Place::new("http://127.0.0.1:9").run(&["doctor"]).await.expect(1).says(&["FAIL  server: cannot reach"]);
    let fake = Fake::start(&[("GET /readyz", 503, problem(503, "no snapshot is published yet"))]).await;
    fake.run(&["doctor"]).await.expect(1).says(&["is not ready: no snapshot is published yet"]);
}

#[tokio::test]
async fn a_running_envoy_is_asked() {
    let fake = Fake::start(&[
        ("GET /server_info", 200, json!({"version": "9e55/1.36.0/Clean/RELEASE/BoringSSL", "state": "LIVE"})),
        ("GET /config_dump", 200, json!({"configs": []})),
    ])
    .await;
    let admin = fake.place.server.clone();
    fake.run(&["doctor", "--envoy-admin", &admin]).await.expect(1).says(&[
        "FAIL  running Envoy: is Envoy 1.36.0",
        "ok    running Envoy: takes requests",
        "FAIL  listener: of the running Envoy: ",
        "FAIL  Envoy: of the running Envoy: this build lacks",
    ]);
    fake.run(&["doctor", "--envoy-admin", "http://127.0.0.1:9"])
        .await
        .expect(1)
        .says(&["FAIL  running Envoy: cannot read"]);
}
