//! Retention takes contents away; ids and hashes stay.

use super::*;
use crate::store::Recorded;
use bridge_core::lane::Fate;

#[tokio::test]
async fn an_old_settled_body_goes_from_the_file_and_its_replay_is_still_known() {
    let disk = disk().await;
    let canary = "canary-5f1c";
    let id = disk
        .record(webhook(canary, Some("hook 1")))
        .await
        .unwrap()
        .id();
    disk.claim_routes(1, at(1_000)).await.unwrap();
    disk.routed(id, to_lane("maria", vec![changed("7", 1)]), at(1_000))
        .await
        .unwrap();
    let claimed = disk.claimed(1_000).await;
    assert_eq!(
        disk.prune(at(9_000)).await.unwrap().deliveries,
        0,
        "it is not settled yet"
    );
    let mut after = claimed.lane.clone();
    after.fates.push((id, 0, Fate::Applied));
    disk.keep(&claimed.claim, &claimed.lane, &after).await;

    assert_eq!(
        disk.prune(at(1_999)).await.unwrap().deliveries,
        0,
        "it is not old yet"
    );
    assert_eq!(disk.prune(at(2_000)).await.unwrap().deliveries, 1);
    let again = disk.record(webhook(canary, Some("hook 1"))).await.unwrap();
    assert_eq!(again, Recorded::Known(id));

    disk.close().await;
    let file = std::fs::read(disk.url.strip_prefix("sqlite:").unwrap()).unwrap();
    let found = file.windows(canary.len()).any(|w| w == canary.as_bytes());
    assert!(!found, "the body is still in the file");
}

#[tokio::test]
async fn an_old_settled_intent_loses_its_words_but_not_its_key() {
    let disk = disk().await;
    let mut claimed = disk.linked("maria", "7", "c7").await;
    let before = claimed.lane.clone();
    let mut done = close(&claimed.lane, 1, "1");
    done.state = IntentState::Confirmed;
    claimed.lane.intents.push(done);
    claimed.lane.intents.push(close(&claimed.lane, 2, "2"));
    disk.keep(&claimed.claim, &before, &claimed.lane).await;

    assert_eq!(disk.prune(at(9_000)).await.unwrap().intents, 1);
    assert_eq!(disk.prune(at(9_000)).await.unwrap().intents, 0);
    let (_, intents) = disk.link(&claimed.lane.links[0].id).await.unwrap().unwrap();
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
async fn the_figures_tell_what_waits() {
    let disk = disk().await;
    disk.record(webhook("waiting", None)).await.unwrap();
    let claimed = disk.linked("maria", "7", "c7").await;
    let counts = disk.counts(at(1_000)).await.unwrap();
    assert_eq!(counts.oldest_unsettled["main"], at(1_000));
    assert_eq!((counts.received["main"], counts.routed["main"]), (1, 1));
    assert_eq!((counts.lanes_due, counts.lanes_claimed), (0, 1));
    assert_eq!(counts.links[&("main".to_owned(), "linked".to_owned())], 1);
    disk.give_back(&claimed).await;
    disk.tidy().await.unwrap();
    disk.check().await.unwrap();
}
