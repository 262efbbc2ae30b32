//! A ticketing system that makes tickets and nothing more: nobody can read, answer or close one there.

use crate::world::{World, faults::Fault};
use bridge_core::{
    call::Resolve,
    effect::Operation,
    ids::ConversationId,
    intent::IntentState,
    lane::{OnUnknown, Order, Outcome},
};
use serde_json::{Value, json};
use std::time::Duration;

fn world(over: &Value) -> World {
    let mut w = World::with(over);
    w.capabilities.only_creates = true;
    w.capabilities.upsert_requester = false;
    w.capabilities.find_open = false;
    w.capabilities.create = Resolve::None;
    w.capabilities.attach = None;
    w
}

/// A conversation with its ticket, once the wait for the first words is over.
fn ticketed(w: &mut World) -> ConversationId {
    let talk = w.ana_starts();
    w.customer_writes(&talk, "m1");
    w.pass(Duration::from_secs(11));
    assert!(w.ticket_of(&talk).is_some(), "{}", w.tale());
    talk
}

#[test]
fn what_a_customer_says_at_first_stands_in_the_description() {
    let mut w = world(&json!({}));
    let talk = w.ana_starts();
    w.customer_writes(&talk, "m1");
    w.pass(Duration::from_secs(4));
    w.customer_writes(&talk, "m2");
    w.settle();
    let ticket = w.ticket_of(&talk).unwrap();
    let description = w.description(&ticket);
    let at = |words: &str| {
        description
            .find(words)
            .unwrap_or_else(|| panic!("{description}"))
    };
    assert!(at("m1") < at("m2"), "{description}");
    let messages = w.messages();
    let ends: Vec<_> = messages.iter().map(|m| m.outcome).collect();
    assert_eq!(ends, [Some(Outcome::Relayed), Some(Outcome::Relayed)]);
}

#[test]
fn a_customer_who_says_nothing_has_a_ticket_all_the_same() {
    let mut w = world(&json!({}));
    let talk = w.ana_starts();
    w.settle();
    assert!(w.ticket_of(&talk).is_some(), "{}", w.tale());
}

#[test]
fn what_is_said_later_goes_nowhere_and_the_timeline_says_so() {
    let mut w = world(&json!({}));
    let talk = ticketed(&mut w);
    w.customer_writes(&talk, "m2");
    w.customer_shows(&talk, "m3");
    w.settle();
    let messages = w.messages();
    let ends: Vec<_> = messages.iter().map(|m| m.outcome).collect();
    let unsendable = Some(Outcome::Unsendable);
    assert_eq!(ends, [Some(Outcome::Relayed), unsendable, unsendable]);
    assert!(w.was_told("takes no words for a ticket that is there"));
    assert!(w.parked().is_empty(), "{:?}", w.parked());
}

#[test]
fn the_end_of_the_conversation_ends_the_link_and_writes_nothing() {
    let over = json!({"ticket": {"status_on_close": {"default": "solved"}}});
    for mut w in [world(&json!({})), world(&over)] {
        let talk = ticketed(&mut w);
        w.ends(&talk, "closed_by_operator");
        w.settle();
        let link = w.links().remove(0);
        assert_eq!(link.ended.expect("it ended").reason, "closed");
        assert_eq!(w.desk.writes.len(), 1, "{:?}", w.desk.writes);
        assert!(w.parked().is_empty(), "{:?}", w.parked());
    }
}

#[test]
fn the_next_conversation_gets_a_ticket_of_its_own() {
    for after in ["append", "reopen", "new"] {
        let over = json!({"ticket": {"customer_writes_after_close": after, "reuse": "open"}});
        let mut w = world(&over);
        let first = ticketed(&mut w);
        w.ends(&first, "expired");
        w.customer_writes(&first, "m2");
        w.settle();
        let next = w.ana_starts();
        w.settle();
        let tickets = [w.ticket_of(&first), w.ticket_of(&next)];
        assert!(tickets[1].is_some(), "{}", w.tale());
        assert_ne!(tickets[0], tickets[1]);
    }
}

#[test]
fn a_create_whose_answer_is_lost_waits_for_a_person_and_is_not_doubled() {
    let mut w = world(&json!({}));
    w.faults.next("create", Fault::DoThenCut);
    let talk = w.ana_starts();
    w.customer_writes(&talk, "m1");
    w.hours(100);
    assert_eq!(w.parked_for(), ["unknown_outcome"]);
    assert_eq!(w.desk.writes.len(), 1, "{:?}", w.desk.writes);
    let create = w.parked().remove(0);
    let remedy = create.parked.unwrap().remedy;
    assert!(remedy.contains("`parked discard`"), "{remedy}");
    assert!(!remedy.contains("`link`"), "it cannot be read: {remedy}");

    w.order(Order::Discard { intent: create.id });
    w.ends(&talk, "closed_by_operator");
    w.settle();
    assert_eq!(w.desk.writes.len(), 1, "{:?}", w.desk.writes);
    assert!(w.links().iter().all(|link| !link.is_live()), "{}", w.tale());
}

#[test]
fn who_would_rather_have_two_tickets_than_none_says_so() {
    let mut w = world(&json!({}));
    w.limits.on_unknown = OnUnknown::Retry;
    w.faults.next("create", Fault::DoThenCut);
    w.ana_starts();
    w.settle();
    let create = w.intents(Operation::Create).remove(0);
    assert_eq!(create.state, IntentState::Confirmed);
    assert!(create.possible_duplicate);
}

#[test]
fn a_ticket_that_a_conversation_names_is_not_looked_for() {
    let mut w = world(&json!({}));
    let (named, _) = w.desk.make("x", "open", &[], false, w.now);
    let talk = w.someone_starts_about(&named);
    w.settle();
    assert_ne!(w.ticket_of(&talk), Some(named));
    assert!(w.ticket_of(&talk).is_some(), "{}", w.tale());
}
