//! Keeps the snapshot: subscribes, takes each revision as a whole, answers it, and goes on routing by the last good one
//! whatever happens to the stream.

use mux::snapshot::{Snapshot, Update};
use prost::Message;
use proto::{convert, v1};

use crate::link::{Link, Wish};

/// Bytes of all chunks of one revision.
pub const REVISION_BYTES_MAX: usize = 512 << 20;

/// Who this node is, as it introduces itself.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    pub node: String,
    pub envoy: String,
    pub envoy_version: String,
    pub build: String,
}

#[derive(Debug)]
pub struct Subscription {
    link: Link,
    identity: Identity,
    /// Chunks of a revision whose last one has not come.
    pending: Option<Pending>,
}

#[derive(Debug)]
struct Pending {
    revision: u64,
    bytes: usize,
    stage: Stage,
}

/// What the chunks of a revision have become so far.
#[derive(Debug)]
enum Stage {
    /// A full state is compiled chunk by chunk: as it comes it is much larger, and a VM's memory never shrinks.
    Full(Snapshot),
    Delta(Update),
}

/// What a message led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// More chunks are to come.
    Waiting,
    Applied {
        revision: u64,
    },
    Refused {
        revision: u64,
        reason: String,
    },
}

impl Subscription {
    pub fn new(seed: u64, identity: Identity) -> Self {
        Self { link: Link::new(seed), identity, pending: None }
    }

    pub fn owns(&self, token: u32) -> bool {
        self.link.token() == Some(token)
    }

    pub fn is_due(&self, now_ms: u64) -> bool {
        self.link.is_due(now_ms)
    }

    /// Says who this is and which revision it holds.
    pub fn opened(&mut self, snapshot: &Snapshot, token: u32) -> Wish {
        self.link.opened(token);
        let Identity { node, envoy, envoy_version, build } = self.identity.clone();
        let hello = v1::Hello {
            node,
            envoy,
            envoy_version,
            build,
            store_id: snapshot.store_id().to_owned(),
            revision: snapshot.revision(),
        };
        send(token, v1::subscribe_request::Message::Hello(hello))
    }

    /// The stream is gone. What had come of a revision goes with it. Returns the wait.
    pub fn lost(&mut self, now_ms: u64) -> u64 {
        self.pending = None;
        self.link.lost(now_ms)
    }

    /// A refused revision closes the stream: the next one is told again what this node holds, and the wait grows until
    /// some revision is taken.
    pub fn message(&mut self, snapshot: &mut Snapshot, message: &[u8], now_ms: u64) -> (Outcome, Vec<Wish>) {
        let Some(token) = self.link.token() else { return (Outcome::Waiting, Vec::new()) };
        let (revision, outcome) = match v1::SubscribeResponse::decode(message) {
            Ok(response) => (response.revision, self.chunk(snapshot, response, message.len())),
            Err(error) => (0, Err(format!("not a SubscribeResponse: {error}"))),
        };
        match outcome {
            Ok(false) => (Outcome::Waiting, Vec::new()),
            Ok(true) => {
                self.link.heard();
                let ack = v1::subscribe_request::Message::Ack(v1::Ack { revision });
                (Outcome::Applied { revision }, vec![send(token, ack)])
            }
            Err(reason) => {
                let nack = v1::Nack { revision, reason: reason.clone() };
                let wishes = vec![send(token, v1::subscribe_request::Message::Nack(nack)), Wish::Close { token }];
                self.lost(now_ms);
                (Outcome::Refused { revision, reason }, wishes)
            }
        }
    }

    /// Takes one chunk; true: it was the last and the revision is applied.
    fn chunk(
        &mut self,
        snapshot: &mut Snapshot,
        response: v1::SubscribeResponse,
        bytes: usize,
    ) -> Result<bool, String> {
        let is_last = response.last_chunk;
        let begun = self.pending.take().filter(|pending| pending.revision == response.revision);
        let mut pending = begun.unwrap_or_else(|| Pending::begin(&response));
        pending.bytes += bytes;
        if pending.bytes > REVISION_BYTES_MAX {
            return Err(format!("more than {REVISION_BYTES_MAX} bytes"));
        }
        pending.take(response)?;
        if !is_last {
            self.pending = Some(pending);
            return Ok(false);
        }
        match pending.stage {
            Stage::Full(next) => *snapshot = next,
            Stage::Delta(update) => snapshot.apply(update).map_err(|error| error.to_string())?,
        }
        Ok(true)
    }
}

impl Pending {
    fn begin(first: &v1::SubscribeResponse) -> Self {
        let v1::SubscribeResponse { store_id, base_revision, revision, .. } = first;
        let (store_id, base_revision, revision) = (store_id.clone(), *base_revision, *revision);
        let stage = match base_revision {
            0 => Stage::Full(Snapshot::default()),
            _ => Stage::Delta(Update { store_id, base_revision, revision, ..Update::default() }),
        };
        Self { revision, bytes: 0, stage }
    }

