//! What happens after the end: the policies of reopening.

use crate::world::{ANA, World, faults::Fault, jelou::Second, net::Weather};
use bridge_core::effect::Operation;
use serde_json::{Value, json};
use std::time::Duration;

/// A ticket that was solved and whose conversation is closed, and the mapping that says how on.
fn solved(over: &Value) -> (World, bridge_core::ids::TicketId) {
    let mut w = World::with(over);
    let (ticket, _) = w.linked_from_ticket();
    w.agent_sets(&ticket, "solved");
    w.settle();
    assert!(w.active().is_empty());
    (w, ticket)
}

fn writes_after(choice: &str) -> Value {
    json!({"ticket": {"customer_writes_after_close": choice}})
}

#[test]
fn a_reopened_ticket_waits_until_the_customer_writes() {
    let (mut w, ticket) = solved(&json!({}));
    w.agent_sets(&ticket, "open");
    w.settle();
    assert!(w.active().is_empty());
    let talk = w.ana_starts();
    w.settle();
    assert_eq!(w.ticket_of(&talk), Some(ticket));
}

#[test]
fn a_reopened_ticket_starts_anew_where_the_operator_says_so() {
    let (mut w, ticket) = solved(&json!({"conversation": {"ticket_reopened": "start"}}));
    for round in 2..5 {
        w.agent_sets(&ticket, "open");
        w.settle();
        assert_eq!(w.talks().len(), round, "{}", w.tale());
        assert!(w.talk_of(&ticket).unwrap().is_active());
        w.agent_sets(&ticket, "solved");
        w.settle();
        assert!(w.active().is_empty());
    }
}

#[test]
fn a_ticket_solved_by_hand_after_its_conversation_ended_can_be_reopened_too() {
    let mut w = World::with(&json!({"conversation": {"ticket_reopened": "start"}}));
    let (ticket, talk) = w.linked_from_ticket();
    w.ends(&talk, "expired");
    w.settle();
    assert_eq!(w.status(&ticket), "pending");
    w.agent_sets(&ticket, "solved");
    w.settle();
    w.agent_sets(&ticket, "open");
    w.settle();
    assert_eq!(w.active().len(), 1, "{}", w.tale());
}

#[test]
fn a_ticket_solved_while_it_waited_starts_when_it_is_reopened() {
    let mut w = World::with(&json!({"conversation": {"ticket_reopened": "start"}}));
    let talk = w.ana_starts();
    w.moment();
    let ticket = w.agent_asks();
    w.moment();
    w.agent_sets(&ticket, "solved");
    w.moment();
    w.ends(&talk, "closed_by_operator");
    w.settle();
    assert!(w.active().is_empty());
    w.agent_sets(&ticket, "open");
    w.settle();
    assert!(w.talk_of(&ticket).is_some(), "{}", w.tale());
}

#[test]
fn a_new_conversation_reopens_the_solved_ticket() {
    let (mut w, ticket) = solved(&writes_after("reopen"));
    let talk = w.ana_starts();
    w.settle();
    assert_eq!(w.ticket_of(&talk), Some(ticket.clone()), "{}", w.tale());
    assert_eq!(w.status(&ticket), "open");
    assert!(w.jelou.talks[&talk].is_active());
}

#[test]
fn a_new_conversation_is_appended_to_the_solved_ticket() {
    let (mut w, ticket) = solved(&writes_after("append"));
    let talk = w.ana_starts();
    w.settle();
    assert_eq!(w.ticket_of(&talk), Some(ticket.clone()));
    assert_eq!(w.status(&ticket), "solved");
    assert!(
        w.jelou.talks[&talk].is_active(),
        "a ticket's status of before moves nothing"
    );
}

#[test]
fn a_new_conversation_makes_a_new_ticket_that_names_the_old() {
    let (mut w, ticket) = solved(&writes_after("new"));
    let talk = w.ana_starts();
    w.settle();
    let made = w.ticket_of(&talk).unwrap();
    assert_ne!(made, ticket);
    assert!(w.description(&made).contains("Follows ticket t1."));
    assert_eq!(w.status(&ticket), "solved");
}

