//! What was answered 200 is on disk, once.

use super::*;
use crate::store::Recorded;
use futures::future::join_all;

#[tokio::test]
async fn two_hundred_webhooks_at_once_share_a_few_commits_and_each_answer_is_durable() {
    let disk = disk().await;
    let before = *disk.work().borrow();
    let answers = join_all((0..200).map(|n| {
        let disk = &disk;
        async move {
            let id = n.to_string();
            disk.record(webhook("{}", Some(&id))).await.unwrap();
            // Readers are other connections: they see only what is committed.
            disk.counts(at(0)).await.unwrap().received["main"]
        }
    }))
    .await;
    assert!(answers.iter().all(|seen| *seen >= 1));
    assert_eq!(disk.counts(at(0)).await.unwrap().received["main"], 200);
    let commits = *disk.work().borrow() - before;
    assert!(commits < 100, "{commits} commits for 200 deliveries");
}

#[tokio::test]
async fn a_delivery_sent_again_under_its_id_is_known() {
    let disk = disk().await;
    let first = disk.record(webhook("one", Some("a"))).await.unwrap();
    let again = disk
        .record(webhook("one, resent", Some("a")))
        .await
        .unwrap();
    assert_eq!(again, Recorded::Known(first.id()));
    let other = disk.record(webhook("one", Some("b"))).await.unwrap();
    assert!(matches!(other, Recorded::New(_)));
}

#[tokio::test]
async fn the_same_id_from_the_other_side_is_another_delivery() {
    let disk = disk().await;
    disk.record(webhook("{}", Some("a"))).await.unwrap();
    let mut other = webhook("{}", Some("a"));
    other.side = Side::Jelou;
    assert!(matches!(
        disk.record(other).await.unwrap(),
        Recorded::New(_)
    ));
}

#[tokio::test]
async fn an_identical_body_joins_only_while_nobody_can_have_read_for_the_first() {
    let disk = disk().await;
    let first = disk
        .record(webhook("{\"ticket_id\":7}", None))
        .await
        .unwrap();
    let second = disk
        .record(webhook("{\"ticket_id\":7}", None))
        .await
        .unwrap();
    assert_eq!(second, Recorded::Known(first.id()));

    disk.claim_routes(10, at(1_000)).await.unwrap();
    let third = disk
        .record(webhook("{\"ticket_id\":7}", None))
        .await
        .unwrap();
    assert!(
        matches!(third, Recorded::New(_)),
        "it may tell of a change after the read"
    );
}

#[tokio::test]
async fn a_delivery_whose_routing_was_put_off_takes_no_other_body_in() {
    let disk = disk().await;
    let first = disk.received("{\"ticket_id\":7}").await;
    let later = RouteEnd::Later {
        due_at: at(9_000),
        error: "the ticket could not be read".to_owned(),
    };
    disk.routed(first.id, later, at(1_000)).await.unwrap();
    let second = disk
        .record(webhook("{\"ticket_id\":7}", None))
        .await
        .unwrap();
    assert!(matches!(second, Recorded::New(_)));
}

#[tokio::test]
async fn nothing_shows_the_words_of_a_body() {
    let disk = disk().await;
    let new = webhook("Olá, aqui é a Maria", None);
    assert!(!format!("{new:?}").contains("Maria"));
    disk.record(new).await.unwrap();
    let received = disk.claim_routes(1, at(1_000)).await.unwrap();
    assert!(!format!("{received:?}").contains("Maria"));
    assert_eq!(received[0].body, "Olá, aqui é a Maria".as_bytes());
}
