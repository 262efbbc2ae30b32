//! A customer who is talking already (rule 7).

use crate::world::{World, faults::Fault, jelou::Second, net::Weather};
use bridge_core::{effect::Operation, lane::Order};
use serde_json::json;
use std::time::Duration;

#[test]
fn a_ticket_waits_for_a_busy_customer_and_is_told_once() {
    let mut w = World::new();
    let (own, _) = w.linked_from_conversation();
    let ticket = w.agent_asks();
    w.hours(3);
    assert_eq!(w.talks().len(), 1);
    assert_eq!(w.notes(&ticket).len(), 1);
    assert_eq!(w.live_link(&ticket).unwrap().state(), "waiting_busy");
    w.ends(&own, "closed_by_operator");
    w.settle();
    assert!(w.talk_of(&ticket).unwrap().is_active());
    assert_eq!(w.notes(&ticket).len(), 1);
    assert!(w.was_told("start a conversation"));
}

#[test]
fn a_ticket_solved_while_it_waits_gets_no_conversation() {
    let mut w = World::new();
    let (own, _) = w.linked_from_conversation();
    let ticket = w.agent_asks();
    w.settle();
    w.agent_sets(&ticket, "solved");
    w.settle();
    w.ends(&own, "closed_by_operator");
    w.settle();
    assert_eq!(w.talks().len(), 1, "{}", w.tale());
}

#[test]
fn two_tickets_of_one_customer_are_served_in_turn() {
    let mut w = World::new();
    let first = w.agent_asks();
    w.moment();
    let second = w.agent_asks();
    w.moment();
    let third = w.agent_asks();
    w.settle();
    assert_eq!(w.active().len(), 1);
    w.agent_sets(&first, "solved");
    w.settle();
    assert!(w.talk_of(&second).unwrap().is_active(), "the oldest first");
    assert!(w.talk_of(&third).is_none());
    w.agent_sets(&second, "solved");
    w.settle();
    assert!(w.talk_of(&third).unwrap().is_active());
    assert_eq!(w.active().len(), 1);
    assert_eq!((w.notes(&first).len(), w.notes(&second).len()), (0, 1));
    assert_eq!(w.notes(&third).len(), 1, "{}", w.tale());
}

#[test]
fn with_skip_the_ticket_is_told_and_left() {
    let mut w = World::with(&json!({"customer_busy": "skip"}));
    let (own, _) = w.linked_from_conversation();
    let ticket = w.agent_asks();
    w.settle();
    assert_eq!(w.notes(&ticket).len(), 1);
    w.ends(&own, "closed_by_operator");
    w.settle();
    assert_eq!(w.talks().len(), 1);
    assert!(w.live_link(&ticket).is_none());
}

#[test]
fn the_wait_ends_and_a_person_is_asked() {
    let mut w = World::with(&json!({"busy_timeout": "2h"}));
    let (own, _) = w.linked_from_conversation();
    let ticket = w.agent_asks();
    w.hours(3);
    assert_eq!(w.parked_for(), ["busy_timeout"]);
    w.agent_sets(&ticket, "solved");
    w.settle();
    assert!(w.parked().is_empty(), "a solved ticket asks nobody");
    w.ends(&own, "closed_by_operator");
    w.settle();
    assert_eq!(w.talks().len(), 1);
}

#[test]
fn an_answer_that_names_a_conversation_of_before_is_a_busy_customer() {
    for hooks_lost in [false, true] {
        let mut w = World::new();
        w.jelou.second = Second::Returned;
        w.net.weather = Weather::Kept;
        let own = w.ana_starts();
        let told = w.net.kept.remove(0);
        w.hours(1);
        w.net.weather = Weather::Fair;
        let ticket = w.agent_asks();
        w.pass(Duration::from_secs(2));
        if !hooks_lost {
            w.deliver(told);
        }
        w.settle();
        assert_eq!(w.notes(&ticket).len(), 1, "{}", w.tale());
        assert_ne!(w.ticket_of(&own), Some(ticket.clone()), "{}", w.tale());
        w.ends(&own, "closed_by_operator");
        w.settle();
        assert!(w.talk_of(&ticket).unwrap().is_active(), "{}", w.tale());
    }
}

