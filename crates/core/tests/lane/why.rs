//! Why a conversation did not start or close: what `explain` tells of what is stored.

use crate::world::{ANA, World};
use bridge_core::{
    effect::Operation,
    halt::Limits,
    ids::TicketId,
    lane::{Lane, Mode, why},
};
use std::time::Duration;

/// What each rule says of a ticket.
fn said(w: &World, ticket: &TicketId) -> Vec<String> {
    let mut lanes = w.bridge.lanes.values();
    let stored = lanes.find(|s| s.lane.tickets.contains_key(ticket)).unwrap();
    let lane = Lane {
        links: stored.links.clone(),
        intents: stored.intents.clone(),
        ..stored.lane.clone()
    };
    let links = lane.links.iter();
    let its = links.filter(|link| link.ticket_id() == Some(ticket));
    let link = its.max_by_key(|link| link.is_live());
    let reasons = why(&lane, link, Some(ticket), &w.rules(&w.mapping), w.now);
    let lines = reasons.into_iter();
    lines
        .map(|r| format!("{} [{}]", r.sentence, r.rule))
        .collect()
}

#[test]
fn a_ticket_that_closes_nothing_says_what_close_on_status_asks_for() {
    let mut w = World::new();
    let (ticket, _) = w.linked_from_ticket();
    w.agent_sets(&ticket, "pending");
    w.settle();
    assert_eq!(
        said(&w, &ticket),
        [
            "close_on_status asks for solved or closed: the ticket is pending, so the conversation \
             stays open [mapping.conversation.close_on_status]"
        ]
    );
}

#[test]
fn a_close_that_the_halt_holds_says_so_and_what_wants_it() {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    w.bridge.halt = Some(Limits {
        max_share: 0.0,
        min_count: 0,
        window: Duration::from_secs(600),
    });
    w.agent_sets(&ticket, "solved");
    w.settle();
    assert!(w.intents(Operation::Close)[0].held);
    let held =
        format!("the halt holds it until `halt release`: close conversation {talk} [safety]");
    assert_eq!(
        said(&w, &ticket),
        [
            "close_on_status asks for solved or closed: the ticket is solved, so the conversation \
             is to be closed [mapping.conversation.close_on_status]",
            &held
        ]
    );
}

#[test]
fn a_close_that_is_parked_says_what_to_do() {
    let mut w = World::new();
    let (ticket, _) = w.linked_from_ticket();
    let _other = w.ana_starts();
    w.moment();
    w.agent_sets(&ticket, "solved");
    w.settle();
    let said = said(&w, &ticket);
    let parked = said.last().unwrap();
    assert!(
        parked.starts_with("parked (two_conversations), as "),
        "{said:?}"
    );
    assert!(parked.contains("; what to do: "), "{said:?}");
}

#[test]
fn a_ticket_without_a_conversation_says_how_open_when_stands() {
    let mut w = World::new();
    let untagged = w.agent_makes(ANA, "open", &["mail"]);
    w.settle();
    assert_eq!(
        said(&w, &untagged),
        [
            "open_when does not hold for the ticket: it asks for no conversation \
             [mapping.conversation.open_when]"
        ]
    );
    let (ticket, talk) = w.linked_from_ticket();
    w.ends(&talk, "expired");
    w.settle();
    w.agent_sets(&ticket, "open");
    w.settle();
    let said = said(&w, &ticket);
    assert!(said[0].starts_with("it ended (closed)"), "{said:?}");
    assert!(said[1].contains("only when it turns true"), "{said:?}");
}

#[test]
fn a_bridge_that_observes_says_that_first() {
    let mut w = World::new();
    w.mode = Mode::Observe;
    let ticket = w.agent_asks();
    w.settle();
    let said = said(&w, &ticket);
    assert!(said[0].ends_with("nothing is written [mode]"), "{said:?}");
    let recorded = |line: &String| line.starts_with("recorded only, and never sent: start");
    assert!(said.iter().any(recorded), "{said:?}");
}
