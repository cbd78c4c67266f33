//! One node's subscription. One update is under way at a time: the next is read only when the node has answered, so a
//! slow node gets the newest state at once and never a queue.

use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use proto::v1::{self, subscribe_request::Message};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::Answers;
use crate::publisher::{Connection, NodeIdentity, Publisher};

/// How long a node may take to say hello, and to answer an update.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Chunks that wait for the connection to take them.
const CHUNKS_QUEUED_MAX: usize = 2;

/// What a node holds, as far as its answers tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    /// Nothing that a delta could build on.
    Nothing,
    Revision(u64),
    /// It refused this revision as a full state; only a newer one is worth a try.
    Refused(u64),
}

pub fn run<S>(publisher: Arc<Publisher>, requests: S) -> Answers<v1::SubscribeResponse>
where
    S: Stream<Item = Result<v1::SubscribeRequest, Status>> + Send + Unpin + 'static,
{
    let (answers, stream) = mpsc::channel(CHUNKS_QUEUED_MAX);
    tokio::spawn(async move {
        let ended = tokio::select! {
            ended = serve(&publisher, requests, &answers) => ended,
            () = publisher.closed() => Err(Status::unavailable("the server is stopping")),
        };
        if let Err(status) = ended {
            // Fails only when the node is gone, which is fine.
            let _sent = answers.send(Err(status)).await.is_ok();
        }
    });
    Box::pin(ReceiverStream::new(stream))
}

type Answered = mpsc::Sender<Result<v1::SubscribeResponse, Status>>;

async fn serve<S>(publisher: &Publisher, mut requests: S, answers: &Answered) -> Result<(), Status>
where
    S: Stream<Item = Result<v1::SubscribeRequest, Status>> + Unpin,
{
    let hello = tokio::time::timeout(ANSWER_TIMEOUT, next(&mut requests)).await;
    let hello = hello.map_err(|_| Status::deadline_exceeded("no hello came"))??;
    let Some(Message::Hello(hello)) = hello else {
        return Err(Status::invalid_argument("the first message of a subscription is a hello"));
    };
    let v1::Hello { node, envoy, envoy_version, build, store_id, revision } = hello;
    let holds_ours = store_id == publisher.store_id() && revision != 0;
    let held = if holds_ours { Held::Revision(revision) } else { Held::Nothing };
    tracing::info!(%node, %envoy, %envoy_version, %build, revision, "node connected");
    let identity = NodeIdentity { node, envoy, envoy_version, build };
    let connection = publisher.registry().connect(identity, if holds_ours { revision } else { 0 });
    let guard = Registered { publisher, connection };
    guard.feed(held, &mut requests, answers).await
}

/// Takes the node out of the registry however its stream ends.
struct Registered<'a> {
    publisher: &'a Publisher,
    connection: Connection,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.publisher.registry().disconnect(&self.connection);
        tracing::info!(node = self.connection.node(), "node disconnected");
    }
}

impl Registered<'_> {
    async fn feed<S>(&self, mut held: Held, requests: &mut S, answers: &Answered) -> Result<(), Status>
    where
        S: Stream<Item = Result<v1::SubscribeRequest, Status>> + Unpin,
    {
        loop {
            let update = tokio::select! {
                update = self.update_for(held) => update,
                message = next(requests) => match message? {
                    Some(_) => continue,
                    None => return Ok(()),
                },
            };
            let (base, revision) = (update.base_revision, update.revision);
            for chunk in update.into_chunks(self.publisher.store_id()) {
                if tokio::time::timeout(ANSWER_TIMEOUT, answers.send(Ok(chunk))).await.is_err() {
                    return Err(Status::deadline_exceeded("the node does not read"));
                }
            }
            let answer = tokio::time::timeout(ANSWER_TIMEOUT, answer_to(revision, requests)).await;
            let answer = answer.map_err(|_| Status::deadline_exceeded("the node did not answer a revision"))??;
            held = match answer {
                None => return Ok(()),
                Some(Answer::Ack) => {
                    self.publisher.registry().ack(&self.connection, revision);
                    Held::Revision(revision)
                }
                Some(Answer::Nack(reason)) => {
                    tracing::warn!(node = self.connection.node(), revision, %reason, "node refused a revision");
                    self.publisher.registry().nack(&self.connection, revision, reason);
                    // It may be the delta that does not fit; a full state always does unless it is bad itself.
                    if base == 0 { Held::Refused(revision) } else { Held::Nothing }
                }
            };
        }
    }

    async fn update_for(&self, held: Held) -> crate::publisher::Update {
        match held {
            Held::Nothing => self.publisher.update_for(None).await,
            Held::Revision(revision) => self.publisher.update_for(Some(revision)).await,
            Held::Refused(revision) => {
                self.publisher.newer_than(revision).await;
                self.publisher.update_for(None).await
            }
        }
    }
}

enum Answer {
    Ack,
    Nack(String),
}

/// The node's answer to a revision; `None`: it ended the stream.
async fn answer_to<S>(sent: u64, requests: &mut S) -> Result<Option<Answer>, Status>
where
    S: Stream<Item = Result<v1::SubscribeRequest, Status>> + Unpin,
{
    while let Some(message) = next(requests).await? {
        match message {
            Message::Ack(v1::Ack { revision }) if revision == sent => return Ok(Some(Answer::Ack)),
            Message::Nack(v1::Nack { revision, reason }) if revision == sent => return Ok(Some(Answer::Nack(reason))),
            // An answer to something older says nothing about this one.
            Message::Ack(_) | Message::Nack(_) | Message::Hello(_) => {}
        }
    }
    Ok(None)
}

async fn next<S>(requests: &mut S) -> Result<Option<Message>, Status>
where
    S: Stream<Item = Result<v1::SubscribeRequest, Status>> + Unpin,
{
    match requests.next().await.transpose()? {
        None => Ok(None),
        Some(v1::SubscribeRequest { message: Some(message) }) => Ok(Some(message)),
        Some(v1::SubscribeRequest { message: None }) => Err(Status::invalid_argument("a message of no known kind")),
    }
}
