//! The one port: REST, gRPC and xDS side by side, over HTTP/1.1 and HTTP/2 without TLS.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

/// An idle connection is asked for a sign of life this often, so that a node whose machine is gone disappears.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of one request's headers.
const HEADER_BYTES_MAX: u32 = 64 * 1024;

/// A listening socket whose address is known.
pub struct BoundServer {
    listener: TcpListener,
    address: SocketAddr,
}

/// All that one port serves.
pub struct Services(Routes);

impl Services {
    /// Begins with the routes of plain HTTP.
    pub fn beside(routes: impl Into<Routes>) -> Self {
        Self(routes.into())
    }

    /// Adds gRPC services.
    pub fn with(self, add: impl FnOnce(Routes) -> Routes) -> Self {
        Self(add(self.0))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen on {address}: {error}")]
    Bind { address: SocketAddr, error: io::Error },
    #[error("serving failed: {0}")]
    Serve(#[from] tonic::transport::Error),
}

impl BoundServer {
    /// Port 0: any.
    pub async fn bind(address: SocketAddr) -> Result<Self, ServeError> {
        let refused = |error| ServeError::Bind { address, error };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, address })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`, then lets what is under way finish.
    pub async fn serve(self, services: Services, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        let incoming = TcpIncoming::from(self.listener).with_nodelay(Some(true));
        Server::builder()
            .accept_http1(true)
            .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .http2_max_header_list_size(HEADER_BYTES_MAX)
            .add_routes(services.0)
            .serve_with_incoming_shutdown(incoming, stop)
            .await?;
        Ok(())
    }
}
