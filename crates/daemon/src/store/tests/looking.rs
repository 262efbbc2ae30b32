//! What is found again: by ticket, by conversation, by the Sweep, in a timeline.

use super::*;
use crate::store::{Line, LinkFilter, TimelineOf};
use bridge_core::{
    lane::{Entry, EntryKind, Fate},
    text::Text,
};

#[tokio::test]
async fn a_link_is_found_by_either_side() {
    let store = fresh().await;
    let claimed = store.linked("maria", "7", "c7").await;
    let lane = Some(claimed.lane.id.clone());
    assert_eq!(
        store.lane_of_ticket(&bridge(), &ticket("7")).await.unwrap(),
        lane
    );
    assert_eq!(
        store
            .lane_of_live_ticket(&bridge(), &ticket("7"))
            .await
            .unwrap(),
        lane
    );
    assert_eq!(
        store
            .lane_of_conversation(&bridge(), &conversation("c7"))
            .await
            .unwrap(),
        lane
    );
    assert_eq!(
        store.lane_of_ticket(&bridge(), &ticket("8")).await.unwrap(),
        None
    );
    let holders = store.holders_of_ticket(&bridge(), &ticket("7")).await;
    let [holder] = holders.unwrap().try_into().unwrap();
    assert_eq!((Some(holder.lane), holder.until), (lane, None));
    let filter = LinkFilter {
        state: Some("linked".to_owned()),
        live_only: true,
        limit: 10,
        ..LinkFilter::default()
    };
    assert_eq!(store.links(&filter).await.unwrap().len(), 1);
    let by_both = LinkFilter {
        ticket: Some(ticket("7")),
        conversation: Some(conversation("c7")),
        limit: 10,
        ..LinkFilter::default()
    };
    assert_eq!(store.links(&by_both).await.unwrap().len(), 1);
    let by_conversation = LinkFilter {
        ticket: None,
        ..by_both
    };
    assert_eq!(store.links(&by_conversation).await.unwrap().len(), 1);
    let filter = LinkFilter {
        ticket: Some(ticket("8")),
        limit: 10,
        ..LinkFilter::default()
    };
    assert!(store.links(&filter).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_the_bridge_wrote_on_a_ticket_is_known_to_other_lanes_also_after_retention() {
    let store = fresh().await;
    let mut claimed = store.linked("maria", "7", "c7").await;
    let before = claimed.lane.clone();
    let entry = |number: u32, on: &str, text: &str, attempts: u32| {
        let mut intent = close(&claimed.lane, number, &number.to_string());
        let (ticket, text) = (ticket(on), text.into());
        intent.effect = Effect::AddNote { ticket, text };
        intent.state = IntentState::Confirmed;
        intent.attempts = attempts;
        intent
    };
    let entries = [
        entry(1, "7", "Olá,  Maria", 1),
        entry(2, "7", "never sent", 0),
        entry(3, "8", "said elsewhere", 1),
    ];
    claimed.lane.intents.extend(entries);
    store.keep(&claimed.claim, &before, &claimed.lane).await;

    let written = async |besides: &LaneId| {
        let (bridge, of) = (bridge(), ticket("7"));
        let written = store.written_on_ticket(&bridge, &of, besides).await;
        let words = written.unwrap().into_iter().map(|one| one.words);
        words.collect::<Vec<_>>()
    };
    let said = Text::from("Olá,\r\nMaria ").digest().unwrap();
    let other = LaneId::parse("other").unwrap();
    assert_eq!(written(&other).await, [said]);
    assert!(written(&claimed.lane.id).await.is_empty(), "it knows them");
    assert_eq!(store.prune(at(9_000)).await.unwrap().intents, 3);
    assert_eq!(written(&other).await, [said]);
}

#[tokio::test]
async fn a_ticket_shows_as_a_lanes_when_it_was_read_and_not_when_its_webhook_came() {
    let store = fresh().await;
    let read = |began: Option<Timestamp>| {
        let mut event = changed("7", 1);
        if let Event::TicketChanged(change) = &mut event {
            change.read_at = began;
        }
        event
    };
    for began in [None, Some(at(5_000)), Some(at(500))] {
        store.told("maria", read(began)).await;
    }
    let told = store.routed_of_ticket(&bridge(), &ticket("7")).await;
    let moments: Vec<_> = told.unwrap().iter().map(|t| (t.at, t.shown_at)).collect();
    let (came, shown) = (at(1_000), at(5_000));
    assert_eq!(moments, [(came, came), (came, shown), (came, came)]);
}

#[tokio::test]
async fn the_sweep_looks_first_at_what_was_not_looked_at_for_longest() {
    let store = fresh().await;
    for n in ["1", "2", "3"] {
        store.linked(n, n, &format!("c{n}")).await;
    }
    store
        .looked_at(
            &bridge(),
            &[conversation("c1"), conversation("c3")],
            at(100),
        )
        .await
        .unwrap();
    store
        .looked_at(&bridge(), &[conversation("c1")], at(200))
        .await
        .unwrap();
    let order = store
        .conversations_to_look_at(&bridge(), at(200), 10)
        .await
        .unwrap();
    let order: Vec<_> = order.into_iter().map(|(_, c)| c).collect();
    assert_eq!(
        order,
        [conversation("c2"), conversation("c3"), conversation("c1")]
    );
    let round = store
        .conversations_to_look_at(&bridge(), at(100), 10)
        .await
        .unwrap();
    assert_eq!(
        round.len(),
        2,
        "a round leaves out what it looked at itself"
    );
}

#[tokio::test]
async fn a_timeline_shows_what_came_and_what_was_made_of_it() {
    let store = fresh().await;
    let mut claimed = store.linked("maria", "7", "c7").await;
    let before = claimed.lane.clone();
    let pending = claimed.lane.pending[0].clone();
    claimed
        .lane
        .fates
        .push((pending.delivery, 0, Fate::Applied));
    claimed.lane.journal.push(Entry {
        at: at(1_800),
        kind: EntryKind::Decision,
        sentence: "close conversation c7".to_owned(),
        rule: Some("close_on_status".to_owned()),
        link: Some(claimed.lane.links[0].id.clone()),
        ticket: None,
        conversation: None,
    });
    store.keep(&claimed.claim, &before, &claimed.lane).await;

    for of in [
        TimelineOf::Ticket(ticket("7")),
        TimelineOf::Conversation(conversation("c7")),
        TimelineOf::User(user("maria")),
    ] {
        let lines = store.timeline(None, &of).await.unwrap();
        assert_eq!(lines.len(), 2, "{of:?}");
        assert!(matches!(&lines[0], Line::Delivery { state, .. } if state == "settled"));
        assert!(
            matches!(&lines[1], Line::Entry { rule: Some(rule), .. } if rule == "close_on_status")
        );
    }
    let other = TimelineOf::Ticket(ticket("8"));
    assert!(store.timeline(None, &other).await.unwrap().is_empty());
    let elsewhere = BridgeName::parse("other").unwrap();
    let of = TimelineOf::Ticket(ticket("7"));
    assert!(
        store
            .timeline(Some(&elsewhere), &of)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn silent_webhooks_show_in_the_last_confirmed_close() {
    let store = fresh().await;
    let mut claimed = store.linked("maria", "7", "c7").await;
    let before = claimed.lane.clone();
    for (number, confirmed) in [(1, 2_000), (2, 3_000), (3, 9_000)] {
        let mut intent = close(&claimed.lane, number, &number.to_string());
        intent.state = IntentState::Confirmed;
        intent.confirmed_at = Some(at(confirmed));
        intent.event_seen = number == 1;
        claimed.lane.intents.push(intent);
    }
    store.keep(&claimed.claim, &before, &claimed.lane).await;
    let last = store
        .last_confirmed(&bridge(), at(8_000))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((last.at, last.event_seen), (at(3_000), false));
    assert!(
        store
            .last_confirmed(&bridge(), at(1_000))
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_lane_can_be_looked_at_while_another_works_on_it() {
    let store = fresh().await;
    let claimed = store.linked("maria", "7", "c7").await;
    let seen = store.lane(&claimed.lane.id).await.unwrap().unwrap();
    assert_eq!(seen.links, claimed.lane.links);
    assert_eq!(seen.pending.len(), 1);
    let nobody = LaneId::parse("nobody").unwrap();
    assert!(store.lane(&nobody).await.unwrap().is_none());
}

#[tokio::test]
async fn a_customers_lane_is_made_once_and_is_not_due_by_that() {
    let store = fresh().await;
    let (bridge, bot, maria) = (bridge(), bot(), user("maria"));
    let lane = store.lane_for(&bridge, &bot, &maria).await.unwrap();
    assert_eq!(store.lane_for(&bridge, &bot, &maria).await.unwrap(), lane);
    assert_eq!(store.next_due().await.unwrap(), None);
    assert_eq!(store.told("maria", changed("7", 1)).await.0, lane);
}

#[tokio::test]
async fn a_link_that_waits_for_its_ticket_is_found_by_its_conversation_as_long_as_it_may_be_that_one()
 {
    let store = fresh().await;
    let waits = |claimed: &ClaimedLane| link(&claimed.lane, None, Some("c7"));
    store.told("maria", changed("7", 1)).await;
    let mut claimed = store.claimed(1_000).await;
    let before = claimed.lane.clone();
    claimed.lane.links.push(waits(&claimed));
    store.keep(&claimed.claim, &before, &claimed.lane).await;
    let found = async |talk: &str, of: &str| {
        let (talk, of) = (conversation(talk), ticket(of));
        store.lane_that_waits(&bridge(), &talk, &of).await.unwrap()
    };
    let lane = Some(claimed.lane.id.clone());
    assert_eq!(found("c7", "7").await, lane);
    assert_eq!(found("c8", "7").await, None);

    let before = claimed.lane.clone();
    claimed.lane.links[0].ticket = TicketSide::Known { id: ticket("7") };
    store.keep(&claimed.claim, &before, &claimed.lane).await;
    assert_eq!(found("c7", "7").await, lane, "it has it by now");
    assert_eq!(found("c7", "8").await, None);
    let other = BridgeName::parse("other").unwrap();
    let (talk, of) = (conversation("c7"), ticket("7"));
    let elsewhere = store.lane_that_waits(&other, &talk, &of).await;
    assert_eq!(elsewhere.unwrap(), None, "it is no other bridge's");

    let before = claimed.lane.clone();
    claimed.lane.links[0].ended = Some(bridge_core::link::Ended {
        at: at(3_000),
        reason: "closed".to_owned(),
        observed_since: None,
    });
    claimed.lane.next_link += 1;
    let next = link(&claimed.lane, None, Some("c7"));
    claimed.lane.links.push(next);
    store.keep(&claimed.claim, &before, &claimed.lane).await;
    assert_eq!(found("c7", "7").await, None, "an ended Link left the field");
    assert_eq!(found("c7", "8").await, lane);
}
