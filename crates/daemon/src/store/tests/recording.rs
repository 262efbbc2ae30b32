//! What was answered 200 is on store, once.

use super::*;
use crate::store::Recorded;

#[tokio::test]
async fn a_delivery_sent_again_under_its_id_is_known() {
    let store = fresh().await;
    let first = store.record(webhook("one", Some("a"))).await.unwrap();
    let again = store
        .record(webhook("one, resent", Some("a")))
        .await
        .unwrap();
    assert_eq!(again, Recorded::Known(first.id()));
    let other = store.record(webhook("one", Some("b"))).await.unwrap();
    assert!(matches!(other, Recorded::New(_)));
}

#[tokio::test]
async fn the_same_id_from_the_other_side_is_another_delivery() {
    let store = fresh().await;
    store.record(webhook("{}", Some("a"))).await.unwrap();
    let mut other = webhook("{}", Some("a"));
    other.side = Side::Jelou;
    assert!(matches!(
        store.record(other).await.unwrap(),
        Recorded::New(_)
    ));
}

#[tokio::test]
async fn an_identical_body_joins_only_while_nobody_can_have_read_for_the_first() {
    let store = fresh().await;
    let first = store
        .record(webhook("{\"ticket_id\":7}", None))
        .await
        .unwrap();
    let second = store
        .record(webhook("{\"ticket_id\":7}", None))
        .await
        .unwrap();
    assert_eq!(second, Recorded::Known(first.id()));

    store.claim_routes(&Room::of(10), at(1_000)).await.unwrap();
    let third = store
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
    let store = fresh().await;
    let first = store.received("{\"ticket_id\":7}").await;
    let later = RouteEnd::Later {
        due_at: at(9_000),
        error: "the ticket could not be read".to_owned(),
        object: Some("7".to_owned()),
        missing_since: None,
    };
    store.routed(first.id, later, at(1_000)).await.unwrap();
    let second = store
        .record(webhook("{\"ticket_id\":7}", None))
        .await
        .unwrap();
    assert!(matches!(second, Recorded::New(_)));
}

#[tokio::test]
async fn nothing_shows_the_words_of_a_body() {
    let store = fresh().await;
    let new = webhook("Olá, aqui é a Maria", None);
    assert!(!format!("{new:?}").contains("Maria"));
    store.record(new).await.unwrap();
    let received = store.claim_routes(&Room::of(1), at(1_000)).await.unwrap();
    assert!(!format!("{received:?}").contains("Maria"));
    assert_eq!(received[0].body, "Olá, aqui é a Maria".as_bytes());
}
