//! The safety halt is asked in the transaction that lets an Intent out.

use super::*;
use crate::store::{Admission, Admitted, Line, TimelineOf};
use bridge_core::{effect::Operation, halt::Limits};

const LIMITS: Limits = Limits {
    max_share: 0.0,
    min_count: 2,
    window: Duration::from_secs(600),
};

const NEXT_DAY: i64 = 86_400_000;

/// Sends the Lane's next close, as far as the halt lets it.
async fn send(store: &Fresh, claimed: &mut ClaimedLane, number: u32, now: i64) -> Admitted {
    let before = claimed.lane.clone();
    if claimed.lane.intents.len() < number as usize {
        let planned = close(&claimed.lane, number, &number.to_string());
        claimed.lane.intents.push(planned);
    }
    let index = number as usize - 1;
    let mut out = claimed.lane.clone();
    out.intents[index].state = IntentState::Sent;
    out.intents[index].held = false;
    let mut held = claimed.lane.clone();
    held.intents[index].held = true;
    let admission = Admission {
        intent: out.intents[index].id.clone(),
        operation: Operation::Close,
        limits: LIMITS,
    };
    let admitted = store
        .commit_sent(
            &claimed.claim,
            Changes::between(&before, &out).unwrap(),
            Changes::between(&before, &held).unwrap(),
            admission,
            at(now),
        )
        .await
        .unwrap();
    claimed.lane = match admitted {
        Admitted::Out => out,
        Admitted::Held { .. } => held,
    };
    admitted
}

#[tokio::test]
async fn the_third_close_is_held_and_the_alarm_rings_once() {
    let store = fresh().await;
    let mut claimed = store.linked("maria", "7", "c7").await;
    assert_eq!(send(&store, &mut claimed, 1, 2_000).await, Admitted::Out);
    assert_eq!(send(&store, &mut claimed, 2, 2_001).await, Admitted::Out);
    assert_eq!(
        send(&store, &mut claimed, 3, 2_002).await,
        Admitted::Held { newly: true }
    );
    assert_eq!(
        send(&store, &mut claimed, 4, 2_003).await,
        Admitted::Held { newly: false }
    );

    let halts = store.halts(Some(&bridge())).await.unwrap();
    assert_eq!(halts.len(), 1);
    assert_eq!((halts[0].operation, halts[0].held), (Operation::Close, 2));
    assert_eq!(halts[0].window.tripped_at, Some(at(2_002)));
    let (_, intents) = store
        .link(&claimed.lane.links[0].id)
        .await
        .unwrap()
        .unwrap();
    let states: Vec<_> = intents.iter().map(|i| (i.state, i.held)).collect();
    let sent = (IntentState::Sent, false);
    let held = (IntentState::Planned, true);
    assert_eq!(states, [sent, sent, held, held]);
}

#[tokio::test]
async fn a_retry_of_a_counted_intent_is_not_counted_again() {
    let store = fresh().await;
    let mut claimed = store.linked("maria", "7", "c7").await;
    for now in 2_000..2_005 {
        assert_eq!(send(&store, &mut claimed, 1, now).await, Admitted::Out);
        claimed.lane.intents[0].state = IntentState::Planned;
    }
    assert_eq!(send(&store, &mut claimed, 2, 2_010).await, Admitted::Out);
}

#[tokio::test]
async fn a_release_lets_go_what_is_held_uncounted_and_opens_an_empty_window() {
    let store = fresh().await;
    let mut claimed = store.linked("maria", "7", "c7").await;
    for number in 1..=4 {
        send(&store, &mut claimed, number, 2_000).await;
    }
    store.give_back(&claimed).await;
    let nothing = store
        .release_halt(&bridge(), Some(Operation::Start), at(3_000))
        .await
        .unwrap();
    assert_eq!(nothing, 0);
    assert_eq!(
        store
            .release_halt(&bridge(), None, at(3_000))
            .await
            .unwrap(),
        2
    );

    let mut claimed = store.claimed(3_000).await;
    assert!(claimed.lane.intents.iter().all(|i| !i.held));
    for number in 3..=6 {
        assert_eq!(
            send(&store, &mut claimed, number, 3_000).await,
            Admitted::Out,
            "{number}"
        );
    }
    let seventh = send(&store, &mut claimed, 7, 3_000).await;
    assert_eq!(seventh, Admitted::Held { newly: true });
}

/// Plans further closes that do not come to ask: a rate, or their turn, keeps them.
async fn plan(store: &Fresh, claimed: &mut ClaimedLane, numbers: std::ops::RangeInclusive<u32>) {
    let before = claimed.lane.clone();
    for number in numbers {
        let planned = close(&claimed.lane, number, &number.to_string());
        claimed.lane.intents.push(planned);
    }
    store.keep(&claimed.claim, &before, &claimed.lane).await;
}

#[tokio::test]
async fn a_release_lets_go_all_that_was_planned_when_it_was_given_and_counts_what_comes_later() {
    let store = fresh().await;
    let mut claimed = store.linked("maria", "7", "c7").await;
    for number in 1..=3 {
        send(&store, &mut claimed, number, 2_000).await;
    }
    plan(&store, &mut claimed, 4..=6).await;
    let held = store.halts(None).await.unwrap()[0].held;
    assert_eq!(held, 4, "one came to ask, three would be held");
    let released = store.release_halt(&bridge(), None, at(3_000)).await;
    assert_eq!(released.unwrap(), held);
    for number in 3..=8 {
        let admitted = send(&store, &mut claimed, number, 3_000).await;
        assert_eq!(admitted, Admitted::Out, "{number}");
    }
    let later = send(&store, &mut claimed, 9, 3_000).await;
    assert_eq!(later, Admitted::Held { newly: true });
}

