//! Where a request goes: its targets in the order in which they are tried, and what each try sends.
//!
//! The route role makes the body for the first try. A try that needs another one makes it from the client's own body,
//! which is kept for that.

use std::rc::Rc;

use mux::config::Deployment;
use mux::endpoint::Endpoint;
use mux::refusal::{Code, Refusal};
use mux::route::{self, Aim, Caller, Sending, Translation, Tries, UsageChunk};
use mux::snapshot::Workspace;

/// Bytes of clients' bodies that one VM keeps for further tries. Past it a request goes without: of its further targets
/// only those are tried that take the body of the first.
pub const KEPT_BYTES_MAX: usize = 256 << 20;

#[derive(Debug)]
pub struct Plan {
    pub tries: Tries,
    /// None: there is one target alone.
    pub deployment: Option<Deployed>,
    /// Query of the client's path, with its `?`.
    pub query: String,
    /// In which the client sent a credential.
    pub credentials: Vec<ClientHeader>,
    /// That mean something to one vendor's API alone.
    pub vendor: Vec<ClientHeader>,
    pub first: Sent,
    pub later: Later,
}

/// A header that the client sent and that not every provider gets.
#[derive(Debug)]
pub struct ClientHeader {
    pub name: &'static str,
    /// As text. One try's headers are the next one's: a further try that passes it on must put it back.
    pub value: Option<String>,
}

/// The deployment that a request is for.
#[derive(Debug)]
pub struct Deployed {
    pub workspace: Rc<Workspace>,
    pub deployment: Rc<Deployment>,
}

/// What a try sends but for the bytes, and how its answer is read.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The provider's, which is not the client's if the request was translated.
    pub endpoint: Endpoint,
    pub usage_chunk: UsageChunk,
    /// None: the provider speaks the client's dialect.
    pub translation: Option<Translation>,
}

/// What the tries after the first send.
#[derive(Debug)]
pub enum Later {
    /// The bytes of the first, or there are none.
    AsFirst,
    Own(Box<Kept>),
    /// They would need bytes of their own, and there was no room to keep the client's.
    Unkept,
}

/// A request as the client sent it.
#[derive(Debug)]
pub struct Kept {
    pub caller: Caller,
    pub endpoint: Endpoint,
    pub rule: Option<String>,
    pub body: Vec<u8>,
}

/// Whom Envoy picked for a try.
#[derive(Clone, Debug)]
pub enum Picked {
    /// The one target that there is.
    Only,
    /// A host of this provider; `number`: 1 for the first try.
    HostOf { provider: String, number: usize },
}

/// One try, ready to be sent.
pub struct Next<'p> {
    /// From 0.
    pub index: usize,
    pub aim: &'p Aim,
    pub sent: Sent,
    /// None: the body stays as the route role left it.
    pub body: Option<Vec<u8>>,
}

impl Plan {
    /// For which target Envoy picked a host. It passes over one whose host has no address, and what belongs to one
    /// provider must never reach another.
    pub fn target_of(&self, picked: &Picked) -> Result<usize, Refusal> {
        let Picked::HostOf { provider, number } = picked else { return Ok(0) };
        let is_theirs =
            |index: &usize| self.tries.get(*index).is_some_and(|aim| aim.provider.name.as_str() == provider);
        let due = number.saturating_sub(1);
        let target = (due..self.tries.count()).find(is_theirs);
        target.ok_or_else(|| Refusal::new(Code::Internal, "The request came to a provider that it is not for."))
    }

    /// The try at a target.
    pub fn next(&self, index: usize) -> Result<Next<'_>, Refusal> {
        let Some(aim) = self.tries.get(index) else {
            return Err(Refusal::new(Code::Internal, "The request was tried more often than it has targets."));
        };
        let as_first = Next { index, aim, sent: self.first.clone(), body: None };
        match &self.later {
            _ if index == 0 => Ok(as_first),
            Later::AsFirst => Ok(as_first),
            Later::Own(kept) => kept.next(index, aim),
            Later::Unkept => {
                Err(Refusal::new(Code::Overloaded, "Too many large requests are under way to try another target."))
            }
        }
    }

    /// Whether an answer of this status leads to the next target.
    pub fn retries_on(&self, status: u16) -> bool {
        self.deployment.as_ref().is_some_and(|own| own.deployment.retry_on.contains(&status))
    }

    /// Bytes that it keeps.
    pub fn kept_bytes(&self) -> usize {
        match &self.later {
            Later::Own(kept) => kept.body.len(),
            Later::AsFirst | Later::Unkept => 0,
        }
    }
}

impl Kept {
    fn next<'p>(&self, index: usize, aim: &'p Aim) -> Result<Next<'p>, Refusal> {
        let Self { caller, endpoint, rule, body } = self;
        let Sending { endpoint, head, usage_chunk, translation } =
            route::send_to(caller, *endpoint, body, rule.as_deref(), aim)?;
        let body = head.map_or_else(|| body.clone(), |head| head.on(body));
        Ok(Next { index, aim, sent: Sent { endpoint, usage_chunk, translation }, body: Some(body) })
    }
}
