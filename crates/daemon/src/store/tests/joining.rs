//! One customer, two spellings (rule 9).

use super::*;
use crate::store::Joined;
use bridge_core::lane::TicketMemory;

#[tokio::test]
async fn a_lane_without_a_namesake_is_renamed_and_both_spellings_lead_to_it() {
    let store = fresh().await;
    let claimed = store.linked("+55 11 91234", "7", "c7").await;
    let joined = store
        .join(&claimed.claim, &user("551191234"), at(2_000))
        .await
        .unwrap();
    assert_eq!(joined, Joined::Renamed);
    store.give_back(&claimed).await;
    for spelling in ["+55 11 91234", "551191234"] {
        let (lane, _) = store.told(spelling, changed("7", 2)).await;
        assert_eq!(lane, claimed.lane.id);
    }
    assert_eq!(store.claimed(2_000).await.lane.user, user("551191234"));
}

#[tokio::test]
async fn everything_of_a_lane_moves_to_the_one_with_the_canonical_name() {
    let store = fresh().await;
    let mut theirs = store.linked("551191234", "8", "c8").await;
    remember(&store, &mut theirs, "8").await;
    store.give_back(&theirs).await;
    // Its first Event is still pending; settle nothing, only look at what moves.
    let mut ours = store.linked("+55 11 91234", "7", "c7").await;
    remember(&store, &mut ours, "7").await;
    let before = ours.lane.clone();
    ours.lane.intents.push(close(&ours.lane, 1, "1"));
    store.keep(&ours.claim, &before, &ours.lane).await;

    let joined = store
        .join(&ours.claim, &user("551191234"), at(2_000))
        .await
        .unwrap();
    assert_eq!(joined, Joined::Into(theirs.lane.id.clone()));

    let whole = store.claimed(2_000).await;
    assert_eq!(whole.lane.id, theirs.lane.id);
    assert_eq!(whole.lane.links.len(), 2);
    assert_eq!(whole.lane.intents.len(), 1);
    assert_eq!(whole.lane.pending.len(), 2);
    let tickets: Vec<_> = whole.lane.tickets.keys().cloned().collect();
    assert_eq!(tickets, [ticket("7"), ticket("8")]);
    let of_intent = store
        .lane_of_intent(&bridge(), &ours.lane.intents[0].id)
        .await
        .unwrap();
    assert_eq!(of_intent, Some(theirs.lane.id.clone()));
    let of_old_name = store
        .lane_of_user(&bridge(), &bot(), &ours.lane.user)
        .await
        .unwrap();
    assert_eq!(of_old_name, Some(theirs.lane.id));
}

#[tokio::test]
async fn two_memories_of_one_ticket_are_joined_field_by_field() {
    let store = fresh().await;
    let mut theirs = store.linked("551191234", "8", "c8").await;
    let before = theirs.lane.clone();
    let of_theirs = TicketMemory {
        seen_at: Some(at(1_500)),
        ..TicketMemory::default()
    };
    theirs.lane.tickets.insert(ticket("7"), of_theirs);
    store.keep(&theirs.claim, &before, &theirs.lane).await;
    store.give_back(&theirs).await;
    let mut ours = store.linked("+55 11 91234", "7", "c7").await;
    let before = ours.lane.clone();
    let of_ours = TicketMemory {
        seen_at: Some(at(1_000)),
        made_by_us: true,
        ..TicketMemory::default()
    };
    ours.lane.tickets.insert(ticket("7"), of_ours);
    store.keep(&ours.claim, &before, &ours.lane).await;
    store
        .join(&ours.claim, &user("551191234"), at(2_000))
        .await
        .unwrap();
    let whole = store.claimed(2_000).await;
    assert!(whole.lane.tickets[&ticket("7")].made_by_us);
}

async fn remember(store: &Fresh, claimed: &mut ClaimedLane, id: &str) {
    let before = claimed.lane.clone();
    claimed
        .lane
        .tickets
        .insert(ticket(id), TicketMemory::default());
    store.keep(&claimed.claim, &before, &claimed.lane).await;
}

#[tokio::test]
async fn a_lane_that_somebody_works_on_is_not_joined() {
    let store = fresh().await;
    let theirs = store.linked("551191234", "8", "c8").await;
    let ours = store.linked("+55 11 91234", "7", "c7").await;
    let joined = store
        .join(&ours.claim, &user("551191234"), at(2_000))
        .await
        .unwrap();
    assert_eq!(joined, Joined::Busy);
    store.renew(&ours.claim, at(40_000)).await.unwrap();
    store.renew(&theirs.claim, at(40_000)).await.unwrap();
    let asked = store
        .canonical(&bridge(), &bot(), &ours.lane.user)
        .await
        .unwrap();
    assert_eq!(asked, ours.lane.user, "nothing was noted");
}

#[tokio::test]
async fn a_holder_whose_lease_ran_out_cannot_write_over_a_join() {
    let store = fresh().await;
    let sleeper = store.linked("551191234", "8", "c8").await;
    let ours = store.linked("+55 11 91234", "7", "c7").await;
    store.renew(&ours.claim, at(99_000)).await.unwrap();
    let joined = store
        .join(&ours.claim, &user("551191234"), at(50_000))
        .await
        .unwrap();
    assert!(matches!(joined, Joined::Into(_)));
    assert!(store.renew(&sleeper.claim, at(99_000)).await.is_err());
    assert!(store.renew(&ours.claim, at(99_000)).await.is_err());
}

#[tokio::test]
async fn three_spellings_in_a_row_still_lead_to_one_lane() {
    let store = fresh().await;
    let claimed = store.linked("a", "7", "c7").await;
    store
        .join(&claimed.claim, &user("b"), at(2_000))
        .await
        .unwrap();
    store
        .join(&claimed.claim, &user("c"), at(2_000))
        .await
        .unwrap();
    for spelling in ["a", "b", "c"] {
        let lane = store
            .lane_of_user(&bridge(), &bot(), &user(spelling))
            .await
            .unwrap();
        assert_eq!(lane.as_ref(), Some(&claimed.lane.id), "{spelling}");
    }
    store
        .join(&claimed.claim, &user("a"), at(2_000))
        .await
        .unwrap();
    let lane = store
        .lane_of_user(&bridge(), &bot(), &user("c"))
        .await
        .unwrap();
    assert_eq!(lane, Some(claimed.lane.id), "and back again without a loop");
}

#[tokio::test]
async fn an_event_that_came_to_the_wrong_lane_moves_and_the_right_one_is_due() {
    let store = fresh().await;
    let right = store.linked("joao", "8", "c8").await;
    store.give_back(&right).await;
    let (_, delivery) = store.told("maria", changed("8", 1)).await;
    let wrong = store.claimed(1_000).await;
    store
        .forward(&wrong.claim, delivery, &right.lane.id, at(2_000))
        .await
        .unwrap();
    let claimed = store.claimed(2_000).await;
    assert_eq!(claimed.lane.id, right.lane.id);
    assert!(claimed.lane.pending.iter().any(|p| p.delivery == delivery));
    let again = store
        .forward(&wrong.claim, delivery, &right.lane.id, at(2_000))
        .await;
    assert!(again.is_err(), "it is there already");
}
