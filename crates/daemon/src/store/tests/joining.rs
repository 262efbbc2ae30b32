//! One customer, two spellings (rule 9).

use super::*;
use crate::store::Joined;
use bridge_core::lane::TicketMemory;

#[tokio::test]
async fn a_lane_without_a_namesake_is_renamed_and_both_spellings_lead_to_it() {
    let disk = disk().await;
    let claimed = disk.linked("+55 11 91234", "7", "c7").await;
    let joined = disk
        .join(&claimed.claim, &user("551191234"), at(2_000))
        .await
        .unwrap();
    assert_eq!(joined, Joined::Renamed);
    disk.give_back(&claimed).await;
    for spelling in ["+55 11 91234", "551191234"] {
        let (lane, _) = disk.told(spelling, changed("7", 2)).await;
        assert_eq!(lane, claimed.lane.id);
    }
    assert_eq!(disk.claimed(2_000).await.lane.user, user("551191234"));
}

#[tokio::test]
async fn everything_of_a_lane_moves_to_the_one_with_the_canonical_name() {
    let disk = disk().await;
    let mut theirs = disk.linked("551191234", "8", "c8").await;
    remember(&disk, &mut theirs, "8").await;
    disk.give_back(&theirs).await;
    // Its first Event is still pending; settle nothing, only look at what moves.
    let mut ours = disk.linked("+55 11 91234", "7", "c7").await;
    remember(&disk, &mut ours, "7").await;
    let before = ours.lane.clone();
    ours.lane.intents.push(close(&ours.lane, 1, "1"));
    disk.keep(&ours.claim, &before, &ours.lane).await;

    let joined = disk
        .join(&ours.claim, &user("551191234"), at(2_000))
        .await
        .unwrap();
    assert_eq!(joined, Joined::Into(theirs.lane.id.clone()));

    let whole = disk.claimed(2_000).await;
    assert_eq!(whole.lane.id, theirs.lane.id);
    assert_eq!(whole.lane.links.len(), 2);
    assert_eq!(whole.lane.intents.len(), 1);
    assert_eq!(whole.lane.pending.len(), 2);
    let tickets: Vec<_> = whole.lane.tickets.keys().cloned().collect();
    assert_eq!(tickets, [ticket("7"), ticket("8")]);
    let of_intent = disk
        .lane_of_intent(&bridge(), &ours.lane.intents[0].id)
        .await
        .unwrap();
    assert_eq!(of_intent, Some(theirs.lane.id.clone()));
    let of_old_name = disk
        .lane_of_user(&bridge(), &bot(), &ours.lane.user)
        .await
        .unwrap();
    assert_eq!(of_old_name, Some(theirs.lane.id));
}

#[tokio::test]
async fn two_memories_of_one_ticket_are_joined_field_by_field() {
    let disk = disk().await;
    let mut theirs = disk.linked("551191234", "8", "c8").await;
    let before = theirs.lane.clone();
    let of_theirs = TicketMemory {
        seen_at: Some(at(1_500)),
        ..TicketMemory::default()
    };
    theirs.lane.tickets.insert(ticket("7"), of_theirs);
    disk.keep(&theirs.claim, &before, &theirs.lane).await;
    disk.give_back(&theirs).await;
    let mut ours = disk.linked("+55 11 91234", "7", "c7").await;
    let before = ours.lane.clone();
    let of_ours = TicketMemory {
        seen_at: Some(at(1_000)),
        made_by_us: true,
        ..TicketMemory::default()
    };
    ours.lane.tickets.insert(ticket("7"), of_ours);
    disk.keep(&ours.claim, &before, &ours.lane).await;
    disk.join(&ours.claim, &user("551191234"), at(2_000))
        .await
        .unwrap();
    let whole = disk.claimed(2_000).await;
    assert!(whole.lane.tickets[&ticket("7")].made_by_us);
}

async fn remember(disk: &Disk, claimed: &mut ClaimedLane, id: &str) {
    let before = claimed.lane.clone();
    claimed
        .lane
        .tickets
        .insert(ticket(id), TicketMemory::default());
    disk.keep(&claimed.claim, &before, &claimed.lane).await;
}

#[tokio::test]
async fn a_lane_that_somebody_works_on_is_not_joined() {
    let disk = disk().await;
    let theirs = disk.linked("551191234", "8", "c8").await;
    let ours = disk.linked("+55 11 91234", "7", "c7").await;
    let joined = disk
        .join(&ours.claim, &user("551191234"), at(2_000))
        .await
        .unwrap();
    assert_eq!(joined, Joined::Busy);
    disk.renew(&ours.claim, at(40_000)).await.unwrap();
    disk.renew(&theirs.claim, at(40_000)).await.unwrap();
    let asked = disk
        .canonical(&bridge(), &bot(), &ours.lane.user)
        .await
        .unwrap();
    assert_eq!(asked, ours.lane.user, "nothing was noted");
}

#[tokio::test]
async fn a_holder_whose_lease_ran_out_cannot_write_over_a_join() {
    let disk = disk().await;
    let sleeper = disk.linked("551191234", "8", "c8").await;
    let ours = disk.linked("+55 11 91234", "7", "c7").await;
    disk.renew(&ours.claim, at(99_000)).await.unwrap();
    let joined = disk
        .join(&ours.claim, &user("551191234"), at(50_000))
        .await
        .unwrap();
    assert!(matches!(joined, Joined::Into(_)));
    assert!(disk.renew(&sleeper.claim, at(99_000)).await.is_err());
    assert!(disk.renew(&ours.claim, at(99_000)).await.is_err());
}

#[tokio::test]
async fn three_spellings_in_a_row_still_lead_to_one_lane() {
    let disk = disk().await;
    let claimed = disk.linked("a", "7", "c7").await;
    disk.join(&claimed.claim, &user("b"), at(2_000))
        .await
        .unwrap();
    disk.join(&claimed.claim, &user("c"), at(2_000))
        .await
        .unwrap();
    for spelling in ["a", "b", "c"] {
        let lane = disk
            .lane_of_user(&bridge(), &bot(), &user(spelling))
            .await
            .unwrap();
        assert_eq!(lane.as_ref(), Some(&claimed.lane.id), "{spelling}");
    }
    disk.join(&claimed.claim, &user("a"), at(2_000))
        .await
        .unwrap();
    let lane = disk
        .lane_of_user(&bridge(), &bot(), &user("c"))
        .await
        .unwrap();
    assert_eq!(lane, Some(claimed.lane.id), "and back again without a loop");
}

#[tokio::test]
async fn an_event_that_came_to_the_wrong_lane_moves_and_the_right_one_is_due() {
    let disk = disk().await;
    let right = disk.linked("joao", "8", "c8").await;
    disk.give_back(&right).await;
    let (_, delivery) = disk.told("maria", changed("8", 1)).await;
    let wrong = disk.claimed(1_000).await;
    disk.forward(&wrong.claim, delivery, &right.lane.id, at(2_000))
        .await
        .unwrap();
    let claimed = disk.claimed(2_000).await;
    assert_eq!(claimed.lane.id, right.lane.id);
    assert!(claimed.lane.pending.iter().any(|p| p.delivery == delivery));
    let again = disk
        .forward(&wrong.claim, delivery, &right.lane.id, at(2_000))
        .await;
    assert!(again.is_err(), "it is there already");
}
