//! Fetches a file from an address that a stranger gave. Neighbours: `address`, which says whose
//! addresses are opened; `send`, which calls remotes that the operator named.
//!
//! A customer's message can name any address, and the bridge stands inside somebody's network. So an
//! address is checked before anything is opened, the name behind it is looked up once and the connection
//! goes to what was checked, and each redirect is an address like the first.

use crate::address::is_public;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, LOCATION};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{
    fmt,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::{Host, Url};

/// The largest file that is fetched, in bytes: WhatsApp takes pictures of 5 MB, sound and films of
/// 16 MB (Jelou's page on bot messages). Larger documents stay where they are, behind their address.
pub const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How many files are in memory at once, over all bridges: with its copies on the way to the ticketing
/// system one takes up to 60 MiB.
pub const FILES_AT_ONCE: usize = 2;

/// How many more may wait for their turn, over all bridges. Each is a worker that does nothing else: a
/// file server that has all the time in the world must leave most of the 64 to the talk.
pub const FILES_IN_LINE: usize = 14;

/// More redirects than this are a circle, or someone hiding.
const REDIRECTS_MAX: usize = 3;

/// How long opening a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Finds the addresses of a name.
pub type Names = fn(String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Asks the system.
#[must_use]
pub fn system_names(name: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
    Box::pin(async move {
        let found = tokio::net::lookup_host((name.as_str(), 443)).await?;
        Ok(found.map(|address| address.ip()).collect())
    })
}

/// Why there is no file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoFile {
    /// The address is not one that is opened, or what is there is not the file: trying again helps
    /// nothing.
    #[error("{0}")]
    Never(String),
    /// It may come later.
    #[error("{0}")]
    Later(String),
}

/// A file in memory. While it is held, it takes one of [`FILES_AT_ONCE`] places.
pub struct Fetched {
    /// Its bytes.
    pub bytes: Bytes,
    _place: OwnedSemaphorePermit,
}

impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a file ({} bytes)", self.bytes.len())
    }
}

/// Fetches files. Cheap to clone; clones share the places.
#[derive(Clone, Debug)]
pub struct Fetcher {
    names: Names,
    places: Arc<Semaphore>,
    /// Those who fetch and those who wait for it.
    line: Arc<Semaphore>,
}

impl Fetcher {
    /// One that looks names up so.
    #[must_use]
    pub fn new(names: Names) -> Self {
        Self {
            names,
            places: Arc::new(Semaphore::new(FILES_AT_ONCE)),
            line: Arc::new(Semaphore::new(FILES_AT_ONCE + FILES_IN_LINE)),
        }
    }

    /// Fetches a file of at most [`FILE_BYTES_MAX`], within `deadline`. No credential, cookie or
    /// referer goes along.
    ///
    /// Only `https` on port 443 of public addresses is opened, and `door` beside it: the address of a
    /// Jelou on this machine, which a sandbox is.
    ///
    /// # Errors
    /// [`NoFile`]; its text names neither the address nor what it answered.
    pub async fn fetch(
        &self,
        address: &str,
        door: Option<SocketAddr>,
        deadline: Duration,
    ) -> Result<Fetched, NoFile> {
        let Ok(_in_line) = self.line.try_acquire() else {
            return Err(later("too many files are on their way"));
        };
        let fetching = async {
            let place = Arc::clone(&self.places).acquire_owned().await;
            let place = place.map_err(|_| later("the bridge is stopping"))?;
            let bytes = self.follow(address, door).await?;
            Ok(Fetched {
                bytes,
                _place: place,
            })
        };
        match tokio::time::timeout(deadline, fetching).await {
            Ok(fetched) => fetched,
            Err(_) => Err(later(&format!("the file did not come within {deadline:?}"))),
        }
    }

    async fn follow(&self, address: &str, door: Option<SocketAddr>) -> Result<Bytes, NoFile> {
        let mut url = Url::parse(address).map_err(|_| never("its address is none"))?;
        for _ in 0..=REDIRECTS_MAX {
            match self.open(url.clone(), door).await? {
                Opened::File(bytes) => return Ok(bytes),
                Opened::Elsewhere(next) => {
                    url = url
                        .join(&next)
                        .map_err(|_| never("it redirects to no address"))?;
                }
            }
        }
        Err(never("it redirects too often"))
    }

