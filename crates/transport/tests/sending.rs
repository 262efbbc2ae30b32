//! What a call ends in, against servers with bad manners on loopback.
#![expect(
    clippy::unwrap_used,
    reason = "a server that cannot start fails its test"
)]

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header::LOCATION},
    routing::any,
};
use bridge_core::{call::CallError, time::Timestamp};
use bridge_transport::{
    ANSWER_BYTES_MAX, LISTING_BYTES_MAX, NOT_SENT, Request, Response, Transport,
};
use bytes::Bytes;
use http::{HeaderValue, Method};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

/// Long enough for loopback on a busy machine.
const DEADLINE: Duration = Duration::from_secs(10);

/// A server that speaks raw bytes: for each request it reads, it counts, writes what it is told and
/// hangs up if told so.
struct Rude {
    url: Url,
    requests: Arc<AtomicUsize>,
}

/// The rude server's manners for the nth request (from 0) it reads.
type Manners = fn(usize) -> (&'static str, Then);

enum Then {
    HangUp,
    KeepOpen,
}

impl Rude {
    async fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "http://{}/users/593987654321",
            listener.local_addr().unwrap()
        );
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Self::serve(stream, Arc::clone(&count), manners));
            }
        });
        Self {
            url: Url::parse(&url).unwrap(),
            requests,
        }
    }

    async fn serve(mut stream: TcpStream, count: Arc<AtomicUsize>, manners: Manners) {
        let mut read = vec![0; 64 * 1024];
        // Requests in these tests fit one read: they are small and written at once.
        while stream.read(&mut read).await.is_ok_and(|n| n > 0) {
            let (answer, then) = manners(count.fetch_add(1, Ordering::SeqCst));
            stream.write_all(answer.as_bytes()).await.unwrap();
            if matches!(then, Then::HangUp) {
                return;
            }
        }
    }

    async fn ask(&self, transport: &Transport, idempotent: bool) -> Result<Response, CallError> {
        transport
            .send(request(self.url.clone(), idempotent), DEADLINE)
            .await
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn transport() -> Transport {
    Transport::new(|| Timestamp(1_776_133_797_422)).unwrap()
}

fn request(url: Url, idempotent: bool) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", HeaderValue::from_static("canary-key"));
    Request {
        method: Method::POST,
        url,
        headers,
        body: Some(Bytes::from_static(b"canary-body")),
        idempotent,
        answer_max: ANSWER_BYTES_MAX,
    }
}

#[tokio::test]
async fn a_cut_answer_is_an_unknown_outcome_and_nothing_is_sent_twice() {
    let server = Rude::start(|_| ("", Then::HangUp)).await;
    let transport = transport();
    let outcome = server.ask(&transport, false).await;
    assert!(matches!(outcome, Err(CallError::Unknown { .. })));
    assert_eq!(server.requests(), 1);

    let outcome = server.ask(&transport, true).await;
    assert!(matches!(outcome, Err(CallError::Later { .. })));
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn a_cut_on_a_connection_used_before_is_not_sent_twice_either() {
    let server = Rude::start(|n| match n {
        0 => (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            Then::KeepOpen,
        ),
        _ => ("", Then::HangUp),
    })
    .await;
    let transport = transport();
    server.ask(&transport, false).await.unwrap();
    let outcome = server.ask(&transport, false).await;
    assert!(matches!(outcome, Err(CallError::Unknown { .. })));
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn a_connection_that_the_remote_closed_while_idle_costs_nothing() {
    let server = Rude::start(|_| {
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            Then::HangUp,
        )
    })
    .await;
    let transport = transport();
    for _ in 0..3 {
        server.ask(&transport, false).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(server.requests(), 3);
}

#[tokio::test]
async fn an_answer_broken_off_in_its_body_is_unknown() {
    let server = Rude::start(|_| {
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"id\":",
            Then::HangUp,
        )
    })
    .await;
    let outcome = server.ask(&transport(), false).await;
    let unknown = matches!(
        outcome,
        Err(CallError::Unknown {
            status: Some(200),
            ..
        })
    );
    assert!(unknown, "{outcome:?}");
}

#[tokio::test]
async fn the_status_of_a_refusal_stands_though_its_body_broke_off() {
    let server = Rude::start(|_| {
        (
            "HTTP/1.1 422 No\r\nContent-Length: 99\r\n\r\n{\"mess",
            Then::HangUp,
        )
    })
    .await;
    let answer = server.ask(&transport(), false).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (422, 0));
}

#[tokio::test]
async fn what_is_not_http_is_unknown() {
    let server = Rude::start(|_| ("220 mail ready\r\n\r\n", Then::HangUp)).await;
    let outcome = server.ask(&transport(), false).await;
    assert!(matches!(outcome, Err(CallError::Unknown { .. })));
}

