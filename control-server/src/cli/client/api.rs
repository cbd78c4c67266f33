//! The management API, as the commands call it.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, redirect};
use serde_json::{Value, json};
use url::{Host, Url};

use super::super::{Failure, settings};
use super::{out, problem};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For the whole of a call: a write waits up to 10 s for the nodes, after a provider was asked for its models.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of an answer; a dump of Envoy's configuration holds the filter itself.
const ANSWER_BYTES_MAX: usize = 128 << 20;
/// The largest page that the API gives.
const PAGE_ITEMS: &str = "500";
/// Items of a list, over all pages.
const LIST_ITEMS_MAX: usize = 100_000;
const TOKEN_VARIABLE: &str = "MUXSPACE_TOKEN";
const TOKEN_FILE: &str = "admin.token";

pub type Query<'a> = &'a [(&'a str, &'a str)];

pub struct Api {
    client: Client,
    base: Url,
    token: Token,
}

/// The credential, or what to do to have one.
enum Token {
    Known { header: HeaderValue, source: String },
    Missing(String),
}

/// What a call was answered with.
#[derive(Debug)]
pub struct Answer {
    /// As it came.
    pub text: String,
    /// The same, read; null: there was no body.
    pub value: Value,
    /// The revision that holds a write.
    pub revision: Option<u64>,
}

impl Answer {
    pub fn items(&self) -> &[Value] {
        self.value.get("items").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// ` (revision 7)`, for the line that says what was done.
    pub fn revision_note(&self) -> String {
        self.revision.map(|revision| format!(" (revision {revision})")).unwrap_or_default()
    }
}

/// Reads `--server`.
pub fn read_base(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("give a URL such as http://127.0.0.1:8990 ({error})"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("give a URL such as http://127.0.0.1:8990".to_owned());
    }
    Ok(url)
}

impl Api {
    pub fn new(base: Url, data_dir: Option<&Path>) -> Result<Self, Failure> {
        let token = find_token(&base, data_dir)?;
        Ok(Self { client: http_client()?, base, token })
    }

    pub fn base(&self) -> &Url {
        &self.base
    }

    pub async fn get(&self, path: &[&str], query: Query<'_>) -> Result<Answer, Failure> {
        self.read(self.request(Method::GET, path, query)).await
    }

    /// All pages of a list as one. A list of one page is kept as it came.
    pub async fn list(&self, path: &[&str], query: Query<'_>) -> Result<Answer, Failure> {
        let mut answer = self.page(path, query, None).await?;
        let mut cursor = next_cursor(&answer.value);
        if cursor.is_none() {
            return Ok(answer);
        }
        let mut items = answer.items().to_vec();
        while let Some(after) = cursor {
            if items.len() > LIST_ITEMS_MAX {
                return Err(Failure::new(format!("the list has more than {LIST_ITEMS_MAX} items; narrow it down")));
            }
            let page = self.page(path, query, Some(&after)).await?;
            items.extend_from_slice(page.items());
            cursor = next_cursor(&page.value);
        }
        answer.value = json!({"items": items, "next_cursor": null});
        answer.text = answer.value.to_string();
        Ok(answer)
    }

    async fn page(&self, path: &[&str], query: Query<'_>, cursor: Option<&str>) -> Result<Answer, Failure> {
        let mut query = [query, &[("limit", PAGE_ITEMS)]].concat();
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        self.get(path, &query).await
    }

    /// A change, which is over when every connected node serves it; nodes that don't in time are named.
    pub async fn write(
        &self,
        method: Method,
        path: &[&str],
        query: Query<'_>,
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let query = [query, &[("wait", "applied")]].concat();
        self.post(method, path, &query, body).await
    }

    /// A call that changes nothing that nodes serve.
    pub async fn post(
        &self,
        method: Method,
        path: &[&str],
        query: Query<'_>,
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let request = self.request(method, path, query);
        self.read(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
    }

    /// Sends a JSON body as it is written.
    pub async fn post_text(&self, path: &[&str], body: String) -> Result<Answer, Failure> {
        self.read(self.request(Method::POST, path, &[]).header(CONTENT_TYPE, "application/json").body(body)).await
    }

    /// Anything outside `/api/v1`, without the token: status and text.
    pub async fn open(&self, path: &[&str]) -> Result<(StatusCode, String), Failure> {
        let response = self.send(self.client.get(below(&self.base, path, &[]))).await?;
        let status = response.status();
        Ok((status, read_text(response).await?))
    }

    /// A stream of server-sent events, which lasts as long as it moves.
    pub async fn events(&self, query: Query<'_>, quiet_max: Duration) -> Result<Response, Failure> {
        // A client of its own: the others' calls end after a time.
        let client = builder().read_timeout(quiet_max).build().map_err(client_failure)?;
        let request = client.get(below(&self.base, &["api", "v1", "events"], query));
        let response = self.send(self.authorize(request)).await?;
        match response.status().is_success() {
            true => Ok(response),
            false => Err(self.refusal(response.status(), &read_text(response).await?)),
        }
    }

    fn request(&self, method: Method, path: &[&str], query: Query<'_>) -> RequestBuilder {
        let url = below(&self.base, &[&["api", "v1"], path].concat(), query);
        self.authorize(self.client.request(method, url))
    }

    fn authorize(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Token::Known { header, .. } => request.header(AUTHORIZATION, header.clone()),
            // The server may be out of reach, or not need one; else its refusal is explained.
            Token::Missing(_) => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        request.send().await.map_err(|error| {
            let hint = "is it running? `muxspace up` starts one; --server or MUXSPACE_URL names another";
            Failure::unreachable(format!("cannot reach the server at {}: {} ({hint})", self.base, reason(&error)))
        })
    }

    async fn read(&self, request: RequestBuilder) -> Result<Answer, Failure> {
        let response = self.send(request).await?;
        let status = response.status();
        let header = |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let revision = header("x-muxspace-revision").and_then(|text| text.parse().ok());
        let lagging = header("x-muxspace-lagging-nodes").filter(|names| *names != "none").map(str::to_owned);
        let text = read_text(response).await?;
        if !status.is_success() {
            return Err(self.refusal(status, &text));
        }
        if let Some(nodes) = lagging {
            out::note(&format!("the change is stored, but these nodes do not serve it yet: {nodes}"));
        }
        // Some answers are documents of another kind, such as YAML.
        let value = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { text, value, revision })
    }

