//! Settings: read once from flags and environment, checked, and turned into what the commands work with.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::FalseyValueParser;

use super::bootstrap::{Bootstrap, HostPort};
use super::{Failure, files};
use crate::cache::CACHE_BYTES;
use crate::domain::provider::LinkLocal;

/// Where Debian, Ubuntu and the Envoy image keep the certificates that the system trusts.
const CA_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
const FILTER_FILE: &str = "filter.wasm";

#[derive(Args)]
pub struct ServerArguments {
    /// Folder of the database, the master key and the tokens [default: ~/.local/share/muxspace]
    #[arg(long, env = "MUXSPACE_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Database [default: sqlite:<data-dir>/muxspace.db]
    #[arg(long, env = "MUXSPACE_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Address of REST, gRPC and xDS; port 0: any
    #[arg(long, env = "MUXSPACE_API_ADDR", default_value = "127.0.0.1:8990")]
    api: SocketAddr,
    /// Host and port at which Envoys reach this server [default: the address of --api]
    #[arg(long, env = "MUXSPACE_ADVERTISE")]
    advertise: Option<HostPort>,
    /// Don't look for local providers and API keys on first start
    #[arg(long, env = "MUXSPACE_NO_DISCOVER", value_parser = FalseyValueParser::new())]
    no_discover: bool,
    /// Let providers be at link-local and cloud-metadata addresses
    #[arg(long, env = "MUXSPACE_ALLOW_LINK_LOCAL", value_parser = FalseyValueParser::new())]
    allow_link_local: bool,
    /// The filter's module [default: filter.wasm beside this program, or where `make build` puts it]
    #[arg(long, env = "MUXSPACE_FILTER")]
    filter: Option<PathBuf>,
    /// Certificates that providers are checked against: a file on the Envoy's machine
    #[arg(long, env = "MUXSPACE_CA_BUNDLE", default_value = CA_BUNDLE)]
    ca_bundle: PathBuf,
    /// Bytes of memory for answers that workspaces keep; 0: none are kept
    #[arg(long, env = "MUXSPACE_CACHE_BYTES", default_value_t = CACHE_BYTES)]
    cache_bytes: u64,
}

#[derive(Args)]
pub struct UpArguments {
    #[command(flatten)]
    server: ServerArguments,
    /// Address at which clients send prompts; port 0: any
    #[arg(long, env = "MUXSPACE_LISTEN_ADDR", default_value = "127.0.0.1:8989")]
    listen: SocketAddr,
    /// The Envoy to start [default: envoy on the PATH, else the one that `make envoy` got]
    #[arg(long, env = "MUXSPACE_ENVOY")]
    envoy: Option<PathBuf>,
    /// Envoy's worker threads [default: one per processor]
    #[arg(long, env = "MUXSPACE_CONCURRENCY", value_parser = clap::value_parser!(u32).range(1..=1024))]
    concurrency: Option<u32>,
}

#[derive(Args)]
pub struct EnvoyConfigArguments {
    /// Folder whose node.token is to be used; it is made if it is not there
    #[arg(long, env = "MUXSPACE_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Address at which clients send prompts
    #[arg(long, env = "MUXSPACE_LISTEN_ADDR", default_value = "127.0.0.1:8989")]
    listen: SocketAddr,
    /// Host and port of the control server, as Envoy reaches it
    #[arg(long, env = "MUXSPACE_API_ADDR", default_value = "127.0.0.1:8990")]
    api: HostPort,
    /// Address of Envoy's admin pages [default: none]
    #[arg(long)]
    admin: Option<SocketAddr>,
    /// File to write [default: standard output]
    #[arg(long)]
    output: Option<PathBuf>,
    /// File to write Envoy's environment to: the node token, as a shell reads it
    #[arg(long)]
    output_env: Option<PathBuf>,
}

/// Settings of `serve`.
pub struct Server {
    pub data_dir: PathBuf,
    pub database_url: String,
    pub api: SocketAddr,
    pub advertise: Option<HostPort>,
    pub discover: bool,
    pub link_local: LinkLocal,
    pub filter: PathBuf,
    pub ca_bundle: PathBuf,
    pub cache_bytes: u64,
}

/// Settings of `up`.
pub struct Up {
    pub server: Server,
    pub listen: SocketAddr,
    pub envoy: Option<PathBuf>,
    pub concurrency: Option<u32>,
}

