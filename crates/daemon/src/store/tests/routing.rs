//! "Delivery n belongs to Lane x" and "Lane x is due" are one commit.

use super::*;

#[tokio::test]
async fn a_delivery_is_handed_out_once_and_the_oldest_first() {
    let store = fresh().await;
    for body in ["a", "b", "c"] {
        store.record(webhook(body, None)).await.unwrap();
    }
    let first = store.claim_routes(&Room::of(2), at(1_000)).await.unwrap();
    let rest = store.claim_routes(&Room::of(2), at(1_000)).await.unwrap();
    let bodies: Vec<_> = first.iter().chain(&rest).map(|r| r.body.clone()).collect();
    assert_eq!(bodies, ["a", "b", "c"]);
    assert!(
        store
            .claim_routes(&Room::of(2), at(1_000))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_delivery_put_off_comes_back_when_it_is_due_with_its_attempts_counted() {
    let store = fresh().await;
    let first = store.received("a").await;
    let later = RouteEnd::Later {
        due_at: at(5_000),
        error: "503".to_owned(),
        object: Some("7".to_owned()),
        missing_since: None,
    };
    store.routed(first.id, later, at(1_000)).await.unwrap();
    assert!(
        store
            .claim_routes(&Room::of(9), at(4_999))
            .await
            .unwrap()
            .is_empty()
    );
    let again = store.claim_routes(&Room::of(9), at(5_000)).await.unwrap();
    assert_eq!((again[0].id, again[0].attempts), (first.id, 2));
}

// Found by history 120142.
#[tokio::test]
async fn since_when_a_ticket_is_missed_stays_with_its_delivery_whatever_puts_it_off_next() {
    let store = fresh().await;
    let first = store.received("a").await;
    assert_eq!(first.missing_since, None);
    let put_off = |error: &str, missing_since| RouteEnd::Later {
        due_at: at(2_000),
        error: error.to_owned(),
        object: Some("7".to_owned()),
        missing_since,
    };
    let missed = put_off("its ticket was not found", Some(at(1_000)));
    for (next, since) in [
        (missed, 1_000),
        (put_off("503", None), 1_000),
        (put_off("missed anew", Some(at(1_500))), 1_500),
    ] {
        store.routed(first.id, next, at(1_500)).await.unwrap();
        let again = store.claim_routes(&Room::of(9), at(2_000)).await.unwrap();
        assert_eq!(again[0].missing_since, Some(at(since)));
    }
}

#[tokio::test]
async fn a_routed_event_makes_its_customers_lane_due_and_pending() {
    let store = fresh().await;
    let (lane, delivery) = store.told("maria", changed("7", 1)).await;
    let claimed = store.claimed(1_000).await;
    assert_eq!(claimed.lane.id, lane);
    assert_eq!(claimed.lane.user, user("maria"));
    assert_eq!(claimed.lane.pending.len(), 1);
    assert_eq!(claimed.lane.pending[0].delivery, delivery);
}

#[tokio::test]
async fn two_events_of_one_customer_meet_on_one_lane_in_the_order_of_their_source() {
    let store = fresh().await;
    let (first, _) = store.told("maria", changed("7", 20)).await;
    let (second, _) = store.told("maria", changed("8", 10)).await;
    assert_eq!(first, second);
    let claimed = store.claimed(1_000).await;
    let order: Vec<_> = claimed
        .lane
        .pending
        .iter()
        .map(|p| p.event.ticket().unwrap().clone())
        .collect();
    assert_eq!(order, [ticket("8"), ticket("7")]);
}

#[tokio::test]
async fn a_second_word_on_a_routed_delivery_changes_nothing() {
    let store = fresh().await;
    let (_, delivery) = store.told("maria", changed("7", 1)).await;
    let ignored = RouteEnd::Ignored {
        reason: "reflection".to_owned(),
        object: None,
        events: Vec::new(),
    };
    store.routed(delivery, ignored, at(1_000)).await.unwrap();
    assert_eq!(store.claimed(1_000).await.lane.pending.len(), 1);
}

#[tokio::test]
async fn a_delivery_for_a_lane_that_was_joined_away_is_routed_again_at_once() {
    let store = fresh().await;
    let received = store.received("a").await;
    let gone = RouteEnd::ToKnownLane {
        lane: LaneId::parse("gone").unwrap(),
        events: vec![changed("7", 1)],
        object: None,
    };
    let routed = store.routed(received.id, gone, at(1_000)).await.unwrap();
    assert_eq!(routed, Routed::Again);
    assert_eq!(
        store.claim_routes(&Room::of(1), at(1_000)).await.unwrap()[0].id,
        received.id
    );
}

#[tokio::test]
async fn a_router_that_broke_off_gives_its_delivery_back() {
    let store = fresh().await;
    let received = store.received("a").await;
    store.unroute(received.id, None, at(1_000)).await.unwrap();
    assert_eq!(
        store.claim_routes(&Room::of(1), at(1_000)).await.unwrap()[0].id,
        received.id
    );
}

/// Campaign `disk`, seed 1795395733801: what a customer wrote while the disk was full came behind what they
/// wrote a second later.
#[tokio::test]
async fn no_delivery_overtakes_an_earlier_one_about_the_same_that_was_put_off() {
    let store = fresh().await;
    let first = store.received("first").await;
    let second = store.received("second").await;
    let (by_store, by_read) = (first.id, second.id);
    let late = at(5_000);
    store.unroute(by_store, Some("7"), at(3_000)).await.unwrap();
    let not_read = RouteEnd::Later {
        due_at: late,
        error: "503".to_owned(),
        object: Some("8".to_owned()),
        missing_since: None,
    };
    store.routed(by_read, not_read, at(1_000)).await.unwrap();
    let mut behind = Vec::new();
    for object in ["7", "8", "9"] {
        let id = store.received(object).await.id;
        let to = to_lane("maria", vec![changed(object, 1)]);
        behind.push((id, store.routed(id, to, at(1_000)).await.unwrap()));
    }
    let [(after_store, one), (after_read, other), (_, free)] = &behind[..] else {
        panic!("three came");
    };
    assert_eq!((one, other), (&Routed::Again, &Routed::Again));
    assert!(matches!(free, Routed::Lane(_)), "{free:?}");

    let due = async |at_ms| {
        let due = store.claim_routes(&Room::of(9), at(at_ms)).await.unwrap();
        due.into_iter().map(|due| due.id).collect::<Vec<_>>()
    };
    assert!(due(2_999).await.is_empty());
    assert_eq!(due(3_000).await, [by_store, *after_store], "in their order");
    for id in [by_store, *after_store] {
        let to = to_lane("maria", vec![changed("7", 1)]);
        let routed = store.routed(id, to, at(3_000)).await.unwrap();
        assert!(matches!(routed, Routed::Lane(_)));
    }
    assert_eq!(due(5_000).await, [by_read, *after_read]);
}

#[tokio::test]
async fn what_is_next_due_is_told_and_what_the_router_has_in_hand_is_not() {
    let store = fresh().await;
    assert_eq!(store.next_due().await.unwrap(), None);
    store.record(webhook("a", None)).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(at(1_000)));
    let taken = store.claim_routes(&Room::of(1), at(1_000)).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), None);

    let (lane, _) = store.told("maria", changed("7", 1)).await;
    assert_eq!(store.next_due().await.unwrap(), Some(at(1_000)));
    let claimed = store.claimed(1_500).await;
    assert_eq!(claimed.lane.id, lane);
    assert_eq!(
        store.next_due().await.unwrap(),
        Some(at(1_500).plus(LEASE)),
        "its lease"
    );
    store.unroute(taken[0].id, None, at(2_000)).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(at(2_000)));
}

