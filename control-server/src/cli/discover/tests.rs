//! First starts among servers of every state.

use axum::http::StatusCode;
use axum::{Router, routing};

use super::*;
use crate::domain::provider::{LinkLocal, Status};
use crate::outbound::system_lookup;
use crate::store::MasterKey;

async fn store(folder: &tempfile::TempDir) -> Store {
    let url = format!("sqlite:{}", folder.path().join("muxspace.db").display());
    Store::open(&url, MasterKey::generate()).await.unwrap()
}

fn client() -> ModelClient {
    ModelClient::new(LinkLocal::Refused, system_lookup()).unwrap()
}

fn address() -> HostPort {
    "127.0.0.1:8990".parse().unwrap()
}

async fn endpoint_of_echo(store: &Store) -> String {
    store.provider(&name(echo::PROVIDER).unwrap()).await.unwrap().endpoint.to_string()
}

/// The target of the only rule.
async fn target(store: &Store) -> String {
    let rules = store.rules(&name(config::DEFAULT).unwrap()).await.unwrap();
    assert_eq!(rules.len(), 1);
    rules[0].rule.target.to_string()
}

async fn names(store: &Store) -> Vec<String> {
    let listed = store.providers(&Page { after: None, limit: 10 }).await.unwrap();
    listed.items.iter().map(|provider| provider.name.to_string()).collect()
}

async fn listen() -> (tokio::net::TcpListener, String) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    (listener, origin)
}

/// Answers every path alike.
async fn server(status: u16, body: &'static str) -> String {
    let (listener, origin) = listen().await;
    let status = StatusCode::from_u16(status).unwrap();
    let router = Router::new().fallback(routing::any(move || async move { (status, body) }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    origin
}

/// Takes connections and says nothing.
async fn silent_server() -> String {
    let (listener, origin) = listen().await;
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    origin
}

/// Ends each connection at once.
async fn rude_server() -> String {
    let (listener, origin) = listen().await;
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    origin
}

fn program(kind: Kind, endpoint: String) -> Candidate {
    Candidate { kind, endpoint, role: Role::Program }
}

#[tokio::test]
async fn an_empty_store_gets_the_echo_and_a_rule_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    for _ in 0..2 {
        on_first_start(&store, &client(), &Surroundings::none(), &address()).await.unwrap();
        assert_eq!(target(&store).await, "echo/echo");
    }
    assert_eq!(endpoint_of_echo(&store).await, "http://127.0.0.1:8990/echo/v1");
}

#[test]
fn ollamas_own_variable_says_where_it_is() {
    for (host, endpoint) in [
        ("", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        (":9000", "http://127.0.0.1:9000"),
        ("box", "http://box:11434"),
        ("https://box.example:443/", "https://box.example:443"),
        ("[::1]:9000", "http://[::1]:9000"),
    ] {
        assert_eq!(ollama_endpoint(host), endpoint, "{host}");
    }
}

#[tokio::test]
async fn a_local_ollama_in_any_state_does_not_keep_the_server_from_starting() {
    const LISTED: &str = r#"{"models":[{"name":"nomic-embed-text"},{"name":"llama3.2:3b"}]}"#;
    // What is found then, and where the first rule leads.
    let rows = [
        (server(200, LISTED).await, "ollama", "ollama/llama3.2:3b"),
        (server(200, r#"{"models":[{"name":"nomic-embed-text"}]}"#).await, "echo ollama", "echo/echo"),
        (server(200, r#"{"models":[]}"#).await, "echo ollama", "echo/echo"),
        (server(200, r#"{"models":null}"#).await, "echo ollama", "echo/echo"),
        (server(200, r#"{"models":[{"name":7},null,{"name":""}]}"#).await, "echo ollama", "echo/echo"),
        (server(200, r#"{"models":{"a":1}}"#).await, "echo", "echo/echo"),
        (server(200, "Ollama is running").await, "echo", "echo/echo"),
        (server(200, "").await, "echo", "echo/echo"),
        (server(500, LISTED).await, "echo", "echo/echo"),
        (server(401, LISTED).await, "echo", "echo/echo"),
        (server(301, "").await, "echo", "echo/echo"),
        (silent_server().await, "echo", "echo/echo"),
        (rude_server().await, "echo", "echo/echo"),
        ("http://127.0.0.1:9".to_owned(), "echo", "echo/echo"),
        ("no endpoint".to_owned(), "echo", "echo/echo"),
    ];
    for (number, (endpoint, providers, rule)) in rows.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        let surroundings = Surroundings(vec![program(Kind::Ollama, endpoint)]);
        on_first_start(&store, &client(), &surroundings, &address()).await.unwrap();
        assert_eq!(names(&store).await.join(" "), providers, "row {number}");
        assert_eq!(target(&store).await, rule, "row {number}");
    }
}

#[tokio::test]
async fn services_come_first_and_are_there_also_when_they_do_not_answer() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let service = |kind, endpoint: &str, preferred| {
        let role = Role::Service { key: "sk-1".into(), preferred };
        Candidate { kind, endpoint: endpoint.to_owned(), role }
    };
    let local = server(200, r#"{"models":[{"name":"m"}]}"#).await;
    let surroundings =
        Surroundings(vec![service(Kind::Openai, "http://127.0.0.1:9/v1", &["gpt-x"]), program(Kind::Ollama, local)]);
    on_first_start(&store, &client(), &surroundings, &address()).await.unwrap();
    assert_eq!(names(&store).await, ["ollama", "openai"]);
    assert_eq!(target(&store).await, "openai/gpt-x");
    let status = async |text| store.provider(&name(text).unwrap()).await.unwrap().status;
    assert!(matches!(status("openai").await, Status::Unreachable { .. }));
    assert!(matches!(status("ollama").await, Status::Reachable { .. }));
}

#[tokio::test]
async fn the_echo_follows_the_server_and_anybody_elses_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    on_first_start(&store, &client(), &Surroundings::none(), &address()).await.unwrap();
    let moved: HostPort = "control-server:9000".parse().unwrap();
    refresh_echo(&store, &moved).await.unwrap();
    assert_eq!(endpoint_of_echo(&store).await, "http://control-server:9000/echo/v1");

    let own = endpoint("https://example.test/v1").unwrap();
    let patch = ProviderPatch { endpoint: Some(own), ..Default::default() };
    store.patch_provider(&name(echo::PROVIDER).unwrap(), &patch).await.unwrap();
    refresh_echo(&store, &moved).await.unwrap();
    assert_eq!(endpoint_of_echo(&store).await, "https://example.test/v1");
}

#[test]
fn the_first_rule_prefers_what_is_known_to_be_good() {
    let listed = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned().into()).collect::<Vec<OfferedModel>>();
    let rows: [(&[&str], Preferred, Option<&str>); 6] = [
        (&["nomic-embed-text", "Whisper-1", "llama3.2:3b", "gpt-x"], &[], Some("llama3.2:3b")),
        (&["a", "good", "better"], &["better", "good"], Some("better")),
        (&["a", "good"], &["better", "good"], Some("good")),
        (&["a"], &["better"], Some("a")),
        (&["bge-m3"], &["better"], Some("better")),
        (&["bge-m3"], &[], None),
    ];
    for (ids, preferred, expected) in rows {
        assert_eq!(first_model(&listed(ids), preferred).as_deref(), expected, "{ids:?}");
    }
}
