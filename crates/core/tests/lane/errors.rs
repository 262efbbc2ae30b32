//! Errors, sorted by what must come next (rule 15), and loops (rule 14).

use crate::world::{ANA, World, faults::Fault, net::Weather};
use bridge_core::{
    effect::Operation,
    event::Side,
    intent::IntentState,
    lane::{CREDENTIAL_PROBE_EVERY, EntryKind, Order},
    ticket::Status,
};
use serde_json::json;
use std::time::Duration;

#[test]
fn a_refused_credential_holds_the_call_and_uses_no_attempts() {
    let mut w = World::new();
    w.faults.locked.insert(Side::Jelou);
    let ticket = w.agent_asks();
    w.hours(100);
    let start = w.intents(Operation::Start).remove(0);
    assert_eq!((start.state, start.attempts), (IntentState::Planned, 0));
    let held = w.bridge.lanes.values().next().unwrap().held_by.clone();
    assert_eq!(held.as_deref(), Some("credential.jelou"));
    w.faults.heal();
    w.pass(CREDENTIAL_PROBE_EVERY + Duration::from_secs(1));
    assert!(w.talk_of(&ticket).is_some(), "it resumes alone");
    assert_eq!(w.intents(Operation::Start)[0].attempts, 1);
}

#[test]
fn a_refused_credential_of_one_side_does_not_hold_the_other() {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    w.faults.locked.insert(Side::Ticketing);
    w.agent_sets(&ticket, "solved");
    w.settle();
    assert!(!w.jelou.talks[&talk].is_active());
}

#[test]
fn a_side_that_is_down_is_tried_until_the_time_is_up_and_then_parked() {
    let mut w = World::new();
    w.faults.down.insert(Side::Jelou);
    w.agent_asks();
    w.hours(71);
    assert!(w.parked().is_empty());
    w.hours(2);
    assert_eq!(w.parked_for(), ["retries_exhausted"]);
}

#[test]
fn a_side_that_comes_back_after_a_day_is_served_within_a_minute() {
    let mut w = World::new();
    w.faults.down.insert(Side::Jelou);
    let ticket = w.agent_asks();
    w.hours(24);
    w.faults.heal();
    w.pass(Duration::from_secs(61));
    assert!(w.talk_of(&ticket).is_some());
}

#[test]
fn a_status_that_is_refused_diverges_is_told_and_not_planned_again() {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    w.faults.always("status", Fault::Refuse(422));
    w.ends(&talk, "expired");
    w.hours(5);
    assert_eq!(w.parked_for(), ["refused"]);
    assert_eq!(w.intents(Operation::Status)[0].attempts, 1);
    assert_eq!(w.notes(&ticket).len(), 1);
    let link = w.links().remove(0);
    assert_eq!(link.diverged.len(), 1);
    assert!(!link.is_live(), "the conversation is over all the same");
}

#[test]
fn a_404_on_a_ticket_that_is_there_is_a_refusal() {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    w.faults.always("status", Fault::Gone);
    w.ends(&talk, "expired");
    w.settle();
    assert_eq!(w.parked_for(), ["refused"], "{}", w.tale());
    assert_eq!(w.status(&ticket), "open");
}

#[test]
fn a_status_whose_outcome_is_unknown_is_set_again() {
    for fault in [
        Fault::Cut,
        Fault::DoThenCut,
        Fault::CrashAfter,
        Fault::CrashBefore,
    ] {
        let mut w = World::new();
        let (ticket, talk) = w.linked_from_ticket();
        w.faults.next("status", fault);
        w.ends(&talk, "expired");
        w.settle();
        assert_eq!(w.status(&ticket), "pending", "{fault:?}\n{}", w.tale());
        assert!(w.links().iter().all(|l| !l.is_live()));
    }
}

#[test]
fn an_agents_move_during_a_failing_write_is_seen_before_the_next_try() {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    w.faults.down.insert(Side::Ticketing);
    w.ends(&talk, "expired");
    w.pass(Duration::from_secs(100));
    w.net.weather = Weather::Lost;
    w.agent_sets(&ticket, "solved");
    w.faults.heal();
    w.settle();
    assert_eq!(w.status(&ticket), "solved", "the ticket wins\n{}", w.tale());
}