#[test]
fn too_late_the_customer_gets_a_new_ticket_that_names_the_old() {
    let (mut w, ticket) = solved(&writes_after("reopen"));
    w.hours(73);
    let talk = w.ana_starts();
    w.settle();
    let made = w.ticket_of(&talk).unwrap();
    assert_ne!(made, ticket);
    assert!(w.description(&made).contains("Follows ticket t1."));
}

#[test]
fn a_final_ticket_is_followed_by_a_new_one() {
    let (mut w, ticket) = solved(&writes_after("reopen"));
    w.agent_sets(&ticket, "closed");
    w.settle();
    let talk = w.ana_starts();
    w.settle();
    let made = w.ticket_of(&talk).unwrap();
    assert_ne!(made, ticket);
    assert!(w.description(&made).contains("Follows ticket t1."));
    assert!(w.parked().is_empty());
}

#[test]
fn a_message_written_after_the_close_reopens_the_ticket() {
    let (mut w, ticket) = solved(&writes_after("reopen"));
    w.pass(Duration::from_secs(5));
    let talk = w.jelou.talks.keys().next().unwrap().clone();
    w.customer_writes(&talk, "late");
    w.settle();
    assert_eq!(w.status(&ticket), "open", "{}", w.tale());
    assert_eq!(w.desk.records.len(), 1);
    w.agent_sets(&ticket, "solved");
    w.settle();
    assert_eq!(w.status(&ticket), "solved", "one message reopens it once");
}

#[test]
fn a_message_written_before_the_close_and_delivered_after_is_only_a_comment() {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    w.net.weather = Weather::Kept;
    w.customer_writes(&talk, "early");
    let late = w.net.kept.remove(0);
    w.net.weather = Weather::Fair;
    w.pass(Duration::from_secs(5));
    w.agent_sets(&ticket, "solved");
    w.settle();
    w.deliver(late);
    w.settle();
    assert_eq!(w.status(&ticket), "solved", "{}", w.tale());
    assert_eq!(w.messages().len(), 1, "and it is kept");
}

#[test]
fn a_late_message_counts_even_if_the_closes_own_event_was_lost() {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    w.net.weather = Weather::Lost;
    let event = w.desk.change(&ticket, false, w.now, |t| {
        t.status = bridge_core::ticket::Status::new("solved");
    });
    w.deliver(event);
    w.settle();
    assert!(w.active().is_empty());
    w.net.weather = Weather::Fair;
    w.customer_writes(&talk, "late");
    w.settle();
    assert_eq!(w.status(&ticket), "open", "{}", w.tale());
}

#[test]
fn the_conversations_end_before_the_reopening_went_out_leaves_the_ticket_as_the_reason_says() {
    let (mut w, ticket) = solved(&writes_after("reopen"));
    w.faults.down.insert(bridge_core::event::Side::Ticketing);
    let talk = w.ana_starts();
    w.pass(Duration::from_secs(5));
    w.ends(&talk, "expired");
    w.pass(Duration::from_secs(60));
    w.faults.heal();
    w.settle();
    assert_eq!(w.status(&ticket), "pending", "{}", w.tale());
    let _ = ANA;
}

#[test]
fn a_late_link_field_does_not_hide_the_next_conversation() {
    let mut w = World::with(&writes_after("append"));
    w.faults.next("link_field", Fault::Later(Some(60)));
    let ticket = w.agent_asks();
    w.pass(Duration::from_secs(3));
    w.agent_sets(&ticket, "solved");
    w.pass(Duration::from_secs(3));
    assert!(w.active().is_empty(), "{}", w.tale());
    let talk = w.ana_starts();
    w.settle();
    assert_eq!(w.ticket_of(&talk), Some(ticket.clone()));
    let named = &w.desk.records[&ticket].ticket.link_field;
    assert_eq!(named.as_ref(), Some(&talk), "{}", w.tale());
}

