//! What must be true when all is quiet, whatever happened before. Neighbours: `stories` and
//! `weather`, after which it looks.

use crate::{agent::Seen, stage::Stage};
use jelou_bridge::clock;
use std::collections::{BTreeMap, BTreeSet};

/// Nothing waits, nothing is doubled, nothing is forgotten; a round of the sweep changes nothing.
pub async fn all_is_well(stage: &Stage) {
    nothing_waits(stage).await;
    let tickets = stage.agent.finds("Queue = 'WhatsApp'").await;
    one_ticket_a_conversation(&tickets);
    every_conversation_is_linked(stage, &tickets).await;
    every_talk_that_goes_on_has_its_ticket(stage, &tickets);
    what_is_over_here_is_over_there(stage, &tickets);
    a_second_round_writes_nothing(stage).await;
}

async fn nothing_waits(stage: &Stage) {
    let counts = stage.store().counts(clock::now()).await.expect("counts");
    let parked: u64 = counts.parked.values().sum();
    assert_eq!(parked, 0, "{counts:?}");
    assert_eq!(counts.lanes_unreadable, 0, "{counts:?}");
}

/// In Request Tracker, which knows of no uniqueness.
fn one_ticket_a_conversation(tickets: &[Seen]) {
    let mut named: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for ticket in tickets {
        if let Some(conversation) = &ticket.conversation {
            named.entry(conversation).or_default().push(&ticket.id);
        }
    }
    named.retain(|_, tickets| tickets.len() > 1);
    assert!(named.is_empty(), "{named:?}");
}

/// Each conversation that Jelou has is in exactly one Link; each ticket has at most one live Link,
/// and at most one conversation that goes on.
async fn every_conversation_is_linked(stage: &Stage, tickets: &[Seen]) {
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
    for ticket in tickets {
        let of_ticket = stage.jelou.handle.conversations_of_ticket(&ticket.id);
        let going_on = of_ticket.iter().filter(|c| c.active).count();
        assert!(going_on <= 1, "ticket {}: {going_on}", ticket.id);
    }
}

fn every_talk_that_goes_on_has_its_ticket(stage: &Stage, tickets: &[Seen]) {
    let mut talks = stage.jelou.handle.conversations();
    talks.retain(|talk| talk.active);
    assert!(!talks.is_empty(), "the stories leave some going on");
    for talk in talks {
        let names = |ticket: &&Seen| ticket.conversation.as_ref() == Some(&talk.id);
        assert_eq!(tickets.iter().filter(names).count(), 1, "{talk:?}");
    }
}

/// A conversation goes on where its ticket is open, and nowhere else.
fn what_is_over_here_is_over_there(stage: &Stage, tickets: &[Seen]) {
    for ticket in tickets {
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
    let recorded = stage.agent.entries_by("bridge").await;
    assert!(recorded > 0, "the bridge is known by its name");
    let jelou = stage.jelou.handle.calls();
    let at_jelou = jelou.iter().filter(|call| call.method != "GET").count();
    (stage.rest.writes(), recorded, at_jelou)
}
