//! The door: takes connections, bounds what each may cost, and closes in an orderly way.
//! Neighbours: `socket`, one connection's bytes; `ingest` and `admin`, which answer.
//!
//! axum's own `serve` waits for a silent or dribbling client for good; this loop lets go of it. It
//! speaks HTTP/1.1 only, as no sender of webhooks needs more.

mod body;
mod framing;
mod socket;
mod turn;

use axum::Router;
use framing::Framing;
use hyper::{body::Incoming, server::conn::http1, service::Service as _};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use socket::Socket;
use std::{convert::Infallible, io, pin::Pin, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::{debug, warn};
use turn::Turn;

/// Headers of one request. Senders of webhooks use about twenty.
const MAX_HEADERS: usize = 64;

/// Bytes of one request's head, and of what is read ahead of a body.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Connections at once, if the process may open twice as many files: enough that two thousand
/// clients that dribble keep nobody else out.
const MAX_CONNECTIONS: usize = 4096;

/// One place in so many is never taken by a silent client: the last that are free go to those who have
/// something to say.
const KEPT_FREE_ONE_IN: usize = 4;

/// Connections at once where nothing tells how many files may be open; half of the usual limit.
const FALLBACK_CONNECTIONS: usize = 512;

/// How long no connection is taken after the system refused one, mostly for want of a free file
/// descriptor. Requests under way end meanwhile and free some.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// How long requests under way may take to end when the process stops: half of the 10 s that a
/// stop may take in all.
const DRAIN_WITHIN: Duration = Duration::from_secs(5);

/// What one connection may take. The figures are for a webhook sender, which is a server itself.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From a head's first byte to its end. On a connection on which nothing was answered with a
    /// success yet, and while places are short, from the moment the client may send it.
    pub head_within: Duration,
    /// How long a sender may be silent before its next request's head has ended, where one of its
    /// requests was answered with a success.
    pub silent_within: Duration,
    /// From the end of the head to the end of the body.
    pub body_within: Duration,
    /// How long a client may leave us unable to send it a byte.
    pub write_within: Duration,
    /// Connections at once; further ones wait.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_within: Duration::from_secs(5),
            // Longer than clients keep a connection themselves (nginx and usual load balancers 60 s,
            // Go and reqwest 90 s), so that they close it: a webhook that crosses our close is lost,
            // and Jelou documents no retry.
            silent_within: Duration::from_secs(100),
            body_within: Duration::from_secs(10),
            write_within: Duration::from_secs(10),
            connections: affordable_connections(),
        }
    }
}

impl Limits {
    /// For the admin listener: what it answers anybody without a token proves nothing.
    #[must_use]
    pub fn without_silence(self) -> Self {
        Self {
            silent_within: self.head_within,
            ..self
        }
    }
}

/// Half of the files this process may open: the database and the calls out need theirs.
fn affordable_connections() -> usize {
    // Linux tells it as text; elsewhere the fallback holds.
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .and_then(|columns| columns.split_whitespace().next()?.parse::<usize>().ok())
        .map_or(FALLBACK_CONNECTIONS, |files| {
            (files / 2).clamp(1, MAX_CONNECTIONS)
        })
}

/// Serves until `stop` turns true or its sender is gone, then lets requests under way end.
/// Returns within [`DRAIN_WITHIN`] of that.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = told(&mut stop) => break,
            Some(ended) = connections.join_next(), if !connections.is_empty() => {
                if let Err(error) = ended {
                    warn!(%error, "A connection's task ended badly");
                }
            }
            (stream, place) = next(&listener, &places) => {
                let one = connection(stream, router.clone(), limits, Arc::clone(&places), stop.clone());
                connections.spawn(async move {
                    one.await;
                    drop(place);
                });
            }
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(DRAIN_WITHIN, all).await.is_err() {
        warn!("Requests were cut because they did not end in time");
    }
    connections.shutdown().await;
}

/// Ends when the process is to stop.
async fn told(stop: &mut watch::Receiver<bool>) {
    // An error means that nobody can stop us any more: whoever started us is gone.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// The next connection, once there is a place for it. Never gives up.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, Option<tokio::sync::OwnedSemaphorePermit>) {
    // The semaphore is never closed, so there is always a permit in the end.
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            Err(error) if is_of_the_caller(&error) => {}
            Err(error) => {
                warn!(%error, "No connection can be taken for a moment");
                sleep(ACCEPT_AGAIN_AFTER).await;
            }
        }
    }
}

/// Whether a failed accept says nothing about us: the caller was gone before we took it.
fn is_of_the_caller(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

/// One connection, to its end.
async fn connection(
    stream: TcpStream,
    router: Router,
    limits: Limits,
    places: Arc<Semaphore>,
    mut stop: watch::Receiver<bool>,
) {
    // Answers are small and complete: waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    let framing = Framing::default();
    let turn = Turn::default();
    let socket = Socket::new(stream, limits, &framing, turn.clone());
    let inner = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        turn.begins();
        let turn = turn.clone();
        let places = Arc::clone(&places);
        let sound = framing.is_sound(request.headers());
        let request = request.map(|incoming| body::timed(incoming, limits.body_within));
        let answer = sound.then(|| inner.call(request));
        Box::pin(async move {
            let answer = match answer {
                Some(answer) => answer.await.unwrap_or_else(|never| match never {}),
                None => framing::refusal(),
            };
            let roomy = places.available_permits() >= limits.connections / KEPT_FREE_ONE_IN;
            turn.ends(answer.status().is_success(), roomy);
            Ok::<_, Infallible>(answer)
        })
    });
    let mut conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.silent_within)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(socket), service);
    let ended = tokio::select! {
        ended = &mut conversation => Some(ended),
        () = told(&mut stop) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            Pin::new(&mut conversation).graceful_shutdown();
            (&mut conversation).await
        }
    };
    match ended {
        // It had its time; lingering would give it more.
        Err(error) if error.is_timeout() => debug!("A client was let go for its silence"),
        Err(error) => {
            debug!(%error, "A connection ended early");
            conversation.into_parts().io.into_inner().linger().await;
        }
        Ok(()) => conversation.into_parts().io.into_inner().linger().await,
    }
}
