//! Starts whose outcome is not known, and answers that must be proven (rules 5 and 6).

use crate::world::{ANA, World, faults::Fault, net::Weather};
use bridge_core::{
    effect::Operation,
    ids::TicketId,
    intent::IntentState,
    lane::{OnUnknown, Order, Outcome},
};
use std::time::Duration;

/// A ticket whose start was done while its answer was lost.
fn answer_lost() -> World {
    let mut w = World::new();
    w.faults.next("start", Fault::DoThenCut);
    w
}

#[test]
fn the_start_event_with_our_intent_id_tells_what_the_lost_answer_did_not() {
    let mut w = answer_lost();
    let ticket = w.agent_asks();
    w.moment();
    assert!(w.talk_of(&ticket).is_some(), "{}", w.tale());
    w.settle();
    assert_eq!(w.talks().len(), 1);
}

#[test]
fn a_crash_during_the_start_is_a_lost_answer() {
    for fault in [Fault::CrashAfter, Fault::CrashBefore] {
        let mut w = World::new();
        w.faults.next("start", fault);
        let ticket = w.agent_asks();
        w.settle();
        assert!(w.talk_of(&ticket).is_some(), "{fault:?}\n{}", w.tale());
        assert_eq!(w.talks().len(), 1, "{fault:?}\n{}", w.tale());
    }
}

#[test]
fn an_unexplained_conversation_that_began_after_the_start_is_the_starts() {
    let mut w = answer_lost();
    w.net.weather = Weather::Kept;
    let ticket = w.agent_asks();
    let asked = w.net.kept.remove(0);
    w.deliver(asked);
    w.moment();
    w.net.kept.clear();
    w.net.weather = Weather::Fair;
    let talk = w.only_talk();
    w.customer_writes(&talk, "m1");
    w.moment();
    assert!(w.talk_of(&ticket).is_some(), "{}", w.tale());
    w.settle();
    assert_eq!(w.desk.records.len(), 1, "the message made no second ticket");
    assert_eq!(w.talks().len(), 1);
}

#[test]
fn jelous_clock_may_be_a_minute_behind() {
    let mut w = World::new();
    w.net.weather = Weather::Lost;
    let event = {
        let (_, event) = w
            .desk
            .make(crate::world::ANA, "open", &["whatsapp"], false, w.now);
        event
    };
    w.deliver(event);
    w.moment();
    let talk = w.only_talk();
    let at = w.jelou.talks[&talk].conversation.started_at.unwrap();
    let behind = at.minus(Duration::from_secs(60));
    w.jelou
        .talks
        .get_mut(&talk)
        .unwrap()
        .conversation
        .started_at = Some(behind);
    w.settle();
    assert_eq!(w.links()[0].conversation_id(), Some(&talk), "{}", w.tale());
}

#[test]
fn without_its_event_an_answer_is_proven_by_one_read_after_five_seconds() {
    let mut w = World::new();
    w.net.weather = Weather::Lost;
    let (ticket, event) = w
        .desk
        .make(crate::world::ANA, "open", &["whatsapp"], false, w.now);
    w.deliver(event);
    w.pass(Duration::from_secs(4));
    assert!(w.talk_of(&ticket).is_none());
    w.faults.next("conversation", Fault::Cut);
    w.settle();
    assert!(w.talk_of(&ticket).is_some(), "{}", w.tale());
    let reads = w
        .bridge
        .reads
        .iter()
        .filter(|r| r.contains("conversation c1"));
    assert_eq!(reads.count(), 2, "a failed read is tried again");
}

#[test]
fn after_the_wait_one_new_try_is_made_whatever_the_operator_chose() {
    let mut w = World::new();
    w.faults.next("start", Fault::Cut);
    let ticket = w.agent_asks();
    w.pass(Duration::from_secs(59));
    assert!(w.talks().is_empty(), "the wait is armed");
    w.settle();
    assert!(w.talk_of(&ticket).is_some(), "{}", w.tale());
    assert!(
        w.intents(Operation::Start)[0].possible_duplicate,
        "and it is flagged"
    );
}

#[test]
fn if_the_new_try_is_unknown_too_the_operators_choice_decides() {
    let mut w = World::new();
    w.faults.always("start", Fault::Cut);
    let ticket = w.agent_asks();
    w.hours(2);
    assert_eq!(w.intents(Operation::Start)[0].attempts, 2);
    assert_eq!(w.parked_for(), ["unknown_outcome"]);
    assert_eq!(w.notes(&ticket).len(), 1);

    let mut w = World::new();
    w.limits.on_unknown = OnUnknown::Retry;
    w.faults.always("start", Fault::Cut);
    w.agent_asks();
    w.hours(2);
    assert_eq!(w.intents(Operation::Start)[0].attempts, 3, "bounded");
    assert_eq!(w.parked_for(), ["unknown_outcome"]);
}

