//! Conversations that name a ticket in their metadata (rule 8), and tickets that move (rules 9, 10).

use crate::world::{ANA, BEA, World, desk::Carries, faults::Fault, jelou::Second, net::Weather};
use bridge_core::{
    call::Resolve,
    ids::{TicketId, UserId},
    lane::{Input, Next, Order, step},
};
use serde_json::json;
use std::time::Duration;

#[test]
fn a_conversation_that_names_a_free_ticket_gets_it() {
    let mut w = World::new();
    let ticket = w.agent_makes(ANA, "open", &[]);
    w.settle();
    let talk = w.someone_starts_about(&ticket);
    w.settle();
    assert_eq!(w.ticket_of(&talk), Some(ticket.clone()));
    assert_eq!(w.desk.records.len(), 1);
    assert_eq!(w.desk.records[&ticket].ticket.link_field, Some(talk));
}

#[test]
fn a_ticket_that_has_a_conversation_is_not_taken_away_but_told() {
    let mut w = World::new();
    let (ticket, first) = w.linked_from_ticket();
    let talk = w.someone_starts_about(&ticket);
    w.settle();
    let own = w.ticket_of(&talk).expect("its own ticket");
    assert_ne!(own, ticket);
    assert_eq!(w.talk_of(&ticket).unwrap().conversation.id, first);
    assert_eq!(w.notes(&ticket).len(), 1, "{}", w.tale());
}

#[test]
fn a_ticket_of_another_customers_lane_is_not_taken_away_but_told() {
    let mut w = World::new();
    let ticket = w.agent_makes(BEA, "open", &["whatsapp"]);
    w.settle();
    let talk = w.someone_starts_about(&ticket);
    w.settle();
    assert_ne!(w.ticket_of(&talk), Some(ticket.clone()));
    assert!(w.ticket_of(&talk).is_some());
    assert_eq!(w.notes(&ticket).len(), 1, "{}", w.tale());
}

#[test]
fn a_ticket_that_was_elsewhere_may_be_had_when_it_is_free_again() {
    let mut w = World::new();
    let ticket = w.agent_makes(BEA, "open", &["whatsapp"]);
    w.settle();
    let first = w.someone_starts_about(&ticket);
    w.settle();
    w.ends(&first, "expired");
    let theirs = w.talk_of(&ticket).unwrap().conversation.id.clone();
    w.ends(&theirs, "expired");
    w.settle();
    let talk = w.someone_starts_about(&ticket);
    w.settle();
    assert_eq!(w.ticket_of(&talk), Some(ticket), "{}", w.tale());
}

#[test]
fn a_conversation_that_names_no_ticket_we_can_find_is_the_customers_own() {
    let mut w = World::new();
    let nowhere = TicketId::parse("t99").unwrap();
    let talk = w.someone_starts_about(&nowhere);
    w.settle();
    let own = w.ticket_of(&talk).expect("its own ticket");
    assert_eq!(own.as_str(), "t1");
}

#[test]
fn one_customer_spelled_twice_is_one_lane_in_the_end() {
    let mut w = World::new();
    let asked = "593087654321";
    w.jelou.spelled.insert(asked.to_owned(), ANA.to_owned());
    let ticket = w.agent_makes(asked, "open", &["whatsapp"]);
    w.settle();
    let talk = w
        .talk_of(&ticket)
        .expect("it is linked")
        .conversation
        .id
        .clone();
    assert_eq!(w.bridge.lanes.len(), 1);
    let canonical = UserId::parse(ANA).unwrap();
    assert_eq!(w.bridge.lanes.values().next().unwrap().lane.user, canonical);
    w.customer_writes(&talk, "m1");
    let other = w.agent_makes(asked, "open", &["whatsapp"]);
    w.settle();
    assert_eq!(
        w.bridge.lanes.len(),
        1,
        "the asked spelling leads there too"
    );
    assert_eq!(w.live_link(&other).unwrap().state(), "waiting_busy");
    assert_eq!(w.desk.records.len(), 2);
}