    fn take(&mut self, chunk: v1::SubscribeResponse) -> Result<(), String> {
        match &mut self.stage {
            Stage::Delta(update) => gather(update, chunk),
            Stage::Full(next) => {
                // Each chunk builds on the ones before.
                let (store_id, revision, base_revision) = (chunk.store_id.clone(), chunk.revision, next.revision());
                let mut update = Update { store_id, base_revision, revision, ..Update::default() };
                gather(&mut update, chunk)?;
                next.apply(update).map_err(|error| error.to_string())
            }
        }
    }
}

fn gather(update: &mut Update, chunk: v1::SubscribeResponse) -> Result<(), String> {
    let v1::SubscribeResponse { upserts, removals, .. } = chunk;
    for resource in upserts {
        convert::add(update, resource).map_err(|error| error.to_string())?;
    }
    for name in removals {
        convert::remove(update, name).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn send(token: u32, message: v1::subscribe_request::Message) -> Wish {
    Wish::Send { token, message: v1::SubscribeRequest { message: Some(message) }.encode_to_vec() }
}

#[cfg(test)]
mod tests {
    use mux::snapshot::Snapshot;
    use prost::Message;
    use proto::v1;

    use super::{Identity, Outcome, Subscription};
    use crate::link::Wish;

    fn response(base: u64, revision: u64, last_chunk: bool, workspaces: &[&str]) -> Vec<u8> {
        let workspace = |name: &&str| v1::Workspace { name: name.to_string(), ..Default::default() };
        let resource = |name| v1::Resource { resource: Some(v1::resource::Resource::Workspace(workspace(name))) };
        v1::SubscribeResponse {
            store_id: "s".into(),
            base_revision: base,
            revision,
            last_chunk,
            upserts: workspaces.iter().map(resource).collect(),
            removals: vec![],
        }
        .encode_to_vec()
    }

    fn said(wish: Option<&Wish>) -> v1::subscribe_request::Message {
        let Some(Wish::Send { message, .. }) = wish else { panic!("{wish:?}") };
        v1::SubscribeRequest::decode(message.as_slice()).unwrap().message.unwrap()
    }

    fn opened() -> (Subscription, Snapshot) {
        let mut subscription = Subscription::new(1, Identity::default());
        let snapshot = Snapshot::default();
        subscription.opened(&snapshot, 4);
        (subscription, snapshot)
    }

    #[test]
    fn a_revision_is_taken_when_its_last_chunk_has_come() {
        let (mut subscription, mut snapshot) = opened();
        let first = subscription.message(&mut snapshot, &response(0, 5, false, &["a"]), 0);
        assert_eq!(first, (Outcome::Waiting, vec![]));
        assert_eq!(snapshot.revision(), 0);
        let (outcome, wishes) = subscription.message(&mut snapshot, &response(0, 5, true, &["b"]), 0);
        assert_eq!(outcome, Outcome::Applied { revision: 5 });
        assert_eq!(said(wishes.first()), v1::subscribe_request::Message::Ack(v1::Ack { revision: 5 }));
        assert!(snapshot.workspace("a").is_some() && snapshot.workspace("b").is_some());
        subscription.lost(0);
        let v1::subscribe_request::Message::Hello(hello) = said(Some(&subscription.opened(&snapshot, 5))) else {
            panic!()
        };
        assert_eq!((hello.revision, hello.store_id.as_str()), (5, "s"));
    }

    #[test]
    fn what_cannot_be_taken_is_refused_and_changes_nothing() {
        let (mut subscription, mut snapshot) = opened();
        subscription.message(&mut snapshot, &response(0, 5, true, &["a"]), 0);
        for (message, revision) in
            [(response(5, 6, true, &["b", "No Name"]), 6), (response(4, 7, true, &["b"]), 7), (b"\xff\xff".to_vec(), 0)]
        {
            let (outcome, wishes) = subscription.message(&mut snapshot, &message, 0);
            assert!(matches!(outcome, Outcome::Refused { revision: refused, .. } if refused == revision));
            assert!(
                matches!(said(wishes.first()), v1::subscribe_request::Message::Nack(nack) if nack.revision == revision)
            );
            assert_eq!(wishes[1], Wish::Close { token: 4 });
            assert_eq!(snapshot.revision(), 5);
            assert!(snapshot.workspace("b").is_none());
            assert!(!subscription.owns(4) && subscription.is_due(u64::MAX));
            subscription.opened(&snapshot, 4);
        }
    }

    #[test]
    fn a_break_forgets_half_a_revision() {
        let (mut subscription, mut snapshot) = opened();
        subscription.message(&mut snapshot, &response(0, 5, false, &["a"]), 0);
        subscription.lost(0);
        subscription.opened(&snapshot, 5);
        subscription.message(&mut snapshot, &response(0, 5, true, &["b"]), 0);
        assert!(snapshot.workspace("a").is_none() && snapshot.workspace("b").is_some());
    }
}
