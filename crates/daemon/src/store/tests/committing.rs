//! Members of a group fail alone, and each unique thing has one owner.

use super::*;
use crate::store::CommitError;
use bridge_core::{
    lane::{Fate, Outcome},
    link::Ended,
};
use futures::future::join_all;

#[tokio::test]
async fn a_commit_is_found_again_by_the_next_claim() {
    let store = fresh().await;
    let mut claimed = store.linked("maria", "7", "c7").await;
    let before = claimed.lane.clone();
    let planned = close(&claimed.lane, 1, "ticket 7 solved");
    claimed.lane.intents.push(planned);
    claimed.lane.next_intent = 2;
    store.keep(&claimed.claim, &before, &claimed.lane).await;
    store.give_back(&claimed).await;

    let lane = claimed.lane.id.clone();
    let again = store
        .claim_lane(&lane, at(3_000), LEASE)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(again.lane.links, claimed.lane.links);
    assert_eq!(again.lane.intents, claimed.lane.intents);
    assert_eq!(again.lane.next_intent, 2);
}

#[tokio::test]
async fn in_one_group_a_fenced_commit_fails_and_its_neighbours_stand() {
    let store = fresh().await;
    let mut lanes = Vec::new();
    for n in 0..6 {
        let name = n.to_string();
        lanes.push(store.linked(&name, &name, &format!("c{name}")).await);
    }
    let commits = lanes.iter().enumerate().map(|(n, claimed)| {
        let mut after = claimed.lane.clone();
        after.links[0].generation = 5;
        let changes = Changes::between(&claimed.lane, &after).unwrap();
        let mut claim = claimed.claim.clone();
        claim.token += i64::from(n % 2 == 0);
        let store = &store;
        async move { store.commit(&claim, changes, at(3_000)).await }
    });
    let results = join_all(commits).await;
    for (n, (result, claimed)) in results.into_iter().zip(&lanes).enumerate() {
        let (row, _) = store
            .link(&claimed.lane.links[0].id)
            .await
            .unwrap()
            .unwrap();
        if n % 2 == 0 {
            assert_eq!((result, row.link.generation), (Err(CommitError::Fenced), 1));
        } else {
            assert_eq!((result, row.link.generation), (Ok(()), 5));
        }
    }
}

#[tokio::test]
async fn a_ticket_belongs_to_one_lane_at_a_time() {
    let store = fresh().await;
    store.linked("maria", "7", "c7").await;
    store.told("joao", changed("7", 2)).await;
    let claimed = store.claimed(1_000).await;
    let mut after = claimed.lane.clone();
    after.links.push(link(&claimed.lane, Some("7"), Some("c8")));
    let changes = Changes::between(&claimed.lane, &after).unwrap();
    let refused = store.commit(&claimed.claim, changes, at(2_000)).await;
    assert_eq!(
        refused,
        Err(CommitError::TicketTaken {
            ticket: ticket("7")
        })
    );

    let mut after = claimed.lane.clone();
    after.links.push(link(&claimed.lane, Some("8"), Some("c7")));
    let changes = Changes::between(&claimed.lane, &after).unwrap();
    let refused = store.commit(&claimed.claim, changes, at(2_000)).await;
    let conversation = conversation("c7");
    assert_eq!(
        refused,
        Err(CommitError::ConversationTaken { conversation })
    );
}

#[tokio::test]
async fn a_ticket_moves_to_a_new_link_in_the_commit_that_ends_the_old_one() {
    let store = fresh().await;
    let mut claimed = store.linked("maria", "7", "c7").await;
    let before = claimed.lane.clone();
    claimed.lane.links[0].ended = Some(Ended {
        at: at(1_900),
        reason: "closed".to_owned(),
        observed_since: None,
    });
    // The new one stands first, so that the order in memory is not what makes it work.
    let new = link(&claimed.lane, Some("7"), None);
    claimed.lane.links.insert(0, new.clone());
    store.keep(&claimed.claim, &before, &claimed.lane).await;
    let holder = store
        .lane_of_live_ticket(&bridge(), &ticket("7"))
        .await
        .unwrap();
    assert_eq!(holder, Some(claimed.lane.id));
}

