//! Providers, models and personas beyond what the API shows.

use serde_json::{Value, json};

use super::*;
use crate::domain::model::{Facts, MODELS_MAX, OfferedModel, OverridesPatch};
use crate::domain::persona::{PERSONAS_MAX, PersonaPatch, PersonaText};
use crate::domain::price::Price;
use crate::domain::provider::PROVIDERS_MAX;

/// Action, kind, name, before and after of what was noted about this kind, in order.
async fn noted(store: &Store, kind: &str) -> Vec<(String, String, Value, Value)> {
    let rows =
        sqlx::query("SELECT actor, action, name, before, after FROM audit WHERE kind = $1 ORDER BY revision, number")
            .bind(kind.to_owned())
            .fetch_all(store.pool())
            .await
            .unwrap();
    let value = |row: &sqlx::any::AnyRow, column: &str| {
        let text: Option<String> = sqlx::Row::get(row, column);
        text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())
    };
    rows.iter()
        .map(|row| {
            assert_eq!(sqlx::Row::get::<String, _>(row, "actor"), "admin");
            let text = |column: &str| sqlx::Row::get::<String, _>(row, column);
            (text("action"), text("name"), value(row, "before"), value(row, "after"))
        })
        .collect()
}

fn note(action: &str, name: &str, before: &Value, after: &Value) -> (String, String, Value, Value) {
    (action.to_owned(), name.to_owned(), before.clone(), after.clone())
}

#[tokio::test]
async fn what_is_done_to_a_provider_is_noted_without_its_key() {
    let database = Database::new();
    let store = database.open().await.acting_as(Actor::Admin);
    store.create_provider(&provider("a", Some("sk-secret"))).await.unwrap();
    let patch = |name: Option<&str>, description: &str| ProviderPatch {
        name: name.map(self::name),
        description: Some(description.to_owned()),
        auth: Some(AuthPatch::Passthrough),
        ..ProviderPatch::default()
    };
    store.patch_provider(&name("a"), &patch(None, "x")).await.unwrap();
    store.patch_provider(&name("a"), &patch(None, "x")).await.unwrap();
    store.patch_provider(&name("a"), &patch(Some("b"), "x")).await.unwrap();
    store.record_models(&name("b"), Ok(vec!["m".to_owned().into()])).await.unwrap();
    store.delete_provider(&name("b"), IfUsed::Refuse).await.unwrap();
    assert!(store.delete_provider(&name("b"), IfUsed::Refuse).await.is_err());

    let shown = |name: &str, auth: Value, description: &str| {
        json!({"name": name, "type": "openai", "endpoint": "http://127.0.0.1:9/v1", "auth": auth,
            "description": description})
    };
    let passthrough = json!({"type": "passthrough", "configured": false});
    let made = shown("a", json!({"type": "api_key", "configured": true}), "");
    let (changed, renamed) = (shown("a", passthrough.clone(), "x"), shown("b", passthrough, "x"));
    let expected = [
        note("create", "a", &Value::Null, &made),
        note("update", "a", &made, &changed),
        note("rename", "b", &changed, &renamed),
        note("delete", "b", &renamed, &Value::Null),
    ];
    assert_eq!(noted(&store, "provider").await, expected);
}

#[tokio::test]
async fn overrides_and_personas_are_noted_and_no_node_is_told() {
    let database = Database::new();
    let store = database.open().await.acting_as(Actor::Admin);
    let new = NewProvider { models: vec!["m".to_owned()], ..provider("a", None) };
    store.create_provider(&new).await.unwrap();
    let before = *store.committed().borrow();
    let patch = OverridesPatch { price: Some(Some(Price::usd(1, 2))), ..OverridesPatch::default() };
    let (_, revision) = store.override_model(&name("a"), "m", &patch).await.unwrap();
    assert_eq!(revision, before + 1);
    assert_eq!(store.override_model(&name("a"), "m", &patch).await.unwrap().1, revision, "the same");
    let [(action, model, was, is)] = noted(&store, "model").await.try_into().unwrap();
    assert_eq!((action.as_str(), model.as_str(), &was["price"]), ("update", "a/m", &Value::Null));
    assert_eq!(is["price"]["output_micro_usd_per_mtok"], 2_000_000);

    let text = PersonaText::new("d".to_owned(), String::new()).unwrap();
    store.create_persona(&name("p"), &text).await.unwrap();
    let patch = PersonaPatch { name: Some(name("q")), instructions: Some("i".to_owned()), ..PersonaPatch::default() };
    store.patch_persona(&name("p"), &patch).await.unwrap();
    store.delete_persona(&name("q")).await.unwrap();
    let made = json!({"name": "p", "description": "d", "instructions": ""});
    let renamed = json!({"name": "q", "description": "d", "instructions": "i"});
    let expected = [
        note("create", "p", &Value::Null, &made),
        note("rename", "q", &made, &renamed),
        note("delete", "q", &renamed, &Value::Null),
    ];
    assert_eq!(noted(&store, "persona").await, expected);

    let changes = store.changes_since(before).await.unwrap().unwrap();
    assert!(changes.providers.is_empty() && changes.workspaces.is_empty() && changes.sessions.is_empty());
}