#[test]
fn while_webhooks_are_silent_their_absence_proves_nothing() {
    let mut w = World::new();
    w.silent = true;
    w.limits.on_unknown = OnUnknown::Retry;
    w.faults.always("start", Fault::Cut);
    w.agent_asks();
    w.hours(2);
    assert_eq!(w.intents(Operation::Start)[0].attempts, 1);
    assert_eq!(w.parked_for(), ["unknown_outcome"]);
}

#[test]
fn a_late_event_still_settles_a_parked_start() {
    let mut w = answer_lost();
    w.silent = true;
    w.net.weather = Weather::Kept;
    let ticket = w.agent_asks();
    let asked = w.net.kept.remove(0);
    w.deliver(asked);
    w.settle();
    assert_eq!(w.parked_for(), ["unknown_outcome"]);
    w.net.weather = Weather::Fair;
    let started = w.net.kept.remove(0);
    w.deliver(started);
    w.settle();
    assert!(w.talk_of(&ticket).is_some());
    assert!(w.parked().is_empty());
}

#[test]
fn a_late_event_stops_the_try_that_an_operator_had_ordered() {
    let mut w = answer_lost();
    w.silent = true;
    w.net.weather = Weather::Kept;
    let ticket = w.agent_asks();
    let asked = w.net.kept.remove(0);
    w.deliver(asked);
    w.settle();
    w.bridge.gate = Some(bridge_core::lane::Blocked {
        side: bridge_core::event::Side::Jelou,
        until: w.now.plus(Duration::from_secs(30)),
        by: "rate".to_owned(),
    });
    let intent = w.parked().remove(0).id;
    w.order(Order::Retry { intent });
    w.net.weather = Weather::Fair;
    let started = w
        .net
        .kept
        .iter()
        .position(|e| e.kind() == "conversation_started");
    let started = w.net.kept.remove(started.unwrap());
    w.deliver(started);
    w.settle();
    assert_eq!(w.talks().len(), 1, "{}", w.tale());
    assert!(w.talk_of(&ticket).is_some());
    assert!(
        w.intents(Operation::Start)
            .iter()
            .all(|i| i.state != IntentState::Planned)
    );
}

#[test]
fn two_tries_that_both_worked_are_flagged_and_told_and_make_no_second_ticket() {
    let mut w = World::new();
    w.faults.next("start", Fault::DoThenCut);
    w.net.weather = Weather::Kept;
    let ticket = w.agent_asks();
    let asked = w.net.kept.remove(0);
    w.deliver(asked);
    w.pass(Duration::from_secs(5));
    let first = w.only_talk();
    // Ana left the first one, so the second try finds nobody talking.
    w.jelou.end(&first, "expired", w.now);
    w.settle();
    assert_eq!(w.talks().len(), 2, "{}", w.tale());
    w.net.weather = Weather::Fair;
    for told in std::mem::take(&mut w.net.kept) {
        w.deliver(told);
        w.moment();
    }
    w.settle();
    assert_eq!(w.desk.records.len(), 1, "{}", w.tale());
    assert!(w.intents(Operation::Start)[0].possible_duplicate);
    assert!(
        w.notes(&ticket)
            .iter()
            .any(|n| n.contains("second conversation"))
    );
}

/// Found by the simulator (33168): the second try's answer was taken for proof that the first failed.
#[test]
fn words_in_what_the_first_try_made_wait_while_the_seconds_answer_is_not_proven() {
    let mut w = World::new();
    w.net.weather = Weather::Lost;
    w.faults.next("start", Fault::DoThenCut);
    let (_, event) = w
        .desk
        .make(crate::world::ANA, "open", &["whatsapp"], false, w.now);
    w.deliver(event);
    w.pass(Duration::from_secs(5));
    let first = w.only_talk();
    w.jelou.end(&first, "expired", w.now);
    w.faults.next("conversation", Fault::Later(Some(60)));
    w.pass(Duration::from_secs(60));
    let event = w.jelou.message(&first, "m1", w.now);
    w.deliver(event);
    w.pass(Duration::from_secs(40));
    assert_eq!(w.intents(Operation::Start)[0].attempts, 2);
    assert_eq!(w.desk.records.len(), 1, "{}", w.tale());
    w.settle();
    assert_eq!(w.desk.records.len(), 2, "{}", w.tale());
}

#[test]
fn a_ticket_solved_while_its_start_was_unknown_closes_what_turns_up() {
    let mut w = answer_lost();
    let (ticket, started) = w.agent_asks_and_the_start_event_is_late();
    w.agent_sets(&ticket, "solved");
    w.moment();
    assert_eq!(w.active().len(), 1);
    w.deliver(started);
    w.settle();
    assert!(w.active().is_empty(), "{}", w.tale());
    assert_eq!(w.status(&ticket), "solved");
}

