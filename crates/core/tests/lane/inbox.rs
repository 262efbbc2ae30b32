//! Proofs that lie in our own inbox: stored, answered, and not routed yet (rule 5).

use crate::world::{World, faults::Fault, jelou::Second};
use bridge_core::{
    effect::Operation,
    event::Event,
    ids::{ConversationId, TicketId},
    intent::IntentState,
    lane::OnUnknown,
};
use std::time::Duration;

/// A ticket whose start was done when the bridge died. Its start event comes back to be stored.
fn done_and_killed(w: &mut World) -> (TicketId, Event) {
    w.faults.next("start", Fault::CrashAfter);
    w.agent_asks_and_the_start_event_is_late()
}

fn only(w: &World) -> ConversationId {
    w.only_talk()
}

#[test]
fn no_start_is_sent_again_while_its_event_is_stored_and_not_routed() {
    for over in [false, true] {
        let mut w = World::new();
        let (ticket, started) = done_and_killed(&mut w);
        w.store_only(started);
        let talk = only(&w);
        if over {
            // Nothing at Jelou would refuse a second one.
            let ended = w.jelou.end(&talk, "expired", w.now);
            w.store_only(ended);
        }
        w.pass(Duration::from_secs(600));
        assert_eq!(w.talks().len(), 1, "{}", w.tale());
        assert_eq!(w.intents(Operation::Start)[0].attempts, 1);
        w.route_what_is_stored();
        w.settle();
        assert_eq!(w.talks().len(), 1, "{}", w.tale());
        assert_eq!(w.ticket_of(&talk), Some(ticket));
        assert_eq!(w.intents(Operation::Start)[0].state, IntentState::Confirmed);
    }
}

#[test]
fn what_is_stored_after_the_wait_holds_no_start_up() {
    let mut w = World::new();
    w.faults.next("start", Fault::Cut);
    let ticket = w.agent_asks();
    w.pass(Duration::from_secs(61));
    let other = w.jelou.begin(crate::world::BEA, None, None, w.now).1;
    w.store_only(other);
    w.pass(Duration::from_secs(5));
    assert!(w.talk_of(&ticket).is_some(), "{}", w.tale());
}

#[test]
fn a_webhook_that_is_never_routed_holds_a_start_for_as_long_as_failing_calls_are_tried() {
    let mut w = World::new();
    w.limits.on_unknown = OnUnknown::Retry;
    w.limits.retry_for = Duration::from_secs(3600);
    let (_, started) = done_and_killed(&mut w);
    w.store_only(started);
    w.hours(2);
    assert_eq!(w.talks().len(), 1, "{}", w.tale());
    assert_eq!(w.parked_for(), ["unknown_outcome"], "{}", w.tale());
}

#[test]
fn an_answered_conversation_is_not_given_to_an_older_start_while_its_event_is_not_routed() {
    let mut w = World::new();
    w.jelou.second = Second::Returned;
    // The first ticket's start is never known to have been done: it waits for a person.
    w.faults.next("start", Fault::Cut);
    w.faults.next("start", Fault::Cut);
    let first = w.agent_asks();
    w.hours(1);
    assert_eq!(w.parked_for(), ["unknown_outcome"]);

    let (second, started) = w.agent_asks_and_the_start_event_is_late();
    w.store_only(started);
    w.pass(Duration::from_secs(30));
    let fields = |w: &World| w.desk.records[&first].ticket.link_field.clone();
    assert_eq!(fields(&w), None, "{}", w.tale());
    w.route_what_is_stored();
    w.settle();
    let talk = only(&w);
    assert_eq!(w.ticket_of(&talk), Some(second), "{}", w.tale());
    assert_eq!(fields(&w), None, "{}", w.tale());
    assert_eq!(w.parked_for(), ["unknown_outcome"]);
}
