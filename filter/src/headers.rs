//! A request's headers as Envoy hands them over, and the names that matter to this gateway.

use mux::route::holds_key;

/// Names of pseudo headers and headers, lower-case.
pub mod name {
    pub const AUTHORITY: &str = ":authority";
    pub const METHOD: &str = ":method";
    pub const PATH: &str = ":path";
    pub const STATUS: &str = ":status";

    pub const ACCEPT_ENCODING: &str = "accept-encoding";
    pub const ANTHROPIC_VERSION: &str = "anthropic-version";
    pub const AUTHORIZATION: &str = "authorization";
    pub const CACHE_CONTROL: &str = "cache-control";
    pub const CONTENT_ENCODING: &str = "content-encoding";
    pub const CONTENT_LENGTH: &str = "content-length";
    pub const CONTENT_TYPE: &str = "content-type";
    pub const RETRY_AFTER: &str = "retry-after";
    pub const X_API_KEY: &str = "x-api-key";

    /// What limits a client has and how much of them is left.
    pub const RATE_LIMIT_REQUESTS: &str = "x-ratelimit-limit-requests";
    pub const RATE_REMAINING_REQUESTS: &str = "x-ratelimit-remaining-requests";
    pub const RATE_RESET_REQUESTS: &str = "x-ratelimit-reset-requests";
    pub const RATE_LIMIT_TOKENS: &str = "x-ratelimit-limit-tokens";
    pub const RATE_REMAINING_TOKENS: &str = "x-ratelimit-remaining-tokens";
    pub const RATE_RESET_TOKENS: &str = "x-ratelimit-reset-tokens";

    /// Asked for by clients.
    pub const WORKSPACE: &str = "x-muxspace-workspace";
    pub const SESSION: &str = "x-muxspace-session";
    /// From the route role to Envoy's router.
    pub const CLUSTER: &str = "x-muxspace-cluster";
    /// Id of the client's key, for filters between the two roles.
    pub const KEY: &str = "x-muxspace-key";
    /// From the route role to the attempt role, and on answers.
    pub const REQUEST_ID: &str = "x-muxspace-request-id";
    /// On answers.
    pub const RULE: &str = "x-muxspace-rule";
    pub const TARGET: &str = "x-muxspace-target";
    pub const REVISION: &str = "x-muxspace-revision";
    /// How many targets were tried, if more than one was.
    pub const ATTEMPTS: &str = "x-muxspace-attempts";
    /// Fields of the request that the provider's dialect cannot express and that change no meaning.
    pub const DROPPED_FIELDS: &str = "x-muxspace-dropped-fields";
    /// Whether the answer is one that was kept: `hit`, `miss` or `bypass`. Only where answers are kept.
    pub const CACHE: &str = "x-muxspace-cache";
    /// The gateway counted tokens by itself, and not exactly.
    pub const ESTIMATED: &str = "x-muxspace-estimated";
}

/// To Envoy's router: how often and when it tries again, and how long a try may take. It lets none of them out.
pub mod retry {
    pub const MAX: &str = "x-envoy-max-retries";
    pub const ON: &str = "x-envoy-retry-on";
    pub const STATUSES: &str = "x-envoy-retriable-status-codes";
    pub const TRY_TIMEOUT_MS: &str = "x-envoy-upstream-rq-per-try-timeout-ms";
}

/// Where clients put their credentials. A browser sends cookies to every port of a host: the dashboard's, too.
pub const CREDENTIALS: [&str; 5] = [name::AUTHORIZATION, name::X_API_KEY, "api-key", "cookie", "proxy-authorization"];

/// Those of them that a provider gets which the client's own credential is meant for.
pub const PASSED_ON: [&str; 3] = [name::AUTHORIZATION, name::X_API_KEY, "api-key"];

/// What clients of one vendor's API tell it; a provider of another dialect gets none of it.
pub const VENDOR_HEADERS: [&str; 5] =
    [name::ANTHROPIC_VERSION, "anthropic-beta", "openai-beta", "openai-organization", "openai-project"];

/// This gateway's own names: a provider's answer must not pass for its word.
pub fn is_ours(name: &str) -> bool {
    name.starts_with("x-muxspace-")
}

/// Headers that say what limits a client has.
pub fn is_rate_limit(name: &str) -> bool {
    name.starts_with("x-ratelimit-")
}

/// Names that steer this gateway or its Envoy from inside; what a client sends under one goes no further.
pub fn is_internal(name: &str) -> bool {
    is_ours(name) || name.starts_with("x-envoy-")
}

/// Names are lower-case, as Envoy keeps them; values are any bytes.
#[derive(Clone, Debug, Default)]
pub struct Headers(pub Vec<(String, Vec<u8>)>);

impl Headers {
    /// The first value; none if there is none or it is not text.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(own, _)| own == name)?;
        std::str::from_utf8(value).ok()
    }

    /// Headers that hold a virtual key, which is for this gateway alone.
    pub fn with_keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(name, value)| holds_key(name, value)).map(|(name, _)| name.as_str())
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}
