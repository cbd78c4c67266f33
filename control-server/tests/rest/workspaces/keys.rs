//! `/api/v1/workspaces/{name}/keys`

use std::io;
use std::sync::Mutex;

use muxspace::domain::record::RequestRecord;
use proto::v1::resource::Resource;
use serde_json::{Value, json};

use crate::support::Api;

const PATH: &str = "/api/v1/workspaces/default/keys";

async fn made(api: &Api, body: Value) -> (String, Value) {
    let answer = api.post(PATH, body).await.expect(201).json;
    (format!("{PATH}/{}", answer["id"]), answer)
}

fn without_key(made: &Value) -> Value {
    let mut shown = made.clone();
    shown.as_object_mut().unwrap().remove("key").unwrap();
    shown
}

#[tokio::test]
async fn a_key_is_shown_once() {
    let api = Api::start().await;
    let answer = api.post(PATH, json!({"name": "Ann's laptop"})).await.expect(201);
    assert_eq!(answer.revision(), 2);
    let made = &answer.json;
    let key = made["key"].as_str().unwrap();
    assert!(key.starts_with("vk_") && key.len() == 35 && key[3..].bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(made["last_four"], key[31..]);
    let shown = without_key(made);
    let expected = json!({"id": made["id"], "name": "Ann's laptop", "workspace": "default", "session": null,
        "scopes": {"endpoints": "all", "models": "all", "deployments": "all"}, "expires_at": null,
        "requests_per_minute": null, "tokens_per_minute": null, "last_four": key[31..], "previous_expires_at": null,
        "created_at": made["created_at"], "updated_at": made["created_at"], "last_used_at": null});
    assert_eq!(shown, expected);
    assert!(made["created_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(api.get(&format!("{PATH}/{}", made["id"])).await.expect(200).json, shown);
    assert_eq!(api.get(PATH).await.expect(200).json, json!({"items": [shown], "next_cursor": null}));
}

#[tokio::test]
async fn everything_about_a_key_can_be_said_and_changed() {
    let api = Api::start().await;
    let scopes = json!({"endpoints": ["chat/completions", "models"], "models": ["fast"], "deployments": "none"});
    let body = json!({"name": "ci", "scopes": scopes, "expires_at": "2999-01-01T01:00:00+01:00",
        "requests_per_minute": 60, "tokens_per_minute": 1_000, "session": "Default"});
    let (path, made) = made(&api, body).await;
    assert_eq!((&made["scopes"], &made["session"]), (&scopes, &json!("default")));
    assert_eq!((&made["expires_at"], &made["requests_per_minute"]), (&json!("2999-01-01T00:00:00Z"), &json!(60)));

    let patch = json!({"name": "cd", "scopes": {"models": "none", "deployments": []}, "expires_at": null,
        "requests_per_minute": null, "tokens_per_minute": 5});
    let changed = api.patch(&path, patch.clone()).await.expect(200);
    let shown = &changed.json;
    assert_eq!(
        shown["scopes"],
        json!({"endpoints": ["chat/completions", "models"], "models": "none", "deployments": "none"})
    );
    for (field, value) in [("name", json!("cd")), ("expires_at", Value::Null), ("requests_per_minute", Value::Null)] {
        assert_eq!(shown[field], value, "{field}");
    }
    assert_eq!((&shown["tokens_per_minute"], &shown["last_four"]), (&json!(5), &made["last_four"]));
    assert_eq!(api.patch(&path, patch).await.expect(200).revision(), changed.revision(), "nothing changed");
    let ended = api.patch(&path, json!({"expires_at": "2000-01-01"})).await.expect(200).json;
    assert_eq!((&ended["expires_at"], &ended["name"]), (&json!("2000-01-01T00:00:00Z"), &json!("cd")));
}

#[tokio::test]
async fn rotation_keeps_the_id_and_revocation_ends_it() {
    let api = Api::start().await;
    let (path, made) = made(&api, json!({"name": "k"})).await;
    let rotate = format!("{path}/rotate");
    let first = api.raw("POST", &rotate, "").await.expect(200);
    let rotated = &first.json;
    assert_eq!(rotated["id"], made["id"]);
    assert_ne!(rotated["key"], made["key"]);
    assert_eq!(rotated["last_four"], rotated["key"].as_str().unwrap()[31..]);
    let until = |rotated: &Value| {
        let [until, at] = ["previous_expires_at", "updated_at"].map(|field| rotated[field].as_str().unwrap());
        until.parse::<jiff::Timestamp>().unwrap().as_second() - at.parse::<jiff::Timestamp>().unwrap().as_second()
    };
    assert_eq!(until(rotated), 3_600);
    assert_eq!(api.get(&path).await.expect(200).json, without_key(rotated));
    let short = api.post(&rotate, json!({"grace_s": 60})).await.expect(200).json;
    assert_eq!(until(&short), 60);
    let at_once = api.post(&rotate, json!({"grace_s": 0})).await.expect(200);
    assert!(at_once.json["previous_expires_at"].is_null());
    assert_eq!(at_once.revision(), first.revision() + 2);
    for body in [json!({"grace_s": 2_592_001}), json!({"grace_s": -1}), json!({"grace_s": "1h"})] {
        assert_eq!(api.post(&rotate, body).await.expect_problem(400, "invalid_request"), ["/grace_s"]);
    }
    assert_eq!(api.delete(&path).await.expect(204).revision(), at_once.revision() + 1);
    api.get(&path).await.expect_problem(404, "not_found");
    api.delete(&path).await.expect_problem(404, "not_found");
    api.post(&rotate, json!({})).await.expect_problem(404, "not_found");
    api.patch(&path, json!({"name": "x"})).await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn refused_keys_leave_nothing() {
    let api = Api::start().await;
    let (path, shown) = made(&api, json!({"name": "k"})).await;
    let before = *api.store.committed().borrow();
    let (long, many) = ("x".repeat(129), vec!["m"; 101]);
    let both = [
        (json!({"name": ""}), "/name"),
        (json!({ "name": long }), "/name"),
        (json!({"name": "k", "scopes": {"endpoints": ["poems"]}}), "/scopes/endpoints/0"),
        (json!({"name": "k", "scopes": {"endpoints": "none"}}), "/scopes/endpoints"),
        (json!({"name": "k", "scopes": {"models": "some"}}), "/scopes/models"),
        (json!({"name": "k", "scopes": {"models": ["a", 1]}}), "/scopes/models/1"),
        (json!({"name": "k", "scopes": {"models": ["p/m"]}}), "/scopes/models/0"),
        (json!({"name": "k", "scopes": {"deployments": many}}), "/scopes/deployments"),
        (json!({"name": "k", "scopes": {"colours": "all"}}), "/scopes/colours"),
        (json!({"name": "k", "expires_at": "soon"}), "/expires_at"),
        (json!({"name": "k", "requests_per_minute": 0}), "/requests_per_minute"),
        (json!({"name": "k", "tokens_per_minute": -1}), "/tokens_per_minute"),
        (json!({"name": "k", "tokens_per_minute": 4_294_967_296_u64}), "/tokens_per_minute"),
        (json!({"name": "k", "budget": 5}), "/budget"),
        (json!({"name": "k", "key": "vk_mine"}), "/key"),
    ];
    for (body, pointer) in both {
        for answer in [api.post(PATH, body.clone()).await, api.patch(&path, body.clone()).await] {
            assert_eq!(answer.expect_problem(400, "invalid_request"), [pointer], "{body}");
        }
    }
    for (body, pointer) in [
        (json!({"name": "k", "session": "none"}), "/session"),
        (json!({"name": "k", "expires_at": "2000-01-01T00:00:00Z"}), "/expires_at"),
    ] {
        assert_eq!(api.post(PATH, body).await.expect_problem(400, "invalid_request"), [pointer]);
    }
    api.post(PATH, json!({})).await.expect_problem(400, "invalid_request");
    let moved = api.patch(&path, json!({"session": "default"})).await;
    assert_eq!(moved.expect_problem(400, "invalid_request"), ["/session"]);
    assert_eq!(*api.store.committed().borrow(), before);
    assert_eq!(api.get(PATH).await.items(), [without_key(&shown)]);
}

#[tokio::test]
async fn a_key_is_there_in_its_workspace_alone() {
    let api = Api::start().await;
    api.post("/api/v1/workspaces", json!({"name": "other"})).await.expect(201);
    let (_, made) = made(&api, json!({"name": "k"})).await;
    let elsewhere = format!("/api/v1/workspaces/other/keys/{}", made["id"]);
    for path in [elsewhere.as_str(), "/api/v1/workspaces/none/keys/1", "/api/v1/workspaces/default/keys/laptop"] {
        api.get(path).await.expect_problem(404, "not_found");
        api.patch(path, json!({"name": "x"})).await.expect_problem(404, "not_found");
        api.post(&format!("{path}/rotate"), json!({})).await.expect_problem(404, "not_found");
        api.delete(path).await.expect_problem(404, "not_found");
    }
    assert!(api.get("/api/v1/workspaces/other/keys").await.expect(200).items().is_empty());
    api.get("/api/v1/workspaces/none/keys").await.expect_problem(404, "not_found");
    api.post("/api/v1/workspaces/none/keys", json!({"name": "k"})).await.expect_problem(404, "not_found");
    api.patch("/api/v1/workspaces/other", json!({"name": "moved"})).await.expect(200);
    let renamed = "/api/v1/workspaces/moved/keys";
    let id = api.post(renamed, json!({"name": "k"})).await.expect(201).json["id"].clone();
    api.patch("/api/v1/workspaces/moved", json!({"name": "again"})).await.expect(200);
    assert_eq!(api.get(&format!("/api/v1/workspaces/again/keys/{id}")).await.expect(200).json["workspace"], "again");
}

#[tokio::test]
async fn keys_page_in_the_order_in_which_they_were_made() {
    let api = Api::start().await;
    for number in 0..12 {
        api.post(PATH, json!({"name": format!("k{number}")})).await.expect(201);
    }
    let names = |items: &[Value]| items.iter().map(|item| item["name"].clone()).collect::<Vec<_>>();
    let first = api.get(&format!("{PATH}?limit=10")).await.expect(200);
    assert_eq!(names(first.items()), (0..10).map(|number| json!(format!("k{number}"))).collect::<Vec<_>>());
    let cursor = first.json["next_cursor"].as_str().unwrap();
    let second = api.get(&format!("{PATH}?limit=10&cursor={cursor}")).await.expect(200);
    assert_eq!(names(second.items()), ["k10", "k11"]);
    assert!(second.json["next_cursor"].is_null());
}

/// The ids of the keys that nodes hold, and their hashes as people see them.
fn held(api: &Api) -> Vec<(u64, Vec<u8>)> {
    let state = api.publisher.full().into_masked("store");
    let keys = state.upserts.into_iter().filter_map(|resource| match resource.resource {
        Some(Resource::Key(key)) => Some((key.id, key.hash)),
        _ => None,
    });
    keys.collect()
}

#[tokio::test]
async fn nodes_hold_the_keys_of_workspaces_that_are_not_archived() {
    let api = Api::start().await;
    api.post("/api/v1/workspaces", json!({"name": "w"})).await.expect(201);
    let path = "/api/v1/workspaces/w/keys?wait=applied";
    let answer = api.post(path, json!({"name": "k"})).await.expect(201);
    assert_eq!(answer.headers["x-muxspace-lagging-nodes"], "none");
    api.published(answer.revision()).await;
    let masked = vec![(answer.json["id"].as_u64().unwrap(), b"***".to_vec())];
    assert_eq!(held(&api), masked);
    for (action, expected) in [("archive", &[][..]), ("recover", &masked), ("archive", &[])] {
        let done = api.post(&format!("/api/v1/workspaces/w/{action}"), json!({})).await.expect(200);
        api.published(done.revision()).await;
        assert_eq!(held(&api), expected, "{action}");
    }
}

/// What all tests log.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn nothing_tells_a_key_twice() {
    tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(|| Log).init();
    let api = Api::start().await;
    let mut events = api.store.events();
    let (path, first) = made(&api, json!({"name": "k"})).await;
    let second = api.post(&format!("{path}/rotate"), json!({})).await.expect(200).json;
    api.patch(&path, json!({"name": "l"})).await.expect(200);
    let record = RequestRecord {
        request_id: "r".to_owned(),
        workspace: "default".to_owned(),
        key: first["id"].as_u64().unwrap(),
        ..RequestRecord::default()
    };
    api.store.record_requests(vec![record]).await.unwrap();
    let mut told = String::new();
    for at in [PATH, &path, "/api/v1/audit", "/api/v1/usage?by=key", "/metrics", "/api/v1/workspaces/default/export"] {
        told += std::str::from_utf8(&api.get(at).await.expect(200).bytes).unwrap();
    }
    let body = json!({"endpoint": "chat/completions", "key_id": first["id"], "body": {"messages": []}});
    api.published(*api.store.committed().borrow()).await;
    told += std::str::from_utf8(&api.post("/api/v1/explain", body).await.expect(200).bytes).unwrap();
    api.delete(&path).await.expect(204);
    let revoked = api.get("/api/v1/audit?kind=key").await.expect(200);
    told += &revoked.json.to_string();
    let mut seen = 0;
    while let Ok(event) = events.try_recv() {
        told += &format!("{event:?}");
        seen += 1;
    }
    assert_eq!(seen, 5);
    told += &format!("{:?}", api.publisher.full().into_masked("store"));
    let log = String::from_utf8_lossy(&LOG.lock().unwrap()).into_owned();
    assert!(log.contains("virtual_keys"), "statements are logged at this level");
    told += &log;
    for made in [&first, &second] {
        let text = made["key"].as_str().unwrap();
        assert!(!told.contains(&text[3..31]), "the key");
        let hash = mux::config::KeyHash::of(text).0;
        assert!(!told.contains(&format!("{:032x}", u128::from_be_bytes(hash))), "its hash");
        assert!(!told.contains(&format!("{hash:?}")), "its hash, as bytes");
        assert!(told.contains(made["last_four"].as_str().unwrap()), "what was looked at tells of it");
    }
    let actions: Vec<_> = revoked.items().iter().map(|item| item["action"].clone()).collect();
    assert_eq!(actions, ["revoke", "update", "rotate", "create"]);
    let [gone, .., new] = revoked.items() else { panic!() };
    assert_eq!((&gone["name"], &gone["after"]), (&json!(first["id"].to_string()), &Value::Null));
    assert_eq!((&new["before"], &new["after"]["workspace"]), (&Value::Null, &json!("default")));
}
