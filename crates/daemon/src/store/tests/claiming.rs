//! One holder a Lane, and a stale one writes nothing.

use super::*;
use crate::store::{CommitError, StoreError, Wake};
use bridge_core::link::Ended;

#[tokio::test]
async fn a_claimed_lane_is_not_claimed_again_before_its_lease_is_over() {
    let store = fresh().await;
    store.told("maria", changed("7", 1)).await;
    let first = store.claimed(1_000).await;
    assert!(
        store
            .claim_lanes(&Room::of(10), at(30_999), LEASE)
            .await
            .unwrap()
            .is_empty()
    );
    let second = store.claimed(31_000).await;
    assert!(second.claim.token > first.claim.token);
    assert_eq!(
        second.lane.pending.len(),
        1,
        "what was not settled is still there"
    );
}

#[tokio::test]
async fn a_stale_token_commits_nothing() {
    let store = fresh().await;
    let stale = store.linked("maria", "7", "c7").await;
    let now = store.claimed(50_000).await;

    let mut after = stale.lane.clone();
    after.links[0].generation = 9;
    let changes = Changes::between(&stale.lane, &after).unwrap();
    let refused = store
        .commit(&stale.claim, changes.clone(), at(50_001))
        .await;
    assert_eq!(refused, Err(CommitError::Fenced));
    let refused = store
        .release(&stale.claim, changes, None, None, at(50_001))
        .await;
    assert_eq!(refused, Err(CommitError::Fenced));
    assert_eq!(
        store.renew(&stale.claim, at(99_000)).await,
        Err(CommitError::Fenced)
    );

    let (row, _) = store.link(&stale.lane.links[0].id).await.unwrap().unwrap();
    assert_eq!(row.link.generation, 1);
    store.renew(&now.claim, at(99_000)).await.unwrap();
}