#[test]
fn two_lanes_of_one_customer_are_joined_when_jelou_tells() {
    let mut w = World::new();
    let asked = "593087654321";
    w.jelou.spelled.insert(asked.to_owned(), ANA.to_owned());
    let (own, _) = w.linked_from_conversation();
    w.ends(&own, "closed_by_operator");
    w.settle();
    let ticket = w.agent_makes(asked, "open", &["whatsapp"]);
    w.settle();
    assert_eq!(w.bridge.lanes.len(), 1, "{}", w.tale());
    let talk = w.talk_of(&ticket).unwrap().conversation.id.clone();
    w.agent_sets(&ticket, "solved");
    w.settle();
    assert!(!w.jelou.talks[&talk].is_active());
}

#[test]
fn a_lost_start_event_of_another_spelling_is_known_by_the_read() {
    let mut w = World::new();
    let asked = "593087654321";
    w.jelou.spelled.insert(asked.to_owned(), ANA.to_owned());
    w.net.weather = Weather::Lost;
    let (ticket, event) = w.desk.make(asked, "open", &["whatsapp"], false, w.now);
    w.deliver(event);
    w.settle();
    assert!(w.talk_of(&ticket).is_some());
    assert_eq!(
        w.bridge.lanes.values().next().unwrap().lane.user.as_str(),
        ANA
    );
}

// Found by history 20193583.
#[test]
fn until_two_spellings_are_joined_later_words_do_not_go_before_earlier_ones() {
    let mut w = World::new();
    let asked = "593087654321";
    w.jelou.spelled.insert(asked.to_owned(), ANA.to_owned());
    w.bridge.joins_wait = true;
    w.net.weather = Weather::Kept;
    let (ticket, event) = w.desk.make(asked, "open", &["whatsapp"], false, w.now);
    w.deliver(event);
    w.moment();
    let talk = w.only_talk();
    let started = w.net.kept.remove(0);
    w.net.weather = Weather::Fair;
    w.customer_writes(&talk, "m1");
    w.moment();
    assert_eq!(w.bridge.lanes.len(), 2, "{}", w.tale());
    w.deliver(started);
    w.moment();
    w.customer_writes(&talk, "m2");
    w.pass(Duration::from_secs(2));
    w.bridge.joins_wait = false;
    w.settle();
    assert_eq!(w.ticket_of(&talk), Some(ticket.clone()), "{}", w.tale());
    let comments = w.comments(&ticket);
    let at = |words: &str| comments.iter().position(|c| c.contains(words));
    assert!(at("m1").is_some() && at("m1") < at("m2"), "{comments:?}");
}

// Found by history 20148199: the other spelling's Lane knew nothing of that, and made a second ticket.
#[test]
fn a_conversation_that_a_person_untied_gets_no_ticket_by_the_other_spelling_either() {
    let mut w = World::new();
    let asked = "593087654321";
    w.jelou.spelled.insert(asked.to_owned(), ANA.to_owned());
    w.jelou.second = Second::Returned;
    let (own, first) = w.linked_from_conversation();
    let link = w.live_link(&first).unwrap().id;
    w.order(Order::Unlink { link });
    w.settle();
    let ticket = w.agent_makes(asked, "open", &["whatsapp"]);
    w.settle();
    w.customer_writes(&own, "m1");
    w.settle();
    assert_eq!(w.desk.records.len(), 2, "{}", w.tale());
    assert_eq!(w.bridge.lanes.len(), 1, "{}", w.tale());
    assert_eq!(w.live_link(&ticket).unwrap().state(), "waiting_busy");
}

