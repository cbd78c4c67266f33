//! One node's reports: each batch is committed, then acknowledged.

use std::sync::Arc;

use futures::{Stream, StreamExt};
use proto::v1;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{Answers, records};
use crate::publisher::Publisher;
use crate::store::Store;

/// Acks that wait for the connection to take them.
const ACKS_QUEUED_MAX: usize = 16;

pub fn run<S>(store: Store, publisher: Arc<Publisher>, batches: S) -> Answers<v1::ReportAck>
where
    S: Stream<Item = Result<v1::ReportBatch, Status>> + Send + Unpin + 'static,
{
    let (acks, stream) = mpsc::channel(ACKS_QUEUED_MAX);
    tokio::spawn(async move {
        if let Err(status) = serve(&store, batches, &acks, &publisher).await {
            let _sent = acks.send(Err(status)).await.is_ok();
        }
    });
    Box::pin(ReceiverStream::new(stream))
}

async fn serve<S>(
    store: &Store,
    mut batches: S,
    acks: &mpsc::Sender<Result<v1::ReportAck, Status>>,
    publisher: &Publisher,
) -> Result<(), Status>
where
    S: Stream<Item = Result<v1::ReportBatch, Status>> + Unpin,
{
    loop {
        // Closing is looked at between batches: one that is being committed is acknowledged first.
        let batch = tokio::select! {
            batch = batches.next() => batch,
            () = publisher.closed() => return Err(Status::unavailable("the server is stopping")),
        };
        let Some(batch) = batch.transpose()? else { return Ok(()) };
        let v1::ReportBatch { sequence, requests, dropped } = batch;
        if dropped > 0 {
            tracing::warn!(dropped, "a node dropped records because its queue was full");
        }
        let records = requests.into_iter().map(records::from_message).collect();
        if let Err(error) = store.record_requests(records).await {
            // The node keeps what is not acknowledged and sends it again on its next stream.
            tracing::error!(%error, "storing reported requests failed");
            return Err(Status::unavailable("the reports could not be stored; send them again"));
        }
        if acks.send(Ok(v1::ReportAck { sequence })).await.is_err() {
            return Ok(());
        }
    }
}
