//! The control server: opens the store, then serves REST, gRPC and discovery on one port.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::bootstrap::HostPort;
use super::discover::Surroundings;
use super::settings::{self, Server};
use super::{Failure, discover, echo, files};
use crate::cache::AnswerCache;
use crate::domain::audit::Actor;
use crate::grpc::{self, BoundServer, Services, Tokens};
use crate::outbound::{self, ModelClient};
use crate::publisher::Publisher;
use crate::rest::{self, AppState, FilterModule};
use crate::store::Store;
use crate::xds::{Discovery, FilterSource};

/// What is under way when the server is asked to stop gets this long.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// A server that serves.
pub struct Running {
    /// Where a program on this machine reaches it.
    pub address: HostPort,
    pub publisher: Arc<Publisher>,
    pub node_token: String,
    pub admin_token_file: PathBuf,
    store: Store,
    stop: watch::Sender<bool>,
    /// Why serving ended, once it has.
    ended: watch::Receiver<Option<String>>,
    task: JoinHandle<()>,
}

/// `muxspace serve`
pub async fn run(settings: Server) -> Result<(), Failure> {
    let running = start(settings).await?;
    println!("ready api=http://{}", running.address);
    tokio::select! {
        failure = running.failed() => return Err(failure),
        stopped = stop_signal() => stopped?,
    }
    running.stop().await;
    Ok(())
}

/// Waits for a request to stop: SIGTERM or SIGINT.
pub async fn stop_signal() -> Result<(), Failure> {
    let listen = |kind| signal(kind).map_err(Failure::of("cannot listen for signals"));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    Ok(())
}

pub async fn start(settings: Server) -> Result<Running, Failure> {
    let Server {
        ref data_dir,
        ref database_url,
        api,
        discover,
        link_local,
        ref filter,
        ref ca_bundle,
        cache_bytes,
        ..
    } = settings;
    let admin_token_file = data_dir.join("admin.token");
    let admin_token = files::token("MUXSPACE_ADMIN_TOKEN", &admin_token_file)?;
    let node_token = settings::node_token(data_dir)?;
    let master_key = files::master_key("MUXSPACE_MASTER_KEY", &data_dir.join("master.key"))?;
    let module = read_filter(filter)?;

    let server = BoundServer::bind(api).await.map_err(Failure::of("--api"))?;
    let store = Store::open(database_url, master_key).await.map_err(Failure::of("opening the database"))?;
    let advertised = settings.advertised(server.address());
    let models = ModelClient::new(link_local, outbound::system_lookup()).map_err(Failure::of("calls to providers"))?;
    let surroundings = if discover { Surroundings::real() } else { Surroundings::none() };
    discover::on_first_start(&store, &models, &surroundings, &advertised).await?;
    discover::refresh_echo(&store, &advertised).await?;

    let publisher = Publisher::start(store.clone()).await.map_err(Failure::of("reading the state"))?;
    let cache = AnswerCache::new(cache_bytes);
    let tokens = Tokens::new(&node_token, &admin_token);
    let source = FilterSource {
        bytes: module.bytes.to_vec(),
        sha256: module.sha256.to_string(),
        advertised: advertised.to_string(),
    };
    let discovery = Discovery::new(Arc::clone(&publisher), source, ca_bundle);
    let state = AppState {
        store: store.acting_as(Actor::Admin),
        publisher: Arc::clone(&publisher),
        cache: cache.clone(),
        models,
        admin_token: admin_token.into(),
        filter: module,
    };
    let rest = rest::router(state).map_err(Failure::of("setting up the API"))?;
    let services = Services::beside(echo::router().merge(rest));
    let services = grpc::add_service(services, store.clone(), Arc::clone(&publisher), cache, tokens.clone());
    let services = discovery.add_services(services, tokens);

    let (stop, mut stopping) = watch::channel(false);
    let address = settings::reachable(server.address()).into();
    let (end, ended) = watch::channel(None);
    let task = tokio::spawn(async move {
        // A dropped sender means the same.
        let stop = async move { _ = stopping.wait_for(|stop| *stop).await.is_ok() };
        let outcome = server.serve(services, stop).await;
        end.send_replace(Some(outcome.map_or_else(|error| error.to_string(), |()| "the server ended".to_owned())));
    });
    tracing::info!(%address, %advertised, revision = publisher.published_revision(), "serving");
    Ok(Running { address, publisher, node_token, admin_token_file, store, stop, ended, task })
}

impl Running {
    /// Waits until the server can't go on, and says why.
    pub async fn failed(&self) -> Failure {
        let mut ended = self.ended.clone();
        let why = ended.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
        Failure::new(why.unwrap_or_else(|| "the server broke; its log says why".to_owned()))
    }

    /// Ends every stream, lets requests finish, closes the store.
    pub async fn stop(mut self) {
        self.publisher.close();
        self.stop.send_replace(true);
        if tokio::time::timeout(STOP_TIMEOUT, &mut self.task).await.is_err() {
            tracing::warn!("some connections stayed open; closing them");
            self.task.abort();
        }
        self.store.close().await;
    }
}

fn read_filter(path: &PathBuf) -> Result<FilterModule, Failure> {
    let bytes = std::fs::read(path).map_err(Failure::of(format!("cannot read the filter {}", path.display())))?;
    let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(FilterModule { bytes: bytes.into(), sha256: sha256.into() })
}
