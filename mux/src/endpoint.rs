//! The paths that clients post to.
//!
//! `[/w/<workspace> | /s/<session>] /v1 [/mux] [/v1] /<endpoint>`: with `/mux` the workspace's rules decide, without it
//! the client names a model. SDKs append `/v1` to whatever base they are given, so a second one is taken too.

use crate::dialect::Dialect;

/// A request path, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address<'a> {
    pub place: Place<'a>,
    pub mode: Mode,
    pub endpoint: Endpoint,
    /// With its `?`; empty: none.
    pub query: &'a str,
}

/// What the path says about the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    Unsaid,
    Workspace(&'a str),
    Session(&'a str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The workspace's rules decide.
    Rules,
    /// The client names a model, or `mux` for the rules.
    Named,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    ChatCompletions,
    Completions,
    Embeddings,
    Responses,
    Messages,
    CountTokens,
    Models,
}

impl Endpoint {
    const ALL: [(Self, &'static str, Dialect); 7] = [
        (Self::ChatCompletions, "/chat/completions", Dialect::Chat),
        (Self::Completions, "/completions", Dialect::Completions),
        (Self::Embeddings, "/embeddings", Dialect::Embeddings),
        (Self::Responses, "/responses", Dialect::Responses),
        (Self::Messages, "/messages", Dialect::Messages),
        (Self::CountTokens, "/messages/count_tokens", Dialect::Messages),
        (Self::Models, "/models", Dialect::Chat),
    ];

    fn of(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, own, _)| *own == path).map(|(endpoint, ..)| endpoint)
    }

    fn row(self) -> (Self, &'static str, Dialect) {
        let [first, ..] = Self::ALL;
        Self::ALL.into_iter().find(|(endpoint, ..)| *endpoint == self).unwrap_or(first)
    }

    /// As providers know it, behind their base path.
    pub fn path(self) -> &'static str {
        self.row().1
    }

    /// What its requests, answers and errors are written in.
    pub fn dialect(self) -> Dialect {
        self.row().2
    }

    pub fn method(self) -> &'static str {
        match self {
            Self::Models => "GET",
            _ => "POST",
        }
    }
}

/// The paths of all endpoints, without their first slash.
pub fn names() -> impl Iterator<Item = &'static str> {
    Endpoint::ALL.into_iter().map(|(_, path, _)| path.trim_start_matches('/'))
}

/// Reads the path of a request; none: no endpoint of this gateway.
pub fn address(path: &str) -> Option<Address<'_>> {
    let (path, query) = path.find('?').map_or((path, ""), |mark| path.split_at(mark));
    let (place, path) = place(path)?;
    let path = path.strip_prefix("/v1")?;
    let (mode, path) = path.strip_prefix("/mux").map_or((Mode::Named, path), |rest| (Mode::Rules, rest));
    let path = path.strip_prefix("/v1").unwrap_or(path);
    let endpoint = Endpoint::of(path.strip_suffix('/').unwrap_or(path))?;
    Some(Address { place, mode, endpoint, query })
}

/// In whose dialect to refuse a path that [`address`] does not know.
pub fn likely_dialect(path: &str) -> Dialect {
    if path.contains("/messages") { Dialect::Messages } else { Dialect::Chat }
}

fn place(path: &str) -> Option<(Place<'_>, &str)> {
    let Some((prefix @ ("/w/" | "/s/"), rest)) = path.split_at_checked(3) else {
        return Some((Place::Unsaid, path));
    };
    let (name, path) = rest.split_at_checked(rest.find('/')?)?;
    let place = if prefix == "/w/" { Place::Workspace(name) } else { Place::Session(name) };
    Some((place, path))
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{Address, Endpoint, Mode, Place, address};

    #[test]
    fn paths_that_clients_build() {
        let rows = [
            ("/v1/mux/chat/completions", Place::Unsaid, Mode::Rules, Endpoint::ChatCompletions, ""),
            ("/v1/mux/v1/chat/completions", Place::Unsaid, Mode::Rules, Endpoint::ChatCompletions, ""),
            ("/v1/mux/v1/messages?beta=true", Place::Unsaid, Mode::Rules, Endpoint::Messages, "?beta=true"),
            ("/v1/chat/completions/", Place::Unsaid, Mode::Named, Endpoint::ChatCompletions, ""),
            ("/v1/v1/models", Place::Unsaid, Mode::Named, Endpoint::Models, ""),
            ("/w/team/v1/mux/responses", Place::Workspace("team"), Mode::Rules, Endpoint::Responses, ""),
            ("/s/a1/v1/embeddings", Place::Session("a1"), Mode::Named, Endpoint::Embeddings, ""),
            ("/w/v1/v1/completions", Place::Workspace("v1"), Mode::Named, Endpoint::Completions, ""),
        ];
        for (path, place, mode, endpoint, query) in rows {
            assert_eq!(address(path), Some(Address { place, mode, endpoint, query }), "{path}");
        }
        for path in
            ["/", "/v1", "/v1/mux", "/v2/chat/completions", "/v1/chat", "/w/team", "/w", "/v1/muxchat/completions"]
        {
            assert_eq!(address(path), None, "{path}");
        }
    }
}
