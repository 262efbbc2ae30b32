//! Ticket first: a ticket that asks for a conversation gets one.

use crate::{
    given_away::give,
    world::{
        ANA, BEA, World,
        desk::{Carries, Versions},
        faults::Fault,
        net::Weather,
    },
};
use bridge_core::{
    effect::Operation,
    event::Event,
    ids::{TicketId, UserId},
};
use serde_json::json;
use std::time::Duration;

#[test]
fn a_ticket_that_asks_for_a_conversation_gets_one_and_names_it() {
    let mut w = World::new();
    let ticket = w.agent_asks();
    w.settle();
    let talk = w.only_talk();
    assert_eq!(w.talk_of(&ticket).unwrap().ticket, Some(ticket.clone()));
    assert_eq!(w.desk.records[&ticket].ticket.link_field, Some(talk));
    assert_eq!(w.desk.writes, ["link field of t1"]);
    assert_eq!(w.jelou.writes, ["start for t1"]);
    let reads = Vec::<String>::new();
    assert_eq!(w.bridge.reads, reads, "quiet weather needs no reads");
}

#[test]
fn a_ticket_that_does_not_ask_gets_none() {
    let mut w = World::new();
    w.agent_makes(crate::world::ANA, "open", &["mail"]);
    w.settle();
    assert!(w.talks().is_empty());
    assert!(w.links().is_empty());
}

#[test]
fn a_ticket_that_is_solved_already_gets_none() {
    let mut w = World::new();
    w.agent_makes(crate::world::ANA, "solved", &["whatsapp"]);
    w.settle();
    assert!(w.talks().is_empty());
}

#[test]
fn a_conversation_starts_when_the_rule_turns_true_later() {
    let mut w = World::new();
    let ticket = w.agent_makes(crate::world::ANA, "open", &[]);
    w.settle();
    assert!(w.talks().is_empty());
    w.agent_tags(&ticket, &["whatsapp"]);
    w.settle();
    assert!(w.talk_of(&ticket).is_some());
}

#[test]
fn no_second_one_starts_while_the_rule_stays_true() {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    w.ends(&talk, "expired");
    w.settle();
    w.agent_changes(&ticket, |t| t.priority = Some("high".to_owned()));
    w.settle();
    assert_eq!(
        w.talks().len(),
        1,
        "it stayed true after the first had ended"
    );
    w.agent_tags(&ticket, &[]);
    w.settle();
    w.agent_tags(&ticket, &["whatsapp"]);
    w.settle();
    assert_eq!(w.talks().len(), 2, "it turned false and true again");
}

#[test]
fn tags_that_the_bridge_put_on_start_nothing() {
    let mut w = World::new();
    let (talk, ticket) = w.linked_from_conversation();
    assert_eq!(w.desk.records[&ticket].ticket.tags, ["whatsapp"]);
    w.ends(&talk, "expired");
    w.settle();
    w.agent_changes(&ticket, |t| t.priority = Some("high".to_owned()));
    w.sweep();
    assert_eq!(w.talks().len(), 1);
}

#[test]
fn every_kind_of_version_and_of_webhook_opens_and_closes_alike() {
    for versions in [Versions::Seconds, Versions::Numbers, Versions::None] {
        for carries in [Carries::Whole, Carries::Patch, Carries::IdOnly] {
            let mut w = World::new();
            w.desk.versions = versions;
            w.desk.carries = carries;
            let (ticket, talk) = w.linked_from_ticket();
            w.agent_sets(&ticket, "pending");
            w.agent_sets(&ticket, "solved");
            w.settle();
            let tale = w.tale();
            assert!(
                !w.jelou.talks[&talk].is_active(),
                "{versions:?} {carries:?}\n{tale}"
            );
            assert_eq!(
                w.status(&ticket),
                "solved",
                "{versions:?} {carries:?}\n{tale}"
            );
            assert_eq!(w.jelou.writes.len(), 2, "{versions:?} {carries:?}\n{tale}");
        }
    }
}

#[test]
fn a_change_within_one_second_of_another_is_not_missed() {
    let mut w = World::new();
    w.desk.carries = Carries::Whole;
    let ticket = w.agent_makes(crate::world::ANA, "open", &[]);
    w.agent_tags(&ticket, &["whatsapp"]);
    w.settle();
    assert!(w.talk_of(&ticket).is_some(), "{}", w.tale());
}