#[test]
fn a_ticket_that_waits_for_the_customer_takes_over_the_conversation_of_one_merged_into_it() {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    let into = w.agent_asks();
    w.settle();
    assert_eq!(w.live_link(&into).unwrap().state(), "waiting_busy");
    let target = into.clone();
    w.agent_changes(&ticket, |t| t.merged_into = Some(target));
    w.settle();
    assert_eq!(
        w.talk_of(&into).unwrap().conversation.id,
        talk,
        "{}",
        w.tale()
    );
    assert_eq!(w.talks().len(), 1);
    assert!(w.parked().is_empty());
}

#[test]
fn a_waiting_ticket_that_is_merged_away_waits_no_longer() {
    let mut w = World::new();
    let (into, talk) = w.linked_from_ticket();
    let ticket = w.agent_asks();
    w.settle();
    let target = into.clone();
    w.agent_changes(&ticket, |t| t.merged_into = Some(target));
    w.settle();
    assert!(w.live_link(&ticket).is_none(), "{}", w.tale());
    assert_eq!(w.talk_of(&into).unwrap().conversation.id, talk);
}

#[test]
fn a_merge_into_a_ticket_without_conversation_moves_the_link() {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    let into = w.agent_makes(ANA, "open", &[]);
    w.settle();
    let target = into.clone();
    w.agent_changes(&ticket, |t| t.merged_into = Some(target));
    w.settle();
    assert_eq!(w.ticket_of(&talk), Some(into.clone()), "{}", w.tale());
    assert_eq!(w.desk.records[&into].ticket.link_field, Some(talk.clone()));
    w.agent_sets(&into, "solved");
    w.settle();
    assert!(!w.jelou.talks[&talk].is_active());
}

#[test]
fn a_merge_into_another_customers_ticket_waits_for_a_person() {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    let into = w.agent_makes(BEA, "open", &["whatsapp"]);
    w.settle();
    let target = into.clone();
    w.agent_changes(&ticket, |t| t.merged_into = Some(target));
    w.settle();
    assert_eq!(w.parked_for(), ["merged"], "{}", w.tale());
    assert!(w.jelou.talks[&talk].is_active());
    w.ends(&talk, "expired");
    w.settle();
    assert!(w.live_link(&ticket).is_none());
}

#[test]
fn a_person_may_let_a_link_follow_its_merged_ticket_nevertheless() {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    let into = w.agent_makes(BEA, "open", &[]);
    w.settle();
    let target = into.clone();
    w.agent_changes(&ticket, |t| t.merged_into = Some(target));
    w.settle();
    let intent = w.parked().remove(0).id;
    w.order(Order::Retry { intent });
    w.settle();
    assert_eq!(w.ticket_of(&talk), Some(into.clone()), "{}", w.tale());
    assert!(w.parked().is_empty());
}

#[test]
fn a_retry_does_not_write_a_conversation_to_a_merged_ticket_that_has_another_one() {
    let mut w = World::new();
    let (ticket, _) = w.linked_from_ticket();
    let into = w.agent_makes(BEA, "open", &["whatsapp"]);
    w.settle();
    let theirs = w.talk_of(&into).unwrap().conversation.id.clone();
    let target = into.clone();
    w.agent_changes(&ticket, |t| t.merged_into = Some(target));
    w.settle();
    for _ in 0..2 {
        let intent = w.parked().remove(0).id;
        w.order(Order::Retry { intent });
        w.settle();
        assert_eq!(w.parked_for(), ["merged"], "{}", w.tale());
        let shown = w.desk.records[&into].ticket.link_field.as_ref();
        assert_eq!(shown, Some(&theirs), "its own conversation stays on it");
    }
}

#[test]
fn a_deleted_ticket_ends_its_link_after_two_spaced_looks() {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    w.desk.records.get_mut(&ticket).unwrap().gone = true;
    w.ends(&talk, "closed_by_operator");
    w.settle();
    assert!(w.live_link(&ticket).is_none(), "{}", w.tale());
    assert_eq!(w.links()[0].ended.as_ref().unwrap().reason, "gone");
    assert!(w.parked().is_empty());
}

