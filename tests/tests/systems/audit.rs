//! What must be true when all is quiet, whatever happened before, on whatever system. Neighbour: `suite`,
//! after which it looks.

use crate::{desk::Seen, stage::Stage};
use jelou_bridge::{clock, setup::live::TRIAL};
use std::collections::{BTreeMap, BTreeSet};

/// Nothing waits, nothing is doubled, nothing is forgotten; a round of the sweep changes nothing.
pub async fn all_is_well(stage: &Stage) {
    stage.settle().await;
    let counts = stage.store().counts(clock::now()).await.expect("counts");
    let parked: u64 = counts.parked.values().sum();
    assert_eq!(parked, 0, "{counts:?}\n{}", stage.told().await);
    assert_eq!(counts.lanes_unreadable, 0, "{counts:?}");
    let tickets = stage.desk.tickets().await;
    one_ticket_a_conversation(&tickets);
    every_conversation_is_linked(stage).await;
    what_is_over_here_is_over_there(stage, &tickets);
    a_second_round_writes_nothing(stage).await;
}

/// In systems that know of no uniqueness.
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

/// Each conversation that Jelou has is in exactly one Link; each ticket has at most one live Link.
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
}

/// A conversation goes on where its ticket is open, and nowhere else.
fn what_is_over_here_is_over_there(stage: &Stage, tickets: &[Seen]) {
    for ticket in tickets {
        let Some(conversation) = &ticket.conversation else {
            continue;
        };
        if conversation.starts_with(TRIAL) {
            continue;
        }
        let known = stage.jelou.handle.conversation(conversation);
        let active = known.expect("Jelou has it").active;
        let done = ticket.status == stage.desk.solved();
        assert!(!(active && done), "{ticket:?} is done, its talk goes on");
    }
}

async fn a_second_round_writes_nothing(stage: &Stage) {
    stage.sweep().await;
    stage.settle().await;
    let before = writes(stage);
    stage.sweep().await;
    stage.settle().await;
    assert_eq!(writes(stage), before);
}

/// At the system by the door, at Jelou by its calls.
fn writes(stage: &Stage) -> (usize, usize) {
    let jelou = stage.jelou.handle.calls();
    let at_jelou = jelou.iter().filter(|call| call.method != "GET").count();
    let at_desk = stage.rest.passed();
    let asks_for_change = |path: &str| Some(path) != stage.desk.config.logs_in_at;
    let at_desk = at_desk.iter().filter(|call| call.method != "GET");
    // A search may ask by POST.
    let searches = |path: &str| path.ends_with("/search");
    let at_desk = at_desk.filter(|call| asks_for_change(&call.path) && !searches(&call.path));
    let at_desk = at_desk.count();
    (at_desk, at_jelou)
}
