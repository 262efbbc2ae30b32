//! One holder a Lane, and a stale one writes nothing.

use super::*;
use crate::store::{CommitError, StoreError, Wake};

#[tokio::test]
async fn a_claimed_lane_is_not_claimed_again_before_its_lease_is_over() {
    let store = fresh().await;
    store.told("maria", changed("7", 1)).await;
    let first = store.claimed(1_000).await;
    assert!(
        store
            .claim_lanes(10, at(30_999), LEASE)
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
            .claim_lanes(10, at(59_999), LEASE)
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
            .claim_lanes(10, at(i64::MAX), LEASE)
            .await
            .unwrap()
            .is_empty()
    );
    store.told("maria", changed("8", 2)).await;
    assert_eq!(store.claimed(1_000).await.lane.id, claimed.lane.id);
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
    let lanes = store.claim_lanes(10, at(1_001), LEASE).await.unwrap();
    assert_eq!(lanes.len(), 1);
    assert!(lanes[0].claim.token > dead.claim.token);
    assert_eq!(store.claim_routes(10, at(1_001)).await.unwrap().len(), 1);
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