#[test]
fn a_changed_requester_counts_only_for_the_next_conversation() {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    w.agent_changes(&ticket, |t| {
        t.requester.phone = Some(bridge_core::text::Text::new(format!("+{BEA}")));
    });
    w.settle();
    assert_eq!(w.talk_of(&ticket).unwrap().conversation.id, talk);
    assert_eq!(w.talks().len(), 1);
}

#[test]
fn a_ticket_that_had_its_conversation_starts_none_with_its_next_requester() {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    w.ends(&talk, "expired");
    w.settle();
    w.agent_changes(&ticket, |t| {
        t.requester.phone = Some(bridge_core::text::Text::new(format!("+{BEA}")));
    });
    w.settle();
    assert_eq!(w.talks().len(), 1, "{}", w.tale());
    w.agent_tags(&ticket, &[]);
    w.settle();
    w.agent_tags(&ticket, &["whatsapp"]);
    w.settle();
    assert_eq!(w.talks().len(), 2, "it turned true anew: {}", w.tale());
}

#[test]
fn another_customers_ticket_that_was_only_looked_at_starts_nothing() {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    w.net.weather = Weather::Lost;
    let into = w.agent_makes(BEA, "open", &["whatsapp"]);
    w.net.weather = Weather::Fair;
    w.agent_changes(&ticket, |t| t.merged_into = Some(into));
    w.settle();
    w.ends(&talk, "expired");
    w.settle();
    assert_eq!(w.talks().len(), 1, "{}", w.tale());
}

#[test]
fn a_join_that_did_not_come_about_is_tried_again() {
    let mut w = World::new();
    w.linked_from_ticket();
    let stored = w.bridge.lanes.values().next().unwrap().clone();
    let mut lane = stored.lane;
    (lane.links, lane.intents) = (stored.links, stored.intents);
    lane.user = UserId::parse("0987654321").unwrap();
    let mapping = w.mapping.clone();
    let next = step(&mut lane, Input::Woken, &w.rules(&mapping), w.now);
    assert_eq!(lane.canonical, Some(UserId::parse(ANA).unwrap()));
    let Next::Release { due_at, .. } = next else {
        panic!("{next:?}")
    };
    assert!(due_at.is_some_and(|at| at <= w.now.plus(Duration::from_secs(1))));
}

#[test]
fn a_ticket_that_another_lane_has_is_not_made_for_ever() {
    let mut w = World::with(&json!({"ticket": {"reuse": "never"}}));
    w.capabilities.create = Resolve::LaggingSearch {
        lag: Duration::from_secs(60),
    };
    w.faults.next("create", Fault::DoThenCut);
    w.net.weather = Weather::Kept;
    let talk = w.ana_starts();
    let started = w.net.kept.remove(0);
    w.deliver(started);
    w.moment();
    let made = w.desk.records.keys().next().unwrap().clone();
    w.net.weather = Weather::Lost;
    w.faults.always("link_field", Fault::Later(None));
    let beas = w.customer_starts(BEA);
    w.order(Order::Link {
        conversation: Box::new(w.jelou.talks[&beas].conversation.clone()),
        ticket: Box::new(w.desk.records[&made].ticket.clone()),
    });
    w.settle();
    let mut links = w.links().into_iter();
    let link = links.rfind(|l| l.conversation_id() == Some(&talk));
    let reason = link.unwrap().ended.map(|e| e.reason);
    assert_eq!(
        reason.as_deref(),
        Some("ticket belongs to another lane"),
        "{}",
        w.tale()
    );
    assert!(w.was_told("another customer's lane has it"));
    assert_eq!(w.desk.records.len(), 1);
}