#[tokio::test]
async fn an_intent_planned_before_is_handed_back_instead_of_planned_twice() {
    let store = fresh().await;
    let mut claimed = store.linked("maria", "7", "c7").await;
    let before = claimed.lane.clone();
    let first = close(&claimed.lane, 1, "ticket 7 at version 3");
    claimed.lane.intents.push(first.clone());
    store.keep(&claimed.claim, &before, &claimed.lane).await;

    let mut after = before.clone();
    after
        .intents
        .push(close(&before, 2, "ticket 7 at version 3"));
    let changes = Changes::between(&before, &after).unwrap();
    let refused = store.commit(&claimed.claim, changes, at(2_000)).await;
    let existing = Box::new(first);
    assert_eq!(refused, Err(CommitError::IntentTaken { existing }));
}

#[tokio::test]
async fn a_delivery_is_settled_when_all_its_events_are_and_a_settled_event_does_not_return() {
    let store = fresh().await;
    let id = store.received("two events").await.id;
    let events = vec![changed("7", 1), changed("8", 2)];
    store
        .routed(id, to_lane("maria", events), at(1_000))
        .await
        .unwrap();
    let claimed = store.claimed(1_000).await;

    let mut after = claimed.lane.clone();
    after.fates.push((id, 0, Fate::Applied));
    store.keep(&claimed.claim, &claimed.lane, &after).await;
    assert_eq!(store.counts(at(0)).await.unwrap().routed["main"], 1);
    store.give_back(&claimed).await;

    let lane = &claimed.lane.id;
    let again = store
        .claim_lane(lane, at(2_000), LEASE)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(again.lane.pending.len(), 1);
    assert_eq!(again.lane.pending[0].position, 1);
    let mut after = again.lane.clone();
    let reason = "same".to_owned();
    after.fates.push((id, 1, Fate::Ignored { reason }));
    store.keep(&again.claim, &again.lane, &after).await;
    assert!(store.counts(at(0)).await.unwrap().routed.is_empty());
}

#[tokio::test]
async fn a_message_is_kept_once_however_often_it_comes() {
    let store = fresh().await;
    let mut claimed = store.linked("maria", "7", "c7").await;
    let before = claimed.lane.clone();
    claimed.lane.messages.push(said("c7", "m1", 1_700));
    store.keep(&claimed.claim, &before, &claimed.lane).await;
    store.keep(&claimed.claim, &before, &claimed.lane).await;
    let pruned = store.prune(at(10_000)).await.unwrap();
    assert_eq!(pruned.messages, 0, "it still has to be brought over");

    let before = claimed.lane.clone();
    claimed.lane.messages[0].outcome = Some(Outcome::Relayed);
    store.keep(&claimed.claim, &before, &claimed.lane).await;
    let pruned = store.prune(at(10_000)).await.unwrap();
    assert_eq!(pruned.messages, 1);
}

#[tokio::test]
async fn a_flood_for_one_customer_is_taken_in_a_thousand_at_a_time_and_none_is_left() {
    let store = fresh().await;
    store.flood("maria", 1_200).await;

    let first = store.claimed(1_000).await;
    assert_eq!(first.lane.pending.len(), 1_000);
    let mut after = first.lane.clone();
    after.fates = first
        .lane
        .pending
        .iter()
        .map(|p| (p.delivery, p.position, Fate::Applied))
        .collect();
    let changes = Changes::between(&first.lane, &after).unwrap();
    store
        .release(&first.claim, changes, None, None, at(1_000))
        .await
        .unwrap();
    assert_eq!(store.claimed(1_000).await.lane.pending.len(), 200);
}