#[tokio::test]
async fn overrides_outlive_a_model_that_comes_and_goes() {
    let database = Database::new();
    let store = database.open().await;
    store.create_provider(&provider("a", None)).await.unwrap();
    let list = async |ids: &[&str]| {
        let said = Facts { context_tokens: Some(5), ..Facts::default() };
        let listed = ids.iter().map(|id| OfferedModel { id: (*id).to_owned(), said: said.clone() }).collect();
        store.record_models(&name("a"), Ok(listed)).await.unwrap();
    };
    list(&["m"]).await;
    let price = Some(Price::usd(1, 2));
    let patch = OverridesPatch { price: Some(price), ..OverridesPatch::default() };
    store.override_model(&name("a"), "m", &patch).await.unwrap();
    list(&["other"]).await;
    assert!(matches!(store.model(&name("a"), "m").await, Err(StoreError::NotFound { kind: Kind::Model, .. })));
    let refused = store.override_model(&name("a"), "m", &patch).await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })));
    list(&["m"]).await;
    let back = store.model(&name("a"), "m").await.unwrap();
    assert_eq!((back.facts.price, back.facts.context_tokens), (price, Some(5)));
    store.delete_provider(&name("a"), IfUsed::Refuse).await.unwrap();
    store.create_provider(&provider("a", None)).await.unwrap();
    list(&["m"]).await;
    assert_eq!(store.model(&name("a"), "m").await.unwrap().facts.price, None, "another provider of that name");
}

#[tokio::test]
async fn nothing_grows_without_bound() {
    let database = Database::new();
    let store = database.open().await;
    store.create_provider(&provider("a", None)).await.unwrap();
    store.record_models(&name("a"), Ok(vec!["m".to_owned().into()])).await.unwrap();
    let mut write = store.write().await.unwrap();
    let fill = |table: &'static str, columns: &'static str, values: &'static str, rows: usize| {
        sqlx::AssertSqlSafe(format!(
            "WITH RECURSIVE n (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 999 + {rows}) \
             INSERT INTO {table} ({columns}) SELECT {values} FROM n"
        ))
    };
    let statements = [
        fill(
            "personas",
            "id, name, description, instructions, created_at, updated_at",
            "i, 'n' || i, 'd', '', 0, 0",
            PERSONAS_MAX,
        ),
        fill("model_overrides", "provider_id, model_id, overrides", "2, 'o' || i, '{}'", MODELS_MAX),
        fill(
            "providers",
            "id, name, kind, endpoint, auth, description, created_at, updated_at",
            "i, 'n' || i, 'vllm', 'http://127.0.0.1:9', 'none', '', 0, 0",
            PROVIDERS_MAX - 1,
        ),
    ];
    for statement in statements {
        sqlx::query(statement).execute(write.connection()).await.unwrap();
    }
    write.touch(Kind::Session, DEFAULT);
    write.commit().await.unwrap();

    let text = PersonaText::new("d".to_owned(), String::new()).unwrap();
    let persona = store.create_persona(&name("b"), &text).await.map(|_| ());
    let patch = OverridesPatch { price: Some(Some(Price::usd(1, 2))), ..OverridesPatch::default() };
    let overridden = store.override_model(&name("a"), "m", &patch).await.map(|_| ());
    let made = store.create_provider(&provider("b", None)).await.map(|_| ());
    for refused in [persona, overridden, made] {
        assert!(matches!(refused, Err(StoreError::Full { .. })), "{refused:?}");
    }
}