/// Ana's ticket goes over to Bea and is closed, which only Bea's Lane is told: Ana's has no Link yet.
fn closed_in_beas_lane() -> (World, TicketId) {
    let mut w = World::new();
    w.net.weather = Weather::Kept;
    let ticket = w.agent_asks();
    w.agent_changes(&ticket, |t| {
        t.requester.phone = Some(bridge_core::text::Text::new(format!("+{BEA}")));
        t.requester.external_id = Some(bridge_core::text::Text::new(BEA));
        t.status = bridge_core::ticket::Status::new("closed");
    });
    for told in std::mem::take(&mut w.net.kept) {
        w.deliver(told);
    }
    w.net.weather = Weather::Fair;
    w.now = w.now.plus(Duration::from_secs(1));
    (w, ticket)
}

/// Found by the simulator, histories 10055588 and 10362321.
#[test]
fn what_another_lane_was_told_before_the_link_stood_is_read_when_the_link_is_whole() {
    let (mut w, ticket) = closed_in_beas_lane();
    w.settle();
    assert_eq!(w.status(&ticket), "closed");
    assert!(w.active().is_empty(), "{}", w.tale());
}

/// Found by the simulator, history 10374318.
#[test]
fn what_another_lane_was_told_before_the_link_stood_is_read_before_a_late_start() {
    let (mut w, ticket) = closed_in_beas_lane();
    w.bridge.gate = Some(bridge_core::lane::Blocked {
        side: bridge_core::event::Side::Jelou,
        until: w.now.plus(Duration::from_secs(3600)),
        by: "rate".to_owned(),
    });
    w.hours(2);
    assert_eq!(w.status(&ticket), "closed");
    assert!(w.talks().is_empty(), "{}", w.tale());
}

/// Found by the simulator, histories 7420 and 15518.
#[test]
fn a_start_waits_while_it_is_not_known_what_its_ticket_was_merged_into() {
    let mut w = World::new();
    w.faults.next("start", Fault::Later(Some(60)));
    let ticket = w.agent_asks();
    w.moment();
    w.net.weather = Weather::Lost;
    let into = w.agent_makes(ANA, "closed", &[]);
    w.net.weather = Weather::Fair;
    w.faults.always("ticket", Fault::Later(Some(300)));
    w.agent_changes(&ticket, |t| {
        t.status = bridge_core::ticket::Status::new("closed");
        t.merged_into = Some(into);
    });
    w.pass(Duration::from_secs(200));
    assert!(w.talks().is_empty(), "{}", w.tale());
    w.faults.heal();
    w.settle();
    assert!(w.talks().is_empty(), "{}", w.tale());
    assert!(w.live_link(&ticket).is_none());
}

/// Found by the simulator, history 928170.
#[test]
fn a_start_waits_while_it_is_not_known_how_the_ticket_stands_that_its_own_was_merged_into() {
    let mut w = World::new();
    let into = w.agent_makes(ANA, "open", &["whatsapp"]);
    w.moment();
    let talk = w.only_talk();
    w.ends(&talk, "expired");
    w.settle();
    w.faults.next("start", Fault::Cut);
    let ticket = w.agent_asks();
    w.moment();
    let target = into.clone();
    w.agent_changes(&ticket, |t| t.merged_into = Some(target));
    w.pass(Duration::from_secs(10));
    assert!(w.live_link(&into).is_some(), "{}", w.tale());
    w.faults.always("ticket", Fault::Later(Some(300)));
    w.desk.carries = Carries::IdOnly;
    w.agent_sets(&into, "solved");
    w.pass(Duration::from_secs(200));
    assert_eq!(w.talks().len(), 1, "{}", w.tale());
    w.faults.heal();
    w.settle();
    assert_eq!(w.talks().len(), 1, "{}", w.tale());
    assert!(w.live_link(&into).is_none());
}

