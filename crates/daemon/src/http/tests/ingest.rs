//! Each status of the public listener, and what is stored then.

use super::*;
use bridge_core::event::Side;

const BODY: &[u8] =
    br#"{"object":"conversation_event","event_type":"start","timestamp":1700000000000}"#;

async fn sample(world: &World, name: &str, label: (&str, &str)) -> f64 {
    let samples = world.scrape().await;
    let wanted =
        |s: &&Sample| s.name == name && s.labels.get(label.0).is_some_and(|value| value == label.1);
    samples.iter().filter(wanted).map(|s| s.value).sum()
}

#[tokio::test]
async fn a_signed_webhook_is_stored_as_it_came_and_answered_with_an_empty_object() {
    let world = world().await;
    let answer = world.jelou_says(BODY).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    assert_eq!(answer.header("content-type"), "application/json");
    let stored = world.stored().await;
    assert_eq!(stored.len(), 1);
    assert_eq!((stored[0].side, &stored[0].body[..]), (Side::Jelou, BODY));
    assert!(stored[0].headers.is_empty(), "no proof is kept");
}

#[tokio::test]
async fn the_same_webhook_again_is_answered_the_same_and_stored_once() {
    let world = world().await;
    for _ in 0..3 {
        assert_eq!(world.jelou_says(BODY).await.status, 200);
    }
    assert_eq!(world.stored().await.len(), 1);
    let name = "jelou_bridge_deliveries_total";
    assert!((sample(&world, name, ("outcome", "new")).await - 1.0).abs() < 0.1);
    assert!((sample(&world, name, ("outcome", "known")).await - 2.0).abs() < 0.1);
}

#[tokio::test]
async fn an_older_secret_is_accepted_beside_the_newer_one() {
    let world = world().await;
    let signature = jelou_adapter::webhook::sign("0lder", BODY);
    let headers = [("X-Jelou-Signature", signature.as_str())];
    let answer = world.post("/webhooks/main/jelou", &headers, BODY).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_webhook_that_is_not_proven_is_refused_alike_and_nothing_is_stored() {
    let world = world().await;
    let right = jelou_adapter::webhook::sign(SECRET, BODY);
    let foreign = jelou_adapter::webhook::sign("other", BODY);
    let wrong: [&[(&str, &str)]; 5] = [
        &[],
        &[("X-Jelou-Signature", &foreign)],
        &[("X-Jelou-Signature", "sha256=")],
        &[
            ("X-Jelou-Signature", &right),
            ("X-Jelou-Signature", &foreign),
        ],
        &[("Authorization", "Bearer x")],
    ];
    for headers in wrong {
        let answer = world.post("/webhooks/main/jelou", headers, BODY).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (401, ""),
            "{headers:?}"
        );
        let names: Vec<&str> = answer
            .headers
            .keys()
            .map(http::HeaderName::as_str)
            .collect();
        assert_eq!(
            names,
            ["content-length", "date"],
            "the head tells nothing either"
        );
    }
    let answer = world.post("/webhooks/main/ticketing", &[], BODY).await;
    assert_eq!((answer.status, answer.body.as_str()), (401, ""));
    let other_body = [("X-Jelou-Signature", right.as_str())];
    let answer = world.post("/webhooks/main/jelou", &other_body, b"{}").await;
    assert_eq!(answer.status, 401);
    assert!(world.stored().await.is_empty());
}

#[tokio::test]
async fn an_authentic_body_that_nobody_can_read_is_stored_all_the_same() {
    let world = world().await;
    let deep = "[".repeat(100_000);
    let bodies: [&[u8]; 9] = [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe",
        br#"{"a":"\ud800"}"#,
        b"a=b&c=d",
        deep.as_bytes(),
    ];
    for body in bodies {
        let answer = world.jelou_says(body).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    }
    assert_eq!(world.stored().await.len(), bodies.len());
}

#[tokio::test]
async fn the_ticketing_system_is_believed_by_its_own_proof_with_or_without_a_token_in_the_url() {
    let world = world().await;
    let signature = jelou_adapter::webhook::sign(HELPDESK_SECRET, BODY);
    let headers = [("X-Helpdesk-Signature", signature.as_str())];
    for path in ["/webhooks/main/ticketing", "/webhooks/main/ticketing/t0ken"] {
        assert_eq!(world.post(path, &headers, BODY).await.status, 200, "{path}");
    }
    let stored = world.stored().await;
    assert_eq!(stored[0].side, Side::Ticketing);
    let jelous = [("X-Jelou-Signature", signature.as_str())];
    let answer = world.post("/webhooks/main/jelou", &jelous, BODY).await;
    assert_eq!(
        answer.status, 401,
        "one side's secret proves nothing on the other"
    );
}

#[tokio::test]
async fn an_unknown_bridge_is_not_there_whatever_it_is_called() {
    let world = world().await;
    for path in [
        "/webhooks/other/jelou",
        "/webhooks/other/ticketing",
        "/webhooks/%ff/jelou",
        "/webhooks/..%2fmain/jelou",
        "/webhooks/main/other",
        "/webhooks/main",
        "/metrics",
        "/",
    ] {
        let answer = world.post(path, &[], BODY).await;
        assert_eq!((answer.status, answer.body.as_str()), (404, ""), "{path}");
    }
}

