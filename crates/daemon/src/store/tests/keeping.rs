//! Retention takes contents away; ids and hashes stay.

use super::*;
use crate::store::Recorded;
use bridge_core::lane::Fate;

#[tokio::test]
async fn an_old_settled_body_goes_and_its_replay_is_still_known() {
    let store = fresh().await;
    let canary = "canary-5f1c";
    let id = store
        .record(webhook(canary, Some("hook 1")))
        .await
        .unwrap()
        .id();
    store.claim_routes(&Room::of(1), at(1_000)).await.unwrap();
    store
        .routed(id, to_lane("maria", vec![changed("7", 1)]), at(1_000))
        .await
        .unwrap();
    let claimed = store.claimed(1_000).await;
    assert_eq!(
        store.prune(at(9_000)).await.unwrap().deliveries,
        0,
        "it is not settled yet"
    );
    let mut after = claimed.lane.clone();
    after.fates.push((id, 0, Fate::Applied));
    store.keep(&claimed.claim, &claimed.lane, &after).await;

    assert_eq!(
        store.prune(at(1_999)).await.unwrap().deliveries,
        0,
        "it is not old yet"
    );
    assert_eq!(store.prune(at(2_000)).await.unwrap().deliveries, 1);
    let again = store.record(webhook(canary, Some("hook 1"))).await.unwrap();
    assert_eq!(again, Recorded::Known(id));
}

#[tokio::test]
async fn an_old_settled_intent_loses_its_words_but_not_its_key() {
    let store = fresh().await;
    let mut claimed = store.linked("maria", "7", "c7").await;
    let before = claimed.lane.clone();
    let mut done = close(&claimed.lane, 1, "1");
    done.state = IntentState::Confirmed;
    claimed.lane.intents.push(done);
    claimed.lane.intents.push(close(&claimed.lane, 2, "2"));
    store.keep(&claimed.claim, &before, &claimed.lane).await;

    assert_eq!(store.prune(at(9_000)).await.unwrap().intents, 1);
    assert_eq!(store.prune(at(9_000)).await.unwrap().intents, 0);
    let (_, intents) = store
        .link(&claimed.lane.links[0].id)
        .await
        .unwrap()
        .unwrap();
    let messages: Vec<_> = intents
        .iter()
        .map(|i| match &i.effect {
            Effect::CloseConversation(close) => close.message.is_some(),
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(messages, [false, true]);
    assert_eq!(intents[0].cause, "1");
}

#[tokio::test]
async fn an_intent_wanted_again_after_its_words_were_taken_keeps_the_new_ones_for_as_long() {
    let store = fresh().await;
    let mut claimed = store.linked("maria", "7", "c7").await;
    let before = claimed.lane.clone();
    let mut withdrawn = close(&claimed.lane, 1, "1");
    withdrawn.state = IntentState::Withdrawn;
    claimed.lane.intents.push(withdrawn);
    store.keep(&claimed.claim, &before, &claimed.lane).await;
    assert_eq!(store.prune(at(9_000)).await.unwrap().intents, 1);

    let before = claimed.lane.clone();
    claimed.lane.intents[0].state = IntentState::Confirmed;
    claimed.lane.intents[0].planned_at = at(20_000);
    store.keep(&claimed.claim, &before, &claimed.lane).await;
    let pruned = store.prune(at(19_999)).await.unwrap();
    assert_eq!(pruned.intents, 0, "it was planned anew");
    let pruned = store.prune(at(20_000)).await.unwrap();
    assert_eq!(pruned.intents, 1, "and its words do not stay");
}

#[tokio::test]
async fn the_figures_tell_what_waits() {
    let store = fresh().await;
    store.record(webhook("waiting", None)).await.unwrap();
    let claimed = store.linked("maria", "7", "c7").await;
    let counts = store.counts(at(1_000)).await.unwrap();
    assert_eq!(counts.oldest_unsettled["main"], at(1_000));
    assert_eq!((counts.received["main"], counts.routed["main"]), (1, 1));
    assert_eq!((counts.lanes_due, counts.lanes_claimed), (0, 1));
    assert_eq!(counts.links[&("main".to_owned(), "linked".to_owned())], 1);
    store.give_back(&claimed).await;
    assert_eq!(store.counts(at(1_000)).await.unwrap().lanes_claimed, 0);
}
