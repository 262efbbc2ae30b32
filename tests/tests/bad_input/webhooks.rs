//! What is said of webhooks: who is believed, what is kept, what is refused. Neighbour: ids.

use super::*;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The largest body that is taken.
const MIB: usize = 1024 * 1024;

/// All that the store holds of webhooks: none was recorded, and nothing waits.
async fn nothing_is_stored(play: &Play) -> bool {
    let figures = play.figures().await;
    let recorded = |outcome| figures.sum("jelou_bridge_deliveries_total", &[("outcome", outcome)]);
    let waits = figures.sum("jelou_bridge_unsettled_deliveries", &[]);
    recorded("new") + recorded("known") + waits == 0.0 && play.parked().await.is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_answered_401_and_nothing_is_stored() {
    let play = Play::begin().await;
    let body: &[u8] = b"not even JSON: stored, it would be parked";
    let wrong = [
        None,
        Some(sign("another-secret", body)),
        Some("sha256=".to_owned()),
        Some(sign("sandbox-signing-secret", b"another body")),
    ];
    for signature in wrong {
        for (side, header) in [
            ("jelou", "X-Jelou-Signature"),
            ("ticketing", "X-Helpdesk-Signature"),
        ] {
            let mut request = client().post(format!("{}/{side}", play.door()));
            if let Some(signature) = &signature {
                request = request.header(header, signature);
            }
            let answer = request.body(body.to_vec()).send().await.unwrap();
            assert_eq!(answer.status(), 401, "{side}");
            assert_eq!(answer.text().await.unwrap(), "", "and not told why");
        }
    }
    assert!(nothing_is_stored(&play).await);
    let refused = [("outcome", "refused_proof")];
    let count = play
        .figures()
        .await
        .sum("jelou_bridge_deliveries_total", &refused);
    assert!((count - 8.0).abs() < 0.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_a_mebibyte_is_taken_and_one_byte_more_is_not() {
    let play = Play::begin().await;
    let answer = jelou_says(&play, &vec![b'x'; MIB + 1]).await;
    assert_eq!(answer.status(), 413);
    assert!(nothing_is_stored(&play).await);
    assert_eq!(jelou_says(&play, &vec![b'x'; MIB]).await.status(), 200);
    play.settle().await;
    assert_eq!(play.parked().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_says_it_is_large_is_refused_before_it_is_sent() {
    let play = Play::begin().await;
    let listen = play.stage.daemon().unwrap().listen;
    let mut stream = TcpStream::connect(listen).await.unwrap();
    let head = "POST /webhooks/demo/jelou HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    let read = stream.read_exact(&mut answer);
    tokio::time::timeout(Duration::from_secs(5), read)
        .await
        .expect("at once")
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 413");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authentic_body_that_nobody_can_read_is_kept_for_a_person() {
    let play = Play::begin().await;
    let bodies: [&[u8]; 7] = [
        b"",
        b"null",
        b"[]",
        b"<html>",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe",
        br#"{"object":"\ud800"}"#,
    ];
    for body in bodies {
        assert_eq!(jelou_says(&play, body).await.status(), 200);
    }
    assert_eq!(
        helpdesk_says(&play, b"ticket 7 was changed").await.status(),
        200
    );
    play.settle().await;
    let parked = play.parked().await;
    assert_eq!(parked.len(), bodies.len() + 1);
    for item in parked {
        assert_eq!(item["reason"], "unreadable");
        assert!(!item["remedy"].as_str().unwrap().is_empty());
        assert!(!item.to_string().contains("html"), "without what was in it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_that_is_not_configured_is_not_there() {
    let play = Play::begin().await;
    let elsewhere = play.door().replace("/demo", "/other");
    let answer = client()
        .post(format!("{elsewhere}/jelou"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 404);
    assert!(nothing_is_stored(&play).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_another_project_is_parked_and_nothing_comes_of_it() {
    let play = Play::begin().await;
    play.jelou().webhooks().hold();
    let _ = play.customer_starts(1, "Oi");
    let theirs = &play.jelou().webhooks().all()[0].body;
    let foreign = theirs.replace("01ksandbox000000000000001", "01kanother000000000000001");
    assert_ne!(*theirs, foreign);
    assert_eq!(jelou_says(&play, foreign.as_bytes()).await.status(), 200);
    play.settle().await;
    let parked = play.parked().await;
    assert_eq!(parked.len(), 1);
    assert_eq!(parked[0]["reason"], "wrong_project");
    assert!(play.helpdesk().tickets().is_empty());
}