#[test]
fn a_failing_link_field_does_not_keep_the_conversation_open() {
    let mut w = World::new();
    w.faults.always("link_field", Fault::Later(None));
    let ticket = w.agent_asks();
    w.moment();
    w.agent_sets(&ticket, "solved");
    w.pass(Duration::from_secs(60));
    assert!(w.active().is_empty());
}

fn reopen_at_once(status: &Status) -> Option<Status> {
    (status.as_str() == "solved").then(|| Status::new("open"))
}

#[test]
fn two_systems_that_answer_each_other_are_stopped() {
    let mut w = World::with(&json!({"conversation": {"ticket_reopened": "start"}}));
    let (ticket, _) = w.linked_from_ticket();
    w.faults.heal();
    // A rule at the desk: whenever our conversation's ticket is open, solve it; and the bridge
    // starts a conversation whenever it is reopened.
    for _ in 0..60 {
        w.agent_sets(&ticket, "solved");
        w.pass(Duration::from_millis(500));
        w.agent_sets(&ticket, "open");
        w.pass(Duration::from_millis(500));
    }
    assert!(w.parked_for().contains(&"loop".to_owned()), "{}", w.tale());
    assert!(w.jelou.writes.len() <= 45, "{}", w.jelou.writes.len());
}

#[test]
fn an_automation_that_undoes_our_status_does_not_make_a_storm() {
    let mut w = World::new();
    w.desk.automation = Some(reopen_at_once);
    let (ticket, talk) = w.linked_from_ticket();
    w.ends(&talk, "closed_by_operator");
    w.settle();
    w.sweep();
    w.sweep();
    assert_eq!(w.status(&ticket), "open");
    let sets = w
        .desk
        .writes
        .iter()
        .filter(|x| x.starts_with("status"))
        .count();
    assert_eq!(sets, 1, "{}", w.tale());
}

#[test]
fn a_rule_that_fails_on_a_ticket_is_told_once_in_its_timeline() {
    let mut w = World::with(
        &json!({"conversation": {"open_when": "(1 // (0 if ticket.priority == 'boom' else 1)) == 1"}}),
    );
    w.net.weather = Weather::Lost;
    let ticket = w.agent_makes(ANA, "open", &["whatsapp"]);
    w.net.weather = Weather::Fair;
    w.agent_changes(&ticket, |t| {
        t.priority = Some("boom".to_owned());
    });
    w.settle();
    w.sweep();
    w.sweep();
    assert!(w.talks().is_empty());
    let told = w.bridge.journal.iter();
    let told = told.filter(|e| e.kind == EntryKind::Alarm && e.sentence.contains("open_when"));
    assert_eq!(told.count(), 1, "{}", w.tale());
}

#[test]
fn a_start_that_the_mapping_cannot_write_is_told_on_the_ticket() {
    let mut w = World::with(&json!({"conversation": {
        "initial_message": "{{ 1 // (0 if ticket.status == 'pending' else 1) }}",
    }}));
    let ticket = w.agent_makes(ANA, "pending", &["whatsapp"]);
    w.settle();
    assert!(w.talks().is_empty());
    assert_eq!(w.notes(&ticket).len(), 1, "{}", w.tale());
    assert!(w.notes(&ticket)[0].contains("initial_message"));
}

#[test]
fn a_note_for_a_ticket_that_is_gone_is_given_up_and_the_ticket_left_alone() {
    let mut w = World::new();
    let (_, _) = w.linked_from_conversation();
    w.faults.next("note", Fault::Later(Some(3_600)));
    let ticket = w.agent_asks();
    w.settle();
    w.agent_sets(&ticket, "solved");
    w.settle();
    assert!(w.live_link(&ticket).is_none());
    w.desk.records.get_mut(&ticket).unwrap().gone = true;
    w.hours(3);
    let note = w.intents(Operation::Note).remove(0);
    assert_eq!(note.state, IntentState::Withdrawn, "{}", w.tale());
    assert!(w.was_told("its ticket is gone"));
    let read = format!("read ticket {ticket}");
    let reads = w.bridge.reads.iter().filter(|r| **r == read).count();
    assert!(reads <= 4, "{reads}");
}