/// Settings of `envoy-config`.
pub struct EnvoyConfig {
    bootstrap: Bootstrap,
    data_dir: PathBuf,
    output: Option<PathBuf>,
    output_env: Option<PathBuf>,
}

impl Server {
    pub fn new(arguments: ServerArguments) -> Result<Self, Failure> {
        let ServerArguments {
            data_dir,
            database_url,
            api,
            advertise,
            no_discover,
            allow_link_local,
            filter,
            ca_bundle,
            cache_bytes,
        } = arguments;
        let data_dir = data_dir_or_default(data_dir)?;
        files::make_private_folder(&data_dir)?;
        let database_url = match database_url {
            Some(url) => url,
            None => {
                let file = data_dir.join("muxspace.db");
                files::make_private_file(&file)?;
                format!("sqlite:{}", file.display())
            }
        };
        let filter = filter.map_or_else(find_filter, existing_filter)?;
        let link_local = if allow_link_local { LinkLocal::Allowed } else { LinkLocal::Refused };
        Ok(Self {
            data_dir,
            database_url,
            api,
            advertise,
            discover: !no_discover,
            link_local,
            filter,
            ca_bundle,
            cache_bytes,
        })
    }

    /// Where Envoys reach a server that listens at `bound`.
    pub fn advertised(&self, bound: SocketAddr) -> HostPort {
        self.advertise.clone().unwrap_or_else(|| HostPort::from(reachable(bound)))
    }
}

impl Up {
    pub fn new(arguments: UpArguments) -> Result<Self, Failure> {
        let UpArguments { server, listen, envoy, concurrency } = arguments;
        Ok(Self { server: Server::new(server)?, listen, envoy, concurrency })
    }
}

impl EnvoyConfig {
    pub fn new(arguments: EnvoyConfigArguments) -> Result<Self, Failure> {
        let EnvoyConfigArguments { data_dir, listen, api, admin, output, output_env } = arguments;
        let bootstrap = Bootstrap { listen: listen.into(), control: api, admin: admin.map(HostPort::from) };
        Ok(Self { bootstrap, data_dir: data_dir_or_default(data_dir)?, output, output_env })
    }

    pub fn write(self) -> Result<(), Failure> {
        let Self { bootstrap, data_dir, output, output_env } = self;
        if let Some(path) = output_env {
            files::make_private_folder(&data_dir)?;
            let token = node_token(&data_dir)?;
            files::write_private(&path, &format!("export MUXSPACE_NODE_TOKEN='{token}'\n"))?;
        }
        let text = bootstrap.render();
        match output {
            Some(path) => std::fs::write(&path, text).map_err(Failure::of(format!("cannot write {}", path.display()))),
            None => {
                print!("{text}");
                Ok(())
            }
        }
    }
}

/// The secret that filters show to the server.
pub fn node_token(data_dir: &Path) -> Result<String, Failure> {
    files::token("MUXSPACE_NODE_TOKEN", &data_dir.join("node.token"))
}

/// An address that a program on the same machine can connect to.
pub fn reachable(bound: SocketAddr) -> SocketAddr {
    if bound.ip().is_unspecified() { (IpAddr::V4(Ipv4Addr::LOCALHOST), bound.port()).into() } else { bound }
}

pub fn data_dir_or_default(given: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let home = || std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
    given
        .or_else(|| home().map(|home| home.join(".local/share/muxspace")))
        .ok_or_else(|| Failure::new("there is no home folder; say where to keep data with --data-dir"))
        .and_then(|path| std::path::absolute(path).map_err(Failure::of("--data-dir")))
}

fn existing_filter(path: PathBuf) -> Result<PathBuf, Failure> {
    if path.is_file() { Ok(path) } else { Err(Failure::new(format!("there is no filter at {}", path.display()))) }
}

fn find_filter() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe().map_err(Failure::of("cannot tell where this program is"))?;
    let folder = program.parent().unwrap_or(Path::new("."));
    let built = Path::new("wasm32-wasip1/release").join(FILTER_FILE);
    let candidates = [folder.join(FILTER_FILE), folder.join("..").join(built)];
    candidates.into_iter().find(|path| path.is_file()).ok_or_else(|| {
        Failure::new(format!("{FILTER_FILE} is not beside this program; run `make build`, or name it with --filter"))
    })
}
