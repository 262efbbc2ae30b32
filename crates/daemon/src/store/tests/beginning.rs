//! How a bridge begins (rule 17), and the small memories.

use super::*;
use crate::store::Beginning;
use bridge_core::time::Wait;

#[tokio::test]
async fn going_live_forgets_cursors_and_drops_half_links_but_keeps_whole_ones() {
    let store = fresh().await;
    assert_eq!(
        store.begin(&bridge(), true, at(1)).await.unwrap(),
        Beginning::First
    );
    assert_eq!(
        store.begin(&bridge(), true, at(2)).await.unwrap(),
        Beginning::Again
    );
    store
        .set_cursor(&bridge(), "tickets", "page 9", at(3))
        .await
        .unwrap();
    let whole = store.linked("maria", "7", "c7").await;
    store.told("joao", changed("8", 1)).await;
    let mut half = store.claimed(1_000).await;
    let before = half.lane.clone();
    half.lane.links.push(link(&half.lane, Some("8"), None));
    store.keep(&half.claim, &before, &half.lane).await;

    let turned = store.begin(&bridge(), false, at(5_000)).await.unwrap();
    assert_eq!(turned, Beginning::TurnedLive { dropped: 1 });
    assert_eq!(store.cursor(&bridge(), "tickets").await.unwrap(), None);
    let (row, _) = store.link(&half.lane.links[0].id).await.unwrap().unwrap();
    let ended = row.link.ended.unwrap();
    assert_eq!((ended.at, ended.observed_since), (at(5_000), None));
    let (row, _) = store.link(&whole.lane.links[0].id).await.unwrap().unwrap();
    assert!(row.link.is_live());
    assert_eq!(
        store.begin(&bridge(), true, at(6_000)).await.unwrap(),
        Beginning::TurnedObserve
    );
    store.told("pedro", changed("9", 1)).await;
    let mut half = store.claimed(7_000).await;
    let before = half.lane.clone();
    half.lane.links.push(link(&half.lane, Some("9"), None));
    store.keep(&half.claim, &before, &half.lane).await;
    store.begin(&bridge(), false, at(9_000)).await.unwrap();
    let (row, _) = store.link(&half.lane.links[0].id).await.unwrap().unwrap();
    let ended = row.link.ended.unwrap();
    assert_eq!(
        (ended.at, ended.observed_since),
        (at(9_000), Some(at(6_000)))
    );
}

#[tokio::test]
async fn cursors_pauses_and_notes_outlive_the_process() {
    let store = fresh().await;
    store
        .set_cursor(&bridge(), "tickets", "a", at(1))
        .await
        .unwrap();
    store
        .set_cursor(&bridge(), "tickets", "b", at(2))
        .await
        .unwrap();
    store
        .pause("host:acme.test:443", at(60_000), "retry_after", at(10))
        .await
        .unwrap();
    store
        .pause("host:acme.test:443", at(90_000), "retry_after", at(20))
        .await
        .unwrap();
    store.set_meta("note", "kept").await.unwrap();

    let store = store.restarted().await;
    assert_eq!(
        store.cursor(&bridge(), "tickets").await.unwrap().as_deref(),
        Some("b")
    );
    assert_eq!(store.meta("note").await.unwrap().as_deref(), Some("kept"));
    let pauses = store.pauses().await.unwrap();
    assert_eq!(pauses.len(), 1);
    assert_eq!(pauses[0].wait.until, at(90_000));
    store.resume("host:acme.test:443").await.unwrap();
    assert!(store.pauses().await.unwrap().is_empty());
}

#[tokio::test]
async fn how_long_a_pause_is_to_last_counts_from_when_it_was_last_asked_for() {
    let store = fresh().await;
    let hour = 3_600_000;
    for asked in [0, hour] {
        store
            .pause("host:acme.test:443", at(asked + 60_000), "429", at(asked))
            .await
            .unwrap();
    }
    let pauses = store.pauses().await.unwrap();
    let minute = Wait {
        since: at(hour),
        until: at(hour + 60_000),
    };
    assert_eq!(pauses[0].wait, minute);
}
