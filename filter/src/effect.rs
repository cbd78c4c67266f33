//! What a machine wants done. [`Step`] is the outcome of one event of a request.

use mux::cache::Key;
use mux::dialect::Dialect;
use mux::json::Head;
use mux::refusal::Refusal;

/// One thing for Envoy to do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Replaces all values of that name.
    SetRequestHeader(&'static str, String),
    /// For a name that is not there: cheaper than replacing.
    AddRequestHeader(&'static str, String),
    RemoveRequestHeader(String),
    /// Lets every try of the request know it by this id: a header would be gone after the first.
    ShareRequestId(String),
    /// Replaces the first bytes of the body; the rest stays where it is.
    ReplaceRequestHead(Head),
    /// Replaces all that was held back of the body.
    ReplaceRequestBody(Vec<u8>),
    /// For a name that is not there.
    AddResponseHeader(&'static str, String),
    RemoveResponseHeader(String),
    /// Replaces all values of that name.
    SetResponseHeader(&'static str, String),
    /// Replaces the present chunk, or all that was held back.
    ReplaceResponseBody(Vec<u8>),
    Reply(Reply),
    /// Asks the control server for a kept answer; what it says, or that it does not, is an event.
    AskCache(Key),
}

/// An answer that the filter gives itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(status: u16, body: Vec<u8>) -> Self {
        Self { status, headers: vec![("content-type", "application/json".into())], body }
    }

    pub fn refusal(refusal: &Refusal, dialect: Dialect) -> Self {
        let mut reply = Self::json(refusal.code.status(), refusal.body(dialect));
        match refusal.code {
            mux::refusal::Code::NotReady => reply.headers.push(("retry-after", "1".into())),
            mux::refusal::Code::MethodNotAllowed => reply.headers.push(("allow", "GET, POST".into())),
            _ => {}
        }
        reply
    }
}

/// Whether Envoy goes on with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Continue,
    /// Held until more of it has come, or answered by a [`Reply`].
    Pause,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub flow: Flow,
    pub effects: Vec<Effect>,
}

impl Step {
    pub fn on() -> Self {
        Self { flow: Flow::Continue, effects: Vec::new() }
    }

    pub fn hold() -> Self {
        Self { flow: Flow::Pause, effects: Vec::new() }
    }

    pub fn with(flow: Flow, effects: Vec<Effect>) -> Self {
        Self { flow, effects }
    }

    pub fn reply(reply: Reply) -> Self {
        Self { flow: Flow::Pause, effects: vec![Effect::Reply(reply)] }
    }
}