#[tokio::test]
async fn a_release_where_no_halt_is_on_lets_go_nothing_uncounted() {
    let store = fresh().await;
    let mut claimed = store.linked("maria", "7", "c7").await;
    send(&store, &mut claimed, 1, 2_000).await;
    plan(&store, &mut claimed, 2..=4).await;
    assert_eq!(store.halts(None).await.unwrap()[0].held, 0);
    let released = store.release_halt(&bridge(), None, at(3_000)).await;
    assert_eq!(released.unwrap(), 0);
    for number in 2..=3 {
        let admitted = send(&store, &mut claimed, number, 3_000).await;
        assert_eq!(admitted, Admitted::Out, "{number}");
    }
    let fourth = send(&store, &mut claimed, 4, 3_000).await;
    assert_eq!(fourth, Admitted::Held { newly: true });
}

#[tokio::test]
async fn what_a_release_lets_go_says_so_in_its_tickets_timeline() {
    let store = fresh().await;
    let mut claimed = store.linked("maria", "7", "c7").await;
    for number in 1..=4 {
        send(&store, &mut claimed, number, 2_000).await;
    }
    let released = store.release_halt(&bridge(), None, at(3_000)).await;
    assert_eq!(released.unwrap(), 2);
    let of = TimelineOf::Ticket(ticket("7"));
    let lines = store.timeline(None, &of).await.unwrap();
    let told: Vec<_> = lines
        .into_iter()
        .filter_map(|line| match line {
            Line::Entry {
                at, sentence, rule, ..
            } => Some((at, sentence, rule)),
            Line::Delivery { .. } => None,
        })
        .collect();
    let sentence = "Let go by `halt release`".to_owned();
    let let_go = (at(3_000), sentence, Some("close_on_status".to_owned()));
    assert_eq!(told, [let_go.clone(), let_go]);
}

#[tokio::test]
async fn what_was_let_go_and_is_planned_anew_later_is_counted_and_held_like_any_other() {
    for is_stored_first in [true, false] {
        let store = fresh().await;
        let mut claimed = store.linked("maria", "7", "c7").await;
        for number in 1..=3 {
            send(&store, &mut claimed, number, 2_000).await;
        }
        let released = store.release_halt(&bridge(), None, at(3_000)).await;
        assert_eq!(released.unwrap(), 1);
        // An agent opens the ticket before the third goes out, and solves it the next day.
        let before = claimed.lane.clone();
        claimed.lane.intents[2].state = IntentState::Withdrawn;
        claimed.lane.intents[2].held = false;
        store.keep(&claimed.claim, &before, &claimed.lane).await;
        let before = claimed.lane.clone();
        claimed.lane.intents[2].state = IntentState::Planned;
        claimed.lane.intents[2].planned_at = at(NEXT_DAY);
        if is_stored_first {
            store.keep(&claimed.claim, &before, &claimed.lane).await;
        }
        for number in 4..=5 {
            let admitted = send(&store, &mut claimed, number, NEXT_DAY).await;
            assert_eq!(admitted, Admitted::Out);
        }
        let third = send(&store, &mut claimed, 3, NEXT_DAY).await;
        assert_eq!(third, Admitted::Held { newly: true });
        let halts = store.halts(Some(&bridge())).await.unwrap();
        assert_eq!(halts[0].held, 1);
    }
}

#[tokio::test]
async fn what_was_let_go_and_failed_is_tried_again_uncounted_however_late() {
    let store = fresh().await;
    let mut claimed = store.linked("maria", "7", "c7").await;
    for number in 1..=3 {
        send(&store, &mut claimed, number, 2_000).await;
    }
    store
        .release_halt(&bridge(), None, at(3_000))
        .await
        .unwrap();
    assert_eq!(send(&store, &mut claimed, 3, 3_000).await, Admitted::Out);
    claimed.lane.intents[2].state = IntentState::Planned;
    for number in 4..=6 {
        send(&store, &mut claimed, number, NEXT_DAY).await;
    }
    assert_eq!(send(&store, &mut claimed, 3, NEXT_DAY).await, Admitted::Out);
}

#[tokio::test]
async fn a_release_during_a_claim_outlives_what_the_claim_remembers() {
    let store = fresh().await;
    let mut claimed = store.linked("maria", "7", "c7").await;
    for number in 1..=3 {
        send(&store, &mut claimed, number, 2_000).await;
    }
    store
        .release_halt(&bridge(), None, at(3_000))
        .await
        .unwrap();
    let before = claimed.lane.clone();
    claimed.lane.intents[2].last_error = Some("still held, as far as this claim knows".to_owned());
    store.keep(&claimed.claim, &before, &claimed.lane).await;
    store.give_back(&claimed).await;
    assert!(!store.claimed(3_000).await.lane.intents[2].held);
}

#[tokio::test]
async fn a_stale_claim_is_not_counted() {
    let store = fresh().await;
    let stale = store.linked("maria", "7", "c7").await;
    store.claimed(50_000).await;
    let mut out = stale.lane.clone();
    out.intents.push(close(&stale.lane, 1, "1"));
    let changes = Changes::between(&stale.lane, &out).unwrap();
    let admission = Admission {
        intent: out.intents[0].id.clone(),
        operation: Operation::Close,
        limits: LIMITS,
    };
    let refused = store
        .commit_sent(
            &stale.claim,
            changes.clone(),
            changes,
            admission,
            at(50_001),
        )
        .await;
    assert!(refused.is_err());
    assert!(store.halts(None).await.unwrap().is_empty());
}