    async fn open(&self, url: Url, door: Option<SocketAddr>) -> Result<Opened, NoFile> {
        let addresses = self.checked(&url, door).await?;
        let client = reqwest::Client::builder()
            .user_agent(concat!("jelou-bridge/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .http1_only()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(0)
            // A literal address is never asked for; a name has the addresses that were checked.
            .dns_resolver(Arc::new(Pinned(addresses)))
            .build()
            .map_err(|_| later("the HTTP client cannot start"))?;
        let mut answer = client
            .get(url)
            .send()
            .await
            .map_err(|_| later("its server cannot be reached"))?;
        let status = answer.status().as_u16();
        match status {
            200 => read(&mut answer).await.map(Opened::File),
            301 | 302 | 303 | 307 | 308 => {
                let next = answer.headers().get(LOCATION);
                let next = next.and_then(|next| next.to_str().ok());
                let next = next.ok_or_else(|| never("it redirects to no address"))?;
                Ok(Opened::Elsewhere(next.to_owned()))
            }
            408 | 425 | 429 | 500.. => Err(later(&format!("its server answered {status}"))),
            _ => Err(never(&format!("its server answered {status}"))),
        }
    }

    /// The addresses behind a URL, if it may be opened. One that is not everybody's among them is
    /// enough to refuse it: whoever mixes them means the other.
    async fn checked(
        &self,
        url: &Url,
        door: Option<SocketAddr>,
    ) -> Result<Vec<SocketAddr>, NoFile> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(never("its address holds a credential"));
        }
        let port = url.port_or_known_default();
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) => None,
            None => return Err(never("its address names no server")),
        };
        let is_door = |door: SocketAddr| literal == Some(door.ip()) && port == Some(door.port());
        if let Some(door) = door.filter(|door| door.ip().is_loopback() && is_door(*door))
            && matches!(url.scheme(), "http" | "https")
        {
            return Ok(vec![door]);
        }
        if url.scheme() != "https" {
            return Err(never("its address is not https"));
        }
        if port != Some(443) {
            return Err(never("its address names a port of its own"));
        }
        let found = match (literal, url.domain()) {
            (Some(address), _) => vec![address],
            (None, Some(name)) => (self.names)(name.to_owned())
                .await
                .map_err(|_| later("its server's name is not known"))?,
            (None, None) => Vec::new(),
        };
        if found.is_empty() {
            return Err(later("its server's name has no address"));
        }
        if !found.iter().copied().all(is_public) {
            return Err(never("its address is not public"));
        }
        // The port of the URL is put in its place by the client.
        let found = found.into_iter();
        Ok(found.map(|address| SocketAddr::new(address, 0)).collect())
    }
}

enum Opened {
    File(Bytes),
    Elsewhere(String),
}

/// A resolver that knows what was checked, and nothing else.
struct Pinned(Vec<SocketAddr>);

impl Resolve for Pinned {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(self.0.clone().into_iter());
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

async fn read(answer: &mut reqwest::Response) -> Result<Bytes, NoFile> {
    let too_large = || never(&format!("the file is over {FILE_BYTES_MAX} bytes"));
    let kind = answer.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.trim().to_ascii_lowercase().starts_with("text/html") {
        // A login, an error with a status of success, or a page that runs in an agent's browser.
        return Err(never("a web page stands at its address"));
    }
    let told = answer.content_length().unwrap_or(0);
    if usize::try_from(told).is_ok_and(|told| told > FILE_BYTES_MAX) {
        return Err(too_large());
    }
    let mut bytes = BytesMut::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if bytes.len().saturating_add(chunk.len()) > FILE_BYTES_MAX => {
                return Err(too_large());
            }
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) if bytes.is_empty() => return Err(never("the file is empty")),
            Ok(None) => return Ok(bytes.freeze()),
            Err(_) => return Err(later("the file broke off")),
        }
    }
}

fn never(why: &str) -> NoFile {
    NoFile::Never(why.to_owned())
}

fn later(why: &str) -> NoFile {
    NoFile::Later(why.to_owned())
}
