//! What a person orders: `parked retry`, `parked discard`, `link`, `unlink`.

use crate::world::{ANA, World, faults::Fault, net::Weather};
use bridge_core::{
    call::Resolve, effect::Operation, ids::IntentId, intent::IntentState, lane::Order,
};
use std::time::Duration;

fn refused_start() -> (World, bridge_core::ids::TicketId, IntentId) {
    let mut w = World::new();
    w.faults.next("start", Fault::Refuse(404));
    let ticket = w.agent_asks();
    w.settle();
    let intent = w.parked().remove(0).id;
    (w, ticket, intent)
}

fn link(
    w: &World,
    ticket: &bridge_core::ids::TicketId,
    talk: &bridge_core::ids::ConversationId,
) -> Order {
    Order::Link {
        conversation: Box::new(w.jelou.read(talk).unwrap()),
        ticket: Box::new(w.desk.read(ticket).unwrap()),
    }
}

#[test]
fn a_retried_start_is_done_once_however_often_it_is_ordered() {
    let (mut w, ticket, intent) = refused_start();
    for _ in 0..3 {
        w.order(Order::Retry {
            intent: intent.clone(),
        });
    }
    w.settle();
    assert!(w.talk_of(&ticket).is_some());
    assert_eq!(w.talks().len(), 1);
    assert!(w.parked().is_empty());
}

#[test]
fn a_discarded_start_is_given_up_for_good() {
    let (mut w, ticket, intent) = refused_start();
    for _ in 0..3 {
        w.order(Order::Discard {
            intent: intent.clone(),
        });
    }
    w.order(Order::Retry { intent });
    w.settle();
    w.sweep();
    assert!(w.talks().is_empty());
    assert!(w.parked().is_empty());
    assert!(w.live_link(&ticket).is_none());
}

/// Found by the simulator, history 864374: the refused start counted as one that may have worked.
#[test]
fn a_refused_start_that_was_retried_claims_no_conversation() {
    let mut w = World::new();
    w.faults.next("start", Fault::Refuse(404));
    w.faults.next("start", Fault::Cut);
    let ticket = w.agent_asks();
    w.moment();
    let intent = w.parked().remove(0).id;
    w.order(Order::Retry { intent });
    w.net.weather = Weather::Lost;
    let talk = w.ana_starts();
    w.net.weather = Weather::Fair;
    w.customer_writes(&talk, "m1");
    w.pass(Duration::from_secs(10));
    w.ends(&talk, "expired");
    w.settle();
    assert_eq!(w.ticket_of(&talk), Some(ticket));
    assert_eq!(
        w.talks().len(),
        1,
        "its later try is settled:\n{}",
        w.tale()
    );
}

/// Found by the simulator, history 864374.
#[test]
fn a_start_of_an_unlinked_ticket_is_not_tried_again() {
    let mut w = World::new();
    w.faults.next("start", Fault::Cut);
    let ticket = w.agent_asks();
    w.moment();
    let link = w.live_link(&ticket).unwrap().id;
    w.order(Order::Unlink { link });
    w.settle();
    assert!(w.talks().is_empty(), "{}", w.tale());
    assert!(w.parked().is_empty());
}

#[test]
fn a_retried_close_and_a_retried_status_are_done() {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    w.faults.next("close", Fault::Refuse(422));
    w.agent_sets(&ticket, "solved");
    w.settle();
    let intent = w.parked().remove(0).id;
    w.order(Order::Retry { intent });
    w.settle();
    assert!(!w.jelou.talks[&talk].is_active());

    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    w.faults.next("status", Fault::Refuse(422));
    w.ends(&talk, "expired");
    w.settle();
    let intent = w.parked().remove(0).id;
    w.order(Order::Retry { intent });
    w.settle();
    assert_eq!(w.status(&ticket), "pending");
}

fn a_close_given_up() -> (
    World,
    bridge_core::ids::TicketId,
    bridge_core::ids::ConversationId,
) {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    w.faults.next("close", Fault::Refuse(422));
    w.agent_sets(&ticket, "solved");
    w.settle();
    let intent = w.parked().remove(0).id;
    w.order(Order::Discard { intent });
    w.settle();
    w.sweep();
    assert!(w.jelou.talks[&talk].is_active(), "{}", w.tale());
    assert!(w.live_link(&ticket).is_some(), "{}", w.tale());
    (w, ticket, talk)
}

/// Found by a reader: it was never planned, as the one that was given up had its place.
#[test]
fn after_a_close_was_given_up_the_next_one_is_done() {
    let (mut w, ticket, talk) = a_close_given_up();
    for status in ["open", "solved"] {
        w.agent_sets(&ticket, status);
        w.settle();
    }
    assert!(!w.jelou.talks[&talk].is_active(), "{}", w.tale());
}

#[test]
fn so_it_is_where_the_ticket_was_opened_and_solved_before_anybody_looked() {
    let (mut w, ticket, talk) = a_close_given_up();
    w.agent_sets(&ticket, "open");
    w.agent_sets(&ticket, "solved");
    w.settle();
    assert!(!w.jelou.talks[&talk].is_active(), "{}", w.tale());
}