// Found by histories 9781 and 18128: it went on for good.
#[test]
fn a_ticket_solved_and_withdrawn_while_its_start_was_unknown_closes_what_turns_up_later() {
    let mut w = answer_lost();
    let (ticket, started) = w.agent_asks_and_the_start_event_is_late();
    w.agent_sets(&ticket, "solved");
    w.hours(1);
    assert!(w.live_link(&ticket).is_none(), "{}", w.tale());
    w.deliver(started);
    w.settle();
    assert_eq!(w.talks().len(), 1, "{}", w.tale());
    assert!(w.active().is_empty(), "{}", w.tale());
}

#[test]
fn a_conversation_taken_for_the_customers_own_goes_back_to_the_ticket_whose_start_it_was() {
    let mut w = answer_lost();
    let (ticket, started) = w.agent_asks_and_the_start_event_is_late();
    let talk = w.only_talk();
    // Its startAt is of yesterday: nothing proves it ours until its event comes, minutes late.
    w.is_dated_yesterday(&talk);
    w.customer_writes(&talk, "m1");
    w.hours(1);
    let wrong = w.ticket_of(&talk).unwrap();
    assert_ne!(wrong, ticket);
    w.deliver(started);
    w.settle();
    assert_eq!(
        w.talk_of(&ticket).unwrap().conversation.id,
        talk,
        "{}",
        w.tale()
    );
    assert!(w.live_link(&wrong).is_none());
    assert!(w.notes(&wrong).iter().any(|n| n.contains("another ticket")));
}

/// Found by the simulator (172235, 186893): one message on two tickets, and no flag.
#[test]
fn a_message_that_may_be_on_the_wrong_ticket_is_not_brought_to_the_right_one_unasked() {
    let mut w = answer_lost();
    let (ticket, started) = w.agent_asks_and_the_start_event_is_late();
    let talk = w.only_talk();
    // Its startAt is of yesterday: nothing proves it ours until its event comes.
    w.is_dated_yesterday(&talk);
    w.faults.next("comment", Fault::DoThenCut);
    w.faults.always("note_on_ticket", Fault::Later(Some(600)));
    w.customer_writes(&talk, "m1");
    w.pass(Duration::from_secs(90));
    let wrong = w.ticket_of(&talk).unwrap();
    assert_ne!(wrong, ticket);
    w.deliver(started);
    w.moment();
    w.faults.heal();
    w.settle();
    assert_eq!(w.talk_of(&ticket).unwrap().conversation.id, talk);
    let said = |id| w.desk.records[id].comments.len();
    assert_eq!((said(&wrong), said(&ticket)), (1, 0), "{}", w.tale());
    assert_eq!(w.outcome("m1"), Some(Outcome::Relayed));
}

#[test]
fn a_start_held_up_by_a_busy_host_was_never_sent() {
    let mut w = World::new();
    for _ in 0..10 {
        w.faults.next("start", Fault::Later(Some(7)));
    }
    let ticket = w.agent_asks();
    w.settle();
    assert!(w.talk_of(&ticket).is_some());
    let start = w.intents(Operation::Start).remove(0);
    assert_eq!((start.attempts, start.possible_duplicate), (1, false));
}

#[test]
fn a_new_try_that_is_refused_does_not_disprove_the_first() {
    for status in [400, 409, 422] {
        let mut w = answer_lost();
        w.net.weather = Weather::Kept;
        let ticket = w.agent_asks();
        let asked = w.net.kept.remove(0);
        w.deliver(asked);
        w.moment();
        w.faults.next("start", Fault::Refuse(status));
        w.settle();
        assert_eq!(w.parked_for(), ["unknown_outcome"], "{}", w.tale());
        assert_eq!(w.notes(&ticket).len(), 1);
        assert!(w.notes(&ticket)[0].contains("probably started"));
        w.net.kept.clear();
        w.net.weather = Weather::Fair;
        let talk = w.only_talk();
        w.customer_writes(&talk, "m1");
        w.settle();
        assert!(w.talk_of(&ticket).is_some(), "{}", w.tale());
        assert_eq!(w.desk.records.len(), 1, "{}", w.tale());
        assert!(w.parked().is_empty());
    }
}