#[test]
fn a_stale_delivery_does_not_undo_a_newer_one() {
    let mut w = World::new();
    w.desk.versions = Versions::Numbers;
    w.net.weather = Weather::Kept;
    let ticket = w.agent_makes(crate::world::ANA, "solved", &["whatsapp"]);
    w.agent_sets(&ticket, "open");
    let [old, new] = <[_; 2]>::try_from(std::mem::take(&mut w.net.kept)).unwrap();
    w.deliver(new);
    w.settle();
    let talk = w.talk_of(&ticket).unwrap().clone();
    w.deliver(old);
    w.settle();
    assert!(talk.is_active());
    assert_eq!(w.active().len(), 1);
}

#[test]
fn the_assignment_goes_by_the_first_rule_that_matches() {
    let mut w = World::with(&json!({"assignment": [
        {"when": "ticket.priority == 'urgent'", "type": "team", "target": "7"},
        {"when": "true", "type": "queue", "target": "FRONT"},
    ]}));
    w.agent_asks();
    w.settle();
    let start = w.intents(Operation::Start).remove(0);
    let sentence = "start a conversation for ticket t1, assigned to queue FRONT";
    assert_eq!(start.effect.to_string(), sentence);
}

#[test]
fn a_ticket_solved_before_its_start_went_out_gets_no_conversation() {
    use bridge_core::{event::Side, intent::IntentState, lane::Blocked};
    let mut w = World::new();
    w.bridge.gate = Some(Blocked {
        side: Side::Jelou,
        until: w.now.plus(std::time::Duration::from_secs(3600)),
        by: "rate".to_owned(),
    });
    let ticket = w.agent_asks();
    w.settle();
    w.agent_sets(&ticket, "solved");
    w.hours(2);
    assert!(w.talks().is_empty(), "{}", w.tale());
    assert_eq!(w.intents(Operation::Start)[0].state, IntentState::Withdrawn);
    assert_eq!(w.links()[0].ended.as_ref().unwrap().reason, "withdrawn");
}

#[test]
fn a_lost_webhook_is_mended_by_the_sweep_and_counted_as_drift() {
    let mut w = World::new();
    w.net.weather = Weather::Lost;
    let ticket = w.agent_asks();
    w.sweep();
    w.sweep();
    assert!(w.talk_of(&ticket).is_some(), "{}", w.tale());
    assert!(w.bridge.drift >= 1);
    let before = (w.desk.writes.clone(), w.jelou.writes.clone());
    w.sweep();
    assert_eq!(before, (w.desk.writes.clone(), w.jelou.writes.clone()));
}

#[test]
fn a_webhook_that_comes_minutes_late_starts_nothing_for_a_ticket_that_is_closed_by_now() {
    let mut w = World::new();
    w.net.weather = Weather::Kept;
    let ticket = w.agent_asks();
    let asked = w.net.kept.remove(0);
    w.agent_sets(&ticket, "closed");
    w.net.kept.clear();
    w.pass(Duration::from_secs(180));
    w.net.weather = Weather::Fair;
    w.deliver(asked);
    w.settle();
    assert!(w.talks().is_empty(), "{}", w.tale());
}

/// Found by the simulator, history 3187657: another customer's Lane knew better.
#[test]
fn nor_does_it_for_a_ticket_that_is_known_from_before_its_last_changes() {
    let mut w = World::new();
    let ticket = w.agent_makes(super::world::ANA, "open", &[]);
    w.settle();
    w.net.weather = Weather::Kept;
    w.agent_tags(&ticket, &["whatsapp"]);
    let asked = w.net.kept.remove(0);
    w.agent_sets(&ticket, "closed");
    w.net.kept.clear();
    w.pass(Duration::from_secs(180));
    w.net.weather = Weather::Fair;
    w.deliver(asked);
    w.settle();
    assert!(w.talks().is_empty(), "{}", w.tale());
}

