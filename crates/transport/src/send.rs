//! Sends one request under one deadline. Neighbour: `outcome`, which sorts answers that came.

use bridge_core::{
    call::{CallError, NOT_SENT},
    time::Timestamp,
};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode};
use std::{error::Error, fmt, time::Duration};
use url::Url;

/// The largest answer about one object that is read, in bytes: a remote that sends more is broken
/// or hostile, and memory is shared by all bridges.
pub const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// The largest page of a listing that is read, in bytes. A hundred tickets with descriptions of
/// 64 KiB each, side-loaded people and escapes come to about 10 MiB; a page that is refused would
/// be asked for again for ever, so there is room above that.
pub const LISTING_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long the name, the connection and TLS may take together. A connection that does not open
/// is surely unsent, so it pays to learn of it well before a call's deadline, which tells nothing.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection may rest before reuse. Common servers close idle ones after 5 s or more; a
/// request written into a connection that is just closing is an unknown outcome made by ourselves.
pub const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// The longest cause told in a reason, in characters: one line of a log.
const CAUSE_CHARACTERS_MAX: usize = 160;

/// The client cannot be made, such as on a machine without root certificates.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot start: {0}")]
pub struct CannotStart(String);

/// One request. `Debug` shows the method and the host: paths hold phone numbers.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to. Credentials belong in headers, never in here.
    pub url: Url,
    /// Headers, credentials included.
    pub headers: HeaderMap,
    /// The body.
    pub body: Option<Bytes>,
    /// Whether doing it twice is the same as doing it once. Decides what a missing answer means.
    pub idempotent: bool,
    /// The largest answer read, in bytes: [`ANSWER_BYTES_MAX`], or [`LISTING_BYTES_MAX`] for a page
    /// of a listing. A larger one is no answer.
    pub answer_max: usize,
}

/// What came back. `Debug` shows the status and the size.
#[derive(Clone)]
pub struct Response {
    /// The HTTP status, redirects included.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, at most the request's `answer_max`.
    pub body: Bytes,
    /// When it had come, by our clock: what dates in it are compared with.
    pub received_at: Timestamp,
}

impl Response {
    /// Whether the status is one of 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.body.as_ref().map_or(0, Bytes::len);
        write!(f, "{} {} ({bytes} bytes)", self.method, host(&self.url))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.status, self.body.len())
    }
}

/// The HTTP client. Cheap to clone; clones share the connections.
#[derive(Clone, Debug)]
pub struct Transport {
    client: reqwest::Client,
    now: fn() -> Timestamp,
}

impl Transport {
    /// The time, by the clock that stamps answers.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Makes the client. `now` is the clock that stamps answers.
    ///
    /// # Errors
    /// [`CannotStart`] when TLS cannot be set up.
    pub fn new(now: fn() -> Timestamp) -> Result<Self, CannotStart> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("jelou-bridge/", env!("CARGO_PKG_VERSION")))
            // A redirect would carry credentials to another place, and turn a POST into a GET.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            // A proxy from the environment would read and answer in the remote's place unnoticed.
            .no_proxy()
            .referer(false)
            // One call, one connection: a broken HTTP/2 connection takes every call on it along,
            // and each of them becomes an unknown outcome.
            .http1_only()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .build()
            .map_err(|error| CannotStart(cause(&error)))?;
        Ok(Self { client, now })
    }

    /// Sends a request and reads the whole answer, all within `deadline`. Any status is an answer;
    /// [`crate::classify`] sorts the bad ones.
    ///
    /// # Errors
    /// [`CallError::Later`] when the connection did not open, which is surely unsent; after that
    /// [`CallError::Unknown`], or `Later` where the request is idempotent. `Refused` with
    /// [`NOT_SENT`] when the request cannot be formed. Reasons name the host and the cause only.
    pub async fn send(&self, request: Request, deadline: Duration) -> Result<Response, CallError> {
        let host = host(&request.url);
        let idempotent = request.idempotent;
        let lost = |status, what: String| lost(idempotent, &host, status, &what);
        let Ok(outcome) = tokio::time::timeout(deadline, self.exchange(request)).await else {
            return Err(lost(None, format!("no whole answer within {deadline:?}")));
        };
        outcome.map_err(|failure| match failure {
            Failure::NotFormed(what) => CallError::Refused {
                status: NOT_SENT,
                reason: format!("{host}: not sent: {what}"),
            },
            Failure::NotOpened(what) => CallError::Later {
                after: None,
                status: None,
                reason: format!("{host}: no connection: {what}"),
                host_wide: false,
            },
            Failure::Lost { status, what } => lost(status, what),
        })
    }

    async fn exchange(&self, request: Request) -> Result<Response, Failure> {
        let most = request.answer_max;
        let mut builder = self
            .client
            .request(request.method, request.url)
            .headers(request.headers);
        if let Some(body) = request.body {
            builder = builder.body(body);
        }
        let mut answer = builder.send().await.map_err(Failure::from_send)?;
        let status = answer.status();
        let number = StatusCode::as_u16(&status);
        let headers = std::mem::take(answer.headers_mut());
        let body = match read_body(&mut answer, most).await {
            Ok(body) => body,
            // The status line of a refusal stands, whatever became of its explanation.
            Err(_) if !status.is_success() => Bytes::new(),
            Err(what) => {
                let status = Some(number);
                return Err(Failure::Lost { status, what });
            }
        };
        Ok(Response {
            status: number,
            headers,
            body,
            received_at: (self.now)(),
        })
    }
}

/// How an exchange ended without a whole answer.
enum Failure {
    NotFormed(String),
    NotOpened(String),
    Lost {
        /// Where the answer broke off behind it.
        status: Option<u16>,
        what: String,
    },
}

impl Failure {
    fn from_send(error: reqwest::Error) -> Self {
        let what = cause(&error);
        if error.is_builder() {
            Self::NotFormed(what)
        } else if error.is_connect() {
            Self::NotOpened(what)
        } else {
            Self::Lost { status: None, what }
        }
    }
}

async fn read_body(answer: &mut reqwest::Response, most: usize) -> Result<Bytes, String> {
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| cause(&error))? {
        if body.len().saturating_add(chunk.len()) > most {
            return Err(format!("the answer is over {most} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn lost(idempotent: bool, host: &str, status: Option<u16>, what: &str) -> CallError {
    let reason = format!("{host}: {what}");
    if idempotent {
        CallError::Later {
            after: None,
            status,
            reason,
            host_wide: false,
        }
    } else {
        CallError::Unknown {
            status,
            reason,
            after: None,
        }
    }
}

fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or("(no host)");
    match url.port() {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    }
}

/// The innermost cause. The outer layers repeat the URL, whose path holds ids and phone numbers;
/// the innermost speaks of names, sockets and certificates only.
fn cause(error: &reqwest::Error) -> String {
    let Some(mut inner) = error.source() else {
        return "the HTTP client refused it".to_owned();
    };
    while let Some(deeper) = inner.source() {
        inner = deeper;
    }
    let told = inner.to_string();
    told.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(CAUSE_CHARACTERS_MAX)
        .collect()
}
