//! `/api/v1/workspaces/{name}/export` and `/api/v1/workspaces/import`

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::support::{Api, TOKEN, model_server};

const IMPORT: &str = "/api/v1/workspaces/import";

fn document(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "muxspace/v1", "kind": "Workspace", "metadata": {"name": name}, "spec": spec})
}

/// Texts that YAML could take for something else.
fn full_spec() -> Value {
    json!({
        "description": "yes: # no",
        "custom_instructions": "Be brief.\n\n  - indented \n\ttab, \"quotes\", 'single', ümlaut 🦀\n",
        "models": [
            {"alias": "Null", "model": "p/true", "enabled": false},
            {"alias": "a", "model": "p/vendor/~", "enabled": true, "requests_per_minute": 60},
        ],
        "deployments": [
            {"name": "1.0", "policy": "weighted", "targets": [{"model": "a", "weight": 3}, {"model": "Null", "weight": 1}],
             "retry_on": [429], "try_timeout_ms": 500, "breaker": {"failures": 1, "window_s": 2, "cooldown_s": 3},
             "cache": {"enabled": true, "ttl_s": 60}},
            {"name": "off", "policy": "ordered", "targets": [{"model": "a", "weight": 1}], "retry_on": [429],
             "try_timeout_ms": 0, "breaker": {"failures": 1, "window_s": 2, "cooldown_s": 3}, "cache": {"enabled": false}},
        ],
        "rules": [
            {"name": "null", "when": {"file": ["*.md", "[ab]*", "!x"], "tools": true}, "target": "p/true"},
            {"name": "123", "when": {"language": ["rust"], "min_tokens": 10}, "turns": "last", "target": "p/~",
             "instructions": "---\n%x\n"},
            {"name": "on", "when": {"header": [{"name": "x-team", "value": "0x1F"}], "images": false}, "target": "p/1.0"},
            {"name": "named", "target": "1.0"},
            {"name": "- rest", "target": "requested"},
        ],
        "settings": {"switch": "user_turn", "anonymous": false, "open_collection": true,
                     "cache": {"enabled": true, "ttl_s": 600}},
    })
}

#[tokio::test]
async fn what_is_exported_is_imported_the_same() {
    let api = Api::with_provider().await;
    let given = document("w", full_spec());
    let imported = api.post(IMPORT, given.clone()).await.expect(201);
    assert_eq!(imported.json["name"], "w");
    assert_eq!(imported.json["rules"], 5);
    assert_eq!(imported.json["changes"], json!([{"path": "", "before": null, "after": given}]));
    assert_eq!(imported.json["warnings"], json!([]));
    let exported = api.get("/api/v1/workspaces/w/export").await.expect(200);
    assert_eq!(exported.json, given);

    let yaml = api.get("/api/v1/workspaces/w/export?format=yaml").await.expect(200);
    assert_eq!(yaml.headers["content-type"], "application/yaml");
    let request = Request::get("/api/v1/workspaces/w/export")
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("accept", "application/yaml, */*");
    assert_eq!(api.send(request.body(Body::empty()).unwrap()).await.expect(200).bytes, yaml.bytes);
    let other = Api::with_provider().await;
    for content_type in ["application/yaml", "text/plain"] {
        let path = format!("{IMPORT}?mode=replace");
        other.typed("POST", &path, content_type, yaml.bytes.clone()).await;
        assert_eq!(other.get("/api/v1/workspaces/w/export").await.expect(200).json, given);
        let [ours, theirs] = [&api, &other].map(|api| api.get("/api/v1/workspaces/w/rules"));
        assert_eq!(ours.await.json, theirs.await.json);
        other.patch("/api/v1/workspaces/w", json!({"description": "other", "settings": {"switch": null}})).await;
    }
    other.typed("POST", &format!("{IMPORT}?mode=replace"), "", given.to_string()).await.expect(200);
    assert_eq!(other.get("/api/v1/workspaces/w/export").await.expect(200).json, given);
    api.get("/api/v1/workspaces/none/export").await.expect_problem(404, "not_found");
    api.get("/api/v1/workspaces/w/export?format=xml").await.expect_problem(400, "invalid_query");
}