/// Found by the simulator, history 10397262: told in time, worked on late.
#[test]
fn a_ticket_told_long_before_its_lane_is_worked_on_is_read_before_it_starts_anything() {
    let mut w = World::new();
    w.net.weather = Weather::Kept;
    let ticket = w.agent_asks();
    let asked = w.net.kept.remove(0);
    w.deliver(asked);
    w.agent_sets(&ticket, "closed");
    w.net.kept.clear();
    w.now = w.now.plus(Duration::from_secs(60));
    w.net.weather = Weather::Fair;
    w.settle();
    assert!(w.talks().is_empty(), "{}", w.tale());
}

#[test]
fn a_system_that_answers_slowly_is_not_read_again_and_again() {
    let mut w = World::new();
    w.slow = Duration::from_secs(8);
    w.net.weather = Weather::Kept;
    let ticket = w.agent_asks();
    let asked = w.net.kept.remove(0);
    w.deliver(asked);
    w.net.weather = Weather::Fair;
    w.now = w.now.plus(Duration::from_secs(60));
    w.settle();
    assert!(w.talk_of(&ticket).is_some(), "{}", w.tale());
    let reads = w.bridge.reads.iter().filter(|read| read.contains("t1"));
    assert!(reads.count() <= 3, "{:?}", w.bridge.reads);
}

/// Found by histories 157363 and 194282: what the Router had read for its customer counted as fresh for five minutes.
#[test]
fn a_ticket_that_is_given_away_before_its_lane_is_worked_on_asks_its_first_customer_for_nothing() {
    let mut w = World::new();
    w.desk.versions = Versions::None;
    w.desk.carries = Carries::IdOnly;
    let (_, talk) = w.linked_from_ticket();
    w.settle();
    w.ends(&talk, "expired");
    w.settle();
    let lane = w.bridge.lanes.keys().next().expect("Ana's").clone();
    w.net.weather = Weather::Kept;
    let ticket = w.agent_asks();
    let asked = as_the_router_reads_it(&mut w, &ticket);
    w.bridge.hand_over(&lane, asked, w.now, w.now, false);
    give(&mut w, &ticket, Some(BEA));
    // Who worked on the lane died, and its lease had to end.
    w.now = w.now.plus(Duration::from_secs(30));
    w.wake_all();
    w.settle();
    assert!(w.talk_of(&ticket).is_none(), "{}", w.tale());
}

/// What the first webhook that was kept tells of a ticket, and what the Router reads of it now.
fn as_the_router_reads_it(w: &mut World, ticket: &TicketId) -> Event {
    let Event::TicketChanged(mut read) = w.net.kept.remove(0) else {
        panic!("a ticket changed");
    };
    read.whole = Some(Box::new(w.desk.read(ticket).unwrap()));
    read.read_at = Some(w.now);
    Event::TicketChanged(read)
}

/// Found by history 1707400: its new customer's lane, whose worker had died, began a second one when the first had
/// ended.
#[test]
fn a_ticket_that_asked_and_got_its_conversation_while_its_next_lane_waited_gets_no_second_one() {
    let mut w = World::new();
    w.desk.versions = Versions::None;
    w.desk.carries = Carries::IdOnly;
    w.net.weather = Weather::Kept;
    let ticket = w.agent_asks();
    let asked = as_the_router_reads_it(&mut w, &ticket);
    give(&mut w, &ticket, Some(BEA));
    let given = as_the_router_reads_it(&mut w, &ticket);
    let [ana, bea] = [ANA, BEA].map(|user| w.lane_of_user(&UserId::parse(user).unwrap()));
    w.bridge.hand_over(&bea, given, w.now, w.now, false);
    // Who worked on Bea's lane died; what was read before for Ana is handed over after it.
    w.bridge.lanes.get_mut(&bea).unwrap().due = None;
    w.bridge.hand_over(&ana, asked, w.now, w.now, false);
    w.net.weather = Weather::Fair;
    w.settle();
    let talk = w.only_talk();
    w.ends(&talk, "asked_elsewhere");
    w.settle();
    w.wake_all();
    w.settle();
    assert_eq!(w.talks().len(), 1, "{}", w.tale());
}

/// A ticket that Ana's Lane saw before it asked, and that asks now that it is Bea's.
fn asks_for_bea(w: &mut World) -> TicketId {
    let ticket = w.agent_makes(ANA, "open", &[]);
    w.settle();
    give(w, &ticket, Some(BEA));
    w.agent_tags(&ticket, &["whatsapp"]);
    w.settle();
    ticket
}

