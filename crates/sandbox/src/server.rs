//! The door of a server: it listens, cuts connections, refuses them, and listens again.
//! Neighbour: stage, whose answers may ask for a cut.

use axum::{Router, body::Body, response::Response};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// How long to wait between two tries to get the port back after refusing.
const LISTEN_AGAIN_EVERY: Duration = Duration::from_millis(20);

/// Whether callers get in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// As usual.
    Open,
    /// Callers get in and are answered 503; `/sandbox/` works.
    Unavailable,
    /// The port is closed: connections are refused, those that stood are cut. `/sandbox/` is
    /// behind the same door.
    Refuse,
    /// For good.
    Closed,
}

/// Marks an answer that must never leave: the connection is closed in its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CutHere;

/// Why hyper is told to hang up. It reaches nobody.
#[derive(Debug)]
struct HungUp;

impl std::fmt::Display for HungUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("hung up on purpose")
    }
}

impl std::error::Error for HungUp {}

/// The handle on the door: what it should be, and what it is.
#[derive(Debug)]
pub(crate) struct Gate {
    wanted: watch::Sender<Door>,
    is: watch::Receiver<Door>,
}

impl Gate {
    pub(crate) fn wanted(&self) -> Door {
        *self.wanted.borrow()
    }

    /// Sets the door and returns when it stands so.
    pub(crate) async fn set(&self, door: Door) {
        self.wanted.send_replace(door);
        let mut is = self.is.clone();
        // An error means that the server is gone, which is as closed as a door can be.
        let _ = is.wait_for(|now| *now == door).await;
    }

    /// Sets the door without waiting, for where nobody can.
    pub(crate) fn set_soon(&self, door: Door) {
        self.wanted.send_replace(door);
    }
}

/// Opens a door on a loopback address; a port of 0 takes a free one.
pub(crate) async fn open(
    listen: SocketAddr,
) -> io::Result<(TcpListener, SocketAddr, Gate, Opened)> {
    if !listen.ip().is_loopback() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("the sandbox listens on loopback only, not on {listen}"),
        ));
    }
    let listener = TcpListener::bind(listen).await?;
    let addr = listener.local_addr()?;
    let (wanted, watch_wanted) = watch::channel(Door::Open);
    let (set_is, is) = watch::channel(Door::Open);
    let opened = Opened {
        addr,
        wanted: watch_wanted,
        is: set_is,
    };
    Ok((listener, addr, Gate { wanted, is }, opened))
}

/// The serving end of a door.
#[derive(Debug)]
pub(crate) struct Opened {
    addr: SocketAddr,
    wanted: watch::Receiver<Door>,
    is: watch::Sender<Door>,
}

impl Opened {
    /// Serves until the door is closed.
    pub(crate) fn serve(mut self, listener: TcpListener, router: Router) -> JoinHandle<()> {
        tokio::spawn(async move {
            let mut listener = Some(listener);
            let mut connections = JoinSet::new();
            loop {
                let door = *self.wanted.borrow_and_update();
                match door {
                    Door::Open | Door::Unavailable => {
                        let at = match listener.take() {
                            Some(at) => at,
                            None => listen_again(self.addr).await,
                        };
                        self.is.send_replace(door);
                        self.welcome(&at, &router, &mut connections).await;
                        listener = Some(at);
                    }
                    Door::Refuse => {
                        listener = None;
                        connections.shutdown().await;
                        self.is.send_replace(door);
                        if self.wanted.changed().await.is_err() {
                            return;
                        }
                    }
                    Door::Closed => {
                        drop(listener);
                        connections.shutdown().await;
                        self.is.send_replace(door);
                        return;
                    }
                }
            }
        })
    }

    /// Takes connections until the door should stand otherwise.
    async fn welcome(&mut self, at: &TcpListener, router: &Router, all: &mut JoinSet<()>) {
        loop {
            tokio::select! {
                changed = self.wanted.changed() => {
                    if changed.is_err() {
                        // Nobody holds the gate any more: go on until the runtime ends.
                        std::future::pending::<()>().await;
                    }
                    return;
                }
                accepted = at.accept() => {
                    if let Ok((stream, _)) = accepted {
                        all.spawn(converse(stream, router.clone()));
                    }
                }
                Some(_) = all.join_next(), if !all.is_empty() => {}
            }
        }
    }
}

async fn listen_again(addr: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(addr).await {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(LISTEN_AGAIN_EVERY).await,
        }
    }
}

/// One connection. An answer marked [`CutHere`] becomes a service error, on which hyper closes the
/// connection without a byte.
async fn converse(stream: TcpStream, router: Router) {
    let inner = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |request| {
        let answer = hyper::service::Service::call(&inner, request);
        async move {
            let response: Response<Body> = answer.await.map_err(|never| match never {})?;
            if response.extensions().get::<CutHere>().is_some() {
                return Err(HungUp);
            }
            Ok(response)
        }
    });
    // A caller that hangs up in the middle is its own affair.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
