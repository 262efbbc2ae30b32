//! What waits for a person is listed with its reason and remedy, and can go on.

use super::*;
use crate::store::{ParkedFilter, ParkedKind, StoreError};
use bridge_core::{effect::Operation, intent::Parked};

fn unreadable() -> RouteEnd {
    RouteEnd::Parked {
        reason: "unreadable".to_owned(),
        detail: "the body is not JSON".to_owned(),
        remedy: "look at what was sent".to_owned(),
        object: None,
    }
}

fn all() -> ParkedFilter {
    ParkedFilter {
        limit: 100,
        ..ParkedFilter::default()
    }
}

fn parked_close(lane: &Lane, number: u32, since: Timestamp) -> Intent {
    let mut intent = close(lane, number, &number.to_string());
    intent.state = IntentState::Parked;
    intent.parked = Some(Parked {
        reason: "two_conversations".to_owned(),
        detail: "two conversations of the customer are open".to_owned(),
        remedy: "close one by hand".to_owned(),
        at: since,
    });
    intent
}

#[tokio::test]
async fn a_parked_delivery_is_listed_and_a_retry_hands_it_out_again() {
    let store = fresh().await;
    let id = store.received("not json").await.id;
    store.routed(id, unreadable(), at(1_000)).await.unwrap();
    let parked = store.parked(&all()).await.unwrap();
    assert_eq!(parked.len(), 1);
    assert_eq!(
        (parked[0].reason.as_str(), parked[0].remedy.as_str()),
        ("unreadable", "look at what was sent")
    );
    assert_eq!(
        store.parked_item(&parked[0].id).await.unwrap().as_ref(),
        Some(&parked[0])
    );

    store.retry_delivery(id, at(5_000)).await.unwrap();
    assert!(store.parked(&all()).await.unwrap().is_empty());
    let again = store.claim_routes(&Room::of(1), at(5_000)).await.unwrap();
    assert_eq!(again[0].body, "not json".as_bytes());
    assert_eq!(again[0].retried_at, Some(at(5_000)));
}

#[tokio::test]
async fn a_discarded_delivery_is_settled_and_cannot_be_discarded_twice() {
    let store = fresh().await;
    let id = store.received("not json").await.id;
    store.routed(id, unreadable(), at(1_000)).await.unwrap();
    store.discard_delivery(id, at(5_000)).await.unwrap();
    let gone = Err(StoreError::Gone {
        what: "parked delivery",
    });
    assert_eq!(store.discard_delivery(id, at(5_000)).await, gone);
    assert_eq!(store.retry_delivery(id, at(5_000)).await, gone);
}

#[tokio::test]
async fn a_parked_intent_is_listed_with_its_ticket_and_counted_by_its_reason() {
    let store = fresh().await;
    let mut claimed = store.linked("maria", "7", "c7").await;
    let before = claimed.lane.clone();
    let intent = Intent {
        attempts: 2,
        last_error: Some("refused with 422: E01011".to_owned()),
        ..parked_close(&claimed.lane, 1, at(1_900))
    };
    claimed.lane.intents.push(intent.clone());
    store.keep(&claimed.claim, &before, &claimed.lane).await;

    let by_reason = ParkedFilter {
        reason: Some("two_conversations".to_owned()),
        ..all()
    };
    let parked = store.parked(&by_reason).await.unwrap();
    assert_eq!(parked[0].ticket, Some(ticket("7")));
    let kind = ParkedKind::Intent {
        intent: intent.id.clone(),
        operation: Operation::Close,
        lane: claimed.lane.id.clone(),
        link: intent.link.clone(),
        rule: intent.rule.clone(),
        attempts: 2,
        last_error: Some("refused with 422: E01011".to_owned()),
    };
    assert_eq!(parked[0].kind, kind);
    assert_eq!(
        store
            .parked_item(intent.id.as_str())
            .await
            .unwrap()
            .as_ref(),
        Some(&parked[0])
    );
    let counts = store.counts(at(0)).await.unwrap();
    assert_eq!(
        counts.parked[&("main".to_owned(), "two_conversations".to_owned())],
        1
    );
}