#[tokio::test]
async fn a_renewed_lease_is_not_taken_over() {
    let store = fresh().await;
    store.told("maria", changed("7", 1)).await;
    let claimed = store.claimed(1_000).await;
    store.renew(&claimed.claim, at(60_000)).await.unwrap();
    assert!(
        store
            .claim_lanes(&Room::of(10), at(59_999), LEASE)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_lane_released_without_a_moment_rests_until_something_happens() {
    let store = fresh().await;
    store.told("maria", changed("7", 1)).await;
    let claimed = store.claimed(1_000).await;
    store.give_back(&claimed).await;
    assert!(
        store
            .claim_lanes(&Room::of(10), at(i64::MAX), LEASE)
            .await
            .unwrap()
            .is_empty()
    );
    store.told("maria", changed("8", 2)).await;
    assert_eq!(store.claimed(1_000).await.lane.id, claimed.lane.id);
}

#[tokio::test]
async fn a_lane_that_is_set_aside_rests_though_more_waits_for_it_than_one_claim_takes_in() {
    let store = fresh().await;
    store.flood("maria", 1_001).await;
    let claimed = store.claimed(1_000).await;
    let nothing = Changes::between(&claimed.lane, &claimed.lane).unwrap();
    let held_by = "broken:panic:1000".to_owned();
    store
        .set_aside(&claimed.claim, nothing.clone(), held_by, at(1_000))
        .await
        .unwrap();
    assert_eq!(store.next_due().await.unwrap(), None, "nobody comes back");
    let stale = store.set_aside(&claimed.claim, nothing, String::new(), at(1_000));
    assert_eq!(stale.await, Err(CommitError::Fenced));

    // It is shown for what it is, and tried again when a person asks.
    let aside = Wake::HeldBy("broken:panic".to_owned());
    assert_eq!(store.wake(aside, at(5_000)).await.unwrap(), 1);
    assert_eq!(store.claimed(5_000).await.lane.pending.len(), 1_000);
}

#[tokio::test]
async fn news_wakes_a_lane_that_was_set_aside() {
    let store = fresh().await;
    store.told("maria", changed("7", 1)).await;
    let claimed = store.claimed(1_000).await;
    let nothing = Changes::between(&claimed.lane, &claimed.lane).unwrap();
    let held_by = "broken:panic:1000".to_owned();
    store
        .set_aside(&claimed.claim, nothing, held_by, at(1_000))
        .await
        .unwrap();
    store.told("maria", changed("8", 2)).await;
    assert_eq!(store.claimed(1_000).await.lane.pending.len(), 2);
}

#[tokio::test]
async fn work_that_came_during_a_claim_keeps_the_lane_due_when_it_is_released() {
    let store = fresh().await;
    store.told("maria", changed("7", 1)).await;
    let claimed = store.claimed(1_000).await;
    store.told("maria", changed("8", 2)).await;
    let nothing = Changes::between(&claimed.lane, &claimed.lane).unwrap();
    store
        .release(&claimed.claim, nothing, Some(at(900_000)), None, at(2_000))
        .await
        .unwrap();
    assert_eq!(store.claimed(1_000).await.lane.pending.len(), 2);
}

#[tokio::test]
async fn a_held_lane_wakes_by_the_name_of_what_holds_it() {
    let store = fresh().await;
    store.told("maria", changed("7", 1)).await;
    let claimed = store.claimed(1_000).await;
    let nothing = Changes::between(&claimed.lane, &claimed.lane).unwrap();
    let held_by = Some("host:acme.test:443".to_owned());
    store
        .release(
            &claimed.claim,
            nothing,
            Some(at(900_000)),
            held_by,
            at(2_000),
        )
        .await
        .unwrap();
    let other = Wake::HeldBy("host:acme_test".to_owned());
    assert_eq!(store.wake(other, at(3_000)).await.unwrap(), 0);
    let this = Wake::HeldBy("host:acme.test".to_owned());
    assert_eq!(store.wake(this, at(3_000)).await.unwrap(), 1);
    store.claimed(3_000).await;
}

#[tokio::test]
async fn after_a_restart_the_dead_processs_claims_are_free_at_once() {
    let store = fresh().await;
    store.told("maria", changed("7", 1)).await;
    let dead = store.claimed(1_000).await;
    store.received("on its way to the router").await;

    let store = store.restarted().await;
    let lanes = store
        .claim_lanes(&Room::of(10), at(1_001), LEASE)
        .await
        .unwrap();
    assert_eq!(lanes.len(), 1);
    assert!(lanes[0].claim.token > dead.claim.token);
    assert_eq!(
        store
            .claim_routes(&Room::of(10), at(1_001))
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn an_operator_may_claim_a_resting_lane_but_not_a_busy_one() {
    let store = fresh().await;
    let (lane, _) = store.told("maria", changed("7", 1)).await;
    let busy = store.claimed(1_000).await;
    assert!(
        store
            .claim_lane(&lane, at(1_000), LEASE)
            .await
            .unwrap()
            .is_none()
    );
    store.give_back(&busy).await;
    assert!(
        store
            .claim_lane(&lane, at(1_000), LEASE)
            .await
            .unwrap()
            .is_some()
    );
    let nobody = LaneId::parse("nobody").unwrap();
    let refused = store.claim_lane(&nobody, at(1_000), LEASE).await;
    assert!(matches!(refused, Err(StoreError::Gone { .. })));
}

#[tokio::test]
async fn a_lane_sees_its_latest_ended_links_and_settled_intents_and_all_that_are_open() {
    let store = fresh().await;
    let mut claimed = store.linked("maria", "7", "c7").await;
    let before = claimed.lane.clone();
    for number in 2..=30 {
        let mut ended = link(&claimed.lane, Some(&number.to_string()), None);
        ended.created_at = at(2_000 + i64::from(number));
        ended.ended = Some(Ended {
            at: at(3_000),
            reason: "closed".to_owned(),
            observed_since: None,
        });
        claimed.lane.links.push(ended);
        claimed.lane.next_link += 1;
    }
    for number in 1..=150 {
        let mut intent = close(&claimed.lane, number, &number.to_string());
        if number > 2 {
            intent.state = IntentState::Confirmed;
        }
        claimed.lane.intents.push(intent);
    }
    store.keep(&claimed.claim, &before, &claimed.lane).await;

    let seen = store.lane(&claimed.lane.id).await.unwrap().unwrap();
    let of = |link: &Link| link.ticket_id().unwrap().as_str().to_owned();
    let links: Vec<_> = seen.links.iter().map(of).collect();
    let latest = (11..=30).map(|number| number.to_string());
    assert_eq!(
        links,
        ["7".to_owned()]
            .into_iter()
            .chain(latest)
            .collect::<Vec<_>>()
    );
    let numbers: Vec<_> = seen
        .intents
        .iter()
        .map(|i| i.cause.parse::<i32>().unwrap())
        .collect();
    assert_eq!(
        numbers,
        [1, 2].into_iter().chain(51..=150).collect::<Vec<i32>>()
    );
}

#[tokio::test]
async fn a_lease_that_ran_out_goes_before_what_is_due_and_the_longest_due_first() {
    let store = fresh().await;
    store.told("late", changed("1", 1)).await;
    let stuck = store.claimed(1_000).await;
    for (name, due) in [("b", 40_000), ("a", 35_000), ("c", 50_000)] {
        let lane = store
            .lane_for(&bridge(), &bot(), &user(name))
            .await
            .unwrap();
        store.wake(Wake::Lane(lane), at(due)).await.unwrap();
    }
    let mut order = Vec::new();
    for _ in 0..4 {
        let taken = store
            .claim_lanes(&Room::of(1), at(60_000), LEASE)
            .await
            .unwrap();
        order.push(taken[0].lane.user.as_str().to_owned());
    }
    assert_eq!(order, ["late", "a", "b", "c"]);
    assert!(store.renew(&stuck.claim, at(99_000)).await.is_err());
}

#[tokio::test]
async fn a_bridge_with_one_due_lane_has_its_place_beside_one_with_many() {
    let store = fresh().await;
    let quiet = BridgeName::parse("second").unwrap();
    for n in 0..9 {
        let name = format!("customer {n}");
        let lane = store.lane_for(&bridge(), &bot(), &user(&name)).await;
        store
            .wake(Wake::Lane(lane.unwrap()), at(1_000 + n))
            .await
            .unwrap();
    }
    let lane = store
        .lane_for(&quiet, &bot(), &user("maria"))
        .await
        .unwrap();
    store.wake(Wake::Lane(lane), at(1_004)).await.unwrap();
    let room = |free, has| Room {
        free,
        most: 4,
        in_hand: BTreeMap::from([(bridge(), has)]),
    };
    let now = at(2_000);
    let bridges = |claimed: Vec<ClaimedLane>| {
        let each = claimed.into_iter().map(|c| c.lane.bridge);
        each.collect::<Vec<_>>()
    };
    let taken = store.claim_lanes(&room(1, 3), now, LEASE).await.unwrap();
    assert_eq!(bridges(taken), [quiet]);
    let taken = store.claim_lanes(&room(9, 1), now, LEASE).await.unwrap();
    assert_eq!(bridges(taken), [bridge(), bridge(), bridge()]);
    let all = store.claim_lanes(&Room::of(9), now, LEASE).await.unwrap();
    assert_eq!(all.len(), 6);
}
