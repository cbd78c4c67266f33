//! `/api/v1/workspaces/{name}/deployments`

use mux::config::Name;
use serde_json::{Value, json};

use crate::support::{Answer, Api};

const DEPLOYMENTS: &str = "/api/v1/workspaces/default/deployments";
const RULES: &str = "/api/v1/workspaces/default/rules";

fn at(name: &str) -> String {
    format!("{DEPLOYMENTS}/{name}")
}

/// With models `a`, `b` and `c`.
async fn api() -> Api {
    let api = Api::with_provider().await;
    for alias in ["a", "b", "c"] {
        let body = json!({"alias": alias, "model": format!("p/{alias}")});
        api.post("/api/v1/workspaces/default/models", body).await.expect(201);
    }
    api
}

fn with(more: Value) -> Value {
    let mut body = json!({"name": "d", "targets": [{"model": "a"}, {"model": "b"}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn deployments_are_made_shown_changed_and_removed() {
    let api = api().await;
    let made = api.post(DEPLOYMENTS, with(json!({}))).await.expect(201);
    let expected = json!({
        "name": "d", "policy": "ordered",
        "targets": [{"model": "a", "weight": 1}, {"model": "b", "weight": 1}],
        "retry_on": [408, 429, 500, 502, 503, 504, 529], "try_timeout_ms": 0,
        "breaker": {"failures": 5, "window_s": 30, "cooldown_s": 30},
    });
    assert_eq!(made.json, expected);
    assert_eq!(made.revision(), 6);
    assert_eq!(api.get(&at("d")).await.expect(200).json, expected);
    assert_eq!(api.get(DEPLOYMENTS).await.expect(200).json, json!({"items": [expected], "next_cursor": null}));
    let same = api.patch(&at("d"), made.json.clone()).await.expect(200);
    assert_eq!(same.revision(), made.revision(), "what is read can be sent, and is no change");

    let patch = json!({
        "policy": "weighted", "targets": [{"model": "c", "weight": 3}, {"model": "a"}, {"model": "b", "weight": 0}],
        "retry_on": [429], "try_timeout_ms": 1500, "breaker": {"failures": 0},
    });
    let changed = api.patch(&format!("{}?wait=applied", at("d")), patch).await.expect(200);
    assert_eq!(changed.headers["x-muxspace-lagging-nodes"], "none");
    let expected = json!({
        "name": "d", "policy": "weighted",
        "targets": [{"model": "c", "weight": 3}, {"model": "a", "weight": 1}, {"model": "b", "weight": 0}],
        "retry_on": [429], "try_timeout_ms": 1500, "breaker": {"failures": 0, "window_s": 30, "cooldown_s": 30},
    });
    assert_eq!(changed.json, expected);
    assert_eq!(api.get(&at("d")).await.expect(200).json, expected);

    api.published(changed.revision()).await;
    let default: Name = "default".parse().unwrap();
    let snapshot = api.publisher.snapshot_for(std::slice::from_ref(&default), &[], None).unwrap();
    let sent = &snapshot.workspace("default").unwrap().deployments["d"];
    let targets: Vec<_> = sent.targets.iter().map(|target| (target.alias.as_str(), target.weight)).collect();
    assert_eq!(targets, [("c", 3), ("a", 1), ("b", 0)]);
    assert_eq!((sent.retry_on.as_slice(), sent.try_timeout_ms, sent.breaker.failures), (&[429][..], 1500, 0));

    api.delete(&at("d")).await.expect(204);
    api.get(&at("d")).await.expect_problem(404, "not_found");
    assert!(api.get(DEPLOYMENTS).await.expect(200).items().is_empty());
}

#[tokio::test]
async fn a_refused_deployment_changes_nothing() {
    let api = api().await;
    let kept = api.post(DEPLOYMENTS, with(json!({"name": "kept"}))).await.expect(201);
    let nine = vec![json!({"model": "a"}); 9];
    let rows: Vec<(Value, &[&str])> = vec![
        (json!({"name": "mux"}), &["/name"]),
        (json!({"name": "p/m", "targets": [{"model": "a"}, {"model": "p/m"}]}), &["/name", "/targets/1/model"]),
        (json!({"targets": []}), &["/targets"]),
        (json!({"targets": nine}), &["/targets"]),
        (json!({"targets": [{"model": "a"}, {"model": "x"}]}), &["/targets/1/model"]),
        (json!({"targets": [{"model": "a"}, {"model": "a"}]}), &["/targets/1/model"]),
        (json!({"targets": [{"model": "kept"}]}), &["/targets/0/model"]),
        (json!({"targets": [{"model": "a", "weight": 1_000_001}]}), &["/targets/0/weight"]),
        (json!({"targets": [{"model": "a", "weight": -1}]}), &["/targets/0/weight"]),
        (json!({"targets": [{"model": "a", "port": 1}]}), &["/targets/0/port"]),
        (json!({"policy": "weighted", "targets": [{"model": "a", "weight": 0}]}), &["/targets"]),
        (json!({"policy": "random"}), &["/policy"]),
        (json!({"retry_on": [500, 200]}), &["/retry_on/1"]),
        (json!({"retry_on": [70_000]}), &["/retry_on/0"]),
        (json!({"try_timeout_ms": 3_600_001}), &["/try_timeout_ms"]),
        (json!({"breaker": {"window_s": 0, "cooldown_s": 86_401}}), &["/breaker/window_s", "/breaker/cooldown_s"]),
        (json!({"breaker": {"open": 1}}), &["/breaker/open"]),
        (json!({"cache": true}), &["/cache"]),
        (json!({"cache": {}}), &["/cache"]),
        (json!({"cache": {"ttl_s": 60}}), &["/cache"]),
        (json!({"cache": {"enabled": 1}}), &["/cache/enabled"]),
        (json!({"cache": {"enabled": true, "ttl_s": 0}}), &["/cache/ttl_s"]),
        (json!({"cache": {"enabled": true, "ttl_s": 86_401}}), &["/cache/ttl_s"]),
        (json!({"cache": {"enabled": true, "bytes": 1}}), &["/cache/bytes"]),
        (json!({"modules": []}), &["/modules"]),
    ];
    for (more, pointers) in rows {
        let answer = api.post(DEPLOYMENTS, with(more.clone())).await;
        assert_eq!(answer.expect_problem(400, "invalid_request"), pointers, "{more}");
        let answer = api.patch(&at("kept"), more.clone()).await;
        assert_eq!(answer.expect_problem(400, "invalid_request"), pointers, "{more}");
    }
    for name in ["kept", "a"] {
        api.post(DEPLOYMENTS, with(json!({"name": name}))).await.expect_problem(409, "name_taken");
    }
    api.patch(&at("kept"), json!({"name": "a"})).await.expect_problem(409, "name_taken");
    let model = json!({"alias": "kept", "model": "p/m"});
    api.post("/api/v1/workspaces/default/models", model).await.expect_problem(409, "name_taken");
    api.post("/api/v1/workspaces/none/deployments", with(json!({}))).await.expect_problem(404, "not_found");
    api.get("/api/v1/workspaces/none/deployments").await.expect_problem(404, "not_found");
    for answer in [api.get(&at("x")).await, api.patch(&at("x"), json!({})).await, api.delete(&at("a%20b")).await] {
        answer.expect_problem(404, "not_found");
    }
    assert_eq!(api.get(&at("kept")).await.expect(200).json, kept.json);
    assert_eq!(*api.store.committed().borrow(), kept.revision());
}

#[tokio::test]
async fn a_deployment_keeps_answers_as_it_says_or_as_its_workspace() {
    let api = api().await;
    let shown = |answer: &Answer| answer.json.get("cache").cloned();
    let made = api.post(DEPLOYMENTS, with(json!({"name": "own", "cache": {"enabled": true}}))).await.expect(201);
    assert_eq!(shown(&made), Some(json!({"enabled": true, "ttl_s": 300})));
    let same = api.patch(&at("own"), made.json.clone()).await.expect(200);
    assert_eq!(same.revision(), made.revision(), "what is read can be sent, and is no change");
    for given in [json!({}), json!({"cache": null})] {
        let made = api.post(DEPLOYMENTS, with(given)).await.expect(201);
        assert_eq!(shown(&made), None);
        api.delete(&at("d")).await.expect(204);
    }
    let rows = [
        (json!({"cache": {"enabled": true, "ttl_s": 60}}), Some(json!({"enabled": true, "ttl_s": 60})), Some(60)),
        (json!({"try_timeout_ms": 5}), Some(json!({"enabled": true, "ttl_s": 60})), Some(60)),
        (json!({"cache": {"enabled": true}}), Some(json!({"enabled": true, "ttl_s": 60})), Some(60)),
        (json!({"cache": {"enabled": false, "ttl_s": 9}}), Some(json!({"enabled": false})), Some(0)),
        (json!({"cache": null}), None, None),
    ];
    for (patch, expected, in_force_s) in rows {
        let changed = api.patch(&at("own"), patch.clone()).await.expect(200);
        assert_eq!(shown(&changed), expected, "{patch}");
        assert_eq!(api.get(&at("own")).await.expect(200).json, changed.json);
        api.published(changed.revision()).await;
        let snapshot = api.publisher.snapshot_for(&["default".parse().unwrap()], &[], None).unwrap();
        assert_eq!(snapshot.workspace("default").unwrap().deployments["own"].cache_ttl_s, in_force_s, "{patch}");
    }
}

#[tokio::test]
async fn rules_follow_a_new_name_and_hold_a_deployment() {
    let api = api().await;
    api.post(DEPLOYMENTS, with(json!({}))).await.expect(201);
    let named = |target: &str| json!([{"name": "r", "target": target}]);
    let refused = api.put(RULES, json!({"rules": [{"target": "d"}, {"target": "x"}]})).await;
    assert_eq!(refused.expect_problem(400, "invalid_request"), ["/rules/1/target"]);
    api.put(RULES, named("d")).await.expect(200);
    assert_eq!(api.patch(&at("d"), json!({"name": "e"})).await.expect(200).json["name"], "e");
    assert_eq!(api.get(RULES).await.expect(200).items()[0]["target"], "e");
    let refused = api.delete(&at("e")).await;
    assert_eq!(refused.json["used_by"], json!([{"workspace": "default", "rule": "r"}]));
    refused.expect_problem(409, "in_use");
    api.delete(&format!("{}?force=true", at("e"))).await.expect(204);
    assert_eq!(api.get(RULES).await.expect(200).items()[0]["broken"], true);
    let linted = api.get("/api/v1/workspaces/default/lint").await.expect(200);
    assert_eq!(
        (&linted.items()[0]["code"], &linted.items()[0]["severity"]),
        (&json!("broken_target"), &json!("error"))
    );
    assert_eq!(linted.items()[0]["pointer"], "/rules/0/target");
}

#[tokio::test]
async fn a_broken_target_may_stay() {
    let api = api().await;
    api.post(DEPLOYMENTS, with(json!({}))).await.expect(201);
    api.delete("/api/v1/workspaces/default/models/a?force=true").await.expect(204);
    let shown = api.get(&at("d")).await.expect(200).json;
    let targets = json!([{"model": "a", "weight": 1, "broken": true}, {"model": "b", "weight": 1}]);
    assert_eq!(shown["targets"], targets);
    let revision = api.patch(&at("d"), shown).await.expect(200).revision();
    assert_eq!(revision, *api.store.committed().borrow());
    assert_eq!(api.patch(&at("d"), json!({"try_timeout_ms": 1})).await.expect(200).json["targets"], targets);
    let other = json!({"targets": [{"model": "a"}, {"model": "gone"}]});
    assert_eq!(api.patch(&at("d"), other).await.expect_problem(400, "invalid_request"), ["/targets/1/model"]);
}

#[tokio::test]
async fn lists_page_over_whole_deployments() {
    let api = api().await;
    for name in ["d1", "d2", "d3"] {
        api.post(DEPLOYMENTS, with(json!({"name": name}))).await.expect(201);
    }
    let first = api.get(&format!("{DEPLOYMENTS}?limit=2")).await.expect(200);
    let second = format!("{DEPLOYMENTS}?limit=2&cursor={}", first.json["next_cursor"].as_str().unwrap());
    let second = api.get(&second).await.expect(200);
    let rows = first.items().iter().chain(second.items());
    let shown: Vec<_> = rows.map(|item| (item["name"].clone(), item["targets"].as_array().unwrap().len())).collect();
    assert_eq!(shown, [(json!("d1"), 2), (json!("d2"), 2), (json!("d3"), 2)]);
    assert!(second.json["next_cursor"].is_null());
}

#[tokio::test]
async fn who_changed_what_is_kept() {
    let api = api().await;
    api.post(DEPLOYMENTS, with(json!({}))).await.expect(201);
    api.patch(&at("d"), json!({"name": "e"})).await.expect(200);
    api.patch(&at("e"), json!({"try_timeout_ms": 1})).await.expect(200);
    api.delete(&at("e")).await.expect(204);
    let audit = api.get("/api/v1/audit?kind=workspace&name=default").await.expect(200);
    let actions: Vec<_> = audit.items().iter().take(4).map(|entry| entry["action"].clone()).collect();
    assert_eq!(actions, ["delete_deployment", "update_deployment", "rename_deployment", "create_deployment"]);
    assert_eq!(audit.items()[1]["after"]["deployment"]["try_timeout_ms"], 1);
}