#[tokio::test]
async fn a_parked_delivery_is_found_by_its_ticket_also_if_it_is_unreadable_by_now() {
    let store = fresh().await;
    let exhausted = |object: &str| {
        let object = Some(object.to_owned());
        RouteEnd::parked("retries_exhausted", "503".to_owned(), object)
    };
    let of_seven = store.received("ticket 7").await.id;
    let of_eight = store.received("ticket 8").await.id;
    store
        .routed(of_seven, exhausted("7"), at(1_000))
        .await
        .unwrap();
    store
        .routed(of_eight, exhausted("8"), at(1_000))
        .await
        .unwrap();
    let about_seven = by(|f| f.ticket = Some(ticket("7")));
    let found = async || store.parked(&about_seven).await.unwrap();
    let name = format!("delivery-{of_seven}");
    let first = found().await;
    assert_eq!((first.len(), &first[0].id), (1, &name));
    assert_eq!(first[0].ticket, Some(ticket("7")));

    store.retry_delivery(of_seven, at(5_000)).await.unwrap();
    store.claim_routes(&Room::of(1), at(5_000)).await.unwrap();
    store
        .routed(of_seven, unreadable(), at(5_000))
        .await
        .unwrap();
    let second = found().await;
    assert_eq!((second.len(), &second[0].id), (1, &name));
}

#[tokio::test]
async fn what_jelou_told_and_is_parked_is_found_by_the_ticket_of_its_conversation() {
    let store = fresh().await;
    store.linked("maria", "7", "c7").await;
    store.linked("joao", "8", "c8").await;
    let told = NewDelivery {
        side: Side::Jelou,
        received_at: at(2_000),
        ..webhook("started", None)
    };
    let id = store.record(told).await.unwrap().id();
    store.claim_routes(&Room::of(1), at(2_000)).await.unwrap();
    let of_seven = RouteEnd::parked("broke", "it broke".to_owned(), Some("c7".to_owned()));
    store.routed(id, of_seven, at(2_000)).await.unwrap();

    let seven = store.parked(&by(|f| f.ticket = Some(ticket("7")))).await;
    let seven = seven.unwrap();
    assert_eq!(seven[0].id, format!("delivery-{id}"));
    assert_eq!(seven[0].ticket, Some(ticket("7")));
    assert_eq!(seven[0].conversation, Some(conversation("c7")));
    let eight = store.parked(&by(|f| f.ticket = Some(ticket("8")))).await;
    assert_eq!(eight.unwrap(), []);
}

#[tokio::test]
async fn parked_work_is_narrowed_down_by_what_it_would_do_to_whom_and_since_when() {
    let store = fresh().await;
    let id = store.received("not json").await.id;
    store.routed(id, unreadable(), at(1_000)).await.unwrap();
    let mut claimed = store.linked("maria", "7", "c7").await;
    let before = claimed.lane.clone();
    let close = parked_close(&claimed.lane, 1, at(1_900));
    claimed.lane.intents.push(close.clone());
    store.keep(&claimed.claim, &before, &claimed.lane).await;

    let (delivery, close) = (format!("delivery-{id}"), close.id.as_str().to_owned());
    let cases: [(ParkedFilter, &[&String]); 8] = [
        (all(), &[&delivery, &close]),
        (by(|f| f.operation = Some(Operation::Close)), &[&close]),
        (by(|f| f.operation = Some(Operation::Start)), &[]),
        (by(|f| f.side = Some(Side::Jelou)), &[&close]),
        (by(|f| f.side = Some(Side::Ticketing)), &[&delivery]),
        (by(|f| f.ticket = Some(ticket("7"))), &[&close]),
        (by(|f| f.before = Some(at(1_900))), &[&delivery]),
        (by(|f| f.limit = 1), &[&delivery]),
    ];
    for (filter, expected) in cases {
        let found = store.parked(&filter).await.unwrap();
        let found: Vec<&String> = found.iter().map(|item| &item.id).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn the_age_of_a_parked_delivery_counts_from_when_it_was_received() {
    let store = fresh().await;
    let id = store.received("not json").await.id;
    store.routed(id, unreadable(), at(9_000)).await.unwrap();
    let found = store.parked(&by(|f| f.before = Some(at(5_000)))).await;
    let ages: Vec<Timestamp> = found.unwrap().iter().map(|item| item.at).collect();
    assert_eq!(ages, [at(1_000)]);
}

fn by(narrow: impl FnOnce(&mut ParkedFilter)) -> ParkedFilter {
    let mut filter = all();
    narrow(&mut filter);
    filter
}