#[test]
fn a_message_while_the_new_try_is_refused_shows_that_the_first_worked() {
    let mut w = answer_lost();
    w.net.weather = Weather::Kept;
    let ticket = w.agent_asks();
    let asked = w.net.kept.remove(0);
    w.deliver(asked);
    w.pass(Duration::from_secs(70));
    w.net.kept.clear();
    w.net.weather = Weather::Fair;
    assert_eq!(w.intents(Operation::Start)[0].attempts, 2);
    let talk = w.only_talk();
    w.customer_writes(&talk, "m1");
    w.settle();
    assert!(w.talk_of(&ticket).is_some(), "{}", w.tale());
    assert_eq!((w.desk.records.len(), w.talks().len()), (1, 1));
    assert!(w.notes(&ticket).is_empty(), "nobody needs to be told");
}

#[test]
fn a_start_event_does_not_undo_an_unlink() {
    let mut w = answer_lost();
    let (ticket, started) = w.agent_asks_and_the_start_event_is_late();
    let link = w.live_link(&ticket).unwrap().id;
    w.order(Order::Unlink { link });
    w.deliver(started);
    w.settle();
    assert!(w.live_link(&ticket).is_none(), "{}", w.tale());
    assert_eq!((w.desk.records.len(), w.talks().len()), (1, 1));
    let talk = w.only_talk();
    w.ends(&talk, "expired");
    w.settle();
    assert!(w.links().iter().all(|l| !l.is_live()));
    assert_eq!(w.status(&ticket), "open", "they are no pair any more");
}

/// A ticket's start that was done while its answer was lost, and whose event is stored and waits for the
/// Router: meanwhile Ana, whom Jelou spells otherwise, wrote.
fn taken_in_by_the_other_spelling() -> (World, TicketId) {
    let mut w = answer_lost();
    w.jelou
        .spelled
        .insert(ANA.to_owned(), "5931112223334".to_owned());
    let (ticket, started) = w.agent_asks_and_the_start_event_is_late();
    let talk = w.only_talk();
    w.store_only(started);
    w.customer_writes(&talk, "m1");
    w.pass(Duration::from_secs(100));
    (w, ticket)
}

#[test]
fn a_start_that_was_told_of_waits_for_the_other_spellings_lane_and_is_not_sent_again() {
    for untied in [false, true] {
        let (mut w, ticket) = taken_in_by_the_other_spelling();
        if untied {
            let link = w.live_link(&ticket).unwrap().id;
            w.order(Order::Unlink { link });
        }
        w.route_what_is_stored();
        w.settle();
        assert_eq!(w.talks().len(), 1, "{untied}\n{}", w.tale());
        assert_eq!(w.intents(Operation::Start)[0].attempts, 1, "{}", w.tale());
        assert_eq!(w.live_link(&ticket).is_none(), untied, "{}", w.tale());
        assert!(w.notes(&ticket).is_empty(), "nobody needs to be told");
    }
}

#[test]
fn a_crash_before_the_other_spellings_lane_is_joined_changes_nothing_of_that() {
    let mut w = World::new();
    let (ticket, talk, started) = w.ana_writes_under_another_spelling(Fault::CrashAfter);
    w.deliver(started);
    w.settle();
    assert_eq!(w.ticket_of(&talk), Some(ticket));
    assert_eq!(w.talks().len(), 1, "{}", w.tale());
}

#[test]
fn a_conversation_that_was_over_before_the_start_went_out_is_not_the_starts() {
    let mut w = World::new();
    w.net.weather = Weather::Lost;
    let old = w.ana_starts();
    w.net.weather = Weather::Fair;
    w.ends(&old, "expired");
    w.pass(Duration::from_secs(10));
    w.faults.next("start", Fault::Cut);
    let ticket = w.agent_asks();
    w.settle();
    let talk = w.talk_of(&ticket).expect("one new try is made");
    assert_ne!(talk.conversation.id, old, "{}", w.tale());
    assert!(talk.is_active());
}

#[test]
fn a_conversation_that_ended_a_moment_before_the_start_went_out_is_not_the_starts() {
    let mut w = World::new();
    w.net.weather = Weather::Lost;
    let old = w.ana_starts();
    w.net.weather = Weather::Fair;
    w.ends(&old, "expired");
    w.moment();
    w.faults.next("start", Fault::DoThenCut);
    w.net.weather = Weather::Kept;
    let ticket = w.agent_asks();
    let asked = w.net.kept.remove(0);
    w.deliver(asked);
    w.pass(Duration::from_secs(30));
    assert!(w.talk_of(&ticket).is_none(), "{}", w.tale());
    // The start's own event comes late: nothing else was taken for its conversation.
    let started = w.net.kept.remove(0);
    w.net.weather = Weather::Fair;
    w.deliver(started);
    w.settle();
    let talk = w.talk_of(&ticket).expect("its own conversation");
    assert_ne!(talk.conversation.id, old, "{}", w.tale());
    assert_eq!(w.talks().len(), 2, "{}", w.tale());
}