#[test]
fn a_status_whose_ticket_may_not_be_read_is_parked_and_told() {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    w.faults.always("ticket", Fault::Refuse(422));
    w.ends(&talk, "expired");
    w.hours(1);
    assert_eq!(w.parked_for(), ["refused"], "{}", w.tale());
    assert_eq!(w.notes(&ticket).len(), 1, "{}", w.tale());
    w.faults.heal();
    let intent = w.parked().remove(0).id;
    w.order(Order::Retry { intent });
    w.settle();
    assert_eq!(w.status(&ticket), "pending", "{}", w.tale());
    assert!(w.parked().is_empty());
}

#[test]
fn a_close_whose_conversation_may_not_be_read_is_parked_and_told() {
    let mut w = World::new();
    let (ticket, _) = w.linked_from_ticket();
    w.faults.always("conversation", Fault::Refuse(400));
    w.agent_sets(&ticket, "solved");
    w.hours(1);
    assert_eq!(w.parked_for(), ["refused"], "{}", w.tale());
    assert_eq!(w.notes(&ticket).len(), 1, "{}", w.tale());
    let reads = w.bridge.reads.iter().filter(|r| r.contains("conversation"));
    assert_eq!(reads.count(), 1, "it is not asked again");
}

#[test]
fn a_lost_create_that_may_not_be_looked_up_is_parked_and_not_repeated() {
    let mut w = World::new();
    w.faults.next("create", Fault::DoThenCut);
    w.faults
        .always("tickets_by_conversation", Fault::Refuse(422));
    w.net.weather = Weather::Kept;
    w.ana_starts();
    let started = w.net.kept.remove(0);
    w.deliver(started);
    w.hours(1);
    assert_eq!(w.parked_for(), ["refused"], "{}", w.tale());
    assert_eq!(w.desk.records.len(), 1);
    assert_eq!(w.intents(Operation::Create)[0].attempts, 1);
}

#[test]
fn a_read_that_fails_for_too_long_parks_what_waits_for_it() {
    let mut w = World::new();
    let (_, talk) = w.linked_from_ticket();
    w.faults.always("ticket", Fault::Later(None));
    w.ends(&talk, "expired");
    w.hours(71);
    assert!(w.parked().is_empty(), "{}", w.tale());
    w.hours(2);
    assert_eq!(w.parked_for(), ["retries_exhausted"], "{}", w.tale());
}

#[test]
fn what_is_given_up_is_told_on_the_ticket_once() {
    let mut w = World::new();
    w.faults.down.insert(Side::Jelou);
    let ticket = w.agent_asks();
    w.hours(80);
    assert_eq!(w.parked_for(), ["retries_exhausted"]);
    assert_eq!(w.notes(&ticket).len(), 1, "{}", w.tale());

    let mut w = World::new();
    let (ticket, _) = w.linked_from_ticket();
    w.faults.always("close", Fault::Later(None));
    w.agent_sets(&ticket, "solved");
    w.hours(80);
    assert_eq!(w.parked_for(), ["retries_exhausted"]);
    assert_eq!(w.notes(&ticket).len(), 1, "{}", w.tale());
}

#[test]
fn a_start_wanted_again_has_all_its_time_again() {
    let mut w = World::new();
    w.faults.down.insert(Side::Jelou);
    w.agent_asks();
    w.hours(40);
    let own = w.ana_starts();
    w.settle();
    w.ends(&own, "expired");
    w.hours(40);
    assert!(w.parked().is_empty(), "{}", w.tale());
    w.hours(40);
    assert_eq!(w.parked_for(), ["retries_exhausted"]);
}