#[test]
fn a_pair_whose_close_was_given_up_ends_with_its_conversation() {
    let (mut w, ticket, talk) = a_close_given_up();
    w.ends(&talk, "expired");
    w.settle();
    assert!(w.live_link(&ticket).is_none(), "{}", w.tale());
    assert_eq!(w.status(&ticket), "solved", "{}", w.tale());
}

#[test]
fn a_retried_create_is_done() {
    let mut w = World::new();
    w.faults.next("create", Fault::Refuse(422));
    let talk = w.ana_starts();
    w.settle();
    let intent = w.parked().remove(0).id;
    w.order(Order::Retry { intent });
    w.settle();
    assert!(w.ticket_of(&talk).is_some());
    assert_eq!(w.desk.records.len(), 1);
}

#[test]
fn an_unlinked_pair_is_left_alone() {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    let link = w.live_link(&ticket).unwrap().id;
    w.order(Order::Unlink { link });
    w.settle();
    w.agent_sets(&ticket, "solved");
    w.customer_writes(&talk, "m1");
    w.settle();
    w.sweep();
    assert!(w.jelou.talks[&talk].is_active());
    assert_eq!(w.desk.records.len(), 1);
}

#[test]
fn a_pair_that_a_person_links_is_kept_in_step() {
    let mut w = World::new();
    let ticket = w.agent_makes(ANA, "pending", &[]);
    w.net.weather = Weather::Lost;
    let talk = w.ana_starts();
    w.net.weather = Weather::Fair;
    let order = link(&w, &ticket, &talk);
    w.order(order);
    w.settle();
    assert_eq!(
        w.desk.records[&ticket].ticket.link_field,
        Some(talk.clone())
    );
    w.agent_sets(&ticket, "solved");
    w.settle();
    assert!(!w.jelou.talks[&talk].is_active());
}

#[test]
fn linking_settles_a_start_that_was_parked_as_unknown() {
    let mut w = World::new();
    w.silent = true;
    w.faults.next("start", Fault::DoThenCut);
    w.net.weather = Weather::Kept;
    let ticket = w.agent_asks();
    let asked = w.net.kept.remove(0);
    w.deliver(asked);
    w.settle();
    let talk = w.only_talk();
    let order = link(&w, &ticket, &talk);
    w.order(order);
    w.settle();
    assert!(w.parked().is_empty());
    assert_eq!(w.talk_of(&ticket).unwrap().conversation.id, talk);
    w.settle();
    assert_eq!(w.talks().len(), 1);
}

#[test]
fn a_conversation_linked_by_hand_leaves_the_ticket_it_had() {
    let mut w = World::new();
    let (talk, first) = w.linked_from_conversation();
    let ticket = w.agent_makes(ANA, "open", &[]);
    w.settle();
    let order = link(&w, &ticket, &talk);
    w.order(order);
    w.settle();
    assert_eq!(w.talk_of(&ticket).unwrap().conversation.id, talk);
    assert!(w.live_link(&first).is_none());
    assert_eq!(w.intents(Operation::Start).len(), 0);
}

/// Found by history 4373741: it was made a second time at once.
#[test]
fn a_retried_create_whose_look_up_was_refused_is_looked_up_first() {
    for still_refused in [false, true] {
        let mut w = World::new();
        w.capabilities.create = Resolve::DirectLookup;
        w.faults.next("create", Fault::DoThenCut);
        w.faults
            .always("tickets_by_conversation", Fault::Refuse(403));
        w.net.weather = Weather::Kept;
        let talk = w.ana_starts();
        let began = w.net.kept.remove(0);
        w.net.weather = Weather::Lost;
        w.deliver(began);
        w.settle();
        assert_eq!(w.parked_for(), ["refused"]);
        if !still_refused {
            w.faults.heal();
        }
        let intent = w.parked().remove(0).id;
        w.order(Order::Retry { intent });
        w.settle();
        assert_eq!(w.desk.records.len(), 1, "{}", w.tale());
        assert_eq!(w.ticket_of(&talk).is_some(), !still_refused, "{}", w.tale());
        // What still cannot be looked up waits for a person again.
        assert_eq!(w.parked().len(), usize::from(still_refused), "{}", w.tale());
    }
}

/// Found by a reader: what the safety halt had let go once was never counted again.
#[test]
fn a_status_that_is_tried_again_is_planned_anew_so_that_the_halt_counts_it() {
    let mut w = World::new();
    let (talk, ticket) = w.linked_from_conversation();
    w.faults.always("ticket", Fault::Refuse(422));
    w.ends(&talk, "expired");
    w.hours(1);
    let parked = w.parked().remove(0).id;
    w.faults.heal();
    let now = w.now;
    w.order(Order::Retry { intent: parked });
    w.settle();
    let status = w.intents(Operation::Status).remove(0);
    assert!(status.planned_at >= now, "{}", w.tale());
    assert_eq!(status.state, IntentState::Confirmed, "{}", w.tale());
    assert_ne!(w.status(&ticket), "open");
}
