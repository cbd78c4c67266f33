//! Names into addresses, without those that providers must not have.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::domain::provider::{Forbidden, LinkLocal, check_address};

/// How long a save waits for a name.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The addresses of a name.
pub type Resolved = BoxFuture<'static, io::Result<Vec<IpAddr>>>;
/// Who is asked for them.
pub type Lookup = Arc<dyn Fn(String) -> Resolved + Send + Sync>;

/// Asks the system.
pub fn system_lookup() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name, 0)).await?;
            Ok(addresses.map(|address| address.ip()).collect())
        })
    })
}

/// The resolver of the server's own calls.
pub(super) struct Guarded {
    pub(super) link_local: LinkLocal,
    pub(super) lookup: Lookup,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (link_local, name) = (self.link_local, name.as_str().to_owned());
        let resolved = (self.lookup)(name.clone());
        Box::pin(async move {
            let addresses = resolved.await?;
            if link_local == LinkLocal::Refused {
                check_all(&name, &addresses)?;
            }
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

/// Refuses a name if any of its addresses is one that providers must not have: a client may try each of them.
pub(super) async fn check_name(lookup: &Lookup, host: &str) -> Result<(), Forbidden> {
    if host.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    match tokio::time::timeout(TIMEOUT, lookup(host.to_owned())).await {
        Ok(Ok(addresses)) => check_all(host, &addresses),
        Ok(Err(_)) | Err(_) => Ok(()),
    }
}

fn check_all(name: &str, addresses: &[IpAddr]) -> Result<(), Forbidden> {
    let named = |Forbidden(address)| Forbidden(format!("{name} ({address})"));
    addresses.iter().try_for_each(|address| check_address(*address)).map_err(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_server_that_is_silent_holds_nobody_up() {
        let never: Lookup = Arc::new(|_| Box::pin(std::future::pending()));
        let checked = tokio::time::timeout(TIMEOUT * 2, check_name(&never, "silent.test")).await;
        assert_eq!(checked, Ok(Ok(())));
    }
}
