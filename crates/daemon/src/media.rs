//! Fetches what a customer's file holds, before it is hung on a ticket. Neighbours: perform, which
//! hangs it; bridge-transport, which knows what may be opened.

use crate::runtime::Bridge;
use bridge_core::{call::CallError, effect::Effect, intent::Intent};
use bridge_transport::{Fetched, NOT_SENT, NoFile};
use std::net::{IpAddr, SocketAddr};
use url::{Host, Url};

/// The file that an Effect brings, if it brings one, within half of the bridge's call timeout: the
/// other half is for the ticketing system.
///
/// # Errors
/// [`CallError::Later`] if it may come later, `Refused` with [`NOT_SENT`] if it will not.
pub async fn file_of(bridge: &Bridge, intent: &Intent) -> Result<Option<Fetched>, CallError> {
    let Effect::AttachFile(attach) = &intent.effect else {
        return Ok(None);
    };
    let url = attach.media.url.reveal();
    let door = door(&bridge.config.jelou.client.gateway_url);
    let fetched = bridge.files.fetch(url, door, bridge.call_timeout() / 2);
    fetched.await.map(Some).map_err(|no_file| match no_file {
        NoFile::Never(reason) => CallError::Refused {
            status: NOT_SENT,
            reason,
        },
        NoFile::Later(reason) => CallError::Later {
            after: None,
            status: None,
            reason,
            host_wide: false,
        },
    })
}

/// Where a Jelou on this machine keeps its files. Only a sandbox is here, and only by its address and
/// port does it open anything that is not everybody's.
fn door(gateway: &Url) -> Option<SocketAddr> {
    let ip = match gateway.host()? {
        Host::Ipv4(ip) => IpAddr::V4(ip),
        Host::Ipv6(ip) => IpAddr::V6(ip),
        Host::Domain(_) => return None,
    };
    let port = gateway.port_or_known_default()?;
    ip.is_loopback().then(|| SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::door;

    #[test]
    fn only_a_jelou_on_this_machine_is_a_door() {
        let of = |url: &str| door(&url.parse().unwrap()).map(|door| door.to_string());
        assert_eq!(
            of("http://127.0.0.1:8090/"),
            Some("127.0.0.1:8090".to_owned())
        );
        assert_eq!(of("http://[::1]:8090/"), Some("[::1]:8090".to_owned()));
        for other in [
            "https://gateway.jelou.ai/",
            "http://10.0.0.1/",
            "http://localhost:1/",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