#[tokio::test]
async fn what_jelou_told_is_unheard_until_the_router_has_brought_it_and_the_lane_was_claimed_after()
{
    let store = fresh().await;
    let (lane, _) = store.told("maria", changed("7", 1)).await;
    let started = NewDelivery {
        side: Side::Jelou,
        received_at: at(2_000),
        ..webhook("started", None)
    };
    store.record(started).await.unwrap();
    let claimed = store.claimed(2_500).await;
    let unheard = async |by| {
        let unheard = store.has_unheard(&bridge(), &lane, at(by), at(2_500)).await;
        unheard.unwrap()
    };
    assert!(unheard(2_000).await, "it waits for the Router");
    assert!(!unheard(1_999).await, "it came later than that");
    let other = BridgeName::parse("other").unwrap();
    let of_other = store.has_unheard(&other, &lane, at(9_000), at(9_000)).await;
    assert!(!of_other.unwrap(), "it is no other bridge's");
    // History 648512: a start was sent again while its event lay there.
    let set_back = store
        .has_unheard(&bridge(), &lane, at(1_000), at(1_500))
        .await;
    assert!(set_back.unwrap(), "it came before the clock was set back");

    let came = store
        .claim_routes(&Room::of(1), at(2_600))
        .await
        .unwrap()
        .remove(0);
    assert!(unheard(2_000).await, "the Router has it in hand");
    let to = to_lane("maria", vec![changed("7", 2)]);
    store.routed(came.id, to, at(2_700)).await.unwrap();
    assert!(unheard(2_000).await, "it came since the claim");
    store.give_back(&claimed).await;
    store.claimed(2_900).await;
    assert!(!unheard(9_000).await, "it came with the claim");
}

#[tokio::test]
async fn the_router_gives_a_free_place_to_the_side_that_has_the_fewest() {
    let store = fresh().await;
    for n in 0..9 {
        let n = n.to_string();
        store.record(webhook(&n, None)).await.unwrap();
    }
    let mut quiet = webhook("quiet", None);
    quiet.bridge = BridgeName::parse("second").unwrap();
    let last = (quiet.bridge.clone(), quiet.side);
    store.record(quiet).await.unwrap();
    let busy = (bridge(), Side::Ticketing);
    let room = |free, has| Room {
        free,
        most: 4,
        in_hand: BTreeMap::from([(busy.clone(), has)]),
    };
    let taken = store.claim_routes(&room(1, 3), at(1_000)).await.unwrap();
    assert_eq!((taken[0].bridge.clone(), taken[0].side), last);
    let taken = store.claim_routes(&room(5, 2), at(1_000)).await.unwrap();
    assert_eq!(taken.len(), 2, "four is the most that one may have");
}
