//! `muxspace up`: the control server and one Envoy beside it, ready for prompts.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::bootstrap::{Bootstrap, HostPort};
use super::envoy::{Binary, Launch, Supervisor};
use super::serve::{self, Running};
use super::settings::{self, Up};
use super::{Failure, files};

/// Time in which a prompt must be routable.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
const POLL_TIMEOUT: Duration = Duration::from_secs(2);
/// Envoy ends at once when it is told to, and its filters with it: time in which they send what they have to report.
const LAST_REPORTS: Duration = Duration::from_millis(300);
/// After the first routed request, the time in which all workers must have the snapshot.
const WORKERS_TIMEOUT: Duration = Duration::from_secs(5);

pub async fn run(settings: Up) -> Result<(), Failure> {
    let Up { server, listen, envoy, concurrency } = settings;
    let binary = Binary::find(envoy.as_deref()).await?;
    let listen = free_address(listen)?;
    let config = server.data_dir.join("envoy.yaml");
    let running = serve::start(server).await?;

    let bootstrap = Bootstrap { listen: listen.into(), control: running.address.clone(), admin: None };
    files::write_private(&config, &bootstrap.render())?;
    tracing::info!(envoy = %binary.path.display(), version = %binary.version, "starting Envoy");
    let launch = Launch { envoy: binary.path, config, node_token: running.node_token.clone(), concurrency };
    let mut supervisor = Supervisor::start(launch);

    let proxy = settings::reachable(listen);
    let outcome = tokio::select! {
        outcome = ready(&running, proxy, concurrency) => match outcome {
            Ok(()) => {
                announce(&running, proxy);
                tokio::select! {
                    stopped = serve::stop_signal() => {
                        tokio::time::sleep(LAST_REPORTS).await;
                        stopped
                    }
                    failure = running.failed() => Err(failure),
                    failure = supervisor.failed() => return after_envoy(running, failure).await,
                }
            }
            Err(failure) => Err(failure),
        },
        stopped = serve::stop_signal() => stopped,
        failure = running.failed() => Err(failure),
        failure = supervisor.failed() => return after_envoy(running, failure).await,
    };
    supervisor.stop().await;
    running.stop().await;
    outcome
}

async fn after_envoy(running: Running, failure: Failure) -> Result<(), Failure> {
    running.stop().await;
    Err(failure)
}

/// The address itself, with a free port instead of 0. Taken ones are named before anything starts.
fn free_address(listen: SocketAddr) -> Result<SocketAddr, Failure> {
    TcpListener::bind(listen)
        .and_then(|listener| listener.local_addr())
        .map_err(Failure::of(format!("--listen: cannot listen on {listen}")))
}

/// Waits until a prompt can be routed, by every worker.
async fn ready(running: &Running, proxy: SocketAddr, concurrency: Option<u32>) -> Result<(), Failure> {
    let deadline = Instant::now() + READY_TIMEOUT;
    while !routes(proxy).await {
        if Instant::now() > deadline {
            let seconds = READY_TIMEOUT.as_secs();
            return Err(Failure::new(format!("no prompt could be routed within {seconds} s; the log above says why")));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    let workers = concurrency.map_or(1, |threads| threads as usize);
    let deadline = Instant::now() + WORKERS_TIMEOUT;
    let revision = running.publisher.published_revision();
    while running.publisher.nodes().iter().filter(|node| node.revision_acked >= revision).count() < workers {
        if Instant::now() > deadline {
            tracing::warn!(workers, "not every worker has the snapshot yet");
            break;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

/// Whether the listener answers, and with something else than that it is not ready.
async fn routes(proxy: SocketAddr) -> bool {
    let answer = tokio::time::timeout(POLL_TIMEOUT, status(proxy)).await;
    matches!(answer, Ok(Ok(Some(status))) if status != 503)
}

/// The list of models needs a snapshot like a prompt, but leaves no record.
async fn status(proxy: SocketAddr) -> std::io::Result<Option<u16>> {
    let mut stream = TcpStream::connect(proxy).await?;
    let request = format!("GET /v1/mux/models HTTP/1.1\r\nhost: {proxy}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut start = [0; "HTTP/1.1 200".len()];
    stream.read_exact(&mut start).await?;
    let code = start.last_chunk::<3>().and_then(|digits| std::str::from_utf8(digits).ok());
    Ok(code.and_then(|code| code.parse().ok()))
}

fn announce(running: &Running, proxy: SocketAddr) {
    let Running { address, admin_token_file, .. } = running;
    let proxy = HostPort::from(proxy);
    println!("ready proxy=http://{proxy}/v1/mux api=http://{address}");
    eprintln!(
        "\n  Muxspace routes prompts.\n\
         \n  Point your client at   http://{proxy}/v1/mux   (any API key, any model)\
         \n  Manage it at           http://{address}/api/v1   (token: {token})\
         \n\n  Try it:\n\
         \n    curl http://{proxy}/v1/mux/chat/completions -H 'content-type: application/json' \\\
         \n      -d '{{\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'\n",
        token = admin_token_file.display(),
    );
}