#[tokio::test]
async fn a_replacement_says_what_it_changes() {
    let api = Api::with_provider().await;
    api.post(IMPORT, document("w", full_spec())).await.expect(201);
    api.post(IMPORT, document("w", full_spec())).await.expect_problem(409, "name_taken");
    let replace = format!("{IMPORT}?mode=replace");
    let same = api.post(&replace, document("w", full_spec())).await.expect(200);
    assert_eq!(same.json["changes"], json!([]));
    let after = json!({"rules": [{"name": "null", "target": "p/x"}]});
    let dry = api.post(&format!("{replace}&dry_run=true"), document("w", after.clone())).await.expect(200);
    let paths: Vec<_> = dry.json["changes"].as_array().unwrap().iter().map(|one| one["path"].clone()).collect();
    let expected = [
        "/spec/description",
        "/spec/custom_instructions",
        "/spec/models/Null",
        "/spec/models/a",
        "/spec/deployments/1.0",
        "/spec/deployments/off",
        "/spec/rules/null",
        "/spec/rules/123",
        "/spec/rules/on",
        "/spec/rules/named",
        "/spec/rules/- rest",
        "/spec/settings/anonymous",
        "/spec/settings/cache/enabled",
        "/spec/settings/cache/ttl_s",
        "/spec/settings/open_collection",
        "/spec/settings/switch",
    ];
    assert_eq!(paths, expected);
    assert_eq!((dry.json["rules"].clone(), dry.revision()), (json!(1), same.revision()));
    assert_eq!(api.get("/api/v1/workspaces/w/export").await.json, document("w", full_spec()), "nothing changed");
    let real = api.post(&replace, document("w", after)).await.expect(200);
    assert_eq!(real.json["changes"], dry.json["changes"]);
    assert_eq!(real.revision(), same.revision() + 1);
    api.post(&replace, document("default", json!({"description": "d"}))).await.expect(200);
    assert_eq!(api.get("/api/v1/workspaces/default").await.json["description"], "d");
    api.post(IMPORT, document("default", json!({}))).await.expect_problem(409, "name_taken");
}

#[tokio::test]
async fn a_dry_run_of_a_new_workspace_makes_nothing() {
    let api = Api::with_provider().await;
    let before = *api.store.committed().borrow();
    let dry = api.post(&format!("{IMPORT}?dry_run=true"), document("w", full_spec())).await.expect(200);
    assert_eq!((&dry.json["name"], dry.revision()), (&json!("w"), before));
    api.get("/api/v1/workspaces/w").await.expect_problem(404, "not_found");
    assert_eq!(*api.store.committed().borrow(), before);
}

