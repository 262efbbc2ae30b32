//! One holder a Lane, and a stale one writes nothing.

use super::*;
use crate::store::{CommitError, StoreError, Wake};

#[tokio::test]
async fn a_claimed_lane_is_not_claimed_again_before_its_lease_is_over() {
    let disk = disk().await;
    disk.told("maria", changed("7", 1)).await;
    let first = disk.claimed(1_000).await;
    assert!(
        disk.claim_lanes(10, at(30_999), LEASE)
            .await
            .unwrap()
            .is_empty()
    );
    let second = disk.claimed(31_000).await;
    assert!(second.claim.token > first.claim.token);
    assert_eq!(
        second.lane.pending.len(),
        1,
        "what was not settled is still there"
    );
}

#[tokio::test]
async fn a_stale_token_commits_nothing() {
    let disk = disk().await;
    let stale = disk.linked("maria", "7", "c7").await;
    let now = disk.claimed(50_000).await;

    let mut after = stale.lane.clone();
    after.links[0].generation = 9;
    let changes = Changes::between(&stale.lane, &after).unwrap();
    let refused = disk.commit(&stale.claim, changes.clone(), at(50_001)).await;
    assert_eq!(refused, Err(CommitError::Fenced));
    let refused = disk
        .release(&stale.claim, changes, None, None, at(50_001))
        .await;
    assert_eq!(refused, Err(CommitError::Fenced));
    assert_eq!(
        disk.renew(&stale.claim, at(99_000)).await,
        Err(CommitError::Fenced)
    );

    let (row, _) = disk.link(&stale.lane.links[0].id).await.unwrap().unwrap();
    assert_eq!(row.link.generation, 1);
    disk.renew(&now.claim, at(99_000)).await.unwrap();
}

#[tokio::test]
async fn a_renewed_lease_is_not_taken_over() {
    let disk = disk().await;
    disk.told("maria", changed("7", 1)).await;
    let claimed = disk.claimed(1_000).await;
    disk.renew(&claimed.claim, at(60_000)).await.unwrap();
    assert!(
        disk.claim_lanes(10, at(59_999), LEASE)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_lane_released_without_a_moment_rests_until_something_happens() {
    let disk = disk().await;
    disk.told("maria", changed("7", 1)).await;
    let claimed = disk.claimed(1_000).await;
    disk.give_back(&claimed).await;
    assert!(
        disk.claim_lanes(10, at(i64::MAX), LEASE)
            .await
            .unwrap()
            .is_empty()
    );
    disk.told("maria", changed("8", 2)).await;
    assert_eq!(disk.claimed(1_000).await.lane.id, claimed.lane.id);
}

#[tokio::test]
async fn work_that_came_during_a_claim_keeps_the_lane_due_when_it_is_released() {
    let disk = disk().await;
    disk.told("maria", changed("7", 1)).await;
    let claimed = disk.claimed(1_000).await;
    disk.told("maria", changed("8", 2)).await;
    let nothing = Changes::between(&claimed.lane, &claimed.lane).unwrap();
    disk.release(&claimed.claim, nothing, Some(at(900_000)), None, at(2_000))
        .await
        .unwrap();
    assert_eq!(disk.claimed(1_000).await.lane.pending.len(), 2);
}

#[tokio::test]
async fn a_held_lane_wakes_by_the_name_of_what_holds_it() {
    let disk = disk().await;
    disk.told("maria", changed("7", 1)).await;
    let claimed = disk.claimed(1_000).await;
    let nothing = Changes::between(&claimed.lane, &claimed.lane).unwrap();
    let held_by = Some("host:acme.test:443".to_owned());
    disk.release(
        &claimed.claim,
        nothing,
        Some(at(900_000)),
        held_by,
        at(2_000),
    )
    .await
    .unwrap();
    let other = Wake::HeldBy("host:acme_test".to_owned());
    assert_eq!(disk.wake(other, at(3_000)).await.unwrap(), 0);
    let this = Wake::HeldBy("host:acme.test".to_owned());
    assert_eq!(disk.wake(this, at(3_000)).await.unwrap(), 1);
    disk.claimed(3_000).await;
}

#[tokio::test]
async fn after_a_restart_the_dead_processs_claims_are_free_at_once() {
    let disk = disk().await;
    disk.told("maria", changed("7", 1)).await;
    let dead = disk.claimed(1_000).await;
    disk.received("on its way to the router").await;
    disk.close().await;

    let store = open(&disk.url).await;
    let lanes = store.claim_lanes(10, at(1_001), LEASE).await.unwrap();
    assert_eq!(lanes.len(), 1);
    assert!(lanes[0].claim.token > dead.claim.token);
    assert_eq!(store.claim_routes(10, at(1_001)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_operator_may_claim_a_resting_lane_but_not_a_busy_one() {
    let disk = disk().await;
    let (lane, _) = disk.told("maria", changed("7", 1)).await;
    let busy = disk.claimed(1_000).await;
    assert!(
        disk.claim_lane(&lane, at(1_000), LEASE)
            .await
            .unwrap()
            .is_none()
    );
    disk.give_back(&busy).await;
    assert!(
        disk.claim_lane(&lane, at(1_000), LEASE)
            .await
            .unwrap()
            .is_some()
    );
    let nobody = LaneId::parse("nobody").unwrap();
    let refused = disk.claim_lane(&nobody, at(1_000), LEASE).await;
    assert!(matches!(refused, Err(StoreError::Gone { .. })));
}
