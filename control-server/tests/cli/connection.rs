//! Finding the server and the token, and what is said when that fails.

use serde_json::json;

use crate::support::{Fake, Place, TOKEN, list, problem};

/// Nothing listens there.
const NOWHERE: &str = "http://127.0.0.1:9";

#[tokio::test]
async fn a_server_that_is_not_there_is_a_3() {
    let place = Place::new(NOWHERE);
    let commands: [&[&str]; 12] = [
        &["status"],
        &["workspace", "list"],
        &["workspace", "create", "docs"],
        &["workspace", "edit", "docs"],
        &["rules", "show", "docs"],
        &["provider", "list"],
        &["session", "list"],
        &["export", "docs"],
        &["logs"],
        &["logs", "-f"],
        &["explain", "request.json"],
        &["apply", "-f", "docs.yaml"],
    ];
    place.write("request.json", "{\"messages\":[]}");
    place.write("docs.yaml", "metadata: {name: docs}");
    for command in commands {
        place
            .run(command)
            .await
            .expect(3)
            .complains(&["cannot reach the server at http://127.0.0.1:9/", "muxspace up"]);
    }
    // Also without a token: the nearer cause is told.
    Place::new(NOWHERE).without("MUXSPACE_DATA_DIR").run(&["status"]).await.expect(3);
}

#[tokio::test]
async fn what_is_not_understood_is_a_2() {
    let place = Place::new(NOWHERE);
    for line in ["", "walk", "workspace", "rules set docs", "status --server nowhere", "logs -n 0"] {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        place.run(&words).await.expect(2);
    }
}

#[tokio::test]
async fn the_token_comes_from_the_environment_or_the_data_folder() {
    let fake = Fake::start(&[("GET /sessions", 200, list(json!([])))]).await;
    fake.run(&["session", "list"]).await.expect(0);
    let server = fake.calls()[0].clone();
    assert_eq!(server.token, format!("Bearer {TOKEN}"));

    let place = fake.place.with("MUXSPACE_TOKEN", "from-environment");
    place.run(&["session", "list"]).await.expect(0);
    let other = place.path("other");
    place.write("other/admin.token", "from-folder");
    let place = place.without("MUXSPACE_TOKEN");
    place.run(&["session", "list", "--data-dir", &other.display().to_string()]).await.expect(0);
}

#[tokio::test]
async fn a_token_that_is_missing_or_wrong_is_explained() {
    let fake = Fake::start(&[("GET /sessions", 401, problem(401, "no"))]).await;
    fake.run(&["session", "list"]).await.expect(1).complains(&["does not take the token from", "admin.token"]);
    let place = fake.place.without("MUXSPACE_DATA_DIR");
    place.run(&["session", "list"]).await.expect(1).complains(&["set MUXSPACE_TOKEN", "--data-dir"]);
    let place = place.with("MUXSPACE_TOKEN", "wrong");
    place.run(&["session", "list"]).await.expect(1).complains(&["does not take the token from MUXSPACE_TOKEN"]);
}

#[tokio::test]
async fn what_is_no_muxspace_is_named() {
    let fake = Fake::start(&[("GET /sessions", 502, json!("<html>"))]).await;
    fake.run(&["session", "list"]).await.expect(1).complains(&["502", "is it a Muxspace server?"]);
}

#[tokio::test]
async fn pages_are_joined() {
    let fake = Fake::start(&[
        ("GET /sessions?limit=500", 200, json!({"items": [{"id": "a"}], "next_cursor": "c1"})),
        ("GET /sessions?limit=500&cursor=c1", 200, json!({"items": [{"id": "b"}], "next_cursor": null})),
    ])
    .await;
    let run = fake.run(&["session", "list", "--json"]).await.expect(0);
    assert_eq!(run.json(), list(json!([{"id": "a"}, {"id": "b"}])));
    fake.run(&["session", "list"]).await.expect(0).says(&["a", "b"]);
}

#[tokio::test]
async fn help_has_exit_codes_and_examples() {
    let place = Place::new(NOWHERE);
    place.run(&["--help"]).await.expect(0).says(&["Exit codes", "3  the server cannot be reached", "Examples"]);
    for command in
        ["workspace", "rules", "provider", "session", "export", "import", "apply", "explain", "logs", "doctor"]
    {
        place.run(&[command, "--help"]).await.expect(0).says(&["Examples:", "--server"]);
    }
    place.run(&["completions", "bash"]).await.expect(0).says(&["_muxspace"]);
}
