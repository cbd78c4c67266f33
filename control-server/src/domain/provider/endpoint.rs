//! Where a provider is reached.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::str::FromStr;

use url::Url;

use super::reach::{self, Forbidden};

/// Bytes of an endpoint.
pub const ENDPOINT_BYTES_MAX: usize = 2_048;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A URL without credentials, query and fragment: kept as it was given, and what it means. Two are the same when they
/// are written the same.
#[derive(Clone, Debug)]
pub struct Endpoint {
    text: Box<str>,
    scheme: Scheme,
    host: Box<str>,
    port: u16,
    path: Box<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    #[error("an endpoint is a URL such as `https://host/v1`: {0}")]
    Url(#[from] url::ParseError),
    #[error("an endpoint is a URL such as `https://host/v1`, without spaces and control characters")]
    Space,
    #[error("an endpoint begins with http:// or https://")]
    Scheme,
    #[error("an endpoint has no user name or password; give the key as `auth.api_key`")]
    Userinfo,
    #[error("an endpoint has no query and no fragment")]
    Query,
    #[error("an endpoint names a host")]
    Host,
    #[error("an endpoint names a port from 1 to 65535")]
    Port,
    #[error("an endpoint has at most {ENDPOINT_BYTES_MAX} bytes")]
    Length,
}

impl Endpoint {
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// A DNS name, an IPv4 address, or an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Begins with a slash and ends with none, or is empty.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Host, and port unless it is the scheme's own.
    pub fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if *port == self.scheme.default_port() { host.to_string() } else { format!("{host}:{port}") }
    }

    /// Scheme and authority.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme.as_str(), self.authority())
    }

    /// Refuses a host that is, by its spelling alone, one that only [`super::LinkLocal::Allowed`] may reach.
    pub fn check_host(&self) -> Result<(), Forbidden> {
        match self.host().parse::<IpAddr>() {
            Ok(address) => reach::check_address(address),
            Err(_) => reach::check_name(self.host()),
        }
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        if text.len() > ENDPOINT_BYTES_MAX {
            return Err(InvalidEndpoint::Length);
        }
        let text = text.trim();
        let url = Url::parse(text)?;
        // The parser would drop some of them and keep the rest for others to read differently.
        if text.contains(|char: char| char.is_whitespace() || char.is_control()) {
            return Err(InvalidEndpoint::Space);
        }
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(InvalidEndpoint::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidEndpoint::Userinfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidEndpoint::Query);
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(InvalidEndpoint::Host)?;
        let port = url.port_or_known_default().filter(|port| *port != 0).ok_or(InvalidEndpoint::Port)?;
        Ok(Self { text: text.into(), scheme, host: host.into(), port, path: url.path().trim_end_matches('/').into() })
    }
}

impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Endpoint {}

impl Hash for Endpoint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_kept_as_given_or_refused() {
        /// Origin and path, or a part of the reason.
        type Expected = Result<(&'static str, &'static str), &'static str>;
        let rows: &[(&str, Expected)] = &[
            ("https://api.openai.com/v1", Ok(("https://api.openai.com", "/v1"))),
            ("https://host/v1beta/openai/", Ok(("https://host", "/v1beta/openai"))),
            ("http://127.0.0.1:9000", Ok(("http://127.0.0.1:9000", ""))),
            ("HTTP://Host.Example:80/v1", Ok(("http://host.example", "/v1"))),
            ("http://[::1]:9000/v1", Ok(("http://[::1]:9000", "/v1"))),
            ("http://0x7f.1:9000/v1", Ok(("http://127.0.0.1:9000", "/v1"))),
            ("ftp://host/v1", Err("http://")),
            ("file:///etc/passwd", Err("http://")),
            ("https://user:pw@host/v1", Err("user name")),
            ("https://user@host/v1", Err("user name")),
            ("https://host/v1?key=1", Err("query")),
            ("https://host/v1#x", Err("fragment")),
            ("host:9000", Err("http://")),
            ("", Err("URL")),
            ("http://", Err("URL")),
            ("http://host:0/v1", Err("port")),
            ("http://host:65536/v1", Err("URL")),
            ("http://ho\tst/v1", Err("spaces")),
            ("http://host/v 1", Err("spaces")),
        ];
        for (text, expected) in rows {
            match (text.parse::<Endpoint>(), expected) {
                (Ok(endpoint), Ok((origin, path))) => {
                    assert_eq!((endpoint.origin().as_str(), endpoint.path()), (*origin, *path), "{text}");
                    assert_eq!(endpoint.to_string(), *text);
                }
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{text}: {error}"),
                (got, expected) => panic!("{text}: {got:?}, expected {expected:?}"),
            }
        }
        let long = format!("http://host/{}", "a".repeat(ENDPOINT_BYTES_MAX));
        assert_eq!(long.parse::<Endpoint>(), Err(InvalidEndpoint::Length));
    }
}