#[tokio::test]
async fn a_bridge_that_a_reload_brings_takes_webhooks_at_once() {
    let world = world().await;
    let renamed = CONFIG.replace("bridges.main", "bridges.second");
    world.config.send_replace(config(&renamed));
    assert_eq!(world.jelou_says(BODY).await.status, 404);
    let signature = jelou_adapter::webhook::sign(SECRET, BODY);
    let headers = [("X-Jelou-Signature", signature.as_str())];
    let answer = world.post("/webhooks/second/jelou", &headers, BODY).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_packed_body_is_refused_even_when_it_is_signed() {
    let world = world().await;
    let signature = jelou_adapter::webhook::sign(SECRET, BODY);
    for (encoding, status) in [("gzip", 415), ("identity, gzip", 415), ("identity", 200)] {
        let headers = [
            ("X-Jelou-Signature", signature.as_str()),
            ("Content-Encoding", encoding),
        ];
        let answer = world.post("/webhooks/main/jelou", &headers, BODY).await;
        assert_eq!(answer.status, status, "{encoding}");
    }
}

#[tokio::test]
async fn a_body_over_a_mebibyte_is_refused_whether_its_length_is_told_or_not() {
    let world = world().await;
    let large = vec![b'x'; 1024 * 1024 + 1];
    let answer = world.jelou_says(&large).await;
    assert_eq!((answer.status, answer.body.as_str()), (413, ""));
    let mut chunked =
        b"POST /webhooks/main/jelou HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n"
            .to_vec();
    for part in large.chunks(64 * 1024) {
        chunked.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
        chunked.extend_from_slice(part);
        chunked.extend_from_slice(b"\r\n");
    }
    let answer = raw(world.public, &chunked).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let allowed = vec![b'x'; 1024 * 1024];
    assert_eq!(world.jelou_says(&allowed).await.status, 200);
    assert_eq!(world.stored().await.len(), 1);
}

#[tokio::test]
async fn a_length_that_is_told_too_large_is_refused_before_a_byte_of_the_body_comes() {
    let world = world().await;
    let head = "POST /webhooks/main/jelou HTTP/1.1\r\nHost: b\r\nContent-Length: 99999999\r\n\r\n";
    let answer = raw(world.public, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn a_store_that_is_closed_makes_senders_come_again() {
    let world = world().await;
    world.store.close().await;
    let answer = world.jelou_says(BODY).await;
    assert_eq!((answer.status, answer.body.as_str()), (503, ""));
    assert_eq!(answer.header("retry-after"), "5");
}

#[tokio::test]
async fn a_store_that_hangs_makes_senders_come_again_within_the_time_they_wait() {
    let folder = tempfile::tempdir().unwrap();
    let (store, wake) = store_asleep(&folder);
    let world = world_on(store, folder, Limits::default()).await;
    let began = tokio::time::Instant::now();
    let answer = world.jelou_says(BODY).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "5"));
    let took = began.elapsed();
    assert!(
        took < crate::http::ingest::ANSWER_WITHIN + Duration::from_secs(1),
        "{took:?}"
    );
    wake.send(()).unwrap();
    // The sender comes again.
    assert_eq!(world.jelou_says(BODY).await.status, 200);
    assert_eq!(world.stored().await.len(), 1);
}

/// A store whose engine does nothing until it is woken: its runtime has one thread, and that one
/// waits.
fn store_asleep(folder: &TempDir) -> (Store, std::sync::mpsc::Sender<()>) {
    let (wake, woken) = std::sync::mpsc::channel::<()>();
    let (hand_out, store) = std::sync::mpsc::channel();
    let path = folder.path().to_owned();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let store = runtime.block_on(open(&path));
        hand_out.send(store.clone()).unwrap();
        woken.recv().unwrap();
        runtime.block_on(std::future::pending::<()>());
    });
    (store.recv().unwrap(), wake)
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_stored() {
    let world = world().await;
    let signature = jelou_adapter::webhook::sign(SECRET, BODY);
    let head = format!(
        "POST /webhooks/main/jelou HTTP/1.1\r\nHost: b\r\nX-Jelou-Signature: {signature}\r\nContent-Length: {}\r\n\r\n",
        BODY.len()
    );
    let mut stream = TcpStream::connect(world.public).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&BODY[..10]).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(!rest.starts_with(b"HTTP/1.1 200"), "{rest:?}");
    assert!(world.stored().await.is_empty());
}

#[tokio::test]
async fn nothing_but_post_is_taken() {
    let world = world().await;
    for method in ["GET", "PUT", "DELETE", "TRACE", "OPTIONS"] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        for side in ["jelou", "ticketing"] {
            let path = format!("http://{}/webhooks/main/{side}", world.public);
            let answer = answer(client().request(method.clone(), path)).await;
            assert_eq!((answer.status, answer.body.as_str()), (405, ""));
        }
    }
}

/// The token and the answer as GLPI makes them under the secret `s3cret`.
#[tokio::test]
async fn a_systems_question_before_its_webhooks_is_answered_and_stores_nothing() {
    let world = world().await;
    let glpi = CONFIG
        .replace("\"sandbox\"", "\"glpi\"")
        .replace(
            "{ token = \"t\" }",
            "{ client_id = \"c\", client_secret = \"s\", user = \"u\", password = \"p\" }\noptions = { bridge_user_id = \"9\" }",
        )
        .replace("he1pde5k", "s3cret");
    world.config.send(config(&glpi)).unwrap();
    let ask = async |token: &str| {
        let path = format!("/webhooks/main/ticketing?crc_token={token}");
        answer(client().get(format!("http://{}{path}", world.public))).await
    };
    let right = ask("c3ccb6c25ac00ea4f8ab481abd5eff7475700b8203830ea28cafd6f74f3e7775").await;
    let expected = "5e5598a52fb399d72f42eb60896f3a6b8b6a765fb88316e41a5bb831353bd401";
    assert_eq!((right.status, right.body.as_str()), (200, expected));
    let chosen = ask("whatever").await;
    assert_eq!((chosen.status, chosen.body.as_str()), (401, ""));
    assert!(world.stored().await.is_empty());
}
