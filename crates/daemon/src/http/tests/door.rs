//! What clients meet that are slow, broken or hostile. The limits are shorter here, their kind the
//! same.

use super::*;
use tokio::time::Instant;

const SHORT: Duration = Duration::from_millis(300);

fn short() -> Limits {
    Limits {
        head_within: SHORT,
        silent_within: SHORT * 5,
        body_within: SHORT,
        write_within: SHORT,
        connections: 8,
    }
}

#[test]
fn by_default_a_client_that_dribbles_is_let_go_within_ten_seconds() {
    let limits = Limits::default();
    assert!(limits.head_within <= Duration::from_secs(10));
    assert!(limits.body_within <= Duration::from_secs(10));
    assert!(limits.connections > 0);
}

/// Writes a byte at a time until the other end is gone, and tells how long that took.
async fn dribble(to: SocketAddr, head: &str) -> Duration {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let began = Instant::now();
    let (mut reading, mut writing) = stream.into_split();
    let end = tokio::spawn(async move {
        let mut dropped = Vec::new();
        let _ = reading.read_to_end(&mut dropped).await;
        began.elapsed()
    });
    while !end.is_finished() && began.elapsed() < Duration::from_secs(8) {
        let _ = writing.write_all(b"x").await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(end.is_finished(), "it was never let go");
    end.await.unwrap()
}

#[tokio::test]
async fn a_client_that_dribbles_its_head_is_let_go() {
    let world = world_with(short()).await;
    let took = dribble(
        world.public,
        "POST /webhooks/main/jelou HTTP/1.1\r\nX-Slow: ",
    )
    .await;
    assert!(took < SHORT * 4, "{took:?}");
}

#[tokio::test]
async fn a_client_that_says_nothing_is_let_go() {
    let world = world_with(short()).await;
    assert_eq!(raw(world.public, b"").await, "");
}

/// A webhook of Jelou on a connection that is kept.
fn webhook(signature: &str) -> String {
    format!(
        "POST /webhooks/main/jelou HTTP/1.1\r\nHost: b\r\nX-Jelou-Signature: {signature}\r\nContent-Length: 2\r\n\r\n{{}}"
    )
}

/// Sends one and reads the first bytes of its answer.
async fn ask(stream: &mut TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 1024];
    let read = stream.read(&mut answer);
    let read = tokio::time::timeout(Duration::from_secs(8), read).await;
    let read = read.expect("it is answered in time").unwrap();
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

// A sender that keeps its connection and sends its next webhook in the moment in which we let go of
// the silent one has lost it; the clock campaign lost two so, after 5 s of silence.
#[tokio::test]
async fn a_sender_whose_webhook_was_taken_may_be_silent_until_its_next_one() {
    let world = world_with(short()).await;
    let good = webhook(&jelou_adapter::webhook::sign(SECRET, b"{}"));
    let mut stream = TcpStream::connect(world.public).await.unwrap();
    for _ in 0..3 {
        assert!(ask(&mut stream, &good).await.starts_with("HTTP/1.1 200 "));
        tokio::time::sleep(SHORT * 2).await;
    }
}

#[tokio::test]
async fn silent_senders_leave_places_to_those_who_have_something_to_say() {
    let world = world_with(short()).await;
    let good = webhook(&jelou_adapter::webhook::sign(SECRET, b"{}"));
    let mut silent = Vec::new();
    for _ in 0..short().connections {
        let mut stream = TcpStream::connect(world.public).await.unwrap();
        assert!(ask(&mut stream, &good).await.starts_with("HTTP/1.1 200 "));
        silent.push(stream);
    }
    let began = Instant::now();
    assert_eq!(world.jelou_says(b"{}").await.status, 200);
    assert!(began.elapsed() < SHORT * 4, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_client_that_was_refused_may_not_be_silent() {
    let world = world_with(short()).await;
    let mut stream = TcpStream::connect(world.public).await.unwrap();
    let answer = ask(&mut stream, &webhook("sha256=00")).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer:?}");
    let began = Instant::now();
    assert_eq!(stream.read(&mut [0; 64]).await.unwrap(), 0);
    assert!(began.elapsed() < SHORT * 4, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_head_that_has_begun_must_end_in_time_on_a_kept_connection_too() {
    let world = world_with(short()).await;
    let good = webhook(&jelou_adapter::webhook::sign(SECRET, b"{}"));
    let mut stream = TcpStream::connect(world.public).await.unwrap();
    assert!(ask(&mut stream, &good).await.starts_with("HTTP/1.1 200 "));
    tokio::time::sleep(SHORT * 2).await;
    stream
        .write_all(b"POST /webhooks/main/jelou")
        .await
        .unwrap();
    let began = Instant::now();
    assert_eq!(stream.read(&mut [0; 64]).await.unwrap(), 0);
    assert!(began.elapsed() < SHORT * 2, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_client_that_dribbles_its_body_is_let_go() {
    let world = world_with(short()).await;
    let head = "POST /webhooks/main/jelou HTTP/1.1\r\nHost: b\r\nContent-Length: 100000\r\n\r\n";
    let took = dribble(world.public, head).await;
    // The answer comes at once; then the client may read it for a moment.
    assert!(took < SHORT * 4, "{took:?}");
}

#[tokio::test]
async fn clients_that_dribble_keep_nobody_out_for_longer_than_their_time() {
    let world = world_with(short()).await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(TcpStream::connect(world.public).await.unwrap());
    }
    let began = Instant::now();
    assert_eq!(world.jelou_says(b"{}").await.status, 200);
    assert!(began.elapsed() < SHORT * 8, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_let_go() {
    let world = world_with(short()).await;
    let mut stream = TcpStream::connect(world.public).await.unwrap();
    let began = Instant::now();
    let request = "GET / HTTP/1.1\r\nHost: b\r\n\r\n".repeat(100);
    // Requests without an end, answers never read: both buffers fill, and then nothing moves.
    let pushing = async { while stream.write_all(request.as_bytes()).await.is_ok() {} };
    let pushed = tokio::time::timeout(Duration::from_secs(20), pushing).await;
    assert!(pushed.is_ok(), "still open after {:?}", began.elapsed());
}

#[tokio::test]
async fn a_head_with_too_many_or_too_long_lines_is_refused() {
    let world = world().await;
    let many = "X-A: b\r\n".repeat(100);
    let long = format!("X-A: {}\r\n", "b".repeat(64 * 1024));
    for lines in [many, long] {
        let head = format!("POST /webhooks/main/jelou HTTP/1.1\r\nHost: b\r\n{lines}\r\n");
        let answer = raw(world.public, head.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer:?}");
    }
}

#[tokio::test]
async fn a_request_that_could_end_in_two_places_is_refused() {
    let world = world().await;
    let chunked = "Transfer-Encoding: chunked\r\n";
    let told = "content-Length: 4\r\n";
    for lines in [format!("{chunked}{told}"), format!("{told}{chunked}")] {
        let request =
            format!("POST /webhooks/main/jelou HTTP/1.1\r\nHost: b\r\n{lines}\r\n0\r\n\r\n");
        let answer = raw(world.public, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer:?}");
    }
    let twice = format!(
        "POST /webhooks/main/jelou HTTP/1.1\r\nHost: b\r\n{told}Content-Length: 5\r\n\r\n12345"
    );
    let answer = raw(world.public, twice.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer:?}");
}

#[tokio::test]
async fn a_chunked_request_after_one_with_a_length_is_taken_on_the_same_connection() {
    let world = world().await;
    let signature = jelou_adapter::webhook::sign(SECRET, b"{}");
    let line = format!(
        "POST /webhooks/main/jelou HTTP/1.1\r\nHost: b\r\nX-Jelou-Signature: {signature}\r\n"
    );
    let requests = format!(
        "{line}Content-Length: 2\r\n\r\n{{}}{line}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
    );
    let answers = raw(world.public, requests.as_bytes()).await;
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 2, "{answers}");
}

#[tokio::test]
async fn broken_http_is_answered_400_and_other_protocols_are_not_spoken() {
    let world = world().await;
    for bytes in [
        &b"NONSENSE\r\n\r\n"[..],
        b"POST /webhooks/main/jelou HTTP/1.1\r\nHost: b\r\nContent-Length: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ] {
        let answer = raw(world.public, bytes).await;
        assert!(
            answer.starts_with("HTTP/1.1 4") || answer.is_empty(),
            "{answer:?}"
        );
        assert!(!answer.to_lowercase().contains("server:"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_request_under_way_ends_when_the_process_stops_and_no_new_one_begins() {
    let world = world().await;
    let signature = jelou_adapter::webhook::sign(SECRET, b"{}");
    let mut stream = TcpStream::connect(world.public).await.unwrap();
    let head = format!(
        "POST /webhooks/main/jelou HTTP/1.1\r\nHost: b\r\nX-Jelou-Signature: {signature}\r\nContent-Length: 2\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let idle = TcpStream::connect(world.public).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    world.stop.send_replace(true);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(
        TcpStream::connect(world.public).await.is_err(),
        "the port is closed"
    );
    stream.write_all(b"}").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:?}");
    drop(stream);
    for listening in world.listening {
        listening.await.unwrap();
    }
    assert!(
        began.elapsed() < Duration::from_secs(6),
        "{:?}",
        began.elapsed()
    );
    drop(idle);
}