/// Found by the simulator, history 223025.
#[test]
fn a_start_waits_while_it_is_not_known_who_holds_what_its_ticket_was_merged_into() {
    let mut w = World::new();
    let (into, talk) = w.linked_from_ticket();
    w.faults.always("ticket", Fault::Later(Some(300)));
    w.ends(&talk, "expired");
    w.moment();
    w.faults.next("start", Fault::Later(Some(60)));
    let ticket = w.agent_asks();
    w.moment();
    w.agent_changes(&ticket, |t| {
        t.status = bridge_core::ticket::Status::new("closed");
        t.merged_into = Some(into.clone());
    });
    w.pass(Duration::from_secs(200));
    assert_eq!(w.talks().len(), 1, "{}", w.tale());
    w.faults.heal();
    w.settle();
    assert_eq!(w.talks().len(), 1, "{}", w.tale());
}

/// Found by the simulator, history 1347557: Bea's conversation had named Ana's ticket, and when that had
/// ended, what the Router had still sent her Lane began another one with her.
#[test]
fn a_ticket_that_another_customers_conversation_named_asks_for_none_with_them() {
    let mut w = World::new();
    let ticket = w.agent_makes(ANA, "open", &[]);
    w.settle();
    let (talk, told) = w.jelou.begin(BEA, Some(ticket.clone()), None, w.now);
    w.net.send(w.now, told);
    w.settle();
    assert_eq!(w.ticket_of(&talk), Some(ticket.clone()), "{}", w.tale());
    let of_bea = w.live_link(&ticket).unwrap().id;
    let of_bea = w
        .bridge
        .lane_where(|s| s.links.iter().any(|l| l.id == of_bea));
    let of_bea = of_bea.expect("Bea's lane");
    w.agent_sets(&ticket, "solved");
    w.settle();
    assert!(w.active().is_empty(), "{}", w.tale());
    // It is told to the Lane that had the ticket a moment ago.
    w.net.weather = Weather::Kept;
    w.agent_sets(&ticket, "open");
    w.net.kept.clear();
    w.agent_tags(&ticket, &["whatsapp"]);
    let asked = w.net.kept.remove(0);
    w.net.weather = Weather::Fair;
    let now = w.now;
    w.bridge.hand_over(&of_bea, asked.clone(), now, now, false);
    w.settle();
    assert!(w.active().is_empty(), "{}", w.tale());
    // Whoever asks for the ticket's customer asks for Ana.
    w.deliver(asked);
    w.settle();
    let talk = w.talk_of(&ticket).expect("her own");
    assert_eq!(talk.conversation.user.as_str(), ANA, "{}", w.tale());
}

/// Found by history 4049234: the ticket named the conversation that was over, for good.
#[test]
fn a_late_link_field_of_the_other_spelling_does_not_hide_the_next_conversation() {
    let spelled = "593087654321";
    let mut w = World::new();
    w.jelou.spelled.insert(spelled.to_owned(), ANA.to_owned());
    w.bridge.joins_wait = true;
    w.net.weather = Weather::Kept;
    let ticket = w.agent_makes(spelled, "open", &["whatsapp"]);
    let asked = w.net.kept.remove(0);
    w.deliver(asked);
    w.moment();
    let first = w.only_talk();
    w.net.kept.clear();
    w.agent_sets(&ticket, "pending");
    let pending = w.net.kept.remove(0);
    w.deliver(pending);
    w.ends(&first, "expired");
    w.faults.next("link_field", Fault::CrashBefore);
    w.pass(Duration::from_secs(6));
    w.net.weather = Weather::Fair;
    let next = w.someone_starts_about(&ticket);
    w.moment();
    let field = |w: &World| w.desk.records[&ticket].ticket.link_field.clone();
    assert_eq!(field(&w), Some(next.clone()), "{}", w.tale());
    w.pass(Duration::from_secs(40));
    assert_eq!(field(&w), Some(first), "{}", w.tale());
    w.bridge.joins_wait = false;
    w.settle();
    assert_eq!(field(&w), Some(next), "{}", w.tale());
}