#[test]
fn a_conversation_known_only_by_an_answer_is_watched_by_the_sweep() {
    let mut w = World::new();
    w.jelou.second = Second::Returned;
    w.net.weather = Weather::Lost;
    let own = w.ana_starts();
    w.hours(1);
    let (ticket, event) = w
        .desk
        .make(crate::world::ANA, "open", &["whatsapp"], false, w.now);
    w.deliver(event);
    w.settle();
    w.ends(&own, "expired");
    w.sweep();
    assert!(w.talk_of(&ticket).unwrap().is_active(), "{}", w.tale());
}

#[test]
fn a_conversation_known_only_by_an_answer_gets_its_ticket_when_it_speaks() {
    let mut w = World::new();
    w.jelou.second = Second::Returned;
    w.net.weather = Weather::Lost;
    let own = w.ana_starts();
    w.hours(1);
    let (ticket, event) = w
        .desk
        .make(crate::world::ANA, "open", &["whatsapp"], false, w.now);
    w.deliver(event);
    w.settle();
    w.net.weather = Weather::Fair;
    w.customer_writes(&own, "m1");
    w.settle();
    let its = w.ticket_of(&own).expect("a ticket of its own");
    assert_ne!(its, ticket);
}

#[test]
fn a_refused_start_means_busy_if_an_event_shows_another_conversation() {
    for status in [400, 409, 422] {
        let mut w = World::new();
        w.net.weather = Weather::Kept;
        let own = w.ana_starts();
        let told = w.net.kept.remove(0);
        w.net.weather = Weather::Fair;
        w.faults.next("start", Fault::Refuse(status));
        let ticket = w.agent_asks();
        w.pass(Duration::from_secs(20));
        w.deliver(told);
        w.settle();
        assert!(w.parked().is_empty(), "{status}\n{}", w.tale());
        assert_eq!(w.notes(&ticket).len(), 1, "{}", w.tale());
        w.ends(&own, "closed_by_operator");
        w.settle();
        assert!(w.talk_of(&ticket).is_some(), "{}", w.tale());
    }
}

#[test]
fn a_refused_start_that_nothing_explains_is_parked_and_told() {
    for status in [400, 403, 404, 409, 422] {
        let mut w = World::new();
        w.faults.next("start", Fault::Refuse(status));
        let ticket = w.agent_asks();
        w.settle();
        assert_eq!(w.parked_for(), ["refused"], "{status}");
        assert_eq!(w.notes(&ticket).len(), 1);
        assert!(w.notes(&ticket)[0].contains(&status.to_string()));
    }
}

#[test]
fn a_parked_start_holds_its_own_link_only() {
    let mut w = World::new();
    w.faults.next("start", Fault::Refuse(404));
    let first = w.agent_asks();
    w.settle();
    assert_eq!(w.parked_for(), ["refused"]);
    let second = w.agent_asks();
    w.settle();
    assert!(w.talk_of(&first).is_none());
    assert!(w.talk_of(&second).is_some());
}

#[test]
fn while_a_start_is_on_its_way_no_other_is_begun() {
    let mut w = World::new();
    w.faults.next("start", Fault::Cut);
    w.agent_asks();
    w.moment();
    w.agent_asks();
    w.pass(Duration::from_secs(50));
    assert_eq!(w.intents(Operation::Start).len(), 1);
    w.settle();
    assert_eq!(w.active().len(), 1);
}

#[test]
fn a_ticket_that_asks_no_more_while_it_waits_for_a_busy_customer_gets_no_conversation() {
    let mut w = World::new();
    let (talk, _) = w.linked_from_conversation();
    let ticket = w.agent_asks();
    w.moment();
    assert!(w.live_link(&ticket).is_some(), "it waits");
    w.agent_tags(&ticket, &[]);
    w.settle();
    assert!(w.live_link(&ticket).is_none(), "{}", w.tale());
    w.ends(&talk, "closed_by_operator");
    w.settle();
    assert!(w.talk_of(&ticket).is_none(), "{}", w.tale());
}

