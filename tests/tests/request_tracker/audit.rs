//! What must be true when all is quiet, whatever happened before. Neighbours: `stories` and
//! `weather`, after which it looks.

use crate::stage::Stage;
use jelou_bridge::clock;
use std::collections::{BTreeMap, BTreeSet};

/// Nothing waits, nothing is doubled, nothing is forgotten; a round of the sweep changes nothing.
pub async fn all_is_well(stage: &Stage) {
    nothing_waits(stage).await;
    one_ticket_a_conversation(stage).await;
    every_conversation_is_linked(stage).await;
    what_is_over_here_is_over_there(stage).await;
    a_second_round_writes_nothing(stage).await;
}

async fn nothing_waits(stage: &Stage) {
    let counts = stage.store().counts(clock::now()).await.expect("counts");
    let parked: u64 = counts.parked.values().sum();
    assert_eq!(parked, 0, "{counts:?}");
    assert_eq!(counts.lanes_unreadable, 0, "{counts:?}");
}

/// In Request Tracker, which knows of no uniqueness.
async fn one_ticket_a_conversation(stage: &Stage) {
    let tickets = stage.agent.finds("Queue = 'WhatsApp'").await;
    let mut named: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for ticket in tickets {
        if let Some(conversation) = ticket.conversation {
            named.entry(conversation).or_default().push(ticket.id);
        }
    }
    named.retain(|_, tickets| tickets.len() > 1);
    assert!(named.is_empty(), "{named:?}");
}

/// Each conversation that Jelou has is in exactly one Link; each ticket has at most one live Link,
/// and at most one conversation that goes on.
async fn every_conversation_is_linked(stage: &Stage) {
    let links = stage.links().await;
    for conversation in stage.jelou.handle.conversations() {
        let has = |id: &bridge_core::ids::ConversationId| id.as_str() == conversation.id;
        let of = links
            .iter()
            .filter(|row| row.link.conversation_id().is_some_and(has));
        assert_eq!(of.count(), 1, "{conversation:?}\n{}", stage.told().await);
    }
    let mut live = BTreeSet::new();
    for row in links.iter().filter(|row| row.link.is_live()) {
        if let Some(ticket) = row.link.ticket_id() {
            assert!(live.insert(ticket.clone()), "two live links of {ticket}");
        }
    }
    for ticket in stage.agent.finds("Queue = 'WhatsApp'").await {
        let of_ticket = stage.jelou.handle.conversations_of_ticket(&ticket.id);
        let going_on = of_ticket.iter().filter(|c| c.active).count();
        assert!(going_on <= 1, "ticket {}: {going_on}", ticket.id);
    }
}

/// A conversation goes on where its ticket is open, and nowhere else.
async fn what_is_over_here_is_over_there(stage: &Stage) {
    for ticket in stage.agent.finds("Queue = 'WhatsApp'").await {
        let Some(conversation) = &ticket.conversation else {
            continue;
        };
        let known = stage.jelou.handle.conversation(conversation);
        let active = known.expect("Jelou has it").active;
        let done = ["resolved", "rejected"].contains(&ticket.status.as_str());
        assert!(!(active && done), "{ticket:?} is done, its talk goes on");
    }
}

async fn a_second_round_writes_nothing(stage: &Stage) {
    stage.sweep().await;
    stage.settle().await;
    let before = writes(stage).await;
    stage.sweep().await;
    stage.settle().await;
    assert_eq!(writes(stage).await, before);
}

/// At Request Tracker by the door and by what it recorded of the bridge; at Jelou by its calls.
async fn writes(stage: &Stage) -> (usize, usize, usize) {
    let mut recorded = 0;
    for ticket in stage.agent.finds("Queue = 'WhatsApp'").await {
        let history = stage.agent.history(&ticket.id).await;
        recorded += history.iter().filter(|entry| entry.by == "bridge").count();
    }
    let jelou = stage.jelou.handle.calls();
    let at_jelou = jelou.iter().filter(|call| call.method != "GET").count();
    (stage.rest.writes(), recorded, at_jelou)
}