    fn refusal(&self, status: StatusCode, text: &str) -> Failure {
        let told = serde_json::from_str(text).ok().as_ref().and_then(problem::explain);
        match (status, told, &self.token) {
            (StatusCode::UNAUTHORIZED, _, Token::Missing(advice)) => Failure::new(advice.clone()),
            (StatusCode::UNAUTHORIZED, _, Token::Known { source, .. }) => {
                Failure::new(format!("the server at {} does not take the token from {source}", self.base))
            }
            (_, Some(told), _) => Failure::new(told),
            (_, None, _) => Failure::new(format!("{} answered {status}; is it a Muxspace server?", self.base)),
        }
    }
}

/// The client of all calls, also of those to Envoy.
pub fn http_client() -> Result<Client, Failure> {
    builder().timeout(CALL_TIMEOUT).build().map_err(client_failure)
}

fn builder() -> reqwest::ClientBuilder {
    // A second install fails and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        // The token goes to the named server and nowhere else.
        .redirect(redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("muxspace/", env!("CARGO_PKG_VERSION")))
}

fn client_failure(error: reqwest::Error) -> Failure {
    Failure::new(format!("the HTTP client could not be made: {}", reason(&error)))
}

/// A body as text, of at most [`ANSWER_BYTES_MAX`].
pub async fn read_text(mut response: Response) -> Result<String, Failure> {
    let broken = |error| Failure::unreachable(format!("the answer broke off: {}", reason(&error)));
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Failure::new(format!("{} answered more than {ANSWER_BYTES_MAX} bytes", response.url())));
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(Failure::of("the answer is no text"))
}

/// The innermost cause says what matters: refused, no such host, timed out.
pub fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// `base` with further segments of its path and a query, all of it escaped.
pub fn below(base: &Url, path: &[&str], query: Query<'_>) -> Url {
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    url
}

fn next_cursor(value: &Value) -> Option<String> {
    value.get("next_cursor").and_then(Value::as_str).map(str::to_owned)
}

fn find_token(base: &Url, data_dir: Option<&Path>) -> Result<Token, Failure> {
    let known = |text: &str, source: String| {
        let unfit = Failure::new(format!("the token from {source} cannot be sent: it is no plain text"));
        let mut header = HeaderValue::from_str(&format!("Bearer {}", text.trim())).map_err(|_| unfit)?;
        header.set_sensitive(true);
        Ok(Token::Known { header, source })
    };
    if let Some(text) = std::env::var(TOKEN_VARIABLE).ok().filter(|text| !text.trim().is_empty()) {
        return known(&text, TOKEN_VARIABLE.to_owned());
    }
    if data_dir.is_none() && !is_local(base) {
        let advice = format!("set {TOKEN_VARIABLE}: the token of this machine is not sent to another one by itself");
        return Ok(Token::Missing(advice));
    }
    let file = settings::data_dir_or_default(data_dir.map(PathBuf::from))?.join(TOKEN_FILE);
    match std::fs::read_to_string(&file) {
        Ok(text) => known(&text, file.display().to_string()),
        Err(error) => Ok(Token::Missing(format!(
            "the server wants a token: set {TOKEN_VARIABLE}, or name the server's data folder with --data-dir ({}: \
             {error})",
            file.display()
        ))),
    }
}

fn is_local(base: &Url) -> bool {
    match base.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_escaped_and_the_base_is_kept() {
        let rows = [
            ("http://h:1", "http://h:1/api/a%2Fb?n=c%26d"),
            ("http://h:1/", "http://h:1/api/a%2Fb?n=c%26d"),
            ("http://h:1/x/?q=1#f", "http://h:1/x/api/a%2Fb?n=c%26d"),
        ];
        for (base, expected) in rows {
            assert_eq!(below(&read_base(base).unwrap(), &["api", "a/b"], &[("n", "c&d")]).as_str(), expected);
        }
    }

    #[test]
    fn the_token_of_this_machine_stays_on_it() {
        for (base, local) in [
            ("http://127.0.0.1:1", true),
            ("http://[::1]:1", true),
            ("http://localhost", true),
            ("https://mux.example", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_local(&read_base(base).unwrap()), local, "{base}");
        }
    }
}