#[tokio::test]
async fn a_silent_remote_is_given_up_at_the_deadline() {
    let server = Rude::start(|_| ("HTTP/1.1 200 OK\r\n", Then::KeepOpen)).await;
    let transport = transport();
    let begun = tokio::time::Instant::now();
    let deadline = Duration::from_millis(200);
    let outcome = transport
        .send(request(server.url.clone(), false), deadline)
        .await;
    assert!(matches!(outcome, Err(CallError::Unknown { .. })));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_connection_that_never_opened_is_tried_later_and_blames_no_host() {
    let transport = transport();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = Url::parse(&format!("http://{address}/users/593987654321")).unwrap();
    let outcome = transport.send(request(url, false), DEADLINE).await;
    let Err(CallError::Later {
        after: None,
        status: None,
        host_wide: false,
        reason,
    }) = outcome
    else {
        panic!("{outcome:?}");
    };
    assert!(reason.contains(&address.to_string()), "{reason}");
    assert!(reason.contains("refused"), "{reason}");
}

#[tokio::test]
async fn a_broken_tls_handshake_is_surely_unsent() {
    let server = Rude::start(|_| ("HTTP/1.1 400 No TLS here\r\n\r\n", Then::HangUp)).await;
    let mut url = server.url.clone();
    url.set_scheme("https").unwrap();
    let outcome = transport().send(request(url, false), DEADLINE).await;
    assert!(
        matches!(outcome, Err(CallError::Later { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn an_address_that_is_not_http_is_refused_unsent() {
    let url = Url::parse("ftp://127.0.0.1/users/593987654321").unwrap();
    let outcome = transport().send(request(url, false), DEADLINE).await;
    let Err(CallError::Refused { status, reason }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(status, NOT_SENT);
    assert!(!reason.contains("593987654321"), "{reason}");
}

#[tokio::test]
async fn nothing_secret_shows_in_reasons_or_debug_output() {
    let server = Rude::start(|_| ("", Then::HangUp)).await;
    let transport = transport();
    let error = server.ask(&transport, false).await.unwrap_err();
    let shown = format!("{error} {error:?} {:?}", request(server.url.clone(), false));
    for canary in ["canary-key", "canary-body", "593987654321"] {
        assert!(!shown.contains(canary), "{shown}");
    }
}

async fn polite(router: Router) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Url::parse(&format!("http://{address}/")).unwrap()
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let hits = Arc::new(AtomicUsize::new(0));
    let router = Router::new()
        .route(
            "/",
            any(async |State(hits): State<Arc<AtomicUsize>>| {
                hits.fetch_add(1, Ordering::SeqCst);
                (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, "/there")])
            }),
        )
        .route(
            "/there",
            any(async |State(hits): State<Arc<AtomicUsize>>| {
                hits.fetch_add(100, Ordering::SeqCst);
            }),
        )
        .with_state(Arc::clone(&hits));
    let url = polite(router).await;
    let answer = transport()
        .send(request(url, false), DEADLINE)
        .await
        .unwrap();
    assert_eq!(answer.status, 307);
    assert_eq!(hits.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_request_says_who_asks_and_asks_for_no_compression() {
    let router = Router::new().route(
        "/",
        any(async |headers: HeaderMap, body: String| {
            let agent = headers["user-agent"].to_str().unwrap().to_owned();
            let packed = headers.contains_key("accept-encoding");
            format!("{agent} {packed} {body}")
        }),
    );
    let url = polite(router).await;
    let answer = transport()
        .send(request(url, false), DEADLINE)
        .await
        .unwrap();
    let expected = concat!(
        "jelou-bridge/",
        env!("CARGO_PKG_VERSION"),
        " false canary-body"
    );
    assert_eq!(answer.received_at, Timestamp(1_776_133_797_422));
    assert_eq!(answer.body, expected);
    assert!(answer.is_success());
}

#[tokio::test]
async fn an_answer_over_the_cap_is_not_read_to_its_end() {
    let router = Router::new()
        .route("/over", any(async || vec![b' '; ANSWER_BYTES_MAX + 1]))
        .route("/at", any(async || vec![b' '; ANSWER_BYTES_MAX]));
    let url = polite(router).await;
    let transport = transport();
    let over = request(url.join("over").unwrap(), false);
    let outcome = transport.send(over, DEADLINE).await;
    assert!(
        matches!(outcome, Err(CallError::Unknown { .. })),
        "{outcome:?}"
    );
    let at = request(url.join("at").unwrap(), false);
    let answer = transport.send(at, DEADLINE).await.unwrap();
    assert_eq!(answer.body.len(), ANSWER_BYTES_MAX);
}

#[tokio::test]
async fn a_page_of_a_listing_may_be_larger_than_one_object_and_has_an_end_too() {
    let router = Router::new()
        .route("/over", any(async || vec![b' '; LISTING_BYTES_MAX + 1]))
        .route("/at", any(async || vec![b' '; LISTING_BYTES_MAX]));
    let url = polite(router).await;
    let transport = transport();
    let listing = |path: &str| Request {
        answer_max: LISTING_BYTES_MAX,
        ..request(url.join(path).unwrap(), true)
    };
    let answer = transport.send(listing("at"), DEADLINE).await.unwrap();
    assert_eq!(answer.body.len(), LISTING_BYTES_MAX);
    let outcome = transport.send(listing("over"), DEADLINE).await;
    assert!(
        matches!(outcome, Err(CallError::Later { .. })),
        "{outcome:?}"
    );
}