/// Found by the simulator, history 465730.
#[test]
fn a_dead_bridges_link_field_does_not_hide_the_next_conversation() {
    let mut w = World::with(&writes_after("append"));
    w.faults.next("link_field", Fault::CrashBefore);
    let ticket = w.agent_asks();
    w.pass(Duration::from_secs(2));
    let first = w.only_talk();
    w.agent_sets(&ticket, "solved");
    w.pass(Duration::from_secs(2));
    assert!(w.active().is_empty(), "{}", w.tale());
    let next = w.ana_starts();
    w.pass(Duration::from_secs(2));
    // What the dead bridge had sent takes its time, within its call's deadline.
    w.agent_changes(&ticket, |t| t.link_field = Some(first));
    w.settle();
    assert_eq!(w.ticket_of(&next), Some(ticket.clone()));
    let named = &w.desk.records[&ticket].ticket.link_field;
    assert_eq!(named.as_ref(), Some(&next), "{}", w.tale());
}

#[test]
fn a_reopening_whose_answer_was_lost_is_no_move_of_the_agents() {
    let (mut w, ticket) = solved(&writes_after("reopen"));
    w.faults.next("status", Fault::CrashAfter);
    let talk = w.ana_starts();
    w.pass(Duration::from_secs(3));
    assert_eq!(w.status(&ticket), "open");
    w.ends(&talk, "closed_by_operator");
    w.settle();
    assert_eq!(w.status(&ticket), "solved", "{}", w.tale());
}

#[test]
fn a_ticket_reopened_while_it_was_looked_up_for_another_conversation_has_one_link() {
    let mut w = World::with(&json!({"conversation": {"ticket_reopened": "start"}}));
    let (ticket, talk) = w.linked_from_ticket();
    w.agent_sets(&ticket, "solved");
    w.settle();
    assert!(!w.jelou.talks[&talk].is_active());
    w.net.weather = Weather::Kept;
    w.agent_sets(&ticket, "open");
    w.ana_starts();
    let began = w.net.kept.pop().unwrap();
    w.net.weather = Weather::Fair;
    w.deliver(began);
    w.settle();
    let live = w.links();
    let live = live.iter().filter(|l| l.is_live());
    let holders = live.filter(|l| l.ticket_id() == Some(&ticket)).count();
    assert_eq!(holders, 1, "{}", w.tale());
}

#[test]
fn a_reopening_that_was_done_and_is_wanted_no_more_is_no_move_of_the_agents() {
    for fault in [Fault::CrashAfter, Fault::DoThenCut] {
        let (mut w, ticket) = solved(&writes_after("reopen"));
        w.faults.next("status", fault);
        w.net.weather = Weather::Kept;
        let talk = w.ana_starts();
        let began = w.net.kept.remove(0);
        w.net.weather = Weather::Fair;
        w.ends(&talk, "expired");
        // Its own echo never comes.
        w.net.weather = Weather::Lost;
        w.deliver(began);
        w.settle();
        assert_eq!(w.status(&ticket), "pending", "{fault:?}\n{}", w.tale());
    }
}

#[test]
fn a_start_event_that_comes_after_the_end_is_not_taken_for_the_next_start() {
    let mut w = World::with(&json!({"conversation": {"ticket_reopened": "start"}}));
    w.net.weather = Weather::Kept;
    let ticket = w.agent_asks();
    let asked = w.net.kept.remove(0);
    w.deliver(asked);
    w.pass(Duration::from_secs(10));
    let first = w.only_talk();
    let began = w.net.kept.remove(0);
    w.net.weather = Weather::Fair;
    w.agent_sets(&ticket, "solved");
    w.settle();
    assert!(w.active().is_empty(), "{}", w.tale());
    w.faults.next("start", Fault::Cut);
    w.agent_sets(&ticket, "open");
    w.pass(Duration::from_secs(3));
    w.deliver(began);
    w.settle();
    assert_eq!(w.status(&ticket), "open", "{}", w.tale());
    let talk = w.talk_of(&ticket).expect("the ticket was open again");
    assert_ne!(talk.conversation.id, first);
    assert!(talk.is_active());
}

