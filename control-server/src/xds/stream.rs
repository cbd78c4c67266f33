//! One Envoy's discovery streams: what is offered goes out, its answers are noted.

use std::pin::Pin;
use std::sync::Arc;

use envoy_types::pb::envoy::service::discovery::v3::{DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse};
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::cluster::{self, ClusterSettings};
use super::filter::FilterSource;
use crate::publisher::Publisher;

pub type Answers = Pin<Box<dyn Stream<Item = Result<DiscoveryResponse, Status>> + Send>>;
pub type NoDelta = Pin<Box<dyn Stream<Item = Result<DeltaDiscoveryResponse, Status>> + Send>>;

/// Responses that wait for the connection to take them.
const RESPONSES_QUEUED_MAX: usize = 2;

type Sender = mpsc::Sender<Result<DiscoveryResponse, Status>>;

pub fn clusters(
    publisher: Arc<Publisher>,
    settings: Arc<ClusterSettings>,
    requests: Streaming<DiscoveryRequest>,
) -> Answers {
    spawn(
        Arc::clone(&publisher),
        |answers| async move { offer_clusters(&publisher, &settings, requests, &answers).await },
    )
}

pub fn filters(publisher: Arc<Publisher>, filter: Arc<FilterSource>, requests: Streaming<DiscoveryRequest>) -> Answers {
    spawn(publisher, |answers| async move { give_filter(&filter, requests, &answers).await })
}

fn spawn<F>(publisher: Arc<Publisher>, serve: impl FnOnce(Sender) -> F) -> Answers
where
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    let (answers, stream) = mpsc::channel(RESPONSES_QUEUED_MAX);
    let serving = serve(answers.clone());
    tokio::spawn(async move {
        let ended = tokio::select! {
            ended = serving => ended,
            () = publisher.closed() => Err(Status::unavailable("the server is stopping")),
        };
        if let Err(status) = ended {
            // Fails only when the Envoy is gone, which is fine.
            let _sent = answers.send(Err(status)).await.is_ok();
        }
    });
    Box::pin(ReceiverStream::new(stream))
}

async fn offer_clusters(
    publisher: &Publisher,
    settings: &ClusterSettings,
    mut requests: Streaming<DiscoveryRequest>,
    answers: &Sender,
) -> Result<(), Status> {
    // The first request says that the Envoy listens; before it nothing may be sent.
    if requests.next().await.transpose()?.is_none() {
        return Ok(());
    }
    let mut follower = publisher.clusters().follow();
    loop {
        tokio::select! {
            offer = follower.next() => {
                let Some(offer) = offer else { return Ok(()) };
                if answers.send(Ok(cluster::response(&offer, settings))).await.is_err() {
                    return Ok(());
                }
            }
            request = requests.next() => {
                let Some(DiscoveryRequest { response_nonce, error_detail, .. }) = request.transpose()? else {
                    return Ok(());
                };
                if let Some(error) = error_detail {
                    tracing::error!(offer = %response_nonce, error = %error.message, "an Envoy refused clusters");
                }
                if let Ok(version) = response_nonce.parse() {
                    follower.answer(version);
                }
            }
        }
    }
}

/// The filter does not change while the server runs: every first request is answered, every answer noted.
async fn give_filter(
    filter: &FilterSource,
    mut requests: Streaming<DiscoveryRequest>,
    answers: &Sender,
) -> Result<(), Status> {
    let mut node = None;
    let mut given = Vec::new();
    while let Some(request) = requests.next().await.transpose()? {
        let DiscoveryRequest { resource_names, error_detail, node: named, .. } = request;
        // Only the first request of a stream needs to name the node.
        node = named.or(node);
        if let Some(error) = error_detail {
            tracing::error!(error = %error.message, "an Envoy refused the filter");
        }
        if given == resource_names {
            continue;
        }
        if answers.send(Ok(filter.response(&resource_names, node.as_ref()))).await.is_err() {
            return Ok(());
        }
        given = resource_names;
    }
    Ok(())
}
