//! Addresses that no provider has: those of the link, where clouds answer every process of a machine with its
//! credentials. An endpoint there would hand them to whoever may write a provider.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether providers may be at such addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkLocal {
    #[default]
    Refused,
    Allowed,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is a link-local or cloud-metadata address, which no provider has; to allow it, start the server with \
     --allow-link-local"
)]
pub struct Forbidden(pub String);

/// Metadata services beside the link-local range: Alibaba Cloud's, Azure's, and that of AWS for IPv6.
const METADATA_V4: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// Names that clouds give their metadata services, also before anybody resolves them.
const METADATA_NAMES: [&str; 6] = [
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "metadata.azure.internal",
    "instance-data",
    "instance-data.ec2.internal",
];

/// The well-known prefix by which an IPv6-only network reaches IPv4.
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];
const SIX_TO_FOUR: u16 = 0x2002;

pub fn check_address(address: IpAddr) -> Result<(), Forbidden> {
    let is_forbidden = match address {
        IpAddr::V4(address) => is_forbidden_v4(address),
        IpAddr::V6(address) => is_forbidden_v6(address) || carried_v4(address).is_some_and(is_forbidden_v4),
    };
    if is_forbidden { Err(Forbidden(address.to_string())) } else { Ok(()) }
}

pub fn check_name(name: &str) -> Result<(), Forbidden> {
    let bare = name.trim_end_matches('.').to_ascii_lowercase();
    if METADATA_NAMES.contains(&bare.as_str()) { Err(Forbidden(name.to_owned())) } else { Ok(()) }
}

fn is_forbidden_v4(address: Ipv4Addr) -> bool {
    address.is_link_local() || METADATA_V4.contains(&address)
}

fn is_forbidden_v6(address: Ipv6Addr) -> bool {
    address.is_unicast_link_local() || address == METADATA_V6
}

/// The IPv4 address within an IPv6 one that only spells it: mapped, compatible, NAT64, 6to4.
fn carried_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => Some(embedded(high, low)),
        [a, b, c, d, e, f, high, low] if [a, b, c, d, e, f] == NAT64 => Some(embedded(high, low)),
        [SIX_TO_FOUR, high, low, ..] => Some(embedded(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Endpoint;

    #[test]
    fn what_the_link_holds_is_refused_however_it_is_spelt() {
        let refused = [
            "http://169.254.169.254",
            "http://169.254.0.1:80/latest",
            "http://2852039166",
            "http://0xa9fea9fe",
            "http://0xA9.0376.43518",
            "http://0251.254.169.254",
            "http://169.254.43518",
            "http://169.254.169.254.",
            "http://\u{ff11}69.254.169.254",
            "http://%31%36%39.254.169.254",
            "http://[fe80::1]",
            "http://[febf::1]:11434",
            "http://[::ffff:169.254.169.254]",
            "http://[::ffff:a9fe:a9fe]",
            "http://[::169.254.169.254]",
            "http://[64:ff9b::169.254.169.254]",
            "http://[2002:a9fe:a9fe::1]",
            "http://[fd00:ec2::254]",
            "http://100.100.100.200",
            "http://168.63.129.16",
            "http://metadata.google.internal",
            "http://METADATA.google.internal./computeMetadata",
            "https://metadata.goog",
            "http://metadata",
            "http://instance-data.ec2.internal",
        ];
        for text in refused {
            let forbidden = text.parse::<Endpoint>().unwrap().check_host();
            assert!(forbidden.is_err_and(|error| error.to_string().contains("--allow-link-local")), "{text}");
        }
        let taken = [
            "http://169.253.255.255",
            "http://169.255.0.1",
            "http://127.0.0.1",
            "http://10.0.0.1",
            "http://192.168.1.5",
            "http://[::1]",
            "http://[::]",
            "http://[fec0::1]",
            "http://[fd00:ec2::253]",
            "http://[2001:db8::1]",
            "http://100.100.100.201",
            "http://metadata.example",
            "http://localhost",
        ];
        for text in taken {
            assert_eq!(text.parse::<Endpoint>().unwrap().check_host(), Ok(()), "{text}");
        }
    }
}