/// Found by the simulator, history 959963.
#[test]
fn a_start_whose_ticket_has_got_its_earlier_starts_conversation_is_not_tried_again() {
    let mut w = World::new();
    w.faults.next("start", Fault::DoThenCut);
    let (ticket, started) = w.agent_asks_and_the_start_event_is_late();
    w.agent_tags(&ticket, &[]);
    w.pass(Duration::from_secs(70));
    w.faults.next("start", Fault::Cut);
    w.agent_tags(&ticket, &["whatsapp"]);
    w.moment();
    w.deliver(started);
    w.settle();
    assert!(w.talk_of(&ticket).is_some(), "{}", w.tale());
    let starts = w.intents(bridge_core::effect::Operation::Start);
    let tries: Vec<u32> = starts.iter().map(|i| i.attempts).collect();
    assert_eq!(tries, [1, 1], "{}", w.tale());
    assert!(w.parked().is_empty());
}

/// Found by the simulator, history 424984.
#[test]
fn a_link_that_its_conversation_brings_back_looks_at_its_ticket_anew() {
    let mut w = World::new();
    w.faults.next("start", Fault::DoThenCut);
    let (ticket, started) = w.agent_asks_and_the_start_event_is_late();
    w.agent_tags(&ticket, &[]);
    w.pass(Duration::from_secs(70));
    assert!(w.live_link(&ticket).is_none(), "{}", w.tale());
    w.net.weather = Weather::Lost;
    w.agent_sets(&ticket, "solved");
    w.faults.always("link_field", Fault::Refuse(422));
    let talk = w.only_talk();
    w.deliver(started);
    w.settle();
    assert_eq!(w.ticket_of(&talk), Some(ticket), "{}", w.tale());
    assert!(!w.jelou.talks[&talk].is_active(), "{}", w.tale());
}

/// Found by history 4687455: the reopened ticket got the one that was over, and what it had begun was taken for
/// a double.
#[test]
fn a_reopened_ticket_does_not_get_what_was_over_before_it_was_reopened() {
    let mut w = World::with(&json!({"conversation": {"ticket_reopened": "start"}}));
    w.faults.next("start", Fault::Cut);
    w.silent = true;
    let ticket = w.agent_asks();
    w.moment();
    // By chance she begins one by herself just then, and of that only the end will be told.
    w.net.weather = Weather::Lost;
    let own = w.ana_starts();
    w.net.weather = Weather::Kept;
    w.ends(&own, "expired");
    let ended = w.net.kept.remove(0);
    w.net.weather = Weather::Fair;
    w.pass(Duration::from_secs(120));
    assert_eq!(w.parked_for(), ["unknown_outcome"], "{}", w.tale());
    w.agent_sets(&ticket, "solved");
    w.pass(Duration::from_secs(60));
    w.net.weather = Weather::Kept;
    w.agent_sets(&ticket, "open");
    let opened = w.net.kept.remove(0);
    w.deliver(opened);
    w.moment();
    w.net.kept.clear();
    w.net.weather = Weather::Fair;
    w.deliver(ended);
    w.settle();
    let talk = w.talk_of(&ticket).expect("it has its own");
    assert_ne!(talk.conversation.id, own, "{}", w.tale());
    assert!(talk.is_active(), "{}", w.tale());
    assert_eq!(w.status(&ticket), "open", "{}", w.tale());
    let doubled = |note: &String| note.contains("second conversation");
    assert!(!w.notes(&ticket).iter().any(doubled), "{}", w.tale());
}

/// Found by history 5816637: the second went out as if nothing were in doubt.
#[test]
fn a_start_for_a_reopened_ticket_is_flagged_while_nobody_knows_what_became_of_the_first() {
    let mut w = World::with(&json!({"conversation": {"ticket_reopened": "start"}}));
    w.jelou.second = Second::Beside;
    w.silent = true;
    w.faults.next("start", Fault::DoThenCut);
    w.net.weather = Weather::Kept;
    let ticket = w.agent_asks();
    let asked = w.net.kept.remove(0);
    w.deliver(asked);
    w.pass(Duration::from_secs(120));
    assert_eq!(w.parked_for(), ["unknown_outcome"], "{}", w.tale());
    w.net.kept.clear();
    w.net.weather = Weather::Fair;
    w.agent_sets(&ticket, "solved");
    w.pass(Duration::from_secs(60));
    w.agent_sets(&ticket, "open");
    w.settle();
    assert_eq!(w.active().len(), 2, "{}", w.tale());
    let starts = w.intents(Operation::Start);
    assert!(starts.iter().any(|i| i.possible_duplicate), "{}", w.tale());
}