#[tokio::test]
async fn models_that_are_not_listed_are_warned_of() {
    let api = Api::with_provider().await;
    let endpoint = model_server(200, r#"{"data": [{"id": "known"}]}"#).await;
    let lists = json!({"name": "lists", "type": "openai", "endpoint": endpoint});
    api.post("/api/v1/providers", lists).await.expect(201);
    let rules = json!([{"target": "lists/known"}, {"target": "lists/unknown"}, {"target": "p/any"}]);
    let models = json!([
        {"alias": "b", "model": "lists/unknown"}, {"alias": "a", "model": "lists/known"}, {"alias": "c", "model": "p/any"},
    ]);
    let imported = api.post(IMPORT, document("w", json!({"rules": rules, "models": models}))).await.expect(201);
    let warnings = imported.json["warnings"].as_array().unwrap();
    let told: Vec<_> = warnings.iter().map(|one| (one["code"].clone(), one["pointer"].clone())).collect();
    let expected = ["/spec/rules/1/target", "/spec/models/0/model"].map(|at| (json!("missing_model"), json!(at)));
    assert_eq!(told, expected);
}

#[tokio::test]
async fn refused_documents_change_nothing() {
    let api = Api::with_provider().await;
    let before = *api.store.committed().borrow();
    let mut rows = vec![
        (json!({"kind": "Workspace", "metadata": {"name": "w"}}), ""),
        (json!([]), ""),
        (json!({"apiVersion": "muxspace/v9", "kind": "Workspace", "metadata": {"name": "w"}}), "/apiVersion"),
        (json!({"apiVersion": "muxspace/v1", "kind": "Model", "metadata": {"name": "w"}}), "/kind"),
        (document("a b", json!({})), "/metadata/name"),
    ];
    let specs = [
        (json!({"colour": 1}), "/spec/colour"),
        (json!({"models": [{"alias": "a", "model": "none/m"}]}), "/spec/models/0/model"),
        (json!({"models": [{"alias": "mux", "model": "p/m"}]}), "/spec/models/0/alias"),
        (json!({"models": [{"alias": "a", "model": "p/m"}, {"alias": "a", "model": "p/n"}]}), "/spec/models/1/alias"),
        (json!({"models": [{"alias": "a", "model": "p/m", "broken": true}]}), "/spec/models/0/broken"),
        (json!({"deployments": [{"name": "d", "targets": [{"model": "a"}]}]}), "/spec/deployments/0/targets/0/model"),
        (json!({"deployments": [{"name": "d", "targets": []}]}), "/spec/deployments/0/targets"),
        (json!({"deployments": [{"name": "d", "targets": [], "cache": {}}]}), "/spec/deployments/0/cache"),
        (
            json!({"deployments": [{"name": "d", "targets": [], "cache": {"enabled": true, "ttl_s": 0}}]}),
            "/spec/deployments/0/cache/ttl_s",
        ),
        (json!({"settings": {"cache": {"ttl_s": 86_401}}}), "/spec/settings/cache/ttl_s"),
        (json!({"rules": [{"target": "d"}]}), "/spec/rules/0/target"),
        (json!({"keys": []}), "/spec/keys"),
        (json!({"settings": {"colour": 1}}), "/spec/settings/colour"),
        (json!({"description": "x".repeat(5_000)}), "/spec/description"),
        (json!({"custom_instructions": "x".repeat(65_537)}), "/spec/custom_instructions"),
        (json!({"rules": [{"target": "p/m"}, {"target": "none/m"}]}), "/spec/rules/1/target"),
        (json!({"rules": [{"target": "p/m", "colour": 1}]}), "/spec/rules/0/colour"),
        (json!({"rules": [{"when": {"persona": "x"}, "target": "p/m"}]}), "/spec/rules/0/when/persona"),
        (json!({"rules": [{"when": {"file": "[a"}, "target": "p/m"}]}), "/spec/rules/0/when/file/0"),
    ];
    rows.extend(specs.map(|(spec, pointer)| (document("w", spec), pointer)));
    for (body, pointer) in rows {
        for path in [IMPORT.to_owned(), format!("{IMPORT}?mode=replace"), format!("{IMPORT}?dry_run=true")] {
            let answer = api.post(&path, body.clone()).await;
            let text: String = body.to_string().chars().take(150).collect();
            assert_eq!(answer.expect_problem(400, "invalid_request"), [pointer], "{text}");
        }
    }
    let yaml = "apiVersion: muxspace/v1\nkind: Workspace\nmetadata: {name: w}\nspec:\n  rules:\n  - targets: p/m\n";
    let answer = api.typed("POST", IMPORT, "application/yaml", yaml).await;
    assert_eq!(answer.expect_problem(400, "invalid_request"), ["/spec/rules/0/targets"]);
    let bomb: String = (1..12)
        .map(|level| format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 12].join(", ")))
        .collect();
    let bomb = format!("a0: &a0 x\n{bomb}");
    for text in ["a: [", "*alias", "a: 1\na: 2\n", bomb.as_str()] {
        let answer = api.typed("POST", IMPORT, "application/yaml", text.to_owned()).await;
        answer.expect_problem(400, "invalid_yaml");
    }
    api.typed("POST", IMPORT, "application/json", "{").await.expect_problem(400, "invalid_json");
    api.post(&format!("{IMPORT}?mode=merge"), document("w", json!({}))).await.expect_problem(400, "invalid_query");
    api.post("/api/v1/workspaces/default", json!({})).await.expect_problem(405, "method_not_allowed");
    api.get("/api/v1/workspaces/w").await.expect_problem(404, "not_found");
    assert_eq!(*api.store.committed().borrow(), before);
}

#[tokio::test]
async fn an_archived_workspace_is_not_replaced() {
    let api = Api::start().await;
    api.post(IMPORT, document("w", json!({}))).await.expect(201);
    api.post("/api/v1/workspaces/w/archive", json!({})).await.expect(200);
    let replace = format!("{IMPORT}?mode=replace");
    api.post(&replace, document("w", json!({}))).await.expect_problem(409, "workspace_archived");
    api.post(IMPORT, document("w", json!({}))).await.expect_problem(409, "name_taken");
}