/// Found by history 640996: the first customer's lane had seen the ticket before it asked.
#[test]
fn a_ticket_that_comes_back_from_a_customer_who_had_its_conversation_does_not_ask_anew() {
    let mut w = World::new();
    let ticket = asks_for_bea(&mut w);
    let hers = w.only_talk();
    give(&mut w, &ticket, Some(ANA));
    w.settle();
    w.ends(&hers, "expired");
    w.settle();
    w.agent_sets(&ticket, "open");
    w.settle();
    assert_eq!(w.talks().len(), 1, "{}", w.tale());
    // Asked anew it starts.
    w.agent_tags(&ticket, &[]);
    w.settle();
    w.agent_tags(&ticket, &["whatsapp"]);
    w.settle();
    assert_eq!(w.talks().len(), 2, "{}", w.tale());
}

// Found by a reader: the customer's next conversation, which took their ticket, hid that it had asked.
#[test]
fn a_ticket_that_comes_back_does_not_ask_anew_whichever_of_its_links_asked() {
    let mut w = World::with(&json!({"ticket": {"reuse": "open"}}));
    let ticket = asks_for_bea(&mut w);
    let hers = w.only_talk();
    w.ends(&hers, "expired");
    w.settle();
    let next = w.customer_starts(BEA);
    w.settle();
    assert_eq!(w.ticket_of(&next), Some(ticket.clone()), "{}", w.tale());
    w.ends(&next, "expired");
    w.settle();
    give(&mut w, &ticket, Some(ANA));
    w.settle();
    w.agent_sets(&ticket, "open");
    w.settle();
    assert_eq!(w.talks().len(), 2, "{}", w.tale());
}

// Found by a reader: that it had asked for another customer silenced it for good.
#[test]
fn a_solved_ticket_that_comes_back_asks_for_its_customer_when_it_is_opened_again() {
    let mut w = World::with(&json!({"conversation": {"ticket_reopened": "start"}}));
    let ticket = asks_for_bea(&mut w);
    w.agent_sets(&ticket, "solved");
    w.settle();
    give(&mut w, &ticket, Some(ANA));
    w.settle();
    w.agent_sets(&ticket, "open");
    w.settle();
    let talk = w.talk_of(&ticket).expect("a conversation");
    assert_eq!(talk.conversation.user.as_str(), ANA, "{}", w.tale());
}

#[test]
fn a_rule_that_failed_for_a_while_asks_for_nothing_anew_once_it_is_mended() {
    let fails = "'whatsapp' in ticket.tags and ticket.fields.vip | default(true)";
    let mut w = World::with(&json!({"conversation": {"open_when": fails}}));
    let (ticket, talk) = w.linked_from_ticket();
    w.ends(&talk, "expired");
    w.settle();
    w.agent_changes(&ticket, |t| {
        t.fields.insert("vip".to_owned(), json!("yes"));
    });
    w.agent_tags(&ticket, &["whatsapp", "seen"]);
    w.settle();
    w.remap(&json!({"conversation": {"open_when": "'whatsapp' in ticket.tags"}}));
    w.wake_all();
    w.settle();
    assert_eq!(w.talks().len(), 1, "{}", w.tale());
    assert!(w.tale().contains("was not judged"), "{}", w.tale());
}

/// Found by history 3758705: of the two a backup knew neither, and Ana's ticket began a conversation with Bea.
#[test]
fn a_ticket_that_names_a_conversation_without_one_asks_its_customer_for_no_other() {
    let mut w = World::new();
    w.faults.always("requester", Fault::Later(None));
    let talk = w.customer_starts(BEA);
    w.moment();
    w.net.weather = Weather::Kept;
    let ticket = w.agent_asks();
    w.desk.records.get_mut(&ticket).unwrap().ticket.link_field = Some(talk.clone());
    let mut told = as_the_router_reads_it(&mut w, &ticket);
    if let Event::TicketChanged(told) = &mut told {
        told.version = told.whole.as_ref().unwrap().version;
    }
    w.net.weather = Weather::Fair;
    w.deliver(told);
    w.settle();
    w.ends(&talk, "expired");
    w.faults.heal();
    w.settle();
    assert_eq!(w.talks().len(), 1, "{}", w.tale());
}
