//! Where a request ends must have one answer. Neighbours: `socket`, which shows this every byte it
//! reads; `listen`, which asks before it lets a request in.
//!
//! A request with both `Content-Length` and `Transfer-Encoding` ends in two places, and a proxy
//! before us may see another end than we do (request smuggling, RFC 9112 section 6.3). hyper drops
//! the length without a word, so it is looked for in the bytes.

use axum::{body::Body, response::Response};
use http::{
    HeaderMap, StatusCode,
    header::{CONNECTION, CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING},
};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

const LINE: &[u8] = b"\ncontent-length:";

/// What one connection's bytes said about lengths.
#[derive(Clone, Debug, Default)]
pub(super) struct Framing {
    /// Lines that begin with `Content-Length`, among all bytes read.
    written: Arc<AtomicU32>,
    /// Requests that hyper showed us with that header.
    shown: Arc<AtomicU32>,
}

impl Framing {
    /// Whether the request may be read: false where a length was written and dropped. A chunked
    /// body that holds such a line is refused too; no JSON can, and what else it is we do not take.
    pub(super) fn is_sound(&self, headers: &HeaderMap) -> bool {
        if headers.contains_key(CONTENT_LENGTH) {
            self.shown.fetch_add(1, Ordering::Relaxed);
        }
        !headers.contains_key(TRANSFER_ENCODING)
            || self.written.load(Ordering::Relaxed) <= self.shown.load(Ordering::Relaxed)
    }

    /// The reader of this connection's bytes.
    pub(super) fn reader(&self) -> Reader {
        Reader {
            matched: 0,
            written: Arc::clone(&self.written),
        }
    }
}

/// Looks for the line across reads.
#[derive(Debug)]
pub(super) struct Reader {
    matched: usize,
    written: Arc<AtomicU32>,
}

impl Reader {
    pub(super) fn see(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let wanted = LINE.get(self.matched);
            self.matched = if wanted == Some(&byte.to_ascii_lowercase()) {
                self.matched + 1
            } else {
                // The line break is the only one of its kind in it: a new match begins there or not at all.
                usize::from(*byte == b'\n')
            };
            if self.matched == LINE.len() {
                self.written.fetch_add(1, Ordering::Relaxed);
                self.matched = 0;
            }
        }
    }
}

/// The answer to such a request; the connection is of no more use.
pub(super) fn refusal() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
    response
}
