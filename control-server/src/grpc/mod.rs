//! The gRPC service that nodes speak to: snapshots out, reports in, kept answers both ways. It translates between messages,
//! the publisher, the store and the cache, and decides nothing about routing.

mod auth;
mod cached;
mod records;
mod report;
mod server;
mod subscribe;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::Arc;

pub use auth::{Caller, Tokens};
use futures::Stream;
use proto::v1;
use proto::v1::sync_server::{Sync, SyncServer};
pub use server::{BoundServer, ServeError, Services};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Response, Status, Streaming};

use crate::cache::{AnswerCache, ENTRY_BYTES_MAX};
use crate::publisher::Publisher;
use crate::store::Store;

/// Bytes of one message from a node. Nodes send batches of at most 1 MiB; an answer that is a little too large to be kept is
/// refused as such.
const MESSAGE_BYTES_MAX: usize = ENTRY_BYTES_MAX + 64 * 1024;

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Adds the service, behind its token check.
pub fn add_service(
    services: Services,
    store: Store,
    publisher: Arc<Publisher>,
    cache: AnswerCache,
    tokens: Tokens,
) -> Services {
    let service = SyncServer::new(Service { store, publisher, cache }).max_decoding_message_size(MESSAGE_BYTES_MAX);
    services.with(|routes| routes.add_service(InterceptedService::new(service, tokens)))
}

pub struct Service {
    store: Store,
    publisher: Arc<Publisher>,
    cache: AnswerCache,
}

#[tonic::async_trait]
impl Sync for Service {
    type SubscribeStream = Answers<v1::SubscribeResponse>;
    type ReportStream = Answers<v1::ReportAck>;

    async fn subscribe(
        &self,
        request: Request<Streaming<v1::SubscribeRequest>>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        Caller::of(&request).must_be(Caller::Node)?;
        Ok(Response::new(subscribe::run(Arc::clone(&self.publisher), request.into_inner())))
    }

    async fn report(
        &self,
        request: Request<Streaming<v1::ReportBatch>>,
    ) -> Result<Response<Self::ReportStream>, Status> {
        Caller::of(&request).must_be(Caller::Node)?;
        Ok(Response::new(report::run(self.store.clone(), Arc::clone(&self.publisher), request.into_inner())))
    }

    async fn cache_get(&self, request: Request<v1::CacheGetRequest>) -> Result<Response<v1::CacheGetResponse>, Status> {
        Caller::of(&request).must_be(Caller::Node)?;
        cached::get(&self.cache, request.into_inner()).map(Response::new)
    }

    async fn cache_put(&self, request: Request<v1::CachePutRequest>) -> Result<Response<v1::CachePutResponse>, Status> {
        Caller::of(&request).must_be(Caller::Node)?;
        cached::put(&self.cache, request.into_inner()).map(Response::new)
    }

    async fn get_snapshot(
        &self,
        _request: Request<v1::GetSnapshotRequest>,
    ) -> Result<Response<v1::SubscribeResponse>, Status> {
        Ok(Response::new(self.publisher.full().into_masked(self.publisher.store_id())))
    }
}

impl Interceptor for Tokens {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let caller = self.caller(request.metadata().get("authorization").map(tonic::metadata::MetadataValue::as_bytes));
        let caller =
            caller.ok_or_else(|| Status::unauthenticated("give the node token as `authorization: Bearer …`"))?;
        request.extensions_mut().insert(caller);
        Ok(request)
    }
}