/// Found by the simulator (96446): after the ticket's end nobody looked at its conversation any more.
#[test]
fn a_conversation_whose_ticket_is_gone_is_looked_at_until_it_ends() {
    let mut w = World::new();
    let (talk, ticket) = w.linked_from_conversation();
    w.desk.records.get_mut(&ticket).unwrap().gone = true;
    w.customer_writes(&talk, "m1");
    w.settle();
    assert!(w.live_link(&ticket).is_none(), "{}", w.tale());
    let other = w.agent_asks();
    w.moment();
    assert_eq!(w.live_link(&other).unwrap().state(), "waiting_busy");
    w.net.weather = Weather::Lost;
    w.ends(&talk, "expired");
    w.sweep();
    w.settle();
    assert!(w.talk_of(&other).is_some(), "{}", w.tale());
}

// Found by history 2999: the end of a conversation without a ticket was lost, and its customer counted as busy for a day.
#[test]
fn a_conversation_without_a_ticket_is_looked_at_while_it_keeps_a_ticket_waiting() {
    let mut w = World::new();
    let (talk, ticket) = w.linked_from_conversation();
    let link = w.live_link(&ticket).unwrap().id;
    w.order(Order::Unlink { link });
    w.settle();
    let other = w.agent_asks();
    w.moment();
    assert_eq!(w.live_link(&other).unwrap().state(), "waiting_busy");
    w.net.weather = Weather::Lost;
    w.ends(&talk, "expired");
    w.hours(1);
    assert!(w.talk_of(&other).is_some(), "{}", w.tale());
}

// Found by the disk campaign: while nothing could be stored, both the start and the end of the customer's own
// conversation were told late.
#[test]
fn a_conversation_that_went_on_when_a_start_was_refused_explains_it_also_when_it_is_over_by_now() {
    let mut w = World::new();
    w.jelou.second = Second::Refused;
    w.net.weather = Weather::Kept;
    let own = w.ana_starts();
    let began = w.net.kept.remove(0);
    let ticket = w.agent_asks();
    let asked = w.net.kept.remove(0);
    w.deliver(asked);
    w.moment();
    w.ends(&own, "expired");
    let ended = w.net.kept.remove(0);
    w.net.weather = Weather::Fair;
    w.deliver(began);
    w.deliver(ended);
    w.settle();
    assert!(
        w.parked_for().is_empty(),
        "{:?}\n{}",
        w.parked_for(),
        w.tale()
    );
    assert!(w.talk_of(&ticket).is_some(), "{}", w.tale());
}

#[test]
fn a_refusal_whose_meaning_is_found_out_first_is_not_told_as_an_unknown_outcome() {
    let mut w = World::new();
    w.faults.next("start", Fault::Refuse(422));
    w.agent_asks();
    w.settle();
    assert!(
        w.was_told("Jelou said no: refused with 422"),
        "{}",
        w.tale()
    );
    assert!(w.was_told("; looking whether the customer is in another conversation"));
    assert!(!w.was_told("Outcome unknown"), "{}", w.tale());
    let mut w = World::new();
    let (ticket, _) = w.linked_from_ticket();
    w.faults.next("close", Fault::Refuse(422));
    w.agent_sets(&ticket, "solved");
    w.settle();
    assert!(w.was_told("; looking whether the conversation has ended"));
    assert!(!w.was_told("Outcome unknown"), "{}", w.tale());
}

// A reader's find: each refusal was explained by the conversation before, twenty starts went out at once, and the
// halt held everybody's.
#[test]
fn a_start_that_is_refused_for_good_after_a_conversation_is_parked_and_not_tried_again_and_again() {
    let mut w = World::new();
    let (own, _) = w.linked_from_conversation();
    w.ends(&own, "expired");
    w.moment();
    w.faults.always("start", Fault::Refuse(422));
    w.agent_asks();
    w.settle();
    assert_eq!(w.parked_for(), ["refused"], "{}", w.tale());
    assert_eq!(w.intents(Operation::Start).len(), 1, "{}", w.tale());
}
