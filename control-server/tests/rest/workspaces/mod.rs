//! `/api/v1/workspaces`

mod activate;
mod archive;
mod deployments;
mod instructions;
mod keys;
mod lint;
mod models;
mod rules;
mod transfer;

use serde_json::json;

use crate::support::Api;

#[tokio::test]
async fn a_workspace_is_made_shown_and_listed() {
    let api = Api::with_provider().await;
    let body = json!({"name": "Backend", "description": "services", "rules": [{"target": "p/m"}]});
    let made = api.post("/api/v1/workspaces", body).await.expect(201);
    assert_eq!(made.json["name"], "backend");
    assert_eq!(made.json["description"], "services");
    assert_eq!(made.json["rules"], 1);
    assert_eq!(made.json["active_in"], json!([]));
    assert!(made.json["archived_at"].is_null());
    assert!(made.json["created_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(made.revision(), 3);
    assert_eq!(made.json["custom_instructions"], "");
    assert_eq!(
        made.json["settings"],
        json!({"switch": "anytime", "anonymous": true, "open_collection": false, "cache": {"enabled": false, "ttl_s": 300}})
    );
    assert_eq!(api.get("/api/v1/workspaces/BackEnd").await.expect(200).json, made.json);
    let listed = api.get("/api/v1/workspaces").await.expect(200);
    assert!(listed.items()[0].get("custom_instructions").is_none(), "a list is short");
    let names: Vec<_> = listed.items().iter().map(|item| item["name"].clone()).collect();
    assert_eq!(names, ["backend", "default"]);
    assert_eq!(listed.items()[1]["active_in"], json!(["default"]));
    assert!(api.get("/api/v1/workspaces?archived=true").await.expect(200).items().is_empty());
    assert_eq!(api.get("/api/v1/workspaces?archived=any").await.expect(200).items().len(), 2);
}

#[tokio::test]
async fn names_are_unique_well_formed_and_not_reserved() {
    let api = Api::start().await;
    api.post("/api/v1/workspaces", json!({"name": "a"})).await.expect(201);
    api.post("/api/v1/workspaces", json!({"name": "A"})).await.expect_problem(409, "name_taken");
    let reserved = api.post("/api/v1/workspaces", json!({"name": "default"})).await;
    assert_eq!(reserved.expect_problem(400, "name_reserved"), ["/name"]);
    for name in ["", "-a", "a b", "ä", "a/b", &"a".repeat(64)] {
        let answer = api.post("/api/v1/workspaces", json!({"name": name})).await;
        assert_eq!(answer.expect_problem(400, "invalid_request"), ["/name"], "{name}");
    }
    for word in ["activate", "rules", "workspaces", "export", "import", "v1"] {
        let path = format!("/api/v1/workspaces/{word}");
        api.post("/api/v1/workspaces", json!({"name": word})).await.expect(201);
        api.get(&path).await.expect(200);
        api.patch(&path, json!({"description": "d"})).await.expect(200);
        api.post(&format!("{path}/archive"), json!({})).await.expect(200);
        api.delete(&path).await.expect(204);
    }
}

#[tokio::test]
async fn a_refused_workspace_leaves_nothing() {
    let api = Api::start().await;
    let rows = [
        (json!({"name": "w", "colour": 1}), "/colour"),
        (json!({"name": "w", "description": 1}), "/description"),
        (json!({"name": "w", "description": "x".repeat(5_000)}), "/description"),
        (json!({"name": "w", "custom_instructions": "x".repeat(65_537)}), "/custom_instructions"),
        (json!({"name": "w", "settings": {"switch": "never"}}), "/settings/switch"),
        (json!({"name": "w", "settings": {"colour": 1}}), "/settings/colour"),
        (json!({"name": "w", "settings": {"cache": {"ttl_s": 0}}}), "/settings/cache/ttl_s"),
        (json!({"name": "w", "rules": [{"target": "none/m"}]}), "/rules/0/target"),
        (json!({"name": "w", "rules": [{"target": "none"}]}), "/rules/0/target"),
        (json!({"name": "w", "rules": [{"when": {"file": [1]}, "target": "requested"}]}), "/rules/0/when/file/0"),
    ];
    for (body, pointer) in rows {
        let answer = api.post("/api/v1/workspaces", body).await;
        assert_eq!(answer.expect_problem(400, "invalid_request"), [pointer]);
        api.get("/api/v1/workspaces/w").await.expect_problem(404, "not_found");
    }
    assert_eq!(api.post("/api/v1/workspaces", json!({"name": "w"})).await.expect(201).revision(), 2);
}

#[tokio::test]
async fn a_description_changes_and_clears() {
    let api = Api::start().await;
    let path = "/api/v1/workspaces/default";
    let changed = api.patch(path, json!({"description": "all"})).await.expect(200);
    assert_eq!(changed.json["description"], "all");
    let revision = changed.revision();
    assert_eq!(api.patch(path, json!({"description": "all"})).await.expect(200).revision(), revision);
    assert_eq!(api.patch(path, json!({})).await.expect(200).json["description"], "all");
    assert_eq!(api.patch(path, json!({"description": ""})).await.expect(200).json["description"], "");
    assert_eq!(api.patch(path, json!({"rules": []})).await.expect_problem(400, "invalid_request"), ["/rules"]);
    api.patch("/api/v1/workspaces/none", json!({})).await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn everything_that_is_given_is_made_and_changed() {
    let api = Api::start().await;
    let body = json!({"name": "w", "custom_instructions": "Be brief.", "settings": {"anonymous": false}});
    let made = api.post("/api/v1/workspaces", body).await.expect(201).json;
    assert_eq!(made["custom_instructions"], "Be brief.");
    assert_eq!(
        made["settings"],
        json!({"switch": "anytime", "anonymous": false, "open_collection": false, "cache": {"enabled": false, "ttl_s": 300}})
    );
    let path = "/api/v1/workspaces/w";
    let changed = api.patch(path, json!({"settings": {"switch": "user_turn"}})).await.expect(200).json;
    assert_eq!(
        changed["settings"],
        json!({"switch": "user_turn", "anonymous": false, "open_collection": false, "cache": {"enabled": false, "ttl_s": 300}})
    );
    assert_eq!(changed["custom_instructions"], "Be brief.");
    let reset = json!({"settings": {"anonymous": null}, "custom_instructions": ""});
    let changed = api.patch(path, reset).await.expect(200).json;
    assert_eq!(
        changed["settings"],
        json!({"switch": "user_turn", "anonymous": true, "open_collection": false, "cache": {"enabled": false, "ttl_s": 300}})
    );
    assert_eq!(changed["custom_instructions"], "");
    let rows = [
        (json!({"settings": {"switch": 1}}), "/settings/switch"),
        (json!({"settings": {"colour": 1}}), "/settings/colour"),
        (json!({"settings": {"open_collection": "yes"}}), "/settings/open_collection"),
        (json!({"settings": {"cache": true}}), "/settings/cache"),
        (json!({"settings": {"cache": {"enabled": "yes"}}}), "/settings/cache/enabled"),
        (json!({"settings": {"cache": {"ttl_s": 0}}}), "/settings/cache/ttl_s"),
        (json!({"settings": {"cache": {"ttl_s": 86_401}}}), "/settings/cache/ttl_s"),
        (json!({"settings": {"cache": {"ttl_s": -1}}}), "/settings/cache/ttl_s"),
        (json!({"settings": {"cache": {"ttl_s": 1.5}}}), "/settings/cache/ttl_s"),
        (json!({"settings": {"cache": {"bytes": 1}}}), "/settings/cache/bytes"),
        (json!({"settings": 1}), "/settings"),
        (json!({"custom_instructions": "x".repeat(65_537)}), "/custom_instructions"),
        (json!({"name": "a b"}), "/name"),
    ];
    for (body, pointer) in rows {
        assert_eq!(api.patch(path, body).await.expect_problem(400, "invalid_request"), [pointer]);
    }
    assert_eq!(api.get(path).await.expect(200).json, changed);
}

#[tokio::test]
async fn answers_are_kept_as_the_settings_say() {
    let api = Api::start().await;
    let path = "/api/v1/workspaces/w";
    let made = api.post("/api/v1/workspaces", json!({"name": "w", "settings": {"cache": {"enabled": true}}})).await;
    assert_eq!(made.expect(201).json["settings"]["cache"], json!({"enabled": true, "ttl_s": 300}));
    let rows = [
        (json!({"ttl_s": 1}), json!({"enabled": true, "ttl_s": 1}), 1),
        (json!({"enabled": false, "ttl_s": 86_400}), json!({"enabled": false, "ttl_s": 86_400}), 0),
        (json!({"enabled": true}), json!({"enabled": true, "ttl_s": 86_400}), 86_400),
        (json!({"ttl_s": null}), json!({"enabled": true, "ttl_s": 300}), 300),
        (json!(null), json!({"enabled": false, "ttl_s": 300}), 0),
    ];
    for (patch, shown, in_force_s) in rows {
        let changed = api.patch(path, json!({"settings": {"cache": patch}})).await.expect(200);
        assert_eq!(changed.json["settings"]["cache"], shown, "{patch}");
        assert_eq!(changed.json["settings"]["anonymous"], true);
        api.published(changed.revision()).await;
        let snapshot = api.publisher.snapshot_for(&["w".parse().unwrap()], &[], None).unwrap();
        assert_eq!(snapshot.workspace("w").unwrap().cache_ttl_s, in_force_s, "{patch}");
    }
}

#[tokio::test]
async fn what_holds_of_a_collection_is_shown() {
    let api = Api::start().await;
    api.post("/api/v1/workspaces", json!({"name": "w"})).await.expect(201);
    for (name, unless_said) in [("default", true), ("w", false)] {
        let path = format!("/api/v1/workspaces/{name}");
        let shown = |doc: &serde_json::Value| doc["settings"]["open_collection"].as_bool().unwrap();
        assert_eq!(shown(&api.get(&path).await.expect(200).json), unless_said, "{name}");
        for (patch, expected) in [(json!(!unless_said), !unless_said), (json!(null), unless_said)] {
            let patch = json!({"settings": {"open_collection": patch}});
            assert_eq!(shown(&api.patch(&path, patch).await.expect(200).json), expected, "{name}");
        }
    }
}

#[tokio::test]
async fn a_renamed_workspace_keeps_what_points_at_it() {
    let api = Api::with_provider().await;
    let rules = json!([{"name": "all", "target": "p/m"}]);
    api.post("/api/v1/workspaces", json!({"name": "w", "rules": rules})).await.expect(201);
    api.post("/api/v1/workspaces/w/activate", json!({})).await.expect(200);
    let renamed = api.patch("/api/v1/workspaces/w", json!({"name": "Other"})).await.expect(200);
    assert_eq!((&renamed.json["name"], &renamed.json["active_in"]), (&json!("other"), &json!(["default"])));
    api.get("/api/v1/workspaces/w").await.expect_problem(404, "not_found");
    assert_eq!(api.get("/api/v1/workspaces/other/rules").await.items()[0]["name"], "all");
    assert_eq!(api.get("/api/v1/sessions/default").await.json["active_workspace"], "other");
    let same = api.patch("/api/v1/workspaces/other", json!({"name": "OTHER"})).await.expect(200);
    assert_eq!(same.revision(), renamed.revision(), "nothing changed");
    api.post("/api/v1/workspaces", json!({"name": "w"})).await.expect(201);
    let taken = api.patch("/api/v1/workspaces/w", json!({"name": "other"})).await;
    taken.expect_problem(409, "name_taken");
    api.patch("/api/v1/workspaces/default", json!({"name": "x"})).await.expect_problem(409, "always_exists");
    let edited = json!({"name": "default", "description": "d", "custom_instructions": "i"});
    api.patch("/api/v1/workspaces/default", edited).await.expect(200);
}

#[tokio::test]
async fn lists_page_by_cursor() {
    let api = Api::start().await;
    for number in 0..5 {
        api.post("/api/v1/workspaces", json!({"name": format!("w{number}")})).await.expect(201);
    }
    let mut names = Vec::new();
    let mut path = "/api/v1/workspaces?limit=4".to_owned();
    loop {
        let page = api.get(&path).await.expect(200);
        names.extend(page.items().iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        match page.json["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/workspaces?limit=4&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(names, ["default", "w0", "w1", "w2", "w3", "w4"]);
    let exact = api.get("/api/v1/workspaces?limit=6").await.expect(200);
    assert!(exact.json["next_cursor"].is_null());
}
