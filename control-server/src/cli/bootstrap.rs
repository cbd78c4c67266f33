//! Fills in the one Envoy bootstrap, `envoy/bootstrap.yaml`.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

const TEMPLATE: &str = include_str!("../../../envoy/bootstrap.yaml");
/// Lines that stay only with an admin listener begin with this.
const ADMIN_MARK: &str = "#admin#";

/// A host name or address, and a port. It can stand in a YAML string as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    host: String,
    port: u16,
}

#[derive(Debug, thiserror::Error)]
#[error("give a host and a port, such as `control-server:8990`")]
pub struct InvalidHostPort;

/// What differs between one Envoy and another.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    pub listen: HostPort,
    pub control: HostPort,
    pub admin: Option<HostPort>,
}

impl Bootstrap {
    pub fn render(&self) -> String {
        let Self { listen, control, admin } = self;
        let mut text = String::with_capacity(TEMPLATE.len());
        for line in TEMPLATE.lines() {
            match (line.strip_prefix(ADMIN_MARK), admin) {
                (Some(_), None) => continue,
                (Some(rest), Some(_)) => text.push_str(rest),
                (None, _) => text.push_str(line),
            }
            text.push('\n');
        }
        let mut fill = |name: &str, address: &HostPort| {
            text = text
                .replace(&format!("${{MUXSPACE_{name}_HOST}}"), &address.host)
                .replace(&format!("${{MUXSPACE_{name}_PORT}}"), &address.port.to_string());
        };
        fill("LISTEN", listen);
        fill("CONTROL", control);
        if let Some(admin) = admin {
            fill("ADMIN", admin);
        }
        text
    }
}

impl FromStr for HostPort {
    type Err = InvalidHostPort;

    fn from_str(text: &str) -> Result<Self, InvalidHostPort> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(address.into());
        }
        let (host, port) = text.rsplit_once(':').ok_or(InvalidHostPort)?;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if host.is_empty() || !host.bytes().all(fits) {
            return Err(InvalidHostPort);
        }
        Ok(Self { host: host.to_owned(), port: port.parse().map_err(|_| InvalidHostPort)? })
    }
}

impl From<SocketAddr> for HostPort {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port() }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(formatter, "[{host}]:{port}") } else { write!(formatter, "{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bootstrap(admin: Option<&str>) -> Bootstrap {
        Bootstrap {
            listen: "0.0.0.0:8989".parse().unwrap(),
            control: "control-server:8990".parse().unwrap(),
            admin: admin.map(|text| text.parse().unwrap()),
        }
    }

    fn settings(text: &str) -> String {
        text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn every_placeholder_is_filled() {
        for admin in [None, Some("127.0.0.1:0")] {
            let text = settings(&bootstrap(admin).render());
            assert!(!text.contains("${"), "{text}");
            assert!(text.contains(r#"address: "control-server", port_value: 8990"#));
            assert!(text.contains(r#"address: "0.0.0.0", port_value: 8989"#));
            assert_eq!(text.contains("\nadmin:"), admin.is_some());
        }
    }

    #[test]
    fn the_filter_is_the_one_that_discovery_names() {
        assert!(TEMPLATE.contains(&format!("cluster_name: {}", crate::xds::CONTROL_CLUSTER)));
        assert!(TEMPLATE.contains("name: muxspace.route\n"));
    }

    #[test]
    fn hosts_and_ports_are_read_or_refused() {
        for text in ["127.0.0.1:80", "[::1]:80", "control-server:8990", "a.b_c:1"] {
            assert_eq!(text.parse::<HostPort>().unwrap().to_string(), text);
        }
        for text in ["", "host", ":80", "host:", "host:99999", "a\"b:80", "a b:80", "http://host:80"] {
            assert!(text.parse::<HostPort>().is_err(), "{text}");
        }
    }
}
